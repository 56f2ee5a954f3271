//! Which derivations have to be built and which paths are fetched instead: the graph below the targets, walked level by
//! level so that the store and the substituters are asked about many paths at a time. What is valid, or can be fetched
//! whole, is not walked below.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use firn_derivation::Derivation;
use firn_derivation::options::DerivationOptions;
use firn_path::{OutputsSpec, StorePath, StorePathSet};
use firn_settings::Feature;
use firn_store::{BuildMode, BuildStatus, LocalStore, Store, StoreError};

use crate::error::Failure;
use crate::substitute::{FetchState, Fetches, Listener, Lookup, Sources, fetch_now};

/// Where a derivation is on its way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// All wanted outputs are valid.
    Valid,
    /// It waits for inputs or for a place.
    Waiting,
    /// Its outputs are being fetched.
    Fetching,
    /// It is being built.
    Running,
    /// It was built, or turned out to be valid.
    Built(BuildStatus),
    /// It was not built.
    Failed(Failure),
}

impl State {
    pub(crate) fn is_success(&self) -> bool {
        matches!(self, State::Valid | State::Built(_))
    }
}

/// A derivation of the graph.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) drv_path: StorePath,
    /// Read where it has to be built.
    pub(crate) drv: Option<Arc<Derivation>>,
    /// Its outputs, with their paths where they are known.
    pub(crate) outputs: BTreeMap<String, Option<StorePath>>,
    /// Those of them that are valid.
    pub(crate) valid: BTreeSet<String>,
    /// Outputs that somebody wants.
    pub(crate) wanted: BTreeSet<String>,
    /// A target of the command, not only an input of one.
    pub(crate) top: bool,
    pub(crate) mode: BuildMode,
    pub(crate) state: State,
    /// Inputs that are not finished, sources that are being fetched included.
    pub(crate) waiting_for: usize,
    /// Its outputs that are being fetched, while it is in that state.
    pub(crate) fetching: BTreeSet<String>,
    /// Substituters did not give its outputs, so they are not asked again.
    pub(crate) no_fetch: bool,
    /// Inputs that failed, sources included.
    pub(crate) failed_inputs: usize,
    /// Derivations that wait for it.
    pub(crate) dependents: Vec<usize>,
    /// Its inputs are in the graph.
    expanded: bool,
}

impl Node {
    fn new(drv_path: StorePath) -> Node {
        Node {
            drv_path,
            drv: None,
            outputs: BTreeMap::new(),
            valid: BTreeSet::new(),
            wanted: BTreeSet::new(),
            top: false,
            mode: BuildMode::Normal,
            state: State::Valid,
            waiting_for: 0,
            fetching: BTreeSet::new(),
            no_fetch: false,
            failed_inputs: 0,
            dependents: Vec::new(),
            expanded: false,
        }
    }
}

/// The graph.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<Node>,
    pub(crate) index: HashMap<StorePath, usize>,
    /// Errors about inputs that are no derivations, to be shown.
    pub(crate) messages: Vec<String>,
    /// What is fetched instead of built.
    pub(crate) fetches: Fetches,
    pub(crate) lookup: Lookup,
}

/// Somebody wants outputs of a derivation.
struct Want {
    drv: StorePath,
    outputs: OutputsSpec,
    /// The node that wants them, or the command.
    by: Option<usize>,
}

/// Builds the graph for derivations with their wanted outputs, and for paths.
///
/// # Errors
/// Those of reading the store; derivations that cannot be built are failed nodes.
pub(crate) fn plan(
    sources: &Sources<'_>,
    targets: impl IntoIterator<Item = (StorePath, OutputsSpec)>,
    paths: &[StorePath],
    mode: BuildMode,
) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    plan.look_for(sources, paths, mode == BuildMode::Repair)?;
    let level = targets.into_iter().map(|(drv, outputs)| Want { drv, outputs, by: None }).collect();
    plan.walk(sources, level, mode)?;
    Ok(plan)
}

impl Plan {
    /// A plan for one derivation that need not be in the store; its inputs are sources that are valid.
    pub(crate) fn single(drv_path: StorePath, drv: Derivation, mode: BuildMode) -> Plan {
        let mut plan = Plan::default();
        let mut node = Node::new(drv_path.clone());
        node.outputs = drv.outputs.keys().map(|name| (name.clone(), None)).collect();
        node.wanted = drv.outputs.keys().cloned().collect();
        (node.drv, node.top, node.mode) = (Some(Arc::new(drv)), true, mode);
        (node.state, node.expanded) = (State::Waiting, true);
        plan.index.insert(drv_path, 0);
        plan.nodes.push(node);
        plan
    }

