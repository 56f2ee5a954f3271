//! Splits JSON into tokens, and knows where it stands.

use super::Error;
use std::borrow::Cow;

/// A token; strings borrow from the text where no escape is in them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    True,
    False,
    Null,
    String(Cow<'t, str>),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    BeginArray,
    BeginObject,
    EndArray,
    EndObject,
    Colon,
    Comma,
    /// Not a token: why.
    Invalid(String),
    End,
}

impl Token<'_> {
    fn name(&self) -> &'static str {
        match self {
            Token::True => "true literal",
            Token::False => "false literal",
            Token::Null => "null literal",
            Token::String(_) => "string literal",
            Token::Int(_) | Token::Unsigned(_) | Token::Float(_) => "number literal",
            Token::BeginArray => "'['",
            Token::BeginObject => "'{'",
            Token::EndArray => "']'",
            Token::EndObject => "'}'",
            Token::Colon => "':'",
            Token::Comma => "','",
            Token::Invalid(_) => "<parse error>",
            Token::End => "end of input",
        }
    }
}

#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t [u8],
    /// How many bytes are read; one more than the text has at its end.
    at: usize,
    /// Where the last string or number starts: errors show what was read since then.
    start: usize,
    /// The byte behind the current number was read and put back.
    put_back: bool,
}

