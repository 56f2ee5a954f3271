//! String contexts: which store objects a string refers to.
//!
//! A context is a set of elements, interned: equal sets have one [`ContextId`], unions are remembered, so that joining
//! strings of one context costs nothing. Elements are numbered, and sets are runs of these numbers in one table.

use std::sync::Arc;

use firn_path::{SingleDerivedPath, StorePath};
use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::Hasher;

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
    elems: Vec<ContextElem>,
    numbers: FxHashMap<ContextElem, u32>,
    /// The sets, one after the other, each in ascending order.
    pool: Vec<u32>,
    /// Start and end of each set.
    sets: Vec<(u32, u32)>,
    known: HashTable<u32>,
    unions: FxHashMap<(u32, u32), u32>,
}

impl Default for Contexts {
    fn default() -> Self {
        Contexts {
            elems: Vec::new(),
            numbers: FxHashMap::default(),
            pool: Vec::new(),
            sets: vec![(0, 0)],
            known: HashTable::new(),
            unions: FxHashMap::default(),
        }
    }
}

fn hash_of(numbers: &[u32]) -> u64 {
    let mut hasher = FxHasher::default();
    for n in numbers {
        hasher.write_u32(*n);
    }
    hasher.finish()
}

impl Contexts {
    fn numbers(&self, id: u32) -> &[u32] {
        let (start, end) = self.sets[id as usize];
        &self.pool[start as usize..end as usize]
    }

    /// The elements of a context, sorted.
    pub fn elems(&self, id: ContextId) -> Vec<ContextElem> {
        let mut all: Vec<ContextElem> =
            self.numbers(id.0).iter().map(|n| self.elems[*n as usize].clone()).collect();
        all.sort();
        all
    }

    fn number(&mut self, elem: ContextElem) -> u32 {
        if let Some(n) = self.numbers.get(&elem) {
            return *n;
        }
        let n = self.elems.len() as u32;
        self.elems.push(elem.clone());
        self.numbers.insert(elem, n);
        n
    }

    /// The context of these elements, in any order.
    pub fn intern(&mut self, elems: Vec<ContextElem>) -> ContextId {
        let mut numbers: Vec<u32> = elems.into_iter().map(|e| self.number(e)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        self.intern_numbers(&numbers)
    }

    fn intern_numbers(&mut self, numbers: &[u32]) -> ContextId {
        if numbers.is_empty() {
            return ContextId::NONE;
        }
        let hash = hash_of(numbers);
        if let Some(id) = self.known.find(hash, |id| self.numbers(*id) == numbers) {
            return ContextId(*id);
        }
        let id = self.sets.len() as u32;
        let start = self.pool.len() as u32;
        self.pool.extend_from_slice(numbers);
        self.sets.push((start, self.pool.len() as u32));
        let (pool, sets) = (&self.pool, &self.sets);
        let run = |id: u32| {
            let (start, end) = sets[id as usize];
            &pool[start as usize..end as usize]
        };
        self.known.insert_unique(hash, id, |id| hash_of(run(*id)));
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

    /// Everything that any of these refers to.
    pub fn union_all(&mut self, mut ids: Vec<ContextId>) -> ContextId {
        ids.sort_unstable_by_key(|id| id.0);
        ids.dedup();
        if ids.len() <= 3 {
            return ids.into_iter().fold(ContextId::NONE, |a, b| self.union(a, b));
        }
        let mut numbers: Vec<u32> = ids.iter().flat_map(|id| self.numbers(id.0)).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        self.intern_numbers(&numbers)
    }

    fn union_slow(&mut self, a: u32, b: u32) -> ContextId {
        if let Some(id) = self.unions.get(&(a, b)) {
            return ContextId(*id);
        }
        let (x, y) = (self.numbers(a), self.numbers(b));
        let mut all = Vec::with_capacity(x.len() + y.len());
        let (mut i, mut j) = (0, 0);
        while i < x.len() || j < y.len() {
            if j >= y.len() || (i < x.len() && x[i] < y[j]) {
                all.push(x[i]);
                i += 1;
            } else {
                i += usize::from(i < x.len() && x[i] == y[j]);
                all.push(y[j]);
                j += 1;
            }
        }
        let id = match all.len() {
            n if n == x.len() => a,
            n if n == y.len() => b,
            _ => self.intern_numbers(&all).0,
        };
        self.unions.insert((a, b), id);
        ContextId(id)
    }
}
