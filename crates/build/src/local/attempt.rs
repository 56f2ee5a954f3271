//! One build on this machine, from the locks on its outputs to their registration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use firn_events::Level;
use firn_path::{StorePath, StorePathSet};
use firn_store::{BuildMode, BuildStatus, Store};
use firn_sys::cgroup;

use super::hooks;
use super::outputs::{OutputPlan, Produced};
use super::prepare::{fallback_path, lock_outputs, make_build_dir, plan_outputs, take_user, wants_sandbox};
use super::root::{Root, make_dir, own, remove, set_mode};
use super::run::Ran;
use super::users::UserLock;
use crate::error::Failure;
use crate::executor::{Built, Job, JobContext};

/// Builds a job.
pub(crate) fn build(job: &Job, context: &JobContext<'_>) -> Result<Built, Failure> {
    context.store.add_temp_root(&job.drv_path)?;
    let mut plans = plan_outputs(job, context)?;
    let mut locks = lock_outputs(job, context, &plans)?;
    // whoever held the locks may have built it meanwhile
    for plan in plans.values_mut() {
        if let Some(path) = &plan.known {
            plan.valid = context.store.is_valid(path)?;
        }
    }
    if job.mode == BuildMode::Normal && plans.values().all(|p| p.valid) {
        locks.delete_on_release();
        let outputs = plans.into_iter().filter_map(|(n, p)| Some((n, p.known?))).collect();
        return Ok(finished(BuildStatus::AlreadyValid, outputs, 0));
    }
    for path in plans.values().filter(|p| !p.valid).filter_map(|p| p.known.as_ref()) {
        let real = context.store.real(path);
        if real.symlink_metadata().is_ok() {
            remove(&real)?;
        }
    }
    for path in plans.values().filter_map(|p| p.known.as_ref()) {
        context.store.hold(path);
    }
    let start = now();
    let result = Attempt::new(job, context, plans).and_then(|mut a| {
        let result = a.run();
        a.clean_up(result.is_err());
        result.map(|outputs| (a.cpu, outputs))
    });
    for path in job.drv.output_paths(context.store.dir())?.into_values().flatten() {
        context.store.release(&path);
    }
    let (cpu, outputs) = result?;
    hooks::run_post_build_hook(job, context, outputs.values())?;
    locks.delete_on_release();
    let mut built = finished(BuildStatus::Built, outputs, start);
    (built.cpu_user, built.cpu_system) = (cpu.map(|c| c.user), cpu.map(|c| c.system));
    Ok(built)
}

fn finished(status: BuildStatus, outputs: BTreeMap<String, StorePath>, start_time: i64) -> Built {
    let stop_time = if start_time == 0 { 0 } else { now() };
    Built { status, outputs, start_time, stop_time, cpu_user: None, cpu_system: None }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
}

/// The state of one build. Folders are removed by [`Attempt::clean_up`].
pub(super) struct Attempt<'a> {
    pub(super) job: &'a Job,
    pub(super) context: &'a JobContext<'a>,
    pub(super) outputs: BTreeMap<String, OutputPlan>,
    pub(super) sandboxed: bool,
    pub(super) user: Option<UserLock>,
    pub(super) input_closure: StorePathSet,
    /// The folder in `build-dir`, accessible to nobody else where there is a sandbox.
    pub(super) top: PathBuf,
    /// The builder's folder, `top` or one in it.
    pub(super) dir: PathBuf,
    pub(super) root: Option<Root>,
    /// The sandbox has a `/bin/sh`.
    pub(super) has_shell: bool,
    pub(super) cpu: Option<cgroup::CpuUse>,
}

