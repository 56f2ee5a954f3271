//! `fetchMercurial`: refused, with the reason.

use firn_eval::builtins::{PrimOp, prim};
use firn_eval::{Ctx, ErrorKind, Pos, Res, Value};

use super::P;

pub(super) const TABLE: &[PrimOp] = &[prim("fetchMercurial", 1, fetch_mercurial)
    .args(&["args"])
    .global()
    .doc("Mercurial repositories are not supported; the call fails.")];

fn fetch_mercurial(ctx: &mut Ctx, _args: &[Value], _pos: Pos) -> Res {
    let text = "fetching Mercurial repositories is not supported: use an archive of the repository ('fetchTarball'), or a \
                copy of it that is kept in Git ('fetchGit')";
    Err(ctx.error(ErrorKind::Eval, text, P))
}
