//! Profiles: a link `<profile>` to the current generation, links `<profile>-<number>-link` to the others.
//!
//! Every change holds `<profile>.lock`; switching is one rename.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use firn_events::{Events, Level};
use firn_path::StorePath;
use firn_settings::Directories;

use crate::error::{Context, Result};
use crate::locks::{PathLocks, lock_path};
use crate::roots::replace_symlink;
use crate::store::Store;

/// What can be wrong about profiles; the texts are the reference's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The current generation is among those to delete.
    #[error("cannot delete current version of profile \"{}\"", .0.display())]
    DeleteCurrent(PathBuf),
    /// Nothing would be kept.
    #[error("Must keep at least one generation, otherwise the current one would be deleted")]
    KeepNone,
    /// No such generation.
    #[error("profile version {0} does not exist")]
    NoSuchGeneration(u64),
    /// Nothing to go back to.
    #[error("no profile version older than the current ({0}) exists")]
    NoOlder(u64),
    /// A time that is no number of days.
    #[error("invalid number of days specifier '{0}', expected something like '14d'")]
    BadDays(String),
    /// A number of days that is none.
    #[error("invalid number of days specifier '{0}'")]
    BadDayCount(String),
}

/// A generation of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number, from 1.
    pub number: u64,
    /// Its link.
    pub path: PathBuf,
    /// When the link was made, in seconds since 1970.
    pub created: i64,
}

/// The generations of a profile, by number, and the number of the current one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generations {
    /// All of them, the oldest first.
    pub all: Vec<Generation>,
    /// The one that the profile points to.
    pub current: Option<u64>,
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The number in `<profile>-<number>-link`.
fn parse_name(profile: &str, name: &str) -> Option<u64> {
    let rest = name.strip_prefix(profile)?.strip_prefix('-')?;
    rest[..rest.find("-link")?].parse().ok()
}

fn generation_path(profile: &Path, number: u64) -> PathBuf {
    let mut name = profile.as_os_str().to_owned();
    name.push(format!("-{number}-link"));
    PathBuf::from(name)
}

/// Reads the generations of a profile, which need not exist.
///
/// # Errors
/// Those of the file system.
pub fn find_generations(profile: &Path) -> Result<Generations> {
    let folder = profile.parent().unwrap_or(Path::new("/"));
    let name = file_name(profile);
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).context("opening directory", folder)? {
        let entry = entry.context("reading directory", folder)?;
        let Some(number) = parse_name(&name, &entry.file_name().to_string_lossy()) else { continue };
        let path = entry.path();
        match path.symlink_metadata() {
            Ok(meta) => all.push(Generation { number, path, created: meta.mtime() }),
            // deleted meanwhile
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e).context("getting status of", &path),
        }
    }
    all.sort_by_key(|generation| generation.number);
    let current = match std::fs::read_link(profile) {
        Ok(target) => parse_name(&name, &file_name(&target)),
        Err(_) => None,
    };
    Ok(Generations { all, current })
}

/// Locks a profile against others who would change it.
///
/// # Errors
/// The lock file cannot be made.
pub fn lock_profile(profile: &Path, events: &Events) -> Result<PathLocks> {
    let mut locks = lock_path(profile, || {
        events.message(Level::Error, format!("waiting for lock on profile \"{}\"", profile.display()));
    })?;
    locks.delete_on_release();
    Ok(locks)
}

/// Makes a new generation that points to `path`, unless the newest one does already; gives its link. The profile is not
/// switched to it. The caller holds the profile's lock.
///
/// # Errors
/// Those of the file system and of making a root.
pub fn create_generation(store: &dyn Store, profile: &Path, path: &StorePath) -> Result<PathBuf> {
    if let Some(folder) = profile.parent() {
        std::fs::create_dir_all(folder).context("creating directory", folder)?;
    }
    let generations = find_generations(profile)?;
    let number = match generations.all.last() {
        Some(last) => {
            let target = std::fs::read_link(&last.path).context("reading symbolic link", &last.path)?;
            if target.as_os_str() == store.store_dir().print(path).as_str() {
                return Ok(last.path.clone());
            }
            last.number
        }
        None => 0,
    };
    store.add_permanent_root(path, &generation_path(profile, number + 1))
}

/// Makes a profile point to a generation, in one step.
///
/// # Errors
/// Those of the file system.
pub fn switch_link(profile: &Path, generation: &Path) -> Result<()> {
    let target = if generation.parent() == profile.parent() {
        generation.file_name().map_or(generation, Path::new)
    } else {
        generation
    };
    replace_symlink(target, profile)
}

