//! `nix daemon`

use crate::args::Parsed;
use crate::error::CliError;
use crate::legacy::nix_daemon;
use crate::session::Session;

/// Its flags.
pub(crate) use nix_daemon::FLAGS;

/// Runs the command.
///
/// # Errors
/// The socket or the store cannot be opened.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    // the processes of connections are called `nix-daemon` and get the same flags
    let args: Vec<String> = std::env::args().skip(1).collect();
    let at = args.iter().position(|a| a == "daemon").unwrap_or(0);
    let own: Vec<String> =
        args.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, a)| a.clone()).collect();
    nix_daemon::serve(session, &parsed, &own)
}
