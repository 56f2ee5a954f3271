//! Trees of files, wherever they lie, and what is done with them.
//!
//! - [`Accessor`]: a tree that can be read: on disk ([`FsAccessor`]), in memory ([`MemAccessor`]), in an archive
//!   ([`NarAccessor`]), in a cache file ([`PackAccessor`]), or made of others ([`SubAccessor`], [`FilteredAccessor`],
//!   [`MountedAccessor`]).
//! - [`dump_nar`], [`hash_nar`], [`hash_file`]: a tree's NAR and hashes, in one pass.
//! - [`hash_git`]: the hash of a tree as git computes it.
//! - [`restore_nar`]: a NAR back to disk; [`canonicalise`]: the metadata that store objects have; [`remove_tree`].
//! - [`unpack_tar`], [`unpack_zip`]: archives to disk or memory; [`Compression`]: what they are packed with.
//!
//! Invariants: [`CanonPath`]s have no `.`, `..` and doubled slashes, so joining them never climbs. Accessors follow no
//! symlinks: whoever wants that calls [`resolve_symlinks`]. What is written to disk from archives is created relative
//! to open directories, one component at a time and never through a symlink, so that no archive can write elsewhere.

mod accessor;
mod at;
mod canon_path;
mod canonicalise;
mod compression;
mod dump;
mod dump_fs;
mod error;
mod fs;
mod git_hash;
mod memory;
mod mounted;
mod nar_accessor;
mod pack;
mod remove;
mod restore;
mod tar;
mod tree_sink;
mod wrap;
mod zip;

pub use accessor::{Accessor, DirEntry, Kind, OpenFile, Resolution, Stat, lstat, resolve_symlinks};
pub use canon_path::CanonPath;
pub use canonicalise::{CanonicaliseOptions, InodesSeen, canonicalise};
pub use compression::{Compression, FinishWrite, decompress};
pub use dump::{Filter, accept_all, copy_tree, dump_nar, hash_file, hash_nar};
pub use dump_fs::{dump_path, hash_path};
pub use error::{SourceError, strerror};
pub use fs::FsAccessor;
pub use git_hash::{GitMode, hash_git};
pub use memory::{MemAccessor, MemNode};
pub use mounted::MountedAccessor;
pub use nar_accessor::NarAccessor;
pub use pack::{PackAccessor, PackSink};
pub use remove::{Removed, remove_tree};
pub use restore::{RestoreOptions, restore_nar};
pub use tar::{TarLimits, Unpacked, unpack_tar};
pub use tree_sink::{FsSink, TreeSink};
pub use wrap::{FilteredAccessor, SubAccessor};
pub use zip::unpack_zip;
