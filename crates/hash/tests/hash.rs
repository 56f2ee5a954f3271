//! Textual forms of hashes, against fixed values and the host's `nix-hash`.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::Command;

use firn_hash::{Algo, Format, Hash, HashError, Hasher, base16, base64, compress, nix32};
use proptest::prelude::*;

#[test]
fn digests_are_those_of_the_standards() {
    for (algo, digest) in [
        (Algo::Md5, "900150983cd24fb0d6963f7d28e17f72"),
        (Algo::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Algo::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Algo::Sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (Algo::Blake3, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    ] {
        let hash = Hash::of(algo, b"abc");
        assert_eq!(hash.base16(), digest);
        let mut hasher = Hasher::new(algo);
        hasher.write_all(b"a").unwrap();
        assert_eq!(hasher.current(), Hash::of(algo, b"a"));
        hasher.update(b"bc");
        assert_eq!(hasher.bytes(), 3);
        assert_eq!(hasher.finish(), hash);
        assert_eq!(hash.as_bytes().len(), algo.size());
    }
}

#[test]
fn all_forms_of_one_hash() {
    let hash = Hash::of(Algo::Sha256, b"");
    let forms = [
        (Format::Base16, true, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (Format::Nix32, true, "sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"),
        (Format::Base64, true, "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        (Format::Sri, false, "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        (Format::Nix32, false, "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"),
    ];
    for (format, with_algo, text) in forms {
        assert_eq!(hash.render(format, with_algo), text);
        assert_eq!(Hash::parse_any_with_format(text, Some(Algo::Sha256)).unwrap(), (hash, format));
    }
    assert_eq!(Hash::parse_sri(forms[3].2).unwrap(), hash);
    assert_eq!(Hash::parse_prefixed(forms[1].2).unwrap(), hash);
    assert_eq!(Hash::parse_unprefixed(forms[4].2, Algo::Sha256).unwrap(), hash);
    // laxness of the reference: capitals in base 16, no padding in SRI
    assert_eq!(Hash::parse_any(&forms[0].2.to_uppercase().replace("SHA", "sha"), None).unwrap(), hash);
    assert_eq!(Hash::parse_sri(forms[3].2.trim_end_matches('=')).unwrap(), hash);
}

#[test]
fn errors_have_the_texts_of_the_reference() {
    let any = |text: &str, algo| Hash::parse_any(text, algo).unwrap_err().to_string();
    let z = "z".repeat(52);
    let e = "e".repeat(52);
    let g = "g".repeat(64);
    assert_eq!(any("sha256:zz", None), "hash 'zz' has wrong length for hash algorithm 'sha256'");
    assert_eq!(any("sha256-zz", None), "invalid SRI hash 'zz', length 1 != expected length 32");
    assert_eq!(any("sha256-!!", None), "invalid SRI hash '!!', length 0 != expected length 32");
    assert_eq!(
        any(&e, Some(Algo::Sha256)),
        format!("invalid nix32 hash '{e}', length 0 != expected length 32")
    );
    assert_eq!(
        any(&z, Some(Algo::Sha256)),
        format!("invalid nix32 hash '{z}', length 33 != expected length 32")
    );
    assert_eq!(
        any(&g, Some(Algo::Sha256)),
        format!("invalid base16 hash '{g}', length 0 != expected length 32")
    );
    assert_eq!(
        any("zz", None),
        "hash 'zz' does not include a type, nor is the type otherwise known from context"
    );
    assert_eq!(
        any("foo:abc", None),
        "unknown hash algorithm 'foo', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'"
    );
    assert_eq!(any("md5:abc", Some(Algo::Sha1)), "hash 'md5:abc' should have type 'sha1'");
    assert_eq!(Hash::parse_prefixed("zz").unwrap_err().to_string(), "hash 'zz' does not include a type");
    assert_eq!(Hash::parse_sri("zz").unwrap_err().to_string(), "hash 'zz' is not SRI");
    assert_eq!(Hash::parse_allow_empty("", None), Err(HashError::EmptyNeedsAlgo));
    assert_eq!(Hash::parse_allow_empty("", Some(Algo::Sha1)).unwrap(), Hash::zero(Algo::Sha1));
    assert_eq!(
        "x".parse::<Format>().unwrap_err().to_string(),
        "unknown hash format 'x', expect 'base16', 'base32', 'base64', or 'sri'"
    );
    assert_eq!("base32".parse::<Format>().unwrap(), Format::Nix32);
}

#[test]
fn folding_is_cyclic() {
    assert_eq!(compress::<2>(&[1, 2, 4, 8, 16]), [1 ^ 4 ^ 16, 2 ^ 8]);
    assert_eq!(compress::<4>(&[1, 2]), [1, 2, 0, 0]);
}

#[test]
fn nix_hash_agrees() {
    let convert = |flag: &str, algo: &str, text: &str| -> Option<String> {
        let output = Command::new("nix-hash").args([flag, "--type", algo, text]).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    if convert("--to-base32", "sha256", &Hash::of(Algo::Sha256, b"").base16()).is_none() {
        println!("skipped: there is no nix-hash");
        return;
    }
    for algo in [Algo::Md5, Algo::Sha1, Algo::Sha256, Algo::Sha512] {
        for text in ["", "a", "nix", "something longer than the others, to be sure"] {
            let hash = Hash::of(algo, text.as_bytes());
            assert_eq!(convert("--to-base32", algo.name(), &hash.base16()).unwrap(), hash.nix32());
            assert_eq!(convert("--to-base16", algo.name(), &hash.nix32()).unwrap(), hash.base16());
        }
    }
}

fn hashes() -> impl Strategy<Value = Hash> {
    (prop::sample::select(&Algo::ALL[..]), any::<[u8; 64]>())
        .prop_map(|(algo, bytes)| Hash::from_bytes(algo, &bytes[..algo.size()]).unwrap())
}

proptest! {
    #[test]
    fn hashes_come_back_from_every_form(hash in hashes()) {
        for format in [Format::Base16, Format::Nix32, Format::Base64, Format::Sri] {
            prop_assert_eq!(Hash::parse_any(&hash.render(format, true), None).unwrap(), hash);
            let bare = hash.render(format, false);
            prop_assert_eq!(Hash::parse_any(&bare, Some(hash.algo())).unwrap(), hash);
        }
    }

    #[test]
    fn encodings_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
        prop_assert_eq!(&base16::decode(&base16::encode(&bytes)).unwrap(), &bytes);
        prop_assert_eq!(&base64::decode(&base64::encode(&bytes)).unwrap(), &bytes);
        let text = nix32::encode(&bytes);
        prop_assert_eq!(text.len(), nix32::encoded_len(bytes.len()));
        let mut decoded = nix32::decode(&text).unwrap();
        decoded.resize(bytes.len(), 0);
        prop_assert_eq!(&decoded, &bytes);
    }

    #[test]
    fn parsing_never_panics(text in ".{0,80}") {
        let _ = Hash::parse_any(&text, None);
        let _ = Hash::parse_any(&text, Some(Algo::Sha256));
        let _ = Hash::parse_sri(&format!("sha256-{text}"));
        let _ = nix32::decode(&text);
    }
}
