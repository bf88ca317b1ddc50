//! Each law is shown an order that breaks it, and one that does not.

use std::time::Duration;

use bluegreen_core::journal::{Body, Cause, Command, Fact, Mutation, Operator, Record, Verb};
use bluegreen_core::model::{DeploymentId, DeploymentWait, RunId};
use bluegreen_core::observe::{AlarmState, TargetHealth};

use super::*;
use crate::laws::judge;
use crate::scenario::{METRIC_ALARMS, Scenario};
use crate::trace::{Answer, Detail};

/// A run by ECS that waits for its first traffic, with everything in order.
struct Bench {
    plan: Plan,
    world: World,
    trace: Vec<Call>,
    journal: Vec<Record>,
    holder: &'static str,
}

fn ours() -> DeploymentId {
    DeploymentId::new("arn:aws:ecs:eu-west-3:111122223333:service-deployment/shop/web/1")
}

fn pause(hook: &str) -> DeploymentWait {
    DeploymentWait::Pause { hook: hook.into(), stage: "PRE_PRODUCTION_TRAFFIC_SHIFT".into() }
}

fn last() -> DeploymentWait {
    DeploymentWait::Pause { hook: "h9".into(), stage: "POST_PRODUCTION_TRAFFIC_SHIFT".into() }
}

fn go_on(wait: DeploymentWait) -> (Mutation, ReleaseWrite) {
    (Mutation::Continue { deployment: ours(), wait: wait.clone() }, ReleaseWrite::GoOn(ours(), wait))
}

impl Bench {
    fn new() -> Bench {
        let scenario = Scenario::by_ecs();
        let (plan, world) = (scenario.plan(), scenario.world());
        let mut bench = Bench { plan: plan.clone(), world, trace: Vec::new(), journal: Vec::new(), holder: "a" };
        let operator = Operator { user: "a".into(), host: "h".into(), pid: 1, version: "0".into() };
        bench.note(Body::Started { hash: plan.hash(), plan: Box::new(plan), operator });
        bench.look(4);
        bench
    }

    fn note(&mut self, body: Body) {
        self.journal.push(Record { seq: self.journal.len() as u64, at: self.world.now(), body });
    }

    fn fact(&mut self, fact: Fact) {
        self.note(Body::Fact(fact));
    }

    fn pass(&mut self, time: Duration) {
        let until = self.world.now_ms() + millis(time);
        self.world.advance_to(until);
        self.look(4);
    }

    /// Reads alarms and the new version's health.
    fn look(&mut self, healthy: u32) {
        let names = self.plan.alarm_names();
        let alarms = names.iter().filter_map(|name| self.world.state().alarm(name)).collect();
        let health = TargetHealth { healthy, ..TargetHealth::default() };
        let group = self.plan.canary_group().clone();
        for detail in [Detail::Alarms(names, alarms), Detail::Health(group, health)] {
            let call = self.call(detail);
            self.trace.push(Call { mutating: false, applied: false, ..call });
        }
    }

    fn call(&self, detail: Detail) -> Call {
        let now = self.world.now();
        Call {
            index: self.trace.len() as u64,
            operator: "a".to_owned(),
            operation: "an order",
            argument: String::new(),
            sent_at: now,
            at: now,
            answered_at: now,
            mutating: true,
            applied: true,
            answer: Answer::Ok,
            detail,
        }
    }

    /// The laws that an order breaks which was written down before.
    fn order(&mut self, (mutation, write): (Mutation, ReleaseWrite)) -> Vec<&'static str> {
        self.note(Body::Intent { mutation, because: String::new() });
        self.send(write)
    }

    fn send(&mut self, write: ReleaseWrite) -> Vec<&'static str> {
        let call = self.call(Detail::Release(write));
        let case = Case {
            plan: &self.plan,
            world: &self.world,
            trace: &self.trace,
            call: &call,
            journal: &self.journal,
            holder: Some(self.holder),
            journal_failed: false,
        };
        let broken = judge(&case).into_iter().map(|(law, _)| law).collect();
        self.trace.push(call);
        broken
    }

    fn start(&self) -> (Mutation, ReleaseWrite) {
        (Mutation::StartDeployment, ReleaseWrite::Start(Some(self.plan.run.clone())))
    }
}

