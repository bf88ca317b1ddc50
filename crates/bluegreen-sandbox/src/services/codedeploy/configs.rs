//! Traffic configurations.

use super::{Context, Input, applications, invalid, nothing, own, page};
use crate::node;
use crate::services::page::Order;
use crate::wire::{ApiError, Node};
use crate::world::ReadKind;
use crate::world::codedeploy::{Platform, Shares};

fn name(input: &Input) -> Result<&str, ApiError> {
    input.required_text("deploymentConfigName")
}

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = name(input)?;
    let platform = applications::platform(input)?;
    if input.has("minimumHealthyHosts") {
        let text = "minimumHealthyHosts is for the compute platform Server only";
        return Err(invalid("InvalidMinimumHealthyHostValueException", text));
    }
    let id = context.world.create_traffic_config(name, platform, shares(input)?).map_err(own)?;
    Ok(node! { "deploymentConfigId": id })
}

/// `trafficRoutingConfig`.
fn shares(input: &Input) -> Result<Shares, ApiError> {
    const CODE: &str = "InvalidTrafficRoutingConfigurationException";
    let missing = |what: &str| invalid(CODE, format!("{what} must be specified"));
    let given = input.map("trafficRoutingConfig")?.ok_or_else(|| missing("trafficRoutingConfig"))?;
    let kind = given.text("type")?.ok_or_else(|| missing("trafficRoutingConfig.type"))?;
    let numbers = |member: &str, percentage: &str, interval: &str| -> Result<(u32, u32), ApiError> {
        let found = given.map(member)?.ok_or_else(|| missing(member))?;
        let number = |name: &str| -> Result<u32, ApiError> {
            let number = found.int(name)?.ok_or_else(|| missing(name))?;
            u32::try_from(number).map_err(|_| invalid(CODE, format!("{name} must not be negative")))
        };
        Ok((number(percentage)?, number(interval)?))
    };
    match kind {
        "AllAtOnce" => Ok(Shares::AllAtOnce),
        "TimeBasedCanary" => {
            let (first, minutes) = numbers("timeBasedCanary", "canaryPercentage", "canaryInterval")?;
            Ok(Shares::Canary { first, minutes })
        }
        "TimeBasedLinear" => {
            let (each, minutes) = numbers("timeBasedLinear", "linearPercentage", "linearInterval")?;
            Ok(Shares::Linear { each, minutes })
        }
        other => Err(invalid(CODE, format!("{other} is no type of traffic routing"))),
    }
}

pub(super) fn get(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = name(input)?;
    let (state, _) = context.read(ReadKind::Services, &("deployment config", name));
    let missing = || {
        let text = format!("No Deployment Configuration found for name: {name}");
        invalid("DeploymentConfigDoesNotExistException", text)
    };
    let found = state.traffic_config(name).ok_or_else(missing)?;
    let routing = found.shares.map(|shares| match shares {
        Shares::AllAtOnce => node! { "type": "AllAtOnce" },
        Shares::Canary { first, minutes } => node! {
            "type": "TimeBasedCanary",
            "timeBasedCanary": node! { "canaryPercentage": first, "canaryInterval": minutes },
        },
        Shares::Linear { each, minutes } => node! {
            "type": "TimeBasedLinear",
            "timeBasedLinear": node! { "linearPercentage": each, "linearInterval": minutes },
        },
    });
    let hosts = (found.platform == Platform::Server).then(|| node! { "type": "HOST_COUNT", "value": 1 });
    Ok(node! {
        "deploymentConfigInfo": node! {
            "deploymentConfigId": found.id,
            "deploymentConfigName": name,
            "createTime": context.world.timestamp(found.created_at),
            "computePlatform": found.platform.as_str(),
            "trafficRoutingConfig": routing,
            "minimumHealthyHosts": hosts,
        },
    })
}

pub(super) fn list(context: &Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (state, _) = context.read(ReadKind::Services, &"deployment configs");
    let items = state.traffic_configs().into_keys().map(|name| (name.clone(), Node::from(name))).collect();
    page(context.world, input, "deploymentConfigsList", Order::Ascending, items).map(Node::from)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    context.world.delete_traffic_config(name(input)?).map_err(own)?;
    Ok(nothing())
}
