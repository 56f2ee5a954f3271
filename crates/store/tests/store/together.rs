//! One store, two implementations: C++ Nix reads what we wrote and the other way round.

use firn_path::StorePathSet;
use firn_store::gc::GcOptions;
use firn_store::verify::VerifyOptions;
use firn_store::{DumpMethod, NewContents, Store};

use crate::common::{have_nix, nix, open, sample_nar, text};
use crate::others::derivation_with_output;

#[test]
fn what_we_register_the_reference_verifies() {
    if !have_nix() {
        return;
    }
    let root = tempfile::tempdir().expect("a folder");
    let store = open(root.path(), &[]);
    let a = text(&store, "a", "1", &[]);
    let b = text(&store, "b", "2", &[&a]);
    let (drv, out) = derivation_with_output(&store, "n");
    let nar = sample_nar("source");
    let source = store
        .add_dump(&NewContents::source("src"), DumpMethod::Nar, &mut |w| {
            w.write_all(&nar).expect("takes it");
            Ok(())
        })
        .expect("adds");
    let run = |arguments: &[&str]| {
        let (success, stdout, stderr) = nix(root.path(), "nix-store", arguments).expect("installed");
        assert!(success, "{arguments:?}: {stderr}");
        (stdout, stderr)
    };
    // both have the store open
    let (_, stderr) = run(&["--verify", "--check-contents"]);
    assert!(!stderr.contains("error"), "{stderr}");
    let line = |path| format!("{}\n", store.print(path));
    assert_eq!(run(&["-q", "--references", &store.print(&b)]).0, line(&a));
    assert_eq!(run(&["-q", "--referrers", &store.print(&a)]).0, line(&b));
    assert_eq!(run(&["-q", "--deriver", &store.print(&out)]).0, line(&drv));
    assert_eq!(run(&["-q", "--outputs", &store.print(&drv)]).0, line(&out));
    assert_eq!(run(&["-q", "--size", &store.print(&source.path)]).0, format!("{}\n", nar.len()));
    assert_eq!(run(&["--dump-db"]).0, store.dump_db(None).expect("dumps"));
    assert!(store.real(&a).exists());
    // our temporary roots keep everything from their collector, and what they delete is gone for us
    let (_, stderr) = run(&["--gc"]);
    assert!(!stderr.contains("deleting '/nix/store"), "{stderr}");
    drop(store);
    run(&["--gc"]);
    let store = open(root.path(), &[]);
    assert_eq!(store.all_valid_paths().expect("asks"), StorePathSet::new());
}

#[test]
fn what_the_reference_registers_we_read() {
    if !have_nix() {
        return;
    }
    let root = tempfile::tempdir().expect("a folder");
    let source = root.path().join("source");
    std::fs::create_dir(&source).expect("makes");
    std::fs::write(source.join("f"), "contents").expect("writes");
    let run = |program: &str, arguments: &[&str]| {
        let (success, stdout, stderr) = nix(root.path(), program, arguments).expect("installed");
        assert!(success, "{arguments:?}: {stderr}");
        stdout.trim_end().to_owned()
    };
    let added = run("nix-store", &["--add", &source.to_string_lossy()]);
    let expression = "derivation { name = \"n\"; system = \"x\"; builder = builtins.toFile \"b\" \"x\"; }";
    let drv = run("nix-instantiate", &["-E", expression]);
    let store = open(root.path(), &[]);
    let added = store.dir().parse(&added).expect("a path");
    let drv = store.dir().parse(drv.lines().last().expect("a line")).expect("a path");
    assert!(!store.verify(VerifyOptions { check_contents: true, repair: false }).expect("verifies"));
    let info = store.require_info(&added).expect("valid");
    assert!(info.is_content_addressed(store.dir()));
    assert_eq!(store.require_info(&drv).expect("valid").references.len(), 1);
    let parsed = store.read_derivation(&drv).expect("reads");
    assert_eq!(store.write_derivation(&parsed, false).expect("writes"), drv);
    let outputs = store.derivation_outputs(&drv).expect("asks");
    assert_eq!(outputs["out"], parsed.output_paths(store.dir()).expect("paths")["out"]);
    // the same sources are the same path
    let nar_of_it = {
        let mut nar = Vec::new();
        store.write_nar(&added, &mut nar).expect("dumps");
        nar
    };
    let again = store
        .add_dump(&NewContents::source("source"), DumpMethod::Nar, &mut |w| {
            w.write_all(&nar_of_it).expect("takes it");
            Ok(())
        })
        .expect("adds");
    assert_eq!(again.path, added);
    drop(store);
    // their roots count for us
    let link = root.path().join("result");
    let text = parsed.references().next().expect("the builder").clone();
    let printed = format!("/nix/store/{text}");
    run("nix-store", &["--add-root", &link.to_string_lossy(), "--indirect", "-r", &printed]);
    let store = open(root.path(), &[]);
    store.collect_garbage(&GcOptions::default()).expect("collects");
    assert_eq!(store.all_valid_paths().expect("asks"), StorePathSet::from([text]));
    let stderr = nix(root.path(), "nix-store", &["--verify", "--check-contents"]).expect("installed").2;
    assert!(!stderr.contains("error"), "{stderr}");
}

