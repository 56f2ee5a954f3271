//! Bump allocation and the constructors of all objects.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::arena;
use super::attrs::{Attrs, Shape};
use super::code::{Ref, Run};
use super::memo::Memo;
use super::object::{List, Str};
use super::thunk::{Env, Thunk};
use super::value::{self, Value};
use crate::context::ContextId;
use crate::ir::{LambdaCode, Src, ThunkCode};

use super::stack::Frame;

/// Bytes of the first chunk (256 KiB); each is twice as large as the one before, up to [`MAX_CHUNK`].
const FIRST_CHUNK: u64 = 1 << 18;
/// Bytes of the largest chunks: two large pages.
const MAX_CHUNK: u64 = 1 << 22;
/// Bytes of the region that are only given to an evaluation that is told to stop.
const RESERVE: u64 = if cfg!(miri) { 1 << 20 } else { 64 << 20 };

/// What was allocated so far. Plain counts: cheap enough to be always on.
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct HeapCounters {
    pub chunks: u64,
    pub thunks: u64,
    /// Captures, functions and arguments of thunks.
    pub thunk_captures: u64,
    pub closures: u64,
    pub closure_captures: u64,
    /// Bytes of code.
    pub code_bytes: u64,
    pub sets: u64,
    pub set_attrs: u64,
    pub shapes: u64,
    /// Names in shapes.
    pub shape_names: u64,
    pub lists: u64,
    pub list_elems: u64,
    pub strings: u64,
    pub string_bytes: u64,
}

/// The memory of one evaluation thread.
pub struct Heap {
    cur: *mut u32,
    end: *mut u32,
    next_chunk: u64,
    mapped: u64,
    pub(super) memo: Memo,
    /// The address below which the machine's stack must not grow; beyond all addresses once memory is short.
    pub(crate) stack_limit: usize,
    /// Whether the process has used up its memory for values.
    pub(crate) exhausted: bool,
    /// What was allocated so far.
    pub counters: HeapCounters,
}

impl Default for Heap {
    fn default() -> Self {
        Heap::new()
    }
}

impl Heap {
    /// An empty heap; memory is asked for on first use.
    pub fn new() -> Heap {
        arena::init();
        Heap {
            cur: std::ptr::null_mut(),
            end: std::ptr::null_mut(),
            next_chunk: FIRST_CHUNK,
            mapped: 0,
            memo: Memo::new(),
            stack_limit: 0,
            exhausted: false,
            counters: HeapCounters::default(),
        }
    }

    /// Bytes handed out so far.
    pub fn bytes(&self) -> u64 {
        self.mapped - (self.end as usize - self.cur as usize) as u64
    }

    /// Whether an object of so many words can be made.
    pub(crate) fn has_room(&self, words: usize) -> bool {
        (words as u64).checked_mul(4).is_some_and(|n| n.saturating_add(RESERVE) <= arena::left())
    }

    /// Fresh words, an even number of them, all zero, at a multiple of eight bytes.
    #[inline(always)]
    pub(super) fn words(&mut self, n: usize) -> *mut u32 {
        let n = (n + 1) & !1;
        if (self.end as usize).wrapping_sub(self.cur as usize) >= n * 4 {
            let p = self.cur;
            // SAFETY: the chunk has at least n more words.
            self.cur = unsafe { p.add(n) };
            p
        } else {
            self.words_slow(n)
        }
    }

    #[cold]
    #[inline(never)]
    fn words_slow(&mut self, n: usize) -> *mut u32 {
        self.counters.chunks += 1;
        let bytes = n as u64 * 4;
        if arena::left() < bytes.saturating_add(RESERVE) {
            // The evaluation fails at the next call.
            self.exhausted = true;
            self.stack_limit = usize::MAX;
        }
        if bytes > self.next_chunk / 8 {
            let pages = (bytes + 4095) & !4095;
            self.mapped += pages;
            return map(pages);
        }
        let chunk = self.next_chunk;
        self.next_chunk = (chunk * 2).min(MAX_CHUNK);
        self.mapped += chunk;
        let p = map(chunk);
        // SAFETY: the chunk has that many bytes, n words are less.
        unsafe {
            self.end = p.byte_add(chunk as usize);
            self.cur = p.add(n);
        }
        p
    }

    /// An integer.
    #[inline(always)]
    pub fn int(&mut self, i: i64) -> Value {
        Value::small_int(i).unwrap_or_else(|| self.boxed(value::KIND_INT, i as u64))
    }

    /// A float.
    pub fn float(&mut self, f: f64) -> Value {
        self.boxed(value::KIND_FLOAT, f.to_bits())
    }

    /// A value of the embedding program, by its index there.
    pub fn external(&mut self, index: u32) -> Value {
        self.boxed(value::KIND_EXTERNAL, u64::from(index))
    }

