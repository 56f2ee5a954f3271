//! `nix eval`

use std::path::Path;

use firn_eval::builtins::json::JsonOptions;
use firn_eval::print::PrintOptions;
use firn_eval::{Coerce, Ctx, ErrorKind, Fail, Pos, Value, msg};

use super::Command;
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::evaluation::{Mode, Outcome, copy_referenced, current_dir, evaluate};
use crate::flags::{EVAL, JSON, LOCK};
use crate::installable::{PACKAGES, arguments, find, is_pure};
use crate::session::Session;

const FLAGS: &[Flag] = &[
    switch("raw", "print strings without quotes and escapes"),
    option("apply", &["expr"], "apply a function to the result"),
    option("write-to", &["path"], "write a string, or a set of strings as a folder, to a path"),
    switch("read-only", "write nothing to the store"),
    option("file", &["file"], "take attribute paths of the expression in a file").short('f'),
    option("expr", &["expr"], "take attribute paths of an expression"),
];

pub(super) const COMMAND: Command = Command {
    path: &["eval"],
    doc: "evaluate a Nix expression",
    flags: &[FLAGS, JSON, EVAL, LOCK],
    rest: false,
    run,
};

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let usage = |message: &str| Err(CliError::Usage(message.into(), session.program.name.clone()));
    if let Some(second) = parsed.positional.get(1) {
        return usage(&format!("unexpected argument '{second}'"));
    }
    if parsed.has("file") && parsed.has("expr") {
        return usage("'--file' and '--expr' are exclusive");
    }
    if parsed.has("raw") && parsed.has("json") {
        return usage("--raw and --json are mutually exclusive");
    }
    let text = arguments(&parsed)?.remove(0);
    let mode = Mode { pure: is_pure(session, &parsed), read_only: parsed.has("read-only") };
    let output = evaluate(session, &parsed, mode, |ctx| {
        let mut value = find(ctx, session, &parsed, &text, PACKAGES)?.value;
        if let Some(function) = parsed.value("apply") {
            let function = ctx.eval_text(function, firn_eval::pos::Origin::String, &current_dir()?, None)?;
            value = ctx.call(function, &[value], Pos::NONE)?;
        }
        if let Some(path) = parsed.value("write-to") {
            let path = Path::new(path);
            if path.symlink_metadata().is_ok() {
                return Err(CliError::new(format!("path '{}' already exists", path.display())).into());
            }
            write_to(ctx, value, Pos::NONE, path)?;
            return Ok(Vec::new());
        }
        show(ctx, session, value, &parsed)
    })?;
    session.print(output)?;
    Ok(0)
}

/// What is printed of a value.
fn show(ctx: &mut Ctx, session: &Session, value: Value, parsed: &Parsed) -> Outcome<Vec<u8>> {
    if parsed.has("raw") {
        let text = ctx.coerce(value, Coerce::COPY, Pos::NONE, "while generating the eval command output")?;
        copy_referenced(ctx, session, text.context())?;
        return Ok(text.as_bytes().to_vec());
    }
    let mut text = if parsed.has("json") {
        let json = ctx.to_json_with(value, JsonOptions { strict: true, copy: false }, Pos::NONE)?;
        copy_referenced(ctx, session, json.context())?;
        if Session::wants_pretty_json(parsed) {
            indent_json(json.as_bytes())
        } else {
            json.as_bytes().to_vec()
        }
    } else {
        let options = PrintOptions { force: true, derivation_paths: true, ..PrintOptions::PLAIN };
        ctx.print(value, &options)?.into_bytes()
    };
    text.push(b'\n');
    Ok(text)
}

/// Writes a string as a file, a set as a folder.
fn write_to(ctx: &mut Ctx, value: Value, pos: Pos, path: &Path) -> Outcome<()> {
    let value = ctx.force(value, pos)?;
    if let Some(text) = value.as_str() {
        let failed = |e: std::io::Error| {
            CliError::new(format!("opening file \"{}\": {}", path.display(), firn_source::strerror(&e)))
        };
        return Ok(std::fs::write(path, text.as_bytes()).map_err(failed)?);
    }
    let Some(attrs) = value.as_attrs() else {
        let m = msg!("value at '{}' is not a string or an attribute set", ctx.show_pos(pos));
        return Err(ctx.type_error(m, pos).into());
    };
    std::fs::create_dir(path).map_err(|e| {
        CliError::new(format!("creating directory \"{}\": {}", path.display(), firn_source::strerror(&e)))
    })?;
    let flat = ctx.flat(attrs);
    for i in ctx.lexical_order(flat) {
        let (name, pos, value) = (flat.name(*i as usize), flat.pos(*i as usize), flat.value(*i as usize));
        let name = ctx.raw_name(name);
        let written = if name == "." || name == ".." {
            Err(ctx.error(ErrorKind::Eval, msg!("invalid file name '{}'", &name), Pos::NONE).into())
        } else {
            write_to(ctx, value, pos, &path.join(&name))
        };
        if let Err(failure) = written {
            if let crate::evaluation::EvalFailure::Eval(Fail) = failure {
                let text = msg!("while evaluating the attribute '{}'", &name);
                return Err(ctx.trace(pos, text).into());
            }
            return Err(failure);
        }
    }
    Ok(())
}

/// JSON over several lines; the text is taken as it is, so that numbers stay what they are and depth costs nothing.
fn indent_json(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    let (mut depth, mut quoted, mut at) = (0usize, false, 0);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    while let Some(&c) = text.get(at) {
        at += 1;
        if quoted {
            out.push(c);
            if c == b'\\' {
                out.extend(text.get(at));
                at += 1;
            }
            quoted = c != b'"';
            continue;
        }
        match c {
            b'"' => {
                quoted = true;
                out.push(c);
            }
            b'[' | b'{' => {
                out.push(c);
                match text.get(at) {
                    Some(&end @ (b']' | b'}')) => {
                        out.push(end);
                        at += 1;
                    }
                    _ => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            b',' => {
                out.push(c);
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::indent_json;

    #[test]
    fn json_over_several_lines() {
        let text = br#"{"a":[],"b":{},"c":[1,{"d\"":"x,y:\\"}],"e":1.0e20}"#;
        let value: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
        assert!(value.is_object());
        let shown = String::from_utf8(indent_json(text)).unwrap_or_default();
        let wanted = "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\\\"\": \"x,y:\\\\\"\n    }\n  ],\n  \"e\": 1.0e20\n}";
        assert_eq!(shown, wanted);
    }
}