/// Switches to a generation, or to the newest one older than the current.
///
/// # Errors
/// [`ProfileError::NoSuchGeneration`], [`ProfileError::NoOlder`], or those of the file system.
pub fn switch_generation(profile: &Path, to: Option<u64>, dry_run: bool, events: &Events) -> Result<()> {
    let _lock = lock_profile(profile, events)?;
    let generations = find_generations(profile)?;
    let current = generations.current.unwrap_or(0);
    let chosen = match to {
        Some(number) => generations.all.iter().find(|g| g.number == number),
        None => generations.all.iter().rev().find(|g| g.number < current),
    };
    let Some(chosen) = chosen else {
        return Err(match to {
            Some(number) => ProfileError::NoSuchGeneration(number),
            None => ProfileError::NoOlder(current),
        }
        .into());
    };
    events.message(Level::Notice, format!("switching profile from version {current} to {}", chosen.number));
    if dry_run { Ok(()) } else { switch_link(profile, &chosen.path) }
}

/// Which generations are deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteGenerations {
    /// These; the current one must not be among them.
    Numbers(BTreeSet<u64>),
    /// All but the newest so many, counted from the current one back.
    KeepNewest(u64),
    /// All but the current one.
    Old,
    /// Those that were no longer current at a time (seconds since 1970).
    OlderThan(i64),
}

/// Deletes generations (their links; what they pointed to is the garbage collector's).
///
/// # Errors
/// [`ProfileError::DeleteCurrent`], [`ProfileError::KeepNone`], or those of the file system.
pub fn delete_generations(
    profile: &Path,
    which: &DeleteGenerations,
    dry_run: bool,
    events: &Events,
) -> Result<()> {
    if *which == DeleteGenerations::KeepNewest(0) {
        return Err(ProfileError::KeepNone.into());
    }
    let _lock = lock_profile(profile, events)?;
    let Generations { all, current } = find_generations(profile)?;
    let doomed: Vec<&Generation> = match which {
        DeleteGenerations::Numbers(numbers) => {
            if current.is_some_and(|current| numbers.contains(&current)) {
                return Err(ProfileError::DeleteCurrent(profile.to_owned()).into());
            }
            all.iter().filter(|g| numbers.contains(&g.number)).collect()
        }
        DeleteGenerations::KeepNewest(keep) => {
            let keep = usize::try_from(*keep).unwrap_or(usize::MAX);
            all.iter().rev().skip_while(|g| Some(g.number) != current).skip(keep).collect()
        }
        DeleteGenerations::Old => all.iter().filter(|g| Some(g.number) != current).collect(),
        // the newest of the older ones was current at that time, so it stays
        DeleteGenerations::OlderThan(time) => all
            .iter()
            .rev()
            .skip_while(|g| g.created >= *time)
            .skip(1)
            .filter(|g| Some(g.number) != current)
            .collect(),
    };
    for generation in doomed {
        let number = generation.number;
        if dry_run {
            events.message(Level::Notice, format!("would remove profile version {number}"));
            continue;
        }
        events.message(Level::Notice, format!("removing profile version {number}"));
        match std::fs::remove_file(&generation.path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e).context("deleting", &generation.path),
            _ => {}
        }
    }
    Ok(())
}

/// The time that `14d` means, in seconds since 1970.
///
/// # Errors
/// A text that is no number of days.
pub fn parse_older_than(text: &str, now: i64) -> Result<i64, ProfileError> {
    let days = text.strip_suffix('d').ok_or_else(|| ProfileError::BadDays(text.to_owned()))?;
    match days.parse::<i32>() {
        Ok(days) if days >= 1 => Ok(now - i64::from(days) * 24 * 3600),
        _ => Err(ProfileError::BadDayCount(text.to_owned())),
    }
}

/// Where the profiles of the user are.
#[derive(Clone, Debug)]
pub struct ProfileDirs {
    /// `<state>/profiles/per-user/root`.
    pub root: PathBuf,
    /// The user's: that of root, or `profiles` in the user's state directory.
    pub user: PathBuf,
    /// `~/.nix-profile`, or `profile` in the user's state directory with `use-xdg-base-directories`.
    pub link: PathBuf,
    /// `<state>/profiles/default`, for root.
    pub global: Option<PathBuf>,
}

impl ProfileDirs {
    /// Computes them; nothing is made.
    pub fn new(dirs: &Directories, state_dir: &Path, is_root: bool, use_xdg: bool) -> ProfileDirs {
        let root = state_dir.join("profiles/per-user/root");
        let user_state = Path::new(&dirs.user_state);
        ProfileDirs {
            user: if is_root { root.clone() } else { user_state.join("profiles") },
            link: if use_xdg {
                user_state.join("profile")
            } else {
                Path::new(&dirs.home).join(".nix-profile")
            },
            global: is_root.then(|| state_dir.join("profiles/default")),
            root,
        }
    }

