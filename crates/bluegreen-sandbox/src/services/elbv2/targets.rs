//! Targets: registered by hand here, by services there; and how all of them are.

use std::net::IpAddr;

use bluegreen_core::model::TargetGroupArn;

use super::{invalid, not_found, port, required_arn};
use crate::node;
use crate::services::Context;
use crate::wire::{ApiError, Input, Node};
use crate::world::{GroupRecord, NewTarget, ReadKind, Refusal, TargetView, World};

/// Targets of one group.
const MOST: usize = 1_000;

pub(super) fn register(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (group, targets) = named(context.world, input)?;
    let known = context.world.targets(&group).len();
    if known + targets.len() > MOST {
        let text = format!("target group '{group}' would have more than {MOST} targets");
        return Err(ApiError::sender("TooManyTargets", text));
    }
    context.world.register_targets(&group, &targets).map_err(told)?;
    Ok(node! {})
}

pub(super) fn deregister(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let (group, targets) = named(context.world, input)?;
    context.world.deregister_targets(&group, &targets).map_err(told)?;
    Ok(node! {})
}

/// The group and the targets that a request names; the targets must be of the group's kind.
fn named(world: &World, input: &Input) -> Result<(TargetGroupArn, Vec<NewTarget>), ApiError> {
    let group: TargetGroupArn = required_arn(input, "TargetGroupArn", "target group")?;
    let given = input.required_list("Targets")?;
    if given.is_empty() {
        return Err(invalid("at least one target must be specified"));
    }
    let targets = given.iter().map(target).collect::<Result<Vec<_>, _>>()?;
    let record = world.state().groups.get(&group).ok_or_else(|| missing(&group))?;
    targets.iter().try_for_each(|target| check(record, &target.id))?;
    Ok((group, targets))
}

fn target(input: &Input) -> Result<NewTarget, ApiError> {
    let zone = input.text("AvailabilityZone")?.map(str::to_owned);
    Ok(NewTarget { id: input.required_text("Id")?.to_owned(), port: port(input)?, zone })
}

fn check(record: &GroupRecord, id: &str) -> Result<(), ApiError> {
    if record.target_type == "instance" {
        let instance = id.strip_prefix("i-").is_some_and(|id| id.bytes().all(|b| b.is_ascii_hexdigit()));
        return if instance { Ok(()) } else { Err(invalid(format!("instance ID '{id}' is not valid"))) };
    }
    let four = record.address_type == "ipv4";
    if id.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4() == four) {
        return Ok(());
    }
    Err(invalid(format!("'{id}' is not a valid {} address", if four { "IPv4" } else { "IPv6" })))
}

fn missing(group: &TargetGroupArn) -> ApiError {
    not_found("TargetGroupNotFound", "target group", group.as_str())
}

/// A refusal whose code stands in its text.
fn told((_, text): Refusal) -> ApiError {
    let (code, message) = text.split_once(": ").unwrap_or(("ValidationError", &text));
    ApiError::sender(code, message)
}

pub(super) fn health(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let group: TargetGroupArn = required_arn(input, "TargetGroupArn", "target group")?;
    let wanted = input.list("Targets")?.unwrap_or_default();
    let wanted = wanted.iter().map(target).collect::<Result<Vec<_>, _>>()?;
    let (state, at) = context.read(ReadKind::Health, &group);
    let record = state.groups.get(&group).ok_or_else(|| missing(&group))?;
    let targets = context.world.targets_in(state, &group, at);
    let zone = format!("{}a", context.world.config.region);
    let show = |target: &TargetView| show(record, target, &zone);
    let shown: Node = if wanted.is_empty() {
        targets.iter().map(show).collect()
    } else {
        let find = |wanted: &NewTarget| {
            let same =
                |target: &&TargetView| target.id == wanted.id && wanted.port.is_none_or(|port| port == target.port);
            targets.iter().find(same).map_or_else(|| unknown(record, wanted), show)
        };
        wanted.iter().map(find).collect()
    };
    Ok(node! { "TargetHealthDescriptions": shown })
}

fn show(record: &GroupRecord, target: &TargetView, zone: &str) -> Node {
    let by_address = record.target_type == "ip";
    node! {
        "Target": node! {
            "Id": &target.id,
            "Port": target.port,
            "AvailabilityZone": target.zone.as_deref().or(by_address.then_some(zone)),
        },
        "HealthCheckPort": check_port(record, target.port),
        "TargetHealth": node! {
            "State": target.state.as_str(),
            "Reason": target.reason.as_ref(),
            "Description": target.description.as_ref(),
        },
    }
}

/// One that was asked for and is not there.
fn unknown(record: &GroupRecord, wanted: &NewTarget) -> Node {
    node! {
        "Target": node! { "Id": &wanted.id, "Port": wanted.port.unwrap_or(record.port) },
        "TargetHealth": node! {
            "State": "unused",
            "Reason": "Target.NotRegistered",
            "Description": "Target is not registered to the target group",
        },
    }
}

fn check_port(record: &GroupRecord, own: u16) -> String {
    if record.check.port == "traffic-port" { own.to_string() } else { record.check.port.clone() }
}
