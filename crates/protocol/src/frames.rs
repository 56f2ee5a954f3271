//! What a daemon says while it works: messages, activities, its progress, and at the end success or an error.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use firn_events::{ActivityKind, ActivityResult, Event, Events, Field, Level, Sink};

use crate::error::ProtocolError;
use crate::wire::{ReadWire, Result, WireWriter, WriteWire};

const NEXT: u64 = 0x6f6c_6d67;
const READ: u64 = 0x6461_7461;
const WRITE: u64 = 0x6461_7416;
const LAST: u64 = 0x616c_7473;
const ERROR: u64 = 0x6378_7470;
const START_ACTIVITY: u64 = 0x5354_5254;
const STOP_ACTIVITY: u64 = 0x5354_4f50;
const RESULT: u64 = 0x5253_4c54;

/// The level of a number.
pub fn level(number: u64) -> Level {
    const LEVELS: [Level; 8] = [
        Level::Error,
        Level::Warn,
        Level::Notice,
        Level::Info,
        Level::Talkative,
        Level::Chatty,
        Level::Debug,
        Level::Vomit,
    ];
    LEVELS[usize::try_from(number.min(7)).unwrap_or(7)]
}

fn kind(number: u64) -> ActivityKind {
    const KINDS: [ActivityKind; 14] = [
        ActivityKind::CopyPath,
        ActivityKind::FileTransfer,
        ActivityKind::Realise,
        ActivityKind::CopyPaths,
        ActivityKind::Builds,
        ActivityKind::Build,
        ActivityKind::OptimiseStore,
        ActivityKind::VerifyPaths,
        ActivityKind::Substitute,
        ActivityKind::QueryPathInfo,
        ActivityKind::PostBuildHook,
        ActivityKind::BuildWaiting,
        ActivityKind::FetchTree,
        ActivityKind::FetchToStore,
    ];
    number
        .checked_sub(100)
        .and_then(|n| KINDS.get(usize::try_from(n).ok()?).copied())
        .unwrap_or(ActivityKind::Unknown)
}

fn read_fields(from: &mut dyn Read) -> Result<Vec<Field>> {
    let count = from.count()?;
    let mut fields = Vec::new();
    for _ in 0..count {
        fields.push(match from.number()? {
            0 => Field::Int(from.number()?),
            1 => Field::Text(from.message()?),
            other => {
                return Err(ProtocolError::Malformed(format!(
                    "got unsupported field type {other} from Nix daemon"
                )));
            }
        });
    }
    Ok(fields)
}

fn write_fields(to: &mut Vec<u8>, fields: &[Field]) -> Result<()> {
    to.put_number(fields.len() as u64)?;
    for field in fields {
        match field {
            Field::Int(n) => {
                to.put_number(0)?;
                to.put_number(*n)?;
            }
            Field::Text(text) => {
                to.put_number(1)?;
                to.put_text(text)?;
            }
        }
    }
    Ok(())
}

fn result(code: u64, fields: &[Field]) -> Option<ActivityResult> {
    let int = |i: usize| match fields.get(i) {
        Some(Field::Int(n)) => Some(*n),
        _ => None,
    };
    let text = |i: usize| match fields.get(i) {
        Some(Field::Text(text)) => Some(text.clone()),
        _ => None,
    };
    Some(match code {
        100 => ActivityResult::FileLinked(int(0)?, int(1)?),
        101 => ActivityResult::BuildLogLine(text(0)?),
        102 => ActivityResult::UntrustedPath(text(0)?),
        103 => ActivityResult::CorruptedPath(text(0)?),
        104 => ActivityResult::SetPhase(text(0)?),
        105 => ActivityResult::Progress(int(0)?, int(1)?, int(2).unwrap_or(0), int(3).unwrap_or(0)),
        106 => ActivityResult::SetExpected(kind(int(0)?), int(1)?),
        107 => ActivityResult::PostBuildLogLine(text(0)?),
        108 => ActivityResult::FetchStatus(text(0)?),
        _ => return None,
    })
}

fn result_fields(result: &ActivityResult) -> Vec<Field> {
    match result {
        ActivityResult::FileLinked(a, b) => vec![Field::Int(*a), Field::Int(*b)],
        ActivityResult::BuildLogLine(text)
        | ActivityResult::UntrustedPath(text)
        | ActivityResult::CorruptedPath(text)
        | ActivityResult::SetPhase(text)
        | ActivityResult::PostBuildLogLine(text)
        | ActivityResult::FetchStatus(text) => vec![Field::Text(text.clone())],
        ActivityResult::Progress(a, b, c, d) => {
            vec![Field::Int(*a), Field::Int(*b), Field::Int(*c), Field::Int(*d)]
        }
        ActivityResult::SetExpected(kind, n) => vec![Field::Int(*kind as u64), Field::Int(*n)],
    }
}

