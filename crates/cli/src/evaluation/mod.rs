//! Evaluating for a command: the world, the builtins, flakes, errors shown as the user knows them.

mod registries;

use std::sync::Arc;

use firn_eval::builtins::Registry as Builtins;
use firn_eval::error::EvalError;
use firn_eval::io::SourcePath;
use firn_eval::pos::Origin;
use firn_eval::print::RenderOptions;
use firn_eval::{Ctx, Fail, Value};
use firn_fetch::fetcher::Options as FetchOptions;
use firn_fetch::world::{Access, Lookup, Mounts, Options, World};
use firn_fetch::{Attrs, Fetcher, Input};
use firn_flake::session::{Flakes, Setup};
use firn_flake::{FlakeError, FlakeRef};
use firn_path::StoreDir;
use firn_settings::{Diagnose, Directories};
use firn_syntax::{LintLevel, Symbol};

use crate::args::Parsed;
use crate::error::CliError;
use crate::names::NIX_VERSION;
use crate::session::Session;

/// What may go wrong while a command evaluates.
#[derive(Debug)]
pub enum EvalFailure {
    /// The error stands in the context.
    Eval(Fail),
    /// A flake.
    Flake(FlakeError),
    /// Anything else.
    Cli(CliError),
}

impl From<Fail> for EvalFailure {
    fn from(fail: Fail) -> Self {
        EvalFailure::Eval(fail)
    }
}
impl From<FlakeError> for EvalFailure {
    fn from(error: FlakeError) -> Self {
        EvalFailure::Flake(error)
    }
}
impl From<CliError> for EvalFailure {
    fn from(error: CliError) -> Self {
        EvalFailure::Cli(error)
    }
}

/// The outcome of a step of a command that evaluates.
pub type Outcome<T> = Result<T, EvalFailure>;

/// How a command evaluates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mode {
    /// Only locked things may be read, as in flakes.
    pub pure: bool,
    /// Nothing is written to the store.
    pub read_only: bool,
}

/// A flag of our own: nothing in the caches of downloads counts as fresh.
pub const FRESH: &str = "fresh-inputs";
/// A flag of our own: nothing is built for the evaluation.
pub const NO_IFD: &str = "no-import-from-derivation";

pub use registries::read as read_registry;

/// The directory of store paths, known without opening the store.
///
/// # Errors
/// The environment names one that cannot be.
pub fn store_dir(session: &Session) -> Result<StoreDir, CliError> {
    // the address of a store may say which directory its paths have
    let reference = session.store_reference()?;
    let of_store = reference.params.get("store").cloned();
    Ok(StoreDir::new(&of_store.unwrap_or_else(|| Directories::new(&session.host).store))?)
}

/// Runs `f` with an evaluator on a thread of its own.
///
/// # Errors
/// Whatever `f` fails with, rendered.
pub fn evaluate<T: Send>(
    session: &Session,
    parsed: &Parsed,
    mode: Mode,
    f: impl FnOnce(&mut Ctx) -> Outcome<T> + Send,
) -> Result<T, CliError> {
    let dir = store_dir(session)?;
    let mut settings = eval_settings(session, parsed, mode, dir.clone());
    if parsed.has(NO_IFD) {
        settings.allow_import_from_derivation = false;
    }
    let show_trace = settings.show_trace;
    let flakes = new_flakes(session, parsed, dir.clone())?;
    let world = World::new(Options {
        store_dir: dir,
        open: session.opener(),
        mounts: flakes.mounts().clone(),
        access: access(&settings, mode),
        read_only: mode.read_only,
        trace_import: session.settings.trace_import_from_derivation(),
        events: session.events().clone(),
        lookup: Some(lookup(flakes.clone())),
        interrupted: session.interrupted(),
    });
    let mut builtins = Builtins::standard();
    for table in firn_flake::builtins::tables() {
        builtins.add(table);
    }
    let started = std::time::Instant::now();
    firn_eval::run(
        || {
            let mut ctx = Ctx::new(settings, Arc::new(world), builtins);
            ctx.set_extension(flakes);
            ctx
        },
        |ctx| {
            let result = registries::inputs_from(ctx, session, parsed).and_then(|()| f(ctx));
            show_stats(ctx, started);
            result.map_err(|failure| render(ctx, failure, show_trace, &session.program.name))
        },
    )
}

