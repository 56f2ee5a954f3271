//! Starts many sandboxes and says how much time each took: `spawn_many COUNT PROGRAM [no-net] [no-dev] [no-userns] [plain]`.
#![allow(clippy::print_stdout)]

use std::os::fd::AsFd;
use std::time::Instant;

use firn_sys::pty::Pty;
use firn_sys::spawn::{HelperProgram, start};
use firn_sys::spec::{Bind, IdMap, ProcessSpec, SandboxSpec, UserSpec};
use firn_sys::users::{effective_gid, effective_uid};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    firn_sys::helper::run_if_asked();
    let args: Vec<String> = std::env::args().collect();
    let count: usize = args[1].parse()?;
    let has = |flag: &str| args.iter().any(|a| a == flag);
    let base = std::path::PathBuf::from(format!("/tmp/spawn-many-{}", std::process::id()));
    std::fs::create_dir(&base)?;
    let begin = Instant::now();
    for i in 0..count {
        let root = base.join(i.to_string());
        for dir in ["root", "store", "tmp", "build"] {
            std::fs::create_dir_all(root.join(dir))?;
        }
        let map = IdMap {
            inner_uid: 1000,
            inner_gid: 100,
            outer_uid: effective_uid(),
            outer_gid: effective_gid(),
            count: 1,
        };
        let sandbox = SandboxSpec {
            root: root.join("root"),
            store_source: root.join("store"),
            user_namespace: (!has("no-userns")).then_some(map),
            private_network: !has("no-net"),
            store_dir: "/nix/store".into(),
            binds: vec![
                Bind { source: root.join("build"), target: "/build".into(), ..Bind::default() },
                Bind { source: root.join("tmp"), target: "/tmp".into(), ..Bind::default() },
                Bind {
                    source: args[2].clone().into(),
                    target: "/bin/sh".into(),
                    optional: false,
                    read_only: true,
                },
            ],
            own_dev: !has("no-dev"),
            shm_size: "50%".into(),
            lock_root: true,
            ..SandboxSpec::default()
        };
        let spec = ProcessSpec {
            program: if has("plain") { args[2].clone().into_bytes() } else { b"/bin/sh".to_vec() },
            args: ["sh", "-c", "x"].map(|a| a.as_bytes().to_vec()).to_vec(),
            env: vec![b"out=/build/x".to_vec()],
            cwd: if has("plain") { root.clone() } else { "/build".into() },
            user: (!has("no-userns") && !has("plain")).then_some(UserSpec {
                uid: 1000,
                gid: 100,
                groups: vec![],
            }),
            drop_groups: Some(false),
            filter_syscalls: !has("no-seccomp"),
            no_new_privileges: true,
            sandbox: (!has("plain")).then_some(sandbox),
            ..ProcessSpec::default()
        };
        let pty = Pty::open()?;
        let mut child = start(&HelperProgram::own(), &spec, pty.slave.as_fd())?;
        drop(pty.slave);
        let ended = child.wait()?;
        if i == 0 {
            println!("{ended}");
        }
        std::fs::remove_dir_all(&root)?;
    }
    println!("{:.2} ms each", begin.elapsed().as_secs_f64() * 1e3 / count as f64);
    std::fs::remove_dir(&base)?;
    Ok(())
}
