//! The `UpdateService` request, and whether it took effect.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Facts, list, text};
use crate::model::{Shift, TargetGroupArn};
use crate::observe::DeploymentGroup;

/// The longest time that ECS keeps the old tasks, in minutes.
const MOST_MINUTES: u64 = 1440;

/// All that the request is made of.
pub(super) struct Wiring<'a> {
    pub(super) serves: &'a TargetGroupArn,
    pub(super) alternate: &'a TargetGroupArn,
    pub(super) container: (&'a str, u64),
    /// A rule's ARN.
    pub(super) production: String,
    pub(super) test: Option<String>,
    pub(super) role: String,
    pub(super) shift: Shift,
    pub(super) bake: Option<Duration>,
}

/// The request, and what had to be cut on the way.
pub(super) fn settings(facts: &Facts, group: &DeploymentGroup, wiring: &Wiring<'_>) -> (Value, Option<String>) {
    let wanted = wiring.bake.map_or(u64::from(group.termination_wait_minutes), minutes);
    let bake = wanted.min(MOST_MINUTES);
    let cut = (bake < wanted).then(|| format!("the old tasks are kept for {bake} minutes, not for {wanted}"));
    let mut configuration = json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": bake });
    match wiring.shift {
        Shift::AllAtOnce => {}
        Shift::Canary { first, wait } => {
            configuration["strategy"] = json!("CANARY");
            configuration["canaryConfiguration"] =
                json!({ "canaryPercent": percent(first.tenths()), "canaryBakeTimeInMinutes": minutes(wait) });
        }
        Shift::Linear { each, wait } => {
            configuration["strategy"] = json!("LINEAR");
            configuration["linearConfiguration"] =
                json!({ "stepPercent": percent(each.tenths()), "stepBakeTimeInMinutes": minutes(wait) });
        }
    }
    let alarms = group.alarms.as_deref().unwrap_or_default();
    if !alarms.is_empty() {
        configuration["alarms"] = json!({ "alarmNames": alarms, "enable": true, "rollback": true });
    }
    // What the service says already about task counts stays.
    let before = facts.service.get("deploymentConfiguration");
    for key in ["maximumPercent", "minimumHealthyPercent"] {
        if let Some(kept) = before.and_then(|before| before.get(key)).filter(|kept| !kept.is_null()) {
            configuration[key] = kept.clone();
        }
    }
    let mut advanced = json!({
        "alternateTargetGroupArn": wiring.alternate.as_str(),
        "productionListenerRule": wiring.production,
        "roleArn": wiring.role,
    });
    if let Some(test) = &wiring.test {
        advanced["testListenerRule"] = json!(test);
    }
    let (container, port) = wiring.container;
    let settings = json!({
        "deploymentController": { "type": "ECS" },
        "deploymentConfiguration": configuration,
        "loadBalancers": [{
            "targetGroupArn": wiring.serves.as_str(),
            "containerName": container,
            "containerPort": port,
            "advancedConfiguration": advanced,
        }],
    });
    (settings, cut)
}

fn minutes(time: Duration) -> u64 {
    // Less than a minute is no wait to AWS: the next whole one is waited for.
    time.as_secs().div_ceil(60)
}

fn percent(tenths: u16) -> f64 {
    f64::from(tenths) / 10.0
}

/// What a service shows otherwise than `settings` ask for, one sentence each: empty where the change took effect.
pub fn differences(settings: &Value, service: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let controller = service.get("deploymentController").map_or("ECS", |controller| text(controller, "type"));
    if controller != "ECS" {
        found.push(format!("deploymentController is {controller}, not ECS"));
    }
    let empty = json!({});
    let shown = service.get("deploymentConfiguration").unwrap_or(&empty);
    compare("deploymentConfiguration", &settings["deploymentConfiguration"], shown, &mut found);
    match list(service, "loadBalancers") {
        [one] => compare("loadBalancers[0]", &settings["loadBalancers"][0], one, &mut found),
        several => found.push(format!("loadBalancers has {} entries, not one", several.len())),
    }
    found
}

/// Everything that was asked for has to be there; more may be.
fn compare(path: &str, asked: &Value, shown: &Value, found: &mut Vec<String>) {
    match (asked, shown) {
        (Value::Object(members), _) => {
            for (key, asked) in members {
                compare(&format!("{path}.{key}"), asked, shown.get(key).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
        _ if asked == shown => {}
        _ => found.push(format!("{path} is {shown}, not {asked}")),
    }
}
