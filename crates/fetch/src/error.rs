//! What may go wrong with an input.

use crate::attrs::AttrError;
use crate::url::BadUrl;

/// Why an input cannot be parsed or fetched; the texts are the reference's where it has one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not a URL.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// A malformed attribute.
    #[error(transparent)]
    Attr(#[from] AttrError),
    /// Anything that is best said in words.
    #[error("{0}")]
    Message(String),
    /// A program of another project failed.
    #[error("program '{program}' failed with exit code {status}{details}")]
    Program {
        /// The program with its first arguments.
        program: String,
        /// Its exit code.
        status: i32,
        /// What it said, after a line feed.
        details: String,
    },
    /// Reading or writing failed.
    #[error("{what}: {error}")]
    Io {
        /// What was done with which file.
        what: String,
        /// What the system says.
        error: std::io::Error,
    },
}

impl FetchError {
    /// An error in words.
    pub fn new(message: impl Into<String>) -> FetchError {
        FetchError::Message(message.into())
    }
    /// An error of the operating system.
    pub fn io(what: impl Into<String>, error: std::io::Error) -> FetchError {
        FetchError::Io { what: what.into(), error }
    }
}
