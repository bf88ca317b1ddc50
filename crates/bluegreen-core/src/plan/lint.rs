//! A second look at a finished plan, on its own: what would make somebody regret running it.

mod analysis;

use std::time::Duration;

use serde_json::Value;

use super::{CodeDeploy, Engine, Finding, Plan, Release, ServiceBaseline, Survey, fresh};
use crate::model::{Action, Color, NoData, RouteId, Step, duration, equivalent};
use crate::observe::{AlarmState, RouteSnapshot, ServiceSnapshot, TargetGroup};
use crate::taskdef::{Container, ImageRef, TaskDefinition};

/// How late an alarm can be after its evaluation window: the metric's own delay and the evaluation.
const ALARM_LAG: Duration = Duration::from_secs(240);

/// Looks for trouble. Refusals keep the release from starting.
pub fn lint(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let checks: [fn(&Plan, &Survey) -> Vec<Finding>; 14] = [
        alarms,
        stable_fleet,
        old_revision,
        alarm_reach,
        bake_time,
        stickiness,
        drain,
        shadowed,
        nothing_new,
        mutable_images,
        fresh::lint,
        analysis::metrics,
        analysis::too_short,
        analysis::longer_than_a_pause,
    ];
    checks.iter().flat_map(|check| check(plan, survey)).collect()
}

/// Whether the world is still as it was when the plan was made; a plan from a file may be old.
pub fn still_true(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let mut findings = Vec::new();
    let cure = "make a new plan";
    let found = survey.routes.iter().chain(&survey.test_route).filter_map(|reading| reading.ok());
    for route in found {
        let planned = plan.all_routes().find(|planned| planned.id == route.id);
        if !planned.is_some_and(|planned| equivalent(&planned.actions, &route.actions)) {
            let what = format!("{} is no longer as it was when the plan was made", route.id);
            findings.push(Finding::refuse("BG3020", what, cure));
        }
    }
    let mut compare = |baseline: &ServiceBaseline, service: Option<&ServiceSnapshot>| {
        let same = |service: &ServiceSnapshot| {
            service.arn == baseline.arn && service.task_definition == baseline.task_definition
        };
        if !service.is_some_and(same) {
            let what = format!("service {} is no longer as it was when the plan was made", baseline.name);
            findings.push(Finding::refuse("BG3020", what, cure));
        }
    };
    for (color, service) in survey.services.iter() {
        compare(plan.baseline.services.get(color), service.ok());
    }
    if let Some(control) = &plan.control {
        compare(&control.service, survey.control.as_ref().and_then(|found| found.service.ok()));
    }
    findings
}

/// Whether AWS would still be told the same; `fresh` is a plan that was made now, for the same run.
pub fn same_engine(plan: &Plan, fresh: &Plan) -> Option<Finding> {
    let told = |plan: &Plan| match &plan.engine {
        // Whether a configuration has to be made is found out again by making it.
        Engine::CodeDeploy(engine) => {
            Engine::CodeDeploy(Box::new(CodeDeploy { create_config: false, ..(**engine).clone() }))
        }
        other => other.clone(),
    };
    (told(plan) != told(fresh)).then(|| {
        let what = match &plan.engine {
            Engine::CodeDeploy(engine) => {
                let group = format!("{} / {}", engine.application, engine.group);
                format!("deployment group {group}, or the service that it moves, is no longer as it was")
            }
            _ => format!("service {} is no longer configured as it was", plan.stable_baseline().name),
        };
        Finding::refuse("BG3020", format!("{what} when the plan was made"), "make a new plan")
    })
}

