//! The pins of the base: which lock is read, how a new one is made, and what happens when the archive has forgotten a pin.
//!
//! The executable carries a lock. A user may have a newer one, `~/.config/firn/debian.lock`, which is read instead; that it
//! is read is said in one line. `firn base update-pins` makes it, and so does [`mend_pins`].

use std::path::{Path, PathBuf};

use firn_deb::{Change, Fetch, Keyring, Lock, Seeds, changes, update_pins};
use firn_events::Level;
use firn_fetch::base;
use firn_settings::Host;
use firn_transfer::{Transfer, TransferSettings};

use crate::error::CliError;
use crate::session::Session;

/// What to tell those whose build met a pin that the archive has forgotten, and for whom nothing is mended.
pub const PINS_HINT: &str = "hint: 'firn base update-pins' pins what the archive has now";

const LOCK: &str = "debian.lock";
const SEEDS: &str = "debian.seeds";
const KEYRING: &str = "debian-archive-keyring.pgp";

/// The user's own lock, whether or not it exists.
pub fn user_lock_path(host: &Host) -> PathBuf {
    let config = host.environment.non_empty("XDG_CONFIG_HOME");
    let config = config.map_or_else(|| Path::new(&host.home).join(".config"), PathBuf::from);
    config.join("firn").join(LOCK)
}

/// The folder `base` of the checkout of this repository that `dir` is in.
pub fn checkout_base(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().map(|dir| dir.join("base")).find(|base| base.join(SEEDS).is_file())
}

/// The user's lock, to be read instead of the embedded one; says that it is used. A damaged one is passed over with a
/// warning, and so is one that says nothing new.
pub fn base_lock(session: &Session) -> Option<Vec<u8>> {
    let path = user_lock_path(&session.host);
    let bytes = std::fs::read(&path).ok()?;
    if base::file(LOCK) == Some(bytes.as_slice()) {
        return None;
    }
    let shown = path.display();
    let checked = std::str::from_utf8(&bytes)
        .map_err(|_| "it is not text".to_owned())
        .and_then(|text| Lock::parse(text, &shown.to_string()).map_err(|e| e.to_string()));
    match checked {
        Ok(_) => {
            session.events().message(Level::Notice, format!("the base's packages are pinned by '{shown}'"));
            Some(bytes)
        }
        Err(reason) => {
            session.warn(format!("the lock '{shown}' is not used: {reason}"));
            None
        }
    }
}

/// A new lock and where it belongs.
pub struct NewLock {
    /// The file.
    pub path: PathBuf,
    /// Its new contents.
    pub text: String,
    /// What they change, against the file or (if there is none) the embedded lock.
    pub changes: Vec<Change>,
    /// The file has these contents already.
    pub current: bool,
}

impl NewLock {
    /// Writes the file, at once as a whole.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self) -> Result<(), CliError> {
        let failed = |e: std::io::Error| {
            CliError::new(format!("writing '{}': {}", self.path.display(), firn_source::strerror(&e)))
        };
        let dir = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir).map_err(failed)?;
        let temporary = dir.join(format!(".{LOCK}.{}", std::process::id()));
        std::fs::write(&temporary, &self.text).and_then(|()| std::fs::rename(&temporary, &self.path)).map_err(
            |e| {
                let _ = std::fs::remove_file(&temporary);
                failed(e)
            },
        )
    }
}

/// A file of the base: that of the checkout, else the embedded one.
fn base_file(checkout: Option<&Path>, name: &str) -> Result<Vec<u8>, CliError> {
    match checkout {
        Some(base) => {
            let path = base.join(name);
            std::fs::read(&path).map_err(|e| {
                CliError::new(format!("reading '{}': {}", path.display(), firn_source::strerror(&e)))
            })
        }
        None => base::file(name)
            .map(<[u8]>::to_vec)
            .ok_or_else(|| CliError::new(format!("this executable has no '{name}'"))),
    }
}

fn text(bytes: Vec<u8>, what: &str) -> Result<String, CliError> {
    String::from_utf8(bytes).map_err(|_| CliError::new(format!("'{what}' is not text")))
}

/// Makes a lock for `path` from what the archive has now, with the seeds and keys of `checkout` or the embedded ones.
///
/// # Errors
/// An archive that cannot be reached or whose signature is wrong, seeds that cannot be resolved, a damaged old lock.
pub fn new_lock(path: PathBuf, checkout: Option<&Path>, fetch: &dyn Fetch) -> Result<NewLock, CliError> {
    let old = match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => {
            let reason = firn_source::strerror(&e);
            return Err(CliError::new(format!("reading '{}': {reason}", path.display())));
        }
    };
    let exists = old.is_some();
    let old = text(old.map_or_else(|| base_file(None, LOCK), Ok)?, LOCK)?;
    let seeds = Seeds::parse(&text(base_file(checkout, SEEDS)?, SEEDS)?, SEEDS)?;
    let keyring = Keyring::parse(&base_file(checkout, KEYRING)?, KEYRING)?;
    let new = update_pins(&seeds, &keyring, fetch)?;
    let rendered = new.render();
    Ok(NewLock {
        changes: changes(&Lock::parse(&old, &path.display().to_string())?, &new),
        current: exists && old == rendered,
        text: rendered,
        path,
    })
}

