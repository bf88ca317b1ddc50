//! Services and their tasks: placement, start, health checks, draining, and rolling deployments.

use std::sync::Arc;

use bluegreen_core::model::TargetGroupArn;
use bluegreen_core::observe::{Deployment, ServiceSnapshot, TargetHealth};
use bluegreen_core::ports::{ErrorClass, ServiceChange};

use super::balancer::Refusal;
use super::{Behaviour, DeploymentRecord, GroupRecord, Ms, ServiceRecord, State, Task, World};

/// A task that cannot start is tried again this often; each try counts as failed.
const START_RETRY: Ms = 30_000;

/// What a target's checks say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Initial,
    Healthy,
    Unhealthy,
    Draining,
    Unused,
    Gone,
}

impl World {
    /// `UpdateService`: a new revision starts a deployment, a new count does not.
    pub fn update_service(&mut self, cluster: &str, name: &str, change: &ServiceChange) -> Result<(), Refusal> {
        let key = (cluster.to_owned(), name.to_owned());
        if !self.state.services.contains_key(&key) {
            return Err((ErrorClass::NotFound, format!("ServiceNotFoundException: {name} in cluster {cluster}")));
        }
        if let Some(wanted) = &change.task_definition
            && !self.state.definitions.get(wanted).is_some_and(|definition| definition.active)
        {
            let text = format!("ClientException: TaskDefinition is inactive or does not exist: {}", wanted.short());
            return Err((ErrorClass::Invalid, text));
        }
        let number = self.next_write();
        self.change(|state| {
            let Some(service) = state.services.get_mut(&key) else { return };
            if let Some(desired) = change.desired {
                service.desired = desired;
            }
            if let Some(wanted) = change.task_definition.clone().filter(|wanted| *wanted != service.task_definition) {
                let id = format!("ecs-svc/{number:019}");
                service.deployments.insert(0, DeploymentRecord { id, definition: wanted.clone(), completed: false });
                service.task_definition = wanted;
            }
        });
        Ok(())
    }

    /// Stops `count` running tasks of a service at once, as a crash or a reclaimed host does; ECS replaces them.
    pub fn lose_tasks(&mut self, cluster: &str, name: &str, count: usize) {
        let key = (cluster.to_owned(), name.to_owned());
        self.change(|state| {
            if let Some(service) = state.services.get_mut(&key) {
                service.tasks.drain(..count.min(service.tasks.len()));
            }
        });
    }

    /// Target states of a group as they were at `at` in `state`; `None` where the group does not exist.
    pub fn health_in(&self, state: &State, group: &TargetGroupArn, at: Ms) -> Option<TargetHealth> {
        let record = state.groups.get(group)?;
        let mut health = TargetHealth::default();
        for service in state.services.values().filter(|service| service.groups.contains(group)) {
            for task in &service.tasks {
                match target(state, task, record, at) {
                    Target::Healthy => health.healthy += 1,
                    Target::Unhealthy => health.unhealthy += 1,
                    Target::Initial => health.initial += 1,
                    Target::Draining => health.draining += 1,
                    Target::Unused => health.unused += 1,
                    Target::Gone => {}
                }
            }
        }
        Some(health)
    }

    /// Target states of a group now.
    pub fn health(&self, group: &TargetGroupArn) -> TargetHealth {
        self.health_in(&self.state, group, self.now).unwrap_or_default()
    }

    /// A service as `DescribeServices` shows it at `at`.
    pub fn service_in(&self, state: &State, cluster: &str, name: &str, at: Ms) -> Option<ServiceSnapshot> {
        let service = state.services.get(&(cluster.to_owned(), name.to_owned()))?;
        let deployment = |(position, record): (usize, &DeploymentRecord)| {
            let of = |task: &&Task| task.definition == record.definition && task.stopped_at.is_none();
            let tasks = || service.tasks.iter().filter(of);
            Deployment {
                id: record.id.clone(),
                status: if position == 0 { "PRIMARY" } else { "ACTIVE" }.to_owned(),
                task_definition: record.definition.clone(),
                rollout: Some(if record.completed { "COMPLETED" } else { "IN_PROGRESS" }.to_owned()),
                desired: if position == 0 { service.desired } else { 0 },
                running: count(tasks().filter(|task| runs(task, at))),
                failed: tasks().filter(|task| task.starts_at.is_none()).map(|task| tries(task, at)).sum(),
            }
        };
        let alive = || service.tasks.iter().filter(|task| task.stopped_at.is_none());
        Some(ServiceSnapshot {
            arn: service.arn.clone(),
            name: name.to_owned(),
            status: "ACTIVE".to_owned(),
            created_at: Some(service.created_at),
            controller: service.controller.clone(),
            task_definition: service.task_definition.clone(),
            desired: service.desired,
            running: count(alive().filter(|task| runs(task, at))),
            pending: count(alive().filter(|task| !runs(task, at))),
            deployments: service.deployments.iter().enumerate().map(deployment).collect(),
            target_groups: service.groups.clone(),
            messages: service.messages.iter().take(5).cloned().collect(),
        })
    }

    /// The moments at which tasks change by themselves.
    pub(super) fn fleet_events(&self) -> impl Iterator<Item = Ms> {
        self.state.services.values().flat_map(move |service| {
            let groups: Vec<&GroupRecord> =
                service.groups.iter().filter_map(|arn| self.state.groups.get(arn)).collect();
            let drain = groups.iter().map(|group| group.drain).max().unwrap_or(0);
            let attached = groups.iter().filter_map(|group| group.attached_since).max();
            service.tasks.iter().flat_map(move |task| {
                let healthy =
                    task.starts_at.zip(attached).map(|(start, attached)| start.max(attached) + task.check_delay);
                [task.starts_at, healthy, task.stopped_at.map(|stopped| stopped + drain)].into_iter().flatten()
            })
        })
    }

