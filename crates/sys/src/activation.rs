//! Sockets that the service manager has opened.

use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

/// The first descriptor that a service manager hands over.
const FIRST: i32 = 3;

/// The socket that the service manager (`LISTEN_PID`, `LISTEN_FDS`) has handed over to this process; `None` if none.
///
/// # Errors
/// More than one socket was handed over.
pub fn listener() -> Result<Option<UnixListener>, String> {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let fds = var("LISTEN_FDS");
    if fds.is_empty() || var("LISTEN_PID") != std::process::id().to_string() {
        return Ok(None);
    }
    if fds != "1" {
        return Err("unexpected LISTEN_FDS value".to_owned());
    }
    // SAFETY: the service manager says that this descriptor is this process's, and nobody else has taken it: it is asked for
    // once, before anything of this program could have opened files under that number.
    let fd = unsafe { OwnedFd::from_raw_fd(FIRST) };
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)
        .map_err(|e| format!("socket of the service: {e}"))?;
    Ok(Some(UnixListener::from(fd)))
}
