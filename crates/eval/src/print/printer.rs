//! The printer of `nix eval`, `trace` and error messages.

use rustc_hash::FxHashSet;

use super::options::{ErrorMode, PrintOptions};
use super::{attribute_name, first_time, float_six, string_literal_up_to};
use crate::Ctx;
use crate::error::{ErrorKind, Res, strip_ansi};
use crate::heap::{Attrs, List, Type, Value, View};
use crate::pos::Pos;
use firn_syntax::symbol::well_known as wk;

const MAGENTA: &str = "\u{1b}[35;1m";
const CYAN: &str = "\u{1b}[36;1m";
const GREEN: &str = "\u{1b}[32;1m";
const BLUE: &str = "\u{1b}[34;1m";
const RED: &str = "\u{1b}[31;1m";
const FAINT: &str = "\u{1b}[2m";
const NORMAL: &str = "\u{1b}[0m";

struct Printer<'a> {
    ctx: &'a mut Ctx,
    o: &'a PrintOptions,
    out: String,
    seen: FxHashSet<Value>,
    seen_lists: super::SeenLists,
    attrs_printed: usize,
    items_printed: usize,
    indent: usize,
    /// What is printed next is the value of an attribute.
    of_attribute: bool,
}

impl Ctx {
    /// Prints a value.
    ///
    /// # Errors
    /// What the options do not show in place; data that nests too deep.
    pub fn print(&mut self, v: Value, options: &PrintOptions) -> Res<String> {
        let mut p = Printer {
            ctx: self,
            o: options,
            out: String::new(),
            seen: FxHashSet::default(),
            seen_lists: Default::default(),
            attrs_printed: 0,
            items_printed: 0,
            indent: 0,
            of_attribute: false,
        };
        p.print(v, 0)?;
        Ok(p.out)
    }
}

