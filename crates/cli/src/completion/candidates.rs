//! What arguments may become: files, flakes, inputs, attributes, packages of a profile.

use std::path::Path;

use super::{Answer, Kind, Line};
use crate::args::{Flag, Parsed};
use crate::error::CliError;
use crate::evaluation::{Mode, Outcome, auto_args, evaluate, flake_reference, flakes};
use crate::installable::{APPS, DEV_SHELLS, Lookup, PACKAGES, is_pure};
use crate::session::{Program, Session, Style, load_settings};

/// The argument `n` of a flag.
pub(super) fn of_flag(program: &Program, line: &Line<'_>, flag: &Flag, n: usize, answer: &mut Answer) {
    let offer = |answer: &mut Answer, words: &[&str]| {
        for word in words.iter().filter(|w| w.starts_with(&line.prefix)) {
            answer.add(*word, "");
        }
    };
    match (flag.id, n) {
        ("option", 0) => {
            for definition in firn_settings::DEFINITIONS.iter().filter(|d| d.name.starts_with(&line.prefix)) {
                answer.add(definition.name, definition.doc);
            }
        }
        ("log-format", _) => offer(answer, crate::progress::LogFormat::NAMES),
        ("hash-algo" | "type" | "algo", _) => offer(answer, &["blake3", "md5", "sha1", "sha256", "sha512"]),
        ("to" | "from" | "format", _) if flag.takes == ["hash-format"] => {
            offer(answer, &["base16", "base64", "nix32", "sri"]);
        }
        ("override-input" | "update-input", 0) => inputs(program, line, answer),
        _ => match flag.takes.get(n).copied().unwrap_or("") {
            "flake-url" | "flake" | "installable" | "original-ref" | "resolved-ref" => {
                flake_references(program, &line.prefix, answer);
            }
            "path" | "file" | "outputs-dir" | "dir" | "key-file" => paths(&line.prefix, false, answer),
            _ => {}
        },
    }
}

/// The argument `n` of a command.
pub(super) fn of_argument(program: &Program, line: &Line<'_>, n: usize, answer: &mut Answer) {
    let Some(command) = line.command else { return };
    match command.path {
        ["flake", "update"] => inputs(program, line, answer),
        ["flake", ..] | ["registry", ..] => flake_references(program, &line.prefix, answer),
        ["profile", "remove" | "upgrade"] => elements(program, line, answer),
        ["search"] if n > 0 => {}
        ["run"] if n > 0 => paths(&line.prefix, false, answer),
        ["config", "show"] => {
            for definition in firn_settings::DEFINITIONS.iter().filter(|d| d.name.starts_with(&line.prefix)) {
                answer.add(definition.name, definition.doc);
            }
        }
        path => {
            let takes_installables =
                command.flags.iter().any(|t| t.iter().any(|f| f.id == "expr" && f.short == '\0'));
            if takes_installables {
                let lookup = match path {
                    ["run"] => APPS,
                    ["develop"] | ["print-dev-env"] => DEV_SHELLS,
                    _ => PACKAGES,
                };
                installables(program, line, lookup, answer);
            } else {
                paths(&line.prefix, false, answer);
            }
        }
    }
}

/// Files, or folders only, that begin as the word does.
fn paths(prefix: &str, folders: bool, answer: &mut Answer) {
    answer.kind = Kind::Filenames;
    let (shown, name) = match prefix.rfind('/') {
        Some(at) => prefix.split_at(at + 1),
        None => ("", prefix),
    };
    let folder = if shown.is_empty() { ".".to_owned() } else { expand_home(shown) };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let hidden = file.starts_with('.') && !name.starts_with('.');
        if file.starts_with(name) && !hidden && (!folders || entry.path().is_dir()) {
            answer.add(format!("{shown}{file}"), "");
        }
    }
}

fn expand_home(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    }
}

/// A session that says nothing.
fn quiet(program: &Program, parsed: &Parsed) -> Result<Session, CliError> {
    let (mut settings, host) = load_settings(program)?;
    settings.set("eval-cache", "false")?;
    settings.set("warn-dirty", "false")?;
    let mut common = parsed.clone();
    let log_format = ["log-format", "debug", "verbose"];
    common.flags.retain(|f| !log_format.contains(&f.id));
    common.flags.extend((0..8).map(|_| crate::args::Occurrence {
        id: "quiet",
        values: Vec::new(),
        position: 0,
    }));
    Session::start(program.clone(), settings, host, common, Style::New)
}

/// Folders, and names of registries.
fn flake_references(program: &Program, prefix: &str, answer: &mut Answer) {
    if prefix.is_empty() {
        answer.add(".", "");
    }
    paths(prefix, true, answer);
    if prefix.starts_with(['.', '/', '~']) {
        return;
    }
    let Ok(session) = quiet(program, &Parsed::default()) else { return };
    let mode = Mode { pure: true, read_only: true };
    let known = evaluate(&session, &Parsed::default(), mode, |ctx| Ok(flakes(ctx)?.registries()?));
    let Ok(registries) = known else { return };
    for entry in registries.iter().flat_map(|r| r.entries.iter()) {
        let from = entry.from.to_url().to_string();
        let short = if prefix.starts_with("flake:") { &from } else { from.trim_start_matches("flake:") };
        if short.starts_with(prefix) {
            answer.add(short, "");
        }
    }
}

