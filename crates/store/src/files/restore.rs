//! Writing a tree from an archive, in canonical form from the start.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use firn_nar::{Event, NarReader};
use rustix::fs::{AtFlags, Mode, OFlags, fchmod, futimens, mkdirat, openat, symlinkat, utimensat};

use super::STORE_TIMES;
use super::canonicalise::{has_foreign_xattrs, strip_xattrs_fd};
use crate::error::{Context, Result, StoreError};

/// How a tree is written.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// Extended attributes that are left alone (setting `ignored-acls`).
    pub ignored_acls: BTreeSet<String>,
    /// Start writing files to disk at once (setting `fsync-store-paths`); the caller syncs in the end.
    pub fsync: bool,
    /// Reserve the space of a file before writing it.
    pub preallocate: bool,
}

/// Writes the tree of an archive as `path`, which must not exist. The archive is read exactly to its end.
///
/// Files get mode 0444 or 0555 and the store's time; what the folder around hands down (access control lists) is removed.
///
/// # Errors
/// A malformed archive, or the file system's. What was written stays; the caller deletes it.
pub fn restore_tree(path: &Path, nar: &mut dyn Read, options: &RestoreOptions) -> Result<()> {
    let (parent, name) = open_parent(path)?;
    let mut reader = NarReader::new(nar);
    let mut restore = Restore { options, strip: false, path: path.to_owned(), buffer: vec![0; 128 * 1024] };
    // folders that are open, with their descriptors
    let mut stack: Vec<OwnedFd> = Vec::new();
    let mut name = name.as_bytes().to_vec();
    let nar_error = |e: firn_nar::NarError| StoreError::Nar(e.to_string());
    while let Some(event) = reader.next_event().map_err(nar_error)? {
        let at = stack.last().unwrap_or(&parent);
        let top = stack.is_empty();
        match event {
            Event::StartDirectory => {
                let fd = restore.directory(at, &name, top)?;
                stack.push(fd);
            }
            Event::Entry(entry) => {
                name.clear();
                name.extend_from_slice(entry);
                if stack.len() > 1 || !name.is_empty() {
                    restore.path.push(OsStr::from_bytes(&name));
                }
                continue;
            }
            Event::EndDirectory => {
                if let Some(fd) = stack.pop() {
                    restore.finish(&fd, 0o555)?;
                }
                restore.leave(stack.is_empty());
                continue;
            }
            Event::Symlink(target) => {
                restore.symlink(at, &name, target)?;
                restore.leave(top);
            }
            Event::File { executable, size } => {
                restore.file(at, &name, executable, size, &mut reader, top)?;
                restore.leave(top);
            }
        }
    }
    Ok(())
}

/// Writes a plain file as `path` from bytes.
///
/// # Errors
/// Those of reading and of the file system.
pub fn restore_flat(path: &Path, contents: &mut dyn Read, options: &RestoreOptions) -> Result<()> {
    let (parent, name) = open_parent(path)?;
    let mut restore = Restore { options, strip: false, path: path.to_owned(), buffer: Vec::new() };
    let mut file = restore.create(&parent, name.as_bytes(), true)?;
    std::io::copy(contents, &mut file).context("writing to", path)?;
    restore.finish(&file, 0o444)
}

fn open_parent(path: &Path) -> Result<(OwnedFd, &OsStr)> {
    let (parent, name) =
        path.parent().zip(path.file_name()).ok_or(rustix::io::Errno::INVAL).context("creating", path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok((rustix::fs::open(parent, flags, Mode::empty()).context("opening directory", parent)?, name))
}

struct Restore<'a> {
    options: &'a RestoreOptions,
    /// New files inherit attributes that must go.
    strip: bool,
    /// Where we are, for messages.
    path: PathBuf,
    buffer: Vec<u8>,
}

impl Restore<'_> {
    /// Goes back to the folder, unless we are at the top.
    fn leave(&mut self, top: bool) {
        if !top {
            self.path.pop();
        }
    }

    fn directory(&mut self, at: &OwnedFd, name: &[u8], top: bool) -> Result<OwnedFd> {
        mkdirat(at, name, Mode::RWXU).context("creating directory", &self.path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(at, name, flags, Mode::empty()).context("opening directory", &self.path)?;
        self.look_for_xattrs(&fd, top);
        Ok(fd)
    }

    fn create(&mut self, at: &OwnedFd, name: &[u8], top: bool) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(at, name, flags, Mode::RUSR | Mode::WUSR).context("creating file", &self.path)?;
        self.look_for_xattrs(&fd, top);
        Ok(File::from(fd))
    }

    /// What the topmost file does not inherit, no other does.
    fn look_for_xattrs(&mut self, fd: &impl AsFd, top: bool) {
        if top {
            self.strip = has_foreign_xattrs(fd, &self.options.ignored_acls);
        }
    }

    fn file(
        &mut self,
        at: &OwnedFd,
        name: &[u8],
        executable: bool,
        size: u64,
        reader: &mut NarReader<&mut dyn Read>,
        top: bool,
    ) -> Result<()> {
        let mut file = self.create(at, name, top)?;
        if self.options.preallocate && size > 0 {
            // only a hint; file systems that cannot do it say so
            let _ = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size);
        }
        loop {
            let got = reader.read(&mut self.buffer).map_err(|e| StoreError::Nar(e.to_string()))?;
            if got == 0 {
                break;
            }
            file.write_all(&self.buffer[..got]).context("writing to", &self.path)?;
        }
        self.finish(&file, if executable { 0o555 } else { 0o444 })
    }

    fn symlink(&mut self, at: &OwnedFd, name: &[u8], target: &[u8]) -> Result<()> {
        symlinkat(target, at, name).context("creating symlink", &self.path)?;
        utimensat(at, name, &STORE_TIMES, AtFlags::SYMLINK_NOFOLLOW)
            .context("changing modification time of", &self.path)
    }

    fn finish(&self, fd: &impl AsFd, mode: u32) -> Result<()> {
        if self.strip {
            strip_xattrs_fd(fd, &self.options.ignored_acls)
                .context("removing extended attributes of", &self.path)?;
        }
        fchmod(fd, Mode::from_raw_mode(mode)).context("setting permissions on", &self.path)?;
        futimens(fd, &STORE_TIMES).context("changing modification time of", &self.path)?;
        if self.options.fsync {
            rustix::fs::fsync(fd).context("syncing", &self.path)?;
        }
        Ok(())
    }
}
