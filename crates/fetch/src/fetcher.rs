//! From an input to the tree that it means.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use firn_events::{Events, Level};
use firn_hash::{Algo, Format, Hash};
use firn_settings::Settings;
use firn_source::{Accessor, CanonPath, DirEntry, FsAccessor, OpenFile, SourceError, Stat, hash_nar};
use firn_sys::lock::PathLocks;
use firn_transfer::{Transfer, TransferSettings};

use crate::attrs::{self, Attr, Attrs};
use crate::cache::Cache;
use crate::error::FetchError;
use crate::input::Input;

/// A tree with the input that says all about it.
#[derive(Clone)]
pub struct Fetched {
    /// The input, with the attributes that fetching found (`rev`, `lastModified` …). `narHash` is among them only where it was
    /// known anyway, as computing it means reading the whole tree.
    pub input: Input,
    /// The tree.
    pub tree: Arc<dyn Accessor>,
    /// The number of commits up to `rev`, where it takes work to find out.
    pub rev_count: Option<LazyCount>,
}

impl Fetched {
    /// A tree of which everything is known.
    pub fn new(input: Input, tree: Arc<dyn Accessor>) -> Fetched {
        Fetched { input, tree, rev_count: None }
    }

    /// The input with all attributes, also those that take work.
    ///
    /// # Errors
    /// Counting fails.
    pub fn complete(&self) -> Result<Input, FetchError> {
        match &self.rev_count {
            Some(count) => Ok(self.input.clone().with("revCount", Some(count.get()?.into()))),
            None => Ok(self.input.clone()),
        }
    }
}

type Find = Box<dyn Fn() -> Result<u64, FetchError> + Send + Sync>;

/// A number that is found out when it is first asked for.
#[derive(Clone)]
pub struct LazyCount {
    inner: Arc<(Find, Mutex<Option<u64>>)>,
}

impl LazyCount {
    /// A number that `find` finds out.
    pub fn new(find: impl Fn() -> Result<u64, FetchError> + Send + Sync + 'static) -> LazyCount {
        LazyCount { inner: Arc::new((Box::new(find), Mutex::new(None))) }
    }

    /// The number.
    ///
    /// # Errors
    /// Those of finding out.
    pub fn get(&self) -> Result<u64, FetchError> {
        let mut known = self.inner.1.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = *known {
            return Ok(n);
        }
        let n = (self.inner.0)()?;
        *known = Some(n);
        Ok(n)
    }
}

/// Tells where the files of a path inside the store are, where that is elsewhere.
pub type RealPaths = Arc<dyn Fn(&str) -> Option<PathBuf> + Send + Sync>;

/// What a fetcher is set up with.
pub struct Options {
    /// All settings.
    pub settings: Arc<Settings>,
    /// Where messages go.
    pub events: Events,
    /// Where the files of a path inside the store are, where that is elsewhere.
    pub real: RealPaths,
    /// The folder for what is kept between commands.
    pub cache_dir: PathBuf,
    /// Another lock of the base's seeds than the embedded one.
    pub base_lock: Option<Vec<u8>>,
    /// Errors about forges that cannot be reached name `--base`.
    pub names_base: bool,
}

/// Gets trees; clones share everything.
#[derive(Clone)]
pub struct Fetcher {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    cache: OnceLock<Cache>,
    transfer: OnceLock<Transfer>,
}

impl Fetcher {
    /// A fetcher. Nothing is opened before it is needed.
    pub fn new(options: Options) -> Fetcher {
        Fetcher { shared: Arc::new(Shared { options, cache: OnceLock::new(), transfer: OnceLock::new() }) }
    }

    /// All settings.
    pub fn settings(&self) -> &Settings {
        &self.shared.options.settings
    }

    /// Where messages go.
    pub fn events(&self) -> &Events {
        &self.shared.options.events
    }

    /// The folder for what is kept between commands.
    pub fn cache_dir(&self) -> &Path {
        &self.shared.options.cache_dir
    }

    pub(crate) fn names_base(&self) -> bool {
        self.shared.options.names_base
    }

    /// What fetching has found out before.
    pub fn cache(&self) -> &Cache {
        self.shared.cache.get_or_init(|| Cache::open(self.cache_dir()))
    }

    /// Downloads, all over the same connections.
    pub fn transfer(&self) -> &Transfer {
        self.shared
            .transfer
            .get_or_init(|| Transfer::new(TransferSettings::of(self.settings()), self.events().clone()))
    }

