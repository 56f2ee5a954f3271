//! Archives written and read again, and malformed ones refused.

#![allow(clippy::unwrap_used)]

use std::io::Read;

use firn_nar::{Event, Limits, Listing, NarError, NarReader, NarWriter, copy, write_file};
use proptest::prelude::*;

/// A tree to write and to compare with.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    File(bool, Vec<u8>),
    Link(Vec<u8>),
    Dir(std::collections::BTreeMap<Vec<u8>, Tree>),
}

fn write(tree: &Tree, writer: &mut NarWriter<Vec<u8>>) {
    match tree {
        Tree::File(executable, contents) => {
            writer.file(*executable, contents.len() as u64, &mut contents.as_slice()).unwrap();
        }
        Tree::Link(target) => writer.symlink(target).unwrap(),
        Tree::Dir(entries) => {
            writer.start_directory().unwrap();
            for (name, child) in entries {
                writer.entry(name).unwrap();
                write(child, writer);
            }
            writer.end_directory().unwrap();
        }
    }
}

fn read(reader: &mut NarReader<&[u8]>) -> Tree {
    match reader.next_event().unwrap().unwrap() {
        Event::File { executable, .. } => {
            let mut contents = Vec::new();
            reader.read_to_end(&mut contents).unwrap();
            Tree::File(executable, contents)
        }
        Event::Symlink(target) => Tree::Link(target.to_vec()),
        Event::StartDirectory => {
            let mut entries = std::collections::BTreeMap::new();
            while let Event::Entry(name) = reader.next_event().unwrap().unwrap() {
                let name = name.to_vec();
                entries.insert(name, read(reader));
            }
            Tree::Dir(entries)
        }
        other => panic!("{other:?}"),
    }
}

fn archive(tree: &Tree) -> Vec<u8> {
    let mut writer = NarWriter::new(Vec::new());
    write(tree, &mut writer);
    writer.finish().unwrap()
}

fn dir(entries: &[(&str, Tree)]) -> Tree {
    Tree::Dir(entries.iter().map(|(name, tree)| (name.as_bytes().to_vec(), tree.clone())).collect())
}

/// Words as they stand in an archive.
fn words(words: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in words {
        out.extend_from_slice(&(word.len() as u64).to_le_bytes());
        out.extend_from_slice(word.as_bytes());
        while out.len() % 8 != 0 {
            out.push(0);
        }
    }
    out
}

fn error_of(archive: &[u8]) -> String {
    NarReader::new(archive).finish().map(|_| ()).unwrap_err().to_string()
}

#[test]
fn the_words_are_those_of_the_format() {
    let tree = dir(&[
        ("a", Tree::File(true, b"x".to_vec())),
        ("b", Tree::Link(b"a".to_vec())),
        ("c", Tree::File(false, Vec::new())),
    ]);
    let expected = words(&[
        "nix-archive-1",
        "(",
        "type",
        "directory",
        "entry",
        "(",
        "name",
        "a",
        "node",
        "(",
        "type",
        "regular",
        "executable",
        "",
        "contents",
        "x",
        ")",
        ")",
        "entry",
        "(",
        "name",
        "b",
        "node",
        "(",
        "type",
        "symlink",
        "target",
        "a",
        ")",
        ")",
        "entry",
        "(",
        "name",
        "c",
        "node",
        "(",
        "type",
        "regular",
        "contents",
        "",
        ")",
        ")",
        ")",
    ]);
    assert_eq!(archive(&tree), expected);
    assert_eq!(write_file(Vec::new(), b"x").unwrap(), archive(&Tree::File(false, b"x".to_vec())));
}

#[test]
fn reading_stops_at_the_end_of_the_archive() {
    let mut bytes = write_file(Vec::new(), b"hello").unwrap();
    bytes.extend_from_slice(b"what follows");
    let rest = NarReader::new(bytes.as_slice()).finish().unwrap();
    assert_eq!(rest, b"what follows");
}

