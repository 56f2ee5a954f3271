//! A work tree as a source: only what Git tracks is there.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use firn_source::{Accessor, CanonPath, FilteredAccessor, FsAccessor};

use super::WorkTreeState;
use crate::error::FetchError;

/// The tracked files of a work tree at `root`. A file that exists and is not tracked is reported as such, with the way out.
///
/// # Errors
/// The folder cannot be opened.
pub fn work_tree(root: &Path, state: &WorkTreeState) -> Result<Arc<dyn Accessor>, FetchError> {
    let mut allowed: HashSet<CanonPath> = HashSet::with_capacity(state.files.len() * 2);
    allowed.insert(CanonPath::root());
    for file in &state.files {
        let mut path = CanonPath::new(file).map_err(|e| FetchError::new(e.to_string()))?;
        // A folder is there if something in it is.
        while allowed.insert(path.clone()) {
            path.pop();
        }
    }
    let files = FsAccessor::new(root).map_err(|e| FetchError::new(e.to_string()))?;
    let shown = root.to_owned();
    let tree = FilteredAccessor::new(Arc::new(files), move |path| allowed.contains(path)).with_reason(move |path, _| {
        let relative = path.to_string();
        let relative = relative.trim_start_matches('/');
        let repository = format!("\"{}\"", shown.display());
        if shown.join(relative).symlink_metadata().is_ok() {
            format!(
                "Path '{relative}' in the repository {repository} is not tracked by Git.\n\nTo make it visible to Nix, run:\n\ngit -C {repository} add \"{relative}\""
            )
        } else {
            format!("Path '{relative}' does not exist in Git repository {repository}.")
        }
    });
    Ok(Arc::new(tree))
}
