//! Colours: only on a terminal, and never the only carrier of a meaning.

use std::io::IsTerminal;

use firn_events::Level;

/// Whether and how to colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// The output is a terminal that a person reads.
    pub terminal: bool,
    /// Escape sequences for colours are wanted.
    pub colours: bool,
}

impl Style {
    /// The style of the standard error: as the reference, colours need a terminal that is not "dumb" and no `NO_COLOR`
    /// (`CLICOLOR_FORCE` forces them).
    pub fn of_stderr() -> Style {
        Style::of(std::io::stderr().is_terminal())
    }

    /// The style of the standard output.
    pub fn of_stdout() -> Style {
        Style::of(std::io::stdout().is_terminal())
    }

    fn of(is_terminal: bool) -> Style {
        let var = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|t| t == "dumb");
        let terminal = is_terminal && !dumb;
        let colours = (terminal && !var("NO_COLOR")) || var("CLICOLOR_FORCE");
        Style { terminal, colours }
    }

    /// A message with the prefix of its level.
    pub fn message(&self, level: Level, text: &str) -> String {
        let coloured = prefixed(level, text);
        if self.colours { coloured } else { strip_ansi(&coloured) }
    }
}

/// A message with the coloured prefix of its level. What `builtins.trace` prints is of the level of errors, so that it is
/// always shown, but says itself what it is.
pub(crate) fn prefixed(level: Level, text: &str) -> String {
    match level {
        // some come with the word already
        Level::Error if !text.starts_with("trace: ") => {
            format!("\x1b[31;1merror:\x1b[0m {}", text.strip_prefix("error: ").unwrap_or(text))
        }
        Level::Warn => format!("\x1b[35;1mwarning:\x1b[0m {text}"),
        _ => text.to_owned(),
    }
}

/// `text` without escape sequences.
pub fn strip_ansi(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\x1b' {
            out.push(c);
            continue;
        }
        match chars.peek() {
            Some('[') => {
                chars.next();
                while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            Some(']') => while chars.next().is_some_and(|c| c != '\x07' && c != '\\') {},
            _ => {
                chars.next();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_go() {
        assert_eq!(strip_ansi("\x1b[31;1merror:\x1b[0m x"), "error: x");
        assert_eq!(strip_ansi(&prefixed(Level::Error, "x")), "error: x");
        assert_eq!(strip_ansi(&prefixed(Level::Error, "error: x")), "error: x");
        assert_eq!(prefixed(Level::Error, "trace: x"), "trace: x");
        assert_eq!(strip_ansi("a\x1b]8;;http://x\x07b"), "ab");
        assert_eq!(strip_ansi("\x1b"), "");
    }
}