    /// Takes the lock beside `path`; says `waiting` if somebody else holds it.
    pub(crate) fn lock(&self, path: &Path, waiting: &str) -> Result<PathLocks, FetchError> {
        let failed = |e: firn_sys::Error| FetchError::new(e.to_string());
        if let Some(lock) = PathLocks::take([path.to_owned()], false).map_err(failed)? {
            return Ok(lock);
        }
        self.events().message(Level::Error, waiting);
        PathLocks::take([path.to_owned()], true)
            .map_err(failed)?
            .ok_or_else(|| FetchError::new(format!("locking '{}' failed", path.display())))
    }

    /// Gets the tree of an input.
    ///
    /// # Errors
    /// The tree is not there; what git or the network say; a tree that is not what the input says.
    pub fn fetch(&self, input: &Input) -> Result<Fetched, FetchError> {
        let bare = input.clone().with("__final", None);
        let fetched = self.fetch_unchecked(&bare).map_err(|e| e.while_fetching(&bare))?;
        check(input, &bare, fetched)
    }

    fn fetch_unchecked(&self, input: &Input) -> Result<Fetched, FetchError> {
        match input.kind() {
            "base" => return Ok(self.base(input)),
            "path" => return self.path(input),
            "indirect" => {
                return Err(FetchError::new(format!(
                    "indirect input '{}' cannot be fetched directly",
                    input.to_url()
                )));
            }
            "git" => {}
            "tarball" | "file" | "github" | "gitlab" | "sourcehut" => {}
            "hg" => {
                return Err(FetchError::new(format!(
                    "fetching Mercurial repositories ('{}') is not supported",
                    attrs::to_json(input.attrs())
                )));
            }
            _ => {
                return Err(FetchError::new(format!(
                    "cannot fetch unsupported input '{}'",
                    attrs::to_json(input.attrs())
                )));
            }
        }
        // Two processes that want the same input: one of them does the work. Work trees need none.
        let local = input.kind() == "git" && input.rev().is_none() && input.reference().is_none();
        let _lock = if local { None } else { Some(self.input_lock(input)?) };
        if std::env::var_os("_NIX_TEST_CONCURRENT_FETCHES").is_some_and(|v| v == "1") {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        match input.kind() {
            "git" => self.git(input),
            "tarball" => self.tarball(input),
            "file" => self.file(input),
            _ => self.forge(input),
        }
    }

    fn input_lock(&self, input: &Input) -> Result<PathLocks, FetchError> {
        let folder = self.cache_dir().join("fetcher-locks");
        std::fs::create_dir_all(&folder)
            .map_err(|e| FetchError::io(format!("creating directory '{}'", folder.display()), e))?;
        let name = Hash::of(Algo::Sha256, attrs::to_json(input.attrs()).to_string().as_bytes());
        let waiting =
            format!("waiting for another Nix process to finish fetching input '{}'...", input.to_url());
        let mut lock = self.lock(&folder.join(name.render(Format::Base16, false)), &waiting)?;
        lock.delete_on_release();
        Ok(lock)
    }

    /// The hash of a tree's NAR: remembered for trees that say what is in them.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn nar_hash(&self, tree: &dyn Accessor) -> Result<Hash, FetchError> {
        let key = tree.fingerprint().map(|f| Attrs::from([("fingerprint".into(), f.into())]));
        if let Some(key) = &key {
            let known = self.cache().get("narHash", key);
            if let Some(Attr::Text(hash)) = known.and_then(|e| e.value.get("hash").cloned()) {
                if let Ok(hash) = Hash::parse_sri(&hash) {
                    return Ok(hash);
                }
            }
        }
        let (hash, _) = hash_nar::<SourceError>(tree, &CanonPath::root(), Algo::Sha256, None)
            .map_err(|e| FetchError::new(e.to_string()))?;
        if let Some(key) = &key {
            self.cache().put("narHash", key, &Attrs::from([("hash".into(), hash.sri().into())]));
        }
        Ok(hash)
    }

    /// Whether an input always means the same tree, by the setting `trust-tarballs-from-git-forges`, too.
    pub fn is_locked(&self, input: &Input) -> bool {
        let forge = matches!(input.kind(), "github" | "gitlab" | "sourcehut");
        input.is_locked()
            && (!forge || self.settings().trust_tarballs_from_git_forges() || input.text("narHash").is_some())
    }

    fn base(&self, input: &Input) -> Fetched {
        let tree = match &self.shared.options.base_lock {
            None => crate::base::embedded().clone(),
            lock => crate::base::tree(lock.clone()),
        };
        Fetched::new(input.clone(), tree)
    }

