//! Task sets: each has its share of the service's tasks.

use std::sync::Arc;

use super::alive;
use super::schedule::Placement;
use crate::world::{ServiceRecord, ServiceStatus, Task, TaskSetRecord, TaskSetStatus, World};

impl World {
    pub(super) fn reconcile_sets(&mut self, service: &mut ServiceRecord) -> bool {
        let mut changed = false;
        for index in 0..service.task_sets.len() {
            let set = service.task_sets[index].clone();
            let wanted = match service.status {
                ServiceStatus::Active => set.wanted(service.desired) as usize,
                ServiceStatus::Draining | ServiceStatus::Inactive => 0,
            };
            let id = Arc::clone(&set.id);
            let own = |task: &Task| task.set.as_ref() == Some(&id);
            let there = alive(service).filter(|task| own(task)).count();
            if there < wanted && self.now >= set.failures.retry_at {
                changed |= self.place_many(service, wanted - there, &placement(&set));
            }
            let reason = format!("Scaling activity initiated by (deployment {id})");
            changed |= self.stop_youngest(service, there.saturating_sub(wanted), &reason, own);
            let stable = self.is_stable(service, &set, wanted);
            if service.task_sets[index].stable.0 != stable {
                service.task_sets[index].stable = (stable, self.now);
                changed = true;
            }
        }
        let tasks = &service.tasks;
        let over = |set: &TaskSetRecord| {
            let empty = !tasks.iter().any(|task| task.set.as_ref() == Some(&set.id));
            set.status == TaskSetStatus::Draining && empty
        };
        let before = service.task_sets.len();
        service.task_sets.retain(|set| !over(set));
        changed | (before != service.task_sets.len())
    }

    /// As many tasks as wanted, all of them running and passing their checks.
    fn is_stable(&self, service: &ServiceRecord, set: &TaskSetRecord, wanted: usize) -> bool {
        let own: Vec<&Task> = alive(service).filter(|task| task.set.as_ref() == Some(&set.id)).collect();
        own.len() == wanted && own.iter().all(|task| self.serves(task))
    }
}

fn placement(set: &TaskSetRecord) -> Placement {
    Placement {
        definition: set.definition.clone(),
        generation: 0,
        set: Some(Arc::clone(&set.id)),
        started_by: Arc::clone(&set.id),
        groups: Arc::clone(&set.groups),
    }
}
