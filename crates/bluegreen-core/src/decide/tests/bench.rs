//! A plan, a journal and a calm world, to be disturbed by each test.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::analysis::Verdict;
use crate::decide::{Decision, Seen, decide, later, step_actions};
use crate::journal::{Body, Cause, Command, Fact, Mutation, Operator, Purpose, Record, Resolution, RunState, Verb};
use crate::model::{
    Action, ActionKind, AfterCommit, AlarmPolicy, ByColor, Capacity, Color, DriftPolicy, Forward, ForwardGroup,
    GroupStickiness, Hook, Percent, RollbackPolicy, RouteId, Step, TargetGroupArn, TaskDefinitionArn, Timing, Weight,
};
use crate::observe::{
    AlarmKind, AlarmSnapshot, AlarmState, Controller, Deployment, Reading, RouteSnapshot, ServiceSnapshot, TargetHealth,
};
use crate::plan::{Baseline, Engine, PLAN_VERSION, Plan, PlannedAlarm, Release, ServiceBaseline, Site};
use crate::ports::{CallError, ErrorClass, ServiceChange};

pub(super) struct Bench {
    pub(super) state: RunState,
    pub(super) seen: Seen,
    pub(super) now: Timestamp,
}

pub(super) fn group(name: &str) -> TargetGroupArn {
    format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/{name}/1").parse().unwrap()
}

pub(super) fn revision(short: &str) -> TaskDefinitionArn {
    format!("arn:aws:ecs:eu-west-3:111122223333:task-definition/{short}").parse().unwrap()
}

pub(super) fn rule() -> RouteId {
    RouteId::Rule("arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/1/2/3".parse().unwrap())
}

pub(super) fn forward(weights: &[(&str, u32)], sticky: Option<u32>) -> Vec<Action> {
    let member = |(name, weight): &(&str, u32)| ForwardGroup {
        arn: group(name),
        weight: Some(Weight::try_from(*weight).unwrap()),
    };
    let stickiness = sticky.map(|seconds| GroupStickiness { enabled: true, duration_seconds: Some(seconds) });
    let oidc = json!({ "Issuer": "https://example.com" });
    vec![
        Action {
            order: Some(1),
            kind: ActionKind::Other { name: "authenticate-oidc".into(), config: oidc.as_object().unwrap().clone() },
        },
        Action {
            order: Some(2),
            kind: ActionKind::Forward(Forward { groups: weights.iter().map(member).collect(), stickiness }),
        },
    ]
}

pub(super) fn snapshot(actions: Vec<Action>) -> RouteSnapshot {
    RouteSnapshot { id: rule(), priority: "10".into(), conditions: json!([]), actions }
}

pub(super) fn service_baseline(color: Color, desired: u32) -> ServiceBaseline {
    ServiceBaseline {
        arn: format!("arn:aws:ecs:eu-west-3:111122223333:service/shop/front-{color}"),
        name: format!("front-{color}"),
        created_at: None,
        task_definition: revision("web:1"),
        desired,
    }
}

pub(super) fn plan() -> Plan {
    Plan {
        version: PLAN_VERSION,
        run: "20261123t060512z-front-000001".parse().unwrap(),
        created_at: start(),
        site: Site {
            account: "111122223333".into(),
            region: "eu-west-3".into(),
            cluster: "shop".into(),
            service: "front".into(),
            environment: "prod".into(),
        },
        baseline: Baseline {
            captured_at: start(),
            stable: Color::Blue,
            routes: vec![snapshot(forward(&[("blue", 1)], None))],
            test_route: None,
            services: ByColor { blue: service_baseline(Color::Blue, 4), green: service_baseline(Color::Green, 0) },
        },
        groups: ByColor { blue: group("blue"), green: group("green") },
        load_balancer: "arn:aws:elasticloadbalancing:eu-west-3:111122223333:loadbalancer/app/shop/1".parse().unwrap(),
        release: Release::Register { family: "web".into(), document: json!({ "family": "web" }) },
        steps: vec![
            Step::SetWeight("10".parse().unwrap()),
            Step::Hold(Duration::from_secs(300)),
            Step::SetWeight(Percent::FULL),
            Step::Bake(Duration::from_secs(900)),
        ],
        capacity: Capacity::Full,
        after: AfterCommit::ScaleTo(1),
        alarms: vec![PlannedAlarm { name: "5xx".into(), definition: "d".into(), window_seconds: 60 }],
        alarm_policy: AlarmPolicy::default(),
        drift: DriftPolicy::Hold,
        rollback: RollbackPolicy::default(),
        pre_traffic: vec![Hook { argv: vec!["true".into()], timeout: Duration::from_secs(60) }],
        test_url: None,
        timing: Timing::default(),
        engine: Engine::Alb,
        analysis: None,
        control: None,
    }
}

