//! The judge in the release: counts become records, verdicts become decisions.
//!
//! What is judged is what the journal holds, so a resumed run goes on with the same evidence, and every verdict can be
//! computed again.

mod minutes;
mod share;
mod window;

use std::time::Duration;

use jiff::Timestamp;

use crate::analysis::{Judgement, Verdict};
use crate::journal::{Cause, Fact, Gatekeeper, RunState};
use crate::model::duration;
use crate::plan::{Analysis, OnInconclusive, OnNoAnswer};

use super::{Context, Decision, elapsed, later, promote};

pub use minutes::next_minutes;
pub use share::{control_arm, share_of};
pub use window::closed_until;

/// Judges all rows of the journal as they stand; `None` where there is nothing to be judged.
pub fn judge_now(state: &RunState) -> Option<Judgement> {
    let judge = &state.plan.analysis.as_deref()?.judge;
    let window = window::of(state)?;
    let rows = &state.judged.rows;
    let judgement = crate::analysis::judge(judge, rows, window);
    if !share::sticks(&state.plan) {
        return Some(judgement);
    }
    // Clients that stay where they are make any split: that it is another one is told, and holds nothing up.
    let without_split = crate::analysis::judge(judge, &share::unknown(rows), window);
    Some(Judgement { split: judgement.split, ..without_split })
}

/// Writes down what was counted and what it means; turns back where the canary is worse.
pub(super) fn judged(context: &Context<'_>) -> Option<Decision> {
    let state = context.state;
    state.plan.analysis.as_deref()?;
    if let Some(Verdict::Fail { metric, why }) = state.judged.latest.as_ref().map(|latest| &latest.judgement.verdict) {
        return promote::go_back(Cause::Analysis { metric: Some(metric.clone()), why: why.clone() });
    }
    if let Some(fact) = minutes::news(context) {
        return Some(Decision::Note(fact));
    }
    let judgement = state.judged.unjudged.then(|| judge_now(state)).flatten()?;
    Some(Decision::Note(Fact::Judged { step: state.step, judgement: Box::new(judgement) }))
}

/// Whether it is unreadable metrics that have closed the gate.
pub(super) fn closed_the_gate(state: &RunState) -> bool {
    state.gate.as_ref().is_some_and(|gate| gate.by == Gatekeeper::Metrics)
}

/// While the counts of deciding metrics are missing nothing goes forward, for as long as the plan tolerates that.
///
/// Asked for when the alarms are green.
pub(super) fn unread(context: &Context<'_>) -> Option<Decision> {
    let state = context.state;
    let analysis = state.plan.analysis.as_deref()?;
    if state.judged.without.is_some() {
        return None;
    }
    let why = format!("the metrics cannot be read: {}", minutes::trouble(context, analysis)?);
    let Some(gate) = state.gate.as_ref().filter(|gate| gate.why == why) else {
        let of_alarms = state.gate.is_some() && !closed_the_gate(state);
        // A gate that was closed for another reason has used up none of this one's time.
        return Some(Decision::Note(if of_alarms { Fact::GateOpened } else { Fact::CountsMissing { why } }));
    };
    let limit = analysis.no_answer_for;
    if elapsed(gate.since, context.now) < limit {
        return Some(context.wait_until(later(gate.since, limit), why));
    }
    let why = format!("{why}, for longer than {}", duration::format(limit));
    Some(match (analysis.no_answer, promoted_since(state, gate.since)) {
        (OnNoAnswer::Rollback, _) => Decision::Note(Fact::Restoring(Cause::NoAnswer(why))),
        (OnNoAnswer::Promote, _) => Decision::Note(Fact::WithoutMetrics { why }),
        (OnNoAnswer::Hold, Some(by)) => Decision::Note(Fact::WithoutMetrics { why: format!("promoted by {by}") }),
        (OnNoAnswer::Hold, None) => context.wait(format!("{why}: `promote` goes on without them")),
    })
}

/// Who has promoted the run with the gate closed.
fn promoted_since(state: &RunState, since: Timestamp) -> Option<&String> {
    let in_full = state.full_by.as_ref().filter(|_| state.full_at.is_some_and(|at| at >= since));
    state.promoted_by.as_ref().or(in_full)
}

/// A step that waits for a verdict. No evidence is never a pass: only a verdict, a person or a policy ends it.
pub(super) fn step(context: &Context<'_>, index: usize, length: Duration) -> Decision {
    let state = context.state;
    let pass = |why: String| Decision::Note(Fact::StepPassed { step: index, why });
    let Some(analysis) = state.plan.analysis.as_deref() else {
        return context.wait("`promote` to go on: the plan has no judge");
    };
    if let Some(why) = &state.judged.without {
        let end = later(state.step_since, window::length(state, index, length));
        return match context.now < end {
            true => context.wait_until(end, "the end of the step, without metrics"),
            false => pass(format!("its time is over, and {why}")),
        };
    }
    match state.judged.verdict(index) {
        Some(Verdict::Pass { why, .. }) => pass(why.clone()),
        Some(Verdict::Inconclusive { why }) => inconclusive(context, analysis, index, why),
        Some(Verdict::Open { why } | Verdict::Fail { why, .. }) => context.wait(why.clone()),
        None => context.wait("the first closed minute of the step"),
    }
}

/// What follows is written down before it is done: it is counted over the whole run.
fn inconclusive(context: &Context<'_>, analysis: &Analysis, step: usize, why: &str) -> Decision {
    let run = &context.state.judged;
    let used_up = run.tolerated() >= analysis.inconclusive_limit;
    let then = match analysis.inconclusive {
        OnInconclusive::Extend | OnInconclusive::Promote if used_up => OnInconclusive::Hold,
        then => then,
    };
    let noted = run.answer(step);
    match then {
        _ if noted == Some(OnInconclusive::Promote) => {
            let why = format!("not enough evidence, which the plan lets pass: {why}");
            Decision::Note(Fact::StepPassed { step, why })
        }
        OnInconclusive::Rollback => {
            Decision::Note(Fact::Restoring(Cause::Analysis { metric: None, why: why.to_owned() }))
        }
        OnInconclusive::Hold if noted == Some(OnInconclusive::Hold) => {
            context.wait(format!("more evidence, or `promote`: {why}"))
        }
        then => Decision::Note(Fact::Inconclusive { step, then, why: why.to_owned() }),
    }
}
