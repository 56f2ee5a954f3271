//! Reading archives.

use std::io::{self, Read, Write};

use crate::{Limits, MAGIC, NarError, is_valid_name, is_valid_target, padding};

/// Longer than any keyword, so that a wrong one can be shown.
const MAX_TAG: usize = 32;

/// One step through an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A directory starts; entries follow until [`Event::EndDirectory`].
    StartDirectory,
    /// An entry of the innermost open directory; its node follows.
    Entry(&'a [u8]),
    /// The innermost open directory ends.
    EndDirectory,
    /// A file; its contents can be read from the reader now, and are skipped otherwise.
    File {
        /// Whether the file is executable.
        executable: bool,
        /// The number of bytes.
        size: u64,
    },
    /// A symlink to this target.
    Symlink(&'a [u8]),
}

/// Reads an archive as a sequence of [`Event`]s, exactly to its end.
///
/// Reads in small pieces: put a [`std::io::BufReader`] below where that is slow and reading ahead is allowed.
/// While a file is open, the reader itself is a [`Read`] over its contents.
#[derive(Debug)]
pub struct NarReader<R> {
    input: R,
    limits: Limits,
    // the last name in each directory that is open
    open: Vec<Vec<u8>>,
    state: State,
    word: Vec<u8>,
    position: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Node,
    Contents { left: u64, padding: usize },
    Entries,
    EntryEnd,
    Done,
}

enum Found {
    StartDirectory,
    Entry,
    EndDirectory,
    File { executable: bool, size: u64 },
    Symlink,
}

impl<R: Read> NarReader<R> {
    /// Reads from `input` with the reference's limits.
    pub fn new(input: R) -> NarReader<R> {
        NarReader::with_limits(input, Limits::default())
    }

    /// Reads from `input` with other limits.
    pub fn with_limits(input: R, limits: Limits) -> NarReader<R> {
        NarReader { input, limits, open: Vec::new(), state: State::Start, word: Vec::new(), position: 0 }
    }

    /// The next event, `None` after the archive's end.
    ///
    /// # Errors
    /// A malformed archive, one beyond the limits, or those of reading. The reader is of no use afterwards.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, NarError> {
        let found = self.advance()?;
        Ok(found.map(|found| match found {
            Found::StartDirectory => Event::StartDirectory,
            Found::Entry => Event::Entry(self.open.last().map_or(&[], Vec::as_slice)),
            Found::EndDirectory => Event::EndDirectory,
            Found::File { executable, size } => Event::File { executable, size },
            Found::Symlink => Event::Symlink(&self.word),
        }))
    }

    /// The number of bytes read so far; right after [`Event::File`] the position of its contents.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads what is left, checking it.
    ///
    /// # Errors
    /// As [`NarReader::next_event`].
    pub fn finish(mut self) -> Result<R, NarError> {
        while self.advance()?.is_some() {}
        Ok(self.input)
    }

    /// Copies what is left of the open file's contents.
    ///
    /// # Errors
    /// Those of reading and writing, and an early end.
    pub fn copy_contents(&mut self, out: &mut dyn Write) -> Result<(), NarError> {
        let State::Contents { left, .. } = self.state else {
            return Ok(());
        };
        let mut buffer = vec![0; left.min(256 * 1024) as usize];
        loop {
            match self.read(&mut buffer)? {
                0 => return Ok(()),
                read => out.write_all(&buffer[..read])?,
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Found>, NarError> {
        loop {
            match self.state {
                State::Done => return Ok(None),
                State::Start => self.read_magic()?,
                State::Node => return self.read_node().map(Some),
                State::Contents { .. } => self.end_contents()?,
                State::EntryEnd => {
                    self.expect(")")?;
                    self.state = State::Entries;
                }
                State::Entries => return self.read_entry().map(Some),
            }
        }
    }

    fn read_magic(&mut self) -> Result<(), NarError> {
        match self.read_word(MAGIC.len()) {
            Ok(()) if self.word == MAGIC.as_bytes() => {
                self.state = State::Node;
                Ok(())
            }
            Ok(()) | Err(NarError::TooLong | NarError::Padding | NarError::UnexpectedEnd) => {
                Err(NarError::NoArchive)
            }
            Err(error) => Err(error),
        }
    }

    fn read_node(&mut self) -> Result<Found, NarError> {
        if self.open.len() >= self.limits.depth {
            return Err(NarError::TooDeep(self.limits.depth));
        }
        self.expect("(")?;
        self.expect("type")?;
        self.read_word(MAX_TAG)?;
        match self.word.as_slice() {
            b"regular" => self.read_file(),
            b"symlink" => {
                self.expect("target")?;
                self.read_word(self.limits.target)?;
                if !is_valid_target(&self.word) {
                    return Err(NarError::InvalidTarget);
                }
                // the target stays in the buffer for the caller, so the end is read with another one
                let target = std::mem::take(&mut self.word);
                self.expect(")")?;
                self.word = target;
                self.end_node();
                Ok(Found::Symlink)
            }
            b"directory" => {
                self.open.push(Vec::new());
                self.state = State::Entries;
                Ok(Found::StartDirectory)
            }
            other => Err(NarError::UnknownType(String::from_utf8_lossy(other).into_owned())),
        }
    }

    fn read_file(&mut self) -> Result<Found, NarError> {
        self.read_word(MAX_TAG)?;
        let executable = self.word == b"executable";
        if executable {
            match self.read_word(0) {
                Ok(()) => {}
                Err(NarError::TooLong) => return Err(NarError::ExecutableMarker),
                Err(error) => return Err(error),
            }
            self.read_word(MAX_TAG)?;
        }
        self.check_tag("contents")?;
        let size = self.read_u64()?;
        if size > self.limits.file_size {
            return Err(NarError::FileTooLarge { size, limit: self.limits.file_size });
        }
        self.state = State::Contents { left: size, padding: padding(size) };
        Ok(Found::File { executable, size })
    }

    fn read_entry(&mut self) -> Result<Found, NarError> {
        self.read_word(MAX_TAG)?;
        match self.word.as_slice() {
            b")" => {
                self.open.pop();
                self.end_node();
                return Ok(Found::EndDirectory);
            }
            b"entry" => {}
            other => return Err(NarError::ExpectedEntry(String::from_utf8_lossy(other).into_owned())),
        }
        self.expect("(")?;
        self.expect("name")?;
        self.read_word(self.limits.name)?;
        if !is_valid_name(&self.word) {
            return Err(NarError::InvalidName(String::from_utf8_lossy(&self.word).into_owned()));
        }
        let Some(last) = self.open.last_mut() else {
            return Err(NarError::OutOfOrder("an entry"));
        };
        if self.word <= *last {
            return Err(NarError::NotSorted);
        }
        std::mem::swap(last, &mut self.word);
        self.expect("node")?;
        self.state = State::Node;
        Ok(Found::Entry)
    }

    fn end_contents(&mut self) -> Result<(), NarError> {
        let mut sink = [0; 8192];
        while self.read(&mut sink)? > 0 {}
        let State::Contents { padding, .. } = self.state else {
            return Ok(());
        };
        let mut zeros = [0; 8];
        self.read_exact_counted(&mut zeros[..padding])?;
        if zeros != [0; 8] {
            return Err(NarError::Padding);
        }
        self.expect(")")?;
        self.end_node();
        Ok(())
    }

    fn end_node(&mut self) {
        self.state = if self.open.is_empty() { State::Done } else { State::EntryEnd };
    }

    fn expect(&mut self, tag: &'static str) -> Result<(), NarError> {
        self.read_word(MAX_TAG)?;
        self.check_tag(tag)
    }

    fn check_tag(&self, expected: &'static str) -> Result<(), NarError> {
        if self.word == expected.as_bytes() {
            return Ok(());
        }
        Err(NarError::ExpectedTag { expected, actual: String::from_utf8_lossy(&self.word).into_owned() })
    }

    fn read_word(&mut self, max: usize) -> Result<(), NarError> {
        let len = self.read_u64()?;
        if len > max as u64 {
            return Err(NarError::TooLong);
        }
        let len = len as usize;
        self.word.resize(len + padding(len as u64), 0);
        self.input.read_exact(&mut self.word)?;
        self.position += self.word.len() as u64;
        if self.word[len..].iter().any(|&byte| byte != 0) {
            return Err(NarError::Padding);
        }
        self.word.truncate(len);
        Ok(())
    }

    fn read_u64(&mut self) -> Result<u64, NarError> {
        let mut bytes = [0; 8];
        self.read_exact_counted(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn read_exact_counted(&mut self, into: &mut [u8]) -> Result<(), NarError> {
        self.input.read_exact(into)?;
        self.position += into.len() as u64;
        Ok(())
    }
}

/// The contents of the file that is open; nothing where none is.
impl<R: Read> Read for NarReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let State::Contents { left, padding } = self.state else {
            return Ok(0);
        };
        let want = left.min(into.len() as u64) as usize;
        if want == 0 {
            return Ok(0);
        }
        loop {
            match self.input.read(&mut into[..want]) {
                Ok(0) => return Err(NarError::UnexpectedEnd.into()),
                Ok(read) => {
                    self.position += read as u64;
                    self.state = State::Contents { left: left - read as u64, padding };
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Copies one archive from `input` to `out`, checking it on the way, and returns its size. What is read has been
/// written even where it turns out to be malformed.
///
/// # Errors
/// As [`NarReader::next_event`], and those of writing.
pub fn copy(input: &mut dyn Read, out: &mut dyn Write) -> Result<u64, NarError> {
    copy_with_limits(input, out, Limits::default())
}

/// As [`copy`], with other limits.
///
/// # Errors
/// As [`copy`].
pub fn copy_with_limits(input: &mut dyn Read, out: &mut dyn Write, limits: Limits) -> Result<u64, NarError> {
    let mut reader = NarReader::with_limits(Tee { input, out, pending: Vec::new() }, limits);
    let mut buffer = vec![0; 64 * 1024];
    while let Some(event) = reader.next_event()? {
        if matches!(event, Event::File { .. }) {
            while reader.read(&mut buffer)? > 0 {}
        }
    }
    let size = reader.position();
    reader.input.flush()?;
    Ok(size)
}

/// Passes on what is read, gathering small pieces.
struct Tee<'a> {
    input: &'a mut dyn Read,
    out: &'a mut dyn Write,
    pending: Vec<u8>,
}

impl Tee<'_> {
    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

impl Read for Tee<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        if read >= 4096 {
            self.flush()?;
            self.out.write_all(&into[..read])?;
        } else {
            self.pending.extend_from_slice(&into[..read]);
            if self.pending.len() >= 64 * 1024 {
                self.flush()?;
            }
        }
        Ok(read)
    }
}
