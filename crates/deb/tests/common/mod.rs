//! What the tests of the builder share: hand-made packages and ELF files, and the NAR hash of a folder.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use firn_deb::{DebError, UnpackDeb, unpack_deb};

/// How a member is compressed.
#[derive(Clone, Copy)]
pub enum Packing {
    None,
    Gzip,
    Xz,
    Zstd,
}

/// A package under construction.
pub struct Deb {
    tar: tar::Builder<Vec<u8>>,
    postinst: String,
}

impl Deb {
    pub fn new() -> Deb {
        Deb { tar: tar::Builder::new(Vec::new()), postinst: String::new() }
    }

    pub fn postinst(mut self, script: &str) -> Deb {
        self.postinst = script.to_owned();
        self
    }

    fn entry(mut self, path: &str, kind: tar::EntryType, mode: u32, link: &str, content: &[u8]) -> Deb {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(1_700_000_000);
        header.set_size(content.len() as u64);
        // Written past the checks of the crate, so that hostile names get in.
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        let target = &mut header.as_old_mut().linkname;
        target[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.tar.append(&header, content).unwrap();
        self
    }

    pub fn folder(self, path: &str) -> Deb {
        self.entry(path, tar::EntryType::Directory, 0o755, "", b"")
    }

    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Deb {
        self.entry(path, tar::EntryType::Regular, 0o644, "", content.as_ref())
    }

    pub fn program(self, path: &str, content: impl AsRef<[u8]>) -> Deb {
        self.entry(path, tar::EntryType::Regular, 0o4755, "", content.as_ref())
    }

    pub fn link(self, path: &str, target: &str) -> Deb {
        self.entry(path, tar::EntryType::Symlink, 0o777, target, b"")
    }

    pub fn hard_link(self, path: &str, target: &str) -> Deb {
        self.entry(path, tar::EntryType::Link, 0o755, target, b"")
    }

    pub fn device(self, path: &str) -> Deb {
        self.entry(path, tar::EntryType::Char, 0o666, "", b"")
    }

    /// The bytes of the package file.
    pub fn build(self, packing: Packing) -> Vec<u8> {
        let mut control = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(self.postinst.len() as u64);
        header.set_mode(0o755);
        control.append_data(&mut header, "./postinst", self.postinst.as_bytes()).unwrap();
        let (control, data) = (control.into_inner().unwrap(), self.tar.into_inner().unwrap());
        let (suffix, control, data) = match packing {
            Packing::None => ("", control, data),
            Packing::Gzip => {
                let pack = |bytes: Vec<u8>| {
                    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                    encoder.write_all(&bytes).unwrap();
                    encoder.finish().unwrap()
                };
                (".gz", pack(control), pack(data))
            }
            Packing::Xz => {
                let pack = |bytes: Vec<u8>| {
                    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                    encoder.write_all(&bytes).unwrap();
                    encoder.finish().unwrap()
                };
                (".xz", pack(control), pack(data))
            }
            Packing::Zstd => {
                let pack = |bytes: Vec<u8>| zstd::encode_all(&bytes[..], 1).unwrap();
                (".zst", pack(control), pack(data))
            }
        };
        ar(&[
            ("debian-binary", b"2.0\n"),
            (&format!("control.tar{suffix}"), &control),
            (&format!("data.tar{suffix}"), &data),
        ])
    }
}

/// An `ar` archive.
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        bytes.extend(
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len()).bytes(),
        );
        bytes.extend(*content);
        if content.len() % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// A place for packages and a store whose paths are called `/nix/store/…` wherever it lies.
pub struct Store {
    pub folder: tempfile::TempDir,
    pub logs: Vec<String>,
}

impl Store {
    pub fn new() -> Store {
        Store { folder: tempfile::tempdir().unwrap(), logs: Vec::new() }
    }

    pub fn real(&self, name: &str) -> PathBuf {
        self.folder.path().join("store").join(name)
    }

