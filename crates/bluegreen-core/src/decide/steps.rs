//! The steps of the plan: weights, holds, waits for a person, and the gate in front of each forward move.

use crate::journal::{Fact, Purpose};
use crate::model::{Percent, Step, duration};

use super::prepare::wanted_count;
use super::targets::step_actions;
use super::{Context, Decision, analysis, fresh, later};

/// The step under way.
pub(super) fn under_way(context: &Context<'_>) -> Option<Decision> {
    let index = context.state.step;
    let step = context.plan().steps.get(index)?;
    if let Some(paused) = paused(context) {
        return Some(paused);
    }
    match step {
        Step::SetWeight(share) => Some(set_weight(context, index, *share)),
        _ => without_weight(context, index, step),
    }
}

pub(super) fn paused(context: &Context<'_>) -> Option<Decision> {
    let by = context.state.paused_by.as_ref()?;
    Some(context.wait(format!("paused by {by}: `promote` goes on")))
}

/// A step that moves no weight: it passes by time or by a person.
pub(super) fn without_weight(context: &Context<'_>, index: usize, step: &Step) -> Option<Decision> {
    let pass = |why: &str| Some(Decision::Note(Fact::StepPassed { step: index, why: why.to_owned() }));
    let promoted = context.state.promoted_by.as_ref().map(|by| format!("promoted by {by}"));
    let skipped = context.state.full_by.as_ref().map(|by| format!("promoted in full by {by}"));
    match step {
        Step::SetWeight(_) => None,
        Step::SetCanaryScale(_) => Some(Decision::Note(Fact::StepVerified(index))),
        Step::AwaitPromote => match promoted.or(skipped) {
            Some(why) => pass(&why),
            None => Some(context.wait("`promote` to go on")),
        },
        Step::Hold(hold) => match promoted.or(skipped) {
            Some(why) => pass(&why),
            None => hold_until(context, index, *hold, "hold"),
        },
        Step::Analysis(hold) => match promoted.or(skipped) {
            Some(why) => pass(&why),
            None => Some(context.still_settling().unwrap_or_else(|| analysis::step(context, index, *hold))),
        },
        Step::Bake(hold) => match promoted {
            Some(why) => pass(&why),
            None => hold_until(context, index, *hold, "bake"),
        },
    }
}

fn hold_until(context: &Context<'_>, step: usize, hold: std::time::Duration, what: &str) -> Option<Decision> {
    let end = later(context.state.step_since, hold);
    // Passing a hold is a forward move too: the routes have to be as the last step left them.
    if let Some(settling) = context.still_settling() {
        return Some(settling);
    }
    if context.now < end {
        return Some(context.wait_until(end, format!("{what} of {}", duration::format(hold))));
    }
    Some(Decision::Note(Fact::StepPassed { step, why: format!("{what} of {} is over", duration::format(hold)) }))
}

/// A weight goes up only when the canary can carry it and stable could take everything back.
fn set_weight(context: &Context<'_>, index: usize, share: Percent) -> Decision {
    if let Some(decision) = context.forward_gate(index).or_else(|| fresh::gate(context, index, share)) {
        return decision;
    }
    let write = context.set_all(Purpose::Step(share), |route| step_actions(context.plan(), &route.actions, share));
    write.unwrap_or(Decision::Note(Fact::StepVerified(index)))
}

impl Context<'_> {
    /// The health of both fleets as a gate: can the canary carry the step, and could stable take everything back?
    pub(super) fn forward_gate(&self, step: usize) -> Option<Decision> {
        let revision = self.state.task_definition.as_ref()?;
        let count = wanted_count(self, step).unwrap_or(1);
        let healthy = match self.canary_health(revision, count) {
            Ok(healthy) => healthy,
            Err(seen) if self.state.canary_healthy_since.is_some() => {
                return Some(Decision::Note(Fact::CanaryUnhealthy { seen }));
            }
            Err(trouble) => return Some(self.wait(trouble)),
        };
        if let Some(trouble) = self.retreat_blocked() {
            return Some(self.wait(trouble));
        }
        let Some(since) = self.state.canary_healthy_since else {
            return Some(Decision::Note(Fact::CanaryHealthy { healthy }));
        };
        let until = later(since, self.plan().timing.stable_for);
        (self.now < until).then(|| self.wait_until(until, format!("{} to stay healthy", self.plan().canary())))
    }
}
