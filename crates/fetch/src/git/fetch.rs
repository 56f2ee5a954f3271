//! `git`: the tree of a commit, or of what is checked out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_hash::{Algo, Hash, Hasher};
use firn_source::{Accessor, CanonPath, FilteredAccessor, MountedAccessor};

use super::attributes::with_attribute;
use super::lfs::LfsTree;
use super::remote::missing_rev;
use super::submodules::{parse, resolve_url};
use super::{GitTree, Repository, WorkTreeState, verify, work_tree};
use crate::attrs::{Attr, Attrs};
use crate::error::FetchError;
use crate::fetcher::{Fetched, Fetcher, LazyCount, Shown};
use crate::input::Input;
use crate::schemes::git_url;

/// Where a repository is.
enum Place {
    Local(Repository),
    Remote(String),
}

const NO_REV: &str = "0000000000000000000000000000000000000000";

fn place(input: &Input) -> Result<Place, FetchError> {
    let mut url = git_url(input.text("url").unwrap_or_default())?;
    if url.scheme != "file" {
        // Old lock files have the folder of the flake in the address; the server must not see it.
        url.query.remove("dir");
        return Ok(Place::Remote(url.to_string()));
    }
    let path = PathBuf::from(&url.path);
    // For tests: treat repositories of this machine as if they were elsewhere.
    let forced = std::env::var_os("_NIX_FORCE_HTTP").is_some_and(|v| v == "1");
    let bare = path.exists() && !path.join(".git").exists();
    if forced || bare {
        url.query.clear();
        return Ok(Place::Remote(url.to_string()));
    }
    let path = std::path::absolute(&path).map_err(|e| FetchError::io("finding the current folder", e))?;
    Ok(Place::Local(Repository::at(firn_path::canonical(&path.to_string_lossy()))))
}

impl Fetcher {
    pub(crate) fn git(&self, input: &Input) -> Result<Fetched, FetchError> {
        if input.flag("exportIgnore") && input.flag("submodules") {
            return Err(FetchError::new("exportIgnore and submodules are not supported together yet"));
        }
        match place(input)? {
            Place::Local(repository) => {
                if !repository.path().exists() {
                    return Err(FetchError::new(format!(
                        "Git repository \"{}\" does not exist.",
                        repository.path().display()
                    )));
                }
                if input.reference().is_none() && input.rev().is_none() {
                    self.work_tree(input, repository)
                } else {
                    self.local_commit(input, repository)
                }
            }
            Place::Remote(url) => {
                let copy = self.copy_of(input, &url)?;
                let found = input
                    .clone()
                    .with("ref", Some(copy.reference.into()))
                    .with("rev", Some(copy.rev.as_str().into()));
                self.commit(found, copy.repository, &copy.rev)
            }
        }
    }

    /// Clones the repository that an input means; `false` if it means none.
    ///
    /// # Errors
    /// Git refuses.
    pub fn clone_repository(&self, input: &Input, destination: &Path) -> Result<bool, FetchError> {
        let url = match input.kind() {
            "git" => match place(input)? {
                Place::Local(repository) => repository.path().to_string_lossy().into_owned(),
                Place::Remote(url) => url,
            },
            "github" | "gitlab" | "sourcehut" => crate::forge::repository_url(input),
            _ => return Ok(false),
        };
        if input.rev().is_some() {
            return Err(FetchError::new("cloning a specific revision is not implemented"));
        }
        let mut command = super::command::plain();
        command.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh");
        command.args(["-c", "safe.directory=*", "clone", "--quiet"]);
        if let Some(reference) = input.reference() {
            command.arg("--branch").arg(reference);
        }
        command.arg("--").arg(url).arg(destination);
        super::command::run(command).map(|_| true)
    }

    /// A commit of a repository of this machine, read where it is.
    fn local_commit(&self, input: &Input, repository: Repository) -> Result<Fetched, FetchError> {
        let shown = repository.path().display().to_string();
        let reference = match input.reference() {
            Some(reference) => reference.to_owned(),
            None => repository.branch().unwrap_or_else(|| "HEAD".to_owned()),
        };
        let rev = match input.rev() {
            Some(rev) => repository.resolve(rev).ok_or_else(|| missing_rev(rev, &reference, &shown))?,
            None => repository.resolve_reference(&reference).ok_or_else(|| {
                FetchError::new(format!(
                    "resolving Git reference '{reference}' of repository '{shown}': not found"
                ))
            })?,
        };
        let found = input.clone().with("ref", Some(reference.into())).with("rev", Some(rev.as_str().into()));
        self.commit(found, repository, &rev)
    }

    /// The time of a commit, which never changes.
    fn commit_time(&self, repository: &Repository, rev: &str) -> Result<u64, FetchError> {
        self.remembered("gitLastModified", rev, || repository.commit_time(rev))
    }

