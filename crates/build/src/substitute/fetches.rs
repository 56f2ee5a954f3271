//! The graph of copies: each path waits for those that it refers to.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::channel;

use firn_events::ActivityId;
use firn_path::StorePath;
use firn_store::StoreError;

use super::lookup::Lookup;
use super::sources::{Found, Missed, Sources};

/// Where a fetch is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchState {
    /// It waits for others or for a place.
    Waiting,
    /// It is under way.
    Running,
    /// The path is valid.
    Done,
    /// It is not, and will not be.
    Missed(Missed),
}

/// Who waits for a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// A derivation, one of whose outputs it is.
    Output(usize),
    /// A derivation, one of whose sources it is.
    Source(usize),
}

/// A path to be fetched.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) found: Arc<Found>,
    pub(crate) state: FetchState,
    pub(crate) repair: bool,
    pub(crate) listeners: Vec<Listener>,
    waiting_for: usize,
    dependents: Vec<usize>,
}

/// The graph.
#[derive(Debug, Default)]
pub(crate) struct Fetches {
    all: Vec<Fetch>,
    index: HashMap<StorePath, usize>,
    ready: VecDeque<usize>,
    pub(crate) running: usize,
    pub(crate) done: usize,
    pub(crate) failed: usize,
}

impl Fetches {
    /// Adds a path that [`Lookup::can_fetch`], with all that it needs; gives its number.
    pub(crate) fn add(&mut self, lookup: &Lookup, path: &StorePath, repair: bool) -> Option<usize> {
        let found = lookup.found(path)?;
        if let Some(&number) = self.index.get(path) {
            return Some(number);
        }
        let mut stack = vec![found.clone()];
        let top = self.insert(found.clone(), repair);
        while let Some(found) = stack.pop() {
            let own = self.index[&found.info.path];
            for reference in found.info.references.iter().filter(|r| **r != found.info.path) {
                let Some(needed) = lookup.found(reference) else { continue };
                let number = match self.index.get(reference) {
                    Some(&number) => number,
                    None => {
                        stack.push(needed.clone());
                        self.insert(needed.clone(), false)
                    }
                };
                if matches!(self.all[number].state, FetchState::Waiting | FetchState::Running) {
                    self.all[number].dependents.push(own);
                    self.all[own].waiting_for += 1;
                }
            }
        }
        Some(top)
    }

    fn insert(&mut self, found: Arc<Found>, repair: bool) -> usize {
        let number = self.all.len();
        self.index.insert(found.info.path.clone(), number);
        self.all.push(Fetch {
            found,
            state: FetchState::Waiting,
            repair,
            listeners: Vec::new(),
            waiting_for: 0,
            dependents: Vec::new(),
        });
        self.ready.push_back(number);
        number
    }

    pub(crate) fn get(&self, number: usize) -> &Fetch {
        &self.all[number]
    }

    pub(crate) fn listen(&mut self, number: usize, listener: Listener) {
        self.all[number].listeners.push(listener);
    }

    /// The number of a path, if it is among them.
    pub(crate) fn number(&self, path: &StorePath) -> Option<usize> {
        self.index.get(path).copied()
    }

    pub(crate) fn state_of(&self, path: &StorePath) -> Option<FetchState> {
        self.index.get(path).map(|&i| self.all[i].state)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Fetch> {
        self.all.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Takes the next fetch that can be started, which counts as running from now on.
    pub(crate) fn start_next(&mut self) -> Option<usize> {
        while let Some(number) = self.ready.pop_front() {
            let fetch = &mut self.all[number];
            if fetch.state == FetchState::Waiting && fetch.waiting_for == 0 {
                fetch.state = FetchState::Running;
                self.running += 1;
                return Some(number);
            }
        }
        None
    }

    /// Notes how a fetch ended; gives the fetches that ended by it: itself and, if it failed, all that needed it.
    pub(crate) fn ended(&mut self, number: usize, result: Result<(), Missed>) -> Vec<usize> {
        self.running -= 1;
        match result {
            Ok(()) => {
                self.all[number].state = FetchState::Done;
                self.done += 1;
                for dependent in self.all[number].dependents.clone() {
                    let fetch = &mut self.all[dependent];
                    fetch.waiting_for -= 1;
                    if fetch.waiting_for == 0 {
                        self.ready.push_back(dependent);
                    }
                }
                vec![number]
            }
            Err(missed) => {
                self.failed += 1;
                let mut over = Vec::new();
                let mut todo = vec![number];
                while let Some(number) = todo.pop() {
                    let fetch = &mut self.all[number];
                    if matches!(fetch.state, FetchState::Missed(_)) {
                        continue;
                    }
                    fetch.state = FetchState::Missed(missed);
                    over.push(number);
                    todo.extend(fetch.dependents.iter().copied());
                }
                over
            }
        }
    }
}

/// Fetches paths with all that they need before anything else goes on; those that cannot be fetched stay invalid.
pub(crate) fn fetch_now(
    sources: &Sources<'_>,
    lookup: &mut Lookup,
    paths: &[StorePath],
    parent: ActivityId,
) -> Result<(), StoreError> {
    lookup.explore(sources, paths.iter().cloned(), false)?;
    let mut fetches = Fetches::default();
    for path in paths {
        if lookup.can_fetch(path) {
            fetches.add(lookup, path, false);
        }
    }
    let most = usize::try_from(sources.store().settings().max_substitution_jobs()).unwrap_or(1).max(1);
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        loop {
            while fetches.running < most {
                let Some(number) = fetches.start_next() else { break };
                let (found, sender) = (fetches.get(number).found.clone(), sender.clone());
                scope.spawn(move || {
                    let result = sources.fetch(&found, false, parent);
                    let _ = sender.send((number, result));
                });
            }
            if fetches.running == 0 {
                return;
            }
            let Ok((number, result)) = receiver.recv() else { return };
            fetches.ended(number, result);
        }
    });
    Ok(())
}
