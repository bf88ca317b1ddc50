//! What a deployment does to its service.

use std::sync::Arc;

use bluegreen_core::appspec::{EcsTarget, TaskDefinitionRef};
use bluegreen_core::model::{TargetGroupArn, TaskDefinitionArn};
use bluegreen_core::observe::Controller;
use serde_json::{Map, Value, json};

use super::{Deployment, Pair, Side, Sides};
use crate::world::{
    FleetError, NewTaskSet, Registration, ServiceRecord, ServiceStatus, TaskSetRecord, TaskSetStatus, World,
};

/// AWS's code and words for why a deployment fails.
pub(super) type Failure = (&'static str, String);

/// What services are told to say of the one who changes them.
const BY: Controller = Controller::CodeDeploy;

impl World {
    /// Makes the new task set beside the one in service, on the idle group of the pair.
    pub(super) fn install(&mut self, deployment: &Deployment, target: &EcsTarget) -> Result<Sides, Failure> {
        let (key, service) = self.deployed(deployment)?;
        let (key, service) = (key.clone(), service.clone());
        let pair =
            deployment.setup.pair.as_ref().ok_or_else(|| elb("the deployment group has no target group pair"))?;
        let groups = self.pair_groups(pair)?;
        let old = in_service(&service, &groups)?;
        let idle = groups.iter().find(|group| **group != old.group).cloned().unwrap_or(groups[1].clone());
        let sides = self.routes_of(pair, &groups, old)?;
        let definition = self.definition(target)?;
        for stale in service.task_sets.iter().filter(|set| set.status == TaskSetStatus::Active) {
            self.drop_task_set(&key, &stale.id)?;
        }
        // Its targets have to be checked, so that the load balancer must know its group.
        self.write_share(deployment, &sides, &groups, &idle, 0)?;
        let registration = Registration {
            group: idle.clone(),
            container: Some(target.container_name.clone()),
            port: Some(target.container_port),
        };
        let new = NewTaskSet {
            task_definition: definition,
            scale: 100.0,
            settings: set_settings(&service, target, &idle),
            registers_in: vec![registration],
        };
        let set = self.create_set_as(&BY, &key.0, &key.1, new).map_err(|error| refused(&error))?;
        Ok(Sides { new: Some(Side { set, group: idle }), ..sides })
    }

    /// Puts the new set into service and ends the old one.
    pub(super) fn replace(&mut self, deployment: &Deployment) -> Result<(), Failure> {
        let (key, _) = self.deployed(deployment)?;
        let key = key.clone();
        let Some(new) = &deployment.sides.new else { return Ok(()) };
        self.serve_by(&key, &new.set)?;
        match &deployment.sides.old {
            Some(old) if deployment.setup.termination.ends => self.drop_task_set(&key, &old.set),
            _ => Ok(()),
        }
    }

    /// Puts the old set back into service and ends the new one.
    pub(super) fn give_back(&mut self, deployment: &Deployment) -> Result<(), Failure> {
        let (key, _) = self.deployed(deployment)?;
        let key = key.clone();
        if let Some(old) = &deployment.sides.old {
            self.serve_by(&key, &old.set)?;
        }
        match &deployment.sides.new {
            Some(new) => self.drop_task_set(&key, &new.set),
            None => Ok(()),
        }
    }

    /// Whether the new set has all its tasks, and they serve.
    pub(super) fn is_installed(&self, deployment: &Deployment) -> Result<bool, Failure> {
        let (_, service) = self.deployed(deployment)?;
        let new = deployment.sides.new.as_ref();
        let set = new.and_then(|new| service.task_sets.iter().find(|set| set.id == new.set));
        let set = set.ok_or(("ECS_UPDATE_ERROR", "The replacement task set does not exist any more".to_owned()))?;
        Ok(set.stable.0)
    }

    /// The revision of the set that was in service.
    pub(super) fn old_definition(&self, deployment: &Deployment) -> Option<TaskDefinitionArn> {
        let (_, service) = self.deployed(deployment).ok()?;
        let old = deployment.sides.old.as_ref()?;
        service.task_sets.iter().find(|set| set.id == old.set).map(|set| set.definition.clone())
    }

    /// The service of a deployment, which must be one of CodeDeploy's.
    fn deployed(&self, deployment: &Deployment) -> Result<(&(String, String), &ServiceRecord), Failure> {
        let found = deployment.setup.service.as_ref().and_then(|key| self.state.services.get_key_value(key));
        let found = found.filter(|(_, service)| service.status == ServiceStatus::Active);
        let (key, service) = found
            .ok_or(("INVALID_ECS_SERVICE", "The ECS service of the deployment group does not exist".to_owned()))?;
        if service.controller != BY {
            let text = "Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller.";
            return Err(("INVALID_ECS_SERVICE", text.to_owned()));
        }
        Ok((key, service))
    }

    fn pair_groups(&self, pair: &Pair) -> Result<[TargetGroupArn; 2], Failure> {
        let find = |name: &String| {
            let group = self.state.group(name).map(|group| group.arn);
            group.ok_or_else(|| elb(&format!("the target group {name} does not exist")))
        };
        Ok([find(&pair.groups[0])?, find(&pair.groups[1])?])
    }

    fn definition(&self, target: &EcsTarget) -> Result<TaskDefinitionArn, Failure> {
        let invalid = |text: String| ("INVALID_REVISION", text);
        let TaskDefinitionRef::Arn(arn) = &target.task_definition else {
            return Err(invalid("The AppSpec names no task definition".to_owned()));
        };
        let record = self.state.definitions.get(arn).filter(|record| record.active);
        let record = record
            .ok_or_else(|| invalid(format!("The task definition {} does not exist, or is not active", arn.short())))?;
        let containers = record.document.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten();
        let mut names = containers.filter_map(|container| container.get("name").and_then(Value::as_str));
        if !names.any(|name| name == target.container_name) {
            let text = format!("The container {} does not exist in the task definition", target.container_name);
            return Err(invalid(text));
        }
        Ok(arn.clone())
    }

    fn drop_task_set(&mut self, (cluster, service): &(String, String), set: &str) -> Result<(), Failure> {
        match self.delete_set_as(&BY, cluster, service, set, true) {
            Ok(()) | Err(FleetError::TaskSetNotFound) => Ok(()),
            Err(error) => Err(refused(&error)),
        }
    }

    fn serve_by(&mut self, (cluster, service): &(String, String), set: &str) -> Result<(), Failure> {
        self.set_primary_as(&BY, cluster, service, set).map_err(|error| refused(&error))
    }
}

/// The set in service, which must stand on one group of the pair.
fn in_service(service: &ServiceRecord, groups: &[TargetGroupArn; 2]) -> Result<Side, Failure> {
    let primary = |set: &&TaskSetRecord| set.status == TaskSetStatus::Primary;
    let primary = service.task_sets.iter().find(primary);
    let primary = primary.ok_or(("INVALID_ECS_SERVICE", "The ECS service has no primary task set".to_owned()))?;
    let group = primary.groups.first().map(|entry| entry.group.clone()).filter(|group| groups.contains(group));
    let group = group.ok_or_else(|| elb("the primary task set is on no target group of the pair"))?;
    Ok(Side { set: Arc::clone(&primary.id), group })
}

/// What the new set is made with: what the AppSpec says, else what the service has.
fn set_settings(service: &ServiceRecord, target: &EcsTarget, group: &TargetGroupArn) -> Map<String, Value> {
    const TAKEN: [&str; 5] =
        ["networkConfiguration", "launchType", "capacityProviderStrategy", "platformVersion", "serviceRegistries"];
    let taken = |name: &&str| service.settings.get(*name).map(|value| ((*name).to_owned(), value.clone()));
    let mut settings: Map<String, Value> = TAKEN.iter().filter_map(taken).collect();
    let balancer = json!({
        "targetGroupArn": group.as_str(),
        "containerName": target.container_name,
        "containerPort": target.container_port,
    });
    settings.insert("loadBalancers".to_owned(), json!([balancer]));
    if let Some(network) = &target.network {
        let public = if network.assign_public_ip { "ENABLED" } else { "DISABLED" };
        let vpc = json!({
            "subnets": network.subnets,
            "securityGroups": network.security_groups,
            "assignPublicIp": public,
        });
        settings.insert("networkConfiguration".to_owned(), json!({"awsvpcConfiguration": vpc}));
    }
    if let Some(version) = &target.platform_version {
        settings.insert("platformVersion".to_owned(), json!(version));
    }
    if !target.capacity_providers.is_empty() {
        let provider = |provider: &bluegreen_core::appspec::CapacityProvider| json!({"capacityProvider": provider.name, "base": provider.base, "weight": provider.weight});
        settings.remove("launchType");
        let providers: Vec<Value> = target.capacity_providers.iter().map(provider).collect();
        settings.insert("capacityProviderStrategy".to_owned(), providers.into());
    }
    settings
}

fn refused(error: &FleetError) -> Failure {
    ("ECS_UPDATE_ERROR", format!("The ECS service cannot be updated: {error}"))
}

pub(super) fn elb(text: &str) -> Failure {
    ("ELASTIC_LOAD_BALANCING_INVALID", format!("The ELB could not be updated due to the following error: {text}"))
}
