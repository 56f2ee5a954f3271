//! Which cache an address means.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_events::Events;
use firn_settings::{Directories, Host, Settings};
use firn_store::{StoreError, StoreReference, StoreVariant};
use firn_transfer::{Transfer, TransferSettings};

use crate::binary_cache::BinaryCache;
use crate::config::CacheConfig;
use crate::error::CacheError;
use crate::file::FileMedium;
use crate::http::HttpMedium;
use crate::lookup::{LookupCache, Ttl};
use crate::medium::Medium;
use crate::s3;

/// What caches share within a command.
#[derive(Clone, Debug)]
pub struct Context {
    /// Connections.
    pub transfer: Transfer,
    /// Answers on disk.
    pub lookup: Option<Arc<LookupCache>>,
    /// The logical store directory.
    pub store_dir: String,
    /// Where messages go.
    pub events: Events,
}

impl Context {
    /// What the settings say.
    pub fn new(settings: &Settings, host: &Host, events: &Events) -> Context {
        let dirs = Directories::new(host);
        let ttl = Ttl {
            positive: settings.narinfo_cache_positive_ttl(),
            negative: settings.narinfo_cache_negative_ttl(),
            meta: settings.narinfo_cache_meta_ttl(),
        };
        let lookup = LookupCache::new(Path::new(&dirs.cache), ttl, settings.use_sqlite_wal());
        Context {
            transfer: Transfer::new(TransferSettings::of(settings), events.clone()),
            lookup: Some(Arc::new(lookup)),
            store_dir: dirs.store,
            events: events.clone(),
        }
    }
}

/// The cache that an address means; `None` if it means no cache. Nothing is read before the cache is asked something.
///
/// # Errors
/// A parameter that makes no sense.
pub fn open(reference: &StoreReference, context: &Context) -> Result<Option<BinaryCache>, StoreError> {
    let StoreVariant::Specified { scheme, authority } = &reference.variant else { return Ok(None) };
    let config = |reference: &StoreReference| CacheConfig::new(reference.clone(), &context.store_dir);
    let http = |uri: String, base: String, attempts, prepare| {
        let (transfer, events) = (context.transfer.clone(), context.events.clone());
        HttpMedium::new(uri, base, transfer, events, attempts, prepare)
    };
    let (config, medium): (CacheConfig, Box<dyn Medium>) = match scheme.as_str() {
        "http" | "https" => {
            let config = config(reference)?;
            if authority.is_empty() {
                let text = format!("'{reference}' is missing a host");
                return Err(CacheError::Parameter(text).into());
            }
            let base = format!("{scheme}://{}", authority.trim_end_matches('/'));
            let medium = http(base.clone(), base, config.attempts, None);
            (config, Box::new(medium))
        }
        "file" => {
            let path = firn_transfer::percent_decode(authority);
            let path = if path.starts_with('/') {
                PathBuf::from(path)
            } else {
                std::env::current_dir().unwrap_or_default().join(path)
            };
            let path = PathBuf::from(firn_path::canonical(&path.to_string_lossy()));
            (config(reference)?, Box::new(FileMedium::new(path)))
        }
        "s3" => {
            let config = config(reference)?;
            let medium = s3::medium(reference, authority, config.attempts, context)?;
            (config, medium)
        }
        _ => return Ok(None),
    };
    Ok(Some(BinaryCache::new(config, medium, context.lookup.clone(), context.events.clone())))
}
