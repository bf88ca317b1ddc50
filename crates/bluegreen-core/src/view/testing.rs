//! A journal for tests, written record by record.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::decide::step_actions;
use crate::event::Look;
use crate::journal::{
    Body, Cause, Command, Ending, Fact, Mutation, Operator, Purpose, Record, Resolution, Terminal, Verb,
};
use crate::model::{
    Action, ActionKind, AfterCommit, AlarmPolicy, ByColor, Capacity, Color, DeploymentId, DeploymentWait, DriftPolicy,
    Forward, ForwardGroup, GroupStickiness, Hook, Percent, RollbackPolicy, RouteId, Shift, Step, TargetGroupArn,
    TaskDefinitionArn, Timing, Weight,
};
use crate::observe::{AlarmState, RouteSnapshot, TargetHealth};
use crate::plan::{
    Baseline, CodeDeploy, Engine, Native, PLAN_VERSION, Plan, PlannedAlarm, Release, ServiceBaseline, Site,
};
use crate::ports::{CallError, ErrorClass, ServiceChange};

const ELB: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333";

pub(crate) fn group(name: &str) -> TargetGroupArn {
    format!("{ELB}:targetgroup/{name}/73e2d6bc24d8a067").parse().unwrap()
}

pub(crate) fn revision(short: &str) -> TaskDefinitionArn {
    format!("arn:aws:ecs:eu-west-3:111122223333:task-definition/{short}").parse().unwrap()
}

pub(crate) fn rule() -> RouteId {
    let path = "listener-rule/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee";
    RouteId::Rule(format!("{ELB}:{path}").parse().unwrap())
}

pub(crate) fn default_action() -> RouteId {
    RouteId::DefaultAction(format!("{ELB}:listener/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2").parse().unwrap())
}

pub(crate) fn share(text: &str) -> Percent {
    text.parse().unwrap()
}

pub(crate) fn operator() -> Operator {
    Operator { user: "ann".into(), host: "desk".into(), pid: 4711, version: "0.1.0".into() }
}

pub(crate) fn other_operator() -> Operator {
    Operator { user: "bob".into(), host: "ci".into(), pid: 12, version: "0.1.0".into() }
}

pub(crate) fn refused() -> CallError {
    CallError {
        operation: "elbv2:ModifyRule".into(),
        class: ErrorClass::Denied,
        message: format!("AccessDenied: not authorized on {}", rule().arn()),
    }
}

/// A forward with these weights; `sticky` adds stickiness and an authentication in front of it.
pub(crate) fn actions(weights: &[(&str, u32)], sticky: Option<u32>) -> Vec<Action> {
    let member = |(name, weight): &(&str, u32)| ForwardGroup {
        arn: group(name),
        weight: Some(Weight::try_from(*weight).unwrap()),
    };
    let stickiness = sticky.map(|seconds| GroupStickiness { enabled: true, duration_seconds: Some(seconds) });
    let forward = Forward { groups: weights.iter().map(member).collect(), stickiness };
    let mut all = vec![Action { order: Some(2), kind: ActionKind::Forward(forward) }];
    if sticky.is_some() {
        let config = json!({ "Issuer": "https://login.example.com", "UseExistingClientSecret": true });
        let kind = ActionKind::Other { name: "authenticate-oidc".into(), config: config.as_object().unwrap().clone() };
        all.insert(0, Action { order: Some(1), kind });
    }
    all
}

fn service(color: Color, desired: u32) -> ServiceBaseline {
    ServiceBaseline {
        arn: format!("arn:aws:ecs:eu-west-3:111122223333:service/shop/frontend-{color}"),
        name: format!("frontend-{color}"),
        created_at: Some("2026-01-05T08:00:00Z".parse().unwrap()),
        task_definition: revision("frontend:41"),
        desired,
    }
}

fn route(id: RouteId, priority: &str, sticky: Option<u32>) -> RouteSnapshot {
    let conditions = json!([{ "Field": "path-pattern", "Values": ["/*"] }]);
    RouteSnapshot { id, priority: priority.into(), conditions, actions: actions(&[("front-blue", 1)], sticky) }
}

pub(crate) fn start() -> Timestamp {
    "2026-11-23T06:05:12Z".parse().unwrap()
}

