//! `nix profile …`

use std::collections::BTreeSet;
use std::path::Path;

use firn_eval::text::regex::{Regex, Scratch};
use firn_events::Level;
use firn_path::{DerivedPath, StorePath, StorePathSet};
use firn_store::BuildMode;
use firn_store::profiles::{
    DeleteGenerations, delete_generations, find_generations, parse_older_than, switch_generation,
};

use super::Command;
use super::paths::usage;
use super::store_diff::closure_diff;
use crate::args::{Flag, Parsed, option, switch};
use crate::building;
use crate::error::CliError;
use crate::flags::{EVAL, INSTALLABLES, JSON, LOCK};
use crate::installable::{Lookup, PACKAGES, Resolved, arguments, output_paths, resolve};
use crate::manifest::{DEFAULT_PRIORITY, Element, Manifest, Source, read};
use crate::profile::{chosen, switch_to};
use crate::session::Session;

const PROFILE: &[Flag] =
    &[option("profile", &["path"], "the profile to work on (the user's own by default)")];
const ADD: &[Flag] = &[option("priority", &["number"], "the priority of the package; lower numbers win")];
const MATCH: &[Flag] = &[
    switch("all", "take all packages of the profile"),
    option("regex", &["pattern"], "take packages whose name fits"),
];
const DRY_RUN: &[Flag] = &[switch("dry-run", "only say what would be done")];
const TO: &[Flag] = &[option("to", &["version"], "the version to go back to")];
const OLDER: &[Flag] = &[option("older-than", &["age"], "only versions that are older, such as 30d")];

const fn row(
    path: &'static [&'static str],
    doc: &'static str,
    flags: &'static [&'static [Flag]],
    run: fn(&Session, Parsed) -> Result<u8, CliError>,
) -> Command {
    Command { path, doc, flags, rest: false, run }
}

pub(super) const ADD_COMMAND: Command =
    row(&["profile", "add"], "add a package to a profile", &[ADD, PROFILE, INSTALLABLES, EVAL, LOCK], add);
pub(super) const REMOVE: Command =
    row(&["profile", "remove"], "remove packages from a profile", &[MATCH, PROFILE], remove);
pub(super) const UPGRADE: Command = row(
    &["profile", "upgrade"],
    "upgrade packages to what their flakes are now",
    &[MATCH, DRY_RUN, PROFILE, EVAL, LOCK],
    upgrade,
);
pub(super) const LIST: Command =
    row(&["profile", "list"], "list packages in the profile", &[PROFILE, JSON], list);
pub(super) const HISTORY: Command =
    row(&["profile", "history"], "show all versions of a profile", &[PROFILE], history);
pub(super) const DIFF: Command = row(
    &["profile", "diff-closures"],
    "show how the closure changed from version to version",
    &[PROFILE],
    diff_closures,
);
pub(super) const ROLLBACK: Command = row(
    &["profile", "rollback"],
    "go back to the previous or another version of a profile",
    &[TO, DRY_RUN, PROFILE],
    rollback,
);
pub(super) const WIPE: Command = row(
    &["profile", "wipe-history"],
    "delete versions of a profile that are not current",
    &[OLDER, DRY_RUN, PROFILE],
    wipe_history,
);

/// Builds what installables mean; the paths of each.
fn build(session: &Session, resolved: &[Resolved]) -> Result<Vec<StorePathSet>, CliError> {
    let targets: Vec<DerivedPath> = resolved.iter().map(|r| r.target.clone()).collect();
    building::realise(session, session.store()?.as_ref(), &targets, BuildMode::Normal)?;
    targets
        .iter()
        .map(|t| Ok(output_paths(session, t)?.into_iter().map(|(_, path)| path).collect()))
        .collect()
}

fn source_of(resolved: &Resolved) -> Option<Source> {
    resolved.source.as_ref().map(|s| Source {
        original: s.original.to_string(),
        locked: s.locked.to_string(),
        attr_path: s.attr_path.clone(),
        outputs: s.outputs.clone(),
    })
}

