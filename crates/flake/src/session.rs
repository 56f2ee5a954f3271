//! Flakes in an evaluation: resolving references, fetching trees, reading what a `flake.nix` says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use firn_eval::Ctx;
use firn_eval::io::SourcePath;
use firn_events::{Events, Level};
use firn_fetch::world::{Mounts, OpenStore};
use firn_fetch::{Attr, Fetched, Fetcher, Input, LazyCount};
use firn_hash::{Algo, Hash};
use firn_path::{FileMethod, References, StoreDir, StorePath};
use firn_source::{Accessor, FsAccessor};

use crate::declaration::{self, Declaration};
use crate::error::FlakeError;
use crate::lock_file::{InputPath, LockFile};
use crate::locking::Options as LockOptions;
use crate::reference::FlakeRef;
use crate::registry::{self, Entry, Origin, Registry, Use};

/// A tree that was fetched and mounted.
#[derive(Clone)]
pub struct Tree {
    /// Its input; without a number of commits that takes work to find out.
    pub input: Input,
    /// That number.
    pub rev_count: Option<LazyCount>,
    /// Where it is mounted.
    pub path: StorePath,
    /// Its hash.
    pub nar_hash: Hash,
    /// Its files.
    pub files: Arc<dyn Accessor>,
    /// The folder of the flake in it.
    pub dir: String,
}

impl Tree {
    /// The input with all its attributes, as a lock file has it.
    ///
    /// # Errors
    /// Counting commits fails.
    pub fn locked(&self) -> Result<FlakeRef, FlakeError> {
        let mut input = self.input.clone().with("__final", Some(true.into()));
        if let Some(count) = &self.rev_count {
            input = input.with("revCount", Some(Attr::Int(count.get()?)));
        }
        Ok(FlakeRef { input, dir: self.dir.clone() })
    }
}

/// What flakes are set up with.
pub struct Setup {
    /// Gets trees.
    pub fetcher: Fetcher,
    /// Where they are mounted.
    pub mounts: Mounts,
    /// The directory of store paths.
    pub store_dir: StoreDir,
    /// Opens the store: a tree may be there already.
    pub open: OpenStore,
    /// Where messages go.
    pub events: Events,
    /// Registries in the order in which they are asked, that of flags first, without the global one.
    pub near: Vec<Registry>,
    /// Makes the global registry, which is asked last.
    pub global: Global,
    /// The base stands in for the references that it knows.
    pub base_stand_in: bool,
}

/// Makes the global registry when it is first needed.
pub type Global = Box<dyn Fn() -> Result<Registry, FlakeError> + Send + Sync>;

/// What an evaluation needs to know to deal with flakes; clones share everything.
#[derive(Clone)]
pub struct Flakes {
    shared: Arc<Shared>,
}

struct Shared {
    setup: Setup,
    /// The global registry, once it was asked for.
    global: Mutex<Option<Registry>>,
    /// More entries of the registry of flags.
    flags: Mutex<Vec<Entry>>,
    /// Trees by the input that they were asked for as.
    trees: Mutex<BTreeMap<Input, Tree>>,
    /// Counts that builtins may be asked for, by their number.
    counts: Mutex<Vec<LazyCount>>,
    /// What the base was said to stand in for.
    said: Mutex<BTreeSet<String>>,
}

/// How lock files are treated.
#[derive(Clone, Debug)]
pub struct LockMode {
    /// Inputs to renew, to replace, and the like.
    pub options: LockOptions,
    /// A lock file that would change may be written.
    pub write: bool,
    /// A lock file may change at all.
    pub update: bool,
    /// It is an error if the lock file cannot be written because an input is not locked.
    pub fail_on_unlocked: bool,
    /// The changed lock file is committed.
    pub commit: bool,
    /// Registries may be asked.
    pub use_registries: bool,
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
            options: LockOptions { allow_unlocked: true, ..LockOptions::default() },
            write: true,
            update: true,
            fail_on_unlocked: false,
            commit: false,
            use_registries: true,
            all_registries: false,
            reference_lock_file: None,
            output_lock_file: None,
        }
    }
}

impl LockMode {
    /// Which registries are asked for the inputs of a flake.
    pub fn registries_of_inputs(&self) -> Use {
        match (self.use_registries, self.all_registries) {
            (false, _) => Use::None,
            (true, false) => Use::Limited,
            (true, true) => Use::All,
        }
    }

