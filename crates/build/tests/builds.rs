//! Builds in real sandboxes.
#![allow(clippy::print_stdout)] // "skipped" is for people

mod common;

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use common::{Fixture, fixed, with_env, with_input, with_outputs, with_source};
use firn_hash::{Algo, Hash};
use firn_path::{ContentMethod, DerivedPath, OutputsSpec};
use firn_store::{BuildBackend, BuildMode, BuildStatus, Store};
use firn_sys::users::effective_uid;

macro_rules! need_sandbox {
    () => {
        if !Fixture::can_sandbox() {
            return;
        }
    };
}

#[test]
fn an_output_becomes_valid_with_its_references() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[]);
    let source = f.text("source", "some text");
    let print = |p| f.store.print(p);
    let script = format!(
        "cat {0}; mkdir -p $out/bin; echo {0} $out > $out/bin/refs; ln -s bin $out/link",
        print(&source)
    );
    let drv = f.write(with_source(f.draft("first", &script), &source));
    let out = f.build_ok(&drv);
    assert_eq!(f.log_lines(), ["some text"]);
    let result = &f.build(&[&drv])[0];
    assert_eq!(result.status, BuildStatus::AlreadyValid);
    let info = f.store.require_info(&result.outputs["out"]).expect("info");
    assert_eq!(info.references, [source, info.path.clone()].into_iter().collect());
    assert_eq!(info.deriver.as_ref(), Some(&drv));
    assert!(info.ultimate && info.nar_size > 0);
    let meta = out.join("bin/refs").metadata().expect("a file");
    assert_eq!((meta.mode() & 0o7777, meta.mtime(), meta.uid()), (0o444, 1, effective_uid()));
    assert_eq!(f.leftovers(), Vec::<String>::new());
}

#[test]
fn the_environment_is_exact() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[("cores", "3")]);
    let drv = with_env(f.draft("env", "env | sort > $out; pwd >> $out; id -u >> $out"), "custom", "a value");
    let drv = f.write(drv);
    let text = f.read(&drv);
    let out = f.store.print(&f.build(&[&drv])[0].outputs["out"]);
    let mut lines: Vec<&str> = text
        .lines()
        .filter(|l| !l.starts_with("_=") && !l.starts_with("SHLVL=") && !l.starts_with("OLDPWD"))
        .collect();
    let out_line = format!("out={out}");
    let uid = lines.pop();
    assert_eq!((lines.pop(), uid), (Some("/build"), Some("1000")));
    let want = [
        "HOME=/homeless-shelter",
        "NIX_BUILD_CORES=3",
        "NIX_BUILD_TOP=/build",
        "NIX_LOG_FD=2",
        "NIX_STORE=/nix/store",
        "PATH=/bin:/usr/bin",
        "PWD=/build",
        "TEMP=/build",
        "TEMPDIR=/build",
        "TERM=xterm-256color",
        "TMP=/build",
        "TMPDIR=/build",
        "custom=a value",
        "name=env",
        &out_line,
    ];
    lines.sort_unstable();
    assert_eq!(lines, want);
}

#[test]
fn the_sandbox_hides_the_machine() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[]);
    let other = f.text("other", "not an input");
    let script = format!(
        "ls -1 /nix/store > $out; ls -1 / >> $out; cat /etc/passwd /etc/group /etc/hosts >> $out; \
         (cat {} || echo hidden; touch /etc/x || echo locked; cat /proc/net/dev | grep -c :) >> $out 2>/dev/null",
        f.store.print(&other)
    );
    let text = f.read(&f.script("view", &script));
    assert!(text.contains("hidden") && text.contains("locked") && !text.contains("other"), "{text}");
    assert!(text.contains("nixbld:x:1000:100:Nix build user:/build:/noshell\n"), "{text}");
    assert!(text.contains("nixbld:!:100:\n") && text.contains("127.0.0.1 localhost\n"), "{text}");
    assert!(text.ends_with("1\n"), "one network device: {text}");
    assert!(!text.lines().any(|l| ["root", "home", "var", "sys"].contains(&l)), "{text}");
}

