//! Lists.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{PrimOp, prim};
use crate::Ctx;
use crate::ctx::AttrsBuilder;
use crate::error::{ErrorKind, Res};
use crate::heap::{List, Value};
use crate::msg;
use crate::pos::Pos;

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("elemAt", 2, elem_at).args(&["xs", "n"]).eager(0b11).doc("The element of `xs` at index `n`, from 0."),
    prim("head", 1, head).args(&["list"]).eager(1).doc("The first element of a list."),
    prim("tail", 1, tail).args(&["list"]).eager(1).doc("A list without its first element. Takes time proportional to the list."),
    prim("length", 1, length).args(&["list"]).eager(1).doc("The number of elements."),
    prim("map", 2, map).args(&["f", "list"]).eager(0b10).global().doc("`f` applied to each element, when it is needed."),
    prim("filter", 2, filter).args(&["f", "list"]).eager(0b10).doc("The elements for which `f` gives true."),
    prim("elem", 2, elem).args(&["x", "xs"]).eager(0b10).doc("Whether an element of `xs` equals `x`."),
    prim("concatLists", 1, concat_lists).args(&["lists"]).eager(1).doc("All the lists in one."),
    prim("foldl'", 3, foldl).args(&["op", "nul", "list"]).eager(0b101).doc("`op (op (op nul x0) x1) …`, each step evaluated at once."),
    prim("any", 2, any).args(&["pred", "list"]).eager(0b11).doc("Whether `pred` gives true for an element."),
    prim("all", 2, all).args(&["pred", "list"]).eager(0b11).doc("Whether `pred` gives true for every element."),
    prim("genList", 2, gen_list).args(&["generator", "length"]).eager(0b10).doc("`[ (generator 0) (generator 1) … ]`"),
    prim("sort", 2, sort).args(&["comparator", "list"]).eager(0b10).doc("The list in the order of `comparator`, which says whether its first argument is less than its second. Equal elements keep their order."),
    prim("partition", 2, partition).args(&["pred", "list"]).eager(0b11).doc("`{ right, wrong }`: the elements for which `pred` gives true, and the others."),
    prim("groupBy", 2, group_by).args(&["f", "list"]).eager(0b11).doc("A set of lists of the elements, by the name that `f` gives."),
    prim("concatMap", 2, concat_map).args(&["f", "list"]).eager(0b11).doc("The lists that `f` gives for each element, in one."),
];

fn elem_at(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let n = ctx.force_int(args[1], P, "while evaluating the second argument passed to 'builtins.elemAt'")?;
    let l = ctx.force_list(args[0], P, "while evaluating the first argument passed to 'builtins.elemAt'")?;
    match usize::try_from(n) {
        Ok(i) if i < l.len() => ctx.force(l.get(i), P),
        _ => {
            let m = msg!("'builtins.elemAt' called with index {} on a list of size {}", n, l.len());
            Err(ctx.error(ErrorKind::Eval, m, P))
        }
    }
}

fn head(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let l = ctx.force_list(args[0], P, "while evaluating the first argument passed to 'builtins.head'")?;
    if l.is_empty() {
        return Err(ctx.error(ErrorKind::Eval, "'builtins.head' called on an empty list", P));
    }
    ctx.force(l.get(0), P)
}

fn tail(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let l = ctx.force_list(args[0], P, "while evaluating the first argument passed to 'builtins.tail'")?;
    if l.is_empty() {
        return Err(ctx.error(ErrorKind::Eval, "'builtins.tail' called on an empty list", P));
    }
    let out = ctx.heap.new_list(l.len() - 1);
    l.copy_to(1, out, 0);
    Ok(out.value())
}

fn length(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let l = ctx.force_list(args[0], P, "while evaluating the first argument passed to builtins.length")?;
    Ok(ctx.int(l.len() as i64))
}

fn map(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let l = ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.map")?;
    if l.is_empty() {
        return Ok(l.value());
    }
    let f = ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.map")?;
    let out = ctx.heap.new_list(l.len());
    for (i, v) in l.iter().enumerate() {
        let app = ctx.heap.app(f, &[v]);
        out.set(i, app);
    }
    Ok(out.value())
}

fn filter(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let l = ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.filter")?;
    if l.is_empty() {
        return Ok(l.value());
    }
    let f =
        ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.filter")?;
    let mut kept: SmallVec<[Value; 32]> = SmallVec::new();
    for i in 0..l.len() {
        let v = l.get(i);
        let keep = ctx.call(f, &[v], P)?;
        let what = "while evaluating the return value of the filtering function passed to builtins.filter";
        if ctx.force_bool(keep, P, what)? {
            kept.push(l.get(i));
        }
    }
    if kept.len() == l.len() {
        return Ok(l.value());
    }
    Ok(ctx.list(&kept))
}

fn elem(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let l = ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.elem")?;
    for i in 0..l.len() {
        if ctx.equal_in(args[0], l.get(i), P)? {
            return Ok(Value::TRUE);
        }
    }
    Ok(Value::FALSE)
}

