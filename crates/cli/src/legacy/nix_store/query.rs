//! `nix-store --query`

use std::collections::BTreeSet;
use std::fmt::Write;

use firn_path::{StorePath, StorePathSet};
use firn_store::closure::{ClosureOptions, closure, topological_order};
use firn_store::{BuildMode, Store};

use super::Cx;
use crate::error::CliError;
use crate::store_paths::follow;

const KINDS: [&str; 15] = [
    "outputs",
    "requisites",
    "references",
    "referrers",
    "referrers-closure",
    "deriver",
    "valid-derivers",
    "binding",
    "hash",
    "size",
    "tree",
    "graph",
    "graphml",
    "roots",
    "resolve",
];

pub(super) fn query(cx: &Cx) -> Result<u8, CliError> {
    let given: Vec<&str> = KINDS.iter().copied().filter(|k| cx.parsed.has(k)).collect();
    let kind = match given.as_slice() {
        [] => "outputs",
        [one] => *one,
        [a, b, ..] => {
            let message = format!("query type '--{b}' conflicts with earlier flag '--{a}'");
            return Err(CliError::Usage(message, cx.session.program.name.clone()));
        }
    };
    let store = cx.store()?;
    let store = store.as_ref();
    let dir = store.store_dir().clone();
    let force = cx.parsed.has("force-realise");
    let use_output = cx.parsed.has("use-output");
    let starts = |text: &str| resolve(store, text, use_output, force);
    match kind {
        "outputs" => {
            for text in &cx.paths {
                let drv = follow(store, text)?;
                if force {
                    realise(store, &drv)?;
                }
                for path in outputs(store, &drv)? {
                    cx.session.println(dir.print(&path))?;
                }
            }
        }
        "requisites" | "references" | "referrers" | "referrers-closure" => {
            let mut all = StorePathSet::new();
            for text in &cx.paths {
                for path in starts(text)? {
                    match kind {
                        "requisites" => {
                            let options = ClosureOptions {
                                include_outputs: cx.parsed.has("include-outputs"),
                                ..Default::default()
                            };
                            all.extend(closure(store, [&path], options)?);
                        }
                        "references" => all.extend(store.require_info(&path)?.references.iter().cloned()),
                        "referrers" => all.extend(store.referrers(&path)?),
                        _ => all.extend(closure(
                            store,
                            [&path],
                            ClosureOptions { backwards: true, ..Default::default() },
                        )?),
                    }
                }
            }
            // What is referred to comes first.
            for path in topological_order(store, &all)?.into_iter().rev() {
                cx.session.println(dir.print(&path))?;
            }
        }
        "deriver" => {
            for text in &cx.paths {
                let info = store.require_info(&follow(store, text)?)?;
                cx.session
                    .println(info.deriver.as_ref().map_or("unknown-deriver".to_owned(), |d| dir.print(d)))?;
            }
        }
        "valid-derivers" => {
            let mut all = StorePathSet::new();
            for text in &cx.paths {
                let found = store.valid_derivers(&follow(store, text)?)?;
                if found.is_empty() {
                    let path = follow(store, text)?;
                    return Err(CliError::new(format!("path '{}' has no valid derivers", dir.print(&path))));
                }
                all.extend(found);
            }
            for path in all {
                cx.session.println(dir.print(&path))?;
            }
        }
        "binding" => binding(cx, store)?,
        "hash" | "size" => {
            for text in &cx.paths {
                for path in starts(text)? {
                    let info = store.require_info(&path)?;
                    cx.session.println(if kind == "hash" {
                        info.nar_hash.render(firn_hash::Format::Nix32, true)
                    } else {
                        info.nar_size.to_string()
                    })?;
                }
            }
        }
        "tree" => {
            let mut done = BTreeSet::new();
            for text in &cx.paths {
                let mut out = String::new();
                tree(store, &follow(store, text)?, "", "", &mut done, &mut out)?;
                cx.session.print(out)?;
            }
        }
        "graph" | "graphml" => {
            let mut all = StorePathSet::new();
            for text in &cx.paths {
                all.extend(closure(store, &starts(text)?, ClosureOptions::default())?);
            }
            cx.session.print(if kind == "graph" { graph(store, &all)? } else { graphml(store, &all)? })?;
        }
        "resolve" => {
            for text in &cx.paths {
                cx.session.println(dir.print(&follow(store, text)?))?;
            }
        }
        _ => roots(cx, store)?,
    }
    Ok(0)
}

fn binding(cx: &Cx, store: &dyn Store) -> Result<(), CliError> {
    let (name, paths) =
        cx.paths.split_first().ok_or_else(|| CliError::new("the name of a variable is expected"))?;
    for text in paths {
        let path = deriver(store, &follow(store, text)?)?;
        let drv = store.read_derivation(&path)?;
        let value = drv.env_get(name).ok_or_else(|| {
            CliError::new(format!(
                "derivation '{}' has no environment binding named '{name}'",
                store.store_dir().print(&path)
            ))
        })?;
        cx.session.print([value, b"\n"].concat())?;
    }
    Ok(())
}

