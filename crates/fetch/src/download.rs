//! Files and archives behind URLs, kept in the cache folder.
//!
//! `firn-files/<sha256>` holds files, `firn-trees/<NAR hash>` unpacked archives as packs. The table of [`crate::cache`] says which
//! URL gave which of them and with which mark of the server's.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_events::{ActivityId, ActivityKind, Level};
use firn_hash::{Algo, Format, Hash};
use firn_source::{
    Accessor, CanonPath, FsAccessor, PackAccessor, PackSink, SourceError, TarLimits, Unpacked, hash_nar,
    unpack_tar, unpack_zip,
};
use firn_transfer::{Hashing, Request, Response};

use crate::attrs::{self, Attrs};
use crate::cache::Entry;
use crate::error::FetchError;
use crate::fetcher::{Fetched, Fetcher};
use crate::input::Input;
use crate::url::ParsedUrl;

/// Headers of a request: names and values.
pub type Headers = Vec<(String, String)>;

/// What an archive may hold: smaller than what other parts allow, as anybody may have made it.
const LIMITS: TarLimits =
    TarLimits { members: 2_000_000, bytes: 64 << 30, path: 4096, ratio: 1000, free: 1 << 30 };

/// A file that was downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// Where it is kept.
    pub file: PathBuf,
    /// Its hash.
    pub hash: Hash,
    /// The URL that answered, after redirects.
    pub url: String,
    /// The URL of this very version, if the server names one.
    pub immutable_url: Option<String>,
}

/// An archive that was downloaded and unpacked.
#[derive(Clone)]
pub struct Archive {
    /// Its tree.
    pub tree: Arc<dyn Accessor>,
    /// The tree's hash.
    pub nar_hash: Hash,
    /// The latest time in it, in seconds since 1970.
    pub last_modified: u64,
    /// The URL of this very version, if the server names one.
    pub immutable_url: Option<String>,
}

fn key(url: &str) -> Attrs {
    Attrs::from([("url".into(), url.into())])
}

fn text(attrs: &Attrs, name: &str) -> Option<String> {
    attrs::text(attrs, name).ok().flatten().map(str::to_owned)
}

impl Fetcher {
    fn folder(&self, name: &str) -> Result<PathBuf, FetchError> {
        let folder = self.cache_dir().join(name);
        std::fs::create_dir_all(&folder)
            .map_err(|e| FetchError::io(format!("creating directory '{}'", folder.display()), e))?;
        Ok(folder)
    }

    /// Downloads into a temporary file of the cache folder.
    fn transfer_to_file(
        &self,
        url: &str,
        headers: &Headers,
        etag: Option<String>,
        attempts: Option<u32>,
    ) -> Result<(tempfile::TempPath, Hash, Response), FetchError> {
        let folder = self.folder("firn-files")?;
        let (file, path) = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempfile_in(&folder)
            .map_err(|e| FetchError::io(format!("creating a file in '{}'", folder.display()), e))?
            .into_parts();
        let mut request = Request { expected_etag: etag, attempts, ..Request::get(url) };
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut out = Hashing::new(std::io::BufWriter::new(file), Algo::Sha256);
        let response = self.transfer().download(&request, &mut out)?;
        let (out, hash, _) = out.finish();
        out.into_inner()
            .map_err(|e| FetchError::io(format!("writing '{}'", path.display()), e.into_error()))?;
        Ok((path, hash, response))
    }

    /// Downloads a file, unless it was downloaded within `tarball-ttl` seconds and is there still.
    ///
    /// # Errors
    /// The server's or the network's, unless an older version is there: it is used then, with a warning.
    pub fn download_file(&self, url: &str, headers: &Headers) -> Result<Downloaded, FetchError> {
        self.download(url, headers, None)
    }

