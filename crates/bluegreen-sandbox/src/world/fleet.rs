//! Services and their tasks: placement, start, health checks, draining, deployments and task sets.
//!
//! - `schedule`: what ECS's scheduler does whenever something has changed; `rolling` and `sets`: its two ways to do it.
//! - `native`: ECS's own deployments by stages.
//! - `services`, `task_sets`, `clusters`, `tasks`: what clients ask for, with AWS's refusals.
//! - `live`: the part of tasks that are real processes.

use bluegreen_core::model::SetScale;
use bluegreen_core::observe::{self, Controller, Deployment, ServiceSnapshot, TaskSetSnapshot};
use bluegreen_core::ports::ServiceChange;

use super::Refusal;
use super::{
    DeploymentRecord, Fleet, Ms, ServiceRecord, ServiceStatus, State, Task, TaskSetRecord, TaskSetStatus, World,
};

mod clusters;
mod error;
mod live;
pub(crate) mod native;
mod rolling;
mod schedule;
mod services;
mod sets;
mod task_sets;
mod tasks;

pub use error::FleetError;
pub(super) use live::target_address;
pub use live::{NetworkMode, WantedTask};
pub use native::RevisionCounts;
pub use services::{NewService, ServiceEdit};
pub use task_sets::NewTaskSet;
pub use tasks::{TaskPhase, TaskView};

/// A modelled task that cannot start is tried again this often; each try counts as failed.
const START_RETRY: Ms = 30_000;
/// A real task without a target group is able to serve when it has run for this long.
const SETTLED: Ms = 10_000;
/// Tasks that are no more are described for this long.
const REMEMBERED: Ms = 3_600_000;

impl World {
    /// `UpdateService` as releases use it: a new revision starts a deployment, a new count does not.
    ///
    /// # Errors
    ///
    /// AWS's refusals: no such service, no such revision, or not under this controller.
    pub fn update_service(&mut self, cluster: &str, name: &str, change: &ServiceChange) -> Result<(), Refusal> {
        let edit = ServiceEdit {
            task_definition: change.task_definition.clone(),
            desired: change.desired,
            ..ServiceEdit::default()
        };
        self.edit_service(cluster, name, edit).map_err(Refusal::from)
    }

    /// Stops `count` running tasks of a service at once, as a crash or a reclaimed host does; ECS replaces them.
    pub fn lose_tasks(&mut self, cluster: &str, name: &str, count: usize) {
        let key = (cluster.to_owned(), name.to_owned());
        let now = self.now;
        self.change(|state| {
            let Some(service) = state.services.get_mut(&key) else { return };
            let lost: Vec<Task> = service.tasks.drain(..count.min(service.tasks.len())).collect();
            for mut task in lost {
                tasks::blame(&mut task, "EssentialContainerExited", "Essential container in task exited");
                schedule::remember(service, task, now);
            }
        });
    }

    /// A service as `DescribeServices` shows it at `at`; `None` for one that was deleted, or has no revision.
    pub fn service_in(&self, state: &State, cluster: &str, name: &str, at: Ms) -> Option<ServiceSnapshot> {
        let service = state.services.get(&(cluster.to_owned(), name.to_owned()))?;
        if service.status == ServiceStatus::Inactive {
            return None;
        }
        let deployment = |(position, record): (usize, &DeploymentRecord)| Deployment {
            id: record.id.clone(),
            status: if position == 0 { "PRIMARY" } else { "ACTIVE" }.to_owned(),
            task_definition: record.definition.clone(),
            rollout: Some(record.rollout.as_str().to_owned()),
            desired: service.wanted_of(position),
            running: count(alive(service).filter(|task| of(record, task) && runs(task, at))),
            failed: self.failed(service, record, at),
        };
        let primary = service.task_sets.iter().find(|set| set.status == TaskSetStatus::Primary);
        Some(ServiceSnapshot {
            arn: service.arn.clone(),
            name: name.to_owned(),
            status: service.status.as_str().to_owned(),
            created_at: Some(service.created_at),
            controller: controller(service),
            task_definition: primary.map(|set| set.definition.clone()).or_else(|| service.task_definition.clone())?,
            desired: service.desired,
            running: count(alive(service).filter(|task| runs(task, at))),
            pending: count(alive(service).filter(|task| !runs(task, at))),
            deployments: service.deployments.iter().enumerate().map(deployment).collect(),
            target_groups: service.registers_in.iter().map(|entry| entry.group.clone()).collect(),
            messages: service.events.iter().take(5).map(|event| event.text.clone()).collect(),
            task_sets: service.task_sets.iter().map(|set| task_set(service, set, at)).collect(),
        })
    }

    /// Tasks of a deployment that failed one after the other, as they are counted at `at`.
    pub(crate) fn failed(&self, service: &ServiceRecord, record: &DeploymentRecord, at: Ms) -> u32 {
        if self.config.fleet == Fleet::Live {
            return record.failures.in_a_row;
        }
        let never = alive(service).filter(|task| of(record, task) && task.starts_at.is_none());
        never.map(|task| tries(task, at)).sum()
    }