#[test]
fn orders_in_order_break_nothing() {
    let mut bench = Bench::new();
    let start = bench.start();
    assert_eq!(bench.order(start), [""; 0]);
    assert_eq!(bench.order(go_on(pause("h1"))), [""; 0]);
    bench.fact(Fact::StepVerified(0));
    bench.pass(Duration::from_secs(10));
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    assert_eq!(bench.order(go_on(pause("h2"))), [""; 0]);
    bench.fact(Fact::Committed);
    assert_eq!(bench.order(go_on(last())), [""; 0]);
    assert_eq!(bench.order((Mutation::RestoreSettings, ReleaseWrite::Settings("web".into()))), [""; 0]);
}

#[test]
fn alarms_and_health_are_looked_at_before_traffic() {
    let mut bench = Bench::new();
    bench.world.set_alarm(METRIC_ALARMS[0], AlarmState::Alarm, "scripted");
    bench.look(4);
    let start = bench.start();
    assert_eq!(bench.order(start), ["S2"]);
    let mut bench = Bench::new();
    bench.look(3);
    assert_eq!(bench.order(go_on(pause("h1"))), ["S3"]);
    let mut bench = Bench::new();
    bench.trace.clear();
    assert_eq!(bench.order(go_on(pause("h1"))), ["S2", "S3"]);
}

#[test]
fn orders_are_written_down_first_and_given_by_whoever_holds_the_lock() {
    let mut bench = Bench::new();
    assert_eq!(bench.send(ReleaseWrite::Stop(ours())), ["S4"]);
    let mut bench = Bench::new();
    let other: RunId = "20261123t060512z-web-0000ff".parse().unwrap();
    assert_eq!(bench.order((Mutation::StartDeployment, ReleaseWrite::Start(Some(other)))), ["S4"]);
    let mut bench = Bench::new();
    bench.holder = "b";
    assert_eq!(bench.order((Mutation::StopDeployment { deployment: ours() }, ReleaseWrite::Stop(ours()))), ["S8"]);
}

#[test]
fn the_old_version_stays_until_the_commit() {
    let mut bench = Bench::new();
    assert_eq!(bench.order(go_on(last())), ["S5"]);
}

#[test]
fn no_traffic_after_the_run_turned_back() {
    let mut bench = Bench::new();
    bench.fact(Fact::Restoring(Cause::Interrupt));
    assert_eq!(bench.order(go_on(pause("h1"))), ["S6"]);
    let start = bench.start();
    assert_eq!(bench.order(start), ["S6"]);
    assert_eq!(bench.order((Mutation::StopDeployment { deployment: ours() }, ReleaseWrite::Stop(ours()))), [""; 0]);
}

#[test]
fn each_weight_has_its_wait_and_its_hold() {
    let mut bench = Bench::new();
    assert_eq!(bench.order(go_on(pause("h1"))), [""; 0]);
    assert_eq!(bench.order(go_on(pause("h2"))), ["S13"], "the first weight was not verified");
    let mut bench = Bench::new();
    bench.order(go_on(pause("h1")));
    bench.fact(Fact::StepVerified(0));
    bench.pass(Duration::from_secs(4));
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    assert_eq!(bench.order(go_on(pause("h2"))), ["S13"], "held for too short a time");
    let at = bench.world.now();
    bench.fact(Fact::Commanded(Command { id: "1".into(), at, by: "ann".into(), verb: Verb::Promote }));
    bench.trace.pop();
    assert_eq!(bench.order(go_on(pause("h2"))), [""; 0], "a person has cut it short");
}

#[test]
fn one_run_starts_one_deployment() {
    let mut bench = Bench::new();
    let start = bench.start();
    bench.order(start.clone());
    assert_eq!(bench.order(start), ["S16"]);
}

#[test]
fn what_is_reported_of_deployments_is_so() {
    let bench = Bench::new();
    assert_eq!(restored(&bench.world, &bench.plan), [""; 0]);
    let found = promoted(&bench.world, &bench.plan);
    assert!(found[0].starts_with("reported Promoted while its deployments"), "{found:?}");
}
