//! The old commands, one folder or file a program.

pub(crate) mod nix_build;
pub(crate) mod nix_channel;
pub(crate) mod nix_collect_garbage;
pub(crate) mod nix_copy_closure;
pub(crate) mod nix_daemon;
pub(crate) mod nix_env;
pub(crate) mod nix_hash;
pub(crate) mod nix_instantiate;
pub(crate) mod nix_prefetch_url;
pub(crate) mod nix_shell;
pub(crate) mod nix_store;

use crate::args::{Flag, Parsed, Until, expand, parse};
use crate::error::CliError;
use crate::flags::{COMMON, LEGACY};
use crate::session::{Program, Session, Style, load_settings};

/// A program of the old command line.
pub(crate) struct Legacy {
    /// Its name: `nix-build`.
    pub name: &'static str,
    /// What it does, one line.
    pub doc: &'static str,
    /// How it is called, without the name and the common flags; one entry a form.
    pub usage: &'static [&'static str],
    /// Its flags, beside those of all commands.
    pub flags: &'static [&'static [Flag]],
    /// Does it; gives the exit status.
    pub run: fn(Program, Vec<String>) -> Result<u8, CliError>,
}

/// All of them, by name.
pub(crate) const ALL: &[&Legacy] = &[
    &nix_build::COMMAND,
    &nix_channel::COMMAND,
    &nix_collect_garbage::COMMAND,
    &nix_copy_closure::COMMAND,
    &nix_daemon::COMMAND,
    &nix_env::COMMAND,
    &nix_hash::COMMAND,
    &nix_instantiate::COMMAND,
    &nix_prefetch_url::COMMAND,
    &nix_shell::COMMAND,
    &nix_store::COMMAND,
];

impl Legacy {
    /// Reads settings and the command line, answers `--help` and `--version`, and starts the session.
    ///
    /// # Errors
    /// A wrong command line or configuration; [`CliError::Status`] where the command line only asked about the program.
    pub(crate) fn start(&self, program: Program, args: Vec<String>) -> Result<(Session, Parsed), CliError> {
        let (mut settings, host) = load_settings(&program)?;
        let tables: Vec<&[Flag]> = self.flags.iter().copied().chain([LEGACY, COMMON]).collect();
        let (parsed, _) = parse(&expand(args), &tables, &mut settings, Until::End, &program.name)?;
        if parsed.has("version") {
            crate::help::version(&program);
            return Err(CliError::Status(0));
        }
        if parsed.has("help") {
            crate::help::legacy(self);
            return Err(CliError::Status(0));
        }
        let session = Session::start(program, settings, host, parsed.clone(), Style::Old)?;
        Ok((session, parsed))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_program_is_an_applet_and_the_other_way_round() {
        let programs: Vec<&str> = super::ALL.iter().map(|c| c.name).collect();
        let applets: Vec<&str> =
            crate::names::APPLETS.iter().copied().filter(|n| n.starts_with("nix-")).collect();
        assert_eq!(programs, applets);
    }
}
