//! The package file: an `ar` archive of `debian-binary`, `control.tar.*` and `data.tar.*`.
//!
//! Source of the format: deb(5). Member headers are 60 bytes; every number in them is checked against the length of the file.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use crate::DebError;

/// The most members that are looked at; a package has three, signed ones four.
const MAX_MEMBERS: usize = 32;
/// The most bytes that one member may unpack to.
const MAX_UNPACKED: u64 = 32 << 30;
/// The memory that unpacking xz may take; `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 1 << 30;

/// An open package file.
pub(super) struct Package<'a> {
    path: &'a Path,
    members: Vec<Member>,
}

struct Member {
    name: String,
    offset: u64,
    size: u64,
}

impl<'a> Package<'a> {
    /// Reads the table of members.
    pub(super) fn open(path: &'a Path) -> Result<Self, DebError> {
        let fail = |reason: String| DebError::Package { deb: path.to_owned(), reason };
        let members = members(path).map_err(|error| fail(error.to_string()))?;
        let package = Package { path, members };
        let mut format = String::new();
        let reader = package.member("debian-binary", |name| name == "debian-binary")?;
        reader.take(16).read_to_string(&mut format).map_err(|error| fail(error.to_string()))?;
        if format.starts_with("2.") { Ok(package) } else { Err(fail("its format is not 2.0".to_owned())) }
    }

    fn member(&self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<Box<dyn Read>, DebError> {
        let fail = |reason: String| DebError::Package { deb: self.path.to_owned(), reason };
        let member = self.members.iter().find(|member| wanted(&member.name));
        let member = member.ok_or_else(|| fail(format!("it has no '{what}'")))?;
        let open = || -> io::Result<Box<dyn Read>> {
            let mut file = File::open(self.path)?;
            file.seek(SeekFrom::Start(member.offset))?;
            let raw = BufReader::with_capacity(1 << 16, file.take(member.size));
            let suffix = member.name.rsplit_once(".tar").map_or("", |(_, suffix)| suffix);
            let unpacked: Box<dyn Read> = match suffix {
                "" => Box::new(raw),
                ".gz" => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
                ".xz" => {
                    let stream = liblzma::stream::Stream::new_stream_decoder(
                        XZ_MEMORY,
                        liblzma::stream::CONCATENATED,
                    )?;
                    Box::new(liblzma::bufread::XzDecoder::new_stream(raw, stream))
                }
                ".zst" => Box::new(zstd::stream::read::Decoder::with_buffer(raw)?),
                other => {
                    return Err(io::Error::other(format!(
                        "'{}' has the unknown compression '{other}'",
                        member.name
                    )));
                }
            };
            Ok(Box::new(Bounded { inner: unpacked, left: MAX_UNPACKED }))
        };
        open().map_err(|error| fail(error.to_string()))
    }

    /// The stream of `control.tar`.
    pub(super) fn control(&self) -> Result<Box<dyn Read>, DebError> {
        self.member("control.tar", |name| name.starts_with("control.tar"))
    }

    /// The stream of `data.tar`.
    pub(super) fn data(&self) -> Result<Box<dyn Read>, DebError> {
        self.member("data.tar", |name| name.starts_with("data.tar"))
    }
}

fn members(path: &Path) -> io::Result<Vec<Member>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut magic = [0; 8];
    file.read_exact(&mut magic)?;
    if &magic != b"!<arch>\n" {
        return Err(io::Error::other("it is not a Debian package"));
    }
    let damaged = || io::Error::other("its table of members is damaged");
    let (mut members, mut at) = (Vec::new(), 8u64);
    while at < length && members.len() < MAX_MEMBERS {
        let mut header = [0; 60];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut header)?;
        let field = |from: usize, to: usize| std::str::from_utf8(&header[from..to]).map(str::trim_end);
        let name = field(0, 16).map_err(|_| damaged())?.trim_end_matches('/').to_owned();
        let size: u64 = field(48, 58).ok().and_then(|size| size.parse().ok()).ok_or_else(damaged)?;
        let offset = at + 60;
        if &header[58..] != b"`\n" || size > length - offset {
            return Err(damaged());
        }
        members.push(Member { name, offset, size });
        at = offset + size + (size & 1);
    }
    Ok(members)
}

/// Fails where a stream gets longer than it may.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other("it unpacks to more than 32 GiB")),
        }
        Ok(count)
    }
}
