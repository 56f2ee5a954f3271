//! Questions about paths.

use std::collections::BTreeMap;

use firn_hash::Hash;
use firn_path::{ContentAddress, StorePath, StorePathSet};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{Database, TxError, TxResult, id_of};
use crate::error::{Result, StoreError};
use crate::info::PathInfo;

impl Database {
    pub(super) fn parse(&self, text: &str) -> TxResult<StorePath> {
        self.dir.parse(text).map_err(|e| {
            TxError::Store(StoreError::BadEntry { path: text.to_owned(), reason: e.to_string() })
        })
    }

    fn paths_of(&self, c: &Connection, sql: &str, params: impl rusqlite::Params) -> TxResult<StorePathSet> {
        let mut statement = c.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut paths = StorePathSet::new();
        while let Some(row) = rows.next()? {
            paths.insert(self.parse(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?);
        }
        Ok(paths)
    }

    /// Whether a path is valid.
    pub(crate) fn is_valid(&self, path: &StorePath) -> Result<bool> {
        let path = self.dir.print(path);
        self.with("looking up a path", |c| Ok(id_of(c, &path)?.is_some()))
    }

    /// What is known about a path.
    pub(crate) fn path_info(&self, path: &StorePath) -> Result<Option<PathInfo>> {
        self.with("looking up a path", |c| self.path_info_in(c, path))
    }

    pub(super) fn path_info_in(&self, c: &Connection, path: &StorePath) -> TxResult<Option<PathInfo>> {
        let printed = self.dir.print(path);
        let mut statement = c.prepare_cached(
            "select id, hash, registrationTime, deriver, narSize, ultimate, sigs, ca from ValidPaths where path = ?",
        )?;
        let raw = statement.query_row([&printed], RawInfo::read).optional()?;
        let Some(raw) = raw else { return Ok(None) };
        let bad = |reason: String| TxError::Store(StoreError::BadEntry { path: printed.clone(), reason });
        let nar_hash = Hash::parse_any(&raw.hash, None).map_err(|e| bad(e.to_string()))?;
        let mut info = PathInfo::new(path.clone(), nar_hash, raw.nar_size);
        info.registration_time = raw.registration_time;
        info.ultimate = raw.ultimate;
        info.deriver = match raw.deriver.as_deref() {
            None | Some("") => None,
            Some(text) => Some(self.parse(text)?),
        };
        info.sigs = raw.sigs.as_deref().unwrap_or("").split_ascii_whitespace().map(str::to_owned).collect();
        info.ca =
            ContentAddress::parse_opt(raw.ca.as_deref().unwrap_or("")).map_err(|e| bad(e.to_string()))?;
        info.references = self.paths_of(
            c,
            "select path from Refs join ValidPaths on reference = id where referrer = ?",
            [raw.id],
        )?;
        Ok(Some(info))
    }

    /// All valid paths.
    pub(crate) fn all_valid_paths(&self) -> Result<StorePathSet> {
        self.with("reading all paths", |c| self.paths_of(c, "select path from ValidPaths", []))
    }

    /// Valid paths that refer to a path.
    pub(crate) fn referrers(&self, path: &StorePath) -> Result<StorePathSet> {
        let path = self.dir.print(path);
        self.with("reading referrers", |c| self.referrers_in(c, &path))
    }

    pub(super) fn referrers_in(&self, c: &Connection, path: &str) -> TxResult<StorePathSet> {
        self.paths_of(
            c,
            "select path from Refs join ValidPaths on referrer = id \
             where reference = (select id from ValidPaths where path = ?)",
            [path],
        )
    }

    /// Valid derivations that have a path as output.
    pub(crate) fn valid_derivers(&self, path: &StorePath) -> Result<StorePathSet> {
        let path = self.dir.print(path);
        self.with("reading derivers", |c| {
            self.paths_of(
                c,
                "select v.path from DerivationOutputs d join ValidPaths v on d.drv = v.id where d.path = ?",
                [&path],
            )
        })
    }

    /// Outputs of a valid derivation whose paths are known without building.
    pub(crate) fn derivation_outputs(&self, drv: &StorePath) -> Result<BTreeMap<String, StorePath>> {
        let printed = self.dir.print(drv);
        self.with("reading outputs", |c| {
            let id = id_of(c, &printed)?.ok_or_else(|| StoreError::InvalidPath(printed.clone()))?;
            let mut statement = c.prepare_cached("select id, path from DerivationOutputs where drv = ?")?;
            let mut rows = statement.query([id])?;
            let mut outputs = BTreeMap::new();
            while let Some(row) = rows.next()? {
                outputs.insert(row.get(0)?, self.parse(&row.get::<_, String>(1)?)?);
            }
            Ok(outputs)
        })
    }

    /// The valid path whose hash part is `hash_part` (32 characters).
    pub(crate) fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>> {
        let prefix = format!("{}/{hash_part}", self.dir);
        self.with("looking up a hash part", |c| {
            let mut statement = c.prepare_cached("select path from ValidPaths where path >= ? limit 1")?;
            let found: Option<String> = statement.query_row([&prefix], |r| r.get(0)).optional()?;
            found.filter(|path| path.starts_with(&prefix)).map(|path| self.parse(&path)).transpose()
        })
    }
}

struct RawInfo {
    id: i64,
    hash: String,
    registration_time: i64,
    deriver: Option<String>,
    nar_size: u64,
    ultimate: bool,
    sigs: Option<String>,
    ca: Option<String>,
}

impl RawInfo {
    fn read(row: &Row<'_>) -> rusqlite::Result<RawInfo> {
        Ok(RawInfo {
            id: row.get(0)?,
            hash: row.get(1)?,
            registration_time: row.get(2)?,
            deriver: row.get(3)?,
            nar_size: row.get::<_, Option<i64>>(4)?.map_or(0, |n| n.max(0) as u64),
            ultimate: row.get::<_, Option<i64>>(5)? == Some(1),
            sigs: row.get(6)?,
            ca: row.get(7)?,
        })
    }
}
