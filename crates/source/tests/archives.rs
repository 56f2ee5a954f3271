//! Tar archives: good ones unpacked everywhere, hostile ones refused.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};

use firn_source::{
    Accessor, CanonPath, Compression, FsAccessor, FsSink, Kind, MemAccessor, SourceError, TarLimits,
    decompress, dump_nar, unpack_tar,
};
use tar::{EntryType, Header};

/// Builds an archive by hand, so that anything can be in it.
#[derive(Default)]
struct Maker(Vec<u8>);

impl Maker {
    fn member(mut self, name: &str, kind: EntryType, mode: u32, link: &str, contents: &[u8]) -> Maker {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(1_700_000_000);
        header.set_size(contents.len() as u64);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(contents);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, name: &str, contents: &str) -> Maker {
        self.member(name, EntryType::Regular, 0o644, "", contents.as_bytes())
    }

    fn symlink(self, name: &str, target: &str) -> Maker {
        self.member(name, EntryType::Symlink, 0o777, target, b"")
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}

fn good() -> Vec<u8> {
    Maker::default()
        .member("pax_global_header", EntryType::XGlobalHeader, 0o644, "", b"30 comment=0123456789abcdef01\n")
        .member("top/", EntryType::Directory, 0o755, "", b"")
        .file("top/readme", "hello")
        .member("top/bin/run", EntryType::Regular, 0o755, "", b"#!")
        .symlink("top/away", "/etc/passwd")
        .member("top/same", EntryType::Link, 0o644, "top/readme", b"")
        .file("/absolute", "x")
        .file("./top/readme", "hello again")
        .end()
}

fn nar(accessor: &dyn Accessor) -> Vec<u8> {
    let mut out = Vec::new();
    dump_nar::<SourceError>(accessor, &CanonPath::root(), &mut out, None).unwrap();
    out
}

fn unpack_both(
    archive: &[u8],
) -> (Result<MemAccessor, SourceError>, Result<FsAccessor, SourceError>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut memory = MemAccessor::new();
    let in_memory = unpack_tar(archive, &mut memory, &TarLimits::default()).map(|_| memory);
    let root = dir.path().join("in/side");
    let mut sink = FsSink::new(&root).unwrap();
    let on_disk =
        unpack_tar(archive, &mut sink, &TarLimits::default()).map(|_| FsAccessor::new(&root).unwrap());
    (in_memory, on_disk, dir)
}

#[test]
fn good_archives_unpack_alike_to_memory_and_disk() {
    let (memory, disk, dir) = unpack_both(&good());
    let memory = memory.unwrap();
    assert_eq!(nar(&memory), nar(&disk.unwrap()));
    let path = |text: &str| CanonPath::new(text).unwrap();
    assert_eq!(memory.read_file(&path("top/same")).unwrap(), b"hello");
    assert_eq!(memory.read_file(&path("top/readme")).unwrap(), b"hello again");
    assert_eq!(memory.read_file(&path("absolute")).unwrap(), b"x");
    assert!(memory.stat(&path("top/bin/run")).unwrap().unwrap().executable);
    assert_eq!(memory.stat(&path("top/away")).unwrap().unwrap().kind, Kind::Symlink);
    let unpacked = unpack_tar(&good()[..], &mut MemAccessor::new(), &TarLimits::default()).unwrap();
    assert_eq!((unpacked.members, unpacked.last_modified), (7, 1_700_000_000));
    drop(dir);
}

#[test]
fn every_compression_is_recognised() {
    let plain = good();
    for method in
        [Compression::None, Compression::Gzip, Compression::Bzip2, Compression::Xz, Compression::Zstd]
    {
        let mut writer = method.writer(Vec::new(), None).unwrap();
        writer.write_all(&plain).unwrap();
        let packed = writer.finish().unwrap();
        assert_eq!(Compression::detect(&packed), method);
        let mut back = Vec::new();
        decompress(packed.as_slice()).unwrap().read_to_end(&mut back).unwrap();
        assert!(back == plain, "{method}");
        // several packed parts in one file are one
        let mut twice = Vec::new();
        decompress([packed.clone(), packed].concat().as_slice()).unwrap().read_to_end(&mut twice).unwrap();
        assert!(twice == [plain.clone(), plain.clone()].concat(), "{method}");
        assert_eq!(method.name().parse::<Compression>().unwrap(), method);
    }
    let mut nothing = Vec::new();
    decompress(&b""[..]).unwrap().read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty());
}

