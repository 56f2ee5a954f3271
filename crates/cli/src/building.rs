//! What commands that build share: saying what will happen, judging what happened, keeping results.

use std::path::Path;

use firn_events::Level;
use firn_path::{DerivedPath, StorePath, StorePathSet};
use firn_store::Store;
use firn_store::{BuildMode, BuildResult, BuildStatus, Missing};

use crate::error::CliError;
use crate::session::Session;

/// Says what a build will do, in the reference's words.
pub fn announce(session: &Session, store: &dyn Store, missing: &Missing, dry_run: bool) {
    let level = if dry_run { Level::Error.max(Level::Notice) } else { Level::Info };
    let list = |head: String, paths: &StorePathSet| {
        let mut text = head;
        for path in paths {
            text += &format!("\n  {}", store.store_dir().print(path));
        }
        session.events().message(level, text);
    };
    let count = missing.will_build.len();
    if !dry_run {
        session.display.plan(missing.will_build.iter().map(|p| p.name().trim_end_matches(".drv").to_owned()));
    }
    if count == 1 {
        list("this derivation will be built:".into(), &missing.will_build);
    } else if count > 1 {
        list(format!("these {count} derivations will be built:"), &missing.will_build);
    }
    let count = missing.will_substitute.len();
    if count > 0 {
        let mebibytes = |bytes: u64| bytes as f64 / 1_048_576.0;
        let sizes = format!(
            "({:.2} MiB download, {:.2} MiB unpacked)",
            mebibytes(missing.download_size),
            mebibytes(missing.nar_size)
        );
        let head = if count == 1 {
            format!("this path will be fetched {sizes}:")
        } else {
            format!("these {count} paths will be fetched {sizes}:")
        };
        list(head, &missing.will_substitute);
    }
    if !missing.unknown.is_empty() {
        let head = if store.as_local().is_some() {
            "don't know how to build these paths:"
        } else {
            "don't know how to build these paths (may be caused by read-only store access):"
        };
        list(head.into(), &missing.unknown);
    }
}

/// The exit status of failed builds: 100 and a bit for each kind of failure, as scripts know it.
fn status(results: &[BuildResult]) -> u8 {
    let any = |s: BuildStatus| results.iter().any(|r| r.status == s);
    let mut special = 0;
    if any(BuildStatus::TimedOut) {
        special |= 0x01;
    }
    if results.iter().any(|r| r.status == BuildStatus::OutputRejected && r.error.contains("hash mismatch")) {
        special |= 0x02;
    }
    if any(BuildStatus::NotDeterministic) {
        special |= 0x04;
    }
    if special != 0 {
        100 | special
    } else if any(BuildStatus::PermanentFailure) || any(BuildStatus::DependencyFailed) {
        100
    } else {
        1
    }
}

/// Turns failed results into the command's failure.
///
/// # Errors
/// At least one of them failed.
pub fn check(results: &[BuildResult]) -> Result<(), CliError> {
    let failed: Vec<&BuildResult> = results.iter().filter(|r| !r.status.is_success()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let messages: Vec<&str> = failed.iter().map(|r| r.error.as_str()).filter(|e| !e.is_empty()).collect();
    let status = status(results);
    match messages.as_slice() {
        [] => Err(CliError::Failed("a build failed".into(), status)),
        [one] => Err(CliError::Failed((*one).to_owned(), status)),
        several => Err(CliError::Failed(several.join("\nerror: "), status)),
    }
}

/// Makes a link that keeps a path; gives the link's absolute path.
///
/// # Errors
/// Something else stands there, or the file system refuses.
pub fn add_root(store: &dyn Store, path: &StorePath, link: &str) -> Result<String, CliError> {
    let absolute = std::path::absolute(Path::new(link))?;
    Ok(store.add_permanent_root(path, &absolute)?.display().to_string())
}

/// Builds or substitutes targets, after saying what will happen.
///
/// # Errors
/// A build fails; the exit status is that of the failed builds.
pub fn realise(
    session: &Session,
    store: &dyn Store,
    targets: &[DerivedPath],
    mode: BuildMode,
) -> Result<(), CliError> {
    if session.settings.print_missing() {
        announce(session, store, &store.missing(targets)?, false);
    }
    conclude(session, store, &store.build(targets, mode)?)
}

/// Turns failed results into the command's failure: every error is shown, and the last word names the builds that failed
/// themselves with the commands for their logs, where more than one thing failed.
///
/// # Errors
/// At least one of them failed.
pub fn conclude(session: &Session, store: &dyn Store, results: &[BuildResult]) -> Result<(), CliError> {
    let dir = store.store_dir();
    let Some(summary) = firn_build::summarise(dir, results) else { return Ok(()) };
    for text in &summary.shown {
        session.events().message(Level::Error, text.clone());
    }
    let mut culprits = session.display.culprits();
    for result in results {
        let own = matches!(
            result.status,
            BuildStatus::PermanentFailure | BuildStatus::TimedOut | BuildStatus::OutputRejected
        );
        let drv = dir.print(result.target.base_path());
        if own && !culprits.contains(&drv) {
            culprits.push(drv);
        }
    }
    let by_dependency = results.iter().any(|r| r.status == BuildStatus::DependencyFailed);
    let mut text = summary.error;
    if !culprits.is_empty() && (by_dependency || summary.shown.len() > 1) {
        text += "\nwhat failed first, and how to see its log:";
        for drv in culprits {
            text += &format!("\n  nix log {drv}");
        }
    }
    // The reference's new commands end with 1 whatever failed. Else, what builds here knows more than the results say.
    let status = match session.program.name.as_str() {
        "nix" => 1,
        _ if store.as_local().is_some() => session.build_exit_code(),
        _ => status(results),
    };
    Err(CliError::Failed(text, status))
}