/// Downloads as the settings say.
pub fn transfer(session: &Session) -> Transfer {
    Transfer::new(TransferSettings::of(&session.settings), session.events().clone())
}

/// Whether a failure's message is about a pinned file that the archive does not have any more (404 or 410), given the
/// mirrors of the lock that was used.
pub fn is_vanished_pin(message: &str, mirrors: &[String]) -> bool {
    message.lines().any(|line| {
        mirrors.iter().any(|mirror| line.contains(mirror.trim_end_matches('/')))
            && ["HTTP error 404", "HTTP error 410"].iter().any(|status| line.contains(status))
    })
}

/// Whether a failure's message is about a pin of the lock that this command uses.
pub fn names_vanished_pin(session: &Session, message: &str) -> bool {
    let user = std::fs::read(user_lock_path(&session.host)).ok();
    [user.as_deref(), base::file(LOCK)]
        .into_iter()
        .flatten()
        .filter_map(|bytes| std::str::from_utf8(bytes).ok())
        .filter_map(|text| Lock::parse(text, LOCK).ok())
        .any(|lock| is_vanished_pin(message, &lock.mirrors))
}

/// Pins anew after a pinned file has vanished: writes the user's lock and says so in one line. `true` if it is worth
/// while to evaluate once more; `false` where nothing was done, because the program is called `nix…` (the caller shows
/// [`PINS_HINT`] then), no package has changed, or the archive cannot be read (which is a warning).
///
/// # Errors
/// The lock cannot be written.
pub fn mend_pins(session: &Session) -> Result<bool, CliError> {
    if !session.program.is_firn() {
        return Ok(false);
    }
    mend(session, &transfer(session))
}

fn mend(session: &Session, fetch: &dyn Fetch) -> Result<bool, CliError> {
    let lock = match new_lock(user_lock_path(&session.host), None, fetch) {
        Ok(lock) => lock,
        Err(error) => {
            let reason = error.text();
            session.warn(format!("a pinned package has vanished, and new pins cannot be made: {reason}"));
            return Ok(false);
        }
    };
    if lock.changes.is_empty() {
        return Ok(false);
    }
    lock.write()?;
    let (count, path) = (lock.changes.len(), lock.path.display());
    session.events().message(
        Level::Notice,
        format!(
            "a pinned package has vanished from the archive: wrote new pins to '{path}' ({count} changes)"
        ),
    );
    Ok(true)
}

#[cfg(test)]
mod tests {
    use firn_settings::Environment;

    use super::*;

    fn host(env: &[(&str, &str)]) -> Host {
        Host::plain(env.iter().copied().collect::<Environment>())
    }

    #[test]
    fn places() {
        assert_eq!(user_lock_path(&host(&[("HOME", "/h")])), Path::new("/h/.config/firn/debian.lock"));
        assert_eq!(
            user_lock_path(&host(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")])),
            Path::new("/c/firn/debian.lock")
        );
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(checkout_base(dir.path()), None);
        let base = dir.path().join("base");
        std::fs::create_dir_all(dir.path().join("a/b")).expect("folders");
        std::fs::create_dir(&base).expect("a folder");
        std::fs::write(base.join(SEEDS), "").expect("a file");
        assert_eq!(checkout_base(&dir.path().join("a/b")), Some(base));
    }

    #[test]
    fn vanished_pins() {
        let mirrors = ["http://deb.debian.org/debian/".to_owned()];
        let message =
            |url: &str, what: &str| format!("error: build failed\nunable to download '{url}': {what}");
        let pool = "http://deb.debian.org/debian/pool/main/h/hello/hello_2.10-5_amd64.deb";
        assert!(is_vanished_pin(&message(pool, "HTTP error 404"), &mirrors));
        assert!(!is_vanished_pin(&message(pool, "HTTP error 503"), &mirrors));
        assert!(!is_vanished_pin(&message("http://example.org/x", "HTTP error 404"), &mirrors));
    }

    /// Everything is missing.
    struct Nothing;

    impl Fetch for Nothing {
        fn fetch(&self, _: &str, _: u64) -> Result<Vec<u8>, String> {
            Err("it is not there".to_owned())
        }
    }

    #[test]
    fn failures_leave_the_lock_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(LOCK);
        std::fs::write(&path, "mine").expect("a file");
        assert!(new_lock(path.clone(), None, &Nothing).is_err());
        assert_eq!(std::fs::read_to_string(path).expect("a file"), "mine");
    }

    #[test]
    fn a_lock_is_written_as_a_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("firn").join(LOCK);
        let lock = NewLock { path: path.clone(), text: "new\n".into(), changes: Vec::new(), current: false };
        lock.write().expect("a file");
        lock.write().expect("again");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "new\n");
        assert_eq!(std::fs::read_dir(dir.path().join("firn")).expect("a folder").count(), 1);
    }
}
