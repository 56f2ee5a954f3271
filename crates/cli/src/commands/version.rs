//! `nix version`

use serde_json::json;

use super::paths::none;
use crate::args::Parsed;
use crate::error::CliError;
use crate::names::{FIRN_VERSION, NIX_VERSION, version_line};
use crate::session::Session;

/// Prints the version.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    if parsed.has("json") {
        // the reference names the libraries that it is linked with; we are one piece
        let json = json!({ "libraries": { "firn": FIRN_VERSION }, "version": NIX_VERSION });
        session.print_json(&json, &parsed)?;
    } else {
        session.println(version_line(if session.program.is_firn() { "firn" } else { "nix" }))?;
    }
    Ok(0)
}
