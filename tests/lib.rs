//! What the end-to-end tests share: the executable under its names, a home of its own, patterns.

pub mod batch;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The names that tests call the executable by.
const NAMES: [&str; 14] = [
    "firn",
    "nix",
    "nix-build",
    "nix-store",
    "nix-instantiate",
    "nix-shell",
    "nix-env",
    "nix-channel",
    "nix-collect-garbage",
    "nix-copy-closure",
    "nix-hash",
    "nix-prefetch-url",
    "nix-daemon",
    "nixos-rebuild",
];

/// The folder with the executable under all its names. The executable is the one that `cargo` built for this test run
/// (`FIRN_BIN` names another).
pub fn bin_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let exe = std::env::var_os("FIRN_BIN").map(PathBuf::from).unwrap_or_else(built_executable);
        let dir = std::env::temp_dir().join(format!("firn-tests-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder for links");
        for name in NAMES {
            let link = dir.join(name);
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&exe, &link).expect("a link to the executable");
        }
        dir
    })
}

/// Builds the executable in the profile of this test run and returns its path.
fn built_executable() -> PathBuf {
    // target/<triple>/<profile>/deps/<test> -> target/<triple>/<profile>/firn
    let test = std::env::current_exe().expect("the test's own path");
    let profile_dir = test.parent().and_then(Path::parent).expect("the folder of the profile").to_owned();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).args(["build", "--quiet", "--package", "firn"]);
    if profile_dir.ends_with("release") {
        cargo.arg("--release");
    }
    // What cargo tells this test of its own package would make build scripts of other packages run again.
    for (name, _) in std::env::vars_os() {
        let about_us = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if about_us.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "building the executable failed");
    profile_dir.join("firn")
}

/// Runs a shell command in `dir`, with the executable's names first in the search path and a home below `dir`.
pub fn shell(dir: &Path, command: &str) -> Output {
    let path = format!("{}:{}", bin_dir().display(), std::env::var("PATH").unwrap_or_default());
    Command::new("bash")
        .args(["-c", command])
        .current_dir(dir)
        .env("PATH", path)
        .env("HOME", dir)
        .env_remove("NIX_PATH")
        .env("NIX_CONFIG", "experimental-features = nix-command flakes")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("bash runs")
}

/// Says that a test did not run here, and why.
#[allow(clippy::print_stdout)]
pub fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// Whether `text` fits `pattern`, in which `…` stands for any text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let parts: Vec<&str> = pattern.split('…').collect();
    let Some((first, rest)) = parts.split_first() else { return false };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let Some((last, middle)) = rest.split_last() else { return left.is_empty() };
    for part in middle {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.len() >= last.len() && left.ends_with(last)
}

/// Copies a tree of plain files and folders.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a readable folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        assert!(matches("abc", "abc"));
        assert!(!matches("abc", "abcd"));
        assert!(matches("a…c", "a b c"));
        assert!(matches("…", ""));
        assert!(!matches("a…c", "a b d"));
        assert!(!matches("ab…ba", "aba"));
    }
}
