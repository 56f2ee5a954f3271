//! `derivationStrict`, `derivation`, placeholders: from a set of attributes to a derivation in the store.

use std::collections::BTreeSet;
use std::sync::Arc;

use firn_derivation::{Derivation, DerivationError, DerivationOutput, HashModulo, Scratch};
use firn_hash::{Algo, Hash};
use firn_path::{ContentAddress, ContentMethod, SingleDerivedPath, StorePath};
use firn_syntax::symbol::well_known as wk;
use rustc_hash::FxHashMap;

use super::{PrimOp, prim};
use crate::Ctx;
use crate::context::{ContextElem, ContextId};
use crate::ctx::AttrsBuilder;
use crate::error::{Arg, ErrorKind, Fail, Res, Trace};
use crate::eval::Coerce;
use crate::heap::{Attrs, Str, Value};
use crate::msg;
use crate::pos::Pos;

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("derivationStrict", 1, derivation_strict)
        .args(&["attrs"])
        .eager(1)
        .global()
        .doc("Makes a derivation of a set: its path and those of its outputs. Use `derivation`."),
    prim("placeholder", 1, placeholder)
        .args(&["output"])
        .eager(1)
        .global()
        .doc("What stands in a derivation for the path of its own output."),
    prim("outputOf", 2, output_of)
        .args(&["derivation-reference", "output-name"])
        .feature("dynamic-derivations")
        .doc("The path of an output of a derivation that may itself be built."),
];

/// The global function `derivation`.
const DERIVATION: &str = "\
attrs@{ outputs ? [ \"out\" ], ... }:
let
  made = derivationStrict attrs;
  shared = attrs // builtins.listToAttrs each // { all = map (output: output.value) each; drvAttrs = attrs; };
  each = map (name: {
    inherit name;
    value = shared // {
      outPath = made.${name};
      drvPath = made.drvPath;
      type = \"derivation\";
      outputName = name;
    };
  }) outputs;
in (builtins.head each).value
";

pub(super) fn derivation_function(ctx: &mut Ctx) -> Value {
    ctx.delayed_internal("derivation-internal.nix", DERIVATION)
}

/// What is known of the derivations of this evaluation.
#[derive(Default)]
pub(crate) struct DrvMemo {
    hashes: FxHashMap<StorePath, HashModulo>,
    made: FxHashMap<StorePath, Made>,
    scratch: Scratch,
}

struct Made {
    references: Box<[StorePath]>,
    outputs: Box<[String]>,
}

/// An error of the derivation, or one that is already raised.
enum Failure {
    Derivation(DerivationError),
    Raised,
}

impl From<DerivationError> for Failure {
    fn from(e: DerivationError) -> Failure {
        Failure::Derivation(e)
    }
}

fn derivation_strict(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the argument passed to builtins.derivationStrict";
    let attrs = ctx.force_attrs(args[0], P, what)?;
    let within = "in the attrset passed as argument to builtins.derivationStrict";
    let (name, pos) = ctx.required_attr(attrs, wk::NAME, within)?;
    let what = "while evaluating the `name` attribute passed to builtins.derivationStrict";
    let name = ctx
        .force_str_no_ctx(name, P, what)
        .map_err(|_| ctx.trace(pos, "while evaluating the derivation attribute 'name'"))?;
    let name = name.to_text().into_owned();
    make_derivation(ctx, &name, attrs).map_err(|_| {
        let place = ctx.show_pos(pos);
        let text =
            msg!("while evaluating derivation '{}'\n  whose name attribute is located at {}", &name, place);
        ctx.trace(P, text);
        if let Some(t) = ctx.error_mut().traces.last_mut() {
            t.always = true;
        }
        Fail
    })
}

/// A derivation as its attributes are read.
struct Draft {
    drv: Derivation,
    contexts: Vec<ContextId>,
    outputs: BTreeSet<String>,
    json: Option<Vec<(String, String)>>,
    floating: bool,
    impure: bool,
    hash: Option<String>,
    algo: Option<Algo>,
    method: Option<ContentMethod>,
}

fn flag(ctx: &mut Ctx, attrs: Attrs, name: firn_syntax::Symbol, what: &'static str) -> Res<bool> {
    match attrs.get(name) {
        Some(v) => ctx.force_bool(v, P, what),
        None => Ok(false),
    }
}

