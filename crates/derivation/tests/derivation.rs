//! Derivations: bytes, hashes and paths as Nix has them, and what is refused.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::process::Command;

use firn_derivation::options::{DerivationOptions, DrvRef, OutputChecksSpec};
use firn_derivation::structured::{dump, format_float, write_shell};
use firn_derivation::{
    Derivation, DerivationError, DerivationOutput, DerivationType, HashModulo, InputNode, Scratch, aterm,
    json, placeholder,
};
use firn_hash::{Algo, Hash};
use firn_path::{ContentAddress, ContentMethod, SingleDerivedPath, StoreDir, StorePath};
use proptest::prelude::*;
use serde_json::{Value, json};

const MAIN: &str = r#"Derive([("dev","/nix/store/2ljs5ah28c9q5px4y7q2awpjl07j1d1z-main-dev","",""),("out","/nix/store/wv4wg1y43fr8m0h0ffq97idpd33xi2rc-main","","")],[("/nix/store/25mspk1r8f4zwvxpr8avv3gichac0i2z-fod.drv",["out"]),("/nix/store/8wr6mlm54xnvpaacj90krq52c10q6mmv-dep.drv",["out"])],["/nix/store/4g4g9i669dl63abpww0djbl2jxl6bwiz-x"],"x86_64-linux","/bin/sh",[],[("builder","/bin/sh"),("dep","/nix/store/dqh9lqb3abv90ziv5mf2hxrbvf2ibihw-dep"),("dev","/nix/store/2ljs5ah28c9q5px4y7q2awpjl07j1d1z-main-dev"),("fod","/nix/store/4yfk9q43irhw1r79i1pvbva1zd0677j1-fod"),("name","main"),("out","/nix/store/wv4wg1y43fr8m0h0ffq97idpd33xi2rc-main"),("outputs","out dev"),("q","a\"b\\c\n\r\tü$"),("src","/nix/store/4g4g9i669dl63abpww0djbl2jxl6bwiz-x"),("system","x86_64-linux")])"#;

fn drv(name: &str, env: &[(&str, &str)]) -> Derivation {
    let mut drv = Derivation {
        name: name.to_owned(),
        platform: "x86_64-linux".to_owned(),
        builder: b"/bin/sh".to_vec(),
        ..Derivation::default()
    };
    for (key, value) in [("builder", "/bin/sh"), ("name", name), ("system", "x86_64-linux")].iter().chain(env)
    {
        drv.env.insert(key.as_bytes().to_vec(), value.as_bytes().to_vec());
    }
    drv
}

fn with_outputs(mut drv: Derivation, outputs: &[&str]) -> Derivation {
    for output in outputs {
        drv.outputs.insert((*output).to_owned(), DerivationOutput::Deferred);
        drv.env.insert(output.as_bytes().to_vec(), Vec::new());
    }
    drv
}

/// What a store does for the derivations within: remembers their hashes.
#[derive(Default)]
struct Memo(HashMap<StorePath, HashModulo>, Scratch);

impl Memo {
    fn instantiate(&mut self, drv: &mut Derivation) -> Result<StorePath, DerivationError> {
        let Memo(hashes, scratch) = self;
        let lookup = |path: &StorePath| -> Result<HashModulo, DerivationError> {
            hashes.get(path).cloned().ok_or_else(|| DerivationError::UnknownInput(path.to_string()))
        };
        let made = drv.instantiate(&StoreDir::default(), scratch, lookup)?;
        hashes.insert(made.path.clone(), made.modulo);
        Ok(made.path)
    }
}

fn path(text: &str) -> StorePath {
    text.parse().unwrap()
}

