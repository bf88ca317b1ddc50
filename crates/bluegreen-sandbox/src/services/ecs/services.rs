//! Services.

use bluegreen_core::observe::Controller;
use serde_json::{Map as Json, Value};

use super::paging::{Order, page};
use super::{
    Context, arn, cluster, definitions, given_tags, includes, invalid, missing, name_in, own, service_name, settings,
    some,
};
use crate::node;
use crate::wire::{ApiError, Input, Node};
use crate::world::{
    FleetError, Ms, NewService, ReadKind, RolloutPolicy, ServiceEdit, ServiceRecord, ServiceStatus, State, World,
};

pub(super) mod check;
mod shown;

pub(super) use shown::shown_sets;

/// Members of requests that the state has in another form.
const KNOWN: [&str; 7] =
    ["cluster", "serviceName", "service", "taskDefinition", "desiredCount", "tags", "forceNewDeployment"];
/// Members whose change replaces all tasks.
const DEPLOYS: [&str; 7] = [
    "networkConfiguration",
    "platformVersion",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "loadBalancers",
];

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    let name = input.required_text("serviceName")?.to_owned();
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !letters || name.len() > 255 {
        return Err(invalid("serviceName may have up to 255 letters, digits, - and _."));
    }
    let tags = given_tags(input)?;
    let new = wanted(context.world.state(), input, &cluster, &name)?;
    let Some(new) = new else { return answer(context, &cluster, &name) };
    context.world.create_service(new)?;
    if !tags.is_empty() {
        let key = (cluster.clone(), name.clone());
        let arn = context.world.state().services.get(&key).map(|service| service.arn.clone());
        context.world.add_tags(&arn.into_iter().collect::<Vec<_>>(), &tags).map_err(own)?;
    }
    answer(context, &cluster, &name)
}

