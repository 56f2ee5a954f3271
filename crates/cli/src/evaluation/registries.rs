//! The registries that a command asks: flags, the user's, the system's, the global one, and what is built in.

use firn_flake::FlakeRef;
use firn_flake::reference::Context;
use firn_flake::registry::{Entry, Origin, Registry};

use crate::args::Parsed;
use crate::error::CliError;
use crate::session::Session;

/// Entries that are built in: well-known names of the global registry.
const WELL_KNOWN: [(&str, &str); 8] = [
    ("flake-utils", "github:numtide/flake-utils"),
    ("home-manager", "github:nix-community/home-manager"),
    ("nix", "github:NixOS/nix"),
    ("nixos-hardware", "github:NixOS/nixos-hardware"),
    ("nixpkgs", "github:NixOS/nixpkgs/nixpkgs-unstable"),
    ("patchelf", "github:NixOS/patchelf"),
    ("sops-nix", "github:Mic92/sops-nix"),
    ("templates", "github:NixOS/templates"),
];

fn reference(text: &str) -> Result<FlakeRef, CliError> {
    let here = std::env::current_dir()?;
    Ok(FlakeRef::parse(text, Context { base: Some(&here), flake: false, keep_relative: false })?)
}

fn entry(from: &str, to: &str) -> Result<Entry, CliError> {
    Ok(Entry { from: reference(from)?.input, to: reference(to)?, exact: false })
}

/// All registries in the order in which they are asked.
///
/// # Errors
/// A registry file or flag that does not parse.
pub(crate) fn load(session: &Session, parsed: &Parsed) -> Result<Vec<Registry>, CliError> {
    let mut flags = Registry::empty(Origin::Flag);
    for pair in parsed.all("override-flake") {
        if let [from, to] = pair {
            flags.entries.push(entry(from, to)?);
        }
    }
    let dirs = firn_settings::Directories::new(&session.host);
    let mut all = vec![flags];
    for (origin, dir) in [(Origin::User, &dirs.config), (Origin::System, &dirs.conf)] {
        let file = format!("{dir}/registry.json");
        all.push(match std::fs::read_to_string(&file) {
            Ok(text) => Registry::parse(&text, origin, &file)?,
            Err(_) => Registry::empty(origin),
        });
    }
    all.push(global(session)?);
    Ok(all)
}

/// The global registry: a file where the setting names one, else what is built in. For a program called `firn`, `nixpkgs` is
/// the embedded base.
fn global(session: &Session) -> Result<Registry, CliError> {
    let mut registry = Registry::empty(Origin::Global);
    if session.program.is_firn() {
        registry.entries.push(entry("nixpkgs", "base:")?);
    }
    let setting = session.settings.flake_registry().to_string();
    let file = setting.strip_prefix("file://").unwrap_or(&setting);
    if file.starts_with('/') {
        match std::fs::read_to_string(file) {
            Ok(text) => registry.entries.extend(Registry::parse(&text, Origin::Global, file)?.entries),
            // as the reference: a registry that is not there has no entries
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(CliError::new(format!("cannot read flake registry '{file}': {e}"))),
        }
    } else if !setting.is_empty() {
        for (from, to) in WELL_KNOWN {
            registry.entries.push(entry(from, to)?);
        }
    }
    Ok(registry)
}
