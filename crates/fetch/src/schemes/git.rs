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
        // Absolute paths are accepted for `builtins.fetchGit`.
        if url.starts_with('/') { Ok(()) } else { ParsedUrl::parse(url).map(drop).map_err(FetchError::from) }
    }

    fn url_of(&self, input: &Input) -> ParsedUrl {
        let text = input.text("url").unwrap_or_default();
        let text = if text.starts_with('/') { format!("file://{text}") } else { text.to_owned() };
        let mut url = ParsedUrl::parse(&text).unwrap_or_else(|_| super::plain_url("file", text.clone()));
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
