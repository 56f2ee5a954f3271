//! Landlock, as far as builds need it: no connections to abstract Unix sockets of processes outside. It matters for
//! fixed-output builds, which share the host's network namespace.

use std::os::fd::AsRawFd;

use rustix::io::Errno;

use super::own_fd;

const SYS_CREATE_RULESET: libc::c_long = 444;
const SYS_RESTRICT_SELF: libc::c_long = 446;
const CREATE_RULESET_VERSION: u32 = 1;
const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1;

/// `struct landlock_ruleset_attr` of ABI 6.
#[repr(C)]
struct Ruleset {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

/// Restricts this process and its children; does nothing on kernels that cannot (before 6.12).
///
/// # Errors
/// When a kernel that says it can refuses, other than for want of rights.
pub(crate) fn restrict_abstract_sockets() -> Result<(), Errno> {
    // SAFETY: asks for the version; takes no pointer.
    let version = unsafe {
        libc::syscall(SYS_CREATE_RULESET, std::ptr::null::<Ruleset>(), 0usize, CREATE_RULESET_VERSION)
    };
    if version < 6 {
        return Ok(());
    }
    let rules = Ruleset { handled_access_fs: 0, handled_access_net: 0, scoped: SCOPE_ABSTRACT_UNIX_SOCKET };
    // SAFETY: the pointer is to a live value of the size that is given.
    let ruleset =
        own_fd(unsafe { libc::syscall(SYS_CREATE_RULESET, &rules, std::mem::size_of::<Ruleset>(), 0u32) })?;
    // SAFETY: takes numbers only.
    match unsafe { libc::syscall(SYS_RESTRICT_SELF, ruleset.as_raw_fd(), 0u32) } {
        0 => Ok(()),
        _ => match Errno::from_raw_os_error(
            std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO),
        ) {
            Errno::PERM => Ok(()),
            errno => Err(errno),
        },
    }
}
