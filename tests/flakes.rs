//! Flakes through the command line, without network: locking, registries, templates, checks, the base as stand-in.
#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::path::Path;

use firn_tests::{matches, shell, skipped};

/// Runs a command that must succeed; its output.
fn ok(dir: &Path, command: &str) -> String {
    let out = shell(dir, command);
    assert!(out.status.success(), "{command}\n{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
}

/// Runs a command; whether it succeeds, and its error output.
fn messages(dir: &Path, command: &str) -> (bool, String) {
    let out = shell(dir, command);
    (out.status.success(), String::from_utf8(out.stderr).unwrap().trim_end().to_owned())
}

fn fails(dir: &Path, command: &str) -> String {
    let (succeeds, text) = messages(dir, command);
    assert!(!succeeds, "{command} succeeds");
    text
}

fn write(dir: &Path, file: &str, text: &str) {
    let file = dir.join(file);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// A repository with a flake in it.
fn repository(dir: &Path, flake: &str) {
    write(dir, "flake.nix", flake);
    ok(dir, "git init -q -b main && git add . && git -c user.name=t -c user.email=t@e commit -qm one");
}

const FLAGS: &str = "--option flake-registry ''";

#[test]
fn references_are_taken_apart_and_put_together() {
    let dir = tempfile::tempdir().unwrap();
    for (reference, attrs) in [
        ("github:o/r/v1?dir=a%20b", r#"{"dir":"a b","owner":"o","ref":"v1","repo":"r","type":"github"}"#),
        (
            "git+ssh://git@h/x?ref=a&shallow=1",
            r#"{"ref":"a","shallow":true,"type":"git","url":"ssh://git@h/x"}"#,
        ),
        ("nixpkgs/release-1", r#"{"id":"nixpkgs","ref":"release-1","type":"indirect"}"#),
        (
            "https://h/x.tar.gz?narHash=sha256-47DEQpj8HBSa%2B%2FTImW%2B5JCeuQeRkm5NMpJWZG3hSuFU%3D",
            r#"{"narHash":"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","type":"tarball","url":"https://h/x.tar.gz"}"#,
        ),
        ("file+https://h/x", r#"{"type":"file","url":"https://h/x"}"#),
    ] {
        let expr = format!("builtins.parseFlakeRef \"{reference}\"");
        assert_eq!(ok(dir.path(), &format!("nix eval --json --expr '{expr}'")), attrs, "{reference}");
    }
    let expr = r#"builtins.flakeRefToString { type = "gitlab"; owner = "o"; repo = "r"; rev = "0123456789012345678901234567890123456789"; host = "h"; }"#;
    assert_eq!(
        ok(dir.path(), &format!("nix eval --raw --expr '{expr}'")),
        "gitlab:o/r/0123456789012345678901234567890123456789?host=h"
    );
}

#[test]
#[ignore = "a lock file is not committed right after another commit: not understood yet"]
fn updates_are_told_in_the_known_words_and_committed_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let (top, dep) = (dir.path().join("top"), dir.path().join("dep"));
    repository(&dep, "{ outputs = _: { x = 1; }; }");
    repository(
        &top,
        &format!(
            "{{ inputs.dep.url = \"git+file://{}\"; outputs = {{ self, dep }}: {{ y = dep.x; }}; }}",
            dep.display()
        ),
    );
    let (_, text) = messages(&top, "nix eval .#y");
    let expected = "…warning: creating lock file \"…/top/flake.lock\": \n• Added input 'dep':\n    'git+file://…/dep?ref=refs/heads/main&rev=…' (20…";
    assert!(matches(expected, &text), "{text}");
    ok(
        &dep,
        "echo '{ outputs = _: { x = 2; }; }' > flake.nix && git -c user.name=t -c user.email=t@e commit -qam two",
    );
    assert_eq!(ok(&top, "nix eval .#y"), "1");
    let (_, text) = messages(
        &top,
        "git config user.name t && git config user.email t@e && git add . && git commit -qm lock && nix flake update --commit-lock-file",
    );
    let expected = "…warning: updating lock file \"…/top/flake.lock\":\n• Updated input 'dep':\n    'git+file://…\n  → 'git+file://…";
    assert!(matches(expected, &text), "{text}");
    assert!(text.contains("committed new revision"), "{text}");
    assert_eq!(ok(&top, "nix eval .#y"), "2");
    let message = ok(&top, "git log -1 --format=%B");
    assert!(
        matches("flake.lock: Update\n\nFlake lock file updates:\n\n• Updated input 'dep':…", &message),
        "{message}"
    );
    assert_eq!(ok(&top, "git status --porcelain"), "");
}

#[test]
fn an_input_that_is_replaced_for_one_call_leaves_the_lock_file_alone() {
    let dir = tempfile::tempdir().unwrap();
    for n in ["1", "2"] {
        write(dir.path(), &format!("dep{n}/flake.nix"), &format!("{{ outputs = _: {{ x = {n}; }}; }}"));
    }
    let top = dir.path().join("top");
    repository(
        &top,
        &format!(
            "{{ inputs.dep.url = \"path:{}/dep1\"; outputs = {{ self, dep }}: {{ y = dep.x; }}; }}",
            dir.path().display()
        ),
    );
    assert_eq!(ok(&top, "nix eval .#y"), "1");
    let lock = std::fs::read_to_string(top.join("flake.lock")).unwrap();
    assert_eq!(ok(&top, "nix eval .#y --override-input dep ../dep2"), "2");
    assert_eq!(std::fs::read_to_string(top.join("flake.lock")).unwrap(), lock);
    let (_, text) = messages(&top, "nix eval .#y --override-input none ../dep2");
    assert!(text.contains("the flag '--override-input none path:"), "{text}");
    assert!(
        fails(&top, "nix flake update nothing/-x").contains("invalid flake input attribute path element")
    );
    let (_, text) = messages(&top, "nix flake update nothing");
    assert!(text.contains("'nothing' does not match any input of this flake"), "{text}");
}

#[test]
fn registries_are_edited_pinned_and_asked_in_order() {
    let dir = tempfile::tempdir().unwrap();
    repository(&dir.path().join("f"), "{ outputs = _: { x = 7; }; }");
    let here = dir.path();
    ok(here, &format!("nix registry add mine git+file://$PWD/f {FLAGS}"));
    assert_eq!(ok(here, &format!("nix eval mine#x {FLAGS}")), "7");
    let list = ok(here, &format!("nix registry list {FLAGS}"));
    assert!(matches("user   flake:mine git+file:///…/f", &list), "{list}");
    ok(here, &format!("nix registry pin mine {FLAGS}"));
    let pinned = ok(here, &format!("nix registry resolve mine {FLAGS}"));
    assert!(matches("git+file:///…/f?ref=refs/heads/main&rev=…", &pinned), "{pinned}");
    let other = ok(here, &format!("nix registry resolve mine --override-flake mine github:o/r {FLAGS}"));
    assert_eq!(other, "github:o/r");
    ok(here, &format!("nix registry remove mine {FLAGS}"));
    let error = fails(here, &format!("nix eval mine#x {FLAGS}"));
    assert!(error.contains("cannot find flake 'flake:mine' in the flake registries"), "{error}");
    let error = fails(here, &format!("nix eval mine#x --no-use-registries {FLAGS}"));
    assert!(error.contains("registry lookups are not allowed"), "{error}");
}

#[test]
fn settings_of_a_flake_need_trust() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "flake.nix",
        "{ nixConfig.allow-import-from-derivation = false; nixConfig.bash-prompt = \"x\"; outputs = _: { x = 1; }; }",
    );
    let (fine, text) = messages(dir.path(), "nix eval path:.#x < /dev/null");
    assert!(fine, "{text}");
    let expected = "ignoring untrusted flake configuration setting 'allow-import-from-derivation'.\nPass '--accept-flake-config' to trust it";
    assert!(text.contains(expected), "{text}");
    let (_, text) = messages(dir.path(), "nix eval path:.#x --accept-flake-config");
    assert!(!text.contains("untrusted"), "{text}");
    write(
        dir.path(),
        ".local/share/nix/trusted-settings.json",
        r#"{"allow-import-from-derivation":{"false":true}}"#,
    );
    let (_, text) = messages(dir.path(), "nix eval path:.#x < /dev/null");
    assert!(!text.contains("untrusted"), "{text}");
}

/// Checks build only when what they are made of has changed, whether or not that is committed.
#[test]
fn a_check_is_built_again_only_if_its_own_files_change() {
    let dir = tempfile::tempdir().unwrap();
    let flake = r#"{
  outputs = { self }: {
    checks.x86_64-linux = builtins.listToAttrs (map (name: {
      inherit name;
      value = derivation {
        inherit name;
        system = "x86_64-linux";
        builder = "/bin/sh";
        src = ./. + "/${name}";
        args = [ "-c" "echo built $name 1>&2; read line < $src; echo $line > $out" ];
      };
    }) [ "one" "two" ]);
  };
}"#;
    // the store may know what an earlier run has built
    let nonce = dir.path().display();
    write(dir.path(), "one", &format!("1 {nonce}\n"));
    write(dir.path(), "two", &format!("2 {nonce}\n"));
    repository(dir.path(), flake);
    let check = "firn flake check -L 2>&1";
    let out = shell(dir.path(), check);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if !out.status.success() && (text.contains("sandbox") || text.contains("namespace")) {
        skipped(&format!("nothing can be built here: {text}"));
        return;
    }
    assert!(out.status.success(), "{text}");
    assert!(text.contains("built one") && text.contains("built two"), "{text}");
    write(dir.path(), "two", &format!("changed {nonce}\n"));
    let text = ok(dir.path(), check);
    assert!(!text.contains("built one") && text.contains("built two"), "{text}");
    let text = ok(dir.path(), check);
    assert!(!text.contains("built"), "{text}");
}

#[test]
fn what_a_flake_offers_must_have_the_right_shape() {
    let dir = tempfile::tempdir().unwrap();
    for (outputs, expected) in [
        ("packages.x86_64-linux.x = 1;", "…flake attribute 'packages.x86_64-linux.x' is not a derivation…"),
        ("overlays.x = prev: final: { };", "…overlay does not take an argument named 'final'…"),
        ("templates.x = { path = ./.; };", "…template 'templates.x' lacks attribute 'description'…"),
        (
            "apps.x86_64-linux.x = { type = \"app\"; program = \"\"; extra = 1; };",
            "…unsupported attribute 'extra'…",
        ),
        ("checks.linux = { };", "…'linux' is not a valid system type…"),
    ] {
        write(dir.path(), "flake.nix", &format!("{{ outputs = _: {{ {outputs} }}; }}"));
        let error = fails(dir.path(), "nix flake check --no-build path:.");
        assert!(matches(expected, &error), "{outputs}: {error}");
    }
    write(
        dir.path(),
        "flake.nix",
        "{ outputs = _: { overlays.a = final: prev: { }; overlay = _: _: { }; what = 1; lib = { }; checks.other-os.x = throw \"no\"; }; }",
    );
    let (fine, text) = messages(dir.path(), "nix flake check --no-build path:. -v");
    assert!(fine, "{text}");
    assert!(text.contains("'overlay' is deprecated; use 'overlays.default' instead"), "{text}");
    assert!(text.contains("unknown flake output 'what'"), "{text}");
    assert!(text.contains("omitted these incompatible systems: other-os"), "{text}");
}

#[test]
fn templates_are_copied_and_nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "t/flake.nix",
        "{ outputs = _: { templates.default = { path = ./files; description = \"d\"; welcomeText = \"Hello there\"; }; }; }",
    );
    write(dir.path(), "t/files/a/b", "contents\n");
    ok(dir.path(), "ln -s b t/files/a/link; mkdir new");
    let new = dir.path().join("new");
    let (fine, text) = messages(&new, "nix flake init -t path:../t");
    assert!(fine && text.contains("wrote: \"") && text.contains("Hello there"), "{text}");
    assert_eq!(std::fs::read_to_string(new.join("a/link")).unwrap(), "contents\n");
    let (fine, text) = messages(&new, "nix flake init -t path:../t");
    assert!(fine && text.contains("skipping identical file"), "{text}");
    write(&new, "a/b", "mine\n");
    let text = fails(&new, "nix flake init -t path:../t");
    assert!(
        text.contains("refusing to overwrite existing file") && text.contains("encountered 1 conflicts"),
        "{text}"
    );
    assert_eq!(std::fs::read_to_string(new.join("a/b")).unwrap(), "mine\n");
    ok(dir.path(), "nix flake new other -t path:./t");
    assert!(dir.path().join("other/a/b").exists());
}

