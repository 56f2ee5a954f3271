//! Builtin functions and the registry that they are put in.
//!
//! # Writing a family of builtins
//!
//! A family is one file with a table and plain functions:
//!
//! ```ignore
//! use crate::builtins::{PrimOp, prim};
//! use crate::error::{ErrorKind, Res};
//! use crate::{Ctx, heap::Value, msg, pos::Pos};
//!
//! pub(super) const TABLE: &[PrimOp] = &[
//!     prim("stringLength", 1, string_length).args(&["s"]).eager(0b1).doc("The number of bytes of `s`."),
//!     prim("toString", 1, to_string).global(),
//! ];
//!
//! fn string_length(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
//!     let s = ctx.coerce(args[0], Coerce::PLAIN, pos, "while evaluating the argument passed to builtins.stringLength")?;
//!     Ok(ctx.int(s.as_bytes().len() as i64))
//! }
//! ```
//!
//! - A function gets exactly as many arguments as its arity; they may be thunks. It returns an evaluated value.
//! - `pos` is where the call stands. [`crate::error::Fail`] says that an error was raised in the context.
//! - Evaluate arguments by `ctx.force(v, pos)`, or with a check of the type: `force_int`, `force_float`, `force_bool`,
//!   `force_str` (string without regard to its context), `force_str_no_ctx`, `force_attrs`, `force_list`, `force_function`,
//!   all as `(value, pos, "while evaluating …")`: the text is the frame that the trace of an error gets, in the reference's
//!   words. They raise the reference's `expected a list but found an integer: 1`.
//! - Take values apart with [`Value::view`] or `as_int`, `as_str` …: strings are [`crate::heap::Str`] (`as_bytes`, `context`),
//!   lists [`crate::heap::List`] (`len`, `get`, `iter`), sets [`crate::heap::Attrs`] (`get(sym)`, `len`); to list a set take
//!   `ctx.flat(attrs)` (`iter` in symbol order, `ctx.lexical_order(flat)` for the order of the names' texts).
//! - Make values with `ctx.str`, `ctx.str_ctx`, `ctx.int`, `ctx.float`, `ctx.list(&[…])`, `ctx.attrs(&[("name", v)])`,
//!   [`crate::AttrsBuilder`], `ctx.heap.string_with`, `ctx.heap.new_list(n)` + `List::set`, `ctx.heap.app(f, &[x])` (a delayed call).
//! - Coerce with `ctx.coerce(v, Coerce::…, pos, why)`: a string whose context holds all that was referred to. Join contexts
//!   with `ctx.contexts.union(a, b)`.
//! - Call functions with `ctx.call(f, &[args], pos)`; the result is evaluated.
//! - Raise errors with `ctx.error(ErrorKind::Eval, msg!("bad thing '{}'", x), pos)`, add a frame to the trace of a failure with
//!   `.map_err(|_| ctx.trace(pos, "while …"))`.
//! - `eager(mask)`: bit i is set if the function always evaluates argument i, before anything that can be observed
//!   (other than evaluating lower eager arguments). The evaluator may then pass it evaluated (or as a failed thunk).
//! - Data that nests without bound is walked with `ctx.deeper(pos, |ctx| …)`, which ends in the reference's stack overflow error.
//!
//! Families of other crates (fetchers, flakes) are registered the same way with [`Registry::add`]; their state lives in
//! `ctx.extension::<T>()`.

use crate::Ctx;
use crate::error::Res;
use crate::heap::{PrimId, Value};
use crate::pos::Pos;

pub(crate) mod arith;
pub(crate) mod attrs;
pub(crate) mod context;
pub(crate) mod control;
pub mod derivation;
pub(crate) mod import;
pub(crate) mod install;
pub mod json;
pub(crate) mod lists;
mod native;
pub(crate) mod paths;
pub(crate) mod strings;
pub(crate) mod text;
pub(crate) mod toml;
pub(crate) mod types;
pub mod xml;

pub(crate) use install::install;

/// What a builtin does. See the module for the rules.
pub type PrimFn = fn(&mut Ctx, &[Value], Pos) -> Res;

/// A builtin function.
#[derive(Clone, Copy)]
pub struct PrimOp {
    /// Its name in `builtins`.
    pub name: &'static str,
    /// How many arguments it takes (1 to 8).
    pub arity: u8,
    /// What it does.
    pub func: PrimFn,
    /// Bit i: argument i is always evaluated first of all.
    pub eager: u8,
    /// Whether it is visible without a prefix outside `builtins`; others are visible as `__name`.
    pub global: bool,
    /// Not in `builtins`, and only found by programs.
    pub internal: bool,
    /// Whether errors get a frame "while calling the 'x' builtin".
    pub traced: bool,
    /// The experimental feature that it needs.
    pub feature: Option<&'static str>,
    /// Names of the arguments, for documentation.
    pub args: &'static [&'static str],
    /// Documentation (Markdown).
    pub doc: &'static str,
}

/// A builtin with the usual properties: see the methods of [`PrimOp`] for others.
pub const fn prim(name: &'static str, arity: u8, func: PrimFn) -> PrimOp {
    PrimOp {
        name,
        arity,
        func,
        eager: 0,
        global: false,
        internal: false,
        traced: true,
        feature: None,
        args: &[],
        doc: "",
    }
}

impl PrimOp {
    /// Sets which arguments are always evaluated first of all.
    pub const fn eager(mut self, mask: u8) -> PrimOp {
        self.eager = mask;
        self
    }

    /// Makes it visible without `builtins.`.
    pub const fn global(mut self) -> PrimOp {
        self.global = true;
        self
    }

    /// Keeps it out of `builtins`.
    pub const fn internal(mut self) -> PrimOp {
        self.internal = true;
        self
    }

    /// Errors get no frame for the call.
    pub const fn untraced(mut self) -> PrimOp {
        self.traced = false;
        self
    }

    /// Makes it depend on an experimental feature.
    pub const fn feature(mut self, name: &'static str) -> PrimOp {
        self.feature = Some(name);
        self
    }

    /// Names its arguments.
    pub const fn args(mut self, names: &'static [&'static str]) -> PrimOp {
        self.args = names;
        self
    }

    /// Documents it.
    pub const fn doc(mut self, text: &'static str) -> PrimOp {
        self.doc = text;
        self
    }
}

/// The builtins of an evaluation.
#[derive(Clone, Default)]
pub struct Registry {
    pub(crate) prims: Vec<PrimOp>,
}

impl Registry {
    /// The builtins of this crate.
    pub fn standard() -> Registry {
        let mut r = Registry::default();
        for table in [
            types::TABLE,
            control::TABLE,
            arith::TABLE,
            lists::TABLE,
            attrs::TABLE,
            import::TABLE,
            paths::TABLE,
            context::TABLE,
            derivation::TABLE,
            strings::TABLE,
            text::TABLE,
            json::TABLE,
            toml::TABLE,
            xml::TABLE,
        ] {
            r.add(table);
        }
        r
    }

    /// Adds a family; a builtin of the same name is replaced.
    pub fn add(&mut self, table: &[PrimOp]) {
        for p in table {
            match self.prims.iter_mut().find(|q| q.name == p.name) {
                Some(q) => *q = *p,
                None => self.prims.push(*p),
            }
        }
    }
}

impl Ctx {
    /// The primop of a name.
    pub fn prim_id(&self, name: &str) -> Option<PrimId> {
        self.prims.iter().position(|p| p.name == name).map(|i| PrimId(i as u32))
    }
}
