//! The daemon's side of one connection: what a client may do is decided here.
//!
//! A client without trust may not: repair; add what nobody has signed; build derivations whose outputs' paths do not follow
//! from their contents unless their whole closure is in the store; add logs or links that are roots; see the roots of other
//! users' processes; change settings but for a few time limits and for substituters that are allowed to it. Nobody may
//! ignore what is alive.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use firn_derivation::Derivation;
use firn_events::Events;
use firn_hash::Algo;
use firn_path::{ContentMethod, FileMethod, StoreDir, StorePath, StorePathSet};
use firn_settings::Settings;
use firn_store::gc::{GcAction, GcOptions};
use firn_store::verify::VerifyOptions;
use firn_store::{
    AddOptions, BuildMode, DumpMethod, NewContents, PathInfo, Store, StoreError, require_success,
};

use super::{
    CLIENT_MAGIC, DAEMON_MAGIC, DELETE_SPECIFIC, OLDEST, Operation, REALISATION_WITH_PATH, VERSION, Version,
};
use crate::error::ProtocolError;
use crate::framed::FramedReader;
use crate::frames::{Tunnel, level};
use crate::objects::{
    read_derivation, read_mode, read_path_info, read_realisation, read_targets, write_path_info, write_result,
};
use crate::wire::{ReadWire, WireReader, WireWriter, WriteWire};

/// Opens the store that a connection works on, with the client's settings and events.
pub type OpenStore<'a> = dyn Fn(Settings, Events) -> Result<Arc<dyn Store>, StoreError> + 'a;

/// What a connection is served with.
pub struct Server<'a> {
    /// Opens the store; called again when the client changes settings.
    pub open: &'a OpenStore<'a>,
    /// The daemon's own settings, which the client's are laid over.
    pub settings: Settings,
    /// Whether the client's word counts.
    pub trusted: bool,
    /// Whether the client is told so; `None` where that has no meaning.
    pub says_trusted: Option<bool>,
    /// The logical store directory.
    pub dir: StoreDir,
    /// The version that the client is told.
    pub version: &'a str,
}

/// Why a connection ended.
type Outcome<T, E = Failure> = Result<T, E>;

/// What ends an operation.
enum Failure {
    /// The client is told; the connection goes on if it can.
    Told(String),
    /// The connection is broken.
    Broken(ProtocolError),
}

