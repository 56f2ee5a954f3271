//! What the tests of fetching share: a fetcher with a cache of its own, repositories, a server on loopback.

#![allow(dead_code, clippy::unwrap_used)] // each test uses a part; a test fails where something is missing

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use firn_events::Events;
use firn_fetch::fetcher::Options;
use firn_fetch::{Attr, Attrs, FetchError, Fetched, Fetcher, Input, ParsedUrl};
use firn_settings::{Environment, Host, Settings};
use firn_source::CanonPath;

/// A fetcher that keeps what it finds below `cache`, with some settings.
pub(crate) fn fetcher(cache: &Path, settings: &[(&str, &str)]) -> Fetcher {
    let mut all = Settings::new(&Host::plain(Environment::default()));
    all.set("filetransfer-retry-attempts", "1").unwrap();
    for (name, value) in settings {
        all.set(name, value).unwrap();
    }
    Fetcher::new(Options {
        settings: Arc::new(all),
        events: Events::none(),
        real: Arc::new(|_| None),
        cache_dir: cache.to_owned(),
        base_lock: None,
        names_base: false,
    })
}

/// An input of a URL.
pub(crate) fn input(url: &str) -> Input {
    Input::from_url(&ParsedUrl::parse(url).unwrap(), true).unwrap()
}

/// An input of attributes.
pub(crate) fn attrs(pairs: &[(&str, Attr)]) -> Input {
    let attrs: Attrs = pairs.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
    Input::from_attrs(attrs).unwrap()
}

/// A file of a fetched tree as text; `None` where there is none.
pub(crate) fn read(fetched: &Fetched, path: &str) -> Option<String> {
    let path = CanonPath::new(path).unwrap();
    fetched.tree.stat(&path).unwrap()?;
    Some(String::from_utf8(fetched.tree.read_file(&path).unwrap()).unwrap())
}

/// The innermost error's text.
pub(crate) fn error(result: Result<Fetched, FetchError>) -> String {
    match result {
        Ok(_) => panic!("it succeeds"),
        Err(error) => error.root_cause().0.to_string(),
    }
}

/// Runs a shell script in `dir`, with a plain configuration of git.
pub(crate) fn sh(dir: &Path, script: &str) -> String {
    let out = Command::new("bash")
        .args(["-euc", script])
        .current_dir(dir)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "t")
        .env("GIT_AUTHOR_EMAIL", "t@example.org")
        .env("GIT_COMMITTER_NAME", "t")
        .env("GIT_COMMITTER_EMAIL", "t@example.org")
        .env("GIT_AUTHOR_DATE", "@1700000000 +0000")
        .env("GIT_COMMITTER_DATE", "@1700000000 +0000")
        .output()
        .unwrap();
    assert!(out.status.success(), "{script}\n{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
}

/// What the server was asked: the path with its query, and the head in lower case.
pub(crate) type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// An answer of the server.
pub(crate) struct Reply {
    pub(crate) status: &'static str,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Reply {
        Reply { status: "200 OK", headers: String::new(), body: body.into() }
    }
    pub(crate) fn status(status: &'static str, body: &str) -> Reply {
        Reply { status, headers: String::new(), body: body.into() }
    }
    pub(crate) fn redirect(to: &str) -> Reply {
        Reply { headers: format!("Location: {to}\r\n"), ..Reply::status("302 Found", "") }
    }
    pub(crate) fn header(mut self, line: &str) -> Reply {
        self.headers.push_str(&format!("{line}\r\n"));
        self
    }
}

/// Serves connections on loopback with `handler(path, head)`; gives the host with its port, and what was asked.
pub(crate) fn serve(handler: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let seen = Seen::default();
    let (handler, log) = (Arc::new(handler), seen.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (handler, log) = (handler.clone(), log.clone());
            std::thread::spawn(move || answer(stream.unwrap(), &*handler, &log));
        }
    });
    (host, seen)
}

fn answer(mut stream: TcpStream, handler: &dyn Fn(&str, &str) -> Reply, log: &Mutex<Vec<(String, String)>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let path = head.split(' ').nth(1).unwrap_or("").to_owned();
    let head = head.to_ascii_lowercase();
    let reply = handler(&path, &head);
    log.lock().unwrap().push((path, head));
    let start = format!(
        "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n",
        reply.status,
        reply.body.len(),
        reply.headers
    );
    let _ = stream.write_all(start.as_bytes()).and_then(|()| stream.write_all(&reply.body));
}