/// Reads what a daemon says until it is done, and passes it on.
///
/// # Errors
/// [`ProtocolError::Remote`] with the daemon's error, or a broken connection.
pub fn read_frames(from: &mut dyn Read, events: &Events) -> Result<()> {
    loop {
        match from.number()? {
            LAST => return Ok(()),
            NEXT => {
                let text = from.message()?;
                // levels do not travel; what comes has its prefix
                events.message(Level::Notice, text.trim_end_matches('\n'));
            }
            ERROR => return Err(ProtocolError::Remote(read_error(from)?)),
            START_ACTIVITY => {
                let id = from.number()?;
                let level = level(from.number()?);
                let kind = kind(from.number()?);
                let text = from.message()?;
                let fields = read_fields(from)?;
                let parent = from.number()?;
                events.send(Event::Start { id, parent, level, kind, text, fields });
            }
            STOP_ACTIVITY => events.send(Event::Stop { id: from.number()? }),
            RESULT => {
                let id = from.number()?;
                let code = from.number()?;
                let fields = read_fields(from)?;
                if let Some(result) = result(code, &fields) {
                    events.send(Event::Result { id, result });
                }
            }
            READ | WRITE => {
                return Err(ProtocolError::malformed("the daemon speaks a protocol that is too old"));
            }
            other => {
                return Err(ProtocolError::Malformed(format!(
                    "got unknown message type {other:x} from Nix daemon"
                )));
            }
        }
    }
}

fn read_error(from: &mut dyn Read) -> Result<String> {
    let kind = from.name()?;
    if kind != "Error" {
        return Err(ProtocolError::malformed("the daemon's error has another form"));
    }
    let _level = from.number()?;
    let _name = from.message()?;
    let mut text = from.message()?;
    let bad = || ProtocolError::malformed("the daemon's error has a position");
    if from.number()? != 0 {
        return Err(bad());
    }
    for _ in 0..from.count()? {
        if from.number()? != 0 {
            return Err(bad());
        }
        let trace = from.message()?;
        text.push('\n');
        text.push_str(&trace);
    }
    // older daemons send the prefix along
    let plain = text.strip_prefix("error: ").map(str::to_owned);
    Ok(plain.unwrap_or(text))
}

/// The daemon's side: a sink of events that writes frames while the client listens, and keeps them while it does not.
#[derive(Clone, Debug)]
pub struct Tunnel {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    to: WireWriter,
    sending: bool,
    pending: Vec<Vec<u8>>,
    verbosity: Level,
}

impl Tunnel {
    /// Writes to the client.
    pub fn new(to: WireWriter) -> Tunnel {
        let state = State { to, sending: false, pending: Vec::new(), verbosity: Level::Info };
        Tunnel { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handle for producers.
    pub fn events(&self) -> Events {
        Events::new(Arc::new(self.clone()))
    }

    /// How much the client wants to hear.
    pub fn set_verbosity(&self, verbosity: Level) {
        self.state().verbosity = verbosity;
    }

    /// The client listens from now on.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn start_work(&self) -> Result<()> {
        let mut state = self.state();
        state.sending = true;
        for frame in std::mem::take(&mut state.pending) {
            state.to.write_all(&frame)?;
        }
        Ok(state.to.flush()?)
    }

    /// The work is done; the answer may follow.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn stop_work(&self) -> Result<()> {
        let mut state = self.state();
        state.sending = false;
        state.to.put_number(LAST)
    }

    /// The work has failed. Tells whether the connection can go on: it cannot if the client was not listening yet, since
    /// then some of its request may be unread.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn fail(&self, text: &str) -> Result<bool> {
        let mut state = self.state();
        let listening = std::mem::replace(&mut state.sending, false);
        state.to.put_number(ERROR)?;
        state.to.put_text("Error")?;
        state.to.put_number(0)?;
        state.to.put_text("Error")?;
        state.to.put_text(text)?;
        state.to.put_number(0)?;
        state.to.put_number(0)?;
        state.to.flush()?;
        Ok(listening)
    }

    /// Writes an answer.
    ///
    /// # Errors
    /// The connection breaks.
    pub fn answer<T>(&self, write: impl FnOnce(&mut WireWriter) -> Result<T>) -> Result<T> {
        write(&mut self.state().to)
    }

    fn enqueue(&self, frame: Vec<u8>) {
        let mut state = self.state();
        if !state.sending {
            state.pending.push(frame);
        } else if state.to.write_all(&frame).and_then(|()| state.to.flush()).is_err() {
            // the client has gone away, which is noticed elsewhere
            state.sending = false;
        }
    }
}

