//! Finding store paths in a stream of bytes by their hash parts, and replacing hash parts in one.
//!
//! A store object refers to every path whose hash part occurs anywhere in its NAR. Both tools work on pieces of any
//! size; what straddles two pieces is found too.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use firn_hash::nix32;

use crate::{HASH_LEN, StorePath, StorePathSet};

/// Looks for the hash parts of given paths in what is written to it.
#[derive(Clone, Debug)]
pub struct ReferenceScanner {
    wanted: BTreeMap<[u8; HASH_LEN], StorePath>,
    found: StorePathSet,
    // the last bytes of the previous piece, fewer than a hash part
    tail: Vec<u8>,
}

impl ReferenceScanner {
    /// Starts looking for `candidates`.
    #[must_use]
    pub fn new<'a>(candidates: impl IntoIterator<Item = &'a StorePath>) -> ReferenceScanner {
        let wanted = candidates.into_iter().map(|path| (hash_key(path), path.clone())).collect();
        ReferenceScanner { wanted, found: BTreeSet::new(), tail: Vec::with_capacity(2 * HASH_LEN) }
    }

    /// Looks at the next piece.
    pub fn update(&mut self, data: &[u8]) {
        if self.wanted.is_empty() {
            return;
        }
        let head = data.len().min(HASH_LEN - 1);
        let mut seam = std::mem::take(&mut self.tail);
        seam.extend_from_slice(&data[..head]);
        self.search(&seam);
        self.search(data);
        let keep = if data.len() >= HASH_LEN { data } else { &seam };
        self.tail.extend_from_slice(&keep[keep.len().saturating_sub(HASH_LEN - 1)..]);
    }

    /// The paths found so far.
    #[must_use]
    pub fn found(&self) -> &StorePathSet {
        &self.found
    }

    /// Ends the search.
    #[must_use]
    pub fn finish(self) -> StorePathSet {
        self.found
    }

    fn search(&mut self, data: &[u8]) {
        let mut i = 0;
        while i + HASH_LEN <= data.len() {
            let window = &data[i..i + HASH_LEN];
            // from the end, so that a byte outside the alphabet skips as much as can be
            if let Some(at) = window.iter().rposition(|&byte| !nix32::is_digit(byte)) {
                i += at + 1;
                continue;
            }
            let mut key = [0; HASH_LEN];
            key.copy_from_slice(window);
            if let Some(path) = self.wanted.remove(&key) {
                self.found.insert(path);
            }
            i += 1;
        }
    }
}

impl io::Write for ReferenceScanner {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replaces hash parts in a stream, keeping all positions: outputs of content-addressed derivations are built under a
/// temporary path and renamed afterwards.
#[derive(Debug)]
pub struct HashRewriter<W> {
    rewrites: BTreeMap<[u8; HASH_LEN], [u8; HASH_LEN]>,
    buffer: Vec<u8>,
    position: u64,
    // absolute positions at which a hash part was replaced
    matches: Vec<u64>,
    out: W,
}

impl<W: io::Write> HashRewriter<W> {
    /// Replaces the hash part of every first path by that of the second on the way to `out`.
    pub fn new<'a>(
        rewrites: impl IntoIterator<Item = (&'a StorePath, &'a StorePath)>,
        out: W,
    ) -> HashRewriter<W> {
        let rewrites = rewrites.into_iter().map(|(from, to)| (hash_key(from), hash_key(to))).collect();
        HashRewriter { rewrites, buffer: Vec::new(), position: 0, matches: Vec::new(), out }
    }

    /// Replaces one hash part by another one given as bytes, for instance by zeros to hash a path modulo itself.
    pub fn with_bytes(from: &StorePath, to: [u8; HASH_LEN], out: W) -> HashRewriter<W> {
        let rewrites = BTreeMap::from([(hash_key(from), to)]);
        HashRewriter { rewrites, buffer: Vec::new(), position: 0, matches: Vec::new(), out }
    }

    /// Writes what is left and returns the writer with the positions of all replacements.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<(W, Vec<u64>)> {
        self.out.write_all(&self.buffer)?;
        Ok((self.out, self.matches))
    }

    fn replace(&mut self, from: usize) {
        let mut i = from;
        while i + HASH_LEN <= self.buffer.len() {
            let window = &mut self.buffer[i..i + HASH_LEN];
            if let Some(at) = window.iter().rposition(|&byte| !nix32::is_digit(byte)) {
                i += at + 1;
                continue;
            }
            let mut key = [0; HASH_LEN];
            key.copy_from_slice(window);
            if let Some(to) = self.rewrites.get(&key) {
                window.copy_from_slice(to);
                self.matches.push(self.position + i as u64);
                i += HASH_LEN;
            } else {
                i += 1;
            }
        }
    }
}

impl<W: io::Write> io::Write for HashRewriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(data);
        self.replace(0);
        let ready = self.buffer.len().saturating_sub(HASH_LEN - 1);
        self.out.write_all(&self.buffer[..ready])?;
        self.buffer.drain(..ready);
        self.position += ready as u64;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn hash_key(path: &StorePath) -> [u8; HASH_LEN] {
    let mut key = [0; HASH_LEN];
    key.copy_from_slice(path.hash_part().as_bytes());
    key
}
