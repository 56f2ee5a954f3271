//! The new command line: one table of commands, one file a command.

mod build;
mod eval;
mod flake;
mod run;

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

/// All commands, sorted by their words.
pub const COMMANDS: &[&Command] =
    &[&build::COMMAND, &eval::COMMAND, &flake::LOCK, &flake::METADATA, &flake::SHOW, &run::COMMAND];

/// Runs `nix …` or `firn …`.
///
/// # Errors
/// Whatever the command meets.
pub fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (mut settings, host) = load_settings(&program)?;
    let (global, rest) =
        parse(&expand_until_command(args), &[COMMON], &mut settings, Until::Positional, &program.name)?;
    if let Some(status) = help::early(&program, &global) {
        return Ok(status);
    }
    let (command, args) = find(&program, rest)?;
    let name = format!("{} {}", program.name, command.path.join(" "));
    let tables: Vec<&[Flag]> = command.flags.iter().copied().chain([COMMON]).collect();
    let (own, trailing) = if command.rest { split_program_arguments(args) } else { (args, Vec::new()) };
    let (mut parsed, _) = parse(&expand(own), &tables, &mut settings, Until::End, &name)?;
    if parsed.has("help") {
        help::command(command, &program);
        return Ok(0);
    }
    parsed.flags.splice(0..0, global.flags);
    parsed.positional.extend(trailing);
    let session = Session::start(program, settings, host, parsed.clone(), Style::New)?;
    session.require(firn_settings::Feature::NixCommand)?;
    (command.run)(&session, parsed)
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
    let fits = |c: &&&Command| words.len() >= c.path.len() && c.path.iter().zip(&words).all(|(a, b)| a == b);
    if let Some(command) = COMMANDS.iter().filter(fits).max_by_key(|c| c.path.len()) {
        return Ok((command, words[command.path.len()..].to_vec()));
    }
    if COMMANDS.iter().any(|c| c.path[0] == first && c.path.len() > 1) {
        let message = match words.get(1) {
            Some(word) => format!("'{word}' is not a recognised command"),
            None => "no subcommand specified".to_owned(),
        };
        return Err(CliError::Usage(message, format!("{} {first}", program.name)));
    }
    Err(CliError::Usage(format!("'{first}' is not a recognised command"), program.name.clone()))
}
