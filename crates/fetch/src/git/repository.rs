//! Asking a repository.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::command::{Reach, failure, git, plain, run, start_error};
use crate::error::FetchError;
use crate::input::is_rev;

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
    /// Submodules, relative to the work tree.
    pub submodules: Vec<Vec<u8>>,
    /// Tracked files that differ from the commit or are gone, sorted.
    pub changed: Vec<Vec<u8>>,
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

    /// A call of `git` that only reads this repository.
    pub(super) fn command(&self) -> Command {
        git(&self.path, Reach::Here)
    }

    /// Runs `git` and gives what it prints.
    pub(super) fn run<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Vec<u8>, FetchError> {
        let mut command = self.command();
        command.args(args);
        run(command)
    }

    /// Runs `git` with something to read.
    pub(super) fn run_with_input<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        input: Vec<u8>,
    ) -> Result<Vec<u8>, FetchError> {
        let mut command = self.command();
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(start_error)?;
        let pipe = child.stdin.take();
        let out = std::thread::scope(|scope| {
            scope.spawn(move || {
                // A child that ends early says why by its exit status.
                let _ = pipe.map(|mut pipe| pipe.write_all(&input));
            });
            child.wait_with_output()
        })
        .map_err(start_error)?;
        if out.status.success() { Ok(out.stdout) } else { Err(failure(&command, &out)) }
    }

    fn line<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<String, FetchError> {
        Ok(String::from_utf8_lossy(&self.run(args)?).trim_end().to_owned())
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
            .filter(|l| is_rev(l))
    }

    /// The commit of a branch or tag given by its full or short name.
    pub fn resolve_reference(&self, name: &str) -> Option<String> {
        ["", "refs/heads/", "refs/tags/", "refs/"].iter().find_map(|p| self.resolve(&format!("{p}{name}")))
    }

    /// The full name of the branch that is checked out, unless HEAD is detached.
    pub fn branch(&self) -> Option<String> {
        self.line(["symbolic-ref", "--quiet", "HEAD"]).ok().filter(|l| !l.is_empty())
    }

    /// When a commit was made, in seconds since 1970.
    ///
    /// # Errors
    /// There is no such commit.
    pub fn commit_time(&self, rev: &str) -> Result<u64, FetchError> {
        let commit = self.run(["cat-file", "commit", rev])?;
        let head = String::from_utf8_lossy(&commit).into_owned();
        head.lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix("committer "))
            .and_then(|line| line.rsplit(' ').nth(1))
            .and_then(|seconds| seconds.parse().ok())
            .ok_or_else(|| FetchError::new(format!("commit {rev} says nothing of its time")))
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
        let (status, list) = std::thread::scope(|scope| {
            let list = scope.spawn(|| self.run(["ls-files", "-z", "--cached", "--stage", "--full-name"]));
            let status = self.run([
                "status",
                "--porcelain=v2",
                "--branch",
                "--untracked-files=no",
                "--no-renames",
                "--ignore-submodules=all",
                "-z",
            ]);
            let list = list.join().unwrap_or_else(|_| Err(FetchError::new("reading the index failed")));
            (status, list)
        });
        let mut state = WorkTreeState {
            head: None,
            branch: None,
            files: Vec::new(),
            submodules: Vec::new(),
            changed: Vec::new(),
            dirty: false,
        };
        read_index(&list?, &mut state);
        read_status(&status?, &mut state);
        state.dirty = !state.changed.is_empty();
        Ok(state)
    }

    /// Adds a file to what is tracked, as `git add --intent-to-add` does, unless it is ignored. Tells whether it is tracked.
    ///
    /// # Errors
    /// Git refuses.
    pub fn intend_to_add(&self, file: &Path) -> Result<bool, FetchError> {
        let mut ignored = self.command();
        ignored.args(["check-ignore", "--quiet", "--"]).arg(file);
        if ignored.status().map_err(start_error)?.success() {
            return Ok(false);
        }
        self.run([OsStr::new("add"), OsStr::new("--intent-to-add"), OsStr::new("--"), file.as_os_str()])?;
        Ok(true)
    }

    /// Adds files to what is tracked, ignored or not, as `git add --intent-to-add --force` does.
    ///
    /// # Errors
    /// Git refuses.
    pub fn intend_to_add_all(&self, files: &[PathBuf]) -> Result<(), FetchError> {
        let mut command = self.command();
        command.args(["add", "--intent-to-add", "--force", "--"]).args(files);
        run(command).map(drop)
    }

    /// Commits one file, as the user would: with the user's settings and hooks.
    ///
    /// # Errors
    /// Git refuses.
    pub fn commit(&self, file: &Path, message: &str) -> Result<(), FetchError> {
        let text = tempfile::NamedTempFile::new().map_err(|e| FetchError::io("creating a file", e))?;
        std::fs::write(text.path(), message).map_err(|e| FetchError::io("writing a commit message", e))?;
        let mut command = plain();
        command.arg("-C").arg(&self.path).args(["commit", "--quiet", "-F"]).arg(text.path());
        command.arg("--").arg(file).stdin(Stdio::inherit());
        run(command).map(drop)
    }
}

/// Lines of `ls-files --stage`: "<mode> <id> <stage>\t<path>".
fn read_index(list: &[u8], state: &mut WorkTreeState) {
    for entry in list.split(|b| *b == 0) {
        let Some(tab) = entry.iter().position(|b| *b == b'\t') else { continue };
        let path = entry[tab + 1..].to_vec();
        if entry.starts_with(b"160000 ") {
            state.submodules.push(path);
        } else {
            state.files.push(path);
        }
    }
    state.files.sort();
    state.files.dedup();
}

/// Records of `status --porcelain=v2`.
fn read_status(status: &[u8], state: &mut WorkTreeState) {
    for record in status.split(|b| *b == 0) {
        let text = String::from_utf8_lossy(record);
        let mut words = text.split(' ');
        match words.next() {
            Some("#") => match (words.next(), words.next()) {
                (Some("branch.oid"), Some(oid)) if is_rev(oid) => state.head = Some(oid.to_owned()),
                (Some("branch.head"), Some(name)) if name != "(detached)" => {
                    state.branch = Some(format!("refs/heads/{name}"));
                }
                _ => {}
            },
            // "1 XY sub mH mI mW hH hI path", "u XY sub m1 m2 m3 mW h1 h2 h3 path"
            Some(kind @ ("1" | "u")) => {
                let skip = if kind == "1" { 8 } else { 10 };
                let mut spaces = record.iter().enumerate().filter(|(_, b)| **b == b' ').map(|(i, _)| i);
                if let Some(at) = spaces.nth(skip - 1) {
                    state.changed.push(record[at + 1..].to_vec());
                }
            }
            _ => {}
        }
    }
    state.changed.sort();
}
