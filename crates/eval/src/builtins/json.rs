//! `fromJSON` and `toJSON`.

use firn_syntax::Symbol;
use firn_syntax::symbol::well_known as wk;

use super::{PrimOp, prim};
use crate::Ctx;
use crate::context::ContextId;
use crate::error::{Arg, ErrorKind, Fail, Res};
use crate::heap::{Attrs, Shape, Str, Value, View};
use crate::msg;
use crate::pos::Pos;
use crate::text::json::{self, ReadError, Utf8Error};

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("fromJSON", 1, from_json).args(&["e"]).eager(1).doc("The value that a JSON text stands for."),
    prim("toJSON", 1, to_json).args(&["e"]).eager(1).doc(
        "A value as JSON. Sets with `__toString` or `outPath` become strings; paths are copied to the store.",
    ),
];

fn from_json(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.fromJSON";
    let text = ctx.force_str_no_ctx(args[0], P, what)?;
    ctx.read_json(text.as_bytes())
}

fn to_json(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    Ok(ctx.to_json(args[0])?.value())
}

/// How to write JSON.
#[derive(Clone, Copy, Debug)]
pub struct JsonOptions {
    /// Evaluate what is delayed; without it, that is an error.
    pub strict: bool,
    /// Copy paths to the store; without it, they are written as they are.
    pub copy: bool,
}

impl Ctx {
    /// The value that a JSON text stands for.
    pub fn read_json(&mut self, text: &[u8]) -> Res {
        let mut build =
            Build { ctx: self, open: Vec::new(), items: Vec::new(), attrs: Vec::new(), shape: None };
        match json::read(text, &mut build) {
            Ok(()) => Ok(build.items.pop().unwrap_or(Value::NULL)),
            Err(ReadError::Visitor(never)) => match never {},
            Err(ReadError::Json(e)) => {
                let (m, syntax) = match &e {
                    json::Error::NullByte(text) => (
                        msg!(
                            "input string '{}' cannot be represented as Nix string because it contains null bytes",
                            text
                        ),
                        false,
                    ),
                    json::Error::Unsigned(number) => {
                        (msg!("unsigned json number {} outside of Nix integer range", number), false)
                    }
                    _ => (msg!("{}", &e), true),
                };
                self.error(ErrorKind::Eval, m, P);
                if syntax {
                    self.trace(P, "while decoding a JSON string");
                }
                Err(Fail)
            }
        }
    }

    /// A value as JSON text, as `toJSON` gives it.
    pub fn to_json(&mut self, v: Value) -> Res<Str> {
        self.to_json_with(v, JsonOptions { strict: true, copy: true }, P)
    }

    /// A value as JSON text; its context is that of all strings in it.
    pub fn to_json_with(&mut self, v: Value, options: JsonOptions, pos: Pos) -> Res<Str> {
        let mut writer = Writer { out: Vec::new(), context: ContextId::NONE, options, broken: None };
        writer.value(self, v, pos, options.copy)?;
        if let Some(e) = writer.broken {
            return Err(self.error(ErrorKind::Eval, msg!("JSON serialization error: {}", e), P));
        }
        let v = self.heap.string_ctx(&writer.out, writer.context);
        self.force_str(v, P, "")
    }
}

/// Builds values from the parts of a JSON text.
struct Build<'a> {
    ctx: &'a mut Ctx,
    open: Vec<Open>,
    /// Finished values: of all open arrays, outermost first; a value in an object is here only until it is taken.
    items: Vec<Value>,
    /// The same for the attributes of open objects.
    attrs: Vec<(Symbol, Pos, Value)>,
    /// The shape of the object that was finished last: objects in arrays are often alike.
    shape: Option<Shape>,
}

enum Open {
    /// An array whose items start there.
    Array(usize),
    /// An object whose attributes start there.
    Object(usize),
}

/// Nothing can go wrong.
enum Never {}

type Built = Result<(), Never>;

