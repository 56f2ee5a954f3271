//! Which store a command works on.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_events::{Events, Level};
use firn_settings::{Directories, Host, Settings};
use rustix::fs::{Access, access};

use crate::config::LocalConfig;
use crate::dummy::DummyStore;
use crate::error::{Result, StoreError};
use crate::local::LocalStore;
use crate::reference::{StoreReference, StoreVariant};
use crate::store::Store;

/// What an address comes to on this machine.
#[derive(Debug)]
pub enum Resolved {
    /// A store that this process writes itself.
    Local(Box<LocalConfig>),
    /// A store in memory.
    Dummy(StoreReference),
    /// A daemon behind a socket.
    Daemon {
        /// The socket.
        socket: PathBuf,
        /// The address, for its parameters.
        reference: StoreReference,
    },
    /// Something that a higher part knows: a binary cache, another machine.
    Other(StoreReference),
}

/// Decides what `reference` is on this machine; warnings and notices go to `events`.
///
/// `auto` is the real `/nix` where the user may write it (or is root and may make it), the daemon where there is one, else
/// a store below the user's home.
///
/// # Errors
/// An address or parameter that makes no sense.
pub fn resolve(
    reference: StoreReference,
    settings: &Arc<Settings>,
    host: &Host,
    events: &Events,
) -> Result<Resolved> {
    let dirs = Directories::new(host);
    let mut warnings = Vec::new();
    let local = |root: Option<PathBuf>, reference: StoreReference, warnings: &mut Vec<String>| {
        LocalConfig::new(root, reference, settings.clone(), &dirs, warnings)
            .map(|c| Resolved::Local(Box::new(c)))
    };
    let resolved = match reference.variant.clone() {
        StoreVariant::Local => local(None, reference, &mut warnings)?,
        StoreVariant::Daemon => Resolved::Daemon { socket: PathBuf::from(&dirs.daemon_socket), reference },
        StoreVariant::Specified { scheme, authority } => match scheme.as_str() {
            "local" => {
                let root = (!authority.is_empty()).then(|| PathBuf::from(&authority));
                local(root, reference, &mut warnings)?
            }
            "unix" => Resolved::Daemon {
                socket: PathBuf::from(if authority.is_empty() { &dirs.daemon_socket } else { &authority }),
                reference,
            },
            "dummy" => Resolved::Dummy(reference),
            _ => Resolved::Other(reference),
        },
        StoreVariant::Auto => {
            let config = LocalConfig::new(None, reference.clone(), settings.clone(), &dirs, &mut warnings)?;
            let chosen =
                reference.params.keys().any(|k| matches!(k.as_str(), "root" | "state" | "real" | "store"))
                    || ["NIX_STORE_DIR", "NIX_STORE", "NIX_STATE_DIR"]
                        .iter()
                        .any(|v| host.environment.non_empty(v).is_some());
            if access(&config.state_dir, Access::READ_OK | Access::WRITE_OK).is_ok() {
                Resolved::Local(Box::new(config))
            } else if Path::new(&dirs.daemon_socket).exists() {
                Resolved::Daemon { socket: PathBuf::from(&dirs.daemon_socket), reference }
            } else if chosen || (host.root && can_make(&config.state_dir) && can_make(&config.real_dir)) {
                Resolved::Local(Box::new(config))
            } else {
                home_store(&config, reference, &dirs, settings, events)?
            }
        }
    };
    for warning in warnings {
        events.warn(warning);
    }
    Ok(resolved)
}

/// The store below the user's home, for machines on which there is none that the user may use.
fn home_store(
    machine: &LocalConfig,
    reference: StoreReference,
    dirs: &Directories,
    settings: &Arc<Settings>,
    events: &Events,
) -> Result<Resolved> {
    let root = Path::new(&dirs.data).join("root");
    let new = !root.exists();
    let why = if machine.state_dir.exists() { "cannot be written" } else { "does not exist" };
    events.message(
        if new { Level::Warn } else { Level::Debug },
        format!(
            "\"{}\" {why}, so Nix will use \"{}\" as a chroot store",
            machine.state_dir.display(),
            root.display()
        ),
    );
    let config = LocalConfig::new(Some(root), reference, settings.clone(), dirs, &mut Vec::new())?;
    Ok(Resolved::Local(Box::new(config)))
}

/// Whether a folder is writable, or may be made because the next folder above that exists is.
fn can_make(path: &Path) -> bool {
    let mut at = path;
    loop {
        if at.exists() {
            return access(at, Access::WRITE_OK | Access::EXEC_OK).is_ok();
        }
        match at.parent() {
            Some(parent) if !parent.as_os_str().as_bytes().is_empty() => at = parent,
            _ => return false,
        }
    }
}

/// Opens a store that needs no client: local or in memory.
///
/// # Errors
/// The address makes no sense, the store cannot be opened, or a client is needed.
pub fn open_store(
    reference: StoreReference,
    settings: &Arc<Settings>,
    host: &Host,
    events: &Events,
) -> Result<Arc<dyn Store>> {
    match resolve(reference, settings, host, events)? {
        Resolved::Local(config) => Ok(Arc::new(LocalStore::open(*config, events.clone())?)),
        Resolved::Dummy(reference) => Ok(Arc::new(DummyStore::new(&reference, &Directories::new(host))?)),
        Resolved::Daemon { socket, .. } => {
            Err(StoreError::NeedsDaemon(format!("unix://{}", socket.display())))
        }
        Resolved::Other(reference) => match reference.variant {
            StoreVariant::Specified { scheme, .. } => Err(StoreError::UnknownScheme(scheme)),
            _ => Err(StoreError::BadReference(reference.to_string())),
        },
    }
}

/// Facts about this machine and user, for [`Settings`].
pub fn detect_host() -> Host {
    let mut host = Host::plain(firn_settings::Environment::from_process());
    let uid = rustix::process::geteuid();
    host.root = rustix::process::getuid().is_root();
    host.home = home(&host, uid.as_raw());
    host.cpus = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    host.kvm = access("/dev/kvm", Access::READ_OK | Access::WRITE_OK).is_ok();
    host.ca_bundle = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
    ]
    .iter()
    .find(|path| access(**path, Access::READ_OK).is_ok())
    .map(|path| (*path).to_owned());
    host
}

/// `HOME` unless it belongs to somebody else, then what the user database says.
fn home(host: &Host, uid: u32) -> String {
    use std::os::unix::fs::MetadataExt;
    let from_env = host.environment.non_empty("HOME");
    if let Some(home) = from_env {
        match std::fs::metadata(home) {
            Ok(meta) if meta.uid() != uid => {}
            _ => return home.to_owned(),
        }
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2).is_some_and(|id| id.parse() == Ok(uid)))
        .and_then(|fields| fields.get(5).filter(|home| !home.is_empty()).map(|home| (*home).to_owned()))
        .or_else(|| from_env.map(str::to_owned))
        .unwrap_or_else(|| "/homeless-shelter".to_owned())
}
