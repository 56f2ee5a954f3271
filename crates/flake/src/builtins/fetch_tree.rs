//! `fetchTree`, `fetchGit`

use firn_eval::builtins::{PrimOp, prim};
use firn_eval::{Coerce, Ctx, ErrorKind, Pos, Res, Type, Value, msg};
use firn_fetch::{Attr, Attrs, Input, ParsedUrl};

use super::{P, flakes, uri, with_flakes};
use crate::call::Describe;
use crate::reference::FlakeRef;
use crate::registry::Use;

pub(super) const TABLE: &[PrimOp] = &[
    prim("fetchTree", 1, fetch_tree)
        .args(&["input"])
        .global()
        .feature("fetch-tree")
        .doc("Fetches a source tree, given its attributes or its URL; gives its `outPath` and what is known of it."),
    prim("fetchGit", 1, fetch_git)
        .args(&["args"])
        .global()
        .doc("Fetches a commit of a Git repository, or its work tree; gives its `outPath` and what is known of it."),
];

/// Which of the two builtins it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tree,
    Git,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Tree => "fetchTree",
            Kind::Git => "fetchGit",
        }
    }
}

fn fetch_tree(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    fetch(ctx, args[0], pos, Kind::Tree)
}

fn fetch_git(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    fetch(ctx, args[0], pos, Kind::Git)
}

fn fail<T>(ctx: &mut Ctx, message: String) -> Res<T> {
    Err(ctx.error(ErrorKind::Eval, message, P))
}

fn fetch(ctx: &mut Ctx, arg: Value, pos: Pos, kind: Kind) -> Res {
    let arg = ctx.force(arg, P)?;
    let input = if arg.as_attrs().is_some() {
        let attrs = input_attrs(ctx, arg, kind)?;
        with_flakes(ctx, pos, |_, _| Ok(Input::from_attrs(attrs)?))?
    } else {
        let what = match kind {
            Kind::Tree => "while evaluating the first argument passed to 'fetchTree'",
            Kind::Git => "while evaluating the first argument passed to 'fetchGit'",
        };
        let url = ctx.coerce(arg, Coerce::PLAIN, P, what)?.to_text().into_owned();
        if kind == Kind::Tree && !ctx.settings.has_feature("flakes") {
            let m = msg!(
                "passing a string argument to '{}' requires the 'flakes' experimental feature",
                kind.name()
            );
            return fail(ctx, m);
        }
        with_flakes(ctx, pos, |_, _| {
            if kind == Kind::Git {
                let attrs = Attrs::from([
                    ("type".into(), "git".into()),
                    ("url".into(), url.into()),
                    ("exportIgnore".into(), true.into()),
                ]);
                return Ok(Input::from_attrs(attrs)?);
            }
            let parsed = ParsedUrl::parse(&url).map_err(firn_fetch::FetchError::from)?;
            Ok(Input::from_url(&parsed, true)?)
        })?
    };
    let input = direct(ctx, input, pos)?;
    check_locked(ctx, &input, kind)?;
    uri::check(ctx, &input.to_url().to_string())?;
    if input.is_final() {
        let m = format!("input '{}' is not allowed to use the '__final' attribute", input.to_url());
        return Err(ctx.error(ErrorKind::Outside, m, P));
    }
    with_flakes(ctx, pos, |flakes, ctx| {
        let tree = flakes.fetch(&FlakeRef { input, dir: String::new() })?;
        let how = Describe { empty_rev: kind == Kind::Git, ..Describe::default() };
        Ok(flakes.describe(ctx, &tree, how, pos))
    })
}

