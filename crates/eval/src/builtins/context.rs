//! String contexts.

use std::collections::BTreeMap;
use std::sync::Arc;

use firn_path::{SingleDerivedPath, StorePath};

use super::{PrimOp, prim};
use crate::Ctx;
use crate::context::ContextElem;
use crate::error::{ErrorKind, Res};
use crate::eval::Coerce;
use crate::heap::Value;
use crate::msg;
use crate::pos::Pos;

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("unsafeDiscardStringContext", 1, discard)
        .args(&["s"])
        .eager(1)
        .doc("The string without its context."),
    prim("hasContext", 1, has_context).args(&["s"]).eager(1).doc("Whether the string has a context."),
    prim("unsafeDiscardOutputDependency", 1, discard_outputs).args(&["s"]).eager(1).doc(
        "The string, referring to the `.drv` files alone where it referred to all that they need and give.",
    ),
    prim("addDrvOutputDependencies", 1, add_outputs)
        .args(&["s"])
        .eager(1)
        .doc("The string, referring to all that its one derivation needs and gives."),
    prim("getContext", 1, get_context).args(&["s"]).eager(1).doc("The context of a string as a set."),
    prim("appendContext", 2, append_context)
        .args(&["s", "context"])
        .eager(0b11)
        .doc("The string with a context (as `getContext` gives it) added."),
];

impl ContextElem {
    /// The element as text: `path`, `=path` or `!output!path`.
    pub fn encode(&self) -> String {
        fn drv(d: &SingleDerivedPath) -> String {
            match d {
                SingleDerivedPath::Opaque(p) => p.base_name().to_owned(),
                SingleDerivedPath::Built { drv: inner, output } => format!("{output}!{}", drv(inner)),
            }
        }
        match self {
            ContextElem::Opaque(p) => p.base_name().to_owned(),
            ContextElem::DrvDeep(p) => format!("={}", p.base_name()),
            ContextElem::Built { drv: d, output } => format!("!{output}!{}", drv(d)),
        }
    }
}

fn discard(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the argument passed to builtins.unsafeDiscardStringContext";
    let s = ctx.coerce(args[0], Coerce::COPY, P, what)?;
    if s.context().is_empty() {
        return Ok(s.value());
    }
    Ok(ctx.str(s.as_bytes()))
}

fn has_context(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let s = ctx.force_str(args[0], P, "while evaluating the argument passed to builtins.hasContext")?;
    Ok(Value::bool(!s.context().is_empty()))
}

fn discard_outputs(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the argument passed to builtins.unsafeDiscardOutputDependency";
    let s = ctx.coerce(args[0], Coerce::COPY, P, what)?;
    let elems = ctx.contexts.elems(s.context()).into_iter().map(|e| match e {
        ContextElem::DrvDeep(p) => ContextElem::Opaque(p),
        e => e,
    });
    let elems = elems.collect();
    let context = ctx.contexts.intern(elems);
    Ok(ctx.heap.with_context(s, context))
}

fn add_outputs(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the argument passed to builtins.addDrvOutputDependencies";
    let s = ctx.coerce(args[0], Coerce::COPY, P, what)?;
    let elems = ctx.contexts.elems(s.context());
    let [elem] = &elems[..] else {
        let m = msg!(
            "context of string '{}' must have exactly one element, but has {}",
            s.to_text(),
            elems.len()
        );
        return Err(ctx.error(ErrorKind::Eval, m, P));
    };
    let deep = match elem {
        ContextElem::Opaque(p) if p.is_derivation() => ContextElem::DrvDeep(p.clone()),
        ContextElem::Opaque(p) => {
            let m = msg!("path '{}' is not a derivation", ctx.settings.store_dir.print(p));
            return Err(ctx.error(ErrorKind::Eval, m, P));
        }
        ContextElem::Built { output, .. } => {
            let m = msg!(
                "`addDrvOutputDependencies` can only act on derivations, not on a derivation output such as '{}'",
                output
            );
            return Err(ctx.error(ErrorKind::Eval, m, P));
        }
        deep @ ContextElem::DrvDeep(_) => deep.clone(),
    };
    let context = ctx.context_of(deep);
    Ok(ctx.heap.with_context(s, context))
}

#[derive(Default)]
struct Info {
    path: bool,
    all_outputs: bool,
    outputs: Vec<String>,
}

