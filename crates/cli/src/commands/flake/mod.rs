//! `nix flake …`

mod archive;
mod check;
mod clone;
mod init;
mod lock;
mod metadata;
mod prefetch;
mod show;

use firn_eval::Ctx;
use firn_flake::session::{LockMode, LockedFlake};

use super::Command;
use crate::args::{Occurrence, Parsed};
use crate::error::CliError;
use crate::evaluation::{FRESH, Mode, Outcome, evaluate, flake_reference, flakes};
use crate::installable::lock_mode;
use crate::session::Session;

/// Their rows, sorted by their words.
pub(super) const COMMANDS: [&Command; 12] = [
    &archive::COMMAND,
    &check::COMMAND,
    &clone::COMMAND,
    &init::INIT,
    &lock::LOCK,
    &metadata::COMMAND,
    &metadata::INFO,
    &init::NEW,
    &prefetch::PREFETCH,
    &prefetch::INPUTS,
    &show::COMMAND,
    &lock::UPDATE,
];

/// Locking evaluates only `flake.nix` files; those lie in trees, whatever else is allowed.
const READ: Mode = Mode { pure: true, read_only: false };

/// The same, with `--impure` where that is given.
fn read(parsed: &Parsed) -> Mode {
    Mode { pure: !parsed.has("impure"), ..READ }
}

/// The flake that was named; the one of the current folder if none was.
fn reference(parsed: &Parsed) -> &str {
    parsed.positional.first().map_or(".", String::as_str)
}

/// Locks a flake, with what the flags say about lock files changed by `change`.
fn lock_flake(
    ctx: &mut Ctx,
    session: &Session,
    parsed: &Parsed,
    text: &str,
    change: impl FnOnce(&mut LockMode),
) -> Outcome<LockedFlake> {
    session.require(firn_settings::Feature::Flakes)?;
    crate::evaluation::warn_dubious(session, text);
    let (reference, fragment) = flake_reference(text)?;
    if !fragment.is_empty() {
        return Err(
            CliError::new(format!("unexpected fragment '{fragment}' in flake reference '{text}'")).into()
        );
    }
    let mut mode = lock_mode(session, parsed)?;
    change(&mut mode);
    Ok(flakes(ctx)?.lock(ctx, &reference, &mode)?)
}

/// A command line under which nothing in the caches of downloads counts as fresh.
fn fresh(parsed: &Parsed) -> Parsed {
    let mut parsed = parsed.clone();
    parsed.flags.push(Occurrence { id: FRESH, values: Vec::new(), position: 0 });
    parsed
}

/// Locks a flake, and does nothing else with it.
fn only_lock(
    session: &Session,
    parsed: &Parsed,
    text: &str,
    change: impl FnOnce(&mut LockMode) + Send,
) -> Result<LockedFlake, CliError> {
    evaluate(session, parsed, read(parsed), |ctx| lock_flake(ctx, session, parsed, text, change))
}
