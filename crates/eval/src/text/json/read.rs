//! The grammar of JSON, without recursion.

use super::Error;
use super::lexer::{Lexer, Token};

/// Receives the parts of a JSON text in their order.
pub trait Visitor {
    /// Why the visitor stops the reading.
    type Error;
    /// `null`
    fn null(&mut self) -> Result<(), Self::Error>;
    /// `true` or `false`
    fn bool(&mut self, value: bool) -> Result<(), Self::Error>;
    /// A number without fraction or exponent that fits.
    fn int(&mut self, value: i64) -> Result<(), Self::Error>;
    /// Any other number; finite.
    fn float(&mut self, value: f64) -> Result<(), Self::Error>;
    /// A string that is a value; without NUL.
    fn string(&mut self, value: &str) -> Result<(), Self::Error>;
    /// `{`
    fn begin_object(&mut self) -> Result<(), Self::Error>;
    /// The key of the value that follows; keys may repeat, the last one counts. Without NUL.
    fn key(&mut self, key: &str) -> Result<(), Self::Error>;
    /// `}`
    fn end_object(&mut self) -> Result<(), Self::Error>;
    /// `[`
    fn begin_array(&mut self) -> Result<(), Self::Error>;
    /// `]`
    fn end_array(&mut self) -> Result<(), Self::Error>;
}

/// Why [`read`] stopped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReadError<E> {
    /// The text is wrong.
    #[error(transparent)]
    Json(#[from] Error),
    /// The visitor refused a part.
    #[error("the visitor stopped")]
    Visitor(E),
}

#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Array,
    Object,
}

/// Reads one JSON text (and blanks around it).
pub fn read<V: Visitor>(text: &[u8], visitor: &mut V) -> Result<(), ReadError<V::Error>> {
    let mut lexer = Lexer::new(text);
    let mut open = Vec::new();
    let mut token = lexer.next();
    loop {
        // A value starts at `token`.
        let opened = value(&lexer, std::mem::replace(&mut token, Token::End), visitor)?;
        let mut ended = opened.is_none();
        if let Some(inside) = opened {
            token = lexer.next();
            let end = if inside == Inside::Array { Token::EndArray } else { Token::EndObject };
            if token == end {
                close(inside, visitor)?;
                ended = true;
            } else {
                open.push(inside);
                if inside == Inside::Object {
                    token = key(&mut lexer, token, visitor)?;
                }
            }
        }
        // A value has ended: go on with what it is in.
        while ended {
            let Some(inside) = open.last().copied() else {
                return match lexer.next() {
                    Token::End => Ok(()),
                    token => Err(lexer.unexpected(&token, "end of input", "value").into()),
                };
            };
            token = lexer.next();
            match (&token, inside) {
                (Token::Comma, Inside::Array) => {
                    token = lexer.next();
                    ended = false;
                }
                (Token::Comma, Inside::Object) => {
                    token = lexer.next();
                    token = key(&mut lexer, token, visitor)?;
                    ended = false;
                }
                (Token::EndArray, Inside::Array) | (Token::EndObject, Inside::Object) => {
                    close(inside, visitor)?;
                    open.pop();
                }
                (_, Inside::Array) => return Err(lexer.unexpected(&token, "']'", "array").into()),
                (_, Inside::Object) => return Err(lexer.unexpected(&token, "'}'", "object").into()),
            }
        }
    }
}

/// Hands the scalar `token` to the visitor, or opens an array or object and gives which.
fn value<V: Visitor>(
    lexer: &Lexer<'_>,
    token: Token<'_>,
    visitor: &mut V,
) -> Result<Option<Inside>, ReadError<V::Error>> {
    let mut opened = None;
    match token {
        Token::BeginObject => {
            opened = Some(Inside::Object);
            visitor.begin_object()
        }
        Token::BeginArray => {
            opened = Some(Inside::Array);
            visitor.begin_array()
        }
        Token::True => visitor.bool(true),
        Token::False => visitor.bool(false),
        Token::Null => visitor.null(),
        Token::Int(value) => visitor.int(value),
        Token::Unsigned(value) => return Err(Error::Unsigned(value).into()),
        Token::Float(value) if value.is_infinite() => return Err(Error::Overflow(lexer.token_text()).into()),
        Token::Float(value) => visitor.float(value),
        Token::String(value) => {
            no_null_byte(&value)?;
            visitor.string(&value)
        }
        Token::Invalid(_) => return Err(lexer.unexpected(&token, "", "value").into()),
        Token::End if lexer.is_empty() => {
            let message = "attempting to parse an empty input; check that your input string or stream contains the expected JSON";
            return Err(lexer.error(message.to_owned()).into());
        }
        _ => return Err(lexer.unexpected(&token, "'[', '{', or a literal", "value").into()),
    }
    .map_err(ReadError::Visitor)?;
    Ok(opened)
}

