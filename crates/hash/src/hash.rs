//! The hash value, its textual forms and the folding to store path size.

use std::cmp::Ordering;
use std::fmt;

use crate::{Algo, Format, HashError, Hasher, base16, base64, nix32};

/// The size of the largest digest in bytes.
pub const MAX_SIZE: usize = 64;

/// A digest and the algorithm that made it.
///
/// Ordered as the reference orders hashes: by size, then bytes, then algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash {
    algo: Algo,
    // bytes beyond the algorithm's size are zero, so that the derived equality is right
    bytes: [u8; MAX_SIZE],
}

impl Hash {
    /// Hashes `data` in one go.
    #[must_use]
    pub fn of(algo: Algo, data: &[u8]) -> Hash {
        let mut hasher = Hasher::new(algo);
        hasher.update(data);
        hasher.finish()
    }

    /// The hash of zeros, which stands for a hash that is not known yet.
    #[must_use]
    pub const fn zero(algo: Algo) -> Hash {
        Hash { algo, bytes: [0; MAX_SIZE] }
    }

    /// Takes a digest's bytes; `None` where there are not exactly [`Algo::size`] of them.
    #[must_use]
    pub fn from_bytes(algo: Algo, digest: &[u8]) -> Option<Hash> {
        if digest.len() != algo.size() {
            return None;
        }
        let mut hash = Hash::zero(algo);
        hash.bytes[..digest.len()].copy_from_slice(digest);
        Some(hash)
    }

    /// The algorithm.
    #[must_use]
    pub const fn algo(&self) -> Algo {
        self.algo
    }

    /// The digest's bytes, [`Algo::size`] of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algo.size()]
    }

    /// Writes the hash; `with_algo` adds `<algo>:`. SRI always carries the algorithm.
    #[must_use]
    pub fn render(&self, format: Format, with_algo: bool) -> String {
        let digest = match format {
            Format::Base16 => base16::encode(self.as_bytes()),
            Format::Nix32 => nix32::encode(self.as_bytes()),
            Format::Base64 | Format::Sri => base64::encode(self.as_bytes()),
        };
        if format != Format::Sri && !with_algo {
            return digest;
        }
        let separator = if format == Format::Sri { '-' } else { ':' };
        let name = self.algo.name();
        let mut text = String::with_capacity(name.len() + 1 + digest.len());
        text.push_str(name);
        text.push(separator);
        text.push_str(&digest);
        text
    }

    /// The digest in base 16 without prefix.
    #[must_use]
    pub fn base16(&self) -> String {
        base16::encode(self.as_bytes())
    }

    /// The digest in Nix's base 32 without prefix.
    #[must_use]
    pub fn nix32(&self) -> String {
        nix32::encode(self.as_bytes())
    }

    /// The hash as SRI, `<algo>-<base 64>`.
    #[must_use]
    pub fn sri(&self) -> String {
        self.render(Format::Sri, true)
    }

    /// Parses `<algo>-<base 64>`.
    ///
    /// # Errors
    /// No `-`, an unknown algorithm, or a digest of the wrong length.
    pub fn parse_sri(text: &str) -> Result<Hash, HashError> {
        let (algo, digest) = text.split_once('-').ok_or_else(|| HashError::NotSri(text.to_owned()))?;
        parse_digest(digest, algo.parse()?, Format::Sri)
    }

    /// Parses `<algo>:<digest in base 16, 32 or 64>` or SRI.
    ///
    /// # Errors
    /// No algorithm, an unknown one, or a digest that does not fit it.
    pub fn parse_prefixed(text: &str) -> Result<Hash, HashError> {
        parse_split(text, |algo| algo.ok_or_else(|| HashError::NoType(text.to_owned()))).map(|(hash, _)| hash)
    }

    /// Parses any form: prefixed, SRI, or a bare digest whose algorithm the caller knows.
    ///
    /// # Errors
    /// As [`Hash::parse_prefixed`]; also where `algo` contradicts the text.
    pub fn parse_any(text: &str, algo: Option<Algo>) -> Result<Hash, HashError> {
        Hash::parse_any_with_format(text, algo).map(|(hash, _)| hash)
    }

    /// As [`Hash::parse_any`], telling also in which format the text was.
    ///
    /// # Errors
    /// As [`Hash::parse_any`].
    pub fn parse_any_with_format(text: &str, algo: Option<Algo>) -> Result<(Hash, Format), HashError> {
        parse_split(text, |parsed| match (parsed, algo) {
            (None, None) => Err(HashError::NoTypeFromContext(text.to_owned())),
            (Some(parsed), Some(wanted)) if parsed != wanted => {
                Err(HashError::TypeMismatch { text: text.to_owned(), algo: wanted })
            }
            (Some(algo), _) | (None, Some(algo)) => Ok(algo),
        })
    }

    /// As [`Hash::parse_any`], but an empty text is the hash of zeros, about which the caller warns
    /// (`found empty hash, assuming '<SRI>'`).
    ///
    /// # Errors
    /// As [`Hash::parse_any`]; an empty text without `algo`.
    pub fn parse_allow_empty(text: &str, algo: Option<Algo>) -> Result<Hash, HashError> {
        if text.is_empty() {
            return algo.map(Hash::zero).ok_or(HashError::EmptyNeedsAlgo);
        }
        Hash::parse_any(text, algo)
    }

    /// Parses a bare digest; its length tells the encoding.
    ///
    /// # Errors
    /// A length that fits no encoding, or characters outside the encoding.
    pub fn parse_unprefixed(text: &str, algo: Algo) -> Result<Hash, HashError> {
        parse_digest(text, algo, format_from_len(text, algo)?)
    }

    /// Parses a bare digest in the given encoding.
    ///
    /// # Errors
    /// Wrong length or characters outside the encoding.
    pub fn parse_in_format(text: &str, algo: Algo, format: Format) -> Result<Hash, HashError> {
        parse_digest(text, algo, format)
    }
}

