//! The lexer: a source text to all its tokens at once.
//!
//! The reference's lexer takes the longest match and, among equally long ones, the first rule; what that means for
//! words, numbers, paths and URLs that begin alike is spelled out in [`Lexer::word`], [`Lexer::number`] and
//! [`Lexer::path`]. Strings and paths are lexed in states of their own, kept on a stack because `${` nests.
//!
//! Invariants: the last token is [`Kind::Eof`] or [`Kind::LexError`], each occurs nowhere else, and it is there twice,
//! so that a parser may look one token ahead. Tokens are in source order and do not overlap.

mod literals;

use memchr::{memchr, memchr2};

use crate::ast::Span;
use crate::error::{ParseError, ParseErrorKind};
use crate::token::{Kind, Token};
use literals::path_state;

/// What the lexer made of a source text.
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    /// Start of a token that a doc comment stands before, and that comment; by ascending start.
    pub(crate) docs: Vec<(u32, Span)>,
    /// What [`Kind::LexError`] stands for.
    pub(crate) error: Option<ParseError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Default,
    String,
    IndString,
    /// In a path, after something else than a slash.
    Path,
    /// In a path, after a slash: more has to follow.
    PathSlash,
}

const ID_START: u8 = 1;
const ID: u8 = 2;
const PATH: u8 = 4;
const URI: u8 = 8;
const SPACE: u8 = 16;
const DIGIT: u8 = 32;
/// May continue a word so that it becomes a path or URI.
const AFTER_WORD: u8 = 64;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        let mut class = 0;
        if c.is_ascii_alphabetic() {
            class |= ID_START | ID | PATH | URI;
        }
        if c.is_ascii_digit() {
            class |= ID | PATH | URI | DIGIT;
        }
        class |= match c {
            b'_' => ID_START | ID | PATH | URI,
            b'-' => ID | PATH | URI,
            b'\'' => ID | URI,
            b'.' | b'+' => PATH | URI | AFTER_WORD,
            b'/' | b':' => URI | AFTER_WORD,
            b'%' | b'?' | b'@' | b'&' | b'=' | b'$' | b',' | b'!' | b'~' | b'*' => URI,
            b' ' | b'\t' | b'\r' | b'\n' => SPACE,
            _ => 0,
        };
        table[byte] = class;
        byte += 1;
    }
    table
}

struct Lexer<'a> {
    src: &'a [u8],
    at: usize,
    states: Vec<State>,
    out: Lexed,
    /// The run of path characters that was scanned last: words joined by dots look for its end again and again.
    path_run: (usize, usize),
    /// A doc comment that nothing but space and comments followed yet.
    doc: Option<Span>,
    pipes: bool,
    has_nul: bool,
}

/// Lexes a source text of less than 4 GiB.
pub(crate) fn lex(src: &[u8], pipe_operators: bool) -> Lexed {
    let mut lexer = Lexer {
        src,
        at: 0,
        states: Vec::with_capacity(32),
        out: Lexed { tokens: Vec::with_capacity(src.len() / 5 + 8), docs: Vec::new(), error: None },
        path_run: (0, 0),
        doc: None,
        pipes: pipe_operators,
        has_nul: memchr(0, src).is_some(),
    };
    lexer.run();
    let last = lexer.out.tokens.last().copied().unwrap_or(Token { kind: Kind::Eof, start: 0, end: 0 });
    lexer.out.tokens.push(last);
    lexer.out
}

impl<'a> Lexer<'a> {
    fn run(&mut self) {
        loop {
            let go_on = match self.states.last().copied().unwrap_or(State::Default) {
                State::Default => self.default(),
                State::String => self.string(),
                State::IndString => self.ind_string(),
                state @ (State::Path | State::PathSlash) => self.in_path(state),
            };
            if !go_on {
                return;
            }
        }
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        // 0 stands for the end as well, as in the reference.
        if at < self.src.len() { self.src[at] } else { 0 }
    }