fn concat_lists(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let l =
        ctx.force_list(args[0], P, "while evaluating the first argument passed to builtins.concatLists")?;
    let mut lists: SmallVec<[List; 16]> = SmallVec::with_capacity(l.len());
    for i in 0..l.len() {
        lists.push(ctx.force_list(
            l.get(i),
            P,
            "while evaluating a value of the list passed to builtins.concatLists",
        )?);
    }
    Ok(ctx.concat(&lists))
}

fn foldl(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let f =
        ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.foldlStrict")?;
    let l =
        ctx.force_list(args[2], P, "while evaluating the third argument passed to builtins.foldlStrict")?;
    let mut acc = args[1];
    for i in 0..l.len() {
        acc = ctx.call(f, &[acc, l.get(i)], P)?;
    }
    ctx.force(acc, P)
}

fn any(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let f = ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.any")?;
    let l = ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.any")?;
    for i in 0..l.len() {
        let r = ctx.call(f, &[l.get(i)], P)?;
        if ctx.force_bool(r, P, "while evaluating the return value of the function passed to builtins.any")? {
            return Ok(Value::TRUE);
        }
    }
    Ok(Value::FALSE)
}

fn all(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let f = ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.all")?;
    let l = ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.all")?;
    for i in 0..l.len() {
        let r = ctx.call(f, &[l.get(i)], P)?;
        if !ctx.force_bool(
            r,
            P,
            "while evaluating the return value of the function passed to builtins.all",
        )? {
            return Ok(Value::FALSE);
        }
    }
    Ok(Value::TRUE)
}

fn gen_list(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let n = ctx.force_int(args[1], P, "while evaluating the second argument passed to builtins.genList")?;
    let Some(len) = usize::try_from(n).ok().filter(|n| ctx.heap.has_room(*n)) else {
        return Err(ctx.error(ErrorKind::Eval, msg!("cannot create list of size {}", n), P));
    };
    let f =
        ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.genList")?;
    let out = ctx.heap.new_list(len);
    for i in 0..len {
        let n = ctx.int(i as i64);
        let app = ctx.heap.app(f, &[n]);
        out.set(i, app);
    }
    Ok(out.value())
}

fn sort(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let l = ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.sort")?;
    if l.is_empty() {
        return Ok(l.value());
    }
    let f = ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.sort")?;
    let mut v: Vec<Value> = Vec::with_capacity(l.len());
    for i in 0..l.len() {
        ctx.force(l.get(i), P)?;
        v.push(l.get(i));
    }
    let native = f.as_prim().is_some_and(|p| p == ctx.op_prims.less_than);
    let mut less = |a: &Value, b: &Value| {
        if native {
            return ctx.less_than(
                *a,
                *b,
                P,
                "while evaluating the ordering function passed to builtins.sort",
            );
        }
        let r = ctx.call(f, &[*a, *b], P)?;
        ctx.force_bool(
            r,
            P,
            "while evaluating the return value of the sorting function passed to builtins.sort",
        )
    };
    crate::sort::sort(&mut v, &mut less)?;
    Ok(ctx.list(&v))
}

fn partition(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let f =
        ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.partition")?;
    let l =
        ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.partition")?;
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for i in 0..l.len() {
        ctx.force(l.get(i), P)?;
        let v = l.get(i);
        let r = ctx.call(f, &[v], P)?;
        let what = "while evaluating the return value of the partition function passed to builtins.partition";
        if ctx.force_bool(r, P, what)? { right.push(v) } else { wrong.push(v) }
    }
    let (right, wrong) = (ctx.list(&right), ctx.list(&wrong));
    Ok(ctx.attrs(&[("right", right), ("wrong", wrong)]))
}

fn group_by(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let f =
        ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.groupBy")?;
    let l = ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.groupBy")?;
    let mut groups: FxHashMap<_, Vec<Value>> = FxHashMap::default();
    for i in 0..l.len() {
        let v = l.get(i);
        let r = ctx.call(f, &[v], P)?;
        let what = "while evaluating the return value of the grouping function passed to builtins.groupBy";
        let name = ctx.force_str_no_ctx(r, P, what)?;
        groups.entry(ctx.symbol_of(name)).or_default().push(v);
    }
    let mut out = AttrsBuilder::with_capacity(groups.len());
    for (name, values) in groups {
        let list = ctx.list(&values);
        out.push(name, P, list);
    }
    Ok(out.finish(&mut ctx.heap).value())
}

fn concat_map(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let f =
        ctx.force_function(args[0], P, "while evaluating the first argument passed to builtins.concatMap")?;
    let l =
        ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.concatMap")?;
    let mut lists: SmallVec<[List; 16]> = SmallVec::with_capacity(l.len());
    for i in 0..l.len() {
        let r = ctx.call(f, &[l.get(i)], P)?;
        let what = "while evaluating the return value of the function passed to builtins.concatMap";
        let place = ctx.place_of(r, ctx.place_of(f, P));
        lists.push(ctx.force_list(r, place, what)?);
    }
    Ok(ctx.concat(&lists))
}
