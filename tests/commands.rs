//! Commands that people work with: shells, build environments, profiles, searching, help, completion. Where Debian's C++ Nix is
//! installed, environments and profiles are compared with its.

#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use firn_tests::{matches, shell};
use serde_json::Value;

/// The names of this program come first in the search path, so the other one is called by its whole path.
const OTHER: &str = "/usr/bin/nix";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command with a store of its own below `$HOME/$STORE` (`n` by default), without sandbox and network.
fn output(dir: &Path, command: &str) -> Output {
    let own = r#"
        S=$HOME/${STORE:-n}
        export NIX_STORE_DIR=$S/store NIX_STATE_DIR=$S/var NIX_LOG_DIR=$S/log NIX_CONF_DIR=$S/etc
        export NIX_CONFIG="experimental-features = nix-command flakes
sandbox = false
substituters =
build-users-group =
flake-registry ="
        unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME NIX_REMOTE NIX_PROFILES IN_NIX_SHELL
    "#;
    shell(dir, &format!("{own}\n{command}"))
}

#[track_caller]
fn ok(dir: &Path, command: &str) -> String {
    let out = output(dir, command);
    assert!(out.status.success(), "{command}: {}\n{}", out.status, text(&out.stderr));
    text(&out.stdout)
}

#[track_caller]
fn fails(dir: &Path, command: &str) -> (i32, String) {
    let out = output(dir, command);
    assert!(!out.status.success(), "{command} should fail: {}", text(&out.stdout));
    (out.status.code().unwrap_or(-1), text(&out.stderr))
}

/// Derivations of the shape of a standard environment, built by the host's bash.
const PACKAGES: &str = r#"
{ greeting ? "hello", inNixShell ? false }:
let
  system = builtins.currentSystem;
  setup = builtins.toFile "setup" ''
    export FROM_SETUP="it's \"set\""
    declare -a list=(1 "two words" $'a\nb')
    declare -A table=([key one]="value 1" [k2]=v2)
    plain=$'tab\there'
    fun() {
      echo "fun: $1"
    }
    runHook() {
      eval "''${!1-}"
    }
    runPhase() {
      echo "phase $1"
      eval "''${!1}"
    }
  '';
  build = name: script: attrs: derivation ({
    inherit name system;
    builder = "/bin/bash";
    args = [ "-c" ("PATH=/usr/bin:/bin; " + script) ];
  } // attrs);
  stdenv = build "stdenv" "mkdir $out; ln -s ${setup} $out/setup" { };
  program = name: version: text: (build "${name}-${version}" ''
    mkdir -p $out/bin; printf '#!/bin/sh\n%s\n' "$text" > $out/bin/${name}; chmod +x $out/bin/${name}'' {
      inherit text;
    }) // { pname = name; meta = { description = "says ${name}"; mainProgram = name; priority = 5; }; };
in
rec {
  inherit stdenv;
  hello = program "hello" "1.0" "echo ${greeting} $@";
  newer = program "hello" "2.0" "echo newer";
  bye = program "bye" "1.0" "echo bye";
  dependent = build "dependent-1" "echo ${hello}/bin/hello > $out" { };
  multi = build "multi" "echo $VAR > $out; : > $dev" {
    inherit stdenv;
    outputs = [ "out" "dev" ];
    VAR = "a b";
    EMPTY = "";
    IN = if inNixShell then "yes" else "no";
    allowedReferences = [ ];
    buildPhase = "echo building in $PWD for $out";
    shellHook = "HOOKED=1";
  };
  long = build "long" "cat $textPath > $out" {
    inherit stdenv;
    outputs = [ "out" ];
    passAsFile = [ "text" ];
    text = "from a file";
  };
}
"#;

const FLAKE: &str = r#"{
  outputs = { self }: let
    all = import ./packages.nix { };
    system = "x86_64-linux";
  in {
    packages.${system} = { inherit (all) bye multi; default = all.hello; };
    devShells.${system}.default = all.multi;
    formatter.${system} = all.bye;
    apps.${system}.app = { type = "app"; program = "${all.hello}/bin/hello"; };
  };
}"#;

