//! What every store offers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_derivation::{Derivation, Scratch};
use firn_hash::Algo;
use firn_path::{ContentMethod, DerivedPath, FileMethod, StoreDir, StorePath, StorePathSet};
use firn_source::{Accessor, CanonPath, Filter, FsAccessor, NarAccessor, dump_nar};

use crate::build::{BuildMode, BuildResult, Missing};
use crate::db::Realisation;
use crate::error::{Result, StoreError};
use crate::gc::{GcOptions, GcResults};
use crate::info::PathInfo;
use crate::local::LocalStore;
use crate::optimise::OptimiseStats;
use crate::roots::Roots;
use crate::verify::VerifyOptions;

/// In which form contents are handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DumpMethod {
    /// The bytes of one plain file.
    Flat,
    /// A NAR.
    Nar,
}

/// How new contents become a store path.
#[derive(Clone, Debug)]
pub struct NewContents<'a> {
    /// The name of the path, without hash.
    pub name: &'a str,
    /// How the path follows from the contents.
    pub method: ContentMethod,
    /// The algorithm of the content address.
    pub algo: Algo,
    /// Paths that the contents refer to.
    pub references: &'a StorePathSet,
    /// Write the path again even if it is valid.
    pub repair: bool,
}

impl<'a> NewContents<'a> {
    /// A source tree: addressed by the SHA-256 of its NAR, without references.
    pub fn source(name: &'a str) -> Self {
        static NONE: StorePathSet = StorePathSet::new();
        NewContents {
            name,
            method: ContentMethod::NixArchive,
            algo: Algo::Sha256,
            references: &NONE,
            repair: false,
        }
    }
}

/// How a path with known info is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AddOptions {
    /// Write it again even if it is valid.
    pub repair: bool,
    /// Refuse it unless it is signed by a trusted key or content-addressed (if the store requires signatures).
    pub check_sigs: bool,
}

/// How a store counts among the places that paths are substituted from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SubstituterTraits {
    /// The store with the smallest number is asked first.
    pub priority: i64,
    /// It may be asked about many paths that it probably does not have.
    pub want_mass_query: bool,
    /// What it has needs no signature.
    pub trusted: bool,
}

impl SubstituterTraits {
    /// These, but for what the parameters of an address say.
    pub fn from_reference(reference: &crate::StoreReference, otherwise: SubstituterTraits) -> Self {
        let flag = |name: &str, otherwise: bool| match reference.params.get(name).map(String::as_str) {
            Some(value) => matches!(value, "true" | "yes" | "1"),
            None => otherwise,
        };
        SubstituterTraits {
            priority: reference
                .params
                .get("priority")
                .and_then(|p| p.parse().ok())
                .unwrap_or(otherwise.priority),
            want_mass_query: flag("want-mass-query", otherwise.want_mass_query),
            trusted: flag("trusted", otherwise.trusted),
        }
    }
}

/// What is behind a store, as `nix store info` shows it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoreStatus {
    /// The version of the program that serves it, where it says so.
    pub version: Option<String>,
    /// Whether it takes this user's word; `None` if it does not say or that means nothing.
    pub trusted: Option<bool>,
}

/// A path to be added together with others, with what writes its archive.
pub struct PathToAdd<'a> {
    /// What is known of it.
    pub info: PathInfo,
    /// Writes the NAR.
    pub nar: WriteNar<'a>,
}

/// Writes a NAR.
pub type WriteNar<'a> = Box<dyn Fn(&mut dyn Write) -> Result<()> + Send + Sync + 'a>;

/// A set of store objects. All of it may be called from any thread.
pub trait Store: Send + Sync {
    /// The logical store directory.
    fn store_dir(&self) -> &StoreDir;

    /// The address that opens it.
    fn uri(&self) -> String;

