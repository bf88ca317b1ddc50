//! Listeners.

use bluegreen_core::model::{ListenerArn, LoadBalancerArn, RouteId};
use serde_json::Value;

use super::{
    actions, arn, in_order, invalid, keys_and_values, names, new_tags, not_found, paged, port, required_arn, show_pairs,
};
use crate::node;
use crate::services::Context;
use crate::wire::{ApiError, Input, Node};
use crate::world::{ListenerChange, ListenerRecord, ReadKind, State};

const MISSING: &str = "ListenerNotFound";

pub(super) fn create(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let balancer: LoadBalancerArn = required_arn(input, "LoadBalancerArn", "load balancer")?;
    let actions = actions::read(&input.required_list("DefaultActions")?, None)?;
    let protocol = input.text("Protocol")?.ok_or_else(|| invalid("a listener protocol must be specified"))?;
    let port = port(input)?.ok_or_else(|| invalid("a listener port must be specified"))?;
    let mut record = ListenerRecord::new(balancer, protocol, port);
    record.certificate = certificate(input)?;
    if let Some(policy) = input.text("SslPolicy")? {
        record.ssl_policy = Some(policy.to_owned());
    }
    record.mutual_authentication = mutual_authentication(input)?.or(record.mutual_authentication);
    let (tags, writer) = (new_tags(input)?, context.caller.writer());
    let arn = context.world.create_listener(record, actions, tags, writer)?;
    Ok(node! { "Listeners": [show(context.world.state(), &arn)?] })
}

/// The default certificate: exactly one, where there is any.
fn certificate(input: &Input) -> Result<Option<String>, ApiError> {
    match input.list("Certificates")?.unwrap_or_default().as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.required_text("CertificateArn")?.to_owned())),
        _ => Err(ApiError::sender("TooManyCertificates", "a listener has exactly one default certificate")),
    }
}

/// Text numbers and truth values of the query protocol become what they are.
fn mutual_authentication(input: &Input) -> Result<Option<Value>, ApiError> {
    let Some(given) = input.map("MutualAuthentication")? else { return Ok(None) };
    let mode = given.text("Mode")?.unwrap_or("off");
    if !["off", "passthrough"].contains(&mode) {
        return Err(invalid(format!("the sandbox has no trust stores: Mode '{mode}' must be off or passthrough")));
    }
    let shown = node! {
        "Mode": mode,
        "IgnoreClientCertificateExpiry": given.bool("IgnoreClientCertificateExpiry")?,
        "AdvertiseTrustStoreCaNames": given.text("AdvertiseTrustStoreCaNames")?,
    };
    Ok(Some(shown.to_json()))
}

pub(super) fn describe(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arns = names(input, "ListenerArns")?;
    let balancer = input.text("LoadBalancerArn")?.filter(|text| !text.is_empty());
    let (state, _) = context.read(ReadKind::Routes, &"listeners");
    let items = match (balancer, arns.as_slice()) {
        (Some(_), [_, ..]) | (None, []) => {
            return Err(invalid("listeners can be described by load balancer or by ARN: by one of them"));
        }
        (Some(text), []) => {
            let balancer: LoadBalancerArn = arn(text, "load balancer")?;
            if !state.balancers.contains_key(&balancer) {
                return Err(not_found("LoadBalancerNotFound", "load balancer", text));
            }
            let item = |(arn, _): (&ListenerArn, _)| Ok((arn.to_string(), show(state, arn)?));
            state.listeners_of(&balancer).map(item).collect::<Result<Vec<_>, ApiError>>()?
        }
        (None, arns) => {
            let shown = arns.iter().map(|text| show(state, &arn(text, "listener")?));
            in_order(shown.collect::<Result<Vec<_>, ApiError>>()?)
        }
    };
    paged(context.world, input, "Listeners", items)
}

fn show(state: &State, arn: &ListenerArn) -> Result<Node, ApiError> {
    let record = state.listeners.get(arn).ok_or_else(|| not_found(MISSING, "listener", arn.as_str()))?;
    let default = state.routes.get(&RouteId::DefaultAction(arn.clone()));
    let certificates = record.certificate.as_ref().map(|certificate| [node! { "CertificateArn": certificate }]);
    Ok(node! {
        "ListenerArn": arn.as_str(),
        "LoadBalancerArn": record.balancer.as_str(),
        "Port": record.port,
        "Protocol": &record.protocol,
        "Certificates": certificates,
        "SslPolicy": record.ssl_policy.as_ref(),
        "DefaultActions": actions::show(default.map(|route| route.actions.as_slice()).unwrap_or_default()),
        "MutualAuthentication": record.mutual_authentication.as_ref(),
    })
}

pub(super) fn modify(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: ListenerArn = required_arn(input, "ListenerArn", "listener")?;
    let old = context.world.state().routes.get(&RouteId::DefaultAction(arn.clone()));
    let old = old.map(|route| route.actions.as_slice());
    // A list that is empty is refused: there is no listener without a default action.
    let actions = input.list("DefaultActions")?.map(|list| actions::read(&list, old)).transpose()?;
    let change = ListenerChange {
        port: port(input)?,
        protocol: input.text("Protocol")?.map(str::to_owned),
        certificate: certificate(input)?,
        ssl_policy: input.text("SslPolicy")?.map(str::to_owned),
        mutual_authentication: mutual_authentication(input)?,
        actions,
    };
    let writer = context.caller.writer();
    context.world.modify_listener(&arn, change, writer)?;
    Ok(node! { "Listeners": [show(context.world.state(), &arn)?] })
}

pub(super) fn delete(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: ListenerArn = required_arn(input, "ListenerArn", "listener")?;
    context.world.delete_listener(&arn)?;
    Ok(node! {})
}

pub(super) fn modify_attributes(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: ListenerArn = required_arn(input, "ListenerArn", "listener")?;
    input.required_list("Attributes")?;
    context.world.set_listener_attributes(&arn, &keys_and_values(input, "Attributes")?)?;
    attributes(context.world.state(), &arn)
}

pub(super) fn describe_attributes(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: ListenerArn = required_arn(input, "ListenerArn", "listener")?;
    attributes(context.read(ReadKind::Routes, &arn).0, &arn)
}

fn attributes(state: &State, arn: &ListenerArn) -> Result<Node, ApiError> {
    let all = state.listener_attributes(arn).ok_or_else(|| not_found(MISSING, "listener", arn.as_str()))?;
    Ok(node! { "Attributes": show_pairs(&all) })
}

pub(super) fn describe_certificates(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let arn: ListenerArn = required_arn(input, "ListenerArn", "listener")?;
    let (state, _) = context.read(ReadKind::Routes, &arn);
    let record = state.listeners.get(&arn).ok_or_else(|| not_found(MISSING, "listener", arn.as_str()))?;
    let own = record.certificate.iter();
    let items = in_order(own.map(|arn| node! { "CertificateArn": arn, "IsDefault": true }));
    paged(context.world, input, "Certificates", items)
}
