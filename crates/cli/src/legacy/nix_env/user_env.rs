//! Changing a profile: what is installed, upgraded and removed, and the tree of links that it becomes.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::PathBuf;

use firn_eval::context::ContextElem;
use firn_eval::pos::Origin;
use firn_eval::text::version::compare;
use firn_eval::{Ctx, Pos, Value};
use firn_path::{DerivedPath, OutputsSpec, StorePath, StorePathSet};
use firn_store::BuildMode;
use firn_store::profiles::{create_generation, lock_profile, switch_link};

use super::Call;
use super::select::{Selector, compare_priorities};
use crate::building;
use crate::error::CliError;
use crate::evaluation::{Outcome, current_dir};
use crate::packages::{Package, split_name};

/// The derivation of a profile's tree: its name and attributes are the reference's, so that the paths are, too.
const ENVIRONMENT: &str = r#"
  { derivations, manifest }:
  let
    of = d: [ (d.meta.active or "true") (d.meta.priority or 5) (builtins.length d.outputs) ]
      ++ map (name: builtins.getAttr name d) d.outputs;
  in
  derivation {
    inherit manifest;
    name = "user-environment";
    system = "builtin";
    builder = "builtin:buildenv";
    derivations = map of derivations;
    preferLocalBuild = true;
    allowSubstitutes = false;
  }
"#;

