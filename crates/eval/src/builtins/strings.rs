//! Strings: what is not an algorithm over text.

use super::{PrimOp, prim};
use crate::Ctx;
use crate::error::{ErrorKind, Res};
use crate::eval::Coerce;
use crate::heap::Value;
use crate::pos::Pos;

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("toString", 1, to_string).args(&["e"]).eager(1).global().doc("`e` as a string."),
    prim("substring", 3, substring)
        .args(&["start", "len", "s"])
        .eager(0b111)
        .doc("The part of `s` from byte `start` of at most `len` bytes; all the rest if `len` is negative."),
    prim("stringLength", 1, string_length).args(&["s"]).eager(1).doc("The number of bytes of `s`."),
    prim("concatStringsSep", 2, concat_strings_sep)
        .args(&["separator", "list"])
        .eager(0b11)
        .doc("The strings of a list with `separator` between them."),
];

fn to_string(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let s = ctx.coerce(
        args[0],
        Coerce::MORE,
        P,
        "while evaluating the first argument passed to builtins.toString",
    )?;
    Ok(s.value())
}

fn substring(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument (the start offset) passed to builtins.substring";
    let start = ctx.force_int(args[0], P, what)?;
    let Ok(start) = usize::try_from(start) else {
        return Err(ctx.error(ErrorKind::Eval, "negative start position in 'substring'", P));
    };
    let what = "while evaluating the second argument (the substring length) passed to builtins.substring";
    let len = usize::try_from(ctx.force_int(args[1], P, what)?).unwrap_or(usize::MAX);
    let what = "while evaluating the third argument (the string) passed to builtins.substring";
    let s = ctx.coerce(args[2], Coerce::COPY, P, what)?;
    let text = s.as_bytes();
    let start = start.min(text.len());
    let end = start.saturating_add(len).min(text.len());
    if end - start == text.len() {
        return Ok(s.value());
    }
    Ok(ctx.str_ctx(&text[start..end], s.context()))
}

fn string_length(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the argument passed to builtins.stringLength";
    let s = ctx.coerce(args[0], Coerce::COPY, P, what)?;
    Ok(ctx.int(s.as_bytes().len() as i64))
}

fn concat_strings_sep(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what =
        "while evaluating the first argument (the separator string) passed to builtins.concatStringsSep";
    let sep = ctx.force_str(args[0], P, what)?;
    let what = "while evaluating the second argument (the list of strings to concat) passed to builtins.concatStringsSep";
    let list = ctx.force_list(args[1], P, what)?;
    let mut contexts = vec![sep.context()];
    let mut parts = Vec::with_capacity(list.len());
    let mut len = sep.as_bytes().len() * list.len().saturating_sub(1);
    for i in 0..list.len() {
        let what = "while evaluating one element of the list of strings to concat passed to builtins.concatStringsSep";
        let s = ctx.coerce(list.get(i), Coerce::COPY, P, what)?;
        if contexts.last() != Some(&s.context()) {
            contexts.push(s.context());
        }
        len += s.as_bytes().len();
        parts.push(s);
    }
    let context = ctx.contexts.union_all(contexts);
    Ok(ctx.heap.string_with(len, context, |out| {
        let mut at = 0;
        let mut put = |b: &[u8]| {
            out[at..at + b.len()].copy_from_slice(b);
            at += b.len();
        };
        for (i, p) in parts.iter().enumerate() {
            if i > 0 {
                put(sep.as_bytes());
            }
            put(p.as_bytes());
        }
    }))
}
