//! Running the builder: its output to log and events, its limits, its end.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use firn_events::{ActivityKind, Field, Level};
use firn_path::{StorePath, StorePathSet};
use firn_store::{BuildMode, BuildStatus};
use firn_sys::pty::Pty;
use firn_sys::spawn::{Ended, kill_user, start};
use firn_sys::{Error as SysError, cgroup};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::attempt::Attempt;
use super::log::{LogFile, LogLines};
use super::prepare::given_up;
use crate::builtins::BuiltinContext;
use crate::error::Failure;
use crate::executor::{Job, JobContext};

impl Attempt<'_> {
    pub(super) fn run_builder(&mut self) -> Result<(), Ran> {
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
        let cut = self.follow(&pty.master, &mut lines, log.as_ref());
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

    pub(super) fn start_activity(&self) -> firn_events::Activity {
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
    pub(super) fn follow(
        &self,
        master: &OwnedFd,
        lines: &mut LogLines<'_>,
        log: Option<&LogFile<'_>>,
    ) -> Option<Failure> {
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

    pub(super) fn builder_failed(&self, ended: Ended, lines: &LogLines<'_>) -> Failure {
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
    pub(super) fn disk_full(&self) -> bool {
        const ENOUGH: u64 = 8 << 20;
        [self.context.store.config().real_dir.as_path(), &self.dir]
            .iter()
            .any(|p| rustix::fs::statvfs(*p).is_ok_and(|s| s.f_bavail.saturating_mul(s.f_frsize) < ENOUGH))
    }

    /// Runs a builder that is part of this program, on this thread.
    pub(super) fn run_builtin(&mut self) -> Result<BTreeMap<String, StorePath>, Failure> {
        let drv = &self.job.drv;
        let name = String::from_utf8_lossy(&drv.builder).into_owned();
        let activity = self.start_activity();
        let settings = self.context.store.settings();
        let log = settings
            .keep_build_log()
            .then(|| self.context.logs.open(self.context.store.log_path(&self.job.drv_path)));
        let outputs = self.outputs.iter().map(|(name, plan)| (name, &plan.scratch));
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
}

/// How running a builder can fail: for want of namespaces, which the caller may do without, or in another way.
pub(super) enum Ran {
    NoNamespaces(String),
    Failed(Failure),
}

impl Ran {
    pub(super) fn into_failure(self) -> Failure {
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