    /// Which registries are asked for what the user names.
    pub fn registries_of_top(&self) -> Use {
        if self.use_registries { Use::All } else { Use::None }
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
    /// Its lock file in memory is not the one on disk: it says nothing of its commit.
    pub force_dirty: bool,
}

impl Flakes {
    /// Flakes for an evaluation.
    pub fn new(setup: Setup) -> Flakes {
        Flakes {
            shared: Arc::new(Shared {
                setup,
                global: Mutex::default(),
                flags: Mutex::default(),
                trees: Mutex::default(),
                counts: Mutex::default(),
                said: Mutex::default(),
            }),
        }
    }

    /// What gets trees.
    pub fn fetcher(&self) -> &Fetcher {
        &self.shared.setup.fetcher
    }

    /// Where messages go.
    pub fn events(&self) -> &Events {
        &self.shared.setup.events
    }

    /// The directory of store paths.
    pub fn store_dir(&self) -> &StoreDir {
        &self.shared.setup.store_dir
    }

    /// Where trees are mounted.
    pub fn mounts(&self) -> &Mounts {
        &self.shared.setup.mounts
    }

    /// Adds an entry to the registry of flags.
    pub fn add_flag(&self, entry: Entry) {
        lock(&self.shared.flags).push(entry);
    }

    /// The registries but the global one.
    fn near(&self) -> Vec<Registry> {
        let mut near = self.shared.setup.near.clone();
        let more = lock(&self.shared.flags).clone();
        match near.iter_mut().find(|r| r.origin == Origin::Flag) {
            Some(flags) => flags.entries.extend(more),
            None => near.insert(0, Registry { origin: Origin::Flag, entries: more }),
        }
        near
    }

    /// All registries, in the order in which they are asked.
    ///
    /// # Errors
    /// A registry that cannot be read.
    pub fn registries(&self) -> Result<Vec<Registry>, FlakeError> {
        let mut all = self.near();
        let mut global = lock(&self.shared.global);
        if global.is_none() {
            *global = Some((self.shared.setup.global)()?);
        }
        all.extend(global.clone());
        Ok(all)
    }

    /// Looks a reference up in the registries.
    ///
    /// # Errors
    /// None knows it.
    pub fn resolve(&self, reference: &FlakeRef, which: Use) -> Result<FlakeRef, FlakeError> {
        if reference.input.is_direct() {
            return Ok(reference.clone());
        }
        if which == Use::None {
            return Err(FlakeError::new(format!(
                "'{reference}' is an indirect flake reference, but registry lookups are not allowed"
            )));
        }
        // The global registry may have to be fetched; it is not asked where the others suffice.
        match registry::resolve(reference, &self.near(), which) {
            Ok(found) => Ok(found),
            Err(_) => registry::resolve(reference, &self.registries()?, which),
        }
    }

    /// The part of the base that stands in for a reference, if it is set to.
    fn stand_in(&self, reference: &FlakeRef) -> Option<FlakeRef> {
        if !self.shared.setup.base_stand_in {
            return None;
        }
        let dir = firn_fetch::base::stands_in_for(&reference.input)?;
        let shown = FlakeRef {
            input: ["__final", "narHash", "lastModified", "revCount"]
                .iter()
                .fold(reference.input.clone(), |input, name| input.with(name, None)),
            dir: reference.dir.clone(),
        };
        if lock(&self.shared.said).insert(shown.to_string()) {
            self.events().message(Level::Notice, format!("the embedded base stands in for '{shown}'"));
        }
        let input = Input::from_attrs([("type".to_owned(), "base".into())].into()).ok()?;
        let dir =
            [dir, &reference.dir].iter().filter(|d| !d.is_empty()).copied().collect::<Vec<_>>().join("/");
        Some(FlakeRef { input, dir })
    }

    /// Fetches and mounts the tree of a direct reference.
    ///
    /// # Errors
    /// It cannot be fetched, or has another hash than the reference says.
    pub fn fetch(&self, reference: &FlakeRef) -> Result<Tree, FlakeError> {
        let reference = &self.stand_in(reference).unwrap_or_else(|| reference.clone());
        if let Some(tree) = lock(&self.shared.trees).get(&reference.input) {
            return Ok(Tree { dir: reference.dir.clone(), ..tree.clone() });
        }
        let tree = match self.in_store(&reference.input)? {
            Some(tree) => tree,
            None => self.fetch_from_origin(&reference.input)?,
        };
        let tree = Tree { dir: reference.dir.clone(), ..tree };
        let mut trees = lock(&self.shared.trees);
        trees.insert(reference.input.clone(), tree.clone());
        trees.insert(tree.input.clone(), tree.clone());
        Ok(tree)
    }

