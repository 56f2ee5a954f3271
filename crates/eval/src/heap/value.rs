//! The tagged word.

use std::num::NonZeroU32;

use super::arena;
use super::attrs::Attrs;
use super::object::{Closure, List, Pap, PathRef, Str};
use super::thunk::Thunk;

/// Index of a primop in the registry of an evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct PrimId(pub u32);

/// A Nix value or a delayed computation of one, in 32 bits.
///
/// `==` compares the words: identity for heap objects, equality for small integers and immediates.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Value(pub(super) NonZeroU32);

pub(super) const OBJ: u32 = 0;
pub(super) const THUNK: u32 = 1;
pub(super) const INT: u32 = 2;
pub(super) const IMM: u32 = 3;
pub(super) const STR: u32 = 4;
pub(super) const ATTRS: u32 = 5;
pub(super) const LIST: u32 = 6;
pub(super) const FUN: u32 = 7;

const IMM_NULL: u32 = 0;
const IMM_BOOL: u32 = 1;
const IMM_PRIM: u32 = 2;

/// Kinds of untyped objects: the low byte of their header.
pub(super) const KIND_FLOAT: u32 = 1;
pub(super) const KIND_INT: u32 = 2;
pub(super) const KIND_PATH: u32 = 3;
pub(super) const KIND_PAP: u32 = 4;
pub(super) const KIND_EXTERNAL: u32 = 5;

/// The types that the language knows, and thunks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum Type {
    /// Not evaluated yet (or failed).
    Thunk,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `bool`
    Bool,
    /// `string`
    String,
    /// `path`
    Path,
    /// `null`
    Null,
    /// `set`
    Attrs,
    /// `list`
    List,
    /// `lambda`: functions, primops and partial applications of both.
    Function,
    /// A value of the embedding program.
    External,
}

/// A value taken apart.
#[derive(Clone, Copy)]
pub enum View {
    /// Not evaluated yet, running, or failed.
    Thunk(Thunk),
    /// `int`
    Int(i64),
    /// `float`
    Float(f64),
    /// `bool`
    Bool(bool),
    /// `string`
    Str(Str),
    /// `path`
    Path(PathRef),
    /// `null`
    Null,
    /// `set`
    Attrs(Attrs),
    /// `list`
    List(List),
    /// A function with its captured values.
    Closure(Closure),
    /// A builtin function.
    Prim(PrimId),
    /// A function or builtin with too few arguments.
    Pap(Pap),
    /// A value of the embedding program: its index there.
    External(u32),
}

impl Value {
    /// `null`.
    pub const NULL: Value = imm(IMM_NULL, 0);
    /// `true`.
    pub const TRUE: Value = imm(IMM_BOOL, 1);
    /// `false`.
    pub const FALSE: Value = imm(IMM_BOOL, 0);
    const SMALL_MAX: i64 = (1 << 28) - 1;
    const SMALL_MIN: i64 = -(1 << 28);

    #[inline(always)]
    pub(super) fn from_ptr(p: *const u32, tag: u32) -> Value {
        Value::from_place(arena::place(p), tag)
    }

    #[inline(always)]
    pub(super) fn from_place(place: u32, tag: u32) -> Value {
        debug_assert!(place != 0 && place & 7 == 0);
        // SAFETY: places of objects are not zero.
        Value(unsafe { NonZeroU32::new_unchecked(place | tag) })
    }

    #[inline(always)]
    pub(super) fn from_word(w: u32) -> Value {
        debug_assert!(w != 0);
        // SAFETY: only words that were made from a `Value` are turned back into one.
        Value(unsafe { NonZeroU32::new_unchecked(w) })
    }

    #[inline(always)]
    pub(super) fn word(self) -> u32 {
        self.0.get()
    }

    #[inline(always)]
    pub(super) fn tag(self) -> u32 {
        self.word() & 7
    }

    #[inline(always)]
    pub(super) fn ptr(self) -> *const u32 {
        arena::at(self.word())
    }

    /// A boolean.
    #[inline(always)]
    pub fn bool(b: bool) -> Value {
        if b { Value::TRUE } else { Value::FALSE }
    }

    /// A primop.
    pub const fn prim(id: PrimId) -> Value {
        imm(IMM_PRIM, id.0)
    }

    /// An integer that fits the word; wider ones need [`super::Heap::int`].
    #[inline(always)]
    pub fn small_int(i: i64) -> Option<Value> {
        if (Self::SMALL_MIN..=Self::SMALL_MAX).contains(&i) {
            // SAFETY: the tag is not zero.
            Some(Value(unsafe { NonZeroU32::new_unchecked(((i as u32) << 3) | INT) }))
        } else {
            None
        }
    }

    /// Whether this is a thunk word (possibly of a finished thunk).
    #[inline(always)]
    pub fn is_thunk(self) -> bool {
        self.tag() == THUNK
    }

    /// The integer, if it is one that fits the word.
    #[inline(always)]
    pub fn as_small_int(self) -> Option<i64> {
        if self.tag() == INT { Some(i64::from(self.word() as i32) >> 3) } else { None }
    }

    /// Whether a value may stand for the thunk that gave it: certainly no function.
    #[inline(always)]
    pub fn is_plain(self) -> bool {
        const PLAIN: u32 = 1 << INT | 1 << STR | 1 << ATTRS | 1 << LIST | 1 << IMM;
        PLAIN >> self.tag() & 1 != 0 && self.as_prim().is_none()
    }

