//! Asking a repository.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::FetchError;

/// A repository in the file system.
#[derive(Clone, Debug)]
pub struct Repository {
    path: PathBuf,
}

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkTreeState {
    /// The commit, unless there is none yet.
    pub head: Option<String>,
    /// The full name of the branch, unless HEAD is detached.
    pub branch: Option<String>,
    /// Tracked files, relative to the work tree, sorted; also those that are only meant to be added.
    pub files: Vec<Vec<u8>>,
    /// Something tracked differs from the commit.
    pub dirty: bool,
}

impl Repository {
    /// The repository whose work tree or bare folder is at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Repository {
        Repository { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A call of `git` in this repository, free of the caller's own `GIT_…` variables.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("git");
        // A repository may belong to somebody else (a folder shared with root, say): it is only read, and what its
        // configuration could have us run is turned off.
        for setting in ["safe.directory=*", "core.fsmonitor=false", "core.hooksPath=/dev/null"] {
            command.arg("-c").arg(setting);
        }
        command.arg("-C").arg(&self.path).stdin(Stdio::null());
        for name in [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_NAMESPACE",
            "GIT_PREFIX",
        ] {
            command.env_remove(name);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        command
    }

    /// Runs `git` and gives what it prints.
    pub(super) fn run<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Vec<u8>, FetchError> {
        let mut command = self.command();
        command.args(args);
        let out = command.output().map_err(start_error)?;
        if out.status.success() {
            return Ok(out.stdout);
        }
        let words: Vec<String> =
            command.get_args().skip(8).take(2).map(|a| a.to_string_lossy().into_owned()).collect();
        let said = String::from_utf8_lossy(&out.stderr);
        Err(FetchError::Program {
            program: format!("git {}", words.join(" ")),
            status: out.status.code().unwrap_or(-1),
            details: if said.trim().is_empty() { String::new() } else { format!("\n{}", said.trim_end()) },
        })
    }

    fn line<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<String, FetchError> {
        Ok(String::from_utf8_lossy(&self.run(args)?).trim_end().to_owned())
    }

    /// Whether there is no work tree.
    ///
    /// # Errors
    /// There is no repository, or git refuses it.
    pub fn is_bare(&self) -> Result<bool, FetchError> {
        Ok(self.line(["rev-parse", "--is-bare-repository"])? == "true")
    }

    /// Whether it holds only a part of its history.
    pub fn is_shallow(&self) -> bool {
        self.line(["rev-parse", "--is-shallow-repository"]).is_ok_and(|l| l == "true")
    }

    /// The commit that a branch, tag or expression names; `None` if it names none.
    pub fn resolve(&self, name: &str) -> Option<String> {
        let commit = format!("{name}^{{commit}}");
        self.line(["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
            .ok()
            .filter(|l| !l.is_empty())
    }

    /// When a commit was made, in seconds since 1970.
    ///
    /// # Errors
    /// There is no such commit.
    pub fn commit_time(&self, rev: &str) -> Result<u64, FetchError> {
        let line = self.line(["log", "-1", "--format=%ct", "--no-show-signature", rev])?;
        line.parse().map_err(|_| FetchError::new(format!("git gives '{line}' as the time of commit {rev}")))
    }

    /// How many commits lead to one, itself included.
    ///
    /// # Errors
    /// There is no such commit.
    pub fn rev_count(&self, rev: &str) -> Result<u64, FetchError> {
        let line = self.line(["rev-list", "--count", rev])?;
        line.parse()
            .map_err(|_| FetchError::new(format!("git gives '{line}' as the number of commits up to {rev}")))
    }

    /// What is checked out.
    ///
    /// # Errors
    /// There is no repository, or git refuses it.
    pub fn work_tree_state(&self) -> Result<WorkTreeState, FetchError> {
        let head = self.resolve("HEAD");
        let branch = self.line(["symbolic-ref", "--quiet", "HEAD"]).ok();
        let list = self.run(["ls-files", "-z", "--cached", "--full-name"])?;
        let mut files: Vec<Vec<u8>> =
            list.split(|b| *b == 0).filter(|f| !f.is_empty()).map(<[u8]>::to_vec).collect();
        files.sort();
        files.dedup();
        let dirty = match &head {
            None => !files.is_empty(),
            Some(_) => !self
                .run(["status", "--porcelain", "--untracked-files=no", "-z", "--ignore-submodules=none"])?
                .is_empty(),
        };
        Ok(WorkTreeState { head, branch, files, dirty })
    }

    /// Adds a file to what is tracked, as `git add --intent-to-add` does.
    ///
    /// # Errors
    /// Git refuses.
    pub fn intend_to_add(&self, file: &Path) -> Result<(), FetchError> {
        let args = [
            OsStr::new("add"),
            OsStr::new("--force"),
            OsStr::new("--intent-to-add"),
            OsStr::new("--"),
            file.as_os_str(),
        ];
        self.run(args).map(drop)
    }
}

/// What to say when `git` cannot be started.
pub(super) fn start_error(error: std::io::Error) -> FetchError {
    if error.kind() == std::io::ErrorKind::NotFound {
        FetchError::new("program 'git' is needed for this flake but not in PATH: install it")
    } else {
        FetchError::io("starting 'git'", error)
    }
}
