//! What can go wrong with a tree of files; the texts are the reference's where it has one.

use std::io;

use firn_nar::NarError;

/// A tree that can't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Nothing there.
    #[error("path '{0}' does not exist")]
    NotFound(String),
    /// Something else than a directory.
    #[error("'{0}' is not a directory")]
    NotDirectory(String),
    /// Something else than a file.
    #[error("file '{0}' is not a regular file")]
    NotRegular(String),
    /// Something else than a symlink.
    #[error("file '{0}' is not a symlink")]
    NotSymlink(String),
    /// A symlink on the way, which accessors do not follow.
    #[error("path '{0}' (or its ancestor) is a symlink")]
    SymlinkInPath(String),
    /// A device, socket or pipe.
    #[error("file '{0}' has an unsupported type")]
    UnsupportedType(String),
    /// A path that the accessor does not show, with its reason.
    #[error("{0}")]
    NotAllowed(String),
    /// Symlinks that lead in circles.
    #[error("infinite symlink recursion in path '{0}'")]
    InfiniteSymlinks(String),
    /// Directories within each other beyond what a NAR may have.
    #[error("path '{path}' exceeds maximum NAR directory depth of {limit}")]
    TooDeep {
        /// The path that is too deep.
        path: String,
        /// The largest depth.
        limit: usize,
    },
    /// A file that does not belong to the user who should have made it.
    #[error("invalid ownership on file '{0}'")]
    InvalidOwnership(String),
    /// A path with a zero byte.
    #[error("path segment '{0}' must not contain null (\\0) bytes")]
    NullByte(String),
    /// A member of an archive that would be written outside.
    #[error("archive member '{0}' would be unpacked outside of its directory")]
    ClimbsOut(String),
    /// A member of an archive below a symlink.
    #[error("archive member '{0}' would be unpacked through a symlink")]
    ThroughSymlink(String),
    /// A device, socket or pipe in an archive.
    #[error("file '{path}' in tarball has unsupported file type '{kind}'")]
    UnsupportedMember {
        /// The member's path.
        path: String,
        /// Its type.
        kind: String,
    },
    /// More than the limits allow.
    #[error("archive exceeds the limit of {limit} {what}")]
    ArchiveTooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The largest number.
        limit: u64,
    },
    /// An archive that can't be read.
    #[error("failed to open archive: {0}")]
    BadArchive(String),
    /// A name that is no compression method's.
    #[error("unknown compression method '{0}'")]
    UnknownCompression(String),
    /// A malformed NAR, or one that can't be read or written.
    #[error(transparent)]
    Nar(#[from] NarError),
    /// The system refused something.
    #[error("{action} '{path}': {}", strerror(error))]
    System {
        /// What was tried (`opening file`).
        action: &'static str,
        /// On what.
        path: String,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
}

impl SourceError {
    /// Wraps an error of the system.
    pub fn system(action: &'static str, path: impl Into<String>, error: impl Into<io::Error>) -> SourceError {
        SourceError::System { action, path: path.into(), error: error.into() }
    }

    /// Tells whether the path was not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            SourceError::NotFound(_) => true,
            SourceError::System { error, .. } => error.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

/// The system's words for an error, without the number that Rust adds.
#[must_use]
pub fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
