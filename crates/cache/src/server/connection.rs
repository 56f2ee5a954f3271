//! HTTP/1.1 as far as a cache needs it: requests with bounded heads, bodies by length or in chunks, answers of known and
//! unknown length.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use super::metrics::Metrics;

/// The longest head of a request.
const MAX_HEAD: u64 = 64 * 1024;

enum Plain {
    Tcp(TcpStream),
    Tls(Box<rustls::StreamOwned<rustls::ServerConnection, TcpStream>>),
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Plain::Tcp(stream) => stream.read(buffer),
            Plain::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Plain {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Plain::Tcp(stream) => stream.write(data),
            Plain::Tls(stream) => stream.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Plain::Tcp(stream) => stream.flush(),
            Plain::Tls(stream) => stream.flush(),
        }
    }
}

/// A connection.
pub(super) struct Stream {
    inner: BufReader<Plain>,
}

impl Stream {
    pub(super) fn new(tcp: TcpStream, tls: Option<Arc<rustls::ServerConfig>>) -> io::Result<Stream> {
        let plain = match tls {
            None => Plain::Tcp(tcp),
            Some(config) => {
                let connection = rustls::ServerConnection::new(config).map_err(io::Error::other)?;
                Plain::Tls(Box::new(rustls::StreamOwned::new(connection, tcp)))
            }
        };
        Ok(Stream { inner: BufReader::with_capacity(64 * 1024, plain) })
    }

    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        self.inner.get_mut().write_all(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.get_mut().flush()
    }
}