/// A folder with these packages as a file and as a flake.
fn scene() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let flake = dir.path().join("flake");
    std::fs::create_dir(&flake).unwrap();
    let packages = PACKAGES.replace("system = builtins.currentSystem;", "system = \"x86_64-linux\";");
    std::fs::write(dir.path().join("packages.nix"), PACKAGES).unwrap();
    std::fs::write(flake.join("packages.nix"), packages).unwrap();
    std::fs::write(flake.join("flake.nix"), FLAKE).unwrap();
    dir
}

fn other_is_there() -> bool {
    let there = Path::new(OTHER).exists();
    if !there {
        firn_tests::skipped(&format!("{OTHER} is not installed"));
    }
    there
}

#[test]
fn shells_have_the_packages_in_the_search_path() {
    let dir = scene();
    let dir = dir.path();
    assert_eq!(ok(dir, "nix shell -f packages.nix hello bye -c sh -c 'hello x; bye'"), "hello x\nbye\n");
    // everything behind the command is its own
    assert_eq!(ok(dir, "nix shell ./flake -c hello -c --version -- x"), "hello -c --version -- x\n");
    assert_eq!(ok(dir, "SHELL=/bin/pwd nix shell ./flake#bye"), format!("{}\n", dir.display()));
    let env = ok(
        dir,
        "A=1 B=2 nix shell -i -k A -s C 3 ./flake -c /usr/bin/env | grep -v -e ^PATH= -e ^_= -e ^PWD= -e ^SHLVL=",
    );
    assert_eq!(env, "A=1\nC=3\n");
    // a person can end it with Ctrl-C
    let blocked = ok(dir, "nix shell ./flake -c grep SigBlk /proc/self/status");
    assert_eq!(blocked, "SigBlk:\t0000000000000000\n");
    let (_, message) = fails(dir, "nix shell ./flake#nothing -c true");
    assert!(message.contains("does not provide attribute"), "{message}");
    // outputs that were not asked for stay away
    ok(
        dir,
        "p=$(nix build ./flake#multi^dev --no-link --print-out-paths); case $p in *-dev) ;; *) exit 1 ;; esac",
    );
}

#[test]
fn scripts_have_nix_as_interpreter() {
    let dir = scene();
    let dir = dir.path();
    std::fs::create_dir(dir.join("scripts")).unwrap();
    let nix = firn_tests::bin_dir().join("nix");
    std::fs::write(
        dir.join("scripts/s"),
        format!(
            "#!{}\n// a comment\n#! nix shell --impure -f ../packages.nix\n#! nix --argstr greeting ``good day`` hello\n#! nix -c bash\nhello \"$@\"; pwd\n",
            nix.display()
        ),
    )
    .unwrap();
    let shell = firn_tests::bin_dir().join("nix-shell");
    std::fs::write(
        dir.join("scripts/t"),
        format!(
            "#!{}\n#! nix-shell ../packages.nix -A multi\n#! nix-shell -i 'bash' --keep X\necho \"$FROM_SETUP $IN $1\"\n",
            shell.display()
        ),
    )
    .unwrap();
    // relative paths of the lines start from the script; the script itself runs where the user is
    let shown = ok(
        dir,
        "chmod +x scripts/*; NIX_BUILD_SHELL=bash; export NIX_BUILD_SHELL; scripts/s a b; scripts/t arg",
    );
    assert_eq!(shown, format!("good day a b\n{}\nit's \"set\" yes arg\n", dir.display()));
    std::fs::write(dir.join("scripts/u"), format!("#!{}\n#! nix shell *\n", nix.display())).unwrap();
    let (status, message) = fails(dir, "chmod +x scripts/u; scripts/u");
    assert_eq!(status, 1);
    assert!(message.contains("unsupported unquoted character in nix shebang: *"), "{message}");
}

