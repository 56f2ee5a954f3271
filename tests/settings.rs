//! The page of the manual about settings is the table, and the table does not promise what no code keeps.

use std::fmt::Write;
use std::path::Path;

use firn_settings::{DEFINITIONS, Definition, Group, without_effect};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

fn title(group: Group) -> &'static str {
    match group {
        Group::Evaluation => "Evaluation",
        Group::Fetching => "Fetching and flakes",
        Group::Transfer => "Downloads",
        Group::Store => "The store",
        Group::Worker => "Getting store paths",
        Group::Build => "Builds and the local store",
        Group::Other => "Other",
        Group::Firn => "Firn's own",
    }
}

fn entry(out: &mut String, d: &Definition) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "### `{}`\n", d.name);
    let doc: Vec<&str> = d.doc.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let _ = writeln!(out, "{}\n", doc.join(" "));
    let default = match (d.document_default(), d.default) {
        (false, _) => "depends on the machine".to_owned(),
        (true, "") => "empty".to_owned(),
        (true, text) => format!("`{text}`"),
    };
    let _ = writeln!(out, "- default: {default}");
    if !d.aliases.is_empty() {
        let names: Vec<String> = d.aliases.iter().map(|a| format!("`{a}`")).collect();
        let _ = writeln!(out, "- older names: {}", names.join(", "));
    }
    if let Some(feature) = d.feature {
        let _ = writeln!(out, "- needs the experimental feature `{}`", feature.name());
    }
    if let Some(why) = without_effect(d.name) {
        let _ = writeln!(out, "- has no effect: {why}");
    }
    out.push('\n');
}

fn page() -> String {
    let mut out = String::from(
        "# Settings\n\nMade from the table in `crates/settings/src/table.rs`: `UPDATE=1 cargo test -p firn-tests --test settings`.\n\n\
         A line `name = value` of `nix.conf` sets one, `extra-name = value` adds to a list, `include FILE` and `!include FILE` read\n\
         another file. The system's file is `/etc/nix/nix.conf`, the user's `~/.config/nix/nix.conf`; the variable `NIX_CONFIG` and the\n\
         command line come last. Numbers may end with `K`, `M`, `G` or `T`. Each setting is a flag of every command: `--name VALUE`,\n\
         `--name` and `--no-name` for switches, `--extra-name VALUE` for lists.\n\n",
    );
    let mut groups: Vec<Group> = DEFINITIONS.iter().map(|d| d.group).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        let _ = writeln!(out, "## {}\n", title(group));
        let mut all: Vec<&Definition> = DEFINITIONS.iter().filter(|d| d.group == group).collect();
        all.sort_by_key(|d| d.name);
        all.iter().for_each(|d| entry(&mut out, d));
    }
    out.trim_end().to_owned() + "\n"
}

#[test]
fn the_page_of_settings_is_the_table() {
    let file = root().join("docs/settings.md");
    let new = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &new).expect("the page can be written");
    }
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(old == new, "docs/settings.md is out of date: UPDATE=1 cargo test -p firn-tests --test settings");
}

/// All code but that of the settings themselves.
fn code() -> String {
    fn walk(dir: &Path, out: &mut String) {
        for entry in std::fs::read_dir(dir).expect("a readable folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                *out += &std::fs::read_to_string(&path).expect("a readable file");
            }
        }
    }
    let mut out = String::new();
    for entry in std::fs::read_dir(root().join("crates")).expect("crates").flatten() {
        if entry.file_name() != "settings" && entry.path().join("src").is_dir() {
            walk(&entry.path().join("src"), &mut out);
        }
    }
    out
}

#[test]
fn settings_that_no_code_reads_say_so() {
    let code = code();
    let table = std::fs::read_to_string(root().join("crates/settings/src/table.rs")).expect("the table");
    let mut silent = Vec::new();
    for d in DEFINITIONS {
        // the row `method: Kind = "name" …`
        let row = table.lines().find(|l| l.contains(&format!(" = \"{}\" [", d.name)));
        let method = row.and_then(|l| l.trim().split(':').next()).expect("a row for each setting");
        let read = code.contains(&format!(".{method}()")) || code.contains(&format!("\"{}\"", d.name));
        if !read && without_effect(d.name).is_none() {
            silent.push(d.name);
        }
    }
    assert!(silent.is_empty(), "nothing reads {silent:?}: name them in crates/settings/src/pending.rs");
}

#[test]
fn what_has_no_effect_is_a_setting() {
    for (name, why) in firn_settings::WITHOUT_EFFECT {
        assert!(DEFINITIONS.iter().any(|d| d.name == *name), "{name}");
        assert!(!why.is_empty());
    }
}
