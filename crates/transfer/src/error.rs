//! Why a transfer failed.

use std::fmt;

/// What kind of failure it is; decides about retrying and about what a caller may make of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server says that there is no such file (404, 410), or a local file is missing.
    NotFound,
    /// Credentials are missing or wrong (401, 407).
    Unauthorized,
    /// 403. S3 answers so for missing files of buckets that cannot be listed.
    Forbidden,
    /// Trying again may help; all attempts were used.
    Transient,
    /// The transfer was cancelled.
    Interrupted,
    /// Trying again does not help.
    Misc,
}

/// A failed transfer.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Error {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The HTTP status, 0 if there was none.
    pub status: u16,
    /// The message for the user, with the URL and the reason.
    pub message: String,
    /// The body of the error answer, as far as it was read.
    pub response: Option<String>,
    /// How long the server asks to wait before another attempt, in milliseconds.
    pub(crate) retry_after_ms: Option<u64>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, status: 0, message: message.into(), response: None, retry_after_ms: None }
    }

    /// Classifies an HTTP status as the reference does.
    pub(crate) fn kind_of_status(status: u16) -> ErrorKind {
        match status {
            404 | 410 => ErrorKind::NotFound,
            401 | 407 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            408 | 429 => ErrorKind::Transient,
            400..=499 | 501 | 505 | 511 => ErrorKind::Misc,
            _ => ErrorKind::Transient,
        }
    }

    /// Whether the file is definitely not there; 403 counts, as S3 answers so.
    pub fn is_missing(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound | ErrorKind::Forbidden)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.response {
            Some(body) if !body.is_empty() && (body.len() < 1024 || body.contains("<html>")) => {
                write!(f, "\n\nresponse body:\n\n{}", body.trim_end_matches(['\n', '\r', ' ', '\t']))
            }
            _ => Ok(()),
        }
    }
}
