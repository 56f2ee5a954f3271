//! The types of inputs: how each is written as a URL and which attributes it has. Fetching is in [`crate::fetcher`].

mod base;
mod file;
mod forge;
mod git;
mod indirect;
mod path;

use crate::attrs::Attrs;
use crate::error::FetchError;
use crate::input::Input;
use crate::url::ParsedUrl;

/// One type of inputs.
pub trait Scheme: Sync {
    /// The value of `type`.
    fn name(&self) -> &'static str;
    /// The attributes that it may have, beside the general ones.
    fn attributes(&self) -> &'static [&'static str];
    /// The attributes that a URL means, or `None` if the URL is of another type.
    ///
    /// # Errors
    /// The URL is of this type and malformed.
    fn attrs_of_url(&self, url: &ParsedUrl, flake: bool) -> Result<Option<Attrs>, FetchError>;
    /// Checks attributes that were given as such.
    ///
    /// # Errors
    /// What is missing or malformed.
    fn check(&self, attrs: &Attrs) -> Result<(), FetchError>;
    /// Attributes that were given as such, in the form that a URL would give.
    ///
    /// # Errors
    /// What is malformed.
    fn canonical(&self, attrs: Attrs) -> Result<Attrs, FetchError> {
        Ok(attrs)
    }
    /// The URL of an input of this type.
    fn url_of(&self, input: &Input) -> ParsedUrl;
    /// Whether the input always means the same tree.
    fn is_locked(&self, input: &Input) -> bool;
    /// The input with another branch, tag or commit.
    ///
    /// # Errors
    /// The type has none.
    fn apply_overrides(
        &self,
        input: &Input,
        reference: Option<&str>,
        rev: Option<&str>,
    ) -> Result<Input, FetchError> {
        let (what, value) = match reference {
            Some(reference) => ("branch/tag name", reference),
            None => ("revision", rev.unwrap_or("")),
        };
        Err(FetchError::new(format!(
            "don't know how to set {what} of input '{}' to '{value}'",
            input.to_url()
        )))
    }
}

/// All types, in the order in which they are asked to take a URL.
pub const ALL: [&dyn Scheme; 9] = [
    &path::Path,
    &base::Base,
    &indirect::Indirect,
    &git::Git,
    &forge::GITHUB,
    &forge::GITLAB,
    &forge::SOURCEHUT,
    &file::TARBALL,
    &file::FILE,
];

/// The type of a name.
pub fn by_name(name: &str) -> Option<&'static dyn Scheme> {
    ALL.into_iter().find(|s| s.name() == name)
}

pub(crate) use git::git_url;

/// A URL of nothing but a scheme and a path.
fn plain_url(scheme: &str, path: String) -> ParsedUrl {
    ParsedUrl {
        scheme: scheme.to_owned(),
        authority: None,
        path,
        query: Default::default(),
        fragment: String::new(),
    }
}

fn required<'a>(attrs: &'a Attrs, name: &str) -> Result<&'a str, FetchError> {
    Ok(crate::attrs::text(attrs, name)?.ok_or_else(|| crate::attrs::AttrError::Missing(name.to_owned()))?)
}