fn alarms(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    if plan.alarms.is_empty() && plan.is_judged() {
        let what = "no alarm watches the release, and at 100 % there is no control to be judged against";
        return vec![Finding::info("BG3100", what, "name alarms in `alarms`, or a `limit` under `analysis`")];
    }
    if plan.alarms.is_empty() {
        let what = "no alarm watches the release: nothing will take it back by itself";
        return vec![Finding::warn("BG3100", what, "name alarms in `alarms`")];
    }
    let found = match &survey.alarms.value {
        Ok(found) => found,
        Err(error) => {
            let what = format!("the alarms cannot be read: {error}");
            return vec![Finding::refuse("BG3101", what, "give the caller cloudwatch:DescribeAlarms on *")];
        }
    };
    let judge = |planned: &super::PlannedAlarm| match found.iter().find(|alarm| alarm.name == planned.name) {
        None => missing(plan, &planned.name),
        Some(alarm) => match &alarm.state {
            AlarmState::Ok => None,
            AlarmState::Alarm if plan.alarm_policy.allow_red.contains(&alarm.name) => {
                let what =
                    format!("alarm {} is red and was allowed: it counts again once it has been green", alarm.name);
                Some(Finding::warn("BG3102", what, "let it turn green first if you can"))
            }
            AlarmState::Alarm => {
                let what = format!("alarm {} is red: {}", alarm.name, alarm.reason);
                let cure = format!("wait until it is green, or name it with --allow-red {}", alarm.name);
                Some(Finding::refuse("BG3103", what, cure))
            }
            AlarmState::InsufficientData => insufficient(plan, &alarm.name),
            AlarmState::Unknown(state) => {
                let what = format!("alarm {} is in the state {state}, which this version does not know", alarm.name);
                Some(Finding::refuse("BG3105", what, "use another alarm, or a newer version"))
            }
        },
    };
    plan.alarms.iter().filter_map(judge).collect()
}

fn missing(plan: &Plan, name: &str) -> Option<Finding> {
    let what = format!("alarm {name} does not exist in {}", plan.site.region);
    let cure = "check its name and region";
    Some(match plan.alarm_policy.missing {
        NoData::Refuse => Finding::refuse("BG3104", what, cure),
        NoData::Wait(_) | NoData::Allow => Finding::warn("BG3104", what, cure),
    })
}

fn insufficient(plan: &Plan, name: &str) -> Option<Finding> {
    let what = format!("alarm {name} has insufficient data");
    let cure = "give it data, or set alarmPolicy.insufficientData";
    match plan.alarm_policy.insufficient_data {
        NoData::Refuse => Some(Finding::refuse("BG3106", what, cure)),
        NoData::Wait(limit) => {
            let what = format!("{what}: the release waits up to {} for it", duration::format(limit));
            Some(Finding::warn("BG3106", what, cure))
        }
        NoData::Allow => None,
    }
}

/// A rollback goes to stable: it has to be able to take everything.
fn stable_fleet(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let stable = plan.stable();
    let name = &plan.stable_baseline().name;
    let Some(service) = survey.services.get(stable).ok() else { return Vec::new() };
    let mut findings = Vec::new();
    if service.desired == 0 {
        let what = format!("the stable service {name} has all traffic and a desired count of 0");
        findings.push(Finding::refuse("BG3110", what, "scale it out first: a rollback would have nowhere to go"));
    }
    match survey.health.get(stable).ok() {
        Some(health) if health.healthy == 0 => {
            let what = format!("the stable target group {} has no healthy target", plan.stable_group().name());
            findings.push(Finding::refuse("BG3111", what, "repair the live version first"));
        }
        Some(health) if health.healthy < service.desired => {
            let what = format!("{} of {} stable targets are healthy", health.healthy, service.desired);
            findings.push(Finding::warn("BG3112", what, "the release waits until they all are"));
        }
        Some(_) => {}
        None => {
            let what = "the health of the stable target group cannot be read";
            findings.push(Finding::refuse("BG3111", what, "give the caller elasticloadbalancing:DescribeTargetHealth"));
        }
    }
    findings
}

/// Old revisions that were deregistered can run on, but not be started again.
fn old_revision(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    // One service has one revision.
    let looked_at = |color: &Color| plan.managed().is_none() || *color == plan.stable();
    let check = |color: Color| {
        let revision = survey.revisions.get(color);
        let name = plan.baseline.services.get(color).task_definition.short().to_owned();
        match &revision.value {
            Ok(found) if !found.active && color == plan.stable() => {
                let what =
                    format!("the live revision {name} is INACTIVE: lost tasks could not be replaced in a rollback");
                Some(Finding::refuse("BG3120", what, "register it again and deploy that first"))
            }
            Ok(_) => None,
            Err(error) => Some(Finding::warn(
                "BG3121",
                format!("revision {name} cannot be read: {error}"),
                "check that it is ACTIVE",
            )),
        }
    };
    Color::ALL.into_iter().filter(looked_at).filter_map(check).collect()
}

