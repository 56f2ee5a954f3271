//! The new command line: one table of commands, one file a command.

pub(crate) mod applets;
pub(crate) mod archive;
pub(crate) mod base;
mod build;
pub(crate) mod config_show;
pub(crate) mod derivation_show;
mod eval;
mod flake;
pub(crate) mod hash;
pub(crate) mod key;
pub(crate) mod listing;
pub(crate) mod log;
pub(crate) mod path_info;
pub(crate) mod paths;
pub(crate) mod prefetch;
mod run;
pub(crate) mod store_add;
pub(crate) mod store_gc;
pub(crate) mod store_info;
pub(crate) mod store_verify;
mod table;
pub(crate) mod version;

use crate::args::{Flag, Parsed, Until, expand, parse};
use crate::error::CliError;
use crate::flags::COMMON;
use crate::help;
use crate::session::{Program, Session, Style, load_settings};

/// A command.
pub struct Command {
    /// Its words: `["flake", "lock"]`.
    pub path: &'static [&'static str],
    /// What it does, one line.
    pub doc: &'static str,
    /// Its flags, beside those of all commands.
    pub flags: &'static [&'static [Flag]],
    /// Everything after the first argument belongs to the program that is run.
    pub rest: bool,
    /// Does it; gives the exit status.
    pub run: fn(&Session, Parsed) -> Result<u8, CliError>,
}

/// Commands that evaluate, sorted by their words; the others are in [`table`].
const COMMANDS: &[&Command] =
    &[&build::COMMAND, &eval::COMMAND, &flake::LOCK, &flake::METADATA, &flake::SHOW, &run::COMMAND];

/// All commands, those that evaluate first.
pub fn all() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().copied().chain(table::COMMANDS)
}

/// Old names: the words that were, and the words that are.
const ALIASES: &[(&[&str], &[&str])] = &[
    (&["add-to-store"], &["store", "add-path"]),
    (&["cat-nar"], &["nar", "cat"]),
    (&["cat-store"], &["store", "cat"]),
    (&["dump-path"], &["store", "dump-path"]),
    (&["hash-file"], &["hash", "file"]),
    (&["hash-path"], &["hash", "path"]),
    (&["ls-nar"], &["nar", "ls"]),
    (&["ls-store"], &["store", "ls"]),
    (&["optimise-store"], &["store", "optimise"]),
    (&["ping-store"], &["store", "info"]),
    (&["show-config"], &["config", "show"]),
    (&["show-derivation"], &["derivation", "show"]),
    (&["store", "optimize"], &["store", "optimise"]),
    (&["store", "ping"], &["store", "info"]),
    (&["to-base16"], &["hash", "to-base16"]),
    (&["to-base32"], &["hash", "to-base32"]),
    (&["to-base64"], &["hash", "to-base64"]),
    (&["verify"], &["store", "verify"]),
];

/// Runs `nix …` or `firn …`.
///
/// # Errors
/// Whatever the command meets.
pub fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (mut settings, host) = load_settings(&program)?;
    let (global, rest) =
        parse(&expand_until_command(args), &[COMMON], &mut settings, Until::Positional, &program.name)?;
    if global.has("help") && !global.has("version") {
        help::overview(&program);
        return Ok(0);
    }
    if let Some(status) = help::early(&program, &global) {
        return Ok(status);
    }
    let (rest, deprecated) = current_words(rest);
    let (command, args) = find(&program, rest)?;
    let tables: Vec<&[Flag]> = command.flags.iter().copied().chain([COMMON]).collect();
    let (own, trailing) = if command.rest { split_program_arguments(args) } else { (args, Vec::new()) };
    let (mut parsed, _) = parse(&expand(own), &tables, &mut settings, Until::End, &program.name)?;
    if parsed.has("help") {
        help::command(command, &program);
        return Ok(0);
    }
    parsed.flags.splice(0..0, global.flags);
    parsed.positional.extend(trailing);
    let session = Session::start(program, settings, host, parsed.clone(), Style::New)?;
    session.require(firn_settings::Feature::NixCommand)?;
    if let Some(text) = deprecated {
        session.warn(text);
    }
    match (command.run)(&session, parsed.clone()) {
        // A pinned file that Debian no longer has: make a new lock, say so, and try once more.
        Err(CliError::Failed(message, status))
            if crate::base_lock::names_vanished_pin(&session, &message) =>
        {
            if crate::base_lock::mend_pins(&session)? {
                (command.run)(&session, parsed)
            } else {
                Err(CliError::Failed(message, status))
            }
        }
        other => other,
    }
}

