//! Store paths: names, computation, derived paths, scanning; against fixed values and the host's `nix-store`.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::Command;

use firn_hash::{Algo, Hash};
use firn_path::scan::{HashRewriter, ReferenceScanner};
use firn_path::{
    ContentAddress, ContentMethod, DerivedPath, ExtendedOutputsSpec, FileMethod, OutputsSpec, References,
    SingleDerivedPath, StoreDir, StorePath, StorePathSet, check_name, output_path_name,
};
use proptest::prelude::*;

const HASH: &str = "g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q";

fn path(name: &str) -> StorePath {
    format!("{HASH}-{name}").parse().unwrap()
}

#[test]
fn names_are_checked_as_the_reference_does() {
    for good in ["x", "a-b.c_d?e=f+g", ".x", "..x", "...", ".x-y", "-", &"x".repeat(211)] {
        check_name(good).unwrap();
        assert_eq!(path(good).name(), good);
    }
    for (bad, error) in [
        ("", "name must not be empty"),
        (".", "name '.' is not valid"),
        ("..", "name '..' is not valid"),
        (".-x", "name '.-x' is not valid: first dash-separated component must not be '.'"),
        ("..-", "name '..-' is not valid: first dash-separated component must not be '..'"),
        ("a b", "name 'a b' contains illegal character ' '"),
        ("a/b", "name 'a/b' contains illegal character '/'"),
        ("aü", "name 'aü' contains illegal character 'ü'"),
    ] {
        assert_eq!(check_name(bad).unwrap_err().to_string(), error);
    }
    let long = "x".repeat(212);
    assert_eq!(
        check_name(&long).unwrap_err().to_string(),
        format!("name '{long}' must be no longer than 211 characters")
    );
}

#[test]
fn base_names_are_checked_as_the_reference_does() {
    let error = |text: &str| text.parse::<StorePath>().unwrap_err().to_string();
    assert_eq!(error("abc"), "'abc' is too short to be a valid store path");
    let no_dash = format!("{HASH}x");
    assert_eq!(
        error(&no_dash),
        format!("'{no_dash}' can't name a store path because the hash part is not followed by a '-'")
    );
    let bad_digit = format!("e{}-x", &HASH[1..]);
    assert_eq!(error(&bad_digit), format!("store path '{bad_digit}' contains illegal base-32 character 'e'"));
    let dot = format!("{HASH}-.");
    assert_eq!(error(&dot), format!("path '{dot}' is not a valid store path: name '.' is not valid"));
    assert!(format!("ü{}-x", &HASH[2..]).parse::<StorePath>().is_err());
}

#[test]
fn full_paths_are_parsed_and_printed() {
    let dir = StoreDir::default();
    let full = format!("/nix/store/{HASH}-x");
    assert_eq!(dir.print(&dir.parse(&full).unwrap()), full);
    assert_eq!(dir.parse(&format!("/nix//store/./a/../{HASH}-x/")).unwrap(), path("x"));
    assert!(dir.parse_canonical(&format!("{full}/")).is_err());
    assert_eq!(dir.parse("/etc").unwrap_err().to_string(), "path '/etc' is not in the Nix store");
    assert_eq!(dir.parse("").unwrap_err().to_string(), "empty path is not a valid store path");
    assert!(dir.parse(&format!("{full}/bin")).is_err());
    let inside = format!("{full}/bin/sh");
    assert_eq!(dir.to_store_path(&inside).unwrap(), (path("x"), "/bin/sh"));
    assert_eq!(dir.to_store_path(&full).unwrap(), (path("x"), ""));
    assert!(dir.to_store_path("/nix/storefoo").is_err());
    assert!(dir.is_in_store(&inside) && !dir.is_in_store("/nix/store/"));
    assert_eq!(StoreDir::new("/x//y/").unwrap().as_str(), "/x/y");
    assert!(StoreDir::new("x").is_err() && StoreDir::new("/").is_err());
}

