//! `/bin/sh` of sandboxes: `bash-static` of the base, built when the first sandbox wants it.
//!
//! Only a program called `firn` prefers it; the others take a static shell of the machine where there is one, so that
//! nothing is fetched that the user did not ask for. Where neither is to be had, sandboxes have no `/bin/sh`.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use firn_build::{Builder, BuilderOptions, SandboxShell, host_static_shell};
use firn_eval::builtins::Registry as Builtins;
use firn_eval::io::SourcePath;
use firn_eval::pos::{Origin, Pos};
use firn_eval::{Ctx, Value};
use firn_events::{Events, Level};
use firn_fetch::Fetcher;
use firn_fetch::fetcher::Options as FetchOptions;
use firn_fetch::world::{Access, Mounts, OpenStore, Options, World};
use firn_flake::registry;
use firn_flake::session::{Flakes, Setup};
use firn_path::{DerivedPath, OutputsSpec, SingleDerivedPath, StorePath};
use firn_settings::{Feature, Settings};
use firn_store::{BuildBackend, BuildMode, LocalStore, Store};
use firn_sys::CancelToken;

use crate::building;
use crate::names::NIX_VERSION;

/// What finding the shell needs of a command.
pub(crate) struct Source {
    /// Whether the base comes before the machine.
    pub(crate) prefer_base: bool,
    /// The command's settings.
    pub(crate) settings: Arc<Settings>,
    /// Where its messages go.
    pub(crate) events: Events,
    /// Its store, once it is open.
    pub(crate) store: Arc<OnceLock<Arc<dyn Store>>>,
    /// What ends it.
    pub(crate) cancel: CancelToken,
}

impl Source {
    /// The shell for the builder of the command.
    pub(crate) fn into_shell(self) -> SandboxShell {
        SandboxShell::new(move |store| {
            let host = host_static_shell;
            let base = || match self.of_base(store) {
                Ok(path) => Some(path),
                Err(why) => {
                    self.events.message(Level::Talkative, format!("no 'bash-static' of the base: {why}"));
                    None
                }
            };
            if self.prefer_base { base().or_else(host) } else { host().or_else(base) }
        })
    }

    /// The shell of the base, built in the command's store.
    fn of_base(&self, local: &LocalStore) -> Result<PathBuf, String> {
        let drv = self.evaluate()?;
        let mut options = BuilderOptions::default();
        options.sandbox_shell = SandboxShell::none();
        options.builtins.register("builtin:unpack-deb", crate::unpack_deb::run);
        let target = DerivedPath::Built {
            drv: Arc::new(SingleDerivedPath::Opaque(drv)),
            outputs: OutputsSpec::Names(["out".to_owned()].into()),
        };
        let builder = Builder::new(options, self.cancel.clone());
        let results = builder
            .build(local, std::slice::from_ref(&target), BuildMode::Normal, &self.events)
            .map_err(|e| e.to_string())?;
        building::check(&results).map_err(|e| e.text())?;
        let output = results.first().and_then(|r| r.outputs.get("out")).ok_or("it has no output")?;
        Ok(local.real(output).join("bin/bash-static"))
    }

    /// The derivation of the shell.
    fn evaluate(&self) -> Result<StorePath, String> {
        let store = self.store.get().cloned().ok_or("the store is not open")?;
        let dir = store.store_dir().clone();
        let mounts = Mounts::default();
        let open: OpenStore = Arc::new(move || Ok(store.clone()));
        let world = World::new(Options {
            store_dir: dir.clone(),
            open: open.clone(),
            mounts: mounts.clone(),
            access: Access::All,
            read_only: false,
            trace_import: false,
            events: self.events.clone(),
            lookup: None,
            interrupted: Arc::new(|| false),
        });
        let fetcher = Fetcher::new(FetchOptions {
            settings: self.settings.clone(),
            events: self.events.clone(),
            real: Arc::new(|_| None),
            cache_dir: firn_settings::Directories::new(&firn_store::detect_host()).cache.into(),
            base_lock: None,
            names_base: false,
        });
        let flakes = Flakes::new(Setup {
            fetcher,
            mounts,
            store_dir: dir.clone(),
            open,
            events: self.events.clone(),
            near: Vec::new(),
            global: Box::new(|| Ok(registry::Registry::empty(registry::Origin::Global))),
            base_stand_in: false,
        });
        let mut builtins = Builtins::standard();
        for table in firn_flake::builtins::tables() {
            builtins.add(table);
        }
        let settings = firn_eval::Settings {
            store_dir: dir.clone(),
            nix_version: NIX_VERSION.into(),
            experimental: vec![Feature::Flakes.name().into(), Feature::FetchTree.name().into()],
            ..Default::default()
        };
        let system = self.settings.system().to_string();
        firn_eval::run(
            move || {
                let mut ctx = Ctx::new(settings, Arc::new(world), builtins);
                ctx.set_extension(flakes);
                ctx
            },
            |ctx| match derivation(ctx, &system) {
                Ok(path) => dir.parse(&path).map_err(|e| e.to_string()),
                Err(_) => Err(ctx.take_error().message),
            },
        )
    }
}

fn derivation(ctx: &mut Ctx, system: &str) -> Result<String, firn_eval::Fail> {
    let text = format!("(builtins.getFlake \"base:\").legacyPackages.\"{system}\".bash-static.drvPath");
    let value: Value = ctx.eval_text(&text, Origin::String, &SourcePath::file("/"), None)?;
    let text = ctx.force_str(value, Pos::NONE, "while evaluating the shell of sandboxes")?;
    Ok(String::from_utf8_lossy(text.as_bytes()).into_owned())
}
