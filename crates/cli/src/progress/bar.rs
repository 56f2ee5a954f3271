//! `bar`: one status line that says what is running; messages scroll above it. `multiline`: a line for each thing that runs.
//!
//! The line is drawn at most 20 times a second by a thread that sleeps while nothing changes.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use firn_events::{ActivityId, ActivityKind, ActivityResult, Event, Field, Level, Sink};

use super::Style;
use super::times::{Times, show};

/// The status line.
pub struct Bar {
    verbosity: Level,
    logs: bool,
    lines: bool,
    style: Style,
    state: Mutex<State>,
    changed: Condvar,
}

/// What is known of all that runs.
#[derive(Default)]
pub(super) struct State {
    pub(super) activities: BTreeMap<ActivityId, Running>,
    /// Sums over ended activities, by kind.
    totals: BTreeMap<u32, Total>,
    /// Builds that are to come, by name.
    pub(super) planned: Vec<String>,
    pub(super) times: Times,
    /// Bytes that were transferred at some times, for the speed.
    transferred: VecDeque<(Instant, u64)>,
    /// How many lines are on the screen.
    drawn: usize,
    dirty: bool,
    stopped: bool,
}

/// Counts of a kind of activity.
#[derive(Default, Clone, Copy)]
pub(super) struct Total {
    pub(super) done: u64,
    pub(super) expected: u64,
    failed: u64,
    running: u64,
}

/// An activity.
pub(super) struct Running {
    pub(super) kind: ActivityKind,
    pub(super) text: String,
    pub(super) parent: ActivityId,
    pub(super) name: String,
    pub(super) phase: String,
    pub(super) last_line: String,
    pub(super) progress: Total,
    expected: BTreeMap<u32, u64>,
    pub(super) started: Instant,
    /// Higher is newer.
    touched: u64,
}

