//! `nix-instantiate`: evaluation, and from expressions to derivations.

use std::collections::HashSet;

use firn_eval::builtins::json::JsonOptions;
use firn_eval::pos::Origin;
use firn_eval::{Coerce, Ctx, Pos, SourcePath, Value};
use firn_path::StorePath;
use firn_syntax::Symbol;

use super::Legacy;
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::evaluation::{Mode, Outcome, auto_args, current_dir, evaluate};
use crate::flags::EVAL;
use crate::session::{Program, Session};

const FLAGS: &[Flag] = &[
    switch("eval", "evaluate instead of instantiating"),
    switch("eval", "").alias("eval-only"),
    switch("strict", "evaluate the result wholly"),
    switch("json", "print the result as JSON"),
    switch("xml", "print the result as XML"),
    switch("raw", "print the result as a plain string"),
    switch("no-location", "leave positions out of XML"),
    switch("location", "accepted; positions are part of XML"),
    switch("parse", "only parse, and print what was understood"),
    switch("parse", "").alias("parse-only"),
    switch("find-file", "print where <…> leads to"),
    switch("read-write-mode", "evaluate with a store that is written"),
    option("attr", &["path"], "select an attribute").short('A'),
    switch("expr", "the arguments are expressions").short('E'),
    option("add-root", &["path"], "keep the derivations by links"),
    switch("indirect", "accepted for old scripts; every root is indirect"),
    switch("dry-run", "do not write derivations"),
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-instantiate",
    doc: "turn expressions into derivations, or only evaluate them",
    usage: &[
        "[FLAG…] [FILE…]",
        "--eval [--strict] [--json | --xml | --raw] [-E] [FILE…]",
        "--parse [-E] [FILE…]",
        "--find-file NAME…",
    ],
    flags: &[FLAGS, EVAL],
    run,
};

/// Runs the command.
///
/// # Errors
/// Whatever evaluation meets.
fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (session, parsed) = COMMAND.start(program, args)?;
    let evaluates = parsed.has("eval") || parsed.has("parse");
    let read_only =
        parsed.has("readonly-mode") || parsed.has("dry-run") || (evaluates && !parsed.has("read-write-mode"));
    let mode = Mode { pure: session.settings.pure_eval(), read_only };
    let mut roots = Roots { name: parsed.value("add-root").map(str::to_owned), number: 0 };
    // What was found is printed at once: an error behind it does not take it away.
    evaluate(&session, &parsed, mode, |ctx| {
        all(ctx, &parsed, &mut |item| match item {
            Printed::Text(text) => session.print(text),
            Printed::Derivation(path, output) => {
                let shown = roots.add(&session, &path)?;
                session.println(shown + &output)
            }
        })
    })?;
    Ok(0)
}

/// The links of `--add-root`.
struct Roots {
    name: Option<String>,
    number: usize,
}

impl Roots {
    /// Makes a link for a derivation if that is wanted; gives what to print.
    fn add(&mut self, session: &Session, path: &StorePath) -> Result<String, CliError> {
        self.number += 1;
        let Some(root) = &self.name else {
            if self.number == 1 {
                session.warn(
                    "you did not specify '--add-root'; the result might be removed by the garbage collector",
                );
            }
            return Ok(crate::evaluation::store_dir(session)?.print(path));
        };
        let name = if self.number == 1 { root.clone() } else { format!("{root}-{}", self.number) };
        crate::building::add_root(session.store()?.as_ref(), path, &name)
    }
}

/// Something that the command prints.
enum Printed {
    Text(Vec<u8>),
    /// A derivation, and `!output` where another than `out` was chosen.
    Derivation(StorePath, String),
}

/// Takes what is to be printed.
type Emit<'a> = &'a mut dyn FnMut(Printed) -> Result<(), CliError>;

fn all(ctx: &mut Ctx, parsed: &Parsed, emit: Emit<'_>) -> Outcome<()> {
    let args = auto_args(ctx, parsed)?;
    if parsed.has("find-file") {
        for name in &parsed.positional {
            let found = crate::evaluation::find_file(ctx, name)?;
            emit(Printed::Text(format!("{}\n", ctx.show_path(&found)).into_bytes()))?;
        }
        return Ok(());
    }
    // The standard input comes first, wherever it stands.
    let (stdin, mut files): (Vec<_>, Vec<_>) =
        parsed.positional.iter().cloned().partition(|file| file == "-");
    if stdin.is_empty() && files.is_empty() && !parsed.has("expr") {
        files.push("./default.nix".into());
    }
    for file in stdin.iter().take(1).chain(&files) {
        let source = Source::new(ctx, file, parsed)?;
        if parsed.has("parse") {
            let shown = source.parse(ctx)?;
            emit(Printed::Text([&shown[..], b"\n"].concat()))?;
            continue;
        }
        let value = source.value(ctx)?;
        let attrs: Vec<&str> = parsed.values("attr").collect();
        for attr in if attrs.is_empty() { vec![""] } else { attrs } {
            let value = ctx.select_path(value, attr, &args)?;
            let value = ctx.force(value, Pos::NONE)?;
            if parsed.has("eval") {
                // Without arguments a function is shown as such.
                let value = if args.is_empty() { value } else { ctx.auto_call(&args, value)? };
                emit(Printed::Text(show(ctx, parsed, value)?))?;
            } else {
                derivations(ctx, value, &args, emit)?;
            }
        }
    }
    Ok(())
}

