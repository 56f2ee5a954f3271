//! A tree in one file, for caches: contents first, each packed on its own, then an index of all paths.
//!
//! Layout: the contents of files one after the other; the index (packed with zstd); a trailer of 24 bytes: where the index
//! starts, how long it is, the mark. An index entry is a letter (`d`, `f`, `x` or `l`), the length of the path and the path,
//! then for files where the contents start, how long they are as stored and as such (equal where they are stored plainly),
//! for symlinks the length of the target and the target. Numbers have eight bytes, the lowest first.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::tree_sink::TreeSink;
use crate::{Accessor, CanonPath, DirEntry, Kind, OpenFile, SourceError, Stat};

const MARK: [u8; 8] = *b"firnpak1";
const TRAILER: u64 = 24;
/// Files up to this size are packed in memory, and stored plainly where packing does not help.
const IN_MEMORY: u64 = 4 << 20;
/// The most bytes that an unpacked index may have.
const MAX_INDEX: u64 = 4 << 30;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    Symlink(Vec<u8>),
    File { executable: bool, start: u64, stored: u64, size: u64 },
}

impl Node {
    fn kind(&self) -> Kind {
        match self {
            Node::Directory => Kind::Directory,
            Node::Symlink(_) => Kind::Symlink,
            Node::File { .. } => Kind::Regular,
        }
    }
}

/// Makes a pack.
pub struct PackSink {
    out: BufWriter<File>,
    at: u64,
    nodes: BTreeMap<CanonPath, Node>,
    shown: String,
}

impl PackSink {
    /// Makes a pack in a new file at `path`.
    ///
    /// # Errors
    /// The file is there already, or cannot be made.
    pub fn create(path: &Path) -> Result<PackSink, SourceError> {
        let shown = path.to_string_lossy().into_owned();
        let file = File::options().write(true).create_new(true).open(path);
        let file = file.map_err(|e| SourceError::system("creating file", shown.as_str(), e))?;
        let nodes = BTreeMap::from([(CanonPath::root(), Node::Directory)]);
        Ok(PackSink { out: BufWriter::with_capacity(1 << 18, file), at: 0, nodes, shown })
    }

    /// The only entry of the root, if that is a directory: what archives of a release put everything in.
    fn only_directory(&self) -> Option<CanonPath> {
        let mut top = self.nodes.keys().filter(|p| p.parent().is_some_and(|parent| parent.is_root()));
        match (top.next(), top.next()) {
            (Some(only), None) if self.nodes.get(only) == Some(&Node::Directory) => Some(only.clone()),
            _ => None,
        }
    }