impl Bar {
    /// Starts the thread that draws, if there is a terminal.
    pub fn start(verbosity: Level, logs: bool, lines: bool, style: Style) -> Arc<Bar> {
        let state = State {
            times: if style.terminal { Times::load() } else { Times::default() },
            ..State::default()
        };
        let bar = Arc::new(Bar {
            verbosity,
            logs,
            lines,
            style,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        if style.terminal {
            let drawer = Arc::downgrade(&bar);
            // Without a thread there is no status line, and nothing else is lost.
            let _ = std::thread::Builder::new().name("progress".into()).spawn(move || {
                while let Some(bar) = drawer.upgrade() {
                    if !bar.draw_next() {
                        break;
                    }
                    drop(bar);
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        }
        bar
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits for a change and draws it; `false` when the display has ended.
    fn draw_next(&self) -> bool {
        let mut state = self.lock();
        if !state.dirty && !state.stopped {
            let (guard, _) = self
                .changed
                .wait_timeout(state, Duration::from_millis(500))
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            state = guard;
        }
        if state.stopped {
            return false;
        }
        let idle = state.activities.is_empty() && !state.dirty;
        if !idle {
            state.dirty = false;
            let (width, height) = terminal_size();
            let lines = if self.lines { state.tree(height) } else { vec![state.line()] };
            let lines: Vec<String> =
                lines.iter().filter(|l| !l.is_empty()).map(|l| truncate(l, width)).collect();
            let clear = state.clear_sequence();
            state.drawn = lines.len();
            write(&format!("{clear}{}", lines.join("\n")));
        }
        true
    }

    /// Ends the display and clears the line.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.clear();
        state.times.save();
        self.changed.notify_all();
    }

    /// Remembers which builds are to come.
    pub fn plan(&self, names: impl Iterator<Item = String>) {
        let mut state = self.lock();
        state.planned = names.collect();
        state.dirty = true;
    }

    fn print(&self, state: &mut State, line: &str) {
        state.clear();
        write(&format!("{line}\n"));
        state.dirty = true;
    }
}

fn write(text: &str) {
    // Nothing can be done about a standard error that is gone.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Columns and rows.
fn terminal_size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok().filter(|w| w.ws_col > 0);
    size.map_or((80, 24), |w| (usize::from(w.ws_col), usize::from(w.ws_row).max(2)))
}

/// The first `width - 1` characters of a line, escape sequences not counted.
fn truncate(line: &str, width: usize) -> String {
    let mut out = String::new();
    let (mut seen, mut escape) = (0, false);
    for c in line.chars() {
        if c == '\x1b' {
            escape = true;
        }
        if !escape {
            seen += 1;
            if seen >= width {
                break;
            }
        } else if c == 'm' {
            escape = false;
        }
        out.push(c);
    }
    out.push_str("\x1b[0m");
    out
}

impl State {
    /// What takes the lines away that were drawn last.
    fn clear_sequence(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            n => format!("\r\x1b[K{}", "\x1b[1A\x1b[2K".repeat(n - 1)),
        }
    }

    fn clear(&mut self) {
        let sequence = self.clear_sequence();
        if !sequence.is_empty() {
            write(&sequence);
        }
    }

    /// Bytes a second, over the last seconds.
    fn speed(&mut self, bytes: u64) -> Option<f64> {
        let now = Instant::now();
        self.transferred.push_back((now, bytes));
        while self.transferred.front().is_some_and(|(t, _)| now.duration_since(*t) > Duration::from_secs(4)) {
            self.transferred.pop_front();
        }
        let (start, first) = self.transferred.front()?;
        let seconds = now.duration_since(*start).as_secs_f64();
        (seconds > 0.5 && bytes > *first).then(|| (bytes - first) as f64 / seconds)
    }

    /// How long the builds are likely to take, if that is known for most of them.
    pub(super) fn estimate(&self) -> Option<f64> {
        let running: Vec<&Running> =
            self.activities.values().filter(|a| a.kind == ActivityKind::Build).collect();
        let (mut known, mut unknown, mut rest, mut longest) = (0usize, 0usize, 0.0, 0.0f64);
        let of_running = running.iter().map(|b| {
            let whole = self.times.of(&b.name)?;
            Some((whole - b.started.elapsed().as_secs_f64()).max(1.0))
        });
        for estimate in of_running.chain(self.planned.iter().map(|name| self.times.of(name))) {
            match estimate {
                Some(seconds) => {
                    known += 1;
                    rest += seconds;
                    longest = longest.max(seconds);
                }
                None => unknown += 1,
            }
        }
        if known == 0 || unknown > known {
            return None;
        }
        // builds of unknown length count as the average
        rest += rest / known as f64 * unknown as f64;
        Some((rest / running.len().max(1) as f64).max(longest))
    }

    fn total(&self, kind: ActivityKind) -> Total {
        let mut total = self.totals.get(&(kind as u32)).copied().unwrap_or_default();
        let mut announced = 0;
        for running in self.activities.values() {
            if running.kind == kind {
                total.done += running.progress.done;
                total.expected += running.progress.expected;
                total.failed += running.progress.failed;
                total.running += running.progress.running;
            }
            announced += running.expected.get(&(kind as u32)).copied().unwrap_or(0);
        }
        total.expected = total.expected.max(announced);
        total
    }

    /// `[1/2/5 built, 3 fetched (4.0 MiB)] building hello (buildPhase): …`
    fn line(&mut self) -> String {
        let status = self.status();
        self.newest(status)
    }

    /// `[1/2/5 built, 3 fetched (4.0 MiB)]`
    pub(super) fn status(&mut self) -> String {
        let mut parts = Vec::new();
        let builds = self.total(ActivityKind::Builds);
        if builds.expected + builds.done + builds.failed > 0 {
            let mut text = String::new();
            if builds.running > 0 {
                text += &format!("\x1b[34;1m{}\x1b[0m/", builds.running);
            }
            text += &format!("\x1b[32;1m{}\x1b[0m", builds.done);
            if builds.expected > builds.done {
                text += &format!("/{}", builds.expected);
            }
            text += " built";
            if builds.failed > 0 {
                text += &format!(" (\x1b[31;1m{} failed\x1b[0m)", builds.failed);
            }
            parts.push(text);
        }
        let copied = self.total(ActivityKind::CopyPaths);
        if copied.expected + copied.done > 0 {
            parts.push(format!(
                "\x1b[32;1m{}\x1b[0m/{} copied",
                copied.done,
                copied.expected.max(copied.done)
            ));
        }
        let transfer = self.total(ActivityKind::FileTransfer);
        if transfer.done + transfer.expected > 0 {
            let mut text = if transfer.expected > transfer.done {
                format!("\x1b[32;1m{}\x1b[0m/{} DL", mebibytes(transfer.done), mebibytes(transfer.expected))
            } else {
                format!("\x1b[32;1m{}\x1b[0m DL", mebibytes(transfer.done))
            };
            if let Some(speed) = self.speed(transfer.done) {
                text += &format!(" ({}/s)", mebibytes(speed as u64));
            }
            parts.push(text);
        }
        if let Some(seconds) = self.estimate() {
            parts.push(format!("about {} left", show(seconds)));
        }
        if parts.is_empty() { String::new() } else { format!("[{}]", parts.join(", ")) }
    }

    /// The status, and what was heard of last.
    fn newest(&self, status: String) -> String {
        let Some(newest) = self.activities.values().filter(|a| !a.text.is_empty()).max_by_key(|a| a.touched)
        else {
            return status;
        };
        let mut text = newest.text.clone();
        if !newest.phase.is_empty() {
            text += &format!(" (\x1b[1m{}\x1b[0m)", newest.phase);
        }
        if !newest.last_line.is_empty() {
            text += &format!(": {}", newest.last_line.trim());
        }
        if status.is_empty() { text } else { format!("{status} {text}") }
    }
}

/// `1.5 MiB`
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

/// `/nix/store/<hash>-hello-2.10.drv` -> `hello-2.10`.
fn short_name(path: &str) -> &str {
    let base = path.rsplit('/').next().unwrap_or(path);
    base.get(33..).unwrap_or(base).trim_end_matches(".drv")
}

fn describe(kind: ActivityKind, text: String, fields: &[Field]) -> (String, String) {
    let name = match fields.first() {
        Some(Field::Text(path)) => short_name(path).to_owned(),
        _ => String::new(),
    };
    let shown = match kind {
        ActivityKind::Build => format!("building \x1b[1m{name}\x1b[0m"),
        ActivityKind::Substitute => format!("fetching \x1b[1m{name}\x1b[0m"),
        ActivityKind::FileTransfer => {
            text.replace("downloading '", "downloading ").trim_end_matches('\'').to_owned()
        }
        _ => text,
    };
    (name, shown)
}

impl Sink for Bar {
    fn event(&self, event: Event) {
        let mut guard = self.lock();
        let state = &mut *guard;
        match event {
            Event::Message { level, text } => {
                if level <= self.verbosity {
                    let line = self.style.message(level, &text);
                    self.print(state, &line);
                }
            }
            Event::Start { id, parent, level, kind, text, fields } => {
                let visible = level <= self.verbosity && !text.is_empty();
                if visible && kind == ActivityKind::Build && (self.logs || !self.style.terminal) {
                    self.print(state, &text);
                }
                let (name, text) = describe(kind, text, &fields);
                let touched = id;
                let text = if level <= Level::Talkative.min(self.verbosity.max(Level::Info)) {
                    text
                } else {
                    String::new()
                };
                let running = Running {
                    kind,
                    text,
                    parent,
                    name,
                    phase: String::new(),
                    last_line: String::new(),
                    progress: Total::default(),
                    expected: BTreeMap::new(),
                    started: Instant::now(),
                    touched,
                };
                if kind == ActivityKind::Build {
                    if let Some(at) = state.planned.iter().position(|n| *n == running.name) {
                        state.planned.swap_remove(at);
                    }
                }
                state.activities.insert(id, running);
            }
            Event::Stop { id } => {
                if let Some(ended) = state.activities.remove(&id) {
                    if ended.kind == ActivityKind::Build && self.style.terminal {
                        state.times.add(&ended.name, ended.started.elapsed().as_secs_f64());
                    }
                    let total = state.totals.entry(ended.kind as u32).or_default();
                    total.done += ended.progress.done;
                    total.expected += ended.progress.done;
                    total.failed += ended.progress.failed;
                }
            }
            Event::Result { id, result } => self.result(state, id, result),
        }
        state.dirty = true;
        drop(guard);
        self.changed.notify_one();
    }
}

impl Bar {
    fn result(&self, state: &mut State, id: ActivityId, result: ActivityResult) {
        let newest = state.activities.values().map(|a| a.touched).max().unwrap_or(0);
        let Some(running) = state.activities.get_mut(&id) else { return };
        match result {
            ActivityResult::BuildLogLine(line) | ActivityResult::PostBuildLogLine(line) => {
                running.touched = newest + 1;
                if self.logs {
                    let line = format!("\x1b[1m{}> \x1b[0m{line}", running.name);
                    let line = if self.style.colours { line } else { super::strip_ansi(&line) };
                    self.print(state, &line);
                } else {
                    running.last_line = super::strip_ansi(&line);
                }
            }
            ActivityResult::SetPhase(phase) => running.phase = phase,
            ActivityResult::Progress(done, expected, active, failed) => {
                running.progress = Total { done, expected, failed, running: active };
                if running.parent != 0 {
                    running.touched = newest + 1;
                }
            }
            ActivityResult::SetExpected(kind, n) => {
                running.expected.insert(kind as u32, n);
            }
            ActivityResult::FetchStatus(text) => running.last_line = text,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_and_names_what_runs() {
        let bar = Bar::start(Level::Notice, false, false, Style { terminal: false, colours: false });
        bar.event(Event::Start {
            id: 1,
            parent: 0,
            level: Level::Debug,
            kind: ActivityKind::Builds,
            text: String::new(),
            fields: vec![],
        });
        bar.event(Event::Result { id: 1, result: ActivityResult::Progress(1, 5, 2, 0) });
        let drv = "/nix/store/00000000000000000000000000000000-hello-2.10.drv";
        bar.event(Event::Start {
            id: 2,
            parent: 0,
            level: Level::Info,
            kind: ActivityKind::Build,
            text: format!("building '{drv}'"),
            fields: vec![Field::Text(drv.into())],
        });
        bar.event(Event::Result { id: 2, result: ActivityResult::SetPhase("buildPhase".into()) });
        bar.event(Event::Result { id: 2, result: ActivityResult::BuildLogLine("gcc -c hello.c".into()) });
        let line = super::super::strip_ansi(&bar.lock().line());
        assert_eq!(line, "[2/1/5 built] building hello-2.10 (buildPhase): gcc -c hello.c");
    }

    #[test]
    fn the_rest_is_estimated_from_earlier_builds() {
        let bar = Bar::start(Level::Notice, false, true, Style { terminal: false, colours: false });
        let start = |id, name: &str| {
            let drv = format!("/nix/store/00000000000000000000000000000000-{name}.drv");
            bar.event(Event::Start {
                id,
                parent: 0,
                level: Level::Info,
                kind: ActivityKind::Build,
                text: format!("building '{drv}'"),
                fields: vec![Field::Text(drv)],
            });
        };
        bar.lock().times.add("gcc-12", 100.0);
        bar.lock().times.add("hello-1", 20.0);
        assert_eq!(bar.lock().estimate(), None);
        bar.plan(["gcc-13".to_owned(), "hello-2".to_owned()].into_iter());
        start(1, "gcc-13");
        let rest = bar.lock().estimate().expect("an estimate");
        assert!((115.0..=120.0).contains(&rest), "{rest}");
        start(2, "hello-2");
        let rest = bar.lock().estimate().expect("an estimate");
        assert!((95.0..=100.0).contains(&rest), "{rest}");
        let tree: Vec<String> = bar.lock().tree(10).iter().map(|l| super::super::strip_ansi(l)).collect();
        assert_eq!(tree.len(), 4, "{tree:?}");
        assert!(tree[0].starts_with("building 2"), "{tree:?}");
        assert!(tree[1].starts_with("├─ gcc-13 (0s of about 1m40s)"), "{tree:?}");
        assert!(tree[2].starts_with("└─ hello-2"), "{tree:?}");
    }

    #[test]
    fn long_lines_are_cut() {
        assert_eq!(truncate("\x1b[1mabcdef", 4), "\x1b[1mabc\x1b[0m");
    }
}
