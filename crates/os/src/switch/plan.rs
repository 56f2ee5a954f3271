//! Which units a new configuration stops, starts, restarts and reloads.

use std::collections::{BTreeMap, BTreeSet};

use super::fstab::Changes;
use super::units::{Difference, Folders, Unit, compare, flag, value};
use crate::Error;

/// Units that are running: name to state, as systemd calls it (`active`, `activating`, `failed` …).
pub type Active = BTreeMap<String, String>;

/// What is to be done, by unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Stopped before activation.
    pub stop: BTreeSet<String>,
    /// Changed but left alone.
    pub skip: BTreeSet<String>,
    /// Reloaded after activation.
    pub reload: BTreeSet<String>,
    /// Restarted after activation.
    pub restart: BTreeSet<String>,
    /// Started after activation.
    pub start: BTreeSet<String>,
    /// Of those started: not worth a word, since they ran before.
    pub quiet: BTreeSet<String>,
}

/// The places of both configurations, and what runs.
#[derive(Debug)]
pub struct Situation<'a> {
    /// Units of the running configuration.
    pub old: &'a Folders,
    /// Units of the new one.
    pub new: &'a Folders,
    /// What runs.
    pub active: &'a Active,
}

/// Targets that would put the machine to sleep.
const SLEEP: [&str; 4] =
    ["suspend.target", "hibernate.target", "hybrid-sleep.target", "suspend-then-hibernate.target"];

impl Plan {
    /// Goes through all running units.
    ///
    /// # Errors
    /// A unit file that cannot be read.
    pub fn of(s: &Situation<'_>) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        for (name, state) in s.active {
            if !matches!(state.as_str(), "active" | "activating" | "reloading") {
                continue;
            }
            let Some(old) = s.old.read(name)? else { continue };
            let new = if s.new.is_masked(name) { None } else { s.new.read(name)? };
            match new {
                None => {
                    if flag(&old, "Unit", "X-StopOnRemoval", true) {
                        plan.stop.insert(name.clone());
                    }
                }
                Some(new) if name.ends_with(".target") => plan.target(name, &new),
                Some(new) => match compare(&old, &new) {
                    Difference::Equal => {}
                    Difference::NeedsReload => {
                        plan.reload.insert(name.clone());
                    }
                    Difference::NeedsRestart => plan.changed(s, name, &new),
                },
            }
        }
        Ok(plan)
    }

    /// A target that runs is started again, so that what it wants by now is started too.
    fn target(&mut self, name: &str, new: &Unit) {
        if SLEEP.contains(&name) {
            return;
        }
        if !flag(new, "Unit", "RefuseManualStart", false) && !flag(new, "Unit", "X-OnlyManualStart", false) {
            self.start.insert(name.to_owned());
            self.quiet.insert(name.to_owned());
        }
        if flag(new, "Unit", "X-StopOnReconfiguration", false) {
            self.stop.insert(name.to_owned());
        }
    }

    /// A unit that is another one now.
    pub fn changed(&mut self, s: &Situation<'_>, name: &str, new: &Unit) {
        let kind = name.rsplit('.').next().unwrap_or_default();
        match kind {
            // Their properties are applied when systemd reads its units again.
            "target" | "slice" | "path" | "device" | "scope" => return,
            "mount" if matches!(name, "-.mount" | "nix.mount" | "nix-store.mount") => {
                self.reload.insert(name.to_owned());
                return;
            }
            "mount" => {
                self.restart.insert(name.to_owned());
                return;
            }
            // A socket starts anew with its service.
            "socket" => {
                let service = name.replace(".socket", ".service");
                if !s.active.contains_key(&service) {
                    self.restart.insert(name.to_owned());
                }
                return;
            }
            _ => {}
        }
        if flag(new, "Service", "X-ReloadIfChanged", false) {
            let starts_anew = self.start.contains(name) && self.stop.contains(name);
            if !(self.restart.contains(name) || starts_anew) {
                self.reload.insert(name.to_owned());
            }
        } else if !flag(new, "Service", "X-RestartIfChanged", true)
            || flag(new, "Unit", "RefuseManualStop", false)
            || flag(new, "Unit", "X-OnlyManualStart", false)
        {
            self.skip.insert(name.to_owned());
        } else if !flag(new, "Service", "X-StopIfChanged", true) {
            self.restart.insert(name.to_owned());
            self.reload.remove(name);
        } else {
            self.stop_and_start(s, name, new);
        }
    }

    fn stop_and_start(&mut self, s: &Situation<'_>, name: &str, new: &Unit) {
        let mut by_socket = false;
        if name.ends_with(".service") && !flag(new, "Service", "X-NotSocketActivated", false) {
            let own = format!("{}.socket", name.trim_end_matches(".service"));
            let sockets: Vec<String> = match value(new, "Service", "Sockets") {
                Some(text) => text.split_whitespace().map(str::to_owned).collect(),
                None => vec![own],
            };
            for socket in sockets.into_iter().filter(|k| s.active.contains_key(k)) {
                // Else a connection would start the old service again.
                self.stop.insert(socket.clone());
                if s.new.find(&socket).is_some() && !s.new.is_masked(&socket) {
                    self.start.insert(socket.clone());
                    self.quiet.insert(socket);
                    by_socket = true;
                }
            }
        }
        self.stop.insert(name.to_owned());
        self.reload.remove(name);
        if !by_socket {
            self.start.insert(name.to_owned());
        }
    }

    /// Adds what a change of fstab asks for.
    pub fn add_mounts(&mut self, changes: &Changes) {
        self.stop.extend(changes.stop.iter().cloned());
        self.restart.extend(changes.restart.iter().cloned());
        self.reload.extend(changes.reload.iter().cloned());
    }
}
