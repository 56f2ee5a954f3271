//! Building the environment of a derivation.

use std::collections::BTreeMap;

use firn_derivation::{Derivation, DerivationOutput, HashModulo, Scratch, structured};
use firn_path::{DerivedPath, OutputsSpec, StorePath, StorePathSet};
use firn_source::CanonPath;
use firn_store::{BuildMode, Store, StoreError};

use super::BuildEnvironment;
use crate::building;
use crate::error::CliError;
use crate::session::Session;

/// Attributes that check outputs; the environment is no output that could pass them.
const CHECKS: [&str; 4] =
    ["allowedReferences", "allowedRequisites", "disallowedReferences", "disallowedRequisites"];

/// The environment of a derivation, or what lies at a path that a capture left before (its name ends with `-env`); with its
/// store path.
///
/// # Errors
/// A derivation that bash does not build; a failed build.
pub(crate) fn capture(
    session: &Session,
    target: &StorePath,
) -> Result<(BuildEnvironment, StorePath), CliError> {
    let store = session.store()?;
    let store = store.as_ref();
    let path = if target.is_derivation() {
        build(session, store, target)?
    } else if target.name().ends_with("-env") {
        target.clone()
    } else {
        let info = store.require_info(target)?;
        let drv = info.deriver.clone().ok_or_else(|| {
            let shown = store.store_dir().print(target);
            CliError::new(format!("'{shown}' does not have a known derivation"))
        })?;
        build(session, store, &drv)?
    };
    let bytes = store.accessor(&path)?.read_file(&CanonPath::root())?;
    Ok((BuildEnvironment::parse(&bytes)?, path))
}

fn build(session: &Session, store: &dyn Store, path: &StorePath) -> Result<StorePath, CliError> {
    let mut drv = store.read_derivation(path)?;
    let builder = String::from_utf8_lossy(&drv.builder).into_owned();
    if builder.rsplit('/').next() != Some("bash") {
        return Err(CliError::new(
            "'nix develop' only works on derivations that use 'bash' as their builder",
        ));
    }
    let script = store.add_text("get-env.sh", include_bytes!("capture.sh"), &StorePathSet::new(), false)?;
    prepare(&mut drv, &script, &store.store_dir().print(&script))?;
    let mut known = BTreeMap::new();
    drv.instantiate(store.store_dir(), &mut Scratch::new(), |input| modulo(store, input, &mut known))?;
    let shell = store.write_derivation(&drv, false)?;
    let target = DerivedPath::built(shell.clone(), OutputsSpec::All);
    building::realise(session, store, &[target], BuildMode::Normal)?;
    // The script writes to the first output that it meets.
    for output in store.derivation_outputs(&shell)?.into_values().flatten() {
        if !store.accessor(&output)?.read_file(&CanonPath::root())?.is_empty() {
            return Ok(output);
        }
    }
    Err(CliError::new("get-env.sh failed to produce an environment"))
}

/// Puts the script in the place of the builder's own.
fn prepare(drv: &mut Derivation, script: &StorePath, shown: &str) -> Result<(), CliError> {
    drv.args = vec![shown.as_bytes().to_vec()];
    match drv.structured_attrs()? {
        Some(mut attrs) => {
            attrs.remove("outputChecks");
            let mut json = serde_json::Value::Object(attrs);
            structured::sort_keys(&mut json);
            drv.env.insert(
                structured::STRUCTURED_ATTRS.as_bytes().to_vec(),
                structured::dump(&json).into_bytes(),
            );
        }
        None => {
            for name in CHECKS {
                drv.env.remove(name.as_bytes());
            }
        }
    }
    drv.name += "-env";
    drv.env.insert(b"name".to_vec(), drv.name.clone().into_bytes());
    drv.input_srcs.insert(script.clone());
    for (name, output) in &mut drv.outputs {
        if matches!(output, DerivationOutput::InputAddressed(_) | DerivationOutput::Fixed(_)) {
            *output = DerivationOutput::Deferred;
            drv.env.insert(name.clone().into_bytes(), Vec::new());
        }
    }
    Ok(())
}

/// The hash that stands for an input, with those of its own inputs.
fn modulo(
    store: &dyn Store,
    path: &StorePath,
    known: &mut BTreeMap<StorePath, HashModulo>,
) -> Result<HashModulo, StoreError> {
    if let Some(local) = store.as_local() {
        return local.hash_modulo(path);
    }
    // Deepest first, without recursion: derivations may be nested deeply.
    let mut stack = vec![path.clone()];
    while let Some(top) = stack.last().cloned() {
        if known.contains_key(&top) {
            stack.pop();
            continue;
        }
        let drv = store.read_derivation(&top)?;
        let missing: Vec<StorePath> =
            drv.input_drvs.keys().filter(|p| !known.contains_key(*p)).cloned().collect();
        if missing.is_empty() {
            let hash = drv.hash_modulo(store.store_dir(), &mut Scratch::new(), |input| {
                Ok::<_, StoreError>(known.get(input).cloned().unwrap_or(HashModulo::Deferred))
            })?;
            known.insert(top, hash);
            stack.pop();
        } else {
            stack.extend(missing);
        }
    }
    Ok(known.get(path).cloned().unwrap_or(HashModulo::Deferred))
}
