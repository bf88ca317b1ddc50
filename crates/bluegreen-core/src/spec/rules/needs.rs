//! What each engine needs of a spec: which parts may be left out depends on who moves the traffic.

use std::time::Duration;

use crate::diagnostic::{Diagnostic, Place, codes};
use crate::document::Node;
use crate::model::duration;
use crate::spec::Engine;
use crate::spec::read::{at, engine, time, word};
use crate::spec::shape::{Object, list};
use crate::spec::suggest;
use crate::spec::table::TRAFFIC;

/// ECS takes 1 to 20,160 minutes.
const PAUSE_LEAST: Duration = Duration::from_secs(60);
const PAUSE_MOST: Duration = Duration::from_secs(20_160 * 60);

pub(super) fn check(root: &Node, meant: &[&str]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let one = at(root, &["fleet", "service"]).is_some();
    let our_weights = match engine(root) {
        Engine::Alb => true,
        // Without a service that AWS could move, only our own weights are left.
        Engine::Auto => !one,
        Engine::CodeDeploy | Engine::Ecs => false,
    };
    if our_weights {
        findings.extend(two_services(root, meant));
        findings.extend(either_fleet(root));
        findings.extend(traffic(root, meant));
    } else if engine(root) != Engine::Auto {
        findings.extend(one_service(root, meant));
    }
    findings.extend(pause(at(root, &["ecs", "pauseTimeout"])));
    findings
}

/// Whether something was written in the place of `key`, if not quite that.
fn tried(meant: &[&str], key: &str) -> bool {
    meant.contains(&key)
}

fn two_services(root: &Node, meant: &[&str]) -> Option<Diagnostic> {
    let fleet = root.get("fleet")?;
    fleet.entries().filter(|entries| !entries.is_empty())?;
    let ours = ["services", "taskSets"].iter().any(|key| fleet.get(key).is_some());
    let (key, _) = fleet.entry("service").filter(|_| !ours && !tried(meant, "services"))?;
    let message = "the engine `alb` moves traffic between two services, and `fleet` names one";
    let help = "name two under `services: { blue: NAME, green: NAME }`, or one with an external controller under \
                `taskSets: { service: NAME }`, or let AWS move the traffic of this one with \
                `engine: codedeploy`, `engine: ecs` or `engine: auto`";
    Some(Diagnostic::error(codes::ENGINE_FLEET, message).at(key.place).help(help))
}

/// Our own weights go between two services or between the task sets of one.
fn either_fleet(root: &Node) -> Option<Diagnostic> {
    let fleet = root.get("fleet")?;
    let (key, _) = fleet.entry("taskSets").filter(|_| fleet.get("services").is_some())?;
    let message = "`fleet` names two services and the task sets of a third for the engine `alb`";
    Some(Diagnostic::error(codes::ENGINE_FLEET, message).at(key.place).help("remove `services` or `taskSets`"))
}

fn one_service(root: &Node, meant: &[&str]) -> Option<Diagnostic> {
    let fleet = root.get("fleet")?;
    let named = || ["services", "taskSets"].iter().find_map(|key| fleet.entry(key));
    let (key, _) = named().filter(|_| fleet.get("service").is_none() && !tried(meant, "service"))?;
    let engine = word(root.get("engine")).unwrap_or_default();
    let message = format!("the engine `{engine}` moves the traffic of one service, which `fleet` does not name");
    let help = "add `service: NAME` to `fleet`: what is there may stay, since the engine takes its own";
    Some(Diagnostic::error(codes::ENGINE_FLEET, message).at(key.place).help(help))
}

/// The pair and its routes, which nobody but the user knows where the weights are ours.
fn traffic(root: &Node, meant: &[&str]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let missing = |place: Place, what: &str, key: &str, object: &Object| {
        let help = match object.fields.iter().find(|field| field.key == key) {
            Some(field) => suggest::missing(field),
            None => object.cure.to_owned(),
        };
        Diagnostic::error(codes::MISSING_KEY, format!("{what} has no `{key}`")).at(place).help(help)
    };
    let Some(traffic) = root.get("traffic") else {
        if root.entries().is_some() && !meant.contains(&"traffic") {
            let finding = Diagnostic::error(codes::MISSING_KEY, "the spec has no `traffic`");
            findings.push(finding.at(start_of(root)).help(TRAFFIC.cure));
        }
        return findings;
    };
    if traffic.entries().is_none() {
        return findings;
    }
    if traffic.get("targetGroups").is_none() && !meant.contains(&"targetGroups") {
        findings.push(missing(start_of(traffic), "`traffic`", "targetGroups", &TRAFFIC));
    }
    let routes = ["rules", "defaultActions"];
    if routes.iter().all(|key| traffic.get(key).is_none() && !meant.contains(key)) {
        let names = list(routes.iter().map(|key| format!("`{key}`")), "or");
        let finding = Diagnostic::error(codes::KEY_CHOICE, format!("`traffic` needs at least one of {names}"));
        findings.push(finding.at(start_of(traffic)).help(TRAFFIC.cure));
    }
    if let Some(test) = traffic.get("test").filter(|test| test.entries().is_some()) {
        let routes = ["listenerRule", "defaultAction"];
        if routes.iter().all(|key| test.get(key).is_none() && !meant.contains(key)) {
            let names = list(routes.iter().map(|key| format!("`{key}`")), "or");
            let finding = Diagnostic::error(codes::KEY_CHOICE, format!("`test` needs one of {names}"));
            findings.push(finding.at(start_of(test)).help("write `test: { listenerRule: ARN, url: \"http://…\" }`"));
        }
    }
    findings
}

fn pause(node: Option<&Node>) -> Option<Diagnostic> {
    let node = node?;
    let asked = time(Some(node), PAUSE_LEAST);
    let whole = asked.as_secs().is_multiple_of(60) && asked.subsec_nanos() == 0;
    if asked.is_zero() || whole && (PAUSE_LEAST..=PAUSE_MOST).contains(&asked) {
        return None;
    }
    let message = "`pauseTimeout` must be whole minutes from 1m to 14d";
    let minutes = asked.clamp(PAUSE_LEAST, PAUSE_MOST).as_secs().div_ceil(60);
    let help = format!("write `pauseTimeout: {}`", duration::format(Duration::from_secs(minutes * 60)));
    Some(Diagnostic::error(codes::BAD_DURATION, message).at(node.place).help(help))
}

/// Where to point for something that is missing from a mapping: its first key.
fn start_of(node: &Node) -> Place {
    node.entries().and_then(|entries| entries.first()).map_or(node.place, |(key, _)| key.place)
}