/// What fetches and locks for an evaluation.
fn new_flakes(session: &Session, parsed: &Parsed, store_dir: StoreDir) -> Result<Flakes, CliError> {
    let mut settings = session.settings.clone();
    if parsed.has(FRESH) {
        let mut fresh = (*settings).clone();
        fresh.set("tarball-ttl", "0")?;
        settings = Arc::new(fresh);
    }
    let fetcher = Fetcher::new(FetchOptions {
        settings,
        events: session.events().clone(),
        real: session.real_paths(),
        cache_dir: Directories::new(&session.host).cache.into(),
        base_lock: session.base_lock(),
        names_base: session.program.is_firn(),
    });
    Ok(Flakes::new(Setup {
        mounts: Mounts::default(),
        store_dir,
        open: session.opener(),
        events: session.events().clone(),
        near: registries::near(session, parsed)?,
        global: registries::global(session, fetcher.clone()),
        base_stand_in: parsed.has("base") || session.settings.base_stand_in(),
        fetcher,
    }))
}

/// Finds what entries of the search path mean: `flake:…`, addresses of archives, `channel:…`.
fn lookup(flakes: Flakes) -> Lookup {
    Box::new(move |value| {
        let reference = if let Some(flake) = value.strip_prefix("flake:") {
            let context = firn_flake::reference::Context { base: None, flake: true, keep_relative: false };
            FlakeRef::parse(flake, context).and_then(|r| flakes.resolve(&r, firn_flake::registry::Use::All))
        } else if firn_fetch::url::is_pseudo_url(value) {
            let url = flakes.fetcher().pseudo_url(value);
            let attrs = Attrs::from([("type".into(), "tarball".into()), ("url".into(), url.into())]);
            Input::from_attrs(attrs)
                .map(|input| FlakeRef { input, dir: String::new() })
                .map_err(FlakeError::from)
        } else {
            return Ok(None);
        };
        match reference.and_then(|reference| flakes.fetch(&reference)) {
            Ok(tree) => Ok(Some(tree.path)),
            Err(error) => Err(firn_eval::io::IoError::new(error.to_string())),
        }
    })
}

/// Copies the fetched trees that a text refers to into the store, so that whoever gets the text finds them there.
///
/// # Errors
/// The store cannot be written.
pub fn copy_referenced(
    ctx: &mut Ctx,
    session: &Session,
    context: firn_eval::context::ContextId,
) -> Outcome<()> {
    if ctx.settings.read_only {
        return Ok(());
    }
    let mounts = flakes(ctx)?.mounts().clone();
    for element in ctx.contexts.elems(context).to_vec() {
        if let firn_eval::context::ContextElem::Opaque(path) = element {
            if mounts.get(path.base_name()).is_some() {
                let store = session.store()?;
                mounts.realise(store.as_ref(), &path).map_err(CliError::from)?;
            }
        }
    }
    Ok(())
}

/// The error that was raised in the context, rendered now, to go on after it.
pub fn render_now(ctx: &mut Ctx) -> String {
    let show_trace = ctx.settings.show_trace;
    render(ctx, EvalFailure::Eval(Fail), show_trace, "").text()
}

fn render(ctx: &mut Ctx, failure: EvalFailure, show_trace: bool, program: &str) -> CliError {
    let options = RenderOptions { show_trace, colors: crate::progress::Style::of_stderr().colours };
    match failure {
        EvalFailure::Cli(error) => error,
        EvalFailure::Eval(_) => {
            let error = ctx.take_error();
            let status = if error.kind == firn_eval::ErrorKind::HashMismatch { 102 } else { 1 };
            CliError::Rendered(shown(ctx, &error, options, program), status)
        }
        EvalFailure::Flake(FlakeError::Evaluation(error)) => {
            CliError::Rendered(shown(ctx, &error, options, program), 1)
        }
        EvalFailure::Flake(error) => {
            let status = if is_hash_mismatch(&error) { 102 } else { 1 };
            CliError::Failed(flake_message(ctx, error, options), status)
        }
    }
}

fn is_hash_mismatch(error: &FlakeError) -> bool {
    match error {
        FlakeError::HashMismatch(_) => true,
        FlakeError::While { cause, .. } => is_hash_mismatch(cause),
        FlakeError::Evaluation(error) => error.kind == firn_eval::ErrorKind::HashMismatch,
        _ => false,
    }
}

