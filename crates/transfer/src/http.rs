//! The transfer itself: connections, redirects, resuming, retrying.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use firn_events::{Activity, ActivityKind, Events, Field, Level};
use ureq::http::{Response as HttpResponse, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Proxy, SendBody};

use crate::error::{Error, ErrorKind};
use crate::netrc::Netrc;
use crate::request::{Method, Request, Response};
use crate::settings::TransferSettings;
use crate::{file, retry, url};

const MAX_REDIRECTS: usize = 10;
/// An error answer is kept for the message up to this size.
const MAX_ERROR_BODY: u64 = 64 * 1024;

/// Downloads and uploads. Cloning gives another handle to the same connections.
#[derive(Clone)]
pub struct Transfer {
    inner: Arc<Inner>,
}

struct Inner {
    settings: TransferSettings,
    events: Events,
    netrc: OnceLock<Netrc>,
    direct: OnceLock<Agent>,
    proxied: Mutex<Vec<(String, Agent)>>,
    cancelled: AtomicBool,
    running: Mutex<usize>,
    free: Condvar,
}

impl std::fmt::Debug for Transfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transfer").finish_non_exhaustive()
    }
}

/// What one attempt has learned; kept for the next one.
#[derive(Default)]
struct Progress {
    written: u64,
    etag: String,
}

impl Transfer {
    /// Transfers with these settings, reporting to `events`. Nothing is read or opened before the first transfer.
    pub fn new(settings: TransferSettings, events: Events) -> Transfer {
        Transfer {
            inner: Arc::new(Inner {
                settings,
                events,
                netrc: OnceLock::new(),
                direct: OnceLock::new(),
                proxied: Mutex::new(Vec::new()),
                cancelled: AtomicBool::new(false),
                running: Mutex::new(0),
                free: Condvar::new(),
            }),
        }
    }

