//! What AWS does not take in services and task sets.

use bluegreen_core::model::{TargetGroupArn, TaskDefinitionArn};
use bluegreen_core::observe::Controller;
use serde_json::{Map as Json, Value, json};

use super::super::{invalid, unsupported};
use crate::wire::{ApiError, Input};
use crate::world::{Breaker, BreakerThreshold, Registration, RolloutPolicy, State};

const LAUNCH_TYPES: [&str; 4] = ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"];
const STRATEGIES: [&str; 4] = ["ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"];
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
        if entry.has("advancedConfiguration") {
            return Err(lacks("loadBalancers.advancedConfiguration"));
        }
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

/// How deployments go from now on: what `before` says, where the request says nothing.
pub(super) fn policy(
    input: &Input,
    controller: &Controller,
    before: RolloutPolicy,
    balanced: bool,
) -> Result<RolloutPolicy, ApiError> {
    let mut policy = before;
    if let Some(seconds) = input.int_within("healthCheckGracePeriodSeconds", 0, i64::from(i32::MAX))? {
        if !balanced {
            return Err(invalid(
                "Health check grace period is only valid for services configured to use load balancers",
            ));
        }
        policy.grace = u64::try_from(seconds).unwrap_or(0) * 1_000;
    }
    let Some(deployment) = input.map("deploymentConfiguration")? else { return Ok(policy) };
    strategy(&deployment)?;
    let percent = |name, default: u32, most| -> Result<u32, ApiError> {
        let found = deployment.int_within(name, 0, most)?;
        Ok(found.and_then(|found| u32::try_from(found).ok()).unwrap_or(default))
    };
    policy.minimum_percent = percent("minimumHealthyPercent", before.minimum_percent, 100)?;
    policy.maximum_percent = percent("maximumPercent", before.maximum_percent, 10_000)?;
    if policy.maximum_percent < 100 {
        return Err(invalid(format!("maximumPercent must be at least 100, not {}", policy.maximum_percent)));
    }
    if policy.minimum_percent == 100 && policy.maximum_percent == 100 {
        return Err(invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments",
        ));
    }
    if let Some(given) = deployment.map("deploymentCircuitBreaker")? {
        policy.breaker = breaker(&given)?;
        if policy.breaker.is_some() && *controller != Controller::Rolling {
            return Err(invalid("Deployment circuit breaker feature is only supported with ECS deployment controller"));
        }
    }
    if let Some(alarms) = deployment.map("alarms")? {
        alarms.required_strings("alarmNames")?;
        if alarms.bool("enable")? == Some(true) && *controller != Controller::Rolling {
            return Err(invalid("Deployment alarms are only supported with ECS deployment controller"));
        }
    }
    Ok(policy)
}

/// The native strategies come later; what AWS would refuse in them is refused as AWS does.
fn strategy(deployment: &Input) -> Result<(), ApiError> {
    if let Some(canary) = deployment.map("canaryConfiguration")? {
        share(&canary, "canaryPercent", 0.1)?;
        canary.int_within("canaryBakeTimeInMinutes", 0, 1_440)?;
    }
    if let Some(linear) = deployment.map("linearConfiguration")? {
        share(&linear, "stepPercent", 3.0)?;
        linear.int_within("stepBakeTimeInMinutes", 0, 1_440)?;
    }
    deployment.int_within("bakeTimeInMinutes", 0, 1_440)?;
    match deployment.text("strategy")? {
        None | Some("ROLLING") => Ok(()),
        Some(other) if STRATEGIES.contains(&other) => Err(lacks(&format!("deployment strategy {other}"))),
        Some(other) => Err(invalid(format!(
            "deploymentConfiguration.strategy must be one of {}, not {other}",
            STRATEGIES.join(", ")
        ))),
    }
}

fn share(input: &Input, name: &str, least: f64) -> Result<(), ApiError> {
    match input.float(name)? {
        Some(found) if !(least..=100.0).contains(&found) => {
            Err(invalid(format!("{}: {found} is not between {least} and 100", input.at(name))))
        }
        _ => Ok(()),
    }
}

fn lacks(what: &str) -> ApiError {
    unsupported(format!("the sandbox has no {what}; AWS has it: use ROLLING here, or shift traffic by weights"))
}

fn breaker(given: &Input) -> Result<Option<Breaker>, ApiError> {
    let enable = given.bool("enable")?.ok_or_else(|| given.missing("enable"))?;
    let rollback = given.bool("rollback")?.ok_or_else(|| given.missing("rollback"))?;
    let mut threshold = BreakerThreshold::Bounded(50.0);
    if let Some(found) = given.map("thresholdConfiguration")? {
        let value = found.float("value")?.unwrap_or(50.0);
        if value <= 0.0 {
            return Err(found.invalid("value", &format!("{value} is not above 0")));
        }
        threshold = match found.text("type")?.unwrap_or("BOUNDED_PERCENT") {
            "COUNT" => {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and saturating")]
                let count = value as u32;
                BreakerThreshold::Count(count)
            }
            "BOUNDED_PERCENT" => BreakerThreshold::Bounded(value),
            "UNBOUNDED_PERCENT" => BreakerThreshold::Unbounded(value),
            other => {
                let text = format!("must be COUNT, BOUNDED_PERCENT or UNBOUNDED_PERCENT, not {other}");
                return Err(found.invalid("type", &text));
            }
        };
    }
    Ok(enable.then_some(Breaker { rollback, threshold }))
}

/// Puts AWS's defaults, or what held `before`, into the deployment configuration that is kept.
pub(super) fn fill_deployment(settings: &mut Json<String, Value>, before: Option<&Value>) {
    let defaults = json!({
        "deploymentCircuitBreaker": {"enable": false, "rollback": false},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    });
    let given = settings.remove("deploymentConfiguration");
    if given.is_none() && before.is_some() {
        return;
    }
    let mut filled = before.cloned().unwrap_or(defaults);
    if let (Value::Object(filled), Some(Value::Object(given))) = (&mut filled, given) {
        filled.extend(given);
    }
    settings.insert("deploymentConfiguration".to_owned(), filled);
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
