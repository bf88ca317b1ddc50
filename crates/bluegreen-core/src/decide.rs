//! The heart: one pure, total function from what is known to the next thing to do.
//!
//! Nothing here waits, calls or fails. Every answer says why.

mod analysis;
mod canary;
mod commit;
mod drift;
mod fresh;
mod gate;
pub mod guard;
mod managed;
mod prepare;
mod promote;
mod restore;
mod routes;
mod sets;
mod steps;
mod targets;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

pub use analysis::{closed_until, control_arm, judge_now, next_minutes, share_of};
pub use drift::{RouteView, view_route};
pub use gate::{Gate, Histories, judge_alarms};
pub use managed::as_declared;
pub(crate) use managed::declared_settings;
pub(crate) use targets::first_weight_step;
pub use targets::{canary_count, evicted_actions, step_actions};

use crate::journal::{Command, Ending, Fact, Goal, Mutation, RunState, Terminal};
use crate::model::{ByColor, TaskDefinitionArn};
use crate::observe::{
    AlarmSnapshot, ClosedMinutes, ManagedDeployments, Reading, RouteSnapshot, ServiceSnapshot, StateChange,
    TargetHealth,
};

/// Everything that was seen in one pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The production routes and the test route, in the plan's order.
    pub routes: Reading<Vec<RouteSnapshot>>,
    /// Both services.
    pub services: Reading<ByColor<ServiceSnapshot>>,
    /// The health of both groups.
    pub health: ByColor<Reading<TargetHealth>>,
    /// The control fleet, where the plan has one.
    pub control: Option<ControlSeen>,
    /// The alarms that exist.
    pub alarms: Reading<Vec<AlarmSnapshot>>,
    /// The history since the run began of each alarm whose state has changed since then.
    pub histories: Vec<(String, Reading<Vec<StateChange>>)>,
    /// Whether the old version's revision is still `ACTIVE`, while a rollback might need it.
    pub old_revision_active: Option<Reading<bool>>,
    /// The revision that carries this run's tag, if it was asked for.
    pub registered: Option<Reading<Option<TaskDefinitionArn>>>,
    /// The deployments that AWS carries out; `None` for engines that have none.
    pub deployments: Option<Reading<ManagedDeployments>>,
    /// The service's `deploymentConfiguration` as it is now, while it has to be put back.
    pub settings: Option<Reading<Value>>,
    /// The counts that the judge has not seen; `None` while there is nothing to be judged.
    pub minutes: Option<Reading<ClosedMinutes>>,
    /// Commands from other terminals, oldest first.
    pub commands: Vec<Command>,
    /// Whether this process was told to stop.
    pub interrupted: bool,
}

/// What was seen of the control fleet in one pass.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlSeen {
    /// Its service.
    pub service: Reading<ServiceSnapshot>,
    /// The health of its group.
    pub health: Reading<TargetHealth>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Write this down, then decide again.
    Note(Fact),
    /// Send this, after writing the intent.
    Act {
        /// What.
        mutation: Mutation,
        /// Why.
        because: String,
    },
    /// Nothing to do until then, or until something changes.
    Wait {
        /// When to look again at the latest.
        until: Timestamp,
        /// What is being waited for.
        why: String,
    },
    /// The run is over.
    Finish(Ending),
    /// This process leaves; the run stays open for `resume`.
    Leave {
        /// Why.
        why: String,
    },
}

/// The inputs of a decision, bundled.
pub(crate) struct Context<'a> {
    state: &'a RunState,
    seen: &'a Seen,
    now: Timestamp,
}

/// Decides the next thing to do.
pub fn decide(state: &RunState, seen: &Seen, now: Timestamp) -> Decision {
    let context = Context { state, seen, now };
    if let Some(command) = seen.commands.iter().find(|command| !state.taken.contains(&command.id)) {
        return Decision::Note(Fact::Commanded(command.clone()));
    }
    if let Some(ending) = &state.ending {
        return Decision::Finish(ending.clone());
    }
    let managed = state.plan.managed().is_some();
    let wanted = match &state.goal {
        Goal::Promote if managed => managed::promote(&context),
        Goal::Restore { cause, since } if managed => managed::restore(&context, cause, *since),
        Goal::Promote => promote::next(&context),
        Goal::Restore { cause, since } => restore::next(&context, cause, *since),
    };
    sets::instead_of_service(&context, wanted)
}

impl Context<'_> {
    fn plan(&self) -> &crate::plan::Plan {
        &self.state.plan
    }

    /// After a failure that may pass, the next try waits one poll interval.
    fn backing_off(&self) -> Option<Decision> {
        let failure = self.state.failure.as_ref()?;
        let until = later(failure.at, self.plan().timing.poll);
        (self.now < until).then(|| self.wait_until(until, format!("before trying again: {}", failure.error)))
    }

    /// Waits one poll interval.
    fn wait(&self, why: impl Into<String>) -> Decision {
        self.wait_until(later(self.now, self.plan().timing.poll), why)
    }

    /// Waits until `until`, but never longer than one poll interval.
    fn wait_until(&self, until: Timestamp, why: impl Into<String>) -> Decision {
        let poll = later(self.now, self.plan().timing.poll);
        Decision::Wait { until: until.min(poll), why: why.into() }
    }
}

fn finish(terminal: Terminal, why: impl Into<String>) -> Decision {
    Decision::Finish(Ending { terminal, why: why.into() })
}

/// `at + duration`, at the end of time at the latest.
pub(crate) fn later(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long after `since` it is at `now`; zero when the clock went back.
pub(crate) fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO)
}
