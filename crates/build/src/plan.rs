//! Which derivations have to be built: the graph below the targets, walked level by level so that the store is asked about
//! many paths at a time. What is valid is not walked below.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use firn_derivation::Derivation;
use firn_path::{OutputsSpec, StorePath, StorePathSet};
use firn_store::{BuildMode, BuildStatus, LocalStore, Store, StoreError};

use crate::error::Failure;

/// Where a derivation is on its way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// All wanted outputs are valid.
    Valid,
    /// It waits for inputs or for a place.
    Waiting,
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
    /// Inputs that are not finished.
    pub(crate) waiting_for: usize,
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
}

/// Somebody wants outputs of a derivation.
struct Want {
    drv: StorePath,
    outputs: OutputsSpec,
    /// The node that wants them, or the command.
    by: Option<usize>,
}

/// Builds the graph for derivations and their wanted outputs.
///
/// # Errors
/// Those of reading the store; derivations that cannot be built are failed nodes.
pub(crate) fn plan(
    store: &LocalStore,
    targets: impl IntoIterator<Item = (StorePath, OutputsSpec)>,
    mode: BuildMode,
) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    let mut level: Vec<Want> =
        targets.into_iter().map(|(drv, outputs)| Want { drv, outputs, by: None }).collect();
    while !level.is_empty() {
        plan.look_up(store, &level)?;
        let mut expand = Vec::new();
        for want in &level {
            if let Some(i) = plan.want(store, want, mode) {
                expand.push(i);
            }
        }
        level = plan.expand(store, &expand)?;
    }
    Ok(plan)
}

impl Plan {
    /// Makes nodes for the derivations of a level that have none, and finds out which of their outputs are valid.
    fn look_up(&mut self, store: &LocalStore, level: &[Want]) -> Result<(), StoreError> {
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

    /// Notes that outputs are wanted; gives the node if it now has to be built and its inputs are not in the graph.
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
        let to_expand = (node.state == State::Waiting && !node.expanded).then_some(i);
        node.expanded |= to_expand.is_some();
        if let Some(by) = want.by {
            match self.nodes[i].state {
                State::Waiting | State::Running => {
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
        to_expand
    }

    /// Reads the derivations of nodes and checks their sources; gives what they want in turn.
    fn expand(&mut self, store: &LocalStore, nodes: &[usize]) -> Result<Vec<Want>, StoreError> {
        let mut wants = Vec::new();
        let mut sources = StorePathSet::new();
        for &i in nodes {
            match store.read_derivation(&self.nodes[i].drv_path) {
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
                    self.nodes[i].drv = Some(Arc::new(drv));
                }
                Err(e) => self.nodes[i].state = State::Failed(Failure::from(e)),
            }
        }
        let valid = store.valid_paths(&sources)?;
        let mut told = BTreeSet::new();
        for &i in nodes {
            let Some(drv) = self.nodes[i].drv.clone() else { continue };
            for source in drv.input_srcs.iter().filter(|s| !valid.contains(*s)) {
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
    node.outputs.values().flatten().all(|path| {
        let Ok(Some(info)) = store.path_info(path) else { return false };
        firn_source::hash_path(&store.real(path), info.nar_hash.algo())
            .is_ok_and(|(hash, _)| hash == info.nar_hash)
    })
}

/// The message about a path that nobody can make.
pub(crate) fn missing(store: &LocalStore, path: &StorePath) -> String {
    format!("path '{}' is required, but there is no substituter that can build it", store.print(path))
}
