//! ECS's description of a service, cut down to what decisions read.

use aws_sdk_ecs::types as sdk;

use super::DESCRIBE_SERVICES;
use crate::aws::classify::malformed;
use crate::aws::convert::{arn, count, required, timestamp};
use crate::model::{Arn, SetScale, TargetGroupArn, TaskDefinitionArn};
use crate::observe::{Controller, Deployment, ServiceSnapshot, TaskSetSnapshot, TaskSetStatus};
use crate::ports::CallError;
use crate::text;

/// How many of a service's messages are kept, and how long each may be.
const MESSAGES: usize = 5;
const MESSAGE_LIMIT: usize = 500;

/// The snapshot of one service.
pub(super) fn snapshot(service: &sdk::Service) -> Result<ServiceSnapshot, CallError> {
    let own_arn = required(DESCRIBE_SERVICES, "serviceArn", service.service_arn.clone())?;
    let home: Arn = arn(DESCRIBE_SERVICES, "serviceArn", Some(&own_arn))?;
    let primary = primary_task_set(service);
    let of = |set: Option<&sdk::TaskSet>| set.and_then(|set| set.task_definition.clone());
    // Under task sets the service itself may have no definition, or one that nothing runs any more.
    let definition = of(primary.filter(|set| set.status.as_deref() == Some("PRIMARY")))
        .or_else(|| service.task_definition.clone().filter(|text| !text.is_empty()))
        .or_else(|| of(primary));
    let definition = definition.as_deref();
    let deployments = service.deployments.as_deref().unwrap_or_default().iter();
    let messages = service.events.as_deref().unwrap_or_default().iter();
    Ok(ServiceSnapshot {
        name: required(DESCRIBE_SERVICES, "serviceName", service.service_name.clone())?,
        status: required(DESCRIBE_SERVICES, "status", service.status.clone())?,
        created_at: service.created_at.as_ref().and_then(timestamp),
        controller: controller(service),
        task_definition: revision(&home, definition)?,
        desired: count(service.desired_count),
        running: count(service.running_count),
        pending: count(service.pending_count),
        deployments: deployments.map(|found| deployment(&home, found)).collect::<Result<_, _>>()?,
        target_groups: target_groups(service, primary)?,
        messages: messages
            .filter_map(|event| event.message.as_deref())
            .take(MESSAGES)
            .map(|message| text::line(message, MESSAGE_LIMIT))
            .collect(),
        task_sets: task_sets(&home, service)?,
        arn: own_arn,
    })
}

fn task_sets(home: &Arn, service: &sdk::Service) -> Result<Vec<TaskSetSnapshot>, CallError> {
    let sets = service.task_sets.as_deref().unwrap_or_default().iter();
    sets.map(|set| task_set(home, count(service.desired_count), set)).collect()
}

fn task_set(home: &Arn, of: u32, set: &sdk::TaskSet) -> Result<TaskSetSnapshot, CallError> {
    let status = required(DESCRIBE_SERVICES, "taskSets.status", set.status.as_deref())?;
    // A set that shows none is taken to have nothing, so that it is told its share anew.
    let scale = set.scale.as_ref().map_or(0.0, |scale| scale.value);
    Ok(TaskSetSnapshot {
        id: required(DESCRIBE_SERVICES, "taskSets.id", set.id.clone())?,
        status: match status {
            "PRIMARY" => TaskSetStatus::Primary,
            "ACTIVE" => TaskSetStatus::Active,
            "DRAINING" => TaskSetStatus::Draining,
            other => TaskSetStatus::Unknown(text::line(other, 60)),
        },
        task_definition: revision(home, set.task_definition.as_deref())?,
        scale: SetScale::from_percent(scale),
        of,
        desired: count(set.computed_desired_count),
        running: count(set.running_count),
        pending: count(set.pending_count),
        target_groups: groups(set.load_balancers.as_deref().unwrap_or_default())?,
        external_id: set.external_id.as_deref().map(|id| text::line(id, 200)),
    })
}

/// The task set that serves, under controllers that have any.
pub(super) fn primary_task_set(service: &sdk::Service) -> Option<&sdk::TaskSet> {
    let sets = service.task_sets.as_deref().unwrap_or_default();
    sets.iter().find(|task_set| task_set.status.as_deref() == Some("PRIMARY")).or_else(|| sets.first())
}

fn controller(service: &sdk::Service) -> Controller {
    // Left out, the controller is ECS, and its strategy is rolling.
    let kind = service.deployment_controller.as_ref().map_or("ECS", |controller| controller.r#type.as_str());
    let strategy = service.deployment_configuration.as_ref().and_then(|configuration| configuration.strategy.as_ref());
    match (kind, strategy.map(sdk::DeploymentStrategy::as_str)) {
        ("ECS", None | Some("ROLLING")) => Controller::Rolling,
        ("ECS", Some(strategy @ ("BLUE_GREEN" | "LINEAR" | "CANARY"))) => Controller::Native(strategy.to_owned()),
        ("ECS", Some(strategy)) => Controller::Unknown(text::line(strategy, 60)),
        ("CODE_DEPLOY", _) => Controller::CodeDeploy,
        ("EXTERNAL", _) => Controller::External,
        (kind, _) => Controller::Unknown(text::line(kind, 60)),
    }
}

fn deployment(home: &Arn, deployment: &sdk::Deployment) -> Result<Deployment, CallError> {
    Ok(Deployment {
        id: required(DESCRIBE_SERVICES, "deployments.id", deployment.id.clone())?,
        status: required(DESCRIBE_SERVICES, "deployments.status", deployment.status.clone())?,
        task_definition: revision(home, deployment.task_definition.as_deref())?,
        rollout: deployment.rollout_state.as_ref().map(|state| state.as_str().to_owned()),
        desired: count(deployment.desired_count),
        running: count(deployment.running_count),
        failed: count(deployment.failed_tasks),
    })
}

/// A revision's ARN. What is given as `family:revision` lies in the account and region of its service.
fn revision(home: &Arn, text: Option<&str>) -> Result<TaskDefinitionArn, CallError> {
    let text = required(DESCRIBE_SERVICES, "taskDefinition", text)?;
    if text.starts_with("arn:") {
        return arn(DESCRIBE_SERVICES, "taskDefinition", Some(text));
    }
    if !text.contains(':') {
        return Err(malformed(DESCRIBE_SERVICES, &format!("taskDefinition `{text}` names no revision")));
    }
    let full = Arn { resource: format!("task-definition/{text}"), ..home.clone() };
    arn(DESCRIBE_SERVICES, "taskDefinition", Some(&full.to_string()))
}

fn target_groups(service: &sdk::Service, primary: Option<&sdk::TaskSet>) -> Result<Vec<TargetGroupArn>, CallError> {
    let own = service.load_balancers.as_deref().unwrap_or_default();
    let of_task_set = primary.and_then(|task_set| task_set.load_balancers.as_deref()).unwrap_or_default();
    groups(if own.is_empty() { of_task_set } else { own })
}

fn groups(listed: &[sdk::LoadBalancer]) -> Result<Vec<TargetGroupArn>, CallError> {
    // A classic load balancer has a name here, and no group.
    let groups = listed.iter().filter_map(|balancer| balancer.target_group_arn.as_deref());
    groups.map(|group| arn(DESCRIBE_SERVICES, "targetGroupArn", Some(group))).collect()
}
