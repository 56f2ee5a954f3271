//! Bindings of sets and `let`: attribute paths, merging, duplicates.
//!
//! A set may get further attributes after its `}` (`x = { … }; x.y = …;`), so bindings are kept in lists, by index into
//! common tables, until the whole text is parsed; [`Parser::write_sets`] then lays them out as runs. For the same
//! reason a set that was made or reopened by an attribute path gets its final node when the block that did it ends:
//! so children still have smaller ids than their parents.

use super::strings::Quoted;
use super::{Failed, Parsed, Parser};
use crate::ast::{AttrsLit, Binding, BindingValue, DynamicBinding, Expr, ExprId, PathElem, Range32, Span};
use crate::error::ParseErrorKind;
use crate::symbol::Symbol;
use crate::token::{Kind, Token};

/// "No index": the end of a list.
const NIL: u32 = u32::MAX;
/// In the value of a binding: a set that an attribute path made and that has no node yet, by its index.
const UNFINISHED: u32 = 1 << 31;
/// Sets with more bindings than this are searched through the hash table.
const LINEAR: u32 = 8;

/// A list in one of the common tables.
#[derive(Clone, Copy)]
struct List {
    first: u32,
    last: u32,
    len: u32,
}

const EMPTY: List = List { first: NIL, last: NIL, len: 0 };

/// A set that may still grow; by index into `ast.attrs`.
pub(super) struct SetBuilder {
    bindings: List,
    dynamics: List,
    froms: List,
    recursive: bool,
    /// It is in [`Parser::touched`] already.
    touched: bool,
}

pub(super) struct Pending {
    binding: Binding,
    next: u32,
    set: u32,
}

pub(super) struct PendingDynamic {
    binding: DynamicBinding,
    next: u32,
}

pub(super) struct PendingFrom {
    expr: ExprId,
    next: u32,
}

/// A set that an attribute path made or added to, and the binding that holds it.
#[derive(Clone, Copy)]
pub(super) struct Touched {
    set: u32,
    owner: Owner,
    span: Span,
    start: u32,
}

#[derive(Clone, Copy)]
enum Owner {
    Static(u32),
    Dynamic(u32),
}

