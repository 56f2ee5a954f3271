//! Real sandboxes around the host's shell: what a builder sees, how it ends, how it is killed.
#![allow(unsafe_code, clippy::print_stdout)] // "skipped" is for people; the macro registers a function that runs when the binary is loaded

use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use firn_sys::Error;
use firn_sys::pty::Pty;
use firn_sys::spawn::{Ended, HelperProgram, start};
use firn_sys::spec::{Bind, IdMap, ProcessSpec, SandboxSpec, UserSpec};
use firn_sys::users::{effective_gid, effective_uid};

firn_sys::helper_in_tests!();

/// A sandbox in `root` that runs `script` with the host's shell and its libraries.
fn spec(root: &Path, script: &str) -> ProcessSpec {
    for dir in ["root", "store", "tmp", "build"] {
        std::fs::create_dir_all(root.join(dir)).expect("a folder");
    }
    let own = ["tmp", "build"].map(|p| Bind {
        source: root.join(p),
        target: format!("/{p}").into(),
        ..Bind::default()
    });
    let binds = ["/bin", "/usr", "/lib", "/lib64"].map(|p| Bind {
        source: p.into(),
        target: p.into(),
        optional: true,
        read_only: true,
    });
    ProcessSpec {
        program: b"/bin/sh".to_vec(),
        args: ["sh", "-c", script].map(|a| a.as_bytes().to_vec()).to_vec(),
        env: vec![b"PATH=/bin:/usr/bin".to_vec(), b"X=y".to_vec()],
        cwd: "/build".into(),
        user: Some(UserSpec { uid: 1000, gid: 100, groups: vec![] }),
        drop_groups: Some(false),
        filter_syscalls: true,
        no_new_privileges: true,
        sandbox: Some(SandboxSpec {
            root: root.join("root"),
            files: vec![("/etc/hosts".into(), b"127.0.0.1 localhost\n".to_vec())],
            store_source: root.join("store"),
            user_namespace: Some(IdMap {
                inner_uid: 1000,
                inner_gid: 100,
                outer_uid: effective_uid(),
                outer_gid: effective_gid(),
                count: 1,
            }),
            private_network: true,
            store_dir: "/nix/store".into(),
            binds: binds.into_iter().chain(own).collect(),
            own_dev: true,
            shm_size: "50%".into(),
            lock_root: true,
            ..SandboxSpec::default()
        }),
        ..ProcessSpec::default()
    }
}

/// Runs it and gives how it ended and what it wrote; `None` where the system has no namespaces.
fn run(spec: &ProcessSpec) -> Option<(Ended, String)> {
    let pty = Pty::open().expect("a pseudo-terminal");
    let mut child = start(&HelperProgram::own(), spec, pty.slave.as_fd()).expect("a process");
    drop(pty.slave);
    let mut text = Vec::new();
    let _ = std::fs::File::from(pty.master).read_to_end(&mut text); // ends with EIO
    match child.wait() {
        Ok(ended) => Some((ended, String::from_utf8_lossy(&text).into_owned())),
        Err(e @ Error::NamespacesForbidden { .. }) => {
            println!("skipped: {e}");
            None
        }
        Err(e) => panic!("{e}"),
    }
}

fn run_script(script: &str) -> Option<(Ended, String)> {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("root");
    std::fs::create_dir(&root).expect("a folder");
    run(&spec(&root, script))
}

#[test]
fn a_builder_sees_only_the_sandbox() {
    let script = "id -u; id -g; hostname; echo $$; ls -1 /; ls -1 /dev; echo $X; pwd; cat /proc/1/comm; ls /nix/store | wc -l";
    let Some((ended, out)) = run_script(script) else { return };
    assert_eq!(ended, Ended::Exit(0), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[..4], ["1000", "100", "localhost", "1"], "{out}");
    let root: Vec<&str> = lines[4..].iter().copied().take_while(|l| *l != "fd" && *l != "full").collect();
    for name in ["bin", "build", "dev", "etc", "nix", "proc", "tmp"] {
        assert!(root.contains(&name), "{name} in {out}");
    }
    assert!(!root.contains(&"root") && !root.contains(&"home") && !root.contains(&"sys"), "{out}");
    for name in ["null", "zero", "urandom", "shm", "pts", "ptmx", "stdin"] {
        assert!(lines.contains(&name), "{name} in {out}");
    }
    assert_eq!(lines[lines.len() - 4..], ["y", "/build", "sh", "0"], "{out}");
}

#[test]
fn there_is_a_loopback_device_and_no_other() {
    let Some((_, out)) =
        run_script("cat /proc/net/dev | tail -n +3 | cut -d: -f1; grep -c . /proc/net/route")
    else {
        return;
    };
    assert_eq!(out.split_whitespace().collect::<Vec<_>>(), ["lo", "1"], "{out}");
}

#[test]
fn setuid_bits_and_attributes_are_refused() {
    let script = "touch f; chmod 4755 f; echo $?; chmod g+s f; echo $?; chmod 755 f; echo $?; \
                  python3 -c 'import os; os.setxattr(\"f\", \"user.x\", b\"1\")' 2>&1 | tail -n 1";
    let Some((_, out)) = run_script(script) else { return };
    assert!(out.contains("Operation not permitted"), "{out}");
    let codes: Vec<&str> = out.lines().filter(|l| l.len() == 1).collect();
    assert_eq!(codes, ["1", "1", "0"], "{out}");
    if Path::new("/usr/bin/python3").exists() {
        assert!(out.contains("not supported"), "{out}");
    }
}