/// The rules of the base as stand-in: by flag or setting, for known references only, in memory only, and said once.
#[test]
fn the_base_stands_in_where_it_is_told_to_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let flake = r#"{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/23.11";
  inputs.flake-utils.url = "github:numtide/flake-utils/v1.0.0";
  outputs = { self, nixpkgs, flake-utils }: flake-utils.lib.eachDefaultSystem (system: {
    packages.default = nixpkgs.legacyPackages.${system}.cowsay;
    value = nixpkgs.lib.toUpper "x";
  });
}"#;
    write(dir.path(), "flake.nix", flake);
    // Pinned: what the lock file says stands, and stays.
    let lock = r#"{
  "nodes": {
    "flake-utils": {
      "locked": {
        "lastModified": 1,
        "narHash": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "owner": "numtide",
        "repo": "flake-utils",
        "rev": "04c1b180862888302ddfb2e3ad9eaa63afc60cf8",
        "type": "github"
      },
      "original": {
        "owner": "numtide",
        "ref": "v1.0.0",
        "repo": "flake-utils",
        "type": "github"
      }
    },
    "root": {
      "inputs": {
        "flake-utils": "flake-utils"
      }
    }
  },
  "root": "root",
  "version": 7
}
"#;
    write(dir.path(), "flake.lock", lock);
    for how in ["firn eval --base", "firn eval --option base-stand-in true", "nix eval --base"] {
        let command = format!("{how} path:.#value.x86_64-linux");
        assert_eq!(ok(dir.path(), &command), "\"X\"", "{how}");
        let (_, text) = messages(dir.path(), &command);
        assert_eq!(
            text.matches("the embedded base stands in for 'github:NixOS/nixpkgs/23.11'").count(),
            1,
            "{text}"
        );
        assert_eq!(std::fs::read_to_string(dir.path().join("flake.lock")).unwrap(), lock, "{how}");
    }
    // Without the flag the reference means what it says: the forge is asked, which is not there. The hint names the flag.
    let offline =
        "--option connect-timeout 1 --option filetransfer-retry-attempts 1 --option http-connections 1";
    let closed = "https_proxy=http://127.0.0.1:1";
    let error = fails(dir.path(), &format!("{closed} firn eval {offline} path:.#value.x86_64-linux"));
    assert!(error.contains("with '--base', the embedded base stands in for it"), "{error}");
    // An address that the base does not know is not replaced.
    write(
        dir.path(),
        "b/flake.nix",
        "{ inputs.x.url = \"github:NixOS/nix\"; outputs = { self, x }: { y = x; }; }",
    );
    let error = fails(dir.path(), &format!("{closed} firn eval --base {offline} path:./b#y"));
    assert!(
        error.contains("api.github.com") && !error.contains("stands in for 'github:NixOS/nix'"),
        "{error}"
    );
    // The indirect name is the base for `firn` and the registry's for `nix`; the user's registry wins over both.
    write(dir.path(), "c/flake.nix", "{ outputs = { self, nixpkgs }: { y = nixpkgs.lib.toUpper \"y\"; }; }");
    assert_eq!(ok(dir.path(), "firn eval path:./c#y"), "\"Y\"");
    assert!(
        !dir.path().join("c/flake.lock").exists()
            || !std::fs::read_to_string(dir.path().join("c/flake.lock")).unwrap().contains("base")
    );
    ok(dir.path(), &format!("firn registry add nixpkgs path:{}/d", dir.path().display()));
    write(dir.path(), "d/flake.nix", "{ outputs = _: { lib.toUpper = _: \"mine\"; }; }");
    assert_eq!(ok(dir.path(), "firn eval path:./c#y --no-write-lock-file"), "\"mine\"");
}

