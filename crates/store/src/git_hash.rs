//! The hash that git gives a tree: for content addresses of the method `git` (experimental feature `git-hashing`).
//!
//! Source: git's object format. Blobs are `blob <size>\0<bytes>`; trees are `tree <size>\0` and entries
//! `<mode> <name>\0<raw hash>`, sorted by name as if folders ended in a slash.

use std::collections::BTreeMap;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use firn_hash::{Algo, Hash, Hasher};
use firn_nar::{Event, NarReader};

use crate::error::{Context, Result, StoreError};

/// The hash of a file's bytes as a blob.
pub(crate) fn blob_hash(bytes: &[u8], algo: Algo) -> Hash {
    object_hash("blob", bytes, algo)
}

fn object_hash(kind: &str, bytes: &[u8], algo: Algo) -> Hash {
    let mut hasher = Hasher::new(algo);
    hasher.update(format!("{kind} {}\0", bytes.len()).as_bytes());
    hasher.update(bytes);
    hasher.finish()
}

type Entries = BTreeMap<Vec<u8>, (&'static str, Vec<u8>, Hash)>;

/// The key that sorts entries as git does.
fn key(name: &[u8], mode: &str) -> Vec<u8> {
    let mut key = name.to_vec();
    if mode == TREE {
        key.push(b'/');
    }
    key
}

const TREE: &str = "40000";

fn tree_hash(entries: Entries, algo: Algo) -> Hash {
    let mut bytes = Vec::new();
    for (_, (mode, name, hash)) in entries {
        bytes.extend_from_slice(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(&name);
        bytes.push(0);
        bytes.extend_from_slice(hash.as_bytes());
    }
    object_hash("tree", &bytes, algo)
}

/// The hash of the tree at `path`.
pub(crate) fn git_hash(path: &Path, algo: Algo) -> Result<Hash> {
    Ok(node(path, algo)?.1)
}

fn node(path: &Path, algo: Algo) -> Result<(&'static str, Hash)> {
    let meta = path.symlink_metadata().context("getting status of", path)?;
    if meta.is_symlink() {
        let target = std::fs::read_link(path).context("reading symbolic link", path)?;
        return Ok(("120000", blob_hash(target.as_os_str().as_bytes(), algo)));
    }
    if meta.is_file() {
        let mode = if meta.permissions().mode() & 0o100 != 0 { "100755" } else { "100644" };
        let bytes = std::fs::read(path).context("reading file", path)?;
        return Ok((mode, blob_hash(&bytes, algo)));
    }
    let mut entries = Entries::new();
    for entry in std::fs::read_dir(path).context("opening directory", path)? {
        let entry = entry.context("reading directory", path)?;
        let (mode, hash) = node(&entry.path(), algo)?;
        let name = entry.file_name().into_vec();
        entries.insert(key(&name, mode), (mode, name, hash));
    }
    Ok((TREE, tree_hash(entries, algo)))
}

/// The same of a tree in a NAR.
pub(crate) fn nar_git_hash(nar: &[u8], algo: Algo) -> Result<Hash> {
    let mut reader = NarReader::new(nar);
    let mut stack: Vec<(Entries, Vec<u8>)> = Vec::new();
    let mut name = Vec::new();
    loop {
        let (mode, hash) = match reader.next_event()? {
            None => return Err(StoreError::Nar("bad archive: it has no end".into())),
            Some(Event::StartDirectory) => {
                stack.push((Entries::new(), std::mem::take(&mut name)));
                continue;
            }
            Some(Event::Entry(entry)) => {
                name = entry.to_vec();
                continue;
            }
            Some(Event::Symlink(target)) => ("120000", blob_hash(target, algo)),
            Some(Event::File { executable, .. }) => {
                let mut bytes = Vec::new();
                reader.copy_contents(&mut bytes)?;
                (if executable { "100755" } else { "100644" }, blob_hash(&bytes, algo))
            }
            Some(Event::EndDirectory) => match stack.pop() {
                Some((entries, of)) => {
                    name = of;
                    (TREE, tree_hash(entries, algo))
                }
                None => return Err(StoreError::Nar("bad archive: it has no end".into())),
            },
        };
        match stack.last_mut() {
            Some((entries, _)) => {
                let name = std::mem::take(&mut name);
                entries.insert(key(&name, mode), (mode, name, hash));
            }
            None => return Ok(hash),
        }
    }
}