    /// Whether a path is valid.
    ///
    /// # Errors
    /// Those of the store's medium.
    fn is_valid(&self, path: &StorePath) -> Result<bool> {
        Ok(self.path_info(path)?.is_some())
    }

    /// What is known about a path; `None` if it is not valid.
    ///
    /// # Errors
    /// Those of the store's medium, and entries that make no sense.
    fn path_info(&self, path: &StorePath) -> Result<Option<Arc<PathInfo>>>;

    /// As [`Store::path_info`], but a path that is not valid is an error.
    ///
    /// # Errors
    /// [`StoreError::InvalidPath`].
    fn require_info(&self, path: &StorePath) -> Result<Arc<PathInfo>> {
        self.path_info(path)?.ok_or_else(|| StoreError::InvalidPath(self.store_dir().print(path)))
    }

    /// Those of `paths` that are valid.
    ///
    /// # Errors
    /// Those of the store's medium.
    fn valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet> {
        let mut valid = StorePathSet::new();
        for path in paths {
            if self.is_valid(path)? {
                valid.insert(path.clone());
            }
        }
        Ok(valid)
    }

    /// All valid paths.
    ///
    /// # Errors
    /// Those of the store's medium.
    fn all_valid_paths(&self) -> Result<StorePathSet>;

    /// Valid paths that refer to a path.
    ///
    /// # Errors
    /// Those of the store's medium.
    fn referrers(&self, path: &StorePath) -> Result<StorePathSet>;

    /// Valid derivations of which a path is an output.
    ///
    /// # Errors
    /// Those of the store's medium.
    fn valid_derivers(&self, path: &StorePath) -> Result<StorePathSet>;

    /// The outputs of a valid derivation, with their paths where they are known.
    ///
    /// # Errors
    /// The derivation is not valid or cannot be read.
    fn derivation_outputs(&self, drv: &StorePath) -> Result<BTreeMap<String, Option<StorePath>>>;

    /// The valid path with a hash part (32 characters).
    ///
    /// # Errors
    /// [`StoreError::InvalidHashPart`], or those of the store's medium.
    fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>>;

    /// Adds contents that `produce` writes, in the form `dump`, in one pass. Gives the info of the path, which is new or
    /// was valid before.
    ///
    /// # Errors
    /// Those of `produce`, contents that fit neither form nor method, references that are not valid.
    fn add_dump(
        &self,
        new: &NewContents<'_>,
        dump: DumpMethod,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<Arc<PathInfo>>;

    /// Adds a text (`builtins.toFile`, derivations).
    ///
    /// # Errors
    /// As [`Store::add_dump`].
    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &StorePathSet,
        repair: bool,
    ) -> Result<StorePath> {
        let new = NewContents { name, method: ContentMethod::Text, algo: Algo::Sha256, references, repair };
        let info = self.add_dump(&new, DumpMethod::Flat, &mut |out| {
            out.write_all(contents)
                .map_err(|source| StoreError::Stream { action: "writing to the store", source })
        })?;
        Ok(info.path.clone())
    }

    /// Adds the tree (or file) at `root` of a source, without what `filter` leaves out, in one pass.
    ///
    /// # Errors
    /// As [`Store::add_dump`], those of reading the source, and those of the filter.
    fn add_source(
        &self,
        new: &NewContents<'_>,
        accessor: &dyn Accessor,
        root: &CanonPath,
        filter: Option<&mut Filter<'_, StoreError>>,
    ) -> Result<Arc<PathInfo>> {
        if new.method.file_method() == FileMethod::Flat {
            return self.add_dump(new, DumpMethod::Flat, &mut |out| {
                let mut file = accessor.open(root)?;
                std::io::copy(&mut file.reader, out)
                    .map(drop)
                    .map_err(|source| StoreError::Stream { action: "reading a file", source })
            });
        }
        let mut filter = filter;
        self.add_dump(new, DumpMethod::Nar, &mut |out| dump_nar(accessor, root, out, filter.as_deref_mut()))
    }