    /// Takes what is wanted into the graph, level by level.
    fn walk(
        &mut self,
        sources: &Sources<'_>,
        mut level: Vec<Want>,
        mode: BuildMode,
    ) -> Result<(), StoreError> {
        while !level.is_empty() {
            self.look_up(sources, &level)?;
            let mut undecided = Vec::new();
            for want in &level {
                if let Some(i) = self.want(sources.store(), want, mode) {
                    undecided.push(i);
                }
            }
            let expand = self.decide(sources, undecided)?;
            level = self.expand(sources, &expand)?;
        }
        Ok(())
    }

    /// Builds a derivation after all whose outputs could not be fetched: takes its inputs into the graph.
    pub(crate) fn build_instead(&mut self, sources: &Sources<'_>, i: usize) -> Result<(), StoreError> {
        let node = &mut self.nodes[i];
        node.no_fetch = true;
        node.fetching.clear();
        node.state = State::Waiting;
        if std::mem::replace(&mut node.expanded, true) {
            return Ok(());
        }
        let level = self.expand(sources, &[i])?;
        self.walk(sources, level, BuildMode::Normal)
    }

    /// Fetches paths that are no outputs of derivations of the graph, if that is possible.
    fn look_for(
        &mut self,
        sources: &Sources<'_>,
        paths: &[StorePath],
        repair: bool,
    ) -> Result<(), StoreError> {
        let store = sources.store();
        let wanted: Vec<StorePath> =
            paths.iter().filter(|path| !repair || !path_is_good(store, path)).cloned().collect();
        self.lookup.explore(sources, wanted.iter().cloned(), repair)?;
        for path in &wanted {
            if (repair || !store.is_valid(path)?) && self.lookup.can_fetch(path) {
                self.fetches.add(&self.lookup, path, repair);
            }
        }
        Ok(())
    }

    /// Decides for derivations that have to be realised whether their outputs are fetched; gives those that are built.
    fn decide(&mut self, sources: &Sources<'_>, nodes: Vec<usize>) -> Result<Vec<usize>, StoreError> {
        let mut asked: Vec<(usize, Vec<(String, StorePath)>)> = Vec::new();
        let mut build = Vec::new();
        for i in nodes {
            match self.fetchable(sources, i) {
                Some(outputs) => asked.push((i, outputs)),
                None => build.push(i),
            }
        }
        let (mut plain, mut again) = (Vec::new(), Vec::new());
        for (i, outputs) in &asked {
            let paths = outputs.iter().map(|(_, path)| path.clone());
            if self.nodes[*i].mode == BuildMode::Repair { again.extend(paths) } else { plain.extend(paths) }
        }
        self.lookup.explore(sources, plain, false)?;
        self.lookup.explore(sources, again, true)?;
        for (i, outputs) in asked {
            let repair = self.nodes[i].mode == BuildMode::Repair;
            if outputs.iter().all(|(_, path)| self.lookup.can_fetch(path)) {
                for (name, path) in outputs {
                    let Some(number) = self.fetches.add(&self.lookup, &path, repair) else { continue };
                    self.nodes[i].fetching.insert(name);
                    self.fetches.listen(number, Listener::Output(i));
                }
                self.nodes[i].state = State::Fetching;
            } else {
                build.push(i);
            }
        }
        build.retain(|&i| {
            self.nodes[i].state = State::Waiting;
            !std::mem::replace(&mut self.nodes[i].expanded, true)
        });
        Ok(build)
    }

    /// The outputs of a derivation that would have to be fetched; `None` if it is not to be fetched.
    fn fetchable(&mut self, sources: &Sources<'_>, i: usize) -> Option<Vec<(String, StorePath)>> {
        let node = &self.nodes[i];
        if sources.is_empty() || node.no_fetch || node.mode == BuildMode::Check {
            return None;
        }
        let repair = node.mode == BuildMode::Repair;
        let needed: Vec<(String, StorePath)> = node
            .outputs
            .iter()
            .filter(|(name, _)| node.wanted.contains(*name) && (repair || !node.valid.contains(*name)))
            .map(|(name, path)| Some((name.clone(), path.clone()?)))
            .collect::<Option<_>>()?;
        let needed: Vec<_> = needed
            .into_iter()
            .filter(|(name, path)| {
                !node.fetching.contains(name) && (!repair || !path_is_good(sources.store(), path))
            })
            .collect();
        if needed.is_empty() || !self.may_fetch(sources, i) {
            return None;
        }
        Some(needed)
    }

