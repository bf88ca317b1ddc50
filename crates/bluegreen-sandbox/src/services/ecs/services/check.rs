//! What AWS does not take in services and task sets.

use bluegreen_core::model::{TargetGroupArn, TaskDefinitionArn};
use bluegreen_core::observe::Controller;
use serde_json::{Map as Json, Value, json};

use super::super::{invalid, unsupported};
use crate::wire::{ApiError, Input};
use crate::world::{Registration, ServiceRecord, State};

mod deployment;
mod pairs;

pub(super) use deployment::{fill_deployment, fits, policy, strategy_change};

const LAUNCH_TYPES: [&str; 4] = ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"];
/// The most groups that one service registers in.
const MOST_GROUPS: usize = 5;

/// The deployment controller that a request names.
pub(in crate::services::ecs) fn controller(input: &Input) -> Result<Option<Controller>, ApiError> {
    let Some(controller) = input.map("deploymentController")? else { return Ok(None) };
    match controller.required_text("type")? {
        "ECS" => Ok(Some(Controller::Rolling)),
        "CODE_DEPLOY" => Ok(Some(Controller::CodeDeploy)),
        "EXTERNAL" => Ok(Some(Controller::External)),
        other => Err(invalid(format!("deploymentController.type must be ECS, CODE_DEPLOY or EXTERNAL, not {other}"))),
    }
}

/// The controller that a service is to have from now on; `None` where it keeps its own. The only way is from CodeDeploy to
/// ECS, while nothing is being deployed.
pub(in crate::services::ecs) fn new_controller(
    state: &State,
    input: &Input,
    service: &ServiceRecord,
) -> Result<Option<Controller>, ApiError> {
    let Some(wanted) = controller(input)?.filter(|wanted| *wanted != service.controller) else { return Ok(None) };
    if (&service.controller, &wanted) != (&Controller::CodeDeploy, &Controller::Rolling) {
        return Err(unsupported(
            "the sandbox changes the deployment controller of a service from CODE_DEPLOY to ECS alone: for any other \
             make a new service",
        ));
    }
    let mut names = service.arn.rsplit('/');
    let (name, cluster) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    if service.task_sets.len() != 1 || state.codedeploy.is_moving(cluster, name) {
        return Err(invalid(
            "The deployment controller cannot be changed while a deployment is in progress: the service must have one \
             task set, and CodeDeploy no deployment of it that has not ended.",
        ));
    }
    Ok(Some(wanted))
}