/// The service that a request describes; `None` where an earlier request with the same token has made it.
fn wanted(state: &State, input: &Input, cluster: &str, name: &str) -> Result<Option<NewService>, ApiError> {
    if !state.has_cluster(cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let token = input.text("clientToken")?;
    let there = state.services.get(&(cluster.to_owned(), name.to_owned()));
    let there = there.filter(|service| service.status == ServiceStatus::Active);
    if token.is_some() && there.is_some_and(|service| same_token(&service.settings, token)) {
        return Ok(None);
    }
    let controller = check::controller(input)?.unwrap_or(Controller::Rolling);
    check::infrastructure(input)?;
    let external = controller == Controller::External;
    if external {
        check::left_to_task_sets(input)?;
    }
    let task_definition = match input.text("taskDefinition")? {
        None if external => None,
        None => return Err(invalid("TaskDefinition can not be blank.")),
        Some(_) => Some(definitions::usable(state, input)?),
    };
    let desired = match input.int_within("desiredCount", 0, 5_000)? {
        None if external => 0,
        None => return Err(invalid("desiredCount can not be blank for services of the REPLICA strategy.")),
        Some(desired) => u32::try_from(desired).unwrap_or(0),
    };
    let registers_in = check::balancers(state, input, task_definition.as_ref())?.unwrap_or_default();
    if let Some(definition) = &task_definition {
        check::network(state, input, definition)?;
    }
    let policy = check::policy(input, &controller, RolloutPolicy::default(), !registers_in.is_empty())?;
    let mut settings = settings(input, &KNOWN);
    check::fill_deployment(&mut settings, None);
    check::fits(&controller, filled(&settings, None), settings.get("loadBalancers"))?;
    check::fill_network(&mut settings);
    let (cluster, name) = (cluster.to_owned(), name.to_owned());
    Ok(Some(NewService { cluster, name, controller, task_definition, desired, registers_in, policy, settings }))
}

fn same_token(settings: &Value, token: Option<&str>) -> bool {
    settings.get("clientToken").and_then(Value::as_str) == token
}

pub(super) fn update(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    let name = service_name(input, &cluster)?;
    let state = context.world.state();
    if !state.has_cluster(&cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let service = state.services.get(&(cluster.clone(), name.clone())).ok_or(FleetError::ServiceNotFound)?;
    if service.status != ServiceStatus::Active {
        return Err(FleetError::ServiceNotActive.into());
    }
    let edit = edited(state, input, service)?;
    context.world.edit_service(&cluster, &name, edit)?;
    answer(context, &cluster, &name)
}

fn edited(state: &State, input: &Input, service: &ServiceRecord) -> Result<ServiceEdit, ApiError> {
    let controller = check::new_controller(state, input, service)?;
    let migrates = controller.is_some();
    let controller = controller.as_ref().unwrap_or(&service.controller);
    check::allowed(input, controller)?;
    check::infrastructure(input)?;
    let task_definition = match input.text("taskDefinition")? {
        None => None,
        Some(_) => Some(definitions::usable(state, input)?),
    };
    let definition = task_definition.as_ref().or(service.task_definition.as_ref());
    let registers_in = check::balancers(state, input, definition)?;
    let balanced = registers_in.as_ref().map_or(!service.registers_in.is_empty(), |groups| !groups.is_empty());
    let policy = check::policy(input, controller, service.policy, balanced)?;
    let desired = input.int_within("desiredCount", 0, 5_000)?;
    let mut settings: Json<String, Value> = settings(input, &KNOWN);
    check::fill_deployment(&mut settings, service.settings.get("deploymentConfiguration"));
    let deployment = filled(&settings, Some(service));
    let balancers = settings.get("loadBalancers").or(service.settings.get("loadBalancers"));
    check::fits(controller, deployment, balancers)?;
    check::strategy_change(service, deployment)?;
    check::fill_network(&mut settings);
    if let Some(definition) = definition.filter(|_| task_definition.is_some() || settings.contains_key(DEPLOYS[0])) {
        let network = settings.get(DEPLOYS[0]).or(service.settings.get(DEPLOYS[0]));
        check::network_fits(state, definition, network.is_some())?;
    }
    let changed = |name: &&str| settings.get(*name).is_some_and(|new| service.settings.get(*name) != Some(new));
    // What has to be said of the load balancers when the controller changes is no reason to replace tasks.
    let redeploy = input.bool("forceNewDeployment")?.unwrap_or(false) || (!migrates && DEPLOYS.iter().any(changed));
    let desired = desired.and_then(|desired| u32::try_from(desired).ok());
    Ok(ServiceEdit { task_definition, desired, registers_in, policy: Some(policy), settings, redeploy, migrates })
}

/// The deployment configuration as it will be kept.
fn filled<'a>(settings: &'a Json<String, Value>, before: Option<&'a ServiceRecord>) -> &'a Value {
    let before = before.and_then(|service| service.settings.get("deploymentConfiguration"));
    settings.get("deploymentConfiguration").or(before).unwrap_or(&Value::Null)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    let name = service_name(input, &cluster)?;
    context.world.delete_service(&cluster, &name, input.bool("force")?.unwrap_or(false))?;
    answer(context, &cluster, &name)
}

pub(super) fn describe(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    let named = some(input, "services", 10)?;
    let tags = includes(input, "TAGS")?;
    // Whether the cluster is there does not depend on how old the answer is: it was there before its services.
    if !context.world.state().has_cluster(&cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for reference in named {
        let name = name_in(&cluster, &reference);
        let key = (cluster.clone(), name.unwrap_or_default().to_owned());
        let (state, at) = context.read(ReadKind::Services, &key);
        match state.services.get(&key) {
            Some(service) => found.push(shown::service(context.world, state, &cluster, service, at, tags)),
            None if reference.starts_with("arn:") => failures.push(missing(reference)),
            None => failures.push(missing(arn(context.world, &format!("service/{cluster}/{reference}")))),
        }
    }
    Ok(node! { "services": found, "failures": failures })
}

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let cluster = cluster(input)?;
    if !context.world.state().has_cluster(&cluster) {
        return Err(FleetError::ClusterNotFound.into());
    }
    let (state, _) = context.read(ReadKind::Services, &cluster);
    let launch = input.text("launchType")?;
    let scheduling = input.text("schedulingStrategy")?;
    let fits = |service: &ServiceRecord| {
        let kept = |name: &str| service.settings.get(name).and_then(Value::as_str);
        service.status != ServiceStatus::Inactive
            && launch.is_none_or(|wanted| kept("launchType").unwrap_or("EC2") == wanted)
            && scheduling.is_none_or(|wanted| wanted == "REPLICA")
    };
    let services = state.services.iter().filter(|((of, _), service)| *of == cluster && fits(service));
    let items = services.map(|((_, name), service)| (name.clone(), Node::from(&service.arn))).collect();
    page(context.world, input, "serviceArns", 10, Order::Ascending, items)
}

/// A service as `DescribeServices` shows it, as JSON.
pub(crate) fn described_service(world: &World, state: &State, cluster: &str, service: &ServiceRecord, at: Ms) -> Value {
    shown::service(world, state, cluster, service, at, true).to_json()
}

/// A service as it is now.
fn answer(context: &Context<'_>, cluster: &str, name: &str) -> Result<Node, ApiError> {
    let world = &*context.world;
    let service = world.state().services.get(&(cluster.to_owned(), name.to_owned()));
    let service = service.ok_or(FleetError::ServiceNotFound)?;
    Ok(node! { "service": shown::service(world, world.state(), cluster, service, world.now_ms(), true) })
}
