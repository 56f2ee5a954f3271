//! What is read from the cache.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use firn_nar::Listing;
use firn_path::{HASH_LEN, StorePath};
use firn_source::Compression;
use firn_store::{PathInfo, Store, StoreError};

use super::Server;
use super::connection::{Body, Request, Response};
use crate::narinfo::NarInfo;

/// An error of the store as an answer: what is not there, or what went wrong.
fn failed(e: &StoreError) -> Response {
    match e {
        StoreError::InvalidPath(_) | StoreError::InvalidHashPart => Response::not_found(),
        e => Response::text(500, &format!("{e}\n")),
    }
}

impl Server {
    pub(super) fn read(&self, path: &str, request: &Request) -> Response {
        match path {
            "" => Response::text(200, "This is a Nix binary cache, served by Firn.\n"),
            "nix-cache-info" => {
                let text = format!(
                    "StoreDir: {}\nWantMassQuery: 1\nPriority: {}\n",
                    self.dir().as_str(),
                    self.options.priority
                );
                Response::new(200, "text/x-nix-cache-info", Body::Bytes(text.into_bytes()))
            }
            "health" => match self.store.path_from_hash_part(&"0".repeat(HASH_LEN)) {
                Ok(_) => Response::text(200, "ok\n"),
                Err(e) => Response::text(500, &format!("{e}\n")),
            },
            "metrics" => {
                let text = self.metrics.render(self.running.load(Ordering::Relaxed));
                Response::new(200, "text/plain; version=0.0.4", Body::Bytes(text.into_bytes()))
            }
            _ => self.read_file(path, request),
        }
    }

    fn read_file(&self, path: &str, request: &Request) -> Response {
        let answer = if let Some(part) = path.strip_suffix(".narinfo") {
            self.narinfo(part)
        } else if let Some(name) = path.strip_prefix("nar/") {
            self.nar(name, request)
        } else if let Some(part) = path.strip_suffix(".ls") {
            self.listing(part)
        } else if let Some(name) = path.strip_prefix("log/") {
            self.log(name)
        } else if let Some(name) = path.strip_prefix("pins/") {
            return self.read_pin(name);
        } else if let Some(rest) = path.strip_prefix("build-trace-v2/") {
            self.realisation(rest)
        } else {
            return Response::not_found();
        };
        answer.unwrap_or_else(|e| failed(&e))
    }

    fn find(&self, part: &str) -> Result<Arc<PathInfo>, StoreError> {
        let missing = || StoreError::InvalidPath(part.to_owned());
        if part.len() != HASH_LEN {
            return Err(missing());
        }
        let path = self.store.path_from_hash_part(part)?.ok_or_else(missing)?;
        self.store.require_info(&path)
    }

    fn narinfo(&self, part: &str) -> Result<Response, StoreError> {
        let found = self.find(part)?;
        let mut info = (*found).clone();
        for key in &self.options.keys {
            info.sign(self.dir(), key)?;
        }
        let extension = if self.options.compress { ".zst" } else { "" };
        let hash = info.nar_hash.nix32();
        let narinfo = NarInfo {
            // the path's hash part finds the archive, the archive's hash says that it is still the same
            url: format!("nar/{part}-{hash}.nar{extension}"),
            compression: if self.options.compress { Compression::Zstd } else { Compression::None },
            file_hash: (!self.options.compress).then_some(info.nar_hash),
            file_size: if self.options.compress { 0 } else { info.nar_size },
            info,
        };
        let text = narinfo.render(self.dir());
        Ok(Response::new(200, "text/x-nix-narinfo", Body::Bytes(text.into_bytes())))
    }

