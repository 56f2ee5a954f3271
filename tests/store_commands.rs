//! Commands on files and on the store that need no evaluation, against stores of their own; where Debian's C++ Nix is
//! installed, its answers are compared.

use std::path::Path;
use std::process::Output;

use firn_tests::{matches, shell};

/// The names of this program come first in the search path, so the other one is called by its whole path.
const OTHER: &str = "/usr/bin/nix";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn output(dir: &Path, command: &str) -> Output {
    // nothing outside of the test's folder, nor the network, has a say
    let quiet =
        "export NIX_CONF_DIR=$HOME/etc NIX_STORE_DIR=/nix/store; unset NIX_STATE_DIR XDG_CONFIG_HOME; ";
    shell(dir, &format!("{quiet}{command}"))
}

/// What a command prints; it must succeed.
#[track_caller]
fn ok(dir: &Path, command: &str) -> String {
    let out = output(dir, command);
    assert!(out.status.success(), "{command}: {}\n{}", out.status, text(&out.stderr));
    text(&out.stdout)
}

/// The exit status and the message of a command.
fn fails(dir: &Path, command: &str) -> (i32, String) {
    let out = output(dir, command);
    (out.status.code().unwrap_or(-1), text(&out.stderr))
}

/// A folder with a small tree `t`, its archive `t.nar`, and a store `s` (not yet made).
fn scene() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    ok(
        dir.path(),
        "mkdir -p t/sub etc; echo hello > t/a; echo x > t/sub/b; chmod +x t/sub/b; ln -s a t/l; nix nar pack t > t.nar",
    );
    dir
}

const S: &str = "--store $PWD/s --offline";

fn added(dir: &Path) -> String {
    ok(dir, &format!("nix store add t {S}")).trim().to_owned()
}

/// Whether C++ Nix is there; says so if not.
fn other_is_there() -> bool {
    let there = Path::new(OTHER).exists();
    if !there {
        firn_tests::skipped(&format!("{OTHER} is not installed"));
    }
    there
}

#[test]
fn hashes_of_files_and_trees() {
    let dir = scene();
    let dir = dir.path();
    assert_eq!(ok(dir, "nix hash path t"), "sha256-N7xVie6SY4PVFDTadRoAWN9fNY1JFwiNPZMmzHa/EM4=\n");
    assert_eq!(
        ok(dir, "nix hash path --format base16 --algo sha1 --mode flat t/a"),
        "f572d396fae9206628714fb2ce00f72e94f2258f\n"
    );
    assert_eq!(
        ok(dir, "nix hash file --base32 t/a"),
        "00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq\n"
    );
    assert_eq!(
        ok(dir, "nix hash file --type md5 --base16 <(echo hello)"),
        "b1946ac92492d2347c6235b4d2611184\n"
    );
    assert_eq!(ok(dir, "nix-hash --flat t/a"), "b1946ac92492d2347c6235b4d2611184\n");
    assert_eq!(
        ok(dir, "nix-hash --flat --type sha512 --truncate --base32 t/a"),
        "1s5cdq0nnckwyb12vnnr72v0xy82r13n\n"
    );
    let (status, message) = fails(dir, "nix hash path --mode git t");
    assert_eq!(status, 1);
    assert!(message.contains("experimental Nix feature 'git-hashing' is disabled"), "{message}");
    let (_, message) = fails(dir, "nix hash path --mode foo t");
    assert!(
        message.contains("Unknown file ingestion method 'foo', expect `flat`, `nar`, or `git`"),
        "{message}"
    );
}

