//! `fetchurl`, `fetchTarball`

use std::sync::Arc;

use firn_eval::builtins::{PrimOp, prim};
use firn_eval::{Ctx, ErrorKind, Pos, Res, Value, msg};
use firn_fetch::{Attrs, Input};
use firn_hash::{Algo, Hash};
use firn_path::{FileMethod, References, check_name};
use firn_source::FsAccessor;

use super::{P, flakes, uri, with_flakes};
use crate::error::FlakeError;
use crate::reference::FlakeRef;

pub(super) const TABLE: &[PrimOp] = &[
    prim("fetchurl", 1, fetchurl)
        .args(&["arg"])
        .doc("Downloads a file, given its URL or `{ url; name; sha256; }`; gives its store path."),
    prim("fetchTarball", 1, fetch_tarball).args(&["args"]).global().doc(
        "Downloads and unpacks an archive, given its URL or `{ url; name; sha256; }`; gives the store path.",
    ),
];

/// What is wanted.
struct Wanted {
    url: String,
    name: String,
    hash: Option<Hash>,
    /// For messages: a set, and with a name.
    from_set: bool,
    named: bool,
}

fn fetchurl(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    fetch(ctx, args[0], pos, false)
}

fn fetch_tarball(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    fetch(ctx, args[0], pos, true)
}

fn fail<T>(ctx: &mut Ctx, message: String) -> Res<T> {
    Err(ctx.error(ErrorKind::Eval, message, P))
}

fn read(ctx: &mut Ctx, arg: Value, who: &str, name: &str) -> Res<Wanted> {
    let arg = ctx.force(arg, P)?;
    let mut wanted =
        Wanted { url: String::new(), name: name.to_owned(), hash: None, from_set: false, named: false };
    let Some(set) = arg.as_attrs() else {
        let url = ctx.force_str_no_ctx(arg, P, "while evaluating the url we should fetch")?;
        wanted.url = url.to_text().into_owned();
        return Ok(wanted);
    };
    wanted.from_set = true;
    let mut has_url = false;
    let flat = ctx.flat(set);
    for i in ctx.lexical_order(flat) {
        let i = *i as usize;
        let name = String::from_utf8_lossy(ctx.name(flat.name(i))).into_owned();
        let what = match name.as_str() {
            "url" => "while evaluating the url we should fetch",
            "sha256" => "while evaluating the sha256 of the content we should fetch",
            "name" => "while evaluating the name of the content we should fetch",
            _ => {
                let m = msg!("unsupported argument '{}' to '{}'", name, who);
                return fail(ctx, m);
            }
        };
        let text = ctx.force_str_no_ctx(flat.value(i), flat.pos(i), what)?.to_text().into_owned();
        match name.as_str() {
            "url" => (wanted.url, has_url) = (text, true),
            "name" => (wanted.name, wanted.named) = (text, true),
            _ => {
                if text.is_empty() {
                    let zero = Hash::zero(Algo::Sha256);
                    flakes(ctx, P)?.events().warn(format!("found empty hash, assuming '{}'", zero.sri()));
                }
                wanted.hash = match Hash::parse_allow_empty(&text, Some(Algo::Sha256)) {
                    Ok(hash) => Some(hash),
                    Err(e) => return fail(ctx, e.to_string()),
                };
            }
        }
    }
    if has_url { Ok(wanted) } else { fail(ctx, "'url' argument required".to_owned()) }
}

fn fetch(ctx: &mut Ctx, arg: Value, pos: Pos, unpack: bool) -> Res {
    let who = if unpack { "fetchTarball" } else { "fetchurl" };
    let mut wanted = read(ctx, arg, who, if unpack { "source" } else { "" })?;
    let flakes = flakes(ctx, pos)?;
    if unpack {
        wanted.url = flakes.fetcher().pseudo_url(&wanted.url);
    }
    uri::check(ctx, &wanted.url)?;
    if wanted.name.is_empty() {
        let url = wanted.url.trim_end_matches('/');
        wanted.name = url.rsplit('/').next().unwrap_or(url).to_owned();
    }
    check_store_name(ctx, &wanted, who)?;
    if ctx.settings.pure && wanted.hash.is_none() {
        let m = msg!("in pure evaluation mode, '{}' requires a 'sha256' argument", who);
        return fail(ctx, m);
    }
    if let Some(hash) = wanted.hash {
        let method = if unpack { FileMethod::NixArchive } else { FileMethod::Flat };
        let path = ctx.settings.store_dir.make_fixed_output_path(
            &wanted.name,
            method,
            &hash,
            &References::default(),
        );
        // What is in the store, or in a cache, is not fetched from elsewhere.
        if let Ok(path) = path {
            if ctx.io.ensure_path(&path).is_ok() {
                return Ok(ctx.store_path_string(&path));
            }
        }
    }
    let path = with_flakes(ctx, pos, |flakes, _| {
        if unpack {
            let mut attrs = Attrs::from([
                ("type".into(), "tarball".into()),
                ("url".into(), wanted.url.as_str().into()),
                ("name".into(), wanted.name.as_str().into()),
            ]);
            if let Some(hash) = &wanted.hash {
                attrs.insert("narHash".into(), hash.sri().into());
            }
            let input = Input::from_attrs(attrs)?;
            return Ok(flakes.fetch(&FlakeRef { input, dir: String::new() })?.path);
        }
        let file = flakes.fetcher().download_file(&wanted.url, &Vec::new())?;
        if let Some(hash) = wanted.hash.filter(|hash| *hash != file.hash) {
            return Err(FlakeError::HashMismatch(format!(
                "hash mismatch in file downloaded from '{}':\n  specified: {}\n  got:       {}",
                wanted.url,
                hash.render(firn_hash::Format::Nix32, true),
                file.hash.render(firn_hash::Format::Nix32, true)
            )));
        }
        let tree = FsAccessor::new(&file.file).map_err(|e| FlakeError::new(e.to_string()))?;
        Ok(flakes.mounts().mount_file(flakes.store_dir(), Arc::new(tree), &wanted.name, &file.hash)?)
    })?;
    Ok(ctx.store_path_string(&path))
}

fn check_store_name(ctx: &mut Ctx, wanted: &Wanted, who: &str) -> Res<()> {
    let Err(e) = check_name(&wanted.name) else { return Ok(()) };
    let advice = match (wanted.named, wanted.from_set) {
        (true, _) => msg!(
            "Please change the value for the 'name' attribute passed to '{}', so that it can create a valid store path.",
            who
        ),
        (false, true) => msg!(
            "Please add a valid 'name' attribute to the argument for '{}', so that it can create a valid store path.",
            who
        ),
        (false, false) => msg!(
            "Please pass an attribute set with 'url' and 'name' attributes to '{}',  so that it can create a valid store path.",
            who
        ),
    };
    let m = msg!("invalid store path name when fetching URL '{}'", &wanted.url);
    fail(ctx, format!("{m}: {e}. {advice}"))
}
