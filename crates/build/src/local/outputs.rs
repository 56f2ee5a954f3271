//! From what a builder left behind to valid store paths.
//!
//! Each output is put into canonical form, then read once for its hash and its references together. Outputs whose paths
//! depend on their content are read again, as their own hash parts are replaced. They all become valid in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use firn_derivation::DerivationOutput;
use firn_hash::{Algo, Hash, Hasher};
use firn_path::scan::HashRewriter;
use firn_path::{
    ContentAddress, ContentMethod, HASH_LEN, References, StorePath, StorePathSet, output_path_name,
};
use firn_source::{CanonicaliseOptions, InodesSeen, RestoreOptions, canonicalise, dump_path, restore_nar};
use firn_store::{BuildMode, BuildStatus, PathInfo, Store};
use firn_sys::lock::PathLocks;

use super::checks;
use super::hooks;
use super::root::remove;
use super::scan::{Scanned, scan};
use super::users::UserLock;
use crate::error::Failure;
use crate::executor::{Job, JobContext};

/// Where an output is meant to be and where it is built.
#[derive(Clone, Debug)]
pub(crate) struct OutputPlan {
    /// Its path, if it is known before the build.
    pub(crate) known: Option<StorePath>,
    /// It was valid before the build.
    pub(crate) valid: bool,
    /// The path that the builder is told.
    pub(crate) scratch: StorePath,
}

/// All that registration needs to know of a build.
pub(crate) struct Produced<'a> {
    pub(crate) job: &'a Job,
    pub(crate) context: &'a JobContext<'a>,
    pub(crate) outputs: &'a BTreeMap<String, OutputPlan>,
    /// The folder in which the builder saw the store.
    pub(crate) store_of_builder: PathBuf,
    pub(crate) user: Option<&'a UserLock>,
    pub(crate) input_closure: &'a StorePathSet,
    /// Nobody else can still have the files open: no need to copy fixed outputs.
    pub(crate) trusted: bool,
    /// The folder of the build, for the diff hook.
    pub(crate) build_dir: &'a Path,
}

struct Found {
    path: PathBuf,
    scanned: Scanned,
    is_plain_file: bool,
}