#[test]
fn hashes_are_converted() {
    let dir = scene();
    let dir = dir.path();
    let sri = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(
        ok(dir, &format!("nix hash convert --to nix32 --from sri {sri}")),
        "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s\n"
    );
    assert_eq!(ok(dir, &format!("nix hash convert --hash-algo sha256 {hex}")), format!("{sri}\n"));
    assert_eq!(ok(dir, &format!("nix-hash --to-sri --type sha256 {hex}")), format!("{sri}\n"));
    let out = output(dir, &format!("nix hash to-base16 {sri}"));
    assert_eq!(text(&out.stdout), format!("{hex}\n"));
    assert!(text(&out.stderr).contains("were deprecated in favor of `nix hash convert`."));
    assert_eq!(
        fails(dir, &format!("nix hash convert --from base16 {sri}")),
        (1, format!("error: input hash '{sri}' has format 'sri', but '--from base16' was specified\n"))
    );
    assert_eq!(
        fails(dir, "nix hash convert --hash-algo sha256 zzz"),
        (1, "error: hash 'zzz' has wrong length for hash algorithm 'sha256'\n".into())
    );
}

#[test]
fn archives_are_listed_and_read() {
    let dir = scene();
    let dir = dir.path();
    assert_eq!(
        ok(dir, "nix nar ls -lR t.nar /"),
        concat!(
            "-r--r--r--                    6 ./a\n",
            "lrwxrwxrwx                    0 ./l -> a\n",
            "dr-xr-xr-x                    0 ./sub\n",
            "-r-xr-xr-x                    2 ./sub/b\n"
        )
    );
    assert_eq!(ok(dir, "nix nar ls --json t.nar /sub"), "{\"entries\":{\"b\":{}},\"type\":\"directory\"}\n");
    assert_eq!(
        ok(dir, "nix nar ls --json t.nar /sub/b"),
        "{\"executable\":true,\"narOffset\":784,\"size\":2,\"type\":\"regular\"}\n"
    );
    assert_eq!(ok(dir, "nix nar cat t.nar /sub/b"), "x\n");
    assert_eq!(ok(dir, "nix nar cat <(nix nar pack t) a"), "hello\n");
    assert_eq!(
        fails(dir, "nix nar cat t.nar /l"),
        (1, "error: NAR does not contain regular file '/l'\n".into())
    );
    assert_eq!(fails(dir, "nix nar ls t.nar /nope").0, 1);
    assert!(fails(dir, "head -c 200 t.nar > cut.nar; nix nar cat cut.nar /a").1.starts_with("error: "));
    ok(dir, "nix-store --restore r < t.nar; diff -r t r");
}

#[test]
fn a_store_path_is_added_and_looked_at() {
    let dir = scene();
    let dir = dir.path();
    let path = added(dir);
    assert_eq!(path, "/nix/store/wbzasmj7ssnibpisbh7im1k5h67vlyab-t");
    assert_eq!(ok(dir, "nix store add --dry-run t --store $PWD/none"), format!("{path}\n"));
    assert_eq!(
        ok(dir, &format!("nix store add --mode flat --name foo t/a {S}")),
        "/nix/store/w8r2kfwk48haw3v8l15jjjvwnhhavxc6-foo\n"
    );
    assert_eq!(
        ok(dir, &format!("nix path-info -s -S -h --sigs {path} {S}")),
        format!(
            "{path}\t   0.9 KiB\t   0.9 KiB\tca:fixed:r:sha256:1khhpxvcq9lk7n6hh5s9ilsmzpsq00d7bnil2kaq6qwjxs4mbg1p\n"
        )
    );
    assert_eq!(
        ok(dir, &format!("nix path-info -sS {path} {S}")),
        format!("{path}\t        872\t        872\n")
    );
    assert_eq!(ok(dir, &format!("nix store ls -R {path} {S}")), "./a\n./l\n./sub\n./sub/b\n");
    assert_eq!(ok(dir, &format!("nix store ls -d {path} {S}")), ".\n");
    assert_eq!(ok(dir, &format!("nix store ls -l {path}/sub/b {S}")), "-r-xr-xr-x                    2 b\n");
    assert_eq!(ok(dir, &format!("nix store cat {path}/a {S}")), "hello\n");
    assert_eq!(
        fails(dir, &format!("nix store cat {path}/sub {S}")),
        (1, "error: path '/sub' is not a regular file\n".into())
    );
    ok(dir, &format!("nix store dump-path {path} {S} | cmp - t.nar"));
    assert_eq!(
        ok(dir, &format!("nix store path-from-hash-part wbzasmj7ssnibpisbh7im1k5h67vlyab {S}")),
        format!("{path}\n")
    );
    let missing = "/nix/store/00000000000000000000000000000000-x";
    let (status, message) = fails(dir, &format!("nix path-info {missing} {S}"));
    assert_eq!(status, 1);
    assert!(message.ends_with(&format!("error: path '{missing}' is not valid\n")), "{message}");
    assert_eq!(
        fails(dir, &format!("nix store ls {missing} {S}")),
        (1, format!("error: path '{missing}' is not a valid store path\n"))
    );
}

