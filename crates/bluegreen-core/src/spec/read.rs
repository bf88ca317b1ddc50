//! From a tree to a [`Spec`]. What the table already refuses is passed over in silence here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::shape::no_data;
use super::{
    CodeDeploy, Control, DEFAULT_BAKE, DEFAULT_HOOK_TIMEOUT, DEFAULT_PAUSE_TIMEOUT, Engine, Environment, Fleet,
    Release, Spec, TestRoute, analysis, rules, steps,
};
use crate::appspec::Event;
use crate::diagnostic::{Diagnostic, codes};
use crate::document::Node;
use crate::model::{
    AfterCommit, AlarmPolicy, ByColor, Capacity, DriftPolicy, Hook, NoData, OnInterrupt, Percent, RollbackPolicy,
    RouteId, Timing, duration,
};

/// The spec, if every required part could be read, and what is wrong with it beyond single values.
///
/// `meant` names keys that were misspelt: nothing is said about them as missing.
pub(super) fn read(root: &Node, environment: Option<&str>, meant: &[&str]) -> (Option<Spec>, Vec<Diagnostic>) {
    let mut findings = rules::check(root, environment, meant);
    let bake = time(root.get("bake"), DEFAULT_BAKE);
    // CodeDeploy has no gates between its shares: equal ones keep their holds, and a bad canary is sent back all the same.
    let judged = root.get("analysis").is_some() && engine(root) != Engine::CodeDeploy;
    let steps = |node: &Node| steps::steps(node, bake, judged);
    let (steps, step_findings) = root.get("strategy").map(steps).unwrap_or_default();
    findings.extend(step_findings);
    let spec = (|| {
        Some(Spec {
            service: string(root.get("service"))?,
            environment: read_environment(root, environment?)?,
            release: release(root.get("taskDefinition")?)?,
            engine: engine(root),
            fleet: Fleet {
                services: at(root, &["fleet", "services"]).and_then(pair),
                service: string(at(root, &["fleet", "service"])),
                task_sets: string(at(root, &["fleet", "taskSets", "service"])),
            },
            target_groups: at(root, &["traffic", "targetGroups"]).and_then(pair),
            control: control(root),
            routes: root.get("traffic").map(routes).unwrap_or_default(),
            test: at(root, &["traffic", "test"]).map(test_route),
            steps,
            capacity: match word(root.get("capacity")) {
                Some("matchWeight") => Capacity::MatchWeight,
                _ => Capacity::Full,
            },
            after: after(root.get("after")),
            alarms: strings(root.get("alarms")),
            alarm_policy: alarm_policy(root.get("alarmPolicy")),
            drift: match word(root.get("drift")) {
                Some("rollback") => DriftPolicy::Rollback,
                _ => DriftPolicy::Hold,
            },
            rollback: rollback(root.get("rollback")),
            pre_traffic: items(at(root, &["hooks", "preTraffic"])).iter().map(hook).collect(),
            timing: timing(root.get("timing")),
            code_deploy: code_deploy(root.get("codedeploy")),
            pause_timeout: time(at(root, &["ecs", "pauseTimeout"]), DEFAULT_PAUSE_TIMEOUT),
            analysis: match root.get("analysis") {
                Some(node) => Some(analysis::read(node)?),
                None => None,
            },
        })
    })();
    if root.get("bake").is_some() && bake.is_zero() {
        let place = root.get("bake").map_or(root.place, |node| node.place);
        let message = "`bake` is zero: the old fleet may go as soon as all traffic has moved";
        let help = "give the alarms time to see the new version alone, such as `bake: 10m`";
        findings.push(Diagnostic::warning(codes::NO_BAKE, message).at(place).help(help));
    }
    (spec, findings)
}

/// The node at the end of a path of keys.
pub(super) fn at<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, key| node.get(key))
}

/// The items of a list, or none.
pub(super) fn items(node: Option<&Node>) -> &[Node] {
    node.and_then(Node::items).unwrap_or_default()
}

/// A scalar's text.
pub(super) fn word(node: Option<&Node>) -> Option<&str> {
    node.and_then(Node::text)
}

/// A share of traffic.
pub(super) fn share(node: Option<&Node>) -> Option<Percent> {
    parsed(node)
}

/// A length of time, or `default` where none can be read.
pub(super) fn time(node: Option<&Node>, default: Duration) -> Duration {
    word(node).and_then(|text| duration::parse(text).ok()).unwrap_or(default)
}

/// A scalar as a type of the domain.
pub(super) fn parsed<T: FromStr>(node: Option<&Node>) -> Option<T> {
    word(node)?.parse().ok()
}

pub(super) fn string(node: Option<&Node>) -> Option<String> {
    word(node).map(str::to_owned)
}

pub(super) fn strings(node: Option<&Node>) -> Vec<String> {
    items(node).iter().filter_map(|item| string(Some(item))).collect()
}

fn pair(node: &Node) -> Option<ByColor<String>> {
    Some(ByColor { blue: string(node.get("blue"))?, green: string(node.get("green"))? })
}

