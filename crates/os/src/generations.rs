//! Generations of a machine: links `NAME-N-link` in a folder of profiles, and what each of them is.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

use crate::{Error, files};

/// A generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub number: u64,
    /// Its link.
    pub link: PathBuf,
    /// The configuration that it is.
    pub toplevel: PathBuf,
    /// When it was made.
    pub made: SystemTime,
    /// Whether the profile points to it.
    pub current: bool,
}

/// All generations of a profile, the oldest first. A link to what is no longer there is passed over.
///
/// # Errors
/// Those of the file system; a profile that is not there has none.
pub fn list(profile: &Path) -> Result<Vec<Generation>, Error> {
    let folder = profile.parent().unwrap_or(Path::new("/"));
    let name = profile.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let current = std::fs::read_link(profile).ok().and_then(|t| Some(t.file_name()?.to_owned()));
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::file("reading folder", folder)(e)),
    };
    let mut out = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::file("reading folder", folder))?;
        let file = entry.file_name();
        let text = file.to_string_lossy();
        let number = text
            .strip_prefix(&name)
            .and_then(|t| t.strip_prefix('-')?.strip_suffix("-link"))
            .and_then(|n| n.parse().ok());
        let (Some(number), Ok(toplevel)) = (number, std::fs::canonicalize(entry.path())) else { continue };
        let made = entry.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let is_current = current.as_deref() == Some(file.as_os_str());
        out.push(Generation { number, link: entry.path(), toplevel, made, current: is_current });
    }
    out.sort_by_key(|g| g.number);
    Ok(out)
}

/// What `boot.json` says (RFC 125).
#[derive(Clone, Debug, Deserialize)]
pub struct BootSpec {
    /// Version 1 of the document.
    #[serde(rename = "org.nixos.bootspec.v1")]
    pub v1: BootSpecV1,
}

/// Version 1.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // the fields of RFC 125
pub struct BootSpecV1 {
    pub system: String,
    pub kernel: PathBuf,
    pub kernel_params: Vec<String>,
    pub label: String,
    pub init: PathBuf,
    pub toplevel: PathBuf,
    pub initrd: Option<PathBuf>,
}

impl BootSpecV1 {
    /// Reads the document of a configuration.
    ///
    /// # Errors
    /// It has none, or it is not one.
    pub fn read(toplevel: &Path) -> Result<BootSpecV1, Error> {
        let path = toplevel.join("boot.json");
        let spec: BootSpec = serde_json::from_str(&files::text(&path)?)
            .map_err(|e| Error::Format { path: path.clone(), why: e.to_string() })?;
        Ok(spec.v1)
    }
}

/// The names of the variants that a configuration has.
pub fn specialisations(toplevel: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(toplevel.join("specialisation")) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a list of generations shows of one beside its number and date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The version of the release.
    pub version: String,
    /// The kernel's version; empty without a kernel.
    pub kernel: String,
    /// The configuration's revision; empty if it has none.
    pub revision: String,
    /// Variants.
    pub specialisations: Vec<String>,
}

/// Reads these of a configuration; what is not there is empty.
pub fn details(toplevel: &Path) -> Details {
    let text =
        |name: &str| std::fs::read_to_string(toplevel.join(name)).unwrap_or_default().trim().to_owned();
    let kernel = std::fs::read_dir(toplevel.join("kernel-modules/lib/modules"))
        .ok()
        .and_then(|mut entries| entries.next()?.ok())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .unwrap_or_default();
    Details {
        version: text("nixos-version"),
        kernel,
        revision: text("configuration-revision"),
        specialisations: specialisations(toplevel),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn generations_are_sorted_by_number_and_dangling_ones_left_out() {
        let dir = tempfile::tempdir().expect("a folder");
        let top = dir.path().join("top");
        std::fs::create_dir_all(top.join("specialisation/b")).expect("a folder");
        std::fs::write(top.join("nixos-version"), "26.11\n").expect("a file");
        let profile = dir.path().join("system");
        for (name, target) in [
            ("system-10-link", "top"),
            ("system-2-link", "top"),
            ("system-3-link", "gone"),
            ("other-1-link", "top"),
            ("system", "system-2-link"),
        ] {
            symlink(target, dir.path().join(name)).expect("a link");
        }
        let found = list(&profile).expect("generations");
        assert_eq!(found.iter().map(|g| (g.number, g.current)).collect::<Vec<_>>(), [(2, true), (10, false)]);
        let details = details(&found[0].toplevel);
        assert_eq!((details.version.as_str(), details.specialisations), ("26.11", vec!["b".to_owned()]));
        assert!(list(Path::new("/no/such/profile")).expect("none").is_empty());
    }
}
