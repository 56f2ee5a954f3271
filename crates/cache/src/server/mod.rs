//! A store offered over HTTP: `firn cache serve`.
//!
//! Reading: `/nix-cache-info`, `/<hash>.narinfo`, `/nar/<hash>.nar[.zst]` (with ranges where it is not packed), `/<hash>.ls`,
//! `/log/<derivation>`, `/realisations`; beside these `/health` and `/metrics`. Writing, with a token: what `nix copy --to
//! http://…` sends, and pins (`PUT`, `DELETE` and `GET /pins/<name>`).
//!
//! Invariants: archives are made from the store while they are sent, so nothing is stored twice; a path that is uploaded
//! becomes valid only when its archive is whole and is what its narinfo says; pins are roots of the garbage collector, so
//! no collection breaks a closure that is pinned.

mod collect;
mod connection;
mod metrics;
mod pins;
mod read;
mod upload;

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firn_events::{Events, Level};
use firn_store::{LocalStore, SecretKey, Store};

use connection::{Request, Response, Stream};
use metrics::Metrics;

pub use collect::Collection;

/// More connections than this at a time are turned away.
const MAX_CONNECTIONS: usize = 1024;
/// A client that says nothing for so long is forgotten.
const IDLE: Duration = Duration::from_secs(75);

/// How a cache is served.
pub struct ServeOptions {
    /// Its priority as a substituter.
    pub priority: i64,
    /// Keys that sign what is sent.
    pub keys: Vec<SecretKey>,
    /// Who knows one of these may write.
    pub tokens: Vec<String>,
    /// Offer archives packed with zstd.
    pub compress: bool,
    /// Take uploads only if they are signed by a key that the store trusts, or addressed by their contents.
    pub check_sigs: bool,
    /// Where pins and uploads that are not complete lie.
    pub state_dir: PathBuf,
    /// Certificates and key, for TLS.
    pub tls: Option<Tls>,
    /// When garbage is collected; never if absent.
    pub collection: Option<Collection>,
}

/// What TLS needs: the files of the certificates and of the private key, in PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The server's certificate, followed by those between it and its authority.
    pub certificates: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A running server.
pub struct Server {
    store: Arc<LocalStore>,
    options: ServeOptions,
    events: Events,
    metrics: Metrics,
    tls: Option<Arc<rustls::ServerConfig>>,
    running: AtomicUsize,
    /// What is known of archives that are asked for under their narinfo's name.
    listings: Mutex<()>,
}

impl Server {
    /// Prepares a server; reads certificates.
    ///
    /// # Errors
    /// Files that cannot be read, folders that cannot be made.
    pub fn new(store: Arc<LocalStore>, options: ServeOptions, events: Events) -> Result<Server, String> {
        for folder in [options.state_dir.join("pins"), options.state_dir.join("uploads")] {
            std::fs::create_dir_all(&folder)
                .map_err(|e| format!("creating directory \"{}\": {e}", folder.display()))?;
        }
        let tls = options.tls.as_ref().map(load_tls).transpose()?;
        Ok(Server {
            store,
            options,
            events,
            metrics: Metrics::default(),
            tls,
            running: AtomicUsize::new(0),
            listings: Mutex::new(()),
        })
    }

    /// Serves connections until `stop` says so. Each has a thread.
    ///
    /// # Errors
    /// The socket breaks.
    pub fn run(self: &Arc<Self>, listener: &TcpListener, stop: &dyn Fn() -> bool) -> std::io::Result<()> {
        listener.set_nonblocking(true)?;
        let collector = self.clone();
        if self.options.collection.is_some() {
            std::thread::Builder::new()
                .name("collector".into())
                .spawn(move || collector.collect_for_ever())?;
        }
        while !stop() {
            match listener.accept() {
                Ok((stream, _)) => self.accept(stream),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => wait_for(listener),
                Err(e) => self.events.warn(format!("accepting a connection: {e}")),
            }
        }
        Ok(())
    }

    fn accept(self: &Arc<Self>, stream: TcpStream) {
        if self.running.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
            self.running.fetch_sub(1, Ordering::SeqCst);
            return;
        }
        let server = self.clone();
        let spawned = std::thread::Builder::new().name("client".into()).spawn(move || {
            if let Err(e) = server.serve(stream) {
                server.events.message(Level::Debug, format!("connection: {e}"));
            }
            server.running.fetch_sub(1, Ordering::SeqCst);
        });
        if spawned.is_err() {
            self.running.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_write_timeout(Some(IDLE))?;
        let mut stream = Stream::new(stream, self.tls.clone())?;
        while let Some(mut request) = Request::read(&mut stream)? {
            let response = self.answer(&mut request, &mut stream);
            self.metrics.count(response.status);
            let goes_on = response.write(&request, &mut stream, &self.metrics)?;
            if !goes_on || !request.keeps_alive() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn answer(&self, request: &mut Request, stream: &mut Stream) -> Response {
        let path = request.path.trim_start_matches('/').to_owned();
        match request.method.as_str() {
            "GET" | "HEAD" => self.read(&path, request),
            "PUT" | "DELETE" | "POST" => {
                if !self.may_write(request) {
                    return Response::text(401, "a token is required\n")
                        .header("WWW-Authenticate", "Basic realm=\"cache\"");
                }
                self.write(&path, request, stream)
            }
            _ => Response::text(405, "method not allowed\n"),
        }
    }

    /// Whether the request has one of the tokens: `Authorization: Bearer TOKEN`, or as the password of `Basic`.
    fn may_write(&self, request: &Request) -> bool {
        let Some(header) = request.header("authorization") else { return false };
        let given = match header.split_once(' ') {
            Some((kind, token)) if kind.eq_ignore_ascii_case("bearer") => token.trim().to_owned(),
            Some((kind, pair)) if kind.eq_ignore_ascii_case("basic") => {
                let Ok(pair) = firn_hash::base64::decode(pair.trim()) else { return false };
                let pair = String::from_utf8_lossy(&pair).into_owned();
                pair.split_once(':').map_or(String::new(), |(_, password)| password.to_owned())
            }
            _ => return false,
        };
        self.options.tokens.iter().any(|token| equal(token.as_bytes(), given.as_bytes()))
    }

    fn write(&self, path: &str, request: &mut Request, stream: &mut Stream) -> Response {
        match (request.method.as_str(), path.strip_prefix("pins/")) {
            (_, Some(name)) => self.change_pin(name, request, stream),
            ("PUT", None) => self.take_upload(path, request, stream),
            _ => Response::text(405, "method not allowed\n"),
        }
    }

    fn dir(&self) -> &firn_path::StoreDir {
        self.store.store_dir()
    }
}

/// Compares in a time that does not tell where texts differ.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && !a.is_empty() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

/// Waits a moment for a connection; not longer, so that an end is noticed.
fn wait_for(_listener: &TcpListener) {
    std::thread::sleep(Duration::from_millis(10));
}

fn load_tls(tls: &Tls) -> Result<Arc<rustls::ServerConfig>, String> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let bad =
        |path: &std::path::Path, e: &dyn std::fmt::Display| format!("reading \"{}\": {e}", path.display());
    let certificates = CertificateDer::pem_file_iter(&tls.certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| bad(&tls.certificates, &e))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|e| bad(&tls.key, &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|b| b.with_no_client_auth().with_single_cert(certificates, key))
        .map(Arc::new)
        .map_err(|e| bad(&tls.certificates, &e))
}
