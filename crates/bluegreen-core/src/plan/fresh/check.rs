//! Whether the control fleet that a spec names can take part, and what it costs.

use super::ControlFleet;
use crate::model::{Action, ByColor, Percent, Step, Weight};
use crate::observe::{RouteSnapshot, ServiceSnapshot, TargetGroup, TaskDefinitionSnapshot};
use crate::plan::build::{readable, service_baseline};
use crate::plan::wiring::check_service;
use crate::plan::{EngineKind, Finding, Plan, Survey};
use crate::spec::Spec;

/// Why the engine has no room for it, if the spec names one.
pub(in crate::plan) fn unsupported(kind: EngineKind, spec: &Spec) -> Option<Finding> {
    spec.control.as_ref().filter(|_| !kind.can().control_fleet)?;
    let who = match kind {
        EngineKind::TaskSets => "the engine alb over task sets".to_owned(),
        other => format!("the engine {other}"),
    };
    let what = format!("{who} shares the traffic between two fleets: there is no room for a control fleet");
    let cure =
        "take `control` out of `fleet.services` and `traffic.targetGroups`, or release two services with `engine: alb`";
    Some(Finding::refuse("BG3131", what, cure))
}

/// The control fleet as it is; `None` where the spec names none, or where it cannot be read.
pub(in crate::plan) fn wire(
    spec: &Spec,
    survey: &Survey,
    services: &ByColor<&ServiceSnapshot>,
    groups: &ByColor<&TargetGroup>,
    findings: &mut Vec<Finding>,
) -> Option<ControlFleet> {
    let (named, found) = (spec.control.as_ref()?, survey.control.as_ref()?);
    let what = format!("the control service {} in cluster {}", named.service, spec.environment.cluster);
    let service = readable(&found.service, &what, findings);
    let group = readable(&found.group, &format!("the control target group {}", named.target_group), findings);
    let (service, group) = (service?, group?);
    findings.extend(check_service("control", service, group));
    if let Some(taken) = taken(service, group, services, groups) {
        // What else there is to say belongs to the pair.
        findings.push(taken);
    } else {
        findings.extend(unlike(group, groups));
        findings.extend(routed(survey, group));
    }
    Some(ControlFleet { service: service_baseline(service), group: group.arn.clone() })
}

fn taken(
    service: &ServiceSnapshot,
    group: &TargetGroup,
    services: &ByColor<&ServiceSnapshot>,
    groups: &ByColor<&TargetGroup>,
) -> Option<Finding> {
    let same_service = services.iter().find(|(_, other)| other.arn == service.arn);
    let same_group = groups.iter().find(|(_, other)| other.arn == group.arn);
    let what = match (same_service, same_group) {
        (Some((color, _)), _) => format!("the control service {} is {color}'s", service.name),
        (None, Some((color, _))) => format!("the control target group {} is {color}'s", group.arn.name()),
        (None, None) => return None,
    };
    Some(Finding::refuse("BG3132", what, "name a third service and a third target group"))
}

/// What is compared has to differ in its version alone, and one action forwards to groups of one load balancer.
fn unlike(control: &TargetGroup, groups: &ByColor<&TargetGroup>) -> Vec<Finding> {
    let pair = groups.blue;
    let differs = [
        ("VPC", &control.vpc, &pair.vpc),
        ("protocol", &control.protocol, &pair.protocol),
        ("target type", &control.target_type, &pair.target_type),
    ];
    let name = control.arn.name();
    let cure = "make it like the other two";
    let mut findings: Vec<Finding> = differs
        .into_iter()
        .filter(|(_, own, other)| own != other)
        .map(|(what, own, other)| {
            let text = format!("the control target group {name} has another {what} than the pair: {own}, not {other}");
            Finding::refuse("BG3133", text, cure)
        })
        .collect();
    let at_pairs = |arn| groups.iter().any(|(_, group)| group.load_balancers.contains(arn));
    if let Some(elsewhere) = control.load_balancers.iter().find(|arn| !at_pairs(*arn)) {
        let text = format!("the control target group {name} belongs to another load balancer, {elsewhere}");
        findings.push(Finding::refuse("BG3133", text, "use a target group that no other load balancer uses"));
    }
    findings
}

/// Whatever has a share already is not fresh, and is not ours to take away.
fn routed(survey: &Survey, control: &TargetGroup) -> Option<Finding> {
    let planned = survey.routes.iter().chain(&survey.test_route).filter_map(|reading| reading.ok());
    let all = survey.load_balancers.iter().filter_map(|reading| reading.ok()).flat_map(|found| &found.routes);
    let carries = |route: &&RouteSnapshot| {
        let split = Action::forward_of(&route.actions).and_then(|forward| forward.split().ok());
        split.is_some_and(|split| split.weight(&control.arn) > Weight::ZERO)
    };
    let route = planned.chain(all).find(carries)?;
    let what = format!("{} sends traffic to the control target group {}", route.id, control.arn.name());
    Some(Finding::refuse("BG3134", what, "take the group out of that action, or set its weight to 0"))
}

/// What would make somebody regret the control fleet; what it costs, and whether it will be of any use.
pub(in crate::plan) fn lint(plan: &Plan, survey: &Survey) -> Vec<Finding> {
    let Some(control) = &plan.control else { return Vec::new() };
    let revision = survey.control.as_ref().and_then(|found| found.revision.ok());
    let mut findings: Vec<Finding> = revision.filter(|revision| !revision.active).map(gone).into_iter().collect();
    findings.push(use_of(plan, control));
    findings
}

/// ECS takes no revision that was deregistered, and the way back ends with the one that was there.
fn gone(revision: &TaskDefinitionSnapshot) -> Finding {
    let name = revision.arn.short();
    let what = format!("the control service runs {name}, which is INACTIVE: a rollback could not put it back");
    Finding::refuse("BG3137", what, "give the control service the live revision first, with `aws ecs update-service`")
}

fn use_of(plan: &Plan, control: &ControlFleet) -> Finding {
    let share = |step: &Step| if let Step::SetWeight(share) = step { Some(*share) } else { None };
    let shares: Vec<Percent> = plan.steps.iter().filter_map(share).collect();
    let compared = |share: &Percent| plan.control_share(*share) > Percent::ZERO;
    if !shares.iter().any(compared) {
        let what = "no step gives the canary 50% or less: the control fleet never gets traffic";
        let cure = "begin with a smaller share, or take `control` out of the spec";
        return Finding::warn("BG3136", what, cure);
    }
    let until = shares.iter().rev().find(|share| compared(share)).copied().unwrap_or(Percent::ZERO);
    let last = plan.steps.iter().rposition(|step| share(step) == Some(until)).unwrap_or(0);
    let tasks = crate::decide::canary_count(plan, last, plan.stable_baseline().desired);
    let what = format!(
        "the control fleet runs up to {tasks} more tasks of {} in {}, as many as the canary, until the release is over; \
         it is compared with up to {until}",
        plan.stable_baseline().task_definition.short(),
        control.service.name,
    );
    Finding::info("BG3135", what, "make sure that there is room for them")
}
