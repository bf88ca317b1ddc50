//! Plans for the engines that AWS runs: one service, AWS's own wiring, and what the engine has to be told.

mod codedeploy;
mod native;
mod routes;
mod steps;

pub(super) use codedeploy::{sought, told};

use std::time::Duration;

use serde_json::Value;

use super::build::{Inputs, Wired, check_place, group_name, readable, roles, service_baseline, shared_load_balancer};
use super::choose::check_mover;
use super::service::cluster_name;
use super::wiring::{check_members, check_pair};
use super::{EngineKind, Finding, Live, ServiceBaseline, Survey};
use crate::model::{AfterCommit, ByColor, Capacity, Color, RunId};
use crate::observe::{ManagedDeployment, ServiceSnapshot, TargetGroup};
use crate::ports::marked_run;
use crate::spec::Spec;

/// Everything that both engines look at.
struct Site<'a> {
    kind: EngineKind,
    spec: &'a Spec,
    survey: &'a Survey,
    live: &'a Live,
    /// The service as `DescribeServices` shows it.
    service: &'a Value,
    /// Its name.
    name: &'a str,
    groups: ByColor<&'a TargetGroup>,
    run: &'a RunId,
}

/// The parts of the plan; `None` where something keeps it from being made, which `findings` then says.
pub(super) fn wire(
    kind: EngineKind,
    spec: &Spec,
    survey: &Survey,
    inputs: &Inputs,
    run: &RunId,
    findings: &mut Vec<Finding>,
) -> Option<Wired> {
    let caller = readable(&survey.caller, "the caller's identity", findings);
    let live = survey.live.as_ref()?;
    let name = spec.fleet.service.as_deref()?;
    let what = format!("service {name} in cluster {}", cluster_name(&spec.environment.cluster));
    let service = readable(&live.service, &what, findings)?;
    let snapshot = readable(&survey.services.blue, &what, findings)?;
    findings.extend(caller.map(|caller| check_place(spec, caller)).unwrap_or_default());
    findings.extend(check_status(snapshot));
    if let Some(unfit) = check_mover(kind, name, service) {
        // Nothing else can be expected of a service of another kind.
        findings.push(unfit);
        return None;
    }
    let sound = match kind {
        EngineKind::CodeDeploy => codedeploy::check_group(spec, live, name, findings).is_some(),
        _ => native::wiring(name, service, findings).is_some(),
    };
    if !sound {
        return None;
    }
    findings.extend(foreign(live, run));
    let mut group = |color: Color| {
        readable(survey.groups.get(color), &format!("target group {}", group_name(spec, color)), findings)
    };
    let (Some(blue), Some(green)) = (group(Color::Blue), group(Color::Green)) else { return None };
    let groups = ByColor { blue, green };
    let site = Site { kind, spec, survey, live, service, name, groups, run };
    findings.extend(check_pair(&site.groups));
    findings.extend(network_balancer(&site));
    let arns = site.groups.map(|group| group.arn.clone());
    let routes = routes::find(&site, findings);
    findings.extend(routes.production.iter().filter_map(|route| check_members(route, &site.groups, None)));
    let stable = if routes.production.is_empty() {
        None
    } else {
        roles(&routes.production, &arns).map_err(|finding| findings.push(finding)).ok()
    };
    let load_balancer = shared_load_balancer(&site.groups, findings);
    let shift = steps::shift(&site, findings);
    findings.extend(steps::asked_in_vain(&site));
    let engine = match kind {
        EngineKind::CodeDeploy => codedeploy::engine(&site, inputs, shift.as_ref(), findings),
        _ => native::engine(&site, shift.as_ref(), &routes, findings),
    };
    let stable = stable?;
    Some(Wired {
        caller: caller?.clone(),
        stable,
        routes: routes.production.into_iter().cloned().collect(),
        test_route: routes.test.cloned(),
        services: baselines(snapshot, stable),
        groups: arns,
        load_balancer: load_balancer?,
        // AWS makes as many new tasks as there are old ones, and ends the old ones by itself.
        capacity: Capacity::Full,
        after: AfterCommit::ScaleTo(0),
        engine: engine?,
        control: None,
    })
}

/// Both colours are the one service: all of its tasks are stable's, and the canary has none yet.
fn baselines(service: &ServiceSnapshot, stable: Color) -> ByColor<ServiceBaseline> {
    let whole = service_baseline(service);
    let none = ServiceBaseline { desired: 0, ..whole.clone() };
    match stable {
        Color::Blue => ByColor { blue: whole, green: none },
        Color::Green => ByColor { blue: none, green: whole },
    }
}

fn check_status(service: &ServiceSnapshot) -> Option<Finding> {
    (service.status != "ACTIVE").then(|| {
        let what = format!("service {} is {}, not ACTIVE", service.name, service.status);
        Finding::refuse("BG3010", what, "create the service, or name another one")
    })
}

/// A deployment that is not ours and has not ended.
fn foreign(live: &Live, run: &RunId) -> Vec<Finding> {
    let Some(reading) = &live.deployments else { return Vec::new() };
    let mut findings = Vec::new();
    let Some(found) = readable(reading, "the service's deployments", &mut findings) else { return findings };
    let active =
        |deployment: &&ManagedDeployment| !deployment.status.has_ended() && deployment.run.as_ref() != Some(run);
    findings.extend(found.others.iter().chain(&found.ours).filter(active).map(|deployment| {
        let creator = match deployment.creator.as_str() {
            "" => String::new(),
            creator => format!(", made by {creator}"),
        };
        let Some(other) = &deployment.run else {
            let what = format!("somebody else's deployment is in progress: {}{creator}", deployment.id);
            return Finding::refuse("BG3230", what, "wait for it to end, or stop it");
        };
        let what = format!("run {other} has a deployment in progress: {}{creator}", deployment.id);
        let cure = format!("look at it with `bluegreen status {other}`, and end it with `bluegreen abort {other}`");
        Finding::refuse("BG3230", what, cure)
    }));
    findings
}

fn network_balancer(site: &Site<'_>) -> Option<Finding> {
    let group = site.groups.iter().map(|(_, group)| group).find(|group| !group.protocol.starts_with("HTTP"))?;
    let what = format!(
        "target group {} speaks {}: it belongs to a network load balancer, whose weights this version does not read",
        group.arn.name(),
        group.protocol
    );
    Some(Finding::refuse("BG3209", what, "use an application load balancer"))
}

/// Whether a text holds the mark of a run of ours.
fn marked(value: &Value) -> Option<RunId> {
    marked_run(&value.to_string())
}

/// Whole minutes as a time.
fn minutes(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 60)
}

#[cfg(test)]
pub(in crate::plan) mod testing;
#[cfg(test)]
mod tests;
