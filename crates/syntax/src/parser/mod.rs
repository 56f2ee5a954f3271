//! The parser: tokens to an arena.
//!
//! Operators, heads of functions, `let`, `with`, `assert` and `else` are handled with explicit stacks, so that long
//! chains of them cost no stack; only brackets recurse, and their depth is bounded. Helper stacks are shared by all
//! levels, each level using what is above the length that it found: nothing is allocated for a node.
//!
//! A failure is kept in the parser, so that results stay one word wide. What a syntax error says is worked out
//! afterwards by [`crate::grammar`].

mod bindings;
mod operators;
mod strings;
#[cfg(test)]
mod tests;

use hashbrown::HashTable;

use crate::ParseOptions;
use crate::ast::{Ast, Expr, ExprId, Formal, Formals, Lambda, Part, PathElem, Range32, SelectOr, Span};
use crate::error::{LintLevel, ParseError, ParseErrorKind, Warning, WarningKind};
use crate::grammar::find_mistake;
use crate::lexer::{Lexed, lex};
use crate::symbol::{Symbol, SymbolTable, hash_name};
use crate::token::{Kind, Token};

use bindings::{Pending, PendingDynamic, PendingFrom, SetBuilder, Touched};
use operators::Operator;
use strings::IndPart;

/// The reason is in [`Parser::error`], or, if there is none, a token that the grammar does not allow.
#[derive(Debug)]
pub(crate) struct Failed;

type Parsed<T> = Result<T, Failed>;

const CACHE_SIZE: usize = 512;

/// Something in front of an expression that ends where the expression ends.
enum Prefix {
    Lambda { start: u32, arg: Option<Symbol>, formals: Option<Formals> },
    Assert { start: u32, condition: ExprId },
    With { start: u32, set: ExprId },
    Let { start: u32, set: u32 },
    Else { start: u32, condition: ExprId, then: ExprId },
}

pub(crate) struct Parser<'a> {
    src: &'a [u8],
    symbols: &'a SymbolTable,
    options: &'a ParseOptions<'a>,
    tokens: Vec<Token>,
    docs: Vec<(u32, Span)>,
    lex_error: Option<ParseError>,
    /// Index of the token to be read next.
    at: usize,
    ast: Ast,
    error: Option<ParseError>,
    depth: u32,
    /// The `x or` that was parsed last and is not yet known to be what the author meant.
    cursed: Option<(ExprId, Span)>,
    /// Names seen lately, by hash.
    names: Box<[(u32, Symbol); CACHE_SIZE]>,

    // Shared helper stacks.
    prefixes: Vec<Prefix>,
    operands: Vec<ExprId>,
    operators: Vec<Operator>,
    ids: Vec<ExprId>,
    parts: Vec<Part>,
    ind_parts: Vec<IndPart>,
    elems: Vec<PathElem>,
    formals: Vec<Formal>,
    touched: Vec<Touched>,
    text: Vec<u8>,

    // Sets under construction, see `bindings`.
    sets: Vec<SetBuilder>,
    pending: Vec<Pending>,
    dynamics: Vec<PendingDynamic>,
    froms: Vec<PendingFrom>,
    index: HashTable<u32>,
}

/// Parses an expression, or, for the prompt of an interpreter, bindings without braces.
pub(crate) fn parse_source(
    src: &[u8],
    symbols: &SymbolTable,
    options: &ParseOptions<'_>,
    only_bindings: bool,
) -> Result<Ast, ParseError> {
    if src.len() >= i32::MAX as usize {
        return Err(ParseError::new(ParseErrorKind::TooLarge(src.len() as u64), Span::NONE));
    }
    let lexed = lex(src, options.pipe_operators);
    let mut parser = Parser::new(src, symbols, options, lexed);
    let root = if only_bindings { parser.whole_bindings() } else { parser.whole_expr() };
    match root {
        Ok(root) => Ok(parser.finish(root)),
        Err(Failed) => {
            let warnings = std::mem::take(&mut parser.ast.warnings);
            Err(ParseError { warnings, ..parser.into_error(only_bindings) })
        }
    }
}

impl<'a> Parser<'a> {
    fn new(src: &'a [u8], symbols: &'a SymbolTable, options: &'a ParseOptions<'a>, lexed: Lexed) -> Self {
        let nodes = lexed.tokens.len() / 2 + 4;
        let ast = Ast {
            exprs: Vec::with_capacity(nodes),
            spans: Vec::with_capacity(nodes),
            starts: Vec::with_capacity(nodes),
            bytes: Vec::with_capacity(src.len() / 4),
            ..Ast::default()
        };
        Self {
            src,
            symbols,
            options,
            tokens: lexed.tokens,
            docs: lexed.docs,
            lex_error: lexed.error,
            at: 0,
            ast,
            error: None,
            depth: 0,
            cursed: None,
            names: Box::new([(0, crate::symbol::well_known::EMPTY); CACHE_SIZE]),
            prefixes: Vec::new(),
            operands: Vec::new(),
            operators: Vec::new(),
            ids: Vec::new(),
            parts: Vec::new(),
            ind_parts: Vec::new(),
            elems: Vec::new(),
            formals: Vec::new(),
            touched: Vec::new(),
            text: Vec::new(),
            sets: Vec::new(),
            pending: Vec::with_capacity(nodes / 4),
            dynamics: Vec::new(),
            froms: Vec::new(),
            index: HashTable::new(),
        }
    }

