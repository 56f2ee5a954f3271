//! What caches answered before, kept on disk: `binary-cache-v8.sqlite` in the user's cache folder, shared with C++ Nix.
//!
//! It is a cache: what cannot be read or written there is asked for again. Entries that make no sense count as absent.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use firn_hash::Hash;
use firn_path::{ContentAddress, StorePath};
use firn_store::PathInfo;
use rusqlite::{Connection, OptionalExtension, params};

use crate::narinfo::NarInfo;

const SCHEMA: &str = "
create table if not exists BinaryCaches (id integer primary key autoincrement not null, url text unique not null,
  timestamp integer not null, storeDir text not null, wantMassQuery integer not null, priority integer not null);
create table if not exists NARs (cache integer not null, hashPart text not null, namePart text, url text,
  compression text, fileHash text, fileSize integer, narHash text, narSize integer, refs text, deriver text, sigs text,
  ca text, timestamp integer not null, present integer not null, primary key (cache, hashPart),
  foreign key (cache) references BinaryCaches(id) on delete cascade);
create table if not exists BuildTrace (cache integer not null, drvPath text not null, outputName text not null,
  outputPath text, sigs text, timestamp integer not null, primary key (cache, drvPath, outputName),
  foreign key (cache) references BinaryCaches(id) on delete cascade);
create table if not exists LastPurge (dummy text primary key, value integer);
";

/// Seconds between purges of what is too old.
const PURGE_INTERVAL: i64 = 24 * 3600;

/// For how many seconds answers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// "It has this path."
    pub positive: u64,
    /// "It does not have it."
    pub negative: u64,
    /// What `nix-cache-info` says.
    pub meta: u64,
}

/// What is known of a path in a cache.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// Nothing, or too long ago.
    Nothing,
    /// It was not there.
    Absent,
    /// It was there.
    Present(Box<NarInfo>),
}

/// What is known of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheFacts {
    /// Its row.
    pub id: i64,
    /// `WantMassQuery`
    pub want_mass_query: bool,
    /// `Priority`
    pub priority: i64,
}

/// The database.
pub struct LookupCache {
    file: PathBuf,
    ttl: Ttl,
    wal: bool,
    db: Mutex<State>,
}

enum State {
    Closed,
    Open(Connection),
    /// It could not be opened: it is not tried again.
    Broken,
}

impl std::fmt::Debug for LookupCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LookupCache({})", self.file.display())
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn before(seconds: u64) -> i64 {
    now().saturating_sub(i64::try_from(seconds).unwrap_or(i64::MAX))
}

impl LookupCache {
    /// The database in a cache folder; opened when it is first used.
    pub fn new(cache_dir: &Path, ttl: Ttl, wal: bool) -> LookupCache {
        LookupCache {
            file: cache_dir.join("binary-cache-v8.sqlite"),
            ttl,
            wal,
            db: Mutex::new(State::Closed),
        }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        if let Some(folder) = self.file.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let db = Connection::open(&self.file)?;
        db.busy_timeout(Duration::from_secs(60))?;
        db.set_prepared_statement_cache_capacity(16);
        db.pragma_update(None, "synchronous", "off")?;
        let mode = if self.wal { "wal" } else { "truncate" };
        db.query_row(&format!("pragma main.journal_mode = {mode}"), [], |_| Ok(()))?;
        db.execute_batch(SCHEMA)?;
        self.purge(&db)?;
        Ok(db)
    }

    /// Deletes what is too old, once a day.
    fn purge(&self, db: &Connection) -> rusqlite::Result<()> {
        let last: Option<i64> =
            db.query_row("select value from LastPurge", [], |r| r.get(0)).optional()?.flatten();
        if last.is_some_and(|last| last >= now() - PURGE_INTERVAL) {
            return Ok(());
        }
        db.execute(
            "delete from NARs where (present = 0 and timestamp < ?) or (present = 1 and timestamp < ?)",
            params![before(self.ttl.negative.max(3600)), before(self.ttl.positive.max(30 * 24 * 3600))],
        )?;
        db.execute("insert or replace into LastPurge(dummy, value) values ('', ?)", [now()])?;
        Ok(())
    }

