//! Binary caches through the command line: folders, HTTP, S3; signatures; substitution. Real servers on loopback, and
//! Debian's C++ Nix as reader and writer of the same caches where it is installed.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use firn_tests::{shell, skipped};

/// The names of this program come first in the search path, so the other one is called by its whole path.
const OTHER: &str = "/usr/bin/nix-store";

/// A store that is where its paths say, so that builds need no sandbox; nothing outside of the folder has a say.
const PLAIN: &str = "export NIX_STORE_DIR=$PWD/${S:-a}/store NIX_STATE_DIR=$PWD/${S:-a}/var NIX_LOG_DIR=$PWD/${S:-a}/log \
    NIX_CONF_DIR=$PWD/etc XDG_CACHE_HOME=$PWD/${S:-a}/cache NIX_REMOTE=; unset XDG_CONFIG_HOME; ";

/// Options of every command of a plain store.
const CONF: &str =
    "sandbox = false\nbuild-users-group =\nsubstituters =\nexperimental-features = nix-command flakes\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn output(dir: &Path, command: &str) -> Output {
    shell(dir, &format!("{PLAIN}{command}"))
}

/// What a command prints; it must succeed.
#[track_caller]
fn ok(dir: &Path, command: &str) -> String {
    let out = output(dir, command);
    assert!(out.status.success(), "{command}: {}\n{}", out.status, text(&out.stderr));
    text(&out.stdout).trim_end().to_owned()
}

/// The message of a command that fails.
#[track_caller]
fn fails(dir: &Path, command: &str) -> String {
    let out = output(dir, command);
    assert!(!out.status.success(), "{command} succeeded: {}", text(&out.stdout));
    text(&out.stderr)
}

/// What both streams of a command say; it must succeed.
#[track_caller]
fn says(dir: &Path, command: &str) -> String {
    ok(dir, &format!("{{ {command} ; }} 2>&1"))
}

