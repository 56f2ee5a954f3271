//! Handles of strings, paths, lists, closures and partial applications.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::code::Ref;
use super::thunk::Env;
use super::value::{self, Value};
use crate::context::ContextId;
use crate::ir::LambdaCode;

/// A string: bytes and a context.
#[derive(Clone, Copy)]
pub struct Str(pub(super) *const u32);

impl Str {
    /// The text.
    #[inline(always)]
    pub fn as_bytes(self) -> &'static [u8] {
        // SAFETY: a string object is its length and its context, then the bytes; it is never changed.
        unsafe { std::slice::from_raw_parts(self.0.add(2).cast::<u8>(), *self.0 as usize) }
    }

    /// The text with invalid UTF-8 replaced, for messages.
    pub fn to_text(self) -> std::borrow::Cow<'static, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// The context.
    #[inline(always)]
    pub fn context(self) -> ContextId {
        // SAFETY: as above.
        ContextId(unsafe { *self.0.add(1) })
    }

    /// The string as a value.
    pub fn value(self) -> Value {
        Value::from_ptr(self.0, value::STR)
    }
}

/// A path: a tree and an absolute canonical path in it.
#[derive(Clone, Copy)]
pub struct PathRef(pub(super) *const u32);

impl PathRef {
    /// The tree: 0 is the file system, others are given by the embedding program.
    pub fn root(self) -> u32 {
        // SAFETY: a path object is a header, the tree, the length, then the bytes; it is never changed.
        unsafe { *self.0.add(1) }
    }

    /// The path in the tree.
    pub fn as_bytes(self) -> &'static [u8] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.0.add(3).cast::<u8>(), *self.0.add(2) as usize) }
    }

    /// The path in the tree with invalid UTF-8 replaced.
    pub fn to_text(self) -> std::borrow::Cow<'static, str> {
        String::from_utf8_lossy(self.as_bytes())
    }
}

/// A list.
#[derive(Clone, Copy)]
pub struct List(pub(super) *const u32);

impl List {
    /// Number of elements.
    #[inline(always)]
    pub fn len(self) -> usize {
        // SAFETY: a list object is its length, then the elements.
        unsafe { *self.0 as usize }
    }

    /// Whether there are no elements.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    fn slots(self) -> &'static [AtomicU32] {
        // SAFETY: as above; elements are only accessed as atomics.
        unsafe { std::slice::from_raw_parts(self.0.add(1).cast::<AtomicU32>(), self.len()) }
    }

    /// The element at `i`, delayed or not; a finished thunk is replaced by its value on the way (functions are not).
    ///
    /// # Panics
    /// If `i` is not below the length.
    #[inline(always)]
    pub fn get(self, i: usize) -> Value {
        read_short(&self.slots()[i])
    }

    /// Stores an element of a list under construction.
    ///
    /// # Panics
    /// If `i` is not below the length.
    #[inline(always)]
    pub fn set(self, i: usize, v: Value) {
        self.slots()[i].store(v.word(), Relaxed);
    }

    /// All elements in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Value> + DoubleEndedIterator {
        self.slots().iter().map(read_short)
    }

    /// Copies the elements from `from` on, as they are, to a list under construction.
    ///
    /// # Panics
    /// If the other list is too short.
    #[inline]
    pub fn copy_to(self, from: usize, out: List, at: usize) {
        let slots = &self.slots()[from..];
        for (slot, to) in slots.iter().zip(&out.slots()[at..at + slots.len()]) {
            to.store(slot.load(Relaxed), Relaxed);
        }
    }

    /// The list as a value.
    #[inline(always)]
    pub fn value(self) -> Value {
        Value::from_ptr(self.0, value::LIST)
    }
}

/// Reads a slot; a finished thunk in it is replaced by its value, unless that may be a function: a function is only equal
/// to itself if it is the same slot's, and that is what the thunk stands for.
#[inline(always)]
pub(super) fn read_short(slot: &AtomicU32) -> Value {
    let v = Value::from_word(slot.load(Relaxed));
    if let Some(r) = v.as_thunk().and_then(|t| t.result()) {
        if r.is_plain() {
            slot.store(r.word(), Relaxed);
            return r;
        }
    }
    v
}

/// A function with its captured values.
#[derive(Clone, Copy)]
pub struct Closure(pub(super) *const u32);

impl Closure {
    /// What the function does.
    #[inline(always)]
    pub fn code(self) -> &'static LambdaCode {
        // SAFETY: a closure object is the place of its code, then the captures.
        unsafe { Ref::<LambdaCode>::from_place(*self.0) }.get()
    }

    /// The captures.
    #[inline(always)]
    pub fn env(self) -> Env {
        Env(self.0)
    }

    /// The closure as a value.
    pub fn value(self) -> Value {
        Value::from_ptr(self.0, value::FUN)
    }
}

/// A function, primop or set with `__functor` applied to fewer arguments than it takes.
#[derive(Clone, Copy)]
pub struct Pap(pub(super) *const u32);

impl Pap {
    /// The function: a closure or a primop.
    pub fn function(self) -> Value {
        // SAFETY: a partial application is a header with the count, the function, then the arguments.
        Value::from_word(unsafe { *self.0.add(1) })
    }

    /// The number of arguments so far.
    pub fn len(self) -> usize {
        // SAFETY: as above.
        (unsafe { *self.0 } >> 8) as usize
    }

    /// Never true: kept for the usual pairing with `len`.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// An argument.
    ///
    /// # Panics
    /// If `i` is not below the count.
    pub fn arg(self, i: usize) -> Value {
        assert!(i < self.len());
        // SAFETY: checked.
        Value::from_word(unsafe { *self.0.add(2 + i) })
    }
}
