//! The new command line: one table of commands, one file a command.

pub(crate) mod applets;
pub(crate) mod archive;
pub(crate) mod base;
mod build;
pub(crate) mod build_remote;
pub(crate) mod cache;
mod config_check;
pub(crate) mod config_show;
mod copy;
pub(crate) mod daemon;
pub(crate) mod derivation_show;
pub(crate) mod develop;
mod edit;
mod eval;
mod flake;
mod formatter;
pub(crate) mod hash;
pub(crate) mod key;
pub(crate) mod listing;
pub(crate) mod log;
pub(crate) mod path_info;
pub(crate) mod paths;
pub(crate) mod prefetch;
mod profile;
mod registry;
mod rewrite;
mod run;
mod search;
pub(crate) mod shell;
pub(crate) mod store_add;
mod store_diff;
pub(crate) mod store_gc;
pub(crate) mod store_info;
pub(crate) mod store_verify;
mod table;
pub(crate) mod version;
mod why_depends;

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
const COMMANDS: &[&Command] = &[
    &build::COMMAND,
    &develop::DEVELOP,
    &shell::COMMAND,
    &edit::COMMAND,
    &eval::COMMAND,
    &formatter::BUILD,
    &formatter::RUN,
    &search::COMMAND,
    &develop::PRINT,
    &profile::ADD_COMMAND,
    &profile::DIFF,
    &profile::HISTORY,
    &profile::LIST,
    &profile::REMOVE,
    &profile::ROLLBACK,
    &profile::UPGRADE,
    &profile::WIPE,
    &registry::ADD,
    &registry::LIST,
    &registry::PIN,
    &registry::REMOVE,
    &registry::RESOLVE,
    &run::COMMAND,
];

/// All commands, those that evaluate first.
pub fn all() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().copied().chain(flake::COMMANDS).chain(table::COMMANDS)
}

/// Other names: the words that are said, the words that are meant, and whether the user hears of it.
const ALIASES: &[(&[&str], &[&str], bool)] = &[
    (&["add-to-store"], &["store", "add-path"], true),
    (&["cat-nar"], &["nar", "cat"], true),
    (&["cat-store"], &["store", "cat"], true),
    (&["copy-sigs"], &["store", "copy-sigs"], true),
    (&["dev-shell"], &["develop"], true),
    (&["diff-closures"], &["store", "diff-closures"], true),
    (&["doctor"], &["config", "check"], true),
    (&["dump-path"], &["store", "dump-path"], true),
    (&["fmt"], &["formatter", "run"], false),
    (&["hash-file"], &["hash", "file"], true),
    (&["hash-path"], &["hash", "path"], true),
    (&["ls-nar"], &["nar", "ls"], true),
    (&["ls-store"], &["store", "ls"], true),
    (&["make-content-addressable"], &["store", "make-content-addressed"], true),
    (&["optimise-store"], &["store", "optimise"], true),
    (&["ping-store"], &["store", "info"], true),
    (&["profile", "install"], &["profile", "add"], true),
    (&["shell"], &["env", "shell"], false),
    (&["show-config"], &["config", "show"], true),
    (&["show-derivation"], &["derivation", "show"], true),
    (&["sign-paths"], &["store", "sign"], true),
    (&["store", "optimize"], &["store", "optimise"], false),
    (&["store", "ping"], &["store", "info"], true),
    (&["to-base16"], &["hash", "to-base16"], true),
    (&["to-base32"], &["hash", "to-base32"], true),
    (&["to-base64"], &["hash", "to-base64"], true),
    (&["verify"], &["store", "verify"], true),
];

