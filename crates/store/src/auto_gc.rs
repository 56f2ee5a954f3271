//! Collecting garbage during other work when the disk gets full (settings `min-free`, `max-free`).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use firn_events::Level;

use crate::error::{Context, Result};
use crate::gc::GcOptions;
use crate::local::LocalStore;

/// When the free space was looked at, and what the last collection left.
#[derive(Debug, Default)]
pub(crate) struct AutoGc(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    checked: Option<Instant>,
    available_after: Option<u64>,
}

impl LocalStore {
    /// Collects garbage if fewer bytes than `min-free` are free. Others that add paths wait meanwhile.
    ///
    /// # Errors
    /// The file system's status cannot be read; a collection that fails is only warned about.
    pub fn auto_gc(&self) -> Result<()> {
        let settings = self.settings();
        let (min_free, max_free) = (settings.min_free(), settings.max_free());
        if min_free == 0 {
            return Ok(());
        }
        let mut state = self.auto_gc.0.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = Duration::from_secs(settings.min_free_check_interval());
        if state.checked.is_some_and(|at| at.elapsed() < interval) {
            return Ok(());
        }
        let available = self.available_bytes()?;
        state.checked = Some(Instant::now());
        // a collection that freed nothing is not repeated until something has been used up since
        let used_since = state.available_after.is_none_or(|after| (available as f64) <= after as f64 * 0.97);
        if available >= min_free || available >= max_free || !used_since {
            return Ok(());
        }
        let options = GcOptions { max_freed: max_free - available, ..GcOptions::default() };
        self.events.message(Level::Info, format!("running auto-GC to free {} bytes", options.max_freed));
        if let Err(e) = self.collect_garbage(&options) {
            self.events.warn(format!("auto-GC failed: {e}"));
        }
        state.available_after = Some(self.available_bytes()?);
        state.checked = Some(Instant::now());
        Ok(())
    }

    fn available_bytes(&self) -> Result<u64> {
        let dir = &self.config.real_dir;
        let status = rustix::fs::statvfs(dir).context("getting filesystem info about", dir)?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }
}
