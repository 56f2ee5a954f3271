//! Writing archives.

use std::io::{self, Read, Write};

use crate::{Limits, MAGIC, NarError, is_valid_name, is_valid_target, padding};

/// Gathered before it goes to the writer below.
const BUFFER: usize = 64 * 1024;

/// Writes an archive node by node.
///
/// A node is one of [`file`](NarWriter::file), [`symlink`](NarWriter::symlink), or
/// [`start_directory`](NarWriter::start_directory), any number of [`entry`](NarWriter::entry) each followed by a node,
/// and [`end_directory`](NarWriter::end_directory). After the root's end comes [`finish`](NarWriter::finish).
///
/// A wrong order, names that are not sorted, and files of another size than stated are errors.
#[derive(Debug)]
pub struct NarWriter<W> {
    out: W,
    buffer: Vec<u8>,
    limits: Limits,
    // the last name in each directory that is open
    open: Vec<Vec<u8>>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Node,
    Entries,
    Done,
}

impl<W: Write> NarWriter<W> {
    /// Starts an archive with the reference's limits.
    pub fn new(out: W) -> NarWriter<W> {
        NarWriter::with_limits(out, Limits::default())
    }

    /// Starts an archive with other limits; the size of files is not looked at.
    pub fn with_limits(out: W, limits: Limits) -> NarWriter<W> {
        let mut buffer = Vec::with_capacity(BUFFER);
        word(&mut buffer, MAGIC.as_bytes());
        NarWriter { out, buffer, limits, open: Vec::new(), state: State::Node }
    }

    /// Writes a file of `size` bytes from `contents`.
    ///
    /// # Errors
    /// Fewer bytes than `size`, those of reading and writing, and those of the order.
    pub fn file(&mut self, executable: bool, size: u64, contents: &mut dyn Read) -> Result<(), NarError> {
        self.start_file(executable, size)?;
        let mut left = size;
        while left > 0 {
            if self.buffer.len() == self.buffer.capacity() {
                self.flush_buffer()?;
            }
            let start = self.buffer.len();
            let room = (self.buffer.capacity() - start) as u64;
            self.buffer.resize(start + room.min(left) as usize, 0);
            let read = read_some(contents, &mut self.buffer[start..]);
            self.buffer.truncate(start + *read.as_ref().unwrap_or(&0));
            let read = read? as u64;
            if read == 0 {
                return Err(NarError::WrongSize { stated: size, actual: size - left });
            }
            left -= read;
        }
        self.end_file(size)
    }

    /// Writes a file of which all bytes are at hand.
    ///
    /// # Errors
    /// Those of writing and of the order.
    pub fn file_bytes(&mut self, executable: bool, contents: &[u8]) -> Result<(), NarError> {
        self.start_file(executable, contents.len() as u64)?;
        self.raw(contents)?;
        self.end_file(contents.len() as u64)
    }

    /// Writes a file whose contents `write` sends straight to the writer below, which must be exactly `size` bytes;
    /// for sources that have faster ways than [`Read`].
    ///
    /// # Errors
    /// Another number of bytes, those of `write`, those of writing, and those of the order.
    pub fn file_with(
        &mut self,
        executable: bool,
        size: u64,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), NarError> {
        self.start_file(executable, size)?;
        self.flush_buffer()?;
        let mut counting = Counting { out: &mut self.out, bytes: 0 };
        write(&mut counting)?;
        if counting.bytes != size {
            return Err(NarError::WrongSize { stated: size, actual: counting.bytes });
        }
        self.end_file(size)
    }

    /// Writes a symlink.
    ///
    /// # Errors
    /// An empty target or one with zero bytes, those of writing and of the order.
    pub fn symlink(&mut self, target: &[u8]) -> Result<(), NarError> {
        self.check_node("a symlink")?;
        if !is_valid_target(target) {
            return Err(NarError::InvalidTarget);
        }
        if target.len() > self.limits.target {
            return Err(NarError::TooLong);
        }
        for tag in ["(", "type", "symlink", "target"] {
            word(&mut self.buffer, tag.as_bytes());
        }
        word(&mut self.buffer, target);
        word(&mut self.buffer, b")");
        self.end_node()
    }

