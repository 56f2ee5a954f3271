//! Builds without a sandbox, and builders that are part of the program.

mod common;

use std::collections::BTreeMap;

use common::{Fixture, fixed, is_executable, with_env, with_outputs};
use firn_derivation::DerivationOutput;
use firn_hash::{Algo, Hash};
use firn_path::ContentMethod;
use firn_store::BuildStatus;

#[test]
fn it_builds_in_its_own_folder() {
    let f = Fixture::plain(&[]);
    let text =
        f.read(&f.script(
            "plain",
            "echo $NIX_BUILD_TOP > $out; echo $PWD >> $out; echo $HOME >> $out; umask >> $out",
        ));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with(&f.store.config().build_dir.display().to_string()), "{text}");
    assert_eq!((lines[0], lines[2], lines[3]), (lines[1], "/homeless-shelter", "0022"));
    assert_eq!(f.leftovers(), Vec::<String>::new());
}

#[test]
fn missing_outputs_are_made_beside_valid_ones() {
    let f = Fixture::plain(&[]);
    let single = f.write(with_outputs(f.draft("pair", "echo a > $out; echo $out $dev > $dev"), &["dev"]));
    f.build_ok(&single);
    let outputs = f.build(&[&single]).remove(0).outputs;
    f.store.invalidate(&outputs["dev"]).expect("nobody refers to it");
    let again = f.build(&[&single]).remove(0);
    assert_eq!(again.status, BuildStatus::Built, "{}", again.error);
    let text = std::fs::read_to_string(f.store.real(&outputs["dev"])).expect("a text");
    assert_eq!(text, format!("{} {}\n", f.store.print(&outputs["out"]), f.store.print(&outputs["dev"])));
}

fn builtin(f: &Fixture, name: &str, builder: &str, env: &[(&str, &str)]) -> firn_derivation::Derivation {
    let mut drv = f.draft(name, "");
    drv.args.clear();
    drv.builder = builder.into();
    drv.platform = "builtin".into();
    drv.env = BTreeMap::from([(b"out".to_vec(), Vec::new())]);
    env.iter().fold(drv, |drv, (k, v)| with_env(drv, k, v))
}

#[test]
fn fetchurl_fetches() {
    let f = Fixture::plain(&[]);
    let file = f.dir.path().join("file");
    std::fs::write(&file, "fetched").expect("a file");
    let url = format!("file://{}", file.display());
    let hash = Hash::of(Algo::Sha256, b"fetched");
    let drv = builtin(&f, "file", "builtin:fetchurl", &[("url", &url)]);
    assert_eq!(f.read(&f.write(fixed(drv, ContentMethod::Flat, hash))), "fetched");
    let missing = format!("file://{}/none", f.dir.path().display());
    let drv = builtin(&f, "gone", "builtin:fetchurl", &[("urls", &format!("{missing} {url}"))]);
    assert_eq!(f.read(&f.write(fixed(drv, ContentMethod::Flat, hash))), "fetched");
    let drv = builtin(&f, "nothing", "builtin:fetchurl", &[("url", &missing)]);
    let error = f.build_err(&f.write(fixed(drv, ContentMethod::Flat, hash)));
    assert!(
        error.contains("Reason: builder failed with exit code 1.") && error.contains("Couldn't open file"),
        "{error}"
    );
    assert_eq!(f.builder.exit_code(), 1);

    let mirror = f.dir.path().join("mirror/sha256");
    std::fs::create_dir_all(&mirror).expect("a folder");
    std::fs::write(mirror.join(Hash::of(Algo::Sha256, b"mirrored").base16()), "mirrored").expect("a file");
    let f =
        Fixture::plain(&[("hashed-mirrors", &format!("file://{}", f.dir.path().join("mirror").display()))]);
    let drv = builtin(&f, "m", "builtin:fetchurl", &[("url", &missing)]);
    let drv = f.write(fixed(drv, ContentMethod::Flat, Hash::of(Algo::Sha256, b"mirrored")));
    assert_eq!(f.read(&drv), "mirrored");
}

