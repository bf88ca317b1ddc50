//! Elastic Container Service.
//!
//! What the sandbox does otherwise than AWS: there is no infrastructure, so launch types, capacity providers, networks
//! and roles are names that nobody checks; daemon services, service connect and overrides of single tasks are refused or
//! kept without effect; ARNs always have the long form.

use serde_json::{Map as Json, Value};

use super::Context;
use crate::wire::{ApiError, Input, Map, Node, Request, Service};
use crate::world::tags::{self, Tags};
use crate::world::{FleetError, Refused, State, World};

mod clusters;
mod definitions;
mod paging;
mod service_deployments;
mod services;
mod tagging;
mod task_sets;
mod tasks;

pub(crate) use services::described_service;

pub(super) fn serve(context: &mut Context<'_>, request: &Request) -> Result<Node, ApiError> {
    let input = &request.input;
    match request.operation.as_str() {
        "CreateCluster" => clusters::create(context, input),
        "DescribeClusters" => clusters::describe(context, input),
        "ListClusters" => clusters::list(context, input),
        "DeleteCluster" => clusters::delete(context, input),
        "RegisterTaskDefinition" => definitions::register(context, input),
        "DescribeTaskDefinition" => definitions::describe(context, input),
        "ListTaskDefinitions" => definitions::list(context, input),
        "ListTaskDefinitionFamilies" => definitions::families(context, input),
        "DeregisterTaskDefinition" => definitions::deregister(context, input),
        "DeleteTaskDefinitions" => definitions::delete(context, input),
        "CreateService" => services::create(context, input),
        "UpdateService" => services::update(context, input),
        "DescribeServices" => services::describe(context, input),
        "ListServices" => services::list(context, input),
        "DeleteService" => services::delete(context, input),
        "ListServiceDeployments" => service_deployments::list(context, input),
        "DescribeServiceDeployments" => service_deployments::describe(context, input),
        "DescribeServiceRevisions" => service_deployments::revisions(context, input),
        "StopServiceDeployment" => service_deployments::stop(context, input),
        "ContinueServiceDeployment" => service_deployments::go_on(context, input),
        "CreateTaskSet" => task_sets::create(context, input),
        "UpdateTaskSet" => task_sets::update(context, input),
        "DescribeTaskSets" => task_sets::describe(context, input),
        "DeleteTaskSet" => task_sets::delete(context, input),
        "UpdateServicePrimaryTaskSet" => task_sets::set_primary(context, input),
        "ListTasks" => tasks::list(context, input),
        "DescribeTasks" => tasks::describe(context, input),
        "StopTask" => tasks::stop(context, input),
        "RunTask" => tasks::run(context, input),
        "TagResource" => tagging::tag(context, input),
        "UntagResource" => tagging::untag(context, input),
        "ListTagsForResource" => tagging::list(context, input),
        other => Err(ApiError::not_implemented(Service::Ecs, other)),
    }
}

impl From<FleetError> for ApiError {
    fn from(error: FleetError) -> ApiError {
        ApiError::sender(error.code(), error.to_string())
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::validation(Service::Ecs, message)
}

fn client(message: impl Into<String>) -> ApiError {
    ApiError::sender("ClientException", message)
}

/// What AWS has and the sandbox lacks.
fn unsupported(message: impl Into<String>) -> ApiError {
    ApiError::sender("UnsupportedFeatureException", message)
}

/// The cluster that a request names by name or ARN; `default` where it names none.
fn cluster(input: &Input) -> Result<String, ApiError> {
    let given = input.text("cluster")?.filter(|text| !text.is_empty()).unwrap_or("default");
    Ok(given.rsplit('/').next().unwrap_or(given).to_owned())
}

/// The last part of a name or ARN; `None` for the ARN of something of that kind in another cluster.
fn name_in<'a>(cluster: &str, reference: &'a str) -> Option<&'a str> {
    if !reference.starts_with("arn:") {
        return Some(reference);
    }
    let resource = reference.splitn(6, ':').nth(5)?;
    let mut parts = resource.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(of), Some(name), None) => (of == cluster).then_some(name),
        // The short form of old ARNs names no cluster.
        (Some(name), None, None) => Some(name),
        _ => None,
    }
}

/// The service that a request names, which must be one of its cluster.
fn service_name(input: &Input, cluster: &str) -> Result<String, ApiError> {
    let given = input.required_text("service")?;
    let name = name_in(cluster, given).ok_or(FleetError::ServiceNotFound)?;
    Ok(name.to_owned())
}

fn arn(world: &World, resource: &str) -> String {
    let (region, account) = (&world.config.region, &world.config.account);
    format!("arn:aws:ecs:{region}:{account}:{resource}")
}

/// An entry of `failures`.
fn missing(arn: String) -> Node {
    crate::node! { "arn": arn, "reason": "MISSING" }
}

/// Whether the answer is to have `field`, such as `TAGS`.
fn includes(input: &Input, field: &str) -> Result<bool, ApiError> {
    Ok(input.strings("include")?.is_some_and(|fields| fields.iter().any(|found| found == field)))
}

/// Between one and `most` entries of a list that must be there.
fn some(input: &Input, name: &str, most: usize) -> Result<Vec<String>, ApiError> {
    let entries = input.required_strings(name)?;
    match entries.len() {
        0 => Err(invalid(format!("{name} cannot be empty."))),
        found if found > most => Err(invalid(format!("{name} can have at most {most} items, not {found}."))),
        _ => Ok(entries),
    }
}

/// The `tags` of a request.
fn given_tags(input: &Input) -> Result<Tags, ApiError> {
    let mut pairs = Vec::new();
    for tag in input.list("tags")?.unwrap_or_default() {
        pairs.push((tag.required_text("key")?.to_owned(), tag.text("value")?.unwrap_or_default().to_owned()));
    }
    if pairs.len() > 50 {
        return Err(invalid(format!("at most 50 tags may be given, not {}", pairs.len())));
    }
    tags::checked(&pairs).map_err(own)
}

/// A refusal in ECS's words.
fn own(refused: Refused) -> ApiError {
    invalid(refused.message)
}

/// The tags of something, as answers have them.
fn shown_tags(state: &State, arn: &str) -> Node {
    let tags = state.tags_of(arn).unwrap_or_default();
    tags.iter().map(|(key, value)| crate::node! { "key": key, "value": value }).collect()
}

/// The members of a request that are kept as they are: all but `known`, and without nulls.
fn settings(input: &Input, known: &[&str]) -> Json<String, Value> {
    let Value::Object(mut members) = input.node().to_json() else { return Json::new() };
    members.retain(|name, value| !known.contains(&name.as_str()) && !value.is_null());
    members.values_mut().for_each(without_nulls);
    members
}

/// Absent and null are the same, at any depth.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            // A hook's details are somebody's document: nothing in it is AWS's to change.
            members.iter_mut().filter(|(name, _)| *name != "hookDetails").for_each(|(_, member)| without_nulls(member));
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// A kept member, or what AWS says where nobody gave it.
fn kept(settings: &Value, name: &str, default: impl Into<Node>) -> Node {
    settings.get(name).map_or_else(|| default.into(), Node::from)
}

/// Copies kept members into an answer.
fn copy(answer: &mut Map, settings: &Value, names: &[&str]) {
    for name in names {
        if let Some(value) = settings.get(*name) {
            answer.insert(*name, value);
        }
    }
}

#[cfg(test)]
mod tests;
