//! Binary caches: stores that are files by name, behind HTTP, in a folder, or in S3.
//!
//! - [`NarInfo`]: what a cache knows of a path, as text.
//! - [`BinaryCache`]: a cache as a [`firn_store::Store`], over a [`Medium`].
//! - [`LookupCache`]: answers of caches kept on disk, in the database that C++ Nix uses as well.
//! - [`open`]: the cache that an address means.
//! - [`server`]: a store offered over HTTP.
//!
//! Invariants: archives go through in pieces, never whole in memory; a narinfo is written after its archive and after the
//! narinfos of all that it refers to, so that whatever a reader sees is complete; what comes from a cache is hostile until
//! parsed, and its contents are checked by the store that takes them.

mod binary_cache;
mod config;
mod error;
mod file;
mod http;
mod lookup;
mod medium;
mod narinfo;
mod open;
mod s3;
pub mod server;
mod sigv4;
mod upload;

pub use binary_cache::BinaryCache;
pub use config::CacheConfig;
pub use error::CacheError;
pub use lookup::{Known, LookupCache, Ttl};
pub use medium::{Medium, ReadFile, Upload};
pub use narinfo::NarInfo;
pub use open::{Context, open};
pub use s3::S3Credentials;