impl From<ProtocolError> for Failure {
    fn from(e: ProtocolError) -> Self {
        match e {
            // a request that makes no sense
            ProtocolError::Malformed(text) => Failure::Told(text),
            e => Failure::Broken(e),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Self {
        Failure::Told(e.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Failure::Broken(e.into())
    }
}

fn told<T>(text: impl Into<String>) -> Outcome<T> {
    Err(Failure::Told(text.into()))
}

struct Connection<'a> {
    server: &'a Server<'a>,
    from: WireReader,
    tunnel: Tunnel,
    version: Version,
    settings: Settings,
    store: Option<Arc<dyn Store>>,
    /// Stores of earlier settings: what they keep from the collector has to stay.
    earlier: Vec<Arc<dyn Store>>,
}

impl Server<'_> {
    /// Serves a connection to its end.
    ///
    /// # Errors
    /// The client speaks another protocol, or the connection breaks within an operation.
    pub fn serve(&self, mut from: WireReader, mut to: WireWriter) -> Result<(), ProtocolError> {
        let version = self.greet(&mut from, &mut to)?;
        let mut connection = Connection {
            server: self,
            from,
            tunnel: Tunnel::new(to),
            version,
            settings: self.settings.clone(),
            store: None,
            earlier: Vec::new(),
        };
        connection.run()
    }

    fn greet(&self, from: &mut WireReader, to: &mut WireWriter) -> Result<Version, ProtocolError> {
        if from.number()? != CLIENT_MAGIC {
            return Err(ProtocolError::malformed("protocol mismatch"));
        }
        to.put_number(DAEMON_MAGIC)?;
        to.put_number(VERSION)?;
        to.flush()?;
        let theirs = from.number()?;
        if theirs >> 8 != VERSION >> 8 || theirs < OLDEST {
            return Err(ProtocolError::malformed("the Nix client version is too old"));
        }
        let minor = theirs.min(VERSION) & 0xff;
        let mut features = BTreeSet::new();
        if minor >= 38 {
            let theirs = from.text_set()?;
            let ours: BTreeSet<String> = [REALISATION_WITH_PATH, DELETE_SPECIFIC].map(str::to_owned).into();
            to.put_texts(ours.iter())?;
            to.flush()?;
            features = ours.intersection(&theirs).cloned().collect();
        }
        // two fields of old
        if from.flag()? {
            from.number()?;
        }
        from.number()?;
        to.put_text(self.version)?;
        if minor >= 35 {
            to.put_number(match self.says_trusted {
                None => 0,
                Some(true) => 1,
                Some(false) => 2,
            })?;
        }
        to.flush()?;
        Ok(Version { minor, features })
    }
}

impl Connection<'_> {
    fn run(&mut self) -> Result<(), ProtocolError> {
        // opening the store is the first work of all, so that its errors have somebody to be told to
        self.tunnel.start_work()?;
        if let Err(e) = self.store() {
            if let Failure::Told(text) = e {
                self.tunnel.fail(&text)?;
            }
            return Ok(());
        }
        self.tunnel.stop_work()?;
        self.tunnel.answer(|to| Ok(to.flush()?))?;
        loop {
            let number = match self.from.number() {
                Ok(number) => number,
                Err(ProtocolError::End) => return Ok(()),
                Err(e) => return Err(e),
            };
            let done = match Operation::from_number(number) {
                Some(operation) => self.perform(operation),
                None => told(format!("invalid operation {number}")),
            };
            match done {
                Ok(()) => self.tunnel.answer(|to| Ok(to.flush()?))?,
                Err(Failure::Told(text)) => {
                    if !self.tunnel.fail(&text)? {
                        return Ok(());
                    }
                }
                Err(Failure::Broken(e)) => return Err(e),
            }
        }
    }