/// Puts today's words in the place of an old name; says so.
fn current_words(words: Vec<String>) -> (Vec<String>, Option<String>) {
    let Some((old, new)) = ALIASES.iter().find(|(old, _)| starts_with(&words, old)) else {
        return (words, None);
    };
    let warning = format!("'{}' is a deprecated alias for '{}'", old.join(" "), new.join(" "));
    let words = new.iter().map(|&w| w.to_owned()).chain(words[old.len()..].iter().cloned()).collect();
    (words, Some(warning))
}

fn starts_with(words: &[String], start: &[&str]) -> bool {
    words.len() >= start.len() && start.iter().zip(words).all(|(a, b)| a == b)
}

/// Only the flags before the command's words are split; the rest is the command's own.
fn expand_until_command(args: Vec<String>) -> Vec<String> {
    let first = args.iter().position(|a| !a.starts_with('-')).unwrap_or(args.len());
    let mut head = expand(args[..first].to_vec());
    head.extend_from_slice(&args[first..]);
    head
}

/// `run ref -- args`: what stands after `--` is not for us.
fn split_program_arguments(args: Vec<String>) -> (Vec<String>, Vec<String>) {
    match args.iter().position(|a| a == "--") {
        Some(at) => (args[..at].to_vec(), args[at + 1..].to_vec()),
        None => (args, Vec::new()),
    }
}

/// The command that the words name, and what follows them.
fn find(program: &Program, words: Vec<String>) -> Result<(&'static Command, Vec<String>), CliError> {
    let Some(first) = words.first() else {
        return Err(CliError::Usage("no subcommand specified".into(), program.name.clone()));
    };
    let best = all().filter(|c| starts_with(&words, c.path)).max_by_key(|c| c.path.len());
    if let Some(command) = best {
        return Ok((command, words[command.path.len()..].to_vec()));
    }
    let mut inside: Vec<&str> =
        all().filter(|c| c.path[0] == first && c.path.len() > 1).map(|c| c.path[1]).collect();
    let message = match words.get(1) {
        None if !inside.is_empty() => {
            inside.sort_unstable();
            let list: String = inside.iter().map(|name| format!("\n  · {name}")).collect();
            format!("{} {first} requires a sub-command. Available sub-commands:\n{list}", program.name)
        }
        Some(word) if !inside.is_empty() => format!("'{word}' is not a recognised command"),
        _ => format!("'{first}' is not a recognised command"),
    };
    Err(CliError::Usage(message, program.name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_hides_another() {
        for command in all() {
            assert_eq!(all().filter(|other| other.path == command.path).count(), 1, "{:?}", command.path);
            assert!(!command.doc.is_empty(), "{:?} says nothing about itself", command.path);
        }
    }

    #[test]
    fn every_old_name_leads_somewhere() {
        for (old, new) in ALIASES {
            assert!(all().any(|command| command.path == *new), "{old:?}");
            assert!(!all().any(|command| command.path == *old), "{old:?} is a command");
        }
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (new, warning) = current_words(words("hash-file a b"));
        assert_eq!(new, ["hash", "file", "a", "b"]);
        assert_eq!(warning.as_deref(), Some("'hash-file' is a deprecated alias for 'hash file'"));
        assert_eq!(current_words(words("store gc")), (words("store gc"), None));
    }
}
