//! Building what the plan says: ready derivations go to executors, each on a thread of its own; the scheduler sleeps until one
//! ends. Every derivation is looked at once when it becomes ready and once when it ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::Scope;
use std::time::Duration;

use firn_derivation::Derivation;
use firn_derivation::options::DerivationOptions;
use firn_events::{Activity, ActivityKind, ActivityResult, Events, Level};
use firn_path::{SingleDerivedPath, StorePath, StorePathSet};
use firn_settings::Feature;
use firn_store::{BuildMode, BuildStatus, Realisation, Store, StoreError};

use crate::error::{ExitFlags, Failure};
use crate::executor::{Built, Executor, Job, JobContext, Offer};
use crate::plan::{Plan, State, missing};
use crate::substitute::{FetchState, Listener, Lookup, Missed, Sources, fetch_now};
use crate::summary::indent_error;

/// What ended.
enum Done {
    Build(usize, Arc<Job>, Result<Built, Failure>),
    Fetch(usize, Result<(), Missed>),
}

/// What ended runs leave: per node the times and the CPU use.
pub(crate) type Outcomes = Vec<Option<Built>>;

pub(crate) struct Scheduler<'a> {
    plan: &'a mut Plan,
    executors: &'a [Box<dyn Executor>],
    context: &'a JobContext<'a>,
    sources: &'a Sources<'a>,
    flags: &'a ExitFlags,
    keep_going: bool,
    /// Ready to be built: ordered by name, as the reference takes them.
    ready: BTreeSet<(String, StorePath, usize)>,
    running: usize,
    stopping: bool,
    outcomes: Outcomes,
    builds: Activity,
    copies: Activity,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    done: u64,
    expected: u64,
    failed: u64,
}