/// Launch type, capacity providers and scheduling, which are only names here.
pub(in crate::services::ecs) fn infrastructure(input: &Input) -> Result<(), ApiError> {
    let launch = input.text("launchType")?;
    if let Some(launch) = launch.filter(|launch| !LAUNCH_TYPES.contains(launch)) {
        return Err(invalid(format!("launchType must be one of {}, not {launch}", LAUNCH_TYPES.join(", "))));
    }
    if launch.is_some() && input.list("capacityProviderStrategy")?.is_some_and(|items| !items.is_empty()) {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    match input.text("schedulingStrategy")? {
        None | Some("REPLICA") => Ok(()),
        Some("DAEMON") => Err(unsupported("the sandbox has no daemon services: use the REPLICA scheduling strategy")),
        Some(other) => Err(invalid(format!("schedulingStrategy must be REPLICA or DAEMON, not {other}"))),
    }
}

/// The groups that tasks register in; `None` where the request says nothing about them.
pub(in crate::services::ecs) fn balancers(
    state: &State,
    input: &Input,
    definition: Option<&TaskDefinitionArn>,
) -> Result<Option<Vec<Registration>>, ApiError> {
    let Some(entries) = input.list("loadBalancers")? else { return Ok(None) };
    if entries.len() > MOST_GROUPS {
        return Err(invalid(format!("loadBalancers can have at most {MOST_GROUPS} items, not {}.", entries.len())));
    }
    let document = definition.and_then(|arn| state.definitions.get(arn)).map(|record| &*record.document);
    let mut registrations = Vec::new();
    for entry in entries {
        let Some(group) = entry.text("targetGroupArn")? else {
            return Err(unsupported("the sandbox has no classic load balancers: give a targetGroupArn"));
        };
        let container = entry.required_text("containerName")?;
        let port = entry.int_within("containerPort", 0, 65_535)?.ok_or_else(|| entry.missing("containerPort"))?;
        let group: TargetGroupArn =
            group.parse().map_err(|_| invalid(format!("targetGroupArn is not the ARN of a target group: {group}")))?;
        let record = state.groups.get(&group);
        let record =
            record.ok_or_else(|| invalid(format!("The target group with targetGroupArn {group} does not exist.")))?;
        if record.attached_since.is_none() {
            return Err(invalid(format!(
                "The target group with targetGroupArn {group} does not have an associated load balancer."
            )));
        }
        if let Some(document) = document {
            contained(document, container, port)?;
            let awsvpc = document.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
            if awsvpc && record.target_type == "instance" {
                return Err(invalid(format!(
                    "The provided target group {group} has target type instance, which is incompatible with the awsvpc \
                     network mode specified in the task definition."
                )));
            }
        }
        pairs::advanced(state, &entry, &group)?;
        let port = u16::try_from(port).ok().filter(|port| *port > 0);
        registrations.push(Registration { group, container: Some(container.to_owned()), port });
    }
    Ok(Some(registrations))
}

/// What a service with an external controller does not say: its task sets do.
pub(super) fn left_to_task_sets(input: &Input) -> Result<(), ApiError> {
    let blank = ["taskDefinition", "launchType", "networkConfiguration", "platformVersion"];
    if let Some(name) = blank.into_iter().find(|name| input.has(name)) {
        let mut letters = name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        let name: String = first.into_iter().chain(letters).collect();
        return Err(invalid(format!("{name} must be blank.")));
    }
    if input.list("loadBalancers")?.is_some_and(|entries| !entries.is_empty()) {
        return Err(invalid("LoadBalancers must be empty or null."));
    }
    Ok(())
}

/// Whether the task definition has the container with that port.
fn contained(document: &Value, name: &str, port: i64) -> Result<(), ApiError> {
    let containers = document.get("containerDefinitions").and_then(Value::as_array).into_iter().flatten();
    let named = |container: &&Value| container.get("name").and_then(Value::as_str) == Some(name);
    let Some(container) = containers.clone().find(named) else {
        return Err(invalid(format!("The container {name} does not exist in the task definition.")));
    };
    let mut mappings = container.get("portMappings").and_then(Value::as_array).into_iter().flatten();
    if !mappings.any(|mapping| mapping.get("containerPort").and_then(Value::as_i64) == Some(port)) {
        return Err(invalid(format!("The container {name} did not have a container port {port} defined.")));
    }
    Ok(())
}

/// Launch type and network as the task definition needs them.
pub(super) fn network(state: &State, input: &Input, definition: &TaskDefinitionArn) -> Result<(), ApiError> {
    if let Some(network) = input.map("networkConfiguration")?
        && let Some(vpc) = network.map("awsvpcConfiguration")?
        && vpc.required_strings("subnets")?.is_empty()
    {
        return Err(invalid("subnets can not be empty."));
    }
    let document = state.definitions.get(definition).map(|record| &*record.document);
    let document = document.unwrap_or(&Value::Null);
    let fargate = input.text("launchType")? == Some("FARGATE");
    let sized = ["cpu", "memory"].iter().all(|name| document.get(*name).is_some());
    let awsvpc = document.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
    if fargate && !(sized && awsvpc) {
        return Err(invalid("Task definition does not support launch_type FARGATE."));
    }
    network_fits(state, definition, input.has("networkConfiguration"))
}

/// Tasks with addresses of their own need a network, and no others may have one.
pub(super) fn network_fits(state: &State, definition: &TaskDefinitionArn, given: bool) -> Result<(), ApiError> {
    let document = state.definitions.get(definition).map(|record| &*record.document);
    let mode = document.and_then(|document| document.get("networkMode")).and_then(Value::as_str);
    match (mode, given) {
        (Some("awsvpc"), false) => {
            Err(invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."))
        }
        (mode, true) if mode != Some("awsvpc") => {
            Err(invalid("Network Configuration is not valid for the given networkMode of this task definition."))
        }
        _ => Ok(()),
    }
}

/// What a controller leaves to others.
pub(super) fn allowed(input: &Input, controller: &Controller) -> Result<(), ApiError> {
    let (kind, instead) = match controller {
        Controller::CodeDeploy => ("CODE_DEPLOY", "Use AWS CodeDeploy to trigger a new deployment."),
        Controller::External => ("EXTERNAL", "Use CreateTaskSet to bring a new revision."),
        _ => return Ok(()),
    };
    let what = match () {
        () if input.has("taskDefinition") => "task definition",
        () if input.has("networkConfiguration") => "network parameters",
        () if input.has("platformVersion") => "platform version",
        () if input.has("loadBalancers") => "load balancers",
        () if input.has("serviceRegistries") => "service registries",
        () if input.has("capacityProviderStrategy") => "capacity provider strategy",
        () if input.has("serviceConnectConfiguration") => "service connect configuration",
        () if input.bool("forceNewDeployment")? == Some(true) => {
            return Err(invalid(format!(
                "Cannot force a new deployment on services with a {kind} deployment controller. {instead}"
            )));
        }
        () => return Ok(()),
    };
    Err(invalid(format!("Unable to update {what} on services with a {kind} deployment controller. {instead}")))
}

/// Puts AWS's defaults into the network configuration that is kept.
pub(in crate::services::ecs) fn fill_network(settings: &mut Json<String, Value>) {
    if let Some(Value::Object(network)) = settings.get_mut("networkConfiguration")
        && let Some(Value::Object(vpc)) = network.get_mut("awsvpcConfiguration")
    {
        vpc.entry("securityGroups").or_insert_with(|| json!([]));
        vpc.entry("assignPublicIp").or_insert_with(|| json!("DISABLED"));
    }
}
