//! Errors as the reference shows them: trace, message, place with an excerpt of the source, suggestions.

use std::fmt::Write as _;

use rustc_hash::FxHashSet;

use crate::Ctx;
use crate::error::{EvalError, Trace, strip_ansi};
use crate::pos::{Place, Pos};

const RED: &str = "\u{1b}[31;1m";
const BLUE: &str = "\u{1b}[34;1m";
const MAGENTA: &str = "\u{1b}[35;1m";
const NORMAL: &str = "\u{1b}[0m";

/// How errors are shown.
#[derive(Clone, Copy, Debug)]
pub struct RenderOptions {
    /// The whole trace, not only its first frames.
    pub show_trace: bool,
    /// Terminal colours.
    pub colors: bool,
}

impl Ctx {
    /// The whole text of an error, from `error:` on, without a newline at the end.
    pub fn render_error(&self, e: &EvalError, o: RenderOptions) -> String {
        self.render_as(&format!("{RED}error:{NORMAL} "), e, o)
    }

    /// As [`Ctx::render_error`], with another first word (for warnings).
    pub fn render_as(&self, prefix: &str, e: &EvalError, o: RenderOptions) -> String {
        let mut body = String::new();
        let truncated = self.render_traces(&e.traces, o.show_trace, &mut body);
        if truncated {
            let _ = writeln!(
                body,
                "\n{MAGENTA}(stack trace truncated; use '--show-trace' to show the full, detailed trace){NORMAL}"
            );
        }
        if !e.traces.is_empty() {
            let _ = write!(body, "\n{prefix}");
        }
        body.push_str(&e.message);
        body.push('\n');
        self.render_place(e.pos, "", &mut body);
        if !e.suggestions.is_empty() {
            body.push_str("Did you mean ");
            body.push_str(&suggestions(&e.suggestions));
            body.push_str("?\n");
        }
        let body = body.trim_end();
        let plain_prefix = strip_ansi(prefix);
        let rest = " ".repeat(plain_prefix.chars().count());
        let mut out = String::new();
        for (i, line) in body.split('\n').enumerate() {
            if i > 0 {
                out.push('\n');
            }
            let line = format!("{}{line}", if i == 0 { prefix } else { &rest });
            out.push_str(line.trim_end());
        }
        if o.colors { out } else { strip_ansi(&out) }
    }

    /// Gives whether frames were left out.
    fn render_traces(&self, traces: &[Trace], all: bool, out: &mut String) -> bool {
        let mut seen: FxHashSet<(Pos, String)> = FxHashSet::default();
        let mut skipped: Vec<&Trace> = Vec::new();
        let mut count = 0;
        let mut truncate = false;
        for t in traces.iter().rev().filter(|t| !t.text.is_empty()) {
            if !all && count > 3 {
                truncate = true;
            }
            if truncate && !t.always {
                continue;
            }
            let key = (t.pos, t.text.to_string());
            if seen.contains(&key) {
                skipped.push(t);
                continue;
            }
            seen.insert(key);
            self.render_skipped(&mut skipped, &mut count, out);
            count += 1;
            self.render_trace(t, &mut count, out);
        }
        self.render_skipped(&mut skipped, &mut count, out);
        truncate
    }

    fn render_skipped(&self, skipped: &mut Vec<&Trace>, count: &mut usize, out: &mut String) {
        if skipped.len() > 5 {
            let _ = writeln!(out, "\n{MAGENTA}({} duplicate frames omitted){NORMAL}", skipped.len());
        } else {
            for t in skipped.iter() {
                self.render_trace(t, count, out);
            }
        }
        skipped.clear();
    }

    fn render_trace(&self, t: &Trace, count: &mut usize, out: &mut String) {
        let _ = writeln!(out, "\n… {}", t.text);
        if self.render_place(t.pos, "  ", out) {
            *count += 1;
        }
    }

    /// `at file:line:column:` and the line between its neighbours.
    fn render_place(&self, pos: Pos, indent: &str, out: &mut String) -> bool {
        let Some(place) = self.positions.place(pos) else { return false };
        let origin = self.show_origin(&place.source.origin);
        let _ = write!(out, "{indent}{BLUE}at {MAGENTA}{origin}:{}:{}{NORMAL}:", place.line, place.column);
        excerpt(&place, out);
        out.push('\n');
        true
    }
}

/// The derivations and module options that were being evaluated when an error was raised, innermost first, as one line;
/// `None` if there are none. Beyond the reference, whose shortened traces seldom say it.
pub fn involved(e: &EvalError) -> Option<String> {
    /// More names than these say less.
    const MOST: usize = 6;
    let mut names: Vec<String> = Vec::new();
    for trace in &e.traces {
        let text = strip_ansi(&trace.text);
        let name = if let Some(rest) = text.strip_prefix("while evaluating derivation '") {
            rest.split_once('\'').map(|(name, _)| format!("derivation '{name}'"))
        } else if let Some(rest) = text.strip_prefix("while evaluating the option ") {
            let rest = rest.trim_start_matches(['`', '\'']);
            rest.rsplit_once('\'').map(|(name, _)| format!("option '{name}'"))
        } else {
            None
        };
        names.extend(name.filter(|name| !names.contains(name)));
    }
    if names.is_empty() {
        return None;
    }
    let left = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let more = if left > 0 { format!(" and {left} more") } else { String::new() };
    Some(format!("involved: {}{more}", names.join(", ")))
}

fn excerpt(p: &Place, out: &mut String) {
    let text = String::from_utf8_lossy(&p.source.text);
    let lines = lines(&text);
    let line = p.line as usize;
    let show = |n: usize, out: &mut String| {
        if let Some(l) = n.checked_sub(1).and_then(|i| lines.get(i)) {
            let _ = write!(out, "\n {n:>5}| {l}");
        }
    };
    if line > 1 {
        show(line - 1, out);
    }
    if line <= lines.len() {
        show(line, out);
        let _ = write!(out, "\n      |{}{RED}^{NORMAL}", " ".repeat(p.column as usize));
    }
    show(line + 1, out);
}

/// The lines of a text; `\n`, `\r\n` and a lone `\r` end lines. A text that ends in a newline has an empty last line.
fn lines(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        match rest.find(['\r', '\n']) {
            None => {
                out.push(rest);
                return out;
            }
            Some(i) => {
                out.push(&rest[..i]);
                let after = if rest[i..].starts_with("\r\n") { 2 } else { 1 };
                rest = &rest[i + after..];
            }
        }
    }
}

fn suggestions(names: &[String]) -> String {
    let show = |n: &String| format!("{MAGENTA}{}{NORMAL}", strip_ansi(n));
    match names {
        [one] => show(one),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(show).collect();
            format!("one of {} or {}", first.join(", "), show(last))
        }
        [] => String::new(),
    }
}
