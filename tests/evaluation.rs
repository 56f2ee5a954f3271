//! Evaluation and flakes through the command line, without network.
#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::path::Path;

use firn_tests::{matches, shell};

/// Runs a command that must succeed; its output.
fn ok(dir: &Path, command: &str) -> String {
    let out = shell(dir, command);
    assert!(out.status.success(), "{command}\n{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
}

/// Runs a command that must fail; its error output.
fn fails(dir: &Path, command: &str) -> String {
    let out = shell(dir, command);
    assert!(!out.status.success(), "{command} succeeds: {}", String::from_utf8_lossy(&out.stdout));
    String::from_utf8(out.stderr).unwrap().trim_end().to_owned()
}

#[test]
fn the_current_system_is_known_to_impure_evaluation() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(ok(dir.path(), "nix eval --impure --expr builtins.currentSystem"), "\"x86_64-linux\"");
    let error = fails(dir.path(), "nix eval --expr builtins.currentSystem");
    assert!(error.contains("attribute 'currentSystem' missing"), "{error}");
}

#[test]
fn a_file_with_a_function_is_a_function() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("example.nix"), "{ config, ... }: { x = config; }\n").unwrap();
    let out = ok(dir.path(), "nix eval --file ./example.nix");
    assert!(matches("«lambda @ …/example.nix:1:1»", &out), "{out}");
}

#[test]
fn one_attribute_twice_is_an_error_of_the_language() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("module.nix"), "{\n  a.b = 1;\n  a.b = 2;\n}\n").unwrap();
    let error = fails(dir.path(), "nix-instantiate --eval module.nix");
    assert!(matches("error: attribute 'a.b' already defined at …/module.nix:2:3…", &error), "{error}");
}

#[test]
fn mistakes_get_a_message_that_names_the_cause() {
    let dir = tempfile::tempdir().unwrap();
    for (expr, expected) in [
        ("1 +", "…syntax error, unexpected end of file…"),
        ("x", "…undefined variable 'x'…"),
        ("let a = a; in a", "…infinite recursion encountered…"),
        ("{ foo = 1; }.fo", "…attribute 'fo' missing…Did you mean foo?"),
        (
            "let f = n: [ n ] ++ f (n + 1); in builtins.length (f 0)",
            "…stack overflow; max-call-depth exceeded…",
        ),
    ] {
        let error = fails(dir.path(), &format!("nix eval --expr '{expr}'"));
        assert!(matches(expected, &error), "{expr}: {error}");
    }
}

/// A Git repository with a flake that is not added yet.
fn repository(dir: &Path, flake: &str) {
    std::fs::write(dir.join("flake.nix"), flake).unwrap();
    ok(dir, "git init -q . && git config user.name t && git config user.email t@t");
}

#[test]
fn untracked_files_are_named_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    repository(dir.path(), "{ outputs = { self }: { x = builtins.readFile ./www; }; }\n");
    let error = fails(dir.path(), "nix eval .#x");
    assert!(
        matches(
            "…Path 'flake.nix' in the repository … is not tracked by Git.…git -C … add \"flake.nix\"",
            &error
        ),
        "{error}"
    );
    std::fs::write(dir.path().join("www"), "hi").unwrap();
    let error = fails(dir.path(), "git add flake.nix && nix eval .#x");
    assert!(matches("…Path 'www' in the repository … is not tracked by Git.…", &error), "{error}");
    assert_eq!(ok(dir.path(), "git add --intent-to-add www && nix eval .#x"), "\"hi\"");
}

#[test]
fn a_committed_flake_knows_its_commit() {
    let dir = tempfile::tempdir().unwrap();
    repository(
        dir.path(),
        "{ outputs = { self }: { inherit (self) rev revCount; dirty = self ? dirtyRev; }; }\n",
    );
    ok(dir.path(), "git add . && git commit -qm one");
    let rev = ok(dir.path(), "git rev-parse HEAD");
    assert_eq!(ok(dir.path(), "nix eval .#rev"), format!("\"{rev}\""));
    assert_eq!(ok(dir.path(), "nix eval .#revCount"), "1");
    assert_eq!(ok(dir.path(), "nix eval .#dirty"), "false");
    let metadata = ok(dir.path(), "nix flake metadata --json");
    assert!(metadata.contains(&format!("\"revision\":\"{rev}\"")), "{metadata}");
    std::fs::write(dir.path().join("flake.nix"), "{ outputs = { self }: { dirty = self.dirtyRev; }; }\n")
        .unwrap();
    assert_eq!(ok(dir.path(), "nix eval .#dirty"), format!("\"{rev}-dirty\""));
}

#[test]
fn inputs_are_locked_once() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("dep")).unwrap();
    std::fs::create_dir(dir.path().join("top")).unwrap();
    std::fs::write(dir.path().join("dep/flake.nix"), "{ outputs = _: { answer = 42; }; }\n").unwrap();
    let flake = format!(
        "{{ inputs.dep.url = \"path:{}\"; outputs = {{ dep, ... }}: {{ x = dep.answer; }}; }}\n",
        dir.path().join("dep").display()
    );
    std::fs::write(dir.path().join("top/flake.nix"), flake).unwrap();
    assert_eq!(ok(dir.path(), "nix eval ./top#x"), "42");
    let lock = std::fs::read_to_string(dir.path().join("top/flake.lock")).unwrap();
    assert!(lock.contains("\"version\": 7") && lock.contains("narHash"), "{lock}");
    assert_eq!(ok(dir.path(), "nix eval ./top#x"), "42");
    assert_eq!(std::fs::read_to_string(dir.path().join("top/flake.lock")).unwrap(), lock);
    std::fs::write(dir.path().join("dep/flake.nix"), "{ outputs = _: { answer = 43; }; }\n").unwrap();
    let error = fails(dir.path(), "nix eval ./top#x");
    assert!(error.contains("NAR hash mismatch in input"), "{error}");
}

#[test]
fn the_base_is_nixpkgs_for_firn() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("flake.nix"),
        "{ outputs = { nixpkgs, ... }: { packages.x86_64-linux.default = nixpkgs.legacyPackages.x86_64-linux.hello; }; }\n",
    )
    .unwrap();
    assert_eq!(ok(dir.path(), "firn eval .#default.name"), "\"hello-2.10\"");
    // Which tree the base is, the executable says; no lock file does.
    assert!(!dir.path().join("flake.lock").exists());
    let shown = ok(dir.path(), "firn flake show");
    assert!(matches("…default: package 'hello-2.10'…", &shown), "{shown}");
}
