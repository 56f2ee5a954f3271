//! Coercion to strings, paths and store paths.

use crate::Ctx;
use crate::context::{ContextElem, ContextId};
use crate::error::{Arg, ErrorKind, Fail, Res};
use crate::heap::{List, PathRef, Str, Value, View};
use crate::io::{AddMethod, SourcePath};
use crate::msg;
use crate::pos::Pos;
use firn_path::StorePath;
use firn_syntax::symbol::well_known as wk;

/// How to coerce to a string.
#[derive(Clone, Copy, Debug)]
pub struct Coerce {
    /// Also Booleans, numbers, null and lists.
    pub more: bool,
    /// Paths are copied to the store and give the store path.
    pub copy: bool,
    /// Paths that are not copied lose a slash at their end.
    pub canonical: bool,
}

impl Coerce {
    /// Strings, paths as they are, sets with `__toString` or `outPath`.
    pub const PLAIN: Coerce = Coerce { more: false, copy: false, canonical: true };
    /// Like [`Coerce::PLAIN`], with paths copied to the store.
    pub const COPY: Coerce = Coerce { more: false, copy: true, canonical: true };
    /// Everything that `toString` takes.
    pub const MORE: Coerce = Coerce { more: true, copy: false, canonical: true };
    /// Everything that an attribute of a derivation may be.
    pub const MORE_COPY: Coerce = Coerce { more: true, copy: true, canonical: true };
}

impl Ctx {
    /// Coerces to a string whose context holds all that was referred to.
    #[inline]
    pub fn coerce(&mut self, v: Value, how: Coerce, pos: Pos, what: &'static str) -> Res<Str> {
        if let Some(s) = v.resolved().as_str() {
            return Ok(s);
        }
        self.enter(pos)?;
        let r = self.coerce_slow(v, how, pos, what);
        self.leave();
        r
    }

    fn coerce_slow(&mut self, v: Value, how: Coerce, pos: Pos, what: &'static str) -> Res<Str> {
        let v = self.force(v, pos)?;
        let text: Vec<u8> = match v.view() {
            View::Str(s) => return Ok(s),
            View::Path(p) if how.copy => return self.copy_to_store(p),
            View::Path(p) => p.as_bytes().to_vec(),
            View::Attrs(_) => {
                return self.peel(v, pos, &mut |ctx, v, _| {
                    if v.as_attrs().is_some() {
                        return Err(ctx.cannot_coerce(v, pos, what));
                    }
                    ctx.coerce(v, Coerce { canonical: true, ..how }, pos, what)
                });
            }
            View::Bool(true) if how.more => b"1".to_vec(),
            View::Bool(false) | View::Null if how.more => Vec::new(),
            View::Int(i) if how.more => i.to_string().into_bytes(),
            View::Float(f) if how.more => format!("{f:.6}").into_bytes(),
            View::List(l) if how.more => {
                let (out, ctx) = self.join_list(l, how, pos, what)?;
                let v = self.heap.string_ctx(&out, ctx);
                return Ok(v.as_str().expect("a string was made"));
            }
            _ => return Err(self.cannot_coerce(v, pos, what)),
        };
        let v = self.heap.string(&text);
        Ok(v.as_str().expect("a string was made"))
    }

    /// The elements of a list with spaces between, as coercion to a string has it.
    pub(crate) fn join_list(
        &mut self,
        l: List,
        how: Coerce,
        pos: Pos,
        what: &'static str,
    ) -> Res<(Vec<u8>, ContextId)> {
        let mut out = Vec::new();
        let mut contexts = Vec::new();
        for i in 0..l.len() {
            let s = self
                .coerce(l.get(i), how, pos, "while evaluating one element of the list")
                .map_err(|_| self.trace(pos, what))?;
            out.extend_from_slice(s.as_bytes());
            contexts.push(s.context());
            let empty_list = l.get(i).as_list().is_some_and(|l| l.is_empty());
            if i + 1 < l.len() && !empty_list {
                out.push(b' ');
            }
        }
        Ok((out, self.contexts.union_all(contexts)))
    }

    #[cold]
    fn cannot_coerce(&mut self, v: Value, pos: Pos, what: &'static str) -> Fail {
        let m = format!("cannot coerce {} to a string: {}", Arg(self.show_type(v)), self.show_for_error(v));
        self.type_error(m, Pos::NONE);
        self.trace(pos, what)
    }

