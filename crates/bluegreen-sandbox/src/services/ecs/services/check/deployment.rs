//! How deployments go: percentages, strategies, hooks, alarms and the circuit breaker.

use bluegreen_core::observe::Controller;
use serde_json::{Map as Json, Value, json};

use super::super::super::invalid;
use crate::wire::{ApiError, Input};
use crate::world::{Breaker, BreakerThreshold, RolloutPolicy, ServiceRecord, Stage};

const STRATEGIES: [&str; 4] = ["ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"];
/// The longest that a deployment bakes, in minutes.
const BAKE_MAX: i64 = 1_440;
/// The longest that a hook may take, in minutes.
const HOOK_MAX: i64 = 20_160;

/// How deployments go from now on: what `before` says, where the request says nothing.
pub(in crate::services::ecs) fn policy(
    input: &Input,
    controller: &Controller,
    before: RolloutPolicy,
    balanced: bool,
) -> Result<RolloutPolicy, ApiError> {
    let mut policy = before;
    if let Some(seconds) = input.int_within("healthCheckGracePeriodSeconds", 0, i64::from(i32::MAX))? {
        if !balanced {
            return Err(invalid(
                "Health check grace period is only valid for services configured to use load balancers",
            ));
        }
        policy.grace = u64::try_from(seconds).unwrap_or(0) * 1_000;
    }
    let Some(deployment) = input.map("deploymentConfiguration")? else { return Ok(policy) };
    strategy(&deployment)?;
    let percent = |name, default: u32, most| -> Result<u32, ApiError> {
        let found = deployment.int_within(name, 0, most)?;
        Ok(found.and_then(|found| u32::try_from(found).ok()).unwrap_or(default))
    };
    policy.minimum_percent = percent("minimumHealthyPercent", before.minimum_percent, 100)?;
    policy.maximum_percent = percent("maximumPercent", before.maximum_percent, 10_000)?;
    if policy.maximum_percent < 100 {
        return Err(invalid(format!("maximumPercent must be at least 100, not {}", policy.maximum_percent)));
    }
    if policy.minimum_percent == 100 && policy.maximum_percent == 100 {
        return Err(invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments",
        ));
    }
    if let Some(given) = deployment.map("deploymentCircuitBreaker")? {
        policy.breaker = breaker(&given)?;
        if policy.breaker.is_some() && *controller != Controller::Rolling {
            return Err(invalid("Deployment circuit breaker feature is only supported with ECS deployment controller"));
        }
    }
    if let Some(alarms) = deployment.map("alarms")? {
        alarms.required_strings("alarmNames")?;
        if alarms.bool("enable")? == Some(true) && *controller != Controller::Rolling {
            return Err(invalid("Deployment alarms are only supported with ECS deployment controller"));
        }
    }
    Ok(policy)
}

/// Members of the deployment configuration by themselves; whether they fit together is seen once they are [filled].
///
/// [filled]: fill_deployment
fn strategy(deployment: &Input) -> Result<(), ApiError> {
    if let Some(found) = deployment.text("strategy")?.filter(|found| !STRATEGIES.contains(found)) {
        let known = STRATEGIES.join(", ");
        return Err(invalid(format!("deploymentConfiguration.strategy must be one of {known}, not {found}")));
    }
    if let Some(canary) = deployment.map("canaryConfiguration")? {
        share(&canary, "canaryPercent", 0.1)?;
        canary.int_within("canaryBakeTimeInMinutes", 0, BAKE_MAX)?;
    }
    if let Some(linear) = deployment.map("linearConfiguration")? {
        share(&linear, "stepPercent", 3.0)?;
        linear.int_within("stepBakeTimeInMinutes", 0, BAKE_MAX)?;
    }
    deployment.int_within("bakeTimeInMinutes", 0, BAKE_MAX)?;
    deployment.list("lifecycleHooks")?.unwrap_or_default().iter().try_for_each(hook)
}

