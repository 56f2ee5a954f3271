//! Hash algorithms and the formats in which hashes are written.

use std::fmt;
use std::str::FromStr;

use crate::HashError;

/// A hash algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algo {
    /// MD5, 16 bytes; only for old fixed-output derivations.
    Md5,
    /// SHA-1, 20 bytes; git object names and old fixed-output derivations.
    Sha1,
    /// SHA-256, 32 bytes; the default everywhere.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
    /// BLAKE3 with 32 bytes of output; needs the experimental feature `blake3-hashes`.
    Blake3,
}

impl Algo {
    /// All algorithms in alphabetical order of their names.
    pub const ALL: [Algo; 5] = [Algo::Blake3, Algo::Md5, Algo::Sha1, Algo::Sha256, Algo::Sha512];

    /// The size of a digest in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Algo::Md5 => 16,
            Algo::Sha1 => 20,
            Algo::Sha256 | Algo::Blake3 => 32,
            Algo::Sha512 => 64,
        }
    }

    /// The name used in every textual form, for instance `sha256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Algo::Md5 => "md5",
            Algo::Sha1 => "sha1",
            Algo::Sha256 => "sha256",
            Algo::Sha512 => "sha512",
            Algo::Blake3 => "blake3",
        }
    }

    /// The experimental feature without which the reference refuses this algorithm.
    #[must_use]
    pub const fn experimental_feature(self) -> Option<&'static str> {
        match self {
            Algo::Blake3 => Some("blake3-hashes"),
            _ => None,
        }
    }
}

impl fmt::Display for Algo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algo {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        match text {
            "md5" => Ok(Algo::Md5),
            "sha1" => Ok(Algo::Sha1),
            "sha256" => Ok(Algo::Sha256),
            "sha512" => Ok(Algo::Sha512),
            "blake3" => Ok(Algo::Blake3),
            _ => Err(HashError::UnknownAlgo(text.to_owned())),
        }
    }
}

/// How a digest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Standard base 64 with padding.
    Base64,
    /// Nix's own base 32, see [`crate::nix32`].
    Nix32,
    /// Lower-case hexadecimal.
    Base16,
    /// Subresource integrity, `<algo>-<base 64>`; always carries the algorithm.
    Sri,
}

impl Format {
    /// The name that the command line and `builtins.convertHash` use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Base64 => "base64",
            Format::Nix32 => "nix32",
            Format::Base16 => "base16",
            Format::Sri => "sri",
        }
    }

    /// Tells whether `text` is the deprecated alias `base32`, about which callers warn.
    #[must_use]
    pub fn is_deprecated_alias(text: &str) -> bool {
        text == "base32"
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = HashError;

    /// Parses a format's name; `base32` is taken as `nix32`.
    fn from_str(text: &str) -> Result<Self, HashError> {
        match text {
            "base16" => Ok(Format::Base16),
            "nix32" | "base32" => Ok(Format::Nix32),
            "base64" => Ok(Format::Base64),
            "sri" => Ok(Format::Sri),
            _ => Err(HashError::UnknownFormat(text.to_owned())),
        }
    }
}
