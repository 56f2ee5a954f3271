//! Numbers of 8 bytes, little-endian; texts as their length, their bytes, and zeros up to a multiple of 8; lists as their
//! length and their members.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, BufWriter, Read, Write};

use firn_path::{StoreDir, StorePath, StorePathSet};

use crate::error::ProtocolError;

/// The result of reading and writing.
pub type Result<T, E = ProtocolError> = std::result::Result<T, E>;

/// No text of a message is longer; archives and logs come as streams.
pub const MAX_TEXT: u64 = 1 << 28;
/// No name or path is longer.
pub const MAX_NAME: u64 = 1 << 16;
/// No list is longer.
pub const MAX_LIST: u64 = 1 << 24;

const BUFFER: usize = 64 * 1024;

/// The side that is read.
pub struct WireReader {
    inner: BufReader<Box<dyn Read + Send>>,
}

impl std::fmt::Debug for WireReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WireReader")
    }
}

impl WireReader {
    /// Reads from a stream.
    pub fn new(inner: impl Read + Send + 'static) -> WireReader {
        WireReader { inner: BufReader::with_capacity(BUFFER, Box::new(inner)) }
    }
}

impl Read for WireReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

/// Reading values, from a connection or from a stream within one.
pub trait ReadWire: Read {
    /// A number.
    ///
    /// # Errors
    /// The end of the stream.
    fn number(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        self.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// A number that fits another type.
    ///
    /// # Errors
    /// It does not.
    fn int<T: TryFrom<u64>>(&mut self) -> Result<T> {
        let number = self.number()?;
        T::try_from(number)
            .map_err(|_| ProtocolError::Malformed(format!("serialised integer {number} is too large")))
    }

    /// A truth value: any number but 0 is true.
    ///
    /// # Errors
    /// The end of the stream.
    fn flag(&mut self) -> Result<bool> {
        Ok(self.number()? != 0)
    }

    /// Bytes, at most `max`.
    ///
    /// # Errors
    /// More of them, or other bytes than zeros behind them.
    fn blob(&mut self, max: u64) -> Result<Vec<u8>> {
        let len = self.number()?;
        if len > max {
            return Err(ProtocolError::malformed("string is too long"));
        }
        // memory follows what really comes, not what is announced
        let mut bytes = Vec::new();
        let mut left = usize::try_from(len).unwrap_or(usize::MAX);
        while left > 0 {
            let start = bytes.len();
            bytes.resize(start + left.min(BUFFER), 0);
            self.read_exact(&mut bytes[start..])?;
            left -= bytes.len() - start;
        }
        let mut padding = [0; 8];
        let padding = &mut padding[..((8 - len % 8) % 8) as usize];
        self.read_exact(padding)?;
        if padding.iter().any(|b| *b != 0) {
            return Err(ProtocolError::malformed("non-zero padding"));
        }
        Ok(bytes)
    }

    /// A text.
    ///
    /// # Errors
    /// As [`ReadWire::blob`], and bytes that are no UTF-8.
    fn text(&mut self) -> Result<String> {
        String::from_utf8(self.blob(MAX_TEXT)?).map_err(|_| ProtocolError::malformed("a text is not UTF-8"))
    }

    /// A short text.
    ///
    /// # Errors
    /// As [`ReadWire::text`].
    fn name(&mut self) -> Result<String> {
        String::from_utf8(self.blob(MAX_NAME)?).map_err(|_| ProtocolError::malformed("a text is not UTF-8"))
    }

    /// A text for people, whatever its bytes are.
    ///
    /// # Errors
    /// As [`ReadWire::blob`].
    fn message(&mut self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.blob(MAX_TEXT)?).into_owned())
    }

    /// The length of a list.
    ///
    /// # Errors
    /// It is too long.
    fn count(&mut self) -> Result<u64> {
        let count = self.number()?;
        if count > MAX_LIST {
            return Err(ProtocolError::malformed("a list is too long"));
        }
        Ok(count)
    }

    /// Texts.
    ///
    /// # Errors
    /// As [`ReadWire::text`].
    fn texts(&mut self) -> Result<Vec<String>> {
        let count = self.count()?;
        let mut texts = Vec::new();
        for _ in 0..count {
            texts.push(self.text()?);
        }
        Ok(texts)
    }

    /// Texts, each once.
    ///
    /// # Errors
    /// As [`ReadWire::text`].
    fn text_set(&mut self) -> Result<BTreeSet<String>> {
        Ok(self.texts()?.into_iter().collect())
    }

    /// A store path.
    ///
    /// # Errors
    /// It is none.
    fn path(&mut self, dir: &StoreDir) -> Result<StorePath> {
        Ok(dir.parse(&self.name()?)?)
    }

    /// A store path, or an empty text.
    ///
    /// # Errors
    /// It is neither.
    fn optional_path(&mut self, dir: &StoreDir) -> Result<Option<StorePath>> {
        let text = self.name()?;
        Ok(if text.is_empty() { None } else { Some(dir.parse(&text)?) })
    }

    /// Store paths.
    ///
    /// # Errors
    /// One is none.
    fn paths(&mut self, dir: &StoreDir) -> Result<StorePathSet> {
        let count = self.count()?;
        let mut paths = StorePathSet::new();
        for _ in 0..count {
            paths.insert(self.path(dir)?);
        }
        Ok(paths)
    }
}

