//! `nix-build`

use firn_path::{DerivedPath, OutputsSpec};
use firn_store::BuildMode;

use crate::args::{Flag, Until, expand, option, parse, switch};
use crate::building;
use crate::error::CliError;
use crate::flags::{COMMON, EVAL, LEGACY};
use crate::session::{Program, Session, Style, load_settings};

const FLAGS: &[Flag] = &[
    option("attr", &["path"], "select an attribute").short('A'),
    switch("expr", "the arguments are expressions").short('E'),
    option("out-link", &["path"], "name the links to the results").short('o'),
    switch("no-out-link", "make no links"),
    switch("no-out-link", "").alias("no-link"),
    switch("dry-run", "only say what would be done"),
    switch("check", "build again and compare"),
    switch("show-trace", "show all of an error's trace"),
];

/// Runs the command.
///
/// # Errors
/// Whatever evaluating and building meet.
pub(crate) fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (mut settings, host) = load_settings(&program)?;
    let (mut parsed, _) =
        parse(&expand(args), &[FLAGS, EVAL, LEGACY, COMMON], &mut settings, Until::End, &program.name)?;
    if let Some(status) = crate::help::early(&program, &parsed) {
        return Ok(status);
    }
    if parsed.has("show-trace") {
        settings.set("show-trace", "true")?;
    }
    let session = Session::start(program, settings, host, parsed.clone(), Style::Old)?;
    // Derivations that were instantiated already are built as they are.
    let given: Vec<String> =
        parsed.positional.iter().filter(|p| p.ends_with(".drv") && !parsed.has("expr")).cloned().collect();
    parsed.positional.retain(|p| !given.contains(p));
    let mut found = Vec::new();
    if !parsed.positional.is_empty() || given.is_empty() {
        found = super::nix_instantiate::targets(&session, &parsed, false)?;
    }
    let store = session.store()?;
    let store = store.as_ref();
    for text in &given {
        found.push((crate::store_paths::follow(store, text)?, "out".to_owned()));
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
    for (i, (drv, output)) in found.iter().enumerate() {
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
