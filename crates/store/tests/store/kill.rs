//! A process that is killed at any moment leaves a valid store.

use std::process::{Command, Stdio};
use std::time::Duration;

use firn_path::StorePathSet;
use firn_store::gc::GcOptions;
use firn_store::verify::VerifyOptions;
use firn_store::{AddOptions, DumpMethod, NewContents, NewText, Store};

use crate::common::{open, sample_nar};

const VARIABLE: &str = "FIRN_STORE_TEST_ROOT";

/// What the killed process does: adds in all ways, and collects garbage, until it is killed.
#[test]
fn worker() {
    let Some(root) = std::env::var_os(VARIABLE) else { return };
    for round in 0u64.. {
        let store = open(
            root.as_ref(),
            &[
                ("auto-optimise-store", if round % 2 == 0 { "true" } else { "false" }),
                ("nar-buffer-size", if round % 3 == 0 { "64" } else { "1M" }),
            ],
        );
        for i in 0..20 {
            let n = round * 20 + i;
            let none = StorePathSet::new();
            let contents = format!("text {n}");
            let texts = [
                NewText { name: "a", contents: contents.as_bytes(), references: &none },
                NewText { name: "b", contents: contents.as_bytes(), references: &none },
            ];
            let paths = store.add_texts(&texts).expect("adds");
            let references: StorePathSet = paths.into_iter().collect();
            store.add_text("c", contents.as_bytes(), &references, false).expect("adds");
            let nar = sample_nar(&contents);
            let added = store
                .add_dump(&NewContents::source("tree"), DumpMethod::Nar, &mut |w| {
                    w.write_all(&nar).expect("takes it");
                    Ok(())
                })
                .expect("adds");
            let mut info = (*added).clone();
            info.ca = None;
            info.path = store.dir().make_store_path("output:out", &info.nar_hash, "copy").expect("a path");
            store.add_nar(&info, &mut nar.as_slice(), AddOptions::default()).expect("adds");
        }
        drop(store);
        if round % 2 == 1 {
            open(root.as_ref(), &[]).collect_garbage(&GcOptions::default()).expect("collects");
        }
    }
}

#[test]
fn killed_at_any_moment_the_store_is_valid() {
    let root = tempfile::tempdir().expect("a folder");
    let mut seen = 0;
    for round in 0..25u64 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["kill::worker", "--exact", "--nocapture"])
            .env(VARIABLE, root.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("starts");
        // moments spread over opening, adding and collecting
        std::thread::sleep(Duration::from_millis(15 + (round * 37) % 200));
        child.kill().expect("kills");
        child.wait().expect("ends");
        let store = open(root.path(), &[]);
        let damaged = store.verify(VerifyOptions { check_contents: true, repair: false }).expect("verifies");
        assert!(!damaged, "round {round}");
        seen = seen.max(store.all_valid_paths().expect("asks").len());
        for path in store.all_valid_paths().expect("asks") {
            assert!(store.real(&path).symlink_metadata().is_ok());
        }
    }
    assert!(seen > 20, "the worker got somewhere: {seen}");
    let store = open(root.path(), &[]);
    store.collect_garbage(&GcOptions::default()).expect("collects");
    let left: Vec<_> = std::fs::read_dir(&store.config().real_dir)
        .expect("reads")
        .map(|e| e.expect("entry").file_name())
        .filter(|n| n != ".links")
        .collect();
    assert!(left.is_empty(), "a collection leaves nothing behind: {left:?}");
    if let Some((_, _, stderr)) =
        crate::common::nix(root.path(), "nix-store", &["--verify", "--check-contents"])
    {
        assert!(!stderr.contains("error"), "{stderr}");
    }
}
