//! Deployment groups.

use bluegreen_core::model::ListenerArn;

use super::{Context, Input, alarms, applications, invalid, names, own, page, rollback, shown};
use crate::node;
use crate::services::page::Order;
use crate::wire::{ApiError, Map, Node};
use crate::world::ReadKind;
use crate::world::codedeploy::{Group, Pair, Platform, Termination};

/// Members that only instances have.
const OF_INSTANCES: [&str; 5] =
    ["ec2TagFilters", "onPremisesInstanceTagFilters", "autoScalingGroups", "ec2TagSet", "onPremisesTagSet"];
/// Members that are kept and shown without effect.
const KEPT: [&str; 3] = ["triggerConfigurations", "outdatedInstancesStrategy", "terminationHookEnabled"];

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let application = applications::name(input)?;
    let name = input.required_text("deploymentGroupName")?;
    applications::check_tags(input)?;
    let platform = context.world.state().application(application).map_err(own)?.platform;
    if !input.has("deploymentStyle") {
        return Err(style(platform, "IN_PLACE", "WITHOUT_TRAFFIC_CONTROL"));
    }
    let group = read(input, platform, Group::default())?;
    let id = context.world.create_deployment_group(application, name, group).map_err(own)?;
    Ok(node! { "deploymentGroupId": id })
}

pub(super) fn update(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let application = applications::name(input)?;
    let name = current_name(input)?;
    let state = context.world.state();
    let platform = state.application(application).map_err(own)?.platform;
    let old = state.deployment_group(application, name).map_err(own)?;
    let group = read(input, platform, Group::clone(old))?;
    let renamed = input.text("newDeploymentGroupName")?;
    context.world.update_deployment_group(application, name, renamed, group).map_err(own)?;
    Ok(node! { "hooksNotCleanedUp": none() })
}

fn current_name(input: &Input) -> Result<&str, ApiError> {
    let name = input.text("currentDeploymentGroupName")?.filter(|name| !name.is_empty());
    name.ok_or_else(|| invalid("DeploymentGroupNameRequiredException", "currentDeploymentGroupName must be specified"))
}

pub(super) fn get(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let application = applications::name(input)?;
    let name = input.required_text("deploymentGroupName")?;
    let (state, _) = context.read(ReadKind::Services, &("deployment group", application, name));
    let group = state.deployment_group(application, name).map_err(own)?;
    Ok(node! { "deploymentGroupInfo": shown::group(context.world, state, application, name, group) })
}

pub(super) fn batch_get(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let application = applications::name(input)?;
    let names = names(input, "deploymentGroupNames", "DeploymentGroupNameRequiredException")?;
    let (state, _) = context.read(ReadKind::Services, &("deployment groups", application));
    state.application(application).map_err(own)?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        match state.deployment_group(application, &name) {
            Ok(group) => found.push(shown::group(context.world, state, application, &name, group)),
            Err(_) => missing.push(name),
        }
    }
    let mut answer = Map::new();
    answer.insert("deploymentGroupsInfo", found);
    if !missing.is_empty() {
        answer.insert("errorMessage", format!("No Deployment Group found for: {}", missing.join(", ")));
    }
    Ok(answer.into())
}

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let application = applications::name(input)?;
    let (state, _) = context.read(ReadKind::Services, &("deployment groups", application));
    let groups = &state.application(application).map_err(own)?.groups;
    let items = groups.keys().map(|name| (name.clone(), Node::from(name))).collect();
    let mut answer = page(context.world, input, "deploymentGroups", Order::Ascending, items)?;
    answer.insert("applicationName", application);
    Ok(answer.into())
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let application = applications::name(input)?;
    context.world.delete_deployment_group(application, input.required_text("deploymentGroupName")?);
    Ok(node! { "hooksNotCleanedUp": none() })
}

fn none() -> Node {
    Node::List(Vec::new())
}

/// What a request says, over what there is.
fn read(input: &Input, platform: Platform, mut group: Group) -> Result<Group, ApiError> {
    for member in OF_INSTANCES {
        let given = input.get(member).is_some_and(|node| node.as_list().is_none_or(|items| !items.is_empty()));
        if given {
            let text = format!("{member} is not for the compute platform {}", platform.as_str());
            return Err(invalid("InvalidInputException", text));
        }
    }
    if let Some(given) = input.map("deploymentStyle")? {
        let kind = given.text("deploymentType")?.unwrap_or("IN_PLACE");
        let option = given.text("deploymentOption")?.unwrap_or("WITHOUT_TRAFFIC_CONTROL");
        if (kind, option) != ("BLUE_GREEN", "WITH_TRAFFIC_CONTROL") {
            return Err(style(platform, kind, option));
        }
    }
    if let Some(config) = input.text("deploymentConfigName")? {
        group.config = Some(config.to_owned());
    }
    if let Some(role) = input.text("serviceRoleArn")? {
        role.clone_into(&mut group.service_role);
    }
    if let Some(service) = service(input)? {
        group.service = Some(service);
    }
    if let Some(pair) = pair(input)? {
        group.pair = Some(pair);
    }
    group.alarms = alarms(input, "alarmConfiguration")?.unwrap_or(group.alarms);
    group.rollback = rollback(input)?.unwrap_or(group.rollback);
    if let Some(given) = input.map("blueGreenDeploymentConfiguration")? {
        blue_green(&given, &mut group)?;
    }
    for member in KEPT {
        if let Some(node) = input.get(member) {
            group.settings.insert(member.to_owned(), node.to_json());
        }
    }
    Ok(group)
}