#[test]
fn malformed_archives_are_refused() {
    let start = ["nix-archive-1", "(", "type", "directory"];
    let file = ["(", "type", "regular", "contents", "", ")", ")"];
    let named = |names: &[&str]| {
        let mut all = start.to_vec();
        for name in names {
            all.extend_from_slice(&["entry", "(", "name", name, "node"]);
            all.extend_from_slice(&file);
        }
        all.push(")");
        words(&all)
    };
    assert!(NarReader::new(named(&["a", "b"]).as_slice()).finish().is_ok());
    for (names, error) in [
        (&["b", "a"][..], "bad archive: NAR directory is not sorted"),
        (&["a", "a"], "bad archive: NAR directory is not sorted"),
        (&["."], "bad archive: NAR contains invalid file name '.'"),
        (&[".."], "bad archive: NAR contains invalid file name '..'"),
        (&[""], "bad archive: NAR contains invalid file name ''"),
        (&["x/y"], "bad archive: NAR contains invalid file name 'x/y'"),
        (&["x\0y"], "bad archive: NAR contains invalid file name 'x\0y'"),
        (&["a".repeat(256).as_str()], "string is too long"),
    ] {
        assert_eq!(error_of(&named(names)), error);
    }
    let magic = "nix-archive-1";
    for (tags, error) in [
        (&["nix-archive-2"][..], "bad archive: input doesn't look like a Nix archive"),
        (&[magic, "x"], "bad archive: expected tag '(', got 'x'"),
        (&[magic, "(", "type", "pipe"], "bad archive: unknown file type 'pipe'"),
        (&[magic, "(", "type", "regular", "contents", "x", "]"], "bad archive: expected tag ')', got ']'"),
        (
            &[magic, "(", "type", "regular", "executable", "yes"],
            "bad archive: executable marker has non-empty value",
        ),
        (
            &[magic, "(", "type", "regular", "executable", "", "x"],
            "bad archive: expected tag 'contents', got 'x'",
        ),
        (&[magic, "(", "type", "symlink", "target", ""], "bad archive: NAR contains invalid symlink target"),
        (&[magic, "(", "type", "directory", "x"], "bad archive: expected tag 'entry' or ')', got 'x'"),
        (&[magic, "(", "type", "directory"], "unexpected end-of-file"),
        (&[], "bad archive: input doesn't look like a Nix archive"),
    ] {
        assert_eq!(error_of(&words(tags)), error);
    }
}

#[test]
fn padding_must_be_zero_and_complete() {
    let good = write_file(Vec::new(), b"abc").unwrap();
    let at = good.windows(3).position(|window| window == b"abc").unwrap();
    let mut bad = good.clone();
    bad[at + 3] = 1;
    assert_eq!(error_of(&bad), "non-zero padding");
    for end in 0..good.len() {
        assert!(NarReader::new(&good[..end]).finish().is_err(), "{end}");
    }
}

#[test]
fn a_huge_size_is_not_believed() {
    let mut bytes = words(&["nix-archive-1", "(", "type", "regular", "contents"]);
    bytes.extend_from_slice(&u64::MAX.to_le_bytes());
    bytes.extend_from_slice(b"short");
    assert_eq!(error_of(&bytes), "unexpected end-of-file");
    let limits = Limits { file_size: 10, ..Limits::default() };
    let error = NarReader::with_limits(bytes.as_slice(), limits).finish().map(|_| ()).unwrap_err();
    assert!(matches!(error, NarError::FileTooLarge { limit: 10, .. }));
}

#[test]
fn depth_is_limited_on_both_sides() {
    let nested = |levels: usize| {
        let mut tags = vec!["nix-archive-1"];
        for _ in 1..levels {
            tags.extend_from_slice(&["(", "type", "directory", "entry", "(", "name", "d", "node"]);
        }
        tags.extend_from_slice(&["(", "type", "directory", ")"]);
        for _ in 1..levels {
            tags.extend_from_slice(&[")", ")"]);
        }
        words(&tags)
    };
    assert!(NarReader::new(nested(64).as_slice()).finish().is_ok());
    assert_eq!(error_of(&nested(65)), "bad archive: NAR directory nesting exceeds maximum depth of 64");
    let mut writer = NarWriter::new(Vec::new());
    for _ in 0..63 {
        writer.start_directory().unwrap();
        writer.entry(b"d").unwrap();
    }
    writer.start_directory().unwrap();
    writer.entry(b"d").unwrap();
    assert!(matches!(writer.start_directory(), Err(NarError::TooDeep(64))));
}

