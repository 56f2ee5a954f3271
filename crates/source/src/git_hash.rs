//! The hash that git gives a tree of files: of blobs for files and symlinks, of tree objects for directories.

use std::collections::BTreeMap;
use std::io;

use firn_hash::{Algo, Hash, Hasher};

use crate::dump::check_depth;
use crate::{Accessor, CanonPath, Filter, Kind, SourceError, lstat};

/// The mode of an entry as tree objects write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitMode {
    /// `40000`
    Directory,
    /// `100644`
    Regular,
    /// `100755`
    Executable,
    /// `120000`
    Symlink,
}

impl GitMode {
    const fn octal(self) -> &'static str {
        match self {
            GitMode::Directory => "40000",
            GitMode::Regular => "100644",
            GitMode::Executable => "100755",
            GitMode::Symlink => "120000",
        }
    }
}

/// The git object hash of the tree at `path`, with a filter only of what it accepts, and the root's mode. `algo` is
/// SHA-1, or SHA-256 for repositories of that kind. Empty directories count, which git itself never stores.
///
/// # Errors
/// Those of the accessor and of the filter; nodes that git can't hold.
pub fn hash_git<E: From<SourceError>>(
    accessor: &dyn Accessor,
    path: &CanonPath,
    algo: Algo,
    mut filter: Option<&mut Filter<'_, E>>,
) -> Result<(GitMode, Hash), E> {
    node(accessor, path, algo, &mut filter, 0)
}

fn node<E: From<SourceError>>(
    accessor: &dyn Accessor,
    path: &CanonPath,
    algo: Algo,
    filter: &mut Option<&mut Filter<'_, E>>,
    depth: usize,
) -> Result<(GitMode, Hash), E> {
    check_depth(accessor, path, depth)?;
    let stat = lstat(accessor, path)?;
    match stat.kind {
        Kind::Regular => {
            let mut file = accessor.open(path)?;
            let mut hasher = start("blob", file.size, algo);
            io::copy(&mut file.reader, &mut hasher)
                .map_err(|error| SourceError::system("reading file", accessor.show_path(path), error))?;
            let mode = if stat.executable { GitMode::Executable } else { GitMode::Regular };
            Ok((mode, hasher.finish()))
        }
        Kind::Symlink => {
            let target = accessor.read_link(path)?;
            let mut hasher = start("blob", target.len() as u64, algo);
            hasher.update(&target);
            Ok((GitMode::Symlink, hasher.finish()))
        }
        Kind::Directory => {
            // git sorts a directory as if its name ended in a slash
            let mut entries = BTreeMap::new();
            for entry in accessor.read_dir(path)? {
                let child = path.join(&entry.name);
                if let Some(filter) = filter {
                    if !filter(&child)? {
                        continue;
                    }
                }
                let (mode, hash) = node(accessor, &child, algo, filter, depth + 1)?;
                let mut key = entry.name.clone();
                if mode == GitMode::Directory {
                    key.push(b'/');
                }
                entries.insert(key, (mode, entry.name, hash));
            }
            let mut tree = Vec::new();
            for (mode, name, hash) in entries.values() {
                tree.extend_from_slice(mode.octal().as_bytes());
                tree.push(b' ');
                tree.extend_from_slice(name);
                tree.push(0);
                tree.extend_from_slice(hash.as_bytes());
            }
            let mut hasher = start("tree", tree.len() as u64, algo);
            hasher.update(&tree);
            Ok((GitMode::Directory, hasher.finish()))
        }
        _ => Err(SourceError::UnsupportedType(accessor.show_path(path)).into()),
    }
}

fn start(kind: &str, size: u64, algo: Algo) -> Hasher {
    let mut hasher = Hasher::new(algo);
    hasher.update(format!("{kind} {size}\0").as_bytes());
    hasher
}
