//! Logs of builds: written compressed in the background, split into lines for the events.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use firn_events::{Activity, ActivityKind, ActivityResult, Events, Field, Level};
use serde_json::Value;

enum Message {
    Open(u64, PathBuf, bool),
    Data(u64, Vec<u8>),
    Close(u64),
}

/// One thread that writes the logs of all builds of a run, so that compressing does not hold up a builder.
pub(crate) struct LogWriter {
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
    next: AtomicU64,
    compress: bool,
}

impl LogWriter {
    /// `compress` as the setting `compress-build-log` says.
    pub(crate) fn new(compress: bool, events: &Events) -> LogWriter {
        let (sender, receiver) = sync_channel(512);
        let events = events.clone();
        let thread = std::thread::Builder::new()
            .name("logs".into())
            .spawn(move || write_logs(&receiver, &events))
            .ok();
        LogWriter { sender: thread.is_some().then_some(sender), thread, next: AtomicU64::new(0), compress }
    }

    /// Begins a log. `path` is without the ending of compressed ones.
    pub(crate) fn open(&self, path: PathBuf) -> LogFile<'_> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut path = path.into_os_string();
        if self.compress {
            path.push(".bz2");
        }
        self.send(Message::Open(id, path.into(), self.compress));
        LogFile { writer: self, id }
    }

    fn send(&self, message: Message) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(message);
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The log of one build; complete when dropped.
pub(crate) struct LogFile<'a> {
    writer: &'a LogWriter,
    id: u64,
}

impl LogFile<'_> {
    pub(crate) fn write(&self, data: &[u8]) {
        self.writer.send(Message::Data(self.id, data.to_vec()));
    }
}

impl Drop for LogFile<'_> {
    fn drop(&mut self) {
        self.writer.send(Message::Close(self.id));
    }
}

enum Output {
    Plain(File),
    Compressed(bzip2::write::BzEncoder<File>),
}

fn write_logs(receiver: &Receiver<Message>, events: &Events) {
    let mut open: HashMap<u64, (PathBuf, Output)> = HashMap::new();
    let complain = |path: &Path, e: std::io::Error| {
        events.warn(format!("writing the log '{}' failed: {e}", path.display()))
    };
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Open(id, path, compress) => match create(&path) {
                Ok(file) if compress => {
                    let encoder = bzip2::write::BzEncoder::new(file, bzip2::Compression::best());
                    open.insert(id, (path, Output::Compressed(encoder)));
                }
                Ok(file) => {
                    open.insert(id, (path, Output::Plain(file)));
                }
                Err(e) => complain(&path, e),
            },
            Message::Data(id, data) => {
                let Some((path, output)) = open.get_mut(&id) else { continue };
                let written = match output {
                    Output::Plain(file) => file.write_all(&data),
                    Output::Compressed(encoder) => encoder.write_all(&data),
                };
                if let Err(e) = written {
                    complain(path, e);
                    open.remove(&id);
                }
            }
            Message::Close(id) => {
                if let Some((path, Output::Compressed(encoder))) = open.remove(&id) {
                    if let Err(e) = encoder.finish() {
                        complain(&path, e);
                    }
                }
            }
        }
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    match File::create(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir)?;
            }
            File::create(path)
        }
        other => other,
    }
}

/// The lines of a running build: told as results of its activity, the last ones kept for the error message.
pub(crate) struct LogLines<'a> {
    events: &'a Events,
    activity: Activity,
    nested: HashMap<u64, Activity>,
    line: Vec<u8>,
    column: usize,
    pending_return: bool,
    tail: VecDeque<String>,
    most: usize,
}

/// A line is told in pieces if it is longer than this.
const MAX_LINE: usize = 1 << 20;

impl<'a> LogLines<'a> {
    /// Lines of `activity`, the last `most` of which are kept.
    pub(crate) fn new(events: &'a Events, activity: Activity, most: usize) -> Self {
        LogLines {
            events,
            activity,
            nested: HashMap::new(),
            line: Vec::new(),
            column: 0,
            pending_return: false,
            tail: VecDeque::new(),
            most,
        }
    }

    /// Takes the next piece of output.
    pub(crate) fn write(&mut self, data: &[u8]) {
        for &byte in data {
            if std::mem::take(&mut self.pending_return) && byte != b'\n' {
                self.column = 0;
            }
            match byte {
                b'\r' => self.pending_return = true,
                b'\n' => self.flush_line(),
                byte => {
                    if self.column >= MAX_LINE {
                        self.flush_line();
                    }
                    match self.line.get_mut(self.column) {
                        Some(old) => *old = byte,
                        None => self.line.push(byte),
                    }
                    self.column += 1;
                }
            }
        }
    }

    /// Takes the end of the output.
    pub(crate) fn finish(&mut self) {
        if !self.line.is_empty() {
            self.flush_line();
        }
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tail.iter().map(String::as_str)
    }

    fn flush_line(&mut self) {
        self.line.truncate(self.column);
        self.column = 0;
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if let Some(json) = line.strip_prefix("@nix ") {
            match serde_json::from_str::<Value>(json)
                .map_err(|e| e.to_string())
                .and_then(|v| self.structured(&v))
            {
                Ok(()) => return,
                Err(e) => {
                    self.events
                        .warn(format!("Unable to handle a JSON message from the derivation builder: {e}"));
                }
            }
        }
        self.activity.result(ActivityResult::BuildLogLine(line.clone()));
        if self.most > 0 {
            if self.tail.len() == self.most {
                self.tail.pop_front();
            }
            self.tail.push_back(line);
        }
    }

