//! Rolling deployments: new tasks come, old ones go as the new ones are able to serve.

use std::sync::Arc;

use super::schedule::Placement;
use super::{START_RETRY, alive};
use crate::world::{BreakerThreshold, DeploymentRecord, Fleet, Ms, Rollout, ServiceRecord, ServiceStatus, Task, World};

impl World {
    pub(super) fn reconcile_rolling(&mut self, service: &mut ServiceRecord) -> bool {
        let mut changed = self.trip_breaker(service);
        let desired = match service.status {
            ServiceStatus::Active => service.desired as usize,
            ServiceStatus::Draining | ServiceStatus::Inactive => 0,
        };
        changed |= self.place_new(service, desired);
        let Some(current) = service.task_definition.clone() else { return changed };
        let generation = service.generation;
        let is_new = |task: &Task| task.definition == current && task.generation == generation;
        let new = alive(service).filter(|task| is_new(task)).count();
        let reason = scaling(service);
        changed |= self.stop_youngest(service, new.saturating_sub(desired), &reason, is_new);
        let ready = alive(service).filter(|task| is_new(task) && self.serves(task)).count();
        let old = alive(service).filter(|task| !is_new(task)).count();
        // Old tasks go as new ones are able to serve: what serves never falls below the minimum healthy percent.
        let least = percent_up(desired, service.policy.minimum_percent);
        let surplus = old.saturating_sub(least.saturating_sub(ready));
        changed |= self.stop_youngest(service, surplus, &reason, |task| !is_new(task));
        if surplus > 0 {
            // There may be room below the maximum percent now.
            changed |= self.place_new(service, desired);
        }
        if ready == desired && surplus == old {
            changed |= self.complete(service);
        }
        if !changed && new < desired && old > 0 && ready == new {
            changed |= self.complain_of_percentages(service, old);
        }
        changed
    }

    /// With few tasks, the percentages may leave room neither for one more nor for one less.
    fn complain_of_percentages(&mut self, service: &mut ServiceRecord, old: usize) -> bool {
        const WORDS: &str = "was unable to stop or start tasks during a deployment because of the service deployment \
                             configuration. Update the minimumHealthyPercent or maximumPercent value and try again.";
        let serving = alive(service).filter(|task| self.serves(task)).count();
        let full = service.desired as usize * service.policy.maximum_percent as usize / 100;
        let stuck = serving >= old && alive(service).count() >= full;
        if !stuck || service.events.first().is_some_and(|event| event.text.ends_with(WORDS)) {
            return false;
        }
        self.say(service, WORDS);
        true
    }

    fn place_new(&mut self, service: &mut ServiceRecord, desired: usize) -> bool {
        let Some(current) = service.task_definition.clone() else { return false };
        let Some(deployment) = service.deployments.first() else { return false };
        if deployment.rollout == Rollout::Failed || self.now < deployment.failures.retry_at {
            return false;
        }
        let is_new = |task: &&Task| task.definition == current && task.generation == service.generation;
        let new = alive(service).filter(is_new).count();
        let most = desired * service.policy.maximum_percent as usize / 100;
        let allowed = most.saturating_sub(alive(service).count());
        let missing = desired.saturating_sub(new);
        // The maximum holds back a deployment; without old tasks there is nothing to hold it back for.
        let count = if alive(service).count() == new { missing } else { missing.min(allowed) };
        if count == 0 {
            return false;
        }
        let what = Placement {
            definition: current,
            generation: service.generation,
            set: None,
            started_by: Arc::from(deployment.id.as_str()),
            groups: Arc::clone(&service.registers_in),
        };
        self.place_many(service, count, &what)
    }

    pub(super) fn complete(&mut self, service: &mut ServiceRecord) -> bool {
        let Some(primary) = service.deployments.first().filter(|primary| primary.rollout == Rollout::InProgress) else {
            return false;
        };
        let id = primary.id.clone();
        service.deployments.truncate(1);
        if let Some(primary) = service.deployments.first_mut() {
            primary.finish(Rollout::Completed, format!("ECS deployment {id} completed."), self.now);
            service.last_completed = Some(primary.clone());
        }
        service.groups = service.registers_in.iter().map(|entry| entry.group.clone()).collect();
        self.rolled(service);
        self.detail(service, &format!("(deployment {id}) deployment completed."));
        self.say(service, "has reached a steady state.");
        true
    }

