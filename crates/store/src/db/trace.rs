//! The build trace: what outputs of content-addressed derivations were built to (experimental feature
//! `ca-derivations`).

use std::collections::BTreeSet;

use firn_path::StorePath;
use rusqlite::{OptionalExtension, params};

use super::Database;
use super::register::join;
use crate::error::{Result, StoreError};

/// An output that a derivation was built to: an entry of the build trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realisation {
    /// The resolved derivation.
    pub drv: StorePath,
    /// The output's name.
    pub output: String,
    /// What it was built to.
    pub path: StorePath,
    /// Signatures, `key:base64`.
    pub sigs: BTreeSet<String>,
}

impl Database {
    /// What the output of a resolved derivation was built to.
    pub(crate) fn realisation(&self, drv: &StorePath, output: &str) -> Result<Option<Realisation>> {
        self.with("reading the build trace", |c| {
            let mut statement = c.prepare_cached(
                "select outputPath, signatures from BuildTraceV3 where drvPath = ? and outputName = ?",
            )?;
            let found: Option<(String, Option<String>)> =
                statement.query_row([drv.base_name(), output], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            let Some((path, sigs)) = found else { return Ok(None) };
            Ok(Some(Realisation {
                drv: drv.clone(),
                output: output.to_owned(),
                path: self.parse(&path)?,
                sigs: sigs.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect(),
            }))
        })
    }

    /// Records what an output was built to; the first one stays, signatures are added to it.
    pub(crate) fn register_realisation(&self, new: &Realisation) -> Result<()> {
        let old = self.realisation(&new.drv, &new.output)?;
        let printed = self.dir.print(&new.path);
        if let Some(old) = &old {
            if old.path != new.path {
                return Err(StoreError::Build(format!(
                    "Trying to register a realisation of '{}^{}', but we already have another one locally.\nLocal:  {}\nRemote: {printed}",
                    new.drv,
                    new.output,
                    self.dir.print(&old.path),
                )));
            }
        }
        let mut sigs = new.sigs.clone();
        sigs.extend(old.iter().flat_map(|o| o.sigs.iter().cloned()));
        let sigs = join(&sigs);
        self.transaction("changing the build trace", |c| {
            let changed = c.execute(
                "update BuildTraceV3 set signatures = ? where drvPath = ? and outputName = ?",
                params![sigs, new.drv.base_name(), new.output],
            )?;
            if changed == 0 {
                c.execute(
                    "insert into BuildTraceV3 (drvPath, outputName, outputPath, signatures) values (?, ?, ?, ?)",
                    params![new.drv.base_name(), new.output, printed, sigs],
                )?;
            }
            Ok(())
        })
    }
}
