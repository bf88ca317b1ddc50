//! One JSON object on each line of stdout: `v`, `at`, `type`, `run`, and what belongs to the type.

use bluegreen_core::drive::Ended;
use bluegreen_core::event::{EVENT_VERSION, Event, Reporter};
use bluegreen_core::model::{RunId, Timestamp};
use serde_json::{Value, json};

use super::Renderer;
use crate::exit::Exit;
use crate::{env, out};

/// For programs.
pub(super) struct Json {
    run: RunId,
}

impl Json {
    pub(super) fn new(run: &RunId) -> Json {
        Json { run: run.clone() }
    }

    fn write(&self, at: Timestamp, kind: &str, content: Value) {
        let mut line = json!({ "v": EVENT_VERSION, "at": at, "type": kind, "run": self.run });
        if let (Value::Object(line), Value::Object(content)) = (&mut line, content) {
            line.extend(content);
        }
        out::data(line);
    }
}

/// What an event's line says, beyond who and when.
fn line(event: &Event) -> (Timestamp, &'static str, Value) {
    match event {
        Event::Recorded(record) => (record.at, "recorded", json!({ "seq": record.seq, "body": record.body })),
        Event::Looked(look) => (look.at, "looked", json!({ "look": look })),
        Event::Waiting { at, until, why } => (*at, "waiting", json!({ "until": until, "why": why })),
        Event::ReadFailed { at, error } => (*at, "readFailed", json!({ "error": error })),
        Event::Warning { at, text } => (*at, "warning", json!({ "text": text })),
    }
}

impl Reporter for Json {
    fn event(&self, event: &Event) {
        let (at, kind, content) = line(event);
        self.write(at, kind, content);
    }
}

impl Renderer for Json {
    /// Notes are for people: stdout carries events alone.
    fn note(&self, text: &str) {
        out::say(text);
    }

    fn end(&self, ended: &Ended, exit: Exit) {
        let (outcome, why) = match ended {
            Ended::Finished(ending) => (json!(ending.terminal), ending.why.clone()),
            Ended::Reached { milestone } => (json!("reached"), format!("left at {milestone}, as asked")),
            Ended::Left { why } => (json!("interrupted"), why.clone()),
        };
        self.write(env::now(), "result", json!({ "outcome": outcome, "why": why, "exit": exit.code() }));
    }

    fn close(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_says_what_it_is() {
        let at: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
        let (_, kind, content) = line(&Event::Waiting { at, until: at, why: "because".to_owned() });
        assert_eq!(kind, "waiting");
        assert_eq!(content["why"], "because");
        assert_eq!(content["until"], "2026-11-23T06:00:00Z");
    }
}
