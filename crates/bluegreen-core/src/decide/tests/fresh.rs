//! A control fleet beside the pair: what is done for it, and what is never done to it.

use super::bench::{Bench, alarm, forward, group, plan, revision, service, service_baseline};
use crate::decide::guard::{Veto, check, needs_last_look};
use crate::decide::{ControlSeen, evicted_actions};
use crate::journal::{Cause, Fact, Mutation, Purpose, Resolution};
use crate::model::{AfterCommit, Color, DriftPolicy, Percent};
use crate::observe::{AlarmState, Reading, ServiceSnapshot, TargetHealth};
use crate::plan::{ControlFleet, Plan, ServiceBaseline};
use crate::ports::{ErrorClass, ServiceChange};

const TEN: Purpose = Purpose::Step(Percent::from_tenths_const(100));

/// Its service as it was: one idle task of a version that nobody runs any more.
fn baseline() -> ServiceBaseline {
    let name = "front-control".to_owned();
    ServiceBaseline { arn: name.clone(), name, task_definition: revision("web:0"), ..service_baseline(Color::Blue, 1) }
}

fn with_control(plan: &mut Plan) {
    plan.control = Some(ControlFleet { service: baseline(), group: group("control") });
}

fn snapshot(short: &str, count: u32) -> ServiceSnapshot {
    let ServiceBaseline { arn, name, .. } = baseline();
    ServiceSnapshot { arn, name, ..service(Color::Blue, short, count) }
}

impl Bench {
    fn with_control(mut self) -> Bench {
        let reading = |value| Reading { seen_at: self.now, value: Ok(value) };
        let health = Reading { seen_at: self.now, value: Ok(TargetHealth { healthy: 1, ..TargetHealth::default() }) };
        self.seen.control = Some(ControlSeen { service: reading(snapshot("web:0", 1)), health });
        self
    }

    fn control_is(&mut self, short: &str, count: u32, healthy: u32) {
        let control = self.seen.control.as_mut().unwrap();
        control.service.value = Ok(snapshot(short, count));
        control.health.value.as_mut().unwrap().healthy = healthy;
    }

    fn control_told(&mut self, task_definition: Option<&str>, count: u32) {
        let intent = self.intent(told(task_definition, count));
        self.outcome(intent, Resolution::Applied { task_definition: None });
        self.control_is(task_definition.unwrap_or("web:1"), count, count);
    }

    /// At the first weight, everything filled and believed.
    fn ready() -> Bench {
        let mut bench = Bench::at_step_with(0, with_control).with_control();
        bench.control_told(Some("web:1"), 4);
        bench.fact(Fact::ControlHealthy { healthy: 4 });
        bench.pass_time(10);
        bench
    }

    /// Holding at ten percent.
    fn at_ten() -> Bench {
        let mut bench = Bench::ready();
        bench.set("step", TEN, bench.split(100));
        bench.fact(Fact::StepVerified(0));
        bench
    }

    fn committed() -> Bench {
        let mut bench = Bench::at_ten();
        bench.fact(Fact::StepPassed { step: 1, why: String::new() });
        bench.set("full", Purpose::Step(Percent::FULL), bench.split(1000));
        bench.fact(Fact::StepVerified(2));
        bench.fact(Fact::StepPassed { step: 3, why: String::new() });
        bench.fact(Fact::Committed);
        bench
    }

    fn veto(&self, mutation: &Mutation) -> String {
        match check(&self.state, &self.seen, self.now, mutation) {
            Ok(()) => "ok".into(),
            Err(Veto::NotNow(why)) => format!("not now: {why}"),
            Err(Veto::Never(why)) => format!("never: {why}"),
        }
    }
}

fn told(task_definition: Option<&str>, count: u32) -> Mutation {
    let task_definition = task_definition.map(revision);
    Mutation::UpdateControl(ServiceChange { color: Color::Blue, task_definition, desired: Some(count) })
}

