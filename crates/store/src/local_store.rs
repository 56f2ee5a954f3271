//! The local store as a [`Store`].

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_derivation::Derivation;
use firn_path::{DerivedPath, HASH_LEN, StoreDir, StorePath, StorePathSet};
use firn_settings::Feature;

use crate::build::{BuildMode, BuildResult, Missing, missing_without_substituters};
use crate::db::Realisation;
use crate::error::{Result, StoreError};
use crate::gc::{GcOptions, GcResults};
use crate::info::PathInfo;
use crate::local::LocalStore;
use crate::optimise::OptimiseStats;
use crate::roots::Roots;
use crate::store::{AddOptions, DumpMethod, NewContents, Store, StoreStatus, SubstituterTraits};
use crate::verify::VerifyOptions;

impl Store for LocalStore {
    fn store_dir(&self) -> &StoreDir {
        self.dir()
    }

    fn uri(&self) -> String {
        if self.config.reference.params.is_empty() && self.config.root.is_none() {
            "local".to_owned()
        } else {
            self.config.reference.to_string()
        }
    }

    fn is_valid(&self, path: &StorePath) -> Result<bool> {
        Ok(self.info(path)?.is_some())
    }

    fn path_info(&self, path: &StorePath) -> Result<Option<Arc<PathInfo>>> {
        self.info(path)
    }

    fn all_valid_paths(&self) -> Result<StorePathSet> {
        self.db.all_valid_paths()
    }

    fn referrers(&self, path: &StorePath) -> Result<StorePathSet> {
        self.db.referrers(path)
    }

    fn valid_derivers(&self, path: &StorePath) -> Result<StorePathSet> {
        self.db.valid_derivers(path)
    }

    fn derivation_outputs(&self, drv: &StorePath) -> Result<BTreeMap<String, Option<StorePath>>> {
        let known = self.db.derivation_outputs(drv)?;
        let mut outputs: BTreeMap<String, Option<StorePath>> =
            known.into_iter().map(|(name, path)| (name, Some(path))).collect();
        if outputs.is_empty() || self.settings().enabled(Feature::CaDerivations) {
            // outputs without a path have no row; what they were built to is in the build trace
            for name in self.parse_derivation(drv)?.outputs.into_keys() {
                if let Entry::Vacant(entry) = outputs.entry(name) {
                    let built = self.realisation(drv, entry.key())?.map(|r| r.path);
                    entry.insert(built);
                }
            }
        }
        Ok(outputs)
    }

    fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>> {
        if hash_part.len() != HASH_LEN {
            return Err(StoreError::InvalidHashPart);
        }
        self.db.path_from_hash_part(hash_part)
    }

    fn add_dump(
        &self,
        new: &NewContents<'_>,
        dump: DumpMethod,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<Arc<PathInfo>> {
        self.add_dump_local(new, dump, produce)
    }

    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read, options: AddOptions) -> Result<()> {
        self.add_nar_local(info, nar, options)
    }

    fn write_nar(&self, path: &StorePath, out: &mut dyn Write) -> Result<()> {
        self.require_info(path)?;
        Ok(firn_source::dump_path(&self.real(path), out)?)
    }

    fn read_derivation(&self, path: &StorePath) -> Result<Derivation> {
        self.require_info(path)?;
        self.parse_derivation(path)
    }

    fn write_derivation(&self, drv: &Derivation, repair: bool) -> Result<StorePath> {
        let mut scratch = firn_derivation::Scratch::new();
        drv.drv_path(self.dir(), &mut scratch)?;
        let references: StorePathSet = drv.references().cloned().collect();
        let name = format!("{}.drv", drv.name);
        if repair {
            return self.add_text(&name, scratch.text(), &references, true);
        }
        let text = crate::add::NewText { name: &name, contents: scratch.text(), references: &references };
        let mut paths = self.add_texts(&[text])?;
        paths.pop().ok_or(StoreError::InvalidPath(name))
    }

    fn add_temp_root(&self, path: &StorePath) -> Result<()> {
        self.root_temporarily(path)
    }

    fn add_indirect_root(&self, link: &Path) -> Result<()> {
        self.add_indirect_root_local(link)
    }

    fn add_permanent_root(&self, path: &StorePath, link: &Path) -> Result<PathBuf> {
        self.add_permanent_root_local(path, link)
    }

    fn find_roots(&self, censor: bool) -> Result<Roots> {
        self.find_roots_local(censor)
    }

    fn add_signatures(&self, path: &StorePath, sigs: &BTreeSet<String>) -> Result<()> {
        self.require_writable("adding signatures")?;
        self.db.add_signatures(path, sigs)?;
        self.forget(path);
        Ok(())
    }

    fn build(&self, targets: &[DerivedPath], mode: BuildMode) -> Result<Vec<BuildResult>> {
        self.backend().ok_or(StoreError::NoBuilder)?.build(self, targets, mode, &self.events)
    }

    fn missing(&self, targets: &[DerivedPath]) -> Result<Missing> {
        match self.backend() {
            Some(backend) => backend.missing(self, targets),
            None => missing_without_substituters(self, targets),
        }
    }

    fn build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>> {
        self.build_log_local(path)
    }

    fn real_path(&self, path: &StorePath) -> Option<PathBuf> {
        Some(self.real(path))
    }

    fn add_build_log(&self, drv: &StorePath, log: &[u8]) -> Result<()> {
        LocalStore::add_build_log(self, drv, log)
    }

    fn build_derivation(
        &self,
        drv_path: &StorePath,
        drv: &Derivation,
        mode: BuildMode,
    ) -> Result<BuildResult> {
        self.backend().ok_or(StoreError::NoBuilder)?.build_derivation(self, drv_path, drv, mode, &self.events)
    }

    fn realisation(&self, drv: &StorePath, output: &str) -> Result<Option<Realisation>> {
        LocalStore::realisation(self, drv, output)
    }

    fn register_realisation(&self, realisation: &Realisation) -> Result<()> {
        LocalStore::register_realisation(self, realisation)
    }

    fn collect_garbage(&self, options: &GcOptions) -> Result<GcResults> {
        LocalStore::collect_garbage(self, options)
    }

    fn verify(&self, options: VerifyOptions) -> Result<bool> {
        LocalStore::verify(self, options)
    }

    fn optimise(&self) -> Result<OptimiseStats> {
        LocalStore::optimise(self)
    }

    fn substituter_traits(&self) -> Result<SubstituterTraits> {
        Ok(SubstituterTraits::from_reference(&self.config.reference, SubstituterTraits::default()))
    }

    fn substitutable_paths(&self, paths: &StorePathSet) -> Result<StorePathSet> {
        match self.backend() {
            Some(backend) => backend.substitutable_paths(self, paths, &self.events),
            None => Ok(StorePathSet::new()),
        }
    }

    fn status(&self) -> Result<StoreStatus> {
        Ok(StoreStatus { version: Some("2.34.8".to_owned()), trusted: Some(true) })
    }

    fn as_local(&self) -> Option<&LocalStore> {
        Some(self)
    }
}
