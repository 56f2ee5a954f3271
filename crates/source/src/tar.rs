//! Unpacking tar archives that others made.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tar::{Archive, Entry, EntryType};

use crate::tree_sink::TreeSink;
use crate::{CanonPath, SourceError, decompress};

/// How many bytes may come between members: their headers with long names, which are held in memory.
const HEADERS: u64 = 4 << 20;

/// What an archive may not exceed.
#[derive(Clone, Copy, Debug)]
pub struct TarLimits {
    /// Members.
    pub members: u64,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Bytes of a member's path.
    pub path: usize,
    /// How many times the size of the packed archive may come out of it …
    pub ratio: u64,
    /// … once more than this many bytes have come out.
    pub free: u64,
}

impl Default for TarLimits {
    /// Ten million members, 256 GiB, 4 KiB; a thousand times the packed size once it is more than 1 GiB.
    fn default() -> TarLimits {
        TarLimits { members: 10_000_000, bytes: 256 << 30, path: 4096, ratio: 1000, free: 1 << 30 }
    }
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Members.
    pub members: u64,
    /// Bytes of all files together.
    pub bytes: u64,
    /// The latest time of a member, in seconds since 1970.
    pub last_modified: i64,
}

/// Unpacks a tar archive, compressed or not, into `sink`. Leading slashes are dropped; `..` in a path, devices and
/// pipes, and members below symlinks are errors.
///
/// # Errors
/// A malformed archive, members as above, more than `limits` allow, and those of the sink.
pub fn unpack_tar(
    input: impl Read + Send,
    sink: &mut dyn TreeSink,
    limits: &TarLimits,
) -> Result<Unpacked, SourceError> {
    let bad = |error: io::Error| SourceError::BadArchive(crate::strerror(&error));
    let budget = Rc::new(Cell::new(HEADERS));
    let packed = Arc::new(AtomicU64::new(0));
    let input = decompress(Counted { inner: input, read: packed.clone() }).map_err(bad)?;
    let input = Budgeted { inner: input, left: budget.clone(), packed, out: 0, limits: *limits };
    let mut archive = Archive::new(input);
    let mut unpacked = Unpacked::default();
    for entry in archive.entries().map_err(bad)? {
        let mut entry = entry.map_err(bad)?;
        // for its contents, which are read now or skipped later, and for the next one's headers
        budget.set(entry.size().saturating_add(HEADERS));
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader | EntryType::XHeader) {
            continue;
        }
        unpacked.members += 1;
        if unpacked.members > limits.members {
            return Err(SourceError::ArchiveTooLarge { what: "members", limit: limits.members });
        }
        let seconds = entry.header().mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
        unpacked.last_modified = unpacked.last_modified.max(seconds.unwrap_or(0));
        unpacked.bytes += unpack_member(&mut entry, kind, sink, limits, limits.bytes - unpacked.bytes)?;
    }
    Ok(unpacked)
}

/// Unpacks one member and returns the size of its contents.
fn unpack_member<R: Read>(
    entry: &mut Entry<'_, R>,
    kind: EntryType,
    sink: &mut dyn TreeSink,
    limits: &TarLimits,
    bytes_left: u64,
) -> Result<u64, SourceError> {
    let path = member_path(&entry.path_bytes(), limits)?;
    match kind {
        EntryType::Directory => sink.directory(&path).map(|()| 0),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            // old archives mark directories by a slash only
            if entry.path_bytes().ends_with(b"/") {
                return sink.directory(&path).map(|()| 0);
            }
            let size = entry.size();
            if size > bytes_left {
                return Err(SourceError::ArchiveTooLarge { what: "bytes", limit: limits.bytes });
            }
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
            let mut contents = Exactly { inner: &mut *entry, left: size };
            sink.file(&path, executable, size, &mut contents)?;
            Ok(size)
        }
        EntryType::Symlink => {
            let target = link_target(entry, &path)?;
            if !firn_nar::is_valid_target(&target) {
                return Err(SourceError::BadArchive(format!("symlink '{path}' has an invalid target")));
            }
            sink.symlink(&path, &target).map(|()| 0)
        }
        EntryType::Link => {
            let existing = member_path(&link_target(entry, &path)?, limits)?;
            sink.hard_link(&path, &existing).map(|()| 0)
        }
        other => Err(SourceError::UnsupportedMember {
            path: path.to_string(),
            kind: char::from(other.as_byte()).escape_default().to_string(),
        }),
    }
}

fn link_target<R: Read>(entry: &Entry<'_, R>, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
    match entry.link_name_bytes() {
        Some(target) => Ok(target.into_owned()),
        None => Err(SourceError::BadArchive(format!("link '{path}' has no target"))),
    }
}

pub(crate) fn member_path(raw: &[u8], limits: &TarLimits) -> Result<CanonPath, SourceError> {
    if raw.len() > limits.path {
        return Err(SourceError::ArchiveTooLarge { what: "bytes in a path", limit: limits.path as u64 });
    }
    if raw.split(|&byte| byte == b'/').any(|component| component == b"..") {
        return Err(SourceError::ClimbsOut(String::from_utf8_lossy(raw).into_owned()));
    }
    CanonPath::new(raw)
}

/// Fails where the archive ends within a file.
struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || into.is_empty() {
            return Ok(0);
        }
        let want = self.left.min(into.len() as u64) as usize;
        let read = self.inner.read(&mut into[..want])?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "archive ends within a file"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Fails where more is read than the budget allows, so that headers can't fill the memory.
/// Fails as well where far more comes out of an archive than went in: a bomb.
struct Budgeted<R> {
    inner: R,
    left: Rc<Cell<u64>>,
    packed: Arc<AtomicU64>,
    out: u64,
    limits: TarLimits,
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(into)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.out += read as u64;
        let packed = self.packed.load(Ordering::Relaxed);
        if self.out > self.limits.free && self.out / self.limits.ratio.max(1) > packed {
            let text = format!("it expands to more than {} times its size", self.limits.ratio);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, "headers are too large")),
        }
        Ok(read)
    }
}
