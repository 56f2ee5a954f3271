//! Profiles: where they are, and making a path their newest generation.

use std::path::{Path, PathBuf};

use firn_path::StorePath;
use firn_settings::Directories;
use firn_store::profiles::{ProfileDirs, create_generation, lock_profile, switch_link};

use crate::args::Parsed;
use crate::error::CliError;
use crate::session::Session;

/// Where profiles are for this user and store.
///
/// # Errors
/// The store cannot be opened.
pub(crate) fn dirs(session: &Session) -> Result<ProfileDirs, CliError> {
    let dirs = Directories::new(&session.host);
    let store = session.store()?;
    let state = store.as_local().map_or_else(|| PathBuf::from(&dirs.state), |l| l.config().state_dir.clone());
    Ok(ProfileDirs::new(&dirs, &state, session.host.root, session.settings.use_xdg_base_directories()))
}

/// The profile that a command works on: of `--profile`, else the user's own.
///
/// # Errors
/// The store cannot be opened.
pub(crate) fn chosen(session: &Session, parsed: &Parsed) -> Result<PathBuf, CliError> {
    match parsed.value("profile") {
        Some(path) => Ok(std::path::absolute(path)?),
        None => Ok(dirs(session)?.default_profile()),
    }
}

/// Makes a path the newest generation of a profile, and the profile point to it.
///
/// # Errors
/// Those of the file system.
pub(crate) fn switch_to(session: &Session, profile: &Path, path: &StorePath) -> Result<(), CliError> {
    if let Some(folder) = profile.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let _lock = lock_profile(profile, session.events())?;
    let generation = create_generation(session.store()?.as_ref(), profile, path)?;
    Ok(switch_link(profile, &generation)?)
}

/// The store path that a profile points to now, if it exists.
///
/// # Errors
/// It leads out of the store.
pub(crate) fn current(session: &Session, profile: &Path) -> Result<Option<StorePath>, CliError> {
    if !profile.is_symlink() && !profile.exists() {
        return Ok(None);
    }
    Ok(Some(crate::store_paths::follow(session.store()?.as_ref(), &profile.to_string_lossy())?))
}

/// The time, in seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}
