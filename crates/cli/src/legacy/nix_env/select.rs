//! Which packages a command line means.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use firn_eval::pos::Origin;
use firn_eval::text::regex::{Regex, Scratch};
use firn_eval::text::version::compare;
use firn_eval::{Ctx, FileKind, Pos, SourcePath, Value};
use firn_path::DerivedPath;

use super::Call;
use crate::error::CliError;
use crate::evaluation::{Outcome, auto_args, current_dir, file_argument};
use crate::packages::{Package, collect, collect_below, installed, split_name};

/// `hello`, `hello-2.12`, `*`, or a regular expression for names.
pub(super) struct Selector {
    pub text: String,
    name: String,
    version: String,
    regex: Option<Regex>,
}

impl Selector {
    pub(super) fn new(text: &str) -> Result<Selector, CliError> {
        let (name, version) = split_name(text);
        let regex = match name.as_str() {
            "*" => None,
            name => Some(Regex::new(name.as_bytes()).map_err(|e| CliError::new(e.message(name)))?),
        };
        Ok(Selector { text: text.to_owned(), name, version, regex })
    }

    pub(super) fn matches(&self, full: &str) -> bool {
        let (name, version) = split_name(full);
        let fits = self
            .regex
            .as_ref()
            .is_none_or(|r| r.full_match(name.as_bytes(), &mut Scratch::default()).is_some());
        fits && (self.version.is_empty() || self.version == version)
    }
}

/// At most so many expressions in one folder.
const MAX_EXPRESSIONS: usize = 1024;

