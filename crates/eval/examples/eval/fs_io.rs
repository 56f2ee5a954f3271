//! The world as a plain file system, without a store: paths are computed, nothing is written.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use firn_derivation::Derivation;
use firn_eval::io::{AddMethod, EvalIo, FileKind, Filter, IoError, LogLevel, SourcePath};
use firn_hash::{Algo, Hash, Hasher};
use firn_nar::NarWriter;
use firn_path::{ContentAddress, ContentMethod, References, SingleDerivedPath, StoreDir, StorePath};

pub(crate) struct FsIo {
    pub(crate) dir: StoreDir,
    /// What this evaluation added: its references, and its text if it is a derivation.
    known: Mutex<HashMap<StorePath, Known>>,
}

struct Known {
    refs: Vec<StorePath>,
    drv: Option<Vec<u8>>,
}

fn fail(what: &str, path: &str, e: &std::io::Error) -> IoError {
    let text = e.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    let message = match e.kind() {
        ErrorKind::NotFound => format!("path '{path}' does not exist"),
        ErrorKind::NotADirectory => format!("'{path}' is not a directory"),
        _ => format!("{what} '{path}': {text}"),
    };
    IoError { message, not_found: e.kind() == ErrorKind::NotFound, restricted: false }
}

fn kind_of(t: fs::FileType) -> FileKind {
    if t.is_dir() {
        FileKind::Directory
    } else if t.is_file() {
        FileKind::Regular
    } else if t.is_symlink() {
        FileKind::Symlink
    } else {
        FileKind::Other
    }
}

impl FsIo {
    pub(crate) fn new(dir: StoreDir) -> FsIo {
        FsIo { dir, known: Mutex::default() }
    }

    /// Writes what was added to a folder, for comparing it with another implementation's.
    fn keep(&self, path: &StorePath, text: &[u8]) -> Result<(), IoError> {
        let Some(dir) = std::env::var_os("FIRN_ADDED") else { return Ok(()) };
        let file = Path::new(&dir).join(path.base_name());
        fs::write(&file, text).map_err(|e| fail("writing", &file.to_string_lossy(), &e))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<StorePath, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, path: &StorePath, refs: &[StorePath], drv: Option<&[u8]>) {
        let known = Known { refs: refs.to_vec(), drv: drv.map(<[u8]>::to_vec) };
        self.known().insert(path.clone(), known);
    }

    fn dump(
        &self,
        path: &SourcePath,
        out: &mut NarWriter<&mut Hasher>,
        filter: &mut Option<Filter<'_>>,
    ) -> Result<(), IoError> {
        let nar = |e: firn_nar::NarError| IoError::new(e.to_string());
        match self.stat(path)? {
            Some(FileKind::Regular) => {
                let data = self.read_file(path)?;
                let meta =
                    fs::metadata(&*path.path).map_err(|e| fail("getting status of", &path.path, &e))?;
                out.file_bytes(meta.permissions().mode() & 0o100 != 0, &data).map_err(nar)
            }
            Some(FileKind::Symlink) => out.symlink(self.read_link(path)?.as_bytes()).map_err(nar),
            Some(FileKind::Directory) => {
                out.start_directory().map_err(nar)?;
                let mut entries = self.read_dir(path)?;
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                for (name, kind) in entries {
                    let child = path.child(&name);
                    if let Some(f) = filter {
                        if !f(&child, kind.unwrap_or(FileKind::Other))? {
                            continue;
                        }
                    }
                    out.entry(name.as_bytes()).map_err(nar)?;
                    self.dump(&child, out, filter)?;
                }
                out.end_directory().map_err(nar)
            }
            Some(FileKind::Other) => {
                Err(IoError::new(format!("file '{}' has an unsupported type", path.path)))
            }
            None => Err(IoError::new(format!("path '{}' does not exist", path.path))),
        }
    }
}

impl EvalIo for FsIo {
    fn stat(&self, path: &SourcePath) -> Result<Option<FileKind>, IoError> {
        match fs::symlink_metadata(&*path.path) {
            Ok(m) => Ok(Some(kind_of(m.file_type()))),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(fail("getting status of", &path.path, &e)),
        }
    }