#[test]
fn nix_shell_sets_up_the_builders_environment() {
    let dir = scene();
    let dir = dir.path();
    let run = |flags: &str, command: &str| {
        ok(
            dir,
            &format!(
                "export NIX_BUILD_SHELL=bash OUTSIDE=1 KEPT=2; nix-shell packages.nix {flags} '{command}'"
            ),
        )
    };
    assert_eq!(
        run(
            "-A multi --pure --keep KEPT --run",
            "echo \"$VAR|$IN|$FROM_SETUP|${list[1]}|$OUTSIDE|$KEPT|$IN_NIX_SHELL\""
        ),
        "a b|yes|it's \"set\"|two words||2|pure\n"
    );
    assert_eq!(run("-A multi --run", "fun x; echo $HOOKED $OUTSIDE"), "fun: x\n1 1\n");
    assert_eq!(run("-A long --run", "/bin/cat $textPath"), "from a file");
    let drv = ok(dir, "nix-instantiate packages.nix -A multi");
    assert_eq!(
        ok(dir, &format!("NIX_BUILD_SHELL=bash nix-shell '{}' --run 'echo $VAR $IN'", drv.trim())),
        "a b no\n"
    );
    let left = ok(
        dir,
        "mkdir t; export TMPDIR=$PWD/t; NIX_BUILD_SHELL=bash nix-shell packages.nix -A multi --run true; ls -A t",
    );
    assert_eq!(left, "", "the folder of the shell stays");
    let (_, message) = fails(dir, "mkdir e; cd e; nix-shell");
    assert!(
        message.contains("no argument specified and no 'shell.nix' or 'default.nix' file found"),
        "{message}"
    );
}

#[test]
fn develop_runs_commands_and_phases() {
    let dir = scene();
    let dir = dir.path();
    let shown = ok(dir, "cd flake; nix develop -c bash -c 'echo $VAR $FROM_SETUP $HOOKED $out'");
    assert_eq!(shown, format!("a b it's \"set\" {}/flake/outputs/out\n", dir.display()), "{shown}");
    let shown = ok(dir, "nix develop ./flake --build");
    // phases run where the flake is, outputs are below the folder that the user is in
    let (flake, here) = (dir.join("flake"), dir.join("outputs/out"));
    assert_eq!(shown, format!("phase buildPhase\nbuilding in {} for {}\n", flake.display(), here.display()));
    assert_eq!(ok(dir, "echo in | nix develop ./flake -c cat"), "in\n");
    let (_, message) = fails(dir, "nix develop ./flake --build -c true");
    assert!(message.contains("you cannot use both '--command' and '--phase'"), "{message}");
    ok(
        dir,
        "nix develop ./flake --profile ./dev -c true; test -L dev-1-link; nix develop ./dev -c bash -c '[[ $VAR = \"a b\" ]]'",
    );
    let hello = ok(dir, "nix build ./flake --no-link --print-out-paths");
    let redirected =
        ok(dir, &format!("nix print-dev-env ./flake --redirect {} ./elsewhere 2>&1", hello.trim()));
    assert!(redirected.contains("is not used by this build environment"), "{redirected}");
}

/// The environment of the derivation, hash parts taken away: outputs differ as the scripts that capture it do.
fn environment(json: &str, store: &str) -> Value {
    let mut all: Value = serde_json::from_str(json).unwrap();
    fn walk(value: &mut Value, store: &str) {
        match value {
            Value::String(text) => {
                let mut out = text.replace(store, "/S");
                while let Some(at) = out.find("/store/").filter(|at| out.len() > at + 40) {
                    out.replace_range(at..at + 40, "/path:");
                }
                *text = out;
            }
            Value::Array(items) => items.iter_mut().for_each(|v| walk(v, store)),
            Value::Object(map) => map.values_mut().for_each(|v| walk(v, store)),
            _ => {}
        }
    }
    walk(&mut all, store);
    all
}

