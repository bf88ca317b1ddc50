//! Task definitions.

use std::collections::{BTreeMap, BTreeSet};

use bluegreen_core::model::TaskDefinitionArn;
use serde_json::{Value, json};

use super::paging::{Order, page};
use super::{Context, client, given_tags, includes, invalid, shown_tags, some};
use crate::node;
use crate::wire::{ApiError, Input, Map, Node};
use crate::world::definitions::revision;
use crate::world::{DefinitionRecord, ReadKind, State, World};

mod check;

/// What AWS adds to a description; in a registration it is no parameter, and has no effect.
const DESCRIBED: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

pub(super) fn register(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let tags = given_tags(input)?;
    let mut members = super::settings(input, &DESCRIBED);
    members.shift_remove("tags");
    check::document(input, &mut members)?;
    let document = Value::Object(members);
    let arn = context
        .world
        .register(&document, tags)
        .map_err(|(_, text)| client(text.strip_prefix("ClientException: ").unwrap_or(&text)))?;
    let state = context.world.state();
    let definition = shown(context.world, state, &arn).unwrap_or_default();
    Ok(node! { "taskDefinition": definition, "tags": shown_tags(state, arn.as_str()) })
}

pub(super) fn describe(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let reference = input.required_text("taskDefinition")?;
    let (state, _) = context.read(ReadKind::Definitions, &reference);
    let tags = includes(input, "TAGS")?;
    let unknown = || client("Unable to describe task definition.");
    let arn = find(state, reference).ok_or_else(unknown)?;
    let definition = shown(context.world, state, &arn).ok_or_else(unknown)?;
    Ok(node! { "taskDefinition": definition, "tags": Some(shown_tags(state, arn.as_str())).filter(|_| tags) })
}

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let family = input.text("familyPrefix")?;
    let (state, _) = context.read(ReadKind::Definitions, &family);
    let status = input.text("status")?.unwrap_or("ACTIVE");
    if !["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"].contains(&status) {
        return Err(invalid(format!("status must be ACTIVE, INACTIVE or DELETE_IN_PROGRESS, not {status}")));
    }
    let order = match input.text("sort")?.unwrap_or("ASC") {
        "ASC" => Order::Ascending,
        "DESC" => Order::Descending,
        other => return Err(invalid(format!("sort must be ASC or DESC, not {other}"))),
    };
    let fits = |(arn, record): &(&TaskDefinitionArn, &DefinitionRecord)| {
        status_of(record) == status && family.is_none_or(|family| arn.family() == family)
    };
    let found = state.definitions.iter().filter(fits).map(|(arn, _)| arn);
    let items = found.map(|arn| (format!("{}:{:020}", arn.family(), revision(arn)), Node::from(arn.as_str())));
    page(context.world, input, "taskDefinitionArns", 100, order, items.collect())
}

pub(super) fn families(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let prefix = input.text("familyPrefix")?.unwrap_or_default();
    let (state, _) = context.read(ReadKind::Definitions, &prefix);
    let mut active: BTreeMap<&str, bool> = BTreeMap::new();
    for (arn, record) in &state.definitions {
        *active.entry(arn.family()).or_default() |= record.active;
    }
    let wanted = match input.text("status")?.unwrap_or("ACTIVE") {
        "ACTIVE" => Some(true),
        "INACTIVE" => Some(false),
        "ALL" => None,
        other => return Err(invalid(format!("status must be ACTIVE, INACTIVE or ALL, not {other}"))),
    };
    let fits =
        |(family, active): &(&str, bool)| family.starts_with(prefix) && wanted.is_none_or(|wanted| wanted == *active);
    let found = active.into_iter().filter(fits);
    let items = found.map(|(family, _)| (family.to_owned(), Node::from(family))).collect();
    page(context.world, input, "families", 100, Order::Ascending, items)
}

