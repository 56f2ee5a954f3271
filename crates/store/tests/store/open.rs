//! Which store is opened.

use std::sync::Arc;

use firn_events::Events;
use firn_path::StorePathSet;
use firn_settings::{Environment, Host, Settings};
use firn_store::{DumpMethod, NewContents, Resolved, Store, StoreError, StoreReference, open_store, resolve};

use crate::common::{new_store, open};

fn resolved(address: &str, variables: &[(&str, &str)]) -> Resolved {
    let host = Host::plain(variables.iter().copied().collect::<Environment>());
    let settings = Arc::new(Settings::new(&host));
    let reference = StoreReference::parse(address, "/").expect("an address");
    resolve(reference, &settings, &host, &Events::none()).expect("resolves")
}

#[test]
fn auto_takes_what_is_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |sub: &str| dir.path().join(sub).to_string_lossy().into_owned();
    let (state, home) = (at("state"), at("home"));
    let variables =
        [("HOME", home.as_str()), ("NIX_STATE_DIR", state.as_str()), ("NIX_STORE_DIR", "/nix/store")];
    std::fs::create_dir(&state).expect("makes");
    let Resolved::Local(config) = resolved("auto", &variables) else { panic!("writable, so local") };
    assert_eq!(config.state_dir.to_string_lossy(), state);
    assert!(!config.is_relocated());

    let Resolved::Local(config) = resolved("/some/root", &variables) else { panic!("a folder is local") };
    assert_eq!(config.real_dir.to_string_lossy(), "/some/root/nix/store");
    assert_eq!(config.state_dir.to_string_lossy(), "/some/root/nix/var/nix");
    assert_eq!(config.store_dir.as_str(), "/nix/store");
    assert!(config.is_relocated());

    assert!(matches!(resolved("daemon", &variables), Resolved::Daemon { .. }));
    assert!(matches!(resolved("https://x.org", &variables), Resolved::Other(_)));
}

#[test]
fn without_anything_the_store_is_at_home() {
    let dir = tempfile::tempdir().expect("a folder");
    let home = dir.path().to_string_lossy().into_owned();
    let host = Host::plain(Environment::from_iter([("HOME", home.as_str())]));
    if std::path::Path::new("/nix/var/nix").exists() && rustix::process::geteuid().is_root() {
        // root may write it, and may not be told otherwise
        skip("this user may write /nix");
        return;
    }
    let settings = Arc::new(Settings::new(&host));
    let reference = StoreReference::parse("auto", "/").expect("an address");
    if let Resolved::Local(config) = resolve(reference, &settings, &host, &Events::none()).expect("resolves")
    {
        assert_eq!(config.root.expect("a root").to_string_lossy(), format!("{home}/.local/share/nix/root"));
    }
}

#[test]
fn a_daemon_is_not_spoken_to() {
    let host = Host::plain(Environment::default());
    let settings = Arc::new(Settings::new(&host));
    let reference = StoreReference::parse("daemon", "/").expect("an address");
    let error = open_store(reference, &settings, &host, &Events::none()).err().expect("no client");
    assert!(matches!(error, StoreError::NeedsDaemon(_)));
}

#[test]
fn a_store_in_memory() {
    let host = Host::plain(Environment::default());
    let settings = Arc::new(Settings::new(&host));
    for (address, keeps) in [("dummy://", false), ("dummy://?read-only=false", true)] {
        let reference = StoreReference::parse(address, "/").expect("an address");
        let store = open_store(reference, &settings, &host, &Events::none()).expect("opens");
        let path = store.add_text("hello", b"world", &StorePathSet::new(), false).expect("adds");
        assert_eq!(path.base_name(), "a8pm5wln4zaphc7x9iaqrgm9fravifib-hello");
        assert_eq!(store.is_valid(&path).expect("asks"), keeps);
    }
}

#[test]
fn read_only_needs_a_database_and_changes_nothing() {
    let (root, store) = new_store();
    let path = store.add_text("a", b"1", &StorePathSet::new(), false).expect("adds");
    drop(store);
    let (settings, dirs) = crate::common::settings(&[]);
    let at = |root: &std::path::Path| {
        let reference = StoreReference::parse(&format!("local?root={}&read-only=true", root.display()), "/")
            .expect("an address");
        firn_store::LocalConfig::new(None, reference, settings.clone(), &dirs, &mut Vec::new())
            .expect("a place")
    };
    // the log of the database must be folded in before it can be read without locks
    drop(open(root.path(), &[]));
    let store = firn_store::LocalStore::open(at(root.path()), Events::none()).expect("opens");
    assert!(store.is_valid(&path).expect("asks"));
    let none = StorePathSet::new();
    let new = NewContents { references: &none, ..NewContents::source("x") };
    let error = store.add_dump(&new, DumpMethod::Flat, &mut |_| Ok(())).expect_err("read-only");
    assert!(matches!(error, StoreError::ReadOnly(..)));
    let empty = tempfile::tempdir().expect("a folder");
    let error = firn_store::LocalStore::open(at(empty.path()), Events::none()).expect_err("no database");
    assert!(matches!(error, StoreError::ReadOnlyNoDatabase), "{error}");
}

#[test]
fn newer_and_broken_schemas_are_refused() {
    let (root, store) = new_store();
    drop(store);
    let schema = root.path().join("nix/var/nix/db/schema");
    assert_eq!(std::fs::read_to_string(&schema).expect("reads"), "10");
    let (settings, dirs) = crate::common::settings(&[]);
    for (text, message) in
        [("11", "current Nix store schema is version 11, but I only support 10"), ("x", "is corrupt")]
    {
        std::fs::write(&schema, text).expect("writes");
        let reference =
            StoreReference::parse(&format!("local?root={}", root.path().display()), "/").expect("an address");
        let config = firn_store::LocalConfig::new(None, reference, settings.clone(), &dirs, &mut Vec::new())
            .expect("a place");
        let error = firn_store::LocalStore::open(config, Events::none()).expect_err("refused");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[allow(clippy::print_stderr)]
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
