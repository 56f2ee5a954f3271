//! Attribute sets: a shape (the sorted names and their positions, shared by all sets of one literal) and the values.
//!
//! `//` with a big left side makes a *layered* set: a base and a top that hides parts of it. Looking a name up works on
//! any set; listing needs a [`Flat`] one, made (once, in place) by [`Heap::flat`].

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use firn_syntax::symbol::Symbol;
use smallvec::SmallVec;

use super::alloc::Heap;
use super::arena;
use super::object::read_short;
use super::value::{self, Value};
use crate::pos::Pos;

const HAS_POS: u32 = 1;
const LAYERED: u32 = 2;
pub(super) const FORWARD: u32 = 4;
/// Words before the names.
const HEAD: usize = 4;
/// Left sides below this are copied by `//`.
const LAYER_MIN: usize = 24;
/// How many layers a set may have before it is flattened.
const LAYER_MAX: u32 = 8;
/// Sets of more names than this have a shape of their own when they are made of computed names, or by `//`.
const SHARED_MAX: usize = 64;

/// The names and positions of a set.
///
/// Words: length; flags; place of the lexical order; place of the shape without positions; names; positions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape(pub(super) *const u32);

// SAFETY: a shape is never changed but for its two memo words, which are atomics.
unsafe impl Send for Shape {}
// SAFETY: as above.
unsafe impl Sync for Shape {}

impl Shape {
    /// The shape of the empty set.
    pub fn empty() -> Shape {
        arena::init();
        Shape(arena::at(arena::EMPTY_SHAPE))
    }

    #[inline(always)]
    pub(super) fn place(self) -> u32 {
        arena::place(self.0)
    }

    #[inline(always)]
    fn flags(self) -> u32 {
        // SAFETY: the second word of a shape is its flags.
        unsafe { *self.0.add(1) }
    }

    /// Whether sets of this shape have all their values in one object.
    #[inline(always)]
    pub(super) fn is_flat(self) -> bool {
        self.flags() & (LAYERED | FORWARD) == 0
    }

    /// Whether the shape has exactly these names and positions.
    fn is(self, attrs: &[(Symbol, Pos, Value)]) -> bool {
        attrs.len() == self.len()
            && attrs.iter().zip(self.names()).all(|(a, n)| a.0 == *n)
            && attrs.iter().enumerate().all(|(i, a)| self.pos(i) == a.1)
    }

    /// Number of names.
    #[inline(always)]
    pub fn len(self) -> usize {
        // SAFETY: the first word of a shape is its length.
        unsafe { *self.0 as usize }
    }

    /// Whether there are no names.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The names, sorted by symbol. Only of shapes that are neither layered nor forwarded.
    #[inline(always)]
    pub fn names(self) -> &'static [Symbol] {
        debug_assert!(self.is_flat());
        // SAFETY: the names follow the head; `Symbol` is a `u32` by layout (checked in the tests).
        unsafe { std::slice::from_raw_parts(self.0.add(HEAD).cast::<Symbol>(), self.len()) }
    }

    /// Where the i-th name was defined.
    #[inline]
    pub fn pos(self, i: usize) -> Pos {
        if self.flags() & HAS_POS == 0 {
            return Pos::NONE;
        }
        let n = self.len();
        assert!(i < n);
        // SAFETY: the positions follow the names.
        Pos(unsafe { *self.0.add(HEAD + n + i) })
    }

    /// The index of a name.
    #[inline]
    pub fn index(self, name: Symbol) -> Option<usize> {
        let names = self.names();
        if names.len() <= 8 {
            return names.iter().position(|n| *n == name);
        }
        let (mut lo, mut len) = (0, names.len());
        while len > 1 {
            let half = len / 2;
            if names[lo + half] <= name {
                lo += half;
            }
            len -= half;
        }
        (names[lo] == name).then_some(lo)
    }

    /// The word that identifies the shape in an inline cache.
    #[inline(always)]
    pub fn id(self) -> u64 {
        u64::from(self.place())
    }
}

/// A set, possibly layered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Attrs(pub(super) *const u32);

/// A set whose attributes can be listed by index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Flat(pub(super) *const u32);