fn add(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let profile = chosen(session, &parsed)?;
    let mut manifest = read(session, &profile)?;
    let priority = match parsed.value("priority") {
        Some(text) => {
            Some(text.parse::<i64>().map_err(|_| usage(session, format!("'{text}' is not an integer")))?)
        }
        None => None,
    };
    let resolved = resolve(session, &parsed, &arguments(&parsed)?, PACKAGES)?;
    let paths = build(session, &resolved)?;
    for (found, paths) in resolved.iter().zip(paths) {
        let element = Element {
            paths,
            active: true,
            priority: priority.or(found.priority).unwrap_or(DEFAULT_PRIORITY),
            source: source_of(found),
        };
        let name = element.name();
        let same = manifest.elements.get(&name).is_some_and(|there| match (&there.source, &element.source) {
            (Some(a), Some(b)) => {
                there.priority == element.priority && a.original == b.original && a.attr_path == b.attr_path
            }
            _ => false,
        });
        if same {
            session.warn(format!("'{name}' is already added"));
            continue;
        }
        manifest.add(&name, element);
    }
    let built = manifest.build(session)?;
    switch_to(session, &profile, &built)?;
    Ok(0)
}

/// The names of the elements that the command line means.
fn matching(session: &Session, parsed: &Parsed, manifest: &Manifest) -> Result<BTreeSet<String>, CliError> {
    let count = parsed.count("all") + parsed.count("regex") + parsed.positional.len();
    if count == 0 {
        return Err(usage(session, "No packages specified."));
    }
    if parsed.has("all") && count > 1 {
        return Err(usage(session, "--all cannot be used with package names or regular expressions."));
    }
    let dir = crate::evaluation::store_dir(session)?;
    type Matcher<'a> = (String, Box<dyn Fn(&str, &Element) -> bool + 'a>);
    let mut matchers: Vec<Matcher<'_>> = Vec::new();
    if parsed.has("all") {
        matchers.push(("--all".into(), Box::new(|_, _| true)));
    }
    for pattern in parsed.values("regex") {
        let regex =
            Regex::new(pattern.to_lowercase().as_bytes()).map_err(|e| CliError::new(e.message(pattern)))?;
        let fits = move |_: &str, element: &Element| {
            let text = element.identifier().to_lowercase();
            regex.full_match(text.as_bytes(), &mut Scratch::default()).is_some()
        };
        matchers.push((format!("Regex '{pattern}'"), Box::new(fits)));
    }
    for word in &parsed.positional {
        if word.parse::<usize>().is_ok() {
            return Err(CliError::new(format!("'nix profile' no longer supports indices ('{word}')")));
        }
        match dir.parse(word).ok().filter(|_| dir.is_store_path(word)) {
            Some(path) => {
                let title = format!("Store path '{path}'");
                matchers.push((title, Box::new(move |_, element: &Element| element.paths.contains(&path))));
            }
            None => {
                matchers
                    .push((format!("Package name '{word}'"), Box::new(move |name: &str, _| name == word)));
            }
        }
    }
    if manifest.elements.is_empty() {
        session.warn("There are no packages in the profile.");
        return Ok(BTreeSet::new());
    }
    let mut names = BTreeSet::new();
    for (title, fits) in &matchers {
        let before = names.len();
        let found: Vec<&String> =
            manifest.elements.iter().filter(|(n, e)| fits(n, e)).map(|(n, _)| n).collect();
        if found.is_empty() && before == names.len() {
            session.warn(format!("{title} does not match any packages in the profile."));
        }
        names.extend(found.into_iter().cloned());
    }
    Ok(names)
}

