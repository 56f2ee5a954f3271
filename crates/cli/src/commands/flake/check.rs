//! `nix flake check`: what a flake offers has the right shape, and its checks build.

use std::collections::{BTreeMap, BTreeSet};

use firn_eval::{Ctx, ErrorKind, Pos, Res, Value, View, msg};
use firn_events::Level;
use firn_path::{DerivedPath, OutputsSpec, StorePath};
use firn_store::{BuildMode, Store};

use super::reference;
use crate::args::{Flag, Occurrence, Parsed, option, switch};
use crate::building;
use crate::commands::Command;
use crate::error::CliError;
use crate::evaluation::{EvalFailure, Mode, Outcome, evaluate, render_now};
use crate::flags::{EVAL, JSON, LOCK};
use crate::installable::flake_value;
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    path: &["flake", "check"],
    doc: "check that a flake evaluates, and build its checks",
    flags: &[FLAGS, JSON, EVAL, LOCK],
    rest: false,
    run,
};

const FLAGS: &[Flag] = &[
    switch("no-build", "do not build the checks"),
    switch("all-systems", "look at the outputs for all systems"),
    switch("print-out-paths", "print the paths of the checks' results"),
    option("out-link", &["path"], "make links to the checks' results").short('o'),
];

/// Old names of outputs, with those that they have now.
const DEPRECATED: [(&str, &str); 7] = [
    ("defaultPackage", "packages.<system>.default"),
    ("defaultApp", "apps.<system>.default"),
    ("defaultTemplate", "templates.default"),
    ("defaultBundler", "bundlers.<system>.default"),
    ("overlay", "overlays.default"),
    ("devShell", "devShells.<system>.default"),
    ("nixosModule", "nixosModules.default"),
];

/// Outputs that others than us look at.
const FOREIGN: [&str; 10] = [
    "lib",
    "darwinConfigurations",
    "darwinModules",
    "flakeModule",
    "flakeModules",
    "herculesCI",
    "homeConfigurations",
    "homeModule",
    "homeModules",
    "nixopsConfigurations",
];

/// An attribute on the way: its path as text, its value, where it stands.
#[derive(Clone)]
struct Place {
    path: String,
    value: Value,
    pos: Pos,
}

struct Checker<'a> {
    ctx: &'a mut Ctx,
    session: &'a Session,
    system: String,
    all_systems: bool,
    keep_going: bool,
    errors: bool,
    omitted: BTreeSet<String>,
    /// What is built, with the attributes that it stands for.
    builds: BTreeMap<StorePath, Vec<String>>,
}

type Check<'a> = fn(&mut Checker<'a>, &Place) -> Res<()>;

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let build = !parsed.has("no-build");
    let mode = Mode { pure: !parsed.has("impure"), read_only: !build };
    let mut eval_flags = parsed.clone();
    if !build {
        eval_flags.flags.push(Occurrence { id: crate::evaluation::NO_IFD, values: vec![], position: 0 });
    }
    let checked = evaluate(session, &eval_flags, mode, |ctx| {
        let (_, value, _) = flake_value(ctx, session, &parsed, reference(&parsed))?;
        let mut checker = Checker {
            ctx,
            session,
            system: session.settings.system().to_string(),
            all_systems: parsed.has("all-systems"),
            keep_going: session.settings.keep_going(),
            errors: false,
            omitted: BTreeSet::new(),
            builds: BTreeMap::new(),
        };
        checker.flake(value)?;
        Ok((checker.errors, checker.omitted, checker.builds))
    })?;
    let (mut errors, omitted, builds) = checked;
    if build && !builds.is_empty() {
        errors |= build_checks(session, &parsed, &builds)?;
    }
    if errors {
        return Err(CliError::new("some errors were encountered during the evaluation"));
    }
    session.events().message(Level::Info, "\u{1b}[32;1mall checks passed!\u{1b}[0m");
    if !omitted.is_empty() {
        let list: Vec<&str> = omitted.iter().map(String::as_str).collect();
        session.warn(format!(
            "The check omitted these incompatible systems: {}\nUse '--all-systems' to check all.",
            list.join(", ")
        ));
    }
    Ok(0)
}

