//! Where builds run. The scheduler knows only this trait; the local machine ([`crate::local`]) is its first implementation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firn_derivation::{Derivation, options::DerivationOptions};
use firn_events::{ActivityId, Events};
use firn_path::{StorePath, StorePathSet};
use firn_store::{BuildMode, BuildStatus, LocalStore};
use firn_sys::CancelToken;

use crate::backend::BuilderOptions;
use crate::closure::Closures;
use crate::error::Failure;
use crate::local::log::LogWriter;
use crate::local::root::Roots;

/// One derivation to build.
#[derive(Clone, Debug)]
pub struct Job {
    /// The derivation's path.
    pub drv_path: StorePath,
    /// The derivation; its inputs are all valid.
    pub drv: Arc<Derivation>,
    /// What its attributes ask of the builder.
    pub options: Arc<DerivationOptions>,
    /// The paths that it names as inputs: sources and outputs of input derivations.
    pub inputs: StorePathSet,
    /// How outputs that exist are treated.
    pub mode: BuildMode,
}

/// What a job needs from around it.
pub struct JobContext<'a> {
    /// Where inputs are and outputs go.
    pub store: &'a LocalStore,
    /// Where progress and logs go: the log of a job is streamed as results of its activity.
    pub events: &'a Events,
    /// Set when the job is to be given up.
    pub cancel: &'a CancelToken,
    /// How the builder was set up.
    pub options: &'a BuilderOptions,
    /// The activity that builds are part of.
    pub parent: ActivityId,
    pub(crate) roots: &'a Roots,
    pub(crate) logs: &'a LogWriter,
    pub(crate) closures: &'a Closures<'a>,
}

/// A finished build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Built, or found valid after all.
    pub status: BuildStatus,
    /// The outputs by name.
    pub outputs: BTreeMap<String, StorePath>,
    /// Seconds since 1970.
    pub start_time: i64,
    /// Seconds since 1970.
    pub stop_time: i64,
    /// Time of processors in programs, where known.
    pub cpu_user: Option<Duration>,
    /// Time of processors in the kernel, where known.
    pub cpu_system: Option<Duration>,
}

/// A place for a job; given back when dropped.
pub type Lease = Box<dyn std::any::Any + Send>;

/// An executor's answer to "can you build this?".
pub enum Offer {
    /// Yes, now.
    Ready(Lease),
    /// Yes, but not before another job has ended.
    Busy,
    /// Never, and why.
    Refused(Failure),
}

/// Builds derivations somewhere.
pub trait Executor: Send + Sync {
    /// Its name in messages; empty for the local machine.
    fn name(&self) -> &str;

    /// Asks for a place for a job.
    fn lease(&self, job: &Job, context: &JobContext<'_>) -> Offer;

    /// Builds a job to its end; called on a thread of its own. Has to return soon after the context's token is set.
    ///
    /// # Errors
    /// Why it was not built.
    fn submit(&self, lease: Lease, job: &Job, context: &JobContext<'_>) -> Result<Built, Failure>;

    /// The log of a job so far, if the executor keeps one beside the store's.
    fn log(&self, _drv: &StorePath) -> Option<Vec<u8>> {
        None
    }
}
