//! Paths on the command line: store paths, links to them, and outputs of derivations.

use std::path::Path;

use firn_path::{DerivedPath, OutputsSpec, StorePath};
use firn_store::Store;

use crate::error::CliError;

/// The store path that `text` is in or leads to: links are followed until one is inside the store.
///
/// # Errors
/// It leads nowhere inside the store.
pub fn follow(store: &dyn Store, text: &str) -> Result<StorePath, CliError> {
    let dir = store.store_dir();
    let mut at = absolute(text)?;
    for _ in 0..64 {
        if dir.is_in_store(&at) {
            return Ok(dir.to_store_path(&at)?.0);
        }
        let Ok(target) = std::fs::read_link(&at) else { break };
        let parent = Path::new(&at).parent().unwrap_or(Path::new("/"));
        at = firn_path::canonical(&parent.join(target).to_string_lossy());
    }
    Err(CliError::new(format!("path '{at}' is not in the Nix store")))
}

fn absolute(text: &str) -> Result<String, CliError> {
    if text.starts_with('/') {
        return Ok(firn_path::canonical(text));
    }
    let here = std::env::current_dir()?;
    Ok(firn_path::canonical(&here.join(text).to_string_lossy()))
}

/// As [`follow`], but a derivation stands for its outputs: all, or those after `!`.
///
/// # Errors
/// As [`follow`]; names of outputs that are none.
pub fn follow_with_outputs(store: &dyn Store, text: &str) -> Result<DerivedPath, CliError> {
    let (path, outputs) = match text.split_once('!') {
        Some((path, outputs)) => (path, Some(outputs)),
        None => (text, None),
    };
    let path = follow(store, path)?;
    if !path.is_derivation() {
        return Ok(DerivedPath::Opaque(path));
    }
    let outputs = match outputs {
        None | Some("*") => OutputsSpec::All,
        Some(names) => OutputsSpec::Names(names.split(',').map(str::to_owned).collect()),
    };
    Ok(DerivedPath::built(path, outputs))
}

/// A path as the file system knows it, printed where the store's own name for it cannot be opened.
pub fn shown(store: &dyn Store, path: &StorePath) -> String {
    store.store_dir().print(path)
}