impl Produced<'_> {
    /// Checks, moves and registers the outputs; gives their paths.
    pub(crate) fn register(&self) -> Result<BTreeMap<String, StorePath>, Failure> {
        let mut found = self.find()?;
        let mut infos = BTreeMap::new();
        // hash parts of scratch paths and what they become
        let mut renamed: BTreeMap<StorePath, StorePath> = BTreeMap::new();
        for (name, plan) in self.outputs {
            if let (true, Some(path)) = (plan.valid && self.job.mode != BuildMode::Check, &plan.known) {
                renamed.insert(plan.scratch.clone(), path.clone());
            }
            if let (Some(DerivationOutput::InputAddressed(path)), Some(_)) =
                (self.job.drv.outputs.get(name), found.get(name))
            {
                renamed.insert(plan.scratch.clone(), path.clone());
            }
        }
        for name in self.order(&found)? {
            if let Some(one) = found.remove(&name) {
                let info = self.finish_one(&name, one, &mut renamed)?;
                infos.insert(name, info);
            }
        }
        let mut all = infos.clone();
        for (name, plan) in self.outputs {
            if let (false, Some(path)) = (all.contains_key(name), &plan.known) {
                all.insert(name.clone(), (*self.context.closures.info(path)?).clone());
            }
        }
        checks::check_outputs(self.job, self.context, &all)?;
        if self.job.mode != BuildMode::Check {
            // content-addressed ones are registered already
            let new: Vec<PathInfo> = infos.into_values().filter(|i| i.ca.is_none()).collect();
            if !new.is_empty() {
                self.context.store.register(&new)?;
            }
        }
        Ok(all.into_iter().map(|(name, info)| (name, info.path)).collect())
    }

    /// Looks at what is there: owner and mode, canonical form, hash and references.
    fn find(&self) -> Result<BTreeMap<String, Found>, Failure> {
        let store = self.context.store;
        let settings = store.settings();
        let options = CanonicaliseOptions {
            owners: self.user.map(UserLock::uids),
            ignored_attributes: settings.ignored_acls().clone(),
        };
        let mut seen = InodesSeen::default();
        let mut candidates: BTreeSet<&StorePath> = self.input_closure.iter().collect();
        candidates.extend(self.outputs.values().map(|o| &o.scratch));
        let mut found = BTreeMap::new();
        for (name, plan) in self.outputs {
            if plan.valid && self.job.mode != BuildMode::Check {
                continue;
            }
            let path = self.store_of_builder.join(plan.scratch.base_name());
            let meta = path.symlink_metadata().map_err(|_| {
                Failure::rejected(format!(
                    "builder for '{}' failed to produce output path for output '{name}' at \"{}\"",
                    store.print(&self.job.drv_path),
                    path.display()
                ))
            })?;
            let writable = !meta.is_symlink() && meta.mode() & 0o022 != 0;
            if writable || self.user.is_some_and(|u| meta.uid() != u.uid) {
                return Err(Failure::rejected(format!(
                    "suspicious ownership or permission on \"{}\" for output '{name}'; rejecting this build output",
                    path.display()
                )));
            }
            let is_plain_file = meta.is_file() && meta.mode() & 0o100 == 0;
            canonicalise(&path, &options, &mut seen)?;
            let discard = self.job.options.unsafe_discard_references.get(name).copied().unwrap_or(false);
            let none = BTreeSet::new();
            let scanned = scan(&path, (if discard { &none } else { &candidates }).iter().copied())?;
            found.insert(name.clone(), Found { path, scanned, is_plain_file });
        }
        Ok(found)
    }

    /// Outputs before those that refer to them.
    fn order(&self, found: &BTreeMap<String, Found>) -> Result<Vec<String>, Failure> {
        let by_scratch: BTreeMap<&StorePath, &str> =
            self.outputs.iter().map(|(n, o)| (&o.scratch, n.as_str())).collect();
        let mut done: Vec<String> = Vec::new();
        let mut open: Vec<&str> = Vec::new();
        for name in found.keys() {
            self.visit(name, None, found, &by_scratch, &mut open, &mut done)?;
        }
        Ok(done)
    }

    fn visit<'n>(
        &self,
        name: &'n str,
        parent: Option<&str>,
        found: &'n BTreeMap<String, Found>,
        by_scratch: &BTreeMap<&StorePath, &'n str>,
        open: &mut Vec<&'n str>,
        done: &mut Vec<String>,
    ) -> Result<(), Failure> {
        if done.iter().any(|d| d == name) {
            return Ok(());
        }
        if open.contains(&name) {
            return Err(Failure::rejected(format!(
                "cycle detected in build of '{}' in the references of output '{name}' from output '{}'",
                self.context.store.print(&self.job.drv_path),
                parent.unwrap_or(name)
            )));
        }
        open.push(name);
        if let Some(f) = found.get(name) {
            for reference in &f.scanned.references {
                match by_scratch.get(reference) {
                    Some(other) if *other != name => {
                        self.visit(other, Some(name), found, by_scratch, open, done)?
                    }
                    _ => {}
                }
            }
        }
        open.pop();
        done.push(name.to_owned());
        Ok(())
    }

    /// One output: its final path, its info, its files in place.
    fn finish_one(
        &self,
        name: &str,
        mut found: Found,
        renamed: &mut BTreeMap<StorePath, StorePath>,
    ) -> Result<PathInfo, Failure> {
        let scratch = &self.outputs[name].scratch;
        let output = self
            .job
            .drv
            .outputs
            .get(name)
            .ok_or_else(|| Failure::misc(format!("unknown output '{name}'")))?;
        let mut temporary = None;
        if matches!(output, DerivationOutput::Fixed(_) | DerivationOutput::Impure { .. }) && !self.trusted {
            temporary = Some(self.copy_away(&mut found)?);
        }
        let mut info = match output {
            DerivationOutput::InputAddressed(path) => {
                if self.rewrite(&mut found, renamed)? {
                    found.scanned = self.scan_again(&found)?;
                }
                let references = found.scanned.references.iter().map(|r| renamed.get(r).unwrap_or(r).clone());
                let mut info = PathInfo::new(path.clone(), found.scanned.hash, found.scanned.size);
                info.references = references.collect();
                info
            }
            DerivationOutput::Fixed(ca) => {
                self.content_addressed(name, &mut found, ca.method, ca.hash.algo(), renamed)?
            }
            DerivationOutput::Floating { method, algo } | DerivationOutput::Impure { method, algo } => {
                self.content_addressed(name, &mut found, *method, *algo, renamed)?
            }
            DerivationOutput::Deferred => {
                return Err(Failure::misc(format!("the path of output '{name}' is not known")));
            }
        };
        renamed.insert(scratch.clone(), info.path.clone());
        self.place(name, &found, &mut info)?;
        drop(temporary);
        Ok(info)
    }

    /// Moves the files to the output's place, or compares them with what is there.
    fn place(&self, name: &str, found: &Found, info: &mut PathInfo) -> Result<(), Failure> {
        let store = self.context.store;
        let target = store.real(&info.path);
        // the path of an output that turned out otherwise than foreseen is not locked yet
        let foreseen = self.outputs[name].known.as_ref() == Some(&info.path);
        let mut lock = None;
        if !foreseen {
            // whoever builds the right one may wait for us: do not wait for its lock with a wrong hash
            let wait = self.outputs[name].known.is_none();
            lock = PathLocks::take([target.clone()], wait)?;
            match &mut lock {
                Some(l) => l.delete_on_release(),
                None => {
                    remove(&found.path)?;
                    return checks::check_content_address(
                        &self.job.drv,
                        &self.job.drv_path,
                        store.dir(),
                        name,
                        info,
                    );
                }
            }
        }
        if self.job.mode == BuildMode::Check {
            return self.compare(found, info, &target);
        }
        info.deriver = Some(self.job.drv_path.clone());
        info.ultimate = true;
        let valid = store.is_valid(&info.path)?;
        if found.path != target {
            if self.job.mode == BuildMode::Repair {
                replace(&target, &found.path)?;
            } else if valid {
                remove(&found.path)?;
            } else {
                if target.symlink_metadata().is_ok() {
                    remove(&target)?;
                }
                move_path(&found.path, &target)?;
            }
        }
        if !valid && store.settings().auto_optimise_store() {
            store.optimise_path(&target, false)?;
        }
        for key in store.secret_keys()? {
            info.sign(store.dir(), &key)?;
        }
        if info.ca.is_some() {
            // also if the hash is a wrong one: whoever corrects it then need not build again
            store.register(std::slice::from_ref(info))?;
        }
        drop(lock);
        Ok(())
    }

    fn compare(&self, found: &Found, info: &PathInfo, target: &Path) -> Result<(), Failure> {
        let store = self.context.store;
        let Some(old) = store.path_info(&info.path)? else { return Ok(()) };
        if old.nar_hash == info.nar_hash {
            if !old.ultimate {
                let mut trusted = (*old).clone();
                trusted.ultimate = true;
                for key in store.secret_keys()? {
                    trusted.sign(store.dir(), &key)?;
                }
                store.register(&[trusted])?;
            }
            return Ok(());
        }
        let settings = store.settings();
        let drv = store.print(&self.job.drv_path);
        let hook = settings.diff_hook().filter(|_| settings.run_diff_hook());
        let mut message =
            format!("derivation '{drv}' may not be deterministic: output \"{}\" differs", target.display());
        if hook.is_some() || settings.keep_failed() {
            let mut name = target.as_os_str().to_owned();
            name.push(".check");
            let kept = PathBuf::from(name);
            if kept.symlink_metadata().is_ok() {
                remove(&kept)?;
            }
            move_path(&found.path, &kept)?;
            if let Some(hook) = hook {
                hooks::run_diff_hook(
                    hook,
                    self.context.events,
                    self.user,
                    target,
                    &kept,
                    &drv,
                    self.build_dir,
                );
            }
            message.push_str(&format!(" from \"{}\"", kept.display()));
        }
        Err(Failure::new(BuildStatus::NotDeterministic, message))
    }

    /// The path and info of an output that is addressed by its content.
    fn content_addressed(
        &self,
        name: &str,
        found: &mut Found,
        method: ContentMethod,
        algo: Algo,
        renamed: &BTreeMap<StorePath, StorePath>,
    ) -> Result<PathInfo, Failure> {
        let scratch = &self.outputs[name].scratch;
        if matches!(method, ContentMethod::Flat | ContentMethod::Text) && !found.is_plain_file {
            return Err(Failure::rejected(format!(
                "output path \"{}\" should be a non-executable regular file since recursive hashing is not enabled (one of outputHashMode={{flat,text}} is true)",
                found.path.display()
            )));
        }
        let mut stale = self.rewrite(found, renamed)?;
        let hash = match method {
            ContentMethod::NixArchive
                if !stale && algo == Algo::Sha256 && !found.scanned.references.contains(scratch) =>
            {
                found.scanned.hash
            }
            method => hash_modulo_self(&found.path, method, algo, scratch)?,
        };
        let mut references = References::default();
        for r in &found.scanned.references {
            match renamed.get(r) {
                _ if r == scratch => references.self_ref = true,
                Some(new) => drop(references.others.insert(new.clone())),
                None => drop(references.others.insert(r.clone())),
            }
        }
        let ca = ContentAddress { method, hash };
        let dir = self.context.store.dir();
        let output_name = output_path_name(&self.job.drv.name, name);
        // a fixed output must not have references: its path is made without them, the check that follows says so
        let fixed = matches!(self.job.drv.outputs.get(name), Some(DerivationOutput::Fixed(_)));
        let path = match dir.make_content_addressed_path(&output_name, &ca, &references) {
            Err(_) if fixed => dir.make_content_addressed_path(&output_name, &ca, &References::default()),
            other => other,
        }?;
        if path != *scratch {
            stale |= self.rewrite(found, &BTreeMap::from([(scratch.clone(), path.clone())]))?;
        }
        let scanned = if stale { self.scan_again(found)? } else { found.scanned.clone() };
        let mut info = PathInfo::new(path.clone(), scanned.hash, scanned.size);
        info.references = references.others;
        if references.self_ref {
            info.references.insert(path);
        }
        info.ca = Some(ca);
        Ok(info)
    }

    fn scan_again(&self, found: &Found) -> Result<Scanned, Failure> {
        let none: [&StorePath; 0] = [];
        let scanned = scan(&found.path, none)?;
        Ok(Scanned { references: found.scanned.references.clone(), ..scanned })
    }

    /// Replaces hash parts in the files, where there are any to replace. Says whether the files changed.
    fn rewrite(&self, found: &mut Found, renamed: &BTreeMap<StorePath, StorePath>) -> Result<bool, Failure> {
        let wanted: Vec<(&StorePath, &StorePath)> = renamed
            .iter()
            .filter(|(from, to)| from != to && found.scanned.references.contains(*from))
            .collect();
        if wanted.is_empty() {
            return Ok(false);
        }
        let temporary = Temporary::beside(self.context, &self.job.drv_path)?;
        let target = temporary.path.join("x");
        pipe(
            |out| {
                let mut rewriter = HashRewriter::new(wanted.iter().copied(), out);
                dump_path(&found.path, &mut rewriter)?;
                rewriter.finish().map_err(|e| Failure::misc(format!("rewriting hashes failed: {e}")))?;
                Ok(())
            },
            |input| {
                Ok(restore_nar(
                    input,
                    &target,
                    RestoreOptions { canonical: true, ..RestoreOptions::default() },
                )
                .map(drop)?)
            },
        )?;
        remove(&found.path)?;
        move_path(&target, &found.path)?;
        Ok(true)
    }

    /// Copies an output to a place that no process of the build can reach, so that descriptors it handed to others are of
    /// no use to them.
    fn copy_away(&self, found: &mut Found) -> Result<Temporary, Failure> {
        let temporary = Temporary::beside(self.context, &self.job.drv_path)?;
        let target = temporary.path.join("x");
        pipe(
            |out| Ok(dump_path(&found.path, out)?),
            |input| {
                Ok(restore_nar(
                    input,
                    &target,
                    RestoreOptions { canonical: true, ..RestoreOptions::default() },
                )
                .map(drop)?)
            },
        )?;
        // what counts is the copy: the files may have changed since they were hashed
        let candidates: Vec<&StorePath> = found.scanned.references.iter().collect();
        found.scanned = scan(&target, candidates)?;
        found.path = target;
        Ok(temporary)
    }
}

