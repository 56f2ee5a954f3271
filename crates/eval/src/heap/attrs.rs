//! Attribute sets: a shape (the sorted names and their positions, shared by all sets of one literal) and the values.
//!
//! `//` with a big left side makes a *layered* set: a base and a top that hides parts of it. Looking a name up works on
//! any set; listing needs a [`Flat`] one, made (once, in place) by [`Heap::flat`].

use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};

use firn_syntax::symbol::Symbol;

use super::alloc::Heap;
use super::object::read_short;
use super::value::{self, Value};
use crate::pos::Pos;

const HAS_POS: u64 = 1 << 32;
const LAYERED: u64 = 1 << 33;
const FORWARD: u64 = 1 << 34;
/// Words before the names.
const HEAD: usize = 3;
/// Left sides below this are copied by `//`.
const LAYER_MIN: usize = 64;
/// How many layers a set may have before it is flattened.
const LAYER_MAX: u64 = 8;

/// The names and positions of a set.
///
/// Words: length and flags; address of the lexical order; address of the shape without positions; names; positions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape(pub(super) *const u64);

// SAFETY: a shape is never changed but for its two memo words, which are atomics.
unsafe impl Send for Shape {}
// SAFETY: as above.
unsafe impl Sync for Shape {}

static EMPTY_SHAPE: [AtomicU64; HEAD] = [const { AtomicU64::new(0) }; HEAD];
static FORWARD_SHAPE: [AtomicU64; HEAD] = [AtomicU64::new(FORWARD), AtomicU64::new(0), AtomicU64::new(0)];
static EMPTY_ATTRS: AtomicPtr<AtomicU64> = AtomicPtr::new((&raw const EMPTY_SHAPE) as *mut AtomicU64);

impl Shape {
    /// The shape of the empty set.
    pub fn empty() -> Shape {
        Shape((&raw const EMPTY_SHAPE).cast())
    }

    #[inline(always)]
    fn head(self) -> u64 {
        // SAFETY: the first word of a shape is its length and flags.
        unsafe { *self.0 }
    }

    /// Number of names.
    #[inline(always)]
    pub fn len(self) -> usize {
        (self.head() & 0xffff_ffff) as usize
    }

    /// Whether there are no names.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The names, sorted by symbol. Only of shapes that are neither layered nor forwarded.
    #[inline(always)]
    pub fn names(self) -> &'static [Symbol] {
        debug_assert!(self.head() & (LAYERED | FORWARD) == 0);
        // SAFETY: the names follow the head; `Symbol` is a `u32` by layout (checked in the tests).
        unsafe { std::slice::from_raw_parts(self.0.add(HEAD).cast::<Symbol>(), self.len()) }
    }

    /// Where the i-th name was defined.
    #[inline]
    pub fn pos(self, i: usize) -> Pos {
        if self.head() & HAS_POS == 0 {
            return Pos::NONE;
        }
        let n = self.len();
        assert!(i < n);
        // SAFETY: the positions follow the names.
        Pos(unsafe { *self.0.add(HEAD).cast::<u32>().add(n + i) })
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
        self.0 as u64
    }
}

/// A set, possibly layered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Attrs(pub(super) *const u64);

/// A set whose attributes can be listed by index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Flat(*const u64);

impl Attrs {
    /// The empty set.
    pub fn empty() -> Attrs {
        Attrs((&raw const EMPTY_ATTRS).cast())
    }

