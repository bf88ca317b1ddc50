//! ECS's description of a deployment in the shape that both services share.

use std::collections::HashMap;

use aws_sdk_ecs::types::{
    DeploymentLifecycleHook, DeploymentLifecycleHookDetail, DeploymentLifecycleHookStatus,
    DeploymentLifecycleHookTargetType, ServiceDeployment, ServiceDeploymentAlarms, ServiceDeploymentLifecycleStage,
    ServiceDeploymentStatus, ServiceRevisionSummary,
};
use aws_smithy_types::Document;
use jiff::Timestamp;

use super::DESCRIBE;
use crate::aws::classify::malformed;
use crate::aws::convert::{count, required, timestamp};
use crate::aws::releases::{ppm, words};
use crate::model::{DeploymentId, DeploymentWait, RunId, TaskDefinitionArn};
use crate::observe::{DeploymentStatus, LifecycleEvent, ManagedDeployment, OldAndNew};
use crate::ports::{CallError, marked_run};

/// One deployment; `revisions` are the task definitions by service revision.
pub(super) fn deployment(
    found: &ServiceDeployment,
    revisions: &HashMap<String, TaskDefinitionArn>,
) -> Result<ManagedDeployment, CallError> {
    let status = status(found)?;
    let waiting = found.lifecycle_hook_details().iter().find(|hook| !status.has_ended() && awaits_action(hook));
    let new = found.target_service_revision.as_ref();
    Ok(ManagedDeployment {
        id: DeploymentId::new(required(DESCRIBE, "serviceDeploymentArn", found.service_deployment_arn.clone())?),
        run: run(found),
        // ECS does not tell.
        creator: String::new(),
        created_at: created_at(found)?,
        task_definition: target(found).and_then(|arn| revisions.get(arn)).cloned(),
        stage: stage(found).map(str::to_owned),
        waits_for: waiting.map(|hook| pause(found, hook)).transpose()?,
        wait_ends: waiting.and_then(|hook| hook.expires_at.as_ref()).and_then(timestamp),
        share_ppm: new.and_then(|revision| revision.requested_production_traffic_weight).and_then(ppm),
        events: events(found)?,
        tasks: OldAndNew {
            old: tasks(found.source_service_revisions()),
            new: tasks(found.target_service_revision.as_slice()),
        },
        why: why(found),
        rolled_back_by: None,
        rollback_of: None,
        status,
    })
}

/// How it stands.
pub(super) fn status(found: &ServiceDeployment) -> Result<DeploymentStatus, CallError> {
    use ServiceDeploymentStatus as Sdk;
    Ok(match required(DESCRIBE, "status", found.status.as_ref())? {
        Sdk::Pending => DeploymentStatus::Pending,
        Sdk::InProgress => DeploymentStatus::InProgress,
        Sdk::StopRequested => DeploymentStatus::Stopping,
        Sdk::RollbackRequested | Sdk::RollbackInProgress => DeploymentStatus::RollingBack,
        Sdk::Successful => DeploymentStatus::Succeeded,
        Sdk::RollbackSuccessful => DeploymentStatus::RolledBack,
        Sdk::Stopped => DeploymentStatus::Stopped,
        Sdk::RollbackFailed => DeploymentStatus::Failed,
        other => DeploymentStatus::Unknown(other.as_str().to_owned()),
    })
}

/// The position of a deployment.
pub(super) fn position(found: &[ServiceDeployment], arn: &str) -> Option<usize> {
    found.iter().position(|deployment| deployment.service_deployment_arn() == Some(arn))
}

/// The position of the deployment that `is_ours`. Of several the one that has not ended counts, else the first that
/// was made.
pub(super) fn first(
    found: &[ServiceDeployment],
    is_ours: impl Fn(&ServiceDeployment) -> bool,
) -> Result<Option<usize>, CallError> {
    let mut best = None;
    for (position, deployment) in found.iter().enumerate() {
        if is_ours(deployment) {
            let rank = (status(deployment)?.has_ended(), created_at(deployment)?, position);
            best = best.into_iter().chain([rank]).min();
        }
    }
    Ok(best.map(|(_, _, position)| position))
}

