//! `switch-to-configuration`: making a built configuration the running one, with as little interruption as its changes allow.
//!
//! What is to be done is decided before anything is ([`plan`]); it is written to `/run/nixos` before units are stopped, so that
//! a run that is killed is completed by the next. All contact with the world is in [`World`], so that tests replace it.

pub mod fstab;
pub mod plan;
pub mod units;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use plan::{Active, Plan, Situation};
use units::Folders;
pub use world::{Systemd, World};

use crate::{Error, Say, files};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Only the checks.
    Check,
    /// At the next boot.
    Boot,
    /// Now and at the next boot.
    Switch,
    /// Now, not at the next boot.
    Test,
    /// Only say what would happen.
    DryActivate,
}

impl Action {
    /// The action of a name.
    pub fn of(name: &str) -> Option<Action> {
        Some(match name {
            "check" => Action::Check,
            "boot" => Action::Boot,
            "switch" => Action::Switch,
            "test" => Action::Test,
            "dry-activate" => Action::DryActivate,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Action::Check => "check",
            Action::Boot => "boot",
            Action::Switch => "switch",
            Action::Test => "test",
            Action::DryActivate => "dry-activate",
        }
    }
}

/// What the wrapper in a configuration says of it.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// The configuration.
    pub toplevel: PathBuf,
    /// `ID` of `os-release`.
    pub distro_id: String,
    /// The program that installs the boot loader; empty for none.
    pub install_boot_loader: String,
    /// The program that may forbid a switch; empty for none.
    pub pre_switch_check: String,
    /// Whether the disks need not be synchronised.
    pub no_sync: bool,
    /// Whether checks are left out.
    pub no_check: bool,
}

/// Exit statuses of the program.
pub mod status {
    /// Units failed after the switch.
    pub const UNITS_FAILED: u8 = 4;
    /// Activation failed in part.
    pub const ACTIVATION_FAILED: u8 = 2;
    /// The new configuration takes effect only by a reboot.
    pub const REBOOT: u8 = 100;
}

/// Lists of `/run/nixos` that survive a killed run.
const LISTS: [&str; 3] = ["start-list", "restart-list", "reload-list"];

/// Does what is asked; gives the exit status. `root` is `/` but in tests.
///
/// # Errors
/// What keeps the switch from being begun.
pub fn run(
    root: &Path,
    action: Action,
    configuration: &Configuration,
    world: &mut dyn World,
    say: &mut dyn Say,
) -> Result<u8, Error> {
    if !root.join("etc/NIXOS").exists() && !is_of_distro(root, &configuration.distro_id)? {
        return Err(Error::Other("This is not a NixOS installation!".to_owned()));
    }
    let state = root.join("run/nixos");
    files::folder(&state)?;
    let _lock = lock(&state.join("switch-to-configuration.lock"))?;
    let top = &configuration.toplevel;

    if !configuration.pre_switch_check.is_empty() && !configuration.no_check {
        let passed =
            world.run(&configuration.pre_switch_check, &[&top.display().to_string(), action.name()])?;
        if !passed {
            return Err(Error::Other("Pre-switch checks failed".to_owned()));
        }
    }
    if action == Action::Check {
        return Ok(0);
    }
    let loader = &configuration.install_boot_loader;
    if matches!(action, Action::Switch | Action::Boot)
        && !loader.is_empty()
        && !world.run(loader, &[&top.display().to_string()])?
    {
        return Err(Error::Program(format!("Failed to install bootloader: '{loader}'")));
    }
    if matches!(action, Action::Switch | Action::Boot) && !configuration.no_sync {
        world.sync();
    }
    if action == Action::Boot {
        return Ok(0);
    }
    let version = |of: &Path| files::text_or_empty(&of.join("init-interface-version"));
    let current = root.join("run/current-system");
    if current.exists() && version(&current)? != version(top)? {
        say.say("Warning: the new NixOS configuration has an ‘init’ that is incompatible with the current configuration. The new configuration won't take effect until you reboot the system.");
        return Ok(status::REBOOT);
    }
    Switch { root, state, top, world, say, dry: action == Action::DryActivate }.go()
}

/// Whether `os-release` names the same distribution.
fn is_of_distro(root: &Path, id: &str) -> Result<bool, Error> {
    let text = files::text_or_empty(&root.join("etc/os-release"))?;
    Ok(!id.is_empty()
        && text.lines().filter_map(|l| l.strip_prefix("ID=")).any(|v| v.trim_matches(['"', '\'']) == id))
}

/// Held while the file is open.
fn lock(path: &Path) -> Result<std::fs::File, Error> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::file("opening", path))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| Error::Other("Could not acquire lock".to_owned()))?;
    Ok(file)
}

