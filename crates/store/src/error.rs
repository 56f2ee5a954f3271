//! What can go wrong with a store. Texts are the reference's where it has one.

use std::io;
use std::path::{Path, PathBuf};

use firn_path::PathError;

/// The result of store operations.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// An error of a store operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A system call failed.
    #[error("{action} \"{}\": {}", path.display(), os_text(source))]
    Io {
        /// What was tried: `opening file`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A lock could not be taken.
    #[error("{0}")]
    Lock(String),
    /// Reading from or writing to a stream that the caller gave failed.
    #[error("{action}: {}", os_text(source))]
    Stream {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The database refused.
    #[error("{action}: {source} (in '{}'){}", path.display(), full_disk(path, source))]
    Database {
        /// What was tried.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// Something in the database that should not be there.
    #[error("invalid-path entry for '{path}': {reason}")]
    BadEntry {
        /// The store path of the entry.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The database has a newer schema.
    #[error("current Nix store schema is version {found}, but I only support {supported}")]
    SchemaTooNew {
        /// What was found.
        found: u32,
        /// What we know.
        supported: u32,
    },
    /// The database is from before 2016.
    #[error("the Nix store has schema version {0}, which is too old; open it once with Nix 2.3")]
    SchemaTooOld(u32),
    /// The file `schema` holds no number.
    #[error("\"{}\" is corrupt", .0.display())]
    SchemaCorrupt(PathBuf),
    /// A read-only store has no database.
    #[error("database does not exist, and cannot be created in read-only mode")]
    ReadOnlyNoDatabase,
    /// A change to a read-only store.
    #[error("the store '{0}' is read-only: {1}")]
    ReadOnly(String, &'static str),
    /// No right to write the database.
    #[error("Nix database directory \"{}\" is not writable: {}", path.display(), os_text(source))]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A symbolic link on the way to the store.
    #[error(
        "the path \"{}\" is a symlink; this is not allowed for the Nix store and its parent directories",
        .0.display()
    )]
    SymlinkedStore(PathBuf),
    /// A path that is not valid.
    #[error("path '{0}' is not valid")]
    InvalidPath(String),
    /// A path that cannot be deleted.
    #[error("cannot delete path '{path}' because it is in use by {referrers}")]
    InUse {
        /// The path.
        path: String,
        /// Those that refer to it, quoted.
        referrers: String,
    },
    /// A path that was to be deleted and is alive.
    #[error(
        "Cannot delete path '{0}' since it is still alive. To find out why, use: nix-store --query --roots and nix-store --query --referrers"
    )]
    Alive(String),
    /// The contents differ from what was said.
    #[error("hash mismatch importing path '{path}';\n  specified: {specified}\n  got:       {got}")]
    HashMismatch {
        /// The path.
        path: String,
        /// What was said.
        specified: String,
        /// What is.
        got: String,
    },
    /// The size differs from what was said.
    #[error("size mismatch importing path '{path}';\n  specified: {specified}\n  got:       {got}")]
    SizeMismatch {
        /// The path.
        path: String,
        /// What was said, in bytes.
        specified: u64,
        /// What is, in bytes.
        got: u64,
    },
    /// The contents differ from the content address.
    #[error("ca hash mismatch importing path '{path}';\n  specified: {specified}\n  got:       {got}")]
    CaMismatch {
        /// The path.
        path: String,
        /// What was said.
        specified: String,
        /// What is.
        got: String,
    },
    /// A content address that does not give this path.
    #[error("cannot add path '{0}' to the Nix store because it claims to be content-addressed but isn't")]
    NotContentAddressed(String),
    /// No trusted key signed it.
    #[error("cannot add path '{0}' because it lacks a signature by a trusted key")]
    Unsigned(String),
    /// References in a circle.
    #[error("cycle detected in the references of '{path}' from '{parent}'")]
    Cycle {
        /// A path of the circle.
        path: String,
        /// A path that refers to it.
        parent: String,
    },
    /// A garbage collector root inside the store.
    #[error(
        "creating a garbage collector root (\"{}\") in the Nix store is forbidden (are you running nix-build inside the store?)",
        .0.display()
    )]
    RootInStore(PathBuf),
    /// A root over something else.
    #[error("cannot create symlink \"{}\"; already exists", .0.display())]
    RootExists(PathBuf),
    /// No such output.
    #[error("derivation '{drv}' does not have an output named '{output}'")]
    NoSuchOutput {
        /// The derivation.
        drv: String,
        /// The output.
        output: String,
    },
    /// A store address that makes no sense.
    #[error("Cannot parse Nix store '{0}'")]
    BadReference(String),
    /// A store of a kind that cannot be opened here.
    #[error("don't know how to open Nix store with scheme '{0}'")]
    UnknownScheme(String),
    /// A store served by a daemon, where no client was given.
    #[error(
        "the store '{0}' is served by a daemon, which this program does not talk to yet\nhint: use '--store local' as root, or '--store ~/.local/share/nix/root'"
    )]
    NeedsDaemon(String),
    /// A hash part of the wrong length.
    #[error("invalid hash part")]
    InvalidHashPart,
    /// No builder was given.
    #[error("this store cannot build: no builder is connected")]
    NoBuilder,
    /// A store elsewhere cannot be reached, or says so; the text is whole.
    #[error("{0}")]
    Remote(String),
    /// A store elsewhere said that it has a path, but the contents are gone.
    #[error("{0}")]
    SubstituteGone(String),
    /// What another program sends makes no sense.
    #[error("{0}")]
    Protocol(String),
    /// A build failed; the text is the builder's.
    #[error("{0}")]
    Build(String),
    /// Something about profiles.
    #[error(transparent)]
    Profile(#[from] crate::profiles::ProfileError),
    /// The stream is no export.
    #[error("input doesn't look like something created by 'nix-store --export'")]
    NotAnExport,
    /// The stream is no export.
    #[error("Nix archive cannot be imported; wrong format")]
    WrongExportMagic,
    /// A path changed on disk.
    #[error("hash of path '{path}' has changed from '{was}' to '{is}'!")]
    Changed {
        /// The path.
        path: String,
        /// Its registered hash.
        was: String,
        /// Its hash now.
        is: String,
    },
    /// A registration text that does not parse.
    #[error("bad registration of a path at line {line}: {reason}")]
    BadRegistration {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// JSON of another shape.
    #[error("{0}")]
    Json(String),
    /// A key or signature that does not parse.
    #[error("{0}")]
    Key(String),
    /// The user or a caller ended it.
    #[error("interrupted by the user")]
    Interrupted,
    /// The collector stopped because enough was freed; never leaves this crate.
    #[error("enough was freed")]
    LimitReached,
    /// A path, name or content address that makes no sense.
    #[error(transparent)]
    Path(#[from] PathError),
    /// What was to be added cannot be read; the text is that of whoever reads it.
    #[error("{0}")]
    Contents(String),
    /// Reading or writing a tree of files failed.
    #[error(transparent)]
    Source(#[from] firn_source::SourceError),
    /// A NAR that does not parse.
    #[error("{0}")]
    Nar(String),
    /// A derivation that does not parse, or whose outputs are not what they should be.
    #[error("{0}")]
    Derivation(String),
    /// An operation that this kind of store does not have.
    #[error("operation '{operation}' is not supported by store '{store}'")]
    Unsupported {
        /// The operation.
        operation: &'static str,
        /// The store.
        store: String,
    },
}

impl From<firn_derivation::DerivationError> for StoreError {
    fn from(e: firn_derivation::DerivationError) -> Self {
        StoreError::Derivation(e.to_string())
    }
}

impl From<firn_nar::NarError> for StoreError {
    fn from(e: firn_nar::NarError) -> Self {
        StoreError::Nar(e.to_string())
    }
}

/// The system's text of an error, without Rust's number.
pub(crate) fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// Adds what was tried to an I/O error.
pub(crate) trait Context<T> {
    /// `action` is a verb in -ing with its object: `opening file`.
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|e| StoreError::Io { action, path: path.as_ref().to_owned(), source: e.into() })
    }
}

/// SQLite calls a full disk an input or output error at times; what is added to its message where the disk has no room.
fn full_disk(database: &std::path::Path, error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
    /// A page of the database and one of its journal.
    const ENOUGH: u64 = 64 * 1024;
    if !matches!(error.sqlite_error_code(), Some(DiskFull | SystemIoFailure)) {
        return "";
    }
    let room = rustix::fs::statvfs(database).or_else(|e| match database.parent() {
        Some(folder) => rustix::fs::statvfs(folder),
        None => Err(e),
    });
    match room {
        Ok(s) if s.f_bavail.saturating_mul(s.f_frsize) < ENOUGH => {
            "\nhint: its disk is full; 'nix-collect-garbage' deletes what nothing needs"
        }
        _ => "",
    }
}
