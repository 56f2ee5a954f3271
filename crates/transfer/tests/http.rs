//! Transfers against a small server in this process: resuming, retrying, redirects, credentials, messages.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use firn_events::Events;
use firn_transfer::{Body, ErrorKind, Request, Transfer, TransferSettings};

type Handler = dyn Fn(&str, &str, usize) -> Vec<u8> + Send + Sync;

/// Serves every connection with `handler(path, headers, number of the request)` and closes it. Gives the base URL and the
/// requests seen so far.
fn serve(
    handler: impl Fn(&str, &str, usize) -> Vec<u8> + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (handler, log): (Arc<Handler>, _) = (Arc::new(handler), seen.clone());
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else { return };
            answer(stream, &*handler, n, &log);
        }
    });
    (base, seen)
}

fn answer(mut stream: TcpStream, handler: &Handler, n: usize, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a clone"));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head
        .lines()
        .find_map(|l| {
            l.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(|v| v.trim().parse::<usize>().unwrap_or(0))
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    std::io::Read::read_exact(&mut reader, &mut body).expect("the body");
    let path = head.split(' ').nth(1).unwrap_or("").to_owned();
    let reply = handler(&path, &head.to_ascii_lowercase(), n);
    log.lock().expect("the log").push(format!("{head}{}", String::from_utf8_lossy(&body)));
    let _ = stream.write_all(&reply);
}

fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}").into_bytes();
    if !headers.contains("Content-Length") {
        out.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
    }
    out.extend(b"\r\n");
    out.extend(body);
    out
}

fn settings() -> TransferSettings {
    TransferSettings {
        retry_delay_ms: 1,
        retry_delay_rate_limited_ms: 1,
        ca_file: None,
        ..TransferSettings::default()
    }
}

fn transfer() -> Transfer {
    Transfer::new(settings(), Events::none())
}

#[test]
fn downloads_and_gives_the_etag() {
    let (base, _) = serve(|_, _, _| reply("200 OK", "ETag: \"v1\"\r\n", b"hello"));
    let (data, r) = transfer().fetch(&Request::get(format!("{base}/x")), 100).expect("a download");
    assert_eq!((data.as_slice(), r.etag.as_str(), r.size, r.cached), (&b"hello"[..], "\"v1\"", 5, false));
    let too_long = transfer().fetch(&Request::get(format!("{base}/x")), 3).expect_err("over the limit");
    assert!(too_long.to_string().contains("longer than 3 bytes"), "{too_long}");
}

#[test]
fn asks_whether_it_changed() {
    let (base, _) = serve(|_, head, _| {
        if head.contains("if-none-match: \"v1\"") {
            reply("304 Not Modified", "", b"")
        } else {
            reply("200 OK", "", b"new")
        }
    });
    let request = Request { expected_etag: Some("\"v1\"".into()), ..Request::get(format!("{base}/x")) };
    let (data, r) = transfer().fetch(&request, 100).expect("an answer");
    assert!(r.cached && data.is_empty() && r.etag == "\"v1\"");
}

#[test]
fn missing_files_are_not_retried() {
    let (base, seen) = serve(|_, _, _| reply("404 Not Found", "", b"no such thing\n"));
    let e = transfer().fetch(&Request::get(format!("{base}/x")), 100).expect_err("404");
    assert_eq!(e.kind, ErrorKind::NotFound);
    assert_eq!(
        e.to_string(),
        format!("unable to download '{base}/x': HTTP error 404\n\nresponse body:\n\nno such thing")
    );
    assert_eq!(seen.lock().expect("the log").len(), 1);
    assert!(!transfer().exists(&Request::get(format!("{base}/x"))).expect("an answer"));
}

#[test]
fn server_errors_are_retried() {
    let (base, _) =
        serve(
            |_, _, n| {
                if n < 2 { reply("503 Busy", "Retry-After: 0\r\n", b"") } else { reply("200 OK", "", b"ok") }
            },
        );
    assert_eq!(transfer().fetch(&Request::get(&*base), 10).expect("the third attempt").0, b"ok");
    let (base, seen) = serve(|_, _, _| reply("500 Broken", "", b""));
    let request = Request { attempts: Some(3), ..Request::get(&*base) };
    let e = transfer().fetch(&request, 10).expect_err("always 500");
    assert_eq!((e.status, seen.lock().expect("the log").len()), (500, 3));
}

#[test]
fn resumes_where_the_connection_broke() {
    let (base, seen) = serve(|_, head, _| match head.contains("range: bytes=4-") {
        true => reply("206 Partial Content", "Content-Range: bytes 4-9/10\r\nETag: \"v\"\r\n", b"456789"),
        false => reply("200 OK", "Content-Length: 10\r\nAccept-Ranges: bytes\r\nETag: \"v\"\r\n", b"0123"),
    });
    let mut out = Vec::new();
    let r = transfer().download(&Request::get(&*base), &mut out).expect("a resumed download");
    assert_eq!((out.as_slice(), r.size), (&b"0123456789"[..], 10));
    assert!(seen.lock().expect("the log")[1].to_ascii_lowercase().contains("if-range: \"v\""));
}