#[test]
fn dependencies_are_built_first_and_together() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[("max-jobs", "2")]);
    let base: Vec<_> = (0..4).map(|i| f.script(&format!("base{i}"), &format!("echo {i} > $out"))).collect();
    let paths: Vec<String> = base
        .iter()
        .map(|d| {
            f.store.print(f.store.derivation_outputs(d).expect("outputs")["out"].as_ref().expect("a path"))
        })
        .collect();
    let mut top = f.draft("top", &format!("cat {} > $out", paths.join(" ")));
    for d in &base {
        top = with_input(top, d);
    }
    let top = f.write(top);
    assert_eq!(f.read(&top), "0\n1\n2\n3\n");
    let started = f.pick(|e| match e {
        firn_events::Event::Start { kind: firn_events::ActivityKind::Build, text, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(started.len(), 5);
    assert_eq!(started[4], format!("building '{}'", f.store.print(&top)));
}

#[test]
fn several_outputs_with_files_and_structured_attributes() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[]);
    let drv = with_outputs(
        f.draft("multi", "echo $out > $dev; cat $bigPath > $out; echo ${big-unset} >> $out"),
        &["dev"],
    );
    let drv = with_env(with_env(drv, "big", "contents"), "passAsFile", "big");
    let drv = f.write(drv);
    assert_eq!(f.read(&drv), "contentsunset\n");
    let result = &f.build(&[&drv])[0];
    let dev = f.store.require_info(&result.outputs["dev"]).expect("info");
    assert_eq!(dev.references.iter().collect::<Vec<_>>(), [&result.outputs["out"]]);
    let only: Vec<DerivedPath> = vec![DerivedPath::built(drv, OutputsSpec::one("dev"))];
    let results = f.builder.build(&f.store, &only, BuildMode::Normal, &f.events).expect("results");
    assert_eq!(results[0].outputs.keys().collect::<Vec<_>>(), ["dev"]);

    let script = ". $NIX_ATTRS_SH_FILE; echo \"$(<$NIX_ATTRS_JSON_FILE)\" > ${outputs[out]}; declare -p list >> ${outputs[out]}; echo ${name-none} ${out-none} >> ${outputs[out]}";
    let mut drv = f.draft("attrs", script);
    drv.builder = b"/bin/bash".to_vec();
    drv.env = [(b"__json".to_vec(), br#"{"list":["a b","c"],"name":"attrs","n":1}"#.to_vec())]
        .into_iter()
        .collect();
    let text = f.read(&f.write(drv));
    assert!(
        text.starts_with(r#"{"list":["a b","c"],"n":1,"name":"attrs","outputs":{"out":"/nix/store/"#),
        "{text}"
    );
    assert!(text.contains(r#"[0]="a b" [1]="c""#), "{text}");
}

#[test]
fn graphs_of_references_are_exported() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[]);
    let leaf = f.text("leaf", "leaf");
    let node = f
        .store
        .add_text("node", f.store.print(&leaf).as_bytes(), &[leaf.clone()].into_iter().collect(), false)
        .expect("a text");
    let drv = with_env(
        f.draft("graph", "cat graph > $out"),
        "exportReferencesGraph",
        &format!("graph {}", f.store.print(&node)),
    );
    let drv = f.write(with_source(drv, &node));
    let (leaf, node) = (f.store.print(&leaf), f.store.print(&node));
    let (mut a, mut b) = (format!("{leaf}\n\n0\n"), format!("{node}\n\n1\n{leaf}\n"));
    if node < leaf {
        std::mem::swap(&mut a, &mut b);
    }
    assert_eq!(f.read(&drv), format!("{a}{b}"));
    let outside = f.text("outside", "no input");
    let drv = with_env(
        f.draft("bad", "true"),
        "exportReferencesGraph",
        &format!("graph {}", f.store.print(&outside)),
    );
    assert!(f.build_err(&f.write(drv)).contains("is not in the input closure of the derivation"));
}

#[test]
fn fixed_outputs_are_checked() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[]);
    let hash = Hash::of(Algo::Sha256, b"hello\n");
    let good = f.write(fixed(
        f.draft("good", "echo hello > $out; echo $NIX_OUTPUT_CHECKED"),
        ContentMethod::Flat,
        hash,
    ));
    assert_eq!(f.read(&good), "hello\n");
    assert_eq!(f.log_lines(), ["1"]);
    let wrong = f.draft("wrong", "echo other > $out");
    let wrong = f.write(with_env(fixed(wrong, ContentMethod::Flat, hash), "url", "http://example.org/x"));
    let got = Hash::of(Algo::Sha256, b"other\n");
    assert_eq!(
        f.build_err(&wrong),
        format!(
            "hash mismatch in fixed-output derivation '{}':\n  specified: {}\n     got:    {}\n  url:       http://example.org/x",
            f.store.print(&wrong),
            hash.sri(),
            got.sri()
        )
    );
    assert_eq!(f.builder.exit_code(), 102);
    // the wrong result is kept, so that correcting the hash needs no other build
    let right = f.write(fixed(f.draft("wrong", "exit 1"), ContentMethod::Flat, got));
    assert_eq!(f.build(&[&right])[0].status, BuildStatus::AlreadyValid);
    let folder = f.write(fixed(f.draft("folder", "mkdir $out"), ContentMethod::Flat, hash));
    assert!(f.build_err(&folder).contains("should be a non-executable regular file"));
    let (_, tree) = (f.script("t", "true"), f.draft("tree", "mkdir $out; echo hello > $out/f"));
    let reference =
        f.store.real(&f.build(&[&f.script("plain", "mkdir $out; echo hello > $out/f")])[0].outputs["out"]);
    let (hash, _) = firn_source::hash_path(&reference, Algo::Sha256).expect("a hash");
    let tree = f.write(fixed(tree, ContentMethod::NixArchive, hash));
    assert!(f.build_ok(&tree).join("f").is_file());
}

#[test]
fn failures_are_told_as_the_reference_tells_them() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[("log-lines", "2"), ("experimental-features", "nix-command")]);
    let fail = f.script("fail", "echo one; echo two; echo three; exit 3");
    let out = f.store.derivation_outputs(&fail).expect("outputs")["out"].clone().expect("a path");
    let (drv, out) = (f.store.print(&fail), f.store.print(&out));
    let want = format!(
        "Cannot build '{drv}'.\nReason: builder failed with exit code 3.\nOutput paths:\n  {out}\n\
         Last 2 log lines:\n> two\n> three\nFor full logs, run:\n  nix log {drv}"
    );
    assert_eq!(f.build_err(&fail), want);
    assert_eq!(f.builder.exit_code(), 100);
    let log = f.store.build_log(&fail).expect("a log").expect("a log");
    assert_eq!(String::from_utf8_lossy(&log), "one\ntwo\nthree\n");
    let above = f.write(with_input(f.draft("above", "true"), &fail));
    assert!(f.build_err(&above).contains("Reason: 1 dependency failed."));
    let indented = want.replace('\n', "\n       ");
    assert!(f.messages().contains(&format!("error: {indented}")), "{:?}", f.messages());
    let killed = f.build_err(&f.script("killed", "sh -c 'kill -SEGV $$'; exit $(($? - 128))"));
    assert!(killed.contains("failed with exit code 11"), "{killed}");
    let none = f.build_err(&f.script("none", "true"));
    assert!(none.contains("failed to produce output path for output 'out' at \""), "{none}");
    assert_eq!(f.leftovers().iter().filter(|n| !n.ends_with(".lock")).count(), 0);
}

