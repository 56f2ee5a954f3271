//! A tree on disk.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::{Accessor, CanonPath, DirEntry, Kind, OpenFile, SourceError, Stat, at};

/// A directory on disk, or a single file, and everything below it. The root is opened once: what happens to its path
/// afterwards does not matter. Symlinks below the root are never followed, so nothing outside can be reached.
#[derive(Debug)]
pub struct FsAccessor {
    root: PathBuf,
    // `None` where the root is no directory
    dir: Option<OwnedFd>,
    prefix: String,
    fingerprint: Option<String>,
}

impl FsAccessor {
    /// Opens the tree at `root`, whose own path may contain symlinks, except for its last component.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn new(root: impl Into<PathBuf>) -> Result<FsAccessor, SourceError> {
        let root = root.into();
        let dir = match rustix::fs::open(&root, at::DIRECTORY | OFlags::PATH, rustix::fs::Mode::empty()) {
            Ok(dir) => Some(dir),
            Err(Errno::NOTDIR | Errno::LOOP) => None,
            Err(Errno::NOENT) => return Err(SourceError::NotFound(root.to_string_lossy().into_owned())),
            Err(error) => return Err(SourceError::system("opening", root.to_string_lossy(), error)),
        };
        let shown = root.to_string_lossy();
        let prefix = if shown == "/" { String::new() } else { shown.trim_end_matches('/').to_owned() };
        Ok(FsAccessor { root, dir, prefix, fingerprint: None })
    }

    /// The whole file system.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn whole() -> Result<FsAccessor, SourceError> {
        FsAccessor::new("/")
    }

    /// Shows paths behind `prefix` instead of the root's path.
    #[must_use]
    pub fn shown_as(mut self, prefix: impl Into<String>) -> FsAccessor {
        self.prefix = prefix.into();
        self
    }

    /// States a fingerprint, for trees that do not change.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: impl Into<String>) -> FsAccessor {
        self.fingerprint = Some(fingerprint.into());
        self
    }

    /// The path of the root on disk.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn open_at(&self, path: &CanonPath, flags: OFlags) -> Result<OwnedFd, Errno> {
        match &self.dir {
            Some(dir) => at::open_beneath(dir.as_fd(), path.rel(), flags),
            None if path.is_root() => rustix::fs::open(&self.root, flags, rustix::fs::Mode::empty()),
            None => Err(Errno::NOTDIR),
        }
    }

    fn error(&self, action: &'static str, path: &CanonPath, error: Errno) -> SourceError {
        let shown = self.show_path(path);
        match error {
            Errno::NOENT => SourceError::NotFound(shown),
            Errno::LOOP => SourceError::SymlinkInPath(shown),
            _ => SourceError::system(action, shown, error),
        }
    }
}

impl Accessor for FsAccessor {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match self.open_at(path, flags).and_then(|fd| rustix::fs::fstat(&fd)) {
            Ok(stat) => Ok(Some(at::convert_stat(&stat))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(self.error("getting status of", path, error)),
        }
    }

    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        let found = self.open_at(path, at::DIRECTORY).and_then(at::entries);
        let found = found.map_err(|error| match error {
            Errno::NOTDIR => SourceError::NotDirectory(self.show_path(path)),
            _ => self.error("opening directory", path, error),
        })?;
        Ok(found.into_iter().map(|(name, kind)| DirEntry { name: name.into_bytes(), kind }).collect())
    }

    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        let file = self.open_at(path, at::FILE).map_err(|error| self.error("opening file", path, error))?;
        let stat = rustix::fs::fstat(&file).map_err(|error| self.error("getting status of", path, error))?;
        match at::convert_stat(&stat) {
            Stat { kind: Kind::Regular, size: Some(size), .. } => {
                Ok(OpenFile { size, reader: Box::new(Exactly { file: File::from(file), left: size }) })
            }
            _ => Err(SourceError::NotRegular(self.show_path(path))),
        }
    }

    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let link = self.open_at(path, flags).map_err(|error| self.error("opening", path, error))?;
        match at::read_link(&link, b"") {
            Ok(target) => Ok(target),
            Err(Errno::INVAL | Errno::NOENT | Errno::NOTDIR) => {
                Err(SourceError::NotSymlink(self.show_path(path)))
            }
            Err(error) => Err(self.error("reading symbolic link", path, error)),
        }
    }

    fn show_path(&self, path: &CanonPath) -> String {
        if path.is_root() && !self.prefix.is_empty() {
            return self.prefix.clone();
        }
        format!("{}{path}", self.prefix)
    }

    fn fingerprint(&self) -> Option<String> {
        self.fingerprint.clone()
    }

    fn physical_path(&self, path: &CanonPath) -> Option<PathBuf> {
        Some(if path.is_root() { self.root.clone() } else { self.root.join(path.as_path()) })
    }
}

/// A file's contents as long as they were when it was opened: fewer are an error, more are cut off.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let want = self.left.min(into.len() as u64) as usize;
        if want == 0 {
            return Ok(0);
        }
        let read = self.file.read(&mut into[..want])?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "file became shorter while it was read",
            ));
        }
        self.left -= read as u64;
        Ok(read)
    }
}
