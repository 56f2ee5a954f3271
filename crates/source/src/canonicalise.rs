//! The metadata that files of store objects have: modes 0444 and 0555, the time 1, our owner, no extended attributes.

use std::collections::{BTreeSet, HashSet};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Stat};
use rustix::io::Errno;

use crate::{SourceError, at};

/// Device and inode of files that were made canonical already; shared between the outputs of one build, whose files may
/// be links of each other.
pub type InodesSeen = HashSet<(u64, u64)>;

/// How a tree is made canonical.
#[derive(Clone, Debug, Default)]
pub struct CanonicaliseOptions {
    /// The users who may own files: others smuggled them in by hard links. `None` where that can't be.
    pub owners: Option<RangeInclusive<u32>>,
    /// Extended attributes that stay (setting `ignored-acls`).
    pub ignored_attributes: BTreeSet<String>,
}

/// Gives the tree at `path` the metadata of store objects. Symlinks are not followed.
///
/// # Errors
/// Files of other owners, nodes that a NAR can't hold, and what the system refuses.
pub fn canonicalise(
    path: &Path,
    options: &CanonicaliseOptions,
    seen: &mut InodesSeen,
) -> Result<(), SourceError> {
    let mut walk = Walk { options, seen, path: path.to_owned(), buffer: Vec::new() };
    walk.node(CWD, path.as_os_str().as_encoded_bytes())
}

struct Walk<'a> {
    options: &'a CanonicaliseOptions,
    seen: &'a mut InodesSeen,
    path: PathBuf,
    buffer: Vec<u8>,
}

impl Walk<'_> {
    fn node(&mut self, parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), SourceError> {
        let stat = at::stat(parent, name).map_err(|error| self.error("getting status of", error))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if !matches!(kind, FileType::RegularFile | FileType::Directory | FileType::Symlink) {
            return Err(SourceError::UnsupportedType(self.shown()));
        }
        let inode = (stat.st_dev, stat.st_ino);
        if self.options.owners.as_ref().is_some_and(|owners| !owners.contains(&stat.st_uid)) {
            // a second link to a file that is ours by now
            if kind != FileType::Directory && self.seen.contains(&inode) {
                return Ok(());
            }
            return Err(SourceError::InvalidOwnership(self.shown()));
        }
        self.seen.insert(inode);
        self.strip_attributes()?;
        self.times_and_mode(parent, name, &stat, kind)?;
        let us = rustix::process::geteuid();
        if stat.st_uid != us.as_raw() {
            let group = rustix::process::getegid();
            rustix::fs::chownat(parent, name, Some(us), Some(group), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| self.error("changing owner of", error))?;
        }
        if kind != FileType::Directory {
            return Ok(());
        }
        let dir = at::open(parent, name, at::DIRECTORY);
        let dir = dir.map_err(|error| self.error("opening directory", error))?;
        let entries = at::entries(&dir).map_err(|error| self.error("reading directory", error))?;
        for (entry, _) in entries {
            self.path.push(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(entry.to_bytes()));
            self.node(dir.as_fd(), entry.to_bytes())?;
            self.path.pop();
        }
        Ok(())
    }

    fn times_and_mode(
        &self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        stat: &Stat,
        kind: FileType,
    ) -> Result<(), SourceError> {
        if kind != FileType::Symlink {
            let executable = kind == FileType::Directory || stat.st_mode & 0o100 != 0;
            let mode = stat.st_mode & 0o7777;
            let right =
                if kind == FileType::Directory { mode == 0o555 } else { matches!(mode, 0o444 | 0o555) };
            if !right {
                let wanted = Mode::from_raw_mode(if executable { 0o555 } else { 0o444 });
                // no symlink can take its place meanwhile: the builder is gone
                rustix::fs::chmodat(parent, name, wanted, AtFlags::empty())
                    .map_err(|error| self.error("changing mode of", error))?;
            }
        }
        if stat.st_mtime != 1 {
            rustix::fs::utimensat(parent, name, &at::STORE_TIMES, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| self.error("changing modification time of", error))?;
        }
        Ok(())
    }

    fn strip_attributes(&mut self) -> Result<(), SourceError> {
        if self.buffer.is_empty() {
            self.buffer.resize(64 * 1024, 0);
        }
        let len = match rustix::fs::llistxattr(&self.path, &mut self.buffer[..]) {
            Ok(len) => len,
            Err(Errno::NOTSUP | Errno::NODATA) => 0,
            Err(error) => return Err(self.error("querying extended attributes of", error)),
        };
        let names: Vec<Vec<u8>> = self.buffer[..len]
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        for name in names {
            let ignored = String::from_utf8_lossy(&name);
            if self.options.ignored_attributes.contains(&*ignored) {
                continue;
            }
            rustix::fs::lremovexattr(&self.path, &*name)
                .map_err(|error| self.error("removing extended attributes from", error))?;
        }
        Ok(())
    }

    fn shown(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    fn error(&self, action: &'static str, error: Errno) -> SourceError {
        SourceError::system(action, self.shown(), error)
    }
}
