//! What a daemon does around its connections: listening, who may connect, and noticing that a client has gone.

use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use firn_settings::Settings;
use firn_sys::CancelToken;
use firn_sys::users::UserDatabase;
use rustix::event::{PollFd, PollFlags, poll};

use crate::error::ProtocolError;

/// The user at the other end of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The process.
    pub pid: i32,
    /// The user's name, or number if there is no name.
    pub user: String,
    /// The name of the user's group, or its number.
    pub group: String,
    /// The user's number.
    pub uid: u32,
}

/// Finds out who is at the other end.
///
/// # Errors
/// The system does not tell.
pub fn peer(stream: &UnixStream, users: &UserDatabase) -> Result<Peer, ProtocolError> {
    let cred = rustix::net::sockopt::socket_peercred(stream).map_err(|e| ProtocolError::Io(e.into()))?;
    let (uid, gid) = (cred.uid.as_raw(), cred.gid.as_raw());
    let user = users.user_of_uid(uid).map_or_else(|| uid.to_string(), |u| u.name.clone());
    let group =
        users.groups.iter().find(|g| g.gid == gid).map_or_else(|| gid.to_string(), |g| g.name.clone());
    Ok(Peer { pid: cred.pid.as_raw_nonzero().get(), user, group, uid })
}

impl Peer {
    /// Whether a list of users (`alice`, `@wheel`, `*`) has this one.
    pub fn is_in(&self, list: &[String], users: &UserDatabase) -> bool {
        list.iter().any(|entry| match entry.strip_prefix('@') {
            Some(group) => group == self.group || users.groups_of(&self.user).any(|g| g.name == group),
            None => entry == "*" || *entry == self.user,
        })
    }

    /// Whether this user may connect, and whether it is trusted.
    ///
    /// # Errors
    /// It may not connect.
    pub fn admit(&self, settings: &Settings, users: &UserDatabase) -> Result<bool, ProtocolError> {
        let trusted = self.is_in(settings.trusted_users(), users);
        let allowed = trusted || self.is_in(settings.allowed_users(), users);
        let builder = !settings.build_users_group().is_empty() && self.group == settings.build_users_group();
        if !allowed || builder {
            return Err(ProtocolError::Malformed(format!(
                "user '{}' is not allowed to connect to the Nix daemon",
                self.user
            )));
        }
        Ok(trusted)
    }
}

/// Listens on a socket that everybody may connect to; what was there before is removed.
///
/// # Errors
/// The file system refuses.
pub fn listen(socket: &Path) -> Result<UnixListener, ProtocolError> {
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStrExt;
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let _ = std::fs::remove_file(socket);
    let listener = match (socket.parent(), socket.file_name()) {
        // addresses of sockets are short
        (Some(folder), Some(name)) if socket.as_os_str().as_bytes().len() >= 108 => {
            let folder = std::fs::File::open(folder)?;
            UnixListener::bind(Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))?
        }
        _ => UnixListener::bind(socket)?,
    };
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// Sets `cancel` when the other end of `fd` has gone; gives up when `cancel` is set by somebody else.
pub fn cancel_on_hangup(fd: &impl AsFd, cancel: &CancelToken) -> std::io::Result<()> {
    let fd = fd.as_fd().try_clone_to_owned()?;
    let cancel = cancel.clone();
    std::thread::Builder::new().name("hangup".into()).spawn(move || {
        loop {
            let mut fds = [PollFd::new(&fd, PollFlags::empty()), PollFd::new(&cancel, PollFlags::IN)];
            match poll(&mut fds, None) {
                Ok(_) if !fds[0].revents().is_empty() => return cancel.cancel(),
                Ok(_) if !fds[1].revents().is_empty() => return,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups() {
        let users = UserDatabase::parse(
            "root:x:0:0::/root:/bin/sh\nann:x:1000:100::/:/bin/sh\n",
            "users:x:100:\nwheel:x:10:root,ann\n",
        );
        let ann = Peer { pid: 1, user: "ann".into(), group: "users".into(), uid: 1000 };
        let is_in =
            |list: &[&str]| ann.is_in(&list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), &users);
        assert!(is_in(&["*"]) && is_in(&["ann"]) && is_in(&["@wheel"]) && is_in(&["@users"]));
        assert!(!is_in(&[]) && !is_in(&["root"]) && !is_in(&["@root"]) && !is_in(&["@ann"]));
    }

    #[test]
    fn only_who_may_connect_does() {
        let users = UserDatabase::parse("", "");
        let host = firn_settings::Host::plain(firn_settings::Environment::default());
        let mut settings = Settings::new(&host);
        let peer = |user: &str, group: &str| Peer { pid: 1, user: user.into(), group: group.into(), uid: 7 };
        assert!(peer("root", "root").admit(&settings, &users).expect("admitted"));
        assert!(!peer("ann", "users").admit(&settings, &users).expect("admitted"));
        settings.set("allowed-users", "bob").expect("a list");
        let error = peer("ann", "users").admit(&settings, &users).expect_err("refused");
        assert_eq!(error.to_string(), "user 'ann' is not allowed to connect to the Nix daemon");
        settings.set("allowed-users", "*").expect("a list");
        settings.set("build-users-group", "nixbld").expect("a name");
        assert!(peer("nixbld1", "nixbld").admit(&settings, &users).is_err());
    }

    #[test]
    fn a_client_that_goes_is_noticed() {
        let (ours, theirs) = UnixStream::pair().expect("sockets");
        let cancel = CancelToken::new().expect("a token");
        cancel_on_hangup(&ours, &cancel).expect("a thread");
        assert!(!cancel.is_cancelled());
        drop(theirs);
        for _ in 0..500 {
            if cancel.is_cancelled() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("nobody noticed");
    }
}
