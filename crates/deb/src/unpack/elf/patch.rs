//! Planning and writing of the changes to one file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::image::{
    DT_NULL, DT_RPATH, DT_RUNPATH, DT_STRSZ, DT_STRTAB, Image, PT_DYNAMIC, PT_GNU_PROPERTY, PT_INTERP,
    PT_LOAD, PT_NOTE, PT_PHDR, SECTION_SIZE, SEGMENT_SIZE, SHF_ALLOC, SHT_DYNAMIC, SHT_NOBITS, SHT_NOTE,
    SHT_STRTAB, Section, Segment,
};

const PAGE: u64 = 4096;
const READ: u32 = 4;
const WRITE: u32 = 2;

/// Writes by offset; disjoint.
#[derive(Debug)]
pub(super) struct Patch {
    writes: BTreeMap<u64, Vec<u8>>,
}

/// The new segment while it grows.
struct Appendix {
    offset: u64,
    address: u64,
    bytes: Vec<u8>,
}

impl Appendix {
    /// Adds bytes at an alignment and gives their place.
    fn add(&mut self, bytes: &[u8], align: usize) -> Place {
        self.bytes.resize(self.bytes.len().next_multiple_of(align), 0);
        let at = self.bytes.len() as u64;
        self.bytes.extend(bytes);
        Place { offset: self.offset + at, address: self.address + at, size: bytes.len() as u64 }
    }
}

/// Where something is, in the file and in memory.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    address: u64,
    size: u64,
}

impl Patch {
    /// Plans the changes that set the interpreter and the run path, of which at least one is given.
    pub(super) fn plan(
        image: &Image,
        interpreter: Option<&str>,
        run_path: Option<&str>,
    ) -> Result<Patch, String> {
        let end = image.segments.iter().filter(|segment| segment.kind == PT_LOAD);
        let end = end.map(|segment| segment.address.saturating_add(segment.memory_size)).max();
        let end = end.filter(|end| *end < 1 << 46).ok_or("its segments have no sensible addresses")?;
        let offset = image.length.next_multiple_of(16);
        // The segment begins in the middle of a page of the file, and at the same place in a fresh page of memory.
        let address = end.next_multiple_of(PAGE) + offset % PAGE;
        let mut new = Appendix { offset, address, bytes: Vec::new() };
        let mut edit =
            Edit { segments: image.segments.clone(), sections: image.sections.clone(), flags: READ };
        if let Some(interpreter) = interpreter {
            edit.move_interpreter(&mut new, interpreter);
        }
        let mut writes = BTreeMap::new();
        if let Some(run_path) = run_path {
            let dynamic = edit.set_run_path(image, &mut new, run_path);
            if let Some((at, bytes)) = dynamic {
                writes.insert(at, bytes);
            }
        }
        edit.make_room(image, &mut new)?;
        // Nothing may be added to the segment from here on.
        let size = new.bytes.len() as u64;
        let segment = Segment {
            kind: PT_LOAD,
            flags: edit.flags,
            offset,
            address,
            file_size: size,
            memory_size: size,
            align: PAGE,
        };
        edit.insert(segment);
        let mut header = image.header;
        let count = u16::try_from(edit.segments.len()).map_err(|_| "it has too many segments")?;
        header[56..58].copy_from_slice(&count.to_le_bytes());
        writes.insert(0, header.to_vec());
        writes.insert(image.segments_at, edit.segments.iter().flat_map(Segment::render).collect());
        if !edit.sections.is_empty() {
            writes.insert(image.sections_at, edit.sections.iter().flat_map(render_section).collect());
        }
        writes.insert(offset, new.bytes);
        Ok(Patch { writes })
    }

    /// Writes the changes.
    pub(super) fn apply(&self, file: &File) -> io::Result<()> {
        self.writes.iter().try_for_each(|(offset, bytes)| file.write_all_at(bytes, *offset))
    }
}

/// The headers while they change.
struct Edit {
    segments: Vec<Segment>,
    sections: Vec<Section>,
    flags: u32,
}

impl Edit {
    fn move_interpreter(&mut self, new: &mut Appendix, interpreter: &str) {
        let place = new.add(&[interpreter.as_bytes(), b"\0"].concat(), 1);
        for segment in self.segments.iter_mut().filter(|segment| segment.kind == PT_INTERP) {
            for section in &mut self.sections {
                if section.offset == segment.offset
                    && section.flags & SHF_ALLOC != 0
                    && section.size == segment.file_size
                {
                    move_section(section, place);
                }
            }
            move_segment(segment, place);
        }
    }

