//! Spec and survey become a plan, or a list of reasons why they cannot.

use jiff::Timestamp;

use super::analysis::{self, Arm};
use super::choose::choose;
use super::survey::service_names;
use super::wiring::{check_routes, check_wiring};
use super::{
    Baseline, ControlFleet, Engine, EngineKind, Finding, PLAN_VERSION, Plan, PlannedAlarm, Release, ServiceBaseline,
    Site, Survey, fresh, managed, refuses, task_sets,
};
use crate::appspec::AppSpec;
use crate::model::{Action, AfterCommit, ByColor, Capacity, Color, LoadBalancerArn, RunId, TargetGroupArn, Weight};
use crate::observe::{Reading, RouteSnapshot, ServiceSnapshot, TargetGroup};
use crate::ports::{Caller, ErrorClass};
use crate::spec::Spec;

/// What a plan is made of beside spec and survey.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// What is released.
    pub release: Release,
    /// The user's own AppSpec document, where the spec names one.
    pub appspec: Option<AppSpec>,
}

/// A plan, with what there is to say about how it came to be: nothing that refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// The plan.
    pub plan: Plan,
    /// Notes and warnings.
    pub findings: Vec<Finding>,
}

/// What has to be readable for a plan to exist at all.
struct Facts<'a> {
    caller: &'a Caller,
    services: ByColor<&'a ServiceSnapshot>,
    groups: ByColor<&'a TargetGroup>,
    routes: Vec<&'a RouteSnapshot>,
    test_route: Option<&'a RouteSnapshot>,
}

/// All of a plan that depends on who moves the traffic.
pub(super) struct Wired {
    pub caller: Caller,
    pub stable: Color,
    pub routes: Vec<RouteSnapshot>,
    pub test_route: Option<RouteSnapshot>,
    pub services: ByColor<ServiceBaseline>,
    pub groups: ByColor<TargetGroupArn>,
    pub load_balancer: LoadBalancerArn,
    pub capacity: Capacity,
    pub after: AfterCommit,
    pub engine: Engine,
    pub control: Option<ControlFleet>,
}

