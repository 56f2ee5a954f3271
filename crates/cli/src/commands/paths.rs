//! What the commands on store paths share: which paths the arguments mean, the local store, sizes.

use firn_path::{DerivedPath, StorePath, StorePathSet};
use firn_store::closure::{ClosureOptions, closure, topological_order};
use firn_store::gc::{GcOptions, GcResults};
use firn_store::{LocalStore, Store};

use super::build::targets;
use crate::args::{Flag, Parsed, switch};
use crate::building;
use crate::error::CliError;
use crate::session::Session;

/// Which paths a command works on, beside its arguments.
pub(crate) const PATHS: &[Flag] =
    &[switch("all", "take every path of the store"), switch("recursive", "take the closures").short('r')];

/// A mistake on the command line.
pub(crate) fn usage(session: &Session, message: impl Into<String>) -> CliError {
    CliError::Usage(message.into(), session.program.name.clone())
}

/// The only argument of a command.
pub(crate) fn only<'a>(session: &Session, parsed: &'a Parsed) -> Result<&'a str, CliError> {
    match parsed.positional.as_slice() {
        [one] => Ok(one),
        [] => Err(usage(session, "more arguments are required")),
        [_, second, ..] => Err(usage(session, format!("unexpected argument '{second}'"))),
    }
}

/// Fails if a command that takes no arguments has some.
pub(crate) fn none(session: &Session, parsed: &Parsed) -> Result<(), CliError> {
    match parsed.positional.first() {
        None => Ok(()),
        Some(first) => Err(usage(session, format!("unexpected argument '{first}'"))),
    }
}

/// The local store, for what only it can do.
#[allow(dead_code)] // for commands that need its files
pub(crate) fn with_local<T>(
    session: &Session,
    f: impl FnOnce(&LocalStore) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let store = session.store()?;
    match store.as_local() {
        Some(local) => f(local),
        None => Err(CliError::new(format!("store '{}' is not a local store", store.uri()))),
    }
}

/// The paths that a command's arguments mean, each after what it refers to. Paths that are not valid are among them,
/// and it is said how they could be had.
pub(crate) fn store_paths(session: &Session, parsed: &Parsed) -> Result<Vec<StorePath>, CliError> {
    let store = session.store()?;
    let store = store.as_ref();
    let mut paths = StorePathSet::new();
    if parsed.has("all") {
        if !parsed.positional.is_empty() {
            return Err(usage(session, "'--all' does not expect arguments"));
        }
        paths = store.all_valid_paths()?;
    } else {
        let targets = targets(session, parsed)?;
        for target in &targets {
            paths.extend(outputs(store, target)?);
        }
        if store.valid_paths(&paths)?.len() < paths.len() {
            building::announce(session, store, &store.missing(&targets)?, true);
        }
        if parsed.has("recursive") {
            paths = closure(store, &paths, ClosureOptions::default())?;
        }
    }
    let mut sorted = topological_order(store, &paths)?;
    sorted.reverse();
    Ok(sorted)
}

/// The paths of a target, valid or not.
pub(super) fn outputs(store: &dyn Store, target: &DerivedPath) -> Result<Vec<StorePath>, CliError> {
    let DerivedPath::Built { outputs, .. } = target else { return Ok(vec![target.base_path().clone()]) };
    let drv = target.base_path();
    let known = store.read_derivation(drv)?.output_paths(store.store_dir())?;
    let mut paths = Vec::new();
    for (name, path) in known.into_iter().filter(|(name, _)| outputs.contains(name)) {
        paths.push(path.ok_or_else(|| {
            let drv = store.store_dir().print(drv);
            CliError::new(format!("output '{name}' of '{drv}' has no known path"))
        })?);
    }
    Ok(paths)
}

/// How garbage is collected unless a flag says otherwise. Tests stop a collection at pipes that the environment names.
pub(crate) fn gc_defaults() -> GcOptions {
    let pipe = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(std::path::PathBuf::from);
    GcOptions {
        sync_points: [pipe("_NIX_TEST_GC_SYNC_1"), pipe("_NIX_TEST_GC_SYNC_2")],
        ..GcOptions::default()
    }
}

/// Says what a collection deleted, or would delete.
pub(crate) fn print_freed(session: &Session, results: &GcResults, dry_run: bool) -> Result<(), CliError> {
    let count = results.paths.len();
    if dry_run {
        return session.println(format!("{count} store paths would be deleted"));
    }
    let freed = firn_store::render_size(results.bytes_freed);
    session.println(format!("{count} store paths deleted, {freed} freed"))
}

/// A number of bytes with `K`, `M`, `G` or `T` behind it.
///
/// # Errors
/// Another unit, no number, or one that is too large.
pub(crate) fn size_argument(text: &str) -> Result<u64, String> {
    let upper = text.to_ascii_uppercase();
    let (digits, shift) = match upper.char_indices().next_back() {
        Some((at, unit)) if unit.is_alphabetic() => {
            let shift = match unit {
                'K' => 10,
                'M' => 20,
                'G' => 30,
                'T' => 40,
                _ => return Err(format!("invalid unit specifier '{unit}'")),
            };
            (&upper[..at], shift)
        }
        _ => (upper.as_str(), 0),
    };
    let number: u64 = digits.parse().map_err(|_| format!("'{text}' is not an integer"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("size '{text}' is too large"))
}

#[cfg(test)]
mod tests {
    use super::size_argument;

    #[test]
    fn sizes() {
        assert_eq!(size_argument("17"), Ok(17));
        assert_eq!(size_argument("2k"), Ok(2048));
        assert_eq!(size_argument("3G"), Ok(3 << 30));
        assert_eq!(size_argument("1X"), Err("invalid unit specifier 'X'".into()));
        assert_eq!(size_argument("1KK"), Err("'1KK' is not an integer".into()));
        assert_eq!(size_argument(""), Err("'' is not an integer".into()));
        assert!(size_argument("99999999999T").is_err());
        assert!(size_argument("1é").is_err());
    }
}
