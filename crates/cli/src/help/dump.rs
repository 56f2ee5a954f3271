//! `nix __dump-cli`: all commands and flags as JSON, for programs that make documentation or completion from it.

use serde_json::{Map, Value, json};

use crate::args::{Flag, Parsed};
use crate::error::CliError;
use crate::session::Session;

fn flags(tables: &[&[Flag]]) -> Value {
    let mut all = Map::new();
    for flag in tables.iter().flat_map(|t| t.iter()).filter(|f| !f.doc.is_empty()) {
        let mut json = json!({ "description": flag.doc, "labels": flag.takes });
        if flag.short != '\0' {
            json["shortName"] = flag.short.to_string().into();
        }
        all.insert(flag.name.to_owned(), json);
    }
    all.sort_keys();
    all.into()
}

/// The commands below some words.
fn commands(words: &[&str]) -> Value {
    let mut all = Map::new();
    for name in crate::commands::names_below(words) {
        let mut path: Vec<&str> = words.to_vec();
        path.push(&name);
        let named: Vec<String> = path.iter().map(|w| (*w).to_owned()).collect();
        let entry = match crate::commands::named(&named) {
            Some(command) => json!({ "description": command.doc, "flags": flags(command.flags) }),
            None => json!({ "commands": commands(&path) }),
        };
        all.insert(name.clone(), entry);
    }
    all.into()
}

/// Prints it.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    crate::commands::paths::none(session, &parsed)?;
    let args = json!({ "commands": commands(&[]), "flags": flags(&[crate::flags::COMMON]) });
    session.println(json!({ "args": args }))?;
    Ok(0)
}
