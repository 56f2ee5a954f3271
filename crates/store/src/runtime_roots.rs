//! Store paths that running processes use: their programs, folders, open files, mapped files, environments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use firn_path::{StoreDir, StorePath};
use memchr::memmem::Finder;

/// Looks through `/proc`; processes that may not be looked at, or end meanwhile, are passed over.
pub(crate) fn find(dir: &StoreDir) -> BTreeMap<StorePath, BTreeSet<String>> {
    let mut found = Found { dir, prefix: format!("{dir}/"), roots: BTreeMap::new() };
    let finder = Finder::new(&found.prefix).into_owned();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().filter(|n| n.bytes().all(|b| b.is_ascii_digit())) else { continue };
        let process = format!("/proc/{pid}");
        found.link(&format!("{process}/exe"));
        found.link(&format!("{process}/cwd"));
        for fd in std::fs::read_dir(format!("{process}/fd")).into_iter().flatten().flatten() {
            found.link(&fd.path().to_string_lossy());
        }
        for file in ["maps", "environ"] {
            let place = format!("{process}/{file}");
            if let Ok(contents) = std::fs::read(&place) {
                found.text(&contents, &place, &finder);
            }
        }
    }
    for file in ["modprobe", "fbsplash", "poweroff_cmd"] {
        let place = format!("/proc/sys/kernel/{file}");
        if let Ok(contents) = std::fs::read_to_string(&place) {
            found.path(contents.trim_end(), &place);
        }
    }
    found.roots
}

struct Found<'a> {
    dir: &'a StoreDir,
    prefix: String,
    roots: BTreeMap<StorePath, BTreeSet<String>>,
}

impl Found<'_> {
    fn link(&mut self, place: &str) {
        if let Ok(target) = std::fs::read_link(Path::new(place)) {
            if let Some(target) = target.to_str() {
                self.path(target, place);
            }
        }
    }

    fn path(&mut self, path: &str, place: &str) {
        // ` (deleted)` stands behind the paths of files that are gone
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        if let Ok((root, _)) = self.dir.to_store_path(path) {
            self.roots.entry(root).or_default().insert(place.to_owned());
        }
    }

    /// Every occurrence of a store path in a text.
    fn text(&mut self, text: &[u8], place: &str, finder: &Finder<'_>) {
        for at in finder.find_iter(text) {
            let rest = &text[at + self.prefix.len()..];
            let len = rest
                .iter()
                .position(|b| !(b.is_ascii_alphanumeric() || b"+-._?=".contains(b)))
                .unwrap_or(rest.len());
            let Ok(name) = std::str::from_utf8(&rest[..len]) else { continue };
            if let Ok(root) = StorePath::from_base_name(name) {
                self.roots.entry(root).or_default().insert(place.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_texts() {
        let dir = StoreDir::default();
        let mut found = Found { dir: &dir, prefix: "/nix/store/".into(), roots: BTreeMap::new() };
        let finder = Finder::new("/nix/store/").into_owned();
        let text = b"PATH=/nix/store/00000000000000000000000000000000-a/bin:/nix/store/11111111111111111111111111111111-b\0X=/nix/store/short";
        found.text(text, "here", &finder);
        let names: Vec<&str> = found.roots.keys().map(StorePath::name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
