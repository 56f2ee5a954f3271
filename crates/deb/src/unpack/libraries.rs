//! Where shared libraries are found.
//!
//! Order: the folder of the file that needs it, the unit's usual library folders, its other folders, then the same in each dependency:
//! usual folders of all of them first, private folders only if that finds nothing.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use super::closure::{Closure, Unit};
use super::tree::{Node, Tree};

/// Where libraries for everybody are.
const USUAL: [&str; 3] = ["lib/x86_64-linux-gnu", "lib", "lib64"];
/// Folders whose subfolders may hold private libraries.
const PRIVATE: [&str; 2] = ["lib/x86_64-linux-gnu", "lib"];
/// The most entries of a folder that is searched for private folders.
const MAX_FOLDERS: usize = 20_000;

/// Finds libraries for the files of one output.
pub(super) struct Libraries<'a> {
    out: String,
    own: HashMap<&'a str, BTreeSet<&'a str>>,
    units: &'a [Unit],
    found: HashMap<String, Option<String>>,
    private: Option<HashMap<String, String>>,
}

impl<'a> Libraries<'a> {
    /// Lists the libraries of the output.
    pub(super) fn new(tree: &'a Tree, closure: &'a Closure) -> Libraries<'a> {
        let mut own: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for (path, node) in tree.nodes() {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let exists = match node {
                Node::Folder => false,
                Node::File(_) => true,
                Node::Link(target) => target.starts_with('/') || tree.resolve(path).is_some(),
            };
            if exists && name.contains(".so") {
                own.entry(name).or_default().insert(folder);
            }
        }
        Libraries {
            out: closure.out.clone(),
            own,
            units: &closure.units,
            found: HashMap::new(),
            private: None,
        }
    }

    /// The absolute folder that a library is in, as a file in `folder` of the output shall find it.
    pub(super) fn find(&mut self, name: &str, folder: &str) -> Option<String> {
        if name.contains('/') {
            return None;
        }
        if let Some(folders) = self.own.get(name) {
            let preferred =
                std::iter::once(folder).chain(USUAL).find(|preferred| folders.contains(preferred));
            let folder = preferred.or_else(|| folders.first().copied())?;
            return Some(format!("{}/{folder}", self.out).trim_end_matches('/').to_owned());
        }
        if let Some(found) = self.found.get(name) {
            return found.clone();
        }
        let found = self.find_usual(name).or_else(|| self.find_private(name));
        self.found.insert(name.to_owned(), found.clone());
        found
    }

    fn find_usual(&self, name: &str) -> Option<String> {
        self.units.iter().find_map(|unit| {
            let folder =
                USUAL.iter().find(|folder| unit.real.join(folder).join(name).symlink_metadata().is_ok())?;
            Some(format!("{}/{folder}", unit.logical))
        })
    }

    fn find_private(&mut self, name: &str) -> Option<String> {
        let units = self.units;
        self.private.get_or_insert_with(|| private(units)).get(name).cloned()
    }
}

/// Lists the libraries in folders below the usual ones.
fn private(units: &[Unit]) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for unit in units {
        for parent in PRIVATE {
            for folder in names(&unit.real.join(parent)) {
                for name in names(&unit.real.join(parent).join(&folder)) {
                    if name.contains(".so") {
                        found.entry(name).or_insert_with(|| format!("{}/{parent}/{folder}", unit.logical));
                    }
                }
            }
        }
    }
    found
}

/// The names in a folder in order; none if it is none.
pub(super) fn names(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.take(MAX_FOLDERS).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}
