//! Trees of files as they lie in a store, beyond what [`firn_source`] has for all: the form in which they come in, hashing
//! and looking for references in one pass, sizes.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use firn_hash::{Algo, Hash, Hasher};
use firn_path::{StorePath, StorePathSet, scan::ReferenceScanner};
use firn_source::{CanonPath, CanonicaliseOptions, InodesSeen};
use rustix::fs::{Mode, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use crate::error::{Context, Result, StoreError};

/// The modification time of everything in a store: one second after the beginning of time.
pub(crate) const STORE_TIMES: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    last_modification: Timespec { tv_sec: 1, tv_nsec: 0 },
};

/// Writes the tree of an archive as `path`, which must not exist, in canonical form. The archive is read exactly to its
/// end. What the folder around hands down (access control lists) is removed, but for `ignored_acls`.
///
/// # Errors
/// A malformed archive, or the file system's.
pub(crate) fn restore_tree(path: &Path, nar: &mut dyn Read, ignored_acls: &BTreeSet<String>) -> Result<()> {
    let options = firn_source::RestoreOptions { canonical: true, ..Default::default() };
    firn_source::restore_nar(nar, path, options)?;
    strip_inherited(path, ignored_acls)
}

/// Writes a plain file as `path`, which must not exist, in canonical form.
///
/// # Errors
/// Those of reading and of the file system.
pub(crate) fn restore_flat(
    path: &Path,
    contents: &mut dyn Read,
    ignored_acls: &BTreeSet<String>,
) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .context("creating file", path)?;
    io::copy(contents, &mut file).context("writing to", path)?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(0o444)).context("setting permissions on", path)?;
    rustix::fs::futimens(&file, &STORE_TIMES).context("changing modification time of", path)?;
    if has_foreign_xattrs(&file, ignored_acls) {
        canonicalise(path, ignored_acls)?;
    }
    Ok(())
}

/// New files have attributes only where the topmost one has: it inherits what the others do.
fn strip_inherited(path: &Path, ignored_acls: &BTreeSet<String>) -> Result<()> {
    if path.symlink_metadata().context("getting status of", path)?.is_symlink() {
        return Ok(());
    }
    let file = File::open(path).context("opening file", path)?;
    if has_foreign_xattrs(&file, ignored_acls) { canonicalise(path, ignored_acls) } else { Ok(()) }
}

/// Puts a tree of any owner into canonical form.
pub(crate) fn canonicalise(path: &Path, ignored_acls: &BTreeSet<String>) -> Result<()> {
    let options = CanonicaliseOptions { owners: None, ignored_attributes: ignored_acls.clone() };
    Ok(firn_source::canonicalise(path, &options, &mut InodesSeen::new())?)
}

fn names(fd: &impl AsFd) -> rustix::io::Result<Vec<u8>> {
    let mut buffer = vec![0u8; 256];
    loop {
        match rustix::fs::flistxattr(fd, &mut buffer) {
            Ok(len) => {
                buffer.truncate(len);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() < 65536 => buffer.resize(buffer.len() * 4, 0),
            Err(Errno::NOTSUP | Errno::NODATA) => return Ok(Vec::new()),
            Err(e) => return Err(e),
        }
    }
}

fn foreign<'a>(list: &'a [u8], ignored: &'a BTreeSet<String>) -> impl Iterator<Item = &'a [u8]> {
    list.split(|&b| b == 0)
        .filter(|name| !name.is_empty())
        .filter(move |name| !std::str::from_utf8(name).is_ok_and(|name| ignored.contains(name)))
}

/// Whether a file has extended attributes other than `ignored`.
fn has_foreign_xattrs(fd: &impl AsFd, ignored: &BTreeSet<String>) -> bool {
    names(fd).is_ok_and(|list| foreign(&list, ignored).next().is_some())
}

/// The hash that git gives the tree at `path`.
pub(crate) fn git_hash(path: &Path, algo: Algo) -> Result<Hash> {
    let tree = firn_source::FsAccessor::new(path)?;
    Ok(firn_source::hash_git::<StoreError>(&tree, &CanonPath::root(), algo, None)?.1)
}

/// The hash that git gives the tree of an archive.
pub(crate) fn git_hash_of_nar(nar: &[u8], algo: Algo) -> Result<Hash> {
    let tree = firn_source::NarAccessor::new(io::Cursor::new(nar.to_vec()))?;
    Ok(firn_source::hash_git::<StoreError>(&tree, &CanonPath::root(), algo, None)?.1)
}

/// What one pass over a tree found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// SHA-256 of its archive.
    pub hash: Hash,
    /// Bytes of its archive.
    pub size: u64,
    /// The candidates that it refers to.
    pub references: StorePathSet,
}

