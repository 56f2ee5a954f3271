//! `nix search`

use std::fmt::Write;

use firn_eval::text::regex::{Regex, Scratch};
use firn_eval::{Ctx, Pos, Value};
use serde_json::{Map, json};

use super::Command;
use super::paths::usage;
use crate::args::{Flag, Parsed, option};
use crate::error::CliError;
use crate::evaluation::{Mode, Outcome, auto_args, evaluate};
use crate::flags::{EVAL, INSTALLABLES, JSON, LOCK};
use crate::installable::{Lookup, find, is_pure, optional_text};
use crate::packages::split_name;
use crate::session::Session;

const FLAGS: &[Flag] = &[option("exclude", &["regex"], "leave out packages that fit").short('e')];

pub(super) const COMMAND: Command = Command {
    path: &["search"],
    doc: "search for packages",
    flags: &[FLAGS, JSON, INSTALLABLES, EVAL, LOCK],
    rest: false,
    run,
};

const LOOKUP: Lookup = Lookup {
    defaults: &["packages.SYSTEM", "legacyPackages.SYSTEM"],
    prefixes: &["packages.SYSTEM.", "legacyPackages.SYSTEM."],
};

/// Where a regular expression fits, by position.
type Spans = Vec<(usize, usize)>;

/// A package that fits.
struct Hit {
    path: String,
    name: String,
    version: String,
    description: String,
    path_spans: Spans,
    description_spans: Spans,
}

struct Search<'a> {
    session: &'a Session,
    wanted: Vec<Regex>,
    unwanted: Vec<Regex>,
    hits: Vec<Hit>,
}

fn compile(patterns: impl Iterator<Item = String>) -> Result<Vec<Regex>, CliError> {
    patterns
        .map(|p| Regex::new(p.to_lowercase().as_bytes()).map_err(|e| CliError::new(e.message(&p))))
        .collect()
}

/// All places where a pattern fits a text, letters of both cases being equal.
fn spans(regex: &Regex, text: &str) -> Spans {
    let lower = text.to_ascii_lowercase();
    let mut scratch = Scratch::default();
    let mut matches = regex.matches(lower.as_bytes(), &mut scratch);
    let mut found = Vec::new();
    while let Some((span, _)) = matches.next() {
        found.push(span);
    }
    found
}

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let Some((installable, patterns)) = parsed.positional.split_first() else {
        return Err(usage(session, "more arguments are required"));
    };
    if patterns.is_empty() {
        return Err(usage(
            session,
            "Must provide at least one regex! To match all packages, use 'nix search <installable> ^'.",
        ));
    }
    let mut search = Search {
        session,
        wanted: compile(patterns.iter().cloned())?,
        unwanted: compile(parsed.values("exclude").map(str::to_owned))?,
        hits: Vec::new(),
    };
    let mode = Mode { pure: is_pure(session, &parsed), read_only: true };
    evaluate(session, &parsed, mode, |ctx| {
        for (value, path) in search.roots(ctx, &parsed, installable)? {
            search.visit(ctx, value, &path, true, 0)?;
        }
        Ok(())
    })?;
    if parsed.has("json") {
        let mut all = Map::new();
        for hit in &search.hits {
            let entry = json!({ "description": hit.description, "pname": hit.name, "version": hit.version });
            all.insert(hit.path.clone(), entry);
        }
        all.sort_keys();
        session.print_json(&all.into(), &parsed)?;
        return Ok(0);
    }
    if search.hits.is_empty() {
        return Err(CliError::new("no results for the given search term(s)!"));
    }
    session.print(render(&search.hits))?;
    Ok(0)
}

/// The hits for a person. What fits is marked even where no terminal is: scripts look for the marks.
fn render(hits: &[Hit]) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let mut out = String::new();
    for (i, hit) in hits.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let version = if hit.version.is_empty() { String::new() } else { format!(" ({})", hit.version) };
        let path = highlight(&hit.path, &hit.path_spans, "\x1b[32;1m", "\x1b[0;1m");
        // Writing to a string cannot fail.
        let _ = writeln!(out, "* \x1b[0;1m{path}\x1b[0m{version}");
        if !hit.description.is_empty() {
            let text = highlight(&hit.description, &hit.description_spans, "\x1b[32;1m", "\x1b[0m");
            let _ = writeln!(out, "  {text}");
        }
    }
    if plain { crate::progress::strip_ansi(&out) } else { out }
}

/// Puts marks around the spans, those that touch being one.
fn highlight(text: &str, spans: &Spans, start: &str, end: &str) -> String {
    let mut sorted = spans.clone();
    sorted.sort_unstable();
    let mut out = String::new();
    let mut done = 0;
    let mut rest = sorted.into_iter().peekable();
    while let Some((from, mut to)) = rest.next() {
        while let Some((_, next)) = rest.next_if(|(next, _)| *next <= to) {
            to = to.max(next);
        }
        let (Some(before), Some(inside)) = (text.get(done..from), text.get(from..to)) else { continue };
        out += before;
        out += &format!("{start}{inside}{end}");
        done = to;
    }
    out += text.get(done..).unwrap_or("");
    out
}