/// The attributes of an input out of the argument.
fn input_attrs(ctx: &mut Ctx, arg: Value, kind: Kind) -> Res<Attrs> {
    let who = kind.name();
    let set = ctx.force_attrs(arg, P, "while evaluating the argument passed to a fetcher")?;
    let mut attrs = Attrs::new();
    let ty = match (set.get(ctx.sym("type")), kind) {
        (Some(_), Kind::Git) => return fail(ctx, "unexpected argument 'type'".to_owned()),
        (None, Kind::Git) => "git".to_owned(),
        (Some(value), Kind::Tree) => {
            let what = "while evaluating the `type` argument passed to 'fetchTree'";
            ctx.force_str_no_ctx(value, P, what)?.to_text().into_owned()
        }
        (None, Kind::Tree) => {
            let m = msg!("argument 'type' is missing in call to '{}'", who);
            return fail(ctx, m);
        }
    };
    let flat = ctx.flat(set);
    for i in ctx.lexical_order(flat) {
        let i = *i as usize;
        let name = String::from_utf8_lossy(ctx.name(flat.name(i))).into_owned();
        if name != "type" {
            let attr = attr(ctx, &name, flat.value(i), flat.pos(i), who)?;
            attrs.insert(name, attr);
        }
    }
    let submodules = attrs.get("submodules") == Some(&Attr::Bool(true));
    if kind == Kind::Git && !submodules {
        attrs.entry("exportIgnore".into()).or_insert(Attr::Bool(true));
    }
    if kind == Kind::Tree {
        if ty == "git" {
            attrs.entry("shallow".into()).or_insert(Attr::Bool(true));
        }
        if attrs.contains_key("name") {
            let m = msg!("argument 'name' isn’t supported in call to '{}'", who);
            return fail(ctx, m);
        }
    }
    attrs.insert("type".into(), ty.into());
    Ok(attrs)
}

fn attr(ctx: &mut Ctx, name: &str, value: Value, pos: Pos, who: &'static str) -> Res<Attr> {
    let value = ctx.force(value, pos)?;
    match value.ty() {
        Type::Path | Type::String => {
            Ok(Attr::Text(ctx.coerce(value, Coerce::PLAIN, pos, "")?.to_text().into_owned()))
        }
        Type::Bool => Ok(Attr::Bool(value == Value::TRUE)),
        Type::Int => {
            let n = value.as_int().unwrap_or(0);
            match u64::try_from(n) {
                Ok(n) => Ok(Attr::Int(n)),
                Err(_) => {
                    let m = msg!("negative value given for '{}' argument '{}': {}", who, name, n);
                    fail(ctx, m)
                }
            }
        }
        _ if name == "publicKeys" => {
            let json = keys_json(ctx, value)?;
            Ok(Attr::Text(json))
        }
        _ => {
            let found = ctx.show_type(value);
            let m = msg!(
                "argument '{}' to '{}' is {} while a string, Boolean or integer is expected",
                name,
                who,
                found
            );
            Err(ctx.type_error(m, P))
        }
    }
}

/// A list of keys as JSON, which the attribute holds.
fn keys_json(ctx: &mut Ctx, value: Value) -> Res<String> {
    let list = ctx.force_list(value, P, "while evaluating the `publicKeys` argument passed to 'fetchGit'")?;
    let mut keys = Vec::new();
    for item in list.iter() {
        let attrs = super::attrs_of(ctx, item, P, "while evaluating an element of `publicKeys`")?;
        keys.push(firn_fetch::attrs::to_json(&attrs));
    }
    Ok(serde_json::Value::from(keys).to_string())
}

/// Looks a name up in the registries, where that is allowed.
fn direct(ctx: &mut Ctx, input: Input, pos: Pos) -> Res<Input> {
    if ctx.settings.pure || input.is_direct() || !ctx.settings.has_feature("flakes") {
        return Ok(input);
    }
    with_flakes(ctx, pos, |flakes, _| {
        Ok(flakes.resolve(&FlakeRef { input, dir: String::new() }, Use::Limited)?.input)
    })
}

/// In pure evaluation only what always means the same tree may be fetched.
fn check_locked(ctx: &mut Ctx, input: &Input, kind: Kind) -> Res<()> {
    let flakes = flakes(ctx, P)?;
    if !ctx.settings.pure || flakes.fetcher().is_locked(input) {
        return Ok(());
    }
    let url = input.to_url();
    if input.text("narHash").is_some() {
        flakes.events().warn(format!(
            "Input '{url}' is unlocked (e.g. lacks a Git revision) but is checked by NAR hash. This is not reproducible \
             and will break after garbage collection or when shared."
        ));
        return Ok(());
    }
    let m = msg!("in pure evaluation mode, '{}' doesn't fetch unlocked input '{}'", kind.name(), url);
    fail(ctx, m)
}
