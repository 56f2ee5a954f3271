//! `nix-store --realise`, `--read-log`, `--print-env`

use firn_path::{DerivedPath, StorePath};
use firn_store::{BuildMode, Store};

use super::Cx;
use crate::building;
use crate::error::CliError;
use crate::store_paths::{follow, follow_with_outputs};

pub(super) fn realise(cx: &Cx) -> Result<u8, CliError> {
    let store = cx.store()?;
    let store = store.as_ref();
    let mode = if cx.parsed.has("check") {
        BuildMode::Check
    } else if cx.parsed.has("repair") {
        BuildMode::Repair
    } else {
        BuildMode::Normal
    };
    let mut targets =
        cx.paths.iter().map(|text| follow_with_outputs(store, text)).collect::<Result<Vec<_>, _>>()?;
    let missing = store.missing(&targets)?;
    if cx.parsed.has("ignore-unknown") {
        targets.retain(|t| !missing.unknown.contains(t.base_path()));
    }
    if cx.parsed.has("dry-run") || cx.session.settings.print_missing() {
        building::announce(&cx.session, store, &missing, cx.parsed.has("dry-run"));
    }
    if cx.parsed.has("dry-run") {
        return Ok(0);
    }
    let results = store.build(&targets, mode)?;
    building::conclude(&cx.session, store, &results)?;
    if cx.parsed.has("ignore-unknown") && targets.is_empty() {
        return Ok(0);
    }
    let mut root_number = 0;
    for target in &targets {
        for path in built_paths(store, target)? {
            let shown = match cx.parsed.value("add-root") {
                None => store.store_dir().print(&path),
                Some(root) => {
                    root_number += 1;
                    let name =
                        if root_number == 1 { root.to_owned() } else { format!("{root}-{root_number}") };
                    building::add_root(store, &path, &name)?
                }
            };
            if !cx.parsed.has("no-output") {
                cx.session.println(shown)?;
            }
        }
    }
    Ok(0)
}

/// What became valid, in the order in which it is printed.
fn built_paths(store: &dyn Store, target: &DerivedPath) -> Result<Vec<StorePath>, CliError> {
    match target {
        DerivedPath::Opaque(path) => Ok(vec![path.clone()]),
        DerivedPath::Built { outputs, .. } => {
            let all = store.derivation_outputs(target.base_path())?;
            Ok(all
                .into_iter()
                .filter(|(name, _)| outputs.contains(name))
                .filter_map(|(_, path)| path)
                .collect())
        }
    }
}

pub(super) fn read_log(cx: &Cx) -> Result<u8, CliError> {
    let store = cx.store()?;
    for text in &cx.paths {
        let path = follow(store.as_ref(), text)?;
        let shown = store.store_dir().print(&path);
        let log = store
            .build_log(&path)?
            .ok_or_else(|| CliError::new(format!("build log of derivation '{shown}' is not available")))?;
        cx.session.print(log)?;
    }
    Ok(0)
}

pub(super) fn print_env(cx: &Cx) -> Result<u8, CliError> {
    let [text] = cx.paths.as_slice() else {
        return Err(CliError::Usage(
            "'--print-env' requires one derivation store path".into(),
            cx.session.program.name.clone(),
        ));
    };
    let store = cx.store()?;
    let drv = store.read_derivation(&follow(store.as_ref(), text)?)?;
    for (name, value) in &drv.env {
        let (name, value) = (String::from_utf8_lossy(name.as_ref()), String::from_utf8_lossy(value.as_ref()));
        cx.session.println(format!("export {name}; {name}={}", shell_quote(&value)))?;
    }
    let args: Vec<String> = drv.args.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect();
    cx.session.println(format!("export _args; _args={}", shell_quote(&args.join(" "))))?;
    Ok(0)
}

/// A text as one word of the shell.
fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
