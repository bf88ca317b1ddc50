//! What AWS checks about the actions of a route.

use std::collections::BTreeSet;

use bluegreen_core::model::{Action, ActionKind, Forward, ListenerArn, LoadBalancerArn, RouteId, TargetGroupArn};
use serde_json::{Map, Value};

use super::super::refusal::Refused;
use super::super::{State, World};
use super::uses;

/// Where actions are to stand.
pub(super) struct Place<'a> {
    pub(super) balancer: &'a LoadBalancerArn,
    /// The listener's protocol.
    pub(super) protocol: &'a str,
    /// The route that has them, if there is one already: its old actions count no more.
    pub(super) route: Option<&'a RouteId>,
}

impl World {
    pub(super) fn check_actions(&self, id: &RouteId, actions: &[Action]) -> Result<(), Refused> {
        if !self.state.routes.contains_key(id) {
            return Err(match id {
                RouteId::Rule(_) => Refused::new("RuleNotFound", id.arn()),
                RouteId::DefaultAction(_) => Refused::new("ListenerNotFound", id.arn()),
            });
        }
        let listener = self.listener(&id.listener())?;
        let place = Place { balancer: &listener.balancer, protocol: &listener.protocol, route: Some(id) };
        self.check_actions_at(&place, actions)
    }

    /// The same for actions of a route that is not there yet.
    pub(super) fn check_new_actions(&self, listener: &ListenerArn, actions: &[Action]) -> Result<(), Refused> {
        let record = self.listener(listener)?;
        let place = Place { balancer: &record.balancer, protocol: &record.protocol, route: None };
        self.check_actions_at(&place, actions)
    }

    pub(super) fn check_actions_at(&self, place: &Place<'_>, actions: &[Action]) -> Result<(), Refused> {
        check_sequence(actions)?;
        for action in actions {
            match &action.kind {
                ActionKind::Forward(forward) => self.check_forward(place, forward)?,
                ActionKind::Other { name, config } => check_other(place, name, config)?,
            }
        }
        Ok(())
    }

    fn check_forward(&self, place: &Place<'_>, forward: &Forward) -> Result<(), Refused> {
        let quotas = &self.config.quotas;
        let count = forward.groups.len();
        if count == 0 {
            return Err(Refused::value("a forward action must name at least one target group"));
        }
        if count > quotas.groups_per_action {
            let text = format!("{count} target groups in one action; the most are {}", quotas.groups_per_action);
            return Err(Refused::new("TooManyTargetGroups", text));
        }
        for (index, group) in forward.groups.iter().enumerate() {
            if forward.groups[..index].iter().any(|other| other.arn == group.arn) {
                return Err(Refused::value(format!("target group '{}' is in the action twice", group.arn)));
            }
            if group.weight.is_some_and(|weight| weight.get() > quotas.highest_weight) {
                return Err(Refused::value(format!("a weight must be between 0 and {}", quotas.highest_weight)));
            }
            self.check_group(place, &group.arn)?;
        }
        check_stickiness(&self.state, forward)?;
        let mut unique: BTreeSet<&TargetGroupArn> = forward.groups.iter().map(|group| &group.arn).collect();
        unique.extend(others(&self.state, place));
        if unique.len() > quotas.groups_per_balancer {
            let text = format!("the most for load balancer '{}' are {}", place.balancer, quotas.groups_per_balancer);
            return Err(Refused::new("TooManyUniqueTargetGroupsPerLoadBalancer", text));
        }
        Ok(())
    }

    fn check_group(&self, place: &Place<'_>, arn: &TargetGroupArn) -> Result<(), Refused> {
        let record = self.state.groups.get(arn).ok_or_else(|| Refused::new("TargetGroupNotFound", arn.as_str()))?;
        if !["HTTP", "HTTPS"].contains(&record.protocol.as_str()) {
            let text = format!(
                "target group '{arn}' has protocol {}; an application load balancer takes HTTP and HTTPS",
                record.protocol
            );
            return Err(Refused::new("IncompatibleProtocols", text));
        }
        if record.version != "HTTP1" && place.protocol != "HTTPS" {
            let text = format!("target group '{arn}' has protocol version {}: use an HTTPS listener", record.version);
            return Err(Refused::new("IncompatibleProtocols", text));
        }
        let elsewhere = self.state.balancers_of(arn).into_iter().any(|balancer| balancer != *place.balancer);
        if elsewhere {
            let text = format!("target group '{arn}' cannot be associated with more than one load balancer");
            return Err(Refused::new("TargetGroupAssociationLimit", text));
        }
        if self.state.vpc_of(place.balancer).is_some_and(|vpc| vpc != record.vpc) {
            let text = format!("target group '{arn}' is in VPC '{}', load balancer in another", record.vpc);
            return Err(Refused::new("InvalidConfigurationRequest", text));
        }
        Ok(())
    }
}

/// Groups that other routes of the load balancer name.
fn others<'a>(state: &'a State, place: &Place<'a>) -> impl Iterator<Item = &'a TargetGroupArn> {
    let (balancer, route) = (place.balancer, place.route);
    state.groups.keys().filter(move |group| {
        let other = |id: &RouteId| Some(id) != route && state.balancer_of(id).as_ref() == Some(balancer);
        uses(state, group).any(other)
    })
}