#[test]
fn a_small_graph_is_that_of_nix() {
    let mut memo = Memo::default();
    let mut dep = with_outputs(drv("dep", &[]), &["out"]);
    dep.args = vec![b"-c".to_vec(), b"echo hi > $out".to_vec()];
    let dep_path = memo.instantiate(&mut dep).unwrap();
    assert_eq!(dep_path.base_name(), "8wr6mlm54xnvpaacj90krq52c10q6mmv-dep.drv");

    let sri = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let mut fod = drv("fod", &[("outputHash", sri), ("outputHashMode", "flat"), ("out", "")]);
    let ca = ContentAddress { method: ContentMethod::Flat, hash: Hash::parse_sri(sri).unwrap() };
    fod.outputs.insert("out".to_owned(), DerivationOutput::Fixed(ca));
    let fod_path = memo.instantiate(&mut fod).unwrap();
    assert_eq!(fod_path.base_name(), "25mspk1r8f4zwvxpr8avv3gichac0i2z-fod.drv");
    assert_eq!(
        fod.derivation_type().unwrap(),
        DerivationType::ContentAddressed { sandboxed: false, fixed: true }
    );

    let mut main = with_outputs(
        drv(
            "main",
            &[
                ("dep", "/nix/store/dqh9lqb3abv90ziv5mf2hxrbvf2ibihw-dep"),
                ("fod", "/nix/store/4yfk9q43irhw1r79i1pvbva1zd0677j1-fod"),
                ("src", "/nix/store/4g4g9i669dl63abpww0djbl2jxl6bwiz-x"),
                ("outputs", "out dev"),
                ("q", "a\"b\\c\n\r\tü$"),
            ],
        ),
        &["out", "dev"],
    );
    main.input_drvs.insert(dep_path, InputNode::from_outputs(["out"]));
    main.input_drvs.insert(fod_path, InputNode::from_outputs(["out"]));
    main.input_srcs.insert(path("4g4g9i669dl63abpww0djbl2jxl6bwiz-x"));
    let main_path = memo.instantiate(&mut main).unwrap();
    assert_eq!(main_path.base_name(), "nm9chnv8vcqg1hfqarn5gxdd1p7bc0fw-main.drv");
    assert_eq!(String::from_utf8_lossy(memo.1.text()), MAIN);
    assert_eq!(aterm::parse(&StoreDir::default(), MAIN.as_bytes(), "main").unwrap(), main);
    assert_eq!(main.references().count(), 3);
    assert!(main.experimental_features().is_empty());

    // what was filled in passes the check, also for a second time
    let Memo(hashes, scratch) = &mut memo;
    let mut lookup = |path: &StorePath| -> Result<HashModulo, DerivationError> { Ok(hashes[path].clone()) };
    let dir = StoreDir::default();
    let filled = main.check_invariants(&main_path, &dir, scratch, &mut lookup).unwrap();
    assert!(filled.warnings.is_empty());
    let mut again = main.clone();
    again.fill_output_paths(&dir, scratch, &mut lookup).unwrap();
    assert_eq!(again, main);
    again.env.insert(b"out".to_vec(), b"/elsewhere".to_vec());
    assert_eq!(
        again.check_invariants(&main_path, &dir, scratch, &mut lookup).unwrap_err().to_string(),
        "derivation has incorrect environment variable 'out', should be '/nix/store/wv4wg1y43fr8m0h0ffq97idpd33xi2rc-main' but is actually '/elsewhere'"
    );
    let mut renamed = main.clone();
    renamed.name = "other".to_owned();
    assert!(renamed.check_invariants(&main_path, &dir, scratch, &mut lookup).is_err());
    let mut moved = main.clone();
    moved.outputs.insert(
        "out".to_owned(),
        DerivationOutput::InputAddressed(path("4g4g9i669dl63abpww0djbl2jxl6bwiz-x")),
    );
    assert!(matches!(
        moved.fill_output_paths(&dir, scratch, &mut lookup),
        Err(DerivationError::IncorrectOutput { .. })
    ));
}