/// The hash of a plain file's bytes.
///
/// # Errors
/// It is no plain file, or those of the file system.
pub(crate) fn hash_flat(path: &Path, algo: Algo) -> Result<Hash> {
    if !path.symlink_metadata().context("getting status of", path)?.is_file() {
        return Err(StoreError::Nar(format!("file \"{}\" is not a regular file", path.display())));
    }
    let mut file = File::open(path).context("opening file", path)?;
    let mut hasher = Hasher::new(algo);
    io::copy(&mut file, &mut hasher).context("reading file", path)?;
    Ok(hasher.finish())
}

/// Hashes a tree and looks for references to `candidates`, reading it once.
///
/// # Errors
/// As [`dump_tree`].
pub fn scan_and_hash<'a>(
    path: &Path,
    candidates: impl IntoIterator<Item = &'a StorePath>,
) -> Result<Scanned> {
    let mut both = ScanAndHash::new(candidates);
    firn_source::dump_path(path, &mut both)?;
    Ok(both.finish())
}

/// A writer that hashes an archive and looks for references in it.
pub(crate) struct ScanAndHash {
    hasher: Hasher,
    scanner: ReferenceScanner,
}

impl ScanAndHash {
    pub(crate) fn new<'a>(candidates: impl IntoIterator<Item = &'a StorePath>) -> Self {
        ScanAndHash { hasher: Hasher::new(Algo::Sha256), scanner: ReferenceScanner::new(candidates) }
    }

    pub(crate) fn finish(self) -> Scanned {
        let size = self.hasher.bytes();
        Scanned { hash: self.hasher.finish(), size, references: self.scanner.finish() }
    }
}

impl Write for ScanAndHash {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.hasher.update(data);
        self.scanner.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The size of a tree's archive without reading its files.
///
/// # Errors
/// As [`dump_tree`].
pub fn tree_size(path: &Path) -> Result<u64> {
    let meta = path.symlink_metadata().context("getting status of", path)?;
    let word = |len: u64| 8 + len.div_ceil(8) * 8;
    fn node(path: &Path, meta: &std::fs::Metadata, word: &dyn Fn(u64) -> u64) -> Result<u64> {
        let frame = word(1) + word(4) + word(1);
        if meta.is_symlink() {
            let target = std::fs::read_link(path).context("reading symbolic link", path)?;
            return Ok(frame + word(7) + word(6) + word(target.as_os_str().len() as u64));
        }
        if meta.is_file() {
            use std::os::unix::fs::PermissionsExt;
            let executable = if meta.permissions().mode() & 0o100 != 0 { word(10) + word(0) } else { 0 };
            return Ok(frame + word(7) + executable + word(8) + word(meta.len()));
        }
        let mut size = frame + word(9);
        for entry in std::fs::read_dir(path).context("opening directory", path)? {
            let entry = entry.context("reading directory", path)?;
            let child = entry.path();
            let meta = child.symlink_metadata().context("getting status of", &child)?;
            let name = entry.file_name().len() as u64;
            size += word(5) + word(1) + word(4) + word(name) + word(4) + word(1) + node(&child, &meta, word)?;
        }
        Ok(size)
    }
    Ok(word(firn_nar::MAGIC.len() as u64) + node(path, &meta, &word)?)
}
