//! The examples, built and run: they fetch packages from Debian's archive. Second tier: only with FIRN_NETWORK_TESTS=1.
#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::path::Path;

use firn_tests::{copy_tree, shell, skipped};

/// Runs `command` in a copy of an example; its output, or nothing where network tests are not wanted.
fn example(name: &str, command: &str) -> Option<String> {
    if std::env::var_os("FIRN_NETWORK_TESTS").is_none() {
        skipped("needs Debian's archive: set FIRN_NETWORK_TESTS=1");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    copy_tree(
        &Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples").join(name),
        dir.path(),
    );
    let out = shell(dir.path(), command);
    assert!(out.status.success(), "{command}\n{}", String::from_utf8_lossy(&out.stderr));
    Some(String::from_utf8(out.stdout).unwrap())
}

#[test]
fn the_first_flake_says_hello() {
    let run = "firn run && firn run . && firn run '.#default' && firn run '.#packages.x86_64-linux.default'";
    let Some(out) = example("hello", run) else { return };
    assert_eq!(out, "Hello, world!\n".repeat(4));
}

#[test]
fn a_package_of_one_s_own_wraps_cowsay() {
    let Some(out) = example("cowsay", "firn run . -- howdy && firn run .#shout -- howdy") else { return };
    assert_eq!(out.matches("< howdy >").count(), 2, "{out}");
}

#[test]
fn a_failing_builder_shows_its_last_lines() {
    let expr = "with (builtins.getFlake \"base:\").legacyPackages.x86_64-linux; runCommand \"fails\" { } \"echo a last word; exit 3\"";
    if std::env::var_os("FIRN_NETWORK_TESTS").is_none() {
        return skipped("needs Debian's archive: set FIRN_NETWORK_TESTS=1");
    }
    let dir = tempfile::tempdir().unwrap();
    let out = shell(dir.path(), &format!("firn build --impure --expr '{expr}'"));
    let error = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(100), "{error}");
    assert!(error.contains("> a last word") && error.contains("nix log /nix/store/"), "{error}");
}

#[test]
fn the_interface_of_the_package_set_works_when_built() {
    if std::env::var_os("FIRN_NETWORK_TESTS").is_none() {
        return skipped("needs Debian's archive: set FIRN_NETWORK_TESTS=1");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packages/build.nix");
    let out = shell(dir.path(), &format!("nix-build --no-out-link {}", file.display()));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stdout).contains("-interface-works"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packages/programs.nix");
    let out = shell(dir.path(), &format!("nix-build --no-out-link {} -A tools", file.display()));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
