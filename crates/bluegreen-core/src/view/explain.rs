//! A run's history with its reasons, from the journal alone.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::narrate::Narrator;
use super::phase::{Phase, Tone};
use super::words;
use crate::decide::elapsed;
use crate::journal::{Body, IntentId, Record, RunState};

/// One line of a run's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainLine {
    /// The record that it tells of.
    pub seq: u64,
    /// When that was written.
    pub at: Timestamp,
    /// How long after the run's beginning.
    #[serde(with = "crate::model::duration")]
    pub elapsed: Duration,
    /// How long what it tells of took: a call, a step, a rollback.
    #[serde(serialize_with = "optional")]
    pub took: Option<Duration>,
    /// The phase that the run is in after it.
    pub phase: Phase,
    /// The number of the step under way after it, from 1, while one is.
    pub step: Option<usize>,
    /// What happened.
    pub text: String,
    /// Why.
    pub why: Option<String>,
    /// How it is meant.
    pub tone: Tone,
}

#[allow(clippy::ref_option, reason = "the shape that serde asks for")]
fn optional<S: serde::Serializer>(took: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match took {
        Some(took) => serializer.serialize_some(&crate::model::duration::format(*took)),
        None => serializer.serialize_none(),
    }
}

impl fmt::Display for ExplainLine {
    /// `+5m12s  going back to the baseline: alarm frontend-5xx is red (35s)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9}  {}", format!("+{}", words::brief(self.elapsed)), self.text)?;
        if let Some(why) = &self.why {
            write!(f, ": {why}")?;
        }
        match self.took.filter(|took| !took.is_zero()) {
            Some(took) => write!(f, " ({})", words::brief(took)),
            None => Ok(()),
        }
    }
}

/// The history of a run, oldest first: every decision with its reason, every call with its outcome.
///
/// A write's plain success is told on the line of its intent, as the time that the call took. Records that cannot be
/// folded end the history there.
pub fn explain(records: &[Record]) -> Vec<ExplainLine> {
    let mut narrator = Narrator::new();
    let mut lines: Vec<ExplainLine> = Vec::new();
    let Some(first) = records.first() else { return lines };
    let Ok(mut state) = RunState::fold(std::slice::from_ref(first)) else { return lines };
    let mut open: Option<(IntentId, Timestamp, usize)> = None;
    for (index, record) in records.iter().enumerate() {
        if index > 0 && state.apply(record).is_err() {
            break;
        }
        let told = narrator.tell(record);
        if let Body::Outcome { intent, .. } = &record.body
            && let Some((_, sent_at, line)) = open.take().filter(|(id, ..)| id == intent)
            && told.is_none()
        {
            lines[line].took = Some(elapsed(sent_at, record.at));
        }
        let Some(told) = told else { continue };
        if matches!(record.body, Body::Intent { .. }) {
            open = Some((record.seq, record.at, lines.len()));
        }
        let phase = Phase::of(&state);
        lines.push(ExplainLine {
            seq: record.seq,
            at: record.at,
            elapsed: elapsed(first.at, record.at),
            took: told.took,
            phase,
            step: phase.in_steps().then_some(state.step + 1),
            text: told.text,
            why: told.why,
            tone: told.tone,
        });
    }
    lines
}
