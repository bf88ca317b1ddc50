//! Points of a run at which its operator may leave, as was agreed before it began.

use std::fmt;

use crate::decide::Seen;
use crate::journal::{Goal, RunState};
use crate::model::{Percent, Step};
use crate::observe::ManagedDeployment;
use crate::plan::{Managed, Plan};

/// One such point. It is reached on the way forward only: a run on its way back is always driven to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// The plan's step with this index is over; a weight is over once it was read back.
    Step(usize),
    /// Every step is over, the bake included.
    Baked,
    /// Success was read back.
    Committed,
    /// AWS's deployment has come to this lifecycle stage or event, as AWS names it.
    Stage(String),
}

/// Why a text names no point of a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MilestoneError {
    /// The plan has fewer steps, or begins to count at 1.
    #[error("the plan has steps 1 to {steps}, and no step {asked}")]
    NoStep {
        /// The number that was given.
        asked: usize,
        /// How many there are.
        steps: usize,
    },
    /// No step gives this share.
    #[error("no step gives {0} of the traffic")]
    NoShare(Percent),
    /// The engine's deployments have no such stage.
    #[error("the engine {engine} has no stage `{stage}`{}", listed(known))]
    NoStage {
        /// The plan's engine.
        engine: &'static str,
        /// What was given.
        stage: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// Nothing of that.
    #[error("`{0}` is no point of a run: give a step's number, its share such as 10%, `baked` or `committed`")]
    Unknown(String),
}

fn listed(known: &[&str]) -> String {
    if known.is_empty() { String::new() } else { format!(": it has {}", known.join(", ")) }
}

/// CodeDeploy's lifecycle events for ECS, in order.
const CODE_DEPLOY: [&str; 8] = [
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
];

/// ECS's lifecycle stages, in order.
const ECS: [&str; 11] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
];

impl Milestone {
    /// The point of `plan` that `text` names: a step's number as the plan shows it, a share such as `10%`, `baked`,
    /// `committed`, or a stage such as `codedeploy:AllowTraffic` or `ecs:BAKE_TIME`.
    ///
    /// # Errors
    ///
    /// What the plan does not have.
    pub fn of(plan: &Plan, text: &str) -> Result<Milestone, MilestoneError> {
        match text {
            "baked" => return Ok(Milestone::Baked),
            "committed" => return Ok(Milestone::Committed),
            _ => {}
        }
        if let Some((engine, stage)) = text.split_once(':') {
            return stage_of(plan, engine, stage);
        }
        if let Some(share) = text.strip_suffix('%').and_then(|_| text.parse::<Percent>().ok()) {
            let step = plan.steps.iter().position(|step| *step == Step::SetWeight(share));
            return step.map(Milestone::Step).ok_or(MilestoneError::NoShare(share));
        }
        let asked: usize = text.parse().map_err(|_| MilestoneError::Unknown(text.to_owned()))?;
        match asked.checked_sub(1).filter(|index| *index < plan.steps.len()) {
            Some(index) => Ok(Milestone::Step(index)),
            None => Err(MilestoneError::NoStep { asked, steps: plan.steps.len() }),
        }
    }

    /// Whether the run has come this far.
    pub(super) fn reached(&self, state: &RunState, seen: &Seen) -> bool {
        if state.goal != Goal::Promote || state.ending.is_some() {
            return false;
        }
        match self {
            Milestone::Step(index) => state.step > *index,
            Milestone::Baked => state.step >= state.plan.steps.len(),
            Milestone::Committed => state.committed_at.is_some(),
            Milestone::Stage(name) => {
                let ours = seen.deployments.as_ref().and_then(|reading| reading.ok()?.ours.as_ref());
                ours.is_some_and(|ours| has_come_to(ours, name))
            }
        }
    }
}

fn stage_of(plan: &Plan, engine: &str, stage: &str) -> Result<Milestone, MilestoneError> {
    let known: &'static [&'static str] = match plan.managed() {
        Some(Managed::CodeDeploy(_)) => &CODE_DEPLOY,
        Some(Managed::Ecs(_)) => &ECS,
        None => &[],
    };
    let found = known.iter().find(|name| name.eq_ignore_ascii_case(stage));
    match found.filter(|_| engine == plan.engine.word()) {
        Some(name) => Ok(Milestone::Stage((*name).to_owned())),
        None => Err(MilestoneError::NoStage { engine: plan.engine.word(), stage: stage.to_owned(), known }),
    }
}