fn make_derivation(ctx: &mut Ctx, name: &str, attrs: Attrs) -> Res {
    if let Err(e) = firn_path::check_name(name) {
        let m = format!("invalid derivation name: {e}. Please pass a different '{}'.", Arg("name"));
        return Err(ctx.error(ErrorKind::Eval, m, P));
    }
    let what = "while evaluating the `__structuredAttrs` attribute passed to builtins.derivationStrict";
    let structured = flag(ctx, attrs, wk::STRUCTURED_ATTRS, what)?;
    let what = "while evaluating the `__ignoreNulls` attribute passed to builtins.derivationStrict";
    let ignore_nulls = flag(ctx, attrs, wk::IGNORE_NULLS, what)?;
    let mut d = Draft {
        drv: Derivation { name: name.to_owned(), ..Derivation::default() },
        contexts: Vec::new(),
        outputs: BTreeSet::from(["out".to_owned()]),
        json: structured.then(Vec::new),
        floating: false,
        impure: false,
        hash: None,
        algo: None,
        method: None,
    };
    let flat = ctx.flat(attrs);
    for i in ctx.lexical_order(flat) {
        let i = *i as usize;
        let (key, v) = (flat.name(i), flat.value(i));
        if key == wk::IGNORE_NULLS {
            continue;
        }
        if read_attr(ctx, &mut d, key, v, flat.pos(i), ignore_nulls).is_err() {
            let text = msg!("while evaluating attribute '{}' of derivation '{}'", ctx.name_text(key), name);
            return Err(ctx.trace(flat.pos(i), text));
        }
    }
    if let Some(json) = d.json.take() {
        let fields: Vec<String> =
            json.iter().map(|(k, v)| format!("{}:{v}", serde_json::Value::from(k.as_str()))).collect();
        d.drv.env.insert(wk_bytes(b"__json"), format!("{{{}}}", fields.join(",")).into_bytes());
    }
    add_inputs(ctx, &mut d)?;
    set_outputs(ctx, &mut d)?;
    finish(ctx, d.drv)
}

fn wk_bytes(s: &[u8]) -> Vec<u8> {
    s.to_vec()
}

/// Fails unless an experimental feature is enabled; `reason` says what needs it, if that is not plain.
pub(super) fn need_feature(ctx: &mut Ctx, name: &str, reason: &str) -> Res<()> {
    if ctx.settings.has_feature(name) {
        return Ok(());
    }
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let m = format!(
        "experimental Nix feature '{}' is disabled{reason}; add '--extra-experimental-features {name}' to enable it",
        Arg(name)
    );
    Err(ctx.error(ErrorKind::Eval, m, P))
}

fn take_context(d: &mut Draft, s: Str) -> Str {
    if d.contexts.last() != Some(&s.context()) {
        d.contexts.push(s.context());
    }
    s
}

