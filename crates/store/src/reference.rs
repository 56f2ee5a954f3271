//! Store addresses: `auto`, `daemon`, `local`, a folder, or `scheme://authority/path?parameter=value`.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Result, StoreError};

/// Which store is meant, before anything is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreVariant {
    /// Whatever fits this machine and user.
    Auto,
    /// The daemon of this machine.
    Daemon,
    /// The store of this machine, written directly.
    Local,
    /// A kind of store, with what the kind makes of the rest.
    Specified {
        /// The kind: `local`, `unix`, `dummy`, `https`, `ssh-ng`, `s3` …
        scheme: String,
        /// What is between `://` and `?`.
        authority: String,
    },
}

/// A parsed store address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreReference {
    /// Which store.
    pub variant: StoreVariant,
    /// Its parameters, decoded.
    pub params: BTreeMap<String, String>,
}

impl StoreReference {
    /// Parses an address. `current_dir` is what relative folders start at.
    ///
    /// # Errors
    /// [`StoreError::BadReference`].
    pub fn parse(text: &str, current_dir: &str) -> Result<StoreReference> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let params = parse_query(query);
        let specified = |scheme: &str, authority: String| StoreVariant::Specified {
            scheme: scheme.to_owned(),
            authority,
        };
        let variant = match base {
            "" | "auto" => StoreVariant::Auto,
            "daemon" if params.is_empty() => StoreVariant::Daemon,
            "daemon" => specified("unix", String::new()),
            "local" if params.is_empty() => StoreVariant::Local,
            "local" => specified("local", String::new()),
            _ => match base.split_once(':') {
                Some((scheme, rest)) if is_scheme(scheme) && !base.starts_with(['.', '/']) => {
                    specified(scheme, bracket_ipv6(rest.strip_prefix("//").unwrap_or(rest)))
                }
                // a folder has a slash: `store` alone is no address
                _ if base.contains('/') || base == "." => {
                    specified("local", firn_path::canonical(&absolute(base, current_dir)))
                }
                _ => return Err(StoreError::BadReference(text.to_owned())),
            },
        };
        Ok(StoreReference { variant, params })
    }
}

impl fmt::Display for StoreReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            StoreVariant::Auto => f.write_str("auto")?,
            StoreVariant::Daemon => f.write_str("daemon")?,
            StoreVariant::Local => f.write_str("local")?,
            StoreVariant::Specified { scheme, authority } => write!(f, "{scheme}://{authority}")?,
        }
        for (i, (name, value)) in self.params.iter().enumerate() {
            write!(f, "{}{}={}", if i == 0 { '?' } else { '&' }, encode(name), encode(value))?;
        }
        Ok(())
    }
}

fn absolute(path: &str, current_dir: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{current_dir}/{path}") }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Puts brackets around an IPv6 address that stands bare, as older versions allowed; `%zone` becomes `%25zone`.
fn bracket_ipv6(authority: &str) -> String {
    let (user, host) = match authority.split_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), authority),
    };
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let (address, zone) = match inner.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (inner, None),
    };
    if address.parse::<std::net::Ipv6Addr>().is_err() {
        return authority.to_owned();
    }
    match zone {
        None => format!("{user}[{address}]"),
        Some(zone) => format!("{user}[{address}%25{}]", zone.strip_prefix("25").unwrap_or(zone)),
    }
}

fn parse_query(query: &str) -> BTreeMap<String, String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (bytes[at], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~/:@!$'()*,;=".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, printed) in [
            ("auto", "auto"),
            ("", "auto"),
            ("daemon", "daemon"),
            ("local", "local"),
            ("local?root=/x%20y", "local://?root=/x%20y"),
            ("daemon?root=/x", "unix://?root=/x"),
            ("/abs/root", "local:///abs/root"),
            ("./rel", "local:///cwd/rel"),
            ("dummy://", "dummy://"),
            ("https://cache.example.org/x?priority=3&a=b", "https://cache.example.org/x?a=b&priority=3"),
            ("ssh://u@fe80::1%eth0", "ssh://u@[fe80::1%25eth0]"),
            ("ssh-ng://[::1]:22", "ssh-ng://[::1]:22"),
        ] {
            assert_eq!(StoreReference::parse(text, "/cwd").expect(text).to_string(), printed);
        }
        assert!(StoreReference::parse("nonsense", "/").is_err());
    }
}
