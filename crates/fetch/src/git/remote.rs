//! Repositories elsewhere: copies without work tree in the cache folder, brought up to date when that is needed.
//!
//! `gitv3/<hash of the address>` has the layout of the reference's cache; both may use it.

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use firn_events::{ActivityId, ActivityKind, Level};
use firn_hash::{Algo, Format, Hash};

use super::Repository;
use super::command::{Reach, failure, git, plain, run, start_error};
use crate::error::FetchError;
use crate::fetcher::Fetcher;
use crate::input::{Input, is_rev};

/// A copy of a repository in the cache.
pub(super) struct Copy {
    pub(super) repository: Repository,
    /// The branch or tag that was fetched.
    pub(super) reference: String,
    /// The commit.
    pub(super) rev: String,
}

/// A line of `ls-remote --symref`: what HEAD is at, as a full name or a commit.
fn head_line(text: &str) -> Option<String> {
    let (target, name) = text.lines().next()?.split_once('\t')?;
    (name == "HEAD").then(|| target.strip_prefix("ref: ").unwrap_or(target).to_owned())
}

impl Fetcher {
    /// The branch that HEAD of a repository elsewhere is at; `None` if it cannot be asked.
    fn remote_head(&self, url: &str) -> Option<String> {
        let mut command = plain();
        command.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh");
        command.args(["-c", "safe.directory=*", "ls-remote", "--symref", "--", url, "HEAD"]);
        head_line(&String::from_utf8_lossy(&run(command).ok()?))
    }

    fn young(&self, file: &Path) -> bool {
        let ttl = self.settings().tarball_ttl();
        let age = file.metadata().and_then(|m| m.modified()).ok().map(|t| t.elapsed().unwrap_or_default());
        ttl != 0 && age.is_some_and(|age| age.as_secs() < ttl)
    }

    /// The default branch of a repository elsewhere, from the copy where that is young enough.
    fn default_reference(&self, url: &str, copy: &Path) -> String {
        let head = copy.join("HEAD");
        let known = std::fs::read_to_string(&head)
            .ok()
            .map(|text| text.trim().strip_prefix("ref: ").unwrap_or(text.trim()).to_owned())
            .filter(|name| Repository::at(copy).resolve(name).is_some());
        if let Some(known) = known.as_ref().filter(|_| self.young(&head)) {
            return known.clone();
        }
        if let Some(found) = self.remote_head(url) {
            return found;
        }
        match known {
            Some(known) => {
                self.events().warn(format!(
                    "could not get HEAD ref for repository '{url}'; using expired cached ref '{known}'"
                ));
                known
            }
            None => {
                self.events().warn(format!("could not read HEAD ref from repo at '{url}', using 'master'"));
                "master".to_owned()
            }
        }
    }

    fn copy_folder(&self, url: &str, shallow: bool) -> PathBuf {
        let name = Hash::of(Algo::Sha256, url.as_bytes()).render(Format::Nix32, false);
        self.cache_dir().join("gitv3").join(if shallow { format!("{name}-shallow") } else { name })
    }

    /// The copy of a repository elsewhere, with the commit that the input means.
    ///
    /// # Errors
    /// The repository cannot be reached, or has no such branch, tag or commit.
    pub(super) fn copy_of(&self, input: &Input, url: &str) -> Result<Copy, FetchError> {
        let shallow = input.flag("shallow");
        let folder = self.copy_folder(url, shallow);
        if let Some(parent) = folder.parent() {
            std::fs::create_dir_all(parent)
                .map_err(|e| FetchError::io(format!("creating directory '{}'", parent.display()), e))?;
        }
        let _lock = self.lock(&folder, &format!("waiting for a lock on '{}'...", folder.display()))?;
        let repository = make(&folder, url)?;
        let reference = match input.reference() {
            Some(reference) => reference.to_owned(),
            None => self.default_reference(url, &folder),
        };
        let full = if reference.starts_with("refs/") || reference == "HEAD" || is_rev(&reference) {
            reference.clone()
        } else {
            format!("refs/heads/{reference}")
        };
        let needed = match input.rev() {
            Some(rev) => repository.resolve(rev).is_none(),
            None => input.flag("allRefs") || !self.is_young_reference(&folder, &repository, &full),
        };
        if needed {
            let refspec = match input.rev() {
                _ if input.flag("allRefs") => "refs/*:refs/*".to_owned(),
                Some(rev) => rev.to_owned(),
                None if is_rev(&full) => full.clone(),
                None => format!("{full}:{full}"),
            };
            self.update(&repository, url, &refspec, input, &full)?;
            if input.rev().is_none() && !is_rev(&full) {
                mark_time(&folder, &full);
            }
            if input.reference().is_none() && !store_head(&repository, &reference) {
                self.events().warn(format!("could not update cached head '{reference}' for '{url}'"));
            }
        }
        let rev = match input.rev() {
            Some(rev) => repository.resolve(rev).ok_or_else(|| missing_rev(rev, &reference, url))?,
            None => {
                repository.resolve(&full).or_else(|| repository.resolve_reference(&reference)).ok_or_else(
                    || FetchError::new(format!("couldn't find ref '{reference}' of repository '{url}'")),
                )?
            }
        };
        Ok(Copy { repository, reference, rev })
    }

