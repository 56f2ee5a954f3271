//! `internal-json`: every event as `@nix {…}`, in the reference's form, for programs that show progress themselves.

use std::io::Write;

use firn_events::{ActivityResult, Event, Field, Level, Sink};
use serde_json::{Value, json};

use super::style::prefixed;

/// Prints to the standard error.
pub struct InternalJson {
    verbosity: Level,
}

impl InternalJson {
    /// Prints messages up to `verbosity`, and all activities.
    pub fn new(verbosity: Level) -> InternalJson {
        InternalJson { verbosity }
    }
}

fn result_fields(result: &ActivityResult) -> Vec<Value> {
    match result {
        ActivityResult::FileLinked(bytes, blocks) => vec![json!(bytes), json!(blocks)],
        ActivityResult::BuildLogLine(s)
        | ActivityResult::UntrustedPath(s)
        | ActivityResult::CorruptedPath(s)
        | ActivityResult::SetPhase(s)
        | ActivityResult::PostBuildLogLine(s)
        | ActivityResult::FetchStatus(s) => vec![json!(s)],
        ActivityResult::Progress(done, expected, running, failed) => {
            vec![json!(done), json!(expected), json!(running), json!(failed)]
        }
        ActivityResult::SetExpected(kind, n) => vec![json!(*kind as u32), json!(n)],
    }
}

/// The JSON of one event.
pub(crate) fn to_json(event: &Event) -> Value {
    let mut json = unsorted(event);
    if let Value::Object(fields) = &mut json {
        fields.sort_keys();
    }
    json
}

fn unsorted(event: &Event) -> Value {
    match event {
        Event::Message { level, text } => {
            let text = prefixed(*level, text);
            json!({ "action": "msg", "level": *level as u8, "msg": text })
        }
        Event::Start { id, parent, level, kind, text, fields } => {
            let fields: Vec<Value> = fields
                .iter()
                .map(|f| match f {
                    Field::Int(n) => json!(n),
                    Field::Text(s) => json!(s),
                })
                .collect();
            json!({ "action": "start", "id": id, "level": *level as u8, "type": *kind as u32, "text": text, "parent": parent, "fields": fields })
        }
        Event::Stop { id } => json!({ "action": "stop", "id": id }),
        Event::Result { id, result } => {
            json!({ "action": "result", "id": id, "type": result.code(), "fields": result_fields(result) })
        }
    }
}

impl Sink for InternalJson {
    fn event(&self, event: Event) {
        if matches!(&event, Event::Message { level, .. } if *level > self.verbosity) {
            return;
        }
        // Nothing can be done about a standard error that is gone.
        let _ = std::io::stderr().write_all(format!("@nix {}\n", to_json(&event)).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_reference_s_form() {
        let e = Event::Result { id: 7, result: ActivityResult::SetPhase("buildPhase".into()) };
        assert_eq!(
            to_json(&e).to_string(),
            r#"{"action":"result","fields":["buildPhase"],"id":7,"type":104}"#
        );
        assert_eq!(to_json(&Event::Stop { id: 7 }).to_string(), r#"{"action":"stop","id":7}"#);
    }
}