impl<'a> Scheduler<'a> {
    pub(crate) fn new(
        plan: &'a mut Plan,
        executors: &'a [Box<dyn Executor>],
        context: &'a JobContext<'a>,
        sources: &'a Sources<'a>,
        flags: &'a ExitFlags,
    ) -> Scheduler<'a> {
        let copies = context.events.start(context.parent, Level::Error, ActivityKind::CopyPaths, "", vec![]);
        let builds = context.events.start(context.parent, Level::Error, ActivityKind::Builds, "", vec![]);
        let outcomes = plan.nodes.iter().map(|_| None).collect();
        let keep_going = context.store.settings().keep_going();
        let expected = plan.nodes.iter().filter(|n| n.state == State::Waiting).count() as u64;
        Scheduler {
            plan,
            executors,
            context,
            sources,
            flags,
            keep_going,
            ready: BTreeSet::new(),
            running: 0,
            stopping: false,
            outcomes,
            builds,
            copies,
            counts: Counts { expected, ..Counts::default() },
        }
    }

    /// Runs to the end: all done, or, without `keep-going`, all given up after a failure.
    pub(crate) fn run(mut self) -> Result<Outcomes, StoreError> {
        for text in std::mem::take(&mut self.plan.messages) {
            self.show(&text);
        }
        self.settle_planned_failures();
        for i in 0..self.plan.nodes.len() {
            self.ready_if_free(i);
        }
        self.progress();
        let (sender, receiver) = channel::<Done>();
        std::thread::scope(|scope| -> Result<(), StoreError> {
            loop {
                if self.context.cancel.is_cancelled() {
                    self.stopping = true;
                }
                if !self.stopping {
                    self.start_ready(scope, &sender)?;
                    self.start_fetches(scope, &sender);
                }
                if self.running + self.plan.fetches.running == 0 {
                    if self.stopping || self.ready.is_empty() {
                        return Ok(());
                    }
                    // all places are taken by other runs of the same executors
                    std::thread::sleep(Duration::from_millis(20));
                    continue;
                }
                match receiver.recv() {
                    Ok(Done::Build(i, job, result)) => {
                        self.running -= 1;
                        self.ended(i, &job, result)?;
                    }
                    Ok(Done::Fetch(number, result)) => self.fetched(number, result)?,
                    Err(_) => return Ok(()),
                }
                self.progress();
            }
        })?;
        Ok(self.outcomes)
    }

    /// Failures that were known before anything ran.
    fn settle_planned_failures(&mut self) {
        let failed: Vec<(usize, Failure)> = self
            .plan
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(i, n)| match &n.state {
                State::Failed(f) => Some((i, f.clone())),
                _ => None,
            })
            .collect();
        for (_, failure) in &failed {
            self.flags.add(failure);
        }
        for (i, failure) in failed {
            if !self.plan.nodes[i].dependents.is_empty() {
                self.show(&failure.message);
            }
            self.after_failure(i);
        }
        for i in 0..self.plan.nodes.len() {
            let node = &self.plan.nodes[i];
            if node.state == State::Waiting
                && node.failed_inputs > 0
                && (!self.keep_going || node.waiting_for == 0)
            {
                self.fail_for_inputs(i);
            }
        }
    }

    fn ready_if_free(&mut self, i: usize) {
        let node = &self.plan.nodes[i];
        if node.state == State::Waiting && node.waiting_for == 0 && node.failed_inputs == 0 {
            self.ready.insert((node.drv_path.name().to_owned(), node.drv_path.clone(), i));
        }
    }

    fn start_ready<'s>(&mut self, scope: &'s Scope<'s, 'a>, sender: &Sender<Done>) -> Result<(), StoreError> {
        let mut waiting = Vec::new();
        while let Some((name, path, i)) = self.ready.pop_first() {
            if self.stopping {
                break;
            }
            let job = match self.prepare(i) {
                Ok(Some(job)) => Arc::new(job),
                Ok(None) => continue,
                Err(failure) => {
                    self.failed(i, failure);
                    continue;
                }
            };
            match self.offer(&job) {
                Ok(Some((executor, lease))) => {
                    self.plan.nodes[i].state = State::Running;
                    self.running += 1;
                    let (context, sender) = (self.context, sender.clone());
                    let run = move || {
                        let result = executor.submit(lease, &job, context);
                        let _ = sender.send(Done::Build(i, job, result));
                    };
                    let spawned = std::thread::Builder::new().name("build".into()).spawn_scoped(scope, run);
                    if let Err(e) = spawned {
                        self.running -= 1;
                        self.failed(i, Failure::misc(format!("cannot start a thread for a build: {e}")));
                    }
                }
                Ok(None) => {
                    waiting.push((name, path, i));
                    // places are alike: if one job finds none, the next will not either
                    if self.executors.len() == 1 {
                        break;
                    }
                }
                Err(failure) => self.failed(i, failure),
            }
        }
        self.ready.extend(waiting);
        Ok(())
    }

    fn start_fetches<'s>(&mut self, scope: &'s Scope<'s, 'a>, sender: &Sender<Done>) {
        let most = self.context.store.settings().max_substitution_jobs().max(1);
        while (self.plan.fetches.running as u64) < most {
            let Some(number) = self.plan.fetches.start_next() else { return };
            let fetch = self.plan.fetches.get(number);
            let (found, repair) = (fetch.found.clone(), fetch.repair);
            let (sources, parent, answer) = (self.sources, self.copies.id(), sender.clone());
            let run = move || {
                let result = sources.fetch(&found, repair, parent);
                let _ = answer.send(Done::Fetch(number, result));
            };
            if std::thread::Builder::new().name("substitute".into()).spawn_scoped(scope, run).is_err() {
                let _ = sender.send(Done::Fetch(number, Err(Missed::Failed)));
            }
        }
    }

    /// Goes on with what waited for a fetch, and for those that failed with it.
    fn fetched(&mut self, number: usize, result: Result<(), Missed>) -> Result<(), StoreError> {
        for over in self.plan.fetches.ended(number, result) {
            for listener in self.plan.fetches.get(over).listeners.clone() {
                match (listener, self.plan.fetches.get(over).state) {
                    (Listener::Source(i), FetchState::Done) => {
                        self.plan.nodes[i].waiting_for -= 1;
                        self.ready_or_failed(i);
                    }
                    (Listener::Source(i), _) => {
                        let text = missing(self.context.store, &self.plan.fetches.get(over).found.info.path);
                        self.show(&text);
                        let node = &mut self.plan.nodes[i];
                        node.waiting_for -= 1;
                        node.failed_inputs += 1;
                        if node.state == State::Waiting && (!self.keep_going || node.waiting_for == 0) {
                            self.fail_for_inputs(i);
                        }
                    }
                    (Listener::Output(i), FetchState::Done) => self.output_fetched(i),
                    (Listener::Output(i), state) => self.output_missed(i, state)?,
                }
            }
        }
        Ok(())
    }

    fn output_fetched(&mut self, i: usize) {
        let fetches = &self.plan.fetches;
        let node = &self.plan.nodes[i];
        let done = node.state == State::Fetching
            && node.fetching.iter().all(|name| {
                let path = node.outputs.get(name).and_then(Option::as_ref);
                path.is_some_and(|p| fetches.state_of(p) == Some(FetchState::Done))
            });
        if done {
            let fetching = std::mem::take(&mut self.plan.nodes[i].fetching);
            self.plan.nodes[i].valid.extend(fetching);
            self.counts.expected += 1;
            self.succeeded(i, BuildStatus::Substituted);
        }
    }

    fn output_missed(&mut self, i: usize, state: FetchState) -> Result<(), StoreError> {
        if self.plan.nodes[i].state != State::Fetching {
            return Ok(());
        }
        let store = self.context.store;
        if state == FetchState::Missed(Missed::Failed) && !store.settings().fallback() {
            let text = format!(
                "some substitutes for the outputs of derivation '{}' failed (usually happens due to networking issues); try '--fallback' to build derivation from source ",
                store.print(&self.plan.nodes[i].drv_path)
            );
            self.plan.nodes[i].fetching.clear();
            self.failed(i, Failure::new(BuildStatus::TransientFailure, text));
            return Ok(());
        }
        let first_new = self.plan.nodes.len();
        self.plan.build_instead(self.sources, i)?;
        self.outcomes.resize_with(self.plan.nodes.len(), || None);
        for text in std::mem::take(&mut self.plan.messages) {
            self.show(&text);
        }
        let new: Vec<usize> = std::iter::once(i).chain(first_new..self.plan.nodes.len()).collect();
        for &n in &new {
            match self.plan.nodes[n].state.clone() {
                State::Waiting => self.counts.expected += 1,
                State::Failed(failure) => {
                    self.flags.add(&failure);
                    self.show(&failure.message);
                    self.after_failure(n);
                }
                _ => {}
            }
        }
        for n in new {
            self.ready_or_failed(n);
        }
        Ok(())
    }

    /// Takes a derivation that waits for nothing any more into the queue, or gives it up.
    fn ready_or_failed(&mut self, i: usize) {
        let node = &self.plan.nodes[i];
        if node.state != State::Waiting || node.waiting_for > 0 {
            return;
        }
        if node.failed_inputs > 0 {
            self.fail_for_inputs(i);
        } else {
            self.ready_if_free(i);
        }
    }

    /// Asks the executors in order. `None`: later.
    fn offer(&self, job: &Job) -> Result<Option<(&'a dyn Executor, crate::executor::Lease)>, Failure> {
        let mut busy = false;
        let mut refusal = None;
        for executor in self.executors {
            match executor.lease(job, self.context) {
                Offer::Ready(lease) => return Ok(Some((&**executor, lease))),
                Offer::Busy => busy = true,
                Offer::Refused(failure) => refusal = Some(failure),
            }
        }
        match (busy, refusal) {
            (true, _) => Ok(None),
            (false, Some(failure)) => Err(failure),
            (false, None) => Err(Failure::misc("there is nothing to build with")),
        }
    }

    /// Makes the job of a node whose inputs are valid. `None` if the node needs no building after all.
    fn prepare(&mut self, i: usize) -> Result<Option<Job>, Failure> {
        let store = self.context.store;
        let node = &self.plan.nodes[i];
        let drv = node.drv.clone().ok_or_else(|| Failure::misc("the derivation was not read"))?;
        let ca = store.settings().enabled(Feature::CaDerivations);
        let kind = drv.derivation_type()?;
        let require =
            |feature| store.settings().require(feature, "").map_err(|e| Failure::misc(e.to_string()));
        if kind.is_impure() {
            require(Feature::ImpureDerivations)?;
        } else if !kind.has_known_output_paths() {
            require(Feature::CaDerivations)?;
        }
        let (drv_path, drv) = if drv.should_resolve(ca)? {
            match self.resolve(&drv)? {
                Some(resolved) => (store.write_derivation(&resolved, false)?, Arc::new(resolved)),
                None => return Err(Failure::misc("an input of the derivation has no known path")),
            }
        } else {
            (node.drv_path.clone(), drv)
        };
        if drv_path != node.drv_path && node.mode == BuildMode::Normal && !kind.is_impure() {
            if let Some(outputs) = self.valid_outputs(&drv_path, &drv)? {
                self.adopt(i, &drv_path, outputs)?;
                self.succeeded(i, BuildStatus::ResolvesToAlreadyValid);
                return Ok(None);
            }
        }
        if !kind.has_known_output_paths() && !kind.is_impure() && node.mode == BuildMode::Normal {
            if let Some(outputs) = self.fetch_realisations(&drv_path, &drv)? {
                self.adopt(i, &drv_path, outputs)?;
                self.succeeded(i, BuildStatus::Substituted);
                return Ok(None);
            }
        }
        let mut warnings = Vec::new();
        let options = DerivationOptions::parse(&drv, store.dir(), ca, &mut warnings).map_err(|e| {
            Failure::misc(format!("{e}\nwhile parsing derivation '{}'", store.print(&node.drv_path)))
        })?;
        for text in warnings {
            self.context.events.warn(text);
        }
        let options = options
            .resolve(|drv, output| self.output_of(drv, output))
            .ok_or_else(|| Failure::misc("an attribute names an output whose path is not known"))?;
        let mut inputs: StorePathSet = drv.input_srcs.clone();
        for input in drv.inputs() {
            if let SingleDerivedPath::Built { drv: input_drv, output } = &input {
                let path = self.output_of(input_drv, output).ok_or_else(|| {
                    Failure::misc(format!(
                        "derivation '{}' requires non-existent output '{output}' from input derivation '{}'",
                        store.print(&node.drv_path),
                        input_drv.print(store.dir())
                    ))
                })?;
                inputs.insert(path);
            }
        }
        Ok(Some(Job { drv_path, drv, options: Arc::new(options), inputs, mode: node.mode }))
    }

    fn resolve(&self, drv: &Derivation) -> Result<Option<Derivation>, Failure> {
        let ca = self.context.store.settings().enabled(Feature::CaDerivations);
        Ok(drv.resolve(self.context.store.dir(), ca, |input, output| self.output_of(input, output))?)
    }

    /// The path of an output of a derivation in the graph.
    fn output_of(&self, drv: &SingleDerivedPath, output: &str) -> Option<StorePath> {
        let SingleDerivedPath::Opaque(path) = drv else { return None };
        let node = &self.plan.nodes[*self.plan.index.get(path)?];
        node.outputs.get(output)?.clone()
    }

    /// The outputs of a resolved derivation, if all are valid.
    fn valid_outputs(
        &self,
        drv_path: &StorePath,
        drv: &Derivation,
    ) -> Result<Option<Vec<(String, StorePath)>>, Failure> {
        let store = self.context.store;
        let mut all = Vec::new();
        for (name, known) in drv.output_paths(store.dir())? {
            let path = match known {
                Some(path) => Some(path),
                None => store.realisation(drv_path, &name)?.map(|r| r.path),
            };
            match path {
                Some(path) if store.is_valid(&path)? => all.push((name, path)),
                _ => return Ok(None),
            }
        }
        Ok(Some(all))
    }

    /// The outputs of a resolved derivation whose paths follow from their contents, if substituters know and have them.
    fn fetch_realisations(
        &self,
        drv_path: &StorePath,
        drv: &Derivation,
    ) -> Result<Option<Vec<(String, StorePath)>>, Failure> {
        if self.sources.is_empty() {
            return Ok(None);
        }
        let store = self.context.store;
        let mut all = Vec::new();
        for name in drv.outputs.keys() {
            match self.sources.realisation(drv_path, name) {
                Some(known) => all.push((name.clone(), known.path)),
                None => return Ok(None),
            }
        }
        let paths: Vec<StorePath> = all.iter().map(|(_, path)| path.clone()).collect();
        fetch_now(self.sources, &mut Lookup::default(), &paths, self.copies.id())?;
        for path in &paths {
            if !store.is_valid(path)? {
                return Ok(None);
            }
        }
        Ok(Some(all))
    }

    /// Takes the outputs of a resolved derivation as those of a node.
    fn adopt(
        &mut self,
        i: usize,
        resolved: &StorePath,
        outputs: impl IntoIterator<Item = (String, StorePath)>,
    ) -> Result<(), Failure> {
        let store = self.context.store;
        let node = &mut self.plan.nodes[i];
        let impure = node.drv.as_ref().is_some_and(|d| d.derivation_type().is_ok_and(|t| t.is_impure()));
        let record = store.settings().enabled(Feature::CaDerivations) && !impure;
        for (name, path) in outputs {
            if record {
                let mut drvs = vec![resolved];
                if *resolved != node.drv_path {
                    drvs.push(&node.drv_path);
                }
                for drv in drvs {
                    let sigs = BTreeSet::new();
                    let realisation =
                        Realisation { drv: drv.clone(), output: name.clone(), path: path.clone(), sigs };
                    store.register_realisation(&realisation)?;
                }
            }
            node.valid.insert(name.clone());
            node.outputs.insert(name, Some(path));
        }
        Ok(())
    }

    fn ended(&mut self, i: usize, job: &Job, result: Result<Built, Failure>) -> Result<(), StoreError> {
        match result {
            Ok(built) => {
                if let Err(failure) = self.adopt(i, &job.drv_path, built.outputs.clone()) {
                    self.failed(i, failure);
                    return Ok(());
                }
                let status = built.status;
                self.outcomes[i] = Some(built);
                self.succeeded(i, status);
            }
            Err(failure) if failure.elsewhere && !self.stopping => {
                // the machine is not asked again, so this ends
                self.show(&failure.message);
                self.plan.nodes[i].state = State::Waiting;
                self.ready_if_free(i);
            }
            Err(failure) => self.failed(i, failure),
        }
        Ok(())
    }

    fn succeeded(&mut self, i: usize, status: BuildStatus) {
        self.plan.nodes[i].state = State::Built(status);
        self.counts.done += 1;
        for d in self.plan.nodes[i].dependents.clone() {
            self.plan.nodes[d].waiting_for -= 1;
            if self.plan.nodes[d].failed_inputs > 0 {
                if self.plan.nodes[d].waiting_for == 0 && self.plan.nodes[d].state == State::Waiting {
                    self.fail_for_inputs(d);
                }
            } else {
                self.ready_if_free(d);
            }
        }
    }

    /// A derivation was not built. Failures without a text are jobs that were given up.
    fn failed(&mut self, i: usize, failure: Failure) {
        self.flags.add(&failure);
        if failure.status != BuildStatus::DependencyFailed && !failure.message.is_empty() {
            self.counts.failed += 1;
        }
        if !failure.message.is_empty()
            && !self.plan.nodes[i].dependents.is_empty()
            && !self.context.cancel.is_cancelled()
        {
            self.show(&failure.message);
        }
        let given_up = failure.message.is_empty();
        self.plan.nodes[i].state = State::Failed(failure);
        if given_up {
            self.stopping = true;
            return;
        }
        for d in self.plan.nodes[i].dependents.clone() {
            self.plan.nodes[d].waiting_for -= 1;
            self.plan.nodes[d].failed_inputs += 1;
        }
        self.after_failure(i);
    }

    fn after_failure(&mut self, i: usize) {
        for d in self.plan.nodes[i].dependents.clone() {
            let node = &self.plan.nodes[d];
            if node.state == State::Waiting && (!self.keep_going || node.waiting_for == 0) {
                self.fail_for_inputs(d);
            }
        }
        if !self.keep_going && !self.stopping && self.plan.nodes[i].top {
            // what still runs is of no use any more
            self.stopping = true;
            self.context.cancel.cancel();
        }
    }

    fn fail_for_inputs(&mut self, i: usize) {
        let node = &self.plan.nodes[i];
        let dir = self.context.store.dir();
        let n = node.failed_inputs;
        let noun = if n == 1 { "dependency" } else { "dependencies" };
        let mut text = format!("Cannot build '{}'.\nReason: {n} {noun} failed.", dir.print(&node.drv_path));
        let paths: BTreeSet<&StorePath> = node.outputs.values().flatten().collect();
        if !paths.is_empty() {
            text.push_str("\nOutput paths:");
            for path in paths {
                text.push_str(&format!("\n  {}", dir.print(path)));
            }
        }
        self.failed(i, Failure::new(BuildStatus::DependencyFailed, text));
    }

    fn show(&self, text: &str) {
        self.context.events.message(Level::Error, indent_error(text));
    }

    fn progress(&self) {
        let left = self.counts.expected.max(self.counts.done);
        self.builds.result(ActivityResult::Progress(
            self.counts.done,
            left,
            self.running as u64,
            self.counts.failed,
        ));
        let fetches = &self.plan.fetches;
        if fetches.len() > 0 {
            self.copies.result(ActivityResult::Progress(
                fetches.done as u64,
                fetches.len() as u64,
                fetches.running as u64,
                fetches.failed as u64,
            ));
        }
    }
}

/// An activity that all of a run belongs to.
pub(crate) fn realise_activity(events: &Events) -> Activity {
    events.start(0, Level::Error, ActivityKind::Realise, "", vec![])
}
