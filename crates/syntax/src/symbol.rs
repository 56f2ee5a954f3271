//! Interned names, shared by all threads of an evaluation.

use std::sync::RwLock;

/// An interned name. Two symbols of one [`SymbolTable`] are equal exactly if their texts are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Symbol(pub u32);

/// An append-only table of names.
#[derive(Debug, Default)]
pub struct SymbolTable {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ids: std::collections::HashMap<Box<[u8]>, u32>,
    names: Vec<Box<[u8]>>,
}
