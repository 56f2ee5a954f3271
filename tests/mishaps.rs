//! What goes wrong outside of anybody's expression: a wrong hash, a failing builder, no network, a full disk, a killed
//! process, a kernel that forbids namespaces. Each gets its message, and afterwards Debian's C++ Nix finds nothing to
//! complain of in the store.
#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use firn_tests::{bin_dir, shell, skipped};

/// Debian's C++ Nix, called by its whole path.
const OTHER: &str = "/usr/bin/nix-store";

/// A folder of a test: expressions, and a store `s` that is not yet made.
fn scene() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("ok.nix", &derivation("ok", "echo hi > $out"));
    write(
        "fails.nix",
        &derivation("fails", "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; done; exit 7"),
    );
    write(
        "fills.nix",
        &derivation(
            "fills",
            "x=................................................................; x=$x$x$x$x; while echo $x; do :; done > $out; exit 1",
        ),
    );
    write(
        "slow.nix",
        &derivation("slow", "echo begun > $out; i=0; while [ $i -lt 100000000 ]; do i=$((i+1)); done"),
    );
    dir
}

fn derivation(name: &str, script: &str) -> String {
    format!(
        "derivation {{ name = \"{name}\"; system = \"x86_64-linux\"; builder = \"/bin/sh\"; args = [ \"-c\" \"{script}\" ]; }}\n"
    )
}

/// A file from a URL whose contents must have the hash of nothing.
fn fetched(url: &str) -> String {
    format!(
        "derivation {{ name = \"f\"; system = \"builtin\"; builder = \"builtin:fetchurl\"; url = \"{url}\"; \
         outputHashMode = \"flat\"; outputHashAlgo = null; outputHash = \"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"; }}\n"
    )
}

/// Runs a command with no configuration but the test's own.
fn run(dir: &Path, command: &str) -> Output {
    shell(dir, &format!("export NIX_CONF_DIR=$HOME/etc; unset NIX_STATE_DIR XDG_CONFIG_HOME; {command}"))
}

fn error_of(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// What a sandboxed build needs and this machine may lack; says so.
fn builds_work(dir: &Path) -> bool {
    let out = run(dir, "nix-build --no-out-link --store $PWD/s ok.nix");
    if !out.status.success() {
        skipped(&format!("nothing can be built here: {}", error_of(&out)));
    }
    out.status.success()
}

/// Whether the script can make mounts of its own, as root or in a user namespace; the command that does it.
fn own_mounts(dir: &Path) -> Option<&'static str> {
    let found = ["unshare -m", "unshare -r -m"].into_iter().find(|prefix| {
        run(dir, &format!("{prefix} sh -c 'mkdir -p probe && mount -t tmpfs none probe'")).status.success()
    });
    if found.is_none() {
        skipped("no file systems can be mounted here");
    }
    found
}

/// A command that asks both implementations what they find wrong with a store.
fn verify(store: &str) -> String {
    let ours = format!("nix-store --store {store} --verify --check-contents");
    if Path::new(OTHER).exists() {
        format!("{ours} && {OTHER} --store {store} --option build-users-group '' --verify --check-contents")
    } else {
        skipped(&format!("the second opinion: {OTHER} is not installed"));
        ours
    }
}

#[track_caller]
fn content(dir: &Path) {
    let out = run(dir, &verify("$PWD/s"));
    assert!(out.status.success(), "{}", error_of(&out));
}

#[test]
fn a_wrong_hash_is_told_with_both_hashes_and_the_url() {
    let scene = scene();
    let dir = scene.path();
    std::fs::write(dir.join("f"), "data\n").unwrap();
    std::fs::write(dir.join("wrong.nix"), fetched(&format!("file://{}/f", dir.display()))).unwrap();
    let out = run(dir, "nix-build --no-out-link --store $PWD/s wrong.nix");
    assert_eq!(out.status.code(), Some(102), "{}", error_of(&out));
    for part in [
        "specified: sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "got:    sha256-Zmey0aq2oAyqWu5a+K2fFGXlZ6vxwgnRVyfVez6Pbl8=",
        &format!("file://{}/f", dir.display()),
    ] {
        assert!(error_of(&out).contains(part), "{part}: {}", error_of(&out));
    }
    content(dir);
}

#[test]
fn a_failing_builder_shows_its_last_lines_and_where_the_rest_is() {
    let scene = scene();
    let dir = scene.path();
    if !builds_work(dir) {
        return;
    }
    let out = run(dir, "nix build --store $PWD/s -f fails.nix");
    let error = error_of(&out);
    // the new commands of the reference end with 1; see `nix-build` for 100 and more
    assert_eq!(out.status.code(), Some(1), "{error}");
    assert!(error.contains("> line 40\n") && error.contains("> line 16\n"), "{error}");
    assert!(!error.contains("> line 15\n"), "the last 25 lines only: {error}");
    let log = error.lines().find_map(|l| l.split("nix log ").nth(1)).unwrap_or_else(|| panic!("{error}"));
    let path = log.split(['\'', ' ']).next().unwrap();
    let whole = run(dir, &format!("nix log --store $PWD/s {path}"));
    assert_eq!(String::from_utf8_lossy(&whole.stdout).lines().count(), 40, "{}", error_of(&whole));
    content(dir);
}

#[test]
fn without_a_network_the_url_and_the_reason_are_named() {
    let scene = scene();
    let dir = scene.path();
    std::fs::write(dir.join("net.nix"), fetched("http://127.0.0.1:9/f")).unwrap();
    let out = run(dir, "nix-build --no-out-link --option download-attempts 2 --store $PWD/s net.nix");
    let error = error_of(&out);
    assert_eq!(out.status.code(), Some(1), "{error}");
    assert!(error.contains("unable to download 'http://127.0.0.1:9/f'"), "{error}");
    assert!(error.contains("Connection refused"), "{error}");
    content(dir);
}

