//! A binary cache as a store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use firn_derivation::{Derivation, aterm};
use firn_events::{ActivityKind, Events, Field, Level};
use firn_hash::{Algo, Hash, Hasher};
use firn_path::{
    ContentAddress, DerivedPath, FileMethod, HASH_LEN, References, StoreDir, StorePath, StorePathSet,
};
use firn_source::{Compression, NarAccessor};
use firn_store::roots::Roots;
use firn_store::{
    AddOptions, BuildMode, BuildResult, DumpMethod, Missing, NewContents, PathInfo, Realisation, Result,
    Store, StoreError, StoreStatus, SubstituterTraits, missing_without_substituters,
};

use crate::config::CacheConfig;
use crate::error::{CacheError, stream};
use crate::lookup::{Known, LookupCache};
use crate::medium::{Medium, Upload, unpack_small};
use crate::narinfo::{MAX_NARINFO, NarInfo};

const CACHE_INFO: &str = "nix-cache-info";
/// The largest log and listing that is read.
const MAX_SMALL_FILE: usize = 256 << 20;
/// Path infos kept in memory.
const MEMORY: usize = 65536;
/// The priority of a cache that names none.
const PRIORITY: i64 = 50;

/// What is known of a cache once it has been asked.
#[derive(Clone, Copy, Debug)]
struct Ready {
    /// Its row in the lookup cache, if there is one.
    row: Option<i64>,
    traits: SubstituterTraits,
}

/// A binary cache.
pub struct BinaryCache {
    pub(crate) config: CacheConfig,
    pub(crate) medium: Box<dyn Medium>,
    lookup: Option<Arc<LookupCache>>,
    events: Events,
    ready: OnceLock<Ready>,
    starting: Mutex<()>,
    infos: Mutex<HashMap<String, Option<Arc<NarInfo>>>>,
}

impl std::fmt::Debug for BinaryCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BinaryCache({})", self.medium.uri())
    }
}

impl BinaryCache {
    /// A cache on a medium; nothing is read before it is asked something.
    pub fn new(
        config: CacheConfig,
        medium: Box<dyn Medium>,
        lookup: Option<Arc<LookupCache>>,
        events: Events,
    ) -> BinaryCache {
        let lookup = lookup.filter(|_| medium.is_remote());
        BinaryCache {
            config,
            medium,
            lookup,
            events,
            ready: OnceLock::new(),
            starting: Mutex::new(()),
            infos: Mutex::default(),
        }
    }

    /// Reads `nix-cache-info`, or writes it where there is none. A failure is not remembered.
    fn ready(&self) -> Result<Ready> {
        if let Some(ready) = self.ready.get() {
            return Ok(*ready);
        }
        let _one_at_a_time = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = self.ready.get() {
            return Ok(*ready);
        }
        let dir = self.config.store_dir.as_str();
        let uri = self.medium.uri();
        let defaults = |priority: i64, want_mass_query: bool| {
            let facts = SubstituterTraits { priority, want_mass_query, trusted: false };
            SubstituterTraits::from_reference(&self.config.reference, facts)
        };
        if let Some(known) = self.lookup.as_ref().and_then(|l| l.cache(&uri, dir)) {
            let ready =
                Ready { row: Some(known.id), traits: defaults(known.priority, known.want_mass_query) };
            return Ok(*self.ready.get_or_init(|| ready));
        }
        let (mut priority, mut mass_query) = (PRIORITY, false);
        match self.medium.get(CACHE_INFO, 64 * 1024)? {
            Some(text) => {
                for line in String::from_utf8_lossy(&text).lines() {
                    let Some((name, value)) = line.split_once(':') else { continue };
                    let value = value.trim();
                    match name {
                        "StoreDir" if value != dir => {
                            return Err(CacheError::OtherStoreDir {
                                cache: uri,
                                found: value.to_owned(),
                                wanted: dir.to_owned(),
                            }
                            .into());
                        }
                        "WantMassQuery" => mass_query = value == "1",
                        "Priority" => priority = value.parse().unwrap_or(PRIORITY),
                        _ => {}
                    }
                }
            }
            None => {
                let text = format!("StoreDir: {dir}\n");
                let upload = Upload::bytes(text.into_bytes(), "text/x-nix-cache-info");
                self.medium.prepare()?;
                self.medium.put(CACHE_INFO, upload).map_err(|e| {
                    if self.medium.is_remote() { CacheError::NoCache(uri.clone()) } else { e }
                })?;
            }
        }
        let row = self.lookup.as_ref().and_then(|l| l.remember_cache(&uri, dir, mass_query, priority));
        let ready = Ready { row, traits: defaults(priority, mass_query) };
        Ok(*self.ready.get_or_init(|| ready))
    }