#[test]
fn the_build_environment_is_the_reference_s() {
    if !other_is_there() {
        return;
    }
    let dir = scene();
    let dir = dir.path();
    for attr in ["multi", "long"] {
        let ours = ok(dir, &format!("nix print-dev-env --json -f packages.nix {attr}"));
        let theirs = ok(dir, &format!("{OTHER} print-dev-env --json -f packages.nix {attr}"));
        let (ours, theirs) = (
            environment(&ours, &format!("{}/n", dir.display())),
            environment(&theirs, &format!("{}/n", dir.display())),
        );
        let names = |v: &Value| -> BTreeSet<String> {
            // bash's own; newer versions of the reference leave them out as we do
            let own = ["COMP_WORDBREAKS", "EPOCHREALTIME", "EPOCHSECONDS"];
            let all = v["variables"].as_object().unwrap().keys();
            all.filter(|n| !own.contains(&n.as_str())).cloned().collect()
        };
        assert_eq!(names(&ours), names(&theirs), "{attr}");
        for (name, value) in ours["variables"].as_object().unwrap() {
            // the reference of today says `multi-env`, as we do; 2.8 said `multi`
            if name == "name" {
                assert_eq!(value["value"], format!("{attr}-env"));
                continue;
            }
            // of the process, not of the derivation
            if matches!(
                name.as_str(),
                "BASHOPTS"
                    | "PPID"
                    | "OLDPWD"
                    | "NIX_BUILD_TOP"
                    | "TMP"
                    | "TMPDIR"
                    | "TEMP"
                    | "TEMPDIR"
                    | "NIX_BUILD_CORES"
                    | "textPath"
                    | "LINENO"
            ) {
                continue;
            }
            assert_eq!(value, &theirs["variables"][name], "{attr}: {name}");
        }
        assert_eq!(ours["bashFunctions"], theirs["bashFunctions"], "{attr}");
    }
}

#[test]
fn profiles_are_changed_and_changed_back() {
    let dir = scene();
    let dir = dir.path();
    ok(dir, "nix profile add ./flake; test \"$(.nix-profile/bin/hello)\" = hello");
    ok(dir, "nix profile add ./flake#bye; .nix-profile/bin/bye");
    let json: Value = serde_json::from_str(&ok(dir, "nix profile list --json")).unwrap();
    assert_eq!(json["version"], 3);
    assert_eq!(json["elements"]["flake"]["attrPath"], "packages.x86_64-linux.default");
    assert_eq!(json["elements"]["bye"]["priority"], 5);
    let listed = ok(dir, "nix profile list");
    assert!(
        matches("Name:               bye\nFlake attribute:    packages.x86_64-linux.bye\n…", &listed),
        "{listed}"
    );
    let again = output(dir, "nix profile install ./flake");
    assert!(text(&again.stderr).contains("'flake' is already added"), "{}", text(&again.stderr));
    let (_, message) = fails(dir, "nix profile add --impure --expr '(import ./packages.nix { }).newer'");
    assert!(message.contains("An existing package already provides the following file:"), "{message}");
    assert!(message.contains("nix profile remove flake"), "{message}");
    ok(
        dir,
        "nix profile add --priority 1 --impure --expr '(import ./packages.nix { }).newer'; test \"$(.nix-profile/bin/hello)\" = newer",
    );
    let (_, message) = fails(dir, "nix profile upgrade --all flake");
    assert!(message.contains("--all cannot be used with package names"), "{message}");
    let removed = output(dir, "nix profile remove --regex '.*bye.*'");
    assert!(
        text(&removed.stderr).contains("removed 1 packages, kept 2 packages"),
        "{}",
        text(&removed.stderr)
    );
    let history = ok(dir, "nix profile history");
    assert!(history.contains("∅ -> 1.0") && history.contains("1.0 -> ∅"), "{history}");
    ok(
        dir,
        "nix profile rollback; .nix-profile/bin/bye; nix profile rollback --to 1; test ! -e .nix-profile/bin/bye",
    );
    // a changed flake
    ok(
        dir,
        "sed -i 's/? \"hello\"/? \"howdy\"/' flake/packages.nix; nix profile upgrade flake; test \"$(.nix-profile/bin/hello)\" = howdy",
    );
    let diff = ok(dir, "nix profile diff-closures");
    assert!(diff.contains("Version 1 -> 2:") && diff.contains("bye: ∅ → 1.0"), "{diff}");
    ok(dir, "nix profile wipe-history; test $(nix profile history | grep -c ^Version) = 1");
}