fn start() -> Timestamp {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

pub(super) fn service(color: Color, short: &str, count: u32) -> ServiceSnapshot {
    let baseline = service_baseline(color, count);
    ServiceSnapshot {
        arn: baseline.arn,
        name: baseline.name,
        status: "ACTIVE".into(),
        created_at: None,
        controller: Controller::Rolling,
        task_definition: revision(short),
        desired: count,
        running: count,
        pending: 0,
        deployments: vec![Deployment {
            id: "ecs-svc/1".into(),
            status: "PRIMARY".into(),
            task_definition: revision(short),
            rollout: Some("COMPLETED".into()),
            desired: count,
            running: count,
            failed: 0,
        }],
        target_groups: vec![],
        messages: vec![],
        task_sets: vec![],
    }
}

pub(super) fn alarm(state: AlarmState) -> AlarmSnapshot {
    AlarmSnapshot {
        name: "5xx".into(),
        kind: AlarmKind::Metric,
        state,
        transitioned_at: None,
        reason: "threshold crossed".into(),
        definition: "d".into(),
        window_seconds: 60,
        dimensions: vec![],
    }
}

pub(super) fn failed(class: ErrorClass) -> CallError {
    CallError { operation: "elbv2:ModifyRule".into(), class, message: "no".into() }
}

impl Bench {
    pub(super) fn new() -> Bench {
        Bench::with(&plan())
    }

    pub(super) fn with(plan: &Plan) -> Bench {
        let operator = Operator { user: "ann".into(), host: "desk".into(), pid: 1, version: "0".into() };
        let body = Body::Started { hash: plan.hash(), plan: Box::new(plan.clone()), operator };
        let state = RunState::fold(&[Record { seq: 0, at: start(), body }]).unwrap();
        let at = start();
        let health = |healthy| Reading { seen_at: at, value: Ok(TargetHealth { healthy, ..TargetHealth::default() }) };
        let seen = Seen {
            routes: Reading { seen_at: at, value: Ok(plan.baseline.routes.clone()) },
            services: Reading {
                seen_at: at,
                value: Ok(ByColor { blue: service(Color::Blue, "web:1", 4), green: service(Color::Green, "web:1", 0) }),
            },
            health: ByColor { blue: health(4), green: health(0) },
            alarms: Reading { seen_at: at, value: Ok(vec![alarm(AlarmState::Ok)]) },
            histories: vec![],
            old_revision_active: None,
            registered: None,
            deployments: None,
            settings: None,
            control: None,
            minutes: None,
            commands: vec![],
            interrupted: false,
        };
        Bench { state, seen, now: start() }
    }

    /// After the attach phase.
    pub(super) fn attached() -> Bench {
        Bench::attached_with(|_| {})
    }

    fn attached_with(change: impl Fn(&mut Plan)) -> Bench {
        let mut plan = plan();
        change(&mut plan);
        let mut bench = Bench::with(&plan);
        bench.fact(Fact::GreenAtStart);
        bench.set("attach", Purpose::Attach, bench.split(0));
        bench.fact(Fact::Attached);
        bench
    }

    /// Everything up to the step with this index done, the canary filled and healthy.
    pub(super) fn at_step(step: usize) -> Bench {
        Bench::at_step_with(step, |_| {})
    }

    pub(super) fn at_step_with(step: usize, change: impl Fn(&mut Plan)) -> Bench {
        let mut bench = Bench::attached_with(change);
        bench.registered();
        bench.scaled(4);
        bench.fact(Fact::CanaryHealthy { healthy: 4 });
        bench.hook_passed();
        bench.pass_time(10);
        for index in 0..step {
            match bench.state.plan.steps[index].clone() {
                Step::SetWeight(share) => {
                    bench.set("step", Purpose::Step(share), bench.split(share.tenths()));
                    bench.fact(Fact::StepVerified(index));
                }
                _ => bench.fact(Fact::StepPassed { step: index, why: String::new() }),
            }
        }
        bench
    }

    pub(super) fn split(&self, tenths: u16) -> Vec<Action> {
        let baseline = &self.state.plan.baseline.routes[0].actions;
        step_actions(&self.state.plan, baseline, Percent::from_tenths(tenths).unwrap())
    }

    pub(super) fn record(&mut self, body: Body) -> u64 {
        let seq = self.state.next_seq;
        self.state.apply(&Record { seq, at: self.now, body }).unwrap();
        seq
    }

    pub(super) fn fact(&mut self, fact: Fact) {
        self.record(Body::Fact(fact));
    }

    pub(super) fn intent(&mut self, mutation: Mutation) -> u64 {
        self.record(Body::Intent { mutation, because: String::new() })
    }

    pub(super) fn outcome(&mut self, intent: u64, resolution: Resolution) {
        self.record(Body::Outcome { intent, resolution });
    }

    fn set_intent(&mut self, purpose: Purpose, actions: Vec<Action>) -> u64 {
        self.intent(Mutation::SetActions { route: rule(), actions, purpose })
    }

    /// Written, applied, and seen.
    pub(super) fn set(&mut self, _: &str, purpose: Purpose, actions: Vec<Action>) {
        self.sent(purpose, actions.clone());
        self.seen.routes.value = Ok(vec![snapshot(actions)]);
    }

    /// Written and applied, not seen yet.
    pub(super) fn sent(&mut self, purpose: Purpose, actions: Vec<Action>) {
        let intent = self.set_intent(purpose, actions);
        self.outcome(intent, Resolution::Applied { task_definition: None });
    }

    /// Written, and nobody knows what came of it.
    pub(super) fn in_doubt(&mut self, purpose: Purpose, actions: Vec<Action>) {
        self.set_intent(purpose, actions);
    }

    pub(super) fn refused(&mut self, purpose: Purpose, actions: Vec<Action>, class: ErrorClass) {
        let intent = self.set_intent(purpose, actions);
        self.outcome(intent, Resolution::NotApplied(failed(class)));
    }

    pub(super) fn found(&mut self, actions: Vec<Action>) {
        self.seen.routes.value = Ok(vec![snapshot(actions)]);
    }

    pub(super) fn registered(&mut self) {
        let intent = self.intent(Mutation::RegisterTaskDefinition);
        self.outcome(intent, Resolution::Applied { task_definition: Some(revision("web:2")) });
    }

    pub(super) fn hook_passed(&mut self) {
        let hook = self.state.plan.pre_traffic[0].clone();
        let intent = self.intent(Mutation::RunHook(0, hook));
        self.outcome(intent, Resolution::Applied { task_definition: None });
    }

    pub(super) fn registration_in_doubt(&mut self) {
        self.intent(Mutation::RegisterTaskDefinition);
    }

    pub(super) fn look_for_revision(&mut self, found: Option<&str>) {
        self.seen.registered = Some(Reading { seen_at: self.now, value: Ok(found.map(revision)) });
    }

    pub(super) fn scaled(&mut self, count: u32) {
        let change =
            ServiceChange { color: Color::Green, task_definition: Some(revision("web:2")), desired: Some(count) };
        let intent = self.intent(Mutation::UpdateService(change));
        self.outcome(intent, Resolution::Applied { task_definition: None });
        self.seen.services.value.as_mut().unwrap().green = service(Color::Green, "web:2", count);
        self.seen.health.green.value.as_mut().unwrap().healthy = count;
    }

    pub(super) fn stable_scaled(&mut self, count: u32) {
        let change = ServiceChange { color: Color::Blue, task_definition: None, desired: Some(count) };
        let intent = self.intent(Mutation::UpdateService(change));
        self.outcome(intent, Resolution::Applied { task_definition: None });
        self.seen.services.value.as_mut().unwrap().blue = service(Color::Blue, "web:1", count);
    }

    pub(super) fn canary_is(&mut self, short: &str, count: u32) {
        self.seen.services.value.as_mut().unwrap().green = service(Color::Green, short, count);
    }

    pub(super) fn command(&mut self, id: &str, verb: Verb) {
        self.seen.commands.push(Command { id: id.into(), at: self.now, by: "ann".into(), verb });
    }

    pub(super) fn take(&mut self, id: &str, verb: Verb) {
        self.fact(Fact::Commanded(Command { id: id.into(), at: self.now, by: "ann".into(), verb }));
    }

    pub(super) fn restoring(&mut self) {
        self.fact(Fact::Restoring(Cause::AlarmRed { alarm: "5xx".into(), reason: "red".into() }));
    }

    /// Time passes, and everything is read again.
    pub(super) fn pass_time(&mut self, seconds: u64) {
        self.now = later(self.now, Duration::from_secs(seconds));
        self.seen.routes.seen_at = self.now;
        self.seen.services.seen_at = self.now;
        self.seen.health.blue.seen_at = self.now;
        self.seen.health.green.seen_at = self.now;
        self.seen.alarms.seen_at = self.now;
        if let Some(control) = &mut self.seen.control {
            (control.service.seen_at, control.health.seen_at) = (self.now, self.now);
        }
        if let Some(reading) = &mut self.seen.deployments {
            reading.seen_at = self.now;
        }
        if let Some(reading) = &mut self.seen.settings {
            reading.seen_at = self.now;
        }
    }

    pub(super) fn decide(&self) -> String {
        say(&decide(&self.state, &self.seen, self.now))
    }
}

fn say(decision: &Decision) -> String {
    match decision {
        Decision::Note(fact) => format!("note {}", say_fact(fact)),
        Decision::Act { mutation, .. } => format!("act {}", say_mutation(mutation)),
        Decision::Wait { why, .. } => format!("wait: {}", why.replace(&rule().to_string(), "the rule")),
        Decision::Finish(ending) => format!("finish {}: {}", ending.terminal, ending.why),
        Decision::Leave { why } => format!("leave: {why}"),
    }
}

fn say_fact(fact: &Fact) -> String {
    match fact {
        Fact::GreenAtStart => "green at start".into(),
        Fact::Attached => "attached".into(),
        Fact::TaskDefinition(arn) => format!("revision {}", arn.short()),
        Fact::CanaryHealthy { healthy } => format!("canary healthy {healthy}"),
        Fact::CanaryUnhealthy { seen } => format!("canary unhealthy: {seen}"),
        Fact::StepVerified(step) => format!("step {step} verified"),
        Fact::StepPassed { step, why } => format!("step {step} passed: {why}"),
        Fact::GateClosed { why } | Fact::CountsMissing { why } => format!("gate closed: {why}"),
        Fact::GateOpened => "gate opened".into(),
        Fact::Commanded(command) => format!("command {:?}", command.verb).to_lowercase(),
        Fact::Drift { .. } => "drift".into(),
        Fact::Restoring(cause) => format!("restoring: {cause}"),
        Fact::Evicted => "evicted".into(),
        Fact::TrafficRestored => "traffic restored".into(),
        Fact::CapacityRestored => "capacity restored".into(),
        Fact::Committed => "committed".into(),
        Fact::OldFleetSettled => "old fleet settled".into(),
        Fact::TestRouteReady => "test route ready".into(),
        Fact::ControlHealthy { healthy } => format!("control healthy {healthy}"),
        Fact::ControlUnhealthy { seen } => format!("control unhealthy: {seen}"),
        Fact::ControlSettled => "control settled".into(),
        Fact::Minutes { rows, until, missing } => {
            let missing = if missing.is_empty() { String::new() } else { format!(", without {}", missing.join(", ")) };
            format!("{} rows until {}{missing}", rows.len(), until.strftime("%H:%M"))
        }
        Fact::Judged { step, judgement } => {
            let word = match &judgement.verdict {
                Verdict::Fail { metric, .. } => format!("fail by {metric}"),
                Verdict::Pass { early, .. } => {
                    if *early {
                        "pass early".into()
                    } else {
                        "pass".into()
                    }
                }
                Verdict::Inconclusive { .. } => "inconclusive".into(),
                Verdict::Open { .. } => "open".into(),
            };
            format!("step {step} judged: {word}")
        }
        Fact::Inconclusive { step, then, .. } => format!("step {step} inconclusive: {then:?}").to_lowercase(),
        Fact::WithoutMetrics { why } => format!("without metrics: {why}"),
        _ => super::managed::say_fact(fact),
    }
}

fn say_change(change: &ServiceChange) -> String {
    let what = change.task_definition.as_ref().map(|arn| format!("{} ", arn.short())).unwrap_or_default();
    format!("{what}x{}", change.desired.unwrap())
}

fn say_mutation(mutation: &Mutation) -> String {
    match mutation {
        Mutation::RegisterTaskDefinition => "register".into(),
        Mutation::RunHook(index, _) => format!("run hook {index}"),
        Mutation::UpdateService(change) => format!("{} {}", change.color, say_change(change)),
        Mutation::UpdateControl(change) => format!("control {}", say_change(change)),
        Mutation::TaskSet(change) => super::sets::say(change),
        Mutation::SetActions { route, actions, purpose } => {
            let route = if *route == rule() { "rule" } else { "other" };
            let purpose = match purpose {
                Purpose::Attach => "attach".into(),
                Purpose::Test => "test".into(),
                Purpose::Step(share) => format!("step {share}"),
                Purpose::Evict => "evict".into(),
                Purpose::Restore => "restore".into(),
            };
            let forward = Action::forward_of(actions).unwrap();
            let member = |g: &ForwardGroup| format!("{} {}", g.arn.name(), g.weight.map_or(1, Weight::get));
            format!("set {route} {purpose} [{}]", forward.groups.iter().map(member).collect::<Vec<_>>().join(" "))
        }
        _ => super::managed::say_mutation(mutation),
    }
}
