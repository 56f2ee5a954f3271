//! `builtin:system-path`: the farm of links that a running machine has as `/usr` and as `/run/current-system/sw`.
//!
//! Variables: `packages`, words `PRIORITY:INDEX:PATH,PATH…`; of two packages with the same file the one with the lower priority
//! number wins, and of equal priorities the one listed first. `pathsToLink`, folders that are linked (`/` is all).
//! `layout` must be `1`; it is raised whenever an output would change.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use super::BuiltinContext;

/// What is no use in such a farm: folders of documentation for packagers, and the kernel's modules, which are not part of `/usr`.
const LEFT_OUT: [&str; 6] =
    ["nix-support", "lib/modules", "share/lintian", "share/doc", "share/locale", "share/bug"];

enum Node {
    Folder(BTreeMap<std::ffi::OsString, Node>),
    Link(PathBuf),
}

struct Farm<'a> {
    wanted: Vec<PathBuf>,
    real: &'a dyn Fn(&Path) -> PathBuf,
}

/// Builds the farm.
pub(super) fn system_path(cx: &BuiltinContext<'_>) -> Result<(), String> {
    let layout = cx.require("layout")?;
    if layout != "1" {
        return Err(format!("layout '{layout}' of a system path is not known here, only '1'"));
    }
    let words = |name: &str| cx.variable(name).unwrap_or("").split_whitespace();
    let mut packages = Vec::new();
    for word in words("packages") {
        let mut parts = word.splitn(3, ':');
        let mut number = || parts.next().and_then(|n| n.parse::<i64>().ok());
        let (priority, index) = (number(), number());
        let (Some(priority), Some(index), Some(paths)) = (priority, index, parts.next()) else {
            return Err(format!("'{word}' is not of the form PRIORITY:INDEX:PATH,…"));
        };
        packages.push((priority, index, paths.split(',').map(PathBuf::from).collect::<Vec<_>>()));
    }
    packages.sort();
    let wanted = words("pathsToLink").map(|p| PathBuf::from(p.trim_start_matches('/'))).collect();
    let real = |p: &Path| cx.real_path(&p.to_string_lossy());
    let farm = Farm { wanted, real: &real };
    let mut root = BTreeMap::new();
    for path in packages.into_iter().flat_map(|p| p.2) {
        farm.add(&mut root, &path, &(farm.real)(&path), Path::new("")).map_err(|e| e.to_string())?;
    }
    write(cx.output("out")?, &Node::Folder(root)).map_err(|e| format!("writing the farm: {e}"))
}

impl Farm<'_> {
    /// Whether a path below the top is linked, or leads to what is.
    fn is_wanted(&self, below: &Path) -> bool {
        !LEFT_OUT.iter().any(|l| below == Path::new(l))
            && (self.wanted.is_empty()
                || self.wanted.iter().any(|w| below.starts_with(w) || w.starts_with(below)))
    }

    /// Adds what is in a folder: `logical` is its name for links, `real` where it is now, `below` its place in the farm.
    fn add(
        &self,
        into: &mut BTreeMap<std::ffi::OsString, Node>,
        logical: &Path,
        real: &Path,
        below: &Path,
    ) -> std::io::Result<()> {
        let entries = match std::fs::read_dir(real) {
            Ok(entries) => entries,
            // A package that is a single file has nothing to link.
            Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => return Ok(()),
            Err(e) => return Err(e),
        };
        for entry in entries {
            let name = entry?.file_name();
            let place = below.join(&name);
            let (logical, real) = (logical.join(&name), real.join(&name));
            let meta = real.symlink_metadata()?;
            // A link of that name is meant: the machine's kernel has its modules elsewhere.
            let modules = meta.is_symlink() && place == Path::new("lib/modules");
            if !self.is_wanted(&place) && !modules {
                continue;
            }
            // A link to a folder is taken for the folder where another package has one too.
            let folder = meta.is_dir()
                || (meta.is_symlink() && matches!(into.get(&name), Some(Node::Folder(_))) && real.is_dir());
            if folder {
                if let Some(Node::Link(target)) = into.get(&name) {
                    let target = target.clone();
                    let inside = (self.real)(&target);
                    if !inside.is_dir() {
                        continue;
                    }
                    let mut children = BTreeMap::new();
                    self.add(&mut children, &target, &inside, &place)?;
                    into.insert(name.clone(), Node::Folder(children));
                }
                let node = into.entry(name).or_insert_with(|| Node::Folder(BTreeMap::new()));
                if let Node::Folder(children) = node {
                    self.add(children, &logical, &real, &place)?;
                }
            } else {
                into.entry(name).or_insert_with(|| Node::Link(target_of(&logical, &real, &meta)));
            }
        }
        Ok(())
    }
}

/// What the farm's link names: a link within one folder stays one, since systemd tells a unit's other names by that.
fn target_of(logical: &Path, real: &Path, meta: &Metadata) -> PathBuf {
    if meta.is_symlink() {
        if let Ok(target) = std::fs::read_link(real) {
            let plain = target.components().count() == 1
                && matches!(target.components().next(), Some(Component::Normal(_)));
            if plain && real.exists() {
                return target;
            }
        }
    }
    logical.to_owned()
}

fn write(at: &Path, node: &Node) -> std::io::Result<()> {
    match node {
        Node::Link(target) => symlink(target, at),
        Node::Folder(children) => {
            std::fs::create_dir(at)?;
            children.iter().try_for_each(|(name, child)| write(&at.join(name), child))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(root: &Path, files: &[(&str, &str)]) -> PathBuf {
        for (path, target) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            if target.is_empty() {
                std::fs::write(path, "x").expect("a file")
            } else {
                symlink(target, path).expect("a link")
            }
        }
        root.to_owned()
    }

    #[test]
    fn the_first_package_wins_and_folders_are_joined() {
        let dir = tempfile::tempdir().expect("a folder");
        let one = tree(
            &dir.path().join("one"),
            &[("bin/cc", ""), ("lib64/ld.so", ""), ("nix-support/x", ""), ("share/doc/x", "")],
        );
        let two = tree(
            &dir.path().join("two"),
            &[
                ("bin/cc", ""),
                ("bin/b", ""),
                ("lib/u/a.service", ""),
                ("lib/u/b.service", "a.service"),
                ("var/x", ""),
            ],
        );
        let three = tree(&dir.path().join("three"), &[("bin", "sbin"), ("sbin/three", "")]);
        let farm = Farm {
            wanted: ["bin", "lib", "lib64", "sbin", "share"].map(PathBuf::from).to_vec(),
            real: &|p| p.to_owned(),
        };
        let mut root = BTreeMap::new();
        for package in [&one, &two, &three] {
            farm.add(&mut root, package, package, Path::new("")).expect("a farm");
        }
        let out = dir.path().join("out");
        write(&out, &Node::Folder(root)).expect("a tree");
        let link = |path: &str| std::fs::read_link(out.join(path)).ok();
        assert_eq!(link("bin/cc"), Some(one.join("bin/cc")));
        assert_eq!(link("bin/b"), Some(two.join("bin/b")));
        assert_eq!(link("bin/three"), Some(three.join("bin/three")));
        assert_eq!(link("lib/u/b.service"), Some(PathBuf::from("a.service")));
        assert_eq!(link("lib64/ld.so"), Some(one.join("lib64/ld.so")));
        for absent in ["nix-support", "share/doc", "var"] {
            assert!(!out.join(absent).exists(), "{absent}");
        }
    }
}
