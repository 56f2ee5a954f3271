//! The second stage of booting: process 1 until systemd takes its place.
//!
//! The initial RAM disk has mounted the file systems and `/proc`, `/sys`, `/dev`, `/run` (in a container the container's manager
//! has). Left to do: the folders of a machine, `/usr` as a link to the running configuration's farm, activation, systemd.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::mount::{MountFlags, mount_bind, mount_remount};

use super::{Data, activate};
use crate::{Error, Say, files};

/// Folders of every machine, with their modes.
const FOLDERS: [(&str, u32); 16] = [
    ("root", 0o700),
    ("home", 0o755),
    ("etc", 0o755),
    ("tmp", 0o1777),
    ("var", 0o755),
    ("var/tmp", 0o1777),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/cache", 0o755),
    ("var/empty", 0o555),
    ("var/db", 0o755),
    ("mnt", 0o755),
    ("nix/var/nix", 0o755),
    ("nix/var/nix/profiles", 0o755),
    ("nix/var/nix/gcroots", 0o755),
    ("srv", 0o755),
];

/// What leads into the farm of the running configuration.
const FARM: [(&str, &str); 7] = [
    ("usr", "run/current-system/sw"),
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
    ("var/run", "../run"),
    ("var/lock", "../run/lock"),
];

/// Makes the machine out of `toplevel` and becomes systemd; returns only if that fails.
///
/// # Errors
/// Those that leave no machine: systemd is not there, or folders cannot be made.
pub fn run(toplevel: &Path, args: &[String], say: &mut dyn Say) -> Error {
    match prepare(Path::new("/"), toplevel, say) {
        Ok(data) => {
            let mut systemd = Command::new("/usr/lib/systemd/systemd");
            systemd
                .args(args)
                .env_clear()
                .env("PATH", "/run/current-system/sw/bin:/run/current-system/sw/sbin");
            for (name, value) in std::env::vars_os() {
                let name_text = name.to_string_lossy();
                // A container's manager speaks to systemd by these.
                if name_text == "container"
                    || name_text.starts_with("LISTEN_")
                    || name_text == "NOTIFY_SOCKET"
                {
                    systemd.env(name, value);
                }
            }
            Error::file("starting", &data.systemd)(systemd.exec())
        }
        Err(e) => e,
    }
}

/// Everything before systemd. `root` is `/` but in tests.
fn prepare(root: &Path, toplevel: &Path, say: &mut dyn Say) -> Result<Data, Error> {
    let data = Data::read(toplevel)?;
    folders(root)?;
    files::folder(&root.join("run/lock"))?;
    for name in ["run/current-system", "run/booted-system"] {
        files::link(toplevel, &root.join(name))?;
    }
    if root == Path::new("/") {
        if let Err(e) = protect_store(&data) {
            say.say(&format!("warning: the store stays writable: {e}"));
        }
    }
    machine_id(root)?;
    let failed = activate(root, toplevel, &data, say);
    if failed > 0 {
        say.say(&format!("{failed} steps of the activation failed"));
    }
    if data.snippets {
        run_program(Command::new(toplevel.join("activate")).arg("--snippets"), say);
    }
    if let Some(program) = &data.post_boot {
        run_program(&mut Command::new(program), say);
    }
    Ok(data)
}

fn run_program(command: &mut Command, say: &mut dyn Say) {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => say.say(&format!("'{name}' failed: {status}")),
        Err(e) => say.say(&format!("'{name}' could not be started: {e}")),
    }
}

/// Makes the folders and links of a machine; what is there stays, but for links.
fn folders(root: &Path) -> Result<(), Error> {
    for (name, mode) in FOLDERS {
        let path = root.join(name);
        if !path.is_dir() {
            files::folder_with_mode(&path, mode)?;
        }
    }
    for (name, target) in FARM {
        let path = root.join(name);
        if path.is_dir() && !path.is_symlink() {
            // An empty folder may be replaced; another means a machine with an /usr of its own.
            std::fs::remove_dir(&path).map_err(Error::file("replacing", &path))?;
        }
        files::link(Path::new(target), &path)?;
    }
    Ok(())
}

/// Mounts the store read-only over itself; those who add to it make it writable for themselves alone.
fn protect_store(data: &Data) -> Result<(), Error> {
    if !data.read_only_store {
        return Ok(());
    }
    let store = Path::new("/nix/store");
    mount_bind(store, store).map_err(Error::errno("mounting", store))?;
    let flags = data.store_mount_options.iter().fold(MountFlags::empty(), |flags, option| {
        flags
            | match option.as_str() {
                "ro" => MountFlags::RDONLY,
                "nosuid" => MountFlags::NOSUID,
                "nodev" => MountFlags::NODEV,
                "noatime" => MountFlags::NOATIME,
                _ => MountFlags::empty(),
            }
    });
    mount_remount(store, flags | MountFlags::BIND, c"").map_err(Error::errno("mounting read-only", store))
}

/// A machine without an identity gets one: systemd would take the boot for the first one ever and try to enable units by itself.
fn machine_id(root: &Path) -> Result<(), Error> {
    let path = root.join("etc/machine-id");
    if !files::text_or_empty(&path)?.trim().is_empty() || path.is_symlink() {
        return Ok(());
    }
    let mut random = [0; 16];
    let source = Path::new("/dev/urandom");
    std::fs::File::open(source)
        .and_then(|mut f| std::io::Read::read_exact(&mut f, &mut random))
        .map_err(Error::file("reading", source))?;
    // A version 4 UUID, as systemd makes them.
    random[6] = (random[6] & 0x0f) | 0x40;
    random[8] = (random[8] & 0x3f) | 0x80;
    let text: String = random.iter().map(|b| format!("{b:02x}")).collect();
    files::write(&path, format!("{text}\n").as_bytes(), 0o444)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_disk_becomes_a_machine_and_stays_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("root");
        let top = dir.path().join("top");
        std::fs::create_dir_all(top.join("etc/systemd")).expect("a folder");
        std::fs::create_dir_all(root.join("usr")).expect("a folder");
        std::fs::write(top.join("etc/systemd/system.conf"), "").expect("a file");
        let data = serde_json::json!({
            "version": 1, "users": { "mutableUsers": true, "users": [], "groups": [] }, "wrapperList": [], "hostName": "m",
            "domain": null, "readOnlyStore": false, "storeMountOptions": [], "snippets": false, "postBoot": null, "systemd": "/s",
        });
        std::fs::write(top.join("activation.json"), data.to_string()).expect("a file");
        let mut said = Vec::new();
        for _ in 0..2 {
            prepare(&root, &top, &mut |line: &str| said.push(line.to_owned())).expect("a machine");
        }
        assert!(said.is_empty(), "{said:?}");
        assert_eq!(std::fs::read_link(root.join("usr")).expect("a link"), Path::new("run/current-system/sw"));
        assert_eq!(std::fs::read_link(root.join("run/current-system")).expect("a link"), top);
        let id = std::fs::read_to_string(root.join("etc/machine-id")).expect("an identity");
        assert_eq!((id.len(), &id[12..13]), (33, "4"));
        std::fs::create_dir_all(root.join("elsewhere")).expect("a folder");
        std::fs::remove_file(root.join("usr")).expect("a link");
        std::fs::create_dir_all(root.join("usr/own")).expect("a folder");
        assert!(prepare(&root, &top, &mut |_: &str| ()).is_err(), "an /usr with files must not be lost");
    }
}