struct Switch<'a> {
    root: &'a Path,
    state: PathBuf,
    top: &'a Path,
    world: &'a mut dyn World,
    say: &'a mut dyn Say,
    dry: bool,
}

impl Switch<'_> {
    fn go(mut self) -> Result<u8, Error> {
        let old = Folders(vec![
            self.root.join("etc/systemd/system"),
            self.root.join("run/current-system/sw/lib/systemd/system"),
        ]);
        let new = Folders(vec![self.top.join("etc/systemd/system"), self.top.join("sw/lib/systemd/system")]);
        let active = self.world.active_units()?;
        let situation = Situation { old: &old, new: &new, active: &active };
        let mut plan = Plan::of(&situation)?;
        let fstab = |path: &Path| files::text_or_empty(path).map(|t| fstab::Fstab::parse(&t));
        let mounts =
            fstab::compare(&fstab(&self.root.join("etc/fstab"))?, &fstab(&self.top.join("etc/fstab"))?);
        plan.add_mounts(&mounts);
        for device in &mounts.swap_off {
            if self.dry {
                self.say.say(&format!("would stop swap device: {device}"));
            } else {
                self.say.say(&format!("stopping swap device: {device}"));
                self.world.run("/run/current-system/sw/bin/swapoff", &[device])?;
            }
        }
        let reexec = self.needs_reexec()?;
        if self.dry {
            self.rehearse(&situation, plan, reexec)
        } else {
            self.perform(&situation, plan, &active, reexec)
        }
    }

    /// Whether process 1 is another program by now, or its own configuration changed.
    fn needs_reexec(&self) -> Result<bool, Error> {
        let wanted = std::fs::canonicalize(self.top.join("systemd/lib/systemd/systemd")).ok();
        let running = self.world.process_one();
        let other = matches!((&wanted, &running), (Some(a), Some(b)) if a != b);
        let file = "systemd/system.conf";
        let text = |p: PathBuf| files::text_or_empty(&p);
        Ok(other || text(self.root.join("etc").join(file))? != text(self.top.join("etc").join(file))?)
    }

    fn list(&mut self, before: &str, units: &BTreeSet<String>) {
        if !units.is_empty() {
            let names: Vec<&str> = units.iter().map(String::as_str).collect();
            self.say.say(&format!("{before}: {}", names.join(", ")));
        }
    }

    fn rehearse(&mut self, situation: &Situation<'_>, mut plan: Plan, reexec: bool) -> Result<u8, Error> {
        self.list("would stop the following units", &plan.stop.clone());
        self.list("would NOT stop the following changed units", &plan.skip.clone());
        self.say.say("would activate the configuration...");
        self.world.activate(self.top, true)?;
        self.take_lists_of_activation(situation, &mut plan, "dry-activation")?;
        if reexec {
            self.say.say("would restart systemd");
        }
        self.list("would reload the following units", &plan.reload.clone());
        self.list("would restart the following units", &plan.restart.clone());
        let start = plan.start.difference(&plan.quiet).cloned().collect();
        self.list("would start the following units", &start);
        Ok(0)
    }

    /// Units that activation itself asked to restart or reload, and those of a run that was killed.
    fn take_lists_of_activation(
        &mut self,
        situation: &Situation<'_>,
        plan: &mut Plan,
        kind: &str,
    ) -> Result<(), Error> {
        for name in self.read_list(&format!("{kind}-restart-list"))? {
            if !situation.active.contains_key(&name) {
                plan.start.insert(name);
            } else if let Some(unit) = situation.new.read(&name)? {
                plan.changed(situation, &name, &unit);
                // It is too late for stopping before activation.
                if plan.stop.remove(&name) {
                    plan.start.remove(&name);
                    plan.restart.insert(name);
                }
            }
        }
        for name in self.read_list(&format!("{kind}-reload-list"))? {
            if situation.active.contains_key(&name)
                && !plan.restart.contains(&name)
                && !plan.start.contains(&name)
            {
                plan.reload.insert(name);
            }
        }
        for list in ["restart-list", "reload-list"] {
            let _ = std::fs::remove_file(self.state.join(format!("{kind}-{list}")));
        }
        Ok(())
    }

    fn read_list(&self, name: &str) -> Result<BTreeSet<String>, Error> {
        Ok(files::text_or_empty(&self.state.join(name))?
            .lines()
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect())
    }

    fn record(&self, plan: &Plan) -> Result<(), Error> {
        for (name, units) in LISTS.into_iter().zip([&plan.start, &plan.restart, &plan.reload]) {
            let path = self.state.join(name);
            if units.is_empty() {
                let _ = std::fs::remove_file(&path);
            } else {
                let text: String = units.iter().map(|u| format!("{u}\n")).collect();
                files::write(&path, text.as_bytes(), 0o644)?;
            }
        }
        Ok(())
    }

    fn forget(&self, name: &str) {
        let _ = std::fs::remove_file(self.state.join(name));
    }

    fn perform(
        &mut self,
        situation: &Situation<'_>,
        mut plan: Plan,
        before: &Active,
        reexec: bool,
    ) -> Result<u8, Error> {
        // What an earlier run had begun and did not end.
        plan.start.extend(self.read_list("start-list")?);
        plan.restart.extend(self.read_list("restart-list")?);
        plan.reload.extend(self.read_list("reload-list")?);
        self.record(&plan)?;

        let mut status = 0;
        self.list("stopping the following units", &plan.stop.clone());
        self.systemctl("stop", &plan.stop)?;
        self.list("NOT restarting the following changed units", &plan.skip.clone());
        self.say.say("activating the configuration...");
        if !self.world.activate(self.top, false)? {
            status = status::ACTIVATION_FAILED;
        }
        self.take_lists_of_activation(situation, &mut plan, "activation")?;
        self.record(&plan)?;

        if reexec {
            self.say.say("restarting systemd...");
            self.world.systemctl(&["daemon-reexec"])?;
        }
        self.world.systemctl(&["reset-failed"])?;
        if !self.world.systemctl(&["daemon-reload"])? {
            status = 3;
        }
        for (user, uid) in self.world.users() {
            self.say.say(&format!("reloading user units for {user}..."));
            self.world.reload_user(uid)?;
        }
        if situation.new.find("sysinit-reactivation.target").is_some() {
            self.say.say("restarting sysinit-reactivation.target");
            self.world.systemctl(&["restart", "sysinit-reactivation.target"])?;
        }

        // What ended meanwhile would be started by a reload.
        let running = self.world.active_units()?;
        let (reload, gone): (BTreeSet<String>, BTreeSet<String>) =
            plan.reload.iter().cloned().partition(|u| {
                running.get(u).is_some_and(|s| s != "failed" && s != "inactive") || u.ends_with(".mount")
            });
        plan.start.extend(gone.into_iter().filter(|u| situation.active.contains_key(u)));
        self.list("reloading the following units", &reload);
        if !self.systemctl("reload", &reload)? {
            status = status::UNITS_FAILED;
        }
        self.forget("reload-list");
        self.list("restarting the following units", &plan.restart.clone());
        if !self.systemctl("restart", &plan.restart)? {
            status = status::UNITS_FAILED;
        }
        self.forget("restart-list");
        let loud = plan.start.difference(&plan.quiet).cloned().collect();
        self.list("starting the following units", &loud);
        if !self.systemctl("start", &plan.start)? {
            status = status::UNITS_FAILED;
        }
        self.forget("start-list");
        self.report(before, status)
    }

    fn systemctl(&mut self, verb: &str, units: &BTreeSet<String>) -> Result<bool, Error> {
        if units.is_empty() {
            return Ok(true);
        }
        let words: Vec<&str> = [verb, "--"].into_iter().chain(units.iter().map(String::as_str)).collect();
        self.world.systemctl(&words)
    }

    fn report(&mut self, before: &Active, mut status: u8) -> Result<u8, Error> {
        let after = self.world.active_units()?;
        let ran =
            |units: &Active, name: &str| units.get(name).is_some_and(|s| s == "active" || s == "activating");
        let new: BTreeSet<String> = after
            .iter()
            .filter(|(n, s)| {
                *s == "active" && !ran(before, n) && !n.ends_with(".device") && !n.ends_with(".scope")
            })
            .map(|(n, _)| n.clone())
            .filter(|n| !n.starts_with("sysinit-reactivation") && !n.starts_with("systemd-tmpfiles-resetup"))
            .collect();
        self.list("the following new units were started", &new);
        let mut failed: BTreeSet<String> =
            after.iter().filter(|(_, s)| *s == "failed").map(|(n, _)| n.clone()).collect();
        failed.extend(self.world.restarting_units()?);
        if !failed.is_empty() {
            self.list("warning: the following units failed", &failed);
            let words: Vec<&str> = ["status", "--no-pager", "--full"]
                .into_iter()
                .chain(failed.iter().map(String::as_str))
                .collect();
            self.world.systemctl(&words)?;
            status = status::UNITS_FAILED;
        }
        if status == 0 {
            self.say.say(&format!("finished switching to system configuration {}", self.top.display()));
        } else {
            self.say.say(&format!(
                "switching to system configuration {} failed (status {status})",
                self.top.display()
            ));
        }
        Ok(status)
    }
}

#[cfg(test)]
mod tests;