    /// What the cache knows of the path with a hash part.
    ///
    /// # Errors
    /// The cache cannot be reached, or what it says makes no sense.
    pub fn narinfo(&self, hash_part: &str) -> Result<Option<Arc<NarInfo>>> {
        if let Some(known) = self.infos.lock().unwrap_or_else(PoisonError::into_inner).get(hash_part) {
            return Ok(known.clone());
        }
        let ready = self.ready()?;
        let on_disk = self.lookup.as_deref().zip(ready.row);
        let found = match on_disk.map_or(Known::Nothing, |(l, row)| l.lookup(row, hash_part)) {
            Known::Present(known) => Some(Arc::new(*known)),
            Known::Absent => None,
            Known::Nothing => {
                let found = self.fetch_narinfo(hash_part)?.map(Arc::new);
                if let Some((lookup, row)) = on_disk {
                    match &found {
                        Some(narinfo) => lookup.remember(row, narinfo),
                        None => lookup.remember_absent(row, hash_part),
                    }
                }
                found
            }
        };
        self.keep(hash_part, found.clone());
        Ok(found)
    }

    fn fetch_narinfo(&self, hash_part: &str) -> Result<Option<NarInfo>> {
        let name = format!("{hash_part}.narinfo");
        let uri = self.medium.uri();
        let shown = format!("{}/{hash_part}", self.config.store_dir.as_str());
        let _activity = self.events.start(
            0,
            Level::Talkative,
            ActivityKind::QueryPathInfo,
            format!("querying info about '{shown}' on '{uri}'"),
            vec![Field::Text(shown), Field::Text(uri)],
        );
        let Some(data) = self.medium.get(&name, MAX_NARINFO)? else { return Ok(None) };
        let data = unpack_small(data, |d| d.starts_with(b"StorePath") || d.starts_with(b"URL"));
        let text = String::from_utf8_lossy(&data);
        Ok(Some(NarInfo::parse(&self.config.store_dir, &text, &name)?))
    }

    fn keep(&self, hash_part: &str, narinfo: Option<Arc<NarInfo>>) {
        let mut infos = self.infos.lock().unwrap_or_else(PoisonError::into_inner);
        if infos.len() >= MEMORY {
            infos.clear();
        }
        infos.insert(hash_part.to_owned(), narinfo);
    }

    /// Writes a narinfo, signed, once all that it refers to is there.
    pub(crate) fn write_narinfo(&self, mut narinfo: NarInfo) -> Result<()> {
        let dir = &self.config.store_dir;
        for reference in narinfo.info.references.iter().filter(|r| **r != narinfo.info.path) {
            if self.narinfo(reference.hash_part())?.is_none() {
                let (path, reference) = (dir.print(&narinfo.info.path), dir.print(reference));
                return Err(CacheError::MissingReference { path, reference }.into());
            }
        }
        for key in &self.config.keys {
            narinfo.info.sign(dir, key)?;
        }
        self.put_narinfo(narinfo)
    }

    fn put_narinfo(&self, narinfo: NarInfo) -> Result<()> {
        let ready = self.ready()?;
        let text = narinfo.render(&self.config.store_dir);
        let name = NarInfo::file_name(&narinfo.info.path);
        self.put_small(&name, text.into_bytes(), "text/x-nix-narinfo", 0)?;
        if let Some((lookup, row)) = self.lookup.as_deref().zip(ready.row) {
            lookup.remember(row, &narinfo);
        }
        let part = narinfo.info.path.hash_part().to_owned();
        self.keep(&part, Some(Arc::new(narinfo)));
        Ok(())
    }

    /// Stores a small file, packed as the parameter number `kind` of [`CacheConfig::small_file_compression`] says.
    pub(crate) fn put_small(&self, name: &str, data: Vec<u8>, mime_type: &str, kind: usize) -> Result<()> {
        let packing = self.config.small_file_compression[kind].filter(|_| self.medium.is_remote());
        let upload = match packing.filter(|c| *c != Compression::None) {
            None => Upload::bytes(data, mime_type),
            Some(compression) => {
                let pack = || -> std::io::Result<Vec<u8>> {
                    let mut writer = compression.writer(Vec::new(), None)?;
                    writer.write_all(&data)?;
                    writer.finish()
                };
                let packed = pack().map_err(stream("compressing"))?;
                Upload { encoding: Some(compression.name()), ..Upload::bytes(packed, mime_type) }
            }
        };
        Ok(self.medium.put(name, upload)?)
    }

