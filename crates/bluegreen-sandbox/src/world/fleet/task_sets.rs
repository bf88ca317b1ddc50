//! Task sets as clients make, change and delete them.

use std::sync::Arc;

use bluegreen_core::model::TaskDefinitionArn;
use bluegreen_core::observe::Controller;
use serde_json::{Map, Value};

use super::FleetError;
use crate::world::{Failures, Registration, ServiceRecord, ServiceStatus, TaskSetRecord, TaskSetStatus, World};

/// The most task sets that a service has.
const MOST_SETS: usize = 5;

/// The member of a request that says which tries are one and the same.
const TOKEN: &str = "clientToken";

/// A task set that somebody wants.
#[derive(Clone, Debug)]
pub struct NewTaskSet {
    /// Its revision.
    pub task_definition: TaskDefinitionArn,
    /// Percent of the service's tasks, 0 to 100.
    pub scale: f64,
    /// Where its tasks register.
    pub registers_in: Vec<Registration>,
    /// The request's other members, to be described again.
    pub settings: Map<String, Value>,
}

impl World {
    /// `CreateTaskSet`: the id of the new set. The first one is not primary by itself. A set that was made with the same
    /// client token answers in its place.
    ///
    /// # Errors
    ///
    /// No such service or revision, a service of another controller, more than five sets, or more than one group.
    pub fn create_task_set(&mut self, cluster: &str, service: &str, new: NewTaskSet) -> Result<Arc<str>, FleetError> {
        self.create_set_as(&Controller::External, cluster, service, new)
    }

    /// The same for the one who controls the service.
    pub(in crate::world) fn create_set_as(
        &mut self,
        by: &Controller,
        cluster: &str,
        service: &str,
        new: NewTaskSet,
    ) -> Result<Arc<str>, FleetError> {
        let (key, mut record) = self.of_sets(by, cluster, service)?;
        let token = |settings: &Map<String, Value>| settings.get(TOKEN).cloned();
        let asked = token(&new.settings);
        let same = |set: &&TaskSetRecord| set.settings.as_object().and_then(token) == asked;
        if let Some(made) = record.task_sets.iter().find(same).filter(|_| asked.is_some()) {
            return Ok(Arc::clone(&made.id));
        }
        self.active_definition(&new.task_definition)?;
        if new.registers_in.len() > 1 {
            return Err(FleetError::parameter("CreateTaskSet cannot have more than 1 load balancer."));
        }
        if record.task_sets.len() >= MOST_SETS {
            return Err(FleetError::parameter(format!(
                "{MOST_SETS} deployments exist on the service. Unable to create new TaskSet since this exceeds the \
                 maximum limit."
            )));
        }
        let number = self.next_write();
        let set = self.task_set(&record, number, TaskSetStatus::Active, new);
        let id = Arc::clone(&set.id);
        for entry in set.groups.iter() {
            if !record.groups.contains(&entry.group) {
                record.groups.push(entry.group.clone());
            }
        }
        record.task_sets.push(set);
        record.steady = false;
        self.put(key, record);
        Ok(id)
    }

    /// `UpdateTaskSet`: another share of the service's tasks.
    ///
    /// # Errors
    ///
    /// No such service or set.
    pub fn scale_task_set(&mut self, cluster: &str, service: &str, set: &str, scale: f64) -> Result<(), FleetError> {
        let (key, mut record) = self.of_sets(&Controller::External, cluster, service)?;
        let now = self.now;
        let set = find(&mut record, set)?;
        set.scale = scale;
        set.updated_at = now;
        set.stable = (false, now);
        record.steady = false;
        self.next_write();
        self.put(key, record);
        Ok(())
    }

    /// `UpdateServicePrimaryTaskSet`. What the set says holds for its service from now on.
    ///
    /// # Errors
    ///
    /// No such service or set.
    pub fn set_primary(&mut self, cluster: &str, service: &str, set: &str) -> Result<(), FleetError> {
        self.set_primary_as(&Controller::External, cluster, service, set)
    }

    /// The same for the one who controls the service.
    pub(in crate::world) fn set_primary_as(
        &mut self,
        by: &Controller,
        cluster: &str,
        service: &str,
        set: &str,
    ) -> Result<(), FleetError> {
        let (key, mut record) = self.of_sets(by, cluster, service)?;
        let now = self.now;
        let chosen = find(&mut record, set)?;
        chosen.status = TaskSetStatus::Primary;
        chosen.updated_at = now;
        let (id, definition, groups) = (Arc::clone(&chosen.id), chosen.definition.clone(), Arc::clone(&chosen.groups));
        let settings = Arc::clone(&chosen.settings);
        for other in record.task_sets.iter_mut().filter(|other| other.id != id) {
            if other.status == TaskSetStatus::Primary {
                other.status = TaskSetStatus::Active;
                other.updated_at = now;
            }
        }
        record.task_definition = Some(definition);
        record.registers_in = groups;
        if *by == Controller::CodeDeploy {
            take_over(&mut record, &settings);
        }
        self.next_write();
        self.put(key, record);
        Ok(())
    }

