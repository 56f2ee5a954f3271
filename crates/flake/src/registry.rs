//! Registries: from names to references.

use std::collections::BTreeMap;

use firn_fetch::{Attrs, Input, attrs};
use serde_json::{Value, json};

use crate::error::FlakeError;
use crate::reference::FlakeRef;

/// Where a registry comes from, in the order in which they are asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// `--override-flake` and `--inputs-from`.
    Flag,
    /// `~/.config/nix/registry.json`
    User,
    /// `/etc/nix/registry.json`
    System,
    /// The one of the setting `flake-registry`.
    Global,
}

impl Origin {
    /// The name that `nix registry list` prints.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Flag => "flags ",
            Origin::User => "user  ",
            Origin::System => "system",
            Origin::Global => "global",
        }
    }
}

/// Which registries are asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// None.
    None,
    /// Those of flags and the global one, as for inputs of flakes: what they mean must not depend on who locks them.
    Limited,
    /// All.
    All,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it matches.
    pub from: Input,
    /// What that means; its folder replaces that of the reference unless it is empty.
    pub to: FlakeRef,
    /// It matches only what equals `from`, not also that with a branch, tag or commit.
    pub exact: bool,
}

/// A registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Where it comes from.
    pub origin: Origin,
    /// Its entries in order.
    pub entries: Vec<Entry>,
}

impl Registry {
    /// An empty registry.
    pub fn empty(origin: Origin) -> Registry {
        Registry { origin, entries: Vec::new() }
    }

    /// Reads a registry file (version 2).
    ///
    /// # Errors
    /// Not JSON, another version, malformed entries; `file` is named.
    pub fn parse(text: &str, origin: Origin, file: &str) -> Result<Registry, FlakeError> {
        let wrong = |what: String| FlakeError::new(format!("cannot parse flake registry '{file}': {what}"));
        let json: Value = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        let version = json["version"].as_u64();
        if version != Some(2) {
            let shown = version.map_or("unknown".to_owned(), |v| v.to_string());
            return Err(FlakeError::new(format!("flake registry '{file}' has unsupported version {shown}")));
        }
        let list = json["flakes"].as_array().ok_or_else(|| wrong("'flakes' is missing".into()))?;
        let entries = list
            .iter()
            .map(|entry| {
                let read = |name: &str| -> Result<Attrs, FlakeError> {
                    attrs::from_json(&entry[name]).map_err(|e| wrong(e.to_string()))
                };
                Ok(Entry {
                    from: Input::from_attrs(read("from")?)?,
                    to: FlakeRef::from_attrs(read("to")?)?,
                    exact: entry["exact"].as_bool().unwrap_or(false),
                })
            })
            .collect::<Result<_, FlakeError>>()?;
        Ok(Registry { origin, entries })
    }

    /// Writes the registry as a file.
    pub fn to_json(&self) -> String {
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|e| {
                let mut entry =
                    json!({ "from": attrs::to_json(e.from.attrs()), "to": attrs::to_json(&e.to.to_attrs()) });
                if e.exact {
                    entry["exact"] = true.into();
                }
                entry
            })
            .collect();
        serde_json::to_string_pretty(&json!({ "flakes": entries, "version": 2 })).unwrap_or_default()
    }
}

/// Looks a reference up until it is direct.
///
/// # Errors
/// No registry knows it, or the entries run in a circle.
pub fn resolve(reference: &FlakeRef, registries: &[Registry], which: Use) -> Result<FlakeRef, FlakeError> {
    let mut current = reference.clone();
    for hop in 0.. {
        if hop > 100 {
            return Err(FlakeError::new(format!("cycle detected in flake registry for '{reference}'")));
        }
        let usable = registries.iter().filter(|r| match which {
            Use::None => false,
            Use::Limited => matches!(r.origin, Origin::Flag | Origin::Global),
            Use::All => true,
        });
        let Some((entry, rest)) =
            usable.flat_map(|r| &r.entries).find_map(|e| matches(e, &current.input).map(|rest| (e, rest)))
        else {
            break;
        };
        let input = entry.to.input.apply_overrides(rest.get("ref").copied(), rest.get("rev").copied())?;
        let dir = if entry.to.dir.is_empty() { current.dir } else { entry.to.dir.clone() };
        current = FlakeRef { input, dir };
    }
    if current.input.is_direct() {
        Ok(current)
    } else {
        Err(FlakeError::new(format!(
            "cannot find flake '{}' in the flake registries",
            current.input.to_url()
        )))
    }
}

/// What a matching entry leaves over: a branch, tag or commit that the reference has and the entry has not.
fn matches<'a>(entry: &Entry, input: &'a Input) -> Option<BTreeMap<&'static str, &'a str>> {
    if entry.exact {
        return (entry.from == *input).then(BTreeMap::new);
    }
    let (from, mut rest) = (entry.from.attrs(), BTreeMap::new());
    for (name, value) in from {
        if input.attrs().get(name) != Some(value) {
            return None;
        }
    }
    for name in input.attrs().keys() {
        if from.contains_key(name) {
            continue;
        }
        let known = if name == "ref" {
            "ref"
        } else if name == "rev" {
            "rev"
        } else {
            return None;
        };
        rest.insert(known, input.text(known)?);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Context;

    fn reference(text: &str) -> FlakeRef {
        FlakeRef::parse(text, Context { base: None, flake: true, keep_relative: false }).unwrap()
    }

    fn registry(origin: Origin, pairs: &[(&str, &str)]) -> Registry {
        let entries = pairs
            .iter()
            .map(|(f, t)| Entry { from: reference(f).input, to: reference(t), exact: false })
            .collect();
        Registry { origin, entries }
    }

    #[test]
    fn names_resolve_through_several_registries() {
        let all = [
            registry(Origin::User, &[("mine", "nixpkgs/x")]),
            registry(Origin::Global, &[("nixpkgs", "github:NixOS/nixpkgs/nixpkgs-unstable")]),
        ];
        assert_eq!(
            resolve(&reference("nixpkgs"), &all, Use::All).unwrap().to_string(),
            "github:NixOS/nixpkgs/nixpkgs-unstable"
        );
        assert_eq!(
            resolve(&reference("nixpkgs/23.11"), &all, Use::All).unwrap().to_string(),
            "github:NixOS/nixpkgs/23.11"
        );
        assert_eq!(
            resolve(&reference("mine"), &all, Use::All).unwrap().to_string(),
            "github:NixOS/nixpkgs/x"
        );
        let error = resolve(&reference("mine"), &all, Use::Limited).unwrap_err().to_string();
        assert_eq!(error, "cannot find flake 'flake:mine' in the flake registries");
        let circle = [registry(Origin::Flag, &[("a", "b"), ("b", "a")])];
        assert!(resolve(&reference("a"), &circle, Use::All).unwrap_err().to_string().contains("cycle"));
    }

    #[test]
    fn files_round_trip() {
        let r = registry(Origin::User, &[("n", "github:o/r?dir=x")]);
        assert_eq!(Registry::parse(&r.to_json(), Origin::User, "f").unwrap(), r);
        let error = Registry::parse("{\"version\":1}", Origin::User, "f").unwrap_err().to_string();
        assert_eq!(error, "flake registry 'f' has unsupported version 1");
    }
}