    /// Follows `__toString` and `outPath` until there is no set any more, or one without both, and goes on with that.
    pub(crate) fn peel<T>(
        &mut self,
        v: Value,
        pos: Pos,
        then: &mut dyn FnMut(&mut Ctx, Value, Pos) -> Res<T>,
    ) -> Res<T> {
        let v = self.force(v, pos)?;
        let Some(a) = v.as_attrs() else { return then(self, v, pos) };
        if let Some((f, at)) = a.get_with_pos(wk::TO_STRING) {
            let s = self
                .apply(f, &[v], at)
                .map_err(|_| self.trace(at, "while calling the `__toString` attribute"))?;
            return self.deeper(pos, |ctx| ctx.peel(s, at, then)).map_err(|_| {
                let text =
                    format!("while {} the result of the `__toString` attribute", self.trying_to_use(s));
                self.trace(at, text)
            });
        }
        if let Some((o, at)) = a.get_with_pos(wk::OUT_PATH) {
            let r = match self.force(o, at) {
                Ok(o) => self.deeper(pos, |ctx| ctx.peel(o, at, then)),
                Err(e) => Err(e),
            };
            return r.map_err(|_| {
                let text = format!("while {} the `outPath` attribute", self.trying_to_use(o));
                self.trace(at, text)
            });
        }
        then(self, v, pos)
    }

    /// What is being done with a value that something failed with: it is used if it is evaluated.
    pub(crate) fn trying_to_use(&self, v: Value) -> &'static str {
        if v.resolved().is_thunk() { "evaluating" } else { "using" }
    }

    /// Copies a path to the store: the store path as a string that refers to it.
    pub(crate) fn copy_to_store(&mut self, p: PathRef) -> Res<Str> {
        let path = self.source_path(p);
        let stored = self.add_path_to_store(&path)?;
        let v = self.store_path_string(&stored);
        Ok(v.as_str().expect("a string was made"))
    }

    /// Copies a source tree or file to the store under its own name, once.
    pub(crate) fn add_path_to_store(&mut self, path: &SourcePath) -> Res<StorePath> {
        if path.path.ends_with(".drv") {
            return Err(self.error(
                ErrorKind::Eval,
                msg!("file names are not allowed to end in '{}'", ".drv"),
                Pos::NONE,
            ));
        }
        if let Some(known) = self.files.copied.get(path) {
            return Ok(known.clone());
        }
        let real = crate::paths::resolve_parents(self, path).map_err(|e| self.io_error(e, Pos::NONE))?;
        let stored = self
            .io
            .add_source(&real, path.base_name(), AddMethod::Recursive, None)
            .map_err(|e| self.io_error(e, Pos::NONE))?;
        self.files.copied.insert(path.clone(), stored.clone());
        Ok(stored)
    }

    /// A store path as a string that refers to it.
    pub fn store_path_string(&mut self, p: &StorePath) -> Value {
        let ctx = self.contexts.single(ContextElem::Opaque(p.clone()));
        let text = self.settings.store_dir.print(p);
        self.heap.string_ctx(text.as_bytes(), ctx)
    }

    /// Coerces to a path; its context is given beside it. Strings must be absolute.
    pub fn coerce_to_path(
        &mut self,
        v: Value,
        pos: Pos,
        what: &'static str,
    ) -> Res<(SourcePath, crate::context::ContextId)> {
        self.peel(v, pos, &mut |ctx, v, _| {
            if let Some(p) = v.as_path() {
                return Ok((ctx.source_path(p), crate::context::ContextId::NONE));
            }
            let s = ctx.coerce(v, Coerce::PLAIN, pos, what)?;
            if s.as_bytes().first() != Some(&b'/') {
                let m = msg!("string '{}' doesn't represent an absolute path", s.to_text());
                ctx.error(ErrorKind::Eval, m, Pos::NONE);
                return Err(ctx.trace(pos, what));
            }
            let path = crate::paths::canonical(s.as_bytes());
            let path = String::from_utf8_lossy(&path).into_owned();
            Ok((SourcePath::file(&path), s.context()))
        })
    }

    /// Coerces to a store path; its context is given beside it.
    pub fn coerce_to_store_path(
        &mut self,
        v: Value,
        pos: Pos,
        what: &'static str,
    ) -> Res<(StorePath, crate::context::ContextId)> {
        let s = self.coerce(v, Coerce::PLAIN, pos, what)?;
        match self.settings.store_dir.parse(&s.to_text()) {
            Ok(p) => Ok((p, s.context())),
            Err(_) => {
                self.error(
                    ErrorKind::Eval,
                    msg!("path '{}' is not in the Nix store", s.to_text()),
                    Pos::NONE,
                );
                Err(self.trace(pos, what))
            }
        }
    }
}
