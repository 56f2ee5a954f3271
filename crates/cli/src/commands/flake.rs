//! `nix flake lock`, `nix flake metadata`, `nix flake show`

use std::fmt::Write;

use firn_eval::{Ctx, Pos, Value};
use firn_flake::diff::date;
use firn_flake::lock_file::{Edge, LockFile};
use serde_json::json;

use super::Command;
use crate::args::{Flag, Parsed, switch};
use crate::error::CliError;
use crate::evaluation::{Mode, Outcome, evaluate, flake_reference, flakes};
use crate::flags::{EVAL, JSON, LOCK as LOCK_FLAGS};
use crate::installable::{flake_value, lock_mode, optional_text};
use crate::session::Session;

pub(super) const LOCK: Command = Command {
    path: &["flake", "lock"],
    doc: "add missing entries to the lock file",
    flags: &[EVAL, LOCK_FLAGS],
    rest: false,
    run: lock,
};

pub(super) const METADATA: Command = Command {
    path: &["flake", "metadata"],
    doc: "show what a flake reference means, and the flake's inputs",
    flags: &[JSON, EVAL, LOCK_FLAGS],
    rest: false,
    run: metadata,
};

pub(super) const SHOW: Command = Command {
    path: &["flake", "show"],
    doc: "show the outputs of a flake",
    flags: &[SHOW_FLAGS, JSON, EVAL, LOCK_FLAGS],
    rest: false,
    run: show,
};

const SHOW_FLAGS: &[Flag] = &[
    switch("legacy", "show legacyPackages, too"),
    switch("all-systems", "show the outputs for all systems"),
];

/// Locking evaluates only `flake.nix` files; those lie in trees, whatever else is allowed.
const READ: Mode = Mode { pure: true, read_only: false };

fn reference(parsed: &Parsed) -> &str {
    parsed.positional.first().map_or(".", String::as_str)
}

fn lock(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    evaluate(session, &parsed, READ, |ctx| {
        let (reference, _) = flake_reference(reference(&parsed))?;
        let mode = lock_mode(session, &parsed)?;
        flakes(ctx)?.lock(ctx, &reference, &mode)?;
        Ok(())
    })?;
    Ok(0)
}

