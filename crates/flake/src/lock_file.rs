//! Lock files: the graph of inputs with what each was locked to.
//!
//! Written as version 7, read from version 5 on. In memory the graph is a vector of nodes, the root first; names of
//! nodes are derived when it is written.

use std::collections::{BTreeMap, BTreeSet};

use firn_fetch::attrs;
use serde_json::{Map, Value, json};

use crate::error::FlakeError;
use crate::reference::FlakeRef;

/// A path of input names from the root: `["nixpkgs", "systems"]`.
pub type InputPath = Vec<String>;

/// The index of a node in its [`LockFile`].
pub type NodeId = usize;

/// What an input of a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A node of its own.
    Node(NodeId),
    /// The same as another input, named from the root.
    Follows(InputPath),
}

/// What a node was locked to; the root has none of this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The reference as the flake says it.
    pub original: FlakeRef,
    /// The tree that it means.
    pub locked: FlakeRef,
    /// It has a `flake.nix`.
    pub is_flake: bool,
    /// For a relative path: the input that it is relative to.
    pub parent: Option<InputPath>,
}

/// A node: the flake itself, or an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its inputs by name.
    pub inputs: BTreeMap<String, Edge>,
    /// What it was locked to; `None` for the root.
    pub lock: Option<Locked>,
}

/// A graph of locked inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFile {
    /// All nodes; the first is the root.
    pub nodes: Vec<Node>,
}

impl Default for LockFile {
    fn default() -> Self {
        LockFile { nodes: vec![Node::default()] }
    }
}

const LOWEST: u64 = 5;
const VERSION: u64 = 7;

impl LockFile {
    /// Reads a lock file; `file` is named in messages.
    ///
    /// # Errors
    /// Not JSON, an unknown version, a node that is missing or malformed, an input that is not locked.
    pub fn parse(text: &str, file: &str) -> Result<LockFile, FlakeError> {
        let json: Value = serde_json::from_str(text)
            .map_err(|e| FlakeError::new(format!("Could not parse '{file}': {e}")))?;
        let version = json["version"].as_u64().unwrap_or(0);
        if !(LOWEST..=VERSION).contains(&version) {
            return Err(FlakeError::new(format!("lock file '{file}' has unsupported version {version}")));
        }
        let nodes = json["nodes"]
            .as_object()
            .ok_or_else(|| FlakeError::new(format!("lock file '{file}' has no nodes")))?;
        let root = json["root"]
            .as_str()
            .ok_or_else(|| FlakeError::new(format!("lock file '{file}' has no root")))?;
        let mut reader = Reader { nodes, file, ids: BTreeMap::new(), out: Vec::new() };
        reader.node(root)?;
        Ok(LockFile { nodes: reader.out })
    }

    /// The node that a path of inputs leads to, follows resolved.
    ///
    /// # Errors
    /// Follows that run in a circle.
    pub fn find(&self, path: &[String]) -> Result<Option<NodeId>, FlakeError> {
        self.find_from(path, &mut BTreeSet::new())
    }

    fn find_from(
        &self,
        path: &[String],
        visited: &mut BTreeSet<InputPath>,
    ) -> Result<Option<NodeId>, FlakeError> {
        if !visited.insert(path.to_vec()) {
            return Err(FlakeError::new(format!("follow cycle detected: [{}]", print_path(path))));
        }
        let mut at = 0;
        for name in path {
            at = match self.nodes[at].inputs.get(name) {
                None => return Ok(None),
                Some(Edge::Node(id)) => *id,
                Some(Edge::Follows(target)) => match self.find_from(target, visited)? {
                    Some(id) => id,
                    None => return Ok(None),
                },
            };
        }
        visited.remove(path);
        Ok(Some(at))
    }

    /// Checks that every `follows` leads somewhere.
    ///
    /// # Errors
    /// The first that does not, or a circle.
    pub fn check(&self) -> Result<(), FlakeError> {
        for (path, edge) in self.all_inputs() {
            if let Edge::Follows(target) = edge {
                if !target.is_empty() && self.find(&target)?.is_none() {
                    return Err(FlakeError::new(format!(
                        "input '{}' follows a non-existent input '{}'",
                        print_path(&path),
                        print_path(&target)
                    )));
                }
            }
        }
        Ok(())
    }

    /// Every input by its path, each node once.
    pub fn all_inputs(&self) -> BTreeMap<InputPath, Edge> {
        fn walk(
            file: &LockFile,
            prefix: &InputPath,
            id: NodeId,
            done: &mut BTreeSet<NodeId>,
            out: &mut BTreeMap<InputPath, Edge>,
        ) {
            if !done.insert(id) {
                return;
            }
            for (name, edge) in &file.nodes[id].inputs {
                let mut path = prefix.clone();
                path.push(name.clone());
                out.insert(path.clone(), edge.clone());
                if let Edge::Node(child) = edge {
                    walk(file, &path, *child, done, out);
                }
            }
        }
        let mut out = BTreeMap::new();
        walk(self, &Vec::new(), 0, &mut BTreeSet::new(), &mut out);
        out
    }

