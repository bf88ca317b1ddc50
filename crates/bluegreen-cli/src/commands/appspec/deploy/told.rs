//! What happens on the way, as lines for people and logs or as one JSON object a line.

use std::sync::{Mutex, PoisonError};

use bluegreen_core::follow::Told;
use bluegreen_core::model::{DeploymentId, RunId, Timestamp};
use bluegreen_core::observe::ManagedDeployments;
use serde_json::{Value, json};

use crate::args::Output;
use crate::exit::Exit;
use crate::render::words::wrap_at;
use crate::{env, out};

/// How long a wait may be silent: pipelines end jobs that say nothing.
const HEARTBEAT_SECONDS: i64 = 60;

/// Writes what is told.
pub(super) struct Teller {
    json: bool,
    width: usize,
    run: RunId,
    /// What is waited for, and when that was said.
    waiting: Mutex<Option<(String, Timestamp)>>,
}

impl Teller {
    pub(super) fn new(output: Output, run: &RunId) -> Teller {
        let width = if output == Output::Human { 80 } else { 100 };
        Teller { json: output == Output::Json, width, run: run.clone(), waiting: Mutex::default() }
    }

    pub(super) fn tell(&self, at: Timestamp, told: Told<'_>) {
        match told {
            Told::Seen { deployments, news } => {
                if self.json {
                    self.write(at, "seen", seen(deployments));
                } else {
                    for sentence in news {
                        self.line(at, sentence);
                    }
                }
            }
            Told::Sent(text) if self.json => self.write(at, "sent", json!({ "text": text })),
            Told::Sent(text) => self.line(at, text),
            Told::Waiting(why) => self.waiting(at, why),
        }
    }

    /// A wait is said when it begins, and now and then while it lasts.
    fn waiting(&self, at: Timestamp, why: &str) {
        let mut last = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let said = last
            .as_ref()
            .is_some_and(|(said, when)| said == why && at.duration_since(*when).as_secs() < HEARTBEAT_SECONDS);
        if said {
            return;
        }
        *last = Some((why.to_owned(), at));
        if self.json {
            self.write(at, "waiting", json!({ "why": why }));
        } else {
            self.line(at, &format!("waiting: {why}"));
        }
    }

    pub(super) fn end(&self, outcome: &str, why: &str, deployment: Option<&DeploymentId>, exit: Exit) {
        if self.json {
            let result = json!({ "outcome": outcome, "why": why, "deployment": deployment, "exit": exit.code() });
            return self.write(env::now(), "result", result);
        }
        self.line(env::now(), &format!("{outcome}: {why}"));
        if matches!(exit, Exit::Interrupted | Exit::Held) {
            out::say(format_args!("to go on: the same command with --run {}", self.run));
        }
        if let (Exit::Held | Exit::RollbackFailed, Some(id)) = (exit, deployment) {
            out::say(format_args!("to look: aws deploy get-deployment --deployment-id {id}"));
        }
    }

    fn line(&self, at: Timestamp, sentence: &str) {
        out::say(wrap_at(&format!("{} {sentence}", at.strftime("%H:%M:%SZ")), 10, self.width));
    }

    fn write(&self, at: Timestamp, kind: &str, content: Value) {
        let mut line = json!({ "v": 1, "at": at, "type": kind, "run": self.run });
        if let (Value::Object(line), Value::Object(content)) = (&mut line, content) {
            line.extend(content);
        }
        out::data(line);
    }
}

fn seen(deployments: &ManagedDeployments) -> Value {
    json!({ "deployment": deployments.ours, "rollback": deployments.rollback })
}
