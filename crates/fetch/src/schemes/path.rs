//! `path:` — a folder of the file system.

use super::{Scheme, plain_url, required};
use crate::attrs::{Attr, Attrs};
use crate::error::FetchError;
use crate::input::Input;
use crate::url::ParsedUrl;

pub(super) struct Path;

impl Scheme for Path {
    fn name(&self) -> &'static str {
        "path"
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["path", "rev", "revCount", "lastModified"]
    }

    fn attrs_of_url(&self, url: &ParsedUrl, _flake: bool) -> Result<Option<Attrs>, FetchError> {
        if url.scheme != "path" {
            return Ok(None);
        }
        if let Some(authority) = url.authority.as_deref().filter(|a| !a.is_empty()) {
            return Err(FetchError::new(format!(
                "path URL '{url}' should not have an authority ('{authority}')"
            )));
        }
        let mut attrs =
            Attrs::from([("type".into(), "path".into()), ("path".into(), url.path.as_str().into())]);
        for (name, value) in &url.query {
            let attr = match name.as_str() {
                "rev" | "narHash" => Attr::from(value.as_str()),
                "revCount" | "lastModified" => value.parse::<u64>().map(Attr::Int).map_err(|_| {
                    FetchError::new(format!("path URL '{url}' has invalid parameter '{name}'"))
                })?,
                _ => {
                    return Err(FetchError::new(format!(
                        "path URL '{url}' has unsupported parameter '{name}'"
                    )));
                }
            };
            attrs.insert(name.clone(), attr);
        }
        Ok(Some(attrs))
    }

    fn check(&self, attrs: &Attrs) -> Result<(), FetchError> {
        required(attrs, "path").map(drop)
    }

    fn url_of(&self, input: &Input) -> ParsedUrl {
        let mut url = plain_url("path", input.text("path").unwrap_or_default().to_owned());
        for name in ["rev", "lastModified", "revCount"] {
            if let Some(attr) = input.attrs().get(name) {
                let text = match attr {
                    Attr::Text(s) => s.clone(),
                    Attr::Int(n) => n.to_string(),
                    Attr::Bool(b) => b.to_string(),
                };
                url.query.insert(name.to_owned(), text);
            }
        }
        url
    }

    fn is_locked(&self, input: &Input) -> bool {
        input.text("narHash").is_some()
    }
}
