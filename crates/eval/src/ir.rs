//! The code that the evaluator runs: what the resolver makes of a syntax tree.
//!
//! Every name is resolved to a slot of the running frame, a capture of the running closure or thunk, a constant, or a
//! lookup through a list of `with` sets. Every expression is compiled once, either to a [`Node`] (to be evaluated now) or
//! to a [`Lazy`] (to be delayed). Code lives for ever; nodes are small and copied freely.
//!
//! A *unit* is the code of one function or thunk: it has a frame of its own and sees its captures. Curried functions
//! `a: b: e` are one unit with two parameters.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use firn_syntax::symbol::Symbol;

use crate::heap::{PrimId, Ref, Run, Shape, Value};
use crate::pos::Pos;

/// An expression to be evaluated now.
#[derive(Clone, Copy)]
pub enum Node {
    /// A value that is known.
    Const(Value),
    /// A slot of the frame.
    Local(u32, Pos),
    /// A capture.
    Capture(u32, Pos),
    /// A name that only `with` can give.
    With(Ref<WithVar>),
    /// A function.
    Lambda(Ref<LambdaCode>),
    /// `let … in body`.
    Let(Ref<LetNode>),
    /// A call.
    Call(Ref<CallNode>),
    /// A call of a primop that is known by name, with all its arguments.
    Prim(Ref<PrimNode>),
    /// `e.a.b`, with or without a default.
    Select(Ref<SelectNode>),
    /// `e ? a.b`
    HasAttr(Ref<HasAttrNode>),
    /// `{ … }`
    Attrs(Ref<AttrsNode>),
    /// `[ … ]`
    List(Run<Lazy>),
    /// `if c then a else b`
    If(Ref<IfNode>),
    /// `assert c; e`
    Assert(Ref<AssertNode>),
    /// `with e; body`
    WithScope(Ref<WithNode>),
    /// `!e`
    Not(Ref<(Node, Pos)>),
    /// An operator.
    Binary(BinOp, Ref<BinNode>),
    /// Interpolated string or path.
    Interp(Ref<InterpNode>),
    /// A value from outside the file, perhaps delayed.
    Outer(Value, Pos),
    /// `__curPos`
    CurPos(Pos),
}

/// Operators on two evaluated operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Concat,
    Update,
    Eq,
    NotEq,
    /// `a < b`
    Less,
    /// `!(b < a)`
    LessEq,
    /// `b < a`
    Greater,
    /// `!(a < b)`
    GreaterEq,
    And,
    Or,
    Impl,
}

/// The operands of an operator.
pub struct BinNode {
    /// Left.
    pub a: Node,
    /// Right.
    pub b: Node,
    /// Of the operator.
    pub pos: Pos,
    /// Of the left operand.
    pub a_pos: Pos,
    /// Of the right operand.
    pub b_pos: Pos,
}

/// An expression to be delayed.
#[derive(Clone, Copy)]
pub enum Lazy {
    /// A value that is known.
    Const(Value),
    /// A slot of the frame, as it is.
    Local(u32),
    /// A capture, as it is.
    Capture(u32),
    /// A function: made at once.
    Closure(Ref<LambdaCode>),
    /// Anything else.
    Thunk(Ref<ThunkCode>),
    /// A select whose result is taken at once if it is already there.
    Select(Ref<LazySelect>),
}

/// `a.b` in a delayed position.
pub struct LazySelect {
    /// The set.
    pub set: Src,
    /// The attribute.
    pub key: StaticKey,
    /// The thunk to make if the answer is not there yet.
    pub code: Ref<ThunkCode>,
}

/// Where a captured value is taken from: a slot or a capture of the code that captures it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Src(u32);

impl Src {
    const CAPTURE: u32 = 1 << 31;

    /// A slot of the frame.
    pub fn from_local(slot: u32) -> Src {
        Src(slot)
    }

    /// A capture.
    pub fn from_capture(i: u32) -> Src {
        Src(i | Self::CAPTURE)
    }

