//! `nix why-depends`

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use firn_path::{DerivedPath, HASH_LEN, StorePath, StorePathSet};
use firn_source::{Accessor, CanonPath, Kind};
use firn_store::Store;
use firn_store::closure::{ClosureOptions, closure};

use super::paths::{outputs, usage};
use crate::args::{Flag, Parsed, switch};
use crate::error::CliError;
use crate::installable::{PACKAGES, resolve};
use crate::session::Session;

/// Its flags, beside those of installables.
pub(crate) const FLAGS: &[Flag] = &[
    switch("all", "show all references that lead there, not only the shortest way").short('a'),
    switch("precise", "show in which files the references are"),
];

/// A path of the closure.
struct Node {
    references: StorePathSet,
    /// How many references away the dependency is; `None` where none lead there.
    distance: Option<usize>,
}

struct Show<'a> {
    store: &'a dyn Store,
    graph: BTreeMap<StorePath, Node>,
    package: StorePath,
    dependency: StorePath,
    all: bool,
    precise: bool,
    colours: bool,
    visited: BTreeSet<StorePath>,
    out: String,
}

/// Runs it.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let [package_text, dependency_text] = parsed.positional.as_slice() else {
        return Err(usage(session, "more arguments are required"));
    };
    let store = session.store()?;
    let store = store.as_ref();
    let package = path_of(session, &parsed, package_text, true)?;
    let dependency = path_of(session, &parsed, dependency_text, false)?;
    let all = closure(store, [&package], ClosureOptions::default())?;
    if !all.contains(&dependency) {
        session.events().message(
            firn_events::Level::Error,
            format!("'{package_text}' does not depend on '{dependency_text}'"),
        );
        return Ok(0);
    }
    let mut show = Show {
        store,
        graph: graph(store, &all, &dependency)?,
        package: package.clone(),
        dependency,
        all: parsed.has("all"),
        precise: parsed.has("precise"),
        colours: crate::progress::Style::of_stdout().colours,
        visited: BTreeSet::new(),
        out: String::new(),
    };
    if !show.precise {
        show.out = format!("{}\n", store.store_dir().print(&package));
    }
    show.node(&package, "", "")?;
    session.print(show.out)?;
    Ok(0)
}

/// The only path of an installable: its output, built on demand, or its derivation.
fn path_of(session: &Session, parsed: &Parsed, text: &str, build: bool) -> Result<StorePath, CliError> {
    if build && !parsed.has("derivation") {
        return super::store_diff::one(session, parsed, text);
    }
    let mut found = resolve(session, parsed, &[text.to_owned()], PACKAGES)?;
    let target = match found.len() {
        1 => found.remove(0).target,
        _ => return Err(CliError::new(format!("argument '{text}' should evaluate to one store path"))),
    };
    if parsed.has("derivation") {
        let path = target.base_path();
        return match (path.is_derivation(), session.store()?.path_info(path)?) {
            (false, Some(info)) => info
                .deriver
                .clone()
                .ok_or_else(|| CliError::new(format!("'{text}' does not have a known deriver"))),
            _ => Ok(path.clone()),
        };
    }
    let paths = match &target {
        DerivedPath::Opaque(path) => vec![path.clone()],
        built => outputs(session.store()?.as_ref(), built)?,
    };
    match paths.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(CliError::new(format!("argument '{text}' should evaluate to one store path"))),
    }
}

fn graph(
    store: &dyn Store,
    all: &StorePathSet,
    dependency: &StorePath,
) -> Result<BTreeMap<StorePath, Node>, CliError> {
    let mut graph = BTreeMap::new();
    let mut referrers: BTreeMap<StorePath, Vec<StorePath>> = BTreeMap::new();
    for path in all {
        let references: StorePathSet = store.require_info(path)?.references.iter().cloned().collect();
        for reference in &references {
            referrers.entry(reference.clone()).or_default().push(path.clone());
        }
        graph.insert(path.clone(), Node { references, distance: None });
    }
    let mut queue = VecDeque::from([(dependency.clone(), 0)]);
    while let Some((path, distance)) = queue.pop_front() {
        let Some(node) = graph.get_mut(&path).filter(|n| n.distance.is_none()) else { continue };
        node.distance = Some(distance);
        queue.extend(referrers.get(&path).into_iter().flatten().map(|r| (r.clone(), distance + 1)));
    }
    Ok(graph)
}

