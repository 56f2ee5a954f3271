//! Pseudo-terminals: builders write to one, because many programs buffer lines only when they see a terminal.

use std::os::fd::OwnedFd;

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::Error;

/// Both ends of a pseudo-terminal in raw mode (no translation of line ends).
#[derive(Debug)]
pub struct Pty {
    /// Where output is read; gives `EIO` or end of file once the other end is closed everywhere.
    pub master: OwnedFd,
    /// What programs write to.
    pub slave: OwnedFd,
}

impl Pty {
    /// Opens a new pseudo-terminal.
    ///
    /// # Errors
    /// When the system has none left, or no `/dev/ptmx`.
    pub fn open() -> Result<Pty, Error> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).map_err(Error::call("opening pseudoterminal master"))?;
        unlockpt(&master).map_err(Error::call("unlocking pseudoterminal"))?;
        let slave = ioctl_tiocgptpeer(&master, flags).map_err(Error::call("opening pseudoterminal slave"))?;
        let mut mode = tcgetattr(&slave).map_err(Error::call("getting pseudoterminal attributes"))?;
        mode.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &mode)
            .map_err(Error::call("putting pseudoterminal into raw mode"))?;
        Ok(Pty { master, slave })
    }

    /// Gives the terminal to the user that builds, who may then open it again under `/proc/self/fd`.
    ///
    /// # Errors
    /// When the caller is not root.
    pub fn give_to(&self, uid: u32) -> Result<(), Error> {
        let uid = rustix::process::Uid::from_raw(uid);
        rustix::fs::fchown(&self.slave, Some(uid), None)
            .map_err(Error::call("changing the owner of the pseudoterminal"))?;
        rustix::fs::fchmod(&self.slave, rustix::fs::Mode::from_raw_mode(0o600))
            .map_err(Error::call("changing the mode of the pseudoterminal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_bytes_untranslated() {
        let pty = Pty::open().expect("a pseudo-terminal");
        rustix::io::write(&pty.slave, b"a\nb\r\n").expect("write");
        let mut buffer = [0; 16];
        let n = rustix::io::read(&pty.master, &mut buffer).expect("read");
        assert_eq!(&buffer[..n], b"a\nb\r\n");
    }
}
