//! Locking a flake in the world: fetching it, computing the graph of its inputs, writing the lock file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_eval::Ctx;
use firn_eval::io::SourcePath;
use firn_events::Level;
use firn_fetch::Input;
use firn_fetch::git::Repository;
use firn_hash::{Algo, Hash};
use firn_source::{Accessor, FsAccessor};

use crate::declaration::Declaration;
use crate::diff::diff;
use crate::error::FlakeError;
use crate::lock_file::{Edge, InputPath, LockFile};
use crate::locking::{self, Fetched, World};
use crate::reference::FlakeRef;
use crate::registry::Use;
use crate::session::{Flakes, LockMode, LockedFlake, Tree};

/// Attributes of `inputs.self`: how the flake itself is fetched.
const SELF_ATTRIBUTES: [&str; 2] = ["submodules", "lfs"];

impl Flakes {
    /// Fetches a flake and reads its `flake.nix`; fetches it again if that asks for submodules or large files.
    ///
    /// # Errors
    /// It cannot be fetched, or is no flake.
    pub fn flake(
        &self,
        ctx: &mut Ctx,
        resolved: &FlakeRef,
        place: &InputPath,
    ) -> Result<(Tree, Declaration), FlakeError> {
        let tree = self.fetch(resolved)?;
        let declaration = self.declaration(ctx, &tree, resolved, place)?;
        let mut input = tree.input.clone();
        for (name, value) in &declaration.own_attributes {
            if !SELF_ATTRIBUTES.contains(&name.as_str()) {
                return Err(FlakeError::new(format!("flake 'self' attribute '{name}' is not supported")));
            }
            input = input.with(name, Some(value.clone()));
        }
        if input == tree.input {
            return Ok((tree, declaration));
        }
        let shown = FlakeRef { input: input.clone(), dir: tree.dir.clone() };
        self.events().message(Level::Debug, format!("refetching input '{shown}' due to self attribute"));
        // What belongs to the tree without them is found out anew.
        let work_tree = resolved.input.rev().is_none() && resolved.input.reference().is_none();
        let mut again = input.with("narHash", None);
        if work_tree {
            for name in ["rev", "ref", "revCount", "lastModified", "dirtyRev", "dirtyShortRev"] {
                again = again.with(name, None);
            }
        }
        let tree = self.fetch(&FlakeRef { input: again, dir: tree.dir.clone() })?;
        let declaration = self.declaration(ctx, &tree, resolved, place)?;
        Ok((tree, declaration))
    }

    /// Fetches a flake, locks its inputs, and writes the lock file where it changed and may be written.
    ///
    /// # Errors
    /// Whatever fetching, reading and locking meet; a lock file that would change and may not.
    pub fn lock(
        &self,
        ctx: &mut Ctx,
        original: &FlakeRef,
        mode: &LockMode,
    ) -> Result<LockedFlake, FlakeError> {
        let resolved = self.resolve(original, mode.registries_of_top())?;
        let (tree, declaration) = self.flake(ctx, &resolved, &Vec::new())?;
        let locked = FlakeRef { input: tree.input.clone(), dir: tree.dir.clone() };
        let shown = locked.to_string();
        self.lock_fetched(ctx, original, resolved, tree, declaration, mode)
            .map_err(|e| e.while_doing(format!("while updating the lock file of flake '{shown}'")))
    }

