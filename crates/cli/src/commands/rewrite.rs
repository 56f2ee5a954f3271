//! `nix store make-content-addressed`, `nix store repair`, `nix derivation add`

use firn_derivation::{Derivation, Scratch};
use firn_events::Level;
use firn_path::{DerivedPath, StorePathSet};
use firn_store::BuildMode;
use serde_json::{Map, json};

use super::paths::{none, store_paths};
use crate::args::{Flag, Parsed, option, switch};
use crate::building;
use crate::error::CliError;
use crate::session::Session;

/// Flags of `make-content-addressed`.
pub(crate) const FLAGS: &[Flag] = &[
    option("from", &["store-uri"], "the store to read"),
    option("to", &["store-uri"], "the store to write"),
];

/// Flags of `derivation add`.
pub(crate) const ADD: &[Flag] = &[switch("dry-run", "only print the path")];

/// `nix store make-content-addressed`
pub(crate) fn make_content_addressed(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let of = |flag: &str| parsed.value(flag).map_or_else(|| session.store(), |a| session.open(a));
    let (from, to) = (of("from")?, of("to")?);
    let tops = store_paths(session, &parsed)?;
    let set: StorePathSet = tops.iter().cloned().collect();
    let twins = firn_store::rewrite::make_content_addressed(from.as_ref(), to.as_ref(), &set)?;
    let (old_dir, new_dir) = (from.store_dir(), to.store_dir());
    let pairs = tops.iter().filter_map(|old| Some((old_dir.print(old), new_dir.print(twins.get(old)?))));
    if parsed.has("json") {
        let rewrites: Map<String, serde_json::Value> = pairs.map(|(old, new)| (old, new.into())).collect();
        session.print_json(&json!({ "rewrites": rewrites }), &parsed)?;
    } else {
        for (old, new) in pairs {
            session.events().message(Level::Notice, format!("rewrote '{old}' to '{new}'"));
        }
    }
    Ok(0)
}

/// `nix store repair`
pub(crate) fn repair(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let store = session.store()?;
    let targets: Vec<DerivedPath> =
        store_paths(session, &parsed)?.into_iter().map(DerivedPath::Opaque).collect();
    building::conclude(session, store.as_ref(), &store.build(&targets, BuildMode::Repair)?)?;
    Ok(0)
}

/// `nix derivation add`
pub(crate) fn add_derivation(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    let text = std::io::read_to_string(std::io::stdin())?;
    let json: serde_json::Value = serde_json::from_str(&text)?;
    let store = session.store()?;
    let dir = store.store_dir();
    let mut drv = Derivation::from_json(&json, dir)?;
    let features = drv.experimental_features();
    for feature in firn_settings::Feature::ALL.iter().filter(|f| features.contains(f.name())) {
        session.require(*feature)?;
    }
    let mut scratch = Scratch::new();
    if let Some(local) = store.as_local() {
        // an unknown input is an error of the derivation
        let filled = drv.fill_output_paths(dir, &mut scratch, |input| local.hash_modulo(input))?;
        for warning in filled.warnings {
            session.warn(warning);
        }
    }
    let path = match parsed.has("dry-run") {
        true => drv.drv_path(dir, &mut scratch)?,
        false => store.write_derivation(&drv, false)?,
    };
    session.println(dir.print(&path))?;
    Ok(0)
}
