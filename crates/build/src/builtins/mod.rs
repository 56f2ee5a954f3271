//! Builders that are part of this program: `builder = "builtin:…"`, usually with `system = "builtin"`.
//!
//! They run on a thread of the program, not in a process of their own. What they may do is bounded by what they are handed:
//! the paths of their outputs, a scratch folder, a way to download. They write nowhere else.

mod buildenv;
mod fetchurl;
mod firn;
mod system_path;
mod unpack_channel;
mod unpack_deb;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use firn_derivation::Derivation;
use firn_events::Events;
use firn_path::{StorePath, StorePathSet};
use firn_settings::Settings;
use firn_sys::CancelToken;
use firn_transfer::{Transfer, TransferSettings};

use crate::executor::{Job, JobContext};

pub use buildenv::{EnvironmentError, Package, build_environment};

/// What a builtin builder gets.
pub struct BuiltinContext<'a> {
    /// The derivation.
    pub drv: &'a Derivation,
    /// Where the files of the outputs go on this machine, by the outputs' names. Nothing is there yet.
    pub outputs: BTreeMap<String, PathBuf>,
    /// The store paths of the outputs, as their files name them.
    pub output_paths: BTreeMap<String, String>,
    /// A folder for anything on the way; it is removed afterwards.
    pub scratch: &'a Path,
    /// The settings.
    pub settings: &'a Settings,
    /// Where progress goes.
    pub events: &'a Events,
    /// Set when the build is to be given up.
    pub cancel: &'a CancelToken,
    /// All input paths with what they refer to.
    pub inputs: &'a StorePathSet,
    context: &'a JobContext<'a>,
    say: &'a Mutex<dyn FnMut(&str) + Send + 'a>,
}

impl<'a> BuiltinContext<'a> {
    pub(crate) fn new(
        job: &'a Job,
        context: &'a JobContext<'a>,
        outputs: impl Iterator<Item = (&'a String, &'a StorePath)>,
        scratch: &'a Path,
        say: &'a Mutex<dyn FnMut(&str) + Send + 'a>,
    ) -> Self {
        let (mut real, mut logical) = (BTreeMap::new(), BTreeMap::new());
        for (name, path) in outputs {
            real.insert(name.clone(), context.store.real(path));
            logical.insert(name.clone(), context.store.print(path));
        }
        BuiltinContext {
            drv: &job.drv,
            outputs: real,
            output_paths: logical,
            scratch,
            settings: context.store.settings(),
            events: context.events,
            cancel: context.cancel,
            inputs: &job.inputs,
            context,
            say,
        }
    }

    /// A variable of the derivation, if it is set and is text.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.drv.env_get(name).and_then(|v| std::str::from_utf8(v).ok())
    }

    /// A variable that must be set.
    ///
    /// # Errors
    /// It is not.
    pub fn require(&self, name: &str) -> Result<&str, String> {
        self.variable(name).ok_or_else(|| format!("attribute '{name}' missing"))
    }

    /// Where an output goes.
    ///
    /// # Errors
    /// The derivation has no output of that name.
    pub fn output(&self, name: &str) -> Result<&Path, String> {
        self.outputs.get(name).map(PathBuf::as_path).ok_or_else(|| format!("there is no output '{name}'"))
    }

    /// The store path of an output.
    ///
    /// # Errors
    /// The derivation has no output of that name.
    pub fn output_path(&self, name: &str) -> Result<&str, String> {
        self.output_paths.get(name).map(String::as_str).ok_or_else(|| format!("there is no output '{name}'"))
    }

    /// Where the files of a store path (with anything below it) are on this machine.
    pub fn real_path(&self, logical: &str) -> PathBuf {
        self.context.store.to_real(Path::new(logical))
    }

    /// Writes a line to the build's log.
    pub fn log(&self, line: &str) {
        (self.say.lock().unwrap_or_else(std::sync::PoisonError::into_inner))(line);
    }

    /// Downloads, with the connections of all builds of this program.
    pub fn transfer(&self) -> &Transfer {
        self.context
            .options
            .transfer
            .get_or_init(|| Transfer::new(TransferSettings::of(self.settings), self.events.clone()))
    }
}

/// A builtin builder. Its error is what the user sees.
pub type Builtin = dyn Fn(&BuiltinContext<'_>) -> Result<(), String> + Send + Sync;

/// The builtin builders by their full names, `builtin:fetchurl`.
#[derive(Clone)]
pub struct Builtins {
    by_name: BTreeMap<String, Arc<Builtin>>,
}

impl std::fmt::Debug for Builtins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl Default for Builtins {
    /// `builtin:fetchurl`, `builtin:buildenv`, `builtin:firn`, `builtin:system-path`, `builtin:unpack-channel`, `builtin:unpack-deb`.
    fn default() -> Self {
        let mut all = Builtins { by_name: BTreeMap::new() };
        all.register("builtin:fetchurl", fetchurl::fetchurl);
        all.register("builtin:buildenv", buildenv::buildenv);
        all.register("builtin:firn", |cx| firn::package(cx, &[]));
        all.register("builtin:system-path", system_path::system_path);
        all.register("builtin:unpack-channel", unpack_channel::unpack_channel);
        all.register("builtin:unpack-deb", unpack_deb::unpack);
        all
    }
}

impl Builtins {
    /// Has `builtin:firn` make a link for each of the names that the program answers to.
    pub fn with_names(&mut self, names: &'static [&'static str]) {
        self.register("builtin:firn", move |cx| firn::package(cx, names));
    }

    /// Adds a builder, or replaces the one of that name.
    pub fn register(
        &mut self,
        name: &str,
        run: impl Fn(&BuiltinContext<'_>) -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.by_name.insert(name.to_owned(), Arc::new(run));
    }

    /// The builder of a name.
    pub fn get(&self, name: &str) -> Option<&Builtin> {
        self.by_name.get(name).map(|b| &**b)
    }
}
