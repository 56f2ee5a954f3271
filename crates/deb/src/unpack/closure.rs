//! The units that the output may refer to, and looking things up in them.
//!
//! Order decides: the output itself, then its direct dependencies as given, then theirs, breadth first. What is found is remembered.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::path::PathBuf;

use super::tree::{Tree, lay_out};
use crate::DebError;
use crate::error::Context as _;

/// The most units of one closure and the most bytes of the list of one.
const MAX_UNITS: usize = 10_000;
const MAX_LIST: u64 = 4 << 20;

/// A unit in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its store path.
    pub(super) logical: String,
    /// Where that lies.
    pub(super) real: PathBuf,
}

/// All units to look in.
pub(super) struct Closure {
    /// The store path of the output.
    pub(super) out: String,
    /// Dependencies, direct ones first.
    pub(super) units: Vec<Unit>,
    essential: Vec<Unit>,
    direct: Vec<String>,
    known: HashMap<String, Option<String>>,
}

impl Closure {
    /// Follows the lists of dependencies that the units carry.
    pub(super) fn read(
        deps: &[(String, PathBuf)],
        essential: &[(String, PathBuf)],
        out: &str,
    ) -> Result<Closure, DebError> {
        let unit =
            |(logical, real): &(String, PathBuf)| Unit { logical: logical.clone(), real: real.clone() };
        let mut queue: VecDeque<Unit> = deps.iter().map(unit).collect();
        let mut seen: HashSet<String> = HashSet::from([out.to_owned()]);
        let mut units = Vec::new();
        while let Some(unit) = queue.pop_front() {
            if units.len() >= MAX_UNITS || !seen.insert(unit.logical.clone()) {
                continue;
            }
            let list = unit.real.join("nix-support/depends");
            let small = fs::metadata(&list).is_ok_and(|list| list.is_file() && list.len() <= MAX_LIST);
            let text = if small { fs::read_to_string(&list).context("read", &list)? } else { String::new() };
            for line in text.lines() {
                // All units lie in one store, so a sibling of the dependency is a sibling on disk.
                let name = line.rsplit('/').next().filter(|name| !name.is_empty() && *name != "..");
                if let (Some(name), Some(store)) = (name, unit.real.parent()) {
                    queue.push_back(Unit { logical: line.to_owned(), real: store.join(name) });
                }
            }
            units.push(unit);
        }
        let essential = essential.iter().map(unit).filter(|unit| unit.logical != out).collect();
        let mut direct: Vec<String> = deps.iter().map(|(logical, _)| logical.clone()).collect();
        direct.sort_unstable();
        direct.dedup();
        Ok(Closure { out: out.to_owned(), units, essential, direct, known: HashMap::new() })
    }

    /// The text of `nix-support/depends`.
    pub(super) fn direct_list(&self) -> String {
        self.direct.iter().map(|path| format!("{path}\n")).collect()
    }

    /// Looks a path of our layout up in the dependencies and gives its store path.
    pub(super) fn find(&mut self, path: &str) -> Option<String> {
        if path.is_empty() || path.split('/').any(|component| component == "..") {
            return None;
        }
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let found = find_in(&self.units, path);
        self.known.insert(path.to_owned(), found.clone());
        found
    }

    /// Looks a path up that is not a folder.
    pub(super) fn find_file(&mut self, path: &str) -> Option<String> {
        let found = self.find(path)?;
        let unit = self
            .units
            .iter()
            .find(|unit| found.strip_prefix(&unit.logical).is_some_and(|rest| rest.starts_with('/')))?;
        if unit.real.join(path).symlink_metadata().is_ok_and(|entry| entry.is_dir()) {
            None
        } else {
            Some(found)
        }
    }

    /// Looks an absolute path of Debian's layout up in the output and the dependencies and gives its store path.
    pub(super) fn find_absolute(&mut self, tree: &Tree, absolute: &str) -> Option<String> {
        let path = lay_out(absolute.trim_start_matches('/')).trim_end_matches('/');
        if tree.contains(path) { Some(format!("{}/{path}", self.out)) } else { self.find(path) }
    }

    /// Looks a program up by its absolute path, in the essential units too.
    pub(super) fn find_program(&mut self, tree: &Tree, absolute: &str) -> Option<String> {
        let path = lay_out(absolute.trim_start_matches('/'));
        let name = path.rsplit('/').next().unwrap_or(path);
        if !matches!(path.split('/').next(), Some("bin" | "sbin" | "games")) {
            return self.find_absolute(tree, absolute);
        }
        // Programs are asked for in either folder: `/sbin/x` is often the old place of `/usr/bin/x`.
        let places = [path.to_owned(), format!("bin/{name}"), format!("sbin/{name}")];
        for place in &places {
            if let Some(found) = self.find_absolute(tree, place) {
                return Some(found);
            }
        }
        places.iter().find_map(|place| find_in(&self.essential, place))
    }
}

fn find_in(units: &[Unit], path: &str) -> Option<String> {
    let unit = units.iter().find(|unit| unit.real.join(path).symlink_metadata().is_ok())?;
    Some(format!("{}/{path}", unit.logical))
}
