//! `nix hash`; its parts are `nix-hash`, too.

use std::io::Read;
use std::path::Path;

use firn_hash::{Algo, Format, Hash, Hasher, base16, base64, compress, nix32};
use firn_path::FileMethod;
use firn_settings::Feature;
use firn_source::{CanonPath, FsAccessor, SourceError, hash_git, hash_path, strerror};

use super::paths::usage;
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::session::Session;

const FORMATS: [Flag; 4] = [
    switch("sri", "print the hash as SRI"),
    switch("base64", "print the hash in base 64"),
    switch("base32", "print the hash in Nix's base 32"),
    switch("base16", "print the hash in base 16"),
];
const TYPE: Flag = option("type", &["hash-algo"], "the algorithm: blake3, md5, sha1, sha256, sha512");

/// Flags of `nix hash convert`.
pub(crate) const CONVERT: &[Flag] = &[
    option("from", &["hash-format"], "the format that the hashes must have: base16, nix32, base64, sri"),
    option("to", &["hash-format"], "the format to print: base16, nix32, base64, sri (the default)"),
    option("hash-algo", &["hash-algo"], "the algorithm, where the hashes do not say it"),
];

/// Flags of `nix hash file`.
pub(crate) const FILE: &[Flag] = &[FORMATS[0], FORMATS[1], FORMATS[2], FORMATS[3], TYPE];

/// Flags of `nix hash path`.
pub(crate) const PATH: &[Flag] = &[
    FORMATS[0],
    FORMATS[1],
    FORMATS[2],
    FORMATS[3],
    TYPE,
    option("algo", &["hash-algo"], "the algorithm: blake3, md5, sha1, sha256, sha512"),
    option("mode", &["file-ingestion-method"], "what is hashed: nar (the default), flat, git"),
    option("format", &["hash-format"], "the format to print: base16, nix32, base64, sri (the default)"),
];

/// Flags of `nix hash to-base16` and the like.
pub(crate) const TO: &[Flag] = &[TYPE];

/// An algorithm by its name, if the features that it needs are enabled.
pub(crate) fn algorithm(session: &Session, text: &str) -> Result<Algo, CliError> {
    let algo: Algo = text.parse().map_err(|e: firn_hash::HashError| usage(session, e.to_string()))?;
    if algo == Algo::Blake3 {
        session.require(Feature::Blake3Hashes)?;
    }
    Ok(algo)
}

fn format(session: &Session, text: &str) -> Result<Format, CliError> {
    let format = text.parse().map_err(|e: firn_hash::HashError| usage(session, e.to_string()))?;
    if Format::is_deprecated_alias(text) {
        session.warn("\"base32\" is a deprecated alias for hash format \"nix32\".");
    }
    Ok(format)
}

/// How files are hashed, by its name.
pub(crate) fn file_method(session: &Session, text: &str) -> Result<FileMethod, CliError> {
    match text {
        "flat" => Ok(FileMethod::Flat),
        "nar" | "recursive" => Ok(FileMethod::NixArchive),
        "git" => {
            session.require(Feature::GitHashing)?;
            Ok(FileMethod::Git)
        }
        _ => Err(usage(
            session,
            format!("Unknown file ingestion method '{text}', expect `flat`, `nar`, or `git`"),
        )),
    }
}

/// The hash of what is at `path`.
pub(crate) fn hash_of(path: &str, method: FileMethod, algo: Algo) -> Result<Hash, CliError> {
    match method {
        FileMethod::Flat => hash_plain(path, algo),
        FileMethod::NixArchive => Ok(hash_path(Path::new(path), algo)?.0),
        FileMethod::Git => {
            let accessor = FsAccessor::new(std::path::absolute(path)?)?;
            Ok(hash_git::<SourceError>(&accessor, &CanonPath::root(), algo, None)?.1)
        }
    }
}

/// The hash of a file's bytes; symlinks are followed, and the file may be a pipe.
fn hash_plain(path: &str, algo: Algo) -> Result<Hash, CliError> {
    let mut file = std::fs::File::open(path)
        .map_err(|e| CliError::new(format!("opening file \"{path}\": {}", strerror(&e))))?;
    let mut hasher = Hasher::new(algo);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n) => hasher.update(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => {
                return Err(CliError::new(format!("reading file \"{path}\": {}", strerror(&e))));
            }
        }
    }
}

