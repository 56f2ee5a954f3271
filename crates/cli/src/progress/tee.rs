//! `json-log-path`: every event as a line of JSON in a file or socket, beside what the user sees.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use firn_events::{Event, Level, Sink};

use super::internal_json::to_json;

/// Sends events on, and writes them.
pub(super) struct Tee {
    next: Arc<dyn Sink>,
    verbosity: Level,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Tee {
    /// Writes to the file at `path`, which is made, or to the socket that is there.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(path: &Path, verbosity: Level, next: Arc<dyn Sink>) -> std::io::Result<Tee> {
        let is_socket = path.metadata().is_ok_and(|m| m.file_type().is_socket());
        let out: Box<dyn Write + Send> = match is_socket {
            true => Box::new(UnixStream::connect(path)?),
            false => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        };
        Ok(Tee { next, verbosity, out: Mutex::new(out) })
    }
}

impl Sink for Tee {
    fn event(&self, event: Event) {
        if !matches!(&event, Event::Message { level, .. } if *level > self.verbosity) {
            let line = format!("{}\n", to_json(&event));
            // A reader that has gone away is no reason to fail.
            let _ = self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        }
        self.next.event(event);
    }
}
