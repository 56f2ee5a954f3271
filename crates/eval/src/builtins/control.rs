//! Order of evaluation, errors, messages.

use std::cmp::Ordering;
use std::collections::VecDeque;

use firn_syntax::symbol::well_known as wk;

use super::{PrimOp, prim};
use crate::Ctx;
use crate::error::{Arg, ErrorKind, EvalError, Fail, Res};
use crate::eval::Coerce;
use crate::heap::Value;
use crate::io::LogLevel;
use crate::msg;
use crate::pos::Pos;
use crate::print::{PrintOptions, RenderOptions};

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("abort", 1, abort).args(&["s"]).global().doc("Ends the evaluation with the message `s`."),
    prim("throw", 1, throw).args(&["s"]).global().doc("Fails with the message `s`; `tryEval` catches it."),
    prim("addErrorContext", 2, add_error_context).args(&["message", "value"]).untraced().doc("The value; if it fails, `message` is part of the trace."),
    prim("tryEval", 1, try_eval).args(&["e"]).doc("`{ success = true; value = e; }`, or `{ success = false; value = false; }` if evaluating `e` throws or an assertion fails."),
    prim("seq", 2, seq).args(&["e1", "e2"]).eager(0b11).doc("Evaluates `e1`, then gives `e2`."),
    prim("deepSeq", 2, deep_seq).args(&["e1", "e2"]).doc("Evaluates `e1` and everything in it, then gives `e2`."),
    prim("trace", 2, trace).args(&["e1", "e2"]).doc("Shows `e1`, then gives `e2`."),
    prim("traceVerbose", 2, trace_verbose).args(&["e1", "e2"]).doc("As `trace` with `--trace-verbose`, else only gives `e2`."),
    prim("warn", 2, warn).args(&["message", "value"]).doc("Shows a warning, then gives `value`."),
    prim("break", 1, |c, a, _| c.force(a[0], P)).args(&["v"]).global().doc("Gives `v`; stops in the debugger."),
    prim("genericClosure", 1, generic_closure).args(&["attrset"]).doc("The elements of `startSet` and all that `operator` gives for them, each `key` once."),
];

fn abort(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let s =
        ctx.coerce(args[0], Coerce::COPY, P, "while evaluating the error message passed to builtins.abort")?;
    let m = msg!("evaluation aborted with the following error message: '{}'", s.to_text());
    Err(ctx.error(ErrorKind::Abort, m, P))
}

fn throw(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let s =
        ctx.coerce(args[0], Coerce::COPY, P, "while evaluating the error message passed to builtin.throw")?;
    Err(ctx.error(ErrorKind::Throw, s.to_text(), P))
}

fn add_error_context(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    if let Ok(v) = ctx.force(args[1], P) {
        return Ok(v);
    }
    let mark = ctx.error_mark();
    let what = "while evaluating the error message passed to builtins.addErrorContext";
    let s = ctx.coerce(args[0], Coerce::PLAIN, P, what)?;
    ctx.resume(mark);
    ctx.trace(P, s.to_text().into_owned());
    if let Some(t) = ctx.error_mut().traces.last_mut() {
        t.always = true;
    }
    Err(Fail)
}

fn try_eval(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let depth = ctx.depth;
    ctx.trying += 1;
    let r = ctx.force(args[0], P);
    ctx.trying -= 1;
    let (ok, value) = match r {
        Ok(v) => (Value::TRUE, if v.is_plain() { v } else { args[0] }),
        Err(_) if ctx.error_mut().kind.is_catchable() => {
            ctx.depth = depth;
            ctx.forget_error();
            (Value::FALSE, Value::FALSE)
        }
        Err(_) => return Err(Fail),
    };
    Ok(ctx.attrs(&[("success", ok), ("value", value)]))
}

fn seq(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    ctx.force(args[0], P)?;
    ctx.force(args[1], P)
}

fn deep_seq(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    ctx.force_deep(args[0], P)?;
    ctx.force(args[1], P)
}

fn show_trace(ctx: &mut Ctx, v: Value) -> Res<()> {
    let v = ctx.force(v, P)?;
    let text = match v.as_str() {
        Some(s) => s.to_text().into_owned(),
        None => ctx.print(v, &PrintOptions::PLAIN)?,
    };
    ctx.io.log(LogLevel::Error, &format!("trace: {text}"));
    Ok(())
}

fn trace(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    show_trace(ctx, args[0])?;
    ctx.force(args[1], P)
}

fn trace_verbose(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    if ctx.settings.trace_verbose {
        show_trace(ctx, args[0])?;
    }
    ctx.force(args[1], P)
}

impl Ctx {
    /// Shows a warning with a place and a trace.
    pub(crate) fn log_warning(
        &mut self,
        from_expr: bool,
        message: String,
        pos: Pos,
        traces: Vec<crate::error::Trace>,
    ) {
        let word = if from_expr { "evaluation warning:" } else { "warning:" };
        let own_line = message.starts_with('\n');
        let e =
            EvalError { kind: ErrorKind::Eval, message, pos, traces, suggestions: Vec::new(), cycle: None };
        let o = RenderOptions { show_trace: self.settings.show_trace, colors: true };
        let text = if own_line {
            format!("\u{1b}[35;1m{word}\u{1b}[0m{}", e.message.trim_end())
        } else {
            self.render_as(&format!("\u{1b}[35;1m{word}\u{1b}[0m "), &e, o)
        };
        self.io.log(LogLevel::Warn, &text);
    }
}

