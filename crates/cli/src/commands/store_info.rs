//! `nix store info`, `nix store path-from-hash-part`

use firn_events::Level;
use serde_json::json;

use super::paths::{none, only};
use crate::args::Parsed;
use crate::error::CliError;
use crate::names::NIX_VERSION;
use crate::session::Session;

/// `nix store info`
pub(crate) fn info(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    let store = session.store()?;
    let local = store.as_local().is_some();
    if parsed.has("json") {
        let json = if local {
            json!({ "trusted": true, "url": store.uri(), "version": NIX_VERSION })
        } else {
            json!({ "url": store.uri() })
        };
        session.print_json(&json, &parsed)?;
        return Ok(0);
    }
    let say = |text: String| session.events().message(Level::Notice, text);
    say(format!("Store URL: {}", store.uri()));
    if local {
        say(format!("Version: {NIX_VERSION}"));
        say("Trusted: 1".to_owned());
    }
    Ok(0)
}

/// `nix store path-from-hash-part`
pub(crate) fn path_from_hash_part(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let part = only(session, &parsed)?;
    let store = session.store()?;
    let path = store
        .path_from_hash_part(part)?
        .ok_or_else(|| CliError::new(format!("there is no store path corresponding to '{part}'")))?;
    session.println(store.store_dir().print(&path))?;
    Ok(0)
}