    /// Locks the flake in a folder of a tree that is mounted, or of the store.
    ///
    /// # Errors
    /// As [`Flakes::lock`]; a path that is neither.
    pub fn lock_path(
        &self,
        ctx: &mut Ctx,
        path: &SourcePath,
        mode: &LockMode,
    ) -> Result<LockedFlake, FlakeError> {
        let (store_path, below) =
            self.store_dir().to_store_path(&path.path).map_err(|e| FlakeError::new(e.to_string()))?;
        let files: Arc<dyn Accessor> = match self.mounts().get(store_path.base_name()) {
            Some(files) => files,
            None => Arc::new(FsAccessor::new(&*path.path).map_err(|e| FlakeError::new(e.to_string()))?),
        };
        let attrs = [("type".to_owned(), "indirect".into()), ("id".to_owned(), "get-flake".into())];
        let input = Input::from_attrs(attrs.into())?;
        let tree = Tree {
            input: input.clone(),
            rev_count: None,
            path: store_path,
            nar_hash: Hash::zero(Algo::Sha256),
            files,
            dir: below.trim_matches('/').to_owned(),
        };
        let reference = FlakeRef { input, dir: String::new() };
        let declaration = self.declaration(ctx, &tree, &reference, &Vec::new())?;
        self.lock_fetched(ctx, &reference, reference.clone(), tree, declaration, mode)
            .map_err(|e| e.while_doing(format!("while updating the lock file of flake '{reference}'")))
    }

    /// Locks the inputs of a flake that was fetched.
    ///
    /// # Errors
    /// As [`Flakes::lock`].
    pub fn lock_fetched(
        &self,
        ctx: &mut Ctx,
        original: &FlakeRef,
        resolved: FlakeRef,
        tree: Tree,
        declaration: Declaration,
        mode: &LockMode,
    ) -> Result<LockedFlake, FlakeError> {
        if mode.reference_lock_file.is_some() && !self.fetcher().settings().allow_dirty() {
            return Err(FlakeError::new(
                "reference lock file was provided, but the `allow-dirty` setting is set to false",
            ));
        }
        let old = match &mode.reference_lock_file {
            Some(file) => match std::fs::read_to_string(file) {
                Ok(text) => self.parse_lock(&text, &file.display().to_string())?,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => LockFile::default(),
                Err(e) => {
                    return Err(FlakeError::new(format!("reading lock file '{}': {e}", file.display())));
                }
            },
            None => self.lock_file(ctx, &tree)?,
        };
        let locked = FlakeRef { input: tree.input.clone(), dir: tree.dir.clone() };
        let root = Fetched {
            locked: locked.clone(),
            tree: tree.clone(),
            inputs: declaration.inputs.clone(),
            lock: old.clone(),
        };
        let mut world = LockWorld { flakes: self, ctx, registries: mode.registries_of_inputs() };
        let outcome = locking::lock(&mut world, &root, &old, &mode.options)?;
        let mut flake = LockedFlake {
            original: original.clone(),
            resolved,
            locked,
            tree,
            declaration,
            lock: outcome.lock,
            trees: outcome.trees,
            force_dirty: false,
        };
        if self.write_lock(&mut flake, &old, mode)? {
            // The lock file is part of the tree, which is another one now.
            self.forget_trees();
            let (tree, declaration) = self.flake(ctx, &flake.resolved, &Vec::new())?;
            let before = flake.locked.input.rev().map(str::to_owned);
            flake.locked = FlakeRef { input: tree.input.clone(), dir: tree.dir.clone() };
            flake.trees.insert(0, tree.clone());
            (flake.tree, flake.declaration) = (tree, declaration);
            if let Some(rev) =
                flake.locked.input.rev().filter(|rev| mode.commit && before.as_deref() != Some(*rev))
            {
                self.events().warn(format!("committed new revision '{rev}'"));
            }
        }
        Ok(flake)
    }