#[test]
fn impossible_derivations_are_refused() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[("system-features", "kvm"), ("extra-platforms", "")]);
    let mut drv = f.draft("plat", "true");
    drv.platform = "arm-linux".into();
    let drv = f.write(with_env(drv, "requiredSystemFeatures", "foo bar"));
    assert_eq!(
        f.build_err(&drv),
        format!(
            "Cannot build '{}'.\nReason: platform mismatch\nRequired system: 'arm-linux'\nCurrent system: '{}'\n\
             Reason: missing system features\nRequired features: {{bar, foo}}\nAvailable features: {{kvm}}",
            f.store.print(&drv),
            f.store.settings().system()
        )
    );
    let none = Fixture::sandboxed(&[("max-jobs", "0")]);
    assert!(none.build_err(&none.script("x", "true")).contains("local builds are disabled (max-jobs = 0)"));
    let chroot = Fixture::sandboxed(&[]);
    let drv = chroot.write(with_env(chroot.draft("x", "true"), "__noChroot", "1"));
    assert!(chroot.build_err(&drv).contains("has '__noChroot' set, but that's not allowed"));
}

#[test]
fn time_and_log_have_limits() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[("timeout", "1")]);
    assert_eq!(
        f.build_err(&f.script("slow", "while :; do echo x; sleep 0.1; done")),
        "timed out after 1 seconds"
    );
    assert_eq!(f.builder.exit_code(), 101);
    let f = Fixture::sandboxed(&[("max-silent-time", "1")]);
    let begin = std::time::Instant::now();
    assert_eq!(f.build_err(&f.script("silent", "echo x; sleep 60")), "timed out after 1 seconds");
    assert!(begin.elapsed().as_secs() < 10);
    let f = Fixture::sandboxed(&[("max-build-log-size", "1000")]);
    let error = f.build_err(&f.script("chatty", "while :; do echo aaaaaaaaaaaaaaaaaaaaa; done"));
    assert!(error.ends_with("killed after writing more than 1000 bytes of log output"), "{error}");
    assert_eq!(f.leftovers().iter().filter(|n| !n.ends_with(".lock")).count(), 0);
}