/// The place of a value in a set under construction.
#[derive(Clone, Copy)]
pub(crate) struct Place(&'static AtomicU32);

impl Place {
    /// Stores the value.
    #[inline(always)]
    pub(crate) fn set(self, v: Value) {
        self.0.store(v.word(), Relaxed);
    }
}

impl Attrs {
    /// The empty set.
    pub fn empty() -> Attrs {
        arena::init();
        Attrs(arena::at(arena::EMPTY_ATTRS))
    }

    #[inline(always)]
    fn word(self, i: usize) -> &'static AtomicU32 {
        // SAFETY: callers only ask for words that objects of the set's kind have.
        unsafe { &*self.0.add(i).cast::<AtomicU32>() }
    }

    /// The shape as it stands in the set: of a layered set it only has a length.
    #[inline(always)]
    pub fn raw_shape(self) -> Shape {
        Shape(arena::at(self.word(0).load(Relaxed)))
    }

    /// The set itself, or the flat one that has taken its place.
    #[inline(always)]
    pub(super) fn forwarded(self) -> Attrs {
        if self.raw_shape().flags() & FORWARD != 0 {
            Attrs(arena::at(self.word(1).load(Relaxed)))
        } else {
            self
        }
    }

    /// Number of attributes.
    #[inline]
    pub fn len(self) -> usize {
        self.forwarded().raw_shape().len()
    }

    /// Whether there are no attributes.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The set as a flat one, if it is one already.
    #[inline]
    pub fn as_flat(self) -> Option<Flat> {
        let a = self.forwarded();
        if a.raw_shape().flags() & LAYERED == 0 { Some(Flat(a.0)) } else { None }
    }

    fn layers(self) -> Option<(Attrs, Flat, u32)> {
        let a = self.forwarded();
        if a.raw_shape().flags() & LAYERED == 0 {
            return None;
        }
        let ptr = |i: usize| arena::at(a.word(i).load(Relaxed)).cast_const();
        Some((Attrs(ptr(1)), Flat(ptr(2)), a.word(3).load(Relaxed)))
    }

    /// The value of an attribute, delayed or not.
    #[inline]
    pub fn get(self, name: Symbol) -> Option<Value> {
        self.find(name).map(|(f, i)| f.value(i))
    }

    /// The layer and index at which an attribute is found.
    #[inline]
    pub fn find(self, name: Symbol) -> Option<(Flat, usize)> {
        let mut a = self;
        loop {
            if let Some(f) = a.as_flat() {
                return f.shape().index(name).map(|i| (f, i));
            }
            let (base, top, _) = a.layers().expect("a set is flat or layered");
            if let Some(i) = top.shape().index(name) {
                return Some((top, i));
            }
            a = base;
        }
    }

    /// Whether there is such an attribute.
    pub fn has(self, name: Symbol) -> bool {
        self.find(name).is_some()
    }

    /// The value and the position of an attribute.
    pub fn get_with_pos(self, name: Symbol) -> Option<(Value, Pos)> {
        self.find(name).map(|(f, i)| (f.value(i), f.pos(i)))
    }

    /// The value at an index that an inline cache knows for this set's [`Attrs::raw_shape`].
    #[inline(always)]
    pub fn value_at(self, i: usize) -> Value {
        debug_assert!(i < self.raw_shape().len());
        read_short(self.word(1 + i))
    }

    /// Stores the i-th value of a set under construction.
    #[inline(always)]
    pub fn set(self, i: usize, v: Value) {
        assert!(i < self.raw_shape().len());
        self.word(1 + i).store(v.word(), Relaxed);
    }

    /// The places of the values of a flat set under construction, in the order of its shape.
    #[inline(always)]
    pub(crate) fn places(self) -> impl Iterator<Item = Place> {
        debug_assert!(self.raw_shape().is_flat());
        Flat(self.0).slots().iter().map(Place)
    }

    /// The set as a value.
    #[inline(always)]
    pub fn value(self) -> Value {
        Value::from_ptr(self.0, value::ATTRS)
    }
}

impl Flat {
    /// The shape.
    #[inline(always)]
    pub fn shape(self) -> Shape {
        Attrs(self.0).raw_shape()
    }

    /// Number of attributes.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.shape().len()
    }

    /// Whether there are no attributes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    fn slots(self) -> &'static [AtomicU32] {
        // SAFETY: a flat set is its shape's address, then a value for each name.
        unsafe { std::slice::from_raw_parts(self.0.add(1).cast::<AtomicU32>(), self.len()) }
    }

    /// The name of the i-th attribute (in symbol order).
    #[inline(always)]
    pub fn name(self, i: usize) -> Symbol {
        self.shape().names()[i]
    }

    /// The position of the i-th attribute.
    #[inline(always)]
    pub fn pos(self, i: usize) -> Pos {
        self.shape().pos(i)
    }

    /// The i-th value, delayed or not.
    #[inline(always)]
    pub fn value(self, i: usize) -> Value {
        read_short(&self.slots()[i])
    }

    /// All attributes in symbol order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (Symbol, Pos, Value)> {
        let shape = self.shape();
        let names = shape.names();
        self.slots().iter().enumerate().map(move |(i, s)| (names[i], shape.pos(i), read_short(s)))
    }

    /// As a set.
    pub fn attrs(self) -> Attrs {
        Attrs(self.0)
    }
}

