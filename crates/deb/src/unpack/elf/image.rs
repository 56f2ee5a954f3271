//! Reading of 64-bit little-endian ELF files, as far as relocating needs it. Every offset is checked against the length of the file.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

pub(super) const HEADER_SIZE: usize = 64;
pub(super) const SEGMENT_SIZE: usize = 56;
pub(super) const SECTION_SIZE: usize = 64;

pub(super) const PT_LOAD: u32 = 1;
pub(super) const PT_DYNAMIC: u32 = 2;
pub(super) const PT_INTERP: u32 = 3;
pub(super) const PT_NOTE: u32 = 4;
pub(super) const PT_PHDR: u32 = 6;
pub(super) const PT_GNU_PROPERTY: u32 = 0x6474_e553;

pub(super) const SHT_STRTAB: u32 = 3;
pub(super) const SHT_DYNAMIC: u32 = 6;
pub(super) const SHT_NOTE: u32 = 7;
pub(super) const SHT_NOBITS: u32 = 8;
pub(super) const SHF_ALLOC: u64 = 2;

pub(super) const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
pub(super) const DT_STRTAB: u64 = 5;
pub(super) const DT_STRSZ: u64 = 10;
pub(super) const DT_RPATH: u64 = 15;
pub(super) const DT_RUNPATH: u64 = 29;

/// Bounds: entries of tables, and bytes of the string table and of one note segment.
const MAX_SEGMENTS: usize = 1000;
const MAX_SECTIONS: usize = 65_535;
const MAX_DYNAMIC: usize = 65_536;
const MAX_STRINGS: u64 = 256 << 20;
const MAX_NOTE: u64 = 1 << 20;
/// The type of the notes that say which libraries are loaded by name (systemd's "ELF dlopen metadata").
const NOTE_DLOPEN: u32 = 0x407c_0c0a;

/// A program header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) offset: u64,
    pub(super) address: u64,
    pub(super) file_size: u64,
    pub(super) memory_size: u64,
    pub(super) align: u64,
}

/// The fields of a section header that count here, with all its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    pub(super) kind: u32,
    pub(super) flags: u64,
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) raw: [u8; SECTION_SIZE],
}

/// A dynamic ELF file.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) header: [u8; HEADER_SIZE],
    pub(super) length: u64,
    pub(super) segments_at: u64,
    pub(super) segments: Vec<Segment>,
    pub(super) sections_at: u64,
    pub(super) sections: Vec<Section>,
    /// Tag and value, with the empty entries at the end.
    pub(super) dynamic: Vec<(u64, u64)>,
    pub(super) strings_at: u64,
    pub(super) strings: Vec<u8>,
    /// Content of note segments by their index among the segments.
    pub(super) notes: Vec<(usize, Vec<u8>)>,
    /// The libraries that it needs.
    pub(super) needed: Vec<String>,
    /// The libraries that it says it loads by name.
    pub(super) loaded: Vec<String>,
    /// The run path that it has.
    pub(super) run_path: Option<String>,
}

