//! Interned names, shared by all threads of an evaluation.
//!
//! The table only grows. A name's text never moves, so [`SymbolTable::name`] hands out plain references and takes no
//! lock; [`SymbolTable::intern`] takes one short lock of one of a few shards.
//!
//! Invariant: ids are handed out in order of first sight, the names of [`well_known`] first, and a slot is written
//! before its id can be seen by anybody.

use std::fmt;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// An interned name. Two symbols of one [`SymbolTable`] are equal exactly if their texts are.
///
/// The order of symbols is the order in which they were first seen, not that of their texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Symbol(pub u32);

/// Log2 of the number of slots in the first chunk; each further chunk is twice as large as the one before.
const FIRST_CHUNK_BITS: u32 = 10;
/// Enough chunks for all of `u32`.
const CHUNKS: usize = (32 - FIRST_CHUNK_BITS) as usize + 1;
const SHARDS: usize = 16;

type Chunk = Box<[OnceLock<Box<[u8]>>]>;

/// An append-only table of names.
pub struct SymbolTable {
    shards: [RwLock<HashTable<(u32, u32)>>; SHARDS],
    chunks: [OnceLock<Chunk>; CHUNKS],
    next: AtomicU32,
}

/// The hash of a name, to be given to [`SymbolTable::intern_hashed`].
#[inline]
pub(crate) fn hash_name(name: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(name);
    let hash = hasher.finish();
    (hash ^ (hash >> 32)) as u32
}

/// Which chunk a symbol's slot is in, and where.
#[inline]
fn place(id: u32) -> (usize, usize) {
    let shifted = u64::from(id) + (1 << FIRST_CHUNK_BITS);
    let top = 63 - shifted.leading_zeros();
    ((top - FIRST_CHUNK_BITS) as usize, (shifted - (1 << top)) as usize)
}

impl SymbolTable {
    /// A table that holds the names of [`well_known`] and nothing else.
    pub fn new() -> Self {
        let table = Self {
            shards: std::array::from_fn(|_| RwLock::new(HashTable::new())),
            chunks: std::array::from_fn(|_| OnceLock::new()),
            next: AtomicU32::new(0),
        };
        for (index, name) in well_known::NAMES.iter().enumerate() {
            let symbol = table.intern(name.as_bytes());
            debug_assert_eq!(symbol.0 as usize, index, "well-known names are distinct");
        }
        table
    }

    /// The symbol of a name, which is added if it was not there.
    pub fn intern(&self, name: &[u8]) -> Symbol {
        self.intern_hashed(name, hash_name(name))
    }

    pub(crate) fn intern_hashed(&self, name: &[u8], hash: u32) -> Symbol {
        let shard = &self.shards[(hash >> 28) as usize % SHARDS];
        let wide = spread(hash);
        let same = |entry: &(u32, u32)| entry.0 == hash && self.name(Symbol(entry.1)) == name;
        if let Some(found) = shard.read().unwrap_or_else(PoisonError::into_inner).find(wide, same) {
            return Symbol(found.1);
        }
        let mut names = shard.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = names.find(wide, same) {
            return Symbol(found.1);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (chunk, index) = place(id);
        let slots = self.chunks[chunk].get_or_init(|| {
            let size = 1usize << (FIRST_CHUNK_BITS as usize + chunk);
            (0..size).map(|_| OnceLock::new()).collect()
        });
        let fresh = slots[index].set(name.into()).is_ok();
        debug_assert!(fresh, "an id is handed out once");
        names.insert_unique(wide, (hash, id), |entry| spread(entry.0));
        Symbol(id)
    }

    /// The symbol of a name, if somebody has interned it.
    pub fn find(&self, name: &[u8]) -> Option<Symbol> {
        let hash = hash_name(name);
        let names =
            self.shards[(hash >> 28) as usize % SHARDS].read().unwrap_or_else(PoisonError::into_inner);
        names
            .find(spread(hash), |entry| entry.0 == hash && self.name(Symbol(entry.1)) == name)
            .map(|entry| Symbol(entry.1))
    }

    /// The text of a symbol: lock-free, and valid as long as the table.
    ///
    /// A symbol of another table gives that table's text or nothing sensible; one that this table never made, the
    /// empty name.
    #[inline]
    pub fn name(&self, symbol: Symbol) -> &[u8] {
        let (chunk, index) = place(symbol.0);
        self.chunks[chunk].get().and_then(|slots| slots[index].get()).map_or(b"", |name| name)
    }

    /// The text of a symbol for messages; what is not UTF-8 in it is replaced.
    pub fn display(&self, symbol: Symbol) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.name(symbol))
    }

    /// How many names there are: every [`Symbol`] below this number is valid.
    pub fn len(&self) -> usize {
        self.next.load(Ordering::Relaxed) as usize
    }

    /// Never true: the well-known names are always there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The hash that the tables use: the high bits, which choose the tag, have to differ.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Default for SymbolTable {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SymbolTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SymbolTable").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Names that the language or its builtins know, as constants: their ids are the same in every table.
pub mod well_known {
    use super::Symbol;

