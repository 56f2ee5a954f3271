//! `raw` and `raw-with-logs`: a line for every message and activity.

use std::io::Write;

use firn_events::{ActivityResult, Event, Level, Sink};

use super::Style;

/// Prints to the standard error.
pub struct Raw {
    verbosity: Level,
    logs: bool,
    style: Style,
}

impl Raw {
    /// Prints messages and activities up to `verbosity`; with `logs` also the output of builds.
    pub fn new(verbosity: Level, logs: bool, style: Style) -> Raw {
        Raw { verbosity, logs, style }
    }
}

impl Sink for Raw {
    fn event(&self, event: Event) {
        let line = match event {
            Event::Message { level, text } if level <= self.verbosity => self.style.message(level, &text),
            Event::Start { level, text, .. } if level <= self.verbosity && !text.is_empty() => {
                format!("{text}...")
            }
            Event::Result {
                result: ActivityResult::BuildLogLine(line) | ActivityResult::PostBuildLogLine(line),
                ..
            } if self.logs => line,
            _ => return,
        };
        // Nothing can be done about a standard error that is gone.
        let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
    }
}
