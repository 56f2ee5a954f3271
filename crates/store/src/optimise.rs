//! Sharing equal files: each file of the store is hard-linked to `.links/<nix32 SHA-256 of its NAR>`.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use firn_events::{Activity, ActivityKind, ActivityResult, Level};
use firn_hash::Algo;
use firn_source::hash_path;
use rustix::fs::{AtFlags, CWD, Mode};
use rustix::io::Errno;

use crate::error::{Context, Result};
use crate::files::STORE_TIMES;
use crate::local::LocalStore;
use crate::store::Store;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// What sharing saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptimiseStats {
    /// Files that were replaced by links.
    pub files_linked: u64,
    /// Their bytes.
    pub bytes_freed: u64,
}

impl LocalStore {
    /// Shares equal files of the whole store.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn optimise(&self) -> Result<OptimiseStats> {
        self.require_writable("optimising")?;
        let activity = self.events.start(0, Level::Info, ActivityKind::OptimiseStore, "", Vec::new());
        let paths = self.all_valid_paths()?;
        let mut run = Run {
            store: self,
            activity: Some(&activity),
            linked: self.linked_inodes()?,
            stats: OptimiseStats::default(),
            repair: false,
        };
        for (done, path) in paths.iter().enumerate() {
            activity.progress(done as u64, paths.len() as u64);
            self.root_temporarily(path)?;
            // the collector may have taken it since the list was read
            if self.is_valid(path)? {
                run.node(&self.real(path))?;
            }
        }
        activity.progress(paths.len() as u64, paths.len() as u64);
        let stats = run.stats;
        drop(activity);
        self.info_message(format!(
            "{} freed by hard-linking {} files",
            crate::render_size(stats.bytes_freed),
            stats.files_linked
        ));
        Ok(stats)
    }

    /// Shares the files of one path that was just added, if the settings ask for it.
    pub(crate) fn optimise_added(&self, real: &Path, repair: bool) -> Result<()> {
        if self.settings().auto_optimise_store() {
            self.optimise_path(real, repair)?;
        }
        Ok(())
    }

    /// Shares the files of the tree at `real` with those of the store.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn optimise_path(&self, real: &Path, repair: bool) -> Result<OptimiseStats> {
        let mut run = Run {
            store: self,
            activity: None,
            linked: HashSet::new(),
            stats: OptimiseStats::default(),
            repair,
        };
        run.node(real)?;
        Ok(run.stats)
    }

    /// The numbers of the files that are shared already.
    fn linked_inodes(&self) -> Result<HashSet<u64>> {
        use std::os::unix::fs::DirEntryExt;
        let links = self.config.links_dir();
        let mut inodes = HashSet::new();
        for entry in std::fs::read_dir(&links).context("opening directory", &links)? {
            inodes.insert(entry.context("reading directory", &links)?.ino());
        }
        Ok(inodes)
    }
}

struct Run<'a> {
    store: &'a LocalStore,
    activity: Option<&'a Activity>,
    linked: HashSet<u64>,
    stats: OptimiseStats,
    repair: bool,
}

