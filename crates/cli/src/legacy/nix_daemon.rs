//! `nix-daemon`, `nix daemon`: serves the store to the users of this machine, one process a connection.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use firn_events::Level;
use firn_protocol::daemon::{cancel_on_hangup, listen, peer};
use firn_protocol::wire::{WireReader, WireWriter};
use firn_protocol::worker::server::Server;
use firn_settings::Directories;
use firn_store::{Resolved, Store, StoreError, StoreVariant};
use firn_sys::users::UserDatabase;

use super::Legacy;
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::names::NIX_VERSION;
use crate::session::{Program, Session};

/// Its flags.
pub(crate) const FLAGS: &[Flag] = &[
    switch("daemon", "listen on the socket (the default)"),
    switch("stdio", "serve one connection on the standard input and output"),
    switch("force-trusted", "trust every client"),
    switch("force-untrusted", "trust no client"),
    switch("default-trust", "trust as the settings say"),
    switch("process-ops", "with --stdio: serve the connection here even if the store is another daemon's"),
    option("socket-path", &["path"], "listen on this socket"),
    // one connection, given as the standard input: how the daemon calls itself
    option("process-connection", &["trust"], ""),
];

/// Runs the command.
///
/// # Errors
/// The socket or the store cannot be opened.
pub(crate) fn serve(session: &Session, parsed: &Parsed, args: &[String]) -> Result<u8, CliError> {
    let forced = if parsed.has("force-trusted") {
        Some(true)
    } else if parsed.has("force-untrusted") {
        Some(false)
    } else {
        None
    };
    if let Some(trust) = parsed.value("process-connection") {
        let stream = UnixStream::from(stdin_fd()?);
        let (from, to) = (stream.try_clone()?, stream);
        return connection(session, WireReader::new(from), WireWriter::new(to), trust == "trusted");
    }
    if parsed.has("stdio") {
        return stdio(session, parsed, forced);
    }
    daemon(session, parsed, forced, args)
}

fn stdin_fd() -> Result<OwnedFd, CliError> {
    use std::os::fd::AsFd;
    Ok(std::io::stdin().as_fd().try_clone_to_owned()?)
}

fn stdout_fd() -> Result<OwnedFd, CliError> {
    use std::os::fd::AsFd;
    Ok(std::io::stdout().as_fd().try_clone_to_owned()?)
}

/// Serves one connection with a store of its own.
fn connection(session: &Session, from: WireReader, to: WireWriter, trusted: bool) -> Result<u8, CliError> {
    let mut reference = session.store_reference()?;
    // whoever serves is the daemon: it must not ask itself
    if reference.variant == StoreVariant::Auto {
        reference.variant = StoreVariant::Local;
    }
    let cancel = session.cancel_token();
    cancel_on_hangup(&stdin_fd()?, cancel)?;
    let open = |settings: firn_settings::Settings, events: firn_events::Events| {
        let settings = std::sync::Arc::new(settings);
        session.making(&settings, &events, Level::Vomit, false).open(reference.clone())
    };
    let dir = firn_path::StoreDir::new(
        reference.params.get("store").map_or(Directories::new(&session.host).store.as_str(), String::as_str),
    )
    .map_err(|e| CliError::new(e.to_string()))?;
    let server = Server {
        open: &open,
        settings: (*session.settings).clone(),
        trusted,
        says_trusted: Some(trusted),
        dir,
        version: NIX_VERSION,
    };
    server.serve(from, to).map_err(|e| CliError::new(format!("error processing connection: {e}")))?;
    Ok(0)
}

fn stdio(session: &Session, parsed: &Parsed, forced: Option<bool>) -> Result<u8, CliError> {
    let here = parsed.has("process-ops") || forced == Some(false);
    let resolved =
        firn_store::resolve(session.store_reference()?, &session.settings, &session.host, session.events())?;
    if let (Resolved::Daemon { socket, .. }, false) = (resolved, here) {
        return forward(&socket);
    }
    let (from, to) = (std::fs::File::from(stdin_fd()?), std::fs::File::from(stdout_fd()?));
    connection(session, WireReader::new(from), WireWriter::new(to), forced.unwrap_or(true))
}

/// Passes everything on to the daemon of this machine and back.
fn forward(socket: &std::path::Path) -> Result<u8, CliError> {
    let stream = UnixStream::connect(socket)
        .map_err(|e| CliError::new(format!("cannot connect to socket at '{}': {e}", socket.display())))?;
    let mut up = stream.try_clone()?;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut up);
        let _ = up.shutdown(std::net::Shutdown::Write);
    });
    let mut down = stream;
    let mut out = std::io::stdout().lock();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match std::io::Read::read(&mut down, &mut buffer)? {
            0 => return Ok(0),
            n => {
                out.write_all(&buffer[..n])?;
                out.flush()?;
            }
        }
    }
}

