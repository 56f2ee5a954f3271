//! `flake:` — a name to be looked up in the registries.

use super::{Scheme, plain_url, required};
use crate::attrs::Attrs;
use crate::error::FetchError;
use crate::input::{Input, is_reference, is_rev};
use crate::url::ParsedUrl;

pub(super) struct Indirect;

/// Whether a text may be the name of a flake in a registry.
pub(super) fn is_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

impl Scheme for Indirect {
    fn name(&self) -> &'static str {
        "indirect"
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["id", "ref", "rev"]
    }

    fn attrs_of_url(&self, url: &ParsedUrl, _flake: bool) -> Result<Option<Attrs>, FetchError> {
        if url.scheme != "flake" {
            return Ok(None);
        }
        let bad = |what: &str| FetchError::new(format!("in flake URL '{url}', {what}"));
        let segments = url.segments();
        let (id, rest) = segments
            .split_first()
            .ok_or_else(|| FetchError::new(format!("GitHub URL '{url}' is invalid")))?;
        if !is_id(id) {
            return Err(bad(&format!("'{id}' is not a valid flake ID")));
        }
        let mut attrs = Attrs::from([("type".into(), "indirect".into()), ("id".into(), (*id).into())]);
        match rest {
            [] => {}
            [one] if is_rev(one) => drop(attrs.insert("rev".into(), (*one).into())),
            [one] if is_reference(one) => drop(attrs.insert("ref".into(), (*one).into())),
            [reference, rev] if is_reference(reference) && is_rev(rev) => {
                attrs.insert("ref".into(), (*reference).into());
                attrs.insert("rev".into(), (*rev).into());
            }
            [one] => return Err(bad(&format!("'{one}' is not a commit hash or branch/tag name"))),
            [reference, rev] => {
                return Err(bad(&if is_reference(reference) {
                    format!("'{rev}' is not a commit hash")
                } else {
                    format!("'{reference}' is not a branch/tag name")
                }));
            }
            _ => return Err(bad("there are too many parts")),
        }
        for (name, value) in &url.query {
            match name.as_str() {
                "ref" | "rev" | "narHash" => drop(attrs.insert(name.clone(), value.as_str().into())),
                _ => return Err(bad(&format!("parameter '{name}' is not supported"))),
            }
        }
        Ok(Some(attrs))
    }

    fn check(&self, attrs: &Attrs) -> Result<(), FetchError> {
        let id = required(attrs, "id")?;
        if is_id(id) { Ok(()) } else { Err(FetchError::new(format!("'{id}' is not a valid flake ID"))) }
    }

    fn url_of(&self, input: &Input) -> ParsedUrl {
        let mut path = input.text("id").unwrap_or_default().to_owned();
        for part in [input.reference(), input.rev()].into_iter().flatten() {
            path.push('/');
            path.push_str(part);
        }
        plain_url("flake", path)
    }

    fn is_locked(&self, _input: &Input) -> bool {
        false
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
        Ok(changed)
    }
}
