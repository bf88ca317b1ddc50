//! How things look in answers.

use bluegreen_core::model::ListenerArn;

use crate::node;
use crate::wire::{Map, Node};
use crate::world::codedeploy::{AlarmWatch, Deployment, Group, Platform, Position, Revision, Rollback, Status};
use crate::world::{State, World};

pub(super) fn group(world: &World, state: &State, application: &str, name: &str, group: &Group) -> Node {
    let platform = state.codedeploy.applications.get(application).map(|found| found.platform);
    let all = state.codedeploy.of_group(application, name);
    let good = all.iter().rev().find(|deployment| deployment.status == Status::Succeeded);
    let last = |deployment: &Deployment| {
        node! {
            "deploymentId": &deployment.id,
            "status": deployment.status.as_str(),
            "createTime": world.timestamp(deployment.created_at),
            "endTime": deployment.completed_at.map(|at| world.timestamp(at)),
        }
    };
    let mut answer = Map::new();
    for (member, node) in [
        ("applicationName", Node::from(application)),
        ("deploymentGroupId", (&group.id).into()),
        ("deploymentGroupName", name.into()),
        ("deploymentConfigName", group.config.as_deref().unwrap_or("CodeDeployDefault.OneAtATime").into()),
        ("serviceRoleArn", (&group.service_role).into()),
        ("alarmConfiguration", alarms(&group.alarms)),
        ("autoRollbackConfiguration", rollback(&group.rollback)),
        ("deploymentStyle", style()),
        ("computePlatform", platform.map(Platform::as_str).into()),
        ("ecsServices", services(group)),
        ("blueGreenDeploymentConfiguration", blue_green(group, platform)),
        ("loadBalancerInfo", balancers(group)),
        ("targetRevision", good.map(|deployment| revision(&deployment.revision)).into()),
        ("lastSuccessfulDeployment", good.map(|deployment| last(deployment)).into()),
        ("lastAttemptedDeployment", all.last().map(|deployment| last(deployment)).into()),
        ("triggerConfigurations", Node::List(Vec::new())),
        ("outdatedInstancesStrategy", "UPDATE".into()),
        ("terminationHookEnabled", false.into()),
    ] {
        answer.put(member, node);
    }
    for (member, value) in &group.settings {
        answer.insert(member.as_str(), value);
    }
    answer.into()
}

pub(super) fn deployment(world: &World, found: &Deployment) -> Node {
    let at = |ms: Option<u64>| Node::from(ms.map(|ms| world.timestamp(ms)));
    let error = found.error.as_ref().map(|(code, message)| node! { "code": *code, "message": message });
    let back = found.rolled_back_by.as_ref().map(|id| {
        node! { "rollbackDeploymentId": id, "rollbackMessage": format!("Deployment {} is rolled back by {id}.", found.id) }
    });
    let of = found.rollback_of.as_ref().map(|id| {
        node! {
            "rollbackTriggeringDeploymentId": id,
            "rollbackMessage": format!("This deployment was started because deployment {id} did not succeed."),
        }
    });
    let mut answer = Map::new();
    for (member, node) in [
        ("applicationName", Node::from(&found.application)),
        ("deploymentGroupName", (&found.group).into()),
        ("deploymentConfigName", (&found.config).into()),
        ("deploymentId", (&found.id).into()),
        ("previousRevision", found.previous.as_ref().map(revision).into()),
        ("revision", revision(&found.revision)),
        ("status", found.status.as_str().into()),
        ("errorInformation", error.into()),
        ("createTime", world.timestamp(found.created_at).into()),
        ("startTime", at(found.started_at)),
        ("completeTime", at(found.completed_at)),
        ("deploymentOverview", overview(found)),
        ("description", Some(&found.description).filter(|text| !text.is_empty()).into()),
        ("creator", found.creator().into()),
        ("ignoreApplicationStopFailures", false.into()),
        ("autoRollbackConfiguration", found.rollback.as_ref().map(rollback).into()),
        ("updateOutdatedInstancesOnly", false.into()),
        ("rollbackInfo", of.or(back).into()),
        ("deploymentStyle", style()),
        ("instanceTerminationWaitTimeStarted", has_moved(found).into()),
        ("blueGreenDeploymentConfiguration", blue_green(&found.setup, Some(found.platform))),
        ("loadBalancerInfo", balancers(&found.setup)),
        ("fileExistsBehavior", "DISALLOW".into()),
        ("deploymentStatusMessages", Node::List(Vec::new())),
        ("computePlatform", found.platform.as_str().into()),
        ("overrideAlarmConfiguration", found.alarms.as_ref().map(alarms).into()),
    ] {
        answer.put(member, node);
    }
    answer.into()
}