#[test]
fn how_fixed_content_is_fetched_does_not_matter() {
    let ca = ContentAddress { method: ContentMethod::NixArchive, hash: Hash::of(Algo::Sha256, b"x") };
    let mut outs = Vec::new();
    for mirror in ["http://one", "http://two"] {
        let mut memo = Memo::default();
        let mut source = drv("source", &[("url", mirror)]);
        source.outputs.insert("out".to_owned(), DerivationOutput::Fixed(ca));
        let source_path = memo.instantiate(&mut source).unwrap();
        let mut user = with_outputs(drv("user", &[]), &["out"]);
        user.input_drvs.insert(source_path, InputNode::from_outputs(["out"]));
        let user_path = memo.instantiate(&mut user).unwrap();
        outs.push((user_path, user.outputs["out"].clone()));
    }
    assert_ne!(outs[0].0, outs[1].0);
    assert_eq!(outs[0].1, outs[1].1);
}

#[test]
fn content_addressed_inputs_defer_and_resolve() {
    let dir = StoreDir::default();
    let mut memo = Memo::default();
    let mut ca = drv(
        "ca",
        &[
            ("outputHashAlgo", "sha256"),
            ("outputHashMode", "recursive"),
            ("outputs", "out dev"),
            ("out", &placeholder("out")),
            ("dev", &placeholder("dev")),
        ],
    );
    for output in ["out", "dev"] {
        let floating = DerivationOutput::Floating { method: ContentMethod::NixArchive, algo: Algo::Sha256 };
        ca.outputs.insert(output.to_owned(), floating);
    }
    let ca_path = memo.instantiate(&mut ca).unwrap();
    assert_eq!(ca_path.base_name(), "809hd68vvfpi7cnll3ilvwg5qng30ymh-ca.drv");
    assert!(ca.experimental_features().contains("ca-derivations"));

    let upstream = placeholder::upstream(&ca_path, "out").unwrap();
    assert_eq!(upstream, "/0175br9dnq4yrfgdm65nfy660im9l7d7swg83l51hkjl9ib1pb9g");
    let mut user = with_outputs(
        Derivation { platform: "x".to_owned(), builder: b"/b".to_vec(), ..drv("user", &[("d", &upstream)]) },
        &["out"],
    );
    user.env.insert(b"builder".to_vec(), b"/b".to_vec());
    user.env.insert(b"system".to_vec(), b"x".to_vec());
    user.input_drvs.insert(ca_path.clone(), InputNode::from_outputs(["out"]));
    let user_path = memo.instantiate(&mut user).unwrap();
    assert_eq!(user_path.base_name(), "1aw42bli0y2n4lx6k5rfcjk2k4fwq9c0-user.drv");
    assert_eq!(user.outputs["out"], DerivationOutput::Deferred);
    assert_eq!(memo.0[&user_path], HashModulo::Deferred);

    assert!(user.should_resolve(true).unwrap());
    let built = path("4g4g9i669dl63abpww0djbl2jxl6bwiz-ca");
    let resolved = user
        .resolve(&dir, true, |drv, output| {
            assert_eq!((drv, output), (&SingleDerivedPath::Opaque(ca_path.clone()), "out"));
            Some(built.clone())
        })
        .unwrap()
        .unwrap();
    assert_eq!(resolved.env_get("d").unwrap(), dir.print(&built).as_bytes());
    assert_eq!(resolved.input_srcs, [built].into());
    assert!(resolved.input_drvs.is_empty());
    assert!(matches!(resolved.outputs["out"], DerivationOutput::InputAddressed(_)));
    assert!(user.resolve(&dir, true, |_, _| None).unwrap().is_none());
}

