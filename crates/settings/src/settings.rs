//! The value that holds all settings: defaults of this machine, configuration files, overrides.

use std::collections::{BTreeMap, BTreeSet};

use crate::Error;
use crate::conf::{Assignment, parse_conf};
use crate::directories::Directories;
use crate::feature::Feature;
use crate::host::Host;
use crate::parse::{Context, parse, parse_nix_path};
use crate::table::{DEFINITIONS, Definition, Index, find};
use crate::value::{Diagnose, Kind, Value};

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) value: Value,
    pub(crate) default: Value,
    /// Set by the user (not by the system's file): what is passed on to a daemon.
    pub(crate) overridden: bool,
}

/// The values of all settings.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) slots: Vec<Slot>,
    cpus: u64,
    nix_path_from_env: bool,
    /// Enabled without being asked for; see [`Settings::imply_features`].
    implied: BTreeSet<Feature>,
    unknown: BTreeMap<String, String>,
    warnings: Vec<String>,
}

impl Settings {
    /// The defaults on this machine.
    pub fn new(host: &Host) -> Self {
        let dirs = Directories::new(host);
        let mut warnings = Vec::new();
        let mut cx = Context { cpus: host.cpus, warnings: &mut warnings };
        let slots = DEFINITIONS
            .iter()
            .map(|d| {
                let text = machine_default(d.name, host, &dirs).unwrap_or_else(|| d.default.to_owned());
                let default = parse(d.name, d.kind, &text, &mut cx).unwrap_or_else(|_| Value::Text(text));
                Slot { value: default.clone(), default, overridden: false }
            })
            .collect();
        let mut settings = Settings {
            slots,
            cpus: host.cpus,
            nix_path_from_env: false,
            implied: BTreeSet::new(),
            unknown: BTreeMap::new(),
            warnings,
        };
        if let Some(text) = host.environment.get("NIX_PATH") {
            settings.nix_path_from_env = true;
            settings.slots[Index::nix_path as usize].value = Value::List(parse_nix_path(text));
        }
        settings
    }

    /// The defaults, then `nix.conf`, the user's files (the most specific one last) and `NIX_CONFIG`.
    ///
    /// Files are read through `read`; those that cannot be read are passed over.
    ///
    /// # Errors
    /// A file that does not parse, or a value that does not fit its setting.
    pub fn load(host: &Host, read: &dyn Fn(&str) -> std::io::Result<String>) -> Result<Self, Error> {
        let dirs = Directories::new(host);
        let mut settings = Settings::new(host);
        if let Ok(contents) = read(&dirs.conf_file()) {
            settings.apply(&contents, &dirs.conf_file(), read)?;
        }
        for slot in &mut settings.slots {
            slot.overridden = false;
        }
        for file in dirs.user_conf_files.iter().rev() {
            if let Ok(contents) = read(file) {
                settings.apply(&contents, file, read)?;
            }
        }
        if let Some(contents) = host.environment.get("NIX_CONFIG") {
            settings.apply(contents, "NIX_CONFIG", read)?;
        }
        Ok(settings)
    }