#[test]
fn building_again_finds_differences() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[]);
    let drv = f.script("nondet", "date +%N > $out");
    let missing = f.build_mode(&[&drv], BuildMode::Check).remove(0).error;
    assert!(missing.contains("so checking is not possible"), "{missing}");
    f.build_ok(&drv);
    let result = f.build_mode(&[&drv], BuildMode::Check).remove(0);
    assert_eq!(result.status, BuildStatus::NotDeterministic);
    assert!(
        result.error.contains("may not be deterministic: output \"") && result.error.ends_with("\" differs"),
        "{}",
        result.error
    );
    assert_eq!(f.builder.exit_code(), 104);
    let same = f.script("det", "echo same > $out");
    f.build_ok(&same);
    assert!(f.build_mode(&[&same], BuildMode::Check)[0].status.is_success());
    let keep = Fixture::sandboxed(&[("keep-failed", "true")]);
    let drv = keep.script("nondet", "date +%N > $out");
    let out = keep.build_ok(&drv);
    let error = keep.build_mode(&[&drv], BuildMode::Check).remove(0).error;
    let kept = format!("{}.check", out.display());
    assert!(error.ends_with(&format!("differs from \"{kept}\"")), "{error}");
    assert!(std::fs::metadata(kept).is_ok());
}

#[test]
fn references_can_be_forbidden() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[]);
    let source = f.text("source", "x");
    let path = f.store.print(&source);
    let script = format!("echo {path} > $out");
    let build = |name: &str, value: &str| {
        let drv = with_source(f.draft("checked", &script), &source);
        let drv = f.write(with_env(drv, name, value));
        f.build(&[&drv]).remove(0)
    };
    let failed = build("allowedReferences", "");
    assert!(
        failed.error.ends_with(&format!("is not allowed to refer to the following paths:\n  {path}")),
        "{}",
        failed.error
    );
    assert_eq!(failed.status, BuildStatus::OutputRejected);
    assert!(build("allowedReferences", &path).status.is_success());
    assert!(!build("disallowedReferences", &path).status.is_success());
    assert!(!build("disallowedRequisites", &path).status.is_success());
    assert!(build("allowedRequisites", &format!("out {path}")).status.is_success());
    assert!(build("disallowedReferences", "out").status.is_success());
    assert!(build("allowedReferences", "nosuch").error.contains("is not a valid output of this derivation"));
}

#[test]
fn failed_folders_are_kept_on_request() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[("keep-failed", "true")]);
    f.build_err(&f.script("fail", "echo precious > file; exit 1"));
    let note =
        f.messages().into_iter().find(|m| m.starts_with("note: keeping build directory")).expect("a note");
    let dir = note.split('"').nth(1).expect("a path");
    assert_eq!(std::fs::read_to_string(format!("{dir}/file")).ok().as_deref(), Some("precious\n"));
}

#[test]
fn others_go_on_only_if_asked() {
    need_sandbox!();
    let run = |keep: &str| {
        let f = Fixture::sandboxed(&[("keep-going", keep), ("max-jobs", "1")]);
        let fail = f.script("a-fail", "exit 1");
        let fine = f.script("b-fine", "echo > $out");
        let results = f.build(&[&fail, &fine]);
        (results[1].status.is_success(), firn_build::summarise(f.store.store_dir(), &results))
    };
    assert!(run("true").0);
    let (second, summary) = run("false");
    assert!(!second);
    assert!(summary.is_some_and(|s| s.shown.is_empty() && s.error.contains("a-fail")));
}

#[test]
fn suspicious_outputs_are_rejected() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[]);
    let drv = f.script("open", "mkdir $out; chmod 777 $out");
    assert!(f.build_err(&drv).contains("suspicious ownership or permission on"));
    let drv = f.script("setuid", "touch $out; chmod 4755 $out && echo done; true");
    let out = f.build_ok(&drv);
    assert_eq!(out.metadata().expect("a file").permissions().mode() & 0o7777, 0o444);
    let drv = f.script("pipe", "mkdir $out; mkfifo $out/p");
    assert!(f.build_err(&drv).contains("unsupported type"));
    let (a, b) = (f.script("cycle", "echo > $out"), f.draft("cyc", "echo $dev > $out; echo $out > $dev"));
    let _ = a;
    let cycle = f.build_err(&f.write(with_outputs(b, &["dev"])));
    assert!(cycle.contains("cycle detected in build of"), "{cycle}");
}