/// Reads a key (which is `token`) and its colon; gives the first token of the value.
fn key<'t, V: Visitor>(
    lexer: &mut Lexer<'t>,
    token: Token<'t>,
    visitor: &mut V,
) -> Result<Token<'t>, ReadError<V::Error>> {
    let Token::String(name) = &token else {
        return Err(lexer.unexpected(&token, "string literal", "object key").into());
    };
    no_null_byte(name)?;
    visitor.key(name).map_err(ReadError::Visitor)?;
    match lexer.next() {
        Token::Colon => Ok(lexer.next()),
        token => Err(lexer.unexpected(&token, "':'", "object separator").into()),
    }
}

fn close<V: Visitor>(inside: Inside, visitor: &mut V) -> Result<(), ReadError<V::Error>> {
    let closed = match inside {
        Inside::Array => visitor.end_array(),
        Inside::Object => visitor.end_object(),
    };
    closed.map_err(ReadError::Visitor)
}

fn no_null_byte(text: &str) -> Result<(), Error> {
    match memchr::memchr(0, text.as_bytes()) {
        Some(_) => Err(Error::NullByte(text.replace('\0', "␀"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::json::{write_float, write_int, write_string};

    /// Writes what it is told as JSON again.
    #[derive(Default)]
    struct Echo {
        out: Vec<u8>,
    }

    impl Echo {
        fn separate(&mut self) {
            if !matches!(self.out.last(), None | Some(b'[' | b'{' | b':')) {
                self.out.push(b',');
            }
        }
    }

    impl Visitor for Echo {
        type Error = ();
        fn null(&mut self) -> Result<(), ()> {
            self.separate();
            self.out.extend_from_slice(b"null");
            Ok(())
        }
        fn bool(&mut self, value: bool) -> Result<(), ()> {
            self.separate();
            self.out.extend_from_slice(value.to_string().as_bytes());
            Ok(())
        }
        fn int(&mut self, value: i64) -> Result<(), ()> {
            self.separate();
            write_int(value, &mut self.out);
            Ok(())
        }
        fn float(&mut self, value: f64) -> Result<(), ()> {
            self.separate();
            write_float(value, &mut self.out);
            Ok(())
        }
        fn string(&mut self, value: &str) -> Result<(), ()> {
            self.separate();
            write_string(value.as_bytes(), &mut self.out).unwrap();
            Ok(())
        }
        fn begin_object(&mut self) -> Result<(), ()> {
            self.separate();
            self.out.push(b'{');
            Ok(())
        }
        fn key(&mut self, key: &str) -> Result<(), ()> {
            self.string(key)?;
            self.out.push(b':');
            Ok(())
        }
        fn end_object(&mut self) -> Result<(), ()> {
            self.out.push(b'}');
            Ok(())
        }
        fn begin_array(&mut self) -> Result<(), ()> {
            self.separate();
            self.out.push(b'[');
            Ok(())
        }
        fn end_array(&mut self) -> Result<(), ()> {
            self.out.push(b']');
            Ok(())
        }
    }

    fn echo(text: &[u8]) -> Result<String, String> {
        let mut visitor = Echo::default();
        read(text, &mut visitor).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(visitor.out).unwrap())
    }

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "null",
            "[]",
            "{}",
            "[[],{},[{}]]",
            r#"{"a":[1,-2,true,false,null,"x"],"b":{"c":1.5}}"#,
            r#""\b\f\n\r\t\"\\\u0001\u001f""#,
            "[9223372036854775807,-9223372036854775808,1.8446744073709552e+19,-9.223372036854776e+18]",
        ] {
            assert_eq!(echo(text.as_bytes()).as_deref(), Ok(text));
        }
        for (text, normal) in [
            (" \t\r\n1 ", "1"),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("1e2", "100.0"),
            ("1E-2", "0.01"),
            (r#""\/\u00e9\ud83d\ude00""#, "\"/é😀\""),
            ("\u{feff}[1 , 2]", "[1,2]"),
            ("1e-999", "0.0"),
            ("18446744073709551616", "1.8446744073709552e+19"),
        ] {
            assert_eq!(echo(text.as_bytes()).as_deref(), Ok(normal));
        }
    }

    #[test]
    fn depth_is_not_bounded() {
        let depth = 200_000;
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(echo(text.as_bytes()), Ok(text));
    }

    #[test]
    fn errors_say_where() {
        for (text, message) in [
            (
                "",
                "line 1, column 1: attempting to parse an empty input; check that your input string or stream contains the expected JSON",
            ),
            (
                " ",
                "line 1, column 2: syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal",
            ),
            (
                "[1,\n]",
                "line 2, column 1: syntax error while parsing value - unexpected ']'; expected '[', '{', or a literal",
            ),
            (
                "[1 2]",
                "line 1, column 4: syntax error while parsing array - unexpected number literal; expected ']'",
            ),
            (
                "[1 2\n]",
                "line 1, column 0: syntax error while parsing array - unexpected number literal; expected ']'",
            ),
            (
                "{1:2}",
                "line 1, column 2: syntax error while parsing object key - unexpected number literal; expected string literal",
            ),
            (
                r#"{"a" 1}"#,
                "line 1, column 6: syntax error while parsing object separator - unexpected number literal; expected ':'",
            ),
            (
                r#"{"a":1"#,
                "line 1, column 7: syntax error while parsing object - unexpected end of input; expected '}'",
            ),
            ("nul", "line 1, column 4: syntax error while parsing value - invalid literal; last read: 'nul'"),
            (
                "1 x",
                "line 1, column 3: syntax error while parsing value - invalid literal; last read: '1 x'; expected end of input",
            ),
            (
                "-",
                "line 1, column 2: syntax error while parsing value - invalid number; expected digit after '-'; last read: '-'",
            ),
            (
                "1.e",
                "line 1, column 3: syntax error while parsing value - invalid number; expected digit after '.'; last read: '1.e'",
            ),
            (
                "\"a",
                "line 1, column 3: syntax error while parsing value - invalid string: missing closing quote; last read: '\"a'",
            ),
            (
                "\"a\n\"",
                "line 2, column 0: syntax error while parsing value - invalid string: control character U+000A (LF) must be escaped to \\u000A or \\n; last read: '\"a<U+000A>'",
            ),
            (
                r#""\x""#,
                r#"line 1, column 3: syntax error while parsing value - invalid string: forbidden character after backslash; last read: '"\x'"#,
            ),
            (
                r#""\ud800x""#,
                r#"line 1, column 8: syntax error while parsing value - invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF; last read: '"\ud800x'"#,
            ),
            (
                r#""\udc00""#,
                r#"line 1, column 7: syntax error while parsing value - invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF; last read: '"\udc00'"#,
            ),
        ] {
            let message = format!("[json.exception.parse_error.101] parse error at {message}");
            assert_eq!(echo(text.as_bytes()), Err(message));
        }
        for (text, message) in [
            ("1e999", "[json.exception.out_of_range.406] number overflow parsing '1e999'"),
            (
                "[9223372036854775808]",
                "unsigned json number 9223372036854775808 outside of Nix integer range",
            ),
            (
                r#"{"a\u0000":1}"#,
                "input string 'a␀' cannot be represented as Nix string because it contains null bytes",
            ),
        ] {
            assert_eq!(echo(text.as_bytes()), Err(message.to_owned()));
        }
    }

    #[test]
    fn invalid_utf8_is_an_error() {
        for (text, column) in [
            (&b"\"\xFF\""[..], 2),
            (b"\"\xC3\"", 3),
            (b"\"\xE2\x82", 4),
            (b"\"\xE0\x80\x80\"", 3),
            (b"\"a\xF4\x90\"", 4),
        ] {
            let error = echo(text).unwrap_err();
            assert!(
                error.contains(&format!("column {column}: ")) && error.contains("ill-formed UTF-8 byte"),
                "{error}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: Vec<u8>) {
            let _ = echo(&text);
        }

        #[test]
        fn never_panics_near_json(text in "[\\[\\]{}:,\" \\n0-9.eE+\\-\\\\utrlnfase]{0,40}") {
            let _ = echo(text.as_bytes());
        }
    }
}