    fn read_file(&self, path: &SourcePath) -> Result<Vec<u8>, IoError> {
        fs::read(&*path.path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => IoError {
                message: format!("path '{}' does not exist", path.path),
                not_found: true,
                restricted: false,
            },
            _ => fail("opening file", &path.path, &e),
        })
    }

    fn read_dir(&self, path: &SourcePath) -> Result<Vec<(String, Option<FileKind>)>, IoError> {
        let entries = fs::read_dir(&*path.path).map_err(|e| fail("cannot read directory", &path.path, &e))?;
        let mut out = Vec::new();
        for e in entries {
            let e = e.map_err(|e| fail("cannot read directory", &path.path, &e))?;
            let kind = e.file_type().ok().map(kind_of);
            out.push((e.file_name().to_string_lossy().into_owned(), kind));
        }
        Ok(out)
    }

    fn read_link(&self, path: &SourcePath) -> Result<String, IoError> {
        fs::read_link(&*path.path)
            .map(|p| p.to_string_lossy().into_owned())
            .map_err(|e| fail("reading symbolic link", &path.path, &e))
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn time(&self) -> i64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::var_os("HOME").map(PathBuf::from)
    }

    fn add_source(
        &self,
        path: &SourcePath,
        name: &str,
        method: AddMethod,
        mut filter: Option<Filter<'_>>,
    ) -> Result<StorePath, IoError> {
        let (method, hash) = match method {
            AddMethod::Flat => (ContentMethod::Flat, Hash::of(Algo::Sha256, &self.read_file(path)?)),
            AddMethod::Recursive => {
                let mut h = Hasher::new(Algo::Sha256);
                let mut w = NarWriter::new(&mut h);
                self.dump(path, &mut w, &mut filter)?;
                w.finish().map_err(|e| IoError::new(e.to_string()))?;
                (ContentMethod::NixArchive, h.finish())
            }
        };
        let path = self
            .dir
            .make_content_addressed_path(name, &ContentAddress { method, hash }, &References::default())
            .map_err(|e| IoError::new(e.to_string()))?;
        self.learn(&path, &[], None);
        Ok(path)
    }

    fn add_text(&self, name: &str, text: &[u8], refs: &[StorePath]) -> Result<StorePath, IoError> {
        let hash = Hash::of(Algo::Sha256, text);
        let path = self.dir.make_text_path(name, &hash, refs).map_err(|e| IoError::new(e.to_string()))?;
        self.learn(&path, refs, None);
        self.keep(&path, text)?;
        Ok(path)
    }

    fn write_derivation(
        &self,
        path: &StorePath,
        text: &[u8],
        refs: &[StorePath],
        _: &Derivation,
    ) -> Result<(), IoError> {
        self.keep(path, text)?;
        self.learn(path, refs, Some(text));
        Ok(())
    }

    fn read_derivation(&self, path: &StorePath) -> Result<Derivation, IoError> {
        let full = self.dir.print(path);
        let made = self.known().get(path).and_then(|k| k.drv.clone());
        let text = match made {
            Some(text) => text,
            None => fs::read(&full).map_err(|_| IoError::new(format!("path '{full}' is not valid")))?,
        };
        let name = path.derivation_name().map_err(|e| IoError::new(e.to_string()))?;
        firn_derivation::aterm::parse(&self.dir, &text, name).map_err(|e| IoError::new(e.to_string()))
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), IoError> {
        let full = self.dir.print(path);
        if self.known().contains_key(path) || Path::new(&full).exists() {
            Ok(())
        } else {
            Err(IoError::new(format!("path '{full}' does not exist and cannot be created")))
        }
    }

    fn references(&self, path: &StorePath) -> Result<Option<Vec<StorePath>>, IoError> {
        Ok(self.known().get(path).map(|k| k.refs.clone()))
    }

    fn realise(&self, paths: &[SingleDerivedPath]) -> Result<Vec<StorePath>, IoError> {
        let _ = paths;
        Err(IoError::new("there is no store to build in"))
    }

    fn resolve_lookup_path(&self, value: &str) -> Result<Option<SourcePath>, IoError> {
        let cwd = std::env::current_dir().map_err(|e| fail("getting", "current directory", &e))?;
        let p = firn_eval::paths::join(&SourcePath::file(&cwd.to_string_lossy()), value);
        Ok(if Path::new(&*p.path).exists() { Some(p) } else { None })
    }

    fn log(&self, _: LogLevel, text: &str) {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "{}", firn_eval::error::strip_ansi(text));
    }
}
