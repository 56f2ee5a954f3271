//! Building: the graph of derivations, the scheduler, the local machine as its first executor, builtin builders.
//!
//! [`Builder`] implements the store's [`BuildBackend`](firn_store::BuildBackend). A build goes through three stages, each
//! in its own module:
//!
//! 1. [`plan`](crate::plan) finds out, level by level, which derivations have to be built (linear in their number);
//! 2. [`schedule`](crate::schedule) hands ready derivations to an [`Executor`] and waits for what ends, without polling;
//! 3. [`local`] builds one derivation on this machine: locks, user, sandbox, log, registration.
//!
//! Invariants: an output is registered only while its lock is held; nothing of a failed build becomes valid; the files of
//! an output belong to nobody else when it is hashed, because all processes of the build are gone by then.

mod backend;
pub mod builtins;
mod closure;
mod error;
pub mod executor;
pub mod local;
mod plan;
pub mod remote;
mod schedule;
mod stores;
mod substitute;
mod summary;

pub use backend::{Builder, BuilderOptions};
pub use error::{ExitFlags, Failure};
pub use executor::{Executor, Job, JobContext, Offer};
pub use local::{SandboxShell, host_static_shell};
pub use stores::Stores;
pub use substitute::OpenStore;
pub use summary::{Summary, indent_error, summarise};
