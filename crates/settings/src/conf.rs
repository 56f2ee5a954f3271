//! The syntax of `nix.conf`: `name = value`, `include`, `!include`, comments. Gives assignments; knows no setting.

use crate::Error;
use crate::directories::canonical;

/// How deep includes may nest; the reference has no bound and overflows its stack.
const MAX_DEPTH: usize = 64;

/// One `name = value` of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The name as written, with `extra-`.
    pub name: String,
    /// The words of the value, joined by single spaces.
    pub value: String,
}

/// Parses `contents`, which come from `file` (includes are relative to its folder), reading includes through `read`.
///
/// An include that exists and cannot be read is passed over, as the reference does; a missing one is an error unless it is
/// an `!include`.
///
/// # Errors
/// [`Error::Syntax`], [`Error::IncludeNotFound`], [`Error::IncludeDepth`].
pub fn parse_conf(
    contents: &str,
    file: &str,
    read: &dyn Fn(&str) -> std::io::Result<String>,
) -> Result<Vec<Assignment>, Error> {
    let mut assignments = Vec::new();
    parse_into(contents, file, read, 0, &mut assignments)?;
    Ok(assignments)
}

fn parse_into(
    contents: &str,
    file: &str,
    read: &dyn Fn(&str) -> std::io::Result<String>,
    depth: usize,
    out: &mut Vec<Assignment>,
) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::IncludeDepth { file: file.to_owned() });
    }
    for line in contents.split('\n') {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split([' ', '\t', '\n', '\r']).filter(|w| !w.is_empty()).collect();
        let syntax = || Error::Syntax { line: line.to_owned(), file: file.to_owned() };
        match words.as_slice() {
            [] => {}
            ["include", target] => include(target, false, file, read, depth, out)?,
            ["!include", target] => include(target, true, file, read, depth, out)?,
            ["include" | "!include", ..] => return Err(syntax()),
            [name, "=", value @ ..] => {
                out.push(Assignment { name: (*name).to_owned(), value: value.join(" ") });
            }
            _ => return Err(syntax()),
        }
    }
    Ok(())
}

fn include(
    target: &str,
    optional: bool,
    from: &str,
    read: &dyn Fn(&str) -> std::io::Result<String>,
    depth: usize,
    out: &mut Vec<Assignment>,
) -> Result<(), Error> {
    let path = if target.starts_with('/') {
        canonical(target)
    } else {
        let folder = from.rfind('/').map_or("", |at| &from[..at + 1]);
        canonical(&format!("{folder}{target}"))
    };
    match read(&path) {
        Ok(contents) => parse_into(&contents, &path, read, depth + 1, out),
        Err(e) if e.kind() != std::io::ErrorKind::NotFound || optional => Ok(()),
        Err(_) => Err(Error::IncludeNotFound { file: path, from: from.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn none(_: &str) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    #[test]
    fn assignments_comments_and_includes() {
        let read = |path: &str| match path {
            "/etc/nix/more.conf" => Ok("extra-substituters = a   b\n".to_owned()),
            _ => none(path),
        };
        let conf = "# top\nmax-jobs = 4 # four\n\ninclude more.conf\n!include /not/there\nempty =\n";
        let got = parse_conf(conf, "/etc/nix/nix.conf", &read).expect("parses");
        let pairs: Vec<(&str, &str)> = got.iter().map(|a| (a.name.as_str(), a.value.as_str())).collect();
        assert_eq!(pairs, [("max-jobs", "4"), ("extra-substituters", "a b"), ("empty", "")]);
    }

    #[test]
    fn malformed_lines() {
        for (conf, message) in [
            ("cores", "syntax error in configuration line 'cores' in \"/c/f\""),
            ("cores 3", "syntax error in configuration line 'cores 3' in \"/c/f\""),
            ("include a b", "syntax error in configuration line 'include a b' in \"/c/f\""),
            ("include x", "file \"/c/x\" included from \"/c/f\" not found"),
        ] {
            assert_eq!(parse_conf(conf, "/c/f", &none).expect_err("bad").to_string(), message);
        }
        let endless = |_: &str| Ok("include f".to_owned());
        assert!(matches!(parse_conf("include f", "/c/f", &endless), Err(Error::IncludeDepth { .. })));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(?s).{0,200}") {
            let _ = parse_conf(&text, "/c/f", &none);
        }
    }
}
