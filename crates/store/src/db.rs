//! The database of valid paths: SQLite, schema 10, shared with C++ Nix.
//!
//! Source of the schema: the reference's `schema.sql` and its list of migrations. Invariants: every change is one
//! immediate transaction; references of a valid path are valid; what is read is checked like any outside bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firn_events::{Events, Level};
use firn_hash::Hash;
use firn_path::{ContentAddress, StoreDir, StorePath, StorePathSet};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};

use crate::error::{Result, StoreError};
use crate::info::PathInfo;

/// The version that the file `schema` names.
pub(crate) const SCHEMA: u32 = 10;

const CREATE: &str = "
create table if not exists ValidPaths (
    id integer primary key autoincrement not null, path text unique not null, hash text not null,
    registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text
);
create table if not exists Refs (
    referrer integer not null, reference integer not null, primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
create index if not exists IndexReference on Refs(reference);
create trigger if not exists DeleteSelfRefs before delete on ValidPaths
  begin delete from Refs where referrer = old.id and reference = old.id; end;
create table if not exists DerivationOutputs (
    drv integer not null, id text not null, path text not null, primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
create index if not exists IndexDerivationOutputs on DerivationOutputs(path);
";

const CREATE_BUILD_TRACE: &str = "
create table if not exists BuildTraceV3 (
    id integer primary key autoincrement not null, drvPath text not null, outputName text not null,
    outputPath text not null, signatures text
);
create index if not exists IndexBuildTraceV3 on BuildTraceV3(drvPath, outputName);
";

/// Names of migrations that the reference applies to a database of schema 10, with their statements.
const MIGRATION_CA: (&str, &str) = ("20251017-ca-derivations", CREATE_BUILD_TRACE);
const MIGRATION_INDEX: (&str, &str) =
    ("20260309-drop-redundant-indexreferrer", "drop index if exists IndexReferrer;");

/// How the database is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Make it.
    Create,
    /// It must be there.
    Existing,
    /// Nothing is written, not even locks.
    Immutable,
}

/// How the database writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) wal: bool,
    pub(crate) fsync: bool,
}

/// A path to register, with the outputs of which it is the derivation.
pub(crate) struct Registration<'a> {
    pub(crate) info: &'a PathInfo,
    pub(crate) outputs: Vec<(String, StorePath)>,
}

/// An output that a derivation was built to: an entry of the build trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realisation {
    /// The resolved derivation.
    pub drv: StorePath,
    /// The output's name.
    pub output: String,
    /// What it was built to.
    pub path: StorePath,
    /// Signatures, `key:base64`.
    pub sigs: BTreeSet<String>,
}

/// All that decides what is garbage, by dense numbers.
pub(crate) struct Graph {
    pub(crate) paths: Vec<StorePath>,
    pub(crate) index: HashMap<StorePath, u32>,
    pub(crate) references: Vec<Vec<u32>>,
    /// The recorded deriver, if valid.
    pub(crate) deriver: Vec<Option<u32>>,
    /// Outputs of derivations that are valid.
    pub(crate) outputs: Vec<Vec<u32>>,
}

/// The open database.
pub(crate) struct Database {
    connection: Mutex<Option<Connection>>,
    path: PathBuf,
    dir: StoreDir,
    events: Events,
    persist_wal: bool,
}