pub(super) fn deregister(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let reference = input.required_text("taskDefinition")?;
    let arn = one_revision(context.world.state(), reference)?;
    context.world.deregister(&arn);
    let definition = shown(context.world, context.world.state(), &arn).unwrap_or_default();
    Ok(node! { "taskDefinition": definition })
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let named = some(input, "taskDefinitions", 10)?;
    let (mut found, mut failures) = (BTreeSet::new(), Vec::new());
    for reference in named {
        let state = context.world.state();
        let Ok(arn) = one_revision(state, &reference) else {
            failures.push(node! { "arn": reference, "reason": "TASK_DEFINITION_NOT_FOUND" });
            continue;
        };
        if state.definitions.get(&arn).is_some_and(|record| record.active) {
            let reason =
                "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
            failures.push(node! { "arn": arn.as_str(), "reason": reason });
            continue;
        }
        found.insert(arn);
    }
    let now = context.world.now_ms();
    context.world.change(|state| {
        for arn in &found {
            if let Some(record) = state.definitions.get_mut(arn) {
                record.deleting_since.get_or_insert(now);
            }
        }
    });
    let definitions: Node = found.iter().filter_map(|arn| shown(context.world, context.world.state(), arn)).collect();
    Ok(node! { "taskDefinitions": definitions, "failures": failures })
}

/// The revision that a request wants to run: an active one, the newest of its family where no revision is said.
pub(super) fn usable(state: &State, input: &Input) -> Result<TaskDefinitionArn, ApiError> {
    let reference = input.required_text("taskDefinition")?;
    let arn = find(state, reference).ok_or_else(|| client("TaskDefinition not found."))?;
    match state.definitions.get(&arn) {
        Some(record) if record.active => Ok(arn),
        _ => Err(client("TaskDefinition is inactive")),
    }
}

/// A revision by ARN, `family:revision`, or `family` for the newest active one.
fn find(state: &State, reference: &str) -> Option<TaskDefinitionArn> {
    let exact = |arn: &&TaskDefinitionArn| arn.as_str() == reference || arn.short() == reference;
    let short = reference.rsplit('/').next().unwrap_or_default();
    let of_family = || {
        let active = state.definitions.iter().filter(|(arn, record)| arn.family() == short && record.active);
        active.map(|(arn, _)| arn).max_by_key(|arn| revision(arn))
    };
    state.definitions.keys().find(exact).or_else(of_family).cloned()
}

/// A revision that is named as one.
fn one_revision(state: &State, reference: &str) -> Result<TaskDefinitionArn, ApiError> {
    let short = reference.rsplit('/').next().unwrap_or_default();
    if !short.contains(':') {
        return Err(client("Invalid revision number. Number: null"));
    }
    find(state, reference).ok_or_else(|| client("The specified task definition does not exist."))
}

fn status_of(record: &DefinitionRecord) -> &'static str {
    match record.active {
        _ if record.deleting_since.is_some() => "DELETE_IN_PROGRESS",
        true => "ACTIVE",
        false => "INACTIVE",
    }
}

/// A revision as answers have it: the document, and what AWS adds.
fn shown(world: &World, state: &State, arn: &TaskDefinitionArn) -> Option<Node> {
    let record = state.definitions.get(arn)?;
    let mut answer = Map::new();
    answer.insert("taskDefinitionArn", arn.as_str());
    if let Value::Object(members) = &*record.document {
        for (name, value) in members.iter().filter(|(name, _)| *name != "tags") {
            answer.insert(name.as_str(), value);
        }
    }
    answer.insert("revision", revision(arn));
    answer.insert("status", status_of(record));
    for name in ["volumes", "placementConstraints"] {
        if !answer.contains(name) {
            answer.insert(name, json!([]));
        }
    }
    answer.insert("requiresAttributes", json!([]));
    answer.insert("compatibilities", check::compatibilities(&record.document));
    answer.insert("registeredAt", world.timestamp(record.registered_at));
    answer.put("deregisteredAt", record.inactive_since.map(|ms| world.timestamp(ms)));
    answer.put("deleteRequestedAt", record.deleting_since.map(|ms| world.timestamp(ms)));
    answer.insert("registeredBy", format!("arn:aws:iam::{}:root", world.config.account));
    Some(answer.into())
}
