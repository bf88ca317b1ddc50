//! The past of alarms, as CloudWatch tells it.

use bluegreen_core::observe::AlarmState;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::definition::AlarmSpec;
use super::judge::Judgement;
use crate::world::AlarmRecord;

/// One thing that happened to an alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryItem {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub kind: HistoryKind,
    /// In words.
    pub summary: String,
    /// For machines, as JSON.
    pub data: String,
}

/// What can happen to an alarm. Actions are never done, so that there is no item of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryKind {
    /// `ConfigurationUpdate`.
    Configuration,
    /// `StateUpdate`.
    State,
}

impl HistoryKind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            HistoryKind::Configuration => "ConfigurationUpdate",
            HistoryKind::State => "StateUpdate",
        }
    }
}

/// A state's word.
pub(crate) fn word(state: &AlarmState) -> &str {
    match state {
        AlarmState::Ok => "OK",
        AlarmState::Alarm => "ALARM",
        AlarmState::InsufficientData => "INSUFFICIENT_DATA",
        AlarmState::Unknown(other) => other,
    }
}

impl HistoryItem {
    /// A change of state.
    pub(super) fn state(alarm: &AlarmRecord, to: &Judgement, at: Timestamp) -> HistoryItem {
        let data = json!({
            "version": "1.0",
            "oldState": half(&alarm.state, &alarm.reason, &alarm.reason_data),
            "newState": half(&to.state, &to.reason, &to.data),
        });
        let summary = format!("Alarm updated from {} to {}", word(&alarm.state), word(&to.state));
        HistoryItem { at, kind: HistoryKind::State, summary, data: data.to_string() }
    }

    /// A new definition, in place of `before` where there was one.
    pub(super) fn configuration(name: &str, arn: &str, before: Option<&AlarmSpec>, spec: &AlarmSpec) -> HistoryItem {
        let document = spec.document(name, arn);
        let (summary, data) = match before {
            None => (
                format!("Alarm \"{name}\" created"),
                json!({ "version": "1.0", "type": "Create", "createdAlarm": document }),
            ),
            Some(before) => (
                format!("Alarm \"{name}\" updated"),
                json!({
                    "version": "1.0",
                    "type": "Update",
                    "originalAlarm": before.document(name, arn),
                    "updatedAlarm": document,
                }),
            ),
        };
        HistoryItem { at: spec.configured_at, kind: HistoryKind::Configuration, summary, data: data.to_string() }
    }
}

/// The reason for machines is a document inside the document, as AWS has it.
fn half(state: &AlarmState, reason: &str, data: &str) -> Value {
    let mut half = json!({ "stateValue": word(state), "stateReason": reason });
    if let (Some(members), Ok(data)) = (half.as_object_mut(), serde_json::from_str::<Value>(data)) {
        members.insert("stateReasonData".to_owned(), data);
    }
    half
}
