//! The corpus of the language: `tests/lang/FAMILY/NAME.nix` beside what evaluating it prints.
//!
//! - `NAME.out` is the standard output, `NAME.err` the standard error, with a line `error: …` if the case fails. The
//!   corpus' own folder reads `/lang` in both.
//! - `NAME.flags` holds more flags. The command is `nix-instantiate --eval --strict FLAGS NAME.nix`; flags that choose another
//!   mode (`--eval`, `--parse`) take the place of `--eval --strict`.
//! - In `commands` the cases are shell commands, `NAME.cmd`.
//! - The files agree with what C++ Nix 2.34 prints (output, status, warnings and `trace:` lines, the text of the error), but for
//!   the cases that `differences.txt` names with the reason; places and traces of errors are those of its next release.
//!
//! `UPDATE=1` rewrites the files from what Firn prints. `FIRN_ORACLE='SHELL'` runs the corpus through another
//! implementation as well (the second tier): SHELL runs the script that it is given like `bash`, with the other
//! `nix-instantiate` in the search path. Whatever that prints otherwise must stand in `differences.txt`.
#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use firn_tests::batch::{Printed, Shell, run};
use firn_tests::{bin_dir, skipped};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lang")
}

/// The cases: `FAMILY/NAME`, in order.
fn cases() -> Vec<String> {
    let mut names = Vec::new();
    for family in std::fs::read_dir(root()).unwrap() {
        let family = family.unwrap();
        if !family.file_type().unwrap().is_dir() {
            continue;
        }
        for file in std::fs::read_dir(family.path()).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            // In the family of commands expressions are what the commands work on.
            let ending = if family.file_name() == "commands" { ".cmd" } else { ".nix" };
            if let Some(name) = file.strip_suffix(ending) {
                names.push(format!("{}/{name}", family.file_name().to_str().unwrap()));
            }
        }
    }
    names.sort();
    names
}

/// `NAME: reason` a line.
fn differences() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("differences.txt")).unwrap();
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|line| {
            let (name, reason) = line.split_once(": ").expect("NAME: reason");
            assert!(!reason.trim().is_empty(), "{name} has no reason");
            (name.to_owned(), reason.to_owned())
        })
        .collect()
}

fn read(path: &Path) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The command line of a case.
fn command(case: &str) -> (String, String) {
    let (family, name) = case.split_once('/').unwrap();
    let folder = root().join(family);
    if let Some(command) = read(&folder.join(format!("{name}.cmd"))) {
        return (folder.display().to_string(), format!("bash -c {}", quoted(command.trim())));
    }
    let flags = read(&folder.join(format!("{name}.flags"))).unwrap_or_default();
    let other = flags.split_whitespace().any(|f| f == "--eval" || f == "--parse");
    let mode = if other { "" } else { "--eval --strict" };
    (folder.display().to_string(), format!("nix-instantiate {mode} {} {name}.nix", flags.trim()))
}

fn expected(case: &str) -> Option<Printed> {
    let out = read(&root().join(format!("{case}.out")));
    let err = read(&root().join(format!("{case}.err")));
    if out.is_none() && err.is_none() {
        return None;
    }
    let err = err.unwrap_or_default();
    let success = !err.lines().any(|line| line.starts_with("error:"));
    Some(Printed { success, out: out.unwrap_or_default(), err })
}

fn write(case: &str, printed: &Printed) {
    let put = |ending: &str, text: Option<&str>| {
        let path = root().join(format!("{case}.{ending}"));
        match text {
            Some(text) => std::fs::write(path, text).unwrap(),
            None => drop(std::fs::remove_file(path)),
        }
    };
    put("out", (printed.success || !printed.out.is_empty()).then_some(&printed.out));
    put("err", Some(printed.err.as_str()).filter(|e| !e.is_empty()));
}

/// Runs all cases with a shell.
fn run_all(shell: Shell<'_>, cases: &[String]) -> BTreeMap<String, Printed> {
    let jobs: Vec<_> = cases.iter().map(|c| command(c)).collect();
    let plain = |text: &str| text.replace(root().to_str().unwrap(), "/lang");
    let printed =
        run(shell, &jobs).into_iter().map(|p| Printed { out: plain(&p.out), err: plain(&p.err), ..p });
    cases.iter().cloned().zip(printed).collect()
}

#[test]
fn the_corpus_evaluates_to_what_stands_beside_it() {
    let cases = cases();
    let results = run_all(Shell::Own, &cases);
    if std::env::var_os("UPDATE").is_some() {
        results.iter().for_each(|(case, printed)| write(case, printed));
        return;
    }
    let mut wrong = Vec::new();
    for case in &cases {
        let want = expected(case).unwrap_or_else(|| panic!("{case} has no expected output"));
        if want != results[case] {
            wrong.push(format!("{case}\nwanted\n{}got\n{}", want.show(), results[case].show()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The second tier.
#[test]
fn another_implementation_agrees() {
    let Some(oracle) = std::env::var("FIRN_ORACLE").ok().filter(|o| !o.is_empty()) else {
        skipped("FIRN_ORACLE names no command (second tier)");
        return;
    };
    let (cases, known) = (cases(), differences());
    let mut wrong = Vec::new();
    for (case, printed) in run_all(Shell::Other(&oracle), &cases) {
        // Traces differ from release to release: what is compared of an error is its text.
        let same = expected(&case).is_some_and(|e| {
            e.success == printed.success
                && e.out == printed.out
                && e.message() == printed.message()
                && e.remarks() == printed.remarks()
        });
        if same == known.contains_key(&case) {
            let what = if same { "is in differences.txt, but does not differ" } else { "differs" };
            wrong.push(format!("{case} {what}\n{}", printed.show()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn differences_are_cases() {
    let cases = cases();
    for name in differences().keys() {
        assert!(cases.contains(name), "{name} is no case");
    }
}

/// All words of a text that could be names.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '\''))).collect()
}

/// Builtins that fetch: their tests are those of fetching and of flakes.
const ELSEWHERE: [&str; 8] = [
    "fetchClosure",
    "fetchGit",
    "fetchMercurial",
    "fetchTarball",
    "fetchTree",
    "fetchurl",
    "flakeRefToString",
    "parseFlakeRef",
];

#[test]
fn every_builtin_occurs() {
    let all: String = cases().iter().filter_map(|c| read(&root().join(format!("{c}.nix")))).collect();
    let used = words(&all);
    let features = "ca-derivations dynamic-derivations fetch-closure fetch-tree flakes nix-command";
    let out = Command::new(bin_dir().join("nix-instantiate"))
        .args(["--eval", "--json", "--extra-experimental-features", features, "-E"])
        .arg("builtins.attrNames builtins")
        .output()
        .unwrap();
    let names = String::from_utf8(out.stdout).unwrap();
    let names: Vec<&str> =
        names.trim().trim_matches(['[', ']']).split(',').map(|n| n.trim_matches('"')).collect();
    assert!(names.len() > 100, "{names:?}: {}", String::from_utf8_lossy(&out.stderr));
    let missing: Vec<_> = names.iter().filter(|n| !used.contains(**n) && !ELSEWHERE.contains(n)).collect();
    assert!(missing.is_empty(), "no case uses {missing:?}");
}