    fn boxed(&mut self, header: u32, wide: u64) -> Value {
        let p = self.words(3);
        // SAFETY: three fresh words.
        unsafe {
            p.write(header);
            p.add(1).write(wide as u32);
            p.add(2).write((wide >> 32) as u32);
        }
        Value::from_ptr(p, value::OBJ)
    }

    /// A string without context.
    #[inline]
    pub fn string(&mut self, s: &[u8]) -> Value {
        self.string_ctx(s, ContextId::NONE)
    }

    /// A string with a context.
    #[inline]
    pub fn string_ctx(&mut self, s: &[u8], ctx: ContextId) -> Value {
        self.string_with(s.len(), ctx, |b| b.copy_from_slice(s))
    }

    /// A string of known length whose bytes are written in place.
    ///
    /// # Panics
    /// If the string is 4 GiB or longer.
    #[inline]
    pub fn string_with(&mut self, len: usize, ctx: ContextId, fill: impl FnOnce(&mut [u8])) -> Value {
        if len == 0 && ctx == ContextId::NONE {
            fill(&mut []);
            return Value::from_place(arena::EMPTY_STR, value::STR);
        }
        assert!(len <= u32::MAX as usize, "a string of {len} bytes is too long");
        self.counters.strings += 1;
        self.counters.string_bytes += len as u64;
        let p = self.words(2 + len.div_ceil(4));
        // SAFETY: fresh words, enough for header and bytes; the bytes are zeroed by the mapping before they are lent.
        unsafe {
            p.write(len as u32);
            p.add(1).write(ctx.0);
            let bytes = p.add(2).cast::<u8>();
            fill(std::slice::from_raw_parts_mut(bytes, len));
        }
        Value::from_ptr(p, value::STR)
    }

    /// The same text with another context; shares nothing.
    pub fn with_context(&mut self, s: Str, ctx: ContextId) -> Value {
        if s.context() == ctx {
            return s.value();
        }
        self.string_ctx(s.as_bytes(), ctx)
    }

    /// A path: a tree (0 is the file system) and an absolute canonical path in it.
    pub fn path(&mut self, root: u32, path: &[u8]) -> Value {
        let p = self.words(3 + path.len().div_ceil(4));
        // SAFETY: fresh words, enough for header, tree, length and bytes.
        unsafe {
            p.write(value::KIND_PATH);
            p.add(1).write(root);
            p.add(2).write(path.len() as u32);
            std::ptr::copy_nonoverlapping(path.as_ptr(), p.add(3).cast::<u8>(), path.len());
        }
        Value::from_ptr(p, value::OBJ)
    }

    /// A function applied to too few arguments.
    pub fn pap(&mut self, f: Value, args: &[Value]) -> Value {
        let p = self.words(2 + args.len());
        // SAFETY: fresh words for header, function and arguments.
        unsafe {
            p.write(value::KIND_PAP | (args.len() as u32) << 8);
            p.add(1).write(f.word());
            for (i, a) in args.iter().enumerate() {
                p.add(2 + i).write(a.word());
            }
        }
        Value::from_ptr(p, value::OBJ)
    }

    /// The empty list.
    pub fn empty_list(&self) -> Value {
        empty_list()
    }

    /// A list of `n` nulls, to be filled with [`List::set`].
    ///
    /// # Panics
    /// If the list has 4 G elements.
    #[inline]
    pub fn new_list(&mut self, n: usize) -> List {
        if n == 0 {
            return List(arena::at(arena::EMPTY_LIST));
        }
        assert!(n <= u32::MAX as usize, "a list of {n} elements is too long");
        self.counters.lists += 1;
        self.counters.list_elems += n as u64;
        let p = self.words(1 + n);
        // SAFETY: fresh words for length and elements.
        unsafe {
            p.write(n as u32);
            for i in 0..n {
                p.add(1 + i).write(Value::NULL.word());
            }
        }
        List(p)
    }

    /// A list of these elements.
    #[inline]
    pub fn list(&mut self, elems: &[Value]) -> Value {
        let l = self.new_list(elems.len());
        for (i, v) in elems.iter().enumerate() {
            l.set(i, *v);
        }
        l.value()
    }

    /// A set with the names of `shape`, whose values are null until they are set.
    #[inline]
    pub fn new_attrs(&mut self, shape: Shape) -> Attrs {
        let n = shape.len();
        if n == 0 {
            return Attrs::empty();
        }
        self.counters.sets += 1;
        self.counters.set_attrs += n as u64;
        let p = self.words(1 + n);
        // SAFETY: fresh words for shape and values.
        unsafe {
            p.write(shape.place());
            for i in 0..n {
                p.add(1 + i).write(Value::NULL.word());
            }
        }
        Attrs(p)
    }

    /// A thunk of `code` whose captures are not filled in yet ([`Heap::fill`]).
    #[inline(always)]
    pub fn thunk_unfilled(&mut self, code: Ref<ThunkCode>) -> Value {
        let n = code.caps.len();
        self.counters.thunks += 1;
        self.counters.thunk_captures += n as u64;
        let p = self.words(1 + n);
        // SAFETY: fresh words; captures are read by nobody before `fill`, because no code runs before.
        unsafe { p.write(Thunk::suspended_word(code)) };
        Value::from_ptr(p, value::THUNK)
    }

