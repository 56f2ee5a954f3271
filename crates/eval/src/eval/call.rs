//! Calls.

use smallvec::SmallVec;

use firn_syntax::symbol::well_known as wk;

use crate::Ctx;
use crate::error::{Arg, ErrorKind, EvalError, Fail, Res};
use crate::heap::{Attrs, Closure, Env, Frame, PrimId, Value, View};
use crate::ir::{CallNode, FormalsCode, LambdaCode, Lazy, PrimArg, PrimNode};
use crate::msg;
use crate::pos::Pos;

/// The most arguments that a primop may take.
const MAX_PRIM_ARITY: usize = 8;
/// Arguments that are written above the frame stack's top without taking them: less than its margin.
const DIRECT_ARGS: usize = 64;

impl Ctx {
    #[inline(never)]
    pub(super) fn eval_call(&mut self, node: &'static CallNode, env: Env, fp: Frame) -> Res {
        let f = self.eval(&node.f, env, fp)?;
        let n = node.args.len();
        if let Some(c) = f.as_closure() {
            let code = c.code();
            if n == code.arity as usize && n <= DIRECT_ARGS {
                let frame = self.stack.top();
                let now = node.code & code.strict_set;
                if now == 0 {
                    for (i, a) in node.args.iter().enumerate() {
                        let v = self.delay(a, env, fp);
                        frame.set(i as u32, v);
                    }
                } else {
                    self.strict_args(node, code, now, frame, env, fp);
                }
                return self.run_closure(c, code, frame, node.pos);
            }
        } else if let Some(id) = f.as_prim() {
            let prim = &self.prims[id.0 as usize];
            if n == prim.arity as usize {
                let mut eager = prim.eager;
                let mut args = [Value::NULL; MAX_PRIM_ARITY];
                for (i, a) in node.args.iter().enumerate() {
                    if eager & 1 << i == 0 {
                        args[i] = self.delay(a, env, fp);
                        continue;
                    }
                    args[i] = self.eval_lazy(a, env, fp);
                    // The function will fail with this one: nothing behind it is looked at.
                    if args[i].is_thunk() {
                        eager = 0;
                    }
                }
                return self.run_prim(id, &args[..n], node.pos);
            }
        }
        self.eval_call_slow(f, node, env, fp)
    }

    /// Writes the arguments of a call where the function starts with evaluating some: these are evaluated now.
    #[inline(never)]
    fn strict_args(
        &mut self,
        node: &'static CallNode,
        code: &'static LambdaCode,
        now: u32,
        frame: Frame,
        env: Env,
        fp: Frame,
    ) {
        for (i, a) in node.args.iter().enumerate() {
            if now & 1 << i == 0 {
                let v = self.delay(a, env, fp);
                frame.set(i as u32, v);
            }
        }
        // The evaluation of an argument must not overwrite the others.
        let room = self.stack.push(node.args.len() as u32);
        for i in code.strict {
            if now & 1 << i != 0 {
                let a = &node.args[*i as usize];
                let v = if room { self.eval_lazy(a, env, fp) } else { self.delay(a, env, fp) };
                frame.set(u32::from(*i), v);
            }
        }
        self.stack.pop_to(frame);
    }

    /// A call with another number of arguments than the function takes, or of something that is no function itself.
    #[inline(never)]
    fn eval_call_slow(&mut self, mut f: Value, node: &'static CallNode, env: Env, fp: Frame) -> Res {
        let mut args = node.args.slice();
        // Functions that get enough take their arguments from the frame stack, without a list of them.
        while !args.is_empty() && args.len() <= DIRECT_ARGS {
            let pap = f.as_pap();
            let given = pap.map_or(0, |p| p.len());
            let Some(c) = pap.map_or(f, |p| p.function()).as_closure() else { break };
            let code = c.code();
            let Some(take) = (code.arity as usize).checked_sub(given).filter(|n| *n <= args.len()) else {
                break;
            };
            let frame = self.stack.top();
            for i in 0..given {
                frame.set(i as u32, pap.map_or(f, |p| p.arg(i)));
            }
            for (i, a) in args[..take].iter().enumerate() {
                let v = self.delay(a, env, fp);
                frame.set((given + i) as u32, v);
            }
            f = self.run_closure(c, code, frame, node.pos)?;
            args = &args[take..];
        }
        let mut rest: SmallVec<[Value; 8]> = SmallVec::new();
        for a in args {
            rest.push(self.delay(a, env, fp));
        }
        self.apply_value(f, &rest, node.pos)
    }

