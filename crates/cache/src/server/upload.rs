//! What `nix copy --to http://…` sends: archives first, each under the hash of its packed form, then narinfos. An archive
//! waits in the server's folder until its narinfo comes; then it is unpacked, checked and registered.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;

use firn_store::{AddOptions, Store, StoreError};

use super::Server;
use super::connection::{Request, Response, Stream};
use crate::medium::unpack_small;
use crate::narinfo::{MAX_NARINFO, NarInfo};

/// The largest log that is taken.
const MAX_LOG: u64 = 64 << 20;

/// The name of an archive as it waits: nothing but the characters of hashes and endings.
fn is_archive(name: &str) -> bool {
    name.len() < 200
        && !name.starts_with('.')
        && name.contains(".nar")
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

impl Server {
    fn waiting(&self, name: &str) -> PathBuf {
        self.options.state_dir.join("uploads").join(name)
    }

    pub(super) fn take_upload(&self, path: &str, request: &mut Request, stream: &mut Stream) -> Response {
        let answer = if let Some(name) = path.strip_prefix("nar/") {
            self.take_archive(name, request, stream)
        } else if path.ends_with(".narinfo") {
            self.take_narinfo(path, request, stream)
        } else if let Some(name) = path.strip_prefix("log/") {
            self.take_log(name, request, stream)
        } else if path == "nix-cache-info" || path.ends_with(".ls") || path.starts_with("debuginfo/") {
            // made from the store when they are asked for
            request
                .read_body(stream, MAX_LOG, &mut std::io::sink())
                .map(|_| Response::text(200, ""))
                .map_err(|e| Response::text(400, &format!("{e}\n")))
        } else {
            Err(Response::not_found())
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    fn take_archive(
        &self,
        name: &str,
        request: &mut Request,
        stream: &mut Stream,
    ) -> Result<Response, Response> {
        if !is_archive(name) {
            return Err(Response::not_found());
        }
        let folder = self.options.state_dir.join("uploads");
        let failed = |e: std::io::Error| Response::text(500, &format!("{e}\n"));
        let mut file = tempfile::Builder::new().prefix(".tmp-").tempfile_in(folder).map_err(failed)?;
        request.read_body(stream, u64::MAX, &mut file).map_err(|e| Response::text(400, &format!("{e}\n")))?;
        file.flush().map_err(failed)?;
        file.persist(self.waiting(name)).map_err(|e| failed(e.error))?;
        Ok(Response::text(201, ""))
    }

    fn take_narinfo(
        &self,
        path: &str,
        request: &mut Request,
        stream: &mut Stream,
    ) -> Result<Response, Response> {
        let bad = |text: String| Response::text(400, &format!("{text}\n"));
        let mut body = Vec::new();
        request.read_body(stream, MAX_NARINFO as u64, &mut body).map_err(|e| bad(e.to_string()))?;
        let body = unpack_small(body, |d| d.starts_with(b"StorePath"));
        let narinfo = NarInfo::parse(self.dir(), &String::from_utf8_lossy(&body), path)
            .map_err(|e| bad(e.to_string()))?;
        if NarInfo::file_name(&narinfo.info.path) != path {
            return Err(bad("the narinfo is another path's".to_owned()));
        }
        match self.register(&narinfo) {
            Ok(()) => {
                self.metrics.uploaded();
                Ok(Response::text(201, ""))
            }
            Err(e @ StoreError::Unsigned(_)) => Err(Response::text(403, &format!("{e}\n"))),
            Err(e) => Err(bad(e.to_string())),
        }
    }

    fn register(&self, narinfo: &NarInfo) -> Result<(), StoreError> {
        let path = &narinfo.info.path;
        self.store.add_temp_root(path)?;
        if self.store.is_valid(path)? {
            // what is there stays; signatures may be new
            if !narinfo.info.sigs.is_empty() {
                self.store.add_signatures(path, &narinfo.info.sigs)?;
            }
            return Ok(());
        }
        let gone = || StoreError::Remote(format!("the archive '{}' was not uploaded", narinfo.url));
        let name = narinfo.url.strip_prefix("nar/").filter(|n| is_archive(n)).ok_or_else(gone)?;
        let waiting = self.waiting(name);
        let file = File::open(&waiting).map_err(|_| gone())?;
        let unpacked = narinfo.compression.reader(BufReader::with_capacity(128 * 1024, file));
        let mut unpacked =
            unpacked.map_err(|source| StoreError::Stream { action: "decompressing", source })?;
        let options = AddOptions { repair: false, check_sigs: self.options.check_sigs };
        self.store.add_nar(&narinfo.info, &mut unpacked as &mut dyn Read, options)?;
        // another path may have the same archive and come later: it will be sent again then
        let _ = std::fs::remove_file(waiting);
        Ok(())
    }

    fn take_log(&self, name: &str, request: &mut Request, stream: &mut Stream) -> Result<Response, Response> {
        let drv = firn_path::StorePath::from_base_name(name)
            .ok()
            .filter(firn_path::StorePath::is_derivation)
            .ok_or_else(Response::not_found)?;
        let mut log = Vec::new();
        request.read_body(stream, MAX_LOG, &mut log).map_err(|e| Response::text(400, &format!("{e}\n")))?;
        match Store::add_build_log(&*self.store, &drv, &log) {
            Ok(()) => Ok(Response::text(201, "")),
            Err(e) => Err(Response::text(500, &format!("{e}\n"))),
        }
    }
}
