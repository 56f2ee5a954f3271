//! Which store behind a protocol an address means.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_events::{Events, Level};
use firn_path::StoreDir;
use firn_settings::{Directories, Host, Settings};
use firn_store::{Store, StoreError, StoreReference, StoreVariant};

use crate::pool::Transport;
use crate::serve::ServeStore;
use crate::ssh::SshConfig;
use crate::wire::{WireReader, WireWriter};
use crate::worker::RemoteStore;

/// What clients need to know.
#[derive(Clone, Debug)]
pub struct Context {
    /// Passed on to daemons.
    pub settings: Arc<Settings>,
    /// The machine.
    pub host: Host,
    /// Where messages go.
    pub events: Events,
    /// How much daemons tell.
    pub verbosity: Level,
}

fn store_dir(reference: &StoreReference, dirs: &Directories) -> Result<StoreDir, StoreError> {
    Ok(StoreDir::new(reference.params.get("store").map_or(dirs.store.as_str(), String::as_str))?)
}

/// Both directions of a socket.
///
/// # Errors
/// Nobody listens there.
pub fn connect_socket(socket: &Path) -> Result<Transport, StoreError> {
    let failed = |e: std::io::Error| {
        let text = e.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        StoreError::Remote(format!("cannot connect to socket at '{}': {text}", socket.display()))
    };
    let stream = connect(socket).map_err(failed)?;
    let to = stream.try_clone().map_err(failed)?;
    Ok(Transport { from: WireReader::new(stream), to: WireWriter::new(to), child: None })
}

/// Addresses of sockets are short; longer ones are reached through an open folder.
fn connect(socket: &Path) -> std::io::Result<UnixStream> {
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStrExt;
    if socket.as_os_str().as_bytes().len() < 108 {
        return UnixStream::connect(socket);
    }
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    let folder = std::fs::File::open(folder)?;
    UnixStream::connect(Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}

/// The store of the daemon behind a socket of this machine.
///
/// # Errors
/// A parameter of the address that makes no sense.
pub fn open_daemon(
    socket: PathBuf,
    reference: StoreReference,
    context: &Context,
) -> Result<Arc<dyn Store>, StoreError> {
    let dirs = Directories::new(&context.host);
    let dir = store_dir(&reference, &dirs)?;
    let real = match (reference.params.get("real"), reference.params.get("root")) {
        (Some(real), _) => PathBuf::from(real),
        (None, Some(root)) => Path::new(root).join("nix/store"),
        (None, None) => PathBuf::from(dir.as_str()),
    };
    let usual = Path::new(&dirs.daemon_socket) == socket;
    let uri = if usual && reference.params.is_empty() {
        "daemon".to_owned()
    } else {
        format!("unix://{}", socket.display())
    };
    let connect = move || connect_socket(&socket);
    let (settings, events) = (context.settings.clone(), context.events.clone());
    let store = RemoteStore::new(reference, uri, dir, Some(real), settings, events, Box::new(connect));
    Ok(Arc::new(store.with_verbosity(context.verbosity)))
}

/// The store on another machine that an address means; `None` if it is of another kind.
///
/// # Errors
/// A parameter of the address that makes no sense.
pub fn open(reference: &StoreReference, context: &Context) -> Result<Option<Arc<dyn Store>>, StoreError> {
    let StoreVariant::Specified { scheme, authority } = &reference.variant else { return Ok(None) };
    if !matches!(scheme.as_str(), "ssh" | "ssh-ng") {
        return Ok(None);
    }
    let dir = store_dir(reference, &Directories::new(&context.host))?;
    let uri = format!("{scheme}://{authority}");
    let ssh = SshConfig::new(authority, &reference.params);
    let command = remote_command(scheme, reference);
    let connect = Box::new(move || ssh.start(&command));
    let (reference, settings) = (reference.clone(), context.settings.clone());
    Ok(Some(if scheme == "ssh" {
        Arc::new(ServeStore::new(reference, uri, dir, settings, connect))
    } else {
        let events = context.events.clone();
        let store = RemoteStore::new(reference, uri, dir, None, settings, events, connect);
        Arc::new(store.without_options())
    }))
}

/// What is started on the other machine.
fn remote_command(scheme: &str, reference: &StoreReference) -> Vec<String> {
    let get = |name: &str| reference.params.get(name).filter(|v| !v.is_empty());
    let (usual, arguments): (&str, &[&str]) = match scheme {
        "ssh" => ("nix-store", &["--serve", "--write"]),
        _ => ("nix-daemon", &["--stdio"]),
    };
    let mut command: Vec<String> = match get("remote-program") {
        Some(program) => program.split_whitespace().map(str::to_owned).collect(),
        None => vec![usual.to_owned()],
    };
    command.extend(arguments.iter().map(|&a| a.to_owned()));
    if let Some(store) = get("remote-store") {
        command.extend(["--store".to_owned(), store.clone()]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_elsewhere() {
        let command = |address: &str| {
            let reference = StoreReference::parse(address, "/").expect("an address");
            let StoreVariant::Specified { scheme, .. } = &reference.variant else { panic!("{address}") };
            remote_command(scheme, &reference).join(" ")
        };
        assert_eq!(command("ssh://h"), "nix-store --serve --write");
        assert_eq!(command("ssh-ng://h?remote-store=/x"), "nix-daemon --stdio --store /x");
        assert_eq!(command("ssh-ng://h?remote-program=/opt/nix%20daemon"), "/opt/nix daemon --stdio");
    }
}
