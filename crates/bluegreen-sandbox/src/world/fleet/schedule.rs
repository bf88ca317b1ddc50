//! ECS's scheduler: brings every service closer to what was asked for.

use std::sync::Arc;

use bluegreen_core::model::TaskDefinitionArn;
use bluegreen_core::observe::Controller;

use super::{REMEMBERED, SETTLED, alive, of, runs, tasks};
use crate::seed::draw;
use crate::world::targets::TargetState;
use crate::world::{
    Behaviour, Failures, Fleet, Ms, Registration, Rollout, ServiceEvent, ServiceRecord, ServiceStatus, Task, World,
};

/// How many lines a service keeps.
const EVENTS: usize = 100;
/// How many of its ended tasks a service remembers.
const STOPPED: usize = 50;
/// No restart waits longer than this.
const LONGEST_PAUSE: Ms = 900_000;
/// After so many failures in a row a service complains.
const COMPLAINS_AFTER: u32 = 3;

/// What a task is placed for.
pub(super) struct Placement {
    pub(super) definition: TaskDefinitionArn,
    pub(super) generation: u32,
    pub(super) set: Option<Arc<str>>,
    pub(super) started_by: Arc<str>,
    pub(super) groups: Arc<[Registration]>,
}

impl World {
    /// Lets ECS's scheduler work on everything.
    pub(in crate::world) fn reconcile(&mut self) {
        let keys: Vec<(String, String)> = self.state.services.keys().cloned().collect();
        for key in keys {
            let Some(service) = self.state.services.get(&key).filter(|service| !self.is_done(service)) else {
                continue;
            };
            let mut next = service.clone();
            let changed = self.reconcile_service(&mut next);
            if changed {
                Arc::make_mut(&mut self.state).services.insert(key, next);
            }
        }
        self.settle_loose_tasks();
        self.forget_targets();
    }

    fn reconcile_service(&mut self, service: &mut ServiceRecord) -> bool {
        let mut changed = self.forget_stopped(service);
        if service.status == ServiceStatus::Inactive {
            return changed;
        }
        changed |= self.remove_gone(service);
        if self.config.fleet == Fleet::Live {
            changed |= self.replace_unhealthy(service);
        }
        changed |= match service.deployments.is_empty() {
            true => self.reconcile_sets(service),
            false if service.staged().is_some() => self.reconcile_staged(service),
            false => self.reconcile_rolling(service),
        };
        if self.config.fleet == Fleet::Live {
            changed |= self.note_steady(service);
        }
        if service.status == ServiceStatus::Draining && service.tasks.is_empty() {
            service.status = ServiceStatus::Inactive;
            service.deployments.clear();
            service.task_sets.clear();
            changed = true;
        }
        changed
    }

    /// Whether a modelled service is so plainly as it was asked for that the scheduler need not look closer. Most are,
    /// most of the time.
    fn is_done(&self, service: &ServiceRecord) -> bool {
        let completed = service.deployments.first().is_some_and(|primary| primary.rollout == Rollout::Completed);
        let current = |task: &Task| {
            task.stopped_at.is_none()
                && task.generation == service.generation
                && service.task_definition.as_ref() == Some(&task.definition)
        };
        self.config.fleet == Fleet::Modelled
            && service.status == ServiceStatus::Active
            && completed
            && service.deployments.len() == 1
            && service.stopped.is_empty()
            && service.tasks.len() == service.desired as usize
            && service.tasks.iter().all(current)
    }

    fn forget_stopped(&self, service: &mut ServiceRecord) -> bool {
        let ended = |task: &Task| task.stop.as_ref().and_then(|stop| stop.ended_at).unwrap_or(0);
        let old = |task: &Task| ended(task) + REMEMBERED <= self.now;
        let stale = service.stopped.first().is_some_and(old);
        if stale {
            Arc::make_mut(&mut service.stopped).retain(|task| !old(task));
        }
        stale
    }

    /// A modelled task is gone when its targets have drained; a real one when its process has ended.
    fn remove_gone(&self, service: &mut ServiceRecord) -> bool {
        if self.config.fleet == Fleet::Live {
            return false;
        }
        let gone = |task: &Task| task.stopped_at.is_some_and(|stopped| self.now >= stopped + self.drain(task));
        if !service.tasks.iter().any(gone) {
            return false;
        }
        let (gone, staying) = std::mem::take(&mut service.tasks).into_iter().partition(gone);
        service.tasks = staying;
        let gone: Vec<Task> = gone;
        for task in gone {
            remember(service, task, self.now);
        }
        true
    }

