//! `builtin:buildenv`: a folder of symbolic links to the files of several packages, as profiles are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::BuiltinContext;

/// A package of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its folder, as links are to name it.
    pub path: PathBuf,
    /// Whether it is linked at all.
    pub active: bool,
    /// Of two packages with the same file, the one with the lower number wins.
    pub priority: i64,
}

/// Why an environment cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// Two packages of equal priority have the same file.
    #[error("Unable to build profile. There is a conflict for the following files:\n\n  \"{}\"\n  \"{}\"", .first.display(), .second.display())]
    Conflict {
        /// The file that was linked first.
        first: PathBuf,
        /// The file that would take its place.
        second: PathBuf,
        /// The priority of both.
        priority: i64,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<String> for EnvironmentError {
    fn from(text: String) -> Self {
        EnvironmentError::Other(text)
    }
}

/// Names that are never linked, at any depth: they are no use in an environment, or every package has one.
const LEFT_OUT: [&str; 7] = [
    "/propagated-build-inputs",
    "/nix-support",
    "/perllocal.pod",
    "/info/dir",
    "/log",
    "/manifest.nix",
    "/manifest.json",
];

struct State<'a> {
    priorities: BTreeMap<PathBuf, i64>,
    /// Where the files of a path are that links name.
    real: &'a dyn Fn(&Path) -> PathBuf,
    warn: &'a mut dyn FnMut(String),
}

/// Fills the new folder `out` with links to the packages and to those that they propagate. `real` tells where the files of a
/// logical path are.
///
/// # Errors
/// Two packages of equal priority with the same file, a folder that meets a file, or those of the file system.
pub fn build_environment(
    out: &Path,
    mut packages: Vec<Package>,
    real: &dyn Fn(&Path) -> PathBuf,
    warn: &mut dyn FnMut(String),
) -> Result<(), EnvironmentError> {
    packages.sort_by(|a, b| (a.priority, &a.path).cmp(&(b.priority, &b.path)));
    let mut state = State { priorities: BTreeMap::new(), real, warn };
    let mut done = BTreeSet::new();
    let mut postponed = BTreeSet::new();
    for package in packages.into_iter().filter(|p| p.active) {
        add(&mut state, out, &package.path, package.priority, &mut done, &mut postponed)?;
    }
    let mut priority = 1000;
    while !postponed.is_empty() {
        for path in std::mem::take(&mut postponed) {
            add(&mut state, out, &path, priority, &mut done, &mut postponed)?;
            priority += 1;
        }
    }
    Ok(())
}

fn add(
    state: &mut State<'_>,
    out: &Path,
    package: &Path,
    priority: i64,
    done: &mut BTreeSet<PathBuf>,
    postponed: &mut BTreeSet<PathBuf>,
) -> Result<(), EnvironmentError> {
    if !done.insert(package.to_owned()) {
        return Ok(());
    }
    link(state, package, out, priority)?;
    let list = (state.real)(package).join("nix-support/propagated-user-env-packages");
    if let Ok(text) = std::fs::read_to_string(list) {
        let more = text.split([' ', '\n']).filter(|w| !w.is_empty()).map(PathBuf::from);
        postponed.extend(more.filter(|p| !done.contains(p)));
    }
    Ok(())
}

fn failed(what: &str, path: &Path, e: &std::io::Error) -> String {
    let text = e.to_string();
    format!("{what} \"{}\": {}", path.display(), text.split(" (os error").next().unwrap_or_default())
}

/// Links what is in the folder `source` from the folder `target`.
fn link(state: &mut State<'_>, source: &Path, target: &Path, priority: i64) -> Result<(), EnvironmentError> {
    let real_source = (state.real)(source);
    let entries = match std::fs::read_dir(&real_source) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => {
            let text = format!(
                "not including \"{}\" in the user environment because it's not a directory",
                source.display()
            );
            (state.warn)(text);
            return Ok(());
        }
        Err(e) => return Err(failed("reading directory", source, &e).into()),
    };
    for entry in entries {
        let name = entry.map_err(|e| failed("reading directory", source, &e))?.file_name();
        if name.as_encoded_bytes().first() == Some(&b'.') {
            continue;
        }
        link_one(state, &source.join(&name), &real_source.join(&name), &target.join(&name), priority)?;
    }
    Ok(())
}

