//! Adding contents: hashed on the way in, written beside, renamed, registered.
//!
//! What fits into memory (setting `nar-buffer-size`) touches the disk only if the path turns out to be new. What does not
//! is written to a locked folder `tmp-…` in the store while it comes in.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use firn_hash::{Algo, Hash, Hasher};
use firn_path::scan::HashRewriter;
use firn_path::{ContentAddress, ContentMethod, FileMethod, References, StorePath, StorePathSet};
use firn_source::{dump_path, hash_path};

use crate::db::Registration;
use crate::delete::{delete_tree, ensure_gone};
use crate::error::{Context, Result, StoreError};
use crate::files::{git_hash, hash_flat, restore_flat, restore_tree};
use crate::info::PathInfo;
use crate::local::{LocalStore, known_outputs};
use crate::locks::{LockKind, lock};
use crate::spool::{Received, Spool};
use crate::store::{AddOptions, DumpMethod, NewContents};

/// Distinguishes names of temporary files of this process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A text to be added together with others.
#[derive(Clone, Debug)]
pub struct NewText<'a> {
    /// The name of the path, without hash.
    pub name: &'a str,
    /// The text.
    pub contents: &'a [u8],
    /// Paths that it refers to; these may come earlier in the same batch.
    pub references: &'a StorePathSet,
}