/// An error in a transaction: of the database (which may be retried), or of ours.
pub(crate) enum TxError {
    Sql(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for TxError {
    fn from(e: rusqlite::Error) -> Self {
        TxError::Sql(e)
    }
}

impl From<StoreError> for TxError {
    fn from(e: StoreError) -> Self {
        TxError::Store(e)
    }
}

pub(crate) type TxResult<T> = std::result::Result<T, TxError>;

impl Database {
    /// Opens `<folder>/db.sqlite`.
    pub(crate) fn open(folder: &Path, dir: StoreDir, options: Options, events: Events) -> Result<Self> {
        let path = folder.join("db.sqlite");
        let failed = |action| {
            let path = path.clone();
            move |source| StoreError::Database { action, path, source }
        };
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        flags |= match options.mode {
            Mode::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Mode::Existing => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Mode::Immutable => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let immutable = options.mode == Mode::Immutable;
        let uri = format!("file:{}?immutable={}", percent_encode(&path), u8::from(immutable));
        let opened = if options.wal {
            Connection::open_with_flags(&uri, flags)
        } else {
            Connection::open_with_flags_and_vfs(&uri, flags, c"unix-dotfile")
        };
        let connection = opened.map_err(failed("cannot open SQLite database"))?;
        let setup = || -> rusqlite::Result<()> {
            connection.busy_timeout(Duration::from_secs(3600))?;
            connection.set_prepared_statement_cache_capacity(64);
            connection.execute_batch("pragma foreign_keys = 1;")?;
            if immutable {
                return Ok(());
            }
            connection.execute_batch(if options.fsync {
                "pragma synchronous = normal;"
            } else {
                "pragma synchronous = off;"
            })?;
            let wanted = if options.wal { "wal" } else { "truncate" };
            let mode: String = connection.query_row("pragma main.journal_mode;", [], |r| r.get(0))?;
            if mode != wanted {
                connection.query_row(&format!("pragma main.journal_mode = {wanted};"), [], |_| Ok(()))?;
            }
            if options.wal {
                connection.query_row("pragma main.journal_size_limit = 1099511627776;", [], |_| Ok(()))?;
                connection.query_row("pragma wal_autocheckpoint = 40000;", [], |_| Ok(()))?;
            }
            if options.mode == Mode::Create {
                connection.execute_batch(CREATE)?;
            }
            Ok(())
        };
        setup().map_err(failed("preparing the database"))?;
        Ok(Database {
            connection: Mutex::new(Some(connection)),
            path,
            dir,
            events,
            persist_wal: options.wal && !immutable,
        })
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        // a panic elsewhere leaves SQLite itself consistent: a transaction in flight is rolled back when it is dropped
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f`, again if the database was busy.
    pub(crate) fn with<T>(
        &self,
        action: &'static str,
        mut f: impl FnMut(&Connection) -> TxResult<T>,
    ) -> Result<T> {
        let mut warned = Instant::now();
        loop {
            let guard = self.connection();
            let connection = guard.as_ref().expect("taken only when dropped");
            match f(connection) {
                Ok(value) => return Ok(value),
                Err(TxError::Store(e)) => return Err(e),
                Err(TxError::Sql(e)) if is_busy(&e) => {
                    drop(guard);
                    if warned.elapsed() > Duration::from_secs(10) {
                        warned = Instant::now();
                        self.events.message(
                            Level::Warn,
                            format!("SQLite database '{}' is busy", self.path.display()),
                        );
                    }
                    std::thread::sleep(Duration::from_millis(u64::from(std::process::id()) % 50 + 20));
                }
                Err(TxError::Sql(source)) => {
                    return Err(StoreError::Database { action, path: self.path.clone(), source });
                }
            }
        }
    }

    /// Runs `f` in an immediate transaction, which is committed if it succeeds.
    pub(crate) fn transaction<T>(
        &self,
        action: &'static str,
        mut f: impl FnMut(&Connection) -> TxResult<T>,
    ) -> Result<T> {
        self.with(action, |connection| {
            connection.prepare_cached("begin immediate")?.execute([])?;
            match f(connection).and_then(|value| {
                connection.prepare_cached("commit")?.execute([])?;
                Ok(value)
            }) {
                Ok(value) => Ok(value),
                Err(e) => {
                    if !connection.is_autocommit() {
                        let _ = connection.execute_batch("rollback");
                    }
                    Err(e)
                }
            }
        })
    }

    /// Which of the reference's migrations are missing.
    pub(crate) fn missing_migrations(&self, ca_derivations: bool) -> Result<bool> {
        self.with("reading the schema", |c| {
            let has_table: bool = c.query_row(
                "select exists (select 1 from sqlite_master where type = 'table' and name = 'SchemaMigrations')",
                [],
                |r| r.get(0),
            )?;
            if !has_table {
                return Ok(true);
            }
            let has = |name: &str| -> rusqlite::Result<bool> {
                c.query_row(
                    "select exists (select 1 from SchemaMigrations where migration = ?)",
                    [name],
                    |r| r.get(0),
                )
            };
            Ok(!has(MIGRATION_INDEX.0)? || (ca_derivations && !has(MIGRATION_CA.0)?))
        })
    }

    /// Applies the missing migrations; the caller holds the big lock alone.
    pub(crate) fn migrate(&self, ca_derivations: bool) -> Result<()> {
        self.transaction("changing the schema", |c| {
            c.execute_batch(
                "create table if not exists SchemaMigrations (migration text primary key not null);",
            )?;
            let mut all = vec![MIGRATION_INDEX];
            if ca_derivations {
                all.push(MIGRATION_CA);
            }
            for (name, statements) in all {
                let new = c.execute("insert or ignore into SchemaMigrations values (?)", [name])?;
                if new > 0 {
                    c.execute_batch(statements)?;
                }
            }
            Ok(())
        })
    }

    /// Brings a database of schema 5 to 9 to 10.
    pub(crate) fn upgrade_from(&self, schema: u32) -> Result<()> {
        self.transaction("changing the schema", |c| {
            if schema < 8 {
                c.execute_batch(
                    "alter table ValidPaths add column ultimate integer; alter table ValidPaths add column sigs text;",
                )?;
            }
            if schema < 9 {
                c.execute_batch("drop table if exists FailedPaths;")?;
            }
            if schema < 10 {
                c.execute_batch("alter table ValidPaths add column ca text;")?;
            }
            Ok(())
        })
    }

    fn parse(&self, text: &str) -> TxResult<StorePath> {
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

    fn path_info_in(&self, c: &Connection, path: &StorePath) -> TxResult<Option<PathInfo>> {
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

    fn referrers_in(&self, c: &Connection, path: &str) -> TxResult<StorePathSet> {
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

    /// Registers paths, all or none. Paths that are valid get their new info.
    ///
    /// # Errors
    /// A reference that is neither valid nor among them, or references in a circle.
    pub(crate) fn register(&self, registrations: &[Registration<'_>]) -> Result<()> {
        check_no_cycle(&self.dir, registrations)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64);
        self.transaction("registering paths", |c| {
            let mut ids: HashMap<&StorePath, i64> = HashMap::with_capacity(registrations.len());
            for registration in registrations {
                let info = registration.info;
                let printed = self.dir.print(&info.path);
                let id = match id_of(c, &printed)? {
                    Some(id) => {
                        update(c, &printed, info)?;
                        id
                    }
                    None => insert(c, &self.dir, &printed, info, now)?,
                };
                let mut statement = c.prepare_cached(
                    "insert or replace into DerivationOutputs (drv, id, path) values (?, ?, ?)",
                )?;
                for (output, path) in &registration.outputs {
                    statement.execute(params![id, output, self.dir.print(path)])?;
                }
                ids.insert(&info.path, id);
            }
            let mut statement =
                c.prepare_cached("insert or replace into Refs (referrer, reference) values (?, ?)")?;
            for registration in registrations {
                let referrer = ids[&registration.info.path];
                for reference in &registration.info.references {
                    let id = match ids.get(reference) {
                        Some(id) => *id,
                        None => {
                            let printed = self.dir.print(reference);
                            id_of(c, &printed)?.ok_or(StoreError::InvalidPath(printed))?
                        }
                    };
                    statement.execute([referrer, id])?;
                }
            }
            Ok(())
        })
    }

    /// Changes what is known about a valid path (not its references).
    pub(crate) fn update_info(&self, info: &PathInfo) -> Result<()> {
        let printed = self.dir.print(&info.path);
        self.transaction("changing a path", |c| Ok(update(c, &printed, info)?))
    }

    /// Adds signatures to a valid path.
    pub(crate) fn add_signatures(&self, path: &StorePath, sigs: &BTreeSet<String>) -> Result<()> {
        let printed = self.dir.print(path);
        self.transaction("adding signatures", |c| {
            let mut info =
                self.path_info_in(c, path)?.ok_or_else(|| StoreError::InvalidPath(printed.clone()))?;
            info.sigs.extend(sigs.iter().cloned());
            Ok(update(c, &printed, &info)?)
        })
    }

    /// Makes a path invalid unless others refer to it; a path that is not valid is left alone.
    ///
    /// # Errors
    /// [`StoreError::InUse`].
    pub(crate) fn invalidate(&self, path: &StorePath) -> Result<()> {
        let printed = self.dir.print(path);
        self.transaction("invalidating a path", |c| {
            let mut referrers = self.referrers_in(c, &printed)?;
            referrers.remove(path);
            if !referrers.is_empty() {
                let referrers: Vec<String> =
                    referrers.iter().map(|r| format!("'{}'", self.dir.print(r))).collect();
                return Err(
                    StoreError::InUse { path: printed.clone(), referrers: referrers.join(", ") }.into()
                );
            }
            c.prepare_cached("delete from ValidPaths where path = ?")?.execute([&printed])?;
            Ok(())
        })
    }

    /// Makes paths invalid, in this order, in one transaction; gives those that others still refer to, which stay.
    pub(crate) fn invalidate_all(&self, paths: &[StorePath]) -> Result<Vec<StorePath>> {
        self.transaction("invalidating paths", |c| {
            let mut used = Vec::new();
            for path in paths {
                let printed = self.dir.print(path);
                let Some(id) = id_of(c, &printed)? else { continue };
                let in_use: bool = c
                    .prepare_cached(
                        "select exists (select 1 from Refs where reference = ?1 and referrer != ?1)",
                    )?
                    .query_row([id], |r| r.get(0))?;
                if in_use {
                    used.push(path.clone());
                } else {
                    c.prepare_cached("delete from ValidPaths where id = ?")?.execute([id])?;
                }
            }
            Ok(used)
        })
    }

    /// Reads everything that decides what is garbage.
    pub(crate) fn graph(&self) -> Result<Graph> {
        self.with("reading the references", |c| {
            // one read transaction, so that the three tables fit together
            c.prepare_cached("begin")?.execute([])?;
            let graph = self.graph_in(c);
            let _ = c.execute_batch("commit");
            graph
        })
    }

    fn graph_in(&self, c: &Connection) -> TxResult<Graph> {
        let mut graph = Graph {
            paths: Vec::new(),
            index: HashMap::new(),
            references: Vec::new(),
            deriver: Vec::new(),
            outputs: Vec::new(),
        };
        let mut by_id: HashMap<i64, u32> = HashMap::new();
        let mut derivers: Vec<Option<StorePath>> = Vec::new();
        let mut statement = c.prepare("select id, path, deriver from ValidPaths")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Ok(path) = self.dir.parse(&row.get::<_, String>(1)?) else { continue };
            let number = graph.paths.len() as u32;
            by_id.insert(row.get(0)?, number);
            derivers.push(row.get::<_, Option<String>>(2)?.and_then(|d| self.dir.parse(&d).ok()));
            graph.index.insert(path.clone(), number);
            graph.paths.push(path);
        }
        graph.references = vec![Vec::new(); graph.paths.len()];
        graph.outputs = vec![Vec::new(); graph.paths.len()];
        graph.deriver =
            derivers.iter().map(|d| d.as_ref().and_then(|d| graph.index.get(d).copied())).collect();
        let mut statement = c.prepare("select referrer, reference from Refs")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let (Some(&from), Some(&to)) = (by_id.get(&row.get(0)?), by_id.get(&row.get(1)?)) {
                graph.references[from as usize].push(to);
            }
        }
        let mut statement = c.prepare("select drv, path from DerivationOutputs")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(&drv) = by_id.get(&row.get(0)?) else { continue };
            let output = self.dir.parse(&row.get::<_, String>(1)?).ok();
            if let Some(&output) = output.as_ref().and_then(|o| graph.index.get(o)) {
                graph.outputs[drv as usize].push(output);
            }
        }
        Ok(graph)
    }

    /// What the output of a resolved derivation was built to.
    pub(crate) fn realisation(&self, drv: &StorePath, output: &str) -> Result<Option<Realisation>> {
        self.with("reading the build trace", |c| {
            let mut statement = c.prepare_cached(
                "select outputPath, signatures from BuildTraceV3 where drvPath = ? and outputName = ?",
            )?;
            let found: Option<(String, Option<String>)> =
                statement.query_row([drv.base_name(), output], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            let Some((path, sigs)) = found else { return Ok(None) };
            Ok(Some(Realisation {
                drv: drv.clone(),
                output: output.to_owned(),
                path: self.parse(&path)?,
                sigs: sigs.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect(),
            }))
        })
    }

    /// Records what an output was built to; the first one stays, signatures are added to it.
    pub(crate) fn register_realisation(&self, new: &Realisation) -> Result<()> {
        let old = self.realisation(&new.drv, &new.output)?;
        let printed = self.dir.print(&new.path);
        if let Some(old) = &old {
            if old.path != new.path {
                return Err(StoreError::Build(format!(
                    "Trying to register a realisation of '{}^{}', but we already have another one locally.\nLocal:  {}\nRemote: {printed}",
                    new.drv,
                    new.output,
                    self.dir.print(&old.path),
                )));
            }
        }
        let mut sigs = new.sigs.clone();
        sigs.extend(old.iter().flat_map(|o| o.sigs.iter().cloned()));
        let sigs = join(&sigs);
        self.transaction("changing the build trace", |c| {
            let changed = c.execute(
                "update BuildTraceV3 set signatures = ? where drvPath = ? and outputName = ?",
                params![sigs, new.drv.base_name(), new.output],
            )?;
            if changed == 0 {
                c.execute(
                    "insert into BuildTraceV3 (drvPath, outputName, outputPath, signatures) values (?, ?, ?, ?)",
                    params![new.drv.base_name(), new.output, printed, sigs],
                )?;
            }
            Ok(())
        })
    }

    /// Gives unused pages back to the system.
    pub(crate) fn vacuum(&self) -> Result<()> {
        self.with("compacting the database", |c| Ok(c.execute_batch("vacuum")?))
    }
}

impl Drop for Database {
    /// Keeps the write-ahead log on disk, as the reference does, so that readers without write access can open the
    /// database afterwards: SQLite removes the log only when its last connection is closed, so this one is not.
    fn drop(&mut self) {
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = connection {
            if self.persist_wal {
                connection.flush_prepared_statement_cache();
                let _ = connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()));
                std::mem::forget(connection);
            }
        }
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

fn id_of(c: &Connection, path: &str) -> rusqlite::Result<Option<i64>> {
    c.prepare_cached("select id from ValidPaths where path = ?")?.query_row([path], |r| r.get(0)).optional()
}

fn join(sigs: &BTreeSet<String>) -> Option<String> {
    let all: Vec<&str> = sigs.iter().map(String::as_str).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

fn hash_column(info: &PathInfo) -> String {
    format!("{}:{}", info.nar_hash.algo(), info.nar_hash.base16())
}

fn size_column(info: &PathInfo) -> Option<i64> {
    (info.nar_size != 0).then_some(info.nar_size as i64)
}

fn insert(c: &Connection, dir: &StoreDir, path: &str, info: &PathInfo, now: i64) -> rusqlite::Result<i64> {
    c.prepare_cached(
        "insert into ValidPaths (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca) \
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        path,
        hash_column(info),
        if info.registration_time == 0 { now } else { info.registration_time },
        info.deriver.as_ref().map(|d| dir.print(d)),
        size_column(info),
        info.ultimate.then_some(1),
        join(&info.sigs),
        info.ca.as_ref().map(ToString::to_string),
    ])?;
    Ok(c.last_insert_rowid())
}

fn update(c: &Connection, path: &str, info: &PathInfo) -> rusqlite::Result<()> {
    c.prepare_cached(
        "update ValidPaths set narSize = ?, hash = ?, ultimate = ?, sigs = ?, ca = ? where path = ?",
    )?
    .execute(params![
        size_column(info),
        hash_column(info),
        info.ultimate.then_some(1),
        join(&info.sigs),
        info.ca.as_ref().map(ToString::to_string),
        path,
    ])?;
    Ok(())
}

fn is_busy(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::FileLockingProtocolFailed))
}

/// Refuses references in a circle among paths to register (only outputs of one derivation can have them).
fn check_no_cycle(dir: &StoreDir, registrations: &[Registration<'_>]) -> Result<()> {
    if registrations.len() < 2 {
        return Ok(());
    }
    let by_path: HashMap<&StorePath, &PathInfo> =
        registrations.iter().map(|r| (&r.info.path, r.info)).collect();
    let mut done: HashSet<&StorePath> = HashSet::new();
    for registration in registrations {
        // a path on the stack is `open`; entering an open one again closes a circle
        let mut open: HashSet<&StorePath> = HashSet::new();
        let mut stack: Vec<(&StorePath, bool)> = vec![(&registration.info.path, false)];
        while let Some((path, leaving)) = stack.pop() {
            if leaving {
                open.remove(path);
                done.insert(path);
                continue;
            }
            if done.contains(path) || !open.insert(path) {
                continue;
            }
            stack.push((path, true));
            for reference in by_path.get(path).map(|i| &i.references).into_iter().flatten() {
                if reference == path || !by_path.contains_key(reference) {
                    continue;
                }
                if open.contains(reference) {
                    return Err(StoreError::Cycle { path: dir.print(reference), parent: dir.print(path) });
                }
                stack.push((reference, false));
            }
        }
    }
    Ok(())
}

fn percent_encode(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut out = String::new();
    for &b in path.as_os_str().as_bytes() {
        if b.is_ascii_alphanumeric() || b"/-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}