    /// Writes the lock file of a flake that lies in the file system, if it changed. Tells whether the flake's tree changed
    /// by that.
    fn write_lock(
        &self,
        flake: &mut LockedFlake,
        old: &LockFile,
        mode: &LockMode,
    ) -> Result<bool, FlakeError> {
        let new = without_base(&flake.lock, old);
        if new.to_json() == old.to_json() && mode.output_lock_file.is_none() {
            return Ok(false);
        }
        let changes = diff(old, &new);
        let top = &flake.original;
        if !mode.write {
            if new.to_json() != old.to_json() {
                self.events().warn(format!(
                    "not writing modified lock file of flake '{top}':\n{}",
                    changes.trim_end()
                ));
                flake.force_dirty = true;
            }
            return Ok(false);
        }
        let folder = local_folder(&flake.resolved);
        if folder.is_none() && mode.output_lock_file.is_none() {
            return Err(FlakeError::new(format!(
                "cannot write modified lock file of flake '{top}' (use '--no-write-lock-file' to ignore)"
            )));
        }
        let settings = self.fetcher().settings();
        if let Some(open) = new.unlocked_input(settings.allow_dirty_locks()) {
            if mode.fail_on_unlocked {
                return Err(FlakeError::new(format!(
                    "Not writing lock file of flake '{top}' because it has an unlocked input ('{open}'). Use \
                     '--allow-dirty-locks' to allow this anyway."
                )));
            }
            if settings.warn_dirty() {
                self.events().warn(format!(
                    "not writing lock file of flake '{top}' because it has an unlocked input ('{open}')"
                ));
            }
            return Ok(false);
        }
        if !mode.update {
            return Err(FlakeError::new(format!(
                "flake '{top}' requires lock file changes but they're not allowed due to '--no-update-lock-file'"
            )));
        }
        if let Some(file) = &mode.output_lock_file {
            if mode.commit {
                return Err(FlakeError::new(
                    "'--commit-lock-file' and '--output-lock-file' are incompatible",
                ));
            }
            write_atomically(file, &new.print())?;
            return Ok(false);
        }
        let Some((root, below)) = folder else { return Ok(false) };
        self.write_own_lock(flake, &root, &below, &new, changes.trim_end(), mode)?;
        Ok(true)
    }

    /// Writes `flake.lock` beside the flake, tells Git of it, and commits it where that is wanted.
    fn write_own_lock(
        &self,
        flake: &LockedFlake,
        root: &Path,
        below: &Path,
        new: &LockFile,
        changes: &str,
        mode: &LockMode,
    ) -> Result<(), FlakeError> {
        let relative = below.join("flake.lock");
        let file = root.join(&relative);
        let exists = file.exists();
        let text = match (exists, changes.is_empty()) {
            (true, true) => format!("updating lock file \"{}\"", file.display()),
            (true, false) => format!("updating lock file \"{}\":\n{changes}", file.display()),
            (false, _) => format!("creating lock file \"{}\": \n{changes}", file.display()),
        };
        self.events().warn(text);
        write_atomically(&file, &new.print())?;
        if flake.resolved.input.kind() != "git" {
            return Ok(());
        }
        let repository = Repository::at(root);
        if !repository.intend_to_add(&relative)? || !mode.commit {
            return Ok(());
        }
        let mut message = self.fetcher().settings().commit_lock_file_summary().to_string();
        if message.is_empty() {
            message = format!("{}: {}", relative.display(), if exists { "Update" } else { "Add" });
        }
        message.push_str(&format!("\n\nFlake lock file updates:\n\n{changes}\n"));
        self.events().message(Level::Debug, format!("committing '{}'", file.display()));
        Ok(repository.commit(&relative, &message)?)
    }
}

/// The folder of a flake's own files, where its lock file may be written: the root of its tree, and the way from there.
fn local_folder(reference: &FlakeRef) -> Option<(PathBuf, PathBuf)> {
    let input = &reference.input;
    let root = match input.kind() {
        "path" => input.text("path")?.to_owned(),
        "git" if input.rev().is_none() && input.reference().is_none() => {
            firn_fetch::ParsedUrl::parse(input.text("url")?).ok().filter(|u| u.scheme == "file")?.path
        }
        _ => return None,
    };
    Some((PathBuf::from(root), PathBuf::from(&reference.dir)))
}

/// What is written of a lock file: inputs that the base stands in for stay as the old file has them, as which tree the base
/// is, the executable says.
fn without_base(lock: &LockFile, old: &LockFile) -> LockFile {
    let mut new = lock.clone();
    let is_base = |id: usize| lock.nodes[id].lock.as_ref().is_some_and(|l| l.locked.input.kind() == "base");
    for (id, node) in new.nodes.iter_mut().enumerate() {
        node.inputs.retain(|name, edge| match edge {
            Edge::Node(child) if is_base(*child) => {
                // Only the flake's own inputs have a place in the old file that is known here.
                id == 0 && old.nodes[0].inputs.contains_key(name)
            }
            _ => true,
        });
    }
    for (name, edge) in &old.nodes[0].inputs {
        let Some(Edge::Node(child)) = new.nodes[0].inputs.get(name).cloned() else { continue };
        if is_base(child) {
            match edge {
                Edge::Node(kept) => new.graft(child, old, *kept),
                Edge::Follows(_) => drop(new.nodes[0].inputs.insert(name.clone(), edge.clone())),
            }
        }
    }
    new
}