impl Build<'_> {
    fn put(&mut self, v: Value) -> Built {
        match self.open.last() {
            Some(Open::Object(_)) => {
                if let Some(attr) = self.attrs.last_mut() {
                    attr.2 = v;
                }
            }
            _ => self.items.push(v),
        }
        Ok(())
    }

    /// Makes a set of the attributes from `start` on; of equal names the last one counts.
    fn set(&mut self, start: usize) -> Value {
        let attrs = &mut self.attrs[start..];
        if !attrs.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            // The sort is stable, and of equals the last is to be kept.
            attrs.sort_by_key(|attr| attr.0);
            let mut kept = 0;
            for i in 0..attrs.len() {
                if i > 0 && attrs[i].0 == attrs[kept].0 {
                    attrs[kept] = attrs[i];
                } else {
                    kept += usize::from(i > 0);
                    attrs[kept] = attrs[i];
                }
            }
            let len = start + (kept + 1).min(attrs.len());
            self.attrs.truncate(len);
        }
        let attrs = &self.attrs[start..];
        let same = |shape: &Shape| shape.names().iter().copied().eq(attrs.iter().map(|attr| attr.0));
        let set = match self.shape.filter(same) {
            Some(shape) => {
                let set = self.ctx.heap.new_attrs(shape);
                for (i, attr) in attrs.iter().enumerate() {
                    set.set(i, attr.2);
                }
                set
            }
            None => self.ctx.heap.attrs_sorted(attrs),
        };
        self.shape = Some(set.raw_shape());
        self.attrs.truncate(start);
        set.value()
    }
}

impl json::Visitor for Build<'_> {
    type Error = Never;

    fn null(&mut self) -> Built {
        self.put(Value::NULL)
    }

    fn bool(&mut self, value: bool) -> Built {
        self.put(Value::bool(value))
    }

    fn int(&mut self, value: i64) -> Built {
        let v = self.ctx.int(value);
        self.put(v)
    }

    fn float(&mut self, value: f64) -> Built {
        let v = self.ctx.float(value);
        self.put(v)
    }

    fn string(&mut self, value: &str) -> Built {
        let v = self.ctx.str(value);
        self.put(v)
    }

    fn begin_object(&mut self) -> Built {
        self.open.push(Open::Object(self.attrs.len()));
        Ok(())
    }

    fn key(&mut self, key: &str) -> Built {
        self.attrs.push((self.ctx.sym(key), P, Value::NULL));
        Ok(())
    }

    fn end_object(&mut self) -> Built {
        let Some(Open::Object(start)) = self.open.pop() else { return Ok(()) };
        let v = self.set(start);
        self.put(v)
    }

    fn begin_array(&mut self) -> Built {
        self.open.push(Open::Array(self.items.len()));
        Ok(())
    }

    fn end_array(&mut self) -> Built {
        let Some(Open::Array(start)) = self.open.pop() else { return Ok(()) };
        let v = self.ctx.list(&self.items[start..]);
        self.items.truncate(start);
        self.put(v)
    }
}

struct Writer {
    out: Vec<u8>,
    context: ContextId,
    options: JsonOptions,
    /// The first string that is not UTF-8: an error only when everything is evaluated.
    broken: Option<Utf8Error>,
}

impl Writer {
    fn string(&mut self, s: &[u8]) {
        if let Err(e) = json::write_string(s, &mut self.out) {
            self.broken.get_or_insert(e);
        }
    }