    fn fetch_from_origin(&self, input: &Input) -> Result<Tree, FlakeError> {
        let fetched = match self.fetcher().fetch(input) {
            Ok(fetched) => fetched,
            Err(error) => match self.substituted(input) {
                Some(tree) => return Ok(tree),
                None => return Err(error.into()),
            },
        };
        self.mount(input, fetched)
    }

    /// Mounts what was fetched for an input, if its hash is the one that the input says.
    fn mount(&self, wanted: &Input, fetched: Fetched) -> Result<Tree, FlakeError> {
        let known =
            fetched.input.nar_hash()?.filter(|_| !wanted.is_final() || fetched.tree.fingerprint().is_some());
        let nar_hash =
            match known.filter(|_| matches!(wanted.kind(), "tarball" | "github" | "gitlab" | "sourcehut")) {
                Some(hash) => hash,
                None => self.fetcher().nar_hash(fetched.tree.as_ref())?,
            };
        if let Some(expected) = wanted.nar_hash()? {
            if expected != nar_hash {
                return Err(FlakeError::HashMismatch(format!(
                    "NAR hash mismatch in input '{}', expected '{}' but got '{}'",
                    wanted.to_url(),
                    expected.sri(),
                    nar_hash.sri()
                )));
            }
        }
        let path = self.mounts().mount(self.store_dir(), fetched.tree.clone(), wanted.name(), &nar_hash)?;
        let input = fetched.input.with("narHash", Some(nar_hash.sri().into())).with("__final", None);
        Ok(Tree {
            input,
            rev_count: fetched.rev_count,
            path,
            nar_hash,
            files: fetched.tree,
            dir: String::new(),
        })
    }

    /// The store path that a final input has.
    fn final_path(&self, input: &Input) -> Result<Option<(StorePath, Hash)>, FlakeError> {
        if !input.is_final() || matches!(input.kind(), "base") {
            return Ok(None);
        }
        let Some(hash) = input.nar_hash()? else { return Ok(None) };
        let path = self
            .store_dir()
            .make_fixed_output_path(input.name(), FileMethod::NixArchive, &hash, &References::default())
            .map_err(|e| FlakeError::new(e.to_string()))?;
        Ok(Some((path, hash)))
    }

    /// A final input whose tree is in the store.
    fn in_store(&self, input: &Input) -> Result<Option<Tree>, FlakeError> {
        let Some((path, hash)) = self.final_path(input)? else { return Ok(None) };
        // Without a store everything is fetched.
        let Ok(store) = (self.shared.setup.open)() else { return Ok(None) };
        if !store.is_valid(&path).unwrap_or(false) || store.add_temp_root(&path).is_err() {
            return Ok(None);
        }
        let real = store.real_path(&path).unwrap_or_else(|| PathBuf::from(self.store_dir().print(&path)));
        let Ok(files) = FsAccessor::new(&real) else { return Ok(None) };
        let files =
            files.shown_as(self.store_dir().print(&path)).with_fingerprint(format!("nar:{}", hash.sri()));
        let files: Arc<dyn Accessor> = Arc::new(files);
        self.mounts().mount(self.store_dir(), files.clone(), input.name(), &hash)?;
        let input = input.clone().with("__final", None).with("narHash", Some(hash.sri().into()));
        Ok(Some(Tree { input, rev_count: None, path, nar_hash: hash, files, dir: String::new() }))
    }

    /// A final input that cannot be had where it comes from, from a cache.
    fn substituted(&self, input: &Input) -> Option<Tree> {
        let (path, _) = self.final_path(input).ok()??;
        let store = (self.shared.setup.open)().ok()?;
        store.ensure_path(&path).ok()?;
        self.in_store(input).ok()?
    }

    /// Where a reference to a path of the store leads, if a tree is mounted there.
    pub(crate) fn mounted_path(&self, reference: &FlakeRef) -> Option<SourcePath> {
        let path = reference.input.text("path").filter(|_| reference.input.kind() == "path")?;
        let (store_path, _) = self.store_dir().to_store_path(path).ok()?;
        self.mounts().get(store_path.base_name())?;
        let text =
            if reference.dir.is_empty() { path.to_owned() } else { format!("{path}/{}", reference.dir) };
        Some(SourcePath::file(&firn_path::canonical(&text)))
    }

    /// Gets trees that are about to be needed, several at a time. What fails is fetched again later, and fails then.
    pub(crate) fn prefetch(&self, references: &[FlakeRef]) {
        let wanted: Vec<&FlakeRef> = references
            .iter()
            .filter(|r| r.relative_path().is_none() && r.input.kind() != "base")
            .filter(|r| !lock(&self.shared.trees).contains_key(&r.input))
            .collect();
        if wanted.len() < 2 {
            return;
        }
        let most = self.fetcher().settings().http_connections().clamp(1, 16) as usize;
        for some in wanted.chunks(most) {
            std::thread::scope(|scope| {
                for reference in some {
                    scope.spawn(|| drop(self.fetch(reference)));
                }
            });
        }
    }

