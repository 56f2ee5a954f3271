//! Selecting attributes, `?`, and where that fails.

use firn_syntax::Symbol;

use crate::Ctx;
use crate::error::{ErrorKind, EvalError, Fail, Res};
use crate::heap::{Attrs, Env, Frame, Value};
use crate::ir::{DynamicKey, HasAttrNode, Key, SelectNode, StaticKey, cached, remember};
use crate::msg;
use crate::pos::Pos;

impl Ctx {
    #[inline(never)]
    pub(super) fn eval_select(&mut self, node: &'static SelectNode, env: Env, fp: Frame) -> Res {
        let mut cur = match self.eval(&node.set, env, fp) {
            Ok(v) => v,
            Err(_) => return Err(self.trace(node.set_pos, "while selecting an attribute")),
        };
        // Set and index of the last attribute that was found.
        let mut found: Option<(Attrs, Symbol)> = None;
        for (i, key) in node.keys.iter().enumerate() {
            self.counters.lookups += 1;
            let dynamic;
            let key: &StaticKey = match key {
                Key::Static(k) => k,
                Key::Dynamic(d) => match self.attr_name(d.get(), env, fp) {
                    Ok(name) => {
                        dynamic = StaticKey::new(name);
                        &dynamic
                    }
                    Err(_) => return Err(self.select_failed(node, i, found, env, fp)),
                },
            };
            if cur.is_thunk() {
                cur = match self.force(cur, node.pos) {
                    Ok(v) => v,
                    Err(_) => return Err(self.select_failed(node, i, found, env, fp)),
                };
            }
            let Some(attrs) = cur.as_attrs() else {
                if let Some(d) = &node.default {
                    return self.eval(d, env, fp);
                }
                let m = self.expected("a set", cur);
                self.type_error(m, Pos::NONE);
                self.trace(node.pos, "while selecting an attribute");
                return Err(self.select_failed(node, i, found, env, fp));
            };
            match self.lookup(attrs, key) {
                Some(v) => {
                    cur = v;
                    found = Some((attrs, key.name));
                }
                None => {
                    if let Some(d) = &node.default {
                        return self.eval(d, env, fp);
                    }
                    self.missing_attribute(attrs, key.name);
                    return Err(self.select_failed(node, i, found, env, fp));
                }
            }
        }
        if !cur.is_thunk() {
            return Ok(cur);
        }
        // An infinite recursion is reported where the attribute is defined.
        let r = match cur.as_thunk().and_then(|t| t.result()) {
            Some(v) => return Ok(v),
            None => {
                let pos = match (cur.as_thunk().map(|t| t.state()), found) {
                    (Some(crate::heap::ThunkState::Running(_)), Some((a, name))) => {
                        a.get_with_pos(name).map_or(Pos::NONE, |f| f.1).or(node.pos)
                    }
                    _ => node.pos,
                };
                self.force(cur, pos)
            }
        };
        match r {
            Ok(v) => Ok(v),
            Err(_) => Err(self.select_failed(node, node.keys.len(), found, env, fp)),
        }
    }

    /// Raises "attribute 'x' missing".
    #[cold]
    pub(crate) fn missing_attribute(&mut self, attrs: Attrs, name: Symbol) -> Fail {
        let flat = self.flat(attrs);
        let names: Vec<_> = flat.iter().map(|(n, ..)| self.raw_name(n)).collect();
        let (raw, name) = (self.raw_name(name), self.name_text(name));
        let e = EvalError {
            kind: ErrorKind::MissingAttribute,
            message: msg!("attribute '{}' missing", &name),
            pos: Pos::NONE,
            traces: Vec::new(),
            suggestions: crate::suggest::best_matches(names.iter().map(|n| &**n), &raw),
            cycle: None,
        };
        self.raise(e)
    }

    /// Adds the frames of a select that failed at its i-th name.
    #[cold]
    fn select_failed(
        &mut self,
        node: &'static SelectNode,
        i: usize,
        found: Option<(Attrs, Symbol)>,
        env: Env,
        fp: Frame,
    ) -> Fail {
        let mark = self.error_mark();
        if let Some((attrs, name)) = found {
            let pos = attrs.get_with_pos(name).map_or(Pos::NONE, |f| f.1);
            let internal = self
                .positions
                .source(pos)
                .is_some_and(|s| matches!(s.origin, crate::pos::Origin::Internal(_)));
            if pos.is_some() && !internal {
                let text = msg!("from the definition of '{}'", self.path_text(&node.keys[..i], env, fp));
                self.resume(mark);
                self.trace(pos, text);
            }
        }
        let text = msg!("while evaluating the attribute '{}'", self.path_text(&node.keys, env, fp));
        self.resume(mark);
        self.trace(node.pos, text)
    }

    fn path_text(&mut self, keys: &'static [Key], env: Env, fp: Frame) -> String {
        let mut out = String::new();
        for (i, k) in keys.iter().enumerate() {
            if i > 0 {
                out.push('.');
            }
            match k {
                Key::Static(k) => out.push_str(&self.name_text(k.name)),
                Key::Dynamic(d) => match self.attr_name(d.get(), env, fp) {
                    Ok(name) => out.push_str(&self.name_text(name)),
                    Err(_) => {
                        out.push_str("\"${");
                        out.push_str(d.text);
                        out.push_str("}\"");
                    }
                },
            }
        }
        out
    }

    /// The name that a computed element of an attribute path stands for.
    pub(super) fn attr_name(&mut self, key: &'static DynamicKey, env: Env, fp: Frame) -> Res<Symbol> {
        let v = self.eval(&key.name, env, fp)?;
        let s = self.force_str_no_ctx(v, key.pos, "while evaluating an attribute name")?;
        Ok(self.symbol_of(s))
    }

    #[inline(never)]
    pub(super) fn eval_has_attr(&mut self, node: &'static HasAttrNode, env: Env, fp: Frame) -> Res {
        let mut cur = match self.eval(&node.set, env, fp) {
            Ok(v) => v,
            Err(_) => return Err(self.trace(node.set_pos, "in the argument of '?'")),
        };
        for key in node.keys {
            cur = self.force(cur, node.pos)?;
            let dynamic;
            let key: &StaticKey = match key {
                Key::Static(k) => k,
                Key::Dynamic(d) => {
                    dynamic = StaticKey::new(self.attr_name(d.get(), env, fp)?);
                    &dynamic
                }
            };
            match cur.as_attrs().and_then(|a| self.lookup(a, key)) {
                Some(v) => cur = v,
                None => return Ok(Value::FALSE),
            }
        }
        Ok(Value::TRUE)
    }
}

impl Ctx {
    /// Finds an attribute through the key's inline cache.
    #[inline(always)]
    pub(super) fn lookup(&mut self, attrs: Attrs, key: &StaticKey) -> Option<Value> {
        let shape = attrs.raw_shape();
        if let Some(i) = cached(&key.cache, shape) {
            return i.map(|i| attrs.value_at(i));
        }
        self.lookup_slow(attrs, key)
    }

    #[inline(never)]
    pub(super) fn lookup_slow(&mut self, attrs: Attrs, key: &StaticKey) -> Option<Value> {
        let found = self.heap.find(attrs, key.name);
        if let Some(f) = attrs.as_flat() {
            remember(&key.cache, f.shape(), found.map(|f| f.1));
        }
        found.map(|(f, i)| f.value(i))
    }
}