#[test]
fn nix_env_installs_upgrades_and_goes_back() {
    let dir = scene();
    let dir = dir.path();
    let q = |command: &str| ok(dir, command);
    ok(dir, "nix-env -f packages.nix -iA hello bye; .nix-profile/bin/bye");
    assert_eq!(q("nix-env -q"), "bye-1.0\nhello-1.0\n");
    assert!(q("nix-env -qc -f packages.nix").contains("hello-1.0  < 2.0"));
    ok(dir, "nix-env -f packages.nix -u hello; test \"$(.nix-profile/bin/hello)\" = newer");
    ok(dir, "nix-env -e bye");
    assert_eq!(q("nix-env -q"), "hello-2.0\n");
    ok(dir, "nix-env --rollback; .nix-profile/bin/bye");
    let generations = q("TZ=UTC nix-env --list-generations");
    assert_eq!(generations.lines().count(), 3, "{generations}");
    assert!(matches("   1   20…\n   2   20…   (current)\n   3   20…\n", &generations), "{generations}");
    ok(
        dir,
        "nix-env -G 1; nix-env -q | grep hello-1.0; nix-env --delete-generations 2 3; test ! -e .local/state/nix/profiles/profile-2-link",
    );
    ok(dir, "nix-env -p ./own --set $(nix-build packages.nix -A bye --no-out-link); own/bin/bye");
    let (_, message) = fails(dir, "nix-env -f packages.nix -i nothing");
    assert!(message.contains("selector 'nothing' matches no derivations"), "{message}");
    let (_, message) = fails(dir, "nix-env --foo");
    assert!(message.contains("no operation specified"), "{message}");
    let json: Value = serde_json::from_str(&q("nix-env -f packages.nix -qa --json --meta hello")).unwrap();
    assert_eq!(json["hello"]["meta"]["description"], "says hello");
    if other_is_there() {
        // each reads what the other wrote, and the same packages make the same path
        let ours = q("nix-env -f packages.nix -p ./p1 -iA bye; readlink p1-1-link");
        let theirs = q("/usr/bin/nix-env -f packages.nix -p ./p2 -iA bye; readlink p2-1-link");
        assert_eq!(ours, theirs);
        assert_eq!(q("/usr/bin/nix-env -p ./p1 -q"), q("nix-env -p ./p2 -q"));
    }
}

#[test]
fn dependencies_are_explained() {
    let dir = scene();
    let dir = dir.path();
    let why = ok(dir, "nix why-depends -f packages.nix dependent hello");
    assert!(matches("/…-dependent-1\n└───/…-hello-1.0\n", &why), "{why}");
    let precise = ok(dir, "nix why-depends --precise -f packages.nix dependent hello");
    assert!(
        matches("/…-dependent-1\n└───/: …-hello-1.0/bin/hello.…\n    → /…-hello-1.0\n", &precise),
        "{precise}"
    );
    let none = output(dir, "nix why-depends -f packages.nix hello bye");
    assert!(none.status.success() && text(&none.stderr).contains("'hello' does not depend on 'bye'"));
    ok(dir, "nix why-depends --derivation -f packages.nix multi stdenv");
}

#[test]
fn packages_are_searched_and_formatters_run() {
    let dir = scene();
    let dir = dir.path();
    let found = ok(dir, "NO_COLOR=1 nix search ./flake 'SAYS'");
    assert_eq!(
        found,
        "* packages.x86_64-linux.bye (1.0)\n  says bye\n\n* packages.x86_64-linux.default (1.0)\n  says hello\n"
    );
    let json: Value =
        serde_json::from_str(&ok(dir, "nix search -f packages.nix '' hello -e newer --json")).unwrap();
    assert_eq!(json["hello"]["version"], "1.0");
    assert!(json.get("newer").is_none(), "{json}");
    let (_, message) = fails(dir, "nix search ./flake nosuchthing");
    assert!(message.contains("no results for the given search term(s)!"), "{message}");
    assert_eq!(ok(dir, "cd flake; nix fmt a b"), "bye\n");
    ok(dir, "cd flake; nix formatter build | grep /bin/bye; test -L result");
    assert_eq!(ok(dir, "nix run ./flake#app -- -x"), "hello -x\n");
}