type Scanned<T> = Result<T, String>;

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t [u8]) -> Lexer<'t> {
        Lexer { text, at: 0, start: 0, put_back: false }
    }

    /// Reads the next token.
    pub(super) fn next(&mut self) -> Token<'t> {
        self.put_back = false;
        if self.at == 0 && self.text.first() == Some(&0xEF) {
            if let Err(message) = self.byte_order_mark() {
                return Token::Invalid(message);
            }
        }
        let mut byte = self.get();
        while matches!(byte, Some(b' ' | b'\t' | b'\n' | b'\r')) {
            byte = self.get();
        }
        if let Some(b'"' | b'-' | b'0'..=b'9') = byte {
            self.start = self.at - 1;
        }
        let scanned = match byte {
            None | Some(0) => Ok(Token::End),
            Some(b'[') => Ok(Token::BeginArray),
            Some(b']') => Ok(Token::EndArray),
            Some(b'{') => Ok(Token::BeginObject),
            Some(b'}') => Ok(Token::EndObject),
            Some(b':') => Ok(Token::Colon),
            Some(b',') => Ok(Token::Comma),
            Some(b't') => self.literal(b"rue", Token::True),
            Some(b'f') => self.literal(b"alse", Token::False),
            Some(b'n') => self.literal(b"ull", Token::Null),
            Some(b'"') => self.string().map(Token::String),
            Some(first @ (b'-' | b'0'..=b'9')) => self.number(first),
            Some(_) => Err("invalid literal".to_owned()),
        };
        scanned.unwrap_or_else(Token::Invalid)
    }

    /// Whether nothing but the end was read so far.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What was read since the start of the last string or number.
    pub(super) fn token_text(&self) -> String {
        let end = self.at.min(self.text.len());
        String::from_utf8_lossy(&self.text[self.start.min(end)..end]).into_owned()
    }

    /// The error for `token`, which was read last, while reading `context`, where `expected` should have been.
    pub(super) fn unexpected(&self, token: &Token<'_>, expected: &str, context: &str) -> Error {
        let mut message = format!("syntax error while parsing {context} - ");
        if let Token::Invalid(reason) = token {
            message.push_str(reason);
            message.push_str("; last read: '");
            for character in self.token_text().chars() {
                match u32::from(character) {
                    code @ 0..=0x1F => message.push_str(&format!("<U+{code:04X}>")),
                    _ => message.push(character),
                }
            }
            message.push('\'');
        } else {
            message.push_str("unexpected ");
            message.push_str(token.name());
        }
        if !expected.is_empty() {
            message.push_str("; expected ");
            message.push_str(expected);
        }
        self.error(message)
    }

    pub(super) fn error(&self, message: String) -> Error {
        let read = &self.text[..self.at.min(self.text.len())];
        let line = memchr::memchr_iter(b'\n', read).count() + 1;
        let line_start = memchr::memrchr(b'\n', read).map_or(0, |newline| newline + 1);
        let newline_put_back = self.put_back && self.text.get(self.at) == Some(&b'\n');
        let column = if newline_put_back { 0 } else { self.at - line_start };
        Error::Syntax { line, column, message }
    }

    fn get(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn byte_order_mark(&mut self) -> Scanned<()> {
        self.at = 1;
        if self.get() == Some(0xBB) && self.get() == Some(0xBF) {
            return Ok(());
        }
        Err("invalid BOM; must be 0xEF 0xBB 0xBF if given".to_owned())
    }

    fn literal(&mut self, rest: &[u8], token: Token<'t>) -> Scanned<Token<'t>> {
        for expected in rest {
            if self.get() != Some(*expected) {
                return Err("invalid literal".to_owned());
            }
        }
        Ok(token)
    }

    fn digits(&mut self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += count;
        count
    }

    fn digit_or(&mut self, message: &str) -> Scanned<()> {
        match self.get() {
            Some(b'0'..=b'9') => Ok(()),
            _ => Err(message.to_owned()),
        }
    }

    fn number(&mut self, first: u8) -> Scanned<Token<'t>> {
        let mut leading = first;
        if first == b'-' {
            self.digit_or("invalid number; expected digit after '-'")?;
            leading = self.text[self.at - 1];
        }
        if leading != b'0' {
            self.digits();
        }
        let mut integral = true;
        if self.text.get(self.at) == Some(&b'.') {
            integral = false;
            self.at += 1;
            self.digit_or("invalid number; expected digit after '.'")?;
            self.digits();
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            integral = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
                self.digit_or("invalid number; expected digit after exponent sign")?;
            } else {
                self.digit_or("invalid number; expected '+', '-', or digit after exponent")?;
            }
            self.digits();
        }
        self.put_back = true;
        let text = std::str::from_utf8(&self.text[self.start..self.at]).unwrap_or_default();
        if integral {
            if let Ok(value) = text.parse() {
                return Ok(Token::Int(value));
            }
            if let Ok(value) = text.parse() {
                return Ok(Token::Unsigned(value));
            }
        }
        text.parse().map(Token::Float).map_err(|_| "invalid number".to_owned())
    }

    /// Reads the string whose opening quote was read.
    fn string(&mut self) -> Scanned<Cow<'t, str>> {
        let first = self.plain()?;
        if self.text.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(first));
        }
        let mut value = first.to_owned();
        loop {
            match self.get() {
                Some(b'"') => return Ok(Cow::Owned(value)),
                Some(b'\\') => value.push(self.escape()?),
                Some(control) => return Err(control_character(control)),
                None => return Err("invalid string: missing closing quote".to_owned()),
            }
            value.push_str(self.plain()?);
        }
    }

    /// Reads up to a quote, a backslash, a control character or the end.
    fn plain(&mut self) -> Scanned<&'t str> {
        let rest = &self.text[self.at..];
        let length =
            rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F)).unwrap_or(rest.len());
        match std::str::from_utf8(&rest[..length]) {
            Ok(plain) => {
                self.at += length;
                Ok(plain)
            }
            Err(error) => {
                let valid = error.valid_up_to();
                let lead = matches!(rest[valid], 0xC2..=0xF4);
                // The byte that breaks the sequence is read, too.
                self.at += match error.error_len() {
                    _ if !lead => valid + 1,
                    Some(fitting) => valid + fitting + 1,
                    None => length + 1,
                };
                Err("invalid string: ill-formed UTF-8 byte".to_owned())
            }
        }
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Scanned<char> {
        Ok(match self.get() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => return Err("invalid string: forbidden character after backslash".to_owned()),
        })
    }

    fn code_point(&mut self) -> Scanned<char> {
        const HIGH: &str = "invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF";
        const LOW: &str = "invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF";
        let mut code = self.four_digits()?;
        if (0xD800..0xDC00).contains(&code) {
            if self.get() != Some(b'\\') || self.get() != Some(b'u') {
                return Err(HIGH.to_owned());
            }
            let low = self.four_digits()?;
            if !(0xDC00..0xE000).contains(&low) {
                return Err(HIGH.to_owned());
            }
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        char::from_u32(code).ok_or_else(|| LOW.to_owned())
    }

    fn four_digits(&mut self) -> Scanned<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.get().and_then(|byte| char::from(byte).to_digit(16));
            let digit = digit.ok_or("invalid string: '\\u' must be followed by 4 hex digits")?;
            code = code << 4 | digit;
        }
        Ok(code)
    }
}

fn control_character(byte: u8) -> String {
    const NAMES: [&str; 32] = [
        "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO",
        "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS",
        "RS", "US",
    ];
    let name = NAMES.get(usize::from(byte)).copied().unwrap_or_default();
    let short = match byte {
        8 => " or \\b",
        9 => " or \\t",
        10 => " or \\n",
        12 => " or \\f",
        13 => " or \\r",
        _ => "",
    };
    format!("invalid string: control character U+{byte:04X} ({name}) must be escaped to \\u{byte:04X}{short}")
}