impl Call<'_> {
    fn mode(&self) -> BuildMode {
        if self.parsed.has("repair") { BuildMode::Repair } else { BuildMode::Normal }
    }

    fn target(ctx: &mut Ctx, package: &Package) -> Outcome<DerivedPath> {
        Ok(match package.drv_path(ctx)? {
            Some(drv) => DerivedPath::built(drv, OutputsSpec::All),
            None => DerivedPath::Opaque(package.out_path(ctx)?),
        })
    }

    fn announce(&self, ctx: &mut Ctx, packages: &[Package]) -> Outcome<()> {
        let targets = packages.iter().map(|p| Self::target(ctx, p)).collect::<Outcome<Vec<_>>>()?;
        let store = self.session.store()?;
        let missing = store.missing(&targets).map_err(CliError::from)?;
        building::announce(self.session, store.as_ref(), &missing, self.parsed.has("dry-run"));
        Ok(())
    }

    /// What tells whether somebody else has changed the profile.
    fn token(&self) -> Option<PathBuf> {
        std::fs::read_link(&self.profile).ok()
    }

    pub(super) fn install(&self, ctx: &mut Ctx) -> Outcome<()> {
        let priority = match self.parsed.value("priority") {
            Some(text) => Some(
                text.parse::<i32>().map_err(|_| self.usage("'--priority' requires an integer argument"))?,
            ),
            None => None,
        };
        let mut new = Vec::new();
        for package in self.chosen(ctx, true)? {
            if !self.parsed.has("prebuilt-only") || self.is_prebuilt(ctx, &package)? {
                new.push(package);
            }
        }
        for package in &mut new {
            if let Some(name) = self.parsed.value("force-name") {
                package.name = name.to_owned();
            }
            if let Some(priority) = priority {
                package.flags.insert("priority".into(), priority.to_string());
            }
        }
        let names: BTreeSet<String> = new.iter().map(|p| split_name(&p.name).0).collect();
        loop {
            let token = self.token();
            let mut all = new.clone();
            if !self.parsed.has("remove-all") {
                for package in self.installed(ctx)? {
                    let replaced = names.contains(&split_name(&package.name).0)
                        && !self.parsed.has("preserve-installed")
                        && !package.meta_bool(ctx, "keep")?;
                    if replaced {
                        self.say(format!("replacing old '{}'", package.name));
                    } else {
                        all.push(package);
                    }
                }
                for package in &new {
                    self.say(format!("installing '{}'", package.name));
                }
            }
            self.announce(ctx, &new)?;
            if self.parsed.has("dry-run") || self.create(ctx, &all, token)? {
                return Ok(());
            }
        }
    }

    pub(super) fn upgrade(&self, ctx: &mut Ctx) -> Outcome<()> {
        let wanted: fn(Ordering) -> bool = if self.parsed.has("always") {
            |_| true
        } else if self.parsed.has("eq") {
            Ordering::is_eq
        } else if self.parsed.has("leq") {
            Ordering::is_le
        } else {
            Ordering::is_lt
        };
        loop {
            let token = self.token();
            let old = self.installed(ctx)?;
            let available = self.chosen(ctx, false)?;
            let mut new = Vec::new();
            for package in old {
                let best = match package.meta_bool(ctx, "keep")? {
                    true => None,
                    false => self.upgrade_of(ctx, &package, &available, wanted)?,
                };
                match best {
                    Some(best) if best.out_path(ctx)? != package.out_path(ctx)? => {
                        let order = compare(
                            split_name(&package.name).1.as_bytes(),
                            split_name(&best.name).1.as_bytes(),
                        );
                        let action = if order.is_le() { "upgrading" } else { "downgrading" };
                        self.say(format!("{action} '{}' to '{}'", package.name, best.name));
                        new.push(best.clone());
                    }
                    _ => new.push(package),
                }
            }
            self.announce(ctx, &new)?;
            if self.parsed.has("dry-run") || self.create(ctx, &new, token)? {
                return Ok(());
            }
        }
    }

    /// The package of the same name that fits best: not of a lower priority, then by priority, then by version.
    fn upgrade_of<'p>(
        &self,
        ctx: &mut Ctx,
        old: &Package,
        available: &'p [Package],
        wanted: fn(Ordering) -> bool,
    ) -> Outcome<Option<&'p Package>> {
        let (name, version) = split_name(&old.name);
        let mut best: Option<&Package> = None;
        for candidate in available {
            let (other, new) = split_name(&candidate.name);
            if other != name
                || compare_priorities(ctx, old, candidate)?.is_gt()
                || !wanted(compare(version.as_bytes(), new.as_bytes()))
            {
                continue;
            }
            let better = match best {
                None => true,
                Some(best) => compare_priorities(ctx, best, candidate)?
                    .then_with(|| compare(split_name(&best.name).1.as_bytes(), new.as_bytes()))
                    .is_lt(),
            };
            if better && (!self.parsed.has("prebuilt-only") || self.is_prebuilt(ctx, candidate)?) {
                best = Some(candidate);
            }
        }
        Ok(best)
    }

    pub(super) fn uninstall(&self, ctx: &mut Ctx) -> Outcome<()> {
        loop {
            let token = self.token();
            let mut all = self.installed(ctx)?;
            for word in self.arguments() {
                let mut kept = Vec::new();
                let before = all.len();
                let path = match word.contains('/') {
                    true => Some(crate::store_paths::follow(self.session.store()?.as_ref(), word)?),
                    false => None,
                };
                let selector = if path.is_none() { Some(Selector::new(word)?) } else { None };
                for package in all {
                    let fits = match (&path, &selector) {
                        (Some(path), _) => package.out_path(ctx)? == *path,
                        (None, selector) => selector.as_ref().is_some_and(|s| s.matches(&package.name)),
                    };
                    if fits {
                        self.say(format!("uninstalling '{}'", package.name));
                    } else {
                        kept.push(package);
                    }
                }
                if kept.len() == before {
                    self.session.warn(format!("selector '{word}' matched no installed derivations"));
                }
                all = kept;
            }
            if self.parsed.has("dry-run") || self.create(ctx, &all, token)? {
                return Ok(());
            }
        }
    }

    pub(super) fn set_flag(&self, ctx: &mut Ctx) -> Outcome<()> {
        let [name, value, words @ ..] = self.arguments() else {
            return Err(self.usage("not enough arguments to '--set-flag'").into());
        };
        let selectors = words.iter().map(|w| Selector::new(w)).collect::<Result<Vec<_>, _>>()?;
        loop {
            let token = self.token();
            let mut all = self.installed(ctx)?;
            let mut used = vec![false; selectors.len()];
            for package in &mut all {
                if let Some(i) = selectors.iter().position(|s| s.matches(&package.name)) {
                    used[i] = true;
                    self.say(format!("setting flag on '{}'", package.name));
                    package.flags.insert(name.clone(), value.clone());
                }
            }
            if let Some(i) = (0..used.len()).find(|i| !used[*i] && selectors[*i].text != "*") {
                let text = format!("selector '{}' matches no derivations", selectors[i].text);
                return Err(CliError::new(text).into());
            }
            if self.create(ctx, &all, token)? {
                return Ok(());
            }
        }
    }

    pub(super) fn set(&self, ctx: &mut Ctx) -> Outcome<()> {
        let chosen = self.chosen(ctx, true)?;
        let [package] = chosen.as_slice() else {
            return Err(CliError::new("--set requires exactly one derivation").into());
        };
        let target = Self::target(ctx, package)?;
        self.announce(ctx, &chosen)?;
        if self.parsed.has("dry-run") {
            return Ok(());
        }
        let store = self.session.store()?;
        let results = store.build(&[target], self.mode()).map_err(CliError::from)?;
        building::conclude(self.session, store.as_ref(), &results)?;
        let path = package.out_path(ctx)?;
        Ok(crate::profile::switch_to(self.session, &self.profile, &path)?)
    }

    /// What the manifest says of a package; its paths are added to `references`.
    fn entry(&self, ctx: &mut Ctx, package: &Package, references: &mut StorePathSet) -> Outcome<Value> {
        let store = self.session.store()?;
        let dir = store.store_dir();
        let shown = |path: &StorePath| dir.print(path);
        let drv = match self.session.settings.keep_env_derivations() {
            true => package.drv_path(ctx)?,
            false => None,
        };
        let outputs = package.outputs(ctx, true, true)?;
        let system = package.system(ctx)?;
        let out_path = package.out_path(ctx)?;
        let mut attrs: Vec<(String, Value)> = vec![
            ("type".into(), ctx.str("derivation")),
            ("name".into(), ctx.str(&package.name)),
            ("outPath".into(), ctx.str(shown(&out_path))),
        ];
        if !system.is_empty() {
            attrs.push(("system".into(), ctx.str(system)));
        }
        if let Some(drv) = &drv {
            attrs.push(("drvPath".into(), ctx.str(shown(drv))));
            references.insert(drv.clone());
        }
        let mut names = Vec::new();
        for (name, path) in &outputs {
            names.push(ctx.str(name));
            let Some(path) = path else { continue };
            let text = ctx.str(shown(path));
            attrs.push((name.clone(), ctx.attrs(&[("outPath", text)])));
            store.add_temp_root(path).map_err(CliError::from)?;
            store.ensure_path(path).map_err(CliError::from)?;
            references.insert(path.clone());
        }
        attrs.push(("outputs".into(), ctx.list(&names)));
        let mut meta: Vec<(String, Value)> = Vec::new();
        for name in package.meta_names(ctx)? {
            if let Some(value) = package.meta(ctx, &name)? {
                meta.push((name, value));
            }
        }
        let meta: Vec<(&str, Value)> = meta.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        attrs.push(("meta".into(), ctx.attrs(&meta)));
        let attrs: Vec<(&str, Value)> = attrs.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        Ok(ctx.attrs(&attrs))
    }

    /// Builds the packages and the tree, and makes it the newest generation; `false` if somebody else was faster.
    fn create(&self, ctx: &mut Ctx, packages: &[Package], token: Option<PathBuf>) -> Outcome<bool> {
        let store = self.session.store()?;
        let store = store.as_ref();
        let mut targets = Vec::new();
        for package in packages {
            if let Some(drv) = package.drv_path(ctx)? {
                targets.push(DerivedPath::built(drv, OutputsSpec::All));
            }
        }
        self.build(&targets)?;
        let mut references = StorePathSet::new();
        let mut entries = Vec::new();
        for package in packages {
            entries.push(self.entry(ctx, package, &mut references)?);
        }
        let list = ctx.list(&entries);
        let text = ctx.print_ambiguous_whole(list)?;
        let manifest = store
            .add_text("env-manifest.nix", text.as_bytes(), &references, false)
            .map_err(CliError::from)?;
        let function =
            ctx.eval_text(ENVIRONMENT, Origin::Internal("user-environment"), &current_dir()?, None)?;
        let context = ctx.context_of(ContextElem::Opaque(manifest.clone()));
        let manifest = ctx.str_ctx(store.store_dir().print(&manifest), context);
        let args = ctx.attrs(&[("derivations", list), ("manifest", manifest)]);
        let env = ctx.call(function, &[args], Pos::NONE)?;
        let env = Package::of(ctx.force(env, Pos::NONE)?);
        let Some(drv) = env.drv_path(ctx)? else {
            return Err(CliError::new("the environment has no derivation").into());
        };
        let path = env.out_path(ctx)?;
        self.build(&[DerivedPath::built(drv, OutputsSpec::All)])?;
        if let Some(folder) = self.profile.parent() {
            std::fs::create_dir_all(folder).map_err(CliError::from)?;
        }
        let _lock = lock_profile(&self.profile, self.session.events()).map_err(CliError::from)?;
        if self.token() != token {
            let shown = self.profile.display();
            self.say(format!("profile \"{shown}\" changed while we were busy; restarting"));
            return Ok(false);
        }
        let generation = create_generation(store, &self.profile, &path).map_err(CliError::from)?;
        switch_link(&self.profile, &generation).map_err(CliError::from)?;
        Ok(true)
    }

    fn build(&self, targets: &[DerivedPath]) -> Result<(), CliError> {
        let results = self.session.store()?.build(targets, self.mode())?;
        building::conclude(self.session, self.session.store()?.as_ref(), &results)
    }
}
