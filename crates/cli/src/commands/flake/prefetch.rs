//! `nix flake prefetch`, `nix flake prefetch-inputs`

use std::collections::BTreeSet;

use firn_events::Level;
use firn_flake::lock_file::Edge;
use firn_flake::session::Tree;
use serde_json::json;

use super::{READ, lock_flake, reference};
use crate::args::{Flag, Parsed, option};
use crate::building::add_root;
use crate::commands::Command;
use crate::error::CliError;
use crate::evaluation::{Outcome, evaluate, flake_reference, flakes};
use crate::flags::{EVAL, JSON, LOCK};
use crate::session::Session;

pub(super) const PREFETCH: Command = Command {
    path: &["flake", "prefetch"],
    doc: "fetch the tree that a flake reference means into the store",
    flags: &[FLAGS, JSON, EVAL, LOCK],
    rest: false,
    run: prefetch,
};

pub(super) const INPUTS: Command = Command {
    path: &["flake", "prefetch-inputs"],
    doc: "fetch the inputs of a flake into the store",
    flags: &[EVAL, LOCK],
    rest: false,
    run: prefetch_inputs,
};

const FLAGS: &[Flag] = &[option("out-link", &["path"], "make a link to the tree").short('o')];

/// Copies a fetched tree to the store.
pub(super) fn realise(session: &Session, flakes: &firn_flake::Flakes, tree: &Tree) -> Result<(), CliError> {
    let store = session.store()?;
    Ok(flakes.mounts().realise(store.as_ref(), &tree.path)?)
}

fn prefetch(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (resolved, tree) = evaluate(session, &parsed, READ, |ctx| -> Outcome<_> {
        let flakes = flakes(ctx)?;
        let (reference, _) = flake_reference(reference(&parsed))?;
        let resolved = flakes.resolve(&reference, firn_flake::registry::Use::All)?;
        let tree = flakes.fetch(&resolved)?;
        realise(session, &flakes, &tree)?;
        Ok((resolved, tree))
    })?;
    let store = session.store()?;
    let path = store.store_dir().print(&tree.path);
    let mut locked = tree.locked()?;
    locked.dir.clone_from(&resolved.dir);
    locked.input = locked.input.with("__final", None);
    // The hash is known from fetching only for what is locked by it.
    if matches!(resolved.input.kind(), "git" | "path") {
        locked.input = locked.input.with("narHash", resolved.input.attrs().get("narHash").cloned());
    }
    if parsed.has("json") {
        let attrs = |r: &firn_flake::FlakeRef| firn_fetch::attrs::to_json(&r.to_attrs());
        let out = json!({
            "hash": tree.nar_hash.sri(),
            "locked": attrs(&locked),
            "original": attrs(&resolved),
            "storePath": path,
        });
        session.print_json(&out, &parsed)?;
    } else {
        let text = format!("Downloaded '{locked}' to '{path}' (hash '{}').", tree.nar_hash.sri());
        session.events().message(Level::Notice, text);
    }
    if let Some(link) = parsed.value("out-link") {
        add_root(store.as_ref(), &tree.path, link)?;
    }
    Ok(0)
}

fn prefetch_inputs(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let failed = evaluate(session, &parsed, READ, |ctx| -> Outcome<usize> {
        let flake = lock_flake(ctx, session, &parsed, reference(&parsed), |_| {})?;
        let flakes = flakes(ctx)?;
        let mut wanted = Vec::new();
        let mut seen = BTreeSet::from([0]);
        let mut todo = vec![0];
        while let Some(id) = todo.pop() {
            let node = &flake.lock.nodes[id];
            if let Some(lock) = node.lock.as_ref().filter(|l| l.locked.relative_path().is_none()) {
                wanted.push(lock.locked.clone());
            }
            for edge in node.inputs.values() {
                if let Edge::Node(child) = edge {
                    if seen.insert(*child) {
                        todo.push(*child);
                    }
                }
            }
        }
        let mut failed = 0;
        let most = session.settings.http_connections().clamp(1, 16) as usize;
        for some in wanted.chunks(most) {
            let results: Vec<_> = std::thread::scope(|scope| {
                let running: Vec<_> =
                    some.iter().map(|reference| scope.spawn(|| flakes.fetch(reference))).collect();
                running.into_iter().map(|thread| thread.join()).collect()
            });
            for result in results {
                let outcome = match result {
                    Ok(Ok(tree)) => realise(session, &flakes, &tree).map_err(CliError::text),
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err("fetching an input failed".to_owned()),
                };
                if let Err(text) = outcome {
                    failed += 1;
                    session.events().message(Level::Error, format!("error: {text}"));
                }
            }
        }
        Ok(failed)
    })?;
    Ok(u8::from(failed > 0))
}
