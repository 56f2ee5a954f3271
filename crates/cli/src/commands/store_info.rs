//! `nix store info`, `nix store path-from-hash-part`

use firn_events::Level;
use serde_json::json;

use super::paths::{none, only};
use crate::args::Parsed;
use crate::error::CliError;
use crate::session::Session;

/// `nix store info`
pub(crate) fn info(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    let store = session.store()?;
    let status = store.status()?;
    if parsed.has("json") {
        let mut json = json!({ "url": store.uri() });
        if let Some(version) = &status.version {
            json["version"] = json!(version);
        }
        if let Some(trusted) = status.trusted {
            json["trusted"] = json!(trusted);
        }
        session.print_json(&sorted(json), &parsed)?;
        return Ok(0);
    }
    let say = |text: String| session.events().message(Level::Notice, text);
    say(format!("Store URL: {}", store.uri()));
    if let Some(version) = &status.version {
        say(format!("Version: {version}"));
    }
    if let Some(trusted) = status.trusted {
        say(format!("Trusted: {}", u8::from(trusted)));
    }
    Ok(0)
}

/// The same object with its keys in order.
fn sorted(json: serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::Object(map) => {
            let sorted: std::collections::BTreeMap<_, _> = map.into_iter().collect();
            serde_json::Value::Object(sorted.into_iter().collect())
        }
        other => other,
    }
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