    /// Whether a derivation's attributes allow to fetch what it makes. Reads it.
    fn may_fetch(&mut self, sources: &Sources<'_>, i: usize) -> bool {
        let store = sources.store();
        if store.settings().always_allow_substitutes() {
            return true;
        }
        if self.nodes[i].drv.is_none() {
            self.nodes[i].drv = store.read_derivation(&self.nodes[i].drv_path).ok().map(Arc::new);
        }
        let Some(drv) = &self.nodes[i].drv else { return false };
        let ca = store.settings().enabled(Feature::CaDerivations);
        DerivationOptions::parse(drv, store.dir(), ca, &mut Vec::new()).is_ok_and(|o| o.allow_substitutes)
    }

    /// Makes nodes for the derivations of a level that have none, and finds out which of their outputs are valid.
    fn look_up(&mut self, sources: &Sources<'_>, level: &[Want]) -> Result<(), StoreError> {
        let store = sources.store();
        if !sources.is_empty() {
            let drvs: StorePathSet =
                level.iter().map(|w| &w.drv).filter(|d| !self.index.contains_key(*d)).cloned().collect();
            let valid = store.valid_paths(&drvs)?;
            let absent: Vec<StorePath> = drvs.difference(&valid).cloned().collect();
            if !absent.is_empty() {
                fetch_now(sources, &mut self.lookup, &absent, 0)?;
            }
        }
        let mut new = Vec::new();
        for want in level {
            if self.index.contains_key(&want.drv) {
                continue;
            }
            let i = self.nodes.len();
            self.index.insert(want.drv.clone(), i);
            let mut node = Node::new(want.drv.clone());
            store.add_temp_root(&want.drv)?;
            match store.derivation_outputs(&want.drv) {
                Ok(outputs) => node.outputs = outputs,
                Err(StoreError::InvalidPath(_)) => {
                    node.state =
                        State::Failed(Failure::new(BuildStatus::NoSubstituters, missing(store, &want.drv)));
                }
                Err(e) => node.state = State::Failed(Failure::from(e)),
            }
            self.nodes.push(node);
            new.push(i);
        }
        let mut paths = StorePathSet::new();
        for &i in &new {
            let node = &mut self.nodes[i];
            for (name, path) in &mut node.outputs {
                if path.is_none() {
                    *path = store.realisation(&node.drv_path, name)?.map(|r| r.path);
                }
                if let Some(path) = path {
                    store.add_temp_root(path)?;
                    paths.insert(path.clone());
                }
            }
        }
        let valid = store.valid_paths(&paths)?;
        for &i in &new {
            let node = &mut self.nodes[i];
            let is_valid = |path: &Option<StorePath>| path.as_ref().is_some_and(|p| valid.contains(p));
            node.valid = node.outputs.iter().filter(|(_, p)| is_valid(p)).map(|(n, _)| n.clone()).collect();
        }
        Ok(())
    }

