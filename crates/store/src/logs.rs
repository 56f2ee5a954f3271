//! Logs of builds: `drvs/<2 characters>/<rest of the derivation's name>`, plain or compressed with bzip2.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use firn_path::StorePath;

use crate::error::{Context, Result};
use crate::local::LocalStore;
use crate::store::Store;

impl LocalStore {
    /// Where the log of a derivation is, without the ending of a compressed one.
    pub fn log_path(&self, drv: &StorePath) -> PathBuf {
        place(&self.config.log_dir, drv)
    }

    /// Writes the log of a derivation, compressed, unless there is one.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn add_build_log(&self, drv: &StorePath, log: &[u8]) -> Result<()> {
        let mut name = self.log_path(drv).into_os_string();
        name.push(".bz2");
        let path = PathBuf::from(name);
        if path.exists() {
            return Ok(());
        }
        crate::gc::make_parent(&path)?;
        let mut beside = path.clone().into_os_string();
        beside.push(format!(".tmp.{}", std::process::id()));
        let beside = PathBuf::from(beside);
        let file = std::fs::File::create(&beside).context("creating file", &beside)?;
        let mut out = bzip2::write::BzEncoder::new(file, bzip2::Compression::best());
        out.write_all(log).context("writing to", &beside)?;
        out.finish().context("writing to", &beside)?;
        std::fs::rename(&beside, &path).context("renaming to", &path)
    }

    /// The implementation of [`Store::build_log`].
    pub(crate) fn build_log_local(&self, path: &StorePath) -> Result<Option<Vec<u8>>> {
        let drv = if path.is_derivation() {
            path.clone()
        } else {
            match self.path_info(path)?.and_then(|info| info.deriver.clone()) {
                Some(drv) => drv,
                None => return Ok(None),
            }
        };
        read_build_log(&self.config.log_dir, &drv)
    }
}

fn place(log_dir: &Path, drv: &StorePath) -> PathBuf {
    let name = drv.base_name();
    log_dir.join("drvs").join(&name[..2]).join(&name[2..])
}

/// The log of a derivation's build below a folder of logs, decompressed; `None` if there is none.
///
/// # Errors
/// Those of the file system.
pub fn read_build_log(log_dir: &Path, drv: &StorePath) -> Result<Option<Vec<u8>>> {
    let plain = place(log_dir, drv);
    match std::fs::read(&plain) {
        Ok(log) => return Ok(Some(log)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(e).context("reading file", &plain),
    }
    let mut name = plain.into_os_string();
    name.push(".bz2");
    let compressed = PathBuf::from(name);
    let file = match std::fs::File::open(&compressed) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).context("opening file", &compressed),
    };
    let mut log = Vec::new();
    // the log of a running or killed build ends early; what is there is shown
    let read = bzip2::read::MultiBzDecoder::new(file).read_to_end(&mut log);
    match read {
        Err(e) if log.is_empty() && e.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(e).context("decompressing", &compressed)
        }
        _ => Ok(Some(log)),
    }
}
