//! A page as text for a terminal.

use std::fmt::Write;

use super::Page;
use crate::args::Flag;

/// The width that paragraphs are broken at.
const WIDTH: usize = 90;

/// `  -o, --out-link PATH` and what it does below it.
fn flag(out: &mut String, flag: &Flag) {
    let labels: String = flag.takes.iter().map(|l| format!(" {}", l.to_uppercase())).collect();
    let short = if flag.short == '\0' { String::new() } else { format!("-{}, ", flag.short) };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "  {short}--{}{labels}", flag.name);
    wrap(out, flag.doc, "      ");
}

/// Breaks a paragraph into lines.
fn wrap(out: &mut String, text: &str, indent: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() + indent.len() >= WIDTH {
            let _ = writeln!(out, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    if !line.is_empty() {
        let _ = writeln!(out, "{indent}{line}");
    }
}

/// The whole page.
pub(super) fn render(page: &Page) -> String {
    let mut out = String::new();
    for (i, usage) in page.usage.iter().enumerate() {
        let _ = writeln!(out, "{} {usage}", if i == 0 { "Usage:" } else { "      " });
    }
    let _ = writeln!(out, "\n{} - {}", page.title, page.doc);
    for paragraph in page.about.split("\n\n").filter(|p| !p.trim().is_empty()) {
        out.push('\n');
        if paragraph.starts_with("  ") {
            let _ = writeln!(out, "{}", paragraph.trim_end());
        } else {
            wrap(&mut out, paragraph, "");
        }
    }
    if !page.commands.is_empty() {
        out.push_str("\nCommands:\n");
        let width = page.commands.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, doc) in &page.commands {
            let _ = writeln!(out, "  {name:width$}  {doc}");
        }
    }
    if !page.examples.is_empty() {
        out.push_str("\nExamples:\n");
        for (what, command) in page.examples {
            wrap(&mut out, &format!("{what}:"), "  ");
            for line in command.lines() {
                let _ = writeln!(out, "      {line}");
            }
        }
    }
    for (title, flags) in &page.flags {
        let _ = writeln!(out, "\n{title}:");
        for f in flags {
            flag(&mut out, f);
        }
    }
    out.push_str("\nEvery setting is a flag, too: `--NAME VALUE`, `--NAME` and `--no-NAME` for switches, `--extra-NAME` for lists;\n`nix config show` lists them.\n");
    out
}
