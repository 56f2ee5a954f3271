//! NARs back to disk.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use firn_nar::{Event, Limits, NarReader};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::{SourceError, at, remove_tree};

/// Files up to this size are written with one call.
const BUFFER: usize = 256 * 1024;

/// How a NAR is restored.
#[derive(Clone, Copy, Debug, Default)]
pub struct RestoreOptions {
    /// Gives everything the metadata that store objects have, at once: modes 0444 and 0555, and the time 1.
    pub canonical: bool,
    /// What the NAR may not exceed.
    pub limits: Limits,
}

/// Restores the NAR read from `input` as the tree `path`, which must not exist while its directory does; returns the
/// reader, right behind the NAR. What was restored so far is removed where that fails.
///
/// # Errors
/// A malformed NAR, one beyond the limits, something at `path` already, or what the system refuses.
pub fn restore_nar<R: Read>(input: R, path: &Path, options: RestoreOptions) -> Result<R, SourceError> {
    let mut restore = Restore {
        reader: NarReader::with_limits(input, options.limits),
        canonical: options.canonical,
        open: Vec::new(),
        path: path.to_owned(),
        buffer: Vec::new(),
        started: false,
    };
    match restore.run(path) {
        Ok(()) => Ok(restore.reader.finish()?),
        Err(error) => {
            if restore.started {
                restore.open.clear();
                // the first error is the one to tell
                let _ = remove_tree(path);
            }
            Err(error)
        }
    }
}

struct Restore<R> {
    reader: NarReader<R>,
    canonical: bool,
    open: Vec<OwnedFd>,
    // where we are, for messages
    path: PathBuf,
    buffer: Vec<u8>,
    started: bool,
}

/// An event that does not borrow the reader.
enum Step {
    StartDirectory,
    Entry(Vec<u8>),
    EndDirectory,
    File { executable: bool, size: u64 },
    Symlink(Vec<u8>),
}

impl<R: Read> Restore<R> {
    fn run(&mut self, root: &Path) -> Result<(), SourceError> {
        let mut name = root.as_os_str().as_encoded_bytes().to_vec();
        loop {
            let step = match self.reader.next_event()? {
                None => return Ok(()),
                Some(Event::StartDirectory) => Step::StartDirectory,
                Some(Event::Entry(entry)) => Step::Entry(entry.to_vec()),
                Some(Event::EndDirectory) => Step::EndDirectory,
                Some(Event::File { executable, size }) => Step::File { executable, size },
                Some(Event::Symlink(target)) => Step::Symlink(target.to_vec()),
            };
            match step {
                Step::Entry(entry) => {
                    self.path.push(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&entry));
                    name = entry;
                }
                Step::StartDirectory => self.start_directory(&name)?,
                Step::EndDirectory => {
                    self.end_directory()?;
                    self.leave();
                }
                Step::File { executable, size } => {
                    self.file(&name, executable, size)?;
                    self.leave();
                }
                Step::Symlink(target) => {
                    self.symlink(&name, &target)?;
                    self.leave();
                }
            }
        }
    }

    fn leave(&mut self) {
        if !self.open.is_empty() {
            self.path.pop();
        }
    }

    fn dir(&self) -> BorrowedFd<'_> {
        self.open.last().map_or(CWD, AsFd::as_fd)
    }

    fn start_directory(&mut self, name: &[u8]) -> Result<(), SourceError> {
        rustix::fs::mkdirat(self.dir(), name, Mode::from_raw_mode(0o777))
            .map_err(|error| self.error("creating directory", error))?;
        self.started = true;
        let dir = at::open(self.dir(), name, at::DIRECTORY);
        let dir = dir.map_err(|error| self.error("opening directory", error))?;
        self.open.push(dir);
        Ok(())
    }

    fn end_directory(&mut self) -> Result<(), SourceError> {
        match self.open.pop() {
            Some(dir) => self.finish(dir.as_fd(), 0o555),
            None => Ok(()),
        }
    }

    fn file(&mut self, name: &[u8], executable: bool, size: u64) -> Result<(), SourceError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(if executable { 0o777 } else { 0o666 });
        let file = rustix::fs::openat(self.dir(), name, flags, mode);
        let mut file = File::from(file.map_err(|error| self.error("creating file", error))?);
        self.started = true;
        let mut left = size;
        while left > 0 {
            let want = left.min(BUFFER as u64) as usize;
            if self.buffer.len() < want {
                self.buffer.resize(want, 0);
            }
            self.reader.read_exact(&mut self.buffer[..want]).map_err(firn_nar::NarError::from)?;
            file.write_all(&self.buffer[..want])
                .map_err(|error| SourceError::system("writing file", self.shown(), error))?;
            left -= want as u64;
        }
        self.finish(file.as_fd(), if executable { 0o555 } else { 0o444 })
    }

    fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), SourceError> {
        rustix::fs::symlinkat(target, self.dir(), name)
            .map_err(|error| self.error("creating symlink", error))?;
        self.started = true;
        if self.canonical {
            rustix::fs::utimensat(self.dir(), name, &at::STORE_TIMES, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| self.error("changing modification time of", error))?;
        }
        Ok(())
    }

    fn finish(&self, fd: BorrowedFd<'_>, mode: u32) -> Result<(), SourceError> {
        if !self.canonical {
            return Ok(());
        }
        rustix::fs::fchmod(fd, Mode::from_raw_mode(mode))
            .map_err(|error| self.error("setting permissions on", error))?;
        rustix::fs::futimens(fd, &at::STORE_TIMES)
            .map_err(|error| self.error("changing modification time of", error))
    }

    fn shown(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn error(&self, action: &'static str, error: Errno) -> SourceError {
        SourceError::system(action, self.shown(), error)
    }
}
