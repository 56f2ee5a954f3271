//! A store in memory (`dummy://`): for evaluation that should leave nothing behind.
//!
//! With `read-only=true` (the default) nothing is kept: adding gives the path and forgets the contents. With
//! `read-only=false` contents are kept as archives.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firn_derivation::{Derivation, aterm};
use firn_hash::{Algo, Hash, Hasher};
use firn_nar::{Event, NarReader};
use firn_path::{ContentAddress, DerivedPath, FileMethod, References, StoreDir, StorePath, StorePathSet};
use firn_settings::Directories;

use crate::build::{BuildMode, BuildResult, Missing, missing_without_substituters};
use crate::error::{Result, StoreError};
use crate::info::PathInfo;
use crate::reference::StoreReference;
use crate::roots::Roots;
use crate::store::{AddOptions, DumpMethod, NewContents, Store};

/// Paths with their archives.
type Objects = BTreeMap<StorePath, (Arc<PathInfo>, Arc<Vec<u8>>)>;

/// A store in memory.
#[derive(Debug)]
pub struct DummyStore {
    dir: StoreDir,
    read_only: bool,
    objects: Mutex<Objects>,
}

impl DummyStore {
    /// Makes an empty store with the parameters of an address.
    ///
    /// # Errors
    /// A store directory that is none.
    pub fn new(reference: &StoreReference, dirs: &Directories) -> Result<DummyStore> {
        let dir = reference.params.get("store").map_or(dirs.store.as_str(), String::as_str);
        let read_only =
            !matches!(reference.params.get("read-only").map(String::as_str), Some("false" | "no" | "0"));
        Ok(DummyStore { dir: StoreDir::new(dir)?, read_only, objects: Mutex::default() })
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsupported<T>(&self, operation: &'static str) -> Result<T> {
        Err(StoreError::Unsupported { operation, store: self.uri() })
    }

    fn nar(&self, path: &StorePath) -> Result<Arc<Vec<u8>>> {
        self.objects()
            .get(path)
            .map(|(_, nar)| nar.clone())
            .ok_or_else(|| StoreError::InvalidPath(self.dir.print(path)))
    }
}

fn content_hash(nar: &[u8], method: FileMethod, algo: Algo) -> Result<Hash> {
    match method {
        FileMethod::NixArchive => Ok(Hash::of(algo, nar)),
        FileMethod::Flat => Ok(Hash::of(algo, &file_in(nar)?)),
        FileMethod::Git => crate::files::git_hash_of_nar(nar, algo),
    }
}

fn file_in(nar: &[u8]) -> Result<Vec<u8>> {
    let mut reader = NarReader::new(nar);
    match reader.next_event()? {
        Some(Event::File { .. }) => {
            let mut bytes = Vec::new();
            reader.copy_contents(&mut bytes)?;
            Ok(bytes)
        }
        _ => Err(StoreError::Nar("regular file expected".into())),
    }
}

impl Store for DummyStore {
    fn store_dir(&self) -> &StoreDir {
        &self.dir
    }

    fn uri(&self) -> String {
        "dummy://".to_owned()
    }

    fn path_info(&self, path: &StorePath) -> Result<Option<Arc<PathInfo>>> {
        Ok(self.objects().get(path).map(|(info, _)| info.clone()))
    }

    fn all_valid_paths(&self) -> Result<StorePathSet> {
        Ok(self.objects().keys().cloned().collect())
    }

    fn referrers(&self, path: &StorePath) -> Result<StorePathSet> {
        let objects = self.objects();
        let refers = |(p, (info, _)): (&StorePath, &(Arc<PathInfo>, _))| {
            info.references.contains(path).then(|| p.clone())
        };
        Ok(objects.iter().filter_map(refers).collect())
    }

