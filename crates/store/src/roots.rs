//! Garbage collector roots: links below `gcroots` and `profiles`, links elsewhere that are registered, what processes use.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use firn_events::Level;
use firn_hash::{Algo, Hash};
use firn_path::StorePath;

use crate::error::{Context, Result, StoreError};
use crate::local::LocalStore;

/// Roots with where they come from: paths of links, `{temp:<pid>}`, files below `/proc`, or `{censored}`.
pub type Roots = BTreeMap<StorePath, BTreeSet<String>>;

/// What stands for places that a user is not told.
const CENSORED: &str = "{censored}";

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Makes or replaces a symbolic link in one step; folders on the way are made.
///
/// # Errors
/// Those of the file system.
pub fn replace_symlink(target: &Path, link: &Path) -> Result<()> {
    if let Some(parent) = link.parent() {
        std::fs::create_dir_all(parent).context("creating directory", parent)?;
    }
    let n = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut beside = link.as_os_str().to_owned();
    beside.push(format!(".tmp-{}-{n}", std::process::id()));
    let beside = PathBuf::from(beside);
    match std::os::unix::fs::symlink(target, &beside) {
        // left by a process of the same number that died
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            std::fs::remove_file(&beside).context("deleting", &beside)?;
            std::os::unix::fs::symlink(target, &beside).context("creating symlink", &beside)?;
        }
        other => other.context("creating symlink", &beside)?,
    }
    std::fs::rename(&beside, link).map_err(|e| {
        let _ = std::fs::remove_file(&beside);
        StoreError::Io { action: "renaming to", path: link.to_owned(), source: e }
    })
}

/// An absolute path without `.`, `..` and double slashes; links are not followed.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                out.pop();
            }
            std::path::Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    out
}

impl LocalStore {
    /// The implementation of [`crate::Store::add_indirect_root`].
    pub(crate) fn add_indirect_root_local(&self, link: &Path) -> Result<()> {
        self.require_writable("adding a root")?;
        let hash = Hash::of(Algo::Sha1, link.as_os_str().as_bytes()).nix32();
        replace_symlink(link, &self.config.state_dir.join("gcroots/auto").join(hash))
    }

    /// The implementation of [`crate::Store::add_permanent_root`].
    pub(crate) fn add_permanent_root_local(&self, path: &StorePath, link: &Path) -> Result<PathBuf> {
        let link = canonical(link);
        if self.is_in_store(&link) {
            return Err(StoreError::RootInStore(link));
        }
        self.root_temporarily(path)?;
        if let Ok(meta) = link.symlink_metadata() {
            let ours = meta.is_symlink() && std::fs::read_link(&link).is_ok_and(|t| self.is_in_store(&t));
            if !ours {
                return Err(StoreError::RootExists(link));
            }
        }
        replace_symlink(Path::new(&self.print(path)), &link)?;
        self.add_indirect_root_local(&link)?;
        Ok(link)
    }

    /// Whether a path is below the logical store directory (and not the directory itself).
    pub(crate) fn is_in_store(&self, path: &Path) -> bool {
        path.to_str().is_some_and(|path| self.dir().is_in_store(path))
    }

    /// The implementation of [`crate::Store::find_roots`].
    pub(crate) fn find_roots_local(&self, censor: bool) -> Result<Roots> {
        let mut roots = self.find_roots_without_temporary(censor)?;
        crate::temp_roots::read_all(&self.config.state_dir, self.dir(), |path, file| {
            let place = if censor { CENSORED.to_owned() } else { format!("{{temp:{file}}}") };
            roots.entry(path).or_default().insert(place);
        })?;
        Ok(roots)
    }

    /// Roots but those of `temproots`.
    pub(crate) fn find_roots_without_temporary(&self, censor: bool) -> Result<Roots> {
        let mut roots = Roots::new();
        for sub in ["gcroots", "profiles"] {
            let path = self.config.state_dir.join(sub);
            if path.symlink_metadata().is_ok() {
                self.search(&path, &mut roots)?;
            }
        }
        for (path, places) in crate::runtime_roots::find(self.dir(), &self.config.real_dir) {
            if self.info(&path)?.is_some() {
                let entry = roots.entry(path).or_default();
                if censor {
                    entry.insert(CENSORED.to_owned());
                } else {
                    entry.extend(places);
                }
            }
        }
        Ok(roots)
    }

    /// Searches a folder or link for roots; what cannot be read is passed over with a message.
    fn search(&self, path: &Path, roots: &mut Roots) -> Result<()> {
        match self.search_node(path, roots) {
            Ok(found) => found,
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::NotADirectory
                ) =>
            {
                self.info_message(format!("cannot read potential root \"{}\"", path.display()));
                Ok(())
            }
            Err(e) => Err(e).context("finding GC roots in", path),
        }
    }

    /// The outer result is about reading this node, the inner one about what is below it.
    fn search_node(&self, path: &Path, roots: &mut Roots) -> std::io::Result<Result<()>> {
        let meta = path.symlink_metadata()?;
        if meta.is_dir() {
            for entry in std::fs::read_dir(path)? {
                if let Err(e) = self.search(&entry?.path(), roots) {
                    return Ok(Err(e));
                }
            }
            return Ok(Ok(()));
        }
        if meta.is_file() {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            if let Ok(root) = StorePath::from_base_name(name) {
                return Ok(self.found(root, path, None, roots));
            }
            return Ok(Ok(()));
        }
        if !meta.is_symlink() {
            return Ok(Ok(()));
        }
        let target = std::fs::read_link(path)?;
        if self.is_in_store(&target) {
            return Ok(self.found_link(path, &target, roots));
        }
        let parent = path.parent().unwrap_or(Path::new("/"));
        let target = canonical(&parent.join(target));
        match target.symlink_metadata() {
            Err(e) if e.kind() == ErrorKind::NotFound || e.kind() == ErrorKind::NotADirectory => {
                if path.starts_with(self.config.state_dir.join("gcroots/auto")) {
                    self.info_message(format!(
                        "removing stale link from \"{}\" to \"{}\"",
                        path.display(),
                        target.display()
                    ));
                    let _ = std::fs::remove_file(path);
                }
                Ok(Ok(()))
            }
            Err(e) => Err(e),
            Ok(meta) if meta.is_symlink() => {
                let second = std::fs::read_link(&target)?;
                if self.is_in_store(&second) {
                    Ok(self.found_link(&target, &second, roots))
                } else {
                    Ok(Ok(()))
                }
            }
            Ok(_) => Ok(Ok(())),
        }
    }

    fn found_link(&self, link: &Path, target: &Path, roots: &mut Roots) -> Result<()> {
        match target.to_str().map(|t| self.dir().to_store_path(t)) {
            Some(Ok((root, _))) => self.found(root, link, Some(target), roots),
            _ => Ok(()),
        }
    }

    fn found(&self, root: StorePath, place: &Path, target: Option<&Path>, roots: &mut Roots) -> Result<()> {
        if self.info(&root)?.is_some() {
            roots.entry(root).or_default().insert(place.to_string_lossy().into_owned());
        } else if let Some(target) = target {
            self.info_message(format!(
                "skipping invalid root from \"{}\" to \"{}\"",
                place.display(),
                target.display()
            ));
        }
        Ok(())
    }

    pub(crate) fn info_message(&self, text: String) {
        self.events.message(Level::Info, text);
    }
}