    /// `DeleteTaskSet`: its tasks stop, then it is gone.
    ///
    /// # Errors
    ///
    /// No such service or set; it is primary or scaled above 0, and `force` is not set.
    pub fn delete_task_set(&mut self, cluster: &str, service: &str, set: &str, force: bool) -> Result<(), FleetError> {
        self.delete_set_as(&Controller::External, cluster, service, set, force)
    }

    /// The same for the one who controls the service.
    pub(in crate::world) fn delete_set_as(
        &mut self,
        by: &Controller,
        cluster: &str,
        service: &str,
        set: &str,
        force: bool,
    ) -> Result<(), FleetError> {
        let (key, mut record) = self.of_sets(by, cluster, service)?;
        let now = self.now;
        let found = record.task_sets.iter_mut().find(|record| named(record, set));
        let found = found.ok_or(FleetError::TaskSetNotFound)?;
        if found.status == TaskSetStatus::Draining {
            return Ok(());
        }
        if found.status == TaskSetStatus::Primary && !force {
            return Err(FleetError::parameter("The primary task set of a service cannot be deleted without force."));
        }
        if found.scale > 0.0 && !force {
            return Err(FleetError::parameter("A task set that is scaled above 0 cannot be deleted without force."));
        }
        found.status = TaskSetStatus::Draining;
        found.updated_at = now;
        found.stable = (false, now);
        self.next_write();
        self.put(key, record);
        Ok(())
    }

    /// What CodeDeploy's services begin with: one set that has all tasks.
    pub(super) fn first_task_set(&self, service: &mut ServiceRecord, number: u64) {
        let Some(task_definition) = service.task_definition.clone() else { return };
        let settings = service.settings.as_object().cloned().unwrap_or_default();
        let registers_in = service.registers_in.to_vec();
        let new = NewTaskSet { task_definition, scale: 100.0, registers_in, settings };
        service.task_sets.push(self.task_set(service, number, TaskSetStatus::Primary, new));
    }

    fn task_set(&self, service: &ServiceRecord, number: u64, status: TaskSetStatus, new: NewTaskSet) -> TaskSetRecord {
        let id = format!("ecs-svc/{number:019}");
        TaskSetRecord {
            arn: format!("{}/{id}", service.arn.replacen(":service/", ":task-set/", 1)),
            id: id.into(),
            definition: new.task_definition,
            status,
            scale: new.scale,
            groups: new.registers_in.into(),
            created_at: self.now,
            updated_at: self.now,
            stable: (false, self.now),
            failures: Failures::default(),
            settings: Arc::new(Value::Object(new.settings)),
        }
    }

    fn of_sets(
        &self,
        by: &Controller,
        cluster: &str,
        service: &str,
    ) -> Result<((String, String), ServiceRecord), FleetError> {
        self.cluster(cluster)?;
        let key = (cluster.to_owned(), service.to_owned());
        let record = self.state.services.get(&key).ok_or(FleetError::ServiceNotFound)?;
        if record.status != ServiceStatus::Active {
            return Err(FleetError::ServiceNotActive);
        }
        if record.controller != *by {
            return Err(FleetError::parameter(
                "Amazon ECS only supports task set management on services configured to use external deployment \
                 controllers.",
            ));
        }
        Ok((key, record.clone()))
    }
}

/// A service of CodeDeploy says what its primary set was made with.
fn take_over(service: &mut ServiceRecord, settings: &Value) {
    const TAKEN: [&str; 5] =
        ["loadBalancers", "networkConfiguration", "platformVersion", "capacityProviderStrategy", "launchType"];
    let mut own = service.settings.as_object().cloned().unwrap_or_default();
    for name in TAKEN {
        match settings.get(name) {
            Some(value) => own.insert(name.to_owned(), value.clone()),
            None => own.remove(name),
        };
    }
    service.settings = Arc::new(Value::Object(own));
}

fn find<'a>(service: &'a mut ServiceRecord, reference: &str) -> Result<&'a mut TaskSetRecord, FleetError> {
    let found = service.task_sets.iter_mut().find(|set| named(set, reference));
    found.filter(|set| set.status != TaskSetStatus::Draining).ok_or(FleetError::TaskSetNotFound)
}

/// Whether `reference` (an ARN, `ecs-svc/…`, or its last part) means `set`.
pub(crate) fn named(set: &TaskSetRecord, reference: &str) -> bool {
    set.arn == reference || *set.id == *reference || set.id.rsplit('/').next() == Some(reference)
}