impl Run<'_> {
    fn node(&mut self, path: &Path) -> Result<()> {
        use std::os::unix::fs::DirEntryExt;
        self.store.check_cancelled()?;
        let meta = path.symlink_metadata().context("getting status of", path)?;
        if meta.is_dir() {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(path).context("opening directory", path)? {
                let entry = entry.context("reading directory", path)?;
                if !self.linked.contains(&entry.ino()) {
                    names.push(entry.file_name());
                }
            }
            return names.into_iter().try_for_each(|name| self.node(&path.join(name)));
        }
        if !(meta.is_file() || meta.is_symlink()) {
            return Ok(());
        }
        if meta.is_file() && meta.permissions().mode() & 0o200 != 0 {
            // somebody changed it
            self.store.events.warn(format!("skipping suspicious writable file '\"{}\"'", path.display()));
            return Ok(());
        }
        if meta.nlink() > 1 && self.linked.contains(&meta.ino()) {
            return Ok(());
        }
        self.share(path, &meta)
    }

    /// Replaces a file by a link to an equal one, or makes it the one that others will be linked to.
    fn share(&mut self, path: &Path, meta: &std::fs::Metadata) -> Result<()> {
        // the NAR's hash counts the executable bit, so that files of different modes are not shared
        let (hash, _) = hash_path(path, Algo::Sha256)?;
        let link = self.store.config.links_dir().join(hash.nix32());
        if let Ok(old) = link.symlink_metadata() {
            let corrupt = old.len() != meta.len()
                || (self.repair && !hash_path(&link, Algo::Sha256).is_ok_and(|(h, _)| h == hash));
            if corrupt {
                self.store.events.warn(format!("removing corrupted link \"{}\"", link.display()));
                self.store.events.warn("There may be more corrupted paths.\nYou should run `nix-store --verify --check-contents --repair` to fix them all");
                let _ = std::fs::remove_file(&link);
            }
        }
        let old = match link.symlink_metadata() {
            Ok(old) => old,
            Err(_) => match std::fs::hard_link(path, &link) {
                Ok(()) => {
                    self.linked.insert(meta.ino());
                    return Ok(());
                }
                // somebody else was faster
                Err(e) if e.kind() == ErrorKind::AlreadyExists => match link.symlink_metadata() {
                    Ok(old) => old,
                    Err(_) => return Ok(()),
                },
                // the folder's index is full (ext4): this file is simply not shared
                Err(e) if e.kind() == ErrorKind::StorageFull => {
                    self.store.info_message(format!(
                        "cannot link \"{}\" to '\"{}\"': {}",
                        link.display(),
                        path.display(),
                        crate::error::os_text(&e)
                    ));
                    return Ok(());
                }
                Err(e) => return Err(e).context("creating hard link to", path),
            },
        };
        if old.ino() == meta.ino() {
            return Ok(());
        }
        self.replace(path, &link, meta)
    }

    fn replace(&mut self, path: &Path, link: &Path, meta: &std::fs::Metadata) -> Result<()> {
        let real_dir = &self.store.config.real_dir;
        let folder = path.parent().unwrap_or(real_dir);
        // the store directory itself keeps its mode and time
        let _restore = if folder == real_dir { None } else { Some(MadeWritable::new(folder)?) };
        let n = COUNTER.fetch_add(1, Ordering::Relaxed);
        let beside = real_dir.join(format!(".tmp-link-{}-{n}", std::process::id()));
        match rustix::fs::linkat(CWD, link, CWD, &beside, AtFlags::empty()) {
            Ok(()) => {}
            // as many links as the file system allows: usually the empty file
            Err(Errno::MLINK) => {
                if meta.len() > 0 {
                    self.store.info_message(format!("\"{}\" has maximum number of links", link.display()));
                }
                return Ok(());
            }
            // a collector took the link
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(e).context("creating hard link to", link),
        }
        if let Err(e) = std::fs::rename(&beside, path) {
            let _ = std::fs::remove_file(&beside);
            return if e.raw_os_error() == Some(Errno::MLINK.raw_os_error()) {
                Ok(())
            } else {
                Err(e).context("renaming to", path)
            };
        }
        self.stats.files_linked += 1;
        self.stats.bytes_freed += meta.len();
        if let Some(activity) = self.activity {
            activity.result(ActivityResult::FileLinked(meta.len(), meta.blocks()));
        }
        Ok(())
    }
}

/// A folder that is writable as long as this lives, and canonical again afterwards.
struct MadeWritable<'a>(&'a Path);

impl<'a> MadeWritable<'a> {
    fn new(folder: &'a Path) -> Result<Self> {
        rustix::fs::chmod(folder, Mode::from_raw_mode(0o755)).context("setting permissions on", folder)?;
        Ok(MadeWritable(folder))
    }
}

impl Drop for MadeWritable<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::chmod(self.0, Mode::from_raw_mode(0o555));
        let _ = rustix::fs::utimensat(CWD, self.0, &STORE_TIMES, AtFlags::SYMLINK_NOFOLLOW);
    }
}