/// A folder in the store for things on the way; removed when dropped.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn beside(context: &JobContext<'_>, drv: &StorePath) -> Result<Temporary, Failure> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        // names with `.chroot` are kept by collectors as long as the derivation is in use
        let name = format!("{drv}.{}-{n}.chroot", std::process::id());
        let path = context.store.config().real_dir.join(name);
        if path.symlink_metadata().is_ok() {
            remove(&path)?;
        }
        super::root::make_dir(&path, 0o700)?;
        Ok(Temporary { path })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = remove(&self.path);
    }
}

/// Runs a writer and a reader of one stream.
fn pipe(
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure> + Send,
    read: impl FnOnce(&mut dyn Read) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut input, output) = std::os::unix::net::UnixStream::pair()
        .map_err(|e| Failure::misc(format!("creating a socket pair: {e}")))?;
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut output = std::io::BufWriter::with_capacity(256 * 1024, output);
            write(&mut output)?;
            output.flush().map_err(|e| Failure::misc(format!("writing an archive: {e}")))
        });
        let read = read(&mut input);
        drop(input);
        let written = writer.join().unwrap_or_else(|_| Err(Failure::misc("copying a store path failed")));
        // a broken stream shows on both sides: the reader's reason is the cause
        read.and(written)
    })
}