#[test]
fn dynamic_inputs_have_their_own_form() {
    let dir = StoreDir::default();
    let text = br#"DrvWithVersion("xp-dyn-drv",[("out","","","")],[("/nix/store/809hd68vvfpi7cnll3ilvwg5qng30ymh-ca.drv",(["dev"],[("out",["bin","doc"])]))],[],"x","/b",[],[])"#;
    let parsed = aterm::parse(&dir, text, "user").unwrap();
    assert!(parsed.has_dynamic_inputs());
    assert_eq!(parsed.inputs().len(), 3);
    let mut printed = Vec::new();
    aterm::print(&parsed, &dir, &mut printed).unwrap();
    assert_eq!(printed, text);
    let value = parsed.to_json().unwrap();
    assert_eq!(
        value["inputs"]["drvs"]["809hd68vvfpi7cnll3ilvwg5qng30ymh-ca.drv"],
        json!({"dynamicOutputs": {"out": {"dynamicOutputs": {}, "outputs": ["bin", "doc"]}}, "outputs": ["dev"]})
    );
    assert_eq!(Derivation::from_json(&value, &dir).unwrap(), parsed);
    let mut memo = Memo::default();
    let mut copy = parsed.clone();
    memo.instantiate(&mut copy).unwrap();
    assert_eq!(copy.outputs["out"], DerivationOutput::Deferred);
}

