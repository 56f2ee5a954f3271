//! What lies in an archive, without the contents.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::{Map, Value};

use crate::{Event, NarError, NarReader, is_valid_name};

/// How deep a listing read from JSON may nest.
const MAX_DEPTH: usize = 64;

/// A directory's nodes by name.
type Entries = BTreeMap<Vec<u8>, Listing>;

/// A tree of names with sizes and, where known, the positions of contents in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// A file.
    Regular {
        /// Whether it is executable.
        executable: bool,
        /// Its size in bytes; absent only in listings of others.
        size: Option<u64>,
        /// Where in the archive its contents start; never zero.
        nar_offset: Option<u64>,
    },
    /// A symlink with its target.
    Symlink(Vec<u8>),
    /// A directory with its entries by name.
    Directory(Entries),
}

impl Listing {
    /// Lists an archive, reading it to its end.
    ///
    /// # Errors
    /// Those of [`NarReader::next_event`].
    pub fn read<R: Read>(input: R) -> Result<Listing, NarError> {
        let mut reader = NarReader::new(input);
        // directories that are open with the name under which each goes into its parent
        let mut open: Vec<(Vec<u8>, Entries)> = Vec::new();
        let mut name = Vec::new();
        let mut root = None;
        loop {
            let mut done = match reader.next_event()? {
                None => break,
                Some(Event::StartDirectory) => {
                    open.push((std::mem::take(&mut name), BTreeMap::new()));
                    continue;
                }
                Some(Event::Entry(entry)) => {
                    name = entry.to_vec();
                    continue;
                }
                Some(Event::EndDirectory) => match open.pop() {
                    Some((own, entries)) => {
                        name = own;
                        Listing::Directory(entries)
                    }
                    None => return Err(NarError::OutOfOrder("the end of a directory")),
                },
                Some(Event::File { executable, size }) => {
                    Listing::Regular { executable, size: Some(size), nar_offset: None }
                }
                Some(Event::Symlink(target)) => Listing::Symlink(target.to_vec()),
            };
            if let Listing::Regular { nar_offset, .. } = &mut done {
                *nar_offset = Some(reader.position());
            }
            match open.last_mut() {
                Some((_, entries)) => {
                    entries.insert(std::mem::take(&mut name), done);
                }
                None => root = Some(done),
            }
        }
        root.ok_or(NarError::NoArchive)
    }

    /// Finds the node at `path`, whose components are separated by slashes.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<&Listing> {
        let mut this = self;
        for component in path.split(|&byte| byte == b'/').filter(|component| !component.is_empty()) {
            match this {
                Listing::Directory(entries) => this = entries.get(component)?,
                _ => return None,
            }
        }
        Some(this)
    }

    /// The tree as JSON, as `nix nar ls --json --recursive` prints it; keys are sorted.
    ///
    /// # Errors
    /// A name or target that is not UTF-8, which JSON can't hold.
    pub fn to_json(&self) -> Result<Value, NarError> {
        self.json(true)
    }

    /// As [`Listing::to_json`], with empty objects for the entries of the top directory.
    ///
    /// # Errors
    /// As [`Listing::to_json`].
    pub fn to_shallow_json(&self) -> Result<Value, NarError> {
        self.json(false)
    }

    /// The content of a binary cache's `<hash>.ls`, version 1.
    ///
    /// # Errors
    /// As [`Listing::to_json`].
    pub fn to_file(&self) -> Result<Value, NarError> {
        let mut file = Map::new();
        file.insert("root".to_owned(), self.to_json()?);
        file.insert("version".to_owned(), Value::from(1));
        Ok(Value::Object(file))
    }

    /// Reads the content of a `<hash>.ls`.
    ///
    /// # Errors
    /// Another version or shape.
    pub fn from_file(file: &Value) -> Result<Listing, NarError> {
        if file.get("version").and_then(Value::as_u64) != Some(1) {
            return Err(malformed("version is not 1"));
        }
        Listing::from_json(file.get("root").ok_or_else(|| malformed("no root"))?)
    }

    /// Reads what [`Listing::to_json`] gives.
    ///
    /// # Errors
    /// Another shape, invalid names, or nesting beyond 64 levels.
    pub fn from_json(json: &Value) -> Result<Listing, NarError> {
        parse(json, 0)
    }

    fn json(&self, deep: bool) -> Result<Value, NarError> {
        let mut object = Map::new();
        match self {
            Listing::Regular { executable, size, nar_offset } => {
                object.insert("executable".to_owned(), Value::from(*executable));
                if let Some(offset) = nar_offset {
                    object.insert("narOffset".to_owned(), Value::from(*offset));
                }
                if let Some(size) = size {
                    object.insert("size".to_owned(), Value::from(*size));
                }
                object.insert("type".to_owned(), Value::from("regular"));
            }
            Listing::Symlink(target) => {
                object.insert("target".to_owned(), Value::from(text(target)?));
                object.insert("type".to_owned(), Value::from("symlink"));
            }
            Listing::Directory(entries) => {
                let mut children = Map::new();
                for (name, child) in entries {
                    let child = if deep { child.json(true)? } else { Value::Object(Map::new()) };
                    children.insert(text(name)?.to_owned(), child);
                }
                object.insert("entries".to_owned(), Value::Object(children));
                object.insert("type".to_owned(), Value::from("directory"));
            }
        }
        Ok(Value::Object(object))
    }
}

fn parse(json: &Value, depth: usize) -> Result<Listing, NarError> {
    if depth >= MAX_DEPTH {
        return Err(NarError::TooDeep(MAX_DEPTH));
    }
    let object = json.as_object().ok_or_else(|| malformed("a node is not an object"))?;
    match object.get("type").and_then(Value::as_str) {
        Some("regular") => Ok(Listing::Regular {
            executable: object.get("executable").and_then(Value::as_bool).unwrap_or(false),
            size: object.get("size").and_then(Value::as_u64),
            nar_offset: object.get("narOffset").and_then(Value::as_u64).filter(|&offset| offset != 0),
        }),
        Some("symlink") => {
            let target = object.get("target").and_then(Value::as_str);
            Ok(Listing::Symlink(target.ok_or_else(|| malformed("a symlink has no target"))?.into()))
        }
        Some("directory") => {
            let entries = object.get("entries").and_then(Value::as_object);
            let mut parsed = BTreeMap::new();
            for (name, child) in entries.ok_or_else(|| malformed("a directory has no entries"))? {
                if !is_valid_name(name.as_bytes()) {
                    return Err(NarError::InvalidName(name.clone()));
                }
                parsed.insert(name.clone().into_bytes(), parse(child, depth + 1)?);
            }
            Ok(Listing::Directory(parsed))
        }
        Some(other) => Err(malformed(&format!("unknown type of file '{other}'"))),
        None => Err(malformed("a node has no type")),
    }
}

fn text(bytes: &[u8]) -> Result<&str, NarError> {
    std::str::from_utf8(bytes)
        .map_err(|_| malformed(&format!("'{}' is not UTF-8", String::from_utf8_lossy(bytes))))
}

fn malformed(what: &str) -> NarError {
    NarError::Listing(what.to_owned())
}
