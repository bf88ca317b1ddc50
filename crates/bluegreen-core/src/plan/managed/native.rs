//! What ECS has to be told for a deployment of its own.

use serde_json::{Map, Value, json};

use super::routes::Found;
use super::{Site, marked};
use crate::model::{Action, Shift, duration};
use crate::plan::service::{NativeWiring, list, native_wirings, text};
use crate::plan::{Engine, Finding, Native, PAUSE_AFTER, PAUSE_BEFORE};
use crate::ports::run_mark;

/// The stages at which we let ECS pause: before each move of production traffic, and after the last.
const PAUSES: [&str; 2] = [PAUSE_BEFORE, PAUSE_AFTER];

/// The one pair that ECS can shift between.
pub(super) fn wiring(name: &str, service: &Value, findings: &mut Vec<Finding>) -> Option<NativeWiring> {
    let mut wirings = native_wirings(service);
    let what = match (wirings.pop(), wirings.len()) {
        (Some(only), 0) => return Some(only),
        (None, _) => format!(
            "service {name} has no load balancer with `advancedConfiguration` (an alternate target group and a \
             production listener rule)"
        ),
        (Some(_), more) => format!("service {name} shifts {} pairs of target groups, and one is expected", more + 1),
    };
    findings.push(Finding::refuse("BG3220", what, "give the service one load balancer with `advancedConfiguration`"));
    None
}

