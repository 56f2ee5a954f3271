//! `nix-build`

use std::collections::BTreeMap;

use firn_path::{DerivedPath, OutputsSpec, StorePath};
use firn_store::BuildMode;

use super::Legacy;
use crate::args::{Flag, option, switch};
use crate::building;
use crate::error::CliError;
use crate::flags::EVAL;
use crate::session::Program;

const FLAGS: &[Flag] = &[
    option("attr", &["path"], "select an attribute").short('A'),
    switch("expr", "the arguments are expressions").short('E'),
    option("out-link", &["path"], "name the links to the results").short('o'),
    switch("no-out-link", "make no links"),
    switch("no-out-link", "").alias("no-link"),
    switch("dry-run", "only say what would be done"),
    switch("check", "build again and compare"),
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-build",
    doc: "build derivations that expressions evaluate to",
    usage: &["[FLAG…] [FILE…]", "[FLAG…] -E EXPRESSION…"],
    flags: &[FLAGS, EVAL],
    run,
};

/// `….drv`, with outputs behind `!` or not.
fn is_derivation(text: &str) -> bool {
    text.split('!').next().is_some_and(|path| path.ends_with(".drv"))
}

/// Runs the command.
///
/// # Errors
/// Whatever evaluating and building meet.
fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (session, mut parsed) = COMMAND.start(program, args)?;
    // Derivations that were instantiated already are built as they are.
    let given: Vec<String> =
        parsed.positional.iter().filter(|p| is_derivation(p) && !parsed.has("expr")).cloned().collect();
    parsed.positional.retain(|p| !given.contains(p));
    let mut found = Vec::new();
    if !parsed.positional.is_empty() || given.is_empty() {
        found = super::nix_instantiate::targets(&session, &parsed, false)?;
    }
    let store = session.store()?;
    let store = store.as_ref();
    for text in &given {
        let (drv, outputs) = text.split_once('!').unwrap_or((text, "out"));
        let drv = crate::store_paths::follow(store, drv)?;
        found.extend(outputs.split(',').map(|output| (drv.clone(), output.to_owned())));
    }
    let targets: Vec<DerivedPath> = found
        .iter()
        .map(|(drv, output)| DerivedPath::built(drv.clone(), OutputsSpec::one(output.clone())))
        .collect();
    if parsed.has("dry-run") {
        building::announce(&session, store, &store.missing(&targets)?, true);
        return Ok(0);
    }
    let mode = if parsed.has("check") {
        BuildMode::Check
    } else if parsed.has("repair") {
        BuildMode::Repair
    } else {
        BuildMode::Normal
    };
    building::realise(&session, store, &targets, mode)?;
    // outputs of one derivation share a number
    let mut numbers: BTreeMap<StorePath, usize> = BTreeMap::new();
    for (drv, output) in &found {
        let next = numbers.len();
        let i = *numbers.entry(drv.clone()).or_insert(next);
        let known = store.derivation_outputs(drv)?;
        let Some(path) = known.get(output).cloned().flatten() else { continue };
        if !parsed.has("no-out-link") {
            let mut link = parsed.value("out-link").unwrap_or("result").to_owned();
            if i > 0 {
                link += &format!("-{}", i + 1);
            }
            if output != "out" {
                link += &format!("-{output}");
            }
            building::add_root(store, &path, &link)?;
        }
        session.println(store.store_dir().print(&path))?;
    }
    Ok(0)
}
