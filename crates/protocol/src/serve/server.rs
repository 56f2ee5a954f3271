//! The server's side: `nix-store --serve`. Whoever may start it owns the store; `--write` allows to change it.

use std::io::{Read, Write};

use firn_hash::{Algo, Hash};
use firn_path::{ContentAddress, StoreDir, StorePathSet};
use firn_store::closure::{ClosureOptions, closure};
use firn_store::export::import_paths;
use firn_store::{AddOptions, BuildMode, PathInfo, Store, StoreError};

use super::{
    ADD_TO_STORE_NAR, BUILD_DERIVATION, BUILD_PATHS, CLIENT_MAGIC, DUMP_STORE_PATH, IMPORT_PATHS, OLDEST,
    QUERY_CLOSURE, QUERY_PATH_INFOS, QUERY_VALID_PATHS, SERVER_MAGIC, VERSION, result_form,
};
use crate::error::ProtocolError;
use crate::objects::{read_derivation, read_targets, write_result};
use crate::wire::{ReadWire, WireReader, WireWriter, WriteWire};

/// Settings of a build, as the client wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// `max-silent-time`
    pub max_silent_time: u64,
    /// `timeout`
    pub timeout: u64,
    /// `max-build-log-size`
    pub max_log_size: u64,
    /// `keep-failed`
    pub keep_failed: bool,
}

/// Gives the store that builds with certain options.
pub type StoreFor<'a> = dyn Fn(&BuildOptions) -> Result<std::sync::Arc<dyn Store>, StoreError> + 'a;

/// What ends a connection that cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The connection.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A command that changes the store, without leave.
    #[error("{0}")]
    Refused(&'static str),
}

/// Serves commands until the client has gone.
///
/// # Errors
/// A broken connection, or an error that this protocol cannot tell the client.
pub fn serve(
    store: &dyn Store,
    store_for: &StoreFor<'_>,
    mut from: WireReader,
    mut to: WireWriter,
    write_allowed: bool,
) -> Result<(), ServeError> {
    if from.number()? != CLIENT_MAGIC {
        return Err(ProtocolError::malformed("protocol mismatch").into());
    }
    to.put_number(SERVER_MAGIC)?;
    to.put_number(VERSION)?;
    to.flush().map_err(ProtocolError::from)?;
    let theirs = from.number()?;
    if theirs >> 8 != VERSION >> 8 || theirs < OLDEST {
        return Err(ProtocolError::malformed("the client version is too old").into());
    }
    let minor = theirs.min(VERSION) & 0xff;
    let mut session = Session { store, store_for, from: &mut from, to: &mut to, minor, write_allowed };
    loop {
        let command = match session.from.number() {
            Ok(command) => command,
            Err(ProtocolError::End) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        session.perform(command)?;
        session.to.flush().map_err(ProtocolError::from)?;
    }
}

struct Session<'a> {
    store: &'a dyn Store,
    store_for: &'a StoreFor<'a>,
    from: &'a mut WireReader,
    to: &'a mut WireWriter,
    minor: u64,
    write_allowed: bool,
}

