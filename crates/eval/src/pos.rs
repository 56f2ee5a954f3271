//! Positions: one number for a place in any source that was read.
//!
//! Every source gets a run of numbers as long as its text (plus one for its end), so that a position is the run's base
//! plus a byte offset. Lines and columns are only computed when a position is shown.

use std::sync::Arc;

/// A place in a source, or none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Pos(pub u32);

impl Pos {
    /// No position.
    pub const NONE: Pos = Pos(0);

    /// Whether this is a place.
    pub fn is_some(self) -> bool {
        self != Pos::NONE
    }

    /// This position, or the other if it is none.
    pub fn or(self, other: Pos) -> Pos {
        if self.is_some() { self } else { other }
    }
}

/// Where a source came from.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Origin {
    /// A file: its tree (0 is the file system) and path.
    File {
        /// The tree.
        root: u32,
        /// The path in the tree.
        path: Arc<str>,
    },
    /// Text given on the command line.
    String,
    /// Standard input.
    Stdin,
    /// Text of our own, shown under this name.
    Internal(&'static str),
}

/// A source text.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it came from.
    pub origin: Origin,
    /// The text.
    pub text: Arc<[u8]>,
    base: u32,
}

impl Source {
    /// The position of a byte offset.
    pub fn pos(&self, offset: u32) -> Pos {
        if offset == u32::MAX { Pos::NONE } else { Pos(self.base + offset) }
    }

    /// The number before the first position.
    pub fn base(&self) -> u32 {
        self.base
    }
}

/// A position looked up: source, line and column from 1.
#[derive(Clone, Debug)]
pub struct Place {
    /// The source.
    pub source: Source,
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

/// All sources of an evaluation.
#[derive(Default, Debug)]
pub struct Positions {
    sources: Vec<Source>,
    next: u32,
}

impl Positions {
    /// Adds a source.
    pub fn add(&mut self, origin: Origin, text: Arc<[u8]>) -> Source {
        let base = self.next + 1;
        self.next = base + text.len() as u32;
        let s = Source { origin, text, base };
        self.sources.push(s.clone());
        s
    }

    /// The source that a position is in.
    pub fn source(&self, pos: Pos) -> Option<&Source> {
        if pos == Pos::NONE {
            return None;
        }
        let i = self.sources.partition_point(|s| s.base <= pos.0);
        self.sources.get(i.checked_sub(1)?)
    }

    /// Looks a position up.
    pub fn place(&self, pos: Pos) -> Option<Place> {
        let source = self.source(pos)?;
        let offset = ((pos.0 - source.base) as usize).min(source.text.len());
        let before = &source.text[..offset];
        // "\r\n" and a lone "\r" end lines too.
        let (mut line, mut start) = (1, 0);
        for (i, c) in before.iter().enumerate() {
            if *c == b'\n' || (*c == b'\r' && source.text.get(i + 1) != Some(&b'\n')) {
                line += 1;
                start = i + 1;
            }
        }
        Some(Place { source: source.clone(), line, column: (offset - start) as u32 + 1 })
    }
}
