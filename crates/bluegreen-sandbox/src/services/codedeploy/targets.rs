//! What a deployment moves, with its lifecycle. Every deployment has one target.

use bluegreen_core::appspec::{LambdaTarget, Target};

use super::{Context, Input, deployments, invalid, names, shown};
use crate::node;
use crate::wire::{ApiError, Map, Node};
use crate::world::codedeploy::{Deployment, Event, Side};
use crate::world::{Ms, ServiceRecord, State, Task, TaskSetStatus, World};

/// The filters of lists.
const FILTERS: [&str; 2] = ["TargetStatus", "ServerInstanceLabel"];

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (_, _, found) = deployments::read(context, deployments::id(input)?)?;
    begun(found)?;
    let filters = input.map("targetFilters")?;
    let mut wanted = true;
    if let Some(filters) = filters {
        if let Some((other, _)) = filters.fields().iter().find(|(name, _)| !FILTERS.contains(name)) {
            return Err(invalid("InvalidTargetFilterNameException", format!("{other} is no filter of targets")));
        }
        let statuses = filters.strings("TargetStatus")?;
        wanted = statuses.is_none_or(|all| all.iter().any(|status| status == shown::target_status(found)));
    }
    let ids: Node = Some(target_id(found)).filter(|_| wanted).into_iter().collect();
    Ok(node! { "targetIds": ids })
}

pub(super) fn get(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (state, at, found) = deployments::read(context, deployments::id(input)?)?;
    let target = input.text("targetId")?.filter(|id| !id.is_empty());
    let target = target
        .ok_or_else(|| invalid("DeploymentTargetIdRequiredException", "A deployment target ID was not provided"))?;
    begun(found)?;
    check(found, target)?;
    Ok(node! { "deploymentTarget": one(context.world, state, found, at) })
}

pub(super) fn batch_get(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (state, at, found) = deployments::read(context, deployments::id(input)?)?;
    let targets = names(input, "targetIds", "DeploymentTargetIdRequiredException")?;
    begun(found)?;
    targets.iter().try_for_each(|target| check(found, target))?;
    let all: Node = targets.iter().map(|_| one(context.world, state, found, at)).collect();
    Ok(node! { "deploymentTargets": all })
}

fn begun(found: &Deployment) -> Result<(), ApiError> {
    if found.started_at.is_some() {
        return Ok(());
    }
    Err(invalid("DeploymentNotStartedException", format!("The deployment {} has not started", found.id)))
}

fn check(found: &Deployment, target: &str) -> Result<(), ApiError> {
    if target == target_id(found) {
        return Ok(());
    }
    let text = format!("The deployment {} has no target {target}", found.id);
    Err(invalid("DeploymentTargetDoesNotExistException", text))
}

/// `CLUSTER:SERVICE`, or `FUNCTION:ALIAS`.
fn target_id(found: &Deployment) -> String {
    match (&found.revision.spec.target, &found.setup.service) {
        (Target::Lambda(target), _) => format!("{}:{}", target.name, target.alias),
        (Target::Ecs(_), Some((cluster, service))) => format!("{cluster}:{service}"),
        (Target::Ecs(_), None) => String::new(),
    }
}

fn one(world: &World, state: &State, found: &Deployment, at: Ms) -> Node {
    let changed = found.events.iter().filter_map(|event| event.ended_at.max(event.started_at)).max();
    let mut target = Map::new();
    for (member, node) in [
        ("deploymentId", Node::from(&found.id)),
        ("targetId", target_id(found).into()),
        ("targetArn", target_arn(world, found).into()),
        ("lastUpdatedAt", changed.or(found.started_at).map(|at| world.timestamp(at)).into()),
        ("lifecycleEvents", found.events.iter().map(|event| shown_event(world, event)).collect()),
        ("status", shown::target_status(found).into()),
    ] {
        target.put(member, node);
    }
    match &found.revision.spec.target {
        Target::Ecs(_) => {
            target.insert("taskSetsInfo", task_sets(state, found, at));
            node! { "deploymentTargetType": "ECSTarget", "ecsTarget": Node::Map(target) }
        }
        Target::Lambda(function) => {
            target.insert("lambdaFunctionInfo", function_info(found, function));
            node! { "deploymentTargetType": "LambdaTarget", "lambdaTarget": Node::Map(target) }
        }
    }
}

fn target_arn(world: &World, found: &Deployment) -> String {
    let (region, account) = (&world.config.region, &world.config.account);
    match (&found.revision.spec.target, &found.setup.service) {
        (Target::Lambda(target), _) => {
            format!("arn:aws:lambda:{region}:{account}:function:{}:{}", target.name, target.alias)
        }
        (Target::Ecs(_), Some((cluster, service))) => {
            format!("arn:aws:ecs:{region}:{account}:service/{cluster}/{service}")
        }
        (Target::Ecs(_), None) => String::new(),
    }
}

fn shown_event(world: &World, event: &Event) -> Node {
    let at = |ms: Option<Ms>| ms.map(|ms| world.timestamp(ms));
    let script = event.hook.as_ref().map(|hook| hook.function.as_str());
    let diagnostics = event.diagnostics.as_ref().map(|(code, message)| {
        node! { "errorCode": *code, "scriptName": script.unwrap_or_default(), "message": message, "logTail": "" }
    });
    node! {
        "lifecycleEventName": event.point.as_str(),
        "diagnostics": diagnostics,
        "startTime": at(event.started_at),
        "endTime": at(event.ended_at),
        "status": event.status.as_str(),
    }
}

/// The task sets of both sides that are still there.
fn task_sets(state: &State, found: &Deployment, at: Ms) -> Node {
    let service = found.setup.service.as_ref().and_then(|key| state.services.get(key));
    let Some(service) = service else { return Node::List(Vec::new()) };
    let sides = [(&found.sides.old, "Blue", 100 - found.share.min(100)), (&found.sides.new, "Green", found.share)];
    let shown =
        sides.into_iter().filter_map(|(side, label, share)| task_set(service, side.as_ref()?, label, share, at));
    shown.collect()
}

fn task_set(service: &ServiceRecord, side: &Side, label: &str, share: u32, at: Ms) -> Option<Node> {
    let set = service.task_sets.iter().find(|set| set.id == side.set)?;
    let own = |task: &&Task| task.stopped_at.is_none() && task.set.as_ref() == Some(&set.id);
    let (running, pending): (Vec<&Task>, Vec<&Task>) =
        service.tasks.iter().filter(own).partition(|task| task.starts_at.is_some_and(|start| start <= at));
    let share = if set.status == TaskSetStatus::Draining { 0 } else { share };
    Some(node! {
        "identifer": &*set.id,
        "desiredCount": set.wanted(service.desired),
        "pendingCount": pending.len(),
        "runningCount": running.len(),
        "status": set.status.as_str(),
        "trafficWeight": f64::from(share),
        "targetGroup": node! { "name": side.group.name() },
        "taskSetLabel": label,
    })
}

fn function_info(found: &Deployment, function: &LambdaTarget) -> Node {
    node! {
        "functionName": &function.name,
        "functionAlias": &function.alias,
        "currentVersion": function.current_version.to_string(),
        "targetVersion": function.target_version.to_string(),
        "targetVersionWeight": f64::from(found.share),
    }
}