/// Makes the plan. Every reason against it is reported at once.
///
/// What is only unwise is left to [`super::lint`], which looks a second time and on its own.
///
/// # Errors
///
/// All findings, notes and warnings included, if any of them refuses.
pub fn build(spec: &Spec, survey: &Survey, inputs: Inputs, run: RunId, now: Timestamp) -> Result<Built, Vec<Finding>> {
    let mut findings = Vec::new();
    let kind = match choose(spec, survey.live.as_ref().map(|live| &live.service)) {
        Ok(Some(choice)) => {
            findings.extend(choice.why);
            Some(choice.kind)
        }
        Ok(None) => {
            let service = survey.live.as_ref().map(|live| &live.service);
            let name = spec.fleet.service.as_deref().unwrap_or("?");
            let what = format!("service {name} in cluster {}", spec.environment.cluster);
            service.and_then(|reading| readable(reading, &what, &mut findings));
            None
        }
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    findings.extend(kind.and_then(|kind| fresh::unsupported(kind, spec)));
    let wired = match kind {
        None => None,
        Some(EngineKind::Alb) => wire(spec, survey, &mut findings),
        Some(EngineKind::TaskSets) => wire_sets(spec, survey, &mut findings),
        Some(kind) => managed::wire(kind, spec, survey, &inputs, &run, &mut findings),
    };
    let analysis = spec.analysis.as_ref().zip(wired.as_ref()).map(|(asked, wired)| {
        let arm = |color: Color| Arm { service: &wired.services.get(color).name, group: wired.groups.get(color) };
        let arms = ByColor { blue: arm(Color::Blue), green: arm(Color::Green) };
        Box::new(analysis::resolve(
            asked,
            &wired.load_balancer,
            &arms,
            wired.stable,
            wired.control.as_ref(),
            &mut findings,
        ))
    });
    let (Some(wired), false) = (wired, refuses(&findings)) else { return Err(findings) };
    let plan = Plan { analysis, ..assemble(spec, survey, wired, inputs.release, run, now) };
    Ok(Built { plan, findings })
}

/// Our own weights between the task sets of one service.
fn wire_sets(spec: &Spec, survey: &Survey, findings: &mut Vec<Finding>) -> Option<Wired> {
    let facts = gather(spec, survey, EngineKind::TaskSets, findings)?;
    let service = survey.live.as_ref().map(|live| &live.service)?;
    let document = readable(service, &format!("service {}", facts.services.blue.name), findings)?;
    let arns = facts.groups.map(|group| group.arn.clone());
    findings.extend(check_place(spec, facts.caller));
    findings.extend(check_routes(spec, survey, &facts.groups, None, &facts.routes));
    let stable = roles(&facts.routes, &arns).map_err(|finding| findings.push(finding)).ok();
    let load_balancer = shared_load_balancer(&facts.groups, findings);
    let stable = stable?;
    let (engine, services) = task_sets::wire(facts.services.blue, document, &arns, stable, findings)?;
    Some(Wired {
        caller: facts.caller.clone(),
        stable,
        routes: facts.routes.into_iter().cloned().collect(),
        test_route: facts.test_route.cloned(),
        services,
        groups: arns,
        load_balancer: load_balancer?,
        capacity: spec.capacity,
        after: spec.after.clone(),
        engine: Engine::TaskSets(engine),
        control: None,
    })
}

/// Our own weights between two services.
fn wire(spec: &Spec, survey: &Survey, findings: &mut Vec<Finding>) -> Option<Wired> {
    let facts = gather(spec, survey, EngineKind::Alb, findings)?;
    let arns = facts.groups.map(|group| group.arn.clone());
    findings.extend(check_place(spec, facts.caller));
    let control = fresh::wire(spec, survey, &facts.services, &facts.groups, findings);
    findings.extend(check_wiring(spec, survey, &facts.services, &facts.groups, control.as_ref(), &facts.routes));
    let stable = roles(&facts.routes, &arns).map_err(|finding| findings.push(finding)).ok();
    let load_balancer = shared_load_balancer(&facts.groups, findings);
    Some(Wired {
        caller: facts.caller.clone(),
        stable: stable?,
        routes: facts.routes.into_iter().cloned().collect(),
        test_route: facts.test_route.cloned(),
        services: facts.services.map(|service| service_baseline(service)),
        groups: arns,
        load_balancer: load_balancer?,
        capacity: spec.capacity,
        after: spec.after.clone(),
        engine: Engine::Alb,
        control,
    })
}

fn assemble(spec: &Spec, survey: &Survey, wired: Wired, release: Release, run: RunId, now: Timestamp) -> Plan {
    Plan {
        version: PLAN_VERSION,
        run,
        created_at: now,
        site: Site {
            account: wired.caller.account,
            region: wired.caller.region,
            cluster: spec.environment.cluster.clone(),
            service: spec.service.clone(),
            environment: spec.environment.name.clone(),
        },
        baseline: Baseline {
            captured_at: survey.at,
            stable: wired.stable,
            routes: wired.routes,
            test_route: wired.test_route,
            services: wired.services,
        },
        groups: wired.groups,
        load_balancer: wired.load_balancer,
        release,
        steps: spec.steps.clone(),
        capacity: wired.capacity,
        after: wired.after,
        alarms: planned_alarms(spec, survey),
        alarm_policy: spec.alarm_policy.clone(),
        drift: spec.drift,
        rollback: spec.rollback.clone(),
        pre_traffic: spec.pre_traffic.clone(),
        test_url: spec.test.as_ref().and_then(|test| test.url.clone()),
        timing: spec.timing.clone(),
        engine: wired.engine,
        analysis: None,
        control: wired.control,
    }
}

fn gather<'a>(spec: &Spec, survey: &'a Survey, kind: EngineKind, findings: &mut Vec<Finding>) -> Option<Facts<'a>> {
    let caller = readable(&survey.caller, "the caller's identity", findings);
    let names = service_names(spec, Some(kind));
    let mut service = |color: Color| {
        let name = names.as_ref().map_or("?", |names| names.get(color));
        let what = format!("service {name} in cluster {}", spec.environment.cluster);
        readable(survey.services.get(color), &what, findings)
    };
    let services = (service(Color::Blue), service(Color::Green));
    let mut group = |color: Color| {
        let what = format!("target group {}", group_name(spec, color));
        readable(survey.groups.get(color), &what, findings)
    };
    let groups = (group(Color::Blue), group(Color::Green));
    let mut routes = Vec::new();
    for (id, reading) in spec.routes.iter().zip(&survey.routes) {
        routes.push(readable(reading, &id.to_string(), findings));
    }
    let asked = spec.test.as_ref().and_then(|test| test.route.as_ref());
    let test_route = match (asked, &survey.test_route) {
        (Some(route), Some(reading)) => Some(readable(reading, &format!("test {route}"), findings)?),
        _ => None,
    };
    let routes = routes.into_iter().collect::<Option<Vec<_>>>()?;
    let ((Some(blue), Some(green)), (Some(blue_group), Some(green_group))) = (services, groups) else { return None };
    Some(Facts {
        caller: caller?,
        services: ByColor { blue, green },
        groups: ByColor { blue: blue_group, green: green_group },
        routes,
        test_route,
    })
}

/// What the spec calls the group of a colour.
pub(super) fn group_name(spec: &Spec, color: Color) -> &str {
    spec.target_groups.as_ref().map_or("of the pair", |pair| pair.get(color))
}

