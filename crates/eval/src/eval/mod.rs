//! The evaluator: direct recursion over the code, in two modes (now and delayed).

mod attrs;
mod call;
mod coerce;
mod equal;
mod force;
mod ops;
mod select;

pub use coerce::Coerce;

use crate::Ctx;
use crate::error::{ErrorKind, Res};
use crate::heap::{Env, Frame, Ref, Value};
use crate::ir::{Group, IfNode, LambdaCode, Lazy, LetNode, Node, WithNode, WithVar, cached, remember};
use crate::pos::Pos;

impl Ctx {
    /// Evaluates code. The result is never a thunk.
    #[inline(always)]
    pub(crate) fn eval(&mut self, node: &Node, env: Env, fp: Frame) -> Res {
        // What is there already costs no call.
        match node {
            Node::Const(v) => return Ok(*v),
            Node::Local(slot, _) => {
                let v = fp.get(*slot);
                if !v.is_thunk() {
                    return Ok(v);
                }
            }
            Node::Capture(i, _) => {
                let v = env.get(*i);
                if !v.is_thunk() {
                    return Ok(v);
                }
            }
            _ => {}
        }
        self.eval_node(node, env, fp)
    }

    /// Every kind of node has a function of its own, so that this one needs no stack.
    #[inline(never)]
    fn eval_node(&mut self, node: &Node, env: Env, fp: Frame) -> Res {
        match node {
            Node::Const(v) => Ok(*v),
            Node::Local(slot, pos) => self.eval_local(*slot, *pos, fp),
            Node::Capture(i, pos) => self.eval_capture(*i, *pos, env),
            Node::Outer(v, pos) => self.eval_outer(*v, *pos),
            Node::Select(s) => self.eval_select(s.get(), env, fp),
            Node::Call(c) => self.eval_call(c.get(), env, fp),
            Node::Prim(p) => self.eval_prim(p.get(), env, fp),
            Node::If(n) => self.eval_if(n.get(), env, fp),
            Node::Let(n) => self.eval_let(n.get(), env, fp),
            Node::WithScope(n) => self.eval_with_scope(n.get(), env, fp),
            Node::Assert(n) => self.eval_assert(n.get(), env, fp),
            Node::Attrs(n) => self.eval_attrs(n.get(), env, fp),
            Node::Binary(op, n) => self.eval_binary(*op, n.get(), env, fp),
            Node::Lambda(code) => self.eval_lambda(*code, env, fp),
            Node::List(elems) => self.eval_list(elems.slice(), env, fp),
            Node::With(w) => self.eval_with_var(w.get(), env, fp),
            Node::Interp(n) => self.eval_interp(n.get(), env, fp),
            Node::HasAttr(n) => self.eval_has_attr(n.get(), env, fp),
            Node::Not(n) => self.eval_not(n.get(), env, fp),
            Node::CurPos(pos) => self.eval_position(*pos),
        }
    }

    #[inline(never)]
    fn eval_local(&mut self, slot: u32, pos: Pos, fp: Frame) -> Res {
        let v = self.force(fp.get(slot), pos)?;
        if v.is_plain() {
            fp.set(slot, v);
        }
        Ok(v)
    }

    #[inline(never)]
    fn eval_capture(&mut self, i: u32, pos: Pos, env: Env) -> Res {
        let v = self.force(env.get(i), pos)?;
        if v.is_plain() {
            env.set(i, v);
        }
        Ok(v)
    }

    #[inline(never)]
    fn eval_if(&mut self, n: &'static IfNode, env: Env, fp: Frame) -> Res {
        let c = self.eval_bool(&n.cond, env, fp, n.cond_pos, "while evaluating a branch condition")?;
        self.eval(if c { &n.then } else { &n.other }, env, fp)
    }

    #[inline(never)]
    fn eval_let(&mut self, n: &'static LetNode, env: Env, fp: Frame) -> Res {
        self.bind_group(&n.group, env, fp);
        self.eval(&n.body, env, fp)
    }

    #[inline(never)]
    fn eval_with_scope(&mut self, n: &'static WithNode, env: Env, fp: Frame) -> Res {
        let set = self.delay(&n.set, env, fp);
        fp.set(n.slot, set);
        self.eval(&n.body, env, fp)
    }

    #[inline(never)]
    fn eval_lambda(&mut self, code: Ref<LambdaCode>, env: Env, fp: Frame) -> Res {
        Ok(self.heap.closure(code, env, fp))
    }

    #[cold]
    #[inline(never)]
    fn eval_position(&mut self, pos: Pos) -> Res {
        Ok(self.position_value(pos))
    }

    #[cold]
    #[inline(never)]
    fn eval_outer(&mut self, v: Value, pos: Pos) -> Res {
        self.force(v, pos)
    }