#[test]
fn fetchurl_unpacks_and_makes_executable() {
    let f = Fixture::plain(&[]);
    let tree = f.dir.path().join("tree");
    std::fs::create_dir(&tree).expect("a folder");
    std::fs::write(tree.join("f"), "in a nar").expect("a file");
    let nar = f.dir.path().join("x.nar");
    firn_source::dump_path(&tree, &mut std::fs::File::create(&nar).expect("a file")).expect("a nar");
    let (hash, _) = firn_source::hash_path(&tree, Algo::Sha256).expect("a hash");
    let drv = builtin(
        &f,
        "tree",
        "builtin:fetchurl",
        &[("url", &format!("file://{}", nar.display())), ("unpack", "1")],
    );
    let out = f.build_ok(&f.write(fixed(drv, ContentMethod::NixArchive, hash)));
    assert_eq!(std::fs::read_to_string(out.join("f")).ok().as_deref(), Some("in a nar"));

    let program = f.dir.path().join("program");
    std::fs::write(&program, "#!").expect("a file");
    let (hash, _) = {
        use std::os::unix::fs::PermissionsExt;
        let copy = f.dir.path().join("copy");
        std::fs::copy(&program, &copy).expect("a copy");
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        firn_source::hash_path(&copy, Algo::Sha256).expect("a hash")
    };
    let url = format!("file://{}", program.display());
    let drv = builtin(&f, "program", "builtin:fetchurl", &[("url", &url), ("executable", "1")]);
    assert!(is_executable(&f.build_ok(&f.write(fixed(drv, ContentMethod::NixArchive, hash)))));
}

#[test]
fn fetchurl_needs_a_hash() {
    let f = Fixture::plain(&[]);
    let drv = builtin(&f, "x", "builtin:fetchurl", &[("url", "file:///etc/passwd")]);
    assert!(f.build_err(&f.write(drv)).contains("must be a fixed-output or impure derivation"));
    let drv = builtin(&f, "x", "builtin:nope", &[]);
    assert!(f.build_err(&f.write(drv)).contains("unsupported builtin builder 'nope'"));
}

#[test]
fn buildenv_links_packages() {
    let f = Fixture::plain(&[]);
    let package = f.script("package", "mkdir -p $out/bin; echo > $out/bin/x");
    f.build_ok(&package);
    let path = f.store.print(&f.build(&[&package])[0].outputs["out"]);
    let manifest = f.store.print(&f.text("manifest", "[ ]"));
    let env = [("derivations", format!("true 5 1 {path}")), ("manifest", manifest.clone())];
    let mut drv = builtin(&f, "env", "builtin:buildenv", &env.each_ref().map(|(k, v)| (*k, v.as_str())));
    drv.input_drvs.insert(package, firn_derivation::InputNode::from_outputs(["out"]));
    drv.outputs.insert("out".into(), DerivationOutput::Deferred);
    let out = f.build_ok(&f.write(drv));
    assert_eq!(std::fs::read_link(out.join("bin")).ok(), Some(format!("{path}/bin").into()));
    assert_eq!(std::fs::read_link(out.join("manifest.nix")).ok(), Some(manifest.into()));
}

#[test]
fn hooks_run() {
    let f = Fixture::plain(&[]);
    let (hook, said) = (f.dir.path().join("hook"), f.dir.path().join("said"));
    std::fs::write(
        &hook,
        format!("#!/bin/sh\necho hooked\necho $DRV_PATH $OUT_PATHS > {}\n", said.display()),
    )
    .expect("a hook");
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let f = Fixture::plain(&[("post-build-hook", &hook.display().to_string())]);
    let drv = f.script("x", "echo > $out");
    let out = f.build_ok(&drv);
    assert_eq!(
        std::fs::read_to_string(said).ok(),
        Some(format!("{} {}\n", f.store.print(&drv), out.display()))
    );
    let lines = f.pick(|e| match e {
        firn_events::Event::Result { result: firn_events::ActivityResult::PostBuildLogLine(l), .. } => {
            Some(l.clone())
        }
        _ => None,
    });
    assert_eq!(lines, ["hooked"]);
}

#[test]
fn unknown_paths_and_outputs_are_told() {
    use firn_path::{DerivedPath, OutputsSpec, StorePath};
    use firn_store::{BuildBackend, BuildMode};
    let f = Fixture::plain(&[]);
    let nowhere = StorePath::from_base_name("0123456789abcdfghijklmnpqrsvwxyz-nowhere").expect("a path");
    let drv = f.script("x", "true");
    let targets =
        [DerivedPath::Opaque(nowhere.clone()), DerivedPath::built(drv.clone(), OutputsSpec::one("nope"))];
    let results = f.builder.build(&f.store, &targets, BuildMode::Normal, &f.events).expect("results");
    let print = |p| f.store.print(p);
    assert_eq!(
        results[0].error,
        format!("path '{}' is required, but there is no substituter that can build it", print(&nowhere))
    );
    assert_eq!(results[1].error, format!("derivation '{}' does not have wanted outputs 'nope'", print(&drv)));
}
