//! What can be wrong with an archive; the texts are the reference's.

use std::io;

/// An archive that is malformed, too deep, or can't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NarError {
    /// The first word is not that of an archive.
    #[error("bad archive: input doesn't look like a Nix archive")]
    NoArchive,
    /// Another word than the format has here.
    #[error("bad archive: expected tag '{expected}', got '{actual}'")]
    ExpectedTag {
        /// The word that has to come.
        expected: &'static str,
        /// The word that came.
        actual: String,
    },
    /// Neither another entry nor the directory's end.
    #[error("bad archive: expected tag 'entry' or ')', got '{0}'")]
    ExpectedEntry(String),
    /// A node of unknown type.
    #[error("bad archive: unknown file type '{0}'")]
    UnknownType(String),
    /// A word after `executable` that is not empty.
    #[error("bad archive: executable marker has non-empty value")]
    ExecutableMarker,
    /// An entry's name that could leave its directory.
    #[error("bad archive: NAR contains invalid file name '{0}'")]
    InvalidName(String),
    /// An entry that should stand before the previous one, or is there twice.
    #[error("bad archive: NAR directory is not sorted")]
    NotSorted,
    /// An empty target, or one with a zero byte.
    #[error("bad archive: NAR contains invalid symlink target")]
    InvalidTarget,
    /// More nodes within each other than allowed.
    #[error("bad archive: NAR directory nesting exceeds maximum depth of {0}")]
    TooDeep(usize),
    /// A file larger than allowed.
    #[error("bad archive: NAR contains a file of {size} bytes, more than the {limit} allowed")]
    FileTooLarge {
        /// The file's size in bytes.
        size: u64,
        /// The largest size allowed.
        limit: u64,
    },
    /// A word longer than any that can stand here.
    #[error("string is too long")]
    TooLong,
    /// Padding of something else than zeros.
    #[error("non-zero padding")]
    Padding,
    /// The end came too early.
    #[error("unexpected end-of-file")]
    UnexpectedEnd,
    /// Fewer or more bytes than the stated size, while writing.
    #[error("file was said to have {stated} bytes but has {actual}")]
    WrongSize {
        /// The size stated.
        stated: u64,
        /// The number of bytes given, as far as is known.
        actual: u64,
    },
    /// The writer's functions were called in an order that makes no archive.
    #[error("archive can't go on with {0} here")]
    OutOfOrder(&'static str),
    /// A listing of another shape.
    #[error("NAR listing is malformed: {0}")]
    Listing(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for NarError {
    fn from(error: io::Error) -> NarError {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return NarError::UnexpectedEnd;
        }
        NarError::Io(error)
    }
}

impl From<NarError> for io::Error {
    fn from(error: NarError) -> io::Error {
        match error {
            NarError::Io(error) => error,
            NarError::UnexpectedEnd => io::Error::new(io::ErrorKind::UnexpectedEof, error),
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}
