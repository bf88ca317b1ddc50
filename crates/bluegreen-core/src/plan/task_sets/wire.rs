//! Whether a service's task sets can be released into, and what a new one is made with.

use serde_json::{Map, Value};

use crate::model::{ByColor, Color, TargetGroupArn};
use crate::observe::{Controller, ServiceSnapshot, TaskSetSnapshot};
use crate::plan::service::{list, text};
use crate::plan::{Finding, ServiceBaseline, TaskSets};

/// The most task sets that ECS lets a service have.
const SETS_MAX: usize = 5;

/// What a new set takes over from the one that serves.
const TAKEN_OVER: [&str; 4] = ["networkConfiguration", "capacityProviderStrategy", "launchType", "platformVersion"];

/// The engine and both fleets as they are; `None` where a finding says why there are none.
///
/// `document` is the same service as `service`, as `DescribeServices` shows it.
pub(in crate::plan) fn wire(
    service: &ServiceSnapshot,
    document: &Value,
    groups: &ByColor<TargetGroupArn>,
    stable: Color,
    findings: &mut Vec<Finding>,
) -> Option<(TaskSets, ByColor<ServiceBaseline>)> {
    if let Some(unfit) = unfit(service) {
        findings.push(unfit);
        return None;
    }
    let serving = serving(service, groups.get(stable)).map_err(|finding| findings.push(finding)).ok()?;
    let leftovers = in_group(service, groups.get(stable.other()));
    findings.extend(left_behind(&leftovers, groups.get(stable.other())));
    findings.extend(too_many(service, leftovers.len()));
    let found = list(document, "taskSets").iter().find(|set| text(set, "id") == Some(&serving.id));
    let Some(found) = found else {
        let what = format!("task set {} of service {} cannot be read whole", serving.id, service.name);
        findings.push(Finding::refuse("BG3001", what, "try again"));
        return None;
    };
    findings.extend(registries(found, &serving.id));
    let (container, port) = port(found, &serving.id).map_err(|finding| findings.push(finding)).ok()?;
    let engine = TaskSets {
        template: template(found),
        container,
        port,
        stable_set: serving.id.clone(),
        leftovers: leftovers.iter().map(|set| set.id.clone()).collect(),
    };
    Some((engine, baselines(service, serving, stable)))
}

fn unfit(service: &ServiceSnapshot) -> Option<Finding> {
    let name = &service.name;
    if service.status != "ACTIVE" {
        let what = format!("service {name} is {}, not ACTIVE", service.status);
        return Some(Finding::refuse("BG3010", what, "create the service, or name another one"));
    }
    let (owner, cure) = match &service.controller {
        Controller::External => return None,
        Controller::CodeDeploy => {
            ("CodeDeploy".to_owned(), "write `engine: codedeploy` and `fleet: { service: NAME }`")
        }
        Controller::Native(strategy) => {
            (format!("ECS itself ({strategy})"), "write `engine: ecs` and `fleet: { service: NAME }`")
        }
        Controller::Rolling => (
            "ECS, which replaces its tasks in place".to_owned(),
            "name two services under `fleet.services`, or a service with an external controller under `fleet.taskSets`",
        ),
        Controller::Unknown(kind) => (
            format!("a controller that this version does not know ({kind})"),
            "use a newer version of bluegreen, or another service",
        ),
    };
    let what = format!("service {name} is moved by {owner}: only an external controller makes task sets");
    Some(Finding::refuse("BG3011", what, cure))
}

fn in_group<'a>(service: &'a ServiceSnapshot, group: &TargetGroupArn) -> Vec<&'a TaskSetSnapshot> {
    service.task_sets.iter().filter(|set| set.target_groups.contains(group)).collect()
}

