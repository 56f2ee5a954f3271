//! Inputs: a type and attributes that say what to fetch, parsed from and printed as URLs.

use firn_hash::{Algo, Hash};

use crate::attrs::{self, Attr, Attrs};
use crate::error::FetchError;
use crate::schemes;
use crate::url::ParsedUrl;

/// What to fetch. Two inputs are equal if their attributes are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    attrs: Attrs,
}

impl Input {
    /// Reads an input from a URL. `flake` says that a URL of an archive means its contents, not the file.
    ///
    /// # Errors
    /// No scheme takes the URL, or the one that does finds fault with it.
    pub fn from_url(url: &ParsedUrl, flake: bool) -> Result<Input, FetchError> {
        for scheme in schemes::ALL {
            if let Some(attrs) = scheme.attrs_of_url(url, flake)? {
                return Input::checked(attrs);
            }
        }
        if url.scheme == "file+git" {
            return Err(FetchError::new(format!(
                "input '{url}' is unsupported; did you mean 'git+file' instead of 'file+git'?"
            )));
        }
        Err(FetchError::new(format!("input '{url}' is unsupported")))
    }

    /// Reads an input from attributes, with `type` among them.
    ///
    /// # Errors
    /// An unknown type, an attribute that the type does not have, one that is missing or malformed.
    pub fn from_attrs(attrs: Attrs) -> Result<Input, FetchError> {
        let kind = attrs::text(&attrs, "type")?.ok_or_else(|| {
            FetchError::new(format!(
                "'type' attribute to specify input scheme is required but not provided: '{}'",
                attrs::to_json(&attrs)
            ))
        })?;
        // What is unknown may stand in a lock file; only fetching it fails.
        let Some(scheme) = schemes::by_name(kind) else { return Input::checked(attrs) };
        for name in attrs.keys() {
            let general = matches!(name.as_str(), "type" | "narHash" | "__final");
            if !general && !scheme.attributes().contains(&name.as_str()) {
                return Err(FetchError::new(format!(
                    "input attribute '{name}' not supported by scheme '{kind}'"
                )));
            }
        }
        scheme.check(&attrs)?;
        Input::checked(scheme.canonical(attrs)?)
    }

    /// Checks the attributes that every input may have.
    fn checked(attrs: Attrs) -> Result<Input, FetchError> {
        let input = Input { attrs };
        input.nar_hash()?;
        if let Some(rev) = attrs::text(&input.attrs, "rev")? {
            check_rev(rev)?;
        }
        Ok(input)
    }

    /// All attributes.
    pub fn attrs(&self) -> &Attrs {
        &self.attrs
    }

    /// The input with an attribute set (or, with `None`, gone).
    pub fn with(mut self, name: &str, value: Option<Attr>) -> Input {
        match value {
            Some(value) => self.attrs.insert(name.to_owned(), value),
            None => self.attrs.remove(name),
        };
        self
    }

    /// The type.
    pub fn kind(&self) -> &str {
        attrs::text(&self.attrs, "type").ok().flatten().unwrap_or("")
    }

    /// The text of an attribute, if it is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        attrs::text(&self.attrs, name).ok().flatten()
    }

    /// The number of an attribute, if it is a number.
    pub fn int(&self, name: &str) -> Option<u64> {
        attrs::int(&self.attrs, name).ok().flatten()
    }

    /// The truth value of an attribute; false if it is not there.
    pub fn flag(&self, name: &str) -> bool {
        attrs::boolean(&self.attrs, name).ok().flatten().unwrap_or(false)
    }

    /// The hash of the tree, if it is part of the input.
    ///
    /// # Errors
    /// It is no SHA-256 hash.
    pub fn nar_hash(&self) -> Result<Option<Hash>, FetchError> {
        match attrs::text(&self.attrs, "narHash")? {
            None => Ok(None),
            Some("") => Ok(Some(Hash::zero(Algo::Sha256))),
            Some(text) => match Hash::parse_sri(text) {
                Ok(hash) if hash.algo() == Algo::Sha256 => Ok(Some(hash)),
                Ok(_) => Err(FetchError::new("narHash must use SHA-256")),
                Err(e) => Err(FetchError::new(e.to_string())),
            },
        }
    }

    /// The name that the tree has in the store.
    pub fn name(&self) -> &str {
        self.text("name").unwrap_or("source")
    }

    /// The commit, if it is part of the input.
    pub fn rev(&self) -> Option<&str> {
        self.text("rev")
    }

    /// The branch or tag, if it is part of the input.
    pub fn reference(&self) -> Option<&str> {
        self.text("ref")
    }

    /// Whether the input is what it says, not something to be looked up in a registry.
    pub fn is_direct(&self) -> bool {
        self.kind() != "indirect"
    }

    /// Whether the input always means the same tree.
    pub fn is_locked(&self) -> bool {
        schemes::by_name(self.kind()).is_some_and(|s| s.is_locked(self))
    }

    /// Whether all attributes of the fetched tree are part of the input, as in a lock file.
    pub fn is_final(&self) -> bool {
        self.flag("__final")
    }

    /// The input as a URL.
    pub fn to_url(&self) -> ParsedUrl {
        let mut url = match schemes::by_name(self.kind()) {
            Some(scheme) => scheme.url_of(self),
            None => ParsedUrl {
                scheme: self.kind().to_owned(),
                authority: None,
                path: String::new(),
                query: Default::default(),
                fragment: String::new(),
            },
        };
        // The hash belongs to a URL only where nothing else fixes the tree.
        if let (true, Some(hash)) =
            (self.kind() == "path" || self.kind() == "tarball" || self.kind() == "file", self.text("narHash"))
        {
            url.query.insert("narHash".to_owned(), hash.to_owned());
        }
        url
    }

    /// The input with another branch, tag or commit.
    ///
    /// # Errors
    /// The type has none.
    pub fn apply_overrides(&self, reference: Option<&str>, rev: Option<&str>) -> Result<Input, FetchError> {
        if reference.is_none() && rev.is_none() {
            return Ok(self.clone());
        }
        let scheme = schemes::by_name(self.kind())
            .ok_or_else(|| FetchError::new(format!("don't know how to fetch input '{}'", self.to_url())))?;
        scheme.apply_overrides(self, reference, rev)
    }
}

/// Whether a text is a commit hash: 40 or 64 hex digits.
pub fn is_rev(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn check_rev(rev: &str) -> Result<(), FetchError> {
    if is_rev(rev) {
        Ok(())
    } else {
        Err(FetchError::new(format!("hash '{rev}' is not a commit hash: 40 hex digits are expected")))
    }
}

/// Whether a text may be the name of a branch or tag, by git's rules (git-check-ref-format).
pub fn is_reference(text: &str) -> bool {
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    !text.is_empty()
        && text != "@"
        && !text.starts_with('-')
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.contains("@{")
        && !text.chars().any(|c| c.is_ascii_control() || " ~^:?*[\\".contains(c))
        && !text.split('/').any(bad_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_branches() {
        for good in [
            "master",
            "A/b",
            "1337",
            "foo.bar",
            "refs/heads/x",
            "a+b",
            "feature@1",
            "$x",
            "ünï",
            "HEAD",
            "a%b",
        ] {
            assert!(is_reference(good), "{good}");
        }
        for bad in [
            "", "@", ".a", "a/.b", "a.lock", "a.lock/b", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*",
            "a[b", "/a", "a/", "a//b", "a.", "a@{b", "a\\b", "-x", "a\u{7f}",
        ] {
            assert!(!is_reference(bad), "{bad}");
        }
    }
}