    /// Evaluates an expression that was compiled to be delayed, without making a thunk: a failure is given as a value
    /// that fails when it is forced.
    fn eval_lazy(&mut self, lazy: &Lazy, env: Env, fp: Frame) -> Value {
        let code = match lazy {
            Lazy::Thunk(code) => *code,
            Lazy::Select(s) => s.code,
            other => {
                let v = self.delay(other, env, fp);
                return match v.as_thunk() {
                    None => v,
                    // The thunk is shared: it remembers its own failure.
                    Some(_) => match self.force(v, Pos::NONE) {
                        Ok(v) => v,
                        Err(_) => {
                            self.forget_error();
                            v
                        }
                    },
                };
            }
        };
        if self.stack_is_short() {
            return self.heap.thunk(code, env, fp);
        }
        let top = self.stack.top();
        let n = code.caps.len();
        if !self.stack.push(n as u32 + 1 + code.frame) {
            return self.heap.thunk(code, env, fp);
        }
        let inner = top.as_env();
        for (i, s) in code.caps.iter().enumerate() {
            let v = match s.local() {
                Some(slot) => fp.get_short(slot),
                None => env.get_short(s.capture()),
            };
            inner.set(i as u32, v);
        }
        let r = self.eval(&code.body, inner, top.skip(n as u32 + 1));
        self.stack.pop_to(top);
        match r {
            Ok(v) => v,
            Err(_) => self.failed_value(),
        }
    }

    #[inline(never)]
    pub(super) fn eval_prim(&mut self, node: &'static PrimNode, env: Env, fp: Frame) -> Res {
        let mut args = [Value::NULL; MAX_PRIM_ARITY];
        let mut failed = None;
        for (i, a) in node.args.iter().enumerate() {
            args[i] = match (a, failed) {
                // The function fails with the first one: nothing behind it is looked at.
                (PrimArg::Now(_), Some(failure)) => failure,
                (PrimArg::Now(n), None) => match self.eval(n, env, fp) {
                    Ok(v) => v,
                    Err(_) => *failed.insert(self.failed_value()),
                },
                (PrimArg::Later(l), _) => self.delay(l, env, fp),
            };
        }
        self.run_prim(node.id, &args[..node.args.len()], node.pos)
    }

    #[inline]
    pub(crate) fn run_prim(&mut self, id: PrimId, args: &[Value], pos: Pos) -> Res {
        self.enter(pos)?;
        self.counters.primop_calls += 1;
        let func = self.prims[id.0 as usize].func;
        let r = func(self, args, pos);
        self.leave();
        match r {
            Ok(v) => {
                debug_assert!(!v.is_thunk(), "{} gave a thunk", self.prims[id.0 as usize].name);
                Ok(v)
            }
            Err(_) => Err(self.prim_failed(id, pos)),
        }
    }

    #[cold]
    fn prim_failed(&mut self, id: PrimId, pos: Pos) -> Fail {
        let p = self.prim(id);
        if p.traced {
            let text = msg!("while calling the '{}' builtin", p.name);
            self.trace(pos, text);
        }
        Fail
    }

    /// Runs a closure whose arguments stand in a frame at the top of the stack.
    #[inline]
    fn run_closure(&mut self, c: Closure, code: &'static LambdaCode, frame: Frame, pos: Pos) -> Res {
        self.enter(pos)?;
        if !self.stack.push(code.frame) {
            self.leave();
            return Err(self.stack_overflow(pos));
        }
        let env = c.env();
        let r = match code.formals {
            None => {
                self.counters.calls += 1;
                self.eval(&code.body, env, frame)
            }
            Some(formals) => match self.bind_formals(code, formals.get(), env, frame, pos) {
                Ok(()) => {
                    self.counters.calls += 1;
                    self.eval(&code.body, env, frame)
                }
                Err(_) => {
                    self.stack.pop_to(frame);
                    self.leave();
                    return Err(Fail);
                }
            },
        };
        self.stack.pop_to(frame);
        self.leave();
        match r {
            Ok(v) => Ok(v),
            Err(_) => Err(self.call_failed(code, pos)),
        }
    }

