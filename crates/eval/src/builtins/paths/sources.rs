//! Copying sources to the store: `path`, `filterSource`.

use firn_hash::{Algo, Hash};
use firn_path::{ContentAddress, ContentMethod, FileMethod, References, StorePath};
use firn_syntax::symbol::well_known as wk;

use super::P;
use crate::Ctx;
use crate::context::ContextId;
use crate::error::{ErrorKind, Fail, Res};
use crate::heap::Value;
use crate::io::{AddMethod, FileKind, IoError, SourcePath};
use crate::msg;
use crate::pos::Pos;

struct Source {
    path: SourcePath,
    name: String,
    filter: Option<Value>,
    method: AddMethod,
    expected: Option<Hash>,
    context: ContextId,
}

fn add_source(ctx: &mut Ctx, s: Source) -> Res {
    let shown = ctx.show_path(&s.path);
    add_source_now(ctx, s).map_err(|_| ctx.trace(P, msg!("while adding path '{}'", shown)))
}

fn expected_path(ctx: &mut Ctx, s: &Source, hash: Hash) -> Res<StorePath> {
    let file = match s.method {
        AddMethod::Flat => FileMethod::Flat,
        AddMethod::Recursive => FileMethod::NixArchive,
    };
    let method = match file {
        FileMethod::Flat => ContentMethod::Flat,
        _ => ContentMethod::NixArchive,
    };
    let ca = ContentAddress { method, hash };
    ctx.settings
        .store_dir
        .make_content_addressed_path(&s.name, &ca, &References::default())
        .map_err(|e| ctx.error(ErrorKind::Eval, e.to_string(), P))
}

fn add_source_now(ctx: &mut Ctx, mut s: Source) -> Res {
    if s.path.root == 0 && !s.context.is_empty() && ctx.settings.store_dir.is_in_store(&s.path.path) {
        let mut text = s.path.path.to_string();
        for (from, to) in ctx.realise_context(s.context)? {
            text = text.replace(&from, &to);
        }
        s.path = SourcePath::file(&text);
    }
    let expected = match s.expected {
        Some(h) => Some(expected_path(ctx, &s, h)?),
        None => None,
    };
    if let Some(p) = &expected {
        let known = ctx.io.references(p).ok().flatten();
        if known.is_some() {
            return Ok(ctx.store_path_string(p));
        }
    }
    let real = ctx.resolved(&s.path)?;
    let io = ctx.io.clone();
    let mut failed = false;
    let mut call = |p: &SourcePath, kind: FileKind| -> Result<bool, IoError> {
        let Some(f) = s.filter else { return Ok(true) };
        call_filter(ctx, f, p, kind).map_err(|_| {
            failed = true;
            IoError::new("the filter failed")
        })
    };
    let filter: Option<crate::io::Filter<'_>> = if s.filter.is_some() { Some(&mut call) } else { None };
    let r = io.add_source(&real, &s.name, s.method, filter);
    if failed {
        return Err(Fail);
    }
    let stored = ctx.io(r)?;
    if expected.as_ref().is_some_and(|e| *e != stored) {
        let m =
            msg!("store path mismatch in (possibly filtered) path added from '{}'", ctx.show_path(&s.path));
        return Err(ctx.error(ErrorKind::Eval, m, P));
    }
    Ok(ctx.store_path_string(&stored))
}

fn call_filter(ctx: &mut Ctx, f: Value, p: &SourcePath, kind: FileKind) -> Res<bool> {
    let path = ctx.str(&*p.path);
    let kind = ctx.kind_value(kind);
    let r = ctx.call(f, &[path, kind], P)?;
    ctx.force_bool(r, P, "while evaluating the return value of the path filter function")
}

pub(super) fn filter_source(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'";
    let (path, context) = ctx.coerce_to_path(args[1], P, what)?;
    let what = "while evaluating the first argument passed to builtins.filterSource";
    let f = ctx.force_function(args[0], P, what)?;
    let name = path.base_name().to_owned();
    add_source(
        ctx,
        Source { path, name, filter: Some(f), method: AddMethod::Recursive, expected: None, context },
    )
}

pub(super) fn path(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let set = ctx.force_attrs(args[0], P, "while evaluating the argument passed to 'builtins.path'")?;
    let flat = ctx.flat(set);
    let mut found = None;
    let mut s = Source {
        path: SourcePath::file("/"),
        name: String::new(),
        filter: None,
        method: AddMethod::Recursive,
        expected: None,
        context: ContextId::NONE,
    };
    for (name, pos, v) in flat.iter() {
        match name {
            wk::PATH => {
                let what = "while evaluating the 'path' attribute passed to 'builtins.path'";
                found = Some(ctx.coerce_to_path(v, pos, what)?);
            }
            wk::NAME => {
                let what = "while evaluating the `name` attribute passed to builtins.path";
                s.name = ctx.force_str_no_ctx(v, pos, what)?.to_text().into_owned();
            }
            wk::FILTER => {
                let what = "while evaluating the `filter` parameter passed to builtins.path";
                s.filter = Some(ctx.force_function(v, pos, what)?);
            }
            wk::RECURSIVE => {
                let what = "while evaluating the `recursive` attribute passed to builtins.path";
                s.method = if ctx.force_bool(v, pos, what)? { AddMethod::Recursive } else { AddMethod::Flat };
            }
            wk::SHA256 => {
                let what = "while evaluating the `sha256` attribute passed to builtins.path";
                let text = ctx.force_str_no_ctx(v, pos, what)?.to_text();
                match Hash::parse_allow_empty(&text, Some(Algo::Sha256)) {
                    Ok(h) => s.expected = Some(h),
                    Err(e) => return Err(ctx.error(ErrorKind::Eval, e.to_string(), P)),
                }
            }
            other => {
                let m = msg!("unsupported argument '{}' to 'builtins.path'", ctx.name_text(other));
                return Err(ctx.error(ErrorKind::Eval, m, pos));
            }
        }
    }
    let Some((path, context)) = found else {
        let m = "missing required 'path' attribute in the first argument to 'builtins.path'";
        return Err(ctx.error(ErrorKind::Eval, m, P));
    };
    if s.name.is_empty() {
        s.name = path.base_name().to_owned();
    }
    (s.path, s.context) = (path, context);
    add_source(ctx, s)
}
