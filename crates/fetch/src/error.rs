//! What may go wrong with an input.

use crate::attrs::AttrError;
use crate::input::Input;
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
    /// A download failed.
    #[error(transparent)]
    Transfer(#[from] firn_transfer::Error),
    /// A tree has another hash than was said; programs end with status 102.
    #[error("{0}")]
    HashMismatch(String),
    /// Fetching an input failed.
    #[error("{cause}")]
    Fetching {
        /// The input, as a URL.
        input: String,
        /// Why.
        cause: Box<FetchError>,
    },
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
    #[error("{what}: {}", firn_source::strerror(error))]
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
    /// The error with the input that was fetched.
    pub fn while_fetching(self, input: &Input) -> FetchError {
        FetchError::Fetching { input: input.to_url().to_string(), cause: Box::new(self) }
    }
    /// The innermost error, and the inputs that were being fetched, the innermost first.
    pub fn root_cause(self) -> (FetchError, Vec<String>) {
        let (mut error, mut inputs) = (self, Vec::new());
        while let FetchError::Fetching { input, cause } = error {
            inputs.push(input);
            error = *cause;
        }
        inputs.reverse();
        (error, inputs)
    }
}
