//! `nix __build-remote`: the program that another Nix calls to build on other machines.

use std::sync::Arc;

use firn_build::remote::hook::{Hook, read_settings};
use firn_protocol::wire::WireReader;
use firn_settings::Directories;

use crate::args::Parsed;
use crate::error::CliError;
use crate::session::{Session, StoreSlot};

/// Runs the command.
///
/// # Errors
/// What the caller sends makes no sense, or the machine breaks off.
pub(crate) fn run(session: &Session, _parsed: Parsed) -> Result<u8, CliError> {
    use std::os::fd::AsFd;
    let stdin = std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut from = WireReader::new(stdin);
    let mut settings = (*session.settings).clone();
    for (name, value) in read_settings(&mut from)? {
        // the caller may know settings that we do not, and values that we understand otherwise
        let _ = settings.set(&name, &value);
    }
    // what cannot be built elsewhere is the caller's again: it must not come back here
    let builders = settings.builders().to_owned();
    settings.set("builders", "")?;
    settings.set("max-jobs", "1")?;
    let settings = Arc::new(settings);
    let slot = StoreSlot::default();
    let making = session.making(&settings, session.events(), firn_events::Level::Info, true);
    let (stores, _) = making.stores(&slot);
    let store = stores.open_address(settings.store())?;
    let dirs = Directories::new(&session.host);
    let hook = Hook {
        builders: &builders,
        system: settings.system(),
        state_dir: std::path::Path::new(&dirs.state),
        stores: &stores,
        store,
        events: session.events(),
        substitute: settings.builders_use_substitutes(),
    };
    Ok(hook.run(from, &mut std::io::stderr())?)
}