    /// The moments at which tasks change by themselves.
    pub(super) fn fleet_events(&self) -> impl Iterator<Item = Ms> {
        // No group came into use after this: a task that had passed its first check since then has nothing before it.
        let latest = self.state.groups.values().filter_map(|group| group.attached_since).max().unwrap_or(0);
        let services = self.state.services.values().flat_map(move |service| {
            let tasks = service.tasks.iter().filter(move |task| {
                let checked = task.starts_at.is_some_and(|start| start.max(latest) + task.check_delay <= self.now);
                task.stopped_at.is_some() || !checked
            });
            let tasks = tasks.flat_map(|task| self.task_events(task));
            let live = self.config.fleet == Fleet::Live;
            let settle = service.tasks.iter().filter(move |_| live).flat_map(move |task| {
                let after = |ms: Ms| task.starts_at.map(|start| start + ms);
                [after(service.policy.grace), after(SETTLED).filter(|_| task.groups.is_empty())]
            });
            let deployments = service.deployments.iter().map(|record| record.failures.retry_at);
            let sets = service.task_sets.iter().map(|set| set.failures.retry_at);
            tasks
                .chain(settle.flatten())
                .chain(deployments)
                .chain(sets)
                .chain(self.breaker_events(service))
                .chain(self.release_events(service))
        });
        let loose = self.state.loose_tasks.values().flat_map(|loose| self.task_events(&loose.task));
        services.chain(loose).chain(self.target_events())
    }

    fn task_events(&self, task: &Task) -> impl Iterator<Item = Ms> + use<> {
        let groups = || task.groups.iter().filter_map(|entry| self.state.groups.get(&entry.group));
        let attached = groups().filter_map(|group| group.attached_since).max();
        let healthy = task.starts_at.zip(attached).map(|(start, attached)| start.max(attached) + task.check_delay);
        let drained = task.stopped_at.map(|stopped| stopped + self.drain(task));
        [task.starts_at, healthy, drained].into_iter().flatten()
    }

    /// How long the targets of a stopped task drain.
    pub(crate) fn drain(&self, task: &Task) -> Ms {
        let groups = task.groups.iter().filter_map(|entry| self.state.groups.get(&entry.group));
        // Outside a load balancer there is nothing to drain. The model has always waited all the same.
        let drains =
            |group: &&super::GroupRecord| self.config.fleet == Fleet::Modelled || group.attached_since.is_some();
        groups.filter(drains).map(|group| group.drain).max().unwrap_or(0)
    }
}

/// Who moves a service's tasks, as `DescribeServices` lets one tell.
fn controller(service: &ServiceRecord) -> Controller {
    match (&service.controller, native::plan::strategy(&service.settings)) {
        (Controller::Rolling, Some(strategy)) => Controller::Native(strategy.to_owned()),
        (controller, _) => controller.clone(),
    }
}

/// Tasks of a service that were not told to stop.
pub(crate) fn alive(service: &ServiceRecord) -> impl Iterator<Item = &Task> {
    service.tasks.iter().filter(|task| task.stopped_at.is_none())
}

/// Whether `task` is what `record` brings.
pub(crate) fn of(record: &DeploymentRecord, task: &Task) -> bool {
    task.definition == record.definition && task.generation == record.generation
}

/// Whether the container of `task` runs at `at`.
pub(crate) fn runs(task: &Task, at: Ms) -> bool {
    task.starts_at.is_some_and(|starts| starts <= at)
}

/// A task set as `DescribeServices` shows it at `at`.
fn task_set(service: &ServiceRecord, set: &TaskSetRecord, at: Ms) -> TaskSetSnapshot {
    let own = |task: &&Task| task.set.as_ref() == Some(&set.id);
    TaskSetSnapshot {
        id: set.id.to_string(),
        status: match set.status {
            TaskSetStatus::Primary => observe::TaskSetStatus::Primary,
            TaskSetStatus::Active => observe::TaskSetStatus::Active,
            TaskSetStatus::Draining => observe::TaskSetStatus::Draining,
        },
        task_definition: set.definition.clone(),
        scale: SetScale::from_percent(set.scale),
        of: service.desired,
        desired: set.wanted(service.desired),
        running: count(alive(service).filter(own).filter(|task| runs(task, at))),
        pending: count(alive(service).filter(own).filter(|task| !runs(task, at))),
        target_groups: set.groups.iter().map(|entry| entry.group.clone()).collect(),
        external_id: set.settings.get("externalId").and_then(serde_json::Value::as_str).map(str::to_owned),
    }
}

fn tries(task: &Task, at: Ms) -> u32 {
    u32::try_from(at.saturating_sub(task.placed_at) / START_RETRY).unwrap_or(u32::MAX)
}

pub(crate) fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
