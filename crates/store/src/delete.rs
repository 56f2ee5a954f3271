//! Deleting trees.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fchmod, openat, statat, unlinkat};
use rustix::io::Errno;

use crate::error::{Context, Result};

/// Deletes the tree at `path`, read-only folders included, and gives the bytes that became free: files count unless they
/// have more links than one in the store and one in its folder of links.
///
/// # Errors
/// Those of the file system. A path that does not exist is no error.
pub fn delete_tree(path: &Path) -> Result<u64> {
    let Some((parent, name)) = path.parent().zip(path.file_name()) else { return Ok(0) };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = match rustix::fs::open(parent, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(0),
        other => other.context("opening directory", parent)?,
    };
    let mut walk = Walk { path: path.to_owned(), freed: 0 };
    walk.node(&parent, name.as_bytes())?;
    Ok(walk.freed)
}

/// Deletes what is at `path` if there is something, such as the rest of an earlier try.
pub(crate) fn ensure_gone(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        delete_tree(path)?;
    }
    Ok(())
}

/// Makes a folder writable for its owner, so that what is in it can be moved.
pub(crate) fn make_removable(path: &Path) -> Result<()> {
    if path.symlink_metadata().context("getting status of", path)?.is_dir() {
        rustix::fs::chmod(path, Mode::RWXU).context("setting permissions on", path)?;
    }
    Ok(())
}

struct Walk {
    path: PathBuf,
    freed: u64,
}

impl Walk {
    fn node(&mut self, at: &OwnedFd, name: &[u8]) -> Result<()> {
        let stat = match statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            other => other.context("getting status of", &self.path)?,
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            if stat.st_nlink <= 2 {
                self.freed += stat.st_size as u64;
            }
            return self.unlink(at, name, AtFlags::empty());
        }
        self.children(at, name, stat.st_mode)?;
        self.unlink(at, name, AtFlags::REMOVEDIR)
    }

    fn children(&mut self, at: &OwnedFd, name: &[u8], mode: u32) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match openat(at, name, flags, Mode::empty()) {
            Err(Errno::ACCESS) => {
                rustix::fs::chmodat(at, name, Mode::RWXU, AtFlags::empty())
                    .context("setting permissions on", &self.path)?;
                openat(at, name, flags, Mode::empty())
            }
            other => other,
        }
        .context("opening directory", &self.path)?;
        if mode & 0o700 != 0o700 {
            fchmod(&fd, Mode::RWXU).context("setting permissions on", &self.path)?;
        }
        let mut names: Vec<Vec<u8>> = Vec::new();
        for entry in Dir::read_from(&fd).context("reading directory", &self.path)? {
            let entry = entry.context("reading directory", &self.path)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        for name in names {
            self.path.push(OsStr::from_bytes(&name));
            self.node(&fd, &name)?;
            self.path.pop();
        }
        Ok(())
    }

    fn unlink(&self, at: &OwnedFd, name: &[u8], flags: AtFlags) -> Result<()> {
        match unlinkat(at, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(e).context("cannot unlink", &self.path),
        }
    }
}
