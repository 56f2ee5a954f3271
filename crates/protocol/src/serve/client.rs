//! `nix-store --serve` on another machine as a store (`ssh://`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_derivation::{Derivation, aterm};
use firn_hash::{Algo, Hash};
use firn_path::{ContentAddress, DerivedPath, OutputsSpec, StoreDir, StorePath, StorePathSet};
use firn_settings::Settings;
use firn_store::roots::Roots;
use firn_store::{
    AddOptions, BuildMode, BuildResult, BuildStatus, DumpMethod, Missing, NewContents, PathInfo, Result,
    Store, StoreError, StoreReference, StoreStatus, SubstituterTraits, missing_without_substituters,
};

use super::{
    ADD_TO_STORE_NAR, BUILD_DERIVATION, BUILD_PATHS, CLIENT_MAGIC, DUMP_STORE_PATH, OLDEST, QUERY_PATH_INFOS,
    QUERY_VALID_PATHS, SERVER_MAGIC, VERSION, result_form,
};
use crate::error::ProtocolError;
use crate::objects::{read_result, write_derivation};
use crate::pool::{Pool, Transport};
use crate::wire::{self, ReadWire, WriteWire};
use crate::worker::Connect;

struct Connection {
    transport: Transport,
    minor: u64,
}

/// A store behind `nix-store --serve`.
pub struct ServeStore {
    dir: StoreDir,
    uri: String,
    reference: StoreReference,
    connect: Box<Connect>,
    settings: Arc<Settings>,
    pool: Pool<Connection>,
}

impl std::fmt::Debug for ServeStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServeStore({})", self.uri)
    }
}

impl ServeStore {
    /// A store that is reached by `connect`; no connection is made before it is asked something.
    pub fn new(
        reference: StoreReference,
        uri: String,
        dir: StoreDir,
        settings: Arc<Settings>,
        connect: Box<Connect>,
    ) -> ServeStore {
        let most = reference.params.get("max-connections").and_then(|n| n.parse().ok()).unwrap_or(1);
        ServeStore { dir, uri, reference, connect, settings, pool: Pool::new(most) }
    }

    fn open(&self) -> Result<Connection> {
        let mut transport = (self.connect)()?;
        let greet = |t: &mut Transport| -> wire::Result<u64> {
            t.to.put_number(CLIENT_MAGIC)?;
            t.to.put_number(VERSION)?;
            t.to.flush()?;
            if t.from.number()? != SERVER_MAGIC {
                return Err(ProtocolError::Malformed(format!(
                    "'nix-store --serve' protocol mismatch from '{}'",
                    self.uri
                )));
            }
            let theirs = t.from.number()?;
            if theirs >> 8 != VERSION >> 8 || theirs < OLDEST {
                return Err(ProtocolError::Malformed(format!(
                    "unsupported 'nix-store --serve' protocol version on '{}'",
                    self.uri
                )));
            }
            Ok(theirs.min(VERSION) & 0xff)
        };
        let minor = greet(&mut transport).map_err(|e| match e {
            ProtocolError::End => StoreError::Remote(format!("cannot connect to '{}'", self.uri)),
            e => e.into(),
        })?;
        Ok(Connection { transport, minor })
    }

    fn call<T>(
        &self,
        command: u64,
        request: impl FnOnce(&mut crate::wire::WireWriter, u64) -> wire::Result<()>,
        answer: impl FnOnce(&mut crate::wire::WireReader, u64) -> wire::Result<T>,
    ) -> Result<T> {
        self.pool.with(
            || self.open(),
            |c| {
                c.transport.to.put_number(command)?;
                request(&mut c.transport.to, c.minor)?;
                c.transport.to.flush()?;
                answer(&mut c.transport.from, c.minor)
            },
        )
    }

    fn unsupported<T>(&self, operation: &'static str) -> Result<T> {
        Err(StoreError::Unsupported { operation, store: self.uri() })
    }

    fn write_options(&self, to: &mut crate::wire::WireWriter, minor: u64) -> wire::Result<()> {
        to.put_number(self.settings.max_silent_time())?;
        to.put_number(self.settings.timeout())?;
        to.put_number(self.settings.max_build_log_size())?;
        // repeats, and whether they have to agree
        to.put_number(0)?;
        to.put_number(0)?;
        if minor >= 7 {
            to.put_flag(self.settings.keep_failed())?;
        }
        Ok(())
    }
}

impl Store for ServeStore {
    fn store_dir(&self) -> &StoreDir {
        &self.dir
    }

    fn uri(&self) -> String {
        self.uri.clone()
    }

    fn path_info(&self, path: &StorePath) -> Result<Option<Arc<PathInfo>>> {
        self.call(
            QUERY_PATH_INFOS,
            |to, _| to.put_paths(&self.dir, &[path.clone()].into()),
            |from, _| {
                let mut found = None;
                while let Some(other) = from.optional_path(&self.dir)? {
                    let mut info = PathInfo::new(other, Hash::zero(Algo::Sha256), 0);
                    info.deriver = from.optional_path(&self.dir)?;
                    info.references = from.paths(&self.dir)?;
                    from.number()?;
                    info.nar_size = from.number()?;
                    info.nar_hash = Hash::parse_any(&from.name()?, Some(Algo::Sha256))?;
                    info.ca = ContentAddress::parse_opt(&from.name()?)?;
                    info.sigs = from.text_set()?;
                    if info.path == *path {
                        found = Some(Arc::new(info));
                    }
                }
                Ok(found)
            },
        )
    }

