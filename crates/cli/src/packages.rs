//! Packages in values: finding derivations in sets and lists, and what is known of each.

use std::collections::{BTreeMap, BTreeSet};

use firn_eval::error::ErrorKind;
use firn_eval::heap::Attrs;
use firn_eval::text::version::parse_drv_name;
use firn_eval::{Ctx, Pos, Res, Value};
use firn_path::StorePath;
use firn_syntax::Symbol;

use crate::error::CliError;
use crate::evaluation::{EvalFailure, Outcome};

/// Arguments for functions that stand where a set is wanted.
pub(crate) type AutoArgs = [(Symbol, Value)];

/// A package: a derivation of an expression, or a store path that stands for one.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// Where it was found.
    pub attr_path: String,
    /// Its attributes; `null` for a plain store path.
    pub value: Value,
    /// Its name with the version.
    pub name: String,
    /// For a plain store path: itself, and its derivation.
    pub plain: Option<(StorePath, Option<StorePath>)>,
    /// Attributes of `meta` that were set by hand.
    pub flags: BTreeMap<String, String>,
}

/// `hello` and `2.12` of `hello-2.12`.
pub(crate) fn split_name(full: &str) -> (String, String) {
    let (name, version) = parse_drv_name(full.as_bytes());
    (String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(version).into_owned())
}

struct Search<'a> {
    args: &'a AutoArgs,
    lenient: bool,
    visited: std::collections::HashSet<Value>,
    found: Vec<Package>,
}

/// The derivations in a value: itself, those in its list, or those in its attributes (deeper only where
/// `recurseForDerivations` says so). With `lenient`, those whose assertions fail are passed over.
///
/// # Errors
/// Evaluating fails; the value is no derivation, set or list.
pub(crate) fn collect(ctx: &mut Ctx, value: Value, args: &AutoArgs, lenient: bool) -> Outcome<Vec<Package>> {
    collect_below(ctx, value, "", args, lenient)
}

/// As [`collect`], with `prefix` in front of the attribute paths.
pub(crate) fn collect_below(
    ctx: &mut Ctx,
    value: Value,
    prefix: &str,
    args: &AutoArgs,
    lenient: bool,
) -> Outcome<Vec<Package>> {
    let mut search = Search { args, lenient, visited: std::collections::HashSet::new(), found: Vec::new() };
    search.all(ctx, value, prefix)?;
    Ok(search.found)
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Names that can stand in an attribute path without quotes.
fn is_component(name: &[u8]) -> bool {
    name.first().is_some_and(|c| c.is_ascii_alphabetic() || *c == b'_')
        && name.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'+'))
}

