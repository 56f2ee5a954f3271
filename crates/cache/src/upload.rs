//! Archives on their way into a cache: hashed, listed and packed in one pass, into a temporary file whose hash is its name.

use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

use firn_hash::{Algo, Hasher};
use firn_nar::Listing;
use firn_source::{Compression, FinishWrite};
use firn_store::{PathInfo, Result, StoreError};
use firn_transfer::Body;

use crate::binary_cache::BinaryCache;
use crate::error::stream;
use crate::medium::Upload;
use crate::narinfo::NarInfo;

impl BinaryCache {
    /// Stores an archive unless the cache has the same one; gives the narinfo, which is not written yet.
    pub(crate) fn upload(&self, info: &PathInfo, nar: &mut dyn Read, repair: bool) -> Result<NarInfo> {
        self.medium.prepare()?;
        let packed = self.pack(info, nar)?;
        let config = &self.config;
        let url = format!("nar/{}.nar{}", packed.hash.nix32(), config.compression.extension());
        if config.write_listing {
            let json = packed.listing.to_file()?.to_string();
            let name = format!("{}.ls", info.path.hash_part());
            self.put_small(&name, json.into_bytes(), "application/json", 1)?;
        }
        if config.index_debug_info {
            self.index_debug_info(&packed.listing, &url)?;
        }
        let size = packed.size;
        let hash = packed.hash;
        if repair || !self.medium.exists(&url)? {
            self.medium.put(&url, packed.into_upload()?)?;
        }
        let mut info = info.clone();
        info.ultimate = false;
        Ok(NarInfo { info, url, compression: config.compression, file_hash: Some(hash), file_size: size })
    }

    fn pack(&self, info: &PathInfo, nar: &mut dyn Read) -> Result<Packed> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".tmp-");
        let file = match self.medium.temp_dir() {
            Some(dir) => builder.tempfile_in(dir),
            None => builder.tempfile(),
        }
        .map_err(stream("creating a temporary file"))?;
        let reopened = file.reopen().map_err(stream("opening a temporary file"))?;
        let sink = HashingFile {
            file: io::BufWriter::with_capacity(256 * 1024, reopened),
            hasher: Hasher::new(Algo::Sha256),
        };
        let packer = self.packer(sink).map_err(stream("compressing"))?;
        let mut tee = Tee { nar, packer, hasher: Hasher::new(Algo::Sha256) };
        let listing = Listing::read(&mut tee)?;
        let nar_size = tee.hasher.bytes();
        let nar_hash = tee.hasher.finish();
        if nar_hash != info.nar_hash || nar_size != info.nar_size {
            // what is damaged must not spread
            return Err(StoreError::HashMismatch {
                path: self.config.store_dir.print(&info.path),
                specified: info.nar_hash.sri(),
                got: nar_hash.sri(),
            });
        }
        let mut sink = tee.packer.finish().map_err(stream("compressing"))?;
        sink.file.flush().map_err(stream("writing a temporary file"))?;
        let size = sink.hasher.bytes();
        Ok(Packed { file, hash: sink.hasher.finish(), size, listing })
    }

    fn packer(&self, sink: HashingFile) -> io::Result<Box<dyn FinishWrite<HashingFile>>> {
        let config = &self.config;
        if config.compression == Compression::Zstd && config.parallel_compression {
            let mut encoder = zstd::stream::write::Encoder::new(sink, config.compression_level.unwrap_or(3))?;
            let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
            encoder.multithread(u32::try_from(threads).unwrap_or(1))?;
            return Ok(Box::new(encoder));
        }
        config.compression.writer(sink, config.compression_level)
    }

    /// For every `lib/debug/.build-id/xx/yyyy.debug` a file that says where it is.
    fn index_debug_info(&self, listing: &Listing, url: &str) -> Result<()> {
        let Some(Listing::Directory(folders)) = listing.find(b"lib/debug/.build-id") else { return Ok(()) };
        let is_hex = |text: &str, len: usize| {
            text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        for (start, folder) in folders {
            let Listing::Directory(files) = folder else { continue };
            let Ok(start) = std::str::from_utf8(start) else { continue };
            for (name, file) in files {
                let rest = std::str::from_utf8(name).ok().and_then(|n| n.strip_suffix(".debug"));
                let (Some(rest), Listing::Regular { .. }) = (rest, file) else { continue };
                let key = format!("debuginfo/{start}{rest}");
                if !is_hex(start, 2) || !is_hex(rest, 38) || self.medium.exists(&key)? {
                    continue;
                }
                let json = serde_json::json!({
                    "archive": format!("../{url}"),
                    "member": format!("lib/debug/.build-id/{start}/{rest}.debug"),
                });
                self.medium.put(&key, Upload::bytes(json.to_string().into_bytes(), "application/json"))?;
            }
        }
        Ok(())
    }
}

struct Packed {
    file: tempfile::NamedTempFile,
    hash: firn_hash::Hash,
    size: u64,
    listing: Listing,
}

impl Packed {
    fn into_upload(self) -> Result<Upload> {
        let handle = Arc::new(self.file.reopen().map_err(stream("opening a temporary file"))?);
        let body = Body {
            open: Arc::new(move || {
                let mut file = handle.try_clone()?;
                file.rewind()?;
                Ok(Box::new(file))
            }),
            size: self.size,
            mime_type: "application/x-nix-nar".to_owned(),
        };
        Ok(Upload { body, file: Some(self.file), encoding: None })
    }
}

struct HashingFile {
    file: io::BufWriter<std::fs::File>,
    hasher: Hasher,
}

impl Write for HashingFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write_all(data)?;
        self.hasher.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Hashes and packs what is read through it.
struct Tee<'a> {
    nar: &'a mut dyn Read,
    packer: Box<dyn FinishWrite<HashingFile>>,
    hasher: Hasher,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.nar.read(buffer)?;
        self.hasher.update(&buffer[..got]);
        self.packer.write_all(&buffer[..got])?;
        Ok(got)
    }
}
