//! Set literals and assertions.

use smallvec::SmallVec;

use crate::Ctx;
use crate::ctx::AttrsBuilder;
use crate::error::{ErrorKind, Res};
use crate::heap::{Env, Frame, ThunkState, Value};
use crate::ir::{AssertNode, AttrsNode, BinOp, Lazy, Node};
use crate::msg;
use crate::pos::{Origin, Pos};

impl Ctx {
    #[inline(never)]
    pub(super) fn eval_attrs(&mut self, node: &'static AttrsNode, env: Env, fp: Frame) -> Res {
        if let Some(g) = &node.group {
            self.bind_group(g, env, fp);
        }
        let set = self.heap.new_attrs(node.shape);
        for (l, place) in node.values.iter().zip(set.places()) {
            let v = self.delay(l, env, fp);
            place.set(v);
        }
        if node.overrides.is_none() && node.dynamics.is_empty() {
            return Ok(set.value());
        }
        let mut out = AttrsBuilder::default();
        for (i, name) in node.shape.names().iter().enumerate() {
            out.push(*name, node.shape.pos(i), set.value_at(i));
        }
        if let Some(i) = node.overrides {
            self.apply_overrides(node, i, &mut out, env, fp)?;
        }
        let mut set = out.finish(&mut self.heap);
        for d in node.dynamics {
            let name = self.eval(&d.name, env, fp)?;
            let name = self.force(name, d.pos)?;
            if name == Value::NULL {
                continue;
            }
            let name =
                self.force_str_no_ctx(name, d.pos, "while evaluating the name of a dynamic attribute")?;
            let name = self.symbol_of(name);
            if let Some((_, pos)) = set.get_with_pos(name) {
                let at = self.show_pos(pos);
                let m = msg!("dynamic attribute '{}' already defined at {}", self.name_text(name), at);
                return Err(self.error(ErrorKind::Eval, m, d.pos));
            }
            let value = self.delay(&d.value, env, fp);
            let one = self.heap.attrs_sorted(&[(name, d.pos, value)]);
            set = self.heap.update(set, one).0;
        }
        Ok(set.value())
    }

    /// `rec { __overrides = …; }`: what is overridden is seen by everything that is not evaluated yet.
    fn apply_overrides(
        &mut self,
        node: &'static AttrsNode,
        index: usize,
        out: &mut AttrsBuilder,
        env: Env,
        fp: Frame,
    ) -> Res<()> {
        let group = node.group.expect("a recursive set has its bindings in a group");
        let slot = |i: usize| match node.values[i] {
            Lazy::Local(slot) => Some(slot),
            _ => None,
        };
        let made: SmallVec<[(Value, &Lazy); 16]> =
            group.allocs.iter().map(|(s, l)| (fp.get(*s), l)).collect();
        let overrides = slot(index).map_or(Value::NULL, |s| fp.get(s));
        let place = self.place_of(overrides, Pos::NONE);
        let overrides = self.force_attrs(overrides, place, "while evaluating the `__overrides` attribute")?;
        let flat = self.flat(overrides);
        for (name, pos, v) in flat.iter() {
            if let Some(s) = node.shape.index(name).and_then(slot) {
                fp.set(s, v);
            }
            out.push(name, pos, v);
        }
        for (object, lazy) in made {
            let caps = match lazy {
                Lazy::Thunk(code) => code.caps,
                Lazy::Select(s) => s.code.caps,
                Lazy::Closure(code) => code.caps,
                _ => continue,
            };
            if object.as_thunk().is_none_or(|t| matches!(t.state(), ThunkState::Suspended(_))) {
                self.heap.fill(object, caps, env, fp);
            }
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn eval_assert(&mut self, n: &'static AssertNode, env: Env, fp: Frame) -> Res {
        if self.eval_bool(&n.cond, env, fp, n.cond_pos, "in the condition of the assert statement")? {
            return self.eval(&n.body, env, fp);
        }
        if let Node::Binary(BinOp::Eq, eq) = &n.cond {
            let a = self.eval(&eq.a, env, fp)?;
            let b = self.eval(&eq.b, env, fp)?;
            if self.assert_equal(a, b, true, eq.pos).is_err() {
                if self.error_mut().kind == ErrorKind::Assertion {
                    self.trace(n.pos, msg!("while evaluating the condition of the assertion '{}'", n.text));
                }
                return Err(crate::error::Fail);
            }
        }
        Err(self.error(ErrorKind::Assertion, msg!("assertion '{}' failed", n.text), n.pos))
    }

    /// `{ file, line, column }` of a position in a file, else null.
    pub(crate) fn position_value(&mut self, pos: Pos) -> Value {
        let Some(Origin::File { path, .. }) = self.positions.source(pos).map(|s| s.origin.clone()) else {
            return Value::NULL;
        };
        let file = self.str(&*path);
        let number = Value::small_int(i64::from(pos.0)).expect("positions have 32 bits");
        let part = |ctx: &mut Ctx, name| match ctx.prim_id(name) {
            Some(id) => ctx.heap.app(Value::prim(id), &[number]),
            None => Value::NULL,
        };
        let (line, column) = (part(self, "__lineOfPosition"), part(self, "__columnOfPosition"));
        self.attrs(&[("file", file), ("line", line), ("column", column)])
    }
}
