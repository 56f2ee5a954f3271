//! The database of valid paths: SQLite, schema 10, shared with C++ Nix.
//!
//! Invariants: every change is one immediate transaction; references of a valid path are valid; what is read is checked
//! like any outside bytes.

mod graph;
mod query;
mod register;
mod schema;
mod trace;

pub(crate) use graph::Graph;
pub(crate) use register::Registration;
pub(crate) use schema::SCHEMA;
pub use trace::Realisation;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use firn_events::{Events, Level};
use firn_path::StoreDir;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::error::{Result, StoreError};

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
                connection.execute_batch(schema::CREATE)?;
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

fn id_of(c: &Connection, path: &str) -> rusqlite::Result<Option<i64>> {
    c.prepare_cached("select id from ValidPaths where path = ?")?.query_row([path], |r| r.get(0)).optional()
}

fn is_busy(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::FileLockingProtocolFailed))
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
