//! What can go wrong with packages, indexes, signatures and locks.

use std::path::PathBuf;

/// An error of this crate; the message says what failed, on which file or package, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DebError {
    /// A control file, index or seed list that does not follow its syntax.
    #[error("{what}, line {line}: {reason}")]
    Syntax {
        /// The file as the user knows it.
        what: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A version that Debian's policy does not allow.
    #[error("invalid package version '{0}'")]
    Version(String),
    /// A relation field (`Depends` and such) that cannot be read.
    #[error("invalid dependency '{0}'")]
    Relation(String),
    /// A signed file without a signature of a known key.
    #[error("cannot verify the signature of '{what}': {reason}")]
    Signature {
        /// The signed file.
        what: String,
        /// Why no signature counts.
        reason: String,
    },
    /// A download whose bytes are not the ones that the index or the lock promises.
    #[error(
        "hash or size mismatch in '{url}': expected sha256:{expected} ({expected_size} bytes), got sha256:{got} ({got_size} bytes)"
    )]
    Mismatch {
        /// The address.
        url: String,
        /// The promised hash, base 16.
        expected: String,
        /// The promised size in bytes.
        expected_size: u64,
        /// The hash of what came, base 16.
        got: String,
        /// The size of what came in bytes.
        got_size: u64,
    },
    /// An index that its `InRelease` does not list.
    #[error("'{release}' does not list '{index}'")]
    NoIndex {
        /// Address of the `InRelease` file.
        release: String,
        /// The missing name.
        index: String,
    },
    /// A download that failed.
    #[error("cannot fetch '{url}': {reason}")]
    Fetch {
        /// The address.
        url: String,
        /// What the transfer said.
        reason: String,
    },
    /// Wanted packages that the archive does not have, all of them with who wants them.
    #[error("cannot resolve the seeds against the archive:\n{}", .0.join("\n"))]
    Unresolved(Vec<String>),
    /// A lock that cannot be used.
    #[error("invalid lock '{what}': {reason}")]
    Lock {
        /// The file.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A package file that cannot be unpacked.
    #[error("cannot unpack '{deb}': {reason}")]
    Package {
        /// The `.deb` file.
        deb: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A variable of the derivation that the builder does not understand.
    #[error("invalid variable '{name}' of a 'builtin:unpack-deb' derivation: {reason}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An ELF file that could not be given its interpreter and run path.
    #[error("cannot relocate the ELF file '{file}': {reason}")]
    Elf {
        /// Path relative to the output.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("cannot {action} '{path}': {source}")]
    Io {
        /// What was to be done, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Gives an I/O error its file and purpose.
pub(crate) trait Context<T> {
    fn context(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, DebError>;
}

impl<T> Context<T> for std::io::Result<T> {
    fn context(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, DebError> {
        self.map_err(|source| DebError::Io { action, path: path.into(), source })
    }
}