fn metadata(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let flake = evaluate(session, &parsed, READ, |ctx| {
        let (reference, _) = flake_reference(reference(&parsed))?;
        let mode = lock_mode(session, &parsed)?;
        Ok(flakes(ctx)?.lock(ctx, &reference, &mode)?)
    })?;
    let dir = crate::evaluation::store_dir(session)?;
    let input = &flake.locked.input;
    let path = dir.print(&flake.tree.path);
    if parsed.has("json") {
        let attrs = |r: &firn_flake::FlakeRef| firn_fetch::attrs::to_json(&r.to_attrs());
        let mut out = json!({
            "description": flake.declaration.description,
            "lastModified": input.int("lastModified"),
            "locked": attrs(&flake.locked),
            "locks": flake.lock.to_json(),
            "original": attrs(&flake.original),
            "originalUrl": flake.original.to_string(),
            "path": path,
            "resolved": attrs(&flake.resolved),
            "resolvedUrl": flake.resolved.to_string(),
            "revision": input.rev(),
            "dirtyRevision": input.text("dirtyRev"),
            "revCount": input.int("revCount"),
            "url": flake.locked.to_string(),
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
            let _ = writeln!(out, "{:<14}{value}", format!("{name}:"));
        }
    };
    line("Resolved URL", Some(flake.resolved.to_string()));
    line("Locked URL", Some(flake.locked.to_string()));
    line("Description", flake.declaration.description.clone());
    line("Path", Some(path));
    line("Revision", input.rev().or(input.text("dirtyRev")).map(str::to_owned));
    line("Revisions", input.int("revCount").map(|n| n.to_string()));
    line("Last modified", input.int("lastModified").map(date));
    if !flake.lock.nodes[0].inputs.is_empty() {
        out.push_str("Inputs:\n");
        inputs(&flake.lock, 0, "", &mut out);
    }
    session.print(out)?;
    Ok(0)
}

fn inputs(lock: &LockFile, node: usize, prefix: &str, out: &mut String) {
    let count = lock.nodes[node].inputs.len();
    for (i, (name, edge)) in lock.nodes[node].inputs.iter().enumerate() {
        let last = i + 1 == count;
        let branch = if last { "└───" } else { "├───" };
        let _ = match edge {
            Edge::Follows(path) => writeln!(out, "{prefix}{branch}{name} follows input '{}'", path.join("/")),
            Edge::Node(id) => {
                let text = lock.nodes[*id].lock.as_ref().map(|l| l.locked.to_string()).unwrap_or_default();
                writeln!(out, "{prefix}{branch}{name}: {text}")
            }
        };
        if let Edge::Node(id) = edge {
            inputs(lock, *id, &format!("{prefix}{}", if last { "    " } else { "│   " }), out);
        }
    }
}

fn show(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let mode = Mode { pure: !parsed.has("impure"), read_only: true };
    let (shown, tree) = evaluate(session, &parsed, mode, |ctx| {
        let (flake, value, _) = flake_value(ctx, session, &parsed, reference(&parsed))?;
        let outputs = crate::installable::optional(ctx, value, &["outputs"])?.unwrap_or(value);
        let mut tree = Tree { ctx, system: session.settings.system().to_string(), parsed: &parsed };
        Ok((flake.resolved.to_string(), tree.node(outputs, &[])?))
    })?;
    if parsed.has("json") {
        session.print_json(&tree.json(), &parsed)?;
    } else {
        let mut out = format!("{shown}\n");
        tree.print("", &mut out);
        session.print(out)?;
    }
    Ok(0)
}

/// An output of a flake, as it is shown.
enum Node {
    Set(Vec<(String, Node)>),
    Leaf { json: serde_json::Value, text: String },
}

impl Node {
    fn json(&self) -> serde_json::Value {
        match self {
            Node::Leaf { json, .. } => json.clone(),
            Node::Set(items) => items
                .iter()
                .map(|(n, node)| (n.clone(), node.json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    fn print(&self, prefix: &str, out: &mut String) {
        let Node::Set(items) = self else { return };
        for (i, (name, node)) in items.iter().enumerate() {
            let last = i + 1 == items.len();
            let branch = if last { "└───" } else { "├───" };
            let text = if let Node::Leaf { text, .. } = node { format!(": {text}") } else { String::new() };
            let _ = writeln!(out, "{prefix}{branch}{name}{text}");
            node.print(&format!("{prefix}{}", if last { "    " } else { "│   " }), out);
        }
    }
}

struct Tree<'a> {
    ctx: &'a mut Ctx,
    system: String,
    parsed: &'a Parsed,
}

impl Tree<'_> {
    fn leaf(kind: &str, text: String) -> Node {
        Node::Leaf { json: json!({ "type": kind }), text }
    }

    fn omitted(why: &str) -> Node {
        Node::Leaf { json: json!({}), text: format!("omitted (use '{why}' to show)") }
    }

    fn node(&mut self, value: Value, path: &[String]) -> Outcome<Node> {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let per_system = |kind: &str| {
            matches!(
                kind,
                "packages"
                    | "checks"
                    | "devShells"
                    | "apps"
                    | "formatter"
                    | "legacyPackages"
                    | "devShell"
                    | "defaultPackage"
                    | "defaultApp"
            )
        };
        if let [kind, system, ..] = words.as_slice() {
            if per_system(kind) && *system != self.system && !self.parsed.has("all-systems") {
                return Ok(Tree::omitted("--all-systems"));
            }
        }
        match words.as_slice() {
            ["legacyPackages", _] if !self.parsed.has("legacy") => return Ok(Tree::omitted("--legacy")),
            ["packages" | "checks" | "devShells", _, _]
            | ["formatter" | "devShell" | "defaultPackage", _] => return self.package(value, words[0]),
            ["apps", _, _] | ["defaultApp", _] => {
                let text = optional_text(self.ctx, value, &["meta", "description"])?;
                let suffix = text.map(|t| format!(": {t}")).unwrap_or_default();
                return Ok(Tree::leaf("app", format!("app{suffix}")));
            }
            ["nixosConfigurations", _] => {
                return Ok(Tree::leaf("nixos-configuration", "NixOS configuration".into()));
            }
            ["nixosModules", _] | ["nixosModule"] => {
                return Ok(Tree::leaf("nixos-module", "NixOS module".into()));
            }
            ["overlays", _] | ["overlay"] => {
                return Ok(Tree::leaf("nixpkgs-overlay", "Nixpkgs overlay".into()));
            }
            ["templates", _] | ["defaultTemplate"] => {
                let text = optional_text(self.ctx, value, &["description"])?.unwrap_or_default();
                return Ok(Node::Leaf {
                    json: json!({ "type": "template", "description": text }),
                    text: format!("template: {text}"),
                });
            }
            [kind, ..]
                if !per_system(kind)
                    && !matches!(
                        *kind,
                        "nixosConfigurations" | "nixosModules" | "overlays" | "templates"
                    ) =>
            {
                return Ok(Tree::leaf("unknown", "unknown".into()));
            }
            _ => {}
        }
        let value = self.ctx.force(value, Pos::NONE)?;
        let Some(attrs) = value.as_attrs() else { return Ok(Tree::leaf("unknown", "unknown".into())) };
        let flat = self.ctx.flat(attrs);
        let mut items = Vec::new();
        for i in self.ctx.lexical_order(flat) {
            let i = *i as usize;
            let name = String::from_utf8_lossy(self.ctx.name(flat.name(i))).into_owned();
            let mut below = path.to_vec();
            below.push(name.clone());
            items.push((name, self.node(flat.value(i), &below)?));
        }
        Ok(Node::Set(items))
    }

    fn package(&mut self, value: Value, kind: &str) -> Outcome<Node> {
        let name = optional_text(self.ctx, value, &["name"])?.unwrap_or_default();
        let description = optional_text(self.ctx, value, &["meta", "description"])?;
        let what = match kind {
            "devShells" | "devShell" => "development environment",
            "checks" => "derivation",
            _ => "package",
        };
        let suffix = description.as_ref().map(|d| format!(" - '{d}'")).unwrap_or_default();
        let mut json = json!({ "type": "derivation", "name": name });
        json["description"] = description.unwrap_or_default().into();
        Ok(Node::Leaf { json, text: format!("{what} '{name}'{suffix}") })
    }
}
