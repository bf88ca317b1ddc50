//! The parts of a view, and how each follows from the folded journal.

use jiff::Timestamp;
use serde::Serialize;

use super::phase::{Phase, Tone, tone_of};
use super::words;
use crate::event::ControlLook;
use crate::journal::{Goal, RunState};
use crate::model::{Action, Color, Percent, Role, RouteId, Step};
use crate::observe::{AlarmState, TargetHealth};
use crate::plan::{ControlFleet, Release};

/// Where a run wants to get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GoalView {
    /// To the new version at 100 %.
    Promote,
    /// Back to the captured baseline.
    Restore {
        /// Why, in words.
        cause: String,
        /// Since when.
        since: Timestamp,
    },
}

/// The weights of one route from every side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteShares {
    /// The route.
    pub route: RouteId,
    /// Its short name: `rule 9683b2d02a6cabee`.
    pub name: String,
    /// What it was last left as, by us or before us: `blue 90 · green 10`.
    pub written: String,
    /// The canary's share by that, in parts of a million.
    pub written_ppm: Option<u32>,
    /// The canary's share as last read back, in parts of a million; `None` where it was not, or has no forward.
    pub configured_ppm: Option<u32>,
}

/// One fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetView {
    /// Its part in this run.
    pub role: Role,
    /// The ECS service's name.
    pub service: String,
    /// The target group's name.
    pub target_group: String,
    /// The revision that it was last told to run, as `family:revision`.
    pub task_definition: String,
    /// Tasks asked for: as last read, else as last written.
    pub desired: u32,
    /// Tasks running, as last read.
    pub running: Option<u32>,
    /// The targets, as last read.
    pub health: Option<TargetHealth>,
}

/// The control fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlView {
    /// The fleet itself.
    #[serde(flatten)]
    pub fleet: FleetView,
    /// Its share of the traffic by the plan at this point.
    pub set: Percent,
    /// Its share of each production route as last read back, in parts of a million, in the plan's order.
    pub configured_ppm: Vec<Option<u32>>,
}

impl ControlView {
    /// Takes over what the journal tells; counts only while nobody has looked.
    pub(super) fn learn(&mut self, told: ControlView, looked: bool) {
        self.set = told.set;
        self.fleet.task_definition = told.fleet.task_definition;
        if !looked {
            self.fleet.desired = told.fleet.desired;
        }
    }

    pub(super) fn looked(&mut self, look: Option<&ControlLook>) {
        let tasks = look.and_then(|look| look.tasks);
        self.configured_ppm = look.map(|look| look.configured.clone()).unwrap_or_default();
        self.fleet.health = look.and_then(|look| look.health);
        self.fleet.running = tasks.map(|(_, running)| running);
        self.fleet.desired = tasks.map_or(self.fleet.desired, |(desired, _)| desired);
    }
}

/// One alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmView {
    /// Its name.
    pub name: String,
    /// Its state as last read; `None` where it gave no answer yet, or did not exist.
    pub state: Option<AlarmState>,
    /// When that was.
    pub seen_at: Option<Timestamp>,
}

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// What for.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// When the wait ends by itself, where the plan says so.
    pub ends: Option<Timestamp>,
    /// When the operator looks again.
    pub look_at: Option<Timestamp>,
}

/// A closed gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GateView {
    /// Which, and why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// A route that someone else changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftView {
    /// When that was found.
    pub at: Timestamp,
    /// The route's short name.
    pub route: String,
    /// Its ARN.
    pub arn: String,
    /// What we last wrote: `blue 90 · green 10`.
    pub expected: String,
    /// What was there.
    pub found: String,
    /// Both in one sentence.
    pub both: String,
}

/// Something that a person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

pub(super) fn release(state: &RunState) -> String {
    match (&state.task_definition, &state.plan.release) {
        (Some(arn), _) | (None, Release::Existing(arn)) => arn.short().to_owned(),
        (None, Release::Register { family, .. }) => format!("a new revision of {family}"),
    }
}

pub(super) fn headline(state: &RunState, phase: Phase, steps: usize) -> String {
    match (&state.ending, state.plan.steps.get(state.step)) {
        (Some(ending), _) => ending.terminal.to_string(),
        (None, Some(step)) if phase.in_steps() => {
            let number = format!("{} of {steps}", state.step + 1);
            match phase {
                Phase::Step => format!("Step {number} ({})", words::step(step)),
                _ => format!("{phase}, step {number} ({})", words::step(step)),
            }
        }
        _ => phase.to_string(),
    }
}

pub(super) fn tone(state: &RunState, phase: Phase) -> Tone {
    match (&state.ending, phase) {
        (Some(ending), _) => tone_of(ending.terminal),
        (None, Phase::RollingBack | Phase::ScalingBack) => Tone::Bad,
        (None, Phase::Paused) => Tone::Warn,
        _ if state.gate.is_some() || state.failure.is_some() => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// The share that the plan gives the canary at this point: the newest step that was read back.
pub(super) fn set_share(state: &RunState) -> Percent {
    if state.goal != Goal::Promote {
        return Percent::ZERO;
    }
    let done = state.plan.steps.iter().take(state.step).rev();
    let share = |step: &Step| if let Step::SetWeight(share) = step { Some(*share) } else { None };
    done.into_iter().find_map(share).unwrap_or(Percent::ZERO)
}

pub(super) fn route_shares(state: &RunState, id: &RouteId) -> RouteShares {
    let plan = &state.plan;
    let actions = state.expected_actions(id).unwrap_or_default();
    let split = Action::forward_of(actions).and_then(|forward| forward.split().ok());
    RouteShares {
        route: id.clone(),
        name: words::route(id),
        written: words::weights(actions, &plan.groups),
        written_ppm: split.map(|split| split.share_ppm(plan.canary_group())),
        configured_ppm: None,
    }
}

pub(super) fn fleet(state: &RunState, color: Color) -> FleetView {
    let plan = &state.plan;
    let baseline = plan.baseline.services.get(color);
    let writes = || state.service_writes(color).iter().rev();
    // One service carries both versions where AWS moves traffic: the new one has what is released from its start on.
    let comes = color == plan.canary() && state.managed.may_have_started() && state.traffic_restored_at.is_none();
    let released = state.task_definition.as_ref().filter(|_| comes);
    let written = writes().find_map(|write| write.value.task_definition.as_ref());
    let revision = written.or(released).unwrap_or(&baseline.task_definition);
    let asked = if comes { plan.stable_baseline().desired } else { baseline.desired };
    FleetView {
        role: if color == plan.stable() { Role::Stable } else { Role::Canary },
        service: baseline.name.clone(),
        target_group: plan.groups.get(color).name().to_owned(),
        task_definition: revision.short().to_owned(),
        desired: writes().find_map(|write| write.value.desired).unwrap_or(asked),
        running: None,
        health: None,
    }
}

/// The control fleet as the journal tells it, where the plan has one.
pub(super) fn control(state: &RunState) -> Option<ControlView> {
    let ControlFleet { service, group } = state.plan.control.as_ref()?;
    let writes = || state.control.writes.iter().rev();
    let revision = writes().find_map(|write| write.value.task_definition.as_ref()).unwrap_or(&service.task_definition);
    let fleet = FleetView {
        role: Role::Control,
        service: service.name.clone(),
        target_group: group.name().to_owned(),
        task_definition: revision.short().to_owned(),
        desired: writes().find_map(|write| write.value.desired).unwrap_or(service.desired),
        running: None,
        health: None,
    };
    Some(ControlView { fleet, set: state.plan.control_share(set_share(state)), configured_ppm: Vec::new() })
}