fn style(platform: Platform, kind: &str, option: &str) -> ApiError {
    let platform = platform.as_str();
    let text = format!(
        "The compute platform {platform} needs the deployment type BLUE_GREEN and the option WITH_TRAFFIC_CONTROL, not \
         {kind} and {option}"
    );
    invalid("InvalidDeploymentStyleException", text)
}

/// `ecsServices`: cluster and service, of which the ARNs are cut down to names.
fn service(input: &Input) -> Result<Option<(String, String)>, ApiError> {
    let Some(given) = input.list("ecsServices")? else { return Ok(None) };
    let [one] = given.as_slice() else {
        let text = format!("a deployment group has exactly one ECS service, not {}", given.len());
        return Err(invalid("InvalidECSServiceException", text));
    };
    let last = |member: &str| {
        let text = one.text(member)?.filter(|text| !text.is_empty());
        let text = text.and_then(|text| text.rsplit('/').next()).map(str::to_owned);
        text.ok_or_else(|| invalid("InvalidECSServiceException", format!("ecsServices: {member} must be specified")))
    };
    Ok(Some((last("clusterName")?, last("serviceName")?)))
}

/// `loadBalancerInfo.targetGroupPairInfoList`.
fn pair(input: &Input) -> Result<Option<Pair>, ApiError> {
    let balancer = |text: &str| invalid("InvalidLoadBalancerInfoException", text);
    let Some(given) = input.map("loadBalancerInfo")? else { return Ok(None) };
    let pairs = given.list("targetGroupPairInfoList")?.unwrap_or_default();
    let [pair] = pairs.as_slice() else {
        return Err(balancer("targetGroupPairInfoList must have exactly one pair of target groups"));
    };
    let mut names = Vec::new();
    for group in pair.list("targetGroups")?.unwrap_or_default() {
        names.push(group.text("name")?.unwrap_or_default().to_owned());
    }
    let groups: [String; 2] = names
        .try_into()
        .map_err(|_| invalid("InvalidTargetGroupPairException", "a pair has exactly two target groups"))?;
    if groups[0] == groups[1] || groups.iter().any(|name| name.is_empty() || name.starts_with("arn:")) {
        let text = "the two target groups of a pair are given by two different names";
        return Err(invalid("InvalidTargetGroupPairException", text));
    }
    let listener = |member: &str| {
        let Some(route) = pair.map(member)? else { return Ok(None) };
        let listeners = route.strings("listenerArns")?.unwrap_or_default();
        match listeners.as_slice() {
            [] => Ok(None),
            [one] => one.parse::<ListenerArn>().map(Some).map_err(|_| balancer(&format!("{one} is no listener's ARN"))),
            _ => Err(balancer(&format!("{member} has at most one listener"))),
        }
    };
    let production = listener("prodTrafficRoute")?;
    let production = production.ok_or_else(|| balancer("prodTrafficRoute must have exactly one listener"))?;
    Ok(Some(Pair { groups, production, test: listener("testTrafficRoute")? }))
}

/// `blueGreenDeploymentConfiguration`.
fn blue_green(given: &Input, group: &mut Group) -> Result<(), ApiError> {
    let wrong = |text: String| invalid("InvalidBlueGreenDeploymentConfigurationException", text);
    let minutes = |input: &Input, member: &str| {
        let minutes = input.int(member)?.unwrap_or(0);
        u32::try_from(minutes).map_err(|_| wrong(format!("{member} must not be negative")))
    };
    if let Some(ready) = given.map("deploymentReadyOption")? {
        let wait = minutes(&ready, "waitTimeInMinutes")?;
        group.ready_wait = match ready.text("actionOnTimeout")? {
            None | Some("CONTINUE_DEPLOYMENT") if wait == 0 => None,
            None | Some("CONTINUE_DEPLOYMENT") => {
                return Err(wrong("waitTimeInMinutes is for the action STOP_DEPLOYMENT only".to_owned()));
            }
            Some("STOP_DEPLOYMENT") if wait > 0 => Some(wait),
            Some("STOP_DEPLOYMENT") => {
                return Err(wrong("the action STOP_DEPLOYMENT needs a waitTimeInMinutes".to_owned()));
            }
            Some(other) => return Err(wrong(format!("{other} is no actionOnTimeout"))),
        };
    }
    if let Some(terminate) = given.map("terminateBlueInstancesOnDeploymentSuccess")? {
        let ends = match terminate.text("action")? {
            None | Some("TERMINATE") => true,
            Some("KEEP_ALIVE") => false,
            Some(other) => return Err(wrong(format!("{other} is no action for the original tasks"))),
        };
        group.termination = Termination { ends, wait: minutes(&terminate, "terminationWaitTimeInMinutes")? };
    }
    Ok(())
}
