//! A daemon as a store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use firn_derivation::{Derivation, aterm};
use firn_events::{Events, Level};
use firn_path::{DerivedPath, FileMethod, HASH_LEN, StoreDir, StorePath, StorePathSet};
use firn_settings::Settings;
use firn_store::gc::{GcAction, GcOptions, GcResults};
use firn_store::optimise::OptimiseStats;
use firn_store::roots::Roots;
use firn_store::verify::VerifyOptions;
use firn_store::{
    AddOptions, BuildMode, BuildResult, DumpMethod, Missing, NewContents, PathInfo, PathToAdd, Realisation,
    Result, Store, StoreError, StoreReference, StoreStatus, SubstituterTraits,
};

use super::client::Connection;
use super::{DELETE_SPECIFIC, Operation, REALISATION_WITH_PATH};
use crate::error::ProtocolError;
use crate::objects::{
    read_path_info, read_result, write_derivation, write_path_info, write_realisation, write_targets,
};
use crate::pool::{Pool, Transport};
use crate::wire::{self, ReadWire, WireReader, WireWriter, WriteWire};

/// Opens a connection.
pub type Connect = dyn Fn() -> Result<Transport> + Send + Sync;

/// Path infos kept in memory.
const MEMORY: usize = 65536;

/// A store behind the protocol of the daemon.
pub struct RemoteStore {
    dir: StoreDir,
    uri: String,
    reference: StoreReference,
    connect: Box<Connect>,
    settings: Arc<Settings>,
    verbosity: Level,
    sends_options: bool,
    events: Events,
    pool: Pool<Connection>,
    infos: Mutex<HashMap<StorePath, Arc<PathInfo>>>,
    rooted: Mutex<BTreeSet<StorePath>>,
    /// Where the files are, if this process can read them.
    real_dir: Option<PathBuf>,
}

impl std::fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RemoteStore({})", self.uri)
    }
}

impl RemoteStore {
    /// A store that is reached by `connect`; no connection is made before it is asked something. `real_dir` is where its
    /// files are on this machine.
    ///
    /// # Errors
    /// A parameter of the address that makes no sense.
    pub fn new(
        reference: StoreReference,
        uri: String,
        dir: StoreDir,
        real_dir: Option<PathBuf>,
        settings: Arc<Settings>,
        events: Events,
        connect: Box<Connect>,
    ) -> RemoteStore {
        let most = reference.params.get("max-connections").and_then(|n| n.parse().ok()).unwrap_or(1);
        RemoteStore {
            dir,
            uri,
            reference,
            connect,
            settings,
            verbosity: Level::Info,
            sends_options: true,
            events,
            pool: Pool::new(most),
            infos: Mutex::default(),
            rooted: Mutex::default(),
            real_dir,
        }
    }

    /// How much the daemon tells.
    pub fn with_verbosity(self, verbosity: Level) -> RemoteStore {
        RemoteStore { verbosity, ..self }
    }

    /// The daemon keeps its own settings: it is another machine's.
    pub fn without_options(self) -> RemoteStore {
        RemoteStore { sends_options: false, ..self }
    }

    fn open(&self) -> Result<Connection> {
        let transport = (self.connect)()?;
        let failed = |e: ProtocolError| match e {
            ProtocolError::End => {
                StoreError::Remote(format!("cannot open connection to remote store '{}'", self.uri))
            }
            e => e.into(),
        };
        let mut connection = Connection::greet(transport, &self.events).map_err(failed)?;
        if self.sends_options {
            connection.set_options(&self.settings, self.verbosity, &self.events)?;
        }
        Ok(connection)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> wire::Result<T>) -> Result<T> {
        self.pool.with(|| self.open(), work)
    }

    fn call<T>(
        &self,
        operation: Operation,
        request: impl FnOnce(&mut WireWriter) -> wire::Result<()>,
        answer: impl FnOnce(&mut WireReader) -> wire::Result<T>,
    ) -> Result<T> {
        self.with(|c| c.call(operation, &self.events, request, answer))
    }

