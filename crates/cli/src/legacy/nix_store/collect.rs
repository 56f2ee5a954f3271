//! `nix-store --gc`, `--delete`, `--optimise`

use firn_path::StorePathSet;
use firn_store::gc::{GcAction, GcOptions};

use super::Cx;
use crate::commands::paths::{gc_defaults, print_freed, size_argument, usage};
use crate::error::CliError;
use crate::store_paths::follow;

fn max_freed(cx: &Cx) -> Result<u64, CliError> {
    let given = cx.parsed.value("max-freed").map(size_argument).transpose();
    Ok(given.map_err(|e| usage(&cx.session, e))?.unwrap_or(u64::MAX))
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
    let options = GcOptions { action, max_freed: max_freed(cx)?, ..gc_defaults() };
    let results = cx.store()?.collect_garbage(&options)?;
    if action != GcAction::DeleteDead {
        for path in &results.paths {
            cx.session.println(path)?;
        }
    } else {
        print_freed(&cx.session, &results, false)?;
    }
    Ok(0)
}

pub(super) fn delete(cx: &Cx) -> Result<u8, CliError> {
    let store = cx.store()?;
    let paths = cx.paths.iter().map(|p| follow(store.as_ref(), p)).collect::<Result<StorePathSet, _>>()?;
    let options = GcOptions {
        action: GcAction::DeleteSpecific,
        ignore_liveness: cx.parsed.has("ignore-liveness"),
        paths: Some(paths),
        ..gc_defaults()
    };
    let results = cx.store()?.collect_garbage(&options)?;
    print_freed(&cx.session, &results, false)?;
    Ok(0)
}

pub(super) fn optimise(cx: &Cx) -> Result<u8, CliError> {
    cx.no_arguments()?;
    cx.store()?.optimise()?;
    Ok(0)
}
