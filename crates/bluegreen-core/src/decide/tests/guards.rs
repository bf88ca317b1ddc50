//! Each guard fires on its own, without the decider's help.

use super::bench::{Bench, alarm, forward, revision};
use crate::decide::guard::{Veto, check};
use crate::journal::{Fact, Mutation, Purpose, Verb};
use crate::model::{ActionKind, Color, Percent, RouteId};
use crate::observe::AlarmState;
use crate::ports::ServiceChange;

const TEN: Purpose = Purpose::Step(Percent::from_tenths_const(100));

fn veto(bench: &Bench, mutation: &Mutation) -> String {
    match check(&bench.state, &bench.seen, bench.now, mutation) {
        Ok(()) => "ok".into(),
        Err(Veto::NotNow(why)) => format!("not now: {why}"),
        Err(Veto::Never(why)) => format!("never: {why}"),
    }
}

fn set(actions: Vec<crate::model::Action>, purpose: Purpose) -> Mutation {
    Mutation::SetActions { route: super::bench::rule(), actions, purpose }
}

fn step(bench: &Bench) -> Mutation {
    set(bench.split(100), TEN)
}

fn scale(color: Color, task_definition: Option<&str>, desired: u32) -> Mutation {
    let task_definition = task_definition.map(revision);
    Mutation::UpdateService(ServiceChange { color, task_definition, desired: Some(desired) })
}

#[test]
fn only_planned_routes_and_only_weights() {
    let bench = Bench::at_step(0);
    assert_eq!(veto(&bench, &step(&bench)), "ok");
    let listener = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener/app/shop/1/2".parse().unwrap();
    let foreign =
        Mutation::SetActions { route: RouteId::DefaultAction(listener), actions: bench.split(100), purpose: TEN };
    assert_eq!(veto(&bench, &foreign), "never: the route is not part of the plan");
    let mut without_login = bench.split(100);
    without_login.remove(0);
    assert_eq!(veto(&bench, &set(without_login, TEN)), "never: something other than the weights would change");
    let mut nobody = bench.split(100);
    if let ActionKind::Forward(forward) = &mut nobody[1].kind {
        forward.groups.iter_mut().for_each(|group| group.weight = Some(crate::model::Weight::ZERO));
    }
    assert_eq!(veto(&bench, &set(nobody, TEN)), "never: the weights would leave nobody with traffic");
}

#[test]
fn a_step_writes_its_own_weight_and_no_other() {
    let bench = Bench::at_step(0);
    assert_eq!(veto(&bench, &set(bench.split(200), TEN)), "never: the weights do not add up to the step's share");
    let full = set(bench.split(1000), Purpose::Step(Percent::FULL));
    assert_eq!(veto(&bench, &full), "never: the weight is not the one of the step under way");
    assert_eq!(
        veto(&bench, &set(bench.split(100), Purpose::Attach)),
        "never: attaching must not give the canary traffic"
    );
    let restore = set(forward(&[("blue", 1)], None), Purpose::Restore);
    assert_eq!(veto(&bench, &restore), "never: the baseline is restored only after the goal was flipped");
    let test = set(bench.split(1000), Purpose::Test);
    assert_eq!(veto(&bench, &test), "never: only the test route is given to the canary before the first step");
}

#[test]
fn no_way_forward_after_turning_back() {
    let mut bench = Bench::at_step(0);
    bench.take("c1", Verb::Abort);
    assert_eq!(veto(&bench, &step(&bench)), "never: no forward write after the run turned back");
    let mut bench = Bench::at_step(0);
    bench.restoring();
    assert_eq!(veto(&bench, &step(&bench)), "never: no forward write after the run turned back");
    assert_eq!(veto(&bench, &Mutation::RegisterTaskDefinition), "never: nothing new is made on the way back");
}

#[test]
fn forward_needs_green_alarms_health_and_every_phase_before() {
    let mut bench = Bench::at_step(0);
    bench.seen.alarms.value = Ok(vec![alarm(AlarmState::Alarm)]);
    assert_eq!(veto(&bench, &step(&bench)), "not now: alarm 5xx is red");
    let mut bench = Bench::at_step(0);
    bench.seen.alarms.value = Ok(vec![alarm(AlarmState::InsufficientData)]);
    assert_eq!(veto(&bench, &step(&bench)), "not now: alarm 5xx has insufficient data");
    let mut bench = Bench::at_step(0);
    bench.seen.health.green.value.as_mut().unwrap().healthy = 3;
    assert_eq!(veto(&bench, &step(&bench)), "not now: 3 of 4 canary targets are healthy");
    let mut bench = Bench::at_step(0);
    bench.seen.health.blue.value.as_mut().unwrap().healthy = 0;
    assert!(veto(&bench, &step(&bench)).starts_with("not now: the stable fleet, which a rollback would need"));
    let mut bench = Bench::at_step(0);
    bench.canary_is("web:9", 4);
    assert!(veto(&bench, &step(&bench)).starts_with("not now: the canary's service was not seen"));
    let mut bench = Bench::at_step(0);
    bench.seen.health.green.seen_at = "2026-11-23T05:00:00Z".parse().unwrap();
    assert_eq!(veto(&bench, &step(&bench)), "not now: the canary's health was read too long ago");
    let mut bench = Bench::at_step(0);
    bench.seen.interrupted = true;
    assert_eq!(veto(&bench, &step(&bench)), "not now: the run was told to stop");
    let mut bench = Bench::attached();
    bench.registered();
    assert_eq!(veto(&bench, &step(&bench)), "never: a phase before the first step was left out");
}

#[test]
fn the_old_fleet_stays_until_commit_and_drain() {
    let mut bench = Bench::at_step(0);
    let scale_in = scale(Color::Blue, None, 1);
    assert_eq!(veto(&bench, &scale_in), "never: the old fleet is not scaled in before commit");
    assert_eq!(
        veto(&bench, &scale(Color::Blue, Some("web:2"), 4)),
        "never: the old version's revision is never changed"
    );
    assert_eq!(veto(&bench, &scale(Color::Blue, None, 5)), "ok");
    bench.fact(Fact::Committed);
    assert_eq!(veto(&bench, &scale_in), "not now: the old fleet may still have connections");
    bench.pass_time(360);
    assert_eq!(veto(&bench, &scale_in), "ok");
    bench.seen.health.green.value.as_mut().unwrap().healthy = 0;
    assert_eq!(veto(&bench, &scale_in), "not now: 0 of 4 canary targets are healthy");
    assert_eq!(veto(&bench, &scale(Color::Blue, None, 0)), "never: the old fleet is not scaled in before commit");
}

#[test]
fn the_canary_runs_the_plan_and_shrinks_after_traffic_left() {
    let mut bench = Bench::at_step(0);
    assert_eq!(
        veto(&bench, &scale(Color::Green, Some("web:9"), 4)),
        "never: the canary runs the plan's revision and no other"
    );
    bench.restoring();
    let back = scale(Color::Green, Some("web:1"), 0);
    assert_eq!(veto(&bench, &back), "never: traffic goes back before capacity");
    bench.fact(Fact::TrafficRestored);
    bench.pass_time(1);
    assert_eq!(veto(&bench, &back), "not now: the canary may still have connections");
    bench.pass_time(400);
    assert_eq!(veto(&bench, &back), "ok");
}