    fn valid_derivers(&self, path: &StorePath) -> Result<StorePathSet> {
        let mut derivers = StorePathSet::new();
        for drv in self.all_valid_paths()?.into_iter().filter(StorePath::is_derivation) {
            if self.derivation_outputs(&drv)?.into_values().any(|p| p.as_ref() == Some(path)) {
                derivers.insert(drv);
            }
        }
        Ok(derivers)
    }

    fn derivation_outputs(&self, drv: &StorePath) -> Result<BTreeMap<String, Option<StorePath>>> {
        Ok(self.read_derivation(drv)?.output_paths(&self.dir)?)
    }

    fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>> {
        Ok(self.objects().keys().find(|path| path.hash_part() == hash_part).cloned())
    }

    fn add_dump(
        &self,
        new: &NewContents<'_>,
        dump: DumpMethod,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<Arc<PathInfo>> {
        let mut bytes = Vec::new();
        produce(&mut bytes)?;
        let nar = match dump {
            DumpMethod::Nar => bytes,
            DumpMethod::Flat => firn_nar::write_file(Vec::new(), &bytes)?,
        };
        let hash = content_hash(&nar, new.method.file_method(), new.algo)?;
        let ca = ContentAddress { method: new.method, hash };
        let references = References::from(new.references.clone());
        let path = self.dir.make_content_addressed_path(new.name, &ca, &references)?;
        let mut info = PathInfo::new(path.clone(), Hash::of(Algo::Sha256, &nar), nar.len() as u64);
        info.ca = Some(ca);
        info.references = new.references.clone();
        let info = Arc::new(info);
        if !self.read_only {
            self.objects().insert(path, (info.clone(), Arc::new(nar)));
        }
        Ok(info)
    }

    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read, _: AddOptions) -> Result<()> {
        if self.read_only {
            return self.unsupported("addToStore");
        }
        let mut bytes = Vec::new();
        firn_nar::copy(nar, &mut bytes)?;
        let mut hasher = Hasher::new(Algo::Sha256);
        hasher.update(&bytes);
        let got = hasher.finish();
        if got != info.nar_hash {
            return Err(StoreError::HashMismatch {
                path: self.dir.print(&info.path),
                specified: info.nar_hash.sri(),
                got: got.sri(),
            });
        }
        self.objects().insert(info.path.clone(), (Arc::new(info.clone()), Arc::new(bytes)));
        Ok(())
    }

    fn write_nar(&self, path: &StorePath, out: &mut dyn Write) -> Result<()> {
        let nar = self.nar(path)?;
        out.write_all(&nar).map_err(|source| StoreError::Stream { action: "writing an archive", source })
    }

    fn read_derivation(&self, path: &StorePath) -> Result<Derivation> {
        Ok(aterm::parse(&self.dir, &file_in(&self.nar(path)?)?, path.derivation_name()?)?)
    }

    fn add_temp_root(&self, _: &StorePath) -> Result<()> {
        Ok(())
    }

    fn add_indirect_root(&self, _: &Path) -> Result<()> {
        self.unsupported("addIndirectRoot")
    }

    fn add_permanent_root(&self, _: &StorePath, _: &Path) -> Result<PathBuf> {
        self.unsupported("addPermRoot")
    }

    fn find_roots(&self, _: bool) -> Result<Roots> {
        Ok(Roots::new())
    }

    fn add_signatures(&self, path: &StorePath, sigs: &BTreeSet<String>) -> Result<()> {
        let mut objects = self.objects();
        let (info, _) = objects.get_mut(path).ok_or_else(|| StoreError::InvalidPath(self.dir.print(path)))?;
        Arc::make_mut(info).sigs.extend(sigs.iter().cloned());
        Ok(())
    }

    fn build(&self, _: &[DerivedPath], _: BuildMode) -> Result<Vec<BuildResult>> {
        self.unsupported("build")
    }

    fn missing(&self, targets: &[DerivedPath]) -> Result<Missing> {
        missing_without_substituters(self, targets)
    }

    fn build_log(&self, _: &StorePath) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn real_path(&self, _: &StorePath) -> Option<PathBuf> {
        None
    }
}
