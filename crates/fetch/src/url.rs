//! URLs as flake references use them: split, decoded, and put together again.

use std::collections::BTreeMap;
use std::fmt;

/// A URL, its parts percent-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedUrl {
    /// `git+https`, `path`, …
    pub scheme: String,
    /// What stands between `//` and the path, as written; `None` without `//`.
    pub authority: Option<String>,
    /// The path, decoded. An encoded slash is not told from a plain one.
    pub path: String,
    /// The query, decoded.
    pub query: BTreeMap<String, String>,
    /// The fragment, decoded.
    pub fragment: String,
}

/// Why a text is no URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a valid URL")]
pub struct BadUrl(pub String);

/// Undoes `%xx`.
///
/// # Errors
/// A broken escape, or bytes that are not UTF-8.
pub fn percent_decode(text: &str) -> Result<String, BadUrl> {
    let bad = || BadUrl(text.to_owned());
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let digits = [bytes.next().ok_or_else(bad)?, bytes.next().ok_or_else(bad)?];
        let digits = std::str::from_utf8(&digits).map_err(|_| bad())?;
        out.push(u8::from_str_radix(digits, 16).map_err(|_| bad())?);
    }
    String::from_utf8(out).map_err(|_| bad())
}

/// Escapes everything but unreserved characters and those in `keep`.
pub fn percent_encode(text: &str, keep: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) || keep.as_bytes().contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// Whether an entry of the search path is the address of an archive rather than a path.
pub fn is_pseudo_url(text: &str) -> bool {
    const SCHEMES: [&str; 7] = ["http", "https", "file", "channel", "git", "s3", "ssh"];
    text.starts_with("channel:")
        || text.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
}

/// Reads `a=1&b=2`; a part without `=` is passed over.
///
/// # Errors
/// A broken escape.
pub fn parse_query(text: &str) -> Result<BTreeMap<String, String>, BadUrl> {
    text.split('&')
        .filter_map(|part| part.split_once('='))
        .map(|(k, v)| Ok((percent_decode(k)?, percent_decode(v)?)))
        .collect()
}

/// Writes `a=1&b=2`.
pub fn print_query(query: &BTreeMap<String, String>) -> String {
    let keep = "!$'()*,;/:@ ?"; // as the reference: what a query may hold, without `&`, `=` and `+`
    let keep = keep.replace(' ', "");
    query
        .iter()
        .map(|(k, v)| format!("{}={}", percent_encode(k, &keep), percent_encode(v, &keep)))
        .collect::<Vec<_>>()
        .join("&")
}

impl ParsedUrl {
    /// Splits and decodes a URL. Blanks, `"` and `^` in fragment and query are taken as they are.
    ///
    /// # Errors
    /// No scheme, or a broken escape.
    pub fn parse(text: &str) -> Result<ParsedUrl, BadUrl> {
        let bad = || BadUrl(text.to_owned());
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (scheme, rest) = rest.split_once(':').ok_or_else(bad)?;
        let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !valid || rest.chars().any(|c| c.is_control() || " \"<>^`{|}".contains(c)) {
            return Err(bad());
        }
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(rest[..end].to_owned()), &rest[end..])
            }
            None => (None, rest),
        };
        Ok(ParsedUrl {
            scheme: scheme.to_ascii_lowercase(),
            authority,
            path: percent_decode(path)?,
            query: parse_query(query)?,
            fragment: percent_decode(fragment)?,
        })
    }

    /// The segments of the path, without empty ones.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|s| !s.is_empty()).collect()
    }

    /// The part of the scheme before `+` (what the application does with it) and the rest.
    pub fn split_scheme(&self) -> (Option<&str>, &str) {
        match self.scheme.split_once('+') {
            Some((application, transport)) => (Some(application), transport),
            None => (None, &self.scheme),
        }
    }
}

impl fmt::Display for ParsedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        if let Some(authority) = &self.authority {
            write!(f, "//{authority}")?;
        }
        write!(f, "{}", percent_encode(&self.path, "/!$&'()*+,;=:@"))?;
        if !self.query.is_empty() {
            write!(f, "?{}", print_query(&self.query))?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", percent_encode(&self.fragment, "!$&'()*+,;=:@/?"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_round_trip() {
        for text in [
            "git+file:///a/b%20c?dir=x&ref=main",
            "path:./x",
            "github:o/r/ref",
            "https://user@host:80/x.tar.gz?a=1#frag",
            "flake:nixpkgs",
        ] {
            assert_eq!(ParsedUrl::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn parts() {
        let u = ParsedUrl::parse("git+https://h/p%2Fq?x=%41#y%20z").unwrap();
        assert_eq!(u.split_scheme(), (Some("git"), "https"));
        assert_eq!((u.path.as_str(), u.query["x"].as_str(), u.fragment.as_str()), ("/p/q", "A", "y z"));
        assert!(ParsedUrl::parse("no-scheme").is_err());
        assert!(ParsedUrl::parse("./x:y").is_err());
        assert!(ParsedUrl::parse("a:%zz").is_err());
    }
}