#[test]
fn stores_are_copied_and_signed() {
    let dir = scene();
    let dir = dir.path();
    ok(dir, "nix build -f packages.nix dependent --no-link --print-out-paths > path");
    ok(
        dir,
        "nix key generate-secret --key-name k > secret; nix store sign -r -k secret $(cat path) 2>&1 | grep 'added 2 signatures'",
    );
    let (_, message) = fails(dir, "nix copy --to \"local?root=$PWD/two&store=$NIX_STORE_DIR\" $(cat path)");
    assert!(message.contains("lacks a signature by a trusted key"), "{message}");
    let public = ok(dir, "nix key convert-secret-to-public < secret");
    ok(
        dir,
        &format!(
            "nix copy --trusted-public-keys '{public}' --to \"local?root=$PWD/two&store=$NIX_STORE_DIR\" $(cat path)"
        ),
    );
    ok(dir, "test -e two/nix/store/$(basename $(cat path))");
    ok(dir, "nix store make-content-addressed --json $(cat path) | grep rewrites");
    let diff = ok(dir, "nix store diff-closures -f packages.nix hello newer");
    assert_eq!(diff, "hello: 1.0 → 2.0\n");
    let drv = ok(dir, "nix derivation show -f packages.nix hello");
    let json: Value = serde_json::from_str(&drv).unwrap();
    let (_, one) = json["derivations"].as_object().unwrap().iter().next().unwrap();
    std::fs::write(dir.join("drv.json"), one.to_string()).unwrap();
    let added = ok(dir, "nix derivation add < drv.json");
    assert_eq!(added, ok(dir, "nix-instantiate packages.nix -A hello"));
}

#[test]
fn every_command_has_help() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let shown = ok(dir, "nix build --help");
    assert!(shown.starts_with("Usage: nix build [FLAG…] [INSTALLABLE…]\n"), "{shown}");
    assert!(shown.contains("--out-link PATH"), "{shown}");
    assert_eq!(ok(dir, "nix help store gc"), ok(dir, "nix store gc --help"));
    assert!(ok(dir, "nix run --help").starts_with("Usage: nix run "));
    assert!(ok(dir, "nix help flake").contains("  lock "));
    assert!(ok(dir, "nix store --help").contains("  gc "), "the group lists its commands");
    assert!(ok(dir, "nix-env --help").starts_with("Usage: nix-env -i "));
    let (status, message) = fails(dir, "nix biuld");
    assert_eq!(status, 1);
    assert!(message.contains("'biuld' is not a recognised command\n       Did you mean build?"), "{message}");
    assert!(message.ends_with("Try 'nix --help' for more information.\n"), "{message}");
    let (_, message) = fails(dir, "nix build --out-lnk x");
    assert!(message.contains("unrecognised flag '--out-lnk'\n       Did you mean out-link?"), "{message}");
    let (_, message) = fails(dir, "nix upgrade-nix");
    assert!(message.contains("run the installer"), "{message}");
    ok(
        dir,
        "firn man m 2>&1; test -s m/man1/nix-store-gc.1; for s in bash zsh fish; do firn completions $s > c.$s; done; bash -n c.bash",
    );
}

#[test]
fn words_are_completed() {
    let dir = scene();
    let dir = dir.path();
    assert_eq!(ok(dir, "NIX_GET_COMPLETIONS=2 nix build ./fl"), "filenames\n./flake\t\n");
    assert_eq!(ok(dir, "NIX_GET_COMPLETIONS=2 nix build ./flake#by"), "attrs\n./flake#bye\t\n");
    assert_eq!(ok(dir, "NIX_GET_COMPLETIONS=4 nix build -f packages.nix he"), "attrs\nhello\t\n");
    // bash asks with the script that we print
    let shown = ok(
        dir,
        "eval \"$(nix completions bash)\"; COMP_WORDS=(nix store g); COMP_CWORD=2; _firn_complete; echo ${COMPREPLY[@]}",
    );
    assert_eq!(shown, "gc\n");
}
