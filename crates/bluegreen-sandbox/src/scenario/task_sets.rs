//! The shop with one service, whose fleets are task sets.

use std::sync::Arc;

use bluegreen_core::model::{ByColor, Color};
use bluegreen_core::observe::Controller;
use bluegreen_core::plan::{Engine, ServiceBaseline, TaskSets};
use serde_json::{Map, Value, json};

use super::{CLUSTER, Scenario};
use crate::world::{Failures, Registration, ServiceRecord, State, Task, TaskSetRecord, TaskSetStatus};

/// The name of the one service.
const SERVICE: &str = "web";
/// The set that serves.
const SERVING: &str = "ecs-svc/1000000000000000001";
/// A set that an earlier release left in the canary's group.
const LEFT: &str = "ecs-svc/1000000000000000002";

impl Scenario {
    /// The same with the task sets of one service in the place of two services.
    pub fn with_task_sets(mut self) -> Scenario {
        self.task_sets = true;
        self
    }

    /// The same with a set that an earlier release left in the canary's group, with half of the tasks.
    pub fn with_leftover(mut self) -> Scenario {
        self.leftover = true;
        self.with_task_sets()
    }

    /// The names of the two services where they are one.
    pub(super) fn one_service() -> ByColor<String> {
        ByColor { blue: SERVICE.to_owned(), green: SERVICE.to_owned() }
    }

    pub(super) fn furnish_sets(&self, state: &mut State) {
        let groups = self.groups();
        let mut service = self.service_record(SERVICE, 0, groups.blue.clone());
        service.controller = Controller::External;
        service.desired = self.tasks;
        service.deployments.clear();
        service.last_completed = None;
        self.add_set(&mut service, SERVING, Color::Blue, TaskSetStatus::Primary);
        if self.leftover {
            service.groups.push(groups.green.clone());
            self.add_set(&mut service, LEFT, Color::Green, TaskSetStatus::Active);
        }
        state.services.insert((CLUSTER.to_owned(), SERVICE.to_owned()), service);
    }

    fn add_set(&self, service: &mut ServiceRecord, id: &str, color: Color, status: TaskSetStatus) {
        let id: Arc<str> = id.into();
        let group = self.groups().get(color).clone();
        let scale = if status == TaskSetStatus::Primary { 100.0 } else { 50.0 };
        let set = TaskSetRecord {
            arn: format!("{}/{id}", service.arn.replacen(":service/", ":task-set/", 1)),
            id: Arc::clone(&id),
            definition: self.old_revision(),
            status,
            scale,
            groups: [Registration::new(group.clone())].into(),
            created_at: 0,
            updated_at: 0,
            stable: (true, 0),
            failures: Failures::default(),
            settings: Arc::new(Value::Object(Map::new())),
        };
        let first = 1_000_000 + 1_000 * service.task_sets.len() as u64;
        for number in 0..u64::from(set.wanted(self.tasks)) {
            let task = Task::running(first + number, self.old_revision(), std::slice::from_ref(&group));
            service.tasks.push(Task { set: Some(Arc::clone(&id)), ..task });
        }
        service.task_sets.push(set);
    }

    /// The engine of the plan.
    pub(super) fn engine(&self) -> Engine {
        if !self.task_sets {
            return Engine::Alb;
        }
        Engine::TaskSets(TaskSets {
            template: json!({ "launchType": "FARGATE" }),
            container: "app".to_owned(),
            port: 8_080,
            stable_set: SERVING.to_owned(),
            leftovers: if self.leftover { vec![LEFT.to_owned()] } else { Vec::new() },
        })
    }

    /// What the fleets of the plan were before the first write: without a set there are no tasks.
    pub(super) fn baselines(&self, service: impl Fn(&String) -> ServiceBaseline) -> ByColor<ServiceBaseline> {
        let desired = ByColor { blue: self.tasks, green: 0 };
        let ByColor { blue, green } = self.services().map(service);
        ByColor {
            blue: ServiceBaseline { desired: desired.blue, ..blue },
            green: ServiceBaseline { desired: desired.green, ..green },
        }
    }
}
