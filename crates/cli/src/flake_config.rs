//! Settings that a flake wants (`nixConfig`): taken over where they are harmless or the user trusts them.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use firn_events::Level;
use firn_flake::declaration::ConfigValue;
use firn_settings::Directories;
use serde_json::Value as Json;

use crate::error::CliError;
use crate::evaluation::Outcome;
use crate::session::Session;

/// Settings that any flake may make.
const HARMLESS: [&str; 6] = [
    "bash-prompt",
    "bash-prompt-prefix",
    "bash-prompt-suffix",
    "flake-registry",
    "commit-lock-file-summary",
    "commit-lockfile-summary",
];

/// What the user has decided before: by setting and value.
type Trusted = BTreeMap<String, BTreeMap<String, bool>>;

fn file(session: &Session) -> PathBuf {
    PathBuf::from(Directories::new(&session.host).data).join("trusted-settings.json")
}

fn read(session: &Session) -> Trusted {
    let Ok(text) = std::fs::read_to_string(file(session)) else { return Trusted::new() };
    let Ok(Json::Object(json)) = serde_json::from_str(&text) else { return Trusted::new() };
    json.into_iter()
        .map(|(name, values)| {
            let values = values.as_object().cloned().unwrap_or_default();
            (name, values.into_iter().filter_map(|(v, t)| Some((v, t.as_bool()?))).collect())
        })
        .collect()
}

fn write(session: &Session, trusted: &Trusted) -> Result<(), CliError> {
    let file = file(session);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let json: serde_json::Map<String, Json> = trusted
        .iter()
        .map(|(name, values)| {
            let values: serde_json::Map<String, Json> =
                values.iter().map(|(v, t)| (v.clone(), Json::from(*t))).collect();
            (name.clone(), values.into())
        })
        .collect();
    Ok(std::fs::write(file, Json::from(json).to_string())?)
}

fn text_of(value: &ConfigValue) -> String {
    match value {
        ConfigValue::Text(text) => text.clone(),
        ConfigValue::Bool(b) => b.to_string(),
        ConfigValue::List(words) => words.join(" "),
    }
}

/// What goes to the terminal must not be able to write over the question.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Asks the user; no answer, or nobody there, is no.
fn ask(session: &Session, question: &str) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    session.events().message(Level::Error, format!("{question} (y/N)?"));
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    answer.trim_start().to_lowercase().starts_with('y')
}

fn is_trusted(session: &Session, name: &str, value: &str) -> Result<bool, CliError> {
    let mut known = read(session);
    if let Some(trusted) = known.get(name).and_then(|values| values.get(value)) {
        session.events().message(
            Level::Info,
            format!(
                "Using saved setting for '{name} = {value}' from ~/.local/share/nix/trusted-settings.json."
            ),
        );
        return Ok(*trusted);
    }
    let trusted = ask(
        session,
        &format!(
            "do you want to allow configuration setting '{}' to be set to '\u{1b}[31;1m{}\u{1b}[0m'",
            visible(name),
            visible(value)
        ),
    );
    let word = if trusted { "trusted" } else { "untrusted" };
    if ask(session, &format!("do you want to permanently mark this value as {word}")) {
        known.entry(name.to_owned()).or_default().insert(value.to_owned(), trusted);
        write(session, &known)?;
    }
    Ok(trusted)
}

/// Takes the settings of a flake over: the command starts again with them, unless it has them already.
///
/// # Errors
/// [`CliError::Reconfigure`] if there is something to take over; a setting that does not fit.
pub(crate) fn apply(session: &Session, config: &BTreeMap<String, ConfigValue>) -> Outcome<()> {
    if session.flake_config_applied || config.is_empty() {
        return Ok(());
    }
    let mut settings = (*session.settings).clone();
    let mut changed = false;
    for (name, value) in config {
        let base = name.strip_prefix("extra-").unwrap_or(name);
        let text = text_of(value);
        let free = HARMLESS.contains(&base) || session.settings.accept_flake_config();
        if !free && !is_trusted(session, name, &text)? {
            session.warn(format!(
                "ignoring untrusted flake configuration setting '{name}'.\nPass '--accept-flake-config' to trust it"
            ));
            continue;
        }
        let before = settings.show(base);
        settings.set(name, &text).map_err(CliError::from)?;
        changed |= settings.show(base) != before;
    }
    if changed { Err(CliError::Reconfigure(Box::new(settings)).into()) } else { Ok(()) }
}
