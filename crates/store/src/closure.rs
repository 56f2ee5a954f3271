//! Closures, orders and sizes over any store.

use std::collections::{BTreeMap, HashMap, HashSet};

use firn_path::{StorePath, StorePathSet};

use crate::error::{Result, StoreError};
use crate::store::Store;

/// What a closure follows beside references.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ClosureOptions {
    /// Follow referrers instead of references.
    pub backwards: bool,
    /// Follow derivations to their valid outputs (backwards: outputs to their derivers).
    pub include_outputs: bool,
    /// Follow paths to their valid derivers (backwards: derivations to the outputs that they made).
    pub include_derivers: bool,
}

/// All paths that are reached from `starts`, which are part of it.
///
/// # Errors
/// A path that is not valid.
pub fn closure<'a>(
    store: &dyn Store,
    starts: impl IntoIterator<Item = &'a StorePath>,
    options: ClosureOptions,
) -> Result<StorePathSet> {
    let mut closure = StorePathSet::new();
    let mut todo: Vec<StorePath> = starts.into_iter().cloned().collect();
    while let Some(path) = todo.pop() {
        if closure.contains(&path) {
            continue;
        }
        let info = store.require_info(&path)?;
        if options.backwards {
            todo.extend(store.referrers(&path)?);
            if options.include_outputs {
                todo.extend(store.valid_derivers(&path)?);
            }
            if options.include_derivers && path.is_derivation() {
                todo.extend(valid_outputs(store, &path)?);
            }
        } else {
            todo.extend(info.references.iter().cloned());
            if options.include_outputs && path.is_derivation() {
                todo.extend(valid_outputs(store, &path)?);
            }
            if let (true, Some(deriver)) = (options.include_derivers, &info.deriver) {
                if store.is_valid(deriver)? {
                    todo.push(deriver.clone());
                }
            }
        }
        closure.insert(path);
    }
    Ok(closure)
}

fn valid_outputs(store: &dyn Store, drv: &StorePath) -> Result<Vec<StorePath>> {
    let mut valid = Vec::new();
    for output in store.derivation_outputs(drv)?.into_values().flatten() {
        if store.is_valid(&output)? {
            valid.push(output);
        }
    }
    Ok(valid)
}

/// Orders paths so that each comes before those of them that it refers to. Paths that are not valid have no references.
///
/// # Errors
/// References in a circle.
pub fn topological_order(store: &dyn Store, paths: &StorePathSet) -> Result<Vec<StorePath>> {
    let mut references: HashMap<&StorePath, Vec<StorePath>> = HashMap::with_capacity(paths.len());
    for path in paths {
        let own = match store.path_info(path)? {
            Some(info) => {
                info.references.iter().filter(|r| *r != path && paths.contains(*r)).cloned().collect()
            }
            None => Vec::new(),
        };
        references.insert(path, own);
    }
    order_by(paths, &references).map_err(|(path, parent)| StoreError::Cycle {
        path: store.store_dir().print(&path),
        parent: store.store_dir().print(&parent),
    })
}

/// The order of a depth-first search, references after those that refer to them; or a circle's path and parent.
fn order_by(
    paths: &StorePathSet,
    references: &HashMap<&StorePath, Vec<StorePath>>,
) -> std::result::Result<Vec<StorePath>, (StorePath, StorePath)> {
    let mut sorted = Vec::with_capacity(paths.len());
    let mut visited: HashSet<&StorePath> = HashSet::new();
    for start in paths {
        // a path with how many of its references were looked at
        let mut stack: Vec<(&StorePath, usize)> = Vec::new();
        let mut open: HashSet<&StorePath> = HashSet::new();
        if visited.insert(start) {
            stack.push((start, 0));
            open.insert(start);
        }
        while let Some((path, at)) = stack.pop() {
            match references[path].get(at) {
                None => {
                    open.remove(path);
                    sorted.push(path.clone());
                }
                Some(next) => {
                    stack.push((path, at + 1));
                    if open.contains(next) {
                        return Err((next.clone(), path.clone()));
                    }
                    // the reference is a member, so the set's own copy lives long enough
                    let next = paths.get(next).expect("only members are kept");
                    if visited.insert(next) {
                        stack.push((next, 0));
                        open.insert(next);
                    }
                }
            }
        }
    }
    sorted.reverse();
    Ok(sorted)
}

/// The sum of the NAR sizes of a path's closure, and of the path itself.
///
/// # Errors
/// A path that is not valid.
pub fn closure_size(store: &dyn Store, path: &StorePath) -> Result<u64> {
    let mut total = 0;
    for path in closure(store, [path], ClosureOptions::default())? {
        total += store.require_info(&path)?.nar_size;
    }
    Ok(total)
}

/// For each path of a closure, the paths of the closure that refer to it: what `nix why-depends` walks.
///
/// # Errors
/// A path that is not valid.
pub fn referrers_within(
    store: &dyn Store,
    closure: &StorePathSet,
) -> Result<BTreeMap<StorePath, StorePathSet>> {
    let mut referrers: BTreeMap<StorePath, StorePathSet> = BTreeMap::new();
    for path in closure {
        for reference in &store.require_info(path)?.references {
            if closure.contains(reference) {
                referrers.entry(reference.clone()).or_default().insert(path.clone());
            }
        }
    }
    Ok(referrers)
}