    #[inline(never)]
    fn eval_list(&mut self, elems: &'static [Lazy], env: Env, fp: Frame) -> Res {
        let l = self.heap.new_list(elems.len());
        for (i, e) in elems.iter().enumerate() {
            let v = self.delay(e, env, fp);
            l.set(i, v);
        }
        Ok(l.value())
    }

    #[inline(never)]
    fn eval_not(&mut self, n: &'static (Node, Pos), env: Env, fp: Frame) -> Res {
        let b = self.eval_bool(&n.0, env, fp, n.1, "in the argument of '!'")?;
        Ok(Value::bool(!b))
    }

    /// Delays an expression: gives its value if that is there already, else a thunk. Runs no code.
    #[inline(always)]
    pub(crate) fn delay(&mut self, lazy: &Lazy, env: Env, fp: Frame) -> Value {
        match lazy {
            Lazy::Const(v) => *v,
            Lazy::Local(slot) => {
                self.counters.avoided += 1;
                fp.get_short(*slot)
            }
            Lazy::Capture(i) => {
                self.counters.avoided += 1;
                env.get_short(*i)
            }
            Lazy::Thunk(code) => self.heap.thunk(*code, env, fp),
            Lazy::Closure(code) => self.heap.closure(*code, env, fp),
            Lazy::Select(s) => {
                let set = match s.set.local() {
                    Some(slot) => fp.get_short(slot),
                    None => env.get_short(s.set.capture()),
                };
                if let Some(a) = set.as_attrs() {
                    let shape = a.raw_shape();
                    let found = match cached(&s.key.cache, shape) {
                        Some(i) => i.map(|i| a.value_at(i)),
                        None => self.lookup_slow(a, &s.key),
                    };
                    if let Some(v) = found.map(Value::resolved) {
                        if v.is_plain() {
                            self.counters.avoided += 1;
                            return v;
                        }
                        if let Some(c) = v.as_closure() {
                            self.counters.avoided += 1;
                            return self.heap.clone_closure(c);
                        }
                    }
                }
                self.heap.thunk(s.code, env, fp)
            }
        }
    }

    /// Makes the bindings of a group in the frame.
    #[inline]
    pub(crate) fn bind_group(&mut self, g: &Group, env: Env, fp: Frame) {
        for (slot, lazy) in g.simple {
            let v = self.delay(lazy, env, fp);
            fp.set(*slot, v);
        }
        for (slot, lazy) in g.allocs {
            let v = match lazy {
                Lazy::Thunk(code) => self.heap.thunk_unfilled(*code),
                Lazy::Select(s) => self.heap.thunk_unfilled(s.code),
                Lazy::Closure(code) => self.heap.closure_unfilled(*code),
                other => self.delay(other, env, fp),
            };
            fp.set(*slot, v);
        }
        for (to, from) in g.aliases {
            fp.set(*to, fp.get(*from));
        }
        for (slot, lazy) in g.allocs {
            let caps = match lazy {
                Lazy::Thunk(code) => code.caps,
                Lazy::Select(s) => s.code.caps,
                Lazy::Closure(code) => code.caps,
                _ => continue,
            };
            self.heap.fill(fp.get(*slot), caps, env, fp);
        }
    }

    #[inline]
    pub(crate) fn eval_bool(
        &mut self,
        node: &Node,
        env: Env,
        fp: Frame,
        pos: Pos,
        what: &'static str,
    ) -> Res<bool> {
        match self.eval(node, env, fp) {
            Ok(Value::TRUE) => Ok(true),
            Ok(Value::FALSE) => Ok(false),
            Ok(v) => {
                let m = self.expected("a Boolean", v);
                self.type_error(m, pos);
                Err(self.trace(pos, what))
            }
            Err(_) => Err(self.trace(pos, what)),
        }
    }

    #[inline(never)]
    fn eval_with_var(&mut self, w: &'static WithVar, env: Env, fp: Frame) -> Res {
        self.counters.with_lookups += 1;
        for (src, pos, cache) in w.sets {
            let set = match src.local() {
                Some(slot) => fp.get_short(slot),
                None => env.get_short(src.capture()),
            };
            let set =
                self.force_attrs(set, *pos, "while evaluating the first subexpression of a with expression")?;
            let shape = set.raw_shape();
            let found = match cached(cache, shape) {
                Some(i) => i.map(|i| set.value_at(i)),
                None => {
                    let found = self.heap.find(set, w.name);
                    if let Some(f) = set.as_flat() {
                        remember(cache, f.shape(), found.map(|f| f.1));
                    }
                    found.map(|(f, i)| f.value(i))
                }
            };
            if let Some(v) = found {
                return self.force(v, w.pos);
            }
        }
        let name = self.name_text(w.name);
        Err(self.error(ErrorKind::UndefinedVariable, crate::msg!("undefined variable '{}'", name), w.pos))
    }
}