    /// The value behind a finished thunk, else the word itself.
    #[inline(always)]
    pub fn resolved(self) -> Value {
        match self.as_thunk() {
            Some(t) => t.result().unwrap_or(self),
            None => self,
        }
    }

    /// The thunk, if it is one.
    #[inline(always)]
    pub fn as_thunk(self) -> Option<Thunk> {
        if self.tag() == THUNK { Some(Thunk(self.ptr())) } else { None }
    }

    /// The set, if it is one.
    #[inline(always)]
    pub fn as_attrs(self) -> Option<Attrs> {
        if self.tag() == ATTRS { Some(Attrs(self.ptr())) } else { None }
    }

    /// The list, if it is one.
    #[inline(always)]
    pub fn as_list(self) -> Option<List> {
        if self.tag() == LIST { Some(List(self.ptr())) } else { None }
    }

    /// The string, if it is one.
    #[inline(always)]
    pub fn as_str(self) -> Option<Str> {
        if self.tag() == STR { Some(Str(self.ptr())) } else { None }
    }

    /// The closure, if it is one.
    #[inline(always)]
    pub fn as_closure(self) -> Option<Closure> {
        if self.tag() == FUN { Some(Closure(self.ptr())) } else { None }
    }

    /// The primop, if it is one.
    #[inline(always)]
    pub fn as_prim(self) -> Option<PrimId> {
        if self.word() & 0xff == (IMM_PRIM << 3 | IMM) { Some(PrimId(self.word() >> 8)) } else { None }
    }

    /// The boolean, if it is one.
    #[inline(always)]
    pub fn as_bool(self) -> Option<bool> {
        if self == Value::TRUE {
            Some(true)
        } else if self == Value::FALSE {
            Some(false)
        } else {
            None
        }
    }

    /// The integer of any size, if it is one.
    #[inline(always)]
    pub fn as_int(self) -> Option<i64> {
        if let Some(i) = self.as_small_int() {
            return Some(i);
        }
        match self.obj_header() {
            Some(h) if h & 0xff == KIND_INT => Some(self.obj_wide() as i64),
            _ => None,
        }
    }

    /// The float, if it is one.
    #[inline(always)]
    pub fn as_float(self) -> Option<f64> {
        match self.obj_header() {
            Some(h) if h & 0xff == KIND_FLOAT => Some(f64::from_bits(self.obj_wide())),
            _ => None,
        }
    }

    /// The path, if it is one.
    #[inline]
    pub fn as_path(self) -> Option<PathRef> {
        match self.obj_header() {
            Some(h) if h & 0xff == KIND_PATH => Some(PathRef(self.ptr())),
            _ => None,
        }
    }

    /// The partial application, if it is one.
    #[inline]
    pub fn as_pap(self) -> Option<Pap> {
        match self.obj_header() {
            Some(h) if h & 0xff == KIND_PAP => Some(Pap(self.ptr())),
            _ => None,
        }
    }

    #[inline(always)]
    fn obj_header(self) -> Option<u32> {
        // SAFETY: tag OBJ means a pointer to an object with a header.
        if self.tag() == OBJ { Some(unsafe { *self.ptr() }) } else { None }
    }

    #[inline(always)]
    fn obj_word(self, i: usize) -> u32 {
        // SAFETY: only called for kinds that have that word.
        unsafe { *self.ptr().add(i) }
    }

    /// The 64 bits of a boxed number.
    #[inline(always)]
    fn obj_wide(self) -> u64 {
        u64::from(self.obj_word(1)) | u64::from(self.obj_word(2)) << 32
    }

    /// Takes the value apart.
    #[inline]
    pub fn view(self) -> View {
        match self.tag() {
            THUNK => View::Thunk(Thunk(self.ptr())),
            INT => View::Int(i64::from(self.word() as i32) >> 3),
            STR => View::Str(Str(self.ptr())),
            ATTRS => View::Attrs(Attrs(self.ptr())),
            LIST => View::List(List(self.ptr())),
            FUN => View::Closure(Closure(self.ptr())),
            IMM => match (self.word() >> 3) & 31 {
                IMM_NULL => View::Null,
                IMM_BOOL => View::Bool(self.word() >> 8 != 0),
                _ => View::Prim(PrimId(self.word() >> 8)),
            },
            _ => {
                let h = self.obj_header().expect("the only tag left is OBJ");
                match h & 0xff {
                    KIND_FLOAT => View::Float(f64::from_bits(self.obj_wide())),
                    KIND_INT => View::Int(self.obj_wide() as i64),
                    KIND_PATH => View::Path(PathRef(self.ptr())),
                    KIND_PAP => View::Pap(Pap(self.ptr())),
                    _ => View::External(self.obj_word(1)),
                }
            }
        }
    }

    /// The type of the value.
    #[inline]
    pub fn ty(self) -> Type {
        match self.view() {
            View::Thunk(_) => Type::Thunk,
            View::Int(_) => Type::Int,
            View::Float(_) => Type::Float,
            View::Bool(_) => Type::Bool,
            View::Str(_) => Type::String,
            View::Path(_) => Type::Path,
            View::Null => Type::Null,
            View::Attrs(_) => Type::Attrs,
            View::List(_) => Type::List,
            View::Closure(_) | View::Prim(_) | View::Pap(_) => Type::Function,
            View::External(_) => Type::External,
        }
    }
}

const fn imm(kind: u32, payload: u32) -> Value {
    match NonZeroU32::new(payload << 8 | kind << 3 | IMM) {
        Some(w) => Value(w),
        None => unreachable!(),
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({:?} {:#x})", self.ty(), self.word())
    }
}
