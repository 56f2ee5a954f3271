//! A store in a temporary folder, derivations for it, and what a build of them says.
#![allow(dead_code, unreachable_pub, missing_docs, unsafe_code, clippy::print_stdout)] // each test binary uses a part; the macro registers a start-up function

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use firn_build::{Builder, BuilderOptions};
use firn_derivation::{Derivation, DerivationOutput, InputNode, Scratch};
use firn_events::{ActivityResult, Event, Events, Sink};
use firn_hash::Hash;
use firn_path::{ContentAddress, ContentMethod, DerivedPath, OutputsSpec, StorePath};
use firn_settings::{Directories, Environment, Settings};
use firn_store::{BuildBackend, BuildMode, BuildResult, LocalConfig, LocalStore, Store, StoreReference};
use firn_sys::CancelToken;

firn_sys::helper_in_tests!();

/// Keeps all events.
#[derive(Default)]
pub struct Seen(pub Mutex<Vec<Event>>);

impl Sink for Seen {
    fn event(&self, event: Event) {
        self.0.lock().expect("a lock").push(event);
    }
}

pub struct Fixture {
    pub dir: tempfile::TempDir,
    pub store: LocalStore,
    pub builder: Builder,
    pub cancel: CancelToken,
    pub seen: Arc<Seen>,
    pub events: Events,
}

/// Folders of the machine that its shell needs: sandboxes of tests show them, as there may be no static shell.
const SHELL_PATHS: &str = "/bin=/bin /usr=/usr /lib=/lib? /lib64=/lib64?";

impl Fixture {
    /// A store whose logical directory is `/nix/store`: builds are sandboxed.
    pub fn sandboxed(settings: &[(&str, &str)]) -> Fixture {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("root");
        Fixture::at(dir, Some(root), "local", settings)
    }

    /// A store that is where its paths say: builds need no sandbox.
    pub fn plain(settings: &[(&str, &str)]) -> Fixture {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().display().to_string();
        let address = format!("local?store={path}/store&state={path}/var&log={path}/log");
        let mut all = vec![("sandbox", "false"), ("build-users-group", "")];
        all.extend(settings);
        Fixture::at(dir, None, &address, &all)
    }

    fn at(
        dir: tempfile::TempDir,
        root: Option<PathBuf>,
        address: &str,
        settings: &[(&str, &str)],
    ) -> Fixture {
        let host = firn_settings::Host {
            root: firn_sys::users::effective_uid() == 0,
            cpus: 2,
            ..firn_settings::Host::plain(Environment::from_process())
        };
        let mut all = Settings::new(&host);
        all.set("sandbox-paths", SHELL_PATHS).expect("a setting");
        all.set("sandbox-fallback", "false").expect("a setting");
        for (name, value) in settings {
            assert!(all.set(name, value).expect("a setting"), "{name}");
        }
        let reference = StoreReference::parse(address, "/").expect("an address");
        let dirs = Directories::new(&host);
        let config = LocalConfig::new(root, reference, Arc::new(all), &dirs, &mut Vec::new())
            .expect("a configuration");
        let seen = Arc::new(Seen::default());
        let events = Events::new(seen.clone());
        let store = LocalStore::open(config, events.clone()).expect("a store");
        let cancel = CancelToken::new().expect("a token");
        let builder = Builder::new(BuilderOptions::default(), cancel.clone());
        Fixture { dir, store, builder, cancel, seen, events }
    }

    /// Whether this machine lets sandboxes be made; says so if not.
    pub fn can_sandbox() -> bool {
        let f = Fixture::sandboxed(&[]);
        let drv = f.script("probe", "echo > $out");
        let results = f.build(&[&drv]);
        if results[0].error.contains("namespaces") {
            println!("skipped: {}", results[0].error);
            return false;
        }
        true
    }

    /// A derivation that runs a script with `/bin/sh`.
    pub fn script(&self, name: &str, script: &str) -> StorePath {
        self.write(self.draft(name, script))
    }

