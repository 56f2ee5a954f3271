//! What the outputs of a build must not be: too big, of the wrong hash, with references that are not allowed.

use std::collections::{BTreeMap, BTreeSet};

use firn_derivation::options::{DrvRef, OutputChecks};
use firn_derivation::{Derivation, DerivationOutput};
use firn_path::{SingleDerivedPath, StoreDir, StorePath, StorePathSet};
use firn_store::PathInfo;

use crate::error::Failure;
use crate::executor::{Job, JobContext};

/// Applies all checks to the outputs of a job; `infos` has those that were made now and those that were valid before.
pub(crate) fn check_outputs(
    job: &Job,
    context: &JobContext<'_>,
    infos: &BTreeMap<String, PathInfo>,
) -> Result<(), Failure> {
    let dir = &context.store.config().store_dir;
    let by_path: BTreeMap<&StorePath, &PathInfo> = infos.values().map(|i| (&i.path, i)).collect();
    for (name, info) in infos {
        check_content_address(&job.drv, &job.drv_path, dir, name, info)?;
        if let Some(checks) = job.options.output_checks.of(name) {
            Checker { job, context, dir, by_path: &by_path, infos, name, info }.apply(checks)?;
        }
    }
    Ok(())
}

/// A fixed output has the hash that the derivation says, and no references.
pub(crate) fn check_content_address(
    drv: &Derivation,
    drv_path: &StorePath,
    dir: &StoreDir,
    output: &str,
    info: &PathInfo,
) -> Result<(), Failure> {
    let Some(DerivationOutput::Fixed(wanted)) = drv.outputs.get(output) else { return Ok(()) };
    let drv_path = dir.print(drv_path);
    let Some(got) = &info.ca else {
        return Err(Failure::rejected(format!(
            "fixed output '{output}' of '{drv_path}' was not content-addressed"
        )));
    };
    let mismatch = |message| Failure { hash_mismatch: true, ..Failure::rejected(message) };
    if got.hash != wanted.hash {
        let mut message = format!(
            "hash mismatch in fixed-output derivation '{drv_path}':\n  specified: {}\n     got:    {}",
            wanted.hash.sri(),
            got.hash.sri()
        );
        if let Some(url) = source_url(drv) {
            message.push_str(&format!("\n  url:       {url}"));
        }
        return Err(mismatch(message));
    }
    if let Some(first) = info.references.first() {
        return Err(mismatch(format!(
            "fixed-output derivations must not reference store paths: '{drv_path}' references {} distinct paths, e.g. '{}'",
            info.references.len(),
            dir.print(first)
        )));
    }
    Ok(())
}

/// Where a fetcher's derivation downloads from.
fn source_url(drv: &Derivation) -> Option<String> {
    let text = drv.env_get("url").or_else(|| drv.env_get("urls"))?;
    let text = String::from_utf8_lossy(text);
    text.split_whitespace().next().map(firn_transfer::display_url)
}

struct Checker<'a> {
    job: &'a Job,
    context: &'a JobContext<'a>,
    dir: &'a StoreDir,
    by_path: &'a BTreeMap<&'a StorePath, &'a PathInfo>,
    infos: &'a BTreeMap<String, PathInfo>,
    name: &'a str,
    info: &'a PathInfo,
}

impl Checker<'_> {
    fn apply(&self, checks: &OutputChecks) -> Result<(), Failure> {
        let path = || self.dir.print(&self.info.path);
        if let Some(limit) = checks.max_size.filter(|limit| self.info.nar_size > *limit) {
            return Err(Failure::rejected(format!(
                "path '{}' is too large at {} bytes; limit is {limit} bytes",
                path(),
                self.info.nar_size
            )));
        }
        if let Some(limit) = checks.max_closure_size {
            let (_, size) = self.closure()?;
            if size > limit {
                return Err(Failure::rejected(format!(
                    "closure of path '{}' is too large at {size} bytes; limit is {limit} bytes",
                    path()
                )));
            }
        }
        if let Some(refs) = &checks.allowed_references {
            self.references(checks, refs, true, false)?;
        }
        if let Some(refs) = &checks.allowed_requisites {
            self.references(checks, refs, true, true)?;
        }
        if !checks.disallowed_references.is_empty() {
            self.references(checks, &checks.disallowed_references, false, false)?;
        }
        if !checks.disallowed_requisites.is_empty() {
            self.references(checks, &checks.disallowed_requisites, false, true)?;
        }
        Ok(())
    }

    /// The closure of the output and its size; other outputs of the same build may not be valid yet.
    fn closure(&self) -> Result<(StorePathSet, u64), Failure> {
        let mut done = StorePathSet::new();
        let mut size = 0;
        let mut todo = vec![self.info.path.clone()];
        while let Some(path) = todo.pop() {
            if done.contains(&path) {
                continue;
            }
            let known = self.by_path.get(&path).copied();
            let stored = if known.is_none() { Some(self.context.closures.info(&path)?) } else { None };
            if let Some(info) = known.or(stored.as_deref()) {
                size += info.nar_size;
                todo.extend(info.references.iter().cloned());
            }
            done.insert(path);
        }
        Ok((done, size))
    }

    fn references(
        &self,
        checks: &OutputChecks,
        listed: &BTreeSet<DrvRef>,
        allowed: bool,
        recursive: bool,
    ) -> Result<(), Failure> {
        let mut spec = StorePathSet::new();
        for reference in listed {
            spec.insert(self.resolve(reference)?);
        }
        let mut used = if recursive { self.closure()?.0 } else { self.info.references.clone() };
        if recursive && checks.ignore_self_refs {
            used.remove(&self.info.path);
        }
        let bad: Vec<String> = used
            .iter()
            .filter(|p| spec.contains(*p) != allowed)
            .map(|p| format!("\n  {}", self.dir.print(p)))
            .collect();
        if bad.is_empty() {
            return Ok(());
        }
        Err(Failure::rejected(format!(
            "output '{}' is not allowed to refer to the following paths:{}",
            self.dir.print(&self.info.path),
            bad.concat()
        )))
    }

    fn resolve(&self, reference: &DrvRef) -> Result<StorePath, Failure> {
        match reference {
            DrvRef::Path(SingleDerivedPath::Opaque(path)) => Ok(path.clone()),
            DrvRef::Path(built) => Err(Failure::misc(format!(
                "output check names '{}', which is not known",
                built.print(self.dir)
            ))),
            DrvRef::Output(output) => match self.infos.get(output) {
                Some(info) => Ok(info.path.clone()),
                None => Err(Failure::rejected(format!(
                    "derivation '{}' output check for '{}' contains output name '{output}', but this is not a valid output of this derivation. (Valid outputs are [{}].)",
                    self.dir.print(&self.job.drv_path),
                    self.name,
                    self.infos.keys().cloned().collect::<Vec<_>>().join(", ")
                ))),
            },
        }
    }
}