    fn store(&mut self) -> Outcome<Arc<dyn Store>> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        let store = (self.server.open)(self.settings.clone(), self.tunnel.events())?;
        self.store = Some(store.clone());
        Ok(store)
    }

    fn dir(&self) -> StoreDir {
        self.server.dir.clone()
    }

    /// Works while the client listens, then answers.
    fn work<T>(
        &mut self,
        work: impl FnOnce(&dyn Store) -> Outcome<T>,
        answer: impl FnOnce(&mut WireWriter, &StoreDir, T) -> Result<(), ProtocolError>,
    ) -> Outcome<()> {
        self.tunnel.start_work()?;
        let store = self.store()?;
        let result = work(&*store)?;
        self.tunnel.stop_work()?;
        let dir = self.dir();
        Ok(self.tunnel.answer(|to| answer(to, &dir, result))?)
    }

    /// As [`Connection::work`], with a stream that is read to its end whatever happens.
    fn work_on_stream<T>(
        &mut self,
        work: impl FnOnce(&dyn Store, &mut FramedReader<'_, WireReader>) -> Outcome<T>,
        answer: impl FnOnce(&mut WireWriter, &StoreDir, T) -> Result<(), ProtocolError>,
    ) -> Outcome<()> {
        self.tunnel.start_work()?;
        let store = self.store()?;
        let mut stream = FramedReader::new(&mut self.from);
        let result = work(&*store, &mut stream);
        stream.finish()?;
        let result = result?;
        self.tunnel.stop_work()?;
        let dir = self.dir();
        Ok(self.tunnel.answer(|to| answer(to, &dir, result))?)
    }

    fn perform(&mut self, operation: Operation) -> Outcome<()> {
        match operation {
            Operation::IsValidPath
            | Operation::QueryReferrers
            | Operation::QueryValidDerivers
            | Operation::QueryDerivationOutputs
            | Operation::QueryDerivationOutputNames
            | Operation::QueryDerivationOutputMap
            | Operation::QueryDeriver
            | Operation::QueryPathInfo
            | Operation::QuerySubstitutablePathInfo => self.query_path(operation),
            Operation::QueryValidPaths
            | Operation::QuerySubstitutablePaths
            | Operation::QueryAllValidPaths
            | Operation::QueryPathFromHashPart
            | Operation::QuerySubstitutablePathInfos
            | Operation::QueryMissing
            | Operation::QueryRealisation => self.query(operation),
            Operation::AddToStore
            | Operation::AddTextToStore
            | Operation::AddToStoreNar
            | Operation::AddMultipleToStore
            | Operation::AddBuildLog
            | Operation::AddSignatures
            | Operation::RegisterDrvOutput => self.add(operation),
            Operation::BuildPaths
            | Operation::BuildPathsWithResults
            | Operation::BuildDerivation
            | Operation::EnsurePath => self.build(operation),
            Operation::AddTempRoot
            | Operation::AddIndirectRoot
            | Operation::AddPermRoot
            | Operation::SyncWithGC
            | Operation::FindRoots
            | Operation::CollectGarbage
            | Operation::OptimiseStore
            | Operation::VerifyStore => self.maintain(operation),
            Operation::SetOptions => self.set_options(),
            Operation::NarFromPath => self.send_nar(),
        }
    }

    fn query_path(&mut self, operation: Operation) -> Outcome<()> {
        let path = self.from.path(&self.dir())?;
        match operation {
            Operation::IsValidPath => {
                self.work(|s| Ok(s.is_valid(&path)?), |to, _, valid| to.put_flag(valid))
            }
            Operation::QueryReferrers => {
                self.work(|s| Ok(s.referrers(&path)?), |to, dir, paths| to.put_paths(dir, &paths))
            }
            Operation::QueryValidDerivers => {
                self.work(|s| Ok(s.valid_derivers(&path)?), |to, dir, paths| to.put_paths(dir, &paths))
            }
            Operation::QueryDerivationOutputs => self.work(
                |s| Ok(s.derivation_outputs(&path)?.into_values().flatten().collect::<StorePathSet>()),
                |to, dir, paths| to.put_paths(dir, &paths),
            ),
            Operation::QueryDerivationOutputNames => self.work(
                |s| Ok(s.read_derivation(&path)?.outputs.into_keys().collect::<Vec<_>>()),
                |to, _, names| to.put_texts(names.iter()),
            ),
            Operation::QueryDerivationOutputMap => self.work(
                |s| Ok(s.derivation_outputs(&path)?),
                |to, dir, outputs| {
                    to.put_number(outputs.len() as u64)?;
                    for (name, path) in &outputs {
                        to.put_text(name)?;
                        to.put_optional_path(dir, path.as_ref())?;
                    }
                    Ok(())
                },
            ),
            Operation::QueryDeriver => self.work(
                |s| Ok(s.require_info(&path)?),
                |to, dir, info| to.put_optional_path(dir, info.deriver.as_ref()),
            ),
            Operation::QuerySubstitutablePathInfo => self.work(
                |s| Ok(substitutable(s, [path.clone()].into())?.pop()),
                |to, dir, found| {
                    to.put_flag(found.is_some())?;
                    found.iter().try_for_each(|found| found.write(to, dir))
                },
            ),
            _ => self.work(
                |s| Ok(s.path_info(&path)?),
                |to, dir, info| match info {
                    None => to.put_number(0),
                    Some(info) => {
                        to.put_number(1)?;
                        write_path_info(to, dir, &info)
                    }
                },
            ),
        }
    }

    fn query(&mut self, operation: Operation) -> Outcome<()> {
        let dir = self.dir();
        match operation {
            Operation::QueryValidPaths => {
                let paths = self.from.paths(&dir)?;
                let substitute = self.from.flag()?;
                self.work(
                    |s| {
                        if substitute {
                            substitute_paths(s, &paths)?;
                        }
                        Ok(s.valid_paths(&paths)?)
                    },
                    |to, dir, paths| to.put_paths(dir, &paths),
                )
            }
            Operation::QuerySubstitutablePaths => {
                let paths = self.from.paths(&dir)?;
                self.work(|s| Ok(s.substitutable_paths(&paths)?), |to, dir, paths| to.put_paths(dir, &paths))
            }
            Operation::QueryPathFromHashPart => {
                let part = self.from.name()?;
                self.work(
                    |s| Ok(s.path_from_hash_part(&part)?),
                    |to, dir, path| to.put_optional_path(dir, path.as_ref()),
                )
            }
            Operation::QuerySubstitutablePathInfos => {
                let mut paths = StorePathSet::new();
                for _ in 0..self.from.count()? {
                    paths.insert(self.from.path(&dir)?);
                    // the content address, which only matters for stores of other directories
                    self.from.name()?;
                }
                self.work(
                    |s| substitutable(s, paths),
                    |to, dir, found| {
                        to.put_number(found.len() as u64)?;
                        for found in &found {
                            to.put_path(dir, &found.path)?;
                            found.write(to, dir)?;
                        }
                        Ok(())
                    },
                )
            }
            Operation::QueryMissing => {
                let targets = read_targets(&mut self.from, &dir)?;
                self.work(
                    |s| Ok(s.missing(&targets)?),
                    |to, dir, missing| {
                        to.put_paths(dir, &missing.will_build)?;
                        to.put_paths(dir, &missing.will_substitute)?;
                        to.put_paths(dir, &missing.unknown)?;
                        to.put_number(missing.download_size)?;
                        to.put_number(missing.nar_size)
                    },
                )
            }
            Operation::QueryRealisation => {
                self.require_feature(REALISATION_WITH_PATH)?;
                let drv = self.from.path(&dir)?;
                let output = self.from.name()?;
                self.work(
                    |s| Ok(s.realisation(&drv, &output)?),
                    |to, dir, found| match found {
                        None => to.put_number(0),
                        Some(found) => {
                            to.put_number(1)?;
                            to.put_path(dir, &found.path)?;
                            to.put_texts(found.sigs.iter())
                        }
                    },
                )
            }
            _ => self.work(|s| Ok(s.all_valid_paths()?), |to, dir, paths| to.put_paths(dir, &paths)),
        }
    }

    fn require_feature(&self, feature: &str) -> Outcome<()> {
        if self.version.has(feature) {
            return Ok(());
        }
        told(format!(
            "the daemon is missing the '{feature}' protocol feature, needed to support content-addressing derivations"
        ))
    }

    fn add(&mut self, operation: Operation) -> Outcome<()> {
        let dir = self.dir();
        let trusted = self.server.trusted;
        match operation {
            Operation::AddToStore => {
                let name = self.from.name()?;
                let (method, algo) =
                    ContentMethod::parse_with_algo(&self.from.name()?).map_err(ProtocolError::from)?;
                let references = self.from.paths(&dir)?;
                let repair = self.from.flag()?;
                if repair && !trusted {
                    return told("repairing is not allowed because you are not in 'trusted-users'");
                }
                let dump = match method.file_method() {
                    FileMethod::Flat => DumpMethod::Flat,
                    FileMethod::NixArchive | FileMethod::Git => DumpMethod::Nar,
                };
                self.work_on_stream(
                    |s, stream| {
                        let new = NewContents { name: &name, method, algo, references: &references, repair };
                        Ok(s.add_dump(&new, dump, &mut |out| copy(stream, out))?)
                    },
                    |to, dir, info| {
                        to.put_path(dir, &info.path)?;
                        write_path_info(to, dir, &info)
                    },
                )
            }
            Operation::AddTextToStore => {
                let name = self.from.name()?;
                let text = self.from.blob(crate::wire::MAX_TEXT)?;
                let references = self.from.paths(&dir)?;
                self.work(
                    |s| {
                        let (method, algo) = (ContentMethod::Text, Algo::Sha256);
                        let new =
                            NewContents { name: &name, method, algo, references: &references, repair: false };
                        let info =
                            s.add_dump(&new, DumpMethod::Flat, &mut |out| copy(&mut text.as_slice(), out))?;
                        Ok(info.path.clone())
                    },
                    |to, dir, path| to.put_path(dir, &path),
                )
            }
            Operation::AddToStoreNar => {
                let path = self.from.path(&dir)?;
                let mut info = read_path_info(&mut self.from, &dir, path)?;
                let repair = self.from.flag()?;
                let unchecked = self.from.flag()?;
                let options = AddOptions { repair: repair && trusted, check_sigs: !(unchecked && trusted) };
                info.ultimate &= trusted;
                self.work_on_stream(|s, stream| Ok(s.add_nar(&info, stream, options)?), |_, _, ()| Ok(()))
            }
            Operation::AddMultipleToStore => {
                let repair = self.from.flag()?;
                let unchecked = self.from.flag()?;
                let options = AddOptions { repair: repair && trusted, check_sigs: !(unchecked && trusted) };
                self.work_on_stream(
                    |s, stream| {
                        for _ in 0..stream.number()? {
                            let path = stream.path(&dir)?;
                            let mut info = read_path_info(stream, &dir, path)?;
                            info.ultimate = false;
                            s.add_nar(&info, stream, options)?;
                        }
                        Ok(())
                    },
                    |_, _, ()| Ok(()),
                )
            }
            Operation::AddBuildLog => {
                let drv = StorePath::from_base_name(&self.from.name()?).map_err(ProtocolError::from)?;
                if !trusted {
                    self.tunnel.start_work()?;
                    FramedReader::new(&mut self.from).finish()?;
                    return told("you are not privileged to add logs");
                }
                self.work_on_stream(
                    |s, stream| {
                        let mut log = Vec::new();
                        stream.take(crate::wire::MAX_TEXT).read_to_end(&mut log)?;
                        Ok(s.add_build_log(&drv, &log)?)
                    },
                    |to, _, ()| to.put_number(1),
                )
            }
            Operation::AddSignatures => {
                let path = self.from.path(&dir)?;
                let sigs = self.from.text_set()?;
                self.work(
                    |s| {
                        for sig in &sigs {
                            if sig.bytes().any(|b| b.is_ascii_whitespace()) || !sig.contains(':') {
                                return told(format!("signature '{sig}' is not valid"));
                            }
                        }
                        Ok(s.add_signatures(&path, &sigs)?)
                    },
                    |to, _, ()| to.put_number(1),
                )
            }
            _ => {
                self.require_feature(REALISATION_WITH_PATH)?;
                let realisation = read_realisation(&mut self.from, &dir)?;
                self.work(
                    |s| {
                        if !trusted {
                            return told(
                                "cannot register realisation because it lacks a signature by a trusted key",
                            );
                        }
                        Ok(s.register_realisation(&realisation)?)
                    },
                    |_, _, ()| Ok(()),
                )
            }
        }
    }

    fn build(&mut self, operation: Operation) -> Outcome<()> {
        let dir = self.dir();
        let trusted = self.server.trusted;
        let form = self.version.result_form();
        let no_repair = "repairing is not allowed because you are not in 'trusted-users'";
        match operation {
            Operation::BuildPaths | Operation::BuildPathsWithResults => {
                let targets = read_targets(&mut self.from, &dir)?;
                let mode = read_mode(&mut self.from)?;
                if mode == BuildMode::Repair && !trusted {
                    return told(no_repair);
                }
                let with_results = operation == Operation::BuildPathsWithResults;
                self.work(
                    |s| {
                        let results = s.build(&targets, mode)?;
                        if !with_results {
                            let failed: Vec<&str> = results
                                .iter()
                                .filter(|r| !r.status.is_success() && !r.error.is_empty())
                                .map(|r| r.error.as_str())
                                .collect();
                            match failed.as_slice() {
                                [] => require_success(&results)?,
                                [one] => return told(*one),
                                several => return told(several.join("\nerror: ")),
                            }
                        }
                        Ok(results)
                    },
                    |to, dir, results| {
                        if !with_results {
                            return to.put_number(1);
                        }
                        to.put_number(results.len() as u64)?;
                        for result in &results {
                            to.put_text(&result.target.print_legacy(dir))?;
                            write_result(to, dir, result, form)?;
                        }
                        Ok(())
                    },
                )
            }
            Operation::BuildDerivation => {
                let mut drv_path = self.from.path(&dir)?;
                let name = drv_path.derivation_name().map_err(ProtocolError::from)?.to_owned();
                let drv = read_derivation(&mut self.from, &dir, &name)?;
                let mode = read_mode(&mut self.from)?;
                self.work(
                    |s| {
                        if !trusted {
                            if mode == BuildMode::Repair {
                                return told(no_repair);
                            }
                            require_content_addressed(&drv)?;
                            // the path that the client names proves nothing
                            drv_path = s.write_derivation(&drv, false)?;
                        }
                        Ok(s.build_derivation(&drv_path, &drv, mode)?)
                    },
                    |to, dir, result| write_result(to, dir, &result, form),
                )
            }
            _ => {
                let path = self.from.path(&dir)?;
                self.work(|s| Ok(s.ensure_path(&path)?), |to, _, ()| to.put_number(1))
            }
        }
    }

    fn maintain(&mut self, operation: Operation) -> Outcome<()> {
        let dir = self.dir();
        let trusted = self.server.trusted;
        match operation {
            Operation::AddTempRoot => {
                let path = self.from.path(&dir)?;
                self.work(|s| Ok(s.add_temp_root(&path)?), |to, _, ()| to.put_number(1))
            }
            Operation::AddIndirectRoot => {
                let link = self.from.name()?;
                self.work(
                    |s| {
                        require_absolute(&link)?;
                        Ok(s.add_indirect_root(Path::new(&link))?)
                    },
                    |to, _, ()| to.put_number(1),
                )
            }
            Operation::AddPermRoot => {
                if !trusted {
                    return told(
                        "you are not privileged to create perm roots\n\nhint: you can just do this client-side without special privileges, and probably want to do that instead.",
                    );
                }
                let path = self.from.path(&dir)?;
                let link = self.from.name()?;
                self.work(
                    |s| {
                        require_absolute(&link)?;
                        Ok(s.add_permanent_root(&path, Path::new(&link))?)
                    },
                    |to, _, link| to.put_text(&link.to_string_lossy()),
                )
            }
            Operation::SyncWithGC => self.work(|_| Ok(()), |to, _, ()| to.put_number(1)),
            Operation::FindRoots => self.work(
                |s| Ok(s.find_roots(!trusted)?),
                |to, dir, roots| {
                    to.put_number(roots.values().map(BTreeSet::len).sum::<usize>() as u64)?;
                    for (path, links) in &roots {
                        for link in links {
                            to.put_text(link)?;
                            to.put_path(dir, path)?;
                        }
                    }
                    Ok(())
                },
            ),
            Operation::CollectGarbage => {
                let options = self.read_gc_options(&dir)?;
                self.work(
                    |s| {
                        if options.ignore_liveness {
                            return told("you are not allowed to ignore liveness");
                        }
                        Ok(s.collect_garbage(&options)?)
                    },
                    |to, _, results| {
                        to.put_texts(results.paths.iter())?;
                        to.put_number(results.bytes_freed)?;
                        to.put_number(0)
                    },
                )
            }
            Operation::OptimiseStore => {
                self.work(|s| Ok(s.optimise().map(drop)?), |to, _, ()| to.put_number(1))
            }
            _ => {
                let options = VerifyOptions { check_contents: self.from.flag()?, repair: self.from.flag()? };
                self.work(
                    |s| {
                        if options.repair && !trusted {
                            return told("you are not privileged to repair paths");
                        }
                        Ok(s.verify(options)?)
                    },
                    |to, _, errors| to.put_flag(errors),
                )
            }
        }
    }

    fn read_gc_options(&mut self, dir: &StoreDir) -> Outcome<GcOptions> {
        let from = &mut self.from;
        let action = match from.number()? {
            0 => GcAction::ReturnLive,
            1 => GcAction::ReturnDead,
            2 => GcAction::DeleteDead,
            3 => GcAction::DeleteSpecific,
            _ => return told("Invalid GC action"),
        };
        let mut options = GcOptions { action, ..GcOptions::default() };
        if self.version.has(DELETE_SPECIFIC) {
            match from.number()? {
                0 => {
                    options.paths = Some(from.paths(dir)?);
                    options.delete_referrers = from.flag()?;
                }
                1 => {}
                _ => return told("Invalid whole store indicator from remote"),
            }
        } else {
            let paths = from.paths(dir)?;
            if action == GcAction::DeleteSpecific || !paths.is_empty() {
                options.paths = Some(paths);
            }
            if action == GcAction::DeleteDead && options.paths.is_some() {
                return told(
                    "Garbage collecting specific paths requested but it is not supported by the negotiated protocol",
                );
            }
        }
        options.ignore_liveness = from.flag()?;
        options.max_freed = from.number()?;
        // three fields of old
        for _ in 0..3 {
            from.number()?;
        }
        Ok(options)
    }

    fn send_nar(&mut self) -> Outcome<()> {
        let path = self.from.path(&self.dir())?;
        self.tunnel.start_work()?;
        let store = self.store()?;
        // an error after the work cannot be told any more
        store.require_info(&path)?;
        self.tunnel.stop_work()?;
        let sent = self
            .tunnel
            .answer(|to| store.write_nar(&path, to).map_err(|e| ProtocolError::Malformed(e.to_string())));
        sent.map_err(Failure::Broken)
    }

    fn set_options(&mut self) -> Outcome<()> {
        let from = &mut self.from;
        let keep_failed = from.flag()?;
        let keep_going = from.flag()?;
        let fallback = from.flag()?;
        let verbosity = level(from.number()?);
        let max_jobs = from.number()?;
        let max_silent_time = from.number()?;
        for _ in 0..4 {
            from.number()?;
        }
        let cores = from.number()?;
        let substitute = from.flag()?;
        let mut overrides = Vec::new();
        for _ in 0..from.count()? {
            let name = from.name()?;
            overrides.push((name, from.text()?));
        }
        self.tunnel.start_work()?;
        self.tunnel.set_verbosity(verbosity);
        let mut settings = self.server.settings.clone();
        let own = [
            ("keep-failed", keep_failed.to_string()),
            ("keep-going", keep_going.to_string()),
            ("fallback", fallback.to_string()),
            ("max-jobs", max_jobs.to_string()),
            ("max-silent-time", max_silent_time.to_string()),
            ("cores", cores.to_string()),
            ("substitute", substitute.to_string()),
        ];
        for (name, value) in own {
            settings.set(name, &value).map_err(|e| Failure::Told(e.to_string()))?;
        }
        for (name, value) in &overrides {
            self.apply_override(&mut settings, name, value);
        }
        self.settings = settings;
        self.earlier.extend(self.store.take());
        self.store()?;
        Ok(self.tunnel.stop_work()?)
    }

    /// Applies a setting of the client's, if it may set it; says so if not.
    fn apply_override(&self, settings: &mut Settings, name: &str, value: &str) {
        let events = self.tunnel.events();
        let free = matches!(
            name,
            "timeout"
                | "build-timeout"
                | "max-silent-time"
                | "build-max-silent-time"
                | "build-poll-interval"
                | "connect-timeout"
        ) || (name == "builders" && value.is_empty());
        match name {
            "ssh-auth-sock" | "experimental-features" | "extra-experimental-features" => {}
            // where the store is, is not the client's to say
            "store" => {}
            "plugin-files" => events.warn(
                "Ignoring the client-specified plugin-files.\nThe client specifying plugins to the daemon never made sense, and was removed in Nix >=2.14.",
            ),
            _ if self.server.trusted || free => {
                if let Err(e) = settings.set(name, value) {
                    events.warn(e.to_string());
                }
            }
            "substituters" | "binary-caches" => {
                let (allowed, refused) = split_substituters(settings, value);
                for address in refused {
                    events.warn(format!(
                        "ignoring untrusted substituter '{address}', you are not a trusted user.\nRun `man nix.conf` for more information on the `substituters` configuration option."
                    ));
                }
                let _ = settings.set("substituters", &allowed.join(" "));
            }
            _ => events.warn(format!(
                "ignoring the client-specified setting '{name}', because it is a restricted setting and you are not a trusted user"
            )),
        }
    }
}

