//! A tree of files that can be read.

use std::io::Read;
use std::path::PathBuf;

use crate::{CanonPath, SourceError};

/// What a node of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Regular,
    /// A directory.
    Directory,
    /// A symlink.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// Something else.
    Unknown,
}

impl Kind {
    /// The name that `builtins.readFileType` gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Regular => "regular",
            Kind::Directory => "directory",
            Kind::Symlink => "symlink",
            _ => "unknown",
        }
    }

    /// Tells whether a NAR can hold it.
    #[must_use]
    pub const fn is_serialisable(self) -> bool {
        matches!(self, Kind::Regular | Kind::Directory | Kind::Symlink)
    }
}

/// A node's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Whether its owner may execute it; false for everything but files.
    pub executable: bool,
    /// A file's size in bytes, where it is known without reading the file.
    pub size: Option<u64>,
}

impl Stat {
    /// Tells whether this is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name.
    pub name: Vec<u8>,
    /// What it is, where the directory tells.
    pub kind: Option<Kind>,
}

/// A file that is open for reading.
pub struct OpenFile<'a> {
    /// Its size in bytes; the reader gives exactly as many, or fails.
    pub size: u64,
    /// Its contents.
    pub reader: Box<dyn Read + Send + 'a>,
}

/// A tree of files that can be read. No function follows symlinks, neither at a path's end nor on its way.
pub trait Accessor: Send + Sync {
    /// The metadata of the node at `path`, `None` where there is none.
    ///
    /// # Errors
    /// A symlink on the way; what the system refuses.
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError>;

    /// The entries of the directory at `path`, sorted by the bytes of their names.
    ///
    /// # Errors
    /// No directory there; a symlink on the way; what the system refuses.
    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError>;

    /// Opens the file at `path`.
    ///
    /// # Errors
    /// No file there; a symlink on the way; what the system refuses.
    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError>;

    /// The target of the symlink at `path`.
    ///
    /// # Errors
    /// No symlink there; a symlink on the way; what the system refuses.
    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError>;

    /// The contents of the file at `path`.
    ///
    /// # Errors
    /// As [`Accessor::open`], and those of reading.
    fn read_file(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        let mut file = self.open(path)?;
        // the size may be a lie of the tree's author, so only a part of it is reserved
        let mut contents = Vec::with_capacity(file.size.min(1 << 24) as usize);
        file.reader
            .read_to_end(&mut contents)
            .map_err(|error| SourceError::system("reading file", self.show_path(path), error))?;
        Ok(contents)
    }

    /// How `path` is shown in messages.
    fn show_path(&self, path: &CanonPath) -> String;

    /// A text that is equal only for trees of equal contents, where one is known without reading the tree.
    fn fingerprint(&self) -> Option<String> {
        None
    }

    /// Where `path` lies in the file system, if it does; the place is neither filtered nor changed by the accessor.
    fn physical_path(&self, _path: &CanonPath) -> Option<PathBuf> {
        None
    }

    /// When the tree was last changed, in seconds since 1970, where that is known.
    fn last_modified(&self) -> Option<i64> {
        None
    }
}

/// The metadata of the node at `path`.
///
/// # Errors
/// As [`Accessor::stat`], and where there is no node.
pub fn lstat(accessor: &dyn Accessor, path: &CanonPath) -> Result<Stat, SourceError> {
    accessor.stat(path)?.ok_or_else(|| SourceError::NotFound(accessor.show_path(path)))
}

/// Which symlinks are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Those on the way, but not one at the path's end.
    Ancestors,
    /// All.
    Full,
}

/// Follows symlinks within the tree: absolute targets start at the tree's root, and `..` never leaves it. What does
/// not exist is taken as it stands.
///
/// # Errors
/// Circles, and those of the accessor.
pub fn resolve_symlinks(
    accessor: &dyn Accessor,
    path: &CanonPath,
    resolution: Resolution,
) -> Result<CanonPath, SourceError> {
    const MAX_LINKS: usize = 1024;
    let mut resolved = CanonPath::root();
    let mut links = 0;
    // the last component is the next to look at
    let mut todo: Vec<Vec<u8>> = path.components().rev().map(<[u8]>::to_vec).collect();
    while let Some(component) = todo.pop() {
        match component.as_slice() {
            b"" | b"." => continue,
            b".." => {
                resolved.pop();
                continue;
            }
            name => resolved = resolved.join(name),
        }
        if resolution == Resolution::Ancestors && todo.is_empty() {
            continue;
        }
        if accessor.stat(&resolved)?.is_some_and(|stat| stat.kind == Kind::Symlink) {
            links += 1;
            if links > MAX_LINKS {
                return Err(SourceError::InfiniteSymlinks(accessor.show_path(path)));
            }
            let target = accessor.read_link(&resolved)?;
            if target.starts_with(b"/") {
                resolved = CanonPath::root();
            } else {
                resolved.pop();
            }
            todo.extend(target.split(|&byte| byte == b'/').rev().map(<[u8]>::to_vec));
        }
    }
    Ok(resolved)
}
