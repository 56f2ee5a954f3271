//! `file://` URLs.

use std::io::{Read, Write};
use std::path::PathBuf;

use crate::error::{Error, ErrorKind};
use crate::request::{Method, Request, Response};
use crate::url::{Parts, percent_decode};

/// The path that a `file://` URL names.
pub(crate) fn path_of(parts: &Parts<'_>) -> Option<PathBuf> {
    if !parts.authority.is_empty() && !parts.authority.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let path = parts.path.split('?').next().unwrap_or("");
    path.starts_with('/').then(|| PathBuf::from(percent_decode(path)))
}

/// Copies a local file into `sink`. Storing to `file://` is for stores, not for transfers.
pub(crate) fn read(request: &Request, parts: &Parts<'_>, sink: &mut dyn Write) -> Result<Response, Error> {
    let fail = |kind, why: String| {
        Error::new(kind, format!("unable to {} '{}': {why}", request.method.verb(), request.url))
    };
    if !matches!(request.method, Method::Get | Method::Head) {
        return Err(fail(ErrorKind::Misc, "a local file cannot be uploaded to".into()));
    }
    let path = path_of(parts)
        .ok_or_else(|| fail(ErrorKind::Misc, "URL using bad/illegal format or missing URL (3)".into()))?;
    let unreadable = || {
        fail(
            ErrorKind::NotFound,
            format!("Could not read a file:// file (37) Couldn't open file {}", path.display()),
        )
    };
    let mut file = std::fs::File::open(&path).map_err(|_| unreadable())?;
    if !file.metadata().is_ok_and(|m| m.is_file()) {
        return Err(unreadable());
    }
    let mut response = Response { urls: vec![request.url.clone()], ..Response::default() };
    if request.method == Method::Head {
        return Ok(response);
    }
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let n = file.read(&mut buffer).map_err(|e| fail(ErrorKind::Misc, format!("reading failed: {e}")))?;
        if n == 0 {
            return Ok(response);
        }
        sink.write_all(&buffer[..n]).map_err(|e| fail(ErrorKind::Misc, format!("writing failed: {e}")))?;
        response.size += n as u64;
    }
}
