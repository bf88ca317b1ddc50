//! What the alarms say: clear means seen, and not red since the deployment began.

use jiff::Timestamp;

use super::{Look, Order};
use crate::observe::{AlarmSnapshot, AlarmState};

/// What all alarms say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Every alarm is clear.
    Clear,
    /// One tells nothing.
    NoAnswer {
        /// Which, and why.
        why: String,
        /// Whether that may pass by itself within moments: a call that failed.
        transient: bool,
    },
    /// One is red, or was.
    Red {
        /// Which, in CloudWatch's words.
        why: String,
    },
}

/// Judges the alarms of the order; what turned before `since` and is over is not this deployment's.
pub(super) fn judge(order: &Order, since: Timestamp, look: &Look) -> Gate {
    if order.alarms.is_empty() {
        return Gate::Clear;
    }
    let alarms = match &look.alarms {
        Ok(alarms) => alarms,
        Err(error) => {
            return Gate::NoAnswer { why: format!("the alarms cannot be read: {error}"), transient: true };
        }
    };
    let mut worst = Gate::Clear;
    for name in &order.alarms {
        match one(order, since, look, name, alarms.iter().find(|alarm| alarm.name == *name)) {
            red @ Gate::Red { .. } => return red,
            silent @ Gate::NoAnswer { .. } if worst == Gate::Clear => worst = silent,
            Gate::NoAnswer { .. } | Gate::Clear => {}
        }
    }
    worst
}

fn one(order: &Order, since: Timestamp, look: &Look, name: &str, alarm: Option<&AlarmSnapshot>) -> Gate {
    let silent = |why: String, transient| Gate::NoAnswer { why, transient };
    let Some(alarm) = alarm else { return silent(format!("alarm {name} does not exist"), false) };
    if alarm.state == AlarmState::Alarm {
        return Gate::Red { why: format!("alarm {name} is red: {}", alarm.reason) };
    }
    if let AlarmState::Unknown(state) = &alarm.state {
        return silent(format!("alarm {name} is in the unknown state {state}"), false);
    }
    if alarm.transitioned_at.is_some_and(|at| at >= since) {
        match look.histories.iter().find(|(of, _)| of == name).map(|(_, history)| history) {
            Some(Ok(changes)) if changes.iter().any(|change| change.at >= since && change.to == AlarmState::Alarm) => {
                return Gate::Red { why: format!("alarm {name} was red since the deployment began") };
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return silent(format!("the history of alarm {name} cannot be read"), true),
        }
    }
    if alarm.state == AlarmState::InsufficientData && !order.allow_insufficient_data {
        return silent(format!("alarm {name} has insufficient data"), false);
    }
    Gate::Clear
}
