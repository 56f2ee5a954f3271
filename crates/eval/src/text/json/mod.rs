//! JSON as `builtins.fromJSON` reads and `builtins.toJSON` writes it.
//!
//! [`read`] hands what it finds straight to a [`Visitor`]; neither recursion nor an intermediate tree bounds the depth. The
//! texts of errors are those of the library of the reference (nlohmann's), positions included.

mod lexer;
mod read;
mod write;

pub use read::{ReadError, Visitor, read};
pub use write::{Utf8Error, write_float, write_int, write_string};

/// Why a text is not JSON that the language can represent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text breaks the grammar.
    #[error("[json.exception.parse_error.101] parse error at line {line}, column {column}: {message}")]
    Syntax {
        /// The line of the last byte that was read, from 1.
        line: usize,
        /// Its column in bytes, from 1.
        column: usize,
        /// What was found and what was expected.
        message: String,
    },
    /// A number is too large for a float.
    #[error("[json.exception.out_of_range.406] number overflow parsing '{0}'")]
    Overflow(String),
    /// A number fits 64 bits without a sign, but not the integers of the language.
    #[error("unsigned json number {0} outside of Nix integer range")]
    Unsigned(u64),
    /// A string contains a NUL, which strings of the language can't; the NUL is shown as `␀`.
    #[error("input string '{0}' cannot be represented as Nix string because it contains null bytes")]
    NullByte(String),
}
