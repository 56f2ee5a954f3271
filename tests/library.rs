//! The library in base/lib: its own tests, results that it shares with nixpkgs' library, its reference, what it costs.
#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use firn_tests::shell;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

fn base_lib() -> PathBuf {
    root().join("base/lib")
}

/// Runs `nix-instantiate` with a store below `dir`.
fn instantiate(dir: &Path, arguments: &str) -> Output {
    let place = dir.display();
    shell(
        dir,
        &format!(
            "export NIX_STORE_DIR={place}/store NIX_STATE_DIR={place}/var/nix NIX_LOG_DIR={place}/var/log; \
             exec nix-instantiate --eval --read-write-mode {arguments}"
        ),
    )
}

/// Standard output of an evaluation that must succeed.
fn evaluated(dir: &Path, arguments: &str) -> String {
    let out = instantiate(dir, arguments);
    assert!(out.status.success(), "{arguments}\n{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_library_passes_its_own_tests() {
    let dir = tempfile::tempdir().unwrap();
    let tests = base_lib().join("tests");
    assert_eq!(evaluated(dir.path(), &format!("--strict {}", tests.display())).trim(), "[ ]");
    // The runner sees a failure: an expectation that is not met is in the list.
    let wrong = format!(
        "--strict -E '(import {}).runTests {{ testX = {{ expr = 1; expected = 2; }}; }}'",
        base_lib().display()
    );
    assert!(evaluated(dir.path(), &wrong).contains("testX"));
}

#[test]
fn every_function_has_a_comment_and_a_test() {
    let dir = tempfile::tempdir().unwrap();
    let docs = root().join("docs/lib.nix");
    assert_eq!(
        evaluated(dir.path(), &format!("--strict {} -A undocumented", docs.display())).trim(),
        "[ ]",
        "functions without a doc comment (or files that docs/lib.nix does not name)"
    );
    assert_eq!(
        evaluated(dir.path(), &format!("--strict {} -A untested", docs.display())).trim(),
        "[ ]",
        "functions without an example in their comment, a test in base/lib/tests or a result in tests/library/golden"
    );
}

#[test]
fn the_reference_in_the_manual_is_current() {
    let dir = tempfile::tempdir().unwrap();
    let page = root().join("docs/lib.md");
    let new = evaluated(dir.path(), &format!("--raw {} -A page", root().join("docs/lib.nix").display()));
    let old = std::fs::read_to_string(&page).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&page, &new).unwrap();
    } else {
        assert!(new == old, "docs/lib.md is out of date: UPDATE=1 cargo test -p firn-tests --test library");
    }
}

/// A probe and its result.
struct Probe {
    expression: String,
    result: String,
}

/// The probes of a file: an expression, then `=> ` and its result, which are one line each.
fn probes(file: &Path) -> Vec<Probe> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .chunks(2)
        .map(|pair| Probe {
            expression: pair[0].to_owned(),
            result: pair[1].strip_prefix("=> ").expect("a result after each expression").to_owned(),
        })
        .collect()
}

