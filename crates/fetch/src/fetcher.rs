//! From an input to the tree that it means.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_events::Events;
use firn_settings::Settings;
use firn_source::{Accessor, FsAccessor};

use crate::attrs::Attr;
use crate::error::FetchError;
use crate::git::{GitTree, Repository, work_tree};
use crate::input::Input;
use crate::url::ParsedUrl;

/// A tree with the input that says all about it.
#[derive(Clone)]
pub struct Fetched {
    /// The input, with the attributes that fetching found (`rev`, `lastModified` …); `narHash` is not among them, as
    /// computing it means reading the whole tree.
    pub input: Input,
    /// The tree.
    pub tree: Arc<dyn Accessor>,
}

/// Tells where the files of a path inside the store are, where that is elsewhere.
pub type RealPaths = Arc<dyn Fn(&str) -> Option<PathBuf> + Send + Sync>;

/// Gets trees.
#[derive(Clone)]
pub struct Fetcher {
    settings: Arc<Settings>,
    events: Events,
    /// Another lock of the base's seeds than the embedded one.
    base_lock: Option<Vec<u8>>,
    /// Where a store path's files are: stores below a home folder have them elsewhere.
    real: RealPaths,
}

impl Fetcher {
    /// A fetcher. `real` tells where the files of a path inside the store are, where that is elsewhere.
    pub fn new(settings: Arc<Settings>, events: Events, real: RealPaths) -> Fetcher {
        Fetcher { settings, events, base_lock: None, real }
    }

    /// Uses another lock of the base's seeds.
    pub fn with_base_lock(mut self, lock: Option<Vec<u8>>) -> Fetcher {
        self.base_lock = lock;
        self
    }

    /// Gets the tree of an input.
    ///
    /// # Errors
    /// The tree is not there; what git or the network say; a type that cannot be fetched.
    pub fn fetch(&self, input: &Input) -> Result<Fetched, FetchError> {
        match input.kind() {
            "base" => Ok(self.base(input)),
            "path" => self.path(input),
            "git" => self.git(input),
            "indirect" => Err(FetchError::new(format!(
                "indirect input '{}' cannot be fetched directly",
                input.to_url()
            ))),
            kind => Err(FetchError::new(format!(
                "fetching inputs of type '{kind}' ('{}') is not supported yet",
                input.to_url()
            ))),
        }
    }

    fn base(&self, input: &Input) -> Fetched {
        let tree = match &self.base_lock {
            None => crate::base::embedded().clone(),
            lock => crate::base::tree(lock.clone()),
        };
        Fetched { input: input.clone(), tree }
    }

    fn path(&self, input: &Input) -> Result<Fetched, FetchError> {
        let path = input.text("path").unwrap_or_default();
        if !path.starts_with('/') {
            return Err(FetchError::new(format!(
                "cannot fetch input '{}' because it uses a relative path",
                input.to_url()
            )));
        }
        let real = (self.real)(path).unwrap_or_else(|| PathBuf::from(path));
        if real.symlink_metadata().is_err() {
            return Err(FetchError::new(format!("path '{path}' does not exist")));
        }
        let tree = FsAccessor::new(&real).map_err(|e| FetchError::new(e.to_string()))?.shown_as(path);
        let mut found = input.clone();
        if input.int("lastModified").is_none() {
            found = found.with("lastModified", Some(Attr::Int(newest(&real)?)));
        }
        Ok(Fetched { input: found, tree: Arc::new(tree) })
    }

    fn git(&self, input: &Input) -> Result<Fetched, FetchError> {
        let text = input.text("url").unwrap_or_default();
        let path = match text.strip_prefix('/') {
            Some(_) => text.to_owned(),
            None => {
                let url = ParsedUrl::parse(text)?;
                if url.scheme != "file" {
                    return Err(FetchError::new(format!(
                        "fetching Git repository '{text}' over the network is not supported yet"
                    )));
                }
                url.path
            }
        };
        if !Path::new(&path).exists() {
            return Err(FetchError::new(format!("Git repository '{path}' does not exist")));
        }
        let repository = Repository::at(&path);
        if input.reference().is_none() && input.rev().is_none() && !repository.is_bare()? {
            self.work_tree(input, &repository)
        } else {
            commit(input, repository)
        }
    }

    fn work_tree(&self, input: &Input, repository: &Repository) -> Result<Fetched, FetchError> {
        let state = repository.work_tree_state()?;
        let mut found = input.clone();
        let time = match &state.head {
            Some(head) => repository.commit_time(head)?,
            None => 0,
        };
        if state.dirty || state.head.is_none() {
            let shown = repository.path().display();
            if !self.settings.allow_dirty() {
                return Err(FetchError::new(format!("Git tree '{shown}' is dirty")));
            }
            if self.settings.warn_dirty() {
                self.events.warn(format!("Git tree '{shown}' is dirty"));
            }
            if let Some(head) = &state.head {
                found = found
                    .with("dirtyRev", Some(format!("{head}-dirty").into()))
                    .with("dirtyShortRev", Some(format!("{}-dirty", &head[..7]).into()));
            }
        } else if let Some(head) = &state.head {
            if let Some(branch) = &state.branch {
                found = found.with("ref", Some(branch.as_str().into()));
            }
            found = found.with("rev", Some(head.as_str().into()));
            if !input.flag("shallow") {
                found = found.with("revCount", Some(Attr::Int(repository.rev_count(head)?)));
            }
        }
        found = found.with("lastModified", Some(Attr::Int(time)));
        Ok(Fetched { input: found, tree: work_tree(repository.path(), &state)? })
    }
}

/// The tree of a commit of a local repository.
fn commit(input: &Input, repository: Repository) -> Result<Fetched, FetchError> {
    let reference = input.reference().unwrap_or("HEAD").to_owned();
    let rev = match input.rev() {
        Some(rev) => repository.resolve(rev).ok_or_else(|| {
            FetchError::new(format!(
                "Cannot find Git revision '{rev}' in ref '{reference}' of repository '{}'!",
                repository.path().display()
            ))
        })?,
        None => ["", "refs/heads/", "refs/tags/"]
            .iter()
            .find_map(|prefix| repository.resolve(&format!("{prefix}{reference}")))
            .ok_or_else(|| {
                FetchError::new(format!(
                    "cannot find branch or tag '{reference}' in Git repository '{}'",
                    repository.path().display()
                ))
            })?,
    };
    let time = repository.commit_time(&rev)?;
    let mut found =
        input.clone().with("rev", Some(rev.as_str().into())).with("lastModified", Some(Attr::Int(time)));
    if !input.flag("shallow") && !repository.is_shallow() {
        found = found.with("revCount", Some(Attr::Int(repository.rev_count(&rev)?)));
    }
    Ok(Fetched { tree: Arc::new(GitTree::open(repository, &rev, time)?), input: found })
}

/// When anything in a tree was last changed, in seconds since 1970.
fn newest(root: &Path) -> Result<u64, FetchError> {
    use std::os::unix::fs::MetadataExt;
    let mut newest = 0;
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        let failed = |e| FetchError::io(format!("getting status of '{}'", path.display()), e);
        let meta = path.symlink_metadata().map_err(failed)?;
        newest = newest.max(u64::try_from(meta.mtime()).unwrap_or(0));
        if meta.is_dir() {
            for entry in path.read_dir().map_err(failed)? {
                todo.push(entry.map_err(failed)?.path());
            }
        }
    }
    Ok(newest)
}
