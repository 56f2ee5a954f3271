//! Strings, indented strings, paths and URLs.

use super::{Failed, Parsed, Parser};
use crate::ast::{Expr, ExprId, Part, Range32, Span};
use crate::error::{Lint, ParseErrorKind};
use crate::text::{canonical_path, unescape};
use crate::token::{Kind, Token};

/// A piece of an indented string.
#[derive(Clone, Copy)]
pub(super) enum IndPart {
    /// Text of the source whose indentation counts.
    Plain(u32, u32),
    /// An escape, as it stands in the source.
    Escape(u32, u32),
    Expr(ExprId, Span),
}

/// What stands between two quotes.
pub(super) enum Quoted {
    /// Text without interpolation, as it stands in the source.
    Text(Token),
    /// A whole expression.
    Expr(ExprId),
}

impl Parser<'_> {
    pub(super) fn add_bytes(&mut self, text: &[u8]) -> Range32 {
        let start = self.ast.bytes.len() as u32;
        self.ast.bytes.extend_from_slice(text);
        Range32 { start, len: text.len() as u32 }
    }

    fn bytes_since(&self, start: usize) -> Range32 {
        Range32 { start: start as u32, len: (self.ast.bytes.len() - start) as u32 }
    }

    fn add_unescaped(&mut self, token: Token) -> Range32 {
        let start = self.ast.bytes.len();
        unescape(self.text_of(token), &mut self.ast.bytes);
        self.bytes_since(start)
    }

    #[inline(never)]
    pub(super) fn string_expr(&mut self) -> Parsed<ExprId> {
        let start = self.token().start;
        let id = match self.quoted()? {
            Quoted::Text(token) => {
                let run = self.add_unescaped(token);
                self.add(Expr::Str(run), Span { start, end: self.last_end() }, start)
            }
            Quoted::Expr(id) => id,
        };
        self.ast.starts[id.0 as usize] = start;
        Ok(id)
    }

    /// `"…"`.
    pub(super) fn quoted(&mut self) -> Parsed<Quoted> {
        self.at += 1;
        let token = self.token();
        if token.kind == Kind::Quote {
            self.at += 1;
            return Ok(Quoted::Text(Token { kind: Kind::Str, start: token.start, end: token.start }));
        }
        if token.kind == Kind::Str && self.ahead(1) == Kind::Quote {
            self.at += 2;
            return Ok(Quoted::Text(token));
        }
        let run = self.parts(Kind::Quote, true)?;
        let span = Span { start: token.start, end: self.last_end() };
        let id = self.add(Expr::Interpolated(run), span, token.start);
        self.expect(Kind::Quote)?;
        Ok(Quoted::Expr(id))
    }

    /// Text and `${…}` up to a token; parts that are on the stack already are the first ones.
    fn parts_from(&mut self, base: usize, end: Kind, escapes: bool) -> Parsed<Range32> {
        let mut interpolated = false;
        loop {
            let token = self.token();
            match token.kind {
                Kind::Str => {
                    self.at += 1;
                    let run =
                        if escapes { self.add_unescaped(token) } else { self.add_bytes(self.text_of(token)) };
                    self.parts.push(Part::Lit(run));
                    // Text at the very beginning has to be followed by an interpolation.
                    if !interpolated && self.kind() != Kind::DollarCurly {
                        return Err(Failed);
                    }
                }
                Kind::DollarCurly => {
                    let (id, span) = self.interpolation()?;
                    self.parts.push(Part::Expr(id, span));
                    interpolated = true;
                }
                kind if kind == end => break,
                _ => return Err(Failed),
            }
        }
        let start = self.ast.parts.len() as u32;
        let len = (self.parts.len() - base) as u32;
        self.ast.parts.extend(self.parts.drain(base..));
        Ok(Range32 { start, len })
    }

    fn parts(&mut self, end: Kind, escapes: bool) -> Parsed<Range32> {
        self.parts_from(self.parts.len(), end, escapes)
    }

    /// `${e}`: the expression and the place of the whole.
    pub(super) fn interpolation(&mut self) -> Parsed<(ExprId, Span)> {
        let start = self.token().start;
        self.at += 1;
        let id = self.expr()?;
        self.expect(Kind::CurlyClose)?;
        Ok((id, Span { start, end: self.last_end() }))
    }

    #[inline(never)]
    pub(super) fn uri(&mut self, token: Token) -> Parsed<ExprId> {
        self.at += 1;
        let span = Span { start: token.start, end: token.end };
        let text = self.text_of(token);
        let lint = || Lint::UrlLiteral(String::from_utf8_lossy(text).into_owned());
        self.lint(self.options.lint_url_literals, span, lint)?;
        let run = self.add_bytes(text);
        Ok(self.add(Expr::Uri(run), span, token.start))
    }

    /// A path literal, with or without interpolation.
    #[inline(never)]
    pub(super) fn path(&mut self) -> Parsed<ExprId> {
        let token = self.token();
        self.at += 1;
        let start = self.ast.bytes.len();
        if token.kind == Kind::HomePath {
            self.home_path(token)?
        } else {
            self.file_path(token)?
        };
        let run = self.bytes_since(start);
        if self.kind() == Kind::PathEnd {
            self.at += 1;
            return Ok(self.add(Expr::Path(run), Span { start: token.start, end: token.end }, token.start));
        }
        let base = self.parts.len();
        self.parts.push(Part::Lit(run));
        let parts = self.parts_from(base, Kind::PathEnd, false)?;
        let span = Span { start: token.start, end: self.last_end() };
        self.expect(Kind::PathEnd)?;
        Ok(self.add(Expr::InterpolatedPath(parts), span, token.start))
    }

    fn file_path(&mut self, token: Token) -> Parsed<()> {
        let text = self.text_of(token);
        let span = Span { start: token.start, end: token.end };
        let quoted = || String::from_utf8_lossy(text).into_owned();
        if text[0] == b'/' {
            let lint = || Lint::AbsolutePathLiteral(quoted());
            self.lint(self.options.lint_absolute_path_literals, span, lint)?;
        } else if text[0] != b'.' {
            self.lint(self.options.lint_short_path_literals, span, || Lint::ShortPathLiteral(quoted()))?;
        }
        canonical_path(text, self.options.base_path, &mut self.ast.bytes);
        // What follows in an interpolated path begins after this slash.
        if text.len() > 1 && text.ends_with(b"/") {
            self.ast.bytes.push(b'/');
        }
        Ok(())
    }

    fn home_path(&mut self, token: Token) -> Parsed<()> {
        let text = self.text_of(token);
        let span = Span { start: token.start, end: token.end };
        let quoted = || String::from_utf8_lossy(text).into_owned();
        if self.options.pure {
            return self.fail(ParseErrorKind::HomePathInPureMode(quoted()), Span::NONE);
        }
        self.lint(self.options.lint_absolute_path_literals, span, || Lint::AbsolutePathLiteral(quoted()))?;
        let Some(home) = self.options.home else { return self.fail(ParseErrorKind::HomeUnknown, span) };
        self.ast.bytes.extend_from_slice(home);
        self.ast.bytes.extend_from_slice(&text[1..]);
        Ok(())
    }

    /// `''…''`.
    #[inline(never)]
    pub(super) fn ind_string(&mut self) -> Parsed<ExprId> {
        let start = self.token().start;
        self.at += 1;
        let base = self.ind_parts.len();
        loop {
            let token = self.token();
            match token.kind {
                Kind::IndStr => {
                    self.at += 1;
                    let text = self.text_of(token);
                    let escape = text.starts_with(b"''") || matches!(text, b"$" | b"'");
                    let part = if escape { IndPart::Escape } else { IndPart::Plain };
                    self.ind_parts.push(part(token.start, token.end));
                }
                Kind::DollarCurly => {
                    let (id, span) = self.interpolation()?;
                    self.ind_parts.push(IndPart::Expr(id, span));
                }
                Kind::IndClose => break,
                _ => return Err(Failed),
            }
        }
        self.at += 1;
        let id = self.strip_indentation(base, Span { start, end: self.last_end() });
        self.ind_parts.truncate(base);
        Ok(id)
    }

    fn strip_indentation(&mut self, base: usize, span: Span) -> ExprId {
        let remove = self.common_indentation(base);
        let first = self.parts.len();
        let mut line = Line { at_start: true, dropped: 0, remove };
        let count = self.ind_parts.len();
        for index in base..count {
            match self.ind_parts[index] {
                IndPart::Expr(id, span) => {
                    line.at_start = false;
                    line.dropped = 0;
                    self.parts.push(Part::Expr(id, span));
                }
                IndPart::Plain(from, to) => {
                    let text = &self.src[from as usize..to as usize];
                    let start = self.ast.bytes.len();
                    line.strip(text, &mut self.ast.bytes);
                    self.end_piece(start, index + 1 == count);
                }
                IndPart::Escape(from, to) => {
                    let start = self.ast.bytes.len();
                    let text = &self.src[from as usize..to as usize];
                    let mut meaning = std::mem::take(&mut self.text);
                    meaning.clear();
                    match text {
                        b"'''" => meaning.extend_from_slice(b"''"),
                        b"''$" => meaning.push(b'$'),
                        [b'\'', b'\'', escape @ ..] => unescape(escape, &mut meaning),
                        other => meaning.extend_from_slice(other),
                    }
                    line.strip(&meaning, &mut self.ast.bytes);
                    self.text = meaning;
                    self.end_piece(start, index + 1 == count);
                }
            }
        }
        self.ind_result(first, span)
    }

    /// Makes a part of the bytes since `start`; of the last piece a last line of nothing but spaces is dropped.
    fn end_piece(&mut self, start: usize, last: bool) {
        if last {
            let piece = &self.ast.bytes[start..];
            if let Some(newline) = memchr::memrchr(b'\n', piece) {
                if piece[newline + 1..].iter().all(|byte| *byte == b' ') {
                    self.ast.bytes.truncate(start + newline + 1);
                }
            }
        }
        let run = self.bytes_since(start);
        if run.len > 0 {
            self.parts.push(Part::Lit(run));
        }
    }

    fn ind_result(&mut self, first: usize, span: Span) -> ExprId {
        let literal = match &self.parts[first..] {
            [] => Some(Range32 { start: self.ast.bytes.len() as u32, len: 0 }),
            [Part::Lit(run)] => Some(*run),
            // `''${"x"}''` is that string itself.
            [Part::Expr(id, _)] if matches!(self.expr_of(*id), Expr::Str(_) | Expr::Uri(_)) => {
                let id = *id;
                self.parts.truncate(first);
                self.ast.starts[id.0 as usize] = span.start;
                return id;
            }
            _ => None,
        };
        if let Some(run) = literal {
            self.parts.truncate(first);
            return self.add(Expr::Str(run), span, span.start);
        }
        let start = self.ast.parts.len() as u32;
        let len = (self.parts.len() - first) as u32;
        self.ast.parts.extend(self.parts.drain(first..));
        self.add(Expr::Interpolated(Range32 { start, len }), span, span.start)
    }

    /// How many spaces all lines begin with; lines of nothing but spaces do not count.
    fn common_indentation(&self, base: usize) -> usize {
        let mut at_start = true;
        let mut least = 1_000_000;
        let mut current = 0;
        for part in &self.ind_parts[base..] {
            let IndPart::Plain(from, to) = *part else {
                if at_start {
                    at_start = false;
                    least = least.min(current);
                }
                continue;
            };
            let mut rest = &self.src[from as usize..to as usize];
            loop {
                if at_start {
                    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
                    current += spaces;
                    rest = &rest[spaces..];
                    match rest.first() {
                        None => break,
                        Some(b'\n') => {
                            current = 0;
                            rest = &rest[1..];
                        }
                        Some(_) => {
                            at_start = false;
                            least = least.min(current);
                        }
                    }
                } else {
                    let Some(newline) = memchr::memchr(b'\n', rest) else { break };
                    rest = &rest[newline + 1..];
                    at_start = true;
                    current = 0;
                }
            }
        }
        least
    }
}

/// Where in a line of an indented string the stripping is.
struct Line {
    at_start: bool,
    dropped: usize,
    remove: usize,
}

impl Line {
    fn strip(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        loop {
            if self.at_start {
                let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
                let drop = self.remove.saturating_sub(self.dropped).min(spaces);
                self.dropped += spaces;
                out.extend_from_slice(&rest[drop..spaces]);
                rest = &rest[spaces..];
                match rest.first() {
                    None => return,
                    Some(first) => {
                        self.dropped = 0;
                        self.at_start = *first == b'\n';
                        out.push(*first);
                        rest = &rest[1..];
                    }
                }
            } else {
                let Some(newline) = memchr::memchr(b'\n', rest) else {
                    out.extend_from_slice(rest);
                    return;
                };
                out.extend_from_slice(&rest[..newline + 1]);
                rest = &rest[newline + 1..];
                self.at_start = true;
            }
        }
    }
}
