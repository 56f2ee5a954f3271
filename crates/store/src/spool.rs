//! Contents on their way in: hashed as they come, in memory until they are too big, then on disk.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use firn_hash::{Algo, Hash, Hasher};
use firn_nar::{Event, NarReader};
use firn_path::{FileMethod, StorePath};
use firn_source::hash_path;

use crate::delete::{delete_tree, make_removable};
use crate::error::{Context, Result, StoreError};
use crate::files::{git_hash, git_hash_of_nar, hash_flat, restore_flat, restore_tree};
use crate::local::LocalStore;
use crate::pipe::{PipeWriter, pipe};
use crate::store::{DumpMethod, NewContents};

/// Takes a stream in, hashing it; in memory until it is too big, then on disk.
pub(crate) struct Spool<'a> {
    store: &'a LocalStore,
    dump: DumpMethod,
    limit: usize,
    memory: Vec<u8>,
    hasher: Hasher,
    nar_hasher: Option<Hasher>,
    disk: Option<DiskSpool>,
}

/// A thread that writes what it is sent into a temporary folder.
struct DiskSpool {
    dir: TempDir,
    pipe: PipeWriter,
    thread: JoinHandle<Result<()>>,
}

impl<'a> Spool<'a> {
    pub(crate) fn new(store: &'a LocalStore, dump: DumpMethod, algo: Algo) -> Self {
        Spool {
            store,
            dump,
            limit: usize::try_from(store.settings().nar_buffer_size()).unwrap_or(usize::MAX),
            memory: Vec::new(),
            hasher: Hasher::new(algo),
            // a NAR is registered by its SHA-256, whatever addresses it
            nar_hasher: (dump == DumpMethod::Nar && algo != Algo::Sha256).then(|| Hasher::new(Algo::Sha256)),
            disk: None,
        }
    }

