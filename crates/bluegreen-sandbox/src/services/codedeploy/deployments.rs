//! Deployments: made, described and listed.

use std::sync::Arc;

use super::{Context, Input, alarms, applications, invalid, names, own, page, rollback, shown};
use crate::node;
use crate::services::page::Order;
use crate::wire::{ApiError, Node};
use crate::world::codedeploy::{Deployment, NewDeployment, Revision, read_revision};
use crate::world::{Ms, ReadKind, State};

/// AWS's words for how a deployment stands, those included that the sandbox never says.
const STATUSES: [&str; 8] = ["Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready"];

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let application = applications::name(input)?.to_owned();
    context.world.state().application(&application).map_err(own)?;
    let group = input.required_text("deploymentGroupName")?.to_owned();
    context.world.state().deployment_group(&application, &group).map_err(own)?;
    if input.text("deploymentMode")?.is_some_and(|mode| mode != "STANDARD") {
        let text = "the deployment mode must be STANDARD for this compute platform";
        return Err(invalid("InvalidInputException", text));
    }
    let new = NewDeployment {
        revision: revision(input)?,
        config: input.text("deploymentConfigName")?.filter(|name| !name.is_empty()).map(str::to_owned),
        description: input.text("description")?.unwrap_or_default().to_owned(),
        alarms: alarms(input, "overrideAlarmConfiguration")?,
        rollback: rollback(input)?,
        application,
        group,
    };
    let id = context.world.create_deployment(new).map_err(own)?;
    Ok(node! { "deploymentId": id })
}

fn revision(input: &Input) -> Result<Revision, ApiError> {
    let wrong = |text: &str| invalid("InvalidRevisionException", text);
    let given = input.map("revision")?.ok_or_else(|| invalid("RevisionRequiredException", "revision must be given"))?;
    let (member, as_string) = match given.text("revisionType")? {
        Some("AppSpecContent") => ("appSpecContent", false),
        Some("String") => ("string", true),
        Some("S3" | "GitHub") => {
            return Err(wrong("the sandbox has neither S3 nor GitHub: give the revision as AppSpecContent"));
        }
        Some(other) => return Err(wrong(&format!("{other} is no type of revision"))),
        None => return Err(wrong("revisionType must be specified")),
    };
    let content = given.map(member)?.ok_or_else(|| wrong(&format!("{member} must be specified")))?;
    let text = content.text("content")?.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| wrong(&format!("{member}.content must be specified")))?;
    read_revision(text, content.text("sha256")?, as_string).map_err(own)
}

/// The id of a deployment that a request names.
pub(super) fn id(input: &Input) -> Result<&str, ApiError> {
    let id = input.required_text("deploymentId")?;
    check_id(id)?;
    Ok(id)
}

fn check_id(id: &str) -> Result<(), ApiError> {
    let letters = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    match id.strip_prefix("d-").is_some_and(letters) {
        true => Ok(()),
        false => Err(invalid(
            "InvalidDeploymentIdException",
            format!("Specified DeploymentId is not in the valid format: {id}"),
        )),
    }
}

/// A deployment as somebody reads it: perhaps an older form of it, but never too old to be there at all.
pub(super) fn read<'a>(context: &'a Context<'_>, id: &str) -> Result<(&'a State, Ms, &'a Arc<Deployment>), ApiError> {
    let (state, at) = context.read(ReadKind::Services, &("deployment", id));
    if let Some(found) = state.codedeploy.deployments.get(id) {
        return Ok((state, at, found));
    }
    let found = context.world.deployment(id).map_err(own)?;
    Ok((context.world.state(), context.world.now_ms(), found))
}

pub(super) fn get(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (_, _, found) = read(context, id(input)?)?;
    Ok(node! { "deploymentInfo": shown::deployment(context.world, found) })
}

pub(super) fn batch_get(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let ids = names(input, "deploymentIds", "DeploymentIdRequiredException")?;
    ids.iter().try_for_each(|id| check_id(id))?;
    // One that does not exist is left out.
    let found = ids.iter().filter_map(|id| read(context, id).ok());
    let infos: Node = found.map(|(_, _, found)| shown::deployment(context.world, found)).collect();
    Ok(node! { "deploymentsInfo": infos })
}

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (state, _) = context.read(ReadKind::Services, &"deployments");
    let application = input.text("applicationName")?.filter(|name| !name.is_empty());
    let group = input.text("deploymentGroupName")?.filter(|name| !name.is_empty());
    match (application, group) {
        (None, Some(_)) => {
            return Err(invalid("ApplicationNameRequiredException", "applicationName must be specified"));
        }
        (Some(_), None) => {
            return Err(invalid("DeploymentGroupNameRequiredException", "deploymentGroupName must be specified"));
        }
        (Some(application), Some(group)) => state.deployment_group(application, group).map(drop).map_err(own)?,
        (None, None) => {}
    }
    let statuses = input.strings("includeOnlyStatuses")?.unwrap_or_default();
    if let Some(other) = statuses.iter().find(|status| !STATUSES.contains(&status.as_str())) {
        return Err(invalid("InvalidDeploymentStatusException", format!("{other} is no status of a deployment")));
    }
    let range = input.map("createTimeRange")?;
    let time = |name: &str| range.as_ref().map_or(Ok(None), |range| range.time(name));
    let (start, end) = (time("start")?, time("end")?);
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        return Err(invalid("InvalidTimeRangeException", "the time range ends before it begins"));
    }
    let wanted = |found: &&Arc<Deployment>| {
        let created = context.world.timestamp(found.created_at);
        application.is_none_or(|name| found.application == name)
            && group.is_none_or(|name| found.group == name)
            && (statuses.is_empty() || statuses.iter().any(|status| status == found.status.as_str()))
            && start.is_none_or(|start| created >= start)
            && end.is_none_or(|end| created <= end)
    };
    let found = state.codedeploy.deployments.values().filter(wanted);
    // The newest first.
    let items = found.map(|found| (format!("{:020}", found.number), Node::from(&found.id))).collect();
    page(context.world, input, "deployments", Order::Descending, items).map(Node::from)
}
