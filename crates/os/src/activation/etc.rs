//! `/etc`: links to the files of the configuration.
//!
//! `/etc/static` is the configuration's folder, and every file of it is a link through it, so that replacing that one link
//! replaces all contents at once. Files with a mode of their own are copies; their names are kept in `/etc/.clean`, as
//! `special/modes` of the folder lists them: name, tab, mode, owner, group (or `direct-symlink`).

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use super::users::Names;
use crate::{Error, files};

struct Special {
    mode: String,
    owner: String,
    group: String,
}

/// Makes `root/etc` what the configuration wants; files that others put there stay.
///
/// # Errors
/// Those of the file system.
pub fn update(root: &Path, toplevel: &Path) -> Result<(), Error> {
    let etc = root.join("etc");
    files::folder(&etc)?;
    let source =
        std::fs::canonicalize(toplevel.join("etc")).map_err(Error::file("reading", &toplevel.join("etc")))?;
    let specials = read_specials(&toplevel.join("etc-special/modes"))?;
    let mut wanted = BTreeSet::new();
    list(&source, Path::new(""), &mut wanted)?;

    // New names first go through the new folder, so that nothing dangles in between.
    let before = files::text_or_empty(&etc.join(".clean"))?;
    files::link(&source, &etc.join("static"))?;
    let names = Names::read(root)?;
    let mut copies = Vec::new();
    for name in &wanted {
        let place = etc.join(name);
        make_room(&etc, name)?;
        match specials.get(name.as_path()) {
            None => files::link(&Path::new("/etc/static").join(name), &place)?,
            Some(special) if special.mode == "direct-symlink" => {
                let file = source.join(name);
                let target = std::fs::read_link(&file).map_err(Error::file("reading", &file))?;
                files::link(&target, &place)?;
            }
            Some(special) => {
                copy(&source.join(name), &place, special, &names)?;
                copies.push(name.to_string_lossy().into_owned());
            }
        }
    }
    remove_stale(&etc, &etc, &wanted, &source)?;
    for old in before.lines().map(PathBuf::from).filter(|n| !wanted.contains(n)) {
        let place = etc.join(&old);
        if place.is_file() && !place.is_symlink() {
            std::fs::remove_file(&place).map_err(Error::file("removing", &place))?;
        }
    }
    let clean = copies.iter().map(|c| format!("{c}\n")).collect::<String>();
    if clean != before {
        files::write(&etc.join(".clean"), clean.as_bytes(), 0o644)?;
    }
    Ok(())
}

fn read_specials(path: &Path) -> Result<BTreeMap<PathBuf, Special>, Error> {
    let wrong = |line: &str| Error::Format { path: path.to_owned(), why: format!("the line '{line}'") };
    let mut out = BTreeMap::new();
    for line in files::text_or_empty(path)?.lines() {
        let (name, rest) = line.split_once('\t').ok_or_else(|| wrong(line))?;
        let mut words = rest.split(' ').map(str::to_owned);
        let (Some(mode), Some(owner), Some(group)) = (words.next(), words.next(), words.next()) else {
            return Err(wrong(line));
        };
        out.insert(PathBuf::from(name), Special { mode, owner, group });
    }
    Ok(out)
}

/// The names of all files below; links count as files, whatever they lead to.
fn list(folder: &Path, below: &Path, into: &mut BTreeSet<PathBuf>) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(Error::file("reading folder", folder))? {
        let entry = entry.map_err(Error::file("reading folder", folder))?;
        let name = below.join(entry.file_name());
        let kind = entry.file_type().map_err(Error::file("reading", &entry.path()))?;
        if kind.is_dir() {
            list(&entry.path(), &name, into)?;
        } else {
            into.insert(name);
        }
    }
    Ok(())
}

/// Makes the folders above a name; a link of ours that is in the way goes.
fn make_room(etc: &Path, name: &Path) -> Result<(), Error> {
    let mut at = etc.to_owned();
    for part in name.parent().into_iter().flat_map(Path::components) {
        at.push(part);
        if at.is_symlink() && is_ours(&at) {
            std::fs::remove_file(&at).map_err(Error::file("removing", &at))?;
        }
    }
    files::folder(&at)?;
    // A folder of ours that has become a file.
    let place = etc.join(name);
    if place.is_dir() && !place.is_symlink() {
        let mut inside = BTreeSet::new();
        list(&place, Path::new(""), &mut inside)?;
        if inside.iter().all(|n| is_ours(&place.join(n))) {
            std::fs::remove_dir_all(&place).map_err(Error::file("removing", &place))?;
        } else {
            return Err(Error::Other(format!(
                "'{}' is a folder with files that are not of the configuration",
                place.display()
            )));
        }
    }
    Ok(())
}

fn is_ours(link: &Path) -> bool {
    std::fs::read_link(link).is_ok_and(|target| target.starts_with("/etc/static"))
}

