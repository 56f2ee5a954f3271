//! What can go wrong on a connection.

use std::io;

use firn_store::StoreError;

/// An error of a protocol.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The other side has gone away.
    #[error("unexpected end-of-file")]
    End,
    /// The connection broke.
    #[error("{0}")]
    Io(io::Error),
    /// What came makes no sense.
    #[error("{0}")]
    Malformed(String),
    /// The other side says that something failed; the connection goes on.
    #[error("{0}")]
    Remote(String),
}

impl ProtocolError {
    pub(crate) fn malformed(text: impl Into<String>) -> ProtocolError {
        ProtocolError::Malformed(text.into())
    }

    /// Whether the connection can be used further.
    pub fn is_remote(&self) -> bool {
        matches!(self, ProtocolError::Remote(_))
    }
}

impl From<io::Error> for ProtocolError {
    fn from(e: io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                ProtocolError::End
            }
            _ => ProtocolError::Io(e),
        }
    }
}

impl From<ProtocolError> for StoreError {
    fn from(e: ProtocolError) -> StoreError {
        match e {
            ProtocolError::Remote(text) => StoreError::Remote(text),
            e => StoreError::Protocol(e.to_string()),
        }
    }
}

impl From<firn_path::PathError> for ProtocolError {
    fn from(e: firn_path::PathError) -> Self {
        ProtocolError::Malformed(e.to_string())
    }
}

impl From<firn_hash::HashError> for ProtocolError {
    fn from(e: firn_hash::HashError) -> Self {
        ProtocolError::Malformed(e.to_string())
    }
}
