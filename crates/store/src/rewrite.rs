//! Making paths content-addressed: `nix store make-content-addressed`.
//!
//! Each path of a closure is written again with the new hash parts of what it refers to; its own hash part counts as zeros
//! while its content address is computed and is replaced by the new one afterwards.

use std::collections::BTreeMap;
use std::io::Write;

use firn_hash::{Algo, Hash, Hasher};
use firn_path::scan::HashRewriter;
use firn_path::{ContentAddress, ContentMethod, HASH_LEN, References, StorePath, StorePathSet};

use crate::closure::{ClosureOptions, closure, topological_order};
use crate::error::{Result, StoreError};
use crate::info::PathInfo;
use crate::store::{AddOptions, Store};

/// Adds content-addressed twins of the closures of `paths` to `to`; gives the new path for each old one.
///
/// # Errors
/// A path that is not valid, and those of reading and adding.
pub fn make_content_addressed(
    from: &dyn Store,
    to: &dyn Store,
    paths: &StorePathSet,
) -> Result<BTreeMap<StorePath, StorePath>> {
    let all = closure(from, paths, ClosureOptions::default())?;
    let mut twins: BTreeMap<StorePath, StorePath> = BTreeMap::new();
    for path in topological_order(from, &all)?.into_iter().rev() {
        let twin = make_twin(from, to, &path, &twins)?;
        twins.insert(path, twin);
    }
    Ok(twins)
}

fn rewriting(source: std::io::Error) -> StoreError {
    StoreError::Stream { action: "rewriting a path", source }
}

fn make_twin(
    from: &dyn Store,
    to: &dyn Store,
    path: &StorePath,
    twins: &BTreeMap<StorePath, StorePath>,
) -> Result<StorePath> {
    let old = from.require_info(path)?;
    let self_ref = old.references.contains(path);
    let others: StorePathSet = old
        .references
        .iter()
        .filter(|reference| *reference != path)
        .map(|reference| twins.get(reference).unwrap_or(reference).clone())
        .collect();
    let mut rewriter = HashRewriter::new(twins.iter().filter(|(a, b)| a != b), Vec::new());
    from.write_nar(path, &mut rewriter)?;
    let (nar, _) = rewriter.finish().map_err(rewriting)?;

    let mut modulo = HashRewriter::with_bytes(path, [0; HASH_LEN], Hasher::new(Algo::Sha256));
    modulo.write_all(&nar).map_err(rewriting)?;
    let (mut hasher, positions) = modulo.finish().map_err(rewriting)?;
    for position in positions {
        hasher.update(format!("|{position}").as_bytes());
    }
    let ca = ContentAddress { method: ContentMethod::NixArchive, hash: hasher.finish() };
    let references = References { others, self_ref };
    let twin = to.store_dir().make_content_addressed_path(path.name(), &ca, &references)?;

    let mut own = HashRewriter::new([(path, &twin)], Vec::with_capacity(nar.len()));
    own.write_all(&nar).map_err(rewriting)?;
    let (nar, _) = own.finish().map_err(rewriting)?;
    let mut info = PathInfo::new(twin.clone(), Hash::of(Algo::Sha256, &nar), nar.len() as u64);
    info.ca = Some(ca);
    info.references = references.others;
    if self_ref {
        info.references.insert(twin.clone());
    }
    to.add_nar(&info, &mut nar.as_slice(), AddOptions::default())?;
    Ok(twin)
}
