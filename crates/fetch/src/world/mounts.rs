//! Fetched trees under the store paths that they will have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use firn_hash::Hash;
use firn_path::{ContentMethod, FileMethod, References, StoreDir, StorePath};
use firn_source::{Accessor, CanonPath, SourceError, dump_nar};
use firn_store::{DumpMethod, NewContents, Store, StoreError};

use crate::error::FetchError;

/// A tree with how it becomes a store object.
#[derive(Clone)]
struct Mount {
    tree: Arc<dyn Accessor>,
    /// The store path follows from the bytes of the file, not from a NAR.
    flat: bool,
}

/// Trees by the base name of their store path; clones share them.
#[derive(Clone, Default)]
pub struct Mounts {
    trees: Arc<Mutex<HashMap<String, Mount>>>,
}

impl Mounts {
    /// Mounts a tree whose NAR has `hash`; gives the store path under which it is now read.
    ///
    /// # Errors
    /// A name that no store path may have.
    pub fn mount(
        &self,
        dir: &StoreDir,
        tree: Arc<dyn Accessor>,
        name: &str,
        hash: &Hash,
    ) -> Result<StorePath, FetchError> {
        let path = fixed_path(dir, name, FileMethod::NixArchive, hash)?;
        self.put(&path, Mount { tree, flat: false });
        Ok(path)
    }

    /// Mounts a file whose contents have `hash`; gives the store path under which it is now read.
    ///
    /// # Errors
    /// A name that no store path may have.
    pub fn mount_file(
        &self,
        dir: &StoreDir,
        file: Arc<dyn Accessor>,
        name: &str,
        hash: &Hash,
    ) -> Result<StorePath, FetchError> {
        let path = fixed_path(dir, name, FileMethod::Flat, hash)?;
        self.put(&path, Mount { tree: file, flat: true });
        Ok(path)
    }

    fn put(&self, path: &StorePath, mount: Mount) {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).insert(path.base_name().to_owned(), mount);
    }

    fn mounted(&self, base_name: &str) -> Option<Mount> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner).get(base_name).cloned()
    }

    /// The tree of a base name.
    pub fn get(&self, base_name: &str) -> Option<Arc<dyn Accessor>> {
        self.mounted(base_name).map(|mount| mount.tree)
    }

    /// Copies a mounted tree to the store if it is not there; other paths are left alone.
    ///
    /// # Errors
    /// The tree cannot be read, or the store not written.
    pub fn realise(&self, store: &dyn Store, path: &StorePath) -> Result<(), StoreError> {
        let Some(mount) = self.mounted(path.base_name()) else { return Ok(()) };
        if store.is_valid(path)? {
            store.add_temp_root(path)?;
            return Ok(());
        }
        let tree = mount.tree.as_ref();
        let added = if mount.flat {
            let new = NewContents { method: ContentMethod::Flat, ..NewContents::source(path.name()) };
            store.add_dump(&new, DumpMethod::Flat, &mut |out| {
                let mut file =
                    tree.open(&CanonPath::root()).map_err(|e| StoreError::Contents(e.to_string()))?;
                std::io::copy(&mut file.reader, out)
                    .map(drop)
                    .map_err(|e| StoreError::Contents(e.to_string()))
            })?
        } else {
            store.add_dump(&NewContents::source(path.name()), DumpMethod::Nar, &mut |out| {
                dump_nar::<SourceError>(tree, &CanonPath::root(), out, None)
                    .map_err(|e| StoreError::Contents(e.to_string()))
            })?
        };
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

/// The store path of a source.
fn fixed_path(dir: &StoreDir, name: &str, method: FileMethod, hash: &Hash) -> Result<StorePath, FetchError> {
    dir.make_fixed_output_path(name, method, hash, &References::default())
        .map_err(|e| FetchError::new(e.to_string()))
}
