//! The file system seen from open directories.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RawDir, RawDirEntry, ResolveFlags, Stat as SystemStat, Timespec,
    Timestamps,
};
use rustix::io::Errno;

use crate::{Kind, Stat};

/// How a directory is opened to list it or to reach its entries.
pub(crate) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How a file is opened for reading; does not wait for the other side of a pipe.
pub(crate) const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// The time that files of store objects have: one second after 1970; the access time is left alone.
pub(crate) const STORE_TIMES: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
    last_modification: Timespec { tv_sec: 1, tv_nsec: 0 },
};

/// Opens `name`, one component, in `dir`.
pub(crate) fn open(dir: impl AsFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// Opens the path `rel` below `dir` without following any symlink. The empty path is `dir` itself.
pub(crate) fn open_beneath(dir: BorrowedFd<'_>, rel: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let whole: &[u8] = if rel.is_empty() { b"." } else { rel };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(dir, whole, flags, Mode::empty(), resolve) {
        // old kernels, and filters that do not know the call
        Err(Errno::NOSYS | Errno::PERM) => open_stepwise(dir, rel, flags),
        other => other,
    }
}

fn open_stepwise(dir: BorrowedFd<'_>, rel: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut current: Option<OwnedFd> = None;
    let mut components = rel.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).peekable();
    while let Some(component) = components.next() {
        let at = current.as_ref().map_or(dir, AsFd::as_fd);
        if components.peek().is_none() {
            return open(at, component, flags | OFlags::NOFOLLOW);
        }
        let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let next = open(at, component, step)?;
        match FileType::from_raw_mode(rustix::fs::fstat(&next)?.st_mode) {
            FileType::Directory => current = Some(next),
            FileType::Symlink => return Err(Errno::LOOP),
            _ => return Err(Errno::NOTDIR),
        }
    }
    open(dir, b".", flags)
}

/// The names and, where the file system tells, kinds of a directory's entries, sorted by name.
pub(crate) fn entries(dir: impl AsFd) -> Result<Vec<(CString, Option<Kind>)>, Errno> {
    let mut found = list(dir, |entry| {
        let kind = match entry.file_type() {
            FileType::Unknown => None,
            other => Some(kind_of(other)),
        };
        (entry.file_name().to_owned(), kind)
    })?;
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// The names of a directory's entries in the order of their inodes, which is the fastest to remove them.
pub(crate) fn entries_by_inode(dir: impl AsFd) -> Result<Vec<(u64, CString)>, Errno> {
    let mut found = list(dir, |entry| (entry.ino(), entry.file_name().to_owned()))?;
    found.sort_unstable();
    Ok(found)
}

fn list<T>(dir: impl AsFd, convert: impl Fn(&RawDirEntry<'_>) -> T) -> Result<Vec<T>, Errno> {
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut raw = RawDir::new(dir, buffer.spare_capacity_mut());
    let mut found = Vec::new();
    while let Some(entry) = raw.next() {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            found.push(convert(&entry));
        }
    }
    Ok(found)
}

/// The target of the symlink `name` in `dir`.
pub(crate) fn read_link(dir: impl AsFd, name: &[u8]) -> Result<Vec<u8>, Errno> {
    rustix::fs::readlinkat(dir, name, Vec::with_capacity(256)).map(CString::into_bytes)
}

/// The metadata of `name` in `dir`, of a symlink itself.
pub(crate) fn stat(dir: impl AsFd, name: &[u8]) -> Result<SystemStat, Errno> {
    rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
}

pub(crate) fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        FileType::RegularFile => Kind::Regular,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::Unknown => Kind::Unknown,
    }
}

pub(crate) fn convert_stat(stat: &SystemStat) -> Stat {
    let kind = kind_of(FileType::from_raw_mode(stat.st_mode));
    let regular = kind == Kind::Regular;
    Stat {
        kind,
        executable: regular && stat.st_mode & 0o100 != 0,
        size: regular.then(|| u64::try_from(stat.st_size).unwrap_or(0)),
    }
}
