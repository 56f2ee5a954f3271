//! Trees within a tree: submodules at their places.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{Accessor, CanonPath, DirEntry, OpenFile, SourceError, Stat};

/// A tree with other trees at some of its paths; what it has itself there is not seen.
pub struct MountedAccessor {
    inner: Arc<dyn Accessor>,
    mounts: BTreeMap<CanonPath, Arc<dyn Accessor>>,
}

impl MountedAccessor {
    /// `inner` with `mounts` at their paths, which should be directories of `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Accessor>, mounts: BTreeMap<CanonPath, Arc<dyn Accessor>>) -> MountedAccessor {
        MountedAccessor { inner, mounts }
    }

    /// The tree that a path is in, and the path there.
    fn at(&self, path: &CanonPath) -> (&dyn Accessor, CanonPath) {
        let mut above = path.clone();
        loop {
            if let Some(mount) = self.mounts.get(&above) {
                if let Some(below) = path.strip_prefix(&above) {
                    return (mount.as_ref(), below);
                }
            }
            if !above.pop() {
                return (self.inner.as_ref(), path.clone());
            }
        }
    }
}

impl Accessor for MountedAccessor {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        let (tree, path) = self.at(path);
        tree.stat(&path)
    }
    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        let (tree, path) = self.at(path);
        tree.read_dir(&path)
    }
    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        let (tree, path) = self.at(path);
        tree.open(&path)
    }
    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        let (tree, path) = self.at(path);
        tree.read_link(&path)
    }
    fn show_path(&self, path: &CanonPath) -> String {
        let (tree, path) = self.at(path);
        tree.show_path(&path)
    }
    fn physical_path(&self, path: &CanonPath) -> Option<PathBuf> {
        // A directory above a mount is not on disk as it is seen here.
        if self.mounts.keys().any(|mount| mount.is_within(path) && mount != path) {
            return None;
        }
        let (tree, path) = self.at(path);
        tree.physical_path(&path)
    }
    fn last_modified(&self) -> Option<i64> {
        self.inner.last_modified()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::MemAccessor;

    #[test]
    fn a_mount_hides_what_it_covers() {
        let path = |text: &str| CanonPath::new(text).unwrap();
        let (mut outer, mut inner) = (MemAccessor::new(), MemAccessor::new());
        outer.add_file(&path("sub/old"), &b""[..]).unwrap();
        outer.add_file(&path("x"), &b"outer"[..]).unwrap();
        inner.add_file(&path("x"), &b"inner"[..]).unwrap();
        let mounts = BTreeMap::from([(path("sub"), Arc::new(inner) as Arc<dyn Accessor>)]);
        let tree = MountedAccessor::new(Arc::new(outer), mounts);
        assert_eq!(tree.read_file(&path("x")).unwrap(), b"outer");
        assert_eq!(tree.read_file(&path("sub/x")).unwrap(), b"inner");
        assert!(tree.stat(&path("sub/old")).unwrap().is_none());
        let names: Vec<_> = tree.read_dir(&path("sub")).unwrap().into_iter().map(|e| e.name).collect();
        assert_eq!(names, [b"x"]);
    }
}
