//! The one way from the evaluator to the world.

use std::path::PathBuf;
use std::sync::Arc;

use firn_derivation::Derivation;
use firn_path::{SingleDerivedPath, StorePath};

/// A path in a source tree: tree 0 is the file system.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePath {
    /// The tree.
    pub root: u32,
    /// Absolute and canonical path in it.
    pub path: Arc<str>,
}

impl SourcePath {
    /// A path of the file system.
    pub fn file(path: &str) -> SourcePath {
        SourcePath { root: 0, path: path.into() }
    }

    /// The path of a child.
    pub fn child(&self, name: &str) -> SourcePath {
        let path = if &*self.path == "/" { format!("/{name}") } else { format!("{}/{name}", self.path) };
        SourcePath { root: self.root, path: path.into() }
    }

    /// The folder it is in; that of the root is the root.
    pub fn parent(&self) -> SourcePath {
        let cut = self.path.rfind('/').unwrap_or(0).max(1);
        SourcePath { root: self.root, path: self.path[..cut].into() }
    }

    /// The last component: empty for the root.
    pub fn base_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or("")
    }
}

/// What a path leads to (links are not followed).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A socket, device or the like.
    Other,
}

impl FileKind {
    /// The name that `readDir` gives.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Regular => "regular",
            FileKind::Directory => "directory",
            FileKind::Symlink => "symlink",
            FileKind::Other => "unknown",
        }
    }
}

/// An error of the world outside: a finished message in the reference's words, without `error:`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct IoError {
    /// The message.
    pub message: String,
    /// Whether the path does not exist.
    pub not_found: bool,
    /// Whether a restriction (pure or restricted evaluation) forbids it.
    pub restricted: bool,
}

impl IoError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> IoError {
        IoError { message: message.into(), not_found: false, restricted: false }
    }
}

/// How a source is added to the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddMethod {
    /// The bytes of one file.
    Flat,
    /// The whole tree as a NAR.
    Recursive,
}

/// Says whether a path of a tree is part of a source; errors end the copying.
pub type Filter<'a> = &'a mut dyn FnMut(&SourcePath, FileKind) -> Result<bool, IoError>;

/// Everything that an evaluation may ask of the world. An implementation may record what was asked; it keeps its own
/// locks, because a filter that [`EvalIo::add_source`] calls may ask again.
pub trait EvalIo: Send + Sync {
    /// What is there, without following a link at the end; `None` if nothing is.
    fn stat(&self, path: &SourcePath) -> Result<Option<FileKind>, IoError>;
    /// The contents of a regular file.
    fn read_file(&self, path: &SourcePath) -> Result<Vec<u8>, IoError>;
    /// The entries of a folder, in any order. The kind may be left to a later [`EvalIo::stat`].
    fn read_dir(&self, path: &SourcePath) -> Result<Vec<(String, Option<FileKind>)>, IoError>;
    /// The target of a symbolic link.
    fn read_link(&self, path: &SourcePath) -> Result<String, IoError>;
    /// The text by which a path is shown in messages.
    fn show(&self, path: &SourcePath) -> String {
        path.path.to_string()
    }
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// Seconds since 1970.
    fn time(&self) -> i64;
    /// The home folder, for `~/x`.
    fn home(&self) -> Option<PathBuf>;

    /// Copies a source (a tree, or one file) to the store under a name, or only computes its path in read-only mode.
    /// The path is that of a recursive or flat addition with SHA-256.
    fn add_source(
        &self,
        path: &SourcePath,
        name: &str,
        method: AddMethod,
        filter: Option<Filter<'_>>,
    ) -> Result<StorePath, IoError>;
    /// Adds a text with references to the store, or only computes its path in read-only mode.
    fn add_text(&self, name: &str, text: &[u8], refs: &[StorePath]) -> Result<StorePath, IoError>;
    /// Writes a derivation whose path and text are already known, unless the mode is read-only.
    fn write_derivation(
        &self,
        path: &StorePath,
        text: &[u8],
        refs: &[StorePath],
        drv: &Derivation,
    ) -> Result<(), IoError>;
    /// Reads a derivation that is not of this evaluation.
    fn read_derivation(&self, path: &StorePath) -> Result<Derivation, IoError>;
    /// Makes a store path valid (substituting it if need be), or says why not.
    fn ensure_path(&self, path: &StorePath) -> Result<(), IoError>;
    /// The references of a valid store path; `None` if it is not valid.
    fn references(&self, path: &StorePath) -> Result<Option<Vec<StorePath>>, IoError>;
    /// Builds what an import needs and gives the path of each output, in order. `why` is shown where imports from
    /// derivations are not allowed.
    fn realise(&self, paths: &[SingleDerivedPath]) -> Result<Vec<StorePath>, IoError>;
    /// Looks a `<name>` entry's target up that is no plain path (a URL or flake reference); `None` if it leads nowhere.
    fn resolve_lookup_path(&self, value: &str) -> Result<Option<SourcePath>, IoError>;
    /// Runs a program with arguments and gives what it prints: `builtins.exec`.
    fn run_program(&self, words: &[String]) -> Result<Vec<u8>, IoError> {
        Err(IoError::new(format!("programs cannot be run here: '{}'", words.join(" "))))
    }
    /// Whether somebody wants the evaluation to end.
    fn interrupted(&self) -> bool {
        false
    }
    /// A line for the user: `trace:` lines, warnings.
    fn log(&self, level: LogLevel, text: &str);
}

/// How important a line for the user is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogLevel {
    /// An error that is not the end.
    Error,
    /// A warning: the text already says so.
    Warn,
    /// Anything else.
    Notice,
}