/// Whether the wait for the end of the original tasks has begun.
fn has_moved(found: &Deployment) -> bool {
    let ended_well = found.position == Position::Over && found.status == Status::Succeeded;
    found.waits_for_termination() || (ended_well && found.platform == Platform::Ecs && found.rollback_of.is_none())
}

/// How many targets are in which state; there is one.
fn overview(found: &Deployment) -> Node {
    let is = |wanted: &str| u32::from(target_status(found) == wanted);
    node! {
        "Pending": is("Pending"),
        "InProgress": is("InProgress"),
        "Succeeded": is("Succeeded"),
        "Failed": is("Failed"),
        "Skipped": is("Skipped"),
        "Ready": is("Ready"),
    }
}

/// AWS's word for how the target of a deployment stands.
pub(super) fn target_status(found: &Deployment) -> &'static str {
    match found.status {
        Status::Created => "Pending",
        Status::InProgress => "InProgress",
        Status::Ready => "Ready",
        Status::Succeeded => "Succeeded",
        Status::Stopped if found.started_at.is_none() => "Skipped",
        Status::Failed | Status::Stopped => "Failed",
    }
}

fn revision(revision: &Revision) -> Node {
    let content = node! { "content": &*revision.content, "sha256": revision.sha256() };
    if revision.as_string {
        return node! { "revisionType": "String", "string": content };
    }
    node! { "revisionType": "AppSpecContent", "appSpecContent": content }
}

fn style() -> Node {
    node! { "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL" }
}

fn alarms(watch: &AlarmWatch) -> Node {
    let names: Node = watch.names.iter().map(|name| node! { "name": name }).collect();
    node! {
        "enabled": watch.enabled,
        "ignorePollAlarmFailure": watch.ignore_poll_failure,
        "alarms": names,
    }
}

fn rollback(rollback: &Rollback) -> Node {
    let events: Node = rollback.events.iter().map(|event| event.as_str()).collect();
    node! { "enabled": rollback.enabled, "events": events }
}

fn services(group: &Group) -> Node {
    let service = group.service.iter();
    service.map(|(cluster, name)| node! { "serviceName": name, "clusterName": cluster }).collect()
}

fn blue_green(group: &Group, platform: Option<Platform>) -> Node {
    if platform != Some(Platform::Ecs) {
        return Node::Null;
    }
    let action = if group.termination.ends { "TERMINATE" } else { "KEEP_ALIVE" };
    let on_timeout = if group.ready_wait.is_some() { "STOP_DEPLOYMENT" } else { "CONTINUE_DEPLOYMENT" };
    let ready = node! { "actionOnTimeout": on_timeout, "waitTimeInMinutes": group.ready_wait.unwrap_or(0) };
    node! {
        "terminateBlueInstancesOnDeploymentSuccess": node! {
            "action": action,
            "terminationWaitTimeInMinutes": group.termination.wait,
        },
        "deploymentReadyOption": ready,
    }
}

fn balancers(group: &Group) -> Node {
    let Some(pair) = &group.pair else { return Node::Null };
    let route = |listener: &ListenerArn| node! { "listenerArns": [listener.as_str()] };
    let groups: Node = pair.groups.iter().map(|name| node! { "name": name }).collect();
    let pair = node! {
        "targetGroups": groups,
        "prodTrafficRoute": route(&pair.production),
        "testTrafficRoute": pair.test.as_ref().map(route),
    };
    node! { "targetGroupPairInfoList": [pair] }
}
