//! Daemons, other machines, remote builders: our programs with each other and with Debian's C++ Nix where it is installed.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use firn_tests::{shell, skipped};

const OTHER: &str = "/usr/bin/nix-daemon";

/// A store that is where its paths say; commands of the test write it themselves unless `NIX_REMOTE` says otherwise.
const PLAIN: &str = "export NIX_STORE_DIR=$PWD/a/store NIX_STATE_DIR=$PWD/a/var NIX_LOG_DIR=$PWD/a/log NIX_CONF_DIR=$PWD/etc \
    XDG_CACHE_HOME=$PWD/cache NIX_DAEMON_SOCKET_PATH=$PWD/socket; unset XDG_CONFIG_HOME NIX_REMOTE; ";

const CONF: &str =
    "sandbox = false\nbuild-users-group =\nsubstituters =\nexperimental-features = nix-command flakes\n";

/// Stores below roots of their own, which build in sandboxes.
const ROOTS: &str = "export NIX_CONF_DIR=$PWD/etc2 XDG_CACHE_HOME=$PWD/cache; unset XDG_CONFIG_HOME NIX_REMOTE NIX_STORE_DIR; ";

const ROOTS_CONF: &str = "build-users-group =\nsubstituters =\nexperimental-features = nix-command flakes\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn output(dir: &Path, command: &str) -> Output {
    shell(dir, &format!("{PLAIN}{command}"))
}

#[track_caller]
fn ok(dir: &Path, command: &str) -> String {
    let out = output(dir, command);
    assert!(out.status.success(), "{command}: {}\n{}", out.status, text(&out.stderr));
    text(&out.stdout).trim_end().to_owned()
}

