//! Whether this system lets us make the namespaces of a sandbox, and what forbids it if not.

use std::path::Path;

use rustix::io::Errno;

use crate::Error;

fn setting(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|s| s.trim().to_owned())
}

/// Whether user namespaces look available, by the settings alone: nothing is tried.
pub fn user_namespaces_enabled() -> bool {
    Path::new("/proc/self/ns/user").exists()
        && setting("/proc/sys/user/max_user_namespaces").as_deref() != Some("0")
        && setting("/proc/sys/kernel/unprivileged_userns_clone").as_deref() != Some("0")
}

/// The kernel setting or container flag that most probably refused a namespace; empty if none is known to.
/// Begins with a line break and `hint: `.
pub fn why_forbidden(errno: Errno) -> String {
    let mut causes: Vec<String> = Vec::new();
    if !Path::new("/proc/self/ns/user").exists() {
        causes.push("the kernel was built without CONFIG_USER_NS".into());
    }
    if setting("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        causes.push("the kernel setting kernel.unprivileged_userns_clone is 0 (set it with: sysctl kernel.unprivileged_userns_clone=1)".into());
    }
    if let Some(max) = setting("/proc/sys/user/max_user_namespaces") {
        if max == "0" || errno == Errno::NOSPC {
            causes.push(format!("the kernel setting user.max_user_namespaces is {max}"));
        }
    }
    if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        causes.push("the kernel setting kernel.apparmor_restrict_unprivileged_userns is 1".into());
    }
    if causes.is_empty() && matches!(errno, Errno::PERM | Errno::ACCESS) {
        let container = if Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists() {
            "this container was started"
        } else {
            "if this is a container, it was started"
        };
        causes.push(format!(
            "{container} without the right to make namespaces or to mount /proc (docker and podman: --privileged, or --security-opt seccomp=unconfined --security-opt systempaths=unconfined)"
        ));
    }
    if causes.is_empty() { String::new() } else { format!("\nhint: {}", causes.join("; ")) }
}

/// Errors of the steps that need namespaces, told apart from others.
pub(crate) fn forbidden(what: &str, errno: Errno) -> Error {
    Error::NamespacesForbidden { what: what.to_owned(), errno, hint: why_forbidden(errno) }
}