fn write_atomically(file: &Path, text: &str) -> Result<(), FlakeError> {
    let beside = file.with_extension(format!("lock.tmp-{}", std::process::id()));
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, file))
        .map_err(|e| FlakeError::new(format!("writing lock file '{}': {e}", file.display())))
}

/// The world that locking sees.
struct LockWorld<'a> {
    flakes: &'a Flakes,
    ctx: &'a mut Ctx,
    registries: Use,
}

impl LockWorld<'_> {
    /// The tree of a relative path: that of the flake that names it, another folder in it.
    fn relative(&self, reference: &FlakeRef, parent: Option<&Tree>) -> Result<Option<Tree>, FlakeError> {
        let (Some(relative), Some(parent)) = (reference.relative_path(), parent) else { return Ok(None) };
        let root = self.flakes.store_dir().print(&parent.path);
        let full = firn_path::canonical(&format!("{root}/{}/{relative}", parent.dir));
        if full != root && !full.starts_with(&format!("{root}/")) {
            // It leads out of the tree, to where nothing may be read, or nothing is.
            let outside = SourcePath::file(&full);
            self.ctx.io.stat(&outside).map_err(|e| FlakeError::new(e.message))?;
            return Err(FlakeError::new(format!("path '{full}' does not exist")));
        }
        let dir = firn_path::canonical(&format!("/{}/{relative}/{}", parent.dir, reference.dir));
        Ok(Some(Tree { dir: dir.trim_start_matches('/').to_owned(), ..parent.clone() }))
    }
}

impl World for LockWorld<'_> {
    type Tree = Tree;

    fn flake(
        &mut self,
        reference: &FlakeRef,
        path: &InputPath,
        parent: Option<&Tree>,
        all_registries: bool,
    ) -> Result<Fetched<Tree>, FlakeError> {
        let (tree, declaration) = match self.relative(reference, parent)? {
            Some(tree) => {
                let declaration = self.flakes.declaration(self.ctx, &tree, reference, path)?;
                (tree, declaration)
            }
            None => {
                let which = if all_registries { Use::All } else { self.registries };
                let resolved = self.flakes.resolve(reference, which)?;
                self.flakes.flake(self.ctx, &resolved, path)?
            }
        };
        let lock = self.flakes.lock_file(self.ctx, &tree)?;
        let locked = locked_reference(reference, &tree)?;
        Ok(Fetched { locked, tree, inputs: declaration.inputs, lock })
    }

    fn tree(&mut self, reference: &FlakeRef, parent: Option<&Tree>) -> Result<(FlakeRef, Tree), FlakeError> {
        let tree = match self.relative(reference, parent)? {
            Some(tree) => tree,
            None => self.flakes.fetch(&self.flakes.resolve(reference, self.registries)?)?,
        };
        Ok((locked_reference(reference, &tree)?, tree))
    }

    fn prefetch(&mut self, references: &[FlakeRef]) {
        let resolved: Vec<FlakeRef> =
            references.iter().filter_map(|r| self.flakes.resolve(r, self.registries).ok()).collect();
        self.flakes.prefetch(&resolved);
    }

    fn warn(&mut self, message: String) {
        self.flakes.events().warn(message);
    }
}

/// What goes into the lock file for a fetched tree: a relative path stays what it is.
fn locked_reference(reference: &FlakeRef, tree: &Tree) -> Result<FlakeRef, FlakeError> {
    if reference.relative_path().is_some() { Ok(reference.clone()) } else { tree.locked() }
}
