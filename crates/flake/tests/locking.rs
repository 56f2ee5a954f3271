//! Locking, in a world of flakes that are only declarations.

#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::collections::BTreeMap;

use firn_flake::lock_file::InputPath;
use firn_flake::locking::{Fetched, InputDecl, Inputs, Options, World, lock};
use firn_flake::reference::Context;
use firn_flake::{FlakeError, FlakeRef, LockFile, diff};

/// Declared inputs and a lock file.
type Declared = (Vec<(&'static str, InputDecl)>, LockFile);

/// Flakes by the path of their `path:` reference: declared inputs, and a lock file of their own.
#[derive(Default)]
struct Fake {
    flakes: BTreeMap<String, Declared>,
    fetched: Vec<String>,
    warnings: Vec<String>,
}

fn reference(text: &str) -> FlakeRef {
    FlakeRef::parse(text, Context { base: None, flake: true, keep_relative: true }).unwrap()
}

fn input(text: &str) -> InputDecl {
    InputDecl { reference: Some(reference(text)), is_flake: true, follows: None, overrides: BTreeMap::new() }
}

fn follows(path: &[&str]) -> InputDecl {
    let follows = Some(path.iter().map(|s| (*s).to_owned()).collect());
    InputDecl { reference: None, is_flake: true, follows, overrides: BTreeMap::new() }
}

fn with_override(mut decl: InputDecl, name: &str, inner: InputDecl) -> InputDecl {
    decl.overrides.insert(name.to_owned(), inner);
    decl
}

impl Fake {
    fn add(&mut self, path: &str, inputs: Vec<(&'static str, InputDecl)>) {
        self.flakes.insert(path.to_owned(), (inputs, LockFile::default()));
    }

    fn root(&mut self, inputs: Vec<(&'static str, InputDecl)>) -> Fetched<String> {
        Fetched {
            locked: reference("path:/root"),
            tree: "/root".into(),
            inputs: owned(inputs, &[]),
            lock: LockFile::default(),
        }
    }
}

/// Declared `follows` are relative to the flake that declares them.
fn owned(inputs: Vec<(&'static str, InputDecl)>, place: &[String]) -> Inputs {
    inputs
        .into_iter()
        .map(|(name, mut decl)| {
            if let Some(path) = &mut decl.follows {
                *path = place.iter().chain(path.iter()).cloned().collect();
            }
            (name.to_owned(), decl)
        })
        .collect()
}

fn locked(reference: &FlakeRef) -> FlakeRef {
    let hash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    FlakeRef { input: reference.input.clone().with("narHash", Some(hash.into())), dir: String::new() }
}

impl World for Fake {
    type Tree = String;
    fn flake(
        &mut self,
        reference: &FlakeRef,
        path: &InputPath,
        parent: Option<&String>,
        _: bool,
    ) -> Result<Fetched<String>, FlakeError> {
        let mut name = reference.input.text("path").unwrap().to_owned();
        if let Some(parent) = parent {
            name = firn_path::canonical(&format!("{parent}/{name}"));
        }
        self.fetched.push(name.clone());
        let (inputs, lock) =
            self.flakes.get(&name).cloned().ok_or_else(|| FlakeError::new(format!("no flake at {name}")))?;
        Ok(Fetched { locked: locked(reference), tree: name, inputs: owned(inputs, path), lock })
    }
    fn tree(&mut self, reference: &FlakeRef, _: Option<&String>) -> Result<(FlakeRef, String), FlakeError> {
        self.fetched.push(reference.to_string());
        Ok((locked(reference), reference.to_string()))
    }
    fn warn(&mut self, message: String) {
        self.warnings.push(message);
    }
}

fn free() -> Options {
    Options { allow_unlocked: true, ..Options::default() }
}

#[test]
fn a_second_locking_changes_and_fetches_nothing() {
    let mut w = Fake::default();
    w.add("/b", vec![("c", input("path:/c"))]);
    w.add("/c", vec![]);
    let root =
        w.root(vec![("a", InputDecl { is_flake: false, ..input("path:/a") }), ("b", input("path:/b"))]);
    let first = lock(&mut w, &root, &LockFile::default(), &free()).unwrap().lock;
    assert_eq!(first.keys().into_values().collect::<Vec<_>>(), ["root", "a", "b", "c"]);
    w.fetched.clear();
    let second = lock(&mut w, &root, &LockFile::parse(&first.print(), "x").unwrap(), &free()).unwrap().lock;
    assert_eq!(second.print(), first.print());
    assert!(w.fetched.is_empty(), "{:?}", w.fetched);
    assert!(
        diff::diff(&LockFile::default(), &first).starts_with("• Added input 'a':\n    'path:/a?narHash=")
    );
}

#[test]
fn overrides_and_follows_reach_inner_inputs() {
    let mut w = Fake::default();
    w.add("/b", vec![("n", input("path:/n1")), ("m", follows(&["n"]))]);
    w.add("/n2", vec![]);
    let root =
        w.root(vec![("b", with_override(input("path:/b"), "n", follows(&["n"]))), ("n", input("path:/n2"))]);
    let out = lock(&mut w, &root, &LockFile::default(), &free()).unwrap().lock;
    let path = |p: &[&str]| p.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    assert_eq!(out.find(&path(&["b", "n"])).unwrap(), out.find(&path(&["n"])).unwrap());
    assert_eq!(out.find(&path(&["b", "m"])).unwrap(), out.find(&path(&["n"])).unwrap());
    assert!(!w.fetched.contains(&"/n1".to_owned()));

    // The override goes: what was not locked is fetched.
    w.add("/n1", vec![]);
    let root = w.root(vec![("b", input("path:/b")), ("n", input("path:/n2"))]);
    let again = lock(&mut w, &root, &LockFile::parse(&out.print(), "x").unwrap(), &free()).unwrap().lock;
    assert!(w.fetched.contains(&"/n1".to_owned()));
    assert_ne!(again.find(&path(&["b", "n"])).unwrap(), again.find(&path(&["n"])).unwrap());
}

#[test]
fn a_command_line_override_keeps_the_original() {
    let mut w = Fake::default();
    w.add("/b", vec![]);
    w.add("/other", vec![]);
    let root = w.root(vec![("b", input("path:/b"))]);
    let mut options = free();
    options.overrides.insert(vec!["b".into()], reference("path:/other"));
    options.overrides.insert(vec!["z".into()], reference("path:/other"));
    let out = lock(&mut w, &root, &LockFile::default(), &options).unwrap().lock;
    let node = out.nodes[1].lock.as_ref().unwrap();
    assert_eq!(
        (node.original.to_string().as_str(), node.locked.input.text("path")),
        ("path:/b", Some("/other"))
    );
    assert_eq!(w.warnings, ["the flag '--override-input z path:/other' does not match any input"]);
}

#[test]
fn circles_missing_inputs_and_bad_follows_are_errors() {
    let mut w = Fake::default();
    w.add("/b", vec![("b", input("path:/b"))]);
    let root = w.root(vec![("b", input("path:/b"))]);
    let error = lock(&mut w, &root, &LockFile::default(), &free()).err().unwrap().to_string();
    assert!(error.ends_with("found circular import of flake 'path:/b'"), "{error}");
    let root = w.root(vec![("x", input("path:/gone"))]);
    let error = lock(&mut w, &root, &LockFile::default(), &free()).err().unwrap().to_string();
    assert_eq!(error, "while updating the flake input 'x'\nno flake at /gone");
    let root = w.root(vec![("x", follows(&["nowhere"]))]);
    let error = lock(&mut w, &root, &LockFile::default(), &free()).err().unwrap().to_string();
    assert_eq!(error, "input 'x' follows a non-existent input 'nowhere'");
}

#[test]
fn relative_inputs_lie_in_the_tree_that_names_them() {
    let mut w = Fake::default();
    w.add("/root/sub", vec![("deeper", input("path:./deeper"))]);
    w.add("/root/sub/deeper", vec![]);
    let root = w.root(vec![("sub", input("path:./sub"))]);
    let out = lock(&mut w, &root, &LockFile::default(), &free()).unwrap().lock;
    assert_eq!(out.nodes[1].lock.as_ref().unwrap().parent, Some(vec![]));
    assert_eq!(out.nodes[2].lock.as_ref().unwrap().parent, Some(vec!["sub".to_owned()]));
}