#[test]
fn resumes_with_servers_that_know_no_ranges() {
    let (base, _) = serve(|_, _, n| match n {
        0 => reply("200 OK", "Content-Length: 10\r\n", b"0123"),
        _ => reply("200 OK", "", b"0123456789"),
    });
    assert_eq!(transfer().fetch(&Request::get(&*base), 100).expect("a resumed download").0, b"0123456789");
}

#[test]
fn a_changed_file_is_not_glued_together() {
    let (base, _) = serve(|_, _, n| match n {
        0 => reply("200 OK", "Content-Length: 10\r\nETag: \"a\"\r\n", b"0123"),
        _ => reply("200 OK", "ETag: \"b\"\r\n", b"9876543210"),
    });
    assert!(
        transfer().fetch(&Request::get(&*base), 100).expect_err("changed").to_string().contains("changed")
    );
}

#[test]
fn follows_redirects_without_handing_on_secrets() {
    let (other, seen) = serve(|_, _, _| reply("200 OK", "", b"there"));
    let target = other.replace("127.0.0.1", "localhost");
    let (base, first) = serve(move |_, _, _| {
        reply(
            "302 Found",
            &format!("Location: {target}/y\r\nLink: <http://x/v1>; rel=\"immutable\"\r\n"),
            b"",
        )
    });
    let dir = tempfile::tempdir().expect("a folder");
    let netrc = dir.path().join("netrc");
    std::fs::write(&netrc, "machine 127.0.0.1 login me password pw\n").expect("the netrc file");
    let t = Transfer::new(TransferSettings { netrc_file: Some(netrc), ..settings() }, Events::none());
    let (data, r) = t.fetch(&Request::get(&*base).header("X-Token", "secret"), 100).expect("a redirect");
    assert_eq!(
        (data.as_slice(), r.urls.len(), r.immutable_url.as_deref()),
        (&b"there"[..], 2, Some("http://x/v1"))
    );
    let first = first.lock().expect("the log")[0].to_ascii_lowercase();
    assert!(first.contains("authorization: basic bwu6chc=") && first.contains("x-token"), "{first}");
    let second = seen.lock().expect("the log")[0].to_ascii_lowercase();
    assert!(!second.contains("authorization") && !second.contains("x-token"), "{second}");
}

#[test]
fn gives_up_on_redirect_loops() {
    let (base, _) = serve(|_, _, _| reply("302 Found", "Location: /again\r\n", b""));
    let e = transfer().fetch(&Request::get(&*base), 10).expect_err("a loop");
    assert!(e.to_string().contains("Number of redirects hit maximum"), "{e}");
}

#[test]
fn uploads() {
    let (base, seen) =
        serve(|_, _, n| if n == 0 { reply("500 Busy", "", b"") } else { reply("201 Created", "", b"") });
    let request = Request::put(format!("{base}/n"), Body::bytes(b"data".to_vec(), "text/x-nix-narinfo"));
    transfer().upload(&request).expect("an upload");
    let last = seen.lock().expect("the log")[1].clone();
    assert!(
        last.starts_with("PUT /n ") && last.ends_with("data") && last.contains("text/x-nix-narinfo"),
        "{last}"
    );
}

#[test]
fn unreachable_servers_are_named() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let request = Request { attempts: Some(1), ..Request::get(format!("http://127.0.0.1:{port}/x")) };
    let e = transfer().fetch(&request, 10).expect_err("nobody listens").to_string();
    assert!(
        e.starts_with(&format!(
            "unable to download 'http://127.0.0.1:{port}/x': Could not connect to server (7)"
        )),
        "{e}"
    );
}

#[test]
fn reads_local_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a b");
    std::fs::write(&path, "local").expect("a file");
    let url = format!("file://{}/a%20b", dir.path().display());
    assert_eq!(transfer().fetch(&Request::get(url), 10).expect("the file").0, b"local");
    let e = transfer()
        .fetch(&Request::get(format!("file://{}/none", dir.path().display())), 10)
        .expect_err("missing");
    assert_eq!(e.kind, ErrorKind::NotFound);
    assert!(e.to_string().contains("Couldn't open file"), "{e}");
}

#[test]
fn cancelling_ends_a_stalled_download() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let t = transfer();
    let waiting = {
        let t = t.clone();
        std::thread::spawn(move || t.fetch(&Request::get(url), 10))
    };
    let _connection = listener.accept().expect("a client");
    std::thread::sleep(std::time::Duration::from_millis(50));
    t.cancel();
    let e = waiting.join().expect("the thread").expect_err("cancelled");
    assert_eq!(e.kind, ErrorKind::Interrupted);
}
