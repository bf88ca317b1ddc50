//! Target groups.

use bluegreen_core::model::{LoadBalancerArn, TargetGroupArn};

use super::{
    arn, in_order, invalid, keys_and_values, names, new_tags, not_found, paged, port, required_arn, show_pairs,
};
use crate::node;
use crate::services::Context;
use crate::wire::{ApiError, Input, Node};
use crate::world::{GroupRecord, HealthCheck, ReadKind, State};

const MISSING: &str = "TargetGroupNotFound";

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = input.required_text("Name")?;
    let target_type = input.text("TargetType")?.unwrap_or("instance");
    // Functions and load balancers as targets are refused by their type, whatever else is missing.
    let here = ["instance", "ip"].contains(&target_type);
    let needed = |name: &str| -> Result<String, ApiError> {
        match input.text(name)? {
            Some(text) => Ok(text.to_owned()),
            None if here => Err(invalid(format!("{name} must be specified for targets of type '{target_type}'"))),
            None => Ok(String::new()),
        }
    };
    let protocol = needed("Protocol")?;
    let port = port(input)?;
    if port.is_none() && here {
        return Err(invalid(format!("Port must be specified for targets of type '{target_type}'")));
    }
    let vpc = needed("VpcId")?;
    let mut record = GroupRecord::new(&protocol, port.unwrap_or(1), target_type, &vpc);
    input.text("ProtocolVersion")?.unwrap_or("HTTP1").clone_into(&mut record.version);
    input.text("IpAddressType")?.unwrap_or("ipv4").clone_into(&mut record.address_type);
    record.check = check(input, default_check(&record, input.text("HealthCheckProtocol")?))?;
    let tags = new_tags(input)?;
    let arn = context.world.create_group(name, record, tags)?;
    Ok(node! { "TargetGroups": [show(context.world.state(), &arn)?] })
}

/// The defaults differ with what is balanced and how it is checked.
fn default_check(record: &GroupRecord, protocol: Option<&str>) -> HealthCheck {
    let mut check = HealthCheck::new(&record.version);
    if !record.protocol.starts_with("HTTP") {
        "TCP".clone_into(&mut check.protocol);
        check.timeout = 10;
        "200-399".clone_into(&mut check.matcher);
        if protocol.is_none_or(|protocol| protocol == "TCP") {
            check.path = String::new();
        }
    }
    check
}

/// A health check with what the request says about it.
fn check(input: &Input, mut check: HealthCheck) -> Result<HealthCheck, ApiError> {
    let text = |name: &str, now: &mut String| -> Result<(), ApiError> {
        if let Some(text) = input.text(name)? {
            text.clone_into(now);
        }
        Ok(())
    };
    text("HealthCheckProtocol", &mut check.protocol)?;
    text("HealthCheckPort", &mut check.port)?;
    text("HealthCheckPath", &mut check.path)?;
    check.enabled = input.bool("HealthCheckEnabled")?.unwrap_or(check.enabled);
    let number = |name: &str, now: &mut u32| -> Result<(), ApiError> {
        if let Some(given) = input.int(name)? {
            *now = u32::try_from(given).map_err(|_| input.invalid(name, &format!("{given} is out of range")))?;
        }
        Ok(())
    };
    number("HealthCheckIntervalSeconds", &mut check.interval)?;
    number("HealthCheckTimeoutSeconds", &mut check.timeout)?;
    number("HealthyThresholdCount", &mut check.healthy_after)?;
    number("UnhealthyThresholdCount", &mut check.unhealthy_after)?;
    if let Some(matcher) = input.map("Matcher")? {
        let code = matcher.text("HttpCode")?.or(matcher.text("GrpcCode")?);
        let code = code.ok_or_else(|| input.invalid("Matcher", "expected HttpCode or GrpcCode"))?;
        code.clone_into(&mut check.matcher);
    }
    Ok(check)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (arns, wanted) = (names(input, "TargetGroupArns")?, names(input, "Names")?);
    let balancer = input.text("LoadBalancerArn")?.filter(|text| !text.is_empty());
    let ways = usize::from(!arns.is_empty()) + usize::from(!wanted.is_empty()) + usize::from(balancer.is_some());
    if ways > 1 {
        return Err(invalid("target groups can be described by load balancer, by ARN or by name: by one of them"));
    }
    let (state, _) = context.read(ReadKind::Groups, &"target groups");
    let by_name = |name: &String| {
        let found = state.groups.keys().find(|arn| arn.name() == name).cloned();
        found.ok_or_else(|| not_found(MISSING, "target group", name))
    };
    let all = |groups: &[TargetGroupArn]| {
        groups.iter().map(|arn| Ok((arn.to_string(), show(state, arn)?))).collect::<Result<Vec<_>, ApiError>>()
    };
    let items = if let Some(balancer) = balancer {
        let balancer: LoadBalancerArn = arn(balancer, "load balancer")?;
        if !state.balancers.contains_key(&balancer) {
            return Err(not_found("LoadBalancerNotFound", "load balancer", balancer.as_str()));
        }
        all(&state.groups_of(&balancer))?
    } else if ways == 0 {
        all(&state.groups.keys().cloned().collect::<Vec<_>>())?
    } else {
        let by_arn = arns.iter().map(|text| arn::<TargetGroupArn>(text, "target group"));
        let found = by_arn.chain(wanted.iter().map(by_name)).collect::<Result<Vec<_>, ApiError>>()?;
        in_order(found.iter().map(|arn| show(state, arn)).collect::<Result<Vec<_>, _>>()?)
    };
    paged(context.world, input, "TargetGroups", items)
}

