//! Scripts whose interpreter is this program: `#! nix …` lines as command lines.

use std::path::{Path, PathBuf};

use crate::error::CliError;

/// How comments begin in the languages that scripts are written in; the first line that begins otherwise ends the search.
const COMMENT: &str = "#/\\%@*-(";

/// A script, and the command line that it asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The words of its lines, without the script itself.
    pub words: Vec<String>,
    /// The folder that it lies in; relative paths of its lines start there.
    pub folder: PathBuf,
}

/// The text of a script, if `path` is one: a file that begins with `#!`.
fn read(path: &str) -> Option<String> {
    if path.starts_with('-') || !Path::new(path).is_file() {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    bytes.starts_with(b"#!").then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// The script that the first argument names, if it is one with `#! nix` lines.
///
/// # Errors
/// Lines whose words cannot be told apart.
pub(crate) fn of_nix(path: &str) -> Result<Option<Script>, CliError> {
    let Some(text) = read(path) else { return Ok(None) };
    let mut content = String::new();
    for line in text.lines().skip(1) {
        if !line.starts_with(|c| COMMENT.contains(c)) {
            break;
        }
        let Some(rest) = line.strip_prefix("#!").map(str::trim_start) else { continue };
        match rest.strip_prefix("nix") {
            Some("") => content.push('\n'),
            // one space is the separator, the others are the author's
            Some(rest) if rest.starts_with(' ') => {
                content += &rest[1..];
                content.push('\n');
            }
            _ => {}
        }
    }
    Ok(Some(Script { words: split(&content)?, folder: folder(path)? }))
}

/// The script that the first argument of `nix-shell` names: its lines are split as a shell's.
///
/// # Errors
/// A quote that does not end.
pub(crate) fn of_nix_shell(path: &str) -> Result<Option<Script>, CliError> {
    let Some(text) = read(path) else { return Ok(None) };
    let mut words = Vec::new();
    for line in text.lines().skip(1) {
        let rest = line.strip_prefix("#!").map(str::trim_start).and_then(|r| r.strip_prefix("nix-shell"));
        if let Some(rest) = rest.filter(|r| r.starts_with(char::is_whitespace)) {
            words.extend(shell_words(rest.trim())?);
        }
    }
    Ok(Some(Script { words, folder: folder(path)? }))
}

fn folder(path: &str) -> Result<PathBuf, CliError> {
    let absolute = std::path::absolute(path)?;
    Ok(absolute.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned))
}

/// Splits at blanks; ``` ``…`` ``` is one word as it stands.
fn split(text: &str) -> Result<Vec<String>, CliError> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix("``") {
            let (verbatim, after) = quotation(quoted)?;
            words.push(word + &verbatim);
            word = String::new();
            rest = after;
            continue;
        }
        match c {
            ' ' | '\t' | '\n' | '\r' => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            '`' => {
                return Err(CliError::new("single backtick is not a supported syntax in the nix shebang."));
            }
            '$' | '*' | '~' | '<' | '>' | '|' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '\'' | '"'
            | '\\' => {
                return Err(CliError::new(format!(
                    "unsupported unquoted character in nix shebang: {c}. Use double backticks to escape?"
                )));
            }
            '#' if word.is_empty() => {
                return Err(CliError::new(
                    "unquoted nix shebang argument cannot start with #. Use double backticks to escape?",
                ));
            }
            c => word.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

/// What stands before the next pair of backticks (and the blank before it), and what follows. More than two backticks in a
/// row are one less, verbatim.
fn quotation(text: &str) -> Result<(String, &str), CliError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let blank = usize::from(c == ' ');
        let ticks = rest[blank..].bytes().take_while(|b| *b == b'`').count();
        if ticks == 2 {
            return Ok((out, &rest[blank + 2..]));
        }
        if blank == 0 && ticks > 2 {
            out.extend(std::iter::repeat_n('`', ticks - 1));
            rest = &rest[ticks..];
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Err(CliError::new("unterminated quoted string in nix shebang"))
}

/// Splits as a shell does, with quotes and backslashes.
///
/// # Errors
/// A quote that does not end.
pub(crate) fn shell_words(text: &str) -> Result<Vec<String>, CliError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) => {
                if let Some(next) = chars.next() {
                    word.get_or_insert_default().push(next);
                }
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(CliError::new("unterminated quote in shebang line"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_nix_lines() {
        assert_eq!(split("a  b\nc#d").unwrap(), ["a", "b", "c#d"]);
        assert_eq!(split("--expr ``\nlet x = 1;\n  in x\n``\n-c sh").unwrap()[1], "\nlet x = 1;\n  in x\n");
        assert_eq!(split("`` ``` ``").unwrap(), [" ``"]);
        for (bad, why) in [
            ("a *", "unsupported unquoted character in nix shebang: *. Use double backticks to escape?"),
            ("#x", "unquoted nix shebang argument cannot start with #. Use double backticks to escape?"),
            ("`a`", "single backtick is not a supported syntax in the nix shebang."),
            ("``a", "unterminated quoted string in nix shebang"),
        ] {
            assert_eq!(split(bad).unwrap_err().text(), why);
        }
    }

    #[test]
    fn words_of_a_shell() {
        assert_eq!(shell_words(r#"-p 'a b' c"d e"f \" ''"#).unwrap(), ["-p", "a b", "cd ef", "\"", ""]);
        assert!(shell_words("'a").is_err());
    }

    #[test]
    fn only_scripts_are_scripts() {
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("s");
        std::fs::write(&file, "#!/usr/bin/env nix\n// c\n#! nix shell\n#!nix x#y\ncode\n#! nix no\n")
            .expect("write");
        let script = of_nix(&file.to_string_lossy()).unwrap().expect("a script");
        assert_eq!(script.words, ["shell", "x#y"]);
        assert_eq!(script.folder, dir.path());
        std::fs::write(&file, "hello").expect("write");
        assert_eq!(of_nix(&file.to_string_lossy()).unwrap(), None);
        assert_eq!(of_nix("build").unwrap(), None);
    }
}
