//! Opening the store that an address means, of whatever kind.

use std::sync::{Arc, OnceLock};

use firn_events::{Events, Level};
use firn_settings::{Directories, Host, Settings};
use firn_store::{
    BuildBackend, DummyStore, LocalStore, Resolved, Store, StoreError, StoreReference, StoreVariant, resolve,
};
use firn_sys::CancelToken;

use crate::substitute::OpenStore;

/// What stores are opened with: settings, machine, connections. Cloning gives another handle to the same connections.
#[derive(Clone)]
pub struct Stores {
    settings: Arc<Settings>,
    host: Host,
    events: Events,
    caches: Arc<OnceLock<firn_cache::Context>>,
    builder: Option<(Arc<dyn BuildBackend>, CancelToken)>,
    verbosity: Level,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stores")
    }
}

impl Stores {
    /// Opens with these settings; local stores that are opened so cannot build.
    pub fn new(settings: Arc<Settings>, host: Host, events: Events) -> Stores {
        Stores { settings, host, events, caches: Arc::default(), builder: None, verbosity: Level::Info }
    }

    /// Connects local stores to a builder, and ends their long operations when `cancel` is set.
    pub fn with_builder(self, builder: Arc<dyn BuildBackend>, cancel: CancelToken) -> Stores {
        Stores { builder: Some((builder, cancel)), ..self }
    }

    /// Stores that are opened so report to other events.
    pub fn with_events(self, events: Events) -> Stores {
        Stores { events, ..self }
    }

    /// Daemons tell so much.
    pub fn with_verbosity(self, verbosity: Level) -> Stores {
        Stores { verbosity, ..self }
    }

    fn protocol(&self) -> firn_protocol::Context {
        firn_protocol::Context {
            settings: self.settings.clone(),
            host: self.host.clone(),
            events: self.events.clone(),
            verbosity: self.verbosity,
        }
    }

    /// The connections of binary caches.
    pub fn caches(&self) -> &firn_cache::Context {
        self.caches.get_or_init(|| firn_cache::Context::new(&self.settings, &self.host, &self.events))
    }

    /// Opens stores by their addresses, for [`crate::BuilderOptions::substituters`].
    pub fn opener(&self) -> OpenStore {
        let stores = self.clone();
        Arc::new(move |address| stores.open_address(address))
    }

    /// Opens the store that a text means.
    ///
    /// # Errors
    /// As [`Stores::open`].
    pub fn open_address(&self, address: &str) -> Result<Arc<dyn Store>, StoreError> {
        let here = std::env::current_dir().map_or_else(|_| "/".to_owned(), |d| d.display().to_string());
        self.open(StoreReference::parse(address, &here)?)
    }

    /// Opens the store that an address means.
    ///
    /// # Errors
    /// The address makes no sense, or the store cannot be opened.
    pub fn open(&self, reference: StoreReference) -> Result<Arc<dyn Store>, StoreError> {
        match resolve(reference, &self.settings, &self.host, &self.events)? {
            Resolved::Local(config) => {
                let store = LocalStore::open(*config, self.events.clone())?;
                if let Some((builder, cancel)) = &self.builder {
                    store.set_backend(builder.clone());
                    store.set_cancel(cancel.clone());
                }
                Ok(Arc::new(store))
            }
            Resolved::Dummy(reference) => {
                Ok(Arc::new(DummyStore::new(&reference, &Directories::new(&self.host))?))
            }
            Resolved::Daemon { socket, reference } => {
                firn_protocol::open_daemon(socket, reference, &self.protocol())
            }
            Resolved::Other(reference) => {
                if let Some(cache) = firn_cache::open(&reference, self.caches())? {
                    return Ok(Arc::new(cache));
                }
                if let Some(store) = firn_protocol::open(&reference, &self.protocol())? {
                    return Ok(store);
                }
                match reference.variant {
                    StoreVariant::Specified { scheme, .. } => Err(StoreError::UnknownScheme(scheme)),
                    _ => Err(StoreError::BadReference(reference.to_string())),
                }
            }
        }
    }
}
