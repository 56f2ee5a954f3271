//! Becoming another program.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use firn_sys::enter::View;
use firn_sys::spawn::HelperProgram;

use crate::environment::Environment;
use crate::error::CliError;
use crate::session::Session;

/// What this process becomes.
#[derive(Default)]
pub(crate) struct Exec<'a> {
    /// The program; looked up in the search path if it has no slash.
    pub program: &'a str,
    /// What it sees as its own name, where that is another.
    pub name: Option<&'a str>,
    /// Its arguments.
    pub args: &'a [String],
    /// Its environment; this process' own if `None`.
    pub environment: Option<&'a Environment>,
    /// The folder that it starts in, where it is not the one that the user is in.
    pub dir: Option<PathBuf>,
}

/// Becomes the program. Where store paths are elsewhere than they say, it gets a view in which they are not.
///
/// # Errors
/// It cannot be started; on success this does not return.
pub(crate) fn exec(session: &Session, what: &Exec<'_>) -> Result<u8, CliError> {
    let store = session.store()?;
    session.display.stop();
    let relocated = store.as_local().map(|l| l.config()).filter(|c| c.is_relocated());
    let mut command = match relocated {
        None => {
            let mut command = std::process::Command::new(lookup(what));
            if let Some(name) = what.name {
                command.arg0(name);
            }
            command
        }
        Some(config) => {
            let parent = |path: &Path| path.parent().unwrap_or(path).to_owned();
            let view: View = (parent(&config.real_dir), parent(Path::new(config.store_dir.as_str())));
            firn_sys::enter::command(&HelperProgram::own(), &[view], OsStr::new(what.program))
        }
    };
    if let Some(environment) = what.environment {
        command.env_clear().envs(environment);
    }
    if let Some(dir) = what.dir.as_ref().or(session.program.run_in.as_ref()) {
        command.current_dir(dir);
    }
    // the program is to hear of Ctrl-C itself
    firn_sys::signals::restore_defaults();
    let error = command.args(what.args).exec();
    Err(CliError::new(format!("unable to execute '{}': {}", what.program, firn_source::strerror(&error))))
}

/// The program, looked up in the search path that it will have itself.
fn lookup(what: &Exec<'_>) -> PathBuf {
    let path = what.environment.and_then(|e| e.get(OsStr::new("PATH")));
    match path {
        Some(path) if !what.program.contains('/') => std::env::split_paths(path)
            .map(|dir| dir.join(what.program))
            .find(|file| rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok() && file.is_file())
            .unwrap_or_else(|| what.program.into()),
        _ => what.program.into(),
    }
}
