//! A ready-made shop: one load balancer, two fleets, up to three routes, three alarms, and the plan of a canary release.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::model::{
    Action, ActionKind, AfterCommit, AlarmPolicy, ByColor, Capacity, Color, DriftPolicy, Forward, ForwardGroup,
    GroupStickiness, Hook, ListenerArn, LoadBalancerArn, Percent, RollbackPolicy, RouteId, RuleArn, RunId, Step,
    TargetGroupArn, TaskDefinitionArn, Timing, Weight,
};
use bluegreen_core::observe::AlarmKind;
use bluegreen_core::plan::{Baseline, PLAN_VERSION, Plan, PlannedAlarm, Release, ServiceBaseline, Site};
use serde_json::{Value, json};

use crate::world::{
    AlarmRecord, AlarmRule, BalancerRecord, Client, ClusterRecord, Config, DefinitionRecord, DeploymentRecord,
    GroupRecord, Lag, ListenerRecord, Ms, ReadLags, RouteRecord, ServiceEvent, ServiceRecord, State, Task, Watch,
    World,
};

mod control;
mod judged;
mod managed;
mod task_sets;

pub use control::CONTROL;
pub use judged::Judged;
pub(crate) use managed::declared;
pub use managed::{APPLICATION, CONFIG, GROUP, Mover, SERVICE};

/// The cluster's name.
pub const CLUSTER: &str = "shop";
/// The family of both fleets.
pub const FAMILY: &str = "web";
/// The metric alarms.
pub const METRIC_ALARMS: [&str; 2] = ["web-5xx", "web-latency"];
/// The composite alarm over both.
pub const COMPOSITE_ALARM: &str = "web-any";
/// The revision that a release of the shop makes: the world knows revision 1.
pub const NEW_REVISION: &str = "web:2";

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-3";
/// Wide enough for every read to be older than this and still come from the world as it was set up.
const SETTLED: Ms = 180_000;

/// The shop with its choices; [`Scenario::world`] and [`Scenario::plan`] make the two halves that belong together.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where all draws come from.
    pub seed: u64,
    /// How many routes carry production traffic, 1 to 3: a rule, a rule with sign-in, a default action.
    pub routes: usize,
    /// Group stickiness of every route, in seconds.
    pub sticky: Option<u32>,
    /// Whether the baseline has both groups in every route, at 100 and 0. Otherwise it has blue alone.
    pub attached: bool,
    /// Whether there is a route for the smoke test.
    pub test_route: bool,
    /// Tasks of the stable fleet.
    pub tasks: u32,
    /// Whether the fleets are task sets of one service. Otherwise they are two services.
    pub task_sets: bool,
    /// Whether an earlier release has left a task set in the canary's group.
    pub leftover: bool,
    /// Tasks of the control fleet before the run, where there is one.
    pub control: Option<u32>,
    /// The steps of the plan.
    pub steps: Vec<Step>,
    /// How many tasks the canary gets.
    pub capacity: Capacity,
    /// What becomes of the old fleet.
    pub after: AfterCommit,
    /// The alarm policy.
    pub alarm_policy: AlarmPolicy,
    /// The drift policy.
    pub drift: DriftPolicy,
    /// The rollback policy.
    pub rollback: RollbackPolicy,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// The plan's pace.
    pub timing: Timing,
    /// How old reads are.
    pub lags: ReadLags,
    /// How long the data plane takes.
    pub propagation: Lag,
    /// When an alarm turns red by traffic.
    pub alarm_rules: Vec<AlarmRule>,
    /// Who moves the weights.
    pub mover: Mover,
    /// What is judged by counts, where anything is.
    pub judged: Option<Judged>,
}

