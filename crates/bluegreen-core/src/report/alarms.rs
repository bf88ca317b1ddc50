//! What is known of each alarm: by the run's records, and by looks where those were stored.

use jiff::Timestamp;
use serde::Serialize;

use crate::event::Look;
use crate::journal::{Body, Cause, Fact, Record, RunState};
use crate::observe::AlarmState;
use crate::view::words;

/// One alarm over the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmReport {
    /// Its name.
    pub name: String,
    /// Its evaluation window in seconds; 0 for composites.
    pub window_seconds: u64,
    /// Whether it was allowed to be red at the start.
    pub allowed_red: bool,
    /// When all alarms together were found acceptable before the first write.
    pub accepted_at: Option<Timestamp>,
    /// Its states as they were seen, oldest first; empty where no looks were stored.
    pub states: Vec<AlarmSpan>,
    /// When it was seen red for the first time.
    pub red_at: Option<Timestamp>,
    /// When it was last seen otherwise before that.
    pub green_until: Option<Timestamp>,
    /// When the run turned back because of it.
    pub turned_back_at: Option<Timestamp>,
    /// CloudWatch's words for that.
    pub reason: Option<String>,
}

/// A state of an alarm, from the first look that showed it to the one that showed another, or the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmSpan {
    /// The state; `None` where the alarm was not among those that answered.
    pub state: Option<AlarmState>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// Every alarm of the plan, in its order.
pub(super) fn alarms(records: &[Record], state: &RunState, looks: &[Look]) -> Vec<AlarmReport> {
    let when = |wanted: &dyn Fn(&Fact) -> bool| {
        let fits = |record: &&Record| matches!(&record.body, Body::Fact(fact) if wanted(fact));
        records.iter().find(fits)
    };
    let accepted_at = when(&|fact| *fact == Fact::GreenAtStart).map(|record| record.at);
    let one = |planned: &crate::plan::PlannedAlarm| {
        let name = &planned.name;
        let states = states(name, looks);
        let back = when(&|fact| matches!(fact, Fact::Restoring(Cause::AlarmRed { alarm, .. }) if alarm == name));
        let reason = back.and_then(|record| match &record.body {
            Body::Fact(Fact::Restoring(Cause::AlarmRed { reason, .. })) => Some(words::clean(reason)),
            _ => None,
        });
        // Red at the start and allowed is no finding; red after it was otherwise is.
        let allowed_red = state.plan.alarm_policy.allow_red.contains(name);
        let is_red = |span: &AlarmSpan| span.state == Some(AlarmState::Alarm);
        let red = states.iter().enumerate().find(|(index, span)| is_red(span) && !(allowed_red && *index == 0));
        let seen_red = red.map(|(_, span)| span.from);
        let turned_back_at = back.map(|record| record.at);
        let red_at = [seen_red, turned_back_at].into_iter().flatten().min();
        let green_until = red_at.and_then(|red_at| last_before(name, looks, red_at));
        AlarmReport {
            name: words::clean(name),
            window_seconds: planned.window_seconds,
            allowed_red,
            accepted_at,
            states,
            red_at,
            green_until,
            turned_back_at,
            reason,
        }
    };
    state.plan.alarms.iter().map(one).collect()
}

fn state_in(name: &str, look: &Look) -> Option<AlarmState> {
    let (_, state) = look.alarms.iter().find(|(alarm, _)| alarm == name)?;
    Some(match state {
        AlarmState::Unknown(text) => AlarmState::Unknown(words::clean(text)),
        known => known.clone(),
    })
}

/// A look that names no alarm at all did not ask for them, or got no answer: it says nothing.
fn that_asked(looks: &[Look]) -> impl DoubleEndedIterator<Item = &Look> {
    looks.iter().filter(|look| !look.alarms.is_empty())
}

fn states(name: &str, looks: &[Look]) -> Vec<AlarmSpan> {
    let mut spans: Vec<AlarmSpan> = Vec::new();
    for look in that_asked(looks) {
        let state = state_in(name, look);
        if let Some(last) = spans.last_mut() {
            last.to = look.at;
            if last.state == state {
                continue;
            }
        }
        spans.push(AlarmSpan { state, from: look.at, to: look.at });
    }
    spans
}

fn last_before(name: &str, looks: &[Look], red_at: Timestamp) -> Option<Timestamp> {
    let otherwise =
        |look: &&Look| look.at < red_at && state_in(name, look).is_some_and(|state| state != AlarmState::Alarm);
    that_asked(looks).rev().find(otherwise).map(|look| look.at)
}