/// Folds `bytes` to `N` bytes by XOR, as store paths do with 20.
#[must_use]
pub fn compress<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (i, byte) in bytes.iter().enumerate() {
        out[i % N] ^= byte;
    }
    out
}

fn format_from_len(text: &str, algo: Algo) -> Result<Format, HashError> {
    let size = algo.size();
    match text.len() {
        len if len == base16::encoded_len(size) => Ok(Format::Base16),
        len if len == nix32::encoded_len(size) => Ok(Format::Nix32),
        len if len == base64::encoded_len(size) => Ok(Format::Base64),
        _ => Err(HashError::WrongLength { text: text.to_owned(), algo }),
    }
}

fn parse_split(
    text: &str,
    resolve: impl FnOnce(Option<Algo>) -> Result<Algo, HashError>,
) -> Result<(Hash, Format), HashError> {
    let (prefix, digest, sri) = match text.split_once(':') {
        Some((prefix, digest)) => (Some(prefix), digest, false),
        None => match text.split_once('-') {
            Some((prefix, digest)) => (Some(prefix), digest, true),
            None => (None, text, false),
        },
    };
    let algo = resolve(prefix.map(str::parse).transpose()?)?;
    let format = if sri { Format::Sri } else { format_from_len(digest, algo)? };
    Ok((parse_digest(digest, algo, format)?, format))
}

fn parse_digest(text: &str, algo: Algo, format: Format) -> Result<Hash, HashError> {
    let (decoded, encoding) = match format {
        Format::Base16 => (base16::decode(text), "base16"),
        Format::Nix32 => (nix32::decode(text), "nix32"),
        Format::Base64 => (base64::decode(text), "Base64"),
        Format::Sri => (base64::decode(text), "SRI"),
    };
    // the reference reports a text that does not decode as one of length zero
    let digest = decoded.unwrap_or_default();
    Hash::from_bytes(algo, &digest).ok_or_else(|| HashError::InvalidDigest {
        encoding,
        text: text.to_owned(),
        actual: digest.len(),
        expected: algo.size(),
    })
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Format::Nix32, true))
    }
}

impl Ord for Hash {
    fn cmp(&self, other: &Hash) -> Ordering {
        (self.algo.size(), self.as_bytes(), self.algo).cmp(&(other.algo.size(), other.as_bytes(), other.algo))
    }
}

impl PartialOrd for Hash {
    fn partial_cmp(&self, other: &Hash) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