    /// Writes the index. With `strip`, a directory that is all there is at the top becomes the root.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(mut self, strip: bool) -> Result<(), SourceError> {
        let prefix = if strip { self.only_directory() } else { None }.unwrap_or(CanonPath::root());
        let mut index = Vec::with_capacity(self.nodes.len() * 64);
        for (path, node) in &self.nodes {
            let Some(path) = path.strip_prefix(&prefix) else { continue };
            let letter = match node {
                Node::Directory => b'd',
                Node::Symlink(_) => b'l',
                Node::File { executable: false, .. } => b'f',
                Node::File { executable: true, .. } => b'x',
            };
            index.push(letter);
            put_bytes(&mut index, path.rel());
            match node {
                Node::Directory => {}
                Node::Symlink(target) => put_bytes(&mut index, target),
                Node::File { start, stored, size, .. } => {
                    for number in [start, stored, size] {
                        index.extend_from_slice(&number.to_le_bytes());
                    }
                }
            }
        }
        let failed = |e: io::Error| SourceError::system("writing file", self.shown.as_str(), e);
        let index = zstd::bulk::compress(&index, 3).map_err(failed)?;
        self.out.write_all(&index).map_err(failed)?;
        for number in [self.at, index.len() as u64] {
            self.out.write_all(&number.to_le_bytes()).map_err(failed)?;
        }
        self.out.write_all(&MARK).and_then(|()| self.out.flush()).map_err(failed)
    }

    /// Puts a node, with the directories on the way.
    fn put(&mut self, path: &CanonPath, node: Node) -> Result<(), SourceError> {
        self.way(path)?;
        if self.nodes.get(path) == Some(&Node::Directory) && node != Node::Directory {
            let below: Vec<CanonPath> = self
                .nodes
                .range(path.clone()..)
                .map(|(p, _)| p)
                .take_while(|p| p.is_within(path))
                .cloned()
                .collect();
            for path in below {
                self.nodes.remove(&path);
            }
        }
        self.nodes.insert(path.clone(), node);
        Ok(())
    }

    /// Makes the directories on the way to `path`.
    fn way(&mut self, path: &CanonPath) -> Result<(), SourceError> {
        let mut at = path.clone();
        while at.pop() {
            match self.nodes.get(&at) {
                Some(Node::Directory) => break,
                Some(Node::Symlink(_)) => return Err(SourceError::ThroughSymlink(path.to_string())),
                Some(Node::File { .. }) => return Err(SourceError::NotDirectory(at.to_string())),
                None => drop(self.nodes.insert(at.clone(), Node::Directory)),
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        self.out.write_all(bytes).map_err(|e| SourceError::system("writing file", self.shown.as_str(), e))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Packs a large file as it comes; gives its size.
    fn stream(&mut self, contents: &mut dyn Read) -> io::Result<u64> {
        let mut counted = Counted { inner: &mut self.out, written: 0 };
        let mut encoder = zstd::stream::write::Encoder::new(&mut counted, 3)?;
        let size = io::copy(contents, &mut encoder)?;
        encoder.finish()?;
        self.at += counted.written;
        Ok(size)
    }
}

impl TreeSink for PackSink {
    fn directory(&mut self, path: &CanonPath) -> Result<(), SourceError> {
        match self.nodes.get(path) {
            Some(Node::Directory) => Ok(()),
            _ => self.put(path, Node::Directory),
        }
    }

    fn file(
        &mut self,
        path: &CanonPath,
        executable: bool,
        size: u64,
        contents: &mut dyn Read,
    ) -> Result<(), SourceError> {
        let failed = |e: io::Error| SourceError::system("reading archive member", path.to_string(), e);
        self.way(path)?;
        let start = self.at;
        let size = if size <= IN_MEMORY {
            let mut bytes = Vec::with_capacity(size as usize);
            contents.take(IN_MEMORY + 1).read_to_end(&mut bytes).map_err(failed)?;
            let packed = zstd::bulk::compress(&bytes, 3).map_err(failed)?;
            self.write(if packed.len() < bytes.len() { &packed } else { &bytes })?;
            bytes.len() as u64
        } else {
            self.stream(contents).map_err(failed)?
        };
        self.put(path, Node::File { executable, start, stored: self.at - start, size })
    }

    fn symlink(&mut self, path: &CanonPath, target: &[u8]) -> Result<(), SourceError> {
        self.put(path, Node::Symlink(target.to_vec()))
    }

    fn hard_link(&mut self, path: &CanonPath, existing: &CanonPath) -> Result<(), SourceError> {
        match self.nodes.get(existing).cloned() {
            None => Err(SourceError::NotFound(existing.to_string())),
            Some(Node::Directory) => Err(SourceError::NotRegular(existing.to_string())),
            Some(node) => self.put(path, node),
        }
    }
}

struct Counted<W> {
    inner: W,
    written: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.written += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// A tree in a pack; files are read where they lie.
pub struct PackAccessor {
    file: File,
    nodes: BTreeMap<CanonPath, Node>,
    prefix: String,
    fingerprint: Option<String>,
    last_modified: Option<i64>,
}

impl PackAccessor {
    /// Opens a pack.
    ///
    /// # Errors
    /// The file cannot be read, or is no pack.
    pub fn open(path: &Path) -> Result<PackAccessor, SourceError> {
        let shown = path.to_string_lossy().into_owned();
        let failed = |e: io::Error| SourceError::system("reading pack", shown.as_str(), e);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let index = read_index(&file, length).map_err(failed)?;
        let wrong = || SourceError::BadArchive(format!("the index of pack '{shown}' is malformed"));
        let nodes = parse_index(&index, length).ok_or_else(wrong)?;
        Ok(PackAccessor { file, nodes, prefix: String::new(), fingerprint: None, last_modified: None })
    }

    /// Shows paths behind `prefix`.
    #[must_use]
    pub fn shown_as(mut self, prefix: impl Into<String>) -> PackAccessor {
        self.prefix = prefix.into();
        self
    }

    /// States a fingerprint.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: impl Into<String>) -> PackAccessor {
        self.fingerprint = Some(fingerprint.into());
        self
    }

    /// States when the tree was last changed, in seconds since 1970.
    #[must_use]
    pub fn with_last_modified(mut self, seconds: i64) -> PackAccessor {
        self.last_modified = Some(seconds);
        self
    }

    fn get(&self, path: &CanonPath) -> Result<&Node, SourceError> {
        match self.nodes.get(path) {
            Some(node) => Ok(node),
            None => {
                self.through_symlink(path)?;
                Err(SourceError::NotFound(self.show_path(path)))
            }
        }
    }

    fn through_symlink(&self, path: &CanonPath) -> Result<(), SourceError> {
        let mut at = path.clone();
        while at.pop() {
            match self.nodes.get(&at) {
                Some(Node::Symlink(_)) => return Err(SourceError::SymlinkInPath(self.show_path(path))),
                Some(_) => break,
                None => {}
            }
        }
        Ok(())
    }
}

fn read_index(file: &File, length: u64) -> io::Result<Vec<u8>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut trailer = [0; TRAILER as usize];
    let end = length.checked_sub(TRAILER).ok_or_else(|| bad("it is too short"))?;
    file.read_exact_at(&mut trailer, end)?;
    let number = |at: usize| trailer[at..at + 8].try_into().map(u64::from_le_bytes).unwrap_or(u64::MAX);
    if trailer[16..] != MARK || number(0).checked_add(number(8)) != Some(end) {
        return Err(bad("it is no pack"));
    }
    let mut packed = vec![0; usize::try_from(number(8)).map_err(|_| bad("its index is too large"))?];
    file.read_exact_at(&mut packed, number(0))?;
    let mut index = Vec::new();
    zstd::stream::read::Decoder::new(packed.as_slice())?.take(MAX_INDEX).read_to_end(&mut index)?;
    Ok(index)
}

fn parse_index(mut rest: &[u8], length: u64) -> Option<BTreeMap<CanonPath, Node>> {
    fn number(rest: &mut &[u8]) -> Option<u64> {
        let (head, tail) = rest.split_first_chunk::<8>()?;
        *rest = tail;
        Some(u64::from_le_bytes(*head))
    }
    fn bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let length = usize::try_from(number(rest)?).ok()?;
        let (head, tail) = rest.split_at_checked(length)?;
        *rest = tail;
        Some(head)
    }
    let mut nodes = BTreeMap::new();
    while let Some((letter, tail)) = rest.split_first() {
        rest = tail;
        let path = CanonPath::new(bytes(&mut rest)?).ok()?;
        let node = match letter {
            b'd' => Node::Directory,
            b'l' => Node::Symlink(bytes(&mut rest)?.to_vec()),
            b'f' | b'x' => {
                let (start, stored, size) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
                if start.checked_add(stored)? > length {
                    return None;
                }
                Node::File { executable: *letter == b'x', start, stored, size }
            }
            _ => return None,
        };
        nodes.insert(path, node);
    }
    nodes.contains_key(&CanonPath::root()).then_some(nodes)
}

