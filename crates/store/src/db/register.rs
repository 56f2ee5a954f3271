//! Making paths valid and invalid.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use firn_path::{StoreDir, StorePath};
use rusqlite::{Connection, params};

use super::{Database, id_of};
use crate::error::{Result, StoreError};
use crate::info::PathInfo;

/// A path to register, with the outputs of which it is the derivation.
pub(crate) struct Registration<'a> {
    pub(crate) info: &'a PathInfo,
    pub(crate) outputs: Vec<(String, StorePath)>,
}

impl Database {
    /// Registers paths, all or none. Paths that are valid get their new info.
    ///
    /// # Errors
    /// A reference that is neither valid nor among them, or references in a circle.
    pub(crate) fn register(&self, registrations: &[Registration<'_>]) -> Result<()> {
        check_no_cycle(&self.dir, registrations)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64);
        self.transaction("registering paths", |c| {
            let mut ids: HashMap<&StorePath, i64> = HashMap::with_capacity(registrations.len());
            for registration in registrations {
                let info = registration.info;
                let printed = self.dir.print(&info.path);
                let id = match id_of(c, &printed)? {
                    Some(id) => {
                        update(c, &printed, info)?;
                        id
                    }
                    None => insert(c, &self.dir, &printed, info, now)?,
                };
                let mut statement = c.prepare_cached(
                    "insert or replace into DerivationOutputs (drv, id, path) values (?, ?, ?)",
                )?;
                for (output, path) in &registration.outputs {
                    statement.execute(params![id, output, self.dir.print(path)])?;
                }
                ids.insert(&info.path, id);
            }
            let mut statement =
                c.prepare_cached("insert or replace into Refs (referrer, reference) values (?, ?)")?;
            for registration in registrations {
                let referrer = ids[&registration.info.path];
                for reference in &registration.info.references {
                    let id = match ids.get(reference) {
                        Some(id) => *id,
                        None => {
                            let printed = self.dir.print(reference);
                            id_of(c, &printed)?.ok_or(StoreError::InvalidPath(printed))?
                        }
                    };
                    statement.execute([referrer, id])?;
                }
            }
            Ok(())
        })
    }

    /// Changes what is known about a valid path (not its references).
    pub(crate) fn update_info(&self, info: &PathInfo) -> Result<()> {
        let printed = self.dir.print(&info.path);
        self.transaction("changing a path", |c| Ok(update(c, &printed, info)?))
    }

    /// Adds signatures to a valid path.
    pub(crate) fn add_signatures(&self, path: &StorePath, sigs: &BTreeSet<String>) -> Result<()> {
        let printed = self.dir.print(path);
        self.transaction("adding signatures", |c| {
            let mut info =
                self.path_info_in(c, path)?.ok_or_else(|| StoreError::InvalidPath(printed.clone()))?;
            info.sigs.extend(sigs.iter().cloned());
            Ok(update(c, &printed, &info)?)
        })
    }

    /// Makes a path invalid unless others refer to it; a path that is not valid is left alone.
    ///
    /// # Errors
    /// [`StoreError::InUse`].
    pub(crate) fn invalidate(&self, path: &StorePath) -> Result<()> {
        let printed = self.dir.print(path);
        self.transaction("invalidating a path", |c| {
            let mut referrers = self.referrers_in(c, &printed)?;
            referrers.remove(path);
            if !referrers.is_empty() {
                let referrers: Vec<String> =
                    referrers.iter().map(|r| format!("'{}'", self.dir.print(r))).collect();
                return Err(
                    StoreError::InUse { path: printed.clone(), referrers: referrers.join(", ") }.into()
                );
            }
            c.prepare_cached("delete from ValidPaths where path = ?")?.execute([&printed])?;
            Ok(())
        })
    }

    /// Makes paths invalid, in this order, in one transaction; gives those that others still refer to, which stay.
    pub(crate) fn invalidate_all(&self, paths: &[StorePath]) -> Result<Vec<StorePath>> {
        self.transaction("invalidating paths", |c| {
            let mut used = Vec::new();
            for path in paths {
                let printed = self.dir.print(path);
                let Some(id) = id_of(c, &printed)? else { continue };
                let in_use: bool = c
                    .prepare_cached(
                        "select exists (select 1 from Refs where reference = ?1 and referrer != ?1)",
                    )?
                    .query_row([id], |r| r.get(0))?;
                if in_use {
                    used.push(path.clone());
                } else {
                    c.prepare_cached("delete from ValidPaths where id = ?")?.execute([id])?;
                }
            }
            Ok(used)
        })
    }
}

/// Signatures as their column has them.
pub(super) fn join(sigs: &BTreeSet<String>) -> Option<String> {
    let all: Vec<&str> = sigs.iter().map(String::as_str).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

fn hash_column(info: &PathInfo) -> String {
    format!("{}:{}", info.nar_hash.algo(), info.nar_hash.base16())
}

fn size_column(info: &PathInfo) -> Option<i64> {
    (info.nar_size != 0).then_some(info.nar_size as i64)
}

fn insert(c: &Connection, dir: &StoreDir, path: &str, info: &PathInfo, now: i64) -> rusqlite::Result<i64> {
    c.prepare_cached(
        "insert into ValidPaths (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca) \
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        path,
        hash_column(info),
        if info.registration_time == 0 { now } else { info.registration_time },
        info.deriver.as_ref().map(|d| dir.print(d)),
        size_column(info),
        info.ultimate.then_some(1),
        join(&info.sigs),
        info.ca.as_ref().map(ToString::to_string),
    ])?;
    Ok(c.last_insert_rowid())
}

fn update(c: &Connection, path: &str, info: &PathInfo) -> rusqlite::Result<()> {
    c.prepare_cached(
        "update ValidPaths set narSize = ?, hash = ?, ultimate = ?, sigs = ?, ca = ? where path = ?",
    )?
    .execute(params![
        size_column(info),
        hash_column(info),
        info.ultimate.then_some(1),
        join(&info.sigs),
        info.ca.as_ref().map(ToString::to_string),
        path,
    ])?;
    Ok(())
}

/// Refuses references in a circle among paths to register (only outputs of one derivation can have them).
fn check_no_cycle(dir: &StoreDir, registrations: &[Registration<'_>]) -> Result<()> {
    if registrations.len() < 2 {
        return Ok(());
    }
    let by_path: HashMap<&StorePath, &PathInfo> =
        registrations.iter().map(|r| (&r.info.path, r.info)).collect();
    let mut done: HashSet<&StorePath> = HashSet::new();
    for registration in registrations {
        // a path on the stack is `open`; entering an open one again closes a circle
        let mut open: HashSet<&StorePath> = HashSet::new();
        let mut stack: Vec<(&StorePath, bool)> = vec![(&registration.info.path, false)];
        while let Some((path, leaving)) = stack.pop() {
            if leaving {
                open.remove(path);
                done.insert(path);
                continue;
            }
            if done.contains(path) || !open.insert(path) {
                continue;
            }
            stack.push((path, true));
            for reference in by_path.get(path).map(|i| &i.references).into_iter().flatten() {
                if reference == path || !by_path.contains_key(reference) {
                    continue;
                }
                if open.contains(reference) {
                    return Err(StoreError::Cycle { path: dir.print(reference), parent: dir.print(path) });
                }
                stack.push((reference, false));
            }
        }
    }
    Ok(())
}