    /// Applies a configuration text that comes from `file`. Experimental features are applied first.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn apply(
        &mut self,
        contents: &str,
        file: &str,
        read: &dyn Fn(&str) -> std::io::Result<String>,
    ) -> Result<(), Error> {
        let assignments = parse_conf(contents, file, read)?;
        let is_features = |a: &&Assignment| {
            matches!(a.name.as_str(), "experimental-features" | "extra-experimental-features")
        };
        for a in assignments.iter().filter(is_features) {
            self.set(&a.name, &a.value)?;
        }
        for a in assignments.iter().filter(|a| !is_features(a)) {
            let search_path = matches!(a.name.as_str(), "nix-path" | "extra-nix-path");
            if !(search_path && self.nix_path_from_env) {
                self.set(&a.name, &a.value)?;
            }
        }
        Ok(())
    }

    /// Sets a setting by its name, an alias, or `extra-NAME`, as the command line and a configuration do.
    ///
    /// A name that no setting has is remembered (see [`Settings::unknown`]) and gives `false`. A setting whose experimental
    /// feature is off is left alone, with a warning.
    ///
    /// # Errors
    /// A value that does not fit the setting.
    pub fn set(&mut self, name: &str, text: &str) -> Result<bool, Error> {
        let (index, append) = match find(name) {
            Some(index) => (index, false),
            None => match name.strip_prefix("extra-").and_then(find) {
                Some(index) if DEFINITIONS[index].kind.appendable() => (index, true),
                _ => {
                    self.unknown.insert(name.to_owned(), text.to_owned());
                    return Ok(false);
                }
            },
        };
        let definition = &DEFINITIONS[index];
        if let Some(feature) = definition.feature.filter(|f| !self.enabled(*f)) {
            self.warnings.push(format!(
                "Ignoring setting '{}' because experimental feature '{feature}' is not enabled",
                definition.name
            ));
        } else {
            let mut cx = Context { cpus: self.cpus, warnings: &mut self.warnings };
            let value = parse(definition.name, definition.kind, text, &mut cx)?;
            let slot = &mut self.slots[index];
            if append {
                append_to(&mut slot.value, value)
            } else {
                slot.value = value
            }
            if definition.kind == Kind::DeprecatedWarn {
                self.deprecated_warn(index);
            }
        }
        self.slots[index].overridden = true;
        Ok(true)
    }

    /// Gives a setting another default; where a file or the user says something else, that stays.
    ///
    /// # Errors
    /// A value that does not fit the setting.
    pub fn set_default(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let Some(index) = find(name) else { return Ok(()) };
        let definition = &DEFINITIONS[index];
        let mut cx = Context { cpus: self.cpus, warnings: &mut self.warnings };
        let value = parse(definition.name, definition.kind, text, &mut cx)?;
        let slot = &mut self.slots[index];
        if slot.value == slot.default {
            slot.value = value.clone();
        }
        slot.default = value;
        Ok(())
    }

    fn deprecated_warn(&mut self, index: usize) {
        let on = self.slots[index].value == Value::Bool(true);
        self.warnings.push(format!(
            "'warn-short-path-literals' is deprecated, use 'lint-short-path-literals = {}' instead",
            if on { "warn" } else { "ignore" }
        ));
        let target = &mut self.slots[Index::lint_short_path_literals as usize];
        if !target.overridden {
            target.value = Value::Diagnose(if on { Diagnose::Warn } else { Diagnose::Ignore });
        }
    }

    /// Whether an experimental feature is enabled.
    pub fn enabled(&self, feature: Feature) -> bool {
        self.implied.contains(&feature) || self.experimental_features().contains(&feature)
    }

    /// Succeeds if a feature is enabled.
    ///
    /// # Errors
    /// [`Error::FeatureDisabled`] with `reason` in brackets, if it is not empty.
    pub fn require(&self, feature: Feature, reason: &str) -> Result<(), Error> {
        if self.enabled(feature) {
            return Ok(());
        }
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        Err(Error::FeatureDisabled { feature, reason })
    }

    /// Enables features whatever the configuration says; `firn` does so for flakes and the new commands. They are not
    /// part of the setting `experimental-features`.
    pub fn imply_features(&mut self, features: impl IntoIterator<Item = Feature>) {
        self.implied.extend(features);
    }

    /// Warnings that parsing gave, in order; the caller shows them once.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Assignments to names that no setting has.
    pub fn unknown(&self) -> &BTreeMap<String, String> {
        &self.unknown
    }

    /// Warnings about unknown names, by name, to be shown when all configuration is known; forgets them.
    pub fn take_unknown_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unknown)
            .into_keys()
            .map(|name| format!("unknown setting '{name}'"))
            .collect()
    }

    /// All settings in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Definition, &Value)> {
        let mut order: Vec<usize> = (0..DEFINITIONS.len()).collect();
        order.sort_unstable_by_key(|&i| DEFINITIONS[i].name);
        order.into_iter().map(|i| (&DEFINITIONS[i], &self.slots[i].value))
    }

    /// The value of a setting by name or alias.
    pub fn value(&self, name: &str) -> Option<&Value> {
        find(name).map(|i| &self.slots[i].value)
    }

    /// Whether the user (a file of the user's, `NIX_CONFIG`, the command line) set it.
    pub fn overridden(&self, name: &str) -> bool {
        find(name).is_some_and(|i| self.slots[i].overridden)
    }

    /// What a client tells a daemon: the settings that the user set, as texts.
    pub fn overrides(&self) -> Vec<(&'static str, String)> {
        let mut all: Vec<_> = (0..DEFINITIONS.len())
            .filter(|&i| self.slots[i].overridden && DEFINITIONS[i].feature.is_none_or(|f| self.enabled(f)))
            .map(|i| (DEFINITIONS[i].name, self.slots[i].value.to_string()))
            .collect();
        all.sort_unstable();
        all
    }

    /// How many processors builds may use: `cores`, or all if that is 0.
    pub fn build_cores(&self) -> u64 {
        match self.cores() {
            0 => self.cpus.max(1),
            cores => cores,
        }
    }
}