#[test]
fn archives_cannot_write_outside() {
    let hostile = [
        Maker::default().file("../evil", "x").end(),
        Maker::default().file("a/../../evil", "x").end(),
        Maker::default().file("/../evil", "x").end(),
        Maker::default().symlink("door", "..").file("door/evil", "x").end(),
        Maker::default().symlink("door", "../..").symlink("door/evil", "x").end(),
        Maker::default()
            .symlink("door", "..")
            .member("door/evil/", EntryType::Directory, 0o755, "", b"")
            .end(),
        Maker::default().symlink("a", "b").symlink("b", "..").file("a/evil", "x").end(),
        Maker::default()
            .symlink("door", "/etc")
            .member("mine", EntryType::Link, 0o644, "door/passwd", b"")
            .end(),
        Maker::default().member("mine", EntryType::Link, 0o644, "../../../../etc/passwd", b"").end(),
    ];
    for (i, archive) in hostile.iter().enumerate() {
        let (memory, disk, dir) = unpack_both(archive);
        assert!(memory.is_err(), "{i}");
        assert!(disk.is_err(), "{i}");
        assert!(fs::symlink_metadata(dir.path().join("evil")).is_err(), "{i}");
        assert!(fs::symlink_metadata(dir.path().join("in/evil")).is_err(), "{i}");
        assert!(fs::symlink_metadata(dir.path().join("in/side/mine")).is_err(), "{i}");
    }
}

#[test]
fn a_file_in_place_of_a_symlink_does_not_write_through_it() {
    let archive = Maker::default()
        .file("victim", "untouched")
        .symlink("link", "victim")
        .file("link", "mine")
        .member("other", EntryType::Link, 0o644, "victim", b"")
        .file("other", "mine too")
        .end();
    let (memory, disk, _dir) = unpack_both(&archive);
    let (memory, disk) = (memory.unwrap(), disk.unwrap());
    assert_eq!(nar(&memory), nar(&disk));
    assert_eq!(disk.read_file(&CanonPath::new("victim").unwrap()).unwrap(), b"untouched");
}

#[test]
fn devices_and_pipes_are_refused() {
    for kind in [EntryType::Block, EntryType::Char, EntryType::Fifo] {
        let archive = Maker::default().member("dev", kind, 0o644, "", b"").end();
        let (memory, disk, _dir) = unpack_both(&archive);
        assert!(matches!(memory, Err(SourceError::UnsupportedMember { .. })));
        assert!(matches!(disk, Err(SourceError::UnsupportedMember { .. })));
    }
}

#[test]
fn limits_hold() {
    let unpack = |limits: TarLimits| unpack_tar(&good()[..], &mut MemAccessor::new(), &limits);
    let limits = TarLimits { members: 3, ..TarLimits::default() };
    assert_eq!(unpack(limits).unwrap_err().to_string(), "archive exceeds the limit of 3 members");
    let limits = TarLimits { bytes: 8, ..TarLimits::default() };
    assert_eq!(unpack(limits).unwrap_err().to_string(), "archive exceeds the limit of 8 bytes");
    let limits = TarLimits { path: 5, ..TarLimits::default() };
    assert!(unpack(limits).is_err());
}

#[test]
fn cut_archives_are_refused() {
    let archive = Maker::default().file("a", &"x".repeat(5000)).end();
    for end in [100, 600, 2000] {
        assert!(
            unpack_tar(&archive[..end], &mut MemAccessor::new(), &TarLimits::default()).is_err(),
            "{end}"
        );
    }
}

#[test]
fn huge_headers_are_refused() {
    let name = vec![b'x'; 20 << 20];
    let archive =
        Maker::default().member("long", EntryType::GNULongName, 0o644, "", &name).file("a", "").end();
    let error = unpack_tar(&archive[..], &mut MemAccessor::new(), &TarLimits::default()).unwrap_err();
    assert_eq!(error.to_string(), "failed to open archive: headers are too large");
    let files = Maker::default().file("a", &"x".repeat(9 << 20)).file("b", &"x".repeat(9 << 20)).end();
    unpack_tar(&files[..], &mut MemAccessor::new(), &TarLimits::default()).unwrap();
}
