//! What a service's settings say about its deployments.

use std::sync::Arc;

use bluegreen_core::model::{RouteId, RuleArn, TargetGroupArn};
use serde_json::Value;

use crate::world::{HookSpec, Ms, Registration, Stage, StagedPlan, State, Switch};

/// How long a hook may take where nothing is said.
const HOOK_MINUTES: u64 = 1_440;

/// `deploymentConfiguration`, or nothing.
pub(crate) fn configuration(settings: &Value) -> &Value {
    settings.get("deploymentConfiguration").unwrap_or(&Value::Null)
}

/// The strategy, where it goes by stages; `None` for `ROLLING`.
pub(crate) fn strategy(settings: &Value) -> Option<&str> {
    configuration(settings).get("strategy").and_then(Value::as_str).filter(|name| *name != "ROLLING")
}

/// How a deployment by the settings' strategy goes, from the groups that the old tasks are in; `None` for `ROLLING`.
/// A minute has `minute` milliseconds. The first deployment of a service has nobody to take traffic from: it neither pauses nor bakes.
pub(super) fn read(
    state: &State,
    settings: &Value,
    current: &[TargetGroupArn],
    first: bool,
    minute: Ms,
) -> Option<StagedPlan> {
    let configuration = configuration(settings);
    let (shares, step_bake) = match strategy(settings)? {
        "CANARY" => {
            let canary = configuration.get("canaryConfiguration").unwrap_or(&Value::Null);
            (canary_shares(thousandths(canary, "canaryPercent", 50)), minutes(canary, "canaryBakeTimeInMinutes", 10))
        }
        "LINEAR" => {
            let linear = configuration.get("linearConfiguration").unwrap_or(&Value::Null);
            (linear_shares(thousandths(linear, "stepPercent", 100)), minutes(linear, "stepBakeTimeInMinutes", 6))
        }
        _ => (vec![1_000], 0),
    };
    let switches = pairs(state, settings).map(|(pair, production, test)| {
        let to = idle(&pair, current).clone();
        Switch { pair, production, test, to }
    });
    let mut plan = StagedPlan {
        shares,
        step_bake: step_bake * minute,
        bake: minutes(configuration, "bakeTimeInMinutes", 0) * minute,
        hooks: members(configuration, "lifecycleHooks").map(|spec| hook(spec, minute)).collect(),
        switches: switches.collect(),
    };
    if first {
        plan = StagedPlan { shares: vec![1_000], step_bake: 0, bake: 0, hooks: Vec::new(), ..plan };
    }
    Some(plan)
}

/// Where the tasks of the next deployment register: `declared`, but for pairs of groups, where it is the one that the
/// old tasks are in, or with `switch` the other one.
pub(super) fn registrations(
    state: &State,
    settings: &Value,
    declared: &[Registration],
    current: &[TargetGroupArn],
    switch: bool,
) -> Arc<[Registration]> {
    let pairs: Vec<_> = pairs(state, settings).collect();
    let resolve = |entry: &Registration| {
        let pair = pairs.iter().map(|(pair, ..)| pair).find(|pair| pair.contains(&entry.group));
        let group = match pair {
            None => &entry.group,
            Some(pair) if switch => idle(pair, current),
            Some(pair) => pair.iter().find(|group| current.contains(group)).unwrap_or(&entry.group),
        };
        Registration { group: group.clone(), ..entry.clone() }
    };
    declared.iter().map(resolve).collect()
}

/// Where tasks register as the settings' `loadBalancers` say it; `None` where they say nothing.
pub(in crate::world::fleet) fn declared(settings: &Value) -> Option<Vec<Registration>> {
    settings.get("loadBalancers")?;
    let entries = members(settings, "loadBalancers").filter_map(|entry| {
        let group = entry.get("targetGroupArn")?.as_str()?.parse().ok()?;
        let container = entry.get("containerName").and_then(Value::as_str).map(str::to_owned);
        let port = entry.get("containerPort").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        Some(Registration { group, container, port: port.filter(|port| *port > 0) })
    });
    Some(entries.collect())
}

/// The alarms that are to watch over deployments, with whether they take one back; empty where that is off.
pub(super) fn alarms(configuration: &Value) -> (Vec<&str>, bool) {
    let alarms = configuration.get("alarms").unwrap_or(&Value::Null);
    let is = |name: &str| alarms.get(name).and_then(Value::as_bool) == Some(true);
    let names = members(alarms, "alarmNames").filter_map(Value::as_str).filter(|_| is("enable"));
    (names.collect(), is("rollback"))
}

/// Pairs of groups with their production and test rules.
pub(super) fn pairs<'a>(
    state: &'a State,
    settings: &'a Value,
) -> impl Iterator<Item = ([TargetGroupArn; 2], RouteId, Option<RouteId>)> + 'a {
    members(settings, "loadBalancers").filter_map(move |entry| {
        let advanced = entry.get("advancedConfiguration")?;
        let group = |value: Option<&Value>| value?.as_str()?.parse::<TargetGroupArn>().ok();
        let route = |name: &str| {
            let arn: RuleArn = advanced.get(name)?.as_str()?.parse().ok()?;
            Some(state.route_of(&arn).unwrap_or(RouteId::Rule(arn)))
        };
        let pair = [group(entry.get("targetGroupArn"))?, group(advanced.get("alternateTargetGroupArn"))?];
        Some((pair, route("productionListenerRule")?, route("testListenerRule")))
    })
}

/// The group of a pair that no old task is in; the first one where that holds for both.
fn idle<'a>(pair: &'a [TargetGroupArn; 2], current: &[TargetGroupArn]) -> &'a TargetGroupArn {
    if current.contains(&pair[0]) { &pair[1] } else { &pair[0] }
}

fn canary_shares(first: u16) -> Vec<u16> {
    if first >= 1_000 { vec![1_000] } else { vec![first, 1_000] }
}

fn linear_shares(step: u16) -> Vec<u16> {
    let count = 1_000_u16.div_ceil(step.max(1));
    (1..=count).map(|number| number.saturating_mul(step.max(1)).min(1_000)).collect()
}

fn hook(hook: &Value, minute: Ms) -> HookSpec {
    let text = |name: &str| hook.get(name).and_then(Value::as_str);
    let timeout = hook.get("timeoutConfiguration").unwrap_or(&Value::Null);
    let pause = text("targetType") == Some("PAUSE");
    HookSpec {
        function: text("hookTargetArn").filter(|_| !pause).or(Some("").filter(|_| !pause)).map(str::to_owned),
        stages: members(hook, "lifecycleStages").filter_map(Value::as_str).filter_map(Stage::named).collect(),
        timeout: minutes(timeout, "timeoutInMinutes", HOOK_MINUTES) * minute,
        goes_on: timeout.get("action").and_then(Value::as_str) == Some("CONTINUE"),
    }
}

fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn minutes(value: &Value, name: &str, default: u64) -> u64 {
    value.get(name).and_then(Value::as_f64).map_or(default, whole)
}

/// A percentage in thousandths of the whole.
fn thousandths(value: &Value, name: &str, default: u16) -> u16 {
    let found = value.get(name).and_then(Value::as_f64).map(|percent| whole(percent * 10.0));
    found.and_then(|tenths| u16::try_from(tenths).ok()).unwrap_or(default).clamp(1, 1_000)
}

fn whole(number: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and saturating")]
    let whole = number.round().max(0.0) as u64;
    whole
}