fn set(bench: &Bench, weights: &[(&str, u32)], purpose: Purpose) -> Mutation {
    let mutation = |actions| Mutation::SetActions { route: super::bench::rule(), actions, purpose };
    let actions = forward(weights, None);
    assert_eq!(actions.len(), bench.state.plan.baseline.routes[0].actions.len());
    mutation(actions)
}

#[test]
fn it_is_attached_filled_and_believed_before_the_first_weight() {
    let mut planned = plan();
    with_control(&mut planned);
    let mut bench = Bench::with(&planned).with_control();
    bench.fact(Fact::GreenAtStart);
    assert_eq!(bench.decide(), "act set rule attach [blue 100 green 0 control 0]");
    bench.set("attach", Purpose::Attach, bench.split(0));
    bench.fact(Fact::Attached);
    bench.registered();
    assert_eq!(bench.decide(), "act green web:2 x4");
    bench.scaled(4);
    assert_eq!(bench.decide(), "act control web:1 x4", "stable's revision, the canary's count");
    bench.control_told(Some("web:1"), 4);
    bench.control_is("web:1", 4, 3);
    assert_eq!(bench.decide(), "note canary healthy 4");
    bench.fact(Fact::CanaryHealthy { healthy: 4 });
    assert_eq!(bench.decide(), "wait: control to become healthy: 3 of 4 targets are healthy");
    bench.control_is("web:1", 4, 4);
    assert_eq!(bench.decide(), "note control healthy 4");
    bench.pass_time(10);
    bench.fact(Fact::ControlHealthy { healthy: 4 });
    bench.hook_passed();
    assert_eq!(bench.decide(), "wait: control to stay healthy");
    bench.pass_time(10);
    assert_eq!(bench.decide(), "act set rule step 10% [blue 80 green 10 control 10]");
}

#[test]
fn its_share_is_the_canarys_as_long_as_there_is_room() {
    let bench = Bench::ready();
    let weights = |tenths| {
        let forward = crate::model::Action::forward_of(&bench.split(tenths)).unwrap().clone();
        forward.groups.iter().map(|group| group.weight.unwrap().get()).collect::<Vec<_>>()
    };
    for (tenths, expected) in [
        (0, [100, 0, 0]),
        (1, [998, 1, 1]),
        (100, [80, 10, 10]),
        (125, [750, 125, 125]),
        (500, [0, 50, 50]),
        (501, [499, 501, 0]),
        (510, [49, 51, 0]),
        (1000, [0, 100, 0]),
    ] {
        assert_eq!(weights(tenths), expected, "{tenths}");
        let (plan, share) = (&bench.state.plan, Percent::from_tenths(tenths).unwrap());
        let group = plan.control_group(share).map(crate::model::TargetGroupArn::name);
        let expected = match tenths {
            1..=500 => Some("control"),
            1000 => None,
            _ => Some("blue"),
        };
        assert_eq!(group, expected, "{tenths}");
    }
    let without = plan();
    assert_eq!(without.control_group(Percent::from_tenths_const(100)), Some(&group("blue")));
    assert_eq!(without.control_group(Percent::FULL), None);
}

#[test]
fn it_stands_from_before_the_first_weight_until_the_last_that_leaves_it_room() {
    let mut plan = plan();
    assert!((0..4).all(|step| !plan.needs_control(step)), "there is none");
    with_control(&mut plan);
    assert_eq!((0..4).map(|step| plan.needs_control(step)).collect::<Vec<_>>(), [true, true, false, false]);
    plan.steps.remove(0);
    assert!((0..3).all(|step| !plan.needs_control(step)), "all at once leaves no room");
    let mut bench = Bench::at_ten();
    bench.fact(Fact::StepPassed { step: 1, why: String::new() });
    bench.control_is("web:1", 4, 1);
    assert_eq!(bench.decide(), "act set rule step 100% [blue 0 green 100 control 0]", "nothing is compared any more");
}

