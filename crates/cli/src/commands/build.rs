//! `nix build`

use firn_path::{DerivedPath, StorePath};
use firn_store::{BuildMode, Store};
use serde_json::{Map, Value as Json, json};

use super::Command;
use crate::args::{Flag, Parsed, option, switch};
use crate::building;
use crate::error::CliError;
use crate::evaluation::{Mode, evaluate};
use crate::flags::{EVAL, INSTALLABLES, JSON, LOCK};
use crate::installable::{PACKAGES, derived, find, output_paths, store_path};
use crate::session::Session;

const FLAGS: &[Flag] = &[
    option("out-link", &["path"], "name the links to the results").short('o'),
    switch("no-link", "make no links"),
    switch("print-out-paths", "print the paths of the results"),
    switch("dry-run", "only say what would be done"),
    switch("rebuild", "build again and compare"),
    option("profile", &["path"], "make the result the newest generation of a profile"),
];

pub(super) const COMMAND: Command = Command {
    path: &["build"],
    doc: "build a derivation or fetch a store path",
    flags: &[FLAGS, JSON, INSTALLABLES, EVAL, LOCK],
    rest: false,
    run,
};

/// The targets that the arguments mean; the default is the flake of the current folder.
pub(super) fn targets(session: &Session, parsed: &Parsed) -> Result<Vec<DerivedPath>, CliError> {
    let texts = arguments(parsed)?;
    let mut targets = Vec::new();
    let mut evaluated = Vec::new();
    for text in texts {
        match store_path(session, &text)? {
            Some(path) => targets.push(path),
            None => evaluated.push(text),
        }
    }
    if !evaluated.is_empty() {
        let mode = Mode { pure: is_pure(session, parsed), read_only: false };
        targets.extend(evaluate(session, parsed, mode, |ctx| {
            let mut out = Vec::new();
            for text in &evaluated {
                let found = find(ctx, session, parsed, text, PACKAGES)?;
                out.push(derived(ctx, &found)?);
            }
            Ok(out)
        })?);
    }
    Ok(targets)
}

/// The installables that were given, `.` if none were.
pub(super) fn arguments(parsed: &Parsed) -> Result<Vec<String>, CliError> {
    let mut texts = parsed.positional.clone();
    if parsed.has("stdin") {
        let text = std::io::read_to_string(std::io::stdin())?;
        texts.extend(text.split_whitespace().map(str::to_owned));
    }
    if texts.is_empty() {
        texts.push(if parsed.has("expr") || parsed.has("file") { String::new() } else { ".".to_owned() });
    }
    Ok(texts)
}

/// Flakes are evaluated purely unless the user says otherwise; files and expressions are not.
pub(super) fn is_pure(session: &Session, parsed: &Parsed) -> bool {
    let plain = parsed.has("file");
    session.settings.pure_eval() || !(parsed.has("impure") || plain)
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
        let profile = std::path::absolute(profile)?;
        let generation = firn_store::profiles::create_generation(store, &profile, path)?;
        firn_store::profiles::switch_link(&profile, &generation)?;
    }
    Ok(0)
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
            DerivedPath::Opaque(path) => json!({ "path": dir.print(path) }),
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
