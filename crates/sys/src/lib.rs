//! Processes, namespaces, mounts, ptys, locks, signals: what Firn asks of the kernel.
//!
//! Together with the evaluator's heap this is the only crate with unsafe code. The processes of builds never start by forking
//! the caller, whose heap may be big and whose other threads hold locks: [`spawn::start`] executes the program itself again
//! under a hidden name (see [`helper`]), hands it a [`spec::ProcessSpec`] over a socket, and the small new process makes the
//! namespaces and mounts and becomes the builder.
//!
//! Invariants: descriptors are close-on-exec everywhere; a builder in a sandbox ends when the socket to its helper closes,
//! so nothing outlives the caller, not even one that is killed.
#![allow(unsafe_code)]

pub mod activation;
pub mod cancel;
pub mod cgroup;
pub mod enter;
mod error;
pub mod executable;
pub mod helper;
pub mod lock;
pub mod namespaces;
pub mod pty;
pub mod signals;
pub mod spawn;
pub mod spec;
pub mod users;
mod wire;

pub use cancel::CancelToken;
pub use error::{Error, errno_text};