fn control(root: &Node) -> Option<Control> {
    let service = string(at(root, &["fleet", "services", "control"]))?;
    Some(Control { service, target_group: string(at(root, &["traffic", "targetGroups", "control"]))? })
}

pub(super) fn read_environment(root: &Node, name: &str) -> Option<Environment> {
    let node = at(root, &["environments", name])?;
    Some(Environment {
        name: name.to_owned(),
        region: string(node.get("region")),
        account: string(node.get("account")),
        cluster: string(node.get("cluster"))?,
    })
}

fn release(node: &Node) -> Option<Release> {
    let entries = node.get("images").and_then(Node::entries).unwrap_or_default();
    let image = |(key, value): &(Node, Node)| Some((string(Some(key))?, string(Some(value))?));
    let images: BTreeMap<String, String> = entries.iter().filter_map(image).collect();
    match (node.get("file"), node.get("arn")) {
        (Some(file), _) => Some(Release::Register { file: PathBuf::from(file.text()?), images }),
        (None, Some(arn)) => Some(Release::Existing(parsed(Some(arn))?)),
        (None, None) => Some(Release::Live { images }),
    }
}

fn routes(traffic: &Node) -> Vec<RouteId> {
    let rules = items(traffic.get("rules")).iter().filter_map(|item| parsed(Some(item)).map(RouteId::Rule));
    let defaults = items(traffic.get("defaultActions")).iter();
    rules.chain(defaults.filter_map(|item| parsed(Some(item)).map(RouteId::DefaultAction))).collect()
}

/// The route of a `test` block.
pub(super) fn test_route_id(test: &Node) -> Option<RouteId> {
    let rule = || parsed(test.get("listenerRule")).map(RouteId::Rule);
    rule().or_else(|| parsed(test.get("defaultAction")).map(RouteId::DefaultAction))
}

fn test_route(test: &Node) -> TestRoute {
    TestRoute { route: test_route_id(test), url: string(test.get("url")) }
}

/// The engine that the spec asks for. A word that the table refuses counts as the default.
pub(super) fn engine(root: &Node) -> Engine {
    match word(root.get("engine")) {
        Some("codedeploy") => Engine::CodeDeploy,
        Some("ecs") => Engine::Ecs,
        Some("auto") => Engine::Auto,
        _ => Engine::Alb,
    }
}

fn code_deploy(node: Option<&Node>) -> CodeDeploy {
    let get = |key| string(node.and_then(|node| node.get(key)));
    let hooks = node.and_then(|node| node.get("hooks"));
    let hook = |event: &Event| {
        let function = string(hooks?.get(event.name()))?;
        Some(crate::appspec::Hook { event: *event, function })
    };
    CodeDeploy {
        application: get("application"),
        group: get("deploymentGroup"),
        config: get("config"),
        appspec: get("appspec").map(PathBuf::from),
        hooks: Event::ECS.iter().filter_map(hook).collect(),
    }
}

fn after(node: Option<&Node>) -> AfterCommit {
    match node.and_then(|node| parsed(node.get("scaleTo"))) {
        Some(tasks) => AfterCommit::ScaleTo(tasks),
        None => AfterCommit::KeepWarm,
    }
}

fn alarm_policy(node: Option<&Node>) -> AlarmPolicy {
    let get = |key| node.and_then(|node| node.get(key));
    let answer = |key, default: NoData| match word(get(key)).and_then(no_data) {
        Some(("allow", _)) => NoData::Allow,
        Some(("refuse", _)) => NoData::Refuse,
        Some((_, Some(time))) => NoData::Wait(time),
        _ => default,
    };
    let default = AlarmPolicy::default();
    AlarmPolicy {
        allow_red: strings(get("allowRed")),
        insufficient_data: answer("insufficientData", default.insufficient_data),
        missing: answer("missing", default.missing),
        unreadable: answer("unreadable", default.unreadable),
    }
}

fn rollback(node: Option<&Node>) -> RollbackPolicy {
    let get = |key| node.and_then(|node| node.get(key));
    let default = RollbackPolicy::default();
    RollbackPolicy {
        on_interrupt: match word(get("onInterrupt")) {
            Some("rollback") => OnInterrupt::Rollback,
            _ => OnInterrupt::Hold,
        },
        deadline: time(get("deadline"), default.deadline),
        sticky_hold: time(get("stickyHold"), default.sticky_hold),
    }
}

fn hook(node: &Node) -> Hook {
    let argv = if node.items().is_some() { Some(node) } else { node.get("argv") };
    Hook { argv: strings(argv), timeout: time(node.get("timeout"), DEFAULT_HOOK_TIMEOUT) }
}

/// The `timing` block with its defaults.
pub(super) fn timing(node: Option<&Node>) -> Timing {
    let default = Timing::default();
    let get = |key, default| time(node.and_then(|node| node.get(key)), default);
    Timing {
        poll: get("poll", default.poll),
        settle: get("settle", default.settle),
        propagation: get("propagation", default.propagation),
        drain: get("drain", default.drain),
        phase_deadline: get("phaseDeadline", default.phase_deadline),
        freshness: get("freshness", default.freshness),
        stable_for: get("stableFor", default.stable_for),
    }
}
