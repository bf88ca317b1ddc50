//! Where a run is, in one word.

use std::fmt;

use serde::Serialize;

use crate::journal::{Goal, RunState, Terminal};
use crate::model::{AfterCommit, Step};

/// How a line or a state is meant: renderers choose colours by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tone {
    /// On its way.
    Plain,
    /// A goal was reached.
    Good,
    /// Something to keep an eye on.
    Warn,
    /// Something went wrong.
    Bad,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Reading alarms before the first write.
    Preparing,
    /// Giving both groups explicit weights.
    Attaching,
    /// Registering the task definition.
    Registering,
    /// Bringing the canary fleet up and waiting for its health.
    Filling,
    /// The test route and the hooks before the first weight.
    SmokeTest,
    /// Carrying out a step: a weight or a scale.
    Step,
    /// A hold between two steps.
    Holding,
    /// A step that a person ends.
    AwaitingPromote,
    /// Stopped by a person until promoted.
    Paused,
    /// The hold at 100 %.
    Baking,
    /// Reading success back.
    Committing,
    /// The old fleet loses its connections and is scaled in.
    Draining,
    /// The baseline goes back to every route.
    RollingBack,
    /// The canary fleet goes back to its own baseline.
    ScalingBack,
    /// Over; the outcome says how.
    Ended,
}

impl Phase {
    /// The phase that a journal leaves a run in.
    pub fn of(state: &RunState) -> Phase {
        if state.ending.is_some() {
            return Phase::Ended;
        }
        match &state.goal {
            Goal::Restore { .. } if state.traffic_restored_at.is_none() => Phase::RollingBack,
            Goal::Restore { .. } => Phase::ScalingBack,
            Goal::Promote if state.committed_at.is_some() => match state.plan.after {
                _ if state.plan.control.is_some() && !state.control.settled => Phase::Draining,
                AfterCommit::ScaleTo(_) if !state.old_fleet_settled && state.managed.end().is_none() => Phase::Draining,
                _ => Phase::Committing,
            },
            Goal::Promote => Phase::forward(state),
        }
    }

    /// In the order in which the way forward takes them.
    fn forward(state: &RunState) -> Phase {
        let plan = &state.plan;
        // Where AWS moves traffic it attaches both groups and points the test route by itself.
        let managed = plan.managed().is_some();
        let untested = plan.baseline.test_route.is_some() && !state.test_route_ready && !managed;
        // Once a step was reached, a canary that becomes unhealthy keeps the run in that step.
        let under_way = state.step > 0;
        let control_comes = plan.needs_control(state.step) && state.control.healthy_since.is_none();
        if !state.green_at_start {
            Phase::Preparing
        } else if !state.attached && !managed {
            Phase::Attaching
        } else if state.task_definition.is_none() {
            Phase::Registering
        } else if (state.canary_healthy_since.is_none() || control_comes) && !under_way {
            Phase::Filling
        } else if untested || state.hooks_passed < plan.pre_traffic.len() {
            Phase::SmokeTest
        } else {
            match plan.steps.get(state.step) {
                None => Phase::Committing,
                Some(_) if state.paused_by.is_some() => Phase::Paused,
                Some(Step::SetWeight(_) | Step::SetCanaryScale(_)) => Phase::Step,
                Some(Step::Hold(_) | Step::Analysis(_)) => Phase::Holding,
                Some(Step::AwaitPromote) => Phase::AwaitingPromote,
                Some(Step::Bake(_)) => Phase::Baking,
            }
        }
    }

    /// Whether one of the plan's steps is under way.
    pub fn in_steps(self) -> bool {
        matches!(self, Phase::Step | Phase::Holding | Phase::AwaitingPromote | Phase::Paused | Phase::Baking)
    }

    /// Whether the run is still on its way to the first step.
    pub fn before_steps(self) -> bool {
        matches!(self, Phase::Preparing | Phase::Attaching | Phase::Registering | Phase::Filling | Phase::SmokeTest)
    }

    /// The phase in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Preparing => "Preparing",
            Phase::Attaching => "Attaching",
            Phase::Registering => "Registering",
            Phase::Filling => "Filling",
            Phase::SmokeTest => "Smoke test",
            Phase::Step => "Step",
            Phase::Holding => "Holding",
            Phase::AwaitingPromote => "Awaiting promote",
            Phase::Paused => "Paused",
            Phase::Baking => "Baking",
            Phase::Committing => "Committing",
            Phase::Draining => "Draining",
            Phase::RollingBack => "Rolling back",
            Phase::ScalingBack => "Scaling back",
            Phase::Ended => "Ended",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How an ending is meant.
pub fn tone_of(terminal: Terminal) -> Tone {
    match terminal {
        Terminal::Promoted => Tone::Good,
        Terminal::RolledBack | Terminal::Aborted | Terminal::Refused => Tone::Warn,
        Terminal::Held | Terminal::RollbackFailed => Tone::Bad,
    }
}
