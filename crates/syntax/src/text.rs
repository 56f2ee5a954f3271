//! The text that literals stand for: escapes, line ends, paths.

use memchr::{memchr, memchr2};

/// Appends the meaning of the inside of a `"…"`: escapes resolved, CR and CR/LF made LF.
pub(crate) fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(special) = memchr2(b'\\', b'\r', rest) {
        out.extend_from_slice(&rest[..special]);
        let (first, second) = (rest[special], rest.get(special + 1).copied());
        let used = match (first, second) {
            (b'\\', Some(escaped)) => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => other,
                });
                2
            }
            (b'\r', Some(b'\n')) => {
                out.push(b'\n');
                2
            }
            (b'\r', _) => {
                out.push(b'\n');
                1
            }
            // Not in anything that the lexer calls a string.
            (other, _) => {
                out.push(other);
                1
            }
        };
        rest = &rest[special + used..];
    }
    out.extend_from_slice(rest);
}

/// The meaning of the inside of a `"…"`, in `buffer` if it differs from what stands there.
pub(crate) fn unescaped<'t>(text: &'t [u8], buffer: &'t mut Vec<u8>) -> &'t [u8] {
    if memchr2(b'\\', b'\r', text).is_none() {
        return text;
    }
    buffer.clear();
    unescape(text, buffer);
    buffer
}

/// Appends a path as absolute and canonical: without `.`, `..`, or doubled slashes; one that is not absolute starts from
/// `base`.
pub(crate) fn canonical_path(path: &[u8], base: &[u8], out: &mut Vec<u8>) {
    let root = out.len();
    if !path.starts_with(b"/") {
        append_segments(base, root, out);
    }
    append_segments(path, root, out);
    if out.len() == root {
        out.push(b'/');
    }
}

fn append_segments(path: &[u8], root: usize, out: &mut Vec<u8>) {
    let mut rest = path;
    while !rest.is_empty() {
        let end = memchr(b'/', rest).unwrap_or(rest.len());
        match &rest[..end] {
            b"" | b"." => {}
            b".." => {
                let parent = memchr::memrchr(b'/', &out[root..]).unwrap_or(0);
                out.truncate(root + parent);
            }
            segment => {
                out.push(b'/');
                out.extend_from_slice(segment);
            }
        }
        rest = rest.get(end + 1..).unwrap_or(&[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(path: &str, base: &str) -> String {
        let mut out = b"before".to_vec();
        canonical_path(path.as_bytes(), base.as_bytes(), &mut out);
        String::from_utf8(out.split_off(6)).expect("the inputs are UTF-8")
    }

    #[test]
    fn paths_become_canonical() {
        assert_eq!(canonical("./a/../b", "/x/y"), "/x/y/b");
        assert_eq!(canonical("../../../b", "/x/y"), "/b");
        assert_eq!(canonical("/.", "/x"), "/");
        assert_eq!(canonical("./.", "/"), "/");
        assert_eq!(canonical("a.b/c", "/x/"), "/x/a.b/c");
    }

    #[test]
    fn escapes_and_line_ends() {
        let mut out = Vec::new();
        unescape(b"a\\n\\t\\r\\x\\\\\\\"\r\nb\rc\\\r\nd", &mut out);
        assert_eq!(out, b"a\n\t\rx\\\"\nb\nc\r\nd");
    }
}