#[test]
fn path_info_as_json() {
    let dir = scene();
    let dir = dir.path();
    let path = added(dir);
    let base = path.rsplit('/').next().unwrap_or_default();
    let facts = "\"deriver\":null,\"narHash\":\"sha256-N7xVie6SY4PVFDTadRoAWN9fNY1JFwiNPZMmzHa/EM4=\",\"narSize\":872,\"references\":[],\"registrationTime\":…,\"signatures\":[],\"storeDir\":\"/nix/store\",\"ultimate\":false";
    let first = ok(dir, &format!("nix path-info --json --json-format 1 -S {path} {S}"));
    let pattern = format!(
        "{{\"{path}\":{{\"ca\":\"fixed:r:sha256:1khhpxvcq9lk7n6hh5s9ilsmzpsq00d7bnil2kaq6qwjxs4mbg1p\",\"closureSize\":872,{facts},\"version\":1}}}}\n"
    );
    assert!(matches(&pattern, &first), "{first}");
    let none = "/nix/store/00000000000000000000000000000000-x";
    let second = ok(dir, &format!("nix path-info --json --json-format 2 {path} {none} {S}"));
    let pattern = format!(
        "{{\"info\":{{\"00000000000000000000000000000000-x\":null,\"{base}\":{{\"ca\":{{\"hash\":\"sha256-N7xVie6SY4PVFDTadRoAWN9fNY1JFwiNPZMmzHa/EM4=\",\"method\":\"nar\"}},{facts},\"version\":2}}}},\"storeDir\":\"/nix/store\",\"version\":2}}\n"
    );
    assert!(matches(&pattern, &second), "{second}");
    let out = output(dir, &format!("nix path-info --json --all {S}"));
    assert!(text(&out.stderr).contains("'--json' without '--json-format' is deprecated"));
    let (status, message) = fails(dir, &format!("nix path-info --all {path} {S}"));
    assert_eq!(status, 1);
    assert!(message.starts_with("error: '--all' does not expect arguments\n"), "{message}");
}

#[test]
fn damage_is_found() {
    let dir = scene();
    let dir = dir.path();
    let path = added(dir);
    assert_eq!(fails(dir, &format!("nix store verify --all {S}")).0, 0);
    ok(dir, &format!("chmod u+w s{path}/a; echo bad > s{path}/a"));
    let (status, message) = fails(dir, &format!("nix store verify {path} {S}"));
    assert_eq!(status, 1, "{message}");
    let want = "sha256:1khhpxvcq9lk7n6hh5s9ilsmzpsq00d7bnil2kaq6qwjxs4mbg1p";
    assert!(message.contains(&format!("path '{path}' was modified! expected hash '{want}', got 'sha256:")));
    assert_eq!(fails(dir, &format!("nix store verify --no-contents {path} {S}")).0, 0);
}