    fn value(&mut self, ctx: &mut Ctx, v: Value, pos: Pos, copy: bool) -> Res<()> {
        ctx.deeper(pos, |ctx| {
            let v = if self.options.strict { ctx.force(v, pos)? } else { v.resolved() };
            match v.view() {
                View::Null => self.out.extend_from_slice(b"null"),
                View::Bool(true) => self.out.extend_from_slice(b"true"),
                View::Bool(false) => self.out.extend_from_slice(b"false"),
                View::Int(i) => json::write_int(i, &mut self.out),
                View::Float(f) => json::write_float(f, &mut self.out),
                View::Str(s) => {
                    self.context = ctx.contexts.union(self.context, s.context());
                    self.string(s.as_bytes());
                }
                View::Path(p) if copy => {
                    let s = ctx.copy_to_store(p)?;
                    self.context = ctx.contexts.union(self.context, s.context());
                    self.string(s.as_bytes());
                }
                View::Path(p) => self.string(p.as_bytes()),
                View::Attrs(a) => self.peel(ctx, v, a, pos, copy, false)?,
                View::List(l) => {
                    self.out.push(b'[');
                    for i in 0..l.len() {
                        if i > 0 {
                            self.out.push(b',');
                        }
                        self.value(ctx, l.get(i), pos, copy).map_err(|_| {
                            ctx.trace(pos, msg!("while evaluating list element at index {}", i))
                        })?;
                    }
                    self.out.push(b']');
                }
                View::Thunk(_) | View::Closure(_) | View::Prim(_) | View::Pap(_) | View::External(_) => {
                    let m = format!("cannot convert {} to JSON", Arg(ctx.show_type(v)));
                    let place = ctx.place_of(v, pos);
                    return Err(ctx.error(ErrorKind::Type, m, place));
                }
            }
            Ok(())
        })
    }

    /// Writes a set: what its `__toString` gives, else its `outPath`, else its attributes.
    fn peel(&mut self, ctx: &mut Ctx, v: Value, a: Attrs, pos: Pos, copy: bool, called: bool) -> Res<()> {
        if let Some((f, at)) = a.get_with_pos(wk::TO_STRING) {
            let s = ctx
                .call(f, &[v], at)
                .map_err(|_| ctx.trace(at, "while calling the `__toString` attribute"))?;
            return ctx.deeper(pos, |ctx| self.peeled(ctx, s, at, copy, true)).map_err(|_| {
                let text = format!("while {} the result of the `__toString` attribute", ctx.trying_to_use(s));
                ctx.trace(at, text)
            });
        }
        if let Some((o, at)) = a.get_with_pos(wk::OUT_PATH) {
            let done = match ctx.force(o, at) {
                Ok(o) => ctx.deeper(pos, |ctx| self.peeled(ctx, o, at, copy, called)),
                Err(e) => Err(e),
            };
            return done.map_err(|_| {
                let text = format!("while {} the `outPath` attribute", ctx.trying_to_use(o));
                ctx.trace(at, text)
            });
        }
        if called {
            let m = format!(
                "`__toString` must return a string, but got {}: {}",
                Arg(ctx.show_type(v)),
                ctx.show_for_error(v)
            );
            return Err(ctx.error(ErrorKind::Type, m, pos));
        }
        self.attrs(ctx, a, copy)
    }

    /// Writes what was found behind `__toString` (if `called`) or `outPath`.
    fn peeled(&mut self, ctx: &mut Ctx, v: Value, pos: Pos, copy: bool, called: bool) -> Res<()> {
        let v = ctx.force(v, pos)?;
        match v.view() {
            View::Attrs(a) => self.peel(ctx, v, a, pos, copy, called),
            View::Str(_) | View::Path(_) | View::External(_) => self.value(ctx, v, pos, copy && !called),
            _ if called => {
                let m = format!(
                    "`__toString` should return a string, but got {}: {}",
                    Arg(ctx.show_type(v)),
                    ctx.show_for_error(v)
                );
                Err(ctx.error(ErrorKind::Type, m, pos))
            }
            _ => self.value(ctx, v, pos, copy),
        }
    }

    fn attrs(&mut self, ctx: &mut Ctx, a: Attrs, copy: bool) -> Res<()> {
        let flat = ctx.flat(a);
        self.out.push(b'{');
        for (k, i) in ctx.lexical_order(flat).iter().enumerate() {
            let i = *i as usize;
            if k > 0 {
                self.out.push(b',');
            }
            let (name, pos) = (flat.name(i), flat.pos(i));
            self.string(ctx.name(name));
            self.out.push(b':');
            self.value(ctx, flat.value(i), pos, copy).map_err(|_| {
                let text = msg!("while evaluating attribute '{}'", ctx.name_text(name));
                ctx.trace(pos, text)
            })?;
        }
        self.out.push(b'}');
        Ok(())
    }
}
