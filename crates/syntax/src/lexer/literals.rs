//! The states inside strings and paths.

use memchr::{memchr, memchr2, memchr3};

use super::{Lexer, State};
use crate::error::ParseErrorKind;
use crate::text::unescape;
use crate::token::{Kind, Token};

impl Lexer<'_> {
    /// Inside `"…"`.
    pub(super) fn string(&mut self) -> bool {
        let start = self.at;
        let mut end = start;
        loop {
            let Some(found) = memchr3(b'"', b'\\', b'$', &self.src[end..]) else {
                // The parser will say that the string has no end.
                return self.unfinished_string(start, self.src.len(), self.src.len());
            };
            let special = end + found;
            let (first, second) = (self.src[special], self.src.get(special + 1).copied());
            match (first, second) {
                (b'"', _) => {
                    self.string_text(start, special);
                    if self.out.error.is_some() {
                        return false;
                    }
                    self.states.pop();
                    self.emit(Kind::Quote, special + 1);
                    return true;
                }
                (b'$', Some(b'{')) => {
                    self.string_text(start, special);
                    if self.out.error.is_some() {
                        return false;
                    }
                    self.states.push(State::Default);
                    self.emit(Kind::DollarCurly, special + 2);
                    return true;
                }
                (b'$', Some(b'"')) => end = special + 1,
                (b'$', Some(b'\\')) if special + 2 < self.src.len() => end = special + 3,
                (b'$', Some(b'\\')) | (_, None) => {
                    return self.unfinished_string(start, special, self.src.len());
                }
                _ => end = special + 2,
            }
        }
    }

    fn unfinished_string(&mut self, start: usize, text_end: usize, end: usize) -> bool {
        self.string_text(start, text_end);
        self.out.error.is_none() && self.end_of_file(text_end, end)
    }

    fn string_text(&mut self, start: usize, end: usize) {
        if end == start {
            return;
        }
        if self.has_nul && memchr(0, &self.src[start..end]).is_some() {
            let mut text = Vec::new();
            unescape(&self.src[start..end], &mut text);
            self.fail_nul(&text, start, end);
            return;
        }
        self.emit(Kind::Str, end);
    }

    fn fail_nul(&mut self, text: &[u8], start: usize, end: usize) -> bool {
        let text = String::from_utf8_lossy(text).replace('\0', "␀");
        self.fail(ParseErrorKind::NulInString(text), start, end)
    }

    /// Inside `''…''`.
    pub(super) fn ind_string(&mut self) -> bool {
        let start = self.at;
        let mut end = start;
        loop {
            let Some(found) = memchr2(b'\'', b'$', &self.src[end..]) else {
                end = self.src.len();
                break;
            };
            let special = end + found;
            end = special;
            match (self.src[special], self.src.get(special + 1).copied()) {
                (b'$', Some(b'{' | b'\'') | None) | (b'\'', Some(b'\'' | b'$') | None) => break,
                _ => end = special + 2,
            }
        }
        if end > start {
            if self.has_nul && memchr(0, &self.src[start..end]).is_some() {
                let src = self.src;
                return self.fail_nul(&src[start..end], start, end);
            }
            self.emit(Kind::IndStr, end);
        }
        self.ind_string_special()
    }

    /// What can stand between the pieces of plain text of `''…''`: escapes, `${`, the end.
    fn ind_string_special(&mut self) -> bool {
        let at = self.at;
        let rest = &self.src[at..];
        match rest {
            [] => self.end_of_file(at, at),
            [b'\'', b'\'', b'$' | b'\'', ..] => {
                self.emit(Kind::IndStr, at + 3);
                true
            }
            [b'\'', b'\'', b'\\', escaped, ..] => {
                if *escaped == 0 {
                    return self.fail_nul(b"\0", at, at + 4);
                }
                self.emit(Kind::IndStr, at + 4);
                true
            }
            [b'\'', b'\'', ..] => {
                self.states.pop();
                self.emit(Kind::IndClose, at + 2);
                true
            }
            [b'$', b'{', ..] => {
                self.states.push(State::Default);
                self.emit(Kind::DollarCurly, at + 2);
                true
            }
            _ => {
                self.emit(Kind::IndStr, at + 1);
                true
            }
        }
    }

    /// After the first part of a path.
    pub(super) fn in_path(&mut self, state: State) -> bool {
        let start = self.at;
        if self.byte(start) == b'$' && self.byte(start + 1) == b'{' {
            self.states.pop();
            self.states.push(State::Path);
            self.states.push(State::Default);
            self.emit(Kind::DollarCurly, start + 2);
            return true;
        }
        let run = self.path_run_end(start);
        let end = self.segments_end(run).unwrap_or(if self.byte(run) == b'/' { run + 1 } else { run });
        if end > start {
            self.states.pop();
            self.states.push(path_state(self.src[end - 1]));
            self.emit(Kind::Str, end);
            return true;
        }
        let at_end = start >= self.src.len();
        let before = self.out.tokens.last().copied().unwrap_or(Token { kind: Kind::Eof, start: 0, end: 0 });
        if state == State::PathSlash {
            let at = if at_end { before.start as usize } else { start };
            return self.fail(ParseErrorKind::TrailingSlash, at, start);
        }
        self.states.pop();
        // The reference gives the end of a path the place of what is before it, and at the end of the text goes back
        // one token more.
        if at_end {
            let tokens = &self.out.tokens;
            let start = tokens.iter().rev().nth(1).map_or(before.start, |token| token.start);
            self.out.tokens.push(Token { kind: Kind::PathEnd, start, end: before.start });
            return self.end_of_file(before.start as usize, before.start as usize);
        }
        self.out.tokens.push(Token { kind: Kind::PathEnd, ..before });
        true
    }
}

pub(super) fn path_state(last: u8) -> State {
    if last == b'/' { State::PathSlash } else { State::Path }
}
