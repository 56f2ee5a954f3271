//! Installables: what a command works on, from the command line to values, derivations and store paths.

use std::collections::{BTreeMap, BTreeSet};

use firn_eval::context::ContextElem;
use firn_eval::error::ErrorKind;
use firn_eval::pos::Origin;
use firn_eval::{Ctx, Pos, Value};
use firn_flake::FlakeRef;
use firn_flake::declaration::ConfigValue;
use firn_flake::session::{LockMode, LockedFlake};
use firn_path::{DerivedPath, ExtendedOutputsSpec, OutputsSpec, StorePath};

use crate::args::Parsed;
use crate::error::CliError;
use crate::evaluation::{
    EvalFailure, Mode, Outcome, auto_args, current_dir, evaluate, flake_reference, flakes,
};
use crate::session::Session;

/// Which attributes a command looks for in a flake, `SYSTEM` standing for the system.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    /// Tried when no attribute is named.
    pub defaults: &'static [&'static str],
    /// Put before a named attribute, in order; the attribute alone comes last.
    pub prefixes: &'static [&'static str],
}

/// What most commands look for.
pub const PACKAGES: Lookup = Lookup {
    defaults: &["packages.SYSTEM.default", "defaultPackage.SYSTEM"],
    prefixes: &["packages.SYSTEM.", "legacyPackages.SYSTEM."],
};

/// What `nix run` looks for.
pub const APPS: Lookup = Lookup {
    defaults: &[
        "apps.SYSTEM.default",
        "defaultApp.SYSTEM",
        "packages.SYSTEM.default",
        "defaultPackage.SYSTEM",
    ],
    prefixes: &["apps.SYSTEM.", "packages.SYSTEM.", "legacyPackages.SYSTEM."],
};

/// What `nix develop` looks for.
pub const DEV_SHELLS: Lookup = Lookup {
    defaults: &[
        "devShells.SYSTEM.default",
        "devShell.SYSTEM",
        "packages.SYSTEM.default",
        "defaultPackage.SYSTEM",
    ],
    prefixes: &["devShells.SYSTEM.", "packages.SYSTEM.", "legacyPackages.SYSTEM."],
};

/// Where a thing of a flake came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// What the user asked for.
    pub original: FlakeRef,
    /// What that was at the time.
    pub locked: FlakeRef,
    /// The flake after the registries.
    pub resolved: FlakeRef,
    /// The attribute that was found.
    pub attr_path: String,
    /// The outputs that were asked for.
    pub outputs: ExtendedOutputsSpec,
    config: BTreeMap<String, ConfigValue>,
    nixpkgs: Option<String>,
}

impl Source {
    /// What is known of a thing at `attr_path` of a flake.
    pub fn new(flake: &LockedFlake, attr_path: &str, outputs: &ExtendedOutputsSpec) -> Source {
        let node = flake.lock.find(&["nixpkgs".to_owned()]).ok().flatten();
        let nixpkgs =
            node.and_then(|id| flake.lock.nodes.get(id)?.lock.as_ref().map(|l| l.locked.to_string()));
        Source {
            original: flake.original.clone(),
            locked: flake.locked.clone(),
            resolved: flake.resolved.clone(),
            attr_path: attr_path.to_owned(),
            outputs: outputs.clone(),
            config: flake.declaration.config.clone(),
            nixpkgs,
        }
    }