#[test]
fn a_full_disk_loses_nothing() {
    let scene = scene();
    let dir = scene.path();
    let Some(prefix) = own_mounts(dir) else { return };
    if !builds_work(dir) {
        return;
    }
    let check = verify("$PWD/d");
    let script = format!(
        "set -eu; mkdir d; mount -t tmpfs -o size=3m none d
         code=0; nix-build --no-out-link --store $PWD/d fills.nix 2> fills.err || code=$?; echo $code > fills.code
         {check}
         nix-collect-garbage --store $PWD/d
         dd if=/dev/zero of=d/filler bs=4k status=none 2>/dev/null || true
         code=0; nix-build --no-out-link --store $PWD/d ok.nix 2> full.err || code=$?; echo $code > full.code
         rm d/filler
         {check}
         nix-build --no-out-link --store $PWD/d ok.nix
         {check}"
    );
    std::fs::write(dir.join("script"), script).unwrap();
    let out = run(dir, &format!("{prefix} bash script"));
    assert!(out.status.success(), "{}", error_of(&out));
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    // not a permanent failure: with more room it may succeed
    assert_eq!(read("fills.code"), "1\n", "{}", read("fills.err"));
    assert!(read("fills.err").contains("No space left on device"), "{}", read("fills.err"));
    assert!(read("fills.err").contains("lack of free disk space"), "{}", read("fills.err"));
    assert_eq!(read("full.code"), "1\n", "{}", read("full.err"));
    // by the file system, or by the database, which can't tell it from other errors
    let told = ["No space left on device", "its disk is full"].iter().any(|t| read("full.err").contains(t));
    assert!(told, "{}", read("full.err"));
    assert!(
        String::from_utf8_lossy(&out.stdout).ends_with("-ok\n"),
        "{}",
        String::from_utf8_lossy(&out.stdout)
    );
}

#[test]
fn a_killed_program_leaves_a_store_that_goes_on() {
    let scene = scene();
    let dir = scene.path();
    if !builds_work(dir) {
        return;
    }
    // at different moments: while it evaluates, sets up the sandbox, runs the builder
    for delay in [3, 8, 15, 30, 60, 250] {
        let path = format!("{}:{}", bin_dir().display(), std::env::var("PATH").unwrap_or_default());
        let mut child = std::process::Command::new(bin_dir().join("nix-build"))
            .args(["--no-out-link", "--store", &dir.join("s").display().to_string(), "slow.nix"])
            .current_dir(dir)
            .env("PATH", path)
            .env("HOME", dir)
            .env("NIX_CONF_DIR", dir.join("etc"))
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        builders_are_gone(dir);
        content(dir);
    }
    let again =
        run(dir, "nix-build --no-out-link --store $PWD/s ok.nix && nix-collect-garbage --store $PWD/s");
    assert!(again.status.success(), "{}", error_of(&again));
    let left: Vec<String> = ["s/nix/store", "s/nix/var/nix/builds"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(dir.join(folder)).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".links")
        .collect();
    assert!(left.is_empty(), "a collection leaves {left:?}");
    content(dir);
}

/// Waits until no process has a file of the test's folder as its root or working folder.
fn builders_are_gone(dir: &Path) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let alive: Vec<u32> = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| {
                ["root", "cwd"].iter().any(|link| {
                    std::fs::read_link(format!("/proc/{pid}/{link}")).is_ok_and(|to| to.starts_with(dir))
                })
            })
            .collect();
        if alive.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "builders outlive the program: {alive:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn where_namespaces_are_forbidden_the_cause_is_named_and_root_builds_all_the_same() {
    let scene = scene();
    let dir = scene.path();
    let as_root = String::from_utf8_lossy(&run(dir, "id -u").stdout).trim() == "0";
    if !as_root || !run(dir, "mkdir -p /nix && unshare -m true && setpriv --version").status.success() {
        return skipped("a container without rights can be set up by root only");
    }
    // a changed root forbids user namespaces, a missing capability the others: the kernel's view of a plain container
    let script = "set -eu; mkdir inside; mount --rbind / inside; mount -t tmpfs none inside/nix
         enter() { chroot inside setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin env --chdir=$PWD \"$@\"; }
         code=0; enter nix-build --no-out-link --option sandbox-fallback false ok.nix 2> strict.err || code=$?; echo $code > strict.code
         enter nix-build --no-out-link ok.nix 2> fallback.err
         enter bash verify 2> verify.err";
    std::fs::write(dir.join("verify"), verify("daemon").replace("--store daemon ", "")).unwrap();
    std::fs::write(dir.join("script"), script).unwrap();
    let out = run(dir, "unshare -m bash script");
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_default();
    assert!(out.status.success(), "{}{}{}", error_of(&out), read("fallback.err"), read("verify.err"));
    assert_eq!(read("strict.code"), "1\n", "{}", read("strict.err"));
    assert!(read("strict.err").contains("--no-sandbox"), "{}", read("strict.err"));
    for text in ["strict.err", "fallback.err"].map(read) {
        assert!(text.contains("hint: "), "what is missing is not named: {text}");
    }
    assert!(read("fallback.err").contains("warning: auto-disabling sandboxing"), "{}", read("fallback.err"));
    assert!(
        String::from_utf8_lossy(&out.stdout).ends_with("-ok\n"),
        "{}",
        String::from_utf8_lossy(&out.stdout)
    );
}
