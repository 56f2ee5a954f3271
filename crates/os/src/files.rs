//! Files that are there as a whole or not at all.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::Error;

/// A name beside `path`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".tmp-{}", std::process::id()));
    path.with_file_name(name)
}

/// Replaces a file in one step; its contents are on the disk before its name is.
///
/// # Errors
/// Those of the file system.
pub fn write(path: &Path, contents: &[u8], mode: u32) -> Result<(), Error> {
    let temporary = beside(path);
    let _ = std::fs::remove_file(&temporary);
    let done = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(contents)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        sync_folder(path.parent().unwrap_or(Path::new("/")))
    };
    done().map_err(Error::file("writing", path))
}

/// Replaces a symbolic link in one step.
///
/// # Errors
/// Those of the file system.
pub fn link(target: &Path, path: &Path) -> Result<(), Error> {
    if std::fs::read_link(path).is_ok_and(|old| old == target) {
        return Ok(());
    }
    let temporary = beside(path);
    let _ = std::fs::remove_file(&temporary);
    symlink(target, &temporary)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(Error::file("linking", path))
}

/// Makes the names in a folder last.
///
/// # Errors
/// Those of the file system.
pub fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a folder with all above it.
///
/// # Errors
/// Those of the file system.
pub fn folder(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(Error::file("creating folder", path))
}

/// Makes a folder with a mode.
///
/// # Errors
/// Those of the file system.
pub fn folder_with_mode(path: &Path, mode: u32) -> Result<(), Error> {
    folder(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(Error::file("setting the mode of", path))
}

/// A text, empty if there is no such file.
///
/// # Errors
/// The file is there and cannot be read.
pub fn text_or_empty(path: &Path) -> Result<String, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(Error::file("reading", path)(e)),
    }
}

/// A text.
///
/// # Errors
/// It cannot be read.
pub fn text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(Error::file("reading", path))
}
