//! The store directory: full paths in and out.

use std::fmt;
use std::sync::Arc;

use crate::{PathError, StorePath};

/// The directory that store paths lie in, `/nix/store` unless told otherwise. Canonical: absolute, no `.`, `..`, double
/// or trailing slashes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreDir(Arc<str>);

impl Default for StoreDir {
    fn default() -> StoreDir {
        StoreDir("/nix/store".into())
    }
}

impl StoreDir {
    /// Takes an absolute path, made canonical.
    ///
    /// # Errors
    /// A relative path, `/` itself, or one with a zero byte or a line feed.
    pub fn new(path: &str) -> Result<StoreDir, PathError> {
        let canonical = canonical(path);
        if !path.starts_with('/') || canonical == "/" || path.contains(['\0', '\n']) {
            return Err(PathError::BadStoreDir(path.to_owned()));
        }
        Ok(StoreDir(canonical.into()))
    }

    /// The directory's path, without trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full path of `path`.
    #[must_use]
    pub fn print(&self, path: &StorePath) -> String {
        let mut text = String::with_capacity(self.0.len() + 1 + path.base_name().len());
        text.push_str(&self.0);
        text.push('/');
        text.push_str(path.base_name());
        text
    }

    /// Appends the full path of `path` to `out`.
    pub fn print_to(&self, path: &StorePath, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
        out.push(b'/');
        out.extend_from_slice(path.base_name().as_bytes());
    }

    /// Shows `path` with the directory, for use in messages.
    pub fn display<'a>(&'a self, path: &'a StorePath) -> impl fmt::Display + 'a {
        Shown { dir: &self.0, path }
    }

    /// Parses a full store path after making it canonical.
    ///
    /// # Errors
    /// A path that is not a direct child of the store directory, or not a store path.
    pub fn parse(&self, path: &str) -> Result<StorePath, PathError> {
        // almost all are canonical already
        if let Ok(parsed) = self.parse_canonical(path) {
            return Ok(parsed);
        }
        if path.is_empty() {
            return Err(PathError::Empty);
        }
        let canonical = canonical(path);
        match canonical.rsplit_once('/') {
            Some((parent, base)) if parent == &*self.0 => StorePath::from_base_name(base),
            _ => Err(PathError::NotInStore(canonical)),
        }
    }

    /// Parses a full store path that is canonical already, as in a derivation.
    ///
    /// # Errors
    /// As [`StoreDir::parse`]; also for superfluous slashes.
    pub fn parse_canonical(&self, path: &str) -> Result<StorePath, PathError> {
        let base = path.strip_prefix(&*self.0).and_then(|rest| rest.strip_prefix('/'));
        StorePath::from_base_name(base.ok_or_else(|| PathError::NotInStore(path.to_owned()))?)
    }

    /// Tells whether `path` names a store path itself.
    #[must_use]
    pub fn is_store_path(&self, path: &str) -> bool {
        self.parse(path).is_ok()
    }

    /// Tells whether `path` lies somewhere below the store directory, textually.
    #[must_use]
    pub fn is_in_store(&self, path: &str) -> bool {
        path.strip_prefix(&*self.0).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    }

    /// Splits `<dir>/<base name>/<rest>` into the store path and `/<rest>`, which is empty for the path itself.
    ///
    /// # Errors
    /// A path outside the store, or whose first component below it is not a store path.
    pub fn to_store_path<'a>(&self, path: &'a str) -> Result<(StorePath, &'a str), PathError> {
        if !self.is_in_store(path) {
            return Err(PathError::NotInStore(path.to_owned()));
        }
        let start = self.0.len() + 1;
        let end = path[start..].find('/').map_or(path.len(), |at| start + at);
        Ok((self.parse(&path[..end])?, &path[end..]))
    }
}

impl fmt::Display for StoreDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StoreDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Shown<'a> {
    dir: &'a str,
    path: &'a StorePath,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.dir, self.path)
    }
}

/// Makes a path canonical by its text alone: an absolute path without `.`, `..`, double and trailing slashes. `..` at
/// the root stays there. A relative path is taken as one below the root.
#[must_use]
pub fn canonical(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 1);
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            _ => {
                out.push('/');
                out.push_str(component);
            }
        }
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}
