//! From seeds to units: chooses packages for all dependencies and merges what cannot stand alone.
//!
//! Choices do not depend on the order of traversal, so a new seed changes nothing about unrelated packages. For a clause with alternatives
//! the first of these that exists counts:
//!
//! 1. an alternative that is itself a seed (or essential), or is provided by one;
//! 2. an alternative that the seeds say to skip: the clause needs nothing;
//! 3. the first alternative that is a real package of a fitting version;
//! 4. the first provider, by name, of the first alternative that is virtual.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::DebError;
use crate::index::PackageIndex;
use crate::lock::{Package, Unit};
use crate::relation::Relation;
use crate::seeds::Seeds;

/// The resolved part of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The chosen packages.
    pub packages: BTreeMap<String, Package>,
    /// What becomes one derivation each.
    pub units: BTreeMap<String, Unit>,
    /// The essential units in order.
    pub essential: Vec<String>,
}

/// Resolves seeds against an index. All unresolvable clauses are reported together.
pub fn resolve(seeds: &Seeds, index: &PackageIndex<'_>) -> Result<Resolution, DebError> {
    let chooser =
        Chooser { index, seeds, wanted: seeds.seeds.iter().chain(&seeds.essential).cloned().collect() };
    let mut packages = BTreeMap::new();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut queue: VecDeque<(String, String)> =
        chooser.wanted.iter().map(|name| (name.clone(), "the seeds".to_owned())).collect();
    while let Some((name, wanted_by)) = queue.pop_front() {
        if edges.contains_key(&name) {
            continue;
        }
        let Some(candidate) = index.candidate(&name)? else {
            problems.push(format!("'{name}' (wanted by {wanted_by}) is not in the archive"));
            edges.insert(name, BTreeSet::new());
            continue;
        };
        let mut needed: BTreeSet<String> = seeds.depend.get(&name).cloned().unwrap_or_default();
        for clause in &candidate.depends {
            match chooser.choose(clause) {
                Choice::Nothing => {}
                Choice::Package(other) => {
                    needed.insert(other.to_owned());
                }
                Choice::Missing => {
                    problems.push(format!("'{name}' needs {}, which is not in the archive", show(clause)))
                }
            }
        }
        if let Some(unneeded) = seeds.undepend.get(&name) {
            needed.retain(|other| !unneeded.contains(other));
        }
        needed.remove(&name);
        queue.extend(needed.iter().map(|other| (other.clone(), format!("'{name}'"))));
        packages.insert(name.clone(), candidate.package);
        edges.insert(name, needed);
    }
    if !problems.is_empty() {
        return Err(DebError::Unresolved(problems));
    }
    let mut units = merge(seeds, &edges);
    let essential = add_essential(seeds, &mut units);
    Ok(Resolution { packages, units, essential })
}

enum Choice<'a> {
    Package(&'a str),
    Nothing,
    Missing,
}

struct Chooser<'a> {
    index: &'a PackageIndex<'a>,
    seeds: &'a Seeds,
    wanted: BTreeSet<String>,
}