    /// Notes that outputs are wanted; gives the node if it now has to be realised and it is not decided how.
    fn want(&mut self, store: &LocalStore, want: &Want, mode: BuildMode) -> Option<usize> {
        let i = self.index[&want.drv];
        let node = &mut self.nodes[i];
        let outputs: BTreeSet<String> = match &want.outputs {
            OutputsSpec::All => node.outputs.keys().cloned().collect(),
            OutputsSpec::Names(names) => names.clone(),
        };
        if want.by.is_none() {
            node.top = true;
            node.mode = mode;
        }
        if !matches!(node.state, State::Failed(_)) {
            if let Some(unknown) = outputs.iter().find(|o| !node.outputs.contains_key(*o)) {
                node.state = State::Failed(Failure::misc(format!(
                    "derivation '{}' does not have wanted outputs '{unknown}'",
                    store.print(&node.drv_path)
                )));
            }
        }
        node.wanted.extend(outputs);
        let all_valid = node.wanted.iter().all(|o| node.valid.contains(o));
        if node.state == State::Valid {
            match node.mode {
                BuildMode::Normal if all_valid && !node.outputs.is_empty() => {}
                BuildMode::Check if !all_valid => {
                    node.state = State::Failed(Failure::misc(format!(
                        "some outputs of '{}' are not valid, so checking is not possible\n\
                         Hint: --rebuild and --check error if the derivation was not previously built and cannot be substituted.\n      \
                         Remove it to perform a fresh build, or use --repair to rewrite missing or corrupted builds in the store.",
                        store.print(&node.drv_path)
                    )));
                }
                BuildMode::Repair if all_valid && contents_good(store, node) => {}
                _ => node.state = State::Waiting,
            }
        }
        let more = node.state == State::Fetching
            && node.wanted.iter().any(|o| !node.valid.contains(o) && !node.fetching.contains(o));
        let undecided = ((node.state == State::Waiting && !node.expanded) || more).then_some(i);
        if let Some(by) = want.by {
            match self.nodes[i].state {
                State::Waiting | State::Running | State::Fetching => {
                    self.nodes[i].dependents.push(by);
                    self.nodes[by].waiting_for += 1;
                }
                State::Failed(_) => {
                    self.nodes[i].dependents.push(by);
                    self.nodes[by].failed_inputs += 1;
                }
                State::Valid | State::Built(_) => {}
            }
        }
        undecided
    }

    /// Reads the derivations of nodes and checks their sources; gives what they want in turn.
    fn expand(&mut self, from: &Sources<'_>, nodes: &[usize]) -> Result<Vec<Want>, StoreError> {
        let store = from.store();
        let mut wants = Vec::new();
        let mut sources = StorePathSet::new();
        for &i in nodes {
            let read = match self.nodes[i].drv.clone() {
                Some(drv) => Ok(drv),
                None => store.read_derivation(&self.nodes[i].drv_path).map(Arc::new),
            };
            match read {
                Ok(drv) => {
                    for (input, outputs) in &drv.input_drvs {
                        if !outputs.dynamic.is_empty() {
                            let text = "dynamic derivations are not supported by this builder";
                            self.nodes[i].state = State::Failed(Failure::misc(text));
                        }
                        let names = OutputsSpec::Names(outputs.outputs.clone());
                        wants.push(Want { drv: input.clone(), outputs: names, by: Some(i) });
                    }
                    sources.extend(drv.input_srcs.iter().cloned());
                    self.nodes[i].drv = Some(drv);
                }
                Err(e) => self.nodes[i].state = State::Failed(Failure::from(e)),
            }
        }
        let valid = store.valid_paths(&sources)?;
        let absent: Vec<StorePath> = sources.difference(&valid).cloned().collect();
        if !absent.is_empty() {
            self.look_for(from, &absent, false)?;
        }
        let mut told = BTreeSet::new();
        for &i in nodes {
            let Some(drv) = self.nodes[i].drv.clone() else { continue };
            for source in drv.input_srcs.iter().filter(|s| !valid.contains(*s)) {
                if let Some(number) = self.fetches.number(source) {
                    match self.fetches.get(number).state {
                        FetchState::Done => continue,
                        FetchState::Missed(_) => {}
                        FetchState::Waiting | FetchState::Running => {
                            self.nodes[i].waiting_for += 1;
                            self.fetches.listen(number, Listener::Source(i));
                            continue;
                        }
                    }
                }
                self.nodes[i].failed_inputs += 1;
                if told.insert(source.clone()) {
                    self.messages.push(missing(store, source));
                }
            }
        }
        Ok(wants)
    }
}

/// Whether the files of all outputs are what they were registered as.
fn contents_good(store: &LocalStore, node: &Node) -> bool {
    node.outputs.values().flatten().all(|path| path_is_good(store, path))
}

/// Whether the files of a path are what it was registered as.
fn path_is_good(store: &LocalStore, path: &StorePath) -> bool {
    let Ok(Some(info)) = store.path_info(path) else { return false };
    firn_source::hash_path(&store.real(path), info.nar_hash.algo())
        .is_ok_and(|(hash, _)| hash == info.nar_hash)
}

/// The message about a path that nobody can make.
pub(crate) fn missing(store: &LocalStore, path: &StorePath) -> String {
    format!("path '{}' is required, but there is no substituter that can build it", store.print(path))
}
