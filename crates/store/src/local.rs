//! The local store: files below a real directory, a database beside them.
//!
//! Invariants: a path is valid when its row is committed, which happens after its files are complete; whatever has no row
//! is garbage that may be overwritten or deleted by whoever holds the path's lock. So a kill at any moment leaves a valid
//! store.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use firn_derivation::{Derivation, HashModulo, Scratch, aterm};
use firn_events::Events;
use firn_path::{StoreDir, StorePath};
use firn_settings::{Feature, Settings};
use firn_sys::CancelToken;
use rustix::fs::{Mode, OFlags};

use crate::auto_gc::AutoGc;
use crate::build::BuildBackend;
use crate::config::LocalConfig;
use crate::db::{Database, Realisation, Registration};
use crate::delete::ensure_gone;
use crate::error::{Context, Result, StoreError};
use crate::info::PathInfo;
use crate::locks::PathLocks;
use crate::setup::{make_directories, open_database, refuse_symlinks};
use crate::signature::{PublicKeys, SecretKey};
use crate::temp_roots::TempRoots;

/// A store on this machine that this process writes itself.
pub struct LocalStore {
    pub(crate) config: LocalConfig,
    pub(crate) db: Database,
    pub(crate) events: Events,
    pub(crate) temp_roots: TempRoots,
    pub(crate) auto_gc: AutoGc,
    cache: Mutex<HashMap<StorePath, Arc<PathInfo>>>,
    modulo: Mutex<HashMap<StorePath, HashModulo>>,
    /// Paths whose locks a caller (the builder) holds already.
    held: Mutex<HashSet<StorePath>>,
    backend: OnceLock<Arc<dyn BuildBackend>>,
    cancel: OnceLock<CancelToken>,
    public_keys: OnceLock<PublicKeys>,
    /// Held shared as long as the store is open, so that nobody changes the schema.
    _big_lock: Option<File>,
}

impl std::fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalStore({})", self.config.real_dir.display())
    }
}

