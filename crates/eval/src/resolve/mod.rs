//! From syntax tree to code: names become slots, captures, constants or `with` lookups.
//!
//! One pass over the tree. A *unit* is open while the code of one function or thunk is made; what it takes from outside is
//! collected in its captures, which are turned into slots or captures of the unit around it when it is closed.

mod attrs;
mod calls;
mod scope;
mod strict;

use firn_syntax::Symbol;
use firn_syntax::ast::{Ast, Expr, ExprId, Op, Part, PathElem, Range32, Span};
use rustc_hash::FxHashMap;

use crate::Ctx;
use crate::error::{ErrorKind, EvalError};
use crate::heap::{Ref, Run, Value};
use crate::ir::{
    AssertNode, BinNode, BinOp, DynamicKey, HasAttrNode, IfNode, InterpNode, Key, Lazy, Node, SelectNode,
    StaticKey, ThunkCode, WithNode, WithVar,
};
use crate::msg;
use crate::pos::{Pos, Source};

use scope::{Binder, Scopes};

/// What the resolver gives back where a name is not defined.
pub(crate) type Resolved<T> = Result<T, Box<EvalError>>;

/// Names that are visible in a file beside the builtins, with their (perhaps delayed) values.
pub(crate) type StaticScope = FxHashMap<Symbol, Value>;

pub(crate) struct Resolver<'a> {
    ctx: &'a mut Ctx,
    ast: &'a Ast,
    source: Source,
    root: u32,
    scopes: Scopes,
    outer: Option<&'a StaticScope>,
}

/// Makes the code of a file. `root` is the tree that its path literals are in.
pub(crate) fn resolve(
    ctx: &mut Ctx,
    ast: &Ast,
    source: Source,
    root: u32,
    outer: Option<&StaticScope>,
) -> Resolved<Ref<ThunkCode>> {
    let mut r = Resolver { ctx, ast, source, root, scopes: Scopes::default(), outer };
    let Some(expr) = ast.root else {
        return Ok(r.alloc(ThunkCode {
            body: Node::Const(Value::NULL),
            caps: Run::EMPTY,
            frame: 0,
            pos: Pos::NONE,
        }));
    };
    let code = r.thunk_code(expr)?;
    Ok(code)
}

