//! Completion of command lines: `NIX_GET_COMPLETIONS=N nix WORDS…` prints what the Nth word may become.
//!
//! The first line is the kind (`normal`, `filenames`, `attrs`), then a line for each: the whole word, a tab, what it is. Shells
//! call this; nothing is ever reported as an error, and a half-written command line is the rule.

mod candidates;
mod scripts;

use std::collections::BTreeMap;
use std::io::Write;

pub(crate) use scripts::run as print_script;

use crate::args::{Flag, Parsed, find_flag};
use crate::commands::{self, Command};
use crate::flags::COMMON;
use crate::session::Program;

/// What kind of words are offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Kind {
    #[default]
    Normal,
    Filenames,
    Attributes,
}

/// The words that are offered, with what they are.
#[derive(Default, Debug, PartialEq, Eq)]
struct Answer {
    kind: Kind,
    words: BTreeMap<String, String>,
}

impl Answer {
    fn add(&mut self, word: impl Into<String>, what: &str) {
        let line = what.lines().next().unwrap_or("").trim();
        self.words.insert(word.into(), line.to_owned());
    }

    fn render(&self) -> String {
        let kind = match self.kind {
            Kind::Normal => "normal",
            Kind::Filenames => "filenames",
            Kind::Attributes => "attrs",
        };
        let mut out = format!("{kind}\n");
        for (word, what) in &self.words {
            out += &format!("{word}\t{what}\n");
        }
        out
    }
}

/// Answers if this call is a question of a shell; the exit status then.
pub(crate) fn answer(program: &Program, args: &[String]) -> Option<u8> {
    let n: usize = std::env::var("NIX_GET_COMPLETIONS").ok()?.parse().ok()?;
    let mut words = args.to_vec();
    if n > words.len() {
        words.resize(n, String::new());
    }
    let answer = n.checked_sub(1).map(|at| complete(program, &words, at)).unwrap_or_default();
    // A shell that has gone away needs no answer.
    let _ = std::io::stdout().write_all(answer.render().as_bytes());
    Some(0)
}

/// What the word at `at` is.
enum Place<'a> {
    /// The name of a command below these words.
    Command(Vec<String>),
    /// A flag.
    Flag,
    /// The argument of a flag: which one.
    Argument(&'a Flag, usize),
    /// An argument of the command: which one.
    Positional(usize),
}

/// A command line as far as it can be understood.
struct Line<'a> {
    command: Option<&'static Command>,
    tables: Vec<&'static [Flag]>,
    parsed: Parsed,
    place: Place<'a>,
    prefix: String,
}

fn complete(program: &Program, words: &[String], at: usize) -> Answer {
    let mut answer = Answer::default();
    let line = understand(words, at);
    match &line.place {
        Place::Command(before) => {
            let before: Vec<&str> = before.iter().map(String::as_str).collect();
            for name in commands::names_below(&before) {
                if name.starts_with(&line.prefix) {
                    answer.add(name, "");
                }
            }
        }
        Place::Flag => flags(&line, &mut answer),
        Place::Argument(flag, n) => candidates::of_flag(program, &line, flag, *n, &mut answer),
        Place::Positional(n) => candidates::of_argument(program, &line, *n, &mut answer),
    }
    answer
}

fn flags(line: &Line<'_>, answer: &mut Answer) {
    let rows = line.tables.iter().flat_map(|t| t.iter());
    if line.prefix == "-" {
        answer.add("--", "");
        for flag in rows.filter(|f| f.short != '\0') {
            answer.add(format!("-{}", flag.short), flag.doc);
        }
        return;
    }
    for flag in rows {
        let name = format!("--{}", flag.name);
        if name.starts_with(&line.prefix) {
            answer.add(name, flag.doc);
        }
    }
    for definition in firn_settings::DEFINITIONS {
        for start in firn_settings::Settings::flags(definition.kind) {
            let name = format!("--{start}{}", definition.name);
            if name.starts_with(&line.prefix) {
                answer.add(name, definition.doc);
            }
        }
    }
}