impl Accessor for PackAccessor {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        let Some(node) = self.nodes.get(path) else {
            self.through_symlink(path)?;
            return Ok(None);
        };
        let (executable, size) = match node {
            Node::File { executable, size, .. } => (*executable, Some(*size)),
            _ => (false, None),
        };
        Ok(Some(Stat { kind: node.kind(), executable, size }))
    }

    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        if *self.get(path)? != Node::Directory {
            return Err(SourceError::NotDirectory(self.show_path(path)));
        }
        let below = self.nodes.range(path.clone()..).skip(1).take_while(|(p, _)| p.is_within(path));
        let mut entries: Vec<DirEntry> = below
            .filter_map(|(p, node)| {
                let rest = p.strip_prefix(path)?;
                let mut components = rest.components();
                match (components.next(), components.next()) {
                    (Some(name), None) => Some(DirEntry { name: name.to_vec(), kind: Some(node.kind()) }),
                    _ => None,
                }
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        let Node::File { start, stored, size, .. } = *self.get(path)? else {
            return Err(SourceError::NotRegular(self.show_path(path)));
        };
        let section = Section { file: &self.file, at: start, left: stored };
        if stored == size && size <= IN_MEMORY {
            return Ok(OpenFile { size, reader: Box::new(section) });
        }
        let decoder = zstd::stream::read::Decoder::new(section)
            .map_err(|e| SourceError::system("reading pack", self.show_path(path), e))?;
        Ok(OpenFile { size, reader: Box::new(decoder.take(size)) })
    }

    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        match self.get(path)? {
            Node::Symlink(target) => Ok(target.clone()),
            _ => Err(SourceError::NotSymlink(self.show_path(path))),
        }
    }

    fn show_path(&self, path: &CanonPath) -> String {
        if path.is_root() && !self.prefix.is_empty() {
            return self.prefix.clone();
        }
        format!("{}{path}", self.prefix)
    }

    fn fingerprint(&self) -> Option<String> {
        self.fingerprint.clone()
    }

    fn last_modified(&self) -> Option<i64> {
        self.last_modified
    }
}