    /// Ends all transfers of this value and its clones, at once and for ever: they fail with [`ErrorKind::Interrupted`].
    pub fn cancel(&self) {
        self.inner.cancelled.store(true, Ordering::SeqCst);
        self.inner.free.notify_all();
        if let Some(agent) = self.inner.direct.get() {
            agent.clone().shutdown();
        }
        for (_, agent) in self.inner.proxied.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            agent.clone().shutdown();
        }
    }

    /// Performs `request` and writes the answer's body into `sink` as it arrives, resuming and retrying as the settings say.
    ///
    /// # Errors
    /// [`Error`] with the reference's message. What was written to `sink` before an error stays there.
    pub fn download(&self, request: &Request, sink: &mut dyn Write) -> Result<Response, Error> {
        let parts = url::split(&request.url).ok_or_else(|| malformed(request))?;
        match parts.scheme.to_ascii_lowercase().as_str() {
            "file" => return file::read(request, &parts, sink),
            "http" | "https" => {}
            scheme => {
                return Err(Error::new(
                    ErrorKind::Misc,
                    format!(
                        "unable to {} '{}': Unsupported protocol (1) Protocol \"{scheme}\" not supported",
                        request.method.verb(),
                        url::display_url(&request.url)
                    ),
                ));
            }
        }
        let _slot = self.wait_for_slot(request)?;
        let shown = url::display_url(&request.url);
        let activity = self.inner.events.start(
            request.parent,
            Level::Talkative,
            ActivityKind::FileTransfer,
            format!("{} '{shown}'", request.method.continuous()),
            vec![Field::Text(shown)],
        );
        self.attempts(request, sink, &activity)
    }

    /// Performs `request` and gives the body, of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Transfer::download`]; also if the body is longer than `limit`.
    pub fn fetch(&self, request: &Request, limit: usize) -> Result<(Vec<u8>, Response), Error> {
        let mut sink = Bounded { data: Vec::new(), limit };
        let request = Request { accept_gzip: true, ..request.clone() };
        let response = self.download(&request, &mut sink)?;
        Ok((sink.data, response))
    }

    /// Sends a request whose answer does not matter: stores or deletes a file.
    ///
    /// # Errors
    /// As [`Transfer::download`].
    pub fn upload(&self, request: &Request) -> Result<Response, Error> {
        self.download(request, &mut std::io::sink())
    }

    /// Whether the file exists.
    ///
    /// # Errors
    /// Any failure but "not there".
    pub fn exists(&self, request: &Request) -> Result<bool, Error> {
        let request = Request { method: Method::Head, ..request.clone() };
        match self.download(&request, &mut std::io::sink()) {
            Ok(_) => Ok(true),
            Err(e) if e.is_missing() => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn attempts(
        &self,
        request: &Request,
        sink: &mut dyn Write,
        activity: &Activity,
    ) -> Result<Response, Error> {
        let s = &self.inner.settings;
        let most = request.attempts.unwrap_or(s.attempts).max(1);
        let mut progress = Progress::default();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.attempt(request, sink, activity, &mut progress) {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if self.inner.cancelled.load(Ordering::SeqCst) {
                return Err(interrupted(request));
            }
            if error.kind != ErrorKind::Transient || attempt >= most {
                return Err(error);
            }
            let limited = matches!(error.status, 429 | 503);
            let base = if limited { s.retry_delay_rate_limited_ms } else { s.retry_delay_ms };
            let delay =
                retry::delay(attempt, base, s.retry_max_delay_ms, error.retry_after_ms, s.retry_jitter);
            let from = if progress.written > 0 {
                format!(" from offset {}", progress.written)
            } else {
                String::new()
            };
            self.inner.events.warn(format!(
                "{}; retrying{from} in {} ms (attempt {attempt}/{most})",
                error.message,
                delay.as_millis()
            ));
            self.sleep(delay, request)?;
        }
    }

    /// Waits, but not longer than until the transfer is cancelled.
    fn sleep(&self, delay: Duration, request: &Request) -> Result<(), Error> {
        let until = Instant::now() + delay;
        let mut running = self.inner.running.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if self.inner.cancelled.load(Ordering::SeqCst) {
                return Err(interrupted(request));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            running = self.inner.free.wait_timeout(running, left).map_or_else(|e| e.into_inner().0, |r| r.0);
        }
    }

    fn wait_for_slot(&self, request: &Request) -> Result<Slot<'_>, Error> {
        let most = self.inner.settings.http_connections;
        let mut running = self.inner.running.lock().unwrap_or_else(PoisonError::into_inner);
        while most != 0 && *running >= most && !self.inner.cancelled.load(Ordering::SeqCst) {
            running = self.inner.free.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        if self.inner.cancelled.load(Ordering::SeqCst) {
            return Err(interrupted(request));
        }
        *running += 1;
        Ok(Slot { inner: &self.inner })
    }

    /// One attempt: follows redirects, then copies the body from where the last attempt stopped.
    fn attempt(
        &self,
        request: &Request,
        sink: &mut dyn Write,
        activity: &Activity,
        progress: &mut Progress,
    ) -> Result<Response, Error> {
        let mut out = Response::default();
        let mut target = request.url.clone();
        loop {
            out.urls.push(target.clone());
            let answer = self.send(request, &target, progress)?;
            note_headers(&answer, &mut out);
            let status = answer.status();
            if status == StatusCode::NOT_MODIFIED && request.expected_etag.is_some() {
                out.cached = true;
                out.etag = request.expected_etag.clone().unwrap_or_default();
                return Ok(out);
            }
            if status.is_redirection() {
                let location = header_text(&answer, header::LOCATION.as_str());
                target = location
                    .and_then(|l| url::join(&target, l))
                    .filter(|t| url::split(t).is_some_and(|p| matches!(p.scheme, "http" | "https")))
                    .ok_or_else(|| self.status_error(request, status.as_u16(), None))?;
                if out.urls.len() > MAX_REDIRECTS {
                    let why = format!(
                        "Number of redirects hit maximum amount (47) Maximum ({MAX_REDIRECTS}) redirects followed"
                    );
                    return Err(self.error(request, ErrorKind::Misc, &why));
                }
                continue;
            }
            if !matches!(status.as_u16(), 200 | 201 | 202 | 204 | 206) {
                return Err(self.refused(request, answer));
            }
            if request.method != Method::Head {
                self.copy_body(request, answer, sink, activity, progress, &out.etag)?;
            }
            out.size = progress.written;
            return Ok(out);
        }
    }

    /// Sends the request to `target`, which is where redirects have led so far.
    fn send(
        &self,
        request: &Request,
        target: &str,
        progress: &Progress,
    ) -> Result<HttpResponse<ureq::Body>, Error> {
        let parts = url::split(target).ok_or_else(|| malformed(request))?;
        let mut builder = ureq::http::Request::builder()
            .uri(url::escape(&without_user(target, &parts)))
            .method(match request.method {
                Method::Get => "GET",
                Method::Head => "HEAD",
                Method::Put => "PUT",
                Method::Post => "POST",
                Method::Delete => "DELETE",
            });
        let own_host = url::split(&request.url)
            .is_some_and(|p| p.host().eq_ignore_ascii_case(parts.host()) && p.port() == parts.port());
        if own_host {
            for (name, value) in &request.headers {
                builder = builder.header(name, value);
            }
        }
        let has_auth =
            own_host && request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("authorization"));
        if !has_auth {
            let account = parts
                .user_info()
                .or_else(|| self.netrc().lookup(parts.host()).map(|c| (c.login.clone(), c.password.clone())));
            if let Some((login, password)) = account {
                builder = builder.header(
                    "Authorization",
                    format!("Basic {}", firn_hash::base64::encode(format!("{login}:{password}").as_bytes())),
                );
            }
        }
        if request.accept_gzip && progress.written == 0 && request.method == Method::Get {
            builder = builder.header("Accept-Encoding", "gzip");
        }
        if let Some(etag) = &request.expected_etag {
            builder = builder.header("If-None-Match", etag);
        }
        if progress.written > 0 {
            builder = builder.header("Range", format!("bytes={}-", progress.written));
            if progress.etag.starts_with('"') {
                builder = builder.header("If-Range", &progress.etag);
            }
        }
        let agent = self.agent_for(&parts).map_err(|why| self.error(request, ErrorKind::Misc, &why))?;
        let sent = match &request.body {
            Some(body) => {
                builder = builder.header("Content-Length", body.size);
                if !body.mime_type.is_empty() {
                    builder = builder.header("Content-Type", &body.mime_type);
                }
                let reader = (body.open)().map_err(|e| {
                    self.error(request, ErrorKind::Misc, &format!("reading the data to send failed: {e}"))
                })?;
                builder
                    .body(SendBody::from_owned_reader(reader))
                    .map_err(ureq::Error::from)
                    .and_then(|r| agent.run(r))
            }
            None => builder.body(()).map_err(ureq::Error::from).and_then(|r| agent.run(r)),
        };
        sent.map_err(|e| self.transport_error(request, &parts, &e))
    }

    fn copy_body(
        &self,
        request: &Request,
        answer: HttpResponse<ureq::Body>,
        sink: &mut dyn Write,
        activity: &Activity,
        progress: &mut Progress,
        etag: &str,
    ) -> Result<(), Error> {
        let mut skip = 0;
        if progress.written > 0 {
            let start = header_text(&answer, "content-range").and_then(range_start);
            let changed = !progress.etag.is_empty() && !etag.is_empty() && progress.etag != etag;
            if changed || (answer.status() == StatusCode::PARTIAL_CONTENT && start != Some(progress.written))
            {
                return Err(self.error(
                    request,
                    ErrorKind::Misc,
                    "the file changed while it was being downloaded",
                ));
            }
            if answer.status() != StatusCode::PARTIAL_CONTENT {
                // the server begins anew: leave out what the sink has
                skip = progress.written;
            }
        }
        progress.etag = etag.to_owned();
        let whole = answer.body().content_length().map_or(0, |n| n + progress.written - skip);
        let encoded = answer.headers().contains_key(header::CONTENT_ENCODING);
        let mut reader = answer.into_body().into_with_config().limit(u64::MAX).reader();
        let mut buffer = vec![0; 64 * 1024];
        let mut meter = Meter::new(self.inner.settings.download_speed);
        loop {
            let n = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.body_error(request, e)),
            };
            let fresh = &buffer[usize::try_from(skip).unwrap_or(usize::MAX).min(n)..n];
            skip -= skip.min(n as u64);
            if fresh.is_empty() {
                continue;
            }
            sink.write_all(fresh).map_err(|e| {
                self.error(request, ErrorKind::Misc, &format!("writing the data failed: {e}"))
            })?;
            progress.written += fresh.len() as u64;
            if meter.count(fresh.len()) {
                activity.progress(progress.written, whole);
            }
            if self.inner.cancelled.load(Ordering::Relaxed) {
                return Err(interrupted(request));
            }
        }
        if !encoded && whole > progress.written {
            let missing = whole - progress.written;
            let why = format!("Transferred a partial file (18) end of response with {missing} bytes missing");
            return Err(self.error(request, ErrorKind::Transient, &why));
        }
        activity.progress(progress.written, progress.written);
        Ok(())
    }

    fn netrc(&self) -> &Netrc {
        self.inner.netrc.get_or_init(|| {
            let text = self.inner.settings.netrc_file.as_ref().and_then(|p| std::fs::read(p).ok());
            text.map_or_else(Netrc::default, |t| Netrc::parse(&String::from_utf8_lossy(&t)))
        })
    }

    /// The agent for a URL: direct, or through the proxy that the environment names.
    fn agent_for(&self, parts: &url::Parts<'_>) -> Result<Agent, String> {
        match proxy_for(parts, |name| std::env::var(name).ok()) {
            None => Ok(self.inner.direct.get_or_init(|| self.new_agent(None)).clone()),
            Some(address) => {
                let mut all = self.inner.proxied.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((_, agent)) = all.iter().find(|(a, _)| *a == address) {
                    return Ok(agent.clone());
                }
                let proxy = Proxy::new(&address).map_err(|e| format!("bad proxy '{address}': {e}"))?;
                if !matches!(proxy.protocol(), ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https) {
                    return Err(format!("the proxy '{address}' is not an HTTP proxy"));
                }
                let agent = self.new_agent(Some(proxy));
                all.push((address, agent.clone()));
                Ok(agent)
            }
        }
    }

    fn new_agent(&self, proxy: Option<Proxy>) -> Agent {
        let s = &self.inner.settings;
        let seconds = |n: u64| (n > 0).then(|| Duration::from_secs(n));
        let mut user_agent = format!("firn/{} Nix/{}", env!("CARGO_PKG_VERSION"), s.nix_version);
        if !s.user_agent_suffix.is_empty() {
            user_agent.push(' ');
            user_agent.push_str(&s.user_agent_suffix);
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(self.root_certificates())))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(user_agent)
            .accept("*/*")
            .accept_encoding("")
            .proxy(proxy)
            .tls_config(tls)
            .timeout_connect(seconds(s.connect_timeout))
            .timeout_per_read(seconds(s.stalled_download_timeout))
            .timeout_per_write(seconds(s.stalled_download_timeout))
            .max_idle_connections(64)
            .max_idle_connections_per_host(32)
            .max_idle_age(Duration::from_secs(90))
            .build()
            .new_agent()
    }

    /// Certificates that cannot be read are left out; the handshake then fails and says so.
    fn root_certificates(&self) -> Vec<Certificate<'static>> {
        let Some(path) = &self.inner.settings.ca_file else { return Vec::new() };
        let data = match std::fs::read(path) {
            Ok(data) => data,
            Err(e) => {
                self.inner.events.warn(format!("cannot read the certificates of '{}': {e}", path.display()));
                return Vec::new();
            }
        };
        ureq::tls::parse_pem(&data)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(c)) => Some(c),
                _ => None,
            })
            .collect()
    }

    fn error(&self, request: &Request, kind: ErrorKind, why: &str) -> Error {
        Error::new(
            kind,
            format!("unable to {} '{}': {why}", request.method.verb(), url::display_url(&request.url)),
        )
    }

    fn status_error(&self, request: &Request, status: u16, body: Option<String>) -> Error {
        let mut e = self.error(request, Error::kind_of_status(status), &format!("HTTP error {status}"));
        e.status = status;
        e.response = body;
        e
    }

    fn refused(&self, request: &Request, answer: HttpResponse<ureq::Body>) -> Error {
        let status = answer.status().as_u16();
        let wait = header_text(&answer, "retry-after").and_then(retry::parse_retry_after);
        let mut body = Vec::new();
        let _ = answer.into_body().into_with_config().limit(MAX_ERROR_BODY).reader().read_to_end(&mut body);
        let mut e = self.status_error(request, status, Some(String::from_utf8_lossy(&body).into_owned()));
        e.retry_after_ms = wait;
        e
    }

    /// Failures before an answer, in curl's words: other programs look for them.
    fn transport_error(&self, request: &Request, parts: &url::Parts<'_>, e: &ureq::Error) -> Error {
        use std::io::ErrorKind as Io;
        let (host, port) = (parts.host(), parts.port());
        let (kind, why) = match e {
            ureq::Error::HostNotFound => (
                ErrorKind::Transient,
                format!("Could not resolve hostname (6) Could not resolve host: {host}"),
            ),
            ureq::Error::Io(io)
                if matches!(
                    io.kind(),
                    Io::ConnectionRefused
                        | Io::NetworkUnreachable
                        | Io::HostUnreachable
                        | Io::AddrNotAvailable
                ) =>
            {
                (
                    ErrorKind::Transient,
                    format!("Could not connect to server (7) Failed to connect to {host} port {port}: {io}"),
                )
            }
            ureq::Error::Io(io) if io.to_string().contains("failed to lookup address") => (
                ErrorKind::Transient,
                format!("Could not resolve hostname (6) Could not resolve host: {host}"),
            ),
            ureq::Error::Timeout(t) => (
                ErrorKind::Transient,
                format!("Timeout was reached (28) no answer from {host} port {port} in time ({t})"),
            ),
            ureq::Error::Rustls(rustls::Error::InvalidCertificate(why)) => {
                let hint = match &self.inner.settings.ca_file {
                    Some(f) => format!(" (trusted certificates: '{}')", f.display()),
                    None => " (no file of trusted certificates found; set NIX_SSL_CERT_FILE)".to_owned(),
                };
                (
                    ErrorKind::Misc,
                    format!(
                        "SSL peer certificate or SSH remote key was not OK (60) SSL certificate problem: {why:?}{hint}"
                    ),
                )
            }
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
                (ErrorKind::Transient, format!("SSL connect error (35) {e}"))
            }
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                (ErrorKind::Misc, format!("URL using bad/illegal format or missing URL (3) {e}"))
            }
            ureq::Error::InvalidProxyUrl => (ErrorKind::Misc, format!("{e}")),
            ureq::Error::Io(io) => match tls_cause(io) {
                Some(why) => (
                    ErrorKind::Misc,
                    format!(
                        "SSL peer certificate or SSH remote key was not OK (60) SSL certificate problem: {why}"
                    ),
                ),
                None => {
                    (ErrorKind::Transient, format!("Failure when receiving data from the peer (56) {io}"))
                }
            },
            e => (ErrorKind::Transient, format!("Failure when receiving data from the peer (56) {e}")),
        };
        self.error(request, kind, &why)
    }

    fn body_error(&self, request: &Request, e: std::io::Error) -> Error {
        let why = if e.kind() == std::io::ErrorKind::TimedOut || e.to_string().starts_with("timeout") {
            let s = self.inner.settings.stalled_download_timeout;
            format!("HTTP error 200 (curl error: Timeout was reached; less than 1 byte/s in {s} seconds)")
        } else {
            format!("HTTP error 200 (curl error: Transferred a partial file; {e})")
        };
        self.error(request, ErrorKind::Transient, &why)
    }
}