    /// The keys of the nodes in a written file: the input's name, `_2`, `_3` … where that is taken.
    pub fn keys(&self) -> BTreeMap<NodeId, String> {
        fn walk(
            file: &LockFile,
            name: &str,
            id: NodeId,
            taken: &mut BTreeSet<String>,
            keys: &mut BTreeMap<NodeId, String>,
        ) {
            if keys.contains_key(&id) {
                return;
            }
            let mut key = name.to_owned();
            let mut n = 2;
            while !taken.insert(key.clone()) {
                key = format!("{name}_{n}");
                n += 1;
            }
            keys.insert(id, key);
            for (name, edge) in &file.nodes[id].inputs {
                if let Edge::Node(child) = edge {
                    walk(file, name, *child, taken, keys);
                }
            }
        }
        let mut keys = BTreeMap::new();
        walk(self, "root", 0, &mut BTreeSet::new(), &mut keys);
        keys
    }

    /// The lock file as JSON.
    pub fn to_json(&self) -> Value {
        let keys = self.keys();
        let mut nodes: BTreeMap<&str, Value> = BTreeMap::new();
        for (id, key) in &keys {
            nodes.insert(key, node_json(&self.nodes[*id], &keys));
        }
        json!({ "nodes": nodes, "root": keys[&0], "version": VERSION })
    }

    /// The text of the lock file, with its last line feed.
    pub fn print(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.to_json()).unwrap_or_default();
        text.push('\n');
        text
    }

    /// An input that is not locked, so that it must not be written. With `by_hash`, a hash of the tree is enough.
    pub fn unlocked_input(&self, by_hash: bool) -> Option<&FlakeRef> {
        self.nodes.iter().filter_map(|n| n.lock.as_ref()).map(|l| &l.locked).find(|locked| {
            let held = locked.input.is_locked() || (by_hash && locked.input.text("narHash").is_some());
            !held && locked.relative_path().is_none()
        })
    }

    /// Inputs that are not locked but for the hash of their tree: nobody else may be able to fetch them.
    pub fn held_by_hash_only(&self) -> impl Iterator<Item = &FlakeRef> {
        self.nodes.iter().filter_map(|n| n.lock.as_ref()).map(|l| &l.locked).filter(|locked| {
            !locked.input.is_locked()
                && locked.input.text("narHash").is_some()
                && locked.relative_path().is_none()
        })
    }

    /// Replaces a node, and what is below it, by a node of another lock file.
    pub(crate) fn graft(&mut self, at: NodeId, other: &LockFile, node: NodeId) {
        let mut copies = BTreeMap::from([(node, at)]);
        let mut todo = vec![node];
        while let Some(from) = todo.pop() {
            let mut copy = other.nodes[from].clone();
            for edge in copy.inputs.values_mut() {
                if let Edge::Node(child) = edge {
                    let id = *copies.entry(*child).or_insert_with(|| {
                        todo.push(*child);
                        self.nodes.push(Node::default());
                        self.nodes.len() - 1
                    });
                    *child = id;
                }
            }
            self.nodes[copies[&from]] = copy;
        }
    }
}

/// `a/b/c`
pub fn print_path(path: &[String]) -> String {
    path.join("/")
}

fn node_json(node: &Node, keys: &BTreeMap<NodeId, String>) -> Value {
    let mut json = Map::new();
    if let Some(lock) = &node.lock {
        if !lock.is_flake {
            json.insert("flake".into(), false.into());
        }
    }
    if !node.inputs.is_empty() {
        let inputs: Map<String, Value> = node
            .inputs
            .iter()
            .map(|(name, edge)| {
                let value = match edge {
                    Edge::Node(id) => Value::from(keys[id].as_str()),
                    Edge::Follows(path) => path.iter().map(String::as_str).collect::<Vec<_>>().into(),
                };
                (name.clone(), value)
            })
            .collect();
        json.insert("inputs".into(), inputs.into());
    }
    if let Some(lock) = &node.lock {
        let mut locked = lock.locked.to_attrs();
        // What stands in a lock file is final; saying so would be noise.
        locked.remove("__final");
        json.insert("locked".into(), attrs::to_json(&locked));
        json.insert("original".into(), attrs::to_json(&lock.original.to_attrs()));
        if let Some(parent) = &lock.parent {
            json.insert("parent".into(), parent.iter().map(String::as_str).collect::<Vec<_>>().into());
        }
    }
    json.into()
}

struct Reader<'a> {
    nodes: &'a Map<String, Value>,
    file: &'a str,
    ids: BTreeMap<String, NodeId>,
    out: Vec<Node>,
}