    fn call_with_stream<T>(
        &self,
        operation: Operation,
        request: impl FnOnce(&mut WireWriter) -> wire::Result<()>,
        stream: impl FnOnce(&mut dyn Write) -> Result<()>,
        answer: impl FnOnce(&mut WireReader) -> wire::Result<T>,
    ) -> Result<T> {
        let mut own = None;
        let done = self.with(|c| {
            match c.call_with_stream(operation, &self.events, request, stream, answer)? {
                Ok(done) => Ok(Some(done)),
                Err(e) => {
                    own = Some(e);
                    // the connection is given up with it
                    Err(ProtocolError::malformed("a stream was broken off"))
                }
            }
        });
        match (own, done) {
            (Some(e), _) => Err(e),
            (None, Ok(Some(done))) => Ok(done),
            (None, Ok(None)) => Err(StoreError::Protocol("no answer".to_owned())),
            (None, Err(e)) => Err(e),
        }
    }

    fn paths_of(&self, operation: Operation, path: &StorePath) -> Result<StorePathSet> {
        self.call(operation, |to| to.put_path(&self.dir, path), |from| from.paths(&self.dir))
    }

    fn remember(&self, info: Arc<PathInfo>) {
        let mut infos = self.infos.lock().unwrap_or_else(PoisonError::into_inner);
        if infos.len() >= MEMORY {
            infos.clear();
        }
        infos.insert(info.path.clone(), info);
    }

    fn forget_all(&self) {
        self.infos.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn write_add_nar(&self, to: &mut WireWriter, info: &PathInfo, options: AddOptions) -> wire::Result<()> {
        to.put_path(&self.dir, &info.path)?;
        write_path_info(to, &self.dir, info)?;
        to.put_flag(options.repair)?;
        to.put_flag(!options.check_sigs)
    }

    fn done(from: &mut WireReader) -> wire::Result<()> {
        from.number().map(drop)
    }
}

impl Store for RemoteStore {
    fn store_dir(&self) -> &StoreDir {
        &self.dir
    }

    fn uri(&self) -> String {
        self.uri.clone()
    }

    fn path_info(&self, path: &StorePath) -> Result<Option<Arc<PathInfo>>> {
        if let Some(info) = self.infos.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(Some(info.clone()));
        }
        let info = self.call(
            Operation::QueryPathInfo,
            |to| to.put_path(&self.dir, path),
            |from| match from.flag()? {
                true => read_path_info(from, &self.dir, path.clone()).map(Some),
                false => Ok(None),
            },
        )?;
        Ok(info.map(|info| {
            let info = Arc::new(info);
            self.remember(info.clone());
            info
        }))
    }

    fn valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet> {
        if paths.is_empty() {
            return Ok(StorePathSet::new());
        }
        self.call(
            Operation::QueryValidPaths,
            |to| {
                to.put_paths(&self.dir, paths)?;
                to.put_flag(false)
            },
            |from| from.paths(&self.dir),
        )
    }

    fn all_valid_paths(&self) -> Result<StorePathSet> {
        self.call(Operation::QueryAllValidPaths, |_| Ok(()), |from| from.paths(&self.dir))
    }

    fn referrers(&self, path: &StorePath) -> Result<StorePathSet> {
        self.paths_of(Operation::QueryReferrers, path)
    }

    fn valid_derivers(&self, path: &StorePath) -> Result<StorePathSet> {
        self.paths_of(Operation::QueryValidDerivers, path)
    }

    fn derivation_outputs(&self, drv: &StorePath) -> Result<BTreeMap<String, Option<StorePath>>> {
        self.call(
            Operation::QueryDerivationOutputMap,
            |to| to.put_path(&self.dir, drv),
            |from| {
                let mut outputs = BTreeMap::new();
                for _ in 0..from.count()? {
                    let name = from.name()?;
                    outputs.insert(name, from.optional_path(&self.dir)?);
                }
                Ok(outputs)
            },
        )
    }

    fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>> {
        if hash_part.len() != HASH_LEN {
            return Err(StoreError::InvalidHashPart);
        }
        self.call(
            Operation::QueryPathFromHashPart,
            |to| to.put_text(hash_part),
            |from| from.optional_path(&self.dir),
        )
    }

