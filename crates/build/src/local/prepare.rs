//! What a build needs before it can start: paths for its outputs, locks on them, a user id, a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use firn_events::{ActivityKind, Level};
use firn_hash::{Algo, Hash};
use firn_path::{StorePath, output_path_name};
use firn_settings::SandboxMode;
use firn_store::BuildStatus;
use firn_sys::lock::PathLocks;
use firn_sys::users::{UserDatabase, effective_uid};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::outputs::OutputPlan;
use super::root::make_dir;
use super::users::{self, UserLock, UserSource};
use crate::error::Failure;
use crate::executor::{Job, JobContext};

/// How often a lock or a user id that others hold is asked for again. They tell nobody when they let go.
const RETRY: Duration = Duration::from_millis(100);
/// The outputs with their known paths; scratch paths are chosen later, when it is known whether there is a sandbox.
pub(super) fn plan_outputs(
    job: &Job,
    context: &JobContext<'_>,
) -> Result<BTreeMap<String, OutputPlan>, Failure> {
    let mut plans = BTreeMap::new();
    for (name, known) in job.drv.output_paths(context.store.dir())? {
        let scratch = match &known {
            Some(path) => path.clone(),
            None => {
                fallback_path(job, context, &format!("name:{name}"), &output_path_name(&job.drv.name, &name))?
            }
        };
        plans.insert(name, OutputPlan { known, valid: false, scratch });
    }
    Ok(plans)
}

/// A path for an output that cannot be built at its own; nothing else ever has it.
pub(super) fn fallback_path(
    job: &Job,
    context: &JobContext<'_>,
    what: &str,
    name: &str,
) -> Result<StorePath, Failure> {
    let zeros =
        Hash::from_bytes(Algo::Sha256, &[0; 32]).ok_or_else(|| Failure::misc("a hash of 32 bytes"))?;
    Ok(context.store.dir().make_store_path(&format!("rewrite:{}:{what}", job.drv_path), &zeros, name)?)
}

pub(super) fn lock_outputs(
    job: &Job,
    context: &JobContext<'_>,
    plans: &BTreeMap<String, OutputPlan>,
) -> Result<PathLocks, Failure> {
    let paths: Vec<PathBuf> = plans
        .iter()
        .map(|(name, plan)| match &plan.known {
            Some(path) => context.store.real(path),
            None => context.store.config().real_dir.join(format!("{}.{name}", job.drv_path)),
        })
        .collect();
    let try_them = || PathLocks::take(paths.iter().cloned(), false);
    if let Some(locks) = try_them()? {
        return Ok(locks);
    }
    let names: Vec<String> = paths.iter().map(|p| format!("'{}'", p.display())).collect();
    let text = format!("waiting for lock on {}", names.join(", "));
    let _activity = context.events.start(0, Level::Warn, ActivityKind::BuildWaiting, text, vec![]);
    loop {
        pause(context)?;
        if let Some(locks) = try_them()? {
            return Ok(locks);
        }
    }
}

/// Waits a moment, or less if the job is given up.
fn pause(context: &JobContext<'_>) -> Result<(), Failure> {
    let time = Timespec { tv_sec: 0, tv_nsec: RETRY.subsec_nanos().into() };
    let _ = poll(&mut [PollFd::new(context.cancel, PollFlags::IN)], Some(&time));
    if context.cancel.is_cancelled() { Err(given_up()) } else { Ok(()) }
}

/// The failure of jobs that end because others failed or the user wants to stop; it has no text.
pub(crate) fn given_up() -> Failure {
    Failure::new(BuildStatus::MiscFailure, "")
}
pub(super) fn wants_sandbox(job: &Job, context: &JobContext<'_>) -> Result<bool, Failure> {
    if job.drv.is_builtin() {
        return Ok(false);
    }
    let store = context.store;
    let sandboxed = match store.settings().sandbox() {
        SandboxMode::Enabled if job.options.no_chroot => {
            return Err(Failure::misc(format!(
                "derivation '{}' has '__noChroot' set, but that's not allowed when 'sandbox' is 'true'",
                store.print(&job.drv_path)
            )));
        }
        SandboxMode::Enabled => true,
        SandboxMode::Disabled => false,
        SandboxMode::Relaxed => job.drv.derivation_type()?.is_sandboxed() && !job.options.no_chroot,
    };
    // paths of a relocated store are not where the builder looks for them
    Ok(sandboxed || store.config().is_relocated())
}

/// Waits for an id to build under, if there are such ids.
pub(super) fn take_user(job: &Job, context: &JobContext<'_>) -> Result<Option<UserLock>, Failure> {
    let settings = context.store.settings();
    if effective_uid() != 0 {
        return Ok(None);
    }
    let database = UserDatabase::load();
    let source = users::source(settings, &database);
    if source == UserSource::Caller {
        return Ok(None);
    }
    let state_dir = &context.store.config().state_dir;
    let mut activity = None;
    loop {
        let user = users::acquire(&source, settings, &database, state_dir, job.options.uses_uid_range())?;
        if user.is_some() {
            return Ok(user);
        }
        activity.get_or_insert_with(|| {
            let text =
                format!("waiting for a free build user ID for '{}'", context.store.print(&job.drv_path));
            context.events.start(0, Level::Warn, ActivityKind::BuildWaiting, text, vec![])
        });
        pause(context)?;
    }
}

/// A new folder in `build-dir`.
pub(super) fn make_build_dir(context: &JobContext<'_>, has_user: bool) -> Result<PathBuf, Failure> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let parent = &context.store.config().build_dir;
    if !parent.is_dir() {
        std::fs::create_dir_all(parent).map_err(|e| Failure::io("creating directory", parent, &e))?;
    }
    if has_user {
        refuse_world_writable(parent)?;
    }
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("nix-{}-{n}", std::process::id()));
        if path.symlink_metadata().is_err() {
            make_dir(&path, 0o700)?;
            return Ok(path);
        }
    }
}

fn refuse_world_writable(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    for path in path.ancestors() {
        let meta = path.symlink_metadata().map_err(|e| Failure::io("getting status of", path, &e))?;
        // in a sticky folder nobody can replace what is ours
        if meta.mode() & 0o1002 == 0o002 {
            return Err(Failure::misc(format!(
                "Path \"{}\" is world-writable or a symlink. That's not allowed for security.",
                path.display()
            )));
        }
    }
    Ok(())
}
