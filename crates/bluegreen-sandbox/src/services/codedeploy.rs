//! CodeDeploy, for ECS services and Lambda functions.
//!
//! What the sandbox does otherwise than AWS: there are no instances, so the compute platform `Server` is refused; there
//! is no S3, so revisions come as content; roles, triggers and tags are kept or checked without effect.

use super::Context;
use super::page::{Order, cut};
use crate::wire::{ApiError, Input, Map, Node, Request, Service};
use crate::world::codedeploy::{AlarmWatch, Rollback, RollbackEvent};
use crate::world::{Refused, World};

mod applications;
mod configs;
mod control;
mod deployments;
mod groups;
mod shown;
mod targets;

/// The most things that one request asks for by name.
const MOST_NAMES: usize = 100;
/// Items of a page.
const PAGE: usize = 100;

pub(super) fn serve(context: &mut Context<'_>, request: &Request) -> Result<Node, ApiError> {
    let input = &request.input;
    match request.operation.as_str() {
        "CreateApplication" => applications::create(context, input),
        "GetApplication" => applications::get(context, input),
        "BatchGetApplications" => applications::batch_get(context, input),
        "ListApplications" => applications::list(context, input),
        "DeleteApplication" => applications::delete(context, input),
        "CreateDeploymentGroup" => groups::create(context, input),
        "GetDeploymentGroup" => groups::get(context, input),
        "BatchGetDeploymentGroups" => groups::batch_get(context, input),
        "ListDeploymentGroups" => groups::list(context, input),
        "UpdateDeploymentGroup" => groups::update(context, input),
        "DeleteDeploymentGroup" => groups::delete(context, input),
        "CreateDeploymentConfig" => configs::create(context, input),
        "GetDeploymentConfig" => configs::get(context, input),
        "ListDeploymentConfigs" => configs::list(context, input),
        "DeleteDeploymentConfig" => configs::delete(context, input),
        "CreateDeployment" => deployments::create(context, input),
        "GetDeployment" => deployments::get(context, input),
        "BatchGetDeployments" => deployments::batch_get(context, input),
        "ListDeployments" => deployments::list(context, input),
        "ListDeploymentTargets" => targets::list(context, input),
        "GetDeploymentTarget" => targets::get(context, input),
        "BatchGetDeploymentTargets" => targets::batch_get(context, input),
        "ContinueDeployment" => control::go_on(context, input),
        "StopDeployment" => control::stop(context, input),
        "PutLifecycleEventHookExecutionStatus" => control::answer_hook(context, input),
        other => Err(ApiError::not_implemented(Service::CodeDeploy, other)),
    }
}

fn own(refused: Refused) -> ApiError {
    ApiError::sender(refused.code, refused.message)
}

fn invalid(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::sender(code, message)
}

/// An answer that says nothing.
fn nothing() -> Node {
    Node::Map(Map::new())
}

/// The page of `items` that a request asks for, as the member `name`. Every item has a key that no other one has.
fn page(world: &World, input: &Input, name: &str, order: Order, items: Vec<(String, Node)>) -> Result<Map, ApiError> {
    let size = world.config.page_size.map_or(PAGE, |most| most.min(PAGE));
    let token = input.text("nextToken")?.filter(|token| !token.is_empty());
    let unknown = || invalid("InvalidNextTokenException", "The next token was not given by an earlier answer");
    let (items, next) = cut(items, order, size, token).ok_or_else(unknown)?;
    let mut answer = Map::new();
    answer.insert(name, items);
    answer.put("nextToken", next);
    Ok(answer)
}

/// Names of things to describe: at least one.
fn names(input: &Input, member: &str, required: &str) -> Result<Vec<String>, ApiError> {
    let names = input.strings(member)?.unwrap_or_default();
    match names.len() {
        0 => Err(invalid(required, format!("{member} must be specified"))),
        count if count > MOST_NAMES => {
            Err(invalid("BatchLimitExceededException", format!("{member}: at most {MOST_NAMES}, not {count}")))
        }
        _ => Ok(names),
    }
}

/// `AlarmConfiguration`.
fn alarms(input: &Input, member: &str) -> Result<Option<AlarmWatch>, ApiError> {
    let Some(given) = input.map(member)? else { return Ok(None) };
    let mut names = Vec::new();
    for alarm in given.list("alarms")?.unwrap_or_default() {
        names.push(alarm.text("name")?.unwrap_or_default().to_owned());
    }
    let enabled = given.bool("enabled")?.unwrap_or(false);
    let ignore_poll_failure = given.bool("ignorePollAlarmFailure")?.unwrap_or(false);
    Ok(Some(AlarmWatch { enabled, ignore_poll_failure, names }))
}

/// `AutoRollbackConfiguration`.
fn rollback(input: &Input) -> Result<Option<Rollback>, ApiError> {
    let Some(given) = input.map("autoRollbackConfiguration")? else { return Ok(None) };
    let event = |name: String| {
        let known = RollbackEvent::ALL.into_iter().find(|event| event.as_str() == name);
        known.ok_or_else(|| invalid("InvalidAutoRollbackConfigException", format!("{name} is no event of a rollback")))
    };
    let events = given.strings("events")?.unwrap_or_default().into_iter().map(event).collect::<Result<_, _>>()?;
    Ok(Some(Rollback { enabled: given.bool("enabled")?.unwrap_or(false), events }))
}

#[cfg(test)]
mod tests;
