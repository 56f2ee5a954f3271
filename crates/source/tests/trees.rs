//! The same tree on disk, in memory and in an archive; restoring, canonical metadata and removing.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use firn_hash::{Algo, Hash};
use firn_source::{
    Accessor, CanonPath, CanonicaliseOptions, FilteredAccessor, FsAccessor, Kind, MemAccessor, MemNode,
    NarAccessor, Resolution, RestoreOptions, SourceError, SubAccessor, canonicalise, copy_tree, dump_nar,
    dump_path, hash_git, hash_nar, hash_path, lstat, remove_tree, resolve_symlinks, restore_nar,
};

fn path(text: &str) -> CanonPath {
    CanonPath::new(text).unwrap()
}

fn tree() -> MemAccessor {
    let mut tree = MemAccessor::new();
    tree.add_file(&path("/a/one"), *b"first").unwrap();
    tree.insert(&path("/a/run"), MemNode::File { executable: true, contents: Arc::from(*b"#!/bin/sh\n") })
        .unwrap();
    tree.insert(&path("/a/link"), MemNode::Symlink(b"../b".to_vec())).unwrap();
    tree.insert(&path("/b"), MemNode::Directory(Default::default())).unwrap();
    tree.add_file(&path("/big"), vec![7; 300_000]).unwrap();
    tree.add_file(&path("/a.b"), *b"sorts between a and a/").unwrap();
    tree
}

fn nar(accessor: &dyn Accessor) -> Vec<u8> {
    let mut out = Vec::new();
    dump_nar::<SourceError>(accessor, &CanonPath::root(), &mut out, None).unwrap();
    out
}

fn write_to(dir: &Path) {
    copy_tree(&tree(), &CanonPath::root(), &mut firn_source::FsSink::new(dir).unwrap()).unwrap();
}

#[test]
fn a_tree_has_the_same_archive_wherever_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    write_to(&root);
    let expected = nar(&tree());
    let on_disk = FsAccessor::new(&root).unwrap();
    assert_eq!(nar(&on_disk), expected);
    // with a filter the slow way is taken
    let mut out = Vec::new();
    let mut filter = firn_source::accept_all::<SourceError>;
    dump_nar(&on_disk, &CanonPath::root(), &mut out, Some(&mut filter)).unwrap();
    assert_eq!(out, expected);
    assert_eq!(nar(&NarAccessor::new(Cursor::new(expected.clone())).unwrap()), expected);
    let (hash, size) = hash_path(&root, Algo::Sha256).unwrap();
    assert_eq!((hash, size), (Hash::of(Algo::Sha256, &expected), expected.len() as u64));
    assert_eq!(
        hash_nar::<SourceError>(&on_disk, &path("a"), Algo::Sha256, None).unwrap(),
        hash_nar::<SourceError>(
            &SubAccessor::new(Arc::new(tree()), path("a")),
            &CanonPath::root(),
            Algo::Sha256,
            None
        )
        .unwrap()
    );
}

#[test]
fn nix_dumps_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    write_to(&root);
    let Ok(output) = Command::new("nix-store").arg("--dump").arg(&root).output() else {
        println!("skipped: there is no nix-store");
        return;
    };
    if !output.status.success() {
        println!("skipped: nix-store failed");
        return;
    }
    assert!(output.stdout == nar(&tree()));
}

#[test]
fn filters_see_what_goes_into_the_archive_in_its_order() {
    let mut seen = Vec::new();
    let mut filter = |path: &CanonPath| -> Result<bool, SourceError> {
        seen.push(path.to_string());
        Ok(path.base_name() != Some(b"a"))
    };
    let mut out = Vec::new();
    dump_nar(&tree(), &CanonPath::root(), &mut out, Some(&mut filter)).unwrap();
    assert_eq!(seen, ["/a", "/a.b", "/b", "/big"]);
    let filtered =
        FilteredAccessor::new(Arc::new(tree()), |path| !path.is_within(&CanonPath::root().join(b"a")));
    assert_eq!(nar(&filtered), out);
    assert_eq!(filtered.stat(&path("a/one")).unwrap(), None);
    assert_eq!(
        filtered.read_file(&path("a/one")).unwrap_err().to_string(),
        "path '«memory»/a/one' does not exist"
    );
}