/// A certificate failure during the handshake arrives wrapped in an I/O error.
fn tls_cause(io: &std::io::Error) -> Option<String> {
    let inner = io.get_ref()?.downcast_ref::<rustls::Error>()?;
    match inner {
        rustls::Error::InvalidCertificate(why) => Some(format!("{why:?}")),
        _ => None,
    }
}

struct Slot<'a> {
    inner: &'a Inner,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.inner.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.inner.free.notify_one();
    }
}

/// Keeps progress reports rare and the speed below the limit.
struct Meter {
    limit: u64,
    since: Instant,
    bytes: u64,
    reported: Instant,
}

impl Meter {
    fn new(limit_kib: u64) -> Meter {
        let now = Instant::now();
        Meter { limit: limit_kib.saturating_mul(1024), since: now, bytes: 0, reported: now }
    }

    /// Counts bytes; true if it is time for a report.
    fn count(&mut self, n: usize) -> bool {
        self.bytes += n as u64;
        if let Some(due) = self.bytes.saturating_mul(1000).checked_div(self.limit) {
            if let Some(early) = Duration::from_millis(due).checked_sub(self.since.elapsed()) {
                std::thread::sleep(early);
            }
        }
        let now = Instant::now();
        let report = now.duration_since(self.reported) >= Duration::from_millis(50);
        if report {
            self.reported = now;
        }
        report
    }
}

