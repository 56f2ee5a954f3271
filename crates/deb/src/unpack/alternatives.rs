//! The links that `update-alternatives` would make: `awk`, `which`, `c++`, `libblas.so.3` …
//!
//! Maintainer scripts are not run. Calls with literal words are read out of `postinst`; words that the shell would have to expand are
//! skipped, and the seeds of the base name such links by hand (`links`).

use std::collections::BTreeMap;

use super::links::relative;
use super::tree::{Tree, lay_out};
use crate::DebError;

/// Links by path in our layout: priority and the absolute target.
#[derive(Debug, Default)]
pub(super) struct Alternatives {
    links: BTreeMap<String, (i64, String)>,
}

impl Alternatives {
    /// Reads the calls in a maintainer script.
    pub(super) fn read(&mut self, script: &str) {
        let joined = script.replace("\\\n", " ");
        for line in joined.lines().filter(|line| line.contains("update-alternatives")) {
            let words: Vec<&str> =
                line.split_whitespace().map(|word| word.trim_matches(['"', '\'', ';', ')'])).collect();
            let mut priority = 0;
            for (index, word) in words.iter().enumerate() {
                match (*word, words.get(index + 1..)) {
                    ("--install", Some([link, _, path, number, ..])) => {
                        priority = number.parse().unwrap_or(0);
                        self.add(link, path, priority);
                    }
                    ("--slave", Some([link, _, path, ..])) => self.add(link, path, priority),
                    _ => {}
                }
            }
        }
    }

    fn add(&mut self, link: &str, path: &str, priority: i64) {
        let literal =
            |word: &str| word.starts_with('/') && !word.contains(['$', '`', '*', '(', '|', '&', '<', '>']);
        if !literal(link) || !literal(path) || link.split('/').any(|component| component == "..") {
            return;
        }
        let link = lay_out(link.trim_start_matches('/')).to_owned();
        if self.links.get(&link).is_none_or(|(other, _)| *other < priority) {
            self.links.insert(link, (priority, path.to_owned()));
        }
    }

    /// Adds the links whose target is in the unit and whose place is free.
    pub(super) fn apply(&self, tree: &mut Tree) -> Result<(), DebError> {
        for (link, (_, target)) in &self.links {
            let target = lay_out(target.trim_start_matches('/'));
            if !tree.contains(link) && tree.contains(target) {
                let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
                tree.add_link(link, relative(folder, target))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_with_literal_words() {
        let script = "#!/bin/sh\nupdate-alternatives --quiet --install /usr/bin/awk awk /usr/bin/gawk 10 \\\n  --slave /usr/bin/nawk nawk /usr/bin/gawk\nfor i in a b; do\n update-alternatives --install /usr/bin/$i $i /usr/bin/x 5\ndone\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/better \"20\";\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/worse 1\nupdate-alternatives --install\nupdate-alternatives --install /usr/../x x /y 1\n";
        let mut alternatives = Alternatives::default();
        alternatives.read(script);
        let expected = [("bin/awk", 20, "/usr/bin/better"), ("bin/nawk", 10, "/usr/bin/gawk")];
        let got: Vec<_> = alternatives
            .links
            .iter()
            .map(|(link, (priority, path))| (link.as_str(), *priority, path.as_str()))
            .collect();
        assert_eq!(got, expected);
    }
}