/// Whether it has a pause whose details AWS does not show.
pub(super) fn pauses_unmarked(found: &ServiceDeployment) -> bool {
    let unmarked = |hook: &DeploymentLifecycleHook| {
        hook.target_type == Some(DeploymentLifecycleHookTargetType::Pause) && hook.hook_details.is_none()
    };
    found.deployment_configuration.as_ref().is_some_and(|found| found.lifecycle_hooks().iter().any(unmarked))
}

/// The run whose mark stands in the details of a hook.
pub(super) fn run(found: &ServiceDeployment) -> Option<RunId> {
    let hooks = found.deployment_configuration.as_ref()?.lifecycle_hooks();
    hooks.iter().find_map(|hook| hook.hook_details.as_ref().and_then(mark))
}

fn mark(details: &Document) -> Option<RunId> {
    match details {
        Document::String(text) => marked_run(text),
        Document::Object(members) => members.values().find_map(mark),
        Document::Array(members) => members.iter().find_map(mark),
        _ => None,
    }
}

/// The service revision that it brings.
pub(super) fn target(found: &ServiceDeployment) -> Option<&str> {
    found.target_service_revision.as_ref()?.arn()
}

fn created_at(found: &ServiceDeployment) -> Result<Timestamp, CallError> {
    let time = required(DESCRIBE, "createdAt", found.created_at.as_ref())?;
    timestamp(time).ok_or_else(|| malformed(DESCRIBE, "createdAt is out of range"))
}

/// The stage by AWS's name for it: the SDK's list lacks some that AWS has.
fn stage(found: &ServiceDeployment) -> Option<&str> {
    found.lifecycle_stage.as_ref().map(ServiceDeploymentLifecycleStage::as_str)
}

fn awaits_action(hook: &DeploymentLifecycleHookDetail) -> bool {
    hook.status == Some(DeploymentLifecycleHookStatus::AwaitingAction)
}

fn pause(found: &ServiceDeployment, hook: &DeploymentLifecycleHookDetail) -> Result<DeploymentWait, CallError> {
    Ok(DeploymentWait::Pause {
        hook: required(DESCRIBE, "hookId", hook.hook_id.clone())?,
        stage: required(DESCRIBE, "lifecycleStage", stage(found))?.to_owned(),
    })
}

/// The stage, as far along as the deployment, then the hooks that AWS shows.
fn events(found: &ServiceDeployment) -> Result<Vec<LifecycleEvent>, CallError> {
    let status = required(DESCRIBE, "status", found.status.as_ref())?.as_str();
    let stage =
        stage(found).map(|name| LifecycleEvent { name: name.to_owned(), status: status.to_owned(), message: None });
    let hooks = found.lifecycle_hook_details().iter().map(hook);
    stage.into_iter().map(Ok).chain(hooks).collect()
}

/// A hook's run under a name of its own: a stage that comes again has hooks with new ids.
fn hook(detail: &DeploymentLifecycleHookDetail) -> Result<LifecycleEvent, CallError> {
    let kind = detail.target_type.as_ref().map_or("hook", |kind| kind.as_str());
    let id = required(DESCRIBE, "hookId", detail.hook_id())?;
    let status = required(DESCRIBE, "the status of a hook", detail.status.as_ref())?;
    let message = match (status, &detail.timeout_action) {
        (DeploymentLifecycleHookStatus::TimedOut, Some(action)) => {
            Some(format!("timed out, which means {}", action.as_str()))
        }
        _ => None,
    };
    let name = match detail.target_arn() {
        Some(target) => format!("{kind} {target} {id}"),
        None => format!("{kind} {id}"),
    };
    Ok(LifecycleEvent { name, status: status.as_str().to_owned(), message })
}

/// Asked for and running, over all revisions of one side.
fn tasks(revisions: &[ServiceRevisionSummary]) -> (u32, u32) {
    let sum = |tasks: fn(&ServiceRevisionSummary) -> i32| {
        revisions.iter().map(|revision| count(tasks(revision))).fold(0, u32::saturating_add)
    };
    (sum(|revision| revision.requested_task_count), sum(|revision| revision.running_task_count))
}

fn why(found: &ServiceDeployment) -> Option<String> {
    let alarms = found.alarms.as_ref().map(ServiceDeploymentAlarms::triggered_alarm_names).unwrap_or_default();
    let alarms = (!alarms.is_empty()).then(|| format!("alarms: {}", alarms.join(", ")));
    let rollback = found.rollback.as_ref().and_then(|rollback| rollback.reason());
    words([found.status_reason(), rollback, alarms.as_deref()])
}
