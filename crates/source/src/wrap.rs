//! Parts of other trees.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{Accessor, CanonPath, DirEntry, OpenFile, SourceError, Stat};

/// What lies below a path of another tree.
pub struct SubAccessor {
    inner: Arc<dyn Accessor>,
    prefix: CanonPath,
}

impl SubAccessor {
    /// The part of `inner` at `prefix`.
    #[must_use]
    pub fn new(inner: Arc<dyn Accessor>, prefix: CanonPath) -> SubAccessor {
        SubAccessor { inner, prefix }
    }
}

impl Accessor for SubAccessor {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        self.inner.stat(&self.prefix.join_path(path))
    }

    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        self.inner.read_dir(&self.prefix.join_path(path))
    }

    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        self.inner.open(&self.prefix.join_path(path))
    }

    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        self.inner.read_link(&self.prefix.join_path(path))
    }

    fn show_path(&self, path: &CanonPath) -> String {
        self.inner.show_path(&self.prefix.join_path(path))
    }

    fn fingerprint(&self) -> Option<String> {
        let inner = self.inner.fingerprint()?;
        Some(if self.prefix.is_root() { inner } else { format!("{inner};dir={}", self.prefix) })
    }

    fn physical_path(&self, path: &CanonPath) -> Option<PathBuf> {
        self.inner.physical_path(&self.prefix.join_path(path))
    }

    fn last_modified(&self) -> Option<i64> {
        self.inner.last_modified()
    }
}

type Allowed = Box<dyn Fn(&CanonPath) -> bool + Send + Sync>;
type Reason = Box<dyn Fn(&CanonPath, &str) -> String + Send + Sync>;

/// Another tree of which only some paths are there.
pub struct FilteredAccessor {
    inner: Arc<dyn Accessor>,
    allowed: Allowed,
    reason: Reason,
}

impl FilteredAccessor {
    /// The paths of `inner` that `allowed` accepts; it has to accept the directories on the way too.
    #[must_use]
    pub fn new(
        inner: Arc<dyn Accessor>,
        allowed: impl Fn(&CanonPath) -> bool + Send + Sync + 'static,
    ) -> FilteredAccessor {
        let reason = Box::new(|_: &CanonPath, shown: &str| format!("path '{shown}' does not exist"));
        FilteredAccessor { inner, allowed: Box::new(allowed), reason }
    }

    /// Says why a path is not there, given the path and how it is shown.
    #[must_use]
    pub fn with_reason(
        mut self,
        reason: impl Fn(&CanonPath, &str) -> String + Send + Sync + 'static,
    ) -> FilteredAccessor {
        self.reason = Box::new(reason);
        self
    }

    fn check(&self, path: &CanonPath) -> Result<(), SourceError> {
        if (self.allowed)(path) {
            return Ok(());
        }
        Err(SourceError::NotAllowed((self.reason)(path, &self.show_path(path))))
    }
}

impl Accessor for FilteredAccessor {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        if (self.allowed)(path) { self.inner.stat(path) } else { Ok(None) }
    }

    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        self.check(path)?;
        let mut entries = self.inner.read_dir(path)?;
        entries.retain(|entry| (self.allowed)(&path.join(&entry.name)));
        Ok(entries)
    }

    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        self.check(path)?;
        self.inner.open(path)
    }

    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        self.check(path)?;
        self.inner.read_link(path)
    }

    fn show_path(&self, path: &CanonPath) -> String {
        self.inner.show_path(path)
    }

    fn last_modified(&self) -> Option<i64> {
        self.inner.last_modified()
    }
}
