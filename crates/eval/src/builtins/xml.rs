//! `toXML`.

use firn_syntax::symbol::well_known as wk;
use rustc_hash::FxHashSet;

use super::{PrimOp, prim};
use crate::Ctx;
use crate::context::ContextId;
use crate::error::Res;
use crate::heap::{Attrs, Str, Value, View};
use crate::ir::LambdaCode;
use crate::pos::{Origin, Pos};
use crate::text::{float, xml};

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[prim("toXML", 1, to_xml).args(&["e"]).eager(1).doc("A value as XML.")];

fn to_xml(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    Ok(ctx.to_xml_with(args[0], XmlOptions { strict: true, location: false }, P)?.value())
}

/// How to write XML.
#[derive(Clone, Copy, Debug)]
pub struct XmlOptions {
    /// Evaluate what is delayed; without it, that is written as `<unevaluated />`.
    pub strict: bool,
    /// Say where attributes and functions are defined.
    pub location: bool,
}

impl Ctx {
    /// A value as XML, evaluated as far as it is, with the places of definitions if wanted.
    pub fn to_xml(&mut self, v: Value, location: bool) -> Res<String> {
        let text = self.to_xml_with(v, XmlOptions { strict: false, location }, P)?;
        Ok(text.to_text().into_owned())
    }

    /// A value as XML; its context is that of all strings in it.
    pub fn to_xml_with(&mut self, v: Value, options: XmlOptions, pos: Pos) -> Res<Str> {
        let doc = xml::Writer::new();
        let mut writer = Writer { doc, context: ContextId::NONE, options, seen: FxHashSet::default() };
        writer.doc.open("expr", &[]);
        writer.value(self, v, pos)?;
        let v = self.heap.string_ctx(&writer.doc.finish(), writer.context);
        self.force_str(v, P, "")
    }
}

struct Writer {
    doc: xml::Writer,
    context: ContextId,
    options: XmlOptions,
    /// The derivations that are written already.
    seen: FxHashSet<Vec<u8>>,
}

impl Writer {
    fn value(&mut self, ctx: &mut Ctx, v: Value, pos: Pos) -> Res<()> {
        ctx.deeper(pos, |ctx| {
            let v = self.forced(ctx, v, pos)?;
            match v.view() {
                View::Int(i) => self.scalar("int", i.to_string().as_bytes()),
                View::Bool(b) => self.scalar("bool", if b { b"true" } else { b"false" }),
                View::Float(f) => self.scalar("float", float::general(f).as_bytes()),
                View::Str(s) => {
                    self.context = ctx.contexts.union(self.context, s.context());
                    self.scalar("string", s.as_bytes());
                }
                View::Path(p) => {
                    let shown = ctx.source_path(p);
                    self.scalar("path", ctx.show_path(&shown).as_bytes());
                }
                View::Null => self.doc.empty("null", &[]),
                View::List(l) => {
                    self.doc.open("list", &[]);
                    for i in 0..l.len() {
                        self.value(ctx, l.get(i), pos)?;
                    }
                    self.doc.close();
                }
                View::Attrs(a) => {
                    if ctx.is_derivation(a)? {
                        return self.derivation(ctx, a);
                    }
                    self.doc.open("attrs", &[]);
                    self.attrs(ctx, a)?;
                    self.doc.close();
                }
                View::Closure(c) => self.function(ctx, c.code(), 0),
                View::Pap(p) => match p.function().view() {
                    View::Closure(c) => self.function(ctx, c.code(), p.len()),
                    _ => self.doc.empty("unevaluated", &[]),
                },
                View::Prim(_) | View::Thunk(_) | View::External(_) => self.doc.empty("unevaluated", &[]),
            }
            Ok(())
        })
    }

    fn forced(&self, ctx: &mut Ctx, v: Value, pos: Pos) -> Res {
        if self.options.strict { ctx.force(v, pos) } else { Ok(v.resolved()) }
    }

