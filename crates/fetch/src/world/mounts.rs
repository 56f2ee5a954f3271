//! Fetched trees under the store paths that they will have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use firn_hash::{Algo, Hash};
use firn_path::{FileMethod, References, StoreDir, StorePath};
use firn_source::{Accessor, CanonPath, SourceError, dump_nar, hash_nar};
use firn_store::{DumpMethod, NewContents, Store, StoreError};

use crate::error::FetchError;

/// Trees by the base name of their store path; clones share them.
#[derive(Clone, Default)]
pub struct Mounts {
    trees: Arc<Mutex<HashMap<String, Arc<dyn Accessor>>>>,
}

impl Mounts {
    /// Mounts a tree: hashes it, and gives the store path under which it is now read, with its hash.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn mount(
        &self,
        dir: &StoreDir,
        tree: Arc<dyn Accessor>,
        name: &str,
    ) -> Result<(StorePath, Hash), FetchError> {
        let (hash, _) = hash_nar::<SourceError>(tree.as_ref(), &CanonPath::root(), Algo::Sha256, None)
            .map_err(|e| FetchError::new(e.to_string()))?;
        let path = source_path(dir, name, &hash)?;
        self.insert(&path, tree);
        Ok((path, hash))
    }

    /// Mounts a tree whose store path is known.
    pub fn insert(&self, path: &StorePath, tree: Arc<dyn Accessor>) {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).insert(path.base_name().to_owned(), tree);
    }

    /// The tree of a base name.
    pub fn get(&self, base_name: &str) -> Option<Arc<dyn Accessor>> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).get(base_name).cloned()
    }

    /// Copies a mounted tree to the store if it is not there; other paths are left alone.
    ///
    /// # Errors
    /// The tree cannot be read, or the store not written.
    pub fn realise(&self, store: &dyn Store, path: &StorePath) -> Result<(), StoreError> {
        let Some(tree) = self.get(path.base_name()) else { return Ok(()) };
        if store.is_valid(path)? {
            store.add_temp_root(path)?;
            return Ok(());
        }
        let added = store.add_dump(&NewContents::source(path.name()), DumpMethod::Nar, &mut |out| {
            dump_nar::<SourceError>(tree.as_ref(), &CanonPath::root(), out, None)
                .map_err(|e| StoreError::Contents(e.to_string()))
        })?;
        if added.path == *path {
            Ok(())
        } else {
            Err(StoreError::Contents(format!(
                "source tree changed while it was read: '{}' was expected but it is '{}' now",
                store.store_dir().print(path),
                store.store_dir().print(&added.path)
            )))
        }
    }
}

/// The store path of a source tree.
fn source_path(dir: &StoreDir, name: &str, hash: &Hash) -> Result<StorePath, FetchError> {
    dir.make_fixed_output_path(name, FileMethod::NixArchive, hash, &References::default())
        .map_err(|e| FetchError::new(e.to_string()))
}