fn daemon(session: &Session, parsed: &Parsed, forced: Option<bool>, args: &[String]) -> Result<u8, CliError> {
    let listener = match firn_sys::activation::listener().map_err(CliError::new)? {
        Some(listener) => listener,
        None => {
            let socket = match parsed.value("socket-path") {
                Some(path) => PathBuf::from(path),
                None => PathBuf::from(Directories::new(&session.host).daemon_socket),
            };
            listen(&socket)
                .map_err(|e| CliError::new(format!("cannot bind to socket '{}': {e}", socket.display())))?
        }
    };
    let users = UserDatabase::load();
    let cancel = session.cancel_token();
    loop {
        if !wait_for_client(&listener, cancel)? {
            return Ok(0);
        }
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(e) => {
                session.warn(format!("accepting connection: {e}"));
                continue;
            }
        };
        if let Err(e) = admit(session, stream, forced, &users, args) {
            session.events().message(Level::Error, format!("error processing connection: {}", e.text()));
        }
    }
}

/// Waits for a client; false when the daemon is to end.
fn wait_for_client(
    listener: &std::os::unix::net::UnixListener,
    cancel: &firn_sys::CancelToken,
) -> Result<bool, CliError> {
    use rustix::event::{PollFd, PollFlags, poll};
    loop {
        let mut fds = [PollFd::new(listener, PollFlags::IN), PollFd::new(cancel, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) if !fds[1].revents().is_empty() => return Ok(false),
            Ok(_) if !fds[0].revents().is_empty() => return Ok(true),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(CliError::new(format!("waiting for connections: {e}"))),
        }
    }
}

/// Starts a process for a client, if it may connect.
fn admit(
    session: &Session,
    stream: UnixStream,
    forced: Option<bool>,
    users: &UserDatabase,
    args: &[String],
) -> Result<(), CliError> {
    let peer = peer(&stream, users).map_err(|e| CliError::new(e.to_string()))?;
    let trusted = match forced {
        Some(trusted) => trusted,
        None => peer.admit(&session.settings, users).map_err(|e| CliError::new(e.to_string()))?,
    };
    let trust = if trusted { "trusted" } else { "untrusted" };
    session.events().message(
        Level::Info,
        format!(
            "accepted connection from pid {}, user {}{}",
            peer.pid,
            peer.user,
            if trusted { " (trusted)" } else { "" }
        ),
    );
    let mut child = Command::new("/proc/self/exe");
    std::os::unix::process::CommandExt::arg0(&mut child, "nix-daemon");
    let kept = ["--daemon", "--force-trusted", "--force-untrusted", "--default-trust"];
    child
        .args(args.iter().filter(|a| !kept.contains(&a.as_str())))
        .args(["--process-connection", trust])
        .env_remove("LISTEN_FDS")
        .env_remove("LISTEN_PID")
        .stdin(Stdio::from(OwnedFd::from(stream)))
        .stdout(Stdio::null());
    let mut child = child.spawn().map_err(|e| CliError::new(format!("starting a process: {e}")))?;
    // somebody has to take note of its end
    std::thread::Builder::new().name("reap".into()).spawn(move || child.wait())?;
    Ok(())
}

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-daemon",
    doc: "serve the store to the users of this machine",
    usage: &["[FLAG…]"],
    flags: &[FLAGS],
    run,
};

/// Runs `nix-daemon`.
///
/// # Errors
/// As [`serve`].
fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (session, parsed) = COMMAND.start(program, args.clone())?;
    serve(&session, &parsed, &args)
}

/// `nix-store --serve`.
///
/// # Errors
/// The connection breaks, or the store fails in a way that the client cannot be told.
pub(crate) fn serve_store(session: &Session, write: bool) -> Result<u8, CliError> {
    use firn_protocol::serve::server::{BuildOptions, serve};
    let store = session.store()?;
    let reference = session.store_reference()?;
    let store_for = |options: &BuildOptions| -> Result<std::sync::Arc<dyn Store>, StoreError> {
        let mut settings = (*session.settings).clone();
        let own = [
            ("max-silent-time", options.max_silent_time.to_string()),
            ("timeout", options.timeout.to_string()),
            ("max-build-log-size", options.max_log_size.to_string()),
            ("keep-failed", options.keep_failed.to_string()),
            // the client has its own machines
            ("builders", String::new()),
        ];
        for (name, value) in own {
            settings.set(name, &value).map_err(|e| StoreError::Remote(e.to_string()))?;
        }
        let settings = std::sync::Arc::new(settings);
        session.making(&settings, session.events(), Level::Info, true).open(reference.clone())
    };
    let (from, to) = (std::fs::File::from(stdin_fd()?), std::fs::File::from(stdout_fd()?));
    serve(&*store, &store_for, WireReader::new(from), WireWriter::new(to), write)
        .map_err(|e| CliError::new(e.to_string()))?;
    Ok(0)
}