/// Those of the substituters that a client wants which the daemon's settings allow to everybody, and the others.
fn split_substituters(settings: &Settings, wanted: &str) -> (Vec<String>, Vec<String>) {
    let known: BTreeSet<String> = settings
        .trusted_substituters()
        .iter()
        .chain(settings.substituters())
        .map(|a| a.trim_end_matches('/').to_owned())
        .collect();
    wanted.split_whitespace().map(str::to_owned).partition(|a| known.contains(a.trim_end_matches('/')))
}

fn require_absolute(link: &str) -> Outcome<()> {
    if link.starts_with('/') { Ok(()) } else { told(format!("'{link}' is not an absolute path")) }
}

/// Only what follows from contents may be built on the word of a client without trust.
fn require_content_addressed(drv: &Derivation) -> Outcome<()> {
    let kind = drv.derivation_type().map_err(|e| Failure::Told(e.to_string()))?;
    if kind.is_content_addressed() {
        return Ok(());
    }
    told("you are not privileged to build input-addressed derivations")
}

fn copy(from: &mut dyn Read, out: &mut dyn Write) -> Result<(), StoreError> {
    std::io::copy(from, out)
        .map(drop)
        .map_err(|source| StoreError::Stream { action: "receiving data", source })
}

/// What a substituter would give, as far as clients are told.
struct Substitutable {
    path: StorePath,
    info: Option<Arc<PathInfo>>,
    download: u64,
}