/// A part of a file.
struct Section<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let want = self.left.min(into.len() as u64) as usize;
        if want == 0 {
            return Ok(0);
        }
        let n = self.file.read_at(&mut into[..want], self.at)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{MemAccessor, MemNode, copy_tree, dump_nar};

    fn path(text: &str) -> CanonPath {
        CanonPath::new(text).unwrap()
    }

    fn nar(tree: &dyn Accessor) -> Vec<u8> {
        let mut out = Vec::new();
        dump_nar::<SourceError>(tree, &CanonPath::root(), &mut out, None).unwrap();
        out
    }

    #[test]
    fn a_tree_comes_back() {
        let mut tree = MemAccessor::new();
        let noise: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let large = vec![7; IN_MEMORY as usize + 12];
        for (name, executable, contents) in [
            ("a/empty", false, Vec::new()),
            ("a/run", true, b"#!/bin/sh\n".repeat(100)),
            ("a.b/noise", false, noise),
            ("a/b/c/large", false, large),
        ] {
            tree.insert(&path(name), MemNode::File { executable, contents: contents.into() }).unwrap();
        }
        tree.insert(&path("a/link"), MemNode::Symlink(b"../x".to_vec())).unwrap();
        TreeSink::directory(&mut tree, &path("none")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p");
        let mut sink = PackSink::create(&file).unwrap();
        copy_tree(&tree, &CanonPath::root(), &mut sink).unwrap();
        sink.hard_link(&path("a/same"), &path("a/run")).unwrap();
        sink.finish(true).unwrap();
        let contents = tree.read_file(&path("a/run")).unwrap();
        tree.insert(&path("a/same"), MemNode::File { executable: true, contents: contents.into() }).unwrap();
        let pack = PackAccessor::open(&file).unwrap();
        assert_eq!(nar(&pack), nar(&tree));
        assert!(matches!(pack.stat(&path("a/link/x")), Err(SourceError::SymlinkInPath(_))));
        assert!(pack.stat(&path("a/nothing")).unwrap().is_none());
    }

    #[test]
    fn a_single_directory_becomes_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p");
        let mut sink = PackSink::create(&file).unwrap();
        sink.file(&path("top/x"), false, 1, &mut &b"1"[..]).unwrap();
        sink.finish(true).unwrap();
        assert_eq!(PackAccessor::open(&file).unwrap().read_file(&path("x")).unwrap(), b"1");
    }

    #[test]
    fn nothing_is_put_below_symlinks_and_files() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = PackSink::create(&dir.path().join("p")).unwrap();
        sink.symlink(&path("l"), b"/etc").unwrap();
        sink.file(&path("f"), false, 0, &mut &b""[..]).unwrap();
        let error = sink.file(&path("l/x"), false, 0, &mut &b""[..]).unwrap_err();
        assert!(matches!(error, SourceError::ThroughSymlink(_)));
        assert!(matches!(sink.directory(&path("f/x")), Err(SourceError::NotDirectory(_))));
    }

    #[test]
    fn broken_packs_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p");
        let mut sink = PackSink::create(&file).unwrap();
        sink.file(&path("x"), false, 3, &mut &b"abc"[..]).unwrap();
        sink.finish(false).unwrap();
        let whole = std::fs::read(&file).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&file, &whole[..cut]).unwrap();
            assert!(PackAccessor::open(&file).is_err(), "{cut} bytes");
        }
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0x41;
            std::fs::write(&file, &broken).unwrap();
            // It may be readable still; it must not panic.
            if let Ok(pack) = PackAccessor::open(&file) {
                let _ = pack.read_file(&path("x"));
            }
        }
    }
}
