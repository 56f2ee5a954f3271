//! Values and the memory they live in.
//!
//! A [`Value`] is 32 bits: three tag bits and a place in the region of values, a small integer or an immediate. Everything
//! it points to is bump-allocated by a [`Heap`] and never freed or moved while the process lives: an evaluation ends by
//! ending the process, so accessors hand out `'static` data and the whole API above this module is safe. The code that the
//! evaluator runs lives there too, behind [`Ref`] and [`Run`].
//!
//! This module is the only place of the crate with `unsafe` code. Its invariants:
//! - a `Value`, `Ref` or `Run` is only made here, its tag or type says exactly what its place refers to, and it is never zero;
//! - objects are written completely before a `Value` for them leaves this module;
//! - words that may change later (thunks, slots of lists and sets) are only accessed as relaxed atomics.
#![allow(unsafe_code)]

mod alloc;
mod arena;
mod attrs;
mod code;
mod memo;
mod object;
mod stack;
#[cfg(test)]
mod tests;
mod thunk;
mod value;

pub use alloc::{Heap, HeapCounters};
pub use attrs::{Attrs, Flat, Shape};
pub use code::{Ref, Run};
pub use object::{Closure, List, Pap, PathRef, Str};
pub use stack::{Frame, ValueStack};
pub use thunk::{Env, Thunk, ThunkState};
pub use value::{PrimId, Type, Value, View};
