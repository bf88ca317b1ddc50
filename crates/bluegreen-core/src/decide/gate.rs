//! The alarm gate: green means seen, fresh, defined as planned, and never red since the run began.

use std::time::Duration;

use jiff::Timestamp;

use crate::journal::RunState;
use crate::model::NoData;
use crate::observe::{AlarmSnapshot, AlarmState, Reading, StateChange};
use crate::plan::PlannedAlarm;

use super::elapsed;

/// What the alarms say together. The worst one decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Every alarm is green.
    Open,
    /// One gives no answer, and its policy is to wait.
    Closed {
        /// Which, and why.
        why: String,
        /// For how long this is tolerated.
        limit: Duration,
    },
    /// One gives no answer, and its policy is not to accept that.
    NoAnswer {
        /// Which, and why.
        why: String,
    },
    /// One is red, or was since the run began.
    Red {
        /// Its name.
        alarm: String,
        /// CloudWatch's words.
        reason: String,
    },
}

impl Gate {
    fn rank(&self) -> u8 {
        match self {
            Gate::Open => 0,
            Gate::Closed { .. } => 1,
            Gate::NoAnswer { .. } => 2,
            Gate::Red { .. } => 3,
        }
    }
}

/// One alarm's histories by name.
pub type Histories = [(String, Reading<Vec<StateChange>>)];

/// Judges all alarms of the plan by one reading and the histories that belong to it.
pub fn judge_alarms(
    state: &RunState,
    reading: &Reading<Vec<AlarmSnapshot>>,
    histories: &Histories,
    now: Timestamp,
) -> Gate {
    if state.plan.alarms.is_empty() {
        return Gate::Open;
    }
    let alarms = match &reading.value {
        Ok(alarms) => alarms,
        Err(error) => return unread(state, format!("alarms cannot be read: {}", error.class.as_str())),
    };
    if elapsed(reading.seen_at, now) > state.plan.timing.freshness {
        return unread(state, "the alarms were read too long ago".to_owned());
    }
    let each = state.plan.alarms.iter().map(|planned| judge_one(state, planned, alarms, histories));
    each.max_by_key(Gate::rank).unwrap_or(Gate::Open)
}

fn judge_one(state: &RunState, planned: &PlannedAlarm, alarms: &[AlarmSnapshot], histories: &Histories) -> Gate {
    let policy = &state.plan.alarm_policy;
    let name = &planned.name;
    let Some(alarm) = alarms.iter().find(|alarm| alarm.name == *name) else {
        return no_answer(format!("alarm {name} does not exist"), &policy.missing);
    };
    let changed = alarm.transitioned_at.is_some_and(|at| at >= state.started_at);
    let allowed_red = policy.allow_red.contains(name) && !changed;
    // An alarm that did not exist when the plan was made has no definition there.
    let redefined = !planned.definition.is_empty() && alarm.definition != planned.definition;
    if redefined && (allowed_red || alarm.state != AlarmState::Alarm) {
        // Another threshold is another alarm: what it says was not asked for, so it is as good as missing. Red it is
        // all the same, whatever missing alarms are counted as.
        return no_answer(format!("alarm {name} is defined otherwise than when the plan was made"), &policy.missing);
    }
    let red = |reason: String| Gate::Red { alarm: name.clone(), reason };
    match &alarm.state {
        AlarmState::Alarm if allowed_red => Gate::Open,
        AlarmState::Alarm => red(alarm.reason.clone()),
        AlarmState::Unknown(text) => unread(state, format!("alarm {name} is in the unknown state {text}")),
        AlarmState::Ok | AlarmState::InsufficientData if changed => match blip(state, name, histories) {
            Blip::Red => red("it went to ALARM and back since the run began".to_owned()),
            Blip::Unreadable => unread(state, format!("the history of alarm {name} cannot be read")),
            Blip::None => quiet(&alarm.state, name, &policy.insufficient_data),
        },
        state => quiet(state, name, &policy.insufficient_data),
    }
}

fn quiet(state: &AlarmState, name: &str, policy: &NoData) -> Gate {
    match state {
        AlarmState::InsufficientData => no_answer(format!("alarm {name} has insufficient data"), policy),
        _ => Gate::Open,
    }
}

enum Blip {
    None,
    Red,
    Unreadable,
}

/// Whether an alarm that is not red now was so at some time since the run began.
fn blip(state: &RunState, name: &str, histories: &Histories) -> Blip {
    let Some((_, reading)) = histories.iter().find(|(alarm, _)| alarm == name) else { return Blip::Unreadable };
    match &reading.value {
        Err(_) => Blip::Unreadable,
        Ok(changes) if changes.iter().any(|c| c.at >= state.started_at && c.to == AlarmState::Alarm) => Blip::Red,
        Ok(_) => Blip::None,
    }
}

/// An alarm that answered, without saying green or red.
fn no_answer(why: String, policy: &NoData) -> Gate {
    match policy {
        NoData::Allow => Gate::Open,
        NoData::Wait(limit) => Gate::Closed { why, limit: *limit },
        NoData::Refuse => Gate::NoAnswer { why },
    }
}

/// A read that failed never counts as green, whatever the policy says: nobody has seen anything.
fn unread(state: &RunState, why: String) -> Gate {
    match &state.plan.alarm_policy.unreadable {
        NoData::Wait(limit) => Gate::Closed { why, limit: *limit },
        NoData::Allow => Gate::Closed { why, limit: state.plan.timing.phase_deadline },
        NoData::Refuse => Gate::NoAnswer { why },
    }
}
