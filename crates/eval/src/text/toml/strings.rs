//! The four kinds of strings.

use super::Problem;
use super::read::{Read, Reader};

fn basic(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7E) && !matches!(byte, b'"' | b'\\')
}

fn literal(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7E) && byte != b'\''
}

impl Reader<'_> {
    /// Copies plain characters to `out`.
    fn plain(&mut self, allowed: fn(u8) -> bool, out: &mut String) {
        let start = self.at;
        while self.plain_character(allowed) {}
        out.push_str(std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default());
    }

    /// Copies the end of a line to `out`.
    fn line_end(&mut self, out: &mut String) -> bool {
        let start = self.at;
        let found = self.newline();
        out.push_str(if self.text[start..].starts_with(b"\r") && found {
            "\r\n"
        } else if found {
            "\n"
        } else {
            ""
        });
        found
    }

    pub(super) fn basic_string(&mut self) -> Read<String> {
        let mut out = String::new();
        self.at += 1;
        loop {
            self.plain(basic, &mut out);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.escape("toml::parse_basic_string: invalid string format", "expected \"", &mut out)?
                }
                _ => {
                    return Err(Problem::at(
                        "toml::parse_basic_string: invalid string format",
                        self.at,
                        "expected \"",
                    ));
                }
            }
        }
    }

    pub(super) fn literal_string(&mut self) -> Read<String> {
        let mut out = String::new();
        self.at += 1;
        self.plain(literal, &mut out);
        if self.eat(b"'") {
            return Ok(out);
        }
        Err(Problem::at("toml::parse_literal_string: invalid string format", self.at, "expected '"))
    }

    pub(super) fn multi_line_basic_string(&mut self) -> Read<String> {
        const TITLE: &str = "toml::parse_ml_basic_string: invalid string format";
        let mut out = String::new();
        self.at += 3;
        self.newline();
        loop {
            self.plain(basic, &mut out);
            if self.line_end(&mut out) {
                continue;
            }
            match self.peek() {
                Some(b'"') => {
                    if self.closing_quotes(b'"', &mut out) {
                        return Ok(out);
                    }
                }
                Some(b'\\') if self.escaped_line_end() => {}
                Some(b'\\') => self.escape(TITLE, "expected \"\"\"", &mut out)?,
                _ => return Err(Problem::at(TITLE, self.at, "expected \"\"\"")),
            }
        }
    }

    pub(super) fn multi_line_literal_string(&mut self) -> Read<String> {
        let mut out = String::new();
        self.at += 3;
        self.newline();
        loop {
            self.plain(literal, &mut out);
            if self.line_end(&mut out) {
                continue;
            }
            if self.peek() != Some(b'\'') {
                let title = "toml::parse_ml_literal_string: invalid string format";
                return Err(Problem::at(title, self.at, "expected '''"));
            }
            if self.closing_quotes(b'\'', &mut out) {
                return Ok(out);
            }
        }
    }

    /// Reads a run of quotes: one or two are text, three close the string, up to two before them are text.
    fn closing_quotes(&mut self, quote: u8, out: &mut String) -> bool {
        let count = self.rest().iter().take(5).take_while(|byte| **byte == quote).count();
        self.at += count;
        let closes = count >= 3;
        let text = if closes { count - 3 } else { count };
        out.extend(std::iter::repeat_n(char::from(quote), text));
        closes
    }

    /// Goes past a backslash at the end of a line and the blanks behind it.
    fn escaped_line_end(&mut self) -> bool {
        let start = self.at;
        self.at += 1;
        let blanks = |reader: &mut Self| {
            while let Some(b' ' | b'\t') = reader.peek() {
                reader.at += 1;
            }
        };
        blanks(self);
        if !self.newline() {
            self.at = start;
            return false;
        }
        loop {
            blanks(self);
            if !self.newline() {
                return true;
            }
        }
    }

    /// Reads an escape sequence; one that does not exist breaks the string.
    fn escape(&mut self, title: &str, expected: &str, out: &mut String) -> Read<()> {
        let start = self.at;
        self.at += 1;
        let kind = self.peek();
        self.at += 1;
        out.push(match kind {
            Some(b'\\') => '\\',
            Some(b'"') => '"',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u' | b'U') => {
                let length = if kind == Some(b'u') { 4 } else { 8 };
                let digits = self.rest().get(..length).unwrap_or_default();
                if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Problem::at(title, start, expected));
                }
                let code = digits
                    .iter()
                    .fold(0u32, |code, digit| code << 4 | char::from(*digit).to_digit(16).unwrap_or(0));
                self.at += length;
                match char::from_u32(code) {
                    Some(character) => character,
                    None if (0xD800..0xE000).contains(&code) => {
                        let title = "toml::parse_utf8_codepoint: [0xD800, 0xDFFF] is not a valid UTF-8";
                        return Err(Problem::at(title, start, "here"));
                    }
                    None => {
                        let title = "toml::parse_utf8_codepoint: input codepoint is too large.";
                        return Err(Problem::at(title, start, "must be in range [0x00, 0x10FFFF]"));
                    }
                }
            }
            _ => return Err(Problem::at(title, start, expected)),
        });
        Ok(())
    }
}
