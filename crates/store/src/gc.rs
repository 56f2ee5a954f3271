//! The garbage collector.
//!
//! The whole graph is read once; what no root reaches is dead. Dead paths are deleted with those that refer to them first:
//! made invalid in the database in groups, then unlinked by several threads. Between the two a kill leaves files without
//! rows, which are garbage that the next collection takes. Others may go on adding paths meanwhile: they send their
//! temporary roots to [`crate::gc_server`], and wait there only if the path they want is in the group being deleted.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use firn_events::Level;
use firn_path::{StorePath, StorePathSet};

use crate::db::Graph;
use crate::delete::delete_tree;
use crate::error::{Context, Result, StoreError};
use crate::gc_server::{GcServer, Shared};
use crate::liveness::{alive, reach, referrers_first, reversed};
use crate::local::LocalStore;
use crate::locks::{LockKind, lock, open_lock_file, try_lock};

/// What a collection does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GcAction {
    /// Tell what is alive.
    ReturnLive,
    /// Tell what is dead.
    ReturnDead,
    /// Delete what is dead.
    #[default]
    DeleteDead,
    /// Delete certain paths, or fail.
    DeleteSpecific,
}

/// How garbage is collected.
#[derive(Clone, Debug)]
pub struct GcOptions {
    /// What is done.
    pub action: GcAction,
    /// Roots do not count (but references do): `nix-store --delete --ignore-liveness`.
    pub ignore_liveness: bool,
    /// Only these paths, if they are dead.
    pub paths: Option<StorePathSet>,
    /// With `paths`: delete also what refers to them.
    pub delete_referrers: bool,
    /// Stop after this many bytes.
    pub max_freed: u64,
    /// Files to read (pipes that block) after the lock was taken, and after roots were found: for tests.
    pub sync_points: [Option<PathBuf>; 2],
}

impl Default for GcOptions {
    fn default() -> Self {
        GcOptions {
            action: GcAction::default(),
            ignore_liveness: false,
            paths: None,
            delete_referrers: false,
            max_freed: u64::MAX,
            sync_points: [None, None],
        }
    }
}

/// What a collection found or deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcResults {
    /// Paths as they are printed; what was deleted may also be no store path.
    pub paths: BTreeSet<String>,
    /// Bytes that became free.
    pub bytes_freed: u64,
}

/// Threads that unlink. Unlinking waits for the disk more than for processors.
const UNLINK_THREADS: usize = 4;

impl LocalStore {
    /// Collects garbage.
    ///
    /// # Errors
    /// [`StoreError::Alive`] if a certain path cannot be deleted; those of the file system and the database.
    pub fn collect_garbage(&self, options: &GcOptions) -> Result<GcResults> {
        if options.paths.as_ref().is_some_and(StorePathSet::is_empty) {
            return Ok(GcResults::default());
        }
        if options.action == GcAction::DeleteSpecific && options.paths.is_none() {
            return Err(StoreError::Build("Cannot delete the entire store".into()));
        }
        let deletes = matches!(options.action, GcAction::DeleteDead | GcAction::DeleteSpecific);
        if deletes {
            self.require_writable("collecting garbage")?;
            let _ = std::fs::remove_file(self.config.db_dir().join("reserved"));
        }
        let lock_path = self.config.state_dir.join("gc.lock");
        let gc_lock = open_lock_file(&lock_path)?;
        if !try_lock(&gc_lock, LockKind::Exclusive)? {
            self.info_message("waiting for the big garbage collector lock...".into());
            lock(&gc_lock, LockKind::Exclusive)?;
        }
        read_sync_point(&options.sync_points[0]);
        let server = GcServer::start(&self.config.gc_socket(), self.dir().clone())?;
        let mut run = Run {
            store: self,
            options,
            shared: server.shared(),
            results: Mutex::default(),
            freed: AtomicU64::new(0),
        };
        let outcome = run.run();
        let results = run.results();
        drop(server);
        outcome?;
        if deletes {
            self.delete_unused_links()?;
        }
        if options.action == GcAction::DeleteDead {
            self.remove_dead_build_dirs();
        }
        Ok(results)
    }

    /// Deletes links to files that nothing in the store is linked to any more.
    fn delete_unused_links(&self) -> Result<()> {
        use std::os::unix::fs::MetadataExt;
        self.info_message("deleting unused links...".into());
        let links = self.config.links_dir();
        let (mut actual, mut unshared) = (0i64, 0i64);
        for entry in std::fs::read_dir(&links).context("opening directory", &links)? {
            self.check_cancelled()?;
            let entry = entry.context("reading directory", &links)?;
            // somebody else may be deleting as well
            let Ok(meta) = entry.metadata() else { continue };
            if meta.nlink() != 1 {
                actual += meta.size() as i64;
                unshared += (meta.nlink() as i64 - 1) * meta.size() as i64;
                continue;
            }
            let path = entry.path();
            self.events.message(Level::Talkative, format!("deleting unused link \"{}\"", path.display()));
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(e).context("cannot unlink", &path);
                }
                _ => {}
            }
        }
        let overhead = links.metadata().map_or(0, |m| m.blocks() as i64 * 512);
        self.info_message(format!(
            "note: hard linking is currently saving {}",
            crate::render_signed_size(unshared - actual - overhead)
        ));
        Ok(())
    }
}

