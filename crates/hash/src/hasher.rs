//! Incremental hashing.

use std::fmt;
use std::io;

use sha2::Digest;

use crate::{Algo, Hash};

#[derive(Clone)]
enum State {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Blake3(Box<blake3::Hasher>),
}

/// Hashes what is fed to it, piece by piece, and counts the bytes. Also an [`io::Write`] that never fails.
#[derive(Clone)]
pub struct Hasher {
    state: State,
    bytes: u64,
}

impl Hasher {
    /// Starts with nothing hashed.
    #[must_use]
    pub fn new(algo: Algo) -> Hasher {
        let state = match algo {
            Algo::Md5 => State::Md5(md5::Md5::new()),
            Algo::Sha1 => State::Sha1(sha1::Sha1::new()),
            Algo::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algo::Sha512 => State::Sha512(sha2::Sha512::new()),
            Algo::Blake3 => State::Blake3(Box::new(blake3::Hasher::new())),
        };
        Hasher { state, bytes: 0 }
    }

    /// Feeds `data`.
    pub fn update(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        match &mut self.state {
            State::Md5(h) => h.update(data),
            State::Sha1(h) => h.update(data),
            State::Sha256(h) => h.update(data),
            State::Sha512(h) => h.update(data),
            State::Blake3(h) => {
                h.update(data);
            }
        }
    }

    /// The number of bytes fed so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends hashing.
    #[must_use]
    pub fn finish(self) -> Hash {
        let made = match self.state {
            State::Md5(h) => Hash::from_bytes(Algo::Md5, &h.finalize()),
            State::Sha1(h) => Hash::from_bytes(Algo::Sha1, &h.finalize()),
            State::Sha256(h) => Hash::from_bytes(Algo::Sha256, &h.finalize()),
            State::Sha512(h) => Hash::from_bytes(Algo::Sha512, &h.finalize()),
            State::Blake3(h) => Hash::from_bytes(Algo::Blake3, h.finalize().as_bytes()),
        };
        made.expect("a digest has its algorithm's size")
    }

    /// The hash of what was fed so far; hashing may go on.
    #[must_use]
    pub fn current(&self) -> Hash {
        self.clone().finish()
    }
}

impl io::Write for Hasher {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
