//! The disk of a virtual machine: kept where its file is there, made anew where not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Spec;
use crate::{Error, Say};

/// What `auto` means for a size, in MiB.
const AUTO: u64 = 4096;

/// The disk's file and format, made if it is not there; none for a machine that lives in memory.
///
/// # Errors
/// A program of the base that fails, or the file system.
pub fn prepare(
    spec: &Spec,
    from_env: Option<&str>,
    say: &mut dyn Say,
) -> Result<Option<(PathBuf, &'static str)>, Error> {
    let Some(image) = &spec.disk_image else { return Ok(None) };
    // An empty variable means what an unset one does.
    let path = std::path::absolute(from_env.filter(|v| !v.is_empty()).unwrap_or(image))
        .map_err(Error::file("finding", Path::new(image)))?;
    if !path.exists() {
        create(spec, &path, say)?;
    }
    let format = format(&path)?;
    Ok(Some((path, format)))
}

/// `qcow2` by the first bytes of the file, else `raw`.
fn format(path: &Path) -> Result<&'static str, Error> {
    use std::io::Read;
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(Error::file("opening", path))?;
    file.take(4).read_to_end(&mut head).map_err(Error::file("reading", path))?;
    Ok(if head == b"QFI\xfb" { "qcow2" } else { "raw" })
}

fn create(spec: &Spec, path: &Path, say: &mut dyn Say) -> Result<(), Error> {
    let size = spec.disk_size.as_u64().unwrap_or(AUTO);
    say.say(&format!(
        "Disk image does not exist, creating the virtualisation disk image ({size} MiB) in '{}'...",
        path.display()
    ));
    let raw = suffixed(path, ".raw");
    let new = suffixed(path, ".new");
    let done = || -> Result<(), Error> {
        empty(&raw, size)?;
        if spec.format {
            run(Command::new(&spec.tools.mkfs)
                .args([
                    "-q",
                    "-t",
                    "ext4",
                    "-L",
                    "nixos",
                    "-E",
                    "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
                ])
                .arg(&raw))?;
        }
        run(Command::new(&spec.tools.img).args(["convert", "-f", "raw", "-O", "qcow2"]).arg(&raw).arg(&new))?;
        // The disk appears when it is complete.
        std::fs::rename(&new, path).map_err(Error::file("creating", path))
    };
    let result = done();
    let _ = std::fs::remove_file(&raw);
    let _ = std::fs::remove_file(&new);
    result
}

/// A file of `size` MiB that takes no space yet.
///
/// # Errors
/// Those of the file system.
pub fn empty(path: &Path, size: u64) -> Result<(), Error> {
    std::fs::File::create(path).and_then(|f| f.set_len(size << 20)).map_err(Error::file("creating", path))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn run(command: &mut Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let out = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::Program(format!("'{program}' could not be started: {e}")))?;
    if out.status.success() {
        return Ok(());
    }
    Err(Error::Program(format!(
        "'{program}' failed ({}): {}",
        out.status,
        String::from_utf8_lossy(&out.stderr).trim()
    )))
}
