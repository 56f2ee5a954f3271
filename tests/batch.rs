//! Many small commands in few shells, so that an implementation that has to be reached through a slow door (a root of its
//! own, say) is entered once.

use std::path::Path;
use std::process::Command;

/// What a run prints: standard output, standard error, whether it succeeded.
#[derive(PartialEq, Eq, Debug, Clone)]
pub struct Printed {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Whether it succeeded.
    pub success: bool,
}

impl Printed {
    /// All of it, for messages of tests.
    pub fn show(&self) -> String {
        let status = if self.success { "success" } else { "failure" };
        format!("--- {status}, output:\n{}--- errors:\n{}", self.out, self.err)
    }

    /// What was said on the way, in order: warnings, `trace:` lines.
    pub fn remarks(&self) -> Vec<&str> {
        self.err.lines().take_while(|line| !line.trim_start().starts_with("error:")).collect()
    }

    /// The text of the error at the end, without its place and its trace.
    pub fn message(&self) -> String {
        let lines: Vec<&str> = self.err.lines().map(str::trim).collect();
        let Some(at) = lines.iter().rposition(|line| line.starts_with("error:")) else {
            return String::new();
        };
        let place = |line: &&&str| line.starts_with("at ") && line.ends_with(':');
        let text = lines[at..].iter().take_while(|line| !place(line));
        let hints = lines[at..].iter().skip_while(|line| !place(line));
        let hints = hints.filter(|line| line.starts_with("Did you mean") || line.starts_with("Try '"));
        let kept = text.chain(hints).filter(|line| !line.is_empty() && !line.starts_with("involved: "));
        kept.copied().collect::<Vec<_>>().join("\n")
    }
}

/// Where commands run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shell<'a> {
    /// In `bash`, with the executable's names first in the search path.
    Own,
    /// In a command that runs the script which it is given as `bash` does.
    Other(&'a str),
}

/// Runs each command of `jobs` (folder, shell command) in a shell, several at a time; gives what they print, in order.
/// No command runs longer than a minute.
///
/// # Panics
/// If the shell does not run.
pub fn run(shell: Shell<'_>, jobs: &[(String, String)]) -> Vec<Printed> {
    let dir = tempfile::tempdir().expect("a folder for results");
    let shells = std::thread::available_parallelism().map_or(2, usize::from).min(jobs.len().max(1));
    std::thread::scope(|scope| {
        for number in 0..shells {
            let dir = dir.path();
            scope.spawn(move || {
                let mine = jobs.iter().enumerate().filter(|(i, _)| i % shells == number);
                let script: String =
                    mine.map(|(i, (folder, command))| line(dir, i, folder, command)).collect();
                let file = dir.join(format!("script-{number}"));
                std::fs::write(&file, script).expect("a script");
                let mut path = std::env::var("PATH").unwrap_or_default();
                let interpreter = match shell {
                    Shell::Own => {
                        path = format!("{}:{path}", crate::bin_dir().display());
                        "bash"
                    }
                    Shell::Other(interpreter) => interpreter,
                };
                let mut command = Command::new("bash");
                command
                    .args(["-c", &format!("{interpreter} {}", file.display())])
                    .env("PATH", path)
                    .env_remove("NIX_PATH")
                    .env_remove("XDG_CONFIG_HOME")
                    .env_remove("NIX_USER_CONF_FILES")
                    .env("NIX_CONF_DIR", "/nowhere")
                    .env(
                        "NIX_CONFIG",
                        "experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =",
                    )
                    .stdin(std::process::Stdio::null());
                let status = command.status().expect("the shell runs");
                assert!(status.success(), "{interpreter} failed: {status}");
            });
        }
    });
    (0..jobs.len())
        .map(|i| {
            let read = |ending| {
                let bytes = std::fs::read(dir.path().join(format!("{i}.{ending}"))).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            Printed { out: read("out"), err: read("err"), success: read("status").trim() == "0" }
        })
        .collect()
}

fn line(dir: &Path, i: usize, folder: &str, command: &str) -> String {
    let to = dir.join(i.to_string());
    let to = to.display();
    format!(
        "(cd '{folder}'; export HOME=/home/of-tests; timeout 60 {command}) >{to}.out 2>{to}.err; echo $? >{to}.status\n"
    )
}
