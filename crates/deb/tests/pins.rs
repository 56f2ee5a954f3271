//! A lock made from a small signed archive.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use firn_deb::{Change, DebError, Fetch, Keyring, Lock, Seeds, changes, update_pins};

/// Serves the files below `tests/data/archive`, with one file replaced where a test wants that.
struct Archive {
    replace: Option<(&'static str, Vec<u8>)>,
}

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

impl Fetch for Archive {
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, String> {
        let path = url.strip_prefix("http://archive/").ok_or("unknown host")?;
        if let Some((_, bytes)) = self.replace.as_ref().filter(|(replaced, _)| *replaced == path) {
            return Ok(bytes.clone());
        }
        let bytes = std::fs::read(data().join("archive").join(path)).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > limit { Err("too long".to_owned()) } else { Ok(bytes) }
    }
}

const SEEDS: &str = "suite http://archive/ trixie main\nmirror http://archive/\nseed hello\nsource hello\n";

fn pins(seeds: &str, replace: Option<(&'static str, Vec<u8>)>) -> Result<Lock, DebError> {
    let keyring =
        Keyring::parse(&std::fs::read(data().join("signed/keyring.pgp")).unwrap(), "keyring").unwrap();
    update_pins(&Seeds::parse(seeds, "seeds").unwrap(), &keyring, &Archive { replace })
}

#[test]
fn the_lock_of_a_small_archive() {
    let lock = pins(SEEDS, None).unwrap();
    let expected = std::fs::read_to_string(data().join("archive/expected.lock")).unwrap_or_default();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(data().join("archive/expected.lock"), lock.render()).unwrap();
        return;
    }
    assert_eq!(lock.render(), expected);
    assert_eq!(
        lock.urls(&lock.packages["hello"].path),
        ["http://archive/pool/main/h/hello/hello_2.10-5_amd64.deb"]
    );
}

#[test]
fn bytes_that_the_signature_does_not_cover_are_refused() {
    let packages = "dists/trixie/main/binary-amd64/Packages.xz";
    let error = pins(SEEDS, Some((packages, b"other".to_vec()))).unwrap_err();
    assert!(matches!(error, DebError::Mismatch { .. }), "{error}");
    let release = std::fs::read_to_string(data().join("archive/dists/trixie/InRelease")).unwrap();
    let changed = release.replace("13.7", "13.8").into_bytes();
    let error = pins(SEEDS, Some(("dists/trixie/InRelease", changed))).unwrap_err();
    assert!(matches!(error, DebError::Signature { .. }), "{error}");
}

#[test]
fn missing_things_are_named() {
    let error = pins(&format!("{SEEDS}seed gone\n"), None).unwrap_err().to_string();
    assert!(error.contains("'gone' (wanted by the seeds) is not in the archive"), "{error}");
    let error = pins(&format!("{SEEDS}source gone\n"), None).unwrap_err().to_string();
    assert!(error.contains("the source package 'gone' is not in the archive"), "{error}");
    let error = pins(&format!("{SEEDS}suite http://archive/ sid main\n"), None).unwrap_err().to_string();
    assert!(error.starts_with("cannot fetch 'http://archive/dists/sid/InRelease'"), "{error}");
}

#[test]
fn differences_of_locks() {
    let old = pins(SEEDS, None).unwrap();
    let mut new = old.clone();
    assert!(changes(&old, &new).is_empty());
    new.packages.get_mut("hello").unwrap().version = "3-1".to_owned();
    new.packages.get_mut("libc6").unwrap().sha256 = "1".repeat(64);
    new.packages.remove("libgcc-s1");
    new.units.get_mut("libc6").unwrap().packages.pop();
    let got = changes(&old, &new);
    assert_eq!(got.len(), 4);
    assert_eq!(got[0], Change::Version("hello".to_owned(), "2.10-5".to_owned(), "3-1".to_owned()));
    assert_eq!(got[0].to_string(), "hello: 2.10-5 -> 3-1");
    assert_eq!(got[3], Change::Unit("libc6".to_owned()));
}

#[test]
fn the_lock_of_the_base_is_sound() {
    let base = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../base");
    let text = std::fs::read_to_string(base.join("debian.lock")).unwrap();
    let lock = Lock::parse(&text, "debian.lock").unwrap();
    assert_eq!(lock.render(), text, "the file is as this program writes it");
    let seeds =
        Seeds::parse(&std::fs::read_to_string(base.join("debian.seeds")).unwrap(), "debian.seeds").unwrap();
    for seed in &seeds.seeds {
        assert!(lock.packages.contains_key(seed), "'{seed}' is not locked: run `firn base update-pins`");
    }
}

#[test]
fn unsound_locks_are_refused() {
    let lock = pins(SEEDS, None).unwrap();
    type Edit = fn(&mut Lock);
    let edits: [(&str, Edit); 7] = [
        ("its version is 2", |lock| lock.version = 2),
        ("the invalid path '../x'", |lock| lock.packages.get_mut("hello").unwrap().path = "../x".to_owned()),
        ("the invalid hash 'AB'", |lock| lock.packages.get_mut("hello").unwrap().sha256 = "AB".to_owned()),
        ("package 'hello' is in no unit", |lock| drop(lock.units.remove("hello"))),
        ("unknown unit 'x1'", |lock| lock.units.get_mut("hello").unwrap().depends.push("x1".to_owned())),
        ("depends on itself", |lock| lock.units.get_mut("libc6").unwrap().depends.push("hello".to_owned())),
        ("is in two units", |lock| lock.units.get_mut("hello").unwrap().packages.push("libc6".to_owned())),
    ];
    for (message, edit) in edits {
        let mut broken = lock.clone();
        edit(&mut broken);
        let error = Lock::parse(&broken.render(), "lock").unwrap_err().to_string();
        assert!(error.starts_with("invalid lock 'lock': ") && error.contains(message), "{error}");
    }
    assert!(Lock::parse("{}", "lock").is_err());
}