    pub fn deb(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Builds a unit from packages, dependencies and variables; `relocation` is added.
    pub fn build(
        &mut self,
        name: &str,
        debs: &[Deb],
        deps: &[&str],
        essential: &[&str],
        env: &[(&str, &str)],
    ) -> Result<PathBuf, DebError> {
        unreachable_if_empty(debs);
        let bytes: Vec<Vec<u8>> = debs.iter().map(|deb| deb.bytes()).collect();
        self.build_bytes(name, &bytes, deps, essential, env, "/nix/store")
    }

    pub fn build_bytes(
        &mut self,
        name: &str,
        debs: &[Vec<u8>],
        deps: &[&str],
        essential: &[&str],
        env: &[(&str, &str)],
        logical: &str,
    ) -> Result<PathBuf, DebError> {
        let files: Vec<PathBuf> = debs
            .iter()
            .enumerate()
            .map(|(index, bytes)| self.deb(&format!("{name}-{index}.deb"), bytes))
            .collect();
        std::fs::create_dir_all(self.folder.path().join("store")).unwrap();
        let paths = |names: &[&str]| -> Vec<(String, PathBuf)> {
            names.iter().map(|name| (format!("{logical}/{name}"), self.real(name))).collect()
        };
        let mut variables = BTreeMap::from([("relocation".to_owned(), firn_deb::RELOCATION.to_string())]);
        variables.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let out_real = self.real(name);
        let mut logs = Vec::new();
        let mut log = |line: &str| logs.push(line.to_owned());
        let result = unpack_deb(&mut UnpackDeb {
            debs: files,
            deps: paths(deps),
            essential: paths(essential),
            out_logical: &format!("{logical}/{name}"),
            out_real: &out_real,
            env: &variables,
            log: &mut log,
        });
        self.logs = logs;
        result.map(|()| out_real)
    }
}

fn unreachable_if_empty(debs: &[Deb]) {
    assert!(!debs.is_empty(), "a unit has at least one package");
}

impl Deb {
    /// The bytes, leaving the builder usable no more than by reference: the tar is cloned.
    pub fn bytes(&self) -> Vec<u8> {
        let mut copy =
            Deb { tar: tar::Builder::new(self.tar.get_ref().clone()), postinst: self.postinst.clone() };
        copy.tar.mode(tar::HeaderMode::Deterministic);
        copy.build(Packing::Gzip)
    }
}

/// The SHA-256 of a folder's NAR, in base 32.
pub fn nar_hash(path: &Path) -> String {
    let mut writer = firn_nar::NarWriter::new(Vec::new());
    dump(&mut writer, path);
    let hash = firn_hash::Hash::of(firn_hash::Algo::Sha256, &writer.finish().unwrap());
    hash.render(firn_hash::Format::Nix32, false)
}

fn dump(writer: &mut firn_nar::NarWriter<Vec<u8>>, path: &Path) {
    let metadata = path.symlink_metadata().unwrap();
    if metadata.is_symlink() {
        writer.symlink(std::fs::read_link(path).unwrap().to_str().unwrap().as_bytes()).unwrap();
    } else if metadata.is_dir() {
        writer.start_directory().unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for name in names {
            writer.entry(name.to_str().unwrap().as_bytes()).unwrap();
            dump(writer, &path.join(name));
        }
        writer.end_directory().unwrap();
    } else {
        let executable = metadata.permissions().mode() & 0o111 != 0;
        writer.file_bytes(executable, &std::fs::read(path).unwrap()).unwrap();
    }
}

/// A hand-made shared object or program.
#[derive(Clone)]
pub struct Elf {
    pub needed: Vec<&'static str>,
    pub run_path: Option<&'static str>,
    pub interpreter: bool,
    /// Content of a `.note.dlopen` note.
    pub loads: Option<&'static str>,
    /// Empty entries at the end of the dynamic section, at least one.
    pub spare: usize,
    pub notes: bool,
    pub sections: bool,
    /// Something that may not move directly behind the program headers.
    pub blocked: bool,
}

impl Default for Elf {
    fn default() -> Elf {
        Elf {
            needed: vec!["libc.so.6"],
            run_path: None,
            interpreter: true,
            loads: None,
            spare: 5,
            notes: true,
            sections: true,
            blocked: false,
        }
    }
}

/// What was at an offset, to be described by headers.
struct Part {
    name: &'static str,
    kind: u32,
    offset: u64,
    size: u64,
}

impl Elf {
    /// The bytes of the file. Everything is in one readable segment at address 0, but the dynamic section in a second, writable one.
    pub fn build(&self) -> Vec<u8> {
        let mut strings = b"\0".to_vec();
        let mut intern = |text: &str| {
            let at = strings.len() as u64;
            strings.extend(text.bytes());
            strings.push(0);
            at
        };
        let mut dynamic: Vec<(u64, u64)> = self.needed.iter().map(|name| (1, intern(name))).collect();
        dynamic.extend(self.run_path.map(|path| (29, intern(path))));
        let segments = 4
            + usize::from(self.interpreter)
            + 2 * usize::from(self.notes)
            + usize::from(self.loads.is_some());
        let mut bytes = vec![0; 64 + 56 * segments];
        let mut parts: Vec<Part> = Vec::new();
        let mut add = |bytes: &mut Vec<u8>, name, kind, content: &[u8]| {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            let part = Part { name, kind, offset: bytes.len() as u64, size: content.len() as u64 };
            bytes.extend(content);
            parts.push(part);
        };
        if self.blocked {
            add(&mut bytes, ".rodata", 1, b"may not move");
        }
        if self.interpreter {
            add(&mut bytes, ".interp", 1, b"/lib64/ld-linux-x86-64.so.2\0");
        }
        if self.notes {
            add(&mut bytes, ".note.gnu.property", 7, &note(5, b"GNU\0", &[0; 16]));
        }
        if let Some(loads) = self.loads {
            add(
                &mut bytes,
                ".note.dlopen",
                7,
                &note(0x407c_0c0a, b"FDO\0", &[loads.as_bytes(), b"\0"].concat()),
            );
        }
        add(&mut bytes, ".dynstr", 3, &strings);
        let strings_part = parts.last().unwrap();
        dynamic.extend([(5, strings_part.offset), (10, strings_part.size)]);
        dynamic.resize(dynamic.len() + self.spare, (0, 0));
        let readable = bytes.len() as u64;
        bytes.resize(bytes.len().next_multiple_of(4096), 0);
        let content: Vec<u8> = dynamic
            .iter()
            .flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()])
            .flatten()
            .collect();
        let mut add = |bytes: &mut Vec<u8>, name, kind, content: &[u8]| {
            let part = Part { name, kind, offset: bytes.len() as u64, size: content.len() as u64 };
            bytes.extend(content);
            parts.push(part);
        };
        add(&mut bytes, ".dynamic", 6, &content);
        let place =
            |name: &str| parts.iter().find(|part| part.name == name).map(|part| (part.offset, part.size));
        let (dynamic_at, dynamic_size) = place(".dynamic").unwrap();
        let mut headers: Vec<(u32, u32, u64, u64, u64)> = vec![(6, 4, 64, 56 * segments as u64, 8)];
        headers.extend(place(".interp").map(|(offset, size)| (3, 4, offset, size, 1)));
        headers.push((1, 5, 0, readable, 4096));
        headers.push((1, 6, dynamic_at, dynamic_size, 4096));
        headers.push((2, 6, dynamic_at, dynamic_size, 8));
        if let Some((offset, size)) = place(".note.gnu.property") {
            headers.extend([(4, 4, offset, size, 8), (0x6474_e553, 4, offset, size, 8)]);
        }
        headers.extend(place(".note.dlopen").map(|(offset, size)| (4, 4, offset, size, 4)));
        for (index, (kind, flags, offset, size, align)) in headers.into_iter().enumerate() {
            let mut header = Vec::new();
            header.extend([kind.to_le_bytes(), flags.to_le_bytes()].concat());
            for word in [offset, offset, offset, size, size, align] {
                header.extend(word.to_le_bytes());
            }
            bytes[64 + 56 * index..][..56].copy_from_slice(&header);
        }
        let sections_at = if self.sections { add_sections(&mut bytes, &parts) } else { 0 };
        let count = if self.sections { parts.len() + 2 } else { 0 };
        let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        header.extend([3u16.to_le_bytes(), 62u16.to_le_bytes()].concat());
        header.extend(1u32.to_le_bytes());
        for word in [0u64, 64, sections_at] {
            header.extend(word.to_le_bytes());
        }
        header.extend(0u32.to_le_bytes());
        for half in [64u16, 56, segments as u16, 64, count as u16, count.saturating_sub(1) as u16] {
            header.extend(half.to_le_bytes());
        }
        bytes[..64].copy_from_slice(&header);
        bytes
    }
}