fn link_one(
    state: &mut State<'_>,
    source: &Path,
    real: &Path,
    target: &Path,
    priority: i64,
) -> Result<(), EnvironmentError> {
    // links inside a store that lies elsewhere lead to logical paths
    let Some(meta) = follow(state, real) else {
        (state.warn)(format!("skipping dangling symlink '{}'", target.display()));
        return Ok(());
    };
    if LEFT_OUT.iter().any(|end| source.as_os_str().as_encoded_bytes().ends_with(end.as_bytes())) {
        return Ok(());
    }
    let there = target.symlink_metadata().ok();
    match (meta.is_dir(), there) {
        (true, Some(there)) if there.is_dir() => return link(state, source, target, priority),
        (true, Some(there)) if there.is_symlink() => {
            let old = std::fs::read_link(target).map_err(|e| failed("reading symbolic link", target, &e))?;
            let real_old = (state.real)(&old);
            if !follow(state, &real_old).is_some_and(|m| m.is_dir()) {
                return Err(EnvironmentError::Other(format!(
                    "collision between \"{}\" and non-directory \"{}\"",
                    source.display(),
                    old.display()
                )));
            }
            std::fs::remove_file(target).map_err(|e| failed("deleting", target, &e))?;
            std::fs::create_dir(target).map_err(|e| failed("creating directory", target, &e))?;
            let old_priority = state.priorities.get(target).copied().unwrap_or(0);
            link(state, &old, target, old_priority)?;
            return link(state, source, target, priority);
        }
        (false, Some(there)) if there.is_symlink() => {
            let old_priority = state.priorities.get(target).copied().unwrap_or(0);
            if old_priority == priority {
                let old =
                    std::fs::read_link(target).map_err(|e| failed("reading symbolic link", target, &e))?;
                return Err(EnvironmentError::Conflict { first: old, second: source.to_owned(), priority });
            }
            if old_priority < priority {
                return Ok(());
            }
            std::fs::remove_file(target).map_err(|e| failed("deleting", target, &e))?;
        }
        (false, Some(there)) if there.is_dir() => {
            return Err(EnvironmentError::Other(format!(
                "collision between non-directory '{}' and directory '{}'",
                source.display(),
                target.display()
            )));
        }
        _ => {}
    }
    symlink(source, target).map_err(|e| failed("creating symlink", target, &e))?;
    state.priorities.insert(target.to_owned(), priority);
    Ok(())
}

/// What is at the end of a chain of links, where links may name logical paths.
fn follow(state: &State<'_>, path: &Path) -> Option<Metadata> {
    let mut path = path.to_owned();
    for _ in 0..40 {
        if let Ok(meta) = path.metadata() {
            return Some(meta);
        }
        let target = std::fs::read_link(&path).ok()?;
        path = if target.is_absolute() { (state.real)(&target) } else { path.parent()?.join(target) };
    }
    None
}

pub(super) fn buildenv(context: &BuiltinContext<'_>) -> Result<(), String> {
    let out = context.output("out")?.to_owned();
    std::fs::create_dir_all(&out).map_err(|e| failed("creating directory", &out, &e))?;
    let packages = parse_packages(context.require("derivations")?)?;
    let real = |p: &Path| p.to_str().map_or_else(|| p.to_owned(), |p| context.real_path(p));
    let mut warn = |text: String| {
        context.events.warn(text.clone());
        context.log(&format!("warning: {text}"));
    };
    build_environment(&out, packages, &real, &mut warn).map_err(|e| e.to_string())?;
    let manifest = context.require("manifest")?;
    let link = out.join("manifest.nix");
    symlink(manifest, &link).map_err(|e| failed("creating symlink", &link, &e))
}