    fn whole_expr(&mut self) -> Parsed<ExprId> {
        let root = self.expr()?;
        self.expect(Kind::Eof)?;
        Ok(root)
    }

    fn whole_bindings(&mut self) -> Parsed<ExprId> {
        if self.kind() == Kind::Eof {
            return Err(Failed);
        }
        let set = self.bindings(false)?;
        self.expect(Kind::Eof)?;
        Ok(self.add(Expr::Attrs(set), Span::NONE, 0))
    }

    fn finish(mut self, root: ExprId) -> Ast {
        self.ast.root = Some(root);
        self.write_sets();
        self.ast
    }

    /// The error of a failed parse.
    fn into_error(mut self, only_bindings: bool) -> ParseError {
        if let Some(error) = self.error {
            return error;
        }
        let mut index = self.at;
        let mut expected = Vec::new();
        let first = only_bindings.then_some(Kind::ReplBindings);
        let kinds = first.into_iter().chain(self.tokens.iter().map(|token| token.kind));
        if let Some(mistake) = find_mistake(kinds) {
            index = mistake.index - usize::from(only_bindings);
            expected = mistake.expected;
        }
        let token = self.tokens[index];
        if token.kind == Kind::LexError {
            if let Some(error) = self.lex_error.take() {
                return error;
            }
        }
        // The reference's lexer refuses numbers before its parser sees them.
        if matches!(token.kind, Kind::Int | Kind::Float) && self.number(token).is_err() {
            if let Some(error) = self.error {
                return error;
            }
        }
        // The end of the file is reported where it is; everything else where it begins.
        let start = if token.kind == Kind::Eof { token.end } else { token.start };
        let expected = expected.into_iter().map(Kind::describe).collect();
        let kind = ParseErrorKind::Syntax { unexpected: token.kind.describe(), expected };
        ParseError::new(kind, Span { start, end: token.end })
    }

    // Tokens.

    #[inline(always)]
    fn token(&self) -> Token {
        self.tokens[self.at]
    }

    #[inline(always)]
    fn kind(&self) -> Kind {
        self.tokens[self.at].kind
    }

    /// The kind of a token ahead; the end of the file if there is none.
    #[inline(always)]
    fn ahead(&self, distance: usize) -> Kind {
        self.tokens.get(self.at + distance).map_or(Kind::Eof, |token| token.kind)
    }

    /// Where the token that was read last ends.
    #[inline(always)]
    fn last_end(&self) -> u32 {
        if self.at == 0 { 0 } else { self.tokens[self.at - 1].end }
    }

    #[inline(always)]
    fn expect(&mut self, kind: Kind) -> Parsed<()> {
        if self.kind() != kind {
            return Err(Failed);
        }
        self.at += 1;
        Ok(())
    }

