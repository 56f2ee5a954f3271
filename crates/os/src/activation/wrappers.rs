//! Programs that run with more rights than whoever starts them.
//!
//! The store holds no setuid bits, so copies of the programs lie in a file system in memory, `/run/wrappers`. A new set is made
//! in a folder of its own; `/run/wrappers/bin` is a link that then changes in one step.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::XattrFlags;
use rustix::mount::{MountFlags, mount};
use serde::Deserialize;

use super::users::Names;
use crate::{Error, files};

const PLACE: &str = "/run/wrappers";

/// A wrapper as `security.wrappers` declares it.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)] // the fields are the options of `security.wrappers.<name>`
pub struct Wrapper {
    pub program: String,
    pub source: PathBuf,
    pub owner: String,
    pub group: String,
    pub permissions: String,
    pub capabilities: String,
    pub setuid: bool,
    pub setgid: bool,
}

/// Makes all wrappers.
///
/// # Errors
/// A program or a user that is not there, a permission or capability that does not exist, or the file system.
pub fn make(wrappers: &[Wrapper]) -> Result<(), Error> {
    let place = Path::new(PLACE);
    files::folder(place)?;
    let same = |a: &Path, b: &Path| -> std::io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        Ok(a.metadata()?.dev() == b.metadata()?.dev())
    };
    // systemd mounts /run without setuid programs, so that this is a file system of its own.
    if same(place, Path::new("/run")).map_err(Error::file("reading", place))? {
        mount("tmpfs", place, "tmpfs", MountFlags::NODEV, c"mode=755,size=50%")
            .map_err(Error::errno("mounting a file system in memory on", place))?;
    }
    let names = Names::read(Path::new("/"))?;
    let new = place.join(format!("set.{}", std::process::id()));
    files::folder_with_mode(&new, 0o755)?;
    // One that cannot be made does not take the others away.
    let failures: Vec<String> =
        wrappers.iter().filter_map(|w| one(w, &new, &names).err()).map(|e| e.to_string()).collect();
    let bin = place.join("bin");
    let old = std::fs::read_link(&bin).ok();
    files::link(&new, &bin)?;
    if let Some(old) = old.filter(|old| *old != new) {
        let _ = std::fs::remove_dir_all(old);
    }
    if failures.is_empty() { Ok(()) } else { Err(Error::Other(failures.join("; "))) }
}

fn one(wrapper: &Wrapper, folder: &Path, names: &Names) -> Result<(), Error> {
    if wrapper.program.contains('/') {
        return Err(Error::Other(format!("'{}' is not a name for a wrapper", wrapper.program)));
    }
    let (owner, group) = (names.user(&wrapper.owner)?, names.group(&wrapper.group)?);
    let mode = mode(&wrapper.permissions)?;
    let to = folder.join(&wrapper.program);
    std::fs::copy(&wrapper.source, &to).map_err(Error::file("copying", &wrapper.source))?;
    let set = |mode: u32| {
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(mode))
            .map_err(Error::file("setting the mode of", &to))
    };
    // Owner first: a change of the owner takes the bits away again.
    set(0)?;
    chown(&to, Some(owner), Some(group)).map_err(Error::file("changing the owner of", &to))?;
    if !wrapper.capabilities.is_empty() {
        rustix::fs::setxattr(
            &to,
            "security.capability",
            &capabilities(&wrapper.capabilities)?,
            XattrFlags::empty(),
        )
        .map_err(Error::errno("setting capabilities of", &to))?;
    }
    set(mode | if wrapper.setuid { 0o4000 } else { 0 } | if wrapper.setgid { 0o2000 } else { 0 })
}

/// A mode in the words of `chmod`: `u+rx,g+x,o+x`, from nothing.
fn mode(text: &str) -> Result<u32, Error> {
    let wrong = || Error::Other(format!("'{text}' is not a permission of a wrapper"));
    let mut mode = 0;
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let at = part.find(['+', '=', '-']).ok_or_else(wrong)?;
        let (who, what) = (&part[..at], &part[at + 1..]);
        let bits = what.chars().try_fold(0, |bits, c| match c {
            'r' => Ok(bits | 4),
            'w' => Ok(bits | 2),
            'x' => Ok(bits | 1),
            _ => Err(wrong()),
        })?;
        for c in if who.is_empty() { "ugo" } else { who }.chars() {
            let shift = match c {
                'u' => 6,
                'g' => 3,
                'o' => 0,
                _ => return Err(wrong()),
            };
            if part[at..].starts_with('-') {
                mode &= !(bits << shift);
            } else {
                mode |= bits << shift;
            }
        }
    }
    Ok(mode)
}

/// Names of capabilities in the order of their numbers (`linux/capability.h`).
const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The attribute `security.capability`, version 2: flags, then permitted and inheritable sets in two halves.
fn capabilities(text: &str) -> Result<[u8; 20], Error> {
    let wrong = |what: &str| Error::Other(format!("'{what}' is not a capability"));
    let (mut permitted, mut inheritable, mut effective) = (0u64, 0u64, false);
    let mut pending = Vec::new();
    for part in text.split(',') {
        let (name, flags) = part.split_once(['+', '=']).map_or((part, None), |(n, f)| (n, Some(f)));
        let lower = name.trim().to_ascii_lowercase();
        let at = CAPABILITIES
            .iter()
            .position(|c| lower.strip_prefix("cap_") == Some(c))
            .ok_or_else(|| wrong(name))?;
        pending.push(at);
        if let Some(flags) = flags {
            let bits = pending.drain(..).fold(0, |bits, at| bits | (1u64 << at));
            for c in flags.chars() {
                match c {
                    'p' => permitted |= bits,
                    'i' => inheritable |= bits,
                    'e' => effective = true,
                    _ => return Err(wrong(part)),
                }
            }
        }
    }
    if !pending.is_empty() {
        return Err(Error::Other(format!("'{text}' does not say which sets: +ep")));
    }
    let mut out = [0; 20];
    let words = [
        0x0200_0000 | u32::from(effective),
        permitted as u32,
        inheritable as u32,
        (permitted >> 32) as u32,
        (inheritable >> 32) as u32,
    ];
    for (place, word) in out.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_those_of_chmod() {
        assert_eq!(mode("u+rx,g+x,o+x").expect("a mode"), 0o511);
        assert_eq!(mode("u=rwx,go=").expect("a mode"), 0o700);
        assert_eq!(mode("+r,o-r").expect("a mode"), 0o440);
        assert!(mode("u+s").is_err() && mode("rx").is_err());
    }

    #[test]
    fn capabilities_are_written_as_the_kernel_reads_them() {
        // As `setcap cap_net_raw+ep` writes them.
        let expected = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(capabilities("cap_net_raw+ep").expect("a set"), expected);
        let both = capabilities("cap_net_raw,cap_bpf=p").expect("a set");
        assert_eq!((both[5], both[12], both[13]), (0x20, 0x80, 0));
        assert!(capabilities("cap_everything+ep").is_err() && capabilities("cap_chown").is_err());
    }
}
