//! Sets.

use firn_syntax::Symbol;
use firn_syntax::symbol::well_known as wk;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{PrimOp, prim};
use crate::Ctx;
use crate::ctx::AttrsBuilder;
use crate::error::{ErrorKind, Res};
use crate::heap::{Attrs, Value, View};
use crate::msg;
use crate::pos::Pos;

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("attrNames", 1, attr_names).args(&["set"]).eager(1).doc("The names of a set's attributes, sorted."),
    prim("attrValues", 1, attr_values)
        .args(&["set"])
        .eager(1)
        .doc("The values of a set's attributes, in the order of their names."),
    prim("getAttr", 2, get_attr).args(&["s", "set"]).eager(0b11).doc("The attribute named `s`."),
    prim("hasAttr", 2, has_attr)
        .args(&["s", "set"])
        .eager(0b11)
        .doc("Whether there is an attribute named `s`."),
    prim("unsafeGetAttrPos", 2, get_attr_pos)
        .args(&["s", "set"])
        .eager(0b11)
        .doc("Where the attribute named `s` is defined: `{ file, line, column }`, or null."),
    prim("removeAttrs", 2, remove_attrs)
        .args(&["set", "list"])
        .eager(0b11)
        .global()
        .doc("The set without the attributes named in the list."),
    prim("listToAttrs", 1, list_to_attrs)
        .args(&["e"])
        .eager(1)
        .doc("A set of a list of `{ name, value }`; of equal names the first counts."),
    prim("intersectAttrs", 2, intersect_attrs)
        .args(&["e1", "e2"])
        .eager(0b11)
        .doc("The attributes of `e2` whose names are in `e1`."),
    prim("catAttrs", 2, cat_attrs)
        .args(&["attr", "list"])
        .eager(0b11)
        .doc("The attribute `attr` of each set of the list that has it."),
    prim("functionArgs", 1, function_args)
        .args(&["f"])
        .eager(1)
        .doc("The names of a function's formal arguments, and whether they have a default."),
    prim("mapAttrs", 2, map_attrs)
        .args(&["f", "attrset"])
        .eager(0b10)
        .doc("The set with `f name value` for each value."),
    prim("zipAttrsWith", 2, zip_attrs_with)
        .args(&["f", "list"])
        .eager(0b11)
        .doc("A set with `f name values` for each name in the sets of the list."),
    prim("__lineOfPosition", 1, line_of).internal().untraced(),
    prim("__columnOfPosition", 1, column_of).internal().untraced(),
];

impl Ctx {
    /// An attribute that must be there, for builtins that take sets: the reference's error has no suggestions.
    pub fn required_attr(&mut self, set: Attrs, name: Symbol, what: &'static str) -> Res<(Value, Pos)> {
        match self.heap.find(set, name) {
            Some((f, i)) => Ok((f.value(i), f.pos(i))),
            None => {
                self.error(ErrorKind::Type, msg!("attribute '{}' missing", self.name_text(name)), P);
                Err(self.trace(P, what))
            }
        }
    }
}

fn attr_names(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let a = ctx.force_attrs(args[0], P, "while evaluating the argument passed to builtins.attrNames")?;
    let f = ctx.flat(a);
    let order = ctx.lexical_order(f);
    let out = ctx.heap.new_list(f.len());
    for (k, i) in order.iter().enumerate() {
        let name = ctx.name_value(f.name(*i as usize));
        out.set(k, name);
    }
    Ok(out.value())
}

fn attr_values(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let a = ctx.force_attrs(args[0], P, "while evaluating the argument passed to builtins.attrValues")?;
    let f = ctx.flat(a);
    let order = ctx.lexical_order(f);
    let out = ctx.heap.new_list(f.len());
    for (k, i) in order.iter().enumerate() {
        out.set(k, f.value(*i as usize));
    }
    Ok(out.value())
}

fn get_attr(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let name =
        ctx.force_str_no_ctx(args[0], P, "while evaluating the first argument passed to builtins.getAttr")?;
    let set =
        ctx.force_attrs(args[1], P, "while evaluating the second argument passed to builtins.getAttr")?;
    let name = ctx.symbol_of(name);
    let (v, _) = ctx.required_attr(set, name, "in the attribute set under consideration")?;
    ctx.force(v, P)
}