    /// Notes a count for a builtin to find out later; gives its number.
    pub(crate) fn keep_count(&self, count: LazyCount) -> usize {
        let mut counts = lock(&self.shared.counts);
        counts.push(count);
        counts.len() - 1
    }

    pub(crate) fn count(&self, number: usize) -> Option<LazyCount> {
        lock(&self.shared.counts).get(number).cloned()
    }

    /// Copies the tree that is mounted at a store path into the store; other paths are left alone.
    ///
    /// # Errors
    /// The tree cannot be read, or the store not written.
    pub fn realise(&self, path: &StorePath) -> Result<(), FlakeError> {
        if self.mounts().get(path.base_name()).is_none() {
            return Ok(());
        }
        let store = (self.shared.setup.open)().map_err(FlakeError::new)?;
        self.mounts().realise(store.as_ref(), path).map_err(|e| FlakeError::new(e.to_string()))
    }

    /// Forgets fetched trees, so that they are looked at anew.
    pub fn forget_trees(&self) {
        lock(&self.shared.trees).clear();
    }

    /// A file of a flake, as the evaluator reads it.
    pub(crate) fn source_path(&self, tree: &Tree, file: &str) -> SourcePath {
        let mut text = self.store_dir().print(&tree.path);
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
        // Links within the tree are followed.
        let real = firn_eval::paths::resolve(ctx, &file).map_err(|e| FlakeError::new(e.message))?;
        if ctx.io.stat(&real).map_err(|e| FlakeError::new(e.message))?.is_none() {
            // Reading it says why it is not there: not tracked, or not at all.
            let why = ctx.io.read_file(&real).err().map(|e| e.message).unwrap_or_default();
            if why.contains("tracked by Git") || why.contains("in Git repository") {
                return Err(FlakeError::new(why));
            }
            let place = if tree.dir.is_empty() { String::new() } else { format!("{}/", tree.dir) };
            return Err(FlakeError::new(format!(
                "source tree referenced by '{reference}' does not contain a '{place}flake.nix' file"
            )));
        }
        declaration::read(ctx, &file, &reference.to_string(), place)
    }

    /// The lock file in a fetched flake; an empty one if there is none.
    pub(crate) fn lock_file(&self, ctx: &mut Ctx, tree: &Tree) -> Result<LockFile, FlakeError> {
        let file = self.source_path(tree, "flake.lock");
        let real = firn_eval::paths::resolve(ctx, &file).map_err(|e| FlakeError::new(e.message))?;
        match ctx.io.stat(&real).map_err(|e| FlakeError::new(e.message))? {
            None => Ok(LockFile::default()),
            Some(_) => {
                let text = ctx.io.read_file(&real).map_err(|e| FlakeError::new(e.message))?;
                if text.is_empty() {
                    return Ok(LockFile::default());
                }
                self.parse_lock(&String::from_utf8_lossy(&text), &file.path)
            }
        }
    }

    /// Reads a lock file; warns of entries that only their hash holds.
    pub(crate) fn parse_lock(&self, text: &str, file: &str) -> Result<LockFile, FlakeError> {
        let lock = LockFile::parse(text, file)?;
        for entry in lock.held_by_hash_only() {
            self.events().warn(format!(
                "Lock file entry '{entry}' is unlocked (e.g. lacks a Git revision) but is checked by NAR hash. \
                 This is not reproducible and will break after garbage collection or when shared."
            ));
        }
        Ok(lock)
    }
}

/// Locks, whatever happened to another holder: what is kept here is only ever added to.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LockedFlake {
    /// What an evaluation of the flake depends on, as one hash; `None` where something in it is not locked.
    pub fn fingerprint(&self) -> Option<Hash> {
        if self.lock.unlocked_input(false).is_some() {
            return None;
        }
        let tree = self.tree.files.fingerprint()?;
        let input = &self.tree.input;
        let mut text = format!("{tree};{};{}", self.locked.dir, self.lock.to_json());
        for name in ["revCount", "lastModified"] {
            if let Some(n) = input.int(name) {
                text.push_str(&format!(";{name}={n}"));
            }
        }
        for name in ["rev", "dirtyRev"] {
            if let Some(value) = input.text(name) {
                text.push_str(&format!(";{name}={value}"));
            }
        }
        Some(Hash::of(Algo::Sha256, text.as_bytes()))
    }
}
