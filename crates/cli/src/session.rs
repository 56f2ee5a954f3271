//! What a command works with: settings, display, store; each made when it is first asked for.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use firn_build::{Builder, BuilderOptions, Stores};
use firn_events::{Events, Level};
use firn_fetch::world::OpenStore;
use firn_settings::{Feature, Host, Settings};
use firn_store::{Store, StoreReference};
use firn_sys::CancelToken;

use crate::args::Parsed;
use crate::error::CliError;
use crate::progress::{Display, LogFormat};

/// The program as it was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name: `firn`, `nix`, `nix-build` …
    pub name: String,
    /// The folder that programs are run in where it is not the current one: a script's words start from its own folder.
    pub run_in: Option<std::path::PathBuf>,
}

impl Program {
    /// Called by its own name, it knows flakes and the new commands without any setting, and `nixpkgs` is the base.
    pub fn is_firn(&self) -> bool {
        !self.name.starts_with("nix")
    }
}

/// How the log of a command is shown unless the user says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// The new commands: a status line.
    New,
    /// The old commands: every line, with the output of builds.
    Old,
}

/// The state of one command.
pub struct Session {
    /// How the program was called.
    pub program: Program,
    /// All settings, as files, environment and command line have them.
    pub settings: Arc<Settings>,
    /// The machine and the user.
    pub host: Host,
    /// What the user sees.
    pub display: Display,
    /// Flags of all commands, as they were given.
    pub common: Parsed,
    /// The settings that the named flake wants were applied already.
    pub flake_config_applied: bool,
    verbosity: Level,
    shows_logs: bool,
    store: StoreSlot,
    stores: Arc<Stores>,
    builder: Arc<Builder>,
    cancel: CancelToken,
}

/// Reads settings from files and environment.
///
/// # Errors
/// A file or value that does not parse.
pub fn load_settings(program: &Program) -> Result<(Settings, Host), CliError> {
    let host = firn_store::detect_host();
    let mut settings = Settings::load(&host, &|path| std::fs::read_to_string(path))?;
    if program.is_firn() {
        // the base is built from Debian's packages: no cache of the reference has any of it
        settings.set_default("substituters", "")?;
    }
    if program.is_firn() {
        settings.imply_features([Feature::NixCommand, Feature::Flakes, Feature::FetchTree]);
    }
    Ok((settings, host))
}

impl Session {
    /// Starts a command: applies the flags that all commands share and starts the display.
    ///
    /// # Errors
    /// A flag whose argument makes no sense.
    pub fn start(
        program: Program,
        mut settings: Settings,
        host: Host,
        common: Parsed,
        style: Style,
    ) -> Result<Session, CliError> {
        for definition in firn_settings::DEFINITIONS.iter().filter(|d| common.settings.contains(&d.name)) {
            if let Some(feature) = definition.feature {
                settings.require(feature, "")?;
            }
        }
        apply_common(&common, &mut settings)?;
        let verbosity = verbosity(&common, style);
        let mut format = match style {
            Style::New if common.has("print-build-logs") => LogFormat::BarWithLogs,
            Style::New => LogFormat::Bar,
            Style::Old if common.has("no-build-output") => LogFormat::Raw,
            Style::Old => LogFormat::RawWithLogs,
        };
        if let Some(name) = common.value("log-format") {
            format = name.parse().map_err(CliError::new)?;
        }
        let log = settings.json_log_path().map(std::path::PathBuf::from);
        let (display, unwritable) =
            Display::with_log(format, verbosity, log.as_deref().filter(|p| !p.as_os_str().is_empty()));
        if let Some(error) = unwritable {
            display.events().warn(format!("the log cannot be written to 'json-log-path': {error}"));
        }
        for warning in settings.take_warnings() {
            display.events().warn(warning);
        }
        for warning in settings.take_unknown_warnings() {
            display.events().warn(warning);
        }
        for name in &common.settings {
            if let Some(why) = firn_settings::without_effect(name) {
                display.events().warn(format!("the setting '{name}' has no effect: {why}"));
            }
        }
        let cancel = CancelToken::new()?;
        firn_sys::signals::cancel_on_interrupt(&cancel)?;
        let shows_logs =
            matches!(format, LogFormat::RawWithLogs | LogFormat::BarWithLogs | LogFormat::MultilineWithLogs);
        let settings = Arc::new(settings);
        let store = StoreSlot::default();
        let making = Making {
            settings: &settings,
            host: &host,
            events: display.events(),
            verbosity,
            shows_logs,
            prefer_base: program.is_firn(),
            cancel: &cancel,
        };
        let (stores, builder) = making.stores(&store);
        let flake_config_applied = false;
        Ok(Session {
            program,
            settings,
            host,
            display,
            common,
            flake_config_applied,
            verbosity,
            shows_logs,
            store,
            stores,
            builder,
            cancel,
        })
    }

