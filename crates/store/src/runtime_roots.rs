//! Store paths that running processes use: their programs, folders, open files, mapped files, environments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use firn_path::{StoreDir, StorePath};
use memchr::memmem::Finder;

/// Looks through `/proc`; processes that may not be looked at, or end meanwhile, are passed over.
///
/// Files of a store below a root are seen at their real place from outside and at their logical one from inside, so both
/// count.
pub(crate) fn find(dir: &StoreDir, real_dir: &Path) -> BTreeMap<StorePath, BTreeSet<String>> {
    let mut found = Found { prefixes: prefixes(dir, real_dir), roots: BTreeMap::new() };
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
                found.text(&contents, &place);
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

/// What stands before the base names of store paths.
fn prefixes(dir: &StoreDir, real_dir: &Path) -> Vec<Finder<'static>> {
    let mut prefixes = vec![format!("{dir}/")];
    if let Some(real) = real_dir.to_str().filter(|real| *real != dir.as_str()) {
        prefixes.push(format!("{real}/"));
    }
    prefixes.iter().map(|prefix| Finder::new(prefix).into_owned()).collect()
}

struct Found {
    prefixes: Vec<Finder<'static>>,
    roots: BTreeMap<StorePath, BTreeSet<String>>,
}

impl Found {
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
        for prefix in &self.prefixes {
            let Some(rest) = path.as_bytes().strip_prefix(prefix.needle()) else { continue };
            let name = rest.split(|&b| b == b'/').next().unwrap_or_default();
            if let Some(root) = std::str::from_utf8(name).ok().and_then(|n| StorePath::from_base_name(n).ok())
            {
                self.roots.entry(root).or_default().insert(place.to_owned());
            }
        }
    }

    /// Every occurrence of a store path in a text.
    fn text(&mut self, text: &[u8], place: &str) {
        let starts = self.prefixes.iter().flat_map(|p| p.find_iter(text).map(|at| at + p.needle().len()));
        for start in starts {
            let rest = &text[start..];
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
        let mut found = Found { prefixes: prefixes(&dir, Path::new("/home/u/s")), roots: BTreeMap::new() };
        let text = b"PATH=/nix/store/00000000000000000000000000000000-a/bin:/nix/store/11111111111111111111111111111111-b\0X=/nix/store/short";
        found.text(text, "here");
        found.path("/home/u/s/22222222222222222222222222222222-c/lib/x.so (deleted)", "there");
        found.path("/home/u/s", "there");
        let names: Vec<&str> = found.roots.keys().map(StorePath::name).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