#[test]
fn derivations_are_shown_and_are_untrusted_without_signatures() {
    let dir = scene();
    let dir = dir.path();
    let drv = "Derive([(\"out\",\"/nix/store/ykgp46kcprfkvhnx7bc59zajk6vkb11c-x\",\"\",\"\")],[],[],\"x86_64-linux\",\"/bin/sh\",[],[(\"FOO\",\"a\"),(\"builder\",\"/bin/sh\"),(\"name\",\"x\"),(\"out\",\"/nix/store/ykgp46kcprfkvhnx7bc59zajk6vkb11c-x\"),(\"system\",\"x86_64-linux\")])";
    std::fs::write(dir.join("x.drv"), drv).expect("a file");
    let path = ok(dir, &format!("nix store add --mode text x.drv {S}")).trim().to_owned();
    assert_eq!(path, "/nix/store/awpfzpja8w34h8q6x0p21a45zb8wi27x-x.drv");
    let json = "{\"derivations\":{\"awpfzpja8w34h8q6x0p21a45zb8wi27x-x.drv\":{\"args\":[],\"builder\":\"/bin/sh\",\"env\":{\"FOO\":\"a\",\"builder\":\"/bin/sh\",\"name\":\"x\",\"out\":\"/nix/store/ykgp46kcprfkvhnx7bc59zajk6vkb11c-x\",\"system\":\"x86_64-linux\"},\"inputs\":{\"drvs\":{},\"srcs\":[]},\"name\":\"x\",\"outputs\":{\"out\":{\"path\":\"ykgp46kcprfkvhnx7bc59zajk6vkb11c-x\"}},\"system\":\"x86_64-linux\",\"version\":4}},\"version\":4}\n";
    assert_eq!(ok(dir, &format!("nix derivation show {path} {S}")), json);
    assert_eq!(ok(dir, &format!("nix derivation show -r {path}^out {S}")), json);
    assert_eq!(
        fails(dir, &format!("nix log {path} {S}")),
        (1, format!("error: build log of '{path}' is not available\n"))
    );
    let source = added(dir);
    assert_eq!(
        fails(dir, &format!("nix derivation show {source} {S}")),
        (1, format!("error: '{source}' does not have a known deriver\n"))
    );
    // an output that nobody signed
    let output = "/nix/store/ykgp46kcprfkvhnx7bc59zajk6vkb11c-x";
    ok(
        dir,
        &format!("echo out > s{output}; (echo {output}; echo; echo 0) | nix-store --register-validity {S}"),
    );
    let (status, message) = fails(dir, &format!("nix store verify {output} {S}"));
    assert!(status == 2 && message.contains(&format!("path '{output}' is untrusted")), "{status} {message}");
}

#[test]
fn garbage_is_collected() {
    let dir = scene();
    let dir = dir.path();
    let path = added(dir);
    let kept = ok(dir, &format!("nix store add --name kept t/a {S}")).trim().to_owned();
    ok(dir, &format!("mkdir -p s/nix/var/nix/gcroots; ln -s {kept} s/nix/var/nix/gcroots/kept"));
    assert_eq!(ok(dir, &format!("nix store gc --dry-run {S}")), "1 store paths would be deleted\n");
    assert_eq!(ok(dir, &format!("nix-collect-garbage --dry-run {S}")), "1 store paths would be deleted\n");
    let (status, message) = fails(dir, &format!("nix store delete {kept} {S}"));
    assert!(status == 1 && message.contains(&format!("'{kept}'")), "{status} {message}");
    assert!(
        ok(dir, &format!("nix store delete --skip-alive {kept} {S}")).starts_with("0 store paths deleted, ")
    );
    assert!(ok(dir, &format!("nix store gc {S}")).starts_with("1 store paths deleted, "));
    assert!(!dir.join(format!("s{path}")).exists() && dir.join(format!("s{kept}")).exists());
    let (status, message) = fails(dir, &format!("nix-collect-garbage --dry-run --max-freed 1 {S}"));
    assert_eq!(status, 1);
    assert!(
        message.starts_with("error: options --max-freed and --dry-run cannot be combined\n"),
        "{message}"
    );
    assert_eq!(fails(dir, &format!("nix store gc --max 1X {S}")).0, 1);
}

