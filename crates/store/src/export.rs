//! The streams of `nix-store --export` and `--import`: archives with what is known about them, one after the other.
//!
//! Each path is the number 1, its NAR, the number 0x4558494e, its name, its references, its deriver and the number 0;
//! the number 0 ends the stream. Numbers are 8 bytes, little-endian; texts as in archives.

use std::io::{Read, Write};

use firn_hash::{Algo, Hash, Hasher};
use firn_path::{StorePath, StorePathSet};

use crate::closure::topological_order;
use crate::error::{Result, StoreError};
use crate::info::PathInfo;
use crate::store::{AddOptions, Store};

const MAGIC: u64 = 0x4558_494e;

/// Longer than any text that a stream may have here.
const MAX_TEXT: u64 = 4096;
/// More references than any path has.
const MAX_REFERENCES: u64 = 1 << 20;

fn stream(source: std::io::Error) -> StoreError {
    StoreError::Stream { action: "exporting", source }
}

fn importing(source: std::io::Error) -> StoreError {
    if source.kind() == std::io::ErrorKind::UnexpectedEof {
        return StoreError::NotAnExport;
    }
    StoreError::Stream { action: "importing", source }
}

fn write_number(out: &mut dyn Write, number: u64) -> Result<()> {
    out.write_all(&number.to_le_bytes()).map_err(stream)
}

fn write_text(out: &mut dyn Write, text: &str) -> Result<()> {
    write_number(out, text.len() as u64)?;
    out.write_all(text.as_bytes()).map_err(stream)?;
    out.write_all(&[0; 8][..(8 - text.len() % 8) % 8]).map_err(stream)
}

fn read_number(input: &mut dyn Read) -> Result<u64> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes).map_err(importing)?;
    Ok(u64::from_le_bytes(bytes))
}

fn read_text(input: &mut dyn Read) -> Result<String> {
    let len = read_number(input)?;
    if len > MAX_TEXT {
        return Err(StoreError::NotAnExport);
    }
    let mut bytes = vec![0; len.div_ceil(8) as usize * 8];
    input.read_exact(&mut bytes).map_err(importing)?;
    bytes.truncate(len as usize);
    String::from_utf8(bytes).map_err(|_| StoreError::NotAnExport)
}

struct HashingWriter<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
}

impl Write for HashingWriter<'_> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(data)?;
        self.hasher.update(&data[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn export_path(store: &dyn Store, path: &StorePath, out: &mut dyn Write) -> Result<()> {
    let info = store.require_info(path)?;
    let mut hashing = HashingWriter { out, hasher: Hasher::new(Algo::Sha256) };
    store.write_nar(path, &mut hashing)?;
    let hash = hashing.hasher.finish();
    if hash != info.nar_hash && info.nar_hash != Hash::zero(Algo::Sha256) {
        // damage must not spread to other machines
        let text = |h: &Hash| format!("{}:{}", h.algo(), h.nix32());
        return Err(StoreError::Changed {
            path: store.store_dir().print(path),
            was: text(&info.nar_hash),
            is: text(&hash),
        });
    }
    let dir = store.store_dir();
    write_number(out, MAGIC)?;
    write_text(out, &dir.print(path))?;
    write_number(out, info.references.len() as u64)?;
    for reference in &info.references {
        write_text(out, &dir.print(reference))?;
    }
    write_text(out, &info.print_deriver(dir))?;
    write_number(out, 0)
}

/// Writes paths, those that others refer to first.
///
/// # Errors
/// A path that is not valid or has changed, and those of reading and writing.
pub fn export_paths(store: &dyn Store, paths: &StorePathSet, out: &mut dyn Write) -> Result<()> {
    for path in topological_order(store, paths)?.iter().rev() {
        write_number(out, 1)?;
        export_path(store, path, out)?;
    }
    write_number(out, 0)
}

/// Reads paths into the store; gives them in order.
///
/// # Errors
/// A stream that is no export, and those of adding.
pub fn import_paths(store: &dyn Store, input: &mut dyn Read, options: AddOptions) -> Result<Vec<StorePath>> {
    let dir = store.store_dir();
    let mut paths = Vec::new();
    loop {
        match read_number(input)? {
            0 => return Ok(paths),
            1 => {}
            _ => return Err(StoreError::NotAnExport),
        }
        // what the archive is called stands behind it, hence it is kept meanwhile: small ones in memory
        let mut nar = tempfile_or_memory();
        let mut both = HashingWriter { out: &mut nar, hasher: Hasher::new(Algo::Sha256) };
        firn_nar::copy(input, &mut both)?;
        let size = both.hasher.bytes();
        let hash = both.hasher.finish();
        if read_number(input)? != MAGIC {
            return Err(StoreError::WrongExportMagic);
        }
        let path = dir.parse(&read_text(input)?)?;
        let mut info = PathInfo::new(path.clone(), hash, size);
        let count = read_number(input)?;
        if count > MAX_REFERENCES {
            return Err(StoreError::NotAnExport);
        }
        for _ in 0..count {
            info.references.insert(dir.parse(&read_text(input)?)?);
        }
        let deriver = read_text(input)?;
        if !deriver.is_empty() {
            info.deriver = Some(dir.parse(&deriver)?);
        }
        // a signature of an old kind
        if read_number(input)? == 1 {
            read_text(input)?;
        }
        nar.rewind()?;
        store.add_nar(&info, &mut nar, options)?;
        paths.push(path);
    }
}

/// Bytes that go to an unnamed file when they are many.
struct Kept {
    memory: Vec<u8>,
    at: usize,
    file: Option<std::fs::File>,
}

const KEPT_IN_MEMORY: usize = 32 << 20;

fn tempfile_or_memory() -> Kept {
    Kept { memory: Vec::new(), at: 0, file: None }
}

impl Kept {
    fn rewind(&mut self) -> Result<()> {
        use std::io::Seek;
        self.at = 0;
        match &mut self.file {
            Some(file) => file.rewind().map_err(importing),
            None => Ok(()),
        }
    }
}

impl Write for Kept {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        if let Some(file) = &mut self.file {
            return file.write(data);
        }
        if self.memory.len() + data.len() > KEPT_IN_MEMORY {
            let mut file = std::fs::File::from(rustix::fs::open(
                std::env::temp_dir(),
                rustix::fs::OFlags::TMPFILE | rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC,
                rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            )?);
            file.write_all(&std::mem::take(&mut self.memory))?;
            let written = file.write(data);
            self.file = Some(file);
            return written;
        }
        self.memory.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Read for Kept {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Some(file) = &mut self.file {
            return file.read(buffer);
        }
        let rest = &self.memory[self.at..];
        let got = rest.len().min(buffer.len());
        buffer[..got].copy_from_slice(&rest[..got]);
        self.at += got;
        Ok(got)
    }
}