/// Stages can be over between two looks: a later one says so too.
fn has_come_to(deployment: &ManagedDeployment, stage: &str) -> bool {
    let place = |name: &str| ECS.iter().position(|known| *known == name);
    let later = |name: &String| *name == stage || place(name).zip(place(stage)).is_some_and(|(at, asked)| at > asked);
    let begun = |status: &str| !matches!(status, "" | "Pending" | "PENDING");
    deployment.stage.as_ref().is_some_and(later)
        || deployment.events.iter().any(|event| event.name == stage && begun(&event.status))
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Milestone::Step(index) => write!(f, "step {}", index + 1),
            Milestone::Baked => f.write_str("the end of the bake"),
            Milestone::Committed => f.write_str("the commit"),
            Milestone::Stage(stage) => f.write_str(stage),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{DeploymentId, Shift};
    use crate::observe::{DeploymentStatus, LifecycleEvent, OldAndNew};
    use crate::plan::{Engine, Native};
    use crate::view::testing::plan;

    fn ecs() -> Plan {
        let native = Native { shift: Shift::AllAtOnce, configuration: json!({}), declared: json!({}) };
        Plan { engine: Engine::Ecs(Box::new(native)), ..plan() }
    }

    #[test]
    fn points_are_named_as_the_plan_shows_them() {
        let plan = plan();
        let weight = plan.steps.iter().position(|step| *step == Step::SetWeight(Percent::FULL)).unwrap();
        assert_eq!(Milestone::of(&plan, "1"), Ok(Milestone::Step(0)));
        assert_eq!(Milestone::of(&plan, "100%"), Ok(Milestone::Step(weight)));
        assert_eq!(Milestone::of(&plan, "baked"), Ok(Milestone::Baked));
        assert_eq!(Milestone::of(&plan, "committed"), Ok(Milestone::Committed));
        assert_eq!(Milestone::of(&ecs(), "ecs:bake_time"), Ok(Milestone::Stage("BAKE_TIME".into())));
        let steps = plan.steps.len();
        for (asked, text) in [(0, "0".to_owned()), (steps + 1, (steps + 1).to_string())] {
            assert_eq!(Milestone::of(&plan, &text), Err(MilestoneError::NoStep { asked, steps }));
        }
        assert!(matches!(Milestone::of(&plan, "99%"), Err(MilestoneError::NoShare(_))));
        assert!(matches!(Milestone::of(&plan, "done"), Err(MilestoneError::Unknown(_))));
        for (plan, text) in [(&plan, "ecs:BAKE_TIME"), (&ecs(), "codedeploy:AllowTraffic"), (&ecs(), "ecs:LUNCH")] {
            assert!(matches!(Milestone::of(plan, text), Err(MilestoneError::NoStage { .. })), "{text}");
        }
    }

    #[test]
    fn a_stage_that_was_missed_between_two_looks_counts() {
        let at = |stage: Option<&str>, events: &[(&str, &str)]| ManagedDeployment {
            id: DeploymentId::new("d"),
            run: None,
            creator: String::new(),
            created_at: "2026-11-23T06:00:00Z".parse().unwrap(),
            task_definition: None,
            status: DeploymentStatus::InProgress,
            stage: stage.map(str::to_owned),
            waits_for: None,
            wait_ends: None,
            share_ppm: None,
            events: events
                .iter()
                .map(|(name, status)| LifecycleEvent {
                    name: (*name).to_owned(),
                    status: (*status).to_owned(),
                    message: None,
                })
                .collect(),
            tasks: OldAndNew::default(),
            why: None,
            rolled_back_by: None,
            rollback_of: None,
        };
        assert!(!has_come_to(&at(Some("SCALE_UP"), &[]), "BAKE_TIME"));
        assert!(has_come_to(&at(Some("BAKE_TIME"), &[]), "BAKE_TIME"));
        assert!(has_come_to(&at(Some("CLEAN_UP"), &[]), "BAKE_TIME"));
        assert!(!has_come_to(&at(Some("LUNCH"), &[]), "BAKE_TIME"), "an unknown stage says nothing about others");
        assert!(!has_come_to(&at(None, &[("AllowTraffic", "Pending")]), "AllowTraffic"));
        assert!(has_come_to(&at(None, &[("AllowTraffic", "Succeeded")]), "AllowTraffic"));
    }
}
