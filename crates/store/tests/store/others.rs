//! Sharing, verifying, exporting, registering, logs, closures.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use firn_derivation::{DerivationOutput, HashModulo, Scratch};
use firn_events::Events;
use firn_hash::{Algo, Hash};
use firn_path::{StorePath, StorePathSet};
use firn_store::closure::{ClosureOptions, closure, closure_size, topological_order};
use firn_store::export::{export_paths, import_paths};
use firn_store::verify::VerifyOptions;
use firn_store::{AddOptions, LocalStore, PathInfo, Store, StoreError};

use crate::common::{Messages, new_store, open, open_with, sample_nar, text};

/// A derivation and a path registered as its output.
pub(crate) fn derivation_with_output(store: &LocalStore, name: &str) -> (StorePath, StorePath) {
    let aterm = format!(
        "Derive([(\"out\",\"\",\"\",\"\")],[],[],\"x\",\"/b\",[],[(\"builder\",\"/b\"),(\"name\",\"{name}\"),(\"out\",\"\"),(\"system\",\"x\")])"
    );
    let mut drv = firn_derivation::aterm::parse(store.dir(), aterm.as_bytes(), name).expect("parses");
    drv.fill_output_paths(store.dir(), &mut Scratch::new(), |_| -> Result<HashModulo, StoreError> {
        Err(StoreError::InvalidHashPart)
    })
    .expect("fills");
    let drv_path = store.write_derivation(&drv, false).expect("writes");
    let DerivationOutput::InputAddressed(out) = &drv.outputs["out"] else { panic!("filled in") };
    let nar = sample_nar(name);
    let mut info = PathInfo::new(out.clone(), Hash::of(Algo::Sha256, &nar), nar.len() as u64);
    info.deriver = Some(drv_path.clone());
    store.add_nar(&info, &mut nar.as_slice(), AddOptions::default()).expect("adds");
    (drv_path, out.clone())
}

#[test]
fn equal_files_are_shared() {
    let root = tempfile::tempdir().expect("a folder");
    let store = open(root.path(), &[]);
    let a = text(&store, "a", "same contents", &[]);
    let b = text(&store, "b", "same contents", &[]);
    assert_ne!(
        store.real(&a).metadata().expect("meta").ino(),
        store.real(&b).metadata().expect("meta").ino()
    );
    let stats = store.optimise().expect("optimises");
    assert_eq!((stats.files_linked, stats.bytes_freed), (1, 13));
    assert_eq!(
        store.real(&a).metadata().expect("meta").ino(),
        store.real(&b).metadata().expect("meta").ino()
    );
    assert_eq!(store.optimise().expect("optimises").files_linked, 0);
    drop(store);
    let store = open(root.path(), &[("auto-optimise-store", "true")]);
    let c = text(&store, "c", "same contents", &[]);
    assert_eq!(store.real(&c).metadata().expect("meta").nlink(), 4);
    derivation_with_output(&store, "tree");
    assert!(!store.verify(VerifyOptions { check_contents: true, repair: false }).expect("verifies"));
}

#[test]
fn damage_is_found() {
    let root = tempfile::tempdir().expect("a folder");
    let messages = Arc::new(Messages::default());
    let store = open_with(root.path(), &[], Events::new(messages.clone()));
    let a = text(&store, "a", "1", &[]);
    let b = text(&store, "b", "2", &[&a]);
    let all = VerifyOptions { check_contents: true, repair: false };
    assert!(!store.verify(all).expect("verifies"));
    rustix::fs::chmod(store.real(&a), rustix::fs::Mode::RWXU).expect("changes");
    std::fs::write(store.real(&a), "changed").expect("writes");
    assert!(store.verify(all).expect("verifies"));
    assert!(
        messages
            .0
            .lock()
            .expect("lock")
            .iter()
            .any(|m| m
                .starts_with(&format!("path '{}' was modified! expected hash 'sha256:", store.print(&a))))
    );
    std::fs::remove_file(store.real(&a)).expect("removes");
    assert!(store.verify(all).expect("verifies"), "b still refers to a");
    std::fs::remove_file(store.real(&b)).expect("removes");
    assert!(!store.verify(all).expect("verifies"));
    assert!(store.all_valid_paths().expect("asks").is_empty(), "both were gone");
}

#[test]
fn exports_come_back() {
    let (_root, store) = new_store();
    let a = text(&store, "a", "1", &[]);
    let b = text(&store, "b", "2", &[&a]);
    let paths = closure(&store, [&b], ClosureOptions::default()).expect("closes");
    assert_eq!(paths, StorePathSet::from([a.clone(), b.clone()]));
    assert_eq!(topological_order(&store, &paths).expect("sorts"), [b.clone(), a.clone()]);
    assert_eq!(closure_size(&store, &b).expect("sums"), 240);
    let mut stream = Vec::new();
    export_paths(&store, &paths, &mut stream).expect("exports");
    let (_root, other) = new_store();
    let imported = import_paths(&other, &mut stream.as_slice(), AddOptions::default()).expect("imports");
    assert_eq!(imported, [a, b.clone()]);
    assert_eq!(
        other.require_info(&b).expect("valid").references,
        store.require_info(&b).expect("valid").references
    );
    for cut in [0, 1, 9, 100, stream.len() - 1] {
        assert!(import_paths(&other, &mut &stream[..cut], AddOptions::default()).is_err(), "{cut}");
    }
}

