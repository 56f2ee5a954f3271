//! The world as an evaluation sees it: the file system, fetched trees under the store paths that they will have, the store.
//!
//! A fetched tree is *mounted*: its files are read where they are, under the name of its store path; it is copied to the
//! store only when a derivation or a text refers to that path. In pure evaluation only mounted trees, and store paths that
//! the evaluation itself came by, may be read.

mod eval_io;
mod mounts;
mod sources;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use firn_eval::io::{IoError, SourcePath};
use firn_events::Events;
use firn_path::{StoreDir, StorePath};
use firn_source::{Accessor, CanonPath};
use firn_store::Store;

pub use mounts::Mounts;

/// What may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    All,
    /// Only these absolute paths and what is below them, and what the evaluation itself made: restricted evaluation.
    Listed(Vec<String>),
    /// Nothing but mounted trees and what the evaluation itself made.
    Pure,
}

/// Opens the store when it is first needed.
pub type OpenStore = Arc<dyn Fn() -> Result<Arc<dyn Store>, String> + Send + Sync>;

/// Finds what an entry of the search path means that is no path; the tree is mounted then.
pub type Lookup = Box<dyn Fn(&str) -> Result<Option<StorePath>, IoError> + Send + Sync>;

/// How a world is set up.
pub struct Options {
    /// The directory of store paths.
    pub store_dir: StoreDir,
    /// Opens the store.
    pub open: OpenStore,
    /// Fetched trees.
    pub mounts: Mounts,
    /// What may be read.
    pub access: Access,
    /// Nothing is written to the store; paths are only computed.
    pub read_only: bool,
    /// Imports from derivations are told.
    pub trace_import: bool,
    /// Where messages go.
    pub events: Events,
    /// Finds what an entry of the search path means that is a flake reference or URL.
    pub lookup: Option<Lookup>,
    /// Tells whether the user wants the evaluation to end.
    pub interrupted: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// An implementation of the evaluator's view of the world over the file system and a store.
pub struct World {
    options: Options,
    /// Store paths that the evaluation made or was given: readable also in pure evaluation.
    allowed: Mutex<HashSet<StorePath>>,
    /// Sources that were added already: path, name, whether flat.
    added: Mutex<HashMap<(SourcePath, String, bool), StorePath>>,
    /// The home folder.
    home: Option<PathBuf>,
}

/// Where a path's files are.
enum Place {
    /// In the file system.
    Files(PathBuf),
    /// A folder on the way to the store, which is there for the evaluation whether or not it is on this machine.
    Above,
    /// In a mounted tree.
    Tree(Arc<dyn Accessor>, CanonPath),
}

impl World {
    /// A world.
    pub fn new(options: Options) -> World {
        let home = std::env::var_os("HOME").filter(|h| !h.is_empty()).map(PathBuf::from);
        World { options, allowed: Mutex::default(), added: Mutex::default(), home }
    }

    fn store(&self) -> Result<Arc<dyn Store>, IoError> {
        (self.options.open)().map_err(IoError::new)
    }

    /// Where the files of `path` are.
    ///
    /// # Errors
    /// The evaluation may not read it.
    fn place(&self, path: &SourcePath) -> Result<Place, IoError> {
        let text = &*path.path;
        let dir = &self.options.store_dir;
        if let Some(rest) = text.strip_prefix(dir.as_str()).and_then(|r| r.strip_prefix('/')) {
            let (base, below) = rest.split_once('/').unwrap_or((rest, ""));
            if let Some(tree) = self.options.mounts.get(base) {
                let below = CanonPath::new(below).map_err(|e| IoError::new(e.to_string()))?;
                return Ok(Place::Tree(tree, below));
            }
            if let Ok(store_path) = StorePath::from_base_name(base) {
                self.check(text, Some(&store_path))?;
                let real = match self.store()?.real_path(&store_path) {
                    Some(real) if below.is_empty() => real,
                    Some(real) => real.join(below),
                    None => PathBuf::from(text),
                };
                return Ok(Place::Files(real));
            }
        }
        let above = text == "/"
            || dir.as_str() == text
            || dir.as_str().strip_prefix(text).is_some_and(|r| r.starts_with('/'));
        if above && self.options.access != Access::All {
            return Ok(Place::Above);
        }
        self.check(text, None)?;
        Ok(Place::Files(PathBuf::from(text)))
    }

    fn check(&self, text: &str, store_path: Option<&StorePath>) -> Result<(), IoError> {
        if store_path.is_some_and(|p| lock(&self.allowed).contains(p)) {
            return Ok(());
        }
        let mode = match &self.options.access {
            Access::All => return Ok(()),
            Access::Listed(paths) => {
                let within = |dir: &String, path: &str| {
                    path == dir
                        || path.strip_prefix(dir.as_str()).is_some_and(|r| r.starts_with('/') || dir == "/")
                };
                // Folders on the way to what is allowed may be looked at.
                if paths.iter().any(|p| within(p, text) || within(&text.to_owned(), p)) {
                    return Ok(());
                }
                "restricted mode"
            }
            Access::Pure => "pure evaluation mode (use '--impure' to override)",
        };
        let mut error = IoError::new(format!("access to absolute path '{text}' is forbidden in {mode}"));
        error.restricted = true;
        Err(error)
    }

    /// Lets the evaluation read a store path.
    pub fn allow(&self, path: &StorePath) {
        lock(&self.allowed).insert(path.clone());
    }
}

/// Locks, whatever happened to another holder: what is kept here is only ever added to.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