fn remove(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let profile = chosen(session, &parsed)?;
    let old = read(session, &profile)?;
    let names = matching(session, &parsed, &old)?;
    if names.is_empty() {
        session.warn("No packages to remove. Use 'nix profile list' to see the current profile.");
        return Ok(0);
    }
    let mut new = old.clone();
    for name in &names {
        if let Some(element) = new.elements.remove(name) {
            session.events().message(Level::Notice, format!("removing '{}'", element.identifier()));
        }
    }
    let (removed, kept) = (old.elements.len() - new.elements.len(), new.elements.len());
    session.events().message(Level::Info, format!("removed {removed} packages, kept {kept} packages"));
    let built = new.build(session)?;
    switch_to(session, &profile, &built)?;
    Ok(0)
}

/// Whether a reference can never mean something else than now.
fn is_locked(reference: &str) -> bool {
    let context = firn_flake::reference::Context { base: None, flake: true, keep_relative: false };
    firn_flake::FlakeRef::parse(reference, context).is_ok_and(|r| r.input.is_locked())
}

fn upgrade(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let profile = chosen(session, &parsed)?;
    let mut manifest = read(session, &profile)?;
    let names = matching(session, &parsed, &manifest)?;
    if names.is_empty() {
        session.warn("No packages to upgrade. Use 'nix profile list' to see the current profile.");
        return Ok(0);
    }
    let mut candidates = 0;
    let mut changed: Vec<(String, Resolved, Source)> = Vec::new();
    let mut evaluation = parsed.clone();
    evaluation.positional.clear();
    for name in &names {
        let element = &manifest.elements[name];
        let Some(source) = &element.source else {
            session.warn(format!(
                "Found package '{}', but it was not added from a flake, so it can't be checked for upgrades!",
                element.identifier()
            ));
            continue;
        };
        if is_locked(&source.original) {
            session.warn(format!(
                "Found package '{}', but it was added from a locked flake reference so it can't be upgraded!",
                element.identifier()
            ));
            continue;
        }
        candidates += 1;
        session.events().message(Level::Chatty, format!("checking '{}' for updates", source.attr_path));
        let exact = Lookup { defaults: &[], prefixes: &[] };
        let text = format!("{}#.{}{}", source.original, source.attr_path, source.outputs);
        let mut found = resolve(session, &evaluation, &[text], exact)?;
        let Some(found) = (!found.is_empty()).then(|| found.remove(0)) else { continue };
        let Some(mut now) = source_of(&found) else { continue };
        now.outputs = source.outputs.clone();
        if is_locked(&now.locked) && now.locked == source.locked {
            continue;
        }
        session.events().message(
            Level::Info,
            format!("upgrading '{}' from flake '{}' to '{}'", source.attr_path, source.locked, now.locked),
        );
        changed.push((name.clone(), found, now));
    }
    if candidates == 0 {
        session.warn("Found some packages but none of them could be upgraded.");
        return Ok(0);
    }
    if parsed.has("dry-run") {
        return Ok(0);
    }
    let resolved: Vec<Resolved> = changed.iter().map(|(_, found, _)| found.clone()).collect();
    let paths = build(session, &resolved)?;
    for ((name, _, source), paths) in changed.into_iter().zip(paths) {
        if let Some(element) = manifest.elements.get_mut(&name) {
            element.paths = paths;
            element.source = Some(source);
        }
    }
    let built = manifest.build(session)?;
    switch_to(session, &profile, &built)?;
    Ok(0)
}

fn list(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    super::paths::none(session, &parsed)?;
    let manifest = read(session, &chosen(session, &parsed)?)?;
    let store = session.store()?;
    let dir = store.store_dir();
    if parsed.has("json") {
        session.print_json(&manifest.to_json(dir), &parsed)?;
        return Ok(0);
    }
    let (bold, red, normal) = colours();
    for (i, (name, element)) in manifest.elements.iter().enumerate() {
        if i > 0 {
            session.println("")?;
        }
        let inactive = if element.active { String::new() } else { format!(" {red}(inactive){normal}") };
        session.println(format!("Name:               {bold}{name}{normal}{inactive}"))?;
        if let Some(source) = &element.source {
            session.println(format!("Flake attribute:    {}{}", source.attr_path, source.outputs))?;
            session.println(format!("Original flake URL: {}", source.original))?;
            session.println(format!("Locked flake URL:   {}", source.locked))?;
        }
        let paths: Vec<String> = element.paths.iter().map(|p| dir.print(p)).collect();
        session.println(format!("Store paths:        {}", paths.join(" ")))?;
    }
    Ok(0)
}

