//! `nix store add`, and under its old names `add-file` and `add-path`

use std::path::Path;

use firn_hash::Algo;
use firn_path::{ContentAddress, ContentMethod, FileMethod, References, StorePath, StorePathSet};
use firn_source::{CanonPath, FsAccessor, dump_path};
use firn_store::{DumpMethod, NewContents, Store, StoreError};

use super::hash::{algorithm, file_method, hash_of};
use super::paths::only;
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::session::Session;

/// Its flags.
pub(crate) const FLAGS: &[Flag] = &[
    option("name", &["name"], "the name of the store path, instead of the file's").short('n'),
    option(
        "mode",
        &["content-address-method"],
        "how the path follows from the contents: nar (the default), flat, text, git",
    ),
    option("hash-algo", &["hash-algo"], "the algorithm: blake3, md5, sha1, sha256, sha512"),
    switch("dry-run", "only print the path"),
];

/// Adds the file or tree at `path`; gives its store path.
pub(crate) fn add(
    store: &dyn Store,
    path: &str,
    name: &str,
    method: ContentMethod,
    algo: Algo,
) -> Result<StorePath, CliError> {
    let references = StorePathSet::new();
    let new = NewContents { name, method, algo, references: &references, repair: false };
    let at = Path::new(path);
    let info = match method.file_method() {
        // a file may also be a pipe or behind a link
        FileMethod::Flat => store.add_dump(&new, DumpMethod::Flat, &mut |out| {
            let mut file = std::fs::File::open(at).map_err(|source| StoreError::Io {
                action: "opening file",
                path: path.into(),
                source,
            })?;
            std::io::copy(&mut file, out)
                .map(drop)
                .map_err(|source| StoreError::Stream { action: "copying a file to the store", source })
        })?,
        FileMethod::NixArchive => {
            store.add_dump(&new, DumpMethod::Nar, &mut |out| Ok(dump_path(at, out)?))?
        }
        FileMethod::Git => {
            let accessor = FsAccessor::new(std::path::absolute(at)?)?;
            store.add_source(&new, &accessor, &CanonPath::root(), None)?
        }
    };
    Ok(info.path.clone())
}

/// The name that a file has in the store unless another one is asked for.
pub(crate) fn base_name(path: &str) -> Result<String, CliError> {
    let canonical = std::path::absolute(path)?;
    let name = canonical.file_name().ok_or_else(|| CliError::new(format!("path '{path}' has no name")))?;
    Ok(name.to_string_lossy().into_owned())
}

fn run_with(session: &Session, parsed: &Parsed, default: ContentMethod) -> Result<u8, CliError> {
    let path = only(session, parsed)?;
    let method = match parsed.value("mode") {
        None => default,
        Some("text") => ContentMethod::Text,
        Some(mode) => match file_method(session, mode)? {
            FileMethod::Flat => ContentMethod::Flat,
            FileMethod::NixArchive => ContentMethod::NixArchive,
            FileMethod::Git => ContentMethod::Git,
        },
    };
    let algo = parsed.value("hash-algo").map_or(Ok(Algo::Sha256), |name| algorithm(session, name))?;
    let name = parsed.value("name").map_or_else(|| base_name(path), |name| Ok(name.to_owned()))?;
    let store = session.store()?;
    let added = if parsed.has("dry-run") {
        let ca = ContentAddress { method, hash: hash_of(path, method.file_method(), algo)? };
        store.store_dir().make_content_addressed_path(&name, &ca, &References::default())?
    } else {
        add(store.as_ref(), path, &name, method, algo)?
    };
    session.println(store.store_dir().print(&added))?;
    Ok(0)
}

/// `nix store add`, `nix store add-path`
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    run_with(session, &parsed, ContentMethod::NixArchive)
}

/// `nix store add-file`
pub(crate) fn run_file(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    run_with(session, &parsed, ContentMethod::Flat)
}
