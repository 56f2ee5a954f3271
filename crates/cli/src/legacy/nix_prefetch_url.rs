//! `nix-prefetch-url`: downloads a file into the store and prints its hash.

use firn_events::Level;
use firn_hash::{Algo, Format, Hash};

use crate::args::{Flag, Until, option, parse, switch};
use crate::commands::hash::algorithm;
use crate::commands::paths::usage;
use crate::commands::prefetch::{Prefetch, prefetch};
use crate::error::CliError;
use crate::flags::{COMMON, EVAL, LEGACY};
use crate::session::{Program, Session, Style, load_settings};

const FLAGS: &[Flag] = &[
    option("type", &["hash-algo"], "the algorithm: sha256 (the default), md5, sha1, sha512, blake3"),
    switch("print-path", "print the store path, too"),
    option("attr", &["path"], "take the address from a derivation of an expression").short('A'),
    switch("unpack", "unpack the archive and add what is in it"),
    switch("executable", "make the file executable; its NAR is hashed then"),
    option("name", &["name"], "the name of the store path, instead of the last part of the URL"),
];

/// Runs the command.
///
/// # Errors
/// A wrong command line, a failed download, a hash that is not the expected one.
pub(crate) fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (mut settings, host) = load_settings(&program)?;
    let args = crate::args::expand(args);
    let tables: [&[Flag]; 4] = [FLAGS, EVAL, LEGACY, COMMON];
    let (parsed, _) = parse(&args, &tables, &mut settings, Until::End, &program.name)?;
    if let Some(status) = crate::help::early(&program, &parsed) {
        return Ok(status);
    }
    let print_path = parsed.has("print-path") || host.environment.get("PRINT_PATH") == Some("1");
    let session = Session::start(program, settings, host, parsed.clone(), Style::Old)?;
    if parsed.has("attr") {
        return Err(CliError::new("'--attr' is not supported: give the URL itself"));
    }
    let (url, expected) = match parsed.positional.as_slice() {
        [] => return Err(usage(&session, "you must specify a URL")),
        [url] => (url, None),
        [url, hash] => (url, Some(hash)),
        _ => return Err(usage(&session, "too many arguments")),
    };
    if url.starts_with("mirror://") {
        return Err(CliError::new(format!("mirrors are not supported: '{url}'")));
    }
    let algo = parsed.value("type").map_or(Ok(Algo::Sha256), |name| algorithm(&session, name))?;
    let wanted = Prefetch {
        url,
        name: parsed.value("name"),
        algo,
        expected: expected.map(|text| Hash::parse_any(text, Some(algo))).transpose()?,
        unpack: parsed.has("unpack"),
        executable: parsed.has("executable"),
    };
    let (path, hash) = prefetch(&session, &wanted)?;
    let shown = session.store()?.store_dir().print(&path);
    if !print_path {
        session.events().message(Level::Info, format!("path is '{shown}'"));
    }
    session.println(hash.render(if algo == Algo::Md5 { Format::Base16 } else { Format::Nix32 }, false))?;
    if print_path {
        session.println(shown)?;
    }
    Ok(0)
}