    fn nar(&self, name: &str, request: &Request) -> Result<Response, StoreError> {
        let missing = || StoreError::InvalidPath(name.to_owned());
        let (name, packed) = match name.strip_suffix(".zst") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (part, hash) = name.strip_suffix(".nar").and_then(|n| n.split_once('-')).ok_or_else(missing)?;
        let info = self.find(part)?;
        if info.nar_hash.nix32() != hash {
            return Err(missing());
        }
        // kept while it is sent
        self.store.add_temp_root(&info.path)?;
        let (store, path) = (self.store.clone(), info.path.clone());
        if packed {
            let write = move |out: &mut dyn Write| {
                let mut encoder = zstd::stream::write::Encoder::new(out, 3)?;
                store.write_nar(&path, &mut encoder).map_err(io::Error::other)?;
                encoder.finish().map(drop)
            };
            return Ok(Response::new(200, "application/x-nix-nar", Body::Stream(None, Box::new(write))));
        }
        let size = info.nar_size;
        let whole = move |store: &dyn Store, path: &StorePath, out: &mut dyn Write| {
            store.write_nar(path, out).map_err(io::Error::other)
        };
        let response = match request.range(size) {
            None => {
                let write = move |out: &mut dyn Write| whole(&*store, &path, out);
                Response::new(200, "application/x-nix-nar", Body::Stream(Some(size), Box::new(write)))
            }
            Some(Err(())) => Response::text(416, "").header("Content-Range", &format!("bytes */{size}")),
            Some(Ok((start, end))) => {
                let write = move |out: &mut dyn Write| {
                    let mut window = Window { out, skip: start, left: end - start };
                    match whole(&*store, &path, &mut window) {
                        // all that was wanted has been sent
                        Err(_) if window.left == 0 => Ok(()),
                        other => other,
                    }
                };
                Response::new(206, "application/x-nix-nar", Body::Stream(Some(end - start), Box::new(write)))
                    .header("Content-Range", &format!("bytes {start}-{}/{size}", end - 1))
            }
        };
        Ok(response.header("Accept-Ranges", "bytes").header("ETag", &format!("\"{hash}\"")))
    }

    fn listing(&self, part: &str) -> Result<Response, StoreError> {
        let info = self.find(part)?;
        // listings read whole archives: one at a time
        let _turn = self.listings.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (mut writer, reader) = firn_store::pipe::pipe();
        let (store, path) = (self.store.clone(), info.path.clone());
        let writing = std::thread::spawn(move || store.write_nar(&path, &mut writer));
        let listing = Listing::read(reader);
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let json = listing.map_err(StoreError::from).and_then(|l| Ok(l.to_file()?));
        let json = match (json, written) {
            (Ok(json), _) => json,
            (Err(_), Err(e)) | (Err(e), Ok(())) => return Err(e),
        };
        Ok(Response::new(200, "application/json", Body::Bytes(json.to_string().into_bytes())))
    }

    fn log(&self, name: &str) -> Result<Response, StoreError> {
        let path = StorePath::from_base_name(name)?;
        let log = self.store.build_log(&path)?.ok_or_else(|| StoreError::InvalidPath(name.to_owned()))?;
        Ok(Response::new(200, "text/plain; charset=utf-8", Body::Bytes(log)))
    }

    fn realisation(&self, name: &str) -> Result<Response, StoreError> {
        let missing = || StoreError::InvalidPath(name.to_owned());
        let (drv, output) = name.strip_suffix(".doi").and_then(|n| n.split_once('/')).ok_or_else(missing)?;
        let drv = StorePath::from_base_name(drv)?;
        let found = Store::realisation(&*self.store, &drv, output)?.ok_or_else(missing)?;
        let json = serde_json::json!({
            "outPath": found.path.base_name(),
            "signatures": found.sigs.iter().collect::<Vec<_>>(),
        });
        Ok(Response::new(200, "application/json", Body::Bytes(json.to_string().into_bytes())))
    }
}

/// Lets a part of what is written through.
struct Window<'a> {
    out: &'a mut dyn Write,
    skip: u64,
    left: u64,
}

impl Write for Window<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(data.len());
        self.skip -= skipped as u64;
        let rest = &data[skipped..];
        let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
        self.out.write_all(&rest[..taken])?;
        self.left -= taken as u64;
        if self.left == 0 && taken < rest.len() {
            // nothing more is wanted: the archive is not read to its end
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