/// A request; its body is still in the stream.
pub(super) struct Request {
    pub(super) method: String,
    /// Without query, decoded.
    pub(super) path: String,
    headers: Vec<(String, String)>,
    http10: bool,
    /// Bytes of the body that are not read yet.
    left: BodyLeft,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyLeft {
    Bytes(u64),
    Chunks,
    Nothing,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn read_line(stream: &mut Stream, budget: &mut u64) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let got = (&mut stream.inner).take(*budget).read_until(b'\n', &mut line)?;
    *budget -= got as u64;
    if got == 0 {
        return if *budget == 0 { Err(bad("the head is too long")) } else { Ok(None) };
    }
    if line.pop() != Some(b'\n') {
        return Err(bad("the head is cut off or too long"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map(Some).map_err(|_| bad("the head is not UTF-8"))
}

impl Request {
    /// The next request; `None` when the client has no more.
    pub(super) fn read(stream: &mut Stream) -> io::Result<Option<Request>> {
        let mut budget = MAX_HEAD;
        let line = match read_line(stream, &mut budget) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(None),
            // nobody said anything for long
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err(bad("no request line"));
        };
        if !version.starts_with("HTTP/1.") {
            return Err(bad("another version of HTTP"));
        }
        let mut headers = Vec::new();
        loop {
            let line = read_line(stream, &mut budget)?.ok_or_else(|| bad("the head is cut off"))?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad("a header without a colon"))?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let mut request = Request {
            method: method.to_owned(),
            path: firn_transfer::percent_decode(path),
            headers,
            http10: version == "HTTP/1.0",
            left: BodyLeft::Nothing,
        };
        request.left = if request
            .header("transfer-encoding")
            .is_some_and(|v| v.eq_ignore_ascii_case("chunked"))
        {
            BodyLeft::Chunks
        } else {
            match request.header("content-length") {
                None => BodyLeft::Nothing,
                Some(text) => BodyLeft::Bytes(text.parse().map_err(|_| bad("a length that is no number"))?),
            }
        };
        Ok(Some(request))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Whether the client may send another request: it said so, and nothing of this one is left.
    pub(super) fn keeps_alive(&self) -> bool {
        let wish = self.header("connection").unwrap_or_default().to_ascii_lowercase();
        self.left == BodyLeft::Nothing
            && !wish.contains("close")
            && (!self.http10 || wish.contains("keep-alive"))
    }

    /// The body, of at most `limit` bytes, into `out`.
    pub(super) fn read_body(
        &mut self,
        stream: &mut Stream,
        limit: u64,
        out: &mut dyn Write,
    ) -> io::Result<u64> {
        if self.header("expect").is_some_and(|v| v.eq_ignore_ascii_case("100-continue")) {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            stream.flush()?;
        }
        let too_long = || bad("the body is too long");
        let copied = match self.left {
            BodyLeft::Nothing => 0,
            BodyLeft::Bytes(len) if len > limit => return Err(too_long()),
            BodyLeft::Bytes(len) => {
                let copied = io::copy(&mut (&mut stream.inner).take(len), out)?;
                if copied != len {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                copied
            }
            BodyLeft::Chunks => {
                let mut total = 0;
                loop {
                    let line = read_line(stream, &mut MAX_HEAD.clone())?
                        .ok_or_else(|| bad("the body is cut off"))?;
                    let size = line.split(';').next().unwrap_or_default().trim();
                    let size = u64::from_str_radix(size, 16).map_err(|_| bad("a chunk without a size"))?;
                    if size == 0 {
                        while read_line(stream, &mut MAX_HEAD.clone())?.is_some_and(|l| !l.is_empty()) {}
                        break total;
                    }
                    total += size;
                    if total > limit {
                        return Err(too_long());
                    }
                    let copied = io::copy(&mut (&mut stream.inner).take(size), out)?;
                    if copied != size {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    read_line(stream, &mut MAX_HEAD.clone())?;
                }
            }
        };
        self.left = BodyLeft::Nothing;
        Ok(copied)
    }

    /// The bytes that a `Range` header wants of `size`: first and behind the last.
    pub(super) fn range(&self, size: u64) -> Option<Result<(u64, u64), ()>> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        if range.contains(',') {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        let (start, end) = match (start.trim(), end.trim()) {
            ("", last) => (size.saturating_sub(last.parse().ok()?), size),
            (first, "") => (first.parse().ok()?, size),
            (first, last) => (first.parse().ok()?, last.parse::<u64>().ok()?.saturating_add(1).min(size)),
        };
        Some(if start < end && start < size { Ok((start, end)) } else { Err(()) })
    }
}

/// Writes a body.
pub(super) type WriteBody = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()>>;

/// What is sent.
pub(super) enum Body {
    Bytes(Vec<u8>),
    /// A stream whose length may be known.
    Stream(Option<u64>, WriteBody),
}

/// An answer.
pub(super) struct Response {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

impl Response {
    pub(super) fn new(status: u16, mime_type: &str, body: Body) -> Response {
        Response { status, headers: vec![("Content-Type".into(), mime_type.into())], body }
    }

    pub(super) fn text(status: u16, text: &str) -> Response {
        Response::new(status, "text/plain; charset=utf-8", Body::Bytes(text.as_bytes().to_vec()))
    }

    pub(super) fn not_found() -> Response {
        Response::text(404, "not found\n")
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Response {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends it; false if the connection cannot go on.
    pub(super) fn write(self, request: &Request, stream: &mut Stream, metrics: &Metrics) -> io::Result<bool> {
        let reason = match self.status {
            200 => "OK",
            201 => "Created",
            204 => "No Content",
            206 => "Partial Content",
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            409 => "Conflict",
            413 => "Content Too Large",
            416 => "Range Not Satisfiable",
            _ => "Internal Server Error",
        };
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let alive = request.keeps_alive();
        let length = match &self.body {
            Body::Bytes(bytes) => Some(bytes.len() as u64),
            Body::Stream(length, _) => *length,
        };
        let chunked = length.is_none() && !request.http10;
        match length {
            Some(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
            None if chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
            None => {}
        }
        let goes_on = alive && (length.is_some() || chunked);
        head.push_str(if goes_on { "Connection: keep-alive\r\n\r\n" } else { "Connection: close\r\n\r\n" });
        if request.method == "HEAD" {
            stream.write_all(head.as_bytes())?;
            stream.flush()?;
            return Ok(goes_on);
        }
        match self.body {
            Body::Bytes(bytes) => {
                let mut whole = head.into_bytes();
                whole.extend_from_slice(&bytes);
                stream.write_all(&whole)?;
                metrics.sent(bytes.len() as u64);
            }
            Body::Stream(length, write) => {
                stream.write_all(head.as_bytes())?;
                let mut out = Out { stream, chunked, sent: 0, piece: Vec::new() };
                write(&mut out)?;
                out.finish()?;
                metrics.sent(out.sent);
                if length.is_some_and(|length| length != out.sent) {
                    // whoever reads has to notice that it is not whole
                    return Ok(false);
                }
            }
        }
        stream.flush()?;
        Ok(goes_on)
    }
}

/// A body on its way, in chunks where its length is not known.
struct Out<'a> {
    stream: &'a mut Stream,
    chunked: bool,
    sent: u64,
    piece: Vec<u8>,
}

const PIECE: usize = 64 * 1024;

impl Out<'_> {
    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        if self.chunked {
            self.stream.write_all(format!("{:x}\r\n", self.piece.len()).as_bytes())?;
        }
        self.stream.write_all(&self.piece)?;
        if self.chunked {
            self.stream.write_all(b"\r\n")?;
        }
        self.sent += self.piece.len() as u64;
        self.piece.clear();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.send()?;
        if self.chunked { self.stream.write_all(b"0\r\n\r\n") } else { Ok(()) }
    }
}

impl Write for Out<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(data);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