#[test]
fn nix_computes_the_same_paths() {
    let expressions = [
        (r#"derivation { name = "a"; system = "x"; builder = "/b"; }"#, "a", &[][..], &["out"][..]),
        (
            r#"derivation { name = "b"; system = "x"; builder = "/b"; outputs = [ "lib" "out" "man" ]; k = "v\n"; }"#,
            "b",
            &[("outputs", "lib out man"), ("k", "v\n")],
            &["lib", "out", "man"],
        ),
    ];
    for (expression, name, env, outputs) in expressions {
        let output = Command::new("nix-instantiate")
            .args(["--readonly-mode", "--eval", "--strict", "--json", "-E"])
            .arg(format!("let d = {expression}; in [ d.drvPath d.outPath ]"))
            .output();
        let Ok(output) = output else {
            println!("skipped: there is no nix-instantiate");
            return;
        };
        let Ok(Value::Array(expected)) = serde_json::from_slice::<Value>(&output.stdout) else {
            println!("skipped: nix-instantiate failed");
            return;
        };
        let mut own = with_outputs(drv(name, env), outputs);
        own.platform = "x".to_owned();
        own.builder = b"/b".to_vec();
        own.env.insert(b"builder".to_vec(), b"/b".to_vec());
        own.env.insert(b"system".to_vec(), b"x".to_vec());
        let dir = StoreDir::default();
        assert_eq!(dir.print(&Memo::default().instantiate(&mut own).unwrap()), expected[0]);
        assert_eq!(own.env_get(outputs[0]).unwrap(), expected[1].as_str().unwrap().as_bytes());
    }
}

#[test]
fn malformed_derivations_are_refused() {
    let dir = StoreDir::default();
    let error = |text: &str| aterm::parse(&dir, text.as_bytes(), "x").unwrap_err().to_string();
    let p = "/nix/store/809hd68vvfpi7cnll3ilvwg5qng30ymh-x";
    assert_eq!(error(""), "derivation does not start with 'Derive' or 'DrvWithVersion'");
    assert_eq!(error("Derive["), "expected string 'Derive('");
    assert_eq!(error("Derive([(\"out"), "unterminated string in derivation");
    assert_eq!(error("DrvWithVersion(\"2\",[])"), "Unknown derivation ATerm format version '2'");
    let with_output = |fields: &str| error(&format!("Derive([(\"out\",{fields})],[],[],\"\",\"\",[],[])"));
    assert_eq!(
        with_output(&format!("\"{p}\",\"sha256\",\"impure\"")),
        "impure derivation output should not specify output path"
    );
    assert_eq!(
        with_output(&format!("\"{p}\",\"sha256\",\"\"")),
        "content-addressing derivation output should not specify output path"
    );
    assert_eq!(
        with_output(&format!("\"{p}\",\"sha256\",\"{}\"", "0".repeat(64))),
        format!("derivation output 'out' has path '{p}', which does not match its content address")
    );
    assert_eq!(with_output("\"/etc\",\"\",\"\""), "path '/etc' is not in the Nix store");
    let with_input = |node: &str| error(&format!("Derive([],[(\"{p}.drv\",{node})],[],\"\",\"\",[],[])"));
    assert_eq!(with_input("[]"), format!("inputDrvs entry for '{p}.drv' specifies no outputs"));
    assert_eq!(with_input("([],[])"), "expected string '['");
    assert_eq!(
        error("Derive([],[],[],\"\",\"\",[],[])\n"),
        "unexpected text after the end of the derivation"
    );
    let deep = format!("DrvWithVersion(\"xp-dyn-drv\",[],[(\"{p}.drv\",{})", "([],[(\"o\",".repeat(100_000));
    assert_eq!(error(&deep), "inputs of the derivation are nested too deeply");
    for end in 0..MAIN.len() {
        assert!(aterm::parse(&dir, &MAIN.as_bytes()[..end], "main").is_err());
    }
}

#[test]
fn outputs_of_different_kinds_do_not_mix() {
    let kind = |outputs: &[(&str, DerivationOutput)]| {
        let mut drv = Derivation::default();
        drv.outputs.extend(outputs.iter().map(|(name, output)| ((*name).to_owned(), output.clone())));
        drv.derivation_type().map_err(|error| error.to_string())
    };
    let fixed = DerivationOutput::Fixed(ContentAddress {
        method: ContentMethod::Flat,
        hash: Hash::of(Algo::Md5, b""),
    });
    let floating = |algo| DerivationOutput::Floating { method: ContentMethod::Flat, algo };
    assert_eq!(kind(&[]).unwrap_err(), "must have at least one output");
    assert_eq!(
        kind(&[("a", DerivationOutput::Deferred), ("b", fixed.clone())]).unwrap_err(),
        "can't mix derivation output types"
    );
    assert_eq!(kind(&[("a", fixed.clone())]).unwrap_err(), "single fixed output must be named \"out\"");
    assert_eq!(
        kind(&[("out", fixed.clone()), ("x", fixed)]).unwrap_err(),
        "only one fixed output is allowed for now"
    );
    assert_eq!(
        kind(&[("a", floating(Algo::Md5)), ("b", floating(Algo::Sha1))]).unwrap_err(),
        "all floating outputs must use the same hash algorithm"
    );
    let impure = DerivationOutput::Impure { method: ContentMethod::Flat, algo: Algo::Md5 };
    assert!(kind(&[("a", impure)]).unwrap().is_impure());
}

#[test]
fn json_is_that_of_nix() {
    let dir = StoreDir::default();
    let main = aterm::parse(&dir, MAIN.as_bytes(), "main").unwrap();
    let own = path("nm9chnv8vcqg1hfqarn5gxdd1p7bc0fw-main.drv");
    let shown = json::show([(&own, &main)]).unwrap();
    assert_eq!(
        dump(&shown),
        r#"{"derivations":{"nm9chnv8vcqg1hfqarn5gxdd1p7bc0fw-main.drv":{"args":[],"builder":"/bin/sh","env":{"builder":"/bin/sh","dep":"/nix/store/dqh9lqb3abv90ziv5mf2hxrbvf2ibihw-dep","dev":"/nix/store/2ljs5ah28c9q5px4y7q2awpjl07j1d1z-main-dev","fod":"/nix/store/4yfk9q43irhw1r79i1pvbva1zd0677j1-fod","name":"main","out":"/nix/store/wv4wg1y43fr8m0h0ffq97idpd33xi2rc-main","outputs":"out dev","q":"a\"b\\c\n\r\tü$","src":"/nix/store/4g4g9i669dl63abpww0djbl2jxl6bwiz-x","system":"x86_64-linux"},"inputs":{"drvs":{"25mspk1r8f4zwvxpr8avv3gichac0i2z-fod.drv":{"dynamicOutputs":{},"outputs":["out"]},"8wr6mlm54xnvpaacj90krq52c10q6mmv-dep.drv":{"dynamicOutputs":{},"outputs":["out"]}},"srcs":["4g4g9i669dl63abpww0djbl2jxl6bwiz-x"]},"name":"main","outputs":{"dev":{"path":"2ljs5ah28c9q5px4y7q2awpjl07j1d1z-main-dev"},"out":{"path":"wv4wg1y43fr8m0h0ffq97idpd33xi2rc-main"}},"system":"x86_64-linux","version":4}},"version":4}"#
    );
    assert_eq!(Derivation::from_json(&main.to_json().unwrap(), &dir).unwrap(), main);
    let mut legacy = main.to_legacy_json(&dir).unwrap();
    let keys: Vec<&String> = legacy.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["outputs", "inputSrcs", "inputDrvs", "system", "builder", "args", "env"]);
    assert_eq!(legacy["inputDrvs"]["/nix/store/8wr6mlm54xnvpaacj90krq52c10q6mmv-dep.drv"], json!(["out"]));
    legacy["name"] = Value::from("main");
    assert_eq!(Derivation::from_json(&legacy, &dir).unwrap(), main);
}