struct Bounded {
    data: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        if self.data.len() + data.len() > self.limit {
            return Err(std::io::Error::other(format!("the answer is longer than {} bytes", self.limit)));
        }
        self.data.extend_from_slice(data);
        Ok(data.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn malformed(request: &Request) -> Error {
    Error::new(
        ErrorKind::Misc,
        format!(
            "unable to {} '{}': URL using bad/illegal format or missing URL (3)",
            request.method.verb(),
            url::display_url(&request.url)
        ),
    )
}

fn interrupted(request: &Request) -> Error {
    Error::new(
        ErrorKind::Interrupted,
        format!("{} of '{}' was interrupted", request.method.verb(), url::display_url(&request.url)),
    )
}

fn header_text<'a>(answer: &'a HttpResponse<ureq::Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name).and_then(|v| v.to_str().ok()).map(str::trim)
}

fn note_headers(answer: &HttpResponse<ureq::Body>, out: &mut Response) {
    out.etag = header_text(answer, "etag").unwrap_or_default().to_owned();
    for name in ["link", "x-amz-meta-link"] {
        let link = header_text(answer, name)
            .and_then(|v| v.strip_prefix('<'))
            .and_then(|v| v.split_once(">; rel=\"immutable\""))
            .map(|(url, _)| url.to_owned());
        if link.is_some() {
            out.immutable_url = link;
        }
    }
}