impl Reader<'_> {
    fn wrong(&self, what: impl std::fmt::Display) -> FlakeError {
        FlakeError::new(format!("lock file '{}': {what}", self.file))
    }

    /// Reads a node and all that it leads to, with a stack of its own so that a hostile file cannot exhaust the thread's.
    fn node(&mut self, root: &str) -> Result<(), FlakeError> {
        let mut todo = vec![root.to_owned()];
        self.ids.insert(root.to_owned(), 0);
        self.out.push(Node::default());
        while let Some(key) = todo.pop() {
            let json = self
                .nodes
                .get(&key)
                .ok_or_else(|| FlakeError::new(format!("lock file references missing node '{key}'")))?;
            let id = self.ids[&key];
            self.out[id].lock = if id == 0 { None } else { Some(self.lock(&key, json)?) };
            let Some(inputs) = json.get("inputs").and_then(Value::as_object) else { continue };
            for (name, value) in inputs {
                let edge = match value {
                    Value::String(child) => Edge::Node(match self.ids.get(child) {
                        Some(id) => *id,
                        None => {
                            let id = self.out.len();
                            self.out.push(Node::default());
                            self.ids.insert(child.clone(), id);
                            todo.push(child.clone());
                            id
                        }
                    }),
                    Value::Array(_) => Edge::Follows(self.path(value)?),
                    _ => return Err(self.wrong(format!("input '{name}' of node '{key}' is malformed"))),
                };
                self.out[id].inputs.insert(name.clone(), edge);
            }
        }
        Ok(())
    }

    fn path(&self, value: &Value) -> Result<InputPath, FlakeError> {
        let parts = value
            .as_array()
            .and_then(|a| a.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>());
        parts.ok_or_else(|| self.wrong("a path of inputs is malformed"))
    }

    fn lock(&self, key: &str, json: &Value) -> Result<Locked, FlakeError> {
        let read = |name: &str| -> Result<FlakeRef, FlakeError> {
            if json.get(name).is_none() {
                return Err(FlakeError::new(format!("attribute '{name}' missing in lock file")));
            }
            let bad = |e: attrs::AttrError| self.wrong(format!("node '{key}': {e}"));
            let mut found = attrs::from_json(&json[name]).map_err(bad)?;
            // Version 5 has some of the attributes beside.
            if let Some(info) = json.get("info").filter(|_| name == "locked") {
                found.extend(attrs::from_json(info).map_err(bad)?);
            }
            found.remove("__final");
            FlakeRef::from_attrs(found)
        };
        let (original, mut locked) = (read("original")?, read("locked")?);
        if locked.relative_path().is_none() {
            if !locked.input.is_locked() && locked.input.text("narHash").is_none() {
                return Err(FlakeError::new(format!(
                    "Lock file contains unlocked input '{}'. Use '--allow-dirty-locks' to accept this lock file.",
                    attrs::to_json(locked.input.attrs())
                )));
            }
            // What stands in a lock file is all that there is to say.
            locked.input = locked.input.with("__final", Some(true.into()));
        }
        let parent = match json.get("parent") {
            None | Some(Value::Null) => None,
            Some(value) => Some(self.path(value)?),
        };
        Ok(Locked {
            original,
            locked,
            is_flake: json.get("flake").and_then(Value::as_bool).unwrap_or(true),
            parent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "nodes": {
    "dep": {
      "inputs": {
        "nixpkgs": [
          "nixpkgs"
        ]
      },
      "locked": {
        "lastModified": 1,
        "narHash": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "path": "/x",
        "type": "path"
      },
      "original": {
        "path": "/x",
        "type": "path"
      }
    },
    "nixpkgs": {
      "flake": false,
      "locked": {
        "lastModified": 1,
        "narHash": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "owner": "NixOS",
        "repo": "nixpkgs",
        "rev": "0123456789012345678901234567890123456789",
        "type": "github"
      },
      "original": {
        "owner": "NixOS",
        "repo": "nixpkgs",
        "type": "github"
      }
    },
    "root": {
      "inputs": {
        "dep": "dep",
        "nixpkgs": "nixpkgs"
      }
    }
  },
  "root": "root",
  "version": 7
}
"#;

    #[test]
    fn a_file_round_trips() {
        let lock = LockFile::parse(TEXT, "flake.lock").unwrap();
        assert_eq!(lock.print(), TEXT);
        lock.check().unwrap();
        let path = ["dep".to_owned(), "nixpkgs".to_owned()];
        assert_eq!(lock.find(&path).unwrap(), lock.find(&path[1..]).unwrap());
    }

    #[test]
    fn bad_files_are_refused() {
        let error = |text: &str| LockFile::parse(text, "f").unwrap_err().to_string();
        assert!(error("{").starts_with("Could not parse 'f'"));
        assert_eq!(error(r#"{"version":4}"#), "lock file 'f' has unsupported version 4");
        assert!(
            error(&TEXT.replace("\"dep\": \"dep\"", "\"dep\": \"gone\"")).contains("missing node 'gone'")
        );
        let cycle = TEXT.replace("\"nixpkgs\": \"nixpkgs\"", "\"nixpkgs\": [\"dep\", \"nixpkgs\"]");
        assert!(LockFile::parse(&cycle, "f").unwrap().check().unwrap_err().to_string().contains("cycle"));
    }
}