impl Scenario {
    /// The common case, with everything fast: three routes, four tasks, 10 % for 10 s, 50 % for 10 s, 100 % for 10 s.
    pub fn shop() -> Scenario {
        Scenario {
            seed: 1,
            routes: 3,
            sticky: None,
            attached: false,
            test_route: false,
            tasks: 4,
            task_sets: false,
            leftover: false,
            control: None,
            steps: canary_steps(&[100, 500], Duration::from_secs(10)),
            capacity: Capacity::Full,
            after: AfterCommit::KeepWarm,
            alarm_policy: AlarmPolicy::default(),
            drift: DriftPolicy::Hold,
            rollback: RollbackPolicy::default(),
            hooks: Vec::new(),
            timing: fast_timing(),
            lags: ReadLags::default(),
            propagation: Lag::fixed(1_000),
            alarm_rules: Vec::new(),
            mover: Mover::Operator,
            judged: None,
        }
    }

    /// The same with AWS's pace: minutes of drain, reads up to 30 s old, a data plane up to 60 s behind.
    pub fn aws_like(mut self) -> Scenario {
        self.timing = Timing::default();
        let shares: &[u16] = if self.mover == Mover::Operator { &[100, 500] } else { &[100] };
        self.steps = canary_steps(shares, Duration::from_secs(300));
        self.lags = ReadLags::all(Lag::up_to(15_000));
        self.propagation = Lag::up_to(60_000);
        self
    }

    /// The same with `count` routes, 1 to 3.
    pub fn with_routes(mut self, count: usize) -> Scenario {
        self.routes = count.clamp(1, 3);
        self
    }

    /// The same with an alarm that is red from `after` until `clears` after the new revision's routed share was at
    /// least `share`.
    pub fn red_at(mut self, share: Percent, after: Duration, clears: Option<Duration>) -> Scenario {
        let watch = Watch::Revision(NEW_REVISION.to_owned());
        let millis = crate::world::millis;
        let ppm = u32::from(share.tenths()) * 1_000;
        self.alarm_rules.push(AlarmRule::new(METRIC_ALARMS[0], watch, ppm, millis(after), clears.map(millis)));
        self
    }

    /// The production routes.
    pub fn route_ids(&self) -> Vec<RouteId> {
        let rule =
            |text: &str| -> RouteId { RouteId::Rule(arn::<RuleArn>(&format!("listener-rule/app/shop/50dc/{text}"))) };
        let default = RouteId::DefaultAction(arn::<ListenerArn>("listener/app/shop/50dc/https"));
        let all = [rule("http/9683"), rule("https/1122"), default];
        let mut all = self.managed_routes(&all);
        all.truncate(self.routes.clamp(1, 3));
        all
    }

    /// The route of the smoke test.
    pub fn test_route_id(&self) -> RouteId {
        RouteId::DefaultAction(arn::<ListenerArn>("listener/app/shop/50dc/test"))
    }

    /// A rule that belongs to somebody else.
    pub fn foreign_route_id(&self) -> RouteId {
        RouteId::Rule(arn::<RuleArn>("listener-rule/app/shop/50dc/https/9999"))
    }

    /// The two groups.
    pub fn groups(&self) -> ByColor<TargetGroupArn> {
        ByColor { blue: arn("targetgroup/web-blue/aaaa"), green: arn("targetgroup/web-green/bbbb") }
    }

    /// The load balancer.
    pub fn load_balancer(&self) -> LoadBalancerArn {
        arn("loadbalancer/app/shop/50dc")
    }

