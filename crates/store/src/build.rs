//! What the store knows of building: modes, results, and the trait behind which the builder is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firn_derivation::Derivation;
use firn_events::Events;
use firn_path::{DerivedPath, StorePath, StorePathSet};

use crate::error::{Result, StoreError};
use crate::local::LocalStore;

/// How a build treats outputs that exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BuildMode {
    /// Valid outputs are left alone.
    #[default]
    Normal = 0,
    /// Outputs are made again if they are missing or corrupt.
    Repair = 1,
    /// Outputs are made again and compared with what is there.
    Check = 2,
}

/// How a build ended; the numbers are those of the reference's protocols.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum BuildStatus {
    /// It was built.
    Built = 0,
    /// It came from a substituter.
    Substituted = 1,
    /// It was valid before.
    AlreadyValid = 2,
    /// The builder failed, and will again.
    PermanentFailure = 3,
    /// The derivation was refused.
    InputRejected = 4,
    /// An output was refused.
    OutputRejected = 5,
    /// It failed for a reason that may pass.
    TransientFailure = 6,
    /// It failed before (no longer used).
    CachedFailure = 7,
    /// It took too long, or was silent too long.
    TimedOut = 8,
    /// It failed for another reason.
    MiscFailure = 9,
    /// Something that it needs failed.
    DependencyFailed = 10,
    /// Its log was too long.
    LogLimitExceeded = 11,
    /// It was built again with another result.
    NotDeterministic = 12,
    /// It is the same as a derivation that was built.
    ResolvesToAlreadyValid = 13,
    /// It is no derivation and no substituter has it.
    NoSubstituters = 14,
}

impl BuildStatus {
    /// All of them, in order of their numbers.
    pub const ALL: [BuildStatus; 15] = [
        BuildStatus::Built,
        BuildStatus::Substituted,
        BuildStatus::AlreadyValid,
        BuildStatus::PermanentFailure,
        BuildStatus::InputRejected,
        BuildStatus::OutputRejected,
        BuildStatus::TransientFailure,
        BuildStatus::CachedFailure,
        BuildStatus::TimedOut,
        BuildStatus::MiscFailure,
        BuildStatus::DependencyFailed,
        BuildStatus::LogLimitExceeded,
        BuildStatus::NotDeterministic,
        BuildStatus::ResolvesToAlreadyValid,
        BuildStatus::NoSubstituters,
    ];

    /// The status of a number in a protocol.
    pub fn from_code(code: u64) -> Option<BuildStatus> {
        usize::try_from(code).ok().and_then(|i| Self::ALL.get(i).copied())
    }

    /// Whether the outputs are valid now.
    pub fn is_success(self) -> bool {
        matches!(
            self,
            BuildStatus::Built
                | BuildStatus::Substituted
                | BuildStatus::AlreadyValid
                | BuildStatus::ResolvesToAlreadyValid
        )
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            BuildStatus::Built => "Built",
            BuildStatus::Substituted => "Substituted",
            BuildStatus::AlreadyValid => "AlreadyValid",
            BuildStatus::PermanentFailure => "PermanentFailure",
            BuildStatus::InputRejected => "InputRejected",
            BuildStatus::OutputRejected => "OutputRejected",
            BuildStatus::TransientFailure => "TransientFailure",
            BuildStatus::CachedFailure => "CachedFailure",
            BuildStatus::TimedOut => "TimedOut",
            BuildStatus::MiscFailure => "MiscFailure",
            BuildStatus::DependencyFailed => "DependencyFailed",
            BuildStatus::LogLimitExceeded => "LogLimitExceeded",
            BuildStatus::NotDeterministic => "NotDeterministic",
            BuildStatus::ResolvesToAlreadyValid => "ResolvesToAlreadyValid",
            BuildStatus::NoSubstituters => "NoSubstituters",
        }
    }
}

/// The outcome for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildResult {
    /// What was asked for.
    pub target: DerivedPath,
    /// How it ended.
    pub status: BuildStatus,
    /// Why it failed, or an empty text.
    pub error: String,
    /// How often it was built.
    pub times_built: u32,
    /// Building again gave something else (only known where it was tried).
    pub is_non_deterministic: bool,
    /// Seconds since 1970; 0 if it was not built.
    pub start_time: i64,
    /// Seconds since 1970; 0 if it was not built.
    pub stop_time: i64,
    /// Time of processors in the builder's own code, where known.
    pub cpu_user: Option<Duration>,
    /// Time of processors in the kernel for the builder, where known.
    pub cpu_system: Option<Duration>,
    /// The outputs by name; empty for a target that is no derivation.
    pub outputs: BTreeMap<String, StorePath>,
}

