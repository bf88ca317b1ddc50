//! Which minutes are looked at.

use std::time::Duration;

use jiff::Timestamp;

use crate::analysis::Window;
use crate::journal::RunState;
use crate::model::Step;

const MINUTE: i64 = 60;

/// The end of the newest minute that ended `lag` or longer before `now`.
pub fn closed_until(now: Timestamp, lag: Duration) -> Timestamp {
    whole_minute(now.checked_sub(lag).unwrap_or(Timestamp::MIN))
}

/// The newest whole minute that is not after `at`.
fn whole_minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(MINUTE) * MINUTE).unwrap_or(at)
}

/// The oldest whole minute that is not before `at`.
pub(super) fn next_whole_minute(at: Timestamp) -> Timestamp {
    let floor = whole_minute(at);
    if floor == at { at } else { super::later(floor, Duration::from_secs(60)) }
}

/// How long the step with this index lasts, with what it was extended by.
pub(super) fn length(state: &RunState, index: usize, planned: Duration) -> Duration {
    planned.saturating_mul(state.judged.extensions(index).saturating_add(1))
}

/// The window for the step under way. One that is no analysis has no end: only what is worse is looked for.
pub(super) fn of(state: &RunState) -> Option<Window> {
    let step = match state.plan.steps.get(state.step) {
        Some(Step::Analysis(planned)) => length(state, state.step, *planned),
        _ => Duration::MAX,
    };
    Some(Window { healthy_since: state.judged.since?, step_since: state.step_since, step, until: state.judged.until? })
}
