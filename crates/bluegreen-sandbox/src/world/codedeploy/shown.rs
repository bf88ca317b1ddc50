//! What CodeDeploy stores, in the words of the ports.

use std::time::Duration;

use bluegreen_core::appspec::Target;
use bluegreen_core::model::{DeploymentId, DeploymentWait, ListenerArn, Percent, Shift};
use bluegreen_core::observe::{
    DeploymentConfig, DeploymentGroup, DeploymentStatus, LifecycleEvent, ManagedDeployment, OldAndNew,
};
use bluegreen_core::ports::marked_run;

use super::{Deployment, EventStatus, Group, Position, Shares, Side, Status};
use crate::world::fleet::{alive, runs};
use crate::world::{Ms, State, World};

/// A minute as plans know it, however long it is here.
const MINUTE: u64 = 60;

impl World {
    /// A deployment as it was in `state` at `at`.
    pub fn managed_deployment(&self, state: &State, deployment: &Deployment, at: Ms) -> ManagedDeployment {
        let status = match deployment.status {
            // CodeDeploy has no word for one that was told to stop and has not yet.
            Status::Created => DeploymentStatus::Pending,
            Status::InProgress | Status::Ready => DeploymentStatus::InProgress,
            Status::Succeeded => DeploymentStatus::Succeeded,
            Status::Failed => DeploymentStatus::Failed,
            Status::Stopped => DeploymentStatus::Stopped,
        };
        let (waits_for, wait_ends) = match deployment.position {
            Position::Ready { until } => (Some(DeploymentWait::Ready), Some(self.timestamp(until))),
            Position::Termination { until } => (Some(DeploymentWait::Termination), Some(self.timestamp(until))),
            _ => (None, None),
        };
        let task_definition = match &deployment.revision.spec.target {
            Target::Ecs(target) => target.task_definition.as_str().parse().ok(),
            Target::Lambda(_) => None,
        };
        let event = |event: &super::Event| LifecycleEvent {
            name: event.point.as_str().to_owned(),
            status: event.status.as_str().to_owned(),
            message: event.diagnostics.as_ref().map(|(code, text)| format!("{code}: {text}")),
        };
        // Before it has begun, its target tells nothing.
        let events: &[super::Event] = if deployment.started_at.is_some() { &deployment.events } else { &[] };
        let under_way = |event: &&super::Event| event.status == EventStatus::InProgress;
        let begun = |event: &&super::Event| !matches!(event.status, EventStatus::Pending | EventStatus::Skipped);
        let current = events.iter().find(under_way).or_else(|| events.iter().rfind(begun));
        let side = |side: &Option<Side>| side.as_ref().map_or((0, 0), |side| tasks(state, deployment, side, at));
        ManagedDeployment {
            id: DeploymentId::new(deployment.id.clone()),
            run: marked_run(&deployment.description).filter(|_| deployment.rollback_of.is_none()),
            creator: deployment.creator().to_owned(),
            created_at: self.timestamp(deployment.created_at),
            task_definition,
            status,
            stage: current.map(|event| event.point.as_str().to_owned()),
            waits_for,
            wait_ends,
            share_ppm: deployment.sides.new.as_ref().map(|_| deployment.share * 10_000),
            events: events.iter().map(event).collect(),
            tasks: OldAndNew { old: side(&deployment.sides.old), new: side(&deployment.sides.new) },
            why: deployment.error.as_ref().map(|(code, text)| format!("{code}: {text}")),
            rolled_back_by: deployment.rolled_back_by.clone().map(DeploymentId::new),
            rollback_of: deployment.rollback_of.clone().map(DeploymentId::new),
        }
    }
}

/// Tasks of one side: asked for and running.
fn tasks(state: &State, deployment: &Deployment, side: &Side, at: Ms) -> (u32, u32) {
    let service = deployment.setup.service.as_ref().and_then(|key| state.services.get(key));
    let Some(service) = service else { return (0, 0) };
    let set = service.task_sets.iter().find(|set| set.id == side.set);
    let running = alive(service).filter(|task| task.set.as_ref() == Some(&side.set) && runs(task, at)).count();
    (set.map_or(0, |set| set.wanted(service.desired)), u32::try_from(running).unwrap_or(u32::MAX))
}

impl State {
    /// A deployment group in the words of the ports.
    pub fn shown_group(&self, application: &str, name: &str, group: &Group) -> DeploymentGroup {
        let platform = self.codedeploy.applications.get(application).map_or("", |found| found.platform.as_str());
        let listener = |arn: &ListenerArn| arn.to_string();
        let pair = group.pair.as_ref();
        DeploymentGroup {
            application: application.to_owned(),
            name: name.to_owned(),
            compute_platform: platform.to_owned(),
            service: group.service.clone(),
            target_groups: pair.map(|pair| pair.groups.to_vec()).unwrap_or_default(),
            production_listeners: pair.map(|pair| listener(&pair.production)).into_iter().collect(),
            test_listeners: pair.and_then(|pair| pair.test.as_ref()).map(listener).into_iter().collect(),
            config: group.config.clone(),
            ready_wait_minutes: group.ready_wait,
            termination_wait_minutes: group.termination.wait,
            terminates_old: group.termination.ends,
            alarms: group.alarms.enabled.then(|| group.alarms.names.clone()),
            service_role: group.service_role.clone(),
        }
    }

    /// A traffic configuration in the words of the ports.
    pub fn shown_config(&self, name: &str) -> Option<DeploymentConfig> {
        let config = self.traffic_config(name)?;
        let compute_platform = config.platform.as_str().to_owned();
        Some(DeploymentConfig { name: name.to_owned(), compute_platform, shift: config.shares.and_then(shift) })
    }
}

/// Shares in the words of plans.
fn shift(shares: Shares) -> Option<Shift> {
    let percent = |whole: u32| u16::try_from(whole * 10).ok().and_then(|tenths| Percent::from_tenths(tenths).ok());
    let wait = |minutes: u32| Duration::from_secs(u64::from(minutes) * MINUTE);
    Some(match shares {
        Shares::AllAtOnce => Shift::AllAtOnce,
        Shares::Canary { first, minutes } => Shift::Canary { first: percent(first)?, wait: wait(minutes) },
        Shares::Linear { each, minutes } => Shift::Linear { each: percent(each)?, wait: wait(minutes) },
    })
}

impl TryFrom<&Shift> for Shares {
    type Error = &'static str;

    fn try_from(shift: &Shift) -> Result<Shares, Self::Error> {
        let whole = |percent: &Percent| match percent.tenths() {
            tenths if tenths % 10 == 0 => Ok(u32::from(tenths / 10)),
            _ => Err("CodeDeploy takes whole percents only"),
        };
        let minutes = |wait: &Duration| match (wait.as_secs() % MINUTE, wait.subsec_nanos()) {
            (0, 0) => u32::try_from(wait.as_secs() / MINUTE).map_err(|_| "the wait is too long"),
            _ => Err("CodeDeploy takes whole minutes only"),
        };
        Ok(match shift {
            Shift::AllAtOnce => Shares::AllAtOnce,
            Shift::Canary { first, wait } => Shares::Canary { first: whole(first)?, minutes: minutes(wait)? },
            Shift::Linear { each, wait } => Shares::Linear { each: whole(each)?, minutes: minutes(wait)? },
        })
    }
}