fn read_attr(
    ctx: &mut Ctx,
    d: &mut Draft,
    key: firn_syntax::Symbol,
    v: Value,
    pos: Pos,
    ignore_nulls: bool,
) -> Res<()> {
    if ignore_nulls && ctx.force(v, P)? == Value::NULL {
        return Ok(());
    }
    match key {
        wk::CONTENT_ADDRESSED => {
            if ctx.force_bool(v, P, "")? {
                d.floating = true;
                need_feature(ctx, "ca-derivations", "")?;
            }
        }
        wk::IMPURE => {
            if ctx.force_bool(v, P, "")? {
                d.impure = true;
                need_feature(ctx, "impure-derivations", "")?;
            }
        }
        wk::ARGS => {
            let list = ctx.force_list(v, P, "")?;
            for i in 0..list.len() {
                let what = "while evaluating an element of the argument list";
                let s = ctx.coerce(list.get(i), Coerce::MORE_COPY, P, what)?;
                let s = take_context(d, s);
                d.drv.args.push(s.as_bytes().to_vec());
            }
        }
        _ if d.json.is_some() => read_structured(ctx, d, key, v, pos)?,
        _ => {
            // What is joined of a list is needed by nobody else: it does not become a value.
            let (text, context) = match ctx.force(v, P)?.as_list() {
                Some(l) => ctx.deeper(P, |ctx| ctx.join_list(l, Coerce::MORE_COPY, P, ""))?,
                None => {
                    let s = ctx.coerce(v, Coerce::MORE_COPY, P, "")?;
                    (s.as_bytes().to_vec(), s.context())
                }
            };
            d.contexts.push(context);
            if key == wk::JSON {
                let m = "setting structured attributes via '__json' is deprecated, and may be disallowed in future versions of Nix. Set '__structuredAttrs = true' instead.";
                warn_attr(ctx, d, pos, m.into());
            }
            let shown = || String::from_utf8_lossy(&text).into_owned();
            match key {
                wk::BUILDER => d.drv.builder = text.clone(),
                wk::SYSTEM => d.drv.platform = shown(),
                wk::OUTPUT_HASH => d.hash = Some(shown()),
                wk::OUTPUT_HASH_ALGO => d.algo = shown().parse().ok(),
                wk::OUTPUT_HASH_MODE => hash_mode(ctx, d, &shown())?,
                wk::OUTPUTS => {
                    let all = shown();
                    let names =
                        all.split([' ', '\t', '\n', '\r']).filter(|n| !n.is_empty()).map(str::to_owned);
                    output_names(ctx, d, names)?;
                }
                _ => {}
            }
            d.drv.env.insert(ctx.name(key).to_vec(), text);
        }
    }
    Ok(())
}

fn warn_attr(ctx: &mut Ctx, d: &Draft, pos: Pos, message: String) {
    let text = msg!("while evaluating derivation '{}'", &d.drv.name).into();
    ctx.log_warning(false, message, pos, vec![Trace { pos: P, text, always: false }]);
}

fn read_structured(ctx: &mut Ctx, d: &mut Draft, key: firn_syntax::Symbol, v: Value, pos: Pos) -> Res<()> {
    if key == wk::STRUCTURED_ATTRS {
        return Ok(());
    }
    let json = ctx.to_json(v)?;
    let json = take_context(d, json);
    let name = String::from_utf8_lossy(ctx.name(key)).into_owned();
    if let Some(all) = &mut d.json {
        all.push((name.clone(), json.to_text().into_owned()));
    }
    match key {
        wk::BUILDER => {
            let s = ctx.force_str(v, P, "")?;
            d.drv.builder = take_context(d, s).as_bytes().to_vec();
        }
        wk::SYSTEM => d.drv.platform = ctx.force_str_no_ctx(v, P, "")?.to_text().into_owned(),
        wk::OUTPUT_HASH => d.hash = Some(ctx.force_str_no_ctx(v, P, "")?.to_text().into_owned()),
        wk::OUTPUT_HASH_ALGO => d.algo = ctx.force_str_no_ctx(v, P, "")?.to_text().parse().ok(),
        wk::OUTPUT_HASH_MODE => {
            let s = ctx.force_str_no_ctx(v, P, "")?;
            hash_mode(ctx, d, &s.to_text())?;
        }
        wk::OUTPUTS => {
            let list = ctx.force_list(v, P, "")?;
            let mut names = Vec::new();
            for i in 0..list.len() {
                names.push(ctx.force_str_no_ctx(list.get(i), P, "")?.to_text().into_owned());
            }
            output_names(ctx, d, names.into_iter())?;
        }
        wk::ALLOWED_REFERENCES
        | wk::ALLOWED_REQUISITES
        | wk::DISALLOWED_REFERENCES
        | wk::DISALLOWED_REQUISITES
        | wk::MAX_SIZE
        | wk::MAX_CLOSURE_SIZE => {
            let n = Arg(&name);
            let m = format!(
                "'structuredAttrs' disables the effect of the derivation attribute '{n}'; use 'outputChecks.<output>.{n}' instead"
            );
            warn_attr(ctx, d, pos, m);
        }
        _ => {}
    }
    Ok(())
}

