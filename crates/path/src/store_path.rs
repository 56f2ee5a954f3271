//! The base name of a store path, and the rules for names.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use firn_hash::nix32;

use crate::PathError;

/// The number of characters in a hash part: 160 bits in base 32.
pub const HASH_LEN: usize = 32;

/// The largest length of a name in bytes.
pub const MAX_NAME_LEN: usize = 211;

/// How derivations' names end.
pub const DRV_EXTENSION: &str = ".drv";

/// Store paths in the order in which they are written everywhere.
pub type StorePathSet = BTreeSet<StorePath>;

/// The base name of a store path, `<32 characters of base 32>-<name>`, without the store directory.
///
/// Cheap to clone; ordered, equal and hashed as its base name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath(Arc<str>);

impl StorePath {
    /// Checks `base_name` and takes it.
    ///
    /// # Errors
    /// A base name that is too short, has no dash after its hash part, illegal characters, or a wrong name.
    pub fn from_base_name(base_name: &str) -> Result<StorePath, PathError> {
        check_base_name(base_name)?;
        Ok(StorePath(base_name.into()))
    }

    /// Makes the path with the given hash part and name.
    ///
    /// # Errors
    /// A name that [`check_name`] refuses.
    pub fn from_hash(hash: &[u8; 20], name: &str) -> Result<StorePath, PathError> {
        let mut base = Vec::with_capacity(HASH_LEN + 1 + name.len());
        nix32::encode_to(hash, &mut base);
        base.push(b'-');
        base.extend_from_slice(name.as_bytes());
        let base = String::from_utf8(base).expect("base 32 and a name are UTF-8");
        check_name(name).map_err(|source| bad_name(&base, source))?;
        Ok(StorePath(base.into()))
    }

    /// The base name, hash part and name.
    #[must_use]
    pub fn base_name(&self) -> &str {
        &self.0
    }

    /// The hash part, [`HASH_LEN`] characters of base 32.
    #[must_use]
    pub fn hash_part(&self) -> &str {
        &self.0[..HASH_LEN]
    }

    /// What follows the hash part and its dash.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0[HASH_LEN + 1..]
    }

    /// Tells whether the name ends in `.drv`.
    #[must_use]
    pub fn is_derivation(&self) -> bool {
        self.name().ends_with(DRV_EXTENSION)
    }

    /// The name without `.drv`.
    ///
    /// # Errors
    /// A name that does not end so.
    pub fn derivation_name(&self) -> Result<&str, PathError> {
        self.name().strip_suffix(DRV_EXTENSION).ok_or_else(|| PathError::NotDerivation(self.0.to_string()))
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StorePath {
    type Err = PathError;

    fn from_str(base_name: &str) -> Result<StorePath, PathError> {
        StorePath::from_base_name(base_name)
    }
}

impl AsRef<str> for StorePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for StorePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Checks the name of a store object, which is also the rule for names of outputs.
///
/// # Errors
/// An empty or too long name, a first component `.` or `..`, or a character outside `0-9a-zA-Z+-._?=`.
pub fn check_name(name: &str) -> Result<(), PathError> {
    if name.is_empty() {
        return Err(PathError::EmptyName);
    }
    if name.len() > MAX_NAME_LEN {
        return Err(PathError::NameTooLong(name.to_owned()));
    }
    if name.starts_with('.') {
        if name == "." || name == ".." {
            return Err(PathError::DotName(name.to_owned()));
        }
        for component in [".", ".."] {
            if name.strip_prefix(component).is_some_and(|rest| rest.starts_with('-')) {
                return Err(PathError::DotComponent { name: name.to_owned(), component });
            }
        }
    }
    if let Some(at) = name.bytes().position(|byte| !is_name_byte(byte)) {
        // a byte that is not allowed is ASCII or the first of a longer character, as all before it are ASCII
        let character = name[at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
        return Err(PathError::IllegalCharacter { name: name.to_owned(), character });
    }
    Ok(())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_' | b'?' | b'=')
}

fn check_base_name(base_name: &str) -> Result<(), PathError> {
    let bytes = base_name.as_bytes();
    if bytes.len() < HASH_LEN + 1 {
        return Err(PathError::TooShort(base_name.to_owned()));
    }
    if bytes[HASH_LEN] != b'-' {
        return Err(PathError::NoDash(base_name.to_owned()));
    }
    if let Some(at) = bytes[..HASH_LEN].iter().position(|&byte| !nix32::is_digit(byte)) {
        let character = base_name.get(at..).and_then(|rest| rest.chars().next());
        return Err(PathError::IllegalHashCharacter {
            path: base_name.to_owned(),
            character: character.unwrap_or(char::REPLACEMENT_CHARACTER),
        });
    }
    check_name(&base_name[HASH_LEN + 1..]).map_err(|source| bad_name(base_name, source))
}

fn bad_name(path: &str, source: PathError) -> PathError {
    PathError::BadName { path: path.to_owned(), source: Box::new(source) }
}
