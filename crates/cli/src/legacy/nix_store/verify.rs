//! `nix-store --verify` and what else concerns validity; keys.

use std::io::BufReader;

use firn_events::Level;
use firn_hash::Format;
use firn_path::DerivedPath;
use firn_store::BuildMode;
use firn_store::verify::VerifyOptions;

use super::Cx;
use crate::building;
use crate::commands::key::new_key;
use crate::error::CliError;
use crate::store_paths::follow;

pub(super) fn verify(cx: &Cx) -> Result<u8, CliError> {
    cx.no_arguments()?;
    let options =
        VerifyOptions { check_contents: cx.parsed.has("check-contents"), repair: cx.parsed.has("repair") };
    if cx.store()?.verify(options)? {
        cx.session.warn("not all store errors were fixed");
        return Ok(1);
    }
    Ok(0)
}

pub(super) fn verify_path(cx: &Cx) -> Result<u8, CliError> {
    let store = cx.store()?;
    let mut status = 0;
    for text in &cx.paths {
        let path = follow(store.as_ref(), text)?;
        let info = store.require_info(&path)?;
        let shown = store.store_dir().print(&path);
        cx.session.events().message(Level::Talkative, format!("checking path '{shown}'..."));
        let mut hasher = firn_hash::Hasher::new(info.nar_hash.algo());
        store.write_nar(&path, &mut hasher)?;
        let found = hasher.finish();
        if found != info.nar_hash {
            let (want, got) = (info.nar_hash.render(Format::Nix32, true), found.render(Format::Nix32, true));
            cx.session.events().message(
                Level::Error,
                format!("path '{shown}' was modified! expected hash '{want}', got '{got}'"),
            );
            status = 1;
        }
    }
    Ok(status)
}

pub(super) fn repair_path(cx: &Cx) -> Result<u8, CliError> {
    let store = cx.store()?;
    let targets = cx
        .paths
        .iter()
        .map(|p| Ok(DerivedPath::Opaque(follow(store.as_ref(), p)?)))
        .collect::<Result<Vec<_>, CliError>>()?;
    building::conclude(&cx.session, store.as_ref(), &store.build(&targets, BuildMode::Repair)?)?;
    Ok(0)
}

pub(super) fn check_validity(cx: &Cx) -> Result<u8, CliError> {
    let store = cx.store()?;
    for text in &cx.paths {
        let path = follow(store.as_ref(), text)?;
        if !store.is_valid(&path)? {
            let shown = store.store_dir().print(&path);
            if !cx.parsed.has("print-invalid") {
                return Err(CliError::new(format!("path '{shown}' is not valid")));
            }
            cx.session.println(shown)?;
        }
    }
    Ok(0)
}

/// `--register-validity` and, with hashes and without canonical form, `--load-db`.
pub(super) fn register_validity(cx: &Cx, canonicalise: bool) -> Result<u8, CliError> {
    cx.no_arguments()?;
    let hash_given = !canonicalise || cx.parsed.has("hash-given");
    let reregister = !canonicalise || cx.parsed.has("reregister");
    let mut input = BufReader::new(std::io::stdin().lock());
    cx.with_local(|local| Ok(local.load_db(&mut input, hash_given, reregister, canonicalise)?))?;
    Ok(0)
}

pub(super) fn dump_db(cx: &Cx) -> Result<u8, CliError> {
    let store = cx.store()?;
    let paths =
        cx.paths.iter().map(|p| follow(store.as_ref(), p)).collect::<Result<firn_path::StorePathSet, _>>()?;
    let some = (!paths.is_empty()).then_some(&paths);
    let text = cx.with_local(|local| Ok(local.dump_db(some)?))?;
    cx.session.print(text)?;
    Ok(0)
}

pub(super) fn generate_key(cx: &Cx) -> Result<u8, CliError> {
    use std::os::unix::fs::OpenOptionsExt;
    let [name, secret_file, public_file] = cx.paths.as_slice() else {
        return Err(CliError::Usage("three arguments expected".into(), cx.session.program.name.clone()));
    };
    let key = new_key(name)?;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(secret_file)?;
    std::io::Write::write_all(&mut file, key.render().as_bytes())?;
    std::fs::write(public_file, key.public())?;
    Ok(0)
}
