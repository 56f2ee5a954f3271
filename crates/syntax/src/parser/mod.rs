//! The parser: tokens to an arena.
//!
//! Operators, heads of functions, `let`, `with`, `assert` and `else` are handled with explicit stacks, so that long
//! chains of them cost no stack; only brackets recurse, and their depth is bounded. Helper stacks are shared by all
//! levels, each level using what is above the length that it found: nothing is allocated for a node.
//!
//! A failure is kept in the parser, so that results stay one word wide. What a syntax error says is worked out
//! afterwards by [`crate::automaton`].

mod bindings;
mod functions;
mod operands;
mod operators;
mod strings;
#[cfg(test)]
mod tests;

use hashbrown::HashTable;

use crate::ParseOptions;
use crate::ast::{Ast, Expr, ExprId, Formal, Part, PathElem, Range32, Span};
use crate::automaton::find_mistake;
use crate::error::{LintLevel, ParseError, ParseErrorKind, Warning, WarningKind};
use crate::lexer::{Lexed, lex};
use crate::symbol::well_known::EMPTY;
use crate::symbol::{Symbol, SymbolTable, hash_name};
use crate::token::{Kind, Token};

use bindings::{Pending, PendingDynamic, PendingFrom, SetBuilder, Touched};
use functions::Prefix;
use operators::Operator;
use strings::IndPart;

/// The reason is in [`Parser::error`], or, if there is none, a token that the grammar does not allow.
#[derive(Debug)]
pub(crate) struct Failed;

type Parsed<T> = Result<T, Failed>;

const CACHE_SIZE: usize = 512;

/// A name that was seen in this source: its hash, where it stands, its symbol.
#[derive(Clone, Copy)]
struct Seen {
    hash: u32,
    start: u32,
    end: u32,
    symbol: Symbol,
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
    names: Box<[Seen; CACHE_SIZE]>,

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
            names: Box::new([Seen { hash: 0, start: 0, end: 0, symbol: EMPTY }; CACHE_SIZE]),
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
    fn intern_token(&mut self, token: Token) -> Symbol {
        let name = self.text_of(token);
        let hash = hash_name(name);
        let seen = &mut self.names[hash as usize % CACHE_SIZE];
        if seen.hash == hash && &self.src[seen.start as usize..seen.end as usize] == name {
            return seen.symbol;
        }
        let symbol = self.symbols.intern_hashed(name, hash);
        *seen = Seen { hash, start: token.start, end: token.end, symbol };
        symbol
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
}

/// Whether the reference has a call for it, so that a further argument joins it.
pub(crate) fn is_call(expr: &Expr) -> bool {
    match expr {
        Expr::Call(..) | Expr::SearchPath(_) | Expr::Neg(_) => true,
        Expr::Binary(op, ..) => op.is_call(),
        _ => false,
    }
}
