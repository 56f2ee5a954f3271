//! Calling `git` on repositories that somebody else may have written.
//!
//! A repository's own configuration can name programs: hooks, a file system monitor, clean and smudge filters, `ssh`
//! commands, signature checkers, helpers of remotes. None of them may run because a repository is read, so each is turned off
//! on the command line, which wins over every file. Transports are only there for calls that fetch, and never the kind that
//! runs a command (`ext::`).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::error::FetchError;

/// Settings that win over those of the repository.
const OVERRIDES: [&str; 12] = [
    // It is only read: who owns it does not matter.
    "safe.directory=*",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sshCommand=ssh",
    "core.gitProxy=",
    "core.askPass=",
    "core.pager=cat",
    "diff.external=",
    "gpg.program=gpg",
    "gpg.openpgp.program=gpg",
    "gpg.x509.program=gpgsm",
    "gpg.ssh.program=ssh-keygen",
];

/// Variables by which a caller of ours may have told its own `git` where to work.
const VARIABLES: [&str; 12] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_CEILING_DIRECTORIES",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_CONFIG_PARAMETERS",
];

/// What a call may do with other repositories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// Nothing.
    Here,
    /// Fetch from them.
    Remote,
}

/// A call of `git` in the repository at `path`.
pub(super) fn git(path: &Path, reach: Reach) -> Command {
    let mut command = plain();
    for setting in OVERRIDES {
        command.arg("-c").arg(setting);
    }
    for setting in filters(path) {
        command.arg("-c").arg(setting);
    }
    command.arg("-C").arg(path);
    match reach {
        Reach::Here => command.env("GIT_ALLOW_PROTOCOL", "none").env("GIT_NO_LAZY_FETCH", "1"),
        Reach::Remote => command.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh"),
    };
    command
}

/// A call of `git` that is in no repository.
pub(super) fn plain() -> Command {
    let mut command = Command::new("git");
    command.stdin(Stdio::null());
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
    command
}

/// Settings that turn off the filters which the repository itself configures. The user's own stay.
fn filters(path: &Path) -> Vec<String> {
    if !may_have_filters(path) {
        return Vec::new();
    }
    let mut command = plain();
    command.args(["-c", "safe.directory=*", "-C"]).arg(path);
    command.args(["config", "--list", "--show-scope", "--name-only", "-z"]);
    let Ok(out) = command.output() else { return Vec::new() };
    let list = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut words = list.split('\0');
    let mut settings = Vec::new();
    while let (Some(scope), Some(name)) = (words.next(), words.next()) {
        let Some((driver, _)) = name.strip_prefix("filter.").and_then(|rest| rest.rsplit_once('.')) else {
            continue;
        };
        if !matches!(scope, "system" | "global") {
            for (key, value) in [("clean", ""), ("smudge", ""), ("process", ""), ("required", "false")] {
                settings.push(format!("filter.{driver}.{key}={value}"));
            }
        }
    }
    settings.sort();
    settings.dedup();
    settings
}

/// Whether the repository's configuration could name filters; a quick look that saves a call in the usual case.
fn may_have_filters(path: &Path) -> bool {
    let inside = path.join(".git");
    let dir = if inside.is_dir() {
        inside
    } else if path.join("objects").is_dir() {
        path.to_owned()
    } else {
        return true;
    };
    ["config", "config.worktree"].iter().any(|name| match std::fs::read(dir.join(name)) {
        Ok(text) => {
            let text = text.to_ascii_lowercase();
            [&b"filter"[..], b"include"].iter().any(|word| text.windows(word.len()).any(|w| w == *word))
        }
        Err(e) => e.kind() != std::io::ErrorKind::NotFound,
    })
}

/// Runs a call; an exit status other than 0 is an error with what the call said.
pub(super) fn run(mut command: Command) -> Result<Vec<u8>, FetchError> {
    let out = command.output().map_err(start_error)?;
    if out.status.success() { Ok(out.stdout) } else { Err(failure(&command, &out)) }
}

/// The error of a call that failed.
pub(super) fn failure(command: &Command, out: &Output) -> FetchError {
    let mut words: Vec<&OsStr> = command.get_args().collect();
    // What was put before the command's own words is of no interest.
    while let [first, _, ..] = words.as_slice() {
        if *first == "-c" || *first == "-C" {
            words.drain(..2);
        } else {
            break;
        }
    }
    let words: Vec<String> = words.iter().take(2).map(|a| a.to_string_lossy().into_owned()).collect();
    let said = String::from_utf8_lossy(&out.stderr);
    FetchError::Program {
        program: format!("git {}", words.join(" ")),
        status: out.status.code().unwrap_or(-1),
        details: if said.trim().is_empty() { String::new() } else { format!("\n{}", said.trim_end()) },
    }
}

/// What to say when `git` cannot be started.
pub(super) fn start_error(error: std::io::Error) -> FetchError {
    if error.kind() == std::io::ErrorKind::NotFound {
        FetchError::new("program 'git' is needed for this but not in PATH: install it")
    } else {
        FetchError::io("starting 'git'", error)
    }
}

/// A path made of what `git` printed.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(bytes))
}
