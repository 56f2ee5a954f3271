//! Builtins that fetch, and those of flakes; [`Flakes`] must be among the extensions of the context.

mod fetch_tree;
mod fetch_url;
mod flake_ref;
mod get_flake;
mod mercurial;
mod uri;

use firn_eval::builtins::PrimOp;
use firn_eval::{Ctx, ErrorKind, EvalError, Pos, Res, Type, Value};
use firn_fetch::{Attr, Attrs};

use crate::error::FlakeError;
use crate::session::Flakes;

/// All of them.
pub fn tables() -> [&'static [PrimOp]; 6] {
    [
        fetch_tree::TABLE,
        fetch_url::TABLE,
        flake_ref::TABLE,
        get_flake::TABLE,
        mercurial::TABLE,
        crate::call::BUILTINS,
    ]
}

const P: Pos = Pos::NONE;

/// The flakes of the evaluation.
pub(crate) fn flakes(ctx: &mut Ctx, pos: Pos) -> Res<Flakes> {
    match ctx.get_extension::<Flakes>() {
        Some(flakes) => Ok(flakes.clone()),
        None => Err(ctx.error(ErrorKind::Eval, "nothing can be fetched in this evaluation", pos)),
    }
}

/// Runs `f` with the flakes of the evaluation; its errors become those of the evaluation.
pub(crate) fn with_flakes<T>(
    ctx: &mut Ctx,
    pos: Pos,
    f: impl FnOnce(&Flakes, &mut Ctx) -> Result<T, FlakeError>,
) -> Res<T> {
    let flakes = flakes(ctx, pos)?;
    f(&flakes, ctx).map_err(|error| {
        let (error, contexts) = error.root_cause();
        let mut fail = match error {
            FlakeError::Evaluation(inner) => ctx.raise(*inner),
            FlakeError::HashMismatch(text) => ctx.raise(plain(ErrorKind::HashMismatch, text)),
            other => ctx.raise(plain(ErrorKind::Outside, other.to_string())),
        };
        for context in contexts {
            fail = ctx.trace(P, context);
        }
        fail
    })
}

fn plain(kind: ErrorKind, message: String) -> EvalError {
    EvalError { kind, message, pos: P, traces: Vec::new(), suggestions: Vec::new(), cycle: None }
}

/// The attributes of a set of strings, numbers and truth values; others are left out.
pub(crate) fn attrs_of(ctx: &mut Ctx, value: Value, pos: Pos, what: &'static str) -> Res<Attrs> {
    let set = ctx.force_attrs(value, pos, what)?;
    let flat = ctx.flat(set);
    let mut found = Attrs::new();
    for (name, _, value) in flat.iter() {
        let value = ctx.force(value, pos)?;
        let name = String::from_utf8_lossy(ctx.name(name)).into_owned();
        let attr = match value.ty() {
            Type::String => Attr::Text(value.as_str().map(|s| s.to_text().into_owned()).unwrap_or_default()),
            Type::Int => Attr::Int(value.as_int().and_then(|n| u64::try_from(n).ok()).unwrap_or(0)),
            Type::Bool => Attr::Bool(value == Value::TRUE),
            _ => continue,
        };
        found.insert(name, attr);
    }
    Ok(found)
}

/// A set of attributes.
fn attrs_value(ctx: &mut Ctx, attrs: &Attrs) -> Value {
    let values: Vec<(&str, Value)> = attrs
        .iter()
        .map(|(name, attr)| {
            let value = match attr {
                Attr::Text(text) => ctx.str(text),
                Attr::Int(n) => ctx.int(i64::try_from(*n).unwrap_or(i64::MAX)),
                Attr::Bool(b) => Value::bool(*b),
            };
            (name.as_str(), value)
        })
        .collect();
    ctx.attrs(&values)
}
