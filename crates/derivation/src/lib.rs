//! Derivations: what is built, from what, into which store paths.
//!
//! - [`Derivation`] and its parts: [`DerivationOutput`], [`InputNode`], [`DerivationType`].
//! - [`aterm`]: the form in which derivations lie in the store.
//! - [`json`]: the forms that `nix derivation show` and `nix derivation add` speak.
//! - [`modulo`]: the hash of a derivation that leaves out how its fixed-output inputs are fetched, and with it the
//!   paths of outputs.
//! - [`placeholder`]: what stands for paths that are not known yet.
//! - [`resolve`]: replacing inputs by what they were built to.
//! - [`options`]: attributes that speak to the builder (`requiredSystemFeatures`, `passAsFile`, `outputChecks` …).
//! - [`structured`]: attributes passed as JSON.
//!
//! Invariants: the builder, arguments and environment are bytes, because strings of the language are; names, platforms
//! and paths are text. Structured attributes stay in the environment under `__json`, byte for byte as they were.
//! Nothing here reads the store: whoever computes hashes passes in a look-up for the inputs' hashes.

pub mod aterm;
mod derivation;
mod error;
mod instantiate;
pub mod json;
pub mod modulo;
pub mod options;
pub mod placeholder;
pub mod resolve;
pub mod structured;

pub use derivation::{Bytes, Derivation, DerivationOutput, DerivationType, Env, InputNode};
pub use error::DerivationError;
pub use instantiate::{Filled, Instantiated};
pub use modulo::{HashModulo, Scratch};
pub use placeholder::placeholder;
