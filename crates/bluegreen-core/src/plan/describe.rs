//! A plan in words, at 80 columns: what a person reads before saying yes.

mod analysis;
mod managed;

use super::{Clock, ControlFleet, Finding, Plan, Release};
use crate::decide::{canary_count, step_actions};
use crate::model::{Action, ActionKind, AfterCommit, Percent, RouteId, Step, duration};

/// The whole plan as text, ending with a newline.
pub fn describe(plan: &Plan) -> String {
    let sections = match plan.managed() {
        None => vec![header(plan), routes(plan), steps(plan), gates(plan), way_back(plan)],
        Some(engine) => {
            let calls = managed::calls(plan, engine);
            let (gates, way_back) = (managed::gates(plan, engine), managed::way_back(plan, engine));
            vec![header(plan), routes(plan), steps(plan), calls, gates, way_back]
        }
    };
    sections.join("\n")
}

/// Findings as text, worst first, each with its cure.
pub fn describe_findings(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let line = |finding: &Finding| {
        let head = format!("{}[{}]: {}", finding.severity, finding.code, finding.what);
        format!("{}{}", wrapped(&head, 0), wrapped(&format!("help: {}", finding.cure), 2))
    };
    sorted.into_iter().map(line).collect()
}

/// Lines of at most 80 columns, each ending with a newline; what follows the first is indented by two more.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let (mut lines, mut line) = (String::new(), " ".repeat(indent));
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > 80 {
            lines += &line;
            lines.push('\n');
            line = " ".repeat(indent + 2);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    lines + &line + "\n"
}

fn header(plan: &Plan) -> String {
    let site = &plan.site;
    let release = match &plan.release {
        Release::Register { family, .. } => format!("a new revision of {family}"),
        Release::Existing(arn) => arn.short().to_owned(),
    };
    format!(
        "Plan {hash} for run {run}\n\
         \x20 service      {service} ({environment}: {cluster}, {region}, account {account})\n\
         \x20 release      {release}\n\
         {engine}\
         \x20 stable       {stable} ({stable_service}, {old}, {count} tasks)\n\
         \x20 canary       {canary} ({canary_service})\n\
         {control}",
        control = plan.control.as_ref().map(control).unwrap_or_default(),
        engine = plan.managed().map(|engine| managed::header(plan, engine)).unwrap_or_default(),
        hash = &plan.hash()[..12],
        run = plan.run,
        service = site.service,
        environment = site.environment,
        cluster = site.cluster,
        region = site.region,
        account = site.account,
        stable = plan.stable(),
        stable_service = plan.stable_baseline().name,
        old = plan.stable_baseline().task_definition.short(),
        count = plan.stable_baseline().desired,
        canary = plan.canary(),
        canary_service = match (plan.managed(), plan.task_sets()) {
            (Some(_), _) => "new tasks of the same service",
            (None, Some(_)) => "a new task set of the same service",
            (None, None) => &plan.canary_baseline().name,
        },
    )
}

fn control(control: &ControlFleet) -> String {
    let ControlFleet { service, group } = control;
    let head = format!("control      {} in {}:", service.name, group.name());
    let rest = "new tasks of the old version, as many as the canary has, with as much traffic up to 50% each";
    wrapped(&format!("{head} {rest}"), 2)
}

fn routes(plan: &Plan) -> String {
    let mut text = match plan.managed() {
        Some(engine) => format!("Routes, written by {}\n", managed::who(engine)),
        None => "Routes\n".to_owned(),
    };
    for route in &plan.baseline.routes {
        let after = step_actions(plan, &route.actions, Percent::FULL);
        text += &format!("  {}\n", short_route(&route.id, &route.priority));
        text += &format!("    - {}\n", short_actions(&route.actions));
        text += &format!("    + {}\n", short_actions(&after));
    }
    if let Some(test) = &plan.baseline.test_route {
        text += &format!("  {} (smoke test)\n", short_route(&test.id, &test.priority));
        text += &format!("    - {}\n", short_actions(&test.actions));
        text += &format!("    + {}\n", short_actions(&step_actions(plan, &test.actions, Percent::FULL)));
    }
    text
}

