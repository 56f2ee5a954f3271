//! The kinds of tokens, in the order that the reference's parser numbers them.
//!
//! The order matters: it is the order in which a syntax error lists what was expected.

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    Eof,
    /// Stands for bison's token "error"; here: the lexer's own error, see `Lexed::error`.
    LexError,
    /// A byte that starts no token.
    Invalid,
    Id,
    Str,
    IndStr,
    Int,
    Float,
    Path,
    HomePath,
    SearchPath,
    PathEnd,
    Uri,
    If,
    Then,
    Else,
    Assert,
    With,
    Let,
    In,
    Rec,
    Inherit,
    Eq,
    NotEq,
    LessEq,
    GreaterEq,
    Update,
    Concat,
    And,
    Or,
    Impl,
    OrKeyword,
    PipeFrom,
    PipeInto,
    DollarCurly,
    IndOpen,
    IndClose,
    Ellipsis,
    ReplBindings,
    Less,
    Greater,
    /// Never lexed: the precedence of `!`.
    Not,
    Plus,
    Minus,
    Star,
    Slash,
    Question,
    /// Never lexed: the precedence of unary `-`.
    Negate,
    Colon,
    At,
    Semicolon,
    Bang,
    Dot,
    Quote,
    ParenOpen,
    ParenClose,
    CurlyOpen,
    CurlyClose,
    BracketOpen,
    BracketClose,
    Assign,
    Comma,
}

impl Kind {
    /// How many kinds there are.
    pub(crate) const COUNT: usize = Kind::Comma as usize + 1;

    /// The reference's words for it in a syntax error.
    pub(crate) fn describe(self) -> &'static str {
        DESCRIPTIONS[self as usize]
    }
}

const DESCRIPTIONS: [&str; Kind::COUNT] = [
    "end of file",
    "error",
    "invalid token",
    "identifier",
    "string",
    "indented string",
    "integer",
    "floating-point literal",
    "path",
    "'~/…' path",
    "'<…>' path",
    "end of path",
    "URI",
    "'if'",
    "'then'",
    "'else'",
    "'assert'",
    "'with'",
    "'let'",
    "'in'",
    "'rec'",
    "'inherit'",
    "'=='",
    "'!='",
    "'<='",
    "'>='",
    "'//'",
    "'++'",
    "'&&'",
    "'||'",
    "'->'",
    "'or'",
    "'<|'",
    "'|>'",
    "'${'",
    "start of an indented string",
    "end of an indented string",
    "'...'",
    "start of REPL bindings",
    "'<'",
    "'>'",
    "NOT",
    "'+'",
    "'-'",
    "'*'",
    "'/'",
    "'?'",
    "NEGATE",
    "':'",
    "'@'",
    "';'",
    "'!'",
    "'.'",
    "'\"'",
    "'('",
    "')'",
    "'{'",
    "'}'",
    "'['",
    "']'",
    "'='",
    "','",
];

/// A token: its kind and its bytes in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}
