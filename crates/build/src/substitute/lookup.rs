//! Asking substituters about closures: level by level, many paths of a level at a time.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use firn_path::{StorePath, StorePathSet};
use firn_store::{Store, StoreError};

use super::sources::{Found, Sources};

/// Questions under way at a time. They wait for the network, not for a processor.
const QUESTIONS: usize = 48;

/// What substituters have said in this run.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    known: HashMap<StorePath, Option<Arc<Found>>>,
    /// Paths that others refer to and that no substituter has.
    pub(crate) unknown: StorePathSet,
    /// Paths whose whole closure is valid or can be fetched, or not.
    whole: HashMap<StorePath, bool>,
}

impl Lookup {
    /// Asks about paths and all that they refer to, as far as that is not valid. Paths of `again` are asked about even if
    /// they are valid (to be repaired).
    pub(crate) fn explore(
        &mut self,
        sources: &Sources<'_>,
        paths: impl IntoIterator<Item = StorePath>,
        again: bool,
    ) -> Result<(), StoreError> {
        if sources.is_empty() {
            return Ok(());
        }
        let mut level: StorePathSet = paths.into_iter().collect();
        let mut first = true;
        while !level.is_empty() {
            let valid = if first && again {
                StorePathSet::new()
            } else {
                // what is valid has to stay so until all of this is done
                for path in &level {
                    sources.store().add_temp_root(path)?;
                }
                sources.store().valid_paths(&level)?
            };
            let referred = !std::mem::replace(&mut first, false);
            let asked: Vec<StorePath> =
                level.into_iter().filter(|p| !valid.contains(p) && !self.known.contains_key(p)).collect();
            let answers = ask_all(sources, &asked);
            level = StorePathSet::new();
            for (path, found) in asked.into_iter().zip(answers) {
                if let Some(found) = &found {
                    level.extend(found.info.references.iter().filter(|r| **r != path).cloned());
                }
                if referred && found.is_none() {
                    self.unknown.insert(path.clone());
                }
                self.known.insert(path, found.map(Arc::new));
            }
            level.retain(|p| !self.known.contains_key(p));
        }
        Ok(())
    }

    /// What was found of a path.
    pub(crate) fn found(&self, path: &StorePath) -> Option<&Arc<Found>> {
        self.known.get(path).and_then(Option::as_ref)
    }

    /// Whether a path that was explored can be fetched with all that it refers to.
    pub(crate) fn can_fetch(&mut self, path: &StorePath) -> bool {
        if let Some(&whole) = self.whole.get(path) {
            return whole;
        }
        // deepest first, without recursion
        let mut stack = vec![path.clone()];
        let mut open: HashSet<StorePath> = HashSet::new();
        while let Some(top) = stack.last().cloned() {
            if self.whole.contains_key(&top) {
                stack.pop();
                continue;
            }
            let Some(answer) = self.known.get(&top) else {
                // it was valid when it was looked at, so nobody asked
                self.whole.insert(top, true);
                stack.pop();
                continue;
            };
            let Some(found) = answer.clone() else {
                self.whole.insert(top, false);
                stack.pop();
                continue;
            };
            let others = found.info.references.iter().filter(|r| **r != top);
            let unknown: Vec<StorePath> =
                others.clone().filter(|r| !self.whole.contains_key(*r)).cloned().collect();
            if unknown.is_empty() || !open.insert(top.clone()) {
                // references in a circle are not fetched
                let whole = unknown.is_empty() && others.clone().all(|r| self.whole[r]);
                self.whole.insert(top, whole);
                stack.pop();
            } else {
                stack.extend(unknown);
            }
        }
        self.whole.get(path).copied().unwrap_or(false)
    }
}

fn ask_all(sources: &Sources<'_>, paths: &[StorePath]) -> Vec<Option<Found>> {
    if let [one] = paths {
        return vec![sources.find(one, 0)];
    }
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<Option<Found>>> = Mutex::new(paths.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..QUESTIONS.min(paths.len()) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = paths.get(i) else { return };
                    let found = sources.find(path, 0);
                    answers.lock().unwrap_or_else(PoisonError::into_inner)[i] = found;
                }
            });
        }
    });
    answers.into_inner().unwrap_or_else(PoisonError::into_inner)
}
