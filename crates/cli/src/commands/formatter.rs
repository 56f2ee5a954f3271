//! `nix fmt`, `nix formatter run` and `nix formatter build`

use firn_store::BuildMode;

use super::Command;
use super::build::LINK;
use super::run::{App, app};
use crate::args::Parsed;
use crate::building;
use crate::error::CliError;
use crate::evaluation::{Mode, evaluate};
use crate::exec::{Exec, exec};
use crate::flags::{EVAL, LOCK};
use crate::installable::{Lookup, Source, find, is_pure};
use crate::session::Session;

const LOOKUP: Lookup = Lookup { defaults: &["formatter.SYSTEM"], prefixes: &[] };

pub(super) const RUN: Command = Command {
    path: &["formatter", "run"],
    doc: "reformat your code in the standard style",
    flags: &[EVAL, LOCK],
    rest: true,
    run,
};

pub(super) const BUILD: Command = Command {
    path: &["formatter", "build"],
    doc: "build the current flake's formatter",
    flags: &[LINK, EVAL, LOCK],
    rest: false,
    run: build,
};

/// The formatter of the flake of the current folder, built, and where the flake is.
fn formatter(session: &Session, parsed: &Parsed) -> Result<(App, Option<std::path::PathBuf>), CliError> {
    let mut own = parsed.clone();
    own.positional.clear();
    let mode = Mode { pure: is_pure(session, parsed), read_only: false };
    let (app, folder) = evaluate(session, &own, mode, |ctx| {
        let found = find(ctx, session, &own, ".", LOOKUP)?;
        let folder = found.flake.as_ref().and_then(|f| Source::new(f, &found.path, &found.outputs).folder());
        Ok((app(ctx, &found)?, folder))
    })?;
    building::realise(session, session.store()?.as_ref(), &app.targets, BuildMode::Normal)?;
    Ok((app, folder))
}

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (app, folder) = formatter(session, &parsed)?;
    let mut variables: crate::environment::Environment = std::env::vars_os().collect();
    if let Some(folder) = folder {
        variables.insert("PRJ_ROOT".into(), folder.into_os_string());
    }
    exec(
        session,
        &Exec {
            program: &app.program,
            args: &parsed.positional,
            environment: Some(&variables),
            ..Exec::default()
        },
    )
}

fn build(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    super::paths::none(session, &parsed)?;
    let (app, _) = formatter(session, &parsed)?;
    if !parsed.has("no-link") {
        super::build::link_targets(session, parsed.value("out-link").unwrap_or("result"), &app.targets)?;
    }
    session.println(app.program)?;
    Ok(0)
}
