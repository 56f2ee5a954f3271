//! Caches behind HTTP.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use firn_events::Events;
use firn_store::StoreError;
use firn_store::pipe::pipe;
use firn_transfer::{Body, ErrorKind, Method, Request, Transfer};

use crate::error::CacheError;
use crate::medium::{Medium, ReadFile, Upload};

/// Puts what a service needs into a request: signatures of S3.
pub(crate) type Prepare = Arc<dyn Fn(&mut Request) -> Result<(), CacheError> + Send + Sync>;

/// A server.
pub(crate) struct HttpMedium {
    /// The address in messages.
    uri: String,
    /// Where files are, ending with a slash.
    base: String,
    transfer: Transfer,
    events: Events,
    attempts: Option<u32>,
    prepare: Option<Prepare>,
    disabled: AtomicBool,
}

impl HttpMedium {
    pub(crate) fn new(
        uri: String,
        base: String,
        transfer: Transfer,
        events: Events,
        attempts: Option<u32>,
        prepare: Option<Prepare>,
    ) -> Self {
        let base = format!("{}/", base.trim_end_matches('/'));
        HttpMedium { uri, base, transfer, events, attempts, prepare, disabled: AtomicBool::new(false) }
    }

    pub(crate) fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    pub(crate) fn request(&self, name: &str, method: Method) -> Result<Request, CacheError> {
        if self.disabled.load(Ordering::Relaxed) {
            return Err(CacheError::Disabled(self.uri.clone()));
        }
        let url = if name.contains("://") { name.to_owned() } else { format!("{}{name}", self.base) };
        let mut request = Request { url, method, attempts: self.attempts, ..Request::default() };
        if let Some(prepare) = &self.prepare {
            prepare(&mut request)?;
        }
        Ok(request)
    }

    /// Gives the cache up for this command if it cannot be reached at all: others should not wait for it again and again.
    fn note(&self, error: firn_transfer::Error) -> CacheError {
        let unreachable = error.kind == ErrorKind::Transient && error.status == 0;
        if unreachable && !self.disabled.swap(true, Ordering::Relaxed) {
            self.events.warn(format!("{error}\ndisabling binary cache '{}' for this command", self.uri));
        }
        error.into()
    }

    /// Sends a body whose length may not be known to be small.
    pub(crate) fn send(&self, name: &str, body: Body, encoding: Option<&str>) -> Result<(), CacheError> {
        let mut request = self.request(name, Method::Put)?;
        request.body = Some(body);
        if let Some(encoding) = encoding {
            request.headers.push(("Content-Encoding".into(), encoding.into()));
        }
        self.transfer.upload(&request).map(drop).map_err(|e| {
            CacheError::Parameter(format!("{e}\nwhile uploading to HTTP binary cache at '{}'", self.uri))
        })
    }
}

impl Medium for HttpMedium {
    fn uri(&self) -> String {
        self.uri.clone()
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn get(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, CacheError> {
        match self.transfer.fetch(&self.request(name, Method::Get)?, limit) {
            Ok((data, _)) => Ok(Some(data)),
            Err(e) if e.is_missing() => Ok(None),
            Err(e) => Err(self.note(e)),
        }
    }

    fn read(&self, name: &str, read: &mut ReadFile<'_>) -> Result<bool, StoreError> {
        let request = self.request(name, Method::Get)?;
        let (mut writer, mut reader) = pipe();
        let (consumed, downloaded) = std::thread::scope(|scope| {
            let transfer = &self.transfer;
            let downloading = scope.spawn(move || {
                let mut gone = false;
                let mut sink = Tee { out: &mut writer, gone: &mut gone };
                let result = transfer.download(&request, &mut sink);
                let flushed = writer.flush().is_ok();
                (result, gone || !flushed)
            });
            let consumed = read(&mut reader);
            drop(reader);
            let downloaded = downloading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (consumed, downloaded)
        });
        match (consumed, downloaded) {
            // whoever reads has stopped: by an error of its own, or because it had all that it wanted
            (consumed, (_, true)) => consumed.map(|()| true),
            (_, (Err(e), false)) if e.is_missing() => Ok(false),
            (_, (Err(e), false)) => Err(self.note(e).into()),
            (consumed, (Ok(_), false)) => consumed.map(|()| true),
        }
    }

    fn exists(&self, name: &str) -> Result<bool, CacheError> {
        self.transfer.exists(&self.request(name, Method::Head)?).map_err(|e| self.note(e))
    }

    fn put(&self, name: &str, upload: Upload) -> Result<(), CacheError> {
        self.send(name, upload.body, upload.encoding)
    }
}

/// Notes that the reader has gone away.
struct Tee<'a, W> {
    out: &'a mut W,
    gone: &'a mut bool,
}

impl<W: Write> Write for Tee<'_, W> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let result = self.out.write(data);
        *self.gone |= result.is_err();
        result
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
