//! Adding and reading.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use firn_hash::{Algo, Hash};
use firn_path::{ContentMethod, StorePathSet};
use firn_store::{AddOptions, DumpMethod, NewContents, NewText, PathInfo, Store, StoreError};

use crate::common::{new_store, open, sample_nar, text};

#[test]
fn a_text_has_the_references_path_and_canonical_form() {
    let (_root, store) = new_store();
    let path = text(&store, "hello", "world", &[]);
    assert_eq!(path.base_name(), "a8pm5wln4zaphc7x9iaqrgm9fravifib-hello");
    let real = store.real(&path);
    let meta = real.metadata().expect("exists");
    assert_eq!(meta.permissions().mode() & 0o7777, 0o444);
    assert_eq!(meta.mtime(), 1);
    let info = (*store.require_info(&path).expect("valid")).clone();
    let expected = format!("text:sha256:{}", Hash::of(Algo::Sha256, b"world").nix32());
    assert_eq!(info.ca.map(|ca| ca.to_string()), Some(expected));
    assert!(info.registration_time > 0);
    assert!(!real.with_extension("lock").exists());
    assert_eq!(
        std::fs::read_dir(store.config().real_dir.clone()).expect("reads").count(),
        2,
        "the path and .links"
    );
}

#[test]
fn a_tree_comes_back_as_it_went_in() {
    let (root, store) = new_store();
    let nar = sample_nar("x");
    for name in ["small", "big"] {
        // the big one does not fit into memory
        let store = open(root.path(), if name == "big" { &[("nar-buffer-size", "64")] } else { &[] });
        let info = store
            .add_dump(&NewContents::source(name), DumpMethod::Nar, &mut |out| {
                out.write_all(&nar).expect("takes it");
                Ok(())
            })
            .expect("adds");
        assert_eq!(info.nar_hash, Hash::of(Algo::Sha256, &nar));
        assert_eq!(info.nar_size, nar.len() as u64);
        let real = store.real(&info.path);
        assert_eq!(real.metadata().expect("exists").permissions().mode() & 0o7777, 0o555, "{name}");
        assert_eq!(real.metadata().expect("exists").mtime(), 1);
        assert_eq!(real.join("bin/run").metadata().expect("exists").permissions().mode() & 0o7777, 0o555);
        assert_eq!(real.join("link").symlink_metadata().expect("exists").mtime(), 1);
        let mut back = Vec::new();
        store.write_nar(&info.path, &mut back).expect("dumps");
        assert_eq!(back, nar);
        assert_eq!(firn_store::tree_size(&real).expect("sizes"), nar.len() as u64);
        let names: Vec<_> = std::fs::read_dir(&store.config().real_dir)
            .expect("reads")
            .map(|e| e.expect("entry").file_name())
            .collect();
        assert!(!names.iter().any(|n| n.to_string_lossy().starts_with("tmp-")), "{names:?}");
    }
    drop(store);
}

#[test]
fn all_methods_agree_between_forms() {
    let (_root, store) = new_store();
    let contents = b"some bytes".as_slice();
    let nar = firn_nar::write_file(Vec::new(), contents).expect("writes");
    for method in [ContentMethod::Flat, ContentMethod::NixArchive, ContentMethod::Git] {
        let algo = if method == ContentMethod::Git { Algo::Sha1 } else { Algo::Sha512 };
        let references = StorePathSet::new();
        let new = NewContents { name: "x", method, algo, references: &references, repair: true };
        let add = |dump, bytes: &[u8]| {
            store
                .add_dump(&new, dump, &mut |out| {
                    out.write_all(bytes).expect("takes it");
                    Ok(())
                })
                .expect("adds")
        };
        let flat = add(DumpMethod::Flat, contents);
        let tree = add(DumpMethod::Nar, &nar);
        assert_eq!(flat.path, tree.path, "{method:?}");
        assert_eq!(flat.nar_hash, tree.nar_hash);
        assert_eq!(flat.nar_hash, Hash::of(Algo::Sha256, &nar));
    }
}