/// The hash of a content address: over the files with their own hash part as zeros, followed by its positions.
fn hash_modulo_self(
    path: &Path,
    method: ContentMethod,
    algo: Algo,
    scratch: &StorePath,
) -> Result<Hash, Failure> {
    let mut rewriter = HashRewriter::with_bytes(scratch, [0; HASH_LEN], Hasher::new(algo));
    let failed = |e: std::io::Error| Failure::io("hashing", path, &e);
    match method {
        ContentMethod::Flat | ContentMethod::Text => {
            let mut file = std::fs::File::open(path).map_err(failed)?;
            std::io::copy(&mut file, &mut rewriter).map_err(failed)?;
        }
        ContentMethod::NixArchive => dump_path(path, &mut rewriter)?,
        ContentMethod::Git => return Err(Failure::misc("git hashing of outputs is not supported yet")),
    }
    let (mut hasher, positions) = rewriter.finish().map_err(failed)?;
    for position in positions {
        hasher.update(format!("|{position}").as_bytes());
    }
    Ok(hasher.finish())
}

/// Renames; a folder must be writable while it changes its parent.
pub(crate) fn move_path(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |e: std::io::Error| {
        let text = e.to_string();
        let text = text.split(" (os error").next().unwrap_or_default().to_owned();
        Failure::misc(format!("renaming \"{}\" to \"{}\": {text}", from.display(), to.display()))
    };
    match std::fs::rename(from, to) {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied && from.is_dir() => {
            super::root::set_mode(from, 0o755)?;
            std::fs::rename(from, to).map_err(failed)?;
            super::root::set_mode(to, 0o555)?;
            set_time(to);
            Ok(())
        }
        other => other.map_err(failed),
    }
}

fn set_time(path: &Path) {
    let one = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
    if let Ok(dir) = std::fs::File::open(path) {
        let _ = dir.set_times(std::fs::FileTimes::new().set_modified(one));
    }
}

/// Puts new files in the place of old ones with as short a gap as can be.
fn replace(target: &Path, new: &Path) -> Result<(), Failure> {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".old-{}", std::process::id()));
    let old = PathBuf::from(name);
    let existed = target.symlink_metadata().is_ok();
    if existed {
        move_path(target, &old)?;
    }
    if let Err(e) = move_path(new, target) {
        if existed {
            let _ = move_path(&old, target);
        }
        return Err(e);
    }
    if existed {
        remove(&old)?;
    }
    Ok(())
}
