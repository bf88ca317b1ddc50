//! Fleets that are task sets of one service.
//!
//! The fleet of a colour is what registers in that colour's target group. The phases of a release want the same of it as
//! of a service: a revision and a count.

mod wire;

use serde_json::{Value, json};

use super::{Engine, Plan, TaskSets};
use crate::journal::TaskSetChange;
use crate::model::{ByColor, Color, SetScale, TaskDefinitionArn};
use crate::observe::{ServiceSnapshot, TaskSetSnapshot};
use crate::ports::{TaskSetRequest, run_mark};

pub(super) use wire::wire;

impl Plan {
    /// The task sets' engine, where the fleets are task sets.
    pub fn task_sets(&self) -> Option<&TaskSets> {
        match &self.engine {
            Engine::TaskSets(engine) => Some(engine),
            Engine::Alb | Engine::CodeDeploy(_) | Engine::Ecs(_) => None,
        }
    }

    /// What is sent for a change of the service's task sets.
    pub fn task_set_request(&self, change: &TaskSetChange) -> TaskSetRequest {
        match change {
            TaskSetChange::Create { fleet, scale, token } => {
                TaskSetRequest::Create(self.new_set(fleet.task_definition.as_ref(), fleet.color, *scale, token))
            }
            TaskSetChange::Scale { set, scale, .. } => TaskSetRequest::Scale { set: set.clone(), scale: *scale },
            TaskSetChange::Delete { set, .. } => TaskSetRequest::Delete { set: set.clone() },
            TaskSetChange::MakePrimary { set } => TaskSetRequest::MakePrimary { set: set.clone() },
        }
    }

    fn new_set(&self, revision: Option<&TaskDefinitionArn>, color: Color, scale: SetScale, token: &str) -> Value {
        let engine = self.task_sets();
        let mut members = engine.and_then(|engine| engine.template.as_object()).cloned().unwrap_or_default();
        let balancer = json!({
            "targetGroupArn": self.groups.get(color),
            "containerName": engine.map(|engine| &engine.container),
            "containerPort": engine.map(|engine| engine.port),
        });
        for (name, value) in [
            ("taskDefinition", json!(revision)),
            // ECS takes one load balancer for each set.
            ("loadBalancers", json!([balancer])),
            ("scale", json!({ "value": scale.percent(), "unit": "PERCENT" })),
            ("clientToken", json!(token)),
            ("externalId", json!(run_mark(&self.run))),
        ] {
            members.insert(name.to_owned(), value);
        }
        Value::Object(members)
    }

    /// The set that is a colour's fleet, among those of its target group: the one that served when the plan was made, or
    /// the one that this run made.
    pub fn fleet_set<'a>(&self, color: Color, sets: &'a [TaskSetSnapshot]) -> Option<&'a TaskSetSnapshot> {
        let engine = self.task_sets()?;
        let is_it = |set: &&TaskSetSnapshot| match color == self.stable() {
            true => set.id == engine.stable_set,
            false => set.is_of(&self.run),
        };
        sets.iter().filter(|set| set.is_live()).find(is_it)
    }
}

/// The two fleets in two readings of their services.
///
/// Two services are their own fleets. Where the fleets are task sets, each snapshot comes back with the sets of its
/// colour's target group and the revision and counts of the one that is its fleet; without one it has no tasks, and the
/// revision of the baseline.
pub fn fleets(plan: &Plan, found: ByColor<ServiceSnapshot>) -> ByColor<ServiceSnapshot> {
    if plan.task_sets().is_none() {
        return found;
    }
    let ByColor { blue, green } = found;
    ByColor { blue: fleet(plan, Color::Blue, blue), green: fleet(plan, Color::Green, green) }
}

fn fleet(plan: &Plan, color: Color, service: ServiceSnapshot) -> ServiceSnapshot {
    let group = plan.groups.get(color);
    let mut sets = service.task_sets;
    sets.retain(|set| set.target_groups.contains(group));
    let own = plan.fleet_set(color, &sets);
    let baseline = &plan.baseline.services.get(color).task_definition;
    ServiceSnapshot {
        task_definition: own.map_or(baseline, |set| &set.task_definition).clone(),
        desired: own.map_or(0, |set| set.desired),
        running: own.map_or(0, |set| set.running),
        pending: own.map_or(0, |set| set.pending),
        deployments: Vec::new(),
        target_groups: vec![group.clone()],
        task_sets: sets,
        ..service
    }
}

#[cfg(test)]
mod tests;
