//! Reading, parsing and evaluating files, each once.

use std::sync::Arc;

use firn_path::StorePath;
use firn_syntax::{ParseOptions, Symbol};
use rustc_hash::FxHashMap;

use crate::Ctx;
use crate::error::{ErrorKind, EvalError, Res};
use crate::heap::{Env, Ref, Value};
use crate::io::{FileKind, LogLevel, SourcePath};
use crate::ir::ThunkCode;
use crate::pos::{Origin, Pos, Source};
use crate::resolve::{StaticScope, resolve};

/// How many links may be followed to find a file.
const MAX_LINKS: u32 = 1024;

/// The stack that an open bracket needs at most while a source is parsed and resolved.
const STACK_A_BRACKET: usize = 4096;

/// What is known about files.
#[derive(Default)]
pub(crate) struct FileCache {
    /// From a path as it was imported to the file that it means.
    resolved: FxHashMap<SourcePath, SourcePath>,
    /// The (perhaps delayed) value of each file.
    values: FxHashMap<SourcePath, Value>,
    internal: FxHashMap<&'static str, Value>,
    /// Sources that were copied to the store.
    pub(crate) copied: FxHashMap<SourcePath, StorePath>,
    /// Kinds of path components, for resolving links.
    pub(crate) links: FxHashMap<SourcePath, Option<Arc<str>>>,
    /// What `<name>` led to.
    pub(crate) lookups: FxHashMap<String, Option<SourcePath>>,
}

impl Ctx {
    /// The value of a file: parsed and evaluated once.
    pub fn eval_file(&mut self, path: &SourcePath) -> Res {
        let file = match self.files.resolved.get(path) {
            Some(f) => f.clone(),
            None => {
                let f = self.resolve_expr_path(path)?;
                self.files.resolved.insert(path.clone(), f.clone());
                f
            }
        };
        if let Some(v) = self.files.values.get(&file) {
            return self.force(*v, Pos::NONE);
        }
        let code = self.load_file(&file, None)?;
        let v = self.heap.thunk(code, Env::none(), self.stack.top());
        self.files.values.insert(file.clone(), v);
        match self.force(v, Pos::NONE) {
            Ok(v) => {
                self.files.values.insert(file, v);
                Ok(v)
            }
            Err(_) => {
                let text = crate::msg!("while evaluating the file '{}':", self.show_path(&file));
                Err(self.trace(Pos::NONE, text))
            }
        }
    }

    /// The value of the file that a program was started with: traces do not mention it.
    pub fn eval_main_file(&mut self, path: &SourcePath) -> Res {
        let file = self.resolve_expr_path(path)?;
        let code = self.load_file(&file, None)?;
        self.run_code(code)
    }

    /// The value of a file with more names visible; evaluated anew each time.
    pub(crate) fn eval_file_in_scope(&mut self, path: &SourcePath, scope: &StaticScope) -> Res {
        let file = self.resolve_expr_path(path)?;
        let code = self.load_file(&file, Some(scope))?;
        self.run_code(code)
    }

    /// Evaluates an expression given as text, relative to a folder; `scope` are further names that it may use.
    pub fn eval_text(
        &mut self,
        text: &str,
        origin: Origin,
        base: &SourcePath,
        scope: Option<&FxHashMap<Symbol, Value>>,
    ) -> Res {
        let source = self.positions.add(origin, text.as_bytes().into());
        let code = self.load(source, base, scope)?;
        self.run_code(code)
    }

    /// The value of a text of our own, evaluated once.
    pub(crate) fn eval_internal(&mut self, name: &'static str, text: &'static str) -> Res {
        if let Some(v) = self.files.internal.get(name) {
            return Ok(*v);
        }
        let v = self.eval_text(text, Origin::Internal(name), &SourcePath::file("/"), None)?;
        self.files.internal.insert(name, v);
        Ok(v)
    }

    /// A text of our own as a value that is evaluated when it is needed.
    pub(crate) fn delayed_internal(&mut self, name: &'static str, text: &'static str) -> Value {
        let source = self.positions.add(Origin::Internal(name), text.as_bytes().into());
        match self.load(source, &SourcePath::file("/"), None) {
            Ok(code) => self.heap.thunk(code, Env::none(), self.stack.top()),
            Err(_) => self.failed_value(),
        }
    }

    fn run_code(&mut self, code: Ref<ThunkCode>) -> Res {
        let v = self.heap.thunk(code, Env::none(), self.stack.top());
        self.force(v, Pos::NONE)
    }

    fn load_file(&mut self, file: &SourcePath, scope: Option<&StaticScope>) -> Res<Ref<ThunkCode>> {
        if file.root == crate::COREPKGS_ROOT {
            let Some((name, text)) = crate::corepkgs::find(&file.path) else {
                let m = crate::msg!("path '<nix{}>' does not exist", &file.path);
                return Err(self.error(ErrorKind::Outside, m, Pos::NONE));
            };
            let source = self.positions.add(Origin::Internal(name), text.as_bytes().into());
            return self.load(source, &SourcePath::file("/"), scope);
        }
        let text = self.io.read_file(file).map_err(|e| self.io_error(e, Pos::NONE))?;
        let origin = Origin::File { root: file.root, path: file.path.clone() };
        let source = self.positions.add(origin, text.into());
        self.load(source, &file.parent(), scope)
    }