fn read_sync_point(file: &Option<PathBuf>) {
    if let Some(file) = file {
        let _ = std::fs::read(file);
    }
}

/// One collection.
struct Run<'a> {
    store: &'a LocalStore,
    options: &'a GcOptions,
    shared: &'a Shared,
    results: Mutex<BTreeSet<String>>,
    freed: AtomicU64,
}

impl Run<'_> {
    fn results(&mut self) -> GcResults {
        GcResults {
            paths: std::mem::take(self.results.get_mut().unwrap_or_else(PoisonError::into_inner)),
            bytes_freed: self.freed.load(Ordering::Relaxed),
        }
    }

    fn note(&self, path: String) {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
    }

    fn run(&mut self) -> Result<()> {
        let store = self.store;
        store.info_message("finding garbage collector roots...".into());
        // what was known may have been deleted by others
        store.forget_all();
        let mut roots: HashSet<StorePath> = HashSet::new();
        if !self.options.ignore_liveness {
            roots.extend(store.find_roots_without_temporary(true)?.into_keys());
        }
        crate::temp_roots::read_all(&store.config.state_dir, store.dir(), |path, _| {
            self.shared.add_root(path.hash_part());
            roots.insert(path);
        })?;
        read_sync_point(&self.options.sync_points[1]);
        let graph = store.db.graph()?;
        let alive = alive(&graph, &roots, self.keeps());
        match (&self.options.paths, self.options.action) {
            (_, GcAction::ReturnLive) => {
                store.info_message("determining live/dead paths...".into());
                for (i, path) in graph.paths.iter().enumerate() {
                    if alive[i] && self.options.paths.as_ref().is_none_or(|p| p.contains(path)) {
                        self.note(store.print(path));
                    }
                }
                Ok(())
            }
            (None, GcAction::ReturnDead) => {
                store.info_message("determining live/dead paths...".into());
                for (i, path) in graph.paths.iter().enumerate() {
                    if !alive[i] {
                        self.note(store.print(path));
                    }
                }
                self.each_invalid(&graph, |path| {
                    self.note(store.print(path));
                    Ok(())
                })
            }
            (None, _) => {
                store.info_message("deleting garbage...".into());
                if self.options.max_freed == 0 {
                    return Ok(());
                }
                let dead: Vec<u32> = (0..graph.paths.len() as u32).filter(|&i| !alive[i as usize]).collect();
                done_or(self.delete_all(&graph, &dead).and_then(|()| self.delete_strangers(&graph)))
            }
            (Some(paths), action) => self.specific(&graph, &alive, paths, action),
        }
    }

    /// Whether derivations of live outputs, and outputs of live derivations, are kept. Not where certain paths are
    /// deleted.
    fn keeps(&self) -> (bool, bool) {
        let settings = self.store.settings();
        if self.options.paths.is_some() {
            (false, false)
        } else {
            (settings.keep_derivations(), settings.keep_outputs())
        }
    }

    /// Certain paths: each with all that refer to it, if none of these is alive.
    fn specific(&self, graph: &Graph, alive: &[bool], paths: &StorePathSet, action: GcAction) -> Result<()> {
        let deletes = action != GcAction::ReturnDead;
        self.store.info_message(
            match action {
                GcAction::DeleteDead => "deleting garbage within specified paths...",
                GcAction::DeleteSpecific => "deleting specified paths...",
                _ => "determining live/dead paths...",
            }
            .into(),
        );
        let referrers = reversed(graph);
        let mut dead: BTreeSet<u32> = BTreeSet::new();
        for path in paths {
            let deletable = match graph.index.get(path) {
                Some(&start) => {
                    let closure = reach(&referrers, start, &dead);
                    let fits = closure.iter().all(|&i| {
                        !alive[i as usize]
                            && !self.shared.is_root(graph.paths[i as usize].hash_part())
                            && (self.options.delete_referrers || paths.contains(&graph.paths[i as usize]))
                    });
                    if fits {
                        if deletes {
                            done_or(self.delete_all(graph, &closure))?;
                        } else {
                            closure
                                .iter()
                                .for_each(|&i| self.note(self.store.print(&graph.paths[i as usize])));
                        }
                        dead.extend(closure);
                    }
                    fits
                }
                // no row: nothing refers to it
                None => {
                    let free = !self.shared.is_root(path.hash_part());
                    if free && deletes {
                        done_or(self.delete_file(path.base_name(), true))?;
                    }
                    free
                }
            };
            if !deletable && action == GcAction::DeleteSpecific {
                return Err(StoreError::Alive(self.store.print(path)));
            }
        }
        Ok(())
    }

    /// Deletes dead paths, those that refer to others first.
    fn delete_all(&self, graph: &Graph, dead: &[u32]) -> Result<()> {
        // with a limit, smaller groups overshoot it less
        let group = if self.options.max_freed == u64::MAX { 128 } else { UNLINK_THREADS };
        for group in referrers_first(graph, dead).chunks(group) {
            let paths: Vec<StorePath> = group.iter().map(|&i| graph.paths[i as usize].clone()).collect();
            self.delete_group(paths)?;
        }
        Ok(())
    }

    /// Makes a group invalid and deletes its files. What has become a root, or has got a referrer, stays.
    fn delete_group(&self, paths: Vec<StorePath>) -> Result<()> {
        self.store.check_cancelled()?;
        let mut pending = self.shared.begin(paths);
        let used = self.store.db.invalidate_all(pending.paths())?;
        if !used.is_empty() {
            pending.spare(&used);
        }
        for path in pending.paths() {
            self.store.forget(path);
        }
        let next = AtomicUsize::new(0);
        let failed: Mutex<Option<StoreError>> = Mutex::new(None);
        let stop = AtomicBool::new(false);
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                let Some(path) = pending.paths().get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                if let Err(e) = self.delete_file(path.base_name(), true) {
                    stop.store(true, Ordering::Relaxed);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
                }
            }
        };
        if pending.paths().len() < 2 {
            work();
        } else {
            std::thread::scope(|scope| {
                for _ in 0..UNLINK_THREADS {
                    scope.spawn(work);
                }
            });
        }
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(e) => Err(e),
            None => Ok(()),
        }
    }

    /// Calls `f` for store paths that have files (or locks and the like) and no row.
    fn each_invalid(&self, graph: &Graph, mut f: impl FnMut(&StorePath) -> Result<()>) -> Result<()> {
        for name in self.names()? {
            if let Ok(path) = StorePath::from_base_name(&name) {
                if !graph.index.contains_key(&path) && !self.shared.is_root(path.hash_part()) {
                    f(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Deletes what is in the store directory and belongs to no valid path.
    fn delete_strangers(&self, graph: &Graph) -> Result<()> {
        for name in self.names()? {
            self.store.check_cancelled()?;
            match StorePath::from_base_name(&name) {
                Err(_) => self.delete_file(&name, false)?,
                Ok(path) if graph.index.contains_key(&path) => {}
                Ok(path) => {
                    // it may have been registered since the graph was read
                    let pending = self.shared.begin(vec![path]);
                    for path in pending.paths() {
                        if !self.store.db.is_valid(path)? {
                            self.delete_file(path.base_name(), false)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Names in the store directory but those that are always there.
    fn names(&self) -> Result<Vec<String>> {
        let dir = &self.store.config.real_dir;
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir).context("opening directory", dir)? {
            let name = entry.context("reading directory", dir)?.file_name();
            if name != ".links" {
                names.extend(name.into_string());
            }
        }
        Ok(names)
    }

    /// Deletes one thing in the store directory; a temporary folder that is locked stays.
    fn delete_file(&self, name: &str, known: bool) -> Result<()> {
        let store = self.store;
        let real = store.config.real_dir.join(name);
        let _lock;
        if name.starts_with("tmp-") {
            let Ok(dir) = std::fs::File::open(&real) else { return Ok(()) };
            if !try_lock(&dir, LockKind::Exclusive)? {
                return Ok(());
            }
            _lock = dir;
        }
        let logical = format!("{}/{name}", store.dir());
        store.info_message(format!("deleting '{logical}'"));
        self.note(logical);
        match delete_tree(&real) {
            Ok(bytes) => {
                let freed = self.freed.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
                if freed > self.options.max_freed {
                    store.info_message(format!(
                        "deleted more than {} bytes; stopping",
                        self.options.max_freed
                    ));
                    return Err(StoreError::LimitReached);
                }
                Ok(())
            }
            Err(e) if store.config.ignore_gc_delete_failure => {
                let what = if known { "store path" } else { "garbage in store directory" };
                store.events.warn(format!("ignoring failure to remove {what} \"{}\": {e}", real.display()));
                Ok(())
            }
            Err(e) => Err(e),
        }
    }
}

/// Reaching the limit is no error.
fn done_or(result: Result<()>) -> Result<()> {
    match result {
        Err(StoreError::LimitReached) => Ok(()),
        other => other,
    }
}

/// The folder of a socket must exist before it is bound.
pub(crate) fn make_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) => std::fs::create_dir_all(parent).context("creating directory", parent),
        None => Ok(()),
    }
}
