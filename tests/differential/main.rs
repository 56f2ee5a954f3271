//! Generated expressions here and in C++ Nix: the same values, the same things evaluated in the same order, the same failures.
//!
//! Beside Debian's `nix-instantiate` (2.8) where it is installed; the second tier compares with the implementation that
//! `FIRN_ORACLE` leads to (a command that runs the script which it is given like `bash`), down to the text of errors.
//! `FIRN_ORACLE_COUNT` and `FIRN_ORACLE_SEED` choose how many expressions, and which.
#![allow(clippy::unwrap_used)] // a test fails where something is missing

mod generate;

use firn_tests::batch::{Printed, Shell, run};
use firn_tests::skipped;
use generate::Generator;

/// What the implementations print for each expression.
fn both(other: Shell<'_>, first: u64, count: u64) -> Vec<(String, Printed, Printed)> {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().display().to_string();
    let mut jobs = Vec::new();
    let mut texts = Vec::new();
    for seed in first..first + count {
        let text = Generator::new(seed).expression();
        std::fs::write(dir.path().join(format!("{seed}.nix")), &text).unwrap();
        jobs.push((folder.clone(), format!("nix-instantiate --eval --strict {seed}.nix")));
        texts.push(text);
    }
    let plain = |p: Printed| Printed {
        err: p.err.replace(&folder, "/dir"),
        out: p.out.replace(&folder, "/dir"),
        ..p
    };
    let ours = run(Shell::Own, &jobs);
    let theirs = run(other, &jobs);
    texts.into_iter().zip(ours).zip(theirs).map(|((t, a), b)| (t, plain(a), plain(b))).collect()
}

/// What was traced, in order.
fn traces(printed: &Printed) -> Vec<&str> {
    printed.err.lines().filter(|l| l.starts_with("trace: ")).collect()
}

/// What was traced, but for what `sort` compares: that is another algorithm in 2.8.
fn without_sorting(printed: &Printed) -> Vec<&str> {
    traces(printed).into_iter().filter(|line| !line.contains('<')).collect()
}

/// Differences to 2.8 that are meant, beside which elements `sort` compares: integers overflowed silently; `foldl'`
/// evaluated its start value, and `genList` and its like their function only if there was an element.
fn known_in_2_8(text: &str, ours: &Printed, theirs: &Printed) -> bool {
    let lazier = ["foldl'", "genList", "map ", "concatMap", "filter", "any", "all"];
    let only_traces = ours.out == theirs.out && ours.success == theirs.success;
    ours.err.contains("integer overflow") || (only_traces && lazier.iter().any(|name| text.contains(name)))
}

#[test]
fn as_in_nix_2_8() {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("nix-instantiate").is_file()));
    if !found {
        skipped("no nix-instantiate is installed");
        return;
    }
    let mut wrong = Vec::new();
    for (text, ours, theirs) in both(Shell::Other("bash"), 1, 150) {
        let same = ours.success == theirs.success
            && ours.out == theirs.out
            && (!ours.success || without_sorting(&ours) == without_sorting(&theirs));
        if !same && !known_in_2_8(&text, &ours, &theirs) {
            wrong.push(format!("{text}\nhere\n{}there\n{}", ours.show(), theirs.show()));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The second tier.
#[test]
fn as_in_another_implementation() {
    let Some(oracle) = std::env::var("FIRN_ORACLE").ok().filter(|o| !o.is_empty()) else {
        skipped("FIRN_ORACLE names no command (second tier)");
        return;
    };
    let number = |name, default| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (seed, count) = (number("FIRN_ORACLE_SEED", 1000), number("FIRN_ORACLE_COUNT", 300));
    let mut wrong = Vec::new();
    for (text, ours, theirs) in both(Shell::Other(&oracle), seed, count) {
        let same = ours.success == theirs.success
            && ours.out == theirs.out
            && traces(&ours) == traces(&theirs)
            && ours.message() == theirs.message();
        if !same {
            wrong.push(format!("{text}\nhere\n{}there\n{}", ours.show(), theirs.show()));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}
