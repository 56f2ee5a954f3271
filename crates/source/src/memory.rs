//! A tree in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::tree_sink::TreeSink;
use crate::{Accessor, CanonPath, DirEntry, Kind, OpenFile, SourceError, Stat};

/// A node of a tree in memory. Cheap to clone where it is a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemNode {
    /// A file.
    File {
        /// Whether it is executable.
        executable: bool,
        /// Its contents.
        contents: Arc<[u8]>,
    },
    /// A symlink with its target.
    Symlink(Vec<u8>),
    /// A directory with its entries.
    Directory(BTreeMap<Vec<u8>, MemNode>),
}

/// A tree in memory.
#[derive(Clone, Debug)]
pub struct MemAccessor {
    root: MemNode,
    prefix: String,
    fingerprint: Option<String>,
    last_modified: Option<i64>,
}

impl Default for MemAccessor {
    fn default() -> MemAccessor {
        MemAccessor::new()
    }
}

impl MemAccessor {
    /// An empty directory.
    #[must_use]
    pub fn new() -> MemAccessor {
        MemAccessor::from_node(MemNode::Directory(BTreeMap::new()))
    }

    /// The tree with this root.
    #[must_use]
    pub fn from_node(root: MemNode) -> MemAccessor {
        MemAccessor { root, prefix: "«memory»".to_owned(), fingerprint: None, last_modified: None }
    }

    /// A tree that is a single file.
    #[must_use]
    pub fn from_file(contents: impl Into<Arc<[u8]>>) -> MemAccessor {
        MemAccessor::from_node(MemNode::File { executable: false, contents: contents.into() })
    }

    /// Shows paths behind `prefix`.
    #[must_use]
    pub fn shown_as(mut self, prefix: impl Into<String>) -> MemAccessor {
        self.prefix = prefix.into();
        self
    }

    /// States a fingerprint.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: impl Into<String>) -> MemAccessor {
        self.fingerprint = Some(fingerprint.into());
        self
    }

    /// States when the tree was last changed, in seconds since 1970.
    #[must_use]
    pub fn with_last_modified(mut self, seconds: i64) -> MemAccessor {
        self.last_modified = Some(seconds);
        self
    }

    /// The root.
    #[must_use]
    pub fn node(&self) -> &MemNode {
        &self.root
    }

    /// Puts `node` at `path`, making the directories on the way and replacing what is there.
    ///
    /// # Errors
    /// A file or symlink on the way.
    pub fn insert(&mut self, path: &CanonPath, node: MemNode) -> Result<(), SourceError> {
        let Some(name) = path.base_name() else {
            self.root = node;
            return Ok(());
        };
        let shown = format!("{}{path}", self.prefix);
        let mut entries = match &mut self.root {
            MemNode::Directory(entries) => entries,
            _ => return Err(SourceError::NotDirectory(shown)),
        };
        for component in path.parent().unwrap_or(CanonPath::root()).components() {
            let next =
                entries.entry(component.to_vec()).or_insert_with(|| MemNode::Directory(BTreeMap::new()));
            entries = match next {
                MemNode::Directory(entries) => entries,
                MemNode::Symlink(_) => return Err(SourceError::ThroughSymlink(shown)),
                MemNode::File { .. } => return Err(SourceError::NotDirectory(shown)),
            };
        }
        entries.insert(name.to_vec(), node);
        Ok(())
    }

    /// Puts a file that is not executable at `path`.
    ///
    /// # Errors
    /// As [`MemAccessor::insert`].
    pub fn add_file(&mut self, path: &CanonPath, contents: impl Into<Arc<[u8]>>) -> Result<(), SourceError> {
        self.insert(path, MemNode::File { executable: false, contents: contents.into() })
    }

    fn find(&self, path: &CanonPath) -> Result<Option<&MemNode>, SourceError> {
        let mut node = &self.root;
        for component in path.components() {
            match node {
                MemNode::Directory(entries) => match entries.get(component) {
                    Some(next) => node = next,
                    None => return Ok(None),
                },
                MemNode::Symlink(_) => return Err(SourceError::SymlinkInPath(self.show_path(path))),
                MemNode::File { .. } => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    fn get(&self, path: &CanonPath) -> Result<&MemNode, SourceError> {
        self.find(path)?.ok_or_else(|| SourceError::NotFound(self.show_path(path)))
    }
}

impl MemNode {
    fn kind(&self) -> Kind {
        match self {
            MemNode::File { .. } => Kind::Regular,
            MemNode::Symlink(_) => Kind::Symlink,
            MemNode::Directory(_) => Kind::Directory,
        }
    }
}

impl Accessor for MemAccessor {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        Ok(self.find(path)?.map(|node| match node {
            MemNode::File { executable, contents } => {
                Stat { kind: Kind::Regular, executable: *executable, size: Some(contents.len() as u64) }
            }
            other => Stat { kind: other.kind(), executable: false, size: None },
        }))
    }

    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        match self.get(path)? {
            MemNode::Directory(entries) => Ok(entries
                .iter()
                .map(|(name, node)| DirEntry { name: name.clone(), kind: Some(node.kind()) })
                .collect()),
            _ => Err(SourceError::NotDirectory(self.show_path(path))),
        }
    }

    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        match self.get(path)? {
            MemNode::File { contents, .. } => {
                Ok(OpenFile { size: contents.len() as u64, reader: Box::new(&**contents) })
            }
            _ => Err(SourceError::NotRegular(self.show_path(path))),
        }
    }

    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        match self.get(path)? {
            MemNode::Symlink(target) => Ok(target.clone()),
            _ => Err(SourceError::NotSymlink(self.show_path(path))),
        }
    }

    fn show_path(&self, path: &CanonPath) -> String {
        format!("{}{path}", self.prefix)
    }

    fn fingerprint(&self) -> Option<String> {
        self.fingerprint.clone()
    }

    fn last_modified(&self) -> Option<i64> {
        self.last_modified
    }
}

impl TreeSink for MemAccessor {
    fn directory(&mut self, path: &CanonPath) -> Result<(), SourceError> {
        match self.find(path) {
            Ok(Some(MemNode::Directory(_))) => Ok(()),
            _ => self.insert(path, MemNode::Directory(BTreeMap::new())),
        }
    }

    fn file(
        &mut self,
        path: &CanonPath,
        executable: bool,
        size: u64,
        contents: &mut dyn std::io::Read,
    ) -> Result<(), SourceError> {
        let mut bytes = Vec::with_capacity(size.min(1 << 24) as usize);
        contents
            .read_to_end(&mut bytes)
            .map_err(|error| SourceError::system("reading archive member", path.to_string(), error))?;
        self.insert(path, MemNode::File { executable, contents: bytes.into() })
    }

    fn symlink(&mut self, path: &CanonPath, target: &[u8]) -> Result<(), SourceError> {
        self.insert(path, MemNode::Symlink(target.to_vec()))
    }

    fn hard_link(&mut self, path: &CanonPath, existing: &CanonPath) -> Result<(), SourceError> {
        match self.get(existing)?.clone() {
            MemNode::Directory(_) => Err(SourceError::NotRegular(self.show_path(existing))),
            node => self.insert(path, node),
        }
    }
}
