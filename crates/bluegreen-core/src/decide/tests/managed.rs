//! Runs whose weights AWS moves: the same tables, with a deployment in the world.

mod back;
mod codedeploy;
mod ecs;
mod guards;
mod start;

use std::time::Duration;

use serde_json::{Value, json};

use super::bench::{Bench, forward, plan, revision, service, snapshot};
use crate::journal::{Body, Fact, Mutation, Resolution};
use crate::model::{Color, DeploymentId, DeploymentWait, RunId, Shift, Step};
use crate::observe::{DeploymentStatus, LifecycleEvent, ManagedDeployment, ManagedDeployments, OldAndNew, Reading};
use crate::plan::{CodeDeploy, Engine, Native, Plan};

pub(super) fn run() -> RunId {
    plan().run
}

pub(super) fn codedeploy_plan() -> Plan {
    let shift = Shift::Canary { first: "10".parse().unwrap(), wait: Duration::from_secs(300) };
    let engine = CodeDeploy {
        application: "AppECS-shop-front".into(),
        group: "DgpECS-shop-front".into(),
        config: "CodeDeployDefault.ECSCanary10Percent5Minutes".into(),
        create_config: false,
        shift,
        appspec: "{}".into(),
        ready_wait: Some(Duration::from_secs(3600)),
        termination_wait: Duration::from_secs(3600),
    };
    one_service(Engine::CodeDeploy(Box::new(engine)))
}

pub(super) fn declared() -> Value {
    json!({ "strategy": "ROLLING", "maximumPercent": 200 })
}

pub(super) fn configuration() -> Value {
    json!({ "strategy": "CANARY", "lifecycleHooks": [{ "hookDetails": { "bluegreen": format!("bluegreen run {}", run()) } }] })
}

pub(super) fn ecs_plan() -> Plan {
    let shift = Shift::Canary { first: "10".parse().unwrap(), wait: Duration::ZERO };
    let engine = Native { shift, configuration: configuration(), declared: declared() };
    one_service(Engine::Ecs(Box::new(engine)))
}

fn one_service(engine: Engine) -> Plan {
    let mut plan = plan();
    plan.engine = engine;
    plan.pre_traffic.clear();
    plan.baseline.services.green = plan.baseline.services.blue.clone();
    plan.baseline.services.green.desired = 0;
    plan
}

pub(super) fn id(name: &str) -> DeploymentId {
    DeploymentId::new(name)
}

pub(super) fn pause(hook: &str) -> DeploymentWait {
    DeploymentWait::Pause { hook: hook.into(), stage: "PRE_PRODUCTION_TRAFFIC_SHIFT".into() }
}

pub(super) fn last_pause() -> DeploymentWait {
    DeploymentWait::Pause { hook: "h9".into(), stage: "POST_PRODUCTION_TRAFFIC_SHIFT".into() }
}

pub(super) fn deployment(name: &str) -> ManagedDeployment {
    ManagedDeployment {
        id: id(name),
        run: None,
        creator: "user".into(),
        created_at: "2026-11-23T06:00:00Z".parse().unwrap(),
        task_definition: Some(revision("web:2")),
        status: DeploymentStatus::InProgress,
        stage: None,
        waits_for: None,
        wait_ends: None,
        share_ppm: None,
        events: vec![],
        tasks: OldAndNew { old: (4, 4), new: (4, 4) },
        why: None,
        rolled_back_by: None,
        rollback_of: None,
    }
}

pub(super) fn ours() -> ManagedDeployment {
    ManagedDeployment { run: Some(run()), ..deployment("d-1") }
}

pub(super) fn event(name: &str, status: &str) -> LifecycleEvent {
    LifecycleEvent { name: name.into(), status: status.into(), message: None }
}

impl Bench {
    /// At the very beginning.
    pub(super) fn untouched(plan: &Plan) -> Bench {
        let mut bench = Bench::with(plan);
        bench.sees(ManagedDeployments::default());
        let services = bench.seen.services.value.as_mut().unwrap();
        services.green = service(Color::Blue, "web:1", 0);
        bench
    }

    /// Green at the start, the revision registered, nothing deployed.
    pub(super) fn managed(plan: &Plan) -> Bench {
        let mut bench = Bench::untouched(plan);
        bench.fact(Fact::GreenAtStart);
        bench.registered();
        bench
    }

    /// Started, found, both versions up and healthy, waiting for its first traffic.
    pub(super) fn at_first_wait(plan: &Plan, wait: &DeploymentWait) -> Bench {
        let mut bench = Bench::managed(plan);
        bench.started();
        bench.waits(wait);
        bench.fact(Fact::CanaryHealthy { healthy: 4 });
        bench.pass_time(10);
        bench
    }

    /// At `tenths` of a percent, which is the weight of the step with this index.
    pub(super) fn moved_to(&mut self, step: usize, tenths: u16) {
        self.shows(tenths);
        self.notes();
        self.fact(Fact::StepVerified(step));
    }

    pub(super) fn started(&mut self) {
        let intent = self.intent(Mutation::StartDeployment);
        self.outcome(intent, Resolution::Started { deployment: id("d-1") });
        self.sees_ours(ours());
        let services = self.seen.services.value.as_mut().unwrap();
        services.green = service(Color::Blue, "web:2", 4);
        self.seen.health.green.value.as_mut().unwrap().healthy = 4;
        self.pass_time(1);
    }

