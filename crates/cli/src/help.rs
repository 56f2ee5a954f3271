//! `--help` and `--version`.

use crate::args::{Flag, Parsed};
use crate::names::version_line;
use crate::session::Program;

/// Answers `--version` and `--help` where they were given; the exit status then.
pub fn early(program: &Program, parsed: &Parsed) -> Option<u8> {
    if parsed.has("version") {
        say(&version_line(if program.is_firn() { "firn" } else { &program.name }));
        return Some(0);
    }
    if parsed.has("help") {
        say(&format!("{} — see `firn --help` for the new commands, and docs/ for the manual", program.name));
        return Some(0);
    }
    None
}

/// The flags of a command, one a line, for `--help`.
pub fn flag_lines(tables: &[&[Flag]]) -> String {
    let mut out = String::new();
    for flag in tables.iter().flat_map(|t| t.iter()).filter(|f| !f.doc.is_empty()) {
        let labels: String = flag.takes.iter().map(|l| format!(" {l}")).collect();
        let short = if flag.short == '\0' { String::new() } else { format!("-{}, ", flag.short) };
        out += &format!("  {short}--{}{labels}\n      {}\n", flag.name, flag.doc);
    }
    out
}

#[allow(clippy::print_stdout)] // the answer to a question about the program itself
fn say(text: &str) {
    println!("{text}");
}

/// Shows all commands.
pub(crate) fn overview(program: &Program) {
    let mut commands: Vec<_> = crate::commands::all().map(|c| (c.path.join(" "), c.doc)).collect();
    commands.sort_unstable();
    let list: String = commands.iter().map(|(name, doc)| format!("  {name}\n      {doc}\n")).collect();
    let flags = flag_lines(&[crate::flags::COMMON]);
    let name = &program.name;
    say(&format!(
        "Usage: {name} COMMAND [FLAG…] [ARGUMENT…]\n\nCommands:\n{list}\nFlags of all commands:\n{flags}"
    ));
}

/// Shows what a command does and its flags.
pub fn command(command: &crate::commands::Command, program: &Program) {
    let name = format!("{} {}", program.name, command.path.join(" "));
    say(&format!("{name} — {}\n\nFlags:\n{}", command.doc, flag_lines(command.flags)));
}
