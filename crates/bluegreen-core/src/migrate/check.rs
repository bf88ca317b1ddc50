//! Whether a service can be moved, and what moving it means.

use serde_json::Value;

use super::settings::{Wiring, settings};
use super::{Attach, Facts, Finding, Migration, Planned, Severity, Wishes, list, short, text};
use crate::model::{Action, ActionKind, Arn, Forward, ForwardGroup, RouteId, Shift, TargetGroupArn, Weight};
use crate::observe::{DeploymentGroup, RouteSnapshot, TargetGroup};

/// Collects what is found.
struct Findings(Vec<Finding>);

impl Findings {
    fn refuse(&mut self, what: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Finding { severity: Severity::Refuse, what: what.into(), cure: cure.into() });
    }

    fn warn(&mut self, what: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Finding { severity: Severity::Warn, what: what.into(), cure: cure.into() });
    }
}

/// Looks at everything, and says what would be done.
pub fn plan(facts: &Facts, wishes: &Wishes) -> Planned {
    let mut findings = Findings(Vec::new());
    let migration = migration(facts, wishes, &mut findings);
    let Findings(mut findings) = findings;
    findings.sort_by_key(|finding| finding.severity);
    let refused = findings.iter().any(|finding| finding.severity == Severity::Refuse);
    Planned { migration: migration.filter(|_| !refused), findings }
}

fn migration(facts: &Facts, wishes: &Wishes, findings: &mut Findings) -> Option<Migration> {
    let service = &facts.service;
    let name = text(service, "serviceName");
    if !controller(facts, findings) {
        return None;
    }
    at_rest(facts, findings);
    let group = group(facts, name, findings);
    let role = role(wishes, findings);
    let group = group?;
    let (serves, alternate) = pair(facts, findings)?;
    let production = production(facts, group, findings)?;
    one_side(production, serves, alternate, findings);
    let test = facts.routes.iter().find(|route| {
        group.test_listeners.iter().any(|arn| arn == route.id.listener().as_str()) && carries(route, facts)
    });
    let on_test = test.is_some_and(|route| forwards(route, alternate));
    let attach = (!forwards(production, alternate) && !on_test).then(|| attach(production, alternate));
    healthy(facts, serves, findings);
    let container = container(facts, findings)?;
    let shift = wishes.shift.or(facts.config.as_ref().and_then(|config| config.shift)).unwrap_or(Shift::AllAtOnce);
    if wishes.shift.is_none() && facts.config.is_none() {
        findings.warn(
            "the deployment group names no traffic configuration: later deployments move all traffic at once",
            "choose a shape with --strategy",
        );
    }
    let wiring = Wiring {
        serves,
        alternate,
        container,
        production: rule(facts, &production.id, findings)?,
        test: test.and_then(|route| rule(facts, &route.id, findings)),
        role: role?,
        shift,
        bake: wishes.bake,
    };
    expressible(&shift, findings);
    let (settings, cut) = settings(facts, group, &wiring);
    if let Some(cut) = cut {
        findings.warn(cut, "ECS keeps the old tasks for a day at the most");
    }
    afterwards(group, findings);
    Some(Migration {
        cluster: short(text(service, "clusterArn")).to_owned(),
        service: name.to_owned(),
        group: (group.application.clone(), group.name.clone()),
        serves: serves.clone(),
        alternate: alternate.clone(),
        production: production.id.clone(),
        attach,
        settings,
        lost: lost(group),
        remove: remove(group),
    })
}

fn controller(facts: &Facts, findings: &mut Findings) -> bool {
    let service = &facts.service;
    let name = text(service, "serviceName");
    let kind = service.get("deploymentController").map_or("", |controller| text(controller, "type"));
    if kind == "CODE_DEPLOY" {
        return true;
    }
    match kind {
        "" | "ECS" => {
            let what = format!("service {name} is moved by ECS already: its deployment controller is ECS");
            findings.refuse(what, "write `engine: ecs` in its spec");
        }
        other => {
            let what = format!("the deployment controller of service {name} is {other}, not CODE_DEPLOY");
            findings.refuse(what, "only services of CodeDeploy are moved");
        }
    }
    false
}

