//! Stores in temporary folders.

use std::path::Path;
use std::sync::{Arc, Mutex};

use firn_events::{Event, Events, Sink};
use firn_path::{StorePath, StorePathSet};
use firn_settings::{Directories, Environment, Host, Settings};
use firn_store::{LocalConfig, LocalStore, Store, StoreReference};
use tempfile::TempDir;

/// Collects messages.
#[derive(Default)]
pub(crate) struct Messages(pub(crate) Mutex<Vec<String>>);

impl Sink for Messages {
    fn event(&self, event: Event) {
        if let Event::Message { text, .. } = event {
            self.0.lock().expect("no panic").push(text);
        }
    }
}

/// Settings that do not depend on the machine, with changes.
pub(crate) fn settings(changes: &[(&str, &str)]) -> (Arc<Settings>, Directories) {
    let host = Host::plain(Environment::from_iter([("HOME", "/nowhere")]));
    let mut settings = Settings::new(&host);
    settings.set("gc-reserved-space", "4096").expect("known");
    settings.set("build-users-group", "").expect("known");
    for (name, value) in changes {
        assert!(settings.set(name, value).expect("valid"), "{name}");
    }
    (Arc::new(settings), Directories::new(&host))
}

/// Opens the store below `root`.
pub(crate) fn open(root: &Path, changes: &[(&str, &str)]) -> LocalStore {
    open_with(root, changes, Events::none())
}

pub(crate) fn open_with(root: &Path, changes: &[(&str, &str)], events: Events) -> LocalStore {
    let (settings, dirs) = settings(changes);
    let reference =
        StoreReference::parse(&format!("local?root={}", root.display()), "/").expect("an address");
    let config = LocalConfig::new(None, reference, settings, &dirs, &mut Vec::new()).expect("a place");
    LocalStore::open(config, events).expect("opens")
}

pub(crate) fn new_store() -> (TempDir, LocalStore) {
    let root = tempfile::tempdir().expect("a folder");
    let store = open(root.path(), &[]);
    (root, store)
}

pub(crate) fn text(store: &dyn Store, name: &str, contents: &str, references: &[&StorePath]) -> StorePath {
    let references: StorePathSet = references.iter().map(|p| (*p).clone()).collect();
    store.add_text(name, contents.as_bytes(), &references, false).expect("adds")
}

/// A NAR of a folder with a file, an executable, a link and a folder.
pub(crate) fn sample_nar(marker: &str) -> Vec<u8> {
    let mut nar = firn_nar::NarWriter::new(Vec::new());
    nar.start_directory().expect("writes");
    nar.entry(b"bin").expect("writes");
    nar.start_directory().expect("writes");
    nar.entry(b"run").expect("writes");
    nar.file_bytes(true, b"#!/bin/sh\n").expect("writes");
    nar.end_directory().expect("writes");
    nar.entry(b"file").expect("writes");
    nar.file_bytes(false, marker.as_bytes()).expect("writes");
    nar.entry(b"link").expect("writes");
    nar.symlink(b"file").expect("writes");
    nar.end_directory().expect("writes");
    nar.finish().expect("writes")
}

/// Runs a program of C++ Nix on the store below `root`; `None` if it is not installed.
pub(crate) fn nix(root: &Path, program: &str, arguments: &[&str]) -> Option<(bool, String, String)> {
    let output = std::process::Command::new(program)
        .args(arguments)
        .args(["--option", "build-users-group", "", "--option", "substituters", ""])
        .env("NIX_REMOTE", format!("local?root={}", root.display()))
        .env_remove("NIX_STORE_DIR")
        .env_remove("NIX_STATE_DIR")
        .output();
    match output {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => panic!("{program}: {e}"),
        Ok(output) => Some((
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
    }
}

/// Whether C++ Nix is installed; says so if not.
#[allow(clippy::print_stderr)]
pub(crate) fn have_nix() -> bool {
    let have = std::process::Command::new("nix-store").arg("--version").output().is_ok();
    if !have {
        eprintln!("skipped: nix-store is not installed");
    }
    have
}
