//! Forcing: from a delayed value to a value, with or without a check of its type.

use crate::Ctx;
use crate::error::{ErrorKind, Fail, Res};
use crate::heap::{Attrs, List, Str, Thunk, ThunkState, Type, Value, View};
use crate::ir::ThunkCode;
use crate::msg;
use crate::pos::Pos;

impl Ctx {
    /// Evaluates a value (to its outermost constructor).
    #[inline(always)]
    pub fn force(&mut self, v: Value, pos: Pos) -> Res {
        match v.as_thunk() {
            None => Ok(v),
            Some(t) => match t.result() {
                Some(v) => Ok(v),
                None => self.force_slow(t, pos),
            },
        }
    }

    fn force_slow(&mut self, t: Thunk, pos: Pos) -> Res {
        match t.state() {
            ThunkState::Done(v) => Ok(v),
            ThunkState::Suspended(code) => self.run_thunk(t, code, pos),
            ThunkState::App(n) => {
                t.start();
                let env = t.env();
                let f = env.get_short(0);
                let r = match n {
                    1 => self.apply(f, &[env.get(1)], pos),
                    _ => {
                        let args: smallvec::SmallVec<[Value; 4]> =
                            (1..=n as u32).map(|i| env.get(i)).collect();
                        self.apply(f, &args, pos)
                    }
                };
                match r {
                    Ok(v) => {
                        t.finish(v);
                        Ok(v)
                    }
                    Err(_) => Err(self.fail_thunk(t)),
                }
            }
            ThunkState::Running(_) => {
                self.error(ErrorKind::InfiniteRecursion, "infinite recursion encountered", pos);
                self.error_mut().cycle = Some(t.value());
                Err(Fail)
            }
            ThunkState::Failed { error, frames } => Err(self.raise_again(error, frames)),
        }
    }

    #[inline(always)]
    fn run_thunk(&mut self, t: Thunk, code: &'static ThunkCode, pos: Pos) -> Res {
        if self.stack_is_short() {
            return Err(self.stack_overflow(pos));
        }
        t.start();
        let fp = self.stack.top();
        if !self.stack.push(code.frame) {
            self.stack_overflow(pos);
            return Err(self.fail_thunk(t));
        }
        let r = self.eval(&code.body, t.env(), fp);
        self.stack.pop_to(fp);
        match r {
            Ok(v) => {
                t.finish(v);
                Ok(v)
            }
            Err(_) => Err(self.fail_thunk(t)),
        }
    }

    #[cold]
    #[inline(never)]
    fn fail_thunk(&mut self, t: Thunk) -> Fail {
        let e = self.error_mut();
        match e.kind {
            // May go well another time.
            ErrorKind::Interrupted => t.suspend_again(),
            kind => {
                if kind == ErrorKind::InfiniteRecursion && e.cycle == Some(t.value()) {
                    self.trace(Pos::NONE, "\u{1b}[35;1mentering the infinite recursion\u{1b}[0m");
                    if let Some(last) = self.error_mut().traces.last_mut() {
                        last.always = true;
                    }
                }
                let (error, _) = self.error_mark();
                t.fail(error, u32::MAX);
            }
        }
        Fail
    }

    /// A value that raises the current error again when it is forced; the error itself is no longer raised.
    #[cold]
    pub(crate) fn failed_value(&mut self) -> Value {
        let (error, frames) = self.error_mark();
        self.forget_error();
        self.heap.failed(error, frames)
    }

    /// "expected a set but found an integer: 1"
    #[cold]
    pub fn expected(&mut self, wanted: &str, v: Value) -> String {
        let (ty, shown) = (self.show_type(v), self.show_for_error(v));
        format!("expected {wanted} but found {}: {}", crate::error::Arg(ty), shown)
    }

    /// A type with its article: "an integer", "the built-in function 'map'", "a thunk".
    pub fn show_type(&mut self, v: Value) -> String {
        let v = v.resolved();
        match v.view() {
            View::Str(s) if !s.context().is_empty() => "a string with context".into(),
            View::Prim(p) => format!("the built-in function '{}'", self.prim(p).name),
            View::Pap(p) => match p.function().as_prim() {
                Some(f) => format!("the partially applied built-in function '{}'", self.prim(f).name),
                None => "a function".into(),
            },
            View::Thunk(t) => match t.state() {
                ThunkState::Running(_) => "a black hole".into(),
                ThunkState::App(_) => "a function application".into(),
                _ => "a thunk".into(),
            },
            _ => type_with_article(v.ty()).into(),
        }
    }

    /// Evaluates to an integer.
    #[inline]
    pub fn force_int(&mut self, v: Value, pos: Pos, what: &'static str) -> Res<i64> {
        let r = self.force(v, pos);
        if let Ok(v) = r {
            if let Some(i) = v.as_int() {
                return Ok(i);
            }
            let m = self.expected("an integer", v);
            self.type_error(m, pos);
        }
        Err(self.trace(pos, what))
    }

    /// Evaluates to a float; integers are converted.
    pub fn force_float(&mut self, v: Value, pos: Pos, what: &'static str) -> Res<f64> {
        let r = self.force(v, pos);
        if let Ok(v) = r {
            if let Some(f) = v.as_float() {
                return Ok(f);
            }
            if let Some(i) = v.as_int() {
                return Ok(i as f64);
            }
            let m = self.expected("a float", v);
            self.type_error(m, pos);
        }
        Err(self.trace(pos, what))
    }