/// Nothing may be under way: what is half done belongs to CodeDeploy.
fn at_rest(facts: &Facts, findings: &mut Findings) {
    let service = &facts.service;
    let status = text(service, "status");
    if status != "ACTIVE" {
        findings.refuse(format!("the service is {status}, not ACTIVE"), "name a service that runs");
    }
    for other in &facts.under_way {
        let by = if other.creator.is_empty() { String::new() } else { format!(", made by {},", other.creator) };
        let what = format!("deployment {}{by} has not ended", other.id);
        findings.refuse(what, "wait for it to end, or stop it; its waits count too");
    }
    let sets = list(service, "taskSets");
    let left: Vec<&Value> = sets.iter().filter(|set| text(set, "status") != "DRAINING").collect();
    if left.len() < sets.len() {
        findings.refuse("a task set of the last deployment is still draining", "wait until it is gone");
    }
    match left.as_slice() {
        [set] if text(set, "stabilityStatus") == "STABILIZING" => {
            findings.refuse("the task set that serves is not steady", "wait until its tasks run and are healthy");
        }
        [_] => {}
        [] => findings.refuse("the service has no task set: nothing serves", "deploy it once with CodeDeploy"),
        several => {
            let what = format!("the service has {} task sets: a deployment is half done", several.len());
            findings.refuse(what, "let CodeDeploy end or roll back its deployment");
        }
    }
}

fn group<'a>(facts: &'a Facts, name: &str, findings: &mut Findings) -> Option<&'a DeploymentGroup> {
    let group = match facts.groups.as_slice() {
        [group] => group,
        [] => {
            let what = format!("no deployment group moves service {name}");
            findings.refuse(what, "without one its target groups and listeners are not known; check the region");
            return None;
        }
        groups => {
            let names: Vec<String> =
                groups.iter().map(|group| format!("{} of {}", group.name, group.application)).collect();
            let what = format!("several deployment groups move service {name}: {}", names.join(", "));
            findings.refuse(what, "delete those that are not used");
            return None;
        }
    };
    if group.target_groups.len() != 2 || group.production_listeners.len() != 1 {
        let what = format!(
            "deployment group {} has {} target groups and {} production listeners: a pair and one listener were expected",
            group.name,
            group.target_groups.len(),
            group.production_listeners.len()
        );
        findings.refuse(what, "correct the deployment group");
        return None;
    }
    if group.production_listeners.iter().any(|listener| listener.contains(":listener/net/")) {
        findings.refuse(
            "production traffic comes through a network load balancer",
            "this command moves services of application load balancers alone",
        );
        return None;
    }
    Some(group)
}

fn role(wishes: &Wishes, findings: &mut Findings) -> Option<String> {
    let Some(role) = &wishes.role else {
        findings.refuse(
            "ECS needs a role to move traffic as, and CodeDeploy's does not do",
            "make one that ecs.amazonaws.com may assume, with the policy \
             AmazonECSInfrastructureRolePolicyForLoadBalancers, and name it with --role-arn",
        );
        return None;
    };
    let fits = role.parse::<Arn>().is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
    if !fits {
        findings.refuse(format!("`{role}` is not the ARN of a role"), "write arn:aws:iam::ACCOUNT:role/NAME");
    }
    fits.then(|| role.clone())
}

/// The task set that serves.
fn primary(facts: &Facts) -> Option<&Value> {
    list(&facts.service, "taskSets").iter().find(|set| text(set, "status") == "PRIMARY")
}

