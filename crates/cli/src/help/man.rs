//! Pages as manual pages: `firn man DIR`.

use std::fmt::Write;
use std::path::Path;

use super::{Page, all_pages};
use crate::args::Parsed;
use crate::error::CliError;
use crate::names::{FIRN_VERSION, NIX_VERSION};
use crate::session::Session;

/// A text for roff: backslashes and leading dots mean themselves.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.lines().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        if line.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        out.push_str(line);
    }
    out
}

/// The source of a manual page of section 1.
pub(crate) fn render(page: &Page) -> String {
    let name = page.title.replace(' ', "-");
    // Writing to a string cannot fail.
    let mut out = String::new();
    let _ = writeln!(
        out,
        ".TH \"{}\" 1 \"\" \"Firn {FIRN_VERSION} (Nix {NIX_VERSION})\" \"Commands\"",
        name.to_uppercase()
    );
    let _ = writeln!(out, ".SH NAME\n{} \\- {}", escape(&name), escape(page.doc));
    let _ = writeln!(out, ".SH SYNOPSIS");
    for usage in &page.usage {
        let _ = writeln!(out, ".B {}\n.br", escape(usage));
    }
    if !page.about.is_empty() {
        let _ = writeln!(out, ".SH DESCRIPTION");
        for paragraph in page.about.split("\n\n") {
            if paragraph.starts_with("  ") {
                let _ = writeln!(out, ".PP\n.nf\n{}\n.fi", escape(paragraph.trim_end()));
            } else {
                let _ = writeln!(out, ".PP\n{}", escape(paragraph.trim()));
            }
        }
    }
    if !page.commands.is_empty() {
        let _ = writeln!(out, ".SH COMMANDS");
        for (command, doc) in &page.commands {
            let _ = writeln!(out, ".TP\n.B {}\n{}", escape(command), escape(doc));
        }
    }
    for (title, flags) in &page.flags {
        let _ = writeln!(out, ".SH {}", escape(&title.to_uppercase()));
        for flag in flags {
            let short =
                if flag.short == '\0' { String::new() } else { format!("\\fB\\-{}\\fR, ", flag.short) };
            let labels: String =
                flag.takes.iter().map(|l| format!(" \\fI{}\\fR", escape(&l.to_uppercase()))).collect();
            let _ = writeln!(
                out,
                ".TP\n{short}\\fB\\-\\-{}\\fR{labels}\n{}",
                escape(flag.name),
                escape(flag.doc)
            );
        }
    }
    if !page.examples.is_empty() {
        let _ = writeln!(out, ".SH EXAMPLES");
        for (what, command) in page.examples {
            let _ = writeln!(out, ".PP\n{}:\n.PP\n.nf\n    {}\n.fi", escape(what), escape(command));
        }
    }
    out
}

/// Writes all pages below `DIR/man1`.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let dir = Path::new(crate::commands::paths::only(session, &parsed)?).join("man1");
    std::fs::create_dir_all(&dir)?;
    let pages = all_pages();
    for page in &pages {
        std::fs::write(dir.join(format!("{}.1", page.title.replace(' ', "-"))), render(page))?;
    }
    session.events().message(
        firn_events::Level::Notice,
        format!("made {} manual pages in '{}'", pages.len(), dir.display()),
    );
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_begins_with_a_dot_is_text() {
        assert_eq!(escape(".SH x\na-b"), "\\&.SH x\na\\-b");
    }

    #[test]
    fn every_command_has_a_page() {
        let pages = all_pages();
        for wanted in ["nix", "nix build", "nix store", "nix store gc", "nix-build"] {
            let page = pages.iter().find(|p| p.title == wanted).expect(wanted);
            let source = render(page);
            assert!(source.starts_with(".TH"), "{wanted}");
            assert!(source.contains(".SH SYNOPSIS"), "{wanted}");
        }
        let mut titles: Vec<&str> = pages.iter().map(|p| p.title.as_str()).collect();
        let count = titles.len();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), count, "two pages have one name");
    }
}