    /// The same, not yet written. The outputs' paths and variables are filled in when it is.
    pub fn draft(&self, name: &str, script: &str) -> Derivation {
        let env = [("name", name), ("PATH", "/bin:/usr/bin"), ("out", "")];
        Derivation {
            name: name.to_owned(),
            outputs: BTreeMap::from([("out".to_owned(), DerivationOutput::Deferred)]),
            input_drvs: BTreeMap::new(),
            input_srcs: Default::default(),
            platform: self.store.settings().system().to_owned(),
            builder: b"/bin/sh".to_vec(),
            args: vec![b"-c".to_vec(), script.as_bytes().to_vec()],
            env: env.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec())).collect(),
        }
    }

    /// Fills in paths and writes it to the store.
    pub fn write(&self, mut drv: Derivation) -> StorePath {
        drv.fill_output_paths(self.store.store_dir(), &mut Scratch::new(), |path| {
            self.store.hash_modulo(path)
        })
        .expect("output paths");
        self.store.write_derivation(&drv, false).expect("a derivation")
    }

    /// Adds a text to the store.
    pub fn text(&self, name: &str, text: &str) -> StorePath {
        self.store.add_text(name, text.as_bytes(), &Default::default(), false).expect("a text")
    }

    pub fn build(&self, drvs: &[&StorePath]) -> Vec<BuildResult> {
        self.build_mode(drvs, BuildMode::Normal)
    }

    pub fn build_mode(&self, drvs: &[&StorePath], mode: BuildMode) -> Vec<BuildResult> {
        let targets: Vec<DerivedPath> =
            drvs.iter().map(|d| DerivedPath::built((*d).clone(), OutputsSpec::All)).collect();
        self.builder.build(&self.store, &targets, mode, &self.events).expect("results")
    }

    /// Builds one derivation; gives its output's files.
    pub fn build_ok(&self, drv: &StorePath) -> PathBuf {
        let result = self.build(&[drv]).remove(0);
        assert!(result.status.is_success(), "{}", result.error);
        self.store.real(&result.outputs["out"])
    }

    /// Builds one derivation; gives why it failed.
    pub fn build_err(&self, drv: &StorePath) -> String {
        let result = self.build(&[drv]).remove(0);
        assert!(!result.status.is_success(), "it was built");
        result.error
    }

    pub fn read(&self, drv: &StorePath) -> String {
        std::fs::read_to_string(self.build_ok(drv)).expect("a text")
    }

    /// The lines of all logs so far.
    pub fn log_lines(&self) -> Vec<String> {
        self.pick(|e| match e {
            Event::Result { result: ActivityResult::BuildLogLine(l), .. } => Some(l.clone()),
            _ => None,
        })
    }

    /// The messages so far.
    pub fn messages(&self) -> Vec<String> {
        self.pick(|e| match e {
            Event::Message { text, .. } => Some(text.clone()),
            _ => None,
        })
    }

    pub fn pick(&self, f: impl FnMut(&Event) -> Option<String>) -> Vec<String> {
        self.seen.0.lock().expect("a lock").iter().filter_map(f).collect()
    }

    /// What is left in the store beside paths: locks, folders of builds.
    pub fn leftovers(&self) -> Vec<String> {
        let dirs = [self.store.config().real_dir.clone(), self.store.config().build_dir.clone()];
        let names = dirs.iter().filter_map(|d| std::fs::read_dir(d).ok()).flatten().flatten();
        let names = names.map(|e| e.file_name().to_string_lossy().into_owned());
        names.filter(|n| n.ends_with(".lock") || n.ends_with(".chroot") || n.starts_with("nix-")).collect()
    }
}

/// Makes the output a fixed one.
pub fn fixed(mut drv: Derivation, method: ContentMethod, hash: Hash) -> Derivation {
    drv.outputs.insert("out".into(), DerivationOutput::Fixed(ContentAddress { method, hash }));
    drv
}

/// Adds outputs beside `out`.
pub fn with_outputs(mut drv: Derivation, names: &[&str]) -> Derivation {
    for name in names {
        drv.outputs.insert((*name).into(), DerivationOutput::Deferred);
        drv.env.insert(name.as_bytes().to_vec(), Vec::new());
    }
    drv
}

/// Adds a variable.
pub fn with_env(mut drv: Derivation, name: &str, value: &str) -> Derivation {
    drv.env.insert(name.into(), value.into());
    drv
}

/// Adds an input derivation whose `out` is used.
pub fn with_input(mut drv: Derivation, input: &StorePath) -> Derivation {
    drv.input_drvs.insert(input.clone(), InputNode::from_outputs(["out"]));
    drv
}

/// Adds a source.
pub fn with_source(mut drv: Derivation, source: &StorePath) -> Derivation {
    drv.input_srcs.insert(source.clone());
    drv
}

pub fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|m| m.permissions().mode() & 0o100 != 0)
}
