//! Collection by age and size. What is old, or too much, is deleted, unless a pin or another root needs it: the store's
//! collector decides what is dead, this only chooses among the dead.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use firn_events::Level;
use firn_path::{StorePath, StorePathSet};
use firn_store::gc::{GcAction, GcOptions};
use firn_store::{PathInfo, Store, StoreError};
use std::sync::Arc;

use super::Server;

/// When what is dead is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collection {
    /// What was registered longer ago than this, in seconds, is deleted.
    pub max_age: Option<u64>,
    /// The oldest is deleted until all archives together have no more bytes than this.
    pub max_size: Option<u64>,
    /// How often that is looked at, in seconds.
    pub every: u64,
}

/// What is deleted of the dead, oldest first: what is too old, and what is too much. `total` is the size of everything.
fn choose(mut dead: Vec<Arc<PathInfo>>, total: u64, now: i64, rules: &Collection) -> StorePathSet {
    dead.sort_by(|a, b| (a.registration_time, &a.path).cmp(&(b.registration_time, &b.path)));
    let mut left = total;
    let mut chosen = StorePathSet::new();
    for info in dead {
        let age = u64::try_from(now.saturating_sub(info.registration_time)).unwrap_or(0);
        let too_old = rules.max_age.is_some_and(|most| age > most);
        let too_much = rules.max_size.is_some_and(|most| left > most);
        if too_old || too_much {
            left = left.saturating_sub(info.nar_size);
            chosen.insert(info.path.clone());
        }
    }
    chosen
}

impl Server {
    pub(super) fn collect_for_ever(&self) {
        let Some(rules) = self.options.collection else { return };
        loop {
            match self.collect(&rules) {
                Ok(0) => {}
                Ok(freed) => {
                    self.events
                        .message(Level::Info, format!("collection freed {}", firn_store::render_size(freed)));
                }
                Err(e) => self.events.warn(format!("collection failed: {e}")),
            }
            std::thread::sleep(Duration::from_secs(rules.every.max(1)));
        }
    }

    /// Deletes what the rules say; gives the bytes freed.
    fn collect(&self, rules: &Collection) -> Result<u64, StoreError> {
        self.drop_stale_uploads();
        let find = GcOptions { action: GcAction::ReturnDead, ..GcOptions::default() };
        let dead: Vec<StorePath> = self
            .store
            .collect_garbage(&find)?
            .paths
            .iter()
            .filter_map(|p| self.dir().parse(p).ok())
            .collect();
        let mut infos = Vec::new();
        for path in dead {
            infos.extend(self.store.path_info(&path)?);
        }
        let mut total = 0;
        if rules.max_size.is_some() {
            for path in self.store.all_valid_paths()? {
                total += self.store.path_info(&path)?.map_or(0, |i| i.nar_size);
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64);
        let chosen = choose(infos, total, now, rules);
        if chosen.is_empty() {
            return Ok(0);
        }
        // what refers to something that is too old goes with it: it is dead as well, and would be broken
        let delete = GcOptions {
            action: GcAction::DeleteDead,
            paths: Some(chosen),
            delete_referrers: true,
            ..GcOptions::default()
        };
        let results = self.store.collect_garbage(&delete)?;
        self.metrics.collected(results.bytes_freed);
        Ok(results.bytes_freed)
    }

    /// Archives whose narinfo never came.
    fn drop_stale_uploads(&self) {
        let day = Duration::from_secs(24 * 3600);
        for entry in std::fs::read_dir(self.options.state_dir.join("uploads")).into_iter().flatten().flatten()
        {
            let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|m| m.elapsed().ok());
            if age.is_some_and(|age| age > day) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firn_hash::{Algo, Hash};

    #[test]
    fn the_oldest_go_first() {
        let info = |name: &str, time: i64, size: u64| {
            let path = StorePath::from_hash(
                &Hash::of(Algo::Sha1, name.as_bytes()).as_bytes().try_into().expect("20 bytes"),
                name,
            )
            .expect("a path");
            let mut info = PathInfo::new(path, Hash::zero(Algo::Sha256), size);
            info.registration_time = time;
            Arc::new(info)
        };
        let dead = || vec![info("new", 90, 10), info("old", 10, 10), info("middle", 50, 10)];
        let names = |rules: Collection| {
            let mut names: Vec<String> =
                choose(dead(), 100, 100, &rules).iter().map(|p| p.name().to_owned()).collect();
            names.sort();
            names
        };
        let rules = Collection { max_age: None, max_size: None, every: 1 };
        assert!(names(rules).is_empty());
        assert_eq!(names(Collection { max_age: Some(60), ..rules }), ["old"]);
        assert_eq!(names(Collection { max_size: Some(85), ..rules }), ["middle", "old"]);
        assert_eq!(names(Collection { max_size: Some(100), ..rules }), [] as [&str; 0]);
        assert_eq!(names(Collection { max_size: Some(0), ..rules }).len(), 3);
    }
}
