//! `nix flake archive`

use std::collections::BTreeSet;

use firn_flake::lock_file::Edge;
use firn_flake::session::{LockedFlake, Tree};
use firn_flake::{FlakeRef, Flakes};
use firn_path::StorePath;
use serde_json::{Map, Value as Json, json};

use super::{READ, lock_flake, prefetch, reference};
use crate::args::{Flag, Parsed, option, switch};
use crate::commands::Command;
use crate::error::CliError;
use crate::evaluation::{Outcome, evaluate, flakes};
use crate::flags::{EVAL, JSON, LOCK};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    path: &["flake", "archive"],
    doc: "copy a flake and all its inputs to a store",
    flags: &[FLAGS, JSON, EVAL, LOCK],
    rest: false,
    run,
};

const FLAGS: &[Flag] = &[
    option("to", &["store-uri"], "the store to copy to"),
    switch("dry-run", "only say what would be copied"),
    switch("no-check-sigs", "do not ask for signatures"),
];

struct Archive<'a> {
    session: &'a Session,
    flakes: &'a Flakes,
    flake: &'a LockedFlake,
    dry_run: bool,
    paths: BTreeSet<StorePath>,
}

impl Archive<'_> {
    fn keep(&mut self, tree: &Tree) -> Result<StorePath, CliError> {
        if !self.dry_run {
            prefetch::realise(self.session, self.flakes, tree)?;
        }
        self.paths.insert(tree.path.clone());
        Ok(tree.path.clone())
    }

    fn path_of(&mut self, id: usize, reference: &FlakeRef) -> Outcome<StorePath> {
        let tree = match self.flake.trees.get(&id) {
            Some(tree) => tree.clone(),
            None => self.flakes.fetch(reference)?,
        };
        Ok(self.keep(&tree)?)
    }

    fn inputs(&mut self, id: usize) -> Outcome<Json> {
        let flake = self.flake;
        let mut out = Map::new();
        for (name, edge) in &flake.lock.nodes[id].inputs {
            let Edge::Node(child) = edge else { continue };
            let mut entry = Map::new();
            entry.insert("inputs".into(), self.inputs(*child)?);
            let locked = flake.lock.nodes[*child].lock.as_ref().map(|l| &l.locked);
            if let Some(locked) = locked.filter(|l| l.relative_path().is_none()) {
                let path = self.path_of(*child, locked)?;
                entry.insert("path".into(), self.flakes.store_dir().print(&path).into());
            }
            out.insert(name.clone(), entry.into());
        }
        Ok(out.into())
    }
}

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (json, paths) = evaluate(session, &parsed, READ, |ctx| -> Outcome<_> {
        let flake = lock_flake(ctx, session, &parsed, reference(&parsed), |_| {})?;
        let flakes = flakes(ctx)?;
        let mut archive = Archive {
            session,
            flakes: &flakes,
            flake: &flake,
            dry_run: parsed.has("dry-run"),
            paths: BTreeSet::new(),
        };
        let path = archive.keep(&flake.tree)?;
        let inputs = archive.inputs(0)?;
        let json = json!({ "inputs": inputs, "path": flakes.store_dir().print(&path) });
        Ok((json, archive.paths))
    })?;
    if parsed.has("json") {
        session.print_json(&json, &parsed)?;
    }
    if let Some(to) = parsed.value("to").filter(|_| !parsed.has("dry-run")) {
        copy(session, &paths, to)?;
    }
    Ok(0)
}

/// Copies sources, which refer to nothing, to another store.
fn copy(session: &Session, paths: &BTreeSet<StorePath>, to: &str) -> Result<(), CliError> {
    let from = session.store()?;
    let to = session.open(to)?;
    for path in paths.iter().filter(|path| !to.is_valid(path).unwrap_or(false)) {
        let new = firn_store::NewContents::source(path.name());
        let added = to.add_dump(&new, firn_store::DumpMethod::Nar, &mut |out| from.write_nar(path, out))?;
        if added.path != *path {
            let text = format!("'{path}' became '{}' in the other store", added.path);
            return Err(CliError::new(text));
        }
    }
    Ok(())
}