#[test]
fn json_of_other_shapes_is_refused() {
    let dir = StoreDir::default();
    let main = aterm::parse(&dir, MAIN.as_bytes(), "main").unwrap().to_json().unwrap();
    let error = |change: &dyn Fn(&mut Value)| {
        let mut changed = main.clone();
        change(&mut changed);
        let error = Derivation::from_json(&changed, &dir).unwrap_err();
        (error.to_string(), error.traces().to_vec())
    };
    assert_eq!(
        error(&|json| json["version"] = 5.into()).0,
        "Unsupported derivation JSON format version 5, only format version 4 is currently supported."
    );
    let (text, traces) = error(&|json| json["env"]["x"] = 1.into());
    assert_eq!(text, "Expected JSON value to be of type 'string' but it is of type 'number': 1");
    assert_eq!(traces, ["while reading key 'env'"]);
    let (text, traces) = error(&|json| json["inputs"]["drvs"] = json!({"x": 1}));
    assert_eq!(text, "'x' is too short to be a valid store path");
    assert!(traces.is_empty());
    let (text, _) = error(&|json| json["outputs"]["out"] = json!({"path": "x", "hash": "y"}));
    assert_eq!(text, "invalid JSON for derivation output");
    assert!(error(&|json| json["name"] = "a/b".into()).0.contains("illegal character"));
    assert!(error(&|json| *json = json!([])).0.starts_with("Expected JSON value to be of type 'object'"));
}

#[test]
fn options_come_from_the_environment() {
    let dir = StoreDir::default();
    let p = "/nix/store/4g4g9i669dl63abpww0djbl2jxl6bwiz-x";
    let drv = drv(
        "x",
        &[
            ("allowedReferences", &format!("out {p}")),
            ("disallowedRequisites", ""),
            ("passAsFile", " a\n b "),
            ("exportReferencesGraph", &format!("graph {p}/bin")),
            ("requiredSystemFeatures", "kvm big-parallel"),
            ("impureEnvVars", "http_proxy"),
            ("preferLocalBuild", "1"),
            ("allowSubstitutes", ""),
            ("__noChroot", "true"),
        ],
    );
    let mut warnings = Vec::new();
    let options = DerivationOptions::parse(&drv, &dir, false, &mut warnings).unwrap();
    assert!(warnings.is_empty());
    let OutputChecksSpec::ForAllOutputs(checks) = &options.output_checks else { panic!() };
    assert!(checks.ignore_self_refs);
    let own = SingleDerivedPath::Opaque(path("4g4g9i669dl63abpww0djbl2jxl6bwiz-x"));
    let expected = [DrvRef::Output("out".to_owned()), DrvRef::Path(own.clone())];
    assert_eq!(checks.allowed_references, Some(expected.into()));
    assert_eq!(checks.allowed_requisites, None);
    assert_eq!(options.pass_as_file, ["a".to_owned(), "b".to_owned()].into());
    assert_eq!(options.export_references_graph["graph"], [own].into());
    assert!(options.required_system_features.contains("kvm"));
    assert!(options.prefer_local_build && !options.allow_substitutes && !options.no_chroot);
    assert_eq!(options.resolve(|_, _| None), Some(options.clone()));

    let error = |env: &[(&str, &str)]| {
        let drv = self::drv("x", env);
        DerivationOptions::parse(&drv, &dir, false, &mut Vec::new()).unwrap_err().to_string()
    };
    assert_eq!(
        error(&[("exportReferencesGraph", "a b c")]),
        "odd number of tokens in 'exportReferencesGraph': 'a b c'"
    );
    assert_eq!(
        error(&[("exportReferencesGraph", "a/b c")]),
        "invalid file name 'a/b' in 'exportReferencesGraph'"
    );
    assert_eq!(error(&[("exportReferencesGraph", "a /c")]), "path '/c' is not in the Nix store");
}