    /// A text among the settings that the flake wishes for.
    pub fn config_text(&self, name: &str) -> Option<String> {
        match self.config.get(name)? {
            ConfigValue::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The reference of the flake's input `nixpkgs`, if it has one.
    pub fn nixpkgs(&self) -> Option<String> {
        self.nixpkgs.clone()
    }

    /// The folder of the flake's tree, if it lies in the file system.
    pub fn folder(&self) -> Option<std::path::PathBuf> {
        let input = &self.resolved.input;
        match input.kind() {
            "path" => input.text("path").map(Into::into),
            "git" => firn_fetch::ParsedUrl::parse(input.text("url")?)
                .ok()
                .filter(|u| u.scheme == "file")
                .map(|u| u.path.into()),
            _ => None,
        }
    }
}

/// What an installable means to commands that build.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The text that it was given as.
    pub text: String,
    /// What is built.
    pub target: DerivedPath,
    /// Its flake, if it is of one.
    pub source: Option<Source>,
    /// `meta.priority`.
    pub priority: Option<i64>,
}

/// A value that an installable means.
pub struct Found {
    /// The flake that it is of.
    pub flake: Option<LockedFlake>,
    /// The value, evaluated.
    pub value: Value,
    /// The attribute path that led to it; empty for an expression as a whole.
    pub path: String,
    /// The outputs that were asked for after `^`.
    pub outputs: ExtendedOutputsSpec,
    /// Arguments for functions that stand where a derivation is wanted.
    pub args: Vec<(firn_syntax::Symbol, Value)>,
}

/// Splits `ref^outputs`; without `^` the outputs are the default ones.
fn split_outputs(text: &str) -> Outcome<(&str, ExtendedOutputsSpec)> {
    Ok(ExtendedOutputsSpec::parse(text).map_err(CliError::from)?)
}

/// How the command line says that lock files be treated.
///
/// # Errors
/// A malformed reference.
pub fn lock_mode(session: &Session, parsed: &Parsed) -> Outcome<LockMode> {
    let mut mode = LockMode::default();
    if parsed.has("recreate-lock-file") {
        session.warn(
            "'--recreate-lock-file' is deprecated and will be removed in a future version; use 'nix flake update' instead.",
        );
        mode.options.recreate = true;
    }
    mode.update = !parsed.has("no-update-lock-file");
    mode.write = !parsed.has("no-write-lock-file");
    mode.commit = parsed.has("commit-lock-file");
    for text in parsed.values("update-input") {
        session.warn(
            "'--update-input' is a deprecated alias for 'flake update' and will be removed in a future version.",
        );
        mode.options.updates.insert(named_input(text, "--update-input")?);
    }
    for pair in parsed.all("override-input") {
        if let [input, reference] = pair {
            let input = named_input(input, "--override-input")?;
            mode.options.overrides.insert(input, override_reference(reference)?);
            // What is replaced for one call is not what the lock file says.
            mode.write = false;
        }
    }
    mode.use_registries = session.settings.use_registries();
    if parsed.has("no-registries") {
        session.warn("'--no-registries' is deprecated; use '--no-use-registries'");
        mode.use_registries = false;
    }
    mode.reference_lock_file = parsed.value("reference-lock-file").map(Into::into);
    mode.output_lock_file = parsed.value("output-lock-file").map(Into::into);
    mode.all_registries = session.program.is_firn();
    Ok(mode)
}

/// The names on the way to an input: `nixpkgs/systems`.
///
/// # Errors
/// One of them is no name.
pub fn input_path(text: &str) -> Result<Vec<String>, CliError> {
    text.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let valid = part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
            let wrong = || {
                CliError::Usage(format!("invalid flake input attribute path element '{part}'"), "nix".into())
            };
            if valid { Ok(part.to_owned()) } else { Err(wrong()) }
        })
        .collect()
}

fn named_input(text: &str, flag: &str) -> Result<Vec<String>, CliError> {
    let path = input_path(text)?;
    if path.is_empty() {
        let text = format!(
            "{flag} was passed a zero-length input path, which would refer to the flake itself, not an input"
        );
        return Err(CliError::Usage(text, "nix".into()));
    }
    Ok(path)
}

/// What replaces an input: it need not be a flake.
fn override_reference(text: &str) -> Outcome<firn_flake::FlakeRef> {
    let here = std::env::current_dir().map_err(CliError::from)?;
    let context = firn_flake::reference::Context { base: Some(&here), flake: true, keep_relative: false };
    Ok(firn_flake::FlakeRef::parse_missing(text, context)?)
}

