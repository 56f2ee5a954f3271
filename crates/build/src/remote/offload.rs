//! One derivation built in another store.

use std::collections::BTreeMap;

use firn_derivation::Derivation;
use firn_events::Events;
use firn_path::{DerivedPath, OutputsSpec, StorePath, StorePathSet};
use firn_store::closure::{ClosureOptions, closure};
use firn_store::copy::copy_paths;
use firn_store::{AddOptions, BuildMode, BuildResult, Store, StoreError};

/// What is built, and where.
pub struct Offload<'a> {
    /// The store that has the inputs and gets the outputs.
    pub here: &'a dyn Store,
    /// The store that builds.
    pub there: &'a dyn Store,
    /// The derivation's path.
    pub drv_path: &'a StorePath,
    /// The derivation.
    pub drv: &'a Derivation,
    /// The paths that it names as inputs.
    pub inputs: &'a StorePathSet,
    /// The other store may get inputs from its own substituters.
    pub substitute: bool,
    /// Where copies are reported.
    pub events: &'a Events,
}

const UNCHECKED: AddOptions = AddOptions { repair: false, check_sigs: false };

/// Builds it: inputs go there, outputs come back. A build that fails is a result.
///
/// # Errors
/// The other store broke off, or a copy failed.
pub fn offload(job: &Offload<'_>) -> Result<BuildResult, StoreError> {
    let trusted = job.there.status()?.trusted.unwrap_or(true);
    let inputs = closure(job.here, job.inputs, ClosureOptions::default())?;
    send(job, &inputs)?;
    let content_addressed = job.drv.derivation_type().is_ok_and(|t| t.is_content_addressed());
    let mut result = if trusted || content_addressed {
        let mut basic = job.drv.clone();
        basic.input_drvs.clear();
        basic.input_srcs = job.inputs.clone();
        job.there.build_derivation(job.drv_path, &basic, BuildMode::Normal)?
    } else {
        // without trust the whole closure of derivations has to show what the outputs are
        let drvs = closure(job.here, [job.drv_path], ClosureOptions::default())?;
        send(job, &drvs)?;
        let target = DerivedPath::built(job.drv_path.clone(), OutputsSpec::All);
        let mut results = job.there.build(&[target], BuildMode::Normal)?;
        results.pop().ok_or_else(|| StoreError::Protocol("the builder gave no result".to_owned()))?
    };
    if !result.status.is_success() {
        return Ok(result);
    }
    if result.outputs.is_empty() {
        result.outputs = known_outputs(job)?;
    }
    let outputs: StorePathSet = result.outputs.values().cloned().collect();
    let back = closure(job.there, &outputs, ClosureOptions::default())?;
    copy_paths(job.there, job.here, &back, UNCHECKED, job.events)?;
    Ok(result)
}

fn send(job: &Offload<'_>, paths: &StorePathSet) -> Result<(), StoreError> {
    if job.substitute {
        let valid = job.there.valid_paths(paths)?;
        let absent: StorePathSet = paths.difference(&valid).cloned().collect();
        let targets: Vec<DerivedPath> =
            job.there.substitutable_paths(&absent)?.into_iter().map(DerivedPath::Opaque).collect();
        if !targets.is_empty() {
            // what it cannot get is sent
            job.there.build(&targets, BuildMode::Normal)?;
        }
    }
    copy_paths(job.here, job.there, paths, UNCHECKED, job.events).map(drop)
}

fn known_outputs(job: &Offload<'_>) -> Result<BTreeMap<String, StorePath>, StoreError> {
    let paths = job.drv.output_paths(job.here.store_dir())?;
    Ok(paths.into_iter().filter_map(|(name, path)| path.map(|p| (name, p))).collect())
}
