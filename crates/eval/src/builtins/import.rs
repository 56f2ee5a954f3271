//! `import` and `scopedImport`.

use firn_derivation::Derivation;
use firn_path::{SingleDerivedPath, StorePath};

use super::{PrimOp, prim};
use crate::Ctx;
use crate::context::ContextElem;
use crate::error::Res;
use crate::heap::Value;
use crate::io::SourcePath;
use crate::pos::Pos;

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("import", 1, import)
        .args(&["path"])
        .eager(1)
        .global()
        .doc("The value of the Nix file at `path` (of `default.nix` in it, if it is a folder)."),
    prim("scopedImport", 2, scoped_import)
        .args(&["scope", "path"])
        .global()
        .doc("As `import`, with the attributes of `scope` visible as variables."),
];

/// The function that makes a derivation set of what is known of a `.drv` file.
const IMPORTED_DRV: &str = "
known: let
  set = name: { inherit name; value = known // {
    type = \"derivation\"; outputName = name; outPath = builtins.getAttr name known; drvPath = known.drvPath;
  } // all // { all = outputs; }; };
  all = builtins.listToAttrs outs;
  outs = map set known.outputs;
  outputs = map (o: o.value) outs;
in (builtins.head outs).value
";

fn import(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let path = ctx.realise_path(args[0])?;
    if let Some(drv) = derivation_in_store(ctx, &path)? {
        return imported_derivation(ctx, &path, &drv);
    }
    ctx.eval_file(&path)
}

fn scoped_import(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let path = ctx.realise_path(args[1])?;
    if let Some(drv) = derivation_in_store(ctx, &path)? {
        return imported_derivation(ctx, &path, &drv);
    }
    let what = "while evaluating the first argument passed to builtins.scopedImport";
    let scope = ctx.force_attrs(args[0], P, what)?;
    let flat = ctx.flat(scope);
    let scope = flat.iter().map(|(n, _, v)| (n, v)).collect();
    ctx.eval_file_in_scope(&path, &scope)
}

/// The store path, if a path is that of a valid derivation.
fn derivation_in_store(ctx: &mut Ctx, path: &SourcePath) -> Res<Option<StorePath>> {
    if path.root != 0 || !path.path.ends_with(".drv") {
        return Ok(None);
    }
    let Ok(p) = ctx.settings.store_dir.parse(&path.path) else { return Ok(None) };
    let valid = ctx.io.references(&p).map_err(|e| ctx.io_error(e, P))?.is_some();
    Ok(valid.then_some(p))
}

fn imported_derivation(ctx: &mut Ctx, path: &SourcePath, p: &StorePath) -> Res {
    let drv: Derivation = ctx.io.read_derivation(p).map_err(|e| ctx.io_error(e, P))?;
    let deep = ctx.context_of(ContextElem::DrvDeep(p.clone()));
    let drv_path = ctx.str_ctx(&*path.path, deep);
    let name = ctx.str(drv.env_get("name").unwrap_or_default());
    let mut b = crate::AttrsBuilder::default();
    b.push(ctx.sym("drvPath"), P, drv_path);
    b.push(ctx.sym("name"), P, name);
    let mut names = Vec::new();
    for (output, o) in &drv.outputs {
        let known = o.path(&ctx.settings.store_dir, &drv.name, output);
        let known = match known {
            Ok(k) => k,
            Err(e) => return Err(ctx.io_error(crate::io::IoError::new(e.to_string()), P)),
        };
        let v = ctx.output_string(&SingleDerivedPath::Opaque(p.clone()), output, known.as_ref())?;
        b.push(ctx.sym(output), P, v);
        names.push(ctx.str(output));
    }
    let names = ctx.list(&names);
    b.push(ctx.sym("outputs"), P, names);
    let known = b.finish(&mut ctx.heap).value();
    let f = ctx.eval_internal("imported-drv-to-derivation.nix", IMPORTED_DRV)?;
    let v = ctx.call(f, &[known], P)?;
    ctx.force_attrs(v, P, "while calling imported-drv-to-derivation.nix")?;
    Ok(v)
}
