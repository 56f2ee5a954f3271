//! Handles of code and other data that lives as long as the values: a place, and for runs a length.

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::ops::Deref;

use super::alloc::Heap;
use super::arena;

/// A record that lives for ever, in 32 bits.
pub struct Ref<T: 'static> {
    at: NonZeroU32,
    of: PhantomData<&'static T>,
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ref<T> {}

impl<T> Ref<T> {
    /// The record.
    #[inline(always)]
    pub fn get(self) -> &'static T {
        // SAFETY: a `Ref<T>` is only made by `Heap::code` for a `T` written at that place, or from its own place.
        unsafe { &*arena::at(self.at.get()).cast::<T>() }
    }

    #[inline(always)]
    pub(super) fn place(self) -> u32 {
        self.at.get()
    }

    /// # Safety
    /// `place` came from [`Ref::place`] of the same type.
    #[inline(always)]
    pub(super) unsafe fn from_place(place: u32) -> Ref<T> {
        // SAFETY: places of records are not zero.
        Ref { at: unsafe { NonZeroU32::new_unchecked(place) }, of: PhantomData }
    }
}

impl<T> Deref for Ref<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        self.get()
    }
}

/// Some records that live for ever, one after the other.
pub struct Run<T: 'static> {
    at: u32,
    len: u32,
    of: PhantomData<&'static T>,
}

impl<T> Clone for Run<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Run<T> {}

impl<T> Run<T> {
    /// No records.
    pub const EMPTY: Run<T> = Run { at: 0, len: 0, of: PhantomData };

    /// The records.
    #[inline(always)]
    pub fn slice(self) -> &'static [T] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: a run that is not empty is only made by `Heap::run` for so many records written at that place.
        unsafe { std::slice::from_raw_parts(arena::at(self.at).cast::<T>(), self.len as usize) }
    }
}

impl<T> Deref for Run<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        self.slice()
    }
}

impl<T> IntoIterator for Run<T> {
    type Item = &'static T;
    type IntoIter = std::slice::Iter<'static, T>;
    #[inline(always)]
    fn into_iter(self) -> Self::IntoIter {
        self.slice().iter()
    }
}

impl Heap {
    /// Keeps a record for ever. It is never dropped.
    pub fn code<T: Send + Sync + 'static>(&mut self, t: T) -> Ref<T> {
        let p = self.aligned::<T>(1);
        // SAFETY: fresh memory of the size and alignment of a `T`; its place is not zero.
        unsafe {
            p.write(t);
            Ref::from_place(arena::place(p.cast()))
        }
    }

    /// Keeps some records for ever. They are never dropped.
    ///
    /// # Panics
    /// If there are 4 G of them.
    pub fn run<T: Send + Sync + 'static>(&mut self, items: Vec<T>) -> Run<T> {
        if items.is_empty() {
            return Run::EMPTY;
        }
        let p = self.aligned::<T>(items.len());
        let len = u32::try_from(items.len()).expect("runs are shorter than their source");
        for (i, t) in items.into_iter().enumerate() {
            // SAFETY: fresh memory for as many records.
            unsafe { p.add(i).write(t) };
        }
        Run { at: arena::place(p.cast()), len, of: PhantomData }
    }

    fn aligned<T>(&mut self, n: usize) -> *mut T {
        let align = std::mem::align_of::<T>().max(8);
        let bytes = std::mem::size_of::<T>() * n;
        self.counters.code_bytes += bytes as u64;
        let p = self.words((bytes + align - 8).div_ceil(4)).cast::<u8>();
        let skip = p.align_offset(align);
        // SAFETY: the run is longer than asked for by all that the alignment may take.
        let p = unsafe { p.add(skip) };
        debug_assert!(p.addr() % align == 0);
        p.cast::<T>()
    }
}
