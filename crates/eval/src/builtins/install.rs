//! Makes the scope that every file sees: `builtins`, the unprefixed and the `__` names.

use firn_syntax::symbol::well_known as wk;

use super::Registry;
use crate::Ctx;
use crate::ctx::{AttrsBuilder, OpPrims};
use crate::heap::{PrimId, Value};
use crate::pos::Pos;

/// The version of the language, `builtins.langVersion`.
const LANG_VERSION: i64 = 6;

pub(crate) fn install(ctx: &mut Ctx, mut registry: Registry) {
    if ctx.settings.allow_unsafe_native_code {
        registry.add(super::native::TABLE);
    }
    let features = ctx.settings.experimental.clone();
    ctx.prims = registry
        .prims
        .into_iter()
        .filter(|p| p.feature.is_none_or(|f| features.iter().any(|x| x == f)))
        .collect();
    let mut set = AttrsBuilder::default();
    for i in 0..ctx.prims.len() {
        let p = ctx.prims[i];
        if p.internal {
            continue;
        }
        let v = Value::prim(PrimId(i as u32));
        set.push(ctx.sym(p.name), Pos::NONE, v);
        let global = if p.global { ctx.sym(p.name) } else { ctx.sym(format!("__{}", p.name)) };
        ctx.globals.insert(global, v);
    }
    for (name, v) in constants(ctx) {
        set.push(ctx.sym(name), Pos::NONE, v);
        let global = if matches!(name, "true" | "false" | "null" | "derivation") {
            ctx.sym(name)
        } else {
            ctx.sym(format!("__{name}"))
        };
        ctx.globals.insert(global, v);
    }
    // `builtins.builtins` is the set itself.
    set.push(wk::BUILTINS, Pos::NONE, Value::NULL);
    let attrs = set.finish(&mut ctx.heap);
    if let Some((flat, i)) = attrs.find(wk::BUILTINS) {
        flat.attrs().set(i, attrs.value());
    }
    ctx.builtins = attrs;
    ctx.globals.insert(wk::BUILTINS, attrs.value());
    // This one refers to the others.
    let derivation = super::derivation::derivation_function(ctx);
    ctx.globals.insert(wk::DERIVATION, derivation);
    if let Some((flat, i)) = attrs.find(wk::DERIVATION) {
        flat.attrs().set(i, derivation);
    }
    let id = |ctx: &Ctx, name| ctx.prim_id(name).unwrap_or(PrimId(0));
    ctx.op_prims = OpPrims {
        sub: id(ctx, "sub"),
        mul: id(ctx, "mul"),
        div: id(ctx, "div"),
        less_than: id(ctx, "lessThan"),
    };
}

fn constants(ctx: &mut Ctx) -> Vec<(&'static str, Value)> {
    let mut all = vec![
        ("true", Value::TRUE),
        ("false", Value::FALSE),
        ("null", Value::NULL),
        ("langVersion", ctx.int(LANG_VERSION)),
    ];
    let version = ctx.settings.nix_version.clone();
    all.push(("nixVersion", ctx.str(version)));
    let dir = ctx.settings.store_dir.as_str().to_owned();
    all.push(("storeDir", ctx.str(dir)));
    if !ctx.settings.pure {
        let now = ctx.io.time();
        all.push(("currentTime", ctx.int(now)));
        if let Some(system) = ctx.settings.current_system.clone() {
            all.push(("currentSystem", ctx.str(system)));
        }
    }
    let entries = ctx.settings.nix_path.clone();
    let entries: Vec<Value> = entries
        .iter()
        .map(|(prefix, path)| {
            let (prefix, path) = (ctx.str(prefix), ctx.str(path));
            ctx.attrs(&[("prefix", prefix), ("path", path)])
        })
        .collect();
    all.push(("nixPath", ctx.list(&entries)));
    all.push(("derivation", Value::NULL));
    all
}
