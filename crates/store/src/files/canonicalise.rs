//! Canonical form of files that a builder made: modes 0444 and 0555, time 1, our ownership, no extended attributes.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fchmod, openat, statat, utimensat,
};
use rustix::io::Errno;

use super::{STORE_MTIME, STORE_TIMES};
use crate::error::{Context, Result, StoreError};

/// How a tree is put into canonical form.
#[derive(Debug, Default)]
pub struct CanonicaliseOptions {
    /// User ids that files must belong to (those of the build); `None`: any.
    pub uids: Option<RangeInclusive<u32>>,
    /// Extended attributes that are left alone.
    pub ignored_acls: BTreeSet<String>,
    /// Files seen so far, by device and number; shared between the outputs of one build, so that links between them pass.
    pub seen: HashSet<(u64, u64)>,
}

/// Puts the tree at `path` into canonical form.
///
/// A file that does not belong to the build is refused, because a builder may have linked a file of somebody else into its
/// output; one that was seen before is ours already, since it was put into canonical form then.
///
/// # Errors
/// [`StoreError::InvalidOwnership`], [`StoreError::UnsupportedType`], or the file system's.
pub fn canonicalise(path: &Path, options: &mut CanonicaliseOptions) -> Result<()> {
    let (parent, name) = path.parent().zip(path.file_name()).ok_or(Errno::INVAL).context("reading", path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = rustix::fs::open(parent, flags, Mode::empty()).context("opening directory", parent)?;
    let mut walk = Walk { path: path.to_owned(), options, uid: rustix::process::geteuid() };
    walk.node(&parent, name.as_bytes())
}

struct Walk<'a> {
    path: PathBuf,
    options: &'a mut CanonicaliseOptions,
    uid: Uid,
}

impl Walk<'_> {
    fn node(&mut self, at: &OwnedFd, name: &[u8]) -> Result<()> {
        let stat = statat(at, name, AtFlags::SYMLINK_NOFOLLOW).context("getting status of", &self.path)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if !matches!(kind, FileType::RegularFile | FileType::Directory | FileType::Symlink) {
            return Err(StoreError::UnsupportedType(self.path.clone()));
        }
        let inode = (stat.st_dev, stat.st_ino);
        if let Some(uids) = &self.options.uids {
            if !uids.contains(&stat.st_uid) {
                let ours = kind != FileType::Directory && self.options.seen.contains(&inode);
                return if ours { Ok(()) } else { Err(StoreError::InvalidOwnership(self.path.clone())) };
            }
        }
        self.options.seen.insert(inode);
        match kind {
            FileType::Symlink => self.symlink(at, name, &stat),
            _ => self.file_or_directory(at, name, &stat, kind == FileType::Directory),
        }
    }

    fn symlink(&mut self, at: &OwnedFd, name: &[u8], stat: &Stat) -> Result<()> {
        if stat.st_mtime != STORE_MTIME {
            utimensat(at, name, &STORE_TIMES, AtFlags::SYMLINK_NOFOLLOW)
                .context("changing modification time of", &self.path)?;
        }
        self.own(at, name, stat)
    }

    fn file_or_directory(&mut self, at: &OwnedFd, name: &[u8], stat: &Stat, directory: bool) -> Result<()> {
        // a file of mode 0000 can be opened only after its mode was changed
        let mode = stat.st_mode & 0o7777;
        let wanted = if directory || mode & 0o100 != 0 { 0o555 } else { 0o444 };
        // as the reference: a file that is readable and executable for all passes as it is
        let fine = if directory { mode == 0o555 } else { mode == 0o444 || mode == 0o555 };
        let kind = if directory { OFlags::DIRECTORY } else { OFlags::NONBLOCK };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | kind;
        let fd = match openat(at, name, flags, Mode::empty()) {
            Err(Errno::ACCESS) => {
                rustix::fs::chmodat(at, name, Mode::from_raw_mode(0o700), AtFlags::empty())
                    .context("setting permissions on", &self.path)?;
                openat(at, name, flags, Mode::empty())
            }
            other => other,
        }
        .context("opening", &self.path)?;
        let now = rustix::fs::fstat(&fd).context("getting status of", &self.path)?;
        if now.st_ino != stat.st_ino || now.st_dev != stat.st_dev {
            // somebody exchanged it under us
            return Err(StoreError::InvalidOwnership(self.path.clone()));
        }
        strip_xattrs_fd(&fd, &self.options.ignored_acls)
            .context("removing extended attributes of", &self.path)?;
        if directory {
            self.children(&fd)?;
        }
        // ownership before the mode: the kernel clears setuid bits when the owner changes, not the other way round
        self.own(at, name, stat)?;
        if !fine || now.st_mode & 0o7777 != mode {
            fchmod(&fd, Mode::from_raw_mode(wanted)).context("setting permissions on", &self.path)?;
        }
        let now = rustix::fs::fstat(&fd).context("getting status of", &self.path)?;
        if now.st_mtime != STORE_MTIME {
            rustix::fs::futimens(&fd, &STORE_TIMES).context("changing modification time of", &self.path)?;
        }
        Ok(())
    }

    fn children(&mut self, fd: &OwnedFd) -> Result<()> {
        let dir = Dir::read_from(fd).context("reading directory", &self.path)?;
        for entry in dir {
            let entry = entry.context("reading directory", &self.path)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            self.path.push(OsStr::from_bytes(name));
            self.node(fd, name)?;
            self.path.pop();
        }
        Ok(())
    }

    fn own(&self, at: &OwnedFd, name: &[u8], stat: &Stat) -> Result<()> {
        if stat.st_uid == self.uid.as_raw() {
            return Ok(());
        }
        let gid: Gid = rustix::process::getegid();
        chownat(at, name, Some(self.uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .context("changing owner of", &self.path)
    }
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
pub(crate) fn has_foreign_xattrs(fd: &impl AsFd, ignored: &BTreeSet<String>) -> bool {
    names(fd).is_ok_and(|list| foreign(&list, ignored).next().is_some())
}

/// Removes extended attributes other than `ignored`.
pub(crate) fn strip_xattrs_fd(fd: &impl AsFd, ignored: &BTreeSet<String>) -> rustix::io::Result<()> {
    let list = names(fd)?;
    for name in foreign(&list, ignored) {
        rustix::fs::fremovexattr(fd, name)?;
    }
    Ok(())
}
