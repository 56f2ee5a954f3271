//! A tree in an archive.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use firn_nar::Listing;

use crate::{Accessor, CanonPath, DirEntry, Kind, OpenFile, SourceError, Stat};

/// Something to read from at any position.
trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// A NAR of which files are read where they lie, by its listing.
pub struct NarAccessor {
    listing: Listing,
    nar: Arc<Mutex<Box<dyn ReadSeek>>>,
    prefix: String,
}

impl NarAccessor {
    /// Lists `nar`, which starts at position zero, and reads files from it later.
    ///
    /// # Errors
    /// A malformed archive, or those of reading.
    pub fn new(mut nar: impl Read + Seek + Send + 'static) -> Result<NarAccessor, SourceError> {
        let listing = Listing::read(io::BufReader::with_capacity(64 * 1024, &mut nar))?;
        Ok(NarAccessor::with_listing(listing, nar))
    }

    /// Takes a listing that was made before; files without a position can't be read.
    pub fn with_listing(listing: Listing, nar: impl Read + Seek + Send + 'static) -> NarAccessor {
        NarAccessor { listing, nar: Arc::new(Mutex::new(Box::new(nar))), prefix: String::new() }
    }

    /// Shows paths behind `prefix`.
    #[must_use]
    pub fn shown_as(mut self, prefix: impl Into<String>) -> NarAccessor {
        self.prefix = prefix.into();
        self
    }

    /// The listing.
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    fn get(&self, path: &CanonPath) -> Result<&Listing, SourceError> {
        self.listing.find(path.rel()).ok_or_else(|| {
            SourceError::NotAllowed(format!("NAR file does not contain path '{}'", self.show_path(path)))
        })
    }
}

impl Accessor for NarAccessor {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        Ok(self.listing.find(path.rel()).map(|node| match node {
            Listing::Regular { executable, size, .. } => {
                Stat { kind: Kind::Regular, executable: *executable, size: *size }
            }
            Listing::Symlink(_) => Stat { kind: Kind::Symlink, executable: false, size: None },
            Listing::Directory(_) => Stat { kind: Kind::Directory, executable: false, size: None },
        }))
    }

    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        match self.get(path)? {
            Listing::Directory(entries) => Ok(entries
                .iter()
                .map(|(name, node)| DirEntry {
                    name: name.clone(),
                    kind: Some(match node {
                        Listing::Regular { .. } => Kind::Regular,
                        Listing::Symlink(_) => Kind::Symlink,
                        Listing::Directory(_) => Kind::Directory,
                    }),
                })
                .collect()),
            _ => Err(SourceError::NotDirectory(self.show_path(path))),
        }
    }

    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        match self.get(path)? {
            Listing::Regular { size: Some(size), nar_offset: Some(offset), .. } => Ok(OpenFile {
                size: *size,
                reader: Box::new(Part { nar: self.nar.clone(), position: *offset, left: *size }),
            }),
            _ => Err(SourceError::NotRegular(self.show_path(path))),
        }
    }

    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        match self.get(path)? {
            Listing::Symlink(target) => Ok(target.clone()),
            _ => Err(SourceError::NotSymlink(self.show_path(path))),
        }
    }

    fn show_path(&self, path: &CanonPath) -> String {
        format!("{}{path}", self.prefix)
    }
}

struct Part {
    nar: Arc<Mutex<Box<dyn ReadSeek>>>,
    position: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let want = self.left.min(into.len() as u64) as usize;
        if want == 0 {
            return Ok(0);
        }
        let mut nar = self.nar.lock().unwrap_or_else(PoisonError::into_inner);
        nar.seek(SeekFrom::Start(self.position))?;
        let read = nar.read(&mut into[..want])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
