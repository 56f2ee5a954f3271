//! The old commands, one folder or file a program.

pub(crate) mod nix_build;
pub(crate) mod nix_collect_garbage;
pub(crate) mod nix_hash;
pub(crate) mod nix_instantiate;
pub(crate) mod nix_prefetch_url;
pub(crate) mod nix_store;
