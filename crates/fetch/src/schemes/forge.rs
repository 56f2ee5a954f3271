//! `github:`, `gitlab:`, `sourcehut:` — a commit of a repository at a forge, fetched as an archive.

use super::{Scheme, plain_url, required};
use crate::attrs::Attrs;
use crate::error::FetchError;
use crate::input::{Input, is_reference, is_rev};
use crate::url::ParsedUrl;

pub(super) struct Forge {
    name: &'static str,
}

pub(super) const GITHUB: Forge = Forge { name: "github" };
pub(super) const GITLAB: Forge = Forge { name: "gitlab" };
pub(super) const SOURCEHUT: Forge = Forge { name: "sourcehut" };

impl Scheme for Forge {
    fn name(&self) -> &'static str {
        self.name
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["owner", "repo", "ref", "rev", "lastModified", "host", "treeHash"]
    }

    fn attrs_of_url(&self, url: &ParsedUrl, _flake: bool) -> Result<Option<Attrs>, FetchError> {
        if url.scheme != self.name {
            return Ok(None);
        }
        let segments = url.segments();
        let [owner, repo, rest @ ..] = segments.as_slice() else {
            return Err(FetchError::new(format!("URL '{url}' is invalid")));
        };
        let mut attrs = Attrs::from([
            ("type".into(), self.name.into()),
            ("owner".into(), (*owner).into()),
            ("repo".into(), (*repo).into()),
        ]);
        let mut put = |name: &str, value: &str| match attrs.insert(name.to_owned(), value.into()) {
            Some(_) if name == "rev" => {
                Err(FetchError::new(format!("URL '{url}' contains multiple commit hashes")))
            }
            Some(_) if name == "ref" => {
                Err(FetchError::new(format!("URL '{url}' contains multiple branch/tag names")))
            }
            _ => Ok(()),
        };
        if !rest.is_empty() {
            let text = rest.join("/");
            if is_rev(&text) {
                put("rev", &text)?;
            } else if is_reference(&text) {
                put("ref", &text)?;
            } else {
                return Err(FetchError::new(format!(
                    "in URL '{url}', '{text}' is not a commit hash or branch/tag name"
                )));
            }
        }
        for (name, value) in &url.query {
            match name.as_str() {
                "rev" | "host" | "narHash" => put(name, value)?,
                "ref" if is_reference(value) => put(name, value)?,
                "ref" => {
                    return Err(FetchError::new(format!("URL '{url}' contains an invalid branch/tag name")));
                }
                _ => return Err(FetchError::new(format!("URL '{url}' has unsupported parameter '{name}'"))),
            }
        }
        self.check(&attrs)?;
        Ok(Some(attrs))
    }

    fn check(&self, attrs: &Attrs) -> Result<(), FetchError> {
        let (owner, repo) = (required(attrs, "owner")?, required(attrs, "repo")?);
        if attrs.contains_key("rev") && attrs.contains_key("ref") {
            return Err(FetchError::new(format!(
                "URL '{}:{owner}/{repo}' contains both a commit hash and a branch/tag name",
                self.name
            )));
        }
        if let Some(host) = crate::attrs::text(attrs, "host")? {
            let valid = host.starts_with(|c: char| c.is_ascii_alphanumeric())
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
            if !valid {
                return Err(FetchError::new(format!(
                    "URL '{}:{owner}/{repo}' contains an invalid instance host",
                    self.name
                )));
            }
        }
        Ok(())
    }

    fn url_of(&self, input: &Input) -> ParsedUrl {
        let mut path =
            format!("{}/{}", input.text("owner").unwrap_or_default(), input.text("repo").unwrap_or_default());
        if let Some(part) = input.reference().or_else(|| input.rev()) {
            path.push('/');
            path.push_str(part);
        }
        let mut url = plain_url(self.name, path);
        if let Some(hash) = input.text("narHash") {
            url.query.insert("narHash".into(), hash.into());
        }
        if let Some(host) = input.text("host") {
            url.query.insert("host".into(), host.into());
        }
        url
    }

    fn is_locked(&self, input: &Input) -> bool {
        input.rev().is_some()
    }

    fn apply_overrides(
        &self,
        input: &Input,
        reference: Option<&str>,
        rev: Option<&str>,
    ) -> Result<Input, FetchError> {
        if let (Some(reference), Some(rev)) = (reference, rev) {
            return Err(FetchError::new(format!(
                "cannot apply both a commit hash ({rev}) and a branch/tag name ('{reference}') to input '{}'",
                input.to_url()
            )));
        }
        let mut changed = input.clone();
        if let Some(rev) = rev {
            changed = changed.with("rev", Some(rev.into())).with("ref", None);
        }
        if let Some(reference) = reference {
            changed = changed.with("ref", Some(reference.into())).with("rev", None);
        }
        Ok(changed)
    }
}
