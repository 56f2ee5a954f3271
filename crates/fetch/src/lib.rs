//! Inputs: what source trees are called, and getting them.
//!
//! An [`Input`] is a type and attributes; [`schemes`] has one module a type; a [`Fetcher`] gets the tree. References of
//! flakes, which add a folder and a fragment to an input, belong to the crate above.

pub mod attrs;
pub mod base;
pub mod cache;
pub mod download;
pub mod error;
pub mod fetcher;
mod forge;
pub mod git;
pub mod input;
pub mod schemes;
pub mod url;
pub mod world;

pub use attrs::{Attr, Attrs};
pub use error::FetchError;
pub use fetcher::{Fetched, Fetcher, LazyCount, RealPaths};
pub use input::Input;
pub use url::ParsedUrl;
