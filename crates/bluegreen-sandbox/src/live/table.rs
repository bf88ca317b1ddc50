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

#[cfg(test)]
mod tests {
    use bluegreen_core::model::Split;
    use serde_json::json;

    use super::*;
    use crate::api::RunningClock;
    use crate::services::call;
    use crate::shop::{Shop, ShopOptions};
    use crate::wire::Service;
    use crate::world::{Config, Deed, Fleet, Lag};

    /// The shop, with one more rule by the API; what the data plane makes of that rule.
    fn rule_of(conditions: &Value, action: &Value) -> Rule {
        let mut world = World::new(Config { fleet: Fleet::Live, ..Config::fast(0) });
        let shop = Shop::open(&mut world, ShopOptions::default()).unwrap();
        let input = json!({
            "ListenerArn": shop.listener, "Priority": 1, "Conditions": conditions, "Actions": [action]
        });
        call(&mut world, "test", Service::Elbv2, "CreateRule", input).unwrap();
        let table = table(&world, &RunningClock::new(0, 1.0));
        let [listener] = &table.listeners[..] else { panic!("{table:?}") };
        assert_eq!(listener.rules.len(), 3, "the new rule, the shop's and the default one, in this order");
        assert!(listener.rules[2].conditions.is_empty());
        listener.rules[0].clone()
    }

    fn any_path() -> Value {
        json!([{"Field": "path-pattern", "Values": ["/a/*"]}])
    }

    #[test]
    fn every_condition_reaches_the_data_plane() {
        let ok = json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}});
        let rule = rule_of(
            &json!([
                {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
                {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a/*"]}},
                {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Beta", "Values": ["1"]}},
                {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}]}},
                {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}
            ]),
            &ok,
        );
        let expected = [
            Condition::HostHeader(vec!["*.example.com".to_owned()]),
            Condition::PathPattern(vec!["/a/*".to_owned()]),
            Condition::HttpHeader { name: "X-Beta".to_owned(), values: vec!["1".to_owned()] },
            Condition::QueryString(vec![(Some("v".to_owned()), "2".to_owned())]),
            Condition::SourceIp(vec!["10.0.0.0/8".to_owned()]),
        ];
        for condition in &expected {
            assert!(rule.conditions.contains(condition), "{condition:?} in {:?}", rule.conditions);
        }
        assert_eq!(rule.conditions.len(), expected.len());
        let methods = json!([{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}]);
        assert_eq!(rule_of(&methods, &ok).conditions, [Condition::Method(vec!["GET".to_owned()])]);
        assert_eq!(rule_of(&any_path(), &ok).conditions, [Condition::PathPattern(vec!["/a/*".to_owned()])]);
    }

    #[test]
    fn every_answer_reaches_the_data_plane() {
        let fixed = json!({"Type": "fixed-response", "FixedResponseConfig": {
            "StatusCode": "418", "ContentType": "text/html", "MessageBody": "tea"
        }});
        let expected = Action::Fixed { status: 418, content_type: "text/html".to_owned(), body: "tea".to_owned() };
        assert_eq!(rule_of(&any_path(), &fixed).action, expected);

        let moved = json!({"Type": "redirect", "RedirectConfig": {
            "StatusCode": "HTTP_301", "Host": "new.example.com", "Path": "/b/#{path}"
        }});
        let Action::Redirect(redirect) = rule_of(&any_path(), &moved).action else { panic!("no redirect") };
        assert_eq!((redirect.status, redirect.host.as_str()), (301, "new.example.com"));
        assert_eq!((redirect.path.as_str(), redirect.query.as_str()), ("/b/#{path}", "#{query}"));
    }

    #[test]
    fn a_forward_is_what_nodes_do_and_not_yet_what_was_written() {
        let mut world = World::new(Config { fleet: Fleet::Live, propagation: Lag::fixed(5_000), ..Config::fast(0) });
        let shop = Shop::open(&mut world, ShopOptions::default()).unwrap();
        let weights = |world: &World| -> Vec<u16> {
            let table = table(world, &RunningClock::new(0, 1.0));
            let Action::Forward { groups, .. } = &table.listeners[0].rules[0].action else { panic!("no forward") };
            groups.iter().map(|(_, weight)| *weight).collect()
        };
        assert_eq!(weights(&world), [100, 0]);
        let route = RouteId::Rule(shop.rule.parse().unwrap());
        let forward = RouteAction::forward_of(&world.state().route(&route).unwrap().actions).cloned().unwrap();
        let arns = forward.groups.iter().map(|group| group.arn.clone());
        let half = arns.map(|arn| (arn, Weight::try_from(50).unwrap())).collect();
        world.apply(&Deed::EditWeights(route, Split::new(half).unwrap()));
        assert_eq!(weights(&world), [100, 0]);
        world.advance_to(world.now_ms() + 5_000);
        assert_eq!(weights(&world), [50, 50]);
    }
}