impl Sink for Tunnel {
    fn event(&self, event: Event) {
        let mut frame = Vec::new();
        let written = match event {
            Event::Message { level, text } => {
                if level > self.state().verbosity {
                    return;
                }
                let text = match level {
                    Level::Error if !text.starts_with("error: ") => format!("error: {text}\n"),
                    Level::Warn => format!("warning: {text}\n"),
                    _ => format!("{text}\n"),
                };
                frame.put_number(NEXT).and_then(|()| frame.put_text(&text))
            }
            Event::Start { id, parent, level, kind, text, fields } => (|| {
                frame.put_number(START_ACTIVITY)?;
                frame.put_number(id)?;
                frame.put_number(level as u64)?;
                frame.put_number(kind as u64)?;
                frame.put_text(&text)?;
                write_fields(&mut frame, &fields)?;
                frame.put_number(parent)
            })(),
            Event::Stop { id } => frame.put_number(STOP_ACTIVITY).and_then(|()| frame.put_number(id)),
            Event::Result { id, result } => (|| {
                frame.put_number(RESULT)?;
                frame.put_number(id)?;
                frame.put_number(u64::from(result.code()))?;
                write_fields(&mut frame, &result_fields(&result))
            })(),
        };
        if written.is_ok() {
            self.enqueue(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<Event>>);
    impl Sink for Seen {
        fn event(&self, event: Event) {
            self.0.lock().expect("a lock").push(event);
        }
    }

    /// Somewhere to write to that can be looked at.
    #[derive(Clone, Default)]
    struct Wire(Arc<Mutex<Vec<u8>>>);
    impl Write for Wire {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").extend_from_slice(data);
            Ok(data.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn events_arrive_as_they_were_sent() {
        let wire = Wire::default();
        let tunnel = Tunnel::new(WireWriter::new(wire.clone()));
        let events = tunnel.events();
        events.warn("early");
        assert!(wire.0.lock().expect("a lock").is_empty(), "nobody listens yet");
        tunnel.start_work().expect("memory");
        let fields = vec![Field::Int(7), Field::Text("x".into())];
        let activity = events.start(3, Level::Info, ActivityKind::Build, "building", fields.clone());
        activity.result(ActivityResult::SetPhase("unpack".into()));
        activity.progress(1, 2);
        let id = activity.id();
        drop(activity);
        events.message(Level::Debug, "not wanted");
        tunnel.stop_work().expect("memory");
        tunnel.answer(|to| Ok(to.flush()?)).expect("memory");
        let seen = Arc::new(Seen::default());
        let bytes = wire.0.lock().expect("a lock").clone();
        read_frames(&mut bytes.as_slice(), &Events::new(seen.clone())).expect("frames");
        let seen = seen.0.lock().expect("a lock").clone();
        let start = Event::Start {
            id,
            parent: 3,
            level: Level::Info,
            kind: ActivityKind::Build,
            text: "building".into(),
            fields,
        };
        assert_eq!(
            seen,
            [
                Event::Message { level: Level::Notice, text: "warning: early".into() },
                start,
                Event::Result { id, result: ActivityResult::SetPhase("unpack".into()) },
                Event::Result { id, result: ActivityResult::Progress(1, 2, 0, 0) },
                Event::Stop { id },
            ]
        );
    }

    #[test]
    fn errors_end_the_work() {
        let wire = Wire::default();
        let tunnel = Tunnel::new(WireWriter::new(wire.clone()));
        assert!(!tunnel.fail("too early").expect("memory"));
        tunnel.start_work().expect("memory");
        assert!(tunnel.fail("it failed").expect("memory"));
        let bytes = wire.0.lock().expect("a lock").clone();
        let mut input = bytes.as_slice();
        for text in ["too early", "it failed"] {
            let error = read_frames(&mut input, &Events::none()).expect_err("an error");
            assert!(error.is_remote());
            assert_eq!(error.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn frames_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0usize..8) {
            let start = [NEXT, READ, WRITE, LAST, ERROR, START_ACTIVITY, STOP_ACTIVITY, RESULT][which];
            let mut wire = start.to_le_bytes().to_vec();
            wire.extend(bytes);
            let _ = read_frames(&mut wire.as_slice(), &Events::none());
        }
    }
}
