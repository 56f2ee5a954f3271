//! The syntax tree as text: what `nix-instantiate --parse` prints, byte for byte.
//!
//! Sugar is written out as the reference sees it (`a - b` is `(__sub a b)`, `<x>` is `(__findFile __nixPath "x")`),
//! attributes are sorted by name. The walk keeps its own stack, so depth costs no stack.

use crate::ast::{Ast, AttrsLit, Binding, BindingValue, Expr, ExprId, Formal, Op, Part, PathElem, Range32};
use crate::symbol::well_known::OR;
use crate::symbol::{Symbol, SymbolTable};

/// Prints a syntax tree like `nix-instantiate --parse`, without a newline at the end.
///
/// The result is UTF-8 as far as the source was.
pub fn show(ast: &Ast, symbols: &SymbolTable) -> Vec<u8> {
    match ast.root {
        Some(root) => show_expr(ast, symbols, root),
        None => Vec::new(),
    }
}

/// Prints one expression of a syntax tree like [`show`].
pub fn show_expr(ast: &Ast, symbols: &SymbolTable, expr: ExprId) -> Vec<u8> {
    let mut printer =
        Printer { ast, symbols, out: Vec::new(), todo: vec![Item::Expr(expr)], plan: Vec::new() };
    while let Some(item) = printer.todo.pop() {
        printer.item(item);
        // What was planned comes next, in its order.
        printer.todo.extend(printer.plan.drain(..).rev());
    }
    printer.out
}

/// Writes an attribute name, with quotes where it needs some.
pub fn write_identifier(name: &[u8], out: &mut Vec<u8>) {
    const KEYWORDS: [&[u8]; 9] =
        [b"if", b"then", b"else", b"assert", b"with", b"let", b"in", b"rec", b"inherit"];
    let plain = name.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\'' | b'-'))
        && !KEYWORDS.contains(&name);
    if plain {
        out.extend_from_slice(name);
    } else {
        write_string(name, out);
    }
}

/// Writes a string literal.
pub fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for (index, byte) in text.iter().enumerate() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'$' if text.get(index + 1) == Some(&b'{') => out.extend_from_slice(b"\\$"),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

/// Writes a float with six significant digits (C's `%g`), as values and trees are printed.
pub fn write_float(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        let name = if value.is_nan() { "nan" } else { "inf" };
        out.extend_from_slice(sign.as_bytes());
        out.extend_from_slice(name.as_bytes());
        return;
    }
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| -> String {
        if digits.contains('.') {
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            digits.to_owned()
        }
    };
    let text = if (-4..6).contains(&exponent) {
        trim(&format!("{value:.*}", (5 - exponent) as usize))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    };
    out.extend_from_slice(text.as_bytes());
}

#[derive(Clone, Copy)]
enum Item {
    Expr(ExprId),
    /// A call without its parentheses, for one that gets more arguments.
    CallInside(ExprId),
    Text(&'static str),
    Name(Symbol),
    Literal(Range32),
    Raw(Range32),
    Path(Range32),
    Args(Range32),
    Bindings(u32),
}

struct Printer<'a> {
    ast: &'a Ast,
    symbols: &'a SymbolTable,
    out: Vec<u8>,
    /// What is still to be written, the next one last.
    todo: Vec<Item>,
    /// What the current item consists of, in order.
    plan: Vec<Item>,
}

fn slice<T>(table: &[T], range: Range32) -> &[T] {
    table.get(range.start as usize..(range.start + range.len) as usize).unwrap_or_default()
}

impl<'a> Printer<'a> {
    fn item(&mut self, item: Item) {
        match item {
            Item::Expr(id) => self.expr(id),
            Item::CallInside(id) => self.call_inside(id),
            Item::Text(text) => self.out.extend_from_slice(text.as_bytes()),
            Item::Name(name) => write_identifier(self.symbols.name(name), &mut self.out),
            Item::Literal(run) => write_string(slice(&self.ast.bytes, run), &mut self.out),
            Item::Raw(run) => self.out.extend_from_slice(slice(&self.ast.bytes, run)),
            Item::Path(path) => self.path(path),
            Item::Args(args) => {
                for arg in slice(&self.ast.ids, args) {
                    self.plan.extend([Item::Text(" "), Item::Expr(*arg)]);
                }
            }
            Item::Bindings(index) => self.bindings(&self.ast.attrs[index as usize]),
        }
    }

