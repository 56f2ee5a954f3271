//! Advisory locks on whole files (`flock`), as the reference takes them: both may work on one store.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::Error;

/// Whether others may hold the lock at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockKind {
    /// With other readers.
    Shared,
    /// Alone.
    Exclusive,
}

/// Takes a lock on an open file; it lasts until the file is closed or [`unlock`] is called. Gives `false` if somebody else
/// holds it and `wait` is not set.
///
/// # Errors
/// When the file system knows no locks.
pub fn lock_file(file: &File, kind: LockKind, wait: bool) -> Result<bool, Error> {
    let operation = match (kind, wait) {
        (LockKind::Shared, true) => FlockOperation::LockShared,
        (LockKind::Shared, false) => FlockOperation::NonBlockingLockShared,
        (LockKind::Exclusive, true) => FlockOperation::LockExclusive,
        (LockKind::Exclusive, false) => FlockOperation::NonBlockingLockExclusive,
    };
    loop {
        match rustix::fs::flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::Call { what: "acquiring/releasing lock".into(), errno }),
        }
    }
}

/// Releases a lock before its file is closed.
///
/// # Errors
/// When the file system knows no locks.
pub fn unlock(file: &File) -> Result<(), Error> {
    rustix::fs::flock(file, FlockOperation::Unlock).map_err(Error::call("acquiring/releasing lock"))
}

/// Opens or creates a lock file with mode 0600.
///
/// # Errors
/// With the path.
pub fn open_lock_file(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(Error::io(format!("opening lock file '{}'", path.display())))
}

/// Exclusive locks on store paths that are being made: `<path>.lock` beside each.
///
/// A lock file that was deleted while somebody waited for it is marked by being not empty; such a lock is not taken.
#[derive(Debug, Default)]
pub struct PathLocks {
    held: Vec<(File, PathBuf)>,
    delete: bool,
}

impl PathLocks {
    /// Locks all `paths` or none. They are locked in sorted order, so that two processes never wait for each other in a circle.
    /// Gives `None` if one of them is locked by somebody else and `wait` is not set.
    ///
    /// # Errors
    /// When a lock file cannot be made.
    pub fn take(paths: impl IntoIterator<Item = PathBuf>, wait: bool) -> Result<Option<PathLocks>, Error> {
        let mut paths: Vec<PathBuf> = paths.into_iter().collect();
        paths.sort();
        paths.dedup();
        let mut locks = PathLocks::default();
        for path in paths {
            let mut name = path.into_os_string();
            name.push(".lock");
            let lock_path = PathBuf::from(name);
            loop {
                let file = open_lock_file(&lock_path)?;
                if !lock_file(&file, LockKind::Exclusive, wait)? {
                    return Ok(None);
                }
                let stale = file
                    .metadata()
                    .map_err(Error::io(format!("reading lock file '{}'", lock_path.display())))?
                    .len()
                    != 0;
                if !stale {
                    locks.held.push((file, lock_path));
                    break;
                }
            }
        }
        Ok(Some(locks))
    }

    /// Lets the lock files be deleted when the locks are released: right once the paths are valid.
    pub fn delete_on_release(&mut self) {
        self.delete = true;
    }
}

impl Drop for PathLocks {
    fn drop(&mut self) {
        if self.delete {
            for (file, path) in &self.held {
                // first gone, then marked: whoever waits for this file sees that it is stale
                let _ = std::fs::remove_file(path);
                let _ = rustix::io::write(file, b"d");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_none() {
        let dir = tempfile::tempdir().expect("a folder");
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let mut first = PathLocks::take([b.clone()], false).expect("locks").expect("free");
        assert!(PathLocks::take([a.clone(), b.clone()], false).expect("locks").is_none());
        assert!(PathLocks::take([a.clone()], false).expect("locks").is_some(), "a was let go again");
        first.delete_on_release();
        let waiting = {
            let (a, b) = (a.clone(), b.clone());
            std::thread::spawn(move || PathLocks::take([a, b], true).expect("locks").is_some())
        };
        std::thread::sleep(std::time::Duration::from_millis(20));
        drop(first);
        assert!(waiting.join().expect("the thread"));
        assert!(dir.path().join("b.lock").exists(), "the waiter made a new file, the stale one is gone");
    }
}
