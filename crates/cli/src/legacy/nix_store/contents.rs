//! `nix-store --add`, `--dump`, `--restore`, `--export`, `--import`, `--print-fixed-path`

use std::io::Write;
use std::path::Path;

use firn_hash::{Algo, Hash};
use firn_path::{ContentMethod, FileMethod, References, StorePathSet};
use firn_source::{dump_path, restore_nar};
use firn_store::closure::topological_order;
use firn_store::{AddOptions, export};

use super::Cx;
use crate::commands::store_add;
use crate::error::CliError;
use crate::store_paths::follow;

fn add_file(cx: &Cx, path: &str, method: ContentMethod, algo: Algo) -> Result<(), CliError> {
    let store = cx.store()?;
    let added = store_add::add(store.as_ref(), path, &store_add::base_name(path)?, method, algo)?;
    cx.session.println(store.store_dir().print(&added))
}

pub(super) fn add(cx: &Cx) -> Result<u8, CliError> {
    for path in &cx.paths {
        add_file(cx, path, ContentMethod::NixArchive, Algo::Sha256)?;
    }
    Ok(0)
}

fn algorithm(text: &str) -> Result<Algo, CliError> {
    Ok(text.parse::<Algo>()?)
}

fn method(cx: &Cx) -> FileMethod {
    if cx.parsed.has("recursive") { FileMethod::NixArchive } else { FileMethod::Flat }
}

pub(super) fn add_fixed(cx: &Cx) -> Result<u8, CliError> {
    let (algo, paths) = cx.paths.split_first().ok_or_else(|| {
        CliError::Usage("first argument must be hash algorithm".into(), cx.session.program.name.clone())
    })?;
    let content = if cx.parsed.has("recursive") { ContentMethod::NixArchive } else { ContentMethod::Flat };
    for path in paths {
        add_file(cx, path, content, algorithm(algo)?)?;
    }
    Ok(0)
}

pub(super) fn print_fixed_path(cx: &Cx) -> Result<u8, CliError> {
    let [algo, hash, name] = cx.paths.as_slice() else {
        return Err(CliError::Usage(
            "'--print-fixed-path' requires three arguments".into(),
            cx.session.program.name.clone(),
        ));
    };
    let store = cx.store()?;
    let hash = Hash::parse_any(hash, Some(algorithm(algo)?))?;
    let path = store.store_dir().make_fixed_output_path(name, method(cx), &hash, &References::default())?;
    cx.session.println(store.store_dir().print(&path))?;
    Ok(0)
}

fn one(cx: &Cx) -> Result<&str, CliError> {
    match cx.paths.as_slice() {
        [path] => Ok(path),
        _ => Err(CliError::Usage("only one argument allowed".into(), cx.session.program.name.clone())),
    }
}

pub(super) fn dump(cx: &Cx) -> Result<u8, CliError> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    dump_path(Path::new(one(cx)?), &mut out)?;
    out.flush()?;
    Ok(0)
}

pub(super) fn restore(cx: &Cx) -> Result<u8, CliError> {
    let path = one(cx)?;
    let _rest =
        restore_nar(std::io::stdin().lock(), Path::new(path), firn_source::RestoreOptions::default())?;
    Ok(0)
}

pub(super) fn export(cx: &Cx) -> Result<u8, CliError> {
    let store = cx.store()?;
    let paths = cx.paths.iter().map(|p| follow(store.as_ref(), p)).collect::<Result<StorePathSet, _>>()?;
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    export::export_paths(store.as_ref(), &paths, &mut out)?;
    out.flush()?;
    Ok(0)
}

pub(super) fn import(cx: &Cx) -> Result<u8, CliError> {
    cx.no_arguments()?;
    let store = cx.store()?;
    let options = AddOptions::default();
    let paths: StorePathSet =
        export::import_paths(store.as_ref(), &mut std::io::stdin().lock(), options)?.into_iter().collect();
    for path in topological_order(store.as_ref(), &paths)?.into_iter().rev() {
        cx.session.println(store.store_dir().print(&path))?;
    }
    Ok(0)
}