/// A hash folded to 20 bytes where it is longer.
pub(crate) fn render_truncated(hash: &Hash, format: Format) -> String {
    if hash.as_bytes().len() <= 20 {
        return hash.render(format, false);
    }
    let bytes: [u8; 20] = compress(hash.as_bytes());
    match format {
        Format::Base16 => base16::encode(&bytes),
        Format::Nix32 => nix32::encode(&bytes),
        Format::Base64 => base64::encode(&bytes),
        Format::Sri => format!("{}-{}", hash.algo(), base64::encode(&bytes)),
    }
}

/// The last of `--sri`, `--base64` … that was given.
pub(crate) fn format_flag(parsed: &Parsed) -> Option<Format> {
    parsed.flags.iter().rev().find_map(|flag| match flag.id {
        "sri" => Some(Format::Sri),
        "base64" => Some(Format::Base64),
        "base32" => Some(Format::Nix32),
        "base16" => Some(Format::Base16),
        _ => None,
    })
}

fn hash_all(session: &Session, parsed: &Parsed, method: FileMethod) -> Result<u8, CliError> {
    let name = parsed.value("algo").or_else(|| parsed.value("type"));
    let algo = name.map(|name| algorithm(session, name)).transpose()?.unwrap_or(Algo::Sha256);
    let format = match parsed.value("format") {
        Some(name) => format(session, name)?,
        None => format_flag(parsed).unwrap_or(Format::Sri),
    };
    if parsed.positional.is_empty() {
        return Err(usage(session, "more arguments are required"));
    }
    for path in &parsed.positional {
        session.println(hash_of(path, method, algo)?.render(format, false))?;
    }
    Ok(0)
}

/// `nix hash file`
pub(crate) fn file(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    hash_all(session, &parsed, FileMethod::Flat)
}

/// `nix hash path`
pub(crate) fn path(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let method = parsed.value("mode").map_or(Ok(FileMethod::NixArchive), |m| file_method(session, m))?;
    hash_all(session, &parsed, method)
}

/// `nix hash convert`
pub(crate) fn convert(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let from = parsed.value("from").map(|name| format(session, name)).transpose()?;
    let to = parsed.value("to").map_or(Ok(Format::Sri), |name| format(session, name))?;
    let algo = parsed.value("hash-algo").map(|name| algorithm(session, name)).transpose()?;
    for text in &parsed.positional {
        let (hash, found) = Hash::parse_any_with_format(text, algo)?;
        if let Some(from) = from.filter(|from| *from != found) {
            return Err(CliError::new(format!(
                "input hash '{text}' has format '{found}', but '--from {from}' was specified"
            )));
        }
        session.println(hash.render(to, false))?;
    }
    Ok(0)
}

/// Prints hashes in another format.
pub(crate) fn print_as(session: &Session, parsed: &Parsed, to: Format) -> Result<u8, CliError> {
    let algo = parsed.value("type").map(|name| algorithm(session, name)).transpose()?;
    for text in &parsed.positional {
        session.println(Hash::parse_any(text, algo)?.render(to, false))?;
    }
    Ok(0)
}

fn print_as_deprecated(session: &Session, parsed: &Parsed, to: Format) -> Result<u8, CliError> {
    session.warn(
        "The old format conversion subcommands of `nix hash` were deprecated in favor of `nix hash convert`.",
    );
    print_as(session, parsed, to)
}

/// `nix hash to-base16`
pub(crate) fn to_base16(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    print_as_deprecated(session, &parsed, Format::Base16)
}

/// `nix hash to-base32`
pub(crate) fn to_base32(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    print_as_deprecated(session, &parsed, Format::Nix32)
}

/// `nix hash to-base64`
pub(crate) fn to_base64(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    print_as_deprecated(session, &parsed, Format::Base64)
}

/// `nix hash to-sri`
pub(crate) fn to_sri(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    print_as_deprecated(session, &parsed, Format::Sri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_hashes_are_folded() {
        let long = Hash::of(Algo::Sha512, b"hello\n");
        assert_eq!(render_truncated(&long, Format::Nix32), "1s5cdq0nnckwyb12vnnr72v0xy82r13n");
        let short = Hash::of(Algo::Md5, b"hello\n");
        assert_eq!(render_truncated(&short, Format::Base16), "b1946ac92492d2347c6235b4d2611184");
    }
}
