//! What can be wrong with a hash; the texts are the reference's.

use crate::Algo;

/// A text that is not the hash, algorithm or format it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// No such algorithm.
    #[error("unknown hash algorithm '{0}', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'")]
    UnknownAlgo(String),
    /// No such format.
    #[error("unknown hash format '{0}', expect 'base16', 'base32', 'base64', or 'sri'")]
    UnknownFormat(String),
    /// The length fits no encoding of the algorithm.
    #[error("hash '{text}' has wrong length for hash algorithm '{algo}'")]
    WrongLength {
        /// The digest's text, without prefix.
        text: String,
        /// The algorithm it should belong to.
        algo: Algo,
    },
    /// The text decodes to a wrong number of bytes; zero where it does not decode at all.
    #[error("invalid {encoding} hash '{text}', length {actual} != expected length {expected}")]
    InvalidDigest {
        /// The encoding's name as the reference writes it (`base16`, `nix32`, `Base64`, `SRI`).
        encoding: &'static str,
        /// The digest's text, without prefix.
        text: String,
        /// Number of bytes decoded.
        actual: usize,
        /// Number of bytes of the algorithm.
        expected: usize,
    },
    /// No `-` where an SRI hash must have one.
    #[error("hash '{0}' is not SRI")]
    NotSri(String),
    /// No prefix where one is needed.
    #[error("hash '{0}' does not include a type")]
    NoType(String),
    /// No prefix, and the caller knows no algorithm.
    #[error("hash '{0}' does not include a type, nor is the type otherwise known from context")]
    NoTypeFromContext(String),
    /// The prefix contradicts the algorithm that the caller wants.
    #[error("hash '{text}' should have type '{algo}'")]
    TypeMismatch {
        /// The whole text.
        text: String,
        /// The algorithm wanted.
        algo: Algo,
    },
    /// An empty hash stands for zeros only where the algorithm is known.
    #[error("empty hash requires explicit hash algorithm")]
    EmptyNeedsAlgo,
    /// A byte that base 16 does not have.
    #[error("invalid character in Base16 string: '{0}'")]
    InvalidBase16(char),
    /// Base 16 text of odd length.
    #[error("Base16 string has an odd length: {0}")]
    OddBase16(usize),
    /// A byte that Nix's base 32 does not have.
    #[error("invalid character in Nix32 (Nix's Base32 variation) string: '{0}'")]
    InvalidNix32(char),
    /// A byte that base 64 does not have.
    #[error("invalid character in Base64 string: '{0}'")]
    InvalidBase64(char),
}