/// Builds what is not there; tells whether something failed that did not end the command.
fn build_checks(
    session: &Session,
    parsed: &Parsed,
    builds: &BTreeMap<StorePath, Vec<String>>,
) -> Result<bool, CliError> {
    let store = session.store()?;
    let target = |path: &StorePath| DerivedPath::built(path.clone(), OutputsSpec::All);
    let all: Vec<DerivedPath> = builds.keys().map(target).collect();
    let wants_paths = parsed.has("print-out-paths") || parsed.has("out-link") || parsed.has("json");
    // What a cache has already was built by somebody: it need not be fetched for that to be known.
    let missing = store.missing(&all)?;
    let targets: Vec<DerivedPath> =
        if wants_paths { all.clone() } else { missing.will_build.iter().map(target).collect() };
    session.events().message(Level::Info, format!("running {} flake checks...", missing.will_build.len()));
    let mut errors = false;
    let results = if targets.is_empty() { Vec::new() } else { store.build(&targets, BuildMode::Normal)? };
    for result in results.iter().filter(|r| !r.status.is_success()) {
        let drv = store.store_dir().print(result.target.base_path());
        let text = match builds.get(result.target.base_path()) {
            Some(names) => names
                .iter()
                .map(|n| {
                    format!("failed to build attribute '{n}', build of '{drv}^*' failed: {}", result.error)
                })
                .collect::<Vec<_>>()
                .join("\nerror: "),
            None => format!("build of '{drv}^*' failed: {}", result.error),
        };
        if !session.settings.keep_going() {
            return Err(CliError::Failed(text, session.build_exit_code()));
        }
        errors = true;
        session.events().message(Level::Error, format!("error: {text}"));
    }
    if !errors && wants_paths {
        show_results(session, parsed, store.as_ref(), &all)?;
    }
    Ok(errors)
}

fn show_results(
    session: &Session,
    parsed: &Parsed,
    store: &dyn Store,
    targets: &[DerivedPath],
) -> Result<(), CliError> {
    for (number, target) in targets.iter().enumerate() {
        for (output, path) in crate::installable::output_paths(session, target)? {
            if parsed.has("print-out-paths") {
                session.println(store.store_dir().print(&path))?;
            }
            if let Some(link) = parsed.value("out-link") {
                let mut name = link.to_owned();
                if number > 0 {
                    name += &format!("-{number}");
                }
                if output != "out" {
                    name += &format!("-{output}");
                }
                building::add_root(store, &path, &name)?;
            }
        }
    }
    Ok(())
}

impl<'a> Checker<'a> {
    fn say(&self, text: String) {
        self.session.events().message(Level::Talkative, text);
    }

    fn fail<T>(&mut self, message: String) -> Res<T> {
        Err(self.ctx.error(ErrorKind::Eval, message, Pos::NONE))
    }

    /// Reports what failed; ends the checking unless it is to go on.
    fn report(&mut self, result: Res<()>) -> Outcome<()> {
        let Err(fail) = result else { return Ok(()) };
        if !self.keep_going {
            return Err(EvalFailure::Eval(fail));
        }
        self.errors = true;
        let text = render_now(self.ctx);
        self.session.events().message(Level::Error, text);
        Ok(())
    }

    /// Checks one thing, with a frame in the trace of what it was.
    fn guarded(&mut self, what: &str, place: &Place, check: Check<'a>) -> Outcome<()> {
        self.say(format!("checking {what} '{}'...", &place.path));
        let result = check(self, place);
        let result = result.map_err(|_| {
            let article = format!("while checking the {what} '{}'", &place.path);
            self.ctx.trace(place.pos, article)
        });
        self.report(result)
    }

    /// The attributes of a set, in the order of their names.
    fn attrs(&mut self, place: &Place) -> Res<Vec<(String, Place)>> {
        let set = self.ctx.force_attrs(place.value, place.pos, "")?;
        let flat = self.ctx.flat(set);
        let mut out = Vec::new();
        for i in self.ctx.lexical_order(flat) {
            let i = *i as usize;
            let name = String::from_utf8_lossy(self.ctx.name(flat.name(i))).into_owned();
            let path = if place.path.is_empty() { name.clone() } else { format!("{}.{name}", &place.path) };
            out.push((name, Place { path, value: flat.value(i), pos: flat.pos(i) }));
        }
        Ok(out)
    }