pub(super) fn readable<'a, T>(reading: &'a Reading<T>, what: &str, findings: &mut Vec<Finding>) -> Option<&'a T> {
    match &reading.value {
        Ok(value) => Some(value),
        Err(error) => {
            let cure = match error.class {
                ErrorClass::NotFound => "check the name, the region and the account",
                ErrorClass::Denied => "give the caller this permission",
                ErrorClass::Credentials => "check the credentials: `aws sts get-caller-identity` must answer",
                ErrorClass::Throttled | ErrorClass::Unavailable | ErrorClass::TimedOut => "try again",
                ErrorClass::Invalid | ErrorClass::Malformed => "check the endpoint and the resource",
            };
            findings.push(Finding::refuse("BG3001", format!("{what} cannot be read: {error}"), cure));
            None
        }
    }
}

pub(super) fn check_place(spec: &Spec, caller: &Caller) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(account) = spec.environment.account.as_ref().filter(|account| **account != caller.account) {
        let what = format!(
            "environment {} is in account {account}, but the credentials are of account {}",
            spec.environment.name, caller.account
        );
        findings.push(Finding::refuse("BG3002", what, "use the credentials of that account, or another environment"));
    }
    if let Some(region) = spec.environment.region.as_ref().filter(|region| **region != caller.region) {
        let what = format!("environment {} is in {region}, but calls go to {}", spec.environment.name, caller.region);
        findings.push(Finding::refuse("BG3002", what, "drop --region or AWS_REGION, or choose another environment"));
    }
    findings
}

/// Which colour serves: the one with all of the weight, the same on every route.
pub fn roles(routes: &[&RouteSnapshot], groups: &ByColor<TargetGroupArn>) -> Result<Color, Finding> {
    let mut serving: Option<Color> = None;
    for route in routes {
        let split = Action::forward_of(&route.actions)
            .and_then(|forward| forward.split().ok())
            .ok_or_else(|| no_forward(route))?;
        let has = |color: Color| split.weight(groups.get(color)) > Weight::ZERO;
        let stable = match (has(Color::Blue), has(Color::Green)) {
            (true, false) => Color::Blue,
            (false, true) => Color::Green,
            (true, true) => {
                let what = format!("{} splits traffic already: {split}", route.id);
                let cure = "finish or abort the release that did this, or set one group to 0 by hand";
                return Err(Finding::refuse("BG3003", what, cure));
            }
            (false, false) => {
                let what = format!("{} sends traffic to neither group: {split}", route.id);
                return Err(Finding::refuse("BG3003", what, "name the routes that carry the pair of target groups"));
            }
        };
        if serving.is_some_and(|other| other != stable) {
            let what = "some routes send their traffic to blue and others to green";
            return Err(Finding::refuse("BG3003", what, "bring all routes to the same colour by hand first"));
        }
        serving = Some(stable);
    }
    serving
        .ok_or_else(|| Finding::refuse("BG3003", "the plan has no route", "name at least one rule or default action"))
}

fn no_forward(route: &RouteSnapshot) -> Finding {
    let what = format!("{} does not forward to target groups with weights", route.id);
    Finding::refuse("BG3003", what, "name a rule or default action whose last action is a forward")
}

pub(super) fn shared_load_balancer(
    groups: &ByColor<&TargetGroup>,
    findings: &mut Vec<Finding>,
) -> Option<LoadBalancerArn> {
    let all: Vec<&LoadBalancerArn> = groups.iter().flat_map(|(_, group)| &group.load_balancers).collect();
    let mut distinct: Vec<&LoadBalancerArn> = all.clone();
    distinct.sort();
    distinct.dedup();
    match distinct.as_slice() {
        [one] => Some((*one).clone()),
        [] => {
            let what = "neither target group is attached to a load balancer";
            findings.push(Finding::refuse("BG3004", what, "attach the group that serves to the listener rule first"));
            None
        }
        _ => {
            let what = "the two target groups are attached to different load balancers";
            findings.push(Finding::refuse("BG3004", what, "use two groups of one load balancer"));
            None
        }
    }
}

pub(super) fn service_baseline(service: &ServiceSnapshot) -> ServiceBaseline {
    ServiceBaseline {
        arn: service.arn.clone(),
        name: service.name.clone(),
        created_at: service.created_at,
        task_definition: service.task_definition.clone(),
        desired: service.desired,
    }
}

/// An alarm that does not exist (yet) is planned too: the gate then says so, by the user's policy.
fn planned_alarms(spec: &Spec, survey: &Survey) -> Vec<PlannedAlarm> {
    let found = |name: &str| survey.alarms.ok().into_iter().flatten().find(|alarm| alarm.name == name);
    let planned = |name: &String| PlannedAlarm {
        name: name.clone(),
        definition: found(name).map(|alarm| alarm.definition.clone()).unwrap_or_default(),
        window_seconds: found(name).map_or(0, |alarm| alarm.window_seconds),
    };
    spec.alarms.iter().map(planned).collect()
}
