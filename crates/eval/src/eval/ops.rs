//! Operators, comparison, interpolation.

use crate::Ctx;
use crate::error::{Arg, ErrorKind, Res};
use crate::heap::{Attrs, Env, Frame, List, PrimId, Type, Value, View};
use crate::ir::{BinNode, BinOp, InterpNode, Node};
use crate::msg;
use crate::pos::Pos;

use super::Coerce;

impl Ctx {
    #[inline(never)]
    pub(super) fn eval_binary(&mut self, op: BinOp, n: &'static BinNode, env: Env, fp: Frame) -> Res {
        match op {
            BinOp::Eq => {
                let (a, b) =
                    self.operands(n, env, fp, "in the left operand of '=='", "in the right operand of '=='")?;
                Ok(Value::bool(self.equal(a, b, n.pos)?))
            }
            BinOp::NotEq => {
                let (a, b) =
                    self.operands(n, env, fp, "in the left operand of '!='", "in the right operand of '!='")?;
                Ok(Value::bool(!self.equal(a, b, n.pos)?))
            }
            BinOp::And => {
                if !self.eval_bool(&n.a, env, fp, n.a_pos, "in the left operand of '&&'")? {
                    return Ok(Value::FALSE);
                }
                self.eval_bool(&n.b, env, fp, n.b_pos, "in the right operand of '&&'").map(Value::bool)
            }
            BinOp::Or => {
                if self.eval_bool(&n.a, env, fp, n.a_pos, "in the left operand of '||'")? {
                    return Ok(Value::TRUE);
                }
                self.eval_bool(&n.b, env, fp, n.b_pos, "in the right operand of '||'").map(Value::bool)
            }
            BinOp::Impl => {
                if !self.eval_bool(&n.a, env, fp, n.a_pos, "in the left operand of '->'")? {
                    return Ok(Value::TRUE);
                }
                self.eval_bool(&n.b, env, fp, n.b_pos, "in the right operand of '->'").map(Value::bool)
            }
            BinOp::Update => {
                let b = self.eval_set(&n.b, env, fp, n.b_pos, "in the right operand of '//'")?;
                let a = self.eval_set(&n.a, env, fp, n.a_pos, "in the left operand of '//'")?;
                self.counters.updates += 1;
                let (out, copied) = self.heap.update(a, b);
                self.counters.updates_copied += copied as u64;
                Ok(out.value())
            }
            BinOp::Concat => {
                let (a, b) =
                    self.operands(n, env, fp, "in the left operand of '++'", "in the right operand of '++'")?;
                let what = "while evaluating one of the elements to concatenate";
                let a = self.force_list(a, n.pos, what)?;
                let b = self.force_list(b, n.pos, what)?;
                Ok(self.concat(&[a, b]))
            }
            BinOp::Add => {
                let what = "in an operand of '+'";
                let a = self.eval(&n.a, env, fp).map_err(|_| self.trace(n.a_pos, what))?;
                if let Some(first) = a.as_small_int() {
                    let b = self.eval(&n.b, env, fp).map_err(|_| self.trace(n.b_pos, what))?;
                    if let Some(v) = b.as_small_int().and_then(|b| Value::small_int(first + b)) {
                        return Ok(v);
                    }
                    return self.add_to(a, b, n);
                }
                if !matches!(a.ty(), Type::Int | Type::Float) {
                    // Its coercion comes before the other operand is looked at.
                    let first = self.first_part(a, n.a_pos)?;
                    let b = self.eval(&n.b, env, fp).map_err(|_| self.trace(n.b_pos, what))?;
                    return self.join(a, first, b, n);
                }
                let b = self.eval(&n.b, env, fp).map_err(|_| self.trace(n.b_pos, what))?;
                self.add_to(a, b, n)
            }
            BinOp::Sub => self.arith(n, self.op_prims.sub, env, fp, i64::checked_sub),
            BinOp::Mul => self.arith(n, self.op_prims.mul, env, fp, i64::checked_mul),
            BinOp::Div => {
                self.arith(n, self.op_prims.div, env, fp, |a, b| if b == 0 { None } else { a.checked_div(b) })
            }
            BinOp::Less => self.less(&n.a, &n.b, n.pos, env, fp),
            BinOp::Greater => self.less(&n.b, &n.a, n.pos, env, fp),
            // The reference sees `!(b < a)`.
            BinOp::LessEq => match self.less(&n.b, &n.a, n.pos, env, fp) {
                Ok(v) => Ok(not(v)),
                Err(_) => Err(self.trace(n.pos, "in the argument of '!'")),
            },
            BinOp::GreaterEq => match self.less(&n.a, &n.b, n.pos, env, fp) {
                Ok(v) => Ok(not(v)),
                Err(_) => Err(self.trace(n.pos, "in the argument of '!'")),
            },
        }
    }