impl Search<'_> {
    /// Looks at a value and, where that makes sense, into it.
    fn all(&mut self, ctx: &mut Ctx, value: Value, prefix: &str) -> Outcome<()> {
        let mut outcome = Ok(());
        ctx.deeper(Pos::NONE, |ctx| {
            outcome = self.inside(ctx, value, prefix);
            Ok(())
        })?;
        outcome
    }

    fn inside(&mut self, ctx: &mut Ctx, value: Value, prefix: &str) -> Outcome<()> {
        let value = ctx.auto_call(self.args, value)?;
        let Some(value) = self.one(ctx, value, prefix)? else { return Ok(()) };
        if let Some(attrs) = value.as_attrs() {
            self.set(ctx, attrs, prefix)
        } else if let Some(list) = value.as_list() {
            for (n, item) in list.iter().enumerate() {
                let path = join(prefix, &n.to_string());
                if let Some(item) = self.one(ctx, item, &path)? {
                    self.all(ctx, item, &path)?;
                }
            }
            Ok(())
        } else {
            let text = "expression does not evaluate to a derivation (or a set or list of those)";
            Err(ctx.type_error(text, Pos::NONE).into())
        }
    }

    fn set(&mut self, ctx: &mut Ctx, attrs: Attrs, prefix: &str) -> Outcome<()> {
        let combined = attrs.has(ctx.sym("_combineChannels"));
        let flat = ctx.flat(attrs);
        for i in ctx.lexical_order(flat) {
            let name = ctx.name(flat.name(*i as usize));
            if !is_component(name) {
                continue;
            }
            let path = join(prefix, &String::from_utf8_lossy(name));
            let item = flat.value(*i as usize);
            if combined {
                self.all(ctx, item, &path)?;
                continue;
            }
            let Some(item) = self.one(ctx, item, &path)? else { continue };
            let Some(inner) = item.as_attrs() else { continue };
            let Some((flag, pos)) = inner.get_with_pos(ctx.sym("recurseForDerivations")) else { continue };
            let flag = ctx.force(flag, pos)?;
            if flag.as_bool().unwrap_or(false) {
                self.all(ctx, item, &path)?;
            }
        }
        Ok(())
    }

    /// Takes a value that is a derivation; gives back (evaluated) what it makes sense to look into.
    fn one(&mut self, ctx: &mut Ctx, value: Value, path: &str) -> Outcome<Option<Value>> {
        match self.attempt(ctx, value, path) {
            Ok(rest) => Ok(rest),
            Err(EvalFailure::Eval(fail)) => {
                let kind = ctx.error_mut().kind;
                if self.lenient && matches!(kind, ErrorKind::Assertion | ErrorKind::Throw) {
                    let _ = ctx.take_error();
                    return Ok(None);
                }
                Err(fail.into())
            }
            Err(other) => Err(other),
        }
    }

    fn attempt(&mut self, ctx: &mut Ctx, value: Value, path: &str) -> Outcome<Option<Value>> {
        let value = ctx.force(value, Pos::NONE)?;
        let Some(attrs) = value.as_attrs() else { return Ok(Some(value)) };
        if !ctx.is_derivation(attrs)? {
            return Ok(Some(value));
        }
        // the same derivation under another name counts once
        if !self.visited.insert(value) {
            return Ok(None);
        }
        let name = match attrs.get_with_pos(ctx.sym("name")) {
            Some((name, pos)) => {
                let text =
                    ctx.force_str(name, pos, "while evaluating the 'name' attribute of a derivation")?;
                text.to_text().into_owned()
            }
            None => {
                return Err(EvalFailure::Cli(CliError::new("derivation name missing")));
            }
        };
        self.found.push(Package {
            attr_path: path.to_owned(),
            value,
            name,
            plain: None,
            flags: BTreeMap::new(),
        });
        Ok(None)
    }
}

impl Package {
    /// A store path as a package.
    pub(crate) fn plain(name: String, path: StorePath, drv: Option<StorePath>) -> Package {
        Package {
            attr_path: String::new(),
            value: Value::NULL,
            name,
            plain: Some((path, drv)),
            flags: BTreeMap::new(),
        }
    }

    /// A derivation as a package.
    pub(crate) fn of(value: Value) -> Package {
        let (attr_path, name) = (String::new(), String::new());
        Package { attr_path, value, name, plain: None, flags: BTreeMap::new() }
    }

    fn attr(&self, ctx: &mut Ctx, name: &str) -> Option<(Value, Pos)> {
        let symbol = ctx.sym(name);
        self.value.as_attrs()?.get_with_pos(symbol)
    }

    /// The system that it is built for; empty for a plain store path.
    pub(crate) fn system(&self, ctx: &mut Ctx) -> Outcome<String> {
        if self.plain.is_some() {
            return Ok(String::new());
        }
        match self.attr(ctx, "system") {
            Some((value, pos)) => {
                let what = "while evaluating the 'system' attribute of a derivation";
                Ok(ctx.force_str(value, pos, what)?.to_text().into_owned())
            }
            None => Ok("unknown".to_owned()),
        }
    }