#[test]
fn cancelling_ends_builds_soon() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[]);
    let drv = f.script("endless", "echo started; sleep 4243");
    let begin = std::time::Instant::now();
    let cancel = f.cancel.clone();
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while f.log_lines().is_empty() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            cancel.cancel();
        });
        f.build(&[&drv]).remove(0)
    });
    assert!(!result.status.is_success() && begin.elapsed().as_secs() < 20);
    let summary = firn_build::summarise(f.store.store_dir(), &[result]).expect("a failure");
    assert_eq!(summary.error, "interrupted by the user");
}

#[test]
fn content_addressed_outputs_refer_to_themselves() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[
        ("experimental-features", "ca-derivations"),
        ("system-features", "ca-derivations"),
    ]);
    let floating = |name: &str, script: &str| {
        let mut drv = f.draft(name, script);
        let kind = firn_derivation::DerivationOutput::Floating {
            method: ContentMethod::NixArchive,
            algo: Algo::Sha256,
        };
        drv.outputs.insert("out".into(), kind);
        drv.env.insert(b"out".to_vec(), firn_derivation::placeholder("out").into_bytes());
        drv
    };
    let a = f.write(floating("ca", "mkdir $out; echo self $out > $out/f; : one"));
    let b = f.write(floating("ca", "mkdir $out; echo self $out > $out/f; : two"));
    let (a, b) = (f.build(&[&a]).remove(0), f.build(&[&b]).remove(0));
    assert!(a.status.is_success() && b.status.is_success(), "{} {}", a.error, b.error);
    assert_eq!(a.outputs, b.outputs, "equal content, equal path");
    let path = &a.outputs["out"];
    let text = std::fs::read_to_string(f.store.real(path).join("f")).expect("a text");
    assert_eq!(text, format!("self {}\n", f.store.print(path)));
    let info = f.store.require_info(path).expect("info");
    assert!(info.ca.is_some() && info.references.contains(path));
    assert!(info.is_content_addressed(f.store.store_dir()));
}

#[test]
fn a_range_of_ids_makes_the_builder_root_of_its_own() {
    need_sandbox!();
    if effective_uid() != 0 {
        println!("skipped: only root can give away ids");
        return;
    }
    if firn_sys::cgroup::mount_point().is_none() {
        println!("skipped: no version 2 control groups");
        return;
    }
    let f = Fixture::sandboxed(&[
        ("experimental-features", "auto-allocate-uids cgroups"),
        ("auto-allocate-uids", "true"),
        ("system-features", "uid-range"),
    ]);
    let script = "id -u > $out; touch /new /etc/new; chown 5:6 /new && stat -c %u:%g /new >> $out; cat /proc/self/cgroup | grep 0:: >> $out; ls -d /sys/kernel >> $out; cut -c1-10 /proc/self/uid_map | wc -l >> $out";
    let drv = f.write(with_env(f.draft("range", script), "requiredSystemFeatures", "uid-range"));
    let result = f.build(&[&drv]).remove(0);
    assert!(result.status.is_success(), "{}", result.error);
    let text = std::fs::read_to_string(f.store.real(&result.outputs["out"])).expect("a text");
    assert_eq!(text, "0\n5:6\n0::/\n/sys/kernel\n1\n");
    assert!(result.cpu_user.is_some() && result.cpu_system.is_some());
    let plain = f.write(with_env(f.draft("plain", "id -u > $out"), "x", "1"));
    assert_eq!(f.read(&plain), "1000\n");
}

#[test]
fn nothing_is_left_for_the_next_build() {
    need_sandbox!();
    let f = Fixture::sandboxed(&[("max-jobs", "1"), ("keep-going", "true")]);
    let (one, two) = (f.text("one", "1"), f.text("two", "2"));
    let junk = "mkdir -p /nix/store/0123456789abcdfghijklmnpqrsvwxyz-junk/x; echo > /nix/store/loose; mkdir -p /tmp/a/b; chmod 0 /tmp/a; ln -s x /nix/store/link; ";
    let look = "(ls -1 /nix/store; ls -1 /tmp; echo end) > $out";
    let first = f.write(with_source(with_source(f.draft("a", &format!("{junk}{look}")), &one), &two));
    let failed = f.script("b", &format!("{junk} echo x > $out; exit 1"));
    let last = f.write(with_source(f.draft("c", look), &two));
    let results = f.build(&[&first, &failed, &last]);
    let text = std::fs::read_to_string(f.store.real(&results[2].outputs["out"])).expect("a text");
    let own = results[2].outputs["out"].base_name();
    let mut want = vec![two.base_name(), own];
    want.sort_unstable();
    want.push("end");
    assert_eq!(text.lines().collect::<Vec<_>>(), want);
    assert_eq!(f.leftovers().iter().filter(|n| !n.ends_with(".lock")).count(), 0, "{:?}", f.leftovers());
}
