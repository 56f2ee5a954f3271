//! Large files that a repository keeps elsewhere (Git LFS, pointer format of its specification 1).
//!
//! A pointer is replaced by the file that it names: from the repository's own store where it is there, else from the server by
//! the batch interface. What comes is checked against the pointer.

use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use firn_hash::{Algo, Format, Hash};
use firn_source::{Accessor, CanonPath, DirEntry, OpenFile, SourceError, Stat};
use firn_transfer::{Body, Method, Request};
use serde_json::{Value, json};

use crate::error::FetchError;
use crate::fetcher::Fetcher;

const MARK: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// The specification's bound for pointers.
const MAX_POINTER: u64 = 1024;
/// The largest file that is fetched.
const MAX_FILE: u64 = 8 << 30;
const MAX_ANSWER: usize = 4 << 20;

/// What a pointer says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pointer {
    oid: String,
    size: u64,
}

fn parse(text: &[u8]) -> Option<Pointer> {
    let text = std::str::from_utf8(text.strip_prefix(MARK)?).ok()?;
    let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
    let oid = field("oid")?.strip_prefix("sha256:")?;
    let valid = oid.len() == 64 && oid.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    Some(Pointer { oid: oid.to_owned(), size: field("size")?.parse().ok()? }).filter(|_| valid)
}

/// A tree whose pointers are replaced by what they point to.
pub(super) struct LfsTree {
    pub(super) inner: Arc<dyn Accessor>,
    pub(super) fetcher: Fetcher,
    /// The repository's address for the batch interface, or its path.
    pub(super) remote: String,
    /// Paths that `.gitattributes` put under `filter=lfs`.
    pub(super) paths: std::collections::HashSet<CanonPath>,
}

impl LfsTree {
    fn fetch(&self, pointer: &Pointer) -> Result<Vec<u8>, FetchError> {
        if pointer.size > MAX_FILE {
            return Err(FetchError::new(format!(
                "the file has {} bytes, more than the {MAX_FILE} that are read",
                pointer.size
            )));
        }
        let oid = &pointer.oid;
        let kept = PathBuf::from(self.fetcher.cache_dir()).join("git-lfs").join(oid);
        let mut places = vec![kept.clone()];
        if let Some(path) = local_path(&self.remote) {
            for dir in [path.join(".git"), path] {
                places.push(dir.join("lfs/objects").join(&oid[..2]).join(&oid[2..4]).join(oid));
            }
        }
        for place in places {
            if let Ok(bytes) = std::fs::read(place) {
                if matches(pointer, &bytes) {
                    return Ok(bytes);
                }
            }
        }
        let bytes = self.download(pointer)?;
        if !matches(pointer, &bytes) {
            return Err(FetchError::new(format!("the server gives another file than '{oid}'")));
        }
        // Keeping it saves the next download, no more.
        if let Some(folder) = kept.parent() {
            let _ = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&kept, &bytes));
        }
        Ok(bytes)
    }

    /// Asks the batch interface where the file is, and gets it.
    fn download(&self, pointer: &Pointer) -> Result<Vec<u8>, FetchError> {
        let base = self.remote.trim_end_matches('/');
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(FetchError::new(format!(
                "large files of '{base}' are not there; only repositories of HTTP servers can be asked for them"
            )));
        }
        let base = if base.ends_with(".git") { base.to_owned() } else { format!("{base}.git") };
        let question = json!({
            "operation": "download",
            "transfers": ["basic"],
            "objects": [{ "oid": pointer.oid, "size": pointer.size }],
        });
        let mime = "application/vnd.git-lfs+json";
        let request = Request {
            method: Method::Post,
            body: Some(Body::bytes(question.to_string().into_bytes(), mime)),
            ..Request::get(format!("{base}/info/lfs/objects/batch"))
        }
        .header("Accept", mime);
        let mut answer = Vec::new();
        self.fetcher.transfer().download(&request, &mut Limited { data: &mut answer, left: MAX_ANSWER })?;
        let answer: Value = serde_json::from_slice(&answer)
            .map_err(|e| FetchError::new(format!("the server of large files answers no JSON: {e}")))?;
        let object = &answer["objects"][0];
        let download = &object["actions"]["download"];
        let Some(href) = download["href"].as_str() else {
            let why = object["error"]["message"].as_str().unwrap_or("it names no address");
            return Err(FetchError::new(format!("the server does not give file '{}': {why}", pointer.oid)));
        };
        let mut request = Request::get(href);
        for (name, value) in download["header"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        let limit = usize::try_from(pointer.size).unwrap_or(usize::MAX);
        let mut data = Vec::new();
        self.fetcher.transfer().download(&request, &mut Limited { data: &mut data, left: limit })?;
        Ok(data)
    }
}

fn local_path(remote: &str) -> Option<PathBuf> {
    let path = remote.strip_prefix("file://").unwrap_or(remote);
    path.starts_with('/').then(|| PathBuf::from(path))
}

fn matches(pointer: &Pointer, bytes: &[u8]) -> bool {
    bytes.len() as u64 == pointer.size
        && Hash::of(Algo::Sha256, bytes).render(Format::Base16, false) == pointer.oid
}

/// Takes a bounded number of bytes.
struct Limited<'a> {
    data: &'a mut Vec<u8>,
    left: usize,
}

impl std::io::Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > self.left {
            return Err(std::io::Error::other("the answer is longer than it should be"));
        }
        self.left -= bytes.len();
        self.data.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Accessor for LfsTree {
    fn stat(&self, path: &CanonPath) -> Result<Option<Stat>, SourceError> {
        let stat = self.inner.stat(path)?;
        // The pointer's size is not the file's.
        Ok(stat.map(|s| if self.paths.contains(path) { Stat { size: None, ..s } } else { s }))
    }
    fn read_dir(&self, path: &CanonPath) -> Result<Vec<DirEntry>, SourceError> {
        self.inner.read_dir(path)
    }
    fn open(&self, path: &CanonPath) -> Result<OpenFile<'_>, SourceError> {
        let mut file = self.inner.open(path)?;
        if file.size > MAX_POINTER || !self.paths.contains(path) {
            return Ok(file);
        }
        let failed = |e: std::io::Error| SourceError::system("reading file", self.show_path(path), e);
        let mut text = Vec::new();
        file.reader.read_to_end(&mut text).map_err(failed)?;
        let contents = match parse(&text) {
            Some(pointer) => {
                self.fetch(&pointer).map_err(|e| failed(std::io::Error::other(e.to_string())))?
            }
            None => text,
        };
        Ok(OpenFile { size: contents.len() as u64, reader: Box::new(Cursor::new(contents)) })
    }
    fn read_link(&self, path: &CanonPath) -> Result<Vec<u8>, SourceError> {
        self.inner.read_link(path)
    }
    fn show_path(&self, path: &CanonPath) -> String {
        self.inner.show_path(path)
    }
    fn fingerprint(&self) -> Option<String> {
        self.inner.fingerprint().map(|f| format!("{f};l"))
    }
    fn last_modified(&self) -> Option<i64> {
        self.inner.last_modified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers() {
        let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
        assert_eq!(parse(text.as_bytes()), Some(Pointer { oid: oid.to_owned(), size: 12345 }));
        for bad in
            ["", "version 2\n", "version https://git-lfs.github.com/spec/v1\noid sha256:../../x\nsize 1\n"]
        {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
