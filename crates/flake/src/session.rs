//! Flakes in an evaluation: resolving, fetching, locking and calling them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use firn_eval::builtins::{PrimOp, prim};
use firn_eval::context::ContextElem;
use firn_eval::io::SourcePath;
use firn_eval::pos::Origin;
use firn_eval::{AttrsBuilder, Ctx, ErrorKind, Pos, Res, Value};
use firn_events::{Events, Level};
use firn_fetch::world::Mounts;
use firn_fetch::{Attr, Fetcher, Input};
use firn_hash::Hash;
use firn_path::{StoreDir, StorePath};
use firn_source::Accessor;

use crate::declaration::{self, Declaration};
use crate::diff::{diff, timestamp};
use crate::error::FlakeError;
use crate::lock_file::{Edge, InputPath, LockFile};
use crate::locking::{self, Fetched, Options, World};
use crate::reference::FlakeRef;
use crate::registry::{self, Registry};

/// A tree that was fetched and mounted.
#[derive(Clone)]
pub struct Tree {
    /// Its input, complete.
    pub input: Input,
    /// Where it is mounted.
    pub path: StorePath,
    /// Its hash.
    pub nar_hash: Hash,
    /// Its files.
    pub files: Arc<dyn Accessor>,
    /// The folder of the flake in it.
    pub dir: String,
}

/// What an evaluation needs to know to deal with flakes.
#[derive(Clone)]
pub struct Flakes {
    fetcher: Fetcher,
    mounts: Mounts,
    store_dir: StoreDir,
    events: Events,
    registries: Arc<Vec<Registry>>,
    /// Trees by the input that they were asked for as.
    trees: BTreeMap<Input, Tree>,
}

/// How lock files are treated.
#[derive(Clone, Debug)]
pub struct LockMode {
    /// Inputs to renew, to replace, and the like.
    pub options: Options,
    /// A lock file that would change may be written.
    pub write: bool,
    /// A lock file may change at all.
    pub update: bool,
    /// Registries of the user and the system count for inputs, too (they never do when locking by default).
    pub all_registries: bool,
    /// Read this lock file instead of the flake's own.
    pub reference_lock_file: Option<PathBuf>,
    /// Write this lock file instead of the flake's own.
    pub output_lock_file: Option<PathBuf>,
}

impl Default for LockMode {
    fn default() -> Self {
        LockMode {
            options: Options { allow_unlocked: true, ..Options::default() },
            write: true,
            update: true,
            all_registries: false,
            reference_lock_file: None,
            output_lock_file: None,
        }
    }
}

/// A flake with its lock file.
#[derive(Clone)]
pub struct LockedFlake {
    /// What the user asked for.
    pub original: FlakeRef,
    /// What registries made of that.
    pub resolved: FlakeRef,
    /// The tree that it means.
    pub locked: FlakeRef,
    /// The tree.
    pub tree: Tree,
    /// What its `flake.nix` says.
    pub declaration: Declaration,
    /// Its inputs.
    pub lock: LockFile,
    /// Trees of inputs that were fetched, by node.
    pub trees: BTreeMap<usize, Tree>,
}

impl Flakes {
    /// Flakes for an evaluation.
    pub fn new(
        fetcher: Fetcher,
        mounts: Mounts,
        store_dir: StoreDir,
        events: Events,
        registries: Vec<Registry>,
    ) -> Flakes {
        Flakes {
            fetcher,
            mounts,
            store_dir,
            events,
            registries: Arc::new(registries),
            trees: BTreeMap::new(),
        }
    }

    /// The registries.
    pub fn registries(&self) -> &[Registry] {
        &self.registries
    }

    /// Looks a reference up in the registries.
    ///
    /// # Errors
    /// None knows it.
    pub fn resolve(&self, reference: &FlakeRef, limited: bool) -> Result<FlakeRef, FlakeError> {
        if reference.input.is_direct() {
            return Ok(reference.clone());
        }
        registry::resolve(reference, &self.registries, limited)
    }