#[test]
fn options_come_from_structured_attributes() {
    let dir = StoreDir::default();
    let attrs = json!({
        "outputChecks": {"out": {"maxSize": 5, "allowedReferences": ["dev"]}},
        "unsafeDiscardReferences": {"out": true},
        "requiredSystemFeatures": ["kvm"],
        "allowSubstitutes": false,
        "maxSize": 3,
        "exportReferencesGraph": {"g": ["/nix/store/4g4g9i669dl63abpww0djbl2jxl6bwiz-x", [["/nix/store/4g4g9i669dl63abpww0djbl2jxl6bwiz-x/y"]]]},
    });
    let mut drv = drv("x", &[("__json", &attrs.to_string()), ("preferLocalBuild", "1")]);
    let mut warnings = Vec::new();
    let options = DerivationOptions::parse(&drv, &dir, false, &mut warnings).unwrap();
    assert_eq!(
        warnings,
        [
            "'structuredAttrs' disables the effect of the top-level attribute 'maxSize'; use 'outputChecks' instead"
        ]
    );
    let checks = options.output_checks.of("out").unwrap();
    assert_eq!((checks.max_size, checks.ignore_self_refs), (Some(5), false));
    assert!(options.output_checks.of("dev").is_none());
    assert!(options.unsafe_discard_references["out"] && !options.allow_substitutes);
    assert!(!options.prefer_local_build, "the environment does not count");
    assert_eq!(options.export_references_graph["g"].len(), 1);

    drv.env.insert(b"__json".to_vec(), br#"{"preferLocalBuild": "yes"}"#.to_vec());
    let error = DerivationOptions::parse(&drv, &dir, false, &mut warnings).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Expected JSON value to be of type 'boolean' but it is of type 'string': \"yes\""
    );
    assert_eq!(error.traces(), ["while parsing attribute \"preferLocalBuild\""]);
    drv.env.insert(b"__json".to_vec(), b"{".to_vec());
    assert!(DerivationOptions::parse(&drv, &dir, false, &mut warnings).is_err());
}