    #[cold]
    fn call_failed(&mut self, code: &'static LambdaCode, pos: Pos) -> Fail {
        if self.settings.show_trace {
            let text = match code.name {
                Some(n) => format!("while calling {}", Arg(format!("'{}'", self.name_text(n)))),
                None => format!("while calling {}", Arg("anonymous lambda")),
            };
            self.trace(code.pos(), text);
            if pos.is_some() {
                self.trace(pos, "from call site");
            }
        }
        Fail
    }

    fn bind_formals(
        &mut self,
        code: &'static LambdaCode,
        formals: &'static FormalsCode,
        env: Env,
        frame: Frame,
        pos: Pos,
    ) -> Res<()> {
        let slot = code.arity - 1;
        let arg = self.force_attrs(
            frame.get(slot),
            code.pos(),
            "while evaluating the value passed for the lambda argument",
        );
        let arg = match arg {
            Ok(a) => a,
            Err(_) => {
                if pos.is_some() {
                    self.trace(pos, "from call site");
                }
                return Err(Fail);
            }
        };
        frame.set(slot, arg.value());
        let first = formals.first_slot;
        let all = formals.formals;
        let mut used = 0;
        let mut missing: SmallVec<[usize; 16]> = SmallVec::new();
        match arg.as_flat() {
            Some(f) if f.len() < 8 * all.len() => {
                let names = f.shape().names();
                let mut j = 0;
                for (i, formal) in all.iter().enumerate() {
                    while j < names.len() && names[j] < formal.name {
                        j += 1;
                    }
                    if j < names.len() && names[j] == formal.name {
                        frame.set(first + i as u32, f.value(j));
                        used += 1;
                        j += 1;
                    } else if formal.default.is_some() {
                        missing.push(i);
                    } else {
                        return Err(self.missing_argument(code, formals, i, pos));
                    }
                }
            }
            _ => {
                for (i, formal) in all.iter().enumerate() {
                    if let Some(v) = arg.get(formal.name) {
                        frame.set(first + i as u32, v);
                        used += 1;
                    } else if formal.default.is_some() {
                        missing.push(i);
                    } else {
                        return Err(self.missing_argument(code, formals, i, pos));
                    }
                }
            }
        }
        if !formals.ellipsis && used != arg.len() {
            return Err(self.unexpected_argument(code, formals, arg, pos));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let default =
            |i: &usize| (first + *i as u32, all[*i].default.as_ref().expect("only those with a default"));
        for (slot, lazy) in missing.iter().map(default) {
            let v = match lazy {
                Lazy::Thunk(code) => self.heap.thunk_unfilled(*code),
                Lazy::Select(s) => self.heap.thunk_unfilled(s.code),
                Lazy::Closure(code) => self.heap.closure_unfilled(*code),
                other => self.delay(other, env, frame),
            };
            frame.set(slot, v);
        }
        for (slot, lazy) in missing.iter().map(default) {
            let caps = match lazy {
                Lazy::Thunk(code) => code.caps,
                Lazy::Select(s) => s.code.caps,
                Lazy::Closure(code) => code.caps,
                _ => continue,
            };
            self.heap.fill(frame.get(slot), caps, env, frame);
        }
        Ok(())
    }

    fn function_name(&self, code: &LambdaCode) -> String {
        code.name.map_or_else(|| "anonymous lambda".into(), |n| self.name_text(n))
    }

    #[cold]
    fn missing_argument(&mut self, code: &LambdaCode, formals: &FormalsCode, i: usize, pos: Pos) -> Fail {
        let m = msg!(
            "function '{}' called without required argument '{}'",
            self.function_name(code),
            self.name_text(formals.formals[i].name)
        );
        self.type_error(m, code.pos());
        self.trace(pos, "from call site")
    }

    #[cold]
    fn unexpected_argument(
        &mut self,
        code: &LambdaCode,
        formals: &FormalsCode,
        arg: Attrs,
        pos: Pos,
    ) -> Fail {
        let flat = self.flat(arg);
        let known = |n| formals.formals.binary_search_by_key(&n, |f| f.name).is_ok();
        let Some((name, ..)) = flat.iter().find(|(n, ..)| !known(*n)) else { return Fail };
        let names: Vec<String> = formals.formals.iter().map(|f| self.raw_name(f.name)).collect();
        let (raw, name) = (self.raw_name(name), self.name_text(name));
        let e = EvalError {
            kind: ErrorKind::Type,
            message: msg!(
                "function '{}' called with unexpected argument '{}'",
                self.function_name(code),
                &name
            ),
            pos: code.pos(),
            traces: Vec::new(),
            suggestions: crate::suggest::best_matches(names.iter().map(String::as_str), &raw),
            cycle: None,
        };
        self.raise(e);
        self.trace(pos, "from call site")
    }

    /// Calls a function (or a set with `__functor`) with one or more arguments. The result is evaluated.
    pub fn call(&mut self, f: Value, args: &[Value], pos: Pos) -> Res {
        self.apply(f, args, pos)
    }

    #[inline]
    pub(crate) fn apply(&mut self, f: Value, args: &[Value], pos: Pos) -> Res {
        let f = self.force(f, pos)?;
        self.apply_value(f, args, pos)
    }

    fn apply_value(&mut self, f: Value, args: &[Value], pos: Pos) -> Res {
        let (mut f, mut args) = (f, args);
        while !args.is_empty() {
            match f.view() {
                View::Closure(c) => {
                    let code = c.code();
                    let n = code.arity as usize;
                    if args.len() < n {
                        return Ok(self.heap.pap(f, args));
                    }
                    let frame = self.stack.top();
                    for (i, a) in args[..n].iter().enumerate() {
                        frame.set(i as u32, *a);
                    }
                    f = self.run_closure(c, code, frame, pos)?;
                    args = &args[n..];
                }
                View::Prim(id) => {
                    let n = self.prims[id.0 as usize].arity as usize;
                    if args.len() < n {
                        return Ok(self.heap.pap(f, args));
                    }
                    f = self.run_prim(id, &args[..n], pos)?;
                    args = &args[n..];
                }
                View::Pap(p) => {
                    let given = p.len();
                    let arity = self.arity(p.function());
                    if let Some(c) = p.function().as_closure() {
                        if given + args.len() >= arity {
                            let frame = self.stack.top();
                            for i in 0..given {
                                frame.set(i as u32, p.arg(i));
                            }
                            let take = arity - given;
                            for (i, a) in args[..take].iter().enumerate() {
                                frame.set((given + i) as u32, *a);
                            }
                            f = self.run_closure(c, c.code(), frame, pos)?;
                            args = &args[take..];
                            continue;
                        }
                    }
                    let mut all: SmallVec<[Value; 8]> = (0..given).map(|i| p.arg(i)).collect();
                    let take = (arity - all.len()).min(args.len());
                    all.extend_from_slice(&args[..take]);
                    if all.len() < arity {
                        return Ok(self.heap.pap(p.function(), &all));
                    }
                    f = self.apply_value(p.function(), &all, pos)?;
                    args = &args[take..];
                }
                View::Attrs(a) if a.has(wk::FUNCTOR) => {
                    let (functor, functor_pos) = a.get_with_pos(wk::FUNCTOR).expect("just looked");
                    self.enter(pos)?;
                    let r = self.apply(functor, &[f, args[0]], functor_pos);
                    self.leave();
                    f = r.map_err(|_| {
                        self.trace(
                            pos,
                            "while calling a functor (an attribute set with a '__functor' attribute)",
                        )
                    })?;
                    args = &args[1..];
                }
                _ => {
                    let m = format!(
                        "attempt to call something which is not a function but {}: {}",
                        Arg(self.show_type(f)),
                        self.show_for_error(f)
                    );
                    return Err(self.type_error(m, pos));
                }
            }
        }
        Ok(f)
    }

    /// How many arguments a closure or primop takes.
    fn arity(&self, f: Value) -> usize {
        match f.view() {
            View::Closure(c) => c.code().arity as usize,
            View::Prim(id) => self.prims[id.0 as usize].arity as usize,
            _ => 1,
        }
    }
}
