//! Reading a tree as an archive: written, hashed, searched for references, all in one pass.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use firn_hash::{Algo, Hash, Hasher};
use firn_nar::{NarError, NarWriter};
use firn_path::{StorePath, StorePathSet, scan::ReferenceScanner};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, readlinkat, statat};

use crate::error::{Context, Result, StoreError};

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

/// Writes the archive of the tree at `path` to `out`.
///
/// # Errors
/// Files of another type, those of the file system and of writing.
pub fn dump_tree(path: &Path, out: &mut dyn Write) -> Result<()> {
    let (parent, name) =
        path.parent().zip(path.file_name()).ok_or(rustix::io::Errno::INVAL).context("reading", path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = rustix::fs::open(parent, flags, Mode::empty()).context("opening directory", parent)?;
    let mut dump = Dump { path: path.to_owned(), nar: NarWriter::new(out), buffer: vec![0; 256 * 1024] };
    dump.node(&parent, name.as_bytes())?;
    let out = dump.nar.finish().map_err(nar)?;
    out.flush().map_err(|source| StoreError::Stream { action: "writing an archive", source })
}

/// The hash of the tree's archive and its size in bytes.
///
/// # Errors
/// As [`dump_tree`].
pub fn hash_tree(path: &Path, algo: Algo) -> Result<(Hash, u64)> {
    let mut hasher = Hasher::new(algo);
    dump_tree(path, &mut hasher)?;
    let size = hasher.bytes();
    Ok((hasher.finish(), size))
}

/// The hash of a plain file's bytes.
///
/// # Errors
/// It is no plain file, or those of the file system.
pub fn hash_flat(path: &Path, algo: Algo) -> Result<Hash> {
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
    dump_tree(path, &mut both)?;
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

fn nar(e: NarError) -> StoreError {
    StoreError::Nar(e.to_string())
}

struct Dump<'a> {
    path: PathBuf,
    nar: NarWriter<&'a mut dyn Write>,
    buffer: Vec<u8>,
}

impl Dump<'_> {
    fn node(&mut self, at: &OwnedFd, name: &[u8]) -> Result<()> {
        let stat = statat(at, name, AtFlags::SYMLINK_NOFOLLOW).context("getting status of", &self.path)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let executable = stat.st_mode & 0o100 != 0;
                self.file(at, name, executable, stat.st_size as u64)
            }
            FileType::Directory => self.directory(at, name),
            FileType::Symlink => {
                let target = readlinkat(at, name, Vec::new()).context("reading symbolic link", &self.path)?;
                self.nar.symlink(target.to_bytes()).map_err(nar)
            }
            _ => Err(StoreError::UnsupportedType(self.path.clone())),
        }
    }

    fn file(&mut self, at: &OwnedFd, name: &[u8], executable: bool, size: u64) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(at, name, flags, Mode::empty()).context("opening file", &self.path)?;
        let mut file = File::from(fd);
        let buffer = &mut self.buffer;
        let mut failed = None;
        let written = self.nar.file_with(executable, size, |out| {
            let mut left = size;
            while left > 0 {
                let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                match file.read(&mut buffer[..want]) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(got) => {
                        out.write_all(&buffer[..got])?;
                        left -= got as u64;
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => {
                        failed = Some(e);
                        return Err(io::ErrorKind::Other.into());
                    }
                }
            }
            Ok(())
        });
        match failed {
            Some(e) => Err(e).context("reading file", &self.path),
            None => written.map_err(nar),
        }
    }

    fn directory(&mut self, at: &OwnedFd, name: &[u8]) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(at, name, flags, Mode::empty()).context("opening directory", &self.path)?;
        let mut names: Vec<Vec<u8>> = Vec::new();
        for entry in Dir::read_from(&fd).context("reading directory", &self.path)? {
            let entry = entry.context("reading directory", &self.path)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        names.sort_unstable();
        self.nar.start_directory().map_err(nar)?;
        for name in names {
            self.nar.entry(&name).map_err(nar)?;
            self.path.push(OsStr::from_bytes(&name));
            self.node(&fd, &name)?;
            self.path.pop();
        }
        self.nar.end_directory().map_err(nar)
    }
}