impl Search<'_> {
    /// Where the search begins: what the installable means, or, of a flake without attribute, all its packages.
    fn roots(&self, ctx: &mut Ctx, parsed: &Parsed, text: &str) -> Outcome<Vec<(Value, Vec<String>)>> {
        let words = |path: &str| -> Vec<String> {
            path.split('.').filter(|p| !p.is_empty()).map(str::to_owned).collect()
        };
        let plain = parsed.has("file") || parsed.has("expr");
        if plain || text.contains('#') {
            let found = find(ctx, self.session, parsed, text, LOOKUP)?;
            let args = auto_args(ctx, parsed)?;
            let value = ctx.auto_call(&args, found.value)?;
            return Ok(vec![(value, words(&found.path))]);
        }
        let (_, value, _) = crate::installable::flake_value(ctx, self.session, parsed, text)?;
        let system = self.session.settings.system().to_string();
        let mut roots = Vec::new();
        for default in LOOKUP.defaults {
            let path = default.replace("SYSTEM", &system);
            match ctx.select_path(value, &path, &[]) {
                Ok(found) => roots.push((found, words(&path))),
                Err(_) => drop(ctx.take_error()),
            }
        }
        if roots.is_empty() {
            // says what is missing
            roots.push((find(ctx, self.session, parsed, text, LOOKUP)?.value, Vec::new()));
        }
        Ok(roots)
    }

    fn visit(
        &mut self,
        ctx: &mut Ctx,
        value: Value,
        path: &[String],
        first: bool,
        depth: u32,
    ) -> Outcome<()> {
        let legacy = path.first().is_some_and(|p| p == "legacyPackages");
        match self.look(ctx, value, path, first, depth) {
            Err(crate::evaluation::EvalFailure::Eval(_)) if legacy => {
                let _ = ctx.take_error();
                Ok(())
            }
            other => other,
        }
    }

    fn look(&mut self, ctx: &mut Ctx, value: Value, path: &[String], first: bool, depth: u32) -> Outcome<()> {
        let value = ctx.force(value, Pos::NONE)?;
        let Some(attrs) = value.as_attrs() else { return Ok(()) };
        if ctx.is_derivation(attrs)? {
            return self.package(ctx, value, path);
        }
        let top = path.first().map_or("", String::as_str);
        let packages = matches!(top, "packages" | "legacyPackages");
        let deeper = first
            || path.is_empty()
            || (packages && path.len() <= 2)
            || (top == "legacyPackages" && {
                let flag = attrs.get(ctx.sym("recurseForDerivations"));
                match flag {
                    Some(flag) => ctx.force(flag, Pos::NONE)?.as_bool().unwrap_or(false),
                    None => false,
                }
            });
        if !deeper || depth > 100 {
            return Ok(());
        }
        let flat = ctx.flat(attrs);
        for i in ctx.lexical_order(flat) {
            let mut below = path.to_vec();
            below.push(ctx.raw_name(flat.name(*i as usize)));
            self.visit(ctx, flat.value(*i as usize), &below, false, depth + 1)?;
        }
        Ok(())
    }

    fn package(&mut self, ctx: &mut Ctx, value: Value, path: &[String]) -> Outcome<()> {
        let (name, version) = split_name(&optional_text(ctx, value, &["name"])?.unwrap_or_default());
        let description =
            optional_text(ctx, value, &["meta", "description"])?.unwrap_or_default().replace('\n', " ");
        let path = path.join(".");
        let texts = [&path, &name, &description];
        if self.unwanted.iter().any(|r| texts.iter().any(|t| !spans(r, t).is_empty())) {
            return Ok(());
        }
        let (mut path_spans, mut description_spans) = (Vec::new(), Vec::new());
        for regex in &self.wanted {
            let found = texts.map(|t| spans(regex, t));
            if found.iter().all(Vec::is_empty) {
                return Ok(());
            }
            let [in_path, _, in_description] = found;
            path_spans.extend(in_path);
            description_spans.extend(in_description);
        }
        self.hits.push(Hit { path, name, version, description, path_spans, description_spans });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_touch_are_one() {
        let mark = |spans: &[(usize, usize)]| highlight("broken bar", &spans.to_vec(), "<", ">");
        assert_eq!(mark(&[(0, 8), (4, 10)]), "<broken bar>");
        assert_eq!(mark(&[(7, 8), (0, 1)]), "<b>roken <b>ar");
        assert_eq!(mark(&[]), "broken bar");
        assert_eq!(mark(&[(0, 0)]), "<>broken bar");
    }

    #[test]
    fn patterns_fit_both_cases() {
        let regexes = compile(["OO".to_owned()].into_iter()).unwrap();
        assert_eq!(spans(&regexes[0], "fOo bar"), [(1, 3)]);
    }
}
