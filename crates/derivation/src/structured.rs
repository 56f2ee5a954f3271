//! Attributes that are passed as JSON instead of environment variables.

/// The environment variable under which a derivation carries them.
pub const STRUCTURED_ATTRS: &str = "__json";
