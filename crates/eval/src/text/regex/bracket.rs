//! Sets of bytes: bracket expressions and the classes and names inside them, in the C locale.

use super::RegexError;

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    #[inline]
    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    pub(super) fn one(byte: u8) -> ByteSet {
        let mut set = ByteSet::default();
        set.insert(byte);
        set
    }

    /// What `.` matches: every byte but NUL.
    pub(super) fn any() -> ByteSet {
        ByteSet([!1, !0, !0, !0])
    }

    pub(super) fn invert(self) -> ByteSet {
        ByteSet(self.0.map(|word| !word))
    }

    pub(super) fn extend(&mut self, other: ByteSet) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    /// Inserts `low..=high`; bytes compare as signed characters, so a range may not go from ASCII to a high byte.
    fn insert_range(&mut self, low: u8, high: u8) -> Result<(), RegexError> {
        let (low, high) = (low as i8, high as i8);
        if low > high {
            return Err(RegexError::Invalid);
        }
        (low..=high).for_each(|byte| self.insert(byte as u8));
        Ok(())
    }

    fn insert_class(&mut self, name: &[u8]) -> Result<(), RegexError> {
        let name = name.to_ascii_lowercase();
        let test: fn(&u8) -> bool = match name.as_slice() {
            b"d" | b"digit" => u8::is_ascii_digit,
            b"w" => |byte| byte.is_ascii_alphanumeric() || *byte == b'_',
            b"s" | b"space" => |byte| matches!(byte, b' ' | 9..=13),
            b"alnum" => u8::is_ascii_alphanumeric,
            b"alpha" => u8::is_ascii_alphabetic,
            b"blank" => |byte| matches!(byte, b' ' | b'\t'),
            b"cntrl" => u8::is_ascii_control,
            b"graph" => u8::is_ascii_graphic,
            b"lower" => u8::is_ascii_lowercase,
            b"print" => |byte| (32..127).contains(byte),
            b"punct" => u8::is_ascii_punctuation,
            b"upper" => u8::is_ascii_uppercase,
            b"xdigit" => u8::is_ascii_hexdigit,
            _ => return Err(RegexError::Invalid),
        };
        (0..=255).filter(test).for_each(|byte| self.insert(byte));
        Ok(())
    }

    /// Inserts the bytes that collate like the named element: the letters of both cases.
    fn insert_equivalents(&mut self, name: &[u8]) -> Result<(), RegexError> {
        let byte = collating_element(name)?;
        self.insert(byte.to_ascii_lowercase());
        self.insert(byte.to_ascii_uppercase());
        Ok(())
    }
}

/// The POSIX names of the ASCII characters that are not letters (letters are their own names).
const NAMES: &[(u8, &[&str])] = &[
    (
        0,
        &[
            "NUL",
            "SOH",
            "STX",
            "ETX",
            "EOT",
            "ENQ",
            "ACK",
            "alert",
            "backspace",
            "tab",
            "newline",
            "vertical-tab",
            "form-feed",
            "carriage-return",
            "SO",
            "SI",
            "DLE",
            "DC1",
            "DC2",
            "DC3",
            "DC4",
            "NAK",
            "SYN",
            "ETB",
            "CAN",
            "EM",
            "SUB",
            "ESC",
            "IS4",
            "IS3",
            "IS2",
            "IS1",
            "space",
            "exclamation-mark",
            "quotation-mark",
            "number-sign",
            "dollar-sign",
            "percent-sign",
            "ampersand",
            "apostrophe",
            "left-parenthesis",
            "right-parenthesis",
            "asterisk",
            "plus-sign",
            "comma",
            "hyphen",
            "period",
            "slash",
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "colon",
            "semicolon",
            "less-than-sign",
            "equals-sign",
            "greater-than-sign",
            "question-mark",
            "commercial-at",
        ],
    ),
    (
        b'[',
        &[
            "left-square-bracket",
            "backslash",
            "right-square-bracket",
            "circumflex",
            "underscore",
            "grave-accent",
        ],
    ),
    (b'{', &["left-curly-bracket", "vertical-line", "right-curly-bracket", "tilde", "DEL"]),
];