#[test]
fn old_generations_go_with_the_garbage() {
    let dir = scene();
    let dir = dir.path();
    let old = added(dir);
    let new = ok(dir, &format!("nix store add --name new t/a {S}")).trim().to_owned();
    ok(
        dir,
        &format!(
            "p=$PWD/s/nix/var/nix/profiles; mkdir -p $p; ln -s {old} $p/web-1-link; ln -s {new} $p/web-2-link; ln -s web-2-link $p/web"
        ),
    );
    let out = output(dir, &format!("nix-collect-garbage -d --dry-run {S}"));
    assert!(text(&out.stderr).contains("would remove profile version 1"), "{}", text(&out.stderr));
    assert_eq!(text(&out.stdout), "0 store paths would be deleted\n");
    assert!(ok(dir, &format!("nix-collect-garbage --delete-older-than 30d {S}")).starts_with("0 "));
    assert!(ok(dir, &format!("nix-collect-garbage -d {S}")).starts_with("1 store paths deleted, "));
    assert!(!dir.join(format!("s{old}")).exists() && dir.join(format!("s{new}")).exists());
}

#[test]
fn files_are_fetched() {
    let dir = scene();
    let dir = dir.path();
    let path = "/nix/store/dsnln8dzp7a38dkfhk9p6pldgsb5jpr5-a";
    let hash = "00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq";
    assert_eq!(
        ok(dir, "nix-prefetch-url --print-path file://$PWD/t/a --store $PWD/s"),
        format!("{hash}\n{path}\n")
    );
    // with the hash known, nothing is fetched
    assert_eq!(
        ok(dir, &format!("nix-prefetch-url file:///none/a {hash} --store $PWD/s")),
        format!("{hash}\n")
    );
    assert_eq!(
        ok(dir, "nix store prefetch-file --json file://$PWD/t/a --store $PWD/s"),
        format!(
            "{{\"hash\":\"sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=\",\"storePath\":\"{path}\"}}\n"
        )
    );
    let unpacked = ok(
        dir,
        "tar cf t.tar t; nix-prefetch-url --unpack --name t --print-path file://$PWD/t.tar --store $PWD/s",
    );
    assert_eq!(
        unpacked,
        "1khhpxvcq9lk7n6hh5s9ilsmzpsq00d7bnil2kaq6qwjxs4mbg1p\n/nix/store/wbzasmj7ssnibpisbh7im1k5h67vlyab-t\n"
    );
    let (status, message) = fails(dir, "nix-prefetch-url file://$PWD/t/a $(printf %052d 0) --store $PWD/s");
    assert!(status == 1 && message.starts_with("error: hash mismatch for 'file://"), "{status} {message}");
    assert_eq!(
        fails(dir, "nix-prefetch-url").1,
        "error: you must specify a URL\nTry 'nix-prefetch-url --help' for more information.\n"
    );
}

#[test]
fn keys_settings_versions() {
    let dir = scene();
    let dir = dir.path();
    let public =
        ok(dir, "nix key generate-secret --key-name k-1 > key; nix key convert-secret-to-public < key");
    assert!(matches("k-1:…=", &public) && public.len() == 48, "{public}");
    assert!(
        fails(dir, "nix key generate-secret")
            .1
            .starts_with("error: required argument '--key-name' is missing\n")
    );
    assert_eq!(fails(dir, "echo junk | nix key convert-secret-to-public").0, 1);
    assert_eq!(ok(dir, "nix config show cores --cores 3"), "3\n");
    assert!(ok(dir, "nix config show").contains("\nmax-jobs = "));
    assert_eq!(fails(dir, "nix config show nosuch"), (1, "error: could not find setting 'nosuch'\n".into()));
    assert!(ok(dir, "nix --version").starts_with("nix (Nix) 2.34.8"));
    assert!(ok(dir, "firn version").starts_with("firn (Nix) 2.34.8"));
    assert!(ok(dir, "nix version --json").contains("\"version\":\"2.34.8\""));
}

