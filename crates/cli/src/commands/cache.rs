//! `firn cache serve`: the store as a binary cache over HTTP.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use firn_cache::server::{Collection, ServeOptions, Server, Tls};
use firn_events::Level;
use firn_store::{LocalStore, SecretKey};

use super::paths::{none, size_argument, usage};
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::session::Session;

/// Its flags.
pub(crate) const FLAGS: &[Flag] = &[
    option("listen", &["address"], "listen on this address and port (127.0.0.1:5000)"),
    option("priority", &["n"], "the priority as a substituter (30)"),
    option("key-file", &["file"], "sign what is sent with the secret key in a file (may be repeated)")
        .short('k'),
    option("token-file", &["file"], "take uploads from who knows a line of this file"),
    switch("no-compression", "send archives as they are, which allows ranges"),
    switch("no-check-sigs", "take uploads that nobody has signed"),
    option("state-dir", &["path"], "the folder for pins and uploads"),
    option("tls-certificate", &["file"], "the server's certificates, for HTTPS"),
    option("tls-private-key", &["file"], "the server's private key, for HTTPS"),
    option("max-age", &["days"], "delete what is older than so many days and not pinned"),
    option("max-size", &["bytes"], "delete the oldest that is not pinned until no more is left than this"),
    option("collect-every", &["seconds"], "how often to look for what is to be deleted (3600)"),
    option("port-file", &["file"], "write the port that was chosen to a file"),
];

fn read_lines(file: &str) -> Result<Vec<String>, CliError> {
    let text =
        std::fs::read_to_string(file).map_err(|e| CliError::new(format!("opening file \"{file}\": {e}")))?;
    Ok(text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect())
}

fn number(session: &Session, parsed: &Parsed, flag: &str) -> Result<Option<u64>, CliError> {
    let parse = |text: &str| text.parse().map_err(|_| usage(session, format!("'{text}' is not an integer")));
    parsed.value(flag).map(parse).transpose()
}

/// Runs the command.
///
/// # Errors
/// The store is no local one, a file cannot be read, the address cannot be listened on.
pub(crate) fn serve(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    let mut keys = Vec::new();
    for file in parsed.values("key-file") {
        let text = std::fs::read_to_string(file)
            .map_err(|e| CliError::new(format!("opening file \"{file}\": {e}")))?;
        keys.push(SecretKey::parse(&text)?);
    }
    let tokens = parsed.value("token-file").map(read_lines).transpose()?.unwrap_or_default();
    let max_size = parsed.value("max-size").map(size_argument).transpose().map_err(|e| usage(session, e))?;
    let max_age = number(session, &parsed, "max-age")?.map(|days| days.saturating_mul(24 * 3600));
    let collection = (max_age.is_some() || max_size.is_some()).then_some(Collection {
        max_age,
        max_size,
        every: number(session, &parsed, "collect-every")?.unwrap_or(3600),
    });
    let tls = match (parsed.value("tls-certificate"), parsed.value("tls-private-key")) {
        (Some(certificates), Some(key)) => {
            Some(Tls { certificates: PathBuf::from(certificates), key: PathBuf::from(key) })
        }
        (None, None) => None,
        _ => return Err(usage(session, "'--tls-certificate' and '--tls-private-key' go together")),
    };
    let store = local(session)?;
    let state_dir = match parsed.value("state-dir") {
        Some(dir) => std::path::absolute(dir)?,
        None => store.config().state_dir.join("cache-server"),
    };
    let https = tls.is_some();
    let options = ServeOptions {
        priority: i64::try_from(number(session, &parsed, "priority")?.unwrap_or(30)).unwrap_or(i64::MAX),
        keys,
        tokens,
        compress: !parsed.has("no-compression"),
        check_sigs: !parsed.has("no-check-sigs"),
        state_dir,
        tls,
        collection,
    };
    let address = parsed.value("listen").unwrap_or("127.0.0.1:5000");
    let listener = TcpListener::bind(address)
        .map_err(|e| CliError::new(format!("cannot listen on '{address}': {e}")))?;
    let bound = listener.local_addr()?;
    let server = Arc::new(Server::new(store, options, session.events().clone()).map_err(CliError::new)?);
    if let Some(file) = parsed.value("port-file") {
        std::fs::write(file, format!("{}\n", bound.port()))?;
    }
    let scheme = if https { "https" } else { "http" };
    session.events().message(Level::Notice, format!("serving {scheme}://{bound}"));
    let interrupted = session.interrupted();
    server.run(&listener, &*interrupted)?;
    Ok(0)
}

/// The store of this machine, by its own handle: the server shares it between its threads.
fn local(session: &Session) -> Result<Arc<LocalStore>, CliError> {
    let resolved =
        firn_store::resolve(session.store_reference()?, &session.settings, &session.host, session.events())?;
    match resolved {
        firn_store::Resolved::Local(config) => {
            Ok(Arc::new(LocalStore::open(*config, session.events().clone())?))
        }
        _ => Err(CliError::new("only a store of this machine that this user may write can be served")),
    }
}
