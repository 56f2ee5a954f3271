//! `nix-prefetch-url`: downloads a file into the store and prints its hash.

use firn_events::Level;
use firn_hash::{Algo, Format, Hash};

use super::Legacy;
use crate::args::{Flag, Parsed, option, switch};
use crate::commands::hash::algorithm;
use crate::commands::paths::usage;
use crate::commands::prefetch::{Prefetch, prefetch};
use crate::error::CliError;
use crate::evaluation::{Mode, auto_args, evaluate, file_argument};
use crate::flags::EVAL;
use crate::installable::{optional, optional_text};
use crate::session::{Program, Session};

const FLAGS: &[Flag] = &[
    option("type", &["hash-algo"], "the algorithm: sha256 (the default), md5, sha1, sha512, blake3"),
    switch("print-path", "print the store path, too"),
    option("attr", &["path"], "take the address from a derivation of an expression").short('A'),
    switch("unpack", "unpack the archive and add what is in it"),
    switch("executable", "make the file executable; its NAR is hashed then"),
    option("name", &["name"], "the name of the store path, instead of the last part of the URL"),
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-prefetch-url",
    doc: "download a file into the store and print its hash",
    usage: &["[FLAG…] URL [HASH]", "[FLAG…] -A ATTRIBUTE [FILE]"],
    flags: &[FLAGS, EVAL],
    run,
};

/// Runs the command.
///
/// # Errors
/// A wrong command line, a failed download, a hash that is not the expected one.
fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (session, parsed) = COMMAND.start(program, args)?;
    let print_path = parsed.has("print-path") || session.host.environment.get("PRINT_PATH") == Some("1");
    let source = if parsed.has("attr") {
        of_attribute(&session, &parsed)?
    } else {
        match parsed.positional.as_slice() {
            [] => return Err(usage(&session, "you must specify a URL")),
            [url] => Source { url: url.clone(), ..Source::default() },
            [url, hash] => Source { url: url.clone(), hash: Some(hash.clone()), ..Source::default() },
            _ => return Err(usage(&session, "too many arguments")),
        }
    };
    let (url, expected) = (&source.url, &source.hash);
    if url.starts_with("mirror://") {
        return Err(CliError::new(format!("mirrors are not supported: '{url}'")));
    }
    let algo = parsed.value("type").map_or(Ok(Algo::Sha256), |name| algorithm(&session, name))?;
    let wanted = Prefetch {
        url,
        name: parsed.value("name").or(source.name.as_deref()),
        algo,
        expected: expected.as_ref().map(|text| Hash::parse_any(text, Some(algo))).transpose()?,
        unpack: parsed.has("unpack") || source.unpack,
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

/// What is downloaded.
#[derive(Default)]
struct Source {
    url: String,
    hash: Option<String>,
    name: Option<String>,
    unpack: bool,
}

/// The address in a derivation's `urls`, with the hash and the name that it has there.
fn of_attribute(session: &Session, parsed: &Parsed) -> Result<Source, CliError> {
    let mode = Mode { pure: session.settings.pure_eval(), read_only: true };
    let source = evaluate(session, parsed, mode, |ctx| {
        let file = parsed.positional.first().map_or(".", String::as_str);
        let path = file_argument(ctx, file)?;
        let root = ctx.eval_main_file(&path)?;
        let args = auto_args(ctx, parsed)?;
        let value = ctx.select_path(root, parsed.value("attr").unwrap_or(""), &args)?;
        let urls = optional(ctx, value, &["urls"])?;
        let first = match urls.and_then(firn_eval::Value::as_list) {
            Some(list) if !list.is_empty() => list.get(0),
            Some(_) => return Err(CliError::new("'urls' attribute of the derivation is empty").into()),
            None => return Err(CliError::new("attribute 'urls' missing").into()),
        };
        let url =
            ctx.force_str(first, firn_eval::Pos::NONE, "while evaluating the first url from the urls list")?;
        let mode = optional_text(ctx, value, &["outputHashMode"])?;
        Ok(Source {
            url: url.to_text().into_owned(),
            hash: optional_text(ctx, value, &["outputHash"])?.filter(|h| !h.is_empty()),
            name: optional_text(ctx, value, &["name"])?,
            unpack: mode.is_some_and(|m| m == "recursive"),
        })
    })?;
    session.events().message(Level::Info, format!("using URL '{}'", source.url));
    Ok(source)
}