    fn expr(&mut self, id: ExprId) {
        use Item::{Bindings, CallInside, Expr as Sub, Literal, Name, Path, Raw, Text};
        let plan = &mut self.plan;
        match self.ast.exprs[id.0 as usize] {
            Expr::Int(value) => self.out.extend_from_slice(value.to_string().as_bytes()),
            Expr::Float(value) => write_float(value, &mut self.out),
            Expr::Str(run) | Expr::Uri(run) => plan.push(Literal(run)),
            Expr::Path(run) => plan.push(Raw(run)),
            Expr::Var(name) => plan.push(Name(name)),
            Expr::CurPos => plan.push(Text("__curPos")),
            Expr::Interpolated(parts) | Expr::InterpolatedPath(parts) => {
                let is_path = matches!(self.ast.exprs[id.0 as usize], Expr::InterpolatedPath(_));
                plan.push(Text("("));
                for (index, part) in slice(&self.ast.parts, parts).iter().enumerate() {
                    if index > 0 {
                        plan.push(Text(" + "));
                    }
                    plan.push(match part {
                        Part::Lit(run) if is_path && index == 0 => Raw(*run),
                        Part::Lit(run) => Literal(*run),
                        Part::Expr(id, _) => Sub(*id),
                    });
                }
                plan.push(Text(")"));
            }
            Expr::List(elements) => {
                plan.push(Text("[ "));
                for id in slice(&self.ast.ids, elements) {
                    plan.extend([Text("("), Sub(*id), Text(") ")]);
                }
                plan.push(Text("]"));
            }
            Expr::Attrs(index) => {
                let recursive = self.ast.attrs[index as usize].recursive;
                plan.extend([Text(if recursive { "rec { " } else { "{ " }), Bindings(index), Text("}")]);
            }
            Expr::Let(index, body) => {
                plan.extend([Text("(let "), Bindings(index), Text("in "), Sub(body), Text(")")]);
            }
            Expr::LetBody(index) => plan.extend([Text("(rec { "), Bindings(index), Text("}).body")]),
            Expr::Lambda(index) => self.lambda(index),
            Expr::Select(set, path) => plan.extend([Text("("), Sub(set), Text(")."), Path(path)]),
            Expr::SelectOr(index) => {
                let select = self.ast.selects_or[index as usize];
                plan.extend([Text("("), Sub(select.set), Text(")."), Path(select.path)]);
                plan.extend([Text(" or ("), Sub(select.default), Text(")")]);
            }
            Expr::HasAttr(set, path) => {
                plan.extend([Text("(("), Sub(set), Text(") ? "), Path(path), Text(")")]);
            }
            Expr::If(index) => {
                let parts = slice(&self.ast.ids, Range32 { start: index, len: 3 });
                if let [condition, then, otherwise] = *parts {
                    plan.extend([Text("(if "), Sub(condition), Text(" then "), Sub(then)]);
                    plan.extend([Text(" else "), Sub(otherwise), Text(")")]);
                }
            }
            Expr::Assert(condition, body) => {
                plan.extend([Text("assert "), Sub(condition), Text("; "), Sub(body)]);
            }
            Expr::With(set, body) => {
                plan.extend([Text("(with "), Sub(set), Text("; "), Sub(body), Text(")")])
            }
            Expr::Not(operand) => plan.extend([Text("(! "), Sub(operand), Text(")")]),
            Expr::Binary(op, left, right) if !op.is_call() => match op {
                Op::LessEq => {
                    plan.extend([Text("(! (__lessThan "), Sub(right), Text(" "), Sub(left), Text("))")])
                }
                Op::GreaterEq => {
                    plan.extend([Text("(! (__lessThan "), Sub(left), Text(" "), Sub(right), Text("))")])
                }
                _ => plan.extend([Text("("), Sub(left), Text(symbol(op)), Sub(right), Text(")")]),
            },
            Expr::Call(..) | Expr::SearchPath(_) | Expr::Neg(_) | Expr::Binary(..) => {
                plan.extend([Text("("), CallInside(id), Text(")")]);
            }
        }
    }

    fn call_inside(&mut self, id: ExprId) {
        use Item::{Args, CallInside, Expr as Sub, Literal, Text};
        let plan = &mut self.plan;
        match self.ast.exprs[id.0 as usize] {
            Expr::Call(function, args) => {
                // The reference adds arguments to a call that is there, but not the `or` of `x or`, which has the
                // position of `x`.
                let first = slice(&self.ast.ids, args).first().map_or(0, |first| first.0 as usize);
                let start = self.ast.starts[function.0 as usize];
                let by_or = self.ast.exprs[first] == Expr::Var(OR) && self.ast.spans[first].start == start;
                let joins = !by_or && crate::parser::is_call(&self.ast.exprs[function.0 as usize]);
                plan.extend([if joins { CallInside(function) } else { Sub(function) }, Args(args)]);
            }
            Expr::SearchPath(text) => plan.extend([Text("__findFile __nixPath "), Literal(text)]),
            Expr::Neg(operand) => plan.extend([Text("__sub 0 "), Sub(operand)]),
            Expr::Binary(op, left, right) => {
                let (left, right) = if op == Op::Greater { (right, left) } else { (left, right) };
                plan.extend([
                    Text(op.lexical_primop().unwrap_or("")),
                    Text(" "),
                    Sub(left),
                    Text(" "),
                    Sub(right),
                ]);
            }
            _ => plan.push(Sub(id)),
        }
    }

