//! The printer of `nix-instantiate --eval`.

use rustc_hash::FxHashSet;

use super::{SeenLists, done, first_time, float_six, identifier, string_literal};
use crate::Ctx;
use crate::error::Res;
use crate::heap::{ThunkState, Value, View};
use crate::pos::Pos;

#[derive(Default)]
struct Seen {
    sets: FxHashSet<Value>,
    lists: SeenLists,
    /// Values are printed as often as they occur.
    all: bool,
}

impl Ctx {
    /// Prints a value as `nix-instantiate --eval` does; nothing is evaluated.
    ///
    /// # Errors
    /// Data that nests too deep.
    pub fn print_ambiguous(&mut self, v: Value) -> Res<String> {
        let mut out = String::new();
        self.ambiguous(v, &mut out, &mut Seen::default(), 0, false)?;
        Ok(out)
    }

    /// As [`Ctx::print_ambiguous`], values that occur several times being printed each time: the text can be read again.
    ///
    /// # Errors
    /// As [`Ctx::print_ambiguous`].
    pub fn print_ambiguous_whole(&mut self, v: Value) -> Res<String> {
        let mut out = String::new();
        self.ambiguous(v, &mut out, &mut Seen { all: true, ..Seen::default() }, 0, false)?;
        Ok(out)
    }

    fn ambiguous(
        &mut self,
        v: Value,
        out: &mut String,
        seen: &mut Seen,
        depth: u32,
        of_attribute: bool,
    ) -> Res<()> {
        if depth > self.settings.max_call_depth || self.stack_is_short() {
            return Err(self.stack_overflow(Pos::NONE));
        }
        let v = v.resolved();
        match v.view() {
            View::Int(i) => out.push_str(&i.to_string()),
            View::Float(f) => out.push_str(&float_six(f)),
            View::Bool(b) => out.push_str(if b { "true" } else { "false" }),
            View::Null => out.push_str("null"),
            View::Str(s) => string_literal(s.as_bytes(), out),
            View::Path(p) => {
                let p = self.source_path(p);
                out.push_str(&self.show_path(&p));
            }
            View::Attrs(a) => {
                let f = self.flat(a);
                if !seen.all && !f.is_empty() && !seen.sets.insert(f.attrs().value()) {
                    out.push_str("«repeated»");
                    return Ok(());
                }
                out.push_str("{ ");
                for i in self.lexical_order(f) {
                    identifier(self.name(f.name(*i as usize)), out);
                    out.push_str(" = ");
                    self.ambiguous(f.value(*i as usize), out, seen, depth + 1, true)?;
                    out.push_str("; ");
                }
                out.push('}');
            }
            View::List(l) => {
                if !seen.all && !l.is_empty() && !first_time(&mut seen.lists, v, of_attribute) {
                    out.push_str("«repeated»");
                    return Ok(());
                }
                out.push_str("[ ");
                for e in l.iter() {
                    self.ambiguous(e, out, seen, depth + 1, false)?;
                    out.push(' ');
                }
                if !seen.all {
                    done(&mut seen.lists, v);
                }
                out.push(']');
            }
            View::Thunk(t) => match t.state() {
                ThunkState::Running(_) => out.push_str("«potential infinite recursion»"),
                _ => out.push_str("<CODE>"),
            },
            View::Closure(_) => out.push_str("<LAMBDA>"),
            View::Prim(_) => out.push_str("<PRIMOP>"),
            View::Pap(p) if p.function().as_prim().is_some() => out.push_str("<PRIMOP-APP>"),
            View::Pap(_) => out.push_str("<LAMBDA>"),
            View::External(_) => out.push_str("«external»"),
        }
        Ok(())
    }
}