#[test]
fn computed_paths_are_those_of_nix() {
    let dir = StoreDir::default();
    let empty = Hash::of(Algo::Sha256, b"");
    let none = References::default();
    let refs: StorePathSet = [path("a"), path("b")].into();
    let show = |result: Result<StorePath, _>| result.map(|path| path.to_string()).unwrap();
    // builtins.toFile "x" "hello"
    let hello = Hash::of(Algo::Sha256, b"hello");
    assert_eq!(
        show(dir.make_text_path("x", &hello, &StorePathSet::new())),
        "4g4g9i669dl63abpww0djbl2jxl6bwiz-x"
    );
    // derivation { name = "fod"; outputHash = <empty>; outputHashMode = "flat"; … }
    assert_eq!(
        show(dir.make_fixed_output_path("fod", FileMethod::Flat, &empty, &none)),
        "4yfk9q43irhw1r79i1pvbva1zd0677j1-fod"
    );
    let with_refs = References { others: refs.clone(), self_ref: true };
    let nar = |refs: &References| show(dir.make_fixed_output_path("x", FileMethod::NixArchive, &empty, refs));
    assert_ne!(nar(&none), nar(&with_refs));
    assert_ne!(nar(&with_refs), nar(&refs.clone().into()));
    assert_eq!(
        dir.make_fixed_output_path("x", FileMethod::Flat, &empty, &refs.into())
            .unwrap_err()
            .to_string()
            .lines()
            .next(),
        Some("fixed output derivation 'x' is not allowed to refer to other store paths.")
    );
    assert!(dir.make_text_path("x", &Hash::of(Algo::Sha1, b""), &StorePathSet::new()).is_err());
    assert!(dir.make_fixed_output_path("x", FileMethod::Git, &Hash::of(Algo::Md5, b""), &none).is_err());
    let text = ContentAddress { method: ContentMethod::Text, hash: empty };
    assert!(dir.make_content_addressed_path("x", &text, &with_refs).is_err());
    assert_eq!(output_path_name("x", "out"), "x");
    assert_eq!(output_path_name("x", "dev"), "x-dev");
}

