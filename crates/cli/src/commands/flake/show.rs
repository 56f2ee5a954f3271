//! `nix flake show`

use std::fmt::Write;

use firn_eval::{Ctx, Pos, Value};
use serde_json::json;

use super::reference;
use crate::args::{Flag, Occurrence, Parsed, switch};
use crate::commands::Command;
use crate::error::CliError;
use crate::evaluation::{Mode, NO_IFD, Outcome, evaluate, flake_reference, flakes};
use crate::flags::{EVAL, JSON, LOCK};
use crate::installable::{lock_mode, optional, optional_text};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    path: &["flake", "show"],
    doc: "show the outputs of a flake",
    flags: &[SHOW_FLAGS, JSON, EVAL, LOCK],
    rest: false,
    run: show,
};

const SHOW_FLAGS: &[Flag] = &[
    switch("legacy", "show legacyPackages, too"),
    switch("all-systems", "show the outputs for all systems"),
];

fn show(session: &Session, mut parsed: Parsed) -> Result<u8, CliError> {
    let mode = Mode { pure: !parsed.has("impure"), read_only: true };
    parsed.flags.push(Occurrence { id: NO_IFD, values: vec![], position: 0 });
    let (shown, tree) = evaluate(session, &parsed, mode, |ctx| {
        session.require(firn_settings::Feature::Flakes)?;
        let (reference, _) = flake_reference(reference(&parsed))?;
        let all = flakes(ctx)?;
        let flake = all.lock(ctx, &reference, &lock_mode(session, &parsed)?)?;
        let value = all.call(ctx, &flake)?;
        let outputs = optional(ctx, value, &["outputs"])?.unwrap_or(value);
        let mut tree = Tree { ctx, session, system: session.settings.system().to_string(), parsed: &parsed };
        let node = tree.node(outputs, &[])?;
        Ok((flake.locked.to_string(), node))
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

/// Outputs with a level for systems.
fn per_system(kind: &str) -> bool {
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
            let text = if let Node::Leaf { text, .. } = node { text.as_str() } else { "" };
            let _ = writeln!(out, "{prefix}{branch}{name}{text}");
            node.print(&format!("{prefix}{}", if last { "    " } else { "│   " }), out);
        }
    }
}

struct Tree<'a> {
    ctx: &'a mut Ctx,
    session: &'a Session,
    system: String,
    parsed: &'a Parsed,
}

