//! Unit files as systemd reads them, and how two states of one unit differ.
//!
//! Format: systemd.syntax(7): sections, keys that may occur several times, an empty value forgets what came before, comments,
//! lines continued by a backslash, drop-ins in `NAME.d/*.conf`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Error, files};

/// A unit: the values of each key, by section.
pub type Unit = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Adds the text of a file to a unit.
pub fn parse_into(unit: &mut Unit, text: &str) {
    let mut section = String::new();
    let mut pending = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(start) = line.strip_suffix('\\') {
            pending += start;
            pending.push(' ');
            continue;
        }
        let line = std::mem::take(&mut pending) + line;
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.to_owned();
            unit.entry(section.clone()).or_default();
        } else if let Some((key, value)) = line.split_once('=') {
            let values = unit.entry(section.clone()).or_default().entry(key.trim().to_owned()).or_default();
            match value.trim() {
                "" => values.clear(),
                value => values.push(value.to_owned()),
            }
        }
    }
}

/// Where the units of a configuration are: the folder of `/etc` first, then that of the packages.
#[derive(Clone, Debug)]
pub struct Folders(pub Vec<PathBuf>);

impl Folders {
    /// The file of a unit; an instance of a template has the template's unless it has its own.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let lookup = |name: &str| self.0.iter().map(|f| f.join(name)).find(|p| p.exists() || p.is_symlink());
        lookup(name).or_else(|| lookup(&template(name)?))
    }

    /// Whether a unit is masked: a link to `/dev/null`, or an empty file.
    pub fn is_masked(&self, name: &str) -> bool {
        self.find(name).is_some_and(|p| {
            std::fs::canonicalize(&p).is_ok_and(|p| p == Path::new("/dev/null"))
                || p.metadata().is_ok_and(|m| m.is_file() && m.len() == 0)
        })
    }

    /// A unit with its drop-ins, if it is there.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Unit>, Error> {
        let Some(path) = self.find(name) else { return Ok(None) };
        let mut unit = Unit::new();
        parse_into(&mut unit, &files::text_or_empty(&path)?);
        let names: Vec<String> = template(name).into_iter().chain([name.to_owned()]).collect();
        for name in names {
            // A drop-in of a folder that comes first hides others of its name.
            let mut found = BTreeMap::new();
            for folder in self.0.iter().rev() {
                let Ok(entries) = std::fs::read_dir(folder.join(format!("{name}.d"))) else { continue };
                for entry in entries.flatten() {
                    let file = entry.file_name().to_string_lossy().into_owned();
                    if file.ends_with(".conf") {
                        found.insert(file, entry.path());
                    }
                }
            }
            for path in found.values() {
                parse_into(&mut unit, &files::text_or_empty(path)?);
            }
        }
        Ok(Some(unit))
    }
}

/// `foo@.service` of `foo@bar.service`.
fn template(name: &str) -> Option<String> {
    let at = name.find('@')?;
    let dot = name.rfind('.').filter(|d| *d > at + 1)?;
    Some(format!("{}@{}", &name[..at], &name[dot..]))
}

/// The last value of a key.
pub fn value<'a>(unit: &'a Unit, section: &str, key: &str) -> Option<&'a str> {
    unit.get(section)?.get(key)?.last().map(String::as_str)
}

/// A truth value of a key, as systemd spells them.
pub fn flag(unit: &Unit, section: &str, key: &str, default: bool) -> bool {
    match value(unit, section, key) {
        Some(v) => matches!(v.to_ascii_lowercase().as_str(), "1" | "yes" | "true" | "on" | "y" | "t"),
        None => default,
    }
}

/// How two states of a unit differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Not in what it does.
    Equal,
    /// So that reloading is enough.
    NeedsReload,
    /// So that it must start anew.
    NeedsRestart,
}

/// Keys of `[Unit]` that do not change what a running unit does.
const IGNORED: [&str; 15] = [
    "X-Reload-Triggers",
    "Description",
    "Documentation",
    "OnFailure",
    "OnSuccess",
    "OnFailureJobMode",
    "IgnoreOnIsolate",
    "StopWhenUnneeded",
    "RefuseManualStart",
    "RefuseManualStop",
    "AllowIsolate",
    "CollectMode",
    "SourcePath",
    "X-StopOnRemoval",
    "X-OnlyManualStart",
];

