//! The protocol of the daemon.
//!
//! After a greeting (magic numbers, versions, since 1.38 features; then the daemon's version and whether it trusts the
//! client) the client sends operations; each is answered by frames ([`crate::frames`]) and then by its result.

pub mod client;
mod remote;
pub mod server;

pub use remote::{Connect, RemoteStore};

pub(crate) const CLIENT_MAGIC: u64 = 0x6e69_7863;
pub(crate) const DAEMON_MAGIC: u64 = 0x6478_696f;

/// The newest version that is spoken, and the oldest.
pub const VERSION: u64 = 1 << 8 | 38;
/// See [`VERSION`].
pub const OLDEST: u64 = 1 << 8 | 34;

/// Results carry paths of outputs and not hashes of derivations.
pub(crate) const REALISATION_WITH_PATH: &str = "realisation-with-path-not-hash";
/// Collections may be limited to certain paths.
pub(crate) const DELETE_SPECIFIC: &str = "delete-dead-specific-referrers";

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// 34 to 38.
    pub minor: u64,
    /// Features of both sides.
    pub features: std::collections::BTreeSet<String>,
}

impl Version {
    pub(crate) fn has(&self, feature: &str) -> bool {
        self.features.contains(feature)
    }

    pub(crate) fn result_form(&self) -> crate::objects::ResultForm {
        crate::objects::ResultForm {
            cpu: self.minor >= 37,
            plain_outputs: self.has(REALISATION_WITH_PATH),
            outputs: true,
        }
    }
}

macro_rules! operations {
    ($($name:ident = $number:literal,)*) => {
        /// Operations with their numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)] // the names are the reference's
        #[repr(u64)]
        pub enum Operation {
            $($name = $number,)*
        }

        impl Operation {
            /// The operation of a number.
            pub fn from_number(number: u64) -> Option<Operation> {
                match number {
                    $($number => Some(Operation::$name),)*
                    _ => None,
                }
            }
        }
    };
}

operations! {
    IsValidPath = 1,
    QueryReferrers = 6,
    AddToStore = 7,
    AddTextToStore = 8,
    BuildPaths = 9,
    EnsurePath = 10,
    AddTempRoot = 11,
    AddIndirectRoot = 12,
    SyncWithGC = 13,
    FindRoots = 14,
    QueryDeriver = 18,
    SetOptions = 19,
    CollectGarbage = 20,
    QuerySubstitutablePathInfo = 21,
    QueryDerivationOutputs = 22,
    QueryAllValidPaths = 23,
    QueryPathInfo = 26,
    QueryDerivationOutputNames = 28,
    QueryPathFromHashPart = 29,
    QuerySubstitutablePathInfos = 30,
    QueryValidPaths = 31,
    QuerySubstitutablePaths = 32,
    QueryValidDerivers = 33,
    OptimiseStore = 34,
    VerifyStore = 35,
    BuildDerivation = 36,
    AddSignatures = 37,
    NarFromPath = 38,
    AddToStoreNar = 39,
    QueryMissing = 40,
    QueryDerivationOutputMap = 41,
    RegisterDrvOutput = 42,
    QueryRealisation = 43,
    AddMultipleToStore = 44,
    AddBuildLog = 45,
    BuildPathsWithResults = 46,
    AddPermRoot = 47,
}