fn share(input: &Input, name: &str, least: f64) -> Result<(), ApiError> {
    let Some(found) = input.float(name)? else { return Ok(()) };
    if !(least..=100.0).contains(&found) {
        return Err(invalid(format!("{}: {found} is not between {least} and 100", input.at(name))));
    }
    // Floats have few tenths exactly.
    if (found * 10.0 - (found * 10.0).round()).abs() > 1e-6 {
        return Err(invalid(format!("{}: {found} is no multiple of 0.1", input.at(name))));
    }
    Ok(())
}

fn hook(hook: &Input) -> Result<(), ApiError> {
    let pause = match hook.text("targetType")? {
        None | Some("AWS_LAMBDA") => false,
        Some("PAUSE") => true,
        Some(other) => return Err(hook.invalid("targetType", &format!("must be AWS_LAMBDA or PAUSE, not {other}"))),
    };
    if pause && hook.has("hookTargetArn") {
        return Err(hook.invalid("hookTargetArn", "a PAUSE hook has no target"));
    }
    if !pause {
        let target = hook.required_text("hookTargetArn")?;
        if target.split(':').nth(2) != Some("lambda") {
            return Err(hook.invalid("hookTargetArn", &format!("{target} is not the ARN of a Lambda function")));
        }
        hook.required_text("roleArn")?;
    }
    let stages = hook.required_strings("lifecycleStages")?;
    if stages.is_empty() {
        return Err(hook.invalid("lifecycleStages", "it is empty"));
    }
    for stage in stages {
        let takes = |stage: &Stage| if pause { stage.takes_pauses() } else { stage.takes_hooks() };
        if !Stage::named(&stage).as_ref().is_some_and(takes) {
            let known: Vec<&str> = Stage::ALL.iter().filter(|stage| takes(stage)).map(|stage| stage.as_str()).collect();
            let kind = if pause { "PAUSE" } else { "AWS_LAMBDA" };
            let text = format!("a {kind} hook can be at {}, not at {stage}", known.join(", "));
            return Err(hook.invalid("lifecycleStages", &text));
        }
    }
    let Some(timeout) = hook.map("timeoutConfiguration")? else { return Ok(()) };
    timeout.int_within("timeoutInMinutes", 1, HOOK_MAX)?;
    match timeout.text("action")? {
        None | Some("ROLLBACK" | "CONTINUE") => Ok(()),
        Some(other) => Err(timeout.invalid("action", &format!("must be ROLLBACK or CONTINUE, not {other}"))),
    }
}

/// Whether strategy, controller and load balancers fit together, as they will be kept.
pub(in crate::services::ecs) fn fits(
    controller: &Controller,
    filled: &Value,
    balancers: Option<&Value>,
) -> Result<(), ApiError> {
    let name = filled.get("strategy").and_then(Value::as_str).unwrap_or("ROLLING");
    for (member, of) in [("canaryConfiguration", "CANARY"), ("linearConfiguration", "LINEAR")] {
        if filled.get(member).is_some() && name != of {
            return Err(invalid(format!("{member} is only valid with the deployment strategy {of}, not {name}.")));
        }
    }
    let entries = balancers.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let pairs = entries.iter().filter(|entry| entry.get("advancedConfiguration").is_some()).count();
    if *controller != Controller::Rolling && (pairs > 0 || name != "ROLLING") {
        return Err(invalid(format!(
            "The deployment strategy {name} and advancedConfiguration are only supported with the ECS deployment \
             controller."
        )));
    }
    if name == "ROLLING" {
        return Ok(());
    }
    if filled.get("bakeTimeInMinutes").is_none() && name == "BLUE_GREEN" {
        return Err(invalid("bakeTimeInMinutes is required for the deployment strategy BLUE_GREEN."));
    }
    if entries.is_empty() && name != "BLUE_GREEN" {
        return Err(invalid(format!(
            "The deployment strategy {name} needs a load balancer or Service Connect; the sandbox has no Service \
             Connect."
        )));
    }
    if pairs < entries.len() {
        return Err(invalid(
            "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment \
             strategy.",
        ));
    }
    Ok(())
}