    fn path(&self, input: &Input) -> Result<Fetched, FetchError> {
        let path = input.text("path").unwrap_or_default();
        if !path.starts_with('/') {
            return Err(FetchError::new(format!(
                "cannot fetch input '{}' because it uses a relative path",
                input.to_url()
            )));
        }
        let path = firn_path::canonical(path);
        let real = (self.shared.options.real)(&path).unwrap_or_else(|| PathBuf::from(&path));
        if let Err(e) = real.symlink_metadata() {
            return Err(match e.kind() {
                std::io::ErrorKind::NotFound => FetchError::new(format!("path '{path}' does not exist")),
                _ => FetchError::io(format!("getting status of '{path}'"), e),
            });
        }
        let tree = FsAccessor::new(&real).map_err(|e| FetchError::new(e.to_string()))?.shown_as(&path);
        let mut found = input.clone();
        if input.int("lastModified").is_none() {
            found = found.with("lastModified", Some(Attr::Int(newest(&real)?)));
        }
        Ok(Fetched::new(found, Arc::new(tree)))
    }
}

/// Compares what was fetched with what the input says. Of a final input only its own attributes stay.
fn check(specified: &Input, bare: &Input, fetched: Fetched) -> Result<Fetched, FetchError> {
    if specified.is_final() {
        for (name, value) in bare.attrs().iter().filter(|(name, _)| *name != "narHash") {
            if fetched.input.attrs().get(name).is_some_and(|found| found != value) {
                return Err(FetchError::new(format!(
                    "mismatch in field '{name}' of input '{}', got '{}'",
                    attrs::to_json(bare.attrs()),
                    attrs::to_json(fetched.input.attrs())
                )));
            }
        }
        // The hash that was found stays beside the one that is wanted, which is compared where the tree is mounted.
        let mut input = bare.clone();
        if let Some(hash) = fetched.input.attrs().get("narHash") {
            input = input.with("narHash", Some(hash.clone()));
        }
        return Ok(Fetched { input, tree: fetched.tree, rev_count: None });
    }
    if let Some(rev) = bare.rev() {
        if fetched.input.rev() != Some(rev) && !matches!(bare.kind(), "path" | "base") {
            return Err(FetchError::new(format!(
                "'rev' attribute mismatch in input '{}', expected {rev}",
                fetched.input.to_url()
            )));
        }
    }
    Ok(fetched)
}

/// When anything in a tree was last changed, in seconds since 1970.
fn newest(root: &Path) -> Result<u64, FetchError> {
    use std::os::unix::fs::MetadataExt;
    let mut newest = 0;
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        let failed = |e| FetchError::io(format!("getting status of '{}'", path.display()), e);
        let meta = path.symlink_metadata().map_err(failed)?;
        newest = newest.max(u64::try_from(meta.mtime()).unwrap_or(0));
        if meta.is_dir() {
            for entry in path.read_dir().map_err(failed)? {
                todo.push(entry.map_err(failed)?.path());
            }
        }
    }
    Ok(newest)
}

/// A tree that is shown under another name, or of which more is known than it says itself.
pub(crate) struct Shown {
    inner: Arc<dyn Accessor>,
    prefix: Option<String>,
    fingerprint: Option<String>,
}

impl Shown {
    pub(crate) fn tree(inner: Arc<dyn Accessor>, prefix: impl Into<String>) -> Arc<dyn Accessor> {
        Arc::new(Shown { inner, prefix: Some(prefix.into()), fingerprint: None })
    }

    /// The same tree, with what tells it from others of other contents.
    pub(crate) fn fingerprinted(inner: Arc<dyn Accessor>, fingerprint: String) -> Arc<dyn Accessor> {
        Arc::new(Shown { inner, prefix: None, fingerprint: Some(fingerprint) })
    }
}

impl Accessor for Shown {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        self.inner.stat(path)
    }
    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        self.inner.read_dir(path)
    }
    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        self.inner.open(path)
    }
    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        self.inner.read_link(path)
    }
    fn show_path(&self, path: &CanonPath) -> String {
        match &self.prefix {
            None => self.inner.show_path(path),
            Some(prefix) if path.is_root() => prefix.clone(),
            Some(prefix) => format!("{prefix}{path}"),
        }
    }
    fn fingerprint(&self) -> Option<String> {
        self.fingerprint.clone().or_else(|| self.inner.fingerprint())
    }
    fn physical_path(&self, path: &CanonPath) -> Option<PathBuf> {
        self.inner.physical_path(path)
    }
    fn last_modified(&self) -> Option<i64> {
        self.inner.last_modified()
    }
}