/// Runs `nix …` or `firn …`.
///
/// # Errors
/// Whatever the command meets.
pub fn run(mut program: Program, mut args: Vec<String>) -> Result<u8, CliError> {
    if let Some(status) = crate::completion::answer(&program, &args) {
        return Ok(status);
    }
    if let Some(first) = args.first().cloned() {
        if let Some(script) = crate::shebang::of_nix(&first)? {
            program.run_in = Some(std::env::current_dir()?);
            std::env::set_current_dir(script.folder)?;
            args = script.words.into_iter().chain(args).collect();
        }
    }
    let (mut settings, host) = load_settings(&program)?;
    let (global, rest) =
        parse(&expand_until_command(args), &[COMMON], &mut settings, Until::Positional, &program.name)?;
    if global.has("version") {
        help::version(&program);
        return Ok(0);
    }
    if global.has("help") && rest.is_empty() {
        help::overview(&program);
        return Ok(0);
    }
    if rest.first().is_some_and(|w| w == "help") && !global.has("help") {
        return show_help(&program, &rest[1..]);
    }
    let (rest, deprecated) = current_words(rest);
    let (command, args) = match find(&program, &rest) {
        Ok(found) => found,
        Err(error) if global.has("help") || rest.iter().any(|w| w == "--help") => {
            let words: Vec<&str> =
                rest.iter().map(String::as_str).take_while(|w| !w.starts_with('-')).collect();
            return if help::group(&words, &program) { Ok(0) } else { Err(error) };
        }
        Err(error) => return Err(error),
    };
    let tables: Vec<&[Flag]> = command.flags.iter().copied().chain([COMMON]).collect();
    let (own, trailing) = split_program_arguments(command, args);
    let (mut parsed, _) = parse(&expand(own), &tables, &mut settings, Until::End, &program.name)?;
    if global.has("help") || parsed.has("help") {
        help::command(command, &program);
        return Ok(0);
    }
    parsed.flags.splice(0..0, global.flags);
    parsed.settings.extend(global.settings);
    parsed.positional.extend(trailing);
    let session = Session::start(program, settings, host, parsed.clone(), Style::New)?;
    if !matches!(command.path, ["config", "check"] | ["repl"] | ["upgrade-nix"]) {
        session.require(firn_settings::Feature::NixCommand)?;
    }
    if let Some(text) = deprecated {
        session.warn(text);
    }
    let (session, outcome) = match (command.run)(&session, parsed.clone()) {
        Err(CliError::Reconfigure(settings)) => {
            let session = session.reconfigured(*settings);
            let outcome = (command.run)(&session, parsed.clone());
            (session, outcome)
        }
        outcome => (session, outcome),
    };
    match outcome {
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

/// `nix help WORDS…`
fn show_help(program: &Program, words: &[String]) -> Result<u8, CliError> {
    let (words, _) = current_words(words.to_vec());
    if words.is_empty() {
        help::overview(program);
        return Ok(0);
    }
    if let Some(legacy) = crate::legacy::ALL.iter().find(|c| words == [c.name]) {
        help::legacy(legacy);
        return Ok(0);
    }
    match find(program, &words) {
        Ok((found, rest)) if rest.is_empty() => help::command(found, program),
        Ok((_, rest)) => {
            return Err(CliError::Usage(format!("unexpected argument '{}'", rest[0]), program.name.clone()));
        }
        Err(error) => {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if !help::group(&words, program) {
                return Err(error);
            }
        }
    }
    Ok(0)
}

/// Puts today's words in the place of an old name; says so.
fn current_words(words: Vec<String>) -> (Vec<String>, Option<String>) {
    let Some((old, new, deprecated)) = ALIASES.iter().find(|(old, ..)| starts_with(&words, old)) else {
        return (words, None);
    };
    let warning =
        deprecated.then(|| format!("'{}' is a deprecated alias for '{}'", old.join(" "), new.join(" ")));
    let words = new.iter().map(|&w| w.to_owned()).chain(words[old.len()..].iter().cloned()).collect();
    (words, warning)
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

/// What is not for us: with `-c COMMAND`, everything behind the command; else, for commands that run programs, everything
/// behind `--`.
fn split_program_arguments(command: &Command, args: Vec<String>) -> (Vec<String>, Vec<String>) {
    let runs = command.flags.iter().any(|t| t.iter().any(|f| f.name == "command" && f.short == 'c'));
    let end = args.iter().position(|a| a == "--").unwrap_or(args.len());
    if runs {
        if let Some(at) = args[..end].iter().position(|a| a == "-c" || a == "--command") {
            let end = (at + 2).min(args.len());
            return (args[..end].to_vec(), args[end..].to_vec());
        }
    }
    if command.rest && end < args.len() {
        return (args[..end].to_vec(), args[end + 1..].to_vec());
    }
    (args, Vec::new())
}

/// The command that the words name, and what follows them.
fn find(program: &Program, words: &[String]) -> Result<(&'static Command, Vec<String>), CliError> {
    let usage = |message: String| CliError::Usage(message, program.name.clone());
    let Some(first) = words.first() else { return Err(usage("no subcommand specified".into())) };
    let best = all().filter(|c| starts_with(words, c.path)).max_by_key(|c| c.path.len());
    if let Some(command) = best {
        return Ok((command, words[command.path.len()..].to_vec()));
    }
    let mut inside: Vec<&str> =
        all().filter(|c| c.path[0] == first && c.path.len() > 1).map(|c| c.path[1]).collect();
    inside.sort_unstable();
    inside.dedup();
    if inside.is_empty() {
        let names = all().map(|c| c.path[0]).chain(ALIASES.iter().map(|a| a.0[0]));
        return Err(usage(format!("'{first}' is not a recognised command{}", did_you_mean(names, first))));
    }
    Err(usage(match words.get(1).filter(|w| !w.starts_with('-')) {
        None => {
            let list: String = inside.iter().map(|name| format!("\n  · {name}")).collect();
            format!("{} {first} requires a sub-command. Available sub-commands:\n{list}", program.name)
        }
        Some(word) => {
            let hint = did_you_mean(inside.iter().copied(), word);
            format!("'{word}' is not a recognised command{hint}")
        }
    }))
}

/// The names of commands and groups below some words, other names among them.
pub(crate) fn names_below(words: &[&str]) -> Vec<String> {
    let known = all().map(|c| c.path).chain(ALIASES.iter().filter(|a| !a.2).map(|a| a.0));
    let mut names: Vec<String> = known
        .filter(|path| path.len() > words.len() && path.starts_with(words))
        .map(|path| path[words.len()].to_owned())
        .filter(|name| !name.starts_with("__"))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The command of exactly these words, under whichever name.
pub(crate) fn named(words: &[String]) -> Option<&'static Command> {
    let (words, _) = current_words(words.to_vec());
    all().find(|c| words == c.path)
}

/// `\nDid you mean x?`, if a name is near to the one that was given.
pub(crate) fn did_you_mean<'a>(names: impl Iterator<Item = &'a str>, given: &str) -> String {
    let near = firn_eval::suggest::best_matches(names, given);
    match near.as_slice() {
        [] => String::new(),
        [one] => format!("\nDid you mean {one}?"),
        [init @ .., last] => format!("\nDid you mean one of {} or {last}?", init.join(", ")),
    }
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
        for (old, new, _) in ALIASES {
            assert!(all().any(|command| command.path == *new), "{old:?}");
            assert!(!all().any(|command| command.path == *old), "{old:?} is a command");
        }
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (new, warning) = current_words(words("hash-file a b"));
        assert_eq!(new, ["hash", "file", "a", "b"]);
        assert_eq!(warning.as_deref(), Some("'hash-file' is a deprecated alias for 'hash file'"));
        assert_eq!(current_words(words("store gc")), (words("store gc"), None));
        assert_eq!(current_words(words("shell x")), (words("env shell x"), None));
    }

    #[test]
    fn what_belongs_to_the_program_that_is_run() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let shell = all().find(|c| c.path == ["env", "shell"]).expect("the command");
        let split = |text: &str| split_program_arguments(shell, words(text));
        assert_eq!(split("a b -c sh -ec x -- y"), (words("a b -c sh"), words("-ec x -- y")));
        assert_eq!(split("a -c"), (words("a -c"), vec![]));
        assert_eq!(split_program_arguments(&run::COMMAND, words("a b -- -c")), (words("a b"), words("-c")));
    }
}