    #[inline]
    fn operands(
        &mut self,
        n: &'static BinNode,
        env: Env,
        fp: Frame,
        left: &'static str,
        right: &'static str,
    ) -> Res<(Value, Value)> {
        let a = self.eval(&n.a, env, fp).map_err(|_| self.trace(n.a_pos, left))?;
        let b = self.eval(&n.b, env, fp).map_err(|_| self.trace(n.b_pos, right))?;
        Ok((a, b))
    }

    fn eval_set(&mut self, n: &Node, env: Env, fp: Frame, pos: Pos, what: &'static str) -> Res<Attrs> {
        match self.eval(n, env, fp) {
            Ok(v) => match v.as_attrs() {
                Some(a) => Ok(a),
                None => {
                    let m = self.expected("a set", v);
                    self.type_error(m, Pos::NONE);
                    Err(self.trace(pos, what))
                }
            },
            // Nested updates are one update of many operands: only the failing one has a frame.
            Err(_) if matches!(n, Node::Binary(BinOp::Update, _)) => Err(crate::error::Fail),
            Err(_) => Err(self.trace(pos, what)),
        }
    }

    /// Joins lists.
    pub(crate) fn concat(&mut self, lists: &[List]) -> Value {
        self.counters.list_concats += 1;
        let len = lists.iter().map(|l| l.len()).sum();
        if let Some(l) = lists.iter().find(|l| l.len() == len) {
            return l.value();
        }
        let out = self.heap.new_list(len);
        let mut i = 0;
        for l in lists {
            l.copy_to(0, out, i);
            i += l.len();
        }
        out.value()
    }

    fn eval_or_failed(&mut self, n: &Node, env: Env, fp: Frame) -> Value {
        match self.eval(n, env, fp) {
            Ok(v) => v,
            Err(_) => self.failed_value(),
        }
    }

    #[inline]
    fn arith(
        &mut self,
        n: &'static BinNode,
        slow: PrimId,
        env: Env,
        fp: Frame,
        op: impl Fn(i64, i64) -> Option<i64>,
    ) -> Res {
        let a = self.eval_or_failed(&n.a, env, fp);
        let b = self.eval_or_failed(&n.b, env, fp);
        if let (Some(x), Some(y)) = (a.as_small_int(), b.as_small_int()) {
            if let Some(v) = op(x, y).and_then(Value::small_int) {
                self.counters.primop_calls += 1;
                return Ok(v);
            }
        }
        self.run_prim(slow, &[a, b], n.pos)
    }

    #[inline]
    fn less(&mut self, a: &Node, b: &Node, pos: Pos, env: Env, fp: Frame) -> Res {
        let a = self.eval_or_failed(a, env, fp);
        let b = self.eval_or_failed(b, env, fp);
        if let (Some(x), Some(y)) = (a.as_small_int(), b.as_small_int()) {
            self.counters.primop_calls += 1;
            return Ok(Value::bool(x < y));
        }
        self.run_prim(self.op_prims.less_than, &[a, b], pos)
    }

    /// Whether `a < b`, of evaluated values, as `lessThan` has it.
    pub(crate) fn less_than(&mut self, a: Value, b: Value, pos: Pos, what: &'static str) -> Res<bool> {
        let r = self.less_than_in(a, b, pos);
        if r.is_err() && !what.is_empty() {
            self.trace(Pos::NONE, what);
        }
        r
    }

    fn less_than_in(&mut self, a: Value, b: Value, pos: Pos) -> Res<bool> {
        match (a.view(), b.view()) {
            (View::Int(a), View::Int(b)) => Ok(a < b),
            (View::Float(a), View::Float(b)) => Ok(a < b),
            (View::Int(a), View::Float(b)) => Ok((a as f64) < b),
            (View::Float(a), View::Int(b)) => Ok(a < b as f64),
            (View::Str(a), View::Str(b)) => Ok(a.as_bytes() < b.as_bytes()),
            (View::Path(a), View::Path(b)) => Ok(a.as_bytes() < b.as_bytes()),
            (View::List(x), View::List(y)) => {
                let mut i = 0;
                loop {
                    if i == y.len() {
                        return Ok(false);
                    }
                    if i == x.len() {
                        return Ok(true);
                    }
                    if !self.equal_in(x.get(i), y.get(i), pos)? {
                        let (a, b) = (self.force(x.get(i), pos)?, self.force(y.get(i), pos)?);
                        self.enter(pos)?;
                        let r = self.less_than(a, b, pos, "while comparing two list elements");
                        self.leave();
                        return r;
                    }
                    i += 1;
                }
            }
            _ => {
                let (ta, tb) = (self.show_type(a), self.show_type(b));
                let (sa, sb) = (self.show_for_error(a), self.show_for_error(b));
                let m = if a.ty() != b.ty() {
                    format!("cannot compare {} with {}; values are {sa} and {sb}", Arg(ta), Arg(tb))
                } else {
                    format!(
                        "cannot compare {} with {}; values of that type are incomparable (values are {sa} and {sb})",
                        Arg(ta),
                        Arg(tb)
                    )
                };
                Err(self.error(ErrorKind::Eval, m, Pos::NONE))
            }
        }
    }