    /// The path as it is called in the cache, which is asked by hash part only.
    fn found(&self, path: &StorePath) -> Result<Option<Arc<NarInfo>>> {
        Ok(self.narinfo(path.hash_part())?.filter(|n| n.info.path == *path))
    }

    fn require_found(&self, path: &StorePath) -> Result<Arc<NarInfo>> {
        self.found(path)?.ok_or_else(|| StoreError::InvalidPath(self.config.store_dir.print(path)))
    }

    fn read_nar(
        &self,
        path: &StorePath,
        read: &mut dyn FnMut(&mut (dyn Read + Send)) -> Result<()>,
    ) -> Result<()> {
        let narinfo = self.require_found(path)?;
        let there = self.medium.read(&narinfo.url, &mut |packed| {
            let buffered = BufReader::with_capacity(128 * 1024, packed);
            let mut unpacked = narinfo.compression.reader(buffered).map_err(stream("decompressing"))?;
            read(&mut *unpacked)
        })?;
        if there {
            return Ok(());
        }
        let text = format!("file '{}' does not exist in binary cache '{}'", narinfo.url, self.medium.uri());
        Err(StoreError::SubstituteGone(text))
    }

    /// The archive of a path from a folder, put there first if need be.
    fn kept_nar(&self, folder: &Path, path: &StorePath) -> Result<std::fs::File> {
        let name = folder.join(format!("{}.nar", path.hash_part()));
        if let Ok(file) = std::fs::File::open(&name) {
            return Ok(file);
        }
        std::fs::create_dir_all(folder).map_err(stream("creating a directory"))?;
        let mut file =
            tempfile::NamedTempFile::new_in(folder).map_err(stream("creating a temporary file"))?;
        self.write_nar(path, &mut file)?;
        let mut file = file.persist(&name).map_err(|e| stream("renaming a temporary file")(e.error))?;
        rewind(&mut file)?;
        Ok(file)
    }

    fn unsupported<T>(&self, operation: &'static str) -> Result<T> {
        Err(StoreError::Unsupported { operation, store: self.uri() })
    }

    fn trace_name(drv: &StorePath, output: &str) -> String {
        format!("build-trace-v2/{}/{output}.doi", drv.base_name())
    }
}

impl Store for BinaryCache {
    fn store_dir(&self) -> &StoreDir {
        &self.config.store_dir
    }

    fn uri(&self) -> String {
        self.medium.uri()
    }

    fn is_valid(&self, path: &StorePath) -> Result<bool> {
        Ok(self.found(path)?.is_some())
    }

    fn path_info(&self, path: &StorePath) -> Result<Option<Arc<PathInfo>>> {
        Ok(self.found(path)?.map(|n| Arc::new(n.info.clone())))
    }

    fn valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet> {
        // a cache far away is asked about many at a time
        let next = Mutex::new(paths.iter());
        let valid = Mutex::new(Ok(StorePathSet::new()));
        std::thread::scope(|scope| {
            for _ in 0..paths.len().min(if self.medium.is_remote() { 32 } else { 1 }) {
                scope.spawn(|| {
                    loop {
                        let Some(path) = next.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                            return;
                        };
                        let answer = self.is_valid(path);
                        let mut valid = valid.lock().unwrap_or_else(PoisonError::into_inner);
                        match (&mut *valid, answer) {
                            (Ok(set), Ok(true)) => {
                                set.insert(path.clone());
                            }
                            (Ok(_), Ok(false)) => {}
                            (Ok(_), Err(e)) => *valid = Err(e),
                            (Err(_), _) => return,
                        }
                    }
                });
            }
        });
        valid.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_valid_paths(&self) -> Result<StorePathSet> {
        let names = self.medium.list()?;
        let parts: Vec<&str> = names
            .iter()
            .filter_map(|n| n.strip_suffix(".narinfo"))
            .filter(|part| part.len() == HASH_LEN)
            .collect();
        let mut all = StorePathSet::new();
        for part in parts {
            if let Some(narinfo) = self.narinfo(part)? {
                all.insert(narinfo.info.path.clone());
            }
        }
        Ok(all)
    }

    fn referrers(&self, _path: &StorePath) -> Result<StorePathSet> {
        self.unsupported("queryReferrers")
    }

