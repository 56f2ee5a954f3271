//! Removing trees.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode};
use rustix::io::Errno;

use crate::{SourceError, at};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Bytes on disk that became free: blocks of files that had no other links.
    pub bytes: u64,
    /// Files, symlinks and directories.
    pub nodes: u64,
}

/// Removes the tree at `path`, read-only directories included, without following symlinks. Nothing there is fine.
///
/// # Errors
/// What the system refuses; part of the tree may be gone by then.
pub fn remove_tree(path: &Path) -> Result<Removed, SourceError> {
    let mut remove = Remove { removed: Removed::default(), path: path.to_owned() };
    remove.node(CWD, path.as_os_str().as_encoded_bytes())?;
    Ok(remove.removed)
}

struct Remove {
    removed: Removed,
    path: PathBuf,
}

impl Remove {
    fn node(&mut self, parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), SourceError> {
        let stat = match at::stat(parent, name) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(self.error("getting status of", error)),
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            return self.directory(parent, name, stat.st_mode);
        }
        match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
            Ok(()) => {
                if stat.st_nlink <= 1 {
                    self.removed.bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
                }
                self.removed.nodes += 1;
                Ok(())
            }
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.error("cannot unlink", error)),
        }
    }

    fn directory(&mut self, parent: BorrowedFd<'_>, name: &[u8], mode: u32) -> Result<(), SourceError> {
        if mode & 0o700 != 0o700 {
            // only root and the owner can, and root needs it not; failing shows below
            let _ = rustix::fs::chmodat(
                parent,
                name,
                Mode::from_raw_mode(mode & 0o7777 | 0o700),
                AtFlags::empty(),
            );
        }
        let dir = at::open(parent, name, at::DIRECTORY);
        let dir = dir.map_err(|error| self.error("opening directory", error))?;
        let entries = at::entries_by_inode(&dir).map_err(|error| self.error("reading directory", error))?;
        for (_, entry) in entries {
            self.path.push(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(entry.to_bytes()));
            self.node(dir.as_fd(), entry.to_bytes())?;
            self.path.pop();
        }
        drop(dir);
        match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) => {
                self.removed.nodes += 1;
                Ok(())
            }
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.error("cannot unlink", error)),
        }
    }

    fn error(&self, action: &'static str, error: Errno) -> SourceError {
        SourceError::system(action, self.path.to_string_lossy(), error)
    }
}