impl LocalStore {
    /// The implementation of [`crate::Store::add_dump`].
    pub(crate) fn add_dump_local(
        &self,
        new: &NewContents<'_>,
        dump: DumpMethod,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<Arc<PathInfo>> {
        self.require_writable("adding a path")?;
        let received = self.receive(new, dump, produce)?;
        let ca = ContentAddress { method: new.method, hash: received.content_hash(new, dump)? };
        let references = References::from(new.references.clone());
        let path = self.dir().make_content_addressed_path(new.name, &ca, &references)?;
        self.root_temporarily(&path)?;
        if !new.repair {
            if let Some(info) = self.info(&path)? {
                return Ok(info);
            }
        }
        let mut path_lock = self.lock_path(&path)?;
        if new.repair || self.info_uncached(&path)?.is_none() {
            self.auto_gc()?;
            let real = self.real(&path);
            let (nar_hash, nar_size) = received.place(self, &path, &real, dump)?;
            self.optimise_added(&real, new.repair)?;
            self.sync_paths()?;
            let mut info = PathInfo::new(path.clone(), nar_hash, nar_size);
            info.ca = Some(ca);
            info.references = new.references.clone();
            self.register(&[info])?;
        }
        if let Some(path_lock) = &mut path_lock {
            path_lock.delete_on_release();
        }
        drop(path_lock);
        self.info(&path)?.ok_or_else(|| StoreError::InvalidPath(self.print(&path)))
    }

    /// Takes contents in: into memory, or into a temporary folder if they are too big.
    fn receive(
        &self,
        new: &NewContents<'_>,
        dump: DumpMethod,
        produce: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<Received> {
        let mut spool = Spool::new(self, dump, new.algo);
        let produced = produce(&mut spool);
        let received = spool.finish();
        produced?;
        let received = received?;
        let threshold = self.settings().warn_large_path_threshold();
        if threshold > 0 && received.size >= threshold {
            self.events.warn(format!(
                "copied large path '{}' to the store ({})",
                new.name,
                crate::render_size(received.size)
            ));
        }
        Ok(received)
    }

    /// A name beside `path` in the store that the temporary root of `path` keeps from the garbage collector.
    pub(crate) fn beside(&self, path: &StorePath) -> PathBuf {
        let n = COUNTER.fetch_add(1, Ordering::Relaxed);
        self.config.real_dir.join(format!("{}-tmp-{}-{n}", path.hash_part(), std::process::id()))
    }

    /// Puts a finished tree at its place, over the rest of an earlier try.
    pub(crate) fn rename_into_place(&self, from: &Path, real: &Path) -> Result<()> {
        ensure_gone(real)?;
        std::fs::rename(from, real).context("renaming to", real)
    }

    /// The implementation of [`crate::Store::add_nar`].
    pub(crate) fn add_nar_local(
        &self,
        info: &PathInfo,
        nar: &mut dyn Read,
        options: AddOptions,
    ) -> Result<()> {
        self.require_writable("adding a path")?;
        if options.check_sigs && self.config.require_sigs && !info.is_trusted(self.dir(), self.public_keys()?)
        {
            return Err(StoreError::Unsigned(self.print(&info.path)));
        }
        self.root_temporarily(&info.path)?;
        if !options.repair && self.info(&info.path)?.is_some() {
            return drain(nar);
        }
        let mut path_lock = self.lock_path(&info.path)?;
        if !options.repair && self.info_uncached(&info.path)?.is_some() {
            drain(nar)?;
        } else {
            self.auto_gc()?;
            let beside = self.beside(&info.path);
            let written = self.write_checked(info, nar, &beside);
            if let Err(e) = written {
                // best effort: the collector takes what stays
                let _ = delete_tree(&beside);
                return Err(e);
            }
            let real = self.real(&info.path);
            self.rename_into_place(&beside, &real)?;
            self.optimise_added(&real, options.repair)?;
            self.sync_paths()?;
            self.register(std::slice::from_ref(info))?;
        }
        if let Some(path_lock) = &mut path_lock {
            path_lock.delete_on_release();
        }
        Ok(())
    }

    /// Writes a NAR to `beside` and checks that it is what `info` says.
    fn write_checked(&self, info: &PathInfo, nar: &mut dyn Read, beside: &Path) -> Result<()> {
        let mut hashing = HashingReader { inner: nar, hasher: Hasher::new(Algo::Sha256) };
        restore_tree(beside, &mut hashing, self.settings().ignored_acls())?;
        let size = hashing.hasher.bytes();
        let hash = hashing.hasher.finish();
        if hash != info.nar_hash {
            return Err(StoreError::HashMismatch {
                path: self.print(&info.path),
                specified: info.nar_hash.sri(),
                got: hash.sri(),
            });
        }
        if size != info.nar_size {
            return Err(StoreError::SizeMismatch {
                path: self.print(&info.path),
                specified: info.nar_size,
                got: size,
            });
        }
        let Some(ca) = &info.ca else { return Ok(()) };
        let own = info.references.contains(&info.path).then_some(&info.path);
        let plain = ca.method == ContentMethod::NixArchive && ca.hash.algo() == Algo::Sha256 && own.is_none();
        let got = if plain { hash } else { content_hash(beside, ca.method, ca.hash.algo(), own)? };
        if got != ca.hash {
            return Err(StoreError::CaMismatch {
                path: self.print(&info.path),
                specified: format!("{}:{}", ca.hash.algo(), ca.hash.nix32()),
                got: format!("{}:{}", got.algo(), got.nix32()),
            });
        }
        Ok(())
    }

    /// Adds many texts at once: one lock each, one transaction for all. This is how an evaluator writes derivations.
    ///
    /// Derivations among them are taken as they are: whoever writes them here has just computed their outputs.
    ///
    /// # Errors
    /// Those of the file system and the database, and references that are neither valid nor in the batch.
    pub fn add_texts(&self, texts: &[NewText<'_>]) -> Result<Vec<StorePath>> {
        self.require_writable("adding paths")?;
        let mut paths = Vec::with_capacity(texts.len());
        let mut new: Vec<(PathInfo, &NewText<'_>)> = Vec::new();
        let mut seen: HashSet<StorePath> = HashSet::new();
        for text in texts {
            let hash = Hash::of(Algo::Sha256, text.contents);
            let path = self.dir().make_text_path(text.name, &hash, text.references)?;
            self.root_temporarily(&path)?;
            if self.info(&path)?.is_none() && seen.insert(path.clone()) {
                let hasher = firn_nar::write_file(Hasher::new(Algo::Sha256), text.contents)?;
                let size = hasher.bytes();
                let mut info = PathInfo::new(path.clone(), hasher.finish(), size);
                info.ca = Some(ContentAddress { method: ContentMethod::Text, hash });
                info.references = text.references.clone();
                new.push((info, text));
            }
            paths.push(path);
        }
        if new.is_empty() {
            return Ok(paths);
        }
        self.auto_gc()?;
        // always in the same order, so that two processes cannot wait for each other
        let mut order: Vec<&StorePath> = new.iter().map(|(info, _)| &info.path).collect();
        order.sort_unstable();
        let mut locks = Vec::with_capacity(order.len());
        for path in order {
            locks.extend(self.lock_path(path)?);
        }
        let mut registrations = Vec::with_capacity(new.len());
        for (info, text) in &new {
            if self.info_uncached(&info.path)?.is_some() {
                continue;
            }
            self.write_text(&info.path, text.contents)?;
            let outputs = match info.path.derivation_name() {
                Ok(name) => {
                    let drv = firn_derivation::aterm::parse(self.dir(), text.contents, name)?;
                    known_outputs(&drv, self.dir())?
                }
                Err(_) => Vec::new(),
            };
            registrations.push(Registration { info, outputs });
        }
        self.sync_paths()?;
        self.register_checked(&registrations)?;
        for path_lock in &mut locks {
            path_lock.delete_on_release();
        }
        Ok(paths)
    }

    fn write_text(&self, path: &StorePath, contents: &[u8]) -> Result<()> {
        let beside = self.beside(path);
        let real = self.real(path);
        restore_flat(&beside, &mut { contents }, self.settings().ignored_acls())?;
        self.rename_into_place(&beside, &real)?;
        self.optimise_added(&real, false)
    }

    /// Makes a folder `tmp-…` in the store that no garbage collector takes as long as the file is open.
    pub fn create_temp_dir(&self) -> Result<(PathBuf, File)> {
        loop {
            let n = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = self.config.real_dir.join(format!("tmp-{}-{n}", std::process::id()));
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other.context("creating directory", &path)?,
            }
            // a collector may take it before it is locked
            let Ok(file) = File::open(&path) else { continue };
            lock(&file, LockKind::Exclusive)?;
            if path.symlink_metadata().is_ok() {
                return Ok((path, file));
            }
        }
    }
}

/// Reads a NAR to its end, so that the stream stands behind it.
fn drain(nar: &mut dyn Read) -> Result<()> {
    firn_nar::copy(nar, &mut io::sink())?;
    Ok(())
}

/// The hash that addresses the tree at `path`; with `own`, references to that path count as zeros and their positions
/// are hashed as well.
pub(crate) fn content_hash(
    path: &Path,
    method: ContentMethod,
    algo: Algo,
    own: Option<&StorePath>,
) -> Result<Hash> {
    match (method.file_method(), own) {
        (FileMethod::Git, _) => git_hash(path, algo),
        (FileMethod::Flat, None) => hash_flat(path, algo),
        (FileMethod::NixArchive, None) => Ok(hash_path(path, algo)?.0),
        (kind, Some(own)) => {
            let mut rewriter = HashRewriter::with_bytes(own, [0; firn_path::HASH_LEN], Hasher::new(algo));
            if kind == FileMethod::Flat {
                let mut file = File::open(path).context("opening file", path)?;
                io::copy(&mut file, &mut rewriter).context("reading file", path)?;
            } else {
                dump_path(path, &mut rewriter)?;
            }
            let stream = |source| StoreError::Stream { action: "hashing", source };
            let (mut hasher, positions) = rewriter.finish().map_err(stream)?;
            for position in positions {
                hasher.update(format!("|{position}").as_bytes());
            }
            Ok(hasher.finish())
        }
    }
}

/// Hashes what goes through it.
struct HashingReader<'a> {
    inner: &'a mut dyn Read,
    hasher: Hasher,
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..got]);
        Ok(got)
    }
}
