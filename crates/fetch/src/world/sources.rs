//! Adding sources to the store: `"${./dir}"`, `builtins.path`, `filterSource`.

use std::io::Write;

use firn_eval::io::{AddMethod, FileKind, Filter, IoError, SourcePath};
use firn_hash::{Algo, Hash, Hasher};
use firn_path::{ContentMethod, FileMethod, References, StorePath};
use firn_source::{Accessor, CanonPath, FsAccessor, SourceError, dump_nar};
use firn_store::{DumpMethod, NewContents, StoreError};

use super::{Place, World, lock};

impl World {
    /// Adds a tree or file, or computes its path where nothing may be written.
    pub(super) fn add(
        &self,
        path: &SourcePath,
        name: &str,
        method: AddMethod,
        mut filter: Option<Filter<'_>>,
    ) -> Result<StorePath, IoError> {
        let key = (path.clone(), name.to_owned(), method == AddMethod::Flat);
        if filter.is_none() {
            if let Some(known) = lock(&self.added).get(&key) {
                return Ok(known.clone());
            }
        }
        // A mounted tree as a whole is in the store under its own name already, or will be.
        let (tree, below): (Box<dyn Accessor>, CanonPath) = match self.place(path)? {
            Place::Tree(tree, below) => (Box::new(Shared(tree)), below),
            Place::Above => {
                return Err(IoError::new(format!("path '{}' cannot be added to the store", path.path)));
            }
            Place::Files(real) => {
                let tree = FsAccessor::new(&real).map_err(source_error)?.shown_as(self.shown(path));
                (Box::new(tree), CanonPath::root())
            }
        };
        let mut write =
            |out: &mut dyn Write| write_source(tree.as_ref(), &below, path, method, &mut filter, out);
        let mut hasher = Hasher::new(Algo::Sha256);
        write(&mut hasher)?;
        let hash = hasher.finish();
        let store_path = self.source_store_path(name, method, &hash)?;
        if !self.options.read_only {
            let store = self.store()?;
            if store.is_valid(&store_path).map_err(store_error)? {
                store.add_temp_root(&store_path).map_err(store_error)?;
            } else {
                let (content, dump) = match method {
                    AddMethod::Flat => (ContentMethod::Flat, DumpMethod::Flat),
                    AddMethod::Recursive => (ContentMethod::NixArchive, DumpMethod::Nar),
                };
                let new = NewContents { method: content, ..NewContents::source(name) };
                let info = store
                    .add_dump(&new, dump, &mut |out| write(out).map_err(|e| StoreError::Contents(e.message)))
                    .map_err(store_error)?;
                if info.path != store_path {
                    return Err(IoError::new(format!(
                        "path '{}' changed while it was copied to the store",
                        self.shown(path)
                    )));
                }
            }
        }
        self.allow(&store_path);
        if filter.is_none() {
            lock(&self.added).insert(key, store_path.clone());
        }
        Ok(store_path)
    }

    fn source_store_path(&self, name: &str, method: AddMethod, hash: &Hash) -> Result<StorePath, IoError> {
        let method = match method {
            AddMethod::Flat => FileMethod::Flat,
            AddMethod::Recursive => FileMethod::NixArchive,
        };
        self.options
            .store_dir
            .make_fixed_output_path(name, method, hash, &References::default())
            .map_err(|e| IoError::new(e.to_string()))
    }

    pub(super) fn shown(&self, path: &SourcePath) -> String {
        path.path.to_string()
    }
}

/// Writes a source as a NAR or as the bytes of one file.
fn write_source(
    tree: &dyn Accessor,
    below: &CanonPath,
    path: &SourcePath,
    method: AddMethod,
    filter: &mut Option<Filter<'_>>,
    out: &mut dyn Write,
) -> Result<(), IoError> {
    if method == AddMethod::Flat {
        let mut file = tree.open(below).map_err(source_error)?;
        return std::io::copy(&mut file.reader, out)
            .map(drop)
            .map_err(|e| IoError::new(format!("reading '{}': {e}", path.path)));
    }
    let Some(filter) = filter else { return dump_nar::<Wrapped>(tree, below, out, None).map_err(|e| e.0) };
    let mut accept = |at: &CanonPath| {
        let Some(rest) = at.strip_prefix(below).filter(|r| !r.is_root()) else { return Ok(true) };
        let base = if &*path.path == "/" { "" } else { &path.path };
        let full = SourcePath {
            root: path.root,
            path: format!("{base}/{}", String::from_utf8_lossy(rest.rel())).into(),
        };
        let kind = tree.stat(at)?.map_or(FileKind::Other, |s| super::eval_io::kind(s.kind));
        filter(&full, kind).map_err(Wrapped)
    };
    dump_nar::<Wrapped>(tree, below, out, Some(&mut accept)).map_err(|e| e.0)
}

/// An error of the evaluator that passes through a dump.
struct Wrapped(IoError);

impl From<SourceError> for Wrapped {
    fn from(error: SourceError) -> Wrapped {
        Wrapped(source_error(error))
    }
}

pub(super) fn source_error(error: SourceError) -> IoError {
    let not_found = matches!(error, SourceError::NotFound(_));
    let mut out = IoError::new(error.to_string());
    out.not_found = not_found;
    out
}

pub(super) fn store_error(error: StoreError) -> IoError {
    IoError::new(error.to_string())
}

/// A tree that is shared with the mounts.
struct Shared(std::sync::Arc<dyn Accessor>);

impl Accessor for Shared {
    fn stat(&self, path: &CanonPath) -> Result<Option<firn_source::Stat>, SourceError> {
        self.0.stat(path)
    }
    fn read_dir(&self, path: &CanonPath) -> Result<Vec<firn_source::DirEntry>, SourceError> {
        self.0.read_dir(path)
    }
    fn open(&self, path: &CanonPath) -> Result<firn_source::OpenFile<'_>, SourceError> {
        self.0.open(path)
    }
    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        self.0.read_link(path)
    }
    fn show_path(&self, path: &CanonPath) -> String {
        self.0.show_path(path)
    }
}
