//! `nix store diff-closures`

use std::collections::{BTreeMap, BTreeSet};

use firn_path::StorePath;
use firn_store::{Store, closure};

use super::paths::usage;
use crate::args::Parsed;
use crate::building;
use crate::error::CliError;
use crate::installable::{PACKAGES, output_paths, resolve};
use crate::manifest::show_versions;
use crate::packages::split_name;
use crate::session::Session;

/// Sizes of the versions of a package.
type Versions = BTreeMap<String, u64>;

/// Smaller changes of size are not shown.
const SHOWN: i64 = 8 * 1024;

/// Prints how one closure differs from another.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let [before, after] = parsed.positional.as_slice() else {
        return Err(usage(session, "more arguments are required"));
    };
    let before = one(session, &parsed, before)?;
    let after = one(session, &parsed, after)?;
    session.print(closure_diff(session.store()?.as_ref(), &before, &after, "")?)?;
    Ok(0)
}

/// The only path that an installable means, built.
pub(super) fn one(session: &Session, parsed: &Parsed, text: &str) -> Result<StorePath, CliError> {
    let resolved = resolve(session, parsed, &[text.to_owned()], PACKAGES)?;
    let targets: Vec<_> = resolved.into_iter().map(|r| r.target).collect();
    building::realise(session, session.store()?.as_ref(), &targets, firn_store::BuildMode::Normal)?;
    let mut paths = Vec::new();
    for target in &targets {
        paths.extend(output_paths(session, target)?.into_iter().map(|(_, path)| path));
    }
    match paths.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(CliError::new(format!("argument '{text}' should evaluate to one store path"))),
    }
}

/// Whether a name ends in what is usually an output: `-dev`, `-lib32`.
fn without_output(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((start, end))
            if matches!(end, "lib32" | "lib64")
                || (!end.is_empty() && end.bytes().all(|c| c.is_ascii_lowercase())) =>
        {
            start
        }
        _ => name,
    }
}

fn by_name(store: &dyn Store, top: &StorePath) -> Result<BTreeMap<String, Versions>, CliError> {
    let mut all: BTreeMap<String, Versions> = BTreeMap::new();
    for path in closure::closure(store, [top], closure::ClosureOptions::default())? {
        let (name, version) = split_name(without_output(path.name()));
        *all.entry(name).or_default().entry(version).or_default() += store.require_info(&path)?.nar_size;
    }
    Ok(all)
}

/// A line for each package whose versions differ, or whose size does by much.
pub(super) fn closure_diff(
    store: &dyn Store,
    before: &StorePath,
    after: &StorePath,
    indent: &str,
) -> Result<String, CliError> {
    let (before, after) = (by_name(store, before)?, by_name(store, after)?);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = Versions::new();
    let colours = crate::progress::Style::of_stdout().colours;
    let mut out = String::new();
    for name in names {
        let (old, new) = (before.get(name).unwrap_or(&none), after.get(name).unwrap_or(&none));
        let total = |versions: &Versions| i64::try_from(versions.values().sum::<u64>()).unwrap_or(i64::MAX);
        let delta = total(new) - total(old);
        let only = |a: &Versions, b: &Versions| -> BTreeSet<String> {
            a.keys().filter(|v| !b.contains_key(*v)).cloned().collect()
        };
        let (removed, added) = (only(old, new), only(new, old));
        let mut items = Vec::new();
        if !removed.is_empty() || !added.is_empty() {
            items.push(format!("{} → {}", show_versions(&removed), show_versions(&added)));
        }
        if delta.abs() >= SHOWN {
            let sign = if delta < 0 { "-" } else { "" };
            let size = format!("{sign}{}", firn_store::render_size(delta.unsigned_abs()));
            items.push(match (colours, delta > 0) {
                (false, _) => size,
                (true, true) => format!("\x1b[31;1m{size}\x1b[0m"),
                (true, false) => format!("\x1b[32;1m{size}\x1b[0m"),
            });
        }
        if !items.is_empty() {
            out += &format!("{indent}{name}: {}\n", items.join(", "));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::without_output;

    #[test]
    fn names_of_outputs_are_taken_away() {
        for (name, without) in [
            ("hello-2.12-man", "hello-2.12"),
            ("gcc-12-lib64", "gcc-12"),
            ("a-1.0", "a-1.0"),
            ("foo-bar", "foo"),
        ] {
            assert_eq!(without_output(name), without);
        }
    }
}