fn check_stickiness(state: &State, forward: &Forward) -> Result<(), Refused> {
    let pinned = forward.stickiness.as_ref().is_some_and(|stickiness| stickiness.enabled);
    if let Some(stickiness) = &forward.stickiness {
        let seconds = stickiness.duration_seconds;
        if seconds.is_some_and(|seconds| !(1..=604_800).contains(&seconds)) || (pinned && seconds.is_none()) {
            return Err(Refused::value("target group stickiness duration must be between 1 and 604800 seconds"));
        }
    }
    let sticky = |arn| state.groups.get(arn).is_some_and(|group| group.target_sticky);
    if forward.groups.len() > 1 && !pinned && forward.groups.iter().any(|group| sticky(&group.arn)) {
        let text = "target stickiness of one of its target groups needs group stickiness on the rule";
        return Err(Refused::new("InvalidLoadBalancerAction", text));
    }
    Ok(())
}

/// The last action, and it alone, answers or sends the request on.
fn check_sequence(actions: &[Action]) -> Result<(), Refused> {
    let finals = |action: &Action| match &action.kind {
        ActionKind::Forward(_) => true,
        ActionKind::Other { name, .. } => name == "redirect" || name == "fixed-response",
    };
    let invalid = |text: &str| Err(Refused::new("InvalidLoadBalancerAction", text));
    if actions.len() > 5 {
        return Err(Refused::new("TooManyActions", format!("{} actions; the most are 5", actions.len())));
    }
    if actions.iter().filter(|action| finals(action)).count() != 1 || !actions.last().is_some_and(finals) {
        return invalid("the last action must be the only forward, redirect or fixed-response");
    }
    let orders: Vec<Option<i32>> = actions.iter().map(|action| action.order).collect();
    if orders.iter().flatten().any(|order| !(1..=50_000).contains(order)) {
        return Err(Refused::value("the order of an action must be between 1 and 50000"));
    }
    if actions.len() > 1 && orders.contains(&None) {
        return invalid("an order is needed for every action where there is more than one");
    }
    if !orders.is_sorted_by(|a, b| a < b) {
        return invalid("the orders of the actions must differ, and the last action must have the highest");
    }
    let signs_in = |action: &&Action| match &action.kind {
        ActionKind::Other { name, .. } => name.starts_with("authenticate-"),
        ActionKind::Forward(_) => false,
    };
    if actions.iter().filter(signs_in).count() > 1 {
        return invalid("at most one action can authenticate");
    }
    Ok(())
}

fn check_other(place: &Place<'_>, name: &str, config: &Map<String, Value>) -> Result<(), Refused> {
    let text = |member: &str| config.get(member).and_then(Value::as_str);
    match name {
        "redirect" => check_redirect(place.protocol, text),
        "fixed-response" => check_fixed_response(text),
        "authenticate-oidc" | "authenticate-cognito" | "jwt-validation" => {
            if place.protocol == "HTTPS" {
                return Ok(());
            }
            let text = format!("actions of type '{name}' are for HTTPS listeners only");
            Err(Refused::new("InvalidLoadBalancerAction", text))
        }
        _ => Err(Refused::value(format!("'{name}' is no type of an action"))),
    }
}

fn check_redirect<'a>(listener: &str, text: impl Fn(&str) -> Option<&'a str>) -> Result<(), Refused> {
    if !text("StatusCode").is_some_and(|code| ["HTTP_301", "HTTP_302"].contains(&code)) {
        return Err(Refused::value("the status code of a redirect must be HTTP_301 or HTTP_302"));
    }
    let protocol = text("Protocol").unwrap_or("#{protocol}");
    if !["HTTP", "HTTPS", "#{protocol}"].contains(&protocol) {
        return Err(Refused::value(format!("redirect protocol '{protocol}' must be HTTP, HTTPS or #{{protocol}}")));
    }
    if listener == "HTTPS" && protocol == "HTTP" {
        return Err(Refused::new("InvalidLoadBalancerAction", "HTTPS cannot be redirected to HTTP"));
    }
    let port = text("Port").unwrap_or("#{port}");
    if port != "#{port}" && !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(Refused::value(format!("redirect port '{port}' must be 1 to 65535 or #{{port}}")));
    }
    for member in ["Host", "Path", "Query"] {
        if text(member).is_some_and(|value| value.len() > 128 || (value.is_empty() && member != "Query")) {
            return Err(Refused::value(format!("the {member} of a redirect must have 1 to 128 characters")));
        }
    }
    if text("Path").is_some_and(|path| !path.starts_with('/')) {
        return Err(Refused::value("the path of a redirect must begin with '/'"));
    }
    let same = [("Host", "#{host}"), ("Path", "/#{path}")]
        .iter()
        .all(|(member, same)| text(member).is_none_or(|v| v == *same));
    let same_port = port == "#{port}";
    let same_protocol = protocol == "#{protocol}" || protocol == listener;
    if same && same_port && same_protocol {
        return Err(Refused::new(
            "InvalidLoadBalancerAction",
            "the redirect leads to itself: change at least one of protocol, port, host and path",
        ));
    }
    Ok(())
}

fn check_fixed_response<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Result<(), Refused> {
    const TYPES: [&str; 5] = ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];
    let code = text("StatusCode").unwrap_or_default();
    let digits = code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
    if !digits || !code.starts_with(['2', '4', '5']) {
        return Err(Refused::value(format!("the status code '{code}' of a fixed response must be 2xx, 4xx or 5xx")));
    }
    if text("MessageBody").is_some_and(|body| body.len() > 1_024) {
        return Err(Refused::value("the message of a fixed response must have at most 1024 characters"));
    }
    if text("ContentType").is_some_and(|kind| !TYPES.contains(&kind)) {
        return Err(Refused::value(format!(
            "the content type of a fixed response must be one of {}",
            TYPES.join(", ")
        )));
    }
    Ok(())
}
