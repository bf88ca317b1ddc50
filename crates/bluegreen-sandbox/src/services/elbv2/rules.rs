//! Rules. The default one is shown among them and changes with its listener.

use bluegreen_core::model::{ListenerArn, RouteId, RuleArn};
use serde_json::{Value, json};

use super::{actions, arn, in_order, invalid, names, new_tags, not_found, paged, required_arn};
use crate::node;
use crate::services::Context;
use crate::wire::{ApiError, Input, Node};
use crate::world::{NewRule, ReadKind, RouteRecord, RuleChange, State};

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let rule = NewRule {
        listener: required_arn(input, "ListenerArn", "listener")?,
        priority: priority(input)?,
        conditions: list(input, "Conditions")?.unwrap_or_else(|| json!([])),
        transforms: list(input, "Transforms")?.unwrap_or_else(|| json!([])),
        actions: actions::read(&input.required_list("Actions")?, None)?,
        tags: new_tags(input)?,
    };
    let writer = context.caller.writer();
    let arn = context.world.create_rule(rule, writer)?;
    Ok(node! { "Rules": [show_named(context.world.state(), &arn)?] })
}

fn priority(input: &Input) -> Result<u32, ApiError> {
    let number = input.required_int("Priority")?;
    u32::try_from(number).map_err(|_| input.invalid("Priority", &format!("{number} is not between 1 and 50000")))
}

/// A list of structures as it came.
fn list(input: &Input, name: &str) -> Result<Option<Value>, ApiError> {
    let items = input.list(name)?;
    Ok(items.map(|items| items.iter().map(|item| item.node().to_json()).collect()))
}

pub(super) fn describe(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arns = names(input, "RuleArns")?;
    let listener = input.text("ListenerArn")?.filter(|text| !text.is_empty());
    let (state, _) = context.read(ReadKind::Routes, &"rules");
    let items = match (listener, arns.as_slice()) {
        (Some(_), [_, ..]) | (None, []) => {
            return Err(invalid("rules can be described by listener or by ARN: by one of them"));
        }
        (Some(text), []) => of_listener(state, &arn(text, "listener")?)?,
        (None, arns) => {
            let shown = arns.iter().map(|text| show_named(state, &arn(text, "listener rule")?));
            in_order(shown.collect::<Result<Vec<_>, ApiError>>()?)
        }
    };
    paged(context.world, input, "Rules", items)
}

/// By priority, the default rule last.
fn of_listener(state: &State, listener: &ListenerArn) -> Result<Vec<(String, Node)>, ApiError> {
    if !state.listeners.contains_key(listener) {
        return Err(not_found("ListenerNotFound", "listener", listener.as_str()));
    }
    let own = state.routes.iter().filter(|(id, _)| id.listener() == *listener);
    let item = |(id, route): (&RouteId, &RouteRecord)| {
        let key = route.priority.parse::<u32>().map_or_else(|_| "default".to_owned(), |number| format!("{number:05}"));
        Some((key, show(id, route)?))
    };
    let mut items: Vec<(String, Node)> = own.filter_map(item).collect();
    items.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(items)
}

fn show_named(state: &State, arn: &RuleArn) -> Result<Node, ApiError> {
    let found = state.route_of(arn).and_then(|id| show(&id, state.routes.get(&id)?));
    found.ok_or_else(|| not_found("RuleNotFound", "rule", arn.as_str()))
}

fn show(id: &RouteId, route: &RouteRecord) -> Option<Node> {
    let (arn, default) = match id {
        RouteId::Rule(arn) => (arn.clone(), false),
        RouteId::DefaultAction(listener) => (State::default_rule(listener)?, true),
    };
    Some(node! {
        "RuleArn": arn.as_str(),
        "Priority": &route.priority,
        "Conditions": &route.conditions,
        "Actions": actions::show(&route.actions),
        "IsDefault": default,
        "Transforms": &route.transforms,
    })
}

pub(super) fn modify(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: RuleArn = required_arn(input, "RuleArn", "listener rule")?;
    let state = context.world.state();
    let old = state.route_of(&arn).and_then(|id| state.routes.get(&id)).map(|route| route.actions.as_slice());
    // A list that is empty is refused: there is no rule without an action or a condition.
    let actions = input.list("Actions")?.map(|list| actions::read(&list, old)).transpose()?;
    let conditions = list(input, "Conditions")?;
    let mut transforms = list(input, "Transforms")?;
    if input.bool("ResetTransforms")?.unwrap_or(false) {
        if transforms.is_some() {
            return Err(invalid("only one of Transforms and ResetTransforms can be specified"));
        }
        transforms = Some(json!([]));
    }
    let writer = context.caller.writer();
    context.world.modify_rule(&arn, RuleChange { conditions, transforms, actions }, writer)?;
    Ok(node! { "Rules": [show_named(context.world.state(), &arn)?] })
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: RuleArn = required_arn(input, "RuleArn", "listener rule")?;
    context.world.delete_rule(&arn)?;
    Ok(node! {})
}

pub(super) fn set_priorities(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let pair = |pair: &Input| Ok((required_arn(pair, "RuleArn", "listener rule")?, priority(pair)?));
    let pairs = input.required_list("RulePriorities")?;
    let wanted = pairs.iter().map(pair).collect::<Result<Vec<(RuleArn, u32)>, ApiError>>()?;
    context.world.set_priorities(&wanted)?;
    let state = context.world.state();
    let shown = wanted.iter().map(|(arn, _)| show_named(state, arn)).collect::<Result<Vec<_>, _>>()?;
    Ok(node! { "Rules": shown })
}
