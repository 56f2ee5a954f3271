//! What is known about a valid store path.

use std::collections::BTreeSet;

use firn_hash::Hash;
use firn_path::{ContentAddress, ContentMethod, References, StoreDir, StorePath, StorePathSet};

use crate::error::{Result, StoreError};
use crate::signature::{PublicKeys, SecretKey};

/// Facts about a valid path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathInfo {
    /// The path.
    pub path: StorePath,
    /// SHA-256 of its NAR.
    pub nar_hash: Hash,
    /// Bytes of its NAR; 0 if unknown (very old databases).
    pub nar_size: u64,
    /// The paths that it refers to, which may include itself.
    pub references: StorePathSet,
    /// The derivation that it was built by, which may be gone.
    pub deriver: Option<StorePath>,
    /// How its path follows from its contents, if it does.
    pub ca: Option<ContentAddress>,
    /// Signatures, `key:base64`.
    pub sigs: BTreeSet<String>,
    /// When it was registered, in seconds since 1970; 0 if not yet.
    pub registration_time: i64,
    /// It was built here, so it needs no signature.
    pub ultimate: bool,
}

impl PathInfo {
    /// The info of a path of which only the contents are known.
    pub fn new(path: StorePath, nar_hash: Hash, nar_size: u64) -> Self {
        PathInfo {
            path,
            nar_hash,
            nar_size,
            references: StorePathSet::new(),
            deriver: None,
            ca: None,
            sigs: BTreeSet::new(),
            registration_time: 0,
            ultimate: false,
        }
    }

    /// What signatures are over: `1;<path>;<nar hash>;<nar size>;<references>`.
    ///
    /// # Errors
    /// The size is not known.
    pub fn fingerprint(&self, dir: &StoreDir) -> Result<String> {
        if self.nar_size == 0 {
            return Err(StoreError::Key(format!(
                "cannot calculate fingerprint of path '{}' because its size is not known",
                dir.print(&self.path)
            )));
        }
        let references: Vec<String> = self.references.iter().map(|r| dir.print(r)).collect();
        Ok(format!(
            "1;{};sha256:{};{};{}",
            dir.print(&self.path),
            self.nar_hash.nix32(),
            self.nar_size,
            references.join(",")
        ))
    }

    /// Adds a signature.
    ///
    /// # Errors
    /// The size is not known.
    pub fn sign(&mut self, dir: &StoreDir, key: &SecretKey) -> Result<()> {
        let fingerprint = self.fingerprint(dir)?;
        self.sigs.insert(key.sign(fingerprint.as_bytes()));
        Ok(())
    }

    /// The references as content addresses take them: to others, and to itself.
    pub fn split_references(&self) -> References {
        References::split(self.references.clone(), &self.path)
    }

    /// Whether it has a content address that gives its path.
    pub fn is_content_addressed(&self, dir: &StoreDir) -> bool {
        let Some(ca) = &self.ca else { return false };
        if ca.method == ContentMethod::Text && self.references.contains(&self.path) {
            return false;
        }
        dir.make_content_addressed_path(self.path.name(), ca, &self.split_references())
            .is_ok_and(|path| path == self.path)
    }

    /// How many of its signatures are by one of `keys`; `None` if it needs none because it is content-addressed.
    pub fn count_signatures(&self, dir: &StoreDir, keys: &PublicKeys) -> Option<usize> {
        if self.is_content_addressed(dir) {
            return None;
        }
        let Ok(fingerprint) = self.fingerprint(dir) else { return Some(0) };
        Some(self.sigs.iter().filter(|sig| keys.verify(fingerprint.as_bytes(), sig)).count())
    }

    /// Whether it may be added without trust in where it comes from.
    pub fn is_trusted(&self, dir: &StoreDir, keys: &PublicKeys) -> bool {
        self.count_signatures(dir, keys).is_none_or(|count| count > 0)
    }

    /// The deriver printed with its directory, or an empty text.
    pub fn print_deriver(&self, dir: &StoreDir) -> String {
        self.deriver.as_ref().map(|d| dir.print(d)).unwrap_or_default()
    }
}
