//! `tarball:` and `file:` — what a URL of HTTP or the file system leads to, unpacked or as it is.

use super::{Scheme, required};
use crate::attrs::{Attr, Attrs};
use crate::error::FetchError;
use crate::input::Input;
use crate::url::ParsedUrl;

pub(super) struct File {
    name: &'static str,
}

pub(super) const TARBALL: File = File { name: "tarball" };
pub(super) const FILE: File = File { name: "file" };

/// Endings of archives that are unpacked.
const ARCHIVES: [&str; 7] = [".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst"];

fn is_archive(path: &str) -> bool {
    ARCHIVES.iter().any(|ending| path.ends_with(ending))
}

impl Scheme for File {
    fn name(&self) -> &'static str {
        self.name
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["url", "name", "unpack", "rev", "revCount", "lastModified"]
    }

    fn attrs_of_url(&self, url: &ParsedUrl, flake: bool) -> Result<Option<Attrs>, FetchError> {
        let (application, transport) = url.split_scheme();
        if !matches!(transport, "file" | "http" | "https") {
            return Ok(None);
        }
        let mine = match application {
            Some(application) => application == self.name,
            None => (self.name == "tarball") == (flake || is_archive(&url.path)),
        };
        if !mine {
            return Ok(None);
        }
        let mut target = ParsedUrl { scheme: transport.to_owned(), fragment: String::new(), ..url.clone() };
        let mut attrs = Attrs::from([("type".into(), self.name.into())]);
        target.query.remove("name");
        target.query.remove("unpack");
        for name in ["narHash", "rev"] {
            if let Some(value) = target.query.remove(name) {
                attrs.insert(name.into(), value.into());
            }
        }
        for name in ["revCount", "lastModified"] {
            if let Some(n) = target.query.get(name).and_then(|v| v.parse::<u64>().ok()) {
                target.query.remove(name);
                attrs.insert(name.into(), Attr::Int(n));
            }
        }
        attrs.insert("url".into(), target.to_string().into());
        Ok(Some(attrs))
    }

    fn check(&self, attrs: &Attrs) -> Result<(), FetchError> {
        required(attrs, "url").map(drop)
    }

    fn url_of(&self, input: &Input) -> ParsedUrl {
        let text = input.text("url").unwrap_or_default();
        ParsedUrl::parse(text).unwrap_or_else(|_| super::plain_url("file", text.to_owned()))
    }

    fn is_locked(&self, input: &Input) -> bool {
        input.text("narHash").is_some()
    }
}