    /// Fetches and mounts the tree of a direct reference.
    ///
    /// # Errors
    /// It cannot be fetched, or has another hash than the reference says.
    pub fn fetch(&mut self, reference: &FlakeRef) -> Result<Tree, FlakeError> {
        if let Some(tree) = self.trees.get(&reference.input) {
            return Ok(Tree { dir: reference.dir.clone(), ..tree.clone() });
        }
        let bare = reference.input.clone().with("__final", None);
        let fetched = self.fetcher.fetch(&bare)?;
        let (path, nar_hash) = self.mounts.mount(&self.store_dir, fetched.tree.clone(), "source")?;
        if let Some(wanted) = bare.nar_hash()? {
            if wanted != nar_hash {
                return Err(FlakeError::HashMismatch(format!(
                    "NAR hash mismatch in input '{}', expected '{}' but got '{}'",
                    bare.to_url(),
                    wanted.sri(),
                    nar_hash.sri()
                )));
            }
        }
        let input = fetched.input.with("narHash", Some(nar_hash.sri().into()));
        let tree =
            Tree { input: input.clone(), path, nar_hash, files: fetched.tree, dir: reference.dir.clone() };
        self.trees.insert(reference.input.clone(), tree.clone());
        self.trees.insert(input, tree.clone());
        Ok(tree)
    }

    /// The folder of a flake as the evaluator reads it.
    fn source_path(&self, tree: &Tree, file: &str) -> SourcePath {
        let mut text = self.store_dir.print(&tree.path);
        for part in [tree.dir.as_str(), file] {
            if !part.is_empty() {
                text.push('/');
                text.push_str(part);
            }
        }
        SourcePath::file(&firn_path::canonical(&text))
    }

    /// Reads what a fetched flake says of itself.
    ///
    /// # Errors
    /// It has no `flake.nix`, or one that is not as it should be.
    pub fn declaration(
        &self,
        ctx: &mut Ctx,
        tree: &Tree,
        reference: &FlakeRef,
        place: &InputPath,
    ) -> Result<Declaration, FlakeError> {
        let file = self.source_path(tree, "flake.nix");
        if ctx.io.stat(&file).map_err(|e| FlakeError::new(e.message))?.is_none() {
            // Reading it says why it is not there: not tracked, or not at all.
            let why = ctx.io.read_file(&file).err().map(|e| e.message).unwrap_or_default();
            if why.contains("not tracked by Git") {
                return Err(FlakeError::new(why));
            }
            return Err(FlakeError::new(format!(
                "source tree referenced by '{reference}' does not contain a '{}/flake.nix' file",
                tree.dir
            )));
        }
        declaration::read(ctx, &file, &reference.to_string(), place)
    }

    /// The lock file in a fetched flake; an empty one if there is none.
    fn lock_file(&self, ctx: &mut Ctx, tree: &Tree) -> Result<LockFile, FlakeError> {
        let file = self.source_path(tree, "flake.lock");
        match ctx.io.stat(&file).map_err(|e| FlakeError::new(e.message))? {
            None => Ok(LockFile::default()),
            Some(_) => {
                let text = ctx.io.read_file(&file).map_err(|e| FlakeError::new(e.message))?;
                if text.is_empty() {
                    return Ok(LockFile::default());
                }
                LockFile::parse(&String::from_utf8_lossy(&text), &file.path)
            }
        }
    }