fn deriver(store: &dyn Store, path: &StorePath) -> Result<StorePath, CliError> {
    if path.is_derivation() {
        return Ok(path.clone());
    }
    let info = store.require_info(path)?;
    info.deriver.clone().ok_or_else(|| {
        CliError::new(format!("deriver of path '{}' is not known", store.store_dir().print(path)))
    })
}

fn realise(store: &dyn Store, path: &StorePath) -> Result<(), CliError> {
    let target = if path.is_derivation() {
        firn_path::DerivedPath::built(path.clone(), firn_path::OutputsSpec::All)
    } else {
        firn_path::DerivedPath::Opaque(path.clone())
    };
    Ok(firn_store::require_success(&store.build(&[target], BuildMode::Normal)?)?)
}

fn outputs(store: &dyn Store, path: &StorePath) -> Result<Vec<StorePath>, CliError> {
    if !path.is_derivation() {
        return Ok(vec![path.clone()]);
    }
    let drv = store.read_derivation(path)?;
    let known = drv.output_paths(store.store_dir())?;
    known
        .into_iter()
        .map(|(name, output)| {
            output.ok_or_else(|| {
                CliError::new(format!(
                    "output '{name}' of '{}' has no known path",
                    store.store_dir().print(path)
                ))
            })
        })
        .collect()
}

/// The paths that an argument of a query stands for.
fn resolve(store: &dyn Store, text: &str, use_output: bool, force: bool) -> Result<Vec<StorePath>, CliError> {
    let path = follow(store, text)?;
    if force {
        realise(store, &path)?;
    }
    if use_output && path.is_derivation() { outputs(store, &path) } else { Ok(vec![path]) }
}

fn tree(
    store: &dyn Store,
    path: &StorePath,
    first: &str,
    rest: &str,
    done: &mut BTreeSet<StorePath>,
    out: &mut String,
) -> Result<(), CliError> {
    let dir = store.store_dir();
    if !done.insert(path.clone()) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{first}{} [...]", dir.print(path));
        return Ok(());
    }
    let _ = writeln!(out, "{first}{}", dir.print(path));
    let mut references = store.require_info(path)?.references.clone();
    references.remove(path);
    let sorted: Vec<StorePath> = topological_order(store, &references)?.into_iter().collect();
    for (i, reference) in sorted.iter().enumerate() {
        let last = i + 1 == sorted.len();
        let (branch, below) = if last { ("└───", "    ") } else { ("├───", "│   ") };
        tree(store, reference, &format!("{rest}{branch}"), &format!("{rest}{below}"), done, out)?;
    }
    Ok(())
}

fn graph(store: &dyn Store, paths: &StorePathSet) -> Result<String, CliError> {
    let mut out = String::from("digraph G {\n");
    for path in paths {
        let colour = if path.is_derivation() { "#00ff00" } else { "#ff0000" };
        let _ = writeln!(
            out,
            "\"{path}\" [label = \"{}\", shape = box, style = filled, fillcolor = \"{colour}\"];",
            path.name()
        );
        for reference in &store.require_info(path)?.references {
            if reference != path {
                let _ = writeln!(out, "\"{reference}\" -> \"{path}\" [color = \"black\"];");
            }
        }
    }
    out.push_str("}\n");
    Ok(out)
}

fn graphml(store: &dyn Store, paths: &StorePathSet) -> Result<String, CliError> {
    let mut out = String::from(concat!(
        "<?xml version='1.0' encoding='utf-8'?>\n",
        "<graphml xmlns='http://graphml.graphdrawing.org/xmlns'\n",
        "    xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'\n",
        "    xsi:schemaLocation='http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd'>\n",
        "<key id='narSize' for='node' attr.name='narSize' attr.type='long'/>",
        "<key id='name' for='node' attr.name='name' attr.type='string'/>",
        "<key id='type' for='node' attr.name='type' attr.type='string'/>",
        "<graph id='G' edgedefault='directed'>\n"
    ));
    for path in paths {
        let info = store.require_info(path)?;
        let kind = if path.is_derivation() { "derivation" } else { "output-path" };
        let _ = writeln!(
            out,
            "  <node id=\"{path}\">\n    <data key=\"narSize\">{}</data>\n    <data key=\"name\">{}</data>\n    <data key=\"type\">{kind}</data>\n  </node>",
            info.nar_size,
            path.name()
        );
        for reference in &info.references {
            if reference != path {
                let _ = writeln!(out, "  <edge source=\"{path}\" target=\"{reference}\"/>");
            }
        }
    }
    out.push_str("</graph>\n</graphml>\n");
    Ok(out)
}

fn roots(cx: &Cx, store: &dyn Store) -> Result<(), CliError> {
    let mut wanted = StorePathSet::new();
    for text in &cx.paths {
        let path = follow(store, text)?;
        wanted.extend(closure(store, [&path], ClosureOptions { backwards: true, ..Default::default() })?);
    }
    let dir = store.store_dir();
    for (target, links) in store.find_roots(false)? {
        if wanted.contains(&target) {
            for link in links {
                cx.session.println(format!("{link} -> {}", dir.print(&target)))?;
            }
        }
    }
    Ok(())
}
