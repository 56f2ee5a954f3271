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

/// A path in the store with links followed, as if the store were at its own place; what does not exist stays as it is.
///
/// # Errors
/// A link leads out of the store.
pub fn resolve_inside(store: &dyn Store, path: &str) -> Result<String, CliError> {
    let dir = store.store_dir();
    let mut done = String::new();
    let mut todo: Vec<String> = path.split('/').filter(|c| !c.is_empty()).rev().map(str::to_owned).collect();
    let mut links = 0;
    while let Some(part) = todo.pop() {
        match part.as_str() {
            "." => continue,
            ".." => {
                done.truncate(done.rfind('/').unwrap_or(0));
                continue;
            }
            _ => {}
        }
        let next = format!("{done}/{part}");
        let target = real(store, &next).and_then(|file| std::fs::read_link(file).ok());
        match target {
            Some(target) if links < 64 => {
                links += 1;
                let target = target.to_string_lossy().into_owned();
                if target.starts_with('/') {
                    done.clear();
                }
                todo.extend(target.split('/').filter(|c| !c.is_empty()).rev().map(str::to_owned));
            }
            _ => done = next,
        }
    }
    if dir.is_in_store(&done) {
        Ok(done)
    } else {
        Err(CliError::new(format!("path '{done}' is not in the Nix store")))
    }
}

/// Where the files of a path are on this machine, if they are in the store.
fn real(store: &dyn Store, path: &str) -> Option<std::path::PathBuf> {
    let dir = store.store_dir();
    if !dir.is_in_store(path) {
        return None;
    }
    let (base, below) = dir.to_store_path(path).ok()?;
    let real = store.real_path(&base)?;
    let below = below.trim_start_matches('/');
    Some(if below.is_empty() { real } else { real.join(below) })
}

/// The text of a file of the store, if it is one.
///
/// # Errors
/// Those of reading.
pub fn read_inside(store: &dyn Store, path: &str) -> Result<Option<String>, CliError> {
    match real(store, path) {
        Some(file) if file.is_file() => Ok(Some(String::from_utf8_lossy(&std::fs::read(file)?).into_owned())),
        _ => Ok(None),
    }
}
