//! `nix shell`

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::PathBuf;

use firn_path::{DerivedPath, StorePath};
use firn_store::{BuildMode, Store};

use super::Command;
use crate::args::{Flag, Parsed, option};
use crate::building;
use crate::environment::{ENVIRONMENT, environment};
use crate::error::CliError;
use crate::exec::{Exec, exec};
use crate::flags::{EVAL, INSTALLABLES, LOCK};
use crate::installable::{PACKAGES, arguments, output_paths, resolve};
use crate::session::Session;

const FLAGS: &[Flag] =
    &[option("command", &["command"], "run a command (and what follows as its arguments) instead of $SHELL")
        .short('c')];

pub(super) const COMMAND: Command = Command {
    path: &["env", "shell"],
    doc: "run a shell in which the specified packages are available",
    flags: &[FLAGS, ENVIRONMENT, INSTALLABLES, EVAL, LOCK],
    rest: true,
    run,
};

fn run(session: &Session, mut parsed: Parsed) -> Result<u8, CliError> {
    let mut variables = environment(&parsed, &session.program.name)?;
    let shell = std::env::var("SHELL").ok().filter(|s| !s.is_empty()).unwrap_or_else(|| "bash".to_owned());
    let mut command = vec![shell];
    if let Some(flag) = parsed.flags.iter().find(|f| f.id == "command") {
        let rest = parsed.positional.split_off(flag.position);
        command = flag.values.iter().cloned().chain(rest).collect();
    }
    let resolved = resolve(session, &parsed, &arguments(&parsed)?, PACKAGES)?;
    let targets: Vec<DerivedPath> = resolved.into_iter().map(|r| r.target).collect();
    let store = session.store()?;
    building::realise(session, store.as_ref(), &targets, BuildMode::Normal)?;
    let mut paths = Vec::new();
    for target in &targets {
        paths.extend(output_paths(session, target)?.into_iter().map(|(_, path)| path));
    }
    let mut dirs: Vec<OsString> = bin_dirs(store.as_ref(), paths)?.into_iter().map(OsString::from).collect();
    if let Some(path) = variables.get(std::ffi::OsStr::new("PATH")) {
        dirs.extend(std::env::split_paths(path).map(PathBuf::into_os_string));
    }
    let path = std::env::join_paths(dirs).map_err(|e| CliError::new(e.to_string()))?;
    variables.insert("PATH".into(), path);
    let (program, args) = command.split_first().map_or(("bash", &[][..]), |(p, a)| (p.as_str(), a));
    exec(session, &Exec { program, args, environment: Some(&variables), ..Exec::default() })
}

/// The `bin` folders of packages and of those that they propagate, links followed inside the store.
fn bin_dirs(store: &dyn Store, paths: Vec<StorePath>) -> Result<Vec<String>, CliError> {
    let mut queue: VecDeque<StorePath> = paths.into();
    let mut seen = BTreeSet::new();
    let mut dirs = Vec::new();
    while let Some(path) = queue.pop_front() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let shown = store.store_dir().print(&path);
        let bin = crate::store_paths::resolve_inside(store, &format!("{shown}/bin"))?;
        dirs.push(bin);
        let file = crate::store_paths::resolve_inside(
            store,
            &format!("{shown}/nix-support/propagated-user-env-packages"),
        );
        let Ok(file) = file else { continue };
        if let Some(text) = crate::store_paths::read_inside(store, &file)? {
            for word in text.split_whitespace() {
                queue.push_back(store.store_dir().parse(word)?);
            }
        }
    }
    Ok(dirs)
}