    /// The user's profile, making its link (and, for root, the global one) if there is none.
    pub fn default_profile(&self) -> PathBuf {
        let profile = self.user.join("profile");
        let made = std::fs::create_dir_all(&self.user).is_ok()
            && ensure_link(&profile, &self.link)
            && self.global.as_ref().is_none_or(|global| ensure_link(&profile, global));
        if !made {
            return self.link.clone();
        }
        match std::fs::read_link(&self.link) {
            Ok(target) => {
                let parent = self.link.parent().unwrap_or(Path::new("/"));
                crate::roots::canonical(&parent.join(target))
            }
            Err(_) => self.link.clone(),
        }
    }

    /// The user's channels.
    pub fn channels(&self) -> PathBuf {
        self.user.join("channels")
    }

    /// The channels of root, which all users see.
    pub fn root_channels(&self) -> PathBuf {
        self.root.join("channels")
    }
}

/// Makes a link unless something is there, be it a link to a profile that is yet to come.
fn ensure_link(target: &Path, link: &Path) -> bool {
    link.symlink_metadata().is_ok() || replace_symlink(target, link).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile_with(numbers: &[u64], current: u64) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("folder");
        let profile = dir.path().join("p");
        for n in numbers {
            std::os::unix::fs::symlink("/x", generation_path(&profile, *n)).expect("link");
        }
        switch_link(&profile, &generation_path(&profile, current)).expect("link");
        (dir, profile)
    }

    fn numbers(profile: &Path) -> Vec<u64> {
        find_generations(profile).expect("reads").all.iter().map(|g| g.number).collect()
    }

    #[test]
    fn switching() {
        let (_dir, profile) = profile_with(&[1, 2, 10], 10);
        let events = Events::none();
        assert_eq!(find_generations(&profile).expect("reads").current, Some(10));
        switch_generation(&profile, None, false, &events).expect("switches");
        assert_eq!(std::fs::read_link(&profile).expect("link"), Path::new("p-2-link"));
        switch_generation(&profile, Some(1), false, &events).expect("switches");
        let error = switch_generation(&profile, None, false, &events).expect_err("none is older");
        assert_eq!(error.to_string(), "no profile version older than the current (1) exists");
        let error = switch_generation(&profile, Some(7), false, &events).expect_err("no 7");
        assert_eq!(error.to_string(), "profile version 7 does not exist");
        assert!(!crate::locks::lock_file_of(&profile).exists());
    }

    #[test]
    fn deleting() {
        let events = Events::none();
        let (_dir, profile) = profile_with(&[1, 2, 3, 4, 5], 4);
        delete_generations(&profile, &DeleteGenerations::KeepNewest(2), true, &events).expect("dry");
        assert_eq!(numbers(&profile), [1, 2, 3, 4, 5]);
        delete_generations(&profile, &DeleteGenerations::KeepNewest(2), false, &events).expect("deletes");
        assert_eq!(numbers(&profile), [3, 4, 5]);
        let current = DeleteGenerations::Numbers([4].into());
        assert!(delete_generations(&profile, &current, false, &events).is_err());
        delete_generations(&profile, &DeleteGenerations::Old, false, &events).expect("deletes");
        assert_eq!(numbers(&profile), [4]);
        let (_dir, profile) = profile_with(&[1, 2, 3], 3);
        let future = i64::MAX;
        delete_generations(&profile, &DeleteGenerations::OlderThan(future), false, &events).expect("deletes");
        assert_eq!(numbers(&profile), [3]);
        delete_generations(&profile, &DeleteGenerations::OlderThan(0), false, &events).expect("deletes");
        assert_eq!(numbers(&profile), [3]);
    }

    #[test]
    fn a_link_to_a_profile_that_is_yet_to_come_stays() {
        let dir = tempfile::tempdir().expect("folder");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/nonexistent/profile", &link).expect("link");
        assert!(ensure_link(Path::new("/other"), &link));
        assert_eq!(std::fs::read_link(&link).expect("link"), Path::new("/nonexistent/profile"));
    }

    #[test]
    fn days() {
        assert_eq!(parse_older_than("2d", 200_000), Ok(200_000 - 172_800));
        for bad in ["", "2", "d", "0d", "-1d", "xd"] {
            assert!(parse_older_than(bad, 0).is_err(), "{bad}");
        }
    }
}