/// Evaluates expressions in which the library is in scope, in `dir/fixture`; their results, or None if there is an error that
/// nothing catches.
fn results(dir: &Path, name: &str, expressions: &[&str]) -> Option<Vec<String>> {
    let mut text = "lib: with lib; [\n".to_owned();
    for expression in expressions {
        writeln!(text, "({expression})").unwrap();
    }
    text.push_str("]\n");
    let file = dir.join("fixture").join(format!("{name}.nix"));
    std::fs::write(&file, text).unwrap();
    let run = root().join("tests/library/run.nix");
    let out = instantiate(
        dir,
        &format!("--raw {} --arg cases {} --arg lib {}", run.display(), file.display(), base_lib().display()),
    );
    std::fs::remove_file(&file).unwrap();
    out.status.success().then(|| String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// Results that nixpkgs' library gave as well when they were written (`differential.sh`).
#[test]
fn functions_give_what_nixpkgs_library_gives() {
    let dir = tempfile::tempdir().unwrap();
    // With its symbolic links.
    let copied =
        shell(dir.path(), &format!("cp -a {} fixture", root().join("tests/library/fixture").display()));
    assert!(copied.status.success());
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("tests/library/golden"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in &files {
        let topic = file.file_name().unwrap().to_str().unwrap();
        let probes = probes(file);
        count += probes.len();
        let (errors, values): (Vec<&Probe>, Vec<&Probe>) =
            probes.iter().partition(|probe| matches!(probe.result.as_str(), "<error>" | "<throws>"));
        let expressions: Vec<&str> = values.iter().map(|probe| probe.expression.as_str()).collect();
        match results(dir.path(), topic, &expressions) {
            Some(got) => {
                for (probe, got) in values.iter().zip(got) {
                    if probe.result != got {
                        wrong.push(format!(
                            "{topic}: {}\n  expected {}\n  got      {got}",
                            probe.expression, probe.result
                        ));
                    }
                }
            }
            None => wrong.push(format!("{topic}: an error stops the evaluation of those that have values")),
        }
        // Errors that can be caught are seen in one evaluation; the others stop it, so that a few are run alone.
        let (caught, fatal): (Vec<&Probe>, Vec<&Probe>) =
            errors.into_iter().partition(|probe| probe.result == "<throws>");
        let expressions: Vec<&str> = caught.iter().map(|probe| probe.expression.as_str()).collect();
        match results(dir.path(), topic, &expressions) {
            Some(got) => {
                for (probe, got) in caught.iter().zip(got).filter(|(_, got)| got != "<throws>") {
                    wrong.push(format!("{topic}: {}\n  expected an error\n  got {got}", probe.expression));
                }
            }
            None => wrong.push(format!("{topic}: an error that nothing catches")),
        }
        for probe in fatal.iter().step_by(1 + fatal.len() / 8) {
            if let Some(got) = results(dir.path(), topic, &[&probe.expression]) {
                if got != ["<throws>"] {
                    wrong.push(format!(
                        "{topic}: {}\n  expected an error\n  got {}",
                        probe.expression,
                        got.concat()
                    ));
                }
            }
        }
    }
    assert!(count > 2000, "only {count} probes");
    assert!(wrong.is_empty(), "{} of {count} results are different:\n{}", wrong.len(), wrong.join("\n"));
}

/// Counters of the evaluator for a made-up machine (benches/modules), against recorded bounds.
#[test]
fn the_module_system_costs_no_more_than_its_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let bounds = std::fs::read_to_string(root().join("benches/modules/bounds")).unwrap();
    let case = root().join("benches/modules/case.nix");
    let stats = dir.path().join("stats");
    let (mut attribute, mut counters) = (String::new(), String::new());
    let (mut over, mut count) = (Vec::new(), 0);
    for line in bounds.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [attr, counter, bound, theirs] = fields[..] else { panic!("four fields: {line}") };
        let (bound, theirs): (u64, u64) = (bound.parse().unwrap(), theirs.parse().unwrap());
        assert!(bound <= theirs, "{line}: the bound is above what nixpkgs' library needs");
        if attribute != attr {
            attribute = attr.to_owned();
            let out = shell(
                dir.path(),
                &format!(
                    "NIX_SHOW_STATS=1 NIX_SHOW_STATS_PATH={} nix-instantiate --eval --strict {} \
                     --arg lib 'import {}' -A {attr}",
                    stats.display(),
                    case.display(),
                    base_lib().display()
                ),
            );
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            counters = std::fs::read_to_string(&stats).unwrap();
        }
        let value = counters.split(&format!("\"{counter}\":")).nth(1).expect("the counter is there");
        let value: u64 = value.trim_start().split([',', '\n', '}']).next().unwrap().trim().parse().unwrap();
        count += 1;
        if value > bound {
            over.push(format!("{attr} {counter}: {value} is more than {bound}"));
        }
    }
    assert_eq!(count, 15);
    assert!(over.is_empty(), "{}", over.join("\n"));
}

/// Texts of `pkgs.formats`; `UPDATE=1` rewrites what is expected.
#[test]
fn formats_write_settings_as_programs_read_them() {
    let dir = tempfile::tempdir().unwrap();
    let show = format!(
        "let texts = import {} {{ lib = import {}; }}; \
         in builtins.concatStringsSep \"\" (map (name: \"== ${{name}}\\n${{texts.${{name}}}}\\n\") (builtins.attrNames texts))",
        root().join("tests/packages/formats.nix").display(),
        base_lib().display()
    );
    let got = evaluated(dir.path(), &format!("--raw -E '{show}'"));
    let file = root().join("tests/packages/formats.expected");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &got).unwrap();
    }
    assert_eq!(got, std::fs::read_to_string(&file).unwrap());
}

/// A package set for another system says what is wrong, as soon as a package is asked for.
#[test]
fn other_systems_get_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (
            "{ system = \"aarch64-linux\"; }",
            "the embedded base has packages for x86_64-linux, not for 'aarch64-linux'",
        ),
        (
            "{ system = \"x86_64-linux\"; crossSystem = { config = \"aarch64-unknown-linux-gnu\"; }; }",
            "the embedded base does not cross-compile",
        ),
    ] {
        let out = instantiate(
            dir.path(),
            &format!("-E '(import {} {arguments}).hello'", root().join("base").display()),
        );
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && error.contains(expected), "{error}");
    }
}