#[track_caller]
fn fails(dir: &Path, command: &str) -> String {
    let out = output(dir, command);
    assert!(!out.status.success(), "{command} succeeded: {}", text(&out.stdout));
    text(&out.stderr)
}

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
{ n ? "x", fail ? false }:
derivation {
  name = "built-${n}";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" (if fail then "echo it is broken; exit 3" else "echo building ${n}; echo ${n} > $out") ];
  PATH = "/bin:/usr/bin";
}
"#;
    std::fs::create_dir(dir.path().join("etc")).expect("a folder");
    std::fs::write(dir.path().join("x.nix"), nix).expect("a file");
    std::fs::write(dir.path().join("etc/nix.conf"), CONF).expect("a file");
    Scene(dir, turn)
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a daemon and waits for its socket.
fn daemon(dir: &Path, command: &str) -> Running {
    let path = format!("{}:{}", firn_tests::bin_dir().display(), std::env::var("PATH").unwrap_or_default());
    let child = Command::new("bash")
        .args(["-c", &format!("{PLAIN} exec {command}")])
        .current_dir(dir)
        .env("PATH", path)
        .env("HOME", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.join("daemon.log")).expect("a file"))
        .spawn()
        .expect("bash runs");
    let running = Running(child);
    let until = Instant::now() + Duration::from_secs(20);
    while std::os::unix::net::UnixStream::connect(dir.join("socket")).is_err() {
        assert!(
            Instant::now() < until,
            "nobody listens: {:?}",
            std::fs::read_to_string(dir.join("daemon.log"))
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

/// Adding, asking, building, collecting, verifying, with the programs of `bin` as client.
fn everything(dir: &Path, bin: &str) {
    let remote = "export NIX_REMOTE=daemon; ";
    let run = |command: &str| ok(dir, &format!("{remote}{}", command.replace("BIN", bin)));
    let added = run("echo hello > hello; BINnix-store --add hello");
    assert_eq!(run(&format!("cat {added}")), "hello");
    assert_eq!(run(&format!("BINnix-store -q --references {added}")), "");
    assert!(run(&format!("BINnix-store -q --hash {added}")).starts_with("sha256:"));
    let built = run("BINnix-build x.nix --argstr n one -o result");
    assert_eq!(run(&format!("cat {built}")), "one");
    let drv = run(&format!("BINnix-store -q --deriver {built}"));
    assert_eq!(run(&format!("BINnix-store -q --outputs {drv}")), built);
    assert_eq!(run(&format!("BINnix-store -l {drv}")), "building one");
    assert!(run(&format!("BINnix-store -q --referrers {built}")).is_empty());
    let failed = fails(dir, &format!("{remote}{bin}nix-build x.nix --arg fail true --no-out-link"));
    assert!(failed.contains("it is broken"), "{failed}");
    assert!(run("BINnix-store --gc --print-roots").contains(&built));
    assert!(run("BINnix-store --gc --print-dead").contains(&added));
    run("BINnix-store --gc");
    assert!(!Path::new(&added).exists() && Path::new(&built).exists());
    run("BINnix-store --verify --check-contents");
    run(&format!("BINnix-store --export {built} > export; BINnix-store --dump {built} > nar"));
    run("rm result; BINnix-store --gc; test -s export; BINnix-store --import < export");
    assert_eq!(run(&format!("cat {built}")), "one");
}

#[test]
fn our_client_and_our_daemon() {
    let dir = scene();
    let dir = dir.path();
    let _daemon = daemon(dir, "nix-daemon");
    everything(dir, "");
    let info = ok(dir, "NIX_REMOTE=daemon nix store info --json");
    assert_eq!(info, "{\"trusted\":true,\"url\":\"daemon\",\"version\":\"2.34.8\"}");
    ok(dir, "nix-store --verify --check-contents");
}

#[test]
fn debians_client_and_our_daemon() {
    if !Path::new(OTHER).exists() {
        return skipped(&format!("{OTHER} is not installed"));
    }
    let dir = scene();
    let dir = dir.path();
    let _daemon = daemon(dir, "nix-daemon");
    everything(dir, "/usr/bin/");
    ok(dir, "/usr/bin/nix-store --verify --check-contents");
}

#[test]
#[ignore = "Debian's daemon does not answer at times: not understood yet"]
fn our_client_and_debians_daemon() {
    if !Path::new(OTHER).exists() {
        return skipped(&format!("{OTHER} is not installed"));
    }
    let dir = scene();
    let dir = dir.path();
    let _daemon = daemon(dir, OTHER);
    everything(dir, "");
    ok(dir, "nix-store --verify --check-contents");
}

#[test]
fn a_client_without_trust_may_not() {
    let dir = scene();
    let dir = dir.path();
    ok(dir, "nix-store --generate-binary-cache-key k-1 sec pub");
    let _daemon = daemon(dir, "nix-daemon --force-untrusted");
    let remote = "export NIX_REMOTE=daemon; ";
    let info = ok(dir, &format!("{remote} nix store info --json"));
    assert!(info.contains("\"trusted\":false"), "{info}");
    // it may add what follows from its contents, and build
    let built = ok(dir, &format!("{remote} nix-build x.nix --no-out-link"));
    // but not import what nobody has signed
    ok(dir, &format!("nix-store --export {built} > export; nix-store --delete {built}"));
    let message = fails(dir, &format!("{remote} nix-store --import < export"));
    assert!(message.contains("lacks a signature by a trusted key"), "{message}");
    let message = fails(dir, &format!("{remote} nix-store --verify --repair"));
    assert!(message.contains("you are not privileged to repair paths"), "{message}");
    ok(dir, &format!("{remote} nix-build x.nix --no-out-link"));
    let message = fails(dir, &format!("{remote} nix-store --delete --ignore-liveness {built}"));
    assert!(message.contains("you are not allowed to ignore liveness"), "{message}");
    let out =
        output(dir, &format!("{remote} nix-store -r {built} --option require-sigs false --option cores 3"));
    let said = text(&out.stderr);
    assert!(
        said.contains(
            "ignoring the client-specified setting 'require-sigs', because it is a restricted setting"
        ),
        "{said}"
    );
    let out = output(dir, &format!("{remote} nix-store -r {built} --substituters 'file:///evil'"));
    assert!(
        text(&out.stderr).contains("ignoring untrusted substituter 'file:///evil'"),
        "{}",
        text(&out.stderr)
    );
}

#[test]
fn users_that_are_not_allowed_are_turned_away() {
    let dir = scene();
    let dir = dir.path();
    let _daemon =
        daemon(dir, "nix-daemon --option allowed-users nobody-at-all --option trusted-users nobody-at-all");
    let message =
        fails(dir, "NIX_REMOTE=daemon nix-store -q --hash $NIX_STORE_DIR/00000000000000000000000000000000-x");
    assert!(message.contains("cannot open connection to remote store 'daemon'"), "{message}");
    let log = std::fs::read_to_string(dir.join("daemon.log")).expect("a log");
    assert!(log.contains("is not allowed to connect to the Nix daemon"), "{log}");
}

#[test]
fn many_clients_at_once() {
    let dir = scene();
    let dir = dir.path();
    let _daemon = daemon(dir, "nix-daemon --option max-jobs 4");
    ok(
        dir,
        "export NIX_REMOTE=daemon; for i in 1 2 3 4 5 6 7 8; do \
         (nix-build x.nix --argstr n $i --no-out-link > out-$i 2> err-$i || touch failed) & done; wait; test ! -e failed || cat err-* >&2; test ! -e failed",
    );
    for i in 1..=8 {
        assert_eq!(ok(dir, &format!("cat $(cat out-{i})")), i.to_string());
    }
    ok(dir, "nix-store --verify --check-contents");
}

#[test]
fn closures_go_to_other_stores_and_back() {
    let dir = scene();
    let dir = dir.path();
    let built = ok(dir, "nix-build x.nix --no-out-link");
    for scheme in ["ssh", "ssh-ng"] {
        let there = format!(
            "{scheme}://localhost?remote-store=local?root=$PWD/there-{scheme}%26store=$NIX_STORE_DIR"
        );
        ok(dir, &format!("nix-copy-closure --to \"{there}\" {built}"));
        assert_eq!(ok(dir, &format!("cat there-{scheme}/nix/store/$(basename {built})")), "x");
        let back = format!(
            "export NIX_STATE_DIR=$PWD/b-{scheme}; nix-copy-closure --from \"{there}\" --store \"local?root=$PWD/back-{scheme}&store=$NIX_STORE_DIR\" {built}; \
             cat back-{scheme}/nix/store/$(basename {built})"
        );
        assert_eq!(ok(dir, &back), "x");
    }
}

/// A real sshd on loopback with keys of its own; `None` if it cannot be started here.
fn sshd(dir: &Path) -> Option<(Running, u16)> {
    if !Path::new("/usr/sbin/sshd").exists() {
        skipped("sshd is not installed");
        return None;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
    let bin = firn_tests::bin_dir().display().to_string();
    ok(
        dir,
        "ssh-keygen -q -t ed25519 -N '' -f hostkey; ssh-keygen -q -t ed25519 -N '' -f key; cp key.pub authorized; chmod 600 authorized",
    );
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/hostkey\nAuthorizedKeysFile {0}/authorized\nStrictModes no\n\
         UsePAM no\nPidFile none\nSetEnv PATH={bin}:/usr/bin:/bin NIX_STORE_DIR={0}/a/store NIX_STATE_DIR={0}/far/var NIX_LOG_DIR={0}/far/log NIX_CONF_DIR={0}/etc HOME={0}/far\n",
        dir.display()
    );
    std::fs::write(dir.join("sshd.conf"), config).expect("a file");
    let _ = std::fs::create_dir_all("/run/sshd");
    let child = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f"])
        .arg(dir.join("sshd.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.join("sshd.log")).expect("a file"))
        .spawn()
        .ok()?;
    let running = Running(child);
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > until {
            skipped(&format!(
                "sshd does not start: {}",
                std::fs::read_to_string(dir.join("sshd.log")).unwrap_or_default()
            ));
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let probe = "ssh -p PORT -i key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null 127.0.0.1 true";
    let out = output(dir, &probe.replace("PORT", &port.to_string()));
    if !out.status.success() {
        skipped(&format!("ssh to this machine does not work: {}", text(&out.stderr)));
        return None;
    }
    Some((running, port))
}

#[test]
fn over_a_real_sshd() {
    let dir = scene();
    let dir = dir.path();
    let Some((_sshd, port)) = sshd(dir) else { return };
    let opts =
        "export NIX_SSHOPTS='-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'; ";
    let built = ok(dir, "nix-build x.nix --no-out-link");
    let root = format!("local?root={0}/far/root%26store={0}/a/store", dir.display());
    let there = format!("ssh-ng://127.0.0.1:{port}?ssh-key={}/key&remote-store={root}", dir.display());
    ok(dir, &format!("{opts} nix-copy-closure --to '{there}' {built}"));
    assert_eq!(ok(dir, &format!("cat far/root/nix/store/$(basename {built})")), "x");
    // and back; the machine's own key is given, so nothing has to be known of it before
    let hostkey = ok(dir, "base64 -w0 hostkey.pub");
    let known =
        format!("{there}&base64-ssh-public-host-key={}", hostkey.replace('+', "%2B").replace('=', "%3D"));
    ok(
        dir,
        &format!(
            "nix-copy-closure --from '{known}' --store 'local?root={0}/back&store={0}/a/store' {built}",
            dir.display()
        ),
    );
    assert_eq!(ok(dir, &format!("cat back/nix/store/$(basename {built})")), "x");
}

/// What a command with stores below roots prints; it must succeed.
#[track_caller]
fn ok_roots(dir: &Path, command: &str) -> String {
    let out = shell(dir, &format!("{ROOTS}{command}"));
    assert!(out.status.success(), "{command}: {}\n{}", out.status, text(&out.stderr));
    text(&out.stdout).trim_end().to_owned()
}

/// Whether builds in stores below roots work here; says so if not.
fn can_sandbox(dir: &Path) -> bool {
    std::fs::create_dir_all(dir.join("etc2")).expect("a folder");
    std::fs::write(dir.join("etc2/nix.conf"), ROOTS_CONF).expect("a file");
    let out =
        shell(dir, &format!("{ROOTS} nix-build x.nix --argstr n probe --no-out-link --store $PWD/home"));
    if !out.status.success() {
        skipped(&format!("no sandbox here: {}", text(&out.stderr)));
    }
    out.status.success()
}

#[test]
#[ignore = "remote builds do not end in stores below a root: not understood yet"]
fn builds_go_to_machines_that_fit() {
    let dir = scene();
    let dir = dir.path();
    if !can_sandbox(dir) {
        return;
    }
    let machine = |name: &str| format!("ssh-ng://localhost?remote-store={}/{name}", dir.display());
    let machines = format!(
        "{} aarch64-linux - 1 9\n{} - - 1 1 big - \n{} - - 1 1 - kvm\n",
        machine("arm"),
        machine("small"),
        machine("virtual")
    );
    std::fs::write(dir.join("machines"), machines).expect("a file");
    let build = |name: &str| {
        format!("nix-build x.nix --argstr n {name} --no-out-link --store $PWD/home --builders @$PWD/machines")
    };
    let out = ok_roots(dir, &format!("{} -j0", build("away")));
    assert_eq!(ok(dir, &format!("cat home{out}")), "away");
    assert!(
        dir.join("small/nix/store").exists() && !dir.join("arm").exists() && !dir.join("virtual").exists()
    );
    let failed = shell(dir, &format!("{ROOTS}{} -j0 --arg fail true", build("bad")));
    let message = text(&failed.stderr);
    assert!(
        !failed.status.success() && message.contains("it is broken") && message.contains("failed"),
        "{message}"
    );
    // a machine that cannot be reached: its builds are made elsewhere, here in the end
    let dead = "ssh-ng://localhost?remote-program=/does/not/exist - - 4 9\n";
    std::fs::write(dir.join("machines"), format!("{dead}{}\n", machine("small"))).expect("a file");
    let out = ok_roots(dir, &format!("{} -j0", build("moved")));
    assert_eq!(ok(dir, &format!("cat home{out}")), "moved");
    std::fs::write(dir.join("machines"), dead).expect("a file");
    let out = ok_roots(dir, &format!("{} -j1", build("here")));
    assert_eq!(ok(dir, &format!("cat home{out}")), "here");
}

#[test]
#[ignore = "remote builds do not end in stores below a root: not understood yet"]
fn a_builder_that_dies_midway_has_its_build_moved() {
    let dir = scene();
    let dir = dir.path();
    if !can_sandbox(dir) {
        return;
    }
    // the first machine's daemon is killed while it builds
    std::fs::write(
        dir.join("dying.sh"),
        "#!/bin/bash\nexec 3<&0\nnix-daemon \"$@\" <&3 & pid=$!\n\
         for i in $(seq 200); do grep -q . \"$DIR\"/dying/nix/var/nix/builds/*/build/started 2>/dev/null && break; sleep 0.05; done\n\
         kill -9 $pid\ntouch \"$DIR/killed\"\n",
    )
    .expect("a file");
    let nix = r#"derivation { name = "slow"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin";
        args = [ "-c" "echo x > started; sleep 2; echo ok > $out" ]; }"#;
    std::fs::write(dir.join("slow.nix"), nix).expect("a file");
    let machines = format!(
        "ssh-ng://localhost?remote-program=bash%20{0}/dying.sh&remote-store={0}/dying - - 1 9\nssh-ng://localhost?remote-store={0}/good - - 1 1\n",
        dir.display()
    );
    std::fs::write(dir.join("machines"), machines).expect("a file");
    let out = ok_roots(
        dir,
        "export DIR=$PWD; nix-build slow.nix --no-out-link -j0 --store $PWD/home --builders @$PWD/machines 2> err || { cat err >&2; exit 1; }",
    );
    assert_eq!(ok(dir, &format!("cat home{out}")), "ok");
    let said = ok(dir, "cat err");
    assert!(dir.join("killed").exists(), "the first machine was not killed: {said}");
    assert!(said.contains("it is built elsewhere"), "{said}");
}

#[test]
#[ignore = "remote builds do not end in stores below a root: not understood yet"]
fn another_nix_builds_through_our_hook() {
    if !Path::new(OTHER).exists() {
        return skipped(&format!("{OTHER} is not installed"));
    }
    let dir = scene();
    let dir = dir.path();
    if !can_sandbox(dir) {
        return;
    }
    let bin = firn_tests::bin_dir().display().to_string();
    std::fs::write(dir.join("hook"), format!("#!/bin/sh\nexec {bin}/nix __build-remote \"$@\"\n"))
        .expect("a file");
    ok(dir, "chmod +x hook");
    let machine = format!(
        "ssh-ng://localhost?remote-store=local?root={0}/away%26store={0}/a/store - - 1 1",
        dir.display()
    );
    std::fs::write(dir.join("machines"), format!("{machine}\n")).expect("a file");
    let out = ok(
        dir,
        "/usr/bin/nix-build x.nix --argstr n hooked --no-out-link -j0 --option build-hook $PWD/hook --builders @$PWD/machines 2> err || { cat err >&2; exit 1; }",
    );
    assert_eq!(ok(dir, &format!("cat {out}")), "hooked");
    assert!(dir.join("away/nix/store").join(out.rsplit('/').next().expect("a name")).exists());
}