pub(super) fn engine(
    site: &Site<'_>,
    shift: Option<&Shift>,
    routes: &Found<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Engine> {
    findings.extend(associated(site, routes));
    findings.extend(spec_pair(site));
    let declared = site.service.get("deploymentConfiguration").cloned().unwrap_or_else(|| json!({}));
    let (kept, left): (Vec<Value>, Vec<Value>) =
        list(&declared, "lifecycleHooks").iter().cloned().partition(|hook| marked(hook).is_none());
    findings.extend(left_over(site, &left));
    findings.extend(by_itself(site, &declared, &kept));
    let declared = match left.is_empty() {
        true => declared,
        false => with(&declared, "lifecycleHooks", Value::Array(kept.clone())),
    };
    let shift = *shift?;
    let configuration = configuration(site, &declared, kept, &shift);
    Some(Engine::Ecs(Box::new(Native { shift, configuration, declared })))
}

fn with(configuration: &Value, key: &str, value: Value) -> Value {
    let mut members = configuration.as_object().cloned().unwrap_or_default();
    members.insert(key.to_owned(), value);
    Value::Object(members)
}

/// The declared configuration with our strategy and our pauses; everything else as the user has it.
fn configuration(site: &Site<'_>, declared: &Value, hooks: Vec<Value>, shift: &Shift) -> Value {
    let members = declared.as_object().cloned().unwrap_or_default();
    let mut members: Map<String, Value> = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
    for key in ["strategy", "canaryConfiguration", "linearConfiguration"] {
        members.remove(key);
    }
    let percent = |tenths: u16| json!(f64::from(tenths) / 10.0);
    let strategy = match shift {
        Shift::AllAtOnce => "BLUE_GREEN",
        Shift::Canary { first, .. } => {
            let canary = json!({"canaryPercent": percent(first.tenths()), "canaryBakeTimeInMinutes": 0});
            members.insert("canaryConfiguration".to_owned(), canary);
            "CANARY"
        }
        Shift::Linear { each, .. } => {
            let linear = json!({"stepPercent": percent(each.tenths()), "stepBakeTimeInMinutes": 0});
            members.insert("linearConfiguration".to_owned(), linear);
            "LINEAR"
        }
    };
    members.insert("strategy".to_owned(), json!(strategy));
    // The holds and the bake are ours: ECS pauses until we let it go on.
    members.insert("bakeTimeInMinutes".to_owned(), json!(0));
    let minutes = site.spec.pause_timeout.as_secs() / 60;
    let pause = |stage: &str| {
        json!({
            "targetType": "PAUSE",
            "lifecycleStages": [stage],
            "hookDetails": {"bluegreen": run_mark(site.run)},
            "timeoutConfiguration": {"timeoutInMinutes": minutes, "action": "ROLLBACK"},
        })
    };
    let hooks = hooks.into_iter().chain(PAUSES.map(pause)).collect();
    members.insert("lifecycleHooks".to_owned(), Value::Array(hooks));
    Value::Object(members)
}

/// ECS rolls back at once where one of the pair is in neither rule.
fn associated(site: &Site<'_>, routes: &Found<'_>) -> Vec<Finding> {
    if routes.production.is_empty() {
        return Vec::new();
    }
    let forwards =
        || routes.production.iter().chain(&routes.test).filter_map(|route| Action::forward_of(&route.actions));
    let missing = site.groups.iter().filter(|(_, group)| forwards().all(|forward| !forward.contains(&group.arn)));
    missing
        .map(|(_, group)| {
            let what = format!(
                "target group {} is neither in the production rule nor in the test rule of service {}: ECS rolls back at once",
                group.arn.name(),
                site.name
            );
            Finding::refuse("BG3221", what, "add it to the production rule with weight 0")
        })
        .collect()
}

/// The spec's pair, where it names one, is the service's in either order.
fn spec_pair(site: &Site<'_>) -> Option<Finding> {
    site.spec.target_groups.as_ref()?;
    let wirings = native_wirings(site.service);
    let wiring = wirings.first()?;
    let theirs = [wiring.target_group.as_str(), wiring.alternate.as_str()];
    let stranger = site.groups.iter().map(|(_, group)| &group.arn).find(|arn| !theirs.contains(&arn.as_str()))?;
    let what = format!("service {} does not shift traffic to target group {}", site.name, stranger.name());
    Some(Finding::refuse("BG3213", what, "name its pair under `traffic.targetGroups`, or leave that out"))
}

/// Pauses of a run of ours that never put the service back.
fn left_over(site: &Site<'_>, hooks: &[Value]) -> Option<Finding> {
    let run = hooks.iter().find_map(marked)?;
    let what = format!("service {} still has the pauses of run {run}; they are taken away", site.name);
    let cure = format!("if that run is still open, end it first: bluegreen resume {run}");
    Some(Finding::warn("BG3222", what, cure))
}

/// Somebody else answers those. Beside ours at the same stage, nobody could tell whose is which: ECS shows the stage of a
/// pause and no more.
fn pauses_of_its_own(site: &Site<'_>, hooks: &[Value]) -> Option<Finding> {
    let pauses: Vec<&Value> = hooks.iter().filter(|hook| text(hook, "targetType") == Some("PAUSE")).collect();
    let at = |stage: &&str| pauses.iter().any(|hook| list(hook, "lifecycleStages").iter().any(|name| name == *stage));
    if let Some(stage) = PAUSES.iter().find(|stage| at(stage)) {
        let what = format!("service {} declares a pause of its own at {stage}, where this program has one", site.name);
        let cure = "remove it: `pause: {}` in the steps waits for a person there";
        return Some(Finding::refuse("BG3225", what, cure));
    }
    pauses.first()?;
    let what = format!("service {} declares pauses of its own: somebody else has to let ECS go on there", site.name);
    Some(Finding::warn("BG3224", what, "remove them: this program pauses before every share"))
}

/// What ECS does of its own accord, beside what we tell it.
fn by_itself(site: &Site<'_>, declared: &Value, hooks: &[Value]) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(pauses_of_its_own(site, hooks));
    let alarms = declared.get("alarms").filter(|alarms| alarms.get("enable").and_then(Value::as_bool) == Some(true));
    let names: Vec<&str> =
        alarms.map(|alarms| list(alarms, "alarmNames")).unwrap_or_default().iter().filter_map(Value::as_str).collect();
    if !names.is_empty() {
        let what = format!(
            "ECS watches {} too, but ignores its alarms for the whole deployment if one is red at the start",
            names.join(", ")
        );
        findings.push(Finding::info("BG3223", what, "alarms of the spec gate the start and every step in any case"));
    }
    let more: Vec<&str> = names.into_iter().filter(|name| site.spec.alarms.iter().all(|ours| ours != name)).collect();
    if !more.is_empty() {
        let what =
            format!("service {} also rolls back at alarms that the spec does not name: {}", site.name, more.join(", "));
        findings.push(Finding::warn("BG3216", what, "name them under `alarms`, so that they gate the start too"));
    }
    let pause = duration::format(site.spec.pause_timeout);
    let what = format!("ECS pauses before every share and rolls back by itself if nobody lets it go on for {pause}");
    findings.push(Finding::info("BG3218", what, "`ecs.pauseTimeout` sets that time"));
    findings
}