    fn remembered(
        &self,
        domain: &str,
        rev: &str,
        find: impl FnOnce() -> Result<u64, FetchError>,
    ) -> Result<u64, FetchError> {
        let key = Attrs::from([("rev".into(), rev.into())]);
        if let Some(Attr::Int(n)) = self.cache().get(domain, &key).and_then(|e| e.value.get("n").cloned()) {
            return Ok(n);
        }
        let n = find()?;
        self.cache().put(domain, &key, &Attrs::from([("n".into(), n.into())]));
        Ok(n)
    }

    /// The number of commits up to one, counted when it is asked for.
    fn lazy_count(&self, repository: &Repository, rev: &str) -> LazyCount {
        let (fetcher, repository, rev) = (self.clone(), repository.clone(), rev.to_owned());
        LazyCount::new(move || {
            fetcher.remembered("gitRevCount", &rev, || {
                if repository.is_shallow() {
                    return Err(FetchError::new(format!(
                        "'{}' is a shallow Git repository, so 'revCount' is not available",
                        repository.path().display()
                    )));
                }
                repository.rev_count(&rev)
            })
        })
    }

    /// The tree of a commit that the repository has. `found` has its `ref` and `rev`.
    fn commit(&self, mut found: Input, repository: Repository, rev: &str) -> Result<Fetched, FetchError> {
        if found.int("lastModified").is_none() {
            found = found.with("lastModified", Some(self.commit_time(&repository, rev)?.into()));
        }
        verify::verify(&found, Some(&repository))?;
        let time = found.int("lastModified").unwrap_or(0);
        let shown = format!("«{}»", found.to_url());
        let tree = GitTree::open(repository.clone(), rev, time)?.shown_as(shown);
        let tree = if found.flag("exportIgnore") { tree.without_export_ignored(rev)? } else { tree };
        let mut mounts = BTreeMap::new();
        if found.flag("submodules") {
            mounts = self.submodules(&found, &repository, &tree)?;
        }
        let lfs = found.flag("lfs").then(|| tree.large_files(rev)).transpose()?;
        let mut tree: Arc<dyn Accessor> = Arc::new(tree);
        if let Some(paths) = lfs.filter(|paths| !paths.is_empty()) {
            let remote = repository.origin();
            tree = Arc::new(LfsTree { inner: tree, fetcher: self.clone(), remote, paths });
        }
        if !mounts.is_empty() {
            tree = Arc::new(MountedAccessor::new(tree, mounts));
        }
        let count = (!found.flag("shallow") && found.int("revCount").is_none())
            .then(|| self.lazy_count(&repository, rev));
        Ok(Fetched { rev_count: count, ..Fetched::new(found, tree) })
    }

    /// The trees of a commit's submodules, by their places.
    fn submodules(
        &self,
        outer: &Input,
        repository: &Repository,
        tree: &GitTree,
    ) -> Result<BTreeMap<CanonPath, Arc<dyn Accessor>>, FetchError> {
        let mut mounts: BTreeMap<CanonPath, Arc<dyn Accessor>> = BTreeMap::new();
        let bad = |e: firn_source::SourceError| FetchError::new(e.to_string());
        let list = CanonPath::new(".gitmodules").map_err(bad)?;
        if tree.stat(&list).map_err(bad)?.is_none() {
            return Ok(mounts);
        }
        let origin = repository.origin();
        for module in parse(&tree.read_file(&list).map_err(bad)?)? {
            let path = CanonPath::new(&module.path).map_err(bad)?;
            // What `.gitmodules` names and the commit does not have is none.
            let Some(rev) = tree.submodule(&path) else { continue };
            let mut attrs = Attrs::from([
                ("type".into(), "git".into()),
                ("url".into(), resolve_url(&origin, &module.url).into()),
                ("rev".into(), rev.into()),
                ("submodules".into(), true.into()),
                ("lfs".into(), outer.flag("lfs").into()),
                ("allRefs".into(), true.into()),
            ]);
            match module.branch.as_deref() {
                None | Some("") => {}
                Some(".") => drop(attrs.insert("ref".into(), outer.reference().unwrap_or("HEAD").into())),
                Some(branch) => drop(attrs.insert("ref".into(), branch.into())),
            }
            let fetched = self.fetch(&Input::from_attrs(attrs)?)?;
            mounts.insert(path, fetched.tree);
        }
        Ok(mounts)
    }

