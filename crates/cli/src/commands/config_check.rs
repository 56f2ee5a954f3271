//! `nix config check` and `nix upgrade-nix`

use std::collections::BTreeSet;
use std::path::PathBuf;

use firn_events::Level;

use super::paths::none;
use crate::args::{Flag, Parsed, option};
use crate::error::CliError;
use crate::session::Session;

/// Flags of `upgrade-nix`, which are understood so that the refusal is what the user reads.
pub(crate) const UPGRADE: &[Flag] = &[
    option("profile", &["path"], "the profile that holds the program"),
    option("nix-store-paths-url", &["url"], "where the newest version is announced"),
];

/// Looks for what usually goes wrong with an installation; exit status 2 if something does.
pub(crate) fn check(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    let say = |text: String| session.events().message(Level::Notice, text);
    let store = session.store()?;
    say(format!("Running checks against store uri: {}", store.uri()));
    let mut good = true;
    let mut judge = |result: Result<String, String>| match result {
        Ok(text) => say(format!("[PASS] {text}")),
        Err(text) => {
            good = false;
            say(format!("[FAIL] {text}"));
        }
    };
    if store.as_local().is_some() {
        judge(one_nix_in_path());
        judge(profiles_are_roots(session)?);
    }
    judge(Ok("Client protocol matches store protocol.".into()));
    say(format!("[INFO] You are trusted by store uri: {}", store.uri()));
    Ok(if good { 0 } else { 2 })
}

fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|p| std::env::split_paths(&p).collect()).unwrap_or_default()
}

fn one_nix_in_path() -> Result<String, String> {
    let found: BTreeSet<PathBuf> = search_path()
        .into_iter()
        .filter_map(|dir| std::fs::canonicalize(dir.join("nix-env")).ok()?.parent().map(PathBuf::from))
        .collect();
    match found.len() {
        0 => Err("No nix-env found in PATH.".into()),
        1 => Ok("PATH contains only one nix version.".into()),
        _ => {
            let list: String = found.iter().map(|d| format!("\n  {}", d.display())).collect();
            Err(format!("Multiple versions of nix found in PATH:{list}"))
        }
    }
}

fn profiles_are_roots(session: &Session) -> Result<Result<String, String>, CliError> {
    let dir = crate::evaluation::store_dir(session)?;
    let mut loose = Vec::new();
    for folder in search_path() {
        let Some(mut profile) = folder.parent().map(PathBuf::from) else { continue };
        let Ok(end) = std::fs::canonicalize(&profile) else { continue };
        let end = end.to_string_lossy().into_owned();
        if !dir.is_store_path(&end) || !end.ends_with("user-environment") {
            continue;
        }
        let rooted = |path: &PathBuf| path.iter().any(|part| part == "profiles");
        for _ in 0..40 {
            if rooted(&profile) {
                break;
            }
            let Ok(target) = std::fs::read_link(&profile) else { break };
            profile = profile.parent().map_or(target.clone(), |p| p.join(&target));
        }
        if !rooted(&profile) {
            loose.push(folder);
        }
    }
    if loose.is_empty() {
        return Ok(Ok("All profiles are gcroots.".into()));
    }
    let list: String = loose.iter().map(|d| format!("\n  {}", d.display())).collect();
    Ok(Err(format!(
        "Found profiles outside of the profiles folder. The generation such a profile points to may have no root\nand be collected, which leaves broken links.\n{list}"
    )))
}

/// Refuses, and says what to do instead.
pub(crate) fn upgrade(_: &Session, _: Parsed) -> Result<u8, CliError> {
    Err(CliError::new(
        "this program does not replace itself: it is one file, which its installer puts in place\n\
         run the installer of the version that you want, or 'nix profile upgrade' where a profile holds it",
    ))
}