#[test]
fn restoring_gives_the_tree_back() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = nar(&tree());
    let root = dir.path().join("plain");
    let mut input = bytes.clone();
    input.extend_from_slice(b"rest");
    let rest = restore_nar(input.as_slice(), &root, RestoreOptions::default()).unwrap();
    assert_eq!(rest, b"rest");
    assert_eq!(nar(&FsAccessor::new(&root).unwrap()), bytes);

    let root = dir.path().join("canonical");
    let options = RestoreOptions { canonical: true, ..RestoreOptions::default() };
    restore_nar(bytes.as_slice(), &root, options).unwrap();
    check_canonical(&root);
    assert_eq!(nar(&FsAccessor::new(&root).unwrap()), bytes);
    assert!(matches!(
        restore_nar(bytes.as_slice(), &root, options),
        Err(SourceError::System { action: "creating directory", .. })
    ));
    assert!(root.exists(), "what was there before stays");

    let removed = remove_tree(&root).unwrap();
    assert_eq!(removed.nodes, 8);
    assert!(removed.bytes >= 300_000);
    assert!(!root.exists());
    assert_eq!(remove_tree(&root).unwrap().nodes, 0);
}

fn check_canonical(root: &Path) {
    for (node, mode) in [("", 0o555), ("a", 0o555), ("a/one", 0o444), ("a/run", 0o555), ("big", 0o444)] {
        let meta = fs::symlink_metadata(root.join(node)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, mode, "{node}");
        assert_eq!(meta.mtime(), 1, "{node}");
    }
    assert_eq!(fs::symlink_metadata(root.join("a/link")).unwrap().mtime(), 1);
}

#[test]
fn failed_restores_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = nar(&tree());
    for end in [bytes.len() / 4, bytes.len() - 200, bytes.len() - 1] {
        let root = dir.path().join("cut");
        let options = RestoreOptions { canonical: true, ..RestoreOptions::default() };
        assert!(restore_nar(&bytes[..end], &root, options).is_err());
        assert!(fs::symlink_metadata(&root).is_err());
    }
}

#[test]
fn canonicalising_sets_what_store_objects_have() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    write_to(&root);
    fs::set_permissions(root.join("a/one"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(root.join("a/one"), root.join("b/same")).unwrap();
    canonicalise(&root, &CanonicaliseOptions::default(), &mut Default::default()).unwrap();
    check_canonical(&root);
    let strangers = CanonicaliseOptions { owners: Some(4_000_000..=4_000_001), ..Default::default() };
    assert!(matches!(
        canonicalise(&root, &strangers, &mut Default::default()),
        Err(SourceError::InvalidOwnership(_))
    ));
    remove_tree(&root).unwrap();
    fs::create_dir(&root).unwrap();
    let made = Command::new("mkfifo").arg(root.join("pipe")).status();
    if made.is_ok_and(|status| status.success()) {
        let error =
            canonicalise(&root, &CanonicaliseOptions::default(), &mut Default::default()).unwrap_err();
        assert!(error.to_string().ends_with("pipe' has an unsupported type"), "{error}");
        let error = dump_path(&root, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().ends_with("pipe' has an unsupported type"), "{error}");
        assert!(FsAccessor::new(&root).unwrap().open(&path("pipe")).is_err());
    }
}

#[test]
fn accessors_on_disk_follow_no_symlinks() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "x").unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    symlink("../outside", root.join("door")).unwrap();
    symlink("/etc/passwd", root.join("file")).unwrap();
    let tree = FsAccessor::new(&root).unwrap().shown_as("«tree»");
    assert!(matches!(tree.read_file(&path("door/secret")), Err(SourceError::SymlinkInPath(_))));
    assert!(matches!(tree.stat(&path("door/secret")), Err(SourceError::SymlinkInPath(_))));
    assert!(tree.read_file(&path("file")).is_err());
    assert!(tree.read_dir(&path("door")).is_err());
    assert_eq!(lstat(&tree, &path("door")).unwrap().kind, Kind::Symlink);
    assert_eq!(tree.read_link(&path("door")).unwrap(), b"../outside");
    assert_eq!(tree.read_link(&path("")).unwrap_err().to_string(), "file '«tree»' is not a symlink");
    assert_eq!(tree.stat(&path("none")).unwrap(), None);
    assert_eq!(tree.stat(&path("../../etc/passwd")).unwrap(), None);
    assert_eq!(tree.read_file(&path("no")).unwrap_err().to_string(), "path '«tree»/no' does not exist");
}