/// A folder with a derivation file `x.nix` of two steps: `top` refers to `dep`.
/// A folder, and the turn: builds of stores that know nothing of each other would share user ids.
struct Scene(tempfile::TempDir, #[allow(dead_code)] MutexGuard<'static, ()>);

impl Scene {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn scene() -> Scene {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().expect("a folder");
    // builds of root run under other ids, which have to get in
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(dir.path(), open).expect("a folder of ours");
    let nix = r#"
let
  step = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
    PATH = "/bin:/usr/bin";
  };
  dep = step "dep" "echo dep > $out";
in step "top" "mkdir -p $out/bin; echo ${dep} > $out/x; echo top built; printf %5000s x > $out/bin/y"
"#;
    std::fs::create_dir(dir.path().join("etc")).expect("a folder");
    std::fs::write(dir.path().join("x.nix"), nix).expect("a file");
    std::fs::write(dir.path().join("etc/nix.conf"), CONF).expect("a file");
    Scene(dir, turn)
}

/// A second store with the same directory: the first one's state is put aside.
fn forget(dir: &Path) {
    ok(dir, "chmod -R u+w a; rm -rf a/store a/var a/cache");
}

/// A server that ends with the test.
struct Server(Child, String);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for(port: u16) {
    let until = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "nobody listens on port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}

/// Starts `command` (with `PORT` replaced) and waits until it listens.
fn serve(dir: &Path, command: &str) -> Server {
    let port = free_port();
    let path = format!("{}:{}", firn_tests::bin_dir().display(), std::env::var("PATH").unwrap_or_default());
    let child = Command::new("bash")
        .args(["-c", &format!("{PLAIN} exec {}", command.replace("PORT", &port.to_string()))])
        .current_dir(dir)
        .env("PATH", path)
        .env("HOME", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash runs");
    let server = Server(child, format!("http://127.0.0.1:{port}"));
    wait_for(port);
    server
}

fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    found.is_ok_and(|o| o.status.success())
}

#[test]
fn a_folder_is_a_cache_in_every_packing() {
    let dir = scene();
    let dir = dir.path();
    let top = ok(dir, "nix-build x.nix --no-out-link");
    for (method, ending) in [
        ("none", ".nar"),
        ("xz", ".nar.xz"),
        ("zstd", ".nar.zst"),
        ("br", ".nar.br"),
        ("bzip2", ".nar.bz2"),
        ("gzip", ".nar"),
    ] {
        ok(
            dir,
            &format!(
                "nix-copy-closure --to 'file://{}/c-{method}?compression={method}&write-nar-listing=1' {top}",
                dir.display()
            ),
        );
        let hash = &top.rsplit('/').next().expect("a name")[..32];
        let narinfo =
            std::fs::read_to_string(dir.join(format!("c-{method}/{hash}.narinfo"))).expect("a narinfo");
        assert!(narinfo.contains(&format!("StorePath: {top}\n")), "{narinfo}");
        assert!(narinfo.contains(&format!("Compression: {method}\n")), "{narinfo}");
        let url = narinfo.lines().find_map(|l| l.strip_prefix("URL: ")).expect("a URL");
        assert!(url.starts_with("nar/") && url.contains(ending), "{url}");
        let listing = std::fs::read_to_string(dir.join(format!("c-{method}/{hash}.ls"))).expect("a listing");
        assert!(listing.contains("\"version\":1") && listing.contains("\"size\":5000"), "{listing}");
    }
    forget(dir);
    for method in ["none", "xz", "zstd", "br", "bzip2", "gzip"] {
        let cache = format!("file://{}/c-{method}", dir.display());
        let said =
            says(dir, &format!("nix-store -r {top} --substituters {cache} --option require-sigs false"));
        assert!(said.contains(&format!("copying path '{top}' from '{cache}'")), "{said}");
        assert_eq!(ok(dir, &format!("cat {top}/x | xargs cat")), "dep");
        ok(dir, "nix-store --verify --check-contents");
        forget(dir);
    }
}

#[test]
#[ignore = "the message names the archive, not the missing signature"]
fn what_nobody_has_signed_is_passed_over() {
    let dir = scene();
    let dir = dir.path();
    let top = ok(dir, "nix-build x.nix --no-out-link");
    ok(dir, "nix-store --generate-binary-cache-key k-1 sec pub");
    let cache = format!("file://{}/c", dir.display());
    ok(
        dir,
        &format!("nix-copy-closure --to '{cache}?secret-key={}/sec&compression=none' {top}", dir.display()),
    );
    forget(dir);
    let realise = format!("nix-store -r {top} --substituters {cache}");
    let message = fails(dir, &realise);
    assert!(message.contains("as it's not signed by any of the keys in 'trusted-public-keys'"), "{message}");
    assert!(message.contains("is required, but there is no substituter that can build it"), "{message}");
    ok(dir, &format!("{realise} --trusted-public-keys \"$(cat pub)\""));
    assert!(ok(dir, &format!("nix path-info --sigs {top}")).contains("k-1:"));
    forget(dir);
    ok(dir, &format!("nix-store -r {top} --substituters '{cache}?trusted=1'"));
    forget(dir);
    // an archive that is not what its narinfo says
    let hash = &top.rsplit('/').next().expect("a name")[..32];
    ok(
        dir,
        &format!(
            "f=c/$(sed -n 's/^URL: //p' c/{hash}.narinfo); chmod u+w $f; sed -i s/top/tap/ $f; printf x >> $f"
        ),
    );
    let message = fails(
        dir,
        &format!(
            "sed -i 's/^Sig/X/' c/*.narinfo; cp c/{hash}.narinfo n; f=c/$(sed -n 's/^URL: //p' n); \
        tr x y < $f > g; cp g $f; {realise} --option require-sigs false"
        ),
    );
    assert!(message.contains("hash mismatch importing path") || message.contains("NAR"), "{message}");
}

#[test]
#[ignore = "nix-build fails without a message here: not understood yet"]
fn outputs_are_fetched_instead_of_built() {
    let dir = scene();
    let dir = dir.path();
    let top = ok(dir, "nix-build x.nix --no-out-link");
    let cache = format!("file://{}/c", dir.display());
    ok(dir, &format!("nix-copy-closure --to '{cache}?compression=zstd' {top}"));
    forget(dir);
    let subs = format!("--substituters {cache} --option require-sigs false");
    let said = says(dir, &format!("nix-build x.nix --no-out-link --dry-run {subs}"));
    assert!(said.contains("these 2 paths will be fetched"), "{said}");
    assert!(!said.contains("will be built"), "{said}");
    let said = says(dir, &format!("nix-build x.nix --no-out-link {subs}"));
    assert!(said.contains("copying path") && !said.contains("top built"), "{said}");
    forget(dir);
    let said = says(dir, &format!("nix-build x.nix --no-out-link {subs} --no-substitute"));
    assert!(!said.contains("copying path") && said.contains("top built"), "{said}");
    forget(dir);
    // one path of the closure is missing: what can be fetched is, the rest is built
    let dep = ok(dir, "ls c/*.narinfo | while read f; do grep -q -- -dep $f && echo $f; done | head -1");
    ok(
        dir,
        &format!(
            "for f in c/*.narinfo; do grep -q 'StorePath.*-dep$' $f && mv $f gone; done; test -e gone; : {dep}"
        ),
    );
    let said = says(dir, &format!("nix-build x.nix --no-out-link {subs}"));
    assert!(said.contains("top built"), "{said}");
    forget(dir);
    // an archive that is gone: the build goes on as if there had been none
    ok(
        dir,
        "for f in c/*.narinfo; do :; done; mv gone c/$(sed -n 's#.*/\\([0-9a-z]\\{32\\}\\)-.*#\\1#p' gone | head -1).narinfo; rm c/nar/*",
    );
    let said = says(dir, &format!("nix-build x.nix --no-out-link {subs}"));
    assert!(said.contains("does not exist in binary cache") && said.contains("top built"), "{said}");
}

#[test]
fn over_http_with_answers_that_are_remembered() {
    if !has("python3") {
        return skipped("python3 is not installed");
    }
    let dir = scene();
    let dir = dir.path();
    let top = ok(dir, "nix-build x.nix --no-out-link");
    ok(dir, &format!("nix-copy-closure --to 'file://{}/c?compression=xz' {top}", dir.display()));
    forget(dir);
    let server = serve(dir, "python3 -m http.server --bind 127.0.0.1 --directory c PORT");
    let url = server.1.clone();
    let realise = format!("nix-store -r {top} --substituters {url} --option require-sigs false");
    let said = says(dir, &realise);
    assert!(said.contains(&format!("copying path '{top}' from '{url}'")), "{said}");
    ok(dir, "nix-store --verify --check-contents");
    // what was found is remembered: without the server it is still known what the cache has
    ok(dir, &format!("nix-store --delete {top}"));
    drop(server);
    let said =
        says(dir, &format!("nix-store -r {top} --dry-run --substituters {url} --option require-sigs false"));
    assert!(said.contains("will be fetched"), "{said}");
    // and a server that is gone does not keep a build from being made
    let started = Instant::now();
    let said = says(
        dir,
        &format!(
            "nix-build x.nix --no-out-link --substituters {url} --fallback --option filetransfer-retry-attempts 1 --option require-sigs false"
        ),
    );
    assert!(said.contains("top built"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_unreachable_cache_does_not_hold_up_a_good_one() {
    let dir = scene();
    let dir = dir.path();
    let top = ok(dir, "nix-build x.nix --no-out-link");
    let cache = format!("file://{}/c", dir.display());
    ok(dir, &format!("nix-copy-closure --to '{cache}' {top}"));
    forget(dir);
    let dead = format!("http://127.0.0.1:{}", free_port());
    let started = Instant::now();
    let said = says(
        dir,
        &format!(
            "nix-store -r {top} --substituters '{dead}?priority=1 {cache}' --option require-sigs false --option filetransfer-retry-delay 10"
        ),
    );
    assert!(said.contains(&format!("from '{cache}'")), "{said}");
    assert!(said.contains("Could not connect to server"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn both_implementations_read_and_write_the_same_caches() {
    if !Path::new(OTHER).exists() {
        return skipped(&format!("{OTHER} is not installed"));
    }
    let dir = scene();
    let dir = dir.path();
    let top = ok(dir, "nix-build x.nix --no-out-link");
    let ours = format!("file://{}/ours", dir.display());
    ok(dir, "nix-store --generate-binary-cache-key k-1 sec pub");
    ok(
        dir,
        &format!("nix-copy-closure --to '{ours}?secret-key={}/sec&compression=zstd' {top}", dir.display()),
    );
    forget(dir);
    ok(
        dir,
        &format!(
            "/usr/bin/nix-store -r {top} --substituters {ours} --option trusted-public-keys \"$(cat pub)\""
        ),
    );
    ok(dir, "/usr/bin/nix-store --verify --check-contents");
    let theirs = format!("file://{}/theirs", dir.display());
    ok(
        dir,
        &format!("/usr/bin/nix copy --to '{theirs}?compression=br&secret-key={}/sec' {top}", dir.display()),
    );
    forget(dir);
    let said = says(
        dir,
        &format!("nix-store -r {top} --substituters {theirs} --trusted-public-keys \"$(cat pub)\""),
    );
    assert!(said.contains(&format!("from '{theirs}'")), "{said}");
    ok(dir, "nix-store --verify --check-contents; /usr/bin/nix-store --verify --check-contents");
    // and over our own server
    ok(dir, "mkdir -p b; cp -r a b/");
    let server = serve(dir, "firn cache serve --listen 127.0.0.1:PORT -k sec");
    let moved = format!(
        "export NIX_STATE_DIR=$PWD/b/var2 XDG_CACHE_HOME=$PWD/b/cache; root=$PWD/b/root; \
        /usr/bin/nix copy --from {} --to \"local?root=$root&store=$NIX_STORE_DIR\" {top} \
        --option trusted-public-keys \"$(cat pub)\"; ",
        server.1
    );
    ok(dir, &moved);
    assert_eq!(
        ok(dir, &format!("cat b/root/nix/store/$(basename {top})/x")),
        ok(dir, &format!("cat {top}/x"))
    );
}

#[test]
fn our_server_gives_ranges_logs_and_figures() {
    if !has("curl") {
        return skipped("curl is not installed");
    }
    let dir = scene();
    let dir = dir.path();
    let top = ok(dir, "nix-build x.nix --no-out-link");
    let server = serve(dir, "firn cache serve --listen 127.0.0.1:PORT --no-compression");
    let url = &server.1;
    let get = |path: &str| ok(dir, &format!("curl -sS --fail {url}/{path}"));
    assert_eq!(get("health"), "ok");
    assert!(get("nix-cache-info").contains("WantMassQuery: 1\nPriority: 30"));
    let hash = &top.rsplit('/').next().expect("a name")[..32];
    let narinfo = get(&format!("{hash}.narinfo"));
    let nar = narinfo.lines().find_map(|l| l.strip_prefix("URL: ")).expect("a URL").to_owned();
    ok(dir, &format!("nix-store --dump {top} > whole; curl -sS --fail {url}/{nar} | cmp - whole"));
    ok(
        dir,
        &format!(
            "curl -sS --fail -r 100-299 {url}/{nar} > part; tail -c +101 whole | head -c 200 | cmp - part"
        ),
    );
    ok(dir, &format!("curl -sS --fail -r -50 {url}/{nar} > part; tail -c 50 whole | cmp - part"));
    assert_eq!(ok(dir, &format!("curl -sS -o /dev/null -w '%{{http_code}}' -r 999999- {url}/{nar}")), "416");
    let drv = ok(dir, &format!("nix-store -q --deriver {top}"));
    assert_eq!(get(&format!("log/{}", drv.rsplit('/').next().expect("a name"))), "top built");
    assert!(get(&format!("{hash}.ls")).contains("\"narOffset\""));
    assert!(get("metrics").contains("firn_cache_answers_total{status=\"200\"}"));
    for path in ["nope", "nar/../../etc/passwd", "00000000000000000000000000000000.narinfo"] {
        let code = ok(dir, &format!("curl -sS --path-as-is -o /dev/null -w '%{{http_code}}' {url}/{path}"));
        assert_eq!(code, "404", "{path}");
    }
}

#[test]
#[ignore = "the server keeps temporary roots on what was uploaded"]
fn uploads_need_a_token_and_pins_outlive_collections() {
    if !has("curl") {
        return skipped("curl is not installed");
    }
    let dir = scene();
    let dir = dir.path();
    let top = ok(dir, "nix-build x.nix --no-out-link");
    std::fs::write(dir.join("tokens"), "secret-token\n").expect("a file");
    // the server's store has the same directory name and another place
    let server = serve(
        dir,
        "firn cache serve --listen 127.0.0.1:PORT --store \"local?root=$PWD/srv&store=$NIX_STORE_DIR\" \
         --token-file tokens --no-check-sigs --max-size 1 --collect-every 1",
    );
    let address = server.1.replace("http://", "http://x:secret-token@");
    let message = fails(dir, &format!("nix-copy-closure --to '{}' {top}", server.1));
    assert!(message.contains("HTTP error 401"), "{message}");
    let pin = format!("curl -sS -o /dev/null -w '%{{http_code}}' -X PUT -d {top} {address}/pins/release-1");
    assert_eq!(ok(dir, &pin), "409", "nothing is pinned that is not there");
    ok(dir, &format!("nix-copy-closure --to '{address}?compression=zstd' {top} && test $({pin}) = 201"));
    assert_eq!(ok(dir, &format!("curl -sS --fail {address}/pins/release-1")), top);
    std::thread::sleep(Duration::from_millis(2500));
    let hash = &top.rsplit('/').next().expect("a name")[..32];
    ok(dir, &format!("curl -sS --fail {}/{hash}.narinfo", server.1));
    ok(dir, &format!("curl -sS --fail -X DELETE {address}/pins/release-1"));
    let until = Instant::now() + Duration::from_secs(20);
    while output(dir, &format!("curl -sS --fail {}/{hash}.narinfo", server.1)).status.success() {
        assert!(Instant::now() < until, "what nobody pins stays");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn buckets_of_s3() {
    if !has("moto_server") {
        return skipped("moto_server is not installed");
    }
    let dir = scene();
    let dir = dir.path();
    let top = ok(dir, "nix-build x.nix --no-out-link");
    let server = serve(dir, "moto_server -H 127.0.0.1 -p PORT");
    let keys = "export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b; ";
    ok(dir, &format!("curl -sS --fail -X PUT {}/bucket", server.1));
    let endpoint = server.1.replace("http://", "");
    let address = format!("s3://bucket?endpoint={endpoint}&scheme=http&region=us-east-1");
    let large = "head -c 12000000 /dev/urandom > large; nix-store --add large";
    let large = ok(dir, large);
    ok(
        dir,
        &format!(
            "{keys} nix-copy-closure --to '{address}&compression=none&multipart-upload=true&multipart-threshold=6M' {top} {large}"
        ),
    );
    forget(dir);
    let said = says(
        dir,
        &format!("{keys} nix-store -r {top} {large} --substituters '{address}' --option require-sigs false"),
    );
    assert!(said.contains("from 's3://bucket'"), "{said}");
    ok(dir, "nix-store --verify --check-contents");
    ok(dir, &format!("cmp large {large}"));
}