#[test]
fn an_unhealthy_one_keeps_the_weight_down() {
    let mut bench = Bench::ready();
    bench.control_is("web:1", 4, 3);
    assert_eq!(bench.decide(), "note control unhealthy: 3 of 4 targets are healthy");
    bench.fact(Fact::ControlUnhealthy { seen: String::new() });
    assert_eq!(bench.decide(), "wait: control to become healthy: 3 of 4 targets are healthy");
    bench.pass_time(900);
    bench.fact(Fact::GateOpened);
    let said = bench.decide();
    assert!(said.starts_with("note restoring: deadline passed: control: 3 of 4 targets are healthy"), "{said}");
}

#[test]
fn one_that_has_traffic_and_cannot_serve_ends_the_release() {
    let mut bench = Bench::at_ten();
    bench.control_is("web:1", 4, 0);
    assert_eq!(bench.decide(), "note control unhealthy: it has traffic and not one healthy target");
    bench.fact(Fact::ControlUnhealthy { seen: String::new() });
    bench.pass_time(3600);
    let said = bench.decide();
    assert_eq!(said, "note restoring: the control fleet cannot serve: it has traffic and not one healthy target");
    let mut bench = Bench::at_ten();
    let mut given_up = snapshot("web:1", 4);
    given_up.deployments[0].rollout = Some("FAILED".into());
    bench.seen.control.as_mut().unwrap().service.value = Ok(given_up);
    assert!(bench.decide().starts_with("note restoring: the control fleet cannot serve: ECS gave up the deployment"));
}

#[test]
fn one_that_somebody_else_deploys_to_is_drift() {
    let mut bench = Bench::at_ten();
    bench.pass_time(3600);
    bench.control_is("web:9", 4, 4);
    let said = bench.decide();
    assert_eq!(said, "finish Held: service front-control runs web:9, expected web:1: someone else deployed");
    let mut bench = Bench::committed();
    bench.control_is("web:9", 4, 4);
    assert!(bench.decide().starts_with("finish Held: promoted, but service front-control runs web:9"));
}

#[test]
fn nothing_forward_is_decided_blind() {
    let mut bench = Bench::at_ten();
    let lost = super::bench::failed(ErrorClass::TimedOut);
    bench.seen.control.as_mut().unwrap().service.value = Err(lost);
    assert!(bench.decide().starts_with("wait: cannot look"), "{}", bench.decide());
}

#[test]
fn after_the_commit_it_gets_its_old_count_back() {
    let mut bench = Bench::committed();
    assert_eq!(bench.decide(), "wait: connections to the control fleet to drain");
    bench.pass_time(360);
    assert_eq!(bench.decide(), "act control x1");
    bench.control_told(None, 1);
    assert_eq!(bench.decide(), "note control settled");
    bench.fact(Fact::ControlSettled);
    assert_eq!(bench.decide(), "act blue x1");
    let mut warm = Bench::committed();
    std::sync::Arc::make_mut(&mut warm.state.plan).after = AfterCommit::KeepWarm;
    assert_eq!(warm.decide(), "wait: connections to the control fleet to drain", "a warm old fleet is another matter");
}

#[test]
fn on_the_way_back_it_gets_its_baseline_after_the_canary() {
    let mut bench = Bench::at_ten();
    bench.seen.alarms.value = Ok(vec![alarm(AlarmState::Alarm)]);
    assert!(bench.decide().starts_with("note restoring"));
    bench.restoring();
    assert_eq!(bench.decide(), "act set rule restore [blue 1]");
    bench.set("restore", Purpose::Restore, bench.state.plan.baseline.routes[0].actions.clone());
    bench.pass_time(60);
    bench.fact(Fact::TrafficRestored);
    bench.pass_time(600);
    assert_eq!(bench.decide(), "act green web:1 x0");
    let back = ServiceChange { color: Color::Green, task_definition: Some(revision("web:1")), desired: Some(0) };
    let intent = bench.intent(Mutation::UpdateService(back));
    bench.outcome(intent, Resolution::Applied { task_definition: None });
    bench.canary_is("web:1", 0);
    bench.pass_time(60);
    assert_eq!(bench.decide(), "act control web:0 x1", "revision and count as they were");
    bench.control_told(Some("web:0"), 1);
    assert_eq!(bench.decide(), "wait: control to show its baseline", "the read may be older than the write");
    bench.pass_time(60);
    assert_eq!(bench.decide(), "note capacity restored");
}