    /// The same command with other settings: those that the named flake wants.
    pub fn reconfigured(self, settings: Settings) -> Session {
        let settings = Arc::new(settings);
        // A store that is open has the old settings.
        let store = if self.store.get().is_none() { self.store.clone() } else { StoreSlot::default() };
        let making = self.making(&settings, self.events(), self.verbosity, self.shows_logs);
        let (stores, builder) = making.stores(&store);
        Session { settings, flake_config_applied: true, store, stores, builder, ..self }
    }

    /// The handle for events.
    pub fn events(&self) -> &Events {
        self.display.events()
    }

    /// Shows a warning.
    pub fn warn(&self, text: impl Into<String>) {
        self.events().warn(text);
    }

    /// The address of the store that the command works on.
    ///
    /// # Errors
    /// It is malformed.
    pub fn store_reference(&self) -> Result<StoreReference, CliError> {
        let address =
            self.common.value("store").map_or_else(|| self.settings.store().to_string(), str::to_owned);
        let here = std::env::current_dir().map(|d| d.display().to_string()).unwrap_or_else(|_| "/".into());
        Ok(StoreReference::parse(&address, &here)?)
    }

    /// The store; opened at the first call.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn store(&self) -> Result<Arc<dyn Store>, CliError> {
        if let Some(store) = self.store.get() {
            return Ok(store.clone());
        }
        let store = self.stores.open(self.store_reference()?)?;
        Ok(self.store.get_or_init(|| store).clone())
    }

    /// Opens stores by their addresses.
    pub fn stores(&self) -> &Arc<Stores> {
        &self.stores
    }

    /// Another store, by its address.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&self, address: &str) -> Result<Arc<dyn Store>, CliError> {
        Ok(self.stores.open_address(address)?)
    }

    /// What stores with other settings and events are made of.
    pub(crate) fn making<'a>(
        &'a self,
        settings: &'a Arc<Settings>,
        events: &'a Events,
        verbosity: Level,
        shows_logs: bool,
    ) -> Making<'a> {
        Making {
            settings,
            host: &self.host,
            events,
            verbosity,
            shows_logs,
            prefer_base: self.program.is_firn(),
            cancel: &self.cancel,
        }
    }

    /// Set when the user wants the command to end.
    pub fn cancel_token(&self) -> &CancelToken {
        &self.cancel
    }

    /// A function that opens the store when it is first called: for evaluations.
    pub fn opener(&self) -> OpenStore {
        let (slot, reference) = (self.store.clone(), self.store_reference().map_err(CliError::text));
        let stores = self.stores.clone();
        Arc::new(move || {
            if let Some(store) = slot.get() {
                return Ok(store.clone());
            }
            let opened = stores.open(reference.clone()?).map_err(|e| CliError::text(e.into()))?;
            Ok(slot.get_or_init(|| opened).clone())
        })
    }

    /// Whether the user wants the command to end.
    pub fn interrupted(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let flag = self.cancel.flag();
        Arc::new(move || flag.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// Where the files of store paths are, for stores that have them elsewhere than their paths say.
    pub fn real_paths(&self) -> firn_fetch::RealPaths {
        let open = self.opener();
        let dir = firn_settings::Directories::new(&self.host).store;
        Arc::new(move |path| {
            let rest = path.strip_prefix(dir.as_str())?.strip_prefix('/')?;
            let (base, below) = rest.split_once('/').unwrap_or((rest, ""));
            let real = open().ok()?.real_path(&firn_path::StorePath::from_base_name(base).ok()?)?;
            Some(if below.is_empty() { real } else { real.join(below) })
        })
    }

    /// The lock of the base's seeds that the user has made, if any.
    pub fn base_lock(&self) -> Option<Vec<u8>> {
        if !self.program.is_firn() {
            return None;
        }
        crate::base_lock::base_lock(self)
    }

    /// The exit status of failed builds: 100 and more, as scripts know it.
    pub fn build_exit_code(&self) -> u8 {
        self.builder.exit_code()
    }

    /// Fails unless an experimental feature is enabled.
    ///
    /// # Errors
    /// It is not.
    pub fn require(&self, feature: Feature) -> Result<(), CliError> {
        Ok(self.settings.require(feature, "")?)
    }

    /// Writes to the standard output, the status line out of the way. A reader that has gone away ends the command quietly.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn print(&self, text: impl AsRef<[u8]>) -> Result<(), CliError> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Err(CliError::Status(1)),
            Err(e) => Err(CliError::new(format!("writing to the standard output: {e}"))),
        }
    }

    /// Writes a line to the standard output.
    ///
    /// # Errors
    /// As [`Session::print`].
    pub fn println(&self, text: impl std::fmt::Display) -> Result<(), CliError> {
        self.print(format!("{text}\n"))
    }

    /// Whether JSON is to be printed over several lines.
    pub fn wants_pretty_json(parsed: &Parsed) -> bool {
        use std::io::IsTerminal;
        parsed.has("pretty") || (std::io::stdout().is_terminal() && !parsed.has("no-pretty"))
    }

    /// Writes JSON to the standard output: over several lines on a terminal or where that is asked for, else on one.
    ///
    /// # Errors
    /// As [`Session::print`].
    pub fn print_json(&self, json: &serde_json::Value, parsed: &Parsed) -> Result<(), CliError> {
        let text = if Session::wants_pretty_json(parsed) {
            serde_json::to_string_pretty(json)
        } else {
            serde_json::to_string(json)
        };
        self.println(text.map_err(|e| CliError::new(e.to_string()))?)
    }
}

