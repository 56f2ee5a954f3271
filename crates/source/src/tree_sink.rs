//! A tree of files that is being made.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::{CanonPath, SourceError, at};

/// Takes the nodes of a tree in any order. Directories on the way are made where they are missing; a node replaces what
/// is there already, except that a directory stays one.
pub trait TreeSink {
    /// Makes a directory.
    ///
    /// # Errors
    /// Files or symlinks on the way; what the system refuses.
    fn directory(&mut self, path: &CanonPath) -> Result<(), SourceError>;

    /// Makes a file of `size` bytes.
    ///
    /// # Errors
    /// As [`TreeSink::directory`], and those of reading `contents`.
    fn file(
        &mut self,
        path: &CanonPath,
        executable: bool,
        size: u64,
        contents: &mut dyn Read,
    ) -> Result<(), SourceError>;

    /// Makes a symlink. Its target is not looked at: nothing is ever made through it.
    ///
    /// # Errors
    /// As [`TreeSink::directory`].
    fn symlink(&mut self, path: &CanonPath, target: &[u8]) -> Result<(), SourceError>;

    /// Makes `path` another name of the file `existing`.
    ///
    /// # Errors
    /// As [`TreeSink::directory`]; no file at `existing`.
    fn hard_link(&mut self, path: &CanonPath, existing: &CanonPath) -> Result<(), SourceError>;
}

/// Makes a tree on disk. Every node is made relative to its opened directory, which is reached without following
/// symlinks, so nothing is ever made outside the root.
#[derive(Debug)]
pub struct FsSink {
    root: OwnedFd,
    shown: PathBuf,
    // the directory that was used last: archives come directory by directory
    last: Option<(CanonPath, OwnedFd)>,
}

impl FsSink {
    /// Makes the tree in the directory `root`, which is made if it is missing.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn new(root: &Path) -> Result<FsSink, SourceError> {
        let error =
            |error: io::Error| SourceError::system("creating directory", root.to_string_lossy(), error);
        std::fs::create_dir_all(root).map_err(error)?;
        let dir = rustix::fs::open(root, at::DIRECTORY & !OFlags::NOFOLLOW, Mode::empty());
        let dir =
            dir.map_err(|error| SourceError::system("opening directory", root.to_string_lossy(), error))?;
        Ok(FsSink { root: dir, shown: root.to_owned(), last: None })
    }

    /// Opens the directory `path`, making what is missing.
    fn open_directory(&mut self, path: &CanonPath) -> Result<BorrowedFd<'_>, SourceError> {
        if path.is_root() {
            return Ok(self.root.as_fd());
        }
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let dir = match at::open_beneath(self.root.as_fd(), path.rel(), at::DIRECTORY) {
                Ok(dir) => dir,
                Err(Errno::NOENT) => self.make_directories(path)?,
                Err(error) => return Err(self.error("opening directory", path, error)),
            };
            self.last = Some((path.clone(), dir));
        }
        Ok(self.last.as_ref().map_or(self.root.as_fd(), |(_, dir)| dir.as_fd()))
    }

    fn make_directories(&self, path: &CanonPath) -> Result<OwnedFd, SourceError> {
        let mut dir = at::open(&self.root, b".", at::DIRECTORY)
            .map_err(|error| self.error("opening directory", path, error))?;
        for component in path.components() {
            match rustix::fs::mkdirat(&dir, component, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(self.error("creating directory", path, error)),
            }
            dir = at::open(&dir, component, at::DIRECTORY)
                .map_err(|error| self.error("opening directory", path, error))?;
        }
        Ok(dir)
    }

    /// Splits `path` into its opened directory and its name, with nothing of that name there any more.
    fn place<'a>(&mut self, path: &'a CanonPath) -> Result<(BorrowedFd<'_>, &'a [u8]), SourceError> {
        let (Some(parent), Some(name)) = (path.parent(), path.base_name()) else {
            return Err(SourceError::NotRegular(self.show(path)));
        };
        let unlinked = rustix::fs::unlinkat(self.open_directory(&parent)?, name, AtFlags::empty());
        match unlinked {
            Ok(()) | Err(Errno::NOENT) => Ok((self.open_directory(&parent)?, name)),
            Err(error) => Err(SourceError::system("replacing", self.show(path), error)),
        }
    }

    fn show(&self, path: &CanonPath) -> String {
        format!("{}{path}", self.shown.to_string_lossy())
    }

    fn error(&self, action: &'static str, path: &CanonPath, error: Errno) -> SourceError {
        match error {
            Errno::LOOP => SourceError::ThroughSymlink(self.show(path)),
            // what opening a symlink as a directory gives
            Errno::NOTDIR => SourceError::ThroughSymlink(self.show(path)),
            _ => SourceError::system(action, self.show(path), error),
        }
    }
}

impl TreeSink for FsSink {
    fn directory(&mut self, path: &CanonPath) -> Result<(), SourceError> {
        if let (Some(parent), Some(name)) = (path.parent(), path.base_name()) {
            // a file in its place goes, as a symlink does
            let dir = self.open_directory(&parent)?;
            if at::stat(dir, name).is_ok_and(|stat| !at::convert_stat(&stat).is_directory()) {
                self.place(path)?;
            }
        }
        self.open_directory(path).map(|_| ())
    }

    fn file(
        &mut self,
        path: &CanonPath,
        executable: bool,
        _size: u64,
        contents: &mut dyn Read,
    ) -> Result<(), SourceError> {
        let (dir, name) = self.place(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(if executable { 0o777 } else { 0o666 });
        let file = rustix::fs::openat(dir, name, flags, mode);
        let mut file = File::from(file.map_err(|error| self.error("creating file", path, error))?);
        io::copy(contents, &mut file)
            .map_err(|error| SourceError::system("writing file", self.show(path), error))?;
        Ok(())
    }

    fn symlink(&mut self, path: &CanonPath, target: &[u8]) -> Result<(), SourceError> {
        let (dir, name) = self.place(path)?;
        rustix::fs::symlinkat(target, dir, name).map_err(|error| self.error("creating symlink", path, error))
    }

    fn hard_link(&mut self, path: &CanonPath, existing: &CanonPath) -> Result<(), SourceError> {
        let (Some(parent), Some(old_name)) = (existing.parent(), existing.base_name()) else {
            return Err(SourceError::NotRegular(self.show(existing)));
        };
        if path == existing {
            return Ok(());
        }
        let old_dir = at::open_beneath(self.root.as_fd(), parent.rel(), at::DIRECTORY)
            .map_err(|error| self.error("opening directory", existing, error))?;
        let stat =
            at::stat(&old_dir, old_name).map_err(|error| self.error("getting status of", existing, error))?;
        if at::convert_stat(&stat).is_directory() {
            return Err(SourceError::NotRegular(self.show(existing)));
        }
        let (dir, name) = self.place(path)?;
        rustix::fs::linkat(&old_dir, old_name, dir, name, AtFlags::empty())
            .map_err(|error| self.error("creating hard link", path, error))
    }
}
