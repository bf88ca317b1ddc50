//! CodeDeploy's description of a deployment in the shape that both services share.

use std::time::Duration;

use aws_sdk_codedeploy::types::{self as sdk, DeploymentInfo, DeploymentTarget, LifecycleEventStatus};
use jiff::Timestamp;

use super::targets;
use crate::appspec::{self, Target, TaskDefinitionRef};
use crate::aws::classify::malformed;
use crate::aws::convert::{count, required, timestamp};
use crate::aws::releases::words;
use crate::model::{DeploymentId, DeploymentWait, RunId, TaskDefinitionArn};
use crate::observe::{DeploymentStatus, LifecycleEvent, ManagedDeployment, OldAndNew};
use crate::ports::{CallError, marked_run};

const GET: &str = "codedeploy:GetDeployment";

/// One deployment with what its targets tell.
pub(super) fn deployment(info: &DeploymentInfo, targets: &[DeploymentTarget]) -> Result<ManagedDeployment, CallError> {
    let status = status(info)?;
    let events: Vec<&sdk::LifecycleEvent> = targets.iter().flat_map(targets::events).collect();
    let waits_for = waits_for(info, &status);
    Ok(ManagedDeployment {
        id: DeploymentId::new(required(GET, "deploymentId", info.deployment_id.clone())?),
        run: run(info),
        creator: info.creator.as_ref().map_or_else(String::new, |creator| creator.as_str().to_owned()),
        created_at: created_at(info)?,
        task_definition: task_definition(info),
        stage: stage(&events).map(str::to_owned),
        wait_ends: waits_for.as_ref().and_then(|wait| wait_ends(info, wait, &events)),
        waits_for,
        status,
        share_ppm: targets.iter().find_map(targets::share),
        events: events.iter().map(|event| lifecycle_event(event)).collect::<Result<_, _>>()?,
        tasks: targets.first().map_or_else(OldAndNew::default, targets::tasks),
        why: why(info),
        rolled_back_by: rolled_back_by(info).map(DeploymentId::new),
        rollback_of: rollback_of(info).map(DeploymentId::new),
    })
}

/// How it stands. `Baking` and `Ready` are parts of being under way.
pub(super) fn status(info: &DeploymentInfo) -> Result<DeploymentStatus, CallError> {
    use sdk::DeploymentStatus as Sdk;
    Ok(match required(GET, "status", info.status.as_ref())? {
        Sdk::Created | Sdk::Queued => DeploymentStatus::Pending,
        Sdk::InProgress | Sdk::Baking | Sdk::Ready => DeploymentStatus::InProgress,
        Sdk::Succeeded => DeploymentStatus::Succeeded,
        Sdk::Failed => DeploymentStatus::Failed,
        Sdk::Stopped => DeploymentStatus::Stopped,
        other => DeploymentStatus::Unknown(other.as_str().to_owned()),
    })
}

/// The position of the deployment that carries the run's mark. Of several the one that has not ended counts, else the
/// first that was made. What takes one back is never it, whatever its description repeats.
pub(super) fn marked(infos: &[DeploymentInfo], run: &RunId) -> Result<Option<usize>, CallError> {
    let mut best = None;
    for (position, info) in infos.iter().enumerate() {
        if self::run(info).as_ref() == Some(run) {
            let rank = (status(info)?.has_ended(), created_at(info)?, position);
            best = best.into_iter().chain([rank]).min();
        }
    }
    Ok(best.map(|(_, _, position)| position))
}

/// The run that made it.
fn run(info: &DeploymentInfo) -> Option<RunId> {
    let made_by_rollback = info.creator == Some(sdk::DeploymentCreator::CodeDeployRollback);
    let description = info.description().filter(|_| !made_by_rollback && rollback_of(info).is_none());
    description.and_then(marked_run)
}

/// The deployment that takes this one back.
pub(super) fn rolled_back_by(info: &DeploymentInfo) -> Option<&str> {
    let id = info.rollback_info.as_ref().and_then(|rollback| rollback.rollback_deployment_id());
    id.filter(|id| !id.is_empty() && info.deployment_id() != Some(id) && rollback_of(info).is_none())
}

/// The deployment that this one takes back.
pub(super) fn rollback_of(info: &DeploymentInfo) -> Option<&str> {
    let id = info.rollback_info.as_ref().and_then(|rollback| rollback.rollback_triggering_deployment_id());
    id.filter(|id| !id.is_empty() && info.deployment_id() != Some(id))
}