#[test]
fn one_that_was_never_touched_is_left_alone() {
    let mut bench = Bench::at_step_with(0, with_control).with_control();
    bench.restoring();
    bench.set("restore", Purpose::Restore, bench.state.plan.baseline.routes[0].actions.clone());
    bench.fact(Fact::TrafficRestored);
    bench.pass_time(600);
    let back = ServiceChange { color: Color::Green, task_definition: Some(revision("web:1")), desired: Some(0) };
    let intent = bench.intent(Mutation::UpdateService(back));
    bench.outcome(intent, Resolution::Applied { task_definition: None });
    bench.canary_is("web:1", 0);
    bench.pass_time(60);
    assert_eq!(bench.decide(), "note capacity restored");
}

/// A sticky route sends pinned clients to a group of weight 0: the group itself has to go.
#[test]
fn pinned_clients_leave_it_with_its_group() {
    let sticky = |weights: &[(&str, u32)]| forward(weights, Some(60));
    let bench = Bench::at_step_with(0, |plan| {
        with_control(plan);
        plan.baseline.routes[0].actions = sticky(&[("blue", 100), ("green", 0), ("control", 0)]);
    });
    assert_eq!(bench.split(100), sticky(&[("blue", 80), ("green", 10), ("control", 10)]));
    assert_eq!(bench.split(600), sticky(&[("blue", 40), ("green", 60)]));
    let evicted = evicted_actions(&bench.state.plan, &bench.state.plan.baseline.routes[0].actions);
    assert_eq!(evicted, Some(sticky(&[("blue", 100)])));
    let mut bench = Bench::at_step_with(0, |plan| {
        with_control(plan);
        plan.drift = DriftPolicy::Rollback;
        plan.baseline.routes[0].actions = sticky(&[("blue", 1), ("control", 0)]);
    })
    .with_control();
    bench.set("step", TEN, bench.split(100));
    bench.fact(Fact::Restoring(Cause::Abort("ann".into())));
    assert_eq!(bench.decide(), "act set rule evict [blue 1]", "control alone is reason enough");
}

#[test]
fn the_guard_knows_its_share_and_its_groups() {
    let bench = Bench::ready();
    let step = |weights: &[(&str, u32)]| bench.veto(&set(&bench, weights, TEN));
    assert_eq!(step(&[("blue", 80), ("green", 10), ("control", 10)]), "ok");
    let wrong = "never: the control fleet's share is not the one that belongs to the canary's";
    assert_eq!(step(&[("blue", 70), ("green", 10), ("control", 20)]), wrong);
    assert_eq!(step(&[("blue", 90), ("green", 10), ("control", 0)]), wrong);
    let stranger = "never: a target group would get traffic that is none of the plan's";
    assert_eq!(step(&[("blue", 70), ("green", 10), ("control", 10), ("ops", 10)]), stranger);
    let attach = |weights: &[(&str, u32)]| bench.veto(&set(&bench, weights, Purpose::Attach));
    assert_eq!(attach(&[("blue", 100), ("green", 0), ("control", 0)]), "ok");
    assert_eq!(attach(&[("blue", 90), ("green", 0), ("control", 10)]), wrong);
    let without = Bench::at_step(0);
    let given = without.veto(&set(&without, &[("blue", 80), ("green", 10), ("control", 10)], TEN));
    assert_eq!(given, stranger, "a plan without a control fleet has no third group");
}

