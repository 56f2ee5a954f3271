//! The search path: `findFile`, and with it `<x>`.

use firn_syntax::symbol::well_known as wk;

use super::P;
use crate::Ctx;
use crate::error::{Arg, ErrorKind, Res};
use crate::eval::Coerce;
use crate::heap::Value;
use crate::io::SourcePath;
use crate::msg;
use crate::pos::Pos;

pub(super) fn find_file(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    let list =
        ctx.force_list(args[0], P, "while evaluating the first argument passed to builtins.findFile")?;
    let mut entries = Vec::with_capacity(list.len());
    for i in 0..list.len() {
        let what = "while evaluating an element of the list passed to builtins.findFile";
        let e = ctx.force_attrs(list.get(i), P, what)?;
        let what =
            "while evaluating the `prefix` attribute of an element of the list passed to builtins.findFile";
        let prefix = match e.get(wk::PREFIX) {
            Some(p) => ctx.force_str_no_ctx(p, P, what)?.to_text().into_owned(),
            None => String::new(),
        };
        let (target, _) = ctx.required_attr(e, wk::PATH, "in an element of the __nixPath")?;
        let what =
            "while evaluating the `path` attribute of an element of the list passed to builtins.findFile";
        let target = ctx.coerce(target, Coerce::PLAIN, P, what)?;
        let mut text = target.to_text().into_owned();
        for (from, to) in ctx.realise_context(target.context())? {
            text = text.replace(&from, &to);
        }
        entries.push((prefix, text));
    }
    let what = "while evaluating the second argument passed to builtins.findFile";
    let name = ctx.force_str_no_ctx(args[1], P, what)?.to_text().into_owned();
    let found = ctx.find_file(&entries, &name, pos)?;
    Ok(ctx.path(&found))
}

impl Ctx {
    /// Looks a path up in a search path of prefixes (which may be empty) and what they lead to.
    pub fn find_file(&mut self, entries: &[(String, String)], name: &str, _pos: Pos) -> Res<SourcePath> {
        for (prefix, target) in entries {
            let rest = if prefix.is_empty() {
                name
            } else {
                match name.strip_prefix(prefix.as_str()) {
                    Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/'),
                    _ => continue,
                }
            };
            let Some(base) = self.lookup_target(target)? else { continue };
            let found = if rest.is_empty() { base } else { crate::paths::join(&base, rest) };
            let real = self.resolved(&found)?;
            let r = self.io.stat(&real);
            if matches!(r, Ok(Some(_))) {
                return Ok(found);
            }
        }
        if let Some(rest) = name.strip_prefix("nix/") {
            return Ok(SourcePath { root: crate::COREPKGS_ROOT, path: format!("/{rest}").into() });
        }
        let m = if self.settings.pure {
            msg!("cannot look up '<{}>' in pure evaluation mode (use '--impure' to override)", name)
        } else {
            msg!("file '{}' was not found in the Nix search path (add it using $NIX_PATH or -I)", name)
        };
        Err(self.error(ErrorKind::Throw, m, P))
    }

    /// What an entry of the search path leads to, if it exists.
    fn lookup_target(&mut self, target: &str) -> Res<Option<SourcePath>> {
        if let Some(known) = self.files.lookups.get(target) {
            return Ok(known.clone());
        }
        let found = if target.starts_with('/') {
            let path = crate::paths::join(&SourcePath::file("/"), target);
            match crate::paths::resolve(self, &path).and_then(|real| self.io.stat(&real)) {
                Ok(kind) => Ok(kind.map(|_| path)),
                Err(e) if e.not_found => Ok(None),
                Err(e) => Err(e),
            }
        } else {
            self.io.resolve_lookup_path(target)
        };
        let (found, problem) = match found {
            Ok(Some(found)) => (Some(found), None),
            Ok(None) => (None, Some("does not exist")),
            Err(e) if e.restricted => return Err(self.io_error(e, P)),
            Err(_) => (None, Some("cannot be downloaded")),
        };
        if let Some(problem) = problem {
            let m = format!("Nix search path entry '{}' {problem}, ignoring", Arg(target));
            self.log_warning(false, m, P, Vec::new());
        }
        self.files.lookups.insert(target.to_owned(), found.clone());
        Ok(found)
    }
}
