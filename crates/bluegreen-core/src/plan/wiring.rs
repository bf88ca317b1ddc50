//! Whether services, target groups, routes and load balancer belong together.

use std::fmt::Display;

use super::{ControlFleet, Finding, Survey};
use crate::model::{Action, ByColor, Color, ForwardGroup};
use crate::observe::{Controller, RouteSnapshot, ServiceSnapshot, TargetGroup};
use crate::spec::Spec;

pub(super) fn check_wiring(
    spec: &Spec,
    survey: &Survey,
    services: &ByColor<&ServiceSnapshot>,
    groups: &ByColor<&TargetGroup>,
    control: Option<&ControlFleet>,
    routes: &[&RouteSnapshot],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for color in Color::ALL {
        findings.extend(check_service(color, services.get(color), groups.get(color)));
    }
    findings.extend(check_routes(spec, survey, groups, control, routes));
    findings
}

/// The part of it that has nothing to do with services.
pub(super) fn check_routes(
    spec: &Spec,
    survey: &Survey,
    groups: &ByColor<&TargetGroup>,
    control: Option<&ControlFleet>,
    routes: &[&RouteSnapshot],
) -> Vec<Finding> {
    let mut findings = check_pair(groups);
    findings.extend(routes.iter().filter_map(|route| check_members(route, groups, control)));
    findings.extend(check_unlisted(spec, survey, groups));
    findings
}

/// `whose` is the fleet's colour or name.
pub(super) fn check_service(whose: impl Display, service: &ServiceSnapshot, group: &TargetGroup) -> Vec<Finding> {
    let name = &service.name;
    let mut findings = Vec::new();
    if service.status != "ACTIVE" {
        let what = format!("service {name} is {}, not ACTIVE", service.status);
        findings.push(Finding::refuse("BG3010", what, "create the service, or name another one"));
    }
    let rolling = "use a service with the ECS controller and the rolling strategy".to_owned();
    let fitting = |engine| format!("write `engine: {engine}` and `fleet: {{ service: {name} }}`, or {rolling}");
    let owner = match &service.controller {
        Controller::Rolling => None,
        Controller::Native(strategy) => Some((format!("ECS itself ({strategy})"), fitting("ecs"))),
        Controller::CodeDeploy => Some(("CodeDeploy".to_owned(), fitting("codedeploy"))),
        Controller::External => {
            let sets = format!("name it under `fleet: {{ taskSets: {{ service: {name} }} }}`, or {rolling}");
            Some(("an external controller".to_owned(), sets))
        }
        Controller::Unknown(kind) => {
            Some((format!("a controller that this version does not know ({kind})"), rolling.clone()))
        }
    };
    if let Some((owner, cure)) = owner {
        let what = format!("service {name} is moved by {owner}: two tools would write to the same rules");
        findings.push(Finding::refuse("BG3011", what, cure));
    }
    if !service.target_groups.contains(&group.arn) {
        let what =
            format!("the {whose} service {name} does not register its tasks in target group {}", group.arn.name());
        findings.push(Finding::refuse(
            "BG3012",
            what,
            "add the group to the service's load balancers, or swap the colours",
        ));
    }
    let busy = service.deployments.len() > 1
        || service.deployments.iter().any(|deployment| deployment.rollout.as_deref() == Some("IN_PROGRESS"));
    if busy {
        let ids: Vec<&str> = service.deployments.iter().map(|deployment| deployment.id.as_str()).collect();
        let what = format!("service {name} has a deployment in progress: {}", ids.join(", "));
        findings.push(Finding::refuse("BG3013", what, "wait for it to end, or stop it"));
    }
    findings
}

pub(super) fn check_pair(groups: &ByColor<&TargetGroup>) -> Vec<Finding> {
    let (blue, green) = (groups.blue, groups.green);
    let mut findings = Vec::new();
    if blue.arn == green.arn {
        let what = format!("blue and green are the same target group, {}", blue.arn.name());
        findings.push(Finding::refuse("BG3014", what, "name two groups"));
    }
    let unequal = [("VPC", &blue.vpc, &green.vpc), ("protocol", &blue.protocol, &green.protocol)];
    for (what, left, right) in unequal.into_iter().filter(|(_, left, right)| left != right) {
        let text = format!("the target groups differ in their {what}: blue {left}, green {right}");
        findings.push(Finding::refuse("BG3015", text, "make the groups alike"));
    }
    if blue.target_type != green.target_type {
        let text =
            format!("the target groups take different targets: blue {}, green {}", blue.target_type, green.target_type);
        findings.push(Finding::warn("BG3016", text, "make sure that both fleets use the matching network mode"));
    }
    findings
}

/// A forward with a third group that is not the control fleet's: shifting between two of three is not what the plan says.
pub(super) fn check_members(
    route: &RouteSnapshot,
    groups: &ByColor<&TargetGroup>,
    control: Option<&ControlFleet>,
) -> Option<Finding> {
    let forward = Action::forward_of(&route.actions)?;
    let stranger = |member: &&ForwardGroup| {
        groups.iter().all(|(_, group)| group.arn != member.arn)
            && control.is_none_or(|control| control.group != member.arn)
    };
    let third = forward.groups.iter().find(stranger)?;
    let what = format!("{} also forwards to target group {}", route.id, third.arn.name());
    Some(Finding::refuse("BG3017", what, "take the third group out of the action"))
}

/// A route that carries one of the groups and is not in the plan would keep its own split.
fn check_unlisted(spec: &Spec, survey: &Survey, groups: &ByColor<&TargetGroup>) -> Vec<Finding> {
    let all = survey.load_balancers.iter().filter_map(|reading| reading.ok()).flat_map(|found| &found.routes);
    let carries = |route: &&RouteSnapshot| {
        Action::forward_of(&route.actions)
            .is_some_and(|forward| groups.iter().any(|(_, group)| forward.contains(&group.arn)))
    };
    let listed = |route: &RouteSnapshot| {
        let test = spec.test.as_ref().and_then(|test| test.route.as_ref());
        spec.routes.contains(&route.id) || test == Some(&route.id)
    };
    let refuse = |route: &RouteSnapshot| {
        let what = format!("{} carries one of the target groups and is not part of the release", route.id);
        Finding::refuse("BG3018", what, "add it to traffic.rules or traffic.defaultActions, or as traffic.test")
    };
    all.filter(carries).filter(|route| !listed(route)).map(refuse).collect()
}