/// Compares two states of a unit.
pub fn compare(old: &Unit, new: &Unit) -> Difference {
    let empty = BTreeMap::new();
    let mut result = Difference::Equal;
    let sections = old.keys().chain(new.keys()).collect::<std::collections::BTreeSet<_>>();
    for section in sections {
        if section == "Install" {
            continue;
        }
        let (a, b) = (old.get(section).unwrap_or(&empty), new.get(section).unwrap_or(&empty));
        for key in a.keys().chain(b.keys()).collect::<std::collections::BTreeSet<_>>() {
            let none = Vec::new();
            let (x, y) = (a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none));
            if x == y {
                continue;
            }
            match (section.as_str(), key.as_str()) {
                ("Unit", "X-Reload-Triggers") if !y.is_empty() => result = Difference::NeedsReload,
                ("Unit", key) if IGNORED.contains(&key) => {}
                (
                    "Service",
                    "ExecReload"
                    | "X-RestartIfChanged"
                    | "X-ReloadIfChanged"
                    | "X-StopIfChanged"
                    | "X-NotSocketActivated",
                ) => {}
                ("Mount", "Options") => result = Difference::NeedsReload,
                _ => return Difference::NeedsRestart,
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Unit {
        let mut unit = Unit::new();
        parse_into(&mut unit, text);
        unit
    }

    #[test]
    fn files_are_read_as_systemd_reads_them() {
        let u = unit(
            "# c\n[Service]\nExecStart=a \\\n  b\nExecStart=\nExecStart= c\nEnvironment=A=B\n;x\n[Unit]\nX=Yes\n",
        );
        assert_eq!(u["Service"]["ExecStart"], ["c"]);
        assert_eq!(value(&u, "Service", "Environment"), Some("A=B"));
        assert!(flag(&u, "Unit", "X", false) && flag(&u, "Unit", "Y", true) && !flag(&u, "Unit", "Y", false));
        assert_eq!(unit("[Service]\nExecStart=a \\\n  b\n")["Service"]["ExecStart"], ["a  b"]);
        assert_eq!(template("foo@bar.service").as_deref(), Some("foo@.service"));
        assert_eq!((template("foo.service"), template("foo@.service")), (None, None));
    }

    #[test]
    fn the_kinds_of_difference() {
        use Difference::{Equal, NeedsReload, NeedsRestart};
        for (old, new, expected) in [
            ("[Unit]\nDescription=a", "[Unit]\nDescription=b\nDocumentation=x", Equal),
            ("[Install]\nWantedBy=a", "", Equal),
            ("[Unit]\nAfter=a", "[Unit]\nAfter=b", NeedsRestart),
            ("[Service]\nExecReload=a", "[Service]\nExecReload=b", Equal),
            ("[Service]\nExecStart=a", "[Service]\nExecStart=b", NeedsRestart),
            ("[Unit]\nX-Reload-Triggers=a", "[Unit]\nX-Reload-Triggers=b", NeedsReload),
            ("[Unit]\nX-Reload-Triggers=a", "[Unit]", Equal),
            (
                "[Unit]\nX-Reload-Triggers=a\n[Service]\nUser=a",
                "[Unit]\nX-Reload-Triggers=b\n[Service]\nUser=b",
                NeedsRestart,
            ),
            ("[Mount]\nWhat=a\nOptions=x", "[Mount]\nWhat=a\nOptions=y", NeedsReload),
            ("[Mount]\nWhat=a", "[Mount]\nWhat=b", NeedsRestart),
            (
                "[Service]\nEnvironment=A=1\nEnvironment=B=2",
                "[Service]\nEnvironment=B=2\nEnvironment=A=1",
                NeedsRestart,
            ),
        ] {
            assert_eq!(compare(&unit(old), &unit(new)), expected, "{old} -> {new}");
        }
    }
}
