//! The NAR of a tree on disk, straight from open directories: the fast way.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use firn_hash::{Algo, Hash, Hasher};
use firn_nar::{Limits, NarWriter};
use rustix::fs::{CWD, FileType};
use rustix::io::Errno;

use crate::{Kind, SourceError, at};

/// Writes the NAR of the tree at `path` to `out`. Symlinks are dumped as such, also at `path` itself.
///
/// # Errors
/// What the system refuses, those of `out`, and nodes that a NAR can't hold.
pub fn dump_path(path: &Path, out: &mut dyn Write) -> Result<(), SourceError> {
    let mut dump = DumpFs { writer: NarWriter::new(out), path: path.to_owned() };
    let name = path.as_os_str().as_encoded_bytes();
    dump.node(CWD, name, None, 0)?;
    dump.writer.finish()?;
    Ok(())
}

/// The hash of the NAR of the tree at `path`, and the NAR's size in bytes.
///
/// # Errors
/// As [`dump_path`].
pub fn hash_path(path: &Path, algo: Algo) -> Result<(Hash, u64), SourceError> {
    let mut hasher = Hasher::new(algo);
    dump_path(path, &mut hasher)?;
    let size = hasher.bytes();
    Ok((hasher.finish(), size))
}

struct DumpFs<'a> {
    writer: NarWriter<&'a mut dyn Write>,
    // where we are, for messages
    path: PathBuf,
}

impl DumpFs<'_> {
    fn node(
        &mut self,
        dir: BorrowedFd<'_>,
        name: &[u8],
        kind: Option<Kind>,
        depth: usize,
    ) -> Result<(), SourceError> {
        let limit = Limits::default().depth;
        if depth >= limit {
            return Err(SourceError::TooDeep { path: self.shown(), limit });
        }
        let kind = match kind {
            Some(kind) => kind,
            None => {
                let stat = at::stat(dir, name).map_err(|error| self.error("getting status of", error))?;
                at::kind_of(FileType::from_raw_mode(stat.st_mode))
            }
        };
        match kind {
            Kind::Regular => self.file(dir, name),
            Kind::Symlink => {
                let target = at::read_link(dir, name);
                let target = target.map_err(|error| self.error("reading symbolic link", error))?;
                Ok(self.writer.symlink(&target)?)
            }
            Kind::Directory => {
                let opened = at::open(dir, name, at::DIRECTORY);
                let opened = opened.map_err(|error| self.error("opening directory", error))?;
                self.directory(opened, depth)
            }
            _ => Err(SourceError::UnsupportedType(self.shown())),
        }
    }

    fn directory(&mut self, dir: OwnedFd, depth: usize) -> Result<(), SourceError> {
        let entries = at::entries(&dir).map_err(|error| self.error("reading directory", error))?;
        self.writer.start_directory()?;
        for (name, kind) in entries {
            self.writer.entry(name.to_bytes())?;
            self.path.push(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name.to_bytes()));
            self.node(dir.as_fd(), name.to_bytes(), kind, depth + 1)?;
            self.path.pop();
        }
        Ok(self.writer.end_directory()?)
    }

    fn file(&mut self, dir: BorrowedFd<'_>, name: &[u8]) -> Result<(), SourceError> {
        let file = at::open(dir, name, at::FILE).map_err(|error| self.error("opening file", error))?;
        let stat = rustix::fs::fstat(&file).map_err(|error| self.error("getting status of", error))?;
        let stat = at::convert_stat(&stat);
        let (Kind::Regular, Some(size)) = (stat.kind, stat.size) else {
            return Err(SourceError::UnsupportedType(self.shown()));
        };
        let mut file = File::from(file);
        Ok(self.writer.file(stat.executable, size, &mut file)?)
    }

    fn shown(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn error(&self, action: &'static str, error: Errno) -> SourceError {
        match error {
            Errno::NOENT => SourceError::NotFound(self.shown()),
            _ => SourceError::system(action, self.shown(), error),
        }
    }
}
