//! The stack of frames: parameters and local bindings of running code.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};

use super::thunk::Env;
use super::value::Value;

/// A run of slots that live while some code runs.
#[derive(Clone, Copy)]
pub struct Frame(*mut u32);

impl Frame {
    /// The frame that starts `n` slots further up.
    #[inline(always)]
    pub fn skip(self, n: u32) -> Frame {
        // SAFETY: callers stay within the slots that they have taken.
        Frame(unsafe { self.0.add(n as usize) })
    }

    /// The frame's first slots as captures: slot 0 is not used, slot 1 is capture 0. For code that is run at once
    /// and not kept.
    #[inline(always)]
    pub fn as_env(self) -> Env {
        Env(self.0)
    }

    /// A slot as it is.
    #[inline(always)]
    pub fn get(self, slot: u32) -> Value {
        // SAFETY: the resolver numbers slots below the frame's size and writes each before it is read.
        Value::from_word(unsafe { *self.0.add(slot as usize) })
    }

    /// A slot; a finished thunk is replaced by its value on the way, unless that is a function.
    #[inline(always)]
    pub fn get_short(self, slot: u32) -> Value {
        let v = self.get(slot);
        if let Some(r) = v.as_thunk().and_then(|t| t.result()) {
            if r.is_plain() {
                self.set(slot, r);
                return r;
            }
        }
        v
    }

    /// Writes a slot.
    #[inline(always)]
    pub fn set(self, slot: u32, v: Value) {
        // SAFETY: as above.
        unsafe { *self.0.add(slot as usize) = v.word() }
    }
}

/// The stack that frames are taken from. It never moves.
pub struct ValueStack {
    base: *mut u32,
    sp: *mut u32,
    end: *mut u32,
}

impl ValueStack {
    /// A stack of `words` slots; memory is only used as far as it is touched.
    pub fn new(words: usize) -> ValueStack {
        let layout = Layout::array::<u32>(words).expect("a stack is far below the address space");
        // SAFETY: the layout is not empty; the result is checked.
        let base = unsafe { alloc_zeroed(layout) }.cast::<u32>();
        if base.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: one past the allocation.
        ValueStack { base, sp: base, end: unsafe { base.add(words) } }
    }

    /// The frame that starts at the top, its size not yet taken.
    #[inline(always)]
    pub fn top(&self) -> Frame {
        Frame(self.sp)
    }

    /// Takes `n` slots from the top; `false` if there are not so many. A margin of 1024 slots is always left, so that
    /// arguments may be written before they are taken.
    #[inline(always)]
    pub fn push(&mut self, n: u32) -> bool {
        if (self.end as usize) - (self.sp as usize) < (n as usize + 1024) * 4 {
            return false;
        }
        // SAFETY: checked.
        self.sp = unsafe { self.sp.add(n as usize) };
        true
    }

    /// Gives back everything from `frame` on.
    #[inline(always)]
    pub fn pop_to(&mut self, frame: Frame) {
        debug_assert!(frame.0 >= self.base && frame.0 <= self.sp);
        self.sp = frame.0;
    }

    /// Slots in use.
    pub fn depth(&self) -> usize {
        (self.sp as usize - self.base as usize) / 4
    }
}

impl Drop for ValueStack {
    fn drop(&mut self) {
        let words = (self.end as usize - self.base as usize) / 4;
        let layout = Layout::array::<u32>(words).expect("was made with this layout");
        // SAFETY: allocated in `new` with this layout.
        unsafe { std::alloc::dealloc(self.base.cast(), layout) }
    }
}
