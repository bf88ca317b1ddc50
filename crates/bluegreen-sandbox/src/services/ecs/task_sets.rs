//! Task sets.

use serde_json::Value;

use super::services::{check, shown_sets};
use super::{Context, cluster, definitions, given_tags, includes, invalid, missing, own, service_name, settings};
use crate::node;
use crate::wire::{ApiError, Input, Node};
use crate::world::{FleetError, NewTaskSet, ReadKind, ServiceStatus, TaskSetStatus};

/// Members of a request that are not kept as they are.
const KNOWN: [&str; 7] = ["cluster", "service", "taskDefinition", "scale", "tags", "externalId", "status"];

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (cluster, service) = names(input)?;
    input.required_text("taskDefinition")?;
    let state = context.world.state();
    let tags = given_tags(input)?;
    let scale = scale(input)?.unwrap_or(100.0);
    let mut settings = settings(input, &KNOWN);
    check::fill_network(&mut settings);
    if let Some(external) = input.text("externalId")? {
        settings.insert("externalId".to_owned(), Value::from(external));
    }
    let found = state.services.get(&(cluster.clone(), service.clone()));
    if found.is_some_and(|found| found.status == ServiceStatus::Active) {
        let definition = definitions::usable(state, input)?;
        check::infrastructure(input)?;
        let registers_in = check::balancers(state, input, Some(&definition))?.unwrap_or_default();
        let new = NewTaskSet { task_definition: definition, scale, registers_in, settings };
        let id = context.world.create_task_set(&cluster, &service, new)?;
        if !tags.is_empty() {
            let key = (cluster.clone(), service.clone());
            let sets = context.world.state().services.get(&key).map(|service| service.task_sets.clone());
            let arn = sets.unwrap_or_default().into_iter().find(|set| set.id == id).map(|set| set.arn);
            context.world.add_tags(&arn.into_iter().collect::<Vec<_>>(), &tags).map_err(own)?;
        }
        return one(context, &cluster, &service, &id);
    }
    Err(match found {
        _ if !state.has_cluster(&cluster) => FleetError::ClusterNotFound,
        Some(_) => FleetError::ServiceNotActive,
        None => FleetError::ServiceNotFound,
    }
    .into())
}

pub(super) fn update(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (cluster, service) = names(input)?;
    let set = input.required_text("taskSet")?;
    let scale = scale(input)?.ok_or_else(|| input.missing("scale"))?;
    context.world.scale_task_set(&cluster, &service, set, scale)?;
    one(context, &cluster, &service, set)
}

pub(super) fn set_primary(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (cluster, service) = names(input)?;
    let set = input.required_text("primaryTaskSet")?;
    context.world.set_primary(&cluster, &service, set)?;
    one(context, &cluster, &service, set)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (cluster, service) = names(input)?;
    let set = input.required_text("taskSet")?;
    let before = {
        let (world, key) = (&*context.world, (cluster.clone(), service.clone()));
        let found = world.state().services.get(&key);
        let mut nodes = found.map(|found| shown_sets(world, world.state(), &cluster, found, world.now_ms(), false));
        nodes.as_mut().and_then(|nodes| nodes.iter().position(|(id, _)| named(id, set)).map(|at| nodes.remove(at).1))
    };
    context.world.delete_task_set(&cluster, &service, set, input.bool("force")?.unwrap_or(false))?;
    // One without tasks is gone already.
    let gone = |mut node: Node| {
        if let Node::Map(map) = &mut node {
            map.insert("status", TaskSetStatus::Draining.as_str());
        }
        node! { "taskSet": node }
    };
    one(context, &cluster, &service, set).or_else(|error| before.map(gone).ok_or(error))
}

pub(super) fn describe(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (cluster, service) = names(input)?;
    let (state, at) = context.read(ReadKind::Services, &(&cluster, &service));
    if !state.has_cluster(&cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let record = state.services.get(&(cluster.clone(), service.clone())).ok_or(FleetError::ServiceNotFound)?;
    if record.status == ServiceStatus::Inactive {
        return Err(FleetError::ServiceNotActive.into());
    }
    let tags = includes(input, "TAGS")?;
    let all = shown_sets(context.world, state, &cluster, record, at, tags);
    let Some(asked) = input.strings("taskSets")?.filter(|asked| !asked.is_empty()) else {
        let sets: Node = all.into_iter().map(|(_, node)| node).collect();
        let failures: [Node; 0] = [];
        return Ok(node! { "taskSets": sets, "failures": failures });
    };
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for reference in asked {
        match all.iter().find(|(id, _)| named(id, &reference)) {
            Some((_, node)) => found.push(node.clone()),
            None => failures.push(missing(reference)),
        }
    }
    Ok(node! { "taskSets": found, "failures": failures })
}

fn names(input: &Input) -> Result<(String, String), ApiError> {
    input.required_text("cluster")?;
    let cluster = cluster(input)?;
    let service = service_name(input, &cluster)?;
    Ok((cluster, service))
}

fn scale(input: &Input) -> Result<Option<f64>, ApiError> {
    let Some(scale) = input.map("scale")? else { return Ok(None) };
    if let Some(unit) = scale.text("unit")?.filter(|unit| *unit != "PERCENT") {
        return Err(invalid(format!("scale.unit must be PERCENT, not {unit}")));
    }
    let value = scale.float("value")?.unwrap_or(0.0);
    if !(0.0..=100.0).contains(&value) {
        return Err(invalid(format!("scale.value must be between 0 and 100, not {value}")));
    }
    Ok(Some(value))
}

/// Whether `reference` means the set with this id: it is the whole id, its last part, or an ARN.
fn named(id: &str, reference: &str) -> bool {
    let last = |text: &str| text.rsplit('/').next().map(str::to_owned);
    last(id) == last(reference)
}

/// A set as it is now.
fn one(context: &Context<'_>, cluster: &str, service: &str, set: &str) -> Result<Node, ApiError> {
    let world = &*context.world;
    let record = world.state().services.get(&(cluster.to_owned(), service.to_owned()));
    let record = record.ok_or(FleetError::ServiceNotFound)?;
    let sets = shown_sets(world, world.state(), cluster, record, world.now_ms(), true);
    let found = sets.into_iter().find(|(id, _)| named(id, set)).map(|(_, node)| node);
    Ok(node! { "taskSet": found.ok_or(FleetError::TaskSetNotFound)? })
}
