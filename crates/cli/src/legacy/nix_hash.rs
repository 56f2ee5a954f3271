//! `nix-hash`: hashes files and trees, and converts hashes.

use firn_hash::{Algo, Format};
use firn_path::FileMethod;

use super::Legacy;
use crate::args::{Flag, option, switch};
use crate::commands::hash::{algorithm, format_flag, hash_of, print_as, render_truncated};
use crate::error::CliError;
use crate::session::Program;

const FLAGS: &[Flag] = &[
    switch("flat", "hash the bytes of files, not NARs"),
    switch("base16", "print hashes in base 16 (the default)"),
    switch("base32", "print hashes in Nix's base 32"),
    switch("base64", "print hashes in base 64"),
    switch("sri", "print hashes as SRI"),
    switch("truncate", "fold hashes of more than 20 bytes to 20 bytes"),
    option("type", &["hash-algo"], "the algorithm: md5 (the default), sha1, sha256, sha512, blake3"),
    switch("to-base16", "print the given hashes in base 16"),
    switch("to-base32", "print the given hashes in Nix's base 32"),
    switch("to-base64", "print the given hashes in base 64"),
    switch("to-sri", "print the given hashes as SRI"),
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-hash",
    doc: "hash files and trees, and convert hashes",
    usage: &["[--flat] [--type ALGORITHM] [FORMAT] PATH…", "--to-FORMAT [--type ALGORITHM] HASH…"],
    flags: &[FLAGS],
    run,
};

/// Runs the command.
///
/// # Errors
/// A wrong command line, files that cannot be read, hashes that are none.
fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (session, parsed) = COMMAND.start(program, args)?;
    let conversion = parsed.flags.iter().rev().find_map(|flag| match flag.id {
        "to-base16" => Some(Format::Base16),
        "to-base32" => Some(Format::Nix32),
        "to-base64" => Some(Format::Base64),
        "to-sri" => Some(Format::Sri),
        _ => None,
    });
    if let Some(to) = conversion {
        return print_as(&session, &parsed, to);
    }
    let algo = parsed.value("type").map_or(Ok(Algo::Md5), |name| algorithm(&session, name))?;
    let format = format_flag(&parsed).unwrap_or(Format::Base16);
    let method = if parsed.has("flat") { FileMethod::Flat } else { FileMethod::NixArchive };
    for path in &parsed.positional {
        let hash = hash_of(path, method, algo)?;
        session.println(if parsed.has("truncate") {
            render_truncated(&hash, format)
        } else {
            hash.render(format, false)
        })?;
    }
    Ok(0)
}
