//! Functions, calls and operators that are calls.

use firn_syntax::Symbol;
use firn_syntax::ast::{Expr, ExprId, Op, Range32};
use firn_syntax::symbol::well_known as wk;

use super::{Resolved, Resolver};
use crate::heap::{Ref, Value};
use crate::ir::{
    BinNode, BinOp, CallNode, FormalCode, FormalsCode, LambdaCode, Lazy, Node, PrimArg, PrimNode,
};
use crate::pos::Pos;

/// The most curried functions that are merged into one.
const MAX_ARITY: usize = 32;

impl Resolver<'_> {
    pub(super) fn lambda_code(&mut self, i: u32, pos: Pos) -> Resolved<Ref<LambdaCode>> {
        let mut chain = vec![(self.ast.lambdas[i as usize], pos)];
        loop {
            let (last, _) = chain[chain.len() - 1];
            match self.expr(last.body) {
                Expr::Lambda(j) if last.formals.is_none() && chain.len() < MAX_ARITY => {
                    chain.push((self.ast.lambdas[j as usize], self.pos_of(last.body)));
                }
                _ => break,
            }
        }
        let (last, _) = chain[chain.len() - 1];
        let arity = chain.len() as u32;
        let mark = self.scopes.mark();
        self.scopes.open();
        let first = self.scopes.new_slot_run(chain.len());
        for (k, (lambda, _)) in chain.iter().enumerate() {
            let var = self.scopes.new_var(first + k as u32);
            if let Some(name) = lambda.arg {
                self.scopes.bind(name, var);
            }
        }
        let formals = match last.formals {
            Some(f) => Some(self.formals(f)?),
            None => None,
        };
        let body = self.node(last.body)?;
        self.scopes.leave(mark);
        let (caps, frame) = self.scopes.close();
        let mut strict = Vec::new();
        // With formals the set is evaluated before all others.
        if last.formals.is_none() {
            super::strict::first_evaluated(&body, arity, &mut strict);
        } else {
            strict.push(arity as u8 - 1);
        }
        let code = LambdaCode {
            body,
            caps: self.slice(caps),
            arity,
            frame,
            formals,
            strict_set: strict.iter().fold(0, |set, i| set | 1 << i),
            strict: self.slice(strict),
            positions: self.slice(chain.iter().map(|c| c.1).collect()),
            name: last.name.or(chain[0].0.name),
            params: self.slice(chain.iter().map(|c| c.0.arg).collect()),
            doc: chain[0].0.doc,
        };
        Ok(self.alloc(code))
    }

    fn formals(&mut self, f: firn_syntax::ast::Formals) -> Resolved<Ref<FormalsCode>> {
        let all = &self.ast.formals[f.formals.start as usize..(f.formals.start + f.formals.len) as usize];
        let first_slot = self.scopes.new_slot_run(all.len());
        for (k, formal) in all.iter().enumerate() {
            let var = self.scopes.new_var(first_slot + k as u32);
            self.scopes.bind(formal.name, var);
        }
        let mut formals = Vec::with_capacity(all.len());
        for (k, formal) in all.iter().enumerate() {
            let default = match formal.default {
                None => None,
                Some(e) => Some(match self.lazy(e)? {
                    // A later formal may itself be a default that is not made yet.
                    Lazy::Local(slot) if slot >= first_slot + k as u32 => Lazy::Thunk(self.thunk_code(e)?),
                    lazy => lazy,
                }),
            };
            formals.push(FormalCode { name: formal.name, pos: self.pos(formal.span), default });
        }
        let code = FormalsCode {
            formals: self.slice(formals),
            first_slot,
            ellipsis: f.ellipsis,
            cache: Default::default(),
        };
        Ok(self.alloc(code))
    }

    pub(super) fn call(&mut self, f: ExprId, args: Range32, pos: Pos) -> Resolved<Node> {
        let args: Vec<ExprId> = self.ids(args).to_vec();
        let f = self.node(f)?;
        if let Node::Const(v) = f {
            if let Some(id) = v.as_prim() {
                let prim = *self.ctx.prim(id);
                let arity = prim.arity as usize;
                if args.len() >= arity {
                    let mut now = Vec::with_capacity(arity);
                    for (k, a) in args[..arity].iter().enumerate() {
                        now.push(if prim.eager & 1 << k != 0 {
                            PrimArg::Now(match self.node(*a)? {
                                // A primop knows nothing of where its arguments stand.
                                Node::Local(slot, _) => Node::Local(slot, Pos::NONE),
                                Node::Capture(index, _) => Node::Capture(index, Pos::NONE),
                                node => node,
                            })
                        } else {
                            PrimArg::Later(self.lazy(*a)?)
                        });
                    }
                    let now = self.slice(now);
                    let node = Node::Prim(self.alloc(PrimNode { id, args: now, pos }));
                    return if args.len() == arity {
                        Ok(node)
                    } else {
                        self.call_node(node, &args[arity..], pos)
                    };
                }
            }
        }
        self.call_node(f, &args, pos)
    }

    fn call_node(&mut self, f: Node, args: &[ExprId], pos: Pos) -> Resolved<Node> {
        let mut lazies = Vec::with_capacity(args.len());
        for a in args {
            lazies.push(self.lazy(*a)?);
        }
        Ok(self.call_of(f, lazies, pos))
    }

    fn call_of(&mut self, f: Node, args: Vec<Lazy>, pos: Pos) -> Node {
        let is_code = |a: &Lazy| matches!(a, Lazy::Thunk(_) | Lazy::Select(_));
        let code = args.iter().take(32).enumerate().fold(0, |set, (i, a)| set | u32::from(is_code(a)) << i);
        let args = self.slice(args);
        Node::Call(self.alloc(CallNode { f, args, code, pos }))
    }

    /// `-e`
    pub(super) fn negation(&mut self, x: ExprId, pos: Pos) -> Resolved<Node> {
        let zero = Value::small_int(0).expect("zero is small");
        if self.is_builtin(wk::SUB) {
            let b_pos = self.pos_of(x);
            let node = BinNode { a: Node::Const(zero), b: self.node(x)?, pos, a_pos: pos, b_pos };
            return Ok(Node::Binary(BinOp::Sub, self.alloc(node)));
        }
        let f = self.variable(wk::SUB, pos)?;
        let args = vec![Lazy::Const(zero), self.lazy(x)?];
        Ok(self.call_of(f, args, pos))
    }

    /// An operator whose primop is shadowed by a binding.
    pub(super) fn shadowed_operator(
        &mut self,
        op: Op,
        name: Symbol,
        a: ExprId,
        b: ExprId,
        pos: Pos,
    ) -> Resolved<Node> {
        let f = self.variable(name, pos)?;
        let (x, y) = match op {
            Op::LessEq | Op::Greater => (b, a),
            _ => (a, b),
        };
        let call = self.call_node(f, &[x, y], pos)?;
        Ok(match op {
            Op::LessEq | Op::GreaterEq => Node::Not(self.alloc((call, pos))),
            _ => call,
        })
    }

    /// `<x>`
    pub(super) fn search_path(&mut self, r: Range32, pos: Pos) -> Resolved<Node> {
        let text = self.text(r).to_vec();
        let text = self.ctx.heap.string(&text);
        let f = self.variable(wk::FIND_FILE, pos)?;
        let path = self.inherited(wk::NIX_PATH, pos)?;
        Ok(self.call_of(f, vec![path, Lazy::Const(text)], pos))
    }
}