    /// Its derivation.
    pub(crate) fn drv_path(&self, ctx: &mut Ctx) -> Outcome<Option<StorePath>> {
        if let Some((_, drv)) = &self.plain {
            return Ok(drv.clone());
        }
        match self.attr(ctx, "drvPath") {
            Some((value, pos)) => {
                let what = "while evaluating the 'drvPath' attribute of a derivation";
                Ok(Some(ctx.coerce_to_store_path(value, pos, what)?.0))
            }
            None => Ok(None),
        }
    }

    /// The path of its default output.
    pub(crate) fn out_path(&self, ctx: &mut Ctx) -> Outcome<StorePath> {
        if let Some((path, _)) = &self.plain {
            return Ok(path.clone());
        }
        match self.attr(ctx, "outPath") {
            Some((value, pos)) => {
                let what = "while evaluating the output path of a derivation";
                Ok(ctx.coerce_to_store_path(value, pos, what)?.0)
            }
            None => Err(EvalFailure::Cli(CliError::new("derivation does not have attribute 'outPath'"))),
        }
    }

    /// The name of its chosen output; empty if it does not say.
    pub(crate) fn output_name(&self, ctx: &mut Ctx) -> Outcome<String> {
        match self.attr(ctx, "outputName") {
            Some((value, pos)) => {
                let what = "while evaluating the output name of a derivation";
                Ok(ctx.force_str(value, pos, what)?.to_text().into_owned())
            }
            None => Ok(String::new()),
        }
    }

    /// Its outputs, with paths on demand; only those that are meant for profiles with `to_install`.
    pub(crate) fn outputs(
        &self,
        ctx: &mut Ctx,
        paths: bool,
        to_install: bool,
    ) -> Outcome<BTreeMap<String, Option<StorePath>>> {
        let mut all = BTreeMap::new();
        let wrong = |text: String| EvalFailure::Cli(CliError::new(text));
        match self.attr(ctx, "outputs") {
            Some((list, pos)) => {
                let list = ctx.force(list, pos)?;
                let Some(list) = list.as_list() else {
                    return Err(wrong("the 'outputs' of a derivation are no list".into()));
                };
                for item in list.iter() {
                    let what = "while evaluating the name of an output of a derivation";
                    let name = ctx.force_str(item, pos, what)?.to_text().into_owned();
                    let path = match (paths, self.attr(ctx, &name)) {
                        (false, _) => None,
                        (true, None) => continue,
                        (true, Some((output, pos))) => {
                            let output = ctx.force(output, pos)?;
                            let symbol = ctx.sym("outPath");
                            let found = output.as_attrs().and_then(|a| a.get_with_pos(symbol));
                            let Some((path, pos)) = found else { continue };
                            let what = "while evaluating an output path of a derivation";
                            Some(ctx.coerce_to_store_path(path, pos, what)?.0)
                        }
                    };
                    all.insert(name, path);
                }
            }
            None => {
                let path = if paths { Some(self.out_path(ctx)?) } else { None };
                all.insert("out".to_owned(), path);
            }
        }
        if !to_install || self.plain.is_some() {
            return Ok(all);
        }
        let specified = match self.attr(ctx, "outputSpecified") {
            Some((flag, pos)) => ctx.force(flag, pos)?.as_bool().unwrap_or(false),
            None => false,
        };
        if specified {
            let name = self.output_name(ctx)?;
            let path = all
                .remove(&name)
                .ok_or_else(|| wrong(format!("derivation does not have output '{name}'")))?;
            return Ok([(name, path)].into());
        }
        let Some(chosen) = self.meta(ctx, "outputsToInstall")? else { return Ok(all) };
        let bad = || wrong("this derivation has bad 'meta.outputsToInstall'".into());
        let mut result = BTreeMap::new();
        for item in chosen.as_list().ok_or_else(bad)?.iter() {
            let name = item.resolved().as_str().ok_or_else(bad)?.to_text().into_owned();
            let path = all.get(&name).ok_or_else(bad)?.clone();
            result.insert(name, path);
        }
        Ok(result)
    }

