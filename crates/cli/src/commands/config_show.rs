//! `nix config show`

use super::paths::usage;
use crate::args::Parsed;
use crate::error::CliError;
use crate::session::Session;

/// Prints all settings, or one.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    match parsed.positional.as_slice() {
        [] if parsed.has("json") => session.print_json(&session.settings.to_json(), &parsed)?,
        [] => session.println(session.settings.to_key_value())?,
        [_] if parsed.has("json") => {
            return Err(usage(session, "'--json' is not supported when specifying a setting name"));
        }
        [name] => {
            let value = session.settings.show(name);
            session
                .println(value.ok_or_else(|| CliError::new(format!("could not find setting '{name}'")))?)?;
        }
        [_, second, ..] => return Err(usage(session, format!("unexpected argument '{second}'"))),
    }
    Ok(0)
}
