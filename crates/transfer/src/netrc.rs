//! The netrc file: credentials by host, in the form that curl reads.

/// A user name and a password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// The user name.
    pub login: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("login", &self.login).finish_non_exhaustive()
    }
}

/// A parsed netrc file. Unknown words are skipped: the file is the user's and shared with other programs.
#[derive(Clone, Debug, Default)]
pub struct Netrc {
    hosts: Vec<(Option<String>, Credentials)>,
}

impl Netrc {
    /// Parses the text of a netrc file.
    pub fn parse(text: &str) -> Netrc {
        let mut out = Netrc::default();
        let mut words = Words { rest: text };
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" => {
                    let host = words.next().unwrap_or_default();
                    out.hosts.push((Some(host.to_ascii_lowercase()), Credentials::default()));
                }
                "default" => out.hosts.push((None, Credentials::default())),
                "login" => {
                    let value = words.next().unwrap_or_default();
                    if let Some((_, c)) = out.hosts.last_mut() {
                        c.login = value;
                    }
                }
                "password" => {
                    let value = words.next().unwrap_or_default();
                    if let Some((_, c)) = out.hosts.last_mut() {
                        c.password = value;
                    }
                }
                "account" => {
                    words.next();
                }
                "macdef" => words.skip_macro(),
                _ => {}
            }
        }
        out
    }

    /// The credentials for a host (without port), or those of `default`.
    pub fn lookup(&self, host: &str) -> Option<&Credentials> {
        let host = host.to_ascii_lowercase();
        self.hosts
            .iter()
            .find(|(h, _)| h.as_deref().is_none_or(|h| h == host))
            .map(|(_, c)| c)
            .filter(|c| !c.login.is_empty() || !c.password.is_empty())
    }
}

/// Words of a netrc file: split at white space, `#` at the start of a word begins a comment, `"…"` quotes with backslash escapes.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    fn next(&mut self) -> Option<String> {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.is_empty() {
                return None;
            }
            if !self.rest.starts_with('#') {
                break;
            }
            self.rest = self.rest.find('\n').map_or("", |i| &self.rest[i..]);
        }
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let mut word = String::new();
            let mut chars = quoted.char_indices();
            while let Some((i, c)) = chars.next() {
                match c {
                    '"' => {
                        self.rest = &quoted[i + 1..];
                        return Some(word);
                    }
                    '\\' => match chars.next() {
                        Some((_, 'n')) => word.push('\n'),
                        Some((_, 'r')) => word.push('\r'),
                        Some((_, 't')) => word.push('\t'),
                        Some((_, c)) => word.push(c),
                        None => break,
                    },
                    c => word.push(c),
                }
            }
            self.rest = "";
            return Some(word);
        }
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let word = self.rest[..end].to_owned();
        self.rest = &self.rest[end..];
        Some(word)
    }

    /// A macro lasts to the next empty line.
    fn skip_macro(&mut self) {
        self.rest = self.rest.find("\n\n").map_or("", |i| &self.rest[i + 2..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_hosts_and_default() {
        let n = Netrc::parse(
            "# comment\nmachine Example.com login me password s3cret\nmacdef init\nmachine no login x\n\nmachine b\n  login \"a b\\\"c\"\n password p\ndefault login anonymous password none\n",
        );
        assert_eq!(n.lookup("example.COM").map(|c| c.password.as_str()), Some("s3cret"));
        assert_eq!(n.lookup("b").map(|c| c.login.as_str()), Some("a b\"c"));
        assert_eq!(n.lookup("elsewhere").map(|c| c.login.as_str()), Some("anonymous"));
    }

    #[test]
    fn garbage_gives_nothing() {
        for text in ["", "login x password y", "machine", "\"unterminated \\", "macdef", "default"] {
            assert!(Netrc::parse(text).lookup("h").is_none(), "{text}");
        }
    }
}
