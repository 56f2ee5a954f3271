//! `nix eval`

use firn_eval::print::PrintOptions;
use firn_eval::{Coerce, Pos};

use super::Command;
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::evaluation::{EvalFailure, Mode, copy_referenced, current_dir, evaluate};
use crate::flags::{EVAL, INSTALLABLES, JSON, LOCK};
use crate::installable::{PACKAGES, arguments, find, is_pure};
use crate::session::Session;

const FLAGS: &[Flag] = &[
    switch("raw", "print strings without quotes and escapes"),
    option("apply", &["expr"], "apply a function to the result"),
    switch("read-only", "write nothing to the store"),
];

pub(super) const COMMAND: Command = Command {
    path: &["eval"],
    doc: "evaluate a Nix expression",
    flags: &[FLAGS, JSON, INSTALLABLES, EVAL, LOCK],
    rest: false,
    run,
};

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    if parsed.has("raw") && parsed.has("json") {
        return Err(CliError::Usage("--raw and --json are mutually exclusive".into(), "nix eval".into()));
    }
    let text = arguments(&parsed)?.remove(0);
    let mode = Mode { pure: is_pure(session, &parsed), read_only: parsed.has("read-only") };
    let output = evaluate(session, &parsed, mode, |ctx| {
        let mut value = find(ctx, session, &parsed, &text, PACKAGES)?.value;
        if let Some(function) = parsed.value("apply") {
            let function = ctx.eval_text(function, firn_eval::pos::Origin::String, &current_dir()?, None)?;
            value = ctx.call(function, &[value], Pos::NONE)?;
        }
        if parsed.has("raw") {
            let text =
                ctx.coerce(value, Coerce::COPY, Pos::NONE, "while generating the eval command output")?;
            copy_referenced(ctx, session, text.context())?;
            return Ok(Output::Bytes(text.as_bytes().to_vec()));
        }
        if parsed.has("json") {
            let text = ctx.to_json(value)?;
            copy_referenced(ctx, session, text.context())?;
            let text = text.to_text().into_owned();
            let json =
                serde_json::from_str(&text).map_err(|e| EvalFailure::Cli(CliError::new(e.to_string())))?;
            return Ok(Output::Json(json));
        }
        ctx.force_deep(value, Pos::NONE).or_else(|fail| {
            // Derivations are printed as such: what is wrong inside one does not matter.
            if value.as_attrs().is_some_and(|a| ctx.is_derivation(a).unwrap_or(false)) {
                Ok(value)
            } else {
                Err(fail)
            }
        })?;
        let mut text = ctx.print(value, &PrintOptions::PLAIN)?;
        text.push('\n');
        Ok(Output::Bytes(text.into_bytes()))
    })?;
    match output {
        Output::Bytes(bytes) => session.print(bytes)?,
        Output::Json(json) => session.print_json(&json, &parsed)?,
    }
    Ok(0)
}

enum Output {
    Bytes(Vec<u8>),
    Json(serde_json::Value),
}
