//! Files, folders, the store and the environment.

use firn_hash::Hash;
use firn_path::{PathError, SingleDerivedPath};

use super::{PrimOp, prim};
use crate::Ctx;
use crate::context::{ContextElem, ContextId};
use crate::ctx::AttrsBuilder;
use crate::error::{ErrorKind, Res};
use crate::eval::Coerce;
use crate::heap::Value;
use crate::io::{FileKind, IoError, SourcePath};
use crate::msg;
use crate::pos::Pos;
use crate::text::strings;

mod search;
mod sources;

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("toPath", 1, to_path)
        .args(&["s"])
        .doc("An absolute path as a string. Deprecated: use `/. + \"/path\"`."),
    prim("storePath", 1, store_path)
        .args(&["path"])
        .doc("A string that refers to a path of the store, which is made valid."),
    prim("pathExists", 1, path_exists).args(&["path"]).eager(1).doc("Whether the path exists."),
    prim("baseNameOf", 1, base_name_of).args(&["x"]).eager(1).global().doc("What follows the last slash."),
    prim("dirOf", 1, dir_of).args(&["s"]).eager(1).global().doc("What comes before the last slash."),
    prim("readFile", 1, read_file).args(&["path"]).eager(1).doc("The contents of a file."),
    prim("findFile", 2, search::find_file)
        .args(&["search-path", "lookup-path"])
        .doc("Looks a path up in a search path."),
    prim("readFileType", 1, read_file_type)
        .args(&["p"])
        .eager(1)
        .doc("`\"directory\"`, `\"regular\"`, `\"symlink\"` or `\"unknown\"`."),
    prim("readDir", 1, read_dir)
        .args(&["path"])
        .eager(1)
        .doc("The entries of a folder and their types, as in `readFileType`."),
    prim("getEnv", 1, get_env)
        .args(&["s"])
        .eager(1)
        .doc("An environment variable, empty if it is not set or the evaluation is pure."),
    prim("toFile", 2, to_file).args(&["name", "s"]).doc("Stores a text as a file and gives its path."),
    prim("filterSource", 2, sources::filter_source)
        .args(&["e1", "e2"])
        .doc("Copies a source tree to the store, as far as the function `e1` wants it."),
    prim("path", 1, sources::path)
        .args(&["args"])
        .doc("Copies a source to the store: `path`, and perhaps `name`, `filter`, `recursive`, `sha256`."),
    prim("hashFile", 2, hash_file)
        .args(&["type", "p"])
        .eager(0b01)
        .doc("The hash of a file's contents, base 16."),
];

impl Ctx {
    /// Coerces to a path and makes sure that what it refers to is there: builds derivations.
    pub fn realise_path(&mut self, v: Value) -> Res<SourcePath> {
        let (path, context) = self.coerce_to_path(v, P, "while realising the context of a path")?;
        if context.is_empty() || path.root != 0 {
            return Ok(path);
        }
        match self.realise_context(context) {
            Ok(rewrites) => {
                let mut text = path.path.to_string();
                for (from, to) in rewrites {
                    text = text.replace(&from, &to);
                }
                Ok(SourcePath::file(&text))
            }
            Err(_) => {
                let text = msg!("while realising the context of path '{}'", self.show_path(&path));
                Err(self.trace(P, text))
            }
        }
    }