impl<'a> Chooser<'a> {
    fn choose(&self, clause: &'a [Relation]) -> Choice<'a> {
        for relation in clause {
            if self.wanted.contains(&relation.name) && self.is_real(relation) {
                return Choice::Package(&relation.name);
            }
            if let Some(provider) = self.providers(relation).find(|provider| self.wanted.contains(*provider))
            {
                return Choice::Package(provider);
            }
        }
        if clause.iter().any(|relation| self.seeds.skip.contains(&relation.name)) {
            return Choice::Nothing;
        }
        if let Some(relation) = clause.iter().find(|relation| self.is_real(relation)) {
            return Choice::Package(&relation.name);
        }
        match clause.iter().find_map(|relation| self.providers(relation).next()) {
            Some(provider) => Choice::Package(provider),
            None => Choice::Missing,
        }
    }

    fn is_real(&self, relation: &Relation) -> bool {
        self.index.contains(&relation.name)
            && (relation.version.is_none()
                || self.index.version(&relation.name).is_some_and(|version| relation.admits(&version)))
    }

    /// Who provides a relation; a restricted version needs a provider that names a fitting version.
    fn providers(&self, relation: &'a Relation) -> impl Iterator<Item = &'a str> {
        self.index.providers(&relation.name).iter().filter_map(|(provider, version)| {
            let fits = relation.version.is_none()
                || version
                    .and_then(|version| version.parse().ok())
                    .is_some_and(|version| relation.admits(&version));
            fits.then_some(*provider)
        })
    }
}

fn show(clause: &[Relation]) -> String {
    clause.iter().map(|relation| format!("'{}'", relation.name)).collect::<Vec<_>>().join(" or ")
}

/// Merges groups and cycles into units.
fn merge(seeds: &Seeds, edges: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, Unit> {
    // First the groups of the seeds; each package belongs to the group of `leader[package]`.
    let mut leader: BTreeMap<&str, &str> = edges.keys().map(|name| (name.as_str(), name.as_str())).collect();
    let mut rank: BTreeMap<&str, usize> = BTreeMap::new();
    for (main, members) in &seeds.groups {
        let present: Vec<&str> = std::iter::once(main)
            .chain(members)
            .map(String::as_str)
            .filter(|name| edges.contains_key(*name))
            .collect();
        for (position, name) in present.iter().enumerate() {
            leader.insert(name, present[0]);
            rank.insert(name, position);
        }
    }
    let mut grouped: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, needed) in edges {
        let group = leader[name.as_str()];
        let targets = grouped.entry(group).or_default();
        targets.extend(needed.iter().map(|other| leader[other.as_str()]).filter(|other| *other != group));
    }
    // Then cycles among these. A unit is called after its group, or after the first name of a cycle.
    let mut unit_of: BTreeMap<&str, &str> = BTreeMap::new();
    for component in components(&grouped) {
        let declared = component.iter().copied().filter(|name| seeds.groups.contains_key(*name)).min();
        let Some(main) = declared.or_else(|| component.iter().copied().min()) else { continue };
        unit_of.extend(component.iter().map(|name| (*name, main)));
    }
    let mut units: BTreeMap<String, Unit> = BTreeMap::new();
    let mut depends: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, needed) in edges {
        let main = unit_of[leader[name.as_str()]];
        let unit = units.entry(main.to_owned()).or_insert_with(|| Unit {
            packages: Vec::new(),
            depends: Vec::new(),
            essential: None,
        });
        unit.packages.push(name.clone());
        let others =
            needed.iter().map(|other| unit_of[leader[other.as_str()]]).filter(|other| *other != main);
        depends.entry(main).or_default().extend(others);
    }
    for (main, unit) in &mut units {
        // The main package first, then declared members as declared, then the others by name.
        unit.packages
            .sort_by_key(|name| (name != main, rank.get(name.as_str()).copied().unwrap_or(usize::MAX)));
        unit.depends = depends[main.as_str()].iter().map(|other| (*other).to_owned()).collect();
    }
    units
}

/// Strongly connected components, by Tarjan's algorithm with an explicit stack.
fn components<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    #[derive(Clone, Copy)]
    struct Mark {
        index: usize,
        low: usize,
        open: bool,
    }
    let mut marks: BTreeMap<&str, Mark> = BTreeMap::new();
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for start in graph.keys() {
        if marks.contains_key(start) {
            continue;
        }
        let enter = |name: &'a str, marks: &mut BTreeMap<&'a str, Mark>, open: &mut Vec<&'a str>| {
            let index = marks.len();
            marks.insert(name, Mark { index, low: index, open: true });
            open.push(name);
            (name, graph[name].iter())
        };
        let mut path = vec![enter(start, &mut marks, &mut open)];
        while let Some((name, successors)) = path.last_mut() {
            let name = *name;
            if let Some(next) = successors.next() {
                match marks.get(next).copied() {
                    None => path.push(enter(next, &mut marks, &mut open)),
                    Some(other) if other.open => lower(&mut marks, name, other.index),
                    Some(_) => {}
                }
                continue;
            }
            path.pop();
            let mark = marks[name];
            if let Some((parent, _)) = path.last() {
                lower(&mut marks, parent, mark.low);
            }
            if mark.low == mark.index {
                let at = open.iter().rposition(|other| *other == name).unwrap_or(0);
                let component = open.split_off(at);
                for member in &component {
                    if let Some(mark) = marks.get_mut(member) {
                        mark.open = false;
                    }
                }
                found.push(component);
            }
        }
        fn lower<'a>(marks: &mut BTreeMap<&'a str, Mark>, name: &'a str, low: usize) {
            if let Some(mark) = marks.get_mut(name) {
                mark.low = mark.low.min(low);
            }
        }
    }
    found
}

