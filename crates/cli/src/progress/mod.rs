//! What the user sees while a command works: sinks for the event stream, one a log format.

mod bar;
mod internal_json;
mod raw;
mod style;

use std::str::FromStr;
use std::sync::Arc;

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
            _ => return Err(format!("option 'log-format' has an invalid value '{s}'")),
        })
    }
}

/// A running display. Dropping it clears the status line.
pub struct Display {
    events: Events,
    bar: Option<Arc<Bar>>,
}

impl Display {
    /// Starts showing events in `format`, messages up to `verbosity`.
    pub fn start(format: LogFormat, verbosity: Level) -> Display {
        let style = Style::of_stderr();
        let sink: Arc<dyn Sink> = match format {
            LogFormat::Raw => Arc::new(Raw::new(verbosity, false, style)),
            LogFormat::RawWithLogs => Arc::new(Raw::new(verbosity, true, style)),
            LogFormat::InternalJson => Arc::new(InternalJson::new(verbosity)),
            LogFormat::Bar | LogFormat::BarWithLogs => {
                let bar = Bar::start(verbosity, format == LogFormat::BarWithLogs, style);
                return Display { events: Events::new(bar.clone()), bar: Some(bar) };
            }
        };
        Display { events: Events::new(sink), bar: None }
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
