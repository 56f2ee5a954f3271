//! The arena syntax tree of one Nix file.
//!
//! Nodes are plain `u32` ids into flat tables; nothing is allocated a node. What the grammar calls sugar is already
//! gone: nested attribute paths are merged into nested sets, operators that the language defines as calls
//! (`-` `*` `/` `<` …) stay operators here but carry the fact that their primop is looked up lexically
//! ([`Op::lexical_primop`]), `<x>` is a [`Expr::SearchPath`].
//!
//! Invariant: an [`ExprId`] is valid only in the [`Ast`] that made it. Spans are byte offsets into the source.

use crate::error::Warning;
use crate::symbol::Symbol;

/// The id of an expression in its [`Ast`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct ExprId(pub u32);

/// A half-open byte range of the source. `start == u32::MAX` means "no position".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A run of consecutive entries in one of the side tables of an [`Ast`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct Range32 {
    /// Index of the first entry.
    pub start: u32,
    /// Number of entries.
    pub len: u32,
}

/// One expression. The span of `ExprId(i)` is `ast.spans[i]`: the position that the reference reports for the node
/// (for an operator its operator token, for a call the function's start, for a select the set's start).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expr {
    /// An integer literal.
    Int(i64),
    /// A float literal.
    Float(f64),
    /// A string without interpolation: a run of `ast.bytes`.
    Str(Range32),
    /// A path literal without interpolation, already made absolute and canonical: a run of `ast.bytes`.
    /// (As in the reference, `..` stays as it is in a `~/…` literal.)
    Path(Range32),
    /// `<x>`: the text between the brackets, a run of `ast.bytes`. Means `__findFile __nixPath "x"`, looked up lexically.
    SearchPath(Range32),
    /// A URI literal: a string whose text is a run of `ast.bytes`.
    Uri(Range32),
    /// A variable.
    Var(Symbol),
    /// `__curPos`.
    CurPos,
    /// String interpolation: parts in `ast.parts`, to be joined as a string (at least one part is not a literal).
    Interpolated(Range32),
    /// Path with interpolation: parts in `ast.parts`; the first part is the absolute literal prefix, the result is a path.
    InterpolatedPath(Range32),
    /// `[ … ]`: element ids in `ast.ids`.
    List(Range32),
    /// `{ … }` or `rec { … }`: index into `ast.attrs`.
    Attrs(u32),
    /// `let … in body`: bindings as in a recursive set (index into `ast.attrs`), body.
    Let(u32, ExprId),
    /// `let { …; body = …; }` of old: index into `ast.attrs` (recursive; select `body`).
    LetBody(u32),
    /// A function: index into `ast.lambdas`.
    Lambda(u32),
    /// A call with all its curried arguments: function, arguments in `ast.ids`.
    Call(ExprId, Range32),
    /// `e.a.${b}.c`: the set, the path in `ast.path_elems`.
    Select(ExprId, Range32),
    /// `e.a.b or d`: index into `ast.selects_or`.
    SelectOr(u32),
    /// `e ? a.b`: the set, the path in `ast.path_elems`.
    HasAttr(ExprId, Range32),
    /// `if c then a else b`: three consecutive ids in `ast.ids` from this index.
    If(u32),
    /// `assert c; e`.
    Assert(ExprId, ExprId),
    /// `with e; body`.
    With(ExprId, ExprId),
    /// `!e`.
    Not(ExprId),
    /// `-e`: means `__sub 0 e` with `__sub` looked up lexically.
    Neg(ExprId),
    /// A binary operator.
    Binary(Op, ExprId, ExprId),
}

/// Binary operators. `a |> f` and `f <| a` are parsed to [`Expr::Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `+`
    Add,
    /// `-`, through `__sub`
    Sub,
    /// `*`, through `__mul`
    Mul,
    /// `/`, through `__div`
    Div,
    /// `++`
    Concat,
    /// `//`
    Update,
    /// `==`
    Eq,
    /// `!=`
    NotEq,
    /// `<`, through `__lessThan`
    Less,
    /// `<=`: `!(b < a)`
    LessEq,
    /// `>`: `b < a`
    Greater,
    /// `>=`: `!(a < b)`
    GreaterEq,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `->`
    Impl,
}

/// A part of an interpolation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// Literal text: a run of `ast.bytes`.
    Lit(Range32),
    /// `${e}` with the span of the whole `${…}`.
    Expr(ExprId, Span),
}

/// One element of an attribute path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PathElem {
    /// A name that is known at parse time.
    Static(Symbol, Span),
    /// `${e}` or `"a${e}"`.
    Dynamic(ExprId, Span),
}

