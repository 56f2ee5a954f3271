//! Flakes: references, registries, lock files, and calling a flake.

pub mod builtins;
mod call;
pub mod declaration;
pub mod diff;
pub mod error;
pub mod lock_file;
mod lock_flake;
pub mod locking;
pub mod reference;
pub mod registry;
pub mod session;

pub use error::FlakeError;
pub use lock_file::LockFile;
pub use reference::FlakeRef;
pub use session::Flakes;
