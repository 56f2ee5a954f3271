//! `nix log`

use std::io::IsTerminal;

use super::build::targets;
use super::paths::usage;
use crate::args::Parsed;
use crate::error::CliError;
use crate::session::Session;

/// Prints the log of the build of a derivation or of a store path.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    if let Some(second) = parsed.positional.get(1) {
        return Err(usage(session, format!("unexpected argument '{second}'")));
    }
    let store = session.store()?;
    for target in targets(session, &parsed)? {
        let shown = target.print(store.store_dir());
        let log = store
            .build_log(target.base_path())?
            .ok_or_else(|| CliError::new(format!("build log of '{shown}' is not available")))?;
        if std::io::stdout().is_terminal() {
            session.display.stop();
            if crate::pager::show(&log).is_ok() {
                continue;
            }
        }
        session.print(log)?;
    }
    Ok(0)
}