fn note(kind: u32, owner: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [owner.len() as u32, content.len() as u32, kind] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(owner);
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn add_sections(bytes: &mut Vec<u8>, parts: &[Part]) -> u64 {
    let mut names = b"\0".to_vec();
    let mut headers = vec![[0u64; 8]];
    let mut header =
        |name: &str, kind: u32, flags: u64, address: u64, offset: u64, size: u64, names: &mut Vec<u8>| {
            let word = names.len() as u64 | u64::from(kind) << 32;
            names.extend(name.bytes());
            names.push(0);
            let strings = parts.iter().position(|part| part.name == ".dynstr").unwrap() as u64 + 1;
            let entry = if kind == 6 { 16 } else { 0 };
            headers.push([word, flags, address, offset, size, if kind == 6 { strings } else { 0 }, 8, entry]);
        };
    for part in parts {
        header(part.name, part.kind, 2, part.offset, part.offset, part.size, &mut names);
    }
    let at = bytes.len() as u64;
    let mut all = names.clone();
    all.extend(b".shstrtab\0");
    header(".shstrtab", 3, 0, 0, at, all.len() as u64, &mut names);
    bytes.extend(&all);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let sections_at = bytes.len() as u64;
    bytes.extend(headers.iter().flatten().flat_map(|word| word.to_le_bytes()));
    sections_at
}
