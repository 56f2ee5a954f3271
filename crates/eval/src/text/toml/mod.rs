//! TOML 1.0 as `builtins.fromTOML` reads it.
//!
//! [`parse`] gives a tree; the caller makes values of it and decides whether timestamps are allowed. Errors are shown as the
//! library of the reference (toml11) shows them: a title, the line with a mark, and a hint; only the first error of a document
//! is reported. Nesting is bounded by [`MAX_DEPTH`].

mod error;
mod insert;
mod numbers;
mod read;
mod strings;

use error::Problem;
use std::collections::BTreeMap;

/// How deep tables, arrays and dotted keys may nest.
pub const MAX_DEPTH: usize = 1000;

/// A table, by key.
pub type Table = BTreeMap<String, Node>;

/// A value of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float, possibly infinite or not a number.
    Float(f64),
    /// A string.
    String(String),
    /// A date, a time or both, in the form of RFC 3339; fractions of a second have 0, 3, 6 or 9 digits.
    Timestamp(String),
    /// An array.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
}

/// A value and what the reader has to know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it (or the key that defined it) stands.
    span: (usize, usize),
    origin: Origin,
}

/// How a value came to be: decides what may still be added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A scalar, an array or an inline table: complete.
    Complete,
    /// A table that a header inside it implied.
    Implied,
    /// A table with a header of its own, or an array of such tables.
    Header,
    /// A table that a dotted key made.
    Dotted,
}

/// Why a text is not TOML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// Reads a document.
pub fn parse(text: &[u8]) -> Result<Table, Error> {
    // A last line without its end is read as if it had one.
    let mut source = text.to_vec();
    if source.last().is_some_and(|last| !matches!(last, b'\n' | b'\r')) {
        source.push(b'\n');
    }
    read::document(&source).map_err(|problem| Error(problem.render(&source)))
}

#[cfg(test)]
mod tests;
