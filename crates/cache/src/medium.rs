//! What a cache's files lie on.

use std::io::Read;

use firn_store::StoreError;
use firn_transfer::Body;

use crate::error::CacheError;

/// A file to be stored.
#[derive(Debug)]
pub struct Upload {
    /// Its contents, which may be opened several times.
    pub body: Body,
    /// The same contents as a file that may be moved into place, if the medium made it (see [`Medium::temp_dir`]).
    pub file: Option<tempfile::NamedTempFile>,
    /// What the contents are packed with, if readers have to undo that by themselves.
    pub encoding: Option<&'static str>,
}

impl Upload {
    /// Contents from memory.
    pub fn bytes(data: Vec<u8>, mime_type: &str) -> Upload {
        Upload { body: Body::bytes(data, mime_type), file: None, encoding: None }
    }
}

/// Reads a file in pieces.
pub type ReadFile<'a> = dyn FnMut(&mut (dyn Read + Send)) -> Result<(), StoreError> + 'a;

/// Files by name.
pub trait Medium: Send + Sync {
    /// The address, as messages have it.
    fn uri(&self) -> String;

    /// Whether answers are worth keeping on disk.
    fn is_remote(&self) -> bool;

    /// A small file; `None` if there is none. Names may be absolute addresses.
    ///
    /// # Errors
    /// Any failure but "not there", and files of more than `limit` bytes.
    fn get(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, CacheError>;

    /// A file of any size; false if there is none.
    ///
    /// # Errors
    /// Any failure but "not there", and those of `read`.
    fn read(&self, name: &str, read: &mut ReadFile<'_>) -> Result<bool, StoreError>;

    /// Whether a file exists.
    ///
    /// # Errors
    /// Any failure but "not there".
    fn exists(&self, name: &str) -> Result<bool, CacheError>;

    /// Stores a file, which appears whole or not at all.
    ///
    /// # Errors
    /// The medium refuses.
    fn put(&self, name: &str, upload: Upload) -> Result<(), CacheError>;

    /// The names of all files at the top.
    ///
    /// # Errors
    /// The medium cannot be listed.
    fn list(&self) -> Result<Vec<String>, CacheError> {
        Err(CacheError::Parameter(format!("the files of '{}' cannot be listed", self.uri())))
    }

    /// A folder in which files for [`Upload::file`] are made.
    fn temp_dir(&self) -> Option<std::path::PathBuf> {
        None
    }

    /// Prepares a cache to be written: makes folders.
    ///
    /// # Errors
    /// The medium refuses.
    fn prepare(&self) -> Result<(), CacheError> {
        Ok(())
    }
}

/// Unpacks a small file that is packed with something (setting `narinfo-compression` and its like).
pub(crate) fn unpack_small(data: Vec<u8>, is_plain: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    if is_plain(&data) {
        return data;
    }
    let try_one = |compression: firn_source::Compression| {
        let mut out = Vec::new();
        compression
            .reader(data.as_slice())
            .and_then(|reader| reader.take(64 << 20).read_to_end(&mut out))
            .ok()
            .map(|_| out)
    };
    match firn_source::Compression::detect(&data) {
        firn_source::Compression::None => {
            try_one(firn_source::Compression::Brotli).filter(|out| is_plain(out)).unwrap_or(data)
        }
        known => try_one(known).unwrap_or(data),
    }
}