fn copy(from: &Path, to: &Path, special: &Special, names: &Names) -> Result<(), Error> {
    let contents = std::fs::read(from).map_err(Error::file("reading", from))?;
    let mode = u32::from_str_radix(&special.mode, 8)
        .map_err(|_| Error::Other(format!("'{}' is not a mode for '{}'", special.mode, to.display())))?;
    let owner = names.user(&special.owner)?;
    let group = names.group(&special.group)?;
    files::write(to, &contents, mode)?;
    match chown(to, Some(owner), Some(group)) {
        Ok(()) => Ok(()),
        // Only root gives files away.
        Err(e)
            if e.kind() == std::io::ErrorKind::PermissionDenied && !rustix::process::getuid().is_root() =>
        {
            Ok(())
        }
        Err(e) => Err(Error::file("changing the owner of", to)(e)),
    }
}

/// Removes links of an earlier configuration, and folders that are empty then.
fn remove_stale(etc: &Path, folder: &Path, wanted: &BTreeSet<PathBuf>, source: &Path) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(Error::file("reading folder", folder))? {
        let entry = entry.map_err(Error::file("reading folder", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(Error::file("reading", &path))?;
        let name = path.strip_prefix(etc).unwrap_or(&path).to_owned();
        if kind.is_symlink() && is_ours(&path) && !wanted.contains(&name) {
            std::fs::remove_file(&path).map_err(Error::file("removing", &path))?;
        } else if kind.is_dir() {
            remove_stale(etc, &path, wanted, source)?;
            if !source.join(&name).is_dir() {
                // Stays if somebody else has files there.
                let _ = std::fs::remove_dir(&path);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn toplevel(dir: &Path, name: &str, files: &[(&str, &str)], modes: &str) -> PathBuf {
        let top = dir.join(name);
        for (path, text) in files {
            let path = top.join("etc").join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            match text.strip_prefix("->") {
                Some(target) => symlink(target, path).expect("a link"),
                None => std::fs::write(path, text).expect("a file"),
            }
        }
        std::fs::create_dir_all(top.join("etc-special")).expect("a folder");
        std::fs::write(top.join("etc-special/modes"), modes).expect("a file");
        top
    }

    #[test]
    fn files_come_and_go_and_foreign_ones_stay() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("etc/own")).expect("a folder");
        std::fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").expect("a file");
        std::fs::write(root.join("etc/group"), "root:x:0:\n").expect("a file");
        std::fs::write(root.join("etc/own/file"), "mine").expect("a file");
        let one = toplevel(
            dir.path(),
            "one",
            &[
                ("a", "1"),
                ("d/x", "1"),
                ("d/y", "1"),
                ("f", "1"),
                ("tz", "->/zone/A"),
                ("secret", "s"),
                ("gone", "g"),
            ],
            "secret\t0440 root root\ngone\t0600 root root\ntz\tdirect-symlink root root\n",
        );
        update(&root, &one).expect("the first");
        let etc = root.join("etc");
        let link = |p: &str| std::fs::read_link(etc.join(p)).ok();
        assert_eq!(link("a"), Some("/etc/static/a".into()));
        assert_eq!(link("d/x"), Some("/etc/static/d/x".into()));
        assert_eq!(link("tz"), Some("/zone/A".into()));
        assert_eq!(etc.join("secret").metadata().expect("it is there").permissions().mode() & 0o777, 0o440);

        let two = toplevel(
            dir.path(),
            "two",
            &[("a/b", "2"), ("d/y", "2"), ("f", "2"), ("secret", "t")],
            "secret\t0400 root root\n",
        );
        update(&root, &two).expect("the second");
        assert_eq!(link("static"), Some(two.join("etc")));
        assert_eq!(link("a/b"), Some("/etc/static/a/b".into()));
        for gone in ["d/x", "gone"] {
            assert!(!etc.join(gone).is_symlink() && !etc.join(gone).exists(), "{gone}");
        }
        assert_eq!(std::fs::read_to_string(etc.join("own/file")).expect("it stays"), "mine");
        assert_eq!(std::fs::read_to_string(etc.join("secret")).expect("a copy"), "t");
        let names = || std::fs::read_dir(&etc).expect("a folder").count();
        let count = names();
        update(&root, &two).expect("the same again");
        assert_eq!(names(), count);
    }

    #[test]
    fn a_link_of_ours_becomes_a_folder_and_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("root");
        let one = toplevel(dir.path(), "one", &[("units", "->/nix/store/units")], "");
        let two = toplevel(dir.path(), "two", &[("units/a", "x")], "");
        for (top, place) in [(&one, "units"), (&two, "units/a"), (&one, "units")] {
            update(&root, top).expect("etc");
            assert_eq!(
                std::fs::read_link(root.join("etc").join(place)).expect("a link"),
                Path::new("/etc/static").join(place)
            );
        }
    }
}
