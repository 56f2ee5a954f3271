//! Replacement, and the parts of paths.

/// The searches of a replacement, prepared.
///
/// At each position the first search (in the caller's order) that matches wins. An empty search matches everywhere, also at
/// the end of the text; the byte behind it is kept.
#[derive(Debug)]
pub struct Replacer<'a> {
    from: &'a [&'a [u8]],
    /// Whether some search starts with this byte.
    starts: [bool; 256],
    has_empty: bool,
}

impl<'a> Replacer<'a> {
    /// Prepares to look for `from`.
    pub fn new(from: &'a [&'a [u8]]) -> Replacer<'a> {
        let mut starts = [false; 256];
        for first in from.iter().filter_map(|search| search.first()) {
            starts[usize::from(*first)] = true;
        }
        Replacer { from, starts, has_empty: from.iter().any(|search| search.is_empty()) }
    }

    /// Copies `text` to `out` with every match replaced; `append` appends the replacement for the search with that index, and is
    /// called only for searches that matched.
    pub fn replace<E>(
        &self,
        text: &[u8],
        out: &mut Vec<u8>,
        mut append: impl FnMut(usize, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = 0;
        while at <= text.len() {
            if !self.has_empty {
                let rest = &text[at..];
                let skip = self.skip(rest);
                out.extend_from_slice(&rest[..skip]);
                at += skip;
                if at == text.len() {
                    break;
                }
            }
            let rest = &text[at..];
            let found = self.from.iter().position(|search| rest.starts_with(search));
            if let Some(index) = found {
                append(index, out)?;
                if !self.from[index].is_empty() {
                    at += self.from[index].len();
                    continue;
                }
            }
            out.extend(rest.first());
            at += 1;
        }
        Ok(())
    }

    /// How many bytes at the start of `rest` no search can start with.
    fn skip(&self, rest: &[u8]) -> usize {
        let position = match self.from {
            [] => None,
            [only] => memchr::memchr(only[0], rest),
            _ => rest.iter().position(|byte| self.starts[usize::from(*byte)]),
        };
        position.unwrap_or(rest.len())
    }
}

/// The part behind the last slash; one slash at the end is ignored.
pub fn base_name(path: &[u8]) -> &[u8] {
    let path = match path {
        [rest @ .., b'/'] if !rest.is_empty() => rest,
        _ => path,
    };
    match memchr::memrchr(b'/', path) {
        Some(slash) => &path[slash + 1..],
        None => path,
    }
}

/// The part before the last slash, as `dirOf` gives it for strings.
pub fn dir_name(path: &[u8]) -> &[u8] {
    match memchr::memrchr(b'/', path) {
        None => b".",
        Some(0) => b"/",
        Some(slash) => &path[..slash],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(from: &[&str], to: &[&str], text: &str) -> String {
        let from: Vec<&[u8]> = from.iter().map(|text| text.as_bytes()).collect();
        let mut out = Vec::new();
        Replacer::new(&from)
            .replace(text.as_bytes(), &mut out, |index, out| {
                out.extend_from_slice(to[index].as_bytes());
                Ok::<(), ()>(())
            })
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn replaces() {
        assert_eq!(replaced(&["oo", "a"], &["a", "i"], "foobar"), "fabir");
        assert_eq!(replaced(&["o"], &["a"], "foo"), "faa");
        assert_eq!(replaced(&[""], &["X"], "abc"), "XaXbXcX");
        assert_eq!(replaced(&["", "a"], &["X", "Y"], "aba"), "XaXbXaX");
        assert_eq!(replaced(&["a", ""], &["Y", "X"], "aba"), "YXbYX");
        assert_eq!(replaced(&["-"], &["_"], "a-b-c"), "a_b_c");
        assert_eq!(replaced(&["ab", "a"], &["1", "2"], "aabac"), "212c");
        assert_eq!(replaced(&[], &[], "abc"), "abc");
        assert_eq!(replaced(&["x"], &["y"], ""), "");
        assert_eq!(replaced(&[""], &["X"], ""), "X");
    }

    #[test]
    fn only_matching_replacements_are_asked_for() {
        let result =
            Replacer::new(&[b"x", b"a"]).replace(b"abc", &mut Vec::new(), |index, _| Err::<(), _>(index));
        assert_eq!(result, Err(1));
    }

    #[test]
    fn splits_paths() {
        for (path, base, dir) in [
            ("/a/b", "b", "/a"),
            ("a", "a", "."),
            ("/", "", "/"),
            ("//", "", "/"),
            ("/a/", "a", "/a"),
            ("/a//", "", "/a/"),
            ("", "", "."),
            ("a/", "a", "a"),
        ] {
            assert_eq!(base_name(path.as_bytes()), base.as_bytes(), "{path}");
            assert_eq!(dir_name(path.as_bytes()), dir.as_bytes(), "{path}");
        }
    }
}