fn named(sets: &[&TaskSetSnapshot]) -> String {
    let one = |set: &&TaskSetSnapshot| format!("{} ({}, {} tasks)", set.id, set.task_definition.short(), set.desired);
    sets.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The one set in the group that has all the weight: the service's primary one.
fn serving<'a>(service: &'a ServiceSnapshot, group: &TargetGroupArn) -> Result<&'a TaskSetSnapshot, Finding> {
    let mut live = in_group(service, group);
    live.retain(|set| set.is_live());
    let name = &service.name;
    let set = match live.as_slice() {
        [one] => *one,
        [] => {
            let what = format!("no task set of service {name} registers in {}, which has the traffic", group.name());
            let cure = "make one, or give the traffic to the group that has one";
            return Err(Finding::refuse("BG3270", what, cure));
        }
        several => {
            let what = format!("{} have the traffic of {} between them", named(several), group.name());
            return Err(Finding::refuse("BG3270", what, "delete all but the one that is to serve"));
        }
    };
    if set.target_groups.len() > 1 {
        let what = format!("task set {} registers in {} target groups", set.id, set.target_groups.len());
        return Err(Finding::refuse("BG3271", what, "ECS takes one load balancer for each task set: make it anew"));
    }
    if !set.is_primary() {
        let what = format!("task set {} has the traffic, and another one is the primary set of service {name}", set.id);
        let cure = format!("aws ecs update-service-primary-task-set --service {name} --primary-task-set {}", set.id);
        return Err(Finding::refuse("BG3272", what, cure));
    }
    Ok(set)
}

/// Sets in the canary's group: without traffic, and in the way of the new one.
fn left_behind(sets: &[&TaskSetSnapshot], group: &TargetGroupArn) -> Vec<Finding> {
    let one = |set: &&TaskSetSnapshot| {
        if set.target_groups.len() > 1 {
            let what = format!("task set {} registers in {} and in other groups as well", set.id, group.name());
            return Finding::refuse("BG3271", what, "delete it, once nothing needs it");
        }
        let what =
            format!("task set {} is left in {}: it goes before the new one is made", named(&[set]), group.name());
        Finding::info("BG3273", what, "nothing to do: a rollback does not make it again")
    };
    sets.iter().map(one).collect()
}

fn too_many(service: &ServiceSnapshot, leaving: usize) -> Option<Finding> {
    let staying = service.task_sets.len() - leaving;
    if staying < SETS_MAX {
        return None;
    }
    let all: Vec<&TaskSetSnapshot> = service.task_sets.iter().collect();
    let what = format!(
        "service {} has {staying} task sets that stay, and ECS allows {SETS_MAX}: {}",
        service.name,
        named(&all)
    );
    Some(Finding::refuse("BG3274", what, "delete those that nothing needs"))
}

/// Service discovery gives requests to tasks without asking any weight.
fn registries(set: &Value, id: &str) -> Option<Finding> {
    (!list(set, "serviceRegistries").is_empty()).then(|| {
        let what = format!("task set {id} is in a service registry: what finds it there follows no weight");
        Finding::refuse("BG3275", what, "use a service that is reached through its load balancer alone")
    })
}

fn port(set: &Value, id: &str) -> Result<(String, u16), Finding> {
    let read = |balancer: &Value| {
        let port = balancer.get("containerPort")?.as_u64()?;
        Some((text(balancer, "containerName")?.to_owned(), u16::try_from(port).ok()?))
    };
    match list(set, "loadBalancers") {
        [one] => read(one).ok_or_else(|| {
            let what = format!("the load balancer of task set {id} names no container and port");
            Finding::refuse("BG3271", what, "make the task set anew, with container and port")
        }),
        several => {
            let what = format!("task set {id} has {} load balancers", several.len());
            Err(Finding::refuse("BG3271", what, "ECS takes one load balancer for each task set: make it anew"))
        }
    }
}

/// The members of a `CreateTaskSet` request that are the same for every set.
fn template(set: &Value) -> Value {
    let filled = |value: &&Value| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty());
    let mut members: Map<String, Value> =
        TAKEN_OVER.iter().filter_map(|key| Some(((*key).to_owned(), set.get(key).filter(filled)?.clone()))).collect();
    if members.contains_key("capacityProviderStrategy") {
        // AWS shows both and takes one.
        members.shift_remove("launchType");
    }
    Value::Object(members)
}

/// Without a set there are no tasks, and no revision but the one that serves.
fn baselines(service: &ServiceSnapshot, serving: &TaskSetSnapshot, stable: Color) -> ByColor<ServiceBaseline> {
    let full = ServiceBaseline {
        arn: service.arn.clone(),
        name: service.name.clone(),
        created_at: service.created_at,
        task_definition: serving.task_definition.clone(),
        desired: serving.desired,
    };
    let none = ServiceBaseline { desired: 0, ..full.clone() };
    match stable {
        Color::Blue => ByColor { blue: full, green: none },
        Color::Green => ByColor { blue: none, green: full },
    }
}
