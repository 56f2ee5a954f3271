//! The old commands, one folder or file a program.

pub(crate) mod nix_store;
