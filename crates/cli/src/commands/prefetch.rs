//! `nix store prefetch-file`; its middle is `nix-prefetch-url`, too.

use std::fs::{File, Permissions};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use firn_events::Level;
use firn_hash::{Algo, Hash};
use firn_path::{ContentAddress, ContentMethod, References, StorePath, check_name};
use firn_source::{FsSink, TarLimits, unpack_tar};
use firn_transfer::{Request, Transfer, TransferSettings};
use serde_json::json;

use super::hash::{algorithm, hash_of};
use super::paths::only;
use super::store_add;
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::session::Session;

/// Flags of `prefetch-file`, beside those of JSON.
pub(crate) const FLAGS: &[Flag] = &[
    option("name", &["name"], "the name of the store path, instead of the last part of the URL"),
    option("expected-hash", &["hash"], "the hash that the file must have"),
    option("hash-type", &["hash-algo"], "the algorithm: blake3, md5, sha1, sha256, sha512"),
    switch("executable", "make the file executable; its NAR is hashed then"),
    switch("unpack", "unpack the archive and add what is in it"),
];

/// What is fetched.
pub(crate) struct Prefetch<'a> {
    pub(crate) url: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) algo: Algo,
    pub(crate) expected: Option<Hash>,
    pub(crate) unpack: bool,
    pub(crate) executable: bool,
}

/// The last part of an URL's path.
fn last_segment(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split(['?', '#']).next().unwrap_or(rest);
    let (_, path) = path.split_once('/')?;
    let last = path.rsplit('/').find(|part| !part.is_empty())?;
    Some(firn_transfer::percent_decode(last))
}

/// Downloads into the store; gives the path and the hash of its contents.
pub(crate) fn prefetch(session: &Session, wanted: &Prefetch<'_>) -> Result<(StorePath, Hash), CliError> {
    let url = wanted.url;
    let name = match wanted.name {
        Some(name) => name.to_owned(),
        None => last_segment(url)
            .ok_or_else(|| CliError::new(format!("cannot figure out file name for '{url}'")))?,
    };
    check_name(&name)?;
    let method =
        if wanted.unpack || wanted.executable { ContentMethod::NixArchive } else { ContentMethod::Flat };
    let store = session.store()?;
    if let Some(hash) = wanted.expected {
        let ca = ContentAddress { method, hash };
        let path = store.store_dir().make_content_addressed_path(&name, &ca, &References::default())?;
        if store.is_valid(&path)? {
            return Ok((path, hash));
        }
    }
    let folder = tempfile::Builder::new().prefix("nix-").tempdir()?;
    let file = folder.path().join("tmp");
    download(session, url, &file, wanted.executable)?;
    let file =
        if wanted.unpack { unpack(session, url, &file, &folder.path().join("unpacked"))? } else { file };
    let text = file.to_string_lossy();
    let hash = hash_of(&text, method.file_method(), wanted.algo)?;
    if let Some(expected) = wanted.expected.filter(|expected| *expected != hash) {
        let (want, got) = (expected.sri(), hash.sri());
        let text = format!("hash mismatch for '{url}':\n  specified: {want}\n     got:    {got}");
        return Err(CliError::new(text));
    }
    let path = store_add::add(store.as_ref(), &text, &name, method, wanted.algo)?;
    Ok((path, hash))
}

fn download(session: &Session, url: &str, file: &Path, executable: bool) -> Result<(), CliError> {
    let transfer = Transfer::new(TransferSettings::of(&session.settings), session.events().clone());
    let mut out = BufWriter::with_capacity(1 << 16, File::create(file)?);
    transfer.download(&Request::get(url), &mut out)?;
    out.flush()?;
    if executable {
        std::fs::set_permissions(file, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Unpacks an archive; gives its only member, or the folder.
fn unpack(session: &Session, url: &str, file: &Path, to: &Path) -> Result<PathBuf, CliError> {
    session.events().message(Level::Chatty, format!("unpacking '{url}'"));
    unpack_tar(BufReader::new(File::open(file)?), &mut FsSink::new(to)?, &TarLimits::default())?;
    let mut entries = std::fs::read_dir(to)?;
    let first = entries.next().ok_or_else(|| CliError::new(format!("archive '{url}' is empty")))??;
    Ok(if entries.next().is_none() { first.path() } else { to.to_owned() })
}

/// `nix store prefetch-file`
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let url = only(session, &parsed)?;
    let algo = parsed.value("hash-type").map_or(Ok(Algo::Sha256), |name| algorithm(session, name))?;
    let expected = parsed
        .value("expected-hash")
        .map(|text| Hash::parse_any(text, None).or_else(|_| Hash::parse_any(text, Some(algo))));
    let expected = expected.transpose()?;
    let wanted = Prefetch {
        url,
        name: parsed.value("name"),
        algo: expected.map_or(algo, |hash| hash.algo()),
        expected,
        unpack: parsed.has("unpack"),
        executable: parsed.has("executable"),
    };
    let (path, hash) = prefetch(session, &wanted)?;
    let shown = session.store()?.store_dir().print(&path);
    if parsed.has("json") {
        session.print_json(&json!({ "hash": hash.sri(), "storePath": shown }), &parsed)?;
    } else {
        let text = format!("Downloaded '{url}' to '{shown}' (hash '{}').", hash.sri());
        session.events().message(Level::Notice, text);
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::last_segment;

    #[test]
    fn names_of_urls() {
        let name = |url| last_segment(url).unwrap_or_default();
        assert_eq!(name("https://example.org/a/b-1.tar.gz?x=/y#z"), "b-1.tar.gz");
        assert_eq!(name("file:///tmp/a%2Bb/"), "a+b");
        assert_eq!(last_segment("https://example.org"), None);
        assert_eq!(last_segment("https://example.org/"), None);
    }
}