    /// `+` with a number on the left.
    fn add_to(&mut self, a: Value, b: Value, n: &'static BinNode) -> Res {
        match (a.view(), b.view()) {
            (View::Int(x), View::Int(y)) => match x.checked_add(y) {
                Some(sum) => Ok(self.heap.int(sum)),
                None => Err(self.error(
                    ErrorKind::Eval,
                    msg!("integer overflow in adding {} + {}", x, y),
                    n.b_pos,
                )),
            },
            (View::Int(x), View::Float(y)) => Ok(self.heap.float(x as f64 + y)),
            (View::Float(x), View::Int(y)) => Ok(self.heap.float(x + y as f64)),
            (View::Float(x), View::Float(y)) => Ok(self.heap.float(x + y)),
            (View::Int(_), _) => {
                let m = msg!("cannot add {} to an integer", self.show_type(b));
                Err(self.type_error(m, n.b_pos))
            }
            _ => {
                let m = msg!("cannot add {} to a float", self.show_type(b));
                Err(self.type_error(m, n.b_pos))
            }
        }
    }

    fn first_part(&mut self, a: Value, pos: Pos) -> Res<crate::heap::Str> {
        if let Some(s) = a.as_str() {
            return Ok(s);
        }
        let how = Coerce { more: false, copy: false, canonical: false };
        self.coerce(a, how, pos, "while evaluating a path segment")
    }

    /// `+` with a string, path or coercible set on the left.
    fn join(&mut self, a: Value, first: crate::heap::Str, b: Value, n: &'static BinNode) -> Res {
        let is_path = a.as_path();
        let second = match b.as_str() {
            Some(s) => s,
            None => {
                let how = Coerce { more: false, copy: a.as_str().is_some(), canonical: true };
                self.coerce(b, how, n.b_pos, "while evaluating a path segment")?
            }
        };
        if let Some(p) = is_path {
            if !second.context().is_empty() || !first.context().is_empty() {
                let m = "a string that refers to a store path cannot be appended to a path";
                return Err(self.error(ErrorKind::Eval, m, n.pos));
            }
            let text = [first.as_bytes(), second.as_bytes()].concat();
            let path = crate::paths::canonical(&text);
            return Ok(self.heap.path(p.root(), &path));
        }
        let ctx = self.contexts.union(first.context(), second.context());
        let (x, y) = (first.as_bytes(), second.as_bytes());
        if y.is_empty() && ctx == first.context() {
            return Ok(first.value());
        }
        if x.is_empty() && ctx == second.context() {
            return Ok(second.value());
        }
        Ok(self.heap.string_with(x.len() + y.len(), ctx, |out| {
            out[..x.len()].copy_from_slice(x);
            out[x.len()..].copy_from_slice(y);
        }))
    }

    #[inline(never)]
    pub(super) fn eval_interp(&mut self, n: &'static InterpNode, env: Env, fp: Frame) -> Res {
        let mut parts: smallvec::SmallVec<[crate::heap::Str; 8]> = smallvec::SmallVec::new();
        let mut ctx = crate::context::ContextId::NONE;
        let mut len = 0;
        let mut root = 0;
        for (i, (part, pos)) in n.parts.iter().enumerate() {
            let v = match self.eval(part, env, fp) {
                Ok(v) => v,
                Err(_) => return Err(self.trace(*pos, "in an operand of '+'")),
            };
            let s = match v.as_str() {
                Some(s) => s,
                None => {
                    if n.path && i == 0 {
                        root = v.as_path().map_or(0, |p| p.root());
                    }
                    let how = Coerce { more: false, copy: !n.path, canonical: !(n.path && i == 0) };
                    self.coerce(v, how, *pos, "while evaluating a path segment")?
                }
            };
            len += s.as_bytes().len();
            ctx = self.contexts.union(ctx, s.context());
            parts.push(s);
        }
        if n.path {
            if !ctx.is_empty() {
                let m = "a string that refers to a store path cannot be appended to a path";
                return Err(self.error(ErrorKind::Eval, m, n.pos));
            }
            let text: Vec<u8> = parts.iter().flat_map(|p| p.as_bytes().iter().copied()).collect();
            let path = crate::paths::canonical(&text);
            return Ok(self.heap.path(root, &path));
        }
        Ok(self.heap.string_with(len, ctx, |out| {
            let mut at = 0;
            for p in &parts {
                let b = p.as_bytes();
                out[at..at + b.len()].copy_from_slice(b);
                at += b.len();
            }
        }))
    }
}

fn not(v: Value) -> Value {
    Value::bool(v == Value::FALSE)
}
