//! The protocol of `nix-store --serve`: commands without frames; messages go to the standard error.

mod client;
pub mod server;

pub use client::ServeStore;

use crate::objects::ResultForm;

pub(crate) const CLIENT_MAGIC: u64 = 0x390c_9deb;
pub(crate) const SERVER_MAGIC: u64 = 0x5452_eecb;

/// The newest version that is spoken, and the oldest.
pub const VERSION: u64 = 2 << 8 | 8;
/// See [`VERSION`].
pub const OLDEST: u64 = 2 << 8 | 5;

pub(crate) const QUERY_VALID_PATHS: u64 = 1;
pub(crate) const QUERY_PATH_INFOS: u64 = 2;
pub(crate) const DUMP_STORE_PATH: u64 = 3;
pub(crate) const IMPORT_PATHS: u64 = 4;
pub(crate) const BUILD_PATHS: u64 = 6;
pub(crate) const QUERY_CLOSURE: u64 = 7;
pub(crate) const BUILD_DERIVATION: u64 = 8;
pub(crate) const ADD_TO_STORE_NAR: u64 = 9;

/// Which parts of a build's result a version has.
pub(crate) fn result_form(minor: u64) -> ResultForm {
    ResultForm { cpu: false, plain_outputs: minor >= 8, outputs: minor >= 6 }
}
