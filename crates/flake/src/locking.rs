//! Locking: from what a flake says about its inputs to a graph in which every input is one tree.
//!
//! What the old lock file says stands as long as the flake still asks for the same thing; only what is new or wanted anew
//! is fetched. The rules are the reference's: overrides come down from the flake that makes them, `follows` are paths from
//! the root, an input's own lock file decides about the inputs of that input.

use std::collections::{BTreeMap, BTreeSet};

use firn_fetch::Input;

use crate::error::FlakeError;
use crate::lock_file::{Edge, InputPath, LockFile, Locked, NodeId, print_path};
use crate::reference::FlakeRef;

/// An input as a `flake.nix` declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputDecl {
    /// What it refers to; without it the input follows another, or is looked up by its name.
    pub reference: Option<FlakeRef>,
    /// It must have a `flake.nix`.
    pub is_flake: bool,
    /// It is the same as another input, named from the root of the lock file.
    pub follows: Option<InputPath>,
    /// What it says about the inputs of this input.
    pub overrides: BTreeMap<String, InputDecl>,
}

/// Declared inputs by name.
pub type Inputs = BTreeMap<String, InputDecl>;

/// A flake that was fetched for locking.
#[derive(Clone, Debug)]
pub struct Fetched<T> {
    /// The tree that was got, with all its attributes.
    pub locked: FlakeRef,
    /// A handle by which the world knows the tree.
    pub tree: T,
    /// The declared inputs; empty for what is no flake.
    pub inputs: Inputs,
    /// The lock file in the tree, if there is one.
    pub lock: LockFile,
}

/// What locking needs of the world.
pub trait World {
    /// A handle of a fetched tree.
    type Tree: Clone;
    /// Fetches a flake and reads its declarations. `path` is the input's place in the lock file: what its `follows` are
    /// relative to. `parent` is the tree that a relative path lies in.
    ///
    /// # Errors
    /// It cannot be found or fetched, or is no flake.
    fn flake(
        &mut self,
        reference: &FlakeRef,
        path: &InputPath,
        parent: Option<&Self::Tree>,
        all_registries: bool,
    ) -> Result<Fetched<Self::Tree>, FlakeError>;
    /// Fetches a tree that need not be a flake.
    ///
    /// # Errors
    /// It cannot be found or fetched.
    fn tree(
        &mut self,
        reference: &FlakeRef,
        parent: Option<&Self::Tree>,
    ) -> Result<(FlakeRef, Self::Tree), FlakeError>;
    /// Says which inputs will be fetched soon, so that they may be got together.
    fn prefetch(&mut self, _references: &[FlakeRef]) {}
    /// Says something that the user should know.
    fn warn(&mut self, message: String);
}

/// How to lock.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Forget the old lock file.
    pub recreate: bool,
    /// Inputs to fetch anew although they are locked.
    pub updates: BTreeSet<InputPath>,
    /// Inputs to replace.
    pub overrides: BTreeMap<InputPath, FlakeRef>,
    /// Whether inputs that are not locked may be fetched; not in pure evaluation.
    pub allow_unlocked: bool,
}

/// A new lock file, with the trees that were fetched on the way.
pub struct Outcome<T> {
    /// The graph.
    pub lock: LockFile,
    /// Trees by node, so that nothing is fetched twice.
    pub trees: BTreeMap<NodeId, T>,
}

/// An override with where it was made.
struct Override<T> {
    decl: InputDecl,
    from_command_line: bool,
    /// The tree and the place of the flake that makes it, which relative paths refer to.
    tree: Option<T>,
    parent: InputPath,
}

struct Locker<'a, W: World> {
    world: &'a mut W,
    options: &'a Options,
    overrides: BTreeMap<InputPath, Override<W::Tree>>,
    used_overrides: BTreeSet<InputPath>,
    used_updates: BTreeSet<InputPath>,
    lock: LockFile,
    trees: BTreeMap<NodeId, W::Tree>,
    parents: Vec<FlakeRef>,
}