/// The text of an error of evaluation. Where the trace is cut short, a last line names the derivations and options involved.
fn shown(ctx: &Ctx, error: &EvalError, options: RenderOptions, program: &str) -> String {
    let mut text = ctx.render_error(error, options);
    if let Some(line) = firn_eval::print::involved(error).filter(|_| !options.show_trace) {
        text += &format!("\n\n       {line}");
    }
    if error.kind == firn_eval::ErrorKind::Usage {
        text += &format!("\nTry '{program} --help' for more information.");
    }
    text
}

/// The text of an error of flakes: what was being done, then the cause.
fn flake_message(ctx: &mut Ctx, error: FlakeError, options: RenderOptions) -> String {
    let plain = |error: &EvalError, ctx: &mut Ctx| ctx.render_error(error, options);
    match error {
        FlakeError::While { context, cause } => {
            let cause = flake_message(ctx, *cause, options);
            format!("\n… {context}\n\nerror: {}", cause.strip_prefix("error: ").unwrap_or(&cause))
        }
        FlakeError::Evaluation(error) => plain(&error, ctx),
        other => other.to_string(),
    }
}

fn show_stats(ctx: &Ctx, started: std::time::Instant) {
    if std::env::var("NIX_SHOW_STATS").is_ok_and(|v| v != "0") {
        let text = format!("{:#}\n", ctx.stats(started.elapsed().as_secs_f64()));
        match std::env::var_os("NIX_SHOW_STATS_PATH").filter(|p| p != "-") {
            // A file that cannot be written is no reason to fail a command that is done.
            Some(path) => drop(std::fs::write(path, text)),
            None => ctx.io.log(firn_eval::io::LogLevel::Notice, text.trim_end()),
        }
    }
}

fn access(settings: &firn_eval::Settings, mode: Mode) -> Access {
    if mode.pure {
        Access::Pure
    } else if settings.restricted {
        let here = std::env::current_dir().unwrap_or_default();
        let listed = |path: &String| firn_path::canonical(&here.join(path).to_string_lossy());
        Access::Listed(settings.nix_path.iter().map(|(_, path)| listed(path)).collect())
    } else {
        Access::All
    }
}

fn lint(level: Diagnose) -> LintLevel {
    match level {
        Diagnose::Ignore => LintLevel::Ignore,
        Diagnose::Warn => LintLevel::Warn,
        Diagnose::Fatal => LintLevel::Fatal,
    }
}

fn eval_settings(session: &Session, parsed: &Parsed, mode: Mode, store_dir: StoreDir) -> firn_eval::Settings {
    let s = &session.settings;
    let entry = |text: &str| match text.split_once('=') {
        Some((prefix, path)) => (prefix.to_owned(), path.to_owned()),
        None => (String::new(), text.to_owned()),
    };
    let mut nix_path: Vec<(String, String)> = parsed.values("include").map(entry).collect();
    if !mode.pure {
        nix_path.extend(s.nix_path().iter().map(|e| entry(e)));
    }
    let system =
        if s.eval_system().is_empty() { s.system().to_string() } else { s.eval_system().to_string() };
    firn_eval::Settings {
        store_dir,
        current_system: (!mode.pure).then_some(system),
        pure: mode.pure,
        restricted: s.restrict_eval(),
        read_only: mode.read_only,
        show_trace: s.show_trace(),
        max_call_depth: u32::try_from(s.max_call_depth()).unwrap_or(u32::MAX),
        nix_path,
        experimental: firn_settings::Feature::ALL
            .iter()
            .filter(|f| s.enabled(**f))
            .map(|f| f.name().to_owned())
            .collect(),
        nix_version: NIX_VERSION.into(),
        trace_verbose: s.trace_verbose(),
        allow_import_from_derivation: s.allow_import_from_derivation(),
        allow_unsafe_native_code: s.allow_unsafe_native_code_during_evaluation(),
        abort_on_warn: s.abort_on_warn(),
        lint_url_literals: lint(s.lint_url_literals()),
        lint_absolute_path_literals: lint(s.lint_absolute_path_literals()),
        lint_short_path_literals: lint(s.lint_short_path_literals()),
    }
}