#[test]
fn wrong_commands() {
    let dir = scene();
    let dir = dir.path();
    let hint = "Try 'nix --help' for more information.\n";
    assert_eq!(fails(dir, "nix frob"), (1, format!("error: 'frob' is not a recognised command\n{hint}")));
    assert_eq!(
        fails(dir, "nix hash frob"),
        (1, format!("error: 'frob' is not a recognised command\n{hint}"))
    );
    assert_eq!(fails(dir, "nix store ls"), (1, format!("error: more arguments are required\n{hint}")));
    let (status, message) = fails(dir, "nix hash");
    assert!(
        status == 1 && message.contains("nix hash requires a sub-command.") && message.contains("· convert")
    );
    let (_, message) = fails(dir, "NIX_CONFIG= nix hash file t/a");
    assert!(message.contains("experimental Nix feature 'nix-command' is disabled"), "{message}");
    assert_eq!(ok(dir, "NIX_CONFIG= firn hash file t/a"), ok(dir, "nix hash-file t/a"));
    assert!(ok(dir, "nix store gc --help").contains("--max N"));
}

#[test]
fn applets_are_links() {
    let dir = scene();
    let dir = dir.path();
    ok(dir, "firn applets $PWD/bin; firn applets $PWD/bin");
    assert_eq!(ok(dir, "bin/nix-hash --flat t/a"), "b1946ac92492d2347c6235b4d2611184\n");
}

#[test]
fn pins_need_an_archive() {
    let dir = scene();
    let dir = dir.path();
    // a checkout whose archive is not there: nothing is written, and the message names the address
    ok(
        dir,
        "mkdir base; printf 'suite file:///none/ trixie main\nmirror file:///none/\n' > base/debian.seeds",
    );
    let keyring = Path::new(env!("CARGO_MANIFEST_DIR")).join("../base/debian-archive-keyring.pgp");
    std::fs::copy(keyring, dir.join("base/debian-archive-keyring.pgp")).expect("the keyring");
    let (status, message) = fails(dir, "cd t && firn base update-pins");
    assert_eq!(status, 1, "{message}");
    assert!(message.contains("file:///none/dists/trixie/InRelease"), "{message}");
    assert!(!dir.join("base/debian.lock").exists());
}

#[test]
fn the_other_implementation_agrees() {
    if !other_is_there() {
        return;
    }
    let dir = scene();
    let dir = dir.path();
    let same = [
        "hash path t",
        "hash path --base32 --type sha512 t/sub",
        "hash file --base16 --type sha1 t/a",
        "hash to-base32 sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "nar ls -lR t.nar /",
        "nar ls -R t.nar /sub",
        "nar cat t.nar /a",
        "nar dump-path t",
    ];
    for command in same {
        let ours = output(dir, &format!("nix {command}"));
        let theirs = output(dir, &format!("{OTHER} {command}"));
        assert!(theirs.status.success(), "{command}: {}", text(&theirs.stderr));
        assert_eq!(ours.stdout, theirs.stdout, "{command}");
    }
    for command in ["t", "--flat t/a", "--type sha256 --base32 t", "--type sha512 --truncate --flat t/a"] {
        assert_eq!(
            ok(dir, &format!("nix-hash {command}")),
            ok(dir, &format!("/usr/bin/nix-hash {command}")),
            "{command}"
        );
    }
    // one store, both programs
    let path = added(dir);
    for command in ["path-info -sS", "store ls -R", "store dump-path"] {
        let command = format!("{command} {path} --store $PWD/s");
        assert_eq!(ok(dir, &format!("nix {command}")), ok(dir, &format!("{OTHER} {command}")), "{command}");
    }
    assert_eq!(fails(dir, &format!("{OTHER} store verify --all --store $PWD/s")).0, 0);
}
