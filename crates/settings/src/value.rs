//! Kinds of settings and their values.

use std::collections::{BTreeMap, BTreeSet};

use crate::feature::Feature;

/// What sort of value a setting has; decides parsing, printing, command-line flags and whether `extra-` works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `true` or `false` (also `yes`, `no`, `1`, `0`).
    Bool,
    /// A number without sign, with an optional suffix K, M, G or T (powers of 1024).
    Int,
    /// A text.
    Text,
    /// A text or nothing (empty).
    OptText,
    /// A path that is not empty; relative ones stay so.
    Path,
    /// An absolute path.
    AbsPath,
    /// An absolute path or nothing (empty).
    OptPath,
    /// Words in order.
    List,
    /// Words without order.
    Set,
    /// Words of the shape `key=value`.
    Map,
    /// A number, or `auto` for the number of processors.
    Jobs,
    /// `true`, `false` or `relaxed`.
    Sandbox,
    /// Words of the shape `target=source?`.
    SandboxPaths,
    /// Names of experimental features.
    Features,
    /// `ignore`, `warn` or `fatal`.
    Diagnose,
    /// `disabled` or `flamegraph`.
    Profiler,
    /// The old switch for `lint-short-path-literals`.
    DeprecatedWarn,
    /// A JSON array.
    Json,
}

impl Kind {
    /// Whether `extra-NAME` adds to the value.
    pub fn appendable(self) -> bool {
        matches!(self, Kind::List | Kind::Set | Kind::Map | Kind::SandboxPaths | Kind::Features)
    }
}

/// A path that builds see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SandboxPath {
    /// The path outside.
    pub source: String,
    /// It may be missing.
    pub optional: bool,
}

/// Whether builds are sandboxed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxMode {
    /// Always.
    Enabled,
    /// Unless the derivation says otherwise.
    Relaxed,
    /// Never.
    Disabled,
}

impl SandboxMode {
    /// As the configuration writes it.
    pub fn name(self) -> &'static str {
        match self {
            SandboxMode::Enabled => "true",
            SandboxMode::Relaxed => "relaxed",
            SandboxMode::Disabled => "false",
        }
    }
}

/// What happens when something doubtful is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diagnose {
    /// Nothing.
    Ignore,
    /// A warning.
    Warn,
    /// An error.
    Fatal,
}

impl Diagnose {
    /// As the configuration writes it.
    pub fn name(self) -> &'static str {
        match self {
            Diagnose::Ignore => "ignore",
            Diagnose::Warn => "warn",
            Diagnose::Fatal => "fatal",
        }
    }
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Value {
    Bool(bool),
    Int(u64),
    Text(String),
    OptText(Option<String>),
    List(Vec<String>),
    Set(BTreeSet<String>),
    Map(BTreeMap<String, String>),
    Sandbox(SandboxMode),
    SandboxPaths(BTreeMap<String, SandboxPath>),
    Features(BTreeSet<Feature>),
    Diagnose(Diagnose),
    /// JSON, as given and checked.
    Json(serde_json::Value),
}
