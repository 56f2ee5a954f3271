//! Hashes as Nix writes them: algorithms, encodings, textual forms and incremental hashing.
//!
//! A [`Hash`] is an [`Algo`] and its digest. It is written in one of four [`Format`]s: base 16, Nix's own base 32
//! ([`nix32`]), base 64, and SRI (`sha256-<base 64>`). The parsers accept exactly what the reference accepts, laxness
//! included (base 64 ends at the first `=` and skips line feeds), and fail with its texts.
//!
//! Invariants: no input or output, no global state, nothing here panics on input. Whether an algorithm needs an
//! experimental feature is told by [`Algo::experimental_feature`]; enforcing it is the caller's task.

mod algo;
pub mod base16;
pub mod base64;
mod error;
mod hash;
mod hasher;
pub mod nix32;

pub use algo::{Algo, Format};
pub use error::HashError;
pub use hash::{Hash, MAX_SIZE, compress};
pub use hasher::Hasher;
