//! The links that `update-alternatives` would make: `awk`, `which`, `c++`, `libblas.so.3` …
//!
//! Maintainer scripts are not run. Calls are read out of `postinst`, with variables that are set to literal words and loops over such words
//! expanded. Words that the shell would have to compute are skipped; the base names such links by hand (`links`).

use std::collections::BTreeMap;

use super::links::relative;
use super::tree::{Tree, lay_out};
use crate::DebError;

/// The most calls of one script, counting each round of a loop, and the size from which nothing is expanded any more.
const MAX_CALLS: usize = 10_000;
const MAX_EXPANDED: usize = 1 << 16;

/// Links by path in our layout: priority and the absolute target.
#[derive(Debug, Default)]
pub(super) struct Alternatives {
    links: BTreeMap<String, (i64, String)>,
}

impl Alternatives {
    /// Reads the calls in a maintainer script.
    pub(super) fn read(&mut self, script: &str) {
        let joined = script.replace("\\\n", " ");
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        let mut loops: Vec<(String, Vec<String>)> = Vec::new();
        let mut left = MAX_CALLS;
        for line in joined.lines().map(str::trim) {
            if let Some((name, list)) = line.strip_prefix("for ").and_then(|rest| rest.split_once(" in ")) {
                let list = expand(list.split(';').next().unwrap_or_default(), &variables);
                loops.push((name.trim().to_owned(), list.split_whitespace().map(str::to_owned).collect()));
            } else if line == "done" || line.starts_with("done ") || line.starts_with("done;") {
                loops.pop();
            } else if line.contains("update-alternatives") {
                self.read_call(line, &loops, &mut variables, &mut left);
            } else if let Some((name, value)) = assignment(line) {
                let value = expand(value, &variables);
                variables.insert(name.to_owned(), value);
            }
        }
    }

    /// Reads one call, once for each round of the loops around it.
    fn read_call(
        &mut self,
        line: &str,
        loops: &[(String, Vec<String>)],
        variables: &mut BTreeMap<String, String>,
        left: &mut usize,
    ) {
        if let Some(((name, list), inner)) = loops.split_first() {
            for word in list {
                variables.insert(name.clone(), word.clone());
                self.read_call(line, inner, variables, left);
            }
            variables.remove(name);
            return;
        }
        let Some(fewer) = left.checked_sub(1) else { return };
        *left = fewer;
        let line = expand(line, variables);
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

/// `NAME=VALUE` of a literal value, perhaps in quotes.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let value = value.trim_matches(['"', '\'']);
    (is_name && value.len() < 4096 && !value.contains(['`', '(', '"', '\'', ';'])).then_some((name, value))
}

/// Puts known variables in; unknown ones stay, with their dollar sign.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        let braced = after.strip_prefix('{').and_then(|after| after.split_once('}'));
        let (name, behind) = braced.unwrap_or_else(|| {
            let end = after.find(|symbol: char| !symbol.is_ascii_alphanumeric() && symbol != '_');
            after.split_at(end.unwrap_or(after.len()))
        });
        match variables.get(name) {
            Some(value) if result.len() < MAX_EXPANDED => {
                result.push_str(value);
                rest = behind;
            }
            _ => {
                result.push('$');
                rest = after;
            }
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_and_variables() {
        let script = "base=/usr/lib/jvm\ntools='java keytool'\npriority=21\nother=$(uname)\nfor i in $tools; do\n  for j in a b; do\n    update-alternatives --install /usr/bin/$i-$j $i ${base}/bin/$i $priority\n  done\ndone\nupdate-alternatives --install /usr/bin/$other x /usr/bin/y 1\nupdate-alternatives --install /usr/bin/$i x /usr/bin/y 1\n";
        let mut alternatives = Alternatives::default();
        alternatives.read(script);
        let got: Vec<_> = alternatives
            .links
            .iter()
            .map(|(link, (priority, path))| format!("{link} {priority} {path}"))
            .collect();
        let expected = [
            "bin/java-a 21 /usr/lib/jvm/bin/java",
            "bin/java-b 21 /usr/lib/jvm/bin/java",
            "bin/keytool-a 21 /usr/lib/jvm/bin/keytool",
            "bin/keytool-b 21 /usr/lib/jvm/bin/keytool",
        ];
        assert_eq!(got, expected);
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(script in "(for i in |done\n|update-alternatives |--install |--slave |\\$i |\\$\\{|\\}|/a |i=|\n|\"|é|; do){0,40}") {
            Alternatives::default().read(&script);
        }
    }

    #[test]
    fn calls_with_literal_words() {
        let script = "#!/bin/sh\nupdate-alternatives --quiet --install /usr/bin/awk awk /usr/bin/gawk 10 \\\n  --slave /usr/bin/nawk nawk /usr/bin/gawk\nupdate-alternatives --install /usr/bin/$i $i /usr/bin/x 5\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/better \"20\";\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/worse 1\nupdate-alternatives --install\nupdate-alternatives --install /usr/../x x /y 1\n";
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