#[test]
fn structured_attributes_reach_the_builder() {
    let drv = with_outputs(
        drv(
            "x",
            &[(
                "__json",
                r#"{"s":"it's","n":3,"f":2.5,"w":4.0,"t":true,"u":false,"z":null,"l":[1,"a"],"m":{"b":"c","a":1},"deep":[[1]],"no-name":1,"9":1}"#,
            )],
        ),
        &["out"],
    );
    let attrs = drv.structured_attrs().unwrap().unwrap();
    let graphs = [("graph".to_owned(), json!([]))].into();
    let all = drv.builder_attrs(&attrs, graphs);
    assert_eq!(all["outputs"]["out"], Value::from(placeholder("out")));
    let mut shell = write_shell(&attrs);
    assert_eq!(
        shell,
        "declare -a l=(1 'a' )\ndeclare -A m=(['a']=1 ['b']='c' )\ndeclare n=3\ndeclare s='it'\\''s'\ndeclare t=1\ndeclare u=\ndeclare w=4\ndeclare z=''\n"
    );
    shell.clear();
    let json = drv.to_json().unwrap();
    assert!(json["env"].get("__json").is_none());
    assert_eq!(dump(&json["structuredAttrs"]["m"]), r#"{"a":1,"b":"c"}"#);
}

#[test]
fn floats_are_written_as_the_reference_does() {
    for (float, text) in [
        (1.0, "1.0"),
        (-2.5, "-2.5"),
        (0.0, "0.0"),
        (1e14, "100000000000000.0"),
        (1e15, "1e+15"),
        (123456.789, "123456.789"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1.5e-7, "1.5e-07"),
        (1e100, "1e+100"),
        (f64::NAN, "null"),
    ] {
        assert_eq!(format_float(float), text);
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\\n\r\tnrt"[..])], 0..20)
}

fn derivations() -> impl Strategy<Value = Derivation> {
    let store_path = "[0-9a-df-np-sv-z]{32}-[a-z]{1,8}";
    let output = prop_oneof![
        Just(DerivationOutput::Deferred),
        store_path.prop_map(|text| DerivationOutput::InputAddressed(text.parse().unwrap())),
        Just(DerivationOutput::Floating { method: ContentMethod::Git, algo: Algo::Sha1 }),
        Just(DerivationOutput::Impure { method: ContentMethod::Text, algo: Algo::Sha256 }),
        any::<[u8; 32]>().prop_map(|digest| DerivationOutput::Fixed(ContentAddress {
            method: ContentMethod::NixArchive,
            hash: Hash::from_bytes(Algo::Sha256, &digest).unwrap(),
        })),
    ];
    let names = proptest::collection::btree_set("[a-z]{1,6}", 1..3);
    let node = names.clone().prop_map(InputNode::from_outputs);
    let node = (node.clone(), proptest::collection::btree_map("[a-z]{1,6}", node, 0..2))
        .prop_map(|(node, dynamic)| InputNode { dynamic, ..node });
    (
        proptest::collection::btree_map("[a-z]{1,6}", output, 0..3),
        proptest::collection::vec((store_path, node), 0..3),
        proptest::collection::vec(store_path, 0..3),
        proptest::collection::vec(bytes(), 0..3),
        proptest::collection::btree_map(bytes(), bytes(), 0..4),
        bytes(),
    )
        .prop_map(|(outputs, drvs, srcs, args, env, builder)| Derivation {
            name: "name".to_owned(),
            outputs,
            input_drvs: drvs
                .into_iter()
                .map(|(drv, node)| (format!("{drv}.drv").parse().unwrap(), node))
                .collect(),
            input_srcs: srcs.into_iter().map(|src| src.parse().unwrap()).collect(),
            platform: "x86_64-linux".to_owned(),
            builder,
            args,
            env,
        })
}

proptest! {
    #[test]
    fn derivations_come_back(drv in derivations()) {
        let dir = StoreDir::default();
        let mut text = Vec::new();
        aterm::print(&drv, &dir, &mut text).unwrap();
        prop_assert_eq!(&aterm::parse(&dir, &text, "name").unwrap(), &drv);
        if let Ok(json) = drv.to_json() {
            prop_assert_eq!(&Derivation::from_json(&json, &dir).unwrap(), &drv);
        }
        let _ = drv.derivation_type();
    }

    #[test]
    fn damaged_derivations_never_panic(
        at in 0..MAIN.len(), byte in any::<u8>(), cut in 0..40usize,
    ) {
        let mut text = MAIN.as_bytes().to_vec();
        text[at] = byte;
        text.drain(at..(at + cut).min(MAIN.len()));
        let _ = aterm::parse(&StoreDir::default(), &text, "main");
    }
}