/// Two routes, six steps, one hook, two alarms.
pub(crate) fn plan() -> Plan {
    Plan {
        version: PLAN_VERSION,
        run: "20261123t060512z-frontend-1a2b3c".parse().unwrap(),
        created_at: "2026-11-23T06:05:00Z".parse().unwrap(),
        site: Site {
            account: "111122223333".into(),
            region: "eu-west-3".into(),
            cluster: "shop-prod".into(),
            service: "frontend".into(),
            environment: "prod".into(),
        },
        baseline: Baseline {
            captured_at: "2026-11-23T06:04:58Z".parse().unwrap(),
            stable: Color::Blue,
            routes: vec![route(rule(), "10", None), route(default_action(), "default", Some(60))],
            test_route: None,
            services: ByColor { blue: service(Color::Blue, 4), green: service(Color::Green, 0) },
        },
        groups: ByColor { blue: group("front-blue"), green: group("front-green") },
        load_balancer: format!("{ELB}:loadbalancer/app/shop/50dc6c495c0c9188").parse().unwrap(),
        release: Release::Register {
            family: "frontend".into(),
            document: json!({
                "family": "frontend",
                "containerDefinitions": [{ "name": "web", "environment": [{ "name": "KEY", "value": "s3cret-env" }] }],
            }),
        },
        steps: vec![
            Step::SetWeight(share("10")),
            Step::Hold(Duration::from_secs(300)),
            Step::SetWeight(share("50")),
            Step::AwaitPromote,
            Step::SetWeight(Percent::FULL),
            Step::Bake(Duration::from_secs(900)),
        ],
        capacity: Capacity::Full,
        after: AfterCommit::ScaleTo(1),
        alarms: ["frontend-5xx", "frontend-latency"]
            .map(|name| PlannedAlarm { name: name.into(), definition: "d0".into(), window_seconds: 60 })
            .to_vec(),
        alarm_policy: AlarmPolicy::default(),
        drift: DriftPolicy::Hold,
        rollback: RollbackPolicy::default(),
        pre_traffic: vec![Hook {
            argv: vec!["./smoke.sh".into(), "--token=s3cret-arg".into()],
            timeout: Duration::from_secs(60),
        }],
        test_url: None,
        timing: Timing::default(),
        engine: Engine::Alb,
        analysis: None,
        control: None,
    }
}

/// The same release by CodeDeploy: one service, one route, a wait before the first weight and one after the last.
pub(crate) fn codedeploy_plan() -> Plan {
    let mut plan = one_service();
    plan.engine = Engine::CodeDeploy(Box::new(CodeDeploy {
        application: "AppECS-shop-prod-frontend".into(),
        group: "DgpECS-shop-prod-frontend".into(),
        config: "bluegreen-canary-10-5m".into(),
        create_config: true,
        shift: Shift::Canary { first: share("10"), wait: Duration::from_secs(300) },
        appspec: "{}".into(),
        ready_wait: Some(Duration::from_secs(3600)),
        termination_wait: Duration::from_secs(3600),
    }));
    plan
}

/// The same release by ECS itself.
pub(crate) fn ecs_plan() -> Plan {
    let mut plan = one_service();
    plan.engine = Engine::Ecs(Box::new(Native {
        shift: Shift::Canary { first: share("10"), wait: Duration::ZERO },
        configuration: json!({ "strategy": "CANARY" }),
        declared: json!({ "strategy": "ROLLING" }),
    }));
    plan
}

fn one_service() -> Plan {
    let mut plan = plan();
    plan.baseline.routes.truncate(1);
    plan.baseline.services.green = ServiceBaseline { desired: 0, ..plan.baseline.services.blue.clone() };
    plan.steps = vec![
        Step::SetWeight(share("10")),
        Step::Hold(Duration::from_secs(300)),
        Step::SetWeight(Percent::FULL),
        Step::Bake(Duration::from_secs(900)),
    ];
    plan
}

/// The records of one run, as they are being made.
pub(crate) struct Script {
    pub(crate) plan: Plan,
    pub(crate) records: Vec<Record>,
    pub(crate) now: Timestamp,
}