fn hash(set: u32, name: Symbol) -> u64 {
    ((u64::from(set) << 32) | u64::from(name.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Parser<'_> {
    fn new_set(&mut self, recursive: bool) -> u32 {
        let set = self.sets.len() as u32;
        self.sets.push(SetBuilder {
            bindings: EMPTY,
            dynamics: EMPTY,
            froms: EMPTY,
            recursive,
            touched: false,
        });
        set
    }

    pub(super) fn has_dynamics(&self, set: u32) -> bool {
        self.sets[set as usize].dynamics.len > 0
    }

    /// Bindings up to a token that begins none.
    pub(super) fn bindings(&mut self, recursive: bool) -> Parsed<u32> {
        let set = self.new_set(recursive);
        let touched = self.touched.len();
        loop {
            match self.kind() {
                Kind::Id | Kind::OrKeyword | Kind::Quote | Kind::DollarCurly => self.binding(set)?,
                Kind::Inherit => self.inherit(set)?,
                _ => break,
            }
        }
        if self.touched.len() > touched {
            self.renew_touched(touched);
        }
        Ok(set)
    }

    /// Gives the sets that were made or reopened in a block their final nodes, inner ones first.
    fn renew_touched(&mut self, base: usize) {
        while self.touched.len() > base {
            let Some(Touched { set, owner, span, start }) = self.touched.pop() else { return };
            self.sets[set as usize].touched = false;
            let id = self.add(Expr::Attrs(set), span, start);
            match owner {
                Owner::Static(index) => self.pending[index as usize].binding.value = BindingValue::Expr(id),
                Owner::Dynamic(index) => self.dynamics[index as usize].binding.value = id,
            }
        }
    }

    /// `a.b.c = e;`
    fn binding(&mut self, set: u32) -> Parsed<()> {
        let start = self.token().start;
        let base = self.elems.len();
        self.attr_path()?;
        let span = Span { start, end: self.last_end() };
        self.expect(Kind::Assign)?;
        let value = self.expr()?;
        self.expect(Kind::Semicolon)?;
        let doc = self.doc_at(start);
        self.document(value, doc);
        self.add_attr(set, base, span, value, doc)?;
        self.elems.truncate(base);
        Ok(())
    }

    /// Adds an attribute by the path on the stack, making the sets on its way.
    fn add_attr(&mut self, set: u32, base: usize, span: Span, value: ExprId, doc: Span) -> Parsed<()> {
        let mut set = set;
        let last = self.elems.len() - 1;
        for index in base..last {
            set = match self.elems[index] {
                PathElem::Static(name, _) => match self.find(set, name) {
                    Some(found) => match self.as_set(found) {
                        Some(inner) => inner,
                        None => return self.duplicate(base, index + 1, span, found),
                    },
                    None => self.make_set(set, name, span, doc),
                },
                PathElem::Dynamic(name, _) => {
                    let inner = self.new_set(false);
                    let dynamic = self
                        .push_dynamic(set, DynamicBinding { name, value: ExprId(UNFINISHED | inner), span });
                    self.touch(inner, Owner::Dynamic(dynamic), Span::NONE, span.start);
                    inner
                }
            };
        }
        match self.elems[last] {
            PathElem::Static(name, _) => {
                let binding = Binding { name, span, value: BindingValue::Expr(value), doc };
                self.define(set, base, binding)
            }
            PathElem::Dynamic(name, _) => {
                self.push_dynamic(set, DynamicBinding { name, value, span });
                Ok(())
            }
        }
    }

    /// Makes `name` of a set an empty set.
    fn make_set(&mut self, set: u32, name: Symbol, span: Span, doc: Span) -> u32 {
        let inner = self.new_set(false);
        let value = BindingValue::Expr(ExprId(UNFINISHED | inner));
        let index = self.push_binding(set, Binding { name, span, value, doc });
        self.touch(inner, Owner::Static(index), Span::NONE, span.start);
        inner
    }

    fn touch(&mut self, set: u32, owner: Owner, span: Span, start: u32) {
        self.sets[set as usize].touched = true;
        self.touched.push(Touched { set, owner, span, start });
    }

    /// The set that a binding is bound to, if it is one, made ready to be added to.
    fn as_set(&mut self, index: u32) -> Option<u32> {
        let BindingValue::Expr(id) = self.pending[index as usize].binding.value else { return None };
        if id.0 & UNFINISHED != 0 {
            return Some(id.0 & !UNFINISHED);
        }
        let Expr::Attrs(set) = self.expr_of(id) else { return None };
        if !self.sets[set as usize].touched {
            let (span, start) = (self.ast.spans[id.0 as usize], self.start_of(id));
            self.touch(set, Owner::Static(index), span, start);
        }
        Some(set)
    }

    /// Adds a binding to a set, merging sets. The stack holds the attribute path from `base` on, the binding's name
    /// included.
    fn define(&mut self, set: u32, base: usize, binding: Binding) -> Parsed<()> {
        let Some(found) = self.find(set, binding.name) else {
            if let BindingValue::Expr(value) = binding.value {
                self.name_function(value, binding.name);
            }
            self.push_binding(set, binding);
            return Ok(());
        };
        let added = match binding.value {
            BindingValue::Expr(value) => match self.expr_of(value) {
                Expr::Attrs(added) => added,
                _ => return self.duplicate(base, self.elems.len(), binding.span, found),
            },
            _ => return self.duplicate(base, self.elems.len(), binding.span, found),
        };
        match self.as_set(found) {
            Some(inner) => self.merge(inner, added, base),
            None => self.duplicate(base, self.elems.len(), binding.span, found),
        }
    }

    /// Moves everything of one set to another. That one of them is recursive and the other is not is ignored: whether
    /// the whole is recursive, the first one says.
    fn merge(&mut self, into: u32, from: u32, base: usize) -> Parsed<()> {
        self.deeper()?;
        let SetBuilder { bindings, dynamics, froms, .. } = self.sets[from as usize];
        let shift = self.sets[into as usize].froms.len;
        let mut moved: Vec<Binding> = Vec::with_capacity(bindings.len as usize);
        let mut at = bindings.first;
        while at != NIL {
            moved.push(self.pending[at as usize].binding);
            at = self.pending[at as usize].next;
        }
        // The reference goes by symbol; that decides which duplicate is reported.
        let mut by_symbol: Vec<usize> = (0..moved.len()).collect();
        by_symbol.sort_unstable_by_key(|index| moved[*index].name);
        for index in by_symbol {
            let mut binding = moved[index];
            if let BindingValue::InheritFrom(number) = &mut binding.value {
                *number += shift;
            }
            self.elems.push(PathElem::Static(binding.name, binding.span));
            self.define(into, base, binding)?;
            self.elems.pop();
        }
        self.sets[from as usize].bindings = EMPTY;
        self.sets[from as usize].dynamics = EMPTY;
        self.sets[from as usize].froms = EMPTY;
        let mut at = dynamics.first;
        while at != NIL {
            let PendingDynamic { binding, next } = self.dynamics[at as usize];
            self.push_dynamic(into, binding);
            at = next;
        }
        let mut at = froms.first;
        while at != NIL {
            let PendingFrom { expr, next } = self.froms[at as usize];
            self.push_from(into, expr);
            at = next;
        }
        self.depth -= 1;
        Ok(())
    }

    fn duplicate<T>(&mut self, base: usize, end: usize, span: Span, previous: u32) -> Parsed<T> {
        let mut path = String::new();
        for elem in &self.elems[base..end] {
            if !path.is_empty() {
                path.push('.');
            }
            if let PathElem::Static(name, _) = elem {
                path.push_str(&self.printed_name(*name));
            }
        }
        let previous = self.pending[previous as usize].binding.span;
        self.fail(ParseErrorKind::DuplicateAttribute { path, previous }, span)
    }

    /// `inherit a b;` and `inherit (e) a b;`
    fn inherit(&mut self, set: u32) -> Parsed<()> {
        self.at += 1;
        let base = self.elems.len();
        let from = if self.kind() == Kind::ParenOpen {
            self.at += 1;
            let expr = self.expr()?;
            self.expect(Kind::ParenClose)?;
            Some(expr)
        } else {
            None
        };
        while matches!(self.kind(), Kind::Id | Kind::OrKeyword | Kind::Quote | Kind::DollarCurly) {
            self.attr()?;
            if let Some(PathElem::Dynamic(_, span)) = self.elems.last() {
                let span = *span;
                return self.fail(ParseErrorKind::DynamicInInherit, span);
            }
        }
        self.expect(Kind::Semicolon)?;
        let value = match from {
            Some(expr) => {
                self.push_from(set, expr);
                BindingValue::InheritFrom(self.sets[set as usize].froms.len - 1)
            }
            None => BindingValue::Inherit,
        };
        for index in base..self.elems.len() {
            if let PathElem::Static(name, span) = self.elems[index] {
                if let Some(found) = self.find(set, name) {
                    return self.duplicate(index, index + 1, span, found);
                }
                let doc = self.doc_at(span.start);
                self.push_binding(set, Binding { name, span, value, doc });
            }
        }
        self.elems.truncate(base);
        Ok(())
    }

    /// `a."b".${c}`, onto the stack.
    pub(super) fn attr_path(&mut self) -> Parsed<()> {
        self.attr()?;
        while self.kind() == Kind::Dot {
            self.at += 1;
            self.attr()?;
        }
        Ok(())
    }

    /// One element of an attribute path, onto the stack.
    #[inline]
    fn attr(&mut self) -> Parsed<()> {
        let token = self.token();
        let elem = match token.kind {
            Kind::Id | Kind::OrKeyword => {
                self.at += 1;
                PathElem::Static(self.intern_token(token), Span { start: token.start, end: token.end })
            }
            Kind::Quote => {
                let quoted = self.quoted()?;
                let span = Span { start: token.start, end: self.last_end() };
                match quoted {
                    Quoted::Text(text) => PathElem::Static(self.intern_string(text), span),
                    Quoted::Expr(id) => PathElem::Dynamic(id, span),
                }
            }
            Kind::DollarCurly => {
                let (id, span) = self.interpolation()?;
                match self.expr_of(id) {
                    // `${"a"}` is `a`.
                    Expr::Str(run) | Expr::Uri(run) => {
                        let text = &self.ast.bytes[run.start as usize..(run.start + run.len) as usize];
                        PathElem::Static(self.symbols.intern(text), span)
                    }
                    _ => PathElem::Dynamic(id, span),
                }
            }
            _ => return Err(Failed),
        };
        self.elems.push(elem);
        Ok(())
    }

    fn intern_string(&mut self, token: Token) -> Symbol {
        let source = self.text_of(token);
        let mut buffer = std::mem::take(&mut self.text);
        let text = crate::text::unescaped(source, &mut buffer);
        let symbol = self.symbols.intern(text);
        self.text = buffer;
        symbol
    }

    // The lists.

    fn find(&self, set: u32, name: Symbol) -> Option<u32> {
        let List { first, len, .. } = self.sets[set as usize].bindings;
        if len > LINEAR {
            let same = |index: &u32| {
                let pending = &self.pending[*index as usize];
                pending.set == set && pending.binding.name == name
            };
            return self.index.find(hash(set, name), same).copied();
        }
        let mut at = first;
        while at != NIL {
            let pending = &self.pending[at as usize];
            if pending.binding.name == name {
                return Some(at);
            }
            at = pending.next;
        }
        None
    }

    fn push_binding(&mut self, set: u32, binding: Binding) -> u32 {
        let index = self.pending.len() as u32;
        self.pending.push(Pending { binding, next: NIL, set });
        let list = &mut self.sets[set as usize].bindings;
        if list.last == NIL {
            list.first = index;
        } else {
            self.pending[list.last as usize].next = index;
        }
        list.last = index;
        list.len += 1;
        match list.len {
            len if len <= LINEAR => {}
            len if len == LINEAR + 1 => {
                let mut at = list.first;
                while at != NIL {
                    self.enter(at);
                    at = self.pending[at as usize].next;
                }
            }
            _ => self.enter(index),
        }
        index
    }

    /// Makes a binding findable by hash.
    fn enter(&mut self, index: u32) {
        let key = |index: u32| {
            let pending = &self.pending[index as usize];
            hash(pending.set, pending.binding.name)
        };
        let own = key(index);
        self.index.insert_unique(own, index, |other| key(*other));
    }

    fn push_dynamic(&mut self, set: u32, binding: DynamicBinding) -> u32 {
        let index = self.dynamics.len() as u32;
        self.dynamics.push(PendingDynamic { binding, next: NIL });
        let list = &mut self.sets[set as usize].dynamics;
        if list.last == NIL {
            list.first = index;
        } else {
            self.dynamics[list.last as usize].next = index;
        }
        list.last = index;
        list.len += 1;
        index
    }

    fn push_from(&mut self, set: u32, expr: ExprId) {
        let index = self.froms.len() as u32;
        self.froms.push(PendingFrom { expr, next: NIL });
        let list = &mut self.sets[set as usize].froms;
        if list.last == NIL {
            list.first = index;
        } else {
            self.froms[list.last as usize].next = index;
        }
        list.last = index;
        list.len += 1;
    }

    /// Writes all sets to the tree.
    pub(super) fn write_sets(&mut self) {
        let ast = &mut self.ast;
        ast.attrs.reserve_exact(self.sets.len());
        ast.bindings.reserve_exact(self.pending.len());
        for set in &self.sets {
            let bindings = Range32 { start: ast.bindings.len() as u32, len: set.bindings.len };
            let mut at = set.bindings.first;
            while at != NIL {
                ast.bindings.push(self.pending[at as usize].binding);
                at = self.pending[at as usize].next;
            }
            let dynamics = Range32 { start: ast.dynamics.len() as u32, len: set.dynamics.len };
            let mut at = set.dynamics.first;
            while at != NIL {
                ast.dynamics.push(self.dynamics[at as usize].binding);
                at = self.dynamics[at as usize].next;
            }
            let inherit_from = Range32 { start: ast.ids.len() as u32, len: set.froms.len };
            let mut at = set.froms.first;
            while at != NIL {
                ast.ids.push(self.froms[at as usize].expr);
                at = self.froms[at as usize].next;
            }
            ast.attrs.push(AttrsLit { recursive: set.recursive, bindings, dynamics, inherit_from });
        }
    }
}