    /// Makes sure that what a context refers to is there. Gives the placeholders to replace.
    pub fn realise_context(&mut self, context: ContextId) -> Res<Vec<(String, String)>> {
        let elems = self.contexts.elems(context);
        let mut drvs = Vec::new();
        for e in elems {
            let valid = match &e {
                ContextElem::Opaque(p) | ContextElem::DrvDeep(p) => p.clone(),
                ContextElem::Built { drv, output } => {
                    drvs.push(SingleDerivedPath::Built { drv: drv.clone(), output: output.clone() });
                    drv.base_path().clone()
                }
            };
            if self.io.references(&valid).map_err(|e| self.io_error(e, P))?.is_none() {
                let m = format!("path '{}' is not valid", self.settings.store_dir.print(&valid));
                return Err(self.error(ErrorKind::Outside, m, P));
            }
        }
        if drvs.is_empty() {
            return Ok(Vec::new());
        }
        if !self.settings.allow_import_from_derivation {
            let shown = drvs[0].print(&self.settings.store_dir);
            let m = msg!(
                "cannot build '{}' during evaluation because the option 'allow-import-from-derivation' is disabled",
                shown
            );
            return Err(self.error(ErrorKind::Eval, m, P));
        }
        let built = self.io.realise(&drvs).map_err(|e| self.io_error(e, P))?;
        let mut rewrites = Vec::new();
        for (d, p) in drvs.iter().zip(built) {
            if let Ok(Some(from)) = firn_derivation::placeholder::downstream(d) {
                rewrites.push((from, self.settings.store_dir.print(&p)));
            }
        }
        Ok(rewrites)
    }

    fn io<T>(&mut self, r: Result<T, IoError>) -> Res<T> {
        r.map_err(|e| self.io_error(e, P))
    }

    fn resolved(&mut self, p: &SourcePath) -> Res<SourcePath> {
        crate::paths::resolve(self, p).map_err(|e| self.io_error(e, P))
    }

    fn kind_value(&mut self, kind: FileKind) -> Value {
        let sym = self.sym(kind.name());
        self.name_value(sym)
    }
}

fn to_path(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.toPath";
    let (p, context) = ctx.coerce_to_path(args[0], P, what)?;
    Ok(ctx.str_ctx(&*p.path, context))
}

fn store_path(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    if ctx.settings.pure {
        let m = msg!("'{}' is not allowed in pure evaluation mode", "builtins.storePath");
        return Err(ctx.error(ErrorKind::Eval, m, P));
    }
    let what = "while evaluating the first argument passed to 'builtins.storePath'";
    let (mut p, context) = ctx.coerce_to_path(args[0], P, what)?;
    let dir = ctx.settings.store_dir.clone();
    if !dir.is_store_path(&p.path) {
        p = ctx.resolved(&p)?;
    }
    let stored = match dir.to_store_path(&p.path) {
        Ok((stored, _)) => stored,
        Err(e) => {
            let m = match e {
                PathError::NotInStore(_) => msg!("path '{}' is not in the Nix store", ctx.show_path(&p)),
                e => e.to_string(),
            };
            return Err(ctx.error(ErrorKind::Eval, m, P));
        }
    };
    if !ctx.settings.read_only {
        let r = ctx.io.ensure_path(&stored);
        ctx.io(r)?;
    }
    let own = ctx.context_of(ContextElem::Opaque(stored));
    let context = ctx.contexts.union(context, own);
    Ok(ctx.str_ctx(&*p.path, context))
}

fn path_exists(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let v = ctx.force(args[0], P)?;
    let folder = v.as_str().is_some_and(|s| s.as_bytes().ends_with(b"/") || s.as_bytes().ends_with(b"/."));
    let found = match ctx.realise_path(v) {
        Ok(p) => {
            let p =
                if folder { crate::paths::resolve(ctx, &p) } else { crate::paths::resolve_parents(ctx, &p) };
            p.and_then(|p| ctx.io.stat(&p))
        }
        Err(_) if ctx.error_mut().kind == ErrorKind::Restricted => {
            ctx.forget_error();
            return Ok(Value::FALSE);
        }
        Err(e) => return Err(e),
    };
    match found {
        Ok(kind) => Ok(Value::bool(kind.is_some() && (!folder || kind == Some(FileKind::Directory)))),
        Err(e) if e.restricted || e.not_found => Ok(Value::FALSE),
        Err(e) => Err(ctx.io_error(e, P)),
    }
}

fn base_name_of(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.baseNameOf";
    let s = ctx.coerce(args[0], Coerce::PLAIN, P, what)?;
    Ok(ctx.str_ctx(strings::base_name(s.as_bytes()), s.context()))
}

fn dir_of(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let v = ctx.force(args[0], P)?;
    if let Some(p) = v.as_path() {
        let parent = ctx.source_path(p).parent();
        return Ok(ctx.path(&parent));
    }
    let s =
        ctx.coerce(v, Coerce::PLAIN, P, "while evaluating the first argument passed to 'builtins.dirOf'")?;
    Ok(ctx.str_ctx(strings::dir_name(s.as_bytes()), s.context()))
}