    /// A thunk of `code` with its captures taken from a frame and an environment.
    #[inline(always)]
    pub fn thunk(&mut self, code: Ref<ThunkCode>, env: Env, frame: Frame) -> Value {
        let n = code.caps.len();
        self.counters.thunks += 1;
        self.counters.thunk_captures += n as u64;
        let p = self.words(1 + n);
        // SAFETY: fresh words for header and captures.
        unsafe {
            p.write(Thunk::suspended_word(code));
            fill(p, code.caps, env, frame);
        }
        Value::from_ptr(p, value::THUNK)
    }

    /// A delayed call of `f` with one to a few arguments.
    #[inline]
    pub fn app(&mut self, f: Value, args: &[Value]) -> Value {
        self.counters.thunks += 1;
        self.counters.thunk_captures += 1 + args.len() as u64;
        let p = self.words(2 + args.len());
        // SAFETY: fresh words for header, function and arguments.
        unsafe {
            p.write(Thunk::app_word(args.len()));
            p.add(1).write(f.word());
            for (i, a) in args.iter().enumerate() {
                p.add(2 + i).write(a.word());
            }
        }
        Value::from_ptr(p, value::THUNK)
    }

    /// A thunk that has finished with `v`.
    pub fn finished(&mut self, v: Value) -> Value {
        let p = self.words(1);
        // SAFETY: a fresh word.
        unsafe { p.write(v.word()) };
        Value::from_ptr(p, value::THUNK)
    }

    /// A thunk that has failed with the error of this index, of whose trace the first `frames` belong to it.
    pub fn failed(&mut self, error: u32, frames: u32) -> Value {
        let p = self.words(2);
        // SAFETY: two fresh words.
        unsafe {
            p.write(Thunk::failed_word(error));
            p.add(1).write(frames);
        }
        Value::from_ptr(p, value::THUNK)
    }

    /// A closure whose captures are not filled in yet ([`Heap::fill`]).
    #[inline(always)]
    pub fn closure_unfilled(&mut self, code: Ref<LambdaCode>) -> Value {
        let n = code.caps.len();
        self.counters.closures += 1;
        self.counters.closure_captures += n as u64;
        let p = self.words(1 + n);
        // SAFETY: as for thunks.
        unsafe { p.write(code.place()) };
        Value::from_ptr(p, value::FUN)
    }

    /// A closure with its captures taken from a frame and an environment.
    #[inline(always)]
    pub fn closure(&mut self, code: Ref<LambdaCode>, env: Env, frame: Frame) -> Value {
        let n = code.caps.len();
        self.counters.closures += 1;
        self.counters.closure_captures += n as u64;
        let p = self.words(1 + n);
        // SAFETY: as for thunks.
        unsafe {
            p.write(code.place());
            fill(p, code.caps, env, frame);
        }
        Value::from_ptr(p, value::FUN)
    }

    /// The same function as a value of its own, which is not equal to the other one.
    pub fn clone_closure(&mut self, c: super::object::Closure) -> Value {
        let n = c.code().caps.len();
        self.counters.closures += 1;
        self.counters.closure_captures += n as u64;
        let p = self.words(1 + n);
        // SAFETY: fresh words for as many as the other closure has.
        unsafe {
            p.write(*c.0);
            for i in 0..n {
                p.add(1 + i).write(c.env().get(i as u32).word());
            }
        }
        Value::from_ptr(p, value::FUN)
    }

    /// Fills in the captures of an object made by `thunk_unfilled` or `closure_unfilled`.
    #[inline(always)]
    pub fn fill(&self, object: Value, caps: Run<Src>, env: Env, frame: Frame) {
        debug_assert!(matches!(object.tag(), value::THUNK | value::FUN));
        // SAFETY: the object was made for exactly these captures, by the same code record.
        unsafe { fill(object.ptr().cast_mut(), caps, env, frame) }
    }
}

/// The empty list.
pub(super) fn empty_list() -> Value {
    Value::from_place(arena::EMPTY_LIST, value::LIST)
}

#[inline(always)]
unsafe fn fill(p: *mut u32, caps: Run<Src>, env: Env, frame: Frame) {
    for (i, s) in caps.iter().enumerate() {
        let v = match s.local() {
            Some(slot) => frame.get(slot),
            None => env.get(s.capture()),
        };
        // SAFETY: the caller's object has a word for every capture.
        unsafe { (*p.add(1 + i).cast::<AtomicU32>()).store(v.word(), Relaxed) };
    }
}

fn map(bytes: u64) -> *mut u32 {
    arena::map(bytes).unwrap_or_else(|| {
        let layout =
            std::alloc::Layout::array::<u8>(bytes as usize).expect("objects are far below the address space");
        std::alloc::handle_alloc_error(layout)
    })
}
