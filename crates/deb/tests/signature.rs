//! Clear-signed files made by GnuPG with throw-away keys, and damaged ones.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use firn_deb::Keyring;

fn data(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/signed").join(name)).unwrap()
}

fn keyring() -> Keyring {
    Keyring::parse(&data("keyring.pgp"), "keyring.pgp").unwrap()
}

#[test]
fn good_signatures_give_the_text_that_is_under_them() {
    let text = String::from_utf8(data("text")).unwrap();
    let expected: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    for name in ["rsa-sha256.asc", "rsa-sha512.asc", "ed25519.asc", "two-signers.asc"] {
        let (got, key) = keyring().verify(&data(name), name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(got, expected, "{name}");
        assert!(keyring().fingerprints().contains(&key));
    }
}

#[test]
fn armoured_and_binary_keyrings_are_the_same() {
    let armoured = Keyring::parse(&data("keyring.asc"), "keyring.asc").unwrap();
    assert_eq!(armoured.fingerprints(), keyring().fingerprints());
    assert_eq!(armoured.fingerprints().len(), 3, "two primary keys and a subkey");
}

#[test]
fn the_keyring_of_the_base_has_the_keys_of_three_releases() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../base/debian-archive-keyring.pgp");
    let keyring = Keyring::parse(&std::fs::read(path).unwrap(), "base").unwrap();
    assert_eq!(keyring.fingerprints().len(), 15);
    // Debian Archive Automatic Signing Key (13/trixie).
    assert!(keyring.fingerprints().contains(&"04B54C3CDCA79751B16BC6B5225629DF75B188BD".to_owned()));
}

#[test]
fn strangers_and_weak_hashes_do_not_count() {
    let error = keyring().verify(&data("stranger.asc"), "InRelease").unwrap_err().to_string();
    assert!(
        error.starts_with("cannot verify the signature of 'InRelease': no known key signed it, only "),
        "{error}"
    );
    let error = keyring().verify(&data("sha1.asc"), "InRelease").unwrap_err().to_string();
    assert!(error.ends_with("it has no usable signature"), "{error}");
}

#[test]
fn changed_texts_are_refused() {
    for name in ["rsa-sha256.asc", "ed25519.asc", "two-signers.asc"] {
        let text = String::from_utf8(data(name)).unwrap();
        let changed = text.replace("13.7", "13.8");
        assert!(
            keyring().verify(changed.as_bytes(), name).unwrap_err().to_string().contains("is bad"),
            "{name}"
        );
        // Text beside the signed part, escapes that lie, headers that could hide text.
        for (from, to) in [
            ("-----BEGIN PGP SIGNED", "Evil: 1\n-----BEGIN PGP SIGNED"),
            ("- - dash", "- dash"),
            ("- - dash", "-dash"),
            ("Hash: ", "Comment: "),
            ("Codename", "Evil: 1\nCodename"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert!(keyring().verify(changed.as_bytes(), name).is_err(), "{name}: {to}");
        }
        let after = format!("{text}Evil: 1\n");
        assert!(!keyring().verify(after.as_bytes(), name).unwrap().0.contains("Evil"));
    }
}

#[test]
fn damaged_input_never_panics() {
    let (file, keys) = (data("two-signers.asc"), data("keyring.pgp"));
    for at in 0..keys.len() {
        let mut damaged = keys.clone();
        damaged[at] ^= 0x55;
        if let Ok(keyring) = Keyring::parse(&damaged, "damaged") {
            let _ = keyring.verify(&file, "file");
        }
        let _ = Keyring::parse(&keys[..at], "cut");
    }
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x0f;
        let _ = keyring().verify(&damaged, "damaged");
        let _ = keyring().verify(&file[..at], "cut");
    }
}