    macro_rules! names {
        ($($constant:ident = $text:literal),* $(,)?) => {
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Index { $($constant),* }
            $(
                #[doc = concat!("`", $text, "`")]
                pub const $constant: Symbol = Symbol(Index::$constant as u32);
            )*
            /// The texts, by id.
            pub(super) const NAMES: &[&str] = &[$($text),*];
        };
    }

    names! {
        EMPTY = "",
        SUB = "__sub",
        MUL = "__mul",
        DIV = "__div",
        LESS_THAN = "__lessThan",
        FIND_FILE = "__findFile",
        NIX_PATH = "__nixPath",
        CUR_POS = "__curPos",
        BODY = "body",
        OR = "or",
        NAME = "name",
        VALUE = "value",
        TYPE = "type",
        DERIVATION = "derivation",
        OUT = "out",
        OUT_PATH = "outPath",
        DRV_PATH = "drvPath",
        DRV_ATTRS = "drvAttrs",
        META = "meta",
        ALL = "all",
        SYSTEM = "system",
        BUILDER = "builder",
        ARGS = "args",
        ENV = "env",
        OUTPUTS = "outputs",
        OUTPUT_NAME = "outputName",
        OUTPUT_HASH = "outputHash",
        OUTPUT_HASH_ALGO = "outputHashAlgo",
        OUTPUT_HASH_MODE = "outputHashMode",
        OUTPUT_SPECIFIED = "outputSpecified",
        STRUCTURED_ATTRS = "__structuredAttrs",
        JSON = "__json",
        IGNORE_NULLS = "__ignoreNulls",
        CONTENT_ADDRESSED = "__contentAddressed",
        IMPURE = "__impure",
        REQUIRED_SYSTEM_FEATURES = "requiredSystemFeatures",
        ALLOWED_REFERENCES = "allowedReferences",
        ALLOWED_REQUISITES = "allowedRequisites",
        DISALLOWED_REFERENCES = "disallowedReferences",
        DISALLOWED_REQUISITES = "disallowedRequisites",
        MAX_SIZE = "maxSize",
        MAX_CLOSURE_SIZE = "maxClosureSize",
        FUNCTOR = "__functor",
        TO_STRING = "__toString",
        OVERRIDES = "__overrides",
        CURRENT_SYSTEM = "__currentSystem",
        CURRENT_TIME = "__currentTime",
        BUILTINS = "builtins",
        TRUE = "true",
        FALSE = "false",
        NULL = "null",
        IMPORT = "import",
        FILE = "file",
        LINE = "line",
        COLUMN = "column",
        RIGHT = "right",
        WRONG = "wrong",
        SUCCESS = "success",
        PATH = "path",
        PREFIX = "prefix",
        KEY = "key",
        START_SET = "startSet",
        OPERATOR = "operator",
        FILTER = "filter",
        RECURSIVE = "recursive",
        SHA256 = "sha256",
        URL = "url",
        REV = "rev",
        SHALLOW = "shallow",
        SUBMODULES = "submodules",
        VERSION = "version",
        DESCRIPTION = "description",
        HASH = "hash",
        HASH_ALGO = "hashAlgo",
        HASH_FORMAT = "toHashFormat",
        NAR_HASH = "narHash",
        SELF = "self",
        INPUTS = "inputs",
        ALL_OUTPUTS = "allOutputs",
        LAST_MODIFIED = "lastModified",
        RECURSE_FOR_DERIVATIONS = "recurseForDerivations",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_gives_the_same_symbol() {
        let table = SymbolTable::new();
        let first = table.intern(b"stdenv");
        assert_eq!(table.intern(b"stdenv"), first);
        assert_ne!(table.intern(b"stdenv'"), first);
        assert_eq!(table.name(first), b"stdenv");
        assert_eq!(table.find(b"stdenv"), Some(first));
        assert_eq!(table.find(b"nobody"), None);
    }

    #[test]
    fn well_known_names_have_their_constants() {
        let table = SymbolTable::new();
        assert_eq!(table.len(), well_known::NAMES.len());
        assert_eq!(table.intern(b"__lessThan"), well_known::LESS_THAN);
        assert_eq!(table.intern(b"recurseForDerivations"), well_known::RECURSE_FOR_DERIVATIONS);
        assert_eq!(table.name(well_known::OR), b"or");
    }

    #[test]
    fn chunks_join_without_gaps() {
        assert_eq!(place(0), (0, 0));
        assert_eq!(place(1023), (0, 1023));
        assert_eq!(place(1024), (1, 0));
        assert_eq!(place(3071), (1, 2047));
        assert_eq!(place(3072), (2, 0));
        assert_eq!(place(u32::MAX).0, CHUNKS - 1);
    }

    #[test]
    fn threads_agree_on_symbols() {
        let table = SymbolTable::new();
        let names: Vec<String> = (0..5000).map(|n| format!("name-{n}")).collect();
        let all: Vec<Vec<Symbol>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| names.iter().map(|name| table.intern(name.as_bytes())).collect()))
                .collect();
            workers.into_iter().map(|worker| worker.join().expect("no panic")).collect()
        });
        for symbols in &all {
            assert_eq!(symbols, &all[0]);
        }
        for (name, symbol) in names.iter().zip(&all[0]) {
            assert_eq!(table.name(*symbol), name.as_bytes());
        }
    }
}