/// Evaluates the installable `text`, of the kind that the flags say.
///
/// # Errors
/// It means nothing, or evaluating it fails.
pub fn find(ctx: &mut Ctx, session: &Session, parsed: &Parsed, text: &str, lookup: Lookup) -> Outcome<Found> {
    let (text, outputs) = split_outputs(text)?;
    if parsed.has("file") && session.settings.pure_eval() {
        return Err(CliError::new("'--file' is not compatible with '--pure-eval'").into());
    }
    if let Some(expr) = parsed.value("expr") {
        let value = ctx.eval_text(expr, Origin::String, &current_dir()?, None)?;
        return select(ctx, parsed, value, text, outputs);
    }
    if let Some(file) = parsed.value("file") {
        let base = current_dir()?;
        let value = if file == "-" {
            let source = std::io::read_to_string(std::io::stdin()).map_err(CliError::from)?;
            ctx.eval_text(&source, Origin::Stdin, &base, None)?
        } else {
            let path = crate::evaluation::file_argument(ctx, file)?;
            ctx.eval_main_file(&path)?
        };
        return select(ctx, parsed, value, text, outputs);
    }
    let (flake, value, fragment) = flake_value(ctx, session, parsed, text)?;
    let mut found = in_flake(ctx, session, value, text, &fragment, outputs, lookup)?;
    found.flake = Some(flake);
    Ok(found)
}

/// The installables that were given, `.` if none were.
///
/// # Errors
/// The standard input cannot be read.
pub fn arguments(parsed: &Parsed) -> Result<Vec<String>, CliError> {
    let mut texts = parsed.positional.clone();
    if parsed.has("stdin") {
        let text = std::io::read_to_string(std::io::stdin())?;
        texts.extend(text.split_whitespace().map(str::to_owned));
    } else if texts.is_empty() {
        texts.push(if parsed.has("expr") || parsed.has("file") { String::new() } else { ".".to_owned() });
    }
    Ok(texts)
}

/// Flakes are evaluated purely unless the user says otherwise; files are not.
pub fn is_pure(session: &Session, parsed: &Parsed) -> bool {
    session.settings.pure_eval() || !(parsed.has("impure") || parsed.has("file"))
}

/// What installables mean to commands that build, in their order.
///
/// # Errors
/// Whatever evaluating them meets.
pub fn resolve(
    session: &Session,
    parsed: &Parsed,
    texts: &[String],
    lookup: Lookup,
) -> Result<Vec<Resolved>, CliError> {
    let plain = parsed.has("expr") || parsed.has("file");
    let mut slots: Vec<Option<Vec<Resolved>>> = Vec::new();
    for text in texts {
        let path = if plain { None } else { store_path(session, text)? };
        slots.push(
            path.map(|target| vec![Resolved { text: text.clone(), target, source: None, priority: None }]),
        );
    }
    if slots.iter().any(Option::is_none) {
        let mode = Mode { pure: is_pure(session, parsed), read_only: false };
        let open: Vec<&String> =
            texts.iter().zip(&slots).filter(|(_, slot)| slot.is_none()).map(|(text, _)| text).collect();
        let found = evaluate(session, parsed, mode, |ctx| {
            let one = |text: &&String| {
                let found = find(ctx, session, parsed, text, lookup)?;
                resolved(ctx, &found, text)
            };
            open.iter().map(one).collect::<Outcome<Vec<_>>>()
        })?;
        let empty = slots.iter_mut().filter(|slot| slot.is_none());
        empty.zip(found).for_each(|(slot, found)| *slot = Some(found));
    }
    Ok(slots.into_iter().flatten().flatten().collect())
}

/// What a value means: one derivation or path, or, in files and expressions, all derivations in it.
fn resolved(ctx: &mut Ctx, found: &Found, text: &str) -> Outcome<Vec<Resolved>> {
    let source = found.flake.as_ref().map(|f| Source::new(f, &found.path, &found.outputs));
    let flake = found.flake.clone();
    let value = ctx.auto_call(&found.args, found.value)?;
    let several = source.is_none()
        && match value.as_attrs() {
            Some(attrs) => !ctx.is_derivation(attrs)?,
            None => value.as_list().is_some(),
        };
    let of = |ctx: &mut Ctx, found: &Found, source: Option<Source>| -> Outcome<Resolved> {
        let priority = match found.value.as_attrs().is_some() {
            true => optional(ctx, found.value, &["meta", "priority"])?.and_then(Value::as_int),
            false => None,
        };
        Ok(Resolved { text: text.to_owned(), target: derived(ctx, found)?, source, priority })
    };
    if !several {
        let found = Found {
            value,
            flake,
            path: found.path.clone(),
            outputs: found.outputs.clone(),
            args: found.args.clone(),
        };
        return Ok(vec![of(ctx, &found, source)?]);
    }
    let mut all = Vec::new();
    for package in crate::packages::collect(ctx, value, &found.args, false)? {
        let found = Found {
            value: package.value,
            flake: None,
            path: package.attr_path,
            outputs: found.outputs.clone(),
            args: Vec::new(),
        };
        all.push(of(ctx, &found, None)?);
    }
    Ok(all)
}