impl BuildResult {
    /// A result that says how it ended and nothing else.
    pub fn new(target: DerivedPath, status: BuildStatus) -> Self {
        BuildResult {
            target,
            status,
            error: String::new(),
            times_built: 0,
            is_non_deterministic: false,
            start_time: 0,
            stop_time: 0,
            cpu_user: None,
            cpu_system: None,
            outputs: BTreeMap::new(),
        }
    }

    /// A failure with its reason.
    pub fn failed(target: DerivedPath, status: BuildStatus, error: impl Into<String>) -> Self {
        BuildResult { error: error.into(), ..BuildResult::new(target, status) }
    }
}

/// What a build would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Derivations that would be built.
    pub will_build: StorePathSet,
    /// Paths that would be substituted.
    pub will_substitute: StorePathSet,
    /// Paths of which nothing is known.
    pub unknown: StorePathSet,
    /// Bytes to download.
    pub download_size: u64,
    /// Bytes of their archives.
    pub nar_size: u64,
}

/// Makes outputs valid: builds, substitutes. Defined here so that the store can offer building without knowing how.
pub trait BuildBackend: Send + Sync {
    /// Builds the targets in `store`; gives one result a target, in order. Failures of builds are results, not errors.
    ///
    /// # Errors
    /// Something that is no build's fault, such as a store that cannot be written.
    fn build(
        &self,
        store: &LocalStore,
        targets: &[DerivedPath],
        mode: BuildMode,
        events: &Events,
    ) -> Result<Vec<BuildResult>>;

    /// Builds one derivation that need not be in the store itself; its inputs are sources that are valid.
    ///
    /// # Errors
    /// As [`BuildBackend::build`].
    fn build_derivation(
        &self,
        _store: &LocalStore,
        _drv_path: &StorePath,
        _drv: &Derivation,
        _mode: BuildMode,
        _events: &Events,
    ) -> Result<BuildResult> {
        Err(StoreError::NoBuilder)
    }

    /// Those of `paths` that substituters have.
    ///
    /// # Errors
    /// Those of reading the store.
    fn substitutable_paths(
        &self,
        _store: &LocalStore,
        _paths: &StorePathSet,
        _events: &Events,
    ) -> Result<StorePathSet> {
        Ok(StorePathSet::new())
    }

    /// What building the targets would do. Unless overridden it knows no substituters.
    ///
    /// # Errors
    /// Those of reading the store.
    fn missing(&self, store: &LocalStore, targets: &[DerivedPath]) -> Result<Missing> {
        missing_without_substituters(store, targets)
    }
}

/// What building would do if there were no substituters.
///
/// # Errors
/// Those of reading the store.
pub fn missing_without_substituters(
    store: &dyn crate::store::Store,
    targets: &[DerivedPath],
) -> Result<Missing> {
    let mut missing = Missing::default();
    let mut todo: Vec<(StorePath, Option<BTreeSet<String>>)> = Vec::new();
    for target in targets {
        match target {
            DerivedPath::Opaque(path) => {
                if !store.is_valid(path)? {
                    missing.unknown.insert(path.clone());
                }
            }
            DerivedPath::Built { outputs, .. } => {
                let wanted = match outputs {
                    firn_path::OutputsSpec::All => None,
                    firn_path::OutputsSpec::Names(names) => Some(names.clone()),
                };
                todo.push((target.base_path().clone(), wanted));
            }
        }
    }
    let mut seen = BTreeSet::new();
    while let Some((drv_path, wanted)) = todo.pop() {
        if !seen.insert((drv_path.clone(), wanted.clone())) {
            continue;
        }
        if !store.is_valid(&drv_path)? {
            missing.unknown.insert(drv_path);
            continue;
        }
        let known = store.derivation_outputs(&drv_path)?;
        let mut all_valid = !known.is_empty();
        for (name, path) in &known {
            if wanted.as_ref().is_some_and(|w| !w.contains(name)) {
                continue;
            }
            match path {
                Some(path) => all_valid &= store.is_valid(path)?,
                None => all_valid = false,
            }
        }
        if all_valid {
            continue;
        }
        let drv = store.read_derivation(&drv_path)?;
        missing.will_build.insert(drv_path);
        for (input, node) in drv.input_drvs {
            todo.push((input, Some(node.outputs)));
        }
    }
    Ok(missing)
}

/// Turns results into an error if one of them failed; the text is that of the first failure.
///
/// # Errors
/// [`StoreError::Build`].
pub fn require_success(results: &[BuildResult]) -> Result<()> {
    match results.iter().find(|r| !r.status.is_success()) {
        None => Ok(()),
        Some(failed) => Err(StoreError::Build(failed.error.clone())),
    }
}
