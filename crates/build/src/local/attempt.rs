//! One build on this machine, from the locks on its outputs to their registration.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firn_derivation::resolve::{Rewrite, rewrite};
use firn_events::{ActivityKind, Field, Level};
use firn_hash::{Algo, Hash};
use firn_path::{StorePath, StorePathSet, output_path_name};
use firn_settings::SandboxMode;
use firn_store::{BuildMode, BuildStatus, Store};
use firn_sys::lock::PathLocks;
use firn_sys::pty::Pty;
use firn_sys::spawn::{Child, Ended, kill_user, start};
use firn_sys::spec::{IdMap, ProcessSpec, SandboxSpec, UserSpec};
use firn_sys::users::{UserDatabase, effective_gid, effective_uid};
use firn_sys::{Error as SysError, cgroup};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::environment::{Surroundings, surroundings};
use super::hooks;
use super::log::LogLines;
use super::outputs::{OutputPlan, Produced};
use super::root::{InnerIds, Root, binds, etc_files, make_dir, own, real_paths, remove, set_mode};
use super::users::{self, UserLock, UserSource};
use crate::builtins::BuiltinContext;
use crate::error::Failure;
use crate::executor::{Built, Job, JobContext};

/// How often a lock or a user id that others hold is asked for again. They tell nobody when they let go.
const RETRY: Duration = Duration::from_millis(100);

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