    /// Starts a directory.
    ///
    /// # Errors
    /// Those of writing and of the order, and a depth beyond the limit.
    pub fn start_directory(&mut self) -> Result<(), NarError> {
        self.check_node("a directory")?;
        for tag in ["(", "type", "directory"] {
            word(&mut self.buffer, tag.as_bytes());
        }
        self.open.push(Vec::new());
        self.state = State::Entries;
        Ok(())
    }

    /// Starts an entry of the directory that is open; its node comes next.
    ///
    /// # Errors
    /// A name that is invalid, too long, or not behind the previous one; the order.
    pub fn entry(&mut self, name: &[u8]) -> Result<(), NarError> {
        let Some(last) = self.open.last_mut().filter(|_| self.state == State::Entries) else {
            return Err(NarError::OutOfOrder("an entry"));
        };
        if !is_valid_name(name) {
            return Err(NarError::InvalidName(String::from_utf8_lossy(name).into_owned()));
        }
        if name.len() > self.limits.name {
            return Err(NarError::TooLong);
        }
        if name <= last.as_slice() {
            return Err(NarError::NotSorted);
        }
        last.clear();
        last.extend_from_slice(name);
        for tag in ["entry", "(", "name"] {
            word(&mut self.buffer, tag.as_bytes());
        }
        word(&mut self.buffer, name);
        word(&mut self.buffer, b"node");
        self.state = State::Node;
        Ok(())
    }

    /// Ends the directory that is open.
    ///
    /// # Errors
    /// Those of writing, and no directory that could end here.
    pub fn end_directory(&mut self) -> Result<(), NarError> {
        if self.state != State::Entries || self.open.pop().is_none() {
            return Err(NarError::OutOfOrder("the end of a directory"));
        }
        word(&mut self.buffer, b")");
        self.end_node()
    }

    /// Ends the archive and returns the writer below, which is not flushed.
    ///
    /// # Errors
    /// Those of writing, and a root that has not ended.
    pub fn finish(mut self) -> Result<W, NarError> {
        if self.state != State::Done {
            return Err(NarError::OutOfOrder("its end"));
        }
        self.flush_buffer()?;
        Ok(self.out)
    }

    fn start_file(&mut self, executable: bool, size: u64) -> Result<(), NarError> {
        self.check_node("a file")?;
        for tag in ["(", "type", "regular"] {
            word(&mut self.buffer, tag.as_bytes());
        }
        if executable {
            word(&mut self.buffer, b"executable");
            word(&mut self.buffer, b"");
        }
        word(&mut self.buffer, b"contents");
        self.buffer.extend_from_slice(&size.to_le_bytes());
        Ok(())
    }

    fn end_file(&mut self, size: u64) -> Result<(), NarError> {
        self.buffer.extend_from_slice(&[0; 8][..padding(size)]);
        word(&mut self.buffer, b")");
        self.end_node()
    }

    fn check_node(&self, what: &'static str) -> Result<(), NarError> {
        if self.state != State::Node {
            return Err(NarError::OutOfOrder(what));
        }
        if self.open.len() >= self.limits.depth {
            return Err(NarError::TooDeep(self.limits.depth));
        }
        Ok(())
    }

    fn end_node(&mut self) -> Result<(), NarError> {
        if self.open.is_empty() {
            self.state = State::Done;
        } else {
            word(&mut self.buffer, b")");
            self.state = State::Entries;
        }
        if self.buffer.len() >= BUFFER / 2 { self.flush_buffer() } else { Ok(()) }
    }

    fn raw(&mut self, data: &[u8]) -> Result<(), NarError> {
        if data.len() >= BUFFER / 4 {
            self.flush_buffer()?;
            self.out.write_all(data)?;
        } else {
            self.buffer.extend_from_slice(data);
        }
        Ok(())
    }

    fn flush_buffer(&mut self) -> Result<(), NarError> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Writes the archive of a single, not executable file.
///
/// # Errors
/// Those of writing.
pub fn write_file<W: Write>(out: W, contents: &[u8]) -> Result<W, NarError> {
    let mut writer = NarWriter::new(out);
    writer.file_bytes(false, contents)?;
    writer.finish()
}

fn word(buffer: &mut Vec<u8>, text: &[u8]) {
    let len = text.len() as u64;
    buffer.extend_from_slice(&len.to_le_bytes());
    buffer.extend_from_slice(text);
    buffer.extend_from_slice(&[0; 8][..padding(len)]);
}

fn read_some(contents: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match contents.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

struct Counting<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.out.write(data)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
