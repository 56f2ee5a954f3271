//! Lexer, parser and syntax tree of the Nix language.
//!
//! [`parse`] turns a source text into an [`ast::Ast`]. It reads nothing but its arguments: no files, no environment,
//! no global state. What the grammar accepts, the positions of nodes and the wording of errors are the reference's.

pub mod ast;
mod automaton;
pub mod error;
mod grammar;
mod lexer;
mod parser;
pub mod position;
pub mod show;
pub mod symbol;
mod text;
mod token;

pub use ast::{Ast, Span};
pub use error::{Lint, LintLevel, ParseError, ParseErrorKind, Warning, WarningKind};
pub use symbol::{Symbol, SymbolTable};

/// What the meaning of a source text depends on beside the text.
#[derive(Clone, Copy, Debug)]
pub struct ParseOptions<'a> {
    /// The absolute folder that relative path literals start from: that of the file, or the working folder.
    pub base_path: &'a [u8],
    /// The home folder, for `~/x`.
    pub home: Option<&'a [u8]>,
    /// Refuse `~/x`.
    pub pure: bool,
    /// The experimental feature `pipe-operators`.
    pub pipe_operators: bool,
    /// `lint-url-literals`
    pub lint_url_literals: LintLevel,
    /// `lint-absolute-path-literals`
    pub lint_absolute_path_literals: LintLevel,
    /// `lint-short-path-literals`
    pub lint_short_path_literals: LintLevel,
    /// How many brackets (`(`, `[`, `{`, `${`) may be open at once. Parsing takes at most 1 KiB of stack for
    /// each, so whoever runs on a large stack can allow more; the reference has no bound but its stack.
    pub max_depth: u32,
}

impl Default for ParseOptions<'_> {
    fn default() -> Self {
        Self {
            base_path: b"/",
            home: None,
            pure: false,
            pipe_operators: false,
            lint_url_literals: LintLevel::Ignore,
            lint_absolute_path_literals: LintLevel::Ignore,
            lint_short_path_literals: LintLevel::Ignore,
            max_depth: DEFAULT_MAX_DEPTH,
        }
    }
}

/// The default of [`ParseOptions::max_depth`]: fits in the 2 MiB of an ordinary thread.
pub const DEFAULT_MAX_DEPTH: u32 = 1_500;

/// Parses a source text.
///
/// # Errors
/// The first thing that the reference would report, see [`ParseErrorKind`].
pub fn parse(source: &[u8], symbols: &SymbolTable, options: &ParseOptions<'_>) -> Result<Ast, ParseError> {
    parser::parse_source(source, symbols, options, false)
}

/// Parses bindings without braces (`a = 1; inherit b;`), as the prompt of an interpreter takes them: the root is a set.
///
/// # Errors
/// As [`parse`]; also if there is no binding.
pub fn parse_bindings(
    source: &[u8],
    symbols: &SymbolTable,
    options: &ParseOptions<'_>,
) -> Result<Ast, ParseError> {
    parser::parse_source(source, symbols, options, true)
}