/// Where in the graph a set of inputs stands.
struct Place<'a, T> {
    node: NodeId,
    path: InputPath,
    /// The lock file that knows these inputs, and the node in it.
    old: Option<(&'a LockFile, NodeId)>,
    /// What the `follows` of that lock file are relative to.
    follows_prefix: InputPath,
    /// The tree of the flake that declares the inputs.
    tree: Option<T>,
    /// The inputs were taken from the lock file, not from a `flake.nix`.
    trusted: bool,
}

/// Locks the inputs of a flake.
///
/// # Errors
/// An input that cannot be fetched, flakes that import each other, a `follows` that leads nowhere.
pub fn lock<W: World>(
    world: &mut W,
    root: &Fetched<W::Tree>,
    old: &LockFile,
    options: &Options,
) -> Result<Outcome<W::Tree>, FlakeError> {
    let mut overrides = BTreeMap::new();
    for (path, reference) in &options.overrides {
        let decl = InputDecl {
            reference: Some(reference.clone()),
            is_flake: true,
            follows: None,
            overrides: BTreeMap::new(),
        };
        overrides
            .insert(path.clone(), Override { decl, from_command_line: true, tree: None, parent: Vec::new() });
    }
    let mut locker = Locker {
        world,
        options,
        overrides,
        used_overrides: BTreeSet::new(),
        used_updates: BTreeSet::new(),
        lock: LockFile::default(),
        trees: BTreeMap::from([(0, root.tree.clone())]),
        parents: vec![root.locked.clone()],
    };
    let place = Place {
        node: 0,
        path: Vec::new(),
        old: (!options.recreate).then_some((old, 0)),
        follows_prefix: Vec::new(),
        tree: Some(root.tree.clone()),
        trusted: false,
    };
    locker.inputs(&root.inputs, place)?;
    locker.warn_unused();
    let Locker { lock, trees, .. } = locker;
    lock.check()?;
    Ok(Outcome { lock, trees })
}

fn join(prefix: &[String], rest: &[String]) -> InputPath {
    prefix.iter().chain(rest).cloned().collect()
}

fn child(prefix: &[String], name: &str) -> InputPath {
    let mut path = prefix.to_vec();
    path.push(name.to_owned());
    path
}