fn short_route(id: &RouteId, priority: &str) -> String {
    let tail = id.arn().rsplit('/').next().unwrap_or_default();
    match id {
        RouteId::Rule(_) => format!("rule {tail}, priority {priority}"),
        RouteId::DefaultAction(_) => format!("default action of listener {tail}"),
    }
}

/// The actions of a route in one line: `authenticate-oidc, blue 90 · green 10, sticky 60s`.
pub fn short_actions(actions: &[Action]) -> String {
    let one = |action: &Action| match &action.kind {
        ActionKind::Other { name, .. } => name.clone(),
        ActionKind::Forward(forward) => {
            let member = |group: &crate::model::ForwardGroup| match group.weight {
                Some(weight) => format!("{} {}", group.arn.name(), weight.get()),
                None => group.arn.name().to_owned(),
            };
            let groups: Vec<String> = forward.groups.iter().map(member).collect();
            let sticky = match forward.sticky_seconds() {
                Some(seconds) => {
                    format!(", sticky {}", duration::format(std::time::Duration::from_secs(seconds.into())))
                }
                None => String::new(),
            };
            format!("{}{sticky}", groups.join(" · "))
        }
    };
    actions.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn steps(plan: &Plan) -> String {
    let clock = Clock::of(plan);
    let mut text = "Steps, counted from the first weight\n".to_owned();
    for (index, entry) in clock.entries.iter().enumerate() {
        let tasks = canary_count(plan, index, plan.stable_baseline().desired);
        let what = match &entry.step {
            Step::SetWeight(share) if plan.control_share(*share) > Percent::ZERO => {
                format!("{share} of traffic on {} ({tasks} tasks), {share} on control", plan.canary())
            }
            Step::SetWeight(share) => format!("{share} of traffic on {} ({tasks} tasks)", plan.canary()),
            Step::SetCanaryScale(share) => {
                format!("{} scaled to {share} of {} ({tasks} tasks)", plan.canary(), plan.stable())
            }
            Step::Hold(hold) => format!("hold {}", duration::format(*hold)),
            Step::Analysis(hold) => format!("analyse for {}", duration::format(*hold)),
            Step::AwaitPromote => "wait for `bluegreen promote`".to_owned(),
            Step::Bake(hold) => format!("bake {}", duration::format(*hold)),
        };
        text += &format!("  {:>2}  +{:<8} {what}\n", index + 1, duration::format(entry.at));
    }
    let person = if clock.waits_for_person { ", and as long as people take" } else { "" };
    let after = match (plan.managed(), &plan.after) {
        (Some(engine), _) => format!("{} ends {}'s tasks", managed::who(engine), plan.stable()),
        (None, AfterCommit::KeepWarm) => format!("{} keeps its tasks", plan.stable()),
        (None, AfterCommit::ScaleTo(count)) => format!("{} is scaled to {count} once it has drained", plan.stable()),
    };
    text += &format!("      +{:<8} commit{person}; {after}\n", duration::format(clock.total));
    text
}

fn gates(plan: &Plan) -> String {
    format!("Gates before every forward move\n{}", watched(plan))
}

/// The alarms, and the commands before the first weight.
fn watched(plan: &Plan) -> String {
    let names: Vec<&str> = plan.alarms.iter().map(|alarm| alarm.name.as_str()).collect();
    let alarms = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let hooks = match plan.pre_traffic.len() {
        0 => String::new(),
        count => format!("  before the first weight: {count} hook(s)\n"),
    };
    let judged = plan.analysis.as_deref().map(analysis::judged).unwrap_or_default();
    format!("  alarms       {alarms}\n{judged}{hooks}")
}

fn way_back(plan: &Plan) -> String {
    let clock = Clock::of(plan);
    let worst = duration::format(clock.worst_rollback);
    format!(
        "Way back\n  worst case from a red alarm to no traffic on the canary: {worst}\n\
         \x20 ({} poll, 15s for each slow call, {} propagation)\n",
        duration::format(plan.timing.poll),
        duration::format(plan.timing.propagation),
    )
}

#[cfg(test)]
mod tests;
