//! A deployment that AWS carries out, followed: what happens on the way, as lines for people and logs or as one JSON
//! object a line, and how it ended.

use std::sync::{Mutex, PoisonError};

use bluegreen_core::drive::Interrupt;
use bluegreen_core::follow::{Ended, Left, Told};
use bluegreen_core::model::{DeploymentId, RunId, Timestamp};
use bluegreen_core::observe::ManagedDeployments;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Output;
use crate::error::Failure;
use crate::exit::Exit;
use crate::render::deployment::aws_look;
use crate::render::words::wrap_at;
use crate::{env, out};

/// How long a wait may be silent: pipelines end jobs that say nothing.
const HEARTBEAT_SECONDS: i64 = 60;

/// Writes what is told.
pub(super) struct Teller {
    json: bool,
    width: usize,
    /// The run whose mark the deployment carries, if it is one of ours.
    run: Option<RunId>,
    /// How to go on after this process has left.
    again: String,
    /// What is waited for, and when that was said.
    waiting: Mutex<Option<(String, Timestamp)>>,
}

impl Teller {
    /// `again` is what to do to go on after this process has left.
    pub(super) fn new(output: Output, run: Option<RunId>, again: String) -> Teller {
        let width = if output == Output::Human { 80 } else { 100 };
        Teller { json: output == Output::Json, width, run, again, waiting: Mutex::default() }
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

    /// Tells how it ended, and what to do where it has not.
    pub(super) fn end(&self, left: &Left, deployment: Option<&DeploymentId>) -> Exit {
        let (exit, outcome, why) = ended(left, deployment);
        if self.json {
            let result = json!({ "outcome": outcome, "why": why, "deployment": deployment, "exit": exit.code() });
            self.write(env::now(), "result", result);
            return exit;
        }
        self.line(env::now(), &format!("{outcome}: {why}"));
        if matches!(exit, Exit::Interrupted | Exit::Held) {
            out::say(format_args!("to go on: {}", self.again));
        }
        if let (Exit::Held | Exit::RollbackFailed, Some(id)) = (exit, deployment) {
            out::say(format_args!("to look: {}", aws_look(id)));
        }
        exit
    }

    fn line(&self, at: Timestamp, sentence: &str) {
        out::say(wrap_at(&format!("{} {sentence}", at.strftime("%H:%M:%SZ")), 10, self.width));
    }

    fn write(&self, at: Timestamp, kind: &str, content: Value) {
        let mut line = json!({ "v": 1, "at": at, "type": kind });
        if let Some(run) = &self.run {
            line["run"] = json!(run);
        }
        if let (Value::Object(line), Value::Object(content)) = (&mut line, content) {
            line.extend(content);
        }
        out::data(line);
    }
}

fn seen(deployments: &ManagedDeployments) -> Value {
    json!({ "deployment": deployments.ours, "rollback": deployments.rollback })
}

/// How following ended: the exit code, a word and a sentence.
fn ended(left: &Left, deployment: Option<&DeploymentId>) -> (Exit, &'static str, String) {
    match left {
        Left::Interrupted => {
            let why = match deployment {
                Some(id) => format!("told to leave; {id} goes on, and is not watched from here"),
                None => "told to leave; no deployment is known to have been started".to_owned(),
            };
            (Exit::Interrupted, "interrupted", why)
        }
        Left::Ended(end) => {
            let (exit, outcome) = match end.outcome {
                Ended::Reached(_) => (Exit::Done, "reached"),
                Ended::Refused => (Exit::Refused, "refused"),
                Ended::RolledBack => (Exit::RolledBack, "rolledBack"),
                Ended::Held => (Exit::Held, "held"),
                Ended::RollbackFailed => (Exit::RollbackFailed, "rollbackFailed"),
            };
            (exit, outcome, end.why.clone())
        }
    }
}

/// The first signal leaves at the next look; the second at once. Either way the deployment goes on at AWS.
pub(super) fn listen(interrupt: &Interrupt, again: String) -> Result<(), Failure> {
    let failed = |error| Failure::caused(Exit::Unexpected, "signals cannot be received", error);
    let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let interrupt = interrupt.clone();
    tokio::spawn(async move {
        let name = tokio::select! { _ = int.recv() => "SIGINT", _ = term.recv() => "SIGTERM" };
        out::say(format_args!("{name}: leaving at the next look; the same again leaves at once"));
        interrupt.set();
        tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} };
        out::say(format_args!("left at once; to go on: {again}"));
        std::process::exit(Exit::Interrupted.code().into());
    });
    Ok(())
}
