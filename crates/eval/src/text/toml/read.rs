//! Documents, tables, keys, arrays.

use super::insert;
use super::{MAX_DEPTH, Node, Origin, Problem, Table, Value};

pub(super) type Read<T> = Result<T, Problem>;

/// What a float starts with.
const NUMBER: &str = "expected from `1` to `9` or digit [0-9] or inf or nan";

/// Where the reader stands.
pub(super) struct Reader<'t> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
    depth: usize,
}

/// Reads a document; `text` ends with the end of a line.
pub(super) fn document(text: &[u8]) -> Read<Table> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    if text.starts_with(b"\xEF\xBB\xBF") {
        reader.at = 3;
    }
    let mut root = Table::new();
    reader.lines(&mut root)?;
    while reader.at < text.len() {
        reader.blank();
        let table = reader.header(&mut root)?;
        reader.lines(table)?;
    }
    Ok(root)
}

impl Reader<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes past `literal` if it is next.
    pub(super) fn eat(&mut self, literal: &[u8]) -> bool {
        let found = self.rest().starts_with(literal);
        if found {
            self.at += literal.len();
        }
        found
    }

    fn spaces(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn newline(&mut self) -> bool {
        self.eat(b"\n") || self.eat(b"\r\n")
    }

    /// Goes past the characters of a comment that are allowed in it, if there is one.
    fn comment_text(&mut self) -> bool {
        if self.peek() != Some(b'#') {
            return false;
        }
        self.at += 1;
        while self.plain_character(|byte| matches!(byte, b'\t' | 0x20..=0x7E)) {}
        true
    }

    /// Goes past an ASCII character that is `allowed`, or any other character of UTF-8.
    pub(super) fn plain_character(&mut self, allowed: fn(u8) -> bool) -> bool {
        let Some(byte) = self.peek() else { return false };
        let length = match byte {
            0..=0x7F => usize::from(allowed(byte)),
            _ => {
                let next = &self.rest()[..self.rest().len().min(4)];
                let valid = match std::str::from_utf8(next) {
                    Ok(text) => text,
                    Err(error) => std::str::from_utf8(&next[..error.valid_up_to()]).unwrap_or_default(),
                };
                valid.chars().next().map_or(0, char::len_utf8)
            }
        };
        self.at += length;
        length > 0
    }

    /// Goes past blanks, comments and ends of lines; gives whether a line ended.
    fn blank(&mut self) -> bool {
        let mut line_ended = false;
        loop {
            let start = self.at;
            self.spaces();
            if self.comment_text() && !self.newline() {
                self.at = start;
                self.spaces();
                return line_ended;
            }
            line_ended |=
                self.newline() || (self.at > 0 && self.text[self.at - 1] == b'\n' && self.at > start);
            if self.at == start {
                return line_ended;
            }
        }
    }

    /// Reads what follows a definition on its line; gives whether a comment ended the line.
    fn line_comment(&mut self) -> Read<bool> {
        let start = self.at;
        self.spaces();
        if !self.comment_text() {
            self.at = start;
            return Ok(false);
        }
        if self.at < self.text.len() && !self.newline() {
            // The mark stands at the start of the next line.
            self.at = memchr::memchr(b'\n', self.rest()).map_or(self.text.len(), |end| self.at + end + 1);
            return Err(Problem::at(
                "toml::parse_comment_line: newline (LF / CRLF) or EOF is expected",
                self.at,
                "but got this",
            )
            .hint("Hint: most of the control characters are not allowed in comments"));
        }
        Ok(true)
    }

    /// Reads the lines of a table, up to the next header.
    fn lines(&mut self, table: &mut Table) -> Read<()> {
        let mut line_ended = true;
        loop {
            line_ended |= self.blank();
            match self.peek() {
                None | Some(b'[') => return Ok(()),
                Some(b'#') => drop(self.line_comment()?),
                Some(_) if line_ended => {}
                Some(_) => {
                    return Err(Problem::at(
                        "toml::parse_table: newline (LF / CRLF) or EOF is expected",
                        self.at,
                        "here",
                    ));
                }
            }
            let (keys, span, value) = self.key_value()?;
            line_ended = self.line_comment()?;
            insert::key_value(table, keys, span, value)?;
        }
    }

    /// Reads `[key]` or `[[key]]`.
    fn header<'r>(&mut self, root: &'r mut Table) -> Read<&'r mut Table> {
        let start = self.at;
        let array = self.eat(b"[[");
        let title = if array {
            "toml::parse_file: invalid array-table key"
        } else {
            "toml::parse_file: invalid table key"
        };
        if !array && !self.eat(b"[") {
            return Err(Problem::at(title, self.at, "expected ["));
        }
        self.spaces();
        let expected = if array { "expected ]]" } else { "expected ]" };
        let Ok((keys, _)) = self.keys() else {
            // A dot at the end is not part of the key.
            let dotted = self.text[self.at - 1] == b'.';
            self.at -= usize::from(dotted);
            let key = "expected basic key([a-zA-Z0-9_-]) or quoted key(\" or ')";
            return Err(Problem::at(title, self.at, if dotted { expected } else { key }));
        };
        self.spaces();
        if !self.eat(if array { b"]]" } else { b"]" }) {
            return Err(Problem::at(title, self.at, expected));
        }
        let span = (start, self.at);
        if !self.line_comment()? {
            self.spaces();
            if self.at < self.text.len() && !self.newline() {
                return Err(Problem::at(
                    "toml::parse_file: newline (or EOF) expected",
                    self.at,
                    format!("expected {} or \r\n", super::error::describe(b'\n')),
                ));
            }
        }
        if array { insert::array_header(root, keys, span) } else { insert::header(root, keys, span) }
    }

    fn key_value(&mut self) -> Read<(Vec<String>, (usize, usize), Node)> {
        let (keys, span) = self.keys()?;
        self.spaces();
        if !self.eat(b"=") {
            return Err(Problem::at(
                "toml::parse_key_value_pair: invalid key value separator `=`",
                self.at,
                "expected =",
            ));
        }
        self.spaces();
        Ok((keys, span, self.value()?))
    }

    /// Reads a dotted key.
    fn keys(&mut self) -> Read<(Vec<String>, (usize, usize))> {
        let start = self.at;
        let mut keys = vec![self.simple_key()?];
        loop {
            let end = self.at;
            self.spaces();
            if !self.eat(b".") {
                self.at = end;
                return Ok((keys, (start, end)));
            }
            self.spaces();
            keys.push(self.simple_key()?);
        }
    }

    fn simple_key(&mut self) -> Read<String> {
        match self.peek() {
            Some(b'"') => self.basic_string(),
            Some(b'\'') => self.literal_string(),
            _ => {
                let bare = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                let length = self.rest().iter().position(|byte| !bare(byte)).unwrap_or(self.rest().len());
                if length == 0 {
                    return Err(Problem::at(
                        "toml::parse_simple_key: invalid key: key must be \"quoted\", 'quoted-literal', or bare key.",
                        self.at,
                        "expected alpha [a-zA-Z], digit [0-9], -, or _",
                    )
                    .hint("Hint: non-ASCII scripts are allowed in toml v1.1.0, but not in v1.0.0.\n"));
                }
                let key = String::from_utf8_lossy(&self.rest()[..length]).into_owned();
                self.at += length;
                Ok(key)
            }
        }
    }

    fn value(&mut self) -> Read<Node> {
        if self.depth >= MAX_DEPTH {
            return Err(Problem::at("toml::parse_value: too many nested values", self.at, "here"));
        }
        self.depth += 1;
        let start = self.at;
        let value = match self.peek() {
            Some(b'"') if self.rest().starts_with(b"\"\"\"") => {
                self.multi_line_basic_string().map(Value::String)
            }
            Some(b'"') => self.basic_string().map(Value::String),
            Some(b'\'') if self.rest().starts_with(b"'''") => {
                self.multi_line_literal_string().map(Value::String)
            }
            Some(b'\'') => self.literal_string().map(Value::String),
            Some(b'[') => self.array(),
            Some(b'{') => self.inline_table(),
            Some(b't' | b'f') => self.boolean(),
            Some(letter @ (b'T' | b'F')) => {
                let word = if letter == b'T' { "true" } else { "false" };
                Err(self.lowercase(word, "expected true or false"))
            }
            Some(b'I') => Err(self.lowercase("inf", NUMBER)),
            Some(b'N') => Err(self.lowercase("nan", NUMBER)),
            Some(b'i') if !self.rest().starts_with(b"inf") => Err(self.lowercase("inf", NUMBER)),
            Some(b'n') if !self.rest().starts_with(b"nan") => Err(self.lowercase("nan", NUMBER)),
            _ => self.number(),
        }?;
        self.depth -= 1;
        Ok(Node { value, span: (start, self.at), origin: Origin::Complete })
    }

    fn lowercase(&self, word: &str, expected: &str) -> Problem {
        let title = format!(
            "toml::parse_value: `{word}` must be in lowercase. A string must be surrounded by quotes."
        );
        Problem::at(title, self.at, expected)
    }

    fn boolean(&mut self) -> Read<Value> {
        if self.eat(b"true") {
            return Ok(Value::Bool(true));
        }
        if self.eat(b"false") {
            return Ok(Value::Bool(false));
        }
        Err(Problem::at(
            "toml::parse_boolean: invalid boolean: boolean must be `true` or `false`, in lowercase. string must be \
             surrounded by `\"`",
            self.at,
            "expected true or false",
        ))
    }

    fn array(&mut self) -> Read<Value> {
        let unclosed = |at| {
            Problem::at("toml::parse_array: missing closing bracket `]`", at, "expected `]`, reached EOF")
        };
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blank();
            match self.peek() {
                None => return Err(unclosed(self.at)),
                Some(b']') => break,
                Some(_) => {}
            }
            items.push(self.value()?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                None => return Err(unclosed(self.at)),
                Some(_) => {
                    let title = "toml::parse_array: expected value-separator `,` or closing `]`";
                    return Err(Problem::at(title, self.at, "here"));
                }
            }
            self.line_comment()?;
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    fn inline_table(&mut self) -> Read<Value> {
        self.at += 1;
        let mut table = Table::new();
        self.spaces();
        if self.eat(b"}") {
            return Ok(Value::Table(table));
        }
        loop {
            let (keys, span, value) = self.key_value()?;
            insert::key_value(&mut table, keys, span, value)?;
            self.spaces();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Table(table));
                }
                Some(b',') => self.at += 1,
                _ => {
                    let title = "toml::parse_inline_table: expected value-separator `,` or closing `}`";
                    return Err(Problem::at(title, self.at, "here"));
                }
            }
            self.spaces();
            if self.peek() == Some(b'}') {
                let title = "toml::parse_inline_table: trailing comma is not allowed in TOML-v1.0.0)";
                return Err(Problem::at(title, self.at, "here"));
            }
        }
    }
}
