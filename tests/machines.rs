//! A machine, booted for real: one boot for many questions. Second tier: only with FIRN_MACHINE_TESTS=1, since it fetches packages
//! from Debian's archive and takes a minute without KVM.
#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use firn_tests::{bin_dir, copy_tree, skipped};

/// How long one step may take on a busy machine without KVM.
const STEP: Duration = Duration::from_secs(300);

/// A machine that `firn run` started, with its serial line.
struct Machine {
    child: Child,
    shown: Arc<Mutex<String>>,
    began: Instant,
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The whole group: the script and QEMU.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).status();
        let _ = self.child.wait();
    }
}

impl Machine {
    fn start(dir: &Path) -> Machine {
        let path = format!("{}:{}", bin_dir().display(), std::env::var("PATH").unwrap_or_default());
        let mut child = Command::new("firn")
            .arg("run")
            .current_dir(dir)
            .env("PATH", path)
            .env("HOME", dir)
            .env("TMPDIR", dir)
            .env("QEMU_OPTS", "-no-reboot")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for mut pipe in pipes {
            let shown = shown.clone();
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                    shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
                }
            });
        }
        Machine { child, shown, began: Instant::now() }
    }

    fn text(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// Waits until `found` answers.
    fn wait<T>(&mut self, what: &str, mut found: impl FnMut(&Machine) -> Option<T>) -> T {
        let began = Instant::now();
        while began.elapsed() < STEP {
            if let Some(answer) = found(self) {
                return answer;
            }
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "the machine ended before {what}:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no {what} within {STEP:?}:\n{}", self.text());
    }

    /// Runs a command in the machine; its status and output.
    fn run(&mut self, command: &str) -> (u8, String) {
        let from = self.text().len();
        // The marks are split in what is typed, so that its echo does not hold them.
        let line = format!("echo '<'<; {command}; echo '>'$?'>'\n").replace("'<'<", "'<''<'");
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        self.wait(command, |m| {
            let text = m.text()[from..].replace('\r', "");
            let answer = text.rsplit_once("\n<<\n")?.1;
            let (output, rest) =
                answer.rsplit_once("\n>").or_else(|| Some(("", answer.strip_prefix('>')?)))?;
            let (status, _) = rest.split_once('>')?;
            Some((status.parse().ok()?, output.to_owned()))
        })
    }
}

fn page(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.contains(" 200 OK").then_some(text)
}

#[test]
#[allow(clippy::print_stdout)] // the times are worth having in a log
fn a_web_server_boots_serves_switches_and_ends() {
    if std::env::var_os("FIRN_MACHINE_TESTS").is_none() {
        return skipped("boots a machine: set FIRN_MACHINE_TESTS=1");
    }
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    copy_tree(&root.join("examples/server"), dir.path());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let module = dir.path().join("module.nix");
    let text = std::fs::read_to_string(&module).unwrap();
    std::fs::write(&module, text.replace("8080", &port.to_string())).unwrap();

    // S6, W3: the page from the host, the prompt of a root shell.
    let mut machine = Machine::start(dir.path());
    let first = machine.wait("answer of the web server", |_| page(port));
    println!("first answer after {:?}", machine.began.elapsed());
    assert!(first.contains("This page comes from the machine."), "{first}");
    machine.wait("prompt", |m| m.text().contains("root@nixos:~]").then_some(()));
    println!("prompt after {:?}", machine.began.elapsed());
    assert!(machine.text().contains("nixos login: root (automatic login)"), "{}", machine.text());

    // W9: what is edited on the host is served.
    let index = dir.path().join("www/index.html");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, text.replace("This page", "The other page")).unwrap();
    machine.wait("other page", |_| page(port).filter(|p| p.contains("The other page")));

    // Nothing failed, the store and /usr are read-only, the firewall has the one port.
    let (_, failed) = machine.run("systemctl --failed --no-legend --plain --no-pager | cat");
    assert_eq!(failed.trim(), "", "units failed");
    assert_ne!(machine.run("touch /usr/x /nix/store/x").0, 0);
    assert!(machine.run("nft list ruleset | grep dport").1.contains("80"));
    assert_eq!(machine.run("sudo -u nobody id -un").1.trim(), "nobody");

    // X14: a service of one's own, and its script's name.
    let (_, status) = machine.run("systemctl status greeting --no-pager | cat");
    for part in [
        "(/etc/systemd/system/greeting.service; enabled;",
        "-unit-script-greeting-start/bin/greeting-start",
        "good morning",
    ] {
        assert!(status.contains(part), "{part}\n{status}");
    }

    // G13, G42: switching in the running machine, there and back.
    let switch = "bin/switch-to-configuration test";
    let (status, said) = machine.run(&format!("/run/booted-system/specialisation/evening/{switch}"));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("the following new units were started: greeting.service"), "{said}");
    assert!(said.contains("finished switching to system configuration"), "{said}");
    let (status, said) = machine.run(&format!("/run/booted-system/{switch}"));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("stopping the following units: greeting.service"), "{said}");
    assert!(page(port).is_some(), "nginx ran on");

    // S7, S10: the command ends with the machine, and its disk is gone.
    machine.child.stdin.as_mut().unwrap().write_all(b"shutdown now\n").unwrap();
    let began = Instant::now();
    let status = loop {
        if let Some(status) = machine.child.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < STEP, "the machine does not end:\n{}", machine.text());
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(status.success(), "{status}");
    let disks = std::fs::read_dir(dir.path())
        .unwrap()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "qcow2"));
    assert_eq!(disks.count(), 0);
}