    /// Fetches a flake, locks its inputs, and writes the lock file where it changed and may be written.
    ///
    /// # Errors
    /// Whatever fetching, reading and locking meet; a lock file that would change and may not.
    pub fn lock(
        &mut self,
        ctx: &mut Ctx,
        original: &FlakeRef,
        mode: &LockMode,
    ) -> Result<LockedFlake, FlakeError> {
        let resolved = self.resolve(original, false)?;
        let tree = self.fetch(&resolved)?;
        let locked = FlakeRef { input: tree.input.clone(), dir: resolved.dir.clone() };
        let declaration = self.declaration(ctx, &tree, &resolved, &Vec::new())?;
        let old = match &mode.reference_lock_file {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|e| FlakeError::new(format!("reading lock file '{}': {e}", file.display())))?;
                LockFile::parse(&text, &file.display().to_string())?
            }
            None => self.lock_file(ctx, &tree)?,
        };
        let root = Fetched {
            locked: locked.clone(),
            tree: tree.clone(),
            inputs: declaration.inputs.clone(),
            lock: old.clone(),
        };
        let mut world = LockWorld { flakes: self, ctx, limited: !mode.all_registries };
        let outcome = locking::lock(&mut world, &root, &old, &mode.options)
            .map_err(|e| e.while_doing(format!("while updating the lock file of flake '{locked}'")))?;
        let flake = LockedFlake {
            original: original.clone(),
            resolved,
            locked,
            tree,
            declaration,
            lock: outcome.lock,
            trees: outcome.trees,
        };
        self.write_lock(&flake, &old, mode)?;
        Ok(flake)
    }

    /// Writes the lock file of a flake that lies in the file system, if it changed.
    fn write_lock(&self, flake: &LockedFlake, old: &LockFile, mode: &LockMode) -> Result<(), FlakeError> {
        let new = without_base(&flake.lock);
        if new.to_json() == old.to_json() && mode.output_lock_file.is_none() {
            return Ok(());
        }
        let changes = diff(old, &new);
        if !mode.update {
            return Err(FlakeError::new(format!(
                "flake '{}' requires lock file changes but they're not allowed due to '--no-update-lock-file'",
                flake.original
            )));
        }
        if !mode.write {
            return Ok(());
        }
        let Some(folder) = local_folder(&flake.resolved) else {
            if !changes.is_empty() {
                let text = format!(
                    "not writing modified lock file of flake '{}':\n{}",
                    flake.original,
                    changes.trim_end()
                );
                self.events.warn(text);
            }
            return Ok(());
        };
        let file = match &mode.output_lock_file {
            Some(file) => file.clone(),
            None => folder.join("flake.lock"),
        };
        if let Some(open) = new.unlocked_input() {
            return Err(FlakeError::new(format!(
                "cannot write lock file of flake '{}' because it has an unlocked input ('{open}')",
                flake.original
            )));
        }
        let what = if file.exists() { "updating lock file" } else { "creating lock file" };
        let text = if changes.is_empty() { String::new() } else { format!(": \n{}", changes.trim_end()) };
        self.events.message(Level::Warn, format!("{what} \"{}\"{text}", file.display()));
        write_atomically(&file, &new.print())?;
        if flake.resolved.input.kind() == "git" && mode.output_lock_file.is_none() {
            let repository = firn_fetch::git::Repository::at(&folder);
            repository.intend_to_add(&file)?;
        }
        Ok(())
    }

    /// The value of a locked flake: its outputs and what is known of its source.
    ///
    /// # Errors
    /// Evaluating it fails.
    pub fn call(&self, ctx: &mut Ctx, flake: &LockedFlake) -> Res {
        let keys = flake.lock.keys();
        let mut fetched = AttrsBuilder::with_capacity(flake.trees.len());
        for (id, tree) in &flake.trees {
            let Some(key) = keys.get(id) else { continue };
            let info = self.source_info(ctx, tree);
            let dir = ctx.str(&tree.dir);
            let entry = ctx.attrs(&[("sourceInfo", info), ("dir", dir)]);
            fetched.push(ctx.sym(key), Pos::NONE, entry);
        }
        let fetched = fetched.finish(&mut ctx.heap).value();
        let text = ctx.str(flake.lock.to_json().to_string());
        let base = SourcePath::file("/");
        let read = ctx.eval_text("builtins.fromJSON", Origin::Internal("flake"), &base, None)?;
        let lock = ctx.call(read, &[text], Pos::NONE)?;
        let function =
            ctx.eval_text(include_str!("call.nix"), Origin::Internal("call-flake.nix"), &base, None)?;
        let fetch = match ctx.prim_id("fetchLockedTree") {
            Some(id) => Value::prim(id),
            None => {
                return Err(ctx.error(
                    ErrorKind::Eval,
                    "the builtins of flakes are not registered",
                    Pos::NONE,
                ));
            }
        };
        ctx.call(function, &[lock, fetched, fetch], Pos::NONE)
    }

    /// What a flake's value says about its source.
    fn source_info(&self, ctx: &mut Ctx, tree: &Tree) -> Value {
        let context = ctx.context_of(ContextElem::Opaque(tree.path.clone()));
        let path = self.store_dir.print(&tree.path);
        let mut attrs =
            vec![("outPath", ctx.str_ctx(path, context)), ("narHash", ctx.str(tree.nar_hash.sri()))];
        let input = &tree.input;
        for name in ["rev", "dirtyRev", "dirtyShortRev"] {
            if let Some(text) = input.text(name) {
                attrs.push((name, ctx.str(text)));
            }
        }
        if let Some(rev) = input.rev() {
            attrs.push(("shortRev", ctx.str(&rev[..7.min(rev.len())])));
        }
        for name in ["revCount", "lastModified"] {
            if let Some(n) = input.int(name) {
                attrs.push((name, ctx.int(i64::try_from(n).unwrap_or(i64::MAX))));
            }
        }
        if let Some(seconds) = input.int("lastModified") {
            attrs.push(("lastModifiedDate", ctx.str(timestamp(seconds))));
        }
        if input.kind() == "git" {
            attrs.push(("submodules", Value::bool(input.flag("submodules"))));
        }
        ctx.attrs(&attrs)
    }
}

