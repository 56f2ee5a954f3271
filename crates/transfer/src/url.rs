//! The little of URLs that transfers need: scheme, host, joining redirects, escaping what HTTP does not carry.

/// Scheme, authority and the rest of a hierarchical URL, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: &'a str,
    /// Path and query, without the fragment.
    pub(crate) path: &'a str,
}

/// Splits a URL; `None` if it has no `scheme://`.
pub(crate) fn split(url: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
        return None;
    }
    let rest = rest.split('#').next().unwrap_or(rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Some(Parts { scheme, authority: &rest[..end], path: &rest[end..] })
}

impl Parts<'_> {
    /// The host without user and port.
    pub(crate) fn host(&self) -> &str {
        let host = self.authority.rsplit_once('@').map_or(self.authority, |(_, h)| h);
        if let Some(v6) = host.strip_prefix('[') {
            return v6.split(']').next().unwrap_or(v6);
        }
        host.split(':').next().unwrap_or(host)
    }

    /// `user:password` of the authority, percent-decoded.
    pub(crate) fn user_info(&self) -> Option<(String, String)> {
        let (user, _) = self.authority.rsplit_once('@')?;
        let (login, password) = user.split_once(':').unwrap_or((user, ""));
        Some((percent_decode(login), percent_decode(password)))
    }

    /// The port, or the scheme's own.
    pub(crate) fn port(&self) -> u16 {
        let host = self.authority.rsplit_once('@').map_or(self.authority, |(_, h)| h);
        let after = host.rsplit_once(']').map_or(host, |(_, p)| p);
        after
            .rsplit_once(':')
            .and_then(|(_, p)| p.parse().ok())
            .unwrap_or(if self.scheme.eq_ignore_ascii_case("https") { 443 } else { 80 })
    }
}

/// Where a `Location` header leads, seen from `base`.
pub(crate) fn join(base: &str, location: &str) -> Option<String> {
    if split(location).is_some() {
        return Some(location.to_owned());
    }
    let parts = split(base)?;
    let (scheme, authority) = (parts.scheme, parts.authority);
    if let Some(rest) = location.strip_prefix("//") {
        return Some(format!("{scheme}://{rest}"));
    }
    if location.starts_with('/') {
        return Some(format!("{scheme}://{authority}{location}"));
    }
    let path = parts.path.split('?').next().unwrap_or("");
    if location.starts_with('?') {
        return Some(format!("{scheme}://{authority}{path}{location}"));
    }
    let (target, query) = location.split_at(location.find(['?', '#']).unwrap_or(location.len()));
    let mut segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    segments.pop();
    let mut pieces = target.split('/').peekable();
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        match piece {
            "." | ".." => {
                if piece == ".." {
                    segments.pop();
                }
                if last {
                    segments.push("");
                }
            }
            piece => segments.push(piece),
        }
    }
    Some(format!("{scheme}://{authority}/{}{query}", segments.join("/")))
}

/// Escapes what must not appear in a request line: blanks, controls, bytes beyond ASCII, and a few marks. `%` stays, as
/// URLs come already escaped. The fragment is dropped.
pub(crate) fn escape(url: &str) -> String {
    let url = url.split('#').next().unwrap_or(url);
    let mut out = String::with_capacity(url.len());
    for b in url.bytes() {
        if b <= b' ' || b >= 0x7f || b"\"<>\\^`{|}".contains(&b) {
            out.push_str(&format!("%{b:02X}"));
        } else {
            out.push(char::from(b));
        }
    }
    out
}

/// Undoes `%xx`; broken escapes stay as they are, bytes that are not UTF-8 are replaced.
pub fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex
            .filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|h| u8::from_str_radix(h, 16).ok())
        {
            Some(b) if bytes[i] == b'%' => {
                out.push(b);
                i += 3;
            }
            _ => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The URL for messages: without a password in it.
pub fn display_url(url: &str) -> String {
    let Some(parts) = split(url) else { return url.to_owned() };
    match parts.authority.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => {
            let login = user.split(':').next().unwrap_or("");
            url.replacen(parts.authority, &format!("{login}:***@{host}"), 1)
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_locations() {
        let base = "https://h:8080/a/b/c?x=1";
        for (location, want) in [
            ("http://other/z", "http://other/z"),
            ("//other/z", "https://other/z"),
            ("/z?q", "https://h:8080/z?q"),
            ("z", "https://h:8080/a/b/z"),
            ("../z/./y", "https://h:8080/a/z/y"),
            ("../../../..", "https://h:8080/"),
            ("?n", "https://h:8080/a/b/c?n"),
        ] {
            assert_eq!(join(base, location).as_deref(), Some(want), "{location}");
        }
    }

    #[test]
    fn splits_and_hides() {
        let p = split("https://me:pw%20x@[::1]:81/p?q#f").expect("a URL");
        assert_eq!((p.host(), p.port(), p.path), ("::1", 81, "/p?q"));
        assert_eq!(p.user_info(), Some(("me".into(), "pw x".into())));
        assert_eq!(display_url("https://me:pw@h/x"), "https://me:***@h/x");
        assert_eq!(display_url("https://me@h/x"), "https://me@h/x");
        assert_eq!(split("nothing"), None);
        assert_eq!(escape("http://h/a b\u{e9}#frag"), "http://h/a%20b%C3%A9");
        assert_eq!(percent_decode("%41%zz%"), "A%zz%");
    }
}
