//! `base:` — the package set embedded in this executable.
//!
//! It is never written to a lock file: which tree it means is fixed by the executable.

use super::{Scheme, plain_url};
use crate::attrs::Attrs;
use crate::error::FetchError;
use crate::input::Input;
use crate::url::ParsedUrl;

pub(super) struct Base;

impl Scheme for Base {
    fn name(&self) -> &'static str {
        "base"
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["lastModified"]
    }

    fn attrs_of_url(&self, url: &ParsedUrl, _flake: bool) -> Result<Option<Attrs>, FetchError> {
        if url.scheme != "base" {
            return Ok(None);
        }
        if !url.path.is_empty() || url.authority.is_some() || !url.query.is_empty() {
            return Err(FetchError::new(format!("URL '{url}' is invalid: 'base:' stands alone")));
        }
        Ok(Some(Attrs::from([("type".into(), "base".into())])))
    }

    fn check(&self, _attrs: &Attrs) -> Result<(), FetchError> {
        Ok(())
    }

    fn url_of(&self, _input: &Input) -> ParsedUrl {
        plain_url("base", String::new())
    }

    fn is_locked(&self, _input: &Input) -> bool {
        true
    }

    /// There is one tree only, whatever branch is asked for.
    fn apply_overrides(
        &self,
        input: &Input,
        _reference: Option<&str>,
        _rev: Option<&str>,
    ) -> Result<Input, FetchError> {
        Ok(input.clone())
    }
}
