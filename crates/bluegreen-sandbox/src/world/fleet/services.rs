//! Services as clients make, change and delete them.

use std::sync::Arc;

use bluegreen_core::model::TaskDefinitionArn;
use bluegreen_core::observe::Controller;
use serde_json::{Map, Value};

use super::native::plan;
use super::schedule::scheduled_by_sets;
use super::{FleetError, alive};
use crate::world::{
    DeploymentRecord, Ms, Registration, Rollout, RolloutPolicy, ServiceRecord, ServiceStatus, TaskSetStatus, World,
};

/// A service that somebody wants.
#[derive(Clone, Debug)]
pub struct NewService {
    /// The cluster's name.
    pub cluster: String,
    /// Its own name.
    pub name: String,
    /// Who moves its tasks.
    pub controller: Controller,
    /// Its revision; one with task sets may have none of its own.
    pub task_definition: Option<TaskDefinitionArn>,
    /// Tasks asked for.
    pub desired: u32,
    /// Where its tasks register.
    pub registers_in: Vec<Registration>,
    /// How its rolling deployments go.
    pub policy: RolloutPolicy,
    /// The request's other members, to be described again.
    pub settings: Map<String, Value>,
}

/// What somebody wants of a service from now on; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ServiceEdit {
    /// The revision. Another one starts a deployment.
    pub task_definition: Option<TaskDefinitionArn>,
    /// Tasks asked for.
    pub desired: Option<u32>,
    /// Where new tasks register.
    pub registers_in: Option<Vec<Registration>>,
    /// How rolling deployments go.
    pub policy: Option<RolloutPolicy>,
    /// Members to be described again, over those that there are.
    pub settings: Map<String, Value>,
    /// Whether all tasks are replaced, even by the same revision.
    pub redeploy: bool,
    /// Whether a service of CodeDeploy becomes one of ECS. Its tasks go on.
    pub migrates: bool,
}

impl World {
    /// `CreateService`. The service is in the state afterwards.
    ///
    /// # Errors
    ///
    /// No such cluster or revision, or there is a service of that name.
    pub fn create_service(&mut self, new: NewService) -> Result<(), FleetError> {
        self.cluster(&new.cluster)?;
        let key = (new.cluster.clone(), new.name.clone());
        match self.state.services.get(&key).map(|service| service.status) {
            Some(ServiceStatus::Active) => {
                return Err(FleetError::parameter("Creation of service was not idempotent."));
            }
            Some(ServiceStatus::Draining) => {
                return Err(FleetError::parameter("Unable to Start a service that is still Draining."));
            }
            Some(ServiceStatus::Inactive) | None => {}
        }
        if let Some(definition) = &new.task_definition {
            self.active_definition(definition)?;
        }
        let number = self.next_write();
        let (region, account) = (&self.config.region, &self.config.account);
        let arn = format!("arn:aws:ecs:{region}:{account}:service/{}/{}", new.cluster, new.name);
        let groups = new.registers_in.iter().map(|entry| entry.group.clone()).collect();
        let mut service = ServiceRecord::new(arn, self.now(), groups);
        service.registers_in = new.registers_in.into();
        service.desired = new.desired;
        service.policy = new.policy;
        service.settings = Arc::new(Value::Object(new.settings));
        service.task_definition = new.task_definition;
        service.controller = new.controller;
        match service.controller {
            Controller::CodeDeploy => self.first_task_set(&mut service, number),
            Controller::External => {}
            _ => {
                let nothing = self.sources(&mut service);
                self.begin_release(&mut service, nothing, number);
            }
        }
        self.put(key, service);
        Ok(())
    }

    /// `UpdateService`.
    ///
    /// # Errors
    ///
    /// No such service or revision, or the service's controller does not allow it.
    pub fn edit_service(&mut self, cluster: &str, name: &str, edit: ServiceEdit) -> Result<(), FleetError> {
        let key = (cluster.to_owned(), name.to_owned());
        let Some(service) = self.state.services.get(&key) else {
            self.cluster(cluster)?;
            return Err(FleetError::ServiceNotFound);
        };
        if service.status != ServiceStatus::Active {
            return Err(FleetError::ServiceNotActive);
        }
        let deploys = edit.task_definition.is_some() || edit.registers_in.is_some() || edit.redeploy;
        if deploys && scheduled_by_sets(service) && !edit.migrates {
            return Err(FleetError::parameter(controlled(&service.controller)));
        }
        if let Some(wanted) = &edit.task_definition {
            self.active_definition(wanted)?;
        }
        let mut service = service.clone();
        let number = self.next_write();
        if edit.migrates {
            migrate(&mut service, self.now);
        }
        let registered = plan::declared(&service.settings).unwrap_or_else(|| service.registers_in.to_vec());
        let moved = edit.registers_in.filter(|groups| **groups != *registered && !edit.migrates);
        let redeploy = edit.redeploy || moved.is_some();
        let wanted = edit.task_definition.filter(|wanted| service.task_definition.as_ref() != Some(wanted));
        let sources = (redeploy || wanted.is_some()).then(|| self.sources(&mut service));
        if let Some(desired) = edit.desired {
            service.desired = desired;
            service.steady = false;
        }
        if let Some(policy) = edit.policy {
            service.policy = policy;
        }
        if let Value::Object(members) = Arc::make_mut(&mut service.settings) {
            members.extend(edit.settings);
        }
        if let Some(groups) = moved {
            service.registers_in = groups.into();
        }
        if redeploy {
            service.generation = 1 + newest_generation(&service);
        }
        if let Some(sources) = sources {
            service.task_definition = wanted.or(service.task_definition.take());
            self.begin_release(&mut service, sources, number);
        }
        self.put(key, service);
        Ok(())
    }