/// The target group that serves, and the other one.
fn pair<'a>(facts: &'a Facts, findings: &mut Findings) -> Option<(&'a TargetGroupArn, &'a TargetGroupArn)> {
    let set = primary(facts)?;
    let serving =
        list(set, "loadBalancers").first().map(|balancer| text(balancer, "targetGroupArn")).unwrap_or_default();
    match facts.pair.as_slice() {
        [TargetGroup { arn: one, .. }, TargetGroup { arn: other, .. }] if one.as_str() == serving => Some((one, other)),
        [TargetGroup { arn: one, .. }, TargetGroup { arn: other, .. }] if other.as_str() == serving => {
            Some((other, one))
        }
        _ => {
            let what = format!("the task set that serves is in target group {serving}, which is none of the pair");
            findings.refuse(what, "correct the deployment group's target groups");
            None
        }
    }
}

fn forwards(route: &RouteSnapshot, group: &TargetGroupArn) -> bool {
    Action::forward_of(&route.actions).is_some_and(|forward| forward.contains(group))
}

fn carries(route: &RouteSnapshot, facts: &Facts) -> bool {
    facts.pair.iter().any(|group| forwards(route, &group.arn))
}

/// The one route that ECS will move. CodeDeploy moves everything on its listener.
fn production<'a>(facts: &'a Facts, group: &DeploymentGroup, findings: &mut Findings) -> Option<&'a RouteSnapshot> {
    let listener = group.production_listeners.first()?;
    let on = |route: &&RouteSnapshot| route.id.listener().as_str() == listener && carries(route, facts);
    let found: Vec<&RouteSnapshot> = facts.routes.iter().filter(on).collect();
    match found.as_slice() {
        [route] => {
            let foreign = Action::forward_of(&route.actions).and_then(|forward| {
                forward.groups.iter().find(|member| facts.pair.iter().all(|group| group.arn != member.arn))
            });
            if let Some(foreign) = foreign {
                let what = format!("{} also forwards to target group {}", route.id, foreign.arn.name());
                findings.refuse(what, "take it out: ECS moves traffic between two groups");
            }
            Some(route)
        }
        [] => {
            let what = format!("nothing on listener {listener} forwards to the pair of target groups");
            findings.refuse(what, "let its default action or a rule forward to the group that serves");
            None
        }
        several => {
            let routes: Vec<String> = several.iter().map(|route| route.id.to_string()).collect();
            let what = format!("{} routes carry the pair, and ECS moves one: {}", several.len(), routes.join(", "));
            findings.refuse(what, "bring them together in one rule first, or stay with CodeDeploy");
            None
        }
    }
}

/// ECS takes the weights as it finds them and checks nothing.
fn one_side(route: &RouteSnapshot, serves: &TargetGroupArn, alternate: &TargetGroupArn, findings: &mut Findings) {
    let split = Action::forward_of(&route.actions).map(Forward::split);
    let sound = match &split {
        Some(Ok(split)) => split.weight(serves).get() > 0 && split.weight(alternate).get() == 0,
        _ => false,
    };
    if !sound {
        let shown = match &split {
            Some(Ok(split)) => format!("{} to {}", split.weight(serves).get(), split.weight(alternate).get()),
            _ => "not to be understood".to_owned(),
        };
        let what = format!(
            "the weights of {} are {shown}: all traffic was expected on {}, where the tasks are",
            route.id,
            serves.name()
        );
        findings.refuse(what, "let CodeDeploy end its deployment, or set the weights right");
    }
}

fn healthy(facts: &Facts, serves: &TargetGroupArn, findings: &mut Findings) {
    let found = facts.health.iter().find(|(group, _)| group == serves).map(|(_, health)| health);
    match found {
        Some(health) if health.healthy == 0 => {
            findings.refuse(
                format!("target group {} has no healthy target", serves.name()),
                "mend the service first: nobody could tell whether the change did harm",
            );
        }
        Some(health) if health.unhealthy > 0 => {
            let what = format!("target group {} has {} unhealthy targets", serves.name(), health.unhealthy);
            findings.warn(what, "mend the service first");
        }
        Some(_) => {}
        None => findings.refuse(
            format!("the targets of {} could not be read", serves.name()),
            "allow elasticloadbalancing:DescribeTargetHealth",
        ),
    }
}