#[test]
fn nix_store_agrees_about_fixed_outputs() {
    let nix = |args: &[&str]| -> Option<String> {
        let output = Command::new("nix-store").args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    let dir = StoreDir::default();
    for algo in [Algo::Md5, Algo::Sha1, Algo::Sha256, Algo::Sha512] {
        let hash = Hash::of(algo, b"content");
        for (method, flag) in [(FileMethod::Flat, None), (FileMethod::NixArchive, Some("--recursive"))] {
            let (name, digest) = (algo.name(), hash.base16());
            let mut args = vec!["--print-fixed-path"];
            args.extend(flag);
            args.extend([name, digest.as_str(), "some-name"]);
            let Some(expected) = nix(&args) else {
                println!("skipped: there is no nix-store");
                return;
            };
            let path = dir.make_fixed_output_path("some-name", method, &hash, &References::default());
            assert_eq!(dir.print(&path.unwrap()), expected);
        }
    }
}

#[test]
fn content_addresses_come_back() {
    let digest = "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s";
    for (text, method) in [
        (format!("text:sha256:{digest}"), ContentMethod::Text),
        (format!("fixed:sha256:{digest}"), ContentMethod::Flat),
        (format!("fixed:r:sha256:{digest}"), ContentMethod::NixArchive),
        (format!("fixed:git:sha256:{digest}"), ContentMethod::Git),
    ] {
        let ca: ContentAddress = text.parse().unwrap();
        assert_eq!((ca.method, ca.to_string()), (method, text));
        let with_algo = method.render_with_algo(Algo::Sha256);
        assert_eq!(ContentMethod::parse_with_algo(&with_algo).unwrap(), (method, Algo::Sha256));
        assert_eq!(method.name().parse::<ContentMethod>().unwrap(), method);
        assert_eq!(ContentMethod::split_prefix(&ca.method_algo()), (method, "sha256"));
    }
    let error = |text: &str| text.parse::<ContentAddress>().unwrap_err().to_string();
    assert_eq!(error("x"), "not a content address because it is not in the form '<prefix>:<rest>': x");
    assert_eq!(
        error("x:y"),
        "content address prefix 'x' is unrecognized. Recogonized prefixes are 'text' or 'fixed'"
    );
    assert_eq!(
        error("fixed:r:y"),
        "content address hash must be in form '<algo>:<hash>', but found: fixed:r:y"
    );
    assert_eq!(error("text:sha256:y"), "hash 'y' has wrong length for hash algorithm 'sha256'");
    assert_eq!(ContentAddress::parse_opt("").unwrap(), None);
}

#[test]
fn derived_paths_come_back() {
    let dir = StoreDir::default();
    let drv = format!("/nix/store/{HASH}-x.drv");
    for text in [drv.clone(), format!("{drv}^*"), format!("{drv}^dev,out"), format!("{drv}^out^bin")] {
        let parsed = DerivedPath::parse(&dir, &text).unwrap();
        assert_eq!(parsed.print(&dir), text);
        let legacy = text.replace('^', "!");
        assert_eq!(parsed.print_legacy(&dir), legacy);
        assert_eq!(DerivedPath::parse_legacy(&dir, &legacy).unwrap(), parsed);
        assert_eq!(parsed.base_path(), &path("x.drv"));
    }
    let single = SingleDerivedPath::parse(&dir, &format!("{drv}^out^bin")).unwrap();
    assert!(single.is_dynamic());
    assert!(!SingleDerivedPath::built(path("x.drv"), "out").is_dynamic());
    assert!(DerivedPath::parse(&dir, &format!("{drv}^")).is_err());
    assert!(DerivedPath::parse(&dir, &format!("{drv}^a,,b")).is_err());
    assert!(SingleDerivedPath::parse(&dir, &format!("{drv}{}", "^out".repeat(100_000))).is_err());
}

#[test]
fn outputs_are_chosen() {
    let spec = |text: &str| text.parse::<OutputsSpec>().unwrap();
    assert_eq!(spec("b,a,b").to_string(), "a,b");
    assert!(spec("a").is_subset_of(&spec("a,b")) && !spec("*").is_subset_of(&spec("a")));
    assert_eq!(spec("a").union(&spec("*")), OutputsSpec::All);
    assert!(spec("*").contains("x") && !spec("a").contains("x"));
    let (rest, chosen) = ExtendedOutputsSpec::parse("nixpkgs#x^out").unwrap();
    assert_eq!((rest, chosen.to_string().as_str()), ("nixpkgs#x", "^out"));
    assert_eq!(ExtendedOutputsSpec::parse("x").unwrap(), ("x", ExtendedOutputsSpec::Default));
    assert_eq!(
        ExtendedOutputsSpec::parse("x^é").unwrap_err().to_string(),
        "invalid extended outputs specifier 'x^é'"
    );
}

fn hash_part() -> impl Strategy<Value = String> {
    "[0-9a-df-np-sv-z]{32}"
}

proptest! {
    #[test]
    fn references_are_found_however_the_bytes_are_cut(
        parts in proptest::collection::btree_set(hash_part(), 1..4),
        noise in proptest::collection::vec("[0-9a-z/-]{0,40}", 4),
        cuts in proptest::collection::vec(1usize..50, 1..20),
    ) {
        let paths: Vec<StorePath> = parts.iter().map(|part| format!("{part}-x").parse().unwrap()).collect();
        let mut text = String::new();
        for (i, path) in paths.iter().enumerate().skip(1) {
            text.push_str(&noise[i % noise.len()]);
            text.push('/');
            text.push_str(path.base_name());
        }
        text.push_str(&noise[0]);
        let mut scanner = ReferenceScanner::new(&paths);
        let target: StorePath = format!("{}-y", "0".repeat(32)).parse().unwrap();
        let mut rewriter = HashRewriter::new(paths.get(1).map(|path| (path, &target)), Vec::new());
        let mut rest = text.as_bytes();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            scanner.update(piece);
            rewriter.write_all(piece).unwrap();
            rest = after;
        }
        let expected: StorePathSet =
            paths.iter().filter(|path| text.contains(path.hash_part())).cloned().collect();
        prop_assert_eq!(scanner.finish(), expected);
        let (rewritten, matches) = rewriter.finish().unwrap();
        if let Some(from) = paths.get(1) {
            let wanted = text.replace(from.hash_part(), target.hash_part());
            prop_assert_eq!(String::from_utf8(rewritten).unwrap(), wanted);
            prop_assert_eq!(matches.first().map(|&at| at as usize), text.find(from.hash_part()));
        }
    }

    #[test]
    fn parsing_never_panics(text in ".{0,60}") {
        let dir = StoreDir::default();
        let _ = dir.parse(&text);
        let _ = dir.to_store_path(&format!("/nix/store/{text}"));
        let _ = text.parse::<StorePath>();
        let _ = text.parse::<ContentAddress>();
        let _ = DerivedPath::parse(&dir, &format!("/nix/store/{HASH}-x.drv^{text}"));
        let _ = DerivedPath::parse_legacy(&dir, &text);
    }
}
