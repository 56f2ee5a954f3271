//! `git:` — a commit of a Git repository, or its work tree.

use super::{Scheme, required};
use crate::attrs::{Attr, Attrs};
use crate::error::FetchError;
use crate::input::{Input, is_reference};
use crate::url::ParsedUrl;

pub(super) struct Git;

const TEXTS: [&str; 6] = ["rev", "ref", "keytype", "publicKey", "publicKeys", "narHash"];
const FLAGS: [&str; 6] = ["shallow", "submodules", "lfs", "exportIgnore", "allRefs", "verifyCommit"];

impl Scheme for Git {
    fn name(&self) -> &'static str {
        "git"
    }

    fn attributes(&self) -> &'static [&'static str] {
        &[
            "url",
            "ref",
            "rev",
            "shallow",
            "submodules",
            "lfs",
            "exportIgnore",
            "lastModified",
            "revCount",
            "allRefs",
            "dirtyRev",
            "dirtyShortRev",
            "verifyCommit",
            "keytype",
            "publicKey",
            "publicKeys",
            "name",
        ]
    }

    fn attrs_of_url(&self, url: &ParsedUrl, _flake: bool) -> Result<Option<Attrs>, FetchError> {
        let transport = match url.split_scheme() {
            (Some("git"), transport @ ("http" | "https" | "ssh" | "file")) => transport,
            (None, "git") => "git",
            _ => return Ok(None),
        };
        let mut attrs = Attrs::from([("type".into(), "git".into())]);
        let mut repository = ParsedUrl {
            scheme: transport.to_owned(),
            query: Default::default(),
            fragment: String::new(),
            ..url.clone()
        };
        for (name, value) in &url.query {
            if TEXTS.contains(&name.as_str()) {
                attrs.insert(name.clone(), value.as_str().into());
            } else if FLAGS.contains(&name.as_str()) {
                attrs.insert(name.clone(), Attr::Bool(value == "1"));
            } else {
                repository.query.insert(name.clone(), value.clone());
            }
        }
        attrs.insert("url".into(), repository.to_string().into());
        self.check(&attrs)?;
        Ok(Some(attrs))
    }

    fn check(&self, attrs: &Attrs) -> Result<(), FetchError> {
        let url = required(attrs, "url")?;
        if let Some(reference) = crate::attrs::text(attrs, "ref")? {
            if !is_reference(reference) {
                return Err(FetchError::new(format!("invalid Git branch/tag name '{reference}'")));
            }
        }
        for flag in FLAGS {
            crate::attrs::boolean(attrs, flag)?;
        }
        git_url(url).map(drop)
    }

    fn canonical(&self, mut attrs: Attrs) -> Result<Attrs, FetchError> {
        let url = git_url(required(&attrs, "url")?)?.to_string();
        attrs.insert("url".into(), url.into());
        Ok(attrs)
    }

    fn url_of(&self, input: &Input) -> ParsedUrl {
        let text = input.text("url").unwrap_or_default();
        let mut url = git_url(text).unwrap_or_else(|_| super::plain_url("file", text.to_owned()));
        if url.scheme != "git" {
            url.scheme = format!("git+{}", url.scheme);
        }
        for name in ["rev", "ref"] {
            if let Some(value) = input.text(name) {
                url.query.insert(name.to_owned(), value.to_owned());
            }
        }
        for name in ["shallow", "submodules", "lfs", "exportIgnore", "verifyCommit"] {
            if input.flag(name) {
                url.query.insert(name.to_owned(), "1".to_owned());
            }
        }
        for name in ["keytype", "publicKey", "publicKeys"] {
            if let Some(value) = input.text(name) {
                url.query.insert(name.to_owned(), value.to_owned());
            }
        }
        url
    }

    fn is_locked(&self, input: &Input) -> bool {
        input.rev().is_some_and(|rev| rev.bytes().any(|b| b != b'0'))
    }

    fn apply_overrides(
        &self,
        input: &Input,
        reference: Option<&str>,
        rev: Option<&str>,
    ) -> Result<Input, FetchError> {
        let mut changed = input.clone();
        for (name, value) in [("ref", reference), ("rev", rev)] {
            if let Some(value) = value {
                changed = changed.with(name, Some(value.into()));
            }
        }
        if changed.reference().is_none() && changed.rev().is_some() {
            return Err(FetchError::new(format!(
                "Git input '{}' has a commit hash but no branch/tag name",
                changed.to_url()
            )));
        }
        Ok(changed)
    }
}

/// An address as git takes it, made a URL: an absolute path, `user@host:path`, `git+https://…`, or a URL.
///
/// # Errors
/// None of these.
pub(crate) fn git_url(text: &str) -> Result<ParsedUrl, FetchError> {
    if text.starts_with('/') {
        return Ok(ParsedUrl { authority: Some(String::new()), ..super::plain_url("file", text.to_owned()) });
    }
    if let Some(url) = scp_style(text) {
        return Ok(url);
    }
    let mut url = ParsedUrl::parse(text)?;
    if let (Some("git"), transport) = url.split_scheme() {
        url.scheme = transport.to_owned();
    }
    Ok(url)
}

/// `[user@]host:path`, as `scp` has it.
fn scp_style(text: &str) -> Option<ParsedUrl> {
    const SCHEMES: [&str; 7] = ["ssh", "http", "https", "file", "ftp", "ftps", "git"];
    let before = text.split(':').next()?;
    let known = before.strip_prefix("git+").unwrap_or(before);
    if before.contains('/') || before == text || SCHEMES.contains(&known) {
        return None;
    }
    // An IPv6 address stands in brackets.
    let bracket = text.find("@[").map(|at| at + 1).or_else(|| text.starts_with('[').then_some(0));
    let end = match bracket {
        Some(at) => at + text[at..].find(']')? + 1,
        None => before.len(),
    };
    let path = text[end..].strip_prefix(':')?;
    if path.is_empty() || text[..end].is_empty() {
        return None;
    }
    // A path that does not start with a slash is relative to the home folder.
    let path = match path.strip_prefix('~') {
        Some(_) => format!("/{path}"),
        None if path.starts_with('/') => path.to_owned(),
        None => format!("/{path}"),
    };
    Some(ParsedUrl { authority: Some(text[..end].to_owned()), ..super::plain_url("ssh", path) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_git_takes_them() {
        for (text, url) in [
            ("/a/b c", "file:///a/b%20c"),
            ("git@github.com:o/r.git", "ssh://git@github.com/o/r.git"),
            ("host:/abs/x", "ssh://host/abs/x"),
            ("git@[::1]:x", "ssh://git@[::1]/x"),
            ("git+https://h/x", "https://h/x"),
            ("https://h/x?a=b", "https://h/x?a=b"),
            ("file:///x", "file:///x"),
        ] {
            assert_eq!(git_url(text).map(|u| u.to_string()).unwrap_or_default(), url, "{text}");
        }
        for bad in ["x", "./x", "a/b:c"] {
            assert!(git_url(bad).is_err(), "{bad}");
        }
    }
}
