//! `nix-store --gc`, `--delete`, `--optimise`

use firn_events::Level;
use firn_path::StorePathSet;
use firn_store::gc::{GcAction, GcOptions};

use super::Cx;
use crate::error::CliError;
use crate::store_paths::follow;

fn max_freed(cx: &Cx) -> Result<u64, CliError> {
    let Some(text) = cx.parsed.value("max-freed") else { return Ok(u64::MAX) };
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let shift = match &text[split..] {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => {
            return Err(CliError::new(format!(
                "'{text}' is not a size: a number with K, M, G or T is expected"
            )));
        }
    };
    let n: u64 = text[..split].parse().map_err(|_| CliError::new(format!("'{text}' is not a size")))?;
    n.checked_mul(1 << shift).ok_or_else(|| CliError::new(format!("size '{text}' is too large")))
}

pub(super) fn gc(cx: &Cx) -> Result<u8, CliError> {
    cx.no_arguments()?;
    let store = cx.store()?;
    if cx.parsed.has("print-roots") {
        for (target, links) in store.find_roots(false)? {
            for link in links {
                cx.session.println(format!("{link} -> {}", store.store_dir().print(&target)))?;
            }
        }
        return Ok(0);
    }
    let action = if cx.parsed.has("print-live") {
        GcAction::ReturnLive
    } else if cx.parsed.has("print-dead") {
        GcAction::ReturnDead
    } else {
        GcAction::DeleteDead
    };
    let options = GcOptions { action, max_freed: max_freed(cx)?, ..GcOptions::default() };
    let results = cx.with_local(|local| Ok(local.collect_garbage(&options)?))?;
    if action != GcAction::DeleteDead {
        for path in &results.paths {
            cx.session.println(path)?;
        }
    } else {
        freed(cx, results.paths.len(), results.bytes_freed)?;
    }
    Ok(0)
}

fn freed(cx: &Cx, paths: usize, bytes: u64) -> Result<(), CliError> {
    cx.session.println(format!("{paths} store paths deleted, {} freed", firn_store::render_size(bytes)))
}

pub(super) fn delete(cx: &Cx) -> Result<u8, CliError> {
    let store = cx.store()?;
    let paths = cx.paths.iter().map(|p| follow(store.as_ref(), p)).collect::<Result<StorePathSet, _>>()?;
    let options = GcOptions {
        action: GcAction::DeleteSpecific,
        ignore_liveness: cx.parsed.has("ignore-liveness"),
        paths: Some(paths),
        ..GcOptions::default()
    };
    let results = cx.with_local(|local| Ok(local.collect_garbage(&options)?))?;
    freed(cx, results.paths.len(), results.bytes_freed)?;
    Ok(0)
}

pub(super) fn optimise(cx: &Cx) -> Result<u8, CliError> {
    cx.no_arguments()?;
    let stats = cx.with_local(|local| Ok(local.optimise()?))?;
    let text = format!(
        "{} freed by hard-linking {} files",
        firn_store::render_size(stats.bytes_freed),
        stats.files_linked
    );
    cx.session.events().message(Level::Info, text);
    Ok(0)
}
