//! `switch-to-configuration`: the program in `bin` of a configuration. Its wrapper says by variables of which one.

use std::path::PathBuf;

use firn_os::switch::{Action, Configuration, Systemd, run as switch};

use super::{failed, to_stderr};
use crate::error::CliError;

/// Runs the program.
///
/// # Errors
/// What keeps a switch from being begun.
pub(crate) fn run(args: &[String]) -> Result<u8, CliError> {
    let action = match args {
        [name] => Action::of(name),
        _ => None,
    };
    let Some(action) = action else {
        return Err(CliError::new(
            "usage: switch-to-configuration check|switch|boot|test|dry-activate\n\
             check: run the checks that may forbid a switch\n\
             switch: make the configuration the running one and the one that boots\n\
             boot: make it the one that boots\n\
             test: make it the running one\n\
             dry-activate: say what making it the running one would do",
        ));
    };
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let toplevel = variable("TOPLEVEL");
    if toplevel.is_empty() {
        return Err(CliError::new(
            "'switch-to-configuration' is run from a configuration: TOPLEVEL is not set",
        ));
    }
    if !rustix::process::geteuid().is_root() {
        return Err(CliError::new("switch-to-configuration: only root may switch"));
    }
    let configuration = Configuration {
        toplevel: PathBuf::from(toplevel),
        distro_id: variable("DISTRO_ID"),
        install_boot_loader: variable("INSTALL_BOOTLOADER"),
        pre_switch_check: variable("PRE_SWITCH_CHECK"),
        no_sync: variable("NIXOS_NO_SYNC") == "1",
        no_check: variable("NIXOS_NO_CHECK") == "1",
    };
    switch(
        std::path::Path::new("/"),
        action,
        &configuration,
        &mut Systemd::new(action.name()),
        &mut to_stderr,
    )
    .map_err(failed)
}
