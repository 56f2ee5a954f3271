//! The output while it is made: which folders, files and links there are, and the unpacking of packages into it.
//!
//! Paths are relative to the output, without a leading slash, in the output's layout (`usr/` merged into the top). Folders and files
//! exist on disk from the moment they are entered here; symlinks only once [`Tree::finish`] writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::archive::Package;
use crate::DebError;
use crate::error::Context as _;

/// The most entries of one package, the longest path and the most folders in it.
const MAX_ENTRIES: usize = 4_000_000;
const MAX_PATH: usize = 4096;
const MAX_DEPTH: usize = 128;
/// The most bytes of the maintainer script that is read.
const MAX_SCRIPT: u64 = 1 << 20;
/// The most links followed on the way to one path.
const MAX_LINKS: usize = 32;

/// Folders of the package that are dropped unless `keep` names them.
const DROPPED: [&str; 7] =
    ["share/doc", "share/man", "share/info", "share/lintian", "share/doc-base", "share/bug", "share/menu"];

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(Kind),
    /// A symlink with its target as it will be written.
    Link(String),
}

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Elf,
    Script,
    Other,
}

impl Kind {
    fn of(head: &[u8]) -> Kind {
        match head {
            [0x7f, b'E', b'L', b'F', ..] => Kind::Elf,
            [b'#', b'!', ..] => Kind::Script,
            _ => Kind::Other,
        }
    }
}

/// The output.
pub(super) struct Tree {
    root: PathBuf,
    nodes: BTreeMap<String, Node>,
    dropped: Vec<&'static str>,
    /// The original absolute place (`/usr/lib/x`) of links whose folder moved, which their relative targets are relative to.
    origins: BTreeMap<String, String>,
}

impl Tree {
    /// An empty output in an existing, empty folder.
    pub(super) fn new(root: &Path, keep: &BTreeSet<String>) -> Tree {
        let dropped = DROPPED.into_iter().filter(|folder| !keep.contains(*folder)).collect();
        Tree { root: root.to_owned(), nodes: BTreeMap::new(), dropped, origins: BTreeMap::new() }
    }

    /// All paths in order.
    pub(super) fn nodes(&self) -> &BTreeMap<String, Node> {
        &self.nodes
    }

    /// Where a file lies on disk.
    pub(super) fn disk(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The absolute path in Debian's layout that a link was unpacked at.
    pub(super) fn origin<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        self.origins.get(path).map(String::as_str)
    }

    /// Unpacks a package and gives the text of its `postinst` script.
    pub(super) fn unpack(&mut self, deb: &Path) -> Result<String, DebError> {
        let package = Package::open(deb)?;
        let fail = |reason: String| DebError::Package { deb: deb.to_owned(), reason };
        let script =
            read_script(package.control()?).map_err(|error| fail(format!("control.tar: {error}")))?;
        let mut archive = tar::Archive::new(package.data()?);
        let entries = archive.entries().map_err(|error| fail(error.to_string()))?;
        for (count, entry) in entries.enumerate() {
            if count >= MAX_ENTRIES {
                return Err(fail("it has too many files".to_owned()));
            }
            let mut entry = entry.map_err(|error| fail(error.to_string()))?;
            self.unpack_entry(&mut entry).map_err(|error| match error {
                EntryError::Bad(reason) => fail(reason),
                EntryError::Other(error) => error,
            })?;
        }
        Ok(script)
    }