fn select(
    ctx: &mut Ctx,
    parsed: &Parsed,
    value: Value,
    path: &str,
    outputs: ExtendedOutputsSpec,
) -> Outcome<Found> {
    let args = auto_args(ctx, parsed)?;
    let path = if path == "." { "" } else { path };
    let value = ctx.select_path(value, path, &args)?;
    Ok(Found { flake: None, value, path: path.to_owned(), outputs, args })
}

/// Locks and calls the flake that `text` refers to; gives its value and the fragment.
///
/// # Errors
/// Whatever locking and calling meet.
pub fn flake_value(
    ctx: &mut Ctx,
    session: &Session,
    parsed: &Parsed,
    text: &str,
) -> Outcome<(LockedFlake, Value, String)> {
    session.require(firn_settings::Feature::Flakes)?;
    crate::evaluation::warn_dubious(session, text);
    let (reference, fragment) = flake_reference(text)?;
    let mode = lock_mode(session, parsed)?;
    let all = flakes(ctx)?;
    let locked = all.lock(ctx, &reference, &mode)?;
    crate::flake_config::apply(session, &locked.declaration.config)?;
    let value = all.call(ctx, &locked)?;
    Ok((locked, value, fragment))
}

/// Evaluates what `text` means in a flake, for commands that look for other things than packages.
///
/// # Errors
/// It means nothing, or evaluating it fails.
pub fn find_in_flake(
    ctx: &mut Ctx,
    session: &Session,
    parsed: &Parsed,
    text: &str,
    lookup: Lookup,
    write_lock: bool,
) -> Outcome<Found> {
    let (text, outputs) = split_outputs(text)?;
    let mut parsed = parsed.clone();
    if !write_lock {
        parsed.flags.push(crate::args::Occurrence { id: "no-write-lock-file", values: vec![], position: 0 });
    }
    let (_, value, fragment) = flake_value(ctx, session, &parsed, text)?;
    in_flake(ctx, session, value, text, &fragment, outputs, lookup)
}

/// Selects in a flake's value: the attribute as it stands with each prefix, or one of the defaults.
fn in_flake(
    ctx: &mut Ctx,
    session: &Session,
    value: Value,
    text: &str,
    fragment: &str,
    outputs: ExtendedOutputsSpec,
    lookup: Lookup,
) -> Outcome<Found> {
    let system = session.settings.system().to_string();
    let fill = |template: &str| template.replace("SYSTEM", &system);
    let candidates: Vec<String> = match fragment.strip_prefix('.') {
        Some(exact) => vec![exact.to_owned()],
        None if fragment.is_empty() => lookup.defaults.iter().map(|d| fill(d)).collect(),
        None => lookup.prefixes.iter().map(|p| fill(p) + fragment).chain([fragment.to_owned()]).collect(),
    };
    let mut suggestions = Vec::new();
    for path in &candidates {
        match ctx.select_path(value, path, &[]) {
            Ok(value) => {
                let value = ctx.force(value, Pos::NONE)?;
                return Ok(Found { flake: None, value, path: path.clone(), outputs, args: Vec::new() });
            }
            Err(fail) => {
                let error = ctx.error_mut();
                let missing =
                    error.kind == ErrorKind::MissingAttribute && error.message.contains("in selection path");
                // Something on the way is no set: what is meant is elsewhere.
                let through = error.message.contains("selected by the selection path")
                    && error.message.contains("should be a set but is");
                if !missing && !through {
                    return Err(fail.into());
                }
                suggestions.extend(ctx.take_error().suggestions);
            }
        }
    }
    let flake = text.split('#').next().unwrap_or(text);
    let names: Vec<String> = candidates.iter().map(|c| format!("'{c}'")).collect();
    let list = match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    };
    let mut message = format!("flake '{}' does not provide attribute {list}", flake_reference(flake)?.0);
    suggestions.sort();
    suggestions.dedup();
    if let Some((last, rest)) = suggestions.split_last() {
        let all = if rest.is_empty() { last.clone() } else { format!("{} or {last}", rest.join(", ")) };
        message += &format!("\nDid you mean {}{all}?", if rest.is_empty() { "" } else { "one of " });
    }
    Err(EvalFailure::Cli(CliError::new(message)))
}