/// Adds `more` to a value of an appendable kind; keys that are there keep their value.
fn append_to(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::List(a), Value::List(b)) => a.extend(b),
        (Value::Set(a), Value::Set(b)) => a.extend(b),
        (Value::Features(a), Value::Features(b)) => a.extend(b),
        (Value::Map(a), Value::Map(b)) => {
            for (k, v) in b {
                a.entry(k).or_insert(v);
            }
        }
        (Value::SandboxPaths(a), Value::SandboxPaths(b)) => {
            for (k, v) in b {
                a.entry(k).or_insert(v);
            }
        }
        (value, more) => *value = more,
    }
}

/// Defaults that depend on the machine, as text.
fn machine_default(name: &str, host: &Host, dirs: &Directories) -> Option<String> {
    let env = &host.environment;
    let is_true = |variable: &str| matches!(env.get(variable), Some("1" | "yes" | "true"));
    match name {
        "system" => Some(host.system.clone()),
        "extra-platforms" => Some(host.extra_platforms().join(" ")),
        "system-features" => {
            Some(format!("nixos-test benchmark big-parallel uid-range{}", if host.kvm { " kvm" } else { "" }))
        }
        "build-users-group" => Some(if host.root { "nixbld" } else { "" }.to_owned()),
        "require-drop-supplementary-groups" => Some(host.root.to_string()),
        "store" => env.get("NIX_REMOTE").map(|v| if v.is_empty() { "auto" } else { v }.to_owned()),
        "allow-symlinked-store" => Some((env.get("NIX_IGNORE_SYMLINK_STORE") == Some("1")).to_string()),
        "builders" => Some(match env.get("NIX_REMOTE_SYSTEMS") {
            Some(list) => list
                .split(':')
                .filter(|f| !f.is_empty())
                .map(|f| format!("@{f}"))
                .collect::<Vec<_>>()
                .join("\n"),
            None => format!("@{}/machines", dirs.conf),
        }),
        "netrc-file" => Some(format!("{}/netrc", dirs.conf)),
        "ssl-cert-file" => env
            .get("NIX_SSL_CERT_FILE")
            .or_else(|| env.get("SSL_CERT_FILE"))
            .filter(|v| !v.is_empty())
            .map(str::to_owned)
            .or_else(|| host.ca_bundle.clone()),
        "abort-on-warn" => Some(is_true("NIX_ABORT_ON_WARN").to_string()),
        _ => None,
    }
}