fn has_attr(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let name =
        ctx.force_str_no_ctx(args[0], P, "while evaluating the first argument passed to builtins.hasAttr")?;
    let set =
        ctx.force_attrs(args[1], P, "while evaluating the second argument passed to builtins.hasAttr")?;
    let name = ctx.symbol_of(name);
    Ok(Value::bool(ctx.heap.find(set, name).is_some()))
}

fn get_attr_pos(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.unsafeGetAttrPos";
    let name = ctx.force_str_no_ctx(args[0], P, what)?;
    let set = ctx.force_attrs(
        args[1],
        P,
        "while evaluating the second argument passed to builtins.unsafeGetAttrPos",
    )?;
    let name = ctx.symbol_of(name);
    match set.get_with_pos(name) {
        Some((_, pos)) => Ok(ctx.position_value(pos)),
        None => Ok(Value::NULL),
    }
}

fn place_of(ctx: &mut Ctx, args: &[Value]) -> Res<Option<crate::pos::Place>> {
    let n = ctx.force_int(args[0], P, "")?;
    Ok(ctx.positions.place(Pos(n as u32)))
}

fn line_of(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let line = place_of(ctx, args)?.map_or(0, |p| p.line);
    Ok(ctx.int(line.into()))
}

fn column_of(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let column = place_of(ctx, args)?.map_or(0, |p| p.column);
    Ok(ctx.int(column.into()))
}

fn remove_attrs(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let set =
        ctx.force_attrs(args[0], P, "while evaluating the first argument passed to builtins.removeAttrs")?;
    let list =
        ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.removeAttrs")?;
    let mut names: SmallVec<[Symbol; 32]> = SmallVec::new();
    for i in 0..list.len() {
        let what = "while evaluating the values of the second argument passed to builtins.removeAttrs";
        let name = ctx.force_str_no_ctx(list.get(i), P, what)?;
        let n = ctx.symbol_of(name);
        if ctx.heap.find(set, n).is_some() {
            names.push(n);
        }
    }
    if names.is_empty() {
        return Ok(set.value());
    }
    names.sort_unstable();
    let f = ctx.flat(set);
    let kept: SmallVec<[_; 64]> = f.iter().filter(|(n, ..)| names.binary_search(n).is_err()).collect();
    Ok(ctx.heap.attrs_sorted(&kept).value())
}

fn list_to_attrs(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let list = ctx.force_list(args[0], P, "while evaluating the argument passed to builtins.listToAttrs")?;
    let mut found: Vec<(Symbol, u32, Attrs)> = Vec::with_capacity(list.len());
    for i in 0..list.len() {
        let what = "while evaluating an element of the list passed to builtins.listToAttrs";
        let pair = ctx.force_attrs(list.get(i), P, what)?;
        let (name, pos) = ctx.required_attr(pair, wk::NAME, "in a {name=...; value=...;} pair")?;
        let what =
            "while evaluating the `name` attribute of an element of the list passed to builtins.listToAttrs";
        let name = ctx.force_str_no_ctx(name, pos, what)?;
        found.push((ctx.symbol_of(name), i as u32, pair));
    }
    found.sort_unstable_by_key(|f| (f.0, f.1));
    found.dedup_by_key(|f| f.0);
    let mut out: Vec<(Symbol, Pos, Value)> = Vec::with_capacity(found.len());
    for (name, _, pair) in found {
        let (v, pos) = ctx.required_attr(pair, wk::VALUE, "in a {name=...; value=...;} pair")?;
        out.push((name, pos, v));
    }
    Ok(ctx.heap.attrs_sorted(&out).value())
}

