//! Small caches that make shapes shared and names quick to find. They only ever forget; nothing depends on a hit.
//!
//! Entries are plain words that are zero at the start, so that an evaluation that does not use them does not pay for them.

use firn_syntax::Symbol;
use firn_syntax::symbol::SymbolTable;

use super::alloc::Heap;
use super::arena;
use super::attrs::{Attrs, Flat, Shape};
use super::object::Str;

/// Entries of each cache: a power of two.
const ENTRIES: usize = 1 << 12;
/// Up to here a set is searched from its start: quicker than the cache.
const SHORT: usize = 4;

/// The caches of one heap.
pub(super) struct Memo {
    /// Shape and name; index of the attribute plus one, or zero if there is none, and the set that it is in.
    found: Vec<[u32; 4]>,
    /// Two shapes; that of their union.
    unions: Vec<[u32; 4]>,
    /// Hash of names and positions; a shape that has them.
    shapes: Vec<[u32; 2]>,
    /// A string; its symbol.
    symbols: Vec<[u32; 2]>,
}

#[inline(always)]
fn slot(a: u32, b: u32) -> usize {
    let h = u64::from(a >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ u64::from(b).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (h >> 40) as usize & (ENTRIES - 1)
}

impl Memo {
    pub(super) fn new() -> Memo {
        Memo {
            found: vec![[0; 4]; ENTRIES],
            unions: vec![[0; 4]; ENTRIES],
            shapes: vec![[0; 2]; ENTRIES],
            symbols: vec![[0; 2]; ENTRIES],
        }
    }

    /// The union of two shapes, if it is remembered.
    #[inline]
    pub(super) fn union(&self, a: Shape, b: Shape) -> Option<Shape> {
        let (a, b) = (a.place(), b.place());
        let e = &self.unions[slot(a, b)];
        (e[0] == a && e[1] == b).then(|| Shape(arena::at(e[2])))
    }

    pub(super) fn set_union(&mut self, a: Shape, b: Shape, of: Shape) {
        let (a, b) = (a.place(), b.place());
        self.unions[slot(a, b)] = [a, b, of.place(), 0];
    }

    /// A shape that was remembered under this hash; the caller compares.
    #[inline]
    pub(super) fn shape(&self, hash: u32) -> Option<Shape> {
        let e = &self.shapes[slot(hash, 0)];
        (e[0] == hash && e[1] != 0).then(|| Shape(arena::at(e[1])))
    }

    pub(super) fn set_shape(&mut self, hash: u32, shape: Shape) {
        self.shapes[slot(hash, 0)] = [hash, shape.place()];
    }
}

impl Heap {
    /// Where a set has a name: as [`Attrs::find`], through a cache over all sets.
    #[inline]
    pub fn find(&mut self, a: Attrs, name: Symbol) -> Option<(Flat, usize)> {
        let a = a.forwarded();
        let shape = a.raw_shape();
        let flat = shape.is_flat();
        if flat && shape.len() <= SHORT {
            return shape.index(name).map(|i| (Flat(a.0), i));
        }
        let place = shape.place();
        let e = &mut self.memo.found[slot(place, name.0)];
        if e[0] == place && e[1] == name.0 {
            let i = e[2].checked_sub(1)? as usize;
            // A flat set's entry only says where in the shape; a layered one is the only set of its shape.
            return Some((if flat { Flat(a.0) } else { Flat(arena::at(e[3])) }, i));
        }
        let found = a.find(name);
        *e = match found {
            Some((f, i)) => [place, name.0, i as u32 + 1, arena::place(f.0)],
            None => [place, name.0, 0, 0],
        };
        found
    }

    /// The symbol of a string's text.
    #[inline]
    pub fn symbol(&mut self, s: Str, symbols: &SymbolTable) -> Symbol {
        let place = arena::place(s.0);
        let e = &mut self.memo.symbols[slot(place, 0)];
        if e[0] == place {
            return Symbol(e[1]);
        }
        let symbol = symbols.intern(s.as_bytes());
        *e = [place, symbol.0];
        symbol
    }
}