/// What a value means to a command that builds: outputs of a derivation, or a store path.
///
/// # Errors
/// It is neither.
pub fn derived(ctx: &mut Ctx, found: &Found) -> Outcome<DerivedPath> {
    let value = ctx.auto_call(&found.args, found.value)?;
    let wrong = |path: &str| {
        EvalFailure::Cli(CliError::new(format!(
            "expected flake output attribute '{path}' to be a derivation or path but it is something else"
        )))
    };
    if let Some(attrs) = value.as_attrs() {
        if !ctx.is_derivation(attrs)? {
            let path = &found.path;
            return Err(EvalFailure::Cli(CliError::new(format!("attribute '{path}' is not a derivation"))));
        }
        let drv_path = ctx.sym("drvPath");
        let Some((drv, pos)) = attrs.get_with_pos(drv_path) else { return Err(wrong(&found.path)) };
        let (drv, _) = ctx.coerce_to_store_path(drv, pos, "while evaluating the drvPath of a derivation")?;
        let outputs = match &found.outputs {
            ExtendedOutputsSpec::Explicit(outputs) => outputs.clone(),
            ExtendedOutputsSpec::Default if found.flake.is_some() => {
                OutputsSpec::Names(default_outputs(ctx, value)?)
            }
            // files and expressions: all outputs, unless the package says which
            ExtendedOutputsSpec::Default => {
                let package = crate::packages::Package::of(value);
                let outputs = package.outputs(ctx, false, true)?;
                let names: BTreeSet<String> = outputs.into_keys().collect();
                OutputsSpec::Names(if names.is_empty() { ["out".to_owned()].into() } else { names })
            }
        };
        return Ok(DerivedPath::built(drv, outputs));
    }
    if let Some(text) = value.as_str() {
        let elements = ctx.contexts.elems(text.context()).to_vec();
        let shown = text.to_text();
        return match elements.as_slice() {
            [ContextElem::Opaque(path)] => {
                realise_mounted(ctx, path)?;
                Ok(DerivedPath::Opaque(path.clone()))
            }
            [ContextElem::Built { drv, output }] => {
                Ok(DerivedPath::built(drv.base_path().clone(), OutputsSpec::one(output.to_string())))
            }
            [ContextElem::DrvDeep(_)] => Err(CliError::new(format!(
                "string '{shown}' has a context which refers to a complete source and binary closure. This is not supported at this time"
            ))
            .into()),
            other => Err(CliError::new(format!(
                "string '{shown}' has {} entries in its context. It should only have exactly one entry",
                other.len()
            ))
            .into()),
        };
    }
    if value.as_path().is_some() {
        let text =
            ctx.coerce(value, firn_eval::Coerce::COPY, Pos::NONE, "while copying a path to the store")?;
        let dir = ctx.settings.store_dir.clone();
        let (path, _) = dir.to_store_path(&text.to_text()).map_err(CliError::from)?;
        return Ok(DerivedPath::Opaque(path));
    }
    Err(wrong(&found.path))
}

/// Copies a fetched tree to the store, if the path is one's.
fn realise_mounted(ctx: &mut Ctx, path: &StorePath) -> Outcome<()> {
    let all = flakes(ctx)?;
    Ok(all.realise(path).map_err(|e| CliError::new(e.to_string()))?)
}