/// Gives the units that essential ones are made of only those essential units that came before, so that no cycle arises.
fn add_essential(seeds: &Seeds, units: &mut BTreeMap<String, Unit>) -> Vec<String> {
    let unit_of: BTreeMap<&str, &str> = (units.iter())
        .flat_map(|(main, unit)| unit.packages.iter().map(move |package| (package.as_str(), main.as_str())))
        .collect();
    let mut essential: Vec<String> = Vec::new();
    let mut usable: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in &seeds.essential {
        let Some(main) = unit_of.get(name.as_str()) else { continue };
        if essential.iter().any(|other| other == main) {
            continue;
        }
        let mut stack = vec![*main];
        while let Some(next) = stack.pop() {
            if !usable.contains_key(next) {
                usable.insert(next.to_owned(), essential.clone());
                stack.extend(units[next].depends.iter().map(|other| unit_of[other.as_str()]));
            }
        }
        essential.push((*main).to_owned());
    }
    for (main, earlier) in usable {
        if let Some(unit) = units.get_mut(&main) {
            unit.essential = Some(earlier);
        }
    }
    essential
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index_text(packages: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for (name, fields) in packages {
            text.push_str(&format!(
                "Package: {name}\nVersion: 1\nFilename: pool/{name}.deb\nSHA256: {}\nSize: 1\n{fields}\n",
                "0".repeat(64)
            ));
        }
        text
    }

    fn resolved(packages: &[(&str, &str)], seeds: &str) -> Result<Resolution, DebError> {
        let text = index_text(packages);
        let mut index = PackageIndex::default();
        index.add(&text, "test").unwrap();
        resolve(&Seeds::parse(&format!("suite http://a/ s main\n{seeds}"), "seeds").unwrap(), &index)
    }

    #[test]
    fn alternatives_prefer_seeds_then_skips_then_the_first() {
        let packages = [
            ("app", "Depends: awk, mail1 | mail2, conf1 | conf2, new1 (>= 2) | new2\n"),
            ("mawk", "Provides: awk\n"),
            ("gawk", "Provides: awk\n"),
            ("mail1", ""),
            ("mail2", ""),
            ("conf2", ""),
            ("new1", ""),
            ("new2", ""),
        ];
        let got = resolved(&packages, "seed app mail2\nskip conf1\n").unwrap();
        assert_eq!(got.units["app"].depends, ["gawk", "mail2", "new2"]);
        let got = resolved(&packages, "seed app mawk\nskip conf1\n").unwrap();
        assert_eq!(got.units["app"].depends, ["mail1", "mawk", "new2"]);
    }

    #[test]
    fn cycles_and_groups_become_one_unit() {
        let packages = [
            ("libc", "Depends: libgcc\n"),
            ("libgcc", "Depends: libc\n"),
            ("python-libs", "Depends: libc, python-core\n"),
            ("python", "Depends: python-libs, python-extra\n"),
            ("python-core", "Depends: libc\n"),
            ("python-extra", "Depends: python-core, zlib\n"),
            ("zlib", "Depends: libc\n"),
        ];
        let got = resolved(&packages, "seed python\ngroup python: python-core python-libs absent\n").unwrap();
        assert_eq!(got.units["libc"].packages, ["libc", "libgcc"]);
        assert_eq!(got.units["python"].packages, ["python", "python-core", "python-libs", "python-extra"]);
        assert_eq!(got.units["python"].depends, ["libc", "zlib"]);
        assert_eq!(got.units.len(), 3);
    }

    #[test]
    fn essential_units_never_make_a_cycle() {
        let packages = [
            ("libc", ""),
            ("dash", "Depends: libc\n"),
            ("acl", "Depends: libc\n"),
            ("coreutils", "Depends: acl, libc\n"),
            ("app", "Depends: libc\n"),
        ];
        let got = resolved(&packages, "seed app\nessential dash coreutils\n").unwrap();
        assert_eq!(got.essential, ["dash", "coreutils"]);
        assert_eq!(got.units["libc"].essential.as_deref(), Some(&[][..]));
        assert_eq!(got.units["acl"].essential.as_deref(), Some(&["dash".to_owned()][..]));
        assert_eq!(got.units["coreutils"].essential.as_deref(), Some(&["dash".to_owned()][..]));
        assert_eq!(got.units["app"].essential, None);
        let lock = crate::Lock {
            version: crate::lock::LOCK_VERSION,
            architecture: "amd64".to_owned(),
            mirrors: Vec::new(),
            suites: Vec::new(),
            essential: got.essential,
            packages: got.packages,
            units: got.units,
            sources: BTreeMap::new(),
        };
        assert_eq!(crate::Lock::parse(&lock.render(), "lock").unwrap(), lock);
        assert_eq!(lock.order().unwrap(), ["libc", "dash", "acl", "coreutils", "app"]);
    }

    #[test]
    fn what_is_missing_is_reported_together() {
        let error =
            resolved(&[("app", "Depends: no1 | no2, no3\n")], "seed app gone\n").unwrap_err().to_string();
        for part in ["'app' needs 'no1' or 'no2'", "'app' needs 'no3'", "'gone' (wanted by the seeds)"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn edits_of_the_seeds_apply() {
        let packages = [("app", "Depends: big, libc\n"), ("big", ""), ("libc", ""), ("libload", "")];
        let got = resolved(&packages, "seed app\ndepend app: libload\nundepend app: big\n").unwrap();
        assert_eq!(got.units["app"].depends, ["libc", "libload"]);
        assert!(!got.packages.contains_key("big"));
    }
}
