//! What the user sees while a command works: sinks for the event stream, one a log format.

mod bar;
mod internal_json;
mod raw;
mod style;
mod tee;
mod times;
mod tree;

use std::str::FromStr;
use std::sync::{Arc, Mutex};

use firn_events::{Events, Level, Sink};

pub use bar::Bar;
pub use internal_json::InternalJson;
pub use raw::Raw;
pub use style::{Style, strip_ansi};

/// How events are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// Messages and activities, a line each.
    Raw,
    /// The same with the output of builds.
    RawWithLogs,
    /// `@nix {…}`, one event a line.
    InternalJson,
    /// A status line that changes, where there is a terminal.
    Bar,
    /// The same with the output of builds above it.
    BarWithLogs,
    /// A line for everything that runs, below each other, where there is a terminal.
    Multiline,
    /// The same with the output of builds above them.
    MultilineWithLogs,
}

impl LogFormat {
    /// The names that `--log-format` takes.
    pub const NAMES: &[&str] = &[
        "bar",
        "bar-with-logs",
        "internal-json",
        "multiline",
        "multiline-with-logs",
        "raw",
        "raw-with-logs",
    ];
}

impl FromStr for LogFormat {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Ok(match s {
            "raw" => LogFormat::Raw,
            "raw-with-logs" => LogFormat::RawWithLogs,
            "internal-json" => LogFormat::InternalJson,
            "bar" => LogFormat::Bar,
            "bar-with-logs" => LogFormat::BarWithLogs,
            "multiline" => LogFormat::Multiline,
            "multiline-with-logs" => LogFormat::MultilineWithLogs,
            _ => return Err(format!("option 'log-format' has an invalid value '{s}'")),
        })
    }
}

/// A running display. Dropping it clears the status line.
pub struct Display {
    events: Events,
    bar: Option<Arc<Bar>>,
    culprits: Arc<Culprits>,
}

/// Remembers the derivations whose own builds failed, for the last word of a command.
struct Culprits {
    next: Arc<dyn Sink>,
    drvs: Mutex<Vec<String>>,
}

/// The derivation that an error is about, unless it failed only because another one did.
fn culprit(text: &str) -> Option<String> {
    let text = strip_ansi(text);
    let rest = text.strip_prefix("error: ").unwrap_or(&text).strip_prefix("Cannot build '")?;
    let (drv, why) = rest.split_once('\'')?;
    let because_of_others = why.contains("dependency failed") || why.contains("dependencies failed");
    (!because_of_others).then(|| drv.to_owned())
}

impl Sink for Culprits {
    fn event(&self, event: firn_events::Event) {
        if let firn_events::Event::Message { level: Level::Error, text } = &event {
            if let Some(drv) = culprit(text) {
                let mut drvs = self.drvs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if !drvs.contains(&drv) {
                    drvs.push(drv);
                }
            }
        }
        self.next.event(event);
    }
}

impl Display {
    /// Starts showing events in `format`, messages up to `verbosity`.
    pub fn start(format: LogFormat, verbosity: Level) -> Display {
        Display::with_log(format, verbosity, None).0
    }

    /// As [`Display::start`], with every event written to the file or socket `log`, too; why that is not possible, if it is not.
    pub fn with_log(
        format: LogFormat,
        verbosity: Level,
        log: Option<&std::path::Path>,
    ) -> (Display, Option<std::io::Error>) {
        let style = Style::of_stderr();
        let mut bar = None;
        let sink: Arc<dyn Sink> = match format {
            LogFormat::Raw => Arc::new(Raw::new(verbosity, false, style)),
            LogFormat::RawWithLogs => Arc::new(Raw::new(verbosity, true, style)),
            LogFormat::InternalJson => Arc::new(InternalJson::new(verbosity)),
            _ => {
                let logs = matches!(format, LogFormat::BarWithLogs | LogFormat::MultilineWithLogs);
                let lines = matches!(format, LogFormat::Multiline | LogFormat::MultilineWithLogs);
                bar.insert(Bar::start(verbosity, logs, lines, style)).clone()
            }
        };
        let (sink, error) = match log.map(|path| tee::Tee::open(path, verbosity, sink.clone())) {
            None => (sink, None),
            Some(Ok(tee)) => (Arc::new(tee) as Arc<dyn Sink>, None),
            Some(Err(error)) => (sink, Some(error)),
        };
        let culprits = Arc::new(Culprits { next: sink, drvs: Mutex::default() });
        (Display { events: Events::new(culprits.clone()), bar, culprits }, error)
    }

    /// Tells which builds are to come, by the names of their derivations: the estimate of the rest counts them.
    pub fn plan(&self, names: impl Iterator<Item = String>) {
        if let Some(bar) = &self.bar {
            bar.plan(names);
        }
    }

    /// The derivations whose own builds failed so far, in that order.
    pub fn culprits(&self) -> Vec<String> {
        self.culprits.drvs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The handle that events are sent to.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Takes the status line away, so that something else may use the terminal; the display stays silent from here on.
    pub fn stop(&self) {
        if let Some(bar) = &self.bar {
            bar.stop();
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_failed_first() {
        let failed = "Cannot build '/nix/store/x-a.drv'.\nReason: builder failed with exit code 1.";
        assert_eq!(culprit(failed).as_deref(), Some("/nix/store/x-a.drv"));
        assert_eq!(culprit(&format!("error: {failed}")).as_deref(), Some("/nix/store/x-a.drv"));
        assert_eq!(culprit("Cannot build '/nix/store/x-a.drv'.\nReason: 1 dependency failed."), None);
        assert_eq!(culprit("something else"), None);
    }
}
