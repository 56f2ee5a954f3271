//! The address space that all values of a process live in, and how a place in it is written in 32 bits.
//!
//! The region is [`SPACE`] bytes at an address whose low 32 bits are zero; chunks of it are mapped as evaluations ask for
//! them, and never taken back. A place is a multiple of eight, so that three bits are left for a tag: the address of
//! `w` is the base plus `w` without its tag.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes of values that a process may have: 4 GiB.
pub(super) const SPACE: u64 = if cfg!(miri) { 1 << 24 } else { 1 << 32 };

/// Places that are there from the start, so that the empty string, list and set cost nothing.
pub(super) const EMPTY_LIST: u32 = 8;
pub(super) const EMPTY_STR: u32 = 16;
pub(super) const EMPTY_SHAPE: u32 = 24;
pub(super) const FORWARD_SHAPE: u32 = 40;
pub(super) const EMPTY_ATTRS: u32 = 56;
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The address of a place; its tag is ignored.
#[cfg(not(miri))]
#[inline(always)]
pub(super) fn at(w: u32) -> *mut u32 {
    std::ptr::with_exposed_provenance_mut(BASE | (w & !7) as usize)
}

/// The place of an address of the region.
#[cfg(not(miri))]
#[inline(always)]
pub(super) fn place(p: *const u32) -> u32 {
    p as usize as u32
}

/// Far from where programs, stacks and libraries are put.
#[cfg(not(miri))]
const BASE: usize = 0x0a00_0000_0000;

#[cfg(miri)]
static BASE: OnceLock<usize> = OnceLock::new();

#[cfg(miri)]
pub(super) fn at(w: u32) -> *mut u32 {
    let base = BASE.get().expect("the region is reserved before there are places");
    std::ptr::with_exposed_provenance_mut(base + (w & !7) as usize)
}

#[cfg(miri)]
pub(super) fn place(p: *const u32) -> u32 {
    (p.expose_provenance() - BASE.get().expect("the region is reserved before there are places")) as u32
}

/// Makes what is there from the start, once in a process.
///
/// # Panics
/// If there is no memory for it.
pub(super) fn init() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        reserve();
        let p = map(4096).expect("the region is empty");
        // SAFETY: the first page of the region, fresh.
        unsafe {
            let word = |w: u32| p.byte_add(w as usize);
            // The flag of a shape whose set has been replaced.
            word(FORWARD_SHAPE).add(1).write(super::attrs::FORWARD);
            word(EMPTY_ATTRS).write(EMPTY_SHAPE);
        }
    });
}

/// Nothing to do: nobody else maps anything there.
#[cfg(not(miri))]
fn reserve() {}

#[cfg(miri)]
fn reserve() {
    let layout = std::alloc::Layout::from_size_align(SPACE as usize, 4096).expect("a constant");
    // SAFETY: the layout is not empty.
    let p = unsafe { std::alloc::alloc_zeroed(layout) };
    assert!(!p.is_null());
    BASE.set(p.expose_provenance()).expect("set once");
}

/// Zeroed memory in the region, with its pages in place: one fault for each would cost more. `None` if there is no room
/// left. `bytes` is a multiple of the page size.
pub(super) fn map(bytes: u64) -> Option<*mut u32> {
    debug_assert!(bytes % 4096 == 0);
    // Large runs start at a large page.
    let align = if bytes >= 1 << 21 { (1 << 21) - 1 } else { 4095 };
    let take = |next: u64| ((next + align) & !align).checked_add(bytes).filter(|end| *end <= SPACE);
    let old = NEXT.fetch_update(Relaxed, Relaxed, take).ok()?;
    let start = (old + align) & !align;
    commit(at(start as u32), bytes)
}

#[cfg(not(miri))]
fn commit(p: *mut u32, bytes: u64) -> Option<*mut u32> {
    // SAFETY: a part of the region that was taken just now; the kernel replaces nothing that is mapped already.
    let got = unsafe {
        libc::mmap(
            p.cast(),
            bytes as usize,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE
                | libc::MAP_ANONYMOUS
                | libc::MAP_NORESERVE
                | libc::MAP_FIXED
                | libc::MAP_POPULATE,
            -1,
            0,
        )
    };
    if got.addr() == p.addr() { Some(p) } else { None }
}

#[cfg(miri)]
fn commit(p: *mut u32, _: u64) -> Option<*mut u32> {
    Some(p)
}

/// Bytes of the region that are not given away yet.
pub(super) fn left() -> u64 {
    SPACE - NEXT.load(Relaxed)
}
