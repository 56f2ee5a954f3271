//! Paths within a tree.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::SourceError;

/// A path within a tree: absolute from the tree's root, without `.`, `..`, doubled and trailing slashes, and without
/// zero bytes. Ordered by components, so that a directory's entries follow it directly.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CanonPath {
    // without the leading slash; empty for the root
    rel: Vec<u8>,
}

impl CanonPath {
    /// The tree's root.
    #[must_use]
    pub const fn root() -> CanonPath {
        CanonPath { rel: Vec::new() }
    }

    /// Makes `raw` canonical by its text: relative paths start at the root, `..` at the root stays there.
    ///
    /// # Errors
    /// A zero byte.
    pub fn new(raw: impl AsRef<[u8]>) -> Result<CanonPath, SourceError> {
        let raw = raw.as_ref();
        if raw.contains(&0) {
            return Err(SourceError::NullByte(String::from_utf8_lossy(raw).replace('\0', "␀")));
        }
        let mut path = CanonPath { rel: Vec::with_capacity(raw.len()) };
        for component in raw.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    path.pop();
                }
                _ => path.push(component),
            }
        }
        Ok(path)
    }

    /// Tells whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.rel.is_empty()
    }

    /// The path without leading slash; empty for the root.
    #[must_use]
    pub fn rel(&self) -> &[u8] {
        &self.rel
    }

    /// The path with its leading slash.
    #[must_use]
    pub fn abs(&self) -> Vec<u8> {
        let mut abs = Vec::with_capacity(self.rel.len() + 1);
        abs.push(b'/');
        abs.extend_from_slice(&self.rel);
        abs
    }

    /// The path relative to the root, for the file system.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.rel))
    }

    /// The components from the root on.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.rel.split(|&byte| byte == b'/').filter(|component| !component.is_empty())
    }

    /// The directory that the path lies in; the root lies in none.
    #[must_use]
    pub fn parent(&self) -> Option<CanonPath> {
        let mut parent = self.clone();
        parent.pop().then_some(parent)
    }

    /// The last component; the root has none.
    #[must_use]
    pub fn base_name(&self) -> Option<&[u8]> {
        self.components().next_back()
    }

    /// Removes the last component and tells whether there was one.
    pub fn pop(&mut self) -> bool {
        if self.is_root() {
            return false;
        }
        self.rel.truncate(self.rel.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
        true
    }

    /// The entry `name` of this directory. `name` is a file's name as directories give it; slashes, `.` and `..` in it
    /// are made canonical within the tree, zero bytes are dropped.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> CanonPath {
        let mut path = CanonPath { rel: Vec::with_capacity(self.rel.len() + 1 + name.len()) };
        path.rel.extend_from_slice(&self.rel);
        if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') || name.contains(&0) {
            let cleaned: Vec<u8> = name.iter().copied().filter(|&byte| byte != 0).collect();
            return match CanonPath::new(&cleaned) {
                Ok(below) => path.join_path(&below),
                Err(_) => path,
            };
        }
        path.push(name);
        path
    }

    /// The path `below` under this one.
    #[must_use]
    pub fn join_path(&self, below: &CanonPath) -> CanonPath {
        let mut path = self.clone();
        if !below.is_root() {
            path.push(&below.rel);
        }
        path
    }

    /// Tells whether this is `ancestor` or lies below it.
    #[must_use]
    pub fn is_within(&self, ancestor: &CanonPath) -> bool {
        self.strip_prefix(ancestor).is_some()
    }

    /// The path as seen from `ancestor`; `None` where it does not lie there.
    #[must_use]
    pub fn strip_prefix(&self, ancestor: &CanonPath) -> Option<CanonPath> {
        if ancestor.is_root() {
            return Some(self.clone());
        }
        let rest = self.rel.strip_prefix(ancestor.rel.as_slice())?;
        match rest.split_first() {
            None => Some(CanonPath::root()),
            Some((b'/', rest)) => Some(CanonPath { rel: rest.to_vec() }),
            Some(_) => None,
        }
    }

    fn push(&mut self, component: &[u8]) {
        if !self.rel.is_empty() {
            self.rel.push(b'/');
        }
        self.rel.extend_from_slice(component);
    }
}

impl Ord for CanonPath {
    fn cmp(&self, other: &CanonPath) -> std::cmp::Ordering {
        self.components().cmp(other.components())
    }
}

impl PartialOrd for CanonPath {
    fn partial_cmp(&self, other: &CanonPath) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for CanonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.rel))
    }
}

impl fmt::Debug for CanonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