    /// Ends a deployment whose tasks fail too often, and brings the last good revision back where that is wanted.
    fn trip_breaker(&mut self, service: &mut ServiceRecord) -> bool {
        let Some(breaker) = service.policy.breaker else { return false };
        let Some(primary) = service.deployments.first().filter(|primary| primary.rollout == Rollout::InProgress) else {
            return false;
        };
        if self.failed(service, primary, self.now) < threshold(breaker.threshold, service.desired) {
            return false;
        }
        let id = primary.id.clone();
        let good = service.last_completed.clone().filter(|_| breaker.rollback);
        let mut words = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
        if good.is_none() && breaker.rollback {
            words.push_str(" There is no completed deployment to roll back to.");
        }
        if let Some(failed) = service.deployments.first_mut() {
            failed.finish(Rollout::Failed, words, self.now);
        }
        self.say(service, &format!("(deployment {id}) deployment failed: tasks failed to start."));
        self.roll_failed(service, "the circuit breaker threshold was exceeded.", good.is_some());
        if let Some(good) = good {
            let reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {}.", good.id);
            self.bring_back(service, &good, reason);
        }
        true
    }

    /// A deployment of what an earlier one brought.
    pub(super) fn bring_back(&mut self, service: &mut ServiceRecord, good: &DeploymentRecord, reason: String) {
        self.say(service, &format!("rolling back to (deployment {}).", good.id));
        service.task_definition = Some(good.definition.clone());
        service.generation = good.generation;
        self.begin_deployment(service);
        if let Some(back) = service.deployments.first_mut() {
            back.reason = reason;
        }
    }

    /// A new deployment of what the service says now.
    pub(super) fn begin_deployment(&mut self, service: &mut ServiceRecord) {
        let number = self.next_write();
        self.begin_numbered_deployment(service, number);
    }

    pub(super) fn begin_numbered_deployment(&self, service: &mut ServiceRecord, number: u64) {
        let Some(definition) = service.task_definition.clone() else { return };
        let id = format!("ecs-svc/{number:019}");
        let generation = service.generation;
        // Tasks of the same kind that an older deployment brought belong to the new one now.
        service.deployments.retain(|record| record.definition != definition || record.generation != generation);
        service.deployments.insert(0, DeploymentRecord::new(id, definition, generation, self.now));
        service.steady = false;
    }

    /// The moments at which modelled tasks that cannot start fail again, where somebody counts them.
    pub(super) fn breaker_events(&self, service: &ServiceRecord) -> impl Iterator<Item = Ms> {
        let counted = self.config.fleet == Fleet::Modelled
            && service.policy.breaker.is_some()
            && service.deployments.first().is_some_and(|primary| primary.rollout == Rollout::InProgress);
        let never = service.tasks.iter().filter(move |task| counted && task.starts_at.is_none());
        let now = self.now;
        never.map(move |task| task.placed_at + START_RETRY * (now.saturating_sub(task.placed_at) / START_RETRY + 1))
    }
}

/// Why the scheduler stops a task that has done nothing wrong.
pub(super) fn scaling(service: &ServiceRecord) -> String {
    let by = service.deployments.first().map_or("", |deployment| deployment.id.as_str());
    format!("Scaling activity initiated by (deployment {by})")
}

fn percent_up(count: usize, percent: u32) -> usize {
    (count * percent as usize).div_ceil(100)
}

/// How many failures in a row end a deployment of `desired` tasks.
pub(super) fn threshold(threshold: BreakerThreshold, desired: u32) -> u32 {
    let share = |percent: f64| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
        let tasks = (f64::from(desired) * percent / 100.0).ceil().max(0.0) as u32;
        tasks
    };
    match threshold {
        BreakerThreshold::Count(count) => count.max(1),
        BreakerThreshold::Bounded(percent) => share(percent).clamp(3, 200),
        BreakerThreshold::Unbounded(percent) => share(percent).max(1),
    }
}