/// The flakes of the command line, for names of their inputs.
fn flakes_of(line: &Line<'_>) -> Vec<String> {
    if let Some(flake) = line.parsed.value("flake") {
        return vec![flake.to_owned()];
    }
    let is_update = line.command.is_some_and(|c| c.path == ["flake", "update"]);
    let named: Vec<String> = line.parsed.positional.clone();
    if named.is_empty() || is_update { vec![".".to_owned()] } else { named }
}

fn inputs(program: &Program, line: &Line<'_>, answer: &mut Answer) {
    let Ok(session) = quiet(program, &line.parsed) else { return };
    let mode = Mode { pure: true, read_only: true };
    for text in flakes_of(line) {
        let names = evaluate(&session, &Parsed::default(), mode, |ctx| {
            let (reference, _) = flake_reference(&expand_home(&text))?;
            let all = flakes(ctx)?;
            let resolved = all.resolve(&reference, firn_flake::registry::Use::All)?;
            let tree = all.fetch(&resolved)?;
            let declaration = all.declaration(ctx, &tree, &resolved, &Vec::new())?;
            Ok(declaration.inputs.keys().cloned().collect::<Vec<String>>())
        });
        for name in names.unwrap_or_default().iter().filter(|n| n.starts_with(&line.prefix)) {
            answer.add(name, "");
        }
    }
}

fn installables(program: &Program, line: &Line<'_>, lookup: Lookup, answer: &mut Answer) {
    if line.parsed.has("file") || line.parsed.has("expr") {
        answer.kind = Kind::Attributes;
        let Ok(session) = quiet(program, &line.parsed) else { return };
        let names = attributes_of_file(&session, &line.parsed, &line.prefix).unwrap_or_default();
        names.iter().for_each(|n| answer.add(n, ""));
        return;
    }
    match line.prefix.split_once('#') {
        None => flake_references(program, &line.prefix, answer),
        Some((flake, fragment)) => {
            answer.kind = Kind::Attributes;
            let Ok(session) = quiet(program, &line.parsed) else { return };
            let found = attributes_of_flake(&session, &line.parsed, flake, fragment, lookup);
            for name in found.unwrap_or_default() {
                answer.add(format!("{flake}#{name}"), "");
            }
        }
    }
}

/// `a.b.` and `c` of `a.b.c`.
fn split_last(path: &str) -> (&str, &str) {
    match path.rfind('.') {
        Some(at) => path.split_at(at + 1),
        None => ("", path),
    }
}

fn names_in(ctx: &mut firn_eval::Ctx, value: firn_eval::Value, start: &str) -> Outcome<Vec<String>> {
    let value = ctx.force(value, firn_eval::Pos::NONE)?;
    let Some(attrs) = value.as_attrs() else { return Ok(Vec::new()) };
    let flat = ctx.flat(attrs);
    let names = flat.iter().map(|(name, ..)| ctx.raw_name(name));
    Ok(names.filter(|n| n.starts_with(start)).collect())
}

fn attributes_of_file(session: &Session, parsed: &Parsed, prefix: &str) -> Result<Vec<String>, CliError> {
    let mode = Mode { pure: is_pure(session, parsed), read_only: true };
    evaluate(session, parsed, mode, |ctx| {
        let (before, start) = split_last(prefix);
        let found = crate::installable::find(ctx, session, parsed, before.trim_end_matches('.'), PACKAGES)?;
        let args = auto_args(ctx, parsed)?;
        let value = ctx.auto_call(&args, found.value)?;
        Ok(names_in(ctx, value, start)?.into_iter().map(|n| format!("{before}{n}")).collect())
    })
}

fn attributes_of_flake(
    session: &Session,
    parsed: &Parsed,
    flake: &str,
    fragment: &str,
    lookup: Lookup,
) -> Result<Vec<String>, CliError> {
    let mode = Mode { pure: is_pure(session, parsed), read_only: true };
    let system = session.settings.system().to_string();
    evaluate(session, parsed, mode, |ctx| {
        let (_, value, _) = crate::installable::flake_value(ctx, session, parsed, &expand_home(flake))?;
        let mut all = Vec::new();
        let (exact, path) = match fragment.strip_prefix('.') {
            Some(path) => (".", path),
            None => ("", fragment),
        };
        let (before, start) = split_last(path);
        let prefixes =
            lookup.prefixes.iter().filter(|_| exact.is_empty()).map(|p| p.replace("SYSTEM", &system));
        for prefix in prefixes.chain([String::new()]) {
            let whole = format!("{prefix}{before}");
            match ctx.select_path(value, whole.trim_end_matches('.'), &[]) {
                Ok(set) => {
                    all.extend(names_in(ctx, set, start)?.into_iter().map(|n| format!("{exact}{before}{n}")));
                }
                Err(_) => drop(ctx.take_error()),
            }
        }
        if fragment.is_empty() {
            for default in lookup.defaults {
                match ctx.select_path(value, &default.replace("SYSTEM", &system), &[]) {
                    Ok(_) => all.push(String::new()),
                    Err(_) => drop(ctx.take_error()),
                }
            }
        }
        Ok(all)
    })
}

/// The packages of the profile.
fn elements(program: &Program, line: &Line<'_>, answer: &mut Answer) {
    let Ok(session) = quiet(program, &line.parsed) else { return };
    let Ok(profile) = crate::profile::chosen(&session, &line.parsed) else { return };
    let Ok(manifest) = crate::manifest::read(&session, Path::new(&profile)) else { return };
    for (name, element) in manifest.elements.iter().filter(|(n, _)| n.starts_with(&line.prefix)) {
        answer.add(name, &element.identifier());
    }
}