    /// ECS's scheduler: brings every service closer to what was asked for.
    pub(super) fn reconcile(&mut self) {
        let keys: Vec<(String, String)> = self.state.services.keys().cloned().collect();
        for key in keys {
            let Some(service) = self.state.services.get(&key) else { continue };
            let mut next = service.clone();
            let changed = self.reconcile_service(&mut next);
            if changed {
                Arc::make_mut(&mut self.state).services.insert(key, next);
            }
        }
    }

    fn reconcile_service(&mut self, service: &mut ServiceRecord) -> bool {
        let mut changed = self.remove_gone(service);
        let desired = service.desired as usize;
        let current = service.task_definition.clone();
        let alive = |task: &&Task| task.stopped_at.is_none();
        let mut new = service.tasks.iter().filter(alive).filter(|task| task.definition == current).count();
        while new < desired && self.has_room(service) {
            service.tasks.push(self.place(&current));
            new += 1;
            changed = true;
        }
        if new < desired && service.messages.first().is_none_or(|text| !text.contains("unable to place")) {
            service.messages.insert(0, "was unable to place a task: no room in the cluster".to_owned());
            changed = true;
        }
        changed |= self.stop_youngest(service, new.saturating_sub(desired), |task| task.definition == current);
        let ready =
            service.tasks.iter().filter(alive).filter(|t| t.definition == current && self.serves(service, t)).count();
        let old = service.tasks.iter().filter(alive).filter(|task| task.definition != current).count();
        // Old tasks go one for one as new ones are able to serve: minimum healthy percent 100.
        let surplus = old.saturating_sub(desired.saturating_sub(ready));
        changed |= self.stop_youngest(service, surplus, |task| task.definition != current);
        let done = ready == desired && surplus == old;
        if done && service.deployments.first().is_some_and(|primary| !primary.completed) {
            service.deployments.truncate(1);
            service.deployments.iter_mut().for_each(|primary| primary.completed = true);
            service.messages.insert(0, "has reached a steady state.".to_owned());
            changed = true;
        }
        changed
    }

    fn remove_gone(&self, service: &mut ServiceRecord) -> bool {
        let drain = service.groups.iter().filter_map(|arn| self.state.groups.get(arn)).map(|group| group.drain).max();
        let before = service.tasks.len();
        service.tasks.retain(|task| task.stopped_at.is_none_or(|stopped| self.now < stopped + drain.unwrap_or(0)));
        before != service.tasks.len()
    }

    fn has_room(&self, service: &ServiceRecord) -> bool {
        let others =
            self.state.services.values().filter(|other| other.arn != service.arn).map(|other| other.tasks.len());
        others.sum::<usize>() + service.tasks.len() < self.config.capacity as usize
    }

    fn place(&mut self, definition: &bluegreen_core::model::TaskDefinitionArn) -> Task {
        let id = self.next_task;
        self.next_task += 1;
        let starts = self.state.behaviour(definition) != Behaviour::NeverStarts;
        Task {
            id,
            definition: definition.clone(),
            placed_at: self.now,
            starts_at: starts.then_some(self.now + self.config.start_delay),
            check_delay: self.config.check_delay,
            stopped_at: None,
        }
    }

    fn stop_youngest(&self, service: &mut ServiceRecord, count: usize, which: impl Fn(&Task) -> bool) -> bool {
        let now = self.now;
        for _ in 0..count {
            let position = service.tasks.iter().rposition(|task| task.stopped_at.is_none() && which(task));
            let Some(position) = position else { break };
            if runs(&service.tasks[position], now) && !service.groups.is_empty() {
                service.tasks[position].stopped_at = Some(now);
            } else {
                service.tasks.remove(position);
            }
        }
        count > 0
    }

    fn serves(&self, service: &ServiceRecord, task: &Task) -> bool {
        let groups = || service.groups.iter().filter_map(|arn| self.state.groups.get(arn));
        if groups().next().is_none() {
            runs(task, self.now)
        } else {
            groups().all(|group| target(&self.state, task, group, self.now) == Target::Healthy)
        }
    }
}

/// What the checks of a task say at `at`.
fn target(state: &State, task: &Task, group: &GroupRecord, at: Ms) -> Target {
    let Some(started) = task.starts_at.filter(|starts| *starts <= at) else { return Target::Gone };
    if let Some(stopped) = task.stopped_at {
        return if at < stopped + group.drain { Target::Draining } else { Target::Gone };
    }
    let Some(attached) = group.attached_since.filter(|attached| *attached <= at) else { return Target::Unused };
    let checked = started.max(attached) + task.check_delay;
    if at < checked {
        return Target::Initial;
    }
    match state.behaviour(&task.definition) {
        Behaviour::Healthy => Target::Healthy,
        Behaviour::NeverStarts | Behaviour::NeverHealthy => Target::Unhealthy,
        Behaviour::Flaps { healthy, unhealthy } => {
            let phase = (at - checked).checked_rem(healthy + unhealthy).unwrap_or(0);
            if phase < healthy { Target::Healthy } else { Target::Unhealthy }
        }
    }
}

fn runs(task: &Task, at: Ms) -> bool {
    task.starts_at.is_some_and(|starts| starts <= at)
}

fn tries(task: &Task, at: Ms) -> u32 {
    u32::try_from(at.saturating_sub(task.placed_at) / START_RETRY).unwrap_or(u32::MAX)
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