    #[inline(always)]
    fn word(self, i: usize) -> &'static AtomicU64 {
        // SAFETY: callers only ask for words that objects of the set's kind have.
        unsafe { &*self.0.add(i).cast::<AtomicU64>() }
    }

    /// The shape as it stands in the set: of a layered set it only has a length.
    #[inline(always)]
    pub fn raw_shape(self) -> Shape {
        Shape(self.word(0).load(Relaxed) as *const u64)
    }

    #[inline(always)]
    fn forwarded(self) -> Attrs {
        if self.raw_shape().head() & FORWARD != 0 {
            Attrs(self.word(1).load(Relaxed) as *const u64)
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
        if a.raw_shape().head() & LAYERED == 0 { Some(Flat(a.0)) } else { None }
    }

    fn layers(self) -> Option<(Attrs, Flat, u64)> {
        let a = self.forwarded();
        if a.raw_shape().head() & LAYERED == 0 {
            return None;
        }
        let ptr = |i: usize| a.word(i).load(Relaxed) as *const u64;
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
    fn slots(self) -> &'static [AtomicU64] {
        // SAFETY: a flat set is its shape's address, then a value for each name.
        unsafe { std::slice::from_raw_parts(self.0.add(1).cast::<AtomicU64>(), self.len()) }
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
    /// A shape of these names, which must be sorted by symbol without repetition.
    pub fn shape(&mut self, names: &[(Symbol, Pos)]) -> Shape {
        if names.is_empty() {
            return Shape::empty();
        }
        debug_assert!(names.windows(2).all(|w| w[0].0 < w[1].0));
        let with_pos = names.iter().any(|n| n.1 != Pos::NONE);
        let (p, syms) = self.raw_shape(names.len(), with_pos);
        for (i, (name, pos)) in names.iter().enumerate() {
            // SAFETY: the fresh shape has room for n names and, with positions, n of these.
            unsafe {
                syms.add(i).write(name.0);
                if with_pos {
                    syms.add(names.len() + i).write(pos.0);
                }
            }
        }
        Shape(p)
    }

    fn raw_shape(&mut self, n: usize, with_pos: bool) -> (*const u64, *mut u32) {
        self.counters.shapes += 1;
        let entries = if with_pos { 2 * n } else { n };
        let p = self.words(HEAD + entries.div_ceil(2));
        // SAFETY: fresh words for the head.
        unsafe {
            p.write(n as u64 | if with_pos { HAS_POS } else { 0 });
            p.add(1).write(0);
            p.add(2).write(0);
            (p, p.add(HEAD).cast::<u32>())
        }
    }

    /// The shape of the same names without positions, remembered in the shape.
    pub fn shape_without_pos(&mut self, shape: Shape) -> Shape {
        if shape.head() & HAS_POS == 0 {
            return shape;
        }
        // SAFETY: the third word of a shape is a memo, accessed as an atomic only.
        let memo = unsafe { &*shape.0.add(2).cast::<AtomicU64>() };
        let known = memo.load(Relaxed);
        if known != 0 {
            return Shape(known as *const u64);
        }
        let names = shape.names();
        let (p, syms) = self.raw_shape(names.len(), false);
        for (i, n) in names.iter().enumerate() {
            // SAFETY: the fresh shape has room for n names.
            unsafe { syms.add(i).write(n.0) };
        }
        memo.store(p as u64, Relaxed);
        Shape(p)
    }

    /// A set of these attributes, which must be sorted by symbol without repetition.
    pub fn attrs_sorted(&mut self, attrs: &[(Symbol, Pos, Value)]) -> Attrs {
        if attrs.is_empty() {
            return Attrs::empty();
        }
        debug_assert!(attrs.windows(2).all(|w| w[0].0 < w[1].0));
        let n = attrs.len();
        let with_pos = attrs.iter().any(|a| a.1 != Pos::NONE);
        let (p, syms) = self.raw_shape(n, with_pos);
        let out = self.new_attrs(Shape(p));
        for (i, (name, pos, v)) in attrs.iter().enumerate() {
            // SAFETY: as in `shape`.
            unsafe {
                syms.add(i).write(name.0);
                if with_pos {
                    syms.add(n + i).write(pos.0);
                }
            }
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
        a.forwarded().word(1).store(merged.0 as u64, Relaxed);
        a.forwarded().word(0).store((&raw const FORWARD_SHAPE) as u64, std::sync::atomic::Ordering::Release);
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
            shape.write((base.len() + top.len() - common) as u64 | LAYERED);
            shape.add(1).write(0);
            shape.add(2).write(0);
            p.write(shape as u64);
            p.add(1).write(base.0 as u64);
            p.add(2).write(top.0 as u64);
            p.add(3).write(depth);
        }
        self.counters.sets += 1;
        Attrs(p)
    }

    fn merge(&mut self, a: Flat, b: Flat) -> Flat {
        let (sa, sb) = (a.shape(), b.shape());
        let (na, nb) = (sa.names(), sb.names());
        let n = na.len() + nb.len() - common(na, nb);
        let with_pos = (sa.head() | sb.head()) & HAS_POS != 0;
        let (shape, syms) = self.raw_shape(n, with_pos);
        let out = self.new_attrs(Shape(shape));
        let (mut i, mut j) = (0, 0);
        for k in 0..n {
            let from_a = j >= nb.len() || (i < na.len() && na[i] < nb[j]);
            let (name, pos, v) = if from_a {
                i += 1;
                (na[i - 1], sa.pos(i - 1), a.value(i - 1))
            } else {
                if i < na.len() && na[i] == nb[j] {
                    i += 1;
                }
                j += 1;
                (nb[j - 1], sb.pos(j - 1), b.value(j - 1))
            };
            // SAFETY: the fresh shape has room for n names and, with positions, n of these.
            unsafe {
                syms.add(k).write(name.0);
                if with_pos {
                    syms.add(n + k).write(pos.0);
                }
            }
            out.set(k, v);
        }
        Flat(out.0)
    }

    /// The indexes of a set's attributes in the order of their names' texts, remembered in the shape.
    pub fn lexical_order(&mut self, f: Flat, text: impl Fn(Symbol) -> &'static [u8]) -> &'static [u32] {
        let (shape, n) = (f.shape(), f.len());
        if n == 0 {
            return &[];
        }
        // SAFETY: the second word of a shape is a memo, accessed as an atomic only.
        let memo = unsafe { &*shape.0.add(1).cast::<AtomicU64>() };
        let mut p = memo.load(Relaxed) as *const u32;
        if p.is_null() {
            let names = shape.names();
            let mut order: Vec<(&[u8], u32)> =
                names.iter().enumerate().map(|(i, s)| (text(*s), i as u32)).collect();
            order.sort_unstable();
            let fresh = self.words(n.div_ceil(2)).cast::<u32>();
            for (k, (_, i)) in order.iter().enumerate() {
                // SAFETY: fresh words for n indexes.
                unsafe { fresh.add(k).write(*i) };
            }
            memo.store(fresh as u64, Relaxed);
            p = fresh;
        }
        // SAFETY: n indexes were written there.
        unsafe { std::slice::from_raw_parts(p, n) }
    }
}

/// How many names two sorted lists have in common.
fn common(a: &[Symbol], b: &[Symbol]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        n += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    n
}
