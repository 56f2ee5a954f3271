//! Unpacking zip archives that others made.
//!
//! Only what the central directory lists counts. Formats: stored and deflated members, zip64, Unix modes and symlinks,
//! extended timestamps (APPNOTE 6.3.10; Info-ZIP's extra field 0x5455).

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::tree_sink::TreeSink;
use crate::{SourceError, TarLimits, Unpacked};

const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const LOCAL: u32 = 0x0403_4b50;
/// The end record with its longest comment.
const MAX_END: u64 = 22 + 65_535;
/// The longest target of a symlink.
const MAX_TARGET: u64 = 4096;
/// The largest list of members.
const MAX_LIST: u64 = 1 << 30;

/// A member as the central directory has it.
struct Member {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    packed: u64,
    size: u64,
    crc: u32,
    header: u64,
    mode: u32,
    time: i64,
}

fn bad(what: impl Into<String>) -> SourceError {
    SourceError::BadArchive(what.into())
}

fn io_error(error: io::Error) -> SourceError {
    SourceError::BadArchive(crate::strerror(&error))
}

/// Numbers out of a record, the lowest byte first.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }
    fn number(&mut self, n: usize) -> Option<u64> {
        Some(self.take(n)?.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }
    fn u16(&mut self) -> Option<u16> {
        self.number(2).map(|n| n as u16)
    }
    fn u32(&mut self) -> Option<u32> {
        self.number(4).map(|n| n as u32)
    }
}

/// Unpacks a zip archive into `sink`, under the same rules as [`crate::unpack_tar`].
///
/// # Errors
/// A malformed archive; members that climb out, go through symlinks, are encrypted or packed in other ways than
/// deflated; more than `limits` allow; those of the sink.
pub fn unpack_zip(
    mut input: impl Read + Seek + Send,
    sink: &mut dyn TreeSink,
    limits: &TarLimits,
) -> Result<Unpacked, SourceError> {
    let members = list(&mut input, limits)?;
    let mut unpacked = Unpacked::default();
    for member in members {
        unpacked.members += 1;
        unpacked.last_modified = unpacked.last_modified.max(member.time);
        unpacked.bytes = unpacked.bytes.saturating_add(member.size);
        if unpacked.bytes > limits.bytes {
            return Err(SourceError::ArchiveTooLarge { what: "bytes", limit: limits.bytes });
        }
        if member.size > limits.free && member.size / limits.ratio.max(1) > member.packed {
            return Err(SourceError::ArchiveTooLarge { what: "times its packed size", limit: limits.ratio });
        }
        unpack(&mut input, &member, sink, limits)?;
    }
    Ok(unpacked)
}

fn unpack(
    input: &mut (impl Read + Seek + Send),
    member: &Member,
    sink: &mut dyn TreeSink,
    limits: &TarLimits,
) -> Result<(), SourceError> {
    let path = crate::tar::member_path(&member.name, limits)?;
    let shown = String::from_utf8_lossy(&member.name).into_owned();
    if member.flags & 1 != 0 {
        return Err(bad(format!("member '{shown}' is encrypted")));
    }
    let kind = member.mode & 0o170_000;
    if member.name.ends_with(b"/") || kind == 0o040_000 {
        return sink.directory(&path);
    }
    input.seek(SeekFrom::Start(member.header)).map_err(io_error)?;
    let mut header = [0; 30];
    input.read_exact(&mut header).map_err(io_error)?;
    let mut fields = Fields(&header);
    let lengths = (|| {
        let signature = fields.u32()?;
        fields.take(22)?;
        Some((signature, fields.u16()?, fields.u16()?))
    })();
    let Some((LOCAL, name, extra)) = lengths else {
        return Err(bad(format!("member '{shown}' has no header")));
    };
    input.seek(SeekFrom::Current(i64::from(name) + i64::from(extra))).map_err(io_error)?;
    let packed = BufReader::with_capacity(64 * 1024, input.take(member.packed));
    let contents: Box<dyn Read + Send + '_> = match member.method {
        0 => Box::new(packed),
        8 => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
        other => return Err(bad(format!("member '{shown}' is packed by the unknown method {other}"))),
    };
    let mut contents =
        Checked { inner: contents, left: member.size, crc: flate2::Crc::new(), wanted: member.crc };
    match kind {
        0o120_000 => {
            if member.size > MAX_TARGET {
                return Err(bad(format!("symlink '{path}' has an invalid target")));
            }
            let mut target = Vec::new();
            contents.read_to_end(&mut target).map_err(io_error)?;
            if !firn_nar::is_valid_target(&target) {
                return Err(bad(format!("symlink '{path}' has an invalid target")));
            }
            sink.symlink(&path, &target)
        }
        0 | 0o100_000 => sink.file(&path, member.mode & 0o100 != 0, member.size, &mut contents),
        other => Err(SourceError::UnsupportedMember { path: path.to_string(), kind: format!("{other:o}") }),
    }
}

