//! What can be wrong with a source text, as data; [`ParseError::message`] gives the reference's wording.
//!
//! The position of an error is a byte offset; [`crate::position`] makes line, column and excerpt of it.

use thiserror::Error;

use crate::ast::Span;

/// Why a source text was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Where: the reference reports `span.start`. [`Span::NONE`] where it reports no position.
    pub span: Span,
    /// What was to be told to the user before it came to that, in source order.
    pub warnings: Vec<Warning>,
}

/// What is wrong with a source text. `Display` gives the reference's message without the position it may refer to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// A token that the grammar does not allow here.
    #[error("syntax error, unexpected {unexpected}{}", expecting_list(.expected))]
    Syntax {
        /// The token, in the reference's words.
        unexpected: &'static str,
        /// What would have been allowed, in the reference's words and order; empty if that is more than four tokens.
        expected: Vec<&'static str>,
    },
    /// An integer literal beyond 64 bits.
    #[error("invalid integer '{0}'")]
    InvalidInteger(String),
    /// A float literal beyond the range of doubles.
    #[error("invalid float '{0}'")]
    InvalidFloat(String),
    /// `a/b/` at the end of a path literal.
    #[error("path has a trailing slash")]
    TrailingSlash,
    /// A NUL byte in a string literal; the text has `␀` in its place.
    #[error("input string '{0}' cannot be represented as Nix string because it contains null bytes")]
    NulInString(String),
    /// An operator whose experimental feature is not enabled.
    #[error(
        "experimental Nix feature '{0}' is disabled; add '--extra-experimental-features {0}' to enable it"
    )]
    MissingFeature(&'static str),
    /// An attribute that is defined twice.
    #[error("attribute '{path}' already defined")]
    DuplicateAttribute {
        /// Its attribute path as the reference prints it.
        path: String,
        /// Where it was defined first.
        previous: Span,
    },
    /// A formal argument that occurs twice, or that has the name of the whole argument.
    #[error("duplicate formal function argument '{0}'")]
    DuplicateFormal(String),
    /// `let ${x} = …; in …`
    #[error("dynamic attributes not allowed in let")]
    DynamicInLet,
    /// `inherit ${x};`
    #[error("dynamic attributes not allowed in inherit")]
    DynamicInInherit,
    /// `~/x` where evaluation is pure.
    #[error("the path '{0}' can not be resolved in pure mode")]
    HomePathInPureMode(String),
    /// `~/x` where nobody knows the home folder.
    #[error("cannot determine user's home directory")]
    HomeUnknown,
    /// A lint whose level is "fatal".
    #[error("{} ({})", .0.message(true), .0.setting())]
    Lint(Lint),
    /// More nested brackets than [`crate::ParseOptions::max_depth`] allows.
    #[error("stack overflow; the expression is nested more than {0} levels deep")]
    TooDeep(u32),
    /// A source text of 2 GiB or more.
    #[error("source text of {0} bytes is too large")]
    TooLarge(u64),
}

/// A feature of the language that a setting may discourage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lint {
    /// `http://x` without quotes.
    UrlLiteral(String),
    /// `/x` or `~/x`.
    AbsolutePathLiteral(String),
    /// `a/b` for `./a/b`.
    ShortPathLiteral(String),
}

/// How strictly a lint is taken: the settings `lint-url-literals`, `lint-absolute-path-literals` and
/// `lint-short-path-literals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LintLevel {
    /// Nothing is said.
    #[default]
    Ignore,
    /// A warning.
    Warn,
    /// An error.
    Fatal,
}

/// Something that is accepted and should be told to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What.
    pub kind: WarningKind,
    /// Where. For [`WarningKind::CursedOr`] the whole expression that should get parentheses.
    pub span: Span,
}

/// What a [`Warning`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {
    /// A lint whose level is "warn".
    Lint(Lint),
    /// `or` as an identifier, in a place where it will mean something else one day (`[ x or ]`, `f x or`).
    CursedOr,
}

impl ParseError {
    pub(crate) fn new(kind: ParseErrorKind, span: Span) -> Self {
        Self { kind, span, warnings: Vec::new() }
    }

    /// The reference's message; `show` prints a position that the message refers to, with its origin
    /// (`«stdin»:1:3`).
    pub fn message(&self, show: impl Fn(Span) -> String) -> String {
        match &self.kind {
            ParseErrorKind::DuplicateAttribute { previous, .. } => {
                format!("{} at {}", self.kind, show(*previous))
            }
            kind => kind.to_string(),
        }
    }
}

impl WarningKind {
    /// The reference's message without position. For [`WarningKind::CursedOr`]: the text before the quoted
    /// expression, which the caller puts between this and `)\n` (see [`crate::position::Positions::text`]).
    pub fn message(&self) -> String {
        match self {
            WarningKind::Lint(lint) => format!("{} ({})", lint.message(false), lint.setting()),
            WarningKind::CursedOr => "This expression uses `or` as an identifier in a way that will change in a \
                 future Nix release.\nWrap this entire expression in parentheses to preserve its current meaning:\n    ("
                .to_owned(),
        }
    }
}

impl Lint {
    /// The setting that governs the lint.
    pub fn setting(&self) -> &'static str {
        match self {
            Lint::UrlLiteral(_) => "lint-url-literals",
            Lint::AbsolutePathLiteral(_) => "lint-absolute-path-literals",
            Lint::ShortPathLiteral(_) => "lint-short-path-literals",
        }
    }

    /// The reference's wording, which for URLs depends on the level.
    pub fn message(&self, fatal: bool) -> String {
        match self {
            Lint::UrlLiteral(url) => format!(
                "URL literals are {}. Consider using a string literal \"{url}\" instead",
                if fatal { "disallowed" } else { "discouraged" }
            ),
            Lint::AbsolutePathLiteral(path) => format!(
                "{} path literals are not portable. Consider replacing path literal '{path}' by a string, relative \
                 path, or parameter",
                if path.starts_with('~') { "home" } else { "absolute" }
            ),
            Lint::ShortPathLiteral(path) => {
                format!("relative path literal '{path}' should be prefixed with '.' for clarity: './{path}'")
            }
        }
    }
}

fn expecting_list(expected: &[&str]) -> String {
    if expected.is_empty() { String::new() } else { format!(", expecting {}", expected.join(" or ")) }
}
