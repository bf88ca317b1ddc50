//! Services, deployments and task sets as answers have them.

use serde_json::Value;

use super::super::{arn, copy, kept, shown_tags};
use crate::node;
use crate::wire::{Map, Node};
use crate::world::{DeploymentRecord, Ms, ServiceEvent, ServiceRecord, State, Task, TaskSetRecord, World};

/// Members that a service, its deployments and its task sets have alike.
const PLACED: [&str; 2] = ["networkConfiguration", "capacityProviderStrategy"];
/// Members that only deployments show.
const OF_DEPLOYMENTS: [&str; 3] = ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"];

pub(super) fn service(
    world: &World,
    state: &State,
    cluster: &str,
    service: &ServiceRecord,
    at: Ms,
    tags: bool,
) -> Node {
    let settings = &*service.settings;
    let none: [Node; 0] = [];
    let account = &world.config.account;
    let (running, pending) = counts(service, at, |_| true);
    let sets = shown_sets(world, state, cluster, service, at, tags).into_iter().map(|(_, node)| node);
    let deployments = service.deployments.iter().enumerate();
    let deployments = deployments.map(|(place, record)| deployment(world, service, record, place, at));
    let role = format!("arn:aws:iam::{account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
    let role = settings.get("role").and_then(Value::as_str).map_or(role, str::to_owned);
    let mut answer = Map::new();
    for (name, node) in [
        ("serviceArn", Node::from(&service.arn)),
        ("serviceName", service.name().into()),
        ("clusterArn", arn(world, &format!("cluster/{cluster}")).into()),
        ("loadBalancers", kept(settings, "loadBalancers", none.clone())),
        ("serviceRegistries", kept(settings, "serviceRegistries", none.clone())),
        ("status", service.status.as_str().into()),
        ("desiredCount", service.desired.into()),
        ("runningCount", running.into()),
        ("pendingCount", pending.into()),
        ("taskDefinition", service.task_definition.as_ref().map(ToString::to_string).into()),
        ("deploymentConfiguration", kept(settings, "deploymentConfiguration", node! {})),
        ("deployments", deployments.collect()),
        ("roleArn", role.into()),
        ("events", service.events.iter().map(|event| said(world, event)).collect()),
        ("createdAt", service.created_at.into()),
        ("placementConstraints", kept(settings, "placementConstraints", none.clone())),
        ("placementStrategy", kept(settings, "placementStrategy", none.clone())),
        ("schedulingStrategy", kept(settings, "schedulingStrategy", "REPLICA")),
        ("deploymentController", kept(settings, "deploymentController", node! { "type": "ECS" })),
        ("createdBy", format!("arn:aws:iam::{account}:root").into()),
        ("enableECSManagedTags", kept(settings, "enableECSManagedTags", false)),
        ("propagateTags", kept(settings, "propagateTags", "NONE")),
        ("enableExecuteCommand", kept(settings, "enableExecuteCommand", false)),
        ("availabilityZoneRebalancing", kept(settings, "availabilityZoneRebalancing", "DISABLED")),
    ] {
        answer.put(name, node);
    }
    if let Some(release) = service.releases.last() {
        answer.insert("currentServiceDeployment", &release.arn);
        answer.insert("currentServiceRevisions", revisions(service, at));
    }
    if service.deployments.is_empty() {
        answer.insert("taskSets", sets.collect::<Node>());
    }
    if !service.registers_in.is_empty() || settings.get("healthCheckGracePeriodSeconds").is_some() {
        answer.insert("healthCheckGracePeriodSeconds", service.policy.grace / 1_000);
    }
    if tags {
        answer.insert("tags", shown_tags(state, &service.arn));
    }
    placed(&mut answer, settings);
    answer.into()
}

/// The revisions that have, or are to have, tasks.
fn revisions(service: &ServiceRecord, at: Ms) -> Node {
    let counted = service.revisions.iter().map(|revision| (revision, service.counts_of(revision, at)));
    let there = counted.filter(|(_, counts)| counts.asked + counts.running + counts.pending > 0);
    let shown = there.map(|(revision, counts)| {
        crate::node! {
            "arn": &revision.arn,
            "requestedTaskCount": counts.asked,
            "runningTaskCount": counts.running,
            "pendingTaskCount": counts.pending,
        }
    });
    shown.collect()
}

fn deployment(world: &World, service: &ServiceRecord, record: &DeploymentRecord, place: usize, at: Ms) -> Node {
    let own = |task: &Task| task.definition == record.definition && task.generation == record.generation;
    let (running, pending) = counts(service, at, own);
    let mut answer: Map = [
        ("id", Node::from(&record.id)),
        ("status", if place == 0 { "PRIMARY" } else { "ACTIVE" }.into()),
        ("taskDefinition", record.definition.as_str().into()),
        ("desiredCount", service.wanted_of(place).into()),
        ("runningCount", running.into()),
        ("pendingCount", pending.into()),
        ("failedTasks", world.failed(service, record, at).into()),
        ("createdAt", world.timestamp(record.created_at).into()),
        ("updatedAt", world.timestamp(record.updated_at).into()),
        ("rolloutState", record.rollout.as_str().into()),
        ("rolloutStateReason", (&record.reason).into()),
    ]
    .into_iter()
    .collect();
    placed(&mut answer, &service.settings);
    copy(&mut answer, &service.settings, &OF_DEPLOYMENTS);
    answer.into()
}

/// The task sets of a service, each with its id.
pub(in crate::services::ecs) fn shown_sets(
    world: &World,
    state: &State,
    cluster: &str,
    service: &ServiceRecord,
    at: Ms,
    tags: bool,
) -> Vec<(String, Node)> {
    let show = |set: &TaskSetRecord| {
        let (running, pending) = counts(service, at, |task| task.set.as_ref() == Some(&set.id));
        let none: [Node; 0] = [];
        let mut answer = Map::new();
        for (name, node) in [
            ("id", Node::from(&*set.id)),
            ("taskSetArn", (&set.arn).into()),
            ("serviceArn", (&service.arn).into()),
            ("clusterArn", arn(world, &format!("cluster/{cluster}")).into()),
            ("status", set.status.as_str().into()),
            ("taskDefinition", set.definition.as_str().into()),
            ("computedDesiredCount", set.wanted(service.desired).into()),
            ("pendingCount", pending.into()),
            ("runningCount", running.into()),
            ("createdAt", world.timestamp(set.created_at).into()),
            ("updatedAt", world.timestamp(set.updated_at).into()),
            ("loadBalancers", kept(&set.settings, "loadBalancers", none.clone())),
            ("serviceRegistries", kept(&set.settings, "serviceRegistries", none)),
            ("scale", node! { "value": set.scale, "unit": "PERCENT" }),
            ("stabilityStatus", if set.stable.0 { "STEADY_STATE" } else { "STABILIZING" }.into()),
            ("stabilityStatusAt", world.timestamp(set.stable.1).into()),
        ] {
            answer.insert(name, node);
        }
        if tags {
            answer.insert("tags", shown_tags(state, &set.arn));
        }
        placed(&mut answer, &set.settings);
        copy(&mut answer, &set.settings, &["externalId"]);
        (set.id.to_string(), answer.into())
    };
    service.task_sets.iter().map(show).collect()
}

/// How many of a service's tasks of a kind run, and how many are on their way.
fn counts(service: &ServiceRecord, at: Ms, which: impl Fn(&Task) -> bool) -> (usize, usize) {
    let alive = service.tasks.iter().filter(|task| task.stopped_at.is_none() && which(task));
    let (running, pending): (Vec<_>, Vec<_>) = alive.partition(|task| task.starts_at.is_some_and(|start| start <= at));
    (running.len(), pending.len())
}

/// What says on what tasks are placed.
fn placed(answer: &mut Map, settings: &Value) {
    copy(answer, settings, &PLACED);
    let providers = settings.get("capacityProviderStrategy").and_then(Value::as_array);
    let launch = settings.get("launchType").and_then(Value::as_str);
    let launch = launch.or(Some("EC2").filter(|_| providers.is_none_or(Vec::is_empty)));
    answer.put("launchType", launch);
    let named = |provider: &Value| {
        let name = provider.get("capacityProvider").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with("FARGATE"))
    };
    if launch == Some("FARGATE") || providers.is_some_and(|all| all.iter().any(named)) {
        answer.insert("platformVersion", kept(settings, "platformVersion", "LATEST"));
        answer.insert("platformFamily", "Linux");
    } else {
        copy(answer, settings, &["platformVersion"]);
    }
}

fn said(world: &World, event: &ServiceEvent) -> Node {
    let id = format!("{:08x}-{:04x}-4000-8000-{:012x}", event.id >> 32, event.id & 0xffff, event.id >> 16);
    node! { "id": id, "createdAt": world.timestamp(event.at), "message": &event.text }
}
