//! Experimental features: what is behind a switch, and the texts about it.

use std::fmt;
use std::str::FromStr;

macro_rules! features {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// An experimental feature of the reference.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Feature {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Feature {
            /// All features, in the reference's order.
            pub const ALL: &'static [Feature] = &[$(Feature::$variant,)+];

            /// The name that a configuration uses.
            pub fn name(self) -> &'static str {
                match self { $(Feature::$variant => $name,)+ }
            }

            /// What it is, in a sentence.
            pub fn doc(self) -> &'static str {
                match self { $(Feature::$variant => concat!($($doc,)+),)+ }
            }
        }
    };
}

features! {
    /// Outputs whose paths follow from their contents.
    CaDerivations = "ca-derivations",
    /// Derivations that may see the outside and are built anew every time.
    ImpureDerivations = "impure-derivations",
    /// Flakes: pinned inputs, one output schema.
    Flakes = "flakes",
    /// The builtin `fetchTree`.
    FetchTree = "fetch-tree",
    /// The `nix` command with its subcommands.
    NixCommand = "nix-command",
    /// Store objects addressed by the hash that git uses.
    GitHashing = "git-hashing",
    /// Builders that call Nix.
    RecursiveNix = "recursive-nix",
    /// The builtin `fetchClosure`.
    FetchClosure = "fetch-closure",
    /// User ids for builds without a group of build users.
    AutoAllocateUids = "auto-allocate-uids",
    /// Builds in control groups.
    Cgroups = "cgroups",
    /// The daemon's flags that force or refuse trust.
    DaemonTrustOverride = "daemon-trust-override",
    /// Derivations that are the output of derivations.
    DynamicDerivations = "dynamic-derivations",
    /// Dates in `fromTOML`.
    ParseTomlTimestamps = "parse-toml-timestamps",
    /// The store setting `read-only`.
    ReadOnlyLocalStore = "read-only-local-store",
    /// Stores of the type `local-overlay`.
    LocalOverlayStore = "local-overlay-store",
    /// The setting `impure-env`.
    ConfigurableImpureEnv = "configurable-impure-env",
    /// Stores of the type `mounted-ssh-ng`.
    MountedSshStore = "mounted-ssh-store",
    /// Signatures of git commits checked when fetching.
    VerifiedFetches = "verified-fetches",
    /// The operators `|>` and `<|`.
    PipeOperators = "pipe-operators",
    /// Programs that run builds for other systems.
    ExternalBuilders = "external-builders",
    /// Hashes of the algorithm BLAKE3.
    Blake3Hashes = "blake3-hashes",
}

impl Feature {
    /// The address of the reference's manual page of this feature.
    pub fn anchor(self) -> String {
        format!("xp-feature-{}", self.name())
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialOrd for Feature {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The reference's order (that of its table), which is how JSON lists them.
impl Ord for Feature {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (*self as usize).cmp(&(*other as usize))
    }
}

/// A word that names no feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownFeature;

impl FromStr for Feature {
    type Err = UnknownFeature;
    fn from_str(text: &str) -> Result<Self, UnknownFeature> {
        Feature::ALL.iter().copied().find(|f| f.name() == text).ok_or(UnknownFeature)
    }
}