    #[inline(always)]
    fn is(&self, at: usize, class: u8) -> bool {
        CLASS[self.byte(at) as usize] & class != 0
    }

    #[inline(always)]
    fn emit(&mut self, kind: Kind, end: usize) {
        if let Some(doc) = self.doc.take() {
            self.out.docs.push((self.at as u32, doc));
        }
        self.out.tokens.push(Token { kind, start: self.at as u32, end: end as u32 });
        self.at = end;
    }

    /// The end of the file, found at `start..end`; nothing follows.
    fn end_of_file(&mut self, start: usize, end: usize) -> bool {
        self.out.tokens.push(Token { kind: Kind::Eof, start: start as u32, end: end as u32 });
        false
    }

    fn fail(&mut self, kind: ParseErrorKind, start: usize, end: usize) -> bool {
        let (start, end) = (start as u32, end as u32);
        self.out.error = Some(ParseError::new(kind, Span { start, end }));
        self.out.tokens.push(Token { kind: Kind::LexError, start, end });
        false
    }

    fn fail_feature(&mut self) -> bool {
        self.fail(ParseErrorKind::MissingFeature("pipe-operators"), self.at, self.at + 2)
    }

    /// Lexes tokens of ordinary code until the state may have changed; false at the end.
    fn default(&mut self) -> bool {
        loop {
            let c = self.byte(self.at);
            let class = CLASS[c as usize];
            if class & SPACE != 0 {
                self.at += 1;
                while self.is(self.at, SPACE) {
                    self.at += 1;
                }
                continue;
            }
            if class & ID_START != 0 {
                if self.word() {
                    return true;
                }
                continue;
            }
            if class & DIGIT != 0 {
                if self.number() {
                    return true;
                }
                continue;
            }
            let next = self.byte(self.at + 1);
            let (kind, length) = match (c, next) {
                (0, _) => {
                    // A NUL byte ends the text as well.
                    let end = (self.at + 1).min(self.src.len());
                    return self.end_of_file(self.at, end);
                }
                (b';', _) => (Kind::Semicolon, 1),
                (b'=', b'=') => (Kind::Eq, 2),
                (b'=', _) => (Kind::Assign, 1),
                (b'.', _) => {
                    if self.dot() {
                        return true;
                    }
                    continue;
                }
                (b'"', _) => {
                    self.states.push(State::String);
                    self.emit(Kind::Quote, self.at + 1);
                    return true;
                }
                (b'{', _) => {
                    self.states.push(State::Default);
                    (Kind::CurlyOpen, 1)
                }
                (b'}', _) => {
                    self.states.pop();
                    self.emit(Kind::CurlyClose, self.at + 1);
                    return true;
                }
                (b'(', _) => (Kind::ParenOpen, 1),
                (b')', _) => (Kind::ParenClose, 1),
                (b'[', _) => (Kind::BracketOpen, 1),
                (b']', _) => (Kind::BracketClose, 1),
                (b':', _) => (Kind::Colon, 1),
                (b',', _) => (Kind::Comma, 1),
                (b'#', _) => {
                    let rest = &self.src[self.at..];
                    self.at += memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                    continue;
                }
                (b'\'', b'\'') => {
                    let mut end = self.at + 2;
                    while self.byte(end) == b' ' {
                        end += 1;
                    }
                    end = if self.byte(end) == b'\n' { end + 1 } else { self.at + 2 };
                    self.states.push(State::IndString);
                    self.emit(Kind::IndOpen, end);
                    return true;
                }
                (b'$', b'{') => {
                    self.states.push(State::Default);
                    (Kind::DollarCurly, 2)
                }
                (b'/', b'*') => {
                    if self.comment() {
                        continue;
                    }
                    (Kind::Slash, 1)
                }
                (b'/' | b'-' | b'+', _) => {
                    if self.path() {
                        return true;
                    }
                    match (c, next) {
                        (b'/', b'/') => (Kind::Update, 2),
                        (b'/', _) => (Kind::Slash, 1),
                        (b'+', b'+') => (Kind::Concat, 2),
                        (b'+', _) => (Kind::Plus, 1),
                        (_, b'>') => (Kind::Impl, 2),
                        _ => (Kind::Minus, 1),
                    }
                }
                (b'<', _) => {
                    if let Some(end) = self.search_path_end() {
                        self.emit(Kind::SearchPath, end);
                        continue;
                    }
                    match next {
                        b'=' => (Kind::LessEq, 2),
                        b'|' if self.pipes => (Kind::PipeFrom, 2),
                        b'|' => return self.fail_feature(),
                        _ => (Kind::Less, 1),
                    }
                }
                (b'>', b'=') => (Kind::GreaterEq, 2),
                (b'>', _) => (Kind::Greater, 1),
                (b'!', b'=') => (Kind::NotEq, 2),
                (b'!', _) => (Kind::Bang, 1),
                (b'?', _) => (Kind::Question, 1),
                (b'@', _) => (Kind::At, 1),
                (b'*', _) => (Kind::Star, 1),
                (b'&', b'&') => (Kind::And, 2),
                (b'|', b'|') => (Kind::Or, 2),
                (b'|', b'>') if self.pipes => (Kind::PipeInto, 2),
                (b'|', b'>') => return self.fail_feature(),
                (b'~', b'/') => {
                    if self.home_path() {
                        return true;
                    }
                    (Kind::Invalid, 1)
                }
                _ => (Kind::Invalid, 1),
            };
            self.emit(kind, self.at + length);
        }
    }