impl Image {
    /// Reads a file. Gives nothing for what needs no relocation: other machines, relocatable objects, static programs.
    pub(super) fn read(file: &File) -> Result<Option<Image>, String> {
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        let mut header = [0; HEADER_SIZE];
        if length < HEADER_SIZE as u64 || file.read_exact_at(&mut header, 0).is_err() {
            return Ok(None);
        }
        let kind = u16_at(&header, 16);
        // 64 bits, little endian, x86-64; an executable or a shared object.
        if header[4] != 2 || header[5] != 1 || u16_at(&header, 18) != 62 || !matches!(kind, 2 | 3) {
            return Ok(None);
        }
        let (segments_at, count) = (u64_at(&header, 32), usize::from(u16_at(&header, 56)));
        if usize::from(u16_at(&header, 54)) != SEGMENT_SIZE || count == 0 || count > MAX_SEGMENTS {
            return Ok(None);
        }
        let bytes = read(file, segments_at, (count * SEGMENT_SIZE) as u64, length, "program headers")?;
        let segments: Vec<Segment> = bytes.chunks_exact(SEGMENT_SIZE).map(Segment::parse).collect();
        let Some(at) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) else { return Ok(None) };
        let entries = (at.file_size / 16).min(MAX_DYNAMIC as u64);
        let bytes = read(file, at.offset, entries * 16, length, "dynamic section")?;
        let dynamic: Vec<(u64, u64)> =
            bytes.chunks_exact(16).map(|entry| (u64_at(entry, 0), u64_at(entry, 8))).collect();
        let used =
            dynamic.iter().position(|(tag, _)| *tag == DT_NULL).ok_or("its dynamic section has no end")?;
        let value =
            |wanted: u64| dynamic[..used].iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let interpreter = segments.iter().any(|segment| segment.kind == PT_INTERP);
        if value(DT_NEEDED).is_none() && !interpreter {
            return Ok(None);
        }
        let strings_address = value(DT_STRTAB).ok_or("it has no string table")?;
        let strings_size =
            value(DT_STRSZ).filter(|size| *size <= MAX_STRINGS).ok_or("its string table has no size")?;
        let strings_at =
            file_offset(&segments, strings_address).ok_or("its string table is not in the file")?;
        let strings = read(file, strings_at, strings_size, length, "string table")?;
        let text = |offset: u64| -> Result<String, String> {
            let rest = usize::try_from(offset).ok().and_then(|offset| strings.get(offset..));
            let end = rest.and_then(|rest| memchr::memchr(0, rest));
            let bytes = rest
                .zip(end)
                .map(|(rest, end)| &rest[..end])
                .ok_or("a name in it is not in the string table")?;
            String::from_utf8(bytes.to_vec()).map_err(|_| "a name in it is not UTF-8".to_owned())
        };
        let needed =
            dynamic[..used].iter().filter(|(tag, _)| *tag == DT_NEEDED).map(|(_, value)| text(*value));
        let needed = needed.collect::<Result<Vec<_>, _>>()?;
        let run_path = value(DT_RUNPATH).or_else(|| value(DT_RPATH)).map(&text).transpose()?;
        let mut image = Image {
            header,
            length,
            segments_at,
            segments,
            sections_at: u64_at(&header, 40),
            sections: Vec::new(),
            dynamic,
            strings_at: strings_address,
            strings,
            notes: Vec::new(),
            needed,
            loaded: Vec::new(),
            run_path,
        };
        image.read_sections(file)?;
        image.read_notes(file)?;
        Ok(Some(image))
    }

    /// Tells whether a dynamic linker is named.
    pub(super) fn has_interpreter(&self) -> bool {
        self.segments.iter().any(|segment| segment.kind == PT_INTERP)
    }

    fn read_sections(&mut self, file: &File) -> Result<(), String> {
        let count = usize::from(u16_at(&self.header, 60));
        if self.sections_at == 0 || count == 0 || usize::from(u16_at(&self.header, 58)) != SECTION_SIZE {
            return Ok(());
        }
        let size = (count.min(MAX_SECTIONS) * SECTION_SIZE) as u64;
        let bytes = read(file, self.sections_at, size, self.length, "section headers")?;
        self.sections = bytes.chunks_exact(SECTION_SIZE).map(Section::parse).collect();
        Ok(())
    }

    fn read_notes(&mut self, file: &File) -> Result<(), String> {
        for (index, segment) in
            self.segments.iter().enumerate().filter(|(_, segment)| segment.kind == PT_NOTE)
        {
            if segment.file_size <= MAX_NOTE {
                let bytes = read(file, segment.offset, segment.file_size, self.length, "note")?;
                self.loaded.extend(libraries_loaded(&bytes, segment.align));
                self.notes.push((index, bytes));
            }
        }
        Ok(())
    }
}