#[test]
fn the_guard_gives_no_share_to_one_that_cannot_carry_it() {
    let step = |bench: &Bench| bench.veto(&set(bench, &[("blue", 80), ("green", 10), ("control", 10)], TEN));
    let mut bench = Bench::ready();
    bench.control_is("web:1", 4, 3);
    assert_eq!(step(&bench), "not now: 3 of 4 targets of the control fleet are healthy");
    bench.control_is("web:2", 4, 4);
    assert_eq!(step(&bench), "not now: front-control was not seen on the old version's revision");
    let mut bench = Bench::ready();
    bench.seen.control.as_mut().unwrap().health.seen_at = "2026-11-23T05:00:00Z".parse().unwrap();
    assert_eq!(step(&bench), "not now: the control fleet's health was read too long ago");
    let mut bench = Bench::ready();
    bench.seen.control.as_mut().unwrap().health.value = Err(super::bench::failed(ErrorClass::TimedOut));
    assert_eq!(step(&bench), "not now: the control fleet's health cannot be read");
    bench.seen.control = None;
    assert_eq!(step(&bench), "not now: the control fleet was not looked at");
}

#[test]
fn the_guard_lets_it_run_the_old_version_alone() {
    let bench = Bench::ready();
    let old = "never: the control fleet runs the old version's revision and no other";
    assert_eq!(bench.veto(&told(Some("web:2"), 4)), old);
    assert_eq!(bench.veto(&told(None, 4)), old);
    assert_eq!(bench.veto(&told(Some("web:1"), 2)), "ok", "nobody is on it yet");
    let mut bench = Bench::at_ten();
    let smaller = "not now: the control fleet has traffic and would be replaced or made smaller";
    assert_eq!(bench.veto(&told(Some("web:1"), 3)), smaller);
    assert_eq!(bench.veto(&told(Some("web:1"), 5)), "ok");
    bench.control_is("web:0", 4, 4);
    assert_eq!(bench.veto(&told(Some("web:1"), 5)), smaller);
    assert_eq!(Bench::at_step(0).veto(&told(Some("web:1"), 4)), "never: the plan has no control fleet");
}

#[test]
fn the_guard_takes_it_away_when_nobody_can_be_on_it() {
    let mut bench = Bench::committed();
    assert!(needs_last_look(&bench.state, &told(None, 1)));
    let more = "never: after the commit the control fleet gets its old count back and nothing else";
    assert_eq!(bench.veto(&told(None, 0)), more);
    assert_eq!(bench.veto(&told(Some("web:0"), 1)), more);
    assert_eq!(bench.veto(&told(None, 1)), "not now: the control fleet may still have connections");
    bench.pass_time(360);
    assert_eq!(bench.veto(&told(None, 1)), "ok");
    bench.found(forward(&[("blue", 50), ("green", 0), ("control", 50)], None));
    assert_eq!(bench.veto(&told(None, 1)), "not now: the control fleet still has traffic");
    bench.seen.routes.value = Err(super::bench::failed(ErrorClass::TimedOut));
    assert_eq!(bench.veto(&told(None, 1)), "not now: the routes cannot be read");

    let mut bench = Bench::at_ten();
    bench.restoring();
    let back = told(Some("web:0"), 1);
    assert_eq!(bench.veto(&back), "never: traffic goes back before capacity");
    bench.fact(Fact::TrafficRestored);
    assert_eq!(bench.veto(&back), "not now: the control fleet may still have connections");
    bench.pass_time(600);
    assert_eq!(bench.veto(&back), "ok");
    let other = "never: on the way back the control fleet gets its baseline and nothing else";
    assert_eq!(bench.veto(&told(Some("web:1"), 1)), other);
    assert_eq!(bench.veto(&told(Some("web:0"), 0)), other);
}
