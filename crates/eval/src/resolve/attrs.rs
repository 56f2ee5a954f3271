//! Set literals and `let`.

use firn_syntax::Symbol;
use firn_syntax::ast::{Binding, BindingValue, Expr, ExprId};
use firn_syntax::symbol::well_known as wk;

use super::scope::Binder;
use super::{Resolved, Resolver};
use crate::heap::Run;
use crate::ir::{
    AttrsNode, DynamicNode, Group, Key, Lazy, LazySelect, LetNode, Node, SelectNode, Src, StaticKey,
    ThunkCode,
};
use crate::pos::Pos;

/// A binding of a group whose code is being made.
enum Bound {
    Lazy(Lazy),
    /// Another binding of the same group.
    Alias(usize, Pos),
}

impl Resolver<'_> {
    fn bindings_of(&self, i: u32) -> Vec<Binding> {
        let r = self.ast.attrs[i as usize].bindings;
        self.ast.bindings[r.start as usize..(r.start + r.len) as usize].to_vec()
    }

    pub(super) fn let_node(&mut self, i: u32, body: ExprId) -> Resolved<Node> {
        let mark = self.scopes.mark();
        let (group, _) = self.recursive_group(i, false)?;
        let body = self.node(body)?;
        self.scopes.leave(mark);
        Ok(Node::Let(self.alloc(LetNode { group, body })))
    }

    /// Opens the scope of a `let` or recursive set and makes the code of its bindings: the group, and the slot of each
    /// binding.
    fn recursive_group(&mut self, i: u32, overridable: bool) -> Resolved<(Group, Vec<u32>)> {
        let bindings = self.bindings_of(i);
        let from = self.ast.attrs[i as usize].inherit_from;
        // What `inherit x;` means is looked up outside.
        let mut inherited: Vec<Option<Lazy>> = Vec::with_capacity(bindings.len());
        for b in &bindings {
            inherited.push(match b.value {
                BindingValue::Inherit => Some(self.inherited(b.name, self.pos(b.span))?),
                _ => None,
            });
        }
        let first = self.scopes.new_slot_run(bindings.len() + from.len as usize);
        let slots: Vec<u32> = (0..bindings.len() as u32).map(|k| first + k).collect();
        for (b, slot) in bindings.iter().zip(&slots) {
            let var = self.scopes.new_var(*slot);
            self.scopes.bind(b.name, var);
        }
        let source_vars = self.source_vars(first + bindings.len() as u32, from.len);
        let mut group = GroupBuilder::default();
        for (k, (_, slot)) in source_vars.iter().enumerate() {
            let e = self.ast.ids[from.start as usize + k];
            let lazy = self.unaliased(e, first, bindings.len() as u32)?;
            group.push(*slot, lazy);
        }
        let mut bound = Vec::with_capacity(bindings.len());
        for (b, inherited) in bindings.iter().zip(inherited) {
            bound.push(match b.value {
                BindingValue::Inherit => Bound::Lazy(inherited.expect("looked up above")),
                BindingValue::InheritFrom(n) => {
                    Bound::Lazy(self.inherit_from(source_vars[n as usize].0, b.name, self.pos(b.span))?)
                }
                BindingValue::Expr(e) => match self.alias_in(e, first, &bindings) {
                    Some((target, pos)) if !overridable => Bound::Alias(target, pos),
                    Some(_) => Bound::Lazy(Lazy::Thunk(self.thunk_code(e)?)),
                    None if overridable => Bound::Lazy(match self.lazy(e)? {
                        lazy @ Lazy::Closure(_) => lazy,
                        _ => Lazy::Thunk(self.thunk_code(e)?),
                    }),
                    None => Bound::Lazy(self.lazy(e)?),
                },
            });
        }
        for (k, b) in bound.iter().enumerate() {
            match b {
                Bound::Lazy(lazy) => group.push(slots[k], *lazy),
                Bound::Alias(..) => match chase(&bound, k) {
                    Some(target) => group.aliases.push((slots[k], slots[target])),
                    None => {
                        // It only refers to itself: a thunk that does so when it is evaluated.
                        let Bound::Alias(target, pos) = *b else { continue };
                        if target < k && bindings[target].name < bindings[k].name {
                            group.aliases.push((slots[k], slots[target]));
                            continue;
                        }
                        let caps = self.slice(vec![Src::from_local(slots[target])]);
                        let code = ThunkCode { body: Node::Capture(0, pos), caps, frame: 0, pos };
                        group.allocs.push((slots[k], Lazy::Thunk(self.alloc(code))));
                    }
                },
            }
        }
        let group = Group {
            simple: self.slice(group.simple),
            allocs: self.slice(group.allocs),
            aliases: self.slice(group.aliases),
        };
        Ok((group, slots))
    }

    /// The binding of a group that an expression is just another name of.
    fn alias_in(&self, e: ExprId, first: u32, bindings: &[Binding]) -> Option<(usize, Pos)> {
        let Expr::Var(name) = self.expr(e) else { return None };
        let slot = self.scopes.own_slot(self.scopes.lookup(name)?)?;
        let k = slot.checked_sub(first)? as usize;
        (k < bindings.len() && bindings[k].name == name).then(|| (k, self.pos_of(e)))
    }

    /// A delayed expression that does not read a slot of the group while it is made.
    fn unaliased(&mut self, e: ExprId, first: u32, n: u32) -> Resolved<Lazy> {
        match self.lazy(e)? {
            Lazy::Local(slot) if slot >= first && slot < first + n => Ok(Lazy::Thunk(self.thunk_code(e)?)),
            lazy => Ok(lazy),
        }
    }

    fn source_vars(&mut self, first: u32, n: u32) -> Vec<(Binder, u32)> {
        (first..first + n).map(|slot| (self.scopes.new_var(slot), slot)).collect()
    }

    /// The value of `inherit x;`: the variable outside.
    pub(super) fn inherited(&mut self, name: Symbol, pos: Pos) -> Resolved<Lazy> {
        match self.variable(name, pos)? {
            Node::Local(slot, _) => Ok(Lazy::Local(slot)),
            Node::Capture(i, _) => Ok(Lazy::Capture(i)),
            Node::Const(v) | Node::Outer(v, _) => Ok(Lazy::Const(v)),
            _ => {
                self.scopes.open();
                let body = self.variable(name, pos)?;
                let (caps, frame) = self.scopes.close();
                let caps = self.slice(caps);
                Ok(Lazy::Thunk(self.alloc(ThunkCode { body, caps, frame, pos })))
            }
        }
    }

    /// The value of one name of `inherit (e) …;`.
    fn inherit_from(&mut self, from: Binder, name: Symbol, pos: Pos) -> Resolved<Lazy> {
        let set = self.scopes.source(from);
        self.scopes.open();
        let inner = self.var_node(from, pos);
        let keys = self.slice(vec![Key::Static(StaticKey::new(name))]);
        let body =
            Node::Select(self.alloc(SelectNode { set: inner, set_pos: pos, keys, default: None, pos }));
        let (caps, frame) = self.scopes.close();
        let caps = self.slice(caps);
        let code = self.alloc(ThunkCode { body, caps, frame, pos });
        Ok(Lazy::Select(self.alloc(LazySelect { set, key: StaticKey::new(name), code })))
    }

    pub(super) fn attrs_node(&mut self, i: u32, pos: Pos) -> Resolved<Node> {
        let lit = self.ast.attrs[i as usize].clone();
        let bindings = self.bindings_of(i);
        let mark = self.scopes.mark();
        let (values, group) = if lit.recursive {
            let overridable = bindings.iter().any(|b| b.name == wk::OVERRIDES);
            let (group, slots) = self.recursive_group(i, overridable)?;
            (slots.into_iter().map(Lazy::Local).collect::<Vec<_>>(), Some(group))
        } else {
            self.plain_bindings(&bindings, lit.inherit_from)?
        };
        let mut dynamics = Vec::with_capacity(lit.dynamics.len as usize);
        for k in 0..lit.dynamics.len {
            let d = self.ast.dynamics[(lit.dynamics.start + k) as usize];
            dynamics.push(DynamicNode {
                name: self.node(d.name)?,
                value: self.lazy(d.value)?,
                pos: self.pos(d.span),
            });
        }
        if lit.recursive {
            self.scopes.leave(mark);
        }
        let mut order: Vec<usize> = (0..bindings.len()).collect();
        order.sort_by_key(|k| bindings[*k].name);
        let names: Vec<(Symbol, Pos)> =
            order.iter().map(|k| (bindings[*k].name, self.pos(bindings[*k].span))).collect();
        let shape = self.ctx.heap.shape(&names);
        let overrides = if lit.recursive { shape.index(wk::OVERRIDES) } else { None };
        let values = order.iter().map(|k| values[*k]).collect();
        let node = AttrsNode {
            shape,
            values: self.slice(values),
            group: group.map(|g| self.alloc(g)),
            dynamics: self.slice(dynamics),
            overrides,
            pos,
        };
        Ok(Node::Attrs(self.alloc(node)))
    }

    fn plain_bindings(
        &mut self,
        bindings: &[Binding],
        from: firn_syntax::ast::Range32,
    ) -> Resolved<(Vec<Lazy>, Option<Group>)> {
        let first = self.scopes.new_slot_run(from.len as usize);
        let mut simple = Vec::new();
        for k in 0..from.len {
            let lazy = self.lazy(self.ast.ids[(from.start + k) as usize])?;
            simple.push((first + k, lazy));
        }
        let source_vars = self.source_vars(first, from.len);
        let mut values = Vec::with_capacity(bindings.len());
        for b in bindings {
            let pos = self.pos(b.span);
            values.push(match b.value {
                BindingValue::Expr(e) => self.lazy(e)?,
                BindingValue::Inherit => self.inherited(b.name, pos)?,
                BindingValue::InheritFrom(n) => self.inherit_from(source_vars[n as usize].0, b.name, pos)?,
            });
        }
        if simple.is_empty() {
            return Ok((values, None));
        }
        Ok((values, Some(Group { simple: self.slice(simple), allocs: Run::EMPTY, aliases: Run::EMPTY })))
    }
}

#[derive(Default)]
struct GroupBuilder {
    simple: Vec<(u32, Lazy)>,
    allocs: Vec<(u32, Lazy)>,
    aliases: Vec<(u32, u32)>,
}

impl GroupBuilder {
    fn push(&mut self, slot: u32, lazy: Lazy) {
        match lazy {
            Lazy::Const(_) | Lazy::Local(_) | Lazy::Capture(_) => self.simple.push((slot, lazy)),
            Lazy::Closure(_) | Lazy::Thunk(_) | Lazy::Select(_) => self.allocs.push((slot, lazy)),
        }
    }
}

/// The binding that a chain of aliases ends at, if it ends.
fn chase(bound: &[Bound], start: usize) -> Option<usize> {
    let mut at = start;
    for _ in 0..=bound.len() {
        match &bound[at] {
            Bound::Alias(to, _) => at = *to,
            Bound::Lazy(_) => return Some(at),
        }
    }
    None
}