    fn with<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let mut state = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Closed) {
            *state = self.open().map_or(State::Broken, State::Open);
        }
        match &*state {
            State::Open(db) => f(db).ok(),
            _ => None,
        }
    }

    /// What is known of the cache at `url` for stores in `dir`.
    pub fn cache(&self, url: &str, dir: &str) -> Option<CacheFacts> {
        self.with(|db| {
            db.prepare_cached(
                "select id, storeDir, wantMassQuery, priority from BinaryCaches where url = ? and timestamp > ?",
            )?
            .query_row(params![url, before(self.ttl.meta)], |r| {
                let facts =
                    CacheFacts { id: r.get(0)?, want_mass_query: r.get::<_, i64>(2)? != 0, priority: r.get(3)? };
                Ok((r.get::<_, String>(1)?, facts))
            })
            .optional()
        })
        .flatten()
        .filter(|(found, _)| found == dir)
        .map(|(_, facts)| facts)
    }

    /// Remembers a cache; gives its row.
    pub fn remember_cache(&self, url: &str, dir: &str, want_mass_query: bool, priority: i64) -> Option<i64> {
        self.with(|db| {
            db.query_row(
                "insert into BinaryCaches(url, timestamp, storeDir, wantMassQuery, priority) values (?1, ?2, ?3, ?4, ?5) \
                 on conflict (url) do update set timestamp = ?2, storeDir = ?3, wantMassQuery = ?4, priority = ?5 \
                 returning id",
                params![url, now(), dir, i64::from(want_mass_query), priority],
                |r| r.get(0),
            )
        })
    }

    /// What is known of the path with a hash part.
    pub fn lookup(&self, cache: i64, hash_part: &str) -> Known {
        let row = self.with(|db| {
            db.prepare_cached(
                "select present, namePart, url, compression, fileHash, fileSize, narHash, narSize, refs, deriver, sigs, ca \
                 from NARs where cache = ? and hashPart = ? \
                 and ((present = 0 and timestamp > ?) or (present = 1 and timestamp > ?))",
            )?
            .query_row(
                params![cache, hash_part, before(self.ttl.negative), before(self.ttl.positive)],
                |r| {
                    if r.get::<_, i64>(0)? == 0 {
                        return Ok(None);
                    }
                    let text = |i: usize| r.get::<_, Option<String>>(i).map(Option::unwrap_or_default);
                    let number = |i: usize| r.get::<_, Option<i64>>(i).map(|n| n.unwrap_or(0));
                    Ok(Some(Row {
                        name: text(1)?,
                        url: text(2)?,
                        compression: text(3)?,
                        file_hash: text(4)?,
                        file_size: number(5)?,
                        nar_hash: text(6)?,
                        nar_size: number(7)?,
                        references: text(8)?,
                        deriver: text(9)?,
                        sigs: text(10)?,
                        ca: text(11)?,
                    }))
                },
            )
            .optional()
        });
        match row.flatten() {
            None => Known::Nothing,
            Some(None) => Known::Absent,
            Some(Some(row)) => row.parse(hash_part).map_or(Known::Nothing, |n| Known::Present(Box::new(n))),
        }
    }

    /// Remembers that a path is there.
    pub fn remember(&self, cache: i64, narinfo: &NarInfo) {
        let info = &narinfo.info;
        let references: Vec<&str> = info.references.iter().map(StorePath::base_name).collect();
        let sigs: Vec<&str> = info.sigs.iter().map(String::as_str).collect();
        let hash = |h: &Hash| format!("{}:{}", h.algo(), h.nix32());
        self.with(|db| {
            db.prepare_cached(
                "insert or replace into NARs(cache, hashPart, namePart, url, compression, fileHash, fileSize, narHash, \
                 narSize, refs, deriver, sigs, ca, timestamp, present) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            )?
            .execute(params![
                cache,
                info.path.hash_part(),
                info.path.name(),
                narinfo.url,
                narinfo.compression.name(),
                narinfo.file_hash.as_ref().map(hash),
                (narinfo.file_size != 0).then(|| i64::try_from(narinfo.file_size).unwrap_or(i64::MAX)),
                hash(&info.nar_hash),
                i64::try_from(info.nar_size).unwrap_or(i64::MAX),
                references.join(" "),
                info.deriver.as_ref().map(StorePath::base_name),
                sigs.join(" "),
                info.ca.as_ref().map(ToString::to_string).unwrap_or_default(),
                now(),
            ])
        });
    }

    /// Remembers that a path is not there.
    pub fn remember_absent(&self, cache: i64, hash_part: &str) {
        self.with(|db| {
            db.prepare_cached(
                "insert or replace into NARs(cache, hashPart, timestamp, present) values (?, ?, ?, 0)",
            )?
            .execute(params![cache, hash_part, now()])
        });
    }
}