    fn add_dump(
        &self,
        new: &NewContents<'_>,
        dump: DumpMethod,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<Arc<PathInfo>> {
        let wanted = match new.method.file_method() {
            FileMethod::Flat => DumpMethod::Flat,
            FileMethod::NixArchive | FileMethod::Git => DumpMethod::Nar,
        };
        let info = self.call_with_stream(
            Operation::AddToStore,
            |to| {
                to.put_text(new.name)?;
                to.put_text(&new.method.render_with_algo(new.algo))?;
                to.put_paths(&self.dir, new.references)?;
                to.put_flag(new.repair)
            },
            |out| match (dump, wanted) {
                (DumpMethod::Flat, DumpMethod::Nar) => {
                    let mut bytes = Vec::new();
                    produce(&mut bytes)?;
                    firn_nar::write_file(out, &bytes).map(drop).map_err(Into::into)
                }
                (DumpMethod::Nar, DumpMethod::Flat) => {
                    let mut nar = Vec::new();
                    produce(&mut nar)?;
                    let mut reader = firn_nar::NarReader::new(nar.as_slice());
                    match reader.next_event()? {
                        Some(firn_nar::Event::File { .. }) => {
                            reader.copy_contents(out).map(drop).map_err(Into::into)
                        }
                        _ => Err(StoreError::Nar(
                            "cannot add a directory or symlink with the flat method: regular file expected"
                                .into(),
                        )),
                    }
                }
                _ => produce(out),
            },
            |from| {
                let path = from.path(&self.dir)?;
                read_path_info(from, &self.dir, path)
            },
        )?;
        let info = Arc::new(info);
        self.remember(info.clone());
        Ok(info)
    }

    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read, options: AddOptions) -> Result<()> {
        self.call_with_stream(
            Operation::AddToStoreNar,
            |to| self.write_add_nar(to, info, options),
            |out| firn_nar::copy(nar, out).map(drop).map_err(Into::into),
            |_| Ok(()),
        )
    }

    fn add_many(&self, paths: &[PathToAdd<'_>], options: AddOptions) -> Option<Result<()>> {
        Some(self.call_with_stream(
            Operation::AddMultipleToStore,
            |to| {
                to.put_flag(options.repair)?;
                to.put_flag(!options.check_sigs)
            },
            |out| {
                let mut out = out;
                out.put_number(paths.len() as u64)?;
                for path in paths {
                    out.put_path(&self.dir, &path.info.path)?;
                    write_path_info(&mut out, &self.dir, &path.info)?;
                    (path.nar)(out)?;
                }
                Ok(())
            },
            |_| Ok(()),
        ))
    }

    fn write_nar(&self, path: &StorePath, out: &mut dyn Write) -> Result<()> {
        let mut own = None;
        self.call(
            Operation::NarFromPath,
            |to| to.put_path(&self.dir, path),
            |from| match firn_nar::copy(from, out) {
                Ok(_) => Ok(()),
                Err(e) => {
                    own = Some(e);
                    Err(ProtocolError::malformed("a stream was broken off"))
                }
            },
        )
        .map_err(|e| own.take().map_or(e, Into::into))
    }

    fn read_derivation(&self, path: &StorePath) -> Result<Derivation> {
        let name = path.derivation_name()?;
        let text = match self.real_path(path).and_then(|real| std::fs::read(real).ok()) {
            Some(text) => {
                self.require_info(path)?;
                text
            }
            None => {
                let mut nar = Vec::new();
                self.write_nar(path, &mut nar)?;
                let mut reader = firn_nar::NarReader::new(nar.as_slice());
                let mut text = Vec::new();
                if let Some(firn_nar::Event::File { .. }) = reader.next_event()? {
                    reader.copy_contents(&mut text)?;
                }
                text
            }
        };
        aterm::parse(&self.dir, &text, name).map_err(|e| {
            StoreError::Derivation(format!("error parsing derivation '{}': {e}", self.dir.print(path)))
        })
    }

    fn add_temp_root(&self, path: &StorePath) -> Result<()> {
        if !self.rooted.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone()) {
            return Ok(());
        }
        self.call(Operation::AddTempRoot, |to| to.put_path(&self.dir, path), Self::done)
    }

    fn add_indirect_root(&self, link: &Path) -> Result<()> {
        self.call(Operation::AddIndirectRoot, |to| to.put_text(&link.to_string_lossy()), Self::done)
    }

    fn add_permanent_root(&self, path: &StorePath, link: &Path) -> Result<PathBuf> {
        // the link is the user's own; only its registration is the daemon's
        let shown = self.dir.print(path);
        if link.starts_with(self.dir.as_str()) {
            return Err(StoreError::RootInStore(link.to_owned()));
        }
        self.add_temp_root(path)?;
        if let Ok(meta) = link.symlink_metadata() {
            let ours = meta.is_symlink()
                && std::fs::read_link(link).is_ok_and(|target| target.starts_with(self.dir.as_str()));
            if !ours {
                return Err(StoreError::RootExists(link.to_owned()));
            }
        }
        firn_store::roots::replace_symlink(Path::new(&shown), link)?;
        self.add_indirect_root(link)?;
        Ok(link.to_owned())
    }

