//! The store's way to build: plan, schedule, results.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use firn_events::Events;
use firn_path::{DerivedPath, OutputsSpec, StorePath};
use firn_store::{BuildBackend, BuildMode, BuildResult, BuildStatus, LocalStore, Store, StoreError};
use firn_sys::CancelToken;
use firn_sys::spawn::HelperProgram;
use firn_transfer::Transfer;

use crate::builtins::Builtins;
use crate::closure::Closures;
use crate::error::ExitFlags;
use crate::executor::{Built, Executor, JobContext};
use crate::local::log::LogWriter;
use crate::local::root::Roots;
use crate::local::{LocalMachine, SandboxShell};
use crate::plan::{Plan, State, missing, plan};
use crate::schedule::{Outcomes, Scheduler, realise_activity};

/// How a builder is set up, beside the settings that come with the store.
#[derive(Debug)]
pub struct BuilderOptions {
    /// The program that becomes builders: it calls [`firn_sys::helper::run_if_asked`] first of all.
    pub helper: HelperProgram,
    /// The builtin builders.
    pub builtins: Builtins,
    /// The static shell that is `/bin/sh` in sandboxes where the setting `sandbox-paths` has none.
    pub sandbox_shell: SandboxShell,
    /// End the message about a failed builder with its last lines. Not if lines are shown as they come.
    pub show_log_tail: bool,
    /// Connections for downloads; made from the settings at the first one.
    pub(crate) transfer: OnceLock<Transfer>,
    warned: AtomicBool,
}

impl Default for BuilderOptions {
    /// This program as helper, the builtins of this crate, a static shell of the machine.
    fn default() -> Self {
        BuilderOptions {
            helper: HelperProgram::own(),
            builtins: Builtins::default(),
            sandbox_shell: SandboxShell::of_host(),
            show_log_tail: true,
            transfer: OnceLock::new(),
            warned: AtomicBool::new(false),
        }
    }
}

impl BuilderOptions {
    /// Uses these connections for downloads.
    pub fn with_transfer(self, transfer: Transfer) -> Self {
        let _ = self.transfer.set(transfer);
        self
    }

    /// Says once that builds go without a sandbox.
    pub(crate) fn warn_no_sandbox(&self, events: &Events, why: &str) {
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        events.warn(format!(
            "auto-disabling sandboxing because the prerequisite namespaces are not available and 'sandbox-fallback' is enabled; use '--no-sandbox' or specify 'sandbox = false' setting to silence this warning\n{why}"
        ));
    }
}

/// Builds derivations of a local store.
pub struct Builder {
    options: BuilderOptions,
    executors: Vec<Box<dyn Executor>>,
    cancel: CancelToken,
    flags: ExitFlags,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Builder {
    /// A builder on this machine. `cancel` ends all its builds.
    pub fn new(options: BuilderOptions, cancel: CancelToken) -> Builder {
        Builder {
            options,
            executors: vec![Box::new(LocalMachine::new())],
            cancel,
            flags: ExitFlags::default(),
        }
    }

    /// Adds an executor that is asked before those that are there.
    pub fn prefer(&mut self, executor: Box<dyn Executor>) {
        self.executors.insert(0, executor);
    }

    /// The exit code of a program some of whose builds failed: 1, or 100 and more (see [`ExitFlags::exit_code`]).
    pub fn exit_code(&self) -> u8 {
        self.flags.exit_code()
    }
}

impl BuildBackend for Builder {
    fn build(
        &self,
        store: &LocalStore,
        targets: &[DerivedPath],
        mode: BuildMode,
        events: &Events,
    ) -> Result<Vec<BuildResult>, StoreError> {
        let wanted = targets.iter().filter_map(derivation_target);
        let mut graph = plan(store, wanted, mode)?;
        let outcomes = if graph.nodes.iter().any(|n| n.state == State::Waiting) {
            self.run(store, &mut graph, events)?
        } else {
            for node in &graph.nodes {
                if let State::Failed(failure) = &node.state {
                    self.flags.add(failure);
                }
            }
            graph.nodes.iter().map(|_| None).collect()
        };
        targets.iter().map(|t| result(store, t, &graph, &outcomes)).collect()
    }
}

impl Builder {
    fn run(&self, store: &LocalStore, graph: &mut Plan, events: &Events) -> Result<Outcomes, StoreError> {
        store.auto_gc()?;
        let cancel = self.cancel.child().map_err(|e| StoreError::Build(e.to_string()))?;
        let logs = LogWriter::new(store.settings().compress_build_log(), events);
        let closures = Closures::new(store);
        let roots = Roots::default();
        let activity = realise_activity(events);
        let context = JobContext {
            store,
            events,
            cancel: &cancel,
            options: &self.options,
            parent: activity.id(),
            roots: &roots,
            logs: &logs,
            closures: &closures,
        };
        Scheduler::new(graph, &self.executors, &context, &self.flags).run()
    }
}

/// The derivation and outputs of a target, unless it is a path.
fn derivation_target(target: &DerivedPath) -> Option<(StorePath, OutputsSpec)> {
    match target {
        DerivedPath::Opaque(_) => None,
        DerivedPath::Built { outputs, .. } => Some((target.base_path().clone(), outputs.clone())),
    }
}

fn result(
    store: &LocalStore,
    target: &DerivedPath,
    graph: &Plan,
    outcomes: &[Option<Built>],
) -> Result<BuildResult, StoreError> {
    let Some((drv, wanted)) = derivation_target(target) else {
        let path = target.base_path();
        return Ok(if store.is_valid(path)? {
            BuildResult::new(target.clone(), BuildStatus::AlreadyValid)
        } else {
            BuildResult::failed(target.clone(), BuildStatus::NoSubstituters, missing(store, path))
        });
    };
    let Some(&i) = graph.index.get(&drv) else {
        return Ok(BuildResult::failed(target.clone(), BuildStatus::MiscFailure, ""));
    };
    let node = &graph.nodes[i];
    let mut result = match &node.state {
        State::Valid => BuildResult::new(target.clone(), BuildStatus::AlreadyValid),
        State::Built(status) => BuildResult::new(target.clone(), *status),
        State::Failed(failure) => {
            BuildResult::failed(target.clone(), failure.status, failure.message.clone())
        }
        // given up, as another one failed
        State::Waiting | State::Running => BuildResult::failed(target.clone(), BuildStatus::MiscFailure, ""),
    };
    result.is_non_deterministic = result.status == BuildStatus::NotDeterministic;
    if let Some(built) = &outcomes[i] {
        result.times_built = u32::from(built.start_time != 0);
        (result.start_time, result.stop_time) = (built.start_time, built.stop_time);
        (result.cpu_user, result.cpu_system) = (built.cpu_user, built.cpu_system);
    }
    if node.state.is_success() {
        for (name, path) in &node.outputs {
            if wanted.contains(name) {
                result.outputs.extend(path.clone().map(|p| (name.clone(), p)));
            }
        }
    }
    Ok(result)
}