    /// `DeleteService`: its tasks stop, then it is `INACTIVE`.
    ///
    /// # Errors
    ///
    /// No such service, or it still wants tasks and `force` is not set.
    pub fn delete_service(&mut self, cluster: &str, name: &str, force: bool) -> Result<(), FleetError> {
        self.cluster(cluster)?;
        let key = (cluster.to_owned(), name.to_owned());
        let service = self.state.services.get(&key).ok_or(FleetError::ServiceNotFound)?;
        match service.status {
            ServiceStatus::Active => {}
            ServiceStatus::Draining => return Ok(()),
            ServiceStatus::Inactive => return Err(FleetError::ServiceNotFound),
        }
        if !force && scheduled_by_sets(service) && !service.task_sets.is_empty() {
            return Err(FleetError::parameter("The service cannot be stopped while it has task sets."));
        }
        if !force && service.desired > 0 && !scheduled_by_sets(service) {
            return Err(FleetError::parameter("The service cannot be stopped while it is scaled above 0."));
        }
        let mut service = service.clone();
        self.next_write();
        self.leave_behind(&mut service);
        service.status = ServiceStatus::Draining;
        service.desired = 0;
        for set in &mut service.task_sets {
            set.status = TaskSetStatus::Draining;
        }
        self.put(key, service);
        Ok(())
    }

    /// A revision that services may use.
    pub(super) fn active_definition(&self, wanted: &TaskDefinitionArn) -> Result<(), FleetError> {
        match self.state.definitions.get(wanted) {
            Some(definition) if definition.active => Ok(()),
            Some(_) => Err(FleetError::client("TaskDefinition is inactive")),
            None => Err(FleetError::client(format!("TaskDefinition not found: {}", wanted.short()))),
        }
    }
}

/// The primary task set of a service of CodeDeploy becomes what a completed deployment of ECS has brought.
fn migrate(service: &mut ServiceRecord, now: Ms) {
    let sets = std::mem::take(&mut service.task_sets);
    service.controller = Controller::Rolling;
    let Some(primary) = sets.iter().find(|set| set.status == TaskSetStatus::Primary).or(sets.first()) else { return };
    service.task_definition = Some(primary.definition.clone());
    service.registers_in = Arc::clone(&primary.groups);
    for task in service.tasks.iter_mut().filter(|task| task.set.as_ref() == Some(&primary.id)) {
        task.set = None;
        task.generation = service.generation;
    }
    let mut record = DeploymentRecord::new(
        primary.id.to_string(),
        primary.definition.clone(),
        service.generation,
        primary.created_at,
    );
    record.finish(Rollout::Completed, format!("ECS deployment {} completed.", primary.id), now);
    service.last_completed = Some(record.clone());
    service.deployments = vec![record];
}

pub(super) fn newest_generation(service: &ServiceRecord) -> u32 {
    let deployments = service.deployments.iter().chain(&service.last_completed).map(|record| record.generation);
    let revisions = service.revisions.iter().map(|revision| revision.generation);
    deployments
        .chain(revisions)
        .chain(alive(service).map(|task| task.generation))
        .max()
        .unwrap_or(0)
        .max(service.generation)
}

/// Why a service with task sets takes no deployment.
fn controlled(controller: &Controller) -> String {
    match controller {
        Controller::CodeDeploy => "Unable to update task definition on services with a CODE_DEPLOY deployment \
             controller. Use AWS CodeDeploy to trigger a new deployment."
            .to_owned(),
        _ => "Unable to update task definition on services with a EXTERNAL deployment controller. Use CreateTaskSet \
              to bring a new revision."
            .to_owned(),
    }
}