    /// A message in the form of `internal-json`. Builders are not trusted: of activities they may start downloads only.
    fn structured(&mut self, json: &Value) -> Result<(), String> {
        let text = |name: &str| json[name].as_str().ok_or_else(|| format!("'{name}' is not a string"));
        let number = |name: &str| json[name].as_u64().ok_or_else(|| format!("'{name}' is not a number"));
        match text("action")? {
            "start" if number("type")? == ActivityKind::FileTransfer as u64 => {
                let fields = json["fields"].as_array().into_iter().flatten().filter_map(field).collect();
                let activity = self.events.start(
                    self.activity.id(),
                    level(number("level")?),
                    ActivityKind::FileTransfer,
                    text("text")?,
                    fields,
                );
                self.nested.insert(number("id")?, activity);
            }
            "stop" => drop(self.nested.remove(&number("id")?)),
            "result" => {
                let values: Vec<u64> =
                    json["fields"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
                if let (Some(activity), 105, [done, expected, running, failed]) =
                    (self.nested.get(&number("id")?), number("type")?, values.as_slice())
                {
                    activity.result(ActivityResult::Progress(*done, *expected, *running, *failed));
                }
            }
            "setPhase" => self.activity.result(ActivityResult::SetPhase(text("phase")?.to_owned())),
            "msg" => self.events.message(level(number("level")?), text("msg")?),
            _ => {}
        }
        Ok(())
    }
}

fn field(value: &Value) -> Option<Field> {
    value.as_u64().map(Field::Int).or_else(|| value.as_str().map(|s| Field::Text(s.to_owned())))
}

fn level(number: u64) -> Level {
    match number {
        0 => Level::Error,
        1 => Level::Warn,
        2 => Level::Notice,
        3 => Level::Info,
        4 => Level::Talkative,
        5 => Level::Chatty,
        6 => Level::Debug,
        _ => Level::Vomit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firn_events::{Event, Sink};
    use std::sync::{Arc, Mutex};

    #[derive(Default)]
    struct Seen(Mutex<Vec<Event>>);
    impl Sink for Seen {
        fn event(&self, event: Event) {
            self.0.lock().expect("a lock").push(event);
        }
    }

    fn lines_of(pieces: &[&str]) -> (Vec<String>, Vec<Event>) {
        let seen = Arc::new(Seen::default());
        let events = Events::new(seen.clone());
        let activity = events.start(0, Level::Info, ActivityKind::Build, "building", vec![]);
        let mut lines = LogLines::new(&events, activity, 3);
        for p in pieces {
            lines.write(p.as_bytes());
        }
        lines.finish();
        let tail = lines.tail().map(str::to_owned).collect();
        drop(lines);
        let events = seen.0.lock().expect("a lock").clone();
        (tail, events)
    }

    #[test]
    fn carriage_returns_overwrite_and_line_ends_do_not() {
        assert_eq!(lines_of(&["10%\r20%", "\r30%\n", "dos\r", "\nend"]).0, ["30%", "dos", "end"]);
        assert_eq!(lines_of(&["longer\rabc\n"]).0, ["abc"]);
        assert_eq!(lines_of(&["1\n2\n3\n4\n\n"]).0, ["3", "4", ""]);
    }

    #[test]
    fn structured_lines_become_events() {
        let (tail, events) = lines_of(&[
            "@nix {\"action\":\"setPhase\",\"phase\":\"buildPhase\"}\n",
            "@nix {\"action\":\"start\",\"id\":7,\"type\":105,\"level\":1,\"text\":\"forged\"}\n",
            "@nix {\"action\":\"start\",\"id\":8,\"type\":101,\"level\":1,\"text\":\"real\"}\n",
            "@nix {\"action\":\"msg\",\"level\":1,\"msg\":\"hello\"}\n",
            "@nix {not json}\n",
        ]);
        assert_eq!(tail, ["@nix {not json}"]);
        let has = |f: &dyn Fn(&Event) -> bool| events.iter().any(f);
        assert!(has(
            &|e| matches!(e, Event::Result { result: ActivityResult::SetPhase(p), .. } if p == "buildPhase")
        ));
        assert!(has(&|e| matches!(e, Event::Start { text, .. } if text == "real")));
        assert!(!has(&|e| matches!(e, Event::Start { text, .. } if text == "forged")));
        assert!(has(&|e| matches!(e, Event::Message { text, .. } if text == "hello")));
    }

    #[test]
    fn logs_are_compressed_in_the_background() {
        let dir = tempfile::tempdir().expect("a folder");
        let writer = LogWriter::new(true, &Events::none());
        let log = writer.open(dir.path().join("drvs/01/23-x.drv"));
        log.write(b"hello ");
        log.write(b"log\n");
        drop(log);
        drop(writer);
        let path = dir.path().join("drvs/01/23-x.drv.bz2");
        let mut text = String::new();
        std::io::Read::read_to_string(
            &mut bzip2::read::BzDecoder::new(File::open(path).expect("a log")),
            &mut text,
        )
        .expect("bzip2");
        assert_eq!(text, "hello log\n");
    }
}