impl Tree<'_> {
    fn leaf(kind: &str, text: &str) -> Node {
        Node::Leaf { json: json!({ "type": kind }), text: format!(": {text}") }
    }

    /// Something that is not shown, and how it would be.
    fn omitted(&self, path: &[String], why: &str) -> Node {
        if self.parsed.has("json") {
            self.session.warn(format!("{} omitted{why}", path.join(".")));
        }
        Node::Leaf { json: json!({}), text: format!(" omitted{why}") }
    }

    fn node(&mut self, value: Value, path: &[String]) -> Outcome<Node> {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let foreign = words.get(1).is_some_and(|s| *s != self.system) && !self.parsed.has("all-systems");
        match words.as_slice() {
            ["legacyPackages", _] if self.is_empty(value) => return Ok(Node::Set(Vec::new())),
            ["legacyPackages", _, ..] if !self.parsed.has("legacy") => {
                return Ok(self.omitted(path, " (use '--legacy' to show)"));
            }
            ["packages" | "checks" | "devShells" | "apps", _, _]
            | ["formatter" | "devShell" | "defaultPackage" | "defaultApp" | "legacyPackages", _]
                if foreign =>
            {
                return Ok(self.omitted(path, " (use '--all-systems' to show)"));
            }
            ["packages" | "checks" | "devShells", _, _]
            | ["formatter" | "devShell" | "defaultPackage", _] => return self.derivation(value, path),
            ["apps", _, _] | ["defaultApp", _] => return self.app(value),
            ["hydraJobs", ..] => {
                let derivation = self.is_derivation(value)?;
                return if derivation { self.derivation(value, path) } else { self.set(value, path) };
            }
            ["legacyPackages", _, rest @ ..] => {
                if let Some(node) = self.legacy(value, path, rest.len())? {
                    return Ok(node);
                }
            }
            ["nixosConfigurations", _] => {
                return Ok(Tree::leaf("nixos-configuration", "NixOS configuration"));
            }
            ["nixosModules", _] | ["nixosModule"] => return Ok(Tree::leaf("nixos-module", "NixOS module")),
            ["overlays", _] | ["overlay"] => return Ok(Tree::leaf("nixpkgs-overlay", "Nixpkgs overlay")),
            ["templates", _] | ["defaultTemplate"] => {
                let text = optional_text(self.ctx, value, &["description"])?.unwrap_or_default();
                return Ok(Node::Leaf {
                    json: json!({ "type": "template", "description": text }),
                    text: format!(": template: {text}"),
                });
            }
            [kind, ..]
                if !per_system(kind)
                    && !matches!(
                        *kind,
                        "nixosConfigurations" | "nixosModules" | "overlays" | "templates"
                    ) =>
            {
                return Ok(Tree::leaf("unknown", "unknown"));
            }
            _ => {}
        }
        self.set(value, path)
    }

    /// The attributes of a set, without those in which there is nothing.
    fn set(&mut self, value: Value, path: &[String]) -> Outcome<Node> {
        let value = self.ctx.force(value, Pos::NONE)?;
        let Some(attrs) = value.as_attrs() else { return Ok(Tree::leaf("unknown", "unknown")) };
        let flat = self.ctx.flat(attrs);
        let mut items = Vec::new();
        for i in self.ctx.lexical_order(flat) {
            let i = *i as usize;
            let name = String::from_utf8_lossy(self.ctx.name(flat.name(i))).into_owned();
            let mut below = path.to_vec();
            below.push(name.clone());
            let node = self.node(flat.value(i), &below)?;
            if !matches!(&node, Node::Set(items) if items.is_empty()) {
                items.push((name, node));
            }
        }
        Ok(Node::Set(items))
    }

    /// Whether a value is a set without attributes; one that cannot be evaluated is not.
    fn is_empty(&mut self, value: Value) -> bool {
        match self.ctx.force(value, Pos::NONE) {
            Ok(value) => value.as_attrs().is_some_and(|attrs| attrs.is_empty()),
            Err(_) => {
                self.ctx.take_error();
                false
            }
        }
    }

    fn is_derivation(&mut self, value: Value) -> Outcome<bool> {
        let value = self.ctx.force(value, Pos::NONE)?;
        Ok(match value.as_attrs() {
            Some(attrs) => self.ctx.is_derivation(attrs)?,
            None => false,
        })
    }

    /// Packages of old, among which some may not evaluate; `None` for a set to go into.
    fn legacy(&mut self, value: Value, path: &[String], depth: usize) -> Outcome<Option<Node>> {
        match self.is_derivation(value) {
            Ok(true) => match self.derivation(value, path) {
                Ok(node) => Ok(Some(node)),
                Err(_) => {
                    self.ctx.take_error();
                    Ok(Some(Node::Leaf { json: json!({}), text: String::new() }))
                }
            },
            Ok(false) if depth == 0 => Ok(None),
            Ok(false) => Ok(Some(Node::Leaf { json: json!({}), text: String::new() })),
            Err(_) => {
                self.ctx.take_error();
                Ok(Some(Node::Leaf { json: json!({}), text: String::new() }))
            }
        }
    }

    fn app(&mut self, value: Value) -> Outcome<Node> {
        if optional_text(self.ctx, value, &["type"])?.as_deref() != Some("app") {
            return Err(CliError::new("not an app definition").into());
        }
        let text = optional_text(self.ctx, value, &["meta", "description"])?;
        let mut json = json!({ "type": "app" });
        if let Some(text) = &text {
            json["description"] = text.as_str().into();
        }
        Ok(Node::Leaf { json, text: format!(": app: {}", text.as_deref().unwrap_or("no description")) })
    }

    fn derivation(&mut self, value: Value, path: &[String]) -> Outcome<Node> {
        let import_from = |tree: &mut Self| {
            let text = &tree.ctx.error_mut().message;
            text.contains("allow-import-from-derivation")
        };
        let result = self.is_derivation(value).and_then(|is| {
            if !is {
                return Ok(None);
            }
            let name = optional_text(self.ctx, value, &["name"])?.unwrap_or_default();
            let description = if self.parsed.has("json") {
                optional_text(self.ctx, value, &["meta", "description"])?
            } else {
                None
            };
            Ok(Some((name, description)))
        });
        let (name, description) = match result {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.session.warn(format!("{} is not a derivation", path.join(".")));
                return Ok(Node::Leaf { json: json!({}), text: String::new() });
            }
            Err(crate::evaluation::EvalFailure::Eval(fail)) => {
                if !import_from(self) {
                    return Err(fail.into());
                }
                self.ctx.take_error();
                return Ok(self.omitted(path, " due to use of import from derivation"));
            }
            Err(other) => return Err(other),
        };
        let what = match path.first().map(String::as_str) {
            Some("devShells" | "devShell") => "development environment",
            Some("checks" | "hydraJobs") => "derivation",
            _ => "package",
        };
        let json =
            json!({ "description": description.unwrap_or_default(), "name": name, "type": "derivation" });
        Ok(Node::Leaf { json, text: format!(": {what} '{name}'") })
    }
}