#[test]
fn symlinks_are_resolved_within_the_tree() {
    let mut tree = tree();
    tree.insert(&path("/abs"), MemNode::Symlink(b"/a/one".to_vec())).unwrap();
    tree.insert(&path("/up"), MemNode::Symlink(b"../../../a/link/../big".to_vec())).unwrap();
    tree.insert(&path("/x"), MemNode::Symlink(b"y".to_vec())).unwrap();
    tree.insert(&path("/y"), MemNode::Symlink(b"x".to_vec())).unwrap();
    let full = |text: &str| resolve_symlinks(&tree, &path(text), Resolution::Full).map(|p| p.to_string());
    assert_eq!(full("/abs").unwrap(), "/a/one");
    assert_eq!(full("/up").unwrap(), "/big");
    assert_eq!(full("/a/link/new").unwrap(), "/b/new");
    assert_eq!(full("/x").unwrap_err().to_string(), "infinite symlink recursion in path '«memory»/x'");
    let ancestors = resolve_symlinks(&tree, &path("/a/link"), Resolution::Ancestors).unwrap();
    assert_eq!(ancestors.to_string(), "/a/link");
}

#[test]
fn canonical_paths_never_climb() {
    for (raw, canonical) in
        [("", "/"), ("/", "/"), ("a//b/./c/", "/a/b/c"), ("../..", "/"), ("/a/../../b", "/b"), (".", "/")]
    {
        assert_eq!(path(raw).to_string(), canonical);
    }
    assert!(CanonPath::new("a\0b").is_err());
    assert_eq!(path("a").join(b"../b").to_string(), "/a/b");
    assert_eq!(path("a/b").strip_prefix(&path("a")).unwrap().to_string(), "/b");
    assert!(!path("ab").is_within(&path("a")));
    assert!(path("a/b") < path("a.b"), "entries follow their directory");
}

#[test]
fn git_computes_the_same_hash() {
    let tree = tree();
    let empty = hash_git::<SourceError>(&MemAccessor::new(), &CanonPath::root(), Algo::Sha1, None).unwrap();
    assert_eq!(empty.1.base16(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    let blob = hash_git::<SourceError>(&tree, &path("a/one"), Algo::Sha1, None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    write_to(dir.path());
    let git = |args: &[&str]| {
        let output = Command::new("git").current_dir(dir.path()).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    if git(&["init", "-q"]).is_none() {
        println!("skipped: there is no git");
        return;
    }
    assert_eq!(git(&["hash-object", "a/one"]).unwrap(), blob.1.base16());
    git(&["add", "-A"]).unwrap();
    // git knows no empty directories
    let mut filter = |path: &CanonPath| -> Result<bool, SourceError> { Ok(path.rel() != b"b") };
    let whole = hash_git(&tree, &CanonPath::root(), Algo::Sha1, Some(&mut filter)).unwrap();
    assert_eq!(git(&["write-tree"]).unwrap(), whole.1.base16());
}
