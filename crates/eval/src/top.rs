//! What programs do with a file: automatic calls, selecting by attribute path.

use firn_syntax::Symbol;
use firn_syntax::symbol::well_known as wk;

use crate::Ctx;
use crate::ctx::AttrsBuilder;
use crate::error::{ErrorKind, EvalError, Res};
use crate::heap::{Attrs, Value, View};
use crate::msg;
use crate::pos::Pos;

const P: Pos = Pos::NONE;

impl Ctx {
    /// Calls a function that takes a set with those of `args` that it knows; other values are given back.
    pub fn auto_call(&mut self, args: &[(Symbol, Value)], f: Value) -> Res {
        let f = self.force(f, P)?;
        let code = match f.view() {
            View::Attrs(a) => match a.get_with_pos(wk::FUNCTOR) {
                Some((functor, pos)) => {
                    let v = self.call(functor, &[f], pos)?;
                    return self.auto_call(args, v);
                }
                None => return Ok(f),
            },
            View::Closure(c) if c.code().arity == 1 => c.code(),
            View::Pap(p) => match p.function().as_closure() {
                Some(c) if p.len() + 1 == c.code().arity as usize => c.code(),
                _ => return Ok(f),
            },
            _ => return Ok(f),
        };
        let Some(formals) = code.formals else { return Ok(f) };
        let mut given = AttrsBuilder::default();
        if formals.ellipsis {
            for (name, v) in args {
                given.push(*name, P, *v);
            }
        } else {
            for formal in formals.formals {
                if let Some((name, v)) = args.iter().find(|a| a.0 == formal.name) {
                    given.push(*name, P, *v);
                } else if formal.default.is_none() {
                    let m = msg!(
                        "cannot evaluate a function that has an argument without a value ('{}')\n\
                         Nix attempted to evaluate a function as a top level expression; in\n\
                         this case it must have its arguments supplied either by default\n\
                         values, or passed explicitly with '--arg' or '--argstr'. See\n\
                         https://nix.dev/manual/nix/stable/language/syntax.html#functions.",
                        self.name_text(formal.name)
                    );
                    return Err(self.error(ErrorKind::MissingArgument, m, formal.pos));
                }
            }
        }
        let set = given.finish(&mut self.heap).value();
        self.call(f, &[set], P)
    }

    /// Selects by an attribute path as on the command line (`a.b`, `a."x.y"`, list indexes), calling functions on the way.
    pub fn select_path(&mut self, v: Value, path: &str, args: &[(Symbol, Value)]) -> Res {
        let parts = self.parse_attr_path(path)?;
        let mut v = v;
        for part in &parts {
            v = self.auto_call(args, v)?;
            let index: Option<usize> = part.parse().ok();
            if index.is_none() {
                let Some(a) = v.as_attrs() else {
                    let m = format!(
                        "the expression selected by the selection path '{}' should be a set but is {}",
                        crate::error::Arg(path),
                        self.show_type(v)
                    );
                    return Err(self.type_error(m, P));
                };
                if part.is_empty() {
                    let m = msg!("empty attribute name in selection path '{}'", path);
                    return Err(self.error(ErrorKind::Eval, m, P));
                }
                let sym = self.sym(part);
                match a.get(sym) {
                    Some(found) => v = self.force(found, P)?,
                    None => return Err(self.path_not_found(a, part, path)),
                }
            } else if let (Some(l), Some(i)) = (v.as_list(), index) {
                if i >= l.len() {
                    let m = msg!("list index {} in selection path '{}' is out of range", i, path);
                    return Err(self.error(ErrorKind::Eval, m, P));
                }
                v = self.force(l.get(i), P)?;
            } else {
                let m = format!(
                    "the expression selected by the selection path '{}' should be a list but is {}",
                    crate::error::Arg(path),
                    self.show_type(v)
                );
                return Err(self.type_error(m, P));
            }
        }
        Ok(v)
    }

    fn path_not_found(&mut self, a: Attrs, part: &str, path: &str) -> crate::error::Fail {
        let flat = self.flat(a);
        let names: Vec<_> = flat.iter().map(|(n, ..)| self.raw_name(n)).collect();
        let e = EvalError {
            kind: ErrorKind::MissingAttribute,
            message: msg!("attribute '{}' in selection path '{}' not found", part, path),
            pos: P,
            traces: Vec::new(),
            suggestions: crate::suggest::best_matches(names.iter().map(String::as_str), part),
            cycle: None,
        };
        self.raise(e)
    }

    fn parse_attr_path(&mut self, path: &str) -> Res<Vec<String>> {
        let mut parts = Vec::new();
        let mut cur = String::new();
        let mut quoted = false;
        let mut it = path.chars();
        while let Some(c) = it.next() {
            match c {
                '.' => parts.push(std::mem::take(&mut cur)),
                '"' => {
                    quoted = true;
                    for c in it.by_ref() {
                        if c == '"' {
                            quoted = false;
                            break;
                        }
                        cur.push(c);
                    }
                }
                c => cur.push(c),
            }
        }
        if quoted {
            let m = msg!("missing closing quote in selection path '{}'", path);
            return Err(self.error(ErrorKind::Parse, m, P));
        }
        if !cur.is_empty() {
            parts.push(cur);
        }
        Ok(parts)
    }
}