impl Substitutable {
    fn write(&self, to: &mut WireWriter, dir: &StoreDir) -> Result<(), ProtocolError> {
        let info = self.info.as_deref();
        to.put_optional_path(dir, info.and_then(|i| i.deriver.as_ref()))?;
        let none = StorePathSet::new();
        to.put_paths(dir, info.map_or(&none, |i| &i.references))?;
        to.put_number(self.download)?;
        to.put_number(info.map_or(0, |i| i.nar_size))
    }
}

fn substitutable(store: &dyn Store, paths: StorePathSet) -> Outcome<Vec<Substitutable>> {
    let found = store.substitutable_paths(&paths)?;
    Ok(found.into_iter().map(|path| Substitutable { path, info: None, download: 0 }).collect())
}

/// Makes those of the paths valid that substituters have.
fn substitute_paths(store: &dyn Store, paths: &StorePathSet) -> Outcome<()> {
    let valid = store.valid_paths(paths)?;
    let absent: StorePathSet = paths.difference(&valid).cloned().collect();
    let targets: Vec<_> =
        store.substitutable_paths(&absent)?.into_iter().map(firn_path::DerivedPath::Opaque).collect();
    if !targets.is_empty() {
        // what cannot be had stays invalid, which is the answer
        store.build(&targets, BuildMode::Normal)?;
    }
    Ok(())
}