fn hash_mode(ctx: &mut Ctx, d: &mut Draft, s: &str) -> Res<()> {
    d.method = Some(match s {
        "recursive" | "nar" => ContentMethod::NixArchive,
        "flat" => ContentMethod::Flat,
        "git" => {
            need_feature(ctx, "git-hashing", "")?;
            ContentMethod::Git
        }
        "text" => {
            let name = &d.drv.name;
            let reason = format!("text-hashed derivation '{name}', outputHashMode = \"text\"");
            need_feature(ctx, "dynamic-derivations", &reason)?;
            ContentMethod::Text
        }
        s => {
            let m = msg!("invalid value '{}' for 'outputHashMode' attribute", s);
            return Err(ctx.error(ErrorKind::Eval, m, P));
        }
    });
    Ok(())
}

fn output_names(ctx: &mut Ctx, d: &mut Draft, names: impl Iterator<Item = String>) -> Res<()> {
    d.outputs.clear();
    for n in names {
        if d.outputs.contains(&n) {
            return Err(ctx.error(ErrorKind::Eval, msg!("duplicate derivation output '{}'", n), P));
        }
        if n == "drvPath" {
            return Err(ctx.error(ErrorKind::Eval, "invalid derivation output name 'drvPath'", P));
        }
        d.outputs.insert(n);
    }
    if d.outputs.is_empty() {
        return Err(ctx.error(ErrorKind::Eval, "derivation cannot have an empty set of outputs", P));
    }
    Ok(())
}

/// What the strings of a derivation refer to are its inputs.
fn add_inputs(ctx: &mut Ctx, d: &mut Draft) -> Res<()> {
    let context = ctx.contexts.union_all(std::mem::take(&mut d.contexts));
    for e in ctx.contexts.elems(context) {
        match e {
            ContextElem::Opaque(p) => {
                d.drv.input_srcs.insert(p);
            }
            ContextElem::Built { drv, output } => add_output(&mut d.drv, &drv, output),
            ContextElem::DrvDeep(p) => add_closure(ctx, &mut d.drv, p)?,
        }
    }
    Ok(())
}

fn add_output(drv: &mut Derivation, of: &SingleDerivedPath, output: String) {
    fn node<'a>(drv: &'a mut Derivation, of: &SingleDerivedPath) -> &'a mut firn_derivation::InputNode {
        match of {
            SingleDerivedPath::Opaque(p) => drv.input_drvs.entry(p.clone()).or_default(),
            SingleDerivedPath::Built { drv: inner, output } => {
                node(drv, inner).dynamic.entry(output.clone()).or_default()
            }
        }
    }
    node(drv, of).outputs.insert(output);
}

/// All that a derivation needs, and all outputs of the derivations among it.
fn add_closure(ctx: &mut Ctx, drv: &mut Derivation, start: StorePath) -> Res<()> {
    let mut todo = vec![start];
    let mut seen = BTreeSet::new();
    while let Some(p) = todo.pop() {
        if !seen.insert(p.clone()) {
            continue;
        }
        drv.input_srcs.insert(p.clone());
        if let Some(made) = ctx.drvs.made.get(&p) {
            todo.extend(made.references.iter().cloned());
            let outputs = made.outputs.iter().cloned();
            drv.input_drvs.entry(p).or_default().outputs.extend(outputs);
            continue;
        }
        let refs = ctx.io.references(&p).map_err(|e| ctx.io_error(e, P))?;
        let Some(refs) = refs else {
            let m = format!("path '{}' is not valid", ctx.settings.store_dir.print(&p));
            return Err(ctx.error(ErrorKind::Outside, m, P));
        };
        todo.extend(refs);
        if p.is_derivation() {
            let other = ctx.io.read_derivation(&p).map_err(|e| ctx.io_error(e, P))?;
            drv.input_drvs.entry(p).or_default().outputs.extend(other.outputs.into_keys());
        }
    }
    Ok(())
}