/// Walks along the words: flags with their arguments, the words of the command, arguments.
fn understand(words: &[String], at: usize) -> Line<'static> {
    let mut tables: Vec<&'static [Flag]> = vec![COMMON];
    let mut command: Option<&'static Command> = None;
    let mut path: Vec<String> = Vec::new();
    let mut parsed = Parsed::default();
    let mut place = None;
    let mut only_arguments = false;
    let mut i = 0;
    while i < words.len() {
        let word = &words[i];
        if !only_arguments && word == "--" && i != at {
            only_arguments = true;
            i += 1;
            continue;
        }
        if !only_arguments && word.starts_with('-') && (word.len() > 1 || i == at) {
            if i == at {
                place = Some(Place::Flag);
                i += 1;
                continue;
            }
            i += 1;
            let Some(flag) = find_flag(&tables, word).or_else(|| find_setting(word)) else { continue };
            let mut values = Vec::new();
            for n in 0..flag.takes.len() {
                let Some(value) = words.get(i) else { break };
                if i == at {
                    place = Some(Place::Argument(flag, n));
                }
                values.push(value.clone());
                i += 1;
            }
            let whole = values.len() == flag.takes.len();
            if whole && !matches!(place, Some(Place::Argument(f, _)) if f == flag) {
                parsed.flags.push(crate::args::Occurrence {
                    id: flag.id,
                    values,
                    position: parsed.positional.len(),
                });
            }
            continue;
        }
        if command.is_none() {
            if i == at {
                place = Some(Place::Command(path.clone()));
            } else {
                path.push(word.clone());
                if let Some(found) = commands::named(&path) {
                    command = Some(found);
                    tables = found.flags.iter().copied().chain([COMMON]).collect();
                }
            }
        } else if i == at {
            place = Some(Place::Positional(parsed.positional.len()));
        } else {
            parsed.positional.push(word.clone());
        }
        i += 1;
    }
    Line {
        command,
        tables,
        parsed,
        place: place.unwrap_or(Place::Flag),
        prefix: words.get(at).cloned().unwrap_or_default(),
    }
}

/// `--option NAME VALUE`, and settings that take a value.
fn find_setting(word: &str) -> Option<&'static Flag> {
    const OPTION: Flag = crate::args::option("option", &["name", "value"], "set a setting");
    const VALUE: Flag = crate::args::option("setting", &["value"], "the value of a setting");
    static FLAGS: [Flag; 2] = [OPTION, VALUE];
    let name = word.strip_prefix("--")?;
    if name == "option" {
        return Some(&FLAGS[0]);
    }
    let name = name.strip_prefix("extra-").unwrap_or(name);
    let definition = firn_settings::DEFINITIONS.iter().find(|d| d.name == name)?;
    let takes = !matches!(
        definition.kind,
        firn_settings::Kind::Bool | firn_settings::Kind::DeprecatedWarn | firn_settings::Kind::Sandbox
    );
    takes.then_some(&FLAGS[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str, at: usize) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        complete(&Program { name: "nix".into(), run_in: None }, &words, at - 1).render()
    }

    #[test]
    fn commands_and_flags() {
        assert_eq!(ask("buil", 1), "normal\nbuild\t\n");
        assert_eq!(ask("store g", 2), "normal\ngc\t\n");
        assert_eq!(ask("-v store g", 3), "normal\ngc\t\n");
        assert!(ask("build --log-form", 2).starts_with("normal\n--log-format\t"));
        assert!(ask("build -", 2).contains("\n-o\t"));
        assert!(ask("build --option allow-import-from", 3).contains("allow-import-from-derivation\t"));
        assert_eq!(ask("build --log-format inter", 3), "normal\ninternal-json\t\n");
    }

    #[test]
    fn files() {
        let dir = tempfile::tempdir().expect("folder");
        std::fs::create_dir(dir.path().join("sub")).expect("folder");
        std::fs::write(dir.path().join("some"), "").expect("file");
        let at = dir.path().display();
        assert_eq!(ask(&format!("build {at}/s"), 2), format!("filenames\n{at}/sub\t\n"));
        assert_eq!(ask(&format!("build --file {at}/s"), 3), format!("filenames\n{at}/some\t\n{at}/sub\t\n"));
        assert_eq!(ask(&format!("build {at}/nothing"), 2), "filenames\n");
    }
}