#[test]
fn a_nar_must_be_what_is_said() {
    let (_root, store) = new_store();
    let nar = sample_nar("x");
    let path = store.dir().parse("/nix/store/00000000000000000000000000000000-x").expect("a path");
    let mut info = PathInfo::new(path.clone(), Hash::of(Algo::Sha256, b"else"), nar.len() as u64);
    let add = |info: &PathInfo, options| store.add_nar(info, &mut nar.as_slice(), options);
    assert!(matches!(add(&info, AddOptions::default()), Err(StoreError::HashMismatch { .. })));
    info.nar_hash = Hash::of(Algo::Sha256, &nar);
    info.nar_size += 1;
    assert!(matches!(add(&info, AddOptions::default()), Err(StoreError::SizeMismatch { .. })));
    info.nar_size -= 1;
    let signed = AddOptions { check_sigs: true, ..Default::default() };
    assert!(matches!(add(&info, signed), Err(StoreError::Unsigned(_))));
    info.references
        .insert(store.dir().parse("/nix/store/11111111111111111111111111111111-y").expect("a path"));
    assert!(matches!(add(&info, AddOptions::default()), Err(StoreError::InvalidPath(_))));
    assert!(!store.is_valid(&path).expect("asks"));
    info.references.clear();
    add(&info, AddOptions::default()).expect("adds");
    assert!(store.is_valid(&path).expect("asks"));
    let truncated = store.add_nar(
        &PathInfo {
            path: store.dir().parse("/nix/store/22222222222222222222222222222222-z").expect("a path"),
            ..info.clone()
        },
        &mut &nar[..50],
        AddOptions::default(),
    );
    assert!(matches!(truncated, Err(StoreError::Source(_))), "{truncated:?}");
}

#[test]
fn signatures_of_trusted_keys_let_in() {
    let root = tempfile::tempdir().expect("a folder");
    let key = firn_store::SecretKey::from_seed("test-1", &[3; 32]);
    let store = open(root.path(), &[("trusted-public-keys", &key.public())]);
    let nar = sample_nar("x");
    let path = store.dir().parse("/nix/store/00000000000000000000000000000000-x").expect("a path");
    let mut info = PathInfo::new(path.clone(), Hash::of(Algo::Sha256, &nar), nar.len() as u64);
    info.sign(store.dir(), &key).expect("signs");
    store
        .add_nar(&info, &mut nar.as_slice(), AddOptions { check_sigs: true, repair: false })
        .expect("trusted");
    store.add_signatures(&path, &["other:AAAA".to_owned()].into()).expect("adds");
    assert_eq!(store.require_info(&path).expect("valid").sigs.len(), 2);
}

#[test]
fn many_texts_at_once() {
    let (_root, store) = new_store();
    let none = StorePathSet::new();
    let first = store.add_texts(&[NewText { name: "a", contents: b"a", references: &none }]).expect("adds")
        [0]
    .clone();
    let references = StorePathSet::from([first.clone()]);
    let texts = [
        NewText { name: "b", contents: b"b", references: &references },
        NewText { name: "a", contents: b"a", references: &none },
        NewText { name: "b", contents: b"b", references: &references },
    ];
    let paths = store.add_texts(&texts).expect("adds");
    assert_eq!(paths[1], first);
    assert_eq!(paths[0], paths[2]);
    assert_eq!(store.referrers(&first).expect("asks"), StorePathSet::from([paths[0].clone()]));
}