/// The start of `bytes 100-199/200`.
fn range_start(value: &str) -> Option<u64> {
    value.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.trim().parse().ok()
}

fn without_user(target: &str, parts: &url::Parts<'_>) -> String {
    match parts.authority.rsplit_once('@') {
        Some((_, host)) => target.replacen(parts.authority, host, 1),
        None => target.to_owned(),
    }
}

/// The proxy that the environment names for a URL, with curl's rules: lower-case names first, upper-case `HTTP_PROXY` is not
/// trusted, `no_proxy` lists host names with their subdomains.
fn proxy_for(parts: &url::Parts<'_>, env: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| env(name).filter(|v| !v.is_empty());
    let proxy = if parts.scheme.eq_ignore_ascii_case("https") {
        set("https_proxy").or_else(|| set("HTTPS_PROXY"))
    } else {
        set("http_proxy")
    };
    let proxy = proxy.or_else(|| set("all_proxy")).or_else(|| set("ALL_PROXY"))?;
    let host = parts.host().to_ascii_lowercase();
    let exempt = set("no_proxy").or_else(|| set("NO_PROXY")).unwrap_or_default();
    let is_exempt =
        exempt.split([',', ' ']).map(|e| e.trim().to_ascii_lowercase()).filter(|e| !e.is_empty()).any(|e| {
            let e = e.trim_start_matches('.');
            e == "*" || host == e || host.strip_suffix(e).is_some_and(|h| h.ends_with('.'))
        });
    (!is_exempt).then(|| if proxy.contains("://") { proxy } else { format!("http://{proxy}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_proxies() {
        let env = |name: &str| match name {
            "http_proxy" => Some("proxy:3128".to_owned()),
            "no_proxy" => Some("localhost,.internal, example.com".to_owned()),
            _ => None,
        };
        let proxy = |u: &str| proxy_for(&url::split(u).expect("a URL"), env);
        assert_eq!(proxy("http://h/").as_deref(), Some("http://proxy:3128"));
        assert_eq!(proxy("https://h/"), None);
        assert_eq!(proxy("http://localhost:80/"), None);
        assert_eq!(proxy("http://a.internal/"), None);
        assert_eq!(proxy("http://www.example.com/"), None);
        assert_eq!(proxy("http://badexample.com/").as_deref(), Some("http://proxy:3128"));
    }

    #[test]
    fn reads_ranges() {
        assert_eq!(range_start("bytes 100-199/200"), Some(100));
        assert_eq!(range_start("bytes */200"), None);
    }
}
