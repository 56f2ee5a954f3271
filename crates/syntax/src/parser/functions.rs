//! What stands in front of an expression: heads of functions, `let`, `with`, `assert`, `if`.
//!
//! All of these end where the expression behind them ends, so they are read in a loop and finished from the inside out.

use super::{Failed, Parsed, Parser};
use crate::ast::{Expr, ExprId, Formal, Formals, Lambda, Range32, Span};
use crate::error::ParseErrorKind;
use crate::symbol::Symbol;
use crate::token::Kind;

/// Something in front of an expression that ends where the expression ends.
pub(super) enum Prefix {
    Lambda { start: u32, arg: Option<Symbol>, formals: Option<Formals> },
    Assert { start: u32, condition: ExprId },
    With { start: u32, set: ExprId },
    Let { start: u32, set: u32 },
    Else { start: u32, condition: ExprId, then: ExprId },
}

impl Parser<'_> {
    /// An expression of any kind.
    pub(crate) fn expr(&mut self) -> Parsed<ExprId> {
        self.deeper()?;
        let base = self.prefixes.len();
        while self.prefix()? {}
        let mut body = self.pipes()?;
        while self.prefixes.len() > base {
            if let Some(prefix) = self.prefixes.pop() {
                body = self.finish_prefix(prefix, body)?;
            }
        }
        self.depth -= 1;
        Ok(body)
    }

    /// Reads a [`Prefix`], if there is one.
    #[inline]
    pub(super) fn prefix(&mut self) -> Parsed<bool> {
        let token = self.token();
        let prefix = match token.kind {
            Kind::Id => match self.ahead(1) {
                Kind::Colon => {
                    self.at += 2;
                    let arg = self.intern_token(token);
                    Prefix::Lambda { start: token.start, arg: Some(arg), formals: None }
                }
                Kind::At => {
                    self.at += 2;
                    let arg = self.intern_token(token);
                    self.expect(Kind::CurlyOpen)?;
                    let formals = self.formals()?;
                    self.expect(Kind::Colon)?;
                    Prefix::Lambda { start: token.start, arg: Some(arg), formals: Some(formals) }
                }
                _ => return Ok(false),
            },
            Kind::CurlyOpen if self.is_formals() => {
                self.at += 1;
                let formals = self.formals()?;
                let arg = if self.kind() == Kind::At {
                    let name = self.tokens[self.at + 1];
                    self.at += 1;
                    self.expect(Kind::Id)?;
                    Some(self.intern_token(name))
                } else {
                    None
                };
                self.expect(Kind::Colon)?;
                Prefix::Lambda { start: token.start, arg, formals: Some(formals) }
            }
            Kind::If => {
                self.at += 1;
                let condition = self.expr()?;
                self.expect(Kind::Then)?;
                let then = self.expr()?;
                self.expect(Kind::Else)?;
                Prefix::Else { start: token.start, condition, then }
            }
            Kind::Let if self.ahead(1) != Kind::CurlyOpen => {
                self.at += 1;
                let set = self.bindings(true)?;
                self.expect(Kind::In)?;
                Prefix::Let { start: token.start, set }
            }
            Kind::With => {
                self.at += 1;
                let set = self.expr()?;
                self.expect(Kind::Semicolon)?;
                Prefix::With { start: token.start, set }
            }
            Kind::Assert => {
                self.at += 1;
                let condition = self.expr()?;
                self.expect(Kind::Semicolon)?;
                Prefix::Assert { start: token.start, condition }
            }
            _ => return Ok(false),
        };
        self.prefixes.push(prefix);
        Ok(true)
    }

    pub(super) fn finish_prefix(&mut self, prefix: Prefix, body: ExprId) -> Parsed<ExprId> {
        let end = self.last_end();
        let (expr, start) = match prefix {
            Prefix::Lambda { start, arg, formals } => {
                if let Some(formals) = formals {
                    self.check_formals(formals, arg, start)?;
                }
                let doc = self.doc_at(start);
                self.ast.lambdas.push(Lambda { arg, formals, body, name: None, doc: Span::NONE });
                let id =
                    self.add(Expr::Lambda(self.ast.lambdas.len() as u32 - 1), Span { start, end }, start);
                self.document(id, doc);
                return Ok(id);
            }
            Prefix::Assert { start, condition } => (Expr::Assert(condition, body), start),
            Prefix::With { start, set } => (Expr::With(set, body), start),
            Prefix::Let { start, set } => {
                if self.has_dynamics(set) {
                    return self.fail(ParseErrorKind::DynamicInLet, Span { start, end });
                }
                (Expr::Let(set, body), start)
            }
            Prefix::Else { start, condition, then } => {
                let index = self.ast.ids.len() as u32;
                self.ast.ids.extend_from_slice(&[condition, then, body]);
                (Expr::If(index), start)
            }
        };
        Ok(self.add(expr, Span { start, end }, start))
    }

    /// Gives a function a doc comment, and functions that are its body as well, as far as they have none.
    pub(super) fn document(&mut self, id: ExprId, doc: Span) {
        if doc == Span::NONE {
            return;
        }
        let mut expr = self.expr_of(id);
        while let Expr::Lambda(index) = expr {
            let lambda = &mut self.ast.lambdas[index as usize];
            if lambda.doc != Span::NONE {
                return;
            }
            lambda.doc = doc;
            expr = self.ast.exprs[lambda.body.0 as usize];
        }
    }

    /// Tells a function, and functions that are its body, what name it is bound to.
    pub(super) fn name_function(&mut self, id: ExprId, name: Symbol) {
        let mut expr = self.expr_of(id);
        while let Expr::Lambda(index) = expr {
            let lambda = &mut self.ast.lambdas[index as usize];
            lambda.name = Some(name);
            expr = self.ast.exprs[lambda.body.0 as usize];
        }
    }

    /// Whether the `{` that comes next begins the head of a function.
    pub(super) fn is_formals(&self) -> bool {
        match (self.ahead(1), self.ahead(2)) {
            (Kind::Ellipsis, _) | (Kind::Id, Kind::Comma | Kind::Question | Kind::CurlyClose) => true,
            (Kind::CurlyClose, after) => matches!(after, Kind::Colon | Kind::At),
            _ => false,
        }
    }

    /// `{ a, b ? c, ... }` after its `{`.
    pub(super) fn formals(&mut self) -> Parsed<Formals> {
        let base = self.formals.len();
        let mut ellipsis = false;
        loop {
            let token = self.token();
            match token.kind {
                Kind::CurlyClose => break,
                Kind::Ellipsis => {
                    self.at += 1;
                    ellipsis = true;
                    break;
                }
                Kind::Id => {
                    self.at += 1;
                    let name = self.intern_token(token);
                    let default = if self.kind() == Kind::Question {
                        self.at += 1;
                        Some(self.expr()?)
                    } else {
                        None
                    };
                    let span = Span { start: token.start, end: token.end };
                    self.formals.push(Formal { name, span, default });
                    if self.kind() != Kind::Comma {
                        break;
                    }
                    self.at += 1;
                }
                _ => return Err(Failed),
            }
        }
        self.expect(Kind::CurlyClose)?;
        let start = self.ast.formals.len() as u32;
        let len = (self.formals.len() - base) as u32;
        self.ast.formals.extend(self.formals.drain(base..));
        Ok(Formals { formals: Range32 { start, len }, ellipsis })
    }

    /// Sorts formal arguments and refuses what is there twice.
    pub(super) fn check_formals(&mut self, formals: Formals, arg: Option<Symbol>, start: u32) -> Parsed<()> {
        let Range32 { start: from, len } = formals.formals;
        let run = &mut self.ast.formals[from as usize..(from + len) as usize];
        run.sort_unstable_by_key(|formal| (formal.name, formal.span.start));
        let twice =
            run.windows(2).find(|pair| pair[0].name == pair[1].name).map(|pair| (pair[1].name, pair[1].span));
        let as_arg = arg.filter(|arg| run.binary_search_by_key(arg, |formal| formal.name).is_ok());
        let span = Span { start, end: self.last_end() };
        match (twice, as_arg) {
            (Some((name, span)), _) => {
                self.fail(ParseErrorKind::DuplicateFormal(self.printed_name(name)), span)
            }
            (None, Some(name)) => self.fail(ParseErrorKind::DuplicateFormal(self.printed_name(name)), span),
            (None, None) => Ok(()),
        }
    }

    pub(super) fn printed_name(&self, name: Symbol) -> String {
        let mut out = Vec::new();
        crate::show::write_identifier(self.symbols.name(name), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}