impl Session<'_> {
    fn perform(&mut self, command: u64) -> Result<(), ServeError> {
        let dir = self.store.store_dir().clone();
        match command {
            QUERY_VALID_PATHS => {
                let lock = self.from.flag()?;
                let substitute = self.from.flag()?;
                let paths = self.from.paths(&dir)?;
                if lock && self.write_allowed {
                    for path in &paths {
                        self.store.add_temp_root(path)?;
                    }
                }
                if substitute && self.write_allowed {
                    self.substitute(&paths)?;
                }
                let valid = self.store.valid_paths(&paths)?;
                self.to.put_paths(&dir, &valid)?;
            }
            QUERY_PATH_INFOS => {
                for path in self.from.paths(&dir)? {
                    if let Some(info) = self.store.path_info(&path)? {
                        self.to.put_path(&dir, &path)?;
                        self.write_info(&dir, &info)?;
                    }
                }
                self.to.put_text("")?;
            }
            DUMP_STORE_PATH => {
                let path = self.from.path(&dir)?;
                self.store.write_nar(&path, &mut *self.to)?;
            }
            IMPORT_PATHS => {
                self.require_write("importing paths is not allowed")?;
                let options = AddOptions { repair: false, check_sigs: false };
                import_paths(self.store, &mut *self.from, options)?;
                self.to.put_number(1)?;
            }
            BUILD_PATHS => {
                self.require_write("building paths is not allowed")?;
                let targets = read_targets(&mut *self.from, &dir)?;
                let options = self.read_options()?;
                let built = (self.store_for)(&options).and_then(|s| s.build(&targets, BuildMode::Normal));
                match built {
                    Ok(results) => match results.iter().find(|r| !r.status.is_success()) {
                        None => self.to.put_number(0)?,
                        Some(failed) => {
                            self.to.put_number(100)?;
                            self.to.put_text(&failed.error)?;
                        }
                    },
                    Err(e) => {
                        self.to.put_number(1)?;
                        self.to.put_text(&e.to_string())?;
                    }
                }
            }
            QUERY_CLOSURE => {
                let include_outputs = self.from.flag()?;
                let paths = self.from.paths(&dir)?;
                let options = ClosureOptions { include_outputs, ..ClosureOptions::default() };
                let all = closure(self.store, &paths, options)?;
                self.to.put_paths(&dir, &all)?;
            }
            BUILD_DERIVATION => {
                self.require_write("building paths is not allowed")?;
                let drv_path = self.from.path(&dir)?;
                let name = drv_path.derivation_name().map_err(ProtocolError::from)?.to_owned();
                let drv = read_derivation(&mut *self.from, &dir, &name)?;
                let options = self.read_options()?;
                let store = (self.store_for)(&options)?;
                let result = store.build_derivation(&drv_path, &drv, BuildMode::Normal)?;
                write_result(&mut *self.to, &dir, &result, result_form(self.minor))?;
            }
            ADD_TO_STORE_NAR => {
                self.require_write("importing paths is not allowed")?;
                let path = self.from.path(&dir)?;
                let deriver = self.from.optional_path(&dir)?;
                let hash =
                    Hash::parse_any(&self.from.name()?, Some(Algo::Sha256)).map_err(ProtocolError::from)?;
                let mut info = PathInfo::new(path, hash, 0);
                info.deriver = deriver;
                info.references = self.from.paths(&dir)?;
                info.registration_time = i64::try_from(self.from.number()?).unwrap_or(0);
                info.nar_size = self.from.number()?;
                info.ultimate = self.from.flag()?;
                info.sigs = self.from.text_set()?;
                info.ca = ContentAddress::parse_opt(&self.from.name()?).map_err(ProtocolError::from)?;
                let repair = self.from.flag()?;
                let unchecked = self.from.flag()?;
                if info.nar_size == 0 {
                    return Err(
                        ProtocolError::malformed("narInfo is too old and missing the narSize field").into()
                    );
                }
                let options = AddOptions { repair, check_sigs: !unchecked };
                self.store.add_nar(&info, &mut *self.from as &mut dyn Read, options)?;
                self.to.put_number(1)?;
            }
            other => return Err(ProtocolError::Malformed(format!("unknown serve command {other}")).into()),
        }
        Ok(())
    }

    fn require_write(&self, refusal: &'static str) -> Result<(), ServeError> {
        if self.write_allowed { Ok(()) } else { Err(ServeError::Refused(refusal)) }
    }

    fn substitute(&self, paths: &StorePathSet) -> Result<(), ServeError> {
        let valid = self.store.valid_paths(paths)?;
        let absent: StorePathSet = paths.difference(&valid).cloned().collect();
        let targets: Vec<_> = self
            .store
            .substitutable_paths(&absent)?
            .into_iter()
            .map(firn_path::DerivedPath::Opaque)
            .collect();
        if !targets.is_empty() {
            self.store.build(&targets, BuildMode::Normal)?;
        }
        Ok(())
    }

    fn read_options(&mut self) -> Result<BuildOptions, ServeError> {
        let mut options = BuildOptions {
            max_silent_time: self.from.number()?,
            timeout: self.from.number()?,
            max_log_size: self.from.number()?,
            keep_failed: false,
        };
        // repeats, and whether they have to agree
        self.from.number()?;
        self.from.number()?;
        if self.minor >= 7 {
            options.keep_failed = self.from.flag()?;
        }
        Ok(options)
    }

    fn write_info(&mut self, dir: &StoreDir, info: &PathInfo) -> Result<(), ProtocolError> {
        self.to.put_optional_path(dir, info.deriver.as_ref())?;
        self.to.put_paths(dir, &info.references)?;
        // what is downloaded is the archive as it is
        self.to.put_number(info.nar_size)?;
        self.to.put_number(info.nar_size)?;
        self.to.put_text(&format!("sha256:{}", info.nar_hash.nix32()))?;
        self.to.put_text(&info.ca.as_ref().map(ToString::to_string).unwrap_or_default())?;
        self.to.put_texts(info.sigs.iter())
    }
}
