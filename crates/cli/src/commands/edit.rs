//! `nix edit`

use super::Command;
use super::paths::only;
use crate::args::Parsed;
use crate::error::CliError;
use crate::evaluation::{EvalFailure, Mode, evaluate};
use crate::flags::{EVAL, INSTALLABLES, LOCK};
use crate::installable::{PACKAGES, find, is_pure, optional_text};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    path: &["edit"],
    doc: "open the Nix expression of a package in $EDITOR",
    flags: &[INSTALLABLES, EVAL, LOCK],
    rest: false,
    run,
};

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let text = only(session, &parsed)?.to_owned();
    let mode = Mode { pure: is_pure(session, &parsed), read_only: true };
    let position = evaluate(session, &parsed, mode, |ctx| {
        let found = find(ctx, session, &parsed, &text, PACKAGES)?;
        let none =
            || EvalFailure::Cli(CliError::new(format!("cannot find position information for '{text}'")));
        optional_text(ctx, found.value, &["meta", "position"])?.ok_or_else(none)
    })?;
    let (file, line) = match position.rsplit_once(':') {
        Some((file, line)) => (file.to_owned(), line.parse::<u64>().unwrap_or(0)),
        None => (position, 0),
    };
    // A file of a store that lies elsewhere is opened where it is.
    let store = session.store()?;
    let file = crate::manifest::real_path(store.as_ref(), std::path::Path::new(&file));
    let editor =
        std::env::var("EDITOR").ok().filter(|e| !e.trim().is_empty()).unwrap_or_else(|| "cat".to_owned());
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("cat");
    let mut command = std::process::Command::new(program);
    command.args(words);
    if line > 0 && ["emacs", "nano", "vim", "kak"].iter().any(|e| editor.contains(e)) {
        command.arg(format!("+{line}"));
    }
    session.display.stop();
    let status = firn_sys::signals::with_defaults(&mut command).arg(&file).status().map_err(|e| {
        CliError::new(format!("unable to execute '{program}': {}", firn_source::strerror(&e)))
    })?;
    if status.success() {
        return Ok(0);
    }
    Err(CliError::new(format!("program '{program}' {}", describe(status))))
}

fn describe(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit code {code}"),
        (None, Some(signal)) => format!("failed due to signal {signal}"),
        _ => "failed".to_owned(),
    }
}