/// After each release the groups change roles: an alarm that watches one of them by name may watch the wrong one.
fn alarm_reach(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let alarms = survey.alarms.ok().map(Vec::as_slice).unwrap_or_default();
    let names = |alarm: &crate::observe::AlarmSnapshot, group: &crate::model::TargetGroupArn| {
        alarm.dimensions.iter().any(|value| value == group.dimension())
    };
    let watches_stable = alarms.iter().any(|alarm| names(alarm, plan.stable_group()));
    let watches_canary = alarms.iter().any(|alarm| names(alarm, plan.canary_group()));
    if watches_stable && !watches_canary {
        let what = format!(
            "an alarm watches target group {}, but none watches the canary's, {}",
            plan.stable_group().name(),
            plan.canary_group().name()
        );
        return vec![Finding::warn("BG3130", what, "give each target group its alarm, or put both under a composite")];
    }
    Vec::new()
}

fn bake_time(plan: &Plan, _: &Survey) -> Vec<Finding> {
    let window = plan.alarms.iter().map(|alarm| Duration::from_secs(alarm.window_seconds)).max().unwrap_or_default();
    let needed = window + ALARM_LAG;
    let bake = plan.steps.iter().find_map(|step| match step {
        Step::Bake(bake) => Some(*bake),
        _ => None,
    });
    match bake {
        Some(bake) if window > Duration::ZERO && bake < needed => {
            let what = format!(
                "the bake of {} is shorter than the slowest alarm needs to turn red ({} window and about {} lag)",
                duration::format(bake),
                duration::format(window),
                duration::format(ALARM_LAG)
            );
            vec![Finding::warn("BG3140", what, format!("set bake to {} or more", duration::format(needed)))]
        }
        _ => Vec::new(),
    }
}

fn stickiness(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let mut findings = Vec::new();
    for route in &plan.baseline.routes {
        let forward = Action::forward_of(&route.actions);
        let sticky = forward.and_then(crate::model::Forward::sticky_seconds);
        if let Some(seconds) = sticky {
            let window = Duration::from_secs(seconds.into());
            let what = format!("{} pins clients to a group for {}", route.id, duration::format(window));
            if plan.engine.kind().can().evicts_sticky {
                findings.push(Finding::info(
                    "BG3150",
                    what,
                    "a rollback takes the canary group out of the action to move them",
                ));
            } else {
                let what = format!("{what}: a rollback by AWS does not move those that are pinned to the canary");
                findings.push(Finding::warn("BG3252", what, "shorten the stickiness, or release with `engine: alb`"));
            }
            if plan.managed().is_none() && window > plan.rollback.sticky_hold {
                let what = format!(
                    "after a rollback, clients silent for longer than {} may return to the canary group",
                    duration::format(plan.rollback.sticky_hold)
                );
                findings.push(Finding::warn("BG3151", what, "raise rollback.stickyHold, or shorten the stickiness"));
            }
        }
        let target_sticky = groups(survey).any(|group| group.target_sticky);
        let group_sticky = forward.and_then(|f| f.stickiness.as_ref()).is_some_and(|stickiness| stickiness.enabled);
        if target_sticky && !group_sticky {
            let what = format!(
                "a target group has stickiness of its own, but {} has none: AWS refuses such a split",
                route.id
            );
            findings.push(Finding::refuse(
                "BG3152",
                what,
                "turn group stickiness on for the route, or off for the groups",
            ));
        }
    }
    findings
}

/// The groups that could be read, the control fleet's included.
fn groups(survey: &Survey) -> impl Iterator<Item = &TargetGroup> {
    let pair = survey.groups.iter().filter_map(|(_, group)| group.ok());
    pair.chain(survey.control.iter().filter_map(|control| control.group.ok()))
}

