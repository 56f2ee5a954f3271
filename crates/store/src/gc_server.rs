//! The socket on which a running collector takes new temporary roots.
//!
//! Each line is a store path; the answer `1` comes when the path is safe: either it will not be deleted, or its deletion
//! is finished, so that the client sees that it is gone and makes it again.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use firn_path::{StoreDir, StorePath};
use rustix::event::{PollFd, PollFlags, poll};

use crate::error::{Context, Result};
use crate::temp_roots::listen;

/// What the collector and its clients share.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// Hash parts, so that `.lock`, `.chroot` and the like of a root are roots as well.
    roots: HashSet<String>,
    /// Hash parts of what is being deleted.
    pending: HashSet<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_root(&self, hash_part: &str) {
        self.state().roots.insert(hash_part.to_owned());
    }

    pub(crate) fn is_root(&self, hash_part: &str) -> bool {
        self.state().roots.contains(hash_part)
    }

    /// Begins to delete those of `paths` that are no roots; clients that want one of them wait until the result is
    /// dropped.
    pub(crate) fn begin(&self, mut paths: Vec<StorePath>) -> Pending<'_> {
        let mut state = self.state();
        paths.retain(|path| !state.roots.contains(path.hash_part()));
        state.pending = paths.iter().map(|path| path.hash_part().to_owned()).collect();
        Pending { shared: self, paths }
    }

    /// A client's root; waits while it is being deleted.
    fn request(&self, hash_part: &str) {
        let mut state = self.state();
        state.roots.insert(hash_part.to_owned());
        while state.pending.contains(hash_part) {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn release(&self) {
        self.state().pending.clear();
        self.wake.notify_all();
    }
}

/// A group of paths that is being deleted.
pub(crate) struct Pending<'a> {
    shared: &'a Shared,
    paths: Vec<StorePath>,
}

impl Pending<'_> {
    pub(crate) fn paths(&self) -> &[StorePath] {
        &self.paths
    }

    /// Leaves some of them alone.
    pub(crate) fn spare(&mut self, spared: &[StorePath]) {
        self.paths.retain(|path| !spared.contains(path));
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.shared.release();
    }
}

/// The running server; dropping it ends it.
pub(crate) struct GcServer {
    shared: Arc<Shared>,
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl GcServer {
    pub(crate) fn start(socket: &Path, dir: StoreDir) -> Result<GcServer> {
        crate::gc::make_parent(socket)?;
        let listener = listen(socket).context("binding socket", socket)?;
        listener.set_nonblocking(true).context("setting up socket", socket)?;
        let (stop, stopped) = UnixStream::pair().context("setting up socket", socket)?;
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new()
            .name("gc-server".into())
            .spawn({
                let shared = shared.clone();
                move || {
                    let mut clients: Vec<(UnixStream, JoinHandle<()>)> = Vec::new();
                    loop {
                        let mut fds =
                            [PollFd::new(&stopped, PollFlags::IN), PollFd::new(&listener, PollFlags::IN)];
                        if poll(&mut fds, None).is_err() {
                            continue;
                        }
                        if !fds[0].revents().is_empty() {
                            break;
                        }
                        let Ok((stream, _)) = listener.accept() else { continue };
                        let _ = stream.set_nonblocking(false);
                        let Ok(copy) = stream.try_clone() else { continue };
                        let (shared, dir) = (shared.clone(), dir.clone());
                        clients.retain(|(_, thread)| !thread.is_finished());
                        clients.push((copy, std::thread::spawn(move || serve(stream, &shared, &dir))));
                    }
                    drop(listener);
                    for (stream, thread) in clients {
                        let _ = stream.shutdown(Shutdown::Both);
                        let _ = thread.join();
                    }
                }
            })
            .context("starting a thread for", socket)?;
        Ok(GcServer { shared, stop, thread: Some(thread) })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for GcServer {
    fn drop(&mut self) {
        self.shared.release();
        let _ = self.stop.write_all(b"x");
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Longer than any line that a client may send.
const MAX_LINE: u64 = 4096;

fn serve(stream: UnixStream, shared: &Shared, dir: &StoreDir) {
    use std::io::Read;
    let Ok(mut answers) = stream.try_clone() else { return };
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        match (&mut lines).take(MAX_LINE).read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Ok(path) = dir.parse(line.trim_end_matches('\n')) {
            shared.request(path.hash_part());
        }
        if answers.write_all(b"1").is_err() {
            return;
        }
    }
}
