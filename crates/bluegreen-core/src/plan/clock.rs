//! When each step happens at the earliest, and how long a rollback can take at worst.

use std::time::Duration;

use super::Plan;
use crate::model::{Percent, Step};

/// A plan's timetable, counted from the first weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// One entry a step.
    pub entries: Vec<Entry>,
    /// From the first weight to commit, without waits for people.
    pub total: Duration,
    /// From a red alarm to no traffic on the canary, sticky clients included; where AWS moves the traffic, to the call
    /// that has it moved back.
    pub worst_rollback: Duration,
    /// Whether the plan waits for a person.
    pub waits_for_person: bool,
}

/// One step in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it begins at the earliest, after the first weight.
    pub at: Duration,
    /// The canary's share while it lasts.
    pub share: Percent,
    /// The step.
    pub step: Step,
}

/// How long one call may take before it counts as failed.
const CALL: Duration = Duration::from_secs(15);

impl Clock {
    /// The timetable of a plan.
    pub fn of(plan: &Plan) -> Clock {
        let (mut at, mut share) = (Duration::ZERO, Percent::ZERO);
        let mut entries = Vec::new();
        for step in &plan.steps {
            if let Step::SetWeight(next) = step {
                share = *next;
            }
            entries.push(Entry { at, share, step: step.clone() });
            if let Step::Hold(hold) | Step::Analysis(hold) | Step::Bake(hold) = step {
                at = at.saturating_add(*hold);
            }
        }
        let waits_for_person = plan.steps.contains(&Step::AwaitPromote);
        Clock { entries, total: at, worst_rollback: worst_rollback(plan), waits_for_person }
    }
}

/// One poll to see the alarm, one slow call for the look and each route's write, and the load balancer's propagation;
/// rounded up to whole seconds.
fn worst_rollback(plan: &Plan) -> Duration {
    let (writes, propagation) = match plan.managed() {
        None => (u32::try_from(plan.all_routes().count()).unwrap_or(u32::MAX), plan.timing.propagation),
        Some(_) => (1, Duration::ZERO),
    };
    let calls = CALL.saturating_mul(writes.saturating_add(1));
    let exact = plan.timing.poll.saturating_add(calls).saturating_add(propagation);
    Duration::from_secs(exact.as_secs() + u64::from(exact.subsec_nanos() > 0))
}