    fn text_of(&self, token: Token) -> &'a [u8] {
        &self.src[token.start as usize..token.end as usize]
    }

    fn fail<T>(&mut self, kind: ParseErrorKind, span: Span) -> Parsed<T> {
        self.error = Some(ParseError::new(kind, span));
        Err(Failed)
    }

    fn lint(&mut self, level: LintLevel, span: Span, lint: impl FnOnce() -> crate::Lint) -> Parsed<()> {
        match level {
            LintLevel::Ignore => {}
            LintLevel::Warn => self.ast.warnings.push(Warning { kind: WarningKind::Lint(lint()), span }),
            LintLevel::Fatal => return self.fail(ParseErrorKind::Lint(lint()), span),
        }
        Ok(())
    }

    // Nodes.

    #[inline(always)]
    fn add(&mut self, expr: Expr, span: Span, start: u32) -> ExprId {
        let id = ExprId(self.ast.exprs.len() as u32);
        self.ast.exprs.push(expr);
        self.ast.spans.push(span);
        self.ast.starts.push(start);
        id
    }

    #[inline(always)]
    fn expr_of(&self, id: ExprId) -> Expr {
        self.ast.exprs[id.0 as usize]
    }

    #[inline(always)]
    fn start_of(&self, id: ExprId) -> u32 {
        self.ast.starts[id.0 as usize]
    }

    /// Moves what is above `base` on the stack of ids to the tree.
    #[inline]
    fn take_ids(&mut self, base: usize) -> Range32 {
        let start = self.ast.ids.len() as u32;
        self.ast.ids.extend_from_slice(&self.ids[base..]);
        let len = (self.ids.len() - base) as u32;
        self.ids.truncate(base);
        Range32 { start, len }
    }

    #[inline]
    fn intern(&mut self, name: &[u8]) -> Symbol {
        let hash = hash_name(name);
        let slot = &mut self.names[hash as usize % CACHE_SIZE];
        if slot.0 == hash && self.symbols.name(slot.1) == name {
            return slot.1;
        }
        let symbol = self.symbols.intern_hashed(name, hash);
        *slot = (hash, symbol);
        symbol
    }

    #[inline]
    fn intern_token(&mut self, token: Token) -> Symbol {
        self.intern(self.text_of(token))
    }

    /// The doc comment in front of the token that begins at `start`.
    fn doc_at(&self, start: u32) -> Span {
        if self.docs.is_empty() {
            return Span::NONE;
        }
        self.docs.binary_search_by_key(&start, |doc| doc.0).map_or(Span::NONE, |found| self.docs[found].1)
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > self.options.max_depth {
            let token = self.token();
            let span = Span { start: token.start, end: token.end };
            return self.fail(ParseErrorKind::TooDeep(self.options.max_depth), span);
        }
        Ok(())
    }

    // Expressions.

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
    fn prefix(&mut self) -> Parsed<bool> {
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

    fn finish_prefix(&mut self, prefix: Prefix, body: ExprId) -> Parsed<ExprId> {
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
    fn document(&mut self, id: ExprId, doc: Span) {
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
    fn name_function(&mut self, id: ExprId, name: Symbol) {
        let mut expr = self.expr_of(id);
        while let Expr::Lambda(index) = expr {
            let lambda = &mut self.ast.lambdas[index as usize];
            lambda.name = Some(name);
            expr = self.ast.exprs[lambda.body.0 as usize];
        }
    }

    // Formal arguments.

    /// Whether the `{` that comes next begins the head of a function.
    fn is_formals(&self) -> bool {
        match (self.ahead(1), self.ahead(2)) {
            (Kind::Ellipsis, _) | (Kind::Id, Kind::Comma | Kind::Question | Kind::CurlyClose) => true,
            (Kind::CurlyClose, after) => matches!(after, Kind::Colon | Kind::At),
            _ => false,
        }
    }

    /// `{ a, b ? c, ... }` after its `{`.
    fn formals(&mut self) -> Parsed<Formals> {
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
    fn check_formals(&mut self, formals: Formals, arg: Option<Symbol>, start: u32) -> Parsed<()> {
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

    fn printed_name(&self, name: Symbol) -> String {
        let mut out = Vec::new();
        crate::show::write_identifier(self.symbols.name(name), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    // What operators combine.

    /// Calls: `f a b`.
    #[inline]
    fn application(&mut self) -> Parsed<ExprId> {
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
    fn open_call(&mut self, id: ExprId) -> (ExprId, Option<Span>) {
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

    fn warn_cursed(&mut self, id: ExprId) {
        if let Some((cursed, span)) = self.cursed.take() {
            if cursed == id {
                self.ast.warnings.push(Warning { kind: WarningKind::CursedOr, span });
            }
        }
    }

    /// `a.b`, `a.b or c`, `a or`.
    #[inline]
    fn select(&mut self) -> Parsed<ExprId> {
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
                let arg = self.add(Expr::Var(crate::symbol::well_known::OR), span, start);
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

    fn attr_path_range(&mut self) -> Parsed<Range32> {
        let base = self.elems.len();
        self.attr_path()?;
        let start = self.ast.path_elems.len() as u32;
        let len = (self.elems.len() - base) as u32;
        self.ast.path_elems.extend(self.elems.drain(base..));
        Ok(Range32 { start, len })
    }

    #[inline]
    fn simple(&mut self) -> Parsed<ExprId> {
        let token = self.token();
        let span = Span { start: token.start, end: token.end };
        if token.kind == Kind::Id {
            self.at += 1;
            let name = self.intern_token(token);
            let expr =
                if name == crate::symbol::well_known::CUR_POS { Expr::CurPos } else { Expr::Var(name) };
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

    fn parenthesised(&mut self) -> Parsed<ExprId> {
        let start = self.token().start;
        self.at += 1;
        let inner = self.expr()?;
        self.expect(Kind::ParenClose)?;
        self.ast.starts[inner.0 as usize] = start;
        self.cursed = None;
        Ok(inner)
    }

    #[inline(never)]
    fn list(&mut self) -> Parsed<ExprId> {
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
    fn set(&mut self) -> Parsed<ExprId> {
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
    fn number(&mut self, token: Token) -> Parsed<ExprId> {
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

/// Whether the reference has a call for it, so that a further argument joins it.
pub(crate) fn is_call(expr: &Expr) -> bool {
    match expr {
        Expr::Call(..) | Expr::SearchPath(_) | Expr::Neg(_) => true,
        Expr::Binary(op, ..) => op.is_call(),
        _ => false,
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