    /// A keyword, identifier, path or URI that begins with a letter or `_`; true if the state changed.
    #[inline(always)]
    fn word(&mut self) -> bool {
        let start = self.at;
        let mut end = start + 1;
        while self.is(end, ID) {
            end += 1;
        }
        if self.is(end, AFTER_WORD) {
            // `x: …` and `x.y` are by far the most frequent of these.
            let next = self.byte(end + 1);
            if !(self.byte(end) == b':' && CLASS[next as usize] & URI == 0) {
                if self.path() {
                    return true;
                }
                if let Some(end) = self.uri_end() {
                    self.emit(Kind::Uri, end);
                    return false;
                }
            }
        }
        let kind = keyword(&self.src[start..end]);
        self.emit(kind, end);
        false
    }

    /// An integer, float or path that begins with a digit; true if the state changed.
    fn number(&mut self) -> bool {
        let mut end = self.at + 1;
        while self.is(end, DIGIT) {
            end += 1;
        }
        if self.is(end, PATH) || self.byte(end) == b'/' {
            if self.path() {
                return true;
            }
            let whole = &self.src[self.at..end];
            let point = self.byte(end) == b'.';
            // Floats do not begin with `00` or `01`, and `0.` needs a digit after it.
            if point && (whole[0] != b'0' || (whole.len() == 1 && self.is(end + 1, DIGIT))) {
                let end = self.float_end(end);
                self.emit(Kind::Float, end);
                return false;
            }
        }
        self.emit(Kind::Int, end);
        false
    }

    /// `...`, `.5`, `./x` or `.`; true if the state changed.
    fn dot(&mut self) -> bool {
        let next = self.byte(self.at + 1);
        if CLASS[next as usize] & PATH != 0 || next == b'/' {
            if self.path() {
                return true;
            }
            if next == b'.' && self.byte(self.at + 2) == b'.' {
                self.emit(Kind::Ellipsis, self.at + 3);
                return false;
            }
            if CLASS[next as usize] & DIGIT != 0 {
                let end = self.float_end(self.at);
                self.emit(Kind::Float, end);
                return false;
            }
        }
        self.emit(Kind::Dot, self.at + 1);
        false
    }

