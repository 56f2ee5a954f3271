//! Stores: what is valid, what it refers to, and how it gets there.
//!
//! - [`Store`]: what every store offers, with building in it (behind [`BuildBackend`]).
//! - [`LocalStore`]: files and a database on this machine, shared with C++ Nix; [`DummyStore`]: in memory.
//! - [`resolve`], [`open_store`]: which store an address means on this machine.
//! - [`gc`], [`verify`], [`optimise`], [`profiles`], [`closure`]: what is done with them.
//! - [`copy`], [`export`], [`registration`], [`rewrite`]: from one to another.
//!
//! Invariants: the logical store directory (what paths say) and the real one (where files are) are never mixed up: paths
//! are [`firn_path::StorePath`] until a file is touched, which only [`LocalStore::real`] leads to. A path is valid when its
//! row is committed, after its files are complete. What is read from databases and streams is checked.

mod add;
mod auto_gc;
pub mod build;
pub mod closure;
mod config;
pub mod copy;
mod db;
mod delete;
mod dummy;
mod error;
pub mod export;
mod files;
pub mod gc;
mod gc_server;
mod info;
mod info_json;
mod leftovers;
mod liveness;
mod local;
mod local_store;
pub mod locks;
mod logs;
mod open;
pub mod optimise;
pub mod pipe;
pub mod profiles;
mod reference;
pub mod registration;
pub mod rewrite;
pub mod roots;
mod runtime_roots;
mod setup;
mod signature;
mod spool;
mod store;
mod temp_roots;
pub mod verify;

pub use add::NewText;
pub use build::{
    BuildBackend, BuildMode, BuildResult, BuildStatus, Missing, missing_without_substituters, require_success,
};
pub use config::LocalConfig;
pub use db::Realisation;
pub use delete::delete_tree;
pub use dummy::DummyStore;
pub use error::{Result, StoreError};
pub use files::{Scanned, scan_and_hash, tree_size};
pub use info::PathInfo;
pub use info_json::{JsonVersion, content_address_to_json};
pub use local::LocalStore;
pub use logs::read_build_log;
pub use open::{Resolved, detect_host, open_store, resolve};
pub use reference::{StoreReference, StoreVariant};
pub use signature::{PublicKeys, SecretKey};
pub use store::{
    AddOptions, DumpMethod, NewContents, PathToAdd, Store, StoreStatus, SubstituterTraits, WriteNar,
};

/// Bytes for people, as the reference writes them: `12.3 MiB`.
pub fn render_size(bytes: u64) -> String {
    render_signed_size(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// As [`render_size`], for differences.
pub fn render_signed_size(bytes: i64) -> String {
    let mut value = bytes as f64 / 1024.0;
    for unit in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        if value.abs() < 1024.0 {
            return format!("{value:.1} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} EiB")
}
