//! Interpreters of scripts, and the modules that Perl and Python programs of Debian expect in one place.
//!
//! Debian's Perl and Python look for modules of all packages below `/usr`. Here each package has a place of its own, so a program
//! gets the folders of its unit and the dependencies of that written into it: `use lib` behind the first line, or an extension of `sys.path`
//! before the first import.

use super::closure::Closure;
use super::libraries::names;
use super::tree::Tree;

const PERL: &str = "share/perl5";
/// Compiled modules are in a folder of this that is called after Perl's version.
const PERL_COMPILED: &str = "lib/x86_64-linux-gnu/perl5";
const PYTHON: &str = "lib/python3/dist-packages";

/// Rewrites a first line `#!…`; gives nothing if it can stay.
pub(super) fn shebang(tree: &Tree, closure: &mut Closure, line: &str) -> Option<String> {
    let command = line.strip_prefix("#!")?.trim();
    let (program, arguments) =
        command.split_once([' ', '\t']).map_or((command, ""), |(program, rest)| (program, rest.trim()));
    if program.starts_with(&closure.out) || program.starts_with("/nix/store/") || !program.starts_with('/') {
        return None;
    }
    let (found, arguments) = if program.ends_with("/env") {
        let words = arguments.strip_prefix("-S").unwrap_or(arguments).trim_start();
        let (name, rest) = words.split_once([' ', '\t']).unwrap_or((words, ""));
        if name.is_empty() || name.contains(['=', '/']) || name.starts_with('-') {
            return None;
        }
        (closure.find_program(tree, &format!("/usr/bin/{name}"))?, rest.trim())
    } else {
        (closure.find_program(tree, program)?, arguments)
    };
    Some(if arguments.is_empty() { format!("#!{found}") } else { format!("#!{found} {arguments}") })
}

/// The module folders of the unit and its dependencies.
#[derive(Debug, Default)]
pub(super) struct ModulePaths {
    perl: Vec<String>,
    python: Vec<String>,
}

impl ModulePaths {
    /// Lists the folders that exist.
    pub(super) fn find(tree: &Tree, closure: &Closure) -> ModulePaths {
        let own = |place: &str| tree.nodes().contains_key(place).then(|| format!("{}/{place}", closure.out));
        let compiled = tree.matching(&format!("{PERL_COMPILED}/*"));
        let mut perl: Vec<String> =
            own(PERL).into_iter().chain(compiled.iter().filter_map(|place| own(place))).collect();
        let mut python: Vec<String> = own(PYTHON).into_iter().collect();
        for unit in &closure.units {
            let there =
                |place: &str| unit.real.join(place).is_dir().then(|| format!("{}/{place}", unit.logical));
            perl.extend(there(PERL));
            let versions = names(&unit.real.join(PERL_COMPILED));
            perl.extend(versions.iter().filter_map(|version| there(&format!("{PERL_COMPILED}/{version}"))));
            python.extend(there(PYTHON));
        }
        ModulePaths { perl, python }
    }

    /// Inserts the folders into a program, whose text behind the first line is given.
    pub(super) fn insert(&self, path: &str, first_line: &str, rest: Vec<u8>) -> Vec<u8> {
        let program =
            first_line.split(['/', ' ']).rfind(|word| word.starts_with("perl") || word.starts_with("python"));
        let is_program =
            matches!(path.split('/').next(), Some("bin" | "sbin" | "games" | "libexec" | "lib" | "share"));
        match program {
            Some(word) if word.starts_with("perl") && is_program && !self.perl.is_empty() => {
                let line = format!("\nuse lib qw({});", self.perl.join(" "));
                [line.as_bytes(), &rest].concat()
            }
            Some(_) if is_program && !self.python.is_empty() => self.insert_python(rest),
            _ => rest,
        }
    }

    fn insert_python(&self, rest: Vec<u8>) -> Vec<u8> {
        let Some(at) = first_import(&rest) else { return rest };
        let folders: Vec<String> = self.python.iter().map(|folder| format!("'{folder}'")).collect();
        let line = format!("import sys; sys.path.extend([{}])\n", folders.join(", "));
        [&rest[..at], line.as_bytes(), &rest[at..]].concat()
    }
}

/// Where the first import statement at the margin begins that may have others before it (`from __future__` may not).
fn first_import(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut quotes: Option<&[u8]> = None;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let inside = quotes.is_some();
        // Enough of Python's syntax to pass over a long string at the top.
        let mut rest = line;
        while let Some(delimiter) = quotes.or_else(|| opening(rest)) {
            let Some(found) = memchr::memmem::find(rest, delimiter) else { break };
            rest = &rest[found + 3..];
            quotes = if quotes.is_some() { None } else { Some(delimiter) };
        }
        let import = line.starts_with(b"import ") || line.starts_with(b"from ");
        if !inside && import && !line.starts_with(b"from __future__") {
            return Some(at);
        }
        at += line.len();
    }
    None
}

fn opening(line: &[u8]) -> Option<&'static [u8]> {
    let double = memchr::memmem::find(line, b"\"\"\"");
    let single = memchr::memmem::find(line, b"'''");
    match (double, single) {
        (None, None) => None,
        (Some(double), Some(single)) if single < double => Some(b"'''"),
        (Some(_), _) => Some(b"\"\"\""),
        (None, Some(_)) => Some(b"'''"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn first_lines() {
        let folder = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(folder.path(), &BTreeSet::new());
        tree.write_file("bin/perl", b"", true).unwrap();
        tree.write_file("sbin/tool", b"", true).unwrap();
        let mut closure = Closure::read(&[], &[], "/nix/store/out").unwrap();
        for (line, expected) in [
            ("#!/usr/bin/perl -w", Some("#!/nix/store/out/bin/perl -w")),
            ("#! /usr/bin/env perl", Some("#!/nix/store/out/bin/perl")),
            ("#!/usr/bin/env -S perl -T", Some("#!/nix/store/out/bin/perl -T")),
            ("#!/bin/tool", Some("#!/nix/store/out/sbin/tool")),
            ("#!/usr/bin/env FOO=1 perl", None),
            ("#!/bin/sh", None),
            ("#!perl", None),
            ("#!", None),
        ] {
            assert_eq!(shebang(&tree, &mut closure, line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn module_folders_of_programs() {
        let modules =
            ModulePaths { perl: vec!["/p/a".to_owned(), "/p/b".to_owned()], python: vec!["/y".to_owned()] };
        let insert = |line: &str, rest: &str| {
            String::from_utf8(modules.insert("bin/x", line, rest.as_bytes().to_vec())).unwrap()
        };
        assert_eq!(insert("#!/usr/bin/perl -w", "\nprint;\n"), "\nuse lib qw(/p/a /p/b);\nprint;\n");
        let python = "\n# coding: utf-8\n\"\"\"\nimport nothing\n\"\"\"\nfrom __future__ import annotations\nimport re\nimport os\n";
        let expected = python.replace("import re", "import sys; sys.path.extend(['/y'])\nimport re");
        assert_eq!(insert("#!/usr/bin/env python3", python), expected);
        assert_eq!(insert("#!/usr/bin/python3", "\nprint(1)\n"), "\nprint(1)\n");
        assert_eq!(insert("#!/bin/sh", "\necho\n"), "\necho\n");
    }
}