/// The outputs with their known paths; scratch paths are chosen later, when it is known whether there is a sandbox.
fn plan_outputs(job: &Job, context: &JobContext<'_>) -> Result<BTreeMap<String, OutputPlan>, Failure> {
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
fn fallback_path(job: &Job, context: &JobContext<'_>, what: &str, name: &str) -> Result<StorePath, Failure> {
    let zeros =
        Hash::from_bytes(Algo::Sha256, &[0; 32]).ok_or_else(|| Failure::misc("a hash of 32 bytes"))?;
    Ok(context.store.dir().make_store_path(&format!("rewrite:{}:{what}", job.drv_path), &zeros, name)?)
}

fn lock_outputs(
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

/// The state of one build. Folders are removed by [`Attempt::clean_up`].
struct Attempt<'a> {
    job: &'a Job,
    context: &'a JobContext<'a>,
    outputs: BTreeMap<String, OutputPlan>,
    sandboxed: bool,
    user: Option<UserLock>,
    input_closure: StorePathSet,
    /// The folder in `build-dir`, accessible to nobody else where there is a sandbox.
    top: PathBuf,
    /// The builder's folder, `top` or one in it.
    dir: PathBuf,
    root: Option<Root>,
    /// The sandbox has a `/bin/sh`.
    has_shell: bool,
    cpu: Option<cgroup::CpuUse>,
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
            self.redirect_outputs()?;
        }
        Ok(())
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
                self.redirect_outputs()?;
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

    /// The folder of the build as the builder sees it.
    fn seen_dir(&self) -> String {
        if self.sandboxed {
            self.context.store.settings().sandbox_build_dir().to_owned()
        } else {
            self.dir.display().to_string()
        }
    }

    /// Placeholders of outputs, and hash parts of outputs that are built elsewhere.
    fn rewrites(&self) -> Vec<Rewrite> {
        let dir = self.context.store.dir();
        let mut all = Vec::new();
        for (name, plan) in &self.outputs {
            all.push((
                firn_derivation::placeholder(name).into_bytes(),
                dir.print(&plan.scratch).into_bytes(),
            ));
            if let Some(known) = plan.known.as_ref().filter(|k| **k != plan.scratch) {
                all.push((
                    known.hash_part().as_bytes().to_vec(),
                    plan.scratch.hash_part().as_bytes().to_vec(),
                ));
            }
        }
        all
    }

    fn run_builder(&mut self) -> Result<(), Ran> {
        let (spec, group) = self.process()?;
        let log = self
            .context
            .store
            .settings()
            .keep_build_log()
            .then(|| self.context.logs.open(self.context.store.log_path(&self.job.drv_path)));
        let pty = Pty::open().map_err(Failure::from)?;
        if let Some(user) = &self.user {
            pty.give_to(user.uid).map_err(Failure::from)?;
        }
        let activity = self.start_activity();
        let settings = self.context.store.settings();
        let mut lines = LogLines::new(
            self.context.events,
            activity,
            usize::try_from(settings.log_lines()).unwrap_or(usize::MAX),
        );
        let mut child =
            start(&self.context.options.helper, &spec, pty.slave.as_fd()).map_err(Failure::from)?;
        drop(pty.slave);
        let cut = self.follow(&mut child, &pty.master, &mut lines, log.as_ref());
        if cut.is_some() {
            child.kill();
        }
        let ended = child.wait();
        drop(log);
        self.cpu = group.map(cgroup::Cgroup::destroy);
        if let Some(user) = self.user.as_ref().filter(|_| !self.sandboxed) {
            kill_user(&self.context.options.helper, user.uid).map_err(Failure::from)?;
        }
        if let Some(failure) = cut {
            return Err(failure.into());
        }
        match ended {
            Ok(ended) if ended.is_success() => Ok(()),
            Ok(ended) => Err(self.builder_failed(ended, &lines).into()),
            Err(e @ SysError::NamespacesForbidden { .. }) => Err(Ran::NoNamespaces(e.to_string())),
            Err(e) => Err(Failure::from(e).into()),
        }
    }

    fn start_activity(&self) -> firn_events::Activity {
        let drv = self.context.store.print(&self.job.drv_path);
        let text = match self.job.mode {
            BuildMode::Normal => format!("building '{drv}'"),
            BuildMode::Repair => format!("repairing outputs of '{drv}'"),
            BuildMode::Check => format!("checking outputs of '{drv}'"),
        };
        let fields = vec![Field::Text(drv), Field::Text(String::new()), Field::Int(1), Field::Int(1)];
        self.context.events.start(self.context.parent, Level::Info, ActivityKind::Build, text, fields)
    }

    /// Reads the builder's output to its end. Gives a failure if the builder has to be killed for it.
    fn follow(
        &self,
        child: &mut Child,
        master: &std::os::fd::OwnedFd,
        lines: &mut LogLines<'_>,
        log: Option<&super::log::LogFile<'_>>,
    ) -> Option<Failure> {
        let _ = child;
        let settings = self.context.store.settings();
        let limit = |seconds: u64| (seconds != 0).then(|| Duration::from_secs(seconds));
        let (silent, total) = (limit(settings.max_silent_time()), limit(settings.timeout()));
        let most = settings.max_build_log_size();
        let begin = Instant::now();
        let (mut last, mut size) = (begin, 0u64);
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let deadlines = [silent.map(|s| (last + s, s)), total.map(|t| (begin + t, t))];
            let next = deadlines.into_iter().flatten().min();
            let wait = next.map(|(at, _)| {
                let left = at.saturating_duration_since(Instant::now());
                // rounded up, so that the time has come when the wait is over
                Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) + 1_000 }
            });
            let mut fds =
                [PollFd::new(master, PollFlags::IN), PollFd::new(self.context.cancel, PollFlags::IN)];
            match poll(&mut fds, wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
            }
            if self.context.cancel.is_cancelled() {
                return Some(given_up());
            }
            if !fds[0].revents().is_empty() {
                match rustix::io::read(master, &mut buffer) {
                    Ok(0) | Err(rustix::io::Errno::IO) => {
                        lines.finish();
                        return None;
                    }
                    Ok(n) => {
                        last = Instant::now();
                        size += n as u64;
                        if most != 0 && size > most {
                            let drv = self.context.store.print(&self.job.drv_path);
                            return Some(Failure::new(
                                BuildStatus::LogLimitExceeded,
                                format!(
                                    "building derivation '{drv}' killed after writing more than {most} bytes of log output"
                                ),
                            ));
                        }
                        if let Some(log) = log {
                            log.write(&buffer[..n]);
                        }
                        lines.write(&buffer[..n]);
                    }
                    Err(_) => {}
                }
            } else if let Some((at, seconds)) = next.filter(|(at, _)| Instant::now() >= *at) {
                let _ = at;
                return Some(Failure::new(
                    BuildStatus::TimedOut,
                    format!("timed out after {} seconds", seconds.as_secs()),
                ));
            }
        }
    }

    fn builder_failed(&self, ended: Ended, lines: &LogLines<'_>) -> Failure {
        let store = self.context.store;
        let drv = store.print(&self.job.drv_path);
        let mut text = format!("Cannot build '{drv}'.\nReason: builder {ended}.");
        text.push_str(&known_outputs(self.job, self.context));
        let tail = lines.tail();
        if self.context.options.show_log_tail && tail.len() > 0 {
            text.push_str(&format!("\nLast {} log lines:\n", tail.len()));
            for line in tail {
                text.push_str(&format!("> {line}\n"));
            }
            let new_cli = store.settings().enabled(firn_settings::Feature::NixCommand);
            let command = if new_cli { "nix log" } else { "nix-store -l" };
            text.push_str(&format!("For full logs, run:\n  {command} {drv}"));
        }
        let no_shell = self.sandboxed && self.job.drv.builder == b"/bin/sh" && !self.has_shell;
        if no_shell {
            text.push_str(
                "\nhint: there is no static shell that could be '/bin/sh' of the sandbox: install bash-static or busybox-static, or set 'sandbox-paths = /bin/sh=FILE'",
            );
        }
        let disk_full = self.disk_full();
        if disk_full {
            text.push_str("\nnote: build failure may have been caused by lack of free disk space");
        }
        let may_pass = disk_full || !self.job.drv.derivation_type().is_ok_and(|t| t.is_sandboxed());
        let status = if may_pass { BuildStatus::TransientFailure } else { BuildStatus::PermanentFailure };
        Failure::new(status, text)
    }

    /// A guess: whether so little space is left that it may have been the cause.
    fn disk_full(&self) -> bool {
        const ENOUGH: u64 = 8 << 20;
        [self.context.store.config().real_dir.as_path(), &self.dir]
            .iter()
            .any(|p| rustix::fs::statvfs(*p).is_ok_and(|s| s.f_bavail.saturating_mul(s.f_frsize) < ENOUGH))
    }

    /// What to start, and the control group that it starts in.
    fn process(&mut self) -> Result<(ProcessSpec, Option<cgroup::Cgroup>), Failure> {
        let store = self.context.store;
        let settings = store.settings();
        let drv = &self.job.drv;
        let Surroundings { env, files } =
            surroundings(self.job, self.context, &self.input_closure, &self.seen_dir())?;
        let rewrites = self.rewrites();
        for (name, mut contents) in files {
            rewrite(&mut contents, &rewrites);
            self.write_file(&name, &contents)?;
        }
        let env = env.into_iter().map(|(name, value)| {
            let mut line = name;
            line.push(b'=');
            line.extend(value);
            rewrite(&mut line, &rewrites);
            line
        });
        let name = drv.builder.rsplit(|b| *b == b'/').next().unwrap_or_default().to_vec();
        let args = drv.args.iter().map(|a| {
            let mut arg = a.clone();
            rewrite(&mut arg, &rewrites);
            arg
        });
        let (sandbox, user, group) = self.confinement()?;
        let i686 = drv.platform == "i686-linux" && settings.system() == "x86_64-linux";
        let arm32 = matches!(drv.platform.as_str(), "armv7l-linux" | "armv6l-linux" | "armv5tel-linux");
        let spec = ProcessSpec {
            program: drv.builder.clone(),
            args: std::iter::once(name).chain(args).collect(),
            env: env.collect(),
            cwd: PathBuf::from(self.seen_dir()),
            user,
            drop_groups: Some(settings.require_drop_supplementary_groups()),
            filter_syscalls: settings.filter_syscalls(),
            no_new_privileges: !settings.allow_new_privileges(),
            linux32: i686 || arm32,
            linux26: settings.impersonate_linux_26()
                && matches!(drv.platform.as_str(), "i686-linux" | "x86_64-linux"),
            sandbox,
        };
        Ok((spec, group))
    }

    fn write_file(&self, name: &str, contents: &[u8]) -> Result<(), Failure> {
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            return Err(Failure::misc(format!("'{name}' is not a valid file name")));
        }
        let path = self.dir.join(name);
        let failed = |e: std::io::Error| Failure::io("creating file", &path, &e);
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
        file.write_all(contents).map_err(failed)?;
        if let Some(user) = &self.user {
            own(&path, user.uid, user.gid)?;
        }
        Ok(())
    }

    /// The sandbox, the user to become, and the control group.
    #[allow(clippy::type_complexity)]
    fn confinement(
        &mut self,
    ) -> Result<(Option<SandboxSpec>, Option<UserSpec>, Option<cgroup::Cgroup>), Failure> {
        let plain_user =
            || self.user.as_ref().map(|u| UserSpec { uid: u.uid, gid: u.gid, groups: u.groups.clone() });
        if !self.sandboxed {
            hooks::run_pre_build_hook(self.job, self.context, None)?;
            return Ok((None, plain_user(), None));
        }
        let settings = self.context.store.settings();
        let whole_range = self.user.as_ref().is_some_and(|u| u.count != 1);
        if self.job.options.uses_uid_range() && !whole_range {
            return Err(Failure::misc(
                "feature 'uid-range' requires the setting 'auto-allocate-uids' to be enabled",
            ));
        }
        let in_namespace = firn_sys::namespaces::user_namespaces_enabled();
        let (map, ids, user) = match (&self.user, in_namespace) {
            (user, true) => {
                let ids =
                    if whole_range { InnerIds { uid: 0, gid: 0 } } else { InnerIds { uid: 1000, gid: 100 } };
                let (outer_uid, outer_gid, count) =
                    user.as_ref().map_or((effective_uid(), effective_gid(), 1), |u| (u.uid, u.gid, u.count));
                let map = IdMap { inner_uid: ids.uid, inner_gid: ids.gid, outer_uid, outer_gid, count };
                (Some(map), ids, Some(UserSpec { uid: ids.uid, gid: ids.gid, groups: Vec::new() }))
            }
            (Some(user), false) => (None, InnerIds { uid: user.uid, gid: user.gid }, plain_user()),
            (None, false) => {
                let why = firn_sys::namespaces::why_forbidden(rustix::io::Errno::PERM);
                return Err(Failure::misc(format!(
                    "cannot perform a sandboxed build because user namespaces are not enabled; check /proc/sys/user/max_user_namespaces{why}"
                )));
            }
        };
        let root = Root::create(self.job, self.context, self.user.as_ref())?;
        let extra = hooks::run_pre_build_hook(self.job, self.context, Some(&root.mount_point()))?;
        let mut visible = self.input_closure.clone();
        let binds = binds(self.job, self.context, &self.dir, &root.tmp(), extra, &mut visible)?;
        self.has_shell = binds.iter().any(|b| ["/bin/sh", "/bin"].iter().any(|t| b.target == Path::new(t)));
        let group = self.control_group(whole_range)?;
        let spec = SandboxSpec {
            root: root.mount_point(),
            files: etc_files(self.job, self.context, ids)?,
            user_namespace: map,
            private_network: self.job.drv.derivation_type()?.is_sandboxed(),
            cgroup: group.as_ref().map(|g| g.path().to_owned()),
            store_dir: PathBuf::from(self.context.store.dir().as_str()),
            store_source: root.store(),
            store_paths: real_paths(self.context, &visible),
            read_only_store_paths: self.user.is_none(),
            own_dev: !binds.iter().any(|b| b.target == Path::new("/dev")),
            binds,
            kvm: settings.system_features().contains("kvm"),
            shm_size: settings.sandbox_dev_shm_size().to_owned(),
            mount_sys: whole_range,
            lock_root: !self.job.options.uses_uid_range(),
        };
        self.root = Some(root);
        Ok((Some(spec), user, group))
    }

    fn control_group(&self, whole_range: bool) -> Result<Option<cgroup::Cgroup>, Failure> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let settings = self.context.store.settings();
        if !whole_range && !settings.use_cgroups() {
            return Ok(None);
        }
        settings.require(firn_settings::Feature::Cgroups, "").map_err(|e| Failure::misc(e.to_string()))?;
        let mount =
            cgroup::mount_point().ok_or_else(|| Failure::misc("cannot determine the cgroups file system"))?;
        let parent = mount.join(cgroup::current().unwrap_or_default());
        if !parent.is_dir() {
            return Err(Failure::misc(format!("expected cgroup directory \"{}\"", parent.display())));
        }
        let name = match &self.user {
            Some(user) => format!("nix-build-uid-{}", user.uid),
            None => format!("nix-build-pid-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)),
        };
        let path = parent.join(name);
        if let Some(user) = &self.user {
            let record = self.context.store.config().state_dir.join("cgroups");
            std::fs::create_dir_all(&record).map_err(|e| Failure::io("creating directory", &record, &e))?;
            let record = record.join(user.uid.to_string());
            if let Ok(previous) = std::fs::read_to_string(&record) {
                cgroup::destroy(Path::new(previous.trim()));
            }
            std::fs::write(&record, path.display().to_string())
                .map_err(|e| Failure::io("writing file", &record, &e))?;
        }
        Ok(Some(cgroup::Cgroup::create(&path, self.user.as_ref().map(|u| (u.uid, u.gid)))?))
    }

    /// Runs a builder that is part of this program, on this thread.
    fn run_builtin(&mut self) -> Result<BTreeMap<String, StorePath>, Failure> {
        let drv = &self.job.drv;
        let name = String::from_utf8_lossy(&drv.builder).into_owned();
        let activity = self.start_activity();
        let settings = self.context.store.settings();
        let log = settings
            .keep_build_log()
            .then(|| self.context.logs.open(self.context.store.log_path(&self.job.drv_path)));
        let outputs =
            self.outputs.iter().map(|(n, p)| (n.clone(), self.context.store.real(&p.scratch))).collect();
        let mut lines = LogLines::new(self.context.events, activity, 25);
        let result = {
            let say = std::sync::Mutex::new(|line: &str| {
                if let Some(log) = &log {
                    log.write(line.as_bytes());
                    log.write(b"\n");
                }
                lines.write(line.as_bytes());
                lines.write(b"\n");
            });
            let builtin = BuiltinContext::new(self.job, self.context, outputs, &self.dir, &say);
            let result = match self.context.options.builtins.get(&name) {
                Some(run) => run(&builtin),
                None => Err(format!("unsupported builtin builder '{}'", name.trim_start_matches("builtin:"))),
            };
            if let Err(why) = &result {
                builtin.log(&crate::summary::indent_error(why));
            }
            result
        };
        drop(log);
        match result {
            Ok(()) => {}
            Err(_) if self.context.cancel.is_cancelled() => return Err(given_up()),
            Err(_) => return Err(self.builder_failed(Ended::Exit(1), &lines)),
        }
        self.register(true)
    }

    fn register(&mut self, trusted: bool) -> Result<BTreeMap<String, StorePath>, Failure> {
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
        if let Some(root) = self.root.take() {
            if failed && self.job.mode == BuildMode::Normal && settings.keep_failed() {
                for path in self.outputs.values().filter(|p| !p.valid).filter_map(|p| p.known.as_ref()) {
                    let _ =
                        std::fs::rename(root.store().join(path.base_name()), self.context.store.real(path));
                }
            }
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

/// How running a builder can fail: for want of namespaces, which the caller may do without, or in another way.
enum Ran {
    NoNamespaces(String),
    Failed(Failure),
}

impl Ran {
    fn into_failure(self) -> Failure {
        match self {
            Ran::NoNamespaces(why) => Failure::misc(why),
            Ran::Failed(failure) => failure,
        }
    }
}

impl From<Failure> for Ran {
    fn from(failure: Failure) -> Ran {
        Ran::Failed(failure)
    }
}

/// `Output paths:` and the paths, as messages have them.
pub(crate) fn known_outputs(job: &Job, context: &JobContext<'_>) -> String {
    let dir = context.store.dir();
    let paths: StorePathSet =
        job.drv.output_paths(dir).map(|o| o.into_values().flatten().collect()).unwrap_or_default();
    if paths.is_empty() {
        return String::new();
    }
    let mut text = "\nOutput paths:".to_owned();
    for path in &paths {
        text.push_str(&format!("\n  {}", dir.display(path)));
    }
    text
}

fn wants_sandbox(job: &Job, context: &JobContext<'_>) -> Result<bool, Failure> {
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
fn take_user(job: &Job, context: &JobContext<'_>) -> Result<Option<UserLock>, Failure> {
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
fn make_build_dir(context: &JobContext<'_>, has_user: bool) -> Result<PathBuf, Failure> {
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
