//! `nix build`

use firn_path::{DerivedPath, StorePath};
use firn_store::{BuildMode, Store};
use serde_json::{Map, Value as Json, json};

use super::Command;
use crate::args::{Flag, Parsed, option, switch};
use crate::building;
use crate::error::CliError;
use crate::flags::{EVAL, INSTALLABLES, JSON, LOCK};
use crate::installable::{PACKAGES, arguments, output_paths, resolve};
use crate::session::Session;

/// Flags about links to results.
pub(super) const LINK: &[Flag] = &[
    option("out-link", &["path"], "name the links to the results").short('o'),
    switch("no-link", "make no links"),
];

const FLAGS: &[Flag] = &[
    switch("print-out-paths", "print the paths of the results"),
    switch("dry-run", "only say what would be done"),
    switch("rebuild", "build again and compare"),
    option("profile", &["path"], "make the result the newest generation of a profile"),
];

pub(super) const COMMAND: Command = Command {
    path: &["build"],
    doc: "build a derivation or fetch a store path",
    flags: &[LINK, FLAGS, JSON, INSTALLABLES, EVAL, LOCK],
    rest: false,
    run,
};

/// The targets that the arguments mean; the default is the flake of the current folder.
pub(crate) fn targets(session: &Session, parsed: &Parsed) -> Result<Vec<DerivedPath>, CliError> {
    let resolved = resolve(session, parsed, &arguments(parsed)?, PACKAGES)?;
    let target = |found: crate::installable::Resolved| match found.target {
        // the derivation itself is meant
        DerivedPath::Built { .. } if parsed.has("derivation") => {
            DerivedPath::Opaque(found.target.base_path().clone())
        }
        target => target,
    };
    Ok(resolved.into_iter().map(target).collect())
}

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let targets = targets(session, &parsed)?;
    let store = session.store()?;
    let store = store.as_ref();
    if parsed.has("dry-run") {
        let missing = store.missing(&targets)?;
        building::announce(session, store, &missing, true);
        if parsed.has("json") {
            session.print_json(&results_json(session, &targets)?, &parsed)?;
        }
        return Ok(0);
    }
    let mode = if parsed.has("rebuild") {
        BuildMode::Check
    } else if parsed.has("repair") {
        BuildMode::Repair
    } else {
        BuildMode::Normal
    };
    building::realise(session, store, &targets, mode)?;
    let results = targets.iter().map(|t| output_paths(session, t)).collect::<Result<Vec<_>, _>>()?;
    if !parsed.has("no-link") {
        link(session, store, parsed.value("out-link").unwrap_or("result"), &results)?;
    }
    if parsed.has("print-out-paths") {
        for (_, path) in results.iter().flatten() {
            session.println(store.store_dir().print(path))?;
        }
    }
    if parsed.has("json") {
        session.print_json(&results_json(session, &targets)?, &parsed)?;
    }
    if let Some(profile) = parsed.value("profile") {
        let [[(_, path)]] = results.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] else {
            return Err(CliError::new("'--profile' requires that the arguments produce a single store path"));
        };
        crate::profile::switch_to(session, &std::path::absolute(profile)?, path)?;
    }
    Ok(0)
}

/// Makes links to the outputs of targets that are built.
pub(super) fn link_targets(session: &Session, name: &str, targets: &[DerivedPath]) -> Result<(), CliError> {
    let results = targets.iter().map(|t| output_paths(session, t)).collect::<Result<Vec<_>, _>>()?;
    link(session, session.store()?.as_ref(), name, &results)
}

/// `result`, `result-1`, `result-dev`, `result-1-dev` …
fn link(
    session: &Session,
    store: &dyn Store,
    name: &str,
    results: &[Vec<(String, StorePath)>],
) -> Result<(), CliError> {
    for (i, outputs) in results.iter().enumerate() {
        for (output, path) in outputs {
            let mut link = name.to_owned();
            if i > 0 {
                link += &format!("-{i}");
            }
            if output != "out" {
                link += &format!("-{output}");
            }
            building::add_root(store, path, &link)?;
            if let Some(real) = store
                .real_path(path)
                .filter(|real| real.as_os_str() != store.store_dir().print(path).as_str())
            {
                session.events().message(
                    firn_events::Level::Notice,
                    format!("{link} is {} on this machine", real.display()),
                );
            }
        }
    }
    Ok(())
}

fn results_json(session: &Session, targets: &[DerivedPath]) -> Result<Json, CliError> {
    let store = session.store()?;
    let dir = store.store_dir();
    let mut list = Vec::new();
    for target in targets {
        let json = match target {
            DerivedPath::Opaque(path) => json!(dir.print(path)),
            DerivedPath::Built { .. } => {
                let outputs: Map<String, Json> = output_paths(session, target)?
                    .into_iter()
                    .map(|(n, p)| (n, dir.print(&p).into()))
                    .collect();
                json!({ "drvPath": dir.print(target.base_path()), "outputs": outputs })
            }
        };
        list.push(json);
    }
    Ok(list.into())
}