    fn download(
        &self,
        url: &str,
        headers: &Headers,
        attempts: Option<u32>,
    ) -> Result<Downloaded, FetchError> {
        let folder = self.folder("firn-files")?;
        let place = |hash: &Hash| folder.join(hash.render(Format::Nix32, false));
        let known = self.cache().get("file", &key(url)).and_then(|entry| {
            let hash = Hash::parse_sri(&text(&entry.value, "hash")?).ok()?;
            let file = place(&hash);
            let found = Downloaded {
                hash,
                url: text(&entry.value, "url")?,
                immutable_url: text(&entry.value, "immutableUrl"),
                file,
            };
            found.file.exists().then_some((entry, found))
        });
        if let Some((_, found)) = known.as_ref().filter(|(entry, _)| self.is_fresh(entry)) {
            return Ok(found.clone());
        }
        let etag = known.as_ref().and_then(|(entry, _)| text(&entry.value, "etag")).filter(|e| !e.is_empty());
        let (temporary, hash, response) = match (self.transfer_to_file(url, headers, etag, attempts), &known)
        {
            (Ok(got), _) => got,
            (Err(FetchError::Transfer(e)), Some((_, found))) => {
                self.events().warn(format!("{}; using cached version", e.message));
                return Ok(found.clone());
            }
            (Err(e), _) => return Err(e),
        };
        let found = match known {
            Some((_, found)) if response.cached => found,
            _ => {
                let file = place(&hash);
                temporary.persist(&file).map_err(|e| FetchError::io("keeping a downloaded file", e.error))?;
                let url = response.urls.last().cloned().unwrap_or_else(|| url.to_owned());
                Downloaded { file, hash, url, immutable_url: response.immutable_url.clone() }
            }
        };
        let mut value = Attrs::from([
            ("etag".into(), response.etag.as_str().into()),
            ("hash".into(), found.hash.sri().into()),
            ("url".into(), found.url.as_str().into()),
        ]);
        if let Some(immutable) = &found.immutable_url {
            value.insert("immutableUrl".into(), immutable.as_str().into());
        }
        for url in response.urls.iter().map(String::as_str).chain([url]) {
            self.cache().put("file", &key(url), &value);
        }
        Ok(found)
    }

    /// A file that is a help but no need: an old one, or none, where it cannot be had at once.
    pub fn refreshed(&self, url: &str) -> Option<PathBuf> {
        let failed = Attrs::from([("url".into(), url.into()), ("failed".into(), true.into())]);
        // Who was just without network is spared the wait.
        let failed_lately =
            self.cache().get("file", &failed).is_some_and(|e| e.time + 60 >= crate::cache::now());
        if failed_lately && !self.cache().get("file", &key(url)).is_some_and(|e| self.is_fresh(&e)) {
            return None;
        }
        match self.download(url, &Headers::new(), Some(1)) {
            Ok(found) => Some(found.file),
            Err(_) => {
                self.cache().put("file", &failed, &Attrs::new());
                None
            }
        }
    }

    /// Whether an entry of the cache is young enough to be used without asking.
    pub(crate) fn is_fresh(&self, entry: &Entry) -> bool {
        let ttl = self.settings().tarball_ttl();
        ttl != 0 && entry.time.saturating_add(ttl) >= crate::cache::now()
    }

    /// Downloads and unpacks an archive, unless that was done within `tarball-ttl` seconds.
    ///
    /// # Errors
    /// Those of [`Fetcher::download_file`]; a local file that is no archive; a hostile archive.
    pub fn download_archive(&self, url: &str, headers: &Headers) -> Result<Archive, FetchError> {
        let parsed = ParsedUrl::parse(url)?;
        if parsed.scheme == "file" {
            check_local(&parsed)?;
        }
        let known = self.cache().get("tarball", &key(url)).and_then(|entry| {
            let archive = self.kept_archive(&entry.value)?;
            Some((entry, archive))
        });
        if let Some((_, archive)) = known.as_ref().filter(|(entry, _)| self.is_fresh(entry)) {
            return Ok(archive.clone());
        }
        let etag = known.as_ref().and_then(|(entry, _)| text(&entry.value, "etag")).filter(|e| !e.is_empty());
        let (temporary, _, response) = self.transfer_to_file(url, headers, etag, None)?;
        let value = match known {
            Some((entry, _)) if response.cached => entry.value,
            _ => {
                let (nar_hash, unpacked) = self.unpack(&temporary, url)?;
                let mut value = Attrs::from([
                    ("etag".into(), response.etag.as_str().into()),
                    ("narHash".into(), nar_hash.sri().into()),
                    ("lastModified".into(), u64::try_from(unpacked.last_modified).unwrap_or(0).into()),
                ]);
                if let Some(immutable) = &response.immutable_url {
                    value.insert("immutableUrl".into(), immutable.as_str().into());
                }
                value
            }
        };
        for url in response.urls.iter().map(String::as_str).chain([url]) {
            self.cache().put("tarball", &key(url), &value);
        }
        self.kept_archive(&value).ok_or_else(|| {
            FetchError::new(format!("the unpacked contents of '{url}' have gone from the cache"))
        })
    }

    /// The archive that an entry of the cache speaks of, if it is there still.
    pub(crate) fn kept_archive(&self, value: &Attrs) -> Option<Archive> {
        let nar_hash = Hash::parse_sri(&text(value, "narHash")?).ok()?;
        let last_modified = attrs::int(value, "lastModified").ok().flatten()?;
        let file = self.cache_dir().join("firn-trees").join(nar_hash.render(Format::Nix32, false));
        let tree = PackAccessor::open(&file).ok()?;
        let tree = tree
            .with_fingerprint(format!("nar:{}", nar_hash.sri()))
            .with_last_modified(i64::try_from(last_modified).unwrap_or(0));
        Some(Archive {
            tree: Arc::new(tree),
            nar_hash,
            last_modified,
            immutable_url: text(value, "immutableUrl"),
        })
    }