    fn lambda(&mut self, index: u32) {
        use Item::{Expr as Sub, Name, Text};
        let lambda = self.ast.lambdas[index as usize];
        self.plan.push(Text("("));
        if let Some(formals) = lambda.formals {
            let mut sorted: Vec<&Formal> = slice(&self.ast.formals, formals.formals).iter().collect();
            sorted.sort_unstable_by_key(|formal| self.symbols.name(formal.name));
            self.plan.push(Text("{ "));
            for (index, formal) in sorted.iter().enumerate() {
                if index > 0 {
                    self.plan.push(Text(", "));
                }
                self.plan.push(Name(formal.name));
                if let Some(default) = formal.default {
                    self.plan.extend([Text(" ? "), Sub(default)]);
                }
            }
            if formals.ellipsis {
                self.plan.push(Text(if sorted.is_empty() { "..." } else { ", ..." }));
            }
            self.plan.push(Text(if lambda.arg.is_some() { " } @ " } else { " }" }));
        }
        self.plan.extend(lambda.arg.map(Name));
        self.plan.extend([Text(": "), Sub(lambda.body), Text(")")]);
    }

    fn path(&mut self, path: Range32) {
        for (index, elem) in slice(&self.ast.path_elems, path).iter().enumerate() {
            if index > 0 {
                self.plan.push(Item::Text("."));
            }
            match elem {
                PathElem::Static(name, _) => self.plan.push(Item::Name(*name)),
                PathElem::Dynamic(id, _) => {
                    self.plan.extend([Item::Text("\"${"), Item::Expr(*id), Item::Text("}\"")]);
                }
            }
        }
    }

    fn bindings(&mut self, set: &'a AttrsLit) {
        use Item::{Expr as Sub, Name, Text};
        let mut sorted: Vec<&Binding> = slice(&self.ast.bindings, set.bindings).iter().collect();
        sorted.sort_unstable_by_key(|binding| self.symbols.name(binding.name));
        let mut inherited = sorted.iter().filter(|binding| binding.value == BindingValue::Inherit).peekable();
        if inherited.peek().is_some() {
            self.plan.push(Text("inherit"));
            self.plan.extend(inherited.flat_map(|binding| [Text(" "), Name(binding.name)]));
            self.plan.push(Text("; "));
        }
        let mut from: Vec<(u32, Symbol)> = Vec::new();
        for binding in &sorted {
            if let BindingValue::InheritFrom(number) = binding.value {
                from.push((number, binding.name));
            }
        }
        // Stable: the names of one source stay sorted.
        from.sort_by_key(|(number, _)| *number);
        for names in from.chunk_by(|a, b| a.0 == b.0) {
            let source = slice(&self.ast.ids, set.inherit_from)[names[0].0 as usize];
            self.plan.extend([Text("inherit ("), Sub(source), Text(")")]);
            self.plan.extend(names.iter().flat_map(|(_, name)| [Text(" "), Name(*name)]));
            self.plan.push(Text("; "));
        }
        for binding in &sorted {
            if let BindingValue::Expr(value) = binding.value {
                self.plan.extend([Name(binding.name), Text(" = "), Sub(value), Text("; ")]);
            }
        }
        for dynamic in slice(&self.ast.dynamics, set.dynamics) {
            self.plan.extend([
                Text("\"${"),
                Sub(dynamic.name),
                Text("}\" = "),
                Sub(dynamic.value),
                Text("; "),
            ]);
        }
    }
}

/// An operator that is not a call, with its spaces.
fn symbol(op: Op) -> &'static str {
    match op {
        Op::Add => " + ",
        Op::Concat => " ++ ",
        Op::Update => " // ",
        Op::Eq => " == ",
        Op::NotEq => " != ",
        Op::And => " && ",
        Op::Or => " || ",
        Op::Impl => " -> ",
        Op::Sub | Op::Mul | Op::Div | Op::Less | Op::LessEq | Op::Greater | Op::GreaterEq => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: f64) -> String {
        let mut out = Vec::new();
        write_float(value, &mut out);
        String::from_utf8(out).expect("digits are ASCII")
    }

    #[test]
    fn floats_have_six_digits() {
        assert_eq!(float(1.5), "1.5");
        assert_eq!(float(3.0), "3");
        assert_eq!(float(0.0), "0");
        assert_eq!(float(1_234_567.0), "1.23457e+06");
        assert_eq!(float(999_999.5), "1e+06");
        assert_eq!(float(123_456.0), "123456");
        assert_eq!(float(0.0001), "0.0001");
        assert_eq!(float(0.00001234), "1.234e-05");
        assert_eq!(float(-2.5e100), "-2.5e+100");
    }

    #[test]
    fn names_get_quotes_where_needed() {
        let name = |text: &str| {
            let mut out = Vec::new();
            write_identifier(text.as_bytes(), &mut out);
            String::from_utf8(out).expect("the inputs are UTF-8")
        };
        assert_eq!(name("a-b'"), "a-b'");
        assert_eq!(name(""), "\"\"");
        assert_eq!(name("if"), "\"if\"");
        assert_eq!(name("or"), "or");
        assert_eq!(name("1a"), "\"1a\"");
        assert_eq!(name("a${\n"), "\"a\\${\\n\"");
    }
}
