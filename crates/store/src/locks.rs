//! File locks as the reference takes them, so that both may work on one store.
//!
//! `<path>.lock` guards the making of a store path (or a profile). A lock file that is no longer needed is unlinked and gets
//! the byte `d`, so that those who wait for it see that it is stale and start again.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::{Context, Result};

/// How a file is locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockKind {
    /// Several at a time.
    Shared,
    /// One at a time.
    Exclusive,
}

/// Opens a lock file for reading and writing, making it if need be (mode 0600).
///
/// # Errors
/// It cannot be opened.
pub fn open_lock_file(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .context("opening lock file", path)
}

/// Tries to lock without waiting; tells whether it did.
///
/// # Errors
/// The system call failed for another reason than a lock of somebody else.
pub fn try_lock(file: impl AsFd, kind: LockKind) -> std::io::Result<bool> {
    let operation = match kind {
        LockKind::Shared => FlockOperation::NonBlockingLockShared,
        LockKind::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    loop {
        match flock(&file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Locks, waiting as long as needed.
///
/// # Errors
/// The system call failed.
pub fn lock(file: impl AsFd, kind: LockKind) -> std::io::Result<()> {
    let operation = match kind {
        LockKind::Shared => FlockOperation::LockShared,
        LockKind::Exclusive => FlockOperation::LockExclusive,
    };
    loop {
        match flock(&file, operation) {
            Err(Errno::INTR) => {}
            other => return other.map_err(Into::into),
        }
    }
}

/// Gives a lock back.
pub fn unlock(file: impl AsFd) {
    // closing the file would do it as well, so nothing is lost if this fails
    let _ = flock(file, FlockOperation::Unlock);
}

/// Unlinks a lock file that we hold and marks it stale for those who wait.
pub(crate) fn delete_lock_file(path: &Path, mut file: &File) {
    let _ = std::fs::remove_file(path);
    let _ = file.write_all(b"d");
}

/// Exclusive locks on paths, held until dropped.
#[derive(Debug, Default)]
pub struct PathLocks {
    held: Vec<(File, PathBuf)>,
    delete: bool,
}

impl PathLocks {
    /// Locks `<path>.lock` for each path, in order, waiting as needed; `waiting` is called once for each that is held by
    /// somebody else.
    ///
    /// # Errors
    /// A lock file cannot be made.
    pub fn lock<'a>(
        paths: impl IntoIterator<Item = &'a Path>,
        mut waiting: impl FnMut(&Path),
    ) -> Result<PathLocks> {
        let mut locks = PathLocks::default();
        for path in sorted(paths) {
            locks.add(path, |p| {
                waiting(p);
                true
            })?;
        }
        Ok(locks)
    }

    /// As [`PathLocks::lock`], but gives `None` if one of them is held by somebody else.
    ///
    /// # Errors
    /// A lock file cannot be made.
    pub fn try_lock<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Option<PathLocks>> {
        let mut locks = PathLocks::default();
        for path in sorted(paths) {
            if !locks.add(path, |_| false)? {
                return Ok(None);
            }
        }
        Ok(Some(locks))
    }

    /// Whether lock files are deleted when the locks are given back; do so only when the paths are finished.
    pub fn set_deletion(&mut self, delete: bool) {
        self.delete = delete;
    }

    /// Locks one more path; false if it is held and `wait` says not to wait.
    fn add(&mut self, path: &Path, wait: impl FnOnce(&Path) -> bool) -> Result<bool> {
        let lock_path = lock_path(path);
        let mut wait = Some(wait);
        loop {
            let file = open_lock_file(&lock_path)?;
            if !try_lock(&file, LockKind::Exclusive).context("locking", &lock_path)? {
                if let Some(wait) = wait.take() {
                    if !wait(path) {
                        return Ok(false);
                    }
                }
                lock(&file, LockKind::Exclusive).context("locking", &lock_path)?;
            }
            let stale = file.metadata().context("getting status of", &lock_path)?.len() != 0;
            if !stale {
                self.held.push((file, lock_path));
                return Ok(true);
            }
        }
    }
}

/// The lock file of a path.
pub fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Always the same order, so that two processes cannot wait for each other.
fn sorted<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Vec<&'a Path> {
    let mut paths: Vec<&Path> = paths.into_iter().collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

impl Drop for PathLocks {
    fn drop(&mut self) {
        for (file, path) in &self.held {
            if self.delete {
                delete_lock_file(path, file);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_exclude_each_other_and_vanish() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("x");
        let mut first = PathLocks::lock([path.as_path()], |_| ()).expect("locks");
        assert!(PathLocks::try_lock([path.as_path()]).expect("no error").is_none());
        first.set_deletion(true);
        drop(first);
        assert!(!lock_path(&path).exists());
        assert!(PathLocks::try_lock([path.as_path()]).expect("no error").is_some());
    }

    #[test]
    fn a_stale_lock_is_not_taken() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("x");
        let mut first = PathLocks::lock([path.as_path()], |_| ()).expect("locks");
        first.set_deletion(true);
        let waiter = std::thread::spawn({
            let path = path.clone();
            move || {
                let locks = PathLocks::lock([path.as_path()], |_| ()).expect("locks");
                let exists = lock_path(&path).exists();
                drop(locks);
                exists
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        drop(first);
        assert!(waiter.join().expect("ends"), "the waiter made a new lock file");
    }
}
