//! Everything that is read before a plan is made: one look, no decision, nothing written.

use futures::future::{join, join_all, join3, join4};
use jiff::Timestamp;

use super::choose::choose;
use super::live;
use super::{EngineKind, Hour, Live, analysis};
use crate::model::{ByColor, LoadBalancerArn, RouteId};
use crate::observe::{
    AlarmSnapshot, LoadBalancer, Reading, RouteSnapshot, ServiceSnapshot, TargetGroup, TargetHealth,
    TaskDefinitionSnapshot,
};
use crate::ports::{CallError, Caller, ErrorClass, Ports};
use crate::spec::Spec;

/// The world as it was before planning; what could not be read says why.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// When the look began.
    pub at: Timestamp,
    /// Who and where we are.
    pub caller: Reading<Caller>,
    /// The two services; one and the same where AWS moves the traffic of one.
    pub services: ByColor<Reading<ServiceSnapshot>>,
    /// The two groups.
    pub groups: ByColor<Reading<TargetGroup>>,
    /// The health of the two groups.
    pub health: ByColor<Reading<TargetHealth>>,
    /// The revisions that the two services run.
    pub revisions: ByColor<Reading<TaskDefinitionSnapshot>>,
    /// The routes of the spec, in its order.
    pub routes: Vec<Reading<RouteSnapshot>>,
    /// The test route.
    pub test_route: Option<Reading<RouteSnapshot>>,
    /// Every load balancer that uses one of the groups, with all that routes on it.
    pub load_balancers: Vec<Reading<LoadBalancer>>,
    /// The alarms that exist among those of the spec.
    pub alarms: Reading<Vec<AlarmSnapshot>>,
    /// The control fleet, where the spec names one.
    pub control: Option<SurveyedControl>,
    /// The one service that both colours share, where the spec names one and its engine could use it.
    pub live: Option<Live>,
    /// What each metric of the spec counted in the hour before, in the spec's order.
    pub hours: Vec<Reading<ByColor<Hour>>>,
}

/// The control fleet before planning.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyedControl {
    /// Its service.
    pub service: Reading<ServiceSnapshot>,
    /// Its group.
    pub group: Reading<TargetGroup>,
    /// The revision that its service runs.
    pub revision: Reading<TaskDefinitionSnapshot>,
}

impl Survey {
    /// Whether both colours share one service.
    pub(super) fn one_service(&self) -> bool {
        let arn = |reading: &Reading<ServiceSnapshot>| reading.ok().map(|service| service.arn.clone());
        arn(&self.services.blue).is_some() && arn(&self.services.blue) == arn(&self.services.green)
    }
}

/// Looks at everything that a plan for `spec` depends on.
pub async fn survey(ports: &Ports, spec: &Spec) -> Survey {
    let at = ports.clock.now();
    let service = live::service(ports, spec).await;
    let kind = choose(spec, service.as_ref()).ok().flatten().map(|choice| choice.kind);
    let service = match kind {
        Some(EngineKind::TaskSets) => live::service_of_sets(ports, spec).await,
        _ => service,
    };
    let live = match service {
        Some(service) => Some(live::look(ports, spec, kind, service).await),
        None => None,
    };
    let pair = pair(spec, kind, live.as_ref());
    let (services, groups, caller, alarms) =
        join4(services(ports, spec, kind), groups(ports, pair.as_ref()), ports.identity.caller(), alarms(ports, spec))
            .await;
    let (health, revisions, load_balancers) =
        join3(health(ports, &groups), revisions(ports, &services), load_balancers(ports, &groups)).await;
    let hours = analysis::hours(ports, spec, &services, &groups).await;
    let routes = join_all(spec.routes.iter().map(|route| route_of(ports, route))).await;
    let test_route = match spec.test.as_ref().and_then(|test| test.route.as_ref()) {
        Some(route) => Some(route_of(ports, route).await),
        None => None,
    };
    let caller = read(ports, caller);
    let control = control(ports, spec).await;
    Survey {
        at,
        caller,
        services,
        groups,
        health,
        revisions,
        routes,
        test_route,
        load_balancers,
        alarms,
        control,
        live,
        hours,
    }
}

/// The pair that the spec names, or the one that AWS shifts between.
fn pair(spec: &Spec, kind: Option<EngineKind>, live: Option<&Live>) -> Option<ByColor<String>> {
    spec.target_groups.clone().or_else(|| live?.pair(kind?))
}

/// The service of each colour by name: two, or the one that both share.
pub(super) fn service_names(spec: &Spec, kind: Option<EngineKind>) -> Option<ByColor<String>> {
    let twice = |name: &String| ByColor { blue: name.clone(), green: name.clone() };
    let one = || spec.fleet.service.as_ref().map(twice);
    match kind {
        Some(EngineKind::Alb) => spec.fleet.services.clone(),
        Some(EngineKind::TaskSets) => spec.fleet.task_sets.as_ref().map(twice),
        Some(EngineKind::CodeDeploy | EngineKind::Ecs) => one(),
        None => one().or_else(|| spec.fleet.services.clone()),
    }
}