    fn valid_derivers(&self, _path: &StorePath) -> Result<StorePathSet> {
        Ok(StorePathSet::new())
    }

    fn derivation_outputs(&self, drv: &StorePath) -> Result<BTreeMap<String, Option<StorePath>>> {
        let parsed = self.read_derivation(drv)?;
        Ok(parsed.output_paths(&self.config.store_dir)?.into_iter().collect())
    }

    fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>> {
        if hash_part.len() != HASH_LEN {
            return Err(StoreError::InvalidHashPart);
        }
        Ok(self.narinfo(hash_part)?.map(|n| n.info.path.clone()))
    }

    fn add_dump(
        &self,
        new: &NewContents<'_>,
        dump: DumpMethod,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<Arc<PathInfo>> {
        // the address decides about the name, so the contents have to be there first
        let mut contents = tempfile::tempfile().map_err(stream("creating a temporary file"))?;
        let mut hasher = Hasher::new(new.algo);
        match dump {
            DumpMethod::Nar => {
                produce(&mut Both { out: &mut contents, hasher: &mut hasher })?;
            }
            DumpMethod::Flat => {
                let mut bytes = Vec::new();
                produce(&mut bytes)?;
                hasher.update(&bytes);
                firn_nar::write_file(&mut contents, &bytes)?;
            }
        }
        let fits = match dump {
            DumpMethod::Nar => new.method.file_method() == FileMethod::NixArchive,
            DumpMethod::Flat => new.method.file_method() == FileMethod::Flat,
        };
        let hash = if fits {
            hasher.finish()
        } else if new.method.file_method() == FileMethod::NixArchive {
            hash_file(&mut contents, new.algo)?.0
        } else {
            return self.unsupported("addToStoreFromDump");
        };
        let (nar_hash, nar_size) = hash_file(&mut contents, Algo::Sha256)?;
        let ca = ContentAddress { method: new.method, hash };
        let references = References::from(new.references.clone());
        let path = self.config.store_dir.make_content_addressed_path(new.name, &ca, &references)?;
        let mut info = PathInfo::new(path, nar_hash, nar_size);
        info.ca = Some(ca);
        info.references = new.references.clone();
        rewind(&mut contents)?;
        self.add_nar(&info, &mut contents, AddOptions { repair: new.repair, check_sigs: false })?;
        Ok(Arc::new(info))
    }

    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read, options: AddOptions) -> Result<()> {
        if !options.repair && self.is_valid(&info.path)? {
            return firn_nar::copy(nar, &mut std::io::sink()).map(drop).map_err(Into::into);
        }
        let narinfo = self.upload(info, nar, options.repair)?;
        self.write_narinfo(narinfo)
    }

    fn write_nar(&self, path: &StorePath, out: &mut dyn Write) -> Result<()> {
        self.read_nar(path, &mut |nar| {
            std::io::copy(nar, out).map(drop).map_err(stream("reading an archive"))
        })
    }

    fn accessor(&self, path: &StorePath) -> Result<Arc<dyn firn_source::Accessor>> {
        let file = match &self.config.local_nar_cache {
            None => {
                let mut file = tempfile::tempfile().map_err(stream("creating a temporary file"))?;
                self.write_nar(path, &mut file)?;
                rewind(&mut file)?;
                file
            }
            Some(folder) => self.kept_nar(folder, path)?,
        };
        Ok(Arc::new(NarAccessor::new(file)?.shown_as(self.config.store_dir.print(path))))
    }

    fn read_derivation(&self, path: &StorePath) -> Result<Derivation> {
        let name = path.derivation_name()?;
        let mut nar = Vec::new();
        self.write_nar(path, &mut nar)?;
        let mut reader = firn_nar::NarReader::new(nar.as_slice());
        let mut text = Vec::new();
        if let Some(firn_nar::Event::File { .. }) = reader.next_event()? {
            reader.copy_contents(&mut text)?;
        }
        aterm::parse(&self.config.store_dir, &text, name).map_err(|e| {
            let shown = self.config.store_dir.print(path);
            StoreError::Derivation(format!("error parsing derivation '{shown}': {e}"))
        })
    }

    fn add_temp_root(&self, _path: &StorePath) -> Result<()> {
        Ok(())
    }

    fn add_indirect_root(&self, _link: &Path) -> Result<()> {
        self.unsupported("addIndirectRoot")
    }