/// Where an expression comes from.
enum Source {
    Text(String, Origin),
    File(SourcePath),
}

impl Source {
    fn new(ctx: &mut Ctx, text: &str, parsed: &Parsed) -> Outcome<Source> {
        if text == "-" {
            let source = std::io::read_to_string(std::io::stdin()).map_err(CliError::from)?;
            return Ok(Source::Text(source, Origin::Stdin));
        }
        if parsed.has("expr") {
            return Ok(Source::Text(text.to_owned(), Origin::String));
        }
        Ok(Source::File(crate::evaluation::file_argument(ctx, text)?))
    }

    fn parse(self, ctx: &mut Ctx) -> Outcome<Vec<u8>> {
        Ok(match self {
            Source::Text(text, origin) => ctx.parse_and_show(&text, origin, &current_dir()?)?,
            Source::File(path) => ctx.parse_file_and_show(&path)?,
        })
    }

    fn value(self, ctx: &mut Ctx) -> Outcome<Value> {
        Ok(match self {
            Source::Text(text, origin) => ctx.eval_text(&text, origin, &current_dir()?, None)?,
            Source::File(path) => ctx.eval_main_file(&path)?,
        })
    }
}

/// How a value is printed: the last of the flags says it.
fn show(ctx: &mut Ctx, parsed: &Parsed, value: Value) -> Outcome<Vec<u8>> {
    let strict = parsed.has("strict");
    let kind = parsed.flags.iter().rev().map(|f| f.id).find(|id| matches!(*id, "raw" | "xml" | "json"));
    match kind {
        Some("raw") => {
            let what = "while generating the nix-instantiate output";
            Ok(ctx.coerce(value, Coerce::COPY, Pos::NONE, what)?.as_bytes().to_vec())
        }
        Some("xml") => {
            if strict {
                ctx.force_deep(value, Pos::NONE)?;
            }
            Ok(ctx.to_xml(value, !parsed.has("no-location"))?.into_bytes())
        }
        Some("json") => {
            let text = ctx.to_json_with(value, JsonOptions { strict, copy: true }, Pos::NONE)?;
            Ok([text.as_bytes(), b"\n"].concat())
        }
        _ => {
            if strict {
                ctx.force_deep(value, Pos::NONE)?;
            }
            Ok((ctx.print_ambiguous(value)? + "\n").into_bytes())
        }
    }
}

/// Tells of the derivations in a value, each output once.
fn derivations(ctx: &mut Ctx, value: Value, args: &[(Symbol, Value)], emit: Emit<'_>) -> Outcome<()> {
    let mut seen = HashSet::new();
    for package in crate::packages::collect(ctx, value, args, false)? {
        let Some(path) = package.drv_path(ctx)? else {
            return Err(CliError::new("derivation does not contain a 'drvPath' attribute").into());
        };
        let name = package.output_name(ctx)?;
        if name.is_empty() {
            return Err(CliError::new(format!("derivation '{path}' lacks an 'outputName' attribute")).into());
        }
        let output = if name == "out" { String::new() } else { format!("!{name}") };
        if seen.insert(format!("{path}{output}")) {
            emit(Printed::Derivation(path, output))?;
        }
    }
    Ok(())
}

/// The derivations of the command line, for `nix-build`.
pub(super) fn targets(
    session: &Session,
    parsed: &Parsed,
    read_only: bool,
) -> Result<Vec<(StorePath, String)>, CliError> {
    let mode = Mode { pure: session.settings.pure_eval(), read_only };
    let mut found = Vec::new();
    evaluate(session, parsed, mode, |ctx| {
        all(ctx, parsed, &mut |item| {
            if let Printed::Derivation(path, output) = item {
                found.push((path, output.strip_prefix('!').unwrap_or("out").to_owned()));
            }
            Ok(())
        })
    })?;
    Ok(found)
}