    /// The revision that is live.
    pub fn old_revision(&self) -> TaskDefinitionArn {
        parse(&format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{FAMILY}:1"))
    }

    /// The names of the two services, or twice that of the one.
    pub fn services(&self) -> ByColor<String> {
        if let Some(one) = self.managed_services() {
            return one;
        }
        if self.task_sets {
            return Scenario::one_service();
        }
        ByColor { blue: "web-blue".to_owned(), green: "web-green".to_owned() }
    }

    /// Actions of a route with these weights, in the scenario's shape.
    pub fn actions(&self, route: &RouteId, groups: &[(Color, Option<u32>)]) -> Vec<Action> {
        let arns = self.groups();
        let member = |(color, weight): &(Color, Option<u32>)| ForwardGroup {
            arn: arns.get(*color).clone(),
            weight: weight.and_then(|weight| Weight::try_from(weight).ok()),
        };
        let stickiness = GroupStickiness { enabled: self.sticky.is_some(), duration_seconds: self.sticky };
        let kind =
            ActionKind::Forward(Forward { groups: groups.iter().map(member).collect(), stickiness: Some(stickiness) });
        let signed_in = route.arn().ends_with("https/1122");
        match signed_in {
            true => vec![sign_in(), Action { order: Some(2), kind }],
            false => vec![Action { order: Some(1), kind }],
        }
    }

    fn baseline_actions(&self, route: &RouteId) -> Vec<Action> {
        match self.attached {
            true => self.actions(route, &[(Color::Blue, Some(100)), (Color::Green, Some(0))]),
            false => self.actions(route, &[(Color::Blue, Some(1))]),
        }
    }

    /// The world, settled for three minutes before anything happens.
    pub fn world(&self) -> World {
        let mut config = Config::fast(self.seed);
        config.lags = self.lags;
        config.propagation = self.propagation;
        config.minute = crate::world::millis(self.minute());
        config.memory = SETTLED.max(self.lags.longest() + 30_000);
        let mut world = World::new(config);
        world.change(|state| self.furnish(state));
        self.furnish_service(&mut world);
        self.furnish_requests(&mut world);
        for rule in &self.alarm_rules {
            world.watch(rule.clone());
        }
        world.advance_to(SETTLED);
        // Before the service was there, nobody could answer.
        world.traffic.lost = 0;
        world
    }

    fn furnish(&self, state: &mut State) {
        state.balancers.insert(self.load_balancer(), BalancerRecord::new("shop"));
        for (name, protocol, port) in [("http", "HTTP", 80), ("https", "HTTPS", 443), ("test", "HTTPS", 9_443)] {
            let listener = arn::<ListenerArn>(&format!("listener/app/shop/50dc/{name}"));
            state.listeners.insert(listener, ListenerRecord::new(self.load_balancer(), protocol, port));
        }
        self.furnish_routes(state);
        let drain = crate::world::millis(self.timing.drain);
        let groups = self.groups();
        let ops: TargetGroupArn = arn("targetgroup/ops/cccc");
        for group in [&groups.blue, &groups.green, &ops] {
            state.groups.insert(group.clone(), group_record(drain));
        }
        let document = Arc::new(document(FAMILY, "1.0"));
        let record = DefinitionRecord::new(document, BTreeMap::new());
        state.definitions.insert(self.old_revision(), record);
        state.clusters.insert(CLUSTER.to_owned(), ClusterRecord::new(CLUSTER, ACCOUNT, REGION));
        if self.task_sets {
            self.furnish_sets(state);
            return Self::furnish_alarms(state);
        }
        for (color, name) in self.services().iter().filter(|_| self.mover == Mover::Operator) {
            let desired = if color == Color::Blue { self.tasks } else { 0 };
            let record = self.service_record(name, desired, groups.get(color).clone());
            state.services.insert((CLUSTER.to_owned(), name.clone()), record);
        }
        self.furnish_control(state);
        Self::furnish_alarms(state);
    }

    fn furnish_routes(&self, state: &mut State) {
        for (position, id) in self.route_ids().into_iter().enumerate() {
            let priority = match &id {
                RouteId::Rule(_) => (10 * (position + 1)).to_string(),
                RouteId::DefaultAction(_) => "default".to_owned(),
            };
            let conditions = match &id {
                RouteId::Rule(_) => json!([{"Field": "path-pattern", "Values": ["/*"]}]),
                RouteId::DefaultAction(_) => json!([]),
            };
            let actions = self.baseline_actions(&id);
            state.routes.insert(id, RouteRecord::new(&priority, conditions, actions));
        }
        if self.test_route {
            let id = self.test_route_id();
            let actions = self.baseline_actions(&id);
            state.routes.insert(id, RouteRecord::new("default", json!([]), actions));
        }
        let foreign = Forward {
            groups: vec![ForwardGroup { arn: arn("targetgroup/ops/cccc"), weight: Weight::try_from(1).ok() }],
            stickiness: None,
        };
        let actions = vec![Action { order: Some(1), kind: ActionKind::Forward(foreign) }];
        let conditions = json!([{"Field": "path-pattern", "Values": ["/ops/*"]}]);
        state.routes.insert(self.foreign_route_id(), RouteRecord::new("900", conditions, actions));
    }

    fn service_record(&self, name: &str, desired: u32, group: TargetGroupArn) -> ServiceRecord {
        let revision = self.old_revision();
        let task = |id: u32| Task::running(u64::from(id) + 1_000_000, revision.clone(), std::slice::from_ref(&group));
        let arn = format!("arn:aws:ecs:{REGION}:{ACCOUNT}:service/{CLUSTER}/{name}");
        let tasks = (0..desired).map(task).collect();
        let deployment = DeploymentRecord::completed(format!("ecs-svc/{name}"), revision.clone());
        let text = format!("(service {name}) has reached a steady state.");
        ServiceRecord {
            task_definition: Some(revision),
            desired,
            tasks,
            last_completed: Some(deployment.clone()),
            deployments: vec![deployment],
            events: Arc::new(vec![ServiceEvent { id: 0, at: 0, text }]),
            steady: true,
            ..ServiceRecord::new(arn, Config::fast(0).start, vec![group])
        }
    }

    fn furnish_alarms(state: &mut State) {
        let start = Config::fast(0).start;
        let alarm = |kind, children: &[&str]| AlarmRecord {
            definition: "threshold 1".to_owned(),
            window_seconds: if kind == AlarmKind::Metric { 60 } else { 0 },
            dimensions: if kind == AlarmKind::Metric { vec!["targetgroup/web-green/bbbb".to_owned()] } else { vec![] },
            children: children.iter().map(|name| (*name).to_owned()).collect(),
            ..AlarmRecord::scripted(kind, start)
        };
        for name in METRIC_ALARMS {
            state.alarms.insert(name.to_owned(), alarm(AlarmKind::Metric, &[]));
        }
        state.alarms.insert(COMPOSITE_ALARM.to_owned(), alarm(AlarmKind::Composite, &METRIC_ALARMS));
    }

    /// The plan of a release of version 2.0, made when the world has settled.
    pub fn plan(&self) -> Plan {
        let world = self.world();
        let now = world.now();
        let state = world.state();
        let snapshot = |id: RouteId| state.route(&id);
        let run = RunId::new("shop", now, 1);
        let service = |name: &String| ServiceBaseline {
            arn: format!("arn:aws:ecs:{REGION}:{ACCOUNT}:service/{CLUSTER}/{name}"),
            name: name.clone(),
            created_at: Some(world.config.start),
            task_definition: self.old_revision(),
            desired: 0,
        };
        let planned = |name: &str| PlannedAlarm {
            name: name.to_owned(),
            definition: "threshold 1".to_owned(),
            window_seconds: if name == COMPOSITE_ALARM { 0 } else { 60 },
        };
        Plan {
            version: PLAN_VERSION,
            engine: self.managed_engine(&world, &run).unwrap_or_else(|| self.engine()),
            analysis: self.judged.as_ref().map(|judged| Box::new(judged.analysis.clone())),
            run,
            created_at: now,
            site: Site {
                account: ACCOUNT.to_owned(),
                region: REGION.to_owned(),
                cluster: CLUSTER.to_owned(),
                service: "shop".to_owned(),
                environment: "test".to_owned(),
            },
            baseline: Baseline {
                captured_at: now,
                stable: Color::Blue,
                routes: self.route_ids().into_iter().filter_map(snapshot).collect(),
                test_route: Some(self.test_route_id()).filter(|_| self.test_route).and_then(snapshot),
                services: self.baselines(service),
            },
            groups: self.groups(),
            load_balancer: self.load_balancer(),
            release: Release::Register { family: FAMILY.to_owned(), document: document(FAMILY, "2.0") },
            steps: self.steps.clone(),
            capacity: self.capacity,
            after: self.after.clone(),
            alarms: METRIC_ALARMS.into_iter().chain([COMPOSITE_ALARM]).map(planned).collect(),
            alarm_policy: self.alarm_policy.clone(),
            drift: self.drift,
            rollback: self.rollback.clone(),
            pre_traffic: self.hooks.clone(),
            test_url: None,
            timing: self.timing.clone(),
            control: self.control_fleet(world.config.start),
        }
    }

    /// Clients with cookies, one list entry for each, that come every `visit_every` milliseconds to every route.
    pub fn clients(&self, each: usize, visit_every: Ms, world: &mut World) {
        let routes = self.route_ids();
        world.traffic.visit_every = visit_every;
        let clients = routes.iter().flat_map(|route| std::iter::repeat_n(route, each));
        world.traffic.clients.extend(clients.map(|route| Client::new(route.clone())));
    }
}

/// Steps through shares in tenths of a percent, each held for `hold`, then 100 % and a bake of the same length.
pub fn canary_steps(tenths: &[u16], hold: Duration) -> Vec<Step> {
    let share = |tenths: &u16| Percent::from_tenths(*tenths).unwrap_or(Percent::FULL);
    let mut steps: Vec<Step> = tenths.iter().flat_map(|t| [Step::SetWeight(share(t)), Step::Hold(hold)]).collect();
    steps.extend([Step::SetWeight(Percent::FULL), Step::Bake(hold)]);
    steps
}

/// A pace at which a whole release takes less than a virtual minute.
pub fn fast_timing() -> Timing {
    let seconds = Duration::from_secs;
    Timing {
        poll: seconds(1),
        settle: seconds(1),
        propagation: seconds(2),
        drain: seconds(3),
        phase_deadline: seconds(60),
        freshness: seconds(5),
        stable_for: seconds(1),
    }
}

fn group_record(drain: Ms) -> GroupRecord {
    GroupRecord { drain, ..GroupRecord::new("HTTP", 8_080, "ip", "vpc-1") }
}

/// An `authenticate-oidc` action as AWS shows it: without its secret.
fn sign_in() -> Action {
    let config = json!({
        "Issuer": "https://id.example.com",
        "ClientId": "shop",
        "AuthorizationEndpoint": "https://id.example.com/authorize",
        "TokenEndpoint": "https://id.example.com/token",
        "UserInfoEndpoint": "https://id.example.com/me",
        "UseExistingClientSecret": true,
        "OnUnauthenticatedRequest": "authenticate",
    });
    let config = config.as_object().cloned().unwrap_or_default();
    Action { order: Some(1), kind: ActionKind::Other { name: "authenticate-oidc".to_owned(), config } }
}

fn document(family: &str, version: &str) -> Value {
    json!({
        "family": family,
        "networkMode": "awsvpc",
        "containerDefinitions": [{
            "name": "app",
            "image": format!("registry.example.com/web:{version}"),
            "portMappings": [{"containerPort": 8_080}],
        }],
    })
}

/// An ARN of the load balancer's service in the shop's account.
fn arn<A: std::str::FromStr>(resource: &str) -> A
where
    A::Err: std::fmt::Debug,
{
    parse(&format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:{resource}"))
}

/// The scenario's names are constants: one that does not parse is a defect of this file.
#[allow(clippy::expect_used, reason = "constants of this file")]
fn parse<A: std::str::FromStr>(text: &str) -> A
where
    A::Err: std::fmt::Debug,
{
    text.parse().expect("a name of the scenario")
}