impl Show<'_> {
    fn faint(&self, path: &StorePath) -> (&'static str, &'static str) {
        if self.colours && self.visited.contains(path) { ("\x1b[38;5;244m", "\x1b[0m") } else { ("", "") }
    }

    fn mark<'t>(&self, text: &'t str, hash: &str) -> std::borrow::Cow<'t, str> {
        if !self.colours {
            return text.into();
        }
        let colour = if hash == self.dependency.hash_part() { "\x1b[32;1m" } else { "\x1b[34;1m" };
        text.replace(hash, &format!("{colour}{hash}\x1b[0m")).into()
    }

    /// Prints what leads from a path to the dependency; `false` when enough was said.
    fn node(&mut self, path: &StorePath, first: &str, rest: &str) -> Result<bool, CliError> {
        let shown = self.store.store_dir().print(path);
        if self.precise {
            let (start, end) = self.faint(path);
            let arrow = if first.is_empty() { "" } else { "→ " };
            self.out += &format!("{first}{start}{arrow}{shown}{end}\n");
        }
        if *path == self.dependency && !self.all && self.package != self.dependency {
            return Ok(false);
        }
        if self.visited.contains(path) {
            return Ok(true);
        }
        if self.precise {
            self.visited.insert(path.clone());
        }
        let mut references: Vec<(usize, StorePath)> = Vec::new();
        for reference in &self.graph[path].references {
            if reference == path && self.package != self.dependency {
                continue;
            }
            if let Some(distance) = self.graph.get(reference).and_then(|n| n.distance) {
                references.push((distance, reference.clone()));
            }
        }
        references.sort();
        let hits = if self.precise { self.hits(path, &references)? } else { BTreeMap::new() };
        let count = references.len();
        for (i, (_, reference)) in references.into_iter().enumerate() {
            let last = !self.all || i + 1 == count;
            let (branch, below) = if last { ("└───", "    ") } else { ("├───", "│   ") };
            let found = hits.get(reference.hash_part()).map(Vec::as_slice).unwrap_or_default();
            let limit = if self.all { found.len() } else { 1 };
            for (n, hit) in found.iter().take(limit).enumerate() {
                self.out += &format!("{rest}{}{hit}\n", if n == 0 { branch } else { below });
            }
            if !self.precise {
                let (start, end) = self.faint(&reference);
                let text = self.store.store_dir().print(&reference);
                self.out += &format!("{first}{start}{branch}{text}{end}\n");
                self.visited.insert(path.clone());
            }
            let next = format!("{rest}{below}");
            if !self.node(&reference, &next, &next)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Where in a path's files the references stand, by hash part.
    fn hits(
        &self,
        path: &StorePath,
        references: &[(usize, StorePath)],
    ) -> Result<BTreeMap<String, Vec<String>>, CliError> {
        let hashes: Vec<&str> = references.iter().map(|(_, r)| r.hash_part()).collect();
        let accessor = self.store.accessor(path)?;
        let mut hits = BTreeMap::new();
        self.scan(accessor.as_ref(), &CanonPath::root(), &hashes, &mut hits)?;
        Ok(hits)
    }

    fn scan(
        &self,
        accessor: &dyn Accessor,
        at: &CanonPath,
        hashes: &[&str],
        hits: &mut BTreeMap<String, Vec<String>>,
    ) -> Result<(), CliError> {
        let Some(stat) = accessor.stat(at)? else { return Ok(()) };
        let name = if at.is_root() { "/".to_owned() } else { String::from_utf8_lossy(at.rel()).into_owned() };
        match stat.kind {
            Kind::Directory => {
                let mut entries = accessor.read_dir(at)?;
                entries.sort_by(|a, b| a.name.cmp(&b.name));
                for entry in entries {
                    self.scan(accessor, &at.join(&entry.name), hashes, hits)?;
                }
            }
            Kind::Symlink => {
                let target = accessor.read_link(at)?;
                let text = String::from_utf8_lossy(&target).into_owned();
                for hash in hashes.iter().filter(|h| text.contains(**h)) {
                    let line = format!("{name} -> {}", self.mark(&text, hash));
                    hits.entry((*hash).to_owned()).or_default().push(line);
                }
            }
            _ => {
                let bytes = accessor.read_file(at)?;
                for hash in hashes {
                    if let Some(position) = find(&bytes, hash.as_bytes()) {
                        let around = around(&bytes, position);
                        let line = format!("{name}: …{}…", self.mark(&around, hash));
                        hits.entry((*hash).to_owned()).or_default().push(line);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Where a text first stands.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let (first, n) = (*wanted.first()?, wanted.len());
    let mut at = 0;
    while at + n <= bytes.len() {
        let next = bytes[at..=bytes.len() - n].iter().position(|b| *b == first)?;
        at += next;
        if bytes[at..at + n] == *wanted {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// A hash part with what stands around it, what cannot be printed as dots.
fn around(bytes: &[u8], position: usize) -> String {
    const MARGIN: usize = 32;
    let start = position.saturating_sub(MARGIN);
    let end = (position + HASH_LEN + MARGIN).min(bytes.len());
    bytes[start..end]
        .iter()
        .map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found() {
        assert_eq!(find(b"aabab", b"ab"), Some(1));
        assert_eq!(find(b"aab", b"b"), Some(2));
        assert_eq!(find(b"a", b"ab"), None);
        assert_eq!(find(b"", b"a"), None);
        assert_eq!(around(b"a\nb", 0), "a.b");
    }
}
