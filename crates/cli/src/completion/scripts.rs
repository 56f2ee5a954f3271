//! The shells' side of completion: `firn completions bash|zsh|fish`.

use crate::args::Parsed;
use crate::error::CliError;
use crate::session::Session;

/// Prints the code that a shell reads at its start.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let script = match crate::commands::paths::only(session, &parsed)? {
        "bash" => include_str!("nix.bash"),
        "zsh" => include_str!("nix.zsh"),
        "fish" => include_str!("nix.fish"),
        other => {
            let text = format!("no completion for shell '{other}'; there is one for bash, zsh and fish");
            return Err(crate::commands::paths::usage(session, text));
        }
    };
    session.print(script)?;
    Ok(0)
}
