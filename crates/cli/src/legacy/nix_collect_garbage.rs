//! `nix-collect-garbage`: deletes old generations, then what is dead.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use firn_events::Level;
use firn_settings::Directories;
use firn_store::profiles::{DeleteGenerations, ProfileDirs, delete_generations, parse_older_than};
use rustix::fs::{Access, access};

use super::Legacy;
use crate::args::{Flag, option, switch};
use crate::commands::paths::{size_argument, usage};
use crate::commands::store_gc::collect;
use crate::error::CliError;
use crate::session::{Program, Session};

const FLAGS: &[Flag] = &[
    switch("delete-old", "delete all generations of profiles but the current ones").short('d'),
    option("delete-older-than", &["period"], "delete generations that are older, such as 30d"),
    option("max-freed", &["bytes"], "stop after freeing so many bytes"),
    switch("dry-run", "only say what would be deleted"),
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-collect-garbage",
    doc: "delete old generations, then everything that nothing needs",
    usage: &["[-d] [--delete-older-than PERIOD] [--max-freed BYTES] [--dry-run]"],
    flags: &[FLAGS],
    run,
};

/// Runs the command.
///
/// # Errors
/// A wrong command line, profiles that cannot be changed, a store that cannot be collected.
fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (session, parsed) = COMMAND.start(program, args)?;
    crate::commands::paths::none(&session, &parsed)?;
    let max = parsed.value("max-freed").map(size_argument).transpose().map_err(|e| usage(&session, e))?;
    let dry_run = parsed.has("dry-run");
    if max.is_some() && dry_run {
        return Err(usage(&session, "options --max-freed and --dry-run cannot be combined"));
    }
    let which = match parsed.value("delete-older-than") {
        Some(period) => Some(DeleteGenerations::OlderThan(parse_older_than(period, crate::profile::now())?)),
        None => parsed.has("delete-old").then_some(DeleteGenerations::Old),
    };
    if let Some(which) = which {
        for dir in profile_dirs(&session)? {
            clean(&session, &dir, &which, dry_run)?;
        }
    }
    collect(&session, max, dry_run, "--max-freed")
}

/// The folders below which profiles are.
fn profile_dirs(session: &Session) -> Result<BTreeSet<PathBuf>, CliError> {
    let dirs = Directories::new(&session.host);
    let store = session.store()?;
    let state = store.as_local().map_or_else(|| PathBuf::from(&dirs.state), |l| l.config().state_dir.clone());
    let xdg = session.settings.use_xdg_base_directories();
    let profiles = ProfileDirs::new(&dirs, &state, session.host.root, xdg);
    let default = profiles.default_profile();
    Ok([Some(profiles.user), Some(state.join("profiles")), default.parent().map(Path::to_owned)]
        .into_iter()
        .flatten()
        .collect())
}

/// Deletes old generations of all profiles below a folder: those links whose targets are links of generations.
fn clean(session: &Session, dir: &Path, which: &DeleteGenerations, dry_run: bool) -> Result<(), CliError> {
    if access(dir, Access::READ_OK).is_err() {
        return Ok(());
    }
    let writable = access(dir, Access::WRITE_OK).is_ok();
    let mut entries = std::fs::read_dir(dir)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        // generations go while the folder is read
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() {
            clean(session, &path, which, dry_run)?;
        } else if kind.is_symlink() && writable {
            let Ok(target) = std::fs::read_link(&path) else { continue };
            if target.to_string_lossy().contains("link") {
                let text = format!("removing old generations of profile {}", path.display());
                session.events().message(Level::Info, text);
                delete_generations(&path, which, dry_run, session.events())?;
            }
        }
    }
    Ok(())
}
