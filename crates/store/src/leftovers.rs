//! What killed builds leave behind outside of the store directory: their folders.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use firn_events::Level;

use crate::local::LocalStore;

impl LocalStore {
    /// Removes the folders of builds whose processes are dead: `nix-<process id>-<number>` with access for its owner alone
    /// (one that `--keep-failed` has kept is open to others), of a process without temporary roots.
    ///
    /// The temporary roots of dead processes have to be removed before.
    pub(crate) fn remove_dead_build_dirs(&self) {
        let folder = &self.config().build_dir;
        // there is none before the first build
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let own = rustix::process::geteuid().as_raw();
        for entry in entries.flatten() {
            let Some(process) = entry.file_name().to_str().and_then(process_of).map(str::to_owned) else {
                continue;
            };
            let Ok(meta) = entry.path().symlink_metadata() else { continue };
            let private = meta.is_dir() && meta.mode() & 0o077 == 0 && (own == 0 || meta.uid() == own);
            let roots = self.config().state_dir.join("temproots").join(&process);
            if !private || process == std::process::id().to_string() || roots.exists() {
                continue;
            }
            self.remove_leftover(&entry.path());
        }
    }

    /// What can't be removed is left to the next collection; it is in nobody's way.
    fn remove_leftover(&self, path: &Path) {
        let text = match std::fs::remove_dir_all(path) {
            Ok(()) => format!("removing the folder of a dead build \"{}\"", path.display()),
            Err(e) => format!("cannot remove the folder of a dead build \"{}\": {e}", path.display()),
        };
        self.events().message(Level::Talkative, text);
    }
}

/// The process id in the name of a build's folder.
fn process_of(name: &str) -> Option<&str> {
    let (process, number) = name.strip_prefix("nix-")?.split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (digits(process) && digits(number)).then_some(process)
}

#[cfg(test)]
mod tests {
    use super::process_of;

    #[test]
    fn names_of_build_folders() {
        assert_eq!(process_of("nix-12-0"), Some("12"));
        for name in ["nix-12", "nix--0", "nix-12-x", "nix-build-12-0", "other"] {
            assert_eq!(process_of(name), None, "{name}");
        }
    }
}