impl Resolver<'_> {
    fn pos(&self, span: Span) -> Pos {
        self.source.pos(span.start)
    }

    fn pos_of(&self, e: ExprId) -> Pos {
        self.pos(self.ast.spans[e.0 as usize])
    }

    fn expr(&self, e: ExprId) -> Expr {
        self.ast.exprs[e.0 as usize]
    }

    fn text(&self, r: Range32) -> &[u8] {
        &self.ast.bytes[r.start as usize..(r.start + r.len) as usize]
    }

    fn ids(&self, r: Range32) -> &[ExprId] {
        &self.ast.ids[r.start as usize..(r.start + r.len) as usize]
    }

    fn alloc<T: Send + Sync + 'static>(&mut self, t: T) -> Ref<T> {
        self.ctx.heap.code(t)
    }

    fn slice<T: Send + Sync + 'static>(&mut self, items: Vec<T>) -> Run<T> {
        self.ctx.heap.run(items)
    }

    fn shown(&mut self, e: ExprId) -> &'static str {
        let text = firn_syntax::show::show_expr(self.ast, self.ctx.symbols, e);
        let text = String::from_utf8_lossy(&text).into_owned().into_bytes();
        std::str::from_utf8(self.slice(text).slice()).unwrap_or_default()
    }

    /// The value of an expression that is known without evaluating anything.
    fn constant(&mut self, e: ExprId) -> Option<Value> {
        Some(match self.expr(e) {
            Expr::Int(i) => self.ctx.heap.int(i),
            Expr::Float(f) => self.ctx.heap.float(f),
            Expr::Str(r) | Expr::Uri(r) => {
                let range = r.start as usize..(r.start + r.len) as usize;
                self.ctx.heap.string(&self.ast.bytes[range])
            }
            Expr::Path(r) => {
                let range = r.start as usize..(r.start + r.len) as usize;
                self.ctx.heap.path(self.root, &self.ast.bytes[range])
            }
            Expr::List(r) if r.len == 0 => self.ctx.heap.empty_list(),
            Expr::Attrs(i) => {
                let a = &self.ast.attrs[i as usize];
                if a.bindings.len == 0 && a.dynamics.len == 0 && a.inherit_from.len == 0 {
                    crate::heap::Attrs::empty().value()
                } else {
                    return None;
                }
            }
            _ => return None,
        })
    }

    /// Code for an expression that is evaluated now.
    fn node(&mut self, e: ExprId) -> Resolved<Node> {
        if let Some(v) = self.constant(e) {
            return Ok(Node::Const(v));
        }
        let pos = self.pos_of(e);
        Ok(match self.expr(e) {
            Expr::Var(name) => self.variable(name, pos)?,
            Expr::SearchPath(r) => self.search_path(r, pos)?,
            Expr::CurPos => Node::CurPos(pos),
            Expr::Interpolated(r) => self.interpolation(r, false, pos)?,
            Expr::InterpolatedPath(r) => self.interpolation(r, true, pos)?,
            Expr::List(r) => {
                let mut elems = Vec::with_capacity(r.len as usize);
                for i in 0..r.len {
                    elems.push(self.lazy(self.ast.ids[(r.start + i) as usize])?);
                }
                Node::List(self.slice(elems))
            }
            Expr::Attrs(i) => self.attrs_node(i, pos)?,
            Expr::Let(i, body) => self.let_node(i, body)?,
            Expr::LetBody(i) => {
                let set = self.attrs_node(i, pos)?;
                let key = Key::Static(StaticKey::new(firn_syntax::symbol::well_known::BODY));
                let keys = self.slice(vec![key]);
                Node::Select(self.alloc(SelectNode { set, set_pos: pos, keys, default: None, pos }))
            }
            Expr::Lambda(i) => Node::Lambda(self.lambda_code(i, pos)?),
            Expr::Call(f, args) => self.call(f, args, pos)?,
            Expr::Select(set, path) => self.select(set, path, None, pos)?,
            Expr::SelectOr(i) => {
                let s = self.ast.selects_or[i as usize];
                self.select(s.set, s.path, Some(s.default), pos)?
            }
            Expr::HasAttr(set, path) => {
                let set_pos = self.pos_of(set);
                let set = self.node(set)?;
                let keys = self.keys(path)?;
                Node::HasAttr(self.alloc(HasAttrNode { set, set_pos, keys, pos }))
            }
            Expr::If(i) => {
                let [c, t, o] = [0, 1, 2].map(|k| self.ast.ids[i as usize + k]);
                let node = IfNode {
                    cond: self.node(c)?,
                    cond_pos: self.pos_of(c),
                    then: self.node(t)?,
                    other: self.node(o)?,
                };
                Node::If(self.alloc(node))
            }
            Expr::Assert(c, body) => {
                let text = self.shown(c);
                let node = AssertNode {
                    cond: self.node(c)?,
                    cond_pos: self.pos_of(c),
                    text,
                    body: self.node(body)?,
                    pos,
                };
                Node::Assert(self.alloc(node))
            }
            Expr::With(set, body) => {
                let set = self.lazy(set)?;
                let slot = self.scopes.new_slot();
                let var = self.scopes.new_var(slot);
                self.scopes.withs.push((var, pos));
                let body = self.node(body)?;
                self.scopes.withs.pop();
                Node::WithScope(self.alloc(WithNode { slot, set, body }))
            }
            Expr::Not(x) => {
                let n = (self.node(x)?, self.pos_of(x));
                Node::Not(self.alloc(n))
            }
            Expr::Neg(x) => self.negation(x, pos)?,
            Expr::Binary(op, a, b) => self.binary(op, a, b, pos)?,
            Expr::Int(_) | Expr::Float(_) | Expr::Str(_) | Expr::Uri(_) | Expr::Path(_) => {
                Node::Const(self.constant(e).expect("literals are constants"))
            }
        })
    }

    /// Code for an expression that is delayed.
    fn lazy(&mut self, e: ExprId) -> Resolved<Lazy> {
        if let Some(v) = self.constant(e) {
            return Ok(Lazy::Const(v));
        }
        match self.expr(e) {
            Expr::Var(name) => {
                let pos = self.pos_of(e);
                match self.scopes.lookup(name) {
                    Some(var) => Ok(match self.scopes.source(var) {
                        s if s.local().is_some() => Lazy::Local(s.capture()),
                        s => Lazy::Capture(s.capture()),
                    }),
                    None => match self.outside(name) {
                        Some(v) => Ok(Lazy::Const(v)),
                        None => {
                            // Only to report a name that nothing defines.
                            if self.scopes.withs.is_empty() {
                                return Err(self.undefined(name, pos));
                            }
                            Ok(Lazy::Thunk(self.thunk_code(e)?))
                        }
                    },
                }
            }
            Expr::Lambda(i) => Ok(Lazy::Closure(self.lambda_code(i, self.pos_of(e))?)),
            _ => Ok(Lazy::Thunk(self.thunk_code(e)?)),
        }
    }

    /// Code of a thunk for an expression, as a unit of its own.
    fn thunk_code(&mut self, e: ExprId) -> Resolved<Ref<ThunkCode>> {
        self.scopes.open();
        let body = self.node(e)?;
        let (caps, frame) = self.scopes.close();
        let caps = self.slice(caps);
        Ok(self.alloc(ThunkCode { body, caps, frame, pos: self.pos_of(e) }))
    }

    fn undefined(&self, name: Symbol, pos: Pos) -> Box<EvalError> {
        Box::new(EvalError {
            kind: ErrorKind::UndefinedVariable,
            message: msg!("undefined variable '{}'", self.ctx.name_text(name)),
            pos,
            traces: Vec::new(),
            suggestions: Vec::new(),
            cycle: None,
        })
    }

    /// A name that is defined outside the file.
    fn outside(&self, name: Symbol) -> Option<Value> {
        self.outer.and_then(|o| o.get(&name)).or_else(|| self.ctx.globals.get(&name)).copied()
    }

    fn variable(&mut self, name: Symbol, pos: Pos) -> Resolved<Node> {
        if let Some(var) = self.scopes.lookup(name) {
            return Ok(self.var_node(var, pos));
        }
        if let Some(v) = self.outside(name) {
            return Ok(if v.is_thunk() { Node::Outer(v, pos) } else { Node::Const(v) });
        }
        if self.scopes.withs.is_empty() {
            return Err(self.undefined(name, pos));
        }
        let withs: Vec<(Binder, Pos)> = self.scopes.withs.iter().rev().copied().collect();
        let sets: Vec<_> =
            withs.into_iter().map(|(var, at)| (self.scopes.source(var), at, Default::default())).collect();
        let sets = self.slice(sets);
        Ok(Node::With(self.alloc(WithVar { name, pos, sets })))
    }

    fn var_node(&mut self, var: Binder, pos: Pos) -> Node {
        let s = self.scopes.source(var);
        match s.local() {
            Some(slot) => Node::Local(slot, pos),
            None => Node::Capture(s.capture(), pos),
        }
    }

    /// Whether a name means the builtin of that name.
    fn is_builtin(&self, name: Symbol) -> bool {
        self.scopes.lookup(name).is_none()
            && self.outer.is_none_or(|o| !o.contains_key(&name))
            && self.ctx.globals.contains_key(&name)
    }

    fn interpolation(&mut self, r: Range32, path: bool, pos: Pos) -> Resolved<Node> {
        let mut parts = Vec::with_capacity(r.len as usize);
        for i in 0..r.len {
            parts.push(match self.ast.parts[(r.start + i) as usize] {
                Part::Lit(text) => {
                    let bytes = self.text(text).to_vec();
                    let v = if path && i == 0 {
                        self.ctx.heap.path(self.root, &bytes)
                    } else {
                        self.ctx.heap.string(&bytes)
                    };
                    (Node::Const(v), pos)
                }
                Part::Expr(e, span) => (self.node(e)?, self.pos(span)),
            });
        }
        let parts = self.slice(parts);
        Ok(Node::Interp(self.alloc(InterpNode { parts, path, pos })))
    }

    fn keys(&mut self, path: Range32) -> Resolved<Run<Key>> {
        let mut keys = Vec::with_capacity(path.len as usize);
        for i in 0..path.len {
            keys.push(match self.ast.path_elems[(path.start + i) as usize] {
                PathElem::Static(name, _) => Key::Static(StaticKey::new(name)),
                PathElem::Dynamic(e, _) => match self.expr(e) {
                    Expr::Str(r) => {
                        let name = self.ctx.symbols.intern(self.text(r));
                        Key::Static(StaticKey::new(name))
                    }
                    _ => {
                        let text = self.shown(e);
                        let key = DynamicKey { name: self.node(e)?, pos: self.pos_of(e), text };
                        Key::Dynamic(self.alloc(key))
                    }
                },
            });
        }
        Ok(self.slice(keys))
    }

    fn select(&mut self, set: ExprId, path: Range32, default: Option<ExprId>, pos: Pos) -> Resolved<Node> {
        if let Some(v) = self.builtin_select(set, path) {
            return Ok(Node::Const(v));
        }
        let set_pos = self.pos_of(set);
        let set = self.node(set)?;
        let keys = self.keys(path)?;
        let default = default.map(|d| self.node(d)).transpose()?;
        Ok(Node::Select(self.alloc(SelectNode { set, set_pos, keys, default, pos })))
    }

    /// `builtins.x`, where that is known and evaluated.
    fn builtin_select(&self, set: ExprId, path: Range32) -> Option<Value> {
        let Expr::Var(name) = self.expr(set) else { return None };
        if name != firn_syntax::symbol::well_known::BUILTINS || path.len != 1 || !self.is_builtin(name) {
            return None;
        }
        let PathElem::Static(name, _) = self.ast.path_elems[path.start as usize] else { return None };
        self.ctx.builtins.get(name).filter(|v| !v.is_thunk())
    }

    fn binary(&mut self, op: Op, a: ExprId, b: ExprId, pos: Pos) -> Resolved<Node> {
        if let Some(name) = op.lexical_primop() {
            let sym = self.ctx.sym(name);
            if !self.is_builtin(sym) {
                return self.shadowed_operator(op, sym, a, b, pos);
            }
        }
        let op = match op {
            Op::Add => BinOp::Add,
            Op::Sub => BinOp::Sub,
            Op::Mul => BinOp::Mul,
            Op::Div => BinOp::Div,
            Op::Concat => BinOp::Concat,
            Op::Update => BinOp::Update,
            Op::Eq => BinOp::Eq,
            Op::NotEq => BinOp::NotEq,
            Op::Less => BinOp::Less,
            Op::LessEq => BinOp::LessEq,
            Op::Greater => BinOp::Greater,
            Op::GreaterEq => BinOp::GreaterEq,
            Op::And => BinOp::And,
            Op::Or => BinOp::Or,
            Op::Impl => BinOp::Impl,
        };
        // The sides of `+` stand where their brackets do.
        let place = |side: ExprId| match op {
            BinOp::Add => self.source.pos(self.ast.starts[side.0 as usize]),
            _ => self.pos_of(side),
        };
        let (a_pos, b_pos) = (place(a), place(b));
        let node = BinNode { a: self.node(a)?, b: self.node(b)?, pos, a_pos, b_pos };
        Ok(Node::Binary(op, self.alloc(node)))
    }
}
