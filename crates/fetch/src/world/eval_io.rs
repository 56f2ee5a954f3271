//! [`EvalIo`] for [`World`].

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use firn_derivation::Derivation;
use firn_eval::io::{AddMethod, EvalIo, FileKind, Filter, IoError, LogLevel, SourcePath};
use firn_events::Level;
use firn_path::{DerivedPath, OutputsSpec, SingleDerivedPath, StorePath, StorePathSet};
use firn_source::{CanonPath, Kind};
use firn_store::{BuildMode, StoreError};

use super::sources::{source_error, store_error};
use super::{Place, World};

/// What the evaluator calls a kind of node.
pub(super) fn kind(kind: Kind) -> FileKind {
    match kind {
        Kind::Regular => FileKind::Regular,
        Kind::Directory => FileKind::Directory,
        Kind::Symlink => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

fn file_kind(file_type: std::fs::FileType) -> FileKind {
    if file_type.is_file() {
        FileKind::Regular
    } else if file_type.is_dir() {
        FileKind::Directory
    } else if file_type.is_symlink() {
        FileKind::Symlink
    } else {
        FileKind::Other
    }
}

fn system(action: &str, path: &SourcePath, error: &std::io::Error) -> IoError {
    use std::io::ErrorKind;
    let path = &path.path;
    let mut out = IoError::new(match error.kind() {
        ErrorKind::NotFound => format!("path '{path}' does not exist"),
        ErrorKind::NotADirectory if action == "reading directory" => format!("'{path}' is not a directory"),
        // Something below a file.
        ErrorKind::NotADirectory => format!("path '{path}' does not exist"),
        ErrorKind::IsADirectory => format!("file '{path}' is not a regular file"),
        _ => format!("{action} '{path}': {}", firn_source::strerror(error)),
    });
    out.not_found = matches!(error.kind(), ErrorKind::NotFound);
    out
}

/// Whether an entry of the search path is something to fetch, and no path.
fn is_reference(value: &str) -> bool {
    value.contains("://") || value.starts_with("channel:") || value.starts_with("flake:")
}

/// What is not to be read of folders on the way to the store.
fn above(path: &SourcePath) -> IoError {
    let mut error = IoError::new(format!(
        "access to absolute path '{}' is forbidden in pure evaluation mode (use '--impure' to override)",
        path.path
    ));
    error.restricted = true;
    error
}

impl EvalIo for World {
    fn stat(&self, path: &SourcePath) -> Result<Option<FileKind>, IoError> {
        match self.place(path)? {
            Place::Above => Ok(Some(FileKind::Directory)),
            Place::Tree(tree, below) => Ok(tree.stat(&below).map_err(source_error)?.map(|s| kind(s.kind))),
            Place::Files(real) => match real.symlink_metadata() {
                Ok(meta) => Ok(Some(file_kind(meta.file_type()))),
                Err(e)
                    if matches!(
                        e.kind(),
                        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                    ) =>
                {
                    Ok(None)
                }
                Err(e) => Err(system("getting status of", path, &e)),
            },
        }
    }

    fn read_file(&self, path: &SourcePath) -> Result<Vec<u8>, IoError> {
        match self.place(path)? {
            Place::Above => Err(above(path)),
            Place::Tree(tree, below) => tree.read_file(&below).map_err(source_error),
            Place::Files(real) => std::fs::read(real).map_err(|e| system("opening file", path, &e)),
        }
    }

    fn read_dir(&self, path: &SourcePath) -> Result<Vec<(String, Option<FileKind>)>, IoError> {
        match self.place(path)? {
            Place::Above => Err(above(path)),
            Place::Tree(tree, below) => {
                let entries = tree.read_dir(&below).map_err(source_error)?;
                Ok(entries
                    .into_iter()
                    .map(|e| (String::from_utf8_lossy(&e.name).into_owned(), e.kind.map(kind)))
                    .collect())
            }
            Place::Files(real) => {
                let failed = |e: std::io::Error| system("reading directory", path, &e);
                let mut entries = Vec::new();
                for entry in real.read_dir().map_err(failed)? {
                    let entry = entry.map_err(failed)?;
                    let kind = entry.file_type().ok().map(file_kind);
                    entries.push((entry.file_name().to_string_lossy().into_owned(), kind));
                }
                Ok(entries)
            }
        }
    }

    fn read_link(&self, path: &SourcePath) -> Result<String, IoError> {
        match self.place(path)? {
            Place::Above => Err(above(path)),
            Place::Tree(tree, below) => {
                Ok(String::from_utf8_lossy(&tree.read_link(&below).map_err(source_error)?).into_owned())
            }
            Place::Files(real) => {
                let target =
                    std::fs::read_link(real).map_err(|e| system("reading symbolic link", path, &e))?;
                Ok(target.to_string_lossy().into_owned())
            }
        }
    }

    fn show(&self, path: &SourcePath) -> String {
        let rest = path.path.strip_prefix(self.options.store_dir.as_str()).and_then(|r| r.strip_prefix('/'));
        let Some((base, below)) = rest.map(|r| r.split_once('/').unwrap_or((r, ""))) else {
            return path.path.to_string();
        };
        match (self.options.mounts.get(base), CanonPath::new(below)) {
            (Some(tree), Ok(below)) => tree.show_path(&below),
            _ => path.path.to_string(),
        }
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|v| v.to_string_lossy().into_owned())
    }

    fn time(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
    }

    fn home(&self) -> Option<PathBuf> {
        self.home.clone()
    }

    fn add_source(
        &self,
        path: &SourcePath,
        name: &str,
        method: AddMethod,
        filter: Option<Filter<'_>>,
    ) -> Result<StorePath, IoError> {
        self.add(path, name, method, filter)
    }

    fn add_text(&self, name: &str, text: &[u8], refs: &[StorePath]) -> Result<StorePath, IoError> {
        let refs: StorePathSet = refs.iter().cloned().collect();
        let hash = firn_hash::Hash::of(firn_hash::Algo::Sha256, text);
        let path = self
            .options
            .store_dir
            .make_text_path(name, &hash, &refs)
            .map_err(|e| IoError::new(e.to_string()))?;
        self.write_text(&path, name, text, &refs)?;
        self.allow(&path);
        Ok(path)
    }

    fn write_derivation(
        &self,
        path: &StorePath,
        text: &[u8],
        refs: &[StorePath],
        _drv: &Derivation,
    ) -> Result<(), IoError> {
        let refs: StorePathSet = refs.iter().cloned().collect();
        self.write_text(path, path.name(), text, &refs)
    }

    fn read_derivation(&self, path: &StorePath) -> Result<Derivation, IoError> {
        self.store()?.read_derivation(path).map_err(store_error)
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), IoError> {
        if self.options.mounts.get(path.base_name()).is_some() {
            return Ok(());
        }
        self.store()?.ensure_path(path).map_err(store_error)?;
        self.allow(path);
        Ok(())
    }

    fn references(&self, path: &StorePath) -> Result<Option<Vec<StorePath>>, IoError> {
        if self.options.mounts.get(path.base_name()).is_some() {
            return Ok(Some(Vec::new()));
        }
        let info = self.store()?.path_info(path).map_err(store_error)?;
        Ok(info.map(|i| i.references.iter().cloned().collect()))
    }

    fn realise(&self, paths: &[SingleDerivedPath]) -> Result<Vec<StorePath>, IoError> {
        if self.options.read_only && paths.iter().all(|p| matches!(p, SingleDerivedPath::Opaque(_))) {
            return Ok(paths.iter().map(|p| p.base_path().clone()).collect());
        }
        let mut targets = Vec::new();
        for path in paths {
            match path {
                // A mounted tree is read where it is.
                SingleDerivedPath::Opaque(path) => {
                    if self.options.mounts.get(path.base_name()).is_none() {
                        targets.push(DerivedPath::Opaque(path.clone()));
                    }
                }
                SingleDerivedPath::Built { output, .. } => {
                    targets
                        .push(DerivedPath::built(path.base_path().clone(), OutputsSpec::one(output.clone())));
                }
            }
        }
        if targets.is_empty() {
            return Ok(paths.iter().map(|p| p.base_path().clone()).collect());
        }
        let store = self.store()?;
        let results = store.build(&targets, BuildMode::Normal).map_err(store_error)?;
        if self.options.trace_import {
            for target in &targets {
                let shown = self.options.store_dir.print(target.base_path());
                self.options
                    .events
                    .warn(format!("built '{shown}' during evaluation due to an import from derivation"));
            }
        }
        firn_store::require_success(&results).map_err(store_error)?;
        let mut out = Vec::new();
        for path in paths {
            let real = match path {
                SingleDerivedPath::Opaque(path) => path.clone(),
                SingleDerivedPath::Built { output, .. } => {
                    let outputs = store.derivation_outputs(path.base_path()).map_err(store_error)?;
                    outputs.get(output.as_str()).cloned().flatten().ok_or_else(|| {
                        IoError::new(format!(
                            "derivation '{}' does not have an output named '{output}'",
                            self.options.store_dir.print(path.base_path())
                        ))
                    })?
                }
            };
            self.allow(&real);
            out.push(real);
        }
        Ok(out)
    }

    fn resolve_lookup_path(&self, value: &str) -> Result<Option<SourcePath>, IoError> {
        if !is_reference(value) {
            let here = std::env::current_dir().unwrap_or_default();
            let path = SourcePath::file(&firn_path::canonical(&here.join(value).to_string_lossy()));
            return Ok(self.stat(&path)?.map(|_| path));
        }
        match &self.options.lookup {
            Some(lookup) => {
                Ok(lookup(value)?.map(|path| SourcePath::file(&self.options.store_dir.print(&path))))
            }
            None => Ok(None),
        }
    }

    fn run_program(&self, words: &[String]) -> Result<Vec<u8>, IoError> {
        let Some((program, arguments)) = words.split_first() else { return Ok(Vec::new()) };
        let out = std::process::Command::new(program)
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(|e| IoError::new(format!("executing \"{program}\": {}", firn_source::strerror(&e))))?;
        if out.status.success() {
            return Ok(out.stdout);
        }
        let how = match out.status.code() {
            Some(code) => format!("with exit code {code}"),
            None => "due to a signal".to_owned(),
        };
        Err(IoError::new(format!("program \"{program}\" failed {how}")))
    }

    fn interrupted(&self) -> bool {
        (self.options.interrupted)()
    }

    fn log(&self, level: LogLevel, text: &str) {
        let level = match level {
            LogLevel::Error => Level::Error,
            // The text says already that it is a warning.
            LogLevel::Warn | LogLevel::Notice => Level::Notice,
        };
        self.options.events.message(level, text);
    }
}

impl World {
    /// Writes a text to the store unless it is there; mounted trees that it refers to are copied first.
    fn write_text(
        &self,
        path: &StorePath,
        name: &str,
        text: &[u8],
        refs: &StorePathSet,
    ) -> Result<(), IoError> {
        if self.options.read_only {
            return Ok(());
        }
        let store = self.store()?;
        if store.is_valid(path).map_err(store_error)? {
            return store.add_temp_root(path).map_err(store_error);
        }
        for reference in refs {
            self.options.mounts.realise(store.as_ref(), reference).map_err(store_error)?;
        }
        let written = store.add_text(name, text, refs, false).map_err(store_error)?;
        if written == *path {
            Ok(())
        } else {
            Err(store_error(StoreError::Contents(format!(
                "text '{name}' has the path '{written}' and not '{path}'"
            ))))
        }
    }
}
