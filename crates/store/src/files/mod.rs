//! Trees of files in a store: written from archives, read as archives, put into canonical form, deleted.
//!
//! Everything goes from folder to folder by descriptors and never follows a symbolic link, so that what others do to the
//! tree meanwhile cannot lead elsewhere.

mod canonicalise;
mod delete;
mod dump;
mod restore;

pub use canonicalise::{CanonicaliseOptions, canonicalise};
pub use delete::delete_tree;
pub(crate) use delete::{ensure_gone, make_removable};
pub use dump::{Scanned, dump_tree, hash_flat, hash_tree, scan_and_hash, tree_size};
pub use restore::{RestoreOptions, restore_flat, restore_tree};

use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};

/// The modification time of everything in a store: one second after the beginning of time.
pub(crate) const STORE_MTIME: i64 = 1;

pub(crate) const STORE_TIMES: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    last_modification: Timespec { tv_sec: STORE_MTIME, tv_nsec: 0 },
};
