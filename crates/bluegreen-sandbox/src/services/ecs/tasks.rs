//! Tasks.

use bluegreen_core::model::TaskDefinitionArn;
use serde_json::Value;

use super::paging::{Order, page};
use super::{
    Context, cluster, copy, definitions, given_tags, includes, invalid, missing, name_in, own, shown_tags, some,
    unsupported,
};
use crate::node;
use crate::wire::{ApiError, Input, Map, Node};
use crate::world::{FleetError, Ms, ReadKind, State, TaskPhase, TaskView, World};

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    let (state, at) = context.read(ReadKind::Services, &cluster);
    if !state.has_cluster(&cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let status = input.text("desiredStatus")?.unwrap_or("RUNNING");
    if !["RUNNING", "PENDING", "STOPPED"].contains(&status) {
        return Err(invalid(format!("desiredStatus must be RUNNING, PENDING or STOPPED, not {status}")));
    }
    let (family, started_by) = (input.text("family")?, input.text("startedBy")?);
    let service = input.text("serviceName")?;
    if family.is_some() && service.is_some() {
        return Err(invalid("family and serviceName cannot be used together."));
    }
    let launch_type = input.text("launchType")?;
    let service = match service.map(|service| name_in(&cluster, service).unwrap_or_default()) {
        Some(name) if !state.services.contains_key(&(cluster.clone(), name.to_owned())) => {
            return Err(FleetError::ServiceNotFound.into());
        }
        service => service.map(|name| format!("service:{name}")),
    };
    let fits = |view: &TaskView<'_>| {
        view.phase.desired() == status
            && family.is_none_or(|family| view.task.definition.family() == family)
            && started_by.is_none_or(|by| *view.task.started_by == *by)
            && service.as_ref().is_none_or(|group| view.group == *group)
            && launch_type.is_none_or(|wanted| launch(state, &cluster, view) == wanted)
    };
    let tasks = context.world.tasks_in(state, &cluster, at).into_iter().filter(fits);
    let items = tasks.map(|view| (format!("{:020}", view.task.id), context.world.task_arn(&cluster, view.task.id)));
    let items = items.map(|(key, arn)| (key, Node::from(arn))).collect();
    page(context.world, input, "taskArns", 100, Order::Ascending, items)
}