/// The folder of a flake's own files, where its lock file may be written.
fn local_folder(reference: &FlakeRef) -> Option<PathBuf> {
    let input = &reference.input;
    let root = match input.kind() {
        "path" => input.text("path")?.to_owned(),
        "git" if input.rev().is_none() && input.reference().is_none() => {
            firn_fetch::ParsedUrl::parse(input.text("url")?).ok().filter(|u| u.scheme == "file")?.path
        }
        _ => return None,
    };
    let folder = PathBuf::from(root);
    Some(if reference.dir.is_empty() { folder } else { folder.join(&reference.dir) })
}

/// A lock file without inputs that the embedded base stands for: which tree that is, the executable says.
fn without_base(lock: &LockFile) -> LockFile {
    let mut new = lock.clone();
    let is_base = |id: &usize| lock.nodes[*id].lock.as_ref().is_some_and(|l| l.locked.input.kind() == "base");
    for node in &mut new.nodes {
        node.inputs.retain(|_, edge| !matches!(edge, Edge::Node(id) if is_base(id)));
    }
    new
}

fn write_atomically(file: &std::path::Path, text: &str) -> Result<(), FlakeError> {
    let beside = file.with_extension(format!("lock.tmp-{}", std::process::id()));
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, file))
        .map_err(|e| FlakeError::new(format!("writing lock file '{}': {e}", file.display())))
}

/// The world that locking sees.
struct LockWorld<'a> {
    flakes: &'a mut Flakes,
    ctx: &'a mut Ctx,
    limited: bool,
}

impl LockWorld<'_> {
    fn get(&mut self, reference: &FlakeRef, parent: Option<&Tree>) -> Result<Tree, FlakeError> {
        if let (Some(relative), Some(parent)) = (reference.relative_path(), parent) {
            let dir = firn_path::canonical(&format!("/{}/{relative}/{}", parent.dir, reference.dir));
            return Ok(Tree {
                dir: dir.trim_start_matches('/').to_owned(),
                input: reference.input.clone(),
                ..parent.clone()
            });
        }
        let resolved = self.flakes.resolve(reference, self.limited)?;
        self.flakes.fetch(&resolved)
    }
}

impl World for LockWorld<'_> {
    type Tree = Tree;

    fn flake(
        &mut self,
        reference: &FlakeRef,
        path: &InputPath,
        parent: Option<&Tree>,
    ) -> Result<Fetched<Tree>, FlakeError> {
        let tree = self.get(reference, parent)?;
        let declaration = self.flakes.declaration(self.ctx, &tree, reference, path)?;
        let lock = self.flakes.lock_file(self.ctx, &tree)?;
        let locked = locked_reference(reference, &tree);
        Ok(Fetched { locked, tree, inputs: declaration.inputs, lock })
    }

    fn tree(&mut self, reference: &FlakeRef, parent: Option<&Tree>) -> Result<(FlakeRef, Tree), FlakeError> {
        let tree = self.get(reference, parent)?;
        Ok((locked_reference(reference, &tree), tree))
    }

    fn warn(&mut self, message: String) {
        self.flakes.events.warn(message);
    }
}