fn get_context(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let s = ctx.force_str(args[0], P, "while evaluating the argument passed to builtins.getContext")?;
    let mut infos: BTreeMap<StorePath, Info> = BTreeMap::new();
    for e in ctx.contexts.elems(s.context()) {
        match e {
            ContextElem::Opaque(p) => infos.entry(p).or_default().path = true,
            ContextElem::DrvDeep(p) => infos.entry(p).or_default().all_outputs = true,
            ContextElem::Built { drv, output } => match &*drv {
                SingleDerivedPath::Opaque(p) => infos.entry(p.clone()).or_default().outputs.push(output),
                dynamic => {
                    // FIXME of the reference: dynamic derivations have no place in the result.
                    let m = msg!(
                        "'{}' is an output of a derivation that is not yet known",
                        dynamic.print(&ctx.settings.store_dir)
                    );
                    return Err(ctx.error(ErrorKind::Eval, m, P));
                }
            },
        }
    }
    let mut out = crate::AttrsBuilder::with_capacity(infos.len());
    for (p, mut info) in infos {
        let mut fields: Vec<(&str, Value)> = Vec::new();
        if info.path {
            fields.push(("path", Value::TRUE));
        }
        if info.all_outputs {
            fields.push(("allOutputs", Value::TRUE));
        }
        if !info.outputs.is_empty() {
            info.outputs.sort();
            let names: Vec<Value> = info.outputs.iter().map(|o| ctx.str(o)).collect();
            fields.push(("outputs", ctx.list(&names)));
        }
        let fields = ctx.attrs(&fields);
        let name = ctx.settings.store_dir.print(&p);
        out.push(ctx.sym(name), P, fields);
    }
    Ok(out.finish(&mut ctx.heap).value())
}

fn append_context(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let s =
        ctx.force_str(args[0], P, "while evaluating the first argument passed to builtins.appendContext")?;
    let set =
        ctx.force_attrs(args[1], P, "while evaluating the second argument passed to builtins.appendContext")?;
    let mut elems = ctx.contexts.elems(s.context());
    let flat = ctx.flat(set);
    for (name, pos, v) in flat.iter() {
        let text = String::from_utf8_lossy(ctx.name(name)).into_owned();
        let Ok(path) = ctx.settings.store_dir.parse(&text) else {
            let m = msg!("context key '{}' is not a store path", ctx.name_text(name));
            return Err(ctx.error(ErrorKind::Eval, m, pos));
        };
        if !ctx.settings.read_only {
            let r = ctx.io.ensure_path(&path);
            r.map_err(|e| ctx.io_error(e, P))?;
        }
        let info = ctx.force_attrs(v, pos, "while evaluating the value of a string context")?;
        append_info(ctx, &path, &text, info, &mut elems)?;
    }
    let context = ctx.contexts.intern(elems);
    Ok(ctx.heap.with_context(s, context))
}

fn append_info(
    ctx: &mut Ctx,
    path: &StorePath,
    text: &str,
    info: crate::heap::Attrs,
    elems: &mut Vec<ContextElem>,
) -> Res<()> {
    let names = ["path", "allOutputs", "outputs"].map(|n| ctx.sym(n));
    if let Some((v, pos)) = info.get_with_pos(names[0]) {
        if ctx.force_bool(v, pos, "while evaluating the `path` attribute of a string context")? {
            elems.push(ContextElem::Opaque(path.clone()));
        }
    }
    let not_drv = |ctx: &mut Ctx, what: &str, pos| {
        let m = msg!(
            "tried to add {} context of {}, which is not a derivation, to a string",
            what.to_owned(),
            text
        );
        ctx.error(ErrorKind::Eval, m, pos)
    };
    if let Some((v, pos)) = info.get_with_pos(names[1]) {
        if ctx.force_bool(v, pos, "while evaluating the `allOutputs` attribute of a string context")? {
            if !path.is_derivation() {
                return Err(not_drv(ctx, "all-outputs", pos));
            }
            elems.push(ContextElem::DrvDeep(path.clone()));
        }
    }
    if let Some((v, pos)) = info.get_with_pos(names[2]) {
        let list = ctx.force_list(v, pos, "while evaluating the `outputs` attribute of a string context")?;
        if !list.is_empty() && !path.is_derivation() {
            return Err(not_drv(ctx, "derivation output", pos));
        }
        for i in 0..list.len() {
            let what = "while evaluating an output name within a string context";
            let output = ctx.force_str_no_ctx(list.get(i), pos, what)?.to_text().into_owned();
            elems.push(ContextElem::Built { drv: Arc::new(SingleDerivedPath::Opaque(path.clone())), output });
        }
    }
    Ok(())
}