fn verbosity(common: &Parsed, style: Style) -> Level {
    use std::io::IsTerminal;
    const LEVELS: [Level; 8] = [
        Level::Error,
        Level::Warn,
        Level::Notice,
        Level::Info,
        Level::Talkative,
        Level::Chatty,
        Level::Debug,
        Level::Vomit,
    ];
    let start = match style {
        Style::New if std::io::stderr().is_terminal() => 2,
        _ => 3,
    };
    if common.has("debug") {
        return Level::Debug;
    }
    let wanted = start + common.count("verbose") as i64 - common.count("quiet") as i64;
    LEVELS[usize::try_from(wanted.clamp(0, 7)).unwrap_or(0)]
}

fn apply_common(common: &Parsed, settings: &mut Settings) -> Result<(), CliError> {
    if let Some(n) = common.value("max-jobs") {
        settings.set("max-jobs", n)?;
    }
    for (flag, setting) in
        [("keep-going", "keep-going"), ("keep-failed", "keep-failed"), ("fallback", "fallback")]
    {
        if common.has(flag) {
            settings.set(setting, "true")?;
        }
    }
    if common.has("offline") {
        settings.set("tarball-ttl", &u32::MAX.to_string())?;
        settings.set("substitute", "false")?;
    }
    if common.has("refresh") {
        for name in ["tarball-ttl", "narinfo-cache-negative-ttl", "narinfo-cache-positive-ttl"] {
            settings.set(name, "0")?;
        }
    }
    Ok(())
}

/// The store of a command, once it is open.
pub(crate) type StoreSlot = Arc<OnceLock<Arc<dyn Store>>>;

/// What stores that build are made of.
pub(crate) struct Making<'a> {
    pub(crate) settings: &'a Arc<Settings>,
    pub(crate) host: &'a Host,
    pub(crate) events: &'a Events,
    /// Daemons tell so much.
    pub(crate) verbosity: Level,
    /// Lines of builds are shown as they come.
    pub(crate) shows_logs: bool,
    /// Sandboxes have the base's shell rather than the machine's.
    pub(crate) prefer_base: bool,
    pub(crate) cancel: &'a CancelToken,
}

impl Making<'_> {
    /// Opens stores, with this program as what builds in local ones; `slot` gets the store that the shell of sandboxes
    /// is built in.
    pub(crate) fn stores(&self, slot: &StoreSlot) -> (Arc<Stores>, Arc<Builder>) {
        let stores = Stores::new(self.settings.clone(), self.host.clone(), self.events.clone())
            .with_verbosity(self.verbosity);
        let mut options = BuilderOptions::default();
        options.show_log_tail = !self.shows_logs;
        options.builtins.with_names(crate::names::APPLETS);
        options.builtins.register("builtin:unpack-deb", crate::unpack_deb::run);
        options.substituters = Some(stores.opener());
        options.sandbox_shell = crate::sandbox_shell::Source {
            prefer_base: self.prefer_base,
            settings: self.settings.clone(),
            events: self.events.clone(),
            store: slot.clone(),
            cancel: self.cancel.clone(),
        }
        .into_shell();
        let mut builder = Builder::new(options, self.cancel.clone());
        for executor in firn_build::remote::executors(self.settings, self.host, &stores) {
            builder.prefer(executor);
        }
        let builder = Arc::new(builder);
        (Arc::new(stores.with_builder(builder.clone(), self.cancel.clone())), builder)
    }

    /// Opens one store that builds.
    pub(crate) fn open(&self, reference: StoreReference) -> Result<Arc<dyn Store>, firn_store::StoreError> {
        let slot = StoreSlot::default();
        let store = self.stores(&slot).0.open(reference)?;
        let _ = slot.set(store.clone());
        Ok(store)
    }
}
