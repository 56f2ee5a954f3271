//! Streams of unknown length within a connection: pieces with their lengths before them, ended by the length 0.

use std::io::{self, Read, Write};

/// Pieces that are read are at most this long.
const MAX_PIECE: u64 = 1 << 32;

/// Reads a stream to its end; [`FramedReader::finish`] puts the connection behind it whatever was read.
#[derive(Debug)]
pub struct FramedReader<'a, R: Read + ?Sized> {
    inner: &'a mut R,
    left: u64,
    ended: bool,
}

impl<'a, R: Read + ?Sized> FramedReader<'a, R> {
    /// Starts at the first piece.
    pub fn new(inner: &'a mut R) -> Self {
        FramedReader { inner, left: 0, ended: false }
    }

    /// Reads what is left.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn finish(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink()).map(drop)
    }
}

impl<R: Read + ?Sized> Read for FramedReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            let mut len = [0; 8];
            self.inner.read_exact(&mut len)?;
            self.left = u64::from_le_bytes(len);
            if self.left == 0 {
                self.ended = true;
                return Ok(0);
            }
            if self.left > MAX_PIECE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too long"));
            }
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let got = self.inner.read(&mut buffer[..most])?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= got as u64;
        Ok(got)
    }
}

/// Writes a stream; [`FramedWriter::finish`] ends it.
#[derive(Debug)]
pub struct FramedWriter<'a, W: Write + ?Sized> {
    inner: &'a mut W,
    piece: Vec<u8>,
}

/// Pieces that are written.
const PIECE: usize = 64 * 1024;

impl<'a, W: Write + ?Sized> FramedWriter<'a, W> {
    /// Starts a stream.
    pub fn new(inner: &'a mut W) -> Self {
        FramedWriter { inner, piece: Vec::with_capacity(PIECE) }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.inner.write_all(&(self.piece.len() as u64).to_le_bytes())?;
        self.inner.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }

    /// Writes the end.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn finish(mut self) -> io::Result<()> {
        self.send()?;
        self.inner.write_all(&[0; 8])?;
        self.inner.flush()
    }
}

impl<W: Write + ?Sized> Write for FramedWriter<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let room = PIECE - self.piece.len();
        let taken = data.len().min(room);
        self.piece.extend_from_slice(&data[..taken]);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn streams_come_back(data in prop::collection::vec(any::<u8>(), 0..200_000), step in 1usize..100_000) {
            let mut wire = Vec::new();
            let mut writer = FramedWriter::new(&mut wire);
            for piece in data.chunks(step) {
                writer.write_all(piece).expect("memory");
            }
            writer.finish().expect("memory");
            wire.extend_from_slice(b"behind");
            let mut input = wire.as_slice();
            let mut got = Vec::new();
            FramedReader::new(&mut input).read_to_end(&mut got).expect("a stream");
            prop_assert_eq!(got, data);
            prop_assert_eq!(input, b"behind");
        }
    }

    #[test]
    fn what_is_not_read_is_passed_over() {
        let mut wire = Vec::new();
        let mut writer = FramedWriter::new(&mut wire);
        writer.write_all(&[7; 100]).expect("memory");
        writer.finish().expect("memory");
        wire.push(9);
        let mut input = wire.as_slice();
        let mut reader = FramedReader::new(&mut input);
        reader.read_exact(&mut [0; 10]).expect("bytes");
        reader.finish().expect("a stream");
        assert_eq!(input, [9]);
        assert!(FramedReader::new(&mut &wire[..20]).finish().is_err());
    }
}
