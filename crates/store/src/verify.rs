//! Checking that the database and the files agree.

use std::collections::{BTreeSet, HashSet};

use firn_events::Level;
use firn_hash::{Algo, Hash};
use firn_path::{DerivedPath, StorePath, StorePathSet};
use firn_source::hash_path;

use crate::build::{BuildMode, require_success};
use crate::error::{Context, Result, StoreError};
use crate::local::LocalStore;
use crate::locks::{LockKind, lock, open_lock_file, try_lock};
use crate::store::Store;

/// How a store is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Hash everything.
    pub check_contents: bool,
    /// Make again what is damaged (needs a builder).
    pub repair: bool,
}

impl LocalStore {
    /// Verifies the store; tells whether errors remain. What is wrong is told by messages.
    ///
    /// # Errors
    /// Those of the file system and the database.
    pub fn verify(&self, options: VerifyOptions) -> Result<bool> {
        self.info_message("reading the Nix store...".into());
        let lock_path = self.config.state_dir.join("gc.lock");
        let gc_lock = open_lock_file(&lock_path)?;
        if !try_lock(&gc_lock, LockKind::Shared)? {
            self.info_message("waiting for the big garbage collector lock...".into());
            lock(&gc_lock, LockKind::Shared)?;
        }
        self.forget_all();
        let mut run = Run {
            store: self,
            options,
            errors: false,
            on_disk: self.names_on_disk()?,
            done: HashSet::new(),
            valid: StorePathSet::new(),
        };
        self.info_message("checking path existence...".into());
        for path in self.all_valid_paths()? {
            run.existence(&path)?;
        }
        if options.check_contents {
            run.links()?;
            self.info_message("checking store hashes...".into());
            for path in std::mem::take(&mut run.valid) {
                run.contents(&path)?;
            }
        }
        Ok(run.errors)
    }

    fn names_on_disk(&self) -> Result<HashSet<StorePath>> {
        let dir = &self.config.real_dir;
        let mut paths = HashSet::new();
        for entry in std::fs::read_dir(dir).context("opening directory", dir)? {
            let name = entry.context("reading directory", dir)?.file_name();
            paths.extend(name.to_str().and_then(|name| StorePath::from_base_name(name).ok()));
        }
        Ok(paths)
    }
}

struct Run<'a> {
    store: &'a LocalStore,
    options: VerifyOptions,
    errors: bool,
    on_disk: HashSet<StorePath>,
    done: HashSet<StorePath>,
    valid: StorePathSet,
}

impl Run<'_> {
    fn error(&self, text: String) {
        self.store.events.message(Level::Error, text);
    }

    fn repair(&self, path: &StorePath) -> Result<()> {
        require_success(&self.store.build(&[DerivedPath::Opaque(path.clone())], BuildMode::Repair)?)
    }

    /// Checks that a valid path is on disk; if not, it is made invalid unless valid paths refer to it. Those that refer to
    /// it are looked at first, without recursion, since they may be gone as well.
    fn existence(&mut self, start: &StorePath) -> Result<()> {
        let mut stack: Vec<(StorePath, Option<StorePathSet>)> = vec![(start.clone(), None)];
        while let Some((path, referrers)) = stack.pop() {
            match referrers {
                None => {
                    if !self.done.insert(path.clone()) {
                        continue;
                    }
                    if self.on_disk.contains(&path) {
                        self.valid.insert(path);
                        continue;
                    }
                    let mut referrers = self.store.referrers(&path)?;
                    referrers.remove(&path);
                    let next: Vec<_> = referrers.iter().map(|r| (r.clone(), None)).collect();
                    stack.push((path, Some(referrers)));
                    stack.extend(next);
                }
                Some(referrers) => self.gone(&path, &referrers)?,
            }
        }
        Ok(())
    }

    fn gone(&mut self, path: &StorePath, referrers: &BTreeSet<StorePath>) -> Result<()> {
        let printed = self.store.print(path);
        if referrers.iter().all(|r| !self.valid.contains(r)) {
            self.store.info_message(format!("path '{printed}' disappeared, removing from database..."));
            self.store.db.invalidate(path)?;
            self.store.forget(path);
            return Ok(());
        }
        self.error(format!("path '{printed}' disappeared, but it still has valid referrers!"));
        if !self.options.repair {
            self.errors = true;
        } else if let Err(e) = self.repair(path) {
            self.store.events.warn(e.to_string());
            self.errors = true;
        }
        Ok(())
    }

    /// Checks the files that others are linked to.
    fn links(&mut self) -> Result<()> {
        self.store.info_message("checking link hashes...".into());
        let links = self.store.config.links_dir();
        for entry in std::fs::read_dir(&links).context("opening directory", &links)? {
            self.store.check_cancelled()?;
            let entry = entry.context("reading directory", &links)?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            self.store.events.message(Level::Talkative, format!("checking contents of \"{name}\""));
            let hash = hash_path(&path, Algo::Sha256)?.0.nix32();
            if hash == name {
                continue;
            }
            self.error(format!(
                "link \"{}\" was modified! expected hash {name}, got '{hash}'",
                path.display()
            ));
            if self.options.repair {
                std::fs::remove_file(&path).context("deleting", &path)?;
                self.store.info_message(format!("removed link \"{}\"", path.display()));
            } else {
                self.errors = true;
            }
        }
        Ok(())
    }

    fn contents(&mut self, path: &StorePath) -> Result<()> {
        match self.check_contents(path) {
            Ok(()) => Ok(()),
            Err(e @ (StoreError::Database { .. } | StoreError::Interrupted)) => Err(e),
            Err(e) => {
                // the collector may have taken it meanwhile
                if self.store.info_uncached(path)?.is_some() {
                    self.error(e.to_string());
                } else {
                    self.store.events.warn(e.to_string());
                }
                self.errors = true;
                Ok(())
            }
        }
    }

    fn check_contents(&mut self, path: &StorePath) -> Result<()> {
        let store = self.store;
        store.check_cancelled()?;
        let printed = store.print(path);
        store.events.message(Level::Talkative, format!("checking contents of '{printed}'"));
        let info = store.require_info(path)?;
        let (hash, size) = hash_path(&store.real(path), info.nar_hash.algo())?;
        let unknown = info.nar_hash == Hash::zero(Algo::Sha256);
        if !unknown && hash != info.nar_hash {
            let text = |h: &Hash| format!("{}:{}", h.algo(), h.nix32());
            self.error(format!(
                "path '{printed}' was modified! expected hash '{}', got '{}'",
                text(&info.nar_hash),
                text(&hash)
            ));
            if self.options.repair {
                return self.repair(path);
            }
            self.errors = true;
            return Ok(());
        }
        if unknown || info.nar_size == 0 {
            let mut fixed = (*info).clone();
            if unknown {
                store.info_message(format!("fixing missing hash on '{printed}'"));
                fixed.nar_hash = hash;
            }
            if info.nar_size == 0 {
                store.info_message(format!("updating size field on '{printed}' to {size}"));
                fixed.nar_size = size;
            }
            store.db.update_info(&fixed)?;
            store.forget(path);
        }
        Ok(())
    }
}