impl Printer<'_> {
    fn colored(&mut self, color: &str, text: &str) {
        if self.o.colors {
            self.out.push_str(color);
            self.out.push_str(text);
            self.out.push_str(NORMAL);
        } else {
            self.out.push_str(text);
        }
    }

    fn print(&mut self, v: Value, depth: usize) -> Res<()> {
        if depth > self.ctx.settings.max_call_depth as usize || self.ctx.stack_is_short() {
            return Err(self.ctx.stack_overflow(Pos::NONE));
        }
        match self.print_now(v, depth) {
            Ok(()) => Ok(()),
            Err(e) => {
                let stop =
                    matches!(self.ctx.error_mut().kind, ErrorKind::StackOverflow | ErrorKind::Interrupted);
                let throw = match self.o.errors {
                    ErrorMode::Throw => true,
                    ErrorMode::ThrowTop => depth == 0,
                    ErrorMode::Print => false,
                };
                if stop || throw {
                    return Err(e);
                }
                let error = self.ctx.take_error();
                let text = format!("«error: {}»", strip_ansi(&error.message));
                self.colored(RED, &text);
                Ok(())
            }
        }
    }

    fn print_now(&mut self, v: Value, depth: usize) -> Res<()> {
        let v = if self.o.force { self.ctx.force(v, Pos::NONE)? } else { v.resolved() };
        match v.view() {
            View::Int(i) => self.colored(CYAN, &i.to_string()),
            View::Float(f) => self.colored(CYAN, &float_six(f)),
            View::Bool(b) => self.colored(CYAN, if b { "true" } else { "false" }),
            View::Null => self.colored(CYAN, "null"),
            View::Str(s) => self.string(s.as_bytes()),
            View::Path(p) => {
                let p = self.ctx.source_path(p);
                let text = self.ctx.show_path(&p);
                self.colored(GREEN, &text);
            }
            View::Attrs(a) => {
                self.of_attribute = false;
                self.attrs(a, depth)?;
            }
            View::List(l) => self.list(v, l, depth)?,
            View::Closure(_) | View::Prim(_) | View::Pap(_) => {
                let text = self.ctx.show_function(v);
                self.colored(BLUE, &text);
            }
            View::Thunk(t) => match t.state() {
                crate::heap::ThunkState::Running(_) => self.colored(RED, "«potential infinite recursion»"),
                _ => self.colored(MAGENTA, "«thunk»"),
            },
            View::External(_) => self.out.push_str("«external»"),
        }
        Ok(())
    }

    fn string(&mut self, s: &[u8]) {
        let mut text = String::new();
        let left = string_literal_up_to(s, self.o.max_string, &mut text);
        if left == 0 {
            self.colored(MAGENTA, &text);
        } else {
            if self.o.colors {
                self.out.push_str(MAGENTA);
            }
            self.out.push_str(&text);
            self.elided(left, "byte", "bytes");
        }
    }

    fn elided(&mut self, n: usize, one: &str, many: &str) {
        let text = format!("«{n} {} elided»", if n == 1 { one } else { many });
        self.colored(FAINT, &text);
    }

    fn space(&mut self, pretty: bool) {
        if pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', self.indent));
        } else {
            self.out.push(' ');
        }
    }

    /// Whether data with one item is spread over lines: if the item is itself data.
    fn spread(&mut self, len: usize, first: impl FnOnce() -> Value) -> Res<bool> {
        if self.o.indent == 0 || len == 0 {
            return Ok(false);
        }
        if len > 1 {
            return Ok(true);
        }
        let v = self.ctx.force(first(), Pos::NONE)?;
        Ok(matches!(v.ty(), Type::List | Type::Attrs | Type::Thunk))
    }

    fn attrs(&mut self, a: Attrs, depth: usize) -> Res<()> {
        let f = self.ctx.flat(a);
        if self.o.track_repeated && !f.is_empty() && !self.seen.insert(f.attrs().value()) {
            self.colored(MAGENTA, "«repeated»");
            return Ok(());
        }
        if self.o.force && self.o.derivation_paths && self.ctx.is_derivation(a)? {
            return self.derivation(a);
        }
        if depth >= self.o.max_depth {
            self.out.push_str("{ ... }");
            return Ok(());
        }
        self.indent += self.o.indent;
        self.out.push('{');
        let mut order: Vec<usize> = self.ctx.lexical_order(f).iter().map(|i| *i as usize).collect();
        if self.o.max_attrs != usize::MAX {
            // What a set says about its type comes first.
            let important = |i: &usize| !matches!(self.ctx.name(f.name(*i)), b"type" | b"_type");
            order.sort_by_key(important);
        }
        let pretty = self.spread(f.len(), || f.value(order[0]))?;
        for (k, i) in order.iter().enumerate() {
            self.space(pretty);
            if self.attrs_printed >= self.o.max_attrs {
                self.elided(order.len() - k, "attribute", "attributes");
                break;
            }
            attribute_name(self.ctx.name(f.name(*i)), &mut self.out);
            self.out.push_str(" = ");
            self.of_attribute = true;
            self.print(f.value(*i), depth + 1)?;
            self.of_attribute = false;
            self.out.push(';');
            self.attrs_printed += 1;
        }
        self.indent -= self.o.indent;
        self.space(pretty);
        self.out.push('}');
        Ok(())
    }

    fn list(&mut self, v: Value, l: List, depth: usize) -> Res<()> {
        let of_attribute = std::mem::take(&mut self.of_attribute);
        if self.o.track_repeated && !l.is_empty() && !first_time(&mut self.seen_lists, v, of_attribute) {
            self.colored(MAGENTA, "«repeated»");
            return Ok(());
        }
        if depth >= self.o.max_depth {
            self.out.push_str("[ ... ]");
            return Ok(());
        }
        self.indent += self.o.indent;
        self.out.push('[');
        let pretty = self.spread(l.len(), || l.get(0))?;
        for i in 0..l.len() {
            self.space(pretty);
            if self.items_printed >= self.o.max_items {
                self.elided(l.len() - i, "item", "items");
                break;
            }
            self.print(l.get(i), depth + 1)?;
            self.items_printed += 1;
        }
        super::done(&mut self.seen_lists, v);
        self.indent -= self.o.indent;
        self.space(pretty);
        self.out.push(']');
        Ok(())
    }

    fn derivation(&mut self, a: Attrs) -> Res<()> {
        let mut text = String::from("«derivation");
        if let Some((d, pos)) = a.get_with_pos(wk::DRV_PATH) {
            let (path, _) =
                self.ctx.coerce_to_store_path(d, pos, "while evaluating the drvPath of a derivation")?;
            text.push(' ');
            text.push_str(&self.ctx.settings.store_dir.print(&path));
        }
        text.push('»');
        self.colored(GREEN, &text);
        Ok(())
    }
}

impl Ctx {
    /// `«lambda f @ file:1:2»`, `«primop map»` …
    pub fn show_function(&self, v: Value) -> String {
        match v.view() {
            View::Closure(c) => self.show_lambda(c.code(), 0),
            View::Prim(id) => format!("«primop {}»", self.prim(id).name),
            View::Pap(p) => match p.function().view() {
                View::Closure(c) => self.show_lambda(c.code(), p.len()),
                View::Prim(id) => format!("«partially applied primop {}»", self.prim(id).name),
                _ => "«partially applied»".into(),
            },
            _ => String::new(),
        }
    }

    fn show_lambda(&self, code: &crate::ir::LambdaCode, given: usize) -> String {
        let name = code.name.map_or_else(String::new, |n| format!(" {}", self.name_text(n)));
        let pos = code.positions.get(given).copied().unwrap_or_default();
        format!("«lambda{name} @ {}»", strip_ansi(&self.show_pos(pos)))
    }
}
