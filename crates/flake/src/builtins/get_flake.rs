//! `getFlake`

use firn_eval::builtins::{PrimOp, prim};
use firn_eval::{Ctx, Pos, Res, Value};

use super::{P, with_flakes};
use crate::error::FlakeError;
use crate::locking::Options;
use crate::reference::{Context, FlakeRef};
use crate::session::LockMode;

pub(super) const TABLE: &[PrimOp] = &[prim("getFlake", 1, get_flake)
    .feature("flakes")
    .args(&["args"])
    .doc("The outputs of a flake, given its reference, or the path of its folder.")];

fn get_flake(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    let pure = ctx.settings.pure;
    let arg = ctx.force(args[0], P)?;
    if let Some(path) = arg.as_path() {
        let path = ctx.source_path(path);
        let (flakes, locked) = with_flakes(ctx, pos, |flakes, ctx| {
            let mode = mode(flakes, pure);
            Ok((flakes.clone(), flakes.lock_path(ctx, &path, &mode)?))
        })?;
        return flakes.call(ctx, &locked);
    }
    let text = ctx.force_str_no_ctx(arg, pos, "while evaluating the argument passed to builtins.getFlake")?;
    let text = text.to_text().into_owned();
    let (flakes, locked) = with_flakes(ctx, pos, |flakes, ctx| {
        let reference = FlakeRef::parse(&text, Context { base: None, flake: true, keep_relative: false })?;
        let mode = mode(flakes, pure);
        // A path into a tree that was fetched already means that tree.
        if let Some(path) = flakes.mounted_path(&reference) {
            return Ok((flakes.clone(), flakes.lock_path(ctx, &path, &mode)?));
        }
        if pure && !flakes.fetcher().is_locked(&reference.input) {
            let shown = ctx.show_pos(P);
            return Err(FlakeError::new(format!(
                "cannot call 'getFlake' on unlocked flake reference '{text}', at {shown} (use --impure to override)"
            )));
        }
        Ok((flakes.clone(), flakes.lock(ctx, &reference, &mode)?))
    })?;
    flakes.call(ctx, &locked)
}

fn mode(flakes: &crate::session::Flakes, pure: bool) -> LockMode {
    LockMode {
        options: Options { allow_unlocked: !pure, ..Options::default() },
        write: false,
        update: false,
        use_registries: !pure && flakes.fetcher().settings().use_registries(),
        ..LockMode::default()
    }
}