#[test]
fn the_root_is_locked_and_store_paths_are_read_only() {
    let dir = tempfile::tempdir().expect("a folder");
    let (root, input) = (dir.path().join("root"), dir.path().join("aaa-input"));
    std::fs::create_dir(&root).expect("a folder");
    std::fs::create_dir(&input).expect("a folder");
    std::fs::write(input.join("f"), "data").expect("a file");
    let link = dir.path().join("bbb-link");
    std::os::unix::fs::symlink("aaa-input", &link).expect("a link");
    let file = dir.path().join("ccc-file");
    std::fs::write(&file, "single").expect("a file");
    let script = "cat /nix/store/bbb-link/f /nix/store/ccc-file; echo; touch /etc/x 2>/dev/null && echo wrote; touch /x 2>/dev/null && echo wrote; touch /tmp/x || echo no tmp; \
                  chmod +w /nix/store/aaa-input 2>/dev/null; echo x > /nix/store/aaa-input/g && echo wrote; echo out > /nix/store/out";
    let mut spec = spec(&root, script);
    let sandbox = spec.sandbox.as_mut().expect("a sandbox");
    sandbox.store_paths = vec![input.clone(), link, file];
    sandbox.read_only_store_paths = true;
    let Some((ended, out)) = run(&spec) else { return };
    assert_eq!(ended, Ended::Exit(0), "{out}");
    assert!(out.starts_with("datasingle\n") && !out.contains("wrote"), "{out}");
    assert_eq!(
        std::fs::read_to_string(root.join("store/out")).ok().as_deref(),
        Some("out\n"),
        "outputs stay after the end"
    );
    assert!(!input.join("g").exists());
}

#[test]
fn endings_are_told() {
    let Some((ended, out)) = run_script("exit 3") else { return };
    assert_eq!(ended.to_string(), "failed with exit code 3", "{out}");
    assert_eq!(Ended::Signal(9).to_string(), "failed due to signal 9 (Killed)");
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("root");
    std::fs::create_dir(&root).expect("a folder");
    let missing = ProcessSpec { program: b"/nope".to_vec(), ..spec(&root, "") };
    let Some((ended, out)) = run(&missing) else { return };
    assert_eq!(
        (ended, out.as_str()),
        (Ended::Exit(1), "error: executing '/nope': No such file or directory\n")
    );
}

#[test]
fn failures_of_the_set_up_are_told_apart() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("root");
    std::fs::create_dir(&root).expect("a folder");
    let mut spec = spec(&root, "true");
    let bad =
        Bind { source: "/no/such/thing".into(), target: "/x".into(), optional: false, read_only: false };
    spec.sandbox.as_mut().expect("a sandbox").binds.push(bad);
    let pty = Pty::open().expect("a pseudo-terminal");
    let mut child = start(&HelperProgram::own(), &spec, pty.slave.as_fd()).expect("a process");
    match child.wait() {
        Err(Error::NamespacesForbidden { .. }) => println!("skipped: no namespaces"),
        Err(e) => {
            assert!(e.to_string().contains("/no/such/thing") && e.to_string().contains("No such file"), "{e}")
        }
        Ok(ended) => panic!("it {ended}"),
    }
}

#[test]
fn killing_takes_everything_along() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("root");
    std::fs::create_dir(&root).expect("a folder");
    let spec = spec(&root, "setsid sleep 4242 & echo started; trap '' TERM; sleep 4242");
    let pty = Pty::open().expect("a pseudo-terminal");
    let mut child = start(&HelperProgram::own(), &spec, pty.slave.as_fd()).expect("a process");
    drop(pty.slave);
    let mut buffer = [0; 64];
    if rustix::io::read(&pty.master, &mut buffer).is_err() {
        println!("skipped: {:?}", child.wait());
        return;
    }
    let begin = Instant::now();
    child.kill();
    assert_eq!(child.wait().expect("an end"), Ended::Signal(9));
    assert!(begin.elapsed() < Duration::from_secs(2));
    let left = std::fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|e| std::fs::read(e.path().join("cmdline")).ok());
    assert_eq!(left.filter(|c| c == b"sleep\x004242\x00").count(), 0);
}

#[test]
fn without_a_sandbox_it_is_the_plain_program() {
    let dir = tempfile::tempdir().expect("a folder");
    let spec = ProcessSpec {
        program: b"/bin/sh".to_vec(),
        args: ["sh", "-c", "pwd; echo $A; umask; exit 2"].map(|a| a.as_bytes().to_vec()).to_vec(),
        env: vec![b"A=b".to_vec()],
        cwd: dir.path().to_owned(),
        no_new_privileges: true,
        filter_syscalls: true,
        ..ProcessSpec::default()
    };
    let (ended, out) = run(&spec).expect("no namespaces are needed");
    assert_eq!((ended, out), (Ended::Exit(2), format!("{}\nb\n0022\n", dir.path().display())));
}

#[test]
fn a_store_at_home_is_seen_at_its_place() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = dir.path().join("nix/store");
    std::fs::create_dir_all(&store).expect("a folder");
    std::fs::write(store.join("hello"), "from home").expect("a file");
    let views = [(dir.path().join("nix"), "/nix-of-a-test".into())];
    let mut command = firn_sys::enter::command(&HelperProgram::own(), &views, "sh".as_ref());
    let out = command
        .args(["-c", "cat /nix-of-a-test/store/hello; ls -d /usr /proc/self; pwd"])
        .current_dir("/usr")
        .output()
        .expect("a process");
    let (text, error) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if error.contains("namespaces") {
        println!("skipped: {error}");
        return;
    }
    assert_eq!(text, "from home/proc/self\n/usr\n/usr\n", "{error}");
    assert!(!Path::new("/nix-of-a-test").exists());
}