    /// What is checked out.
    fn work_tree(&self, input: &Input, repository: Repository) -> Result<Fetched, FetchError> {
        let mut state = repository.work_tree_state()?;
        let mut mounts: BTreeMap<CanonPath, Arc<dyn Accessor>> = BTreeMap::new();
        if input.flag("submodules") {
            for module in state.submodules.clone() {
                state.files.push(module.clone());
                let path = repository.path().join(super::command::path_of(&module));
                let attrs = Attrs::from([
                    ("type".into(), "git".into()),
                    ("url".into(), path.to_string_lossy().into_owned().into()),
                    ("submodules".into(), true.into()),
                ]);
                let fetched = self.fetch(&Input::from_attrs(attrs)?)?;
                state.dirty |= fetched.input.rev().is_none();
                mounts.insert(
                    CanonPath::new(&module).map_err(|e| FetchError::new(e.to_string()))?,
                    fetched.tree,
                );
            }
        }
        let mut tree = work_tree(repository.path(), &state)?;
        if input.flag("exportIgnore") {
            tree = without_export_ignored(tree, &repository, &state)?;
        }
        if mounts.is_empty() {
            if let Some(fingerprint) = work_tree_fingerprint(&repository, &state, input) {
                tree = Shown::fingerprinted(tree, fingerprint);
            }
        } else {
            tree = Arc::new(MountedAccessor::new(tree, mounts));
        }
        let mut found = input.clone();
        let mut count = None;
        if state.dirty {
            verify::verify(&found, None)?;
            self.say_dirty(&repository)?;
            if let Some(head) = &state.head {
                found = found
                    .with("dirtyRev", Some(format!("{head}-dirty").into()))
                    .with("dirtyShortRev", Some(format!("{}-dirty", &head[..7]).into()));
            }
        } else {
            if let Some(branch) =
                repository.branch().or_else(|| Some("HEAD".into()).filter(|_| state.head.is_some()))
            {
                found = found.with("ref", Some(branch.into()));
            }
            let rev = state.head.as_deref().unwrap_or(NO_REV);
            found = found.with("rev", Some(rev.into()));
            if !input.flag("shallow") {
                match &state.head {
                    None => found = found.with("revCount", Some(0u64.into())),
                    Some(head) => count = Some(self.lazy_count(&repository, head)),
                }
            }
            verify::verify(&found, Some(&repository))?;
        }
        let time = match &state.head {
            Some(head) => self.commit_time(&repository, head)?,
            None => 0,
        };
        found = found.with("lastModified", Some(time.into()));
        Ok(Fetched { rev_count: count, ..Fetched::new(found, tree) })
    }

    fn say_dirty(&self, repository: &Repository) -> Result<(), FetchError> {
        let text = format!("Git tree '{}' is dirty", repository.path().display());
        if !self.settings().allow_dirty() {
            return Err(FetchError::new(text));
        }
        if self.settings().warn_dirty() {
            self.events().warn(text);
        }
        Ok(())
    }
}

/// What tells a work tree from others: the commit, and the files that differ from it. Only those are read.
fn work_tree_fingerprint(repository: &Repository, state: &WorkTreeState, input: &Input) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mut hasher = Hasher::new(Algo::Sha256);
    let mut put = |text: &[u8]| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    // Filters may make the same commit another tree in another place.
    put(repository.path().as_os_str().as_encoded_bytes());
    for file in &state.changed {
        let path = repository.path().join(super::command::path_of(file));
        put(file);
        match path.symlink_metadata() {
            Err(_) => put(b"deleted"),
            Ok(meta) if meta.is_symlink() => {
                put(b"symlink");
                put(std::fs::read_link(&path).ok()?.as_os_str().as_encoded_bytes());
            }
            Ok(meta) if meta.is_file() => {
                put(if meta.permissions().mode() & 0o100 == 0 { &b"file"[..] } else { &b"executable"[..] });
                put(Hash::of(Algo::Sha256, &std::fs::read(&path).ok()?).as_bytes());
            }
            Ok(_) => return None,
        }
    }
    let head = state.head.as_deref().unwrap_or(NO_REV);
    let export = if input.flag("exportIgnore") { ";e" } else { "" };
    Some(format!("git-work:{head};d={}{export}", hasher.finish().base16()))
}

/// A work tree without what `.gitattributes` keep out of exports.
fn without_export_ignored(
    tree: Arc<dyn Accessor>,
    repository: &Repository,
    state: &WorkTreeState,
) -> Result<Arc<dyn Accessor>, FetchError> {
    let named = state.files.iter().any(|f| f.rsplit(|b| *b == b'/').next() == Some(b".gitattributes"));
    if !named {
        return Ok(tree);
    }
    let mut paths = BTreeMap::new();
    for file in &state.files {
        let mut path = CanonPath::new(file).map_err(|e| FetchError::new(e.to_string()))?;
        let mut directory = false;
        while !path.is_root() && paths.insert(path.clone(), directory).is_none() {
            path.pop();
            directory = true;
        }
    }
    let ignored = with_attribute(
        repository,
        ("export-ignore", "set"),
        None,
        paths.iter().map(|(path, directory)| (path, *directory)),
    )?;
    Ok(Arc::new(FilteredAccessor::new(tree, move |path| {
        let mut at = path.clone();
        loop {
            if ignored.contains(&at) {
                return false;
            }
            if !at.pop() {
                return true;
            }
        }
    })))
}