    /// The names of the attributes of `meta`.
    pub(crate) fn meta_names(&self, ctx: &mut Ctx) -> Outcome<BTreeSet<String>> {
        let mut names: BTreeSet<String> = self.flags.keys().cloned().collect();
        if let Some((meta, pos)) = self.attr(ctx, "meta") {
            let meta = ctx.force(meta, pos)?;
            if let Some(attrs) = meta.as_attrs() {
                let flat = ctx.flat(attrs);
                names.extend(flat.iter().map(|(n, ..)| ctx.raw_name(n)));
            }
        }
        Ok(names)
    }

    /// An attribute of `meta`, evaluated wholly, if it is plain data.
    pub(crate) fn meta(&self, ctx: &mut Ctx, name: &str) -> Outcome<Option<Value>> {
        if let Some(text) = self.flags.get(name) {
            return Ok(Some(ctx.str(text)));
        }
        let Some((meta, pos)) = self.attr(ctx, "meta") else { return Ok(None) };
        let meta = ctx.force(meta, pos)?;
        let symbol = ctx.sym(name);
        let Some(value) = meta.as_attrs().and_then(|a| a.get(symbol)) else { return Ok(None) };
        let value = ctx.force(value, Pos::NONE)?;
        Ok(if is_data(ctx, value)? { Some(value) } else { None })
    }

    /// An attribute of `meta` as text; empty if it is none.
    pub(crate) fn meta_text(&self, ctx: &mut Ctx, name: &str) -> Outcome<String> {
        let value = self.meta(ctx, name)?;
        Ok(value.and_then(Value::as_str).map(|s| s.to_text().into_owned()).unwrap_or_default())
    }

    /// An attribute of `meta` as a number, also where it is written as text.
    pub(crate) fn meta_int(&self, ctx: &mut Ctx, name: &str, default: i64) -> Outcome<i64> {
        let Some(value) = self.meta(ctx, name)? else { return Ok(default) };
        let text = value.as_str().and_then(|s| s.to_text().parse().ok());
        Ok(value.as_int().or(text).unwrap_or(default))
    }

    /// An attribute of `meta` as a truth value, also where it is written as text.
    pub(crate) fn meta_bool(&self, ctx: &mut Ctx, name: &str) -> Outcome<bool> {
        let Some(value) = self.meta(ctx, name)? else { return Ok(false) };
        Ok(value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|s| s.as_bytes() == b"true")))
    }
}

/// Whether a value is text, number, truth value, or a list or set of such; it is evaluated on the way.
fn is_data(ctx: &mut Ctx, value: Value) -> Res<bool> {
    let value = ctx.force(value, Pos::NONE)?;
    let items: Vec<Value> = if let Some(list) = value.as_list() {
        list.iter().collect()
    } else if let Some(attrs) = value.as_attrs() {
        if attrs.has(ctx.sym("outPath")) {
            return Ok(false);
        }
        ctx.flat(attrs).iter().map(|(.., v)| v).collect()
    } else {
        return Ok(value.as_int().is_some()
            || value.as_bool().is_some()
            || value.as_str().is_some()
            || value.as_float().is_some());
    };
    for item in items {
        if !ctx.deeper(Pos::NONE, |ctx| is_data(ctx, item))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is installed in a profile of `nix-env`, whose tree is at `folder`.
///
/// # Errors
/// It is a profile of `nix profile`, or its manifest is malformed.
pub(crate) fn installed(ctx: &mut Ctx, folder: &std::path::Path) -> Outcome<Vec<Package>> {
    if folder.join("manifest.json").exists() {
        return Err(EvalFailure::Cli(CliError::new(format!(
            "profile \"{}\" is incompatible with 'nix-env'; please use 'nix profile' instead",
            folder.display()
        ))));
    }
    let Ok(file) = std::fs::canonicalize(folder.join("manifest.nix")) else { return Ok(Vec::new()) };
    let value = ctx.eval_file(&firn_eval::SourcePath::file(&file.to_string_lossy()))?;
    collect(ctx, value, &[], false)
}