fn intersect_attrs(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let a =
        ctx.force_attrs(args[0], P, "while evaluating the first argument passed to builtins.intersectAttrs")?;
    let b = ctx.force_attrs(
        args[1],
        P,
        "while evaluating the second argument passed to builtins.intersectAttrs",
    )?;
    if a.is_empty() || b.is_empty() {
        return Ok(Attrs::empty().value());
    }
    let mut out: SmallVec<[(Symbol, Pos, Value); 32]> = SmallVec::new();
    if a.len() < b.len() {
        let f = ctx.flat(a);
        for name in f.shape().names() {
            if let Some((v, pos)) = b.get_with_pos(*name) {
                out.push((*name, pos, v));
            }
        }
    } else {
        let f = ctx.flat(b);
        out.extend(f.iter().filter(|(n, ..)| a.has(*n)));
        if out.len() == b.len() {
            return Ok(b.value());
        }
    }
    Ok(ctx.heap.attrs_sorted(&out).value())
}

fn cat_attrs(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let name =
        ctx.force_str_no_ctx(args[0], P, "while evaluating the first argument passed to builtins.catAttrs")?;
    let name = ctx.symbol_of(name);
    let list =
        ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.catAttrs")?;
    let mut out: SmallVec<[Value; 32]> = SmallVec::new();
    for i in 0..list.len() {
        let what = "while evaluating an element in the list passed as second argument to builtins.catAttrs";
        let set = ctx.force_attrs(list.get(i), P, what)?;
        if let Some((f, i)) = ctx.heap.find(set, name) {
            out.push(f.value(i));
        }
    }
    Ok(ctx.list(&out))
}

fn function_args(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let f = ctx.force(args[0], P)?;
    let (code, given) = match f.view() {
        View::Closure(c) => (c.code(), 0),
        View::Pap(p) => match p.function().view() {
            View::Closure(c) => (c.code(), p.len()),
            _ => return Ok(Attrs::empty().value()),
        },
        View::Prim(_) => return Ok(Attrs::empty().value()),
        _ => return Err(ctx.error(ErrorKind::Type, "'functionArgs' requires a function", P)),
    };
    let formals = match code.formals {
        Some(formals) if given + 1 == code.arity as usize => formals,
        _ => return Ok(Attrs::empty().value()),
    };
    let out: Vec<_> =
        formals.formals.iter().map(|f| (f.name, f.pos, Value::bool(f.default.is_some()))).collect();
    Ok(ctx.heap.attrs_sorted(&out).value())
}

fn map_attrs(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let set =
        ctx.force_attrs(args[1], P, "while evaluating the second argument passed to builtins.mapAttrs")?;
    if set.is_empty() {
        return Ok(set.value());
    }
    let f = ctx.flat(set);
    let shape = ctx.heap.shape_without_pos(f.shape());
    let out = ctx.heap.new_attrs(shape);
    // Nothing is known of the function yet: errors about the calls do not say where it stands.
    let function = if args[0].is_thunk() { args[0] } else { ctx.heap.finished(args[0]) };
    for i in 0..f.len() {
        let name = ctx.name_value(f.name(i));
        let app = ctx.heap.app(function, &[name, f.value(i)]);
        out.set(i, app);
    }
    Ok(out.value())
}

fn zip_attrs_with(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let f = ctx.force_function(
        args[0],
        P,
        "while evaluating the first argument passed to builtins.zipAttrsWith",
    )?;
    let list =
        ctx.force_list(args[1], P, "while evaluating the second argument passed to builtins.zipAttrsWith")?;
    let mut groups: FxHashMap<Symbol, SmallVec<[Value; 4]>> = FxHashMap::default();
    for i in 0..list.len() {
        let what = "while evaluating a value of the list passed as second argument to builtins.zipAttrsWith";
        let set = ctx.force_attrs(list.get(i), P, what)?;
        let flat = ctx.flat(set);
        for (name, _, v) in flat.iter() {
            groups.entry(name).or_default().push(v);
        }
    }
    let mut out = AttrsBuilder::with_capacity(groups.len());
    for (name, values) in groups {
        let values = ctx.list(&values);
        let text = ctx.name_value(name);
        let app = ctx.heap.app(f, &[text, values]);
        out.push(name, P, app);
    }
    Ok(out.finish(&mut ctx.heap).value())
}
