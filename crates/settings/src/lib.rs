//! The settings of a command: one table of names, kinds, defaults and meanings; `nix.conf` and its overrides; the
//! directories that the environment chooses; experimental features.
//!
//! Invariants: a [`Settings`] value is built once at the edge and passed in, never a static; this crate does no I/O (files
//! come through a reader that the caller gives, the machine through [`Host`]); warnings are data, taken by the caller with
//! [`Settings::take_warnings`].

mod conf;
mod directories;
mod feature;
mod host;
mod parse;
mod pending;
mod settings;
mod show;
mod table;
mod value;

pub use conf::{Assignment, parse_conf};
pub use directories::Directories;
pub use feature::Feature;
pub use host::{Environment, Host};
pub use parse::parse_nix_path;
pub use pending::{WITHOUT_EFFECT, without_effect};
pub use settings::Settings;
pub use table::{DEFINITIONS, Definition, Group};
pub use value::{Diagnose, Kind, SandboxMode, SandboxPath, Value};

/// What is wrong with a setting or a configuration file. The texts are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line that is neither an assignment nor an include.
    #[error("syntax error in configuration line '{line}' in \"{file}\"")]
    Syntax {
        /// The line without its comment.
        line: String,
        /// The file or variable that it is in.
        file: String,
    },
    /// An `include` of a file that is not there.
    #[error("file \"{file}\" included from \"{from}\" not found")]
    IncludeNotFound {
        /// The missing file.
        file: String,
        /// The file with the `include`.
        from: String,
    },
    /// Includes that include themselves, or that go too deep.
    #[error("configuration file \"{file}\" is included too deeply")]
    IncludeDepth {
        /// The file that was not read any more.
        file: String,
    },
    /// A boolean that is none.
    #[error("Boolean setting '{name}' has invalid value '{value}'")]
    InvalidBool {
        /// The setting.
        name: String,
        /// Its value.
        value: String,
    },
    /// A number that is none.
    #[error("setting '{name}' has invalid value '{value}'")]
    InvalidNumber {
        /// The setting.
        name: String,
        /// Its value.
        value: String,
    },
    /// A word that is not one of those allowed.
    #[error("option '{name}' has invalid value '{value}'{expected}")]
    InvalidChoice {
        /// The setting.
        name: String,
        /// Its value.
        value: String,
        /// What is allowed, in brackets, or nothing.
        expected: &'static str,
    },
    /// `max-jobs` with something that is neither `auto` nor a number.
    #[error("configuration setting '{name}' should be 'auto' or an integer")]
    InvalidJobs {
        /// The setting.
        name: String,
    },
    /// An empty path.
    #[error("setting '{name}' is a path and paths cannot be empty")]
    EmptyPath {
        /// The setting.
        name: String,
    },
    /// A setting in JSON that does not parse.
    #[error("parsing setting '{name}': {reason}")]
    InvalidJson {
        /// The setting.
        name: String,
        /// Why.
        reason: String,
    },
    /// Something needs an experimental feature that is not enabled.
    #[error(
        "experimental Nix feature '{feature}' is disabled{reason}; add '--extra-experimental-features {feature}' to enable it"
    )]
    FeatureDisabled {
        /// The feature.
        feature: Feature,
        /// Why it is needed: ` (…)`, or nothing.
        reason: String,
    },
}
