//! What to transfer, and what came back.

use std::io::Read;
use std::sync::Arc;

use firn_events::ActivityId;

/// The method of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Method {
    /// Fetch a file.
    #[default]
    Get,
    /// Ask whether a file exists.
    Head,
    /// Store a file.
    Put,
    /// Send data to a service.
    Post,
    /// Delete a file.
    Delete,
}

impl Method {
    /// The word of error messages: `unable to download …`.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Method::Get | Method::Head => "download",
            Method::Put | Method::Post => "upload",
            Method::Delete => "delete",
        }
    }

    pub(crate) fn continuous(self) -> &'static str {
        match self {
            Method::Get | Method::Head => "downloading",
            Method::Put | Method::Post => "uploading",
            Method::Delete => "deleting",
        }
    }
}

/// Opens the body again for every attempt.
type OpenBody = dyn Fn() -> std::io::Result<Box<dyn Read + Send>> + Send + Sync;

/// A body to send. It can be opened again for another attempt.
#[derive(Clone)]
pub struct Body {
    /// Opens the body at its beginning.
    pub open: Arc<OpenBody>,
    /// Its length in bytes.
    pub size: u64,
    /// Its `Content-Type`; empty for none.
    pub mime_type: String,
}

impl Body {
    /// A body from memory.
    pub fn bytes(data: impl Into<Arc<[u8]>>, mime_type: impl Into<String>) -> Body {
        let data: Arc<[u8]> = data.into();
        let size = data.len() as u64;
        Body {
            open: Arc::new(move || Ok(Box::new(std::io::Cursor::new(data.clone())))),
            size,
            mime_type: mime_type.into(),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("size", &self.size).finish_non_exhaustive()
    }
}

/// One transfer.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Where: `http://`, `https://` or `file://`.
    pub url: String,
    /// How.
    pub method: Method,
    /// More headers. They are sent to the host of `url` only, not to where it redirects.
    pub headers: Vec<(String, String)>,
    /// If the server's version is still this one, it answers "not modified" ([`Response::cached`]).
    pub expected_etag: Option<String>,
    /// What to send.
    pub body: Option<Body>,
    /// The activity that this is part of.
    pub parent: ActivityId,
    /// Instead of the setting `filetransfer-retry-attempts`.
    pub attempts: Option<u32>,
    /// Let the server compress the answer; only for small answers that are held in memory.
    pub accept_gzip: bool,
}

impl Request {
    /// Fetches `url`.
    pub fn get(url: impl Into<String>) -> Request {
        Request { url: url.into(), ..Request::default() }
    }

    /// Asks whether `url` exists.
    pub fn head(url: impl Into<String>) -> Request {
        Request { url: url.into(), method: Method::Head, ..Request::default() }
    }

    /// Stores `body` at `url`.
    pub fn put(url: impl Into<String>, body: Body) -> Request {
        Request { url: url.into(), method: Method::Put, body: Some(body), ..Request::default() }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What a transfer gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The file is still the one with [`Request::expected_etag`]; nothing was written.
    pub cached: bool,
    /// The server's version mark; empty if it gave none.
    pub etag: String,
    /// The URLs in the order of redirects; the last one answered.
    pub urls: Vec<String>,
    /// What the server's `Link: <…>; rel="immutable"` names: a URL of this very version.
    pub immutable_url: Option<String>,
    /// Bytes written.
    pub size: u64,
}
