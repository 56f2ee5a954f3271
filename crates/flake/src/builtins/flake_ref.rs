//! `parseFlakeRef`, `flakeRefToString`

use firn_eval::builtins::{PrimOp, prim};
use firn_eval::{Ctx, ErrorKind, Pos, Res, Type, Value, msg};
use firn_fetch::{Attr, Attrs};

use super::{P, attrs_value, with_flakes};
use crate::reference::{Context, FlakeRef};

pub(super) const TABLE: &[PrimOp] = &[
    prim("parseFlakeRef", 1, parse_flake_ref)
        .args(&["flake-ref"])
        .feature("flakes")
        .doc("The attributes that a flake reference means: `parseFlakeRef \"github:o/r?dir=x\"`."),
    prim("flakeRefToString", 1, flake_ref_to_string)
        .args(&["attrs"])
        .feature("flakes")
        .doc("The URL of a flake reference that is given as attributes."),
];

fn parse_flake_ref(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    let what = "while evaluating the argument passed to builtins.parseFlakeRef";
    let text = ctx.force_str_no_ctx(args[0], P, what)?.to_text().into_owned();
    let attrs = with_flakes(ctx, pos, |_, _| {
        let context = Context { base: None, flake: true, keep_relative: false };
        Ok(FlakeRef::parse(&text, context)?.to_attrs())
    })?;
    Ok(attrs_value(ctx, &attrs))
}

fn flake_ref_to_string(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    let what = "while evaluating the argument passed to builtins.flakeRefToString";
    let set = ctx.force_attrs(args[0], P, what)?;
    let flat = ctx.flat(set);
    let mut attrs = Attrs::new();
    for i in ctx.lexical_order(flat) {
        let i = *i as usize;
        let value = ctx.force(flat.value(i), flat.pos(i))?;
        let name = String::from_utf8_lossy(ctx.name(flat.name(i))).into_owned();
        let attr = match value.ty() {
            Type::String => Attr::Text(value.as_str().map(|s| s.to_text().into_owned()).unwrap_or_default()),
            Type::Bool => Attr::Bool(value == Value::TRUE),
            Type::Int => {
                let n = value.as_int().unwrap_or(0);
                match u64::try_from(n) {
                    Ok(n) => Attr::Int(n),
                    Err(_) => {
                        let m = msg!("negative value given for flake ref attr {}: {}", name, n);
                        return Err(ctx.error(ErrorKind::Eval, m, P));
                    }
                }
            }
            _ => {
                let found = ctx.show_type(value);
                let m = msg!(
                    "flake reference attribute sets may only contain integers, Booleans, and strings, but attribute '{}' is {}",
                    name,
                    found
                );
                return Err(ctx.type_error(m, P));
            }
        };
        attrs.insert(name, attr);
    }
    let text = with_flakes(ctx, pos, |_, _| Ok(FlakeRef::from_attrs(attrs)?.to_string()))?;
    Ok(ctx.str(text))
}