pub(super) fn describe(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    let named = some(input, "tasks", 100)?;
    let tags = includes(input, "TAGS")?;
    if !context.read(ReadKind::Services, &cluster).0.has_cluster(&cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for reference in named {
        let (state, at) = context.read(ReadKind::Services, &reference);
        let id = name_in(&cluster, &reference).unwrap_or_default();
        let views = context.world.tasks_in(state, &cluster, at);
        match views.iter().find(|view| view.id == id) {
            Some(view) => found.push(shown(context.world, state, &cluster, view, tags)),
            None => failures.push(missing(super::arn(context.world, &format!("task/{cluster}/{id}")))),
        }
    }
    Ok(node! { "tasks": found, "failures": failures })
}

pub(super) fn stop(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    let reference = input.required_text("task")?;
    if !context.world.state().has_cluster(&cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let id = name_in(&cluster, reference).unwrap_or_default();
    let number = context.world.stop_task(&cluster, id, input.text("reason")?.unwrap_or_default())?;
    Ok(node! { "task": one(context.world, &cluster, number) })
}

pub(super) fn run(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    let count = input.int_within("count", 1, 10)?.unwrap_or(1);
    let tags = given_tags(input)?;
    if let Some(overrides) = input.map("overrides")?
        && overrides
            .fields()
            .iter()
            .any(|(_, node)| *node != Node::Null && node.as_list().is_none_or(|l| !l.is_empty()))
    {
        return Err(unsupported("the sandbox does not override the settings of single tasks: register a revision"));
    }
    if !context.world.state().has_cluster(&cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let definition: TaskDefinitionArn = definitions::usable(context.world.state(), input)?;
    let group = input.text("group")?.map_or_else(|| format!("family:{}", definition.family()), str::to_owned);
    let started_by = input.text("startedBy")?.unwrap_or_default();
    let count = u32::try_from(count).unwrap_or(1);
    let ids = context.world.run_tasks(&cluster, &definition, count, &group, started_by)?;
    if !tags.is_empty() {
        let arns: Vec<String> = ids.iter().map(|id| context.world.task_arn(&cluster, *id)).collect();
        context.world.add_tags(&arns, &tags).map_err(own)?;
    }
    let tasks: Node = ids.iter().map(|id| one(context.world, &cluster, *id)).collect();
    let failures: [Node; 0] = [];
    Ok(node! { "tasks": tasks, "failures": failures })
}

/// A task as it is now.
fn one(world: &World, cluster: &str, id: u64) -> Node {
    let views = world.tasks_in(world.state(), cluster, world.now_ms());
    let view = views.iter().find(|view| view.task.id == id);
    view.map_or(Node::Null, |view| shown(world, world.state(), cluster, view, true))
}

fn owner<'a>(state: &'a State, cluster: &str, view: &TaskView<'_>) -> &'a Value {
    let name = view.group.strip_prefix("service:").unwrap_or_default();
    let service = state.services.get(&(cluster.to_owned(), name.to_owned()));
    let set = service.and_then(|service| {
        let of = view.task.set.as_ref()?;
        service.task_sets.iter().find(|set| set.id == *of).map(|set| &*set.settings)
    });
    set.or(service.map(|service| &*service.settings)).unwrap_or(&Value::Null)
}

fn launch(state: &State, cluster: &str, view: &TaskView<'_>) -> String {
    let settings = owner(state, cluster, view);
    settings.get("launchType").and_then(Value::as_str).unwrap_or("EC2").to_owned()
}

fn shown(world: &World, state: &State, cluster: &str, view: &TaskView<'_>, tags: bool) -> Node {
    let task = view.task;
    let arn = world.task_arn(cluster, task.id);
    let document = state.definitions.get(&task.definition).map_or(&Value::Null, |record| &*record.document);
    let launch = launch(state, cluster, view);
    let fargate = launch == "FARGATE";
    let time = |ms: Option<Ms>| ms.map(|ms| world.timestamp(ms));
    let started = task.starts_at.filter(|_| view.phase != TaskPhase::Pending);
    let ended = task.stop.as_ref().and_then(|stop| stop.ended_at);
    let instance = super::arn(world, &format!("container-instance/{cluster}/{}", "0123456789abcdef".repeat(2)));
    let none: [Node; 0] = [];
    let mut answer = match node! {
        "taskArn": &arn,
        "clusterArn": super::arn(world, &format!("cluster/{cluster}")),
        "taskDefinitionArn": task.definition.as_str(),
        "containerInstanceArn": Some(instance).filter(|_| !fargate),
        "availabilityZone": format!("{}a", world.config.region),
        "group": &view.group,
        "startedBy": Some(&*task.started_by).filter(|by| !by.is_empty()),
        "launchType": &launch,
        "platformVersion": Some("1.4.0").filter(|_| fargate),
        "platformFamily": Some("Linux").filter(|_| fargate),
        "lastStatus": view.phase.as_str(),
        "desiredStatus": view.phase.desired(),
        "healthStatus": "UNKNOWN",
        "connectivity": Some("CONNECTED").filter(|_| started.is_some()),
        "connectivityAt": time(started),
        "createdAt": world.timestamp(task.placed_at),
        "pullStartedAt": time(started),
        "pullStoppedAt": time(started),
        "startedAt": time(started),
        "stoppingAt": time(task.stopped_at),
        "executionStoppedAt": time(ended.filter(|_| started.is_some())),
        "stoppedAt": time(ended),
        "stopCode": task.stop.as_ref().map(|stop| stop.code),
        "stoppedReason": task.stop.as_ref().map(|stop| stop.reason.as_str()),
        "attachments": attachments(view),
        "attributes": none.clone(),
        "containers": containers(world, document, &arn, view),
        "overrides": node! { "containerOverrides": none.clone(), "inferenceAcceleratorOverrides": none.clone() },
        "enableExecuteCommand": false,
        "tags": if tags { shown_tags(state, &arn) } else { none.into() },
        "version": 1,
    } {
        Node::Map(answer) => answer,
        _ => Map::new(),
    };
    copy(&mut answer, document, &["cpu", "memory", "ephemeralStorage"]);
    answer.into()
}

/// The network interface of a task that has its own address.
fn attachments(view: &TaskView<'_>) -> Vec<Node> {
    let Some(address) = view.task.address.filter(|_| view.task.awsvpc) else { return Vec::new() };
    let detail = |name: &str, value: String| node! { "name": name, "value": value };
    let status = if view.phase == TaskPhase::Stopped { "DELETED" } else { "ATTACHED" };
    vec![node! {
        "id": format!("eni-{}", view.id.get(..17).unwrap_or(&view.id)),
        "type": "ElasticNetworkInterface",
        "status": status,
        "details": vec![detail("privateIPv4Address", address.ip().to_string())],
    }]
}

fn containers(world: &World, document: &Value, task: &str, view: &TaskView<'_>) -> Vec<Node> {
    let definitions = document.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten();
    let phase = view.phase;
    let stop = view.task.stop.as_ref();
    definitions
        .enumerate()
        .map(|(index, definition)| {
            let text = |name: &str| definition.get(name).and_then(Value::as_str).map(str::to_owned);
            // One process stands for the whole task: its end is the end of the first container.
            let ended = stop.filter(|_| index == 0 && phase == TaskPhase::Stopped);
            let name = text("name").unwrap_or_default();
            let id = format!("{}-{index:010}", view.id);
            let ports = ports(definition, view);
            let interface = view.task.address.filter(|_| view.task.awsvpc).map(|address| {
                vec![node! { "attachmentId": &view.id, "privateIpv4Address": address.ip().to_string() }]
            });
            let arn =
                super::arn(world, &format!("container/{}/{id}", task.rsplit(":task/").next().unwrap_or_default()));
            node! {
                "containerArn": arn,
                "taskArn": task,
                "name": name,
                "image": text("image"),
                "runtimeId": Some(id).filter(|_| view.task.starts_at.is_some()),
                "lastStatus": container_status(phase),
                "exitCode": ended.and_then(|stop| stop.exit_code),
                "reason": ended.and_then(|stop| stop.container_reason.clone()),
                "networkBindings": ports,
                "networkInterfaces": interface.unwrap_or_default(),
                "healthStatus": "UNKNOWN",
                "cpu": definition.get("cpu").map_or_else(|| "0".to_owned(), ToString::to_string),
                "memory": definition.get("memory").map(ToString::to_string),
                "memoryReservation": definition.get("memoryReservation").map(ToString::to_string),
            }
        })
        .collect()
}

fn container_status(phase: TaskPhase) -> &'static str {
    match phase {
        TaskPhase::Pending => "PENDING",
        TaskPhase::Running | TaskPhase::Deactivating | TaskPhase::Stopping => "RUNNING",
        TaskPhase::Stopped => "STOPPED",
    }
}

/// The host's ports of a container, where the task shares its address with others.
fn ports(definition: &Value, view: &TaskView<'_>) -> Vec<Node> {
    let Some(address) = view.task.address.filter(|_| !view.task.awsvpc) else { return Vec::new() };
    let mappings = definition.get("portMappings").and_then(Value::as_array).into_iter().flatten();
    let binding = |mapping: &Value| {
        let protocol = mapping.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
        node! {
            "bindIP": "0.0.0.0",
            "containerPort": mapping.get("containerPort"),
            "hostPort": address.port(),
            "protocol": protocol,
        }
    };
    mappings.take(1).map(binding).collect()
}