    /// The slot, if it is one.
    #[inline(always)]
    pub fn local(self) -> Option<u32> {
        if self.0 & Self::CAPTURE == 0 { Some(self.0) } else { None }
    }

    /// The number of the capture, if it is one.
    #[inline(always)]
    pub fn capture(self) -> u32 {
        self.0 & !Self::CAPTURE
    }
}

/// The code of a thunk.
#[repr(align(32))]
pub struct ThunkCode {
    /// What to evaluate.
    pub body: Node,
    /// What it captures.
    pub caps: Run<Src>,
    /// Slots of its frame.
    pub frame: u32,
    /// Where the expression stands.
    pub pos: Pos,
}

/// The code of a function.
pub struct LambdaCode {
    /// What to evaluate.
    pub body: Node,
    /// What it captures.
    pub caps: Run<Src>,
    /// Parameters: slots 0… of the frame; the last one is the set if there are formals.
    pub arity: u32,
    /// Slots of its frame.
    pub frame: u32,
    /// Formals of the last parameter.
    pub formals: Option<Ref<FormalsCode>>,
    /// Parameters that are evaluated first of all, in this order.
    pub strict: Run<u8>,
    /// The same as a set of bits.
    pub strict_set: u32,
    /// Where each of the merged functions stands.
    pub positions: Run<Pos>,
    /// The name it was bound to.
    pub name: Option<Symbol>,
    /// The name of each parameter, where it has one.
    pub params: Run<Option<Symbol>>,
    /// The doc comment: a span in the source of the first position.
    pub doc: firn_syntax::ast::Span,
}

impl LambdaCode {
    /// Where the innermost of the merged functions stands.
    pub fn pos(&self) -> Pos {
        self.positions.last().copied().unwrap_or_default()
    }
}

/// `{ a, b ? d, ... }`
pub struct FormalsCode {
    /// Sorted by symbol; the i-th is bound to slot `first_slot + i`.
    pub formals: Run<FormalCode>,
    /// Slot of the first formal.
    pub first_slot: u32,
    /// Whether `...` is there.
    pub ellipsis: bool,
    /// Inline cache: shape of the last argument that was matched, and what came of it.
    pub cache: AtomicU64,
}

/// One formal.
pub struct FormalCode {
    /// Its name.
    pub name: Symbol,
    /// Where it stands.
    pub pos: Pos,
    /// What it is without an argument.
    pub default: Option<Lazy>,
}

/// A name that only `with` can give.
pub struct WithVar {
    /// The name.
    pub name: Symbol,
    /// Where it stands.
    pub pos: Pos,
    /// The sets, innermost first, where each `with` stands, and an inline cache.
    pub sets: Run<(Src, Pos, AtomicU64)>,
}

/// Bindings that may refer to each other.
pub struct Group {
    /// Bindings that are there at once: constants and what is bound outside.
    pub simple: Run<(u32, Lazy)>,
    /// Thunks and closures: all are made first, then their captures are filled in.
    pub allocs: Run<(u32, Lazy)>,
    /// Other names of bindings of this group: to slot, from slot.
    pub aliases: Run<(u32, u32)>,
}

/// `let … in body`
pub struct LetNode {
    /// The bindings.
    pub group: Group,
    /// The body.
    pub body: Node,
}

/// A call.
pub struct CallNode {
    /// The function.
    pub f: Node,
    /// The arguments.
    pub args: Run<Lazy>,
    /// Which of the first 32 arguments are code that a strict function may run at once.
    pub code: u32,
    /// Where it stands.
    pub pos: Pos,
}

/// An argument of a primop that is known by name.
#[derive(Clone, Copy)]
pub enum PrimArg {
    /// The primop evaluates it first of all.
    Now(Node),
    /// The primop may not evaluate it.
    Later(Lazy),
}

/// A call of a known primop.
pub struct PrimNode {
    /// Which.
    pub id: PrimId,
    /// As many as it takes.
    pub args: Run<PrimArg>,
    /// Where the call stands.
    pub pos: Pos,
}

