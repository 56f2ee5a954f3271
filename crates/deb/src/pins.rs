//! Makes a lock: fetches the signed indexes, resolves the seeds, says what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use crate::DebError;
use crate::index::{FileHash, PackageIndex, Release, find_sources};
use crate::lock::{LOCK_VERSION, Lock, Package, Suite};
use crate::resolve::resolve;
use crate::seeds::{Seeds, SuiteAddress};
use crate::signature::Keyring;

/// The most bytes that a release file may have, and an unpacked index.
const MAX_RELEASE: u64 = 16 << 20;
const MAX_INDEX: u64 = 1 << 30;

/// Where files come from; the command line gives one over `firn-transfer`, tests one over a map.
pub trait Fetch: Sync {
    /// Gives the bytes behind an address, or why not. More than `limit` bytes is an error.
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, String>;
}

impl Fetch for firn_transfer::Transfer {
    fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, String> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let answer = firn_transfer::Transfer::fetch(self, &firn_transfer::Request::get(url), limit);
        answer.map(|(bytes, _)| bytes).map_err(|error| error.to_string())
    }
}

/// Resolves the seeds against the archive as it is now.
///
/// Every byte that goes into the lock is under the signature of a key in the keyring. A release whose `Valid-Until` has passed is
/// taken all the same: mirrors lag behind, and a lock is a decision of its reader.
pub fn update_pins(seeds: &Seeds, keyring: &Keyring, fetch: &dyn Fetch) -> Result<Lock, DebError> {
    let with_sources = !seeds.sources.is_empty();
    let indexes = std::thread::scope(|scope| {
        let tasks: Vec<_> = seeds
            .suites
            .iter()
            .map(|address| scope.spawn(|| fetch_suite(address, with_sources, keyring, fetch)))
            .collect();
        tasks.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let mut index = PackageIndex::default();
    let mut sources = BTreeMap::new();
    for suite in &indexes {
        index.add(&suite.packages, &format!("Packages of {}", suite.entry.suite))?;
        let missing: Vec<String> =
            seeds.sources.iter().filter(|name| !sources.contains_key(*name)).cloned().collect();
        sources.extend(find_sources(&suite.sources, &missing, &format!("Sources of {}", suite.entry.suite))?);
    }
    let missing: Vec<String> = (seeds.sources.iter())
        .filter(|name| !sources.contains_key(*name))
        .map(|name| format!("the source package '{name}' is not in the archive"))
        .collect();
    if !missing.is_empty() {
        return Err(DebError::Unresolved(missing));
    }
    let resolution = resolve(seeds, &index)?;
    let lock = Lock {
        version: LOCK_VERSION,
        architecture: ARCHITECTURE.to_owned(),
        mirrors: seeds.mirrors.clone(),
        suites: indexes.into_iter().map(|suite| suite.entry).collect(),
        essential: resolution.essential,
        packages: resolution.packages,
        units: resolution.units,
        sources,
    };
    // What is written must be readable: the index could hold a path or hash that a lock may not.
    Lock::parse(&lock.render(), "the new lock")
}

const ARCHITECTURE: &str = "amd64";

struct FetchedSuite {
    entry: Suite,
    packages: String,
    sources: String,
}

fn join<T>(task: std::thread::ScopedJoinHandle<'_, T>) -> T {
    task.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn fetch_suite(
    address: &SuiteAddress,
    with_sources: bool,
    keyring: &Keyring,
    fetch: &dyn Fetch,
) -> Result<FetchedSuite, DebError> {
    let base = format!("{}dists/{}/", address.url, address.suite);
    let url = format!("{base}InRelease");
    let signed =
        fetch.fetch(&url, MAX_RELEASE).map_err(|reason| DebError::Fetch { url: url.clone(), reason })?;
    let (text, _) = keyring.verify(&signed, &url)?;
    let release = Release::parse(&text, &url)?;
    let index = |path: String| -> Result<(String, String), DebError> {
        let promised = release.files.get(&path);
        let promised =
            promised.ok_or_else(|| DebError::NoIndex { release: url.clone(), index: path.clone() })?;
        Ok((fetch_index(&base, &path, promised, fetch)?, promised.sha256.clone()))
    };
    let component = &address.component;
    let (packages, sources) = std::thread::scope(|scope| {
        let packages = scope.spawn(|| index(format!("{component}/binary-{ARCHITECTURE}/Packages.xz")));
        let sources = if with_sources {
            index(format!("{component}/source/Sources.xz"))
        } else {
            Ok(Default::default())
        };
        (join(packages), sources)
    });
    let ((packages, packages_hash), (sources, sources_hash)) = (packages?, sources?);
    let entry = Suite {
        suite: address.suite.clone(),
        component: component.clone(),
        url: address.url.clone(),
        release: release.version,
        date: release.date,
        packages: packages_hash,
        sources: sources_hash,
    };
    Ok(FetchedSuite { entry, packages, sources })
}

/// Fetches an index by its hash where the archive keeps such names, else by its plain name, and unpacks it.
fn fetch_index(base: &str, path: &str, promised: &FileHash, fetch: &dyn Fetch) -> Result<String, DebError> {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let by_hash = format!("{base}{directory}/by-hash/SHA256/{}", promised.sha256);
    let plain = format!("{base}{path}");
    // A mirror that changes under us has the file under its hash still; one that has no such names has it under its own.
    let (url, bytes) = match fetch.fetch(&by_hash, promised.size) {
        Ok(bytes) => (by_hash, bytes),
        Err(_) => match fetch.fetch(&plain, promised.size) {
            Ok(bytes) => (plain, bytes),
            Err(reason) => return Err(DebError::Fetch { url: plain, reason }),
        },
    };
    let got = sha256(&bytes);
    if got != promised.sha256 || bytes.len() as u64 != promised.size {
        let (expected, expected_size) = (promised.sha256.clone(), promised.size);
        return Err(DebError::Mismatch { url, expected, expected_size, got, got_size: bytes.len() as u64 });
    }
    let damaged = |reason: String| DebError::Syntax { what: url.clone(), line: 0, reason };
    let mut text = String::with_capacity(bytes.len().saturating_mul(6));
    let mut reader = liblzma::read::XzDecoder::new_multi_decoder(&bytes[..]).take(MAX_INDEX + 1);
    reader.read_to_string(&mut text).map_err(|error| damaged(error.to_string()))?;
    if text.len() as u64 > MAX_INDEX { Err(damaged("the index is too long".to_owned())) } else { Ok(text) }
}

/// The SHA-256 of bytes in base 16.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// One difference between two locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A package that only the new lock has, with its version.
    Added(String, String),
    /// A package that only the old lock had, with its version.
    Removed(String, String),
    /// A package with another version: old, new.
    Version(String, String, String),
    /// A package of the same version with other bytes.
    Rebuilt(String, String),
    /// A unit that is put together or depends differently.
    Unit(String),
}

impl std::fmt::Display for Change {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::Added(name, version) => write!(out, "{name}: added {version}"),
            Change::Removed(name, version) => write!(out, "{name}: {version} removed"),
            Change::Version(name, old, new) => write!(out, "{name}: {old} -> {new}"),
            Change::Rebuilt(name, version) => write!(out, "{name}: {version} rebuilt"),
            Change::Unit(name) => write!(out, "{name}: other members or dependencies"),
        }
    }
}

/// Says how a new lock differs from an old one, sorted by name.
pub fn changes(old: &Lock, new: &Lock) -> Vec<Change> {
    let names: BTreeSet<&String> = old.packages.keys().chain(new.packages.keys()).collect();
    let mut changes: Vec<Change> = names
        .into_iter()
        .filter_map(|name| change(name, old.packages.get(name), new.packages.get(name)))
        .collect();
    let units =
        new.units.iter().filter(|(name, unit)| old.units.get(*name).is_some_and(|other| other != *unit));
    changes.extend(units.map(|(name, _)| Change::Unit(name.clone())));
    changes
}

fn change(name: &str, old: Option<&Package>, new: Option<&Package>) -> Option<Change> {
    let name = name.to_owned();
    match (old, new) {
        (None, Some(new)) => Some(Change::Added(name, new.version.clone())),
        (Some(old), None) => Some(Change::Removed(name, old.version.clone())),
        (Some(old), Some(new)) if old.version != new.version => {
            Some(Change::Version(name, old.version.clone(), new.version.clone()))
        }
        (Some(old), Some(new)) if old.sha256 != new.sha256 => {
            Some(Change::Rebuilt(name, new.version.clone()))
        }
        _ => None,
    }
}
