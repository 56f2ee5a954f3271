//! The lock: which packages of the archive, at which version, and the units that they become.
//!
//! The file format is JSON, described in `base/README-debian.md`. Reading refuses what Nix code would stumble over later (a unit that names
//! no known package, a cycle); writing puts one entry on a line with sorted keys, so equal locks are equal files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::DebError;

/// The number of the format that this code reads and writes.
pub const LOCK_VERSION: u32 = 1;

/// A whole lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Always [`LOCK_VERSION`].
    pub version: u32,
    /// Debian's name of the architecture: `amd64`.
    pub architecture: String,
    /// Bases of addresses, each ending in `/`, in the order to try; an address is one of these followed by a `path`.
    pub mirrors: Vec<String>,
    /// The signed indexes that the lock was made from.
    pub suites: Vec<Suite>,
    /// Units that packages use without naming them, in an order in which each only needs earlier ones.
    pub essential: Vec<String>,
    /// The binary packages by name.
    pub packages: BTreeMap<String, Package>,
    /// The units by the name of their main package.
    pub units: BTreeMap<String, Unit>,
    /// The source packages by name.
    pub sources: BTreeMap<String, Source>,
}

/// One signed index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The suite's code name, as in the address: `trixie`.
    pub suite: String,
    /// The component: `main`.
    pub component: String,
    /// The archive's base, ending in `/`.
    pub url: String,
    /// The release's own version, `13.7`; empty if it says none.
    pub release: String,
    /// The date that the release gives, as it is written there.
    pub date: String,
    /// SHA-256 of `Packages.xz`, base 16.
    pub packages: String,
    /// SHA-256 of `Sources.xz`, base 16; empty if no source package is locked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sources: String,
}

/// One binary package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The version, with epoch and revision.
    pub version: String,
    /// Path below a mirror.
    pub path: String,
    /// SHA-256 of the file, base 16.
    pub sha256: String,
    /// Size of the file in bytes.
    pub size: u64,
    /// The archive's estimate of the size on disk, in KiB.
    pub installed: u64,
    /// The source package, if its name is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// First line of the description.
    pub description: String,
    /// The project's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
}

/// One derivation: a package, a dependency cycle, or a group that shares a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The packages in it; the first gives name and version.
    pub packages: Vec<String>,
    /// The units that it depends on directly, sorted.
    pub depends: Vec<String>,
    /// Set where the unit may not use all of [`Lock::essential`], being part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub essential: Option<Vec<String>>,
}

/// One source package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The version, with epoch and revision.
    pub version: String,
    /// Its files, sorted by path.
    pub files: Vec<SourceFile>,
}

/// One file of a source package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Path below a mirror.
    pub path: String,
    /// SHA-256 of the file, base 16.
    pub sha256: String,
    /// Size of the file in bytes.
    pub size: u64,
}

impl Lock {
    /// Reads a lock; `what` names the file in errors.
    pub fn parse(text: &str, what: &str) -> Result<Lock, DebError> {
        let invalid = |reason: String| DebError::Lock { what: what.to_owned(), reason };
        let lock: Lock = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        lock.check().map_err(invalid)?;
        Ok(lock)
    }

    /// Checks what the types do not say: version, hashes, paths, that units partition the packages and have no cycle.
    fn check(&self) -> Result<(), String> {
        if self.version != LOCK_VERSION {
            return Err(format!("its version is {}, this program knows {LOCK_VERSION}", self.version));
        }
        for (name, package) in &self.packages {
            check_file(name, &package.path, &package.sha256)?;
        }
        for (name, source) in &self.sources {
            source.files.iter().try_for_each(|file| check_file(name, &file.path, &file.sha256))?;
        }
        let mut members = BTreeSet::new();
        for (name, unit) in &self.units {
            if unit.packages.first() != Some(name) {
                return Err(format!("unit '{name}' is not called after its first package"));
            }
            for package in &unit.packages {
                if !self.packages.contains_key(package) {
                    return Err(format!("unit '{name}' has the unknown package '{package}'"));
                }
                if !members.insert(package) {
                    return Err(format!("package '{package}' is in two units"));
                }
            }
            for other in unit.depends.iter().chain(unit.essential.iter().flatten()) {
                if !self.units.contains_key(other) {
                    return Err(format!("unit '{name}' needs the unknown unit '{other}'"));
                }
            }
        }
        if let Some(unknown) = self.essential.iter().find(|unit| !self.units.contains_key(*unit)) {
            return Err(format!("the essential unit '{unknown}' does not exist"));
        }
        match self.packages.keys().find(|package| !members.contains(package)) {
            Some(lost) => Err(format!("package '{lost}' is in no unit")),
            None => self.order().map(drop),
        }
    }

    /// Gives the units in an order in which each comes after everything that it needs, or the name of a unit in a cycle.
    pub fn order(&self) -> Result<Vec<&str>, String> {
        let mut state: BTreeMap<&str, bool> = BTreeMap::new();
        let mut order = Vec::with_capacity(self.units.len());
        for start in self.units.keys() {
            let mut stack = vec![(start.as_str(), false)];
            while let Some((name, leaving)) = stack.pop() {
                if leaving {
                    state.insert(name, true);
                    order.push(name);
                    continue;
                }
                match state.get(name) {
                    Some(true) => continue,
                    Some(false) => return Err(format!("unit '{name}' depends on itself")),
                    None => {}
                }
                state.insert(name, false);
                stack.push((name, true));
                if let Some(unit) = self.units.get(name) {
                    let essential = unit.essential.as_ref().unwrap_or(&self.essential);
                    for other in unit.depends.iter().chain(essential).rev() {
                        match state.get(other.as_str()) {
                            Some(true) => {}
                            Some(false) => return Err(format!("unit '{other}' depends on itself")),
                            None => stack.push((other, false)),
                        }
                    }
                }
            }
        }
        Ok(order)
    }

    /// Gives the file's text.
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(400 * self.packages.len());
        let _ = writeln!(text, "{{ \"version\": {},", self.version);
        let _ = writeln!(text, "  \"architecture\": {},", json(&self.architecture));
        let _ = writeln!(text, "  \"mirrors\": {},", json(&self.mirrors));
        let suites: Vec<String> = self.suites.iter().map(json).collect();
        let _ = writeln!(text, "  \"suites\": [\n    {}\n  ],", suites.join(",\n    "));
        let _ = writeln!(text, "  \"essential\": {},", json(&self.essential));
        render_map(&mut text, "packages", &self.packages);
        text.push_str(",\n");
        render_map(&mut text, "units", &self.units);
        text.push_str(",\n");
        render_map(&mut text, "sources", &self.sources);
        text.push_str("\n}\n");
        text
    }

    /// The addresses to try for a path, in order.
    pub fn urls(&self, path: &str) -> Vec<String> {
        self.mirrors.iter().map(|mirror| format!("{mirror}{path}")).collect()
    }
}

fn render_map<T: Serialize>(text: &mut String, name: &str, map: &BTreeMap<String, T>) {
    let _ = write!(text, "  {}: {{", json(name));
    for (index, (key, value)) in map.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\n    {}: {}", json(key), json(value));
    }
    text.push_str("\n  }");
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("strings, numbers and lists always serialise")
}

fn check_file(name: &str, path: &str, sha256: &str) -> Result<(), String> {
    let safe = !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !safe || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("'{name}' has the invalid path '{path}'"));
    }
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(format!("'{name}' has the invalid hash '{sha256}'"));
    }
    Ok(())
}