fn lock_in<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // these mutexes guard plain maps, which a panic elsewhere leaves usable
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LocalStore {
    /// Opens the store, making what is missing.
    ///
    /// # Errors
    /// It cannot be made or opened, or its schema is one that we do not know.
    pub fn open(config: LocalConfig, events: Events) -> Result<LocalStore> {
        if !config.read_only {
            make_directories(&config, &events)?;
        }
        if !config.settings.allow_symlinked_store() {
            refuse_symlinks(&config.real_dir)?;
        }
        let (db, big_lock) = open_database(&config, &events)?;
        Ok(LocalStore {
            temp_roots: TempRoots::new(&config.state_dir, config.gc_socket(), config.store_dir.clone()),
            auto_gc: AutoGc::default(),
            cache: Mutex::default(),
            modulo: Mutex::default(),
            held: Mutex::default(),
            backend: OnceLock::new(),
            cancel: OnceLock::new(),
            public_keys: OnceLock::new(),
            _big_lock: big_lock,
            db,
            events,
            config,
        })
    }

    /// Where it is and how it behaves.
    pub fn config(&self) -> &LocalConfig {
        &self.config
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.config.settings
    }

    /// Where its messages go.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Connects the builder; only the first one counts.
    pub fn set_backend(&self, backend: Arc<dyn BuildBackend>) {
        let _ = self.backend.set(backend);
    }

    /// The builder, if one is connected.
    pub fn backend(&self) -> Option<&Arc<dyn BuildBackend>> {
        self.backend.get()
    }

    /// Lets long operations end when `token` is set; only the first one counts.
    pub fn set_cancel(&self, token: CancelToken) {
        let _ = self.cancel.set(token);
    }

    /// Fails if the token is set.
    pub(crate) fn check_cancelled(&self) -> Result<()> {
        match self.cancel.get() {
            Some(token) if token.is_cancelled() => Err(StoreError::Interrupted),
            _ => Ok(()),
        }
    }

    /// The logical store directory.
    pub fn dir(&self) -> &StoreDir {
        &self.config.store_dir
    }

    /// A path as it is printed.
    pub fn print(&self, path: &StorePath) -> String {
        self.config.store_dir.print(path)
    }

    /// Where the files of a path are.
    pub fn real(&self, path: &StorePath) -> PathBuf {
        self.config.real_dir.join(path.base_name())
    }

    /// The real place of a logical path in the store (`/nix/store/x/bin/y`); others are given back as they are.
    pub fn to_real(&self, logical: &Path) -> PathBuf {
        match logical.strip_prefix(self.config.store_dir.as_str()) {
            Ok(rest) => self.config.real_dir.join(rest),
            Err(_) => logical.to_owned(),
        }
    }

    /// Keys that are trusted: `trusted-public-keys`, and the public halves of `secret-key-files`.
    ///
    /// # Errors
    /// A key that does not parse, a file that cannot be read.
    pub fn public_keys(&self) -> Result<&PublicKeys> {
        if let Some(keys) = self.public_keys.get() {
            return Ok(keys);
        }
        let mut keys = PublicKeys::default();
        for key in self.settings().trusted_public_keys() {
            keys.add(key)?;
        }
        for key in self.secret_keys()? {
            keys.add(&key.public())?;
        }
        Ok(self.public_keys.get_or_init(|| keys))
    }

    /// The keys that sign what is built here. Files that this user may not read are passed over.
    ///
    /// # Errors
    /// A key that does not parse.
    pub fn secret_keys(&self) -> Result<Vec<SecretKey>> {
        let mut keys = Vec::new();
        for file in self.settings().secret_key_files() {
            match std::fs::read_to_string(file) {
                Ok(text) => keys.push(SecretKey::parse(&text)?),
                Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {}
                Err(e) => return Err(e).context("reading secret key file", file),
            }
        }
        Ok(keys)
    }

    /// Fails if nothing may be changed.
    pub(crate) fn require_writable(&self, what: &'static str) -> Result<()> {
        if self.config.read_only {
            return Err(StoreError::ReadOnly(self.config.reference.to_string(), what));
        }
        Ok(())
    }

    // ---- what is known about paths

    pub(crate) fn info(&self, path: &StorePath) -> Result<Option<Arc<PathInfo>>> {
        if let Some(info) = lock_in(&self.cache).get(path) {
            return Ok(Some(info.clone()));
        }
        self.info_uncached(path)
    }

    /// Asks the database, whatever was known before.
    pub(crate) fn info_uncached(&self, path: &StorePath) -> Result<Option<Arc<PathInfo>>> {
        let found = self.db.path_info(path)?.map(Arc::new);
        match &found {
            Some(info) => self.remember(info.clone()),
            None => self.forget(path),
        }
        Ok(found)
    }

    fn remember(&self, info: Arc<PathInfo>) {
        let mut cache = lock_in(&self.cache);
        if cache.len() >= self.config.cache_size.max(1) {
            cache.clear();
        }
        cache.insert(info.path.clone(), info);
    }

    /// Drops what is remembered about a path.
    pub(crate) fn forget(&self, path: &StorePath) {
        lock_in(&self.cache).remove(path);
    }

    /// Drops all that is remembered.
    pub(crate) fn forget_all(&self) {
        lock_in(&self.cache).clear();
    }

    /// Keeps a path from the collector. What was known about it before may be out of date, hence is forgotten.
    pub(crate) fn root_temporarily(&self, path: &StorePath) -> Result<()> {
        if !self.config.read_only && self.temp_roots.add(path)? {
            self.forget(path);
        }
        Ok(())
    }

    /// Registers paths whose files are complete, all or none. For the builder: the paths are locked by the caller.
    ///
    /// # Errors
    /// A content address that does not fit, a derivation whose outputs are not what they should be, references that are
    /// not valid or in a circle.
    pub fn register(&self, infos: &[PathInfo]) -> Result<()> {
        self.require_writable("registering paths")?;
        if self.settings().sync_before_registering() {
            rustix::fs::sync();
        }
        let mut registrations = Vec::with_capacity(infos.len());
        for info in infos {
            if info.ca.is_some() && !info.is_content_addressed(self.dir()) {
                return Err(StoreError::NotContentAddressed(self.print(&info.path)));
            }
            let outputs =
                if info.path.is_derivation() { self.checked_outputs(&info.path)? } else { Vec::new() };
            registrations.push(Registration { info, outputs });
        }
        self.register_checked(&registrations)
    }

    /// Registers what was checked, or was made here so that it needs no check.
    pub(crate) fn register_checked(&self, registrations: &[Registration<'_>]) -> Result<()> {
        self.db.register(registrations)?;
        for registration in registrations {
            self.forget(&registration.info.path);
        }
        Ok(())
    }

    /// Makes what was written last to disk, if the settings ask for it: one sync for all of `paths`.
    pub(crate) fn sync_paths(&self) -> Result<()> {
        if !self.settings().fsync_store_paths() {
            return Ok(());
        }
        let dir = &self.config.real_dir;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(dir, flags, Mode::empty()).context("opening directory", dir)?;
        rustix::fs::syncfs(fd).context("syncing", dir)
    }

    // ---- derivations

    /// Reads a derivation from its file, whether or not it is valid.
    pub(crate) fn parse_derivation(&self, path: &StorePath) -> Result<Derivation> {
        let name = path.derivation_name()?;
        let file = self.real(path);
        let text = std::fs::read(&file).context("opening file", &file)?;
        aterm::parse(self.dir(), &text, name).map_err(|e| {
            StoreError::Derivation(format!("error parsing derivation '{}': {e}", self.print(path)))
        })
    }

    /// The outputs of a derivation that have paths, after a check that these are right.
    fn checked_outputs(&self, path: &StorePath) -> Result<Vec<(String, StorePath)>> {
        let drv = self.parse_derivation(path)?;
        self.load_modulo(&drv)?;
        let modulo = lock_in(&self.modulo);
        let mut scratch = Scratch::new();
        drv.check_invariants(path, self.dir(), &mut scratch, |input| lookup(&modulo, input, self.dir()))?;
        drop(modulo);
        known_outputs(&drv, self.dir())
    }

    /// The hash that stands for a derivation where it is an input; remembered.
    ///
    /// # Errors
    /// It or something below it cannot be read.
    pub fn hash_modulo(&self, path: &StorePath) -> Result<HashModulo> {
        if let Some(known) = lock_in(&self.modulo).get(path) {
            return Ok(known.clone());
        }
        let drv = self.parse_derivation(path)?;
        self.load_modulo(&drv)?;
        let modulo = lock_in(&self.modulo);
        let hash =
            drv.hash_modulo(self.dir(), &mut Scratch::new(), |input| lookup(&modulo, input, self.dir()))?;
        drop(modulo);
        self.remember_modulo(path, &hash);
        Ok(hash)
    }

    /// Remembers the hash modulo of a derivation, which an evaluator computes anyway.
    pub fn remember_modulo(&self, path: &StorePath, hash: &HashModulo) {
        let mut modulo = lock_in(&self.modulo);
        // a bound against daemons that live long
        if modulo.len() >= 1 << 20 {
            modulo.clear();
        }
        modulo.insert(path.clone(), hash.clone());
    }

    /// Computes the hashes of all inputs of `drv`, deepest first, without recursion.
    fn load_modulo(&self, drv: &Derivation) -> Result<()> {
        let mut stack: Vec<(StorePath, Option<Derivation>)> =
            drv.input_drvs.keys().map(|p| (p.clone(), None)).collect();
        let mut scratch = Scratch::new();
        let mut open: HashSet<StorePath> = HashSet::new();
        while let Some((path, parsed)) = stack.pop() {
            if lock_in(&self.modulo).contains_key(&path) {
                continue;
            }
            match parsed {
                None => {
                    if !open.insert(path.clone()) {
                        continue;
                    }
                    let drv = self.parse_derivation(&path)?;
                    let inputs: Vec<StorePath> = drv.input_drvs.keys().cloned().collect();
                    stack.push((path, Some(drv)));
                    stack.extend(inputs.into_iter().map(|p| (p, None)));
                }
                Some(drv) => {
                    let modulo = lock_in(&self.modulo);
                    let hash = drv
                        .hash_modulo(self.dir(), &mut scratch, |input| lookup(&modulo, input, self.dir()))?;
                    drop(modulo);
                    self.remember_modulo(&path, &hash);
                }
            }
        }
        Ok(())
    }

    // ---- locks

    /// Says that the caller holds the lock of a path, so that adding it does not wait for it.
    pub fn hold(&self, path: &StorePath) {
        lock_in(&self.held).insert(path.clone());
    }

    /// Says that the caller no longer holds it.
    pub fn release(&self, path: &StorePath) {
        lock_in(&self.held).remove(path);
    }

    /// Locks a path against others who would make it, unless the caller holds it already.
    pub(crate) fn lock_path(&self, path: &StorePath) -> Result<Option<PathLocks>> {
        if lock_in(&self.held).contains(path) {
            return Ok(None);
        }
        let real = self.real(path);
        crate::locks::lock_path(&real, || ()).map(Some)
    }

    // ---- others

    /// What an output of a resolved derivation was built to (experimental feature `ca-derivations`).
    ///
    /// # Errors
    /// Those of the database.
    pub fn realisation(&self, drv: &StorePath, output: &str) -> Result<Option<Realisation>> {
        if !self.settings().enabled(Feature::CaDerivations) {
            return Ok(None);
        }
        self.db.realisation(drv, output)
    }

    /// Records what an output was built to (experimental feature `ca-derivations`).
    ///
    /// # Errors
    /// It was built to something else before, or those of the database.
    pub fn register_realisation(&self, realisation: &Realisation) -> Result<()> {
        self.settings()
            .require(Feature::CaDerivations, "")
            .map_err(|e| StoreError::Derivation(e.to_string()))?;
        self.db.register_realisation(realisation)
    }

    /// Makes a path invalid and deletes its files, unless others refer to it. The caller holds the path's lock.
    ///
    /// # Errors
    /// [`StoreError::InUse`], or those of the file system.
    pub fn invalidate(&self, path: &StorePath) -> Result<()> {
        self.require_writable("invalidating a path")?;
        self.db.invalidate(path)?;
        self.forget(path);
        ensure_gone(&self.real(path))
    }

    /// Gives unused space in the database back.
    ///
    /// # Errors
    /// Those of the database.
    pub fn vacuum(&self) -> Result<()> {
        self.db.vacuum()
    }
}

/// The outputs of a derivation whose paths are known.
pub(crate) fn known_outputs(drv: &Derivation, dir: &StoreDir) -> Result<Vec<(String, StorePath)>> {
    Ok(drv.output_paths(dir)?.into_iter().filter_map(|(name, path)| path.map(|path| (name, path))).collect())
}

fn lookup(modulo: &HashMap<StorePath, HashModulo>, path: &StorePath, dir: &StoreDir) -> Result<HashModulo> {
    // derivations in a circle cannot exist (their paths are hashes of each other), so every input was loaded before
    modulo.get(path).cloned().ok_or_else(|| StoreError::InvalidPath(dir.print(path)))
}