/// `meta.outputsToInstall`, else the package's chosen output, else `out`.
fn default_outputs(ctx: &mut Ctx, value: Value) -> Outcome<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let Some(attrs) = value.as_attrs() else { return Ok(names) };
    let specified = match attrs.get(ctx.sym("outputSpecified")) {
        Some(flag) => ctx.force(flag, Pos::NONE)? == Value::TRUE,
        None => false,
    };
    if !specified {
        if let Some(list) = optional(ctx, value, &["meta", "outputsToInstall"])? {
            if let Some(list) = list.as_list() {
                for item in list.iter() {
                    let item = ctx.force_str(item, Pos::NONE, "while evaluating meta.outputsToInstall")?;
                    names.insert(item.to_text().into_owned());
                }
            }
        }
    }
    if names.is_empty() {
        let name = match attrs.get(ctx.sym("outputName")) {
            Some(name) => ctx
                .force_str(name, Pos::NONE, "while evaluating the output of a derivation")?
                .to_text()
                .into_owned(),
            None => "out".to_owned(),
        };
        names.insert(name);
    }
    Ok(names)
}

/// The value at a path of attributes, if all of them are there.
///
/// # Errors
/// Evaluating it fails.
pub fn optional(ctx: &mut Ctx, value: Value, path: &[&str]) -> Outcome<Option<Value>> {
    let mut value = ctx.force(value, Pos::NONE)?;
    for name in path {
        let Some(found) = value.as_attrs().and_then(|a| a.get(ctx.sym(name))) else { return Ok(None) };
        value = ctx.force(found, Pos::NONE)?;
    }
    Ok(Some(value))
}

/// The text at a path of attributes, if it is there.
///
/// # Errors
/// Evaluating it fails, or it is no text.
pub fn optional_text(ctx: &mut Ctx, value: Value, path: &[&str]) -> Outcome<Option<String>> {
    match optional(ctx, value, path)? {
        Some(value) => {
            Ok(Some(ctx.force_str(value, Pos::NONE, "while evaluating an attribute")?.to_text().into_owned()))
        }
        None => Ok(None),
    }
}

/// A store path on the command line, if `text` is one: with `^outputs` for derivations.
///
/// # Errors
/// It is one and malformed.
pub fn store_path(session: &Session, text: &str) -> Result<Option<DerivedPath>, CliError> {
    let dir = crate::evaluation::store_dir(session)?;
    let absolute = text.starts_with('/') || text.starts_with("./") || text.starts_with("../");
    if !absolute || text.contains('#') {
        return Ok(None);
    }
    let (path, spec) = ExtendedOutputsSpec::parse(text)?;
    let direct = std::path::absolute(path)?;
    if dir.is_in_store(&direct.to_string_lossy()) || direct.is_symlink() {
        let store = session.store()?;
        let Ok(path) = crate::store_paths::follow(store.as_ref(), path) else { return Ok(None) };
        return Ok(Some(match spec {
            ExtendedOutputsSpec::Explicit(outputs) => DerivedPath::built(path, outputs),
            ExtendedOutputsSpec::Default => DerivedPath::Opaque(path),
        }));
    }
    Ok(None)
}

/// The paths of built outputs, by name.
///
/// # Errors
/// The store does not know them.
pub fn output_paths(session: &Session, target: &DerivedPath) -> Result<Vec<(String, StorePath)>, CliError> {
    match target {
        DerivedPath::Opaque(path) => Ok(vec![("out".into(), path.clone())]),
        DerivedPath::Built { outputs, .. } => {
            let known = session.store()?.derivation_outputs(target.base_path())?;
            if let OutputsSpec::Names(names) = outputs {
                if let Some(missing) = names.iter().find(|n| !known.contains_key(*n)) {
                    let drv = session.store()?.store_dir().print(target.base_path());
                    return Err(CliError::new(format!(
                        "derivation '{drv}' does not have wanted outputs '{missing}'"
                    )));
                }
            }
            Ok(known
                .into_iter()
                .filter(|(n, _)| outputs.contains(n))
                .filter_map(|(n, p)| Some((n, p?)))
                .collect())
        }
    }
}
