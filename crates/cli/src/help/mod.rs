//! `--help`, `help` and the manual pages: one description of a command, made from the tables of its flags.

pub(crate) mod dump;
pub(crate) mod man;
mod pages;
mod text;

use crate::args::Flag;
use crate::commands::Command;
use crate::legacy::Legacy;
use crate::names::version_line;
use crate::session::Program;

/// What there is to say about a command, ready to be laid out.
pub(crate) struct Page {
    /// `nix build`.
    pub title: String,
    /// What it does, one line.
    pub doc: &'static str,
    /// How it is called: whole lines.
    pub usage: Vec<String>,
    /// More about it, paragraphs parted by empty lines.
    pub about: &'static str,
    /// Commands below it: name and what it does.
    pub commands: Vec<(String, &'static str)>,
    /// Its flags: title of the group, flags.
    pub flags: Vec<(&'static str, Vec<Flag>)>,
    /// Examples: what for, and the command.
    pub examples: &'static [(&'static str, &'static str)],
}

/// The title of a group of flags; groups are known by their first flag.
fn group_title(table: &[Flag]) -> &'static str {
    match table.first().map_or("", |f| f.name) {
        "help" => "Flags of all commands",
        "no-build-output" => "Flags of the old commands",
        "arg" => "Flags of commands that evaluate",
        "recreate-lock-file" => "Flags of commands that lock flakes",
        "file" => "What is worked on",
        "out-link" => "Links to results",
        "json" => "Form of the output",
        "all" => "Which store paths",
        "ignore-env" => "The environment",
        _ => "Flags",
    }
}

fn groups(tables: &[&[Flag]]) -> Vec<(&'static str, Vec<Flag>)> {
    let mut out: Vec<(&str, Vec<Flag>)> = Vec::new();
    for table in tables.iter().filter(|t| !t.is_empty()) {
        let title = group_title(table);
        let flags = table.iter().filter(|f| !f.doc.is_empty()).copied();
        match out.iter_mut().find(|(t, _)| *t == title) {
            Some((_, known)) => known.extend(flags),
            None => out.push((title, flags.collect())),
        }
    }
    out.sort_by_key(|(title, _)| match *title {
        "Flags" => 0,
        "Flags of all commands" => 2,
        _ => 1,
    });
    out
}

/// The page of a command of the new command line.
pub(crate) fn page_of(command: &Command, program: &str) -> Page {
    let title = format!("{program} {}", command.path.join(" "));
    let more = pages::of(command.path);
    let arguments = more.map_or_else(|| default_arguments(command), |p| p.arguments.to_owned());
    Page {
        usage: vec![format!("{title} [FLAG…] {arguments}").trim_end().to_owned()],
        title,
        doc: command.doc,
        about: more.map_or("", |p| p.about),
        commands: Vec::new(),
        flags: groups(&command.flags.iter().copied().chain([crate::flags::COMMON]).collect::<Vec<_>>()),
        examples: more.map_or(&[], |p| p.examples),
    }
}

/// What the arguments are called where no page says so.
fn default_arguments(command: &Command) -> String {
    let takes = |name| command.flags.iter().any(|t| t.first().is_some_and(|f| f.name == name));
    if command.rest {
        "[INSTALLABLE] [ARGUMENT…]".to_owned()
    } else if takes("file") {
        "[INSTALLABLE…]".to_owned()
    } else {
        String::new()
    }
}

/// The page of a group of commands (`nix store`), or of all (`nix`, with no words); `None` if there is no such group.
pub(crate) fn page_of_group(words: &[&str], program: &str) -> Option<Page> {
    let mut commands: Vec<(String, &'static str)> = Vec::new();
    let inside = |c: &&Command| {
        c.path.len() > words.len() && c.path.starts_with(words) && !c.path[0].starts_with("__")
    };
    for command in crate::commands::all().filter(inside) {
        let name = command.path[words.len()..].join(" ");
        commands.push((name, command.doc));
    }
    if commands.is_empty() {
        return None;
    }
    commands.sort();
    let title = if words.is_empty() { program.to_owned() } else { format!("{program} {}", words.join(" ")) };
    Some(Page {
        usage: vec![format!("{title} COMMAND [FLAG…] [ARGUMENT…]")],
        doc: pages::group(words),
        about: if words.is_empty() { pages::INSTALLABLES } else { "" },
        commands,
        flags: groups(&[crate::flags::COMMON]),
        examples: &[],
        title,
    })
}

/// The page of a program of the old command line.
pub(crate) fn page_of_legacy(command: &Legacy) -> Page {
    let more = pages::of(&[command.name]);
    let tables: Vec<&[Flag]> =
        command.flags.iter().copied().chain([crate::flags::LEGACY, crate::flags::COMMON]).collect();
    Page {
        title: command.name.to_owned(),
        doc: command.doc,
        usage: command.usage.iter().map(|u| format!("{} {u}", command.name)).collect(),
        about: more.map_or("", |p| p.about),
        commands: Vec::new(),
        flags: groups(&tables),
        examples: more.map_or(&[], |p| p.examples),
    }
}

/// All pages, for the manual: those of commands, groups and old programs.
pub(crate) fn all_pages() -> Vec<Page> {
    let mut pages = vec![];
    pages.extend(page_of_group(&[], "nix"));
    let mut seen = std::collections::BTreeSet::new();
    for command in crate::commands::all() {
        pages.push(page_of(command, "nix"));
        for n in 1..command.path.len() {
            let group = &command.path[..n];
            if seen.insert(group) && !crate::commands::all().any(|c| c.path == group) {
                pages.extend(page_of_group(group, "nix"));
            }
        }
    }
    pages.extend(crate::legacy::ALL.iter().map(|c| page_of_legacy(c)));
    pages
}

#[allow(clippy::print_stdout)] // the answer to a question about the program itself
fn say(text: &str) {
    use std::io::{IsTerminal, Write};
    // A reader that has gone away is no failure of a question about the program.
    if std::io::stdout().is_terminal() && page_through(text) {
        return;
    }
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

/// Shows a text that is longer than the screen with a pager; `false` if there is none or no need.
fn page_through(text: &str) -> bool {
    let rows = rustix::termios::tcgetwinsize(std::io::stdout()).map(|w| usize::from(w.ws_row)).unwrap_or(0);
    rows > 0 && text.lines().count() > rows && crate::pager::show(text.as_bytes()).is_ok()
}

/// Answers `--version`.
pub(crate) fn version(program: &Program) {
    say(&version_line(if program.is_firn() { "firn" } else { &program.name }));
}

/// Shows all commands.
pub(crate) fn overview(program: &Program) {
    if let Some(page) = page_of_group(&[], &program.name) {
        say(&text::render(&page));
    }
}

/// Shows a group of commands; `false` if there is no such group.
pub(crate) fn group(words: &[&str], program: &Program) -> bool {
    let page = page_of_group(words, &program.name);
    if let Some(page) = &page {
        say(&text::render(page));
    }
    page.is_some()
}

/// Shows what a command does and its flags.
pub(crate) fn command(command: &Command, program: &Program) {
    say(&text::render(&page_of(command, &program.name)));
}

/// Shows what an old program does and its flags.
pub(crate) fn legacy(command: &Legacy) {
    say(&text::render(&page_of_legacy(command)));
}

/// A text of a flake's author in Markdown, as it is shown on a terminal.
pub fn markdown(text: &str) -> String {
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_belong_to_commands() {
        for path in pages::paths() {
            let known = crate::commands::all().any(|c| c.path == path)
                || crate::legacy::ALL.iter().any(|c| [c.name] == path);
            assert!(known, "a page for {path:?}, which is no command");
        }
    }

    #[test]
    fn every_flag_is_in_the_help_of_its_command() {
        for command in crate::commands::all() {
            let shown = text::render(&page_of(command, "nix"));
            for flag in command.flags.iter().flat_map(|t| t.iter()).filter(|f| !f.doc.is_empty()) {
                assert!(shown.contains(&format!("--{}", flag.name)), "{:?} --{}", command.path, flag.name);
            }
            assert!(shown.contains(command.doc));
        }
    }

    #[test]
    fn groups_list_their_commands() {
        let page = page_of_group(&["store"], "nix").expect("a group");
        assert!(page.commands.iter().any(|(name, _)| name == "gc"));
        assert!(page_of_group(&["build"], "nix").is_none());
    }
}