#[test]
fn templates_of_the_base_are_reached_by_the_handbooks_address() {
    for (template, files) in [
        ("setup", &["flake.nix", "module.nix"][..]),
        ("server", &["flake.nix", "module.nix", "www/index.html"]),
        ("terraform", &["flake.nix", "module.nix", "main.tf", "backend/main.tf", "www/index.html"]),
        ("continuous-deployment", &["flake.nix", "module.nix", "main.tf", "www/index.html"]),
        (
            "integration-test",
            &["flake.nix", "server.nix", "client.nix", "script.py", "setup.sql", "tutorial.conf"],
        ),
        ("docker", &["flake.nix", "server.nix", "client.nix", "script.py", "setup.sql", "tutorial.conf"]),
        ("cowsay", &["flake.nix"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        ok(dir.path(), "git init -q");
        let address = format!("github:Gabriella439/nixos-in-production/0.10#{template}");
        ok(dir.path(), &format!("firn flake init --base --template '{address}'"));
        for file in files {
            assert!(dir.path().join(file).exists(), "{template}: {file}");
        }
        ok(dir.path(), "touch id_ed25519 && git add --all");
        let tracked = ok(dir.path(), "git ls-files");
        assert!(!tracked.contains("id_ed25519"), "{template}: {tracked}");
        // the test driver is not written yet
        if ["integration-test", "docker"].contains(&template) {
            let text = fails(dir.path(), "firn flake show --base");
            assert!(text.contains("attribute 'nixosTest' missing"), "{text}");
        } else {
            ok(dir.path(), "firn flake show --base");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let address = "github:Gabriella439/nixos-in-production/0.10?dir=templates/cowsay";
    ok(dir.path(), &format!("firn flake init --base --template '{address}'"));
    assert!(dir.path().join("flake.nix").exists());
    assert_eq!(
        ok(dir.path(), &format!("firn eval --base --raw '{address}#default.name'")).split('-').next(),
        Some("cowsay")
    );
}

/// Machines and services elsewhere: git's own server and a secure shell, where both are installed.
#[test]
fn repositories_behind_git_daemon_and_ssh() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    repository(&here.join("r"), "{ outputs = _: { x = 5; }; }");
    ok(here, "git clone -q --bare r srv.git");
    let port = |n: u16| {
        std::net::TcpListener::bind(("127.0.0.1", 0)).map(|l| l.local_addr().unwrap().port()).unwrap_or(n)
    };
    let daemon = port(9418);
    let script = format!(
        "git daemon --listen=127.0.0.1 --port={daemon} --base-path=$PWD --export-all --reuseaddr >/dev/null 2>&1 & pid=$!
         for i in $(seq 50); do git ls-remote git://127.0.0.1:{daemon}/srv.git >/dev/null 2>&1 && break; sleep 0.1; done
         nix eval 'git://127.0.0.1:{daemon}/srv.git#x'; status=$?; kill $pid; exit $status"
    );
    if shell(here, "git daemon --help >/dev/null 2>&1 || test -x $(git --exec-path)/git-daemon")
        .status
        .success()
    {
        assert_eq!(ok(here, &script), "5");
    } else {
        skipped("there is no git daemon here");
    }
    let sshd = port(2222);
    let script = format!(
        "ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f key; cp key.pub authorized; chmod 600 authorized
         printf 'Port {sshd}\\nListenAddress 127.0.0.1\\nHostKey %s/host\\nAuthorizedKeysFile %s/authorized\\nStrictModes no\\nUsePAM no\\nPidFile none\\n' $PWD $PWD > conf
         mkdir -p /run/sshd 2>/dev/null; /usr/sbin/sshd -D -e -f $PWD/conf > log 2>&1 & pid=$!
         export GIT_SSH_COMMAND=\"ssh -F none -i $PWD/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes\"
         for i in $(seq 50); do git ls-remote ssh://$(id -un)@127.0.0.1:{sshd}$PWD/srv.git >/dev/null 2>&1 && ready=1 && break; sleep 0.1; done
         if [ -z \"$ready\" ]; then cat log >&2; kill $pid; exit 77; fi
         nix eval \"git+ssh://$(id -un)@127.0.0.1:{sshd}$PWD/srv.git#x\"; status=$?; kill $pid; exit $status"
    );
    let out = shell(here, &script);
    if out.status.code() == Some(77) || !Path::new("/usr/sbin/sshd").exists() {
        skipped(&format!("no secure shell can be served here: {}", String::from_utf8_lossy(&out.stderr)));
    } else {
        assert_eq!(
            String::from_utf8_lossy(&out.stdout).trim(),
            "5",
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
}

/// F2: how names expand for each command, and that the default needs no name.
#[test]
fn names_expand_as_each_command_wants_them() {
    let dir = tempfile::tempdir().unwrap();
    let drv = |name: &str| {
        format!("derivation {{ name = \"{name}\"; system = \"x86_64-linux\"; builder = \"/bin/sh\"; }}")
    };
    write(
        dir.path(),
        "flake.nix",
        &format!(
            "{{ outputs = _: {{ packages.x86_64-linux = {{ default = {}; foo = {}; }}; legacyPackages.x86_64-linux.bar = {}; top = 3; }}; }}",
            drv("d"),
            drv("f"),
            drv("l")
        ),
    );
    for (reference, name) in [
        ("path:.", "d"),
        ("path:.#default", "d"),
        ("path:.#foo", "f"),
        ("path:.#bar", "l"),
        ("path:.#packages.x86_64-linux.foo", "f"),
    ] {
        assert_eq!(
            ok(dir.path(), &format!("nix eval --raw {reference} --apply 'x: x.name'")),
            name,
            "{reference}"
        );
    }
    assert_eq!(ok(dir.path(), "nix eval path:.#top"), "3");
    let error = fails(dir.path(), "nix build path:.#none");
    let expected = "…does not provide attribute 'packages.x86_64-linux.none', 'legacyPackages.x86_64-linux.none' or 'none'";
    assert!(matches(expected, error.lines().next().unwrap()), "{error}");
}

/// F6
#[test]
fn the_global_registry_is_known_without_network() {
    let dir = tempfile::tempdir().unwrap();
    let list = ok(dir.path(), "https_proxy=http://127.0.0.1:1 nix registry list | grep 'flake:nixpkgs '");
    assert_eq!(list, "global flake:nixpkgs github:NixOS/nixpkgs/nixpkgs-unstable");
}

/// F7, F8, F9: a folder as an input, on the command line, and inputs as sets.
#[test]
fn folders_and_sets_are_inputs() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "dep/flake.nix", "{ outputs = _: { x = 1; }; }");
    let dep = dir.path().join("dep").display().to_string();
    for (name, input) in [
        ("text", format!("inputs.dep.url = \"{dep}\";")),
        ("url", format!("inputs.dep.url = \"path:{dep}\";")),
        ("set", format!("inputs.dep = {{ type = \"path\"; path = \"{dep}\"; }};")),
        ("source", format!("inputs.dep = {{ url = \"path:{dep}\"; flake = false; }};")),
    ] {
        let value = if name == "source" { "(import (dep + \"/flake.nix\")).outputs { }" } else { "dep" };
        write(
            dir.path(),
            &format!("{name}/flake.nix"),
            &format!("{{ {input} outputs = {{ self, dep }}: {{ y = ({value}).x; }}; }}"),
        );
        assert_eq!(ok(dir.path(), &format!("nix eval ./{name}#y")), "1", "{name}");
    }
    // A path that the flake computes is not data.
    write(
        dir.path(),
        "literal/flake.nix",
        &format!("{{ inputs.dep.url = {dep}; outputs = {{ self, dep }}: {{ y = dep.x; }}; }}"),
    );
    let error = fails(dir.path(), "nix eval ./literal#y");
    assert!(error.contains("path"), "{error}");
    // Paths of the command line need no --impure.
    assert_eq!(
        ok(dir.path(), "nix eval ./dep#x && cd dep && nix eval .#x && nix eval ../dep#x").replace('\n', " "),
        "1 1 1"
    );
}

/// F12, F18, F24 on the cowsay template, with the base standing in.
#[test]
fn the_cowsay_template_evaluates_on_the_base() {
    let dir = tempfile::tempdir().unwrap();
    let address = "github:Gabriella439/nixos-in-production/0.10?dir=templates/cowsay";
    ok(dir.path(), &format!("firn flake init --base --template '{address}'"));
    let version = ok(dir.path(), "firn eval --base --raw path:.#default.version");
    assert!(version.starts_with('3'), "{version}");
    let program =
        |app: &str| ok(dir.path(), &format!("firn eval --base --raw path:.#apps.x86_64-linux.{app}.program"));
    assert_eq!(program("default"), program("cowsay"));
    assert!(program("cowthink").ends_with("/bin/cowthink"));
    let systems = ok(dir.path(), "firn eval --base --json path:.#packages --apply builtins.attrNames");
    assert_eq!(systems, r#"["aarch64-darwin","aarch64-linux","i686-linux","x86_64-darwin","x86_64-linux"]"#);
    ok(dir.path(), "firn flake check --base --no-build path:.");
}

/// F23, in the second tier: it fetches from Debian's archive and builds.
#[test]
fn the_cowsay_template_passes_its_checks() {
    if std::env::var_os("FIRN_NETWORK_TESTS").is_none() {
        skipped("FIRN_NETWORK_TESTS is not set");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let address = "github:Gabriella439/nixos-in-production/0.10?dir=templates/cowsay";
    ok(dir.path(), &format!("firn flake init --base --template '{address}'"));
    ok(dir.path(), "firn flake check --base path:. -L");
    ok(dir.path(), "sed -i 's/< howdy >/< hello >/' flake.nix");
    let error = fails(dir.path(), "firn flake check --base path:. -L");
    assert!(
        error.contains("< howdy >") && error.contains("failed to build attribute 'checks.x86_64-linux.diff'"),
        "{error}"
    );
}
