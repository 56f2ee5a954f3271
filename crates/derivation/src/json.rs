//! Derivations as JSON.