    fn load(
        &mut self,
        source: Source,
        base: &SourcePath,
        scope: Option<&StaticScope>,
    ) -> Res<Ref<ThunkCode>> {
        let ast = self.parse(&source, base)?;
        match resolve(self, &ast, source, base.root, scope) {
            Ok(code) => Ok(code),
            Err(e) => Err(self.raise(*e)),
        }
    }

    /// How many brackets may be open at once: what the rest of the stack has room for.
    fn parse_depth(&self) -> u32 {
        let here = 0u8;
        let left = (&raw const here as usize).saturating_sub(self.heap.stack_limit);
        if self.heap.stack_limit == 0 {
            return firn_syntax::DEFAULT_MAX_DEPTH;
        }
        u32::try_from(left / STACK_A_BRACKET).unwrap_or(u32::MAX)
    }

    /// Parses a source; lints and warnings are shown.
    pub(crate) fn parse(&mut self, source: &Source, base: &SourcePath) -> Res<firn_syntax::Ast> {
        let home = self.io.home();
        let home = home.as_ref().map(|h| h.as_os_str().as_encoded_bytes());
        let options = ParseOptions {
            base_path: base.path.as_bytes(),
            home,
            pure: self.settings.pure,
            pipe_operators: self.settings.has_feature("pipe-operators"),
            lint_url_literals: self.settings.lint_url_literals,
            lint_absolute_path_literals: self.settings.lint_absolute_path_literals,
            lint_short_path_literals: self.settings.lint_short_path_literals,
            max_depth: self.parse_depth(),
        };
        match firn_syntax::parse(&source.text, self.symbols, &options) {
            Ok(ast) => {
                self.show_warnings(&ast.warnings, source);
                Ok(ast)
            }
            Err(e) => {
                self.show_warnings(&e.warnings, source);
                let show = |span: firn_syntax::Span| self.show_pos(source.pos(span.start));
                let e = EvalError {
                    kind: ErrorKind::Parse,
                    message: e.message(show),
                    pos: source.pos(e.span.start),
                    traces: Vec::new(),
                    suggestions: Vec::new(),
                    cycle: None,
                };
                Err(self.raise(e))
            }
        }
    }

    /// Parses a text and prints its tree, as `nix-instantiate --parse` does.
    pub fn parse_and_show(&mut self, text: &str, origin: Origin, base: &SourcePath) -> Res<Vec<u8>> {
        let source = self.positions.add(origin, text.as_bytes().into());
        self.show_parsed(source, base)
    }

    /// Parses the file that a path means and prints its tree.
    pub fn parse_file_and_show(&mut self, path: &SourcePath) -> Res<Vec<u8>> {
        let file = self.resolve_expr_path(path)?;
        let text = self.io.read_file(&file).map_err(|e| self.io_error(e, Pos::NONE))?;
        let origin = Origin::File { root: file.root, path: file.path.clone() };
        let source = self.positions.add(origin, text.into());
        self.show_parsed(source, &file.parent())
    }

    fn show_parsed(&mut self, source: Source, base: &SourcePath) -> Res<Vec<u8>> {
        let ast = self.parse(&source, base)?;
        // Undefined variables are errors too.
        if let Err(e) = resolve(self, &ast, source, base.root, None) {
            return Err(self.raise(*e));
        }
        Ok(firn_syntax::show::show(&ast, self.symbols))
    }

    fn show_warnings(&mut self, warnings: &[firn_syntax::Warning], source: &Source) {
        for w in warnings {
            let (message, pos) = (w.kind.message(), source.pos(w.span.start));
            if w.kind != firn_syntax::WarningKind::CursedOr {
                self.log_warning(false, message, pos, Vec::new());
                continue;
            }
            let text = source.text.get(w.span.start as usize..w.span.end as usize).unwrap_or_default();
            let text = String::from_utf8_lossy(text);
            let place = self.show_pos(pos);
            self.io.log(
                LogLevel::Warn,
                &format!(
                    "\u{1b}[35;1mwarning:\u{1b}[0m at {place}: {message}{text})\n\
                     Give feedback at https://github.com/NixOS/nix/pull/11121"
                ),
            );
        }
    }

    /// The file that is evaluated for a path: links are followed, a folder means `default.nix` in it.
    pub fn resolve_expr_path(&mut self, path: &SourcePath) -> Res<SourcePath> {
        if path.root == crate::COREPKGS_ROOT {
            return Ok(path.clone());
        }
        let mut path = path.clone();
        let mut followed = 0;
        while &*path.path != "/" {
            followed += 1;
            if followed >= MAX_LINKS {
                let m = crate::msg!(
                    "too many symbolic links encountered while traversing the path '{}'",
                    self.show_path(&path)
                );
                return Err(self.error(ErrorKind::Outside, m, Pos::NONE));
            }
            let real = crate::paths::resolve_parents(self, &path).map_err(|e| self.io_error(e, Pos::NONE))?;
            match crate::paths::link_target(self, &real).map_err(|e| self.io_error(e, Pos::NONE))? {
                Some(target) => {
                    path = crate::paths::join(&path.parent(), &target);
                }
                None => break,
            }
        }
        let real = crate::paths::resolve(self, &path).map_err(|e| self.io_error(e, Pos::NONE))?;
        let kind = self.io.stat(&real).map_err(|e| self.io_error(e, Pos::NONE))?;
        if kind == Some(FileKind::Directory) { Ok(path.child("default.nix")) } else { Ok(path) }
    }
}
