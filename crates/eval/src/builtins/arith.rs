//! Numbers.

use super::{PrimOp, prim};
use crate::Ctx;
use crate::error::{ErrorKind, Fail, Res};
use crate::heap::{Type, Value};
use crate::msg;
use crate::pos::Pos;

pub(super) const TABLE: &[PrimOp] = &[
    prim("add", 2, add).args(&["e1", "e2"]).eager(0b11).doc("The sum of two numbers."),
    prim("sub", 2, sub).args(&["e1", "e2"]).eager(0b11).doc("The difference of two numbers."),
    prim("mul", 2, mul).args(&["e1", "e2"]).eager(0b11).doc("The product of two numbers."),
    prim("div", 2, div)
        .args(&["e1", "e2"])
        .eager(0b11)
        .doc("The quotient of two numbers; of integers rounded towards zero."),
    prim("bitAnd", 2, bit_and).args(&["e1", "e2"]).eager(0b11).doc("Bitwise and of two integers."),
    prim("bitOr", 2, bit_or).args(&["e1", "e2"]).eager(0b11).doc("Bitwise or of two integers."),
    prim("bitXor", 2, bit_xor).args(&["e1", "e2"]).eager(0b11).doc("Bitwise exclusive or of two integers."),
    prim("lessThan", 2, less_than)
        .args(&["e1", "e2"])
        .eager(0b11)
        .doc("Whether the first is less than the second: numbers, strings, paths and lists of these."),
    prim("ceil", 1, ceil).args(&["number"]).eager(1).doc("The smallest integer not below the number."),
    prim("floor", 1, floor).args(&["number"]).eager(1).doc("The largest integer not above the number."),
];

/// Whether one of two operands is a float; both are evaluated.
fn any_float(ctx: &mut Ctx, args: &[Value]) -> Res<bool> {
    let a = ctx.force(args[0], Pos::NONE)?;
    let b = ctx.force(args[1], Pos::NONE)?;
    Ok(a.ty() == Type::Float || b.ty() == Type::Float)
}

fn overflow(ctx: &mut Ctx, what: &str, op: char, a: i64, b: i64) -> Fail {
    let m = format!("integer overflow in {what} {} {op} {}", crate::error::Arg(a), crate::error::Arg(b));
    ctx.error(ErrorKind::Eval, m, Pos::NONE)
}

fn add(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let (w1, w2) = (
        "while evaluating the first argument of the addition",
        "while evaluating the second argument of the addition",
    );
    if any_float(ctx, args)? {
        let f = ctx.force_float(args[0], Pos::NONE, w1)? + ctx.force_float(args[1], Pos::NONE, w2)?;
        return Ok(ctx.float(f));
    }
    let (a, b) = (ctx.force_int(args[0], Pos::NONE, w1)?, ctx.force_int(args[1], Pos::NONE, w2)?);
    match a.checked_add(b) {
        Some(i) => Ok(ctx.int(i)),
        None => Err(overflow(ctx, "adding", '+', a, b)),
    }
}

fn sub(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let (w1, w2) = (
        "while evaluating the first argument of the subtraction",
        "while evaluating the second argument of the subtraction",
    );
    if any_float(ctx, args)? {
        let f = ctx.force_float(args[0], Pos::NONE, w1)? - ctx.force_float(args[1], Pos::NONE, w2)?;
        return Ok(ctx.float(f));
    }
    let (a, b) = (ctx.force_int(args[0], Pos::NONE, w1)?, ctx.force_int(args[1], Pos::NONE, w2)?);
    match a.checked_sub(b) {
        Some(i) => Ok(ctx.int(i)),
        None => Err(overflow(ctx, "subtracting", '-', a, b)),
    }
}

fn mul(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let w2 = "while evaluating the second argument of the multiplication";
    if any_float(ctx, args)? {
        let w1 = "while evaluating the first of the multiplication";
        let f = ctx.force_float(args[0], Pos::NONE, w1)? * ctx.force_float(args[1], Pos::NONE, w2)?;
        return Ok(ctx.float(f));
    }
    let w1 = "while evaluating the first argument of the multiplication";
    let (a, b) = (ctx.force_int(args[0], Pos::NONE, w1)?, ctx.force_int(args[1], Pos::NONE, w2)?);
    match a.checked_mul(b) {
        Some(i) => Ok(ctx.int(i)),
        None => Err(overflow(ctx, "multiplying", '*', a, b)),
    }
}

