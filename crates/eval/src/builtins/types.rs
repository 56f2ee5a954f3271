//! Asking for types.

use super::{PrimOp, prim};
use crate::Ctx;
use crate::error::Res;
use crate::heap::{Type, Value};
use crate::pos::Pos;

pub(super) const TABLE: &[PrimOp] = &[
    prim("typeOf", 1, type_of).args(&["e"]).eager(1).doc("The type of `e`: `\"int\"`, `\"bool\"`, `\"string\"`, `\"path\"`, `\"null\"`, `\"set\"`, `\"list\"`, `\"lambda\"` or `\"float\"`."),
    prim("isNull", 1, |c, a, _| is(c, a, Type::Null)).args(&["e"]).eager(1).global().doc("Whether `e` is null."),
    prim("isFunction", 1, |c, a, _| is(c, a, Type::Function)).args(&["e"]).eager(1).doc("Whether `e` is a function."),
    prim("isInt", 1, |c, a, _| is(c, a, Type::Int)).args(&["e"]).eager(1).doc("Whether `e` is an integer."),
    prim("isFloat", 1, |c, a, _| is(c, a, Type::Float)).args(&["e"]).eager(1).doc("Whether `e` is a float."),
    prim("isString", 1, |c, a, _| is(c, a, Type::String)).args(&["e"]).eager(1).doc("Whether `e` is a string."),
    prim("isBool", 1, |c, a, _| is(c, a, Type::Bool)).args(&["e"]).eager(1).doc("Whether `e` is a Boolean."),
    prim("isPath", 1, |c, a, _| is(c, a, Type::Path)).args(&["e"]).eager(1).doc("Whether `e` is a path."),
    prim("isAttrs", 1, |c, a, _| is(c, a, Type::Attrs)).args(&["e"]).eager(1).doc("Whether `e` is a set."),
    prim("isList", 1, |c, a, _| is(c, a, Type::List)).args(&["e"]).eager(1).doc("Whether `e` is a list."),
];

fn is(ctx: &mut Ctx, args: &[Value], ty: Type) -> Res {
    let v = ctx.force(args[0], Pos::NONE)?;
    Ok(Value::bool(v.ty() == ty))
}

fn type_of(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let v = ctx.force(args[0], Pos::NONE)?;
    let name = match v.ty() {
        Type::Int => "int",
        Type::Float => "float",
        Type::Bool => "bool",
        Type::String => "string",
        Type::Path => "path",
        Type::Null => "null",
        Type::Attrs => "set",
        Type::List => "list",
        Type::Function => "lambda",
        Type::External | Type::Thunk => "external",
    };
    let sym = ctx.sym(name);
    Ok(ctx.name_value(sym))
}
