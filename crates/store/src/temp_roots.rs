//! Temporary roots: what this process is using is kept from the garbage collector.
//!
//! The protocol is the reference's. Each process has a file `temproots/<pid>` that it holds locked; paths are appended to
//! it, each ended by a NUL. While no collector runs (`gc.lock` can be shared) that is enough; else the path is sent to the
//! collector's socket as a line and answered by `1` when it is safe.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firn_path::{StoreDir, StorePath};
use rustix::fs::{Mode, OFlags};

use crate::error::{Context, Result};
use crate::locks::{LockKind, open_lock_file, try_lock, unlock};

/// The temporary roots of one open store.
pub(crate) struct TempRoots {
    folder: PathBuf,
    gc_lock: PathBuf,
    socket: PathBuf,
    dir: StoreDir,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<(File, PathBuf)>,
    gc_lock: Option<File>,
    connection: Option<UnixStream>,
    rooted: HashSet<StorePath>,
}

impl TempRoots {
    pub(crate) fn new(state_dir: &Path, socket: PathBuf, dir: StoreDir) -> Self {
        TempRoots {
            folder: state_dir.join("temproots"),
            gc_lock: state_dir.join("gc.lock"),
            socket,
            dir,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps `path` until this store is closed. Tells whether it is new: then what was known about the path may be out
    /// of date, since the collector may have come by before.
    pub(crate) fn add(&self, path: &StorePath) -> Result<bool> {
        let mut state = self.state();
        if state.rooted.contains(path) {
            return Ok(false);
        }
        if state.file.is_none() {
            state.file = Some(self.create_file()?);
        }
        if state.gc_lock.is_none() {
            state.gc_lock = Some(open_lock_file(&self.gc_lock)?);
        }
        let printed = self.dir.print(path);
        loop {
            let gc_lock = state.gc_lock.as_ref().expect("opened above");
            let shared = try_lock(gc_lock, LockKind::Shared)?;
            if !shared && !self.tell_collector(&mut state.connection, &printed)? {
                continue;
            }
            let (file, name) = state.file.as_mut().expect("made above");
            let written = file.write_all(format!("{printed}\0").as_bytes()).context("writing to", name);
            if shared {
                unlock(state.gc_lock.as_ref().expect("opened above"));
            }
            written?;
            state.rooted.insert(path.clone());
            return Ok(true);
        }
    }

    /// Sends a root to the running collector. False: it is gone, try again.
    fn tell_collector(&self, connection: &mut Option<UnixStream>, path: &str) -> Result<bool> {
        if connection.is_none() {
            match connect(&self.socket) {
                Ok(stream) => *connection = Some(stream),
                // it has not made its socket yet, or has just ended
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {
                    std::thread::sleep(Duration::from_millis(100));
                    return Ok(false);
                }
                Err(e) => return Err(e).context("connecting to", &self.socket),
            }
        }
        let stream = connection.as_mut().expect("connected above");
        let mut answer = [0];
        let exchange =
            stream.write_all(format!("{path}\n").as_bytes()).and_then(|()| stream.read_exact(&mut answer));
        match exchange {
            Ok(()) => Ok(true),
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
                ) =>
            {
                *connection = None;
                Ok(false)
            }
            Err(e) => Err(e).context("talking to", &self.socket),
        }
    }

    /// Makes and locks the file of this process. Another store of this process (or a process of the same number in
    /// another container) may hold `<pid>`; then a name beside it does as well, since collectors read all files.
    fn create_file(&self) -> Result<(File, PathBuf)> {
        let pid = std::process::id();
        for attempt in 0u32.. {
            let path = match attempt {
                0 => self.folder.join(pid.to_string()),
                n => self.folder.join(format!("{pid}-{n}")),
            };
            if let Ok(old) = OpenOptions::new().read(true).write(true).open(&path) {
                if !try_lock(&old, LockKind::Exclusive)? {
                    continue;
                }
                // whoever made it is dead
                let _ = std::fs::remove_file(&path);
            }
            // a collector may hold it for a moment; another store of this process holds it for good
            for _ in 0..50 {
                let file = OpenOptions::new()
                    .read(true)
                    .append(true)
                    .create(true)
                    .mode(0o600)
                    .open(&path)
                    .context("opening lock file", &path)?;
                if !try_lock(&file, LockKind::Exclusive)? {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                }
                // a collector that came between opening and locking has unlinked it and written `d`
                if file.metadata().context("getting status of", &path)?.len() == 0 {
                    return Ok((file, path));
                }
            }
        }
        unreachable!("the loop above has no end")
    }
}

impl Drop for TempRoots {
    fn drop(&mut self) {
        if let Some((file, path)) = self.state().file.take() {
            drop(file);
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Reads the temporary roots of all living processes, with the name of the file each comes from; files of dead processes
/// are removed.
pub(crate) fn read_all(
    state_dir: &Path,
    dir: &StoreDir,
    mut found: impl FnMut(StorePath, &str),
) -> Result<()> {
    let folder = state_dir.join("temproots");
    for entry in std::fs::read_dir(&folder).context("opening directory", &folder)? {
        let entry = entry.context("reading directory", &folder)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let mut file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(e).context("opening temporary roots file", &path),
        };
        if try_lock(&file, LockKind::Exclusive)? {
            crate::locks::delete_lock_file(&path, &file);
            continue;
        }
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).context("reading", &path)?;
        // what comes after the last NUL is still being written
        let mut parts: Vec<&[u8]> = contents.split(|&b| b == 0).collect();
        parts.pop();
        for part in parts {
            if let Some(root) = std::str::from_utf8(part).ok().and_then(|text| dir.parse(text).ok()) {
                found(root, &name);
            }
        }
    }
    Ok(())
}

/// Connects to a socket whose path may be longer than an address allows, by way of its folder.
pub(crate) fn connect(socket: &Path) -> std::io::Result<UnixStream> {
    let (folder, name) = split(socket)?;
    let fd = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    UnixStream::connect(by_fd(&fd, name))
}

/// Listens on a socket, as [`connect`] connects.
pub(crate) fn listen(socket: &Path) -> std::io::Result<std::os::unix::net::UnixListener> {
    let (folder, name) = split(socket)?;
    let fd = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    match std::fs::remove_file(socket) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(by_fd(&fd, name))?;
    rustix::fs::chmod(socket, Mode::from_raw_mode(0o666))?;
    Ok(listener)
}

fn split(socket: &Path) -> std::io::Result<(&Path, &std::ffi::OsStr)> {
    socket.parent().zip(socket.file_name()).ok_or_else(|| ErrorKind::InvalidInput.into())
}

fn by_fd(fd: &impl AsFd, name: &std::ffi::OsStr) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())).join(name)
}