impl Script {
    /// A run that has only begun.
    pub(crate) fn new(plan: Plan) -> Script {
        let mut script = Script { plan: plan.clone(), records: Vec::new(), now: start() };
        let hash = plan.hash();
        script.push(Body::Started { plan: Box::new(plan), hash, operator: operator() });
        script
    }

    /// A run of the usual plan that has only begun.
    pub(crate) fn begun() -> Script {
        Script::new(plan())
    }

    pub(crate) fn after(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now.checked_add(Duration::from_secs(seconds)).unwrap();
        self
    }

    pub(crate) fn push(&mut self, body: Body) -> &mut Self {
        self.records.push(Record { seq: self.records.len() as u64, at: self.now, body });
        self
    }

    pub(crate) fn fact(&mut self, fact: Fact) -> &mut Self {
        self.push(Body::Fact(fact))
    }

    pub(crate) fn intend(&mut self, mutation: Mutation, because: &str) -> &mut Self {
        self.push(Body::Intent { mutation, because: because.into() })
    }

    /// The outcome of the newest intent, a second later.
    pub(crate) fn resolve(&mut self, resolution: Resolution) -> &mut Self {
        let intent = self.records.iter().rev().find(|record| matches!(record.body, Body::Intent { .. }));
        let intent = intent.unwrap().seq;
        self.after(1).push(Body::Outcome { intent, resolution })
    }

    pub(crate) fn applied(&mut self) -> &mut Self {
        self.resolve(Resolution::Applied { task_definition: None })
    }

    pub(crate) fn set_one(&mut self, route: &RouteId, actions: Vec<Action>, purpose: Purpose) -> &mut Self {
        let because = match purpose {
            Purpose::Step(share) => format!("the canary gets {share}"),
            Purpose::Attach => "both groups need explicit weights".to_owned(),
            _ => "the baseline comes back".to_owned(),
        };
        self.intend(Mutation::SetActions { route: route.clone(), actions, purpose }, &because)
    }

    /// Writes every route for this purpose.
    pub(crate) fn set_all(&mut self, purpose: Purpose) -> &mut Self {
        let share = if let Purpose::Step(share) = purpose { share } else { Percent::ZERO };
        for route in self.plan.baseline.routes.clone() {
            let target = match purpose {
                Purpose::Restore => route.actions.clone(),
                _ => step_actions(&self.plan, &route.actions, share),
            };
            self.set_one(&route.id, target, purpose).applied();
        }
        self
    }

    /// AWS's deployment of a managed run, up to its first wait, with the smoke test passed.
    pub(crate) fn deploying(&mut self, deployment: &DeploymentId, wait: &DeploymentWait) -> &mut Self {
        self.after(2).fact(Fact::GreenAtStart);
        self.intend(Mutation::RegisterTaskDefinition, "frontend has no revision of this run");
        self.resolve(Resolution::Applied { task_definition: Some(revision("frontend:42")) });
        self.intend(Mutation::StartDeployment, "frontend:42 is to be released, and no deployment of this run exists");
        self.resolve(Resolution::Started { deployment: deployment.clone() });
        self.after(60).fact(Fact::Waits { deployment: deployment.clone(), wait: wait.clone() });
        self.after(2).fact(Fact::CanaryHealthy { healthy: 4 });
        let hook = self.plan.pre_traffic[0].clone();
        self.intend(Mutation::RunHook(0, hook), "hook 1 of 1 before the first weight").applied()
    }

    /// A wait that is ended, and what AWS moves because of it.
    pub(crate) fn go_on(&mut self, deployment: &DeploymentId, wait: &DeploymentWait) -> &mut Self {
        let mutation = Mutation::Continue { deployment: deployment.clone(), wait: wait.clone() };
        self.intend(mutation, "the canary gets its share").applied()
    }

    /// A weight that AWS was seen to have moved, in percent.
    pub(crate) fn shifted(&mut self, percent: u32) -> &mut Self {
        let found = actions(&[("front-blue", 100 - percent), ("front-green", percent)], None);
        self.after(5).fact(Fact::Shifted { route: rule(), found })
    }

