//! What can go wrong with a cache. Texts are the reference's where it has one.

use firn_store::StoreError;

/// An error of a cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// A narinfo that does not parse.
    #[error("NAR info file '{whence}' is corrupt: {reason}")]
    CorruptNarInfo {
        /// Its name.
        whence: String,
        /// What is wrong, and at which line.
        reason: String,
    },
    /// `nix-cache-info` names another store directory.
    #[error("binary cache '{cache}' is for Nix stores with prefix '{found}', not '{wanted}'")]
    OtherStoreDir {
        /// The cache.
        cache: String,
        /// What it says.
        found: String,
        /// What this store has.
        wanted: String,
    },
    /// No `nix-cache-info`, and none can be written.
    #[error("'{0}' does not appear to be a binary cache")]
    NoCache(String),
    /// A path refers to another one that the cache does not have.
    #[error("cannot add '{path}' to the binary cache because the reference '{reference}' is not valid")]
    MissingReference {
        /// The path.
        path: String,
        /// What it refers to.
        reference: String,
    },
    /// A transfer failed.
    #[error(transparent)]
    Transfer(#[from] firn_transfer::Error),
    /// A parameter of the address that makes no sense.
    #[error("{0}")]
    Parameter(String),
    /// The cache was given up after a failed connection.
    #[error("substituter '{0}' is disabled")]
    Disabled(String),
}

impl From<CacheError> for StoreError {
    fn from(e: CacheError) -> StoreError {
        StoreError::Remote(e.to_string())
    }
}

/// The error of reading or writing a file of the cache's own.
pub(crate) fn stream(action: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
    move |source| StoreError::Stream { action, source }
}
