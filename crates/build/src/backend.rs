//! The store's way to build: plan, schedule, results.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use firn_derivation::Derivation;
use firn_events::Events;
use firn_path::{DerivedPath, OutputsSpec, StorePath, StorePathSet};
use firn_store::{BuildBackend, BuildMode, BuildResult, BuildStatus, LocalStore, Missing, Store, StoreError};
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
use crate::substitute::{FetchState, OpenStore, Opened, Sources};

/// How a builder is set up, beside the settings that come with the store.
pub struct BuilderOptions {
    /// The program that becomes builders: it calls [`firn_sys::helper::run_if_asked`] first of all.
    pub helper: HelperProgram,
    /// The builtin builders.
    pub builtins: Builtins,
    /// The static shell that is `/bin/sh` in sandboxes where the setting `sandbox-paths` has none.
    pub sandbox_shell: SandboxShell,
    /// End the message about a failed builder with its last lines. Not if lines are shown as they come.
    pub show_log_tail: bool,
    /// Opens the stores that the setting `substituters` names; without it nothing is substituted.
    pub substituters: Option<OpenStore>,
    /// Connections for downloads; made from the settings at the first one.
    pub(crate) transfer: OnceLock<Transfer>,
    warned: AtomicBool,
}

impl std::fmt::Debug for BuilderOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuilderOptions").field("helper", &self.helper).finish_non_exhaustive()
    }
}

impl Default for BuilderOptions {
    /// This program as helper, the builtins of this crate, a static shell of the machine.
    fn default() -> Self {
        BuilderOptions {
            helper: HelperProgram::own(),
            builtins: Builtins::default(),
            sandbox_shell: SandboxShell::of_host(),
            show_log_tail: true,
            substituters: None,
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
    opened: Opened,
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
            opened: Opened::default(),
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
        let sources = self.sources(store, events);
        let wanted = targets.iter().filter_map(derivation_target);
        let mut graph = plan(&sources, wanted, &opaque(targets), mode)?;
        let busy = graph.fetches.len() > 0 || graph.nodes.iter().any(|n| n.state == State::Waiting);
        let outcomes = if busy {
            self.run(store, &mut graph, &sources, events)?
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

    fn build_derivation(
        &self,
        store: &LocalStore,
        drv_path: &StorePath,
        drv: &Derivation,
        mode: BuildMode,
        events: &Events,
    ) -> Result<BuildResult, StoreError> {
        let target = DerivedPath::built(drv_path.clone(), OutputsSpec::All);
        if mode == BuildMode::Normal {
            if let Some(outputs) = valid_outputs(store, drv)? {
                return Ok(BuildResult { outputs, ..BuildResult::new(target, BuildStatus::AlreadyValid) });
            }
        }
        let mut graph = Plan::single(drv_path.clone(), drv.clone(), mode);
        let outcomes = self.run(store, &mut graph, &Sources::none(store, events), events)?;
        result(store, &target, &graph, &outcomes)
    }

    fn missing(&self, store: &LocalStore, targets: &[DerivedPath]) -> Result<Missing, StoreError> {
        let sources = self.sources(store, store.events());
        let wanted = targets.iter().filter_map(derivation_target);
        let graph = plan(&sources, wanted, &opaque(targets), BuildMode::Normal)?;
        let mut missing = Missing::default();
        for node in &graph.nodes {
            match &node.state {
                State::Waiting => drop(missing.will_build.insert(node.drv_path.clone())),
                State::Failed(f) if f.status == BuildStatus::NoSubstituters => {
                    missing.unknown.insert(node.drv_path.clone());
                }
                _ => {}
            }
        }
        for fetch in graph.fetches.iter() {
            missing.download_size += fetch.found.download;
            missing.nar_size += fetch.found.info.nar_size;
            missing.will_substitute.insert(fetch.found.info.path.clone());
        }
        missing.unknown.extend(graph.lookup.unknown.iter().cloned());
        for path in opaque(targets) {
            if !missing.will_substitute.contains(&path) && !store.is_valid(&path)? {
                missing.unknown.insert(path);
            }
        }
        Ok(missing)
    }

    fn substitutable_paths(
        &self,
        store: &LocalStore,
        paths: &StorePathSet,
        events: &Events,
    ) -> Result<StorePathSet, StoreError> {
        let sources = self.sources(store, events);
        Ok(paths.iter().filter(|p| sources.find(p, 0).is_some()).cloned().collect())
    }
}

impl Builder {
    fn sources<'a>(&self, store: &'a LocalStore, events: &'a Events) -> Sources<'a> {
        Sources::open(store, events, self.options.substituters.as_ref(), &self.opened)
    }

    fn run(
        &self,
        store: &LocalStore,
        graph: &mut Plan,
        sources: &Sources<'_>,
        events: &Events,
    ) -> Result<Outcomes, StoreError> {
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
        Scheduler::new(graph, &self.executors, &context, sources, &self.flags).run()
    }
}

/// The targets that are paths.
fn opaque(targets: &[DerivedPath]) -> Vec<StorePath> {
    targets.iter().filter(|t| matches!(t, DerivedPath::Opaque(_))).map(|t| t.base_path().clone()).collect()
}

/// The outputs of a derivation, if all are valid.
fn valid_outputs(
    store: &LocalStore,
    drv: &Derivation,
) -> Result<Option<BTreeMap<String, StorePath>>, StoreError> {
    let mut valid = BTreeMap::new();
    for (name, path) in drv.output_paths(store.dir())? {
        match path {
            Some(path) if store.is_valid(&path)? => valid.insert(name, path),
            _ => return Ok(None),
        };
    }
    Ok(Some(valid))
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
        return Ok(if graph.fetches.state_of(path) == Some(FetchState::Done) {
            BuildResult::new(target.clone(), BuildStatus::Substituted)
        } else if store.is_valid(path)? {
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
        State::Waiting | State::Running | State::Fetching => {
            BuildResult::failed(target.clone(), BuildStatus::MiscFailure, "")
        }
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
