//! `nix run`

use firn_path::DerivedPath;
use firn_store::BuildMode;

use super::Command;
use crate::args::Parsed;
use crate::building;
use crate::environment::{ENVIRONMENT, environment};
use crate::error::CliError;
use crate::evaluation::{EvalFailure, Mode, Outcome, evaluate};
use crate::exec::{Exec, exec};
use crate::flags::{EVAL, INSTALLABLES, LOCK};
use crate::installable::{APPS, Found, derived, find, is_pure, optional_text};
use crate::session::Session;
use firn_eval::Ctx;
use firn_eval::context::ContextElem;

pub(super) const COMMAND: Command = Command {
    path: &["run"],
    doc: "run a program of a package or an app",
    flags: &[ENVIRONMENT, INSTALLABLES, EVAL, LOCK],
    rest: true,
    run,
};

/// A program, and what must be built before it runs.
pub(super) struct App {
    pub program: String,
    pub targets: Vec<DerivedPath>,
}

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let variables = environment(&parsed, &session.program.name)?;
    let mut words = parsed.positional.clone();
    let plain = parsed.has("expr") || parsed.has("file");
    let text =
        if words.is_empty() { if plain { String::new() } else { ".".to_owned() } } else { words.remove(0) };
    let mode = Mode { pure: is_pure(session, &parsed), read_only: false };
    let app = evaluate(session, &parsed, mode, |ctx| {
        let found = find(ctx, session, &parsed, &text, APPS)?;
        app(ctx, &found)
    })?;
    let store = session.store()?;
    building::realise(session, store.as_ref(), &app.targets, BuildMode::Normal)?;
    exec(
        session,
        &Exec { program: &app.program, args: &words, environment: Some(&variables), ..Exec::default() },
    )
}

/// What runs: an app's `program`, or a package's main program.
pub(super) fn app(ctx: &mut Ctx, found: &Found) -> Outcome<App> {
    let kind = optional_text(ctx, found.value, &["type"])?;
    match kind.as_deref() {
        Some("app") => declared(ctx, found),
        Some("derivation") => package(ctx, found),
        _ => Err(EvalFailure::Cli(CliError::new(format!("attribute '{}' has unsupported type", found.path)))),
    }
}

fn declared(ctx: &mut Ctx, found: &Found) -> Outcome<App> {
    let value = crate::installable::optional(ctx, found.value, &["program"])?.ok_or_else(|| {
        EvalFailure::Cli(CliError::new(format!("app '{}' lacks attribute 'program'", found.path)))
    })?;
    let text = ctx.force_str(value, firn_eval::Pos::NONE, "while evaluating the program of an app")?;
    let program = text.to_text().into_owned();
    let mut targets = Vec::new();
    for element in ctx.contexts.elems(text.context()).to_vec() {
        targets.push(match element {
            ContextElem::Opaque(path) | ContextElem::DrvDeep(path) => DerivedPath::Opaque(path),
            ContextElem::Built { drv, output } => {
                DerivedPath::built(drv.base_path().clone(), firn_path::OutputsSpec::one(output))
            }
        });
    }
    if ctx.settings.store_dir.is_in_store(&program) {
        Ok(App { program, targets })
    } else {
        Err(EvalFailure::Cli(CliError::new(format!("app program '{program}' is not in the Nix store"))))
    }
}

/// `bin/<meta.mainProgram>`, else the package's own name.
fn package(ctx: &mut Ctx, found: &Found) -> Outcome<App> {
    let target = derived(ctx, found)?;
    let out = optional_text(ctx, found.value, &["outPath"])?.unwrap_or_default();
    let name = match optional_text(ctx, found.value, &["meta", "mainProgram"])? {
        Some(name) => name,
        None => match optional_text(ctx, found.value, &["pname"])? {
            Some(name) => name,
            None => {
                let full = optional_text(ctx, found.value, &["name"])?.unwrap_or_default();
                drv_name(&full).to_owned()
            }
        },
    };
    Ok(App { program: format!("{out}/bin/{name}"), targets: vec![target] })
}

/// A name without its version: up to the first dash that no letter follows.
fn drv_name(full: &str) -> &str {
    let bytes = full.as_bytes();
    let end = (0..bytes.len())
        .find(|i| bytes[*i] == b'-' && bytes.get(i + 1).is_some_and(|c| !c.is_ascii_alphabetic()));
    &full[..end.unwrap_or(full.len())]
}