    fn scalar(&mut self, name: &str, value: &[u8]) {
        self.doc.empty(name, &[("value", value)]);
    }

    fn attrs(&mut self, ctx: &mut Ctx, a: Attrs) -> Res<()> {
        let flat = ctx.flat(a);
        for i in ctx.lexical_order(flat) {
            let i = *i as usize;
            let pos = flat.pos(i);
            let place = self.place(ctx, pos);
            self.open_at("attr", place, Some(ctx.name(flat.name(i))));
            self.value(ctx, flat.value(i), pos)?;
            self.doc.close();
        }
        Ok(())
    }

    fn derivation(&mut self, ctx: &mut Ctx, a: Attrs) -> Res<()> {
        let mut found = [None, None];
        for (name, found) in [wk::DRV_PATH, wk::OUT_PATH].into_iter().zip(&mut found) {
            if let Some((v, pos)) = a.get_with_pos(name) {
                *found = self.forced(ctx, v, pos)?.as_str();
            }
        }
        let [drv_path, out_path] = found;
        let attributes: Vec<(&str, &[u8])> = [("drvPath", drv_path), ("outPath", out_path)]
            .iter()
            .filter_map(|(name, s)| Some((*name, s.as_ref()?.as_bytes())))
            .collect();
        self.doc.open("derivation", &attributes);
        let drv_path = drv_path.map_or(&b""[..], |s| s.as_bytes());
        if !drv_path.is_empty() && self.seen.insert(drv_path.to_vec()) {
            self.attrs(ctx, a)?;
        } else {
            self.doc.empty("repeated", &[]);
        }
        self.doc.close();
        Ok(())
    }

    /// Writes a function that has got `given` of the arguments of `code`.
    fn function(&mut self, ctx: &mut Ctx, code: &LambdaCode, given: usize) {
        let place = self.place(ctx, code.positions.get(given).copied().unwrap_or_default());
        self.open_at("function", place, None);
        let name = code.params.get(given).copied().flatten().map(|name| ctx.name(name));
        match code.formals {
            Some(formals) if given + 1 == code.arity as usize => {
                let mut attributes: Vec<(&str, &[u8])> = Vec::new();
                if formals.ellipsis {
                    attributes.push(("ellipsis", b"1"));
                }
                attributes.extend(name.map(|name| ("name", name)));
                self.doc.open("attrspat", &attributes);
                let mut names: Vec<&[u8]> =
                    formals.formals.iter().map(|formal| ctx.name(formal.name)).collect();
                names.sort_unstable();
                names.iter().for_each(|name| self.doc.empty("attr", &[("name", name)]));
                self.doc.close();
            }
            _ => self.doc.empty("varpat", &[("name", name.unwrap_or_default())]),
        }
        self.doc.close();
    }

    /// Where something is defined, if that is to be written.
    fn place(&self, ctx: &Ctx, pos: Pos) -> Option<Place> {
        let place = if self.options.location { ctx.positions.place(pos)? } else { return None };
        let path = match &place.source.origin {
            Origin::File { path, .. } => Some(path.to_string()),
            _ => None,
        };
        Some(Place { line: place.line.to_string(), column: place.column.to_string(), path })
    }

    fn open_at(&mut self, element: &'static str, place: Option<Place>, name: Option<&[u8]>) {
        let mut attributes: Vec<(&str, &[u8])> = Vec::with_capacity(4);
        if let Some(place) = &place {
            attributes.push(("column", place.column.as_bytes()));
            attributes.push(("line", place.line.as_bytes()));
        }
        attributes.extend(name.map(|name| ("name", name)));
        if let Some(path) = place.as_ref().and_then(|place| place.path.as_ref()) {
            attributes.push(("path", path.as_bytes()));
        }
        self.doc.open(element, &attributes);
    }
}

/// A place as text.
struct Place {
    line: String,
    column: String,
    path: Option<String>,
}
