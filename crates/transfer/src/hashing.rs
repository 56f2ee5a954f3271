//! A writer that hashes and counts what passes.

use std::io::{self, Write};

use firn_hash::{Algo, Hash, Hasher};

/// Hands everything on to `sink` and hashes it on the way.
#[derive(Debug)]
pub struct Hashing<W> {
    sink: W,
    hasher: Hasher,
}

impl<W: Write> Hashing<W> {
    /// Hashes with `algo` what is written through to `sink`.
    pub fn new(sink: W, algo: Algo) -> Self {
        Hashing { sink, hasher: Hasher::new(algo) }
    }

    /// The sink, the hash and the number of bytes written.
    pub fn finish(self) -> (W, Hash, u64) {
        let size = self.hasher.bytes();
        (self.sink, self.hasher.finish(), size)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let n = self.sink.write(data)?;
        self.hasher.update(&data[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_what_it_hands_on() {
        let mut w = Hashing::new(Vec::new(), Algo::Sha256);
        w.write_all(b"ab").expect("memory");
        w.write_all(b"c").expect("memory");
        assert_eq!(w.finish(), (b"abc".to_vec(), Hash::of(Algo::Sha256, b"abc"), 3));
    }
}
