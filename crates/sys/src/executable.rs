//! The running executable: its build ID, and how much of the file is needed to run it.
//!
//! Format: ELF, 64 bits, little endian (System V ABI), with a note of type `NT_GNU_BUILD_ID`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const NT_GNU_BUILD_ID: u32 = 3;
/// No executable of ours has more program headers than this.
const MAX_HEADERS: u16 = 64;
/// No section of notes of ours is longer than this, in bytes.
const MAX_NOTES: u64 = 64 * 1024;

struct Segment {
    kind: u32,
    offset: u64,
    size: u64,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The program headers, and where they end.
fn segments(file: &mut (impl Read + Seek)) -> Option<(Vec<Segment>, u64)> {
    let mut header = [0; 64];
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_exact(&mut header).ok()?;
    if &header[..6] != b"\x7fELF\x02\x01" {
        return None;
    }
    let (offset, size, count) = (u64_at(&header, 32)?, u16_at(&header, 54)?, u16_at(&header, 56)?);
    if size != 56 || count > MAX_HEADERS {
        return None;
    }
    let length = u64::from(size) * u64::from(count);
    let mut table = vec![0; usize::try_from(length).ok()?];
    file.seek(SeekFrom::Start(offset)).ok()?;
    file.read_exact(&mut table).ok()?;
    let segments = table
        .chunks_exact(56)
        .map(|h| Some(Segment { kind: u32_at(h, 0)?, offset: u64_at(h, 8)?, size: u64_at(h, 32)? }))
        .collect::<Option<Vec<_>>>()?;
    Some((segments, offset.checked_add(length)?))
}

/// The build ID of an executable, in hexadecimal digits; none if it has none or is no such file.
pub fn build_id_of(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let (segments, _) = segments(&mut file)?;
    for note in segments.iter().filter(|s| s.kind == PT_NOTE && s.size <= MAX_NOTES) {
        let mut bytes = vec![0; usize::try_from(note.size).ok()?];
        file.seek(SeekFrom::Start(note.offset)).ok()?;
        file.read_exact(&mut bytes).ok()?;
        if let Some(id) = build_id_in(&bytes) {
            return Some(id.iter().map(|b| format!("{b:02x}")).collect());
        }
    }
    None
}

/// Finds the build ID among notes: each is three words (length of name and of contents, type), name and contents padded to 4.
fn build_id_in(mut notes: &[u8]) -> Option<&[u8]> {
    while notes.len() >= 12 {
        let name = usize::try_from(u32_at(notes, 0)?).ok()?;
        let size = usize::try_from(u32_at(notes, 4)?).ok()?;
        let kind = u32_at(notes, 8)?;
        let from = 12usize.checked_add(name.checked_next_multiple_of(4)?)?;
        let contents = notes.get(from..from.checked_add(size)?)?;
        if kind == NT_GNU_BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
            return Some(contents);
        }
        notes = notes.get(from.checked_add(size.checked_next_multiple_of(4)?)?..)?;
    }
    None
}

/// The build ID of the running executable, if it has one.
pub fn build_id() -> Option<String> {
    build_id_of(Path::new("/proc/self/exe"))
}

/// The bytes of an executable without what only debuggers read: everything behind the last part that is loaded is cut off, and
/// the header says that there are no sections. None if it is no such file.
pub fn stripped(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let (segments, headers_end) = segments(&mut file)?;
    let end = segments
        .iter()
        .filter(|s| s.kind == PT_LOAD || s.kind == PT_NOTE)
        .map(|s| s.offset.checked_add(s.size))
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .fold(headers_end, u64::max);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(end).read_to_end(&mut bytes).ok()?;
    bytes.get_mut(40..48)?.fill(0);
    bytes.get_mut(58..64)?.fill(0);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_program_is_an_executable_that_runs_without_its_sections() {
        let own = std::env::current_exe().expect("a path");
        let short = stripped(&own).expect("an executable");
        let dir = tempfile::tempdir().expect("a folder");
        let copy = dir.path().join("copy");
        std::fs::write(&copy, &short).expect("a copy");
        assert!(short.len() as u64 <= own.metadata().expect("metadata").len());
        assert_eq!(build_id_of(&copy), build_id_of(&own));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&copy, mode).expect("a mode");
        let out = std::process::Command::new(&copy).arg("--list").output().expect("it starts");
        assert!(out.status.success());
        assert!(String::from_utf8_lossy(&out.stdout).contains("without_its_sections"));
    }

    #[test]
    fn notes_are_searched_within_bounds() {
        let mut notes = Vec::new();
        for (kind, contents) in [(1u32, &b"abi."[..]), (3, &b"\x01\x02\x03"[..])] {
            notes.extend(4u32.to_le_bytes());
            notes.extend((contents.len() as u32).to_le_bytes());
            notes.extend(kind.to_le_bytes());
            notes.extend(b"GNU\0");
            notes.extend(contents);
        }
        assert_eq!(build_id_in(&notes), Some(&[1, 2, 3][..]));
        for cut in 0..notes.len() {
            assert_eq!(build_id_in(&notes[..cut]), None);
        }
        assert_eq!(build_id_in(&[0xff; 40]), None);
    }

    #[test]
    fn other_files_have_no_build_id() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("file");
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF\x02\x01"] {
            std::fs::write(&file, bytes).expect("a file");
            assert_eq!(build_id_of(&file), None);
            assert_eq!(stripped(&file), None);
        }
    }
}