    /// Up to the first step: attached, registered, filled, smoke-tested.
    pub(crate) fn ready(&mut self) -> &mut Self {
        self.after(2).fact(Fact::GreenAtStart).set_all(Purpose::Attach).after(3).fact(Fact::Attached);
        self.intend(Mutation::RegisterTaskDefinition, "frontend has no revision of this run");
        self.resolve(Resolution::Applied { task_definition: Some(revision("frontend:42")) });
        self.scale(Color::Green, Some("frontend:42"), 4).after(80).fact(Fact::CanaryHealthy { healthy: 4 });
        let hook = self.plan.pre_traffic[0].clone();
        self.intend(Mutation::RunHook(0, hook), "hook 1 of 1 before the first weight").applied()
    }

    pub(crate) fn scale(&mut self, color: Color, short: Option<&str>, desired: u32) -> &mut Self {
        let change = ServiceChange { color, task_definition: short.map(revision), desired: Some(desired) };
        self.intend(Mutation::UpdateService(change), &format!("{color} needs {desired} tasks")).applied()
    }

    /// A `SetWeight` step, written and read back.
    pub(crate) fn weigh(&mut self, step: usize, percent: &str) -> &mut Self {
        self.set_all(Purpose::Step(share(percent))).after(4).fact(Fact::StepVerified(step))
    }

    pub(crate) fn pass(&mut self, step: usize, why: &str) -> &mut Self {
        self.fact(Fact::StepPassed { step, why: why.into() })
    }

    pub(crate) fn command(&mut self, verb: Verb) -> &mut Self {
        let id = format!("c{}", self.records.len());
        let at = self.now;
        self.fact(Fact::Commanded(Command { id, at, by: "eve@desk pid 9".into(), verb }))
    }

    /// Up to the hold at 10 %.
    pub(crate) fn holding(&mut self) -> &mut Self {
        self.ready().weigh(0, "10")
    }

    /// Up to the bake at 100 %.
    pub(crate) fn baking(&mut self) -> &mut Self {
        self.holding().after(300).pass(1, "hold of 5m is over").weigh(2, "50");
        self.after(60).command(Verb::Promote).pass(3, "promoted by eve@desk pid 9").weigh(4, "100")
    }

    /// All of it.
    pub(crate) fn promoted(&mut self) -> &mut Self {
        self.baking().after(900).pass(5, "bake of 15m is over").fact(Fact::Committed);
        self.after(360).scale(Color::Blue, None, 1).after(30).fact(Fact::OldFleetSettled);
        self.finish(Terminal::Promoted, "frontend:42 has all traffic on every route, read back and healthy")
    }

    pub(crate) fn restoring(&mut self, cause: Cause) -> &mut Self {
        self.fact(Fact::Restoring(cause))
    }

    /// From the hold at 10 % all the way back.
    pub(crate) fn rolled_back(&mut self) -> &mut Self {
        self.holding().after(100).restoring(red()).set_all(Purpose::Restore).after(30).fact(Fact::TrafficRestored);
        self.after(360).scale(Color::Green, Some("frontend:41"), 0).after(35).fact(Fact::CapacityRestored);
        self.finish(Terminal::RolledBack, "the baseline was restored and read back; alarm frontend-5xx is red")
    }

    pub(crate) fn finish(&mut self, terminal: Terminal, why: &str) -> &mut Self {
        self.push(Body::Finished(Ending { terminal, why: why.into() }))
    }

    pub(crate) fn last(&self) -> &Record {
        self.records.last().unwrap()
    }
}

pub(crate) fn red() -> Cause {
    Cause::AlarmRed { alarm: "frontend-5xx".into(), reason: "3 datapoints were greater than 5.0".into() }
}

/// A calm look at a canary with 10 %.
pub(crate) fn look(at: Timestamp) -> Look {
    let health = |healthy| Some(TargetHealth { healthy, ..TargetHealth::default() });
    Look {
        at,
        set: share("10"),
        configured: vec![(rule(), Some(100_000)), (default_action(), Some(100_000))],
        observed: Some(98_000),
        tasks: Some(ByColor { blue: (4, 4), green: (4, 4) }),
        health: ByColor { blue: health(4), green: health(4) },
        alarms: vec![("frontend-5xx".into(), AlarmState::Ok), ("frontend-latency".into(), AlarmState::Ok)],
        control: None,
    }
}