    fn add_permanent_root(&self, _path: &StorePath, _link: &Path) -> Result<PathBuf> {
        self.unsupported("addPermRoot")
    }

    fn find_roots(&self, _censor: bool) -> Result<Roots> {
        self.unsupported("findRoots")
    }

    fn add_signatures(&self, path: &StorePath, sigs: &BTreeSet<String>) -> Result<()> {
        let mut narinfo = (*self.require_found(path)?).clone();
        narinfo.info.sigs.extend(sigs.iter().cloned());
        self.put_narinfo(narinfo)
    }

    fn build(&self, targets: &[DerivedPath], _mode: BuildMode) -> Result<Vec<BuildResult>> {
        for target in targets {
            match target {
                DerivedPath::Opaque(path) if self.is_valid(path)? => {}
                _ => return self.unsupported("buildPaths"),
            }
        }
        Ok(targets
            .iter()
            .map(|t| BuildResult::new(t.clone(), firn_store::BuildStatus::AlreadyValid))
            .collect())
    }

    fn missing(&self, targets: &[DerivedPath]) -> Result<Missing> {
        missing_without_substituters(self, targets)
    }

    fn build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>> {
        let drv = if path.is_derivation() {
            Some(path.clone())
        } else {
            self.found(path)?.and_then(|n| n.info.deriver.clone())
        };
        let Some(drv) = drv else { return Ok(None) };
        let found = self.medium.get(&format!("log/{}", drv.base_name()), MAX_SMALL_FILE)?;
        Ok(found.map(|data| match Compression::detect(&data) {
            Compression::None => data,
            _ => unpack_small(data, |_| false),
        }))
    }

    fn real_path(&self, _path: &StorePath) -> Option<PathBuf> {
        None
    }

    fn add_build_log(&self, drv: &StorePath, log: &[u8]) -> Result<()> {
        self.ready()?;
        let name = format!("log/{}", drv.base_name());
        self.put_small(&name, log.to_vec(), "text/plain; charset=utf-8", 2)
    }

    fn realisation(&self, drv: &StorePath, output: &str) -> Result<Option<Realisation>> {
        let name = Self::trace_name(drv, output);
        let Some(data) = self.medium.get(&name, MAX_NARINFO)? else { return Ok(None) };
        let bad = |why: &str| {
            StoreError::Json(format!("{why}\nwhile parsing file '{name}' as a build trace value"))
        };
        let json: serde_json::Value = serde_json::from_slice(&data).map_err(|e| bad(&e.to_string()))?;
        let path = json.get("outPath").and_then(|p| p.as_str()).ok_or_else(|| bad("no outPath"))?;
        let sigs = json.get("signatures").and_then(|s| s.as_array());
        Ok(Some(Realisation {
            drv: drv.clone(),
            output: output.to_owned(),
            path: StorePath::from_base_name(path)?,
            sigs: sigs.into_iter().flatten().filter_map(|s| s.as_str().map(str::to_owned)).collect(),
        }))
    }

    fn register_realisation(&self, realisation: &Realisation) -> Result<()> {
        self.ready()?;
        let json = serde_json::json!({
            "outPath": realisation.path.base_name(),
            "signatures": realisation.sigs.iter().collect::<Vec<_>>(),
        });
        let name = Self::trace_name(&realisation.drv, &realisation.output);
        let upload = Upload::bytes(json.to_string().into_bytes(), "application/json");
        Ok(self.medium.put(&name, upload)?)
    }

    fn substituter_traits(&self) -> Result<SubstituterTraits> {
        Ok(self.ready()?.traits)
    }

    fn download_size(&self, path: &StorePath) -> Result<u64> {
        Ok(self.found(path)?.map_or(0, |n| n.file_size))
    }

    fn status(&self) -> Result<StoreStatus> {
        self.ready()?;
        Ok(StoreStatus::default())
    }
}

/// Writes and hashes.
struct Both<'a> {
    out: &'a mut std::fs::File,
    hasher: &'a mut Hasher,
}

impl Write for Both<'_> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.out.write_all(data)?;
        self.hasher.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn rewind(file: &mut std::fs::File) -> Result<()> {
    std::io::Seek::rewind(file).map_err(stream("reading a temporary file"))
}

fn hash_file(file: &mut std::fs::File, algo: Algo) -> Result<(Hash, u64)> {
    rewind(file)?;
    let mut hasher = Hasher::new(algo);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer).map_err(stream("reading a temporary file"))? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    let size = hasher.bytes();
    Ok((hasher.finish(), size))
}