    /// The end of a float whose point is at `point`.
    fn float_end(&self, point: usize) -> usize {
        let mut end = point + 1;
        while self.is(end, DIGIT) {
            end += 1;
        }
        if matches!(self.byte(end), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(end + 1), b'+' | b'-'));
            let mut exponent = end + 1 + sign;
            if self.is(exponent, DIGIT) {
                while self.is(exponent, DIGIT) {
                    exponent += 1;
                }
                end = exponent;
            }
        }
        end
    }

    /// The end of the run of path characters that `start` is in or before.
    fn path_run_end(&mut self, start: usize) -> usize {
        if self.path_run.0 <= start && start < self.path_run.1 {
            return self.path_run.1;
        }
        let mut end = start;
        while self.is(end, PATH) {
            end += 1;
        }
        self.path_run = (start, end);
        end
    }

    /// The end of `(/segment)+/?` at `slash`, if it is there.
    fn segments_end(&self, slash: usize) -> Option<usize> {
        let mut end = slash;
        while self.byte(end) == b'/' && self.is(end + 1, PATH) {
            end += 2;
            while self.is(end, PATH) {
                end += 1;
            }
        }
        if end == slash {
            return None;
        }
        Some(if self.byte(end) == b'/' { end + 1 } else { end })
    }

    /// A path that begins here (`a/b`, `./a`, `/a`, `a/${`), if there is one. A path is longer than anything else that
    /// begins in the same way.
    fn path(&mut self) -> bool {
        let slash = self.path_run_end(self.at);
        if self.byte(slash) != b'/' {
            return false;
        }
        self.path_from(slash, Kind::Path)
    }

    fn home_path(&mut self) -> bool {
        self.path_from(self.at + 1, Kind::HomePath)
    }

    /// A path whose first slash is known.
    fn path_from(&mut self, slash: usize, kind: Kind) -> bool {
        let end = match self.segments_end(slash) {
            Some(end) => end,
            None if self.byte(slash + 1) == b'$' && self.byte(slash + 2) == b'{' => slash + 1,
            None => return false,
        };
        self.states.push(path_state(self.src[end - 1]));
        self.emit(kind, end);
        true
    }

    /// The end of the URI that begins here, if there is one.
    fn uri_end(&mut self) -> Option<usize> {
        let colon = self.path_run_end(self.at);
        if self.byte(colon) != b':' || !self.is(colon + 1, URI) || self.src[self.at] == b'_' {
            return None;
        }
        // A scheme has the characters of a path but for `_`.
        if memchr(b'_', &self.src[self.at..colon]).is_some() {
            return None;
        }
        let mut end = colon + 2;
        while self.is(end, URI) {
            end += 1;
        }
        Some(end)
    }

    /// The end of the `<a/b>` that begins here, if there is one.
    fn search_path_end(&self) -> Option<usize> {
        let mut end = self.at;
        loop {
            if !self.is(end + 1, PATH) {
                return None;
            }
            end += 2;
            while self.is(end, PATH) {
                end += 1;
            }
            match self.byte(end) {
                b'/' => {}
                b'>' => return Some(end + 1),
                _ => return None,
            }
        }
    }

    /// Skips the comment that begins here; false if it has no end, and then it is none.
    fn comment(&mut self) -> bool {
        let body = self.at + 2;
        let mut from = body;
        let end = loop {
            let Some(star) = self.src.get(from..).and_then(|rest| memchr(b'*', rest)) else { return false };
            from += star + 1;
            if self.byte(from) == b'/' {
                break from + 1;
            }
        };
        // `/** …` is a doc comment, `/**/` and `/***` are not.
        if self.src[body] == b'*' && !matches!(self.src[body + 1], b'*' | b'/') {
            self.doc = Some(Span { start: self.at as u32, end: end as u32 });
        }
        self.at = end;
        true
    }
}

#[inline(always)]
fn keyword(word: &[u8]) -> Kind {
    match word {
        b"if" => Kind::If,
        b"in" => Kind::In,
        b"or" => Kind::OrKeyword,
        b"let" => Kind::Let,
        b"rec" => Kind::Rec,
        b"then" => Kind::Then,
        b"else" => Kind::Else,
        b"with" => Kind::With,
        b"assert" => Kind::Assert,
        b"inherit" => Kind::Inherit,
        _ => Kind::Id,
    }
}