fn set_outputs(ctx: &mut Ctx, d: &mut Draft) -> Res<()> {
    let only_out = d.outputs.len() == 1 && d.outputs.contains("out");
    let fail = |ctx: &mut Ctx, m: &str| Err(ctx.error(ErrorKind::Eval, m, P));
    if d.drv.builder.is_empty() {
        return fail(ctx, "required attribute 'builder' missing");
    }
    if d.drv.platform.is_empty() {
        return fail(ctx, "required attribute 'system' missing");
    }
    if d.drv.name.ends_with(".drv") && !(d.method == Some(ContentMethod::Text) && only_out) {
        let m = msg!(
            "derivation names are allowed to end in '{}' only if they produce a single derivation file",
            ".drv"
        );
        return Err(ctx.error(ErrorKind::Eval, m, P));
    }
    if let Some(text) = d.hash.take() {
        if !only_out {
            return fail(ctx, "multiple outputs are not supported in fixed-output derivations");
        }
        let hash = match Hash::parse_allow_empty(&text, d.algo) {
            Ok(h) => h,
            Err(e) => return fail(ctx, &e.to_string()),
        };
        if text.is_empty() {
            let m = format!("found empty hash, assuming '{}'", hash.sri());
            ctx.log_warning(false, m, P, Vec::new());
        }
        let ca = ContentAddress { method: d.method.unwrap_or(ContentMethod::Flat), hash };
        let out = DerivationOutput::Fixed(ca);
        let path = match out.path(&ctx.settings.store_dir, &d.drv.name, "out") {
            Ok(p) => p,
            Err(e) => return fail(ctx, &e.to_string()),
        };
        if let Some(p) = path {
            d.drv.env.insert(b"out".to_vec(), ctx.settings.store_dir.print(&p).into_bytes());
        }
        d.drv.outputs.insert("out".into(), out);
    } else if d.floating || d.impure {
        if d.floating && d.impure {
            return fail(ctx, "derivation cannot be both content-addressed and impure");
        }
        let algo = d.algo.unwrap_or(Algo::Sha256);
        let method = d.method.unwrap_or(ContentMethod::NixArchive);
        for o in &d.outputs {
            d.drv.env.insert(o.clone().into_bytes(), firn_derivation::placeholder(o).into_bytes());
            let out = if d.impure {
                DerivationOutput::Impure { method, algo }
            } else {
                DerivationOutput::Floating { method, algo }
            };
            d.drv.outputs.insert(o.clone(), out);
        }
    } else {
        for o in &d.outputs {
            d.drv.env.insert(o.clone().into_bytes(), Vec::new());
            d.drv.outputs.insert(o.clone(), DerivationOutput::Deferred);
        }
    }
    Ok(())
}

fn finish(ctx: &mut Ctx, mut drv: Derivation) -> Res {
    let mut scratch = std::mem::take(&mut ctx.drvs.scratch);
    let dir = ctx.settings.store_dir.clone();
    let made = drv.instantiate(&dir, &mut scratch, |p| ctx.hash_modulo(p));
    let made = match made {
        Ok(m) => m,
        Err(e) => return Err(ctx.derivation_failure(e)),
    };
    let references: Vec<StorePath> = drv.references().cloned().collect();
    if !ctx.settings.read_only {
        let r = ctx.io.write_derivation(&made.path, scratch.text(), &references, &drv);
        r.map_err(|e| ctx.io_error(e, P))?;
    }
    ctx.drvs.scratch = scratch;
    let outputs = drv.outputs.keys().cloned().collect();
    ctx.drvs.hashes.insert(made.path.clone(), made.modulo);
    ctx.drvs.made.insert(made.path.clone(), Made { references: references.into(), outputs });
    let deep = ctx.context_of(ContextElem::DrvDeep(made.path.clone()));
    let text = dir.print(&made.path);
    let drv_path = ctx.str_ctx(text, deep);
    let mut set = AttrsBuilder::with_capacity(1 + drv.outputs.len());
    set.push(wk::DRV_PATH, P, drv_path);
    let base = SingleDerivedPath::Opaque(made.path.clone());
    for (name, o) in &drv.outputs {
        let known = match o.path(&dir, &drv.name, name) {
            Ok(k) => k,
            Err(e) => return Err(ctx.error(ErrorKind::Eval, e.to_string(), P)),
        };
        let v = ctx.output_string(&base, name, known.as_ref())?;
        set.push(ctx.sym(name), P, v);
    }
    Ok(set.finish(&mut ctx.heap).value())
}