fn read_file(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let p = ctx.realise_path(args[0])?;
    let p = ctx.resolved(&p)?;
    let r = ctx.io.read_file(&p);
    let text = ctx.io(r)?;
    if memchr::memchr(0, &text).is_some() {
        let m =
            msg!("the contents of the file '{}' cannot be represented as a Nix string", ctx.show_path(&p));
        return Err(ctx.error(ErrorKind::Eval, m, P));
    }
    let mut context = ContextId::NONE;
    if p.root == 0 {
        if let Ok((stored, _)) = ctx.settings.store_dir.to_store_path(&p.path) {
            let refs = ctx.io.references(&stored).ok().flatten().unwrap_or_default();
            let mut scanner = firn_path::scan::ReferenceScanner::new(refs.iter());
            scanner.update(&text);
            let elems = scanner.finish().into_iter().map(ContextElem::Opaque).collect();
            context = ctx.contexts.intern(elems);
        }
    }
    Ok(ctx.str_ctx(&text, context))
}

fn read_file_type(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let p = ctx.realise_path(args[0])?;
    let p = crate::paths::resolve_parents(ctx, &p).map_err(|e| ctx.io_error(e, P))?;
    let r = ctx.io.stat(&p);
    match ctx.io(r)? {
        Some(kind) => Ok(ctx.kind_value(kind)),
        None => {
            let m = msg!("path '{}' does not exist", ctx.show_path(&p));
            Err(ctx.error(ErrorKind::Outside, m, P))
        }
    }
}

fn read_dir(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let p = ctx.realise_path(args[0])?;
    let p = ctx.resolved(&p)?;
    let r = ctx.io.read_dir(&p);
    let entries = ctx.io(r)?;
    let mut out = AttrsBuilder::with_capacity(entries.len());
    for (name, kind) in entries {
        let v = match (kind, ctx.prim_id("readFileType")) {
            (None, Some(id)) => {
                let path = ctx.path(&p.child(&name));
                ctx.heap.app(Value::prim(id), &[path])
            }
            (kind, _) => ctx.kind_value(kind.unwrap_or(FileKind::Other)),
        };
        out.push(ctx.sym(&name), P, v);
    }
    Ok(out.finish(&mut ctx.heap).value())
}

fn get_env(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let name =
        ctx.force_str_no_ctx(args[0], P, "while evaluating the first argument passed to builtins.getEnv")?;
    if ctx.settings.pure || ctx.settings.restricted {
        return Ok(ctx.str(""));
    }
    let v = ctx.io.env(&name.to_text()).unwrap_or_default();
    Ok(ctx.str(v))
}

fn hash_file(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.hashFile";
    let algo = ctx.force_str_no_ctx(args[0], P, what)?;
    let algo = super::text::hash_algorithm(ctx, algo)?;
    let p = ctx.realise_path(args[1])?;
    let p = ctx.resolved(&p)?;
    let r = ctx.io.read_file(&p);
    let text = ctx.io(r)?;
    Ok(ctx.str(Hash::of(algo, &text).base16()))
}

fn to_file(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let name =
        ctx.force_str_no_ctx(args[0], P, "while evaluating the first argument passed to builtins.toFile")?;
    let text = ctx.force_str(args[1], P, "while evaluating the second argument passed to builtins.toFile")?;
    let mut refs = Vec::new();
    for e in ctx.contexts.elems(text.context()) {
        match e {
            ContextElem::Opaque(p) => refs.push(p),
            other => {
                let m = msg!(
                    "files created by {} may not reference derivations, but {} references {}",
                    "builtins.toFile",
                    name.to_text(),
                    other.encode()
                );
                return Err(ctx.error(ErrorKind::Eval, m, P));
            }
        }
    }
    let r = ctx.io.add_text(&name.to_text(), text.as_bytes(), &refs);
    let stored = ctx.io(r)?;
    Ok(ctx.store_path_string(&stored))
}
