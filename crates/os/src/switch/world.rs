//! What a switch asks of the machine.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::plan::Active;
use crate::Error;

/// The machine.
pub trait World {
    /// All units that are loaded, with their state.
    ///
    /// # Errors
    /// systemd does not answer.
    fn active_units(&mut self) -> Result<Active, Error>;
    /// Units that failed and wait for their next start.
    ///
    /// # Errors
    /// systemd does not answer.
    fn restarting_units(&mut self) -> Result<BTreeSet<String>, Error>;
    /// Runs `systemctl`; whether it succeeded.
    ///
    /// # Errors
    /// It could not be started.
    fn systemctl(&mut self, args: &[&str]) -> Result<bool, Error>;
    /// Runs the activation of a configuration, or its rehearsal; whether it succeeded.
    ///
    /// # Errors
    /// It could not be started.
    fn activate(&mut self, toplevel: &Path, dry: bool) -> Result<bool, Error>;
    /// Runs another program; whether it succeeded.
    ///
    /// # Errors
    /// It could not be started.
    fn run(&mut self, program: &str, args: &[&str]) -> Result<bool, Error>;
    /// The executable of process 1.
    fn process_one(&self) -> Option<PathBuf>;
    /// Users who are logged in and have a manager of units, with their numbers.
    fn users(&mut self) -> Vec<(String, u32)>;
    /// Has the manager of a user read its units again; whether it did.
    ///
    /// # Errors
    /// The program could not be started.
    fn reload_user(&mut self, uid: u32) -> Result<bool, Error>;
    /// Puts what was written on the disks.
    fn sync(&mut self);
}

/// The machine that this program runs on.
#[derive(Debug)]
pub struct Systemd {
    action: &'static str,
}

impl Systemd {
    /// For an action, which hooks see as `NIXOS_ACTION`.
    pub fn new(action: &'static str) -> Systemd {
        Systemd { action }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("NIXOS_ACTION", self.action).stdin(Stdio::null());
        command
    }

    fn status(mut command: Command) -> Result<bool, Error> {
        let name = command.get_program().to_string_lossy().into_owned();
        command
            .status()
            .map(|s| s.success())
            .map_err(|e| Error::Program(format!("'{name}' could not be started: {e}")))
    }

    fn output(&self, program: &str, args: &[&str]) -> Result<String, Error> {
        let out = self
            .command(program)
            .args(args)
            .env("SYSTEMD_COLORS", "0")
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| Error::Program(format!("'{program}' could not be started: {e}")))?;
        if !out.status.success() {
            return Err(Error::Program(format!("'{program} {}' failed: {}", args.join(" "), out.status)));
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }
}

const SYSTEMCTL: &str = "/run/current-system/sw/bin/systemctl";

impl World for Systemd {
    fn active_units(&mut self) -> Result<Active, Error> {
        let text = self
            .output(SYSTEMCTL, &["list-units", "--all", "--full", "--plain", "--no-legend", "--no-pager"])?;
        Ok(text
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let (name, load, state) = (words.next()?, words.next()?, words.next()?);
                (load != "not-found" && state != "inactive").then(|| (name.to_owned(), state.to_owned()))
            })
            .collect())
    }

    fn restarting_units(&mut self) -> Result<BTreeSet<String>, Error> {
        let text = self.output(
            SYSTEMCTL,
            &["list-units", "--state=auto-restart", "--full", "--plain", "--no-legend", "--no-pager"],
        )?;
        let names: Vec<&str> = text.lines().filter_map(|l| l.split_whitespace().next()).collect();
        let mut out = BTreeSet::new();
        for name in names {
            // Restart=always also restarts what ended well.
            let shown = self.output(SYSTEMCTL, &["show", "--property=ExecMainStatus", "--value", name])?;
            if shown.trim() != "0" {
                out.insert(name.to_owned());
            }
        }
        Ok(out)
    }

    fn systemctl(&mut self, args: &[&str]) -> Result<bool, Error> {
        let mut command = self.command(SYSTEMCTL);
        command.args(args);
        Systemd::status(command)
    }

    fn activate(&mut self, toplevel: &Path, dry: bool) -> Result<bool, Error> {
        let mut command = self.command(toplevel.join(if dry { "dry-activate" } else { "activate" }));
        if dry {
            command.arg(toplevel);
        }
        Systemd::status(command)
    }

    fn run(&mut self, program: &str, args: &[&str]) -> Result<bool, Error> {
        let mut command = self.command(program);
        command.args(args);
        Systemd::status(command)
    }

    fn process_one(&self) -> Option<PathBuf> {
        std::fs::read_link("/proc/1/exe").ok()
    }

    fn users(&mut self) -> Vec<(String, u32)> {
        let text = self
            .output("/run/current-system/sw/bin/loginctl", &["list-users", "--no-legend", "--no-pager"])
            .unwrap_or_default();
        text.lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let (uid, name) = (words.next()?.parse().ok()?, words.next()?);
                Path::new(&format!("/run/user/{uid}/systemd/private"))
                    .exists()
                    .then(|| (name.to_owned(), uid))
            })
            .collect()
    }

    fn reload_user(&mut self, uid: u32) -> Result<bool, Error> {
        let mut command = self.command(SYSTEMCTL);
        command.args(["--user", "daemon-reload"]).env("XDG_RUNTIME_DIR", format!("/run/user/{uid}")).uid(uid);
        Systemd::status(command)
    }

    fn sync(&mut self) {
        rustix::fs::sync();
    }
}