    fn find_roots(&self, _censor: bool) -> Result<Roots> {
        self.call(
            Operation::FindRoots,
            |_| Ok(()),
            |from| {
                let mut roots = Roots::new();
                for _ in 0..from.count()? {
                    let link = from.message()?;
                    roots.entry(from.path(&self.dir)?).or_default().insert(link);
                }
                Ok(roots)
            },
        )
    }

    fn add_signatures(&self, path: &StorePath, sigs: &BTreeSet<String>) -> Result<()> {
        self.forget_all();
        self.call(
            Operation::AddSignatures,
            |to| {
                to.put_path(&self.dir, path)?;
                to.put_texts(sigs.iter())
            },
            Self::done,
        )
    }

    fn build(&self, targets: &[DerivedPath], mode: BuildMode) -> Result<Vec<BuildResult>> {
        self.forget_all();
        let results = self.with(|c| {
            let form = c.result_form();
            c.call(
                Operation::BuildPathsWithResults,
                &self.events,
                |to| {
                    write_targets(to, &self.dir, targets)?;
                    to.put_number(mode as u64)
                },
                |from| {
                    let count = from.count()?;
                    let mut results = Vec::new();
                    for _ in 0..count {
                        let target = DerivedPath::parse_legacy(&self.dir, &from.name()?)?;
                        results.push(read_result(from, &self.dir, target, form)?);
                    }
                    Ok(results)
                },
            )
        })?;
        Ok(in_order(targets, results))
    }

    fn build_derivation(
        &self,
        drv_path: &StorePath,
        drv: &Derivation,
        mode: BuildMode,
    ) -> Result<BuildResult> {
        self.forget_all();
        let target = DerivedPath::built(drv_path.clone(), firn_path::OutputsSpec::All);
        self.with(|c| {
            let form = c.result_form();
            c.call(
                Operation::BuildDerivation,
                &self.events,
                |to| {
                    to.put_path(&self.dir, drv_path)?;
                    write_derivation(to, &self.dir, drv)?;
                    to.put_number(mode as u64)
                },
                |from| read_result(from, &self.dir, target, form),
            )
        })
    }

    fn missing(&self, targets: &[DerivedPath]) -> Result<Missing> {
        self.call(
            Operation::QueryMissing,
            |to| write_targets(to, &self.dir, targets),
            |from| {
                Ok(Missing {
                    will_build: from.paths(&self.dir)?,
                    will_substitute: from.paths(&self.dir)?,
                    unknown: from.paths(&self.dir)?,
                    download_size: from.number()?,
                    nar_size: from.number()?,
                })
            },
        )
    }

    fn ensure_path(&self, path: &StorePath) -> Result<()> {
        self.call(Operation::EnsurePath, |to| to.put_path(&self.dir, path), Self::done)
    }

    fn build_log(&self, path: &StorePath) -> Result<Option<Vec<u8>>> {
        // logs are files that everybody may read
        if self.real_dir.is_none() {
            return Ok(None);
        }
        let drv = if path.is_derivation() {
            Some(path.clone())
        } else {
            self.path_info(path)?.and_then(|info| info.deriver.clone())
        };
        let Some(drv) = drv else { return Ok(None) };
        let log_dir = match self.reference.params.get("log") {
            Some(log) => PathBuf::from(log),
            None => match self.reference.params.get("root") {
                Some(root) => Path::new(root).join("nix/var/log/nix"),
                None => std::env::var_os("NIX_LOG_DIR")
                    .filter(|v| !v.is_empty())
                    .map_or_else(|| PathBuf::from("/nix/var/log/nix"), PathBuf::from),
            },
        };
        firn_store::read_build_log(&log_dir, &drv)
    }

    fn real_path(&self, path: &StorePath) -> Option<PathBuf> {
        Some(self.real_dir.as_ref()?.join(path.base_name()))
    }

    fn add_build_log(&self, drv: &StorePath, log: &[u8]) -> Result<()> {
        self.call_with_stream(
            Operation::AddBuildLog,
            |to| to.put_text(drv.base_name()),
            |out| out.write_all(log).map_err(|source| StoreError::Stream { action: "sending a log", source }),
            Self::done,
        )
    }

