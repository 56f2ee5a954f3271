//! What operators combine: calls, selects, and the expressions that are whole by themselves.

use super::{Failed, Parsed, Parser, is_call};
use crate::ast::{Expr, ExprId, Range32, SelectOr, Span};
use crate::error::{ParseErrorKind, Warning, WarningKind};
use crate::symbol::well_known::{CUR_POS, OR};
use crate::token::{Kind, Token};

impl Parser<'_> {
    /// Calls: `f a b`.
    #[inline]
    pub(super) fn application(&mut self) -> Parsed<ExprId> {
        let start = self.token().start;
        let first = self.select()?;
        if !begins_simple(self.kind()) {
            return Ok(first);
        }
        // An argument is added to a call that is there, even if that is in parentheses.
        let base = self.ids.len();
        let (function, span) = self.open_call(first);
        while begins_simple(self.kind()) {
            let arg = self.select()?;
            self.warn_cursed(arg);
            self.ids.push(arg);
        }
        let args = self.take_ids(base);
        let span = span.unwrap_or(Span { start, end: self.last_end() });
        Ok(self.add(Expr::Call(function, args), span, start))
    }

    /// The function to call if `id` gets one more argument: if it is a call itself, its arguments are put on the stack
    /// of ids. Also the position of the call, where it stays that of `id`.
    pub(super) fn open_call(&mut self, id: ExprId) -> (ExprId, Option<Span>) {
        let span = self.ast.spans[id.0 as usize];
        match self.expr_of(id) {
            Expr::Call(function, Range32 { start, len }) => {
                self.ids.extend_from_slice(&self.ast.ids[start as usize..(start + len) as usize]);
                (function, Some(span))
            }
            expr if is_call(&expr) => (id, Some(span)),
            _ => (id, None),
        }
    }

    pub(super) fn warn_cursed(&mut self, id: ExprId) {
        if let Some((cursed, span)) = self.cursed.take() {
            if cursed == id {
                self.ast.warnings.push(Warning { kind: WarningKind::CursedOr, span });
            }
        }
    }

    /// `a.b`, `a.b or c`, `a or`.
    #[inline]
    pub(super) fn select(&mut self) -> Parsed<ExprId> {
        let start = self.token().start;
        let set = self.simple()?;
        match self.kind() {
            Kind::Dot => {
                self.at += 1;
                let path = self.attr_path_range()?;
                if self.kind() != Kind::OrKeyword {
                    return Ok(self.add(
                        Expr::Select(set, path),
                        Span { start, end: self.last_end() },
                        start,
                    ));
                }
                self.at += 1;
                self.deeper()?;
                let default = self.select()?;
                self.depth -= 1;
                self.warn_cursed(default);
                self.ast.selects_or.push(SelectOr { set, path, default });
                let index = self.ast.selects_or.len() as u32 - 1;
                Ok(self.add(Expr::SelectOr(index), Span { start, end: self.last_end() }, start))
            }
            Kind::OrKeyword => {
                let token = self.token();
                self.at += 1;
                let span = Span { start, end: token.end };
                let arg = self.add(Expr::Var(OR), span, start);
                let base = self.ids.len();
                self.ids.push(arg);
                let args = self.take_ids(base);
                let id = self.add(Expr::Call(set, args), span, start);
                self.cursed = Some((id, span));
                Ok(id)
            }
            _ => Ok(set),
        }
    }

    pub(super) fn attr_path_range(&mut self) -> Parsed<Range32> {
        let base = self.elems.len();
        self.attr_path()?;
        let start = self.ast.path_elems.len() as u32;
        let len = (self.elems.len() - base) as u32;
        self.ast.path_elems.extend(self.elems.drain(base..));
        Ok(Range32 { start, len })
    }

    #[inline]
    pub(super) fn simple(&mut self) -> Parsed<ExprId> {
        let token = self.token();
        let span = Span { start: token.start, end: token.end };
        if token.kind == Kind::Id {
            self.at += 1;
            let name = self.intern_token(token);
            let expr = if name == CUR_POS { Expr::CurPos } else { Expr::Var(name) };
            return Ok(self.add(expr, span, token.start));
        }
        match token.kind {
            Kind::Quote => self.string_expr(),
            Kind::ParenOpen => self.parenthesised(),
            Kind::CurlyOpen | Kind::Rec | Kind::Let => self.set(),
            Kind::BracketOpen => self.list(),
            Kind::IndOpen => self.ind_string(),
            Kind::Int | Kind::Float => self.number(token),
            Kind::Path | Kind::HomePath => self.path(),
            Kind::SearchPath => {
                self.at += 1;
                let text = self.text_of(token);
                let run = self.add_bytes(&text[1..text.len() - 1]);
                Ok(self.add(Expr::SearchPath(run), span, token.start))
            }
            Kind::Uri => self.uri(token),
            _ => Err(Failed),
        }
    }

    pub(super) fn parenthesised(&mut self) -> Parsed<ExprId> {
        let start = self.token().start;
        self.at += 1;
        let inner = self.expr()?;
        self.expect(Kind::ParenClose)?;
        self.ast.starts[inner.0 as usize] = start;
        self.cursed = None;
        Ok(inner)
    }

    #[inline(never)]
    pub(super) fn list(&mut self) -> Parsed<ExprId> {
        let start = self.token().start;
        self.at += 1;
        self.deeper()?;
        let base = self.ids.len();
        while self.kind() != Kind::BracketClose {
            let element = self.select()?;
            self.warn_cursed(element);
            self.ids.push(element);
        }
        self.at += 1;
        self.depth -= 1;
        let elements = self.take_ids(base);
        Ok(self.add(Expr::List(elements), Span { start, end: self.last_end() }, start))
    }

    /// `{ … }`, `rec { … }`, `let { … }`.
    #[inline(never)]
    pub(super) fn set(&mut self) -> Parsed<ExprId> {
        let token = self.token();
        self.at += 1;
        if token.kind != Kind::CurlyOpen {
            self.expect(Kind::CurlyOpen)?;
        }
        let set = self.bindings(token.kind != Kind::CurlyOpen)?;
        self.expect(Kind::CurlyClose)?;
        let expr = if token.kind == Kind::Let { Expr::LetBody(set) } else { Expr::Attrs(set) };
        Ok(self.add(expr, Span { start: token.start, end: self.last_end() }, token.start))
    }

    #[inline(never)]
    pub(super) fn number(&mut self, token: Token) -> Parsed<ExprId> {
        self.at += 1;
        let span = Span { start: token.start, end: token.end };
        let text = String::from_utf8_lossy(self.text_of(token));
        let expr = if token.kind == Kind::Int {
            match text.parse() {
                Ok(value) => Expr::Int(value),
                Err(_) => return self.fail(ParseErrorKind::InvalidInteger(text.into_owned()), span),
            }
        } else {
            let nothing_but_zeros =
                || text.bytes().take_while(|b| !b"eE".contains(b)).all(|b| b"0.".contains(&b));
            match text.parse::<f64>() {
                // The reference refuses what overflows or underflows.
                Ok(value) if value.is_normal() || (value == 0.0 && nothing_but_zeros()) => Expr::Float(value),
                _ => return self.fail(ParseErrorKind::InvalidFloat(text.into_owned()), span),
            }
        };
        Ok(self.add(expr, span, token.start))
    }
}

/// Whether a token can begin an operand of a call.
#[inline(always)]
fn begins_simple(kind: Kind) -> bool {
    const SET: u64 = {
        let kinds = [
            Kind::Id,
            Kind::Int,
            Kind::Float,
            Kind::Quote,
            Kind::IndOpen,
            Kind::Path,
            Kind::HomePath,
            Kind::SearchPath,
            Kind::Uri,
            Kind::ParenOpen,
            Kind::Let,
            Kind::Rec,
            Kind::CurlyOpen,
            Kind::BracketOpen,
        ];
        let mut set = 0;
        let mut index = 0;
        while index < kinds.len() {
            set |= 1 << kinds[index] as u64;
            index += 1;
        }
        set
    };
    SET & (1 << kind as u64) != 0
}