#[test]
fn registrations_come_back() {
    let (root, store) = new_store();
    let (drv, out) = derivation_with_output(&store, "n");
    let a = text(&store, "a", "1", &[&out]);
    let dump = store.dump_db(None).expect("dumps");
    assert!(
        dump.contains(&format!(
            "{}\n{}\n0\n",
            store.require_info(&out).expect("valid").nar_size,
            store.print(&drv)
        )),
        "{dump}"
    );
    drop(store);
    std::fs::remove_dir_all(root.path().join("nix/var/nix/db")).expect("removes");
    let store = open(root.path(), &[]);
    assert!(store.all_valid_paths().expect("asks").is_empty());
    store.load_db(&mut dump.as_bytes(), true, true, false).expect("loads");
    assert_eq!(store.dump_db(None).expect("dumps"), dump);
    assert!(store.is_valid(&a).expect("asks"));
    for bad in [
        "x\n",
        "/nix/store/00000000000000000000000000000000-x\n",
        "/nix/store/00000000000000000000000000000000-x\nzz\n1\n\n0\n",
    ] {
        assert!(store.load_db(&mut bad.as_bytes(), true, true, false).is_err(), "{bad}");
    }
}

#[test]
fn logs() {
    let (_root, store) = new_store();
    let (drv, out) = derivation_with_output(&store, "n");
    assert_eq!(store.build_log(&out).expect("reads"), None);
    store.add_build_log(&drv, b"line\n").expect("writes");
    assert_eq!(store.build_log(&drv).expect("reads").as_deref(), Some(b"line\n".as_slice()));
    assert_eq!(store.build_log(&out).expect("reads").as_deref(), Some(b"line\n".as_slice()));
}

#[test]
fn references_are_found_while_hashing() {
    let (_root, store) = new_store();
    let a = text(&store, "a", "1", &[]);
    let b = text(&store, "b", "2", &[]);
    let c = text(&store, "c", &format!("uses {} here", store.print(&a)), &[&a]);
    let scanned = firn_store::scan_and_hash(&store.real(&c), [&a, &b]).expect("scans");
    assert_eq!(scanned.references, StorePathSet::from([a]));
    let info = store.require_info(&c).expect("valid");
    assert_eq!((scanned.hash, scanned.size), (info.nar_hash, info.nar_size));
}

#[test]
fn closures_are_copied() {
    let (_root, from) = new_store();
    let (_root, to) = new_store();
    let mut last = text(&from, "p", "0", &[]);
    for i in 1..30 {
        last = text(&from, "p", &i.to_string(), &[&last]);
    }
    let (drv, out) = derivation_with_output(&from, "n");
    let paths = closure(&from, [&last, &drv, &out], ClosureOptions::default()).expect("closes");
    let copy = |paths: &StorePathSet, options| {
        firn_store::copy::copy_paths(&from, &to, paths, options, &Events::none())
    };
    let error =
        copy(&paths, AddOptions { check_sigs: true, repair: false }).expect_err("the output is not signed");
    assert!(matches!(error, StoreError::Unsigned(_)), "{error}");
    let map = copy(&paths, AddOptions::default()).expect("copies");
    assert!(map.iter().all(|(a, b)| a == b) && map.len() == 32);
    assert_eq!(to.all_valid_paths().expect("asks"), paths);
    assert!(!to.verify(VerifyOptions { check_contents: true, repair: false }).expect("verifies"));
    assert_eq!(copy(&paths, AddOptions::default()).expect("copies").len(), 32);
    let accessor = to.accessor(&out).expect("opens");
    let path = firn_source::CanonPath::new("bin/run").expect("a path");
    assert_eq!(accessor.read_file(&path).expect("reads"), b"#!/bin/sh\n");
}

#[test]
fn twins_are_content_addressed() {
    let (_root, store) = new_store();
    let make = |name: &str, contents: &[u8], references: &[&StorePath]| {
        let nar = firn_nar::write_file(Vec::new(), contents).expect("writes");
        let path = store
            .dir()
            .make_store_path("output:out", &Hash::of(Algo::Sha256, name.as_bytes()), name)
            .expect("a path");
        let own = contents.windows(32).any(|w| w == path.hash_part().as_bytes());
        let mut info = PathInfo::new(path.clone(), Hash::of(Algo::Sha256, &nar), nar.len() as u64);
        info.references = references.iter().map(|r| (*r).clone()).collect();
        if own {
            info.references.insert(path.clone());
        }
        store.add_nar(&info, &mut nar.as_slice(), AddOptions::default()).expect("adds");
        path
    };
    let itself =
        store.dir().make_store_path("output:out", &Hash::of(Algo::Sha256, b"a"), "a").expect("a path");
    let a = make("a", format!("I am {}", store.print(&itself)).as_bytes(), &[]);
    let b = make("b", format!("uses {}", store.print(&a)).as_bytes(), &[&a]);
    let twins = firn_store::rewrite::make_content_addressed(&store, &store, &StorePathSet::from([b.clone()]))
        .expect("rewrites");
    let (a, b) = (&twins[&a], &twins[&b]);
    for path in [a, b] {
        assert!(store.require_info(path).expect("valid").is_content_addressed(store.dir()));
    }
    assert_eq!(std::fs::read_to_string(store.real(a)).expect("reads"), format!("I am {}", store.print(a)));
    assert_eq!(std::fs::read_to_string(store.real(b)).expect("reads"), format!("uses {}", store.print(a)));
    // signed or not, they may go everywhere
    let (_root, other) = new_store();
    let paths = StorePathSet::from([a.clone(), b.clone()]);
    let options = AddOptions { check_sigs: true, repair: false };
    firn_store::copy::copy_paths(&store, &other, &paths, options, &Events::none()).expect("copies");
}