impl<R: Read + ?Sized> ReadWire for R {}

/// The side that is written to; buffered.
pub struct WireWriter {
    inner: BufWriter<Box<dyn Write + Send>>,
}

impl std::fmt::Debug for WireWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WireWriter")
    }
}

impl WireWriter {
    /// Writes to a stream.
    pub fn new(inner: impl Write + Send + 'static) -> WireWriter {
        WireWriter { inner: BufWriter::with_capacity(BUFFER, Box::new(inner)) }
    }
}

impl Write for WireWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.inner.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writing values. All of them fail only where the stream does.
#[allow(missing_docs, clippy::missing_errors_doc)] // the counterparts of ReadWire
pub trait WriteWire: Write {
    fn put_number(&mut self, number: u64) -> Result<()> {
        Ok(self.write_all(&number.to_le_bytes())?)
    }

    fn put_flag(&mut self, flag: bool) -> Result<()> {
        self.put_number(u64::from(flag))
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.put_number(bytes.len() as u64)?;
        self.write_all(bytes)?;
        Ok(self.write_all(&[0; 8][..(8 - bytes.len() % 8) % 8])?)
    }

    fn put_text(&mut self, text: &str) -> Result<()> {
        self.put_bytes(text.as_bytes())
    }

    fn put_texts<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a String>) -> Result<()>
    where
        Self: Sized,
    {
        self.put_number(texts.len() as u64)?;
        for text in texts {
            self.put_text(text)?;
        }
        Ok(())
    }

    fn put_path(&mut self, dir: &StoreDir, path: &StorePath) -> Result<()> {
        self.put_text(&dir.print(path))
    }

    fn put_optional_path(&mut self, dir: &StoreDir, path: Option<&StorePath>) -> Result<()> {
        self.put_text(&path.map(|p| dir.print(p)).unwrap_or_default())
    }

    fn put_paths(&mut self, dir: &StoreDir, paths: &StorePathSet) -> Result<()> {
        self.put_number(paths.len() as u64)?;
        for path in paths {
            self.put_path(dir, path)?;
        }
        Ok(())
    }

    fn put_map(&mut self, map: &BTreeMap<String, String>) -> Result<()> {
        self.put_number(map.len() as u64)?;
        for (name, value) in map {
            self.put_text(name)?;
            self.put_text(value)?;
        }
        Ok(())
    }
}

impl<W: Write + ?Sized> WriteWire for W {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_padded() {
        let mut out = Vec::new();
        out.put_text("abc").expect("memory");
        assert_eq!(out, [3, 0, 0, 0, 0, 0, 0, 0, b'a', b'b', b'c', 0, 0, 0, 0, 0]);
        assert_eq!(out.as_slice().text().expect("a text"), "abc");
        out[15] = 1;
        assert!(matches!(out.as_slice().text(), Err(ProtocolError::Malformed(_))));
        assert!(matches!(out[..10].as_ref().text(), Err(ProtocolError::End)));
    }

    #[test]
    fn announced_lengths_take_no_memory() {
        let mut out = Vec::new();
        out.put_number(u64::MAX).expect("memory");
        assert!(out.as_slice().text().is_err());
        assert!(out.as_slice().texts().is_err());
        let mut out = Vec::new();
        out.put_number(MAX_TEXT).expect("memory");
        assert!(matches!(out.as_slice().text(), Err(ProtocolError::End)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in prop::collection::vec(".{0,20}", 0..5), number: u64) {
            let mut out = Vec::new();
            out.put_texts(texts.iter()).expect("memory");
            out.put_number(number).expect("memory");
            let mut input = out.as_slice();
            prop_assert_eq!(input.texts().expect("texts"), texts);
            prop_assert_eq!(input.number().expect("a number"), number);
            prop_assert!(input.is_empty());
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let dir = StoreDir::new("/nix/store").expect("a folder");
            let _ = bytes.as_slice().texts();
            let _ = bytes.as_slice().paths(&dir);
            let _ = bytes.as_slice().blob(16);
        }
    }
}
