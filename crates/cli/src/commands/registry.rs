//! `nix registry …`

use std::path::{Path, PathBuf};

use firn_flake::FlakeRef;
use firn_flake::reference::Context;
use firn_flake::registry::{Entry, Origin, Registry, Use};
use firn_settings::Directories;

use super::Command;
use super::paths::only;
use crate::args::{Flag, Parsed, option};
use crate::error::CliError;
use crate::evaluation::{Mode, Outcome, evaluate, flakes, read_registry};
use crate::flags::EVAL;
use crate::session::Session;

const FLAGS: &[Flag] = &[option("registry", &["registry"], "the file of the registry to work on")];

pub(super) const LIST: Command = Command {
    path: &["registry", "list"],
    doc: "list the entries of all registries",
    flags: &[EVAL],
    rest: false,
    run: list,
};

pub(super) const ADD: Command = Command {
    path: &["registry", "add"],
    doc: "add an entry to the user's registry, or replace it: FROM TO",
    flags: &[FLAGS],
    rest: false,
    run: add,
};

pub(super) const REMOVE: Command = Command {
    path: &["registry", "remove"],
    doc: "remove an entry from the user's registry: FROM",
    flags: &[FLAGS],
    rest: false,
    run: remove,
};

pub(super) const PIN: Command = Command {
    path: &["registry", "pin"],
    doc: "let a name mean what it means now: NAME [REFERENCE]",
    flags: &[FLAGS, EVAL],
    rest: false,
    run: pin,
};

pub(super) const RESOLVE: Command = Command {
    path: &["registry", "resolve"],
    doc: "show what flake references mean",
    flags: &[EVAL],
    rest: false,
    run: resolve,
};

const READ: Mode = Mode { pure: true, read_only: false };

fn reference(text: &str) -> Result<FlakeRef, CliError> {
    Ok(FlakeRef::parse(text, Context { base: None, flake: true, keep_relative: false })?)
}

fn list(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let registries =
        evaluate(session, &parsed, READ, |ctx| -> Outcome<_> { Ok(flakes(ctx)?.registries()?) })?;
    let mut out = String::new();
    for registry in &registries {
        for entry in &registry.entries {
            out.push_str(&format!("{} {} {}\n", registry.origin.name(), entry.from.to_url(), entry.to));
        }
    }
    session.print(out)?;
    Ok(0)
}

/// The registry that is worked on, and its file.
fn own(session: &Session, parsed: &Parsed) -> (PathBuf, Registry) {
    let file = match parsed.value("registry") {
        Some(file) => PathBuf::from(file),
        None => Path::new(&Directories::new(&session.host).config).join("registry.json"),
    };
    let registry = read_registry(session.events(), &file, Origin::User);
    (file, registry)
}

fn write(file: &Path, registry: &Registry) -> Result<(), CliError> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = file.with_extension(format!("tmp-{}", std::process::id()));
    std::fs::write(&beside, registry.to_json())?;
    Ok(std::fs::rename(&beside, file)?)
}

fn put(registry: &mut Registry, from: &FlakeRef, to: FlakeRef) {
    registry.entries.retain(|entry| entry.from != from.input);
    registry.entries.push(Entry { from: from.input.clone(), to, exact: false });
}

fn add(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let [from, to] = parsed.positional.as_slice() else {
        return Err(CliError::Usage("'from-url' and 'to-url' are required".into(), "nix".into()));
    };
    let (file, mut registry) = own(session, &parsed);
    put(&mut registry, &reference(from)?, reference(to)?);
    write(&file, &registry)?;
    Ok(0)
}

fn remove(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let from = reference(only(session, &parsed)?)?;
    let (file, mut registry) = own(session, &parsed);
    registry.entries.retain(|entry| entry.from != from.input);
    write(&file, &registry)?;
    Ok(0)
}

fn pin(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (from, wanted) = match parsed.positional.as_slice() {
        [one] => (reference(one)?, reference(one)?),
        [one, other] => (reference(one)?, reference(other)?),
        _ => return Err(CliError::Usage("'url' is required".into(), "nix".into())),
    };
    let tree = evaluate(session, &parsed, READ, |ctx| -> Outcome<_> {
        let flakes = flakes(ctx)?;
        let resolved = flakes.resolve(&wanted, Use::All)?;
        Ok(flakes.fetch(&resolved)?)
    })?;
    let mut locked = tree.locked()?;
    locked.input = locked.input.with("__final", None);
    if !locked.input.is_locked() {
        session.warn(format!("flake '{locked}' is not locked"));
    }
    locked.dir.clone_from(&from.dir);
    let (file, mut registry) = own(session, &parsed);
    put(&mut registry, &from, locked);
    write(&file, &registry)?;
    Ok(0)
}

fn resolve(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let resolved = evaluate(session, &parsed, READ, |ctx| -> Outcome<Vec<FlakeRef>> {
        let flakes = flakes(ctx)?;
        parsed.positional.iter().map(|text| Ok(flakes.resolve(&reference(text)?, Use::All)?)).collect()
    })?;
    for reference in resolved {
        session.println(reference)?;
    }
    Ok(0)
}
