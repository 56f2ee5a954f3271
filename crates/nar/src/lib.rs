//! The Nix archive (NAR): one canonical sequence of bytes for a tree of files.
//!
//! ```text
//! nar  = "nix-archive-1" node
//! node = "(" "type" ( "regular" ["executable" ""] "contents" BYTES | "symlink" "target" TEXT
//!                   | "directory" { "entry" "(" "name" NAME "node" node ")" } ) ")"
//! ```
//!
//! Every word is a length of 8 bytes, little-endian, the bytes, and zeros up to a multiple of 8.
//!
//! - [`NarWriter`] writes one, called node by node.
//! - [`NarReader`] reads one as a sequence of [`Event`]s, never further than the archive's end.
//! - [`Listing`] is a tree of names, sizes and positions (`nar ls`, `<hash>.ls` of binary caches).
//!
//! Invariants: only canonical archives are written or accepted: entries sorted by their bytes and unique, names without
//! `/` and zero bytes and neither `.` nor `..`, padding of zeros. Depth and lengths are bounded by [`Limits`]; nothing
//! is allocated on a length's word.

mod error;
mod listing;
mod read;
mod write;

pub use error::NarError;
pub use listing::Listing;
pub use read::{Event, NarReader, copy, copy_with_limits};
pub use write::{NarWriter, write_file};

/// The first word of every archive.
pub const MAGIC: &str = "nix-archive-1";

/// What an archive may not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nodes within each other; the root counts as one.
    pub depth: usize,
    /// Bytes of an entry's name.
    pub name: usize,
    /// Bytes of a symlink's target.
    pub target: usize,
    /// Bytes of one file.
    pub file_size: u64,
}

impl Default for Limits {
    /// The reference's limits; it has none for files.
    fn default() -> Limits {
        Limits { depth: 64, name: 255, target: 4095, file_size: u64::MAX }
    }
}

/// Tells whether `name` can name an entry of a directory.
#[must_use]
pub fn is_valid_name(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0)
}

/// Tells whether `target` can be a symlink's target.
#[must_use]
pub fn is_valid_target(target: &[u8]) -> bool {
    !target.is_empty() && !target.contains(&0)
}

/// The number of zeros after a word of `len` bytes.
#[must_use]
const fn padding(len: u64) -> usize {
    ((8 - len % 8) % 8) as usize
}
