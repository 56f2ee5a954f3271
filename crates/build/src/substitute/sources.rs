//! The substituters of a run.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use firn_events::{ActivityId, ActivityKind, Events, Field, Level};
use firn_path::StorePath;
use firn_store::locks::PathLocks;
use firn_store::{
    AddOptions, LocalStore, PathInfo, Realisation, Store, StoreError, SubstituterTraits, copy::copy_path,
};

/// Opens the store that an address means.
pub type OpenStore = Arc<dyn Fn(&str) -> Result<Arc<dyn Store>, StoreError> + Send + Sync>;

/// Substituters that were opened, by address; `None` for those that cannot be.
pub(crate) type Opened = Mutex<HashMap<String, Option<(Arc<dyn Store>, SubstituterTraits)>>>;

/// A path that a substituter has.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Which of the sources.
    pub(crate) source: usize,
    /// What it says of the path, with the path as it is called here.
    pub(crate) info: PathInfo,
    /// How the path is called there.
    pub(crate) there: StorePath,
    /// Bytes to download, where known.
    pub(crate) download: u64,
}

struct Source {
    store: Arc<dyn Store>,
    traits: SubstituterTraits,
    /// It could not be reached.
    gone: AtomicBool,
}

/// How a fetch ended that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// No substituter has the contents (any more).
    Gone,
    /// A transfer failed, or gave something else than was promised.
    Failed,
}

/// The substituters of a run, the best first.
pub(crate) struct Sources<'a> {
    sources: Vec<Source>,
    store: &'a LocalStore,
    events: &'a Events,
}

impl<'a> Sources<'a> {
    /// None, for a store that substitutes nothing.
    pub(crate) fn none(store: &'a LocalStore, events: &'a Events) -> Self {
        Sources { sources: Vec::new(), store, events }
    }

    /// Those that the settings of the store name. One that cannot be opened is warned about once.
    pub(crate) fn open(
        store: &'a LocalStore,
        events: &'a Events,
        opener: Option<&OpenStore>,
        opened: &Opened,
    ) -> Self {
        let settings = store.settings();
        let mut sources = Sources::none(store, events);
        let Some(opener) = opener.filter(|_| settings.substitute()) else { return sources };
        let mut addresses: Vec<&String> = Vec::new();
        for address in settings.substituters() {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let own = store.uri();
        for address in addresses.into_iter().filter(|a| **a != own) {
            let known = opened.lock().unwrap_or_else(PoisonError::into_inner).get(address).cloned();
            let known = known.unwrap_or_else(|| {
                let new = opener(address).and_then(|s| {
                    let traits = s.substituter_traits()?;
                    Ok((s, traits))
                });
                let new = new.map_err(|e| events.warn(e.to_string())).ok();
                opened.lock().unwrap_or_else(PoisonError::into_inner).insert(address.clone(), new.clone());
                new
            });
            if let Some((store, traits)) = known {
                sources.sources.push(Source { store, traits, gone: AtomicBool::new(false) });
            }
        }
        sources.sources.sort_by_key(|s| s.traits.priority);
        sources
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    pub(crate) fn store(&self) -> &'a LocalStore {
        self.store
    }

    /// The first source from number `start` on that has a path, of which anybody trusts what it says.
    pub(crate) fn find(&self, path: &StorePath, start: usize) -> Option<Found> {
        self.sources.iter().enumerate().skip(start).find_map(|(number, source)| {
            if source.gone.load(Ordering::Relaxed) {
                return None;
            }
            match self.ask(number, source, path) {
                Ok(found) => found,
                Err(e) => {
                    if !source.gone.swap(true, Ordering::Relaxed) {
                        self.events.warn(format!("{e}\nnot asking '{}' any more", source.store.uri()));
                    }
                    None
                }
            }
        })
    }

    fn ask(&self, number: usize, source: &Source, path: &StorePath) -> Result<Option<Found>, StoreError> {
        let there = path.clone();
        let Some(info) = source.store.path_info(&there)? else { return Ok(None) };
        let mut info = (*info).clone();
        let dir = self.store.dir();
        let shown = dir.print(path);
        if info.path != *path {
            let renamed = info.references.is_empty() && info.is_content_addressed(source.store.store_dir());
            if !renamed {
                return Ok(None);
            }
            info.path = path.clone();
        } else if source.store.store_dir() != dir {
            return Ok(None);
        }
        info.ultimate = false;
        info.registration_time = 0;
        if self.must_be_signed(source) && !info.is_trusted(dir, self.store.public_keys()?) {
            self.events.warn(format!(
                "ignoring substitute for '{shown}' from '{}', as it's not signed by any of the keys in 'trusted-public-keys'",
                source.store.uri()
            ));
            return Ok(None);
        }
        let download = source.store.download_size(&there)?;
        Ok(Some(Found { source: number, info, there, download }))
    }

    fn must_be_signed(&self, source: &Source) -> bool {
        self.store.config().require_sigs && !source.traits.trusted
    }

    /// What an output was built to elsewhere.
    pub(crate) fn realisation(&self, drv: &StorePath, output: &str) -> Option<Realisation> {
        self.sources
            .iter()
            .filter(|s| !s.gone.load(Ordering::Relaxed))
            .find_map(|s| s.store.realisation(drv, output).ok().flatten())
    }

    /// Makes a path valid, from where it was found or any source after that.
    pub(crate) fn fetch(&self, found: &Found, repair: bool, parent: ActivityId) -> Result<(), Missed> {
        let mut missed = Missed::Gone;
        let mut next = Some(found.clone());
        while let Some(found) = next {
            let source = &self.sources[found.source];
            match self.fetch_from(source, &found, repair, parent) {
                Ok(()) => return Ok(()),
                Err(StoreError::SubstituteGone(text)) => self.events.warn(text),
                Err(e) => {
                    self.events.message(Level::Error, e.to_string());
                    missed = Missed::Failed;
                }
            }
            next = self.find(&found.info.path, found.source + 1).filter(|other| {
                let own = &other.info.path;
                other.info.references.iter().all(|r| r == own || self.store.is_valid(r).unwrap_or(false))
            });
        }
        Err(missed)
    }

    fn fetch_from(
        &self,
        source: &Source,
        found: &Found,
        repair: bool,
        parent: ActivityId,
    ) -> Result<(), StoreError> {
        let printed = self.store.print(&found.info.path);
        let uri = source.store.uri();
        let fields = vec![Field::Text(printed.clone()), Field::Text(uri.clone())];
        let activity = self.events.start(parent, Level::Error, ActivityKind::Substitute, "", fields);
        let path = &found.info.path;
        // others may be fetching it as well: only one of them downloads
        let real = self.store.real(path);
        let failed = |e: firn_sys::Error| StoreError::Lock(e.to_string());
        let mut lock = PathLocks::take([real.clone()], false).map_err(failed)?;
        if lock.is_none() {
            let text = format!("copying path '{printed}' from '{uri}'");
            let _waiting =
                self.events.start(activity.id(), Level::Info, ActivityKind::CopyPath, text, vec![]);
            lock = PathLocks::take([real], true).map_err(failed)?;
            if !repair && self.store.is_valid(path)? {
                return Ok(());
            }
        }
        self.store.hold(path);
        let options = AddOptions { repair, check_sigs: !source.traits.trusted };
        let (there, id) = (&found.there, activity.id());
        let copied = copy_path(&*source.store, self.store, there, &found.info, options, self.events, id);
        self.store.release(path);
        if let (Some(lock), true) = (&mut lock, copied.is_ok()) {
            lock.delete_on_release();
        }
        copied
    }
}
