//! `nix store gc`, `nix store delete`, `nix store optimise`

use firn_store::gc::{GcAction, GcOptions};

use super::paths::{gc_defaults, none, print_freed, size_argument, store_paths, usage};
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::session::Session;

/// Flags of `gc`.
pub(crate) const GC: &[Flag] = &[
    option("max", &["n"], "stop after freeing so many bytes"),
    switch("dry-run", "only say how much would be deleted"),
];

/// Flags of `delete`, beside those that choose paths.
pub(crate) const DELETE: &[Flag] = &[
    switch("ignore-liveness", "delete paths that are roots, too"),
    switch("skip-alive", "pass over paths that are alive instead of failing"),
    switch("skip-alive", "").alias("skip-live"),
    switch("also-referrers", "delete what refers to the paths, too"),
];

/// `nix store gc`
pub(crate) fn gc(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    let max = parsed.value("max").map(size_argument).transpose().map_err(|e| usage(session, e))?;
    collect(session, max, parsed.has("dry-run"), "--max")
}

/// Deletes what is dead, at most `max` bytes of it; `flag` is what the limit is called.
pub(crate) fn collect(
    session: &Session,
    max: Option<u64>,
    dry_run: bool,
    flag: &str,
) -> Result<u8, CliError> {
    if max.is_some() && dry_run {
        return Err(usage(session, format!("options {flag} and --dry-run cannot be combined")));
    }
    let options = GcOptions {
        action: if dry_run { GcAction::ReturnDead } else { GcAction::DeleteDead },
        max_freed: max.unwrap_or(u64::MAX),
        ..gc_defaults()
    };
    let results = session.store()?.collect_garbage(&options)?;
    print_freed(session, &results, dry_run)?;
    Ok(0)
}

/// `nix store delete`
pub(crate) fn delete(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let skip_alive = parsed.has("skip-alive");
    let options = GcOptions {
        action: if skip_alive { GcAction::DeleteDead } else { GcAction::DeleteSpecific },
        ignore_liveness: parsed.has("ignore-liveness"),
        paths: Some(store_paths(session, &parsed)?.into_iter().collect()),
        delete_referrers: parsed.has("also-referrers"),
        ..gc_defaults()
    };
    let results = session.store()?.collect_garbage(&options)?;
    print_freed(session, &results, false)?;
    Ok(0)
}

/// `nix store optimise`
pub(crate) fn optimise(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    session.store()?.optimise()?;
    Ok(0)
}
