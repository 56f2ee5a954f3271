//! Reading `items.txt` and making the table of `docs/book.md`.

use std::collections::BTreeSet;
use std::fmt::Write;

/// One item of the handbook.
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) chapter: String,
    pub(crate) what: String,
    pub(crate) state: String,
    pub(crate) note: String,
}

/// The states that an item may be in.
const STATES: [&str; 4] = ["real", "stand-in", "not yet", "impossible"];

/// Reads the list; a malformed line is a failure.
pub(crate) fn read() -> Vec<Item> {
    include_str!("items.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [id, chapter, what, state, note] = fields[..] else { panic!("five fields expected: {line}") };
            assert!(STATES.contains(&state), "unknown state '{state}': {line}");
            assert!(!note.is_empty(), "a note is missing: {line}");
            Item {
                id: id.into(),
                chapter: chapter.into(),
                what: what.into(),
                state: state.into(),
                note: note.into(),
            }
        })
        .collect()
}

/// The names of all test functions below `tests/`.
pub(crate) fn test_functions() -> BTreeSet<String> {
    fn walk(dir: &std::path::Path, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, names);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for (at, _) in text.match_indices("#[test]") {
                    if let Some(name) = text[at..].split("fn ").nth(1).and_then(|rest| rest.split('(').next())
                    {
                        names.insert(name.trim().to_owned());
                    }
                }
            }
        }
    }
    let mut names = BTreeSet::new();
    walk(std::path::Path::new(env!("CARGO_MANIFEST_DIR")), &mut names);
    names
}

const BEGIN: &str = "<!-- made from tests/book/items.txt: begin -->\n";
const END: &str = "<!-- made from tests/book/items.txt: end -->\n";

/// `page` with its table replaced by one made from `items`.
pub(crate) fn replace_table(page: &str, items: &[Item]) -> String {
    let (before, rest) = page.split_once(BEGIN).expect("docs/book.md has a begin mark");
    let (_, after) = rest.split_once(END).expect("docs/book.md has an end mark");
    let mut table = String::from("\n");
    for state in STATES {
        let count = items.iter().filter(|i| i.state == state).count();
        writeln!(table, "- {state}: {count}").unwrap();
    }
    table.push_str("\n| item | chapter | what a reader does | state | where, or what is missing |\n|---|---|---|---|---|\n");
    for i in items {
        writeln!(table, "| {} | {} | {} | {} | {} |", i.id, i.chapter, i.what, i.state, i.note).unwrap();
    }
    table.push('\n');
    format!("{before}{BEGIN}{table}{END}{after}")
}
