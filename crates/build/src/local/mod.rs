//! Building on this machine.
//!
//! [`LocalMachine`] gives out places (`max-jobs`) and turns away what this machine cannot build; [`attempt`] is one build
//! from lock to registration.

mod attempt;
mod checks;
mod confine;
mod environment;
mod hooks;
pub(crate) mod log;
mod outputs;
mod prepare;
pub(crate) mod root;
mod run;
mod scan;
mod shell;
mod users;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use firn_store::BuildStatus;

use crate::error::Failure;
use crate::executor::{Built, Executor, Job, JobContext, Lease, Offer};

pub(crate) use environment::required_features;
pub use shell::{SandboxShell, host_static_shell};

/// The machine that this program runs on.
#[derive(Debug, Default)]
pub struct LocalMachine {
    running: Arc<AtomicU64>,
}

struct Place(Arc<AtomicU64>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl LocalMachine {
    /// The machine with no job on it.
    pub fn new() -> LocalMachine {
        LocalMachine::default()
    }

    /// Why this machine can never build a job; an empty list of reasons where it can.
    fn refuse(job: &Job, context: &JobContext<'_>) -> Result<(), Failure> {
        let settings = context.store.settings();
        let no_jobs = settings.max_jobs() == 0;
        let platform = &job.drv.platform;
        let bad_platform = platform != settings.system()
            && !settings.extra_platforms().contains(platform)
            && !job.drv.is_builtin();
        let required = environment::required_features(job)?;
        let available = settings.system_features();
        let missing = required.iter().any(|f| !available.contains(f));
        if !no_jobs && !bad_platform && !missing {
            return Ok(());
        }
        let mut text = format!("Cannot build '{}'.", context.store.print(&job.drv_path));
        if no_jobs {
            text.push_str(
                "\nReason: local builds are disabled (max-jobs = 0)\
                 \nHint: set 'max-jobs' to a non-zero value to enable local builds, or configure remote builders via 'builders'",
            );
        }
        if bad_platform {
            text.push_str(&format!(
                "\nReason: platform mismatch\nRequired system: '{platform}'\nCurrent system: '{}'",
                settings.system()
            ));
        }
        if missing {
            let list =
                |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
            text.push_str(&format!(
                "\nReason: missing system features\nRequired features: {{{}}}\nAvailable features: {{{}}}",
                list(&required),
                list(available)
            ));
        }
        Err(Failure::new(BuildStatus::InputRejected, text))
    }
}

impl Executor for LocalMachine {
    fn name(&self) -> &str {
        ""
    }

    fn lease(&self, job: &Job, context: &JobContext<'_>) -> Offer {
        if let Err(failure) = LocalMachine::refuse(job, context) {
            return Offer::Refused(failure);
        }
        let most = context.store.settings().max_jobs();
        let taken =
            self.running.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| (n < most).then_some(n + 1));
        match taken {
            Ok(_) => Offer::Ready(Box::new(Place(self.running.clone()))),
            Err(_) => Offer::Busy,
        }
    }

    fn submit(&self, lease: Lease, job: &Job, context: &JobContext<'_>) -> Result<Built, Failure> {
        let built = attempt::build(job, context);
        drop(lease);
        built
    }
}
