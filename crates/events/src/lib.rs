//! One typed stream of what a command does: activities with parents, progress, log lines, messages.
//!
//! The progress bar, `internal-json`, the daemon's stderr frames and the hub's pages all read this stream; nobody prints
//! beside it. Producers hold a cheap, clonable [`Events`] handle; the edge installs one [`Sink`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much a message matters; the numbers are those of the reference's protocol and command line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(u8)]
pub enum Level {
    /// Errors.
    Error = 0,
    /// Warnings.
    Warn = 1,
    /// What every user should see.
    Notice = 2,
    /// What a user at the terminal sees (`-v` of the old commands).
    Info = 3,
    /// `-v`
    Talkative = 4,
    /// `-vv`
    Chatty = 5,
    /// `--debug`
    Debug = 6,
    /// Everything.
    Vomit = 7,
}

/// Kinds of activities, with the reference's numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum ActivityKind {
    Unknown = 0,
    CopyPath = 100,
    FileTransfer = 101,
    Realise = 102,
    CopyPaths = 103,
    Builds = 104,
    Build = 105,
    OptimiseStore = 106,
    VerifyPaths = 107,
    Substitute = 108,
    QueryPathInfo = 109,
    PostBuildHook = 110,
    BuildWaiting = 111,
    FetchTree = 112,
    FetchToStore = 113,
}

/// The id of an activity; 0 is "none".
pub type ActivityId = u64;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A message for the user, already rendered, without a trailing newline.
    Message {
        /// How much it matters.
        level: Level,
        /// Its text; may have several lines.
        text: String,
    },
    /// An activity begins.
    Start {
        /// Its id.
        id: ActivityId,
        /// The activity that it is part of, or 0.
        parent: ActivityId,
        /// How much it matters.
        level: Level,
        /// Its kind.
        kind: ActivityKind,
        /// What it does, for the user: `building '/nix/store/….drv'`.
        text: String,
        /// The reference's fields for this kind.
        fields: Vec<Field>,
    },
    /// An activity ends.
    Stop {
        /// Its id.
        id: ActivityId,
    },
    /// Something about a running activity.
    Result {
        /// The activity.
        id: ActivityId,
        /// What.
        result: ActivityResult,
    },
}

/// A field of an activity.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// A number.
    Int(u64),
    /// A text.
    Text(String),
}

/// Results of activities, with the reference's numbers as documented in [`ActivityResult::code`].
#[derive(Clone, Debug, PartialEq)]
pub enum ActivityResult {
    /// A file was hard-linked: bytes saved, blocks saved.
    FileLinked(u64, u64),
    /// A line of a build's log.
    BuildLogLine(String),
    /// A path is not trusted.
    UntrustedPath(String),
    /// A path is corrupt.
    CorruptedPath(String),
    /// The builder entered a phase.
    SetPhase(String),
    /// Done, expected, running, failed.
    Progress(u64, u64, u64, u64),
    /// How many of a kind are expected in all.
    SetExpected(ActivityKind, u64),
    /// A line of the post-build hook.
    PostBuildLogLine(String),
    /// A fetch says what it is doing.
    FetchStatus(String),
}

impl ActivityResult {
    /// The reference's number of this result.
    pub fn code(&self) -> u32 {
        match self {
            ActivityResult::FileLinked(..) => 100,
            ActivityResult::BuildLogLine(_) => 101,
            ActivityResult::UntrustedPath(_) => 102,
            ActivityResult::CorruptedPath(_) => 103,
            ActivityResult::SetPhase(_) => 104,
            ActivityResult::Progress(..) => 105,
            ActivityResult::SetExpected(..) => 106,
            ActivityResult::PostBuildLogLine(_) => 107,
            ActivityResult::FetchStatus(_) => 108,
        }
    }
}

/// Receives the events of a command. Called from any thread; must not block for long.
pub trait Sink: Send + Sync {
    /// Takes one event.
    fn event(&self, event: Event);
}

/// A handle that events are sent to. Cloning is cheap.
#[derive(Clone)]
pub struct Events {
    sink: Arc<dyn Sink>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

struct Nowhere;
impl Sink for Nowhere {
    fn event(&self, _: Event) {}
}

impl Events {
    /// A handle that sends to `sink`.
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        Events { sink }
    }

    /// A handle that forgets everything.
    pub fn none() -> Self {
        Events { sink: Arc::new(Nowhere) }
    }

    /// Sends one event.
    pub fn send(&self, event: Event) {
        self.sink.event(event);
    }

    /// Sends a message.
    pub fn message(&self, level: Level, text: impl Into<String>) {
        self.send(Event::Message { level, text: text.into() });
    }

    /// Sends a warning; the text is without the `warning: ` that the edge adds.
    pub fn warn(&self, text: impl Into<String>) {
        self.message(Level::Warn, text);
    }

    /// Starts an activity; it ends when the returned value is dropped.
    pub fn start(
        &self,
        parent: ActivityId,
        level: Level,
        kind: ActivityKind,
        text: impl Into<String>,
        fields: Vec<Field>,
    ) -> Activity {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed) | (u64::from(std::process::id()) << 32);
        self.send(Event::Start { id, parent, level, kind, text: text.into(), fields });
        Activity { events: self.clone(), id }
    }
}

/// A running activity.
#[derive(Debug)]
pub struct Activity {
    events: Events,
    id: ActivityId,
}

impl Activity {
    /// Its id, to be the parent of others.
    pub fn id(&self) -> ActivityId {
        self.id
    }

    /// Reports something about it.
    pub fn result(&self, result: ActivityResult) {
        self.events.send(Event::Result { id: self.id, result });
    }

    /// Reports progress: done and expected, in the unit of the activity's kind.
    pub fn progress(&self, done: u64, expected: u64) {
        self.result(ActivityResult::Progress(done, expected, 0, 0));
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.events.send(Event::Stop { id: self.id });
    }
}
