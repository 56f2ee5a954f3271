//! Closures of inputs. Builds of one run share most of their inputs, so references are read from the store once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use firn_path::{StorePath, StorePathSet};
use firn_store::{LocalStore, PathInfo, Store, StoreError};

/// Closures over one store, with what was read kept.
pub(crate) struct Closures<'a> {
    store: &'a LocalStore,
    infos: Mutex<HashMap<StorePath, Arc<PathInfo>>>,
}

impl<'a> Closures<'a> {
    pub(crate) fn new(store: &'a LocalStore) -> Self {
        Closures { store, infos: Mutex::new(HashMap::new()) }
    }

    /// What is known of a valid path.
    pub(crate) fn info(&self, path: &StorePath) -> Result<Arc<PathInfo>, StoreError> {
        if let Some(info) = self.infos.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(info.clone());
        }
        let info = self.store.require_info(path)?;
        self.infos.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), info.clone());
        Ok(info)
    }

    /// All paths that `start` refers to, directly or not, and `start` itself.
    pub(crate) fn of(&self, start: &StorePathSet) -> Result<StorePathSet, StoreError> {
        let mut closure = StorePathSet::new();
        self.extend(start.iter().cloned(), &mut closure)?;
        Ok(closure)
    }

    /// Adds the closure of `start` to a set that is closed already.
    pub(crate) fn extend(
        &self,
        start: impl IntoIterator<Item = StorePath>,
        closure: &mut StorePathSet,
    ) -> Result<(), StoreError> {
        let mut todo: Vec<StorePath> = start.into_iter().collect();
        while let Some(path) = todo.pop() {
            if closure.contains(&path) {
                continue;
            }
            let info = self.info(&path)?;
            todo.extend(info.references.iter().filter(|r| !closure.contains(*r)).cloned());
            closure.insert(path);
        }
        Ok(())
    }
}
