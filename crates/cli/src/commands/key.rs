//! `nix key`

use std::io::Read;

use firn_store::SecretKey;

use super::paths::{none, usage};
use crate::args::{Flag, Parsed, option};
use crate::error::CliError;
use crate::session::Session;

/// Flags of `generate-secret`.
pub(crate) const GENERATE: &[Flag] =
    &[option("key-name", &["name"], "the name of the key, such as cache.example.org-1")];

/// A new key.
pub(crate) fn new_key(name: &str) -> Result<SecretKey, CliError> {
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(SecretKey::from_seed(name, &seed))
}

/// `nix key generate-secret`
pub(crate) fn generate(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    let name = parsed
        .value("key-name")
        .ok_or_else(|| usage(session, "required argument '--key-name' is missing"))?;
    session.print(new_key(name)?.render())?;
    Ok(0)
}

/// `nix key convert-secret-to-public`
pub(crate) fn to_public(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    none(session, &parsed)?;
    let text = std::io::read_to_string(std::io::stdin())?;
    session.print(SecretKey::parse(text.trim())?.public())?;
    Ok(0)
}