    /// Adds a path of which everything is known, from its NAR.
    ///
    /// # Errors
    /// The NAR is not what `info` says, a reference is not valid, a signature is missing.
    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read, options: AddOptions) -> Result<()>;

    /// Writes the NAR of a valid path.
    ///
    /// # Errors
    /// The path is not valid, or those of reading and writing.
    fn write_nar(&self, path: &StorePath, out: &mut dyn Write) -> Result<()>;

    /// The files of a valid path, wherever they are.
    ///
    /// # Errors
    /// The path is not valid, or those of reading.
    fn accessor(&self, path: &StorePath) -> Result<Arc<dyn Accessor>> {
        self.require_info(path)?;
        let shown = self.store_dir().print(path);
        if let Some(real) = self.real_path(path) {
            return Ok(Arc::new(FsAccessor::new(real)?.shown_as(shown)));
        }
        let mut nar = Vec::new();
        self.write_nar(path, &mut nar)?;
        Ok(Arc::new(NarAccessor::new(std::io::Cursor::new(nar))?.shown_as(shown)))
    }

    /// Reads a derivation.
    ///
    /// # Errors
    /// The path is not valid, or is no derivation.
    fn read_derivation(&self, path: &StorePath) -> Result<Derivation>;

    /// Writes a derivation, whose outputs' paths are filled in.
    ///
    /// # Errors
    /// As [`Store::add_text`].
    fn write_derivation(&self, drv: &Derivation, repair: bool) -> Result<StorePath> {
        let mut scratch = Scratch::new();
        let derivation = |e: firn_derivation::DerivationError| StoreError::Derivation(e.to_string());
        drv.drv_path(self.store_dir(), &mut scratch).map_err(derivation)?;
        let references: StorePathSet = drv.references().cloned().collect();
        self.add_text(&format!("{}.drv", drv.name), scratch.text(), &references, repair)
    }

    /// Keeps a path from the garbage collector as long as this store is open.
    ///
    /// # Errors
    /// Those of the store's medium.
    fn add_temp_root(&self, path: &StorePath) -> Result<()>;

    /// Registers the symbolic link at `link` (an absolute path) as one that keeps what it points to.
    ///
    /// # Errors
    /// Those of the file system.
    fn add_indirect_root(&self, link: &Path) -> Result<()>;

    /// Makes a symbolic link to a path at `link` and registers it; gives its absolute path.
    ///
    /// # Errors
    /// Something else is at `link`, it is inside the store, or those of the file system.
    fn add_permanent_root(&self, path: &StorePath, link: &Path) -> Result<PathBuf>;

    /// All roots and where they come from; `{censored}` for those of running processes if `censor`.
    ///
    /// # Errors
    /// Those of the file system.
    fn find_roots(&self, censor: bool) -> Result<Roots>;

    /// Adds signatures (`key:base64`) to a valid path.
    ///
    /// # Errors
    /// The path is not valid.
    fn add_signatures(&self, path: &StorePath, sigs: &BTreeSet<String>) -> Result<()>;

    /// Builds or substitutes; one result a target, in order.
    ///
    /// # Errors
    /// Something that is no build's fault.
    fn build(&self, targets: &[DerivedPath], mode: BuildMode) -> Result<Vec<BuildResult>>;

    /// What building would do.
    ///
    /// # Errors
    /// Those of reading the store.
    fn missing(&self, targets: &[DerivedPath]) -> Result<Missing>;

    /// Makes a path valid by substitution if it is not.
    ///
    /// # Errors
    /// It is not valid and cannot be substituted.
    fn ensure_path(&self, path: &StorePath) -> Result<()> {
        if self.is_valid(path)? {
            return Ok(());
        }
        crate::build::require_success(&self.build(&[DerivedPath::Opaque(path.clone())], BuildMode::Normal)?)
    }

    /// The log of the build that made a path or of a derivation, decompressed; `None` if there is none.
    ///
    /// # Errors
    /// Those of the file system.
    fn build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>>;

    /// Where the files of a path are, if this process can read them (whether or not the path is valid).
    fn real_path(&self, path: &StorePath) -> Option<PathBuf>;

    /// Records the log of a derivation's build.
    ///
    /// # Errors
    /// The store takes no logs, or those of its medium.
    fn add_build_log(&self, _drv: &StorePath, _log: &[u8]) -> Result<()> {
        Err(StoreError::Unsupported { operation: "addBuildLog", store: self.uri() })
    }

    /// Builds a derivation that need not be in the store itself: its inputs are sources that are valid there.
    ///
    /// # Errors
    /// Something that is no build's fault.
    fn build_derivation(
        &self,
        _drv_path: &StorePath,
        _drv: &Derivation,
        _mode: BuildMode,
    ) -> Result<BuildResult> {
        Err(StoreError::Unsupported { operation: "buildDerivation", store: self.uri() })
    }

    /// What an output of a resolved derivation was built to (experimental feature `ca-derivations`).
    ///
    /// # Errors
    /// Those of the store's medium.
    fn realisation(&self, _drv: &StorePath, _output: &str) -> Result<Option<Realisation>> {
        Ok(None)
    }

    /// Records what an output was built to (experimental feature `ca-derivations`).
    ///
    /// # Errors
    /// The store takes none, or it was built to something else before.
    fn register_realisation(&self, _realisation: &Realisation) -> Result<()> {
        Err(StoreError::Unsupported { operation: "registerDrvOutput", store: self.uri() })
    }

    /// Collects garbage.
    ///
    /// # Errors
    /// The store has no collector, or those of [`LocalStore::collect_garbage`].
    fn collect_garbage(&self, _options: &GcOptions) -> Result<GcResults> {
        Err(StoreError::Unsupported { operation: "collectGarbage", store: self.uri() })
    }

    /// Checks all paths; true if something is wrong that was not repaired.
    ///
    /// # Errors
    /// The store cannot check itself, or those of its medium.
    fn verify(&self, _options: VerifyOptions) -> Result<bool> {
        Err(StoreError::Unsupported { operation: "verifyStore", store: self.uri() })
    }

    /// Links equal files.
    ///
    /// # Errors
    /// The store has no files of its own, or those of the file system.
    fn optimise(&self) -> Result<OptimiseStats> {
        Err(StoreError::Unsupported { operation: "optimiseStore", store: self.uri() })
    }

    /// How it counts as a substituter.
    ///
    /// # Errors
    /// It cannot be reached.
    fn substituter_traits(&self) -> Result<SubstituterTraits> {
        Ok(SubstituterTraits::default())
    }

    /// How many bytes fetching a path transfers, where that is known; 0 otherwise.
    ///
    /// # Errors
    /// Those of the store's medium.
    fn download_size(&self, _path: &StorePath) -> Result<u64> {
        Ok(0)
    }

    /// Those of `paths` that this store could substitute from its own substituters.
    ///
    /// # Errors
    /// Those of the store's medium.
    fn substitutable_paths(&self, _paths: &StorePathSet) -> Result<StorePathSet> {
        Ok(StorePathSet::new())
    }

    /// Reaches out to whatever serves it.
    ///
    /// # Errors
    /// It cannot be reached.
    fn status(&self) -> Result<StoreStatus> {
        Ok(StoreStatus::default())
    }

    /// Adds many paths, each after those that it refers to. `None`: this store has no quicker way than one by one.
    ///
    /// # Errors
    /// As [`Store::add_nar`].
    fn add_many(&self, _paths: &[PathToAdd<'_>], _options: AddOptions) -> Option<Result<()>> {
        None
    }

    /// The local store, if it is one.
    fn as_local(&self) -> Option<&LocalStore> {
        None
    }
}
