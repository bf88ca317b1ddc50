//! Elastic Load Balancing v2: application load balancers.
//!
//! What the sandbox does otherwise than AWS: `DNSName` is `127.0.0.1`, where every listener really listens; HTTPS
//! listeners keep their certificates and speak plain HTTP; subnets and security groups are names that nobody checks, and
//! a load balancer is in the VPC of its groups; conditions change at once, actions after the propagation time; network
//! and gateway load balancers, functions as targets and trust stores are not there.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use super::{Context, page};
use crate::node;
use crate::wire::{ApiError, Input, Map, Node, Request, Service};
use crate::world::tags::{self, Tags};
use crate::world::{Refused, World};

mod actions;
mod balancers;
mod groups;
mod limits;
mod listeners;
mod rules;
mod tagging;
mod targets;

/// Items in one page where the request says nothing.
const PAGE_SIZE: i64 = 400;

pub(super) fn serve(context: &mut Context<'_>, request: &Request) -> Result<Node, ApiError> {
    let input = &request.input;
    match request.operation.as_str() {
        "CreateLoadBalancer" => balancers::create(context, input),
        "DescribeLoadBalancers" => balancers::describe(context, input),
        "ModifyLoadBalancerAttributes" => balancers::modify_attributes(context, input),
        "DescribeLoadBalancerAttributes" => balancers::describe_attributes(context, input),
        "SetSecurityGroups" => balancers::set_security_groups(context, input),
        "SetSubnets" => balancers::set_subnets(context, input),
        "DeleteLoadBalancer" => balancers::delete(context, input),
        "CreateTargetGroup" => groups::create(context, input),
        "DescribeTargetGroups" => groups::describe(context, input),
        "ModifyTargetGroup" => groups::modify(context, input),
        "ModifyTargetGroupAttributes" => groups::modify_attributes(context, input),
        "DescribeTargetGroupAttributes" => groups::describe_attributes(context, input),
        "DeleteTargetGroup" => groups::delete(context, input),
        "RegisterTargets" => targets::register(context, input),
        "DeregisterTargets" => targets::deregister(context, input),
        "DescribeTargetHealth" => targets::health(context, input),
        "CreateListener" => listeners::create(context, input),
        "DescribeListeners" => listeners::describe(context, input),
        "ModifyListener" => listeners::modify(context, input),
        "DeleteListener" => listeners::delete(context, input),
        "ModifyListenerAttributes" => listeners::modify_attributes(context, input),
        "DescribeListenerAttributes" => listeners::describe_attributes(context, input),
        "DescribeListenerCertificates" => listeners::describe_certificates(context, input),
        "CreateRule" => rules::create(context, input),
        "DescribeRules" => rules::describe(context, input),
        "ModifyRule" => rules::modify(context, input),
        "DeleteRule" => rules::delete(context, input),
        "SetRulePriorities" => rules::set_priorities(context, input),
        "AddTags" => tagging::add(context, input),
        "RemoveTags" => tagging::remove(context, input),
        "DescribeTags" => tagging::describe(context, input),
        "DescribeAccountLimits" => limits::describe(context, input),
        other => Err(ApiError::not_implemented(Service::Elbv2, other)),
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> ApiError {
        ApiError::sender(refused.code, refused.message)
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::validation(Service::Elbv2, message)
}

/// A list of things in pages: `name` is the list's member in the answer.
fn paged(world: &World, input: &Input, name: &str, items: Vec<(String, Node)>) -> Result<Node, ApiError> {
    let asked = input.int_within("PageSize", 1, PAGE_SIZE)?.unwrap_or(PAGE_SIZE);
    let asked = usize::try_from(asked).unwrap_or(1);
    let size = world.config.page_size.map_or(asked, |most| most.min(asked));
    let marker = input.text("Marker")?.filter(|marker| !marker.is_empty());
    let page = page::cut(items, page::Order::Ascending, size, marker);
    let (items, next) = page.ok_or_else(|| invalid("Marker is none that an earlier answer gave"))?;
    let mut answer = Map::new();
    answer.insert(name, items);
    answer.put("NextMarker", next);
    Ok(answer.into())
}

/// Things in the order in which the request names them.
fn in_order(items: impl IntoIterator<Item = Node>) -> Vec<(String, Node)> {
    items.into_iter().enumerate().map(|(place, node)| (format!("{place:06}"), node)).collect()
}

/// An ARN of the kind that the parameter takes.
fn arn<A: FromStr>(text: &str, what: &str) -> Result<A, ApiError>
where
    A::Err: Display,
{
    text.parse().map_err(|_| invalid(format!("'{text}' is not a valid {what} ARN")))
}

fn required_arn<A: FromStr>(input: &Input, name: &str, what: &str) -> Result<A, ApiError>
where
    A::Err: Display,
{
    arn(input.required_text(name)?, what)
}

/// A list of texts; absent and empty are the same.
fn names(input: &Input, name: &str) -> Result<Vec<String>, ApiError> {
    Ok(input.strings(name)?.unwrap_or_default())
}

/// At most so many things in one request.
fn at_most(count: usize, most: usize) -> Result<(), ApiError> {
    if count > most {
        return Err(invalid(format!("{count} resources in one request; the most are {most}")));
    }
    Ok(())
}

fn port(input: &Input) -> Result<Option<u16>, ApiError> {
    Ok(input.int_within("Port", 1, 65_535)?.and_then(|port| u16::try_from(port).ok()))
}

/// `Tags` of something new.
fn new_tags(input: &Input) -> Result<Tags, ApiError> {
    Ok(tags::checked(&keys_and_values(input, "Tags")?)?)
}

/// A list of structures of `Key` and `Value`.
fn keys_and_values(input: &Input, name: &str) -> Result<Vec<(String, String)>, ApiError> {
    let pair =
        |item: &Input| Ok((item.required_text("Key")?.to_owned(), item.text("Value")?.unwrap_or_default().to_owned()));
    input.list(name)?.unwrap_or_default().iter().map(pair).collect()
}

fn show_pairs(pairs: &BTreeMap<String, String>) -> Node {
    pairs.iter().map(|(key, value)| node! { "Key": key, "Value": value }).collect()
}

fn not_found(code: &str, what: &str, name: &str) -> ApiError {
    ApiError::not_found(code, format!("{what} '{name}' not found"))
}

#[cfg(test)]
mod tests;
