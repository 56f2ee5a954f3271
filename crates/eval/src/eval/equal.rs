//! Equality, with the reference's quirks: the same function is equal to itself inside a list or set, never alone.

use crate::Ctx;
use crate::error::{Arg, ErrorKind, Fail, Res};
use crate::heap::{Attrs, Type, Value, View};
use crate::msg;
use crate::pos::Pos;
use firn_syntax::symbol::well_known as wk;

impl Ctx {
    /// Whether two evaluated operands of `==` are equal.
    #[inline]
    pub fn equal(&mut self, a: Value, b: Value, pos: Pos) -> Res<bool> {
        if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
            return Ok(a.as_bytes() == b.as_bytes());
        }
        if let (Some(a), Some(b)) = (a.as_small_int(), b.as_small_int()) {
            return Ok(a == b);
        }
        self.equal_slow(a, b, pos)
    }

    #[inline(never)]
    fn equal_slow(&mut self, a: Value, b: Value, pos: Pos) -> Res<bool> {
        match (a.view(), b.view()) {
            (View::Int(a), View::Int(b)) => Ok(a == b),
            (View::Str(a), View::Str(b)) => Ok(a.as_bytes() == b.as_bytes()),
            (View::Bool(a), View::Bool(b)) => Ok(a == b),
            (View::Float(a), View::Float(b)) => Ok(a == b),
            (View::Int(a), View::Float(b)) => Ok(a as f64 == b),
            (View::Float(a), View::Int(b)) => Ok(a == b as f64),
            (View::Null, View::Null) => Ok(true),
            (View::Path(a), View::Path(b)) => Ok(a.root() == b.root() && a.as_bytes() == b.as_bytes()),
            (View::External(a), View::External(b)) => Ok(a == b),
            (View::List(x), View::List(y)) => {
                if x.len() != y.len() {
                    return Ok(false);
                }
                self.enter(pos)?;
                let r = self.all_equal((0..x.len()).map(|i| (x.get(i), y.get(i))), pos);
                self.leave();
                r
            }
            (View::Attrs(x), View::Attrs(y)) => {
                self.enter(pos)?;
                let r = self.equal_attrs(x, y, pos);
                self.leave();
                r
            }
            _ => Ok(false),
        }
    }

    /// Whether two values inside other ones are equal: identity counts.
    pub(crate) fn equal_in(&mut self, a: Value, b: Value, pos: Pos) -> Res<bool> {
        let (slot_a, slot_b) = (a, b);
        let a = self.force(a, pos)?;
        let b = self.force(b, pos)?;
        if slot_a == slot_b || (a == b && a.ty() != Type::Function) {
            return Ok(true);
        }
        self.equal(a, b, pos)
    }

    fn all_equal(&mut self, pairs: impl Iterator<Item = (Value, Value)>, pos: Pos) -> Res<bool> {
        for (a, b) in pairs {
            if !self.equal_in(a, b, pos)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn equal_attrs(&mut self, x: Attrs, y: Attrs, pos: Pos) -> Res<bool> {
        if self.is_derivation(x)? && self.is_derivation(y)? {
            if let (Some(a), Some(b)) = (x.get(wk::OUT_PATH), y.get(wk::OUT_PATH)) {
                return self.equal_in(a, b, pos);
            }
        }
        if x.len() != y.len() {
            return Ok(false);
        }
        let (x, y) = (self.flat(x), self.flat(y));
        for i in 0..x.len() {
            if x.name(i) != y.name(i) || !self.equal_in(x.value(i), y.value(i), pos)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a set has `type = "derivation"`.
    pub fn is_derivation(&mut self, a: Attrs) -> Res<bool> {
        let Some((t, pos)) = a.get_with_pos(wk::TYPE) else { return Ok(false) };
        let t = self.force(t, pos)?;
        Ok(t.as_str().is_some_and(|s| s.as_bytes() == b"derivation"))
    }

    /// Raises an error that says how two values differ, if they do.
    pub(super) fn assert_equal(&mut self, a: Value, b: Value, top: bool, pos: Pos) -> Res<()> {
        self.enter(pos)?;
        let r = self.assert_equal_now(a, b, top, pos);
        self.leave();
        r
    }

    fn assert_equal_now(&mut self, a: Value, b: Value, top: bool, pos: Pos) -> Res<()> {
        let (slot_a, slot_b) = (a, b);
        let a = self.force(a, pos)?;
        let b = self.force(b, pos)?;
        if !top && (slot_a == slot_b || (a == b && a.ty() != Type::Function)) {
            return Ok(());
        }
        let (ta, tb) = (a.ty(), b.ty());
        let number = |t| matches!(t, Type::Int | Type::Float);
        let mixed = number(ta) && number(tb) && (ta != tb || ta == Type::Float || ta == Type::Int);
        if mixed || ta != tb {
            if mixed && self.equal(a, b, pos)? {
                return Ok(());
            }
            let (na, nb) = (Arg(self.show_type(a)), Arg(self.show_type(b)));
            let (sa, sb) = (self.show_for_error(a), self.show_for_error(b));
            let how = if mixed { "with" } else { "of" };
            let m = format!("{na} {how} value '{sa}' is not equal to {nb} {how} value '{sb}'");
            return Err(self.error(ErrorKind::Assertion, m, Pos::NONE));
        }
        match (a.view(), b.view()) {
            (View::Null, _) => Ok(()),
            (View::List(x), View::List(y)) => {
                if x.len() != y.len() {
                    let (sa, sb) = (self.show_for_error(a), self.show_for_error(b));
                    let m = format!(
                        "list of size '{}' is not equal to list of size '{}', left hand side is '{sa}', right hand side is '{sb}'",
                        Arg(x.len()),
                        Arg(y.len())
                    );
                    return Err(self.error(ErrorKind::Assertion, m, Pos::NONE));
                }
                for i in 0..x.len() {
                    self.assert_equal(x.get(i), y.get(i), false, pos)
                        .map_err(|_| self.trace(pos, msg!("while comparing list element {}", i)))?;
                }
                Ok(())
            }
            (View::Attrs(x), View::Attrs(y)) => self.assert_equal_attrs(a, b, x, y, pos),
            (View::Closure(_) | View::Prim(_) | View::Pap(_), _) => Err(self.error(
                ErrorKind::Assertion,
                "distinct functions and immediate comparisons of identical functions compare as unequal",
                Pos::NONE,
            )),
            _ => {
                if self.equal(a, b, pos)? {
                    return Ok(());
                }
                let name = match ta {
                    Type::Bool => "boolean",
                    Type::String => "string",
                    Type::Path => "path",
                    _ => "external value",
                };
                let (sa, sb) = (self.show_for_error(a), self.show_for_error(b));
                let m = format!("{name} '{sa}' is not equal to {name} '{sb}'");
                Err(self.error(ErrorKind::Assertion, m, Pos::NONE))
            }
        }
    }

    fn assert_equal_attrs(&mut self, a: Value, b: Value, x: Attrs, y: Attrs, pos: Pos) -> Res<()> {
        if self.is_derivation(x)? && self.is_derivation(y)? {
            if let (Some(p), Some(q)) = (x.get(wk::OUT_PATH), y.get(wk::OUT_PATH)) {
                return self.assert_equal(p, q, false, pos).map_err(|_| {
                    self.trace(pos, msg!("while comparing a derivation by its '{}' attribute", "outPath"))
                });
            }
        }
        let (fx, fy) = (self.flat(x), self.flat(y));
        let differ = |ctx: &mut Ctx, make: &dyn Fn(&str, &str) -> String| -> Fail {
            let (sa, sb) = (ctx.show_for_error(a), ctx.show_for_error(b));
            ctx.error(ErrorKind::Assertion, make(&sa, &sb), Pos::NONE)
        };
        if fx.len() != fy.len() {
            return Err(differ(self, &|a, b| {
                format!("attribute names of attribute set '{a}' differs from attribute set '{b}'")
            }));
        }
        for i in 0..fx.len() {
            let (nx, ny) = (fx.name(i), fy.name(i));
            if nx != ny {
                let only_left = !y.has(nx);
                let name = Arg(self.name_text(if only_left { nx } else { ny }));
                return Err(differ(self, &|a, b| {
                    if only_left {
                        format!("attribute name '{name}' is contained in '{a}', but not in '{b}'")
                    } else {
                        format!("attribute name '{name}' is missing in '{a}', but is contained in '{b}'")
                    }
                }));
            }
            self.assert_equal(fx.value(i), fy.value(i), false, pos).map_err(|_| {
                if fy.pos(i).is_some() {
                    self.trace(fy.pos(i), "where right hand side is");
                }
                if fx.pos(i).is_some() {
                    self.trace(fx.pos(i), "where left hand side is");
                }
                self.trace(pos, msg!("while comparing attribute '{}'", self.name_text(nx)))
            })?;
        }
        Ok(())
    }
}