#[test]
fn the_writer_refuses_what_makes_no_archive() {
    let mut writer = NarWriter::new(Vec::new());
    assert!(matches!(writer.entry(b"a"), Err(NarError::OutOfOrder(_))));
    assert!(matches!(writer.end_directory(), Err(NarError::OutOfOrder(_))));
    writer.start_directory().unwrap();
    assert!(matches!(writer.symlink(b"x"), Err(NarError::OutOfOrder(_))));
    writer.entry(b"b").unwrap();
    assert!(matches!(
        writer.file(false, 4, &mut &b"abc"[..]),
        Err(NarError::WrongSize { stated: 4, actual: 3 })
    ));
    let mut writer = NarWriter::new(Vec::new());
    writer.start_directory().unwrap();
    writer.entry(b"b").unwrap();
    writer.symlink(b"x").unwrap();
    assert!(matches!(writer.entry(b"a"), Err(NarError::NotSorted)));
    assert!(matches!(writer.entry(b"c/d"), Err(NarError::InvalidName(_))));
    assert!(matches!(writer.finish(), Err(NarError::OutOfOrder(_))));
}

#[test]
fn listings_know_where_contents_start() {
    let tree = dir(&[
        ("bin", dir(&[("tool", Tree::File(true, b"#!/bin/sh\n".to_vec()))])),
        ("link", Tree::Link(b"bin/tool".to_vec())),
    ]);
    let bytes = archive(&tree);
    let listing = Listing::read(bytes.as_slice()).unwrap();
    let Some(Listing::Regular { nar_offset: Some(at), size: Some(10), executable: true }) =
        listing.find(b"bin/tool")
    else {
        panic!("{listing:?}");
    };
    assert_eq!(&bytes[*at as usize..][..10], b"#!/bin/sh\n");
    let json = listing.to_file().unwrap();
    assert_eq!(
        json.to_string(),
        format!(
            r#"{{"root":{{"entries":{{"bin":{{"entries":{{"tool":{{"executable":true,"narOffset":{at},"size":10,"type":"regular"}}}},"type":"directory"}},"link":{{"target":"bin/tool","type":"symlink"}}}},"type":"directory"}},"version":1}}"#
        )
    );
    assert_eq!(Listing::from_file(&json).unwrap(), listing);
    assert_eq!(
        listing.to_shallow_json().unwrap().to_string(),
        r#"{"entries":{"bin":{},"link":{}},"type":"directory"}"#
    );
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(|(x, c)| Tree::File(x, c)),
        proptest::collection::vec(1u8..=255, 1..20).prop_map(Tree::Link),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = proptest::collection::vec(any::<u8>(), 1..12)
            .prop_filter("valid", |name| firn_nar::is_valid_name(name));
        proptest::collection::btree_map(name, inner, 0..6).prop_map(Tree::Dir)
    })
}

proptest! {
    #[test]
    fn trees_come_back(tree in trees()) {
        let bytes = archive(&tree);
        let mut reader = NarReader::new(bytes.as_slice());
        prop_assert_eq!(&read(&mut reader), &tree);
        prop_assert!(reader.next_event().unwrap().is_none());
        let mut copied = Vec::new();
        prop_assert_eq!(copy(&mut bytes.as_slice(), &mut copied).unwrap(), bytes.len() as u64);
        prop_assert_eq!(copied, bytes);
    }

    #[test]
    fn damaged_archives_never_panic(tree in trees(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = archive(&tree);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = NarReader::new(bytes.as_slice()).finish();
        let _ = Listing::read(bytes.as_slice());
    }
}