#[test]
fn derivations_are_checked_and_their_outputs_known() {
    let (_root, store) = new_store();
    let dir = store.dir().clone();
    let aterm = |out: &str| {
        format!(
            "Derive([(\"out\",\"{out}\",\"\",\"\")],[],[],\"x\",\"/b\",[],[(\"builder\",\"/b\"),(\"name\",\"n\"),(\"out\",\"{out}\"),(\"system\",\"x\")])"
        )
    };
    let wrong = aterm("/nix/store/00000000000000000000000000000000-n");
    let error =
        store.add_text("n.drv", wrong.as_bytes(), &StorePathSet::new(), false).expect_err("wrong output");
    assert!(matches!(error, StoreError::Derivation(_)), "{error}");
    let mut drv = firn_derivation::aterm::parse(&dir, wrong.as_bytes(), "n").expect("parses");
    drv.outputs.insert("out".into(), firn_derivation::DerivationOutput::Deferred);
    drv.env.insert(b"out".to_vec(), Vec::new());
    drv.fill_output_paths(
        &dir,
        &mut firn_derivation::Scratch::new(),
        |_| -> Result<firn_derivation::HashModulo, StoreError> { Err(StoreError::InvalidHashPart) },
    )
    .expect("fills");
    let path = store.write_derivation(&drv, false).expect("writes");
    assert_eq!(store.read_derivation(&path).expect("reads"), drv);
    let outputs = store.derivation_outputs(&path).expect("asks");
    let out = outputs["out"].clone().expect("known");
    assert_eq!(store.valid_derivers(&out).expect("asks"), StorePathSet::from([path.clone()]));
    assert_eq!(store.path_from_hash_part(path.hash_part()).expect("asks"), Some(path));
    assert_eq!(store.path_from_hash_part(out.hash_part()).expect("asks"), None);
}

#[test]
fn circles_are_refused() {
    let (_root, store) = new_store();
    let a = store.dir().parse("/nix/store/00000000000000000000000000000000-a").expect("a path");
    let b = store.dir().parse("/nix/store/11111111111111111111111111111111-b").expect("a path");
    let info = |path: &firn_path::StorePath, other: &firn_path::StorePath| {
        let mut info = PathInfo::new(path.clone(), Hash::of(Algo::Sha256, b""), 8);
        info.references.insert(other.clone());
        info.references.insert(path.clone());
        info
    };
    let error = store.register(&[info(&a, &b), info(&b, &a)]).expect_err("a circle");
    assert!(matches!(error, StoreError::Cycle { .. }), "{error}");
    store
        .register(&[info(&a, &b), PathInfo::new(b.clone(), Hash::of(Algo::Sha256, b""), 8)])
        .expect("no circle");
}

#[test]
fn a_source_is_added_as_the_reference_adds_it() {
    use firn_source::{CanonPath, MemAccessor};
    let (_root, store) = new_store();
    let mut tree = MemAccessor::new();
    for (path, contents) in [("a", "1"), ("dir/b", "2"), ("dir/skip", "3")] {
        tree.add_file(&CanonPath::new(path).expect("a path"), contents.as_bytes()).expect("adds");
    }
    let root = CanonPath::root();
    let all = store.add_source(&NewContents::source("s"), &tree, &root, None).expect("adds");
    assert!(store.real(&all.path).join("dir/skip").exists());
    let mut asked = Vec::new();
    let mut filter = |path: &CanonPath| -> Result<bool, StoreError> {
        asked.push(path.to_string());
        Ok(path.base_name() != Some(b"skip"))
    };
    let some = store.add_source(&NewContents::source("s"), &tree, &root, Some(&mut filter)).expect("adds");
    assert_eq!(asked, ["/a", "/dir", "/dir/b", "/dir/skip"]);
    assert_ne!(some.path, all.path);
    assert!(!store.real(&some.path).join("dir/skip").exists());
    let references = StorePathSet::new();
    let flat =
        NewContents { method: ContentMethod::Flat, references: &references, ..NewContents::source("f") };
    let file = store.add_source(&flat, &tree, &CanonPath::new("a").expect("a path"), None).expect("adds");
    assert_eq!(std::fs::read(store.real(&file.path)).expect("reads"), b"1");
    assert_eq!(file.ca.as_ref().map(|ca| ca.hash), Some(Hash::of(Algo::Sha256, b"1")));
    let mut failing = |_: &CanonPath| -> Result<bool, StoreError> { Err(StoreError::InvalidHashPart) };
    assert!(matches!(
        store.add_source(&NewContents::source("s"), &tree, &root, Some(&mut failing)),
        Err(StoreError::InvalidHashPart)
    ));
}