fn show(state: &State, arn: &TargetGroupArn) -> Result<Node, ApiError> {
    let record = state.groups.get(arn).ok_or_else(|| not_found(MISSING, "target group", arn.as_str()))?;
    let check = &record.check;
    let by_http = check.protocol.starts_with("HTTP");
    let grpc = record.version == "GRPC";
    let matcher = node! {
        "HttpCode": (!grpc).then_some(&check.matcher),
        "GrpcCode": grpc.then_some(&check.matcher),
    };
    let balancers: Vec<String> = state.balancers_of(arn).iter().map(ToString::to_string).collect();
    Ok(node! {
        "TargetGroupArn": arn.as_str(),
        "TargetGroupName": arn.name(),
        "Protocol": &record.protocol,
        "Port": record.port,
        "VpcId": &record.vpc,
        "HealthCheckProtocol": &check.protocol,
        "HealthCheckPort": &check.port,
        "HealthCheckEnabled": check.enabled,
        "HealthCheckIntervalSeconds": check.interval,
        "HealthCheckTimeoutSeconds": check.timeout,
        "HealthyThresholdCount": check.healthy_after,
        "UnhealthyThresholdCount": check.unhealthy_after,
        "HealthCheckPath": by_http.then_some(&check.path),
        "Matcher": by_http.then_some(matcher),
        "LoadBalancerArns": balancers,
        "TargetType": &record.target_type,
        "ProtocolVersion": record.protocol.starts_with("HTTP").then_some(&record.version),
        "IpAddressType": &record.address_type,
    })
}

pub(super) fn modify(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: TargetGroupArn = required_arn(input, "TargetGroupArn", "target group")?;
    let record = context.world.state().groups.get(&arn);
    let record = record.ok_or_else(|| not_found(MISSING, "target group", arn.as_str()))?;
    let changed = check(input, record.check.clone())?;
    context.world.set_check(&arn, changed)?;
    Ok(node! { "TargetGroups": [show(context.world.state(), &arn)?] })
}

pub(super) fn modify_attributes(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: TargetGroupArn = required_arn(input, "TargetGroupArn", "target group")?;
    input.required_list("Attributes")?;
    context.world.set_group_attributes(&arn, &keys_and_values(input, "Attributes")?)?;
    attributes(context.world.state(), &arn)
}

pub(super) fn describe_attributes(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: TargetGroupArn = required_arn(input, "TargetGroupArn", "target group")?;
    attributes(context.read(ReadKind::Groups, &arn).0, &arn)
}

fn attributes(state: &State, arn: &TargetGroupArn) -> Result<Node, ApiError> {
    let all = state.group_attributes(arn);
    let all = all.ok_or_else(|| not_found(MISSING, "target group", arn.as_str()))?;
    Ok(node! { "Attributes": show_pairs(&all) })
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: TargetGroupArn = required_arn(input, "TargetGroupArn", "target group")?;
    context.world.delete_group(&arn)?;
    Ok(node! {})
}