    fn unpack_entry(&mut self, entry: &mut tar::Entry<'_, Box<dyn Read>>) -> Result<(), EntryError> {
        let original = checked_path(&entry.path_bytes())?;
        let path = lay_out(&original);
        if path.is_empty() || self.is_dropped(path) {
            return Ok(());
        }
        let kind = entry.header().entry_type();
        let link = || -> Result<String, EntryError> {
            let target = entry.link_name_bytes().unwrap_or_default();
            let target =
                std::str::from_utf8(&target).map_err(|_| bad(&original, "links to what is not UTF-8"))?;
            match target.len() {
                1..=MAX_PATH if !target.contains('\0') => Ok(target.to_owned()),
                _ => Err(bad(&original, "is an invalid link")),
            }
        };
        if kind.is_dir() {
            return self.add_folder(path).map_err(EntryError::Other);
        }
        if kind.is_symlink() {
            let target = link()?;
            // `/bin -> usr/bin` and its like: the layout already says so.
            if !path.contains('/') && target.trim_start_matches('/') == format!("usr/{path}") {
                return Ok(());
            }
            // `/sbin/x -> /usr/sbin/x`: one place in our layout.
            if target.starts_with('/') && lay_out(target.trim_start_matches('/')) == path {
                return Ok(());
            }
            self.add_link(path, target)?;
            self.origins.insert(path.to_owned(), format!("/{original}"));
            return Ok(());
        }
        if kind.is_hard_link() {
            let first = checked_path(link()?.as_bytes())?;
            return self.add_copy(path, lay_out(&first)).map_err(EntryError::Other);
        }
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            return Err(bad(&original, "is a device or another special file"));
        }
        let executable = entry.header().mode().map_err(|_| bad(&original, "has no mode"))? & 0o111 != 0;
        self.add_file(path, executable, entry).map_err(EntryError::Other)
    }

    fn is_dropped(&self, path: &str) -> bool {
        let dropped = self.dropped.iter().find(|folder| {
            path.strip_prefix(**folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        match dropped {
            Some(&"share/doc") => !path.ends_with("/copyright"),
            dropped => dropped.is_some(),
        }
    }

    /// Makes a folder and those above it. A folder where a link is, stays that link.
    pub(super) fn add_folder(&mut self, path: &str) -> Result<(), DebError> {
        match self.nodes.get(path) {
            Some(Node::Folder | Node::Link(_)) => return Ok(()),
            Some(Node::File(_)) => self.remove(path)?,
            None => {}
        }
        self.add_parents(path)?;
        fs::create_dir(self.disk(path)).context("create", self.disk(path))?;
        self.nodes.insert(path.to_owned(), Node::Folder);
        Ok(())
    }

    fn add_parents(&mut self, path: &str) -> Result<(), DebError> {
        let Some((parent, _)) = path.rsplit_once('/') else { return Ok(()) };
        match self.nodes.get(parent) {
            Some(Node::Folder) => Ok(()),
            Some(_) => Err(DebError::Package {
                deb: self.root.clone(),
                reason: format!("'{path}' lies below '{parent}', which is not a folder"),
            }),
            None => self.add_folder(parent),
        }
    }

    /// Enters a symlink, replacing a file or link that is there.
    pub(super) fn add_link(&mut self, path: &str, target: String) -> Result<(), DebError> {
        if matches!(self.nodes.get(path), Some(Node::Folder)) {
            self.remove_tree(path)?;
        }
        self.remove(path)?;
        self.add_parents(path)?;
        self.nodes.insert(path.to_owned(), Node::Link(target));
        Ok(())
    }

    /// Changes where a link points to.
    pub(super) fn retarget(&mut self, path: &str, target: String) {
        self.nodes.insert(path.to_owned(), Node::Link(target));
    }

    /// Writes a file from memory.
    pub(super) fn write_file(&mut self, path: &str, bytes: &[u8], executable: bool) -> Result<(), DebError> {
        self.add_file(path, executable, &mut &bytes[..])
    }

    fn add_file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), DebError> {
        self.remove(path)?;
        self.add_parents(path)?;
        let disk = self.disk(path);
        let mode = if executable { 0o755 } else { 0o644 };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&disk)
            .context("create", &disk)?;
        let mut buffer = vec![0; 1 << 16];
        let mut kind = None;
        loop {
            let count = content.read(&mut buffer).context("unpack", &disk)?;
            if count == 0 {
                break;
            }
            kind.get_or_insert_with(|| Kind::of(&buffer[..count]));
            file.write_all(&buffer[..count]).context("write", &disk)?;
        }
        self.nodes.insert(path.to_owned(), Node::File(kind.unwrap_or(Kind::Other)));
        Ok(())
    }

    /// A hard link of the package becomes a copy: a store file has one name, and each is relocated once.
    fn add_copy(&mut self, path: &str, first: &str) -> Result<(), DebError> {
        let Some(Node::File(kind)) = self.nodes.get(first).cloned() else {
            if self.is_dropped(first) {
                return Ok(());
            }
            let reason = format!("'{path}' is a hard link to '{first}', which is not there");
            return Err(DebError::Package { deb: self.root.clone(), reason });
        };
        if path == first {
            return Ok(());
        }
        self.remove(path)?;
        self.add_parents(path)?;
        fs::copy(self.disk(first), self.disk(path)).context("copy", self.disk(first))?;
        self.nodes.insert(path.to_owned(), Node::File(kind));
        Ok(())
    }

    /// Moves a file to a free path beside it.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), DebError> {
        let Some(node) = self.nodes.remove(from) else { return Ok(()) };
        if let Node::File(_) = node {
            fs::rename(self.disk(from), self.disk(to)).context("rename", self.disk(from))?;
        }
        self.nodes.insert(to.to_owned(), node);
        Ok(())
    }

    /// Removes a file or link, if there is one.
    fn remove(&mut self, path: &str) -> Result<(), DebError> {
        match self.nodes.get(path) {
            Some(Node::File(_)) => fs::remove_file(self.disk(path)).context("remove", self.disk(path))?,
            Some(Node::Link(_)) => {
                self.origins.remove(path);
            }
            Some(Node::Folder) => {
                let reason = format!("'{path}' is a folder and a file");
                return Err(DebError::Package { deb: self.root.clone(), reason });
            }
            None => return Ok(()),
        }
        self.nodes.remove(path);
        Ok(())
    }

    /// Removes whatever is at a path, with all below it.
    pub(super) fn remove_tree(&mut self, path: &str) -> Result<(), DebError> {
        if matches!(self.nodes.get(path), Some(Node::Folder)) {
            fs::remove_dir_all(self.disk(path)).context("remove", self.disk(path))?;
            let below = format!("{path}/");
            self.nodes.retain(|other, _| other != path && !other.starts_with(&below));
            return Ok(());
        }
        self.remove(path)
    }

    /// The paths that a pattern names, whose last component may hold `*`.
    pub(super) fn matching(&self, pattern: &str) -> Vec<String> {
        let (folder, last) = pattern.rsplit_once('/').map_or(("", pattern), |(folder, last)| (folder, last));
        let fits = |path: &&String| {
            let (other, name) =
                path.rsplit_once('/').map_or(("", path.as_str()), |(other, name)| (other, name));
            other == folder && glob(last, name)
        };
        self.nodes.keys().filter(fits).cloned().collect()
    }

    /// Follows links within the output and gives the path that a path really is, if that exists.
    pub(super) fn resolve(&self, path: &str) -> Option<String> {
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let (mut at, mut links) = (String::new(), 0);
        while let Some(component) = rest.pop() {
            match component.as_str() {
                "" | "." => continue,
                ".." => {
                    at.truncate(at.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let next = if at.is_empty() { component } else { format!("{at}/{component}") };
            match self.nodes.get(&next)? {
                Node::Link(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    if let Some(absolute) = target.strip_prefix('/') {
                        at.clear();
                        rest.extend(lay_out(absolute).split('/').rev().map(str::to_owned));
                    } else {
                        rest.extend(target.split('/').rev().map(str::to_owned));
                    }
                }
                _ => at = next,
            }
        }
        Some(at)
    }

    /// Tells whether a path exists, following links of folders but not a last link.
    pub(super) fn contains(&self, path: &str) -> bool {
        if self.nodes.contains_key(path) {
            return true;
        }
        let Some((folder, name)) = path.rsplit_once('/') else { return false };
        self.resolve(folder).is_some_and(|folder| self.nodes.contains_key(&format!("{folder}/{name}")))
    }

    /// Gives programs of `sbin` and `games` a link in `bin`, where that name is free.
    pub(super) fn link_programs(&mut self) -> Result<(), DebError> {
        for folder in ["sbin", "games"] {
            for path in self.matching(&format!("{folder}/*")) {
                let link = format!("bin/{}", &path[folder.len() + 1..]);
                if !self.nodes.contains_key(&link) && !matches!(self.nodes.get(&path), Some(Node::Folder)) {
                    self.add_link(&link, format!("../{path}"))?;
                }
            }
        }
        Ok(())
    }

    /// Writes the symlinks.
    pub(super) fn finish(&self) -> Result<(), DebError> {
        for (path, node) in &self.nodes {
            if let Node::Link(target) = node {
                std::os::unix::fs::symlink(target, self.disk(path)).context("create", self.disk(path))?;
            }
        }
        Ok(())
    }
}

enum EntryError {
    Bad(String),
    Other(DebError),
}

impl From<DebError> for EntryError {
    fn from(error: DebError) -> Self {
        EntryError::Other(error)
    }
}

fn bad(path: &str, reason: &str) -> EntryError {
    EntryError::Bad(format!("'{path}' {reason}"))
}

/// Takes the leading `./` and `/` off and refuses what could lead elsewhere.
fn checked_path(path: &[u8]) -> Result<String, EntryError> {
    let path = std::str::from_utf8(path).map_err(|_| {
        EntryError::Bad(format!("a name in it is not UTF-8: '{}'", String::from_utf8_lossy(path)))
    })?;
    let components: Vec<&str> = path.split('/').filter(|component| !matches!(*component, "" | ".")).collect();
    let hostile = components.contains(&"..") || path.contains('\0');
    if hostile || path.len() > MAX_PATH || components.len() > MAX_DEPTH {
        return Err(bad(path, "is an invalid path"));
    }
    Ok(components.join("/"))
}

/// From Debian's layout, without leading slash, to ours.
pub(super) fn lay_out(path: &str) -> &str {
    match path.strip_prefix("usr") {
        Some("") => "",
        Some(rest) => rest.strip_prefix('/').unwrap_or(path),
        None => path,
    }
}

/// Compares a name with a pattern in which `*` stands for anything.
fn glob(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + str::len(part)..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

fn read_script(control: Box<dyn Read>) -> std::io::Result<String> {
    let mut archive = tar::Archive::new(control);
    for entry in archive.entries()?.take(1000) {
        let entry = entry?;
        if matches!(entry.path_bytes().as_ref(), b"./postinst" | b"postinst") {
            let mut script = Vec::new();
            entry.take(MAX_SCRIPT).read_to_end(&mut script)?;
            return Ok(String::from_utf8_lossy(&script).into_owned());
        }
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*.so", "x.so", true),
            ("lib*.so*", "libx.so.1", true),
            ("lib*.so", "libx.so.1", false),
            ("a*a", "a", false),
            ("*b*c*", "abcd", true),
        ] {
            assert_eq!(glob(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn paths_are_checked_and_laid_out() {
        let path = |text: &str| checked_path(text.as_bytes()).map_err(|_| ());
        assert_eq!(path("./usr//bin/x"), Ok("usr/bin/x".to_owned()));
        assert_eq!(path("/etc/x"), Ok("etc/x".to_owned()));
        assert_eq!(path("./"), Ok(String::new()));
        assert!(path("a/../b").is_err() && path("..").is_err() && path(&"x/".repeat(200)).is_err());
        assert_eq!(lay_out("usr/bin/x"), "bin/x");
        assert_eq!(lay_out("usr"), "");
        assert_eq!(lay_out("usrlocal/x"), "usrlocal/x");
    }

    #[test]
    fn links_are_followed_in_memory_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(folder.path(), &BTreeSet::new());
        tree.write_file("lib/real/x.so.1", b"", false).unwrap();
        tree.add_link("lib/x.so", "real/../alias/x.so.1".to_owned()).unwrap();
        tree.add_link("lib/alias", "/usr/lib/real".to_owned()).unwrap();
        tree.add_link("lib/loop", "loop".to_owned()).unwrap();
        assert_eq!(tree.resolve("lib/x.so").as_deref(), Some("lib/real/x.so.1"));
        assert_eq!(tree.resolve("lib/loop"), None);
        assert_eq!(tree.resolve("lib/none"), None);
        assert!(
            tree.contains("lib/alias/x.so.1") && tree.contains("lib/loop") && !tree.contains("lib/alias/y")
        );
        assert!(tree.write_file("lib/alias/y", b"", false).is_err(), "nothing is written through a link");
        assert!(!folder.path().join("lib/x.so").exists());
        tree.finish().unwrap();
        assert!(folder.path().join("lib/loop").is_symlink());
    }
}
