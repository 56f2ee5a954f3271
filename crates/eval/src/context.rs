//! String contexts: which store objects a string refers to.
//!
//! A context is a sorted set of elements, interned: equal sets have one [`ContextId`], unions are remembered, so that
//! joining strings of one context costs nothing.

use std::sync::Arc;

use firn_path::{SingleDerivedPath, StorePath};
use rustc_hash::FxHashMap;

/// An interned context.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct ContextId(pub u32);

impl ContextId {
    /// Of strings that refer to nothing.
    pub const NONE: ContextId = ContextId(0);

    /// Whether it refers to nothing.
    pub fn is_empty(self) -> bool {
        self == ContextId::NONE
    }
}

/// One element of a context. The order is the reference's.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum ContextElem {
    /// A store path as it is.
    Opaque(StorePath),
    /// A derivation with everything that it takes to build it, and all its outputs.
    DrvDeep(StorePath),
    /// An output of a derivation.
    Built {
        /// The derivation.
        drv: Arc<SingleDerivedPath>,
        /// The output's name.
        output: String,
    },
}

/// The contexts of an evaluation.
#[derive(Debug)]
pub struct Contexts {
    sets: Vec<Box<[ContextElem]>>,
    ids: FxHashMap<Box<[ContextElem]>, u32>,
    unions: FxHashMap<(u32, u32), u32>,
}

impl Default for Contexts {
    fn default() -> Self {
        Contexts { sets: vec![Box::default()], ids: FxHashMap::default(), unions: FxHashMap::default() }
    }
}

impl Contexts {
    /// The elements of a context, sorted.
    pub fn elems(&self, id: ContextId) -> &[ContextElem] {
        &self.sets[id.0 as usize]
    }

    /// The context of these elements, in any order.
    pub fn intern(&mut self, mut elems: Vec<ContextElem>) -> ContextId {
        if elems.is_empty() {
            return ContextId::NONE;
        }
        elems.sort();
        elems.dedup();
        let elems = elems.into_boxed_slice();
        if let Some(id) = self.ids.get(&elems) {
            return ContextId(*id);
        }
        let id = self.sets.len() as u32;
        self.sets.push(elems.clone());
        self.ids.insert(elems, id);
        ContextId(id)
    }

    /// The context of one element.
    pub fn single(&mut self, elem: ContextElem) -> ContextId {
        self.intern(vec![elem])
    }

    /// Everything that either refers to.
    #[inline]
    pub fn union(&mut self, a: ContextId, b: ContextId) -> ContextId {
        if a == b || b.is_empty() {
            return a;
        }
        if a.is_empty() {
            return b;
        }
        self.union_slow(a.0.min(b.0), a.0.max(b.0))
    }

    fn union_slow(&mut self, a: u32, b: u32) -> ContextId {
        if let Some(id) = self.unions.get(&(a, b)) {
            return ContextId(*id);
        }
        let mut all = self.sets[a as usize].to_vec();
        all.extend_from_slice(&self.sets[b as usize]);
        let id = self.intern(all);
        self.unions.insert((a, b), id.0);
        id
    }
}
