//! From the world's state to the proxy's table: what the data plane does now, which may be behind what routes say.

use std::time::Duration;

use bluegreen_core::model::{Action as RouteAction, ActionKind, ListenerArn, RouteId, TargetGroupArn, Weight};
use serde_json::{Map, Value};

use crate::api::RunningClock;
use crate::proxy::{
    Action, Algorithm, Condition, Group, Listener, Redirect, Rule, Scheme, Table, Target, TargetState, Version,
};
use crate::world::{self, GroupRecord, ListenerRecord, RouteRecord, TargetView, World};

/// Everything that is routed at this moment.
pub(super) fn table(world: &World, clock: &RunningClock) -> Table {
    let state = world.state();
    let listeners = state.listeners.iter().map(|(arn, record)| listener(world, arn, record)).collect();
    let groups = state.groups.iter().map(|(arn, record)| group(world, clock, arn, record)).collect();
    Table { listeners, groups }
}

fn listener(world: &World, arn: &ListenerArn, record: &ListenerRecord) -> Listener {
    let mine = |(id, _): &(&RouteId, &RouteRecord)| id.listener() == *arn;
    let mut routes: Vec<(&RouteId, &RouteRecord)> = world.state().routes.iter().filter(mine).collect();
    routes.sort_by_key(|(_, route)| route.priority.parse().unwrap_or(u32::MAX));
    let balancer = world.state().balancers.get(&record.balancer);
    let idle = balancer.and_then(|found| found.attributes.get("idle_timeout.timeout_seconds")?.parse().ok());
    Listener {
        id: arn.to_string(),
        balancer: record.balancer.to_string(),
        port: record.port,
        scheme: if record.protocol == "HTTPS" { Scheme::Https } else { Scheme::Http },
        idle_timeout: Duration::from_secs(idle.unwrap_or(60)),
        rules: routes.into_iter().map(|(id, route)| rule(world, id, route)).collect(),
    }
}

fn rule(world: &World, id: &RouteId, route: &RouteRecord) -> Rule {
    let conditions = route.conditions.as_array().into_iter().flatten().filter_map(condition).collect();
    Rule { id: id.arn().to_owned(), conditions, action: action(route.routed_at(world.now_ms())) }
}

/// The action that answers. Authentication is not played: whoever comes counts as known.
fn action(actions: &[RouteAction]) -> Action {
    if let Some(forward) = RouteAction::forward_of(actions) {
        let weight = |weight: Option<Weight>| weight.map_or(1, Weight::get);
        return Action::Forward {
            groups: forward.groups.iter().map(|group| (group.arn.to_string(), weight(group.weight))).collect(),
            sticky: forward.sticky_seconds().map(|seconds| Duration::from_secs(seconds.into())),
        };
    }
    let answering = actions.iter().find_map(|action| match &action.kind {
        ActionKind::Other { name, config } if name == "redirect" => Some(redirect(config)),
        ActionKind::Other { name, config } if name == "fixed-response" => Some(fixed(config)),
        _ => None,
    });
    // A route without any of them cannot be made; one that was would answer like a load balancer without targets.
    answering.unwrap_or(Action::Fixed { status: 503, content_type: "text/plain".to_owned(), body: String::new() })
}

fn redirect(config: &Map<String, Value>) -> Action {
    let config = config.get("RedirectConfig").and_then(Value::as_object).unwrap_or(config);
    let part = |name: &str, default: String| config.get(name).and_then(Value::as_str).map_or(default, str::to_owned);
    let plain = Redirect::default();
    let permanent = config.get("StatusCode").and_then(Value::as_str) == Some("HTTP_301");
    Action::Redirect(Redirect {
        protocol: part("Protocol", plain.protocol),
        host: part("Host", plain.host),
        port: part("Port", plain.port),
        path: part("Path", plain.path),
        query: part("Query", plain.query),
        status: if permanent { 301 } else { 302 },
    })
}

fn fixed(config: &Map<String, Value>) -> Action {
    let config = config.get("FixedResponseConfig").and_then(Value::as_object).unwrap_or(config);
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    Action::Fixed {
        status: text("StatusCode").and_then(|code| code.parse().ok()).unwrap_or(503),
        content_type: text("ContentType").unwrap_or("text/plain").to_owned(),
        body: text("MessageBody").unwrap_or_default().to_owned(),
    }
}

/// A condition in either of AWS's forms: `Values` beside the field, or a configuration of its own.
fn condition(given: &Value) -> Option<Condition> {
    let values =
        |config: &str| strings(given.get(config).and_then(|config| config.get("Values")).or(given.get("Values")));
    match given.get("Field")?.as_str()? {
        "host-header" => Some(Condition::HostHeader(values("HostHeaderConfig"))),
        "path-pattern" => Some(Condition::PathPattern(values("PathPatternConfig"))),
        "http-request-method" => Some(Condition::Method(values("HttpRequestMethodConfig"))),
        "source-ip" => Some(Condition::SourceIp(values("SourceIpConfig"))),
        "http-header" => {
            let name = given.get("HttpHeaderConfig")?.get("HttpHeaderName")?.as_str()?.to_owned();
            Some(Condition::HttpHeader { name, values: values("HttpHeaderConfig") })
        }
        "query-string" => {
            let pairs = given.get("QueryStringConfig")?.get("Values")?.as_array()?;
            let text = |pair: &Value, name| pair.get(name).and_then(Value::as_str).map(str::to_owned);
            let pair = |pair| (text(pair, "Key"), text(pair, "Value").unwrap_or_default());
            Some(Condition::QueryString(pairs.iter().map(pair).collect()))
        }
        _ => None,
    }
}

fn strings(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn group(world: &World, clock: &RunningClock, arn: &TargetGroupArn, record: &GroupRecord) -> Group {
    Group {
        id: arn.to_string(),
        targets: world.targets(arn).iter().filter_map(|view| target(clock, view)).collect(),
        slow_start: clock.real(record.slow_start()),
        algorithm: match record.algorithm() {
            "least_outstanding_requests" => Algorithm::LeastOutstandingRequests,
            "weighted_random" => Algorithm::WeightedRandom,
            _ => Algorithm::RoundRobin,
        },
        sticky: record.sticky_seconds().map(Duration::from_secs),
        version: if record.version == "HTTP1" { Version::Http1 } else { Version::Http2 },
    }
}

/// A target that no route leads to gets nothing, and neither does one whose process is not there yet.
fn target(clock: &RunningClock, view: &TargetView) -> Option<Target> {
    let state = match view.state {
        world::TargetState::Initial => TargetState::Initial,
        world::TargetState::Healthy => TargetState::Healthy,
        world::TargetState::Unhealthy => TargetState::Unhealthy,
        world::TargetState::Draining => TargetState::Draining,
        world::TargetState::Unused => return None,
    };
    let id = format!("{}:{}", view.id, view.port);
    Some(Target { id, address: view.address, state, since: clock.instant(view.since) })
}
