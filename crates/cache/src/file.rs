//! Caches in a folder: `file://`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use firn_store::StoreError;

use crate::error::CacheError;
use crate::medium::{Medium, ReadFile, Upload};

/// A folder.
#[derive(Debug)]
pub(crate) struct FileMedium {
    root: PathBuf,
}

impl FileMedium {
    pub(crate) fn new(root: PathBuf) -> Self {
        FileMedium { root }
    }

    fn path(&self, name: &str) -> Result<PathBuf, CacheError> {
        let name = name.split('?').next().unwrap_or_default();
        // names come from narinfos: nothing outside of the folder
        let climbs = name.split('/').any(|part| part == "..");
        if name.is_empty() || climbs || name.contains("://") {
            return Err(CacheError::Parameter(format!("'{name}' is no file of '{}'", self.uri())));
        }
        Ok(self.root.join(name.trim_start_matches('/')))
    }

    fn error(action: &str, path: &Path, e: &std::io::Error) -> CacheError {
        let text = e.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        CacheError::Parameter(format!("{action} \"{}\": {text}", path.display()))
    }
}

impl Medium for FileMedium {
    fn uri(&self) -> String {
        format!("file://{}", self.root.display())
    }

    fn is_remote(&self) -> bool {
        false
    }

    fn get(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, CacheError> {
        let path = self.path(name)?;
        match std::fs::read(&path) {
            Ok(data) if data.len() > limit => {
                Err(CacheError::Parameter(format!("file \"{}\" is too long", path.display())))
            }
            Ok(data) => Ok(Some(data)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Self::error("reading file", &path, &e)),
        }
    }

    fn read(&self, name: &str, read: &mut ReadFile<'_>) -> Result<bool, StoreError> {
        let path = self.path(name)?;
        match File::open(&path) {
            Ok(mut file) => read(&mut file).map(|()| true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Self::error("opening file", &path, &e).into()),
        }
    }

    fn exists(&self, name: &str) -> Result<bool, CacheError> {
        Ok(self.path(name)?.exists())
    }

    fn put(&self, name: &str, upload: Upload) -> Result<(), CacheError> {
        let path = self.path(name)?;
        let error = |e: &std::io::Error| Self::error("writing file", &path, e);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        std::fs::create_dir_all(&folder).map_err(|e| error(&e))?;
        let file = match upload.file {
            Some(file) => file,
            None => {
                let mut file =
                    tempfile::Builder::new().prefix(".tmp-").tempfile_in(&folder).map_err(|e| error(&e))?;
                let mut reader = (upload.body.open)().map_err(|e| error(&e))?;
                std::io::copy(&mut reader, &mut file).map_err(|e| error(&e))?;
                file
            }
        };
        set_readable(file.as_file()).map_err(|e| error(&e))?;
        file.persist(&path).map_err(|e| error(&e.error))?;
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>, CacheError> {
        let entries =
            std::fs::read_dir(&self.root).map_err(|e| Self::error("reading directory", &self.root, &e))?;
        Ok(entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect())
    }

    fn temp_dir(&self) -> Option<PathBuf> {
        Some(self.root.join("nar"))
    }

    fn prepare(&self) -> Result<(), CacheError> {
        for name in ["nar", "build-trace-v2", "log"] {
            let folder = self.root.join(name);
            std::fs::create_dir_all(&folder).map_err(|e| Self::error("creating directory", &folder, &e))?;
        }
        Ok(())
    }
}

/// As a umask of 022 would have it: temporary files are for their owner only.
fn set_readable(mut file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.flush()?;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}