fn warn(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument; the message passed to builtins.warn";
    let s = ctx.force_str(args[0], P, what)?;
    ctx.log_warning(true, s.to_text().into_owned(), P, Vec::new());
    if ctx.settings.abort_on_warn {
        let m = "aborting to reveal stack trace of warning, as abort-on-warn is set";
        return Err(ctx.error(ErrorKind::Abort, m, P));
    }
    ctx.force(args[1], P)
}

fn generic_closure(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let set =
        ctx.force_attrs(args[0], P, "while evaluating the first argument passed to builtins.genericClosure")?;
    let within = "in the attrset passed as argument to builtins.genericClosure";
    let (start, _) = ctx.required_attr(set, wk::START_SET, within)?;
    let what = "while evaluating the 'startSet' attribute passed as argument to builtins.genericClosure";
    let start = ctx.force_list(start, P, what)?;
    if start.is_empty() {
        return Ok(start.value());
    }
    let (op, _) = ctx.required_attr(set, wk::OPERATOR, within)?;
    let what = "while evaluating the 'operator' attribute passed as argument to builtins.genericClosure";
    let op = ctx.force_function(op, P, what)?;
    let mut work: VecDeque<Value> = start.iter().collect();
    let mut done: Vec<Value> = Vec::new();
    // Sorted by key: the key and its element.
    let mut keys: Vec<(Value, Value)> = Vec::new();
    while let Some(e) = work.pop_front() {
        let key = closure_key(ctx, e)?;
        let Some(at) = closure_place(ctx, &keys, key, e)? else { continue };
        keys.insert(at, (key, e));
        done.push(e);
        if closure_step(ctx, op, e, &mut work).is_err() {
            let text =
                format!("while calling {} on genericClosure element {}", Arg("operator"), ctx.show_aside(e));
            return Err(ctx.trace(P, text));
        }
    }
    Ok(ctx.list(&done))
}

fn closure_key(ctx: &mut Ctx, e: Value) -> Res {
    let key = match ctx.force_attrs(e, P, "") {
        Ok(set) => ctx.required_attr(set, wk::KEY, ""),
        Err(f) => Err(f),
    };
    match key {
        Ok((key, _)) => ctx.force(key, P),
        Err(_) => {
            let text = format!("in genericClosure element {}", ctx.show_aside(e));
            Err(ctx.trace(P, text))
        }
    }
}

/// Where a new key belongs; `None` if it is there.
fn closure_place(ctx: &mut Ctx, keys: &[(Value, Value)], key: Value, e: Value) -> Res<Option<usize>> {
    let (mut lo, mut hi) = (0, keys.len());
    // Many closures give their keys in order.
    while lo < hi {
        let mid = (lo + hi) / 2;
        match closure_compare(ctx, key, keys[mid].0) {
            Ok(Ordering::Equal) => return Ok(None),
            Ok(Ordering::Less) => hi = mid,
            Ok(Ordering::Greater) => lo = mid + 1,
            Err(_) => {
                let mark = ctx.error_mark();
                let mut other = None;
                for (k, elem) in keys {
                    if ctx.less_than(key, *k, P, "").is_err() {
                        other = Some(*elem);
                        break;
                    }
                }
                ctx.resume(mark);
                if let Some(other) = other {
                    let text = format!("with element {}", ctx.show_aside(other));
                    ctx.trace(P, text);
                    let text = format!("while comparing element {}", ctx.show_aside(e));
                    return Err(ctx.trace(P, text));
                }
                let text = format!("while checking key of element {}", ctx.show_aside(e));
                return Err(ctx.trace(P, text));
            }
        }
    }
    Ok(Some(lo))
}

fn closure_compare(ctx: &mut Ctx, a: Value, b: Value) -> Res<Ordering> {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return Ok(a.as_bytes().cmp(b.as_bytes()));
    }
    if ctx.less_than(a, b, P, "")? {
        return Ok(Ordering::Less);
    }
    Ok(if ctx.less_than(b, a, P, "")? { Ordering::Greater } else { Ordering::Equal })
}

fn closure_step(ctx: &mut Ctx, op: Value, e: Value, work: &mut VecDeque<Value>) -> Res<()> {
    let new = ctx.call(op, &[e], P)?;
    let what = "while evaluating the return value of the `operator` passed to builtins.genericClosure";
    let new = ctx.force_list(new, P, what)?;
    for i in 0..new.len() {
        work.push_back(ctx.force(new.get(i), P)?);
    }
    Ok(())
}

impl Ctx {
    /// A value for a message about an error that is being raised.
    pub(crate) fn show_aside(&mut self, v: Value) -> String {
        let mark = self.error_mark();
        let s = self.show_for_error(v);
        self.resume(mark);
        s
    }
}
