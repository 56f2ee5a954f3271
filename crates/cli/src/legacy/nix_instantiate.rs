//! `nix-instantiate`: evaluation, and from expressions to derivations.

use std::collections::BTreeSet;

use firn_eval::pos::Origin;
use firn_eval::{Coerce, Ctx, Pos, Value};

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
    let evaluates = parsed.has("eval") || parsed.has("parse") || parsed.has("find-file");
    let read_only =
        parsed.has("readonly-mode") || parsed.has("dry-run") || (evaluates && !parsed.has("read-write-mode"));
    let mode = Mode { pure: session.settings.pure_eval(), read_only };
    let printed = evaluate(&session, &parsed, mode, |ctx| all(ctx, &parsed))?;
    let mut number = 0;
    for item in printed {
        match item {
            Printed::Text(text) => session.print(text)?,
            Printed::Derivation(path, output) => {
                let shown = match parsed.value("add-root") {
                    Some(root) if !read_only => {
                        number += 1;
                        let name = if number == 1 { root.to_owned() } else { format!("{root}-{number}") };
                        crate::building::add_root(session.store()?.as_ref(), &path, &name)?
                    }
                    _ => crate::evaluation::store_dir(&session)?.print(&path),
                };
                session.println(shown + &output)?;
            }
        }
    }
    Ok(0)
}

/// Something that the command prints.
enum Printed {
    Text(Vec<u8>),
    /// A derivation, and `!output` where another than `out` was chosen.
    Derivation(firn_path::StorePath, String),
}

fn all(ctx: &mut Ctx, parsed: &Parsed) -> Outcome<Vec<Printed>> {
    let base = current_dir()?;
    let mut out = Vec::new();
    if parsed.has("find-file") {
        for name in &parsed.positional {
            let value = ctx.eval_text(&format!("<{name}>"), Origin::String, &base, None)?;
            let text = ctx.coerce(value, Coerce::PLAIN, Pos::NONE, "while looking up a file")?;
            out.push(Printed::Text([text.as_bytes(), b"\n"].concat()));
        }
        return Ok(out);
    }
    let args = auto_args(ctx, parsed)?;
    let mut files = parsed.positional.clone();
    if files.is_empty() && !parsed.has("expr") {
        files.push("./default.nix".into());
    }
    for file in &files {
        if parsed.has("parse") {
            let (text, origin) = if parsed.has("expr") {
                (file.clone(), Origin::String)
            } else if file == "-" {
                (std::io::read_to_string(std::io::stdin()).map_err(CliError::from)?, Origin::Stdin)
            } else {
                (std::fs::read_to_string(file).map_err(CliError::from)?, Origin::Stdin)
            };
            let shown = ctx.parse_and_show(&text, origin, &base)?;
            out.push(Printed::Text(format!("{shown}\n").into_bytes()));
            continue;
        }
        let value = source(ctx, file, parsed)?;
        let attrs: Vec<&str> = parsed.values("attr").collect();
        for attr in if attrs.is_empty() { vec![""] } else { attrs } {
            let value = ctx.select_path(value, attr, &args)?;
            let value = ctx.auto_call(&args, value)?;
            if parsed.has("eval") {
                out.push(Printed::Text(show(ctx, parsed, value)?));
            } else {
                let mut seen = BTreeSet::new();
                derivations(ctx, value, &args, &mut seen, &mut out)?;
            }
        }
    }
    Ok(out)
}

/// The value of a file, of standard input, or of an expression.
pub(super) fn source(ctx: &mut Ctx, text: &str, parsed: &Parsed) -> Outcome<Value> {
    let base = current_dir()?;
    if parsed.has("expr") {
        return Ok(ctx.eval_text(text, Origin::String, &base, None)?);
    }
    if text == "-" {
        let source = std::io::read_to_string(std::io::stdin()).map_err(CliError::from)?;
        return Ok(ctx.eval_text(&source, Origin::Stdin, &base, None)?);
    }
    let path = crate::evaluation::file_argument(ctx, text)?;
    Ok(ctx.eval_main_file(&path)?)
}

fn show(ctx: &mut Ctx, parsed: &Parsed, value: Value) -> Outcome<Vec<u8>> {
    if parsed.has("raw") {
        let text =
            ctx.coerce(value, Coerce::COPY, Pos::NONE, "while generating the nix-instantiate output")?;
        return Ok(text.as_bytes().to_vec());
    }
    if parsed.has("strict") {
        ctx.force_deep(value, Pos::NONE)?;
    }
    if parsed.has("xml") {
        return Ok(ctx.to_xml(value, !parsed.has("no-location"))?.into_bytes());
    }
    let mut text = if parsed.has("json") {
        ctx.to_json(value)?.to_text().into_owned()
    } else {
        ctx.print_ambiguous(value)?
    };
    text.push('\n');
    Ok(text.into_bytes())
}

/// The derivations in a value, each output once.
fn derivations(
    ctx: &mut Ctx,
    value: Value,
    args: &[(firn_syntax::Symbol, Value)],
    seen: &mut BTreeSet<String>,
    out: &mut Vec<Printed>,
) -> Outcome<()> {
    for package in crate::packages::collect(ctx, value, args, false)? {
        let Some(path) = package.drv_path(ctx)? else {
            return Err(CliError::new("derivation does not contain a 'drvPath' attribute").into());
        };
        let name = package.output_name(ctx)?;
        let output = if name.is_empty() || name == "out" { String::new() } else { format!("!{name}") };
        if seen.insert(format!("{path}{output}")) {
            out.push(Printed::Derivation(path, output));
        }
    }
    Ok(())
}

/// The derivations of the command line, for `nix-build`.
pub(super) fn targets(
    session: &Session,
    parsed: &Parsed,
    read_only: bool,
) -> Result<Vec<(firn_path::StorePath, String)>, CliError> {
    let mode = Mode { pure: session.settings.pure_eval(), read_only };
    let printed = evaluate(session, parsed, mode, |ctx| all(ctx, parsed))?;
    Ok(printed
        .into_iter()
        .filter_map(|p| match p {
            Printed::Derivation(path, output) => {
                Some((path, if output.is_empty() { "out".to_owned() } else { output[1..].to_owned() }))
            }
            Printed::Text(_) => None,
        })
        .collect())
}