impl<W: World> Locker<'_, W> {
    fn warn_unused(&mut self) {
        for (path, reference) in &self.options.overrides {
            if !self.used_overrides.contains(path) {
                self.world.warn(format!(
                    "the flag '--override-input {} {reference}' does not match any input",
                    print_path(path)
                ));
            }
        }
        for path in &self.options.updates {
            if !self.used_updates.contains(path) {
                self.world.warn(format!("'{}' does not match any input of this flake", print_path(path)));
            }
        }
    }

    /// Notes the overrides that a flake makes on its inputs' inputs; those made nearer to the root win.
    fn collect_overrides(&mut self, inputs: &Inputs, place: &Place<'_, W::Tree>) {
        fn walk<T: Clone>(
            decl: &InputDecl,
            path: &InputPath,
            place: &Place<'_, T>,
            out: &mut BTreeMap<InputPath, Override<T>>,
        ) {
            for (name, decl) in &decl.overrides {
                let path = child(path, name);
                walk(decl, &path, place, out);
                if decl.reference.is_some() || decl.follows.is_some() {
                    out.entry(path).or_insert_with(|| Override {
                        decl: decl.clone(),
                        from_command_line: false,
                        tree: place.tree.clone(),
                        parent: place.path.clone(),
                    });
                }
            }
        }
        for (name, decl) in inputs {
            walk(decl, &child(&place.path, name), place, &mut self.overrides);
        }
    }

    fn inputs(&mut self, inputs: &Inputs, place: Place<'_, W::Tree>) -> Result<(), FlakeError> {
        self.collect_overrides(inputs, &place);
        self.warn_stray_overrides(inputs, &place);
        self.announce(inputs, &place);
        for (name, declared) in inputs {
            let path = child(&place.path, name);
            self.input(name, declared, &path, &place).map_err(|e| {
                e.while_doing(format!("while updating the flake input '{}'", print_path(&path)))
            })?;
        }
        Ok(())
    }

    /// Names the inputs that are not locked yet.
    fn announce(&mut self, inputs: &Inputs, place: &Place<'_, W::Tree>) {
        let wanted: Vec<FlakeRef> = inputs
            .iter()
            .filter(|(name, _)| !self.overrides.contains_key(&child(&place.path, name)))
            .filter_map(|(name, decl)| {
                let reference = decl.reference.as_ref().filter(|_| decl.follows.is_none())?;
                let locked = place.old.and_then(|(file, id)| match file.nodes[id].inputs.get(name) {
                    Some(Edge::Node(node)) => file.nodes[*node].lock.as_ref(),
                    _ => None,
                });
                let kept = locked.is_some_and(|lock| lock.original.canonical() == reference.canonical())
                    && !self.options.updates.contains(&child(&place.path, name));
                let allowed = self.options.allow_unlocked || reference.input.is_locked();
                (!kept && allowed && !self.parents.contains(reference)).then(|| reference.clone())
            })
            .collect();
        if wanted.len() > 1 {
            self.world.prefetch(&wanted);
        }
    }

    fn warn_stray_overrides(&mut self, inputs: &Inputs, place: &Place<'_, W::Tree>) {
        if place.trusted {
            return;
        }
        let stray: Vec<String> = self
            .overrides
            .iter()
            .filter(|(path, o)| {
                !o.from_command_line
                    && path.len() == place.path.len() + 1
                    && path.starts_with(&place.path)
                    && !inputs.contains_key(&path[path.len() - 1])
            })
            .map(|(path, _)| {
                format!(
                    "input '{}' has an override for a non-existent input '{}'",
                    print_path(&place.path),
                    path[path.len() - 1]
                )
            })
            .collect();
        for message in stray {
            self.world.warn(message);
        }
    }

    fn input(
        &mut self,
        name: &str,
        declared: &InputDecl,
        path: &InputPath,
        place: &Place<'_, W::Tree>,
    ) -> Result<(), FlakeError> {
        let (mut decl, mut tree, mut parent, mut cli) =
            (declared.clone(), place.tree.clone(), place.path.clone(), false);
        if let Some(o) = self.overrides.get(path) {
            self.used_overrides.insert(path.clone());
            decl = InputDecl { is_flake: declared.is_flake, ..o.decl.clone() };
            cli = o.from_command_line;
            if !cli {
                (tree, parent) = (o.tree.clone(), o.parent.clone());
            }
        }
        if let Some(target) = decl.follows {
            self.lock.nodes[place.node].inputs.insert(name.to_owned(), Edge::Follows(target));
            return Ok(());
        }
        let reference = match decl.reference {
            Some(reference) => reference,
            None => indirect(name)?,
        };
        let relative = reference.relative_path().is_some();
        let parent_path = relative.then(|| parent.clone());
        let update = self.options.updates.contains(path);
        self.used_updates.insert(path.clone());
        let old = place.old.filter(|_| !update && !cli).and_then(|(file, id)| {
            match file.nodes[id].inputs.get(name) {
                Some(Edge::Node(child)) => Some((file, *child)),
                _ => None,
            }
        });
        if let Some((file, id)) = old {
            if let Some(lock) = &file.nodes[id].lock {
                if lock.original.canonical() == reference.canonical() && lock.parent == parent_path {
                    return self.keep(name, path, place, (file, id), lock, tree.as_ref());
                }
            }
        }
        if !self.options.allow_unlocked && !reference.input.is_locked() && !relative {
            return Err(FlakeError::new(format!(
                "cannot update unlocked flake input '{}' in pure mode",
                print_path(path)
            )));
        }
        let original = match &declared.reference {
            Some(own) if cli => own.clone(),
            None if cli => indirect(name)?,
            _ => reference.clone(),
        };
        let fetch_parent = relative.then_some(tree).flatten();
        if !declared.is_flake {
            let (locked, tree) = self.world.tree(&reference, fetch_parent.as_ref())?;
            let id =
                self.add(place.node, name, Locked { original, locked, is_flake: false, parent: parent_path });
            self.trees.insert(id, tree);
            return Ok(());
        }
        if self.parents.contains(&reference) {
            return Err(FlakeError::new(format!("found circular import of flake '{reference}'")));
        }
        let fetched = self.world.flake(&reference, path, fetch_parent.as_ref(), cli)?;
        let id = self.add(
            place.node,
            name,
            Locked { original, locked: fetched.locked.clone(), is_flake: true, parent: parent_path },
        );
        self.trees.insert(id, fetched.tree.clone());
        self.parents.push(reference);
        let inner = Place {
            node: id,
            path: path.clone(),
            old: Some((&fetched.lock, 0)),
            follows_prefix: path.clone(),
            tree: Some(fetched.tree.clone()),
            trusted: false,
        };
        let result = self.inputs(&fetched.inputs, inner);
        self.parents.pop();
        result
    }

    fn add(&mut self, parent: NodeId, name: &str, lock: Locked) -> NodeId {
        let id = self.lock.nodes.len();
        self.lock.nodes.push(crate::lock_file::Node { inputs: BTreeMap::new(), lock: Some(lock) });
        self.lock.nodes[parent].inputs.insert(name.to_owned(), Edge::Node(id));
        id
    }

    /// Takes an input over from the old lock file, and its inputs too, unless something in them has changed.
    fn keep(
        &mut self,
        name: &str,
        path: &InputPath,
        place: &Place<'_, W::Tree>,
        (file, old): (&LockFile, NodeId),
        lock: &Locked,
        tree: Option<&W::Tree>,
    ) -> Result<(), FlakeError> {
        let id = self.add(place.node, name, lock.clone());
        let updates_below = self.options.updates.iter().any(|u| u.len() > path.len() && u.starts_with(path));
        let inputs = if updates_below { None } else { self.inputs_of_lock(file, old, path, place) };
        if let Some(inputs) = inputs {
            let inner = Place {
                node: id,
                path: path.clone(),
                old: Some((file, old)),
                follows_prefix: place.follows_prefix.clone(),
                tree: place.tree.clone(),
                trusted: true,
            };
            return self.inputs(&inputs, inner);
        }
        let parent = lock.locked.relative_path().and(tree);
        let fetched = self.world.flake(&lock.locked, path, parent, false)?;
        self.trees.insert(id, fetched.tree.clone());
        let inner = Place {
            node: id,
            path: path.clone(),
            old: Some((file, old)),
            follows_prefix: place.follows_prefix.clone(),
            tree: Some(fetched.tree.clone()),
            trusted: false,
        };
        self.inputs(&fetched.inputs, inner)
    }

    /// The inputs of a locked node as its lock file knows them; `None` if the flake itself must be asked, because an
    /// override that they depend on is gone.
    fn inputs_of_lock(
        &self,
        file: &LockFile,
        old: NodeId,
        path: &InputPath,
        place: &Place<'_, W::Tree>,
    ) -> Option<Inputs> {
        let mut inputs = Inputs::new();
        for (name, edge) in &file.nodes[old].inputs {
            let decl = match edge {
                Edge::Node(child) => {
                    let lock = file.nodes[*child].lock.as_ref()?;
                    InputDecl {
                        reference: Some(lock.original.clone()),
                        is_flake: lock.is_flake,
                        follows: None,
                        overrides: BTreeMap::new(),
                    }
                }
                Edge::Follows(target) => {
                    if !place.trusted && !self.overrides.contains_key(&child(path, name)) {
                        return None;
                    }
                    let follows = Some(join(&place.follows_prefix, target));
                    InputDecl { reference: None, is_flake: true, follows, overrides: BTreeMap::new() }
                }
            };
            inputs.insert(name.clone(), decl);
        }
        Some(inputs)
    }
}

/// An input without a reference is looked up by its name.
fn indirect(name: &str) -> Result<FlakeRef, FlakeError> {
    let attrs = firn_fetch::Attrs::from([("type".into(), "indirect".into()), ("id".into(), name.into())]);
    Ok(FlakeRef { input: Input::from_attrs(attrs)?, dir: String::new() })
}
