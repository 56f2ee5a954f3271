//! What can be wrong with a store path; the texts are the reference's.

use firn_hash::{Algo, HashError};

/// A text that is not the store path, name, content address or output selection it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A name without characters.
    #[error("name must not be empty")]
    EmptyName,
    /// A name longer than [`crate::MAX_NAME_LEN`].
    #[error("name '{0}' must be no longer than 211 characters")]
    NameTooLong(String),
    /// `.` or `..`.
    #[error("name '{0}' is not valid")]
    DotName(String),
    /// `.-…` or `..-…`.
    #[error("name '{name}' is not valid: first dash-separated component must not be '{component}'")]
    DotComponent {
        /// The whole name.
        name: String,
        /// The component, `.` or `..`.
        component: &'static str,
    },
    /// A character that names must not have.
    #[error("name '{name}' contains illegal character '{character}'")]
    IllegalCharacter {
        /// The whole name.
        name: String,
        /// The first such character.
        character: char,
    },
    /// A base name whose name part is wrong.
    #[error("path '{path}' is not a valid store path: {source}")]
    BadName {
        /// The base name.
        path: String,
        /// Why.
        #[source]
        source: Box<PathError>,
    },
    /// No room for a hash part, a dash and a name.
    #[error("'{0}' is too short to be a valid store path")]
    TooShort(String),
    /// The 33rd character is not a dash.
    #[error("'{0}' can't name a store path because the hash part is not followed by a '-'")]
    NoDash(String),
    /// A character in the hash part that the base 32 alphabet does not have.
    #[error("store path '{path}' contains illegal base-32 character '{character}'")]
    IllegalHashCharacter {
        /// The base name.
        path: String,
        /// The first such character.
        character: char,
    },
    /// Nothing where a path should be.
    #[error("empty path is not a valid store path")]
    Empty,
    /// A path elsewhere, or not a direct child of the store directory.
    #[error("path '{0}' is not in the Nix store")]
    NotInStore(String),
    /// A relative path, or one with a zero byte, as the store directory.
    #[error("store directory '{0}' is not an absolute path")]
    BadStoreDir(String),
    /// A store path that should end in `.drv`.
    #[error("store path '{0}' is not a valid derivation path")]
    NotDerivation(String),
    /// A hash that is wrong in itself.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A content address without a colon.
    #[error("not a content address because it is not in the form '<prefix>:<rest>': {0}")]
    NoContentAddressPrefix(String),
    /// A content address without an algorithm.
    #[error("content address hash must be in form '<algo>:<hash>', but found: {0}")]
    NoContentAddressAlgo(String),
    /// A content address that is neither `text` nor `fixed`.
    #[error("content address prefix '{0}' is unrecognized. Recogonized prefixes are 'text' or 'fixed'")]
    UnknownContentAddressPrefix(String),
    /// No such way of ingesting files.
    #[error("unknown file ingestion method '{0}', expect 'flat', 'nar', or 'git'")]
    UnknownMethod(String),
    /// Git objects are named by SHA-1 or SHA-256 only.
    #[error("Git file ingestion must use SHA-1 or SHA-256 hash, but instead using: {0}")]
    GitAlgo(Algo),
    /// Text objects are hashed with SHA-256 only.
    #[error("text hashing must use SHA-256, but instead using: {0}")]
    TextAlgo(Algo),
    /// A text object that refers to itself.
    #[error("self-reference not allowed with text hashing")]
    TextSelfReference,
    /// References where the addressing has no room for them.
    #[error(
        "fixed output derivation '{0}' is not allowed to refer to other store paths.\nYou may need to use the 'unsafeDiscardReferences' derivation attribute, see the manual for more details."
    )]
    FixedWithReferences(String),
    /// `x^y` whose part after the `^` names no outputs.
    #[error("invalid extended outputs specifier '{0}'")]
    BadExtendedOutputs(String),
    /// Outputs of outputs nested deeper than [`crate::SingleDerivedPath`] allows.
    #[error("derived path '{0}' is nested too deeply")]
    NestedTooDeeply(String),
}