fn div(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let (w1, w2) = (
        "while evaluating the first operand of the division",
        "while evaluating the second operand of the division",
    );
    let float = any_float(ctx, args)?;
    let divisor = ctx.force_float(args[1], Pos::NONE, w2)?;
    if divisor == 0.0 {
        return Err(ctx.error(ErrorKind::Eval, "division by zero", Pos::NONE));
    }
    if float {
        let f = ctx.force_float(args[0], Pos::NONE, w1)? / divisor;
        return Ok(ctx.float(f));
    }
    let (a, b) = (ctx.force_int(args[0], Pos::NONE, w1)?, ctx.force_int(args[1], Pos::NONE, w2)?);
    match a.checked_div(b) {
        Some(i) => Ok(ctx.int(i)),
        None => Err(overflow(ctx, "dividing", '/', a, b)),
    }
}

fn bits(ctx: &mut Ctx, args: &[Value], w1: &'static str, w2: &'static str, op: fn(i64, i64) -> i64) -> Res {
    let a = ctx.force_int(args[0], Pos::NONE, w1)?;
    let b = ctx.force_int(args[1], Pos::NONE, w2)?;
    Ok(ctx.int(op(a, b)))
}

fn bit_and(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let (w1, w2) = (
        "while evaluating the first argument passed to builtins.bitAnd",
        "while evaluating the second argument passed to builtins.bitAnd",
    );
    bits(ctx, args, w1, w2, |a, b| a & b)
}

fn bit_or(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let (w1, w2) = (
        "while evaluating the first argument passed to builtins.bitOr",
        "while evaluating the second argument passed to builtins.bitOr",
    );
    bits(ctx, args, w1, w2, |a, b| a | b)
}

fn bit_xor(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let (w1, w2) = (
        "while evaluating the first argument passed to builtins.bitXor",
        "while evaluating the second argument passed to builtins.bitXor",
    );
    bits(ctx, args, w1, w2, |a, b| a ^ b)
}

fn less_than(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let a = ctx.force(args[0], Pos::NONE)?;
    let b = ctx.force(args[1], Pos::NONE)?;
    Ok(Value::bool(ctx.less_than(a, b, Pos::NONE, "")?))
}

fn round(ctx: &mut Ctx, v: Value, what: &'static str, op: fn(f64) -> f64) -> Res {
    let f = op(ctx.force_float(v, Pos::NONE, what)?);
    let v = v.resolved();
    let min = i64::MIN as f64;
    let result = if f >= min && f < -min { Some(f as i64) } else { None };
    let bug = "Due to a bug (see https://github.com/NixOS/nix/issues/12899)";
    let note = "Future Nix versions might implement the correct behavior.";
    let m = match (v.as_int(), result) {
        (Some(i), None) => format!(
            "{bug} the NixInt argument {} caused undefined behavior in previous Nix versions.\n\t{note}",
            crate::error::Arg(i)
        ),
        (Some(i), Some(r)) if i != r => format!(
            "{bug} a loss of precision occurred in previous Nix versions because the NixInt argument {} was rounded to {}.\n\t{note}",
            crate::error::Arg(i),
            crate::error::Arg(r)
        ),
        (None, None) => {
            let f = crate::print::float_six(v.as_float().unwrap_or(f));
            msg!("NixFloat argument {} is not in the range of NixInt", f)
        }
        (_, Some(r)) => return Ok(ctx.int(r)),
    };
    Err(ctx.error(ErrorKind::Eval, m, Pos::NONE))
}

fn ceil(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    round(ctx, args[0], "while evaluating the first argument passed to builtins.ceil", f64::ceil)
}

fn floor(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    round(ctx, args[0], "while evaluating the first argument passed to builtins.floor", f64::floor)
}