/// A static attribute name with an inline cache.
pub struct StaticKey {
    /// The name.
    pub name: Symbol,
    /// Address of a shape and the index of the name in it.
    pub cache: AtomicU64,
}

/// An attribute name in a path.
pub enum Key {
    /// Known.
    Static(StaticKey),
    /// Computed.
    Dynamic(Ref<DynamicKey>),
}

/// An attribute name in a path that is computed.
pub struct DynamicKey {
    /// What gives it.
    pub name: Node,
    /// Where that stands.
    pub pos: Pos,
    /// Its text, for messages.
    pub text: &'static str,
}

/// `e.a.b or d`
pub struct SelectNode {
    /// The set.
    pub set: Node,
    /// Where the set stands.
    pub set_pos: Pos,
    /// The path.
    pub keys: Run<Key>,
    /// The default.
    pub default: Option<Node>,
    /// Where it stands.
    pub pos: Pos,
}

/// `e ? a.b`
pub struct HasAttrNode {
    /// The set.
    pub set: Node,
    /// Where the set stands.
    pub set_pos: Pos,
    /// The path.
    pub keys: Run<Key>,
    /// Where it stands.
    pub pos: Pos,
}

/// `{ … }`
pub struct AttrsNode {
    /// The static names.
    pub shape: Shape,
    /// Their values in the order of the shape: delayed, or for a recursive set its slots.
    pub values: Run<Lazy>,
    /// Bindings to be made before: those of a recursive set, the sources of `inherit (e)`.
    pub group: Option<Ref<Group>>,
    /// Attributes with computed names.
    pub dynamics: Run<DynamicNode>,
    /// The index of `__overrides` in a recursive set, and for each name whether it may be overridden.
    pub overrides: Option<usize>,
    /// Where it stands.
    pub pos: Pos,
}

/// An attribute with a computed name.
pub struct DynamicNode {
    /// The name: a string, or null.
    pub name: Node,
    /// The value.
    pub value: Lazy,
    /// Where the name stands.
    pub pos: Pos,
}

/// `if c then a else b`
pub struct IfNode {
    /// The condition.
    pub cond: Node,
    /// Where it stands.
    pub cond_pos: Pos,
    /// If it holds.
    pub then: Node,
    /// If it does not.
    pub other: Node,
}

/// `assert c; e`
pub struct AssertNode {
    /// The condition.
    pub cond: Node,
    /// Where it stands.
    pub cond_pos: Pos,
    /// The condition as text, for messages.
    pub text: &'static str,
    /// What follows.
    pub body: Node,
    /// Where the assertion stands.
    pub pos: Pos,
}

/// `with e; body`
pub struct WithNode {
    /// Slot of the set.
    pub slot: u32,
    /// The set.
    pub set: Lazy,
    /// The body.
    pub body: Node,
}

/// Interpolated string or path.
pub struct InterpNode {
    /// The parts, evaluated in order.
    pub parts: Run<(Node, Pos)>,
    /// The result is a path; its tree is that of the first part.
    pub path: bool,
    /// Where it stands.
    pub pos: Pos,
}

impl StaticKey {
    /// A key with an empty cache.
    pub fn new(name: Symbol) -> StaticKey {
        StaticKey { name, cache: AtomicU64::new(0) }
    }
}

/// An inline cache over a shape: `Some(Some(i))` the index, `Some(None)` known to be absent, `None` not known.
#[inline(always)]
pub fn cached(cache: &AtomicU64, shape: Shape) -> Option<Option<usize>> {
    let w = cache.load(Relaxed);
    if w >> 32 == shape.id() {
        let i = w as u32;
        Some(if i == u32::MAX { None } else { Some(i as usize) })
    } else {
        None
    }
}

/// Remembers where a name is in a shape.
#[inline]
pub fn remember(cache: &AtomicU64, shape: Shape, index: Option<usize>) {
    let i = index.map_or(u32::MAX, |i| i as u32);
    cache.store(shape.id() << 32 | u64::from(i), Relaxed);
}