/// While a deployment goes by stages, its service cannot turn to rolling ones.
pub(in crate::services::ecs) fn strategy_change(service: &ServiceRecord, filled: &Value) -> Result<(), ApiError> {
    let under_way = service.staged().is_some_and(|release| !release.status.has_ended());
    let rolling = filled.get("strategy").and_then(Value::as_str).is_none_or(|name| name == "ROLLING");
    if under_way && rolling {
        return Err(invalid(
            "The deployment strategy cannot be changed to ROLLING while a service deployment is in progress.",
        ));
    }
    Ok(())
}

fn breaker(given: &Input) -> Result<Option<Breaker>, ApiError> {
    let enable = given.bool("enable")?.ok_or_else(|| given.missing("enable"))?;
    let rollback = given.bool("rollback")?.ok_or_else(|| given.missing("rollback"))?;
    let mut threshold = BreakerThreshold::Bounded(50.0);
    if let Some(found) = given.map("thresholdConfiguration")? {
        let value = found.float("value")?.unwrap_or(50.0);
        if value <= 0.0 {
            return Err(found.invalid("value", &format!("{value} is not above 0")));
        }
        threshold = match found.text("type")?.unwrap_or("BOUNDED_PERCENT") {
            "COUNT" => {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and saturating")]
                let count = value as u32;
                BreakerThreshold::Count(count)
            }
            "BOUNDED_PERCENT" => BreakerThreshold::Bounded(value),
            "UNBOUNDED_PERCENT" => BreakerThreshold::Unbounded(value),
            other => {
                let text = format!("must be COUNT, BOUNDED_PERCENT or UNBOUNDED_PERCENT, not {other}");
                return Err(found.invalid("type", &text));
            }
        };
    }
    Ok(enable.then_some(Breaker { rollback, threshold }))
}

/// Puts AWS's defaults, or what held `before`, into the deployment configuration that is kept. What is not said stays;
/// what belongs to another strategy goes with it.
pub(in crate::services::ecs) fn fill_deployment(settings: &mut Json<String, Value>, before: Option<&Value>) {
    let given = settings.remove("deploymentConfiguration");
    if given.is_none() && before.is_some() {
        return;
    }
    let mut filled = before.and_then(Value::as_object).cloned().unwrap_or_else(defaults);
    if let Some(Value::Object(given)) = given {
        let other = |name: &str| given.get("strategy").is_some_and(|new| new != name);
        for (name, member) in [("CANARY", "canaryConfiguration"), ("LINEAR", "linearConfiguration")] {
            if other(name) {
                filled.remove(member);
            }
        }
        // Only rolling deployments have a default for it.
        let staged = |map: &Json<String, Value>| map.get("strategy").is_some_and(|name| name != "ROLLING");
        if staged(&given) && !staged(&filled) {
            filled.remove("bakeTimeInMinutes");
        }
        filled.extend(given);
    }
    let strategy = filled.get("strategy").and_then(Value::as_str).unwrap_or("ROLLING").to_owned();
    if strategy == "LINEAR" || strategy == "CANARY" {
        filled.entry("bakeTimeInMinutes").or_insert_with(|| json!(0));
    }
    fill_steps(&strategy, &mut filled);
    if strategy != "ROLLING" {
        filled.entry("lifecycleHooks").or_insert_with(|| json!([]));
    } else if filled.get("lifecycleHooks") == Some(&json!([])) {
        filled.remove("lifecycleHooks");
    }
    settings.insert("deploymentConfiguration".to_owned(), Value::Object(filled));
}

fn fill_steps(strategy: &str, filled: &mut Json<String, Value>) {
    let (member, defaults) = match strategy {
        "CANARY" => ("canaryConfiguration", json!({"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10})),
        "LINEAR" => ("linearConfiguration", json!({"stepPercent": 10.0, "stepBakeTimeInMinutes": 6})),
        _ => return,
    };
    let kept = filled.entry(member).or_insert_with(|| json!({}));
    if let (Value::Object(kept), Value::Object(defaults)) = (kept, defaults) {
        for (name, value) in defaults {
            kept.entry(name).or_insert(value);
        }
    }
}

fn defaults() -> Json<String, Value> {
    let defaults = json!({
        "deploymentCircuitBreaker": {"enable": false, "rollback": false},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    });
    defaults.as_object().cloned().unwrap_or_default()
}