    fn flake(&mut self, flake: Value) -> Outcome<()> {
        let outputs = crate::installable::optional(self.ctx, flake, &["outputs"])?.unwrap_or(flake);
        let top = Place { path: String::new(), value: outputs, pos: Pos::NONE };
        let mut outputs = self.attrs(&top)?;
        // Jobs first, as in the reference.
        outputs.sort_by_key(|(name, _)| name != "hydraJobs");
        for (name, place) in outputs {
            self.say(format!("checking flake output '{name}'..."));
            let result = self.output(&name, &place);
            match result {
                Err(EvalFailure::Eval(_)) => {
                    let fail = self.ctx.trace(place.pos, format!("while checking flake output '{name}'"));
                    self.report(Err(fail))?;
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn output(&mut self, name: &str, place: &Place) -> Outcome<()> {
        self.ctx.force(place.value, place.pos)?;
        if let Some((old, new)) = DEPRECATED.iter().find(|(old, _)| *old == name) {
            self.session.warn(format!("flake output attribute '{old}' is deprecated; use '{new}' instead"));
        }
        match name {
            "checks" | "packages" | "devShells" => self.per_system(place, |c, below| {
                for (_, place) in c.attrs(&below)? {
                    c.guarded("derivation", &place, Checker::derivation)?;
                }
                Ok(())
            }),
            "apps" => self.per_system(place, |c, below| {
                for (_, place) in c.attrs(&below)? {
                    c.guarded("app definition", &place, Checker::app)?;
                }
                Ok(())
            }),
            "bundlers" => self.per_system(place, |c, below| {
                for (_, place) in c.attrs(&below)? {
                    c.guarded("bundler", &place, Checker::bundler)?;
                }
                Ok(())
            }),
            "formatter" | "defaultPackage" | "devShell" => {
                self.per_system(place, |c, below| c.guarded("derivation", &below, Checker::derivation))
            }
            "defaultApp" => {
                self.per_system(place, |c, below| c.guarded("app definition", &below, Checker::app))
            }
            "defaultBundler" => {
                self.per_system(place, |c, below| c.guarded("bundler", &below, Checker::bundler))
            }
            "legacyPackages" => self.per_system(place, |_, _| Ok(())),
            "overlay" => self.guarded("overlay", place, Checker::overlay),
            "overlays" => self.each(place, "overlay", Checker::overlay),
            "nixosModule" => self.guarded("NixOS module", place, Checker::module),
            "nixosModules" => self.each(place, "NixOS module", Checker::module),
            "nixosConfigurations" => self.each(place, "NixOS configuration", Checker::configuration),
            "hydraJobs" => self.guarded("Hydra jobset", place, Checker::jobs),
            "defaultTemplate" => self.guarded("template", place, Checker::template),
            "templates" => self.each(place, "template", Checker::template),
            _ if FOREIGN.contains(&name) => Ok(()),
            _ => {
                self.session.warn(format!("unknown flake output '{name}'"));
                Ok(())
            }
        }
    }

    fn each(&mut self, place: &Place, what: &str, check: Check<'a>) -> Outcome<()> {
        for (_, place) in self.attrs(place)? {
            self.guarded(what, &place, check)?;
        }
        Ok(())
    }

    fn per_system(
        &mut self,
        place: &Place,
        mut check: impl FnMut(&mut Checker<'a>, Place) -> Outcome<()>,
    ) -> Outcome<()> {
        for (system, place) in self.attrs(place)? {
            if !system.contains('-') {
                let shown = self.ctx.show_pos(place.pos);
                let text = msg!("'{}' is not a valid system type, at {}", &system, shown);
                let result = self.fail(text);
                self.report(result)?;
            }
            if self.all_systems || system == self.system {
                check(self, place)?;
            } else {
                self.omitted.insert(system);
            }
        }
        Ok(())
    }

    fn derivation(&mut self, place: &Place) -> Res<()> {
        let value = self.ctx.force(place.value, place.pos)?;
        let is_derivation = match value.as_attrs() {
            Some(attrs) => self.ctx.is_derivation(attrs)?,
            None => false,
        };
        if !is_derivation {
            let m = msg!("flake attribute '{}' is not a derivation", &place.path);
            return self.fail(m);
        }
        let drv_path = self.ctx.sym("drvPath");
        let Some((drv, pos)) = value.as_attrs().and_then(|attrs| attrs.get_with_pos(drv_path)) else {
            let m = msg!("'{}.drvPath' does not exist", &place.path);
            return self.fail(m);
        };
        let what = "while evaluating the drvPath of a derivation";
        let (drv, _) = self.ctx.coerce_to_store_path(drv, pos, what)?;
        self.say(format!("derivation evaluated to {}", self.ctx.settings.store_dir.print(&drv)));
        if place.path.strip_prefix("checks.").is_some_and(|rest| rest.starts_with(&self.system)) {
            self.builds.entry(drv).or_default().push(place.path.clone());
        }
        Ok(())
    }

    fn app(&mut self, place: &Place) -> Res<()> {
        let attrs = self.attrs(place)?;
        let find = |name: &str| attrs.iter().find(|(n, _)| n == name).map(|(_, p)| p.clone());
        for name in ["type", "program"] {
            let Some(found) = find(name) else {
                let m = msg!("app '{}' lacks attribute '{}'", &place.path, name);
                return self.fail(m);
            };
            if name == "type" {
                self.ctx.force_str_no_ctx(found.value, found.pos, "")?;
            } else {
                self.ctx.force_str(found.value, found.pos, "")?;
            }
        }
        match find("meta") {
            None => self.session.warn(format!("app '{}' lacks attribute 'meta'", &place.path)),
            Some(meta) => match self.attrs(&meta)?.into_iter().find(|(n, _)| n == "description") {
                None => {
                    self.session.warn(format!("app '{}' lacks attribute 'meta.description'", &place.path))
                }
                Some((_, text)) => drop(self.ctx.force_str_no_ctx(text.value, text.pos, "")?),
            },
        }
        self.only(place, "app", &attrs, &["type", "program", "meta"])
    }

    /// Fails if a set has other attributes than those.
    fn only(&mut self, place: &Place, what: &str, attrs: &[(String, Place)], known: &[&str]) -> Res<()> {
        match attrs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => {
                let m = format!("{what} {}", msg!("'{}' has unsupported attribute '{}'", &place.path, name));
                self.fail(m)
            }
        }
    }

    fn overlay(&mut self, place: &Place) -> Res<()> {
        let value = self.ctx.force(place.value, place.pos)?;
        let View::Closure(closure) = value.view() else {
            let found = self.ctx.show_type(value);
            return self.fail(msg!("overlay is not a function, but {} instead", found));
        };
        let code = closure.code();
        let name = code.params.first().copied().flatten();
        let name = name.map(|name| String::from_utf8_lossy(self.ctx.name(name)).into_owned());
        // Formals belong to the last parameter.
        let plain = code.formals.is_none() || code.arity > 1;
        let good = plain && name.is_some_and(|n| matches!(n.as_str(), "final" | "_" | "_final"));
        if good { Ok(()) } else { self.fail("overlay does not take an argument named 'final'".to_owned()) }
    }

    fn module(&mut self, place: &Place) -> Res<()> {
        self.ctx.force(place.value, place.pos).map(drop)
    }

    fn bundler(&mut self, place: &Place) -> Res<()> {
        let value = self.ctx.force(place.value, place.pos)?;
        match value.view() {
            View::Closure(_) => Ok(()),
            _ => self.fail("bundler must be a function".to_owned()),
        }
    }

    fn configuration(&mut self, place: &Place) -> Res<()> {
        let path = "config.system.build.toplevel";
        let value = self.ctx.select_path(place.value, path, &[])?;
        let value = self.ctx.force(value, place.pos)?;
        let good = match value.as_attrs() {
            Some(attrs) => self.ctx.is_derivation(attrs)?,
            None => false,
        };
        if good { Ok(()) } else { self.fail(msg!("attribute '{}' is not a derivation", path)) }
    }

    fn jobs(&mut self, place: &Place) -> Res<()> {
        let set = self.ctx.force_attrs(place.value, place.pos, "")?;
        if self.ctx.is_derivation(set)? {
            return self.fail("jobset should not be a derivation at top-level".to_owned());
        }
        for (_, below) in self.attrs(place)? {
            let set = self.ctx.force_attrs(below.value, below.pos, "")?;
            if self.ctx.is_derivation(set)? {
                self.derivation(&below)?;
            } else {
                self.jobs(&below)?;
            }
        }
        Ok(())
    }

    fn template(&mut self, place: &Place) -> Res<()> {
        let attrs = self.attrs(place)?;
        let find = |name: &str| attrs.iter().find(|(n, _)| n == name).map(|(_, p)| p.clone());
        let Some(path) = find("path") else {
            return self.fail(msg!("template '{}' lacks attribute 'path'", &place.path));
        };
        let (folder, _) = self.ctx.coerce_to_path(path.value, path.pos, "")?;
        let real =
            firn_eval::paths::resolve(self.ctx, &folder).map_err(|e| self.ctx.io_error(e, Pos::NONE))?;
        let there = self.ctx.io.stat(&real).map_err(|e| self.ctx.io_error(e, Pos::NONE))?;
        if there.is_none() {
            let shown = self.ctx.show_path(&folder);
            return self.fail(msg!("template '{}' refers to a non-existent path '{}'", &place.path, shown));
        }
        match find("description") {
            Some(text) => drop(self.ctx.force_str_no_ctx(text.value, text.pos, "")?),
            None => return self.fail(msg!("template '{}' lacks attribute 'description'", &place.path)),
        }
        self.only(place, "template", &attrs, &["path", "description", "welcomeText"])
    }
}
