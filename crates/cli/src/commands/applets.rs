//! `firn applets DIR`: links under which the executable is another program.

use std::path::Path;

use firn_events::Level;

use super::paths::only;
use crate::args::Parsed;
use crate::error::CliError;
use crate::names::APPLETS;
use crate::session::Session;

/// Makes the links; what is a link already is replaced, anything else stays and is an error.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let dir = Path::new(only(session, &parsed)?);
    let made = link_all(dir, &std::env::current_exe()?)?;
    session.events().message(Level::Info, format!("made {made} links in '{}'", dir.display()));
    Ok(0)
}

fn link_all(dir: &Path, executable: &Path) -> Result<usize, CliError> {
    let failed = |what: &str, path: &Path, e: std::io::Error| {
        CliError::new(format!("{what} '{}': {}", path.display(), firn_source::strerror(&e)))
    };
    std::fs::create_dir_all(dir).map_err(|e| failed("creating folder", dir, e))?;
    for name in APPLETS {
        let link = dir.join(name);
        match link.symlink_metadata() {
            Ok(meta) if meta.is_symlink() => {
                std::fs::remove_file(&link).map_err(|e| failed("replacing link", &link, e))?;
            }
            Ok(_) => {
                return Err(CliError::new(format!("'{}' is there already and is no link", link.display())));
            }
            Err(_) => {}
        }
        std::os::unix::fs::symlink(executable, &link).map_err(|e| failed("creating link", &link, e))?;
    }
    Ok(APPLETS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_and_replaced_but_files_stay() {
        let dir = tempfile::tempdir().expect("a folder");
        let bin = dir.path().join("bin");
        for target in ["/one/firn", "/two/firn"] {
            assert_eq!(link_all(&bin, Path::new(target)).expect("links"), APPLETS.len());
            assert_eq!(std::fs::read_link(bin.join("nix-store")).expect("a link"), Path::new(target));
        }
        std::fs::remove_file(bin.join("nix")).expect("it is there");
        std::fs::write(bin.join("nix"), "mine").expect("a file");
        assert!(link_all(&bin, Path::new("/three/firn")).is_err());
        assert_eq!(std::fs::read_to_string(bin.join("nix")).expect("a file"), "mine");
    }
}