    /// Evaluates to a Boolean.
    #[inline]
    pub fn force_bool(&mut self, v: Value, pos: Pos, what: &'static str) -> Res<bool> {
        let r = self.force(v, pos);
        if let Ok(v) = r {
            if let Some(b) = v.as_bool() {
                return Ok(b);
            }
            let m = self.expected("a Boolean", v);
            self.type_error(m, pos);
        }
        Err(self.trace(pos, what))
    }

    /// Evaluates to a string, with whatever context.
    #[inline]
    pub fn force_str(&mut self, v: Value, pos: Pos, what: &'static str) -> Res<Str> {
        let r = self.force(v, pos);
        if let Ok(v) = r {
            if let Some(s) = v.as_str() {
                return Ok(s);
            }
            let m = self.expected("a string", v);
            self.type_error(m, pos);
        }
        Err(self.trace(pos, what))
    }

    /// Evaluates to a string without context.
    #[inline]
    pub fn force_str_no_ctx(&mut self, v: Value, pos: Pos, what: &'static str) -> Res<Str> {
        let s = self.force_str(v, pos, what)?;
        if s.context().is_empty() {
            return Ok(s);
        }
        let refers = self.show_first_reference(s);
        self.error(
            ErrorKind::Eval,
            msg!(
                "the string '{}' is not allowed to refer to a store path (such as '{}')",
                s.to_text(),
                refers
            ),
            Pos::NONE,
        );
        Err(self.trace(pos, what))
    }

    /// The first thing that a string with context refers to, for messages.
    pub fn show_first_reference(&self, s: Str) -> String {
        match self.contexts.elems(s.context()).first() {
            Some(e) => e.show(&self.settings.store_dir),
            None => String::new(),
        }
    }

    /// Evaluates to a set.
    #[inline(always)]
    pub fn force_attrs(&mut self, v: Value, pos: Pos, what: &'static str) -> Res<Attrs> {
        let v = self.force(v, pos)?;
        match v.as_attrs() {
            Some(a) => Ok(a),
            None => {
                let m = self.expected("a set", v);
                self.type_error(m, Pos::NONE);
                Err(self.trace(pos, what))
            }
        }
    }

    /// Evaluates to a list.
    #[inline(always)]
    pub fn force_list(&mut self, v: Value, pos: Pos, what: &'static str) -> Res<List> {
        let v = self.force(v, pos)?;
        match v.as_list() {
            Some(l) => Ok(l),
            None => {
                let m = self.expected("a list", v);
                self.type_error(m, Pos::NONE);
                Err(self.trace(pos, what))
            }
        }
    }

    /// Evaluates to something that can be called.
    #[inline]
    pub fn force_function(&mut self, v: Value, pos: Pos, what: &'static str) -> Res {
        let r = self.force(v, pos);
        if let Ok(v) = r {
            if self.is_callable(v) {
                return Ok(v);
            }
            let m = self.expected("a function", v);
            self.type_error(m, pos);
        }
        Err(self.trace(pos, what))
    }

    /// Where a value is known to come from: the place of a function, also of one whose call is delayed.
    pub(crate) fn place_of(&self, v: Value, or: Pos) -> Pos {
        let (f, given) = match v.view() {
            View::Pap(p) => (p.function(), p.len()),
            View::Thunk(t) => match t.state() {
                ThunkState::App(_) => return self.place_of(t.env().get(0), or),
                _ => return or,
            },
            _ => (v, 0),
        };
        match f.as_closure() {
            Some(c) => c.code().positions.get(given).copied().unwrap_or(or),
            None => or,
        }
    }

    /// Whether an evaluated value is a function or a set with `__functor`.
    pub fn is_callable(&self, v: Value) -> bool {
        match v.as_attrs() {
            Some(a) => a.has(firn_syntax::symbol::well_known::FUNCTOR),
            None => v.ty() == Type::Function,
        }
    }

    /// Evaluates a value and everything in it.
    pub fn force_deep(&mut self, v: Value, pos: Pos) -> Res {
        let mut seen = rustc_hash::FxHashSet::default();
        let v = self.force(v, pos)?;
        self.force_deep_in(v, &mut seen)?;
        Ok(v)
    }

    fn force_deep_in(&mut self, v: Value, seen: &mut rustc_hash::FxHashSet<Value>) -> Res<()> {
        let place = self.place_of(v, Pos::NONE);
        self.enter(place)?;
        let v = self.force(v, place)?;
        if let Some(a) = v.as_attrs() {
            if seen.insert(v) {
                let f = self.flat(a);
                for (name, pos, e) in f.iter() {
                    if self.force_deep_in(e, seen).is_err() {
                        let text = msg!("while evaluating the attribute '{}'", self.name_text(name));
                        return Err(self.trace(pos, text));
                    }
                }
            }
        } else if let Some(l) = v.as_list() {
            if seen.insert(v) {
                for (i, e) in l.iter().enumerate() {
                    if self.force_deep_in(e, seen).is_err() {
                        return Err(
                            self.trace(Pos::NONE, msg!("while evaluating list element at index {}", i))
                        );
                    }
                }
            }
        }
        self.leave();
        Ok(())
    }
}

/// "an integer", "a set" …
pub(crate) fn type_with_article(t: Type) -> &'static str {
    match t {
        Type::Thunk => "a thunk",
        Type::Int => "an integer",
        Type::Float => "a float",
        Type::Bool => "a Boolean",
        Type::String => "a string",
        Type::Path => "a path",
        Type::Null => "null",
        Type::Attrs => "a set",
        Type::List => "a list",
        Type::Function => "a function",
        Type::External => "an external value",
    }
}
