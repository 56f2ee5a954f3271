//! `nix copy`, `nix store copy-sigs`, `nix store sign`, `nix store copy-log`: from store to store.

use std::collections::BTreeSet;
use std::sync::Arc;

use firn_events::Level;
use firn_path::{DerivedPath, StorePathSet};
use firn_store::closure::{ClosureOptions, closure};
use firn_store::copy::copy_paths;
use firn_store::{AddOptions, BuildMode, SecretKey, Store};

use super::build::targets;
use super::paths::{outputs, store_paths, usage};
use crate::args::{Flag, Parsed, option, switch};
use crate::building;
use crate::error::CliError;
use crate::session::Session;

/// Flags of `copy`.
pub(crate) const COPY: &[Flag] = &[
    option("from", &["store-uri"], "the store to copy from"),
    option("to", &["store-uri"], "the store to copy to"),
    switch("no-check-sigs", "take paths without trusted signatures, too"),
    switch("substitute-on-destination", "let the other store substitute what it can").short('s'),
    switch("no-recursive", "copy only the paths themselves, not what they refer to"),
    option("out-link", &["path"], "make links to what was copied").short('o'),
    option("profile", &["path"], "make what was copied the newest generation of a profile"),
];

/// Flags of `copy-sigs`.
pub(crate) const COPY_SIGS: &[Flag] =
    &[option("substituter", &["store-uri"], "a store to take signatures from").short('s')];

/// Flags of `sign`.
pub(crate) const SIGN: &[Flag] = &[option("key-file", &["file"], "the file with the secret key").short('k')];

/// Flags of `copy-log`.
pub(crate) const COPY_LOG: &[Flag] = &[
    option("from", &["store-uri"], "the store to copy from"),
    option("to", &["store-uri"], "the store to copy to"),
];

/// The stores that are read and written.
type Ends = (Arc<dyn Store>, Arc<dyn Store>);

fn ends(session: &Session, parsed: &Parsed) -> Result<Ends, CliError> {
    if !parsed.has("from") && !parsed.has("to") {
        return Err(usage(session, "you must pass '--from' and/or '--to'"));
    }
    let of = |flag: &str| match parsed.value(flag) {
        Some(address) => session.open(address),
        None => session.store(),
    };
    Ok((of("from")?, of("to")?))
}

/// `nix copy`
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (from, to) = ends(session, &parsed)?;
    let mut tops = StorePathSet::new();
    if parsed.has("all") {
        if !parsed.positional.is_empty() {
            return Err(usage(session, "'--all' does not expect arguments"));
        }
        tops = from.all_valid_paths()?;
    } else {
        let targets = targets(session, &parsed)?;
        if !parsed.has("from") {
            building::realise(session, from.as_ref(), &targets, BuildMode::Normal)?;
        }
        for target in &targets {
            tops.extend(wanted(session, from.as_ref(), target)?);
        }
    }
    let paths = if parsed.has("no-recursive") || parsed.has("all") {
        tops.clone()
    } else {
        closure(from.as_ref(), &tops, ClosureOptions::default())?
    };
    if parsed.has("substitute-on-destination") {
        let missing: Vec<DerivedPath> =
            paths.difference(&to.valid_paths(&paths)?).cloned().map(DerivedPath::Opaque).collect();
        // What it cannot substitute is copied.
        to.build(&missing, BuildMode::Normal)?;
    }
    let options = AddOptions { repair: parsed.has("repair"), check_sigs: !parsed.has("no-check-sigs") };
    let copied = copy_paths(from.as_ref(), to.as_ref(), &paths, options, session.events())?;
    let results: Vec<_> = tops.iter().map(|p| copied.get(p).unwrap_or(p).clone()).collect();
    if let Some(link) = parsed.value("out-link") {
        for (i, path) in results.iter().enumerate() {
            let name = if i == 0 { link.to_owned() } else { format!("{link}-{i}") };
            building::add_root(to.as_ref(), path, &name)?;
        }
    }
    if let Some(profile) = parsed.value("profile") {
        let [path] = results.as_slice() else {
            return Err(CliError::new("'--profile' requires that the arguments produce a single store path"));
        };
        crate::profile::switch_to(session, &std::path::absolute(profile)?, path)?;
    }
    Ok(0)
}

/// The paths that a target means in a store: of a derivation, those that its outputs will have.
fn wanted(session: &Session, store: &dyn Store, target: &DerivedPath) -> Result<StorePathSet, CliError> {
    match target {
        DerivedPath::Opaque(path) => Ok([path.clone()].into()),
        DerivedPath::Built { outputs: names, .. } => {
            let drv = target.base_path();
            for reader in [store, session.store()?.as_ref()] {
                if let Ok(known) = reader.derivation_outputs(drv) {
                    let paths = known.into_iter().filter(|(n, _)| names.contains(n));
                    return Ok(paths.filter_map(|(_, p)| p).collect());
                }
            }
            Ok(outputs(session.store()?.as_ref(), target)?.into_iter().collect())
        }
    }
}

/// `nix store copy-sigs`
pub(crate) fn copy_sigs(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let others = parsed.values("substituter").map(|a| session.open(a)).collect::<Result<Vec<_>, _>>()?;
    if others.is_empty() {
        return Err(usage(session, "you must specify at least one substituter using '-s'"));
    }
    let store = session.store()?;
    let mut added = 0;
    for path in store_paths(session, &parsed)? {
        let info = store.require_info(&path)?;
        let mut new = BTreeSet::new();
        for other in &others {
            // A store without the path has nothing to say about it.
            let Some(theirs) = other.path_info(&path)? else { continue };
            let same = theirs.nar_hash == info.nar_hash
                && theirs.nar_size == info.nar_size
                && theirs.references == info.references;
            if same {
                new.extend(theirs.sigs.iter().filter(|s| !info.sigs.contains(*s)).cloned());
            }
        }
        if !new.is_empty() {
            store.add_signatures(&path, &new)?;
            added += new.len();
        }
    }
    session.events().message(Level::Info, format!("imported {added} signatures"));
    Ok(0)
}

/// `nix store sign`
pub(crate) fn sign(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let Some(file) = parsed.value("key-file") else {
        return Err(usage(session, "you must specify a secret key file using '-k'"));
    };
    let text = std::fs::read_to_string(file)
        .map_err(|e| CliError::new(format!("opening file '{file}': {}", firn_source::strerror(&e))))?;
    let key = SecretKey::parse(text.trim())?;
    let store = session.store()?;
    let mut added = 0;
    for path in store_paths(session, &parsed)? {
        let info = store.require_info(&path)?;
        let signature = key.sign(info.fingerprint(store.store_dir())?.as_bytes());
        if !info.sigs.contains(&signature) {
            store.add_signatures(&path, &[signature].into())?;
            added += 1;
        }
    }
    session.events().message(Level::Info, format!("added {added} signatures"));
    Ok(0)
}

/// `nix store copy-log`
pub(crate) fn copy_log(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (from, to) = ends(session, &parsed)?;
    for target in targets(session, &parsed)? {
        let path = target.base_path();
        let drv = match path.is_derivation() {
            true => path.clone(),
            false => from.require_info(path)?.deriver.clone().unwrap_or_else(|| path.clone()),
        };
        let shown = from.store_dir().print(&drv);
        let log = from
            .build_log(&drv)?
            .ok_or_else(|| CliError::new(format!("build log for '{shown}' is not available")))?;
        match to.as_local() {
            Some(local) => local.add_build_log(&drv, &log)?,
            None => {
                return Err(CliError::new(format!("store '{}' does not take logs", to.uri())));
            }
        }
    }
    Ok(0)
}