#[test]
fn exports_go_both_ways() {
    if !have_nix() {
        return;
    }
    let (ours, theirs) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let store = open(ours.path(), &[]);
    let a = text(&store, "a", "1", &[]);
    let b = text(&store, "b", "2", &[&a]);
    let mut stream = Vec::new();
    firn_store::export::export_paths(&store, &StorePathSet::from([a.clone(), b.clone()]), &mut stream)
        .expect("exports");
    let file = ours.path().join("stream");
    std::fs::write(&file, &stream).expect("writes");
    let import = format!("nix-store --import --option build-users-group '' < {}", file.display());
    let (success, _, stderr) = nix(theirs.path(), "sh", &["-c", &import]).expect("a shell");
    assert!(success, "{stderr}");
    let (_, exported, _) = {
        let output = std::process::Command::new("nix-store")
            .args(["--export", &store.print(&a), &store.print(&b)])
            .env("NIX_REMOTE", format!("local?root={}", theirs.path().display()))
            .output()
            .expect("installed");
        (output.status.success(), output.stdout, output.stderr)
    };
    assert_eq!(exported, stream);
}

#[test]
fn both_add_and_collect_at_once() {
    if !have_nix() {
        return;
    }
    let root = tempfile::tempdir().expect("a folder");
    drop(open(root.path(), &[]));
    for i in 0..4 {
        std::fs::write(root.path().join(format!("f{i}")), format!("contents {i}")).expect("writes");
    }
    std::thread::scope(|scope| {
        let root = root.path();
        for worker in 0..2 {
            scope.spawn(move || {
                for i in 0..4 {
                    let file = root.join(format!("f{}", (i + worker) % 4));
                    let (success, stdout, stderr) =
                        nix(root, "nix-store", &["--add", &file.to_string_lossy()]).expect("installed");
                    assert!(success && stdout.starts_with("/nix/store/"), "{stderr}");
                }
            });
        }
        scope.spawn(move || {
            let (success, _, stderr) = nix(root, "nix-store", &["--gc"]).expect("installed");
            assert!(success, "{stderr}");
        });
        for _ in 0..2 {
            scope.spawn(move || {
                for round in 0..30 {
                    let store = open(root, &[]);
                    for i in 0..4 {
                        let nar = firn_nar::write_file(Vec::new(), format!("contents {i}").as_bytes())
                            .expect("writes");
                        let name = format!("f{i}");
                        let info = store
                            .add_dump(&NewContents::source(&name), DumpMethod::Nar, &mut |w| {
                                w.write_all(&nar).expect("takes it");
                                Ok(())
                            })
                            .expect("adds");
                        assert!(store.real(&info.path).exists());
                    }
                    drop(store);
                    if round % 5 == 0 {
                        open(root, &[]).collect_garbage(&GcOptions::default()).expect("collects");
                    }
                }
            });
        }
    });
    let store = open(root.path(), &[]);
    assert!(!store.verify(VerifyOptions { check_contents: true, repair: false }).expect("verifies"));
    for path in store.all_valid_paths().expect("asks") {
        assert!(store.real(&path).exists());
    }
}
