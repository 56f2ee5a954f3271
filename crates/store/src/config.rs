//! Where a local store is and how it behaves.

use std::path::PathBuf;
use std::sync::Arc;

use firn_path::StoreDir;
use firn_settings::{Directories, Settings};

use crate::error::{Result, StoreError};
use crate::reference::StoreReference;

/// The places and habits of a local store.
///
/// The *logical* directory is what store paths say (`/nix/store`); the *real* one is where the files are. They differ for
/// stores below a root, such as the one in the user's home.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// The logical store directory.
    pub store_dir: StoreDir,
    /// The real store directory.
    pub real_dir: PathBuf,
    /// Database, roots, profiles.
    pub state_dir: PathBuf,
    /// Logs of builds.
    pub log_dir: PathBuf,
    /// The root that the logical directory is below, if any.
    pub root: Option<PathBuf>,
    /// The folder for folders of builds.
    pub build_dir: PathBuf,
    /// What comes from elsewhere must be signed.
    pub require_sigs: bool,
    /// Nothing is changed, not even locks.
    pub read_only: bool,
    /// How many path infos are kept in memory.
    pub cache_size: usize,
    /// What cannot be deleted by the garbage collector is only warned about.
    pub ignore_gc_delete_failure: bool,
    /// The address that opens it again.
    pub reference: StoreReference,
    /// All other settings.
    pub settings: Arc<Settings>,
}

impl LocalConfig {
    /// A store below `root` (or that of the machine, if there is none) with the parameters of `reference`; warnings
    /// about parameters that it does not know are added to `warnings`.
    ///
    /// # Errors
    /// A parameter that does not parse.
    pub fn new(
        root: Option<PathBuf>,
        reference: StoreReference,
        settings: Arc<Settings>,
        dirs: &Directories,
        warnings: &mut Vec<String>,
    ) -> Result<LocalConfig> {
        let params = &reference.params;
        let get = |name: &str| params.get(name).filter(|v| !v.is_empty());
        let path = |name: &str| get(name).map(|v| PathBuf::from(firn_path::canonical(v)));
        let root = path("root").or(root);
        let below = |sub: &str| root.as_ref().map(|root| root.join(sub));
        let store_dir = StoreDir::new(get("store").map_or(dirs.store.as_str(), String::as_str))?;
        let state_dir =
            path("state").or_else(|| below("nix/var/nix")).unwrap_or_else(|| PathBuf::from(&dirs.state));
        let flag = |name: &str, default: bool| match params.get(name).map(String::as_str) {
            None => Ok(default),
            Some("true" | "yes" | "1") => Ok(true),
            Some("false" | "no" | "0") => Ok(false),
            Some(value) => {
                Err(StoreError::BadReference(format!("{reference} (parameter '{name}' is '{value}')")))
            }
        };
        let config = LocalConfig {
            real_dir: path("real")
                .or_else(|| below("nix/store"))
                .unwrap_or_else(|| PathBuf::from(store_dir.as_str())),
            log_dir: path("log")
                .or_else(|| below("nix/var/log/nix"))
                .unwrap_or_else(|| PathBuf::from(&dirs.log)),
            build_dir: settings
                .build_dir()
                .map(PathBuf::from)
                .or_else(|| path("build-dir"))
                .unwrap_or_else(|| state_dir.join("builds")),
            require_sigs: flag("require-sigs", settings.require_sigs())?,
            read_only: flag("read-only", false)?,
            ignore_gc_delete_failure: flag("ignore-gc-delete-failure", false)?,
            cache_size: get("path-info-cache-size").and_then(|v| v.parse().ok()).unwrap_or(65536),
            store_dir,
            state_dir,
            root,
            settings,
            reference: reference.clone(),
        };
        warnings.extend(
            params
                .keys()
                .filter(|name| !KNOWN.contains(&name.as_str()))
                .map(|n| format!("unknown setting '{n}'")),
        );
        Ok(config)
    }

    /// Whether the files are elsewhere than store paths say.
    pub fn is_relocated(&self) -> bool {
        self.real_dir.as_os_str() != self.store_dir.as_str()
    }

    /// The folder of the database.
    pub fn db_dir(&self) -> PathBuf {
        self.state_dir.join("db")
    }

    /// The folder of links to equal files.
    pub fn links_dir(&self) -> PathBuf {
        self.real_dir.join(".links")
    }

    /// The socket on which the garbage collector takes new roots.
    pub fn gc_socket(&self) -> PathBuf {
        self.state_dir.join("gc-socket/socket")
    }
}

/// Parameters that a local store takes.
const KNOWN: &[&str] = &[
    "build-dir",
    "ignore-gc-delete-failure",
    "log",
    "path-info-cache-size",
    "priority",
    "read-only",
    "real",
    "require-sigs",
    "root",
    "state",
    "store",
    "system-features",
    "trusted",
    "use-roots-daemon",
    "want-mass-query",
];