struct Row {
    name: String,
    url: String,
    compression: String,
    file_hash: String,
    file_size: i64,
    nar_hash: String,
    nar_size: i64,
    references: String,
    deriver: String,
    sigs: String,
    ca: String,
}

impl Row {
    fn parse(self, hash_part: &str) -> Option<NarInfo> {
        let path = StorePath::from_base_name(&format!("{hash_part}-{}", self.name)).ok()?;
        let nar_hash = Hash::parse_any(&self.nar_hash, None).ok()?;
        let mut info = PathInfo::new(path, nar_hash, u64::try_from(self.nar_size).ok()?);
        for reference in self.references.split_ascii_whitespace() {
            info.references.insert(StorePath::from_base_name(reference).ok()?);
        }
        if !self.deriver.is_empty() {
            info.deriver = Some(StorePath::from_base_name(&self.deriver).ok()?);
        }
        info.sigs = self.sigs.split_ascii_whitespace().map(str::to_owned).collect();
        info.ca = ContentAddress::parse_opt(&self.ca).ok()?;
        let file_hash = match self.file_hash.as_str() {
            "" => None,
            text => Some(Hash::parse_any(text, None).ok()?),
        };
        if self.url.is_empty() {
            return None;
        }
        Some(NarInfo {
            info,
            url: self.url,
            compression: self.compression.parse().ok()?,
            file_hash,
            file_size: u64::try_from(self.file_size).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firn_hash::Algo;
    use firn_source::Compression;

    fn narinfo(name: &str) -> NarInfo {
        let path = StorePath::from_hash(&[7; 20], name).expect("a path");
        let mut info = PathInfo::new(path.clone(), Hash::of(Algo::Sha256, b"x"), 120);
        info.references.insert(path);
        info.sigs.insert("a:b".into());
        NarInfo {
            info,
            url: "nar/x.nar.zst".into(),
            compression: Compression::Zstd,
            file_hash: Some(Hash::of(Algo::Sha256, b"y")),
            file_size: 7,
        }
    }

    #[test]
    fn answers_are_kept_as_long_as_they_count() {
        let dir = tempfile::tempdir().expect("a folder");
        let ttl = Ttl { positive: 100, negative: 100, meta: 100 };
        let cache = LookupCache::new(dir.path(), ttl, true);
        assert_eq!(cache.cache("http://x", "/nix/store"), None);
        let id = cache.remember_cache("http://x", "/nix/store", true, 30).expect("a row");
        let facts = CacheFacts { id, want_mass_query: true, priority: 30 };
        assert_eq!(cache.cache("http://x", "/nix/store"), Some(facts));
        assert_eq!(cache.cache("http://x", "/other"), None);
        let there = narinfo("there");
        let part = there.info.path.hash_part();
        assert_eq!(cache.lookup(id, part), Known::Nothing);
        cache.remember_absent(id, part);
        assert_eq!(cache.lookup(id, part), Known::Absent);
        cache.remember(id, &there);
        assert_eq!(cache.lookup(id, part), Known::Present(Box::new(there.clone())));
        drop(cache);
        let fresh = LookupCache::new(dir.path(), Ttl { positive: 0, ..ttl }, true);
        assert_eq!(fresh.lookup(id, part), Known::Nothing);
    }

    #[test]
    fn a_database_that_cannot_be_opened_is_no_failure() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("binary-cache-v8.sqlite"), "no database at all, but long enough")
            .expect("a file");
        let cache = LookupCache::new(dir.path(), Ttl { positive: 1, negative: 1, meta: 1 }, true);
        assert_eq!(cache.remember_cache("http://x", "/nix/store", true, 30), None);
        assert_eq!(cache.lookup(1, "x"), Known::Nothing);
    }
}