impl Call<'_> {
    /// The value of the expression that packages are taken from. A folder without `default.nix` is the set of the expressions
    /// in it and in its folders.
    pub(super) fn source(&self, ctx: &mut Ctx) -> Outcome<Value> {
        let path = match self.parsed.value("file") {
            Some(file) => file_argument(ctx, file)?,
            None => SourcePath::file(&self.default_expression().to_string_lossy()),
        };
        let real = std::fs::canonicalize(&*path.path);
        let is_folder = match &real {
            Ok(real) => real.is_dir() && !real.join("default.nix").exists(),
            Err(_) => false,
        };
        let mounted = ctx.io.stat(&firn_eval::paths::join(&path, "default.nix")).ok().flatten();
        if !is_folder || mounted == Some(FileKind::Regular) {
            return Ok(ctx.eval_main_file(&path)?);
        }
        let mut seen = BTreeMap::new();
        let mut names = HashSet::new();
        self.expressions(Path::new(&*path.path), &mut names, &mut seen)?;
        let mut text = String::from("{ _combineChannels = []; ");
        for (name, file) in seen {
            let (mut quoted_name, mut quoted_file) = (String::new(), String::new());
            firn_eval::print::string_literal(name.as_bytes(), &mut quoted_name);
            firn_eval::print::string_literal(file.as_bytes(), &mut quoted_file);
            text += &format!("{quoted_name} = import {quoted_file}; ");
        }
        text.push('}');
        Ok(ctx.eval_text(&text, Origin::String, &current_dir()?, None)?)
    }

    fn expressions(
        &self,
        folder: &Path,
        names: &mut HashSet<String>,
        found: &mut BTreeMap<String, String>,
    ) -> Result<(), CliError> {
        let mut entries: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|e| e.file_name()).collect();
        entries.sort();
        for entry in entries {
            let name = entry.to_string_lossy().into_owned();
            // profiles have one, and channels are profiles
            if name == "manifest.nix" {
                continue;
            }
            let Ok(path) = std::fs::canonicalize(folder.join(&entry)) else { continue };
            let is_file = path.is_file();
            let is_expression = if is_file {
                path.extension().is_some_and(|e| e == "nix")
            } else {
                path.join("default.nix").exists()
            };
            if is_expression {
                let attr = name.strip_suffix(".nix").unwrap_or(&name).to_owned();
                if !names.insert(attr.clone()) {
                    let shown = path.display();
                    self.session.warn(format!("name collision in input Nix expressions, skipping '{shown}'"));
                    continue;
                }
                if names.len() > MAX_EXPRESSIONS {
                    let text = format!("too many Nix expressions in directory '{}'", folder.display());
                    return Err(CliError::new(text));
                }
                found.insert(attr, path.to_string_lossy().into_owned());
            } else if path.is_dir() {
                self.expressions(&path, names, found)?;
            }
        }
        Ok(())
    }

    /// Everything that the expression offers, below an attribute path.
    pub(super) fn available(&self, ctx: &mut Ctx, below: &str) -> Outcome<Vec<Package>> {
        let root = self.source(ctx)?;
        let args = auto_args(ctx, self.parsed)?;
        let value = ctx.select_path(root, below, &args)?;
        let mut all = collect_below(ctx, value, below, &args, true)?;
        if let Some(system) = self.parsed.value("system-filter").filter(|s| *s != "*") {
            let mut kept = Vec::new();
            for package in all {
                if package.system(ctx)? == system {
                    kept.push(package);
                }
            }
            all = kept;
        }
        Ok(all)
    }

    /// What is installed now.
    pub(super) fn installed(&self, ctx: &mut Ctx) -> Outcome<Vec<Package>> {
        self.installed_in(ctx, &self.profile.clone())
    }

    fn installed_in(&self, ctx: &mut Ctx, profile: &Path) -> Outcome<Vec<Package>> {
        let Some(path) = crate::profile::current(self.session, profile)? else { return Ok(Vec::new()) };
        let store = self.session.store()?;
        let shown = store.store_dir().print(&path);
        installed(ctx, &crate::manifest::real_path(store.as_ref(), Path::new(&shown)))
    }

    /// The packages that the arguments mean.
    pub(super) fn chosen(&self, ctx: &mut Ctx, newest: bool) -> Outcome<Vec<Package>> {
        let words = self.arguments();
        if self.parsed.has("from-expression") {
            let source = self.source(ctx)?;
            let args = auto_args(ctx, self.parsed)?;
            let mut all = Vec::new();
            for text in words {
                let function = ctx.eval_text(text, Origin::String, &current_dir()?, None)?;
                let value = ctx.call(function, &[source], Pos::NONE)?;
                all.extend(collect(ctx, value, &args, true)?);
            }
            return Ok(all);
        }
        if self.parsed.has("attr") {
            let source = self.source(ctx)?;
            let args = auto_args(ctx, self.parsed)?;
            let mut all = Vec::new();
            for path in words {
                let value = ctx.select_path(source, path, &args)?;
                all.extend(collect(ctx, value, &args, true)?);
            }
            return Ok(all);
        }
        if let Some(profile) = self.parsed.value("from-profile") {
            let all = self.installed_in(ctx, &std::path::absolute(profile).map_err(CliError::from)?)?;
            return self.filter(ctx, all, words, newest);
        }
        if words.first().is_some_and(|w| w.contains('/')) {
            return words.iter().map(|w| self.store_path(w)).collect();
        }
        let all = self.available(ctx, "")?;
        self.filter(ctx, all, words, newest)
    }

    fn store_path(&self, text: &str) -> Outcome<Package> {
        let store = self.session.store()?;
        let path = crate::store_paths::follow(store.as_ref(), text)?;
        if !path.is_derivation() {
            return Ok(Package::plain(path.name().to_owned(), path, None));
        }
        let outputs = store.derivation_outputs(&path).map_err(CliError::from)?;
        let out = outputs.get("out").cloned().flatten();
        let out = out.ok_or_else(|| CliError::new(format!("derivation '{text}' has no output 'out'")))?;
        Ok(Package::plain(path.name().to_owned(), out, Some(path)))
    }

    /// The packages that the selectors fit, in the order of the selectors; each must fit something.
    pub(super) fn filter(
        &self,
        ctx: &mut Ctx,
        all: Vec<Package>,
        words: &[String],
        newest: bool,
    ) -> Outcome<Vec<Package>> {
        let everything = ["*".to_owned()];
        let words = if words.is_empty() { &everything } else { words };
        let mut done = BTreeSet::new();
        let mut found = Vec::new();
        for word in words {
            let selector = Selector::new(word)?;
            let mut fits: Vec<usize> = (0..all.len()).filter(|i| selector.matches(&all[*i].name)).collect();
            if fits.is_empty() && word != "*" {
                let names: BTreeSet<String> = all
                    .iter()
                    .map(|p| split_name(&p.name).0)
                    .filter(|n| n.starts_with(&selector.name))
                    .take(3)
                    .collect();
                let mut text = format!("selector '{word}' matches no derivations");
                if !names.is_empty() {
                    text += ", maybe you meant:";
                    names.iter().for_each(|n| text += &format!("\n{n}"));
                }
                return Err(CliError::new(text).into());
            }
            if newest {
                fits = self.newest(ctx, &all, fits)?;
            }
            found.extend(fits.into_iter().filter(|i| done.insert(*i)).map(|i| all[i].clone()));
        }
        Ok(found)
    }

    /// Of packages with one name: the one for this system, with the best priority, with the highest version.
    fn newest(&self, ctx: &mut Ctx, all: &[Package], fits: Vec<usize>) -> Outcome<Vec<usize>> {
        let mut best: BTreeMap<String, usize> = BTreeMap::new();
        let mut several = BTreeSet::new();
        let here = self.session.settings.system().to_string();
        for i in fits {
            let (name, version) = split_name(&all[i].name);
            let order = match best.get(&name) {
                None => Ordering::Greater,
                Some(other) => {
                    let other = &all[*other];
                    let (a, b) = (all[i].system(ctx)?, other.system(ctx)?);
                    let by_system = if a == b { Ordering::Equal } else { (a == here).cmp(&(b == here)) };
                    by_system
                        .then(compare_priorities(ctx, &all[i], other)?)
                        .then_with(|| compare(version.as_bytes(), split_name(&other.name).1.as_bytes()))
                }
            };
            match order {
                Ordering::Greater => {
                    best.insert(name, i);
                    several.remove(&all[i].name);
                }
                Ordering::Equal => {
                    several.insert(all[i].name.clone());
                }
                Ordering::Less => {}
            }
        }
        for name in best.keys().filter(|n| several.contains(*n)) {
            self.session.warn(format!("there are multiple derivations named '{name}'; using the first one"));
        }
        Ok(best.into_values().collect())
    }

    /// Whether a package is there, or can be substituted.
    pub(super) fn is_prebuilt(&self, ctx: &mut Ctx, package: &Package) -> Outcome<bool> {
        let path = package.out_path(ctx)?;
        let store = self.session.store()?;
        if store.is_valid(&path).map_err(CliError::from)? {
            return Ok(true);
        }
        let missing = store.missing(&[DerivedPath::Opaque(path.clone())]).map_err(CliError::from)?;
        Ok(missing.will_substitute.contains(&path))
    }
}

/// A lower number is a higher priority.
pub(super) fn compare_priorities(ctx: &mut Ctx, a: &Package, b: &Package) -> Outcome<Ordering> {
    let (a, b) = (a.meta_int(ctx, "priority", 0)?, b.meta_int(ctx, "priority", 0)?);
    Ok(b.cmp(&a))
}

#[cfg(test)]
mod tests {
    use super::Selector;

    #[test]
    fn selectors() {
        let fits = |selector: &str, name: &str| Selector::new(selector).unwrap().matches(name);
        assert!(fits("*", "foo-1.0"));
        assert!(fits("foo", "foo-1.0"));
        assert!(!fits("fo", "foo-1.0"));
        assert!(fits("fo+", "foo-1.0"));
        assert!(fits("foo-1.0", "foo-1.0"));
        assert!(!fits("foo-2.0", "foo-1.0"));
        assert!(Selector::new("(").is_err());
    }
}
