//! The command line: what the executable does under each of its names.

pub mod args;
pub mod base_lock;
pub mod building;
pub mod commands;
mod completion;
mod dev_env;
pub mod environment;
pub mod error;
pub mod evaluation;
mod exec;
pub mod flags;
mod flake_config;
pub mod help;
pub mod installable;
mod legacy;
mod local_time;
mod machines;
mod manifest;
pub mod names;
pub(crate) mod packages;
pub mod pager;
mod profile;
pub mod progress;
mod sandbox_shell;
pub mod session;
mod shebang;
pub mod store_paths;
mod unpack_deb;

use std::path::Path;

use error::CliError;
use session::Program;

/// Runs the program that `args[0]` names; gives the exit status.
pub fn main(args: Vec<String>) -> u8 {
    let mut args = args.into_iter();
    let called = args.next().unwrap_or_default();
    let name = Path::new(&called)
        .file_name()
        .map_or_else(|| "firn".to_owned(), |n| n.to_string_lossy().into_owned());
    let program = Program { name, run_in: None };
    match dispatch(program, args.collect()) {
        Ok(status) => status,
        Err(error) => report(error),
    }
}

fn dispatch(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    match program.name.as_str() {
        "firn-os" => machines::run(args),
        "nixos-rebuild" => machines::rebuild::run(&args),
        "switch-to-configuration" => machines::switch::run(&args),
        name if name.starts_with("nix-") => match legacy::ALL.iter().find(|c| c.name == name) {
            Some(command) => (command.run)(program, args),
            None => Err(CliError::new(format!("program '{name}' is not part of this version of Firn yet"))),
        },
        _ => commands::run(program, args),
    }
}

/// Shows a failure; gives the exit status.
#[allow(clippy::print_stderr)] // the last message of a command
fn report(error: CliError) -> u8 {
    let style = progress::Style::of_stderr();
    let say = |text: &str| {
        eprintln!(
            "{}",
            style.message(
                firn_events::Level::Error,
                &text.replace('\n', "\n       ").replace("\n       \n", "\n\n")
            )
        )
    };
    match error {
        CliError::Usage(message, program) => {
            say(&message);
            eprintln!("Try '{program} --help' for more information.");
            1
        }
        CliError::Rendered(message, status) => {
            eprintln!("{message}");
            status
        }
        CliError::Failed(message, status) => {
            say(&message);
            status
        }
        CliError::Status(status) => status,
        error @ CliError::Reconfigure(_) => {
            say(&error.text());
            1
        }
        CliError::Interrupted => {
            say("interrupted by the user");
            130
        }
    }
}
