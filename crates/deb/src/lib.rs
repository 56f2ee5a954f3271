//! Debian packages as the seeds of the base: from a signed archive index to relocated store paths.
//!
//! Two halves that meet in one file, the lock (`base/debian.lock`):
//!
//! - *Locking* ([`update_pins`]): the seeds (what we want) are resolved against the archive's `Packages` and `Sources`
//!   indexes, whose hashes come from an `InRelease` file that one of the embedded archive keys has signed. The result is a [`Lock`]:
//!   a version, a pool path and a SHA-256 a package, and the *units* that become derivations.
//! - *Unpacking* ([`unpack_deb`]): the builder `builtin:unpack-deb` turns the packages of one unit into one store path that works where it is:
//!   ELF interpreters and run paths, shebangs, symlinks and text files point into the store. The steps are listed there.
//!
//! The formats of both files and the variables that the builder takes are described in `base/README-debian.md`; this
//! crate is their only owner.
//!
//! Invariants:
//! - Everything read here is hostile until checked: sizes, counts and depths are bounded, nothing is written outside the output, nothing panics.
//! - Equal input gives equal output, byte for byte: all lists are sorted or keep the order of their source. When an output byte changes,
//!   [`RELOCATION`] is raised, and a test with a recorded NAR hash fails until that is done.

pub mod control;
mod error;
pub mod index;
pub mod lock;
pub mod pins;
pub mod relation;
pub mod resolve;
pub mod seeds;
pub mod signature;
mod unpack;
pub mod version;

pub use error::DebError;
pub use lock::Lock;
pub use pins::{Change, Fetch, changes, update_pins};
pub use seeds::Seeds;
pub use signature::Keyring;
pub use unpack::{RELOCATION, UnpackDeb, unpack_deb};