    /// Appends the string table with the run path and points the dynamic section to it; gives the dynamic section if it stays.
    fn set_run_path(&mut self, image: &Image, new: &mut Appendix, run_path: &str) -> Option<(u64, Vec<u8>)> {
        let strings = [&image.strings, run_path.as_bytes(), b"\0"].concat();
        let place = new.add(&strings, 8);
        for section in &mut self.sections {
            if section.kind == SHT_STRTAB
                && section.flags & SHF_ALLOC != 0
                && section.address == image.strings_at
            {
                move_section(section, place);
            }
        }
        let capacity = image.dynamic.len();
        let mut entries: Vec<(u64, u64)> =
            image.dynamic.iter().copied().take_while(|(tag, _)| *tag != DT_NULL).collect();
        entries.retain(|(tag, _)| !matches!(*tag, DT_RPATH | DT_RUNPATH));
        for (tag, value) in &mut entries {
            match *tag {
                DT_STRTAB => *value = place.address,
                DT_STRSZ => *value = place.size,
                _ => {}
            }
        }
        entries.push((DT_RUNPATH, image.strings.len() as u64));
        let stays = entries.len() < capacity;
        entries.resize(capacity.max(entries.len() + 1), (DT_NULL, 0));
        let bytes: Vec<u8> = entries
            .iter()
            .flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()])
            .flatten()
            .collect();
        let at = self.segments.iter().position(|segment| segment.kind == PT_DYNAMIC)?;
        if stays {
            return Some((self.segments[at].offset, bytes));
        }
        // The dynamic linker writes into it (DT_DEBUG), so the new segment must be writable then.
        self.flags |= WRITE;
        let place = new.add(&bytes, 16);
        move_segment(&mut self.segments[at], place);
        self.sections
            .iter_mut()
            .filter(|section| section.kind == SHT_DYNAMIC)
            .for_each(|section| move_section(section, place));
        None
    }

    /// Frees the bytes behind the table of program headers for one more entry.
    fn make_room(&mut self, image: &Image, new: &mut Appendix) -> Result<(), String> {
        let from = image.segments_at + (self.segments.len() * SEGMENT_SIZE) as u64;
        let to = from + SEGMENT_SIZE as u64;
        let in_the_way = |offset: u64, size: u64| offset < to && offset.saturating_add(size) > from;
        // What is there now: sections tell, in files that have them. Moved ones are out of the way already.
        let blocked = |section: &&Section| {
            section.flags & SHF_ALLOC != 0
                && section.kind != SHT_NOBITS
                && in_the_way(section.offset, section.size)
        };
        let only_notes = self.sections.iter().filter(blocked).all(|section| section.kind == SHT_NOTE);
        let in_first_segment = self
            .segments
            .iter()
            .any(|segment| segment.kind == PT_LOAD && segment.offset == 0 && segment.file_size >= to);
        if self.sections.is_empty() || !only_notes || !in_first_segment {
            return self.give_up_a_note();
        }
        let notes: Vec<usize> = (self.segments.iter().enumerate())
            .filter(|(_, segment)| segment.kind == PT_NOTE && in_the_way(segment.offset, segment.file_size))
            .map(|(index, _)| index)
            .collect();
        for index in notes {
            let old = self.segments[index];
            let Some((_, bytes)) = image.notes.iter().find(|(other, _)| *other == index) else {
                return self.give_up_a_note();
            };
            let place = new.add(bytes, 8);
            let inside = |offset: u64, size: u64| {
                offset >= old.offset && offset.saturating_add(size) <= old.offset + old.file_size
            };
            let moved = |offset: u64, size: u64| Place {
                offset: place.offset + (offset - old.offset),
                address: place.address + (offset - old.offset),
                size,
            };
            for segment in &mut self.segments {
                let note = matches!(segment.kind, PT_NOTE | PT_GNU_PROPERTY);
                if note && inside(segment.offset, segment.file_size) {
                    let to = moved(segment.offset, segment.file_size);
                    move_segment(segment, to);
                }
            }
            for section in &mut self.sections {
                if section.kind == SHT_NOTE && inside(section.offset, section.size) {
                    let to = moved(section.offset, section.size);
                    move_section(section, to);
                }
            }
        }
        // A note section that no segment covers would be overwritten.
        let blocked = self.sections.iter().any(|section| {
            section.flags & SHF_ALLOC != 0
                && section.kind != SHT_NOBITS
                && in_the_way(section.offset, section.size)
        });
        if blocked { self.give_up_a_note() } else { Ok(()) }
    }

    /// Where nothing can move, the entry of a note is taken: its content stays, only nobody finds it at run time any more.
    fn give_up_a_note(&mut self) -> Result<(), String> {
        let loads = self.segments.iter().rposition(|segment| segment.kind == PT_LOAD).unwrap_or(0);
        let spare = [PT_GNU_PROPERTY, PT_NOTE].into_iter().find_map(|kind| {
            let at = self.segments.iter().rposition(|segment| segment.kind == kind);
            at.filter(|at| *at > loads)
        });
        match spare {
            Some(at) => drop(self.segments.remove(at)),
            None => return Err("there is no room for another program header".to_owned()),
        }
        Ok(())
    }

    /// Enters a loadable segment behind the others: they must be in the order of their addresses.
    fn insert(&mut self, segment: Segment) {
        let last =
            self.segments.iter().rposition(|segment| segment.kind == PT_LOAD).map_or(0, |last| last + 1);
        self.segments.insert(last, segment);
        let size = (self.segments.len() * SEGMENT_SIZE) as u64;
        for table in self.segments.iter_mut().filter(|segment| segment.kind == PT_PHDR) {
            (table.file_size, table.memory_size) = (size, size);
        }
    }
}

fn move_segment(segment: &mut Segment, to: Place) {
    (segment.offset, segment.address) = (to.offset, to.address);
    (segment.file_size, segment.memory_size) = (to.size, to.size);
}

fn move_section(section: &mut Section, to: Place) {
    (section.offset, section.address, section.size) = (to.offset, to.address, to.size);
}

fn render_section(section: &Section) -> [u8; SECTION_SIZE] {
    let mut raw = section.raw;
    raw[16..24].copy_from_slice(&section.address.to_le_bytes());
    raw[24..32].copy_from_slice(&section.offset.to_le_bytes());
    raw[32..40].copy_from_slice(&section.size.to_le_bytes());
    raw
}