fn created_at(info: &DeploymentInfo) -> Result<Timestamp, CallError> {
    let time = required(GET, "createTime", info.create_time.as_ref())?;
    timestamp(time).ok_or_else(|| malformed(GET, "createTime is out of range"))
}

/// The revision in the AppSpec, where the answer has the document itself. One in a bucket, or one whose document AWS
/// leaves out, is not looked for: nothing is decided by it.
fn task_definition(info: &DeploymentInfo) -> Option<TaskDefinitionArn> {
    let content = info.revision.as_ref()?.app_spec_content.as_ref()?.content()?;
    match appspec::parse(GET, content).ok()?.spec.target {
        Target::Ecs(ecs) => match ecs.task_definition {
            TaskDefinitionRef::Arn(revision) => Some(revision),
            TaskDefinitionRef::Placeholder => None,
        },
        Target::Lambda(_) => None,
    }
}

fn waits_for(info: &DeploymentInfo, status: &DeploymentStatus) -> Option<DeploymentWait> {
    if info.status == Some(sdk::DeploymentStatus::Ready) {
        return Some(DeploymentWait::Ready);
    }
    (info.instance_termination_wait_time_started && !status.has_ended()).then_some(DeploymentWait::Termination)
}

/// AWS tells how long it waits, not since when: both waits begin where the newest event has ended.
fn wait_ends(info: &DeploymentInfo, wait: &DeploymentWait, events: &[&sdk::LifecycleEvent]) -> Option<Timestamp> {
    let options = info.blue_green_deployment_configuration.as_ref()?;
    let minutes = match wait {
        DeploymentWait::Ready => options.deployment_ready_option.as_ref()?.wait_time_in_minutes,
        DeploymentWait::Termination => {
            options.terminate_blue_instances_on_deployment_success.as_ref()?.termination_wait_time_in_minutes
        }
        DeploymentWait::Pause { .. } => return None,
    };
    let since = events.iter().filter_map(|event| event.end_time.as_ref()).filter_map(timestamp).max()?;
    since.checked_add(Duration::from_secs(60 * u64::from(count(minutes)))).ok()
}

/// The event under way, else the newest that has begun.
fn stage<'a>(events: &[&'a sdk::LifecycleEvent]) -> Option<&'a str> {
    let under_way = |event: &&&sdk::LifecycleEvent| event.status == Some(LifecycleEventStatus::InProgress);
    let begun = |event: &&&sdk::LifecycleEvent| {
        !matches!(event.status, None | Some(LifecycleEventStatus::Pending | LifecycleEventStatus::Skipped))
    };
    let found = events.iter().find(under_way).or_else(|| events.iter().rfind(begun))?;
    found.lifecycle_event_name()
}

fn lifecycle_event(event: &sdk::LifecycleEvent) -> Result<LifecycleEvent, CallError> {
    let status = required(GET, "the status of a lifecycle event", event.status.as_ref())?;
    let diagnostics = event.diagnostics.as_ref().filter(|_| *status != LifecycleEventStatus::Succeeded);
    let code = diagnostics.and_then(|found| found.error_code.as_ref());
    let code = code.filter(|code| **code != sdk::LifecycleErrorCode::Success).map(sdk::LifecycleErrorCode::as_str);
    Ok(LifecycleEvent {
        name: required(GET, "the name of a lifecycle event", event.lifecycle_event_name.clone())?,
        status: status.as_str().to_owned(),
        message: coded(code, diagnostics.and_then(|found| found.message())),
    })
}

fn why(info: &DeploymentInfo) -> Option<String> {
    let error = info.error_information.as_ref();
    let code = error.and_then(|error| error.code.as_ref()).map(sdk::ErrorCode::as_str);
    let message = error.and_then(|error| error.message());
    let rollback = info.rollback_info.as_ref().and_then(|rollback| rollback.rollback_message());
    words([coded(code, message).as_deref(), rollback])
}

/// An error's code and message, of which either may be missing.
fn coded(code: Option<&str>, message: Option<&str>) -> Option<String> {
    match (code, message.filter(|message| !message.trim().is_empty())) {
        (Some(code), Some(message)) => words([Some(format!("{code}: {message}").as_str())]),
        (code, message) => words([code.or(message)]),
    }
}