fn drain(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let slowest = groups(survey).map(|group| group.drain_seconds).max();
    let slowest = Duration::from_secs(slowest.unwrap_or(0));
    // Where AWS ends the old tasks, it drains them by the group's own delay.
    if slowest <= plan.timing.drain || plan.managed().is_some() {
        return Vec::new();
    }
    let what = format!(
        "connections may live for {} after a group lost its traffic, but the plan drains for {}",
        duration::format(slowest),
        duration::format(plan.timing.drain)
    );
    vec![Finding::warn("BG3160", what, format!("set timing.drain to {}", duration::format(slowest)))]
}

/// A rule of higher priority on the same listener that takes all that ours would get.
fn shadowed(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let all: Vec<&RouteSnapshot> =
        survey.load_balancers.iter().filter_map(|reading| reading.ok()).flat_map(|found| &found.routes).collect();
    let ours = plan.baseline.routes.iter().filter(|route| matches!(route.id, RouteId::Rule(_)));
    let mut findings = Vec::new();
    for route in ours {
        let mine = priority(route);
        let above = |other: &&&RouteSnapshot| {
            other.id != route.id && other.id.listener() == route.id.listener() && priority(other) < mine
        };
        for other in all.iter().filter(above).filter(|other| covers(&other.conditions, &route.conditions)) {
            let what = format!(
                "{} (priority {}) takes all requests of {} (priority {})",
                other.id, other.priority, route.id, route.priority
            );
            findings.push(Finding::warn(
                "BG3170",
                what,
                "put the route of the release first, or narrow the other rule",
            ));
        }
    }
    findings
}

fn priority(route: &RouteSnapshot) -> u32 {
    route.priority.parse().unwrap_or(u32::MAX)
}

/// Whether every request that meets `narrow` certainly meets `wide`: each of wide's conditions stands in narrow too,
/// with values that wide lists or a lone `*`.
fn covers(wide: &Value, narrow: &Value) -> bool {
    let list = |conditions: &Value| conditions.as_array().cloned().unwrap_or_default();
    let narrow = list(narrow);
    list(wide).iter().all(|condition| {
        let anything = values(condition).iter().any(|value| value == "*" || value == "/*");
        anything
            || narrow.iter().any(|other| {
                field(other) == field(condition) && {
                    let allowed = values(condition);
                    let asked = values(other);
                    !asked.is_empty() && asked.iter().all(|value| allowed.contains(value))
                }
            })
    })
}

fn field(condition: &Value) -> Option<&str> {
    condition.get("Field").and_then(Value::as_str)
}

/// Every text below a condition but its field name: good enough to compare two conditions of one kind.
fn values(condition: &Value) -> Vec<String> {
    fn collect(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(text) => into.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            Value::Object(members) => {
                members.iter().filter(|(key, _)| *key != "Field").for_each(|(_, item)| collect(item, into));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(condition, &mut found);
    found
}

fn nothing_new(plan: &Plan, _: &Survey) -> Vec<Finding> {
    match &plan.release {
        Release::Existing(arn) if *arn == plan.stable_baseline().task_definition => {
            let what = format!("{} is what the stable service runs already", arn.short());
            vec![Finding::warn("BG3180", what, "name another revision")]
        }
        _ => Vec::new(),
    }
}

/// A tag can be pushed again while the release runs: tasks started later would then run something else.
fn mutable_images(plan: &Plan, _: &Survey) -> Vec<Finding> {
    let Release::Register { family, document } = &plan.release else { return Vec::new() };
    let Ok(definition) = TaskDefinition::from_live(family, document) else { return Vec::new() };
    let warn = |container: &Container<'_>| {
        let image: ImageRef = container.image.parse().ok()?;
        let what = format!("container {} runs {}, and a tag can be moved", container.name, image.as_str());
        image.is_mutable_tag().then(|| Finding::info("BG3190", what, "name the image by its digest: NAME@sha256:..."))
    };
    definition.containers().iter().filter_map(warn).collect()
}
