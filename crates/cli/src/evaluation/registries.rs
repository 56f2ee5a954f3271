//! The registries that a command asks: flags, the user's, the system's, the global one, and what is built in.

use std::path::Path;

use firn_eval::Ctx;
use firn_events::Events;
use firn_fetch::{Fetcher, Input};
use firn_flake::FlakeRef;
use firn_flake::reference::Context;
use firn_flake::registry::{Entry, Origin, Registry};
use firn_flake::session::{Global, LockMode};

use super::{Outcome, flake_reference, flakes};
use crate::args::Parsed;
use crate::error::CliError;
use crate::session::Session;

/// Entries that are built in: well-known names of the global registry.
const WELL_KNOWN: [(&str, &str); 34] = [
    ("agda", "github:agda/agda"),
    ("agenix", "github:ryantm/agenix"),
    ("arion", "github:hercules-ci/arion"),
    ("bundlers", "github:NixOS/bundlers"),
    ("cachix", "github:cachix/cachix"),
    ("devenv", "github:cachix/devenv"),
    ("disko", "github:nix-community/disko"),
    ("dream2nix", "github:nix-community/dream2nix"),
    ("dwarffs", "github:edolstra/dwarffs"),
    ("emacs-overlay", "github:nix-community/emacs-overlay"),
    ("fenix", "github:nix-community/fenix"),
    ("flake-parts", "github:hercules-ci/flake-parts"),
    ("flake-utils", "github:numtide/flake-utils"),
    ("helix", "github:helix-editor/helix"),
    ("hercules-ci-agent", "github:hercules-ci/hercules-ci-agent"),
    ("hercules-ci-effects", "github:hercules-ci/hercules-ci-effects"),
    ("home-manager", "github:nix-community/home-manager"),
    ("hydra", "github:NixOS/hydra"),
    ("mach-nix", "github:DavHau/mach-nix"),
    ("nickel", "github:tweag/nickel"),
    ("nix", "github:NixOS/nix"),
    ("nix-darwin", "github:nix-darwin/nix-darwin"),
    ("nix-serve", "github:edolstra/nix-serve"),
    ("nixops", "github:NixOS/nixops"),
    ("nixos-hardware", "github:NixOS/nixos-hardware"),
    ("nixos-homepage", "github:NixOS/nixos-homepage"),
    ("nixos-search", "github:NixOS/nixos-search"),
    ("nixpkgs", "github:NixOS/nixpkgs/nixpkgs-unstable"),
    ("nur", "github:nix-community/NUR"),
    ("patchelf", "github:NixOS/patchelf"),
    ("poetry2nix", "github:nix-community/poetry2nix"),
    ("sops-nix", "github:Mic92/sops-nix"),
    ("systems", "github:nix-systems/default"),
    ("templates", "github:NixOS/templates"),
];

fn reference(text: &str) -> Result<FlakeRef, CliError> {
    let here = std::env::current_dir()?;
    Ok(FlakeRef::parse(text, Context { base: Some(&here), flake: false, keep_relative: false })?)
}

fn entry(from: &str, to: &str) -> Result<Entry, CliError> {
    Ok(Entry { from: reference(from)?.input, to: reference(to)?, exact: false })
}

/// Reads the file of a registry; one that is not there is empty, one that is malformed, too, with a warning.
pub fn read(events: &Events, file: &Path, origin: Origin) -> Registry {
    let shown = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => Registry::parse(&text, origin, &shown).unwrap_or_else(|error| {
            events.warn(format!("cannot read flake registry '{shown}': {error}"));
            Registry::empty(origin)
        }),
        Err(e) => {
            if e.kind() != std::io::ErrorKind::NotFound {
                events.warn(format!("cannot read flake registry '{shown}': {e}"));
            }
            Registry::empty(origin)
        }
    }
}

/// The registries that are asked first; for a program called `firn`, `nixpkgs` is the embedded base unless the user or the
/// system says otherwise.
///
/// # Errors
/// A flag that does not parse.
pub(super) fn near(session: &Session, parsed: &Parsed) -> Result<Vec<Registry>, CliError> {
    let mut flags = Registry::empty(Origin::Flag);
    for pair in parsed.all("override-flake") {
        if let [from, to] = pair {
            flags.entries.push(entry(from, to)?);
        }
    }
    let dirs = firn_settings::Directories::new(&session.host);
    let mut all = vec![flags];
    for (origin, dir) in [(Origin::User, &dirs.config), (Origin::System, &dirs.conf)] {
        all.push(read(session.events(), &Path::new(dir).join("registry.json"), origin));
    }
    if session.program.is_firn() {
        let mut own = Registry::empty(Origin::Global);
        own.entries.push(entry("nixpkgs", "base:")?);
        all.push(own);
    }
    Ok(all)
}

/// The global registry: a file where the setting names one; else what its address gives, and where that cannot be had what is
/// built in. It is made when it is first asked for.
pub(super) fn global(session: &Session, fetcher: Fetcher) -> Global {
    let (setting, events) = (session.settings.flake_registry().to_string(), session.events().clone());
    Box::new(move || {
        if setting.is_empty() {
            return Ok(Registry::empty(Origin::Global));
        }
        let file = setting.strip_prefix("file://").unwrap_or(&setting);
        if file.starts_with('/') {
            return Ok(read(&events, Path::new(file), Origin::Global));
        }
        if let Some(file) = fetcher.refreshed(&setting) {
            return Ok(read(&events, &file, Origin::Global));
        }
        let mut registry = Registry::empty(Origin::Global);
        for (from, to) in WELL_KNOWN {
            registry.entries.push(entry(from, to).map_err(|e| firn_flake::FlakeError::new(e.text()))?);
        }
        Ok(registry)
    })
}

/// `--inputs-from`: the inputs of a flake become entries of the registry of flags.
pub(super) fn inputs_from(ctx: &mut Ctx, session: &Session, parsed: &Parsed) -> Outcome<()> {
    for text in parsed.values("inputs-from") {
        session.require(firn_settings::Feature::Flakes)?;
        let flakes = flakes(ctx)?;
        let (reference, _) = flake_reference(text)?;
        let flake = flakes.lock(ctx, &reference, &LockMode { write: false, ..LockMode::default() })?;
        for name in flake.lock.nodes[0].inputs.keys() {
            let Some(id) = flake.lock.find(std::slice::from_ref(name))? else { continue };
            let Some(lock) = &flake.lock.nodes[id].lock else { continue };
            let attrs = [("type".to_owned(), "indirect".into()), ("id".to_owned(), name.as_str().into())];
            let from = Input::from_attrs(attrs.into()).map_err(firn_flake::FlakeError::from)?;
            let mut to = lock.locked.clone();
            to.input = to.input.with("__final", None);
            flakes.add_flag(Entry { from, to, exact: false });
        }
    }
    Ok(())
}
