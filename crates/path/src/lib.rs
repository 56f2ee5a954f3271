//! Store paths: their names, how they are computed, and what refers to them.
//!
//! - [`StorePath`]: the base name `<hash part>-<name>`, checked as the reference checks it.
//! - [`StoreDir`]: the directory that store paths lie in; parses and prints full paths and computes new ones.
//! - [`ContentAddress`], [`ContentMethod`], [`FileMethod`], [`References`]: how the content of a path was addressed.
//! - [`DerivedPath`], [`SingleDerivedPath`], [`OutputsSpec`]: paths, and outputs of derivations not yet built.
//! - [`scan`]: finding references in a stream of bytes, and replacing hash parts in one.
//!
//! Invariants: nothing here touches a file system. Every [`StorePath`] has passed the checks, so it can be pasted into
//! a file name, a URL or a derivation as it is.

mod compute;
mod content_address;
mod derived;
mod error;
mod outputs;
pub mod scan;
mod store_dir;
mod store_path;

pub use compute::{References, output_path_name};
pub use content_address::{ContentAddress, ContentMethod, FileMethod};
pub use derived::{DerivedPath, SingleDerivedPath};
pub use error::PathError;
pub use outputs::{ExtendedOutputsSpec, OutputsSpec};
pub use store_dir::{StoreDir, canonical};
pub use store_path::{DRV_EXTENSION, HASH_LEN, MAX_NAME_LEN, StorePath, StorePathSet, check_name};
