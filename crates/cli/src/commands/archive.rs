//! `nix nar pack`, its old name `nix nar dump-path`, and `nix store dump-path`

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

use super::paths::{only, store_paths, usage};
use crate::args::Parsed;
use crate::error::CliError;
use crate::session::Session;

fn output(session: &Session) -> Result<BufWriter<std::io::StdoutLock<'static>>, CliError> {
    let out = std::io::stdout();
    if out.is_terminal() {
        return Err(usage(session, "refusing to write NAR to a terminal"));
    }
    Ok(BufWriter::with_capacity(1 << 16, out.lock()))
}

/// `nix nar pack`
pub(crate) fn pack(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let path = only(session, &parsed)?;
    let mut out = output(session)?;
    firn_source::dump_path(Path::new(path), &mut out)?;
    out.flush()?;
    Ok(0)
}

/// `nix nar dump-path`
pub(crate) fn pack_deprecated(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    session.warn("'nix nar dump-path' is a deprecated alias for 'nix nar pack'");
    pack(session, parsed)
}

/// `nix store dump-path`
pub(crate) fn dump_store_path(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let paths = store_paths(session, &parsed)?;
    let [path] = paths.as_slice() else {
        return Err(usage(session, "this command requires exactly one store path"));
    };
    let mut out = output(session)?;
    let store = session.store()?;
    if !store.is_valid(path)? {
        let shown = store.store_dir().print(path);
        return Err(CliError::new(format!("path '{shown}' is not a valid store path")));
    }
    store.write_nar(path, &mut out)?;
    out.flush()?;
    Ok(0)
}