/// What goes into the lock file for a fetched tree: a relative path stays what it is.
fn locked_reference(reference: &FlakeRef, tree: &Tree) -> FlakeRef {
    if reference.relative_path().is_some() {
        return reference.clone();
    }
    FlakeRef { input: tree.input.clone(), dir: tree.dir.clone() }
}

/// Builtins of flakes; [`Flakes`] must be among the extensions of the context.
pub const BUILTINS: &[PrimOp] = &[
    prim("fetchLockedTree", 1, fetch_locked_tree).internal(),
    prim("getFlake", 1, get_flake)
        .feature("flakes")
        .args(&["args"])
        .doc("The outputs of a flake, given its reference."),
];

/// Runs `f` with the flakes of the evaluation; its errors become those of the evaluation.
fn with_flakes<T>(
    ctx: &mut Ctx,
    pos: Pos,
    f: impl FnOnce(&mut Flakes, &mut Ctx) -> Result<T, FlakeError>,
) -> Res<T> {
    let Some(mut flakes) = ctx.get_extension::<Flakes>().cloned() else {
        return Err(ctx.error(ErrorKind::Eval, "flakes are not available in this evaluation", pos));
    };
    let result = f(&mut flakes, ctx);
    ctx.set_extension(flakes);
    result.map_err(|e| match e {
        FlakeError::Evaluation(inner) => ctx.raise(*inner),
        other => ctx.error(ErrorKind::Outside, other.to_string(), pos),
    })
}

fn fetch_locked_tree(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    let attrs = ctx.force_attrs(args[0], pos, "while fetching a locked input")?;
    let flat = ctx.flat(attrs);
    let mut found = firn_fetch::Attrs::new();
    for (name, _, value) in flat.iter() {
        let value = ctx.force(value, pos)?;
        let attr = match (value.as_str(), value.as_int(), value.as_bool()) {
            (Some(text), ..) => Attr::Text(text.to_text().into_owned()),
            (_, Some(n), _) => Attr::Int(u64::try_from(n).unwrap_or(0)),
            (.., Some(b)) => Attr::Bool(b),
            _ => continue,
        };
        found.insert(String::from_utf8_lossy(ctx.name(name)).into_owned(), attr);
    }
    with_flakes(ctx, pos, |flakes, ctx| {
        let reference = FlakeRef { input: Input::from_attrs(found)?, dir: String::new() };
        let tree = flakes.fetch(&reference)?;
        Ok(flakes.source_info(ctx, &tree))
    })
}

fn get_flake(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    let text = ctx.force_str(args[0], pos, "while evaluating the argument passed to builtins.getFlake")?;
    let text = text.to_text().into_owned();
    let pure = ctx.settings.pure;
    let locked = with_flakes(ctx, pos, |flakes, ctx| {
        let reference = FlakeRef::parse(
            &text,
            crate::reference::Context { base: None, flake: true, keep_relative: false },
        )?;
        if pure && !reference.input.is_locked() {
            return Err(FlakeError::new(format!(
                "cannot call 'getFlake' on unlocked flake reference '{text}', at {} (use --impure to override)",
                ctx.show_pos(pos)
            )));
        }
        let mode = LockMode {
            options: Options { allow_unlocked: !pure, ..Options::default() },
            write: false,
            ..LockMode::default()
        };
        flakes.lock(ctx, &reference, &mode)
    })?;
    let Some(flakes) = ctx.get_extension::<Flakes>().cloned() else {
        return Err(ctx.error(ErrorKind::Eval, "flakes are not available in this evaluation", pos));
    };
    flakes.call(ctx, &locked)
}