/// Gives exactly as many bytes as the list says, with the checksum that it says, or fails.
struct Checked<R> {
    inner: R,
    left: u64,
    crc: flate2::Crc,
    wanted: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let want = self.left.min(into.len() as u64) as usize;
        if want == 0 {
            if self.left == 0 && self.crc.sum() != self.wanted {
                return Err(wrong("a member's checksum is wrong"));
            }
            return Ok(0);
        }
        let n = self.inner.read(&mut into[..want])?;
        if n == 0 {
            return Err(wrong("archive ends within a file"));
        }
        self.crc.update(&into[..n]);
        self.left -= n as u64;
        Ok(n)
    }
}

/// Reads the list of members at the archive's end.
fn list(input: &mut (impl Read + Seek), limits: &TarLimits) -> Result<Vec<Member>, SourceError> {
    let length = input.seek(SeekFrom::End(0)).map_err(io_error)?;
    let from = length.saturating_sub(MAX_END);
    let tail = read_at(input, from, length - from)?;
    let no_end = || bad("it has no list of members");
    let at = (0..tail.len().saturating_sub(21))
        .rev()
        .find(|at| tail[*at..].starts_with(&END.to_le_bytes()))
        .ok_or_else(no_end)?;
    let mut fields = Fields(&tail[at + 10..]);
    let (mut count, mut size, mut start) =
        (|| Some((u64::from(fields.u16()?), u64::from(fields.u32()?), u64::from(fields.u32()?))))()
            .ok_or_else(no_end)?;
    if count == 0xffff || size == 0xffff_ffff || start == 0xffff_ffff {
        if let Some(found) = end64(input, from + at as u64)? {
            (count, size, start) = found;
        }
    }
    if count > limits.members {
        return Err(SourceError::ArchiveTooLarge { what: "members", limit: limits.members });
    }
    if size > MAX_LIST || start.checked_add(size).is_none_or(|end| end > length) {
        return Err(no_end());
    }
    let list = read_at(input, start, size)?;
    let mut fields = Fields(&list);
    let mut members = Vec::new();
    for _ in 0..count {
        members.push(member(&mut fields).ok_or_else(|| bad("its list of members is malformed"))?);
    }
    Ok(members)
}

/// The end record of large archives, which a locator right before the usual one names.
fn end64(input: &mut (impl Read + Seek), end: u64) -> Result<Option<(u64, u64, u64)>, SourceError> {
    let Some(locator) = end.checked_sub(20) else { return Ok(None) };
    let locator = read_at(input, locator, 20)?;
    let mut fields = Fields(&locator);
    if fields.u32() != Some(LOCATOR64) {
        return Ok(None);
    }
    fields.take(4);
    let Some(at) = fields.number(8) else { return Ok(None) };
    let record = read_at(input, at, 56)?;
    let mut fields = Fields(&record);
    if fields.u32() != Some(END64) {
        return Ok(None);
    }
    fields.take(28);
    Ok((|| Some((fields.number(8)?, fields.number(8)?, fields.number(8)?)))())
}

fn read_at(input: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, SourceError> {
    input.seek(SeekFrom::Start(at)).map_err(io_error)?;
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes).map_err(io_error)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(bad("it is too short")) }
}

fn member(fields: &mut Fields<'_>) -> Option<Member> {
    if fields.u32()? != CENTRAL {
        return None;
    }
    let made_by = fields.u16()?;
    fields.take(2)?;
    let (flags, method) = (fields.u16()?, fields.u16()?);
    let (time, date) = (fields.u16()?, fields.u16()?);
    let crc = fields.u32()?;
    let (mut packed, mut size) = (u64::from(fields.u32()?), u64::from(fields.u32()?));
    let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
    fields.take(4)?;
    let attributes = fields.u32()?;
    let mut header = u64::from(fields.u32()?);
    let name = fields.take(name.into())?.to_vec();
    let mut extra = Fields(fields.take(extra.into())?);
    fields.take(comment.into())?;
    let mut seconds = dos_time(date, time);
    while let Some(id) = extra.u16() {
        let length = extra.u16()?;
        let mut field = Fields(extra.take(length.into())?);
        match id {
            1 => {
                for value in [&mut size, &mut packed, &mut header] {
                    if *value == 0xffff_ffff {
                        *value = field.number(8)?;
                    }
                }
            }
            0x5455 => {
                let flags = field.number(1)?;
                if flags & 1 != 0 {
                    seconds = i64::from(field.u32()? as i32);
                }
            }
            _ => {}
        }
    }
    // Other systems than Unix say nothing of modes.
    let mode = if made_by >> 8 == 3 { attributes >> 16 } else { 0o644 };
    Some(Member { name, flags, method, packed, size, crc, header, mode, time: seconds })
}

/// The time of old DOS, which knows no zones, as seconds since 1970.
fn dos_time(date: u16, time: u16) -> i64 {
    let (year, month, day) = (i64::from(date >> 9) + 1980, i64::from(date >> 5 & 15), i64::from(date & 31));
    // Days since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let y = if month <= 2 { year - 1 } else { year };
    let (era, shifted) = (y.div_euclid(400), (month + 9) % 12);
    let (yoe, doy) = (y - era * 400, (153 * shifted + 2) / 5 + day - 1);
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    days * 86_400 + i64::from(time >> 11) * 3600 + i64::from(time >> 5 & 63) * 60 + i64::from(time & 31) * 2
}