impl<'a> Attempt<'a> {
    fn new(
        job: &'a Job,
        context: &'a JobContext<'a>,
        outputs: BTreeMap<String, OutputPlan>,
    ) -> Result<Attempt<'a>, Failure> {
        let sandboxed = wants_sandbox(job, context)?;
        if !sandboxed && job.options.uses_uid_range() {
            return Err(Failure::misc("feature 'uid-range' is only supported in sandboxed builds"));
        }
        let user = if job.drv.is_builtin() { None } else { take_user(job, context)? };
        let input_closure = context.closures.of(&job.inputs)?;
        let top = make_build_dir(context, user.is_some())?;
        let dir = if sandboxed { top.join("build") } else { top.clone() };
        let mut attempt = Attempt {
            job,
            context,
            outputs,
            sandboxed,
            user,
            input_closure,
            top,
            dir,
            root: None,
            has_shell: false,
            cpu: None,
        };
        let prepared = attempt.prepare_dir();
        match prepared {
            Ok(()) => Ok(attempt),
            Err(e) => {
                attempt.clean_up(true);
                Err(e)
            }
        }
    }

    fn prepare_dir(&mut self) -> Result<(), Failure> {
        if self.sandboxed {
            make_dir(&self.dir, 0o700)?;
        }
        if let Some(user) = &self.user {
            own(&self.dir, user.uid, user.gid)?;
        }
        if !self.sandboxed {
            self.prepare_plain()?;
        }
        Ok(())
    }

    /// What a build without a sandbox needs: the right to make its outputs in the store, and paths that are free.
    fn prepare_plain(&mut self) -> Result<(), Failure> {
        if let Some(user) = &mut self.user {
            user.open_store(self.context.store)?;
        }
        self.redirect_outputs()
    }

    /// Without a sandbox an output that is there already cannot be built at its path: it is built at another one, whose hash
    /// part is replaced afterwards.
    fn redirect_outputs(&mut self) -> Result<(), Failure> {
        for plan in self.outputs.values_mut() {
            let Some(known) = &plan.known else { continue };
            if plan.valid || (self.job.mode == BuildMode::Repair && self.context.store.real(known).exists()) {
                plan.scratch = fallback_path(self.job, self.context, known.base_name(), known.name())?;
            }
            let real = self.context.store.real(&plan.scratch);
            if plan.scratch != *known && real.symlink_metadata().is_ok() {
                remove(&real)?;
            }
        }
        Ok(())
    }

    fn run(&mut self) -> Result<BTreeMap<String, StorePath>, Failure> {
        if self.job.drv.is_builtin() {
            return self.run_builtin();
        }
        match self.run_builder() {
            Err(Ran::NoNamespaces(why)) if self.may_fall_back() => {
                self.context.options.warn_no_sandbox(self.context.events, &why);
                self.root = None;
                self.sandboxed = false;
                self.prepare_plain()?;
                self.run_builder().map_err(Ran::into_failure)?;
            }
            other => other.map_err(Ran::into_failure)?,
        }
        self.register(false)
    }

    fn may_fall_back(&self) -> bool {
        let store = self.context.store;
        store.settings().sandbox_fallback() && !store.config().is_relocated()
    }

    pub(super) fn register(&mut self, trusted: bool) -> Result<BTreeMap<String, StorePath>, Failure> {
        let real = self.context.store.config().real_dir.clone();
        let store_of_builder = match &self.root {
            Some(root) => root.store(),
            None => real,
        };
        Produced {
            job: self.job,
            context: self.context,
            outputs: &self.outputs,
            store_of_builder,
            user: self.user.as_ref(),
            input_closure: &self.input_closure,
            trusted,
            build_dir: &self.dir,
        }
        .register()
    }

    /// Removes the folders of the build, or keeps them for the user to look at.
    fn clean_up(&mut self, failed: bool) {
        let settings = self.context.store.settings();
        let root = self.root.take();
        if let Some(root) = &root {
            if failed && self.job.mode == BuildMode::Normal && settings.keep_failed() {
                for path in self.outputs.values().filter(|p| !p.valid).filter_map(|p| p.known.as_ref()) {
                    let _ =
                        std::fs::rename(root.store().join(path.base_name()), self.context.store.real(path));
                }
            }
        }
        if let Some(root) = root {
            self.context.roots.give_back(root);
        }
        if !failed {
            for plan in self.outputs.values().filter(|p| p.known.as_ref().is_some_and(|k| *k != p.scratch)) {
                let _ = remove(&self.context.store.real(&plan.scratch));
            }
        }
        if failed && settings.keep_failed() && !self.job.drv.is_builtin() {
            self.context
                .events
                .message(Level::Error, format!("note: keeping build directory \"{}\"", self.dir.display()));
            let _ = set_mode(&self.top, 0o755);
            let _ = set_mode(&self.dir, 0o755);
        } else {
            let _ = set_mode(&self.top, 0o700);
            let _ = remove(&self.top);
        }
    }
}
