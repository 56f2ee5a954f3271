//! Values and the memory they live in.
//!
//! A [`Value`] is one word: three tag bits and a pointer, a small integer or an immediate. Everything it points to is
//! bump-allocated by a [`Heap`] and never freed or moved while the process lives: an evaluation ends by ending the
//! process (or by leaking the chunks), so accessors hand out `'static` data and the whole API above this module is safe.
//!
//! This module is the only place of the crate with `unsafe` code. Its invariants:
//! - a `Value` is only made here, its tag says exactly what its pointer refers to, and it is never null;
//! - objects are written completely before a `Value` for them leaves this module;
//! - words that may change later (thunks, slots of lists and sets) are only accessed as relaxed atomics.
#![allow(unsafe_code)]

mod alloc;
mod attrs;
mod object;
mod stack;
mod thunk;
mod value;

pub use alloc::{Heap, HeapCounters};
pub use attrs::{Attrs, Flat, Shape};
pub use object::{Closure, List, Pap, PathRef, Str};
pub use stack::{Frame, ValueStack};
pub use thunk::{Env, Thunk, ThunkState};
pub use value::{PrimId, Type, Value, View};