    /// Whether a branch was fetched within `tarball-ttl` seconds.
    fn is_young_reference(&self, folder: &Path, repository: &Repository, full: &str) -> bool {
        repository.resolve(full).is_some()
            && (self.young(&folder.join(full)) || self.young(&folder.join("firn-times").join(full)))
    }

    fn update(
        &self,
        repository: &Repository,
        url: &str,
        refspec: &str,
        input: &Input,
        full: &str,
    ) -> Result<(), FetchError> {
        let _activity = self.events().start(
            ActivityId::default(),
            Level::Talkative,
            ActivityKind::FetchTree,
            format!("fetching Git repository '{url}'"),
            Vec::new(),
        );
        // Left behind by a fetch that was killed; the lock on the copy is ours.
        let _ = std::fs::remove_file(repository.path().join("shallow.lock"));
        let mut command = git(repository.path(), Reach::Remote);
        command.args(["--git-dir", ".", "fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head"]);
        if input.flag("shallow") {
            command.args(["--depth", "1"]);
        }
        command.args(["--", url, refspec]);
        let out = command.output().map_err(start_error)?;
        if out.status.success() {
            return Ok(());
        }
        let failed = failure(&command, &out);
        let error = FetchError::new(format!("Failed to fetch git repository '{url}'\n{failed}"));
        if input.rev().is_some() || repository.resolve(full).is_none() {
            return Err(error);
        }
        self.events().message(Level::Error, format!("error: {error}"));
        self.events().warn(format!(
            "could not update local clone of Git repository '{url}'; continuing with the most recent version"
        ));
        Ok(())
    }
}

/// Opens the copy, making it if it is not there.
fn make(folder: &Path, url: &str) -> Result<Repository, FetchError> {
    if !folder.join("objects").is_dir() {
        let mut command = plain();
        command.args(["init", "--bare", "--quiet", "--template=", "--"]).arg(folder);
        run(command)?;
    }
    let repository = Repository::at(folder);
    // Addresses of submodules are relative to it.
    if repository.origin() != url {
        repository.run(["config", "remote.origin.url", url])?;
    }
    Ok(repository)
}

/// Notes that a branch was fetched now: by the time of its file, or of one beside it where git has packed it.
fn mark_time(folder: &Path, full: &str) {
    let times = FileTimes::new().set_modified(SystemTime::now());
    let own = folder.join(full);
    let file = if own.is_file() {
        File::options().write(true).open(own)
    } else {
        let beside = folder.join("firn-times").join(full);
        beside.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| File::create(beside))
    };
    // A time that cannot be noted means another fetch later.
    let _ = file.and_then(|file| file.set_times(times));
}

fn store_head(repository: &Repository, reference: &str) -> bool {
    if !reference.starts_with("refs/") {
        return true;
    }
    let stored = repository.run(["--git-dir", ".", "symbolic-ref", "--", "HEAD", reference]).is_ok();
    if stored {
        let times = FileTimes::new().set_modified(SystemTime::now());
        let _ = File::options()
            .write(true)
            .open(repository.path().join("HEAD"))
            .and_then(|file| file.set_times(times));
    }
    stored
}

/// There is no such commit.
pub(super) fn missing_rev(rev: &str, reference: &str, repository: &str) -> FetchError {
    FetchError::new(format!(
        "Cannot find Git revision '{rev}' in ref '{reference}' of repository '{repository}'! Please make sure that the \
         \u{1b}[1mrev\u{1b}[0m exists on the \u{1b}[1mref\u{1b}[0m you've specified or add \u{1b}[1mallRefs = true;\u{1b}[0m to \
         \u{1b}[1mfetchGit\u{1b}[0m."
    ))
}
