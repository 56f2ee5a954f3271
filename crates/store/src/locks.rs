//! Locks on files and store paths, with this crate's errors; the protocol is [`firn_sys::lock`]'s.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(crate) use firn_sys::lock::LockKind;
pub use firn_sys::lock::PathLocks;

use crate::error::{Result, StoreError};

fn failed(e: firn_sys::Error) -> StoreError {
    StoreError::Lock(e.to_string())
}

/// Opens a lock file, making it if need be (mode 0600).
pub(crate) fn open_lock_file(path: &Path) -> Result<File> {
    firn_sys::lock::open_lock_file(path).map_err(failed)
}

/// Tries to lock without waiting; tells whether it did.
pub(crate) fn try_lock(file: &File, kind: LockKind) -> Result<bool> {
    firn_sys::lock::lock_file(file, kind, false).map_err(failed)
}

/// Locks, waiting as long as needed.
pub(crate) fn lock(file: &File, kind: LockKind) -> Result<()> {
    firn_sys::lock::lock_file(file, kind, true).map(drop).map_err(failed)
}

/// Gives a lock back. Closing the file would do it as well, so nothing is lost if this fails.
pub(crate) fn unlock(file: &File) {
    let _ = firn_sys::lock::unlock(file);
}

/// Locks a path against others who would make it; `waiting` is called if somebody else holds it.
pub(crate) fn lock_path(path: &Path, waiting: impl FnOnce()) -> Result<PathLocks> {
    if let Some(locks) = PathLocks::take([path.to_owned()], false).map_err(failed)? {
        return Ok(locks);
    }
    waiting();
    loop {
        // waiting, it always gets it; the type does not say so
        if let Some(locks) = PathLocks::take([path.to_owned()], true).map_err(failed)? {
            return Ok(locks);
        }
    }
}

/// The lock file of a path.
pub fn lock_file_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Unlinks a lock file that we hold and marks it stale for those who wait.
pub(crate) fn delete_lock_file(path: &Path, mut file: &File) {
    let _ = std::fs::remove_file(path);
    let _ = file.write_all(b"d");
}