/// The container that gets the traffic, with its port.
fn container<'a>(facts: &'a Facts, findings: &mut Findings) -> Option<(&'a str, u64)> {
    let set = primary(facts)?;
    let [balancer] = list(set, "loadBalancers") else {
        let count = list(set, "loadBalancers").len();
        findings.refuse(format!("the task set has {count} load balancers: one was expected"), "this is not supported");
        return None;
    };
    let port = balancer.get("containerPort").and_then(Value::as_u64);
    match (text(balancer, "containerName"), port) {
        (name, Some(port)) if !name.is_empty() => Some((name, port)),
        _ => {
            findings.refuse("the task set's load balancer names no container and port", "this is not supported");
            None
        }
    }
}

/// What ECS wants to be told for a route: the rule, also where it is a default action.
fn rule(facts: &Facts, route: &RouteId, findings: &mut Findings) -> Option<String> {
    match route {
        RouteId::Rule(rule) => Some(rule.as_str().to_owned()),
        RouteId::DefaultAction(listener) => {
            let found = facts.default_rules.get(listener).map(|rule| rule.as_str().to_owned());
            if found.is_none() {
                findings.refuse(
                    format!("the default rule of listener {listener} could not be read"),
                    "allow elasticloadbalancing:DescribeRules",
                );
            }
            found
        }
    }
}

/// The route with the alternate group on it, without any weight.
fn attach(route: &RouteSnapshot, alternate: &TargetGroupArn) -> Attach {
    let zero = |actions: &[Action]| {
        let mut actions = actions.to_vec();
        for action in &mut actions {
            if let ActionKind::Forward(forward) = &mut action.kind {
                // Alone, a group may come without a weight; beside another it needs one.
                if let Ok(split) = forward.split() {
                    *forward = forward.with_split(&split);
                }
                forward.groups.push(ForwardGroup { arn: alternate.clone(), weight: Some(Weight::ZERO) });
            }
        }
        actions
    };
    Attach { route: route.id.clone(), actions: zero(&route.actions) }
}

/// ECS's own bounds.
fn expressible(shift: &Shift, findings: &mut Findings) {
    if let Shift::Linear { each, .. } = shift
        && each.tenths() < 30
    {
        findings.refuse(format!("steps of {each} are smaller than the 3 % that ECS takes"), "choose larger steps");
    }
}

fn afterwards(group: &DeploymentGroup, findings: &mut Findings) {
    findings.warn(
        "whatever declares the service (CloudFormation, CDK, Terraform) still says CODE_DEPLOY",
        "change it there before it is applied again: CloudFormation replaces a service whose controller changes",
    );
    if group.alarms.as_ref().is_some_and(|alarms| !alarms.is_empty()) {
        findings.warn(
            "an alarm that is red when a deployment starts is ignored by ECS for all of it; CodeDeploy refused",
            "release with `bluegreen deploy`, which refuses to start then",
        );
    }
}

fn lost(group: &DeploymentGroup) -> Vec<String> {
    let mut lost = vec![
        "Hooks of the AppSpec document: they answer CodeDeploy with PutLifecycleEventHookExecutionStatus. ECS calls \
         functions that return hookStatus; write them anew under lifecycleHooks."
            .to_owned(),
        "AppSpec documents and `aws ecs deploy`: UpdateService starts deployments from now on.".to_owned(),
    ];
    if let Some(minutes) = group.ready_wait_minutes {
        lost.push(format!(
            "The wait of {minutes} minutes for a continue before the first shift: with `engine: ecs` a step \
             `pause` does the same."
        ));
    }
    lost
}

fn remove(group: &DeploymentGroup) -> Vec<String> {
    vec![
        format!(
            "Deployment group {} of application {}, and the application if it has no other.",
            group.name, group.application
        ),
        format!(
            "The role {} if nothing else uses it.",
            if group.service_role.is_empty() { "of the group" } else { &group.service_role }
        ),
        "Actions of pipelines that deploy with CodeDeploy (CodeDeployToECS): `bluegreen deploy` takes their place."
            .to_owned(),
    ]
}
