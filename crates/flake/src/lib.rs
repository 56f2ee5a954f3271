//! Flakes: references, registries, lock files, locking, and calling what was locked.

pub mod declaration;
pub mod diff;
pub mod error;
pub mod lock_file;
pub mod locking;
pub mod reference;
pub mod registry;
pub mod session;

pub use error::FlakeError;
pub use lock_file::LockFile;
pub use reference::FlakeRef;