/// The folder that relative paths of the command line start from.
///
/// # Errors
/// There is none.
pub fn current_dir() -> Result<SourcePath, CliError> {
    Ok(SourcePath::file(&std::env::current_dir()?.to_string_lossy()))
}

/// The file that `<name>` means.
///
/// # Errors
/// None does.
pub fn find_file(ctx: &mut Ctx, name: &str) -> Outcome<SourcePath> {
    let entries = ctx.settings.nix_path.clone();
    Ok(ctx.find_file(&entries, name, firn_eval::Pos::NONE)?)
}

/// The file or folder that an argument means: a path, `<name>` of the search path, an address of an archive, or `flake:…`.
///
/// # Errors
/// It leads nowhere.
pub fn file_argument(ctx: &mut Ctx, text: &str) -> Outcome<SourcePath> {
    let base = current_dir()?;
    let address = ["http://", "https://", "file://", "channel:", "git://", "s3://", "ssh://"];
    let expression = if let Some(reference) = text.strip_prefix("flake:") {
        format!("(builtins.getFlake {reference:?}).outPath")
    } else if let Some(channel) = text.strip_prefix("channel:") {
        format!("builtins.fetchTarball {:?}", format!("https://channels.nixos.org/{channel}/nixexprs.tar.xz"))
    } else if address.iter().any(|a| text.starts_with(a)) {
        format!("builtins.fetchTarball {text:?}")
    } else if text.starts_with('<') && text.ends_with('>') && text.len() > 2 {
        return find_file(ctx, &text[1..text.len() - 1]);
    } else {
        return Ok(firn_eval::paths::join(&base, text));
    };
    let value = ctx.eval_text(&expression, Origin::String, &base, None)?;
    let value = ctx.force(value, firn_eval::Pos::NONE)?;
    if let Some(path) = value.as_path() {
        return Ok(ctx.source_path(path));
    }
    let text =
        ctx.coerce(value, firn_eval::Coerce::PLAIN, firn_eval::Pos::NONE, "while looking up a file")?;
    Ok(SourcePath::file(&text.to_text()))
}

/// The arguments of `--arg` and its siblings as values.
///
/// # Errors
/// One of them cannot be evaluated or read.
pub fn auto_args(ctx: &mut Ctx, parsed: &Parsed) -> Outcome<Vec<(Symbol, Value)>> {
    let base = current_dir()?;
    let mut args = Vec::new();
    for flag in &parsed.flags {
        let value = match (flag.id, flag.values.as_slice()) {
            ("arg", [_, text]) => ctx.eval_text(text, Origin::String, &base, None)?,
            ("argstr", [_, text]) => ctx.str(text),
            ("arg-from-file", [_, path]) => {
                let text = std::fs::read(path).map_err(CliError::from)?;
                ctx.str(text)
            }
            ("arg-from-stdin", [_]) => {
                let text = std::io::read_to_string(std::io::stdin()).map_err(CliError::from)?;
                ctx.str(text)
            }
            _ => continue,
        };
        args.push((ctx.sym(&flag.values[0]), value));
    }
    Ok(args)
}

/// Reads a flake reference of the command line.
///
/// # Errors
/// It is malformed, or leads nowhere.
pub fn flake_reference(text: &str) -> Outcome<(FlakeRef, String)> {
    let here = std::env::current_dir().map_err(CliError::from)?;
    let context = firn_flake::reference::Context { base: Some(&here), flake: true, keep_relative: false };
    Ok(FlakeRef::parse_with_fragment(text, context)?)
}

/// Warns of parts of a reference's query that say nothing, as they lack a value.
pub fn warn_dubious(session: &Session, text: &str) {
    let before = text.split('#').next().unwrap_or(text);
    for part in before.split_once('?').map_or("", |(_, query)| query).split('&') {
        if !part.is_empty() && !part.contains('=') {
            session.warn(format!("dubious URI query '{part}' is missing equal sign '=', ignoring"));
        }
    }
}

/// The flakes of an evaluation.
///
/// # Errors
/// There are none in it.
pub fn flakes(ctx: &mut Ctx) -> Outcome<Flakes> {
    ctx.get_extension::<Flakes>()
        .cloned()
        .ok_or_else(|| EvalFailure::Cli(CliError::new("flakes are not available")))
}