/// A set literal or the bindings of a `let`.
#[derive(Clone, Debug, Default)]
pub struct AttrsLit {
    /// `rec { … }` (and every `let`).
    pub recursive: bool,
    /// Statically named attributes, in source order, each name once: a run of `ast.bindings`.
    pub bindings: Range32,
    /// Dynamically named attributes in source order: a run of `ast.dynamics`.
    pub dynamics: Range32,
    /// The sources of `inherit (e) …;`, each evaluated at most once: ids in `ast.ids`.
    pub inherit_from: Range32,
}

/// A statically named attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binding {
    /// Its name.
    pub name: Symbol,
    /// Where the attribute path begins that it was defined by (`a` and `b` of `a.b = …` both have that of `a`), or the
    /// name in an `inherit`.
    pub span: Span,
    /// What it is bound to.
    pub value: BindingValue,
    /// The doc comment before it: a span, or "no position".
    pub doc: Span,
}

/// What an attribute is bound to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BindingValue {
    /// `name = e;`
    Expr(ExprId),
    /// `inherit name;`: the variable of the scope around the set.
    Inherit,
    /// `inherit (e) name;`: `e` is the n-th of `inherit_from`.
    InheritFrom(u32),
}

/// A dynamically named attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DynamicBinding {
    /// Its name: evaluated to a string, or null (then the attribute is dropped).
    pub name: ExprId,
    /// Its value.
    pub value: ExprId,
    /// Where the name stands.
    pub span: Span,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lambda {
    /// `x` of `x: …` or of `x@{…}: …`.
    pub arg: Option<Symbol>,
    /// `{ … }` of the head, where there is one.
    pub formals: Option<Formals>,
    /// The body.
    pub body: ExprId,
    /// The name that it is bound to, where that is known at parse time: for messages and printing.
    pub name: Option<Symbol>,
    /// The doc comment before it: a span, or "no position".
    pub doc: Span,
}

/// The formal arguments of a function that takes a set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Formals {
    /// The formals, sorted by symbol: a run of `ast.formals`.
    pub formals: Range32,
    /// Whether `...` is there.
    pub ellipsis: bool,
}

/// One formal argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Formal {
    /// Its name.
    pub name: Symbol,
    /// Where it stands.
    pub span: Span,
    /// `? e`
    pub default: Option<ExprId>,
}

/// `e.path or default`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelectOr {
    /// The set.
    pub set: ExprId,
    /// The path: a run of `ast.path_elems`.
    pub path: Range32,
    /// The default.
    pub default: ExprId,
}

/// The syntax tree of one file: the root and the tables that its nodes point into.
#[derive(Clone, Debug, Default)]
pub struct Ast {
    /// The whole expression.
    pub root: Option<ExprId>,
    /// All expressions, children before parents.
    pub exprs: Vec<Expr>,
    /// The position of each expression.
    pub spans: Vec<Span>,
    /// Where the text of each expression begins, parentheses around it included: what the reference calls the location
    /// of an operand (of the sides of `+`, of the `e` of `inherit (e)`). For most nodes it is `spans[i].start`.
    pub starts: Vec<u32>,
    /// Text of literals after escapes are resolved.
    pub bytes: Vec<u8>,
    /// Lists of expression ids.
    pub ids: Vec<ExprId>,
    /// Parts of interpolations.
    pub parts: Vec<Part>,
    /// Elements of attribute paths.
    pub path_elems: Vec<PathElem>,
    /// Set literals.
    pub attrs: Vec<AttrsLit>,
    /// Statically named attributes.
    pub bindings: Vec<Binding>,
    /// Dynamically named attributes.
    pub dynamics: Vec<DynamicBinding>,
    /// Functions.
    pub lambdas: Vec<Lambda>,
    /// Formal arguments.
    pub formals: Vec<Formal>,
    /// Selects with a default.
    pub selects_or: Vec<SelectOr>,
    /// What was accepted and should be told to the user, in source order.
    pub warnings: Vec<Warning>,
}

impl Span {
    /// The span that stands for "no position".
    pub const NONE: Span = Span { start: u32::MAX, end: u32::MAX };
}

impl Op {
    /// Whether the reference has a call in its place (`<=` and `>=` are negated calls).
    pub fn is_call(self) -> bool {
        matches!(self, Op::Sub | Op::Mul | Op::Div | Op::Less | Op::Greater)
    }

    /// The name of the primop that the operator is looked up by in the scope around it, if it is.
    pub fn lexical_primop(self) -> Option<&'static str> {
        Some(match self {
            Op::Sub => "__sub",
            Op::Mul => "__mul",
            Op::Div => "__div",
            Op::Less | Op::LessEq | Op::Greater | Op::GreaterEq => "__lessThan",
            _ => return None,
        })
    }
}
