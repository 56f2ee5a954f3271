//! Crates use only lower layers, and pure crates touch nothing of the world.

#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::collections::BTreeMap;
use std::path::Path;

/// The layer of each crate; the table of ARCHITECTURE.md.
const LAYERS: [(&str, u32); 21] = [
    ("hash", 1),
    ("path", 1),
    ("nar", 1),
    ("derivation", 1),
    ("settings", 1),
    ("events", 1),
    ("sys", 2),
    ("source", 2),
    ("transfer", 2),
    ("syntax", 2),
    ("store", 3),
    ("eval", 3),
    ("cache", 4),
    ("protocol", 4),
    ("deb", 4),
    ("build", 5),
    ("fetch", 6),
    ("flake", 6),
    ("os", 7),
    ("cli", 8),
    ("firn", 9),
];

/// Crates of one layer that may use each other, in this order.
const WITHIN: [(&str, &str); 6] = [
    ("path", "hash"),
    ("derivation", "path"),
    ("derivation", "hash"),
    ("transfer", "source"),
    ("source", "sys"),
    ("flake", "fetch"),
];

fn crates() -> BTreeMap<String, String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates");
    std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.join("Cargo.toml").exists())
        .map(|p| {
            (
                p.file_name().unwrap().to_str().unwrap().to_owned(),
                std::fs::read_to_string(p.join("Cargo.toml")).unwrap(),
            )
        })
        .collect()
}

#[test]
fn crates_use_only_lower_layers() {
    let layer: BTreeMap<_, _> = LAYERS.into_iter().collect();
    let mut wrong = Vec::new();
    for (name, manifest) in crates() {
        let Some(own) = layer.get(name.as_str()) else {
            wrong.push(format!("{name} has no layer: add it to ARCHITECTURE.md and to this test"));
            continue;
        };
        let dependencies =
            manifest.split("[dependencies]").nth(1).unwrap_or("").split("\n[").next().unwrap_or("");
        for line in dependencies.lines() {
            let Some(used) = line.strip_prefix("firn-").and_then(|l| l.split(['.', ' ', '=']).next()) else {
                continue;
            };
            let lower = layer.get(used).is_some_and(|l| l < own);
            if !lower && !WITHIN.contains(&(name.as_str(), used)) {
                wrong.push(format!("{name} (layer {own}) uses {used} (layer {:?})", layer.get(used)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_crates_touch_no_files() {
    for name in ["hash", "path", "nar", "derivation", "syntax"] {
        let dir =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates").join(name).join("src");
        check_dir(&dir);
    }
}

fn check_dir(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check_dir(&path);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for word in ["std::fs", "std::net", "std::process::Command", "tokio"] {
            assert!(!code.contains(word), "{} uses {word}", path.display());
        }
    }
}