    pub(super) fn start_in_doubt(&mut self) {
        self.intent(Mutation::StartDeployment);
    }

    pub(super) fn sees(&mut self, deployments: ManagedDeployments) {
        self.seen.deployments = Some(Reading { seen_at: self.now, value: Ok(deployments) });
    }

    pub(super) fn sees_ours(&mut self, ours: ManagedDeployment) {
        let seen = ManagedDeployments { ours: Some(ours), ..ManagedDeployments::default() };
        self.sees(seen);
    }

    pub(super) fn change_ours(&mut self, change: impl FnOnce(&mut ManagedDeployment)) {
        let seen = self.seen.deployments.as_mut().unwrap().value.as_mut().unwrap();
        change(seen.ours.as_mut().unwrap());
    }

    pub(super) fn status(&mut self, status: DeploymentStatus) {
        self.change_ours(|ours| ours.status = status);
    }

    /// Ours waits there, and that is written down.
    pub(super) fn waits(&mut self, wait: &DeploymentWait) {
        self.change_ours(|ours| ours.waits_for = Some(wait.clone()));
        self.notes();
    }

    pub(super) fn waits_no_more(&mut self) {
        self.change_ours(|ours| ours.waits_for = None);
    }

    pub(super) fn shows(&mut self, tenths: u16) {
        let blue = u32::from(100 - tenths / 10);
        self.found(forward(&[("blue", blue), ("green", u32::from(tenths / 10))], None));
    }

    /// Takes down all that AWS has done.
    pub(super) fn notes(&mut self) {
        use crate::decide::{Decision, decide};
        while let Decision::Note(fact) = decide(&self.state, &self.seen, self.now) {
            let follows = matches!(
                fact,
                Fact::Waits { .. }
                    | Fact::Lifecycle { .. }
                    | Fact::Stage { .. }
                    | Fact::Shifted { .. }
                    | Fact::DeploymentFound { .. }
                    | Fact::RollbackFound { .. }
                    | Fact::DeploymentEnded { .. }
                    | Fact::TurnedBack { .. }
            );
            if !follows {
                return;
            }
            self.fact(fact);
        }
    }

    pub(super) fn continued(&mut self, wait: DeploymentWait) {
        let intent = self.intent(Mutation::Continue { deployment: id("d-1"), wait });
        self.outcome(intent, Resolution::Applied { task_definition: None });
    }

    pub(super) fn stopped(&mut self) {
        let intent = self.intent(Mutation::StopDeployment { deployment: id("d-1") });
        self.outcome(intent, Resolution::Applied { task_definition: None });
    }

    pub(super) fn fails(&mut self, mutation: Mutation, class: crate::ports::ErrorClass, message: &str) {
        let intent = self.intent(mutation);
        let error = crate::ports::CallError { operation: "x".into(), class, message: message.into() };
        self.record(Body::Outcome { intent, resolution: Resolution::NotApplied(error) });
    }

    pub(super) fn settings(&mut self, value: Value) {
        self.seen.settings = Some(Reading { seen_at: self.now, value: Ok(value) });
    }
}

pub(super) fn await_first(plan: &mut Plan) {
    plan.steps.insert(0, Step::AwaitPromote);
}

pub(super) fn plain_forward(bench: &mut Bench) {
    bench.seen.routes.value = Ok(vec![snapshot(forward(&[("blue", 100), ("green", 0)], None))]);
}

pub(super) fn say_fact(fact: &Fact) -> String {
    match fact {
        Fact::ConfigReady => "config ready".into(),
        Fact::DeploymentFound { deployment, creator } => format!("found {deployment} by {creator}"),
        Fact::DeploymentNeverStarted => "never started".into(),
        Fact::Stage { deployment, stage } => format!("{deployment} at {stage}"),
        Fact::Lifecycle { deployment, place, event } => format!("{deployment} {place} {} {}", event.name, event.status),
        Fact::Waits { deployment, wait } => format!("{deployment} waits at {wait}"),
        Fact::ContinuedElsewhere { wait } => format!("continued elsewhere at {wait}"),
        Fact::Shifted { found, .. } => {
            let forward = crate::model::Action::forward_of(found).unwrap();
            format!("shifted {}", forward.split().unwrap())
        }
        Fact::TurnedBack { deployment, .. } => format!("{deployment} turned back"),
        Fact::RollbackFound { deployment } => format!("rollback {deployment}"),
        Fact::DeploymentEnded { deployment, status, .. } => format!("{deployment} ended {status:?}"),
        Fact::SettingsRestored => "settings restored".into(),
        other => format!("{other:?}"),
    }
}

pub(super) fn say_mutation(mutation: &Mutation) -> String {
    match mutation {
        Mutation::CreateConfig => "create config".into(),
        Mutation::StartDeployment => "start".into(),
        Mutation::Continue { deployment, wait } => format!("continue {deployment} at {wait}"),
        Mutation::StopDeployment { deployment } => format!("stop {deployment}"),
        Mutation::RestoreSettings => "restore settings".into(),
        other => format!("{other:?}"),
    }
}