fn collating_element(name: &[u8]) -> Result<u8, RegexError> {
    if let [letter] = name {
        return if letter.is_ascii_alphabetic() { Ok(*letter) } else { Err(RegexError::Invalid) };
    }
    NAMES
        .iter()
        .find_map(|(first, names)| {
            let index = names.iter().position(|known| known.as_bytes() == name)?;
            Some(first + u8::try_from(index).ok()?)
        })
        .ok_or(RegexError::Invalid)
}

/// What the previous item of a bracket expression was: decides whether a dash may follow.
enum Last {
    Nothing,
    Char(u8),
    Class,
}

enum Token<'p> {
    End,
    Dash,
    Char(u8),
    Collating(&'p [u8]),
    Equivalence(&'p [u8]),
    Class(&'p [u8]),
}

/// Reads the bracket expression of `pattern` whose `[` (and `^`, as `negated` says) ends before `*at`; moves `*at` behind its `]`.
pub(super) fn bracket(pattern: &[u8], at: &mut usize, negated: bool) -> Result<ByteSet, RegexError> {
    let mut reader = Reader { pattern, at: *at, first: true };
    let mut set = ByteSet::default();
    let mut last = Last::Nothing;
    let mut token = reader.next()?;
    match token {
        Token::Char(byte) => last = Last::Char(byte),
        Token::Dash => last = Last::Char(b'-'),
        _ => {}
    }
    if !matches!(last, Last::Nothing) {
        token = reader.next()?;
    }
    loop {
        if let Last::Char(byte) = last {
            set.insert(byte);
        }
        match token {
            Token::End => break,
            Token::Char(byte) => last = Last::Char(byte),
            Token::Collating(name) => last = Last::Char(collating_element(name)?),
            Token::Equivalence(name) => {
                set.insert_equivalents(name)?;
                last = Last::Class;
            }
            Token::Class(name) => {
                set.insert_class(name)?;
                last = Last::Class;
            }
            Token::Dash => match (reader.next()?, &last) {
                (Token::End, _) => {
                    set.insert(b'-');
                    break;
                }
                (Token::Char(high), Last::Char(low)) => {
                    set.insert_range(*low, high)?;
                    last = Last::Nothing;
                }
                (Token::Dash, Last::Char(low)) => {
                    set.insert_range(*low, b'-')?;
                    last = Last::Nothing;
                }
                _ => return Err(RegexError::Invalid),
            },
        }
        token = reader.next()?;
    }
    *at = reader.at;
    Ok(if negated { set.invert() } else { set })
}

struct Reader<'p> {
    pattern: &'p [u8],
    at: usize,
    first: bool,
}

impl<'p> Reader<'p> {
    fn next(&mut self) -> Result<Token<'p>, RegexError> {
        let first = std::mem::replace(&mut self.first, false);
        let byte = *self.pattern.get(self.at).ok_or(RegexError::Invalid)?;
        self.at += 1;
        Ok(match byte {
            b'-' => Token::Dash,
            b']' if !first => Token::End,
            b'[' => match *self.pattern.get(self.at).ok_or(RegexError::Invalid)? {
                b'.' => Token::Collating(self.name(b'.')?),
                b'=' => Token::Equivalence(self.name(b'=')?),
                b':' => Token::Class(self.name(b':')?),
                _ => Token::Char(byte),
            },
            _ => Token::Char(byte),
        })
    }

    /// Reads `:name:]` (the reader stands on the first mark); the name ends at the first further mark.
    fn name(&mut self, mark: u8) -> Result<&'p [u8], RegexError> {
        let start = self.at + 1;
        let rest = &self.pattern[start..];
        let length = rest.iter().position(|byte| *byte == mark).ok_or(RegexError::Invalid)?;
        if rest.get(length + 1) != Some(&b']') {
            return Err(RegexError::Invalid);
        }
        self.at = start + length + 2;
        Ok(&rest[..length])
    }
}
