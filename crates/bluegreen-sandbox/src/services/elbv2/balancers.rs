//! Load balancers.

use bluegreen_core::model::LoadBalancerArn;

use super::{
    arn, at_most, in_order, invalid, keys_and_values, names, new_tags, not_found, paged, required_arn, show_pairs,
};
use crate::node;
use crate::services::Context;
use crate::wire::{ApiError, Input, Node};
use crate::world::{BalancerRecord, Ms, ReadKind, State, World};

/// Where every listener can be reached.
const DNS_NAME: &str = "127.0.0.1";
/// Shown as long as no group says where the load balancer is.
const VPC: &str = "vpc-00000000000000000";
/// The hosted zone of the load balancers of eu-west-3; nobody resolves it here.
const ZONE: &str = "Z3Q77PNBQS71R4";

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let kind = input.text("Type")?.unwrap_or("application");
    if kind != "application" {
        return Err(ApiError::sender(
            "OperationNotPermitted",
            format!("the sandbox has application load balancers only, and no {kind} ones: leave Type out"),
        ));
    }
    let record = BalancerRecord {
        scheme: input.text("Scheme")?.unwrap_or("internet-facing").to_owned(),
        subnets: subnets(input)?,
        security_groups: names(input, "SecurityGroups")?,
        address_type: input.text("IpAddressType")?.unwrap_or("ipv4").to_owned(),
        ..BalancerRecord::new(input.required_text("Name")?)
    };
    let tags = new_tags(input)?;
    let arn = context.world.create_balancer(record, tags)?;
    let shown = show(context.world, context.world.state(), context.world.now_ms(), &arn)?;
    Ok(node! { "LoadBalancers": [shown] })
}

fn subnets(input: &Input) -> Result<Vec<String>, ApiError> {
    let (plain, mapped) = (input.strings("Subnets")?, input.list("SubnetMappings")?);
    match (plain, mapped) {
        (Some(_), Some(_)) => Err(invalid("only one of Subnets and SubnetMappings can be specified")),
        (Some(subnets), None) => Ok(subnets),
        (None, Some(mappings)) => {
            mappings.iter().map(|mapping| Ok(mapping.required_text("SubnetId")?.to_owned())).collect()
        }
        (None, None) => Err(invalid("Subnets or SubnetMappings must be specified")),
    }
}

pub(super) fn describe(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (arns, wanted) = (names(input, "LoadBalancerArns")?, names(input, "Names")?);
    if !arns.is_empty() && !wanted.is_empty() {
        return Err(invalid("load balancers can be described by ARN or by name, not by both"));
    }
    at_most(arns.len().max(wanted.len()), 20)?;
    let (state, at) = context.read(ReadKind::Routes, &"load balancers");
    let world = &*context.world;
    let items = if arns.is_empty() && wanted.is_empty() {
        let item = |arn: &LoadBalancerArn| Ok((arn.to_string(), show(world, state, at, arn)?));
        state.balancers.keys().map(item).collect::<Result<Vec<_>, ApiError>>()?
    } else {
        let by_arn = arns.iter().map(|text| arn(text, "load balancer"));
        let by_name = wanted.iter().map(|name| {
            let found = state.balancers.iter().find(|(_, record)| record.name == *name);
            let found = found.map(|(arn, _)| arn.clone());
            found.ok_or_else(|| not_found("LoadBalancerNotFound", "load balancer", name))
        });
        let found = by_arn.chain(by_name).collect::<Result<Vec<LoadBalancerArn>, ApiError>>()?;
        in_order(found.iter().map(|arn| show(world, state, at, arn)).collect::<Result<Vec<_>, _>>()?)
    };
    paged(world, input, "LoadBalancers", items)
}

fn show(world: &World, state: &State, at: Ms, arn: &LoadBalancerArn) -> Result<Node, ApiError> {
    let record = state.balancers.get(arn);
    let record = record.ok_or_else(|| not_found("LoadBalancerNotFound", "load balancer", arn.as_str()))?;
    Ok(node! {
        "LoadBalancerArn": arn.as_str(),
        "DNSName": DNS_NAME,
        "CanonicalHostedZoneId": ZONE,
        "CreatedTime": world.timestamp(record.created_at),
        "LoadBalancerName": &record.name,
        "Scheme": &record.scheme,
        "VpcId": state.vpc_of(arn).unwrap_or(VPC),
        "State": node! { "Code": record.state_at(at) },
        "Type": "application",
        "AvailabilityZones": zones(world, record),
        "SecurityGroups": record.security_groups.as_slice(),
        "IpAddressType": &record.address_type,
    })
}

/// Each subnet in a zone of its own.
fn zones(world: &World, record: &BalancerRecord) -> Node {
    let zone = |(subnet, letter): (&String, char)| {
        node! {
            "ZoneName": format!("{}{letter}", world.config.region),
            "SubnetId": subnet,
            "LoadBalancerAddresses": Node::List(Vec::new()),
        }
    };
    record.subnets.iter().zip(('a'..='z').cycle()).map(zone).collect()
}

pub(super) fn modify_attributes(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: LoadBalancerArn = required_arn(input, "LoadBalancerArn", "load balancer")?;
    input.required_list("Attributes")?;
    context.world.set_balancer_attributes(&arn, &keys_and_values(input, "Attributes")?)?;
    attributes(context.world.state(), &arn)
}

pub(super) fn describe_attributes(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: LoadBalancerArn = required_arn(input, "LoadBalancerArn", "load balancer")?;
    attributes(context.read(ReadKind::Routes, &arn).0, &arn)
}

fn attributes(state: &State, arn: &LoadBalancerArn) -> Result<Node, ApiError> {
    let all = state.balancer_attributes(arn);
    let all = all.ok_or_else(|| not_found("LoadBalancerNotFound", "load balancer", arn.as_str()))?;
    Ok(node! { "Attributes": show_pairs(&all) })
}

pub(super) fn set_security_groups(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: LoadBalancerArn = required_arn(input, "LoadBalancerArn", "load balancer")?;
    let groups = input.required_strings("SecurityGroups")?;
    context.world.edit_balancer(&arn, |record| record.security_groups.clone_from(&groups))?;
    Ok(node! { "SecurityGroupIds": groups })
}

pub(super) fn set_subnets(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: LoadBalancerArn = required_arn(input, "LoadBalancerArn", "load balancer")?;
    let (subnets, family) = (subnets(input)?, input.text("IpAddressType")?.map(str::to_owned));
    context.world.edit_balancer(&arn, |record| {
        record.subnets = subnets;
        record.address_type = family.unwrap_or_else(|| record.address_type.clone());
    })?;
    let world = &*context.world;
    let record = world.state().balancers.get(&arn);
    let zones = record.map(|record| zones(world, record));
    Ok(node! { "AvailabilityZones": zones, "IpAddressType": record.map(|record| &record.address_type) })
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: LoadBalancerArn = required_arn(input, "LoadBalancerArn", "load balancer")?;
    context.world.delete_balancer(&arn)?;
    Ok(node! {})
}