fn read<T>(ports: &Ports, value: Result<T, CallError>) -> Reading<T> {
    Reading { seen_at: ports.clock.now(), value }
}

async fn control(ports: &Ports, spec: &Spec) -> Option<SurveyedControl> {
    let named = spec.control.as_ref()?;
    let service = service_of(ports, spec, &named.service).await;
    let (group, revision) = join(group_of(ports, &named.target_group), revision_of(ports, &service)).await;
    Some(SurveyedControl { service, group, revision })
}

async fn revision_of(ports: &Ports, service: &Reading<ServiceSnapshot>) -> Reading<TaskDefinitionSnapshot> {
    match &service.value {
        Ok(service) => read(ports, ports.fleet.task_definition(service.task_definition.as_str()).await),
        Err(error) => read(ports, Err(error.clone())),
    }
}

async fn service_of(ports: &Ports, spec: &Spec, name: &str) -> Reading<ServiceSnapshot> {
    let found = ports.fleet.services(&spec.environment.cluster, &[name.to_owned()]).await;
    read(ports, found.and_then(|found| only(found, "ecs:DescribeServices")))
}

async fn group_of(ports: &Ports, name: &str) -> Reading<TargetGroup> {
    let found = ports.router.target_groups(&[name.to_owned()]).await;
    read(ports, found.and_then(|found| only(found, "elbv2:DescribeTargetGroups")))
}

/// One call for each, so that one that is missing does not hide the other.
async fn services(ports: &Ports, spec: &Spec, kind: Option<EngineKind>) -> ByColor<Reading<ServiceSnapshot>> {
    let one = async |name: &str| service_of(ports, spec, name).await;
    match service_names(spec, kind) {
        Some(names) if names.blue == names.green => {
            let both = one(&names.blue).await;
            ByColor { blue: both.clone(), green: both }
        }
        Some(names) => ByColor { blue: one(&names.blue).await, green: one(&names.green).await },
        None => both(&read(ports, Err(unknown("ecs:DescribeServices", "the spec names no service for this engine")))),
    }
}

async fn groups(ports: &Ports, pair: Option<&ByColor<String>>) -> ByColor<Reading<TargetGroup>> {
    let one = async |name: &str| group_of(ports, name).await;
    match pair {
        Some(pair) => ByColor { blue: one(&pair.blue).await, green: one(&pair.green).await },
        None => both(&read(ports, Err(unknown("elbv2:DescribeTargetGroups", "nothing tells which pair it is")))),
    }
}

fn both<T: Clone>(reading: &Reading<T>) -> ByColor<Reading<T>> {
    ByColor { blue: reading.clone(), green: reading.clone() }
}

/// What could not even be asked for.
fn unknown(operation: &str, message: &str) -> CallError {
    CallError { operation: operation.to_owned(), class: ErrorClass::NotFound, message: message.to_owned() }
}

async fn health(ports: &Ports, groups: &ByColor<Reading<TargetGroup>>) -> ByColor<Reading<TargetHealth>> {
    let one = async |group: &Reading<TargetGroup>| match &group.value {
        Ok(group) => read(ports, ports.router.health(&group.arn).await),
        Err(error) => read(ports, Err(error.clone())),
    };
    ByColor { blue: one(&groups.blue).await, green: one(&groups.green).await }
}

async fn revisions(
    ports: &Ports,
    services: &ByColor<Reading<ServiceSnapshot>>,
) -> ByColor<Reading<TaskDefinitionSnapshot>> {
    ByColor { blue: revision_of(ports, &services.blue).await, green: revision_of(ports, &services.green).await }
}

async fn load_balancers(ports: &Ports, groups: &ByColor<Reading<TargetGroup>>) -> Vec<Reading<LoadBalancer>> {
    let mut arns: Vec<LoadBalancerArn> = Vec::new();
    for (_, group) in groups.iter() {
        arns.extend(group.ok().into_iter().flat_map(|group| group.load_balancers.clone()));
    }
    arns.sort();
    arns.dedup();
    let mut found = Vec::new();
    for arn in &arns {
        found.push(read(ports, ports.router.load_balancer(arn).await));
    }
    found
}

async fn route_of(ports: &Ports, route: &RouteId) -> Reading<RouteSnapshot> {
    let found = ports.router.routes(std::slice::from_ref(route)).await;
    read(ports, found.and_then(|found| only(found, "elbv2:DescribeRules")))
}

async fn alarms(ports: &Ports, spec: &Spec) -> Reading<Vec<AlarmSnapshot>> {
    if spec.alarms.is_empty() {
        return read(ports, Ok(Vec::new()));
    }
    let found = ports.alarms.read(&spec.alarms).await;
    read(ports, found)
}

fn only<T>(mut found: Vec<T>, operation: &str) -> Result<T, CallError> {
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(CallError {
            operation: operation.to_owned(),
            class: ErrorClass::Malformed,
            message: "one was asked for, and something else came back".to_owned(),
        }),
    }
}
