//! The parameters of a cache's address.

use std::path::PathBuf;

use firn_path::StoreDir;
use firn_source::Compression;
use firn_store::{SecretKey, StoreReference};

use crate::error::CacheError;

/// How a cache is read and written.
#[derive(Debug)]
pub struct CacheConfig {
    /// The logical store directory.
    pub store_dir: StoreDir,
    /// What archives are packed with.
    pub compression: Compression,
    /// How much; `None`: as the method usually does.
    pub compression_level: Option<i32>,
    /// Pack with several threads.
    pub parallel_compression: bool,
    /// Write `<hash>.ls` beside narinfos.
    pub write_listing: bool,
    /// Write `debuginfo/<build id>` for files with debugging information.
    pub index_debug_info: bool,
    /// Keys that sign what is written.
    pub keys: Vec<SecretKey>,
    /// What narinfos, listings and logs are packed with, for servers that say so.
    pub small_file_compression: [Option<Compression>; 3],
    /// A folder in which archives are kept that were read in part.
    pub local_nar_cache: Option<PathBuf>,
    /// How often a transfer is tried, if the address says so.
    pub attempts: Option<u32>,
    /// The address.
    pub reference: StoreReference,
}

impl CacheConfig {
    /// Reads the parameters of an address. Keys are read from their files at once.
    ///
    /// # Errors
    /// A value that makes no sense, a key that cannot be read.
    pub fn new(reference: StoreReference, store_dir: &str) -> Result<CacheConfig, CacheError> {
        let get = |name: &str| reference.params.get(name).map(String::as_str).filter(|v| !v.is_empty());
        let bad = |name: &str| {
            CacheError::Parameter(format!("parameter '{name}' of store '{reference}' has an invalid value"))
        };
        let flag = |name: &str, otherwise: bool| match get(name) {
            None => Ok(otherwise),
            Some("true" | "yes" | "1") => Ok(true),
            Some("false" | "no" | "0") => Ok(false),
            Some(_) => Err(bad(name)),
        };
        let method = |name: &str| match get(name) {
            None => Ok(None),
            Some(text) => text
                .parse::<Compression>()
                .map(Some)
                .map_err(|_| CacheError::Parameter(format!("unknown compression method '{text}'"))),
        };
        let compression = method("compression")?.unwrap_or(Compression::Xz);
        let level = match get("compression-level") {
            None => None,
            Some(text) => {
                Some(text.parse::<i32>().map_err(|_| bad("compression-level"))?).filter(|level| *level >= 0)
            }
        };
        let mut keys = Vec::new();
        let several = get("secret-keys").into_iter().flat_map(|list| list.split(','));
        for file in get("secret-key").into_iter().chain(several) {
            let text = std::fs::read_to_string(PathBuf::from(file))
                .map_err(|e| CacheError::Parameter(format!("opening file \"{file}\": {e}")))?;
            keys.push(SecretKey::parse(&text).map_err(|e| CacheError::Parameter(e.to_string()))?);
        }
        Ok(CacheConfig {
            store_dir: StoreDir::new(get("store").unwrap_or(store_dir))
                .map_err(|e| CacheError::Parameter(e.to_string()))?,
            compression,
            compression_level: level,
            parallel_compression: flag("parallel-compression", compression == Compression::Zstd)?,
            write_listing: flag("write-nar-listing", false)?,
            index_debug_info: flag("index-debug-info", false)?,
            keys,
            small_file_compression: [
                method("narinfo-compression")?,
                method("ls-compression")?,
                method("log-compression")?,
            ],
            local_nar_cache: get("local-nar-cache").map(PathBuf::from),
            attempts: get("retry-attempts").and_then(|n| n.parse().ok()),
            reference,
        })
    }
}