impl Ctx {
    /// The path of an output as a string that refers to it: the path if it is known, else what stands for it.
    pub fn output_string(&mut self, drv: &SingleDerivedPath, output: &str, known: Option<&StorePath>) -> Res {
        let text = match known {
            Some(p) => self.settings.store_dir.print(p),
            None => {
                let built =
                    SingleDerivedPath::Built { drv: Arc::new(drv.clone()), output: output.to_owned() };
                match firn_derivation::placeholder::downstream(&built) {
                    Ok(p) => p.unwrap_or_default(),
                    Err(e) => return Err(self.error(ErrorKind::Eval, e.to_string(), P)),
                }
            }
        };
        let elem = ContextElem::Built { drv: Arc::new(drv.clone()), output: output.to_owned() };
        let context = self.context_of(elem);
        Ok(self.str_ctx(text, context))
    }

    fn hash_modulo(&mut self, p: &StorePath) -> Result<HashModulo, Failure> {
        if let Some(h) = self.drvs.hashes.get(p) {
            return Ok(h.clone());
        }
        let drv = match self.io.read_derivation(p) {
            Ok(d) => d,
            Err(e) => {
                self.io_error(e, P);
                return Err(Failure::Raised);
            }
        };
        let dir = self.settings.store_dir.clone();
        let mut scratch = Scratch::default();
        let h = drv.hash_modulo(&dir, &mut scratch, |p| self.hash_modulo(p))?;
        self.drvs.hashes.insert(p.clone(), h.clone());
        Ok(h)
    }

    fn derivation_failure(&mut self, e: Failure) -> Fail {
        match e {
            Failure::Raised => Fail,
            Failure::Derivation(e) => self.error(ErrorKind::Eval, e.to_string(), P),
        }
    }

    /// The outputs of a derivation that this evaluation made.
    pub fn made_outputs(&self, drv: &StorePath) -> Option<&[String]> {
        self.drvs.made.get(drv).map(|m| &m.outputs[..])
    }
}

fn placeholder(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.placeholder";
    let s = ctx.force_str_no_ctx(args[0], P, what)?;
    Ok(ctx.str(firn_derivation::placeholder(&s.to_text())))
}

fn output_of(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let drv = ctx.coerce_to_derived(args[0], "while evaluating the first argument to builtins.outputOf")?;
    let output =
        ctx.force_str_no_ctx(args[1], P, "while evaluating the second argument to builtins.outputOf")?;
    let output = output.to_text().into_owned();
    let known = match &drv {
        SingleDerivedPath::Opaque(p) => {
            let d = ctx.io.read_derivation(p).map_err(|e| ctx.io_error(e, P))?;
            let Some(o) = d.outputs.get(&output) else {
                let shown = ctx.settings.store_dir.print(p);
                let m = msg!("derivation '{}' does not have output '{}'", shown, output);
                return Err(ctx.error(ErrorKind::Eval, m, P));
            };
            o.path(&ctx.settings.store_dir, &d.name, &output).ok().flatten()
        }
        SingleDerivedPath::Built { .. } => None,
    };
    ctx.output_string(&drv, &output, known.as_ref())
}

impl Ctx {
    /// What the one element of a string's context refers to, if the string is the right text for it.
    pub fn coerce_to_derived(&mut self, v: Value, what: &'static str) -> Res<SingleDerivedPath> {
        let s = self.force_str(v, P, what)?;
        let elems = self.contexts.elems(s.context());
        let fail = |ctx: &mut Ctx, m: String| {
            ctx.error(ErrorKind::Eval, m, P);
            Err(ctx.trace(P, what))
        };
        let [elem] = &elems[..] else {
            let m = msg!(
                "string '{}' has {} entries in its context. It should only have exactly one entry",
                s.to_text(),
                elems.len()
            );
            return fail(self, m);
        };
        match elem {
            ContextElem::Opaque(p) => {
                let want = self.settings.store_dir.print(p);
                if s.as_bytes() == want.as_bytes() {
                    return Ok(SingleDerivedPath::Opaque(p.clone()));
                }
                let m = msg!("path string '{}' has context with the different path '{}'", s.to_text(), want);
                fail(self, m)
            }
            ContextElem::Built { drv, output } => {
                Ok(SingleDerivedPath::Built { drv: drv.clone(), output: output.clone() })
            }
            ContextElem::DrvDeep(_) => {
                let m = msg!(
                    "string '{}' has a context which refers to a complete source and binary closure. This is not supported at this time",
                    s.to_text()
                );
                fail(self, m)
            }
        }
    }
}
