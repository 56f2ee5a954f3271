//! `fromTOML`.

use super::{PrimOp, prim};
use crate::Ctx;
use crate::ctx::AttrsBuilder;
use crate::error::{ErrorKind, Res};
use crate::heap::Value;
use crate::msg;
use crate::pos::Pos;
use crate::text::toml::{self, Table};

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[prim("fromTOML", 1, from_toml)
    .args(&["e"])
    .eager(1)
    .global()
    .doc("The value that a TOML text stands for.")];

fn from_toml(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the argument passed to builtins.fromTOML";
    let text = ctx.force_str_no_ctx(args[0], P, what)?;
    let dates = ctx.settings.has_feature("parse-toml-timestamps");
    let built =
        toml::parse(text.as_bytes()).map_err(|e| e.to_string()).and_then(|root| table(ctx, &root, dates));
    built.map_err(|e| ctx.error(ErrorKind::Eval, msg!("while parsing TOML: {}", e), P))
}

fn table(ctx: &mut Ctx, table: &Table, dates: bool) -> Result<Value, String> {
    let mut attrs = AttrsBuilder::with_capacity(table.len());
    for (key, node) in table {
        no_null_byte(key)?;
        let v = value(ctx, &node.value, dates)?;
        attrs.push(ctx.sym(key), P, v);
    }
    Ok(attrs.finish(&mut ctx.heap).value())
}

fn value(ctx: &mut Ctx, value: &toml::Value, dates: bool) -> Result<Value, String> {
    Ok(match value {
        toml::Value::Bool(b) => Value::bool(*b),
        toml::Value::Int(i) => ctx.int(*i),
        toml::Value::Float(f) => ctx.float(*f),
        toml::Value::String(s) => {
            no_null_byte(s)?;
            ctx.str(s)
        }
        toml::Value::Timestamp(s) if dates => {
            let (kind, s) = (ctx.str("timestamp"), ctx.str(s));
            ctx.attrs(&[("_type", kind), ("value", s)])
        }
        toml::Value::Timestamp(_) => return Err("Dates and times are not supported".to_owned()),
        toml::Value::Array(items) => {
            let list = ctx.heap.new_list(items.len());
            for (i, item) in items.iter().enumerate() {
                list.set(i, self::value(ctx, &item.value, dates)?);
            }
            list.value()
        }
        toml::Value::Table(t) => table(ctx, t, dates)?,
    })
}

fn no_null_byte(s: &str) -> Result<(), String> {
    if s.contains('\0') {
        let shown = s.replace('\0', "␀");
        return Err(format!(
            "error: input string '{shown}' cannot be represented as Nix string because it contains null bytes"
        ));
    }
    Ok(())
}
