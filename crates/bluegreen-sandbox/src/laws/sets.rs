//! Fleets in the world and in writes, whether they are services or task sets of one.

use bluegreen_core::model::{Color, TaskDefinitionArn};
use bluegreen_core::observe::TaskSetSnapshot;
use bluegreen_core::plan::Plan;
use bluegreen_core::ports::{TaskSetRequest, run_mark};
use serde_json::Value;

use super::{Case, Judgement};
use crate::trace::{Detail, TaskSetWrite};
use crate::world::{State, TaskSetRecord, TaskSetStatus};

/// What is asked of a fleet. One that is nothing but an absent task set has no revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fleet {
    pub(super) revision: Option<TaskDefinitionArn>,
    pub(super) desired: u32,
}

/// One fleet before and after a write.
#[derive(Clone, Debug)]
pub(super) struct FleetWrite {
    pub(super) color: Color,
    pub(super) name: String,
    pub(super) before: Fleet,
    pub(super) after: Fleet,
}

/// A colour's fleet as the world has it; `None` where its service does not exist.
pub(super) fn fleet_of(plan: &Plan, state: &State, color: Color) -> Option<Fleet> {
    let key = (plan.site.cluster.clone(), plan.baseline.services.get(color).name.clone());
    let service = state.services.get(&key)?;
    if plan.task_sets().is_none() {
        return Some(Fleet { revision: service.task_definition.clone(), desired: service.desired });
    }
    let group = plan.groups.get(color);
    let own = service
        .task_sets
        .iter()
        .filter(|set| set.status != TaskSetStatus::Draining && set.groups.iter().any(|entry| entry.group == *group));
    Some(together(own.map(|set| (&set.definition, set.wanted(service.desired)))))
}

/// Several sets as one fleet: where they differ, it has no revision.
fn together<'a>(sets: impl Iterator<Item = (&'a TaskDefinitionArn, u32)>) -> Fleet {
    let (mut revisions, mut desired) = (Vec::new(), 0);
    for (revision, count) in sets {
        desired += count;
        if !revisions.contains(&revision) {
            revisions.push(revision);
        }
    }
    let revision = match revisions.as_slice() {
        [one] => Some((*one).clone()),
        _ => None,
    };
    Fleet { revision, desired }
}

impl Case<'_> {
    /// The fleets that the write has changed.
    pub(super) fn fleet_writes(&self) -> Vec<FleetWrite> {
        match &self.call.detail {
            Detail::Service(write) => {
                let Some(color) = self.color_of_service(&write.service) else { return Vec::new() }; // S11's business
                let fleet = |(revision, desired): &(TaskDefinitionArn, u32)| Fleet {
                    revision: Some(revision.clone()),
                    desired: *desired,
                };
                let name = write.service.clone();
                vec![FleetWrite { color, name, before: fleet(&write.before), after: fleet(&write.after) }]
            }
            Detail::TaskSet(write) => {
                let one = |color| {
                    let group = self.plan.groups.get(color);
                    let fleet = |sets: &[TaskSetSnapshot]| {
                        let own = sets.iter().filter(|set| set.is_live() && set.target_groups.contains(group));
                        together(own.map(|set| (&set.task_definition, set.desired)))
                    };
                    let name = format!("the {color} task set of {}", write.service);
                    FleetWrite { color, name, before: fleet(&write.before), after: fleet(&write.after) }
                };
                Color::ALL.into_iter().map(one).filter(|write| write.before != write.after).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// S5 for task sets: the primary one stays until commit.
pub(super) fn primary_stays(write: &TaskSetWrite) -> Judgement {
    let primary = |sets: &[TaskSetSnapshot]| sets.iter().find(|set| set.is_primary()).map(|set| set.id.clone());
    let (before, after) = (primary(&write.before), primary(&write.after));
    match before == after {
        true => Ok(()),
        false => Err(format!("the primary task set changed from {before:?} to {after:?} before commit")),
    }
}

/// S11 for task sets: only the set that served, that of the run and what the plan calls left behind; one set a run, in the
/// canary's group alone.
pub(super) fn only_planned_sets(plan: &Plan, write: &TaskSetWrite) -> Judgement {
    let Some(engine) = plan.task_sets() else { return Err("the plan has no task sets".to_owned()) };
    if write.cluster != plan.site.cluster || write.service != plan.stable_baseline().name {
        return Err(format!("service {} is not part of the plan", write.service));
    }
    let ours = |set: &TaskSetSnapshot| set.is_live() && set.is_of(&plan.run);
    if write.after.iter().filter(|set| ours(set)).count() > 1 {
        return Err("the run has made two task sets".to_owned());
    }
    let target = match &write.request {
        TaskSetRequest::Create(_) => {
            let new = |set: &&TaskSetSnapshot| write.before.iter().all(|before| before.id != set.id);
            return match write.after.iter().find(new) {
                Some(set) if !ours(set) || set.target_groups != [plan.canary_group().clone()] => {
                    Err(format!("task set {} is not in the canary's group alone, with the run's mark", set.id))
                }
                _ => Ok(()),
            };
        }
        TaskSetRequest::Scale { set, .. } | TaskSetRequest::Delete { set } | TaskSetRequest::MakePrimary { set } => set,
    };
    let found = write.before.iter().find(|set| set.id == *target);
    let left = matches!(write.request, TaskSetRequest::Delete { .. }) && engine.leftovers.contains(target);
    match left || *target == engine.stable_set || found.is_some_and(|set| set.is_of(&plan.run)) {
        true => Ok(()),
        false => Err(format!("task set {target} is not part of the plan")),
    }
}

/// Whether a set outside of the canary's group is the primary one, where the fleets are task sets.
pub(super) fn another_leads(plan: &Plan, state: &State) -> bool {
    let group = plan.canary_group();
    let key = (plan.site.cluster.clone(), plan.canary_baseline().name.clone());
    let sets = state.services.get(&key).map(|service| service.task_sets.as_slice()).unwrap_or_default();
    let primary = sets.iter().find(|set| set.status == TaskSetStatus::Primary);
    plan.task_sets().is_some() && primary.is_some_and(|set| set.groups.iter().all(|entry| entry.group != *group))
}

/// What is asked of the sets that a run has made.
pub(super) fn set_of_run(plan: &Plan, state: &State) -> Option<Fleet> {
    let key = (plan.site.cluster.clone(), plan.canary_baseline().name.clone());
    let service = state.services.get(&key)?;
    let mark = run_mark(&plan.run);
    let made = |set: &&TaskSetRecord| set.settings.get("externalId").and_then(Value::as_str) == Some(&mark);
    Some(together(service.task_sets.iter().filter(made).map(|set| (&set.definition, set.wanted(service.desired)))))
}
