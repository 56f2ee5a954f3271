//! Text algorithms of the language, independent of values.
//!
//! Everything here works on bytes and plain Rust types, so that it can be tested and measured without an evaluator; the
//! builtins put values around it. Texts of errors and the bytes that the writers give equal those of the reference, because
//! derivations depend on them.

pub mod float;
pub mod json;
pub mod regex;
pub mod strings;
pub mod toml;
pub mod version;
pub mod xml;