    /// Unpacks a file of the name that ends `url` into a pack; gives the hash of what was in it.
    pub(crate) fn unpack(&self, file: &Path, url: &str) -> Result<(Hash, Unpacked), FetchError> {
        let _activity = self.events().start(
            ActivityId::default(),
            Level::Info,
            ActivityKind::Unknown,
            format!("unpacking '{url}' into the cache"),
            Vec::new(),
        );
        let folder = self.folder("firn-trees")?;
        let temporary = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempdir_in(&folder)
            .map_err(|e| FetchError::io(format!("creating a folder in '{}'", folder.display()), e))?;
        let pack = temporary.path().join("pack");
        let failed = |e: SourceError| FetchError::new(format!("unpacking '{url}': {e}"));
        let mut sink = PackSink::create(&pack).map_err(failed)?;
        let input =
            File::open(file).map_err(|e| FetchError::io(format!("opening '{}'", file.display()), e))?;
        let unpacked = if is_zip(&input) {
            unpack_zip(input, &mut sink, &LIMITS)
        } else {
            unpack_tar(input, &mut sink, &LIMITS)
        }
        .map_err(failed)?;
        if unpacked.members == 0 {
            return Err(FetchError::new(format!("archive '{url}' is empty")));
        }
        sink.finish(true).map_err(failed)?;
        let tree = PackAccessor::open(&pack).map_err(failed)?;
        let (hash, _) =
            hash_nar::<SourceError>(&tree, &CanonPath::root(), Algo::Sha256, None).map_err(failed)?;
        let kept = folder.join(hash.render(Format::Nix32, false));
        std::fs::rename(&pack, &kept)
            .map_err(|e| FetchError::io(format!("keeping '{}'", kept.display()), e))?;
        Ok((hash, unpacked))
    }

    /// `tarball`
    pub(crate) fn tarball(&self, input: &Input) -> Result<Fetched, FetchError> {
        let url = input.text("url").unwrap_or_default();
        let archive = self.download_archive(&self.pseudo_url(url), &Headers::new())?;
        let mut found = input.clone();
        if let Some(immutable) = &archive.immutable_url {
            let fixed = Input::from_url(&ParsedUrl::parse(immutable)?, true)?;
            if fixed.kind() != "tarball" {
                return Err(FetchError::new(
                    "tarball 'Link' headers that redirect to non-tarball URLs are not supported",
                ));
            }
            found = fixed;
        }
        if archive.last_modified != 0 && found.int("lastModified").is_none() {
            found = found.with("lastModified", Some(archive.last_modified.into()));
        }
        found = found.with("narHash", Some(archive.nar_hash.sri().into()));
        Ok(Fetched::new(found, archive.tree))
    }

    /// `file`
    pub(crate) fn file(&self, input: &Input) -> Result<Fetched, FetchError> {
        let url = input.text("url").unwrap_or_default();
        let downloaded = self.download_file(url, &Headers::new())?;
        let tree = FsAccessor::new(&downloaded.file)
            .map_err(|e| FetchError::new(e.to_string()))?
            .shown_as(format!("«{}»", input.to_url()))
            .with_fingerprint(format!("file:{}", downloaded.hash.sri()));
        Ok(Fetched::new(input.clone(), Arc::new(tree)))
    }

    /// `channel:NAME` is a tarball of the channels' server.
    pub fn pseudo_url(&self, url: &str) -> String {
        match url.strip_prefix("channel:") {
            Some(name) => format!("https://channels.nixos.org/{name}/nixexprs.tar.xz"),
            None => url.to_owned(),
        }
    }
}

/// Friendly words for common mistakes with local files.
fn check_local(url: &ParsedUrl) -> Result<(), FetchError> {
    let path = Path::new(&url.path);
    let why = if !path.is_absolute() {
        format!(
            "tarball '{url}' must use an absolute path. The 'file' scheme does not support relative paths."
        )
    } else if !path.exists() {
        format!("tarball \"{}\" does not exist.", path.display())
    } else if path.join(".git").exists() {
        format!(
            "tarball \"{}\" is a git repository, not a tarball. Please use `git+file` as the scheme.",
            path.display()
        )
    } else if path.is_dir() {
        format!("tarball \"{}\" is a directory, not a file.", path.display())
    } else {
        return Ok(());
    };
    Err(FetchError::new(why))
}

fn is_zip(file: &File) -> bool {
    use std::os::unix::fs::FileExt;
    let mut start = [0; 4];
    file.read_exact_at(&mut start, 0).is_ok() && matches!(&start, b"PK\x03\x04" | b"PK\x05\x06")
}