    /// Tasks whose checks fail are stopped; a task that serves ends the count of failures.
    fn replace_unhealthy(&mut self, service: &mut ServiceRecord) -> bool {
        let mut changed = false;
        for index in 0..service.tasks.len() {
            let task = &service.tasks[index];
            if task.stopped_at.is_some() || !runs(task, self.now) {
                continue;
            }
            let failing = task.groups.iter().find_map(|entry| {
                let unhealthy =
                    self.task_target_state(&self.state, task, entry, self.now) == Some(TargetState::Unhealthy);
                let address = super::live::target_address(task, entry).filter(|_| unhealthy)?;
                let health = self.state.checked.get(&(entry.group.clone(), address))?;
                Some((entry.group.clone(), address.port(), health.description.clone()))
            });
            let settled = !task.groups.is_empty() || task.starts_at.is_some_and(|start| self.now >= start + SETTLED);
            if settled && self.serves(task) {
                changed |= reset_failures(service, index);
            } else if let Some((group, port, why)) = failing
                && task.starts_at.is_some_and(|start| self.now >= start + service.policy.grace)
            {
                let id = tasks::hex(task.id);
                let text =
                    format!("(task {id}) (port {port}) is unhealthy in (target-group {group}) due to (reason {why}).");
                self.say(service, &text);
                let reason = format!("Task failed ELB health checks in (target-group {group})");
                self.stop_one(service, index, &reason);
                self.count_failure(service, index);
                changed = true;
            }
        }
        changed
    }

    /// One more failed task: the more in a row, the longer ECS waits with the next one.
    pub(super) fn count_failure(&mut self, service: &mut ServiceRecord, index: usize) {
        let now = self.now;
        let task = service.tasks[index].clone();
        let Some(failures) = failures_of(service, &task) else { return };
        failures.in_a_row = failures.in_a_row.saturating_add(1);
        failures.retry_at = now + pause(failures.in_a_row);
        let complains = failures.in_a_row == COMPLAINS_AFTER;
        if complains {
            self.say(
                service,
                "is unable to consistently start tasks successfully. For more information, see the Troubleshooting \
                 section of the Amazon ECS Developer Guide.",
            );
        }
    }

    /// Says so once when everything that was asked for is there, and nothing else is.
    fn note_steady(&mut self, service: &mut ServiceRecord) -> bool {
        let wanted = match service.deployments.is_empty() {
            true => service.task_sets.iter().map(|set| set.wanted(service.desired) as usize).sum(),
            false => service.desired as usize,
        };
        let ready = alive(service).filter(|task| self.serves(task)).count();
        let rolled = service.deployments.first().is_none_or(|primary| primary.rollout == Rollout::Completed);
        let steady = rolled && service.tasks.len() == wanted && ready == wanted;
        let steady = steady && service.status == ServiceStatus::Active;
        if steady == service.steady {
            return false;
        }
        service.steady = steady;
        // A deployment that has just been completed has said it already.
        let latest = service.events.first().is_some_and(|event| event.at == self.now && is_steady(&event.text));
        if steady && !latest {
            self.say(service, "has reached a steady state.");
        }
        true
    }

    pub(super) fn has_room(&self, service: &ServiceRecord) -> bool {
        let others =
            self.state.services.values().filter(|other| other.arn != service.arn).map(|other| other.tasks.len());
        let loose = self.state.loose_tasks.values().filter(|loose| tasks::ended_at(&loose.task).is_none()).count();
        others.sum::<usize>() + loose + service.tasks.len() < self.config.capacity as usize
    }

    /// One more task.
    pub(super) fn place(&mut self, what: &Placement) -> Task {
        let id = self.next_task;
        self.next_task += 1;
        let model = self.config.fleet == Fleet::Modelled;
        let starts = model && self.state.behaviour(&what.definition) != Behaviour::NeverStarts;
        Task {
            id,
            definition: what.definition.clone(),
            generation: what.generation,
            set: what.set.clone(),
            started_by: Arc::clone(&what.started_by),
            groups: Arc::clone(&what.groups),
            awsvpc: self.state.awsvpc(&what.definition),
            placed_at: self.now,
            starts_at: starts.then_some(self.now + self.config.start_delay),
            check_delay: self.config.check_delay,
            stopped_at: None,
            address: None,
            stop: None,
        }
    }

    /// Places up to `count` tasks; says so where there is no room for them.
    pub(super) fn place_many(&mut self, service: &mut ServiceRecord, count: usize, what: &Placement) -> bool {
        let mut placed = Vec::new();
        while placed.len() < count && self.has_room(service) {
            let task = self.place(what);
            placed.push(tasks::hex(task.id));
            service.tasks.push(task);
        }
        if !placed.is_empty() {
            self.say(service, &format!("has started {} tasks:{}.", placed.len(), listed(&placed)));
        }
        let short = placed.len() < count;
        let complains = short && !service.events.first().is_some_and(|event| event.text.contains("unable to place"));
        if complains {
            self.say(
                service,
                "was unable to place a task because no container instance met all of its requirements. \
                 Reason: no room in the cluster.",
            );
        }
        complains || !placed.is_empty()
    }