    fn valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet> {
        self.call(
            QUERY_VALID_PATHS,
            |to, _| {
                // keep them from the collector; do not substitute
                to.put_flag(true)?;
                to.put_flag(false)?;
                to.put_paths(&self.dir, paths)
            },
            |from, _| from.paths(&self.dir),
        )
    }

    fn is_valid(&self, path: &StorePath) -> Result<bool> {
        Ok(!self.valid_paths(&[path.clone()].into())?.is_empty())
    }

    fn all_valid_paths(&self) -> Result<StorePathSet> {
        self.unsupported("queryAllValidPaths")
    }

    fn referrers(&self, _path: &StorePath) -> Result<StorePathSet> {
        self.unsupported("queryReferrers")
    }

    fn valid_derivers(&self, _path: &StorePath) -> Result<StorePathSet> {
        Ok(StorePathSet::new())
    }

    fn derivation_outputs(&self, drv: &StorePath) -> Result<BTreeMap<String, Option<StorePath>>> {
        Ok(self.read_derivation(drv)?.output_paths(&self.dir)?)
    }

    fn path_from_hash_part(&self, _hash_part: &str) -> Result<Option<StorePath>> {
        self.unsupported("queryPathFromHashPart")
    }

    fn add_dump(
        &self,
        _new: &NewContents<'_>,
        _dump: DumpMethod,
        _produce: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<Arc<PathInfo>> {
        self.unsupported("addToStore")
    }

    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read, options: AddOptions) -> Result<()> {
        let mut own = None;
        let added = self.call(
            ADD_TO_STORE_NAR,
            |to, _| {
                to.put_path(&self.dir, &info.path)?;
                to.put_optional_path(&self.dir, info.deriver.as_ref())?;
                to.put_text(&info.nar_hash.base16())?;
                to.put_paths(&self.dir, &info.references)?;
                to.put_number(u64::try_from(info.registration_time).unwrap_or(0))?;
                to.put_number(info.nar_size)?;
                to.put_flag(info.ultimate)?;
                to.put_texts(info.sigs.iter())?;
                to.put_text(&info.ca.as_ref().map(ToString::to_string).unwrap_or_default())?;
                to.put_flag(options.repair)?;
                to.put_flag(!options.check_sigs)?;
                match firn_nar::copy(nar, to) {
                    Ok(_) => Ok(()),
                    Err(e) => {
                        own = Some(e);
                        Err(ProtocolError::malformed("a stream was broken off"))
                    }
                }
            },
            |from, _| from.number(),
        );
        match (own, added) {
            (Some(e), _) => Err(e.into()),
            (None, Ok(1)) => Ok(()),
            (None, Ok(_)) => Err(StoreError::Remote(format!(
                "failed to add path '{}' to remote host '{}'",
                self.dir.print(&info.path),
                self.uri
            ))),
            (None, Err(e)) => Err(e),
        }
    }

    fn write_nar(&self, path: &StorePath, out: &mut dyn Write) -> Result<()> {
        // the server has no way to say that there is no such path
        self.require_info(path)?;
        let mut own = None;
        self.call(
            DUMP_STORE_PATH,
            |to, _| to.put_path(&self.dir, path),
            |from, _| match firn_nar::copy(from, out) {
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
        let mut nar = Vec::new();
        self.write_nar(path, &mut nar)?;
        let mut reader = firn_nar::NarReader::new(nar.as_slice());
        let mut text = Vec::new();
        if let Some(firn_nar::Event::File { .. }) = reader.next_event()? {
            reader.copy_contents(&mut text)?;
        }
        Ok(aterm::parse(&self.dir, &text, name)?)
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

    fn add_signatures(&self, _path: &StorePath, _sigs: &BTreeSet<String>) -> Result<()> {
        self.unsupported("addSignatures")
    }

    fn build(&self, targets: &[DerivedPath], _mode: BuildMode) -> Result<Vec<BuildResult>> {
        let dir = &self.dir;
        let (code, error) = self.call(
            BUILD_PATHS,
            |to, minor| {
                to.put_number(targets.len() as u64)?;
                for target in targets {
                    to.put_text(&target.print_legacy(dir))?;
                }
                self.write_options(to, minor)
            },
            |from, _| {
                let code = from.number()?;
                let error = if code == 0 { String::new() } else { from.message()? };
                Ok((code, error))
            },
        )?;
        let result = |target: &DerivedPath| match code {
            0 => BuildResult::new(target.clone(), BuildStatus::Built),
            _ => BuildResult::failed(target.clone(), BuildStatus::MiscFailure, error.clone()),
        };
        Ok(targets.iter().map(result).collect())
    }

    fn build_derivation(
        &self,
        drv_path: &StorePath,
        drv: &Derivation,
        _mode: BuildMode,
    ) -> Result<BuildResult> {
        let target = DerivedPath::built(drv_path.clone(), OutputsSpec::All);
        self.call(
            BUILD_DERIVATION,
            |to, minor| {
                to.put_path(&self.dir, drv_path)?;
                write_derivation(to, &self.dir, drv)?;
                self.write_options(to, minor)
            },
            |from, minor| read_result(from, &self.dir, target, result_form(minor)),
        )
    }

    fn missing(&self, targets: &[DerivedPath]) -> Result<Missing> {
        missing_without_substituters(self, targets)
    }

    fn build_log(&self, _path: &StorePath) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn real_path(&self, _path: &StorePath) -> Option<PathBuf> {
        None
    }

    fn substituter_traits(&self) -> Result<SubstituterTraits> {
        Ok(SubstituterTraits::from_reference(&self.reference, SubstituterTraits::default()))
    }

    fn status(&self) -> Result<StoreStatus> {
        self.pool.with(|| self.open(), |_| Ok(StoreStatus::default()))
    }
}