    fn start_disk(&mut self) -> Result<()> {
        let (path, lock) = self.store.create_temp_dir()?;
        let dir = TempDir { path, _lock: lock };
        let (pipe, mut reader) = pipe();
        let target = dir.contents();
        let ignored = self.store.settings().ignored_acls().clone();
        let dump = self.dump;
        let thread = std::thread::Builder::new()
            .name("restore".into())
            .spawn(move || match dump {
                DumpMethod::Nar => restore_tree(&target, &mut reader, &ignored),
                DumpMethod::Flat => restore_flat(&target, &mut reader, &ignored),
            })
            .context("starting a thread for", &dir.path)?;
        let mut disk = DiskSpool { dir, pipe, thread };
        disk.send(&std::mem::take(&mut self.memory));
        self.disk = Some(disk);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Received> {
        let size = self.hasher.bytes();
        let place = match self.disk.take() {
            None => Place::Memory(self.memory),
            Some(DiskSpool { dir, pipe, thread }) => {
                drop(pipe);
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                Place::Disk(dir)
            }
        };
        let hash = self.hasher.finish();
        let nar = match (self.dump, self.nar_hasher) {
            (DumpMethod::Flat, _) => None,
            (DumpMethod::Nar, Some(hasher)) => Some((hasher.finish(), size)),
            (DumpMethod::Nar, None) => Some((hash, size)),
        };
        Ok(Received { hash, size, nar, place })
    }
}

impl DiskSpool {
    /// Hands data to the thread. If that has failed, the data are dropped and its error is seen at the end.
    fn send(&mut self, data: &[u8]) {
        let _ = self.pipe.write_all(data);
    }
}

impl Write for Spool<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.hasher.update(data);
        if let Some(hasher) = &mut self.nar_hasher {
            hasher.update(data);
        }
        if self.disk.is_none() && self.memory.len() + data.len() > self.limit {
            self.start_disk().map_err(io::Error::other)?;
        }
        match &mut self.disk {
            None => self.memory.extend_from_slice(data),
            Some(disk) => disk.send(data),
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A locked temporary folder in the store, deleted when dropped.
struct TempDir {
    path: PathBuf,
    _lock: File,
}

impl TempDir {
    fn contents(&self) -> PathBuf {
        self.path.join("x")
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = delete_tree(&self.path);
    }
}

/// Contents that came in.
pub(crate) struct Received {
    /// Of the bytes as they came.
    hash: Hash,
    pub(crate) size: u64,
    /// SHA-256 and size of the NAR, where the bytes were one.
    nar: Option<(Hash, u64)>,
    place: Place,
}

enum Place {
    Memory(Vec<u8>),
    Disk(TempDir),
}

impl Received {
    /// The hash that addresses the contents.
    pub(crate) fn content_hash(&self, new: &NewContents<'_>, dump: DumpMethod) -> Result<Hash> {
        match (new.method.file_method(), dump, &self.place) {
            (FileMethod::Flat, DumpMethod::Flat, _) | (FileMethod::NixArchive, DumpMethod::Nar, _) => {
                Ok(self.hash)
            }
            (method, _, Place::Disk(dir)) => match method {
                FileMethod::Git => git_hash(&dir.contents(), new.algo),
                FileMethod::Flat => hash_flat(&dir.contents(), new.algo),
                FileMethod::NixArchive => Ok(hash_path(&dir.contents(), new.algo)?.0),
            },
            (FileMethod::Flat, DumpMethod::Nar, Place::Memory(nar)) => flat_hash_of_nar(nar, new.algo),
            (FileMethod::NixArchive, DumpMethod::Flat, Place::Memory(bytes)) => {
                Ok(firn_nar::write_file(Hasher::new(new.algo), bytes)?.finish())
            }
            (FileMethod::Git, DumpMethod::Flat, Place::Memory(bytes)) => {
                git_hash_of_nar(&firn_nar::write_file(Vec::new(), bytes)?, new.algo)
            }
            (FileMethod::Git, DumpMethod::Nar, Place::Memory(nar)) => git_hash_of_nar(nar, new.algo),
        }
    }

    /// Puts the contents at `real`, by way of a place beside it; gives the hash and size of their NAR.
    pub(crate) fn place(
        self,
        store: &LocalStore,
        path: &StorePath,
        real: &Path,
        dump: DumpMethod,
    ) -> Result<(Hash, u64)> {
        let mut flat_nar = None;
        match self.place {
            Place::Memory(bytes) => {
                let beside = store.beside(path);
                let ignored = store.settings().ignored_acls();
                let restored = match dump {
                    DumpMethod::Nar => restore_tree(&beside, &mut bytes.as_slice(), ignored),
                    DumpMethod::Flat => {
                        let hasher = firn_nar::write_file(Hasher::new(Algo::Sha256), &bytes)?;
                        let size = hasher.bytes();
                        flat_nar = Some((hasher.finish(), size));
                        restore_flat(&beside, &mut bytes.as_slice(), ignored)
                    }
                };
                if let Err(e) = restored {
                    let _ = delete_tree(&beside);
                    return Err(e);
                }
                store.rename_into_place(&beside, real)?;
            }
            Place::Disk(dir) => {
                let contents = dir.contents();
                // moving a folder elsewhere changes its `..`, for which it must be writable
                make_removable(&contents)?;
                store.rename_into_place(&contents, real)?;
                if real.symlink_metadata().context("getting status of", real)?.is_dir() {
                    let mode = rustix::fs::Mode::from_raw_mode(0o555);
                    rustix::fs::chmod(real, mode).context("setting permissions on", real)?;
                    rustix::fs::utimensat(
                        rustix::fs::CWD,
                        real,
                        &crate::files::STORE_TIMES,
                        rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
                    )
                    .context("changing modification time of", real)?;
                }
            }
        }
        match self.nar.or(flat_nar) {
            Some(nar) => Ok(nar),
            None => Ok(hash_path(real, Algo::Sha256)?),
        }
    }
}

/// The hash of the one file in a NAR.
fn flat_hash_of_nar(nar: &[u8], algo: Algo) -> Result<Hash> {
    let mut reader = NarReader::new(nar);
    match reader.next_event()? {
        Some(Event::File { .. }) => {
            let mut hasher = Hasher::new(algo);
            reader.copy_contents(&mut hasher)?;
            Ok(hasher.finish())
        }
        _ => Err(StoreError::Nar(
            "cannot add a directory or symlink with the flat method: regular file expected".into(),
        )),
    }
}
