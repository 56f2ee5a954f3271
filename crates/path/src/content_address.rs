//! How the content of a store object was turned into its address.

use std::fmt;
use std::str::FromStr;

use firn_hash::{Algo, Format, Hash};

use crate::PathError;

/// How a tree of files is turned into the bytes that are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileMethod {
    /// The bytes of a single, not executable file.
    Flat,
    /// The NAR of the tree.
    NixArchive,
    /// The git object of the tree; experimental feature `git-hashing`.
    Git,
}

impl FileMethod {
    /// The name in derivations' `outputHashMode` and in JSON: `flat`, `nar` or `git`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FileMethod::Flat => "flat",
            FileMethod::NixArchive => "nar",
            FileMethod::Git => "git",
        }
    }

    /// What stands before the algorithm in derivations and content addresses: nothing, `r:` or `git:`.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            FileMethod::Flat => "",
            FileMethod::NixArchive => "r:",
            FileMethod::Git => "git:",
        }
    }
}

/// How a store object's content is addressed: as files, or as a text whose references count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentMethod {
    /// A single file of which the references are part of the address: derivations, `builtins.toFile`.
    Text,
    /// As [`FileMethod::Flat`].
    Flat,
    /// As [`FileMethod::NixArchive`].
    NixArchive,
    /// As [`FileMethod::Git`].
    Git,
}

impl ContentMethod {
    /// The method's name: `text`, `flat`, `nar` or `git`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ContentMethod::Text => "text",
            _ => self.file_method().name(),
        }
    }

    /// What stands before the algorithm in derivations: `text:`, nothing, `r:` or `git:`.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            ContentMethod::Text => "text:",
            _ => self.file_method().prefix(),
        }
    }

    /// How the files are turned into bytes; a text is flat.
    #[must_use]
    pub const fn file_method(self) -> FileMethod {
        match self {
            ContentMethod::Text | ContentMethod::Flat => FileMethod::Flat,
            ContentMethod::NixArchive => FileMethod::NixArchive,
            ContentMethod::Git => FileMethod::Git,
        }
    }

    /// Splits the prefix off `<prefix><algo>` as derivations write it.
    #[must_use]
    pub fn split_prefix(text: &str) -> (ContentMethod, &str) {
        for method in [ContentMethod::NixArchive, ContentMethod::Git, ContentMethod::Text] {
            if let Some(rest) = text.strip_prefix(method.prefix()) {
                return (method, rest);
            }
        }
        (ContentMethod::Flat, text)
    }

    /// Writes the method with an algorithm as the protocols do: `text:sha256`, `fixed:r:sha256`.
    #[must_use]
    pub fn render_with_algo(self, algo: Algo) -> String {
        format!("{}{algo}", self.address_prefix())
    }

    /// Parses what [`ContentMethod::render_with_algo`] writes.
    ///
    /// # Errors
    /// Another form, or an unknown algorithm.
    pub fn parse_with_algo(text: &str) -> Result<(ContentMethod, Algo), PathError> {
        let with_end = format!("{text}:");
        parse_prefix(&with_end).map(|(method, algo, _)| (method, algo))
    }

    /// The experimental feature without which the reference refuses this method in a derivation's output.
    #[must_use]
    pub const fn experimental_feature(self) -> Option<&'static str> {
        match self {
            ContentMethod::Text => Some("dynamic-derivations"),
            ContentMethod::Git => Some("git-hashing"),
            _ => None,
        }
    }

    const fn address_prefix(self) -> &'static str {
        match self {
            ContentMethod::Text => "text:",
            ContentMethod::Flat => "fixed:",
            ContentMethod::NixArchive => "fixed:r:",
            ContentMethod::Git => "fixed:git:",
        }
    }
}

impl From<FileMethod> for ContentMethod {
    fn from(method: FileMethod) -> ContentMethod {
        match method {
            FileMethod::Flat => ContentMethod::Flat,
            FileMethod::NixArchive => ContentMethod::NixArchive,
            FileMethod::Git => ContentMethod::Git,
        }
    }
}

impl FromStr for ContentMethod {
    type Err = PathError;

    /// Parses `text`, `flat`, `nar` or `git`.
    fn from_str(text: &str) -> Result<ContentMethod, PathError> {
        match text {
            "text" => Ok(ContentMethod::Text),
            "flat" => Ok(ContentMethod::Flat),
            "nar" => Ok(ContentMethod::NixArchive),
            "git" => Ok(ContentMethod::Git),
            _ => Err(PathError::UnknownMethod(text.to_owned())),
        }
    }
}

/// The address of a store object's content: `text:sha256:…`, `fixed:sha256:…`, `fixed:r:sha256:…`, `fixed:git:sha1:…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentAddress {
    /// How the content was turned into bytes.
    pub method: ContentMethod,
    /// The hash of these.
    pub hash: Hash,
}

impl ContentAddress {
    /// The method's prefix and the algorithm as derivations write them, for instance `r:sha256`.
    #[must_use]
    pub fn method_algo(&self) -> String {
        format!("{}{}", self.method.prefix(), self.hash.algo())
    }

    /// Parses an optional content address, absent where the text is empty.
    ///
    /// # Errors
    /// As the [`FromStr`] implementation.
    pub fn parse_opt(text: &str) -> Result<Option<ContentAddress>, PathError> {
        if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
    }
}

impl fmt::Display for ContentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method.address_prefix())?;
        f.write_str(&self.hash.render(Format::Nix32, true))
    }
}

impl FromStr for ContentAddress {
    type Err = PathError;

    /// Parses a content address; the digest may be in base 16, 32 or 64.
    fn from_str(text: &str) -> Result<ContentAddress, PathError> {
        let (method, algo, digest) = parse_prefix(text)?;
        Ok(ContentAddress { method, hash: Hash::parse_unprefixed(digest, algo)? })
    }
}

fn parse_prefix(text: &str) -> Result<(ContentMethod, Algo, &str), PathError> {
    let (prefix, rest) =
        text.split_once(':').ok_or_else(|| PathError::NoContentAddressPrefix(text.to_owned()))?;
    let (method, rest) = match prefix {
        "text" => (ContentMethod::Text, rest),
        "fixed" => match (rest.strip_prefix("r:"), rest.strip_prefix("git:")) {
            (Some(rest), _) => (ContentMethod::NixArchive, rest),
            (_, Some(rest)) => (ContentMethod::Git, rest),
            _ => (ContentMethod::Flat, rest),
        },
        _ => return Err(PathError::UnknownContentAddressPrefix(prefix.to_owned())),
    };
    let (algo, digest) =
        rest.split_once(':').ok_or_else(|| PathError::NoContentAddressAlgo(text.to_owned()))?;
    Ok((method, algo.parse()?, digest))
}
