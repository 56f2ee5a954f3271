//! `firn base update-pins [--check] [FILE]`

use std::path::PathBuf;

use firn_events::Level;

use super::paths::usage;
use crate::args::{Flag, Parsed, switch};
use crate::base_lock::{checkout_base, new_lock, transfer, user_lock_path};
use crate::error::CliError;
use crate::session::Session;

/// Its flags.
pub(crate) const FLAGS: &[Flag] =
    &[switch("check", "write nothing; fail if the pins are not what the archive has now")];

/// Pins what the archive has now: in the checkout around the current folder, else in the user's lock, or in FILE. Prints
/// what changes, a line each.
pub(crate) fn update_pins(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let checkout = checkout_base(&std::env::current_dir()?);
    let path = match (parsed.positional.as_slice(), &checkout) {
        ([], Some(base)) => base.join("debian.lock"),
        ([], None) => user_lock_path(&session.host),
        ([file], _) => PathBuf::from(file),
        ([_, second, ..], _) => return Err(usage(session, format!("unexpected argument '{second}'"))),
    };
    let lock = new_lock(path, checkout.as_deref(), &transfer(session))?;
    for change in &lock.changes {
        session.println(change)?;
    }
    let shown = lock.path.display();
    let say = |text: String| session.events().message(Level::Notice, text);
    if lock.current {
        say(format!("'{shown}' is up to date"));
        return Ok(0);
    }
    let count = match lock.changes.len() {
        0 => "no package changes".to_owned(),
        1 => "1 change".to_owned(),
        n => format!("{n} changes"),
    };
    if parsed.has("check") {
        say(format!("'{shown}' is not up to date: {count}"));
        return Ok(1);
    }
    lock.write()?;
    say(format!("wrote '{shown}': {count}"));
    Ok(0)
}
