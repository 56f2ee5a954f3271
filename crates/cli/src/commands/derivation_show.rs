//! `nix derivation show`

use firn_path::{DerivedPath, StorePath, StorePathSet};
use firn_store::Store;
use firn_store::closure::{ClosureOptions, closure};

use super::build::targets;
use crate::args::{Flag, Parsed, switch};
use crate::error::CliError;
use crate::session::Session;

/// Its flags, beside those of JSON.
pub(crate) const FLAGS: &[Flag] =
    &[switch("recursive", "show what the derivations depend on, too").short('r')];

/// Runs it.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let store = session.store()?;
    let store = store.as_ref();
    let mut paths = StorePathSet::new();
    for target in targets(session, &parsed)? {
        paths.insert(derivation(store, &target)?);
    }
    if parsed.has("recursive") {
        paths = closure(store, &paths, ClosureOptions::default())?;
    }
    let mut derivations = Vec::new();
    for path in paths.iter().filter(|path| path.is_derivation()) {
        derivations.push((path, store.read_derivation(path)?));
    }
    let json = firn_derivation::json::show(derivations.iter().map(|(path, drv)| (*path, drv)))?;
    session.print_json(&json, &parsed)?;
    Ok(0)
}

/// The derivation that a target means: itself, or one that made the path.
fn derivation(store: &dyn Store, target: &DerivedPath) -> Result<StorePath, CliError> {
    let path = target.base_path();
    if path.is_derivation() {
        return Ok(path.clone());
    }
    let deriver = store.valid_derivers(path)?.into_iter().next();
    deriver.ok_or_else(|| {
        CliError::new(format!("'{}' does not have a known deriver", store.store_dir().print(path)))
    })
}
