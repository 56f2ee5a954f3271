//! `nix flake metadata`

use std::collections::BTreeSet;
use std::fmt::Write;

use firn_flake::FlakeRef;
use firn_flake::diff::{date, time_of_day};
use firn_flake::lock_file::{Edge, LockFile};
use serde_json::json;

use super::{only_lock, reference};
use crate::args::Parsed;
use crate::commands::Command;
use crate::error::CliError;
use crate::flags::{EVAL, JSON, LOCK};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    path: &["flake", "metadata"],
    doc: "show what a flake reference means, and the flake's inputs",
    flags: &[JSON, EVAL, LOCK],
    rest: false,
    run: metadata,
};

pub(super) const INFO: Command = Command {
    path: &["flake", "info"],
    doc: "show what a flake reference means (deprecated: flake metadata)",
    flags: &[JSON, EVAL, LOCK],
    rest: false,
    run: info,
};

fn info(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    session.warn("'nix flake info' is a deprecated alias for 'nix flake metadata'");
    metadata(session, parsed)
}

fn attrs(reference: &FlakeRef) -> serde_json::Value {
    firn_fetch::attrs::to_json(&reference.to_attrs())
}

fn metadata(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let flake = only_lock(session, &parsed, reference(&parsed), |_| {})?;
    let dir = crate::evaluation::store_dir(session)?;
    let mut locked = flake.tree.locked()?;
    locked.dir.clone_from(&flake.locked.dir);
    let input = &locked.input;
    let path = dir.print(&flake.tree.path);
    if parsed.has("json") {
        let mut out = json!({
            "description": flake.declaration.description,
            "dirtyRevision": input.text("dirtyRev"),
            "fingerprint": flake.fingerprint().map(|h| h.base16()),
            "lastModified": input.int("lastModified"),
            "locked": attrs(&locked),
            "locks": flake.lock.to_json(),
            "original": attrs(&flake.original),
            "originalUrl": flake.original.to_string(),
            "path": path,
            "resolved": attrs(&flake.resolved),
            "resolvedUrl": flake.resolved.to_string(),
            "revCount": input.int("revCount"),
            "revision": input.rev(),
            "url": locked.to_string(),
        });
        if let Some(object) = out.as_object_mut() {
            object.retain(|_, v| !v.is_null());
        }
        session.print_json(&out, &parsed)?;
        return Ok(0);
    }
    let mut out = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{:<15}{value}", format!("{name}:"));
        }
    };
    line("Resolved URL", Some(flake.resolved.to_string()));
    line("Locked URL", input.is_locked().then(|| locked.to_string()));
    line("Description", flake.declaration.description.clone());
    line("Path", Some(path));
    line("Revision", input.rev().map(str::to_owned));
    line("Revision", input.text("dirtyRev").map(str::to_owned));
    line("Revisions", input.int("revCount").map(|n| n.to_string()));
    line("Last modified", input.int("lastModified").map(|s| format!("{} {}", date(s), time_of_day(s))));
    line("Fingerprint", flake.fingerprint().map(|h| h.base16()));
    if !flake.lock.nodes[0].inputs.is_empty() {
        out.push_str("Inputs:\n");
        inputs(&flake.lock, 0, "", &mut BTreeSet::from([0]), &mut out);
    }
    session.print(out)?;
    Ok(0)
}

fn inputs(lock: &LockFile, node: usize, prefix: &str, seen: &mut BTreeSet<usize>, out: &mut String) {
    let count = lock.nodes[node].inputs.len();
    for (i, (name, edge)) in lock.nodes[node].inputs.iter().enumerate() {
        let last = i + 1 == count;
        let branch = if last { "└───" } else { "├───" };
        let _ = match edge {
            Edge::Follows(path) => writeln!(out, "{prefix}{branch}{name} follows input '{}'", path.join("/")),
            Edge::Node(id) => {
                let text = lock.nodes[*id].lock.as_ref().map(|l| {
                    let time = l.locked.input.int("lastModified");
                    let time = time.map(|s| format!(" ({} {})", date(s), time_of_day(s))).unwrap_or_default();
                    format!("{}{time}", l.locked)
                });
                writeln!(out, "{prefix}{branch}{name}: {}", text.unwrap_or_default())
            }
        };
        if let Edge::Node(id) = edge {
            if seen.insert(*id) {
                inputs(lock, *id, &format!("{prefix}{}", if last { "    " } else { "│   " }), seen, out);
            }
        }
    }
}
