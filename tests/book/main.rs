//! The handbook's acceptance list as tests.
//!
//! `items.txt` lists all 122 items; `cases/ID/` holds those that are one evaluation or command with an expected output
//! (see [`cases`]). The table in `docs/book.md` is made from the list, so that it cannot lie about what is tested.

#![allow(clippy::unwrap_used)] // a test fails where something is missing

mod cases;
mod items;

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

#[test]
fn the_list_is_complete() {
    let items = items::read();
    assert_eq!(items.len(), 122, "the handbook has 122 items");
    let mut ids: Vec<_> = items.iter().map(|i| &i.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 122, "each number once");
}

#[test]
fn the_table_in_the_manual_is_the_list() {
    let file = root().join("docs/book.md");
    let old = std::fs::read_to_string(&file).unwrap();
    let new = items::replace_table(&old, &items::read());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &new).unwrap();
    }
    assert!(
        new == old || std::env::var_os("UPDATE").is_some(),
        "docs/book.md is out of date: UPDATE=1 cargo test -p firn-tests --test book"
    );
}

#[test]
fn every_case_has_its_item_and_every_real_item_its_case_or_test() {
    let items = items::read();
    let cases = cases::list();
    for case in &cases {
        let item = items.iter().find(|i| i.id == case.item());
        assert!(item.is_some() || case.id.starts_with('G'), "cases/{} has no item", case.id);
    }
    let tests = items::test_functions();
    for item in items.iter().filter(|i| matches!(i.state.as_str(), "real" | "stand-in")) {
        let named = item.note.split(['`', ' ', ',']).any(|word| {
            word.strip_prefix("cases/").is_some_and(|id| cases.iter().any(|c| c.id == id))
                || tests.contains(word)
        });
        assert!(named, "{}: the note must name its case or test function, but says: {}", item.id, item.note);
    }
}

#[test]
fn cases() {
    cases::run_all();
}