impl Segment {
    fn parse(bytes: &[u8]) -> Segment {
        Segment {
            kind: u32_at(bytes, 0),
            flags: u32_at(bytes, 4),
            offset: u64_at(bytes, 8),
            address: u64_at(bytes, 16),
            file_size: u64_at(bytes, 32),
            memory_size: u64_at(bytes, 40),
            align: u64_at(bytes, 48),
        }
    }

    /// The bytes of the header; the physical address is the virtual one, as in every file of this kind.
    pub(super) fn render(&self) -> [u8; SEGMENT_SIZE] {
        let mut bytes = [0; SEGMENT_SIZE];
        bytes[..4].copy_from_slice(&self.kind.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.flags.to_le_bytes());
        let words = [self.offset, self.address, self.address, self.file_size, self.memory_size, self.align];
        for (place, word) in bytes[8..].chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

impl Section {
    fn parse(bytes: &[u8]) -> Section {
        let mut raw = [0; SECTION_SIZE];
        raw.copy_from_slice(bytes);
        Section {
            kind: u32_at(bytes, 4),
            flags: u64_at(bytes, 8),
            address: u64_at(bytes, 16),
            offset: u64_at(bytes, 24),
            size: u64_at(bytes, 32),
            raw,
        }
    }
}

/// The place in the file of an address in memory.
fn file_offset(segments: &[Segment], address: u64) -> Option<u64> {
    let inside = |segment: &&Segment| {
        segment.kind == PT_LOAD
            && address.checked_sub(segment.address).is_some_and(|at| at < segment.file_size)
    };
    let segment = segments.iter().find(inside)?;
    segment.offset.checked_add(address - segment.address)
}

fn read(file: &File, offset: u64, size: u64, length: u64, what: &str) -> Result<Vec<u8>, String> {
    if offset.checked_add(size).is_none_or(|end| end > length) {
        return Err(format!("its {what} ends behind the file"));
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(|error| error.to_string())?];
    file.read_exact_at(&mut bytes, offset).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// The names in the `.note.dlopen` notes of a note segment: `[{"soname":["libkmod.so.2"],"priority":"suggested",…}]`.
fn libraries_loaded(notes: &[u8], align: u64) -> Vec<String> {
    let pad = |size: usize| size.next_multiple_of(if align == 8 { 8 } else { 4 });
    let (mut names, mut rest) = (Vec::new(), notes);
    while rest.len() >= 12 {
        let (name, size, kind) = (u32_at(rest, 0) as usize, u32_at(rest, 4) as usize, u32_at(rest, 8));
        let from = 12usize.saturating_add(name.min(notes.len())).next_multiple_of(4);
        let Some(content) = from.checked_add(size).and_then(|end| rest.get(from..end)) else { break };
        if kind == NOTE_DLOPEN {
            let content = content.split(|byte| *byte == 0).next().unwrap_or_default();
            let features: Vec<serde_json::Value> = serde_json::from_slice(content).unwrap_or_default();
            let sonames = features.iter().filter_map(|feature| feature.get("soname")?.as_array());
            names.extend(sonames.flatten().filter_map(|name| name.as_str().map(str::to_owned)));
        }
        rest = rest.get(pad(from + size)..).unwrap_or_default();
    }
    names
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_name_libraries() {
        let json = br#"[{"feature":"kmod","priority":"suggested","soname":["libkmod.so.2","libkmod.so.1"]}]"#;
        let mut note = Vec::new();
        for word in [4, u32::try_from(json.len()).unwrap() + 1, NOTE_DLOPEN] {
            note.extend(word.to_le_bytes());
        }
        note.extend(b"FDO\0");
        note.extend(json);
        note.push(0);
        note.resize(note.len().next_multiple_of(4), 0);
        let twice = [note.clone(), note.clone()].concat();
        assert_eq!(
            libraries_loaded(&twice, 4),
            ["libkmod.so.2", "libkmod.so.1", "libkmod.so.2", "libkmod.so.1"]
        );
        for end in 0..note.len() {
            libraries_loaded(&note[..end], 4);
        }
        assert!(libraries_loaded(&[0xff; 64], 8).is_empty());
    }
}
