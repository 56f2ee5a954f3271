//! What fetching has found out, kept between commands: a table of attributes by domain and key, with times.
//!
//! The cache is a help, never a need: where it cannot be opened or written, everything is fetched again.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};

use crate::attrs::{self, Attrs};

const SCHEMA: &str = "create table if not exists Cache (
    domain text not null, key text not null, value text not null, timestamp integer not null,
    primary key (domain, key)) without rowid";

/// The table; values of it may be shared by threads.
pub struct Cache {
    db: Mutex<Option<Connection>>,
}

/// An entry of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was found out.
    pub value: Attrs,
    /// When, in seconds since 1970.
    pub time: u64,
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

impl Cache {
    /// Opens the table in `folder`; it stays empty where that does not work.
    pub fn open(folder: &Path) -> Cache {
        let open = || -> Option<Connection> {
            std::fs::create_dir_all(folder).ok()?;
            let db = Connection::open(folder.join("firn-fetcher-cache-v1.sqlite")).ok()?;
            db.busy_timeout(Duration::from_secs(60)).ok()?;
            // Losing the last entries in a power failure costs a download.
            let _ = db.pragma_update(None, "journal_mode", "wal");
            let _ = db.pragma_update(None, "synchronous", "off");
            db.execute(SCHEMA, ()).ok()?;
            Some(db)
        };
        Cache { db: Mutex::new(open()) }
    }

    /// What is known of `key` in `domain`.
    pub fn get(&self, domain: &str, key: &Attrs) -> Option<Entry> {
        let guard = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let db = guard.as_ref()?;
        let mut query =
            db.prepare_cached("select value, timestamp from Cache where domain = ? and key = ?").ok()?;
        let row = query.query_row(params![domain, attrs::to_json(key).to_string()], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        });
        let (value, time) = row.optional().ok()??;
        let value = attrs::from_json(&serde_json::from_str(&value).ok()?).ok()?;
        Some(Entry { value, time: u64::try_from(time).unwrap_or(0) })
    }

    /// Notes what is known of `key` in `domain`.
    pub fn put(&self, domain: &str, key: &Attrs, value: &Attrs) {
        let guard = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(db) = guard.as_ref() else { return };
        // What cannot be written is fetched again.
        let _ = db.execute(
            "insert or replace into Cache (domain, key, value, timestamp) values (?, ?, ?, ?)",
            params![
                domain,
                attrs::to_json(key).to_string(),
                attrs::to_json(value).to_string(),
                i64::try_from(now()).unwrap_or(0)
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_outlive_the_table_and_are_replaced() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let key = Attrs::from([("url".into(), "x".into())]);
        for n in [1u64, 2] {
            let value = Attrs::from([("n".into(), n.into())]);
            Cache::open(dir.path()).put("d", &key, &value);
            assert_eq!(Cache::open(dir.path()).get("d", &key).map(|e| e.value), Some(value));
        }
        assert_eq!(Cache::open(dir.path()).get("other", &key), None);
    }

    #[test]
    fn a_folder_that_cannot_be_made_gives_an_empty_cache() {
        let cache = Cache::open(Path::new("/proc/nothing/here"));
        cache.put("d", &Attrs::new(), &Attrs::new());
        assert_eq!(cache.get("d", &Attrs::new()), None);
    }
}
