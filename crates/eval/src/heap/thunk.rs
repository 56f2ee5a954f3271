//! Thunks and the captures that code runs with.
//!
//! A thunk is one word followed by its captures. The word holds, by its low bits, either the finished value (any tag
//! but the thunk's) or the state: suspended code, running code, a delayed call, failed. The code's place stays in the word
//! while it runs, so that an error about infinite recursion can say what was running.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::code::Ref;
use super::object::read_short;
use super::value::{self, Value};
use crate::ir::ThunkCode;

// Below the state are the three bits of the tag, above it a place that is a multiple of 32, or a count.
const SUSPENDED: u32 = 0;
const RUNNING: u32 = 1;
const APP: u32 = 2;
const FAILED: u32 = 3;
/// Of a delayed call: it runs.
const APP_RUNS: u32 = 1 << 5;

/// A delayed computation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Thunk(pub(super) *const u32);

/// What a thunk is doing.
#[derive(Clone, Copy)]
pub enum ThunkState {
    /// Finished with this value.
    Done(Value),
    /// Not started: code over the thunk's captures.
    Suspended(&'static ThunkCode),
    /// Being evaluated further up the stack; the code, if it is not a delayed call.
    Running(Option<&'static ThunkCode>),
    /// Not started: a call; the count of arguments.
    App(usize),
    /// Failed with the error of this index, of whose trace the first so many frames belong to the thunk.
    Failed {
        /// Index of the error.
        error: u32,
        /// Frames of its trace.
        frames: u32,
    },
}

impl Thunk {
    #[inline(always)]
    fn cell(self) -> &'static AtomicU32 {
        // SAFETY: a thunk's first word lives for ever and is only accessed as an atomic.
        unsafe { &*self.0.cast::<AtomicU32>() }
    }

    #[inline(always)]
    pub(super) fn suspended_word(code: Ref<ThunkCode>) -> u32 {
        code.place() | SUSPENDED << 3 | value::THUNK
    }

    pub(super) fn app_word(args: usize) -> u32 {
        (args as u32) << 6 | APP << 3 | value::THUNK
    }

    pub(super) fn failed_word(error: u32) -> u32 {
        error << 5 | FAILED << 3 | value::THUNK
    }

    /// The value, if it is finished.
    #[inline(always)]
    pub fn result(self) -> Option<Value> {
        let w = self.cell().load(Relaxed);
        if w & 7 == value::THUNK { None } else { Some(Value::from_word(w)) }
    }

    /// What the thunk is doing.
    #[inline(always)]
    pub fn state(self) -> ThunkState {
        let w = self.cell().load(Relaxed);
        if w & 7 != value::THUNK {
            return ThunkState::Done(Value::from_word(w));
        }
        match (w >> 3) & 3 {
            SUSPENDED => ThunkState::Suspended(code(w)),
            RUNNING => ThunkState::Running(Some(code(w))),
            APP if w & APP_RUNS != 0 => ThunkState::Running(None),
            APP => ThunkState::App((w >> 6) as usize),
            _ => ThunkState::Failed { error: w >> 5, frames: self.env().cell(0).load(Relaxed) },
        }
    }

    /// Marks a suspended thunk or call as running.
    #[inline(always)]
    pub fn start(self) {
        let w = self.cell().load(Relaxed);
        let runs = if (w >> 3) & 3 == APP { APP_RUNS } else { RUNNING << 3 };
        self.cell().store(w | runs, Relaxed);
    }

    /// Marks a running thunk or call as suspended again (after an interrupt).
    pub fn suspend_again(self) {
        let w = self.cell().load(Relaxed);
        let runs = if (w >> 3) & 3 == APP { APP_RUNS } else { RUNNING << 3 };
        self.cell().store(w & !runs, Relaxed);
    }

    /// Finishes a running thunk.
    #[inline(always)]
    pub fn finish(self, v: Value) {
        debug_assert!(!v.is_thunk());
        self.cell().store(v.word(), Relaxed);
    }

    /// Records the failure of a running thunk. Its captures are no longer there afterwards.
    pub fn fail(self, error: u32, frames: u32) {
        // Objects have at least two words, and nobody reads the captures of a thunk that has run.
        self.env().cell(0).store(frames, Relaxed);
        self.cell().store(Self::failed_word(error), Relaxed);
    }

    /// The captures, or for a delayed call the function (0) and its arguments (1…).
    #[inline(always)]
    pub fn env(self) -> Env {
        Env(self.0)
    }

    /// The thunk as a value.
    pub fn value(self) -> Value {
        Value::from_ptr(self.0, value::THUNK)
    }
}

#[inline(always)]
fn code(w: u32) -> &'static ThunkCode {
    // SAFETY: the word was made from the place of such code, whose low five bits are zero.
    unsafe { Ref::<ThunkCode>::from_place(w & !31) }.get()
}

/// The captured values that running code sees: the object they are in.
#[derive(Clone, Copy)]
pub struct Env(pub(super) *const u32);

impl Env {
    /// Of code without captures.
    pub fn none() -> Env {
        Env(std::ptr::null())
    }

    #[inline(always)]
    pub(super) fn cell(self, i: u32) -> &'static AtomicU32 {
        debug_assert!(!self.0.is_null());
        // SAFETY: the resolver numbers captures below the count with which the object was made.
        unsafe { &*self.0.add(1 + i as usize).cast::<AtomicU32>() }
    }

    /// A capture as it is.
    #[inline(always)]
    pub fn get(self, i: u32) -> Value {
        Value::from_word(self.cell(i).load(Relaxed))
    }

    /// A capture; a finished thunk is replaced by its value on the way, unless that is a function.
    #[inline(always)]
    pub fn get_short(self, i: u32) -> Value {
        read_short(self.cell(i))
    }

    /// Replaces a captured thunk by its value.
    #[inline(always)]
    pub fn set(self, i: u32, v: Value) {
        self.cell(i).store(v.word(), Relaxed);
    }
}