impl Heap {
    /// A shape of these names, which must be sorted by symbol without repetition: for the sets of one literal.
    pub fn shape(&mut self, names: &[(Symbol, Pos)]) -> Shape {
        self.fresh_shape(names.len(), |i| names[i])
    }

    fn fresh_shape(&mut self, n: usize, entry: impl Fn(usize) -> (Symbol, Pos)) -> Shape {
        if n == 0 {
            return Shape::empty();
        }
        debug_assert!((1..n).all(|i| entry(i - 1).0 < entry(i).0));
        self.counters.shapes += 1;
        self.counters.shape_names += n as u64;
        let with_pos = (0..n).any(|i| entry(i).1 != Pos::NONE);
        let p = self.words(HEAD + if with_pos { 2 * n } else { n });
        // SAFETY: fresh words, zero, enough for the head, n names and, with positions, n of these.
        unsafe {
            p.write(n as u32);
            p.add(1).write(if with_pos { HAS_POS } else { 0 });
            for i in 0..n {
                let (name, pos) = entry(i);
                p.add(HEAD + i).write(name.0);
                if with_pos {
                    p.add(HEAD + n + i).write(pos.0);
                }
            }
        }
        Shape(p)
    }

    /// A shape of the names and positions of these attributes, shared with others if there are few.
    fn shape_of(&mut self, attrs: &[(Symbol, Pos, Value)]) -> Shape {
        if attrs.len() > SHARED_MAX {
            return self.fresh_shape(attrs.len(), |i| (attrs[i].0, attrs[i].1));
        }
        let mut hash = attrs.len() as u64;
        for (name, pos, _) in attrs {
            let word = u64::from(name.0) | u64::from(pos.0) << 32;
            hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        let hash = (hash >> 32) as u32;
        if let Some(shape) = self.memo.shape(hash) {
            if shape.is(attrs) {
                return shape;
            }
        }
        let shape = self.fresh_shape(attrs.len(), |i| (attrs[i].0, attrs[i].1));
        self.memo.set_shape(hash, shape);
        shape
    }

    /// The shape of the same names without positions, remembered in the shape.
    pub fn shape_without_pos(&mut self, shape: Shape) -> Shape {
        if shape.flags() & HAS_POS == 0 {
            return shape;
        }
        // SAFETY: the fourth word of a shape is a memo, accessed as an atomic only.
        let memo = unsafe { &*shape.0.add(3).cast::<AtomicU32>() };
        let known = memo.load(Relaxed);
        if known != 0 {
            return Shape(arena::at(known));
        }
        let bare: SmallVec<[_; 32]> = shape.names().iter().map(|n| (*n, Pos::NONE, Value::NULL)).collect();
        let bare = self.shape_of(&bare);
        memo.store(bare.place(), Relaxed);
        bare
    }

    /// A set of these attributes, which must be sorted by symbol without repetition.
    pub fn attrs_sorted(&mut self, attrs: &[(Symbol, Pos, Value)]) -> Attrs {
        if attrs.is_empty() {
            return Attrs::empty();
        }
        let shape = self.shape_of(attrs);
        let out = self.new_attrs(shape);
        for (i, (_, _, v)) in attrs.iter().enumerate() {
            out.set(i, *v);
        }
        out
    }

    /// The set with all its attributes in one object. A layered set is flattened once and refers to the result then.
    #[inline]
    pub fn flat(&mut self, a: Attrs) -> Flat {
        match a.as_flat() {
            Some(f) => f,
            None => self.flatten(a),
        }
    }

    #[cold]
    fn flatten(&mut self, a: Attrs) -> Flat {
        let (base, top, _) = a.layers().expect("a set is flat or layered");
        let base = self.flat(base);
        let merged = self.merge(base, top);
        // The order matters to other threads: first where to, then that it is.
        let old = a.forwarded();
        old.word(1).store(arena::place(merged.0), Relaxed);
        old.word(0).store(arena::FORWARD_SHAPE, std::sync::atomic::Ordering::Release);
        merged
    }

    /// `a // b`. Gives also how many attributes were copied.
    #[inline]
    pub fn update(&mut self, a: Attrs, b: Attrs) -> (Attrs, usize) {
        if a.is_empty() {
            return (b, 0);
        }
        if b.is_empty() {
            return (a, 0);
        }
        let top = self.flat(b);
        if a.len() >= LAYER_MIN && top.len() <= a.len() / 4 {
            return (self.layer(a, top), top.len());
        }
        let base = self.flat(a);
        let out = self.merge(base, top);
        (Attrs(out.0), out.len())
    }

    fn layer(&mut self, a: Attrs, top: Flat) -> Attrs {
        let depth = match a.layers() {
            Some((_, _, d)) if d < LAYER_MAX => d + 1,
            Some(_) => {
                self.flat(a);
                1
            }
            None => 1,
        };
        let base = a.forwarded();
        let common = top.shape().names().iter().filter(|n| base.has(**n)).count();
        let p = self.words(4 + HEAD);
        // SAFETY: fresh words for the set (4) and its shape (head only).
        unsafe {
            let shape = p.add(4);
            shape.write((base.len() + top.len() - common) as u32);
            shape.add(1).write(LAYERED);
            p.write(arena::place(shape));
            p.add(1).write(arena::place(base.0));
            p.add(2).write(arena::place(top.0));
            p.add(3).write(depth);
        }
        self.counters.sets += 1;
        Attrs(p)
    }

    fn merge(&mut self, a: Flat, b: Flat) -> Flat {
        let (sa, sb) = (a.shape(), b.shape());
        let shape = match self.memo.union(sa, sb) {
            Some(shape) => shape,
            None => {
                let shape = self.union_shape(sa, sb);
                self.memo.set_union(sa, sb, shape);
                shape
            }
        };
        let out = Flat(self.new_attrs(shape).0);
        let (nb, va, vb) = (sb.names(), a.slots(), b.slots());
        let na = sa.names();
        let (mut i, mut j) = (0, 0);
        for (name, slot) in shape.names().iter().zip(out.slots()) {
            let both = i < na.len() && na[i] == *name;
            let v = if j < nb.len() && nb[j] == *name {
                j += 1;
                &vb[j - 1]
            } else {
                &va[i]
            };
            i += usize::from(both);
            slot.store(v.load(Relaxed), Relaxed);
        }
        out
    }

    /// The names of both shapes; where both have one, its position is that of `b`.
    fn union_shape(&mut self, a: Shape, b: Shape) -> Shape {
        let (na, nb) = (a.names(), b.names());
        let mut all: SmallVec<[(Symbol, Pos, Value); 64]> = SmallVec::with_capacity(na.len() + nb.len());
        let (mut i, mut j) = (0, 0);
        while i < na.len() || j < nb.len() {
            if j >= nb.len() || (i < na.len() && na[i] < nb[j]) {
                all.push((na[i], a.pos(i), Value::NULL));
                i += 1;
            } else {
                i += usize::from(i < na.len() && na[i] == nb[j]);
                all.push((nb[j], b.pos(j), Value::NULL));
                j += 1;
            }
        }
        self.shape_of(&all)
    }

    /// The indexes of a set's attributes in the order of their names' texts, remembered in the shape.
    pub fn lexical_order(&mut self, f: Flat, text: impl Fn(Symbol) -> &'static [u8]) -> &'static [u32] {
        let (shape, n) = (f.shape(), f.len());
        if n == 0 {
            return &[];
        }
        // SAFETY: the third word of a shape is a memo, accessed as an atomic only.
        let memo = unsafe { &*shape.0.add(2).cast::<AtomicU32>() };
        let mut place = memo.load(Relaxed);
        if place == 0 {
            let names = shape.names();
            let mut order: Vec<(&[u8], u32)> =
                names.iter().enumerate().map(|(i, s)| (text(*s), i as u32)).collect();
            order.sort_unstable();
            let fresh = self.words(n);
            for (k, (_, i)) in order.iter().enumerate() {
                // SAFETY: fresh words for n indexes.
                unsafe { fresh.add(k).write(*i) };
            }
            place = arena::place(fresh);
            memo.store(place, Relaxed);
        }
        // SAFETY: n indexes were written there.
        unsafe { std::slice::from_raw_parts(arena::at(place), n) }
    }
}