    /// Stops the youngest tasks of a kind; of real ones, those first that do not serve.
    pub(super) fn stop_youngest(
        &mut self,
        service: &mut ServiceRecord,
        count: usize,
        reason: &str,
        which: impl Fn(&Task) -> bool,
    ) -> bool {
        let mut stopped = Vec::new();
        for _ in 0..count {
            let live = self.config.fleet == Fleet::Live;
            let fits = |task: &Task| task.stopped_at.is_none() && which(task);
            let idle = |task: &Task| live && fits(task) && !self.serves(task);
            let position = service.tasks.iter().rposition(idle).or_else(|| service.tasks.iter().rposition(fits));
            let Some(position) = position else { break };
            stopped.push(tasks::hex(service.tasks[position].id));
            self.stop_one(service, position, reason);
        }
        if !stopped.is_empty() {
            self.detail(service, &format!("has stopped {} running tasks:{}.", stopped.len(), listed(&stopped)));
        }
        count > 0
    }

    /// Tells one task to stop. What has not begun to run is gone at once.
    pub(super) fn stop_one(&mut self, service: &mut ServiceRecord, index: usize, reason: &str) {
        let live = self.config.fleet == Fleet::Live;
        let task = &mut service.tasks[index];
        tasks::blame(task, "ServiceSchedulerInitiated", reason);
        if runs(task, self.now) && (live || !task.groups.is_empty()) {
            task.stopped_at = Some(self.now);
            if !task.groups.is_empty() {
                self.detail(service, "has begun draining connections on 1 tasks.");
            }
        } else {
            // The process of a real one may be on its way: nobody wants it, and what becomes of it is of no interest.
            let task = service.tasks.remove(index);
            remember(service, task, self.now);
        }
    }

    /// Whether a task does its work: it runs, and passes the checks of all its groups.
    pub(super) fn serves(&self, task: &Task) -> bool {
        let mut groups = task.groups.iter().filter(|entry| self.state.groups.contains_key(&entry.group)).peekable();
        if groups.peek().is_none() {
            return runs(task, self.now);
        }
        let mut states = groups.map(|entry| self.task_target_state(&self.state, task, entry, self.now));
        states.all(|state| state == Some(TargetState::Healthy))
    }

    /// The service says something.
    pub(super) fn say(&mut self, service: &mut ServiceRecord, text: &str) {
        let text = format!("(service {}) {text}", service.name());
        let id = draw(self.config.seed, &("event", &service.arn, self.now, service.events.len(), &text));
        let events = Arc::make_mut(&mut service.events);
        events.insert(0, ServiceEvent { id, at: self.now, text });
        events.truncate(EVENTS);
    }

    /// The service tells a detail, which a modelled one keeps to itself: nobody reads it, and it costs time.
    pub(super) fn detail(&mut self, service: &mut ServiceRecord, text: &str) {
        if self.config.fleet == Fleet::Live {
            self.say(service, text);
        }
    }
}

fn is_steady(text: &str) -> bool {
    text.ends_with("has reached a steady state.")
}

fn listed(ids: &[String]) -> String {
    ids.iter().flat_map(|id| [" (task ", id, ")"]).collect()
}

/// How long ECS waits after so many failures in a row.
fn pause(failures: u32) -> Ms {
    match failures.checked_sub(2) {
        None => 0,
        Some(doublings) => 1_000_u64.checked_shl(doublings.min(20)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE),
    }
}

/// Where the failures of a task's deployment or task set are counted.
fn failures_of<'a>(service: &'a mut ServiceRecord, task: &Task) -> Option<&'a mut Failures> {
    if let Some(set) = &task.set {
        return service.task_sets.iter_mut().find(|record| record.id == *set).map(|record| &mut record.failures);
    }
    service.deployments.iter_mut().find(|record| of(record, task)).map(|record| &mut record.failures)
}

fn reset_failures(service: &mut ServiceRecord, index: usize) -> bool {
    let task = service.tasks[index].clone();
    let Some(failures) = failures_of(service, &task).filter(|failures| failures.in_a_row > 0) else { return false };
    *failures = Failures::default();
    true
}

/// Keeps a task that is no more, for those who ask.
pub(super) fn remember(service: &mut ServiceRecord, mut task: Task, now: Ms) {
    tasks::close(&mut task, now);
    let stopped = Arc::make_mut(&mut service.stopped);
    stopped.push(task);
    let surplus = stopped.len().saturating_sub(STOPPED);
    stopped.drain(..surplus);
}

/// Whether task sets, and no deployments, say what tasks a service has.
pub(super) fn scheduled_by_sets(service: &ServiceRecord) -> bool {
    matches!(service.controller, Controller::CodeDeploy | Controller::External) && service.deployments.is_empty()
}
