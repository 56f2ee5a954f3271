//! `nix flake lock`, `nix flake update`

use std::collections::BTreeSet;

use super::{fresh, lock_flake, read, reference};
use crate::args::{Flag, Parsed, option};
use crate::commands::Command;
use crate::error::CliError;
use crate::evaluation::evaluate;
use crate::flags::{EVAL, LOCK as LOCK_FLAGS};
use crate::flake_config;
use crate::installable::input_path;
use crate::session::Session;

pub(super) const LOCK: Command = Command {
    path: &["flake", "lock"],
    doc: "add missing entries to the lock file",
    flags: &[EVAL, LOCK_FLAGS],
    rest: false,
    run: lock,
};

pub(super) const UPDATE: Command = Command {
    path: &["flake", "update"],
    doc: "update the lock file: all inputs, or those named",
    flags: &[UPDATE_FLAGS, EVAL, LOCK_FLAGS],
    rest: false,
    run: update,
};

const UPDATE_FLAGS: &[Flag] =
    &[option("flake", &["flake-url"], "the flake to update, instead of that in the current folder")];

fn lock(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let parsed = fresh(&parsed);
    evaluate(session, &parsed, read(&parsed), |ctx| {
        let flake = lock_flake(ctx, session, &parsed, reference(&parsed), |mode| {
            mode.write = true;
            mode.fail_on_unlocked = true;
        })?;
        flake_config::apply(session, &flake.declaration.config)
    })?;
    Ok(0)
}

fn update(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let parsed = fresh(&parsed);
    let mut inputs = BTreeSet::new();
    for text in &parsed.positional {
        let path = input_path(text).inspect_err(|_| {
            session.warn(format!(
                "Invalid flake input '{text}'. To update a specific flake, use 'nix flake update --flake {text}' instead."
            ));
        })?;
        if path.is_empty() {
            return Err(CliError::Usage(
                "input path to be updated cannot be zero-length; it would refer to the flake itself, not an input".into(),
                "nix".into(),
            ));
        }
        if !inputs.insert(path) {
            session.warn(format!(
                "Input '{text}' was specified multiple times. You may have done this by accident."
            ));
        }
    }
    let flake = parsed.value("flake").unwrap_or(".").to_owned();
    evaluate(session, &parsed, read(&parsed), |ctx| {
        let flake = lock_flake(ctx, session, &parsed, &flake, |mode| {
            mode.options.recreate = inputs.is_empty();
            mode.options.updates.extend(inputs);
            mode.write = true;
            mode.update = true;
        })?;
        flake_config::apply(session, &flake.declaration.config)
    })?;
    Ok(0)
}
