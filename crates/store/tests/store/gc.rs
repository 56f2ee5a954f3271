//! Roots and garbage.

use std::path::Path;
use std::sync::Arc;

use firn_path::{StorePath, StorePathSet};
use firn_store::gc::{GcAction, GcOptions};
use firn_store::{NewText, Store, StoreError};

use crate::common::{new_store, open, text};

#[test]
fn what_roots_reach_stays() {
    let root = tempfile::tempdir().expect("a folder");
    let (kept, below, dead) = {
        let store = open(root.path(), &[]);
        let below = text(&store, "below", "1", &[]);
        let kept = text(&store, "kept", "2", &[&below]);
        let dead = text(&store, "dead", "3", &[&below]);
        let link = root.path().join("result");
        store.add_permanent_root(&kept, &link).expect("roots");
        assert_eq!(std::fs::read_link(&link).expect("link"), Path::new(&store.print(&kept)));
        // temporary roots of this store keep all of it
        let results = store.collect_garbage(&GcOptions::default()).expect("collects");
        assert_eq!(results.paths.len(), 0);
        (kept, below, dead)
    };
    let store = open(root.path(), &[]);
    std::fs::write(store.config().real_dir.join("stray"), "x").expect("writes");
    let roots = store.find_roots(false).expect("finds");
    assert_eq!(roots.keys().collect::<Vec<_>>(), [&kept]);
    let dry = GcOptions { action: GcAction::ReturnDead, ..Default::default() };
    assert_eq!(store.collect_garbage(&dry).expect("looks").paths.len(), 1);
    let results = store.collect_garbage(&GcOptions::default()).expect("collects");
    assert_eq!(results.paths, [store.print(&dead), "/nix/store/stray".to_owned()].into());
    assert_eq!(results.bytes_freed, 2);
    assert_eq!(store.all_valid_paths().expect("asks"), StorePathSet::from([kept.clone(), below.clone()]));
    assert!(!store.real(&dead).exists());
    std::fs::remove_file(root.path().join("result")).expect("removes");
    store.collect_garbage(&GcOptions::default()).expect("collects");
    assert_eq!(store.all_valid_paths().expect("asks"), StorePathSet::new());
    assert_eq!(std::fs::read_dir(root.path().join("nix/var/nix/gcroots/auto")).expect("reads").count(), 0);
}

#[test]
fn certain_paths_only_if_dead() {
    let root = tempfile::tempdir().expect("a folder");
    let (a, b) = {
        let store = open(root.path(), &[]);
        let a = text(&store, "a", "1", &[]);
        (a.clone(), text(&store, "b", "2", &[&a]))
    };
    let store = open(root.path(), &[]);
    let delete = |path: &StorePath| {
        store.collect_garbage(&GcOptions {
            action: GcAction::DeleteSpecific,
            paths: Some(StorePathSet::from([path.clone()])),
            ..Default::default()
        })
    };
    let error = delete(&a).expect_err("b refers to it");
    assert!(matches!(error, StoreError::Alive(_)));
    assert!(
        error
            .to_string()
            .starts_with(&format!("Cannot delete path '{}' since it is still alive", store.print(&a)))
    );
    delete(&b).expect("deletes");
    delete(&a).expect("deletes");
    assert!(store.all_valid_paths().expect("asks").is_empty());
}

#[test]
fn a_limit_stops() {
    let root = tempfile::tempdir().expect("a folder");
    {
        let store = open(root.path(), &[]);
        for i in 0..40 {
            text(&store, "x", &format!("{i:1000}"), &[]);
        }
    }
    let store = open(root.path(), &[]);
    let results =
        store.collect_garbage(&GcOptions { max_freed: 5000, ..Default::default() }).expect("collects");
    assert!(results.bytes_freed > 5000 && results.bytes_freed < 15000, "{}", results.bytes_freed);
    assert!(store.all_valid_paths().expect("asks").len() > 20);
}

#[test]
fn adding_while_collecting() {
    let (root, store) = new_store();
    let store = Arc::new(store);
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let collector = std::thread::spawn({
        let (stop, root) = (stop.clone(), root.path().to_owned());
        move || {
            let store = open(&root, &[]);
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                store.collect_garbage(&GcOptions::default()).expect("collects");
            }
        }
    });
    for round in 0..15 {
        // each round is a store of its own, whose roots end with it
        let store = open(root.path(), &[]);
        let base = text(&store, "base", &format!("{}", round / 3), &[]);
        let references = StorePathSet::from([base.clone()]);
        for i in 0..10 {
            let contents = format!("{i} {}", round % 4);
            let paths = store
                .add_texts(&[NewText { name: "t", contents: contents.as_bytes(), references: &references }])
                .expect("adds");
            assert!(store.real(&paths[0]).exists(), "round {round}");
            assert!(store.is_valid(&base).expect("asks") && store.real(&base).exists());
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    collector.join().expect("no panic");
    drop(store);
}

#[test]
fn derivers_and_outputs_are_kept_as_asked() {
    let root = tempfile::tempdir().expect("a folder");
    let (drv, out) = {
        let store = open(root.path(), &[]);
        let (drv, out) = crate::others::derivation_with_output(&store, "n");
        store.add_permanent_root(&out, &root.path().join("result")).expect("roots");
        (drv, out)
    };
    let store = open(root.path(), &[]);
    store.collect_garbage(&GcOptions::default()).expect("collects");
    assert!(store.is_valid(&drv).expect("asks"), "keep-derivations is the default");
    drop(store);
    let store = open(root.path(), &[("keep-derivations", "false")]);
    store.collect_garbage(&GcOptions::default()).expect("collects");
    assert!(!store.is_valid(&drv).expect("asks"));
    assert!(store.is_valid(&out).expect("asks"));
}

#[test]
fn a_set_token_ends_a_collection() {
    let root = tempfile::tempdir().expect("a folder");
    text(&open(root.path(), &[]), "a", "1", &[]);
    let store = open(root.path(), &[]);
    let token = firn_sys::CancelToken::new().expect("a token");
    store.set_cancel(token.clone());
    token.cancel();
    let error = store.collect_garbage(&GcOptions::default()).expect_err("ended");
    assert_eq!(error.to_string(), "interrupted by the user");
    assert_eq!(store.all_valid_paths().expect("asks").len(), 1);
}
