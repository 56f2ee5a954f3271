//! The release and its installer, run as the handbook does (items S1 to S3), into folders of the test's own.

#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A release of the executable under test, made once.
fn release() -> &'static Path {
    static DIR: OnceLock<tempfile::TempDir> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let exe = std::fs::canonicalize(firn_tests::bin_dir().join("firn")).unwrap();
        // Symbols for debugging are no part of a release; without them the archive is made sooner.
        let small = dir.path().join("exe");
        let stripped = Command::new("strip").arg("-o").arg(&small).arg(&exe).status();
        let exe = if stripped.is_ok_and(|s| s.success()) { small } else { exe };
        xtask::dist::release(&exe, &dir.path().join("dist")).unwrap();
        dir
    })
    .path()
}

/// Runs bash in a home of its own; `RELEASE` is the folder of releases.
fn bash(home: &Path, command: &str) -> Output {
    let dist = release().join("dist");
    Command::new("bash")
        .args(["-c", command])
        .current_dir(home)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", home)
        .env("RELEASE", &dist)
        .env("URL", format!("file://{}", dist.display()))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn ok(home: &Path, command: &str) -> String {
    let out = bash(home, command);
    assert!(out.status.success(), "{command}\n{}\n{}", text(&out.stdout), text(&out.stderr));
    text(&out.stdout)
}

/// All paths below a folder, sorted.
fn tree(dir: &Path) -> String {
    text(&Command::new("find").arg(".").current_dir(dir).output().unwrap().stdout)
        .lines()
        .map(str::to_owned)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_installer_says_how_it_is_used() {
    let home = tempfile::tempdir().unwrap();
    let shown = ok(home.path(), "sh <(cat $RELEASE/install) --help");
    assert!(
        shown.starts_with(
            "Nix Installer [--daemon|--no-daemon] [--daemon-user-count INT] [--no-channel-add] [--no-modify-profile] [--nix-extra-conf-file FILE]\nChoose installation method.\n"
        ),
        "{shown}"
    );
    for part in [
        "--daemon:",
        "(default)",
        "Defaults to 32.",
        "Path to nix.conf to prepend",
        "--tarball-url-prefix URL",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn install_and_uninstall_for_one_user() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::write(home.join(".profile"), "echo mine\n").unwrap();
    let before = tree(home);
    // the script comes from a pipe, and so does the configuration
    ok(
        home,
        "configuration='extra-experimental-features = nix-command flakes repl-flake
extra-trusted-users = reader'
        sh <(cat $RELEASE/install) --no-channel-add --tarball-url-prefix $URL --nix-extra-conf-file <(cat <<< \"$configuration\")",
    );
    let conf = std::fs::read_to_string(home.join(".config/nix/nix.conf")).unwrap();
    assert!(conf.starts_with("extra-experimental-features = nix-command flakes repl-flake\n"), "{conf}");
    assert!(!home.join(".nix-channels").exists());
    let shown = ok(
        home,
        "bash -l -c 'nix --version; nix config show experimental-features; ls -d /nix' 2>&1 || true",
    );
    assert!(shown.contains("mine\n") && shown.contains("nix (Nix) "), "{shown}");
    assert!(shown.contains("flakes") && shown.contains("nix-command"), "{shown}");
    assert!(home.join(".local/share/firn/share/man/man1/nix-build.1").exists());
    let again = bash(home, "sh $RELEASE/install --tarball-url-prefix $URL");
    assert!(text(&again.stderr).contains("has an installation already"), "{}", text(&again.stderr));
    ok(home, "rm -rf .cache; .local/share/firn/uninstall");
    let after = tree(home);
    // folders that the user's own data may lie in may stay empty
    let left: Vec<&str> =
        after.lines().filter(|l| !before.lines().any(|b| b == *l) && !home.join(l).is_dir()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(std::fs::read_to_string(home.join(".profile")).unwrap(), "echo mine\n");
}

#[test]
fn install_and_uninstall_for_all_users() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    ok(
        home,
        "mkdir -p root/etc; echo old > root/etc/bash.bashrc; mkdir -p root/etc/nix; echo 'cores = 3' > root/etc/nix/nix.conf",
    );
    let before = tree(&home.join("root"));
    ok(
        home,
        "FIRN_ROOT=$HOME/root sh $RELEASE/install --daemon --daemon-user-count 4 --no-channel-add --tarball-url-prefix $URL --nix-extra-conf-file <(echo 'max-jobs = 2')",
    );
    assert_eq!(
        std::fs::read_to_string(home.join("root/etc/nix/nix.conf")).unwrap(),
        "max-jobs = 2\nbuild-users-group = nixbld\ncores = 3\n"
    );
    assert!(home.join("root/usr/local/bin/nix").is_symlink());
    ok(home, "root/usr/local/lib/firn/uninstall --purge");
    assert_eq!(tree(&home.join("root")), before);
    assert_eq!(std::fs::read_to_string(home.join("root/etc/bash.bashrc")).unwrap(), "old\n");
    assert_eq!(std::fs::read_to_string(home.join("root/etc/nix/nix.conf")).unwrap(), "cores = 3\n");
}

#[test]
fn a_tarball_with_another_hash_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let version = env!("CARGO_PKG_VERSION");
    ok(
        home,
        &format!(
            "mkdir -p bad/{version}; cp $RELEASE/{version}/*.tar.xz bad/{version}/; echo x >> bad/{version}/firn-{version}-x86_64-linux.tar.xz"
        ),
    );
    let out = bash(home, "sh $RELEASE/install --tarball-url-prefix file://$HOME/bad");
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("SHA-256 hash mismatch"), "{}", text(&out.stderr));
    assert!(!home.join(".local").exists());
    let page = std::fs::read_to_string(release().join("dist/index.html")).unwrap();
    assert!(page.contains(&format!("href=\"{version}/install\"")), "{page}");
}