    fn realisation(&self, drv: &StorePath, output: &str) -> Result<Option<Realisation>> {
        self.with(|c| {
            if !c.has(REALISATION_WITH_PATH) {
                return Ok(None);
            }
            c.call(
                Operation::QueryRealisation,
                &self.events,
                |to| {
                    to.put_path(&self.dir, drv)?;
                    to.put_text(output)
                },
                |from| match from.flag()? {
                    false => Ok(None),
                    true => {
                        let path = from.path(&self.dir)?;
                        let sigs = from.text_set()?;
                        Ok(Some(Realisation { drv: drv.clone(), output: output.to_owned(), path, sigs }))
                    }
                },
            )
        })
    }

    fn register_realisation(&self, realisation: &Realisation) -> Result<()> {
        self.with(|c| {
            if !c.has(REALISATION_WITH_PATH) {
                return Err(ProtocolError::Remote(format!(
                    "the daemon is missing the '{REALISATION_WITH_PATH}' protocol feature, needed to understand build trace"
                )));
            }
            c.call(
                Operation::RegisterDrvOutput,
                &self.events,
                |to| write_realisation(to, &self.dir, realisation),
                |_| Ok(()),
            )
        })
    }

    fn collect_garbage(&self, options: &GcOptions) -> Result<GcResults> {
        self.forget_all();
        self.with(|c| {
            let limited = c.has(DELETE_SPECIFIC);
            if options.action == GcAction::DeleteDead && options.paths.is_some() && !limited {
                return Err(ProtocolError::Remote(
                    "Garbage collecting specific paths requested but it is not supported by the negotiated protocol"
                        .to_owned(),
                ));
            }
            c.call(
                Operation::CollectGarbage,
                &self.events,
                |to| {
                    to.put_number(match options.action {
                        GcAction::ReturnLive => 0,
                        GcAction::ReturnDead => 1,
                        GcAction::DeleteDead => 2,
                        GcAction::DeleteSpecific => 3,
                    })?;
                    match &options.paths {
                        None if limited => to.put_number(1)?,
                        None => to.put_number(0)?,
                        Some(paths) => {
                            if limited {
                                to.put_number(0)?;
                            }
                            to.put_paths(&self.dir, paths)?;
                            if limited {
                                to.put_flag(options.delete_referrers)?;
                            }
                        }
                    }
                    to.put_flag(options.ignore_liveness)?;
                    to.put_number(options.max_freed)?;
                    // three fields of old
                    (0..3).try_for_each(|_| to.put_number(0))
                },
                |from| {
                    let paths = from.text_set()?;
                    let bytes_freed = from.number()?;
                    from.number()?;
                    Ok(GcResults { paths, bytes_freed })
                },
            )
        })
    }

    fn verify(&self, options: VerifyOptions) -> Result<bool> {
        self.call(
            Operation::VerifyStore,
            |to| {
                to.put_flag(options.check_contents)?;
                to.put_flag(options.repair)
            },
            |from| from.flag(),
        )
    }

    fn optimise(&self) -> Result<OptimiseStats> {
        self.call(Operation::OptimiseStore, |_| Ok(()), Self::done)?;
        Ok(OptimiseStats::default())
    }

    fn substituter_traits(&self) -> Result<SubstituterTraits> {
        Ok(SubstituterTraits::from_reference(&self.reference, SubstituterTraits::default()))
    }

    fn substitutable_paths(&self, paths: &StorePathSet) -> Result<StorePathSet> {
        self.call(
            Operation::QuerySubstitutablePaths,
            |to| to.put_paths(&self.dir, paths),
            |from| from.paths(&self.dir),
        )
    }

    fn status(&self) -> Result<StoreStatus> {
        self.with(|c| Ok(StoreStatus { version: Some(c.daemon_version.clone()), trusted: c.trusted }))
    }
}

/// The results in the order of the targets; the daemon may have another order and leave out what was asked twice.
fn in_order(targets: &[DerivedPath], results: Vec<BuildResult>) -> Vec<BuildResult> {
    if results.iter().map(|r| &r.target).eq(targets) {
        return results;
    }
    targets
        .iter()
        .map(|target| {
            results.iter().find(|r| r.target == *target).cloned().unwrap_or_else(|| {
                BuildResult::failed(target.clone(), firn_store::BuildStatus::MiscFailure, "")
            })
        })
        .collect()
}
