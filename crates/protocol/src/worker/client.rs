//! The client's side of one connection.

use std::collections::BTreeSet;
use std::io::Write;

use firn_events::{Events, Level};
use firn_settings::Settings;

use super::{
    CLIENT_MAGIC, DAEMON_MAGIC, DELETE_SPECIFIC, OLDEST, Operation, REALISATION_WITH_PATH, VERSION, Version,
};
use crate::error::ProtocolError;
use crate::framed::FramedWriter;
use crate::frames::read_frames;
use crate::pool::Transport;
use crate::wire::{ReadWire, Result, WireReader, WriteWire};

/// Settings that have places of their own in [`Connection::set_options`], or that a daemon has no use for.
const NOT_SENT: [&str; 10] = [
    "keep-failed",
    "keep-going",
    "fallback",
    "max-jobs",
    "max-silent-time",
    "cores",
    "substitute",
    "show-trace",
    "experimental-features",
    "plugin-files",
];

/// A connection to a daemon.
#[derive(Debug)]
pub struct Connection {
    /// Both directions.
    pub transport: Transport,
    /// What both sides agreed on.
    pub version: Version,
    /// The version of the daemon's program.
    pub daemon_version: String,
    /// Whether the daemon takes this client's word, if it says so.
    pub trusted: Option<bool>,
}

impl Connection {
    /// Greets the daemon.
    ///
    /// # Errors
    /// It is none, or too old.
    pub fn greet(mut transport: Transport, events: &Events) -> Result<Connection> {
        let (to, from) = (&mut transport.to, &mut transport.from);
        to.put_number(CLIENT_MAGIC)?;
        to.put_number(VERSION)?;
        to.flush()?;
        if from.number()? != DAEMON_MAGIC {
            return Err(ProtocolError::malformed("protocol mismatch, got something that is no Nix daemon"));
        }
        let theirs = from.number()?;
        if theirs >> 8 != VERSION >> 8 {
            return Err(ProtocolError::malformed("Nix daemon protocol version not supported"));
        }
        if theirs < OLDEST {
            return Err(ProtocolError::malformed("the Nix daemon version is too old"));
        }
        let minor = theirs.min(VERSION) & 0xff;
        let mut features = BTreeSet::new();
        if minor >= 38 {
            let ours: BTreeSet<String> = [REALISATION_WITH_PATH, DELETE_SPECIFIC].map(str::to_owned).into();
            to.put_texts(ours.iter())?;
            to.flush()?;
            features = from.text_set()?.intersection(&ours).cloned().collect();
        }
        // two fields of old: the processor to run on, and space to reserve
        to.put_number(0)?;
        to.put_number(0)?;
        to.flush()?;
        let daemon_version = from.name()?;
        let mut trusted = None;
        if minor >= 35 {
            trusted = match from.number()? {
                0 => None,
                1 => Some(true),
                2 => Some(false),
                _ => return Err(ProtocolError::malformed("Invalid trusted status from remote")),
            };
        }
        read_frames(from, events)?;
        let version = Version { minor, features };
        Ok(Connection { transport, version, daemon_version, trusted })
    }

    /// Sends an operation: what `request` writes; waits until the daemon is done, and reads what follows.
    ///
    /// # Errors
    /// The daemon's error, or a broken connection.
    pub fn call<T>(
        &mut self,
        operation: Operation,
        events: &Events,
        request: impl FnOnce(&mut crate::wire::WireWriter) -> Result<()>,
        answer: impl FnOnce(&mut WireReader) -> Result<T>,
    ) -> Result<T> {
        let to = &mut self.transport.to;
        to.put_number(operation as u64)?;
        request(to)?;
        to.flush()?;
        read_frames(&mut self.transport.from, events)?;
        answer(&mut self.transport.from)
    }

    /// As [`Connection::call`], with a stream behind the request. What the daemon says meanwhile is read at the same time,
    /// so that neither side waits for the other.
    ///
    /// # Errors
    /// The daemon's error before that of `stream`, or a broken connection. An error of `stream` leaves a connection that
    /// cannot be used again.
    pub fn call_with_stream<T, E>(
        &mut self,
        operation: Operation,
        events: &Events,
        request: impl FnOnce(&mut crate::wire::WireWriter) -> Result<()>,
        stream: impl FnOnce(&mut dyn Write) -> std::result::Result<(), E>,
        answer: impl FnOnce(&mut WireReader) -> Result<T>,
    ) -> Result<std::result::Result<T, E>> {
        let Transport { from, to, .. } = &mut self.transport;
        to.put_number(operation as u64)?;
        request(to)?;
        to.flush()?;
        let (streamed, framed) = std::thread::scope(|scope| {
            let listening = scope.spawn(|| read_frames(from, events));
            let mut writer = FramedWriter::new(&mut *to);
            let streamed = stream(&mut writer);
            // after an error the daemon sees the end of a stream that is not whole, which it does not take
            let ended = writer.finish();
            let framed = listening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (streamed.map(|()| ended), framed)
        });
        match (streamed, framed) {
            (_, Err(e)) if e.is_remote() => Err(e),
            (Err(e), _) => Ok(Err(e)),
            (Ok(ended), framed) => {
                framed?;
                ended?;
                answer(&mut self.transport.from).map(Ok)
            }
        }
    }

    /// Tells the daemon the client's settings.
    ///
    /// # Errors
    /// A broken connection.
    pub fn set_options(&mut self, settings: &Settings, verbosity: Level, events: &Events) -> Result<()> {
        let overrides: Vec<_> =
            settings.overrides().into_iter().filter(|(name, _)| !NOT_SENT.contains(name)).collect();
        self.call(
            Operation::SetOptions,
            events,
            |to| {
                to.put_flag(settings.keep_failed())?;
                to.put_flag(settings.keep_going())?;
                to.put_flag(settings.fallback())?;
                to.put_number(verbosity as u64)?;
                to.put_number(settings.max_jobs())?;
                to.put_number(settings.max_silent_time())?;
                to.put_number(1)?;
                // builds are shown by events, whatever their logs are worth
                to.put_number(0)?;
                to.put_number(0)?;
                to.put_number(0)?;
                to.put_number(settings.cores())?;
                to.put_flag(settings.substitute())?;
                to.put_number(overrides.len() as u64)?;
                for (name, value) in &overrides {
                    to.put_text(name)?;
                    to.put_text(value)?;
                }
                Ok(())
            },
            |_| Ok(()),
        )
    }

    /// The result form of this connection's builds.
    pub(crate) fn result_form(&self) -> crate::objects::ResultForm {
        self.version.result_form()
    }

    /// Whether the other side understands a feature.
    pub(crate) fn has(&self, feature: &str) -> bool {
        self.version.has(feature)
    }
}