/// Bold, red and normal, on a terminal.
fn colours() -> (&'static str, &'static str, &'static str) {
    if crate::progress::Style::of_stdout().colours {
        ("\x1b[1m", "\x1b[31;1m", "\x1b[0m")
    } else {
        ("", "", "")
    }
}

fn diff_closures(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    super::paths::none(session, &parsed)?;
    let store = session.store()?;
    let generations = find_generations(&chosen(session, &parsed)?)?;
    let target = |link: &Path| crate::store_paths::follow(store.as_ref(), &link.to_string_lossy());
    for (i, pair) in generations.all.windows(2).enumerate() {
        if i > 0 {
            session.println("")?;
        }
        let (before, after): (StorePath, StorePath) = (target(&pair[0].path)?, target(&pair[1].path)?);
        session.println(format!("Version {} -> {}:", pair[0].number, pair[1].number))?;
        session.print(closure_diff(store.as_ref(), &before, &after, "  ")?)?;
    }
    Ok(0)
}

fn history(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    super::paths::none(session, &parsed)?;
    let generations = find_generations(&chosen(session, &parsed)?)?;
    let colours = crate::progress::Style::of_stdout().colours;
    let mut before: Option<(u64, Manifest)> = None;
    for generation in &generations.all {
        let manifest = read(session, &generation.path)?;
        if before.is_some() {
            session.println("")?;
        }
        let (start, end) = match (colours, generations.current == Some(generation.number)) {
            (false, _) => ("", ""),
            (true, true) => ("\x1b[32;1m", "\x1b[0m"),
            (true, false) => ("\x1b[1m", "\x1b[0m"),
        };
        let from = before.as_ref().map(|(n, _)| format!(" <- {n}")).unwrap_or_default();
        let date = firn_flake::diff::date(u64::try_from(generation.created).unwrap_or(0));
        session.println(format!("Version {start}{}{end} ({date}){from}:", generation.number))?;
        let empty = Manifest::default();
        session.print(changes(before.as_ref().map_or(&empty, |(_, m)| m), &manifest))?;
        before = Some((generation.number, manifest));
    }
    Ok(0)
}

/// What changed from one manifest to the next, a line each.
fn changes(old: &Manifest, new: &Manifest) -> String {
    let names: BTreeSet<&String> = old.elements.keys().chain(new.elements.keys()).collect();
    let mut out = String::new();
    for name in names {
        let line = match (old.elements.get(name), new.elements.get(name)) {
            (None, Some(new)) => format!("{}: ∅ -> {}", new.identifier(), new.versions()),
            (Some(old), None) => format!("{}: {} -> ∅", old.identifier(), old.versions()),
            (Some(old), Some(new)) if old.versions() != new.versions() => {
                format!("{}: {} -> {}", old.identifier(), old.versions(), new.versions())
            }
            _ => continue,
        };
        out += &format!("  {line}\n");
    }
    if out.is_empty() { "  No changes.\n".to_owned() } else { out }
}

fn rollback(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    super::paths::none(session, &parsed)?;
    let to = match parsed.value("to") {
        Some(text) => {
            Some(text.parse::<u64>().map_err(|_| usage(session, format!("'{text}' is not an integer")))?)
        }
        None => None,
    };
    switch_generation(&chosen(session, &parsed)?, to, parsed.has("dry-run"), session.events())?;
    Ok(0)
}

fn wipe_history(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    super::paths::none(session, &parsed)?;
    let which = match parsed.value("older-than") {
        Some(age) => DeleteGenerations::OlderThan(parse_older_than(age, crate::profile::now())?),
        None => DeleteGenerations::Old,
    };
    delete_generations(&chosen(session, &parsed)?, &which, parsed.has("dry-run"), session.events())?;
    Ok(0)
}