/// The variable `derivations`: for each package whether it is active, its priority, how many outputs, and these.
fn parse_packages(text: &str) -> Result<Vec<Package>, String> {
    let mut words = text.split_whitespace();
    let mut packages = Vec::new();
    while let Some(active) = words.next() {
        let mut number = |what: &str| -> Result<i64, String> {
            let word = words.next().unwrap_or_default();
            word.parse().map_err(|_| format!("'{word}' is not a {what} in the attribute 'derivations'"))
        };
        let priority = number("priority")?;
        let outputs = number("number of outputs")?;
        for _ in 0..outputs {
            let path = words.next().ok_or_else(|| "the attribute 'derivations' ends too early".to_owned())?;
            packages.push(Package { path: path.into(), active: active != "false", priority });
        }
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(root: &Path, files: &[&str]) {
        for f in files {
            let path = root.join(f);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, f).expect("a file");
        }
    }

    fn build(packages: &[(&Path, i64)]) -> (tempfile::TempDir, Result<(), EnvironmentError>, Vec<String>) {
        let out = tempfile::tempdir().expect("a folder");
        let packages =
            packages.iter().map(|(p, n)| Package { path: (*p).to_owned(), active: true, priority: *n });
        let mut warnings = Vec::new();
        let result =
            build_environment(out.path(), packages.collect(), &Path::to_owned, &mut |w| warnings.push(w));
        (out, result, warnings)
    }

    #[test]
    fn folders_are_merged_and_single_ones_linked() {
        let dir = tempfile::tempdir().expect("a folder");
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        tree(&a, &["bin/x", "share/man/x.1", ".hidden", "nix-support/setup"]);
        tree(&b, &["bin/y", "lib/z"]);
        let (out, result, _) = build(&[(&a, 5), (&b, 5)]);
        assert_eq!(result, Ok(()));
        let link = |p: &str| std::fs::read_link(out.path().join(p)).ok();
        assert_eq!(link("bin/x"), Some(a.join("bin/x")));
        assert_eq!(link("bin/y"), Some(b.join("bin/y")));
        assert_eq!(link("share"), Some(a.join("share")));
        assert_eq!(link("lib"), Some(b.join("lib")));
        assert!(link(".hidden").is_none() && link("nix-support").is_none());
    }

    #[test]
    fn the_lower_priority_wins_and_equal_ones_conflict() {
        let dir = tempfile::tempdir().expect("a folder");
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        tree(&a, &["bin/x"]);
        tree(&b, &["bin/x"]);
        let (out, result, _) = build(&[(&a, 5), (&b, 4)]);
        assert_eq!(result, Ok(()));
        assert_eq!(std::fs::read_link(out.path().join("bin/x")).ok(), Some(b.join("bin/x")));
        let (_out, result, _) = build(&[(&a, 5), (&b, 5)]);
        assert!(result.is_err_and(|e| e.to_string().contains("conflict")));
    }

    #[test]
    fn propagated_packages_come_last_and_dangling_links_are_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        tree(&a, &["bin/x"]);
        tree(&b, &["bin/x", "bin/y"]);
        std::fs::create_dir(a.join("nix-support")).expect("a folder");
        std::fs::write(a.join("nix-support/propagated-user-env-packages"), format!("{}\n", b.display()))
            .expect("a file");
        symlink("nowhere", a.join("bin/broken")).expect("a link");
        let (out, result, warnings) = build(&[(&a, 5)]);
        assert_eq!(result, Ok(()));
        assert_eq!(std::fs::read_link(out.path().join("bin/x")).ok(), Some(a.join("bin/x")));
        assert_eq!(std::fs::read_link(out.path().join("bin/y")).ok(), Some(b.join("bin/y")));
        assert!(warnings.iter().any(|w| w.contains("dangling")), "{warnings:?}");
    }

    #[test]
    fn package_lists_are_checked() {
        assert_eq!(parse_packages("true 5 2 /a /b false 6 1 /c").map(|p| p.len()), Ok(3));
        assert!(parse_packages("true x 1 /a").is_err());
        assert!(parse_packages("true 5 3 /a").is_err());
    }
}
